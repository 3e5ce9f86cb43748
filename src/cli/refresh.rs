//! `topicwire refresh`.

use std::collections::{HashMap, HashSet};
use std::io::IsTerminal as _;

use chrono::{DateTime, Utc};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::table::{table, took};
use super::{CommandError, Context, Exit, Result, print, print_json, runtime, warn};
use crate::config::Site;
use crate::enrich::{Enriched, Enricher};
use crate::ingest::{Ingest, Polled, locked};
use crate::io::output::Written;
use crate::publisher::{self, Scope};
use crate::push;
use crate::read_back::Span;
use crate::scheduler;
use crate::stage::poll::{self, Asked, Plan};
use crate::store::sqlite::SqliteStore;
use crate::store::{PollState, Store};
use crate::syntax::rfc3339;

/// From this many sources on, the table leaves out those where nothing happened.
const QUIET_FROM: usize = 50;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Ids of the sources to poll; all if none is named
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// Poll only those whose time has come
    #[arg(long)]
    due: bool,
    /// Ask the named sources for their whole documents again, without validators; everything else asks conditionally
    #[arg(long, requires = "sources")]
    from_zero: bool,
    /// Say what would be fetched and written, and do neither
    #[arg(long)]
    dry_run: bool,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// Polls once, then publishes what changed.
pub(super) fn run(context: &Context, options: &Options) -> Result {
    let site = context.site()?;
    let named = positions(&site, &options.sources)?;
    let now = context.clock.now();
    if options.dry_run {
        return dry_run(&site, named, options, now);
    }
    let (_lock, ingest) = context.work(site, "refresh", Span::Part)?;
    let known = if options.due { states(&*locked(ingest.store()))? } else { HashMap::new() };
    let chosen = chosen(ingest.site(), named, options.due, &known, now);
    if options.from_zero {
        let mut store = locked(ingest.store());
        for source in chosen.iter().filter_map(|n| ingest.site().sources.get(*n)) {
            let state = poll::from_zero(store.poll_state(&source.id)?);
            store.amend(&source.id, &state, now)?;
        }
    }
    let bar = progress(chosen.len());
    let runtime = runtime()?;
    let (ingest, polled) = runtime.block_on(scheduler::rounds(ingest, chosen, now, |polled| {
        scheduler::log(polled);
        bar.inc(1);
    }))?;
    bar.finish_and_clear();
    let mut written = publisher::publish(ingest.site(), ingest.store(), Scope::Changed)?;
    // After the publication: readers need not wait for pages, and what these add is published by itself.
    let articles = runtime.block_on(Enricher::new(&ingest).run(now, ingest.site().fetch.article_budget))?;
    if articles.read > 0 {
        let added = publisher::publish(ingest.site(), ingest.store(), Scope::Changed)?;
        written.written += added.written;
        written.removed += added.removed;
        written.told.extend(added.told);
    }
    written.told.iter().for_each(|what| warn(what));
    runtime.block_on(push::announce(&ingest, &context.clock))?;
    report(&ingest, &polled, &written, Some(&articles), options.json);
    let failed = polled.iter().any(|p| !p.state.outcome.is_good());
    Ok(if failed { Exit::SomeFailed } else { Exit::Well })
}

/// Places of the named sources; all if none is named. Every unknown name is told at once.
pub(super) fn positions(site: &Site, names: &[String]) -> Result<Vec<usize>> {
    if names.is_empty() {
        return Ok((0..site.sources.len()).collect());
    }
    let place = |name: &String| site.sources.iter().position(|s| s.id == *name);
    let unknown: Vec<&str> = names.iter().filter(|n| place(n).is_none()).map(String::as_str).collect();
    if !unknown.is_empty() {
        let known: Vec<&str> = site.sources.iter().map(|s| s.id.as_str()).collect();
        let nearest = unknown.iter().filter_map(|name| {
            let near = known.iter().min_by_key(|k| strsim::damerau_levenshtein(k, name))?;
            (strsim::damerau_levenshtein(near, name) <= 3).then(|| format!("; did you mean {near}?"))
        });
        return Err(CommandError::Usage(format!("no source named {}{}", unknown.join(", "), nearest.collect::<String>())));
    }
    let mut seen = HashSet::new();
    Ok(names.iter().filter_map(place).filter(|n| seen.insert(*n)).collect())
}

fn states(store: &dyn Store) -> Result<HashMap<String, PollState>> {
    Ok(store.poll_states()?.into_iter().collect())
}

fn chosen(site: &Site, named: Vec<usize>, only_due: bool, states: &HashMap<String, PollState>, now: DateTime<Utc>) -> Vec<usize> {
    if !only_due {
        return named;
    }
    let due: HashSet<usize> = scheduler::due(site, states, now).into_iter().collect();
    named.into_iter().filter(|n| due.contains(n)).collect()
}

pub(super) fn progress(length: usize) -> ProgressBar {
    let bar = ProgressBar::new(length as u64);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template("polling {bar:32} {pos}/{len} sources, {elapsed}") {
        bar.set_style(style);
    }
    bar
}

/// What would be fetched and what waits to be written. The store is only read, and only if there is one.
fn dry_run(site: &Site, named: Vec<usize>, options: &Options, now: DateTime<Utc>) -> Result {
    let store = SqliteStore::open_to_read(&site.store)?;
    let states = store.as_ref().map(|s| states(s)).transpose()?.unwrap_or_default();
    let pending = store.as_ref().map(Store::pending).transpose()?.unwrap_or_default();
    let budgets = site.budgets();
    let sources: Vec<Value> = chosen(site, named, options.due, &states, now)
        .into_iter()
        .filter_map(|n| site.sources.get(n))
        .map(|source| {
            let state = states.get(&source.id).cloned().unwrap_or_default();
            let state = if options.from_zero { poll::from_zero(state) } else { state };
            let url = poll::address(&state, source.url.as_str());
            let host = url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
            let host_until = store.as_ref().map(|store| store.host_limit(&budgets.name(&host))).transpose()?.flatten();
            let (how, wait) = match poll::plan(&state, source.url.as_str(), host_until, now) {
                Plan::Ask(ask) => (ask.how, None),
                Plan::Wait { until, .. } => (state.asked, Some(rfc3339(until))),
            };
            Ok(json!({
                "id": source.id,
                "url": url,
                "conditional": how == Asked::Conditional,
                "how": how.word(),
                "waits_until": wait,
            }))
        })
        .collect::<Result<_>>()?;
    if options.json {
        print_json(&json!({"would_fetch": sources, "would_write": {"topics": pending.topics, "records": pending.records.len()}}));
        return Ok(Exit::Well);
    }
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let rows = sources.iter().map(|s| {
        let how = match (s["waits_until"].as_str(), s["conditional"].as_bool()) {
            (Some(until), _) => format!("not before {until}, as the server asked"),
            (None, Some(true)) => "conditional".to_owned(),
            _ => format!("unconditional: {}", text(&s["how"])),
        };
        vec![text(&s["id"]), text(&s["url"]), how]
    });
    print(&table(&["source", "would fetch", "how"], &[], rows));
    print(&format!(
        "would write to {}: {} topics and {} records that wait, and what the polls bring; nothing was fetched or written\n",
        site.output.display(),
        pending.topics.len(),
        pending.records.len()
    ));
    Ok(Exit::Well)
}

pub(super) fn report(ingest: &Ingest, polled: &[Polled], written: &Written, articles: Option<&Enriched>, as_json: bool) {
    let articles = articles.copied().unwrap_or_default();
    if as_json {
        let sources: Vec<Value> = polled.iter().map(source_json).collect();
        print_json(&json!({
            "sources": sources,
            "articles": {"read": articles.read, "failed": articles.failed, "left": articles.left},
            "published": {"written": written.written, "unchanged": written.unchanged, "removed": written.removed},
        }));
        return;
    }
    let quiet = |p: &&Polled| polled.len() < QUIET_FROM || !p.state.outcome.is_good() || p.state.new + p.state.changed > 0;
    let rows: Vec<_> = polled.iter().filter(quiet).map(row).collect();
    let left_out = polled.len() - rows.len();
    if !rows.is_empty() {
        print(&table(&["source", "outcome", "new", "changed", "took"], &[2, 3, 4], rows));
    }
    if left_out > 0 {
        print(&format!("{left_out} more sources without news\n"));
    }
    let sum = |f: fn(&PollState) -> usize| polled.iter().map(|p| f(&p.state)).sum::<usize>();
    let failed = polled.iter().filter(|p| !p.state.outcome.is_good()).count();
    let output = ingest.site().output.display();
    print(&format!(
        "{} sources: {} new entries, {} changed; {failed} failed; {} files written to {output}\n",
        polled.len(),
        sum(|s| s.new),
        sum(|s| s.changed),
        written.written
    ));
    if articles != Enriched::default() {
        print(&articles_text(&articles));
    }
}

fn articles_text(articles: &Enriched) -> String {
    let Enriched { read, failed, left } = articles;
    let failed = if *failed > 0 { format!(", {failed} could not be had and are tried again (`topicwire status`)") } else { String::new() };
    let left = match left {
        0 => String::new(),
        1 => "; 1 article page is still to be read: `serve` goes on, or another `refresh`".to_owned(),
        left => format!("; {} article pages are still to be read: `serve` goes on, or another `refresh`", grouped(*left)),
    };
    format!("{read} article pages read{failed}{left}\n")
}

/// A number with commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn row(polled: &Polled) -> Vec<String> {
    let state = &polled.state;
    let outcome = match &state.failure {
        Some(failure) => format!("{}: {}", state.outcome.word(), failure.why),
        None => state.outcome.word().to_owned(),
    };
    vec![polled.source.clone(), outcome, state.new.to_string(), state.changed.to_string(), took(state.took_ms)]
}

fn source_json(polled: &Polled) -> Value {
    let state = &polled.state;
    json!({
        "id": polled.source,
        "outcome": state.outcome.word(),
        "failure": state.failure,
        "status": state.status,
        "new": state.new,
        "changed": state.changed,
        "listed": state.listed,
        "repairs": state.repairs,
        "next": state.next_due.map(rfc3339),
        "took_ms": state.took_ms,
    })
}
