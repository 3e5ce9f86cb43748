//! Feeds that are made when somebody asks: several topics together, or some sources of them.
//!
//! ```text
//! /topic/EXPRESSION/feed.atom[?source=ID,ID]      also feed.rss, feed.json; /topic/EXPRESSION.atom is the same
//! EXPRESSION = ALL *("+" ALL)                     what is under any of these
//! ALL        = SLUG *("," SLUG)                   what is under every one of these
//! ```
//!
//! Every spelling of one selection is one resource: order and repetition do not count, and other parameters of the query are not looked
//! at. A selection names at most eight topics and eight sources, all configured; anything else is not found, so that no cache grows by
//! what strangers make up.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::Semaphore;
use url::form_urlencoded;

use crate::config::Site;
use crate::format::document::{ATOM_FILE, JSON_FILE, RSS_FILE};
use crate::format::{atom, json_feed, rss};
use crate::publisher::{self, PublishError};
use crate::store::Selection;
use crate::store::sqlite::SqliteStore;

/// Most topics in an expression, and most sources in a query.
const PARTS_MAX: usize = 8;
/// Selections made at once: each walks through thousands of rows at worst.
const MAKERS: usize = 2;

/// What a path under `topic/` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked<'a> {
    /// A published file.
    File(Cow<'a, str>),
    /// A selection.
    Selection(Filter),
    /// A selection of what there is not.
    Nothing,
}

/// One feed of a selection, in the one spelling that stands for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filter {
    selection: Selection,
    /// `topic/EXPRESSION/`.
    folder: String,
    file: &'static str,
    /// `?source=…`, or nothing.
    query: String,
}

/// Reads a path (decoded, without its first slash) and a query (as it came).
pub(super) fn asked<'a>(path: &'a str, query: Option<&str>, site: &Site) -> Asked<'a> {
    let file = || Asked::File(Cow::Borrowed(path));
    let Some(rest) = path.strip_prefix("topic/") else { return file() };
    let (expression, name) = match rest.split_once('/') {
        Some((expression, name)) => (expression, name),
        None => match rest.rsplit_once('.') {
            Some((expression, "atom")) => (expression, ATOM_FILE),
            Some((expression, "rss")) => (expression, RSS_FILE),
            Some((expression, "json")) => (expression, JSON_FILE),
            _ => return file(),
        },
    };
    let Some(name) = [ATOM_FILE, RSS_FILE, JSON_FILE].into_iter().find(|known| *known == name) else { return file() };
    let named: Option<Vec<_>> = query.map(sources);
    let is_file = !expression.contains(['+', ',']) && named.as_ref().is_none_or(Vec::is_empty);
    if is_file {
        return if rest.contains('/') { file() } else { Asked::File(Cow::Owned(format!("topic/{expression}/{name}"))) };
    }
    let sources: BTreeSet<String> = named.into_iter().flatten().collect();
    let any: BTreeSet<BTreeSet<&str>> = expression.split('+').map(|all| all.split(',').collect()).collect();
    let is_topic = |slug: &&str| site.topics.iter().any(|topic| topic.slug == **slug);
    let is_source = |id: &String| site.sources.iter().any(|source| source.id == *id);
    let is_known = any.iter().flatten().all(is_topic) && sources.iter().all(is_source);
    if !is_known || any.iter().map(BTreeSet::len).sum::<usize>() > PARTS_MAX || sources.len() > PARTS_MAX {
        return Asked::Nothing;
    }
    let alls = any.iter().map(|all| all.iter().copied().collect::<Vec<_>>().join(",")).collect::<Vec<_>>();
    let list = sources.iter().map(String::as_str).collect::<Vec<_>>().join(",");
    Asked::Selection(Filter {
        folder: format!("topic/{}/", alls.join("+")),
        file: name,
        query: if list.is_empty() { String::new() } else { format!("?source={list}") },
        selection: Selection {
            any: any.into_iter().map(|all| all.into_iter().map(str::to_owned).collect()).collect(),
            sources: sources.into_iter().collect(),
        },
    })
}

/// The ids under `source`, at most one more than may be.
fn sources(query: &str) -> Vec<String> {
    let values = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == "source");
    let ids = values.flat_map(|(_, value)| value.split(',').map(str::to_owned).collect::<Vec<_>>()).filter(|id| !id.is_empty());
    // A set of more would be refused; a list of more may be a set of less.
    ids.take(16 * PARTS_MAX).collect()
}

impl Filter {
    /// The path and query that stand for every spelling. No file can have that name: a filter has `+`, `,` or a query in it.
    pub(super) fn address(&self) -> String {
        format!("{}{}{}", self.folder, self.file, self.query)
    }

    /// The path without the query.
    pub(super) fn path(&self) -> String {
        format!("{}{}", self.folder, self.file)
    }

    /// The published feeds that change when the selection may have changed.
    pub(super) fn made_of(&self) -> impl Iterator<Item = String> {
        let slugs: BTreeSet<&String> = self.selection.any.iter().flatten().collect();
        slugs.into_iter().map(|slug| format!("topic/{slug}/{ATOM_FILE}")).collect::<Vec<_>>().into_iter()
    }
}

/// A document, and when it last changed.
pub(super) type Document = (Vec<u8>, DateTime<Utc>);

/// Makes filters' documents from the store, beside the service that fills it.
pub(super) struct Maker {
    store: Mutex<Option<SqliteStore>>,
    pub(super) turns: Semaphore,
}

impl Maker {
    pub(super) fn new() -> Self {
        Self { store: Mutex::default(), turns: Semaphore::new(MAKERS) }
    }

    /// The filter's document; `None` if there is no store yet. Blocks.
    pub(super) fn make(&self, site: &Site, filter: &Filter) -> Result<Option<Document>, PublishError> {
        let document = {
            let mut slot = self.store.lock().unwrap_or_else(PoisonError::into_inner);
            let store = match slot.take() {
                Some(store) => store,
                None => match open(&site.store)? {
                    Some(store) => store,
                    None => return Ok(None),
                },
            };
            // Kept only if it did its work: one that failed is opened anew.
            let document = publisher::select(site, &store, &filter.selection, &filter.folder, &filter.query)?;
            *slot = Some(store);
            document
        };
        let bytes = match filter.file {
            ATOM_FILE => atom::write(&document),
            RSS_FILE => rss::write(&document),
            _ => json_feed::write(&document),
        };
        Ok(Some((bytes, document.updated)))
    }
}

fn open(path: &Path) -> Result<Option<SqliteStore>, PublishError> {
    Ok(SqliteStore::open_to_read(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        let mut text = "[site]\ntitle = \"T\"\nbase_url = \"https://t.example/\"\n".to_owned();
        for n in 0..10 {
            text += &format!(
                "[[source]]\nid = \"s{n}\"\nurl = \"https://s{n}.example/\"\n[[topic]]\ncategory = \"T: {n}\"\nany = [\"w{n}\"]\n"
            );
        }
        crate::config::check(Path::new("feeds.toml"), &text).unwrap()
    }

    #[test]
    fn every_spelling_of_a_selection_is_one_resource() {
        let site = site();
        let address = |path: &str, query: Option<&str>| match asked(path, query, &site) {
            Asked::Selection(filter) => filter.address(),
            other => panic!("{path} {query:?}: {other:?}"),
        };
        for (expected, spellings) in [
            (
                "topic/t-1+t-2/feed.atom",
                &[("topic/t-1+t-2/feed.atom", None), ("topic/t-2+t-1.atom", None), ("topic/t-2+t-1+t-2/feed.atom", Some("utm_source=x"))][..],
            ),
            ("topic/t-1,t-2/feed.rss", &[("topic/t-2,t-1,t-2/feed.rss", Some("")), ("topic/t-1,t-2.rss", Some("source="))]),
            ("topic/t-1+t-2,t-3/feed.json", &[("topic/t-3,t-2+t-1/feed.json", None)]),
            (
                "topic/t-1/feed.atom?source=s1,s2",
                &[
                    ("topic/t-1/feed.atom", Some("source=s2&source=s1")),
                    ("topic/t-1.atom", Some("a=b&source=s2%2Cs1&source=s2&c")),
                    ("topic/t-1+t-1/feed.atom", Some("source=s1,s2")),
                ],
            ),
        ] {
            for (path, query) in spellings {
                assert_eq!(address(path, *query), expected, "{path} {query:?}");
            }
        }
    }

    #[test]
    fn files_stay_files_and_what_is_not_there_is_not_made() {
        let site = site();
        for (path, query, expected) in [
            ("topic/t-1/feed.atom", None, Asked::File("topic/t-1/feed.atom".into())),
            ("topic/t-1/feed.atom", Some("utm_source=s1"), Asked::File("topic/t-1/feed.atom".into())),
            ("topic/t-1/feed.atom", Some("source="), Asked::File("topic/t-1/feed.atom".into())),
            ("topic/t-1.json", None, Asked::File("topic/t-1/feed.json".into())),
            ("topic/t-1/", Some("source=s1"), Asked::File("topic/t-1/".into())),
            ("topic/t-1/archive/2026-01.atom", Some("source=s1"), Asked::File("topic/t-1/archive/2026-01.atom".into())),
            ("news/a.md", Some("source=s1"), Asked::File("news/a.md".into())),
            ("topic/t-1+nowhere/feed.atom", None, Asked::Nothing),
            ("topic/t-1+/feed.atom", None, Asked::Nothing),
            ("topic/,/feed.atom", None, Asked::Nothing),
            ("topic/t-1/feed.atom", Some("source=nobody"), Asked::Nothing),
            ("topic/t-0+t-1+t-2+t-3+t-4+t-5+t-6+t-7+t-8/feed.atom", None, Asked::Nothing),
            ("topic/t-1/feed.atom", Some("source=s0,s1,s2,s3,s4,s5,s6,s7,s8"), Asked::Nothing),
        ] {
            assert_eq!(asked(path, query, &site), expected, "{path} {query:?}");
        }
    }
}
