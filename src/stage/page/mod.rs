//! Reads a news page by selectors, or by what its list of news is found to be.
//!
//! HTML types end here: what comes out is a [`Feed`] like any other.

pub(crate) mod barrier;
pub(crate) mod charset;
mod document;
mod find;
mod item;
mod offer;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use scraper::Selector;
use url::Url;

use crate::config::PageSelectors;
use crate::entry::{Entry, Feed, FeedKind, Link, Problem, ReadStage, Text, TextKind};
use crate::stage::clean::clean_url;
use crate::stage::text::excerpt;
use document::Document;

pub use find::{find, find_all};
pub use offer::{Offer, OfferKind, offers};

/// Items read from one page; no list of news has more.
const ITEMS_MAX: usize = 2_000;

/// What reading a page needs besides the page.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Where the page was had from, after redirects.
    pub url: &'a Url,
    /// Zone of dates without one.
    pub time_zone: Tz,
    /// Language (BCP 47) of its dates; what the page says of itself where this is `None`.
    pub language: Option<&'a str>,
    /// When the page was had, for "3 days ago" and dates without a year.
    pub now: DateTime<Utc>,
}

/// How a listing was found, in order of trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// By the source's own selectors.
    Selectors,
    /// In JSON-LD: `ItemList`, `NewsArticle`, `BlogPosting` and their kin (schema.org).
    JsonLd,
    /// In microdata or RDFa with the same types.
    Microdata,
    /// In `h-entry` or its forerunner `hentry` (microformats.org).
    HEntry,
    /// In the state that a script would draw the page from, such as `__NEXT_DATA__`.
    State,
    /// As `<article>` elements.
    Article,
    /// As elements that repeat.
    Cards,
}

impl How {
    /// A short name that does not change.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Selectors => "selectors",
            Self::JsonLd => "json-ld",
            Self::Microdata => "microdata",
            Self::HEntry => "h-entry",
            Self::State => "state",
            Self::Article => "article",
            Self::Cards => "cards",
        }
    }
}

/// A page's list of news.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// The entries, in the page's order.
    pub feed: Feed,
    /// What found them; the source of most where several did.
    pub how: How,
    /// Selectors with which [`read`] finds the same items; `None` where there are none that do, and for what selectors found.
    pub selectors: Option<PageSelectors>,
    /// The list's next page, absolute; never the page itself. Never set for a page read by selectors without `next`.
    pub next: Option<Url>,
}

/// Why a page gives no entries. Messages name the page and what was looked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// A selector is no CSS.
    #[error("`{field} = \"{selector}\"` is not a CSS selector")]
    Selector {
        /// The key in `feeds.toml`.
        field: &'static str,
        /// The selector.
        selector: String,
    },
    /// Elements nested deeper than browsers allow: parsing would take quadratic time.
    #[error("{url}: elements are nested more than 512 levels deep")]
    TooDeep {
        /// The page.
        url: String,
    },
    /// A page that stands before the list.
    #[error("{url}: {what} came instead of the list; its title is “{title}”")]
    Barrier {
        /// The page.
        url: String,
        /// What kind of page it is.
        what: &'static str,
        /// Its title.
        title: String,
    },
    /// The item selector matches nothing.
    #[error(
        "{url}: nothing matches `item = \"{selector}\"` on the page titled “{title}”; its markup may have changed, or scripts may fill it"
    )]
    NoItems {
        /// The page.
        url: String,
        /// The item selector.
        selector: String,
        /// The page's title.
        title: String,
    },
    /// Without selectors, nothing on the page is a list of news.
    #[error("{url}: no list of news is found on the page titled “{title}”; scripts may fill it, or it needs selectors")]
    NoListing {
        /// The page.
        url: String,
        /// The page's title.
        title: String,
    },
    /// Items were found, none of which is an entry.
    #[error("{url}: {matched} items match `item = \"{selector}\"`, but none is an entry: {reason}")]
    NoEntries {
        /// The page.
        url: String,
        /// The item selector.
        selector: String,
        /// How many items it matches.
        matched: usize,
        /// Why the first of them was left out.
        reason: String,
    },
}

impl PageError {
    /// A short name that does not change.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::Selector { .. } => "selector",
            Self::TooDeep { .. } => "too-deep",
            Self::Barrier { .. } => "barrier",
            Self::NoItems { .. } => "no-items",
            Self::NoListing { .. } => "no-listing",
            Self::NoEntries { .. } => "no-entries",
        }
    }
}

/// The selectors, compiled.
struct Selectors<'a> {
    item: Selector,
    title: Option<Selector>,
    link: Option<Selector>,
    summary: Option<Selector>,
    date: Option<Selector>,
    date_format: Option<&'a str>,
    image: Option<Selector>,
    author: Option<Selector>,
    next: Option<Selector>,
    skip: &'a [String],
}

fn compile(field: &'static str, selector: &str) -> Result<Selector, PageError> {
    Selector::parse(selector).map_err(|_| PageError::Selector { field, selector: selector.to_owned() })
}

impl<'a> Selectors<'a> {
    fn compile(item: &str, selectors: &'a PageSelectors) -> Result<Self, PageError> {
        let one = compile;
        let maybe = |field, selector: &Option<String>| selector.as_deref().map(|selector| one(field, selector)).transpose();
        Ok(Self {
            item: one("item", item)?,
            title: maybe("title", &selectors.title)?,
            link: maybe("link", &selectors.link)?,
            summary: maybe("summary", &selectors.summary)?,
            date: maybe("date", &selectors.date)?,
            date_format: selectors.date_format.as_deref(),
            image: maybe("image", &selectors.image)?,
            author: maybe("author", &selectors.author)?,
            next: maybe("next", &selectors.next)?,
            skip: &selectors.skip,
        })
    }
}

/// Reads the list of news on a page.
///
/// `bytes` are the body after decompression, at most what the caller's cap allows; `content_type` is HTTP's header, for its charset.
/// Entries come in the page's order with title, link (`alternate`, absolute), and as far as selectors are given summary, date, picture
/// and author. They have no id: the address is their identity, and of two items with one clean address the first stays, with what only
/// the second has. Items without a title or a link to a web page are left out with a note in `problems`, and so are, without one,
/// those whose path begins with one of `skip`. Without an `item` the list is found as by [`find()`].
///
/// # Errors
/// [`PageError`] where nothing comes of the page: no item, a page that stands before the list, or nesting beyond 512 levels.
pub fn read(bytes: &[u8], content_type: Option<&str>, selectors: &PageSelectors, context: &Context<'_>) -> Result<Listing, PageError> {
    let Some(item) = &selectors.item else {
        return find::find_with(bytes, content_type, selectors, context);
    };
    let compiled = Selectors::compile(item, selectors)?;
    let document = Document::read(bytes, content_type, context.url)?;
    let mut feed = feed(&document, context);
    let found = select(&document, &compiled, context);
    if found.entries.is_empty() {
        let title = excerpt(document.title.as_deref().unwrap_or("(none)"), 100);
        let (url, selector, matched) = (context.url.to_string(), item.clone(), found.matched);
        return Err(match (barrier::name(&title), found.left_out) {
            (Some(what), _) => PageError::Barrier { url, what, title },
            (None, Some(reason)) => PageError::NoEntries { url, selector, matched, reason },
            (None, None) => PageError::NoItems { url, selector, title },
        });
    }
    (feed.entries, feed.problems, feed.merged) = (found.entries, found.problems, found.merged);
    Ok(Listing { feed, how: How::Selectors, selectors: None, next: next(&document, compiled.next.as_ref(), context) })
}

/// The page as a feed without entries.
fn feed(document: &Document, context: &Context<'_>) -> Feed {
    let mut feed = Feed::empty(FeedKind::Page);
    feed.title = document.title.clone().map(|value| Text { value, kind: TextKind::Plain });
    feed.language.clone_from(&document.language);
    feed.reservation = document.reservation.clone();
    feed.links.push(Link {
        href: context.url.to_string(),
        rel: Some("alternate".into()),
        media_type: Some("text/html".into()),
        ..Link::default()
    });
    feed
}

/// The next page by its selector, if it is another page.
fn next(document: &Document, selector: Option<&Selector>, context: &Context<'_>) -> Option<Url> {
    let link = document.html.select(selector?).find_map(|element| document.first_link(element))?;
    (address(&link)? != address(context.url)?).then_some(link)
}

/// What the selectors gave.
#[derive(Default)]
struct Selected {
    entries: Vec<Entry>,
    problems: Vec<Problem>,
    /// How many elements are items.
    matched: usize,
    /// How many of those have the address of an earlier one.
    merged: usize,
    /// Why the first of those was left out that are no entries.
    left_out: Option<String>,
}

fn select(document: &Document, selectors: &Selectors<'_>, context: &Context<'_>) -> Selected {
    let page = item::Page { selectors, base: &document.base, language: context.language.or(document.language.as_deref()), context };
    let mut out = Selected::default();
    let mut known: HashMap<String, usize> = HashMap::new();
    for element in document.html.select(&selectors.item) {
        if out.matched == ITEMS_MAX {
            out.problems.push(Problem {
                entry: None,
                stage: ReadStage::Parse,
                what: format!("only the first {ITEMS_MAX} items were read"),
            });
            break;
        }
        out.matched += 1;
        let (entry, address, found) = match page.entry(element) {
            Ok(read) => read,
            Err(reason) => {
                let (stage, what) = match &reason {
                    item::LeftOut::Skipped => (None, "its path is in `skip`".to_owned()),
                    item::LeftOut::Link(what) => (Some(ReadStage::Link), what.clone()),
                    item::LeftOut::Title => (Some(ReadStage::Parse), "it has no title".to_owned()),
                };
                if let Some(stage) = stage {
                    out.problems.push(Problem { entry: None, stage, what: format!("item {} is left out: {what}", out.matched) });
                }
                out.left_out.get_or_insert(what);
                continue;
            }
        };
        if let Some(&at) = known.get(&address) {
            complete(&mut out.entries[at], entry);
            out.merged += 1;
            continue;
        }
        let at = out.entries.len();
        known.insert(address, at);
        out.problems.extend(found.map(|what| Problem { entry: Some(at), stage: ReadStage::Date, what }));
        out.entries.push(entry);
    }
    out
}

/// What a page with this title is, if it is no list of news: a login, challenge, consent, error or parking page, or a refusal.
#[must_use]
pub fn barrier(title: &str) -> Option<&'static str> {
    barrier::name(title)
}

/// Adds to `entry` what only its second listing has.
fn complete(entry: &mut Entry, second: Entry) {
    if entry.published.is_none() && second.published.is_some() {
        entry.published = second.published;
        entry.published_raw = second.published_raw;
    }
    entry.summary = entry.summary.take().or(second.summary);
    if entry.media.is_empty() {
        entry.media = second.media;
    }
    if entry.authors.is_empty() {
        entry.authors = second.authors;
    }
    if entry.categories.is_empty() {
        entry.categories = second.categories;
    }
}

/// The identity of an item: its clean address.
fn address(link: &Url) -> Option<String> {
    clean_url(link.as_str(), None).map(String::from)
}

#[cfg(test)]
mod tests;
