//! The `topicwire` command: arguments, logging, exit code.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use topicwire::cli::{Args, LogFormat};

fn main() -> ExitCode {
    let args = Args::read();
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false).with_max_level(args.log_level());
    match args.log_format() {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().flatten_event(true).with_current_span(false).with_span_list(false).init(),
    }
    topicwire::cli::run(args).into()
}
