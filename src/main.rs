//! The `topicwire` command.
fn main() {}
