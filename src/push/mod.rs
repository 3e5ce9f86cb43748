//! WebSub at the edges: asks hubs, tells hubs and followers, is asked. What is to be done and when is [`crate::stage::push`]'s.
//!
//! Everything that is to be done is in the store before it is done and noted there when it is: a service that is killed goes on where
//! it was. Which versions of the feeds are to be told is not queued but seen: at every start, and after every publication, the published
//! files are compared with what everybody was told last.

mod announce;
mod hub;
mod subscribe;

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::sync::{Notify, watch};
use tokio::task::{Id, JoinSet};

pub use self::announce::announce;
pub use self::hub::{Refused, take_in};
pub use self::subscribe::{listens, pushed, verify};
use crate::config::{FetchPolicy, Site};
use crate::ingest::{Ingest, SharedStore, locked};
use crate::io::clock::Clock;
use crate::io::fetch::HostGate;
use crate::io::output::{self, Found};
use crate::store::{Store, StoreError};
use crate::syntax::hex;

/// The service looks for work at least this often: a clock that jumps delays nothing longer.
const WAKE_MAX: Duration = Duration::from_secs(60);
/// While there is more to do than may be under way.
const WAKE_BUSY: Duration = Duration::from_secs(1);
/// Wait after a failure of the store.
const WAKE_FAILED: Duration = Duration::from_secs(30);
/// Requests to hubs under way at once, and to followers. Those to hubs wait for the hosts' pace like every poll; followers have asked
/// to be told at once, so theirs have no pause between two and a gate of their own.
const HUBS_MAX: usize = 16;
const FOLLOWERS_MAX: usize = 64;

/// Why nothing could be done.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A task ended without its result: a fault of ours.
    #[error("a task was lost; this is a fault in topicwire")]
    Lost,
    /// The system has no random bytes.
    #[error("the system gives no random bytes")]
    Random,
}

/// How the scheduler, the web and this service call each other.
#[derive(Clone)]
pub struct Wire(Arc<Shared>);

struct Shared {
    current: watch::Sender<Ingest>,
    news: Mutex<News>,
    called: Notify,
    hinted: Notify,
}

/// What happened since the service last looked.
#[derive(Default)]
struct News {
    polled: BTreeSet<String>,
    is_published: bool,
}

impl Wire {
    /// A wire for a service that works with `ingest`.
    #[must_use]
    pub fn new(ingest: Ingest) -> Self {
        let (called, hinted) = (Notify::new(), Notify::new());
        Self(Arc::new(Shared { current: watch::Sender::new(ingest), news: Mutex::default(), called, hinted }))
    }

    /// The configuration was re-read.
    pub fn reloaded(&self, ingest: Ingest) {
        self.0.current.send_replace(ingest);
    }

    /// A source's document was read; it may name another hub than before.
    pub fn polled(&self, source: &str) {
        self.news().polled.insert(source.to_owned());
        self.0.called.notify_one();
    }

    /// Feeds may have changed.
    pub fn published(&self) {
        self.news().is_published = true;
        self.0.called.notify_one();
    }

    /// Waits until a push has come; the store knows for which source.
    pub async fn hinted(&self) {
        self.0.hinted.notified().await;
    }

    /// What the service works with at this moment.
    #[must_use]
    pub fn ingest(&self) -> Ingest {
        self.0.current.borrow().clone()
    }

    fn news(&self) -> MutexGuard<'_, News> {
        // A poisoned lock guards news that are whole: one change is one call.
        self.0.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The feeds as they were seen last, by their paths.
#[derive(Clone, Default)]
struct Versions(Arc<Mutex<HashMap<String, Seen>>>);

#[derive(Clone)]
struct Seen {
    stamp: String,
    version: String,
}

impl Versions {
    fn get(&self, topic: &str) -> Option<Seen> {
        self.lock().get(topic).cloned()
    }

    fn set(&self, topic: String, seen: Seen) {
        self.lock().insert(topic, seen);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Seen>> {
        // A poisoned lock guards a map that is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What every task has at hand.
#[derive(Clone)]
struct Desk {
    ingest: Ingest,
    clock: Clock,
    followers: HostGate,
    versions: Versions,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Job {
    /// Ask the hub of the subscription with this path.
    Ask(String),
    /// Tell this hub of this feed.
    Announce(String, String),
    /// Verify or tell the follower of this feed at this callback.
    Follow(String, String),
}

impl Job {
    fn is_for_hub(&self) -> bool {
        !matches!(self, Self::Follow(..))
    }

    async fn run(&self, desk: &Desk) -> Result<(), PushError> {
        match self {
            Self::Ask(path) => subscribe::ask(desk, path).await,
            Self::Announce(hub, topic) => announce::tell(desk, hub, topic).await,
            Self::Follow(topic, callback) => hub::serve(desk, topic, callback).await,
        }
    }
}

/// Does what is due, until `stop`. What is under way then is dropped; it is done again at the next start.
pub async fn serve(wire: Wire, clock: Clock, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    let mut current = wire.0.current.subscribe();
    let mut jobs = Jobs::default();
    let (versions, followers) = (Versions::default(), gate(wire.ingest().site()));
    let mut is_new = true;
    loop {
        is_new |= current.has_changed().unwrap_or(false);
        let ingest = current.borrow_and_update().clone();
        let desk = Desk { followers: followers.clone(), ingest, clock: clock.clone(), versions: versions.clone() };
        let news = std::mem::take(&mut *wire.news());
        let pause = match look(desk.clone(), news, is_new).await {
            Ok((due, next)) => {
                is_new = false;
                let is_all = due.into_iter().all(|job| jobs.start(&desk, job));
                let until = next.and_then(|next| (next - clock.now()).to_std().ok());
                match (next, until) {
                    (None, _) => WAKE_MAX,
                    (Some(_), Some(until)) if is_all => until.clamp(Duration::from_millis(20), WAKE_MAX),
                    _ => WAKE_BUSY,
                }
            }
            Err(error) => {
                tracing::error!(%error, "pushes have to wait");
                is_new = true;
                WAKE_FAILED
            }
        };
        tokio::select! {
            () = &mut stop => return,
            () = wire.0.called.notified() => {}
            changed = current.changed() => is_new |= changed.is_ok(),
            () = jobs.next() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// What is under way; nothing twice at once.
#[derive(Default)]
struct Jobs {
    tasks: JoinSet<Result<(), PushError>>,
    under_way: HashMap<Id, Job>,
}

impl Jobs {
    /// Starts a job if it is not under way and there is room. Returns whether there was.
    fn start(&mut self, desk: &Desk, job: Job) -> bool {
        let of_its_kind = self.under_way.values().filter(|other| other.is_for_hub() == job.is_for_hub()).count();
        if self.under_way.values().any(|other| *other == job) {
            return false;
        }
        if of_its_kind >= if job.is_for_hub() { HUBS_MAX } else { FOLLOWERS_MAX } {
            return false;
        }
        let (desk, this) = (desk.clone(), job.clone());
        let task = self.tasks.spawn(async move { this.run(&desk).await });
        self.under_way.insert(task.id(), job);
        true
    }

    /// Waits for the next job to end; for ever if there is none.
    async fn next(&mut self) {
        let (id, ended) = match self.tasks.join_next_with_id().await {
            None => return std::future::pending().await,
            Some(Ok((id, ended))) => (id, ended.map_err(|e| e.to_string())),
            Some(Err(lost)) => (lost.id(), Err(lost.to_string())),
        };
        let job = self.under_way.remove(&id);
        if let Err(error) = ended {
            // Not the job itself: whoever knows a callback's path may call it.
            let for_hub = job.is_some_and(|job| job.is_for_hub());
            tracing::error!(for_hub, error, "a push was lost; it is done again");
        }
    }
}

/// Takes news in, and says what is due and when something will be next.
async fn look(desk: Desk, news: News, is_new: bool) -> Result<(Vec<Job>, Option<DateTime<Utc>>), PushError> {
    let look = move || {
        let (site, store, now) = (desk.ingest.site(), desk.ingest.store(), desk.clock.now());
        if is_new {
            subscribe::settle(site, store, None, now)?;
        } else if site.push.subscribe && !news.polled.is_empty() {
            subscribe::settle(site, store, Some(&news.polled), now)?;
        }
        if is_new || news.is_published {
            announce::compare(site, store, &desk.versions, now)?;
        }
        let store = locked(store);
        let asks = store.subscriptions_due(now, 4 * HUBS_MAX)?.into_iter().map(|s| Job::Ask(s.path));
        let announcements = store.announcements_due(now, 4 * HUBS_MAX)?.into_iter().map(|a| Job::Announce(a.hub, a.topic));
        let followers = store.followers_due(now, 2 * FOLLOWERS_MAX)?.into_iter().map(|f| Job::Follow(f.topic, f.callback));
        Ok((asks.chain(announcements).chain(followers).collect(), store.push_due()?))
    };
    tokio::task::spawn_blocking(look).await.map_err(|_| PushError::Lost)?
}

/// The store's work, off the threads that serve sockets.
async fn with_store<T: Send + 'static>(
    store: &SharedStore,
    work: impl FnOnce(&mut dyn Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, PushError> {
    let store = Arc::clone(store);
    Ok(tokio::task::spawn_blocking(move || work(&mut *locked(&store))).await.map_err(|_| PushError::Lost)??)
}

fn gate(site: &Site) -> HostGate {
    let policy = FetchPolicy { concurrency: FOLLOWERS_MAX, host_gap: Duration::ZERO, ..site.fetch.clone() };
    HostGate::new(&policy, Arc::default(), [])
}

/// The bytes of a published feed and their version.
fn read_feed(site: &Site, topic: &str) -> Option<(Vec<u8>, String)> {
    match output::read(&site.output, topic) {
        Ok(Found::File { bytes, .. }) => {
            let version = hex(&blake3::hash(&bytes).as_bytes()[..16]);
            Some((bytes, version))
        }
        _ => None,
    }
}

/// So many random bytes, in hexadecimal digits.
fn random(bytes: usize) -> Result<String, PushError> {
    let mut random = vec![0; bytes];
    SystemRandom::new().fill(&mut random).map_err(|_| PushError::Random)?;
    Ok(hex(&random))
}
