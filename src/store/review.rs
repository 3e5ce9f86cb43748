//! Records as an editor goes through them, in the embedded store.

use rusqlite::params;

use super::StoredRecord;
use super::sqlite::{Result, SqliteStore};

impl SqliteStore {
    pub(super) fn records_to_review(&self, before: Option<u64>, topic: Option<&str>, limit: usize) -> Result<Vec<StoredRecord>> {
        let before = before.map_or(i64::MAX, |n| i64::try_from(n).unwrap_or(i64::MAX));
        let filed = if topic.is_some() { "AND r.id IN (SELECT record FROM record_topic WHERE topic = ?3)" } else { "AND ?3 IS NULL" };
        self.select_records(
            &format!("WHERE r.number IS NOT NULL AND r.number < ?1 {filed} ORDER BY r.number DESC LIMIT ?2"),
            params![before, limit as i64, topic],
        )
    }
}
