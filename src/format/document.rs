//! What every feed writer is given: one topic's feed as plain values, ready to publish.
//!
//! All text here is sanitised and free of characters that XML 1.0 forbids; all URLs are absolute. The writers check once more on
//! their way out, with the functions at the end of this file: one value that slipped through would make a whole feed unreadable.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

/// A topic's Atom feed, in the topic's folder.
pub const ATOM_FILE: &str = "atom.xml";
/// A topic's RSS feed, in the topic's folder.
pub const RSS_FILE: &str = "rss.xml";
/// A topic's JSON Feed, in the topic's folder.
pub const JSON_FILE: &str = "feed.json";
/// A page, in its folder.
pub const PAGE_FILE: &str = "index.html";
/// The list of all topics' feeds, in the site's root.
pub const OPML_FILE: &str = "topics.opml";
/// The stylesheet of all pages, in the site's root.
pub const STYLE_FILE: &str = "style.css";
/// The program's name and home, as feeds and pages tell them.
pub(crate) const GENERATOR: (&str, &str) = ("Topicwire", env!("CARGO_PKG_REPOSITORY"));
/// Version of the program that wrote a feed.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// One feed, whatever the format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedDocument {
    /// Absolute IRI, for ever the same.
    pub id: String,
    /// Title.
    pub title: String,
    /// What the feed is about.
    pub subtitle: Option<String>,
    /// The topic's page.
    pub page_url: String,
    /// Where the Atom form is published.
    pub atom_url: String,
    /// Where the RSS form is published.
    pub rss_url: String,
    /// Where the JSON form is published.
    pub json_url: String,
    /// Language (BCP 47).
    pub language: String,
    /// The newest change of any item; the store's creation when there is none.
    pub updated: DateTime<Utc>,
    /// Newest first.
    pub items: Vec<FeedItem>,
}

/// One entry as a published feed carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedItem {
    /// Absolute IRI, for ever the same.
    pub id: String,
    /// Plain text.
    pub title: String,
    /// The article at its publisher.
    pub url: String,
    /// When the article was published; never moves.
    pub published: DateTime<Utc>,
    /// When it last changed as a reader sees it.
    pub updated: DateTime<Utc>,
    /// Authors' names: the entry's own; empty where only the source is known.
    pub authors: Vec<String>,
    /// Excerpt as sanitised HTML.
    pub summary_html: String,
    /// Excerpt as plain text.
    pub summary_text: String,
    /// The record's topics, best first.
    pub categories: Vec<FeedCategory>,
    /// Pictures and recordings with known type.
    pub enclosures: Vec<Enclosure>,
    /// A picture for the entry.
    pub image: Option<String>,
    /// Language (BCP 47).
    pub language: Option<String>,
    /// Rights notice, as the publisher wrote it, plain text.
    pub rights: Option<String>,
    /// The feed it was taken from.
    pub source: FeedSource,
}

/// A topic as a feed's category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedCategory {
    /// `Vocabulary: Label`.
    pub term: String,
    /// The label alone.
    pub label: String,
    /// The topic's page.
    pub url: String,
}

/// A file that comes with an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enclosure {
    /// Where it is.
    pub url: String,
    /// Media type.
    pub media_type: String,
    /// Length in bytes; 0 if unknown.
    pub length_bytes: u64,
}

/// Where an item was taken from (RFC 4287 section 4.2.11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedSource {
    /// The source feed's id: its own, else its URL.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its last change when the item was taken.
    pub updated: DateTime<Utc>,
    /// Its address.
    pub self_url: String,
    /// Its site.
    pub alternate_url: Option<String>,
    /// Its rights notice, plain text.
    pub rights: Option<String>,
}

/// One line of the site's index and of its OPML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicLine {
    /// `Vocabulary: Label`.
    pub category: String,
    /// Folder name.
    pub slug: String,
    /// What is said of it.
    pub description: Option<String>,
    /// Records in the store.
    pub records: u64,
    /// Newest change, if there is any record.
    pub updated: Option<DateTime<Utc>>,
}

impl FeedDocument {
    /// The feed's language, if it is one that the formats can carry.
    pub(crate) fn language(&self) -> Option<&str> {
        language(&self.language)
    }

    /// The item's language where it differs from the feed's.
    pub(crate) fn item_language<'a>(&self, item: &'a FeedItem) -> Option<&'a str> {
        language(item.language.as_deref()?).filter(|tag| !tag.eq_ignore_ascii_case(&self.language))
    }
}

impl FeedItem {
    /// The title, or the article's address where the title is blank: a link without text cannot be followed.
    pub(crate) fn headline(&self) -> Cow<'_, str> {
        if blank(&self.title) { text(&self.url) } else { text(&self.title) }
    }

    /// The authors' names that are not blank.
    pub(crate) fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.authors.iter().filter(|name| !blank(name)).map(|name| text(name))
    }

    /// The entry's rights notice, else its source's.
    pub(crate) fn any_rights(&self) -> Option<&str> {
        self.rights.as_deref().or(self.source.rights.as_deref()).filter(|notice| !blank(notice))
    }

    /// The enclosures that every format can carry: a web address and a media type.
    pub(crate) fn files(&self) -> impl Iterator<Item = (Cow<'_, str>, &Enclosure)> {
        self.enclosures.iter().filter(|file| is_media_type(&file.media_type)).filter_map(|file| Some((web_url(&file.url)?, file)))
    }
}

impl FeedCategory {
    /// The site's folder of topics, which names the scheme that the term belongs to.
    pub(crate) fn scheme(&self) -> Option<Cow<'_, str>> {
        let topic = self.url.trim_end_matches('/');
        web_url(topic.get(..=topic.rfind('/')?)?)
    }
}

impl FeedSource {
    /// The source's title, or its address where the title is blank.
    pub(crate) fn name(&self) -> Cow<'_, str> {
        if blank(&self.title) { text(&self.self_url) } else { text(&self.title) }
    }
}

impl TopicLine {
    /// The topic's folder below the site's root, with a slash at its end.
    #[must_use]
    pub fn folder(&self) -> String {
        format!("topic/{}/", self.slug)
    }

    /// The vocabulary and the label; no vocabulary where the category has none.
    pub(crate) fn parts(&self) -> (Option<&str>, &str) {
        match self.category.split_once(": ") {
            Some((vocabulary, label)) => (Some(vocabulary), label),
            None => (None, &self.category),
        }
    }
}

/// Whether XML 1.0 allows the character (production 2, `Char`).
fn is_legal(character: char) -> bool {
    !matches!(character, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}')
}

/// Whether there is nothing to see.
pub(crate) fn blank(text: &str) -> bool {
    text.chars().all(|character| character.is_whitespace() || !is_legal(character))
}

/// The text without characters that XML 1.0 forbids, its line ends as a reader of XML sees them (XML 1.0 section 2.11).
pub(crate) fn text(raw: &str) -> Cow<'_, str> {
    // Only control characters and U+FFFE, U+FFFF (whose UTF-8 begins with EF) need a closer look.
    if !raw.bytes().any(|byte| (byte < b' ' && byte != b'\n' && byte != b'\t') || byte == 0xEF) {
        return Cow::Borrowed(raw);
    }
    let mut clean = String::with_capacity(raw.len());
    let mut rest = raw.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\r' => {
                rest.next_if_eq(&'\n');
                clean.push('\n');
            }
            legal if is_legal(legal) => clean.push(legal),
            _ => {}
        }
    }
    Cow::Owned(clean)
}

/// Text for an attribute, in which a reader of XML sees every line end and tab as a space (XML 1.0 section 3.3.3).
pub(crate) fn line(raw: &str) -> Cow<'_, str> {
    match text(raw) {
        clean if clean.contains(['\n', '\t']) => Cow::Owned(clean.replace(['\n', '\t'], " ")),
        clean => clean,
    }
}

/// Text for a place that some readers take for HTML though it is none: titles in RSS and JSON Feed, which have no type.
///
/// What HTML would read as a tag loses its angle brackets to `‹` and `›`, which look alike: otherwise those readers drop the tag, or
/// worse, obey it. Escaping is no way out, for the readers that get it right would show the escapes.
pub(crate) fn untagged(raw: &str) -> Cow<'_, str> {
    let raw = text(raw);
    if !raw.contains('<') {
        return raw;
    }
    let mut clean = String::with_capacity(raw.len() + 8);
    let mut in_tag = false;
    let mut rest = raw.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            // What opens a tag is said in the HTML standard, 13.2.5.6 (tag open state).
            '<' if rest.peek().is_some_and(|next| next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?')) => {
                in_tag = true;
                clean.push('‹');
            }
            '>' if in_tag => {
                in_tag = false;
                clean.push('›');
            }
            other => clean.push(other),
        }
    }
    Cow::Owned(clean)
}

/// The address with everything percent-encoded that no IRI may hold (RFC 3987 section 2.2), which browsers' URLs may: `{`, `|`, ...
pub(crate) fn iri(raw: &str) -> Cow<'_, str> {
    let is_foreign = |character: char| {
        matches!(character, '<' | '>' | '"' | '{' | '}' | '|' | '\\' | '^' | '`')
            || character.is_whitespace()
            || character.is_control()
            || !is_legal(character)
    };
    if !raw.contains(is_foreign) {
        return Cow::Borrowed(raw);
    }
    let mut encoded = String::with_capacity(raw.len() + 16);
    for character in raw.chars() {
        if is_foreign(character) {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                encoded.push('%');
                encoded.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])));
            }
        } else {
            encoded.push(character);
        }
    }
    Cow::Owned(encoded)
}

/// The address as an IRI if it is one of the web; a reader must not be handed `javascript:` or `data:`.
pub(crate) fn web_url(raw: &str) -> Option<Cow<'_, str>> {
    let (scheme, rest) = raw.split_once("://")?;
    let is_web = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    (is_web && !rest.starts_with(['/', '?', '#']) && !rest.is_empty()).then(|| iri(raw))
}

/// The moment in whole seconds, within the years that RFC 3339 and RFC 822 can write.
///
/// RSS has no fractions: with them elsewhere, one entry would have two dates.
pub(crate) fn moment(when: DateTime<Utc>) -> DateTime<Utc> {
    const LAST: i64 = 253_402_300_799; // 9999-12-31T23:59:59Z
    DateTime::from_timestamp(when.timestamp().clamp(0, LAST), 0).unwrap_or_default()
}

/// RFC 822 with four digits of year (RSS 2.0, OPML 2.0).
pub(crate) fn rfc822(when: DateTime<Utc>) -> String {
    moment(when).format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// RFC 3339 in UTC.
pub(crate) fn rfc3339(when: DateTime<Utc>) -> String {
    moment(when).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The tag if it has the shape that RFC 4287 and JSON Feed allow (RFC 3066 section 2.1).
fn language(tag: &str) -> Option<&str> {
    let mut parts = tag.split('-');
    let primary = parts.next()?;
    let is_sized = |part: &str| (1..=8).contains(&part.len());
    (is_sized(primary)
        && primary.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(|part| is_sized(part) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())))
    .then_some(tag)
}

/// Whether the text has the shape `type/subtype`, without parameters or blanks (RFC 6838 section 4.2).
fn is_media_type(text: &str) -> bool {
    text.split_once('/').is_some_and(|(kind, subtype)| {
        [kind, subtype]
            .iter()
            .all(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte)))
    })
}

/// Documents for the writers' tests.
#[cfg(test)]
pub(crate) mod samples {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn at(stamp: &str) -> DateTime<Utc> {
        stamp.parse().unwrap()
    }

    pub(crate) fn source() -> FeedSource {
        FeedSource {
            id: "https://news.example/feed".into(),
            title: "Example News".into(),
            updated: at("2026-11-20T08:00:00Z"),
            self_url: "https://news.example/feed?a=1&b=2".into(),
            alternate_url: Some("https://news.example/".into()),
            rights: Some("© 2026 Example News".into()),
        }
    }

    pub(crate) fn category(label: &str) -> FeedCategory {
        let slug = label.to_lowercase().replace(' ', "-");
        FeedCategory { term: format!("Health: {label}"), label: label.into(), url: format!("https://planet.example/topic/health-{slug}/") }
    }

    pub(crate) fn item(number: u32) -> FeedItem {
        FeedItem {
            id: format!("urn:uuid:00000000-0000-5000-8000-{number:012}"),
            title: format!("Hospitals share what they learn, part {number}"),
            url: format!("https://news.example/story?number={number}&page=1"),
            published: at("2026-11-18T09:30:00Z"),
            updated: at("2026-11-18T09:30:00Z"),
            authors: vec!["Ada Writer".into(), "Bo Reporter".into()],
            summary_html: "<p>Three hospitals &amp; one question: <em>who</em> reads the record?</p>".into(),
            summary_text: "Three hospitals & one question: who reads the record?".into(),
            categories: vec![category("Digital Health"), category("Community Health")],
            enclosures: vec![Enclosure {
                url: "https://news.example/a.mp3?x=1&y=2".into(),
                media_type: "audio/mpeg".into(),
                length_bytes: 1234,
            }],
            image: Some("https://news.example/a.jpg?w=1&h=2".into()),
            language: Some("en-GB".into()),
            rights: Some("CC BY 4.0".into()),
            source: source(),
        }
    }

    pub(crate) fn document(items: Vec<FeedItem>) -> FeedDocument {
        FeedDocument {
            id: "https://planet.example/topic/health-digital-health/".into(),
            title: "Digital Health".into(),
            subtitle: Some("Care that happens on screens".into()),
            page_url: "https://planet.example/topic/health-digital-health/".into(),
            atom_url: "https://planet.example/topic/health-digital-health/atom.xml".into(),
            rss_url: "https://planet.example/topic/health-digital-health/rss.xml".into(),
            json_url: "https://planet.example/topic/health-digital-health/feed.json".into(),
            language: "en".into(),
            updated: at("2026-11-20T10:00:00Z"),
            items,
        }
    }

    /// An item with as little as an item can have.
    pub(crate) fn bare() -> FeedItem {
        FeedItem {
            authors: Vec::new(),
            summary_html: String::new(),
            summary_text: String::new(),
            categories: Vec::new(),
            enclosures: Vec::new(),
            image: None,
            language: None,
            rights: None,
            source: FeedSource { alternate_url: None, rights: None, ..source() },
            ..item(900)
        }
    }

    /// Items whose every text tries to break out of its place.
    pub(crate) fn hostile() -> Vec<FeedItem> {
        let texts = [
            "<script>alert(1)</script>",
            "</title></entry><id>urn:hijack</id>",
            "a ]]> b <![CDATA[ c ]]]]>",
            "\"quoted\" & 'single' &amp; &lt;b&gt; &#x3C;",
            "How to use <b> and <br/> in a title",
            "1 < 2 > 1, x<y",
            "\u{0}\u{1}\u{8}\u{b}\u{c}\u{1f}\u{fffe}\u{ffff}",
            "line\r\nbreak\rand\ttab\u{2028}",
            "\u{202e}reversed\u{202c} מזון בריא 👩‍⚕️ 健康",
            "-->  <!-- ?> <?php",
            " \u{a0} ",
        ];
        let mut items: Vec<FeedItem> = texts
            .iter()
            .zip(100..)
            .map(|(text, number)| FeedItem {
                title: (*text).into(),
                authors: vec![(*text).into(), " ".into()],
                summary_html: format!("<p>{}</p>", ammonia::clean_text(text)),
                summary_text: (*text).into(),
                categories: vec![FeedCategory { term: (*text).into(), label: (*text).into(), ..category("Odd") }],
                enclosures: vec![Enclosure { url: (*text).into(), media_type: (*text).into(), length_bytes: u64::MAX }],
                image: Some((*text).into()),
                language: Some((*text).into()),
                rights: Some((*text).into()),
                source: FeedSource { title: (*text).into(), rights: Some((*text).into()), ..source() },
                ..item(number)
            })
            .collect();
        let urls = ["javascript:alert(1)", "https://", "//e.example/", "https://e.example/{a}|b^`c d\"<x>\\", "data:text/html,x", ""];
        items.extend(urls.iter().zip(200..).map(|(url, number)| FeedItem {
            url: (*url).into(),
            image: Some((*url).into()),
            enclosures: vec![Enclosure { url: (*url).into(), media_type: "audio/mpeg".into(), length_bytes: 0 }],
            source: FeedSource { self_url: (*url).into(), alternate_url: Some((*url).into()), ..source() },
            ..item(number)
        }));
        items.push(FeedItem { published: DateTime::<Utc>::MAX_UTC, updated: DateTime::<Utc>::MIN_UTC, ..bare() });
        items
    }

    pub(crate) fn topics() -> Vec<TopicLine> {
        ["Health: Digital Health", "Health: Community Health", "News: A, B/C & <D>", "Unfiled"]
            .iter()
            .zip(["health-digital-health", "health-community-health", "news-a-b-c-and-d", "unfiled"])
            .map(|(category, slug)| TopicLine {
                category: (*category).into(),
                slug: slug.into(),
                description: Some("What \"is\" said".into()),
                records: 1234,
                updated: None,
            })
            .collect()
    }

    /// Any characters at all, those that mean something in XML, HTML and JSON more often.
    pub(crate) fn any_text() -> impl Strategy<Value = String> {
        let telling =
            prop::sample::select("<>&\"'[]!-/?;#x:= \r\n\t\\{}\u{0}\u{1}\u{fffe}\u{ffff}\u{feff}\u{85}ab".chars().collect::<Vec<_>>());
        vec(prop_oneof![any::<char>(), telling], 0..24).prop_map(|characters| characters.into_iter().collect())
    }

    pub(crate) fn any_moment() -> impl Strategy<Value = DateTime<Utc>> {
        (0..253_402_300_800_i64).prop_map(|seconds| DateTime::from_timestamp(seconds, 0).unwrap())
    }

    /// Items whose texts are anything, their ids distinct and their addresses good.
    pub(crate) fn any_items() -> impl Strategy<Value = Vec<FeedItem>> {
        let texts = (any_text(), any_text(), vec(any_text(), 0..3), option::of(any_text()), any_text(), option::of(any_text()));
        let item = (texts, any_moment(), any_moment(), "[a-z0-9_~-]{0,12}(\\?[a-z]=[a-z&;+]{0,9})?").prop_map(
            |((title, summary, authors, rights, source_title, language), published, updated, path)| FeedItem {
                title,
                url: format!("https://news.example/{path}"),
                published,
                updated,
                authors,
                summary_html: format!("<p>{}</p>", ammonia::clean_text(&summary)),
                summary_text: summary,
                rights: rights.clone(),
                language,
                source: FeedSource { title: source_title, rights, ..source() },
                ..item(0)
            },
        );
        vec(item, 0..4).prop_map(|mut items| {
            for (item, number) in items.iter_mut().zip(0..) {
                item.id = self::item(number).id;
            }
            items
        })
    }

    /// Items in which addresses, ids, categories and files are anything too.
    pub(crate) fn wild_items() -> impl Strategy<Value = Vec<FeedItem>> {
        let wild = || prop_oneof![any_text(), any_text().prop_map(|text| format!("https://e.example/{text}"))];
        (any_items(), vec((wild(), wild(), wild(), any_text()), 4)).prop_map(|(mut items, values)| {
            for (item, (url, id, image, term)) in items.iter_mut().zip(values) {
                item.enclosures = vec![Enclosure { url: url.clone(), media_type: term.clone(), length_bytes: 0 }];
                item.categories = vec![FeedCategory { label: term.clone(), url: image.clone(), term }];
                item.source =
                    FeedSource { id: id.clone(), self_url: url.clone(), alternate_url: Some(image.clone()), ..item.source.clone() };
                (item.url, item.id, item.image) = (url, id, Some(image));
            }
            items
        })
    }

    /// The text as an XML reader must see it: production 2 and section 2.11 of XML 1.0, spelt out for the tests.
    pub(crate) fn as_xml_reads(text: &str) -> String {
        text.replace("\r\n", "\n")
            .replace('\r', "\n")
            .chars()
            .filter(|character| matches!(u32::from(*character), 0x9 | 0xA | 0x20..=0xD7FF | 0xE000..=0xFFFD | 0x10000..=0x10FFFF))
            .collect()
    }

    /// Reads a document to its end and says what makes it no well-formed XML 1.0.
    pub(crate) fn xml_fault(xml: &[u8]) -> Option<String> {
        use quick_xml::events::Event;
        let xml = match std::str::from_utf8(xml) {
            Ok(xml) if xml == as_xml_reads(xml) => xml,
            Ok(_) => return Some("illegal character".into()),
            Err(error) => return Some(error.to_string()),
        };
        let mut reader = quick_xml::Reader::from_str(xml);
        let mut depth = 0_u32;
        let mut roots = 0;
        loop {
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(error) => return Some(error.to_string()),
            };
            if let Event::Start(element) | Event::Empty(element) = &event {
                for attribute in element.attributes() {
                    match attribute.map(|attribute| attribute.value.contains('<')) {
                        Ok(false) => {}
                        Ok(true) => return Some("< in an attribute".into()),
                        Err(error) => return Some(error.to_string()),
                    }
                }
                roots += u32::from(depth == 0);
            }
            match event {
                Event::Start(_) => depth += 1,
                Event::End(_) => depth -= 1,
                Event::Text(text) if depth == 0 && !text.trim().is_empty() => return Some("text outside the root".into()),
                Event::Text(text) if text.contains("]]>") => return Some("]]> in text".into()),
                Event::GeneralRef(name) if !["lt", "gt", "amp", "quot", "apos"].contains(&&*name) => return Some(format!("&{};", &*name)),
                Event::Eof => return (roots != 1).then(|| format!("{roots} roots")),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use proptest::prelude::*;

    use super::samples::{any_items, any_text, as_xml_reads, at, bare, document, hostile, item, topics, wild_items, xml_fault};
    use super::*;
    use crate::format::{atom, json_feed, opml, rss};

    fn read(bytes: &[u8]) -> feed_rs::model::Feed {
        feed_rs::parser::parse(bytes).unwrap()
    }

    proptest! {
        #[test]
        fn every_format_reads_back(items in any_items(), title in any_text()) {
            let document = FeedDocument { title, ..document(items) };
            for (name, bytes, is_typed) in [
                ("atom", atom::write(&document), true),
                ("rss", rss::write(&document), false),
                ("json", json_feed::write(&document), false),
            ] {
                let feed = read(&bytes);
                prop_assert_eq!(feed.entries.len(), document.items.len(), "{}", name);
                for (entry, item) in feed.entries.iter().zip(&document.items) {
                    prop_assert_eq!(&entry.id, &item.id, "{}", name);
                    prop_assert_eq!(&entry.links[0].href, &item.url, "{}", name);
                    prop_assert_eq!(entry.published, Some(item.published), "{}", name);
                    if name != "rss" {
                        prop_assert_eq!(entry.updated, Some(item.updated), "{}", name);
                    }
                    let title = as_xml_reads(&item.title);
                    let title = if title.trim().is_empty() { &item.url } else { &title };
                    let was_read = &entry.title.as_ref().unwrap().content;
                    // Where a title has no type, tags have lost their brackets; nothing else changes.
                    let expected = if is_typed { title.clone() } else { title.replace('<', "‹").replace('>', "›") };
                    let was_read = if is_typed { was_read.clone() } else { was_read.replace('<', "‹").replace('>', "›") };
                    prop_assert_eq!(was_read.trim(), expected.trim(), "{}", name);
                }
            }
        }

        #[test]
        fn nothing_breaks_the_markup(items in wild_items(), text in any_text()) {
            let document = FeedDocument {
                title: text.clone(),
                subtitle: Some(text.clone()),
                language: text.clone(),
                id: text.clone(),
                page_url: text.clone(),
                ..document(items)
            };
            let line = TopicLine { category: text.clone(), slug: text.clone(), description: Some(text.clone()), records: 0, updated: None };
            for xml in [atom::write(&document), rss::write(&document), opml::write(&text, &text, &[line], None).into_bytes()] {
                prop_assert_eq!(xml_fault(&xml), None, "{}", String::from_utf8_lossy(&xml));
            }
            let json: serde_json::Value = serde_json::from_slice(&json_feed::write(&document)).unwrap();
            prop_assert_eq!(json["items"].as_array().unwrap().len(), document.items.len());
        }

        #[test]
        fn text_is_what_xml_reads(raw in any_text()) {
            prop_assert_eq!(text(&raw), as_xml_reads(&raw));
        }

        #[test]
        fn an_iri_is_a_fixed_point(raw in any_text()) {
            let once = iri(&raw).into_owned();
            let is_allowed = |character: char| !character.is_whitespace() && !"<>\"{}|\\^`".contains(character);
            prop_assert!(once.chars().all(is_allowed));
            prop_assert_eq!(iri(&once), once.as_str());
        }
    }

    #[test]
    fn same_document_same_bytes() {
        let document = document(hostile());
        let write = || [atom::write(&document), rss::write(&document), json_feed::write(&document)];
        assert_eq!(write(), write());
    }

    #[test]
    fn tags_lose_their_brackets() {
        for (raw, expected) in [
            ("a <b> c", "a ‹b› c"),
            ("</p><!-- x -->", "‹/p›‹!-- x --›"),
            ("1 < 2 > 1", "1 < 2 > 1"),
            ("Vec<T>, a->b", "Vec‹T›, a->b"),
            ("open <b", "open ‹b"),
            ("<3 & <", "<3 & <"),
        ] {
            assert_eq!(untagged(raw), expected);
        }
    }

    #[test]
    fn only_web_addresses_are_links() {
        for raw in
            ["javascript:alert(1)", "javascript://a/%0Aalert(1)", "data:text/html,x", "/a", "//a/", "", "https://", "https:///a", "http:a"]
        {
            assert_eq!(web_url(raw), None, "{raw}");
        }
        assert_eq!(web_url("HTTP://a.example/?q={x|y}").as_deref(), Some("HTTP://a.example/?q=%7Bx%7Cy%7D"));
    }

    #[test]
    fn dates_stay_within_what_can_be_written() {
        assert_eq!(rfc822(at("2026-11-08T23:59:60.5Z")), "Sun, 08 Nov 2026 23:59:59 GMT");
        assert_eq!(rfc3339(DateTime::<Utc>::MAX_UTC), "9999-12-31T23:59:59Z");
        assert_eq!(rfc3339(DateTime::<Utc>::MIN_UTC), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn tags_of_languages_are_checked() {
        for (tag, is_one) in
            [("en", true), ("zh-Hans-CN", true), ("", false), ("en-", false), ("e n", false), ("123", false), ("abcdefghi", false)]
        {
            assert_eq!(language(tag).is_some(), is_one, "{tag}");
        }
    }

    fn shared() -> Option<PathBuf> {
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
        [Some(beside), std::env::var_os("TOPICWIRE_SHARED").map(PathBuf::from)].into_iter().flatten().find(|path| path.is_dir())
    }

    /// Also leaves the samples in `target/feeds` to be looked at.
    #[test]
    fn an_independent_validator_finds_nothing() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/feeds");
        std::fs::create_dir_all(&folder).unwrap();
        let mut files = Vec::new();
        let documents = [
            ("plain", document((0..5).map(item).collect())),
            ("bare", FeedDocument { subtitle: None, ..document(vec![bare()]) }),
            ("empty", document(Vec::new())),
            ("hostile", FeedDocument { title: "<b> & ]]>".into(), subtitle: Some("<p>\u{1}".into()), ..document(hostile()) }),
        ];
        for (name, document) in &documents {
            for (kind, bytes) in [("atom", atom::write(document)), ("rss", rss::write(document)), ("json", json_feed::write(document))] {
                files.push((folder.join(format!("{name}.{kind}")), bytes));
            }
        }
        let list = opml::write("Planet & <Example>", "https://planet.example/", &topics(), Some(at("2026-11-20T10:00:00Z")));
        files.push((folder.join("topics.opml"), list.into_bytes()));
        for (path, bytes) in &files {
            std::fs::write(path, bytes).unwrap();
        }

        let Some(shared) = shared() else {
            println!("skipped: no ../shared");
            return;
        };
        if Command::new("jing").output().is_err()
            || !Command::new("python3").args(["-c", "import lxml"]).status().is_ok_and(|s| s.success())
        {
            println!("skipped: no jing or lxml");
            return;
        }
        let validator = Command::new(shared.join("tools/validate-feed")).args(files.iter().map(|(path, _)| path)).output().unwrap();
        let verdict = String::from_utf8_lossy(&validator.stdout);
        assert_eq!(verdict.matches(": VALID: 0 errors, 0 warnings").count(), files.len(), "{verdict}");
    }
}
