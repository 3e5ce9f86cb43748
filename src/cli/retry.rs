//! `topicwire retry`.

use chrono::{DateTime, Utc};
use clap::Args;

use super::refresh::{positions, progress, report};
use super::{CommandError, Context, Exit, Result, print, runtime};
use crate::config::Site;
use crate::ingest::locked;
use crate::publisher::{self, Scope};
use crate::read_back::Span;
use crate::scheduler;
use crate::stage::poll;
use crate::store::sqlite::SqliteStore;
use crate::store::{Store, StoreError};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Ids of the sources
    #[arg(value_name = "SOURCE", required = true)]
    sources: Vec<String>,
    /// Ask where the configuration says, not where a permanent redirect led, and never move there again
    #[arg(long)]
    undo_move: bool,
    /// Take what a degraded source gives now, whatever it is like: it is what is normal from then on
    #[arg(long)]
    accept: bool,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// Forgets back-off and gone, and polls: conditionally, and never before the time that a server named. A running service is left to
/// poll for itself.
pub(super) fn run(context: &Context, options: &Options) -> Result {
    let site = context.site()?;
    let now = context.clock.now();
    let chosen = positions(&site, &options.sources)?;
    let path = site.store.clone();
    let names = ids(&site, &chosen);
    let (_lock, ingest) = match context.work(site, "retry", Span::Part) {
        Ok(work) => work,
        Err(CommandError::Store(StoreError::Held { holder, .. })) if holder.contains("`topicwire serve`") => {
            let Some(mut store) = SqliteStore::open_to_read(&path)? else { return Err(StoreError::Held { path, holder }.into()) };
            prepare(&mut store, &names, options, now)?;
            print(&format!("{}: the running service polls within a minute\n", names.join(", ")));
            return Ok(Exit::Well);
        }
        Err(error) => return Err(error),
    };
    prepare(&mut *locked(ingest.store()), &names, options, now)?;
    let bar = progress(chosen.len());
    let (ingest, polled) = runtime()?.block_on(scheduler::rounds(ingest, chosen, now, |polled| {
        scheduler::log(polled);
        bar.inc(1);
    }))?;
    bar.finish_and_clear();
    let written = publisher::publish(ingest.site(), ingest.store(), Scope::Changed)?;
    report(&ingest, &polled, &written, None, options.json);
    let failed = polled.iter().any(|p| !p.state.outcome.is_good());
    Ok(if failed { Exit::SomeFailed } else { Exit::Well })
}

fn ids(site: &Site, chosen: &[usize]) -> Vec<String> {
    chosen.iter().filter_map(|n| site.sources.get(*n)).map(|source| source.id.clone()).collect()
}

fn prepare(store: &mut dyn Store, names: &[String], options: &Options, now: DateTime<Utc>) -> Result<()> {
    for id in names {
        let mut state = poll::retry(store.poll_state(id)?, now);
        if options.accept {
            state = poll::accept(state);
        }
        if options.undo_move {
            let told = match poll::undo_move(&mut state) {
                Some(target) => format!("{id}: no longer moved to {target}\n"),
                None => format!("{id}: it has not moved\n"),
            };
            if !options.json {
                print(&told);
            }
        }
        store.amend(id, &state, now)?;
    }
    Ok(())
}
