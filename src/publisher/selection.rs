//! Feeds made of several topics, or of some of a topic's sources: not published, but made when somebody asks.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::PublishError;
use super::item::{item, others};
use crate::config::Site;
use crate::format::document::{ATOM_FILE, FEED_STYLE_FILE, FeedDocument, JSON_FILE, RSS_FILE, Urls};
use crate::store::{Selection, Store, StoreError, StoredRecord};

/// Entries of such a feed.
pub const SELECTION_COUNT: usize = 100;

/// The feed of a selection, whose documents are at `folder` below the site's root, with `query` after their names.
///
/// # Errors
/// The store's.
pub fn select(site: &Site, store: &dyn Store, selection: &Selection, folder: &str, query: &str) -> Result<FeedDocument, PublishError> {
    let once = selection.sources.is_empty();
    let records = store.select(selection, SELECTION_COUNT)?;
    let updated: Option<DateTime<Utc>> = records.iter().map(|record| record.updated.max(record.added)).max();
    let item = |record: StoredRecord| {
        let related = others(store, (record.number, record.story), once, None)?;
        Ok::<_, StoreError>(Arc::new(item(site, record, related)))
    };
    let items = records.into_iter().map(item).collect::<Result<_, _>>()?;
    let base = format!("{}{folder}", site.base_url);
    let url = |file: &str| format!("{base}{file}{query}");
    Ok(FeedDocument {
        id: format!("{base}{query}"),
        title: title(site, selection),
        subtitle: None,
        urls: Urls { atom: url(ATOM_FILE), rss: url(RSS_FILE), json: url(JSON_FILE) },
        style_url: format!("{}{FEED_STYLE_FILE}", site.base_url),
        prev: None,
        next: None,
        current: None,
        hub_urls: Vec::new(),
        page_url: page(site, selection),
        language: site.language.clone(),
        updated: updated.or(store.created()?).unwrap_or(DateTime::UNIX_EPOCH),
        items,
        deleted: Vec::new(),
    })
}

/// The page that comes nearest: the topic's own, or the site's.
fn page(site: &Site, selection: &Selection) -> String {
    match selection.any.as_slice() {
        [all] if all.len() == 1 => format!("{}topic/{}/", site.base_url, all.concat()),
        _ => site.base_url.to_string(),
    }
}

fn title(site: &Site, selection: &Selection) -> String {
    let topic = |slug: &String| site.topics.iter().find(|t| t.slug == *slug).map_or_else(|| slug.clone(), |t| t.category.clone());
    let alls = selection.any.iter().map(|all| all.iter().map(topic).collect::<Vec<_>>().join(" and "));
    let mut title = alls.collect::<Vec<_>>().join(" or ");
    let source = |id: &String| site.sources.iter().find(|s| s.id == *id).and_then(|s| s.title.clone()).unwrap_or_else(|| id.clone());
    if !selection.sources.is_empty() {
        title += " · ";
        title += &selection.sources.iter().map(source).collect::<Vec<_>>().join(", ");
    }
    title
}
