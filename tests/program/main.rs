//! Tests through the program itself, as its users run it.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test that cannot set its stage fails, and says where")]

mod cli;
mod common;
mod kill;
mod live;
mod stories;
mod wire;
