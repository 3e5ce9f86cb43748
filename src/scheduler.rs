//! Who is polled when: a single round for `refresh`, and the service's loop, which stops when it is told and not before its
//! work is done.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinSet};

use crate::config::Site;
use crate::ingest::{Ingest, IngestError, Polled, SharedStore, locked};
use crate::io::clock::Clock;
use crate::publisher::{self, PublishError, Scope};
use crate::store::PollState;
use crate::syntax::rfc3339;

/// The service looks for due sources at least this often: a clock that jumps delays nothing longer.
const WAKE_MAX: Duration = Duration::from_secs(60);
/// Changes wait at most this long for other polls before they are published.
const PUBLISH_GAP: Duration = Duration::from_secs(5);

/// Sources, by their place in the configuration, that are due at `now`: never polled, or past their time.
#[must_use]
pub fn due(site: &Site, states: &HashMap<String, PollState>, now: DateTime<Utc>) -> Vec<usize> {
    let is_due = |id: &str| states.get(id).and_then(|s| s.next_due).is_none_or(|next| next <= now);
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
    all.sort_by_key(|p| ingest.site().sources.iter().position(|s| s.id == p.source));
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
/// A new configuration comes in through `reload`.
///
/// # Errors
/// The store's, if it fails for good.
pub async fn serve(
    mut ingest: Ingest,
    clock: Clock,
    mut reload: mpsc::Receiver<Ingest>,
    stop: impl Future<Output = ()>,
) -> Result<(), ServiceError> {
    let mut stop = std::pin::pin!(stop);
    let mut polls = Polls::default();
    let mut waiting = true;
    loop {
        let now = clock.now();
        let states: HashMap<_, _> = locked(ingest.store()).poll_states().map_err(IngestError::from)?.into_iter().collect();
        let site = Arc::clone(ingest.site());
        for position in due(&site, &states, now) {
            if let Some(source) = site.sources.get(position) {
                polls.start(&ingest, position, &source.id, now);
            }
        }
        if waiting && polls.tasks.is_empty() {
            publish(ingest.site(), ingest.store()).await;
            waiting = false;
        }
        let pause = pause(&site, &states, &polls, now);
        tokio::select! {
            () = &mut stop => break,
            Some(changed) = polls.next() => waiting |= changed,
            Some(new) = reload.recv() => {
                ingest = new;
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

/// How long until some source not under way is due.
fn pause(site: &Site, states: &HashMap<String, PollState>, polls: &Polls, now: DateTime<Utc>) -> Duration {
    let next = site.sources.iter().filter(|s| !polls.is_under_way(&s.id)).filter_map(|s| states.get(&s.id).and_then(|s| s.next_due)).min();
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
        Ok(Ok(written)) if written.written + written.removed > 0 => {
            tracing::info!(written = written.written, removed = written.removed, "published")
        }
        Ok(Ok(_)) => {}
        Ok(Err(error)) => failed(&error),
        Err(error) => tracing::error!(%error, "publishing was lost"),
    }
}

fn failed(error: &PublishError) {
    tracing::error!(%error, "publishing failed; the files published before stay");
}
