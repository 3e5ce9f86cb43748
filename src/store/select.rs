//! Records of several topics and sources together.

use std::collections::HashMap;

use rusqlite::ToSql;

use super::StoredRecord;
use super::sqlite::{Result, SqliteStore};

/// Which records a feed made of several topics or sources holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selection {
    /// Slugs: a record belongs that is under all topics of one of these lists.
    pub any: Vec<Vec<String>>,
    /// Source ids: a record belongs that one of these owns; all do where none is named.
    pub sources: Vec<String>,
}

/// Newest records of a topic among which those of other topics and of sources are looked for: what nobody may ask for is a walk
/// through everything.
const SCAN_MAX: i64 = 10_000;

impl SqliteStore {
    pub(super) fn selected(&self, selection: &Selection, count: usize) -> Result<Vec<StoredRecord>> {
        let mut records: Vec<StoredRecord> = Vec::new();
        for all in &selection.any {
            records.extend(self.under_all(all, &selection.sources, count)?);
        }
        records.sort_by_key(|record| std::cmp::Reverse((record.draft.published, record.number)));
        records.dedup_by_key(|record| record.number);
        if selection.sources.is_empty() {
            // Each list has a story once; here it is once for all of them, by the record that came first.
            let mut first: HashMap<u64, u64> = HashMap::new();
            for (story, number) in records.iter().filter_map(|record| Some((record.story?, record.number))) {
                first.entry(story).and_modify(|least| *least = number.min(*least)).or_insert(number);
            }
            records.retain(|record| record.story.is_none_or(|story| first.get(&story) == Some(&record.number)));
        }
        records.truncate(count);
        Ok(records)
    }

    /// The newest records that are under all of these topics. Without sources, each story once.
    fn under_all(&self, topics: &[String], sources: &[String], count: usize) -> Result<Vec<StoredRecord>> {
        let counts = super::Store::topic_counts(self)?;
        let mut topics: Vec<&String> = topics.iter().collect();
        // From the rarest, so that few are looked at.
        topics.sort_by_key(|slug| counts.get(*slug).map_or(0, |count| count.records));
        let Some((first, others)) = topics.split_first() else { return Ok(Vec::new()) };
        let sources_json = serde_json::to_string(sources).map_err(|e| self.damaged("a list of sources", e))?;
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let mut values: Vec<&dyn ToSql> = vec![first, &SCAN_MAX, &sources_json, &count];
        let mut condition = String::from(
            "JOIN (SELECT record, published FROM record_topic WHERE topic = ?1 ORDER BY published DESC LIMIT ?2) t ON t.record = r.id \
             WHERE r.number IS NOT NULL AND r.hidden = 0",
        );
        condition += if sources.is_empty() {
            " AND ?3 IS NOT NULL AND (r.story IS NULL OR NOT EXISTS (SELECT 1 FROM record m JOIN record_topic o \
             ON o.topic = ?1 AND o.published = m.published AND o.record = m.id WHERE m.story = r.story AND m.story_rank < r.story_rank))"
        } else {
            " AND s.name IN (SELECT value FROM json_each(?3))"
        };
        for other in others {
            values.push(other);
            let place = values.len();
            condition += &format!(
                " AND EXISTS (SELECT 1 FROM record_topic x WHERE x.topic = ?{place} AND x.published = t.published AND x.record = t.record)"
            );
        }
        condition += " ORDER BY t.published DESC, r.number DESC LIMIT ?4";
        self.select_records(&condition, values.as_slice())
    }
}
