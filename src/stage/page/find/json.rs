//! Articles in JSON, under the names that schema.org and the usual content systems give their fields.

use serde_json::{Map, Value};

use super::Fields;

const TITLES: [&str; 6] = ["headline", "title", "name", "heading", "headLine", "shortTitle"];
const LINKS: [&str; 12] =
    ["url", "link", "href", "permalink", "canonicalUrl", "canonical_url", "webUrl", "fullUrl", "path", "uri", "pagePath", "route"];
const SLUGS: [&str; 3] = ["slug", "urlSlug", "handle"];
const DATES: [&str; 24] = [
    "datePublished",
    "publishedAt",
    "published_at",
    "publishDate",
    "publish_date",
    "publicationDate",
    "publication_date",
    "publishedDate",
    "published_date",
    "published",
    "pubDate",
    "date",
    "date_gmt",
    "datetime",
    "firstPublishedAt",
    "first_published_at",
    "publishedOn",
    "postedAt",
    "displayDate",
    "releaseDate",
    "dateCreated",
    "createdAt",
    "created_at",
    "created",
];
const CHANGES: [&str; 5] = ["dateModified", "updatedAt", "updated_at", "modified", "modified_gmt"];
const SUMMARIES: [&str; 13] = [
    "description",
    "excerpt",
    "summary",
    "abstract",
    "teaser",
    "intro",
    "lead",
    "standfirst",
    "dek",
    "subtitle",
    "custom_excerpt",
    "preamble",
    "ingress",
];
const IMAGES: [&str; 8] = ["image", "thumbnailUrl", "thumbnail", "feature_image", "featuredImage", "heroImage", "cover", "mainImage"];
const AUTHORS: [&str; 4] = ["author", "authors", "creator", "primary_author"];
const TAGS: [&str; 8] = ["articleSection", "keywords", "category", "categories", "tags", "topics", "primary_tag", "contentType"];

/// What an object says of an article; without a link where it has none.
pub(super) fn fields(object: &Map<String, Value>) -> Fields {
    let first = |names: &[&str]| names.iter().find_map(|name| object.get(*name).and_then(text));
    let link = LINKS.iter().find_map(|name| object.get(*name).and_then(link)).or_else(|| {
        let main = object.get("mainEntityOfPage").and_then(link);
        main.or_else(|| object.get("@id").and_then(link).filter(|id| !id.starts_with('#')))
    });
    Fields {
        link,
        slug: SLUGS.iter().find_map(|name| object.get(*name).and_then(slug)),
        title: first(&TITLES),
        summary: first(&SUMMARIES),
        published: DATES.iter().find_map(|name| object.get(*name).and_then(moment)),
        updated: CHANGES.iter().find_map(|name| object.get(*name).and_then(moment)),
        image: IMAGES.iter().find_map(|name| object.get(*name).and_then(image)),
        authors: AUTHORS.iter().find_map(|name| object.get(*name).map(names)).unwrap_or_default(),
        tags: tags(object),
    }
}

/// A text, also as WordPress' `{"rendered": …}` and JSON-LD's `{"@value": …}`, and the first of several.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Object(object) => {
            ["rendered", "@value", "text", "value"].iter().find_map(|name| object.get(*name)?.as_str()).map(str::to_owned)
        }
        Value::Array(values) => values.first().filter(|value| !value.is_array()).and_then(text),
        _ => None,
    }
}

/// A link, also as an object with an `@id`, a `url` or an `href`.
fn link(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty() && !text.contains(char::is_whitespace)),
        Value::Object(object) => {
            ["@id", "url", "href", "path"].iter().find_map(|name| object.get(*name)?.as_str()).map(|text| text.trim().to_owned())
        }
        Value::Array(values) => values.iter().find_map(|value| value.as_str()).map(|text| text.trim().to_owned()),
        _ => None,
    }
}

/// A slug, also as Sanity's `{"current": …}`.
fn slug(value: &Value) -> Option<String> {
    let text = value.as_str().or_else(|| value.get("current")?.as_str())?;
    Some(text.trim_matches('/').to_owned()).filter(|text| !text.is_empty() && !text.contains(char::is_whitespace))
}

/// A date as text; a number is seconds or milliseconds since 1970.
fn moment(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => number.as_i64().filter(|number| *number > 100_000_000).map(|number| number.to_string()),
        other => text(other),
    }
}

fn image(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Object(object) => {
            ["url", "src", "contentUrl", "@id", "href"].iter().find_map(|name| object.get(*name)?.as_str()).map(str::to_owned)
        }
        Value::Array(values) => values.first().filter(|value| !value.is_array()).and_then(image),
        _ => None,
    }
}

/// Names of people or things: texts, objects with a `name`, or lists of these.
fn names(value: &Value) -> Vec<String> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(object) => ["name", "title", "label"].iter().find_map(|name| object.get(*name)?.as_str()).map(str::to_owned),
        _ => None,
    };
    match value {
        Value::Array(values) => values.iter().take(12).filter_map(one).collect(),
        other => one(other).into_iter().collect(),
    }
}

fn tags(object: &Map<String, Value>) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for name in TAGS {
        for tag in object.get(name).map(names).unwrap_or_default() {
            // `keywords` is one text of many.
            let parts = if name == "keywords" { tag.split(',').map(str::trim).map(str::to_owned).collect() } else { vec![tag] };
            for part in parts {
                if !part.is_empty() && part.len() <= 100 && tags.len() < 12 && !tags.contains(&part) {
                    tags.push(part);
                }
            }
        }
    }
    tags
}
