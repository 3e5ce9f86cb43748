//! Sitemaps (sitemaps.org 0.9, with Google's news and image extensions) to entries.
//!
//! A sitemap lists addresses and when they changed; only the news extension has titles. Where there is none, the title is made of the
//! address and flagged, so that the article's page may replace it.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use quick_xml::Reader;
use quick_xml::events::Event;
use url::Url;

use crate::entry::{Category, Entry, Feed, FeedKind, Link, Media, Problem, ReadStage, Text, TextKind};
use crate::stage::{date, text};

/// Most addresses that one poll takes, over all files of an index.
pub const URLS_MAX: usize = 10_000;

/// Most addresses in one file (sitemaps.org): what comes after them is not read.
const FILE_URLS_MAX: usize = 50_000;

/// Longest address and longest text of an element, in characters; the protocol ends at 2,048.
const TEXT_MAX_CHARS: usize = 4_096;

/// Pictures kept of one address.
const IMAGES_MAX: usize = 3;

/// One file of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Where it is, absolute.
    pub url: Url,
    /// When it last changed, if the index says so.
    pub changed: Option<DateTime<Utc>>,
}

/// What a document is.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// An index of sitemaps.
    Index(Vec<Child>),
    /// A sitemap: entries in its order.
    Urls(Box<Feed>),
}

/// What reading needs besides the document.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Where it was had from, after redirects.
    pub url: &'a Url,
    /// Zone of dates without one.
    pub time_zone: Tz,
}

/// Why a document gives nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SitemapError {
    /// Something else.
    #[error("not a sitemap: {0}")]
    NotASitemap(String),
    /// Elements, but none with an address.
    #[error("no addresses: the sitemap lists none that can be read")]
    NoUrls,
}

impl SitemapError {
    /// A short name that does not change: `not-a-sitemap`, `no-urls`.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::NotASitemap(_) => "not-a-sitemap",
            Self::NoUrls => "no-urls",
        }
    }
}

/// Whether these bytes begin as a sitemap does.
#[must_use]
pub fn is_sitemap(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(bytes.get(..4_096).unwrap_or(bytes));
    head.contains("<urlset") || head.contains("<sitemapindex")
}

/// What one `<url>` or `<sitemap>` holds, as written.
#[derive(Default)]
struct Item {
    loc: String,
    lastmod: String,
    title: String,
    published: String,
    language: String,
    keywords: String,
    images: Vec<String>,
}

/// Reads a sitemap or an index. Sitemaps are UTF-8; what is not is read with replacement characters. A document that breaks off
/// gives what came before.
///
/// # Errors
/// [`SitemapError`] for another document, and for one of which no address can be had.
pub fn read(bytes: &[u8], context: &Context<'_>) -> Result<Document, SitemapError> {
    let source = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(source.trim_start_matches('\u{FEFF}').trim_start());
    let config = reader.config_mut();
    (config.check_end_names, config.allow_unmatched_ends, config.allow_dangling_amp) = (false, true, true);
    let mut is_index = None;
    let mut items: Vec<Item> = Vec::new();
    let mut more = 0;
    let mut item: Option<Item> = None;
    let mut words = String::new();
    let mut feed = Feed::empty(FeedKind::Sitemap);
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                let name = start.local_name();
                match (name.into_inner(), is_index) {
                    ("urlset", None) => is_index = Some(false),
                    ("sitemapindex", None) => is_index = Some(true),
                    (other, None) => return Err(SitemapError::NotASitemap(format!("a document of <{}>", shown(other)))),
                    ("url" | "sitemap", Some(_)) => item = Some(Item::default()),
                    _ => {}
                }
                words.clear();
            }
            Ok(Event::Empty(empty)) if is_index.is_none() => {
                return match empty.local_name().into_inner() {
                    "urlset" | "sitemapindex" => Err(SitemapError::NoUrls),
                    other => Err(SitemapError::NotASitemap(format!("a document of <{}>", shown(other)))),
                };
            }
            Ok(Event::Text(part)) => push(&mut words, &part.xml10_content()),
            Ok(Event::CData(part)) => push(&mut words, &part.xml10_content()),
            Ok(Event::GeneralRef(name)) => push(&mut words, &text::resolve_entities(&format!("&{};", &*name))),
            Ok(Event::End(end)) => {
                let value = std::mem::take(&mut words);
                let value = value.trim();
                let Some(open) = &mut item else { continue };
                match (end.name().into_inner(), end.local_name().into_inner()) {
                    (_, "url" | "sitemap") => {
                        let done = std::mem::take(open);
                        item = None;
                        if items.len() < FILE_URLS_MAX { items.push(done) } else { more += 1 }
                    }
                    // `image:loc` and `video:player_loc` are not the address.
                    ("loc", _) => value.clone_into(&mut open.loc),
                    (qualified, "loc") if qualified.starts_with("image") && open.images.len() < IMAGES_MAX => {
                        open.images.push(value.to_owned());
                    }
                    (qualified, "loc") if !qualified.starts_with("image") && open.loc.is_empty() => value.clone_into(&mut open.loc),
                    (_, "lastmod") => value.clone_into(&mut open.lastmod),
                    (_, "publication_date") => value.clone_into(&mut open.published),
                    (qualified, "title") if !qualified.starts_with("image") && !qualified.starts_with("video") => {
                        value.clone_into(&mut open.title);
                    }
                    (_, "language") => value.clone_into(&mut open.language),
                    (_, "keywords") => value.clone_into(&mut open.keywords),
                    _ => {}
                }
            }
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(_) => {
                feed.breaks_off = true;
                break;
            }
        }
    }
    let Some(is_index) = is_index else { return Err(SitemapError::NotASitemap("no XML".to_owned())) };
    if is_index {
        let children: Vec<Child> = items.iter().filter_map(|item| child(item, context)).collect();
        return if children.is_empty() { Err(SitemapError::NoUrls) } else { Ok(Document::Index(children)) };
    }
    let listed = items.len();
    feed.entries = items.into_iter().filter_map(|item| entry(item, context)).collect();
    if feed.entries.is_empty() {
        return Err(SitemapError::NoUrls);
    }
    let mut note = |what: String| feed.problems.push(Problem { entry: None, stage: ReadStage::Parse, what });
    if more > 0 {
        note(format!("{} addresses in one sitemap; the first {FILE_URLS_MAX} were read", listed + more));
    }
    if feed.breaks_off {
        note("the sitemap breaks off".to_owned());
    }
    feed.links.push(Link { href: site(context.url), rel: Some("alternate".into()), ..Link::default() });
    Ok(Document::Urls(Box::new(feed)))
}

fn push(words: &mut String, part: &str) {
    if words.len() < TEXT_MAX_CHARS {
        words.extend(part.chars().take(TEXT_MAX_CHARS));
    }
}

fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(40).collect()
}

/// The front page of the site that a sitemap belongs to.
fn site(url: &Url) -> String {
    url.join("/").map_or_else(|_| url.to_string(), String::from)
}

fn child(item: &Item, context: &Context<'_>) -> Option<Child> {
    let url = context.url.join(&item.loc).ok().filter(|url| !item.loc.is_empty() && matches!(url.scheme(), "http" | "https"))?;
    Some(Child { url, changed: date::read(&item.lastmod, context.time_zone, None) })
}

fn entry(item: Item, context: &Context<'_>) -> Option<Entry> {
    let url = context.url.join(&item.loc).ok().filter(|url| !item.loc.is_empty() && matches!(url.scheme(), "http" | "https"))?;
    let plain = |value: String| Text { value, kind: TextKind::Plain };
    let title_made = item.title.is_empty();
    let title = if title_made { title_of(&url)? } else { item.title };
    let read = |raw: &str| date::read(raw, context.time_zone, None);
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let images: Vec<String> = item.images.iter().filter_map(|image| context.url.join(image).ok()).map(String::from).collect();
    Some(Entry {
        title: Some(plain(title)),
        title_made,
        links: vec![Link { href: url.into(), rel: Some("alternate".into()), ..Link::default() }],
        published: read(&item.published),
        published_raw: some(&item.published),
        updated: read(&item.lastmod),
        updated_raw: some(&item.lastmod),
        categories: item
            .keywords
            .split(',')
            .map(str::trim)
            .filter(|term| !term.is_empty())
            .take(20)
            .map(|term| Category { term: term.to_owned(), ..Category::default() })
            .collect(),
        language: some(&item.language),
        media: if images.is_empty() { Vec::new() } else { vec![Media { thumbnails: images, ..Media::default() }] },
        ..Entry::default()
    })
}

/// A title made of an address: the words of its last path segment that has any. `None` where there are none: a front page, a number.
#[must_use]
pub fn title_of(url: &Url) -> Option<String> {
    let segment = url.path_segments()?.rev().find(|segment| !segment.is_empty())?;
    let stem = match segment.rsplit_once('.') {
        Some((stem, extension)) if extension.len() <= 5 && extension.bytes().all(|b| b.is_ascii_alphanumeric()) => stem,
        _ => segment,
    };
    let decoded = percent_decoded(stem);
    let is_word = |word: &str| word.chars().any(char::is_alphabetic) && !is_code(word);
    let words: Vec<&str> = decoded.split(|c: char| c.is_whitespace() || "-_+.~,".contains(c)).filter(|word| !word.is_empty()).collect();
    if !words.iter().any(|word| is_word(word)) || matches!(decoded.as_str(), "index" | "default" | "home") {
        return None;
    }
    // A number or a code at the end is the database's, not the headline's; years and small counts are.
    let end = words.iter().rposition(|word| is_word(word) || (word.len() <= 4 && !is_code(word))).map_or(words.len(), |at| at + 1);
    let title = words.get(..end).unwrap_or(&words).join(" ");
    let mut letters = title.chars();
    let first = letters.next()?;
    Some(first.to_uppercase().chain(letters).filter(|c| text::keeps(*c)).take(300).collect())
}

/// Eight or more hexadecimal digits with at least one digit: a hash or part of a UUID.
fn is_code(word: &str) -> bool {
    word.len() >= 8 && word.bytes().all(|b| b.is_ascii_hexdigit()) && word.bytes().any(|b| b.is_ascii_digit())
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let pair = (byte == b'%').then(|| Some((hex(ahead.next()?)?, hex(ahead.next()?)?))).flatten();
        match pair {
            Some((high, low)) => {
                bytes.push(high * 16 + low);
                rest = ahead;
            }
            None => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// The files of an index that a poll asks for, at most `most`: those that are named for news, articles or posts first, then those that
/// changed last; of those without a date the last in the index, where generators put what is new.
#[must_use]
pub fn chosen(children: Vec<Child>, most: usize) -> Vec<Child> {
    let is_news = |child: &Child| {
        let path = child.url.path().to_ascii_lowercase();
        ["news", "post", "article", "blog", "story", "stories"].iter().any(|word| path.contains(word))
    };
    let mut ranked: Vec<(usize, Child)> = children.into_iter().enumerate().collect();
    ranked.sort_by_key(|(at, child)| std::cmp::Reverse((is_news(child), child.changed, *at)));
    ranked.into_iter().take(most).map(|(_, child)| child).collect()
}

/// One feed of several sitemaps, the newest addresses first, at most [`URLS_MAX`], which is then said.
#[must_use]
pub fn joined(parts: Vec<Feed>) -> Feed {
    let mut feed = Feed::empty(FeedKind::Sitemap);
    for part in parts {
        if feed.links.is_empty() {
            feed.links = part.links;
        }
        feed.breaks_off |= part.breaks_off;
        feed.problems.extend(part.problems);
        feed.entries.extend(part.entries);
    }
    let listed = feed.entries.len();
    feed.entries.sort_by_key(|entry| std::cmp::Reverse(entry.published.or(entry.updated)));
    feed.entries.truncate(URLS_MAX);
    if listed > URLS_MAX {
        let what = format!("{listed} addresses listed; the newest {URLS_MAX} were taken");
        feed.problems.insert(0, Problem { entry: None, stage: ReadStage::Parse, what });
    }
    feed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn read_text(text: &str) -> Result<Document, SitemapError> {
        read(text.as_bytes(), &Context { url: &url("https://news.example/maps/sitemap.xml"), time_zone: Tz::UTC })
    }

    fn urls(text: &str) -> Feed {
        match read_text(text).unwrap() {
            Document::Urls(feed) => *feed,
            Document::Index(_) => panic!("an index"),
        }
    }

    #[test]
    fn the_news_extension_gives_title_date_language_and_keywords() {
        let feed = urls(
            "<?xml version='1.0'?><urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9' xmlns:news='n' xmlns:image='i'><url>\
             <loc>https://news.example/a?x=1&amp;y=2</loc><lastmod>2026-11-19</lastmod><news:news><news:publication>\
             <news:name>N</news:name><news:language>fi</news:language></news:publication>\
             <news:publication_date>2026-11-18T10:00:00+02:00</news:publication_date>\
             <news:title>A &amp; B &#8211; <![CDATA[<c>]]></news:title><news:keywords>care, data</news:keywords></news:news>\
             <image:image><image:loc>/p.jpg</image:loc><image:title>Not this</image:title></image:image></url></urlset>",
        );
        let entry = &feed.entries[0];
        assert_eq!(entry.title.as_ref().unwrap().value, "A & B \u{2013} <c>");
        assert!(!entry.title_made);
        assert_eq!(entry.links[0].href, "https://news.example/a?x=1&y=2");
        assert_eq!(entry.published.unwrap().to_rfc3339(), "2026-11-18T08:00:00+00:00");
        assert_eq!(entry.updated.unwrap().to_rfc3339(), "2026-11-19T00:00:00+00:00");
        assert_eq!(entry.language.as_deref(), Some("fi"));
        assert_eq!(entry.categories.iter().map(|c| c.term.as_str()).collect::<Vec<_>>(), ["care", "data"]);
        assert_eq!(entry.media[0].thumbnails, ["https://news.example/p.jpg"]);
    }

    #[test]
    fn titles_are_made_of_addresses_and_flagged() {
        for (address, title) in [
            ("https://n.example/2026/11/hospital-opens-new-wing", Some("Hospital opens new wing")),
            ("https://n.example/Hospital_opens%20wing.html", Some("Hospital opens wing")),
            ("https://n.example/uutiset/s%C3%A4hk%C3%B6inen-resepti/", Some("Sähköinen resepti")),
            ("https://n.example/care-in-2026-884512", Some("Care in 2026")),
            ("https://n.example/x-ray-5f3e9a1b2c", Some("X ray")),
            ("https://n.example/", None),
            ("https://n.example/2026/11/", None),
            ("https://n.example/884512.html", None),
            ("https://n.example/index.php", None),
            ("https://n.example/a%2", Some("A%2")),
        ] {
            assert_eq!(title_of(&url(address)).as_deref(), title, "{address}");
        }
        let feed = urls("<urlset><url><loc>https://news.example/one-thing</loc></url><url><loc>/</loc></url></urlset>");
        assert_eq!(feed.entries.len(), 1);
        assert!(feed.entries[0].title_made);
    }

    #[test]
    fn an_index_gives_its_files_and_the_newest_are_chosen() {
        let text = "<sitemapindex><sitemap><loc>https://n.example/pages.xml</loc><lastmod>2026-11-20</lastmod></sitemap>\
                    <sitemap><loc>post-1.xml</loc><lastmod>2025-01-01</lastmod></sitemap>\
                    <sitemap><loc>post-2.xml</loc><lastmod>2026-01-01</lastmod></sitemap>\
                    <sitemap><loc>ftp://n.example/x</loc></sitemap></sitemapindex>";
        let Document::Index(children) = read_text(text).unwrap() else { panic!("no index") };
        assert_eq!(children.len(), 3);
        let names: Vec<String> = chosen(children, 2).iter().map(|child| child.url.path().to_owned()).collect();
        assert_eq!(names, ["/maps/post-2.xml", "/maps/post-1.xml"]);
    }

    #[test]
    fn other_documents_are_refused_and_broken_ones_give_what_there_is() {
        for (text, class) in [
            ("<rss><channel/></rss>", "not-a-sitemap"),
            ("<!doctype html><html><title>x</title></html>", "not-a-sitemap"),
            ("", "not-a-sitemap"),
            ("<urlset/>", "no-urls"),
            ("<urlset><url><loc></loc></url></urlset>", "no-urls"),
        ] {
            assert_eq!(read_text(text).unwrap_err().class(), class, "{text}");
        }
        let feed = urls("<urlset><url><loc>/a-b</loc></url><url><loc>/c-d</loc></urlset");
        assert_eq!(feed.entries.len(), 1);
    }

    #[test]
    fn ten_thousand_of_the_newest_are_taken_and_it_is_said() {
        let part = |year: u32, count: usize| {
            let mut text = String::from("<urlset>");
            for n in 0..count {
                text += &format!("<url><loc>/story-{n}-of-{year}</loc><lastmod>{year}-01-01</lastmod></url>");
            }
            urls(&(text + "</urlset>"))
        };
        let feed = joined(vec![part(2020, 6_000), part(2026, 6_000)]);
        assert_eq!(feed.entries.len(), URLS_MAX);
        assert!(feed.entries[0].links[0].href.ends_with("of-2026"));
        assert_eq!(feed.problems[0].what, "12000 addresses listed; the newest 10000 were taken");
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "(<(/)?(urlset|url|loc|news:title|sitemapindex|lastmod)( a=\"[^\"]{0,3}\")?>|[a-z%&;<>!\\-\\[\\]é]{0,6}){0,40}") {
            let _ = read_text(&text);
            let _ = read_text(&format!("<urlset>{text}"));
        }

        #[test]
        fn made_titles_hold_no_control_characters(path in "\\PC{0,40}|(%[0-9a-f]{2}){0,12}") {
            if let Ok(url) = Url::parse("https://n.example/").unwrap().join(&path) {
                let title = title_of(&url).unwrap_or_default();
                proptest::prop_assert!(!title.chars().any(char::is_control), "{:?}", title);
            }
        }
    }
}
