//! How politely a source was asked, from the log of its polls. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use super::poll::{Asked, PollLine};

/// A 429 and what followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limited {
    /// When it came.
    pub at: DateTime<Utc>,
    /// Until when the server wanted no request.
    pub until: Option<DateTime<Utc>>,
    /// When the next request went out.
    pub next_at: Option<DateTime<Utc>>,
    /// What it was answered with.
    pub next_status: Option<u16>,
}

/// A source's requests in a span of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manners {
    /// Requests.
    pub requests: usize,
    /// Those that carried validators.
    pub conditional: usize,
    /// Those that did not although the server had given some: the first one, renewals, new addresses, and on demand.
    pub unconditional: usize,
    /// Those to which the server never gave a validator to send.
    pub without_validators: usize,
    /// Answers of 304.
    pub not_modified: usize,
    /// The shortest time between two requests.
    pub smallest_gap: Option<TimeDelta>,
    /// Bytes of bodies as they came.
    pub bytes: u64,
    /// Requests before the time that an earlier answer named.
    pub inside_retry_after: usize,
    /// Answers of 429.
    pub limited: Vec<Limited>,
}

/// Judges the polls of one source, oldest first.
#[must_use]
pub fn manners(lines: &[PollLine]) -> Manners {
    let lines: Vec<&PollLine> = lines.iter().filter(|line| line.asked != Asked::Twin).collect();
    let mut manners = Manners { requests: lines.len(), ..Manners::default() };
    let mut closed_until: Option<DateTime<Utc>> = None;
    for (n, line) in lines.iter().copied().enumerate() {
        let next = lines.get(n + 1);
        match line.asked {
            Asked::Conditional => manners.conditional += 1,
            Asked::NoValidators => manners.without_validators += 1,
            Asked::First | Asked::Renewal | Asked::FromZero | Asked::NewAddress => manners.unconditional += 1,
            Asked::Twin => {}
        }
        manners.not_modified += usize::from(line.status == Some(304));
        manners.bytes = manners.bytes.saturating_add(line.bytes);
        manners.inside_retry_after += usize::from(closed_until.is_some_and(|until| line.at < until));
        closed_until = line.retry_not_before.or(closed_until);
        if let Some(next) = next {
            let gap = next.at.signed_duration_since(line.at);
            manners.smallest_gap = Some(manners.smallest_gap.map_or(gap, |smallest| smallest.min(gap)));
        }
        if line.status == Some(429) {
            let (next_at, next_status) = (next.map(|next| next.at), next.and_then(|next| next.status));
            manners.limited.push(Limited { at: line.at, until: line.retry_not_before, next_at, next_status });
        }
    }
    manners
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::poll::Outcome;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap() + TimeDelta::minutes(minute)
    }

    fn line(minute: i64, asked: Asked, status: u16, until_minute: Option<i64>) -> PollLine {
        PollLine {
            at: at(minute),
            outcome: Outcome::Unchanged,
            status: Some(status),
            asked,
            bytes: 10,
            retry_not_before: until_minute.map(at),
            class: None,
            why: None,
            new: 0,
            changed: 0,
        }
    }

    #[test]
    fn requests_are_counted_by_what_they_carried_and_what_came() {
        let lines = [
            line(0, Asked::First, 200, None),
            line(60, Asked::Conditional, 304, None),
            line(120, Asked::Conditional, 429, Some(180)),
            line(180, Asked::Conditional, 304, None),
            line(235, Asked::Renewal, 200, None),
            line(300, Asked::NoValidators, 200, None),
            // No request of its own.
            line(301, Asked::Twin, 200, None),
        ];
        let limited = Limited { at: at(120), until: Some(at(180)), next_at: Some(at(180)), next_status: Some(304) };
        let expected = Manners {
            requests: 6,
            conditional: 3,
            unconditional: 2,
            without_validators: 1,
            not_modified: 2,
            smallest_gap: Some(TimeDelta::minutes(55)),
            bytes: 60,
            inside_retry_after: 0,
            limited: vec![limited],
        };
        assert_eq!(manners(&lines), expected);
        assert_eq!(manners(&[]), Manners::default());
    }

    #[test]
    fn a_request_before_the_named_time_is_told() {
        let lines = [line(0, Asked::First, 503, Some(100)), line(50, Asked::First, 500, None), line(99, Asked::First, 200, None)];
        assert_eq!(manners(&lines).inside_retry_after, 2);
    }
}
