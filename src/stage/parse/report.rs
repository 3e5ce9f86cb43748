//! What was read, as one JSON object (the shape of `topicwire parse --jsonl`).

use super::ReadError;
use crate::entry::Feed;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

/// The report on one document. Dates are RFC 3339 in UTC, what is not there is `null`.
///
/// `file` is the name to report it under, as given.
#[must_use]
pub fn to_jsonl(file: &str, outcome: &Result<Feed, ReadError>) -> Value {
    let mut report = Map::new();
    report.insert("file".to_owned(), json!(file));
    report.insert("ok".to_owned(), json!(outcome.is_ok()));
    match outcome {
        Err(error) => {
            report.insert("err_class".to_owned(), json!(error.class()));
            report.insert("err".to_owned(), json!(error.to_string()));
        }
        Ok(feed) => describe(feed, &mut report),
    }
    Value::Object(report)
}

fn date(date: Option<DateTime<Utc>>) -> Value {
    date.map_or(Value::Null, |date| json!(date.to_rfc3339_opts(SecondsFormat::AutoSi, true)))
}

fn describe(feed: &Feed, report: &mut Map<String, Value>) {
    let fields = [
        ("kind", json!(feed.kind)),
        ("id", json!(feed.id)),
        ("title", json!(feed.title)),
        ("description", json!(feed.description)),
        ("updated", date(feed.updated)),
        ("published", date(feed.published)),
        ("language", json!(feed.language)),
        ("links", json!(feed.links)),
        ("authors", json!(feed.authors)),
        ("contributors", json!(feed.contributors)),
        ("categories", json!(feed.categories)),
        ("generator", json!(feed.generator)),
        ("rights", json!(feed.rights)),
        ("logo", json!(feed.logo)),
        ("icon", json!(feed.icon)),
        ("entries", feed.entries.iter().map(entry).collect()),
        ("problems", json!(feed.problems)),
    ];
    report.extend(fields.map(|(key, value)| (key.to_owned(), value)));
}

fn entry(entry: &crate::entry::Entry) -> Value {
    let source = entry
        .source
        .as_ref()
        .map(|source| json!({ "id": source.id, "title": source.title, "url": source.url, "updated": date(source.updated) }));
    json!({
        "id": entry.id,
        "title": entry.title,
        "links": entry.links,
        "published": date(entry.published),
        "updated": date(entry.updated),
        "authors": entry.authors,
        "contributors": entry.contributors,
        "categories": entry.categories,
        "summary": entry.summary,
        "content": entry.content,
        "rights": entry.rights,
        "language": entry.language,
        "source": source,
        "media": entry.media,
    })
}
