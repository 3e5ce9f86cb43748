//! HTTP GET and POST with caps, and a guard on where they may go. Plain facts come out; what they mean is `stage::exchange`'s.
//!
//! Own redirects, own resolver, own content decoding, because the client's would each open a hole: see `guard` and `coding`.
//! No cookies, no Referer, no proxy but the configured one (one from the environment would answer for addresses that the guard refuses).

mod certificate;
mod coding;
mod error;
mod gate;
mod guard;
mod proxy;
mod twins;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use url::Url;

pub use error::{FetchError, shown};
pub use gate::{HostGate, Pass};
pub(crate) use guard::Lookup;
pub use guard::{Forbidden, Guard};
pub use twins::Poller;

use crate::config::{Access, FetchPolicy, Published, Secret};
use crate::syntax::is_language_tag;
use error::{host, without_credentials};
use guard::Vetted;
use proxy::Detour;
use twins::Answers;

/// `Accept` for feeds (F27).
pub const ACCEPT_FEED: &str =
    "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, text/xml;q=0.8, */*;q=0.1";

/// `Accept` for pages.
pub const ACCEPT_PAGE: &str = "text/html, application/xhtml+xml, */*;q=0.1";

/// Redirects that are followed (F21).
const HOPS_MAX: usize = 5;

/// A source's own host that redirects from https to http (S6).
const DOWNGRADE: &str = "it redirects from https to http, which is followed only for a [[source]] with allow_http = true";

/// Of a body that comes with an error status only the server's own words are wanted, not all of it, and no fault in it matters.
const ERROR_BODY_MAX_BYTES: u64 = 64 * 1024;

/// One GET.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where to.
    pub url: Url,
    /// `If-None-Match`, byte for byte.
    pub etag: Option<Vec<u8>>,
    /// `If-Modified-Since`, byte for byte.
    pub last_modified: Option<Vec<u8>>,
    /// The URL that both belong to; `url` itself if `None`. They are sent in the hop that asks for it and in no other: a server that is
    /// asked with another's validators may answer 304 for something that was never read (F10).
    pub validator_url: Option<Url>,
    /// `Accept`.
    pub accept: &'static str,
    /// What the own host of `url` is given besides. It ends for good with the first hop to another host, and its headers with the first
    /// to another origin: what comes back from elsewhere was chosen there (S9, S10).
    pub access: Access,
}

/// One POST.
#[derive(Clone, Debug)]
pub struct Post {
    /// Where to.
    pub url: Url,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// Other header lines.
    pub headers: Vec<(&'static str, String)>,
    /// What is sent, as it stands.
    pub body: Vec<u8>,
    /// Whether a redirect by 307 or 308 is followed, with the same body; any other redirect is the answer.
    pub follow: bool,
}

/// One redirect that was followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Its status.
    pub status: u16,
    /// Where it led.
    pub to: Url,
}

/// A response, whatever its status. Header values are as received.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Where it came from, after redirects; without credentials and fragment.
    pub final_url: Url,
    /// The redirects before it.
    pub hops: Vec<Hop>,
    /// Whether the request that got it carried a validator.
    pub conditional: bool,
    /// `ETag`.
    pub etag: Option<Vec<u8>>,
    /// `Last-Modified`.
    pub last_modified: Option<Vec<u8>>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Cache-Control`; several are joined with commas.
    pub cache_control: Option<String>,
    /// `Age`.
    pub age: Option<String>,
    /// `Expires`.
    pub expires: Option<String>,
    /// `Date`.
    pub date: Option<String>,
    /// `Retry-After`.
    pub retry_after: Option<String>,
    /// `Server`.
    pub server: Option<String>,
    /// `Link`; several are joined with commas.
    pub link: Option<String>,
    /// `X-Robots-Tag`; several are joined with commas.
    pub robots_tag: Option<String>,
    /// `tdm-reservation` (TDMRep).
    pub tdm_reservation: Option<String>,
    /// `tdm-policy` (TDMRep).
    pub tdm_policy: Option<String>,
    /// `cf-mitigated`, by which Cloudflare marks its challenge pages.
    pub cf_mitigated: Option<String>,
    /// `cf-ray`, the number that Cloudflare's support asks for.
    pub cf_ray: Option<String>,
    /// `Content-Language`.
    pub content_language: Option<String>,
    /// `Content-Location`.
    pub content_location: Option<String>,
    /// The body, decoded. Whole for a success; the first 64 KiB at most for an error; empty for 204, 205 and 304.
    pub body: Vec<u8>,
    /// Bytes of the body as they came.
    pub wire_bytes: u64,
    /// No request was made at all: another poller had just been answered. `conditional` says what the request would have carried.
    pub from_twin: bool,
}

impl Response {
    /// An answer of which only its status, its address and its body are known.
    fn bare(status: u16, final_url: Url, body: Vec<u8>) -> Self {
        Self {
            status,
            final_url,
            hops: Vec::new(),
            conditional: false,
            etag: None,
            last_modified: None,
            content_type: None,
            cache_control: None,
            age: None,
            expires: None,
            date: None,
            retry_after: None,
            server: None,
            link: None,
            robots_tag: None,
            tdm_reservation: None,
            tdm_policy: None,
            cf_mitigated: None,
            cf_ray: None,
            content_language: None,
            content_location: None,
            from_twin: false,
            wire_bytes: body.len() as u64,
            body,
        }
    }

    /// A file's content as if it had been fetched.
    #[must_use]
    pub fn of_file(url: Url, body: Vec<u8>) -> Self {
        Self::bare(200, url, body)
    }

    /// A redirect that is not followed.
    fn redirect(status: u16, final_url: Url, to: Url) -> Self {
        Self { hops: vec![Hop { status, to }], ..Self::bare(status, final_url, Vec::new()) }
    }

    /// Whether there were redirects and every one was permanent.
    pub fn permanent(&self) -> bool {
        !self.hops.is_empty() && self.hops.iter().all(|hop| matches!(hop.status, 301 | 308))
    }

    /// What relative addresses in the body are relative to where it names no base itself: `Content-Location`, but only at the origin that
    /// answered, for no other can be spoken for (RFC 9110 section 8.7); else the URL that answered.
    pub fn base(&self) -> Url {
        let location = self.content_location.as_deref().and_then(|location| self.final_url.join(location.trim()).ok());
        location
            .filter(|url| url.origin() == self.final_url.origin())
            .map_or_else(|| self.final_url.clone(), |url| without_credentials(&url))
    }

    /// The language of the body by `Content-Language`, if that names just one: several are those of its readers, not of its text (RFC 9110
    /// section 8.5).
    pub fn language(&self) -> Option<&str> {
        self.content_language.as_deref().map(str::trim).filter(|tag| is_language_tag(tag))
    }
}

/// The HTTP client behind its guard. Clones share connections.
#[derive(Clone, Debug)]
pub struct Fetcher {
    client: reqwest::Client,
    /// Clients for sources with networks of their own. Not the same client with a looser resolver: a connection that it keeps open for
    /// one source would serve the next, whom nobody allowed there.
    private: Arc<Mutex<HashMap<Vec<IpNet>, reqwest::Client>>>,
    recipe: Arc<Recipe>,
    guard: Arc<Guard>,
    /// Through the configured proxy, if there is one.
    detour: Option<Detour>,
    answers: Answers,
    published: Option<Arc<Published>>,
    limits: Limits,
}

/// What every client is made with.
struct Recipe {
    user_agent: String,
    connect_limit: Duration,
    lookup: Lookup,
    /// `None` on a machine without the CA certificates that https needs.
    tls: Option<rustls::ClientConfig>,
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipe").field("user_agent", &self.user_agent).finish_non_exhaustive()
    }
}

impl Recipe {
    /// All but where names lead.
    fn builder(&self) -> reqwest::ClientBuilder {
        let builder = reqwest::Client::builder()
            .user_agent(&self.user_agent)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(self.connect_limit)
            // Longer than the pause between two requests to one host, and no more: each connection holds a buffer of some 64 KB, and a
            // round of polls leaves one at every host.
            .pool_idle_timeout(Duration::from_secs(4))
            .pool_max_idle_per_host(2)
            // None waits long enough to be kept alive.
            .tcp_keepalive(None);
        match &self.tls {
            Some(tls) => builder.tls_backend_preconfigured(tls.clone()),
            // Without any root; no https request will get as far as needing one.
            None => builder.tls_certs_only([]),
        }
    }

    /// A client that connects to what `guard` lets pass.
    fn client(&self, guard: Arc<Guard>) -> Result<reqwest::Client, FetchError> {
        let resolver = Vetted { guard, lookup: self.lookup.clone() };
        self.builder().dns_resolver(resolver).build().map_err(|why| FetchError::Setup(why.to_string()))
    }
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    total: Duration,
    connect: Duration,
    first_byte: Duration,
    wire_max_bytes: u64,
    body_max_bytes: u64,
}

impl Fetcher {
    /// Makes a client. A machine without CA certificates gets one that fetches http and says what is missing for https.
    ///
    /// # Errors
    /// [`FetchError::Setup`].
    pub fn new(policy: &FetchPolicy, user_agent: &str) -> Result<Self, FetchError> {
        Self::with_lookup(policy, user_agent, guard::system_lookup())
    }

    pub(crate) fn with_lookup(policy: &FetchPolicy, user_agent: &str, lookup: Lookup) -> Result<Self, FetchError> {
        // The client takes the process's provider; an error means that there is one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let guard = Arc::new(Guard { allow: policy.allow.clone(), ports: policy.ports.clone() });
        let tls = certificate::tls().ok();
        let recipe = Recipe { user_agent: user_agent.to_owned(), connect_limit: policy.connect_timeout, lookup, tls };
        let client = recipe.client(guard.clone())?;
        let detour = policy.proxy.as_ref().map(|proxy| Detour::new(&recipe, proxy)).transpose()?;
        let limits = Limits {
            total: policy.timeout,
            connect: policy.connect_timeout,
            first_byte: policy.first_byte_timeout,
            wire_max_bytes: policy.wire_max_bytes,
            body_max_bytes: policy.body_max_bytes,
        };
        Ok(Self {
            client,
            private: Arc::default(),
            recipe: Arc::new(recipe),
            guard,
            detour,
            answers: Answers::default(),
            published: None,
            limits,
        })
    }

    /// The same, but it refuses what this site publishes itself, wherever a redirect to it comes from (S11).
    #[must_use]
    pub fn refusing(self, published: Published) -> Self {
        Self { published: Some(Arc::new(published)), ..self }
    }

    /// Fetches, following redirects, within the limits. Any status is a response; only what gives none is an error.
    ///
    /// # Errors
    /// Any [`FetchError`] but [`FetchError::Setup`].
    pub async fn get(&self, request: &Request) -> Result<Response, FetchError> {
        self.follow(request, None, None, None, HOPS_MAX).await
    }

    /// [`Self::get`] at the pace of the hosts: `pass` is for the host of `request.url`, and moves with the redirects. Waiting for a host
    /// does not count against the limits.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn get_paced(&self, request: &Request, pass: &mut Pass) -> Result<Response, FetchError> {
        self.follow(request, None, None, Some(pass), HOPS_MAX).await
    }

    /// [`Self::get_paced`] for a poll: where another poller was answered a moment ago at the address that this one comes to, that is its
    /// answer too, and where one is being answered, it is waited for (F24).
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn get_polled(&self, request: &Request, poller: &Poller, pass: &mut Pass) -> Result<Response, FetchError> {
        self.follow(request, None, Some(poller), Some(pass), HOPS_MAX).await
    }

    /// Sends a POST at the pace of the hosts, with the checks and limits of a GET. Of the answer's body the first 64 KiB are taken.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn post_paced(&self, post: &Post, pass: &mut Pass) -> Result<Response, FetchError> {
        let request = Request {
            url: post.url.clone(),
            etag: None,
            last_modified: None,
            validator_url: None,
            accept: "*/*",
            access: Access::default(),
        };
        self.follow(&request, Some(post), None, Some(pass), HOPS_MAX).await
    }

    /// Whether a request to this address may be sent, as far as the address itself tells.
    ///
    /// # Errors
    /// Why not.
    pub fn may_reach(&self, url: &Url) -> Result<(), Forbidden> {
        self.may_ask(url, &Access::default(), Home { host: false, origin: false })
    }

    /// [`Self::get_paced`] without following redirects: one is an answer like any other, empty, and the last of its `hops` says where it
    /// leads. For callers who must ask leave of each host first.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn get_hop(&self, request: &Request, pass: &mut Pass) -> Result<Response, FetchError> {
        self.follow(request, None, None, Some(pass), 0).await
    }

    async fn follow(
        &self,
        request: &Request,
        post: Option<&Post>,
        poller: Option<&Poller>,
        mut pass: Option<&mut Pass>,
        hops_max: usize,
    ) -> Result<Response, FetchError> {
        let validated = without_credentials(request.validator_url.as_ref().unwrap_or(&request.url));
        let mut url = request.url.clone();
        url.set_fragment(None);
        let mut hops: Vec<Hop> = Vec::new();
        let mut from: Option<Url> = None;
        let mut home = Home { host: true, origin: true };
        let mut left = self.limits.total;
        self.may_ask(&url, &request.access, home)?;
        loop {
            let here = without_credentials(&url);
            let began = Instant::now();
            // After the host's turn has come: who waited for a turn while twins wait for its answer could lock itself out.
            let shared = poller.filter(|_| is_anybodys(&url, request, home)).map(|poller| (poller, (here.to_string(), request.accept)));
            let validators = match here == validated {
                true => [request.etag.clone(), request.last_modified.clone()],
                false => twins::Validators::default(),
            };
            let hop = async {
                let _turn = match &shared {
                    Some((_, key)) => Some(self.answers.turn(key).lock_owned().await),
                    None => None,
                };
                let known = shared.as_ref().and_then(|(poller, key)| self.answers.take(key, poller, &validators, Instant::now()));
                if let Some(known) = known {
                    let conditional = validators.iter().any(Option::is_some);
                    let answer =
                        Response { hops: hops.clone(), conditional, wire_bytes: 0, from_twin: hops.is_empty(), ..(*known).clone() };
                    return Ok((answer.status, Next::Answer(Box::new(answer))));
                }
                let (response, conditional) = self.send(&url, request, post, home, here == validated).await?;
                let status = response.status().as_u16();
                let is_followed = post.is_none_or(|post| post.follow && matches!(status, 307 | 308));
                match if is_followed { target(&url, &response)? } else { None } {
                    Some(next) => Ok((status, Next::Hop(next))),
                    None => {
                        let answer = self.receive(response, here.clone(), hops.clone(), conditional, post.is_some()).await?;
                        if let Some((poller, key)) = shared {
                            self.answers.keep(key, poller, validators, &answer, Instant::now());
                        }
                        Ok((status, Next::Answer(Box::new(answer))))
                    }
                }
            };
            let late = |_| Err(FetchError::Timeout { host: host(&url), what: "the answer was not complete", limit: self.limits.total });
            let (status, next) =
                tokio::time::timeout(left, hop).await.unwrap_or_else(late).map_err(|why| why.redirected_by(from.as_ref()))?;
            left = left.saturating_sub(began.elapsed());
            if let (429, Some(pass)) = (status, &pass) {
                pass.slow_down();
            }
            let next = match next {
                Next::Answer(answer) => return Ok(*answer),
                Next::Hop(next) => next,
            };
            let to = without_credentials(&next);
            if hops_max == 0 {
                return Ok(Response::redirect(status, here, to));
            }
            let seen = to == without_credentials(&request.url) || hops.iter().any(|hop| hop.to == to);
            hops.push(Hop { status, to });
            let broken = |why| Err(FetchError::Redirect { why, chain: chain(&request.url, &hops) });
            if seen {
                return broken("it redirects in a circle");
            }
            if hops.len() > hops_max {
                return broken("it redirects more than 5 times");
            }
            // Its own host may, if the operator says so; what is in between has no say in it.
            match url.scheme() == "https" && next.scheme() == "http" {
                true if !home.host => return broken("it redirects from https to http"),
                true if !request.access.allow_http => return broken(DOWNGRADE),
                _ => {}
            }
            home.host &= next.host() == request.url.host();
            home.origin &= next.origin() == request.url.origin();
            self.may_ask(&next, &request.access, home).map_err(|why| FetchError::ForbiddenHop { from: shown(&url), why })?;
            if let (Some(pass), Some(host)) = (&mut pass, next.host_str()) {
                pass.next(host).await;
            }
            from = Some(std::mem::replace(&mut url, next));
        }
    }

    /// Whether a hop may be made, as far as its URL tells.
    fn may_ask(&self, url: &Url, access: &Access, home: Home) -> Result<(), Forbidden> {
        if self.published.as_ref().is_some_and(|published| published.holds(url)) {
            return Err(Forbidden::Own(shown(url)));
        }
        if home.host { self.guard.and(access).url(url) } else { self.guard.url(url) }
    }

    /// The client for a hop, and the proxy that it asks.
    async fn route(&self, url: &Url, access: &Access, home: Home) -> Result<(reqwest::Client, Option<&str>), FetchError> {
        if let Some(detour) = &self.detour {
            let guard = if home.host { self.guard.and(access) } else { Guard::clone(&self.guard) };
            if detour.takes(url, &guard).await? {
                return Ok((detour.client.clone(), Some(&detour.place)));
            }
        }
        Ok((self.client(access, home)?, None))
    }

    /// The client for a hop that goes straight to its host: one whose resolver knows the source's own networks only while the hop is at the source's own host.
    fn client(&self, access: &Access, home: Home) -> Result<reqwest::Client, FetchError> {
        if !home.host || access.allow.is_empty() {
            return Ok(self.client.clone());
        }
        // A poisoned lock guards a map that is whole: an insertion either happened or did not.
        let mut private = self.private.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = private.get(&access.allow) {
            return Ok(client.clone());
        }
        let client = self.recipe.client(Arc::new(self.guard.and(access)))?;
        private.insert(access.allow.clone(), client.clone());
        Ok(client)
    }

    /// Sends one hop's request; also returns whether it carried a validator.
    async fn send(
        &self,
        url: &Url,
        request: &Request,
        post: Option<&Post>,
        home: Home,
        validated: bool,
    ) -> Result<(reqwest::Response, bool), FetchError> {
        if url.scheme() == "https" && self.recipe.tls.is_none() {
            return Err(FetchError::NoRoots { host: host(url) });
        }
        let (client, proxy) = self.route(url, &request.access, home).await?;
        let mut headers = HeaderMap::new();
        if home.origin {
            for (name, Secret(value)) in &request.access.headers {
                if let (Ok(name), Ok(mut value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
                    value.set_sensitive(true);
                    headers.insert(name, value);
                }
            }
        }
        headers.insert(header::ACCEPT, HeaderValue::from_static(request.accept));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(coding::ACCEPTED));
        let mut conditional = false;
        if validated {
            for (name, value) in [(header::IF_NONE_MATCH, &request.etag), (header::IF_MODIFIED_SINCE, &request.last_modified)] {
                // One with control bytes cannot be sent, and is not.
                if let Some(value) = value.as_deref().and_then(|bytes| HeaderValue::from_bytes(bytes).ok()) {
                    headers.insert(name, value);
                    conditional = true;
                }
            }
        }
        let sending = match post {
            None => client.get(url.clone()),
            Some(post) => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(post.content_type));
                for (name, value) in &post.headers {
                    // One with control bytes cannot be sent, and is not.
                    if let Ok(value) = HeaderValue::from_str(value) {
                        headers.insert(HeaderName::from_static(name), value);
                    }
                }
                client.post(url.clone()).body(post.body.clone())
            }
        };
        let Limits { connect, first_byte, .. } = self.limits;
        match tokio::time::timeout(first_byte, sending.headers(headers).send()).await {
            Ok(Ok(response)) => Ok((response, conditional)),
            Ok(Err(why)) => Err(FetchError::before_the_head(url, &why, connect, proxy)),
            Err(_) => Err(FetchError::Timeout { host: host(url), what: "no answer", limit: first_byte }),
        }
    }

    /// Reads the body and gathers the facts.
    async fn receive(
        &self,
        mut response: reqwest::Response,
        final_url: Url,
        hops: Vec<Hop>,
        conditional: bool,
        posted: bool,
    ) -> Result<Response, FetchError> {
        let status = response.status();
        let headers = response.headers().clone();
        let (body, wire_bytes) = match status.as_u16() {
            204 | 205 | 304 => (Vec::new(), 0),
            200..=299 if !posted => self.body(&mut response, &final_url).await?,
            _ => error_body(&mut response).await,
        };
        let bytes = |name: HeaderName| headers.get(name).map(|value| value.as_bytes().to_vec());
        let text = |name: HeaderName| joined(&headers, &name);
        Ok(Response {
            status: status.as_u16(),
            final_url,
            hops,
            conditional,
            etag: bytes(header::ETAG),
            last_modified: bytes(header::LAST_MODIFIED),
            content_type: text(header::CONTENT_TYPE),
            cache_control: text(header::CACHE_CONTROL),
            age: text(header::AGE),
            expires: text(header::EXPIRES),
            date: text(header::DATE),
            retry_after: text(header::RETRY_AFTER),
            server: text(header::SERVER),
            link: text(header::LINK),
            robots_tag: text(HeaderName::from_static("x-robots-tag")),
            tdm_reservation: text(HeaderName::from_static("tdm-reservation")),
            tdm_policy: text(HeaderName::from_static("tdm-policy")),
            cf_mitigated: text(HeaderName::from_static("cf-mitigated")),
            cf_ray: text(HeaderName::from_static("cf-ray")),
            content_language: text(header::CONTENT_LANGUAGE),
            content_location: text(header::CONTENT_LOCATION),
            body,
            wire_bytes,
            from_twin: false,
        })
    }

    /// The whole body, decoded, and its size on the wire.
    async fn body(&self, response: &mut reqwest::Response, url: &Url) -> Result<(Vec<u8>, u64), FetchError> {
        let Limits { wire_max_bytes, body_max_bytes, .. } = self.limits;
        let expected = response.content_length();
        let large = || FetchError::Large { url: shown(url), max_bytes: wire_max_bytes, decoded: false };
        if expected.is_some_and(|bytes| bytes > wire_max_bytes) {
            return Err(large());
        }
        let mut wire = Vec::new();
        loop {
            match response.chunk().await {
                Ok(None) => break,
                Ok(Some(chunk)) if (wire.len() + chunk.len()) as u64 > wire_max_bytes => return Err(large()),
                Ok(Some(chunk)) => wire.extend_from_slice(&chunk),
                Err(_) => {
                    let received_bytes = wire.len() as u64;
                    return Err(FetchError::Interrupted { url: shown(url), received_bytes, expected_bytes: expected });
                }
            }
        }
        let wire_bytes = wire.len() as u64;
        let label = joined(response.headers(), &header::CONTENT_ENCODING).unwrap_or_default();
        let decoded = match coding::is_coded(&label, &wire) {
            false => coding::decode(&label, wire, body_max_bytes),
            // Tens of MiB of CPU work; a panic in a decoder costs this request only.
            true => match tokio::task::spawn_blocking(move || coding::decode(&label, wire, body_max_bytes)).await {
                Ok(decoded) => decoded,
                Err(_) => return Err(FetchError::Coding { url: shown(url), why: "the decoder failed on it".to_owned() }),
            },
        };
        let body = decoded.map_err(|why| FetchError::undecodable(url, why, body_max_bytes))?;
        Ok((body, wire_bytes))
    }
}

/// How near a hop still is to the source's own URL; what is lost is not found again.
#[derive(Clone, Copy, Debug)]
struct Home {
    /// Every hop so far was at its host.
    host: bool,
    /// And with its scheme and port.
    origin: bool,
}

/// Whether anybody who asked this would get the same answer: the hop shows no credentials, and goes where everyone may go.
fn is_anybodys(url: &Url, request: &Request, home: Home) -> bool {
    let access = &request.access;
    let is_own = home.origin && !access.headers.is_empty() || home.host && !access.allow.is_empty();
    !is_own && url.username().is_empty() && url.password().is_none()
}

/// What one hop gave.
enum Next {
    Hop(Url),
    Answer(Box<Response>),
}

/// As much of an error's body as there is within the cap; whatever is wrong with it, the status is what counts.
async fn error_body(response: &mut reqwest::Response) -> (Vec<u8>, u64) {
    let mut wire = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        wire.extend_from_slice(&chunk);
        if wire.len() as u64 >= ERROR_BODY_MAX_BYTES {
            break;
        }
    }
    let wire_bytes = wire.len() as u64;
    let label = joined(response.headers(), &header::CONTENT_ENCODING).unwrap_or_default();
    let coded = coding::is_coded(&label, &wire);
    let decode = move || coding::decode(&label, wire, 4 * ERROR_BODY_MAX_BYTES).unwrap_or_default();
    let mut body = if coded { tokio::task::spawn_blocking(decode).await.unwrap_or_default() } else { decode() };
    body.truncate(usize::try_from(ERROR_BODY_MAX_BYTES).unwrap_or(usize::MAX));
    (body, wire_bytes)
}

/// Where a redirect leads; `None` if the response is none, or names no place.
fn target(url: &Url, response: &reqwest::Response) -> Result<Option<Url>, FetchError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = response.headers().get(header::LOCATION) else { return Ok(None) };
    let next = std::str::from_utf8(location.as_bytes()).ok().and_then(|location| url.join(location).ok());
    let Some(next) = next else {
        return Err(FetchError::Redirect { why: "it redirects to what is no URL", chain: shown(url) });
    };
    // Credentials go no further than the origin they were given for, and none are taken from a server (S10).
    let mut clean = without_credentials(&next);
    if clean.origin() == url.origin() {
        // Fails only for URLs that cannot have credentials, and those have none.
        let _ = clean.set_username(url.username());
        let _ = clean.set_password(url.password());
    }
    Ok(Some(clean))
}

fn chain(start: &Url, hops: &[Hop]) -> String {
    let mut text = shown(start);
    for hop in hops {
        text.push_str(" -> ");
        text.push_str(&shown(&hop.to));
    }
    text
}

/// A header's value or values as text.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<_> = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

#[cfg(test)]
mod access_tests;
#[cfg(test)]
mod proxy_tests;
#[cfg(test)]
mod ssrf;
#[cfg(test)]
mod tests;
