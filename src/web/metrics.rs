//! `/metrics`, in Prometheus' text format. No label holds an address or anything else without bounds.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use axum::routing::any;
use chrono::{DateTime, Utc};

use super::Web;
use super::headers::{missing, told};
use crate::measure::{Histogram, Measures, OUTCOMES};

const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn routes() -> Router<Arc<Web>> {
    Router::new().route("/metrics", any(answer))
}

async fn answer(State(web): State<Arc<Web>>) -> Response<Body> {
    if !web.site().serve.status {
        return missing();
    }
    told(StatusCode::OK, MEDIA_TYPE, "default-src 'none'; sandbox", text(&web.measures, web.shelf.size(), web.clock.now()))
}

/// Every measure with its help.
fn text(measures: &Measures, (resources, bytes): (usize, usize), now: DateTime<Utc>) -> String {
    let counts = measures.counts();
    let mut page = Page(String::with_capacity(8_192));
    let polls = OUTCOMES.iter().zip(counts.polls).map(|(outcome, count)| (format!("outcome=\"{}\"", outcome.word()), count));
    page.family("polls_total", "counter", "Polls by how they ended.", polls);
    page.one("polls_lost_total", "counter", "Polls that could not be stored.", counts.lost_polls);
    page.one("entries_new_total", "counter", "Entries that were new.", counts.new);
    page.one("entries_changed_total", "counter", "Entries that had changed.", counts.changed);
    page.histogram("poll_seconds", "How long polls took.", &measures.poll_ms, 1_000.0);
    let publications = [("result=\"published\"", counts.publications), ("result=\"failed\"", counts.publications_failed)];
    page.family("publications_total", "counter", "Publications by how they ended.", publications.map(|(label, n)| (label.to_owned(), n)));
    page.one("files_written_total", "counter", "Published files written or removed.", counts.files);
    page.histogram(
        "freshness_seconds",
        "From an article's publication at its source to its appearance in the feeds here; backlogs of new sources are left out.",
        &measures.freshness,
        1.0,
    );
    let seconds = |at: Option<DateTime<Utc>>| at.map_or(0, |at| at.timestamp().max(0).unsigned_abs());
    page.one(
        "publication_failing",
        "gauge",
        "1 while publishing fails; what was published before stays.",
        u64::from(measures.failing().is_some()),
    );
    page.one(
        "published_timestamp_seconds",
        "gauge",
        "When the last publication became durable; 0 for never.",
        seconds(counts.published_at),
    );
    page.one("well_timestamp_seconds", "gauge", "When a source was last read or found unchanged; 0 for never.", seconds(counts.well_at));
    page.one("started_timestamp_seconds", "gauge", "When the service started.", seconds(Some(measures.started())));
    page.one("ready", "gauge", "1 while what is served is as fresh as it should be.", u64::from(measures.complaints(now).is_empty()));
    let classes = ["304", "1xx", "2xx", "3xx", "4xx", "5xx"];
    let answers = classes.iter().zip(counts.answers).filter(|(class, _)| **class != "1xx");
    page.family(
        "http_answers_total",
        "counter",
        "Requests answered, by status; 304 apart.",
        answers.map(|(c, n)| (format!("status=\"{c}\""), n)),
    );
    page.one("cache_resources", "gauge", "Published resources held in memory.", resources as u64);
    page.one("cache_bytes", "gauge", "Their bytes.", bytes as u64);
    page.0
}

struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP topicwire_{name} {help}\n# TYPE topicwire_{name} {kind}\n");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.head(name, kind, help);
        let _ = writeln!(self.0, "topicwire_{name} {value}");
    }

    fn family(&mut self, name: &str, kind: &str, help: &str, values: impl IntoIterator<Item = (String, u64)>) {
        self.head(name, kind, help);
        for (label, value) in values {
            let _ = writeln!(self.0, "topicwire_{name}{{{label}}} {value}");
        }
    }

    /// Bounds and sum are divided by `unit` to come to seconds.
    fn histogram<const N: usize>(&mut self, name: &str, help: &str, histogram: &Histogram<N>, unit: f64) {
        self.head(name, "histogram", help);
        for (bound, count) in histogram.cumulative() {
            let _ = writeln!(self.0, "topicwire_{name}_bucket{{le=\"{}\"}} {count}", bound as f64 / unit);
        }
        let (sum, count) = histogram.total();
        let _ = writeln!(self.0, "topicwire_{name}_bucket{{le=\"+Inf\"}} {count}");
        let _ = writeln!(self.0, "topicwire_{name}_sum {}\ntopicwire_{name}_count {count}", sum as f64 / unit);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::stage::poll::{Outcome, PollState};
    use crate::store::Arrival;

    #[test]
    fn every_measure_is_told_once_in_the_text_format() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let measures = Measures::new(now);
        measures.polled(&PollState { outcome: Outcome::Unchanged, took_ms: 120, ..PollState::default() });
        measures.published(now, 7, &[Arrival { published: now - chrono::TimeDelta::seconds(90), added: now }]);
        measures.answered(304);
        measures.answered(200);
        let text = text(&measures, (3, 4_096), now);
        for line in [
            "topicwire_polls_total{outcome=\"unchanged\"} 1",
            "topicwire_poll_seconds_bucket{le=\"0.1\"} 0",
            "topicwire_poll_seconds_bucket{le=\"0.25\"} 1",
            "topicwire_poll_seconds_sum 0.12",
            "topicwire_freshness_seconds_bucket{le=\"60\"} 0",
            "topicwire_freshness_seconds_bucket{le=\"300\"} 1",
            "topicwire_freshness_seconds_bucket{le=\"+Inf\"} 1",
            "topicwire_freshness_seconds_count 1",
            "topicwire_files_written_total 7",
            "topicwire_http_answers_total{status=\"304\"} 1",
            "topicwire_http_answers_total{status=\"2xx\"} 1",
            "topicwire_published_timestamp_seconds 1700000000",
            "topicwire_ready 1",
            "topicwire_cache_bytes 4096",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        let series: Vec<&str> = text.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.rsplit_once(' ')).map(|(s, _)| s).collect();
        assert_eq!(series.iter().collect::<BTreeSet<_>>().len(), series.len());
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            assert!(text.contains(&format!("# TYPE {family} ")) && value.parse::<f64>().is_ok(), "{line}");
        }
    }
}
