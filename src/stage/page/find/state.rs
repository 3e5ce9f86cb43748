//! Articles in the state that a script draws the page from.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::script::Script;
use super::{Fields, json, lenient, region};

/// Deepest nesting that is followed, most objects looked at, and most bytes of one script.
const DEPTH_MAX: usize = 40;
const OBJECTS_MAX: usize = 200_000;
const SCRIPT_MAX_BYTES: usize = 8 << 20;

/// Variables that hold such a state.
const STATES: [&str; 9] = [
    "__NUXT__",
    "__INITIAL_STATE__",
    "__PRELOADED_STATE__",
    "__APOLLO_STATE__",
    "__INITIAL_DATA__",
    "__DATA__",
    "__STATE__",
    "__SERVER_DATA__",
    "initialState",
];

/// Keys of what is beside the news, besides the words of regions.
const KEYS_OUT: [&str; 14] = [
    "header",
    "footer",
    "nav",
    "links",
    "events",
    "tags",
    "categories",
    "authors",
    "topics",
    "languages",
    "translations",
    "breadcrumbs",
    "menus",
    "jobs",
];

/// A list of objects that look like articles.
pub(super) struct List {
    pub(super) articles: Vec<Fields>,
    /// Share of them that have a date.
    pub(super) dated: f64,
}

/// The lists in a page's state, the likeliest first.
pub(super) fn lists(scripts: &[Script<'_>]) -> Vec<List> {
    let mut lists = Vec::new();
    let mut left = OBJECTS_MAX;
    for value in scripts.iter().filter(|script| script.text.len() <= SCRIPT_MAX_BYTES).filter_map(value) {
        walk(&value, 0, &mut left, &mut lists);
    }
    let weight = |list: &List| (list.articles.len().min(30) as f64).sqrt() * (1.0 + 2.0 * list.dated);
    lists.sort_by(|one: &List, other: &List| weight(other).total_cmp(&weight(one)));
    lists
}

fn value(script: &Script<'_>) -> Option<Value> {
    let text = script.text.trim();
    if script.media_type.starts_with("application/json") || script.id == "__NEXT_DATA__" {
        let value = lenient::read(text)?;
        return Some(if script.id == "__NUXT_DATA__" { revive(&value) } else { value });
    }
    if !matches!(script.media_type.as_str(), "" | "text/javascript" | "application/javascript" | "module") {
        return None;
    }
    let at = STATES.iter().filter_map(|name| text.find(name).map(|at| at + name.len())).min()?;
    let rest = text[at..].trim_start_matches(['"', '\'', ']']).trim_start().strip_prefix('=')?.trim_start();
    if let Some(quoted) = rest.strip_prefix("JSON.parse(") {
        let (inner, _) = lenient::literal(&format!("[{}", quoted.get(..quoted.len().min(SCRIPT_MAX_BYTES))?), &HashMap::new())?;
        return lenient::read(inner.get(0)?.as_str()?);
    }
    if rest.starts_with("(function(") || rest.starts_with("function(") {
        return called(rest);
    }
    rest.starts_with(['{', '[']).then(|| lenient::literal(rest, &HashMap::new()))?.map(|(value, _)| value)
}

/// `(function(a,b){return {…}}("x",null))`, as Nuxt 2 writes its state.
fn called(text: &str) -> Option<Value> {
    let (head, body) = text.split_once('{')?;
    let names = head.split_once("function(")?.1.trim_end().strip_suffix(')')?;
    let body = body.trim_start().strip_prefix("return")?.trim_start();
    let (_, taken) = lenient::literal(body, &HashMap::new())?;
    let arguments = body.get(taken..)?.split_once('(')?.1;
    let (arguments, _) = lenient::literal(&format!("[{arguments}"), &HashMap::new())?;
    let names = names.split(',').map(|name| name.trim().to_owned()).zip(arguments.as_array()?.iter().cloned()).collect();
    lenient::literal(body, &names).map(|(value, _)| value)
}

/// Nuxt 3's state: a flat list in which objects hold the places of their values.
fn revive(flat: &Value) -> Value {
    fn one(values: &[Value], at: usize, depth: usize, left: &mut usize) -> Value {
        let Some(value) = values.get(at).filter(|_| depth < DEPTH_MAX && *left > 0) else { return Value::Null };
        *left -= 1;
        let mut inner = |value: &Value, depth: usize| match value.as_u64().and_then(|at| usize::try_from(at).ok()) {
            Some(at) => one(values, at, depth, left),
            None => Value::Null,
        };
        match value {
            Value::Array(items) => match items.first().and_then(Value::as_str) {
                // A wrapper such as `["Reactive", 5]`, and `["Date", "2025-…"]`.
                Some("Date") => items.get(1).cloned().unwrap_or_default(),
                Some(_) => items.get(1).map(|value| inner(value, depth + 1)).unwrap_or_default(),
                None => Value::Array(items.iter().map(|value| inner(value, depth + 1)).collect()),
            },
            Value::Object(object) => {
                Value::Object(object.iter().map(|(key, value)| (key.clone(), inner(value, depth + 1))).collect::<Map<_, _>>())
            }
            other => other.clone(),
        }
    }
    let mut left = OBJECTS_MAX;
    match flat {
        Value::Array(values) => one(values, 0, 0, &mut left),
        other => other.clone(),
    }
}

fn walk(value: &Value, depth: usize, left: &mut usize, out: &mut Vec<List>) {
    if depth > DEPTH_MAX || *left == 0 {
        return;
    }
    *left -= 1;
    match value {
        Value::Array(values) => {
            if let Some(list) = list(values.iter().filter_map(article)) {
                out.push(list);
            } else {
                values.iter().for_each(|value| walk(value, depth + 1, left, out));
            }
        }
        Value::Object(object) => {
            // Redux keeps articles by their ids.
            if object.len() > 2
                && object.values().all(Value::is_object)
                && let Some(list) = list(object.values().filter_map(article))
            {
                out.push(list);
                return;
            }
            for (key, value) in object {
                if !is_out(key) {
                    walk(value, depth + 1, left, out);
                }
            }
        }
        _ => {}
    }
}

fn is_out(key: &str) -> bool {
    let words = region::words(key);
    KEYS_OUT.contains(&key)
        || words.iter().any(|word| region::is_named_out(word))
        || words.windows(2).any(|pair| pair[0] == "most" && pair[1] != "recent")
}

fn list<'a>(objects: impl Iterator<Item = &'a Map<String, Value>>) -> Option<List> {
    let articles: Vec<Fields> =
        objects.map(json::fields).filter(|fields| fields.title.is_some() && (fields.link.is_some() || fields.slug.is_some())).collect();
    let dated = articles.iter().filter(|fields| fields.published.is_some()).count();
    let summed = articles.iter().filter(|fields| fields.summary.is_some()).count();
    let distinct: HashSet<_> = articles.iter().map(|fields| fields.link.as_deref().or(fields.slug.as_deref())).collect();
    let count = articles.len();
    // Undated objects with links are menus more often than news.
    let like_news = dated * 2 >= count || summed * 10 >= count * 8 && count >= 4;
    (count >= 2 && like_news && distinct.len() * 10 >= count * 8).then_some(List { articles, dated: dated as f64 / count as f64 })
}

/// The object of an article, also inside GraphQL's `node` or a CMS's `fields` or `attributes`.
fn article(value: &Value) -> Option<&Map<String, Value>> {
    let object = value.as_object()?;
    ["node", "attributes", "post", "article", "_source"].iter().find_map(|name| object.get(*name)?.as_object()).or(Some(object))
}
