//! Writes the published tree, atomically and only where it differs.
