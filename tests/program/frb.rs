//! The Feed Reader Behavior rules, a test each, by the numbers that implementations cite. The page that defines them could not be read;
//! what a number means here is what those implementations say of it. 035 is mentioned by none of them, and 110 to 119 only together
//! ("give up on a feed that keeps failing"): those ten are ten ways of failing.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use topicwire::config::Budgets;
use topicwire::stage::exchange::Facts;
use topicwire::stage::poll::{self, Ask, Asked, Failure, Health, Plan, PollState, Reading, Setting, Words};
use topicwire::stage::schedule::{Schedule, seed};

use crate::common::{Answer, Origin, Place, rss};

const ITEMS: [(&str, &str, &str, u32); 1] = [("g1", "One", "https://news.example/1", 10)];
const HOUR_LATER: &str = "2026-11-20T13:00:00Z";

fn body() -> Vec<u8> {
    rss("News", &ITEMS).into_bytes()
}

fn headers(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn good(with: &[(&str, &str)]) -> Answer {
    Answer { status: 200, headers: headers(with), body: body() }
}

fn site(answer: Answer) -> (Origin, Place) {
    let origin = Origin::start();
    origin.answer("/feed", answer);
    let place = Place::new(&origin, &[("news".into(), origin.url("/feed"))], "");
    (origin, place)
}

/// The header's value in the last request.
fn sent(origin: &Origin, name: &str) -> Option<String> {
    let last = origin.last_headers("/feed");
    last.iter().find_map(|h| h.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()))
}

fn status(place: &Place) -> serde_json::Value {
    place.run(&["status", "--json", "news"]).expect(0).json()["sources"][0].clone()
}

#[test]
fn frb001_last_modified_is_stored() {
    let (_origin, place) = site(good(&[("Last-Modified", "some day in May")]));
    place.run(&["refresh"]).expect(0);
    assert!(place.run(&["status", "news"]).expect(0).out.contains("validators   Last-Modified\n"));
}

#[test]
fn frb002_if_modified_since_is_sent() {
    let (origin, place) = site(good(&[("Last-Modified", "Wed, 18 Nov 2026 08:00:00 GMT")]));
    place.run(&["refresh"]).expect(0);
    assert_eq!(sent(&origin, "if-modified-since"), None);
    place.run_at(HOUR_LATER, &["refresh"]).expect(0);
    assert_eq!(sent(&origin, "if-modified-since").as_deref(), Some("Wed, 18 Nov 2026 08:00:00 GMT"));
    assert_eq!(sent(&origin, "if-none-match"), None);
}

#[test]
fn frb003_etag_is_stored() {
    let (_origin, place) = site(good(&[("ETag", "\"1\"")]));
    place.run(&["refresh"]).expect(0);
    assert!(place.run(&["status", "news"]).expect(0).out.contains("validators   ETag\n"));
}

#[test]
fn frb004_if_none_match_is_sent() {
    let (origin, place) = site(good(&[("ETag", "\"1\"")]));
    place.run(&["refresh"]).expect(0);
    place.run_at(HOUR_LATER, &["refresh"]).expect(0);
    assert_eq!((sent(&origin, "if-none-match").as_deref(), sent(&origin, "if-modified-since")), (Some("\"1\""), None));
}

#[test]
fn frb010_validators_are_not_lost_in_the_short_term() {
    let (origin, place) = site(good(&[("ETag", "\"1\"")]));
    place.run(&["refresh"]).expect(0);
    for bad in [
        Answer { status: 500, ..Answer::default() },
        Answer { status: 403, headers: headers(&[("ETag", "\"error\"")]), body: Vec::new() },
        Answer { status: 200, headers: headers(&[("ETag", "\"page\"")]), body: b"<html><title>Sign in</title></html>".to_vec() },
        Answer { status: 200, headers: headers(&[("ETag", "\"empty\"")]), body: Vec::new() },
    ] {
        origin.answer("/feed", bad);
        place.run_at(HOUR_LATER, &["refresh"]).expect(3);
        assert_eq!(sent(&origin, "if-none-match").as_deref(), Some("\"1\""));
    }
}

#[test]
fn frb011_validators_are_not_lost_in_the_long_term() {
    let (origin, place) = site(good(&[("ETag", "\"1\"")]));
    place.run(&["refresh"]).expect(0);
    place.run_at("2027-11-20T12:00:00Z", &["refresh"]).expect(0);
    assert_eq!(sent(&origin, "if-none-match").as_deref(), Some("\"1\""));
}

#[test]
fn frb012_if_modified_since_is_what_was_received() {
    let (origin, place) = site(good(&[("Last-Modified", "yesterday,  about Noon (CET)")]));
    place.run(&["refresh"]).expect(0);
    place.run_at(HOUR_LATER, &["refresh"]).expect(0);
    assert_eq!(sent(&origin, "if-modified-since").as_deref(), Some("yesterday,  about Noon (CET)"));
}

#[test]
fn frb013_if_none_match_is_what_was_received() {
    for etag in ["W/\"x y\"", "unquoted", "\"a-gzip\"", "\"\""] {
        let (origin, place) = site(good(&[("ETag", etag)]));
        place.run(&["refresh"]).expect(0);
        place.run_at(HOUR_LATER, &["refresh"]).expect(0);
        assert_eq!(sent(&origin, "if-none-match").as_deref(), Some(etag));
    }
}

#[test]
fn frb014_both_validators_come_from_one_answer() {
    let (origin, place) = site(good(&[("ETag", "\"1\""), ("Last-Modified", "Wed, 18 Nov 2026 08:00:00 GMT")]));
    place.run(&["refresh"]).expect(0);
    origin
        .answer("/feed", Answer { body: rss("News", &[("g2", "Two", "https://news.example/2", 11)]).into(), ..good(&[("ETag", "\"2\"")]) });
    place.run_at(HOUR_LATER, &["refresh"]).expect(0);
    place.run_at("2026-11-20T14:00:00Z", &["refresh"]).expect(0);
    assert_eq!((sent(&origin, "if-none-match").as_deref(), sent(&origin, "if-modified-since")), (Some("\"2\""), None));
}

#[test]
fn frb015_validators_survive_an_upgrade() {
    let (origin, place) = site(good(&[("ETag", "\"1\"")]));
    place.run(&["refresh"]).expect(0);
    // What a version would have stored that knew fewer fields, and one that is gone.
    let old = format!(
        r#"{{"outcome":"succeeded","well_at":"2026-11-20T12:00:00Z","source_url":{:?},"validator_url":{0:?},"colour":1}}"#,
        origin.url("/feed")
    );
    let store = rusqlite::Connection::open(place.path().join("topicwire.db")).unwrap();
    assert_eq!(store.execute("UPDATE poll SET state = ?1", [old]).unwrap(), 1);
    drop(store);
    place.run_at(HOUR_LATER, &["refresh"]).expect(0);
    assert_eq!(sent(&origin, "if-none-match").as_deref(), Some("\"1\""));
}

#[test]
fn frb016_validators_survive_a_429() {
    let (origin, place) = site(good(&[("ETag", "\"1\"")]));
    place.run(&["refresh"]).expect(0);
    origin.answer("/feed", Answer { status: 429, headers: headers(&[("ETag", "\"busy\""), ("Retry-After", "60")]), body: Vec::new() });
    place.run_at(HOUR_LATER, &["refresh"]).expect(3);
    origin.answer("/feed", good(&[("ETag", "\"1\"")]));
    let ran = place.run_at("2026-11-20T15:00:00Z", &["refresh", "--json"]).expect(0);
    assert_eq!(ran.json()["sources"][0]["outcome"], "unchanged");
}

#[test]
fn frb020_retry_after_is_obeyed_by_every_command() {
    for wait in ["7200", "Fri, 20 Nov 2026 14:00:00 GMT", "Friday, 20-Nov-26 14:00:00 GMT", "Fri Nov 20 14:00:00 2026"] {
        let (origin, place) = site(Answer { status: 429, headers: headers(&[("Retry-After", wait)]), body: Vec::new() });
        place.run(&["refresh"]).expect(3);
        for command in [&["refresh"][..], &["refresh", "--due"], &["retry", "news"], &["refresh", "--from-zero", "news"]] {
            place.run_at("2026-11-20T13:59:59Z", command);
            assert_eq!(origin.hits("/feed").requests, 1, "{wait}: {command:?}");
        }
        place.run_at("2026-11-20T14:00:59Z", &["refresh", "--due"]).expect(3);
        assert_eq!(origin.hits("/feed").requests, 2, "{wait}");
    }
}

/// A source without a network: [`poll::plan`] and [`poll::after`] are all that the program decides by.
struct Source {
    state: PollState,
    schedule: Schedule,
}

const URL: &str = "https://news.example/feed";

fn start() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn facts(status: u16) -> Facts {
    Facts { status, final_url: URL.into(), conditional: true, body_len: 9, ..Facts::default() }
}

impl Source {
    /// One that was read at the start.
    fn well(schedule: &str) -> Self {
        let mut source = Self { state: PollState::default(), schedule: Schedule::parse(schedule, chrono_tz::Tz::UTC).unwrap() };
        source.poll(start(), Ok(Facts { etag: Some(b"\"1\"".to_vec()), conditional: false, ..facts(200) }));
        source
    }

    fn ask(&self, now: DateTime<Utc>) -> Ask {
        match poll::plan(&self.state, URL, None, now) {
            Plan::Ask(ask) => ask,
            Plan::Wait { why, .. } => panic!("{why}"),
        }
    }

    fn poll(&mut self, now: DateTime<Utc>, answer: Result<Facts, Failure>) {
        self.read(now, answer, Ok(Reading::default()));
    }

    /// Polls, and returns the wait until the next attempt.
    fn read(&mut self, now: DateTime<Utc>, answer: Result<Facts, Failure>, reading: Result<Reading, Failure>) -> TimeDelta {
        let ask = self.ask(now);
        let budgets = Budgets::default();
        let setting = Setting {
            url: URL,
            schedule: &self.schedule,
            floor: Duration::from_secs(900),
            seed: seed("news"),
            budgets: &budgets,
            is_private: false,
        };
        let before = std::mem::take(&mut self.state);
        self.state = poll::after(&setting, before, &ask, answer.as_ref().map_err(Clone::clone), now, || reading, |_| None);
        self.state.next_due.unwrap() - now
    }
}

#[test]
fn frb021_a_429_without_a_hint_slows_down() {
    let mut source = Source::well("15m");
    let waits: Vec<i64> =
        (1..=3).map(|hour| source.read(start() + TimeDelta::days(hour), Ok(facts(429)), Ok(Reading::default())).num_hours()).collect();
    assert!(waits.iter().all(|hours| *hours >= 1), "{waits:?}");
}

#[test]
fn frb022_cache_hints_on_good_answers_are_obeyed() {
    for (cache, next) in [("max-age=7200", "2026-11-20T14:00:0"), ("max-age=60", "2026-11-20T13:00:0"), ("no-store", "2026-11-20T13:00:0")]
    {
        let (_origin, place) = site(good(&[("Cache-Control", cache)]));
        place.run(&["refresh"]).expect(0);
        let status = status(&place);
        assert!(status["next"].as_str().unwrap().starts_with(next), "{cache}: {status}");
    }
}

#[test]
fn frb023_the_rhythm_of_the_feed_is_matched() {
    let mut source = Source::well("adaptive");
    for (gap_h, wait_min) in [(24, 720), (1, 30)] {
        let now = start() + TimeDelta::days(60);
        let posted = (0..40).map(|n| now - TimeDelta::hours(n * gap_h)).collect();
        let changed = Facts { conditional: true, body_hash: Some([gap_h as u8; 32]), ..facts(200) };
        let wait = source.read(now, Ok(changed), Ok(Reading { posted, ..Reading::default() }));
        assert_eq!(wait.num_minutes(), wait_min, "a post every {gap_h} h");
    }
}

#[test]
fn frb024_hints_in_the_feed_are_obeyed() {
    for (hint, next) in [
        ("<ttl>180</ttl>", "2026-11-20T15:00:0"),
        ("<ttl>5</ttl>", "2026-11-20T13:00:0"),
        ("<skipHours><hour>13</hour><hour>14</hour></skipHours>", "2026-11-20T15:00:0"),
        ("<skipDays><day>Friday</day></skipDays>", "2026-11-21T00:00:0"),
        (
            "<sy:updatePeriod xmlns:sy=\"http://purl.org/rss/1.0/modules/syndication/\">daily</sy:updatePeriod>\
             <sy:updateFrequency xmlns:sy=\"http://purl.org/rss/1.0/modules/syndication/\">4</sy:updateFrequency>",
            "2026-11-20T18:00:0",
        ),
    ] {
        let body = rss("News", &ITEMS).replace("<title>News</title>", &format!("<title>News</title>{hint}"));
        let (_origin, place) = site(Answer { body: body.into(), ..good(&[]) });
        place.run(&["refresh"]).expect(0);
        let status = status(&place);
        assert!(status["next"].as_str().unwrap().starts_with(next), "{hint}: {status}");
    }
}

/// A server that notes when requests began and how many were under way at once; four sources on it.
fn four_on_one_host() -> (Vec<Instant>, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (begun, under_way, most) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let shared = (Arc::clone(&begun), Arc::clone(&under_way), Arc::clone(&most));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (begun, under_way, most) = (Arc::clone(&shared.0), Arc::clone(&shared.1), Arc::clone(&shared.2));
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let mut stream = stream;
                while let Some(Ok(line)) = lines.next() {
                    if line.starts_with("GET ") {
                        begun.lock().unwrap().push(Instant::now());
                        most.fetch_max(under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    } else if line.is_empty() {
                        let body = body();
                        under_way.fetch_sub(1, Ordering::SeqCst);
                        let _ = write!(stream, "HTTP/1.1 200 X\r\nContent-Length: {}\r\n\r\n", body.len())
                            .and_then(|()| stream.write_all(&body));
                    }
                }
            });
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let mut config = format!(
        "[site]\ntitle = \"T\"\nbase_url = \"https://wire.example/\"\n[fetch]\nallow = [\"127.0.0.0/8\"]\nports = [{port}]\nhost_gap = \"200ms\"\n[defaults]\nenrich = \"never\"\n"
    );
    for n in 0..4 {
        config += &format!("[[source]]\nid = \"s{n}\"\nurl = \"http://127.0.0.1:{port}/{n}\"\n");
    }
    std::fs::write(dir.path().join("feeds.toml"), config).unwrap();
    Place { dir }.run(&["refresh"]).expect(0);
    let begun = begun.lock().unwrap().clone();
    (begun, most.load(Ordering::SeqCst))
}

#[test]
fn frb033_a_host_gets_no_parallel_requests() {
    assert_eq!(four_on_one_host().1, 1);
}

#[test]
fn frb034_requests_to_a_host_are_serialised_with_a_pause() {
    let (begun, _) = four_on_one_host();
    let gaps: Vec<Duration> = begun.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.len() == 3 && gaps.iter().all(|gap| *gap >= Duration::from_millis(195)), "{gaps:?}");
}

#[test]
fn frb036_adding_a_feed_takes_one_request() {
    let (origin, place) = site(good(&[("ETag", "\"1\"")]));
    place.run(&["check"]).expect(0);
    place.run(&["refresh"]).expect(0);
    place.run(&["publish"]).expect(0);
    assert_eq!(origin.all_hits().requests, 1);
}

#[test]
fn frb037_a_restart_refetches_nothing() {
    let (origin, place) = site(good(&[]));
    place.run(&["refresh"]).expect(0);
    for minute in ["01", "10", "59"] {
        place.run_at(&format!("2026-11-20T12:{minute}:00Z"), &["refresh", "--due"]).expect(0);
    }
    assert_eq!(origin.hits("/feed").requests, 1);
}

#[test]
fn frb100_only_a_real_feed_is_taken() {
    let page = "<html><head><title>Page not found</title></head><body>Sorry</body></html>";
    let (_origin, place) = site(Answer { status: 200, headers: headers(&[("Content-Type", "application/rss+xml")]), body: page.into() });
    place.run(&["refresh"]).expect(3);
    let status = status(&place);
    assert_eq!((&status["health"], &status["entries"]), (&"unreadable".into(), &0.into()));
    assert!(status["failure"]["why"].as_str().unwrap().contains("Page not found"), "{status}");
}

#[test]
fn frb101_only_a_success_is_taken() {
    for code in [201, 206, 226, 300, 404, 500] {
        let (_origin, place) = site(Answer { status: code, ..good(&[]) });
        place.run(&["refresh"]).expect(3);
        assert_eq!(status(&place)["entries"], 0, "{code}");
    }
}

#[test]
fn frb102_the_user_is_shown_what_the_server_answered() {
    let (_origin, place) = site(Answer { status: 403, headers: headers(&[("Server", "frontdoor")]), body: Vec::new() });
    let ran = place.run(&["refresh"]).expect(3);
    assert!(ran.out.contains("answered 403 Forbidden (server: frontdoor)"), "{}", ran.out);
    let status = place.run(&["status"]).expect(0).out;
    assert!(status.contains("refused") && status.contains("0 well, 1 not"), "{status}");
}

/// Polls whenever the time has come, for 60 days of failure: the waits grow to a day, are a week after 30 days, and never end.
fn gives_up(answer: impl Fn() -> Result<Facts, Failure>, reading: impl Fn() -> Result<Reading, Failure>, health: Health) {
    let mut source = Source::well("1h");
    let mut now = start() + TimeDelta::hours(1);
    let begun = now;
    let mut waits = Vec::new();
    while now - begun < TimeDelta::days(60) {
        assert_eq!(source.ask(now).how, Asked::Conditional, "the validators are kept");
        let wait = source.read(now, answer(), reading());
        waits.push((now - begun, wait));
        now += wait;
    }
    assert_eq!(source.state.health(), health);
    assert_eq!((source.state.failing_since, source.state.well_at), (Some(begun), Some(start())));
    assert!(waits.len() < 45, "{} requests in 60 days", waits.len());
    for (failing_for, wait) in waits {
        assert!(wait >= TimeDelta::hours(1), "{wait} after {failing_for}");
        if failing_for >= TimeDelta::days(30) {
            assert_eq!(wait, TimeDelta::days(7), "after {failing_for}");
        } else if health != Health::Gone {
            assert!(wait <= TimeDelta::hours(24), "{wait} after {failing_for}");
        }
    }
}

fn no_answer(class: &str) -> Result<Facts, Failure> {
    Err(Failure { stage: "fetch".into(), class: class.into(), why: class.into() })
}

fn unread(class: &str) -> Result<Reading, Failure> {
    Err(Failure { stage: "read".into(), class: class.into(), why: class.into() })
}

#[test]
fn frb110_gives_up_on_a_name_that_is_gone() {
    gives_up(|| no_answer("dns"), || Ok(Reading::default()), Health::Unreachable);
}

#[test]
fn frb111_gives_up_on_a_host_that_does_not_answer() {
    gives_up(|| no_answer("timeout"), || Ok(Reading::default()), Health::Unreachable);
}

#[test]
fn frb112_gives_up_on_a_bad_certificate() {
    gives_up(|| no_answer("tls"), || Ok(Reading::default()), Health::Unreachable);
}

#[test]
fn frb113_gives_up_on_404() {
    gives_up(|| Ok(facts(404)), || Ok(Reading::default()), Health::Failing);
}

#[test]
fn frb114_gives_up_on_403() {
    gives_up(|| Ok(facts(403)), || Ok(Reading::default()), Health::Refused);
}

#[test]
fn frb115_gives_up_on_500() {
    gives_up(|| Ok(facts(500)), || Ok(Reading::default()), Health::Failing);
}

#[test]
fn frb116_gives_up_on_410() {
    gives_up(|| Ok(facts(410)), || Ok(Reading::default()), Health::Gone);
}

#[test]
fn frb117_gives_up_on_what_is_no_feed() {
    gives_up(|| Ok(Facts { body_hash: Some([2; 32]), ..facts(200) }), || unread("html-page"), Health::Unreadable);
}

#[test]
fn frb118_gives_up_on_a_challenge_page() {
    let words = Words { cf_mitigated: Some("challenge".into()), ..Words::default() };
    gives_up(|| Ok(Facts { words: Some(words.clone()), ..facts(403) }), || Ok(Reading::default()), Health::Blocked);
}

#[test]
fn frb119_gives_up_on_a_redirect_that_leads_nowhere() {
    gives_up(|| Ok(facts(301)), || Ok(Reading::default()), Health::Failing);
}

#[test]
fn frb120_error_bodies_are_shown_and_cannot_play_tricks() {
    let body = "<html><head><title>Slow\x1b[2J down</title></head><body><h1>Too many readers</h1><p>Write to\x07 feeds@news.example</p></body></html>";
    let (_origin, place) = site(Answer {
        status: 403,
        headers: headers(&[("cf-mitigated", "block"), ("cf-ray", "8a1b-HEL"), ("Server", "edge")]),
        body: body.into(),
    });
    place.run(&["refresh"]).expect(3);
    let shown = place.run(&["status", "news"]).expect(0).out;
    assert!(shown.contains("\"Too many readers Write to feeds@news.example\""), "{shown}");
    assert!(shown.contains("status 403; server: edge; cf-mitigated: block; cf-ray: 8a1b-HEL; page title: Slow[2J down"), "{shown}");
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
    assert_eq!(status(&place)["said"]["text"], "Too many readers Write to feeds@news.example");
}

/// A feed that answers 301 (or another code) to its new address, polled on these days.
fn redirected(code: u16, days: &[&str]) -> (Origin, Place) {
    let origin = Origin::start();
    origin.answer("/feed", Answer { status: code, headers: headers(&[("Location", "/new")]), body: Vec::new() });
    origin.put("/new", "application/rss+xml", body());
    let place = Place::new(&origin, &[("news".into(), origin.url("/feed"))], "");
    for day in days {
        place.run_at(&format!("2026-11-{day}T12:00:00Z"), &["refresh"]).expect(0);
    }
    (origin, place)
}

#[test]
fn frb130_a_permanent_redirect_is_saved() {
    for code in [301, 308] {
        let (origin, place) = redirected(code, &["01", "04", "07", "08"]);
        let status = status(&place);
        assert_eq!((&status["adopted"]["url"], &status["address"]), (&origin.url("/new").into(), &origin.url("/new").into()));
        let told = place.run(&["status", "-v"]).expect(0).out;
        assert!(told.contains(&format!("write url = \"{}\" into feeds.toml", origin.url("/new"))), "{told}");
    }
    let (origin, place) = redirected(301, &["01", "04", "07"]);
    assert_eq!((&status(&place)["adopted"], origin.hits("/feed").requests), (&serde_json::Value::Null, 3), "a week has not passed");
}

#[test]
fn frb131_the_old_address_is_left_alone_until_the_operator_takes_the_move_back() {
    let (origin, place) = redirected(301, &["01", "04", "08"]);
    place.run_at("2026-11-09T12:00:00Z", &["refresh"]).expect(0);
    assert_eq!((origin.hits("/feed").requests, origin.hits("/new").requests), (3, 4));
    assert_eq!(origin.hits("/new").conditional, 3, "the validators moved with it");
    let ran = place.run_at("2026-11-10T12:00:00Z", &["retry", "news", "--undo-move"]).expect(0);
    assert!(ran.out.contains("no longer moved to"), "{}", ran.out);
    assert_eq!(origin.hits("/feed").requests, 4);
    for day in ["11", "18", "25"] {
        place.run_at(&format!("2026-11-{day}T12:00:00Z"), &["refresh"]).expect(0);
    }
    assert_eq!((origin.hits("/feed").requests, &status(&place)["adopted"]), (7, &serde_json::Value::Null), "it is not adopted again");
    // The operator may still write it into the configuration, and loses nothing.
    place.configure(&origin, &[("news".into(), origin.url("/new"))], "");
    let ran = place.run_at("2026-11-26T12:00:00Z", &["refresh", "--json"]).expect(0);
    assert_eq!(ran.json()["sources"][0]["outcome"], "unchanged");
}

#[test]
fn frb132_only_a_move_is_a_move() {
    for code in [302, 303, 307] {
        let (origin, place) = redirected(code, &["01", "04", "08", "09"]);
        assert_eq!((&status(&place)["adopted"], origin.hits("/feed").requests), (&serde_json::Value::Null, 4), "{code}");
    }
    // Another source lives there already: two sources would become one.
    let (origin, place) = redirected(301, &["01", "04"]);
    place.configure(&origin, &[("news".into(), origin.url("/feed")), ("other".into(), origin.url("/new"))], "");
    place.run_at("2026-11-08T12:00:00Z", &["refresh"]).expect(0);
    let told = place.run(&["status", "news"]).expect(0).out;
    assert!(told.contains("not followed: the source other is already there"), "{told}");
    // A document that came for one of the two is the other's as well (F24); "not modified" is only for who asked with the same
    // validators, and which of them polls first is nobody's choice.
    assert_eq!(origin.hits("/feed").requests, 3);
    assert!((3..=4).contains(&origin.hits("/new").requests), "{}", origin.hits("/new").requests);
}

#[test]
fn retry_clears_gone_and_asks_conditionally() {
    let (origin, place) = site(good(&[("ETag", "\"1\"")]));
    place.run(&["refresh"]).expect(0);
    origin.answer("/feed", Answer { status: 410, ..Answer::default() });
    for day in ["21", "22", "24"] {
        place.run_at(&format!("2026-11-{day}T12:00:00Z"), &["refresh"]).expect(3);
    }
    let gone = status(&place);
    assert_eq!((&gone["health"], &gone["next"]), (&"gone".into(), &"2026-12-01T12:00:00Z".into()));
    origin.answer("/feed", good(&[("ETag", "\"1\"")]));
    let ran = place.run_at("2026-11-24T13:00:00Z", &["retry", "news", "--json"]).expect(0);
    assert_eq!(ran.json()["sources"][0]["outcome"], "unchanged");
    assert_eq!(status(&place)["health"], "well");
    place.run(&["retry"]).expect(2);
    place.run(&["retry", "none"]).expect(2);
}

#[test]
fn from_zero_asks_once_without_validators() {
    let (origin, place) = site(good(&[("ETag", "\"1\"")]));
    place.run(&["refresh"]).expect(0);
    place.run_at(HOUR_LATER, &["refresh", "--from-zero", "news"]).expect(0);
    assert_eq!(sent(&origin, "if-none-match"), None);
    place.run_at("2026-11-20T14:00:00Z", &["refresh"]).expect(0);
    assert_eq!(sent(&origin, "if-none-match").as_deref(), Some("\"1\""));
    place.run(&["refresh", "--from-zero"]).expect(2);
}

#[test]
fn etiquette_tells_gaps_conditions_and_what_followed_a_429() {
    let (origin, place) = site(good(&[("ETag", "\"1\"")]));
    place.run(&["refresh"]).expect(0);
    place.run_at("2026-11-20T13:30:00Z", &["refresh"]).expect(0);
    origin.answer("/feed", Answer { status: 429, headers: headers(&[("Retry-After", "3600")]), body: Vec::new() });
    place.run_at("2026-11-20T14:30:00Z", &["refresh"]).expect(3);
    origin.answer("/feed", good(&[("ETag", "\"1\"")]));
    place.run_at("2026-11-20T15:00:00Z", &["refresh"]).expect(3);
    place.run_at("2026-11-20T15:31:00Z", &["refresh"]).expect(0);
    let told = place.run_at("2026-11-21T12:00:00Z", &["etiquette", "--json"]).expect(0).json();
    let source = &told["sources"][0];
    let number = |key: &str| source[key].as_i64().unwrap();
    assert_eq!((number("requests"), number("conditional"), number("unconditional"), number("not_modified")), (4, 3, 1, 2), "{source}");
    assert_eq!((number("inside_retry_after"), source["limited"][0]["next_status"].as_i64()), (0, Some(304)), "{source}");
    assert!((3_598..=3_602).contains(&number("smallest_gap_s")), "{source}");
    let table = place.run_at("2026-11-21T12:00:00Z", &["etiquette", "--days", "2"]).expect(0).out;
    assert!(
        table.contains("75 %") && table.contains("2 days: 4 requests, 3 conditional, 2 answered 304; 1 answers of 429; 0 requests before"),
        "{table}"
    );
    assert_eq!(place.run_at("2027-03-01T12:00:00Z", &["etiquette", "--json"]).expect(0).json()["sources"][0]["requests"], 0);
}
