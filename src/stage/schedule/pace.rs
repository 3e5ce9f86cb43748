//! When to try a source again, after what it said and how it went.

use std::time::Duration;

use chrono::{DateTime, Datelike, Days, NaiveTime, TimeDelta, Timelike, Utc, Weekday};

use super::duration::written;
use super::{Rule, Schedule};
use crate::entry::PaceHints;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// Longest wait that a publisher's hints bring about (acceptance C1): some feeds ask for a year by mistake.
const HINT_MAX: Duration = DAY;

/// Longest and shortest wait that `Retry-After` brings about (acceptance F13).
const RETRY_AFTER_MAX: Duration = WEEK;
const RETRY_AFTER_MIN: Duration = Duration::from_secs(60);

/// Longest back-off before jitter; with its jitter of up to a fifth it is 24 hours (acceptance F14).
const BACKOFF_MAX: Duration = Duration::from_secs(20 * 3600);

/// Failing for this long, a source is asked only once a week, for ever (acceptance F14).
const DEAD_AFTER: TimeDelta = TimeDelta::days(30);

/// Wait after an answer of 410 Gone: three of them span three days, and then it is gone for good (acceptance F15).
const GONE_WAIT: Duration = Duration::from_secs(36 * 3600);

/// How the last attempts at a source went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// When the last attempt was made.
    pub last_attempt: DateTime<Utc>,
    /// Failures in a row up to and with the last attempt; 0 if it succeeded.
    pub failures: u32,
    /// When the row of failures began.
    pub failing_since: Option<DateTime<Utc>>,
    /// The instant that the last answer's `Retry-After` names, however far off.
    pub retry_not_before: Option<DateTime<Utc>>,
    /// The least wait that the last failure asks for by its kind.
    pub least: Duration,
    /// Whether the last answer was 410 Gone.
    pub outcome_gone: bool,
    /// Whether enough answers were 410 Gone.
    pub gone_for_good: bool,
    /// The source's own rhythm, for an adaptive schedule.
    pub rhythm: Duration,
}

/// When a source is tried next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextAttempt {
    /// The instant.
    pub at: DateTime<Utc>,
    /// Why then, for people: `every 1h`, `backing off after 3 failures`.
    pub why: String,
}

/// Decides when a source is tried next: when its schedule says, or later.
///
/// The wait is the longest of these, counted from the last attempt:
/// * the schedule, and `floor` (zero or more);
/// * after a success: `ttl` and `sy:updatePeriod` of the feed and `cache_max_age` (what is left of the answer's freshness), at most 24 hours;
/// * `Retry-After`, clamped to between 1 minute and 7 days;
/// * after failures without `Retry-After`: 1, 2, 4, 8, 16, then 20 hours and up to a fifth more, by `jitter_seed` (give each source its
///   own, so that sources of one broken host do not come back together);
/// * after 410 Gone: 36 hours, so that three answers span three days;
/// * a week for what is gone for good, and for what failed for 30 days: never silently dropped.
///
/// `skipHours` and `skipDays` (both GMT) move the attempt to the first hour that is not listed; a list of all hours or all days is
/// ignored. A cron expression's own times are kept: the attempt is at the first of them that is late enough, unless `skipHours` and
/// `skipDays` leave none of the next 500.
#[must_use]
pub fn next_attempt(
    schedule: &Schedule,
    history: &History,
    pace: &PaceHints,
    cache_max_age: Option<Duration>,
    floor: Duration,
    jitter_seed: u64,
) -> NextAttempt {
    let last = history.last_attempt;
    let by_schedule = match &schedule.rule {
        Rule::Every(interval) => {
            NextAttempt { at: later(last, *interval), why: format!("every {schedule}", schedule = written(*interval)) }
        }
        Rule::Adaptive => {
            NextAttempt { at: later(last, history.rhythm), why: format!("every {}, by its own rhythm", written(history.rhythm)) }
        }
        Rule::Cron(_) => NextAttempt {
            // Past the calendar's end: once a day is better than never.
            at: schedule.next(last).unwrap_or_else(|| later(last, DAY)),
            why: format!("scheduled at {schedule}"),
        },
    };
    let slower = [
        Some(NextAttempt { at: later(last, floor), why: format!("at most every {}", written(floor)) }),
        hint(history, pace, cache_max_age),
        failure(history, jitter_seed),
    ];
    let mut next = by_schedule;
    for reason in slower.into_iter().flatten() {
        if reason.at > next.at {
            next = reason;
        }
    }
    let due = schedule.at_or_after(next.at);
    next.at = outside_skipped(schedule, due, pace);
    if next.at != due {
        next.why.push_str(", outside the feed's skipHours and skipDays");
    }
    next
}

/// `last` plus a wait; the end of the calendar if there is no such instant.
fn later(last: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(wait).ok().and_then(|wait| last.checked_add_signed(wait)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// What a source that can be read asks for.
fn hint(history: &History, pace: &PaceHints, cache_max_age: Option<Duration>) -> Option<NextAttempt> {
    if history.failures > 0 {
        return None;
    }
    let minutes = |minutes: Option<u32>| Duration::from_secs(u64::from(minutes.unwrap_or(0)) * 60);
    let (asked, cached) = (minutes(pace.ttl_min).max(minutes(pace.syndication_min)), cache_max_age.unwrap_or_default());
    let wait = asked.max(cached).min(HINT_MAX);
    let who = if asked >= cached { "the feed asks for" } else { "the server's answer is fresh for" };
    Some(NextAttempt { at: later(history.last_attempt, wait), why: format!("{who} {}", written(wait)) })
}

/// What the last answer or its absence asks for.
fn failure(history: &History, jitter_seed: u64) -> Option<NextAttempt> {
    let (last, failures) = (history.last_attempt, history.failures);
    if failures == 0 {
        return None;
    }
    let after = |wait, why| NextAttempt { at: later(last, wait), why };
    let plural = if failures == 1 { "" } else { "s" };
    let own = if history.gone_for_good {
        after(WEEK, "gone for good: asking once a week whether the server still says so".to_owned())
    } else if history.failing_since.is_some_and(|since| last.signed_duration_since(since) >= DEAD_AFTER) {
        after(WEEK, "failing for 30 days and more: asking once a week".to_owned())
    } else if history.outcome_gone {
        after(GONE_WAIT, "the server says 410 Gone; asking again to be sure".to_owned())
    } else {
        let wait = HOUR.saturating_mul(1 << (failures - 1).min(5)).min(BACKOFF_MAX);
        let wait = wait + jitter(wait / 5, jitter_seed, failures);
        if wait < history.least {
            after(history.least, format!("not sooner than {} after such an answer", written(history.least)))
        } else {
            after(wait, format!("backing off after {failures} failure{plural}"))
        }
    };
    let Some(asked) = history.retry_not_before else { return Some(own) };
    let at = asked.clamp(later(last, RETRY_AFTER_MIN), later(last, RETRY_AFTER_MAX));
    let asked = NextAttempt { at, why: format!("the server asked to wait until {}", at.format("%Y-%m-%d %H:%M:%S UTC")) };
    // A server that names a time is asked at that time; but not for ever, and not as if a page for people were an answer.
    let is_patient = history.gone_for_good || history.least > Duration::ZERO || own.at >= later(last, WEEK);
    Some(if is_patient && own.at > asked.at { own } else { asked })
}

/// The start of what makes one source's waits differ from another's: the same for the same text on every machine, for ever.
#[must_use]
pub fn seed(id: &str) -> u64 {
    // FNV-1a.
    id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Start-up, and waking up, spread what is overdue over this long (F19).
const SPREAD_S: u64 = 300;

/// When each of the overdue sources with these seeds is asked after a start at `now`: evenly over five minutes, in an order that follows
/// from the seeds alone. The result is in the order of `seeds`.
#[must_use]
pub fn spread(seeds: &[u64], now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let mut order: Vec<usize> = (0..seeds.len()).collect();
    order.sort_by_key(|n| seeds.get(*n).map(|seed| jitter(Duration::from_secs(u64::MAX - 1), *seed, 0)));
    let steps = u64::try_from(seeds.len().saturating_sub(1)).unwrap_or(u64::MAX).max(1);
    let mut times = vec![now; seeds.len()];
    for (place, n) in order.into_iter().enumerate() {
        let wait_ms = u64::try_from(place).unwrap_or(u64::MAX).saturating_mul(SPREAD_S * 1_000) / steps;
        if let Some(time) = times.get_mut(n) {
            *time = later(now, Duration::from_millis(wait_ms));
        }
    }
    times
}

/// When a source may be asked that has to wait until `until` with many others: up to five minutes later, by its seed.
#[must_use]
pub fn shortly(until: DateTime<Utc>, seed: u64) -> DateTime<Utc> {
    later(until, jitter(Duration::from_secs(300), seed, 0))
}

/// A wait from zero up to `most`, always the same for the same seed and number of failures.
fn jitter(most: Duration, seed: u64, failures: u32) -> Duration {
    // The finaliser of SplitMix64: seeds that differ in one bit give unrelated waits.
    let mut mixed = seed.wrapping_add(u64::from(failures).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    let most_s = most.as_secs();
    Duration::from_secs(mixed % (most_s + 1))
}

/// What of a feed's wishes cannot be followed, in a sentence: who is never to come would never come (F18).
#[must_use]
pub fn ignored(pace: &PaceHints) -> Option<&'static str> {
    let (hours, days) = skipped(pace);
    match (hours == EVERY_HOUR, days == EVERY_DAY) {
        (true, _) => Some("skipHours names all 24 hours, and is ignored"),
        (_, true) => Some("skipDays names all seven days, and is ignored"),
        _ => None,
    }
}

const EVERY_HOUR: u32 = (1 << 24) - 1;
const EVERY_DAY: u32 = (1 << 7) - 1;

/// The hours and days that a feed asks to leave out, a bit each, from midnight and from Monday.
fn skipped(pace: &PaceHints) -> (u32, u32) {
    // 24 is how the first specification of skipHours wrote midnight.
    let hours = pace.skip_hours.iter().filter(|hour| **hour <= 24).fold(0_u32, |hours, hour| hours | 1 << (hour % 24));
    let days = pace.skip_days.iter().filter_map(|day| day.trim().parse::<Weekday>().ok());
    (hours, days.fold(0_u32, |days, day| days | 1 << day.num_days_from_monday()))
}

/// The first due instant from `at` on that is in no hour and on no day that the feed asks to leave out.
fn outside_skipped(schedule: &Schedule, at: DateTime<Utc>, pace: &PaceHints) -> DateTime<Utc> {
    let (hours, days) = skipped(pace);
    let hours = if hours == EVERY_HOUR { 0 } else { hours };
    let days = if days == EVERY_DAY { 0 } else { days };
    let allowed_from = |at: DateTime<Utc>| {
        let mut at = at;
        // At most six days and 23 hours are skipped in a row, so this ends.
        loop {
            let midnight = at.date_naive().and_time(NaiveTime::MIN).and_utc();
            let next = if days >> at.weekday().num_days_from_monday() & 1 == 1 {
                midnight.checked_add_days(Days::new(1))
            } else if hours >> at.hour() & 1 == 1 {
                midnight.checked_add_signed(TimeDelta::hours(i64::from(at.hour()) + 1))
            } else {
                None
            };
            match next {
                Some(next) => at = next,
                None => return at,
            }
        }
    };
    let mut due = at;
    for _ in 0..500 {
        let allowed = allowed_from(due);
        if allowed == due {
            return due;
        }
        due = schedule.at_or_after(allowed);
    }
    allowed_from(at)
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;
    use proptest::prelude::*;

    use super::*;

    const LAST: &str = "2024-03-20T10:15:00Z"; // a Wednesday

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn history(failures: u32) -> History {
        History {
            last_attempt: instant(LAST),
            failures,
            failing_since: None,
            retry_not_before: None,
            least: Duration::ZERO,
            outcome_gone: false,
            gone_for_good: false,
            rhythm: HOUR,
        }
    }

    fn every(text: &str) -> Schedule {
        Schedule::parse(text, Tz::UTC).unwrap()
    }

    /// The wait in minutes and the reason.
    fn wait(schedule: &str, history: History, pace: &PaceHints, max_age_min: u64, floor_min: u64) -> (i64, String) {
        let max_age = (max_age_min > 0).then(|| Duration::from_secs(max_age_min * 60));
        let next = next_attempt(&every(schedule), &history, pace, max_age, Duration::from_secs(floor_min * 60), 7);
        ((next.at - history.last_attempt).num_minutes(), next.why)
    }

    #[test]
    fn hints_only_slow_down_and_at_most_to_a_day() {
        let ttl = |minutes| PaceHints { ttl_min: Some(minutes), ..PaceHints::default() };
        let period = PaceHints { syndication_min: Some(180), ..PaceHints::default() };
        let table = [
            ("1h", PaceHints::default(), 0, 15, 60, "every 1h"),
            ("1h", ttl(5), 5, 15, 60, "every 1h"),
            ("1h", ttl(120), 0, 15, 120, "the feed asks for 2h"),
            ("1h", period, 90, 15, 180, "the feed asks for 3h"),
            ("1h", ttl(90), 120, 15, 120, "the server's answer is fresh for 2h"),
            ("1h", ttl(u32::MAX), 0, 15, 1440, "the feed asks for 1d"),
            ("1h", PaceHints::default(), 999_999, 15, 1440, "the server's answer is fresh for 1d"),
            ("2d", ttl(u32::MAX), 999_999, 15, 2880, "every 2d"),
            ("1m", PaceHints::default(), 0, 15, 15, "at most every 15m"),
            ("1m", PaceHints::default(), 0, 0, 1, "every 1m"),
            ("0 * * * *", PaceHints::default(), 0, 15, 45, "scheduled at 0 * * * *"),
            ("0 * * * *", ttl(60), 0, 15, 105, "the feed asks for 1h"),
        ];
        for (schedule, pace, max_age_min, floor_min, minutes, why) in table {
            assert_eq!(wait(schedule, history(0), &pace, max_age_min, floor_min), (minutes, why.to_owned()), "{schedule} {pace:?}");
        }
    }

    #[test]
    fn failures_double_the_wait_up_to_a_day_and_then_a_week() {
        for (failures, hours) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 20), (7, 20), (29, 20)] {
            let (minutes, why) = wait("30m", history(failures), &PaceHints::default(), 0, 15);
            assert!((hours * 60..=hours * 72).contains(&minutes), "{failures} failures: {minutes} minutes");
            assert!(why.starts_with(&format!("backing off after {failures} failure")), "{why}");
        }
        let since = |since: &str, failures| History { failing_since: Some(instant(since)), ..history(failures) };
        assert!(wait("30m", since("2024-02-19T10:15:01Z", 30), &PaceHints::default(), 0, 15).0 <= 1440);
        assert_eq!(wait("30m", since("2024-02-19T10:15:00Z", 30), &PaceHints::default(), 0, 15).0, 7 * 1440);
        assert_eq!(wait("30m", since("2020-02-19T10:15:00Z", u32::MAX), &PaceHints::default(), 0, 15).0, 7 * 1440);
        assert_eq!(wait("2d", history(3), &PaceHints::default(), 0, 15), (2880, "every 2d".to_owned()));
    }

    #[test]
    fn jitter_differs_between_seeds_and_not_between_calls() {
        let at = |seed| next_attempt(&every("30m"), &history(3), &PaceHints::default(), None, HOUR, seed).at;
        let different: std::collections::BTreeSet<_> = (0..100).map(at).collect();
        assert!(different.len() > 80, "{} of 100", different.len());
        assert_eq!(at(5), at(5));
    }

    #[test]
    fn retry_after_is_obeyed_between_a_minute_and_a_week() {
        for (asked, at) in [
            ("2024-03-20T12:15:00Z", "2024-03-20T12:15:00Z"),
            ("2092-03-20T12:15:00Z", "2024-03-27T10:15:00Z"),
            ("1970-01-01T00:00:00Z", "2024-03-20T10:16:00Z"),
        ] {
            for failures in [1, 50] {
                let history = History { retry_not_before: Some(instant(asked)), ..history(failures) };
                let next = next_attempt(&every("1s"), &history, &PaceHints::default(), None, Duration::ZERO, 7);
                assert_eq!(next.at, instant(at), "{asked} after {failures} failures");
                assert!(next.why.starts_with("the server asked to wait until 2024-03-2"), "{}", next.why);
            }
        }
        let soon = History { retry_not_before: Some(instant("2024-03-20T10:20:00Z")), ..history(1) };
        assert_eq!(wait("1h", soon, &PaceHints::default(), 0, 15), (60, "every 1h".to_owned()));
    }

    #[test]
    fn three_times_gone_spans_three_days_and_then_a_week_is_enough() {
        let gone = |for_good| {
            let history = History { outcome_gone: true, gone_for_good: for_good, ..history(2) };
            wait("1h", history, &PaceHints::default(), 0, 15).0
        };
        assert_eq!([gone(false), gone(true)], [36 * 60, 7 * 1440]);
    }

    #[test]
    fn what_is_overdue_at_the_start_is_spread_over_five_minutes() {
        let now = instant(LAST);
        let seeds: Vec<u64> = (0..301).map(|n| seed(&format!("source-{n}"))).collect();
        let times = spread(&seeds, now);
        let seconds: std::collections::BTreeSet<i64> = times.iter().map(|at| (*at - now).num_seconds()).collect();
        assert_eq!(seconds, (0..=300).collect());
        assert!(!times.is_sorted(), "the order follows from the seeds");
        assert_eq!((spread(&seeds, now), spread(&[7], now), spread(&[], now)), (times, vec![now], vec![]));
    }

    #[test]
    fn a_bot_filter_waits_a_day_even_if_it_names_a_minute() {
        let blocked = History { least: DAY, ..history(1) };
        assert_eq!(wait("1h", blocked, &PaceHints::default(), 0, 15).0, 1440);
        let named = History { retry_not_before: Some(instant("2024-03-20T10:16:00Z")), ..blocked };
        assert_eq!(wait("1h", named, &PaceHints::default(), 0, 15).0, 1440);
    }

    #[test]
    fn an_adaptive_schedule_follows_the_rhythm_down_to_the_floor() {
        let at = |rhythm_min: u64| {
            wait("adaptive", History { rhythm: Duration::from_secs(rhythm_min * 60), ..history(0) }, &PaceHints::default(), 0, 15)
        };
        assert_eq!(at(200), (200, "every 3h20m, by its own rhythm".to_owned()));
        assert_eq!(at(5), (15, "at most every 15m".to_owned()));
    }

    #[test]
    fn skipped_hours_and_days_are_left_out() {
        let skip = |hours: &[u8], days: &[&str]| PaceHints {
            skip_hours: hours.to_vec(),
            skip_days: days.iter().map(|day| (*day).to_owned()).collect(),
            ..PaceHints::default()
        };
        let all_hours: Vec<u8> = (0..24).collect();
        let all_days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
        let table = [
            ("1h", skip(&[10, 12], &[]), "2024-03-20T11:15:00Z"),
            ("1h", skip(&[11, 12], &[]), "2024-03-20T13:00:00Z"),
            ("1h", skip(&(11..24).collect::<Vec<_>>(), &[]), "2024-03-21T00:00:00Z"),
            ("1h", skip(&(11..=24).collect::<Vec<_>>(), &[]), "2024-03-21T01:00:00Z"),
            ("1h", skip(&[], &["Wednesday", "thursday"]), "2024-03-22T00:00:00Z"),
            ("1h", skip(&[0, 1], &["Wednesday"]), "2024-03-21T02:00:00Z"),
            ("1h", skip(&all_hours, &[]), "2024-03-20T11:15:00Z"),
            ("1h", skip(&[], &all_days), "2024-03-20T11:15:00Z"),
            ("1h", skip(&[99], &["Someday"]), "2024-03-20T11:15:00Z"),
            ("20 */3 * * *", skip(&[12, 13], &[]), "2024-03-20T15:20:00Z"),
            // No run of this schedule is in an allowed hour: the first allowed hour then.
            ("20 12 * * *", skip(&[12], &[]), "2024-03-20T13:00:00Z"),
        ];
        for (schedule, pace, at) in table {
            let next = next_attempt(&every(schedule), &history(0), &pace, None, Duration::ZERO, 7);
            assert_eq!(next.at, instant(at), "{schedule} {pace:?}");
        }
    }

    #[test]
    fn a_cron_expression_keeps_its_times_while_backing_off() {
        let office = every("*/20 8-15 * * MON-FRI");
        let next = next_attempt(&office, &history(4), &PaceHints::default(), None, Duration::ZERO, 7);
        assert_eq!(next.at, instant("2024-03-21T08:00:00Z"));
    }

    proptest! {
        #[test]
        fn never_sooner_than_the_schedule_or_the_floor_and_never_in_a_skipped_hour(
            schedule in prop_oneof![Just("10m"), Just("3h"), Just("*/20 * * * *"), Just("30 3 * * MON"), Just("0 0 29 2 *")],
            // To 2093: the schedules' calendar ends with 2100, and its last 29 February is in 2096.
            last_s in -1_000_000_000_i64..3_900_000_000, failures in 0_u32..40, retry_s in proptest::option::of(any::<i32>()), gone: bool,
            ttl in proptest::option::of(any::<u32>()), period in proptest::option::of(any::<u32>()),
            hours in proptest::collection::vec(0_u8..26, 0..30), days in proptest::collection::vec("Mon|tuesday|FRIDAY|Sunday|x", 0..5),
            max_age_s in proptest::option::of(any::<u64>()), floor_s in 0_u64..100_000, seed: u64,
        ) {
            let schedule = every(schedule);
            let last_attempt = DateTime::from_timestamp(last_s, 0).unwrap();
            let history = History {
                last_attempt, failures, outcome_gone: gone && failures > 0, gone_for_good: gone && failures > 9,
                retry_not_before: retry_s.and_then(|s| DateTime::from_timestamp(s.into(), 0)),
                failing_since: retry_s.and_then(|s| DateTime::from_timestamp(s.into(), 0)),
                ..super::tests::history(0)
            };
            let pace = PaceHints { ttl_min: ttl, syndication_min: period, skip_hours: hours.clone(), skip_days: days };
            let floor = Duration::from_secs(floor_s);
            let next = next_attempt(&schedule, &history, &pace, max_age_s.map(Duration::from_secs), floor, seed);
            prop_assert!(next.at >= schedule.next(last_attempt).unwrap());
            prop_assert!(next.at >= last_attempt + floor);
            let listed: std::collections::BTreeSet<u32> = hours.iter().filter(|hour| **hour <= 24).map(|hour| u32::from(*hour) % 24).collect();
            prop_assert!(listed.len() == 24 || !listed.contains(&next.at.hour()));
            prop_assert!(!next.why.is_empty());
        }
    }
}
