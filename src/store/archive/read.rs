//! What feeds carry, and what of it waits for publication.

use std::collections::HashSet;

use rusqlite::{OptionalExtension, Row, TransactionBehavior, params};

use crate::store::sqlite::{RecordRow, Result, SELECT_RECORD, SqliteStore, micros, time};
use crate::store::story::ONCE;
use crate::store::{Archive, FeedState, KeptRecord, Pending, StoreError, StoredRecord, Window, Withdrawn};

/// What a record's page adds to what feeds say of it.
const SHOWN: &str = "(SELECT a.shown FROM article a WHERE a.record = r.id)";

impl KeptRecord {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            row: row.get(0)?,
            number: row.get::<_, i64>(1)?.unsigned_abs(),
            story: row.get::<_, Option<i64>>(2)?.map(i64::unsigned_abs),
            revision: row.get(3)?,
            page: row.get(4)?,
            until: row.get(5)?,
        })
    }
}

impl SqliteStore {
    pub(in crate::store) fn marked(&self) -> Result<Pending> {
        let read = || -> rusqlite::Result<Pending> {
            let texts = |sql: &str| -> rusqlite::Result<Vec<String>> {
                self.connection.prepare_cached(sql)?.query_map([], |row| row.get(0))?.collect()
            };
            let topics = texts("SELECT slug FROM topic WHERE dirty > 0 ORDER BY slug")?;
            let feeds = texts("SELECT path FROM feed WHERE dirty > 0 ORDER BY path")?;
            let mut records =
                // By the index of what is marked: in the order of the numbers' index all records would be read.
                self.connection.prepare_cached("SELECT number FROM record WHERE dirty > 0 AND number IS NOT NULL ORDER BY +number")?;
            let records = records.query_map([], |row| Ok(row.get::<_, i64>(0)?.unsigned_abs()))?.collect::<rusqlite::Result<_>>()?;
            let mut archives = self.connection.prepare_cached(
                "SELECT f.path, p.name FROM part p JOIN feed f ON f.id = p.feed WHERE p.dirty = 1 ORDER BY f.path, p.part",
            )?;
            let archives = archives.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
            let mut hidden = self
                .connection
                .prepare_cached("SELECT url, section FROM record WHERE dirty > 0 AND hidden = 1 AND number IS NOT NULL ORDER BY +number")?;
            let hidden = hidden.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
            Ok(Pending { topics, records, feeds, archives, hidden })
        };
        read().map_err(|e| self.error(e))
    }

    /// Only what the publication took up is done with: a mark that a poll has set since then stays.
    pub(in crate::store) fn unmark(&mut self, pending: &Pending, publication_hash: &str) -> Result<()> {
        let mut write = || -> rusqlite::Result<()> {
            let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            {
                let mut topic = tx.prepare_cached("UPDATE topic SET dirty = 0 WHERE slug = ?1 AND dirty = 2")?;
                for slug in &pending.topics {
                    topic.execute([slug])?;
                }
                let mut record = tx.prepare_cached("UPDATE record SET dirty = 0 WHERE number = ?1 AND dirty = 2")?;
                for number in &pending.records {
                    record.execute([number.cast_signed()])?;
                }
                let mut feed = tx.prepare_cached("UPDATE feed SET dirty = 0 WHERE path = ?1 AND dirty = 2")?;
                for path in &pending.feeds {
                    feed.execute([path])?;
                }
                let mut part = tx.prepare_cached(
                    "UPDATE part SET dirty = 0 WHERE name = ?2 AND dirty = 1 AND feed = (SELECT id FROM feed WHERE path = ?1)",
                )?;
                for (path, name) in &pending.archives {
                    part.execute([path, name])?;
                }
                tx.prepare_cached("INSERT INTO meta (key, value) VALUES ('publication', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1")?
                    .execute([publication_hash])?;
            }
            tx.commit()
        };
        write().map_err(|source| StoreError::Database { path: self.path.clone(), source })
    }

    pub(in crate::store) fn all_feeds(&self) -> Result<Vec<FeedState>> {
        self.connection
            .prepare_cached(
                "SELECT f.path, f.updated, (SELECT coalesce(sum(p.records), 0) FROM part p WHERE p.feed = f.id), \
                 CASE WHEN f.path LIKE 'source/%' THEN (SELECT coalesce(d.draft ->> '$.via', d.draft ->> '$.taken_from.title') \
                 FROM carried c JOIN draft d ON d.record = c.record WHERE c.feed = f.id \
                 AND c.part = (SELECT max(p.part) FROM part p WHERE p.feed = f.id) ORDER BY c.record DESC LIMIT 1) END \
                 FROM feed f ORDER BY f.path",
            )
            .and_then(|mut s| {
                s.query_map([], |row| {
                    let records = row.get::<_, i64>(2)?.unsigned_abs();
                    Ok(FeedState { path: row.get(0)?, updated: time(row.get(1)?), records, title: row.get(3)? })
                })?
                .collect()
            })
            .map_err(|e| self.error(e))
    }

    pub(in crate::store) fn closed_parts(&self, feed: &str) -> Result<Vec<Archive>> {
        self.connection
            .prepare_cached(
                "SELECT p.part, p.name, n.name, p.records, p.closed FROM part p JOIN part n ON n.feed = p.feed AND n.part = p.part + 1 \
                 WHERE p.feed = (SELECT id FROM feed WHERE path = ?1) AND p.closed IS NOT NULL ORDER BY p.part",
            )
            .and_then(|mut s| {
                s.query_map([feed], |row| {
                    Ok(Archive {
                        part: row.get::<_, i64>(0)?.unsigned_abs(),
                        name: row.get(1)?,
                        next: row.get(2)?,
                        records: row.get::<_, i64>(3)?.unsigned_abs(),
                        closed: time(row.get(4)?),
                    })
                })?
                .collect()
            })
            .map_err(|e| self.error(e))
    }

    pub(in crate::store) fn archived_records(&self, feed: &str, archive: &Archive) -> Result<Vec<KeptRecord>> {
        // As it was: the first version that was replaced after the part was closed, else as it is.
        let version = "(SELECT min(v.until) FROM version v WHERE v.record = r.id AND v.until > ?3)";
        self.connection
            .prepare_cached(&format!(
                "SELECT r.id, r.number, r.story, r.revision, {SHOWN}, {version} FROM record r WHERE r.id IN (SELECT record FROM carried \
                 WHERE feed = (SELECT id FROM feed WHERE path = ?1) AND part = ?2) ORDER BY r.published DESC, r.number DESC"
            ))
            .and_then(|mut s| s.query_map(params![feed, archive.part.cast_signed(), micros(archive.closed)], KeptRecord::of)?.collect())
            .map_err(|e| self.error(e))
    }

    pub(in crate::store) fn current_records(&self, feed: &str, window: &Window) -> Result<Vec<KeptRecord>> {
        let ids = self.current_ids(feed, window).map_err(|e| self.error(e))?;
        let ids = serde_json::to_string(&ids).map_err(|e| self.damaged("a list of rows", e))?;
        let pinned = if window.topic.is_some() { "r.pinned DESC," } else { "" };
        self.connection
            .prepare_cached(&format!(
                "SELECT r.id, r.number, r.story, r.revision, {SHOWN}, NULL FROM record r \
                 WHERE r.id IN (SELECT value FROM json_each(?1)) ORDER BY {pinned} r.published DESC, r.number DESC"
            ))
            .and_then(|mut s| s.query_map([ids], KeptRecord::of)?.collect())
            .map_err(|e| self.error(e))
    }

    /// A record as it is, or as it was until another version of it was kept.
    pub(in crate::store) fn read_kept(&self, kept: &KeptRecord) -> Result<StoredRecord> {
        let Some(until) = kept.until else {
            let read = self.select_records("WHERE r.id = ?1", [kept.row])?.pop();
            return read.ok_or_else(|| self.error(rusqlite::Error::QueryReturnedNoRows));
        };
        let columns = SELECT_RECORD.replace("r.updated", "v.updated").replace("d.draft", "v.draft");
        let row = self
            .connection
            .prepare_cached(&format!("{columns} JOIN version v ON v.record = r.id WHERE r.id = ?1 AND v.until = ?2"))
            .and_then(|mut s| s.query_row([kept.row, until], RecordRow::read))
            .map_err(|e| self.error(e))?;
        self.read_record(row)
    }

    fn current_ids(&self, feed: &str, window: &Window) -> rusqlite::Result<Vec<i64>> {
        let found: Option<(i64, i64, i64)> = self
            .connection
            .prepare_cached("SELECT f.id, f.updated, max(p.part) FROM feed f JOIN part p ON p.feed = f.id WHERE f.path = ?1 GROUP BY f.id")?
            .query_row([feed], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let Some((id, updated, open)) = found else { return Ok(Vec::new()) };
        let mut ids: Vec<i64> = Vec::new();
        let mut bytes = 0_u64;
        {
            let mut all = self
                .connection
                .prepare_cached("SELECT r.id, r.bytes FROM carried c JOIN record r ON r.id = c.record WHERE c.feed = ?1 AND c.part = ?2")?;
            let mut rows = all.query([id, open])?;
            while let Some(row) = rows.next()? {
                ids.push(row.get(0)?);
                bytes += u64::from(row.get::<_, u32>(1)?);
            }
        }
        let mut known: HashSet<i64> = ids.iter().copied().collect();
        let mut add = |id: i64, length: u32, ids: &mut Vec<i64>| -> bool {
            let length = u64::from(length);
            if known.contains(&id) {
                return true;
            }
            if ids.len() >= window.count_max || bytes + length > window.bytes_max {
                return false;
            }
            known.insert(id);
            bytes += length;
            ids.push(id);
            true
        };
        let young = updated - i64::from(window.days) * 86_400_000_000;
        let Some(topic) = &window.topic else {
            // Those that came last, a part at a time.
            for part in (1..open).rev() {
                let mut last = self.connection.prepare_cached(
                    "SELECT r.id, r.bytes, p.since FROM carried c JOIN record r ON r.id = c.record \
                     JOIN part p ON p.feed = c.feed AND p.part = c.part WHERE c.feed = ?1 AND c.part = ?2 \
                     ORDER BY r.last_mod DESC, r.published DESC, r.number DESC",
                )?;
                let mut rows = last.query([id, part])?;
                while let Some(row) = rows.next()? {
                    if (ids.len() >= window.count && row.get::<_, i64>(2)? <= young) || !add(row.get(0)?, row.get(1)?, &mut ids) {
                        return Ok(ids);
                    }
                }
                if ids.len() >= window.count_max {
                    break;
                }
            }
            return Ok(ids);
        };
        let mut pinned = self.connection.prepare_cached(
            "SELECT r.id, r.bytes FROM record r WHERE r.pinned = 1 AND EXISTS \
             (SELECT 1 FROM carried c WHERE c.record = r.id AND c.feed = ?1) ORDER BY r.published DESC, r.number DESC",
        )?;
        let mut rows = pinned.query([id])?;
        while let Some(row) = rows.next()? {
            add(row.get(0)?, row.get(1)?, &mut ids);
        }
        let once = if window.once { ONCE } else { "1" };
        let mut newest = self.connection.prepare_cached(&format!(
            "SELECT r.id, r.bytes, r.published FROM record_topic t JOIN record r ON r.id = t.record \
             WHERE t.topic = ?1 AND r.number IS NOT NULL AND {once} ORDER BY t.published DESC, r.number DESC LIMIT ?2"
        ))?;
        let mut rows = newest.query(params![topic, window.count_max as i64])?;
        while let Some(row) = rows.next()? {
            if (ids.len() >= window.count && row.get::<_, i64>(2)? < young) || !add(row.get(0)?, row.get(1)?, &mut ids) {
                break;
            }
        }
        Ok(ids)
    }

    pub(in crate::store) fn withdrawn_entries(&self, feed: &str, limit: usize) -> Result<Vec<Withdrawn>> {
        self.connection
            .prepare_cached(
                "SELECT published_id, at, part FROM withdrawn WHERE feed = (SELECT id FROM feed WHERE path = ?1) \
                 ORDER BY at DESC, published_id LIMIT ?2",
            )
            .and_then(|mut s| {
                s.query_map(params![feed, limit as i64], |row| {
                    Ok(Withdrawn { id: row.get(0)?, at: time(row.get(1)?), part: row.get::<_, i64>(2)?.unsigned_abs() })
                })?
                .collect()
            })
            .map_err(|e| self.error(e))
    }
}
