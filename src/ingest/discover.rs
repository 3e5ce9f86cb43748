//! What a site offers to be followed.

use chrono::{DateTime, Utc};
use url::Url;

use super::look::{ACCEPT_JSON, Look, robots_sitemaps};
use super::read::{self, Way};
use super::{Ingest, IngestError};
use crate::config::PageSelectors;
use crate::entry::Feed;
use crate::io::fetch::{ACCEPT_FEED, ACCEPT_PAGE, Response};
use crate::stage::page::{self, OfferKind};
use crate::stage::poll::{Failure, FoundKind, PollState};
use crate::stage::wordpress;

/// Feeds that a page names which are asked for.
const NAMED_MAX: usize = 5;

/// Where feeds commonly are; asked for only where a page names none.
const WELL_KNOWN: [&str; 6] = ["/feed", "/rss.xml", "/atom.xml", "/feed.xml", "/rss", "/index.xml"];

/// Sitemaps that are asked for.
const SITEMAPS_MAX: usize = 2;

/// Something that can be followed.
#[derive(Clone, Debug)]
pub struct Offered {
    /// How it is read.
    pub kind: FoundKind,
    /// Where it is.
    pub url: Url,
    /// How it was found, a sentence fragment.
    pub how: String,
    /// Selectors that find a page's list again.
    pub selectors: Option<PageSelectors>,
    /// What is in it.
    pub feed: Feed,
}

/// What a site offers, the best first: feeds, WordPress, lists on the page, sitemaps.
#[derive(Clone, Debug, Default)]
pub struct Discovery {
    /// What can be followed.
    pub offered: Vec<Offered>,
    /// What was tried in vain, a sentence fragment each.
    pub tried: Vec<String>,
    /// Requests that this took, redirects not counted.
    pub requests: usize,
}

impl Ingest {
    /// Looks at a configured source's address for everything that could be followed there. About twenty requests at most, at the hosts'
    /// pace. Nothing is stored.
    ///
    /// # Errors
    /// Why the address itself gives nothing.
    pub async fn discover(&self, position: usize, now: DateTime<Utc>) -> Result<Result<Discovery, Failure>, IngestError> {
        let Some(source) = self.site.sources.get(position) else { return Err(IngestError::NoSource(position)) };
        // A pass for no host: each request queues up at its own.
        let mut pass = self.gate.enter("").await;
        let known = PollState::default();
        let look = Look { ingest: self, source, known: &known, pass: &mut pass, now, limited: None };
        Ok(Search { look, found: Discovery::default() }.run().await)
    }
}

struct Search<'a> {
    look: Look<'a>,
    found: Discovery,
}

impl Search<'_> {
    async fn run(mut self) -> Result<Discovery, Failure> {
        let url = self.look.source.url.clone();
        let first = self.fetch(&url, ACCEPT_PAGE).await?;
        if !read::is_page(&first.body) {
            self.document(&url, first).await?;
            return Ok(self.found);
        }
        let page = first.clone();
        let offers = self.look.read(move |_, _| page::offers(&page.body, page.content_type.as_deref(), &page.final_url)).await?;
        let offers = offers.map_err(|e| read::failure(e.class(), e.to_string()))?;
        let of = |kind: OfferKind| offers.iter().filter(move |offer| offer.kind == kind).map(|offer| offer.href.clone());

        let mut feeds: Vec<Url> = of(OfferKind::Feed).chain(of(OfferKind::FeedLink)).collect();
        // The site's own come first, those of comments last.
        feeds.sort_by_key(|feed| (feed.path().to_ascii_lowercase().contains("comment"), feed.host() != first.final_url.host()));
        feeds.dedup();
        for feed in feeds.into_iter().take(NAMED_MAX) {
            self.feed(&feed, "the page names it").await;
        }
        if self.found.offered.is_empty() {
            for path in WELL_KNOWN {
                let Ok(feed) = first.final_url.join(path) else { continue };
                if self.feed(&feed, "feeds are often there").await {
                    break;
                }
            }
        }
        self.wordpress(&first, of(OfferKind::WordPress).next()).await;
        self.lists(&url, &first).await?;
        self.sitemaps(&first, of(OfferKind::Sitemap).collect()).await;
        Ok(self.found)
    }

    async fn fetch(&mut self, url: &Url, accept: &'static str) -> Result<Response, Failure> {
        self.found.requests += 1;
        self.look.fetch(url, accept).await
    }

    /// The address itself is a feed, a sitemap, posts or a list.
    async fn document(&mut self, url: &Url, response: Response) -> Result<(), Failure> {
        let how = "the address itself";
        if crate::stage::sitemap::is_sitemap(&response.body) {
            let document = self.look.sitemap(&response).await?;
            self.offer(FoundKind::Sitemap, url, how, None, document.feed);
            return Ok(());
        }
        let now = self.look.now;
        let is_posts = url.path().contains("/wp/v2/") || url.query().is_some_and(|query| query.contains("rest_route"));
        let read = self.look.read(move |ingest, source| {
            let way = if is_posts { Way::WordPress } else { Way::Feed };
            read::document(way, source, &ingest.site.published(), &response, now)
        });
        let document = read.await??;
        self.offer(if is_posts { FoundKind::WordPress } else { FoundKind::Feed }, url, how, None, document.feed);
        Ok(())
    }

    async fn feed(&mut self, url: &Url, how: &str) -> bool {
        let read = match self.fetch(url, ACCEPT_FEED).await {
            Ok(response) => self.look.read(move |ingest, source| read::feed(source, &ingest.site.published(), &response)).await,
            Err(failure) => Err(failure),
        };
        match read.and_then(|read| read) {
            Ok(feed) => {
                self.offer(FoundKind::Feed, url, how, None, feed);
                true
            }
            Err(failure) => {
                self.found.tried.push(tried(url, &failure));
                false
            }
        }
    }

    async fn wordpress(&mut self, page: &Response, named: Option<Url>) {
        let named = named.filter(|root| root.host() == page.final_url.host());
        let looks = || memchr::memmem::find(&page.body, b"/wp-content/").is_some();
        let Some(root) = named.or_else(|| looks().then(|| page.final_url.join("/").ok()).flatten()) else { return };
        let url = wordpress::address(&root);
        let now = self.look.now;
        let read = match self.fetch(&url, ACCEPT_JSON).await {
            Ok(response) => {
                let read = move |ingest: &Ingest, source: &crate::config::Source| {
                    read::document(Way::WordPress, source, &ingest.site.published(), &response, now)
                };
                self.look.read(read).await
            }
            Err(failure) => Err(failure),
        };
        match read.and_then(|read| read) {
            Ok(document) => self.offer(FoundKind::WordPress, &url, "the page is WordPress'", None, document.feed),
            Err(failure) => self.found.tried.push(tried(&url, &failure)),
        }
    }

    async fn lists(&mut self, url: &Url, page: &Response) -> Result<(), Failure> {
        let (page, now) = (page.clone(), self.look.now);
        let lists = self.look.read(move |_, source| {
            let context = page::Context { url: &page.final_url, time_zone: source.time_zone, language: source.language.as_deref(), now };
            page::find_all(&page.body, page.content_type.as_deref(), &context)
        });
        match lists.await? {
            Ok(lists) => {
                for list in lists {
                    self.offer(FoundKind::Page, url, &format!("a list on the page ({})", list.how.name()), list.selectors, list.feed);
                }
            }
            Err(error) => self.found.tried.push(error.to_string()),
        }
        Ok(())
    }

    async fn sitemaps(&mut self, page: &Response, mut named: Vec<Url>) {
        if let Ok(robots) = page.final_url.join("/robots.txt")
            && let Ok(robots) = self.fetch(&robots, ACCEPT_PAGE).await
        {
            named.extend(robots_sitemaps(&robots));
        }
        named.extend(page.final_url.join("/sitemap.xml"));
        let mut seen = std::collections::HashSet::new();
        named.retain(|url| url.host() == page.final_url.host() && seen.insert(url.clone()));
        for url in named.into_iter().take(SITEMAPS_MAX) {
            let read = match self.fetch(&url, ACCEPT_FEED).await {
                Ok(response) => self.look.sitemap(&response).await,
                Err(failure) => Err(failure),
            };
            match read {
                Ok(document) => self.offer(FoundKind::Sitemap, &url, "the site's sitemap", None, document.feed),
                Err(failure) => self.found.tried.push(tried(&url, &failure)),
            }
        }
    }

    fn offer(&mut self, kind: FoundKind, url: &Url, how: &str, selectors: Option<PageSelectors>, feed: Feed) {
        let is_there = |offered: &Offered| offered.kind == kind && offered.url == *url && offered.selectors == selectors;
        if !self.found.offered.iter().any(is_there) {
            self.found.offered.push(Offered { kind, url: url.clone(), how: how.to_owned(), selectors, feed });
        }
    }
}

fn tried(url: &Url, failure: &Failure) -> String {
    let address = url.as_str();
    if failure.why.contains(address) { failure.why.clone() } else { format!("{address}: {}", failure.why) }
}
