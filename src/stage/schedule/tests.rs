//! croner is the oracle where it means the same. It deliberately does not where
//! * a day field begins with `*` and has a step (`*/2 * MON`): cron(8) needs both day fields then, croner either;
//! * an hour is fixed but the time is a list (`30 1,2`, `*/20 2`): croner takes it for an hourly one, so the skipped hour is lost and the
//!   repeated one runs twice; here only the hour field decides;
//! * ranges wrap (`22-2`, `FRI-MON`) or a start has a step (`5/15`): croner refuses them.

use chrono::{Datelike, TimeZone};
use proptest::prelude::*;

use super::*;

fn parse(text: &str, zone: Tz) -> Schedule {
    Schedule::parse(text, zone).unwrap()
}

/// The next due times after an instant, as local times with their offset.
fn runs(text: &str, zone: Tz, after: &str, count: usize) -> Vec<String> {
    let schedule = parse(text, zone);
    let mut at: DateTime<Utc> = after.parse().unwrap();
    (0..count)
        .map(|_| {
            at = schedule.next(at).unwrap();
            at.with_timezone(&zone).format("%a %d %b %H:%M%:::z").to_string()
        })
        .collect()
}

#[test]
fn an_interval_counts_from_the_last_time() {
    let at = "2024-03-20T10:15:30Z".parse().unwrap();
    for (text, s) in [("30m", 1800), ("1h30m", 5400), ("1d", 86_400), ("90s", 90)] {
        let schedule = parse(text, Tz::UTC);
        assert_eq!(schedule.next(at), Some(at + TimeDelta::seconds(s)));
        assert_eq!(schedule.shortest_gap().as_secs(), s.unsigned_abs());
        assert_eq!(schedule.to_string(), text);
    }
}

#[test]
fn fields_mean_what_cron_says() {
    // 2024-03-20 is a Wednesday.
    for (text, wanted) in [
        ("*/20 * * * *", ["Wed 20 Mar 10:20+00", "Wed 20 Mar 10:40+00"]),
        ("5 3 * * *", ["Thu 21 Mar 03:05+00", "Fri 22 Mar 03:05+00"]),
        ("0 9 * * 1", ["Mon 25 Mar 09:00+00", "Mon 01 Apr 09:00+00"]),
        ("0 9 * * 0", ["Sun 24 Mar 09:00+00", "Sun 31 Mar 09:00+00"]),
        ("0 9 * * 7", ["Sun 24 Mar 09:00+00", "Sun 31 Mar 09:00+00"]),
        ("0 9 * * 5-7", ["Fri 22 Mar 09:00+00", "Sat 23 Mar 09:00+00"]),
        ("0 9 * * 6-1", ["Sat 23 Mar 09:00+00", "Sun 24 Mar 09:00+00"]),
        ("0 9 * * 7-1", ["Sun 24 Mar 09:00+00", "Mon 25 Mar 09:00+00"]),
        ("0 9 * * FRI-MON", ["Fri 22 Mar 09:00+00", "Sat 23 Mar 09:00+00"]),
        ("0 9 * * sat-sun", ["Sat 23 Mar 09:00+00", "Sun 24 Mar 09:00+00"]),
        ("0 9 * * Monday,wed", ["Mon 25 Mar 09:00+00", "Wed 27 Mar 09:00+00"]),
        ("0 22-2 * * *", ["Wed 20 Mar 22:00+00", "Wed 20 Mar 23:00+00"]),
        ("0 22-2/3 * * *", ["Wed 20 Mar 22:00+00", "Thu 21 Mar 01:00+00"]),
        ("10/25 11 * * *", ["Wed 20 Mar 11:10+00", "Wed 20 Mar 11:35+00"]),
        ("0 9 * APR,jun *", ["Mon 01 Apr 09:00+00", "Tue 02 Apr 09:00+00"]),
        ("0 9 ? * MON", ["Mon 25 Mar 09:00+00", "Mon 01 Apr 09:00+00"]),
        // Either day field suffices if both are restricted; a starred one restricts on its own.
        ("0 9 22 * MON", ["Fri 22 Mar 09:00+00", "Mon 25 Mar 09:00+00"]),
        ("0 9 */2 * MON", ["Mon 25 Mar 09:00+00", "Mon 01 Apr 09:00+00"]),
        ("0 9 31 2 FRI", ["Fri 07 Feb 09:00+00", "Fri 14 Feb 09:00+00"]),
        ("0 9 29 2 *", ["Tue 29 Feb 09:00+00", "Sun 29 Feb 09:00+00"]),
        ("30 15 10 * * *", ["Wed 20 Mar 10:15+00", "Thu 21 Mar 10:15+00"]),
        ("@hourly", ["Wed 20 Mar 11:00+00", "Wed 20 Mar 12:00+00"]),
        ("@daily", ["Thu 21 Mar 00:00+00", "Fri 22 Mar 00:00+00"]),
        ("@Weekly", ["Sun 24 Mar 00:00+00", "Sun 31 Mar 00:00+00"]),
        ("@monthly", ["Mon 01 Apr 00:00+00", "Wed 01 May 00:00+00"]),
        ("@yearly", ["Wed 01 Jan 00:00+00", "Thu 01 Jan 00:00+00"]),
    ] {
        assert_eq!(runs(text, Tz::UTC, "2024-03-20T10:15:00Z", 2), wanted, "{text}");
    }
}

#[test]
fn skipped_times_come_after_the_gap_and_repeated_times_once() {
    let new_york = Tz::America__New_York;
    for (text, zone, after, wanted) in [
        // Clocks go from 02:00 to 03:00 on 10 March.
        ("30 2 * * *", new_york, "2024-03-09T12:00:00Z", vec!["Sun 10 Mar 03:00-04", "Mon 11 Mar 02:30-04"]),
        ("*/20 2 * * *", new_york, "2024-03-10T00:00:00Z", vec!["Sun 10 Mar 03:00-04", "Mon 11 Mar 02:00-04"]),
        ("0 2,3 * * *", new_york, "2024-03-10T00:00:00Z", vec!["Sun 10 Mar 03:00-04", "Mon 11 Mar 02:00-04"]),
        ("30 * * * *", new_york, "2024-03-10T06:00:00Z", vec!["Sun 10 Mar 01:30-05", "Sun 10 Mar 03:30-04"]),
        // Clocks go from 02:00 back to 01:00 on 3 November.
        ("30 1 * * *", new_york, "2024-11-03T00:00:00Z", vec!["Sun 03 Nov 01:30-04", "Mon 04 Nov 01:30-05"]),
        ("30 1,2 * * *", new_york, "2024-11-03T05:00:00Z", vec!["Sun 03 Nov 01:30-04", "Sun 03 Nov 02:30-05"]),
        (
            "*/30 * * * *",
            new_york,
            "2024-11-03T05:00:00Z",
            vec!["Sun 03 Nov 01:30-04", "Sun 03 Nov 01:00-05", "Sun 03 Nov 01:30-05", "Sun 03 Nov 02:00-05"],
        ),
        // Half an hour, in the southern hemisphere.
        ("15 2 * * *", Tz::Australia__Lord_Howe, "2024-10-05T12:00:00Z", vec!["Sun 06 Oct 02:30+11", "Mon 07 Oct 02:15+11"]),
        ("0 9 * * *", Tz::Europe__Helsinki, "2024-03-30T12:00:00Z", vec!["Sun 31 Mar 09:00+03", "Mon 01 Apr 09:00+03"]),
    ] {
        assert_eq!(runs(text, zone, after, wanted.len()), wanted, "{text}");
    }
}

#[test]
fn the_shortest_gap_is_the_closest_pair() {
    for (text, s) in [
        ("* * * * * *", 1),
        ("*/20 * * * *", 1200),
        ("*/7 * * * *", 240),
        ("0,50 * * * *", 600),
        ("0 3 * * *", 86_400),
        ("0 0,23 * * *", 3600),
        ("0 9,21 * * MON", 12 * 3600),
        ("0 23,1 * * MON", 22 * 3600),
        ("59 23 * * MON", 7 * 86_400),
        ("0 3 * * MON,THU", 3 * 86_400),
        ("0 3 1 * *", 28 * 86_400),
        ("0 3 1,31 * *", 86_400),
        ("0 3 29 2 *", 1461 * 86_400),
        ("0 3 13 * FRI", 86_400),
    ] {
        assert_eq!(parse(text, Tz::UTC).shortest_gap().as_secs(), s, "{text}");
    }
}

#[test]
fn what_cannot_be_used_is_explained() {
    for (text, wanted) in [
        ("", "it is empty"),
        ("0s", "\"0s\": an interval is longer than 0s and at most 366d"),
        ("400d", "\"400d\": an interval is longer than 0s and at most 366d"),
        ("hourly", "\"hourly\": a whole number must come before each unit"),
        ("@reboot", "\"@reboot\": the names are @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually"),
        ("60 * * * *", "the minute field \"60\": 60 is not from 0 to 59"),
        ("* * 0 * *", "the day of month field \"0\": 0 is not from 1 to 31"),
        ("* * * * 8", "the day of week field \"8\": 8 is not from 0 to 7"),
        ("* * * * L", "the day of week field \"L\": \"L\" is not a number from 0 to 7, or a name such as MON"),
        ("* * * Foo *", "the month field \"Foo\": \"Foo\" is not a number from 1 to 12, or a name such as FEB"),
        ("*/0 * * * *", "the minute field \"*/0\": a step is a number from 1 to 59"),
        ("1,,2 * * * *", "the minute field \"1,,2\": \"\" is not a number from 0 to 59"),
        ("5- * * * *", "the minute field \"5-\": \"\" is not a number from 0 to 59"),
        ("0 3 31 2 *", "\"0 3 31 2 *\" never comes: no month in it has such a day"),
        ("0 3 31 4,6 *", "\"0 3 31 4,6 *\" never comes: no month in it has such a day"),
    ] {
        assert_eq!(Schedule::parse(text, Tz::UTC).unwrap_err().to_string(), wanted);
    }
    for (text, count) in [("* * * *", 4), ("0 * * * * * 2030", 7), ("*", 1), ("1h 30m", 2)] {
        assert!(matches!(Schedule::parse(text, Tz::UTC), Err(ScheduleError::Fields { count: found, .. }) if found == count), "{text}");
    }
}

/// A field's text in croner's and cron(8)'s common language, with the numbers that it may hold.
fn field(first: u32, last: u32) -> impl Strategy<Value = String> {
    let item = prop_oneof![
        2 => (first..=last).prop_map(|one| one.to_string()),
        1 => (first..=last, first..=last).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (first..=last, first..=last, 1_u32..8).prop_map(|(a, b, step)| format!("{}-{}/{step}", a.min(b), a.max(b))),
    ];
    prop_oneof![
        3 => Just("*".to_owned()),
        1 => (2_u32..30).prop_map(move |step| format!("*/{}", step.min(last - first))),
        3 => proptest::collection::vec(item, 1..4).prop_map(|items| items.join(",")),
    ]
}

/// Days are `*` or lists: a starred step such as `*/2` in a day field ANDs with the other field in cron(8) and ORs in croner.
fn day_field(first: u32, last: u32) -> impl Strategy<Value = String> {
    field(first, last).prop_filter("starred step", |field| !field.contains("*/"))
}

fn zone() -> impl Strategy<Value = Tz> {
    prop_oneof![Just(Tz::UTC), Just(Tz::Europe__Helsinki), Just(Tz::America__New_York), Just(Tz::Australia__Lord_Howe)]
}

/// Any instant of 2020 to 2030, half of them within three hours of a change of clocks in one of the zones.
fn instant() -> impl Strategy<Value = DateTime<Utc>> {
    let start = 1_577_836_800_i64;
    let changes = [
        "2024-03-31T01:00:00Z",
        "2024-10-27T01:00:00Z",
        "2024-03-10T07:00:00Z",
        "2024-11-03T06:00:00Z",
        "2024-04-06T15:00:00Z",
        "2024-10-05T15:30:00Z",
    ];
    prop_oneof![
        (start..start + 10 * 365 * 86_400).prop_map(|s| DateTime::from_timestamp(s, 0).unwrap()),
        (0..changes.len(), -3 * 3600_i64..3 * 3600)
            .prop_map(move |(change, s)| changes[change].parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(s)),
    ]
}

fn croner(text: &str) -> croner::Cron {
    croner::parser::CronParser::builder().seconds(croner::parser::Seconds::Optional).build().parse(text).unwrap()
}

#[test]
fn croner_differs_only_where_it_is_meant_to() {
    let parser = croner::parser::CronParser::builder().build();
    for text in ["0 22-2 * * *", "0 9 * * FRI-MON", "5/15 * * * *"] {
        assert!(parser.parse(text).is_err(), "{text}");
    }
    for (text, after, theirs, ours) in [
        ("0 9 */2 * MON", "2024-03-20T10:15:00Z", "2024-03-21T13:00:00Z", "2024-03-25T13:00:00Z"),
        ("30 1,2 * * *", "2024-11-03T05:30:00Z", "2024-11-03T06:30:00Z", "2024-11-03T07:30:00Z"),
        ("*/20 2 * * *", "2024-03-10T00:00:00Z", "2024-03-11T06:00:00Z", "2024-03-10T07:00:00Z"),
    ] {
        let zone = Tz::America__New_York;
        let after: DateTime<Utc> = after.parse().unwrap();
        let croner = croner(text).find_next_occurrence(&after.with_timezone(&zone), false).unwrap().to_utc();
        assert_eq!(croner, theirs.parse::<DateTime<Utc>>().unwrap(), "{text}");
        assert_eq!(parse(text, zone).next(after), Some(ours.parse().unwrap()), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Where clocks are not changed, croner and this agree on everything but starred steps in day fields.
    #[test]
    fn agrees_with_croner_by_an_unchanged_clock(
        minute in field(0, 59), hour in field(0, 23), day in day_field(1, 28), month in field(1, 12), weekday in day_field(0, 7), at in instant(),
    ) {
        let text = format!("{minute} {hour} {day} {month} {weekday}");
        let ours = parse(&text, Tz::UTC);
        let oracle = croner(&text);
        let mut at = at;
        for _ in 0..4 {
            let next = ours.next(at).unwrap();
            prop_assert_eq!(next, oracle.find_next_occurrence(&at, false).unwrap(), "{} after {}", &text, at);
            at = next;
        }
    }

    /// One time a day: croner too moves it out of the gap and runs it once in the overlap.
    #[test]
    fn agrees_with_croner_on_fixed_times(minute in 0_u32..60, hour in 0_u32..24, zone in zone(), at in instant()) {
        let text = format!("{minute} {hour} * * *");
        let (ours, oracle) = (parse(&text, zone), croner(&text));
        let mut at = at;
        for _ in 0..4 {
            let next = ours.next(at).unwrap();
            let wanted = oracle.find_next_occurrence(&at.with_timezone(&zone), false).unwrap().to_utc();
            prop_assert_eq!(next, wanted, "{} {} after {}", &text, zone, at);
            at = next;
        }
    }

    /// Every hour: croner too leaves out the skipped hour and runs through the repeated one twice.
    #[test]
    fn agrees_with_croner_on_every_hour(minute in field(0, 59), hour in prop_oneof![Just("*"), Just("*/2"), Just("*/3")], zone in zone(), at in instant()) {
        let text = format!("{minute} {hour} * * *");
        let (ours, oracle) = (parse(&text, zone), croner(&text));
        let mut at = at;
        for _ in 0..6 {
            let next = ours.next(at).unwrap();
            let wanted = oracle.find_next_occurrence(&at.with_timezone(&zone), false).unwrap().to_utc();
            prop_assert_eq!(next, wanted, "{} {} after {}", &text, zone, at);
            at = next;
        }
    }

    /// Any expression in any zone: later than asked, due by the wall clock or just after a gap, and nothing due left out.
    #[test]
    fn goes_forward_and_leaves_nothing_out(
        minute in field(0, 59), hour in field(0, 23), day in day_field(1, 31), weekday in day_field(0, 7), zone in zone(), at in instant(),
    ) {
        let text = format!("{minute} {hour} {day} * {weekday}");
        let schedule = parse(&text, zone);
        let oracle = croner(&text);
        let is_due = |local: chrono::NaiveDateTime| oracle.is_time_matching(&local.and_utc()).unwrap();
        let next = schedule.next(at).unwrap();
        prop_assert!(next > at, "{} {} after {}: {}", &text, zone, at, next);
        let local = next.with_timezone(&zone).naive_local();
        let hour_before = (next - TimeDelta::seconds(1)).with_timezone(&zone).naive_local() + TimeDelta::seconds(1);
        let after_gap = hour_before < local && (0..120).any(|minutes| {
            let skipped = hour_before + TimeDelta::minutes(minutes);
            skipped < local && is_due(skipped)
        });
        prop_assert!(is_due(local) || after_gap, "{} {} after {}: {} is not due", &text, zone, at, next);
        // Each minute in between whose local time is shown for the first time must not be due.
        let minutes = (next - at).num_minutes().min(24 * 60);
        let first_minute = at - TimeDelta::seconds(at.timestamp().rem_euclid(60)) + TimeDelta::minutes(1);
        for minute in (0..minutes).map(|minute| first_minute + TimeDelta::minutes(minute)).filter(|minute| *minute < next) {
            let local = minute.with_timezone(&zone).naive_local();
            let again = zone.from_local_datetime(&local).earliest().is_some_and(|first| first.to_utc() < minute);
            prop_assert!(again || !is_due(local), "{} {} after {}: {} left out", &text, zone, at, minute);
        }
    }

    #[test]
    fn the_shortest_gap_is_never_undercut_in_utc(minute in field(0, 59), hour in field(0, 23), day in day_field(1, 28), weekday in day_field(0, 7), at in instant()) {
        let schedule = parse(&format!("{minute} {hour} {day} * {weekday}"), Tz::UTC);
        let shortest = schedule.shortest_gap();
        let mut at = schedule.next(at).unwrap();
        for _ in 0..5 {
            let next = schedule.next(at).unwrap();
            prop_assert!((next - at).to_std().unwrap() >= shortest);
            at = next;
        }
    }

    #[test]
    fn never_panics(
        text in prop_oneof!["\\PC*", "([0-9*?/,@a-zA-Z-]{1,6} ){4}[0-9*?/,@A-Za-z-]{1,6}", "[*/,0-9-]{1,5}( [*/,0-9-]{1,5}){4,5}"],
        s in any::<i64>(), zone in zone(),
    ) {
        if let Ok(schedule) = Schedule::parse(&text, zone) {
            prop_assert_eq!(schedule.to_string(), text.clone());
            let _ = schedule.shortest_gap();
            for at in [DateTime::from_timestamp(s % 8_000_000_000_000, 0), DateTime::from_timestamp(s % 4_000_000_000, 0)].into_iter().flatten() {
                if let Some(next) = schedule.next(at) {
                    prop_assert!(next > at && next.year() <= 262_000);
                }
            }
            for at in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
                let _ = schedule.next(at);
            }
        }
    }
}
