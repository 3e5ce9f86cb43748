//! Makes a record of an entry.
