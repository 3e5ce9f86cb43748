//! What one transaction does, with the same error on every path.

use super::{Change, Draft, PollCommit, PollState, RecordChange, Result, Signature, StoreError, Transaction, micros, time};
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, params};
use std::collections::BTreeMap;
use std::path::Path;

/// Topics that a transaction touches, with the change in their number of records.
#[derive(Default)]
pub(super) struct Topics(BTreeMap<String, i64>);

impl Topics {
    fn count(&mut self, slug: &str, by: i64) {
        match self.0.get_mut(slug) {
            Some(count) => *count += by,
            None => drop(self.0.insert(slug.to_owned(), by)),
        }
    }
}

pub(super) struct Writing<'t> {
    pub(super) tx: Transaction<'t>,
    pub(super) path: &'t Path,
    pub(super) now: DateTime<Utc>,
}

impl Writing<'_> {
    fn run(&self, sql: &str, values: impl rusqlite::Params) -> Result<usize> {
        self.tx.prepare_cached(sql).and_then(|mut s| s.execute(values)).map_err(|e| self.error(e))
    }

    pub(super) fn error(&self, source: rusqlite::Error) -> StoreError {
        StoreError::Database { path: self.path.to_owned(), source }
    }

    fn encode(&self, what: &str, value: &impl serde::Serialize) -> Result<String> {
        serde_json::to_string(value).map_err(|e| self.damaged(what, &e))
    }

    fn damaged(&self, what: &str, cause: &serde_json::Error) -> StoreError {
        StoreError::Damaged { path: self.path.to_owned(), what: what.to_owned(), cause: cause.to_string() }
    }

    pub(super) fn source(&self, name: &str) -> Result<i64> {
        let found = self
            .tx
            .prepare_cached("SELECT id FROM source WHERE name = ?1")
            .and_then(|mut s| s.query_row([name], |row| row.get(0)).optional())
            .map_err(|e| self.error(e))?;
        match found {
            Some(id) => Ok(id),
            None => {
                self.run("INSERT INTO source (name) VALUES (?1)", [name])?;
                let source = self.tx.last_insert_rowid();
                self.run("INSERT OR IGNORE INTO meta (key, value) VALUES ('created', ?1)", [micros(self.now).to_string()])?;
                Ok(source)
            }
        }
    }

    pub(super) fn state(&self, source: i64, state: &PollState) -> Result<()> {
        self.run(
            "INSERT INTO poll (source, etag, last_modified, body_hash, state) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (source) DO UPDATE SET etag = ?2, last_modified = ?3, body_hash = ?4, state = ?5",
            params![
                source,
                state.etag,
                state.last_modified,
                state.body_hash.as_ref().map(<[u8; 32]>::as_slice),
                self.encode("a poll's state", state)?
            ],
        )?;
        Ok(())
    }

    pub(super) fn poll(&self, source: i64, poll: &PollCommit<'_>) -> Result<()> {
        let state = &poll.state;
        self.state(source, state)?;
        if let (Some(host), Some(until)) = (&state.limited_host, state.retry_not_before) {
            self.run(
                "INSERT INTO host_limit (host, until) VALUES (?1, ?2) ON CONFLICT (host) DO UPDATE SET until = max(until, ?2)",
                params![host, micros(until)],
            )?;
        }
        self.run(
            "INSERT INTO poll_line (source, at, outcome, status, why, new, changed, asked, bytes, class, retry_not_before) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                source,
                micros(poll.now),
                self.encode("an outcome", &state.outcome)?,
                state.status,
                state.failure.as_ref().map(|f| &f.why),
                state.new as i64,
                state.changed as i64,
                self.encode("a way of asking", &state.asked)?,
                state.bytes.cast_signed(),
                state.failure.as_ref().map(|f| &f.class),
                state.retry_not_before.map(micros)
            ],
        )?;
        if state.status == Some(429) {
            self.run("INSERT OR IGNORE INTO limited (source) VALUES (?1)", params![source])?;
        }
        self.run(
            "DELETE FROM poll_line WHERE source = ?1 AND at < max(?3, \
             coalesce((SELECT at FROM poll_line WHERE source = ?1 ORDER BY at DESC LIMIT 1 OFFSET ?2), ?3))",
            params![source, super::POLL_LINES_KEPT, micros(self.now) - super::POLL_LOG_KEPT_US],
        )?;
        Ok(())
    }

    pub(super) fn change(&self, source: i64, change: &Change, topics: &mut Topics) -> Result<()> {
        let signature = change.signature.as_ref();
        match &change.record {
            RecordChange::Create(draft) => self.create(source, change, draft, signature, topics),
            RecordChange::None | RecordChange::Keep => self.entry(source, change).map(drop),
            RecordChange::Attach(url) => {
                let (entry, _) = self.entry(source, change)?;
                self.attach(entry, url).map(drop)
            }
            RecordChange::TakeOver(url, draft) => {
                let (entry, _) = self.entry(source, change)?;
                let record = self.attach(entry, url)?;
                self.run("UPDATE record SET owner = ?2, source = ?3 WHERE id = ?1 AND number IS NULL", params![record, entry, source])?;
                self.apply(record, draft, topics)?;
                self.sign(record, signature)
            }
            RecordChange::Update(draft) => match self.entry(source, change)? {
                (_, Some(record)) => {
                    self.apply(record, draft, topics)?;
                    self.sign(record, signature)
                }
                (_, None) => self.create(source, change, draft, signature, topics),
            },
        }
    }

    /// Writes an entry as it was read; its row, and that of its record if it has one.
    fn entry(&self, source: i64, change: &Change) -> Result<(i64, Option<i64>)> {
        self.tx
            .prepare_cached(
                "INSERT INTO entry (source, key, fingerprint, first_seen, raw) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT (source, key) DO UPDATE SET fingerprint = ?3, raw = ?5 RETURNING id, record",
            )
            .and_then(|mut s| {
                let values = params![source, change.key, change.fingerprint, micros(self.now), change.raw.0];
                s.query_row(values, |row| Ok((row.get(0)?, row.get(1)?)))
            })
            .map_err(|e| self.error(e))
    }

    fn sign(&self, record: i64, signature: Option<&Signature>) -> Result<()> {
        if let Some(signature) = signature {
            self.run("INSERT OR REPLACE INTO signature (record, signature) VALUES (?1, ?2)", params![record, signature.to_bytes()])?;
        }
        Ok(())
    }

    fn attach(&self, entry: i64, url: &str) -> Result<i64> {
        let record = self
            .tx
            .prepare_cached("SELECT id FROM record WHERE url = ?1")
            .and_then(|mut s| s.query_row([url], |row| row.get(0)))
            .map_err(|e| self.error(e))?;
        self.run("UPDATE entry SET record = ?2 WHERE id = ?1", params![entry, record])?;
        Ok(record)
    }

    /// An entry with a record of its own. The record goes in first, so that the entry's row, the longest there is, is written once and
    /// knows it.
    fn create(&self, source: i64, change: &Change, draft: &Draft, signature: Option<&Signature>, topics: &mut Topics) -> Result<()> {
        let known: Option<i64> = self
            .tx
            .prepare_cached("SELECT id FROM entry WHERE source = ?1 AND key = ?2")
            .and_then(|mut s| s.query_row(params![source, change.key], |row| row.get(0)).optional())
            .map_err(|e| self.error(e))?;
        let entry = match known {
            Some(entry) => entry,
            // This transaction is the only one that writes.
            None => self
                .tx
                .prepare_cached("SELECT coalesce(max(id), 0) + 1 FROM entry")
                .and_then(|mut s| s.query_row([], |row| row.get(0)))
                .map_err(|e| self.error(e))?,
        };
        let text = self.encode("a record", draft)?;
        self.run(
            "INSERT INTO record (url, original, source, owner, published, added, updated, last_mod, bytes, section, topics, feed_id, hidden, \
             pinned) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?6, ?8, ?9, ?10, ?11, ?12, ?13)",
            params![
                draft.href,
                (draft.original != draft.href).then_some(&draft.original),
                source,
                entry,
                micros(draft.published),
                micros(self.now),
                micros(draft.changed.unwrap_or(draft.published)),
                text.len() as i64,
                draft.section,
                slugs(draft),
                draft.feed_id,
                draft.hidden,
                draft.pinned
            ],
        )?;
        let record = self.tx.last_insert_rowid();
        self.run("INSERT INTO draft (record, draft) VALUES (?1, ?2)", params![record, text])?;
        self.run(
            "INSERT INTO entry (id, source, key, fingerprint, first_seen, raw, record) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
             ON CONFLICT (source, key) DO UPDATE SET fingerprint = ?4, raw = ?6, record = ?7",
            params![entry, source, change.key, change.fingerprint, micros(self.now), change.raw.0, record],
        )?;
        for topic in &draft.topics {
            self.file(record, draft.published, &topic.slug, topics)?;
        }
        self.sign(record, signature)
    }

    fn file(&self, record: i64, published: DateTime<Utc>, slug: &str, topics: &mut Topics) -> Result<()> {
        self.run(
            "INSERT OR IGNORE INTO record_topic (topic, published, record) VALUES (?1, ?2, ?3)",
            params![slug, micros(published), record],
        )?;
        topics.count(slug, 1);
        Ok(())
    }

    /// Counts topics' records up or down and marks them for publication: once a transaction, whatever it files.
    pub(super) fn touch(&self, topics: &Topics) -> Result<()> {
        for (slug, by) in &topics.0 {
            self.run(
                "INSERT INTO topic (slug, records, updated, dirty) VALUES (?1, ?2, ?3, 1) \
                 ON CONFLICT (slug) DO UPDATE SET records = records + ?2, updated = max(updated, ?3), dirty = 1",
                params![slug, by, micros(self.now)],
            )?;
        }
        Ok(())
    }

    /// Gives a record a new draft. Nothing moves if it equals the old one. Returns whether it differed.
    pub(super) fn apply(&self, record: i64, draft: &Draft, topics: &mut Topics) -> Result<bool> {
        let (old, updated, settled): (String, i64, bool) = self
            .tx
            .prepare_cached("SELECT d.draft, r.updated, r.number IS NOT NULL FROM record r JOIN draft d ON d.record = r.id WHERE r.id = ?1")
            .and_then(|mut s| s.query_row([record], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))))
            .map_err(|e| self.error(e))?;
        let old: Draft = serde_json::from_str(&old).map_err(|e| self.damaged(&format!("the record of {}", draft.href), &e))?;
        if old == *draft {
            return Ok(false);
        }
        let seen = old.title != draft.title || old.body != draft.body || old.summary != draft.summary;
        super::super::archive::keep_version(&self.tx, record, self.now).map_err(|e| self.error(e))?;
        let updated = match draft.changed {
            // Nobody has seen the old one, which may be another source's whose poll ended first.
            changed if !settled => changed.unwrap_or(draft.published),
            _ if !seen => time(updated),
            Some(changed) if micros(changed) > updated => changed,
            _ => self.now,
        };
        let text = self.encode("a record", draft)?;
        self.run("UPDATE draft SET draft = ?2 WHERE record = ?1", params![record, text])?;
        self.run(
            "UPDATE record SET published = ?2, updated = ?3, last_mod = ?4, dirty = 1, revision = revision + 1, bytes = ?5, section = ?6, \
             topics = ?7, feed_id = ?8, hidden = ?9, pinned = ?10, told = told AND NOT ?11 WHERE id = ?1",
            params![
                record,
                micros(draft.published),
                micros(updated),
                micros(self.now),
                text.len() as i64,
                draft.section,
                slugs(draft),
                draft.feed_id,
                draft.hidden,
                draft.pinned,
                seen
            ],
        )?;
        for topic in &old.topics {
            self.run(
                "DELETE FROM record_topic WHERE topic = ?1 AND published = ?2 AND record = ?3",
                params![topic.slug, micros(old.published), record],
            )?;
            topics.count(&topic.slug, -1);
        }
        for topic in &draft.topics {
            self.file(record, draft.published, &topic.slug, topics)?;
        }
        if seen {
            self.run("DELETE FROM signature WHERE record = ?1", [record])?;
        }
        Ok(true)
    }
}

/// A draft's topics as a record's row names them.
fn slugs(draft: &Draft) -> String {
    draft.topics.iter().map(|topic| topic.slug.as_str()).collect::<Vec<_>>().join(" ")
}
