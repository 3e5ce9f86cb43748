//! Bringing records into feeds and out of them: the open part fills, and is closed for ever.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};

use crate::store::StoreError;
use crate::store::sqlite::{Result, SqliteStore, micros, time};

/// Most entries of one part: a current document has at most 100, and room for pinned and recent ones besides these.
const PART_RECORDS_MAX: i64 = 75;
/// Most bytes that the drafts of one part have together, unless it is one alone: escaped twice they stay below 512 KB.
const PART_BYTES_MAX: i64 = 96 << 10;

/// Keeps a record as it was, before it changes at `now`, if some closed part shows it so.
pub(in crate::store) fn keep_version(tx: &Transaction<'_>, record: i64, now: DateTime<Utc>) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT OR IGNORE INTO version (record, until, updated, draft) \
         SELECT r.id, ?2, r.updated, d.draft FROM record r JOIN draft d ON d.record = r.id WHERE r.id = ?1 AND EXISTS \
         (SELECT 1 FROM carried c JOIN part p ON p.feed = c.feed AND p.part = c.part WHERE c.record = ?1 \
         AND p.closed >= coalesce((SELECT max(until) FROM version WHERE record = ?1), 0))",
    )?
    .execute(params![record, micros(now)])?;
    Ok(())
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
    section: String,
    /// With a space between.
    topics: String,
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
    fn wanted(&self, record: &Candidate) -> rusqlite::Result<Vec<String>> {
        if record.hidden {
            return Ok(Vec::new());
        }
        let mut paths = vec![String::new(), format!("source/{}", record.source), format!("section/{}", record.section)];
        for slug in record.topics.split_ascii_whitespace() {
            if let Some(story) = record.story.filter(|_| self.once.contains(slug)) {
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

    fn move_record(&mut self, record: &Candidate) -> rusqlite::Result<()> {
        let tx = self.tx;
        let wanted = self.wanted(record)?;
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
            let is_news = before.is_none_or(|(.., updated)| *updated != record.updated);
            if is_news {
                shelf.updated = shelf.updated.max(record.last_mod).max(record.updated);
            }
            match before {
                // Its words are as they were in the part that carries it; its categories may not be, and do not make it new (O4, O5).
                Some(_) if !is_news => {}
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
    pub(in crate::store) fn rename_all_feeds(&mut self, renamed: &[(String, String)]) -> Result<()> {
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

    pub(in crate::store) fn shelve_records(&mut self, once: &[String], all: bool) -> Result<()> {
        let path = self.path.clone();
        let error = |source| StoreError::Database { path: path.clone(), source };
        const MARKED: &str = "SELECT EXISTS (SELECT 1 FROM record WHERE dirty > 0) OR EXISTS (SELECT 1 FROM topic WHERE dirty > 0) \
             OR EXISTS (SELECT 1 FROM feed WHERE dirty = 1)";
        if !all && !self.connection.query_row(MARKED, [], |row| row.get(0)).map_err(error)? {
            return Ok(());
        }
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(error)?;
        let mark = || -> rusqlite::Result<Vec<i64>> {
            tx.execute("UPDATE topic SET dirty = 2 WHERE dirty = 1", [])?;
            tx.execute("UPDATE feed SET dirty = 2 WHERE dirty = 1", [])?;
            // That 1 is more than 0 is said for SQLite, which takes the index of marks only then.
            tx.execute("UPDATE record SET dirty = 2 WHERE dirty > 0 AND dirty = 1 AND number IS NOT NULL", [])?;
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
                    "SELECT r.id, r.published_id, s.name, r.updated, r.last_mod, r.hidden, r.story, r.story_rank, r.bytes, r.section, r.topics \
                     FROM record r JOIN source s ON s.id = r.source WHERE r.id = ?1",
                )
                .and_then(|mut s| {
                    s.query_row([id], |row| {
                        Ok(Candidate {
                            id: row.get(0)?,
                            published_id: row.get(1)?,
                            source: row.get(2)?,
                            updated: row.get(3)?,
                            last_mod: row.get(4)?,
                            hidden: row.get(5)?,
                            story: row.get(6)?,
                            rank: row.get(7)?,
                            bytes: row.get(8)?,
                            section: row.get(9)?,
                            topics: row.get(10)?,
                        })
                    })
                })
                .map_err(error)?;
            shelving.move_record(&record).map_err(error)?;
        }
        shelving.finish().map_err(error)?;
        tx.commit().map_err(error)
    }
}
