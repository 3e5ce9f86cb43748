//! Writes Atom 1.0.
