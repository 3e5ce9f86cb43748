//! What JSON-LD says of an article (schema.org).

use serde_json::Value;

use crate::entry::{Text, TextKind};
use crate::stage::text;

/// Objects looked at; a page has one article among a few.
const OBJECTS_MAX: usize = 500;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Linked {
    /// Whether there is an article in it.
    pub(super) is_article: bool,
    pub(super) description: Option<String>,
    pub(super) published: Option<String>,
    pub(super) modified: Option<String>,
    pub(super) authors: Vec<String>,
    pub(super) images: Vec<String>,
    pub(super) language: Option<String>,
}

/// Reads the first article in these blocks. A block that is not JSON is passed over.
pub(super) fn read(blocks: &[String]) -> Linked {
    let values: Vec<Value> = blocks.iter().filter_map(|block| serde_json::from_str(block).ok()).collect();
    let mut left = OBJECTS_MAX;
    values.iter().find_map(|value| article(value, &mut left)).map(linked).unwrap_or_default()
}

/// The first object of an article's type. Depth is bounded by what the JSON reader takes.
fn article<'v>(value: &'v Value, left: &mut usize) -> Option<&'v Value> {
    match value {
        Value::Array(items) => items.iter().find_map(|item| article(item, left)),
        Value::Object(fields) => {
            *left = left.checked_sub(1)?;
            let kinds = match fields.get("@type") {
                Some(Value::Array(kinds)) => kinds.as_slice(),
                Some(kind) => std::slice::from_ref(kind),
                None => &[],
            };
            let is_article =
                |kind: &Value| kind.as_str().is_some_and(|kind| kind.ends_with("Article") || matches!(kind, "BlogPosting" | "Report"));
            if kinds.iter().any(is_article) {
                return Some(value);
            }
            ["@graph", "mainEntity"].iter().find_map(|key| article(fields.get(*key)?, left))
        }
        _ => None,
    }
}

fn linked(article: &Value) -> Linked {
    let text = |key: &str| article.get(key).and_then(Value::as_str).map(plain).filter(|value| !value.is_empty());
    Linked {
        is_article: true,
        description: text("description"),
        published: text("datePublished"),
        modified: text("dateModified"),
        authors: names(article.get("author"), "name"),
        images: names(article.get("image").or_else(|| article.get("thumbnailUrl")), "url"),
        language: text("inLanguage"),
    }
}

/// Texts of a value that is a text, an object with one under `key`, or a list of such.
fn names(value: Option<&Value>, key: &str) -> Vec<String> {
    let one = |value: &Value| value.as_str().or_else(|| value.get(key)?.as_str()).map(plain);
    let items = match value {
        Some(Value::Array(items)) => items.as_slice(),
        Some(value) => std::slice::from_ref(value),
        None => &[],
    };
    items.iter().take(20).filter_map(one).filter(|name| !name.is_empty()).collect()
}

fn plain(value: &str) -> String {
    text::plain_with_limit(&Text { value: value.to_owned(), kind: TextKind::Html }, 2_000)
}
