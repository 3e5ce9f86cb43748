//! What polls do over time, one rule a test.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;
use crate::config::Budgets;
use crate::stage::exchange::Facts;
use crate::stage::schedule::Schedule;

const URL: &str = "https://a.example/feed";
const NEW: &str = "https://b.example/feed";

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap() + TimeDelta::minutes(minutes)
}

const DAY: i64 = 1_440;

fn facts(status: u16) -> Facts {
    Facts { status, final_url: URL.into(), conditional: true, body_len: 5, ..Facts::default() }
}

/// A 200 with these validators and a body of its own.
fn fresh(etag: &str) -> Facts {
    let hash = [etag.len() as u8; 32];
    Facts { etag: Some(etag.into()), last_modified: Some(b"then".to_vec()), body_hash: Some(hash), conditional: false, ..facts(200) }
}

fn asked(state: &PollState, url: &str, now: DateTime<Utc>) -> Ask {
    match plan(state, url, None, now) {
        Plan::Ask(ask) => ask,
        Plan::Wait { why, .. } => panic!("{why}"),
    }
}

fn step(state: PollState, url: &str, answer: Result<Facts, &str>, now: DateTime<Utc>) -> PollState {
    let schedule = Schedule::parse("1h", Tz::UTC).unwrap();
    let budgets = Budgets::default();
    let setting = Setting { url, schedule: &schedule, floor: Duration::from_secs(900), seed: 7, budgets: &budgets, is_private: false };
    let ask = asked(&state, url, now);
    let answer = answer.map_err(|class| Failure { stage: "fetch".into(), class: class.into(), why: class.into() });
    after(&setting, state, &ask, answer.as_ref().map_err(Clone::clone), now, || Ok(Reading::default()), |_| None)
}

fn well() -> PollState {
    step(PollState::default(), URL, Ok(fresh("\"1\"")), at(0))
}

#[test]
fn eight_days_of_304_earn_one_request_without_a_condition() {
    let mut state = well();
    let mut without = Vec::new();
    for hour in 1..24 * 30 {
        let now = at(hour * 60);
        let how = asked(&state, URL, now).how;
        if how != Asked::Conditional {
            without.push((hour, how));
        }
        // A server that answers 304 to whatever is conditional.
        let answer = if how == Asked::Conditional { facts(304) } else { fresh("\"22\"") };
        state = step(state, URL, Ok(answer), now);
    }
    // The first 304 came at hour 1, the next after each renewal an hour later.
    assert_eq!(without, [(193, Asked::Renewal), (386, Asked::Renewal), (579, Asked::Renewal)]);
}

#[test]
fn a_renewal_that_fails_waits_eight_days_for_the_next() {
    let mut state = step(well(), URL, Ok(facts(304)), at(60));
    state = step(state, URL, Ok(Facts { conditional: false, ..facts(500) }), at(60 + 8 * DAY));
    assert_eq!(state.asked, Asked::Renewal);
    state = step(state, URL, Ok(facts(304)), at(9 * DAY));
    assert_eq!(asked(&state, URL, at(15 * DAY)).how, Asked::Conditional);
    assert_eq!(asked(&state, URL, at(60 + 16 * DAY)).how, Asked::Renewal);
    let body = step(state, URL, Ok(fresh("\"333\"")), at(15 * DAY));
    assert_eq!(asked(&body, URL, at(20 * DAY)).how, Asked::Conditional, "a body ends the row of 304");
}

#[test]
fn validators_come_and_go_as_a_pair() {
    let pair = well();
    let ask = asked(&pair, URL, at(60));
    assert_eq!((ask.etag.as_deref(), ask.last_modified.as_deref()), (Some(&b"\"1\""[..]), Some(&b"then"[..])));
    let one = step(pair.clone(), URL, Ok(Facts { last_modified: None, ..fresh("\"22\"") }), at(60));
    let ask = asked(&one, URL, at(120));
    assert_eq!((ask.etag.as_deref(), ask.last_modified), (Some(&b"\"22\""[..]), None));
    let stale = PollState { unmodified_since: Some(at(0)), unconditional_at: Some(at(0)), ..pair };
    let ask = asked(&stale, URL, at(8 * DAY));
    assert_eq!((ask.how, ask.etag, ask.last_modified), (Asked::Renewal, None, None));
}

#[test]
fn what_another_address_gave_stays_at_home() {
    let state = well();
    let ask = asked(&state, NEW, at(60));
    assert_eq!((ask.how, ask.etag, ask.url.as_str()), (Asked::NewAddress, None, NEW));
    let failed = step(state.clone(), NEW, Err("dns"), at(60));
    assert_eq!((failed.etag, failed.body_hash), (None, None));
    // The validators were the new address's own: nothing is lost.
    let followed = PollState { validator_url: Some(NEW.into()), ..state };
    assert_eq!(asked(&followed, NEW, at(60)).how, Asked::Conditional);
}

#[test]
fn a_body_that_cannot_be_read_changes_no_validator() {
    let schedule = Schedule::parse("1h", Tz::UTC).unwrap();
    let budgets = Budgets::default();
    let setting = Setting { url: URL, schedule: &schedule, floor: Duration::ZERO, seed: 7, budgets: &budgets, is_private: false };
    let (before, answer) = (well(), fresh("\"22\""));
    let ask = asked(&before, URL, at(60));
    let broken = || Err(Failure { stage: "read".into(), class: "not-a-feed".into(), why: "x".into() });
    let state = after(&setting, before.clone(), &ask, Ok(&answer), at(60), broken, |_| None);
    assert_eq!((state.etag, state.last_modified, state.body_hash), (before.etag, before.last_modified, before.body_hash));
}

#[test]
fn a_document_that_breaks_off_gives_no_validators_until_it_comes_again() {
    let schedule = Schedule::parse("1h", Tz::UTC).unwrap();
    let budgets = Budgets::default();
    let setting = Setting { url: URL, schedule: &schedule, floor: Duration::ZERO, seed: 7, budgets: &budgets, is_private: false };
    let mut state = well();
    for (minute, expected) in [(60, "\"1\""), (120, "\"22\"")] {
        let ask = asked(&state, URL, at(minute));
        let torn = || Ok(Reading { breaks_off: true, ..Reading::default() });
        state = after(&setting, state, &ask, Ok(&fresh("\"22\"")), at(minute), torn, |_| None);
        assert_eq!((state.etag.as_deref(), state.health()), (Some(expected.as_bytes()), Health::Well));
    }
}

#[test]
fn a_304_changes_only_the_fields_that_it_carries() {
    let age = |s| Some(Duration::from_secs(s));
    let state = step(PollState::default(), URL, Ok(Facts { max_age: age(7_200), ..fresh("\"1\"") }), at(0));
    let kept = step(state, URL, Ok(facts(304)), at(60));
    assert_eq!((kept.max_age_s, kept.etag.as_deref()), (Some(7_200), Some(&b"\"1\""[..])));
    let renewed = step(kept, URL, Ok(Facts { max_age: age(60), etag: Some(b"\"2\"".to_vec()), ..facts(304) }), at(120));
    assert_eq!((renewed.max_age_s, renewed.etag.as_deref()), (Some(60), Some(&b"\"2\""[..])));
    let without = step(renewed, URL, Ok(fresh("\"333\"")), at(180));
    assert_eq!(without.max_age_s, None);
}

#[test]
fn three_times_410_over_three_days_is_gone_and_is_probed_weekly() {
    let mut state = well();
    for (minute, for_good) in [(60, false), (120, false), (180, false), (60 + 3 * DAY, true)] {
        state = step(state, URL, Ok(facts(410)), at(minute));
        assert_eq!(state.gone.unwrap().for_good, for_good, "at minute {minute}");
    }
    assert_eq!((state.health(), state.next_due), (Health::Gone, Some(at(60 + 10 * DAY))));
    let unreachable = step(state.clone(), URL, Err("dns"), at(60 + 10 * DAY));
    assert_eq!((unreachable.health(), unreachable.next_due), (Health::Gone, Some(at(60 + 17 * DAY))));
    let back = step(unreachable, URL, Ok(facts(304)), at(60 + 17 * DAY));
    assert_eq!((back.health(), back.gone, back.next_due), (Health::Well, None, Some(at(120 + 17 * DAY))));
}

#[test]
fn a_429_counts_for_the_public_host_and_a_503_for_the_address() {
    let limited = |url: &str, status| {
        step(PollState::default(), url, Ok(Facts { final_url: url.into(), retry_after: Some("7200".into()), ..facts(status) }), at(0))
    };
    for (url, host) in [
        (URL, Some("a.example")),
        ("https://93.184.216.34/feed", Some("93.184.216.34")),
        ("http://rsshub:1200/x", None),
        ("http://rsshub.local/x", None),
        ("http://nas.home.arpa/x", None),
        ("http://localhost/x", None),
        ("http://192.168.0.9/x", None),
        ("http://[::1]/x", None),
        ("https://notlocal.example/x", Some("notlocal.example")),
    ] {
        assert_eq!(limited(url, 429).limited_host.as_deref(), host, "{url}");
        assert_eq!(limited(url, 503).limited_host, None, "{url}");
    }
    let budgets = Budgets::new([("a.example".to_owned(), "x".to_owned()), ("rsshub.local".to_owned(), "x".to_owned())]);
    let schedule = Schedule::parse("1h", Tz::UTC).unwrap();
    let scope = |own: &str, final_url: &str, is_private| {
        let setting = Setting { url: own, schedule: &schedule, floor: Duration::ZERO, seed: 7, budgets: &budgets, is_private };
        let answer = Facts { final_url: final_url.into(), ..facts(429) };
        let ask = asked(&PollState::default(), own, at(0));
        after(&setting, PollState::default(), &ask, Ok(&answer), at(0), || Ok(Reading::default()), |_| None).limited_host
    };
    for (own, final_url, is_private, wanted) in [
        (URL, URL, false, Some("group x")),
        (NEW, NEW, false, Some("b.example")),
        ("https://one.substack.com/feed", "https://one.substack.com/feed", false, Some("*.substack.com")),
        ("http://rsshub.local/x", "http://rsshub.local/x", false, None),
        (NEW, NEW, true, None),
        (NEW, URL, true, Some("group x")),
    ] {
        assert_eq!(scope(own, final_url, is_private).as_deref(), wanted, "{own} {final_url} {is_private}");
    }
    let other = well();
    assert!(matches!(plan(&other, URL, Some(at(120)), at(119)), Plan::Wait { until, .. } if until == at(120)));
    assert!(matches!(plan(&other, URL, Some(at(120)), at(120)), Plan::Ask(_)));
}

#[test]
fn a_wait_beyond_a_week_was_noted_by_a_wrong_clock() {
    let state = PollState { retry_not_before: Some(at(20 * DAY)), ..well() };
    assert!(matches!(plan(&state, URL, Some(at(30 * DAY)), at(60)), Plan::Ask(_)));
    let ahead = PollState { polled_at: Some(at(DAY)), next_due: Some(at(2 * DAY)), ..PollState::default() };
    assert!(is_due(&ahead, at(0)) && !is_due(&ahead, at(DAY)) && is_due(&PollState::default(), at(0)));
}

#[test]
fn retry_forgets_the_back_off_and_not_the_row_of_failures() {
    let mut state = well();
    for day in 1..50 {
        state = step(state, URL, Err("connect"), at(day * DAY));
    }
    assert_eq!(state.next_due, Some(at(56 * DAY)));
    let again = retry(state, at(50 * DAY));
    assert_eq!(again.next_due, Some(at(50 * DAY)));
    let failed = step(again, URL, Err("connect"), at(50 * DAY));
    assert_eq!((failed.failing_since, failed.failures), (Some(at(DAY)), 1));
    assert!(failed.next_due.unwrap() <= at(50 * DAY + 72));
    let told = PollState { retry_not_before: Some(at(51 * DAY)), ..failed };
    assert_eq!(retry(told, at(50 * DAY)).next_due, Some(at(51 * DAY)));
}

#[test]
fn from_zero_holds_for_one_request() {
    let state = from_zero(well());
    let ask = asked(&state, URL, at(60));
    assert_eq!((ask.how, ask.etag), (Asked::FromZero, None));
    let failed = step(state.clone(), URL, Ok(Facts { conditional: false, ..facts(500) }), at(60));
    assert_eq!(asked(&failed, URL, at(120)).how, Asked::Conditional);
    let read = step(state, URL, Ok(fresh("\"1\"")), at(60));
    assert_eq!(read.outcome, Outcome::Succeeded, "equal bytes are read again when that was asked for");
}

#[test]
fn a_captive_portal_is_no_new_home() {
    let moved = Facts { permanent: true, final_url: NEW.into(), ..fresh("\"1\"") };
    let mut state = step(PollState::default(), URL, Ok(moved.clone()), at(0));
    assert_eq!(state.moving.as_ref().map(|moving| moving.to.as_str()), Some(NEW));
    state = step(state, URL, Err("timeout"), at(60));
    assert!(state.moving.is_some(), "no answer says nothing");
    state = step(state, URL, Ok(Facts { permanent: true, final_url: NEW.into(), ..facts(404) }), at(120));
    assert_eq!(state.moving, None);
    for minute in [180, 4 * DAY, 180 + 7 * DAY] {
        state = step(state, URL, Ok(moved.clone()), at(minute));
    }
    assert_eq!((address(&state, URL), address(&state, "https://c.example/")), (NEW, "https://c.example/"));
    assert_eq!(undo_move(&mut state).as_deref(), Some(NEW));
    assert_eq!(address(&state, URL), URL);
    assert_eq!(undo_move(&mut state), None);
}

proptest! {
    /// F8, F11, F13: whatever a server with validators answers, and whenever the operator polls by hand.
    #[test]
    fn no_history_makes_us_impolite(events in proptest::collection::vec((0_u8..12, 0_u8..10, 1_i64..5_000), 1..400)) {
        let mut state = well();
        let (mut now, mut unconditional) = (at(0), 1);
        let mut closed = at(0);
        for (kind, by_hand, wait_min) in events {
            now = match by_hand {
                0 => now + TimeDelta::minutes(wait_min % 60 + 1),
                _ => state.next_due.unwrap().max(now),
            };
            let Plan::Ask(ask) = plan(&state, URL, None, now) else { continue };
            prop_assert!(now >= closed, "asked at {} although closed until {}", now, closed);
            let sent = ask.etag.is_some() || ask.last_modified.is_some();
            unconditional += usize::from(!sent);
            let base = Facts { conditional: sent, etag: Some(b"\"1\"".to_vec()), ..facts(200) };
            let answer = match kind {
                0..=3 if sent => Ok(Facts { status: 304, ..base }),
                0..=4 => Ok(Facts { body_hash: Some([kind + 100; 32]), ..base }),
                5 => Err("connect"),
                6 => Ok(Facts { status: 410, ..base }),
                7 | 8 => {
                    closed = now + TimeDelta::minutes(wait_min);
                    Ok(Facts { status: if kind == 7 { 429 } else { 503 }, retry_after: Some((wait_min * 60).to_string()), ..base })
                }
                9 => Ok(Facts { status: 403, ..base }),
                10 => Ok(Facts { status: 304, ..base }),
                _ => Ok(Facts { status: 500, ..base }),
            };
            let polled = now;
            state = step(state, URL, answer, now);
            let wait = state.next_due.unwrap() - polled;
            prop_assert!(wait >= TimeDelta::hours(1) && wait <= TimeDelta::days(7), "the next attempt is {} later", wait);
            let days = (now - at(0)).num_days();
            prop_assert!(unconditional as i64 <= 1 + days / 8, "{} unconditional requests in {} days", unconditional, days);
        }
    }
}
