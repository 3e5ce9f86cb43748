//! The edges: clock, network, files. No decisions.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this room is where the rest of the program meets the clock, the network and files"
)]

pub mod clock;
pub mod fetch;
pub mod file;
pub mod output;
pub mod specimen;
