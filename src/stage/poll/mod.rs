//! What is known of a source from its polls, and how one poll changes it.
//!
//! Pure. [`plan`] says what to ask now, or why nothing; [`after`] takes what was known and what came, and gives what is known from
//! then on, the next attempt included. The program stores what `after` returns and decides nothing itself, so a simulation over these
//! two functions is a simulation of the program.

pub mod backfill;
#[cfg(test)]
mod behaviour;
mod moves;
mod step;
pub mod twin;
#[cfg(test)]
mod week;
mod words;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::moves::{Adopted, Move, Neighbour, contested};
pub use self::step::{Ask, Learnt, Plan, Reading, Setting, accept, address, after, from_zero, is_due, pause, plan, retry, undo_move};
pub use self::words::{Said, Words, challenge, is_html, words};
use crate::entry::PaceHints;
use crate::rights::Reservation;
use crate::stage::drift::Normal;
use crate::stage::opml::Outline;
use crate::stage::push::Offer;

/// How a poll ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Never polled.
    #[default]
    Never,
    /// Read, and what was new is stored.
    Succeeded,
    /// The server, or the bytes, said that nothing changed.
    Unchanged,
    /// The server asked to wait.
    RateLimited,
    /// Read at a permanent redirect's target.
    Moved,
    /// The server says the feed is gone for good (410).
    Gone,
    /// Failed; the reason is beside it.
    Failed,
}

impl Outcome {
    /// The word shown in tables and JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Never => "never polled",
            Self::Succeeded => "succeeded",
            Self::Unchanged => "unchanged",
            Self::RateLimited => "rate-limited",
            Self::Moved => "moved",
            Self::Gone => "gone",
            Self::Failed => "failed",
        }
    }

    /// Whether the source is well.
    #[must_use]
    pub fn is_good(self) -> bool {
        matches!(self, Self::Succeeded | Self::Unchanged | Self::Moved)
    }
}

/// Whether a request carried validators, and if not, why not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
    /// It carried them.
    Conditional,
    /// Nothing was ever read of this source.
    #[default]
    First,
    /// The server gave none.
    NoValidators,
    /// Eight days of nothing but 304: once without, to be sure (C2).
    Renewal,
    /// The operator asked for it.
    FromZero,
    /// What is known was learnt at another address.
    NewAddress,
    /// No request was made: another source that ends at the same address had just been answered (F24).
    Twin,
}

impl Asked {
    /// The word shown in tables and JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Conditional => "conditional",
            Self::First => "first",
            Self::NoValidators => "no validators",
            Self::Renewal => "renewal",
            Self::FromZero => "from zero",
            Self::NewAddress => "new address",
            Self::Twin => "answered with its twin",
        }
    }
}

/// Why a poll failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// `fetch`, `exchange`, `read`, `drift`, `store`.
    pub stage: String,
    /// Short name of the cause.
    pub class: String,
    /// A sentence for the person who looks after the source.
    pub why: String,
}

/// Answers of 410 in a row, other failures among them or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// When the first came.
    pub since: DateTime<Utc>,
    /// How many came.
    pub answers: u32,
    /// Three over three days: from then on the source is asked once a week (F15).
    pub for_good: bool,
}

/// How a source without a configured kind turned out to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FoundKind {
    /// As a feed.
    Feed,
    /// As a page, by what its markup shows.
    Page,
    /// As a sitemap.
    Sitemap,
    /// Through WordPress' REST interface.
    WordPress,
}

impl FoundKind {
    /// The word for it in `feeds.toml`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Feed => "feed",
            Self::Page => "page",
            Self::Sitemap => "sitemap",
            Self::WordPress => "wordpress",
        }
    }
}

/// What the program found out about a source whose kind is not configured: later polls take one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// How it is read.
    pub kind: FoundKind,
    /// Where it is asked.
    pub url: String,
    /// How that was found out, a sentence fragment.
    pub how: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Why nothing is taken from a source although it answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Degraded {
    /// When that began.
    pub since: DateTime<Utc>,
    /// Short name of the cause.
    pub class: String,
    /// A sentence for the person who looks after the source.
    pub why: String,
    /// What may help, a sentence.
    pub repair: Option<String>,
    /// The same as lines for the source's table in the configuration.
    pub repair_toml: Option<String>,
}

/// What is known of a source from its polls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PollState {
    /// How the last poll ended.
    pub outcome: Outcome,
    /// Why, if it was not well: stage, class and sentence.
    pub failure: Option<Failure>,
    /// When it was last polled.
    pub polled_at: Option<DateTime<Utc>>,
    /// When it was last read or found unchanged.
    pub well_at: Option<DateTime<Utc>>,
    /// Failures in a row, or since the operator last said "retry".
    pub failures: u32,
    /// When the row of failures began.
    pub failing_since: Option<DateTime<Utc>>,
    /// When the row of failures that `failures` counts began.
    pub backing_off_since: Option<DateTime<Utc>>,
    /// When it is next due.
    pub next_due: Option<DateTime<Utc>>,
    /// Why then.
    pub next_why: String,
    /// No request before this, as the server asked.
    pub retry_not_before: Option<DateTime<Utc>>,
    /// Budget ([`crate::config::Budgets`]) in which the last answer's wait counts for every source: a host, a group, a platform.
    pub limited_host: Option<String>,
    /// The configured URL that all of this was learnt under.
    pub source_url: Option<String>,
    /// The validators' URL, after redirects.
    pub validator_url: Option<String>,
    /// `ETag` byte for byte (RFC 9110 section 8.8.3).
    #[serde(skip)]
    pub etag: Option<Vec<u8>>,
    /// `Last-Modified` byte for byte.
    #[serde(skip)]
    pub last_modified: Option<Vec<u8>>,
    /// BLAKE3 hash of the last body that was read.
    #[serde(skip)]
    pub body_hash: Option<[u8; 32]>,
    /// When the last request without validators went out.
    pub unconditional_at: Option<DateTime<Utc>>,
    /// Since when nothing but 304 came.
    pub unmodified_since: Option<DateTime<Utc>>,
    /// The next request carries no validators, because the operator said so.
    pub from_zero: bool,
    /// Whether the last request carried validators.
    pub asked: Asked,
    /// The feed's own title, for tables.
    pub title: Option<String>,
    /// The publisher's hints on how often to come.
    pub pace: PaceHints,
    /// The hub that the last document named.
    pub offer: Option<Offer>,
    /// Freshness that the last good answer claimed, in seconds.
    pub max_age_s: Option<u64>,
    /// When the newest entries were published, in seconds since 1970, oldest first: the source's rhythm.
    pub posted_s: Vec<i64>,
    /// HTTP status of the last answer.
    pub status: Option<u16>,
    /// Bytes of the last answer's body as they came.
    pub bytes: u64,
    /// What the server itself said at the last failure.
    pub words: Option<Words>,
    /// Permanent redirect's target, if the last answer came from one.
    pub moved_to: Option<String>,
    /// A permanent move that is being watched.
    pub moving: Option<Move>,
    /// A permanent move that is followed: the source is asked there.
    pub adopted: Option<Adopted>,
    /// Target of a move that the operator took back: it is never adopted again.
    pub refused_move: Option<String>,
    /// Answers of 410.
    pub gone: Option<Gone>,
    /// Entries in the last document read.
    pub listed: usize,
    /// Entries that were new at the last poll.
    pub new: usize,
    /// Entries that had changed at the last poll.
    pub changed: usize,
    /// Defects that the last document was read in spite of.
    pub repairs: Vec<String>,
    /// Length of the last poll in milliseconds.
    pub took_ms: u64,
    /// What it turned out to be, where its kind is not configured.
    pub found: Option<Found>,
    /// What is normal for its documents.
    pub normal: Option<Normal>,
    /// Why nothing is taken from it at present.
    pub degraded: Option<Degraded>,
    /// The next document is taken whatever it is like, because the operator said so.
    pub accept: bool,
    /// Empty documents in a row.
    pub empty: u32,
    /// Copies in a row that were older than what is known.
    pub older: u32,
    /// The feeds that it names, if it is a list of them.
    pub outlines: Vec<Outline>,
    /// How far its archives have been read, if its first document had any.
    pub backfill: Option<backfill::Backfill>,
    /// What its last document reserves of all its entries, in itself or in its headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservation: Option<Reservation>,
    /// The address of the licence that its last document declares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
}

/// One line of a source's history.
#[derive(Clone, Debug, PartialEq)]
pub struct PollLine {
    /// When.
    pub at: DateTime<Utc>,
    /// How it ended.
    pub outcome: Outcome,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// Whether the request carried validators.
    pub asked: Asked,
    /// Bytes of the answer's body as they came.
    pub bytes: u64,
    /// No request before this, as the server asked.
    pub retry_not_before: Option<DateTime<Utc>>,
    /// Short name of the cause, if it was not well.
    pub class: Option<String>,
    /// The sentence, if it was not well.
    pub why: Option<String>,
    /// New entries.
    pub new: usize,
    /// Changed entries.
    pub changed: usize,
}

/// How a source is doing, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Never polled.
    New,
    /// Read or unchanged at the last poll.
    Well,
    /// The server wants fewer requests.
    Waiting,
    /// A bot filter's page instead of an answer.
    Blocked,
    /// The server refuses: 401, 402, 403, 451.
    Refused,
    /// An answer that is no feed, or that the reader cannot make out.
    Unreadable,
    /// An answer that is not what the source used to give: its last good output stays.
    Degraded,
    /// A fault of ours.
    Fault,
    /// No answer at all.
    Unreachable,
    /// 410, three times over three days.
    Gone,
    /// Failing in any other way.
    Failing,
}

impl Health {
    /// The word shown in tables and JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Well => "well",
            Self::Waiting => "waiting",
            Self::Blocked => "blocked",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
            Self::Degraded => "degraded",
            Self::Fault => "fault",
            Self::Unreachable => "unreachable",
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }
}

impl PollState {
    /// What is left of what was known and cannot be read any more: the source is due, and is asked for everything.
    #[must_use]
    pub fn forgotten(cause: &str) -> Self {
        let why = format!("what was known of this source is damaged in the store ({cause}); it is learnt anew with the next poll");
        Self { outcome: Outcome::Failed, failure: Some(Failure { stage: "store".into(), class: "damaged".into(), why }), ..Self::default() }
    }

    /// How the source is doing.
    #[must_use]
    pub fn health(&self) -> Health {
        let (stage, class) = self.failure.as_ref().map_or(("", ""), |failure| (&failure.stage, &failure.class));
        match (self.outcome, stage, class) {
            (Outcome::Never, ..) => Health::New,
            (outcome, ..) if outcome.is_good() => Health::Well,
            _ if self.gone.is_some_and(|gone| gone.for_good) => Health::Gone,
            (Outcome::RateLimited, ..) => Health::Waiting,
            (_, _, crate::stage::exchange::CHALLENGE) => Health::Blocked,
            (_, _, "denied") => Health::Refused,
            (_, _, "internal") => Health::Fault,
            (_, "drift", _) => Health::Degraded,
            (_, "read", _) => Health::Unreadable,
            (_, "fetch", "dns" | "connect" | "proxy" | "tls" | "timeout" | "protocol" | "interrupted") => Health::Unreachable,
            _ => Health::Failing,
        }
    }
}
