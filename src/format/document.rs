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
