//! A page or a file of a site, asked for as a polite robot does: with its leave, at its pace, one redirect at a time.

use super::{Arc, DateTime, Duration, HashMap, IngestError, SharedStore, Source, Store, StoreError, TimeDelta, Url, Utc, locked};
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::io::fetch::{FetchError, Fetcher, HostGate, Request, Response};
use crate::rights::Reservation;
use crate::stage::exchange;
use crate::stage::rights::reservation;
use crate::stage::robots::{self, Robots};
use crate::store::StoredRobots;

/// Pause between two pages of one host (acceptance F20).
const PAGE_GAP: Duration = Duration::from_secs(2);
/// Redirects that are followed.
const HOPS_MAX: usize = 5;
/// By this name sites allow and forbid.
const AGENT: &str = "topicwire";
/// How long a `robots.txt` holds, and how long it is not asked for again when it could not be had (acceptance F34).
const ROBOTS_HOLDS: TimeDelta = TimeDelta::hours(24);
const ROBOTS_RESTS: TimeDelta = TimeDelta::hours(1);
/// After so long without any, there is none (RFC 9309 section 2.3.1.4).
const ROBOTS_GIVEN_UP: TimeDelta = TimeDelta::days(30);

/// Why a page could not be had.
#[derive(Clone, Debug, Default)]
pub(super) struct Failure {
    pub(super) why: String,
    /// Whether it is the host's, so that its other pages fare alike.
    pub(super) is_hosts: bool,
    /// Whether nothing was reached at all.
    pub(super) is_silent: bool,
    /// Whether trying again is no use.
    pub(super) is_final: bool,
    /// Whether it says nothing of the host's other pages.
    pub(super) is_harmless: bool,
    /// The server wants no request before this.
    pub(super) not_before: Option<DateTime<Utc>>,
}

impl Failure {
    pub(super) fn page(why: impl Into<String>) -> Self {
        Self { why: why.into(), ..Self::default() }
    }

    /// A panic is our bug; it costs one article.
    pub(super) fn fault() -> Self {
        Self::page("a fault in topicwire itself; please report it with the article's address")
    }

    /// What is wrong with an answer, by its status.
    pub(super) fn of_status(response: &Response, now: DateTime<Utc>) -> Option<Self> {
        let status = response.status;
        if response.cf_mitigated.is_some() {
            return Some(Self::page("the server wants to see a browser (a challenge page came)"));
        }
        let why = match status {
            200..=299 if !response.body.is_empty() => return None,
            200..=299 => "an empty answer came".to_owned(),
            401..=403 => format!("the server refuses it (status {status})"),
            404 => "the server does not have it (status 404)".to_owned(),
            410 => "it is gone for good (status 410)".to_owned(),
            451 => "it is withheld for legal reasons (status 451)".to_owned(),
            429 => "the server wants fewer requests (status 429)".to_owned(),
            status => format!("the server answered with status {status}"),
        };
        let not_before =
            response.retry_after.as_deref().filter(|_| matches!(status, 429 | 503)).and_then(|at| exchange::retry_after(at, now));
        Some(Self {
            why,
            is_hosts: status == 429 || not_before.is_some(),
            is_silent: false,
            is_final: crate::stage::article::attempt::is_final(status),
            is_harmless: matches!(status, 404 | 410 | 451),
            not_before,
        })
    }
}

/// What a `robots.txt` came to.
#[derive(Clone, Debug)]
struct Known {
    fetched: DateTime<Utc>,
    robots: Robots,
    /// Nothing may be fetched, and why.
    closed: Option<String>,
}

impl Known {
    fn of(stored: &StoredRobots, now: DateTime<Utc>) -> Self {
        let robots = stored.body.as_deref().map(robots::parse).unwrap_or_default();
        let given_up = stored.failing_since.is_some_and(|since| now - since > ROBOTS_GIVEN_UP);
        let closed = stored.unreachable.clone().filter(|_| stored.body.is_none() && !given_up);
        Self { fetched: stored.fetched, robots, closed }
    }
}

type Cell = Arc<tokio::sync::Mutex<Option<Arc<Known>>>>;

pub(super) struct Visitor {
    fetcher: Fetcher,
    gate: HostGate,
    store: SharedStore,
    /// None where pauses are switched off.
    page_gap: Duration,
    /// When each host may be asked for its next page.
    turns: Mutex<HashMap<String, Instant>>,
    robots: Mutex<HashMap<String, Cell>>,
}

type Answer = Result<Result<Response, Failure>, IngestError>;

impl Visitor {
    pub(super) fn new(fetcher: Fetcher, gate: HostGate, store: SharedStore, host_gap: Duration) -> Self {
        let page_gap = if host_gap.is_zero() { host_gap } else { host_gap.max(PAGE_GAP) };
        Self { fetcher, gate, store, page_gap, turns: Mutex::default(), robots: Mutex::default() }
    }

    /// When a host may be asked for its next page.
    pub(super) fn turn(&self, host: &str) -> Instant {
        let turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.get(host).copied().unwrap_or_else(Instant::now)
    }

    /// Waits for a host's turn, and takes it.
    async fn take_turn(&self, host: &str, pause: Duration) {
        let turn = {
            let now = Instant::now();
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            // What lies in the past binds nobody.
            turns.retain(|other, turn| *turn > now || other == host);
            let turn = turns.get(host).copied().unwrap_or(now).max(now);
            turns.insert(host.to_owned(), turn + pause);
            turn
        };
        tokio::time::sleep_until(turn).await;
    }

    /// What the `robots.txt` that governs an address says besides its rules, as far as it was looked at: whether it is an HTML page, and
    /// what it reserves.
    pub(super) async fn said_to_robots(&self, url: &Url) -> (bool, Option<Reservation>) {
        let cell = self.robots.lock().unwrap_or_else(PoisonError::into_inner).get(&url.origin().ascii_serialization()).map(Arc::clone);
        let Some(cell) = cell else { return (false, None) };
        let known = cell.lock().await;
        known.as_ref().map_or((false, None), |known| (known.robots.is_page(), reservation::in_robots(known.robots.licences())))
    }

    /// An article's page.
    pub(super) async fn page(&self, source: &Source, url: &Url, accept: &'static str, now: DateTime<Utc>) -> Answer {
        self.follow(source, url, accept, now, true).await
    }

    /// A picture.
    pub(super) async fn file(&self, source: &Source, url: &Url, accept: &'static str, now: DateTime<Utc>) -> Answer {
        self.follow(source, url, accept, now, false).await
    }

    async fn follow(&self, source: &Source, start: &Url, accept: &'static str, now: DateTime<Utc>, is_page: bool) -> Answer {
        let mut url = start.clone();
        url.set_fragment(None);
        let mut seen = vec![url.clone()];
        loop {
            let at_home = seen.len() == 1;
            let host = url.host_str().unwrap_or_default().to_owned();
            let robots = match self.robots(source, &url, now).await? {
                Ok(robots) => robots,
                Err(failure) => return Ok(Err(Failure { is_hosts: failure.is_hosts && at_home, ..failure })),
            };
            if let Some(why) = &robots.closed {
                return Ok(Err(Failure { is_hosts: at_home, ..Failure::page(why.clone()) }));
            }
            if !robots.robots.allows(AGENT, &url) {
                let why = format!("the robots.txt of {host} does not allow it");
                return Ok(Err(Failure { is_harmless: true, ..Failure::page(why) }));
            }
            if is_page {
                let asked = robots.robots.crawl_delay(AGENT).map(Duration::from_secs).filter(|_| !self.page_gap.is_zero());
                self.take_turn(&host, self.page_gap.max(asked.unwrap_or_default())).await;
            }
            let response = match self.ask(source, &url, accept, false).await {
                Ok(response) => response,
                Err(error) => return Ok(Err(failure(&error, at_home))),
            };
            let Some(hop) = response.hops.last() else { return Ok(Ok(response)) };
            let next = hop.to.clone();
            let why = if seen.contains(&next) {
                "it redirects in a circle".to_owned()
            } else if seen.len() > HOPS_MAX {
                format!("it redirects more than {HOPS_MAX} times")
            } else if url.scheme() == "https" && next.scheme() == "http" {
                "it redirects from https to http".to_owned()
            } else {
                seen.push(next.clone());
                url = next;
                continue;
            };
            return Ok(Err(Failure::page(why)));
        }
    }

    /// One request at the host's pace.
    async fn ask(&self, source: &Source, url: &Url, accept: &'static str, follow: bool) -> Result<Response, FetchError> {
        let access = source.access.at(&source.url, url);
        let request = Request { url: url.clone(), etag: None, last_modified: None, validator_url: None, accept, access };
        let mut pass = self.gate.enter(url.host_str().unwrap_or_default()).await;
        if follow { self.fetcher.get_paced(&request, &mut pass).await } else { self.fetcher.get_hop(&request, &mut pass).await }
    }

    /// The `robots.txt` that governs an address: the one in memory, the stored one, or a new one.
    async fn robots(&self, source: &Source, url: &Url, now: DateTime<Utc>) -> Result<Result<Arc<Known>, Failure>, IngestError> {
        let origin = url.origin().ascii_serialization();
        let cell = Arc::clone(self.robots.lock().unwrap_or_else(PoisonError::into_inner).entry(origin.clone()).or_default());
        // Held while it is fetched: others who need it wait for it and do not ask as well.
        let mut cell = cell.lock().await;
        let holds = |known: &Known| now - known.fetched < if known.closed.is_some() { ROBOTS_RESTS } else { ROBOTS_HOLDS };
        if let Some(known) = cell.as_ref().filter(|known| holds(known)) {
            return Ok(Ok(Arc::clone(known)));
        }
        let asked = origin.clone();
        let stored = stored(&self.store, move |store| store.robots(&asked)).await?;
        if let Some(known) = stored.as_ref().map(|stored| Known::of(stored, now)).filter(|known| holds(known)) {
            let known = Arc::new(known);
            *cell = Some(Arc::clone(&known));
            return Ok(Ok(known));
        }
        let Ok(address) = url.join("/robots.txt") else { return Ok(Err(Failure::page("its address is none of the web"))) };
        let fresh = match self.ask(source, &address, "text/plain, */*;q=0.1", true).await {
            Ok(response) => match response.status {
                200..=299 => StoredRobots { fetched: now, failing_since: None, unreachable: None, body: Some(capped(response.body)) },
                429 | 500.. => {
                    unreachable(stored, now, format!("the robots.txt of {origin} could not be had (status {})", response.status))
                }
                // There is none: everything is allowed (RFC 9309 section 2.3.1.3).
                _ => StoredRobots { fetched: now, failing_since: None, unreachable: None, body: None },
            },
            Err(FetchError::Redirect { .. }) => StoredRobots { fetched: now, failing_since: None, unreachable: None, body: None },
            Err(error @ (FetchError::Large { .. } | FetchError::Coding { .. } | FetchError::Interrupted { .. })) => {
                unreachable(stored, now, format!("the robots.txt of {origin} could not be read: {error}"))
            }
            // The host itself does not answer, and the page would not be had either.
            Err(error) => return Ok(Err(failure(&error, true))),
        };
        let known = Arc::new(Known::of(&fresh, now));
        self::stored(&self.store, move |store| store.put_robots(&origin, &fresh)).await?;
        *cell = Some(Arc::clone(&known));
        Ok(Ok(known))
    }
}

/// Without an answer the last one holds on; where there is none, nothing may be fetched for a while.
fn unreachable(before: Option<StoredRobots>, now: DateTime<Utc>, why: String) -> StoredRobots {
    let (since, body) = before.map_or((None, None), |before| (before.failing_since, before.body));
    StoredRobots { fetched: now, failing_since: Some(since.unwrap_or(now)), unreachable: Some(why), body }
}

fn capped(mut body: Vec<u8>) -> Vec<u8> {
    body.truncate(robots::ROBOTS_MAX_BYTES);
    body
}

/// What a request without an answer says of its page, and of its host's others.
fn failure(error: &FetchError, at_home: bool) -> Failure {
    let is_hosts = matches!(error.class(), "dns" | "connect" | "proxy" | "tls" | "timeout" | "forbidden");
    let is_silent = matches!(error.class(), "dns" | "connect" | "proxy" | "timeout");
    Failure { is_hosts: is_hosts && at_home, is_silent, ..Failure::page(error.to_string()) }
}

/// Asks the store, off the threads that serve sockets.
pub(super) async fn stored<T: Send + 'static>(
    store: &SharedStore,
    ask: impl FnOnce(&mut dyn Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, IngestError> {
    let store = Arc::clone(store);
    let asked = tokio::task::spawn_blocking(move || ask(&mut *locked(&store)));
    Ok(asked.await.map_err(|_| IngestError::Lost("an article".to_owned()))??)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FetchPolicy;
    use crate::store::sqlite::SqliteStore;

    fn visitor(host_gap: Duration) -> Visitor {
        let policy = FetchPolicy { host_gap, ..FetchPolicy::default() };
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("a.db")).unwrap();
        let gate = HostGate::new(&policy, Arc::default(), []);
        Visitor::new(Fetcher::new(&policy, "t").unwrap(), gate, Arc::new(Mutex::new(store)), host_gap)
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_gets_a_page_in_two_seconds_or_as_it_asked() {
        let visitor = visitor(Duration::from_millis(10));
        let begin = Instant::now();
        let at = || begin.elapsed().as_millis();
        let gap = visitor.page_gap;
        visitor.take_turn("a", gap).await;
        visitor.take_turn("b", gap).await;
        assert_eq!(at(), 0);
        visitor.take_turn("a", Duration::from_secs(30)).await;
        assert_eq!((at(), (visitor.turn("a") - begin).as_secs()), (2_000, 32));
        visitor.take_turn("a", gap).await;
        assert_eq!(at(), 32_000);
    }

    #[test]
    fn without_pauses_there_are_none_for_pages_either() {
        assert_eq!(visitor(Duration::ZERO).page_gap, Duration::ZERO);
        assert_eq!(visitor(Duration::from_secs(5)).page_gap, Duration::from_secs(5));
    }

    #[test]
    fn the_last_robots_txt_holds_while_there_is_no_answer() {
        let at = |day: i64| DateTime::from_timestamp(1_700_000_000 + day * 86_400, 0).unwrap();
        let url = Url::parse("https://example.org/a").unwrap();
        let good =
            StoredRobots { fetched: at(0), failing_since: None, unreachable: None, body: Some(b"User-agent: *\nDisallow: /a".to_vec()) };
        let kept = Known::of(&unreachable(Some(good), at(1), "503".into()), at(1));
        assert!(kept.closed.is_none() && !kept.robots.allows(AGENT, &url));
        let none = unreachable(None, at(1), "503".into());
        assert_eq!(Known::of(&none, at(2)).closed.as_deref(), Some("503"));
        let still = unreachable(Some(none), at(40), "503".into());
        assert_eq!(still.failing_since, Some(at(1)));
        assert!(Known::of(&still, at(40)).closed.is_none(), "after a month there is none");
    }
}
