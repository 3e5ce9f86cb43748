//! Writes RSS 2.0.
