//! `/status`: what is known of the sources, how fresh the topics are, and how the store grows; `/status.json` is the same for programs.
//!
//! Addresses of sources are shown without credentials and queries, which hold tokens (S10).

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{self, HeaderValue};
use axum::http::{Response, StatusCode};
use axum::routing::any;
use chrono::{DateTime, TimeDelta, Utc};
use quick_xml::escape::escape;
use serde_json::{Value, json};

use super::Web;
use super::headers::{PAGE_POLICY, missing, plain, told};
use super::plot;
use crate::config::Site;
use crate::io::fetch::shown;
use crate::measure::Measures;
use crate::standing::{self, Standing, line, tally};
use crate::store::sqlite::SqliteStore;
use crate::store::{Growth, Store, StoreError, TopicCount};
use crate::syntax::rfc3339;

const STYLE: &str = include_str!("assets/status.css");
/// How long a page is shown again before the store is asked anew: at least so long, and at least so many times what making it took.
/// Counting millions of entries takes its time, and anybody may ask.
const KEPT: TimeDelta = TimeDelta::seconds(10);
const KEPT_TIMES: i32 = 20;
/// Days in the plots: as many as the log of polls holds.
const DAYS: i64 = 30;
/// Last polls shown.
const POLLS: usize = 20;

pub(super) fn routes() -> Router<Arc<Web>> {
    Router::new().route("/status", any(page)).route("/status.json", any(data))
}

/// Both forms as they were last made.
#[derive(Default)]
pub(super) struct Board {
    made: Mutex<Option<Made>>,
    /// One maker at a time; the others find what it made.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Made {
    at: DateTime<Utc>,
    took: TimeDelta,
    html: Bytes,
    json: Bytes,
}

async fn page(State(web): State<Arc<Web>>) -> Response<Body> {
    match made(&web).await {
        Ok(made) => kept(told(StatusCode::OK, "text/html; charset=utf-8", PAGE_POLICY, made.html)),
        Err(response) => response,
    }
}

async fn data(State(web): State<Arc<Web>>) -> Response<Body> {
    match made(&web).await {
        Ok(made) => kept(told(StatusCode::OK, "application/json; charset=utf-8", "default-src 'none'; sandbox", made.json)),
        Err(response) => response,
    }
}

fn kept(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=10"));
    response.headers_mut().insert("x-robots-tag", HeaderValue::from_static("noindex"));
    response
}

async fn made(web: &Arc<Web>) -> Result<Made, Response<Body>> {
    if !web.site().serve.status {
        return Err(missing());
    }
    let now = web.clock.now();
    let recent = || {
        web.board
            .made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .filter(|made| (now - made.at).abs() < KEPT.max(made.took * KEPT_TIMES))
    };
    if let Some(made) = recent() {
        return Ok(made);
    }
    let _turn = web.board.turn.lock().await;
    if let Some(made) = recent() {
        return Ok(made);
    }
    let maker = Arc::clone(web);
    match tokio::task::spawn_blocking(move || make(&maker.site(), &maker.measures, now)).await {
        Ok(Ok(made)) => {
            *web.board.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(made.clone());
            Ok(made)
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "the status cannot be told");
            Err(plain(StatusCode::SERVICE_UNAVAILABLE, "the store cannot be read now\n"))
        }
        Err(_) => Err(plain(StatusCode::SERVICE_UNAVAILABLE, "the store cannot be read now\n")),
    }
}

/// Everything that both forms tell.
struct Told<'a> {
    site: &'a Site,
    now: DateTime<Utc>,
    complaints: Vec<String>,
    failing: Option<(DateTime<Utc>, String)>,
    published_at: Option<DateTime<Utc>>,
    standings: Vec<Standing<'a>>,
    topics: Vec<(&'a crate::config::Topic, TopicCount)>,
    growth: Vec<Growth>,
}

fn make(site: &Site, measures: &Measures, now: DateTime<Utc>) -> Result<Made, StoreError> {
    let began = Instant::now();
    let store = SqliteStore::open_to_read(&site.store)?;
    let store = store.as_ref().map(|store| store as &dyn Store);
    let counts = store.map(Store::topic_counts).transpose()?.unwrap_or_default();
    let told = Told {
        site,
        now,
        complaints: measures.complaints(now),
        failing: measures.failing(),
        published_at: measures.counts().published_at,
        standings: standing::gather(site, store, 0..site.sources.len(), 0, now)?,
        topics: site.topics.iter().map(|topic| (topic, counts.get(&topic.slug).copied().unwrap_or_default())).collect(),
        growth: store.map(|store| store.growth(now - TimeDelta::days(DAYS - 1))).transpose()?.unwrap_or_default(),
    };
    let (html, json) = (told.html().into(), told.json().to_string().into());
    Ok(Made { at: now, took: TimeDelta::from_std(began.elapsed()).unwrap_or(KEPT), html, json })
}

impl Told<'_> {
    /// Each of the last thirty days with what it brought, days without polls among them.
    fn days(&self) -> Vec<Growth> {
        let day = |ago: i64| (self.now - TimeDelta::days(ago)).date_naive();
        let days = (0..DAYS).rev().map(day).filter_map(|day| Some(day.and_hms_opt(0, 0, 0)?.and_utc()));
        days.map(|day| self.growth.iter().find(|g| g.day == day).copied().unwrap_or(Growth { day, ..Growth::default() })).collect()
    }

    /// The sources that were polled last, newest first.
    fn last_polls(&self) -> Vec<&Standing<'_>> {
        let mut polled: Vec<_> = self.standings.iter().filter(|standing| standing.state.polled_at.is_some()).collect();
        polled.sort_by(|a, b| b.state.polled_at.cmp(&a.state.polled_at).then_with(|| a.source.id.cmp(&b.source.id)));
        polled.truncate(POLLS);
        polled
    }

    fn json(&self) -> Value {
        let (well, broken, new) = tally(&self.standings);
        json!({
            "at": rfc3339(self.now),
            "ready": self.complaints.is_empty(),
            "complaints": self.complaints,
            "publishing_fails_since": self.failing.as_ref().map(|(since, _)| rfc3339(*since)),
            "published": self.published_at.map(rfc3339),
            "tally": { "well": well, "not_well": broken, "never_polled": new },
            "sources": self.standings.iter().map(source).collect::<Vec<_>>(),
            "topics": self.topics.iter().map(|(topic, count)| json!({
                "category": topic.category,
                "slug": topic.slug,
                "records": count.records,
                "updated": count.updated.map(rfc3339),
            })).collect::<Vec<_>>(),
            "days": self.days().iter().map(|day| json!({
                "day": day.day.format("%Y-%m-%d").to_string(),
                "new": day.new,
                "polls": day.polls,
                "failed": day.failed,
            })).collect::<Vec<_>>(),
        })
    }

    fn html(&self) -> String {
        let title = escape(&self.site.title);
        let language = escape(&self.site.language);
        let mut page = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Status · {title}</title>\n\
             <meta name=\"robots\" content=\"noindex\">\n<link rel=\"icon\" href=\"favicon.ico\">\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
             <header><a href=\"./\" lang=\"{language}\">{title}</a></header>\n<main>\n<h1>Status</h1>\n"
        );
        self.verdict(&mut page);
        self.plots(&mut page);
        self.sources(&mut page);
        self.topics(&mut page);
        self.polls(&mut page);
        let _ = write!(
            page,
            "</main>\n<footer><p>As of {}. <a href=\"status.json\">The same as JSON</a></p></footer>\n</body>\n</html>\n",
            time(self.now)
        );
        page
    }

    fn verdict(&self, page: &mut String) {
        let (well, broken, new) = tally(&self.standings);
        if self.complaints.is_empty() {
            *page += "<p class=\"verdict good\"><strong>All well:</strong> what is served is as fresh as it should be.</p>\n";
        } else {
            *page += "<div class=\"verdict bad\"><p><strong>Not well:</strong> what is served may be out of date.</p>\n<ul>\n";
            for complaint in &self.complaints {
                let _ = writeln!(page, "<li>{}</li>", escape(complaint.as_str()));
            }
            *page += "</ul></div>\n";
        }
        let _ = write!(page, "<dl class=\"facts\">\n<div><dt>Sources</dt><dd>{}</dd></div>\n", self.standings.len());
        let _ = writeln!(page, "<div><dt>Well</dt><dd>{well}</dd></div>\n<div><dt>Not well</dt><dd>{broken}</dd></div>");
        if new > 0 {
            let _ = writeln!(page, "<div><dt>Never polled</dt><dd>{new}</dd></div>");
        }
        let sum = |what: fn(&Standing<'_>) -> u64| self.standings.iter().map(what).sum::<u64>();
        let _ = writeln!(page, "<div><dt>Entries</dt><dd>{}</dd></div>", grouped(sum(|s| s.count.entries)));
        let _ = writeln!(page, "<div><dt>Articles</dt><dd>{}</dd></div>", grouped(sum(|s| s.count.records)));
        if let Some(at) = self.published_at {
            let _ = writeln!(page, "<div><dt>Published</dt><dd>{}</dd></div>", ago(self.now, at));
        }
        *page += "</dl>\n";
    }

    fn plots(&self, page: &mut String) {
        let days = self.days();
        let name = |day: &Growth| day.day.format("%-d %B").to_string();
        *page += "<h2>The last 30 days</h2>\n<div class=\"plots\">\n";
        for (title, unit, value) in [
            ("New entries", "new", (|g| g.new) as fn(&Growth) -> u64),
            ("Polls", "polls", |g| g.polls),
            ("Polls that failed", "failed", |g| g.failed),
        ] {
            let values: Vec<(String, u64)> = days.iter().map(|day| (name(day), value(day))).collect();
            let (sum, most) = (values.iter().map(|(_, v)| v).sum::<u64>(), values.iter().map(|(_, v)| *v).max().unwrap_or(0));
            let what = format!("{title} by day: {sum} in 30 days, {most} on the busiest");
            let today = values.last().map_or(0, |(_, value)| *value);
            let _ = write!(
                page,
                "<figure><figcaption>{title} <span>{} in all, {} today</span></figcaption>\n{}</figure>\n",
                grouped(sum),
                grouped(today),
                plot::bars(&what, unit, &values)
            );
        }
        *page += "</div>\n";
    }

    fn sources(&self, page: &mut String) {
        *page += "<h2>Sources</h2>\n<table>\n<thead><tr><th scope=\"col\">Source</th><th scope=\"col\">Is</th>\
                  <th scope=\"col\" class=\"wide\">Last good</th><th scope=\"col\">Next try</th><th scope=\"col\" class=\"wide number\">Entries</th>\
                  <th scope=\"col\" class=\"number\">Articles</th></tr></thead>\n<tbody>\n";
        // What needs somebody's eye first.
        let mut standings: Vec<_> = self.standings.iter().collect();
        standings.sort_by_key(|standing| standing.state.failing_since.is_none());
        for standing in standings {
            let (source, state) = (standing.source, &standing.state);
            let name = source.title.as_ref().or(state.title.as_ref()).map_or_else(|| source.id.clone(), |title| line(title));
            let health = state.health();
            let word = escape(health.word());
            let is_good = state.failing_since.is_none();
            let told = state.failure.as_ref().map_or("", |_| " class=\"told\"");
            let _ = write!(page, "<tr{told}><th scope=\"row\">{}", escape(name.as_str()));
            if name != source.id {
                let _ = write!(page, " <code>{}</code>", escape(source.id.as_str()));
            }
            let next = match standing.host_until.into_iter().chain(state.next_due).max() {
                Some(at) if at > self.now => until(self.now, at),
                _ => "now".to_owned(),
            };
            let _ = writeln!(
                page,
                "</th><td><span class=\"mark {}\">{word}</span></td><td class=\"wide\">{}</td><td>{next}</td>\
                 <td class=\"wide number\">{}</td><td class=\"number\">{}</td></tr>",
                if is_good { "good" } else { "bad" },
                state.well_at.map_or_else(|| "never".to_owned(), |at| ago(self.now, at)),
                grouped(standing.count.entries),
                grouped(standing.count.records),
            );
            if let Some(failure) = &state.failure {
                let _ = write!(page, "<tr class=\"why\"><td colspan=\"6\">{}", escape(line(&failure.why).as_str()));
                if let Some(since) = state.failing_since {
                    let _ = write!(page, " <span>(since {}, {} in a row)</span>", time(since), state.failures);
                }
                *page += "</td></tr>\n";
            }
        }
        *page += "</tbody>\n</table>\n";
    }

    fn topics(&self, page: &mut String) {
        if self.topics.is_empty() {
            return;
        }
        *page += "<h2>Topics</h2>\n<table>\n<thead><tr><th scope=\"col\">Topic</th><th scope=\"col\">Newest change</th>\
                  <th scope=\"col\" class=\"number\">Articles</th></tr></thead>\n<tbody>\n";
        for (topic, count) in &self.topics {
            let _ = writeln!(
                page,
                "<tr><th scope=\"row\"><a href=\"topic/{}/\">{}</a></th><td>{}</td><td class=\"number\">{}</td></tr>",
                escape(topic.slug.as_str()),
                escape(topic.category.as_str()),
                count.updated.map_or_else(|| "none yet".to_owned(), |at| ago(self.now, at)),
                grouped(count.records)
            );
        }
        *page += "</tbody>\n</table>\n";
    }

    fn polls(&self, page: &mut String) {
        let polls = self.last_polls();
        if polls.is_empty() {
            return;
        }
        *page += "<h2>Last polls</h2>\n<table>\n<thead><tr><th scope=\"col\">When</th><th scope=\"col\">Source</th>\
                  <th scope=\"col\">Outcome</th><th scope=\"col\" class=\"wide number\">Took</th><th scope=\"col\" class=\"number\">New</th>\
                  <th scope=\"col\" class=\"number\">Changed</th></tr></thead>\n<tbody>\n";
        for Standing { source, state, .. } in polls {
            let _ = writeln!(
                page,
                "<tr><td>{}</td><th scope=\"row\"><code>{}</code></th><td>{}</td><td class=\"wide number\">{} ms</td>\
                 <td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
                state.polled_at.map(|at| ago(self.now, at)).unwrap_or_default(),
                escape(source.id.as_str()),
                state.outcome.word(),
                grouped(state.took_ms),
                state.new,
                state.changed
            );
        }
        *page += "</tbody>\n</table>\n";
    }
}

/// A source as strangers may see it.
fn source(standing: &Standing<'_>) -> Value {
    let mut value = standing.to_json(false);
    if let Some(fields) = value.as_object_mut() {
        for hidden in ["address", "moved_to", "moving", "adopted"] {
            fields.remove(hidden);
        }
        fields.insert("url".to_owned(), shown(&standing.source.url).into());
    }
    value
}

fn time(at: DateTime<Utc>) -> String {
    format!("<time datetime=\"{}\">{}</time>", rfc3339(at), at.format("%-d %B %Y, %H:%M UTC"))
}

fn ago(now: DateTime<Utc>, at: DateTime<Utc>) -> String {
    format!("<time datetime=\"{0}\" title=\"{0}\">{1} ago</time>", rfc3339(at), span(now - at))
}

fn until(now: DateTime<Utc>, at: DateTime<Utc>) -> String {
    format!("<time datetime=\"{0}\" title=\"{0}\">in {1}</time>", rfc3339(at), span(at - now))
}

/// A length of time in the unit that tells it best.
fn span(length: TimeDelta) -> String {
    match length.num_seconds() {
        ..=119 => format!("{} s", length.num_seconds().max(0)),
        120..=7_199 => format!("{} min", length.num_minutes()),
        7_200..=172_799 => format!("{} h", length.num_hours()),
        _ => format!("{} days", length.num_days()),
    }
}

/// A number in groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_numbers_read_well() {
        for (seconds, text) in [(-5, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (172_800, "2 days")] {
            assert_eq!(span(TimeDelta::seconds(seconds)), text);
        }
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1\u{202f}000"), (1_234_567, "1\u{202f}234\u{202f}567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
