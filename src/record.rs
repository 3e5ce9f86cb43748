//! The curated-content record: what the program makes of one article.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

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
    /// `format`: `JPEG`, `PNG`, `WEBP`, `GIF`, `SVG`, `AVIF` or `PDF`, as sniffed from the bytes.
    pub format: String,
    /// `href`: file name beside the record.
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
}
