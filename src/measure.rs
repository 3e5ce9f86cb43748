//! What the service counts of itself, for those who watch it: written by the scheduler and the web, read by `/metrics` and `/readyz`.
//!
//! Times come in as values; nothing here reads a clock.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::config::Site;
use crate::stage::poll::{Outcome, PollState};
use crate::store::Arrival;

/// A source may miss so many of its own intervals before it counts as stale.
const MISSED_MAX: usize = 3;
/// The scheduler comes round once a minute, and says so; later than this, it hangs.
const ROUND_MAX: TimeDelta = TimeDelta::minutes(5);
/// Bounds of the freshness histogram in seconds: a minute to a day.
pub const FRESHNESS_S: [u64; 10] = [60, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400];
/// Bounds of the histogram of polls' lengths in milliseconds.
pub const POLL_MS: [u64; 8] = [50, 100, 250, 500, 1_000, 2_500, 10_000, 30_000];
/// How a poll can end, in the order in which it is counted.
pub const OUTCOMES: [Outcome; 6] =
    [Outcome::Succeeded, Outcome::Unchanged, Outcome::Moved, Outcome::RateLimited, Outcome::Gone, Outcome::Failed];

/// Observations, sorted by size.
#[derive(Debug)]
pub struct Histogram<const N: usize> {
    bounds: [u64; N],
    within: [AtomicU64; N],
    sum: AtomicU64,
    count: AtomicU64,
}

impl<const N: usize> Histogram<N> {
    fn new(bounds: [u64; N]) -> Self {
        Self { bounds, within: std::array::from_fn(|_| AtomicU64::new(0)), sum: AtomicU64::new(0), count: AtomicU64::new(0) }
    }

    fn observe(&self, value: u64) {
        if let Some(n) = self.bounds.iter().position(|bound| value <= *bound)
            && let Some(within) = self.within.get(n)
        {
            within.fetch_add(1, Relaxed);
        }
        self.sum.fetch_add(value, Relaxed);
        self.count.fetch_add(1, Relaxed);
    }

    /// Each bound with how many observations were at most that.
    pub fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> {
        let mut so_far = 0;
        self.bounds.iter().zip(&self.within).map(move |(bound, within)| {
            so_far += within.load(Relaxed);
            (*bound, so_far)
        })
    }

    /// Sum and number of all observations.
    pub fn total(&self) -> (u64, u64) {
        (self.sum.load(Relaxed), self.count.load(Relaxed))
    }
}

/// The service's counters since its start.
#[derive(Debug)]
pub struct Measures {
    started: DateTime<Utc>,
    polls: [AtomicU64; OUTCOMES.len()],
    lost_polls: AtomicU64,
    new: AtomicU64,
    changed: AtomicU64,
    publications: [AtomicU64; 2],
    files: AtomicU64,
    /// Moments in microseconds since 1970; 0 for never.
    published_at: AtomicI64,
    failing_since: AtomicI64,
    round_at: AtomicI64,
    well_at: AtomicI64,
    fresh_until: AtomicI64,
    sources: AtomicU64,
    failure: Mutex<String>,
    /// Answers by the first digit of their status, 1 to 5, and 304 apart at 0.
    answers: [AtomicU64; 6],
    /// From an article's publication at its source to its appearance in our feeds, in seconds.
    pub freshness: Histogram<{ FRESHNESS_S.len() }>,
    /// Lengths of polls in milliseconds.
    pub poll_ms: Histogram<{ POLL_MS.len() }>,
}

impl Measures {
    /// Nothing counted yet, at the service's start.
    #[must_use]
    pub fn new(started: DateTime<Utc>) -> Self {
        Self {
            started,
            polls: Default::default(),
            lost_polls: AtomicU64::new(0),
            new: AtomicU64::new(0),
            changed: AtomicU64::new(0),
            publications: Default::default(),
            files: AtomicU64::new(0),
            published_at: AtomicI64::new(0),
            failing_since: AtomicI64::new(0),
            round_at: AtomicI64::new(0),
            well_at: AtomicI64::new(0),
            fresh_until: AtomicI64::new(0),
            sources: AtomicU64::new(0),
            failure: Mutex::default(),
            answers: Default::default(),
            freshness: Histogram::new(FRESHNESS_S),
            poll_ms: Histogram::new(POLL_MS),
        }
    }

    /// When the service started.
    #[must_use]
    pub fn started(&self) -> DateTime<Utc> {
        self.started
    }

    /// The scheduler came round.
    pub fn came_round(&self, now: DateTime<Utc>) {
        self.round_at.store(now.timestamp_micros(), Relaxed);
    }

    /// When the scheduler last came round.
    #[must_use]
    pub fn round_at(&self) -> Option<DateTime<Utc>> {
        moment(&self.round_at)
    }

    /// Whether the scheduler comes round as it should.
    #[must_use]
    pub fn is_coming_round(&self, now: DateTime<Utc>) -> bool {
        now - self.round_at().unwrap_or(self.started) <= ROUND_MAX
    }

    /// What is known of the sources: until when the site counts as fresh follows from that.
    pub fn looked_over<'s>(&self, site: &Site, state_of: impl Fn(&str) -> Option<&'s PollState>) {
        let fresh_until = site.sources.iter().filter_map(|source| fresh_until(&source.schedule, state_of(&source.id)?)).max();
        let well_at = site.sources.iter().filter_map(|source| state_of(&source.id)?.well_at).max();
        self.fresh_until.store(fresh_until.map_or(0, |at| at.timestamp_micros()), Relaxed);
        self.well_at.store(well_at.map_or(0, |at| at.timestamp_micros()), Relaxed);
        self.sources.store(site.sources.len() as u64, Relaxed);
    }

    /// A poll ended.
    pub fn polled(&self, state: &PollState) {
        if let Some(counter) = OUTCOMES.iter().position(|outcome| *outcome == state.outcome).and_then(|n| self.polls.get(n)) {
            counter.fetch_add(1, Relaxed);
        }
        self.new.fetch_add(state.new as u64, Relaxed);
        self.changed.fetch_add(state.changed as u64, Relaxed);
        self.poll_ms.observe(state.took_ms);
    }

    /// A poll ended, and nothing of it could be stored.
    pub fn lost_poll(&self) {
        self.lost_polls.fetch_add(1, Relaxed);
    }

    /// A publication is durable: so many files, and the records that are in it for the first time.
    pub fn published(&self, now: DateTime<Utc>, files: usize, arrivals: &[Arrival]) {
        self.publications[1].fetch_add(1, Relaxed);
        self.files.fetch_add(files as u64, Relaxed);
        self.published_at.store(now.timestamp_micros(), Relaxed);
        self.failing_since.store(0, Relaxed);
        for arrival in arrivals {
            self.freshness.observe((now - arrival.published).num_seconds().max(0).unsigned_abs());
        }
    }

    /// A publication failed, and why.
    pub fn publication_failed(&self, now: DateTime<Utc>, why: &str) {
        self.publications[0].fetch_add(1, Relaxed);
        // Since the first of a row.
        let _ = self.failing_since.compare_exchange(0, now.timestamp_micros(), Relaxed, Relaxed);
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = why.to_owned();
    }

    /// Since when publishing fails, and what it last said.
    #[must_use]
    pub fn failing(&self) -> Option<(DateTime<Utc>, String)> {
        let since = moment(&self.failing_since)?;
        Some((since, self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()))
    }

    /// A request was answered with this status.
    pub fn answered(&self, status: u16) {
        let place = if status == 304 { 0 } else { usize::from(status / 100) };
        if let Some(counter) = self.answers.get(place) {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// Why readers should not be sent here: what they would get is older than it should be. Empty if all is well. That the process
    /// runs is no reason to think so.
    #[must_use]
    pub fn complaints(&self, now: DateTime<Utc>) -> Vec<String> {
        let mut complaints = Vec::new();
        if let Some((since, _)) = self.failing() {
            complaints.push(format!("publishing has failed since {}", crate::syntax::rfc3339(since)));
        }
        if !self.is_coming_round(now) {
            complaints.push(match self.round_at() {
                Some(at) => format!("the scheduler has not come round since {}", crate::syntax::rfc3339(at)),
                None => "the scheduler has not started".to_owned(),
            });
        }
        if self.sources.load(Relaxed) > 0 && moment(&self.fresh_until).is_none_or(|until| until < now) {
            complaints.push(match moment(&self.well_at) {
                Some(at) => {
                    format!("no source has been read since {}, and each has missed {MISSED_MAX} of its turns", crate::syntax::rfc3339(at))
                }
                None => "no source has been read yet".to_owned(),
            });
        }
        complaints
    }

    /// Every plain counter, for whoever writes them down.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let load = |counter: &AtomicU64| counter.load(Relaxed);
        Counts {
            polls: std::array::from_fn(|n| self.polls.get(n).map_or(0, load)),
            lost_polls: load(&self.lost_polls),
            new: load(&self.new),
            changed: load(&self.changed),
            publications: load(&self.publications[1]),
            publications_failed: load(&self.publications[0]),
            files: load(&self.files),
            published_at: moment(&self.published_at),
            well_at: moment(&self.well_at),
            answers: std::array::from_fn(|n| self.answers.get(n).map_or(0, load)),
        }
    }
}

/// The plain counters at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    /// Polls by [`OUTCOMES`].
    pub polls: [u64; OUTCOMES.len()],
    /// Polls that could not be stored.
    pub lost_polls: u64,
    /// New entries.
    pub new: u64,
    /// Changed entries.
    pub changed: u64,
    /// Publications.
    pub publications: u64,
    /// Publications that failed.
    pub publications_failed: u64,
    /// Files written or removed.
    pub files: u64,
    /// When the last publication became durable.
    pub published_at: Option<DateTime<Utc>>,
    /// When a source was last read, or found unchanged.
    pub well_at: Option<DateTime<Utc>>,
    /// Answers: 304 first, then by the first digit of the status.
    pub answers: [u64; 6],
}

fn moment(at: &AtomicI64) -> Option<DateTime<Utc>> {
    match at.load(Relaxed) {
        0 => None,
        us => DateTime::from_timestamp_micros(us),
    }
}

/// Until when what is known of a source is as fresh as it was meant to be: for three turns of its schedule, and for as long as its
/// publisher asked to be left alone after a good answer. `None` if it was never read.
fn fresh_until(schedule: &crate::stage::schedule::Schedule, state: &PollState) -> Option<DateTime<Utc>> {
    let well_at = state.well_at?;
    let turns = (0..MISSED_MAX).try_fold(well_at, |at, _| schedule.next(at)).unwrap_or(DateTime::<Utc>::MAX_UTC);
    // A minute of grace: a turn takes time.
    let asked = state.next_due.filter(|_| state.outcome.is_good()).map(|due| due + TimeDelta::minutes(1));
    Some(asked.map_or(turns, |asked| asked.max(turns)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap() + TimeDelta::minutes(minutes)
    }

    fn site() -> Site {
        let text = "[site]\ntitle = \"T\"\nbase_url = \"https://t.example/\"\n[[source]]\nid = \"a\"\nurl = \"https://a.example/\"\n\
                    schedule = \"1h\"\n[[source]]\nid = \"b\"\nurl = \"https://b.example/\"\nschedule = \"1h\"\n";
        crate::config::check(std::path::Path::new("feeds.toml"), text).unwrap()
    }

    fn look(measures: &Measures, states: &HashMap<&str, PollState>) {
        measures.looked_over(&site(), |id| states.get(id));
    }

    #[test]
    fn it_is_ready_while_some_source_keeps_its_turns() {
        let measures = Measures::new(at(0));
        measures.came_round(at(0));
        look(&measures, &HashMap::new());
        assert_eq!(measures.complaints(at(0)), ["no source has been read yet"]);
        let well = PollState { outcome: Outcome::Succeeded, well_at: Some(at(0)), next_due: Some(at(60)), ..PollState::default() };
        let failing = PollState { outcome: Outcome::Failed, well_at: Some(at(-500)), next_due: Some(at(900)), ..PollState::default() };
        look(&measures, &HashMap::from([("a", well.clone()), ("b", failing)]));
        for (minutes, is_ready) in [(0, true), (100, true), (180, true), (181, false)] {
            measures.came_round(at(minutes));
            assert_eq!(measures.complaints(at(minutes)).is_empty(), is_ready, "{minutes}");
        }
        // A publisher that asks for a day has it, unless the answer was bad.
        let asked = PollState { next_due: Some(at(1_440)), ..well.clone() };
        look(&measures, &HashMap::from([("a", asked.clone())]));
        assert!(measures.complaints(at(181)).is_empty());
        look(&measures, &HashMap::from([("a", PollState { outcome: Outcome::RateLimited, ..asked })]));
        assert_eq!(measures.complaints(at(181)).len(), 1);
    }

    #[test]
    fn a_scheduler_that_hangs_and_a_publication_that_fails_are_told() {
        let measures = Measures::new(at(0));
        assert!(measures.complaints(at(1)).is_empty(), "there are no sources");
        assert_eq!(measures.complaints(at(6)), ["the scheduler has not started"]);
        measures.came_round(at(6));
        assert!(measures.complaints(at(10)).is_empty());
        assert!(measures.complaints(at(12))[0].contains("not come round since 2023-11-14T22:19:20Z"));
        measures.came_round(at(12));
        measures.publication_failed(at(12), "disk full");
        measures.publication_failed(at(13), "disk still full");
        assert_eq!(measures.failing(), Some((at(12), "disk still full".to_owned())));
        assert!(measures.complaints(at(13))[0].starts_with("publishing has failed since"));
        measures.published(at(14), 3, &[]);
        assert!(measures.complaints(at(14)).is_empty());
    }

    #[test]
    fn freshness_is_counted_from_publication_to_publication() {
        let measures = Measures::new(at(0));
        let arrival = |minutes: i64| Arrival { published: at(-minutes), added: at(0) };
        measures.published(at(0), 1, &[arrival(1), arrival(2), arrival(10_000), arrival(-5)]);
        let counted: Vec<u64> = measures.freshness.cumulative().map(|(_, count)| count).collect();
        assert_eq!(counted, [2, 3, 3, 3, 3, 3, 3, 3, 3, 3]);
        assert_eq!(measures.freshness.total(), (60 + 120 + 600_000, 4));
    }
}
