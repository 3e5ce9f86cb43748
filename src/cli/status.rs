//! `topicwire status`.

use clap::Args;
use serde_json::{Value, json};

use super::refresh::positions;
use super::table::{table, took};
use super::{Context, Exit, Result, print, print_json};
use crate::io::fetch::shown;
use crate::stage::poll::PollState;
use crate::stage::push::{Announcement, Subscription};
use crate::stage::schedule;
use crate::standing::{self, Standing, line, tally, when};
use crate::store::sqlite::SqliteStore;
use crate::store::{ArticleCount, PushStore as _, Store};
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

/// Shows how each configured source is doing. Reads beside a running service.
pub(super) fn run(context: &Context, options: &Options) -> Result {
    let site = context.site()?;
    let chosen = positions(&site, &options.sources)?;
    let is_full = options.verbose || !options.sources.is_empty();
    let store = SqliteStore::open_to_read(&site.store)?;
    let announcements = store.as_ref().map(SqliteStore::announcements).transpose()?.unwrap_or_default();
    let store = store.as_ref().map(|store| store as &dyn Store);
    let standings = standing::gather(&site, store, chosen, if is_full { POLLS_SHOWN } else { 0 }, context.clock.now())?;
    if options.json {
        let sources: Vec<Value> = standings.iter().map(|standing| standing.to_json(is_full)).collect();
        print_json(&json!({ "sources": sources }));
    } else if is_full {
        let texts: Vec<String> = standings.iter().map(|standing| in_full(standing, !site.topics.is_empty())).collect();
        print(&texts.join("\n"));
    } else {
        print(&table(&["source", "is", "since", "why", "last good", "next try", "entries", "records"], &[6, 7], standings.iter().map(row)));
        print(&summary(&standings));
        print(&untold(announcements));
    }
    Ok(Exit::Well)
}

fn row(standing: &Standing<'_>) -> Vec<String> {
    let state = &standing.state;
    vec![
        standing.source.id.clone(),
        state.health().word().to_owned(),
        when(state.failing_since),
        standing.why(),
        when(state.well_at),
        standing.next(),
        standing.count.entries.to_string(),
        standing.count.records.to_string(),
    ]
}

/// What is normal for a source, in a line.
fn usual(state: &PollState) -> Option<String> {
    let normal = state.normal.as_ref().filter(|normal| normal.listed > 0)?;
    let at = normal.host.as_ref().map(|host| format!(", {} % at {}", normal.at_host, line(host))).unwrap_or_default();
    let language = normal.language.as_ref().map(|language| format!(", {}", line(language))).unwrap_or_default();
    let pace = schedule::rhythm(&state.posted_s, state.polled_at?);
    Some(format!(
        "{} entries a document; {} % with a link, {} % with a date, {} % with a title{at}{language}; worth a poll every {} min",
        normal.listed,
        normal.linked,
        normal.dated,
        normal.titled,
        pace.as_secs() / 60
    ))
}

/// Hubs that could not be told of feeds.
fn untold(announcements: Vec<Announcement>) -> String {
    let failing = announcements.into_iter().filter(|a| a.notice.failures > 0);
    let text = |a: Announcement| {
        let (why, next) = (a.notice.why.unwrap_or_default(), a.notice.due.map_or("given up until it changes".into(), rfc3339));
        format!("hub {} was not told of {}: {}; next try {next}\n", line(&a.hub), a.topic, line(&why))
    };
    failing.map(text).collect()
}

/// How a subscription at a hub is doing.
fn pushes(push: &Subscription) -> String {
    let lease = push.lease_until.map(|until| format!("lease until {}", rfc3339(until)));
    let last = push.pushed_at.map_or_else(
        || "no push yet".to_owned(),
        |at| format!("last push {}, {} in all{}", rfc3339(at), push.pushes, if push.proven { "" } else { "; not relied on at present" }),
    );
    let failed = push.why.as_ref().map(|why| format!("{} (requests in vain: {})", line(why), push.tries));
    let rest: Vec<String> = [lease, Some(last), failed].into_iter().flatten().collect();
    format!("{} at {}: {}", push.phase.word(), line(&push.offer.hub), rest.join("; "))
}

fn summary(standings: &[Standing<'_>]) -> String {
    let (well, broken, new) = tally(standings);
    let more = if broken > 0 { "; `topicwire status SOURCE` shows what a server said" } else { "" };
    let articles = standings.iter().fold(ArticleCount::default(), |sum, standing| ArticleCount {
        read: sum.read + standing.articles.read,
        waiting: sum.waiting + standing.articles.waiting,
        given_up: sum.given_up + standing.articles.given_up,
        why: None,
    });
    let articles = articles_text(&articles).map(|text| format!("article pages: {text}\n")).unwrap_or_default();
    format!("{} sources: {well} well, {broken} not, {new} never polled{more}\n{articles}", standings.len())
}

/// How it stands with article pages; nothing where there are none.
fn articles_text(count: &ArticleCount) -> Option<String> {
    let ArticleCount { read, waiting, given_up, why } = count;
    let why = why.as_ref().map(|why| format!("; the last that failed: {}", line(why))).unwrap_or_default();
    (read + waiting + given_up > 0).then(|| format!("{read} read, {waiting} to be read, {given_up} given up{why}"))
}

fn in_full(standing: &Standing<'_>, is_filed: bool) -> String {
    let Standing { source, state, .. } = standing;
    let mut text = String::new();
    let mut put = |name: &str, value: String| text += &format!("{name:<12} {value}\n");
    let title = source.title.as_ref().or(state.title.as_ref());
    put("source", title.map_or_else(|| source.id.clone(), |title| format!("{} ({})", source.id, line(title))));
    put("address", shown(&source.url));
    put("read as", standing::kind(source, state));
    if let Some(list) = &source.parent {
        put("named by", list.clone());
    }
    let since = state.failing_since.map(|since| format!(" since {}; failures in a row: {}", rfc3339(since), state.failures));
    put("is", format!("{}{}", state.health().word(), since.unwrap_or_default()));
    if let Some(failure) = &state.failure {
        put("why", format!("{} ({}: {})", line(&failure.why), failure.stage, failure.class));
    }
    if let (Some(degraded), Some(repair)) = (&state.degraded, standing.repair()) {
        put("degraded", format!("since {}; its last good output stays, and nothing new is taken", rfc3339(degraded.since)));
        put("repair", repair);
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
    put("next try", standing.next());
    if let Some(until) = state.retry_not_before {
        put("wait", format!("no request before {}, as the server asked; not even by hand", rfc3339(until)));
    }
    put("schedule", source.schedule.to_string());
    for rights in standing.rights(is_filed) {
        put("rights", rights);
    }
    let validators: Vec<_> =
        [("ETag", &state.etag), ("Last-Modified", &state.last_modified)].iter().filter(|(_, v)| v.is_some()).map(|(n, _)| *n).collect();
    put("validators", if validators.is_empty() { "none".to_owned() } else { validators.join(" and ") });
    if let Some(moves) = standing.moves() {
        put("move", moves);
    }
    if let Some(twins) = standing.twins() {
        put("twins", twins);
    }
    if let Some(backfill) = &state.backfill {
        put("archives", line(&backfill.words()));
    }
    for push in &standing.push {
        put("push", pushes(push));
    }
    if let (Some(offer), true) = (&state.offer, standing.push.is_empty()) {
        put("push", format!("its hub {} is not subscribed to: see subscribe under [push]", line(&offer.hub)));
    }
    for repair in &state.repairs {
        put("repaired", line(repair));
    }
    if let Some(usual) = usual(state) {
        put("usual", usual);
    }
    if !state.outlines.is_empty() {
        put("names", format!("{} feeds", state.outlines.len()));
    }
    put("holds", format!("{} entries, {} records; {} listed when last read", standing.count.entries, standing.count.records, state.listed));
    if let Some(articles) = articles_text(&standing.articles) {
        put("pages", articles);
    }
    put("took", took(state.took_ms));
    for (n, poll) in standing.polls.iter().enumerate() {
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
