//! One source, one poll: the only room that joins the stages to the edges.
//!
//! Facts are gathered here and decisions applied here; they are made in [`crate::stage`]. However a poll ends, it ends in one
//! [`Store::commit`].

pub mod history;
mod readers;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::borrow::Cow;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use url::Url;

use self::readers::Readers;
use crate::config::overrides::Overrides;
use crate::config::{Budgets, Published, Site, Source, SourceKind};
use crate::entry::{Entry, Feed};
use crate::io::fetch::{ACCEPT_FEED, ACCEPT_PAGE, FetchError, Fetcher, HostGate, Pass, Request, Response};
use crate::io::specimen;
use crate::stage::classify::{Classifier, Explanation};
use crate::stage::exchange::{self, Facts};
use crate::stage::host::Reach;
use crate::stage::identity::{self, Claim, RecordChange};
use crate::stage::map::{self, Rules};
use crate::stage::poll::{self, Ask, Neighbour, Plan, Reading, Said};
use crate::stage::{page, parse, schedule};
use crate::store::{Change, Failure, Outcome, Packed, PollCommit, PollState, Store, StoreError, StoredEntry, StoredRecord};

/// Most sentences on repairs kept for `status`.
const REPAIRS_MAX: usize = 5;

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

    /// Where polls end.
    #[must_use]
    pub fn store(&self) -> &SharedStore {
        &self.store
    }

    /// The same with what editors have said since.
    ///
    /// # Errors
    /// [`IngestError::Encode`].
    pub fn with_overrides(&self, overrides: Overrides) -> Result<Self, IngestError> {
        let words = words_of(&overrides)?;
        Ok(Self { words, site: Arc::new(Site { overrides, ..Site::clone(&self.site) }), ..self.clone() })
    }

    /// Why a record is, or is not, under each topic that comes near it; `owner` is the entry that it was made of.
    #[must_use]
    pub fn reasons(&self, record: &StoredRecord, owner: &StoredEntry) -> Vec<Explanation> {
        let source = self.positions.get(&owner.source).and_then(|n| self.site.sources.get(*n));
        match (source, serde_json::from_slice(&owner.raw)) {
            (Some(source), Ok(entry)) => map::explain(&entry, &record.draft.href, source, &record.draft.taken_from.title, self.rules()),
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
        // Planned anew: while this waited at the gate, another source's answer may have closed the host.
        let (before, ask) = match self.planned(source, now).await? {
            (before, Plan::Wait { until, why }) => return self.wait(source, before, until, why, now),
            (before, Plan::Ask(ask)) => (before, ask),
        };
        let answer = match Url::parse(&ask.url) {
            Ok(url) => {
                let accept = if source.kind == SourceKind::Feed { ACCEPT_FEED } else { ACCEPT_PAGE };
                let validator_url = ask.validator_url.as_deref().and_then(|url| Url::parse(url).ok());
                let (etag, last_modified) = (ask.etag.clone(), ask.last_modified.clone());
                // An adopted move may have led to another host, which the operator allowed nothing.
                let access = source.access.at(&source.url, &url);
                let request = Request { url, etag, last_modified, validator_url, accept, access };
                // Many polls share a task; a panic below, in somebody's HTTP or TLS, would take them all along.
                match AssertUnwindSafe(self.fetcher.get_paced(&request, pass)).catch_unwind().await {
                    Ok(answer) => answer.map_err(|e| Failure { stage: "fetch".into(), class: e.class().into(), why: e.to_string() }),
                    Err(panic) => Err(fault("fetch", &words(&*panic))),
                }
            }
            Err(why) => Err(Failure { stage: "fetch".into(), class: "setup".into(), why: format!("{}: {why}", ask.url) }),
        };

        // Waits count from the answer, and it may have taken minutes to get a turn at the host. In whole seconds, so that a run whose
        // clock is held gives the same times again.
        let answered = now + TimeDelta::seconds(i64::try_from(queued.elapsed().as_secs()).unwrap_or(0));
        let this = self.clone();
        let place = self.readers.enter(answer.as_ref().map_or(0, |response| response.body.len())).await;
        // Shared, so that it is still there if reading it goes wrong.
        let answer = Arc::new(answer);
        let given = Arc::clone(&answer);
        // Reading, mapping and storing take the processor, not the network: off the threads that serve sockets.
        let (known, asked) = (before.clone(), ask.clone());
        let task = tokio::task::spawn_blocking(move || {
            let _place = place;
            this.finish(position, before, &ask, &given, [now, answered], began)
        });
        match task.await {
            Ok(polled) => polled,
            Err(error) => {
                let what = error.try_into_panic().map_or_else(|error| error.to_string(), |panic| words(&*panic));
                let failure = match &*answer {
                    Ok(response) => self.specimen(source, response, &what),
                    Err(_) => fault("read", &what),
                };
                self.finish(position, known, &asked, &Err(failure), [now, answered], began)
            }
        }
    }

    /// What is known of a source, and what to do about it.
    async fn planned(&self, source: &Source, now: DateTime<Utc>) -> Result<(PollState, Plan), IngestError> {
        let (store, budgets) = (Arc::clone(&self.store), Arc::clone(&self.budgets));
        let (id, url) = (source.id.clone(), source.url.clone());
        let read = tokio::task::spawn_blocking(move || {
            let store = locked(&store);
            let state = store.poll_state(&id)?;
            let host_until = match Url::parse(poll::address(&state, url.as_str())) {
                Ok(url) => store.host_limit(&budgets.name(url.host_str().unwrap_or_default()))?,
                Err(_) => None,
            };
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
    fn finish(
        &self,
        position: usize,
        before: PollState,
        ask: &Ask,
        answer: &Result<Response, Failure>,
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
        let mut feed = None;
        let facts = answer.as_ref().map(facts).map_err(Clone::clone);
        let read = || {
            let Ok(response) = answer else { return Err(Failure::default()) };
            let read = read(source, &self.site.published(), response, now).map_err(|failure| match failure.class.as_str() {
                "internal" => self.specimen(source, response, &failure.why),
                _ => failure,
            })?;
            let listed = read.entries.len();
            let mut repairs: Vec<String> = read.problems.iter().take(REPAIRS_MAX).map(|p| p.what.clone()).collect();
            if listed > source.entries_max {
                repairs.push(format!("{listed} entries listed; the first {} were taken (entries_max)", source.entries_max));
            }
            repairs.extend(schedule::ignored(&read.pace).map(str::to_owned));
            let reading = Reading {
                pace: read.pace.clone(),
                title: Some(map::title_of(&read, source)),
                listed,
                repairs,
                breaks_off: read.breaks_off,
                posted: read.entries.iter().filter_map(|entry| entry.published.or(entry.updated)).collect(),
            };
            feed = Some(read);
            Ok(reading)
        };
        let mut state = poll::after(&setting, before, ask, facts.as_ref().map_err(Clone::clone), answered, read, |target| {
            self.contested(position, target)
        });
        let Some(feed) = feed else { return self.commit(source, state, now, began) };
        let (changes, notes) = self.changes(source, &feed, now)?;
        state.repairs.extend(notes);
        state.new = changes.iter().filter(|c| c.is_new).count();
        state.changed = changes.len() - state.new;
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
    fn changes(&self, source: &Source, feed: &Feed, now: DateTime<Utc>) -> Result<(Vec<Mapped>, Vec<String>), IngestError> {
        let mut keyed = identity::keys(&feed.entries, Reach::of(source));
        let (twice, mut stale) = (feed.entries.len() - keyed.len(), 0_usize);
        keyed.truncate(source.entries_max);
        let keys: Vec<String> = keyed.iter().map(|k| k.key.clone()).collect();
        let known = locked(&self.store).known(&source.id, &keys)?;
        let taken_from = map::taken_from(feed, source, now);
        let mut changes = Vec::new();
        for (keyed, known) in keyed.into_iter().zip(known) {
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
            let made = map::make(entry, keyed.address.as_ref(), &keyed.key, source, &taken_from, self.rules(), first_seen);
            let raw = Packed::new(&serde_json::to_vec(entry).map_err(|_| IngestError::Encode(source.id.clone()))?);
            changes.push(Mapped { is_new: known.is_none(), key: keyed.key, known, fingerprint, raw, made });
        }
        let note = |count: usize, what: &str| (count > 0).then(|| format!("{count} {what}"));
        let notes = [
            note(twice, "entries are listed more than once; of each the one that changed last was taken"),
            note(stale, "entries are older than what was read of them before, which stays: the server gave an old copy"),
        ];
        Ok((changes, notes.into_iter().flatten().collect()))
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
        let mut changes = Vec::with_capacity(mapped.len());
        let mut renamed = 0;
        for Mapped { is_new, key, known, fingerprint, raw, made } in mapped {
            let (draft, mut signature) = made.map(|made| (made.draft, made.signature)).unzip();
            let mut record = match draft {
                None => RecordChange::None,
                Some(draft) => {
                    let href = draft.href.clone();
                    let holder = match made_here.get(&draft.href) {
                        Some(holder) => Some(holder.clone()),
                        None => store.holder(&draft.href)?,
                    };
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
                overrides.apply(draft);
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

/// Reads a body by the source's kind.
fn read(source: &Source, published: &Published, response: &Response, now: DateTime<Utc>) -> Result<Feed, Failure> {
    let failure = |class: &str, why: String| Failure { stage: "read".into(), class: class.into(), why };
    let language = source.language.as_deref();
    let content_type = response.content_type.as_deref();
    let base = response.base();
    #[cfg(test)]
    crate::isolation::provoked(&response.body);
    match &source.kind {
        SourceKind::Feed => {
            let context = parse::Context { url: Some(&base), content_type, time_zone: source.time_zone, language };
            let mut feed = parse::read(&response.body, &context).map_err(|e| failure(e.class(), e.to_string()))?;
            feed.language = feed.language.or_else(|| response.language().map(str::to_owned));
            // An aggregator may pass our own feed on to us, under its address but with our id.
            let own = |address: &str| Url::parse(address).is_ok_and(|url| published.holds(&url));
            let its_own = feed.links.iter().filter(|l| l.rel.as_deref() == Some("self")).map(|l| l.href.as_str()).chain(feed.id.as_deref());
            match its_own.into_iter().find(|address| own(address)) {
                Some(address) => {
                    Err(failure("loop", format!("this is what this site publishes itself ({address}), and it would follow its own feed")))
                }
                None => Ok(feed),
            }
        }
        SourceKind::Page(selectors) => {
            let context = page::Context { url: &base, time_zone: source.time_zone, language, now };
            page::read(&response.body, content_type, selectors, &context).map_err(|e| failure(e.class(), e.to_string()))
        }
    }
}

fn facts(response: &Response) -> Facts {
    let speaks = !(200..=399).contains(&response.status) || response.cf_mitigated.is_some() || poll::is_html(&response.body);
    Facts {
        status: response.status,
        final_url: response.final_url.to_string(),
        permanent: response.permanent(),
        conditional: response.conditional,
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
    for source in &site.sources {
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
                source.excerpt_max_chars
            )
        ));
    }
    hash.finalize().to_string()
}

/// The honest User-Agent: name, version, and whom to ask (acceptance F25).
fn user_agent(site: &Site) -> String {
    let contact = site.contact.as_deref().unwrap_or(site.base_url.as_str());
    let contact: String = contact.chars().filter(|c| c.is_ascii_graphic()).collect();
    format!("topicwire/{} (+{contact})", env!("CARGO_PKG_VERSION"))
}
