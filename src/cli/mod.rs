//! The commands, one file each. Arguments in, sentences and an exit code out.

mod check;
mod classify;
mod demo;
mod desk;
mod discover;
mod edit;
mod environment;
mod etiquette;
mod explain;
mod export;
mod healthcheck;
mod import;
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
mod takedown;
mod test;
mod topics;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};
use tracing::level_filters::LevelFilter;

use self::environment::Environment;
use crate::config::{self, ConfigError, Site};
use crate::ingest::history::Applied;
use crate::ingest::{Ingest, IngestError, SharedStore};
use crate::io::clock::Clock;
use crate::publisher::PublishError;
use crate::push::PushError;
use crate::read_back::{ReadBack, Span, read_back};
use crate::scheduler::ServiceError;
use crate::store::lock::StoreLock;
use crate::store::sqlite::SqliteStore;
use crate::store::{Store as _, StoreError};

/// Follows many sources, files each article under topics, republishes one clean feed per topic.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "Exit codes: 0 all well; 1 could not run; 2 usage or configuration; 3 ran, some sources failed.",
    after_long_help = concat_help()
)]
pub struct Args {
    /// The configuration, feeds.toml by default; relative paths in it are relative to it
    #[arg(short, long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How much is logged; the service tells of every poll, other commands show their results themselves
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<LevelFilter>,
    /// How it is logged: a line of text or an object of JSON each
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    #[arg(skip)]
    environment: Environment,
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
    /// Poll the named sources (all by default) once, publish what changed, and read the pages of new articles
    Refresh(refresh::Options),
    /// Poll each source on its schedule and when its hub pushes, publish, tell hubs and followers, and serve the result, until SIGTERM
    /// or SIGINT; SIGHUP re-reads the configuration
    Serve(serve::Options),
    /// Ask the running service whether what it serves is fresh: for containers
    Healthcheck(healthcheck::Options),
    /// Write the sources as OPML, or every record as a line of JSON
    Export(export::Options),
    /// Add another reader's subscriptions to the configuration
    Import(import::Options),
    /// Rebuild the output from the store, without fetching
    Publish,
    /// Show what is broken, since when, what the server said, and when it is tried next; named sources in full
    Status(status::Options),
    /// Poll the named sources now, as if they had not failed before; never before the time that a server named
    Retry(retry::Options),
    /// Show how politely each source was asked: gaps, conditional requests, and what followed a 429
    Etiquette(etiquette::Options),
    /// Tell an article's way: which source brought it, how its URL was cleaned, what its page gave or why it was not read, each topic with
    /// the words that matched
    Explain(explain::Options),
    /// List the events that several sources tell of, with their articles and why they belong together
    Stories(stories::Options),
    /// Show or apply what the rules make of everything stored
    Topics(topics::Options),
    /// Put a record under topics, or take it from them, whatever the rules say
    Tag(edit::Tag),
    /// Take a record out of everything published
    Hide(edit::Mark),
    /// Withdraw an article, or everything of a source, from feeds, archives, pages and files, for good; leaves a tombstone
    Takedown(takedown::Options),
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
    /// Show what a site offers: feeds, WordPress, sitemaps, lists on its pages; with the first entries of each and a [[source]] to add
    Discover(discover::Options),
    /// Fetch one source and show what would come of it: entries, dates, topics, problems. Nothing is stored
    Test(test::Options),
    /// Keep the review desk: make the token that opens it
    Desk(desk::Options),
    /// Show what the reader makes of feeds, before any mapping
    Parse(parse::Options),
    /// Ten seconds without a network or a configuration: three bundled sources, refreshed and served
    Demo(demo::Options),
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one object a line.
    Json,
}

/// The exit codes, and the environment's variables.
fn concat_help() -> String {
    format!("Exit codes: 0 all well; 1 could not run; 2 usage or configuration; 3 ran, some sources failed.\n\n{}", environment::HELP)
}

impl Args {
    /// The command line and the environment, read. Ends the process with a sentence where they cannot be.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where settings are taken from the environment")]
    pub fn read() -> Self {
        let mut args = Self::parse_from(edit::arguments(std::env::args_os()));
        match Environment::read(|name| std::env::var_os(name)) {
            Ok(environment) => args.environment = environment,
            Err(what) => Self::command().error(clap::error::ErrorKind::InvalidValue, what).exit(),
        }
        args
    }

    /// How much is logged: as the user says; else the service tells of every poll, and other commands show their results themselves.
    #[must_use]
    pub fn log_level(&self) -> LevelFilter {
        let usual = if matches!(self.command, Command::Serve(_)) { LevelFilter::INFO } else { LevelFilter::ERROR };
        self.log_level.or(self.environment.log_level).unwrap_or(usual)
    }

    /// How it is logged.
    #[must_use]
    pub fn log_format(&self) -> LogFormat {
        self.log_format.or(self.environment.log_format).unwrap_or(LogFormat::Text)
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
    /// Telling hubs.
    #[error(transparent)]
    Push(#[from] PushError),
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
    let config = args.config.or_else(|| args.environment.config.clone()).unwrap_or_else(|| PathBuf::from("feeds.toml"));
    let context = Context { config, environment: args.environment, clock };
    let result = match args.command {
        Command::Init => init::run(&context),
        Command::Check => check::run(&context),
        Command::Refresh(options) => refresh::run(&context, &options),
        Command::Serve(options) => serve::run(&context, &options),
        Command::Healthcheck(options) => healthcheck::run(&context, &options),
        Command::Export(options) => export::run(&context, &options),
        Command::Import(options) => import::run(&context, &options),
        Command::Publish => publish::run(&context),
        Command::Status(options) => status::run(&context, &options),
        Command::Retry(options) => retry::run(&context, &options),
        Command::Etiquette(options) => etiquette::run(&context, &options),
        Command::Explain(options) => explain::run(&context, &options),
        Command::Stories(options) => stories::run(&context, &options),
        Command::Topics(options) => topics::run(&context, &options),
        Command::Tag(options) => edit::tag(&context, &options),
        Command::Hide(options) => edit::hide(&context, &options),
        Command::Takedown(options) => takedown::run(&context, &options),
        Command::Pin(options) => edit::pin(&context, &options),
        Command::Retitle(options) => edit::retitle(&context, &options),
        Command::Split(options) => edit::split(&context, &options),
        Command::Join(options) => edit::join(&context, &options),
        Command::Prefer(options) => edit::prefer(&context, &options),
        Command::Classify(options) => classify::run(&context, &options),
        Command::Learn(options) => learn::run(&context, &options),
        Command::Discover(options) => discover::run(&context, &options),
        Command::Test(options) => test::run(&context, &options),
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
#[derive(Clone)]
struct Context {
    config: PathBuf,
    environment: Environment,
    clock: Clock,
}

impl Context {
    /// The configuration, with what the environment says instead, and with the feeds that its lists name.
    fn site(&self) -> Result<Site> {
        let mut site = config::load_with(&self.config, self.environment.overrides.clone())?;
        self.environment.apply(&mut site);
        if !site.sources.iter().any(|source| source.kind == config::SourceKind::Opml) {
            return Ok(site);
        }
        match SqliteStore::open_to_read(&site.store) {
            // A command that works on it brings it up to date, and then reads what the lists name.
            Err(StoreError::Older { .. }) | Ok(None) => {}
            Err(error) => return Err(error.into()),
            Ok(Some(store)) => {
                site.subscribe(|id| store.poll_state(id).map(|state| state.outlines))?;
                site.heed();
            }
        }
        Ok(site)
    }

    /// Opens the store for work: alone, with what editors changed in the published files, and with every record derived by the
    /// site's rules, unless these wait for consent.
    fn work(&self, site: Site, command: &str, span: Span) -> Result<(StoreLock, Ingest)> {
        let (lock, ingest) = self.store(site, command)?;
        let ingest = self.read_back(ingest, span)?;
        self.apply(&ingest)?;
        Ok((lock, ingest))
    }

    /// Takes back what editors changed in the published files. It must not stand in the way of polls.
    fn read_back(&self, ingest: Ingest, span: Span) -> Result<Ingest> {
        match read_back(ingest.site(), ingest.store(), span) {
            Ok(ReadBack { overrides, told, .. }) => {
                told.iter().for_each(|what| warn(what));
                match overrides {
                    Some(overrides) => Ok(ingest.with_overrides(overrides)?),
                    None => Ok(ingest),
                }
            }
            Err(error) => {
                warn(&error.to_string());
                Ok(ingest)
            }
        }
    }

    /// Derives every record by the site's rules, unless these wait for consent.
    fn apply(&self, ingest: &Ingest) -> Result<()> {
        if let Applied::Held(shifts) = ingest.apply_rules(self.clock.now(), false)? {
            warn(&topics::held(ingest.site(), &shifts));
        }
        Ok(())
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
