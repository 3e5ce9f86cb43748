//! Article pages: which are due, one reading each, one transaction each.
//!
//! What a page means is [`crate::stage::article`]'s; when it is tried again, [`attempt`]'s. A page that cannot be had costs its record
//! nothing but what only the page knows.

mod visit;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use futures_util::future::try_join_all;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use url::Url;

use self::visit::{Failure, Visitor};
use crate::config::{Enrich, Mode, Site, Source};
use crate::ingest::{Ingest, IngestError, SharedStore, locked, reserved_by_headers};
use crate::io::fetch::{ACCEPT_PAGE, Response};
use crate::record::Draft;
use crate::rights::Reservation;
use crate::stage::article::image::{self, Picture};
use crate::stage::article::{self, Answer, Article, Facts, attempt};
use crate::store::{DueArticle, ReadArticle, Store, StoreError};
use crate::syntax::hex;

/// Articles read at once, each at another host.
const AT_ONCE: usize = 8;
/// Pages of one host that fail one after another before the others there are put off.
const FAILURES_MAX: usize = 3;
/// Hosts that are silent before any speaks: then it is the network that is down, and the other articles lose no try for it.
const SILENT_MAX: usize = 5;
/// Longest that one article may take, its pictures included.
const ARTICLE_LIMIT: Duration = Duration::from_secs(60);
/// How far an article that was begun may go over the time of its run.
const GRACE: Duration = Duration::from_secs(10);
/// A larger picture is not kept.
const PICTURE_MAX_BYTES: usize = 5 << 20;
/// An icon is looked at again when this old.
const ICON_KEPT_DAYS: i64 = 30;
const ACCEPT_PICTURE: &str = "image/avif,image/webp,image/png,image/jpeg,image/svg+xml,image/*;q=0.8,*/*;q=0.1";

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Enriched {
    /// Pages that were read.
    pub read: usize,
    /// Pages that could not be had this time.
    pub failed: usize,
    /// Pages that are due and were not come to.
    pub left: u64,
}

/// Reads article pages. Clones share what they know of hosts: `robots.txt`, and when each may be asked again.
#[derive(Clone)]
pub struct Enricher {
    ingest: Ingest,
    site: Arc<Site>,
    store: SharedStore,
    visitor: Arc<Visitor>,
    places: Arc<Semaphore>,
}

/// What became of one article.
enum Outcome {
    Read(Box<ReadArticle>),
    Failed(Failure),
}

impl Enricher {
    /// One that asks with the same client and at the same pace as polls.
    #[must_use]
    pub fn new(ingest: &Ingest) -> Self {
        let (fetcher, gate) = ingest.edges();
        let site = Arc::clone(ingest.site());
        let store = Arc::clone(ingest.store());
        let visitor = Visitor::new(fetcher.clone(), gate.clone(), Arc::clone(&store), site.fetch.host_gap);
        Self { ingest: ingest.clone(), site, store, visitor: Arc::new(visitor), places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Reads pages that are due, each host's one after another, until none is left or the time is over; what was begun is finished.
    ///
    /// # Errors
    /// The store's: without it nothing can be kept.
    pub async fn run(&self, now: DateTime<Utc>, budget: Duration) -> Result<Enriched, IngestError> {
        let wanted: Vec<(String, bool)> = self
            .site
            .sources
            .iter()
            .filter(|source| source.enrich != Enrich::Never)
            .map(|source| (source.id.clone(), source.enrich == Enrich::WhenMissing))
            .collect();
        if wanted.is_empty() {
            return Ok(Enriched::default());
        }
        let sources: Arc<[String]> = wanted.iter().map(|(source, _)| source.clone()).collect();
        let named = Arc::clone(&sources);
        let hosts = self
            .stored(move |store| {
                store.queue_articles(&wanted, now)?;
                let mut hosts = Vec::new();
                for (host, _) in store.due_hosts(&named, now)? {
                    // One that answered 429 to a poll wants no pages read either.
                    if store.host_limit(&host)?.is_none_or(|until| until <= now) {
                        hosts.push(host);
                    }
                }
                Ok(hosts)
            })
            .await?;
        if hosts.is_empty() {
            return Ok(Enriched::default());
        }
        let until = Instant::now() + budget;
        let tally = Tally::default();
        try_join_all(hosts.into_iter().map(|host| Box::pin(self.host(host, Arc::clone(&sources), now, until, &tally)))).await?;
        let left = self.stored(move |store| store.due_hosts(&sources, now)).await?;
        let left = left.into_iter().map(|(_, count)| count).sum();
        Ok(Enriched { read: tally.read.into_inner(), failed: tally.failed.into_inner(), left })
    }

    /// One host's articles, one after another.
    async fn host(
        &self,
        host: String,
        sources: Arc<[String]>,
        now: DateTime<Utc>,
        until: Instant,
        tally: &Tally,
    ) -> Result<(), IngestError> {
        let mut failures = 0;
        loop {
            let turn = self.visitor.turn(&host);
            if turn.max(Instant::now()) >= until {
                return Ok(());
            }
            tokio::time::sleep_until(turn).await;
            // Held while an article is read, not while its host rests. Never closed.
            let _place = self.places.acquire().await.ok();
            if Instant::now() >= until || tally.is_cut_off() {
                return Ok(());
            }
            let (asked, named) = (host.clone(), Arc::clone(&sources));
            let Some(due) = self.stored(move |store| store.due_article(&asked, &named, now)).await? else { return Ok(()) };
            let (record, tries, href) = (due.record, due.tries + 1, due.draft.href.clone());
            let limit = ARTICLE_LIMIT.min(until.saturating_duration_since(Instant::now()) + GRACE);
            // A panic in somebody's HTTP or picture costs this article alone.
            let read = AssertUnwindSafe(self.read(due, now)).catch_unwind();
            let outcome = match tokio::time::timeout(limit, read).await {
                Ok(Ok(outcome)) => outcome?,
                Ok(Err(_)) => Outcome::Failed(Failure::fault()),
                Err(_) => Outcome::Failed(Failure::page(format!("it was not read within {} s", limit.as_secs()))),
            };
            let is_silent = matches!(&outcome, Outcome::Failed(failure) if failure.is_silent);
            if is_silent { &tally.silent } else { &tally.spoken }.fetch_add(1, Ordering::Relaxed);
            match outcome {
                Outcome::Read(read) => {
                    failures = 0;
                    tally.read.fetch_add(1, Ordering::Relaxed);
                    let reserved = read.article.facts.reservation.clone();
                    self.stored(move |store| store.article_read(record, &read, now)).await?;
                    if let Some(reserved) = reserved {
                        let ingest = self.ingest.clone();
                        let derived = tokio::task::spawn_blocking(move || ingest.reserve(&href, &reserved, now));
                        derived.await.map_err(|_| IngestError::Lost("an article".to_owned()))??;
                    }
                }
                Outcome::Failed(failure) if failure.is_hosts => {
                    let Failure { why, not_before, .. } = failure;
                    return self.put_off(host, why, not_before, now, tally).await;
                }
                Outcome::Failed(Failure { why, not_before, is_final, is_harmless, .. }) => {
                    tally.failed.fetch_add(1, Ordering::Relaxed);
                    failures += usize::from(!is_harmless);
                    let next = if is_final { None } else { attempt::next(now, tries, not_before) };
                    let told = why.clone();
                    self.stored(move |store| store.article_failed(record, &told, next, now)).await?;
                    if failures >= FAILURES_MAX {
                        let why = format!("put off: {failures} pages of {host} failed one after another, the last because {why}");
                        return self.put_off(host, why, not_before, now, tally).await;
                    }
                }
            }
        }
    }

    /// Counts a try for everything that is due at a host, so that one that is down is asked once and not for each article.
    async fn put_off(
        &self,
        host: String,
        why: String,
        not_before: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
        tally: &Tally,
    ) -> Result<(), IngestError> {
        let count = self.stored(move |store| store.host_failed(&host, &why, &|tries| attempt::next(now, tries, not_before), now)).await?;
        tally.failed.fetch_add(usize::try_from(count).unwrap_or(usize::MAX), Ordering::Relaxed);
        Ok(())
    }

    async fn read(&self, due: DueArticle, now: DateTime<Utc>) -> Result<Outcome, IngestError> {
        let DueArticle { source, tries, known, draft, .. } = due;
        // Its page may be due although its source is gone from the configuration since.
        let Some(source) = self.site.sources.iter().find(|s| s.id == source) else {
            return Ok(Outcome::Failed(Failure::page("its source is not configured any more")));
        };
        let mut files = Vec::new();
        let mut article = match known {
            Some(known) => known,
            None => match self.page(source, &draft.href, &draft.title, now).await? {
                Ok((facts, pdf)) => {
                    let pdf = pdf.map(|bytes| keep_pdf(source, &draft, &facts.address, bytes, &mut files));
                    Article { facts, pdf, ..Article::default() }
                }
                Err(failure) => return Ok(Outcome::Failed(failure)),
            },
        };
        if article.image.as_ref().is_none_or(|image| image.again) {
            let mut urls = article.facts.images.clone();
            if urls.is_empty() {
                urls.extend(draft.image.clone());
            }
            // Where an operator allows titles alone, a picture may be linked, not copied (acceptance P3).
            let terms = source.terms([&draft.href, &draft.original], draft.reservation.is_some());
            let copies = terms.rights.is_none() || terms.mode != Mode::Title;
            article.image = self.feature_image(source, urls, copies.then_some(&mut files), now).await?;
        }
        let mut looked_at = None;
        if let (None, Some(url)) = (&article.icon, &article.facts.icon) {
            let (icon, is_new) = self.site_icon(source, url, &mut files, now).await?;
            looked_at = Some(icon.clone()).filter(|_| is_new);
            // Nobody promised the one that is only guessed at.
            let guessed = Url::parse(url).is_ok_and(|url| url.path() == "/favicon.ico");
            article.icon = Some(icon).filter(|icon| icon.is_valid() || !guessed);
        }
        let terms = source.terms([&draft.href, &draft.original], article.facts.reservation.is_some() || draft.reservation.is_some());
        let mut shown = article::shown(&article.facts, &draft, terms.excerpt_max_chars);
        if let Some(page) = &mut shown
            && let Some(address) = page.href.clone()
            && let Some(holder) = self.stored(move |store| store.holder(&address)).await?
        {
            // Both have addresses of their own, and those never move.
            page.same_as = page.href.take();
            let note = format!("its address is that of another record, “{}”; both stay, as one story", holder.title);
            if !article.facts.notes.contains(&note) {
                article.facts.notes.push(note);
            }
        }
        let next = if article.lacks_something() { (attempt::next(now, tries + 1, None), tries + 1) } else { (None, tries) };
        if next.0.is_none()
            && let Some(image) = &mut article.image
        {
            image.again = false;
        }
        Ok(Outcome::Read(Box::new(ReadArticle { article, shown, files, icon: looked_at, next })))
    }

    /// An article's page, read; the bytes too if it is a PDF.
    async fn page(
        &self,
        source: &Source,
        href: &str,
        title: &str,
        now: DateTime<Utc>,
    ) -> Result<Result<(Facts, Option<Vec<u8>>), Failure>, IngestError> {
        let Ok(asked) = Url::parse(href) else { return Ok(Err(Failure::page("its address is none of the web"))) };
        let response = match self.visitor.page(source, &asked, ACCEPT_PAGE, now).await? {
            Ok(response) => response,
            Err(failure) => return Ok(Err(failure)),
        };
        if let Some(failure) = Failure::of_status(&response, now) {
            return Ok(Err(failure));
        }
        let (robots_note, by_robots) = self.visitor.said_to_robots(&response.final_url).await;
        let title = title.to_owned();
        let read = move || {
            let by_headers = reserved_by_headers(&response);
            let reserved = Reservation::joined(by_headers.as_ref(), by_robots.as_ref());
            let Response { final_url, content_type, robots_tag, body, .. } = response;
            let answer = Answer {
                url: &final_url,
                asked: &asked,
                content_type: content_type.as_deref(),
                robots_tag: robots_tag.as_deref(),
                reserved: reserved.as_ref(),
                bytes: &body,
                title: &title,
            };
            article::read(&answer).map(|facts| {
                let pdf = facts.is_pdf.then_some(body);
                (facts, pdf)
            })
        };
        let Ok(mut read) = tokio::task::spawn_blocking(read).await else { return Ok(Err(Failure::fault())) };
        if let (true, Ok((facts, _))) = (robots_note, &mut read) {
            facts.notes.push("the site's robots.txt is an HTML page, which says nothing to robots".to_owned());
        }
        Ok(read.map_err(|why| Failure { is_final: matches!(why, article::Unusable::Kind(_)), ..Failure::page(why.to_string()) }))
    }

    /// The first of these that is a picture, its bytes among `files` if it is to be copied; else what is wrong with the first.
    async fn feature_image(
        &self,
        source: &Source,
        urls: Vec<String>,
        files: Option<&mut Vec<(String, Vec<u8>)>>,
        now: DateTime<Utc>,
    ) -> Result<Option<Picture>, IngestError> {
        let mut first = None;
        for url in urls {
            let (mut picture, bytes) = self.picture(source, &url, now).await?;
            if picture.is_valid() {
                picture.why = match picture.format.as_deref() {
                    Some("ICO") => Some("it is an icon".to_owned()),
                    _ => image::too_small(picture.size),
                };
            }
            if picture.is_valid() {
                return Ok(Some(match files {
                    Some(files) => keep(picture, bytes, files),
                    None => picture,
                }));
            }
            first.get_or_insert(picture);
        }
        Ok(first)
    }

    /// A site's icon, and whether it was looked at now.
    async fn site_icon(
        &self,
        source: &Source,
        url: &str,
        files: &mut Vec<(String, Vec<u8>)>,
        now: DateTime<Utc>,
    ) -> Result<(Picture, bool), IngestError> {
        let asked = url.to_owned();
        match self.stored(move |store| store.icon(&asked)).await? {
            Some((at, icon)) if now - at < TimeDelta::days(ICON_KEPT_DAYS) => Ok((icon, false)),
            _ => {
                let (picture, bytes) = self.picture(source, url, now).await?;
                // Not worth an article's being tried again.
                let picture = Picture { again: false, ..picture };
                Ok((if picture.is_valid() { keep(picture, bytes, files) } else { picture }, true))
            }
        }
    }

    async fn picture(&self, source: &Source, url: &str, now: DateTime<Utc>) -> Result<(Picture, Vec<u8>), IngestError> {
        let failed = |why: String, again: bool| (Picture { url: url.to_owned(), why: Some(why), again, ..Picture::default() }, Vec::new());
        let Ok(asked) = Url::parse(url) else { return Ok(failed("its address is none of the web".to_owned(), false)) };
        let response = match self.visitor.file(source, &asked, ACCEPT_PICTURE, now).await? {
            Ok(response) => response,
            Err(failure) => return Ok(failed(failure.why, !failure.is_final)),
        };
        if let Some(failure) = Failure::of_status(&response, now) {
            return Ok(failed(failure.why, response.status >= 500 || response.status == 429));
        }
        if response.body.len() > PICTURE_MAX_BYTES {
            return Ok(failed(format!("it is larger than {} MiB", PICTURE_MAX_BYTES >> 20), false));
        }
        let look = move || (image::sniff(&response.body), response.body);
        let Ok((seen, bytes)) = tokio::task::spawn_blocking(look).await else { return Ok(failed(Failure::fault().why, false)) };
        Ok(match seen {
            Ok(seen) => {
                (Picture { url: url.to_owned(), format: Some(seen.format.to_owned()), size: seen.size, ..Picture::default() }, bytes)
            }
            Err(why) => failed(why.to_string(), false),
        })
    }

    /// Asks the store, off the threads that serve sockets.
    async fn stored<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, IngestError> {
        visit::stored(&self.store, ask).await
    }
}

/// What a run has done so far.
#[derive(Default)]
struct Tally {
    read: AtomicUsize,
    failed: AtomicUsize,
    /// Hosts that were not reached, and articles for which one was.
    silent: AtomicUsize,
    spoken: AtomicUsize,
}

impl Tally {
    fn is_cut_off(&self) -> bool {
        self.spoken.load(Ordering::Relaxed) == 0 && self.silent.load(Ordering::Relaxed) >= SILENT_MAX
    }
}

/// Puts a file's bytes among those to be stored.
fn keep(picture: Picture, bytes: Vec<u8>, files: &mut Vec<(String, Vec<u8>)>) -> Picture {
    let hash = hex(blake3::hash(&bytes).as_bytes());
    files.push((hash.clone(), bytes));
    Picture { file: Some(hash), ..picture }
}

/// A PDF is the whole article: a copy of it is kept only with the publisher's leave (acceptance P1).
fn keep_pdf(source: &Source, draft: &Draft, url: &str, bytes: Vec<u8>, files: &mut Vec<(String, Vec<u8>)>) -> Picture {
    let pdf = Picture { url: url.to_owned(), format: Some("PDF".to_owned()), ..Picture::default() };
    let terms = source.terms([&draft.href, &draft.original], draft.reservation.is_some());
    if terms.mode == Mode::FullText { keep(pdf, bytes, files) } else { pdf }
}
/// Asks for an article's page, or for a picture, as [`Enricher`] does; why it could not be had.
#[cfg(test)]
pub(crate) async fn visited(
    (fetcher, gate, store): (crate::io::fetch::Fetcher, crate::io::fetch::HostGate, SharedStore),
    source: &Source,
    url: &Url,
    is_page: bool,
) -> Result<(), String> {
    let visitor = Visitor::new(fetcher, gate, store, Duration::ZERO);
    let now = DateTime::UNIX_EPOCH;
    let came =
        if is_page { visitor.page(source, url, ACCEPT_PAGE, now).await } else { visitor.file(source, url, ACCEPT_PICTURE, now).await };
    came.map_err(|error| error.to_string())?.map(|_| ()).map_err(|failure| failure.why)
}
