//! `topicwire export`: the sources as OPML, or every record as a line of JSON.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Context, Exit, Result, print};
use crate::config::{Site, SourceKind};
use crate::format::subscriptions;
use crate::stage::subscription::Subscription;
use crate::store::sqlite::SqliteStore;
use crate::store::{Store, StoredRecord};
use crate::syntax::rfc3339;

/// Records held in memory at once.
const BATCH: usize = 500;

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum What {
    /// The feeds that are followed, as other readers import them; addresses are whole, with tokens that may be in them
    Opml,
    /// Every record, one JSON object a line, by number
    Jsonl,
}

/// Writes to standard output. Reads beside a running service.
pub(super) fn run(context: &Context, options: &Options) -> Result {
    let site = context.site()?;
    match options.what {
        What::Opml => print(&subscriptions::write(&site.title, &followed(&site))),
        What::Jsonl => {
            let Some(store) = SqliteStore::open_to_read(&site.store)? else { return Ok(Exit::Well) };
            let mut after = 0;
            let mut lines = String::new();
            while let Some(last) = store.records_after(after, BATCH, &mut |record| lines += &line(&record))? {
                print(&lines);
                lines.clear();
                after = last;
            }
        }
    }
    Ok(Exit::Well)
}

/// A news page, a sitemap or a list is no feed: no other reader could follow it.
fn followed(site: &Site) -> Vec<Subscription> {
    let one = |source: &crate::config::Source| Subscription {
        title: source.title.clone().unwrap_or_else(|| source.id.clone()),
        url: source.url.to_string(),
        language: source.language.clone(),
        folders: source.categories.iter().filter_map(|n| site.topics.get(*n)).map(|topic| topic.category.clone()).collect(),
    };
    site.sources.iter().filter(|source| matches!(source.kind, SourceKind::Feed | SourceKind::Auto)).map(one).collect()
}

fn line(record: &StoredRecord) -> String {
    let draft = &record.draft;
    let value = json!({
        "number": record.number,
        "uuid": record.uuid,
        "id": record.published_id,
        "source": record.source,
        "url": draft.href,
        "original": draft.original,
        "title": draft.title,
        "summary": draft.summary,
        "content_html": draft.body,
        "published": rfc3339(draft.published),
        "added": rfc3339(record.added),
        "updated": rfc3339(record.updated),
        "topics": draft.topics.iter().map(|topic| &topic.category).collect::<Vec<_>>(),
        "authors": draft.authors,
        "language": draft.language,
        "rights": draft.rights,
        "image": draft.image,
        "story": record.story,
        "hidden": draft.hidden,
        "pinned": draft.pinned,
    });
    format!("{value}\n")
}
