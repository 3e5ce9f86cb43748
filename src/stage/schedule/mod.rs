//! When a source is next due.
//!
//! [`Schedule`] is what the configuration says; [`next_attempt`] adds what the publisher and the last attempts say. Hints and failures only
//! ever slow a source down.

mod cron;
mod duration;
mod pace;
mod rhythm;

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use thiserror::Error;

use self::cron::Cron;
pub use self::duration::duration;
pub use self::pace::{History, NextAttempt, ignored, next_attempt, seed, shortly, spread};
pub use self::rhythm::{posted, rhythm};

/// Why a schedule or a length of time cannot be used. The fragments follow the place that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ScheduleError {
    /// Nothing is written.
    #[error("it is empty")]
    Empty,
    /// Not a length of time.
    #[error("{text:?}: {why}")]
    Duration {
        /// The text.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// An interval that is no wait, or longer than a year.
    #[error("{text:?}: an interval is longer than 0s and at most 366d")]
    Interval {
        /// The text.
        text: String,
    },
    /// Neither an interval nor the right number of cron fields.
    #[error(
        "{text:?} has {count} fields: write an interval such as 30m or 1h30m, or cron's five fields (minute, hour, day of month, month, \
         day of week), or six with the second first"
    )]
    Fields {
        /// The text.
        text: String,
        /// How many fields it has.
        count: usize,
    },
    /// An `@` name that is none.
    #[error("{text:?}: the names are @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually")]
    Nickname {
        /// The text.
        text: String,
    },
    /// One field cannot be read.
    #[error("the {field} field {text:?}: {why}")]
    Field {
        /// Which field.
        field: &'static str,
        /// The field as written.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// All fields are right and no day is: 31 February.
    #[error("{text:?} never comes: no month in it has such a day")]
    Never {
        /// The text.
        text: String,
    },
}

/// When a source is polled, as configured. Displayed as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    text: String,
    rule: Rule,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Every(Duration),
    /// Boxed: its day rules are several hundred bytes, and most sources have an interval.
    Cron(Box<Cron>),
    /// By the source's own posting rhythm.
    Adaptive,
}

impl Schedule {
    /// Reads an interval (`30m`, `1h30m`, `1d`), a cron expression, or `adaptive`: by the source's own [`rhythm`].
    ///
    /// Cron expressions are those of cron(8): minute, hour, day of month, month and day of week, or six fields with the second first; lists,
    /// ranges, steps, English names, 0 and 7 both Sunday, and `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly`,
    /// `@annually`. Ranges may wrap round (`22-2`, `FRI-MON`). `5/15` means from 5 to the end in steps of 15. If both day of month and
    /// day of week are restricted (do not begin with `*`), either suffices. Times are those of `time_zone`; see [`Schedule::next`].
    ///
    /// # Errors
    ///
    /// A [`ScheduleError`] that says which field is wrong and why, or that no such day exists.
    pub fn parse(text: &str, time_zone: Tz) -> Result<Self, ScheduleError> {
        let written = text.trim();
        if written.is_empty() {
            return Err(ScheduleError::Empty);
        }
        let rule = if written == "adaptive" {
            Rule::Adaptive
        } else if written.starts_with('@') || written.contains(char::is_whitespace) || written.contains('*') {
            Rule::Cron(Box::new(Cron::parse(written, time_zone)?))
        } else {
            let interval = duration(written)?;
            if interval.is_zero() || interval > Duration::from_secs(366 * 86_400) {
                return Err(ScheduleError::Interval { text: written.to_owned() });
            }
            Rule::Every(interval)
        };
        Ok(Self { text: text.to_owned(), rule })
    }

    /// The first due instant strictly after `after`, or `after` plus the interval. `None` only at the end of the calendar (2100 for cron).
    ///
    /// Where clocks go forward, times that they skip become the first instant after the gap, once; where they go back, a time of a fixed
    /// hour comes once, the first time. Expressions for every hour (`*`, `*/2`, `0-23`) follow the clock instead: they leave out the
    /// skipped hour and run through the repeated one twice.
    #[must_use]
    pub fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match &self.rule {
            Rule::Every(interval) => after.checked_add_signed(TimeDelta::from_std(*interval).ok()?),
            Rule::Cron(cron) => cron.next(after),
            Rule::Adaptive => after.checked_add_signed(TimeDelta::from_std(rhythm(&[], after)).ok()?),
        }
    }

    /// Whether the source's own rhythm decides: then only the floor bounds the gaps.
    #[must_use]
    pub fn is_adaptive(&self) -> bool {
        self.rule == Rule::Adaptive
    }

    /// The shortest gap between two polls, by a clock that is never changed; zero for an adaptive schedule.
    #[must_use]
    pub fn shortest_gap(&self) -> Duration {
        match &self.rule {
            Rule::Every(interval) => *interval,
            Rule::Cron(cron) => cron.shortest_gap(),
            Rule::Adaptive => Duration::ZERO,
        }
    }

    /// The first due instant that is not before `earliest`: `earliest` itself for an interval.
    fn at_or_after(&self, earliest: DateTime<Utc>) -> DateTime<Utc> {
        match &self.rule {
            Rule::Every(_) | Rule::Adaptive => earliest,
            Rule::Cron(cron) => {
                earliest.checked_sub_signed(TimeDelta::nanoseconds(1)).and_then(|before| cron.next(before)).unwrap_or(earliest)
            }
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
