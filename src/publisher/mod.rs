//! Store to `output/`: the desired tree, and only what differs of it is written.
//!
//! What is published is a function of the store and the configuration: no clock is read here, so the same store gives the same
//! bytes. What a commit touched is marked in the store in the commit itself, and unmarked only when it is durably published; a
//! process that is killed in between publishes it at its next run.

mod item;
pub(crate) mod records;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

use self::item::{Telling, others};
use crate::config::Site;
use crate::format::document::{ATOM_FILE, FeedDocument, FeedItem, JSON_FILE, OPML_FILE, PAGE_FILE, RSS_FILE, STYLE_FILE, TopicLine};
use crate::format::{atom, html, json_feed, opml, rss};
use crate::ingest::{SharedStore, locked};
use crate::io::file;
use crate::io::output::{self, Found, OutputError, Tree, Written};
use crate::record::Offering;
use crate::store::{Pending, StoreError, TopicCount};
use crate::stories;

/// A topic's feed holds at least this many entries, if the topic has them.
pub const WINDOW_COUNT: usize = 50;
/// And everything younger than this many days before the topic's newest change: a subscriber who polls weekly misses nothing.
pub const WINDOW_DAYS: u32 = 7;
/// Records on the front page.
const NEWEST_ON_INDEX: usize = 20;
/// Records held in memory at once while all are written.
const BATCH: usize = 500;
/// Counts up when the writers would give other bytes for the same store, so that everything is published anew.
const PUBLICATION_VERSION: u32 = 2;

/// What to publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// What changed since the last publication.
    Changed,
    /// Everything, compared with what is there.
    All,
}

/// Why publishing failed. What was published before stays.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The output folder cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A record's file is there and cannot be read, so it is not known whether an editor changed it.
    #[error("cannot read {path}: {cause}; nothing that is published was changed")]
    Record {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The catalogue of offerings cannot be read.
    #[error("offerings {path}: {cause}")]
    Offerings {
        /// Its file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
}

/// Publishes what `scope` asks for. Nothing is opened if nothing changed.
///
/// # Errors
/// [`PublishError`]; then the old files stay and the next run tries again.
pub fn publish(site: &Site, store: &SharedStore, scope: Scope) -> Result<Written, PublishError> {
    // One at a time: each sweeps away what another has staged.
    static PUBLISHING: Mutex<()> = Mutex::new(());
    let _alone = PUBLISHING.lock().unwrap_or_else(PoisonError::into_inner);
    let offerings = site.offerings.as_deref().map(read_offerings).transpose()?.unwrap_or_default();
    let hash = publication_hash(site, &offerings);
    let (pending, all, counts, created) = {
        let mut store = locked(store);
        store.settle()?;
        stories::settle(site, &mut *store)?;
        let same = store.publication_hash()?.as_deref() == Some(hash.as_str());
        let all = scope == Scope::All || !same || !is_published(&site.output);
        (store.pending()?, all, store.topic_counts()?, store.created()?.unwrap_or(DateTime::UNIX_EPOCH))
    };
    if pending.is_empty() && !all {
        return Ok(Written::default());
    }

    let mut tree = Tree::open(&site.output)?;
    let mut shelf = records::Shelf::default();
    let press = Press { site, offerings, created, lines: topic_lines(site, &counts) };
    let wanted = |slug: &str| all || pending.topics.iter().any(|p| p == slug);
    for topic in site.topics.iter().filter(|t| wanted(&t.slug)) {
        let records = {
            let store = locked(store);
            let records = store.window(&topic.slug, WINDOW_COUNT, WINDOW_DAYS, topic.stories)?;
            records.into_iter().map(|record| others(&*store, record, topic.stories)).collect::<Result<_, _>>()?
        };
        let updated = counts.get(&topic.slug).and_then(|c| c.updated);
        press.topic(&mut tree, topic, records, updated)?;
    }
    if all {
        for folder in tree.folders("topic")? {
            if !site.topics.iter().any(|t| t.slug == folder) {
                for file in TOPIC_FILES {
                    tree.remove(&format!("topic/{folder}/{file}"))?;
                }
            }
        }
        press.all_records(&mut tree, &mut shelf, store)?;
    } else {
        for numbers in pending.records.chunks(BATCH) {
            let records = locked(store).records(numbers)?;
            press.records(&mut tree, &mut shelf, store, records)?;
        }
    }
    let newest = {
        let store = locked(store);
        let newest = store.newest(NEWEST_ON_INDEX)?;
        newest.into_iter().map(|record| others(&*store, record, true)).collect::<Result<Vec<_>, _>>()?
    };
    press.index(&mut tree, newest)?;
    let written = tree.commit()?;
    let mut store = locked(store);
    store.published(&pending, &hash)?;
    store.news_written()?;
    Ok(Written { told: shelf.told, ..written })
}

/// What the next publication would write, without writing: topics and records.
///
/// # Errors
/// The store's.
pub fn pending(store: &SharedStore) -> Result<Pending, PublishError> {
    Ok(locked(store).pending()?)
}

const TOPIC_FILES: [&str; 4] = [PAGE_FILE, ATOM_FILE, RSS_FILE, JSON_FILE];

/// What every page and file is made with.
struct Press<'a> {
    site: &'a Site,
    offerings: Vec<Offering>,
    created: DateTime<Utc>,
    lines: Vec<TopicLine>,
}

impl Press<'_> {
    fn topic(
        &self,
        tree: &mut Tree,
        topic: &crate::config::Topic,
        records: Vec<Telling>,
        updated: Option<DateTime<Utc>>,
    ) -> Result<(), PublishError> {
        let page_url = format!("{}topic/{}/", self.site.base_url, topic.slug);
        let document = FeedDocument {
            id: page_url.clone(),
            title: topic.category.clone(),
            subtitle: topic.description.clone(),
            atom_url: format!("{page_url}{ATOM_FILE}"),
            rss_url: format!("{page_url}{RSS_FILE}"),
            json_url: format!("{page_url}{JSON_FILE}"),
            page_url,
            language: self.site.language.clone(),
            updated: updated.unwrap_or(self.created),
            items: records.into_iter().map(|r| self.item(r)).collect(),
        };
        let folder = format!("topic/{}", topic.slug);
        tree.stage_dated(&format!("{folder}/{ATOM_FILE}"), &atom::write(&document), Some(document.updated))?;
        tree.stage_dated(&format!("{folder}/{RSS_FILE}"), &rss::write(&document), Some(document.updated))?;
        tree.stage_dated(&format!("{folder}/{JSON_FILE}"), &json_feed::write(&document), Some(document.updated))?;
        tree.stage(&format!("{folder}/{PAGE_FILE}"), html::topic_page(&self.site.title, &document, &self.lines).as_bytes())?;
        Ok(())
    }

    fn index(&self, tree: &mut Tree, newest: Vec<Telling>) -> Result<(), PublishError> {
        let updated = self.lines.iter().filter_map(|l| l.updated).max();
        let newest: Vec<FeedItem> = newest.into_iter().map(|r| self.item(r)).collect();
        let base = self.site.base_url.as_str();
        tree.stage(OPML_FILE, opml::write(&self.site.title, base, &self.lines, updated).as_bytes())?;
        tree.stage(STYLE_FILE, html::STYLE.as_bytes())?;
        // Last: a reader who finds the index finds everything that it names.
        tree.stage(PAGE_FILE, html::index_page(&self.site.title, base, &self.lines, &newest, updated).as_bytes())?;
        Ok(())
    }
}

/// Whether there is a publication at all; a folder that somebody emptied is filled again.
pub(crate) fn is_published(dir: &Path) -> bool {
    matches!(output::read(dir, PAGE_FILE), Ok(Found::File { .. }))
}

fn topic_lines(site: &Site, counts: &std::collections::HashMap<String, TopicCount>) -> Vec<TopicLine> {
    let line = |topic: &crate::config::Topic| {
        let count = counts.get(&topic.slug).copied().unwrap_or_default();
        TopicLine {
            category: topic.category.clone(),
            slug: topic.slug.clone(),
            description: topic.description.clone(),
            records: count.records,
            updated: count.updated,
        }
    };
    site.topics.iter().map(line).collect()
}

/// Hash of everything besides the store that published bytes depend on.
fn publication_hash(site: &Site, offerings: &[Offering]) -> String {
    let topics: Vec<_> = site.topics.iter().map(|t| (&t.category, &t.description, t.stories)).collect();
    let parts = format!(
        "{PUBLICATION_VERSION} {} {:?}",
        env!("CARGO_PKG_VERSION"),
        (&site.title, site.base_url.as_str(), &site.language, &site.sections, topics, offerings)
    );
    blake3::hash(parts.as_bytes()).to_string()
}

fn read_offerings(path: &Path) -> Result<Vec<Offering>, PublishError> {
    let error = |cause: String| PublishError::Offerings { path: path.to_owned(), cause };
    let bytes = file::read(path).map_err(|e| error(e.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|e| error(e.to_string()))
}
