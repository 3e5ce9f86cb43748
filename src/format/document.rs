//! What every feed writer is given: one topic's feed as plain values, ready to publish.
//!
//! All text here is sanitised and free of characters that XML 1.0 forbids; all URLs are absolute.

use chrono::{DateTime, Utc};

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
