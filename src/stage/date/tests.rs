use proptest::prelude::*;

use super::*;
use crate::shared;

fn text(at: Option<DateTime<Utc>>) -> Option<String> {
    at.map(|at| at.format("%FT%T%.fZ").to_string())
}

/// What a text means in a source of this zone and language.
fn meant(raw: &str, zone: Tz, language: Option<&str>) -> Option<String> {
    text(read(raw, zone, language))
}

#[track_caller]
fn all_mean(wanted: &str, raws: &[&str]) {
    for raw in raws {
        assert_eq!(meant(raw, Tz::UTC, None).as_deref(), Some(wanted), "{raw}");
    }
}

#[test]
fn one_moment_in_every_spelling() {
    all_mean(
        "2024-01-15T10:30:00Z",
        &[
            "Mon, 15 Jan 2024 10:30:00 GMT",
            "Mon, 15 Jan 2024 10:30:00 +0000",
            "Mon, 15 Jan 2024 12:30:00 +0200",
            "Mon, 15 Jan 2024 12:30:00 +02:00",
            "Mon, 15 Jan 2024 12:30:00 GMT+2",
            "Mon, 15 Jan 2024 12:30:00 UTC+0200",
            "Mon, 15 Jan 2024 12:30:00 +0200 (EET)",
            "Mon, 15 Jan 2024 10:30:00 Z",
            "Mon, 15 Jan 2024 10:30:00 UT",
            "Mon, 15 Jan 2024 10:30:00",
            "Mon, 15 Jan 2024 10:30 GMT",
            "Mon, 15 Jan 24 10:30:00 GMT",
            "Mon,15 Jan 2024 10:30:00 GMT",
            "Mon 15 Jan 2024 10:30:00 GMT",
            "Mon, 15 Jan, 2024 10:30:00 GMT",
            "Monday, 15-Jan-24 10:30:00 GMT",
            "Fri, 15 Jan 2024 10:30:00 GMT",
            "15 Jan 2024 10:30:00 GMT",
            "Mon, 15 January 2024 11:30:00 CET",
            "Mon, 15 Jan 2024 12:30:00 EET",
            "Mon, 15 Jan 2024 11:30:00 BST",
            "Mon, 15 Jan 2024 16:00:00 IST",
            "Mon, 15 Jan 2024 05:30:00 EST",
            "Mon, 15 Jan 2024 05:30:00 ET",
            "Mon, 15 Jan 2024 02:30:00 PST8PDT",
            "Mon, 15 Jan 2024 05:30:00 America/New_York",
            "Mon, 15 Jan 2024 10:30:00 Etc/GMT",
            "Mon, 15 Jan 2024 10:30:00 A",
            "Mon, Jan 15 2024 10:30:00 GMT",
            "Mon Jan 15 10:30:00 2024",
            "Mon Jan 15 10:30:00 GMT 2024",
            "Mon Jan 15 2024 12:30:00 GMT+0200 (Eastern European Standard Time)",
            "Mon, 2024/01/15 05:30:00 EST",
            "2024-01-15T10:30:00Z",
            "2024-01-15t10:30:00z",
            "2024-01-15T12:30:00+02:00",
            "2024-01-15T12:30:00+0200",
            "2024-01-15T12:30:00+02",
            "2024-01-15T12:30+02:00",
            "2024-01-15T10:30",
            "2024-01-15T10:30:00 Z",
            "2024-01-15 10:30:00",
            "2024-01-15 12:30:00 +0200",
            "2024-01-15 10:30:00 UTC",
            "2024-01-15T05:30:00-05:00[America/New_York]",
            "2024-1-15 10:30",
            "20240115T103000Z",
            "20240115T1030",
            "20240115103000",
            "202401151030",
            "1705314600",
            "1705314600000",
            "1705314600000000",
            "1705314600000000000",
            "Monday, January 15, 2024 - 10:30",
            "January 15, 2024 10:30 AM",
            "January 15th, 2024 at 10:30 a.m.",
            "Jan. 15, 2024, 10:30am",
            "10:30, 15 January 2024",
            "10:30 Mon 15 Jan 2024",
            "Mon, 01/15/2024 - 10:30",
            "15/01/2024 10:30",
            "15-Jan-2024 10:30:00",
            "15.1.2024 10:30",
            "15.01.2024 10.30",
            "15. 1. 2024 10:30",
            "15.1.2024 klo 10.30",
            "15. tammikuuta 2024 klo 10.30",
            "ma, 15 tammi 2024 12:30:00 +0200",
            "15 januari 2024 kl. 10.30",
            "den 15 januari 2024 kl 10:30",
            "Mo, 15 Jan 2024 11:30:00 +0100",
            "15. Januar 2024, 10:30 Uhr",
            "lun., 15 janv. 2024 11:30:00 +0100",
            "lundi 15 janvier 2024 à 10h30",
            "15 de enero de 2024, 10:30",
            "lunedì 15 gennaio 2024 ore 10.30",
            "15 de janeiro de 2024 às 10h30",
            "15 stycznia 2024 r. godz. 10:30",
            "Пн, 15 янв 2024 13:30:00 +0300",
            "15 января 2024 г., 10:30",
            "Δευ, 15 Ιαν 2024 05:30:00 EST",
            "2024-január-15T05:30-05:00",
            "2024년 1월 15일 오전 10:30:00",
            "2024年1月15日 10时30分",
            "2024-01-15 오전 10:30:00",
            "Posted by Mark and May Smith, 15 January 2024 10:30",
            "Published by the office on 15 January 2024 10:30",
            "  Mon, 15 Jan 2024 10:30:00 GMT\n\t ",
            "\u{feff}2024-01-15T10:30:00Z\u{a0}",
            "Mon, 15 Jan 2024 10:30:00 GMT | 5 comments",
        ],
    );
}

#[test]
fn a_day_without_a_time_is_its_midnight() {
    all_mean(
        "2024-01-01T00:00:00Z",
        &[
            "2024-01-01",
            "20240101",
            "2024-01",
            "2024",
            "2024-001",
            "2024001",
            "24001",
            "240101",
            "24-01-01",
            "-24-01",
            "-2401",
            "2024-W01-1",
            "2024W011",
            "2024-W01",
            "2024/01/01",
            "2024.01.01",
            "2024. 1. 1.",
            "01/01/2024",
            "1.1.2024",
            "1.1.24",
            "01 Jan 2024",
            "Mon, 01 Jan 2024",
            "Monday 1 January 2024",
            "January 1, 2024",
            "Jan 1, '24",
            "1 Jan 24",
            "January 2024",
            "2024년 1월 1일",
            "2024年1月1日",
            "1er janvier 2024",
            "1 января 2024",
        ],
    );
}

#[test]
fn the_afternoon_is_counted_from_twelve() {
    for (raw, wanted) in [
        ("Sep 16, 2026 8:32am", "2026-09-16T08:32:00Z"),
        ("Sep 16, 2026 8:32 PM", "2026-09-16T20:32:00Z"),
        ("Sep 16, 2026 12:00 am", "2026-09-16T00:00:00Z"),
        ("Sep 16, 2026 12:30 p.m.", "2026-09-16T12:30:00Z"),
        ("Sep 16, 2026 8pm EDT", "2026-09-17T00:00:00Z"),
        ("2004-05-25 오후 11:23:17", "2004-05-25T23:23:17Z"),
    ] {
        assert_eq!(meant(raw, Tz::UTC, None).as_deref(), Some(wanted), "{raw}");
    }
}

#[test]
fn the_language_decides_between_day_and_month() {
    for (raw, language, wanted) in [
        ("01/02/2024", None, "2024-02-01"),
        ("01/02/2024", Some("en"), "2024-01-02"),
        ("01/02/2024", Some("en-us"), "2024-01-02"),
        ("01/02/2024", Some("en-GB"), "2024-02-01"),
        ("01/02/2024", Some("fi"), "2024-02-01"),
        ("1.2.2024", Some("en"), "2024-02-01"),
        ("01/15/2024", Some("fi"), "2024-01-15"),
        ("15/01/2024", Some("en"), "2024-01-15"),
        ("Tue, 01/02/2024 - 10:00", Some("fi"), "2024-01-02"),
        ("Thu, 01/02/2024 - 10:00", Some("en"), "2024-02-01"),
        ("15-01-24", Some("nl"), "2024-01-15"),
        ("mar., 02 janv. 2024", Some("fr"), "2024-01-02"),
    ] {
        assert_eq!(read(raw, Tz::UTC, language).map(|at| at.format("%F").to_string()).as_deref(), Some(wanted), "{raw} {language:?}");
    }
}

#[test]
fn the_ends_of_days_and_minutes() {
    for (raw, wanted) in [
        ("2024-01-01T24:00:00Z", "2024-01-02T00:00:00Z"),
        ("Sun, 31 Dec 2023 24:00 GMT", "2024-01-01T00:00:00Z"),
        ("Mon, 01 Jan 2024 10:00:60 GMT", "2024-01-01T10:00:59Z"),
        ("2016-12-31T23:59:60.5Z", "2016-12-31T23:59:59Z"),
        ("2024-01-01T10:00:00.125Z", "2024-01-01T10:00:00.125Z"),
        ("Mon, 01 Jan 2024 10:00:00.5 GMT", "2024-01-01T10:00:00.500Z"),
        ("Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00Z"),
        ("Thu, 01 Jan 0100 00:00:01 +0100", "0099-12-31T23:00:01Z"),
    ] {
        assert_eq!(meant(raw, Tz::UTC, None).as_deref(), Some(wanted), "{raw}");
    }
}

#[test]
fn a_date_without_a_zone_is_the_sources() {
    for (raw, zone, wanted) in [
        ("2024-07-01 12:00", Tz::Europe__Helsinki, "2024-07-01T09:00:00Z"),
        ("Sep 16, 2026 8:32am", Tz::America__New_York, "2026-09-16T12:32:00Z"),
        // Clocks go from 03:00 to 04:00, and later from 04:00 to 03:00.
        ("31.3.2024 3.30", Tz::Europe__Helsinki, "2024-03-31T01:00:00Z"),
        ("27.10.2024 3.30", Tz::Europe__Helsinki, "2024-10-27T00:30:00Z"),
    ] {
        assert_eq!(meant(raw, zone, None).as_deref(), Some(wanted), "{raw}");
    }
}

#[test]
fn nonsense_is_no_date() {
    for raw in [
        "",
        " ",
        "<none>",
        "0",
        "12",
        "Mon",
        "Mo",
        "ago",
        "10:30",
        "March 16",
        "3 days ago",
        "500 posts in May 2024",
        "Mon, 01 Jan 2024 25:00:00 GMT",
        "Mon, 32 Jan 2024 10:00:00 GMT",
        "Thu, 30 Feb 2012 10:00:00 GMT",
        "Sun, 16 Dec 2012 1:2:3:4 GMT",
        "Sun, 16 zzz 2012 11:47:32 GMT",
        "2003-12-31T25:14:55Z",
        "2003-12-31T10:61:55Z",
        "2003-13-31",
        "2003-366",
        "2024-W54-1",
        "0000-00-00T00:00:00Z",
        "0000-00-00 00:00:00",
        "9999-12-31T23:59:59-05:00",
        "10000-01-01",
        "2024-01-01T10:00:00+99:00",
        "2024-01-01T24:00:01Z",
        "99999999999999999999",
    ] {
        assert_eq!(meant(raw, Tz::UTC, None), None, "{raw}");
    }
}

#[test]
fn a_format_decides_where_common_sense_would_not() {
    for (raw, format, wanted) in [
        ("02/01/2024", "%m/%d/%Y", "2024-02-01T00:00:00Z"),
        ("March 06, 2018 | News", "%B %d, %Y", "2018-03-06T00:00:00Z"),
        ("torstai 6. maaliskuuta 2018 14:30", "%A %d. %B %Y %H:%M", "2018-03-06T14:30:00Z"),
        ("mar. 6 févr. 2018", "%a %d %b %Y", "2018-02-06T00:00:00Z"),
        ("2018.03.06 02:30 PM", "%Y.%m.%d %I:%M %p", "2018-03-06T14:30:00Z"),
        ("06/03/18 14:30 +0200", "%d/%m/%y %H:%M %z", "2018-03-06T12:30:00Z"),
        ("@1705314600", "@%s", "2024-01-15T10:30:00Z"),
        ("6 March 2018", "%Q nonsense", "2018-03-06T00:00:00Z"),
    ] {
        assert_eq!(text(read_with_format(raw, format, Tz::UTC, None)).as_deref(), Some(wanted), "{raw} {format}");
    }
    assert_eq!(read_with_format("no date", "%d/%m/%Y", Tz::UTC, None), None);
    assert_eq!(read_with_format("+99999-01-01", "%Y-%m-%d", Tz::Europe__Helsinki, None), None);
}

/// Every fact about the oddities' 60 forms; the numbers are those of the files.
#[test]
fn the_shared_oddities() {
    let nonsense = [43, 44, 58, 59];
    let midnight = [6, 7, 8, 15, 16, 18, 19, 20, 21, 49, 50, 57];
    let mut files = 0;
    for number in 0..60 {
        let Some(file) = shared::text(&format!("data/odd-feeds/date_{number:02}.xml")) else { return };
        let Some(raw) = file.split_once("<pubDate>").and_then(|(_, rest)| rest.split_once("</pubDate>")).map(|(raw, _)| raw) else {
            continue;
        };
        files += 1;
        let wanted = match number {
            n if nonsense.contains(&n) => None,
            n if midnight.contains(&n) => Some("2024-01-01T00:00:00Z"),
            0 | 54 | 55 => Some("2024-01-01T15:00:00Z"),
            1 | 3 | 39 | 41 => Some("2024-01-01T09:00:00Z"),
            2 | 12 | 13 | 22 | 34 | 35 | 40 => Some("2024-01-01T08:00:00Z"),
            4 => Some("2024-01-01T04:30:00Z"),
            25 | 26 | 28 => Some("2024-01-15T00:00:00Z"),
            27 => Some("2024-01-15T10:30:00Z"),
            37 => Some("2024-01-01T10:00:00.123Z"),
            42 => Some("2024-01-01T07:00:00Z"),
            45 => Some("2024-01-01T10:00:59Z"),
            46 => Some("2024-01-02T00:00:00Z"),
            51 => Some("2024-09-01T10:00:00Z"),
            52 => Some("2024-01-02T10:00:00Z"),
            53 => Some("1970-01-01T00:00:00Z"),
            _ => Some("2024-01-01T10:00:00Z"),
        };
        assert_eq!(meant(raw, Tz::UTC, None).as_deref(), wanted, "date_{number:02}: {raw}");
    }
    assert!(files >= 59, "{files} files have a date");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// Any text at all, and texts made of the pieces of dates.
    #[test]
    fn never_panics(
        raw in prop_oneof![
            any::<String>(),
            proptest::collection::vec(
                prop_oneof![
                    "[0-9]{1,9}", "[-+:./,' ()T\\[]", "Jan|mar|GMT|pm|a\\.m\\.|PST8PDT|America/New_York|kl|h|Uhr|년|월|日|時|ago|days|vor|st|de|’",
                    any::<char>().prop_map(String::from),
                ],
                0..30,
            ).prop_map(|pieces| pieces.concat()),
        ],
        format in "(%[a-zA-Z]|[ ./]|%-d){0,8}",
        now_s in 0_i64..4_102_444_800,
    ) {
        for (zone, language) in [(Tz::UTC, None), (Tz::Australia__Lord_Howe, Some("en")), (Tz::Europe__Helsinki, Some("fi"))] {
            let _ = read(&raw, zone, language);
            let _ = read_with_format(&raw, &format, zone, language);
            let now = DateTime::from_timestamp(now_s, 0).unwrap();
            if let Some(at) = read_relative(&raw, now, zone, language) {
                prop_assert!(at <= now + TimeDelta::days(2));
            }
        }
    }

    /// chrono's own writers are the oracle.
    #[test]
    fn reads_what_chrono_writes(seconds in -62_000_000_000_i64..250_000_000_000, offset_min in -14 * 60_i32..=14 * 60) {
        let utc = DateTime::from_timestamp(seconds, 0).unwrap();
        let there = utc.with_timezone(&chrono::FixedOffset::east_opt(offset_min * 60).unwrap());
        for raw in [
            there.to_rfc3339(),
            there.to_rfc2822(),
            there.format("%A, %d %B %Y %I:%M:%S %p %z").to_string(),
            there.format("%a %b %e %T %z %Y").to_string(),
            there.format("%-d.%-m.%Y klo %H.%M.%S %:z").to_string(),
            there.format("%B %-d, %Y %H:%M:%S UTC%:z").to_string(),
            there.format("%Y%m%dT%H%M%S%z").to_string(),
        ] {
            prop_assert_eq!(read(&raw, Tz::Asia__Kolkata, Some("fi")), Some(utc), "{}", raw);
        }
    }
}
