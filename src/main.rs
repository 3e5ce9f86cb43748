//! The `topicwire` command: arguments, logging, exit code.

use std::io::IsTerminal as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = topicwire::cli::Args::read();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .with_max_level(args.log_level())
        .init();
    topicwire::cli::run(args).into()
}
