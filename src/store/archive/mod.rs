//! Which feed carries which record since when, in the embedded store: the open part, the closed ones, and what was withdrawn.

mod read;
mod shelve;

pub(super) use shelve::keep_version;
