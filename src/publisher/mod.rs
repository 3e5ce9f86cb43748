//! Store to `output/`: the desired tree, and only what differs of it is written.
//!
//! What is published is a function of the store and the configuration: no clock is read here, so the same store gives the same
//! bytes. What a commit touched is marked in the store in the commit itself, and unmarked only when it is durably published; a
//! process that is killed in between publishes it at its next run.

mod feeds;
mod item;
mod pages;
mod prints;
pub(crate) mod records;
mod selection;
mod theme;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

use self::feeds::Channel;
use self::prints::Prints;
pub use self::selection::{SELECTION_COUNT, select};
use self::theme::Look;
use crate::config::Site;
use crate::config::overrides::{Overrides, Takedowns};
use crate::format::check::Fault;
use crate::format::document::{ATOM_FILE, JSON_FILE, PAGE_FILE, RSS_FILE, TopicLine};
use crate::format::html::Frame;
use crate::ingest::{SharedStore, locked};
use crate::io::file;
use crate::io::output::{self, Found, OutputError, Tree, Written};
use crate::record::Offering;
use crate::stage::naming;
use crate::store::{FeedState, Pending, StoreError, TopicCount};
use crate::stories;

/// Records held in memory at once while all are written.
const BATCH: usize = 500;
/// Counts up when the writers would give other bytes for the same store, so that everything is published anew.
const PUBLICATION_VERSION: u32 = 5;

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
    /// A part of the theme cannot be read.
    #[error("theme {path}: {cause}")]
    Theme {
        /// Its file or folder.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// Documents did not read back as they were meant. Those that are published stay as they are, everything else is published; they
    /// are tried again next time.
    #[error("{}, and the old one stays{}", faults.first().map(|(path, fault)| format!("{path}: {fault}")).unwrap_or_default(),
            if faults.len() > 1 { format!("; so do {} others", faults.len() - 1) } else { String::new() })]
    Faulty {
        /// Path and fault of each.
        faults: Vec<(String, Fault)>,
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
    let look = Look::read(site)?;
    let hash = publication_hash(site, &offerings, &look);
    let (pending, all, counts, feeds, created, words) = {
        let mut store = locked(store);
        store.settle()?;
        stories::settle(site, &mut *store)?;
        let same = store.publication_hash()?.as_deref() == Some(hash.as_str());
        if !same {
            store.rename_feeds(&feeds::renamed(site))?;
        }
        let once: Vec<String> = site.topics.iter().filter(|t| t.stories).map(|t| t.slug.clone()).collect();
        store.shelve(&once, !same)?;
        let all = scope == Scope::All || !same || !is_published(&site.output);
        let pending = store.pending()?;
        if pending.is_empty() && !all {
            return Ok(Written::default());
        }
        let created = store.created()?.unwrap_or(DateTime::UNIX_EPOCH);
        (pending, all, store.topic_counts()?, store.feeds()?, created, store.words()?)
    };

    let mut tree = Tree::open(&site.output)?;
    let mut shelf = records::Shelf::default();
    let feeds: HashMap<String, FeedState> = feeds.into_iter().map(|feed| (feed.path.clone(), feed)).collect();
    let channels = feeds::channels(site, &feeds);
    let frame = pages::frame(site, &counts, &feeds, &channels, look.theme.clone());
    // As the records were last derived by them: the configuration may be older or newer than that.
    let takedowns = words.and_then(|json| serde_json::from_str::<Overrides>(&json).ok()).unwrap_or_default().takedowns;
    let mut press = Press { site, offerings, takedowns, created, feeds, frame, prints: Prints::default(), faults: Vec::new() };
    let marked: HashSet<&str> = pending.feeds.iter().map(String::as_str).collect();
    let is_wanted = |channel: &Channel| {
        all || marked.contains(channel.path.as_str()) || channel.topic.is_some_and(|topic| pending.topics.contains(&topic.slug))
    };
    // First what current documents lead to: at no moment is an entry in neither.
    press.archives(&mut tree, store, &channels, all, &pending)?;
    for channel in channels.iter().filter(|channel| is_wanted(channel)) {
        press.current(&mut tree, store, channel)?;
    }
    press.prints.clear();
    if all {
        feeds::sweep(&mut tree, store, &channels)?;
        press.all_records(&mut tree, &mut shelf, store)?;
    } else {
        for numbers in pending.records.chunks(BATCH) {
            let records = locked(store).records(numbers)?;
            press.records(&mut tree, &mut shelf, store, records)?;
        }
    }
    press.remove_beside(&mut tree, &pending)?;
    press.site_pages(&mut tree, store, &channels, &look)?;
    let written = tree.commit()?;
    let faults = press.faults;
    let is_sound = |feed: &str| !faults.iter().any(|(path, _)| is_below(path, feed));
    let done = Pending {
        feeds: pending.feeds.into_iter().filter(|feed| is_sound(feed)).collect(),
        archives: pending.archives.into_iter().filter(|(feed, _)| is_sound(feed)).collect(),
        ..pending
    };
    // What was to be published only because the configuration changed has no mark of its own.
    let hash = if faults.is_empty() || !all { hash } else { String::new() };
    {
        let mut store = locked(store);
        store.published(&done, &hash)?;
        store.news_written()?;
    }
    if faults.is_empty() { Ok(Written { told: shelf.told, ..written }) } else { Err(PublishError::Faulty { faults }) }
}

/// Whether a published path is in a feed's folder.
fn is_below(path: &str, feed: &str) -> bool {
    match path.strip_prefix(feed) {
        Some(rest) if feed.is_empty() => !rest.contains('/') || rest.starts_with("archive/"),
        Some(rest) => rest.starts_with('/'),
        None => false,
    }
}

/// Where the feeds of a site are, below its address: those that grow, not their archives. One that is not there yet is not published.
pub fn feeds(site: &Site) -> impl Iterator<Item = String> + '_ {
    let sections = site.sections.iter().map(|section| format!("section/{}/", section.id));
    let topics = site.topics.iter().map(|topic| format!("topic/{}/", topic.slug));
    let sources = site.sources.iter().map(|source| format!("source/{}/", source.id));
    let folders = std::iter::once(String::new()).chain(sections).chain(topics).chain(sources);
    folders.flat_map(|folder| [ATOM_FILE, RSS_FILE, JSON_FILE].map(|file| format!("{folder}{file}")))
}

/// What the next publication would write, without writing: topics and records.
///
/// # Errors
/// The store's.
pub fn pending(store: &SharedStore) -> Result<Pending, PublishError> {
    Ok(locked(store).pending()?)
}

impl Press<'_> {
    /// Removes what lies beside the files of hidden records under their names, such as pictures.
    fn remove_beside(&self, tree: &mut Tree, pending: &Pending) -> Result<(), PublishError> {
        let mut listings: HashMap<&str, Vec<String>> = HashMap::new();
        for (url, section) in &pending.hidden {
            let section = self.site.sections.iter().find(|s| s.id == *section).or(self.site.sections.first());
            let Some(folder) = section.map(|s| s.section.base_path.trim_matches('/')) else { continue };
            // Listed once: a source that is taken down has thousands of records in one folder.
            if !listings.contains_key(folder) {
                listings.insert(folder, tree.files(folder)?);
            }
            let names = listings.get(folder).map(Vec::as_slice).unwrap_or_default();
            let own = naming::record_uuid(url).to_string();
            let first = names.partition_point(|name| **name < *own);
            for name in names.iter().skip(first).take_while(|name| name.starts_with(&own)).filter(|name| !name.ends_with(".md")) {
                tree.remove(&format!("{folder}/{name}"))?;
            }
        }
        Ok(())
    }
}

/// What every page and file is made with.
struct Press<'a> {
    site: &'a Site,
    offerings: Vec<Offering>,
    takedowns: Takedowns,
    created: DateTime<Utc>,
    feeds: HashMap<String, FeedState>,
    frame: Frame,
    prints: Prints,
    faults: Vec<(String, Fault)>,
}

/// Whether there is a publication at all; a folder that somebody emptied is filled again.
pub(crate) fn is_published(dir: &Path) -> bool {
    matches!(output::read(dir, PAGE_FILE), Ok(Found::File { .. }))
}

fn topic_lines(site: &Site, counts: &HashMap<String, TopicCount>) -> Vec<TopicLine> {
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
fn publication_hash(site: &Site, offerings: &[Offering], look: &Look) -> String {
    let topics: Vec<_> = site.topics.iter().map(|t| (&t.category, &t.description, t.stories, &t.was)).collect();
    let sources: Vec<_> = site.sources.iter().map(|s| (&s.id, &s.title, s.url.as_str())).collect();
    let own = (&site.title, site.base_url.as_str(), &site.language, &site.operator, &site.contact, site.hub_urls());
    let parts =
        format!("{PUBLICATION_VERSION} {} {:?}", env!("CARGO_PKG_VERSION"), (own, &site.sections, topics, sources, offerings, look));
    blake3::hash(parts.as_bytes()).to_string()
}

fn read_offerings(path: &Path) -> Result<Vec<Offering>, PublishError> {
    let error = |cause: String| PublishError::Offerings { path: path.to_owned(), cause };
    let bytes = file::read(path).map_err(|e| error(e.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|e| error(e.to_string()))
}
