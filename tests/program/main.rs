//! Tests through the program itself, as its users run it.

mod cli;
mod common;
mod kill;
mod live;
mod wire;
