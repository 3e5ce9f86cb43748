//! Store to `output/`: the desired tree, and only what differs of it is written.
//!
//! What is published is a function of the store and the configuration: no clock is read here, so the same store gives the same
//! bytes. What a commit touched is marked in the store in the commit itself, and unmarked only when it is durably published; a
//! process that is killed in between publishes it at its next run.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use quick_xml::escape::escape;

use crate::config::Site;
use crate::format::document::{
    ATOM_FILE, Enclosure, FeedCategory, FeedDocument, FeedItem, FeedSource, JSON_FILE, OPML_FILE, PAGE_FILE, RSS_FILE, Related, STYLE_FILE,
    TopicLine,
};
use crate::format::{atom, front_matter, html, json_feed, opml, rss};
use crate::ingest::{SharedStore, locked};
use crate::io::file;
use crate::io::output::{self, Found, OutputError, Tree, Written};
use crate::record::{Draft, Offering, PageMeta, Record, Section};
use crate::stage::{naming, text};
use crate::store::{Pending, Store, StoreError, StoredRecord, TopicCount};
use crate::{stories, syntax};

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
        press.all_records(&mut tree, store)?;
    } else {
        for numbers in pending.records.chunks(BATCH) {
            for record in locked(store).records(numbers)? {
                press.record(&mut tree, record)?;
            }
        }
    }
    let newest = {
        let store = locked(store);
        let newest = store.newest(NEWEST_ON_INDEX)?;
        newest.into_iter().map(|record| others(&*store, record, true)).collect::<Result<Vec<_>, _>>()?
    };
    press.index(&mut tree, newest)?;
    let written = tree.commit()?;
    locked(store).published(&pending, &hash)?;
    Ok(written)
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

    fn all_records(&self, tree: &mut Tree, store: &SharedStore) -> Result<(), PublishError> {
        let mut after = 0;
        loop {
            let mut batch = Vec::with_capacity(BATCH);
            let last = locked(store).records_after(after, BATCH, &mut |record| batch.push(record))?;
            for record in batch {
                self.record(tree, record)?;
            }
            match last {
                Some(last) => after = last,
                None => return Ok(()),
            }
        }
    }

    fn record(&self, tree: &mut Tree, stored: StoredRecord) -> Result<(), PublishError> {
        let hidden = stored.draft.hidden;
        let record = self.curated(stored);
        let path = format!("{}/{}.md", record.section.base_path.trim_matches('/'), record.uuid);
        if hidden {
            return Ok(tree.remove(path.trim_start_matches('/'))?);
        }
        tree.stage(path.trim_start_matches('/'), front_matter::write(&record).as_bytes())?;
        Ok(())
    }

    fn curated(&self, stored: StoredRecord) -> Record {
        let StoredRecord { number, uuid, source, last_mod, draft, .. } = stored;
        let section = self.site.sections.iter().find(|s| s.id == draft.section).or(self.site.sections.first());
        let categories: Vec<String> = draft.topics.into_iter().map(|t| t.category).collect();
        Record {
            number,
            uuid,
            section: section.map_or_else(Section::default, |s| s.section.clone()),
            curators: draft.curators,
            title: draft.title,
            href: draft.href,
            original: draft.original,
            published: draft.published,
            last_mod,
            summary: draft.summary,
            body: draft.body,
            related_offerings: naming::related_offerings(&categories, &self.offerings),
            categories,
            favicon: None,
            featured_image: None,
            featured_pdf: None,
            page: PageMeta::default(),
            institution: draft.institution,
            offering: draft.offering,
            source,
            via: draft.via,
            via_link: draft.via_link,
            insights_description: None,
            insights_name: None,
        }
    }

    fn item(&self, (stored, related): Telling) -> FeedItem {
        let StoredRecord { published_id, updated, draft, .. } = stored;
        let category = |t: crate::record::DraftTopic| FeedCategory {
            url: format!("{}topic/{}/", self.site.base_url, t.slug),
            label: naming::category_label(&t.category).to_owned(),
            term: t.category,
        };
        let enclosure = |(url, media_type, length_bytes): (String, String, u64)| Enclosure { url, media_type, length_bytes };
        FeedItem {
            id: published_id,
            title: text::xml_clean(&draft.title).into_owned(),
            url: address(&draft).to_owned(),
            published: draft.published,
            updated,
            authors: draft.authors,
            summary_html: with_others(draft.body, &related),
            summary_text: draft.summary,
            categories: draft.topics.into_iter().map(category).collect(),
            enclosures: draft.enclosures.into_iter().map(enclosure).collect(),
            image: draft.image,
            language: draft.language.filter(|l| syntax::is_language_tag(l)),
            rights: draft.rights,
            source: FeedSource {
                id: draft.taken_from.id,
                title: draft.taken_from.title,
                updated: draft.taken_from.updated,
                self_url: draft.taken_from.self_url,
                alternate_url: draft.taken_from.alternate_url,
                rights: draft.taken_from.rights,
            },
            related,
        }
    }
}

/// A record with the other articles of its story.
type Telling = (StoredRecord, Vec<Related>);

/// The other articles of a record's story, if its feed carries stories once.
fn others(store: &dyn Store, record: StoredRecord, once: bool) -> Result<Telling, StoreError> {
    let Some(story) = record.story.filter(|_| once) else { return Ok((record, Vec::new())) };
    let number = record.number;
    let members = store.story(story)?.into_iter().map(|m| m.record).filter(|r| r.number != number && !r.draft.hidden);
    let related = |other: StoredRecord| Related {
        url: address(&other.draft).to_owned(),
        title: text::xml_clean(&other.draft.title).into_owned(),
        source: other.draft.taken_from.title,
    };
    Ok((record, members.map(related).collect()))
}

/// Where readers find an article. A fragment was made to tell articles apart that share a link (`identity::place`); the link
/// itself leads there.
fn address(draft: &Draft) -> &str {
    if draft.href.contains('#') { &draft.original } else { &draft.href }
}

/// An excerpt with the line that names the story's other sources, for readers that show no related links.
fn with_others(body: String, related: &[Related]) -> String {
    if related.is_empty() {
        return body;
    }
    let names = related.iter().map(|other| format!("<a href=\"{}\">{}</a>", escape(other.url.as_str()), escape(other.source.as_str())));
    format!("{body}<p>Also reported by {}.</p>", names.collect::<Vec<_>>().join(", "))
}

/// Whether there is a publication at all; a folder that somebody emptied is filled again.
fn is_published(dir: &Path) -> bool {
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
