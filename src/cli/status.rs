//! `topicwire status`.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::{Value, json};

use super::refresh::positions;
use super::table::{table, took};
use super::{Context, Exit, Result, print, print_json};
use crate::config::{Site, Source};
use crate::io::fetch::shown;
use crate::stage::poll::{self, Health, PollLine, PollState};
use crate::stage::text;
use crate::store::sqlite::SqliteStore;
use crate::store::{SourceCount, Store};
use crate::syntax::rfc3339;

/// Polls shown of a source that is shown in full.
const POLLS_SHOWN: usize = 10;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Ids of sources to show in full; a line each of all if none is named
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// Show every source in full: the server's own words, and the last polls
    #[arg(short, long)]
    verbose: bool,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

/// One source and what is known of it.
struct Subject<'a> {
    source: &'a Source,
    state: PollState,
    count: SourceCount,
    polls: Vec<PollLine>,
    /// Its host wants no request before this.
    host_until: Option<DateTime<Utc>>,
    /// Other sources that are answered from the same address.
    same_as: Vec<String>,
}

/// Shows how each configured source is doing. Reads beside a running service.
pub(super) fn run(context: &Context, options: &Options) -> Result {
    let site = context.site()?;
    let now = context.clock.now();
    let chosen = positions(&site, &options.sources)?;
    let is_full = options.verbose || !options.sources.is_empty();
    let store = SqliteStore::open_to_read(&site.store)?;
    let (states, counts) = match &store {
        Some(store) => (store.poll_states()?, store.source_counts()?),
        None => Default::default(),
    };
    let mut states: HashMap<_, _> = states.into_iter().collect();
    let budgets = site.budgets();
    let homes = homes(&site, &states);
    let mut subjects = Vec::with_capacity(chosen.len());
    for source in chosen.into_iter().filter_map(|n| site.sources.get(n)) {
        let same_as = same_as(&homes, source, states.get(&source.id));
        let state: PollState = states.remove(&source.id).unwrap_or_default();
        let count = counts.get(&source.id).copied().unwrap_or_default();
        let url = url::Url::parse(poll::address(&state, source.url.as_str())).ok();
        let (polls, host_until) = match &store {
            Some(store) => (
                if is_full { store.poll_lines(&source.id, POLLS_SHOWN)? } else { Vec::new() },
                url.and_then(|url| store.host_limit(&budgets.name(url.host_str()?)).transpose()).transpose()?.filter(|until| *until > now),
            ),
            None => Default::default(),
        };
        subjects.push(Subject { source, state, count, polls, host_until, same_as });
    }
    if options.json {
        let sources: Vec<Value> = subjects.iter().map(|subject| to_json(subject, is_full)).collect();
        print_json(&json!({ "sources": sources }));
    } else if is_full {
        let texts: Vec<String> = subjects.iter().map(in_full).collect();
        print(&texts.join("\n"));
    } else {
        print(&table(&["source", "is", "since", "why", "last good", "next try", "entries", "records"], &[6, 7], subjects.iter().map(row)));
        print(&summary(&subjects));
    }
    Ok(Exit::Well)
}

/// The address that a source was last answered from, after redirects.
fn home(state: &PollState) -> Option<&str> {
    state.validator_url.as_deref().filter(|_| state.well_at.is_some())
}

/// Which sources are answered from each address.
fn homes(site: &Site, states: &HashMap<String, PollState>) -> HashMap<String, Vec<String>> {
    let mut homes: HashMap<String, Vec<String>> = HashMap::new();
    for source in &site.sources {
        if let Some(home) = states.get(&source.id).and_then(home) {
            homes.entry(home.to_owned()).or_default().push(source.id.clone());
        }
    }
    homes
}

/// The other sources that are answered from where this one is (F24).
fn same_as(homes: &HashMap<String, Vec<String>>, source: &Source, state: Option<&PollState>) -> Vec<String> {
    let all = state.and_then(home).and_then(|home| homes.get(home));
    all.into_iter().flatten().filter(|id| **id != source.id).cloned().collect()
}

/// What there is to say of sources that are one feed.
fn twins(subject: &Subject<'_>) -> Option<String> {
    let others = subject.same_as.join(", ");
    (!others.is_empty()).then(|| format!("answered from the same address as {others}: one of them is enough"))
}

/// Text from outside as a terminal may get it (S25).
fn line(text: &str) -> String {
    text.chars().filter(|c| text::keeps(*c) && !c.is_control()).collect()
}

fn when(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(|| "-".to_owned(), rfc3339)
}

fn next(subject: &Subject<'_>) -> String {
    match (subject.state.next_due, subject.host_until) {
        (None, None) => "now".to_owned(),
        (due, Some(until)) if due.is_none_or(|due| due < until) => format!("{} (its host asked for fewer requests)", rfc3339(until)),
        (due, _) => format!("{} ({})", when(due), line(&subject.state.next_why)),
    }
}

fn row(subject: &Subject<'_>) -> Vec<String> {
    let state = &subject.state;
    let mut why: Vec<String> = state.failure.iter().map(|failure| line(&failure.why)).collect();
    if state.failures > 1 {
        why.push(format!("{} failures in a row", state.failures));
    }
    why.extend(moves(subject));
    why.extend(twins(subject));
    vec![
        subject.source.id.clone(),
        state.health().word().to_owned(),
        when(state.failing_since),
        why.join("; "),
        when(state.well_at),
        next(subject),
        subject.count.entries.to_string(),
        subject.count.records.to_string(),
    ]
}

/// What there is to say of a permanent move, with what to do about it.
fn moves(subject: &Subject<'_>) -> Option<String> {
    let (state, id) = (&subject.state, &subject.source.id);
    if let Some(adopted) = state.adopted.as_ref().filter(|_| state.source_url.as_deref() == Some(subject.source.url.as_str())) {
        let (day, url) = (adopted.at.format("%Y-%m-%d"), line(&adopted.url));
        return Some(format!(
            "moved for good, asked at its new address since {day}: write url = \"{url}\" into feeds.toml, or take it back with \
             `topicwire retry {id} --undo-move`"
        ));
    }
    let moving = state.moving.as_ref()?;
    let (to, day, times) = (line(&moving.to), moving.since.format("%Y-%m-%d"), moving.fetches);
    let then = match &moving.held {
        Some(held) => format!("not followed: {}", line(held)),
        None => "followed when that has lasted a week".to_owned(),
    };
    Some(format!("permanently redirected to {to} since {day} ({times} times); {then}"))
}

fn summary(subjects: &[Subject<'_>]) -> String {
    let count = |wanted: fn(Health) -> bool| subjects.iter().filter(|subject| wanted(subject.state.health())).count();
    let (well, new) = (count(|h| h == Health::Well), count(|h| h == Health::New));
    let broken = subjects.len() - well - new;
    let more = if broken > 0 { "; `topicwire status SOURCE` shows what a server said" } else { "" };
    format!("{} sources: {well} well, {broken} not, {new} never polled{more}\n", subjects.len())
}

fn in_full(subject: &Subject<'_>) -> String {
    let Subject { source, state, .. } = subject;
    let mut text = String::new();
    let mut put = |name: &str, value: String| text += &format!("{name:<12} {value}\n");
    let title = source.title.as_ref().or(state.title.as_ref());
    put("source", title.map_or_else(|| source.id.clone(), |title| format!("{} ({})", source.id, line(title))));
    put("address", shown(&source.url));
    let since = state.failing_since.map(|since| format!(" since {}; failures in a row: {}", rfc3339(since), state.failures));
    put("is", format!("{}{}", state.health().word(), since.unwrap_or_default()));
    if let Some(failure) = &state.failure {
        put("why", format!("{} ({}: {})", line(&failure.why), failure.stage, failure.class));
    }
    if let Some(words) = &state.words {
        let status = state.status.map(|status| format!("status {status}"));
        let named = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name}: {}", line(value)));
        let head = [
            status,
            named("server", &words.server),
            named("cf-mitigated", &words.cf_mitigated),
            named("cf-ray", &words.cf_ray),
            named("retry-after", &words.retry_after),
            named("page title", &words.title),
        ];
        put("server said", head.into_iter().flatten().collect::<Vec<_>>().join("; "));
        if !words.text.is_empty() {
            put("", format!("\"{}\"", line(&words.text)));
        }
    }
    put("last good", when(state.well_at));
    put("next try", next(subject));
    if let Some(until) = state.retry_not_before {
        put("wait", format!("no request before {}, as the server asked; not even by hand", rfc3339(until)));
    }
    put("schedule", source.schedule.to_string());
    let validators: Vec<_> =
        [("ETag", &state.etag), ("Last-Modified", &state.last_modified)].iter().filter(|(_, v)| v.is_some()).map(|(n, _)| *n).collect();
    put("validators", if validators.is_empty() { "none".to_owned() } else { validators.join(" and ") });
    if let Some(moves) = moves(subject) {
        put("move", moves);
    }
    if let Some(twins) = twins(subject) {
        put("twins", twins);
    }
    for repair in &state.repairs {
        put("repaired", line(repair));
    }
    put("holds", format!("{} entries, {} records; {} listed when last read", subject.count.entries, subject.count.records, state.listed));
    put("took", took(state.took_ms));
    for (n, poll) in subject.polls.iter().enumerate() {
        let status = poll.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        let why = poll.why.as_ref().map(|why| format!(", {}", line(why))).unwrap_or_default();
        let news = if poll.new + poll.changed > 0 { format!(", {} new, {} changed", poll.new, poll.changed) } else { String::new() };
        put(
            if n == 0 { "last polls" } else { "" },
            format!("{} {}: {status}, {}, {} bytes{news}{why}", rfc3339(poll.at), poll.outcome.word(), poll.asked.word(), poll.bytes),
        );
    }
    text
}

fn to_json(subject: &Subject<'_>, is_full: bool) -> Value {
    let Subject { source, state, count, .. } = subject;
    let mut value = json!({
        "id": source.id,
        "title": source.title.as_ref().or(state.title.as_ref()),
        "url": source.url.as_str(),
        "address": poll::address(state, source.url.as_str()),
        "health": state.health().word(),
        "outcome": state.outcome.word(),
        "polled": state.polled_at.map(rfc3339),
        "well": state.well_at.map(rfc3339),
        "next": state.next_due.map(rfc3339),
        "next_why": state.next_why,
        "failures": state.failures,
        "failing_since": state.failing_since.map(rfc3339),
        "failure": state.failure,
        "status": state.status,
        "said": state.words,
        "retry_not_before": state.retry_not_before.map(rfc3339),
        "host_wait_until": subject.host_until.map(rfc3339),
        "asked": state.asked.word(),
        "bytes": state.bytes,
        "unmodified_since": state.unmodified_since.map(rfc3339),
        "moved_to": state.moved_to,
        "moving": state.moving,
        "adopted": state.adopted,
        "gone": state.gone,
        "same_as": subject.same_as,
        "repairs": state.repairs,
        "listed": state.listed,
        "entries": count.entries,
        "records": count.records,
    });
    if let (true, Some(fields)) = (is_full, value.as_object_mut()) {
        let polls = subject.polls.iter().map(|poll| {
            json!({
                "at": rfc3339(poll.at),
                "outcome": poll.outcome.word(),
                "status": poll.status,
                "asked": poll.asked.word(),
                "bytes": poll.bytes,
                "retry_not_before": poll.retry_not_before.map(rfc3339),
                "class": poll.class,
                "why": poll.why,
                "new": poll.new,
                "changed": poll.changed,
            })
        });
        fields.insert("polls".to_owned(), polls.collect());
    }
    value
}
