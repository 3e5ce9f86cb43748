//! What a source publishes, as read: feeds and entries before any mapping.
//!
//! These are plain values. Every reader (feeds, JSON feeds, news pages) yields them, the store keeps them as they are, and
//! [`crate::stage::map`] makes records of them. Nothing here is sanitised: text is as hostile as its publisher.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::rights::Reservation;

/// Which format a document turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeedKind {
    /// RSS 0.90 to 0.9x by Netscape's and UserLand's early forms.
    Rss0,
    /// RSS 1.0 (RDF).
    Rss1,
    /// RSS 2.0 and the 0.9x forms that read like it.
    Rss2,
    /// Atom 1.0 and 0.3.
    Atom,
    /// JSON Feed 1.0 and 1.1.
    Json,
    /// A news page.
    Page,
    /// A sitemap.
    Sitemap,
    /// Posts of a WordPress site.
    WordPress,
}

/// Whether a text holds markup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TextKind {
    /// Plain text: `<` means a less-than sign.
    #[default]
    #[serde(rename = "text/plain")]
    Plain,
    /// An HTML fragment.
    #[serde(rename = "text/html")]
    Html,
}

/// A text with its kind (RFC 4287 section 3.1; RSS has none and is guessed).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Text {
    /// The text, entities of the XML layer resolved.
    #[serde(rename = "v")]
    pub value: String,
    /// Plain or HTML.
    #[serde(rename = "type")]
    pub kind: TextKind,
}

/// A link of a feed or an entry (RFC 4287 section 4.2.7).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Link {
    /// Absolute where a base was known.
    pub href: String,
    /// `alternate`, `self`, `enclosure`, ...; `None` where the format has no such notion.
    pub rel: Option<String>,
    /// Media type.
    #[serde(rename = "type")]
    pub media_type: Option<String>,
    /// Language of the target.
    #[serde(rename = "lang")]
    pub language: Option<String>,
    /// Length of the target in bytes, as claimed.
    #[serde(rename = "len")]
    pub length_bytes: Option<u64>,
    /// Title of the target.
    pub title: Option<String>,
}

/// An author or contributor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Person {
    /// Display name.
    pub name: Option<String>,
    /// E-mail address; never published.
    pub email: Option<String>,
    /// Home page.
    pub uri: Option<String>,
    /// `managingEditor` or `webMaster` for an RSS channel's people, else `None`.
    pub role: Option<String>,
}

/// The publisher's own category.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Category {
    /// The term.
    pub term: String,
    /// The vocabulary's IRI or domain.
    pub scheme: Option<String>,
    /// Text for people.
    pub label: Option<String>,
}

/// The body of an entry (RFC 4287 section 4.1.3, `content:encoded`, `content_html`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Content {
    /// The text, if it is in the feed.
    #[serde(rename = "v")]
    pub value: Option<String>,
    /// Media type: `text/plain`, `text/html`, or what the source says.
    #[serde(rename = "type")]
    pub media_type: String,
    /// Where the content is, if it is elsewhere.
    pub src: Option<String>,
}

/// One rendition of a media object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MediaContent {
    /// Where it is.
    pub url: Option<String>,
    /// Media type.
    #[serde(rename = "type")]
    pub media_type: Option<String>,
    /// Size in bytes, as claimed.
    #[serde(rename = "size")]
    pub size_bytes: Option<u64>,
}

/// A picture, recording or film that belongs to an entry (Media RSS, RSS enclosure, iTunes, JSON Feed attachment).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Media {
    /// Its title.
    pub title: Option<Text>,
    /// Its description.
    #[serde(rename = "desc")]
    pub description: Option<Text>,
    /// Its renditions.
    #[serde(rename = "content")]
    pub contents: Vec<MediaContent>,
    /// Preview pictures' URLs.
    #[serde(rename = "thumbs")]
    pub thumbnails: Vec<String>,
    /// Length in seconds.
    #[serde(rename = "dur")]
    pub duration_s: Option<u64>,
}

/// The feed that an entry was first published in (`atom:source`, RSS `<source>`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// That feed's id.
    pub id: Option<String>,
    /// That feed's title.
    pub title: Option<Text>,
    /// That feed's address.
    pub url: Option<String>,
    /// That feed's last change.
    pub updated: Option<DateTime<Utc>>,
}

/// One entry of a feed, or one item of a page's list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// What the source gave as id: `guid`, `atom:id`, `rdf:about`, JSON Feed `id`. Never invented.
    pub id: Option<String>,
    /// Headline.
    pub title: Option<Text>,
    /// The headline was made of the address: the article's page knows a better one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub title_made: bool,
    /// Links, the article's own first where the source says so.
    pub links: Vec<Link>,
    /// When it was published, if a date could be read.
    pub published: Option<DateTime<Utc>>,
    /// The publication date as the source wrote it.
    pub published_raw: Option<String>,
    /// When it last changed, only if the source says so apart from `published`.
    pub updated: Option<DateTime<Utc>>,
    /// The date of change as the source wrote it.
    pub updated_raw: Option<String>,
    /// Authors.
    pub authors: Vec<Person>,
    /// Contributors.
    pub contributors: Vec<Person>,
    /// The publisher's categories.
    pub categories: Vec<Category>,
    /// Short text.
    pub summary: Option<Text>,
    /// Full text.
    pub content: Option<Content>,
    /// Rights notice.
    pub rights: Option<Text>,
    /// What its publisher reserves of it where programs read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservation: Option<Reservation>,
    /// Language (BCP 47), inherited from the feed where the entry has none.
    pub language: Option<String>,
    /// The feed it was first published in.
    pub source: Option<Origin>,
    /// Pictures, recordings, films, enclosures.
    pub media: Vec<Media>,
    /// Base for relative URLs in `title`, `summary` and `content`: inherited `xml:base`, else the link, else the feed's URL.
    pub base: Option<String>,
}

/// How often a publisher says its feed may be read. Only ever used to slow down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PaceHints {
    /// RSS `ttl`, in minutes.
    pub ttl_min: Option<u32>,
    /// RSS `skipHours`, 0 to 23, GMT.
    pub skip_hours: Vec<u8>,
    /// RSS `skipDays`, English names as written.
    pub skip_days: Vec<String>,
    /// `sy:updatePeriod` divided by `sy:updateFrequency`, in minutes.
    pub syndication_min: Option<u32>,
}

/// A whole document, read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Feed {
    /// Format.
    pub kind: FeedKind,
    /// `atom:id`, `rdf:about` or none.
    pub id: Option<String>,
    /// Title.
    pub title: Option<Text>,
    /// Subtitle or channel description.
    pub description: Option<Text>,
    /// Last change as the feed says.
    pub updated: Option<DateTime<Utc>>,
    /// Publication date as the feed says.
    pub published: Option<DateTime<Utc>>,
    /// Language (BCP 47).
    pub language: Option<String>,
    /// Links: the site (`alternate`), the feed itself (`self`), hubs.
    pub links: Vec<Link>,
    /// Authors of the feed.
    pub authors: Vec<Person>,
    /// Contributors; for RSS also the managing editor and the webmaster, told apart by `role`.
    pub contributors: Vec<Person>,
    /// Categories of the feed.
    pub categories: Vec<Category>,
    /// The program that made it.
    pub generator: Option<String>,
    /// Rights notice.
    pub rights: Option<Text>,
    /// What its publisher reserves of all its entries where programs read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation: Option<Reservation>,
    /// Banner's URL.
    pub logo: Option<String>,
    /// Small picture's URL.
    pub icon: Option<String>,
    /// The entries, in document order.
    pub entries: Vec<Entry>,
    /// Whether the document ends before its feed does. What was not read may hold more entries.
    #[serde(default)]
    pub breaks_off: bool,
    /// Items of a page that are no entries of their own because another has their address.
    #[serde(default)]
    pub merged: usize,
    /// How often to come back, at most.
    pub pace: PaceHints,
    /// What was wrong and how it was dealt with.
    pub problems: Vec<Problem>,
}

impl Feed {
    /// A feed of this kind with nothing in it.
    #[must_use]
    pub fn empty(kind: FeedKind) -> Self {
        Self {
            kind,
            id: None,
            title: None,
            description: None,
            updated: None,
            published: None,
            language: None,
            links: Vec::new(),
            authors: Vec::new(),
            contributors: Vec::new(),
            categories: Vec::new(),
            generator: None,
            rights: None,
            reservation: None,
            logo: None,
            icon: None,
            entries: Vec::new(),
            breaks_off: false,
            merged: 0,
            pace: PaceHints::default(),
            problems: Vec::new(),
        }
    }
}

/// Where a problem was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadStage {
    /// Bytes to characters.
    Decode,
    /// Characters to a well-formed document.
    Repair,
    /// Document to entries.
    Parse,
    /// A date that could not be read.
    Date,
    /// A URL that could not be read or resolved.
    Link,
}

/// Something wrong in a document that was read all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Which entry, counted from 0, or `None` for the document.
    pub entry: Option<usize>,
    /// Where it was found.
    pub stage: ReadStage,
    /// A lowercase sentence fragment.
    pub what: String,
}
