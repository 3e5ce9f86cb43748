//! JSON Feed 1.0 and 1.1 (<https://www.jsonfeed.org/version/1.1/>), read leniently.

use super::item::is_http;
use super::markup;
use super::scope::{Scope, language};
use super::{Context, ReadError, read_date};
use crate::entry::{Category, Content, Entry, Feed, FeedKind, Link, Media, MediaContent, Person, Problem, ReadStage, Text, TextKind};
use crate::stage::text::xml_clean;
use serde_json::{Map, Value};

/// Most entries that are read of one document.
const MAX_ENTRIES: usize = 20_000;

/// Reads a document whose first character is `{` or `[`.
pub(super) fn read(text: &str, context: &Context<'_>, problems: &mut Vec<Problem>) -> Result<Feed, ReadError> {
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) if error.is_eof() => return Err(ReadError::NotComplete("the JSON breaks off".to_owned())),
        Err(error) => return Err(ReadError::NotAFeed(format!("neither XML nor JSON ({error})"))),
    };
    let Value::Object(root) = value else { return Err(ReadError::NotAFeed("a JSON document without a feed".to_owned())) };
    let versioned = root.get("version").and_then(Value::as_str).is_some_and(|version| version.contains("jsonfeed.org"));
    let Some(items) = root.get("items").and_then(Value::as_array) else {
        let what = if versioned { "a JSON Feed without items" } else { "a JSON document without items" };
        return Err(if versioned { ReadError::NoEntries(what.to_owned()) } else { ReadError::NotAFeed(what.to_owned()) });
    };
    let itemish = |item: &Value| ["id", "url", "content_html", "content_text", "title"].iter().any(|key| item.get(key).is_some());
    if !versioned && !items.iter().any(itemish) {
        return Err(ReadError::NotAFeed("a JSON document that is no JSON Feed".to_owned()));
    }
    let mut feed = Feed::empty(FeedKind::Json);
    let base = string(&root, "home_page_url").and_then(|home| url::Url::parse(&home).ok());
    let scope = Scope {
        base: context.url.or(base.as_ref()),
        texts: context.url.or(base.as_ref()),
        explicit: false,
        language: None,
        atom03: false,
        strict: false,
    };
    let link = |key: &str, rel: &str| {
        let href = string(&root, key).and_then(|href| scope.address(&href))?;
        Some(Link { href, rel: Some(rel.to_owned()), ..Link::default() })
    };
    feed.links.extend(link("home_page_url", "alternate"));
    feed.links.extend(link("feed_url", "self"));
    feed.links.extend(link("next_url", "next"));
    for hub in array(&root, "hubs").filter_map(Value::as_object) {
        let href = string(hub, "url").and_then(|href| scope.address(&href));
        feed.links.extend(href.map(|href| Link { href, rel: Some("hub".to_owned()), ..Link::default() }));
    }
    feed.id = string(&root, "feed_url").or_else(|| string(&root, "home_page_url"));
    feed.title = string(&root, "title").map(plain);
    feed.description = string(&root, "description").map(plain);
    feed.language = string(&root, "language").and_then(|tag| language(&tag)).or_else(|| context.language.and_then(language));
    feed.authors = people(&root, &scope);
    feed.logo = string(&root, "icon").and_then(|icon| scope.address(&icon));
    feed.icon = string(&root, "favicon").and_then(|icon| scope.address(&icon));
    if items.len() > MAX_ENTRIES {
        problems.push(Problem {
            entry: None,
            stage: ReadStage::Parse,
            what: format!("{} entries; the last ones were left out", items.len()),
        });
    }
    for (index, item) in items.iter().take(MAX_ENTRIES).enumerate() {
        let Some(item) = item.as_object() else {
            problems.push(Problem { entry: None, stage: ReadStage::Parse, what: format!("item {} is no object", index + 1) });
            continue;
        };
        let entry = entry(item, feed.entries.len(), &scope, context, feed.language.as_deref(), problems);
        feed.entries.push(entry);
    }
    if feed.entries.is_empty() && !items.is_empty() {
        return Err(ReadError::NoEntries("no item of the JSON Feed can be read".to_owned()));
    }
    Ok(feed)
}

fn entry(
    item: &Map<String, Value>,
    index: usize,
    outer: &Scope<'_>,
    context: &Context<'_>,
    feed_language: Option<&str>,
    problems: &mut Vec<Problem>,
) -> Entry {
    let mut entry = Entry { id: string(item, "id"), ..Entry::default() };
    let link = |key: &str, rel: &str| {
        let href = string(item, key).and_then(|href| outer.address(&href))?;
        Some(Link { href, rel: Some(rel.to_owned()), ..Link::default() })
    };
    entry.links.extend(link("url", "alternate"));
    if entry.links.is_empty() {
        // Version 1.1: an id that is an address is where the article is.
        let id = entry.id.clone().filter(|id| is_http(id));
        entry.links.extend(id.map(|href| Link { href, rel: Some("alternate".to_owned()), ..Link::default() }));
    }
    entry.links.extend(link("external_url", "related"));
    let own = entry.links.first().and_then(|link| url::Url::parse(&link.href).ok());
    let scope = Scope { texts: own.as_ref().or(outer.base), ..*outer };
    entry.base = scope.texts.map(|url| url.as_str().to_owned());
    entry.title = string(item, "title").map(plain);
    entry.summary = string(item, "summary").map(plain);
    entry.content = string(item, "content_html").map(|mut html| {
        scope.absolute(&mut html);
        Content { value: Some(html), media_type: "text/html".to_owned(), src: None }
    });
    if entry.content.is_none() {
        entry.content =
            string(item, "content_text").map(|text| Content { value: Some(text), media_type: "text/plain".to_owned(), src: None });
    }
    entry.language = string(item, "language").and_then(|tag| language(&tag)).or_else(|| feed_language.map(str::to_owned));
    entry.authors = people(item, &scope);
    entry.categories = array(item, "tags").filter_map(scalar).map(|term| Category { term, ..Category::default() }).collect();
    let mut date = |key: &str| {
        let Some(raw) = string(item, key) else { return (None, None) };
        let read = read_date(&raw, context.time_zone, context.language);
        if read.is_none() {
            let shown: String = raw.chars().take(80).collect();
            problems.push(Problem { entry: Some(index), stage: ReadStage::Date, what: format!("cannot read the date {shown:?}") });
        }
        (read, Some(raw))
    };
    (entry.published, entry.published_raw) = date("date_published");
    (entry.updated, entry.updated_raw) = date("date_modified");
    for attachment in array(item, "attachments").filter_map(Value::as_object) {
        let Some(href) = string(attachment, "url").and_then(|href| scope.address(&href)) else { continue };
        let media_type = string(attachment, "mime_type");
        let size_bytes = attachment.get("size_in_bytes").and_then(whole);
        let title = string(attachment, "title");
        entry.links.push(Link {
            href: href.clone(),
            rel: Some("enclosure".to_owned()),
            media_type: media_type.clone(),
            length_bytes: size_bytes,
            title: title.clone(),
            ..Link::default()
        });
        entry.media.push(Media {
            title: title.map(plain),
            contents: vec![MediaContent { url: Some(href), media_type, size_bytes }],
            duration_s: attachment.get("duration_in_seconds").and_then(whole),
            ..Media::default()
        });
    }
    let pictures: Vec<String> =
        ["image", "banner_image"].iter().filter_map(|key| string(item, key).and_then(|href| scope.address(&href))).collect();
    if !pictures.is_empty() {
        match entry.media.first_mut() {
            Some(first) => first.thumbnails = pictures,
            None => entry.media.push(Media { thumbnails: pictures, ..Media::default() }),
        }
    }
    entry
}

fn plain(value: String) -> Text {
    // JSON Feed's texts are plain by definition, but publishers pass on their HTML titles.
    let kind = if markup::is_html(&value) { TextKind::Html } else { TextKind::Plain };
    Text { value, kind }
}

fn scalar(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then(|| xml_clean(&text).into_owned())
}

fn string(object: &Map<String, Value>, key: &str) -> Option<String> {
    object.get(key).and_then(scalar)
}

fn array<'v>(object: &'v Map<String, Value>, key: &str) -> impl Iterator<Item = &'v Value> {
    object.get(key).and_then(Value::as_array).into_iter().flatten().take(200)
}

fn whole(value: &Value) -> Option<u64> {
    value
        .as_u64()
        .or_else(|| value.as_f64().filter(|n| n.is_finite() && *n >= 0.0 && *n < 1e15).map(|n| n as u64))
        .or_else(|| value.as_str()?.parse().ok())
}

/// `authors` (1.1) or `author` (1.0); a bare string is a name.
fn people(object: &Map<String, Value>, scope: &Scope<'_>) -> Vec<Person> {
    let mut people = Vec::new();
    let one = object.get("author").into_iter().filter(|_| object.get("authors").and_then(Value::as_array).is_none_or(Vec::is_empty));
    for author in array(object, "authors").chain(one) {
        let person = match author {
            Value::Object(author) => {
                Person { name: string(author, "name"), uri: string(author, "url").and_then(|uri| scope.address(&uri)), ..Person::default() }
            }
            other => Person { name: scalar(other), ..Person::default() },
        };
        super::item::push(&mut people, Some(person).filter(|person| *person != Person::default()));
    }
    people
}
