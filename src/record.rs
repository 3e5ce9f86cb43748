//! The curated-content record: what the program makes of one article.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::rights::{Promotion, Reservation};

/// The keys of `htmlMetaData`, in the contract's order.
pub const HTML_META: [&str; 22] = [
    "author",
    "description",
    "generator",
    "viewport",
    "articlemodified_time",
    "articlepublished_time",
    "msvalidate.01",
    "ogdescription",
    "ogimage",
    "ogsite_name",
    "ogtitle",
    "ogtype",
    "ogupdated_time",
    "ogurl",
    "yandex-verification",
    "robots",
    "fbapp_id",
    "oglocale",
    "fbadmins",
    "articlepublisher",
    "google-site-verification",
    "keywords",
];

/// The keys of `openGraphMetaData`, in the contract's order.
pub const OPEN_GRAPH_META: [&str; 8] =
    ["ogdescription", "ogtitle", "ogurl", "ogimage", "ogsite_name", "ogtype", "ogupdated_time", "ogimageheight"];

/// The keys of `twitterMetaData`, in the contract's order.
pub const TWITTER_META: [&str; 5] = ["twittercard", "twitterdescription", "twittertitle", "twitterimage", "twitterurl"];

/// A part of the site that records are filed in (`News` by default).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// `basePath`: starts and ends with a slash, such as `/news/`.
    pub base_path: String,
    /// `identifier`: the section's name, also the second breadcrumb.
    pub identifier: String,
    /// `mastHead`.
    pub mast_head: String,
    /// `searchCategory`.
    pub search_category: String,
    /// `tags`.
    pub tags: Vec<String>,
    /// `contentCategories`.
    pub content_categories: String,
    /// `archetype`.
    pub archetype: String,
}

impl Default for Section {
    fn default() -> Self {
        Self {
            base_path: "/news/".into(),
            identifier: "News".into(),
            mast_head: "NEWS".into(),
            search_category: "News".into(),
            tags: vec!["News".into()],
            content_categories: "netspective-medigy-news-curated-content".into(),
            archetype: "curated-content".into(),
        }
    }
}

/// A picture or PDF that was looked at: what it is and where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// `alt`: the record's title.
    pub alt: String,
    /// `format`: `JPEG`, `PNG`, `WEBP`, `GIF`, `SVG`, `AVIF`, `ICO` or `PDF`, as sniffed from the bytes; `null` if empty.
    pub format: String,
    /// `href`: file name beside the record; `null` if empty, where there is no such file.
    pub href: String,
    /// `size`: height and width in pixels.
    pub size: Option<(u32, u32)>,
    /// `valid`.
    pub valid: bool,
    /// `workPackage`: the work package that held it.
    pub work_package: Option<u64>,
    /// `wpAttachment.fileName`.
    pub file_name: Option<String>,
    /// `wpAttachment.link`.
    pub link: Option<String>,
}

/// A product or service that shares a category with the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offering {
    /// Its name.
    pub label: String,
    /// Its path on the site.
    pub permalink: String,
    /// Its categories.
    pub categories: Vec<String>,
    /// Its number.
    #[serde(rename = "offeringId")]
    pub offering_id: u64,
}

/// What the article's page says of itself in `<meta>`, by the record's key (`ogdescription`, `twittertitle`, ...).
///
/// Keys that are absent are `null` in the record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageMeta {
    /// `htmlMetaData`.
    pub html: std::collections::BTreeMap<String, String>,
    /// `openGraphMetaData`.
    pub open_graph: std::collections::BTreeMap<String, String>,
    /// `twitterMetaData`.
    pub twitter: std::collections::BTreeMap<String, String>,
}

/// One article, curated. [`crate::format::front_matter`] writes it as a Markdown file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// `id`: unique, never reused.
    pub number: u64,
    /// Version 5 over the clean URL: names the file for ever.
    pub uuid: Uuid,
    /// Where it is filed.
    pub section: Section,
    /// `author`: the curators.
    pub curators: Vec<String>,
    /// Plain text.
    pub title: String,
    /// `href`: the clean URL.
    pub href: String,
    /// `original`: the URL as the source gave it.
    pub original: String,
    /// `date`: when the article was published (or first seen).
    pub published: DateTime<Utc>,
    /// `lastMod`: when the record last changed.
    pub last_mod: DateTime<Utc>,
    /// The summary as plain text; `description` is its beginning.
    pub summary: String,
    /// The summary as sanitised HTML in `<p>`: the file's body.
    pub body: String,
    /// `categories`: `Vocabulary: Label`, best match first.
    pub categories: Vec<String>,
    /// `favIconImage`.
    pub favicon: Option<Attachment>,
    /// `featuredImage`.
    pub featured_image: Option<Attachment>,
    /// `featuredPdf`.
    pub featured_pdf: Option<Attachment>,
    /// The article page's own metadata.
    pub page: PageMeta,
    /// `institution`.
    pub institution: Option<String>,
    /// `offering`.
    pub offering: Option<String>,
    /// `source`: the id of the source that brought it.
    pub source: String,
    /// `via`: the name of the source through which it was found, if that is not its publisher.
    pub via: Option<String>,
    /// `viaLink`.
    pub via_link: Option<String>,
    /// `insights_description`.
    pub insights_description: Option<String>,
    /// `insights_name`.
    pub insights_name: Option<String>,
    /// `relatedOfferings`: at most five.
    pub related_offerings: Vec<Offering>,
    /// `licence`: its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// `attribution`: whose it is, where its licence or its source's asks for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribution: Option<String>,
    /// `promotion`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<Promotion>,
    /// `reservation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation: Option<Reservation>,
}

/// All of a record that follows from its entry and the configuration: what [`crate::stage::map`] makes and the store keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The clean URL: the record's identity.
    pub href: String,
    /// The URL as the source gave it.
    pub original: String,
    /// Plain text.
    pub title: String,
    /// The excerpt as plain text.
    pub summary: String,
    /// The excerpt as sanitised HTML.
    pub body: String,
    /// When the article was published; when it was first seen, if the source does not say or says the future.
    pub published: DateTime<Utc>,
    /// When the source says it changed, never before `published` and never in the future.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<DateTime<Utc>>,
    /// Topics' slugs with their categories, best first.
    pub topics: Vec<DraftTopic>,
    /// Curators.
    pub curators: Vec<String>,
    /// Names of the article's own authors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<String>,
    /// Id of the section.
    pub section: String,
    /// Language (BCP 47).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Rights notice as plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rights: Option<String>,
    /// Address of its licence (RFC 4946).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Whose it is, plain text, where its licence or its source's asks for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribution: Option<String>,
    /// What its publisher reserves of it: its entry, its feed, or its page says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation: Option<Reservation>,
    /// What its publisher declares it to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<Promotion>,
    /// Files that come with it: URL, media type, bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enclosures: Vec<(String, String, u64)>,
    /// A picture's URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The id that published feeds should carry: the entry's own where that is an absolute IRI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed_id: Option<String>,
    /// The feed it was taken from.
    pub taken_from: TakenFrom,
    /// Name of the source through which it was found, if that is not its publisher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// Link to that source's item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via_link: Option<String>,
    /// `institution` of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub institution: Option<String>,
    /// `offering` of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offering: Option<String>,
    /// The source's own title, where an editor gave another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_title: Option<String>,
    /// Whether an editor, or the rule for what is reserved, took it out of everything published.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// Whether an editor put it before everything else of its topics.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
}

/// What an article's own page adds to its record in feeds, where the source said nothing else.
///
/// It never changes the record's identity: that stays a function of [`Draft::href`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FromPage {
    /// Its clean address, where that is another than the draft's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub href: Option<String>,
    /// Its clean address, where that is another record's: the two are one story.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_as: Option<String>,
    /// An excerpt of its description as plain text, where the draft has no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Its language (BCP 47), where the draft has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Its authors, where the draft has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<String>,
}

/// A topic of a draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftTopic {
    /// Folder name.
    pub slug: String,
    /// `Vocabulary: Label`.
    pub category: String,
}

/// What an aggregated entry says of the feed it was taken from (RFC 4287 section 4.2.11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenFrom {
    /// The feed's id, else its URL.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its address.
    pub self_url: String,
    /// Its site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternate_url: Option<String>,
    /// Its last change when the entry was taken.
    pub updated: DateTime<Utc>,
    /// Its rights notice as plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rights: Option<String>,
    /// Address of its licence (RFC 4946).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
}
