//! One source, one poll: the only room that joins the stages to the edges.
//!
//! Facts are gathered here and decisions applied here; they are made in [`crate::stage`]. However a poll ends, it ends in one
//! [`Store::commit`].

mod archives;
pub mod discover;
pub mod history;
mod look;
mod read;
mod readers;
#[cfg(test)]
mod tests;
mod vet;

use std::any::Any;
use std::borrow::Cow;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use url::Url;

use self::archives::Archives;
use self::look::Gathered;
use self::readers::Readers;
use self::vet::Past;
use crate::config::overrides::Overrides;
use crate::config::{Budgets, Site, Source, SourceKind};
use crate::entry::{Entry, Feed};
use crate::io::fetch::{ACCEPT_FEED, ACCEPT_PAGE, FetchError, Fetcher, HostGate, Pass, Poller, Request, Response};
use crate::io::{file, specimen};
use crate::record::Draft;
use crate::rights::Reservation;
use crate::stage::classify::{Classifier, Explanation};
use crate::stage::exchange::{self, Facts};
use crate::stage::host::Reach;
use crate::stage::identity::{self, Claim, RecordChange};
use crate::stage::map::{self, Rules};
use crate::stage::poll::{self, Ask, Asked, Neighbour, Plan, Said, backfill, twin};
use crate::stage::push::{self, Subscription};
use crate::stage::rights::{Headers, reservation};
use crate::stage::schedule;
use crate::store::{Change, Failure, Outcome, Packed, PollCommit, PollState, Store, StoreError, StoredEntry, StoredRecord};

pub(crate) use self::read::selectors_toml;

/// The store as every task shares it. One writer at a time; SQLite has no more.
pub type SharedStore = Arc<Mutex<dyn Store>>;

/// Locks the store. A panic of another holder left no transaction open (it was rolled back), so the store is still good.
pub fn locked(store: &SharedStore) -> MutexGuard<'_, dyn Store + 'static> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything that polls share.
#[derive(Clone)]
pub struct Ingest {
    site: Arc<Site>,
    /// What editors have said, as the store keeps it.
    words: Arc<str>,
    classifier: Arc<Classifier>,
    fetcher: Fetcher,
    gate: HostGate,
    budgets: Arc<Budgets>,
    readers: Readers,
    store: SharedStore,
    positions: Arc<HashMap<String, usize>>,
}

/// How a poll went, for tables, JSON and the log.
#[derive(Clone, Debug)]
pub struct Polled {
    /// The source's id.
    pub source: String,
    /// What is stored of it.
    pub state: PollState,
}

/// Something that stops all polls, not one.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A place in the configuration where no source is: a fault of the caller.
    #[error("no source at place {0} of the configuration; this is a fault in topicwire")]
    NoSource(usize),
    /// A task ended without its result: a fault of ours.
    #[error("what is known of {0} could not be read; this is a fault in topicwire")]
    Lost(String),
    /// An entry cannot be written as JSON: a fault of ours.
    #[error("an entry of {0} cannot be encoded; this is a fault in topicwire")]
    Encode(String),
    /// The topics' words cannot be compiled.
    #[error("topics: {0}")]
    Topics(String),
    /// The client cannot be made.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

impl Ingest {
    /// Prepares to poll.
    ///
    /// # Errors
    /// Topics that cannot be compiled, or a client that cannot be made.
    pub fn new(site: Arc<Site>, store: SharedStore) -> Result<Self, IngestError> {
        let classifier = Classifier::of(&site.topics, site.model.as_ref()).map_err(|e| IngestError::Topics(e.to_string()))?;
        let fetcher = Fetcher::new(&site.fetch, &user_agent(&site))?.refusing(site.published());
        let site = subscribed(site, &*locked(&store))?;
        let budgets = Arc::new(site.budgets());
        let gate = gate(&site, Arc::clone(&budgets), &locked(&store).limited()?);
        let positions = site.sources.iter().enumerate().map(|(n, s)| (s.id.clone(), n)).collect();
        let readers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self {
            gate,
            budgets,
            readers: Readers::new(readers),
            words: words_of(&site.overrides)?,
            site,
            classifier: Arc::new(classifier),
            fetcher,
            store,
            positions: Arc::new(positions),
        })
    }

    /// The same with another client, such as one whose names a test resolves.
    #[cfg(test)]
    pub(crate) fn with_fetcher(self, fetcher: Fetcher) -> Self {
        Self { fetcher, ..self }
    }

    /// The configuration that this polls by.
    #[must_use]
    pub fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// Whether this source is a list of feeds.
    #[must_use]
    pub fn is_list(&self, source: &str) -> bool {
        let source = self.positions.get(source).and_then(|n| self.site.sources.get(*n));
        source.is_some_and(|source| source.kind == SourceKind::Opml)
    }

    /// The same over the feeds that its lists name by now; `None` if they name what they named before.
    ///
    /// # Errors
    /// The store's.
    pub fn resubscribed(&self) -> Result<Option<Self>, IngestError> {
        if !self.site.sources.iter().any(|source| source.kind == SourceKind::Opml) {
            return Ok(None);
        }
        let site = subscribed(Arc::clone(&self.site), &*locked(&self.store))?;
        let ids = |site: &Site| site.sources.iter().map(|source| source.id.clone()).collect::<Vec<_>>();
        if ids(&site) == ids(&self.site) {
            return Ok(None);
        }
        let positions = site.sources.iter().enumerate().map(|(n, s)| (s.id.clone(), n)).collect();
        Ok(Some(Self { site, positions: Arc::new(positions), ..self.clone() }))
    }

    /// Where polls end.
    #[must_use]
    pub fn store(&self) -> &SharedStore {
        &self.store
    }

    /// What every request goes through.
    #[must_use]
    pub fn fetcher(&self) -> &Fetcher {
        &self.fetcher
    }

    /// The hosts' pace.
    #[must_use]
    pub fn gate(&self) -> &HostGate {
        &self.gate
    }

    /// What requests are made with, and the pace of the hosts.
    pub(crate) fn edges(&self) -> (&Fetcher, &HostGate) {
        (&self.fetcher, &self.gate)
    }

    /// The same with what editors have said since.
    ///
    /// # Errors
    /// [`IngestError::Encode`].
    pub fn with_overrides(&self, overrides: Overrides) -> Result<Self, IngestError> {
        let words = words_of(&overrides)?;
        let mut site = Site { overrides, ..Site::clone(&self.site) };
        site.heed();
        Ok(Self { words, site: Arc::new(site), ..self.clone() })
    }

    /// Why a record is, or is not, under each topic that comes near it; `owner` is the entry that it was made of.
    #[must_use]
    pub fn reasons(&self, record: &StoredRecord, owner: &StoredEntry) -> Vec<Explanation> {
        let source = self.positions.get(&owner.source).and_then(|n| self.site.sources.get(*n));
        match (source, serde_json::from_slice(&owner.raw)) {
            (Some(source), Ok(entry)) => map::explain(&entry, &record.draft, source, self.rules()),
            _ => Vec::new(),
        }
    }

    fn rules(&self) -> Rules<'_> {
        Rules { site: &self.site, classifier: &self.classifier }
    }

    /// Polls one source and stores the outcome, whatever it is. Waits for its turn at the source's host.
    ///
    /// # Errors
    /// Only the store's: without it nothing can be kept.
    pub async fn poll(&self, position: usize, now: DateTime<Utc>) -> Result<Polled, IngestError> {
        let Some(source) = self.site.sources.get(position) else { return Err(IngestError::NoSource(position)) };
        let host = match self.planned(source, now).await? {
            (before, Plan::Wait { until, why }) => return self.wait(source, before, until, why, now),
            (_, Plan::Ask(ask)) => Url::parse(&ask.url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default(),
        };
        let began = Instant::now();
        // Held until the poll is stored, so that documents in memory are as few as requests allowed at once.
        let mut pass = self.gate.enter(&host).await;
        // Boxed: thousands of polls wait at the gate, and none of them needs room for a request yet.
        Box::pin(self.poll_now(position, source, now, began, &mut pass)).await
    }

    async fn poll_now(
        &self,
        position: usize,
        source: &Source,
        now: DateTime<Utc>,
        queued: Instant,
        pass: &mut Pass,
    ) -> Result<Polled, IngestError> {
        let began = Instant::now();
        // Planned anew: while this waited at the gate, another source's answer may have closed the host, or an editor accepted what this
        // source gives.
        let (before, ask) = match self.planned(source, now).await? {
            (before, Plan::Wait { until, why }) => return self.wait(source, before, until, why, now),
            (before, Plan::Ask(ask)) => (before, ask),
        };
        let answer = match Url::parse(&ask.url) {
            Ok(url) if url.scheme() == "file" => local(source, url),
            Ok(url) => {
                let accept = if matches!(source.kind, SourceKind::Page(_)) { ACCEPT_PAGE } else { ACCEPT_FEED };
                let validator_url = ask.validator_url.as_deref().and_then(|url| Url::parse(url).ok());
                let (etag, last_modified) = (ask.etag.clone(), ask.last_modified.clone());
                // An adopted move may have led to another host, which the operator allowed nothing.
                let access = source.access.at(&source.url, &url);
                let request = Request { url, etag, last_modified, validator_url, accept, access };
                let poller = self.poller(source, ask.how);
                // Many polls share a task; a panic below, in somebody's HTTP or TLS, would take them all along.
                match AssertUnwindSafe(self.fetcher.get_polled(&request, &poller, pass)).catch_unwind().await {
                    Ok(answer) => answer.map_err(|e| Failure { stage: "fetch".into(), class: e.class().into(), why: e.to_string() }),
                    Err(panic) => Err(fault("fetch", &words(&*panic))),
                }
            }
            Err(why) => Err(Failure { stage: "fetch".into(), class: "setup".into(), why: format!("{}: {why}", ask.url) }),
        };
        let Gathered { ask, answer, ready } = Box::pin(self.gather(source, &before, ask, answer, pass, now)).await;
        let archives = Box::pin(self.archives(source, &before, &answer, pass, now)).await;

        // Waits count from the answer, and it may have taken minutes to get a turn at the host. In whole seconds, so that a run whose
        // clock is held gives the same times again.
        let answered = now + TimeDelta::seconds(i64::try_from(queued.elapsed().as_secs()).unwrap_or(0));
        let this = self.clone();
        let place = self.readers.enter(answer.as_ref().map_or(0, |response| response.body.len())).await;
        // Shared, so that it is still there if reading it goes wrong.
        let answer = Arc::new(answer);
        let given = Arc::clone(&answer);
        // Reading, mapping and storing take the processor, not the network.
        let (known, asked) = (before.clone(), ask.clone());
        let reading = move || this.finish(position, before, &ask, &given, More { ready, archives }, [now, answered], began);
        match self.readers.read(place, reading).await {
            Ok(polled) => polled,
            Err(panic) => {
                let what = words(&*panic);
                let failure = match &*answer {
                    Ok(response) => self.specimen(source, response, &what),
                    Err(_) => fault("read", &what),
                };
                self.finish(position, known, &asked, &Err(failure), More::default(), [now, answered], began)
            }
        }
    }

    /// What is known of a source, and what to do about it.
    async fn planned(&self, source: &Source, now: DateTime<Utc>) -> Result<(PollState, Plan), IngestError> {
        let (store, budgets) = (Arc::clone(&self.store), Arc::clone(&self.budgets));
        let (id, url) = (source.id.clone(), source.url.clone());
        let is_automatic = source.kind == SourceKind::Auto;
        let read = tokio::task::spawn_blocking(move || {
            let mut state = PollState::default();
            let mut host_until = None;
            locked(&store).reading(&mut |store| {
                state = store.poll_state(&id)?;
                if !is_automatic {
                    // What was found out holds as long as nobody says otherwise.
                    state.found = None;
                }
                if let Ok(url) = Url::parse(poll::address(&state, url.as_str())) {
                    host_until = store.host_limit(&budgets.name(url.host_str().unwrap_or_default()))?;
                }
                Ok(())
            })?;
            let plan = poll::plan(&state, url.as_str(), host_until, now);
            Ok::<_, StoreError>((state, plan))
        });
        Ok(read.await.map_err(|_| IngestError::Lost(source.id.clone()))??)
    }

    /// No request: the server, or its host, asked for that. Where only the schedule did not know it yet, it is told.
    fn wait(
        &self,
        source: &Source,
        before: PollState,
        until: DateTime<Utc>,
        why: String,
        now: DateTime<Utc>,
    ) -> Result<Polled, IngestError> {
        let mut before = before;
        if before.next_due.is_none_or(|due| due < until) {
            before.next_due = Some(schedule::shortly(until, schedule::seed(&source.id)));
            before.next_why.clone_from(&why);
            locked(&self.store).amend(&source.id, &before, now)?;
        }
        let failure = Failure { stage: "exchange".into(), class: "rate-limited".into(), why };
        let state = PollState { outcome: Outcome::RateLimited, failure: Some(failure), new: 0, changed: 0, ..before };
        Ok(Polled { source: source.id.clone(), state })
    }

    /// Everything after the network: one exchange to one commit. `now` is the operation's clock reading, which entries are dated by, and
    /// the time of the answer.
    #[expect(clippy::too_many_arguments, reason = "all that a poll has gathered, handed over once")]
    fn finish(
        &self,
        position: usize,
        before: PollState,
        ask: &Ask,
        answer: &Result<Response, Failure>,
        More { ready, archives }: More,
        [now, answered]: [DateTime<Utc>; 2],
        began: Instant,
    ) -> Result<Polled, IngestError> {
        let Some(source) = self.site.sources.get(position) else {
            return Err(IngestError::NoSource(position));
        };
        let setting = poll::Setting {
            url: source.url.as_str(),
            schedule: &source.schedule,
            floor: source.floor,
            seed: schedule::seed(&source.id),
            budgets: &self.budgets,
            is_private: !source.access.allow.is_empty(),
        };
        let facts = answer.as_ref().map(facts).map_err(Clone::clone);
        let past = Past::of(&before, source, ask);
        let is_first = before.well_at.is_none();
        let mut vetted = None;
        let read = || {
            let Ok(response) = answer else { return Err(Failure::default()) };
            let way = read::way(source, past.known(), &response.body);
            let document = match ready {
                Some(ready) => ready,
                None => read::document(way, source, &self.site.published(), response, now),
            };
            let document = document.map_err(|failure| match failure.class.as_str() {
                "internal" => self.specimen(source, response, &failure.why),
                _ => failure,
            });
            let (reading, feed) = self.vet(source, &past, way, document, now)?;
            vetted = Some(feed);
            Ok(reading)
        };
        let mut state = poll::after(&setting, before, ask, facts.as_ref().map_err(Clone::clone), answered, read, |target| {
            self.contested(position, target)
        });
        if let (Some(degraded), Ok(response)) = (&mut state.degraded, answer) {
            (degraded.repair, degraded.repair_toml) = read::repair(source, state.normal.as_ref(), response, now).unzip();
        }
        // What a poll that failed brought of the archives is asked for again.
        let archives = archives.filter(|_| state.outcome.is_good());
        if vetted.is_none() && archives.is_none() {
            self.slow_down(source, &mut state, answered)?;
            return self.commit(source, state, now, began);
        }
        let mut changes = Vec::new();
        if let Some(vetted) = &mut vetted {
            if let Ok(response) = answer {
                let by_headers = reserved_by_headers(response);
                vetted.feed.reservation = Reservation::joined(vetted.feed.reservation.as_ref(), by_headers.as_ref());
                state.reservation.clone_from(&vetted.feed.reservation);
                state.licence = map::licence(&vetted.feed.links, Reach::of(source));
                state.offer = push::offer(response.link.as_deref().unwrap_or_default(), &vetted.feed.links, &response.final_url);
            }
            let (listed, notes) = self.changes(source, vetted, now)?;
            changes = listed;
            state.repairs.extend(notes);
            if is_first && source.backfill {
                state.backfill = backfill::begun(&vetted.feed);
            }
        }
        if let Some(archives) = archives {
            let archived = || self.archived(source, &state, &archives, vetted.as_ref(), now);
            // A panic would come again at every poll, and take what the source itself said with it each time.
            let backfill = match std::panic::catch_unwind(AssertUnwindSafe(archived)) {
                Ok(archived) => {
                    let (archived, notes) = archived?;
                    changes.extend(archived);
                    state.repairs.extend(notes);
                    archives.backfill
                }
                Err(panic) => archives.backfill.failed(fault("read", &words(&*panic)).why, true, None),
            };
            state.backfill = Some(backfill);
            if let Some((url, until)) = &archives.limited {
                poll::pause(&mut state, &setting, url, *until);
            }
        }
        state.new = changes.iter().filter(|c| c.is_new).count();
        state.changed = changes.len() - state.new;
        self.slow_down(source, &mut state, answered)?;
        self.place_and_commit(position, source, state, changes, now, began)
    }

    /// A fault of ours in reading: the document that provoked it is put aside, and the sentence says where (S38).
    fn specimen(&self, source: &Source, response: &Response, what: &str) -> Failure {
        let saved = match specimen::keep(&self.site.store, &source.id, &response.body) {
            Ok(path) => format!("the document is saved as {}", path.display()),
            Err(why) => format!("the document could not be saved: {why}"),
        };
        let why = format!("the reader failed (internal error: {what}; {saved}); please report it with that document");
        Failure { stage: "read".into(), class: "internal".into(), why }
    }

    /// Puts the next poll off while the source's hub pushes. A hub that let this poll find something first has to prove itself anew;
    /// after a push that the source's answer does not bear out yet (a cache stands before it), the schedule stays as it is.
    fn slow_down(&self, source: &Source, state: &mut PollState, now: DateTime<Utc>) -> Result<(), IngestError> {
        if !self.site.push.subscribe || state.offer.is_none() || !state.outcome.is_good() {
            return Ok(());
        }
        let mut store = locked(&self.store);
        for subscription in store.subscriptions(Some(&source.id))?.into_iter().filter(|s| s.proven) {
            let is_found = state.new + state.changed > 0;
            if subscription.hint.is_some() && !is_found {
                continue;
            }
            if subscription.hint.is_none() && state.new > 0 {
                store.alter_subscription(&subscription.path, &mut |s| s.map(|s| Subscription { proven: false, ..s }))?;
            } else if let Some(slow) = state.next_due.and_then(|due| push::slowed(&subscription, due, now)) {
                (state.next_due, state.next_why) = (Some(slow.0), slow.1);
            }
        }
        Ok(())
    }

    /// Who polls, for the fetcher. After a push nothing but the source's own word counts: what a twin was told may be older than that.
    fn poller(&self, source: &Source, how: Asked) -> Poller {
        let pushed = self.site.push.subscribe
            && locked(&self.store).subscriptions(Some(&source.id)).is_ok_and(|all| all.iter().any(|push| push.hint.is_some()));
        let fresh_for = if pushed { Duration::ZERO } else { twin::fresh_for(source.schedule.shortest_gap()) };
        Poller { source: source.id.clone(), how, fresh_for }
    }

    /// What speaks against a source's moving to `target`. Asked only when a move's time has come.
    fn contested(&self, position: usize, target: &str) -> Option<String> {
        let states: HashMap<String, PollState> = match locked(&self.store).poll_states() {
            Ok(states) => states.into_iter().collect(),
            Err(error) => return Some(error.to_string()),
        };
        let others = self.site.sources.iter().enumerate().filter(|(n, _)| *n != position).map(|(n, other)| Neighbour {
            id: &other.id,
            url: other.url.as_str(),
            state: states.get(&other.id),
            is_before: n < position,
        });
        poll::contested(target, others)
    }

    /// The entries that are new or changed, mapped, and what to say of the others. Known ones cost a look-up and nothing more.
    fn changes(&self, source: &Source, vetted: &vet::Vetted, now: DateTime<Utc>) -> Result<(Vec<Mapped>, Vec<String>), IngestError> {
        let vet::Vetted { feed, keyed, known, twice } = vetted;
        let mut stale = 0_usize;
        let taken_from = map::taken_from(feed, source, now);
        let mut changes = Vec::new();
        for (keyed, known) in keyed.iter().zip(known) {
            let Some(entry) = feed.entries.get(keyed.index) else { continue };
            let fingerprint = identity::fingerprint(entry);
            if known.as_ref().is_some_and(|k| k.fingerprint == fingerprint) {
                continue;
            }
            if known.is_some() && self.is_stale(&source.id, &keyed.key, entry, now)? {
                stale += 1;
                continue;
            }
            let entry = spoken(entry, feed);
            let entry = &*entry;
            let first_seen = known.as_ref().map_or(now, |k| k.first_seen);
            // Its page was read when it was new, and is not read again.
            let by_page =
                known.as_ref().and_then(|known| known.url.as_deref()).map(|url| self.reserved_by_page(url)).transpose()?.flatten();
            let reserved = Reservation::joined(feed.reservation.as_ref(), by_page.as_ref());
            let taken = (&taken_from, reserved.as_ref());
            let made = map::make(entry, keyed.address.as_ref(), &keyed.key, source, taken, self.rules(), first_seen);
            let raw = Packed::new(&serde_json::to_vec(entry).map_err(|_| IngestError::Encode(source.id.clone()))?);
            changes.push(Mapped { is_new: known.is_none(), key: keyed.key.clone(), known: known.clone(), fingerprint, raw, made });
        }
        let note = |count: usize, what: &str| (count > 0).then(|| format!("{count} {what}"));
        let notes = [
            note(*twice, "entries are listed more than once; of each the one that changed last was taken"),
            note(stale, "entries are older than what was read of them before, which stays: the server gave an old copy"),
        ];
        Ok((changes, notes.into_iter().flatten().collect()))
    }

    /// What the page of a record's article reserves, if it was read.
    fn reserved_by_page(&self, url: &str) -> Result<Option<Reservation>, IngestError> {
        let store = locked(&self.store);
        let Some(trace) = store.trace(url)?.filter(|trace| trace.record.draft.reservation.is_some()) else { return Ok(None) };
        let article = store.articles(&[trace.record.number])?.remove(&trace.record.number);
        Ok(article.and_then(|article| article.facts.reservation))
    }

    /// Has a record heed what its article's page reserves, which nothing else says of it.
    ///
    /// # Errors
    /// The store's.
    pub(crate) fn reserve(&self, url: &str, reserved: &Reservation, now: DateTime<Utc>) -> Result<(), IngestError> {
        let mut store = locked(&self.store);
        // An editor may have said something since this was made.
        let words = store.words()?;
        let newer = words.as_deref().filter(|words| *words != &*self.words).and_then(|words| serde_json::from_str(words).ok());
        let by = match newer {
            Some(overrides) => Cow::Owned(self.with_overrides(overrides)?),
            None => Cow::Borrowed(self),
        };
        store.redecide(&[url.to_owned()], words.as_deref().unwrap_or(&self.words), now, &mut |stored, old| {
            let reservation = Reservation::joined(old.reservation.as_ref(), Some(reserved));
            by.derive(stored, &Draft { reservation, ..old.clone() })
        })?;
        Ok(())
    }

    /// Whether an entry that differs from what is stored is an older version of it.
    fn is_stale(&self, source: &str, key: &str, entry: &Entry, now: DateTime<Utc>) -> Result<bool, IngestError> {
        if entry.updated.is_none() {
            return Ok(false);
        }
        let raw = locked(&self.store).raw(source, key)?;
        // A row that cannot be read is written anew.
        let stored = raw.and_then(|raw| serde_json::from_slice::<Entry>(&raw).ok());
        Ok(stored.is_some_and(|stored| identity::is_stale(entry, &stored, now)))
    }

    /// Decides whose record each article is and stores the poll, under one lock, so that no other poll comes between.
    fn place_and_commit(
        &self,
        position: usize,
        source: &Source,
        state: PollState,
        mapped: Vec<Mapped>,
        now: DateTime<Utc>,
        began: Instant,
    ) -> Result<Polled, IngestError> {
        let claim = Claim { source: &source.id, position };
        let mut store = locked(&self.store);
        let mut made_here: HashMap<String, identity::Holder> = HashMap::new();
        // An editor may have said something since this poll began, and records that are made now must not unsay it.
        let newer: Option<Overrides> = match store.words()? {
            Some(words) if !mapped.is_empty() && *words != *self.words => serde_json::from_str(&words).ok(),
            _ => None,
        };
        let overrides = newer.as_ref().unwrap_or(&self.site.overrides);
        let mut holders = Vec::with_capacity(mapped.len());
        store.reading(&mut |store| {
            for Mapped { made, .. } in &mapped {
                holders.push(made.as_ref().map(|made| store.holder(&made.draft.href)).transpose()?.flatten());
            }
            Ok(())
        })?;
        let mut changes = Vec::with_capacity(mapped.len());
        let mut renamed = 0;
        for (Mapped { is_new, key, known, fingerprint, raw, made }, held) in mapped.into_iter().zip(holders) {
            let (draft, mut signature) = made.map(|made| (made.draft, made.signature)).unzip();
            let mut record = match draft {
                None => RecordChange::None,
                Some(draft) => {
                    let href = draft.href.clone();
                    let holder = made_here.get(&draft.href).cloned().or(held);
                    let is_own = holder.as_ref().is_some_and(|h| h.source == source.id);
                    let position_of_holder = holder.as_ref().and_then(|h| self.positions.get(&h.source).copied());
                    let placed = identity::place(claim, &key, known.as_ref(), holder.as_ref().map(|h| (h, position_of_holder)), draft);
                    // A signature holds the address that it was made with; for another one it is made anew when stories are settled.
                    signature = signature.filter(|_| placed.draft().is_some_and(|placed| placed.href == href));
                    renamed += usize::from(is_new && is_own && matches!(placed, RecordChange::Attach(_)));
                    placed
                }
            };
            if let RecordChange::Create(draft) | RecordChange::TakeOver(_, draft) = &record {
                let holder = identity::Holder { source: source.id.clone(), key: key.clone(), title: draft.title.clone(), settled: false };
                made_here.insert(draft.href.clone(), holder);
            }
            // Last, when it is known whose record it is and where; what tells articles apart is the source's own title.
            if let RecordChange::Create(draft) | RecordChange::TakeOver(_, draft) | RecordChange::Update(draft) = &mut record {
                overrides.apply(draft, &source.id);
            }
            changes.push(Change { key, fingerprint, raw, record, signature });
        }
        let mut state = PollState { took_ms: took_ms(began), ..state };
        // Detected, not configured (F37): the articles are known by their links whatever their ids say.
        if renamed * 2 > state.new {
            state.repairs.push(format!("{renamed} articles came with new ids; they are told by their links and titles"));
        }
        store.commit(&PollCommit { source: &source.id, now, state: state.clone(), changes })?;
        Ok(Polled { source: source.id.clone(), state })
    }

    fn commit(&self, source: &Source, state: PollState, now: DateTime<Utc>, began: Instant) -> Result<Polled, IngestError> {
        let state = PollState { took_ms: took_ms(began), ..state };
        locked(&self.store).commit(&PollCommit { source: &source.id, now, state: state.clone(), changes: Vec::new() })?;
        Ok(Polled { source: source.id.clone(), state })
    }
}

/// What a response's headers reserve of what is in it.
pub(crate) fn reserved_by_headers(response: &Response) -> Option<Reservation> {
    let headers = Headers {
        link: response.link.as_deref(),
        robots_tag: response.robots_tag.as_deref(),
        mining: response.tdm_reservation.as_deref(),
        policy: response.tdm_policy.as_deref(),
    };
    reservation::in_headers(&headers, &response.final_url)
}

fn took_ms(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn words_of(overrides: &Overrides) -> Result<Arc<str>, IngestError> {
    Ok(serde_json::to_string(overrides).map_err(|_| IngestError::Encode("overrides.toml".into()))?.into())
}

/// A panic is our bug and costs one poll: it is recorded as such, and everything else goes on.
fn fault(stage: &str, what: &str) -> Failure {
    let why = format!("a fault in topicwire itself ({what}); please report it with the feed's address");
    Failure { stage: stage.into(), class: "internal".into(), why }
}

/// What a panic said, on one line.
fn words(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    said.unwrap_or("without words").chars().filter(|c| !c.is_control()).take(200).collect()
}

/// The hosts' pace: their budgets, and the hosts of sources that were ever answered 429.
fn gate(site: &Site, budgets: Arc<Budgets>, limited: &[String]) -> HostGate {
    let host = |source: &Source| source.url.host_str().unwrap_or_default().to_owned();
    let slow = site.sources.iter().filter(|source| limited.contains(&source.id)).map(host);
    HostGate::new(&site.fetch, budgets, slow)
}

/// What a poll brought besides its answer.
#[derive(Default)]
struct More {
    /// What was read of the answer already.
    ready: Option<Result<read::Document, Failure>>,
    /// Archive documents.
    archives: Option<Archives>,
}

/// A new or changed entry on its way to the store.
struct Mapped {
    is_new: bool,
    key: String,
    known: Option<identity::KnownEntry>,
    fingerprint: identity::Fingerprint,
    raw: Packed,
    made: Option<map::Made>,
}

/// An entry with the language that only its document's header tells. Not when it is read: a header that comes and goes with the server
/// that happens to answer would make every entry look changed.
fn spoken<'a>(entry: &'a Entry, feed: &Feed) -> Cow<'a, Entry> {
    match &feed.language {
        Some(language) if entry.language.is_none() => Cow::Owned(Entry { language: Some(language.clone()), ..entry.clone() }),
        _ => Cow::Borrowed(entry),
    }
}

/// The site with the feeds that its lists name, as they were when these were last read.
fn subscribed(site: Arc<Site>, store: &dyn Store) -> Result<Arc<Site>, StoreError> {
    if !site.sources.iter().any(|source| source.kind == SourceKind::Opml) {
        return Ok(site);
    }
    let mut site = Arc::unwrap_or_clone(site);
    site.subscribe(|id| store.poll_state(id).map(|state| state.outlines))?;
    site.heed();
    Ok(Arc::new(site))
}

/// A list of feeds that lies beside the configuration. Only such a list may be a file, and only the configuration can name it.
fn local(source: &Source, url: Url) -> Result<Response, Failure> {
    let failure = |why: String| Failure { stage: "fetch".into(), class: "file".into(), why };
    let path = url.to_file_path().ok().filter(|_| source.kind == SourceKind::Opml && source.url == url);
    let path = path.ok_or_else(|| failure(format!("{url} is no file that may be read")))?;
    let body = file::read(&path).map_err(|e| failure(format!("{}: {e}", path.display())))?;
    Ok(Response::of_file(url, body))
}

fn facts(response: &Response) -> Facts {
    let speaks = !(200..=399).contains(&response.status) || response.cf_mitigated.is_some() || poll::is_html(&response.body);
    Facts {
        status: response.status,
        final_url: response.final_url.to_string(),
        permanent: response.permanent(),
        conditional: response.conditional,
        from_twin: response.from_twin,
        etag: response.etag.clone(),
        last_modified: response.last_modified.clone(),
        retry_after: response.retry_after.clone(),
        max_age: exchange::max_age(
            response.cache_control.as_deref(),
            response.age.as_deref(),
            response.expires.as_deref(),
            response.date.as_deref(),
        ),
        words: speaks.then(|| {
            let said = Said {
                server: response.server.as_deref(),
                cf_mitigated: response.cf_mitigated.as_deref(),
                cf_ray: response.cf_ray.as_deref(),
                retry_after: response.retry_after.as_deref(),
            };
            poll::words(&response.body, &said)
        }),
        wire_bytes: response.wire_bytes,
        body_len: response.body.len() as u64,
        body_hash: Some(blake3::hash(&response.body).into()),
    }
}

/// What everything derived from stored entries depends on.
fn rules_hash(site: &Site) -> String {
    let mut hash = blake3::Hasher::new();
    let mut put = |part: &str| {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    };
    put(&map::MAP_VERSION.to_string());
    put(site.curator.as_deref().unwrap_or("\0"));
    for section in &site.sections {
        put(&section.id);
    }
    for topic in &site.topics {
        put(&format!("{topic:?}"));
    }
    if let Some(learned) = &site.model {
        put(&learned.digest);
        put(&learned.confidence.to_string());
    }
    // What lists name is read by the list's own settings.
    for source in site.sources.iter().filter(|source| source.parent.is_none()) {
        put(&format!(
            "{:?}",
            (
                &source.id,
                &source.title,
                &source.curator,
                source.section,
                &source.language,
                &source.categories,
                &source.institution,
                &source.offering,
                source.excerpt_max_chars,
                (&source.rights, source.reservations)
            )
        ));
    }
    hash.finalize().to_string()
}

/// What the site's requests call themselves: honestly name, version, and whom to ask (acceptance F25).
pub(crate) fn user_agent(site: &Site) -> String {
    let contact = site.contact.as_deref().unwrap_or(site.base_url.as_str());
    let contact: String = contact.chars().filter(|c| c.is_ascii_graphic()).collect();
    format!("topicwire/{} (+{contact})", env!("CARGO_PKG_VERSION"))
}
