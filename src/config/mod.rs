//! `feeds.toml`: read, checked, every problem at once.

pub mod site;

pub use site::*;
