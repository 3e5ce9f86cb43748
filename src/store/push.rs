//! WebSub in the embedded store: subscriptions, announcements and followers, each a row whose state is JSON of its type.

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params, params_from_iter};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use super::sqlite::{Result, SqliteStore, micros, time};
use crate::stage::push::{Announcement, Census, Follower, Subscription};

/// What becomes of a row: `None` for one that is not there, and for one that is to go.
pub(super) type Alter<'a, T> = dyn FnMut(Option<T>) -> Option<T> + 'a;

/// The part of the store that pushes need. Each change is one transaction, so that a callback and a request that cross each other
/// both count.
pub trait PushStore {
    /// Our subscriptions, of one source or of all.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn subscriptions(&self, source: Option<&str>) -> Result<Vec<Subscription>, StoreError>;

    /// Our subscriptions for which something is to be done at `now`, at most `limit` of them, the longest waiting first.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn subscriptions_due(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<Subscription>, StoreError>;

    /// Our subscription with this callback path.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn subscription(&self, path: &str) -> Result<Option<Subscription>, StoreError>;

    /// Changes, makes or forgets the subscription with this callback path.
    ///
    /// # Errors
    /// Any [`StoreError`]; then it is as it was.
    fn alter_subscription(&mut self, path: &str, alter: &mut Alter<'_, Subscription>) -> Result<(), StoreError>;

    /// Sources with a push that no poll has followed yet, and when it came.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn hints(&self) -> Result<Vec<(String, DateTime<Utc>)>, StoreError>;

    /// What hubs were told of our feeds.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn announcements(&self) -> Result<Vec<Announcement>, StoreError>;

    /// Announcements that are due at `now`, at most `limit` of them, the longest waiting first.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn announcements_due(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<Announcement>, StoreError>;

    /// Changes, makes or forgets what this hub was told of this feed.
    ///
    /// # Errors
    /// Any [`StoreError`]; then it is as it was.
    fn alter_announcement(&mut self, hub: &str, topic: &str, alter: &mut Alter<'_, Announcement>) -> Result<(), StoreError>;

    /// Followers for whom something is to be done at `now`, at most `limit` of them and 8 of a host: those first that have not failed,
    /// then the longest waiting, so that a host that hangs holds nobody up.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn followers_due(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<Follower>, StoreError>;

    /// Feeds that somebody follows.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn followed(&self) -> Result<Vec<String>, StoreError>;

    /// How many followers there are, and how many of them at this host.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn census(&self, host: &str) -> Result<Census, StoreError>;

    /// Changes, makes or forgets the follower of this feed with this callback.
    ///
    /// # Errors
    /// Any [`StoreError`]; then it is as it was.
    fn alter_follower(&mut self, topic: &str, callback: &str, alter: &mut Alter<'_, Follower>) -> Result<(), StoreError>;

    /// Takes note that this feed has this version now: every follower who knows another one is to be told.
    ///
    /// # Errors
    /// Any [`StoreError`]; then nothing is noted.
    fn feed_changed(&mut self, topic: &str, version: &str, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// When the next of all these has something to be done.
    ///
    /// # Errors
    /// Any [`StoreError`].
    fn push_due(&self) -> Result<Option<DateTime<Utc>>, StoreError>;
}

impl PushStore for SqliteStore {
    fn subscriptions(&self, source: Option<&str>) -> Result<Vec<Subscription>> {
        self.states("SELECT state FROM subscription WHERE source = ?1 OR ?1 IS NULL ORDER BY source, path", [source])
    }

    fn subscriptions_due(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<Subscription>> {
        self.states("SELECT state FROM subscription WHERE due <= ?1 ORDER BY due LIMIT ?2", params![micros(now), limit as i64])
    }

    fn subscription(&self, path: &str) -> Result<Option<Subscription>> {
        Ok(self.states("SELECT state FROM subscription WHERE path = ?1", [path])?.pop())
    }

    fn alter_subscription(&mut self, path: &str, alter: &mut Alter<'_, Subscription>) -> Result<()> {
        self.alter(("subscription", "path = ?1"), [path], alter, |tx, state, s| {
            tx.prepare_cached("INSERT OR REPLACE INTO subscription (path, source, due, hint, state) VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute(params![path, s.source, s.due.map(micros), s.hint.map(micros), state])
        })
    }

    fn hints(&self) -> Result<Vec<(String, DateTime<Utc>)>> {
        self.rows("SELECT source, max(hint) FROM subscription WHERE hint IS NOT NULL GROUP BY source", [], |row| {
            Ok((row.get(0)?, time(row.get(1)?)))
        })
    }

    fn announcements(&self) -> Result<Vec<Announcement>> {
        self.states("SELECT state FROM announcement ORDER BY hub, topic", [])
    }

    fn announcements_due(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<Announcement>> {
        self.states("SELECT state FROM announcement WHERE due <= ?1 ORDER BY due LIMIT ?2", params![micros(now), limit as i64])
    }

    fn alter_announcement(&mut self, hub: &str, topic: &str, alter: &mut Alter<'_, Announcement>) -> Result<()> {
        self.alter(("announcement", "hub = ?1 AND topic = ?2"), [hub, topic], alter, |tx, state, a| {
            tx.prepare_cached("INSERT OR REPLACE INTO announcement (hub, topic, due, state) VALUES (?1, ?2, ?3, ?4)")?.execute(params![
                hub,
                topic,
                a.notice.due.map(micros),
                state
            ])
        })
    }

    fn followers_due(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<Follower>> {
        let sql = "SELECT state FROM (SELECT state, failures, due, row_number() OVER (PARTITION BY host ORDER BY failures, due) AS place \
                   FROM follower WHERE due <= ?1) WHERE place <= 8 ORDER BY failures, due LIMIT ?2";
        self.states(sql, params![micros(now), limit as i64])
    }

    fn followed(&self) -> Result<Vec<String>> {
        self.rows("SELECT DISTINCT topic FROM follower", [], |row| row.get(0))
    }

    fn census(&self, host: &str) -> Result<Census> {
        let count = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
            self.connection
                .prepare_cached(sql)
                .and_then(|mut s| s.query_row(values, |row| row.get::<_, i64>(0)))
                .map(i64::unsigned_abs)
                .map_err(|e| self.error(e))
        };
        Ok(Census {
            all: count("SELECT count(*) FROM follower", &[])?,
            of_host: count("SELECT count(*) FROM follower WHERE host = ?1", &[&host])?,
            waiting: count("SELECT count(*) FROM follower WHERE waiting = 1", &[])?,
        })
    }

    fn alter_follower(&mut self, topic: &str, callback: &str, alter: &mut Alter<'_, Follower>) -> Result<()> {
        self.alter(("follower", "topic = ?1 AND callback = ?2"), [topic, callback], alter, write_follower)
    }

    fn feed_changed(&mut self, topic: &str, version: &str, now: DateTime<Utc>) -> Result<()> {
        let followers: Vec<Follower> = self.states("SELECT state FROM follower WHERE topic = ?1", [topic])?;
        let path = self.path.clone();
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|source| StoreError::Database { path: path.clone(), source })?;
        for mut follower in followers {
            if follower.notice.see(version, now) {
                let state = encode(&path, &follower)?;
                write_follower(&tx, &state, &follower).map_err(|source| StoreError::Database { path: path.clone(), source })?;
            }
        }
        tx.commit().map_err(|source| StoreError::Database { path, source })
    }

    fn push_due(&self) -> Result<Option<DateTime<Utc>>> {
        let sql = "SELECT min(due) FROM (SELECT min(due) AS due FROM subscription UNION ALL SELECT min(due) FROM announcement \
                   UNION ALL SELECT min(due) FROM follower)";
        let due: Option<i64> =
            self.connection.prepare_cached(sql).and_then(|mut s| s.query_row([], |row| row.get(0))).map_err(|e| self.error(e))?;
        Ok(due.map(time))
    }
}

fn write_follower(tx: &Transaction<'_>, state: &str, f: &Follower) -> rusqlite::Result<usize> {
    let sql = "INSERT OR REPLACE INTO follower (topic, callback, host, waiting, failures, due, state) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let (tries, failures) = (f.wish.as_ref().map_or(0, |wish| wish.tries), f.notice.failures);
    let values = params![f.topic, f.callback, f.host, f.wish.is_some(), tries.max(failures), f.due().map(micros), state];
    tx.prepare_cached(sql)?.execute(values)
}

fn encode(path: &std::path::Path, value: &impl Serialize) -> Result<String> {
    let damaged = |e: serde_json::Error| StoreError::Damaged { path: path.to_owned(), what: "a push's state".into(), cause: e.to_string() };
    serde_json::to_string(value).map_err(damaged)
}

impl SqliteStore {
    fn rows<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut s| s.query_map(values, read)?.collect::<rusqlite::Result<Vec<_>>>())
            .map_err(|e| self.error(e))
    }

    fn states<T: DeserializeOwned>(&self, sql: &str, values: impl rusqlite::Params) -> Result<Vec<T>> {
        let rows: Vec<String> = self.rows(sql, values, |row| row.get(0))?;
        rows.iter().map(|state| serde_json::from_str(state).map_err(|e| self.damaged("a push's state", e))).collect()
    }

    /// Reads the one row of a table where a condition holds, and writes or deletes what it has become, in one transaction.
    fn alter<T: DeserializeOwned + Serialize + PartialEq + Clone, const N: usize>(
        &mut self,
        (table, condition): (&str, &str),
        key: [&str; N],
        alter: &mut Alter<'_, T>,
        write: impl FnOnce(&Transaction<'_>, &str, &T) -> rusqlite::Result<usize>,
    ) -> Result<()> {
        let path = self.path.clone();
        let error = |source| StoreError::Database { path: path.clone(), source };
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(error)?;
        let found: Option<String> = tx
            .prepare_cached(&format!("SELECT state FROM {table} WHERE {condition}"))
            .and_then(|mut s| s.query_row(params_from_iter(key), |row| row.get(0)).optional())
            .map_err(error)?;
        let before: Option<T> = found.as_deref().map(serde_json::from_str).transpose().map_err(|e| StoreError::Damaged {
            path: path.clone(),
            what: "a push's state".into(),
            cause: e.to_string(),
        })?;
        let after = alter(before.clone());
        match &after {
            _ if before == after => return Ok(()),
            Some(after) => write(&tx, &encode(&path, after)?, after),
            None => tx.prepare_cached(&format!("DELETE FROM {table} WHERE {condition}")).and_then(|mut s| s.execute(params_from_iter(key))),
        }
        .map_err(error)?;
        tx.commit().map_err(error)
    }
}
