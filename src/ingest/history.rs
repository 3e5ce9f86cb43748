//! Rules over history: what is stored, derived anew by the rules and by the editors' words as they are now.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZero;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Ingest, IngestError, locked, rules_hash};
use crate::config::Site;
use crate::config::overrides::Overrides;
use crate::entry::Entry;
use crate::record::{Draft, DraftTopic};
use crate::stage::classify::Classifier;
use crate::stage::map::{self, Rules};
use crate::store::{Shift, Store, StoredEntry, Surveyed};
use crate::stories;

/// Fewer entries than this are no upheaval, whatever part of a feed they are.
const UPHEAVAL_MIN: u64 = 10;
/// Records looked at in one go.
const BATCH: usize = 2_000;
/// Titles told for each topic and direction.
const SAMPLES: usize = 5;

/// What became of the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// This many records changed.
    Changed(u64),
    /// Nothing changed: these topics' feeds would be emptied or flooded, and nobody has agreed to that.
    Held(Vec<Shift>),
}

/// What is noted of rules that wait for consent.
#[derive(Serialize, Deserialize)]
struct Waiting {
    hash: String,
    shifts: Vec<Shift>,
}

/// Topics of the configuration whose feeds a change would empty or flood: more than half of a feed's entries leave or enter, and
/// at least ten. A feed that was empty cannot be flooded: it has no readers yet.
#[must_use]
pub fn upheavals(site: &Site, shifts: &[Shift]) -> Vec<Shift> {
    let many = |n: u64, of: u64| n >= UPHEAVAL_MIN && n * 2 > of;
    let is_upheaval = |s: &&Shift| s.before > 0 && (many(s.left, s.before) || many(s.entered, s.before));
    let is_topic = |s: &&Shift| site.topics.iter().any(|t| t.slug == s.slug);
    shifts.iter().filter(is_topic).filter(is_upheaval).cloned().collect()
}

impl Ingest {
    /// Derives every stored record anew if the rules are not those it was made by, and those of which editors have said something
    /// else since. Rules that would empty or flood a feed are held back without `consent`; records that come meanwhile are filed
    /// by them all the same.
    ///
    /// # Errors
    /// The store's.
    pub fn apply_rules(&self, now: DateTime<Utc>, consent: bool) -> Result<Applied, IngestError> {
        let hash = rules_hash(&self.site);
        let mut store = locked(&self.store);
        let applied = if store.rules_hash()?.as_deref() == Some(hash.as_str()) {
            Applied::Changed(0)
        } else {
            let waiting = store.waiting()?.and_then(|json| serde_json::from_str::<Waiting>(&json).ok());
            match waiting.filter(|w| w.hash == hash && !consent) {
                // Looked at before: the store need not be read again at every start.
                Some(waiting) => Applied::Held(waiting.shifts),
                None => self.derive_all(&mut *store, &hash, now, consent)?,
            }
        };
        self.redecide(&mut *store, now)?;
        Ok(applied)
    }

    fn derive_all(&self, store: &mut dyn Store, hash: &str, now: DateTime<Utc>, consent: bool) -> Result<Applied, IngestError> {
        let mut held = Vec::new();
        let changed = store.rederive(hash, now, &mut |stored, old| self.derive(stored, old), &mut |shifts| {
            if !consent {
                held = upheavals(&self.site, shifts);
            }
            held.is_empty()
        })?;
        match changed {
            Some(changed) => Ok(Applied::Changed(changed)),
            None => {
                let waiting = Waiting { hash: hash.to_owned(), shifts: held };
                let json = serde_json::to_string(&waiting).map_err(|_| IngestError::Encode("a note".into()))?;
                store.wait(&json)?;
                Ok(Applied::Held(waiting.shifts))
            }
        }
    }

    /// Brings what editors said to the records and stories that they spoke of, now or the last time.
    fn redecide(&self, store: &mut dyn Store, now: DateTime<Utc>) -> Result<(), IngestError> {
        let before = store.words()?;
        if before.as_deref() == Some(&*self.words) {
            return Ok(());
        }
        let before: Overrides = before.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
        let apart = stories::changed(&before.stories, &self.site.overrides.stories);
        store.untell(&apart, &[])?;
        let mut urls = self.site.overrides.changed_records(&before);
        for source in self.site.overrides.changed_sources(&before) {
            urls.extend(store.urls_of(&source)?);
        }
        // What an editor wrote of a record that was hidden before goes too, though nothing else of it changes.
        let mut taken = Vec::new();
        for url in urls.iter().filter(|_| self.site.overrides.takedowns != before.takedowns) {
            let hidden = store.trace(url)?.map(|trace| trace.record).filter(|record| record.draft.hidden);
            taken.extend(hidden.filter(|r| self.site.overrides.takedowns.holds(&r.draft, &r.source)).map(|r| r.number));
        }
        if !taken.is_empty() {
            store.note_news(&[], &taken, true)?;
        }
        store.redecide(&urls, &self.words, now, &mut |stored, old| self.derive(stored, old))?;
        if !apart.is_empty() {
            // Before anything else is published by the words that were.
            store.settle()?;
            stories::settle(&self.site, store)?;
        }
        Ok(())
    }

    pub(super) fn derive(&self, stored: &StoredEntry, old: &Draft) -> Option<Draft> {
        self.derive_by_rules(stored, old).or_else(|| {
            // A source that is configured no more is left as it is, but not what is taken down.
            let taken = self.site.overrides.takedowns.holds(old, &stored.source);
            taken.then(|| Draft { hidden: true, topics: Vec::new(), ..old.clone() })
        })
    }

    fn derive_by_rules(&self, stored: &StoredEntry, old: &Draft) -> Option<Draft> {
        let source = self.positions.get(&stored.source).and_then(|n| self.site.sources.get(*n))?;
        let entry: Entry = serde_json::from_slice(&stored.raw).ok()?;
        let mut draft = map::redraft(&entry, old, source, self.rules())?;
        self.site.overrides.apply(&mut draft, &stored.source);
        Some(draft)
    }
}

/// What new rules would do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diff {
    /// Records that were looked at.
    pub records: u64,
    /// Records that would be filed otherwise.
    pub changed: u64,
    /// By topic's slug; only topics where something would change.
    pub topics: BTreeMap<String, TopicDiff>,
}

/// What new rules would do to one topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicDiff {
    /// Records now.
    pub before: u64,
    /// Records that would enter.
    pub entering: Direction,
    /// Records that would leave.
    pub leaving: Direction,
    /// Of those that leave, how many enter another topic instead, by its slug.
    pub moves: BTreeMap<String, u64>,
}

/// Records on their way into or out of a topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Direction {
    /// How many.
    pub count: u64,
    /// The newest of them: publication date, title, URL.
    pub samples: Vec<(DateTime<Utc>, String, String)>,
}

impl Direction {
    fn add(&mut self, draft: &Draft) {
        self.count += 1;
        let sample = (draft.published, draft.title.clone(), draft.href.clone());
        let place = self.samples.partition_point(|s| (s.0, &s.2) > (sample.0, &sample.2));
        if place < SAMPLES {
            self.samples.insert(place, sample);
            self.samples.truncate(SAMPLES);
        }
    }
}

/// What the site's rules would do to everything stored, a batch at a time and on every processor. Nothing is written.
///
/// # Errors
/// The store's, or topics that cannot be compiled.
pub fn diff(site: &Site, store: &dyn Store) -> Result<Diff, IngestError> {
    let classifier = Classifier::of(&site.topics, site.model.as_ref()).map_err(|e| IngestError::Topics(e.to_string()))?;
    let rules = Rules { site, classifier: &classifier };
    let sources: HashMap<&str, usize> = site.sources.iter().enumerate().map(|(n, s)| (s.id.as_str(), n)).collect();
    let refile = |surveyed: &Surveyed| -> Option<Vec<DraftTopic>> {
        let source = site.sources.get(*sources.get(surveyed.entry.source.as_str())?)?;
        let entry: Entry = serde_json::from_slice(&surveyed.entry.raw).ok()?;
        let topics = map::refile(&entry, &surveyed.draft, source, rules)?;
        let mut draft = Draft { topics, ..surveyed.draft.clone() };
        site.overrides.apply(&mut draft, &surveyed.entry.source);
        Some(draft.topics)
    };
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let mut diff = Diff::default();
    for (slug, count) in store.topic_counts()? {
        diff.topics.insert(slug, TopicDiff { before: count.records, ..TopicDiff::default() });
    }
    let mut after = 0;
    loop {
        let batch = store.survey(after, BATCH)?;
        let Some(last) = batch.last() else { break };
        after = last.row;
        let part = batch.len().div_ceil(processors);
        let filed: Vec<Option<Vec<DraftTopic>>> = std::thread::scope(|scope| {
            let parts: Vec<_> = batch.chunks(part).map(|part| scope.spawn(|| part.iter().map(&refile).collect::<Vec<_>>())).collect();
            // A part is lost only to a fault of ours, which the other commands would tell; its records count as unchanged here.
            parts.into_iter().zip(batch.chunks(part)).flat_map(|(p, of)| p.join().unwrap_or_else(|_| vec![None; of.len()])).collect()
        });
        for (surveyed, topics) in batch.iter().zip(filed) {
            diff.records += 1;
            diff.add(&surveyed.draft, topics.as_deref().unwrap_or(&surveyed.draft.topics));
        }
    }
    diff.topics.retain(|_, t| t.entering.count + t.leaving.count > 0);
    Ok(diff)
}

impl Diff {
    fn add(&mut self, draft: &Draft, topics: &[DraftTopic]) {
        let only = |a: &[DraftTopic], b: &[DraftTopic]| -> Vec<String> {
            a.iter().filter(|t| !b.iter().any(|o| o.slug == t.slug)).map(|t| t.slug.clone()).collect()
        };
        let (entering, leaving) = (only(topics, &draft.topics), only(&draft.topics, topics));
        self.changed += u64::from(!entering.is_empty() || !leaving.is_empty());
        for slug in &leaving {
            let topic = self.topics.entry(slug.clone()).or_default();
            topic.leaving.add(draft);
            for to in &entering {
                *topic.moves.entry(to.clone()).or_default() += 1;
            }
        }
        for slug in entering {
            self.topics.entry(slug).or_default().entering.add(draft);
        }
    }

    /// The counts alone.
    #[must_use]
    pub fn shifts(&self) -> Vec<Shift> {
        let shift = |(slug, t): (&String, &TopicDiff)| Shift {
            slug: slug.clone(),
            before: t.before,
            entered: t.entering.count,
            left: t.leaving.count,
        };
        self.topics.iter().map(shift).collect()
    }
}
