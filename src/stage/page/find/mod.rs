//! Finds a page's list of news by what it is and looks like.
//!
//! Several readers look for articles, each in its own kind of evidence, and what they find is joined by the articles' addresses: the
//! first reader in order of trust decides a field, the others fill what it leaves open. No reader's list hides another's.

mod anchor;
mod card;
mod cards;
mod guess;
mod hentry;
mod json;
mod json_ld;
mod lenient;
mod microdata;
mod outline;
mod own;
mod region;
mod script;
mod state;

use std::collections::{HashMap, HashSet};

use url::Url;

use super::document::Document;
use super::{Context, How, ITEMS_MAX, Listing, PageError, address, barrier, charset, complete, excerpt, feed};
use crate::config::PageSelectors;
use crate::entry::{Category, Entry, Link, Media, Person, Problem, ReadStage, Text, TextKind};
use crate::stage::text::plain_html;
use anchor::Anchor;
use cards::Cluster;
use outline::Outline;
use region::Region;

/// Longest headline and teaser, in characters.
const TITLE_MAX_CHARS: usize = 1_000;
const SUMMARY_MAX_CHARS: usize = 5_000;

/// Most links whose places are kept.
const PLACES_MAX: usize = 20_000;

/// How many articles a script's state has to hold to be believed where the page shows others.
const STATE_MIN: usize = 3;

/// A page that is being searched.
struct Page<'a> {
    document: &'a Document,
    outline: Outline<'a>,
    url: &'a Url,
    context: &'a Context<'a>,
    /// Language of its dates.
    language: Option<&'a str>,
    date_format: Option<&'a str>,
}

/// What a reader gives of an article, unchecked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Fields {
    link: Option<String>,
    /// The last part of its address, where that is all there is.
    slug: Option<String>,
    title: Option<String>,
    summary: Option<String>,
    published: Option<String>,
    updated: Option<String>,
    image: Option<String>,
    authors: Vec<String>,
    tags: Vec<String>,
}

/// An article.
#[derive(Clone, Debug)]
struct Found {
    entry: Entry,
    address: String,
    /// The element it was found at, if it is one.
    at: Option<usize>,
    how: How,
}

/// Reads a news page with no selectors.
///
/// What is found by JSON-LD, microdata, h-entry, embedded state, `<article>` elements and repeating cards is joined by address, so that
/// metadata which lists three of twenty articles does not hide the others. Menus, footers, sidebars, "most read", related links, tags,
/// share links and advertisements are left out. Entries have title and link, and as far as the page has them date, summary, authors,
/// categories and picture; a page that is an article itself gives that one too. `bytes` and `content_type` are as for [`super::read`].
///
/// # Errors
/// [`PageError::Barrier`], [`PageError::NoListing`], or [`PageError::TooDeep`].
pub fn find(bytes: &[u8], content_type: Option<&str>, context: &Context<'_>) -> Result<Listing, PageError> {
    find_with(bytes, content_type, &PageSelectors::default(), context)
}

/// [`find`] with what of a source's selectors means something without an `item`: `skip`, `date_format` and `next`.
pub(super) fn find_with(
    bytes: &[u8],
    content_type: Option<&str>,
    selectors: &PageSelectors,
    context: &Context<'_>,
) -> Result<Listing, PageError> {
    let text = charset::decode(bytes, content_type);
    let document = Document::parse(&text, context.url)?;
    let next = selectors.next.as_deref().map(|selector| super::compile("next", selector)).transpose()?;
    let page = Page::new(&document, context, selectors.date_format.as_deref());
    let all = gather(&page, &script::scripts(&text));
    let mut found = join(&page, &all);
    found.retain(|found| !is_skipped(found, &selectors.skip));
    let mut listing = listing(&page, &all.clusters, &all.places, found).ok_or_else(|| nothing(&document, context))?;
    if let Some(selector) = next {
        listing.next = super::next(&document, Some(&selector), context);
    }
    Ok(listing)
}

/// Every kind of listing on the page, best first, for choosing among them; [`find`] joins them.
///
/// # Errors
/// As [`find`].
pub fn find_all(bytes: &[u8], content_type: Option<&str>, context: &Context<'_>) -> Result<Vec<Listing>, PageError> {
    let text = charset::decode(bytes, content_type);
    let document = Document::parse(&text, context.url)?;
    let page = Page::new(&document, context, None);
    let all = gather(&page, &script::scripts(&text));
    let mut by_how: Vec<(How, Vec<Found>)> = Vec::new();
    for found in all.found {
        match by_how.iter_mut().find(|(how, _)| *how == found.how) {
            Some((_, list)) => list.push(found),
            None => by_how.push((found.how, vec![found])),
        }
    }
    let mut listings: Vec<Listing> =
        by_how.into_iter().filter_map(|(_, found)| listing(&page, &all.clusters, &all.places, unite(found))).collect();
    let worth = |listing: &Listing| {
        let filled = |entry: &Entry| 1 + 2 * usize::from(entry.published.is_some()) + usize::from(entry.summary.is_some());
        listing.feed.entries.iter().map(filled).sum::<usize>()
    };
    listings.sort_by_key(|listing| (std::cmp::Reverse(worth(listing)), listing.how));
    if listings.is_empty() { Err(nothing(&document, context)) } else { Ok(listings) }
}

fn nothing(document: &Document, context: &Context<'_>) -> PageError {
    let title = excerpt(document.title.as_deref().unwrap_or("(none)"), 100);
    let url = context.url.to_string();
    match barrier::name(&title) {
        Some(what) => PageError::Barrier { url, what, title },
        None => PageError::NoListing { url, title },
    }
}

fn is_skipped(found: &Found, skip: &[String]) -> bool {
    let path = |href: &str| Url::parse(href).map(|url| url.path().to_owned()).unwrap_or_default();
    !skip.is_empty()
        && found.entry.links.first().is_some_and(|link| skip.iter().any(|prefix| path(&link.href).starts_with(prefix.as_str())))
}

impl<'a> Page<'a> {
    fn new(document: &'a Document, context: &'a Context<'a>, date_format: Option<&'a str>) -> Self {
        let language = context.language.or(document.language.as_deref());
        Self { document, outline: Outline::new(&document.html), url: context.url, context, language, date_format }
    }

    /// An article out of what a reader gave; `None` without a link to a page that can be one.
    fn found(&self, fields: Fields, at: Option<usize>, how: How) -> Option<Found> {
        let url = self.document.link(fields.link.as_deref()?)?;
        let address = address(&url)?;
        if !anchor::is_article(&url, self.url) && super::address(self.url).as_ref() != Some(&address) {
            return None;
        }
        let line = |text: String, max| Some(plain_html(&text, max)).filter(|text| !text.is_empty());
        let plain = |value: String| Text { value, kind: TextKind::Plain };
        let read = |raw: &Option<String>| raw.as_deref().and_then(|raw| card::read_date(self, raw, true));
        let entry = Entry {
            title: fields.title.and_then(|title| line(title, TITLE_MAX_CHARS)).map(plain),
            links: vec![Link { href: url.into(), rel: Some("alternate".into()), ..Link::default() }],
            published: read(&fields.published),
            updated: read(&fields.updated),
            updated_raw: fields.updated.filter(|raw| card::read_date(self, raw, true).is_some()),
            published_raw: fields.published,
            authors: fields
                .authors
                .into_iter()
                .filter_map(|name| line(name, 200))
                .map(|name| Person { name: Some(name), ..Person::default() })
                .collect(),
            categories: fields
                .tags
                .into_iter()
                .filter_map(|tag| line(tag, 100))
                .map(|term| Category { term, ..Category::default() })
                .collect(),
            summary: fields.summary.and_then(|summary| line(summary, SUMMARY_MAX_CHARS)).map(plain),
            language: self.language.map(str::to_owned),
            media: (fields.image.and_then(|image| self.document.link(&image)))
                .map(|image| Media { thumbnails: vec![image.into()], ..Media::default() })
                .into_iter()
                .collect(),
            base: Some(self.document.base.to_string()),
            ..Entry::default()
        };
        Some(Found { entry, address, at, how })
    }
}

/// What all readers found.
struct Gathered {
    /// In order of trust.
    found: Vec<Found>,
    clusters: Vec<Cluster>,
    anchors: Vec<Anchor>,
    places: HashMap<String, (Region, usize)>,
}

fn gather(page: &Page<'_>, scripts: &[script::Script<'_>]) -> Gathered {
    let outline = &page.outline;
    let anchors = anchor::anchors(page);
    let places = places(page);
    // What stands in menus and sidebars alone is not what the page is about, whatever its metadata lists.
    let stands = |found: &Found| places.get(&found.address).is_none_or(|(region, _)| *region == Region::Main);
    let mut found: Vec<Found> = json_ld::articles(scripts).into_iter().filter_map(|fields| page.found(fields, None, How::JsonLd)).collect();
    let of_elements = |articles: Vec<(usize, Fields)>, how| -> Vec<Found> {
        articles.into_iter().filter_map(|(at, fields)| page.found(fields, Some(at), how)).collect()
    };
    found.extend(of_elements(microdata::articles(page), How::Microdata));
    found.extend(of_elements(hentry::entries(page, &anchors), How::HEntry));
    found.retain(&stands);
    let trusted: HashSet<&str> = found.iter().map(|found| found.address.as_str()).collect();
    let mut clusters = cards::clusters(page, &anchors, &trusted);
    cards::complete(page, &anchors, &mut clusters);
    let mut in_items = vec![false; outline.nodes.len()];
    clusters.iter().flat_map(|cluster| &cluster.items).for_each(|item| in_items[item.range.clone()].fill(true));
    // Of what was found at an element that another article is around, nothing is the page's own.
    let listed = |at: usize| in_items[at];
    let own_address = address(page.url);
    let own = if found.iter().any(|found| Some(&found.address) == own_address.as_ref()) {
        None
    } else {
        own::article(page, &listed).and_then(|(at, fields)| page.found(fields, Some(at), How::Article))
    };
    if own.is_some() {
        // What an article links to is no list, if it has no dates.
        clusters.retain(Cluster::is_dated);
    }
    let mut of_cards = Vec::new();
    for cluster in &clusters {
        let in_article = |item: &cards::Item| {
            let node = item.range.start;
            outline.name(node) == "article"
                || outline.ancestors(node).take(2).any(|at| outline.name(at) == "article")
                || outline.subtree(node).take(4).any(|at| outline.name(at) == "article")
        };
        let how =
            if cluster.items.iter().filter(|item| in_article(item)).count() * 2 > cluster.items.len() { How::Article } else { How::Cards };
        of_cards.extend(cluster.items.iter().filter_map(|item| of_card(page, item, how)));
    }
    let known: HashSet<&str> = found.iter().chain(&of_cards).map(|found| found.address.as_str()).collect();
    let of_state = of_state(page, scripts, &anchors, &known).into_iter().filter(stands).collect::<Vec<_>>();
    found.extend(of_state);
    found.extend(own);
    found.extend(of_cards);
    Gathered { found, clusters, anchors, places }
}

/// Where each address is linked: in the best region, and there first.
fn places(page: &Page<'_>) -> HashMap<String, (Region, usize)> {
    let outline = &page.outline;
    let mut places: HashMap<String, (Region, usize)> = HashMap::new();
    for node in (0..outline.nodes.len()).filter(|at| outline.name(*at) == "a").take(PLACES_MAX) {
        let Some(address) = outline.attr(node, "href").and_then(|href| page.document.link(href)).and_then(|url| address(&url)) else {
            continue;
        };
        let region = outline.nodes[node].region;
        places.entry(address).and_modify(|place| *place = (*place).min((region, node))).or_insert((region, node));
    }
    places
}

fn of_card(page: &Page<'_>, item: &cards::Item, how: How) -> Option<Found> {
    let card = item.card.clone();
    let fields = Fields {
        link: Some(item.url.to_string()),
        // Plain text is escaped, because fields are HTML as a rule.
        title: Some(escape(&card.title)),
        summary: card.summary.map(|(text, _)| escape(&text)),
        image: card.image.map(|(image, _)| image),
        authors: card.author.map(|(name, _)| escape(&name)).into_iter().collect(),
        tags: card.tags.iter().map(|tag| escape(tag)).collect(),
        ..Fields::default()
    };
    let mut found = page.found(fields, Some(item.range.start), how)?;
    if let Some(date) = card.date {
        (found.entry.published, found.entry.published_raw) = (Some(date.at), Some(date.raw));
    }
    Some(found)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// The list in the page's state that is the page's list, if one is.
fn of_state(page: &Page<'_>, scripts: &[script::Script<'_>], anchors: &[Anchor], known: &HashSet<&str>) -> Vec<Found> {
    let mut by_slug: HashMap<&str, &Url> = HashMap::new();
    for anchor in anchors {
        if let Some(slug) = anchor.url.path_segments().and_then(|parts| parts.rev().find(|part| !part.is_empty())) {
            by_slug.entry(slug).or_insert(&anchor.url);
        }
    }
    for list in state::lists(scripts) {
        // Where one of them is linked, the others are beside it.
        let beside = list.articles.iter().filter_map(|fields| by_slug.get(fields.slug.as_deref()?)).next().map(|url| (*url).clone());
        let base = beside.or_else(|| page.url.join(&format!("{}/x", page.url.path().trim_end_matches('/'))).ok());
        let found: Vec<Found> = (list.articles.into_iter())
            .filter_map(|mut fields| {
                if fields.link.is_none() {
                    let slug = fields.slug.as_deref()?;
                    let url = by_slug.get(slug).map(|url| (*url).clone()).or_else(|| base.as_ref()?.join(slug).ok())?;
                    fields.link = Some(url.into());
                }
                page.found(fields, None, How::State)
            })
            .collect();
        let shared = found.iter().filter(|found| known.contains(found.address.as_str())).count();
        let believed = match known.len() {
            0 => found.len() >= 2,
            count => shared * 2 >= count.min(found.len()) || (count < STATE_MIN && found.len() >= STATE_MIN && list.dated >= 0.5),
        };
        if believed {
            return found;
        }
    }
    Vec::new()
}

/// What the readers found, each article once.
fn join(page: &Page<'_>, all: &Gathered) -> Vec<Found> {
    let mut found = unite(all.found.clone());
    let mut titles: HashMap<&str, usize> = HashMap::new();
    for anchor in all.anchors.iter().filter(|anchor| anchor.titled) {
        titles.entry(&anchor.address).or_insert(anchor.node);
    }
    for one in &mut found {
        if one.entry.title.is_none()
            && let Some(node) = titles.get(one.address.as_str())
        {
            one.entry.title = Some(Text { value: page.outline.text(*node).to_owned(), kind: TextKind::Plain });
        }
    }
    found
}

/// Joins by address; the first decides a field.
fn unite(all: Vec<Found>) -> Vec<Found> {
    let mut at: HashMap<String, usize> = HashMap::new();
    let mut found: Vec<Found> = Vec::new();
    for second in all {
        match at.get(&second.address) {
            Some(&at) => {
                let first = &mut found[at];
                first.entry.title = first.entry.title.take().or_else(|| second.entry.title.clone());
                first.at = second.at.or(first.at);
                complete(&mut first.entry, second.entry);
            }
            None => {
                at.insert(second.address.clone(), found.len());
                found.push(second);
            }
        }
    }
    found
}

fn listing(page: &Page<'_>, clusters: &[Cluster], places: &HashMap<String, (Region, usize)>, mut found: Vec<Found>) -> Option<Listing> {
    found.retain(|found| found.entry.title.is_some());
    let place = |found: &Found| found.at.or_else(|| places.get(&found.address).map(|place| place.1)).unwrap_or(usize::MAX);
    found.sort_by_key(place);
    let mut count: HashMap<How, usize> = HashMap::new();
    found.iter().for_each(|found| *count.entry(found.how).or_default() += 1);
    let how = count.into_iter().max_by_key(|(how, count)| (*count, std::cmp::Reverse(*how)))?.0;
    let mut feed = feed(page.document, page.context);
    if found.len() > ITEMS_MAX {
        found.truncate(ITEMS_MAX);
        feed.problems.push(Problem { entry: None, stage: ReadStage::Parse, what: format!("only the first {ITEMS_MAX} items were read") });
    }
    let addresses: HashSet<&str> = found.iter().map(|found| found.address.as_str()).collect();
    let selectors = guess::selectors(page, clusters, &addresses);
    feed.entries = found.into_iter().map(|found| found.entry).collect();
    for (at, entry) in feed.entries.iter().enumerate() {
        if entry.published.is_none()
            && let Some(raw) = &entry.published_raw
        {
            let what = format!("date “{}” cannot be read", raw.chars().take(60).collect::<String>());
            feed.problems.push(Problem { entry: Some(at), stage: ReadStage::Date, what });
        }
    }
    Some(Listing { feed, how, selectors, next: next(page) })
}

/// What links to the next page say, in lower case.
const NEXT: [&str; 26] = [
    "next",
    "next page",
    "next ›",
    "next »",
    "next →",
    "older",
    "older posts",
    "older entries",
    "older news",
    "load more",
    "more stories",
    "seuraava",
    "seuraava sivu",
    "vanhemmat",
    "nästa",
    "nästa sida",
    "äldre",
    "nächste",
    "nächste seite",
    "weiter",
    "ältere beiträge",
    "suivant",
    "page suivante",
    "suivante",
    "›",
    "»",
];

/// The list's next page.
fn next(page: &Page<'_>) -> Option<Url> {
    let outline = &page.outline;
    let own = address(page.url);
    let other = |at: usize| {
        let url = outline.attr(at, "href").and_then(|href| page.document.link(href))?;
        (address(&url) != own && url.host_str() == page.url.host_str()).then_some(url)
    };
    let links = || (0..outline.nodes.len()).filter(|at| matches!(outline.name(*at), "a" | "link"));
    let marked = links()
        .filter(|at| outline.attr(*at, "rel").is_some_and(|rel| rel.split_ascii_whitespace().any(|rel| rel.eq_ignore_ascii_case("next"))));
    let says = |at: &usize| {
        let texts = [Some(outline.text(*at)), outline.attr(*at, "aria-label"), outline.attr(*at, "title")];
        texts.into_iter().flatten().filter(|text| text.len() <= 40).any(|text| {
            let text = text.to_lowercase();
            let bare = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '→' | '»' | '›' | '>' | '.'));
            NEXT.contains(&text.trim())
                || NEXT.contains(&bare)
                || bare.starts_with("next ") && bare.chars().any(|c| c.is_ascii_digit())
                || text.starts_with("go to next page")
        })
    };
    let said = links().filter(|at| outline.name(*at) == "a").filter(says);
    marked.chain(said).find_map(other)
}

#[cfg(test)]
mod seed_tests;
#[cfg(test)]
mod tests;
