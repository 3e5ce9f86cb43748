//! One source, one poll: the only room that joins the stages to the edges.
//!
//! Facts are gathered here and decisions applied here; they are made in [`crate::stage`]. However a poll ends, it ends in one
//! [`Store::commit`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::Semaphore;
use url::Url;

use crate::config::{Site, Source, SourceKind};
use crate::entry::{Entry, Feed};
use crate::io::fetch::{ACCEPT_FEED, ACCEPT_PAGE, FetchError, Fetcher, HostGate, Request, Response};
use crate::stage::classify::Classifier;
use crate::stage::exchange::{self, Facts, Known, Verdict};
use crate::stage::identity::{self, Claim, RecordChange};
use crate::stage::map::{self, Rules};
use crate::stage::{page, parse, schedule};
use crate::store::{Change, Failure, Outcome, PollCommit, PollState, Store, StoreError};
use crate::syntax::rfc3339;

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
    classifier: Arc<Classifier>,
    fetcher: Fetcher,
    gate: HostGate,
    /// As many readers as processors: more would only hold more documents in memory.
    readers: Arc<Semaphore>,
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
        let fetcher = Fetcher::new(&site.fetch, &user_agent(&site))?;
        let positions = site.sources.iter().enumerate().map(|(n, s)| (s.id.clone(), n)).collect();
        let readers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self {
            gate: HostGate::new(&site.fetch),
            readers: Arc::new(Semaphore::new(readers)),
            site,
            classifier: Arc::new(classifier),
            fetcher,
            store,
            positions: Arc::new(positions),
        })
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

    /// Derives every stored record anew if the rules are not those it was made by. Returns how many changed.
    ///
    /// # Errors
    /// The store's.
    pub fn apply_rules(&self, now: DateTime<Utc>) -> Result<u64, IngestError> {
        let hash = rules_hash(&self.site);
        let mut store = locked(&self.store);
        if store.rules_hash()?.as_deref() == Some(hash.as_str()) {
            return Ok(0);
        }
        let changed = store.rederive(&hash, now, &mut |stored, old| {
            let source = self.positions.get(&stored.source).and_then(|n| self.site.sources.get(*n))?;
            let entry: Entry = serde_json::from_slice(&stored.raw).ok()?;
            map::redraft(&entry, old, source, self.rules())
        })?;
        Ok(changed)
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
        // Held until the poll is stored, so that documents in memory are as few as requests allowed at once.
        let _pass = self.gate.enter(source.url.host_str().unwrap_or_default()).await;
        // Boxed: thousands of polls wait at the gate, and none of them needs room for a request yet.
        Box::pin(self.poll_now(position, source, now)).await
    }

    async fn poll_now(&self, position: usize, source: &Source, now: DateTime<Utc>) -> Result<Polled, IngestError> {
        let began = Instant::now();
        let before = self.poll_state(&source.id).await?;
        if let Some(until) = before.retry_not_before.filter(|until| *until > now) {
            let why = format!("the server asked to wait until {}; not asked again before", rfc3339(until));
            let failure = Failure { stage: "exchange".into(), class: "rate-limited".into(), why };
            let state = PollState { outcome: Outcome::RateLimited, failure: Some(failure), new: 0, changed: 0, ..before };
            return Ok(Polled { source: source.id.clone(), state });
        }

        let same_source = before.source_url.as_deref() == Some(source.url.as_str());
        let known = Known {
            url: before.source_url.clone().unwrap_or_default(),
            etag: before.etag.clone(),
            last_modified: before.last_modified.clone(),
            validator_url: before.validator_url.clone(),
            body_hash: before.body_hash.filter(|_| same_source),
        };
        let (etag, last_modified) = exchange::validators_for(&known, source.url.as_str());
        let accept = if source.kind == SourceKind::Feed { ACCEPT_FEED } else { ACCEPT_PAGE };
        let validator_url = known.validator_url.as_deref().and_then(|url| Url::parse(url).ok());
        let answer = self.fetcher.get(&Request { url: source.url.clone(), etag, last_modified, validator_url, accept }).await;

        let this = self.clone();
        let reader = Arc::clone(&self.readers).acquire_owned().await;
        // Reading, mapping and storing take the processor, not the network: off the threads that serve sockets.
        let task = tokio::task::spawn_blocking(move || {
            let _reader = reader;
            this.finish(position, before, &known, answer, now, began)
        });
        match task.await {
            Ok(polled) => polled,
            Err(panic) => self.record_panic(source, &panic.to_string(), now, began),
        }
    }

    async fn poll_state(&self, source: &str) -> Result<PollState, IngestError> {
        let (store, source) = (Arc::clone(&self.store), source.to_owned());
        let read = tokio::task::spawn_blocking(move || locked(&store).poll_state(&source)).await;
        Ok(read.unwrap_or_else(|_| Ok(PollState::default()))?)
    }

    /// Everything after the network: one exchange to one commit.
    fn finish(
        &self,
        position: usize,
        before: PollState,
        known: &Known,
        answer: Result<Response, FetchError>,
        now: DateTime<Utc>,
        began: Instant,
    ) -> Result<Polled, IngestError> {
        let Some(source) = self.site.sources.get(position) else {
            return Err(IngestError::NoSource(position));
        };
        let mut state = PollState { polled_at: Some(now), new: 0, changed: 0, retry_not_before: None, failure: None, ..before };
        let response = match answer {
            Ok(response) => response,
            Err(error) => {
                fail(&mut state, "fetch", error.class(), &error.to_string(), now);
                state.status = None;
                return self.commit(source, state, Vec::new(), now, began);
            }
        };
        state.status = Some(response.status);
        let facts = facts(&response);
        state.max_age_s = exchange::max_age(
            response.cache_control.as_deref(),
            response.age.as_deref(),
            response.expires.as_deref(),
            response.date.as_deref(),
        )
        .map(|d| d.as_secs());
        match exchange::judge(known, response.conditional, &facts, now) {
            Verdict::Unchanged { validators, moved_to } => {
                keep_validators(&mut state, validators);
                state.moved_to = moved_to;
                succeed(&mut state, Outcome::Unchanged, now);
                self.commit(source, state, Vec::new(), now, began)
            }
            Verdict::Failed { class, why, retry_not_before } => {
                fail(&mut state, "exchange", class, &why, now);
                state.retry_not_before = retry_not_before;
                self.commit(source, state, Vec::new(), now, began)
            }
            Verdict::RateLimited { until, why } => {
                fail(&mut state, "exchange", "rate-limited", &why, now);
                state.outcome = Outcome::RateLimited;
                state.retry_not_before = Some(until);
                self.commit(source, state, Vec::new(), now, began)
            }
            Verdict::Gone { why } => {
                fail(&mut state, "exchange", "gone", &why, now);
                state.outcome = Outcome::Gone;
                self.commit(source, state, Vec::new(), now, began)
            }
            Verdict::Fresh { validators, moved_to } => match read(source, &response, now) {
                // The old validators stay: new ones would vouch for entries that were not read (invariant 1).
                Err(failure) => {
                    fail(&mut state, &failure.stage, &failure.class, &failure.why, now);
                    self.commit(source, state, Vec::new(), now, began)
                }
                Ok(feed) => {
                    // A document that breaks off vouches for nothing behind its end: with its validators stored, a 304 would hide that for ever.
                    if !feed.breaks_off {
                        keep_validators(&mut state, validators);
                    }
                    state.source_url = Some(source.url.to_string());
                    state.body_hash = facts.body_hash;
                    state.pace = feed.pace.clone();
                    state.title = Some(map::title_of(&feed, source));
                    state.listed = feed.entries.len();
                    state.repairs = feed.problems.iter().take(REPAIRS_MAX).map(|p| p.what.clone()).collect();
                    succeed(&mut state, if moved_to.is_some() { Outcome::Moved } else { Outcome::Succeeded }, now);
                    state.moved_to = moved_to;
                    if state.listed > source.entries_max {
                        state
                            .repairs
                            .push(format!("{} entries listed; the first {} were taken (entries_max)", state.listed, source.entries_max));
                    }
                    let changes = self.changes(source, &feed, now)?;
                    state.new = changes.iter().filter(|c| c.is_new).count();
                    state.changed = changes.len() - state.new;
                    self.place_and_commit(position, source, state, changes, now, began)
                }
            },
        }
    }

    /// The entries that are new or changed, mapped. Known ones cost a look-up and nothing more.
    fn changes(&self, source: &Source, feed: &Feed, now: DateTime<Utc>) -> Result<Vec<Mapped>, IngestError> {
        let mut keyed = identity::keys(&feed.entries, &source.url);
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
            let first_seen = known.as_ref().map_or(now, |k| k.first_seen);
            let draft = map::draft(entry, keyed.address.as_ref(), &keyed.key, source, &taken_from, self.rules(), first_seen);
            let raw = serde_json::to_vec(entry).map_err(|_| IngestError::Encode(source.id.clone()))?;
            changes.push(Mapped { is_new: known.is_none(), key: keyed.key, known, fingerprint, raw, draft });
        }
        Ok(changes)
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
        let mut changes = Vec::with_capacity(mapped.len());
        for Mapped { key, known, fingerprint, raw, draft, .. } in mapped {
            let record = match draft {
                None => RecordChange::None,
                Some(draft) => {
                    let holder = match made_here.get(&draft.href) {
                        Some(holder) => Some(holder.clone()),
                        None => store.holder(&draft.href)?,
                    };
                    let position_of_holder = holder.as_ref().and_then(|h| self.positions.get(&h.source).copied());
                    identity::place(claim, &key, known.as_ref(), holder.as_ref().map(|h| (h, position_of_holder)), draft)
                }
            };
            if let RecordChange::Create(draft) | RecordChange::TakeOver(_, draft) = &record {
                let holder = identity::Holder { source: source.id.clone(), key: key.clone(), title: draft.title.clone(), settled: false };
                made_here.insert(draft.href.clone(), holder);
            }
            changes.push(Change { key, fingerprint, raw, record });
        }
        let state = self.scheduled(source, state, now, began);
        store.commit(&PollCommit { source: &source.id, now, state: state.clone(), changes })?;
        Ok(Polled { source: source.id.clone(), state })
    }

    fn commit(
        &self,
        source: &Source,
        state: PollState,
        changes: Vec<Change>,
        now: DateTime<Utc>,
        began: Instant,
    ) -> Result<Polled, IngestError> {
        let state = self.scheduled(source, state, now, began);
        locked(&self.store).commit(&PollCommit { source: &source.id, now, state: state.clone(), changes })?;
        Ok(Polled { source: source.id.clone(), state })
    }

    fn scheduled(&self, source: &Source, state: PollState, now: DateTime<Utc>, began: Instant) -> PollState {
        let history = schedule::History {
            last_attempt: now,
            failures: state.failures,
            retry_not_before: state.retry_not_before,
            outcome_gone: state.outcome == Outcome::Gone,
        };
        let max_age = state.max_age_s.map(Duration::from_secs);
        let seed = identity_seed(&source.id);
        let next = schedule::next_attempt(&source.schedule, &history, &state.pace, max_age, self.site.fetch.floor, seed);
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        PollState { next_due: Some(next.at), next_why: next.why, took_ms, ..state }
    }

    /// A panic is our bug and costs one poll: it is recorded as such, and everything else goes on.
    fn record_panic(&self, source: &Source, what: &str, now: DateTime<Utc>, began: Instant) -> Result<Polled, IngestError> {
        let before = locked(&self.store).poll_state(&source.id)?;
        let mut state = PollState { polled_at: Some(now), new: 0, changed: 0, ..before };
        fail(
            &mut state,
            "read",
            "internal",
            &format!("a fault in topicwire itself ({what}); please report it with the feed's address"),
            now,
        );
        self.commit(source, state, Vec::new(), now, began)
    }
}

/// A new or changed entry on its way to the store.
struct Mapped {
    is_new: bool,
    key: String,
    known: Option<identity::KnownEntry>,
    fingerprint: identity::Fingerprint,
    raw: Vec<u8>,
    draft: Option<crate::record::Draft>,
}

/// Reads a body by the source's kind.
fn read(source: &Source, response: &Response, now: DateTime<Utc>) -> Result<Feed, Failure> {
    let failure = |class: &str, why: String| Failure { stage: "read".into(), class: class.into(), why };
    let language = source.language.as_deref();
    let content_type = response.content_type.as_deref();
    match &source.kind {
        SourceKind::Feed => {
            let context = parse::Context { url: Some(&response.final_url), content_type, time_zone: source.time_zone, language };
            parse::read(&response.body, &context).map_err(|e| failure(e.class(), e.to_string()))
        }
        SourceKind::Page(selectors) => {
            let context = page::Context { url: &response.final_url, time_zone: source.time_zone, language, now };
            page::read(&response.body, content_type, selectors, &context).map_err(|e| failure(e.class(), e.to_string()))
        }
    }
}

fn facts(response: &Response) -> Facts {
    Facts {
        status: response.status,
        final_url: response.final_url.to_string(),
        permanent: response.permanent(),
        etag: response.etag.clone(),
        last_modified: response.last_modified.clone(),
        retry_after: response.retry_after.clone(),
        server: response.server.clone(),
        cf_mitigated: response.cf_mitigated.clone(),
        body_len: response.body.len() as u64,
        body_hash: Some(blake3::hash(&response.body).into()),
    }
}

fn keep_validators(state: &mut PollState, validators: exchange::Validators) {
    state.etag = validators.etag;
    state.last_modified = validators.last_modified;
    state.validator_url = Some(validators.url);
}

fn succeed(state: &mut PollState, outcome: Outcome, now: DateTime<Utc>) {
    state.outcome = outcome;
    state.failure = None;
    state.failures = 0;
    state.failing_since = None;
    state.well_at = Some(now);
}

fn fail(state: &mut PollState, stage: &str, class: &str, why: &str, now: DateTime<Utc>) {
    state.outcome = Outcome::Failed;
    state.failure = Some(Failure { stage: stage.into(), class: class.into(), why: why.into() });
    state.failures = state.failures.saturating_add(1);
    state.failing_since = state.failing_since.or(Some(now));
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

fn identity_seed(id: &str) -> u64 {
    let hash: [u8; 32] = blake3::hash(id.as_bytes()).into();
    hash.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}
