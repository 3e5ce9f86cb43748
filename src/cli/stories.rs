//! `topicwire stories`.

use std::fmt::Write as _;

use clap::Args;
use serde_json::{Value, json};

use super::{Context, Exit, Result, print, print_json};
use crate::config::Site;
use crate::entry::Entry;
use crate::stage::host::Reach;
use crate::stage::{identity, text};
use crate::store::sqlite::SqliteStore;
use crate::store::{Store, StoreError, StoredRecord};
use crate::syntax::rfc3339;

/// Records read at once with `--all`.
const BATCH: usize = 500;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Print JSON: {"stories": [{"id", "members": [{"url", "source", "title", …}], "why": […]}]}
    #[arg(long)]
    json: bool,
    /// With the articles that nobody else tells, each as a story of one member
    #[arg(long)]
    all: bool,
}

/// Lists stories with their members, the one that feeds show first, and why they belong together. Reads beside a running service.
pub(super) fn run(context: &Context, options: &Options) -> Result {
    let site = context.site()?;
    let Some(store) = SqliteStore::open_to_read(&site.store)? else {
        print(&if options.json { "{\"stories\":[]}\n".to_owned() } else { format!("there is no store {} yet\n", site.store.display()) });
        return Ok(Exit::Well);
    };
    let mut stories = Vec::new();
    for number in store.told()? {
        for record in store.records(&[number])? {
            stories.push(story(&site, &store, record)?);
        }
    }
    if options.all {
        let mut after = 0;
        loop {
            let mut batch = Vec::new();
            let last = store.records_after(after, BATCH, &mut |record| batch.push(record))?;
            for record in batch.into_iter().filter(|r| r.story.is_none()) {
                let alone = story(&site, &store, record)?;
                if alone.members.len() == 1 {
                    stories.push(alone);
                }
            }
            match last {
                Some(last) => after = last,
                None => break,
            }
        }
    }
    if options.json {
        let stories: Vec<Value> = stories
            .iter()
            .map(|s| json!({"id": s.id, "members": s.members.iter().map(Telling::json).collect::<Vec<_>>(), "why": s.why}))
            .collect();
        print_json(&json!({ "stories": stories }));
    } else {
        stories.iter().for_each(|s| print(&s.text()));
        print(&format!("{} stories\n", stories.len()));
    }
    Ok(Exit::Well)
}

/// A story as it is shown.
pub(super) struct Story {
    pub(super) id: String,
    pub(super) members: Vec<Telling>,
    pub(super) why: Vec<String>,
}

/// One source's telling of it.
pub(super) struct Telling {
    number: u64,
    /// As its source gave it.
    url: String,
    href: String,
    source: String,
    title: String,
    published: String,
}

impl Telling {
    pub(super) fn json(&self) -> Value {
        json!({"url": self.url, "source": self.source, "title": self.title, "href": self.href, "record": self.number, "published": self.published})
    }
}

impl Story {
    pub(super) fn text(&self) -> String {
        let mut out = format!("{}\n", self.id);
        for member in &self.members {
            let _ = writeln!(out, "  {}: {} ({}, {})", member.source, member.title, member.url, member.published);
        }
        for why in &self.why {
            let _ = writeln!(out, "  why: {why}");
        }
        out
    }
}

/// The story that a record tells, with every entry that tells it.
pub(super) fn story(site: &Site, store: &dyn Store, record: StoredRecord) -> Result<Story> {
    let mut why = Vec::new();
    let (id, records) = match record.story {
        Some(story) => {
            let members = store.story(story)?;
            why.extend(members.iter().filter_map(|m| Some(format!("{} {}", m.record.draft.href, m.why.as_deref()?))));
            (format!("story-{story}"), members.into_iter().map(|m| m.record).collect())
        }
        None => (format!("record-{}", record.number), vec![record]),
    };
    let mut members = Vec::new();
    for record in records {
        let entries = store.entries(record.number)?;
        if entries.len() > 1 {
            why.push(format!("{} is the address of {} entries", record.draft.href, entries.len()));
        }
        for (n, stored) in entries.into_iter().enumerate() {
            let entry: Entry = serde_json::from_slice(&stored.raw).map_err(|e| StoreError::Damaged {
                path: site.store.clone(),
                what: format!("entry {} of {}", stored.key, stored.source),
                cause: e.to_string(),
            })?;
            let source = site.sources.iter().find(|s| s.id == stored.source);
            let given = source.and_then(|source| identity::address(&entry, Reach::of(source))).map(|a| a.original);
            let title = entry.title.as_ref().filter(|_| n > 0).map(text::plain).filter(|t| !t.is_empty());
            members.push(Telling {
                number: record.number,
                url: given.unwrap_or_else(|| record.draft.original.clone()),
                href: record.draft.href.clone(),
                source: stored.source,
                title: title.unwrap_or_else(|| record.draft.title.clone()),
                published: rfc3339(record.draft.published),
            });
        }
    }
    Ok(Story { id, members, why })
}
