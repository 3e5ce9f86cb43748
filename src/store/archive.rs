//! Which feed carries which record since when, in the embedded store: the open part, the closed ones, and what was withdrawn.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};
use serde::Deserialize;

use super::sqlite::{RecordRow, Result, SELECT_RECORD, SqliteStore, micros, time};
use super::story::ONCE;
use super::{Archive, FeedState, Pending, StoreError, StoredRecord, Window, Withdrawn};

/// Most entries of one part: a current document has at most 100, and room for pinned and recent ones besides these.
const PART_RECORDS_MAX: i64 = 75;
/// Most bytes that the drafts of one part have together, unless it is one alone: escaped twice they stay below 512 KB.
const PART_BYTES_MAX: i64 = 96 << 10;

/// Keeps a record as it was, before it changes at `now`, if some closed part shows it so.
pub(super) fn keep_version(tx: &Transaction<'_>, record: i64, now: DateTime<Utc>) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT OR IGNORE INTO version (record, until, updated, draft) SELECT id, ?2, updated, draft FROM record WHERE id = ?1 AND EXISTS \
         (SELECT 1 FROM carried c JOIN part p ON p.feed = c.feed AND p.part = c.part WHERE c.record = ?1 \
         AND p.closed >= coalesce((SELECT max(until) FROM version WHERE record = ?1), 0))",
    )?
    .execute(params![record, micros(now)])?;
    Ok(())
}

/// What of a draft decides where its record belongs.
#[derive(Deserialize)]
struct Place {
    section: String,
    topics: Vec<Slug>,
}

#[derive(Deserialize)]
struct Slug {
    slug: String,
}

/// A record on its way to its feeds.
struct Candidate {
    id: i64,
    published_id: String,
    source: String,
    updated: i64,
    last_mod: i64,
    hidden: bool,
    story: Option<i64>,
    rank: i64,
    bytes: i64,
    draft: String,
}

/// A feed's last part as it fills.
struct Open {
    part: i64,
    name: String,
    records: i64,
    bytes: i64,
    since: i64,
}

/// One feed while records are brought to it.
struct Shelf {
    id: i64,
    updated: i64,
    open: Option<Open>,
}

/// The month of a part's name.
fn month(name: &str) -> &str {
    name.get(..7).unwrap_or(name)
}

/// The name of the part after `last` that begins with something that came at `since`. A clock that went back opens no older month.
fn name_after(last: Option<&str>, since: i64) -> String {
    let own = time(since).format("%Y-%m").to_string();
    match last {
        Some(last) if month(last) >= own.as_str() => {
            let place: u32 = last.get(8..).and_then(|place| place.parse().ok()).unwrap_or(1);
            format!("{}-{}", month(last), place + 1)
        }
        _ => own,
    }
}

struct Shelving<'t> {
    tx: &'t Transaction<'t>,
    once: HashSet<&'t str>,
    shelves: BTreeMap<String, Shelf>,
}

impl Shelving<'_> {
    fn shelf(&mut self, path: &str) -> rusqlite::Result<&mut Shelf> {
        if !self.shelves.contains_key(path) {
            let tx = self.tx;
            tx.prepare_cached("INSERT OR IGNORE INTO feed (path, updated, dirty) VALUES (?1, 0, 2)")?.execute([path])?;
            let (id, updated) = tx
                .prepare_cached("SELECT id, updated FROM feed WHERE path = ?1")?
                .query_row([path], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let open = tx
                .prepare_cached("SELECT part, name, records, bytes, since FROM part WHERE feed = ?1 ORDER BY part DESC LIMIT 1")?
                .query_row([id], |row| {
                    Ok(Open { part: row.get(0)?, name: row.get(1)?, records: row.get(2)?, bytes: row.get(3)?, since: row.get(4)? })
                })
                .optional()?;
            self.shelves.insert(path.to_owned(), Shelf { id, updated, open });
        }
        self.shelves.get_mut(path).ok_or(rusqlite::Error::QueryReturnedNoRows)
    }

    /// The feeds that a record belongs to.
    fn wanted(&self, record: &Candidate, place: &Place) -> rusqlite::Result<Vec<String>> {
        if record.hidden {
            return Ok(Vec::new());
        }
        let mut paths = vec![String::new(), format!("source/{}", record.source), format!("section/{}", place.section)];
        for Slug { slug } in &place.topics {
            if let Some(story) = record.story.filter(|_| self.once.contains(slug.as_str())) {
                let mut first = self.tx.prepare_cached(
                    "SELECT 1 FROM record m JOIN record_topic o ON o.topic = ?1 AND o.published = m.published AND o.record = m.id \
                     WHERE m.story = ?2 AND m.story_rank < ?3",
                )?;
                if first.exists(params![slug, story, record.rank])? {
                    continue;
                }
            }
            paths.push(format!("topic/{slug}"));
        }
        Ok(paths)
    }

    fn move_record(&mut self, record: &Candidate, place: &Place) -> rusqlite::Result<()> {
        let tx = self.tx;
        let wanted = self.wanted(record, place)?;
        // Feed, its folder, the last part that carries the record, and the record's state then.
        let carried: Vec<(i64, String, i64, i64)> = tx
            .prepare_cached(
                "SELECT c.feed, f.path, max(c.part), c.updated FROM carried c JOIN feed f ON f.id = c.feed WHERE c.record = ?1 GROUP BY c.feed",
            )?
            .query_map([record.id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (feed, path, part, _) in carried.iter().filter(|(_, path, ..)| !wanted.contains(path)) {
            self.take_out(record, *feed, path, *part)?;
        }
        for path in &wanted {
            let before = carried.iter().find(|(_, other, ..)| other == path);
            let shelf = self.shelf(path)?;
            shelf.updated = shelf.updated.max(record.last_mod).max(record.updated);
            match before {
                // Nothing that a reader sees is other than in the part that carries it.
                Some((.., updated)) if *updated == record.updated => {}
                Some((feed, _, part, _)) if shelf.open.as_ref().is_some_and(|open| open.part == *part) => {
                    tx.prepare_cached("UPDATE carried SET updated = ?4 WHERE feed = ?1 AND part = ?2 AND record = ?3")?
                        .execute(params![feed, part, record.id, record.updated])?;
                }
                _ => self.bring(record, path)?,
            }
        }
        Ok(())
    }

    /// Puts a record into the open part; closes it before if it is full or of a month that is over.
    fn bring(&mut self, record: &Candidate, path: &str) -> rusqlite::Result<()> {
        let tx = self.tx;
        let shelf = self.shelf(path)?;
        let since = record.last_mod.max(shelf.open.as_ref().map_or(i64::MIN, |open| open.since));
        let is_full = |open: &Open| {
            open.records > 0
                && (open.records >= PART_RECORDS_MAX
                    || open.bytes + record.bytes > PART_BYTES_MAX
                    || time(since).format("%Y-%m").to_string().as_str() > month(&open.name))
        };
        if shelf.open.as_ref().is_none_or(is_full) {
            if let Some(full) = &shelf.open {
                tx.prepare_cached(
                    "UPDATE part SET records = ?3, bytes = ?4, since = ?5, closed = ?6, dirty = 1 WHERE feed = ?1 AND part = ?2",
                )?
                .execute(params![shelf.id, full.part, full.records, full.bytes, full.since, since])?;
            }
            let part = shelf.open.as_ref().map_or(1, |open| open.part + 1);
            let name = name_after(shelf.open.as_ref().map(|open| open.name.as_str()), since);
            tx.prepare_cached("INSERT INTO part (feed, part, name, records, bytes, since, dirty) VALUES (?1, ?2, ?3, 0, 0, ?4, 0)")?
                .execute(params![shelf.id, part, name, since])?;
            shelf.open = Some(Open { part, name, records: 0, bytes: 0, since });
        }
        if let Some(open) = &mut shelf.open {
            tx.prepare_cached("INSERT INTO carried (feed, part, record, updated) VALUES (?1, ?2, ?3, ?4)")?.execute(params![
                shelf.id,
                open.part,
                record.id,
                record.updated
            ])?;
            (open.records, open.bytes, open.since) = (open.records + 1, open.bytes + record.bytes, since);
        }
        tx.prepare_cached("DELETE FROM withdrawn WHERE feed = ?1 AND published_id = ?2")?
            .execute(params![shelf.id, record.published_id])?;
        Ok(())
    }

    /// Takes a record out of every part of a feed; archive documents that carried it are written anew.
    fn take_out(&mut self, record: &Candidate, feed: i64, path: &str, part: i64) -> rusqlite::Result<()> {
        let tx = self.tx;
        let shelf = self.shelf(path)?;
        shelf.updated = shelf.updated.max(record.last_mod);
        // The count of the last part is written when all records are in place.
        tx.prepare_cached(
            "UPDATE part SET records = records - 1, dirty = closed IS NOT NULL WHERE feed = ?1 AND part IN \
             (SELECT part FROM carried WHERE feed = ?1 AND record = ?2)",
        )?
        .execute([feed, record.id])?;
        if let Some(open) = shelf.open.as_mut().filter(|open| open.part == part) {
            (open.records, open.bytes) = (open.records - 1, (open.bytes - record.bytes).max(0));
        }
        tx.prepare_cached("DELETE FROM carried WHERE record = ?2 AND feed = ?1 AND part <= ?3")?.execute([feed, record.id, part])?;
        if record.hidden {
            tx.prepare_cached("INSERT OR REPLACE INTO withdrawn (feed, published_id, part, at) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![feed, record.published_id, part, record.last_mod])?;
        }
        Ok(())
    }

    fn finish(self) -> rusqlite::Result<()> {
        for shelf in self.shelves.values() {
            self.tx.prepare_cached("UPDATE feed SET updated = ?2, dirty = 2 WHERE id = ?1")?.execute(params![shelf.id, shelf.updated])?;
            if let Some(open) = &shelf.open {
                self.tx
                    .prepare_cached("UPDATE part SET records = ?3, bytes = ?4, since = ?5 WHERE feed = ?1 AND part = ?2")?
                    .execute(params![shelf.id, open.part, open.records, open.bytes, open.since])?;
            }
        }
        Ok(())
    }
}

impl SqliteStore {
    pub(super) fn rename_all_feeds(&mut self, renamed: &[(String, String)]) -> Result<()> {
        let path = self.path.clone();
        let mut write = || -> rusqlite::Result<()> {
            let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for (from, to) in renamed {
                tx.prepare_cached("UPDATE OR IGNORE feed SET path = ?2, dirty = 2 WHERE path = ?1")?.execute([from, to])?;
            }
            tx.commit()
        };
        write().map_err(|source| StoreError::Database { path, source })
    }

    pub(super) fn shelve_records(&mut self, once: &[String], all: bool) -> Result<()> {
        let path = self.path.clone();
        let error = |source| StoreError::Database { path: path.clone(), source };
        const MARKED: &str = "SELECT EXISTS (SELECT 1 FROM record WHERE dirty > 0) OR EXISTS (SELECT 1 FROM topic WHERE dirty > 0)";
        if !all && !self.connection.query_row(MARKED, [], |row| row.get(0)).map_err(error)? {
            return Ok(());
        }
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(error)?;
        let mark = || -> rusqlite::Result<Vec<i64>> {
            tx.execute("UPDATE topic SET dirty = 2 WHERE dirty = 1", [])?;
            tx.execute("UPDATE record SET dirty = 2 WHERE dirty = 1 AND number IS NOT NULL", [])?;
            // In the order in which they come into feeds: a function of what is stored, not of the order of polls.
            let which = if all {
                "number IS NOT NULL"
            } else {
                "id IN (SELECT id FROM record WHERE dirty > 0 UNION SELECT m.id FROM record r JOIN record m ON m.story = r.story \
                 WHERE r.dirty > 0 AND r.story IS NOT NULL) AND number IS NOT NULL"
            };
            tx.prepare(&format!("SELECT id FROM record WHERE {which} ORDER BY last_mod, published, number"))?
                .query_map([], |row| row.get(0))?
                .collect()
        };
        let records = mark().map_err(error)?;
        let mut shelving = Shelving { tx: &tx, once: once.iter().map(String::as_str).collect(), shelves: BTreeMap::new() };
        for id in records {
            let record = tx
                .prepare_cached(
                    "SELECT r.id, r.published_id, s.name, r.updated, r.last_mod, r.hidden, r.story, r.story_rank, r.draft \
                     FROM record r JOIN source s ON s.id = r.source WHERE r.id = ?1",
                )
                .and_then(|mut s| {
                    s.query_row([id], |row| {
                        let draft: String = row.get(8)?;
                        Ok(Candidate {
                            id: row.get(0)?,
                            published_id: row.get(1)?,
                            source: row.get(2)?,
                            updated: row.get(3)?,
                            last_mod: row.get(4)?,
                            hidden: row.get(5)?,
                            story: row.get(6)?,
                            rank: row.get(7)?,
                            bytes: i64::try_from(draft.len()).unwrap_or(i64::MAX),
                            draft,
                        })
                    })
                })
                .map_err(error)?;
            let place: Place = serde_json::from_str(&record.draft).map_err(|e| StoreError::Damaged {
                path: path.clone(),
                what: format!("the record in row {id}"),
                cause: e.to_string(),
            })?;
            shelving.move_record(&record, &place).map_err(error)?;
        }
        shelving.finish().map_err(error)?;
        tx.commit().map_err(error)
    }

    pub(super) fn marked(&self) -> Result<Pending> {
        let read = || -> rusqlite::Result<Pending> {
            let texts = |sql: &str| -> rusqlite::Result<Vec<String>> {
                self.connection.prepare_cached(sql)?.query_map([], |row| row.get(0))?.collect()
            };
            let topics = texts("SELECT slug FROM topic WHERE dirty > 0 ORDER BY slug")?;
            let feeds = texts("SELECT path FROM feed WHERE dirty > 0 ORDER BY path")?;
            let mut records =
                self.connection.prepare_cached("SELECT number FROM record WHERE dirty > 0 AND number IS NOT NULL ORDER BY number")?;
            let records = records.query_map([], |row| Ok(row.get::<_, i64>(0)?.unsigned_abs()))?.collect::<rusqlite::Result<_>>()?;
            let mut archives = self.connection.prepare_cached(
                "SELECT f.path, p.name FROM part p JOIN feed f ON f.id = p.feed WHERE p.dirty = 1 ORDER BY f.path, p.part",
            )?;
            let archives = archives.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
            let mut hidden = self.connection.prepare_cached(
                "SELECT url, coalesce(draft ->> '$.section', '') FROM record WHERE dirty > 0 AND hidden = 1 AND number IS NOT NULL ORDER BY number",
            )?;
            let hidden = hidden.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
            Ok(Pending { topics, records, feeds, archives, hidden })
        };
        read().map_err(|e| self.error(e))
    }

    /// Only what the publication took up is done with: a mark that a poll has set since then stays.
    pub(super) fn unmark(&mut self, pending: &Pending, publication_hash: &str) -> Result<()> {
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
                let mut feed = tx.prepare_cached("UPDATE feed SET dirty = 0 WHERE path = ?1")?;
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

    pub(super) fn all_feeds(&self) -> Result<Vec<FeedState>> {
        self.connection
            .prepare_cached(
                "SELECT f.path, f.updated, (SELECT coalesce(sum(p.records), 0) FROM part p WHERE p.feed = f.id), \
                 CASE WHEN f.path LIKE 'source/%' THEN (SELECT coalesce(r.draft ->> '$.via', r.draft ->> '$.taken_from.title') \
                 FROM carried c JOIN record r ON r.id = c.record WHERE c.feed = f.id \
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

    pub(super) fn closed_parts(&self, feed: &str) -> Result<Vec<Archive>> {
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

    pub(super) fn archived_records(&self, feed: &str, archive: &Archive) -> Result<Vec<StoredRecord>> {
        // As it was: the first version that was replaced after the part was closed, else as it is.
        let version = |column: &str| {
            format!(
                "coalesce((SELECT v.{column} FROM version v WHERE v.record = r.id AND v.until > ?3 ORDER BY v.until LIMIT 1), r.{column})"
            )
        };
        let columns = SELECT_RECORD.replace("r.updated", &version("updated")).replace("r.draft", &version("draft"));
        let rows = self
            .connection
            .prepare_cached(&format!(
                "{columns} WHERE r.id IN (SELECT record FROM carried WHERE feed = (SELECT id FROM feed WHERE path = ?1) AND part = ?2) \
                 ORDER BY r.published DESC, r.number DESC"
            ))
            .and_then(|mut s| {
                s.query_map(params![feed, archive.part.cast_signed(), micros(archive.closed)], RecordRow::read)?
                    .collect::<rusqlite::Result<Vec<_>>>()
            })
            .map_err(|e| self.error(e))?;
        rows.into_iter().map(|row| self.read_record(row)).collect()
    }

    pub(super) fn current_records(&self, feed: &str, window: &Window) -> Result<Vec<StoredRecord>> {
        let ids = self.current_ids(feed, window).map_err(|e| self.error(e))?;
        let ids = serde_json::to_string(&ids).map_err(|e| self.damaged("a list of rows", e))?;
        let pinned = if window.topic.is_some() { "r.pinned DESC," } else { "" };
        self.select_records(
            &format!("WHERE r.id IN (SELECT value FROM json_each(?1)) ORDER BY {pinned} r.published DESC, r.number DESC"),
            [ids],
        )
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
            let mut all = self.connection.prepare_cached(
                "SELECT r.id, length(r.draft) FROM carried c JOIN record r ON r.id = c.record WHERE c.feed = ?1 AND c.part = ?2",
            )?;
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
                    "SELECT r.id, length(r.draft), p.since FROM carried c JOIN record r ON r.id = c.record \
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
            "SELECT r.id, length(r.draft) FROM record r WHERE r.pinned = 1 AND EXISTS \
             (SELECT 1 FROM carried c WHERE c.record = r.id AND c.feed = ?1) ORDER BY r.published DESC, r.number DESC",
        )?;
        let mut rows = pinned.query([id])?;
        while let Some(row) = rows.next()? {
            add(row.get(0)?, row.get(1)?, &mut ids);
        }
        let once = if window.once { ONCE } else { "1" };
        let mut newest = self.connection.prepare_cached(&format!(
            "SELECT r.id, length(r.draft), r.published FROM record_topic t JOIN record r ON r.id = t.record \
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

    pub(super) fn withdrawn_entries(&self, feed: &str, limit: usize) -> Result<Vec<Withdrawn>> {
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
