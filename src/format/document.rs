//! What every feed writer is given: one topic's feed as plain values, ready to publish.
//!
//! All text here is sanitised and free of characters that XML 1.0 forbids; all URLs are absolute. The writers check once more on
//! their way out, through `gate`: one value that slipped through would make a whole feed unreadable.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};

pub(crate) mod gate;
#[cfg(test)]
pub(crate) mod samples;

use crate::rights::{Promotion, Reservation};
use crate::syntax::{is_language_tag, is_media_type};
use gate::{blank, image_type, text, web_url};
use quick_xml::escape::partial_escape;

/// A topic's Atom feed, in the topic's folder.
pub const ATOM_FILE: &str = "feed.atom";
/// A topic's RSS feed, in the topic's folder.
pub const RSS_FILE: &str = "feed.rss";
/// A topic's JSON Feed, in the topic's folder.
pub const JSON_FILE: &str = "feed.json";
/// A page, in its folder.
pub const PAGE_FILE: &str = "index.html";
/// The list of all topics' feeds, in the site's root.
pub const OPML_FILE: &str = "opml.xml";
/// The stylesheet of all pages, in the site's root.
pub const STYLE_FILE: &str = "style.css";
/// The site's icon, in the site's root, where browsers look for it.
pub const ICON_FILE: &str = "favicon.ico";
/// The stylesheet that shows a feed in a browser, in the site's root.
pub const FEED_STYLE_FILE: &str = "feed.css";
/// The list of pages for search engines, in the site's root.
pub const SITEMAP_FILE: &str = "sitemap.xml";
/// What the site says of itself, in the site's root.
pub const ABOUT_FILE: &str = "about.html";
/// Feeds' folders that moved or are gone, for the web server, in the site's root: `{"topic/old/": "topic/new/", "topic/gone/": null}`.
pub const MOVED_FILE: &str = "_moved.json";
/// A feed's archive documents, in the feed's folder.
pub const ARCHIVE_FOLDER: &str = "archive";
/// The program's name and home, as feeds and pages tell them.
pub(crate) const GENERATOR: (&str, &str) = ("Topicwire", env!("CARGO_PKG_REPOSITORY"));
/// The scheme of categories that say what promotion an entry is.
pub(crate) const PROMOTION: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "#promotion");
/// The scheme of categories that are directives for robots.
pub(crate) const ROBOTS: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "#robots");
/// The namespace of TDMRep.
pub(crate) const TDM: &str = "http://www.w3.org/ns/tdmrep/";
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
    /// The feed's page.
    pub page_url: String,
    /// Where this document is published.
    pub urls: Urls,
    /// The stylesheet that shows it in a browser.
    pub style_url: String,
    /// The archive document before it, if there is one (RFC 5005 section 4).
    pub prev: Option<Urls>,
    /// The archive document after it: only for an archive document, whose successor's name is known before it is published.
    pub next: Option<Urls>,
    /// The feed's current document, if this is an archive document.
    pub current: Option<Urls>,
    /// Hubs that push the feed's changes (WebSub). Archive documents never change and have none.
    pub hub_urls: Vec<String>,
    /// Language (BCP 47).
    pub language: String,
    /// The newest change of any item; the store's creation when there is none.
    pub updated: DateTime<Utc>,
    /// Newest first.
    pub items: Vec<Arc<FeedItem>>,
    /// Entries that were withdrawn from it (RFC 6721).
    pub deleted: Vec<DeletedEntry>,
}

/// The addresses of one document in its three forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Urls {
    /// Where the Atom form is published.
    pub atom: String,
    /// Where the RSS form is published.
    pub rss: String,
    /// Where the JSON form is published.
    pub json: String,
}

/// An entry that was withdrawn (RFC 6721).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedEntry {
    /// The id that it was published under.
    pub id: String,
    /// When.
    pub when: DateTime<Utc>,
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
    /// Address of its licence (RFC 4946).
    pub licence: Option<String>,
    /// Whose it is, plain text, where its licence or its source's asks for that; the excerpt says it too.
    pub attribution: Option<String>,
    /// What its publisher reserves of it where programs read.
    pub reservation: Option<Reservation>,
    /// What its publisher declares it to be.
    pub promotion: Option<Promotion>,
    /// The feed it was taken from.
    pub source: FeedSource,
    /// Other articles of the same story.
    pub related: Vec<Related>,
}

/// Another article of an item's story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// Where it is.
    pub url: String,
    /// Its title.
    pub title: String,
    /// The name of the source that it was taken from.
    pub source: String,
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

/// A source or a section on the site's pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedLine {
    /// Its folder below the site's root, with a slash at its end.
    pub folder: String,
    /// Its title.
    pub title: String,
    /// Its own site.
    pub site_url: Option<String>,
    /// Entries in its feed, archives included.
    pub records: u64,
}

/// A page of a feed's archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveLine {
    /// Its name: `2026-11`, and `2026-11-2` for the second of a month.
    pub name: String,
    /// Entries in it.
    pub records: u64,
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

impl Urls {
    /// The document of this name (without its ending) in a folder whose address ends with a slash.
    #[must_use]
    pub fn of(folder_url: &str, name: &str) -> Self {
        let url = |ending: &str| format!("{folder_url}{name}.{ending}");
        Self { atom: url("atom"), rss: url("rss"), json: url("json") }
    }
}

impl FeedDocument {
    /// The hubs' addresses.
    pub(crate) fn hubs(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.hub_urls.iter().filter_map(|url| web_url(url))
    }

    /// The instruction that has a browser show the document by its stylesheet, for the form at `own_url`.
    pub(crate) fn style_instruction(&self, own_url: &str) -> String {
        let href = super::html::relative(own_url, &self.style_url).into_owned();
        format!("<?xml-stylesheet type=\"text/css\" href=\"{}\"?>\n", quick_xml::escape::escape(gate::iri(&href)))
    }

    /// The feed's language, if it is one that the formats can carry.
    pub(crate) fn language(&self) -> Option<&str> {
        Some(&*self.language).filter(|tag| is_language_tag(tag))
    }

    /// The item's language where it differs from the feed's.
    pub(crate) fn item_language<'a>(&self, item: &'a FeedItem) -> Option<&'a str> {
        item.language.as_deref().filter(|tag| is_language_tag(tag) && !tag.eq_ignore_ascii_case(&self.language))
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

    /// The files that every format can carry, with media types and lengths in bytes (0 if unknown): the enclosures, and last the
    /// picture, if it is not among them and its name tells its type.
    pub(crate) fn files(&self) -> impl Iterator<Item = (Cow<'_, str>, &str, u64)> {
        let enclosures = self.enclosures.iter().filter(|file| is_media_type(&file.media_type));
        let picture = self.picture().filter(|_| !self.enclosures.iter().any(|file| self.image.as_ref() == Some(&file.url)));
        let picture = picture.and_then(|url| Some((image_type(&url)?, url)));
        enclosures
            .filter_map(|file| Some((web_url(&file.url)?, file.media_type.as_str(), file.length_bytes)))
            .chain(picture.map(|(media_type, url)| (url, media_type, 0)))
    }

    /// The picture's address.
    pub(crate) fn picture(&self) -> Option<Cow<'_, str>> {
        self.image.as_deref().and_then(web_url)
    }

    /// Where its licence is.
    pub(crate) fn licence(&self) -> Option<Cow<'_, str>> {
        self.licence.as_deref().and_then(web_url)
    }

    /// What is reserved of it, as feeds can say it: where its terms for programs are.
    pub(crate) fn terms(&self) -> Option<Cow<'_, str>> {
        self.reservation.as_ref()?.rsl.as_deref().and_then(web_url)
    }

    /// Whether mining is reserved, and where the policy on it is (TDMRep).
    pub(crate) fn mining(&self) -> Option<Option<Cow<'_, str>>> {
        let reservation = self.reservation.as_ref().filter(|reservation| reservation.mining)?;
        Some(reservation.policy.as_deref().and_then(web_url))
    }

    /// What its publisher declares, as categories: scheme, term, label.
    pub(crate) fn declared(&self) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        let promotion = self.promotion.map(|promotion| (PROMOTION, promotion.word(), promotion.label()));
        let directives = self.reservation.as_ref().into_iter().flat_map(Reservation::directives);
        promotion.into_iter().chain(directives.map(|directive| (ROBOTS, directive, directive)))
    }

    /// The excerpt as HTML where that says more than the plain text.
    pub(crate) fn rich(&self) -> Option<Cow<'_, str>> {
        let inner = self.summary_html.strip_prefix("<p>").and_then(|html| html.strip_suffix("</p>"));
        let is_plain = inner.is_some_and(|html| html == self.summary_text || html == partial_escape(self.summary_text.as_str()));
        let says_more = !is_plain || blank(&self.summary_text);
        (says_more && !blank(&self.summary_html)).then(|| text(&self.summary_html))
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

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::samples::{
        any_items, any_text, archive, as_xml_reads, at, bare, declared, document, hostile, item, topics, wild_items, xml_fault,
    };
    use super::*;
    use crate::format::{atom, json_feed, opml, rss};
    use crate::shared;

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
    }

    #[test]
    fn same_document_same_bytes() {
        let document = document(hostile());
        let write = || [atom::write(&document), rss::write(&document), json_feed::write(&document)];
        assert_eq!(write(), write());
    }

    /// Also leaves the samples in `target/feeds` to be looked at.
    #[test]
    fn an_independent_validator_finds_nothing() {
        let mut files = Vec::new();
        let documents = [
            ("plain", document((0..5).map(item).collect())),
            ("declared", document(vec![declared(), item(2)])),
            ("bare", FeedDocument { subtitle: None, ..document(vec![bare()]) }),
            ("empty", document(Vec::new())),
            ("archive", archive((0..5).map(item).collect())),
            (
                "hub",
                FeedDocument {
                    hub_urls: vec!["https://hub.example/".into()],
                    prev: Some(archive(Vec::new()).urls),
                    ..document(vec![item(1)])
                },
            ),
            ("hostile", FeedDocument { title: "<b> & ]]>".into(), subtitle: Some("<p>\u{1}".into()), ..document(hostile()) }),
        ];
        for (name, document) in &documents {
            for (kind, bytes) in [("atom", atom::write(document)), ("rss", rss::write(document)), ("json", json_feed::write(document))] {
                files.push(shared::leave(&format!("feeds/{name}.{kind}"), &bytes));
            }
        }
        let list = opml::write("Planet & <Example>", "https://planet.example/", &topics(), Some(at("2026-11-20T10:00:00Z")));
        files.push(shared::leave("feeds/opml.xml", list.as_bytes()));

        let Some(shared) = shared::folder() else { return };
        if Command::new("jing").output().is_err()
            || !Command::new("python3").args(["-c", "import lxml"]).status().is_ok_and(|s| s.success())
        {
            println!("skipped: no jing or lxml");
            return;
        }
        let validator = Command::new(shared.join("tools/validate-feed")).args(&files).output().unwrap();
        let verdict = String::from_utf8_lossy(&validator.stdout);
        assert_eq!(verdict.matches(": VALID: 0 errors, 0 warnings").count(), files.len(), "{verdict}");
    }
}
