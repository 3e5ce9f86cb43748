//! The edges: clock, network, files. No decisions.

pub mod clock;
pub mod fetch;
pub mod file;
pub mod output;
