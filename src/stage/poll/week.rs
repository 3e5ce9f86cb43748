//! A simulated week: 500 sources of mixed behaviour, over the same two functions that the program polls by. The servers keep their own
//! books, which know nothing of ours: what they saw is what is judged.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::*;
use crate::config::Budgets;
use crate::stage::exchange::Facts;
use crate::stage::schedule::{self, Schedule};

const KINDS: [&str; 14] = [
    "steady",
    "flapping",
    "304 for ever",
    "429, seconds",
    "429, date",
    "429, no hint",
    "503, Retry-After",
    "dead",
    "moved",
    "gone",
    "challenge",
    "slow",
    "no feed",
    "adaptive",
];

fn start() -> DateTime<Utc> {
    "2026-11-02T00:00:00Z".parse().unwrap()
}

/// What one publisher's server saw.
#[derive(Clone, Default)]
struct Seen {
    requests: Vec<DateTime<Utc>>,
    unconditional: usize,
    inside_retry_after: usize,
    old_address_after_the_move: usize,
}

struct World {
    seen: Vec<Seen>,
    /// By URL or host: no request is wanted before.
    closed: HashMap<String, DateTime<Utc>>,
}

struct Answer {
    facts: Facts,
    readable: bool,
}

fn host(n: usize) -> String {
    // About four sources share a host, of one kind each.
    format!("h{}-{}.example", n % KINDS.len(), n / KINDS.len() % 9)
}

fn url(n: usize) -> String {
    format!("https://{}/{n}/feed", host(n))
}

fn moved_url(n: usize) -> String {
    format!("https://new-{}/{n}/feed", host(n))
}

impl World {
    fn get(&mut self, n: usize, ask: &Ask, now: DateTime<Utc>) -> Result<Answer, Failure> {
        let kind = KINDS[n % KINDS.len()];
        let day = (now - start()).num_days();
        let is_moved = kind == "moved";
        let final_url = if is_moved { moved_url(n) } else { url(n) };
        assert!(ask.url == url(n) || ask.url == final_url, "{n} asks {}", ask.url);
        let sent = (ask.etag.is_some() || ask.last_modified.is_some()) && ask.validator_url.as_ref() == Some(&final_url);
        let seen = &mut self.seen[n];
        let count = seen.requests.len();
        seen.requests.push(now);
        seen.unconditional += usize::from(!sent);
        seen.inside_retry_after +=
            usize::from([&url(n), &host(n)].iter().any(|name| self.closed.get(*name).is_some_and(|until| now < *until)));
        seen.old_address_after_the_move += usize::from(is_moved && ask.url == url(n) && day > 8);

        // New text every six hours, every half hour for the adaptive ones.
        let period_s = if kind == "adaptive" { 1_800 } else { 21_600 };
        let edition = (now - start()).num_seconds() / period_s;
        let etag = format!("\"{edition}\"").into_bytes();
        let base = Facts {
            status: 200,
            final_url,
            permanent: is_moved && ask.url == url(n),
            conditional: sent,
            etag: Some(etag.clone()),
            body_len: 1_000,
            body_hash: Some([edition as u8; 32]),
            ..Facts::default()
        };
        let unmodified = sent && (ask.etag.as_ref() == Some(&etag) || kind == "304 for ever");
        let good = if unmodified { Facts { status: 304, body_len: 0, body_hash: None, ..base.clone() } } else { base.clone() };
        let error = |status, retry_after: Option<String>| Facts { status, retry_after, etag: None, body_hash: None, ..base.clone() };
        let close = |world: &mut HashMap<String, DateTime<Utc>>, name: String, wait: TimeDelta| {
            // Whole seconds: a header says no more.
            world.insert(name, DateTime::from_timestamp((now + wait).timestamp(), 0).unwrap());
        };
        let nothing = |class: &str| Err(Failure { stage: "fetch".into(), class: class.into(), why: class.into() });
        let mut readable = true;
        let facts = match kind {
            _ if count == 0 => base,
            "flapping" if count % 2 == 1 => error(500, None),
            "429, seconds" if count % 5 == 4 => {
                close(&mut self.closed, host(n), TimeDelta::seconds(9_000));
                error(429, Some("9000".into()))
            }
            "429, date" if count % 5 == 4 => {
                let wait = TimeDelta::hours(30);
                close(&mut self.closed, host(n), wait);
                error(429, Some((now + wait).format("%a, %d %b %Y %H:%M:%S GMT").to_string()))
            }
            "429, no hint" if count % 3 == 2 => {
                close(&mut self.closed, host(n), TimeDelta::hours(1));
                error(429, None)
            }
            "503, Retry-After" if count % 4 == 3 => {
                close(&mut self.closed, url(n), TimeDelta::seconds(10_000));
                error(503, Some("10000".into()))
            }
            "dead" if day >= 1 => return nothing("connect"),
            "gone" if day >= 1 => error(410, None),
            "challenge" if day >= 1 => {
                Facts { words: Some(Words { cf_mitigated: Some("challenge".into()), ..Words::default() }), ..error(403, None) }
            }
            "slow" if count % 3 == 1 => return nothing("timeout"),
            "no feed" if day == 2 => {
                readable = false;
                base
            }
            _ => good,
        };
        Ok(Answer { facts, readable })
    }
}

struct Program {
    states: Vec<PollState>,
    hosts: HashMap<String, DateTime<Utc>>,
    schedules: [Schedule; 2],
    budgets: Budgets,
}

impl Program {
    fn setting<'a>(&'a self, n: usize, url: &'a str) -> Setting<'a> {
        let adaptive = KINDS[n % KINDS.len()] == "adaptive";
        Setting {
            url,
            schedule: &self.schedules[usize::from(adaptive)],
            floor: Duration::from_secs(900),
            seed: schedule::seed(&n.to_string()),
            budgets: &self.budgets,
            is_private: false,
        }
    }

    /// As `ingest` does it.
    fn poll(&mut self, n: usize, world: &mut World, now: DateTime<Utc>) {
        let url = url(n);
        let before = self.states[n].clone();
        let there = url::Url::parse(address(&before, &url)).unwrap();
        let ask = match plan(&before, &url, self.hosts.get(there.host_str().unwrap()).copied(), now) {
            Plan::Ask(ask) => ask,
            Plan::Wait { until, .. } => {
                let state = &mut self.states[n];
                state.next_due = state.next_due.max(Some(schedule::shortly(until, schedule::seed(&n.to_string()))));
                return;
            }
        };
        let answer = world.get(n, &ask, now);
        let facts = answer.as_ref().map(|answer| &answer.facts).map_err(Clone::clone);
        let edition_s = if n % KINDS.len() == 13 { 1_800 } else { 21_600 };
        let read = || match &answer {
            Ok(Answer { readable: true, .. }) => {
                let newest = now.timestamp() / edition_s;
                let posted = (newest - 20..=newest).filter_map(|edition| DateTime::from_timestamp(edition * edition_s, 0)).collect();
                Ok(Reading { listed: 20, posted, ..Reading::default() })
            }
            _ => Err(Failure { stage: "read".into(), class: "html-page".into(), why: "not a feed".into() }),
        };
        let contested = |_: &str| None;
        let state = after(&self.setting(n, &url), before, &ask, facts, now, read, contested);
        if let (Some(host), Some(until)) = (&state.limited_host, state.retry_not_before) {
            let known = self.hosts.entry(host.clone()).or_insert(until);
            *known = until.max(*known);
        }
        self.states[n] = state;
    }

    /// All that is left of a process: what it stored.
    fn restart(&mut self) {
        for state in &mut self.states {
            let stored = serde_json::to_string(state).unwrap();
            let read: PollState = serde_json::from_str(&stored).unwrap();
            let validators = (state.etag.take(), state.last_modified.take(), state.body_hash.take());
            *state = PollState { etag: validators.0, last_modified: validators.1, body_hash: validators.2, ..read };
        }
    }
}

/// Runs so many days; the program is restarted every so many minutes, and runs for so many of them.
fn run(days: i64, sources: usize, [every, up]: [i64; 2]) -> (Vec<Seen>, Vec<PollState>) {
    let mut world = World { seen: vec![Seen::default(); sources], closed: HashMap::new() };
    let schedules = ["1h", "adaptive"].map(|text| Schedule::parse(text, Tz::UTC).unwrap());
    let mut program =
        Program { states: vec![PollState::default(); sources], hosts: HashMap::new(), schedules, budgets: Budgets::default() };
    for time in 0..days * 1_440 / every {
        let begin = start() + TimeDelta::minutes(every * time);
        let end = begin + TimeDelta::minutes(up);
        program.restart();
        let overdue: Vec<usize> = (0..sources).filter(|n| is_due(&program.states[*n], begin)).collect();
        let seeds: Vec<u64> = overdue.iter().map(|n| schedule::seed(&n.to_string())).collect();
        let spread: HashMap<usize, _> = overdue.into_iter().zip(schedule::spread(&seeds, begin)).collect();
        let at = |n: usize, program: &Program| spread.get(&n).copied().max(program.states[n].next_due).unwrap_or(begin);
        let mut queue: BinaryHeap<_> = (0..sources).map(|n| Reverse((at(n, &program), n))).collect();
        while let Some(Reverse((now, n))) = queue.pop().filter(|next| next.0.0 < end) {
            program.poll(n, &mut world, now);
            queue.push(Reverse((program.states[n].next_due.unwrap(), n)));
        }
    }
    (world.seen, program.states)
}

/// The longest that a source of this kind may go without a request, in hours.
fn patience_h(kind: &str, days: i64) -> i64 {
    match kind {
        "dead" if days <= 30 => 30,
        "gone" | "dead" => 7 * 24 + 6,
        "challenge" => {
            if days <= 30 {
                30
            } else {
                7 * 24 + 6
            }
        }
        // Sources that share a host close it for each other, one after the other.
        "429, date" => 5 * 31,
        "429, seconds" => 5 * 3,
        "429, no hint" => 5 * 2,
        "503, Retry-After" | "flapping" | "slow" => 4,
        "no feed" => 25,
        "steady" | "304 for ever" | "moved" | "adaptive" => 2,
        _ => unreachable!(),
    }
}

fn check(days: i64, sources: usize) {
    let (seen, states) = run(days, sources, [360, 350]);
    let end = start() + TimeDelta::days(days);
    println!("{days} days, {sources} sources, a restart every six hours");
    println!(
        "{:<18}{:>9}{:>14}{:>15}{:>20}{:>13}",
        "kind", "requests", "smallest gap", "unconditional", "inside Retry-After", "longest gap"
    );
    let (mut starved, mut forgotten, mut inside) = (0, 0, 0);
    for (place, kind) in KINDS.iter().enumerate() {
        let members = || (place..sources).step_by(KINDS.len());
        let gaps = |n: usize| {
            let mut times = seen[n].requests.clone();
            // The time since the last request counts as well.
            let waits: Vec<TimeDelta> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
            times.push(end);
            let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
            (waits.into_iter().min().unwrap(), longest)
        };
        let smallest = members().map(|n| gaps(n).0).min().unwrap();
        let longest = members().map(|n| gaps(n).1).max().unwrap();
        let unconditional = members().map(|n| seen[n].unconditional).max().unwrap();
        let inside_here: usize = members().map(|n| seen[n].inside_retry_after).sum();
        let requests: usize = members().map(|n| seen[n].requests.len()).sum();
        println!(
            "{kind:<18}{requests:>9}{:>12} s{unconditional:>15}{inside_here:>20}{:>11} h",
            smallest.num_seconds(),
            longest.num_hours()
        );
        let least_s = if *kind == "adaptive" { 900 } else { 3_600 };
        assert!(smallest.num_seconds() >= least_s, "{kind}: {smallest}");
        assert!(unconditional as i64 <= 1 + days / 8, "{kind}: {unconditional} unconditional requests");
        starved += members().filter(|n| gaps(*n).1 > TimeDelta::hours(patience_h(kind, days))).count();
        forgotten += members()
            .filter(|n| states[*n].next_due.is_none_or(|due| due > end + TimeDelta::days(7) || due < end - TimeDelta::hours(1)))
            .count();
        inside += inside_here;
    }
    println!("starved: {starved}; forgotten: {forgotten}; requests inside a Retry-After: {inside}");
    assert_eq!((starved, forgotten, inside), (0, 0, 0));
    let of = |kind: &str| (KINDS.iter().position(|k| *k == kind).unwrap()..sources).step_by(KINDS.len());
    if days > 8 {
        assert!(of("304 for ever").all(|n| seen[n].unconditional > 1), "eight days of 304 earn a request without a condition");
        assert!(of("moved").all(|n| states[n].adopted.as_ref().is_some_and(|adopted| adopted.url == moved_url(n))));
        assert_eq!(of("moved").map(|n| seen[n].old_address_after_the_move).sum::<usize>(), 0);
    }
    assert!(of("gone").all(|n| states[n].gone.is_some_and(|gone| gone.for_good)));
    assert!(of("challenge").all(|n| states[n].failure.as_ref().is_some_and(|failure| failure.class == "challenge")));
}

/// F11.
#[test]
fn a_restart_every_ten_minutes_brings_no_poll_forward() {
    let (seen, _) = run(7, KINDS.len() * 2, [10, 9]);
    for (n, seen) in seen.iter().enumerate().filter(|(n, _)| KINDS[n % KINDS.len()] != "adaptive") {
        let smallest = seen.requests.windows(2).map(|pair| pair[1] - pair[0]).min();
        assert!(smallest.is_none_or(|gap| gap >= TimeDelta::hours(1)), "{}: {smallest:?}", KINDS[n % KINDS.len()]);
    }
}

#[test]
fn a_week_of_five_hundred_sources_is_polite() {
    check(7, 500);
}

#[test]
fn forty_days_of_seventy_sources_are_polite() {
    check(40, 70);
}
