//! A body to entries, by the source's kind.

use chrono::{DateTime, Utc};
use url::Url;

use crate::config::{PageSelectors, Published, Source, SourceKind};
use crate::entry::{Feed, FeedKind, Problem, ReadStage};
use crate::io::fetch::Response;
use crate::stage::drift::{self, Normal};
use crate::stage::host::Reach;
use crate::stage::opml::{self, Outline};
use crate::stage::page::{self, Listing, OfferKind};
use crate::stage::poll::{Failure, Found, FoundKind, PollState};
use crate::stage::{identity, parse, sitemap, wordpress};

/// How far into a body it is looked for what it is, in bytes.
const LOOK_MAX_BYTES: usize = 2_048;

/// How a body is read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way<'a> {
    Feed,
    Page(&'a PageSelectors),
    /// A page without selectors.
    Listing,
    Sitemap,
    WordPress,
    Opml,
}

/// What was read.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) feed: Feed,
    /// More belongs to it than could be had: nothing may vouch for it.
    pub(super) partial: bool,
    /// What the source turned out to be, where its kind is not configured.
    pub(super) found: Option<Found>,
    /// The feeds that it names, if it is a list of them.
    pub(super) outlines: Vec<Outline>,
}

impl From<Feed> for Document {
    fn from(feed: Feed) -> Self {
        Self { feed, partial: false, found: None, outlines: Vec::new() }
    }
}

pub(super) fn failure(class: &str, why: impl Into<String>) -> Failure {
    Failure { stage: "read".into(), class: class.into(), why: why.into() }
}

/// How a source's body is read, seeing what is known of the source and what the body looks like.
pub(super) fn way<'a>(source: &'a Source, known: &PollState, body: &[u8]) -> Way<'a> {
    match (&source.kind, known.found.as_ref().map(|found| found.kind)) {
        (SourceKind::Feed, _) => Way::Feed,
        (SourceKind::Page(selectors), _) => Way::Page(selectors),
        (SourceKind::Sitemap, _) | (SourceKind::Auto, Some(FoundKind::Sitemap)) => Way::Sitemap,
        (SourceKind::WordPress, _) | (SourceKind::Auto, Some(FoundKind::WordPress)) => Way::WordPress,
        (SourceKind::Opml, _) => Way::Opml,
        (SourceKind::Auto, Some(FoundKind::Page)) if is_page(body) => Way::Listing,
        (SourceKind::Auto, _) if sitemap::is_sitemap(body) => Way::Sitemap,
        (SourceKind::Auto, _) => Way::Feed,
    }
}

impl Way<'_> {
    /// What a source without a configured kind is when it is read this way.
    pub(super) fn kind(&self) -> FoundKind {
        match self {
            Self::Page(_) | Self::Listing => FoundKind::Page,
            Self::Sitemap => FoundKind::Sitemap,
            Self::WordPress => FoundKind::WordPress,
            Self::Feed | Self::Opml => FoundKind::Feed,
        }
    }
}

/// Whether these bytes are a page for people: HTML by their start, with or without an XML declaration or comments before it.
pub(super) fn is_page(body: &[u8]) -> bool {
    let head = String::from_utf8_lossy(body.get(..LOOK_MAX_BYTES).unwrap_or(body)).to_ascii_lowercase();
    let at = |what: &str| head.find(what);
    let html = [at("<!doctype html"), at("<html"), at("<head"), at("<body")].into_iter().flatten().min();
    let feed = [at("<rss"), at("<feed"), at("<rdf"), at("<channel"), at("<urlset"), at("<sitemapindex"), at("<opml")];
    html.is_some_and(|html| feed.into_iter().flatten().all(|feed| html < feed)) && !head.trim_start().starts_with(['{', '['])
}

/// Reads one body. What a sitemap's index or a page's `next` leads to is not in it.
pub(super) fn document(
    way: Way<'_>,
    source: &Source,
    published: &Published,
    response: &Response,
    now: DateTime<Utc>,
) -> Result<Document, Failure> {
    #[cfg(test)]
    crate::isolation::provoked(&response.body);
    let url = &response.final_url;
    match way {
        Way::Feed => feed(source, published, response).map(Document::from),
        Way::Page(selectors) => listing(Some(selectors), source, response, now).map(|listing| listing.feed.into()),
        Way::Listing => listing(None, source, response, now).map(|listing| listing.feed.into()),
        Way::Sitemap => match sitemap_of(source, response)? {
            sitemap::Document::Urls(feed) => Ok(sitemap::joined(vec![*feed]).into()),
            sitemap::Document::Index(_) => Err(failure("not-a-sitemap", "not a sitemap: an index, which was not followed")),
        },
        Way::WordPress => {
            let context = wordpress::Context { url, time_zone: source.time_zone };
            wordpress::read(&response.body, &context).map(Document::from).map_err(|e| failure(e.class(), e.to_string()))
        }
        Way::Opml => {
            let list = opml::read(&response.body, url).map_err(|e| failure(e.class(), e.to_string()))?;
            let mut feed = Feed::empty(FeedKind::Rss2);
            let problem = |what| Problem { entry: None, stage: ReadStage::Parse, what };
            feed.problems = list.left_out.into_iter().map(problem).collect();
            feed.title = list.title.map(|value| crate::entry::Text { value, ..Default::default() });
            Ok(Document { outlines: list.outlines, ..feed.into() })
        }
    }
}

pub(super) fn sitemap_of(source: &Source, response: &Response) -> Result<sitemap::Document, Failure> {
    let context = sitemap::Context { url: &response.final_url, time_zone: source.time_zone };
    sitemap::read(&response.body, &context).map_err(|e| failure(e.class(), e.to_string()))
}

pub(super) fn feed(source: &Source, published: &Published, response: &Response) -> Result<Feed, Failure> {
    let base = response.base();
    let context = parse::Context {
        url: Some(&base),
        content_type: response.content_type.as_deref(),
        time_zone: source.time_zone,
        language: source.language.as_deref(),
    };
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

/// A page's list, by selectors or by what its markup shows.
pub(super) fn listing(
    selectors: Option<&PageSelectors>,
    source: &Source,
    response: &Response,
    now: DateTime<Utc>,
) -> Result<Listing, Failure> {
    let base = response.base();
    let context = page::Context { url: &base, time_zone: source.time_zone, language: source.language.as_deref(), now };
    let content_type = response.content_type.as_deref();
    let listing = match selectors {
        Some(selectors) => page::read(&response.body, content_type, selectors, &context),
        None => page::find(&response.body, content_type, &context),
    };
    listing.map_err(|e| failure(e.class(), e.to_string()))
}

/// Whether what a source gives instead of its list is a sign that it changed, and not of a bad day: it can be read, as something else.
pub(super) fn is_break(class: &str) -> bool {
    matches!(
        class,
        "html-page"
            | "barrier"
            | "no-items"
            | "no-entries"
            | "no-listing"
            | "not-a-feed"
            | "not-posts"
            | "refused"
            | "no-posts"
            | "not-a-sitemap"
            | "no-urls"
            | "not-a-list"
            | "too-deep"
    )
}

/// What may help a source that broke: what its page offers, and the list that is found on it, if that is what is normal for the source.
/// A sentence, and what it says as lines of the source's table; `None` where there is nothing to offer.
pub(super) fn repair(source: &Source, normal: Option<&Normal>, response: &Response, now: DateTime<Utc>) -> Option<(String, String)> {
    if !is_page(&response.body) {
        return None;
    }
    let offers = page::offers(&response.body, response.content_type.as_deref(), &response.final_url).unwrap_or_default();
    let offered = |kind: OfferKind| offers.iter().find(|offer| offer.kind == kind);
    if let Some(offer) = offered(OfferKind::Feed).filter(|offer| offer.href != source.url) {
        let toml = format!("url = {}", quoted(offer.href.as_str()));
        return Some((format!("the page names a feed: {toml}, and kind left out"), toml));
    }
    if let Some(offer) = offered(OfferKind::WordPress) {
        let (url, kind) = (format!("url = {}", quoted(offer.href.as_str())), "kind = \"wordpress\"");
        return Some((format!("the page is WordPress': {url}, {kind}"), format!("{url}\n{kind}")));
    }
    let listing = listing(None, source, response, now).ok()?;
    let seen = drift::observe(&listing.feed, &identity::keys(&listing.feed.entries, Reach::of(source)));
    let count = listing.feed.entries.len();
    if count < 2 || drift::judge(normal, &seen, &listing.feed, drift::Around::default()) != drift::Verdict::Normal {
        return None;
    }
    let kind = "kind = \"page\"";
    Some(match &listing.selectors {
        Some(selectors) => {
            let selectors = selectors_toml(selectors);
            (format!("{count} entries are found with {kind}, {selectors}"), format!("{kind}\n{selectors}"))
        }
        None => (format!("{count} entries are found with {kind} and no selectors ({})", listing.how.name()), kind.to_owned()),
    })
}

/// Text as TOML has it.
fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string().trim().to_owned()
}

/// Selectors as a line of `feeds.toml`.
pub(crate) fn selectors_toml(selectors: &PageSelectors) -> String {
    let named = [
        ("item", &selectors.item),
        ("title", &selectors.title),
        ("link", &selectors.link),
        ("summary", &selectors.summary),
        ("date", &selectors.date),
        ("image", &selectors.image),
        ("author", &selectors.author),
        ("next", &selectors.next),
    ];
    let parts: Vec<String> = named.into_iter().filter_map(|(key, value)| Some(format!("{key} = {}", quoted(value.as_ref()?)))).collect();
    format!("selectors = {{ {} }}", parts.join(", "))
}
