//! Who is polled when: a single round for `refresh`, and the service's loop, which stops when it is told and not before its
//! work is done.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

use crate::config::Site;
use crate::ingest::{Ingest, IngestError, Polled, SharedStore, locked};
use crate::io::clock::Clock;
use crate::publisher::{self, PublishError, Scope};
use crate::stage::{poll, schedule};
use crate::store::PollState;
use crate::syntax::rfc3339;

/// The service looks for due sources at least this often: a clock that jumps delays nothing longer.
const WAKE_MAX: Duration = Duration::from_secs(60);
/// The service was asleep if it wakes so much later than it wanted to.
const ASLEEP_MIN: TimeDelta = TimeDelta::seconds(120);
/// Changes wait at most this long for other polls before they are published.
const PUBLISH_GAP: Duration = Duration::from_secs(5);

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

/// What ends the service early.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Polling is impossible.
    #[error(transparent)]
    Ingest(#[from] IngestError),
}

/// The service: polls what is due and publishes what changed, until `stop`; then lets polls under way finish and publishes.
/// A new configuration comes in through `changes`.
///
/// # Errors
/// The store's, if it fails for good.
pub async fn serve(
    mut ingest: Ingest,
    clock: Clock,
    mut changes: watch::Receiver<Ingest>,
    stop: impl Future<Output = ()>,
) -> Result<(), ServiceError> {
    let mut stop = std::pin::pin!(stop);
    let mut polls = Polls::default();
    let mut waiting = true;
    let mut turns = HashMap::new();
    let mut woke: Option<DateTime<Utc>> = None;
    loop {
        let now = clock.now();
        let states: HashMap<_, _> = locked(ingest.store()).poll_states().map_err(IngestError::from)?.into_iter().collect();
        let site = Arc::clone(ingest.site());
        if woke.is_none_or(|before| now - before > ASLEEP_MIN) {
            turns = spread(&site, &states, now);
        }
        woke = Some(now);
        turns.retain(|_, turn| *turn > now);
        for position in due(&site, &states, now) {
            if let Some(source) = site.sources.get(position).filter(|source| !turns.contains_key(&source.id)) {
                polls.start(&ingest, position, &source.id, now);
            }
        }
        if waiting && polls.tasks.is_empty() {
            publish(ingest.site(), ingest.store()).await;
            waiting = false;
        }
        let pause = pause(&site, &states, &polls, &turns, now);
        tokio::select! {
            () = &mut stop => break,
            Some(changed) = polls.next() => waiting |= changed,
            Ok(()) = changes.changed() => {
                ingest = changes.borrow_and_update().clone();
                waiting = true;
            }
            () = tokio::time::sleep(pause) => {}
            () = tokio::time::sleep(PUBLISH_GAP), if waiting => {
                publish(ingest.site(), ingest.store()).await;
                waiting = false;
            }
        }
    }
    while polls.next().await.is_some() {}
    publish(ingest.site(), ingest.store()).await;
    Ok(())
}

/// Polls under way, by source: a source is never polled twice at once.
#[derive(Default)]
struct Polls {
    tasks: JoinSet<Result<Polled, IngestError>>,
    sources: HashMap<Id, String>,
}

impl Polls {
    fn is_under_way(&self, source: &str) -> bool {
        self.sources.values().any(|s| s == source)
    }

    fn start(&mut self, ingest: &Ingest, position: usize, source: &str, now: DateTime<Utc>) {
        if self.is_under_way(source) {
            return;
        }
        let ingest = ingest.clone();
        let task = self.tasks.spawn(async move { ingest.poll(position, now).await });
        self.sources.insert(task.id(), source.to_owned());
    }

    /// Waits for the next poll to end and logs it. Whether it may have changed anything; `None` if none is under way.
    async fn next(&mut self) -> Option<bool> {
        let (id, polled) = match self.tasks.join_next_with_id().await? {
            Ok((id, polled)) => (id, polled.map_err(|e| e.to_string())),
            Err(error) => (error.id(), Err(error.to_string())),
        };
        let source = self.sources.remove(&id).unwrap_or_default();
        match polled {
            Ok(polled) => {
                log(&polled);
                Some(polled.state.new + polled.state.changed > 0)
            }
            Err(error) => {
                tracing::error!(source, error, "a poll could not be stored; it is repeated when it is next due");
                Some(false)
            }
        }
    }
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
    next.and_then(|next| (next - now).to_std().ok()).unwrap_or(WAKE_MAX).clamp(Duration::from_millis(100), WAKE_MAX)
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

/// Publishes off the threads that serve sockets. A failure is loud and leaves the old output; the next round tries again.
async fn publish(site: &Arc<Site>, store: &SharedStore) {
    let (site, store) = (Arc::clone(site), Arc::clone(store));
    let published = tokio::task::spawn_blocking(move || publisher::publish(&site, &store, Scope::Changed)).await;
    match published {
        Ok(Ok(written)) => {
            written.told.iter().for_each(|what| tracing::warn!("{what}"));
            if written.written + written.removed > 0 {
                tracing::info!(written = written.written, removed = written.removed, "published");
            }
        }
        Ok(Err(error)) => failed(&error),
        Err(error) => tracing::error!(%error, "publishing was lost"),
    }
}

fn failed(error: &PublishError) {
    tracing::error!(%error, "publishing failed; the files published before stay");
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
        assert_eq!(pause(&site, &states, &Polls::default(), &turns, now), Duration::from_millis(100), "the first turn is now");
        let (_, first) = turns.iter().filter(|(_, turn)| **turn > now).min_by_key(|(_, turn)| **turn).unwrap();
        let later: HashMap<_, _> = turns.iter().filter(|(_, turn)| **turn > now).map(|(id, turn)| (id.clone(), *turn)).collect();
        states.retain(|id, _| later.contains_key(id));
        assert_eq!(pause(&site, &states, &Polls::default(), &later, now), (*first - now).to_std().unwrap());
    }
}
