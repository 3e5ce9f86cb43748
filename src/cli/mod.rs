//! The commands, one file each. Arguments in, sentences and an exit code out.

mod check;
mod classify;
mod demo;
mod desk;
mod edit;
mod etiquette;
mod explain;
mod init;
mod learn;
pub(crate) mod parse;
mod publish;
mod refresh;
mod retry;
mod serve;
mod status;
mod stories;
mod table;
mod topics;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use clap::{Parser, Subcommand};

use crate::config::{self, ConfigError, Site};
use crate::ingest::history::Applied;
use crate::ingest::{Ingest, IngestError, SharedStore};
use crate::io::clock::Clock;
use crate::publisher::PublishError;
use crate::read_back::{ReadBack, read_back};
use crate::scheduler::ServiceError;
use crate::store::StoreError;
use crate::store::lock::StoreLock;
use crate::store::sqlite::SqliteStore;

/// Follows many sources, files each article under topics, republishes one clean feed per topic.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "Exit codes: 0 all well; 1 could not run; 2 usage or configuration; 3 ran, some sources failed."
)]
pub struct Args {
    /// The configuration; relative paths in it are relative to it
    #[arg(short, long, global = true, value_name = "FILE", default_value = "feeds.toml")]
    config: PathBuf,
    /// Holds the clock at this moment (RFC 3339): for tests and for reproducing a run
    #[arg(long, global = true, value_name = "MOMENT", hide = true)]
    now: Option<DateTime<Utc>>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a commented starter configuration; never overwrites
    Init,
    /// Read the configuration and report every problem at once
    Check,
    /// Poll the named sources (all by default) once, then publish what changed
    Refresh(refresh::Options),
    /// Poll each source on its schedule, publish, and serve the result, until SIGTERM or SIGINT; SIGHUP re-reads the configuration
    Serve(serve::Options),
    /// Rebuild the output from the store, without fetching
    Publish,
    /// Show what is broken, since when, what the server said, and when it is tried next; named sources in full
    Status(status::Options),
    /// Poll the named sources now, as if they had not failed before; never before the time that a server named
    Retry(retry::Options),
    /// Show how politely each source was asked: gaps, conditional requests, and what followed a 429
    Etiquette(etiquette::Options),
    /// Tell an article's way: which source brought it, how its URL was cleaned, each topic with the words that matched
    Explain(explain::Options),
    /// List the events that several sources tell of, with their articles and why they belong together
    Stories(stories::Options),
    /// Show or apply what the rules make of everything stored
    Topics(topics::Options),
    /// Put a record under topics, or take it from them, whatever the rules say
    Tag(edit::Tag),
    /// Take a record out of everything published
    Hide(edit::Mark),
    /// Keep a record before everything else of its topics
    Pin(edit::Mark),
    /// Give a record another title
    Retitle(edit::Retitle),
    /// Take an article out of its story: it stands alone
    Split(edit::Mark),
    /// Make articles one story
    Join(edit::Several),
    /// Show this article for its story
    Prefer(edit::Mark),
    /// Tell the topics of articles given as JSON lines, and why: for trying rules on anything
    Classify(classify::Options),
    /// Learn from what editors have tagged: a small model that may add topics, with its figures
    Learn(learn::Options),
    /// Keep the review desk: make the token that opens it
    Desk(desk::Options),
    /// Show what the reader makes of feeds, before any mapping
    Parse(parse::Options),
    /// Ten seconds without a network or a configuration: three bundled sources, refreshed and served
    Demo(demo::Options),
}

impl Args {
    /// The command line, read. Ends the process with a sentence where it cannot be.
    #[must_use]
    pub fn read() -> Self {
        Self::parse_from(edit::arguments(std::env::args_os()))
    }

    /// How much is logged: the service tells of every poll; other commands show their results themselves.
    #[must_use]
    pub fn log_level(&self) -> tracing::level_filters::LevelFilter {
        match self.command {
            Command::Serve(_) => tracing::level_filters::LevelFilter::INFO,
            _ => tracing::level_filters::LevelFilter::ERROR,
        }
    }
}

/// How a command ended, as the shell sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: all well.
    Well,
    /// 1: could not run.
    CouldNotRun,
    /// 2: usage or configuration.
    Usage,
    /// 3: ran, some sources failed.
    SomeFailed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Well => Self::SUCCESS,
            Exit::CouldNotRun => Self::from(1),
            Exit::Usage => Self::from(2),
            Exit::SomeFailed => Self::from(3),
        }
    }
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The configuration's problems, all of them.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The user asked for something that there is not.
    #[error("{0}")]
    Usage(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Polling.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// Publishing.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The service.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A file or socket.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, with the path or address.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl CommandError {
    fn exit(&self) -> Exit {
        match self {
            Self::Config(_) | Self::Usage(_) => Exit::Usage,
            _ => Exit::CouldNotRun,
        }
    }

    fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

type Result<T = Exit, E = CommandError> = std::result::Result<T, E>;

/// Runs the command; what went wrong goes to standard error as one or more sentences.
#[must_use]
pub fn run(args: Args) -> Exit {
    let clock = args.now.map_or(Clock::System, Clock::Held);
    let context = Context { config: args.config, clock };
    let result = match args.command {
        Command::Init => init::run(&context),
        Command::Check => check::run(&context),
        Command::Refresh(options) => refresh::run(&context, &options),
        Command::Serve(options) => serve::run(&context, &options),
        Command::Publish => publish::run(&context),
        Command::Status(options) => status::run(&context, &options),
        Command::Retry(options) => retry::run(&context, &options),
        Command::Etiquette(options) => etiquette::run(&context, &options),
        Command::Explain(options) => explain::run(&context, &options),
        Command::Stories(options) => stories::run(&context, &options),
        Command::Topics(options) => topics::run(&context, &options),
        Command::Tag(options) => edit::tag(&context, &options),
        Command::Hide(options) => edit::hide(&context, &options),
        Command::Pin(options) => edit::pin(&context, &options),
        Command::Retitle(options) => edit::retitle(&context, &options),
        Command::Split(options) => edit::split(&context, &options),
        Command::Join(options) => edit::join(&context, &options),
        Command::Prefer(options) => edit::prefer(&context, &options),
        Command::Classify(options) => classify::run(&context, &options),
        Command::Learn(options) => learn::run(&context, &options),
        Command::Desk(options) => desk::run(&options),
        Command::Parse(options) => parse::run(&context, &options),
        Command::Demo(options) => demo::run(&context, &options),
    };
    result.unwrap_or_else(|error| {
        print_error(&error);
        error.exit()
    })
}

#[expect(clippy::print_stderr, reason = "the one place where a command's failure is told")]
fn print_error(error: &CommandError) {
    eprintln!("topicwire: {error}");
}

#[expect(clippy::print_stderr, reason = "what a person should know although the command does its work")]
fn warn(what: &str) {
    eprintln!("topicwire: {what}");
}

/// What every command has.
struct Context {
    config: PathBuf,
    clock: Clock,
}

impl Context {
    fn site(&self) -> Result<Site> {
        Ok(config::load(&self.config)?)
    }

    /// Opens the store for work: alone, with what editors changed in the published files, and with every record derived by the
    /// site's rules, unless these wait for consent.
    fn work(&self, site: Site, command: &str) -> Result<(StoreLock, Ingest)> {
        let (lock, mut ingest) = self.store(site, command)?;
        // It must not stand in the way of polls.
        match read_back(ingest.site(), ingest.store()) {
            Ok(ReadBack { overrides, told, .. }) => {
                told.iter().for_each(|what| warn(what));
                if let Some(overrides) = overrides {
                    ingest = ingest.with_overrides(overrides)?;
                }
            }
            Err(error) => warn(&error.to_string()),
        }
        if let Applied::Held(shifts) = ingest.apply_rules(self.clock.now(), false)? {
            warn(&topics::held(ingest.site(), &shifts));
        }
        Ok((lock, ingest))
    }

    /// Opens the store for work, alone.
    fn store(&self, site: Site, command: &str) -> Result<(StoreLock, Ingest)> {
        let now = self.clock.now();
        let lock = StoreLock::take(&site.store, command, now)?;
        let store: SharedStore = Arc::new(Mutex::new(SqliteStore::open(&site.store)?));
        let ingest = Ingest::new(Arc::new(site), store)?;
        Ok((lock, ingest))
    }
}

/// Threads for work that blocks; readers are limited further by `Ingest`.
const BLOCKING_THREADS: usize = 32;

/// The asynchronous edges' runtime.
fn runtime() -> Result<tokio::runtime::Runtime> {
    // Blocking threads look up names, read documents and store: more of them would only hold memory.
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(CommandError::io("cannot start"))
}

/// Writes to standard output. A reader that closed the pipe early (`| head`) is not an error.
fn print(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Writes a value as one line of JSON.
fn print_json(value: &serde_json::Value) {
    print(&format!("{value}\n"));
}
