//! The embedded store: one SQLite file.

mod open;
mod write;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::{
    Approve, Archive, Arrival, ArticleCount, ArticleState, Asked, Change, Derive, DueArticle, FeedState, Fingerprint, Growth, Holder,
    KeptRecord, KnownEntry, LookAt, NewsFile, Outcome, Pending, PollCommit, PollLine, PollState, Put, ReadArticle, RecordChange, Selection,
    Shift, SourceCount, Store, StoreError, StoredEntry, StoredRecord, StoredRobots, StoryMember, Surveyed, Telling, TopicCount, Trace,
    Window, Withdrawn,
};
use crate::record::Draft;
use crate::stage::article::Article;
use crate::stage::article::image::Picture;
use crate::stage::story::Signature;

/// Poll history kept for each source: 30 days of it, and no more lines than polling every quarter of an hour writes in them.
const POLL_LOG_KEPT_US: i64 = 30 * 86_400 * 1_000_000;
const POLL_LINES_KEPT: i64 = 3_000;
const SELECT_LINE: &str = "SELECT at, outcome, status, why, new, changed, asked, bytes, class, retry_not_before FROM poll_line \
     WHERE source = (SELECT id FROM source WHERE name = ?1)";
/// Largest entry as read, in JSON: more than a whole document may hold.
const RAW_MAX_BYTES: usize = 256 << 20;
/// Records derived in one transaction when the rules change.
const DERIVE_BATCH: usize = 500;

/// A [`Store`] in one SQLite file, in WAL mode: readers never wait for the writer.
pub struct SqliteStore {
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
}

pub(super) type Result<T, E = StoreError> = std::result::Result<T, E>;

pub(super) fn micros(t: DateTime<Utc>) -> i64 {
    t.timestamp_micros()
}

pub(super) fn time(us: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(us).unwrap_or(DateTime::UNIX_EPOCH)
}

impl SqliteStore {
    pub(super) fn error(&self, source: rusqlite::Error) -> StoreError {
        StoreError::Database { path: self.path.clone(), source }
    }

    pub(super) fn damaged(&self, what: &str, cause: impl std::fmt::Display) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), what: what.to_owned(), cause: cause.to_string() }
    }

    pub(super) fn meta(&self, key: &str) -> Result<Option<String>> {
        self.connection
            .prepare_cached("SELECT value FROM meta WHERE key = ?1")
            .and_then(|mut s| s.query_row([key], |row| row.get(0)).optional())
            .map_err(|e| self.error(e))
    }

    fn read_state(row: &PollRow) -> PollState {
        let mut state: PollState = match serde_json::from_str(&row.state) {
            Ok(state) => state,
            // One bad row costs one source what was known of it, and the others nothing (S36).
            Err(cause) => return PollState::forgotten(&cause.to_string()),
        };
        state.etag.clone_from(&row.etag);
        state.last_modified.clone_from(&row.last_modified);
        state.body_hash = row.body_hash.as_deref().and_then(|b| b.try_into().ok());
        state
    }

    /// Reads in one transaction; within one that has begun, in that.
    fn at_once<T>(&self, read: impl FnOnce() -> Result<T>) -> Result<T> {
        if !self.connection.is_autocommit() {
            return read();
        }
        let transaction = self.connection.unchecked_transaction().map_err(|e| self.error(e))?;
        let read = read()?;
        transaction.commit().map_err(|e| self.error(e))?;
        Ok(read)
    }

    pub(super) fn read_record(&self, row: RecordRow) -> Result<StoredRecord> {
        let draft: Draft = serde_json::from_str(&row.draft).map_err(|e| self.damaged(&format!("record {}", row.number), e))?;
        Ok(StoredRecord {
            number: row.number,
            uuid: crate::stage::naming::record_uuid(&draft.href),
            published_id: row.published_id,
            source: row.source,
            added: time(row.added),
            updated: time(row.updated),
            last_mod: time(row.last_mod),
            story: row.story.map(i64::unsigned_abs),
            page: row.shown.map(|page| serde_json::from_str(&page)).transpose().map_err(|e| self.damaged("an article", e))?,
            draft,
        })
    }

    fn select_lines(&self, condition: &str, values: impl rusqlite::Params) -> Result<Vec<PollLine>> {
        let rows = self
            .connection
            .prepare_cached(&format!("{SELECT_LINE} {condition}"))
            .and_then(|mut s| {
                s.query_map(values, |row| {
                    let line = PollLine {
                        at: time(row.get(0)?),
                        outcome: Outcome::Never,
                        status: row.get(2)?,
                        asked: Asked::First,
                        bytes: row.get::<_, i64>(7)?.unsigned_abs(),
                        retry_not_before: row.get::<_, Option<i64>>(9)?.map(time),
                        class: row.get(8)?,
                        why: row.get(3)?,
                        new: usize::try_from(row.get::<_, i64>(4)?).unwrap_or(0),
                        changed: usize::try_from(row.get::<_, i64>(5)?).unwrap_or(0),
                    };
                    Ok((line, row.get::<_, String>(1)?, row.get::<_, String>(6)?))
                })?
                .collect::<rusqlite::Result<Vec<_>>>()
            })
            .map_err(|e| self.error(e))?;
        rows.into_iter()
            .map(|(line, outcome, asked)| {
                let outcome = serde_json::from_str(&outcome).map_err(|e| self.damaged("an outcome", e))?;
                let asked = serde_json::from_str(&asked).map_err(|e| self.damaged("a way of asking", e))?;
                Ok(PollLine { outcome, asked, ..line })
            })
            .collect()
    }

    pub(super) fn select_records(&self, condition: &str, values: impl rusqlite::Params) -> Result<Vec<StoredRecord>> {
        let rows = self
            .connection
            .prepare_cached(&format!("{SELECT_RECORD} {condition}"))
            .and_then(|mut s| s.query_map(values, RecordRow::read)?.collect::<rusqlite::Result<Vec<_>>>())
            .map_err(|e| self.error(e))?;
        rows.into_iter().map(|row| self.read_record(row)).collect()
    }
}

/// The topics of the records that the condition after it names.
pub(super) const TOPICS_OF: &str = "SELECT t.slug FROM record r JOIN topic t ON instr(' ' || r.topics || ' ', ' ' || t.slug || ' ') WHERE";

pub(super) const SELECT_RECORD: &str = "SELECT r.number, r.published_id, s.name, r.added, r.updated, r.last_mod, d.draft, r.story, \
     (SELECT a.shown FROM article a WHERE a.record = r.id) \
     FROM record r JOIN draft d ON d.record = r.id JOIN source s ON s.id = r.source";

pub(super) struct RecordRow {
    number: u64,
    published_id: String,
    source: String,
    added: i64,
    updated: i64,
    last_mod: i64,
    draft: String,
    story: Option<i64>,
    shown: Option<String>,
}

impl RecordRow {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            number: row.get::<_, i64>(0)?.unsigned_abs(),
            published_id: row.get(1)?,
            source: row.get(2)?,
            added: row.get(3)?,
            updated: row.get(4)?,
            last_mod: row.get(5)?,
            draft: row.get(6)?,
            story: row.get(7)?,
            shown: row.get(8)?,
        })
    }
}

struct PollRow {
    etag: Option<Vec<u8>>,
    last_modified: Option<Vec<u8>>,
    body_hash: Option<Vec<u8>>,
    state: String,
}

impl PollRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { etag: row.get(0)?, last_modified: row.get(1)?, body_hash: row.get(2)?, state: row.get(3)? })
    }
}

fn unpacked(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<u8>> {
    let bytes = row.get_ref(column)?.as_blob()?;
    let damaged = |e: &str| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Blob, e.to_owned().into());
    // A damaged length must not ask for gigabytes.
    let (length, rest) = lz4_flex::block::uncompressed_size(bytes).map_err(|e| damaged(&e.to_string()))?;
    if length > RAW_MAX_BYTES {
        return Err(damaged("it claims to be larger than any entry"));
    }
    lz4_flex::decompress(rest, length).map_err(|e| damaged(&e.to_string()))
}

pub(super) fn read_entry(row: &Row<'_>) -> rusqlite::Result<StoredEntry> {
    Ok(StoredEntry { source: row.get(0)?, key: row.get(1)?, first_seen: time(row.get(2)?), raw: unpacked(row, 3)? })
}

impl Store for SqliteStore {
    fn poll_states(&self) -> Result<Vec<(String, PollState)>> {
        let rows = self
            .connection
            .prepare_cached("SELECT p.etag, p.last_modified, p.body_hash, p.state, s.name FROM poll p JOIN source s ON s.id = p.source")
            .and_then(|mut s| s.query_map([], |row| Ok((PollRow::read(row)?, row.get(4)?)))?.collect::<rusqlite::Result<Vec<_>>>())
            .map_err(|e| self.error(e))?;
        Ok(rows.into_iter().map(|(row, name)| (name, Self::read_state(&row))).collect())
    }

    fn limited(&self) -> Result<Vec<String>> {
        self.connection
            .prepare("SELECT s.name FROM limited l JOIN source s ON s.id = l.source ORDER BY s.name")
            .and_then(|mut s| s.query_map([], |row| row.get(0))?.collect())
            .map_err(|e| self.error(e))
    }

    fn poll_state(&self, source: &str) -> Result<PollState> {
        let row = self
            .connection
            .prepare_cached(
                "SELECT p.etag, p.last_modified, p.body_hash, p.state FROM poll p JOIN source s ON s.id = p.source WHERE s.name = ?1",
            )
            .and_then(|mut s| s.query_row([source], PollRow::read).optional())
            .map_err(|e| self.error(e))?;
        Ok(row.map_or_else(PollState::default, |row| Self::read_state(&row)))
    }

    fn host_limit(&self, host: &str) -> Result<Option<DateTime<Utc>>> {
        self.connection
            .prepare_cached("SELECT until FROM host_limit WHERE host = ?1")
            .and_then(|mut s| s.query_row([host], |row| row.get(0)).optional())
            .map(|until| until.map(time))
            .map_err(|e| self.error(e))
    }

    fn amend(&mut self, source: &str, state: &PollState, now: DateTime<Utc>) -> Result<()> {
        let path = self.path.clone();
        let error = |source| StoreError::Database { path: path.clone(), source };
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(error)?;
        let writing = write::Writing { tx, path: &path, now };
        let source = writing.source(source)?;
        writing.state(source, state)?;
        let write::Writing { tx, .. } = writing;
        tx.commit().map_err(error)
    }

    fn poll_log(&self, source: &str, since: DateTime<Utc>) -> Result<Vec<PollLine>> {
        self.select_lines("AND at >= ?2 ORDER BY at, rowid", params![source, micros(since)])
    }

    fn poll_lines(&self, source: &str, limit: usize) -> Result<Vec<PollLine>> {
        self.select_lines("ORDER BY at DESC, rowid DESC LIMIT ?2", params![source, limit as i64])
    }

    fn reading(&self, work: &mut dyn FnMut(&dyn Store) -> Result<()>) -> Result<()> {
        self.at_once(|| work(self))
    }

    fn known(&self, source: &str, keys: &[String]) -> Result<Vec<Option<KnownEntry>>> {
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT e.fingerprint, e.first_seen, r.url, r.owner = e.id, r.published FROM entry e LEFT JOIN record r ON r.id = e.record \
                 WHERE e.source = (SELECT id FROM source WHERE name = ?1) AND e.key = ?2",
            )
            .map_err(|e| self.error(e))?;
        self.at_once(|| {
            keys.iter()
                .map(|key| {
                    let row = statement
                        .query_row([source, key], |row| {
                            Ok(KnownEntry {
                                fingerprint: row.get::<_, Fingerprint>(0)?,
                                first_seen: time(row.get(1)?),
                                url: row.get(2)?,
                                owns: row.get::<_, Option<bool>>(3)?.unwrap_or(false),
                                published: row.get::<_, Option<i64>>(4)?.map(time),
                            })
                        })
                        .optional();
                    row.map_err(|e| self.error(e))
                })
                .collect()
        })
    }

    fn raw(&self, source: &str, key: &str) -> Result<Option<Vec<u8>>> {
        self.connection
            .prepare_cached("SELECT raw FROM entry WHERE source = (SELECT id FROM source WHERE name = ?1) AND key = ?2")
            // What does not unpack is as good as not there.
            .and_then(|mut s| s.query_row([source, key], |row| Ok(unpacked(row, 0).ok())).optional())
            .map(Option::flatten)
            .map_err(|e| self.error(e))
    }

    fn holder(&self, url: &str) -> Result<Option<Holder>> {
        let row = self
            .connection
            .prepare_cached(
                "SELECT s.name, e.key, coalesce(d.draft ->> 'given_title', d.draft ->> 'title'), r.number IS NOT NULL \
                 FROM record r JOIN draft d ON d.record = r.id JOIN source s ON s.id = r.source JOIN entry e ON e.id = r.owner WHERE r.url = ?1",
            )
            .and_then(|mut s| {
                s.query_row([url], |row| {
                    Ok(Holder { source: row.get(0)?, key: row.get(1)?, title: row.get(2)?, settled: row.get(3)? })
                })
                .optional()
            })
            .map_err(|e| self.error(e))?;
        Ok(row)
    }

    fn commit(&mut self, poll: &PollCommit<'_>) -> Result<()> {
        let path = self.path.clone();
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|source| StoreError::Database { path: path.clone(), source })?;
        let writing = write::Writing { tx, path: &path, now: poll.now };
        let source = writing.source(poll.source)?;
        let mut topics = write::Topics::default();
        for change in &poll.changes {
            writing.change(source, change, &mut topics)?;
        }
        writing.touch(&topics)?;
        writing.poll(source, poll)?;
        let write::Writing { tx, .. } = writing;
        tx.commit().map_err(|source| StoreError::Database { path: path.clone(), source })
    }

    fn settle(&mut self) -> Result<()> {
        let error = |source| StoreError::Database { path: self.path.clone(), source };
        let is_settled: bool = self
            .connection
            .query_row("SELECT NOT EXISTS (SELECT 1 FROM record WHERE number IS NULL)", [], |row| row.get(0))
            .map_err(error)?;
        if is_settled {
            return Ok(());
        }
        let mut settle = || -> rusqlite::Result<()> {
            let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut number: i64 = tx.query_row("SELECT coalesce(max(number), 0) FROM record", [], |row| row.get(0))?;
            {
                let mut rows = tx.prepare("SELECT id, url, feed_id FROM record WHERE number IS NULL ORDER BY published, url")?;
                let rows = rows
                    .query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, Option<String>>(2)?)))?
                    .collect::<rusqlite::Result<Vec<_>>>()?;
                let mut taken = tx.prepare("SELECT 1 FROM record WHERE published_id = ?1")?;
                let mut update = tx.prepare("UPDATE record SET number = ?2, published_id = ?3 WHERE id = ?1")?;
                for (id, url, feed_id) in rows {
                    number += 1;
                    let published_id = match feed_id {
                        Some(id) if !taken.exists([&id])? => id,
                        _ => urn(&url),
                    };
                    update.execute(params![id, number, published_id])?;
                }
            }
            tx.commit()
        };
        settle().map_err(|source| StoreError::Database { path: self.path.clone(), source })
    }

    fn rename_feeds(&mut self, renamed: &[(String, String)]) -> Result<()> {
        self.rename_all_feeds(renamed)
    }

    fn shelve(&mut self, once: &[String], all: bool) -> Result<()> {
        self.shelve_records(once, all)
    }

    fn pending(&self) -> Result<Pending> {
        self.marked()
    }

    fn published(&mut self, pending: &Pending, publication_hash: &str) -> Result<()> {
        self.unmark(pending, publication_hash)
    }

    fn feeds(&self) -> Result<Vec<FeedState>> {
        self.all_feeds()
    }

    fn archives(&self, feed: &str) -> Result<Vec<Archive>> {
        self.closed_parts(feed)
    }

    fn archived(&self, feed: &str, archive: &Archive) -> Result<Vec<KeptRecord>> {
        self.archived_records(feed, archive)
    }

    fn current(&self, feed: &str, window: &Window) -> Result<Vec<KeptRecord>> {
        self.current_records(feed, window)
    }

    fn read(&self, record: &KeptRecord) -> Result<StoredRecord> {
        self.read_kept(record)
    }

    fn withdrawn(&self, feed: &str, limit: usize) -> Result<Vec<Withdrawn>> {
        self.withdrawn_entries(feed, limit)
    }

    fn publication_hash(&self) -> Result<Option<String>> {
        self.meta("publication")
    }

    fn created(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(self.meta("created")?.and_then(|us| us.parse().ok()).map(time))
    }

    fn newest(&self, count: usize) -> Result<Vec<StoredRecord>> {
        self.select_records(
            "WHERE r.number IS NOT NULL AND r.hidden = 0 AND (r.story IS NULL OR NOT EXISTS (SELECT 1 FROM record m \
             WHERE m.story = r.story AND m.story_rank < r.story_rank AND m.hidden = 0)) \
             ORDER BY r.published DESC, r.number DESC LIMIT ?1",
            [count as i64],
        )
    }

    fn records_after(&self, after: u64, limit: usize, visit: &mut dyn FnMut(StoredRecord)) -> Result<Option<u64>> {
        let mut last = None;
        for record in self.select_records("WHERE r.number > ?1 ORDER BY r.number LIMIT ?2", params![after.cast_signed(), limit as i64])? {
            last = Some(record.number);
            visit(record);
        }
        Ok(last)
    }

    fn records(&self, numbers: &[u64]) -> Result<Vec<StoredRecord>> {
        let mut records = Vec::with_capacity(numbers.len());
        for number in numbers {
            records.extend(self.select_records("WHERE r.number = ?1", [number.cast_signed()])?);
        }
        Ok(records)
    }

    fn select(&self, selection: &Selection, count: usize) -> Result<Vec<StoredRecord>> {
        self.selected(selection, count)
    }

    fn growth(&self, since: DateTime<Utc>) -> Result<Vec<Growth>> {
        self.growth_since(since)
    }

    fn arrivals(&self) -> Result<Vec<Arrival>> {
        self.unsettled_arrivals()
    }

    fn review(&self, before: Option<u64>, topic: Option<&str>, limit: usize) -> Result<Vec<StoredRecord>> {
        self.records_to_review(before, topic, limit)
    }

    fn topic_counts(&self) -> Result<HashMap<String, TopicCount>> {
        self.connection
            .prepare_cached("SELECT slug, records, updated FROM topic")
            .and_then(|mut s| {
                s.query_map([], |row| {
                    let count = TopicCount { records: row.get::<_, i64>(1)?.unsigned_abs(), updated: Some(time(row.get(2)?)) };
                    Ok((row.get(0)?, count))
                })?
                .collect()
            })
            .map_err(|e| self.error(e))
    }

    fn source_counts(&self) -> Result<HashMap<String, SourceCount>> {
        let read = |sql: &str| -> Result<Vec<(String, u64)>> {
            self.connection
                .prepare_cached(sql)
                .and_then(|mut s| s.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?.collect())
                .map_err(|e| self.error(e))
        };
        let mut counts: HashMap<String, SourceCount> = HashMap::new();
        for (name, entries) in read("SELECT s.name, count(*) FROM entry e JOIN source s ON s.id = e.source GROUP BY e.source")? {
            counts.entry(name).or_default().entries = entries;
        }
        for (name, records) in read("SELECT s.name, count(*) FROM record r JOIN source s ON s.id = r.source GROUP BY r.source")? {
            counts.entry(name).or_default().records = records;
        }
        Ok(counts)
    }

    fn trace(&self, url: &str) -> Result<Option<Trace>> {
        let found = self.select_records(
            "WHERE (r.url = ?1 OR r.original = ?1 OR r.id IN (SELECT record FROM article WHERE href = ?1)) AND r.number IS NOT NULL \
             ORDER BY r.url <> ?1, r.number LIMIT 1",
            [url],
        )?;
        let Some(record) = found.into_iter().next() else { return Ok(None) };
        let entries = self.entries(record.number)?;
        Ok(Some(Trace { record, entries }))
    }

    fn untold(&self, limit: usize, off: &[String]) -> Result<Vec<Telling>> {
        self.untold_records(limit, off)
    }

    fn tellings(&self, from: DateTime<Utc>, to: DateTime<Utc>, limit: usize, urls: &[String]) -> Result<Vec<Telling>> {
        self.known_tellings(from, to, limit, urls)
    }

    fn last_story(&self) -> Result<u64> {
        Ok(self.meta("story")?.and_then(|n| n.parse().ok()).unwrap_or(0))
    }

    fn put(&mut self, puts: &[Put], last_story: u64) -> Result<()> {
        self.put_records(puts, last_story)
    }

    fn untell(&mut self, urls: &[String], off: &[String]) -> Result<()> {
        self.untell_records(urls, off)
    }

    fn story(&self, story: u64) -> Result<Vec<StoryMember>> {
        self.story_members(story)
    }

    fn told(&self) -> Result<Vec<u64>> {
        self.told_more_than_once()
    }

    fn queue_articles(&mut self, wanted: &[(String, bool)], now: DateTime<Utc>) -> Result<()> {
        self.queue_new_articles(wanted, now)
    }

    fn due_hosts(&self, sources: &[String], now: DateTime<Utc>) -> Result<Vec<(String, u64)>> {
        self.hosts_due(sources, now)
    }

    fn due_article(&self, host: &str, sources: &[String], now: DateTime<Utc>) -> Result<Option<DueArticle>> {
        self.article_due(host, sources, now)
    }

    fn article_read(&mut self, record: i64, read: &ReadArticle, now: DateTime<Utc>) -> Result<()> {
        self.put_article(record, read, now)
    }

    fn article_failed(&mut self, record: i64, why: &str, next: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<()> {
        self.put_failed_article(record, why, next, now)
    }

    fn host_failed(&mut self, host: &str, why: &str, next: &dyn Fn(u32) -> Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<u64> {
        self.put_off_host(host, why, next, now)
    }

    fn articles(&self, numbers: &[u64]) -> Result<HashMap<u64, Article>> {
        self.known_articles(numbers)
    }

    fn article_state(&self, number: u64) -> Result<Option<ArticleState>> {
        self.state_of_article(number)
    }

    fn article_counts(&self) -> Result<HashMap<String, ArticleCount>> {
        self.count_articles()
    }

    fn file(&self, hash: &str) -> Result<Option<Vec<u8>>> {
        self.bytes_of(hash)
    }

    fn icon(&self, url: &str) -> Result<Option<(DateTime<Utc>, Picture)>> {
        self.known_icon(url)
    }

    fn robots(&self, origin: &str) -> Result<Option<StoredRobots>> {
        self.known_robots(origin)
    }

    fn put_robots(&mut self, origin: &str, robots: &StoredRobots) -> Result<()> {
        self.keep_robots(origin, robots)
    }

    fn entries(&self, number: u64) -> Result<Vec<StoredEntry>> {
        self.connection
            .prepare_cached(
                "SELECT s.name, e.key, e.first_seen, e.raw FROM entry e JOIN source s ON s.id = e.source JOIN record r ON r.id = e.record \
                 WHERE r.number = ?1 ORDER BY e.id = r.owner DESC, e.first_seen, s.name, e.key",
            )
            .and_then(|mut s| s.query_map([number.cast_signed()], read_entry)?.collect::<rusqlite::Result<Vec<_>>>())
            .map_err(|e| self.error(e))
    }

    fn news_stamps(&self, after: u64, count: usize, visit: &mut LookAt<'_>) -> Result<Option<u64>> {
        self.stamps_after(after, count, visit)
    }

    fn looked(&self) -> Result<(u64, u64)> {
        self.looked_until()
    }

    fn note_looked(&mut self, number: u64) -> Result<()> {
        self.put_looked(number)
    }

    fn news(&self, numbers: &[u64]) -> Result<Vec<Option<NewsFile>>> {
        self.news_files(numbers)
    }

    fn note_news(&mut self, files: &[NewsFile], gone: &[u64], refill: bool) -> Result<()> {
        self.put_files(files, gone, refill)
    }

    fn news_written(&mut self) -> Result<()> {
        self.end_writing()
    }

    fn rules_hash(&self) -> Result<Option<String>> {
        self.meta("rules")
    }

    fn rederive(
        &mut self,
        rules_hash: &str,
        now: DateTime<Utc>,
        derive: &mut Derive<'_>,
        approve: &mut Approve<'_>,
    ) -> Result<Option<u64>> {
        let before = self.topic_counts()?;
        let path = self.path.clone();
        let error = |source| StoreError::Database { path: path.clone(), source };
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(error)?;
        let writing = write::Writing { tx, path: &path, now };
        let (mut changed, mut after, mut topics) = (0, 0, write::Topics::default());
        let mut shifts: BTreeMap<String, Shift> = BTreeMap::new();
        loop {
            let batch = survey(&writing.tx, &path, "r.id > ?1", params![after, DERIVE_BATCH as i64])?;
            let Some(last) = batch.last() else { break };
            after = last.row;
            for Surveyed { row, draft: old, entry } in batch {
                let Some(draft) = derive(&entry, &old) else { continue };
                if !writing.apply(row, &draft, &mut topics)? {
                    continue;
                }
                changed += 1;
                let mut shift = |slug: &str, entered: u64, left: u64| {
                    let records = before.get(slug).map_or(0, |c| c.records);
                    let new = || Shift { slug: slug.to_owned(), before: records, entered: 0, left: 0 };
                    let shift = shifts.entry(slug.to_owned()).or_insert_with(new);
                    shift.entered += entered;
                    shift.left += left;
                };
                let lacks = |draft: &Draft, slug: &str| !draft.topics.iter().any(|t| t.slug == slug);
                draft.topics.iter().filter(|t| lacks(&old, &t.slug)).for_each(|t| shift(&t.slug, 1, 0));
                old.topics.iter().filter(|t| lacks(&draft, &t.slug)).for_each(|t| shift(&t.slug, 0, 1));
            }
        }
        if !approve(&shifts.into_values().collect::<Vec<_>>()) {
            // The transaction is dropped, and with it everything above.
            return Ok(None);
        }
        writing.touch(&topics)?;
        let write::Writing { tx, .. } = writing;
        let note = || -> rusqlite::Result<()> {
            tx.execute("INSERT INTO meta (key, value) VALUES ('rules', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1", [rules_hash])?;
            tx.execute("DELETE FROM meta WHERE key = 'waiting'", [])?;
            tx.commit()
        };
        note().map_err(error)?;
        Ok(Some(changed))
    }

    fn waiting(&self) -> Result<Option<String>> {
        self.meta("waiting")
    }

    fn wait(&mut self, note: &str) -> Result<()> {
        self.connection
            .execute("INSERT INTO meta (key, value) VALUES ('waiting', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1", [note])
            .map(|_| ())
            .map_err(|e| self.error(e))
    }

    fn words(&self) -> Result<Option<String>> {
        self.meta("words")
    }

    fn redecide(&mut self, urls: &[String], words: &str, now: DateTime<Utc>, derive: &mut Derive<'_>) -> Result<u64> {
        let path = self.path.clone();
        let error = |source| StoreError::Database { path: path.clone(), source };
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(error)?;
        let writing = write::Writing { tx, path: &path, now };
        let (mut changed, mut topics) = (0, write::Topics::default());
        for url in urls {
            for Surveyed { row, draft: old, entry } in survey(&writing.tx, &path, "r.url = ?1", params![url, 1])? {
                if let Some(draft) = derive(&entry, &old) {
                    changed += u64::from(writing.apply(row, &draft, &mut topics)?);
                }
            }
        }
        writing.touch(&topics)?;
        let write::Writing { tx, .. } = writing;
        tx.execute("INSERT INTO meta (key, value) VALUES ('words', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1", [words])
            .and_then(|_| tx.commit())
            .map_err(error)?;
        Ok(changed)
    }

    fn survey(&self, after: i64, limit: usize) -> Result<Vec<Surveyed>> {
        survey(&self.connection, &self.path, "r.id > ?1", params![after, limit as i64])
    }

    fn urls_of(&self, source: &str) -> Result<Vec<String>> {
        self.connection
            .prepare_cached("SELECT r.url FROM record r JOIN source s ON s.id = r.source WHERE s.name = ?1 ORDER BY r.id")
            .and_then(|mut s| s.query_map([source], |row| row.get(0))?.collect())
            .map_err(|e| self.error(e))
    }

    fn url_of(&self, uuid: Uuid) -> Result<Option<String>> {
        let find = || -> rusqlite::Result<Option<String>> {
            let mut urls = self.connection.prepare_cached("SELECT url FROM record WHERE number IS NOT NULL")?;
            let mut rows = urls.query([])?;
            while let Some(row) = rows.next()? {
                let url: String = row.get(0)?;
                if crate::stage::naming::record_uuid(&url) == uuid {
                    return Ok(Some(url));
                }
            }
            Ok(None)
        };
        find().map_err(|e| self.error(e))
    }
}

/// Records with the entries that own them.
fn survey(connection: &Connection, path: &Path, condition: &str, values: impl rusqlite::Params) -> Result<Vec<Surveyed>> {
    let rows = connection
        .prepare_cached(&format!(
            "SELECT r.id, d.draft, s.name, e.key, e.first_seen, e.raw FROM record r JOIN draft d ON d.record = r.id \
             JOIN entry e ON e.id = r.owner JOIN source s ON s.id = e.source WHERE {condition} ORDER BY r.id LIMIT ?2"
        ))
        .and_then(|mut s| {
            s.query_map(values, |row| {
                let entry = StoredEntry { source: row.get(2)?, key: row.get(3)?, first_seen: time(row.get(4)?), raw: unpacked(row, 5)? };
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, entry))
            })?
            .collect::<rusqlite::Result<Vec<_>>>()
        })
        .map_err(|source| StoreError::Database { path: path.to_owned(), source })?;
    let read = |(row, draft, entry): (i64, String, StoredEntry)| match serde_json::from_str(&draft) {
        Ok(draft) => Ok(Surveyed { row, draft, entry }),
        Err(e) => Err(StoreError::Damaged { path: path.to_owned(), what: format!("record row {row}"), cause: e.to_string() }),
    };
    rows.into_iter().map(read).collect()
}

/// The id of a record whose entry has none of its own: a function of its clean URL.
fn urn(url: &str) -> String {
    let uuid: Uuid = crate::stage::naming::record_uuid(url);
    uuid.urn().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_the_suite() {
        super::super::suite::every_rule(&|| {
            let dir = tempfile::tempdir().unwrap();
            let store = SqliteStore::open(&dir.path().join("a.db")).unwrap();
            // The folder may go: SQLite keeps its files open.
            drop(dir);
            Box::new(store)
        });
    }

    #[test]
    fn s36_a_damaged_row_is_told_and_costs_its_source_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let store = SqliteStore::open(&path).unwrap();
        store.connection.execute_batch("INSERT INTO source VALUES (1, 'a'); INSERT INTO poll (source, state) VALUES (1, '{')").unwrap();
        let state = store.poll_state("a").unwrap();
        let failure = state.failure.unwrap();
        assert!(failure.why.starts_with("what was known of this source is damaged"), "{}", failure.why);
        assert_eq!((state.outcome, failure.stage.as_str(), state.next_due), (Outcome::Failed, "store", None), "told, and due");
        assert_eq!(store.poll_states().unwrap().len(), 1);
    }
}
