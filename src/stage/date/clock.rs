//! The part of [`Scan`] that reads times of day and zones.

use super::scan::Scan;
use super::token::Kind;
use super::{Clock, Zone, nanoseconds, offset, words};

impl Scan<'_> {
    /// The time of day with its half of the day applied.
    pub(super) fn clock(&self) -> Clock {
        let mut clock = self.clock.unwrap_or_default();
        clock.hour = match (self.afternoon, clock.hour) {
            (Some(true), 1..=11) => clock.hour + 12,
            (Some(false), 12) => 0,
            (_, hour) => hour,
        };
        clock
    }

    /// `10:00`, `9:15:30.5`, `8am`, `10h30`, `14 Uhr`, and `12.20` after a date. The outer `None`: an impossible time.
    #[expect(clippy::option_option, reason = "no time here and an impossible time are different answers")]
    pub(super) fn time(&mut self, at: usize, hour: u32) -> Option<Option<usize>> {
        if self.tokens[at].text.len() > 2 {
            return Some(None);
        }
        let mut clock = Clock { hour, ..Clock::default() };
        let mut next;
        let dotted_here = (self.month.is_some() && self.day.is_some()) || at.checked_sub(1).is_some_and(|before| self.names_a_time(before));
        if self.sign(at + 1, ':')
            && let Some(minute) = self.digits(at + 2, 2)
        {
            clock.minute = minute;
            next = at + 3;
            if self.sign(next, ':')
                && let Some(second) = self.digits(next + 1, 2)
            {
                clock.second = second;
                next += 2;
                if (self.sign(next, '.') || self.sign(next, ',')) && self.touches(next + 1) && self.is_number(next + 1) {
                    clock.nano = nanoseconds(self.tokens[next + 1].text.as_bytes());
                    next += 2;
                }
            }
            // "1:2:3:4" is no time.
            if self.sign(next, ':') && self.is_number(next + 1) {
                return None;
            }
        } else if self.half_of_day(at + 1).is_some() {
            next = at + 1;
        } else if self.word_at(at + 1).is_some_and(|word| matches!(word, "h" | "H" | "Uhr" | "uhr")) {
            next = at + 2;
            if let Some(minute) = self.digits(next, 2).filter(|_| self.word_at(at + 1).is_some_and(|word| word.len() == 1)) {
                clock.minute = minute;
                next += 1;
            }
        } else if dotted_here
            && self.sign(at + 1, '.')
            && self.touches(at + 2)
            && self.tokens.get(at + 2).is_some_and(|t| t.text.len() == 2)
        {
            let Some(minute) = self.digits(at + 2, 2) else { return Some(None) };
            clock.minute = minute;
            next = at + 3;
            if self.sign(next, '.')
                && self.touches(next + 1)
                && let Some(second) = self.digits(next + 1, 2)
            {
                clock.second = second;
                next += 2;
            }
        } else {
            return Some(None);
        }
        if clock.hour > 24 || clock.minute > 59 || clock.second > 60 {
            return None;
        }
        self.clock = Some(clock);
        let next = self.after_time(next)?;
        self.used = next;
        Some(Some(next))
    }

    /// `klo 12.20`, `kl. 12.20`, `at 12.20`: the word before says a time follows.
    fn names_a_time(&self, before: usize) -> bool {
        let before = if self.sign(before, '.') { before.saturating_sub(1) } else { before };
        self.word_at(before).is_some_and(|word| matches!(word, "klo" | "kello" | "kl" | "um" | "at" | "ore" | "godz" | "om"))
    }

    /// `am`, `PM`, `p.m.` at this token: which half of the day, and the index after it.
    pub(super) fn half_of_day(&self, at: usize) -> Option<(bool, usize)> {
        let word = self.word_at(at)?;
        if let Some(afternoon) = words::afternoon(word) {
            return Some((afternoon, at + 1));
        }
        let afternoon = matches!(word, "p" | "P");
        let dotted = (afternoon || matches!(word, "a" | "A")) && self.sign(at + 1, '.') && matches!(self.word_at(at + 2), Some("m" | "M"));
        dotted.then(|| (afternoon, at + 3 + usize::from(self.sign(at + 3, '.'))))
    }

    /// What may follow a time: its half of the day and its zone. `None` if the offset is impossible.
    pub(super) fn after_time(&mut self, mut at: usize) -> Option<usize> {
        if let Some((afternoon, next)) = self.half_of_day(at) {
            self.afternoon = Some(afternoon);
            at = next;
        }
        if self.word_at(at).is_some_and(|word| matches!(word, "h" | "Uhr" | "uhr")) {
            at += 1;
        }
        let mut zone_at = at;
        while [',', '(', '['].iter().any(|sign| self.sign(zone_at, *sign)) {
            zone_at += 1;
        }
        if let Some((zone, next)) = self.zone(zone_at)? {
            self.zone.get_or_insert(zone);
            return Some(next);
        }
        Some(at)
    }

    /// A zone at this token and the index after it. The outer `None`: an impossible offset.
    #[expect(clippy::option_option, reason = "no zone here and an impossible zone are different answers")]
    pub(super) fn zone(&self, at: usize) -> Option<Option<(Zone, usize)>> {
        if let Some(found) = self.numeric_zone(at)? {
            return Some(Some(found));
        }
        let Some(word) = self.word_at(at) else { return Some(None) };
        // America/New_York, Etc/GMT+2, PST8PDT
        if self.touches(at + 1) && (self.sign(at + 1, '/') || self.is_number(at + 1)) {
            let mut end = at + 1;
            while self.touches(end)
                && match self.tokens[end].kind {
                    Kind::Sign(sign) => matches!(sign, '/' | '-' | '+'),
                    Kind::Number | Kind::Word => true,
                }
            {
                end += 1;
            }
            let last = self.tokens[end - 1];
            let name = &self.text[self.tokens[at].start..last.start + last.text.len()];
            if let Ok(named) = name.parse() {
                return Some(Some((Zone::Named(named), end)));
            }
        }
        let year = self.year.and_then(|year| i32::try_from(year).ok()).unwrap_or(2000);
        let Some(zone) = words::zone(word, self.time_zone, year) else { return Some(None) };
        // GMT+2, UTC-05:00
        if zone == Zone::Fixed(0)
            && word.len() >= 2
            && let Some(found) = self.numeric_zone(at + 1)?
        {
            return Some(Some(found));
        }
        Some(Some((zone, at + 1)))
    }

    /// `+02:00`, `-0500`, `+2`.
    #[expect(clippy::option_option, reason = "no zone here and an impossible zone are different answers")]
    fn numeric_zone(&self, at: usize) -> Option<Option<(Zone, usize)>> {
        let west = self.sign(at, '-');
        if !(west || self.sign(at, '+')) || !self.touches(at + 1) || !self.is_number(at + 1) {
            return Some(None);
        }
        let value = self.digits(at + 1, 4)?;
        if self.tokens[at + 1].text.len() > 2 {
            return Some(Some((offset(west, value / 100, value % 100)?, at + 2)));
        }
        if self.sign(at + 2, ':') && self.touches(at + 2) && self.touches(at + 3) && self.is_number(at + 3) {
            return Some(Some((offset(west, value, self.digits(at + 3, 2)?)?, at + 4)));
        }
        Some(Some((offset(west, value, 0)?, at + 2)))
    }

    /// `T100000`: the time of ISO 8601's basic form. `T10:00` is left to [`Scan::number`].
    pub(super) fn compact_time(&mut self, at: usize) -> usize {
        let Some(value) = self.digits(at, 6).filter(|_| self.touches(at) && !self.sign(at + 1, ':')) else { return at };
        let (hour, minute, second) = match self.tokens[at].text.len() {
            2 => (value, 0, 0),
            4 => (value / 100, value % 100, 0),
            6 => (value / 10_000, value / 100 % 100, value % 100),
            _ => return at,
        };
        self.clock = Some(Clock { hour, minute, second, nano: 0 });
        self.after_time(at + 1).unwrap_or(at + 1)
    }
}
