//! How the store grows: by day, and what came just now.

use chrono::{DateTime, Utc};

use super::sqlite::{Result, SqliteStore, micros, time};

/// What a day's polls brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Growth {
    /// The day's beginning, UTC.
    pub day: DateTime<Utc>,
    /// New entries.
    pub new: u64,
    /// Polls.
    pub polls: u64,
    /// Polls that were not well.
    pub failed: u64,
}

/// A record that has just come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When its source says that it was published.
    pub published: DateTime<Utc>,
    /// When it was added.
    pub added: DateTime<Utc>,
}

const DAY_US: i64 = 86_400 * 1_000_000;

impl SqliteStore {
    pub(super) fn growth_since(&self, since: DateTime<Utc>) -> Result<Vec<Growth>> {
        self.connection
            .prepare_cached(
                "SELECT at / ?2 AS day, sum(new), count(*), sum(class IS NOT NULL) FROM poll_line WHERE at >= ?1 GROUP BY day ORDER BY day",
            )
            .and_then(|mut s| {
                s.query_map([micros(since), DAY_US], |row| {
                    let number = |n| Ok::<_, rusqlite::Error>(row.get::<_, i64>(n)?.unsigned_abs());
                    Ok(Growth { day: time(row.get::<_, i64>(0)? * DAY_US), new: number(1)?, polls: number(2)?, failed: number(3)? })
                })?
                .collect()
            })
            .map_err(|e| self.error(e))
    }

    pub(super) fn unsettled_arrivals(&self) -> Result<Vec<Arrival>> {
        self.connection
            .prepare_cached(
                "SELECT published, added FROM record r WHERE number IS NULL \
                 AND EXISTS (SELECT 1 FROM poll_line p WHERE p.source = r.source AND p.at < r.added AND p.at <= r.published AND p.class IS NULL)",
            )
            .and_then(|mut s| s.query_map([], |row| Ok(Arrival { published: time(row.get(0)?), added: time(row.get(1)?) }))?.collect())
            .map_err(|e| self.error(e))
    }
}
