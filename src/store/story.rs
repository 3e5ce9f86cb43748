//! Stories in the embedded store.

use chrono::{DateTime, Utc};
use rusqlite::{Transaction, TransactionBehavior, params};

use super::sqlite::{RecordRow, Result, SELECT_RECORD, SqliteStore, TOPICS_OF, micros, time};
use super::{Put, StoreError, StoryMember, Telling};
use crate::stage::story::Signature;

/// Of each story in a topic only the record with the lowest rank there.
pub(super) const ONCE: &str = "(r.story IS NULL OR NOT EXISTS (SELECT 1 FROM record m JOIN record_topic o \
     ON o.topic = ?1 AND o.published = m.published AND o.record = m.id WHERE m.story = r.story AND m.story_rank < r.story_rank))";

const SELECT_TELLING: &str = "SELECT r.number, s.name, r.url, r.published, r.story, r.story_rank, g.signature \
     FROM record r JOIN source s ON s.id = r.source LEFT JOIN signature g ON g.record = r.id WHERE r.number IS NOT NULL";

impl SqliteStore {
    pub(super) fn untold_records(&self, limit: usize, off: &[String]) -> Result<Vec<Telling>> {
        let off = serde_json::to_string(off).map_err(|e| self.damaged("a list of sources", e))?;
        // Chosen by themselves: sorted with their signatures, all that wait would be in memory.
        let condition = "r.id IN (SELECT u.id FROM record u JOIN source o ON o.id = u.source WHERE u.told = 0 AND u.number IS NOT NULL \
             AND o.name NOT IN (SELECT value FROM json_each(?2)) ORDER BY u.published, u.url LIMIT ?1) ORDER BY r.published, r.url";
        self.tellings_where(condition, params![limit as i64, off])
    }

    pub(super) fn known_tellings(&self, from: DateTime<Utc>, to: DateTime<Utc>, limit: usize, urls: &[String]) -> Result<Vec<Telling>> {
        let (from, to) = (micros(from), micros(to));
        let condition = "r.told = 1 AND r.published BETWEEN ?1 AND ?2 ORDER BY r.published DESC, r.url LIMIT ?3";
        let mut tellings = self.tellings_where(condition, params![from, to, limit as i64])?;
        if !urls.is_empty() {
            let urls = serde_json::to_string(urls).map_err(|e| self.damaged("a list of addresses", e))?;
            let condition = "r.told = 1 AND r.url IN (SELECT value FROM json_each(?3)) AND NOT (r.published BETWEEN ?1 AND ?2)";
            tellings.extend(self.tellings_where(condition, params![from, to, urls])?);
        }
        Ok(tellings)
    }

    fn tellings_where(&self, condition: &str, values: impl rusqlite::Params) -> Result<Vec<Telling>> {
        let mut damaged = None;
        let tellings = self
            .connection
            .prepare_cached(&format!("{SELECT_TELLING} AND {condition}"))
            .and_then(|mut s| {
                s.query_map(values, |row| {
                    let number = row.get::<_, i64>(0)?.unsigned_abs();
                    let signature = row.get_ref(6)?.as_blob_or_null()?.map(|bytes| {
                        let read = Signature::from_bytes(bytes);
                        damaged = damaged.or(read.is_none().then_some(number));
                        read
                    });
                    Ok(Telling {
                        number,
                        source: row.get(1)?,
                        url: row.get(2)?,
                        published: time(row.get(3)?),
                        story: row.get::<_, Option<i64>>(4)?.map(i64::unsigned_abs),
                        rank: row.get(5)?,
                        signature: signature.flatten(),
                    })
                })?
                .collect::<rusqlite::Result<Vec<_>>>()
            })
            .map_err(|e| self.error(e))?;
        match damaged {
            Some(number) => Err(self.damaged(&format!("the signature of record {number}"), "it is none")),
            None => Ok(tellings),
        }
    }

    pub(super) fn put_records(&mut self, puts: &[Put], last_story: u64) -> Result<()> {
        let path = self.path.clone();
        let mut write = || -> rusqlite::Result<()> {
            let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            {
                let mut sign = tx.prepare_cached(
                    "INSERT INTO signature (record, signature) SELECT id, ?2 FROM record WHERE number = ?1 \
                     ON CONFLICT (record) DO UPDATE SET signature = excluded.signature",
                )?;
                let mut before = tx.prepare_cached("SELECT story, story_rank FROM record WHERE number = ?1")?;
                let mut update = tx.prepare_cached(
                    "UPDATE record SET told = 1, story = ?2, story_rank = ?3, story_why = coalesce(?4, story_why) WHERE number = ?1",
                )?;
                let mut mark = tx.prepare_cached("UPDATE record SET dirty = 1 WHERE number = ?1")?;
                let mut changed = std::collections::BTreeSet::new();
                for put in puts {
                    let number = put.number.cast_signed();
                    if let Some(signature) = &put.signature {
                        sign.execute(params![number, signature.to_bytes()])?;
                    }
                    let story = put.story.map(u64::cast_signed);
                    let old: (Option<i64>, i64) = before.query_row([number], |row| Ok((row.get(0)?, row.get(1)?)))?;
                    if old != (story, put.rank) {
                        mark.execute([number])?;
                        changed.extend(old.0);
                        changed.extend(story);
                    }
                    update.execute(params![number, story, put.rank, put.why])?;
                }
                for story in changed {
                    touch(&tx, story)?;
                }
                tx.prepare_cached("INSERT INTO meta (key, value) VALUES ('story', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1")?
                    .execute([last_story.to_string()])?;
            }
            tx.commit()
        };
        write().map_err(|source| StoreError::Database { path, source })
    }

    pub(super) fn untell_records(&mut self, urls: &[String], off: &[String]) -> Result<()> {
        let path = self.path.clone();
        let (urls, off) = match (serde_json::to_string(urls), serde_json::to_string(off)) {
            (Ok(urls), Ok(off)) => (urls, off),
            (Err(e), _) | (_, Err(e)) => return Err(self.damaged("a list of addresses", e)),
        };
        let mut write = || -> rusqlite::Result<()> {
            let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            {
                let stories = tx
                    .prepare_cached(
                        "SELECT DISTINCT story FROM record WHERE story IS NOT NULL AND url IN (SELECT value FROM json_each(?1)) \
                         UNION SELECT DISTINCT r.story FROM record r JOIN source s ON s.id = r.source \
                         WHERE r.story IS NOT NULL AND s.name IN (SELECT value FROM json_each(?2))",
                    )?
                    .query_map([&urls, &off], |row| row.get::<_, i64>(0))?
                    .collect::<rusqlite::Result<Vec<_>>>()?;
                for story in stories {
                    touch(&tx, story)?;
                }
                const APART: &str = "UPDATE record SET told = 0, story = NULL, story_rank = 0, story_why = NULL";
                tx.prepare_cached(&format!(
                    "{APART} WHERE url IN (SELECT value FROM json_each(?1)) OR story IN \
                     (SELECT story FROM record WHERE url IN (SELECT value FROM json_each(?1)) AND story IS NOT NULL)"
                ))?
                .execute([&urls])?;
                tx.prepare_cached(&format!(
                    "{APART} WHERE told = 1 AND source IN (SELECT id FROM source WHERE name IN (SELECT value FROM json_each(?1)))"
                ))?
                .execute([&off])?;
            }
            tx.commit()
        };
        write().map_err(|source| StoreError::Database { path, source })
    }

    pub(super) fn story_members(&self, story: u64) -> Result<Vec<StoryMember>> {
        let columns = SELECT_RECORD.replace(" FROM record r", ", r.story_rank, r.story_why FROM record r");
        let rows = self
            .connection
            .prepare_cached(&format!("{columns} WHERE r.story = ?1 AND r.number IS NOT NULL ORDER BY r.story_rank, r.number"))
            .and_then(|mut s| {
                s.query_map([story.cast_signed()], |row| Ok((RecordRow::read(row)?, row.get(9)?, row.get(10)?)))?
                    .collect::<rusqlite::Result<Vec<_>>>()
            })
            .map_err(|e| self.error(e))?;
        rows.into_iter().map(|(row, rank, why)| Ok(StoryMember { record: self.read_record(row)?, rank, why })).collect()
    }

    pub(super) fn told_more_than_once(&self) -> Result<Vec<u64>> {
        self.connection
            .prepare_cached(
                "SELECT r.number FROM record r WHERE r.number IS NOT NULL AND \
                 ((r.story IS NULL AND (SELECT count(DISTINCT e.source) FROM entry e WHERE e.record = r.id) > 1) OR (r.story IS NOT NULL \
                 AND NOT EXISTS (SELECT 1 FROM record m WHERE m.story = r.story AND m.story_rank < r.story_rank) \
                 AND ((SELECT count(*) FROM record m WHERE m.story = r.story) > 1 \
                 OR (SELECT count(DISTINCT e.source) FROM entry e WHERE e.record = r.id) > 1))) \
                 ORDER BY r.published DESC, r.number DESC",
            )
            .and_then(|mut s| s.query_map([], |row| Ok(row.get::<_, i64>(0)?.unsigned_abs()))?.collect())
            .map_err(|e| self.error(e))
    }
}

/// Every topic that holds a member of the story is to be published again, and every member looked at: whether a topic's feed carries
/// it may depend on the others.
fn touch(tx: &Transaction<'_>, story: i64) -> rusqlite::Result<()> {
    tx.prepare_cached(&format!("UPDATE topic SET dirty = 1 WHERE slug IN ({TOPICS_OF} r.story = ?1)"))?.execute([story])?;
    tx.prepare_cached("UPDATE record SET dirty = 1 WHERE story = ?1")?.execute([story])?;
    Ok(())
}
