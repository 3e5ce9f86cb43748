//! Cron expressions with the meaning of cron(8), on top of the `cron` crate's calendar.
//!
//! The crate (0.17.0) reads weekdays in Quartz's way (1 is Sunday), wants six fields, ANDs the two day fields, refuses ranges that wrap,
//! and goes backwards in time in the repeated hour of autumn. So the fields are read here, handed over as plain lists, and evaluated
//! by a clock that is never changed (UTC standing for local time); [`Cron::next`] maps the result to instants.

use std::fmt::Write as _;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Datelike, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::ScheduleError;
use crate::stage::date::from_local;

const MONTHS: [&str; 12] =
    ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];
const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// What a field may hold.
struct Range {
    name: &'static str,
    first: u32,
    last: u32,
    names: &'static [&'static str],
}

const SECOND: Range = Range { name: "second", first: 0, last: 59, names: &[] };
const MINUTE: Range = Range { name: "minute", first: 0, last: 59, names: &[] };
const HOUR: Range = Range { name: "hour", first: 0, last: 23, names: &[] };
const DAY: Range = Range { name: "day of month", first: 1, last: 31, names: &[] };
const MONTH: Range = Range { name: "month", first: 1, last: 12, names: &MONTHS };
const WEEKDAY: Range = Range { name: "day of week", first: 0, last: 6, names: &WEEKDAYS };

/// The values of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    /// Bit n: the value n.
    bits: u64,
    /// Begins with `*`, which is what cron(8) calls unrestricted.
    starred: bool,
}

impl Field {
    fn parse(text: &str, range: &Range) -> Result<Self, ScheduleError> {
        let wrong = |why: String| ScheduleError::Field { field: range.name, text: text.to_owned(), why };
        let mut bits = 0;
        for item in text.split(',') {
            bits |= item_bits(item, range).map_err(wrong)?;
        }
        Ok(Self { bits, starred: text.starts_with(['*', '?']) })
    }

    fn values(self) -> impl Iterator<Item = u32> {
        (0..60).filter(move |value| self.bits >> value & 1 == 1)
    }

    /// The values as a list for the crate, moved by `shift`.
    fn list(self, shift: u32) -> String {
        let mut list = String::new();
        for value in self.values() {
            let comma = if list.is_empty() { "" } else { "," };
            // Writing to a String cannot fail.
            let _ = write!(list, "{comma}{}", value + shift);
        }
        list
    }
}

/// `*`, `5`, `1-5`, `MON-FRI`, each with `/step`.
fn item_bits(item: &str, range: &Range) -> Result<u64, String> {
    let (span, step) = item.split_once('/').map_or((item, None), |(span, step)| (span, Some(step)));
    let count = range.last - range.first + 1;
    let step_by = match step {
        None => 1,
        Some(step) => step.parse().ok().filter(|step| (1..=59).contains(step)).ok_or("a step is a number from 1 to 59")?,
    };
    let (first, last) = match span.split_once('-') {
        _ if span == "*" || (span == "?" && (range.name == DAY.name || range.name == WEEKDAY.name)) => (range.first, range.last),
        Some((first, last)) => (value(first, range)?, value(last, range)?),
        None if step.is_some() => (value(span, range)?, range.last),
        None => {
            let only = value(span, range)?;
            (only, only)
        }
    };
    // 7 is Sunday at the end of a week ("5-7"), 0 at its start ("7-2").
    let weekdays = range.name == WEEKDAY.name;
    let first = if weekdays && first == 7 && last != 7 { 0 } else { first };
    let length = if last >= first { last - first } else { last + count - first };
    Ok((0..=length)
        .step_by(step_by)
        .map(|offset| 1_u64 << ((first - range.first + offset) % count + range.first))
        .fold(0, |all, bit| all | bit))
}

/// A number or a name of three letters or more.
fn value(text: &str, range: &Range) -> Result<u32, String> {
    let last = if range.name == WEEKDAY.name { 7 } else { range.last };
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        let number = text.parse().ok().filter(|number| (range.first..=last).contains(number));
        return number.ok_or_else(|| format!("{text} is not from {} to {last}", range.first));
    }
    let lower = text.to_ascii_lowercase();
    let named = (range.first..).zip(range.names).find(|(_, name)| **name == lower || name.get(..3) == Some(lower.as_str()));
    named.map(|(number, _)| number).ok_or_else(|| {
        let names = range.names.get(1).map(|name| format!(", or a name such as {}", name[..3].to_ascii_uppercase())).unwrap_or_default();
        format!("{text:?} is not a number from {} to {last}{names}", range.first)
    })
}

/// A cron expression in a time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cron {
    /// One, or two of which either suffices: one for the days of the month, one for the days of the week.
    calendars: Vec<cron::Schedule>,
    /// The same calendars' days at midnight.
    days: Vec<cron::Schedule>,
    second: Field,
    minute: Field,
    hour: Field,
    time_zone: Tz,
}

impl Cron {
    pub(super) fn parse(text: &str, time_zone: Tz) -> Result<Self, ScheduleError> {
        let expression = match text.to_ascii_lowercase().as_str() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            _ if text.starts_with('@') => return Err(ScheduleError::Nickname { text: text.to_owned() }),
            _ => text,
        };
        let fields: Vec<&str> = expression.split_whitespace().collect();
        let [second, minute, hour, day, month, weekday] = match *fields.as_slice() {
            [minute, hour, day, month, weekday] => ["0", minute, hour, day, month, weekday],
            [second, minute, hour, day, month, weekday] => [second, minute, hour, day, month, weekday],
            _ => return Err(ScheduleError::Fields { text: text.to_owned(), count: fields.len() }),
        };
        let (second, minute, hour) = (Field::parse(second, &SECOND)?, Field::parse(minute, &MINUTE)?, Field::parse(hour, &HOUR)?);
        let (day, month, weekday) = (Field::parse(day, &DAY)?, Field::parse(month, &MONTH)?, Field::parse(weekday, &WEEKDAY)?);
        let (days, months) = (day.list(0), month.list(0));
        // The crate counts weekdays from Sunday = 1.
        let weekdays = weekday.list(1);
        let day_rules = if day.starred || weekday.starred {
            vec![format!("{days} {months} {weekdays}")]
        } else {
            vec![format!("{days} {months} *"), format!("* {months} {weekdays}")]
        };
        let calendars = |time: &str| {
            let read = |rule: &String| {
                let expression = format!("{time} {rule}");
                cron::Schedule::from_str(&expression).map_err(|error| ScheduleError::Field {
                    field: "cron",
                    text: expression,
                    why: error.to_string(),
                })
            };
            day_rules.iter().map(read).collect::<Result<Vec<_>, _>>()
        };
        let cron = Self {
            calendars: calendars(&format!("{} {} {}", second.list(0), minute.list(0), hour.list(0)))?,
            days: calendars("0 0 0")?,
            second,
            minute,
            hour,
            time_zone,
        };
        // A leap day is at most eight years away, so what the first century does not have never comes.
        match first_after(&cron.days, NaiveDateTime::default()) {
            Some(_) => Ok(cron),
            None => Err(ScheduleError::Never { text: text.to_owned() }),
        }
    }

    /// The first due instant strictly after `after`.
    pub(super) fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // The crate's calendar ends with 2100, and its arithmetic panics at the ends of chrono's.
        if !(1..=2100).contains(&after.year()) {
            return None;
        }
        if self.hour.starred || self.hour.values().count() == 24 { self.next_by_clock(after) } else { self.next_by_hour(after) }
    }

    /// For fixed hours: every local time comes exactly once, at the instant that [`from_local`] gives it.
    fn next_by_hour(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut local = after.with_timezone(&self.time_zone).naive_local();
        // In the repeated hour local times that have already come are passed over, at most an hour's worth.
        loop {
            local = first_after(&self.calendars, local)?;
            let instant = from_local(local, self.time_zone)?;
            if instant > after {
                return Some(instant);
            }
        }
    }

    /// For every hour: an instant is due if the clock on the wall then shows a due time.
    fn next_by_clock(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // Clocks are changed at most once in this time, and never by more than a day.
        let window = TimeDelta::hours(26);
        let offset_at = |instant: DateTime<Utc>| {
            TimeDelta::seconds(self.time_zone.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc().into())
        };
        let mut from = after;
        loop {
            let mut due: Option<DateTime<Utc>> = None;
            let mut passed: Option<DateTime<Utc>> = None;
            for offset in [offset_at(from), offset_at(from + window)] {
                let Some(local) = first_after(&self.calendars, from.naive_utc() + offset) else { continue };
                let instant = (local - offset).and_utc();
                passed = Some(passed.map_or(instant, |earlier| earlier.min(instant)));
                if offset_at(instant) == offset {
                    due = Some(due.map_or(instant, |earlier| earlier.min(instant)));
                }
            }
            let passed = passed?;
            if passed > from + window {
                // Nothing is due until shortly before, whatever the clocks do on the way.
                from = passed - (window - TimeDelta::hours(1));
            } else if due.is_some() {
                return due;
            } else {
                from = passed;
            }
        }
    }

    /// The shortest gap between two due times, by a clock that is never changed.
    pub(super) fn shortest_gap(&self) -> Duration {
        let times = || {
            self.hour.values().flat_map(move |hour| {
                self.minute.values().flat_map(move |minute| self.second.values().map(move |second| hour * 3600 + minute * 60 + second))
            })
        };
        let within_day = times().zip(times().skip(1)).map(|(earlier, later)| later - earlier).min();
        let (first, last) = (times().next().unwrap_or(0), times().last().unwrap_or(0));
        // From the last time of a day to the first of the next due day; 28 years hold every pattern of weekdays and leap days.
        let start = NaiveDateTime::default();
        let end = start + TimeDelta::days(28 * 366);
        let mut day = first_after(&self.days, start);
        let mut closest_days = 28 * 366;
        while let Some(this) = day.filter(|day| *day < end && closest_days > 1) {
            day = first_after(&self.days, this);
            if let Some(next) = day {
                closest_days = closest_days.min((next - this).num_days());
            }
        }
        let overnight = u64::try_from(closest_days).unwrap_or(1) * 86_400 - u64::from(last - first);
        Duration::from_secs(within_day.map_or(overnight, |gap| overnight.min(gap.into())))
    }
}

/// The first time after `after` in any of the calendars, by a clock that is never changed.
fn first_after(calendars: &[cron::Schedule], after: NaiveDateTime) -> Option<NaiveDateTime> {
    calendars.iter().filter_map(|calendar| calendar.after(&after.and_utc()).next()).min().map(|found| found.naive_utc())
}
