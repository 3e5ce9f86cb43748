//! Reads dates that mean something only on the day they are read: "3 days ago", "yesterday", "March 16".

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::scan::Scan;
use super::token::{Kind, tokens};
use super::{Clock, from_local, shorten, words};

/// Most years that are gone back for a day without a year: 29 February is at most eight years old.
const YEARS_BACK_MAX: i32 = 8;

/// Units of time in English, Finnish, Swedish, German and French, folded, with the short forms of news pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

fn unit(folded: &str) -> Option<Unit> {
    Some(match folded {
        "second" | "seconds" | "sec" | "secs" | "s" | "sekunti" | "sekuntia" | "sekund" | "sekunder" | "sekunde" | "sekunden"
        | "seconde" | "secondes" => Unit::Second,
        "minute" | "minutes" | "min" | "mins" | "m" | "minuutti" | "minuuttia" | "minut" | "minuter" | "minuten" => Unit::Minute,
        "hour" | "hours" | "hr" | "hrs" | "h" | "tunti" | "tuntia" | "timme" | "timmar" | "tim" | "stunde" | "stunden" | "std"
        | "heure" | "heures" => Unit::Hour,
        "day" | "days" | "d" | "paiva" | "paivaa" | "pv" | "dag" | "dagar" | "dygn" | "tag" | "tage" | "tagen" | "jour" | "jours" => {
            Unit::Day
        }
        "week" | "weeks" | "wk" | "wks" | "w" | "viikko" | "viikkoa" | "vk" | "vecka" | "veckor" | "woche" | "wochen" | "semaine"
        | "semaines" => Unit::Week,
        "month" | "months" | "mo" | "kuukausi" | "kuukautta" | "kk" | "manad" | "manader" | "monat" | "monate" | "monaten" | "mois" => {
            Unit::Month
        }
        "year" | "years" | "yr" | "yrs" | "y" | "vuosi" | "vuotta" | "ar" | "jahr" | "jahre" | "jahren" | "an" | "ans" => Unit::Year,
        _ => return None,
    })
}

/// Days before today that a word or two mean.
fn days_ago(text: &str) -> Option<u64> {
    let days: [(&[&str], u64); 3] = [
        (&["today", "tanaan", "idag", "i dag", "heute", "aujourd'hui", "aujourd’hui"], 0),
        (&["yesterday", "eilen", "igar", "i gar", "gestern", "hier"], 1),
        (&["toissapaivana", "i forrgar", "vorgestern", "avant-hier"], 2),
    ];
    let starts = |name: &&&str| text.strip_prefix(**name).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
    days.iter().find(|(names, _)| names.iter().any(|name| starts(&name))).map(|(_, count)| *count)
}

/// Reads a date that is relative to `now`: "3 days ago", "yesterday at 14:30", "2 h", and days without a year.
///
/// Languages: English, Finnish, Swedish, German and French, and the months of all languages of [`super::read`]. Seconds, minutes and hours
/// are counted from `now`; from days on the result is the local midnight of that day, so that it stays the same all day, or the time that
/// is named with "today" and "yesterday". A day without a year ("March 16", "16.3.", and "3/16" in the order that `language` asks for) is
/// the latest such day that is not after `now` plus one day. Returns `None` for all else, dates with a year included: try
/// [`super::read`] first.
#[must_use]
pub fn read_relative(raw: &str, now: DateTime<Utc>, time_zone: Tz, language: Option<&str>) -> Option<DateTime<Utc>> {
    let text = shorten(raw);
    let folded = words::fold(text);
    if matches!(folded.as_str(), "now" | "just now" | "juuri nyt" | "nyt" | "nyss" | "just nu" | "jetzt" | "gerade eben" | "a l'instant") {
        return Some(now);
    }
    let today = now.with_timezone(&time_zone).date_naive();
    if let Some(days) = days_ago(&folded) {
        let clock = Scan::run(text, time_zone, language)?.clock();
        return from_local(clock.on(today.checked_sub_days(Days::new(days))?)?, time_zone);
    }
    ago(&folded, now, today, time_zone).or_else(|| without_year(text, now, today, time_zone, language))
}

/// "3 days ago", "an hour ago", "2 tuntia sitten", "för 3 dagar sedan", "vor 3 Tagen", "il y a 3 jours", and "3d" alone.
fn ago(folded: &str, now: DateTime<Utc>, today: NaiveDate, time_zone: Tz) -> Option<DateTime<Utc>> {
    let tokens = tokens(folded);
    let word = |at: usize| tokens.get(at).filter(|token| token.kind == Kind::Word).map(|token| token.text);
    let marked = tokens.iter().any(|token| matches!(token.text, "ago" | "sitten" | "sedan" | "vor"))
        || (word(0) == Some("il") && word(1) == Some("y") && word(2) == Some("a"));
    let one = |word: &str| matches!(word, "a" | "an" | "one" | "yksi" | "en" | "ett" | "ein" | "eine" | "einem" | "einer" | "un" | "une");
    let (count, unit_at) = if let Some(at) = tokens.iter().position(|token| token.kind == Kind::Number) {
        (tokens[at].value()?, at + 1)
    } else if let Some(at) = (0..tokens.len()).find(|at| word(*at).is_some_and(one) && word(at + 1).and_then(unit).is_some()) {
        (1, at + 1)
    } else if word(1) == Some("sitten") {
        (1, 0)
    } else {
        return None;
    };
    let unit = unit(word(unit_at)?)?;
    // "5 min read" is no date; "5 min" alone is one.
    if !marked && (tokens.len() != 2 || unit_at != 1) {
        return None;
    }
    let count_i64 = i64::from(count);
    let day = match unit {
        Unit::Second => return now.checked_sub_signed(TimeDelta::seconds(count_i64)),
        Unit::Minute => return now.checked_sub_signed(TimeDelta::minutes(count_i64)),
        Unit::Hour => return now.checked_sub_signed(TimeDelta::hours(count_i64)),
        Unit::Day => today.checked_sub_days(Days::new(count.into())),
        Unit::Week => today.checked_sub_days(Days::new(u64::from(count) * 7)),
        Unit::Month => today.checked_sub_months(Months::new(count)),
        Unit::Year => today.checked_sub_months(Months::new(count.checked_mul(12)?)),
    }?;
    (day.year() >= 1).then(|| from_local(day.and_time(NaiveTime::MIN), time_zone))?
}

/// "March 16", "16. März 14:30", "16.3.", "3/16".
fn without_year(text: &str, now: DateTime<Utc>, today: NaiveDate, time_zone: Tz, language: Option<&str>) -> Option<DateTime<Utc>> {
    let scan = Scan::run(text, time_zone, language)?;
    let (month, day) = match (scan.year, scan.month, scan.day) {
        (None, Some(month), Some(day)) if scan.stray_words <= 2 => (month, day),
        (None, None, None) => scan.two_numbers()?,
        _ => return None,
    };
    let clock: Clock = scan.clock();
    let latest = now + TimeDelta::days(1);
    (0..=YEARS_BACK_MAX + 1).find_map(|years| {
        let date = NaiveDate::from_ymd_opt(today.year() + 1 - years, month, day)?;
        from_local(clock.on(date)?, time_zone).filter(|instant| *instant <= latest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relative(raw: &str, now: &str, zone: Tz, language: Option<&str>) -> Option<String> {
        let now = now.parse().unwrap();
        read_relative(raw, now, zone, language).map(|at| at.format("%FT%TZ").to_string())
    }

    #[test]
    fn counts_back_from_now() {
        let table = [
            ("just now", "2024-03-20T10:15:00Z"),
            ("2 hours ago", "2024-03-20T08:15:00Z"),
            ("an hour ago", "2024-03-20T09:15:00Z"),
            ("Posted 5 mins ago", "2024-03-20T10:10:00Z"),
            ("5 min", "2024-03-20T10:10:00Z"),
            ("2h", "2024-03-20T08:15:00Z"),
            ("3 days ago", "2024-03-16T22:00:00Z"),
            ("3d ago", "2024-03-16T22:00:00Z"),
            ("a week ago", "2024-03-12T22:00:00Z"),
            ("2 months ago", "2024-01-19T22:00:00Z"),
            ("1 year ago", "2023-03-19T22:00:00Z"),
            ("3 päivää sitten", "2024-03-16T22:00:00Z"),
            ("tunti sitten", "2024-03-20T09:15:00Z"),
            ("för 3 dagar sedan", "2024-03-16T22:00:00Z"),
            ("för en timme sedan", "2024-03-20T09:15:00Z"),
            ("vor 3 Tagen", "2024-03-16T22:00:00Z"),
            ("vor einer Stunde", "2024-03-20T09:15:00Z"),
            ("il y a 3 jours", "2024-03-16T22:00:00Z"),
            ("il y a une heure", "2024-03-20T09:15:00Z"),
            ("today", "2024-03-19T22:00:00Z"),
            ("Yesterday", "2024-03-18T22:00:00Z"),
            ("Yesterday at 2:30 pm", "2024-03-19T12:30:00Z"),
            ("eilen klo 12.20", "2024-03-19T10:20:00Z"),
            ("i går", "2024-03-18T22:00:00Z"),
            ("heute, 14:30 Uhr", "2024-03-20T12:30:00Z"),
            ("vorgestern", "2024-03-17T22:00:00Z"),
            ("hier", "2024-03-18T22:00:00Z"),
            ("Aujourd’hui", "2024-03-19T22:00:00Z"),
        ];
        for (raw, wanted) in table {
            assert_eq!(relative(raw, "2024-03-20T10:15:00Z", Tz::Europe__Helsinki, None).as_deref(), Some(wanted), "{raw}");
        }
    }

    #[test]
    fn a_day_without_a_year_is_the_latest_one() {
        let table = [
            ("March 16", None, "2024-03-16T00:00:00Z"),
            ("March 21", None, "2024-03-21T00:00:00Z"),
            ("March 22", None, "2023-03-22T00:00:00Z"),
            ("16. März 14:30", None, "2024-03-16T14:30:00Z"),
            ("16 March 12.30", None, "2024-03-16T12:30:00Z"),
            ("16. maaliskuuta klo 14.30", None, "2024-03-16T14:30:00Z"),
            ("le 1er avril", None, "2023-04-01T00:00:00Z"),
            ("December 31", None, "2023-12-31T00:00:00Z"),
            ("16.3.", None, "2024-03-16T00:00:00Z"),
            ("1/2", None, "2024-02-01T00:00:00Z"),
            ("1/2", Some("en"), "2024-01-02T00:00:00Z"),
            ("February 29", None, "2024-02-29T00:00:00Z"),
        ];
        for (raw, language, wanted) in table {
            assert_eq!(relative(raw, "2024-03-20T10:15:00Z", Tz::UTC, language).as_deref(), Some(wanted), "{raw}");
        }
        assert_eq!(relative("January 1", "2023-12-31T12:00:00Z", Tz::UTC, None).as_deref(), Some("2024-01-01T00:00:00Z"));
        assert_eq!(relative("Feb 29", "2023-12-31T12:00:00Z", Tz::UTC, None).as_deref(), Some("2020-02-29T00:00:00Z"));
    }

    #[test]
    fn what_is_not_relative_is_left_alone() {
        for raw in [
            "",
            "5 min read",
            "March 16, 2018",
            "Feb 30",
            "ago",
            "days ago ago",
            "16",
            "1/2/3/4",
            "99999999999999999999 days ago",
            "yesterdays",
        ] {
            assert_eq!(relative(raw, "2024-03-20T10:15:00Z", Tz::UTC, None), None, "{raw}");
        }
    }
}
