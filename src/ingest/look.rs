//! What a poll asks for besides the source's own address: the files of a sitemap's index, a list's next pages, and, where no kind is
//! configured or the known one stopped working, what else the site offers.
//!
//! Every request goes through the host's gate, within the poll that it belongs to; how many there may be is fixed here.

use chrono::{DateTime, Utc};
use url::Url;

use super::read::{self, Document, Way, failure};
use super::{Ingest, locked};
use crate::config::{PageSelectors, Source, SourceKind};
use crate::entry::{Feed, Problem, ReadStage};
use crate::io::fetch::{ACCEPT_FEED, ACCEPT_PAGE, Pass, Request, Response};
use crate::stage::host::Reach;
use crate::stage::page::{self, Listing, OfferKind};
use crate::stage::poll::{Ask, Asked, Failure, Found, FoundKind, PollState, Said};
use crate::stage::robots;
use crate::stage::{identity, sitemap, wordpress};

/// Files of a sitemap's index that one poll asks for.
const FILES_MAX: usize = 8;

/// Feeds that a page names which are tried.
const FEEDS_MAX: usize = 2;

/// Addresses of sitemaps that are tried.
const SITEMAPS_MAX: usize = 2;

/// `Accept` for WordPress' interface.
pub(super) const ACCEPT_JSON: &str = "application/json, */*;q=0.1";

/// What all of a poll's requests brought.
pub(super) struct Gathered {
    /// What was asked, as far as the answer belongs to it.
    pub(super) ask: Ask,
    pub(super) answer: Result<Response, Failure>,
    /// What was read of it on the way; `None` where that is still to do.
    pub(super) ready: Option<Result<Document, Failure>>,
}

/// A poll that is under way.
pub(super) struct Look<'a> {
    pub(super) ingest: &'a Ingest,
    pub(super) source: &'a Source,
    pub(super) known: &'a PollState,
    pub(super) pass: &'a mut Pass,
    pub(super) now: DateTime<Utc>,
    /// A host that wants fewer requests said so: that is how the poll ends, and nothing more is asked.
    pub(super) limited: Option<(Url, Response)>,
}

impl Ingest {
    /// Asks for whatever belongs to the answer of a source. A plain feed costs nothing more.
    pub(super) async fn gather(
        &self,
        source: &Source,
        known: &PollState,
        ask: Ask,
        answer: Result<Response, Failure>,
        pass: &mut Pass,
        now: DateTime<Utc>,
    ) -> Gathered {
        let mut look = Look { ingest: self, source, known, pass, now, limited: None };
        let response = match answer {
            Ok(response) => response,
            Err(failure) => return Gathered { ask, answer: Err(failure), ready: None },
        };
        let gathered = match &source.kind {
            SourceKind::Auto => look.automatic(ask, response).await,
            SourceKind::Sitemap if look.is_fresh(&response) => {
                let ready = Some(look.sitemap(&response).await);
                Gathered { ask, answer: Ok(response), ready }
            }
            SourceKind::Page(selectors) if selectors.pages_max > 1 && look.is_fresh(&response) => {
                let ready = Some(look.pages(selectors, &response).await);
                Gathered { ask, answer: Ok(response), ready }
            }
            _ => Gathered { ask, answer: Ok(response), ready: None },
        };
        match look.limited {
            Some((url, response)) => Gathered { ask: fresh_ask(&url), answer: Ok(response), ready: None },
            None => gathered,
        }
    }
}

impl Look<'_> {
    /// Whether this is a body that is to be read, as [`crate::stage::exchange::judge`] will say.
    fn is_fresh(&self, response: &Response) -> bool {
        matches!(response.status, 200 | 203)
            && !response.body.is_empty()
            && (self.known.from_zero || self.known.body_hash != Some(blake3::hash(&response.body).into()))
    }

    /// One more request of this poll. What is not a readable success is a failure.
    pub(super) async fn fetch(&mut self, url: &Url, accept: &'static str) -> Result<Response, Failure> {
        let host = url.host_str().unwrap_or_default().to_owned();
        if self.limited.is_some() {
            return Err(failure("rate-limited", "a host asked for fewer requests"));
        }
        let limit = locked(&self.ingest.store).host_limit(&self.ingest.budgets.name(&host)).ok().flatten();
        if limit.is_some_and(|until| until > self.now) {
            return Err(failure("rate-limited", format!("{url}: its host asked for fewer requests")));
        }
        self.pass.next(&host).await;
        let access = self.source.access.at(&self.source.url, url);
        let request = Request { url: url.clone(), etag: None, last_modified: None, validator_url: None, accept, access };
        let response = self.ingest.fetcher.get_paced(&request, self.pass).await.map_err(|e| failure(e.class(), e.to_string()))?;
        match response.status {
            200 | 203 if !response.body.is_empty() => Ok(response),
            429 => {
                self.limited = Some((url.clone(), response));
                Err(failure("rate-limited", format!("{url}: its host asked for fewer requests")))
            }
            status => Err(failure("status", format!("{url}: answered {status}"))),
        }
    }

    /// Runs what takes the processor off the threads that serve sockets, as many at once as there are processors.
    pub(super) async fn read<T: Send + 'static>(&self, work: impl FnOnce(&Ingest, &Source) -> T + Send + 'static) -> Result<T, Failure> {
        let reader = self.ingest.readers.enter(0).await;
        let (ingest, source) = (self.ingest.clone(), self.source.clone());
        let task = tokio::task::spawn_blocking(move || {
            let _reader = reader;
            work(&ingest, &source)
        });
        task.await.map_err(|_| super::fault("read", "a reader failed"))
    }

    /// A sitemap with the files of its index.
    pub(super) async fn sitemap(&mut self, response: &Response) -> Result<Document, Failure> {
        let first = response.clone();
        let index = match self.read(move |_, source| read::sitemap_of(source, &first)).await?? {
            sitemap::Document::Urls(feed) => return Ok(sitemap::joined(vec![*feed]).into()),
            sitemap::Document::Index(index) => index,
        };
        let listed = index.len();
        // What does not say when its files changed cannot vouch for them.
        let mut partial = index.iter().any(|child| child.changed.is_none());
        let (mut parts, mut problems) = (Vec::new(), Vec::new());
        for child in sitemap::chosen(index, FILES_MAX) {
            let read = match self.fetch(&child.url, ACCEPT_FEED).await {
                Ok(response) => self.read(move |_, source| read::sitemap_of(source, &response)).await?,
                Err(failure) => Err(failure),
            };
            let what = match read {
                Ok(sitemap::Document::Urls(feed)) => {
                    parts.push(*feed);
                    continue;
                }
                Ok(sitemap::Document::Index(_)) => format!("{}: an index within an index is not followed", child.url),
                Err(failure) => {
                    partial = true;
                    format!("{}: {}", child.url, failure.why)
                }
            };
            problems.push(Problem { entry: None, stage: ReadStage::Parse, what });
        }
        if parts.is_empty() {
            let why = problems.first().map_or_else(String::new, |problem| format!(": {}", problem.what));
            return Err(failure("no-urls", format!("no file of the sitemap's index can be read{why}")));
        }
        let mut feed = sitemap::joined(parts);
        if listed > FILES_MAX {
            let what = format!("the index lists {listed} files; {FILES_MAX} were asked for");
            problems.push(Problem { entry: None, stage: ReadStage::Parse, what });
        }
        feed.problems.extend(problems);
        Ok(Document { partial: partial || feed.breaks_off, ..feed.into() })
    }

    /// A page's list with its next pages, as long as they bring something unknown.
    async fn pages(&mut self, selectors: &PageSelectors, response: &Response) -> Result<Document, Failure> {
        let (mut listing, mut unknown) = self.page(selectors, response.clone()).await?;
        let mut document = Document::from(Feed { entries: Vec::new(), ..listing.feed.clone() });
        let mut asked = vec![response.final_url.clone()];
        loop {
            document.feed.entries.append(&mut listing.feed.entries);
            let next = listing.next.filter(|next| next.host() == response.final_url.host() && !asked.contains(next));
            let Some(next) = next.filter(|_| unknown > 0 && asked.len() < selectors.pages_max) else { return Ok(document) };
            let page = match self.fetch(&next, ACCEPT_PAGE).await {
                Ok(page) => self.page(selectors, page).await,
                Err(failure) => Err(failure),
            };
            asked.push(next);
            match page {
                Ok((page, count)) => (listing, unknown) = (page, count),
                // What is on it may be unknown: without validators the first page is read again.
                Err(failure) => {
                    document.partial = true;
                    let what = format!("page {} of the list: {}", asked.len(), failure.why);
                    document.feed.problems.push(Problem { entry: None, stage: ReadStage::Parse, what });
                    return Ok(document);
                }
            }
        }
    }

    /// One page of a list, and how many of its entries are not stored yet.
    async fn page(&self, selectors: &PageSelectors, response: Response) -> Result<(Listing, usize), Failure> {
        let (selectors, now) = (selectors.clone(), self.now);
        self.read(move |ingest, source| {
            let listing = read::listing(Some(&selectors), source, &response, now)?;
            let keys: Vec<String> = identity::keys(&listing.feed.entries, Reach::of(source)).into_iter().map(|keyed| keyed.key).collect();
            let known = locked(&ingest.store).known(&source.id, &keys).map_err(|e| failure("store", e.to_string()))?;
            let unknown = known.iter().filter(|known| known.is_none()).count();
            Ok((listing, unknown))
        })
        .await?
    }

    /// A source without a configured kind: what is known of it is tried first, and found out anew where that does not work.
    async fn automatic(&mut self, ask: Ask, response: Response) -> Gathered {
        let found = self.known.found.clone();
        let is_elsewhere = ask.url != self.source.url.as_str();
        if self.is_fresh(&response) {
            let read = self.by_what_is_known(&response).await;
            match read {
                // A feed, by its looks: read with everything else that takes the processor.
                None => return Gathered { ask, answer: Ok(response), ready: None },
                Some(Ok(document)) => return Gathered { ask, answer: Ok(response), ready: Some(Ok(document)) },
                Some(Err(_)) if is_elsewhere => {}
                Some(Err(failure)) => return self.search(ask, response, failure).await,
            }
        } else if !(is_elsewhere && found.is_some() && matches!(response.status, 404 | 410)) {
            return Gathered { ask, answer: Ok(response), ready: None };
        }
        // What was found is gone from where it was: back to the address that is configured.
        let home = self.source.url.clone();
        match self.fetch(&home, ACCEPT_PAGE).await {
            Ok(page) if read::is_page(&page.body) => {
                let (first, kept) = (ask.clone(), response.clone());
                let looked = self.search(fresh_ask(&home), page, failure("gone", "what was found there is gone")).await;
                if matches!(looked.ready, Some(Ok(_))) { looked } else { Gathered { ask: first, answer: Ok(kept), ready: None } }
            }
            Ok(page) => {
                let ready = self.feed_at(&home, page.clone(), "it is a feed").await;
                if ready.is_ok() {
                    return Gathered { ask: fresh_ask(&home), answer: Ok(page), ready: Some(ready) };
                }
                Gathered { ask, answer: Ok(response), ready: None }
            }
            Err(_) => Gathered { ask, answer: Ok(response), ready: None },
        }
    }

    /// Reads a body as what the source is known to be; `None` for a feed, which is read elsewhere.
    async fn by_what_is_known(&mut self, response: &Response) -> Option<Result<Document, Failure>> {
        match read::way(self.source, self.known, &response.body) {
            // It looks like a page; what it is, the reader says.
            Way::Feed if read::is_page(&response.body) => {
                let response = response.clone();
                let read = self.read(move |ingest, source| read::feed(source, &ingest.site.published(), &response)).await;
                Some(read.and_then(|read| read).map(Document::from))
            }
            Way::Feed => None,
            Way::Sitemap => Some(self.sitemap(response).await),
            way => Some(self.one(way.kind(), response).await),
        }
    }

    /// Reads one body as WordPress' posts, or as a page's list.
    async fn one(&self, kind: FoundKind, response: &Response) -> Result<Document, Failure> {
        let (response, now) = (response.clone(), self.now);
        self.read(move |ingest, source| {
            let way = if kind == FoundKind::WordPress { Way::WordPress } else { Way::Listing };
            read::document(way, source, &ingest.site.published(), &response, now)
        })
        .await?
    }

    fn found(&self, kind: FoundKind, url: &Url, how: impl Into<String>) -> Found {
        Found { kind, url: url.to_string(), how: how.into(), at: self.now }
    }

    /// What a page offers: a feed that it names, WordPress, its own list, a sitemap. `broken` is what is said where it offers nothing.
    async fn search(&mut self, ask: Ask, page: Response, broken: Failure) -> Gathered {
        let original = page.clone();
        let offers = self.read(move |_, _| page::offers(&page.body, page.content_type.as_deref(), &page.final_url)).await;
        let offers = offers.ok().and_then(Result::ok).unwrap_or_default();
        let title = crate::stage::poll::words(&original.body, &Said::default()).title.unwrap_or_default();
        let nothing = |answer: Response| Gathered { ask: ask.clone(), answer: Ok(answer), ready: Some(Err(broken.clone())) };
        if page::barrier(&title).is_some() {
            return nothing(original);
        }
        let of = |kind: OfferKind| offers.iter().filter(move |offer| offer.kind == kind).map(|offer| offer.href.clone());
        let is_comments = |url: &Url| url.path().to_ascii_lowercase().contains("comment");
        let mut feeds: Vec<Url> = of(OfferKind::Feed).filter(|url| url.as_str() != ask.url).collect();
        feeds.sort_by_key(is_comments);
        for url in feeds.into_iter().take(FEEDS_MAX) {
            let Ok(response) = self.fetch(&url, ACCEPT_FEED).await else { continue };
            let read = self.feed_at(&url, response.clone(), "the page names it").await;
            if read.as_ref().is_ok_and(|document| !document.feed.entries.is_empty()) {
                return Gathered { ask: fresh_ask(&url), answer: Ok(response), ready: Some(read) };
            }
        }
        let root = of(OfferKind::WordPress).find(|url| url.host() == original.final_url.host());
        if let Some(url) = root.map(|root| wordpress::address(&root))
            && let Ok(response) = self.fetch(&url, ACCEPT_JSON).await
            && let Ok(document) = self.one(FoundKind::WordPress, &response).await
            && !document.feed.entries.is_empty()
        {
            let found = Some(self.found(FoundKind::WordPress, &url, "the page is WordPress'"));
            return Gathered { ask: fresh_ask(&url), answer: Ok(response), ready: Some(Ok(Document { found, ..document })) };
        }
        let (page, now) = (original.clone(), self.now);
        if let Ok(Ok(listing)) = self.read(move |_, source| read::listing(None, source, &page, now)).await {
            let found = Some(self.found(FoundKind::Page, &self.source.url, format!("the page has a list ({})", listing.how.name())));
            let ready = Some(Ok(Document { found, ..listing.feed.into() }));
            return Gathered { ask, answer: Ok(original), ready };
        }
        // Only a source that never was read may cost what looking for a sitemap costs.
        if self.known.well_at.is_none() {
            let named: Vec<Url> = of(OfferKind::Sitemap).collect();
            if let Some(gathered) = self.any_sitemap(&original.final_url, named).await {
                return gathered;
            }
        }
        nothing(original)
    }

    async fn any_sitemap(&mut self, page: &Url, mut named: Vec<Url>) -> Option<Gathered> {
        if let Ok(robots) = page.join("/robots.txt")
            && let Ok(robots) = self.fetch(&robots, ACCEPT_PAGE).await
        {
            named.extend(robots_sitemaps(&robots));
        }
        named.extend(page.join("/sitemap.xml"));
        named.dedup();
        for url in named.into_iter().filter(|url| url.host() == page.host()).take(SITEMAPS_MAX) {
            let Ok(response) = self.fetch(&url, ACCEPT_FEED).await else { continue };
            if let Ok(document) = self.sitemap(&response).await {
                let found = Some(self.found(FoundKind::Sitemap, &url, "nothing else was found"));
                return Some(Gathered { ask: fresh_ask(&url), answer: Ok(response), ready: Some(Ok(Document { found, ..document })) });
            }
        }
        None
    }

    async fn feed_at(&self, url: &Url, response: Response, how: &str) -> Result<Document, Failure> {
        let found = Some(self.found(FoundKind::Feed, url, how));
        let read = self.read(move |ingest, source| read::feed(source, &ingest.site.published(), &response)).await??;
        Ok(Document { found, ..read.into() })
    }
}

/// A request that was made at another address than the poll began with.
fn fresh_ask(url: &Url) -> Ask {
    Ask { url: url.to_string(), how: Asked::NewAddress, ..Ask::default() }
}

/// The sitemaps that a robots.txt names, the first twenty. An HTML page in its place names none.
pub(super) fn robots_sitemaps(response: &Response) -> Vec<Url> {
    let robots = robots::parse(&response.body);
    let named = robots.sitemaps().iter().filter_map(|address| response.final_url.join(address).ok());
    named.filter(|url| matches!(url.scheme(), "http" | "https")).take(20).collect()
}
