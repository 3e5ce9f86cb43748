//! Articles in JSON-LD (schema.org in `<script type="application/ld+json">`).

use serde_json::{Map, Value};

use super::script::Script;
use super::{Fields, json, lenient, region};
use crate::stage::text::resolve_entities;

/// Deepest nesting that is followed, and most articles taken.
const DEPTH_MAX: usize = 24;
const ARTICLES_MAX: usize = 2_000;

/// Properties that lead from a page or a list to its articles. Those that lead to other pages, such as `mentions` and `relatedLink`,
/// are not among them.
const LEADS: [&str; 12] = [
    "@graph",
    "mainEntity",
    "mainEntityOfPage",
    "itemListElement",
    "item",
    "blogPost",
    "blogPosts",
    "hasPart",
    "dataFeedElement",
    "@list",
    "@included",
    "about",
];

/// The articles that a page's JSON-LD lists, in its order.
pub(super) fn articles(scripts: &[Script<'_>]) -> Vec<Fields> {
    let mut articles = Vec::new();
    for script in scripts.iter().filter(|script| script.media_type.starts_with("application/ld+json")) {
        let escaped = script.text.trim_start().starts_with("{&quot;") || script.text.trim_start().starts_with("[{&quot;");
        let value = if escaped { lenient::read(&resolve_entities(script.text)) } else { lenient::read(script.text) };
        if let Some(value) = value {
            walk(&value, false, 0, &mut articles);
        }
    }
    articles
}

fn walk(value: &Value, listed: bool, depth: usize, out: &mut Vec<Fields>) {
    if depth > DEPTH_MAX || out.len() >= ARTICLES_MAX {
        return;
    }
    match value {
        Value::Array(values) => values.iter().for_each(|value| walk(value, listed, depth + 1, out)),
        Value::Object(object) => {
            let kinds = types(object);
            let is = |wanted: &dyn Fn(&str) -> bool| kinds.iter().any(|kind| wanted(kind));
            if is(&|kind| {
                matches!(kind, "BreadcrumbList" | "SiteNavigationElement" | "WPFooter" | "WPHeader" | "WPSideBar" | "FAQPage" | "HowTo")
            }) {
                return;
            }
            let named = object.get("name").and_then(Value::as_str).unwrap_or_default().to_lowercase();
            let is_list = is(&|kind| matches!(kind, "ItemList" | "OfferCatalog" | "Collection"));
            if is_list && region::is_beside(&named) {
                return;
            }
            if is(&is_article) || (listed && is(&is_work)) {
                out.push(json::fields(object));
                return;
            }
            let in_item = object.get("item").is_some_and(Value::is_object);
            if is(&|kind| kind == "ListItem") && listed && !in_item {
                let mut fields = json::fields(object);
                if fields.link.is_none() {
                    fields.link = object.get("item").and_then(Value::as_str).map(str::to_owned);
                }
                out.push(fields);
                return;
            }
            let listed = listed || is_list;
            for name in LEADS {
                if let Some(inner) = object.get(name).filter(|inner| inner.is_array() || inner.is_object()) {
                    walk(inner, listed, depth + 1, out);
                }
            }
        }
        _ => {}
    }
}

/// An object's types without the vocabulary's address.
fn types(object: &Map<String, Value>) -> Vec<&str> {
    let values = match object.get("@type") {
        Some(Value::Array(values)) => values.as_slice(),
        Some(value) => std::slice::from_ref(value),
        None => &[],
    };
    values.iter().filter_map(Value::as_str).map(bare).collect()
}

/// A type's name without the address or prefix of its vocabulary.
pub(super) fn bare(kind: &str) -> &str {
    kind.rsplit(['/', '#', ':']).next().unwrap_or(kind).trim()
}

/// Whether a type of schema.org is an article's.
pub(super) fn is_article(kind: &str) -> bool {
    kind.ends_with("Article") || kind.ends_with("Posting") && kind != "JobPosting" || matches!(kind, "Report" | "PressRelease" | "NewsItem")
}

/// Whether a type is of a work that a list may hold for an article.
fn is_work(kind: &str) -> bool {
    matches!(kind, "CreativeWork" | "WebPage" | "WebContent" | "VideoObject" | "PodcastEpisode" | "Review" | "DigitalDocument")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Vec<(String, String)> {
        let script = Script { media_type: "application/ld+json".into(), id: String::new(), text };
        articles(&[script]).into_iter().map(|fields| (fields.link.unwrap_or_default(), fields.title.unwrap_or_default())).collect()
    }

    #[test]
    fn articles_are_found_wherever_lists_are_put() {
        let pair = |link: &str, title: &str| (link.to_owned(), title.to_owned());
        for (text, wanted) in [
            (r#"{"@type":"NewsArticle","url":"/a","headline":"A"}"#, vec![pair("/a", "A")]),
            (r#"[{"@type":["Article","https://schema.org/BlogPosting"],"@id":"/b","name":"B"}]"#, vec![pair("/b", "B")]),
            (
                r#"{"@graph":[{"@type":"CollectionPage","mainEntity":{"@type":"ItemList","itemListElement":[{"@type":"ListItem","position":1,"url":"/c"}]}}]}"#,
                vec![pair("/c", "")],
            ),
            (
                r#"{"@type":"ItemList","itemListElement":[{"@type":"ListItem","item":{"@type":"Article","url":"/d","headline":"D"}}]}"#,
                vec![pair("/d", "D")],
            ),
            (
                r#"{"@type":"Blog","blogPost":[{"@type":"BlogPosting","mainEntityOfPage":{"@id":"/e"},"headline":"E"},]}"#,
                vec![pair("/e", "E")],
            ),
            (r#"{"@type":"BreadcrumbList","itemListElement":[{"@type":"ListItem","item":"/","name":"Home"}]}"#, vec![]),
            (r#"{"@type":"ItemList","name":"Most read","itemListElement":[{"@type":"ListItem","url":"/f"}]}"#, vec![]),
            (r#"{"@type":"NewsArticle","url":"/g","headline":"G","mentions":{"@type":"Article","url":"/h"}}"#, vec![pair("/g", "G")]),
            (r#"{"@type":"JobPosting","url":"/j","title":"J"}"#, vec![]),
        ] {
            assert_eq!(seen(text), wanted, "{text}");
        }
    }
}
