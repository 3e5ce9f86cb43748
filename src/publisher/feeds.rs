//! The site's feeds: which there are, and the documents of each (RFC 5005: one current, and archives that never change).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::prints::Telling;
use super::{Press, PublishError};
use crate::config::{Site, Topic};
use crate::format::check::{self, Fault, Form};
use crate::format::document::{ARCHIVE_FOLDER, ArchiveLine, DeletedEntry, FEED_STYLE_FILE, FeedDocument, PAGE_FILE, Urls};
use crate::format::html;
use crate::format::printed::{self, Printed};
use crate::ingest::{SharedStore, locked};
use crate::io::output::Tree;
use crate::store::{Archive, FeedState, Pending, Window};

/// A current document holds at least this many entries, if the feed has them.
const WINDOW_COUNT: usize = 50;
/// And everything younger than this many days before the feed's newest change: a subscriber who polls weekly and knows no archives
/// misses nothing, as far as the document has room.
const WINDOW_DAYS: u32 = 7;
/// Most entries of a current document (O20).
const WINDOW_COUNT_MAX: usize = 100;
/// Most bytes that its records take in the store: in a document they take about as much, and never as much as O20 allows.
const WINDOW_BYTES_MAX: u64 = 192 << 10;
/// Withdrawn entries that a document names.
const DELETED_MAX: usize = 50;
/// A document's files without their endings, in the feed's folder.
const CURRENT: &str = "feed";

/// What a feed is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Everything,
    Section,
    Topic,
    Source,
}

/// One feed of the site.
pub(super) struct Channel<'a> {
    pub(super) kind: Kind,
    /// Its folder, without a slash at its end; empty for the one of everything.
    pub(super) path: String,
    /// The folder that its id is made from: its first one.
    id_path: String,
    pub(super) title: String,
    subtitle: Option<String>,
    /// The source's own site.
    pub(super) site_url: Option<String>,
    pub(super) topic: Option<&'a Topic>,
}

/// Every feed that the configuration asks for.
pub(super) fn channels<'a>(site: &'a Site, feeds: &HashMap<String, FeedState>) -> Vec<Channel<'a>> {
    let channel = |kind, path: String, title: &str| Channel {
        kind,
        id_path: path.clone(),
        path,
        title: title.to_owned(),
        subtitle: None,
        site_url: None,
        topic: None,
    };
    let mut channels = vec![channel(Kind::Everything, String::new(), &site.title)];
    for section in &site.sections {
        channels.push(channel(Kind::Section, format!("section/{}", section.id), &section.section.identifier));
    }
    for topic in &site.topics {
        channels.push(Channel {
            id_path: topic_path(topic.was.first().unwrap_or(&topic.slug)),
            subtitle: topic.description.clone(),
            topic: Some(topic),
            ..channel(Kind::Topic, topic_path(&topic.slug), &topic.category)
        });
    }
    for source in &site.sources {
        let path = format!("source/{}", source.id);
        let title = source.title.clone().or_else(|| feeds.get(&path)?.title.clone());
        let title = title.unwrap_or_else(|| crate::stage::naming::brand(&source.url));
        let root = source.url.join("/").ok().map(String::from);
        channels.push(Channel { site_url: root, ..channel(Kind::Source, path, &title) });
    }
    channels
}

fn topic_path(slug: &str) -> String {
    format!("topic/{slug}")
}

/// The folder of a feed's archive documents.
fn archive_folder(path: &str) -> String {
    if path.is_empty() { ARCHIVE_FOLDER.to_owned() } else { format!("{path}/{ARCHIVE_FOLDER}") }
}

/// Folders that feeds had before, with those that they have now.
pub(super) fn renamed(site: &Site) -> Vec<(String, String)> {
    let was = |topic: &Topic| topic.was.iter().map(|slug| (topic_path(slug), topic_path(&topic.slug))).collect::<Vec<_>>();
    site.topics.iter().flat_map(was).collect()
}

/// Removes folders of feeds that the configuration asks for no more, and archive documents that the store knows nothing of, such as
/// those of another store before it.
pub(super) fn sweep(tree: &mut Tree, store: &SharedStore, channels: &[Channel<'_>]) -> Result<(), PublishError> {
    for channel in channels {
        let folder = archive_folder(&channel.path);
        let files = tree.files(&folder)?;
        if files.is_empty() {
            continue;
        }
        let known: HashSet<String> = locked(store).archives(&channel.path)?.into_iter().map(|archive| archive.name).collect();
        for file in files.iter().filter(|file| !file.split('.').next().is_some_and(|name| known.contains(name))) {
            tree.remove(&format!("{folder}/{file}"))?;
        }
    }
    let wanted: HashSet<&str> = channels.iter().map(|channel| channel.path.as_str()).collect();
    for kind in ["topic", "source", "section"] {
        for name in tree.folders(kind)? {
            let folder = format!("{kind}/{name}");
            if wanted.contains(folder.as_str()) {
                continue;
            }
            for folder in [archive_folder(&folder), folder] {
                for file in tree.files(&folder)? {
                    tree.remove(&format!("{folder}/{file}"))?;
                }
            }
        }
    }
    Ok(())
}

impl Press<'_> {
    /// The address of a feed's folder, with a slash at its end.
    pub(super) fn folder_url(&self, path: &str) -> String {
        let slash = if path.is_empty() { "" } else { "/" };
        format!("{}{path}{slash}", self.site.base_url)
    }

    /// Writes the archive documents that are marked, or all of them.
    ///
    /// Those of several feeds that were filled at the same time follow each other, for they carry the same records.
    pub(super) fn archives(
        &mut self,
        tree: &mut Tree,
        store: &SharedStore,
        channels: &[Channel<'_>],
        all: bool,
        pending: &Pending,
    ) -> Result<(), PublishError> {
        let mut marked: HashMap<&str, HashSet<&str>> = HashMap::new();
        for (feed, name) in &pending.archives {
            marked.entry(feed).or_default().insert(name);
        }
        let mut waiting = Vec::new();
        for channel in channels {
            let marked = marked.get(channel.path.as_str());
            if marked.is_none() && !all {
                continue;
            }
            let (archives, withdrawn) = {
                let store = locked(store);
                (store.archives(&channel.path)?, store.withdrawn(&channel.path, usize::MAX)?)
            };
            let is_wanted = |archive: &Archive| all || marked.is_some_and(|marked| marked.contains(archive.name.as_str()));
            let mut prev: Option<Archive> = None;
            let count = archives.len();
            for (place, archive) in archives.into_iter().enumerate() {
                if is_wanted(&archive) {
                    let deleted = withdrawn.iter().filter(|entry| entry.part == archive.part);
                    let deleted = deleted.map(|entry| DeletedEntry { id: entry.id.clone(), when: entry.at }).collect();
                    waiting.push(Waiting { channel, age: (place + 1) * 1_000 / count, prev, archive: archive.clone(), deleted });
                }
                prev = Some(archive);
            }
        }
        // A feed's history is as long as another's; whoever is as far in it has the same records, near enough.
        waiting.sort_by_key(|waiting| (waiting.channel.kind == Kind::Source, waiting.age));
        waiting.into_iter().try_for_each(|waiting| self.archive(tree, store, waiting))
    }

    fn archive(&mut self, tree: &mut Tree, store: &SharedStore, waiting: Waiting<'_>) -> Result<(), PublishError> {
        let Waiting { channel, prev, archive, deleted, .. } = waiting;
        let once = channel.topic.is_some_and(|topic| topic.stories);
        let mut records = Vec::new();
        locked(store).reading(&mut |store| {
            let kept = store.archived(&channel.path, &archive)?.into_iter();
            records = kept.map(|kept| self.telling(store, kept, once, Some(archive.closed))).collect::<Result<_, _>>()?;
            Ok(())
        })?;
        let folder_url = format!("{}{ARCHIVE_FOLDER}/", self.folder_url(&channel.path));
        let head = FeedDocument {
            urls: Urls::of(&folder_url, &archive.name),
            prev: prev.as_ref().map(|prev| Urls::of(&folder_url, &prev.name)),
            next: Some(Urls::of(&folder_url, &archive.next)),
            current: Some(Urls::of(&self.folder_url(&channel.path), CURRENT)),
            updated: deleted.iter().map(|entry| entry.when).max().map_or(archive.closed, |last| last.max(archive.closed)),
            deleted,
            ..self.head(channel)
        };
        let filled = self.filled(head, records);
        let folder = archive_folder(&channel.path);
        let (document, faults) = filled.stage(tree, &format!("{folder}/{}", archive.name))?;
        self.faults.extend(faults);
        if channel.kind == Kind::Topic {
            let page = html::archive_page(&self.frame, &document, &archive.name, prev.as_ref().map(|prev| prev.name.as_str()));
            tree.stage(&format!("{folder}/{}.html", archive.name), page.as_bytes())?;
        }
        Ok(())
    }

    /// The document with these records, in its three forms.
    fn filled(&mut self, head: FeedDocument, records: Vec<Telling>) -> Filled {
        let items: Vec<_> = records.into_iter().map(|record| self.print(record, &head)).collect();
        let (items, printed): (Vec<_>, Vec<_>) = items.into_iter().unzip();
        let document = FeedDocument { items, ..head };
        let written = printed::bind(&document, &printed);
        Filled { document, printed, written }
    }

    /// Writes a feed's current document, and its page.
    pub(super) fn current(&mut self, tree: &mut Tree, store: &SharedStore, channel: &Channel<'_>) -> Result<(), PublishError> {
        let once = channel.topic.is_some_and(|topic| topic.stories);
        let mut window = Window {
            topic: channel.topic.map(|topic| topic.slug.clone()),
            once,
            count: WINDOW_COUNT,
            days: WINDOW_DAYS,
            count_max: WINDOW_COUNT_MAX,
            bytes_max: WINDOW_BYTES_MAX,
        };
        let (archives, deleted) = {
            let store = locked(store);
            (store.archives(&channel.path)?, store.withdrawn(&channel.path, DELETED_MAX)?)
        };
        let folder_url = self.folder_url(&channel.path);
        let base = FeedDocument {
            prev: archives.last().map(|last| Urls::of(&format!("{folder_url}{ARCHIVE_FOLDER}/"), &last.name)),
            updated: self.feeds.get(&channel.path).map_or(self.created, |feed| feed.updated),
            deleted: deleted.into_iter().map(|entry| DeletedEntry { id: entry.id, when: entry.at }).collect(),
            ..self.head(channel)
        };
        let slash = if channel.path.is_empty() { "" } else { "/" };
        let stem = format!("{}{slash}{CURRENT}", channel.path);
        loop {
            let mut records = Vec::new();
            locked(store).reading(&mut |store| {
                let kept = store.current(&channel.path, &window)?.into_iter();
                records = kept.map(|kept| self.telling(store, kept, once, None)).collect::<Result<_, _>>()?;
                Ok(())
            })?;
            // Texts that grow when they are escaped: then only what is in no archive.
            let filled = self.filled(FeedDocument { hub_urls: self.site.hub_urls(), ..base.clone() }, records);
            if window.count_max > 0 && filled.written.iter().any(|(.., bytes)| bytes.len() > check::DOCUMENT_MAX_BYTES) {
                window.count_max = 0;
                continue;
            }
            let (document, faults) = filled.stage(tree, &stem)?;
            self.faults.extend(faults);
            if channel.kind != Kind::Everything {
                let line = |archive: &Archive| ArchiveLine { name: archive.name.clone(), records: archive.records };
                let lines: Vec<ArchiveLine> = if channel.kind == Kind::Topic { archives.iter().map(line).collect() } else { Vec::new() };
                let page = html::feed_page(&self.frame, &document, &lines);
                tree.stage(&format!("{}/{PAGE_FILE}", channel.path), page.as_bytes())?;
            }
            return Ok(());
        }
    }

    /// What all documents of a feed have in common, and no items.
    fn head(&self, channel: &Channel<'_>) -> FeedDocument {
        let folder_url = self.folder_url(&channel.path);
        FeedDocument {
            id: self.folder_url(&channel.id_path),
            title: channel.title.clone(),
            subtitle: channel.subtitle.clone(),
            urls: Urls::of(&folder_url, CURRENT),
            page_url: folder_url,
            style_url: format!("{}{FEED_STYLE_FILE}", self.site.base_url),
            prev: None,
            next: None,
            current: None,
            hub_urls: Vec::new(),
            language: self.site.language.clone(),
            updated: self.created,
            items: Vec::new(),
            deleted: Vec::new(),
        }
    }
}

/// An archive document that is to be written.
struct Waiting<'a> {
    channel: &'a Channel<'a>,
    /// How far in its feed's history it is, in thousandths.
    age: usize,
    prev: Option<Archive>,
    archive: Archive,
    deleted: Vec<DeletedEntry>,
}

/// A document, and its items and itself as they are written.
struct Filled {
    document: FeedDocument,
    printed: Vec<Arc<Printed>>,
    written: [(Form, &'static str, Vec<u8>); 3],
}

impl Filled {
    /// Stages the document in its three forms, each read back before it may replace another. Returns those that may not.
    fn stage(self, tree: &mut Tree, stem: &str) -> Result<(FeedDocument, Vec<(String, Fault)>), PublishError> {
        let mut faults = Vec::new();
        for (form, ending, bytes) in self.written {
            let path = format!("{stem}.{ending}");
            let mut fault = None;
            tree.stage_sound(&path, &bytes, Some(self.document.updated), || {
                fault = check::check(form, &bytes, &self.document, &self.printed).err();
                fault.is_none()
            })?;
            faults.extend(fault.map(|fault| (path, fault)));
        }
        Ok((self.document, faults))
    }
}
