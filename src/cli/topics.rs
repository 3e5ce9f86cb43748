//! `topicwire topics`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::table::table;
use super::{CommandError, Context, Exit, Result, print, print_json, warn};
use crate::config::{self, Site};
use crate::ingest::history::{self, Applied, Diff, Direction};
use crate::publisher::{self, Scope};
use crate::store::Shift;
use crate::store::sqlite::SqliteStore;
use crate::syntax::rfc3339;

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Run the rules over everything stored and show what would enter and leave each topic; nothing is changed
    Diff {
        /// Configuration with the new rules, where they are not in the configuration itself
        #[arg(value_name = "NEW")]
        new: Option<PathBuf>,
        /// The same
        #[arg(long, value_name = "NEW", conflicts_with = "new")]
        config_new: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// File everything stored by the configuration's rules, in one transaction, and publish what changed
    Apply {
        /// Agree to feeds of which more than half of the entries leave or enter
        #[arg(long)]
        yes: bool,
    },
}

/// Shows or applies what the rules make of everything stored.
pub(super) fn run(context: &Context, options: &Options) -> Result {
    match &options.what {
        What::Diff { new, config_new, json } => diff(context, new.as_ref().or(config_new.as_ref()), *json),
        What::Apply { yes } => apply(context, *yes),
    }
}

fn diff(context: &Context, new: Option<&PathBuf>, as_json: bool) -> Result {
    let site = context.site()?;
    let new = new.map(|path| config::load(path)).transpose()?;
    let rules = new.as_ref().unwrap_or(&site);
    let diff = match SqliteStore::open_to_read(&site.store)? {
        Some(store) => history::diff(rules, &store)?,
        None => Diff::default(),
    };
    let upheavals = history::upheavals(rules, &diff.shifts());
    if as_json {
        print_json(&diff_json(rules, &diff, &upheavals));
    } else {
        print(&diff_text(rules, &diff, &upheavals));
    }
    Ok(Exit::Well)
}

fn apply(context: &Context, consent: bool) -> Result {
    let (_lock, ingest) = context.store(context.site()?, "topics apply")?;
    match ingest.apply_rules(context.clock.now(), consent)? {
        Applied::Held(shifts) => Err(CommandError::Usage(held(ingest.site(), &shifts))),
        Applied::Changed(changed) => {
            let written = publisher::publish(ingest.site(), ingest.store(), Scope::Changed)?;
            written.told.iter().for_each(|what| warn(what));
            print(&format!("{changed} records changed; {} files written to {}\n", written.written, ingest.site().output.display()));
            Ok(Exit::Well)
        }
    }
}

/// What stands in the way of new rules, and what to do.
pub(super) fn held(site: &Site, shifts: &[Shift]) -> String {
    let topic =
        |s: &Shift| format!("\"{}\" ({} of {} entries would leave, {} would enter)", category(site, &s.slug), s.left, s.before, s.entered);
    format!(
        "the new rules wait for consent, and stored articles stay where they are: {}; see `topicwire topics diff`, then \
         `topicwire topics apply --yes`",
        shifts.iter().map(topic).collect::<Vec<_>>().join(", ")
    )
}

fn category<'a>(site: &'a Site, slug: &'a str) -> &'a str {
    site.topics.iter().find(|t| t.slug == slug).map_or(slug, |t| t.category.as_str())
}

fn diff_json(site: &Site, diff: &Diff, upheavals: &[Shift]) -> Value {
    let samples = |d: &Direction| -> Vec<Value> {
        d.samples.iter().map(|(at, title, url)| json!({"title": title, "url": url, "published": rfc3339(*at)})).collect()
    };
    let topics: Vec<Value> = diff
        .topics
        .iter()
        .map(|(slug, t)| {
            let moves: Vec<Value> = t.moves.iter().map(|(to, n)| json!({"to": category(site, to), "count": n})).collect();
            json!({
                "category": category(site, slug),
                "slug": slug,
                "before": t.before,
                "after": (t.before + t.entering.count).saturating_sub(t.leaving.count),
                "enter": t.entering.count,
                "leave": t.leaving.count,
                "moves": moves,
                "needs_yes": upheavals.iter().any(|u| u.slug == *slug),
                "samples": {"enter": samples(&t.entering), "leave": samples(&t.leaving)},
            })
        })
        .collect();
    json!({"records": diff.records, "changed": diff.changed, "topics": topics})
}

fn diff_text(site: &Site, diff: &Diff, upheavals: &[Shift]) -> String {
    let rows = diff.topics.iter().map(|(slug, t)| {
        let after = (t.before + t.entering.count).saturating_sub(t.leaving.count);
        let name = category(site, slug).to_owned();
        vec![name, t.before.to_string(), t.entering.count.to_string(), t.leaving.count.to_string(), after.to_string()]
    });
    let mut out = String::new();
    if !diff.topics.is_empty() {
        out = table(&["topic", "now", "enter", "leave", "then"], &[1, 2, 3, 4], rows);
    }
    for (slug, t) in &diff.topics {
        let _ = writeln!(out, "{}", category(site, slug));
        for (sign, direction) in [('+', &t.entering), ('-', &t.leaving)] {
            for (at, title, url) in &direction.samples {
                let _ = writeln!(out, "  {sign} {} {title} ({url})", rfc3339(*at));
            }
            let more = direction.count.saturating_sub(direction.samples.len() as u64);
            if more > 0 {
                let _ = writeln!(out, "  {sign} and {more} more");
            }
        }
        for (to, count) in &t.moves {
            let _ = writeln!(out, "  {count} of those that leave enter {}", category(site, to));
        }
    }
    let _ = writeln!(out, "{} of {} records would be filed otherwise", diff.changed, diff.records);
    if !upheavals.is_empty() {
        let _ = writeln!(out, "more than half of a feed would change: `topicwire topics apply` asks for --yes");
    }
    out
}
