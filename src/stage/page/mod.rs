//! Reads a news page by selectors.
//!
//! HTML types end here: what comes out is a [`Feed`] like any other.

pub(crate) mod barrier;
pub(crate) mod charset;
mod item;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use scraper::{Html, Selector};
use url::Url;

use crate::config::PageSelectors;
use crate::entry::{Entry, Feed, FeedKind, Link, Problem, ReadStage, Text, TextKind};
use crate::stage::clean::clean_url;
use crate::stage::text::tidy::{Whole, tidy};
use crate::stage::text::{excerpt, plain_html};

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
    skip: &'a [String],
}

impl<'a> Selectors<'a> {
    fn compile(selectors: &'a PageSelectors) -> Result<Self, PageError> {
        fn one(field: &'static str, selector: &str) -> Result<Selector, PageError> {
            Selector::parse(selector).map_err(|_| PageError::Selector { field, selector: selector.to_owned() })
        }
        let maybe = |field, selector: &Option<String>| selector.as_deref().map(|selector| one(field, selector)).transpose();
        Ok(Self {
            item: one("item", &selectors.item)?,
            title: maybe("title", &selectors.title)?,
            link: maybe("link", &selectors.link)?,
            summary: maybe("summary", &selectors.summary)?,
            date: maybe("date", &selectors.date)?,
            date_format: selectors.date_format.as_deref(),
            image: maybe("image", &selectors.image)?,
            author: maybe("author", &selectors.author)?,
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
/// those whose path begins with one of `skip`.
///
/// # Errors
/// [`PageError`] where nothing comes of the page: no item, a page that stands before the list, or nesting beyond 512 levels.
pub fn read(bytes: &[u8], content_type: Option<&str>, selectors: &PageSelectors, context: &Context<'_>) -> Result<Feed, PageError> {
    let compiled = Selectors::compile(selectors)?;
    let url = || context.url.to_string();
    let html = tidy(&charset::decode(bytes, content_type), &Whole).map_err(|_| PageError::TooDeep { url: url() })?;
    let html = Html::parse_document(&html);

    let mut feed = Feed::empty(FeedKind::Page);
    let title = first(&html, "title").map(|title| plain_html(&title.inner_html(), 500)).filter(|title| !title.is_empty());
    feed.language = html.root_element().attr("lang").map(|language| language.trim().to_owned()).filter(|language| !language.is_empty());
    feed.links.push(Link { href: url(), rel: Some("alternate".into()), media_type: Some("text/html".into()), ..Link::default() });
    let base = first(&html, "base[href]").and_then(|base| context.url.join(base.attr("href")?.trim()).ok());
    let page = item::Page {
        selectors: &compiled,
        base: base.as_ref().unwrap_or(context.url),
        language: context.language.or(feed.language.as_deref()),
        context,
    };

    let (mut matched, mut left_out) = (0, None);
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut problems = Vec::new();
    for element in html.select(&compiled.item) {
        matched += 1;
        if matched > ITEMS_MAX {
            problems.push(Problem { entry: None, stage: ReadStage::Parse, what: format!("only the first {ITEMS_MAX} items were read") });
            break;
        }
        let (entry, address, found) = match page.entry(element) {
            Ok(read) => read,
            Err(reason) => {
                let (stage, what) = match &reason {
                    item::LeftOut::Skipped => (None, "its path is in `skip`".to_owned()),
                    item::LeftOut::Link(what) => (Some(ReadStage::Link), what.clone()),
                    item::LeftOut::Title => (Some(ReadStage::Parse), "it has no title".to_owned()),
                };
                if let Some(stage) = stage {
                    problems.push(Problem { entry: None, stage, what: format!("item {matched} is left out: {what}") });
                }
                left_out.get_or_insert(what);
                continue;
            }
        };
        if let Some(&at) = known.get(&address) {
            complete(&mut feed.entries[at], entry);
            continue;
        }
        let at = feed.entries.len();
        known.insert(address, at);
        problems.extend(found.map(|what| Problem { entry: Some(at), stage: ReadStage::Date, what }));
        feed.entries.push(entry);
    }

    if feed.entries.is_empty() {
        let title = excerpt(title.as_deref().unwrap_or("(none)"), 100);
        let selector = selectors.item.clone();
        return Err(match (barrier::name(&title), left_out) {
            (Some(what), _) => PageError::Barrier { url: url(), what, title },
            (None, Some(reason)) => PageError::NoEntries { url: url(), selector, matched, reason },
            (None, None) => PageError::NoItems { url: url(), selector, title },
        });
    }
    feed.title = title.map(|value| Text { value, kind: TextKind::Plain });
    feed.problems = problems;
    Ok(feed)
}

fn first<'a>(html: &'a Html, selector: &str) -> Option<scraper::ElementRef<'a>> {
    let selector = Selector::parse(selector).ok()?;
    html.select(&selector).next()
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
}

/// The identity of an item: its clean address.
fn address(link: &Url) -> Option<String> {
    clean_url(link.as_str(), None).map(String::from)
}

#[cfg(test)]
mod tests;
