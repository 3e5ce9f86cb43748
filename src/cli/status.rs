//! `topicwire status`.

use clap::Args;
use serde_json::{Value, json};

use super::table::table;
use super::{Context, Exit, Result, print, print_json};
use crate::store::Store;
use crate::store::sqlite::SqliteStore;
use crate::syntax::rfc3339;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// Shows how each configured source is doing. Reads beside a running service.
pub(super) fn run(context: &Context, options: &Options) -> Result {
    let site = context.site()?;
    let store = SqliteStore::open_to_read(&site.store)?;
    let (states, counts) = match &store {
        Some(store) => (store.poll_states()?, store.source_counts()?),
        None => Default::default(),
    };
    let states: std::collections::HashMap<_, _> = states.into_iter().collect();
    let sources: Vec<Value> = site
        .sources
        .iter()
        .map(|source| {
            let state = states.get(&source.id).cloned().unwrap_or_default();
            let count = counts.get(&source.id).copied().unwrap_or_default();
            json!({
                "id": source.id,
                "title": source.title.as_ref().or(state.title.as_ref()),
                "url": source.url.as_str(),
                "outcome": state.outcome.word(),
                "polled": state.polled_at.map(rfc3339),
                "well": state.well_at.map(rfc3339),
                "next": state.next_due.map(rfc3339),
                "next_why": state.next_why,
                "failures": state.failures,
                "failing_since": state.failing_since.map(rfc3339),
                "failure": state.failure,
                "status": state.status,
                "moved_to": state.moved_to,
                "repairs": state.repairs,
                "entries": count.entries,
                "records": count.records,
            })
        })
        .collect();
    if options.json {
        print_json(&json!({ "sources": sources }));
        return Ok(Exit::Well);
    }
    let rows = sources.iter().map(|s| {
        let text = |key: &str| s[key].as_str().unwrap_or("-").to_owned();
        let outcome = match (s["failure"]["why"].as_str(), s["failing_since"].as_str()) {
            (Some(why), Some(since)) => format!("{}: {why} ({} in a row since {since})", text("outcome"), s["failures"]),
            _ => text("outcome"),
        };
        let next = if s["next"].is_null() { "now".to_owned() } else { format!("{} ({})", text("next"), text("next_why")) };
        vec![text("id"), outcome, text("polled"), next, s["entries"].to_string(), s["records"].to_string()]
    });
    print(&table(&["source", "outcome", "last poll", "next due", "entries", "records"], &[4, 5], rows));
    Ok(Exit::Well)
}
