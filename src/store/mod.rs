//! What is kept: raw entries, the records made of them, and how each source's polls went.
//!
//! [`Store`] is one coarse interface; [`sqlite`] is the embedded one. SQL is nowhere else. A backend passes when it passes
//! `suite`, which knows nothing of SQL.
//!
//! Two rules are the store's own. A poll is one transaction: entries, records, topics, validators, outcome and next attempt, or
//! none of them. And nothing depends on the order in which polls of one run happened to finish: numbers and published ids are
//! given out by [`Store::settle`], in an order that is a function of what is stored.

#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "the store is an edge: its database and its lock are files")]

mod archive;
mod article;
mod growth;
pub mod lock;
mod news;
mod push;
mod review;
mod select;
pub mod sqlite;
mod story;
#[cfg(test)]
mod suite;

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::growth::{Arrival, Growth};
pub use self::push::PushStore;
pub use self::select::Selection;
use crate::io::output::Stamp;
use crate::record::{Draft, FromPage};
use crate::stage::article::Article;
use crate::stage::article::image::Picture;
pub use crate::stage::identity::{Fingerprint, Holder, KnownEntry, RecordChange};
pub use crate::stage::poll::{Asked, Failure, Outcome, PollLine, PollState};
use crate::stage::story::Signature;

/// What went wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database answered with an error: disk full, corrupt page, locked for too long.
    #[error("store {path}: {source}")]
    Database {
        /// The database's file.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
    /// The file was written by a newer program, or is not ours.
    #[error("store {path}: {what}")]
    Unusable {
        /// The database's file.
        path: PathBuf,
        /// Why, and what to do.
        what: String,
    },
    /// The file was written by an older program, and is only to be read, which does not change it.
    #[error("store {path}: was written by an older topicwire; refresh, publish or serve brings it up to date")]
    Older {
        /// The database's file.
        path: PathBuf,
    },
    /// A row does not read back as what was written.
    #[error("store {path}: {what} is damaged: {cause}; restore the file from a backup, or move it away and run `topicwire refresh`")]
    Damaged {
        /// The database's file.
        path: PathBuf,
        /// Which row.
        what: String,
        /// What the decoder said.
        cause: String,
    },
    /// Another process works on it.
    #[error("store {path} is in use by {holder}; wait for it or stop it")]
    Held {
        /// The database's file.
        path: PathBuf,
        /// Process id, command and start of the holder.
        holder: String,
    },
    /// The lock file or the folder cannot be used.
    #[error("store {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// An entry as read, in JSON, packed: such are most of what is stored, and packed they take half the room and half the writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed(Vec<u8>);

impl Packed {
    /// Packs JSON. Done by those who poll, at once, and not by the store, one after the other.
    #[must_use]
    pub fn new(json: &[u8]) -> Self {
        Self(lz4_flex::compress_prepend_size(json))
    }
}

/// One entry that a poll found new or changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The entry's key within its source.
    pub key: String,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// The entry as read.
    pub raw: Packed,
    /// What becomes of its record.
    pub record: RecordChange,
    /// What of the record is compared to find its story, if this entry owns it.
    pub signature: Option<Signature>,
}

/// One poll, ready to be stored.
#[derive(Clone, Debug)]
pub struct PollCommit<'a> {
    /// The source's id.
    pub source: &'a str,
    /// The operation's clock reading.
    pub now: DateTime<Utc>,
    /// Everything known of the source after this poll.
    pub state: PollState,
    /// New and changed entries, in document order.
    pub changes: Vec<Change>,
}

/// A record with what only the store knows.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRecord {
    /// `id`: unique, never reused.
    pub number: u64,
    /// Version 5 over the clean URL.
    pub uuid: Uuid,
    /// The id in published feeds, for ever the same.
    pub published_id: String,
    /// The owning source's id.
    pub source: String,
    /// When it was added.
    pub added: DateTime<Utc>,
    /// When it last changed as a reader sees it.
    pub updated: DateTime<Utc>,
    /// When anything in it last changed.
    pub last_mod: DateTime<Utc>,
    /// The story it tells, if another article tells it too.
    pub story: Option<u64>,
    /// What its page adds, if it was read.
    pub page: Option<FromPage>,
    /// The rest.
    pub draft: Draft,
}

/// A record in one of its versions, its words not read yet: whoever has read the same ones before need not read them again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRecord {
    /// As in [`StoredRecord`].
    pub number: u64,
    /// The story it tells, if another article tells it too.
    pub story: Option<u64>,
    pub(super) row: i64,
    /// How often its draft was another.
    pub(super) revision: i64,
    /// The end of the version, if it is an old one.
    pub(super) until: Option<i64>,
    /// What its page adds.
    pub(super) page: Option<String>,
}

/// An article whose page is to be read now.
#[derive(Clone, Debug, PartialEq)]
pub struct DueArticle {
    /// Its record's row.
    pub record: i64,
    /// The owning source's id.
    pub source: String,
    /// Tries that failed.
    pub tries: u32,
    /// What was read of it, if only a picture is missing.
    pub known: Option<Article>,
    /// The record's draft.
    pub draft: Draft,
}

/// What came of reading an article's page.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadArticle {
    /// What was read.
    pub article: Article,
    /// What of it feeds show, if anything.
    pub shown: Option<FromPage>,
    /// Files that the article names: hash in hexadecimal, bytes.
    pub files: Vec<(String, Vec<u8>)>,
    /// The site's icon, if it was looked at.
    pub icon: Option<Picture>,
    /// When a missing picture is tried again, and how often something has been tried.
    pub next: (Option<DateTime<Utc>>, u32),
}

/// How it stands with an article's page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ArticleState {
    /// When its page was read.
    pub read_at: Option<DateTime<Utc>>,
    /// What was read.
    pub article: Option<Article>,
    /// Tries that failed.
    pub tries: u32,
    /// When it was last tried.
    pub tried_at: Option<DateTime<Utc>>,
    /// Why the last try failed.
    pub why: Option<String>,
    /// When it is tried next.
    pub due: Option<DateTime<Utc>>,
}

/// How many article pages of a source were read, are to be read, or were given up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArticleCount {
    /// Read.
    pub read: u64,
    /// To be read, now or later.
    pub waiting: u64,
    /// Not tried any more.
    pub given_up: u64,
    /// Why the last one failed, of those not read.
    pub why: Option<String>,
}

/// A site's `robots.txt` as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRobots {
    /// When it was asked for.
    pub fetched: DateTime<Utc>,
    /// Since when it could not be had.
    pub failing_since: Option<DateTime<Utc>>,
    /// Why it could not be had, if it could not.
    pub unreachable: Option<String>,
    /// The last that came; `None` if there is none.
    pub body: Option<Vec<u8>>,
}

/// An entry as kept.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEntry {
    /// Its source's id.
    pub source: String,
    /// Its key within the source.
    pub key: String,
    /// When it was first seen.
    pub first_seen: DateTime<Utc>,
    /// As read, in JSON.
    pub raw: Vec<u8>,
}

/// What has to be published again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Slugs of topics whose feeds may have changed.
    pub topics: Vec<String>,
    /// Numbers of records that changed.
    pub records: Vec<u64>,
    /// Folders of feeds whose current documents may have changed.
    pub feeds: Vec<String>,
    /// Archive documents to be written: the feed's folder and the document's name.
    pub archives: Vec<(String, String)>,
    /// Of the records, the clean URLs of those that are hidden, with their sections' ids.
    pub hidden: Vec<(String, String)>,
}

/// A feed that was published at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedState {
    /// Its folder: `topic/x`, `source/x`, `section/x`, or nothing for the one that carries everything.
    pub path: String,
    /// The newest change of anything that it carries or carried.
    pub updated: DateTime<Utc>,
    /// Entries in it, archives included.
    pub records: u64,
    /// What the feed of a source that it was last taken from calls itself, if this is a source's.
    pub title: Option<String>,
}

/// One archive document (RFC 5005 section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// Its place among the feed's, from 1.
    pub part: u64,
    /// Its name: `2026-11`, and `2026-11-2` for the second of a month.
    pub name: String,
    /// The name of the document after it, which is known from the beginning.
    pub next: String,
    /// Entries in it.
    pub records: u64,
    /// When the first entry that is not in it came.
    pub closed: DateTime<Utc>,
}

/// What a current document holds besides the entries that are in no archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The topic's slug, if the feed is a topic's: then the newest are those published last, not those that came last.
    pub topic: Option<String>,
    /// Whether of each story only the topic's first is in it.
    pub once: bool,
    /// At least this many of the newest, if there are so many.
    pub count: usize,
    /// And those younger than this many days before the feed's newest change.
    pub days: u32,
    /// But no more than this many, and no more than this many bytes of what is stored of them.
    pub count_max: usize,
    /// See `count_max`.
    pub bytes_max: u64,
}

/// An entry that was taken out of everything published (RFC 6721).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawn {
    /// The id that it was published under.
    pub id: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The feed's part that carried it last.
    pub part: u64,
}

impl Pending {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty() && self.records.is_empty() && self.feeds.is_empty() && self.archives.is_empty()
    }
}

/// A topic in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopicCount {
    /// Records filed under it.
    pub records: u64,
    /// The newest addition or change.
    pub updated: Option<DateTime<Utc>>,
}

/// How many entries and records a source has in the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceCount {
    /// Entries.
    pub entries: u64,
    /// Records it owns.
    pub records: u64,
}

/// Everything that tells an article's way.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The record.
    pub record: StoredRecord,
    /// Every entry that brought it, the owner's first.
    pub entries: Vec<StoredEntry>,
}

/// A numbered record as stories look at it.
#[derive(Clone, Debug, PartialEq)]
pub struct Telling {
    /// The record's number.
    pub number: u64,
    /// The owning source's id.
    pub source: String,
    /// The record's clean URL.
    pub url: String,
    /// When it was published.
    pub published: DateTime<Utc>,
    /// Its story, if another article tells it too.
    pub story: Option<u64>,
    /// Its place in the story; the lowest is shown.
    pub rank: i64,
    /// What is compared; `None` if the record changed since that was made.
    pub signature: Option<Signature>,
}

/// Where a record was put.
#[derive(Clone, Debug, PartialEq)]
pub struct Put {
    /// The record's number.
    pub number: u64,
    /// Its signature, if that was made only now.
    pub signature: Option<Signature>,
    /// Its story, if another article tells it too.
    pub story: Option<u64>,
    /// Its place in the story.
    pub rank: i64,
    /// Why it is there; `None` for the one that the others came to.
    pub why: Option<String>,
}

/// A record in its story.
#[derive(Clone, Debug, PartialEq)]
pub struct StoryMember {
    /// The record.
    pub record: StoredRecord,
    /// Its place; the lowest is shown.
    pub rank: i64,
    /// Why it is there.
    pub why: Option<String>,
}

/// How many records of one topic a change of rules moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    /// The topic's slug.
    pub slug: String,
    /// Records before.
    pub before: u64,
    /// Records that enter.
    pub entered: u64,
    /// Records that leave.
    pub left: u64,
}

/// A record as rules look at it.
#[derive(Clone, Debug, PartialEq)]
pub struct Surveyed {
    /// Its place in the store's own order.
    pub row: i64,
    /// Its draft.
    pub draft: Draft,
    /// The entry that owns it.
    pub entry: StoredEntry,
}

/// A record's Markdown file, as it was last looked at or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewsFile {
    /// The record's number.
    pub number: u64,
    /// Below the output folder.
    pub path: String,
    /// What it looked like; `None` where there is no file.
    pub stamp: Option<Stamp>,
    /// Whether the publication that wrote it ended; before that it may not be there, or not as it is described here.
    pub is_written: bool,
    /// Whether it holds anything of an editor's.
    pub is_edited: bool,
    /// Its `draft`, as far as it is known in `overrides.toml`.
    pub is_draft: bool,
    /// BLAKE3 of its bytes.
    pub hash: [u8; 16],
    /// The same before it was last written.
    pub previous: Option<[u8; 16]>,
    /// What an editor's changes are told by ([`crate::stage::hugo::Base`]).
    pub base: Vec<u8>,
    /// The editor's file of a record that is hidden, for when it is not any more.
    pub kept: Option<Vec<u8>>,
}

/// Whether a change of rules may be kept, seeing what it moves.
pub type Approve<'a> = dyn FnMut(&[Shift]) -> bool + 'a;

/// Derives the record of a stored entry anew; `None` leaves the record as it is (its source is not configured any more).
pub type Derive<'a> = dyn FnMut(&StoredEntry, &Draft) -> Option<Draft> + 'a;

/// Looks at one record's file: the record's number, its path, its stamp, and whether its writing ended.
pub type LookAt<'a> = dyn FnMut(u64, &str, Option<Stamp>, bool) + 'a;

/// The store's one interface.
pub trait Store: PushStore + Send {
    /// What is known of every source that was ever polled.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn poll_states(&self) -> Result<Vec<(String, PollState)>, StoreError>;

    /// Sources that were ever answered 429 (Too Many Requests).
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn limited(&self) -> Result<Vec<String>, StoreError>;

    /// What is known of one source; the default where it was never polled.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn poll_state(&self, source: &str) -> Result<PollState, StoreError>;

    /// Until when a server on this host wants no requests at all, if one ever said so.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn host_limit(&self, host: &str) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// Stores what is known of a source without a poll: the operator, or another source's answer, changed it.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn amend(&mut self, source: &str, state: &PollState, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// The polls of a source from `since` on, oldest first. Those of the last 30 days are kept.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn poll_log(&self, source: &str, since: DateTime<Utc>) -> Result<Vec<PollLine>, StoreError>;

    /// The last polls of a source, newest first.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn poll_lines(&self, source: &str, limit: usize) -> Result<Vec<PollLine>, StoreError>;

    /// Runs `work` in one transaction that reads: all of it sees one moment of the store, whose locks are taken once.
    ///
    /// # Errors
    /// Any [`StoreError`], and those of `work`.
    fn reading(&self, work: &mut dyn FnMut(&dyn Store) -> Result<(), StoreError>) -> Result<(), StoreError>;

    /// What is stored under these keys of a source, in their order.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn known(&self, source: &str, keys: &[String]) -> Result<Vec<Option<KnownEntry>>, StoreError>;

    /// A source's entry as it was last stored, in JSON. Asked only for entries that differ from what is known.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn raw(&self, source: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Who holds this URL.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn holder(&self, url: &str) -> Result<Option<Holder>, StoreError>;

    /// Stores a poll in one transaction. A source can only ever touch its own entries.
    ///
    /// # Errors
    /// Any [`StoreError`]; then nothing of the poll is stored.
    fn commit(&mut self, poll: &PollCommit<'_>) -> Result<(), StoreError>;

    /// Gives numbers and published ids to records that have none, in the order of publication date and URL.
    ///
    /// # Errors
    /// Any [`StoreError`]; then no number is given out.
    fn settle(&mut self) -> Result<(), StoreError>;

    /// What changed since [`Store::published`] was last told.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn pending(&self) -> Result<Pending, StoreError>;

    /// Takes note that `pending` is durably published, under this hash of what the publication depends on besides the store.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn published(&mut self, pending: &Pending, publication_hash: &str) -> Result<(), StoreError>;

    /// The hash that the last publication was made under.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn publication_hash(&self) -> Result<Option<String>, StoreError>;

    /// When the first poll was stored, if any was.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn created(&self) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// Gives feeds other folders and keeps what they carry: from, to. One whose new folder is taken stays where it is.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn rename_feeds(&mut self, renamed: &[(String, String)]) -> Result<(), StoreError>;

    /// Brings numbered records that changed since the last publication into the feeds that they belong to, and out of those that
    /// they do not: every record to that of everything, of its source, of its section and of its topics. What comes newly, or was
    /// corrected after it was archived, comes into the feed's open part; a part that is full, or whose month is over, is closed
    /// for ever. With `all`, every record is looked at. In the topics named in `once`, of each story only the first belongs.
    ///
    /// Everything marked for publication is taken up by it: what is marked later waits for the next one.
    ///
    /// # Errors
    /// Any [`StoreError`]; then nothing is moved.
    fn shelve(&mut self, once: &[String], all: bool) -> Result<(), StoreError>;

    /// Every feed that was published at some time, by its folder.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn feeds(&self) -> Result<Vec<FeedState>, StoreError>;

    /// A feed's archive documents, oldest first.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn archives(&self, feed: &str) -> Result<Vec<Archive>, StoreError>;

    /// What an archive document carries, as it was when the document was closed: the newest first.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn archived(&self, feed: &str, archive: &Archive) -> Result<Vec<KeptRecord>, StoreError>;

    /// What a feed's current document carries: everything that is in no archive, the pinned ones of a topic, and the newest as far
    /// as `window` has room. The pinned ones come first, then the newest.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn current(&self, feed: &str, window: &Window) -> Result<Vec<KeptRecord>, StoreError>;

    /// Reads a record.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    fn read(&self, record: &KeptRecord) -> Result<StoredRecord, StoreError>;

    /// The entries last withdrawn from a feed, at most `limit`, newest first.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn withdrawn(&self, feed: &str, limit: usize) -> Result<Vec<Withdrawn>, StoreError>;

    /// The newest `count` records of all, of each story only the first; hidden ones are left out.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn newest(&self, count: usize) -> Result<Vec<StoredRecord>, StoreError>;

    /// Hands every settled record with a number greater than `after` to `visit`, at most `limit` of them, by number.
    /// Returns the last number handed over.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn records_after(&self, after: u64, limit: usize, visit: &mut dyn FnMut(StoredRecord)) -> Result<Option<u64>, StoreError>;

    /// The records with these numbers.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn records(&self, numbers: &[u64]) -> Result<Vec<StoredRecord>, StoreError>;

    /// At most `limit` records, hidden ones too, with numbers below `before`, those that came last first; of one topic, if it is named.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn review(&self, before: Option<u64>, topic: Option<&str>, limit: usize) -> Result<Vec<StoredRecord>, StoreError>;

    /// Counts by topic slug.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn topic_counts(&self) -> Result<std::collections::HashMap<String, TopicCount>, StoreError>;

    /// Counts by source id.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn source_counts(&self) -> Result<std::collections::HashMap<String, SourceCount>, StoreError>;

    /// The article at this URL, clean or as its source gave it.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn trace(&self, url: &str) -> Result<Option<Trace>, StoreError>;

    /// The hash of the rules that every record was last derived under.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn rules_hash(&self) -> Result<Option<String>, StoreError>;

    /// Derives every record anew from its raw entry and takes note of the rules' hash, in one transaction and bounded memory.
    /// Returns how many records changed; `None`, and nothing is kept, if `approve` refuses what it is shown at the end.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn rederive(
        &mut self,
        rules_hash: &str,
        now: DateTime<Utc>,
        derive: &mut Derive<'_>,
        approve: &mut Approve<'_>,
    ) -> Result<Option<u64>, StoreError>;

    /// The note on rules that wait for consent, if there is one since the last change of rules.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn waiting(&self) -> Result<Option<String>, StoreError>;

    /// Notes that rules wait for consent.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn wait(&mut self, note: &str) -> Result<(), StoreError>;

    /// What editors had said when it was last applied.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn words(&self) -> Result<Option<String>, StoreError>;

    /// Derives the records at `urls` anew and takes note of what editors said, in one transaction. Returns how many changed.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn redecide(&mut self, urls: &[String], words: &str, now: DateTime<Utc>, derive: &mut Derive<'_>) -> Result<u64, StoreError>;

    /// At most `limit` records after this row, with the entries that own them, in the store's own order.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn survey(&self, after: i64, limit: usize) -> Result<Vec<Surveyed>, StoreError>;

    /// The clean URL of the record with this UUID.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn url_of(&self, uuid: Uuid) -> Result<Option<String>, StoreError>;

    /// The clean URLs of all records that a source owns.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn urls_of(&self, source: &str) -> Result<Vec<String>, StoreError>;

    /// Numbered records whose story has not been looked for, at most `limit` of them, by publication date and URL; those of the
    /// sources named in `off` are left out.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn untold(&self, limit: usize, off: &[String]) -> Result<Vec<Telling>, StoreError>;

    /// Records whose story was looked for and that were published between these moments, at most `limit`, the newest; and those
    /// at `urls`, whenever they were.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn tellings(&self, from: DateTime<Utc>, to: DateTime<Utc>, limit: usize, urls: &[String]) -> Result<Vec<Telling>, StoreError>;

    /// The highest number that a story was ever given.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn last_story(&self) -> Result<u64, StoreError>;

    /// Puts records into stories, in one transaction; the topics of every story that changed are to be published again.
    ///
    /// # Errors
    /// Any [`StoreError`]; then nothing is put anywhere.
    fn put(&mut self, puts: &[Put], last_story: u64) -> Result<(), StoreError>;

    /// Takes records apart again, so that their stories are looked for anew: all of the stories that the records at `urls` are in,
    /// and for good those of the sources named in `off`.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn untell(&mut self, urls: &[String], off: &[String]) -> Result<(), StoreError>;

    /// A story's records, the first first.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn story(&self, story: u64) -> Result<Vec<StoryMember>, StoreError>;

    /// Numbers of the first records of all stories that are told more than once, by one record each or by several entries of one
    /// record, newest first.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn told(&self) -> Result<Vec<u64>, StoreError>;

    /// Every entry that brought the record with this number, the owner's first.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn entries(&self, number: u64) -> Result<Vec<StoredEntry>, StoreError>;

    /// Takes note of the articles whose pages are to be read: those of records that have come since this was last done, or of all
    /// if `wanted` has changed. It names the sources, and whether only records without a picture or a text want their page.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn queue_articles(&mut self, wanted: &[(String, bool)], now: DateTime<Utc>) -> Result<(), StoreError>;

    /// Hosts with article pages that are due, with how many, of these sources.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn due_hosts(&self, sources: &[String], now: DateTime<Utc>) -> Result<Vec<(String, u64)>, StoreError>;

    /// The article at a host that has been due for longest, of these sources.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn due_article(&self, host: &str, sources: &[String], now: DateTime<Utc>) -> Result<Option<DueArticle>, StoreError>;

    /// Stores what was read of an article, in one transaction. The record is published again if that differs from what is known,
    /// and its topics if feeds show some of it; `updated` never moves.
    ///
    /// # Errors
    /// Any [`StoreError`]; then nothing of it is stored.
    fn article_read(&mut self, record: i64, read: &ReadArticle, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// Notes that a page could not be had; `next` is when it is tried again, if it is.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn article_failed(&mut self, record: i64, why: &str, next: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// Notes a failed try for every article that is due at a host; `next` says when an article with so many tries is tried again.
    /// Returns how many there were.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn host_failed(
        &mut self,
        host: &str,
        why: &str,
        next: &dyn Fn(u32) -> Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError>;

    /// What was read of the articles with these records' numbers.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn articles(&self, numbers: &[u64]) -> Result<std::collections::HashMap<u64, Article>, StoreError>;

    /// How it stands with the page of the record with this number; `None` if it is not to be read.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn article_state(&self, number: u64) -> Result<Option<ArticleState>, StoreError>;

    /// Counts of article pages by source id.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn article_counts(&self) -> Result<std::collections::HashMap<String, ArticleCount>, StoreError>;

    /// The bytes that are kept under this hash.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn file(&self, hash: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// What was found at an icon's address, and when.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn icon(&self, url: &str) -> Result<Option<(DateTime<Utc>, Picture)>, StoreError>;

    /// What is known of an origin's `robots.txt`.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn robots(&self, origin: &str) -> Result<Option<StoredRobots>, StoreError>;

    /// Keeps an origin's `robots.txt`.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn put_robots(&mut self, origin: &str, robots: &StoredRobots) -> Result<(), StoreError>;

    /// The newest records of a selection, at most `count`, each story once where no source is named; hidden ones are left out.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn select(&self, selection: &Selection, count: usize) -> Result<Vec<StoredRecord>, StoreError>;

    /// What the polls of each day brought, from `since` on, oldest day first; days without a poll are left out.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn growth(&self, since: DateTime<Utc>) -> Result<Vec<Growth>, StoreError>;

    /// Records that came since the last [`Store::settle`] from sources that had been read before they were published: news, and no backlog, nor what a source's
    /// archives held.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn arrivals(&self) -> Result<Vec<Arrival>, StoreError>;

    /// Hands up to `count` records' files to `visit`, in the order of their numbers, those after `after` first. Returns the last number.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn news_stamps(&self, after: u64, count: usize, visit: &mut LookAt<'_>) -> Result<Option<u64>, StoreError>;

    /// The number of the newest record that has a file, and up to which number files were looked at last.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn looked(&self) -> Result<(u64, u64), StoreError>;

    /// Takes note up to which number files were looked at.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn note_looked(&mut self, number: u64) -> Result<(), StoreError>;

    /// What is known of these records' files, in their order.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn news(&self, numbers: &[u64]) -> Result<Vec<Option<NewsFile>>, StoreError>;

    /// Takes note of files, and forgets those of the records `gone`; with `refill`, these are to be published again.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn note_news(&mut self, files: &[NewsFile], gone: &[u64], refill: bool) -> Result<(), StoreError>;

    /// Takes note that every file is written as noted.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn news_written(&mut self) -> Result<(), StoreError>;
}
