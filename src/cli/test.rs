//! `topicwire test`.

use std::sync::{Arc, Mutex};

use clap::Args;
use serde_json::{Value, json};

use super::refresh::positions;
use super::{Context, Exit, Result, print, print_json, runtime};
use crate::config::{Source, SourceKind};
use crate::ingest::{Ingest, SharedStore, locked};
use crate::stage::poll::{self, Plan, PollState};
use crate::standing;
use crate::store::sqlite::SqliteStore;
use crate::store::{Store, StoredRecord};
use crate::syntax::rfc3339;

/// Records shown as text.
const SHOWN: usize = 20;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Id of the source
    source: String,
    /// Print JSON, of all records, instead of text
    #[arg(long)]
    json: bool,
}

/// Polls into a store that is thrown away. What the real one knows of the source's ways is lent to it: what the source is, what is
/// normal for it, and until when its server wants no requests.
pub(super) fn run(context: &Context, options: &Options) -> Result {
    let site = context.site()?;
    let now = context.clock.now();
    let chosen = positions(&site, std::slice::from_ref(&options.source))?;
    let Some((position, source)) = chosen.first().and_then(|n| Some((*n, site.sources.get(*n)?.clone()))) else { return Ok(Exit::Usage) };
    let real = SqliteStore::open_to_read(&site.store)?;
    let mut scratch = SqliteStore::open(":memory:".as_ref())?;
    if let Some(real) = &real {
        let known = real.poll_state(&source.id)?;
        let url = url::Url::parse(poll::address(&known, source.url.as_str())).ok();
        let host_until = url.and_then(|url| real.host_limit(url.host_str()?).transpose()).transpose()?;
        if let Plan::Wait { why, .. } = poll::plan(&known, source.url.as_str(), host_until, now) {
            super::warn(&why);
            return Ok(Exit::SomeFailed);
        }
        scratch.amend(&source.id, &lent(known), now)?;
        for list in site.sources.iter().filter(|list| list.kind == SourceKind::Opml && list.id != source.id) {
            scratch.amend(&list.id, &real.poll_state(&list.id)?, now)?;
        }
    }
    let store: SharedStore = Arc::new(Mutex::new(scratch));
    let ingest = Ingest::new(Arc::new(site), store)?;
    let polled = runtime()?.block_on(ingest.poll(position, now))?;
    let mut records = Vec::new();
    {
        let mut store = locked(ingest.store());
        store.settle()?;
        store.records_after(0, usize::MAX >> 1, &mut |record| records.push(record))?;
    }
    records.sort_by_key(|record| std::cmp::Reverse(record.draft.published));
    if options.json {
        print_json(&to_json(&source, &polled.state, &records));
    } else {
        print(&describe(&source, &polled.state, &records));
    }
    Ok(if polled.state.outcome.is_good() { Exit::Well } else { Exit::SomeFailed })
}

/// What is known of a source, without what would make the request conditional.
fn lent(known: PollState) -> PollState {
    PollState { etag: None, last_modified: None, body_hash: None, ..known }
}

fn topics(record: &StoredRecord) -> Vec<&str> {
    record.draft.topics.iter().map(|topic| topic.category.as_str()).collect()
}

fn describe(source: &Source, state: &PollState, records: &[StoredRecord]) -> String {
    let mut out = format!("{}: {}, read as {}\n", source.id, state.outcome.word(), standing::kind(source, state));
    if let Some(failure) = &state.failure {
        out += &format!("  {} ({}: {})\n", standing::line(&failure.why), failure.stage, failure.class);
    }
    if let Some(repair) = state.degraded.as_ref().and_then(|degraded| degraded.repair.as_ref()) {
        out += &format!("  what may help: {}\n", standing::line(repair));
    }
    for record in records.iter().take(SHOWN) {
        let draft = &record.draft;
        out += &format!("  {}  {}\n  {:<20}  {}\n", rfc3339(draft.published), draft.title, "", draft.href);
        let topics = topics(record);
        if !topics.is_empty() {
            out += &format!("  {:<20}  {}\n", "", topics.join(", "));
        }
    }
    for repair in &state.repairs {
        out += &format!("  problem: {}\n", standing::line(repair));
    }
    let more = records.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" ({more} not shown)") } else { String::new() };
    let names = if state.outlines.is_empty() { String::new() } else { format!("; it names {} feeds", state.outlines.len()) };
    out + &format!("{} entries, {} records{more}{names}; nothing was stored\n", state.listed, records.len())
}

fn to_json(source: &Source, state: &PollState, records: &[StoredRecord]) -> Value {
    let records: Vec<Value> = records
        .iter()
        .map(|record| {
            let draft = &record.draft;
            json!({
                "url": draft.href,
                "title": draft.title,
                "summary": draft.summary,
                "published": rfc3339(draft.published),
                "authors": draft.authors,
                "language": draft.language,
                "image": draft.image,
                "topics": topics(record),
            })
        })
        .collect();
    json!({
        "id": source.id,
        "outcome": state.outcome.word(),
        "failure": state.failure,
        "degraded": state.degraded,
        "kind": source.kind.word(),
        "found": state.found,
        "listed": state.listed,
        "problems": state.repairs,
        "names": state.outlines,
        "records": records,
    })
}
