//! Writes JSON Feed 1.1.

use std::borrow::Cow;

use serde::Serialize;

use super::document::gate::{blank, iri, rfc3339, text, untagged, web_url};
use super::document::{FeedDocument, FeedItem, FeedSource, Related};
use crate::rights::Promotion;

/// The feed as UTF-8; the same document always gives the same bytes.
#[must_use]
pub fn write(document: &FeedDocument) -> Vec<u8> {
    let items: Vec<String> = document.items.iter().map(|item| entry(item, document.item_language(item))).collect();
    bind(document, &items.iter().map(String::as_str).collect::<Vec<_>>())
}

/// What stands between two items.
pub(super) const BETWEEN: &str = ",\n    ";

/// A feed of items that are written already, whatever items the document has.
pub(super) fn bind(document: &FeedDocument, items: &[&str]) -> Vec<u8> {
    let head = Feed {
        version: "https://jsonfeed.org/version/1.1",
        title: untagged(&document.title),
        home_page_url: iri(&document.page_url),
        feed_url: iri(&document.urls.json),
        next_url: document.prev.as_ref().map(|urls| iri(&urls.json)),
        description: document.subtitle.as_deref().filter(|subtitle| !blank(subtitle)).map(untagged),
        language: document.language(),
        hubs: document.hubs().map(|url| Hub { kind: "WebSub", url }).collect(),
    };
    // These types always serialise. Were it not so, the feed would be empty, which the publisher's reading it back refuses.
    let head = serde_json::to_string_pretty(&head).unwrap_or_default();
    let mut out = String::with_capacity(head.len() + 32 + items.iter().map(|item| item.len() + 6).sum::<usize>());
    out.push_str(head.strip_suffix("\n}").unwrap_or_default());
    out.push_str(",\n  \"items\": [");
    for (place, item) in items.iter().enumerate() {
        out.push_str(if place == 0 { "\n    " } else { BETWEEN });
        out.push_str(item);
    }
    out.push_str(if items.is_empty() { "]\n}\n" } else { "\n  ]\n}\n" });
    out.into_bytes()
}

/// An item as it stands in the feed; `language` where it is not the feed's.
pub(super) fn entry(item: &FeedItem, language: Option<&str>) -> String {
    // A line's end within a text is written as an escape: those that there are stand between members.
    serde_json::to_string_pretty(&object(item, language)).unwrap_or_default().replace('\n', "\n    ")
}

fn object<'a>(item: &'a FeedItem, language: Option<&'a str>) -> Item<'a> {
    let mut authors: Vec<Author<'_>> = item.names().map(|name| Author { name, url: None }).collect();
    if authors.is_empty() {
        authors.push(Author { name: item.source.name(), url: item.source.alternate_url.as_deref().and_then(web_url) });
    }
    Item {
        id: iri(&item.id),
        url: web_url(&item.url),
        title: untag(item.headline()),
        content_html: text(&item.summary_html),
        summary: (!blank(&item.summary_text)).then(|| untagged(&item.summary_text)),
        image: item.image.as_deref().and_then(web_url),
        date_published: rfc3339(item.published),
        date_modified: rfc3339(item.updated),
        authors,
        tags: item.categories.iter().map(|category| text(&category.term)).collect(),
        language,
        attachments: item
            .files()
            .map(|(url, mime_type, length_bytes)| Attachment { url, mime_type, size_in_bytes: (length_bytes > 0).then_some(length_bytes) })
            .collect(),
        extension: Extension {
            source: source(&item.source),
            rights: item.any_rights().map(text),
            licence: item.licence(),
            attribution: item.attribution.as_deref().filter(|line| !blank(line)).map(text),
            promotion: item.promotion.map(Promotion::word),
            reservation: item.reservation.as_ref().map(|reservation| Reserved {
                rsl: item.terms(),
                tdm_reservation: reservation.mining.then_some(1),
                tdm_policy: item.mining().flatten(),
                robots: reservation.directives().collect(),
            }),
            related: item.related.iter().filter_map(related).collect(),
        },
    }
}

fn source(source: &FeedSource) -> Source<'_> {
    Source {
        id: iri(&source.id),
        title: source.name(),
        url: source.alternate_url.as_deref().and_then(web_url),
        feed_url: web_url(&source.self_url),
    }
}

fn related(other: &Related) -> Option<Other<'_>> {
    Some(Other { url: web_url(&other.url)?, title: text(&other.title), source: text(&other.source) })
}

fn untag(raw: Cow<'_, str>) -> Cow<'_, str> {
    match raw {
        Cow::Borrowed(raw) => untagged(raw),
        Cow::Owned(raw) => Cow::Owned(untagged(&raw).into_owned()),
    }
}

/// Without its items. Members stand in the order of the specification, https://www.jsonfeed.org/version/1.1/
#[derive(Serialize)]
struct Feed<'a> {
    version: &'static str,
    title: Cow<'a, str>,
    home_page_url: Cow<'a, str>,
    feed_url: Cow<'a, str>,
    /// The document before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_url: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hubs: Vec<Hub<'a>>,
}

#[derive(Serialize)]
struct Hub<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    url: Cow<'a, str>,
}

#[derive(Serialize)]
struct Item<'a> {
    id: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<Cow<'a, str>>,
    title: Cow<'a, str>,
    content_html: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Cow<'a, str>>,
    date_published: String,
    date_modified: String,
    authors: Vec<Author<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment<'a>>,
    #[serde(rename = "_topicwire")]
    extension: Extension<'a>,
}

#[derive(Serialize)]
struct Author<'a> {
    name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct Attachment<'a> {
    url: Cow<'a, str>,
    mime_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_in_bytes: Option<u64>,
}

/// What JSON Feed has no member for: where the item was taken from and whose it is.
#[derive(Serialize)]
struct Extension<'a> {
    source: Source<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rights: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    licence: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attribution: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    promotion: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reservation: Option<Reserved<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<Other<'a>>,
}

/// What is reserved of the item, by the names that its declarations have elsewhere.
#[derive(Serialize)]
struct Reserved<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    rsl: Option<Cow<'a, str>>,
    #[serde(rename = "tdm-reservation", skip_serializing_if = "Option::is_none")]
    tdm_reservation: Option<u8>,
    #[serde(rename = "tdm-policy", skip_serializing_if = "Option::is_none")]
    tdm_policy: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    robots: Vec<&'static str>,
}

/// Another article of the item's story.
#[derive(Serialize)]
struct Other<'a> {
    url: Cow<'a, str>,
    title: Cow<'a, str>,
    source: Cow<'a, str>,
}

#[derive(Serialize)]
struct Source<'a> {
    id: Cow<'a, str>,
    title: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    feed_url: Option<Cow<'a, str>>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::document::samples::{archive, bare, declared, document, item};
    use super::*;

    #[test]
    fn an_item_keeps_its_particulars() {
        let feed: Value = serde_json::from_slice(&write(&document(vec![item(1)]))).unwrap();
        assert_eq!(
            feed["items"][0],
            json!({
                "id": "urn:uuid:00000000-0000-5000-8000-000000000001",
                "url": "https://news.example/story?number=1&page=1",
                "title": "Hospitals share what they learn, part 1",
                "content_html": "<p>Three hospitals &amp; one question: <em>who</em> reads the record?</p>",
                "summary": "Three hospitals & one question: who reads the record?",
                "image": "https://news.example/a.jpg?w=1&h=2",
                "date_published": "2026-11-18T09:30:00Z",
                "date_modified": "2026-11-18T09:30:00Z",
                "authors": [{"name": "Ada Writer"}, {"name": "Bo Reporter"}],
                "tags": ["Health: Digital Health", "Health: Community Health"],
                "language": "en-GB",
                "attachments": [
                    {"url": "https://news.example/a.mp3?x=1&y=2", "mime_type": "audio/mpeg", "size_in_bytes": 1234},
                    {"url": "https://news.example/a.jpg?w=1&h=2", "mime_type": "image/jpeg"}
                ],
                "_topicwire": {
                    "source": {
                        "id": "https://news.example/feed",
                        "title": "Example News",
                        "url": "https://news.example/",
                        "feed_url": "https://news.example/feed?a=1&b=2"
                    },
                    "rights": "CC BY 4.0",
                    "licence": "https://creativecommons.org/licenses/by/4.0/"
                }
            })
        );
    }

    #[test]
    fn what_is_unknown_is_absent() {
        let feed: Value = serde_json::from_slice(&write(&document(vec![bare()]))).unwrap();
        let members: Vec<&String> = feed["items"][0].as_object().unwrap().keys().collect();
        assert_eq!(members, ["id", "url", "title", "content_html", "date_published", "date_modified", "authors", "_topicwire"]);
        assert_eq!(feed["items"][0]["authors"], json!([{"name": "Example News"}]));
    }

    #[test]
    fn an_archive_leads_to_the_one_before() {
        let feed: Value = serde_json::from_slice(&write(&archive(Vec::new()))).unwrap();
        let folder = "https://planet.example/topic/health-digital-health/archive";
        assert_eq!(
            (&feed["feed_url"], &feed["next_url"]),
            (&json!(format!("{folder}/2026-10.json")), &json!(format!("{folder}/2026-09-2.json")))
        );
    }

    #[test]
    fn what_is_declared_is_passed_on() {
        let feed: Value = serde_json::from_slice(&write(&document(vec![declared()]))).unwrap();
        let extension = &feed["items"][0]["_topicwire"];
        let reserved = json!({
            "rsl": "https://news.example/l.xml?a=1&b=2",
            "tdm-reservation": 1,
            "tdm-policy": "https://news.example/p.json",
            "robots": ["noai"]
        });
        assert_eq!((&extension["reservation"], &extension["promotion"]), (&reserved, &json!("press-release")));
        assert_eq!(extension["attribution"], "“Part 1” by Ada Writer, Example News, CC BY 4.0");
    }
}
