//! Tests through the program itself, as its users run it.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test that cannot set its stage fails, and says where")]
#![expect(clippy::print_stdout, reason = "what a test skips, measures or needs to be run again is told on its output")]

mod acceptance;
mod articles;
mod backfill;
mod cli;
mod common;
mod desk;
mod drift;
mod faults;
mod feeds;
mod frb;
mod guard;
mod hugo;
mod kill;
mod kinds;
mod live;
mod load;
mod push;
mod rights;
mod rules;
mod serving;
mod stories;
mod topics;
mod wire;
