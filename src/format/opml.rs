//! Writes OPML 2.0.
