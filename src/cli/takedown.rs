//! `topicwire takedown`: an article, or everything of a source, leaves everything published, at once and for good.
//!
//! The word stands in `overrides.toml`, so it outlasts every poll, every change of rules, and the store itself. A `[[takedown]]` is
//! never removed again: lifted or not, it is the record of what was asked and why.

use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use super::edit::record;
use super::{CommandError, Context, Exit, Result, print, warn};
use crate::config::Site;
use crate::edit::{EditError, rewrite, unusable};
use crate::ingest::IngestError;
use crate::publisher::{self, Scope};
use crate::read_back::Span;
use crate::stage::clean;
use crate::store::sqlite::SqliteStore;
use crate::store::{Store as _, StoreError};
use crate::syntax::rfc3339;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The article: its URL, or its record's number or UUID; or a source's id
    #[arg(value_name = "URL|SOURCE")]
    what: String,
    /// Why, for the record that is kept of it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Lift it: what was taken down is published again
    #[arg(long)]
    undo: bool,
}

/// What is taken down, as `[[takedown]]` names it.
struct Target {
    key: &'static str,
    name: String,
    /// The id that it was published under, and its title.
    entry: Option<(String, String)>,
}

/// Notes it in `overrides.toml` and publishes without it.
pub(super) fn run(context: &Context, options: &Options) -> Result {
    let site = context.site()?;
    let target = target(&site, &options.what)?;
    let now = rfc3339(context.clock.now());
    rewrite(&site, |document| if options.undo { lift(document, &target, &now) } else { note(document, &target, options, &now) })?;
    let what = if options.undo { "published again" } else { "taken down" };
    // Read anew, with what was just written.
    let published = context
        .work(context.site()?, "takedown", Span::Part)
        .and_then(|(_lock, ingest)| Ok(publisher::publish(ingest.site(), ingest.store(), Scope::Changed)?));
    match published {
        Ok(written) => {
            written.told.iter().for_each(|what| warn(what));
            print(&format!("{}: {what}; {} files written, {} removed\n", target.name, written.written, written.removed));
            Ok(Exit::Well)
        }
        Err(
            CommandError::Store(StoreError::Held { holder, .. })
            | CommandError::Ingest(IngestError::Store(StoreError::Held { holder, .. })),
        ) => told(&target.name, what, &holder),
        Err(error) => Err(error),
    }
}

/// A service that holds the store is told to read its configuration again, with which it publishes.
fn told(name: &str, what: &str, holder: &str) -> Result {
    let service = holder.contains("`topicwire serve`").then(|| holder.strip_prefix("process ")?.split(' ').next()?.parse().ok()).flatten();
    let is_told = service.and_then(Pid::from_raw).is_some_and(|service| kill_process(service, Signal::HUP).is_ok());
    if is_told {
        print(&format!("{name}: the running service ({holder}) was told; it is {what} with its next publication, within seconds\n"));
        return Ok(Exit::Well);
    }
    Err(CommandError::Usage(format!("{name} is noted, but {holder} holds the store: run `topicwire publish` when it has ended")))
}

fn target(site: &Site, what: &str) -> Result<Target> {
    let is_source = site.sources.iter().any(|source| source.id == what) || site.overrides.takedowns.sources.contains(what);
    // One that is configured no more may still have articles.
    let is_stored = || {
        Ok::<_, CommandError>(match SqliteStore::open_to_read(&site.store)? {
            Some(store) => store.source_counts()?.contains_key(what),
            None => false,
        })
    };
    if is_source || is_stored()? {
        return Ok(Target { key: "source", name: what.to_owned(), entry: None });
    }
    match record(site, what) {
        Ok((_, record)) => Ok(Target { key: "url", name: record.draft.href, entry: Some((record.published_id, record.draft.title)) }),
        // What was never seen can be kept out before it comes.
        Err(unknown) => match clean::clean_url(what, None) {
            Some(url) => Ok(Target { key: "url", name: url.into(), entry: None }),
            None => Err(unknown),
        },
    }
}

fn tables(document: &mut DocumentMut) -> Result<&mut ArrayOfTables, EditError> {
    let item = document.entry("takedown").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    item.as_array_of_tables_mut().ok_or_else(|| unusable("takedown"))
}

fn is_of(table: &Table, target: &Target) -> bool {
    table.get(target.key).and_then(Item::as_str) == Some(&target.name) && !table.contains_key("lifted")
}

fn note(document: &mut DocumentMut, target: &Target, options: &Options, now: &str) -> Result<(), EditError> {
    let tables = tables(document)?;
    if tables.iter().any(|table| is_of(table, target)) {
        return Ok(());
    }
    let mut table = Table::from_iter([(target.key, value(&target.name))]);
    if let Some((id, title)) = &target.entry {
        table["id"] = value(id);
        let title: String = title.chars().filter(|c| !c.is_control()).collect();
        table.decor_mut().set_prefix(format!("\n# {title}\n"));
    }
    table["at"] = value(now);
    if let Some(reason) = options.reason.as_deref().map(|r| r.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|r| !r.is_empty()) {
        table["reason"] = value(reason);
    }
    tables.push(table);
    Ok(())
}

fn lift(document: &mut DocumentMut, target: &Target, now: &str) -> Result<(), EditError> {
    let mut lifted = false;
    for table in tables(document)?.iter_mut().filter(|table| is_of(table, target)) {
        table["lifted"] = value(now);
        lifted = true;
    }
    if lifted { Ok(()) } else { Err(EditError::Usage(format!("{} is not taken down", target.name))) }
}
