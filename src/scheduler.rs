//! Who is polled when: a single round for `refresh`, and the service's loop, which stops when it is told and not before its
//! work is done.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

use crate::config::Site;
use crate::enrich::{Enriched, Enricher};
use crate::ingest::{Ingest, IngestError, Polled, SharedStore, locked};
use crate::io::clock::Clock;
use crate::measure::Measures;
use crate::publisher::{self, PublishError, Scope};
use crate::push::Wire;
use crate::stage::{poll, push, schedule};
use crate::store::{Outcome, PollState, StoreError};
use crate::syntax::rfc3339;

/// The service looks for due sources at least this often: a clock that jumps delays nothing longer.
const WAKE_MAX: Duration = Duration::from_secs(60);
/// The service was asleep if it wakes so much later than it wanted to.
const ASLEEP_MIN: TimeDelta = TimeDelta::seconds(120);
/// The shortest pause between two looks.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// Article pages are read for so long before what came of it is published.
const PAGES_RUN: Duration = Duration::from_secs(60);
/// How often pages that failed are looked for where no poll brings news.
const PAGES_REST: TimeDelta = TimeDelta::minutes(5);
/// Changes wait at most this long for other polls before they are published.
const PUBLISH_GAP: Duration = Duration::from_secs(5);
/// After a publication that failed, the next is tried so much later, whether or not anything else changes by then.
const PUBLISH_RETRY: Duration = Duration::from_secs(60);
/// How often the freshness of all sources is looked over.
const LOOK_GAP: TimeDelta = TimeDelta::seconds(20);

/// Sources, by their place in the configuration, that are due at `now`: never polled, or past their time.
#[must_use]
pub fn due(site: &Site, states: &HashMap<String, PollState>, now: DateTime<Utc>) -> Vec<usize> {
    let is_due = |id: &str| states.get(id).is_none_or(|state| poll::is_due(state, now));
    site.sources.iter().enumerate().filter(|(_, s)| is_due(&s.id)).map(|(n, _)| n).collect()
}

/// Polls these sources once; the gate lets as many at a time through as the configuration allows. `done` is told of each as it ends.
///
/// # Errors
/// The first that stops all polls; those under way are dropped, and nothing of them is stored.
pub async fn round(
    ingest: &Ingest,
    positions: Vec<usize>,
    now: DateTime<Utc>,
    mut done: impl FnMut(&Polled),
) -> Result<Vec<Polled>, IngestError> {
    let mut polls: FuturesUnordered<_> = positions.into_iter().map(|position| ingest.poll(position, now)).collect();
    let mut all = Vec::new();
    while let Some(polled) = polls.next().await {
        let polled = polled?;
        done(&polled);
        all.push(polled);
    }
    let places: HashMap<&str, usize> = ingest.site().sources.iter().enumerate().map(|(n, s)| (s.id.as_str(), n)).collect();
    all.sort_by_key(|p| places.get(p.source.as_str()).copied());
    Ok(all)
}

/// [`round`], and another over the feeds that lists turned out to name in it. Gives what polls from then on.
///
/// # Errors
/// As [`round`].
pub async fn rounds(
    ingest: Ingest,
    positions: Vec<usize>,
    now: DateTime<Utc>,
    mut done: impl FnMut(&Polled),
) -> Result<(Ingest, Vec<Polled>), IngestError> {
    let mut polled = round(&ingest, positions, now, &mut done).await?;
    let Some(new) = ingest.resubscribed()? else { return Ok((ingest, polled)) };
    let known: HashSet<&String> = ingest.site().sources.iter().map(|source| &source.id).collect();
    let added = new.site().sources.iter().enumerate().filter(|(_, source)| !known.contains(&source.id)).map(|(n, _)| n).collect();
    polled.extend(round(&new, added, now, done).await?);
    Ok((new, polled))
}

/// What ends the service early.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Polling is impossible.
    #[error(transparent)]
    Ingest(#[from] IngestError),
}

/// The service: polls what is due and publishes what changed, until `stop`; then lets polls under way finish and publishes.
/// A new configuration comes in through `changes`; `wire` tells of pushes, and is told of what was polled and published.
///
/// # Errors
/// The store's, if it fails for good.
pub async fn serve(
    mut ingest: Ingest,
    clock: Clock,
    measures: Arc<Measures>,
    mut changes: watch::Receiver<Ingest>,
    wire: Wire,
    stop: impl Future<Output = ()>,
) -> Result<(), ServiceError> {
    let mut stop = std::pin::pin!(stop);
    let mut polls = Polls::new(Arc::clone(&measures));
    let mut pages = Pages::new(&ingest);
    // When what changed is to be published; at once if no poll is under way.
    let mut waiting = Some(Instant::now() + PUBLISH_GAP);
    let mut is_retry = false;
    let mut looked: Option<DateTime<Utc>> = None;
    let mut turns = HashMap::new();
    let mut woke: Option<DateTime<Utc>> = None;
    loop {
        let now = clock.now();
        let states: HashMap<_, _> = locked(ingest.store()).poll_states().map_err(IngestError::from)?.into_iter().collect();
        let site = Arc::clone(ingest.site());
        measures.came_round(now);
        if looked.is_none_or(|at| now - at > LOOK_GAP || now < at) || measures.counts().well_at.is_none() {
            measures.looked_over(&site, |id| states.get(id));
            looked = Some(now);
        }
        if woke.is_none_or(|before| now - before > ASLEEP_MIN) {
            turns = spread(&site, &states, now);
        }
        woke = Some(now);
        turns.retain(|_, turn| *turn > now);
        let hints = hints(&site, ingest.store(), &states).map_err(IngestError::from)?;
        for position in hints.iter().filter(|(_, at)| **at <= now).map(|(position, _)| *position) {
            if let Some(source) = site.sources.get(position) {
                polls.start(&ingest, position, &source.id, now);
            }
        }
        for position in due(&site, &states, now) {
            if let Some(source) = site.sources.get(position).filter(|source| !turns.contains_key(&source.id)) {
                polls.start(&ingest, position, &source.id, now);
            }
        }
        pages.start(now);
        if waiting.is_some_and(|at| at <= Instant::now() || (polls.tasks.is_empty() && !is_retry)) {
            is_retry = !publish(&ingest, &clock, &measures).await;
            wire.published();
            waiting = is_retry.then(|| Instant::now() + PUBLISH_RETRY);
        }
        let pause = pause(&site, &states, &polls, &turns, now);
        let hinted = hints.iter().filter(|(position, _)| site.sources.get(**position).is_some_and(|s| !polls.is_under_way(&s.id)));
        let pause = hinted.filter_map(|(_, at)| (*at - now).to_std().ok()).min().map_or(pause, |hint| pause.min(hint.max(PAUSE_MIN)));
        tokio::select! {
            () = &mut stop => break,
            Some((source, changed)) = polls.next(ingest.store(), &wire) => {
                pages.idle &= !changed;
                // The time of the first change counts: polls that go on ending must not put publication off.
                if changed && waiting.is_none() {
                    waiting = Some(Instant::now() + PUBLISH_GAP);
                }
                if ingest.is_list(&source) && let Some(new) = ingest.resubscribed()? {
                    tracing::info!(sources = new.site().sources.len(), "a list of feeds changed");
                    wire.reloaded(new.clone());
                    pages.reload(&new);
                    ingest = new;
                }
            }
            Some(changed) = pages.next() => {
                if changed && waiting.is_none() {
                    waiting = Some(Instant::now() + PUBLISH_GAP);
                }
            }
            Ok(()) = changes.changed() => {
                let new = changes.borrow_and_update().clone();
                // Who sent it may have begun before a list changed.
                ingest = new.resubscribed()?.unwrap_or(new);
                wire.reloaded(ingest.clone());
                pages.reload(&ingest);
                looked = None;
                waiting = Some(Instant::now());
            }
            () = wire.hinted() => {}
            () = tokio::time::sleep(pause) => {}
            () = tokio::time::sleep_until(waiting.unwrap_or_else(Instant::now)), if waiting.is_some() => {}
        }
    }
    // An article is stored whole or not at all, and is read another time.
    pages.task.abort_all();
    while polls.next(ingest.store(), &wire).await.is_some() {}
    publish(&ingest, &clock, &measures).await;
    Ok(())
}

/// When each source is polled, by its place, that a hub has pushed for and no poll has followed yet.
fn hints(site: &Site, store: &SharedStore, states: &HashMap<String, PollState>) -> Result<HashMap<usize, DateTime<Utc>>, StoreError> {
    let hinted: HashMap<String, DateTime<Utc>> = locked(store).hints()?.into_iter().collect();
    if hinted.is_empty() {
        return Ok(HashMap::new());
    }
    let at = |source: &crate::config::Source| {
        let state = states.get(&source.id);
        let (polled, failures) = (state.and_then(|s| s.polled_at), state.map_or(0, |s| s.failures));
        Some(push::poll_at(*hinted.get(&source.id)?, polled, failures, source.floor))
    };
    Ok(site.sources.iter().enumerate().filter_map(|(position, source)| Some((position, at(source)?))).collect())
}

/// The reading of article pages, which goes on beside the polls.
struct Pages {
    enricher: Enricher,
    /// One run, or none.
    task: JoinSet<Result<Enriched, IngestError>>,
    /// Whether nothing was due when it was last looked, and no poll has brought anything since.
    idle: bool,
    looked: Option<DateTime<Utc>>,
}

impl Pages {
    fn new(ingest: &Ingest) -> Self {
        Self { enricher: Enricher::new(ingest), task: JoinSet::new(), idle: false, looked: None }
    }

    /// From the next run on, the new configuration holds.
    fn reload(&mut self, ingest: &Ingest) {
        self.enricher = Enricher::new(ingest);
        self.idle = false;
    }

    fn start(&mut self, now: DateTime<Utc>) {
        // What failed is due again some day, without any poll.
        let rested = self.looked.is_none_or(|looked| now - looked >= PAGES_REST);
        if !self.task.is_empty() || self.idle && !rested {
            return;
        }
        self.looked = Some(now);
        let enricher = self.enricher.clone();
        self.task.spawn(async move { enricher.run(now, PAGES_RUN).await });
    }

    /// Waits for the run to end. Whether it may have changed anything; `None` if none is under way.
    async fn next(&mut self) -> Option<bool> {
        let ended = self.task.join_next().await?;
        match ended.map_err(|e| e.to_string()).and_then(|run| run.map_err(|e| e.to_string())) {
            Ok(Enriched { read, failed, left }) => {
                self.idle = left == 0;
                if read + failed > 0 {
                    tracing::info!(read, failed, left, "article pages");
                }
                Some(read > 0)
            }
            Err(error) => {
                self.idle = true;
                tracing::error!(error, "article pages could not be stored; they are read another time");
                Some(false)
            }
        }
    }
}

/// Polls under way, by source: a source is never polled twice at once.
struct Polls {
    tasks: JoinSet<Result<Polled, IngestError>>,
    sources: HashMap<Id, (String, DateTime<Utc>)>,
    measures: Arc<Measures>,
}

impl Polls {
    fn new(measures: Arc<Measures>) -> Self {
        Self { tasks: JoinSet::new(), sources: HashMap::new(), measures }
    }

    fn is_under_way(&self, source: &str) -> bool {
        self.sources.values().any(|(s, _)| s == source)
    }

    fn start(&mut self, ingest: &Ingest, position: usize, source: &str, now: DateTime<Utc>) {
        if self.is_under_way(source) {
            return;
        }
        let ingest = ingest.clone();
        let task = self.tasks.spawn(async move { ingest.poll(position, now).await });
        self.sources.insert(task.id(), (source.to_owned(), now));
    }

    /// Waits for the next poll to end, logs it and notes what pushes it has followed. Its source, and whether it may have changed
    /// anything; `None` if none is under way.
    async fn next(&mut self, store: &SharedStore, wire: &Wire) -> Option<(String, bool)> {
        let (id, polled) = match self.tasks.join_next_with_id().await? {
            Ok((id, polled)) => (id, polled.map_err(|e| e.to_string())),
            Err(error) => (error.id(), Err(error.to_string())),
        };
        let (source, began) = self.sources.remove(&id).unwrap_or_default();
        match polled {
            Ok(polled) => {
                log(&polled);
                self.measures.polled(&polled.state);
                if matches!(polled.state.outcome, Outcome::Succeeded | Outcome::Moved) {
                    wire.polled(&source);
                }
                if let Err(error) = heeded(store, &source, began) {
                    tracing::error!(source, %error, "a push that was followed could not be noted; the source is polled once more");
                }
                Some((source, polled.state.new + polled.state.changed > 0))
            }
            Err(error) => {
                tracing::error!(source, error, "a poll could not be stored; it is repeated when it is next due");
                self.measures.lost_poll();
                Some((source, false))
            }
        }
    }
}

/// Notes that a poll that began then has followed the pushes before it.
fn heeded(store: &SharedStore, source: &str, began: DateTime<Utc>) -> Result<(), StoreError> {
    let mut store = locked(store);
    for mut subscription in store.subscriptions(Some(source))? {
        if subscription.heeded(began) {
            store.alter_subscription(&subscription.path, &mut |s| {
                let mut s = s?;
                s.heeded(began);
                Some(s)
            })?;
        }
    }
    Ok(())
}

/// When each source that is overdue gets its turn after a start or a sleep: spread, so that neither the line nor the publishers see
/// everything at once (F19). A source that was never polled waits for nothing: its operator does.
fn spread(site: &Site, states: &HashMap<String, PollState>, now: DateTime<Utc>) -> HashMap<String, DateTime<Utc>> {
    let overdue = due(site, states, now).into_iter().filter_map(|n| site.sources.get(n)).map(|source| &source.id);
    let overdue: Vec<&String> = overdue.filter(|id| states.get(*id).is_some_and(|state| state.polled_at.is_some())).collect();
    let seeds: Vec<u64> = overdue.iter().map(|id| schedule::seed(id)).collect();
    overdue.into_iter().cloned().zip(schedule::spread(&seeds, now)).collect()
}

/// How long until some source not under way is due and has its turn.
fn pause(
    site: &Site,
    states: &HashMap<String, PollState>,
    polls: &Polls,
    turns: &HashMap<String, DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Duration {
    let waiting = site.sources.iter().filter(|source| !polls.is_under_way(&source.id));
    let next = waiting.filter_map(|source| states.get(&source.id)?.next_due.max(turns.get(&source.id).copied())).min();
    next.and_then(|next| (next - now).to_std().ok()).unwrap_or(WAKE_MAX).clamp(PAUSE_MIN, WAKE_MAX)
}

/// One log line a poll.
pub fn log(polled: &Polled) {
    let state = &polled.state;
    let outcome = state.outcome.word();
    let next = state.next_due.map(rfc3339).unwrap_or_default();
    match &state.failure {
        Some(failure) => {
            tracing::warn!(
                source = polled.source,
                outcome,
                stage = failure.stage,
                class = failure.class,
                why = failure.why,
                next,
                "polled"
            );
        }
        None => tracing::info!(
            source = polled.source,
            outcome,
            new = state.new,
            changed = state.changed,
            took_ms = state.took_ms,
            next,
            "polled"
        ),
    }
}

/// Publishes off the threads that serve sockets; whether it went well. A failure is loud and leaves the old output.
async fn publish(ingest: &Ingest, clock: &Clock, measures: &Arc<Measures>) -> bool {
    let (site, store) = (Arc::clone(ingest.site()), Arc::clone(ingest.store()));
    let published = tokio::task::spawn_blocking(move || {
        // Before they are settled: afterwards nothing tells them from the others.
        let arrivals = locked(&store).arrivals()?;
        Ok::<_, PublishError>((publisher::publish(&site, &store, Scope::Changed)?, arrivals))
    });
    let why = match published.await {
        Ok(Ok((written, arrivals))) => {
            written.told.iter().for_each(|what| tracing::warn!("{what}"));
            if written.written + written.removed > 0 {
                tracing::info!(written = written.written, removed = written.removed, "published");
            }
            measures.published(clock.now(), written.written + written.removed, &arrivals);
            return true;
        }
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    tracing::error!(error = why, "publishing failed; the files published before stay, and it is tried again within a minute");
    measures.publication_failed(clock.now(), &why);
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_overdue_at_the_start_waits_for_its_turn_and_what_is_new_does_not() {
        let mut text = "[site]\ntitle = \"T\"\nbase_url = \"https://t.example/\"\n".to_owned();
        for n in 0..12 {
            text += &format!("[[source]]\nid = \"s{n}\"\nurl = \"https://s{n}.example/\"\n");
        }
        let site = crate::config::check(std::path::Path::new("feeds.toml"), &text).unwrap();
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let polled = |due_s| PollState {
            polled_at: Some(now - TimeDelta::days(1)),
            next_due: Some(now + TimeDelta::seconds(due_s)),
            ..PollState::default()
        };
        let mut states: HashMap<_, _> = (1..11).map(|n| (format!("s{n}"), polled(-60))).collect();
        states.insert("s11".into(), polled(900));
        let turns = spread(&site, &states, now);
        assert_eq!(turns.len(), 10, "s0 was never polled, s11 is not due");
        let last = turns.values().max().unwrap();
        assert_eq!((*last - now).num_seconds(), 300);
        assert_eq!(
            pause(&site, &states, &Polls::new(Arc::new(Measures::new(now))), &turns, now),
            Duration::from_millis(100),
            "the first turn is now"
        );
        let (_, first) = turns.iter().filter(|(_, turn)| **turn > now).min_by_key(|(_, turn)| **turn).unwrap();
        let later: HashMap<_, _> = turns.iter().filter(|(_, turn)| **turn > now).map(|(id, turn)| (id.clone(), *turn)).collect();
        states.retain(|id, _| later.contains_key(id));
        assert_eq!(pause(&site, &states, &Polls::new(Arc::new(Measures::new(now))), &later, now), (*first - now).to_std().unwrap());
    }
}
