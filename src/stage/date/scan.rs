//! Reads the date forms of people: words and numbers in any order that still tells day, month and year apart.

use chrono::{Datelike, NaiveDate, Weekday};
use chrono_tz::Tz;

use super::token::{Kind, Token, tokens};
use super::{Clock, Written, Zone, full_year, words};

/// Most words that may stand before a date (`Published by the office on 6 March 2018`); more make it prose that happens to hold a date.
const STRAY_WORDS_MAX: usize = 8;

/// Reads a date with words or separators in it. A day or time that cannot exist makes the whole unreadable.
pub(super) fn scan(text: &str, time_zone: Tz, language: Option<&str>) -> Option<Written> {
    Scan::run(text, time_zone, language)?.finish()
}

/// What has been found so far.
pub(super) struct Scan<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: Vec<Token<'a>>,
    pub(super) time_zone: Tz,
    month_first: bool,
    /// Whether `03-12-31` starts with the year: unless the language is one that writes days first.
    iso_hyphens: bool,
    pub(super) year: Option<u32>,
    pub(super) month: Option<u32>,
    pub(super) day: Option<u32>,
    weekday: Option<Weekday>,
    /// Three numbers of which the order is not known: the first two may be day and month or month and day.
    ambiguous: bool,
    pub(super) clock: Option<Clock>,
    pub(super) afternoon: Option<bool>,
    pub(super) zone: Option<Zone>,
    /// Words without a meaning before the date was complete.
    pub(super) stray_words: usize,
    /// Numbers without a meaning before the date was complete.
    pub(super) stray_numbers: usize,
    /// Tokens before this one have been used.
    pub(super) used: usize,
}

impl<'a> Scan<'a> {
    /// Finds what there is; `None` if a part of it cannot exist.
    pub(super) fn run(text: &'a str, time_zone: Tz, language: Option<&str>) -> Option<Self> {
        let month_first = language.is_some_and(|tag| ["en", "en-US", "en_US"].iter().any(|english| tag.eq_ignore_ascii_case(english)));
        let mut scan = Self {
            text,
            tokens: tokens(text),
            time_zone,
            month_first,
            iso_hyphens: month_first || language.is_none(),
            year: None,
            month: None,
            day: None,
            weekday: None,
            ambiguous: false,
            clock: None,
            afternoon: None,
            zone: None,
            stray_words: 0,
            stray_numbers: 0,
            used: 0,
        };
        let mut at = 0;
        while at < scan.tokens.len() {
            let next = match scan.tokens[at].kind {
                Kind::Number => scan.number(at)?,
                Kind::Word => scan.word(at),
                Kind::Sign(_) => at + 1,
            };
            // Every step uses at least the token it stands on.
            at = next.max(at + 1);
        }
        Some(scan)
    }

    fn finish(self) -> Option<Written> {
        if self.stray_words > STRAY_WORDS_MAX {
            return None;
        }
        let (year, month) = (self.year?, self.month?);
        let day = match self.day {
            Some(day) => day,
            // A month alone is a date only if nothing else is said: "May 2024" is, "500 posts in May 2024" is not.
            None if self.stray_words == 0 && self.stray_numbers == 0 => 1,
            None => return None,
        };
        let year = i32::try_from(year).ok()?;
        let (month, day) = self.ordered(year, month, day);
        Some(Written { year, month, day, clock: self.clock(), zone: self.zone })
    }

    /// Swaps month and day of an all-number date if only that exists, or only that is the weekday that was named.
    fn ordered(&self, year: i32, month: u32, day: u32) -> (u32, u32) {
        if !self.ambiguous {
            return (month, day);
        }
        let weekday = |month, day| NaiveDate::from_ymd_opt(year, month, day).map(|date| date.weekday());
        match (weekday(month, day), weekday(day, month)) {
            (None, Some(_)) => (day, month),
            (Some(as_is), Some(swapped)) if self.weekday == Some(swapped) && as_is != swapped => (day, month),
            _ => (month, day),
        }
    }

    pub(super) fn complete(&self) -> bool {
        self.year.is_some() && self.month.is_some() && self.day.is_some()
    }

    fn dateless(&self) -> bool {
        self.year.is_none() && self.month.is_none() && self.day.is_none()
    }

    pub(super) fn sign(&self, at: usize, wanted: char) -> bool {
        self.tokens.get(at).is_some_and(|token| token.kind == Kind::Sign(wanted))
    }

    /// A number of so many digits at most.
    pub(super) fn digits(&self, at: usize, most: usize) -> Option<u32> {
        self.tokens.get(at).filter(|token| token.text.len() <= most)?.value()
    }

    pub(super) fn touches(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| !token.spaced)
    }

    pub(super) fn word_at(&self, at: usize) -> Option<&'a str> {
        self.tokens.get(at).filter(|token| token.kind == Kind::Word).map(|token| token.text)
    }

    /// Reads at a number; returns the next token's index, or `None` if the text is no date.
    fn number(&mut self, at: usize) -> Option<usize> {
        let token = self.tokens[at];
        let Some(value) = token.value() else {
            self.stray_numbers += usize::from(!self.complete());
            return Some(at + 1);
        };
        if let Some(next) = self.counter(at, value) {
            return Some(next);
        }
        if self.clock.is_none()
            && let Some(next) = self.time(at, value)?
        {
            return Some(next);
        }
        if self.dateless()
            && let Some(next) = self.triple(at)
        {
            return Some(next);
        }
        if self.dateless() && token.text.len() == 8 {
            (self.year, self.month, self.day) = (Some(value / 10_000), Some(value / 100 % 100), Some(value % 100));
            return Some(self.after_date(at + 1));
        }
        if self.month.is_some() && self.year.is_none() && token.text.len() == 4 {
            self.year = Some(value);
            return Some(self.after_date(at + 1));
        }
        self.stray_numbers += usize::from(!self.complete());
        Some(at + 1)
    }

    /// `2024년 1월 1일`, `2024年1月1日 10時30分`: the word after a number says what it counts.
    fn counter(&mut self, at: usize, value: u32) -> Option<usize> {
        let slot = match self.word_at(at + 1)?.chars().next()? {
            '년' | '年' => &mut self.year,
            '월' | '月' => &mut self.month,
            '일' | '日' => &mut self.day,
            '시' | '時' | '时' | '点' => {
                self.clock.get_or_insert_default().hour = value;
                return Some(at + 2);
            }
            '분' | '分' => {
                self.clock.get_or_insert_default().minute = value;
                return Some(at + 2);
            }
            '초' | '秒' => {
                self.clock.get_or_insert_default().second = value;
                return Some(at + 2);
            }
            _ => return None,
        };
        slot.get_or_insert(value);
        self.used = at + 2;
        Some(at + 2)
    }

    pub(super) fn is_number(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| token.kind == Kind::Number)
    }

    /// What may follow a date: a zone in capitals. More would take words for zones.
    fn after_date(&mut self, at: usize) -> usize {
        self.used = at;
        if self.complete()
            && self.clock.is_none()
            && self.word_at(at).is_some_and(|word| word.len() >= 3 && word.bytes().all(|b| b.is_ascii_uppercase()))
            && let Some(Some((zone, next))) = self.zone(at)
        {
            self.zone.get_or_insert(zone);
            return next;
        }
        at
    }

    /// `15.1.2024`, `2024/01/15`, `01/15/24`.
    fn triple(&mut self, at: usize) -> Option<usize> {
        let separator = match self.tokens.get(at + 1)?.kind {
            Kind::Sign(sign @ ('.' | '/' | '-')) => sign,
            _ => return None,
        };
        if !self.sign(at + 3, separator) {
            return None;
        }
        let gaps = [at + 1, at + 2, at + 3, at + 4].iter().all(|at| self.touches(*at));
        // "15. 1. 2024" is one date, "1 - 2 - 2024" is not.
        if !gaps && separator != '.' {
            return None;
        }
        let [first, second, third] = [self.digits(at, 4)?, self.digits(at + 2, 2)?, self.digits(at + 4, 4)?];
        let [first_digits, third_digits] = [at, at + 4].map(|at| self.tokens[at].text.len());
        let year_first = match (first_digits, third_digits) {
            (4, 1 | 2) => true,
            (1 | 2, 4) => false,
            // ISO 8601's first edition has 03-12-31; languages that write the day first do so with hyphens too.
            (1 | 2, 2) => first > 31 || (separator == '-' && second <= 12 && third <= 31 && self.iso_hyphens),
            _ => return None,
        };
        let year = |value: u32, digits: usize| Some(if digits == 2 { full_year(value) } else { value });
        if year_first {
            (self.year, self.month, self.day) = (year(first, first_digits), Some(second), Some(third));
        } else {
            self.ambiguous = separator != '.';
            let month_first = self.ambiguous && self.month_first;
            let (day, month) = if month_first { (second, first) } else { (first, second) };
            (self.year, self.month, self.day) = (year(third, third_digits), Some(month), Some(day));
        }
        Some(self.after_date(at + 5))
    }

    fn word(&mut self, at: usize) -> usize {
        let word = self.tokens[at].text;
        if self.complete() {
            if let Some(afternoon) = words::afternoon(word) {
                self.afternoon.get_or_insert(afternoon);
            } else if matches!(word, "T" | "t") && self.clock.is_none() {
                return self.compact_time(at + 1);
            }
            return at + 1;
        }
        if self.month.is_none()
            && let Some(month) = words::month(word)
            && !self.weekday_abbreviation(at, word)
        {
            return self.named_month(at, month);
        }
        if let Some(weekday) = words::weekday(word) {
            self.weekday.get_or_insert(weekday);
            return at + 1;
        }
        if let Some(afternoon) = words::afternoon(word) {
            self.afternoon.get_or_insert(afternoon);
            return at + 1;
        }
        self.stray_words += usize::from(!matches!(word, "st" | "nd" | "rd" | "th" | "er" | "de" | "of"));
        at + 1
    }

    /// "mar." is Tuesday in French, Spanish and Italian if the month's name is still to come.
    fn weekday_abbreviation(&self, at: usize, word: &str) -> bool {
        word.eq_ignore_ascii_case("mar") && (at + 1..at + 6).any(|next| self.word_at(next).is_some_and(|word| words::month(word).is_some()))
    }

    /// Reads the day and the year around a month's name. A name that has neither is a person's: `May Smith`.
    fn named_month(&mut self, at: usize, month: u32) -> usize {
        let before = self.back_over_fillers(at).and_then(|index| self.tokens.get(index));
        let before = before.and_then(|token| Some((token.value()?, token.text.len())));
        let mut end = at + 1;
        let after_at = self.over_fillers(end);
        let after = self.date_number(after_at);
        match (before, after) {
            (Some((year, 4)), Some((day, 1 | 2))) => {
                (self.year, self.day) = (Some(year), Some(day));
                end = after_at + 1;
            }
            (day, Some((year, 4))) => {
                self.year = Some(year);
                self.day = day.filter(|(_, digits)| *digits <= 2).map(|(day, _)| day);
                end = after_at + 1;
            }
            (before, Some((number, 1..=3))) => {
                let year_at = self.over_fillers(after_at + 1);
                let year = self.date_number(year_at);
                let short_year = year_at.checked_sub(1).is_some_and(|sign| [',', '\'', '’'].iter().any(|wanted| self.sign(sign, *wanted)));
                match (before, year) {
                    (_, Some((year, 4))) if number <= 31 => {
                        (self.day, self.year) = (Some(number), Some(year));
                        end = year_at + 1;
                    }
                    (Some((day, 1 | 2)), _) => {
                        (self.day, self.year) = (Some(day), Some(full_year(number)));
                        end = after_at + 1;
                    }
                    (_, Some((year, 2))) if short_year => {
                        (self.day, self.year) = (Some(number), Some(full_year(year)));
                        end = year_at + 1;
                    }
                    _ => {
                        self.day = Some(number);
                        end = after_at + 1;
                    }
                }
            }
            (Some((day, 1 | 2)), _) => self.day = Some(day),
            _ => {}
        }
        if self.day.is_none() && self.year.is_none() {
            self.stray_words += 1;
            return at + 1;
        }
        self.month = Some(month);
        if before.is_some() {
            self.stray_numbers = self.stray_numbers.saturating_sub(1);
        }
        self.after_date(end)
    }

    fn is_filler(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| match token.kind {
            Kind::Sign(sign) => matches!(sign, '.' | ',' | '-' | '/' | '\'' | '’' | 'º' | '°'),
            Kind::Word => matches!(token.text, "de" | "del" | "of" | "st" | "nd" | "rd" | "th" | "er" | "º" | "ª" | "den" | "the"),
            Kind::Number => false,
        })
    }

    fn over_fillers(&self, mut at: usize) -> usize {
        while self.is_filler(at) {
            at += 1;
        }
        at
    }

    /// The number before this token that nothing has used yet.
    fn back_over_fillers(&self, mut at: usize) -> Option<usize> {
        while at > self.used {
            at -= 1;
            if !self.is_filler(at) {
                return self.is_number(at).then_some(at);
            }
        }
        None
    }

    /// The value and digits of a number that does not begin a time.
    fn date_number(&self, at: usize) -> Option<(u32, usize)> {
        let value = self.tokens.get(at)?.value()?;
        let dotted = self.sign(at + 1, '.') && self.touches(at + 1) && self.touches(at + 2) && self.is_number(at + 2);
        let begins_time = (self.sign(at + 1, ':') && self.is_number(at + 2))
            || dotted
            || self.half_of_day(at + 1).is_some()
            || self.word_at(at + 1).is_some_and(|word| matches!(word, "h" | "H" | "Uhr" | "uhr"));
        (!begins_time).then_some((value, self.tokens[at].text.len()))
    }

    /// Month and day of a text that is nothing but two numbers: `16.3.`, `3/16`.
    pub(super) fn two_numbers(&self) -> Option<(u32, u32)> {
        let separator = match self.tokens.get(1)?.kind {
            Kind::Sign(sign @ ('.' | '/')) => sign,
            _ => return None,
        };
        let alone = match separator {
            '.' => self.tokens.len() == 4 && self.sign(3, '.'),
            _ => self.tokens.len() == 3,
        };
        let (first, second) = (self.digits(0, 2)?, self.digits(2, 2)?);
        let month_first = separator == '/' && self.month_first;
        let (month, day) = if month_first { (first, second) } else { (second, first) };
        let swapped = separator == '/' && month > 12 && day <= 12;
        alone.then_some(if swapped { (day, month) } else { (month, day) })
    }
}
