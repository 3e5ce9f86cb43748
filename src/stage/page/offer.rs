//! What a page offers besides itself: feeds, its next page, a WordPress interface, a hub.

use scraper::Selector;
use url::Url;

use super::document::Document;
use super::{PageError, address};
use crate::stage::text::plain_html;

/// Most offers taken from one page; a page that links to more feeds is a directory of them.
const OFFERS_MAX: usize = 100;

/// Longest title of an offer, in characters.
const TITLE_MAX_CHARS: usize = 200;

/// Media types of feeds.
const FEED_TYPES: [&str; 7] = [
    "application/rss+xml",
    "application/atom+xml",
    "application/rdf+xml",
    "application/feed+json",
    "application/xml",
    "text/xml",
    // JSON Feed 1.0's own.
    "application/json",
];

/// What is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfferKind {
    /// `<link rel="alternate">` with a feed's media type (RSS Advisory Board, "RSS Autodiscovery").
    Feed,
    /// A link in the page's text that looks like one to a feed.
    FeedLink,
    /// The root of WordPress' REST interface (`rel="https://api.w.org/"`).
    WordPress,
    /// A sitemap (`rel="sitemap"`).
    Sitemap,
    /// A WebSub hub (`rel="hub"`).
    Hub,
    /// The next page of the same list (`rel="next"`).
    Next,
}

/// One thing that a page offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What it is.
    pub kind: OfferKind,
    /// Where it is, absolute.
    pub href: Url,
    /// How the page calls it.
    pub title: Option<String>,
    /// Media type in lower case without parameters, as the page gives it.
    pub media_type: Option<String>,
}

/// What a page offers, the surest kind first, in the page's order within a kind, each address once a kind; at most 100.
///
/// # Errors
/// [`PageError::TooDeep`] alone.
pub fn offers(bytes: &[u8], content_type: Option<&str>, url: &Url) -> Result<Vec<Offer>, PageError> {
    let document = Document::read(bytes, content_type, url)?;
    let mut offers: Vec<Offer> = Vec::new();
    let Ok(links) = Selector::parse("link[href], a[href], area[href]") else { return Ok(offers) };
    for element in document.html.select(&links) {
        let Some(href) = element.attr("href").and_then(|href| document.link(href)) else { continue };
        let media_type = element.attr("type").map(|text| text.split(';').next().unwrap_or(text).trim().to_ascii_lowercase());
        let rel = element.attr("rel").unwrap_or_default().to_ascii_lowercase();
        let has = |wanted: &str| rel.split_ascii_whitespace().any(|rel| rel == wanted);
        let in_text = element.value().name() != "link";
        let kind = if has("next") {
            OfferKind::Next
        } else if has("hub") {
            OfferKind::Hub
        } else if has("sitemap") {
            OfferKind::Sitemap
        } else if has("https://api.w.org/") {
            OfferKind::WordPress
        } else if !in_text && has("alternate") && is_feed_type(media_type.as_deref(), &href) {
            OfferKind::Feed
        } else if in_text && looks_like_a_feed(&href, media_type.as_deref(), element.attr("title").unwrap_or_default()) {
            OfferKind::FeedLink
        } else {
            continue;
        };
        if kind == OfferKind::Next && address(&href) == address(url) {
            continue;
        }
        let title = element.attr("title").map(|title| plain_html(title, TITLE_MAX_CHARS)).filter(|title| !title.is_empty()).or_else(|| {
            let text = in_text.then(|| plain_html(&element.inner_html(), TITLE_MAX_CHARS));
            text.filter(|text| !text.is_empty())
        });
        let known = |offer: &Offer| {
            offer.href == href && (offer.kind == kind || matches!((offer.kind, kind), (OfferKind::Feed, OfferKind::FeedLink)))
        };
        if !offers.iter().any(known) {
            offers.push(Offer { kind, href, title, media_type });
        }
        if offers.len() == OFFERS_MAX {
            break;
        }
    }
    offers.sort_by_key(|offer| offer.kind);
    Ok(offers)
}

/// `application/json` alone is also WordPress' and oEmbed's, so its address has to say that it is a feed.
fn is_feed_type(media_type: Option<&str>, href: &Url) -> bool {
    media_type.is_some_and(|media_type| FEED_TYPES.contains(&media_type) && (media_type != "application/json" || names_a_feed(href)))
}

fn looks_like_a_feed(href: &Url, media_type: Option<&str>, title: &str) -> bool {
    let title_says = title.split(|c: char| !c.is_alphanumeric()).any(|word| word.eq_ignore_ascii_case("rss"));
    let typed = media_type.is_some_and(|media_type| FEED_TYPES[..4].contains(&media_type));
    typed || ((title_says || names_a_feed(href)) && !is_elsewhere(href))
}

/// Whether the last part of an address is what feeds are called.
fn names_a_feed(href: &Url) -> bool {
    let Some(last) = href.path_segments().and_then(|parts| parts.rev().find(|part| !part.is_empty())) else { return false };
    let last = last.to_ascii_lowercase();
    let (name, ending) = last.rsplit_once('.').unwrap_or((&last, ""));
    let is_name = matches!(name, "rss" | "atom" | "feed" | "rss2" | "feeds" | "getrss" | "index" | "news");
    match ending {
        "" => matches!(name, "rss" | "atom" | "feed" | "rss2"),
        "rss" | "atom" | "rdf" => true,
        "xml" => is_name,
        "json" => name == "feed",
        _ => false,
    }
}

/// Readers' own pages, which carry the feed's address in their query.
fn is_elsewhere(href: &Url) -> bool {
    href.host_str().is_some_and(|host| ["feedly.com", "inoreader.com", "netvibes.com"].iter().any(|reader| host.ends_with(reader)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_head_and_in_the_text_is_offered() {
        let html = r#"<html><head>
            <link rel="alternate" type="application/rss+xml; charset=utf-8" title="Example &amp; Co" href="/feed/">
            <link rel="ALTERNATE" type="application/atom+xml" href="https://example.org/atom.xml">
            <link rel="alternate" hreflang="fi" href="/fi"><link rel="alternate" type="application/json+oembed" href="/oembed">
            <link rel="alternate" type="application/json" href="/wp-json/wp/v2/pages/1"><link rel="alternate" type="application/json" href="/feed.json">
            <link rel="https://api.w.org/" href="/wp-json/"><link rel="hub" href="https://hub.example/"><link rel="next" href="?page=2">
            <link rel="next" href="/news#x"><link rel="sitemap" type="application/xml" href="/sitemap.xml"></head>
            <body><a href="/rss" title="RSS Feed for news"><span></span></a><a href="/feed/">Subscribe</a><a href="/feedback">Feedback</a>
            <a href="https://feedly.com/i/rss">Feedly</a><a href="mailto:rss@example.org">x</a></body></html>"#;
        let url = Url::parse("https://www.example.org/news").unwrap();
        let seen: Vec<_> = offers(html.as_bytes(), None, &url)
            .unwrap()
            .into_iter()
            .map(|offer| (offer.kind, offer.href.to_string(), offer.title.unwrap_or_default()))
            .collect();
        let wanted = [
            (OfferKind::Feed, "https://www.example.org/feed/", "Example & Co"),
            (OfferKind::Feed, "https://example.org/atom.xml", ""),
            (OfferKind::Feed, "https://www.example.org/feed.json", ""),
            (OfferKind::FeedLink, "https://www.example.org/rss", "RSS Feed for news"),
            (OfferKind::WordPress, "https://www.example.org/wp-json/", ""),
            (OfferKind::Sitemap, "https://www.example.org/sitemap.xml", ""),
            (OfferKind::Hub, "https://hub.example/", ""),
            (OfferKind::Next, "https://www.example.org/news?page=2", ""),
        ];
        assert_eq!(seen, wanted.map(|(kind, href, title)| (kind, href.to_owned(), title.to_owned())));
    }
}
