//! `topicwire etiquette`.

use chrono::TimeDelta;
use clap::Args;
use serde_json::{Value, json};

use super::table::table;
use super::{Context, Exit, Result, print, print_json};
use crate::stage::etiquette::{Manners, manners};
use crate::store::Store;
use crate::store::sqlite::SqliteStore;
use crate::syntax::rfc3339;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Look back this many days; the log goes back 30
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u8).range(1..=30))]
    days: u8,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// Shows how politely each configured source was asked. Reads beside a running service.
pub(super) fn run(context: &Context, options: &Options) -> Result {
    let site = context.site()?;
    let store = SqliteStore::open_to_read(&site.store)?;
    let since = context.clock.now() - TimeDelta::days(options.days.into());
    let mut judged = Vec::new();
    for source in &site.sources {
        let lines = store.as_ref().map(|store| store.poll_log(&source.id, since)).transpose()?.unwrap_or_default();
        judged.push((&source.id, manners(&lines)));
    }
    if options.json {
        let sources: Vec<Value> = judged.iter().map(|(id, manners)| to_json(id, manners)).collect();
        print_json(&json!({ "days": options.days, "since": rfc3339(since), "sources": sources }));
        return Ok(Exit::Well);
    }
    let rows = judged.iter().map(|(id, m)| {
        vec![
            (*id).clone(),
            m.requests.to_string(),
            share(m),
            m.unconditional.to_string(),
            m.smallest_gap.map_or_else(|| "-".to_owned(), length),
            limits(m),
            m.inside_retry_after.to_string(),
        ]
    });
    let columns = ["source", "requests", "conditional", "unconditional", "smallest gap", "429 and what followed", "too early"];
    print(&table(&columns, &[1, 2, 3, 4, 6], rows));
    let sum = |f: fn(&Manners) -> usize| judged.iter().map(|(_, m)| f(m)).sum::<usize>();
    print(&format!(
        "{} days: {} requests, {} conditional, {} answered 304; {} answers of 429; {} requests before the time that a server named\n",
        options.days,
        sum(|m| m.requests),
        sum(|m| m.conditional),
        sum(|m| m.not_modified),
        sum(|m| m.limited.len()),
        sum(|m| m.inside_retry_after)
    ));
    Ok(Exit::Well)
}

fn share(manners: &Manners) -> String {
    match manners.requests {
        0 => "-".to_owned(),
        requests if manners.without_validators == requests => "no validators".to_owned(),
        requests => format!("{} %", manners.conditional * 100 / requests),
    }
}

fn limits(manners: &Manners) -> String {
    let Some(last) = manners.limited.last() else { return "none".to_owned() };
    let next = match last.next_at {
        Some(next) => {
            let status = last.next_status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
            format!("asked again after {}: {status}", length(next - last.at))
        }
        None => last.until.map_or_else(|| "not asked since".to_owned(), |until| format!("waiting until {}", rfc3339(until))),
    };
    format!("{}; {next}", manners.limited.len())
}

fn length(gap: TimeDelta) -> String {
    let s = gap.num_seconds();
    match s {
        ..=119 => format!("{s} s"),
        120..=7_199 => format!("{} min", s / 60),
        7_200..=172_799 => format!("{}h{:02}m", s / 3_600, s % 3_600 / 60),
        _ => format!("{} days", s / 86_400),
    }
}

fn to_json(id: &str, manners: &Manners) -> Value {
    let limited: Vec<Value> = manners
        .limited
        .iter()
        .map(|l| json!({"at": rfc3339(l.at), "until": l.until.map(rfc3339), "next": l.next_at.map(rfc3339), "next_status": l.next_status}))
        .collect();
    json!({
        "id": id,
        "requests": manners.requests,
        "conditional": manners.conditional,
        "unconditional": manners.unconditional,
        "without_validators": manners.without_validators,
        "not_modified": manners.not_modified,
        "smallest_gap_s": manners.smallest_gap.map(|gap| gap.num_seconds()),
        "bytes": manners.bytes,
        "inside_retry_after": manners.inside_retry_after,
        "limited": limited,
    })
}
