//! Article pages in the embedded store.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, TransactionBehavior, params};

use super::sqlite::{Result, SqliteStore, TOPICS_OF, micros, time};
use super::{ArticleCount, ArticleState, DueArticle, ReadArticle, StoreError, StoredRobots};
use crate::stage::article::Article;
use crate::stage::article::image::Picture;

/// Records looked at in one go when pages are noted that are to be read.
const BATCH: i64 = 5_000;

impl SqliteStore {
    fn json(&self, what: &str, value: &impl serde::Serialize) -> Result<String> {
        serde_json::to_string(value).map_err(|e| self.damaged(what, e))
    }

    fn article(&self, record: i64, json: &str) -> Result<Article> {
        serde_json::from_str(json).map_err(|e| self.damaged(&format!("the article of record row {record}"), e))
    }

    pub(super) fn queue_new_articles(&mut self, wanted: &[(String, bool)], now: DateTime<Utc>) -> Result<()> {
        let modes: BTreeMap<&str, bool> = wanted.iter().map(|(source, only)| (source.as_str(), *only)).collect();
        let modes_json = self.json("the sources of articles", &modes)?;
        let digest = blake3::hash(modes_json.as_bytes()).to_hex();
        // Up to which row records were looked at, and for which sources.
        let before = self.meta("articles")?.unwrap_or_default();
        let mut after = match before.split_once(' ') {
            Some((old, row)) if old == digest.as_str() => row.parse().unwrap_or(0),
            _ => 0,
        };
        let mut queue = || -> rusqlite::Result<()> {
            loop {
                let last: Option<i64> = self
                    .connection
                    .prepare_cached("SELECT max(id) FROM (SELECT id FROM record WHERE id > ?1 ORDER BY id LIMIT ?2)")?
                    .query_row([after, BATCH], |row| row.get(0))?;
                let Some(last) = last else { return Ok(()) };
                let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                {
                    // A fragment was made to tell articles apart that share a link: it leads to no page of their own.
                    let mut select = tx.prepare_cached(
                        "SELECT r.id, r.url FROM record r JOIN draft d ON d.record = r.id JOIN source s ON s.id = r.source JOIN json_each(?3) w ON w.key = s.name \
                         WHERE r.id > ?1 AND r.id <= ?2 AND r.hidden = 0 AND (instr(r.url, '#') = 0 OR instr(r.url, '#!') > 0) \
                         AND (NOT w.value OR d.draft ->> 'image' IS NULL OR d.draft ->> 'summary' = '') ORDER BY r.id",
                    )?;
                    let mut insert = tx.prepare_cached("INSERT OR IGNORE INTO article (record, host, due) VALUES (?1, ?2, ?3)")?;
                    let mut rows = select.query(params![after, last, modes_json])?;
                    while let Some(row) = rows.next()? {
                        let url: String = row.get(1)?;
                        let host = url::Url::parse(&url).ok().and_then(|url| url.host_str().map(str::to_owned));
                        if let Some(host) = host {
                            insert.execute(params![row.get::<_, i64>(0)?, host, micros(now)])?;
                        }
                    }
                }
                after = last;
                let note = format!("{digest} {after}");
                tx.execute("INSERT INTO meta (key, value) VALUES ('articles', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1", [note])?;
                tx.commit()?;
            }
        };
        let queued = queue();
        queued.map_err(|e| self.error(e))
    }

    pub(super) fn hosts_due(&self, sources: &[String], now: DateTime<Utc>) -> Result<Vec<(String, u64)>> {
        let sources = self.json("a list of sources", &sources)?;
        self.connection
            .prepare_cached(
                "SELECT a.host, count(*) FROM article a JOIN record r ON r.id = a.record JOIN source s ON s.id = r.source \
                 WHERE a.due <= ?1 AND s.name IN (SELECT value FROM json_each(?2)) GROUP BY a.host ORDER BY a.host",
            )
            .and_then(|mut s| {
                s.query_map(params![micros(now), sources], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?.collect()
            })
            .map_err(|e| self.error(e))
    }

    pub(super) fn article_due(&self, host: &str, sources: &[String], now: DateTime<Utc>) -> Result<Option<DueArticle>> {
        let sources = self.json("a list of sources", &sources)?;
        let row = self
            .connection
            .prepare_cached(
                "SELECT a.record, s.name, a.tries, a.article, d.draft FROM article a INDEXED BY article_by_host \
                 JOIN record r ON r.id = a.record JOIN draft d ON d.record = r.id JOIN source s ON s.id = r.source \
                 WHERE a.host = ?1 AND a.due <= ?2 AND s.name IN (SELECT value FROM json_each(?3)) ORDER BY a.due, a.record LIMIT 1",
            )
            .and_then(|mut s| {
                s.query_row(params![host, micros(now), sources], |row| {
                    let known: Option<String> = row.get(3)?;
                    Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?, known, row.get::<_, String>(4)?))
                })
                .optional()
            })
            .map_err(|e| self.error(e))?;
        let Some((record, source, tries, known, draft)) = row else { return Ok(None) };
        let known = known.map(|json| self.article(record, &json)).transpose()?;
        let draft = serde_json::from_str(&draft).map_err(|e| self.damaged(&format!("record row {record}"), e))?;
        Ok(Some(DueArticle { record, source, tries, known, draft }))
    }

    pub(super) fn put_article(&mut self, record: i64, read: &ReadArticle, now: DateTime<Utc>) -> Result<()> {
        let article = self.json("an article", &read.article)?;
        let shown = read.shown.as_ref().map(|shown| self.json("an article", shown)).transpose()?;
        let icon = read.icon.as_ref().map(|icon| self.json("an icon", icon)).transpose()?;
        let path = self.path.clone();
        let mut write = || -> rusqlite::Result<()> {
            let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let (old, old_shown): (Option<String>, Option<String>) = tx
                .prepare_cached("SELECT article, shown FROM article WHERE record = ?1")?
                .query_row([record], |row| Ok((row.get(0)?, row.get(1)?)))?;
            for (hash, bytes) in &read.files {
                tx.prepare_cached("INSERT OR IGNORE INTO file (hash, bytes) VALUES (?1, ?2)")?.execute(params![hash, bytes])?;
            }
            if let (Some(icon), Some(picture)) = (&icon, &read.icon) {
                tx.prepare_cached("INSERT OR REPLACE INTO icon (url, at, picture) VALUES (?1, ?2, ?3)")?.execute(params![
                    picture.url,
                    micros(now),
                    icon
                ])?;
            }
            tx.prepare_cached(
                "UPDATE article SET due = ?2, tries = ?3, tried_at = ?4, why = NULL, read_at = coalesce(read_at, ?4), article = ?5, \
                 shown = ?6, href = ?7 WHERE record = ?1",
            )?
            .execute(params![
                record,
                read.next.0.map(micros),
                read.next.1,
                micros(now),
                article,
                shown,
                read.shown.as_ref().and_then(|shown| shown.href.as_deref())
            ])?;
            if old.as_ref() != Some(&article) {
                tx.prepare_cached("UPDATE record SET dirty = 1, last_mod = ?2 WHERE id = ?1")?.execute(params![record, micros(now)])?;
            }
            if old_shown != shown {
                // An address more may make it part of a story.
                if read.shown.as_ref().is_some_and(|shown| shown.same_as.is_some() || shown.href.is_some()) {
                    tx.prepare_cached("UPDATE record SET told = 0 WHERE id = ?1")?.execute([record])?;
                    // It is made anew, with the page's address in it.
                    tx.prepare_cached("DELETE FROM signature WHERE record = ?1")?.execute([record])?;
                    tx.prepare_cached("DELETE FROM signature WHERE record = ?1")?.execute([record])?;
                }
                tx.prepare_cached(&format!("UPDATE topic SET dirty = 1 WHERE slug IN ({TOPICS_OF} r.id = ?1)"))?.execute([record])?;
                tx.prepare_cached("UPDATE feed SET dirty = 1 WHERE id IN (SELECT feed FROM carried WHERE record = ?1)")?
                    .execute([record])?;
            }
            tx.commit()
        };
        write().map_err(|source| StoreError::Database { path, source })
    }

    pub(super) fn put_failed_article(&mut self, record: i64, why: &str, next: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<()> {
        self.connection
            .prepare_cached("UPDATE article SET tries = tries + 1, why = ?2, due = ?3, tried_at = ?4 WHERE record = ?1")
            .and_then(|mut s| s.execute(params![record, why, next.map(micros), micros(now)]))
            .map(|_| ())
            .map_err(|e| self.error(e))
    }

    pub(super) fn put_off_host(
        &mut self,
        host: &str,
        why: &str,
        next: &dyn Fn(u32) -> Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<u64> {
        let path = self.path.clone();
        let mut write = || -> rusqlite::Result<u64> {
            let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let tries: Vec<u32> = tx
                .prepare_cached("SELECT DISTINCT tries FROM article WHERE host = ?1 AND due <= ?2")?
                .query_map(params![host, micros(now)], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            let mut changed = 0;
            for tries in tries {
                changed += tx
                    .prepare_cached(
                        "UPDATE article SET tries = tries + 1, why = ?4, due = ?5, tried_at = ?3 WHERE host = ?1 AND tries = ?2 AND due <= ?3",
                    )?
                    .execute(params![host, tries, micros(now), why, next(tries + 1).map(micros)])?;
            }
            tx.commit()?;
            Ok(changed as u64)
        };
        write().map_err(|source| StoreError::Database { path, source })
    }

    pub(super) fn known_articles(&self, numbers: &[u64]) -> Result<HashMap<u64, Article>> {
        let read = || -> rusqlite::Result<Vec<(u64, String)>> {
            let mut select = self.connection.prepare_cached(
                "SELECT a.article FROM record r JOIN article a ON a.record = r.id WHERE r.number = ?1 AND a.article IS NOT NULL",
            )?;
            let mut found = Vec::new();
            for number in numbers {
                found.extend(select.query_row([number.cast_signed()], |row| row.get(0)).optional()?.map(|json| (*number, json)));
            }
            Ok(found)
        };
        let found = read().map_err(|e| self.error(e))?;
        found.into_iter().map(|(number, json)| Ok((number, self.article(number.cast_signed(), &json)?))).collect()
    }

    pub(super) fn state_of_article(&self, number: u64) -> Result<Option<ArticleState>> {
        let row = self
            .connection
            .prepare_cached(
                "SELECT a.read_at, a.article, a.tries, a.tried_at, a.why, a.due FROM article a JOIN record r ON r.id = a.record \
                 WHERE r.number = ?1",
            )
            .and_then(|mut s| {
                s.query_row([number.cast_signed()], |row| {
                    let moment = |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(at)?.map(time));
                    let state = ArticleState {
                        read_at: moment(0)?,
                        article: None,
                        tries: row.get(2)?,
                        tried_at: moment(3)?,
                        why: row.get(4)?,
                        due: moment(5)?,
                    };
                    Ok((state, row.get::<_, Option<String>>(1)?))
                })
                .optional()
            })
            .map_err(|e| self.error(e))?;
        let Some((state, json)) = row else { return Ok(None) };
        let article = json.map(|json| self.article(number.cast_signed(), &json)).transpose()?;
        Ok(Some(ArticleState { article, ..state }))
    }

    pub(super) fn count_articles(&self) -> Result<HashMap<String, ArticleCount>> {
        self.connection
            .prepare_cached(
                // SQLite takes `why` from the row in which the maximum stands.
                "SELECT s.name, count(a.article), sum(a.article IS NULL AND a.due IS NOT NULL), sum(a.article IS NULL AND a.due IS NULL), \
                 a.why, max(CASE WHEN a.why IS NULL THEN -1 ELSE a.tried_at END) \
                 FROM article a JOIN record r ON r.id = a.record JOIN source s ON s.id = r.source GROUP BY s.id",
            )
            .and_then(|mut s| {
                s.query_map([], |row| {
                    let number = |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, i64>(at)?.unsigned_abs());
                    Ok((row.get(0)?, ArticleCount { read: number(1)?, waiting: number(2)?, given_up: number(3)?, why: row.get(4)? }))
                })?
                .collect()
            })
            .map_err(|e| self.error(e))
    }

    pub(super) fn bytes_of(&self, hash: &str) -> Result<Option<Vec<u8>>> {
        self.connection
            .prepare_cached("SELECT bytes FROM file WHERE hash = ?1")
            .and_then(|mut s| s.query_row([hash], |row| row.get(0)).optional())
            .map_err(|e| self.error(e))
    }

    pub(super) fn known_icon(&self, url: &str) -> Result<Option<(DateTime<Utc>, Picture)>> {
        let row = self
            .connection
            .prepare_cached("SELECT at, picture FROM icon WHERE url = ?1")
            .and_then(|mut s| s.query_row([url], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))).optional())
            .map_err(|e| self.error(e))?;
        row.map(|(at, json)| Ok((time(at), serde_json::from_str(&json).map_err(|e| self.damaged("an icon", e))?))).transpose()
    }

    pub(super) fn known_robots(&self, origin: &str) -> Result<Option<StoredRobots>> {
        self.connection
            .prepare_cached("SELECT fetched, failing_since, unreachable, body FROM robots WHERE origin = ?1")
            .and_then(|mut s| {
                s.query_row([origin], |row| {
                    Ok(StoredRobots {
                        fetched: time(row.get(0)?),
                        failing_since: row.get::<_, Option<i64>>(1)?.map(time),
                        unreachable: row.get(2)?,
                        body: row.get(3)?,
                    })
                })
                .optional()
            })
            .map_err(|e| self.error(e))
    }

    pub(super) fn keep_robots(&mut self, origin: &str, robots: &StoredRobots) -> Result<()> {
        let body = robots.body.clone().map_or(Value::Null, Value::Blob);
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO robots (origin, fetched, failing_since, unreachable, body) VALUES (?1, ?2, ?3, ?4, ?5)")
            .and_then(|mut s| {
                s.execute(params![origin, micros(robots.fetched), robots.failing_since.map(micros), robots.unreachable, body])
            })
            .map(|_| ())
            .map_err(|e| self.error(e))
    }
}
