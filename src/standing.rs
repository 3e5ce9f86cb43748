//! What is known of each source, gathered from the store for those who look after them: `topicwire status` and `/status`.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::config::{Mode, Site, Source, SourceKind};
use crate::stage::poll::{self, Degraded, Health, PollLine, PollState};
use crate::stage::push::Subscription;
use crate::stage::rights::Licence;
use crate::stage::{drift, text};
use crate::store::{ArticleCount, SourceCount, Store, StoreError};
use crate::syntax::rfc3339;

/// One source and what is known of it.
pub struct Standing<'a> {
    /// The source.
    pub source: &'a Source,
    /// What its polls left.
    pub state: PollState,
    /// What it has in the store.
    pub count: SourceCount,
    /// How it stands with the pages of its articles.
    pub articles: ArticleCount,
    /// Its last polls, newest first, if they were asked for.
    pub polls: Vec<PollLine>,
    /// Its host wants no request before this.
    pub host_until: Option<DateTime<Utc>>,
    /// Other sources that are answered from the same address.
    pub same_as: Vec<String>,
    /// Its subscriptions at hubs, if its last polls were asked for.
    pub push: Vec<Subscription>,
}

/// The standing of these sources, by their places in the configuration, with so many of their last polls; of all that is known
/// where there is no store yet.
///
/// # Errors
/// The store's.
pub fn gather<'a>(
    site: &'a Site,
    store: Option<&dyn Store>,
    chosen: impl IntoIterator<Item = usize>,
    polls: usize,
    now: DateTime<Utc>,
) -> Result<Vec<Standing<'a>>, StoreError> {
    let (states, counts, mut articles) = match store {
        Some(store) => (store.poll_states()?, store.source_counts()?, store.article_counts()?),
        None => Default::default(),
    };
    let mut states: HashMap<_, _> = states.into_iter().collect();
    let budgets = site.budgets();
    let homes = homes(site, &states);
    let mut standings = Vec::new();
    for source in chosen.into_iter().filter_map(|n| site.sources.get(n)) {
        let same_as = same_as(&homes, source, states.get(&source.id));
        let state: PollState = states.remove(&source.id).unwrap_or_default();
        let count = counts.get(&source.id).copied().unwrap_or_default();
        let url = url::Url::parse(poll::address(&state, source.url.as_str())).ok();
        let (polls, push, host_until) = match store {
            Some(store) => (
                if polls > 0 { store.poll_lines(&source.id, polls)? } else { Vec::new() },
                if polls > 0 { store.subscriptions(Some(&source.id))? } else { Vec::new() },
                url.and_then(|url| store.host_limit(&budgets.name(url.host_str()?)).transpose()).transpose()?.filter(|until| *until > now),
            ),
            None => Default::default(),
        };
        let articles = articles.remove(&source.id).unwrap_or_default();
        standings.push(Standing { source, state, count, articles, polls, host_until, same_as, push });
    }
    Ok(standings)
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

/// Text from outside as a terminal may get it (S25).
pub(crate) fn line(text: &str) -> String {
    text.chars().filter(|c| text::keeps(*c) && !c.is_control()).collect()
}

/// What a licence that a publisher declares forbids of what is done with its articles (acceptance P5).
pub(crate) fn warnings(licence: &str, mode: Mode, is_filed: bool) -> Vec<String> {
    Licence::read(licence).map(|licence| licence.warnings(mode == Mode::Excerpt, is_filed)).unwrap_or_default()
}

/// A moment, or a dash.
pub(crate) fn when(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(|| "-".to_owned(), rfc3339)
}

impl Standing<'_> {
    /// When it is next tried, and why then.
    pub(crate) fn next(&self) -> String {
        match (self.state.next_due, self.host_until) {
            (None, None) => "now".to_owned(),
            (due, Some(until)) if due.is_none_or(|due| due < until) => {
                format!("{} (its host asked for fewer requests)", rfc3339(until))
            }
            (due, _) => format!("{} ({})", when(due), line(&self.state.next_why)),
        }
    }

    /// What there is to say of sources that are one feed.
    pub(crate) fn twins(&self) -> Option<String> {
        let others = self.same_as.join(", ");
        (!others.is_empty())
            .then(|| format!("answered from the same address as {others}, which is asked once for all: one of them is enough"))
    }

    /// Why it is not well, in one line; what there is to say of a permanent move with it.
    pub(crate) fn why(&self) -> String {
        let mut why: Vec<String> = self.state.failure.iter().map(|failure| line(&failure.why)).collect();
        if self.state.failures > 1 {
            why.push(format!("{} failures in a row", self.state.failures));
        }
        why.extend(self.moves());
        why.extend(self.repair());
        why.extend(self.twins());
        why.join("; ")
    }

    /// What to do about it if it is degraded.
    pub(crate) fn repair(&self) -> Option<String> {
        let Degraded { class, repair, .. } = self.state.degraded.as_ref()?;
        let accept = format!("if what it gives now is right, `topicwire retry {} --accept`", self.source.id);
        Some(match (repair.as_deref().map(line), drift::is_acceptable(class)) {
            (Some(repair), true) => format!("{repair}; or, {accept}"),
            (Some(repair), false) => repair,
            (None, true) => accept,
            (None, false) => "look what is at its address; `topicwire discover` shows what the site offers".to_owned(),
        })
    }

    /// What there is to say of a permanent move, with what to do about it.
    pub(crate) fn moves(&self) -> Option<String> {
        let (state, id) = (&self.state, &self.source.id);
        if let Some(adopted) = state.adopted.as_ref().filter(|_| state.source_url.as_deref() == Some(self.source.url.as_str())) {
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

    /// What its publisher says of rights that its own entries inherit, a line each: the licence, and what is reserved.
    pub(crate) fn rights(&self, is_filed: bool) -> Vec<String> {
        let licence = self.state.licence.iter().map(|url| {
            let terms = self.source.terms(["", ""], false);
            let warnings = warnings(url, terms.mode, is_filed).into_iter().map(|warning| format!("; note: {warning}"));
            format!("its feed's licence is {}{}", line(url), warnings.collect::<String>())
        });
        let reserved = self.state.reservation.iter().map(|reservation| {
            format!("it reserves: {} (reservations = \"{}\")", line(&reservation.words()), self.source.reservations.word())
        });
        licence.chain(reserved).collect()
    }

    /// Everything, as JSON; the last polls with it where `is_full`.
    pub(crate) fn to_json(&self, is_full: bool) -> Value {
        let Standing { source, state, count, .. } = self;
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
            "host_wait_until": self.host_until.map(rfc3339),
            "asked": state.asked.word(),
            "bytes": state.bytes,
            "unmodified_since": state.unmodified_since.map(rfc3339),
            "moved_to": state.moved_to,
            "moving": state.moving,
            "adopted": state.adopted,
            "gone": state.gone,
            "kind": source.kind.word(),
            "found": state.found,
            "named_by": source.parent,
            "degraded": state.degraded,
            "normal": state.normal,
            "names": state.outlines.len(),
            "backfill": state.backfill,
            "same_as": self.same_as,
            "repairs": state.repairs,
            "listed": state.listed,
            "entries": count.entries,
            "records": count.records,
            "articles": {
                "read": self.articles.read,
                "waiting": self.articles.waiting,
                "given_up": self.articles.given_up,
                "why": self.articles.why,
            },
        });
        value["licence"] = json!(state.licence);
        value["reservation"] = json!(state.reservation);
        if let (true, Some(fields)) = (is_full, value.as_object_mut()) {
            let polls = self.polls.iter().map(|poll| {
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
            // No path and no secret: who knows these may push.
            let push = self.push.iter().map(|push| {
                json!({
                    "phase": push.phase.word(),
                    "hub": push.offer.hub,
                    "topic": push.offer.topic,
                    "lease_until": push.lease_until.map(rfc3339),
                    "last_push": push.pushed_at.map(rfc3339),
                    "pushes": push.pushes,
                    "proven": push.proven,
                    "tries": push.tries,
                    "why": push.why,
                    "next": push.due.map(rfc3339),
                })
            });
            fields.insert("push".to_owned(), push.collect());
            fields.insert("offer".to_owned(), json!(state.offer));
        }
        value
    }
}

/// How many sources are well, not well, and never polled.
pub(crate) fn tally(standings: &[Standing<'_>]) -> (usize, usize, usize) {
    let count = |wanted: Health| standings.iter().filter(|standing| standing.state.health() == wanted).count();
    let (well, new) = (count(Health::Well), count(Health::New));
    (well, standings.len() - well - new, new)
}

/// How a source is read, and where, where that is not configured.
pub(crate) fn kind(source: &Source, state: &PollState) -> String {
    match state.found.as_ref().filter(|_| source.kind == SourceKind::Auto) {
        Some(found) if found.url == source.url.as_str() => format!("{} (found: {})", found.kind.word(), line(&found.how)),
        Some(found) => format!("{} at {} (found: {})", found.kind.word(), line(&found.url), line(&found.how)),
        None if source.kind == SourceKind::Auto => "not known yet".to_owned(),
        None => source.kind.word().to_owned(),
    }
}
