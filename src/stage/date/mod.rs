//! Reads every form of date that publishers write.
//!
//! RFC 822 and RFC 3339 dates, which nearly all feeds hold, are read byte by byte; everything else goes through `scan`. A date is
//! read or it is not: a day or an hour that does not exist gives `None`, never a neighbouring day.

mod clock;
mod relative;
mod scan;
mod token;
mod words;

use chrono::format::{Fixed, Item, Parsed, StrftimeItems, parse_and_remainder};
use chrono::{DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::{GapInfo, Tz};

pub use relative::read_relative;

/// Most bytes of a text that are looked at: longer texts are not dates, and what is after this many bytes is never part of one.
const LOOKED_AT_BYTES: usize = 160;

/// A zone as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Zone {
    /// Seconds east of UTC.
    Fixed(i32),
    /// A zone with its own rules.
    Named(Tz),
}

/// A date as written, not yet checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Written {
    year: i32,
    month: u32,
    day: u32,
    clock: Clock,
    /// `None`: the source's own zone.
    zone: Option<Zone>,
}

/// A time of day as written, not yet checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Clock {
    hour: u32,
    minute: u32,
    second: u32,
    nano: u32,
}

impl Written {
    /// The instant, or `None` for a day or a time that does not exist, or a year outside 1 to 9999.
    fn instant(self, time_zone: Tz) -> Option<DateTime<Utc>> {
        let date = NaiveDate::from_ymd_opt(self.year, self.month, self.day).filter(|date| (1..=9999).contains(&date.year()))?;
        let local = self.clock.on(date)?;
        let instant = match self.zone {
            Some(Zone::Fixed(offset_s)) => (local - TimeDelta::seconds(offset_s.into())).and_utc(),
            Some(Zone::Named(zone)) => from_local(local, zone)?,
            None => from_local(local, time_zone)?,
        };
        (1..=9999).contains(&instant.year()).then_some(instant)
    }
}

impl Clock {
    /// This time on that day. 24:00 is the next day's midnight (ISO 8601); a leap second is the second before it, because the writers
    /// must not publish `:60`.
    fn on(self, date: NaiveDate) -> Option<NaiveDateTime> {
        if self.hour == 24 {
            let midnight = self.minute == 0 && self.second == 0 && self.nano == 0;
            return midnight.then(|| date.checked_add_days(Days::new(1)))?.map(|next| next.and_time(NaiveTime::MIN));
        }
        let (second, nano) = if self.second == 60 { (59, 0) } else { (self.second, self.nano) };
        date.and_hms_nano_opt(self.hour, self.minute, second, nano)
    }
}

/// The instant at which clocks in a zone show this time: the earlier of two where clocks go back, the first instant after the gap where
/// they go forward. `None` only beyond the years that chrono can hold.
pub(crate) fn from_local(local: NaiveDateTime, time_zone: Tz) -> Option<DateTime<Utc>> {
    match time_zone.from_local_datetime(&local) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => Some(instant.to_utc()),
        LocalResult::None => GapInfo::new(&local, &time_zone)?.end.map(|end| end.to_utc()),
    }
}

/// Reads a date that a feed or page gives, in whatever form.
///
/// `time_zone` is used where the date names no zone; a time that clocks skipped becomes the first instant after the gap, one that they
/// showed twice the earlier of the two. `language` (BCP 47) decides whether `01/02/2024` is 2 January (`en`, `en-US`) or 1 February (all
/// others and none), unless only one of the two exists or matches the weekday. A date without a time is midnight, a month without a day
/// its first day. Returns `None` for what holds no date, for days and times that do not exist, and for years outside 1 to 9999; years such
/// as 1970 or 2999 are returned as written, since only the caller knows what is plausible.
#[must_use]
pub fn read(raw: &str, time_zone: Tz, language: Option<&str>) -> Option<DateTime<Utc>> {
    let text = shorten(raw);
    let written = rfc822(text.as_bytes())
        .or_else(|| iso8601(text.as_bytes()))
        .or_else(|| compact(text.as_bytes()))
        .or_else(|| scan::scan(text, time_zone, language))?;
    written.instant(time_zone)
}

/// Reads a date in the form that strftime's letters describe, for pages whose dates [`read`] would get wrong.
///
/// The names of months are read in every language, names of weekdays are skipped, a missing time is midnight, and text after the date is
/// ignored. A text that does not match the format is read as [`read`] would. An unusable format matches nothing.
#[must_use]
pub fn read_with_format(raw: &str, strftime_format: &str, time_zone: Tz, language: Option<&str>) -> Option<DateTime<Utc>> {
    by_format(shorten(raw), strftime_format, time_zone).or_else(|| read(raw, time_zone, language))
}

fn by_format(text: &str, format: &str, time_zone: Tz) -> Option<DateTime<Utc>> {
    let mut parsed = Parsed::new();
    let mut rest = text;
    for item in StrftimeItems::new(format) {
        let word_end = || rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        rest = match item {
            Item::Error => return None,
            Item::Fixed(Fixed::ShortWeekdayName | Fixed::LongWeekdayName) => rest.get(word_end()..)?.trim_start_matches('.'),
            Item::Fixed(Fixed::ShortMonthName | Fixed::LongMonthName) => {
                let (name, after) = rest.split_at_checked(word_end())?;
                parsed.set_month(words::month(name)?.into()).ok()?;
                after.trim_start_matches('.')
            }
            other => parse_and_remainder(&mut parsed, rest, std::iter::once(other)).ok()?,
        };
    }
    let instant = if let Some(timestamp) = parsed.timestamp() {
        DateTime::from_timestamp(timestamp, 0)?
    } else {
        let date = parsed.to_naive_date().ok()?;
        let local = date.and_time(parsed.to_naive_time().unwrap_or(NaiveTime::MIN));
        match parsed.offset() {
            Some(offset_s) => local.checked_sub_signed(TimeDelta::seconds(offset_s.into()))?.and_utc(),
            None => Some(local).filter(|local| (1..=9999).contains(&local.year())).and_then(|local| from_local(local, time_zone))?,
        }
    };
    (1..=9999).contains(&instant.year()).then_some(instant)
}

/// The text without blanks around it, at most [`LOOKED_AT_BYTES`] long.
fn shorten(raw: &str) -> &str {
    let blank = |c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}');
    let text = raw.trim_start_matches(blank);
    let mut end = text.len().min(LOOKED_AT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].trim_end_matches(blank)
}

/// A cursor over bytes.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    /// A number of at least `least` and at most `most` digits.
    fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let digits = self.0.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
        if digits < least {
            return None;
        }
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        Some(number.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0')))
    }

    fn skip(&mut self, wanted: u8) -> bool {
        match self.0 {
            [first, rest @ ..] if *first == wanted => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    fn skip_blanks(&mut self) -> usize {
        let mut count = 0;
        while self.skip(b' ') {
            count += 1;
        }
        count
    }

    fn letters(&mut self) -> Option<[u8; 3]> {
        let (letters, rest) = self.0.split_first_chunk::<3>()?;
        if !letters.iter().all(u8::is_ascii_alphabetic) {
            return None;
        }
        self.0 = rest;
        Some(*letters)
    }

    /// `10:00` or `10:00:00`, with a fraction of any length where the form has one.
    fn clock(&mut self, fraction: bool) -> Option<Clock> {
        let hour = self.number(2, 2)?;
        let minute = self.skip(b':').then(|| self.number(2, 2))??;
        let mut clock = Clock { hour, minute, ..Clock::default() };
        if self.skip(b':') {
            clock.second = self.number(2, 2)?;
            if fraction && (self.skip(b'.') || self.skip(b',')) {
                let digits = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
                let (written, rest) = self.0.split_at(digits);
                clock.nano = nanoseconds(written);
                self.0 = rest;
            }
        }
        Some(clock)
    }

    /// `Z`, `GMT`, `UTC` or a numeric offset, and nothing after it.
    fn last_zone(&self) -> Option<Zone> {
        match *self.0 {
            [b'Z' | b'z'] | [b'G', b'M', b'T'] | [b'U', b'T', b'C'] => Some(Zone::Fixed(0)),
            [sign @ (b'+' | b'-'), h1, h2, m1, m2] | [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
                let hours = Bytes(&[h1, h2]).number(2, 2)?;
                let minutes = Bytes(&[m1, m2]).number(2, 2)?;
                offset(sign == b'-', hours, minutes)
            }
            _ => None,
        }
    }
}

/// Up to nine digits of a fraction of a second.
fn nanoseconds(digits: &[u8]) -> u32 {
    (0..9).fold(0, |nano, i| nano * 10 + digits.get(i).map_or(0, |digit| u32::from(digit - b'0')))
}

/// An offset from UTC, if it is less than a day.
fn offset(west: bool, hours: u32, minutes: u32) -> Option<Zone> {
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    (hours < 24 && minutes < 60).then_some(Zone::Fixed(if west { -seconds } else { seconds }))
}

/// `Mon, 01 Jan 2024 10:00:00 +0000`: RFC 822 as revised by RFC 1123 and RFC 5322, in the spelling of nearly every RSS feed.
fn rfc822(text: &[u8]) -> Option<Written> {
    let mut rest = Bytes(text);
    if rest.letters().is_some() {
        if !rest.skip(b',') {
            return None;
        }
        rest.skip_blanks();
    }
    let day = rest.number(1, 2)?;
    rest.skip(b' ').then_some(())?;
    let month = words::english_month(rest.letters()?)?;
    rest.skip(b' ').then_some(())?;
    let year = rest.number(4, 4)?;
    rest.skip(b' ').then_some(())?;
    let clock = rest.clock(false)?;
    rest.skip(b' ').then_some(())?;
    let zone = rest.last_zone()?;
    Some(Written { year: year.try_into().ok()?, month, day, clock, zone: Some(zone) })
}

/// `2024-01-01T10:00:00Z` (RFC 3339), also with a blank for the `T`, a blank before the zone, or without seconds, zone or time.
fn iso8601(text: &[u8]) -> Option<Written> {
    let mut rest = Bytes(text);
    let year = rest.number(4, 4)?;
    rest.skip(b'-').then_some(())?;
    let month = rest.number(2, 2)?;
    rest.skip(b'-').then_some(())?;
    let day = rest.number(2, 2)?;
    let mut written = Written { year: year.try_into().ok()?, month, day, ..Written::default() };
    if rest.0.is_empty() {
        return Some(written);
    }
    if !rest.skip(b'T') && !rest.skip(b't') && rest.skip_blanks() == 0 {
        return None;
    }
    written.clock = rest.clock(true)?;
    rest.skip_blanks();
    if !rest.0.is_empty() {
        written.zone = Some(rest.last_zone()?);
    }
    Some(written)
}

/// Texts of digits and hyphens only: seconds since 1970, and ISO 8601's shorter forms (`20240101`, `2024-01`, `2024`, `2024-335`,
/// `2024-W01-1`, and with the century left out as its first edition allowed: `031231`, `03335`, `-03-12`).
fn compact(text: &[u8]) -> Option<Written> {
    let utc = |instant: DateTime<Utc>| {
        let (date, time) = (instant.date_naive(), instant.time());
        let mut written = on(date);
        written.clock = clock_of(time);
        written.zone = Some(Zone::Fixed(0));
        written
    };
    let written = |year: u32, month, day| Some(Written { year: year.try_into().ok()?, month, day, ..Written::default() });
    let ordinal = |year: u32, day| NaiveDate::from_yo_opt(year.try_into().ok()?, day).map(on);
    let mut rest = Bytes(text);
    let head = rest.0.iter().take_while(|b| b.is_ascii_digit()).count();
    let pairs = |pattern: [usize; 3]| {
        let mut rest = Bytes(text);
        Some([rest.number(pattern[0], pattern[0])?, rest.number(pattern[1], pattern[1])?, rest.number(pattern[2], pattern[2])?])
    };
    if head == text.len() {
        let whole = || std::str::from_utf8(text).ok()?.parse::<i64>().ok();
        return match head {
            4 => written(rest.number(4, 4)?, 1, 1),
            5 => ordinal(full_year(rest.number(2, 2)?), rest.number(3, 3)?),
            6 => {
                let [year, month, day] = pairs([2, 2, 2])?;
                written(full_year(year), month, day)
                    .filter(|short| NaiveDate::from_ymd_opt(short.year, month, day).is_some())
                    .or_else(|| written(rest.number(4, 4)?, rest.number(2, 2)?, 1))
            }
            7 => ordinal(rest.number(4, 4)?, rest.number(3, 3)?),
            8 | 12 | 14 => {
                let [year, month, day] = pairs([4, 2, 2])?;
                rest.0 = rest.0.get(8..)?;
                let mut written = written(year, month, day)?;
                written.clock.hour = rest.number(2, 2).unwrap_or(0);
                written.clock.minute = rest.number(2, 2).unwrap_or(0);
                written.clock.second = rest.number(2, 2).unwrap_or(0);
                Some(written)
            }
            9..=11 => DateTime::from_timestamp(whole()?, 0).map(utc),
            13 => DateTime::from_timestamp_millis(whole()?).map(utc),
            16 => DateTime::from_timestamp_micros(whole()?).map(utc),
            19 => Some(utc(DateTime::from_timestamp_nanos(whole()?))),
            _ => None,
        };
    }
    if head == 10 && text.get(10) == Some(&b'.') && text[11..].iter().all(u8::is_ascii_digit) {
        let seconds = std::str::from_utf8(&text[..10]).ok()?.parse().ok()?;
        return DateTime::from_timestamp(seconds, nanoseconds(&text[11..])).map(utc);
    }
    if rest.skip(b'-') {
        let year = rest.number(2, 2)?;
        rest.skip(b'-');
        let month = rest.number(2, 2)?;
        return if rest.0.is_empty() { written(full_year(year), month, 1) } else { None };
    }
    let year = rest.number(4, 4)?;
    let hyphen = rest.skip(b'-');
    if rest.skip(b'W') {
        let week = rest.number(2, 2)?;
        let weekday = if rest.0.is_empty() { 1 } else { (rest.skip(b'-') == hyphen).then(|| rest.number(1, 1))?? };
        let weekday = Weekday::try_from(u8::try_from(weekday.checked_sub(1)?).ok()?).ok()?;
        return rest.0.is_empty().then(|| NaiveDate::from_isoywd_opt(year.try_into().ok()?, week, weekday))?.map(on);
    }
    let digits = rest.0.len();
    let number = rest.number(1, 3)?;
    match (hyphen, digits, rest.0.is_empty()) {
        (true, 3, true) => ordinal(year, number),
        (true, 1 | 2, true) => written(year, number, 1),
        _ => None,
    }
}

fn on(date: NaiveDate) -> Written {
    Written { year: date.year(), month: date.month(), day: date.day(), ..Written::default() }
}

fn clock_of(time: NaiveTime) -> Clock {
    use chrono::Timelike;
    Clock { hour: time.hour(), minute: time.minute(), second: time.second(), nano: time.nanosecond() }
}

/// The year that two or three digits mean (RFC 5322 section 4.3).
fn full_year(short: u32) -> u32 {
    match short {
        0..=49 => short + 2000,
        50..=999 => short + 1900,
        _ => short,
    }
}

#[cfg(test)]
mod tests;
