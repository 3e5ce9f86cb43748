//! When an article's page is tried again, and when not any more.

use chrono::{DateTime, TimeDelta, Utc};

/// Waits after each try that failed, in hours. After the last there is no further try.
const WAITS_H: [i64; 5] = [1, 6, 24, 72, 168];

/// The time of the next try after `tries` failed ones, not before `not_before`; `None` if it is given up.
#[must_use]
pub fn next(now: DateTime<Utc>, tries: u32, not_before: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    let wait = WAITS_H.get(usize::try_from(tries).ok()?.checked_sub(1)?)?;
    let next = now + TimeDelta::hours(*wait);
    // No host may put a page off for ever.
    Some(not_before.map_or(next, |other| next.max(other.min(now + TimeDelta::days(30)))))
}

/// Whether a status says that trying again is no use: gone for good, or withheld for legal reasons.
#[must_use]
pub fn is_final(status: u16) -> bool {
    matches!(status, 410 | 451)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_get_rarer_and_end() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let hours = |tries| next(now, tries, None).map(|at| (at - now).num_hours());
        assert_eq!((1..=6).map(hours).collect::<Vec<_>>(), [Some(1), Some(6), Some(24), Some(72), Some(168), None]);
        assert_eq!(hours(0), None);
        let later = now + TimeDelta::hours(9);
        assert_eq!(next(now, 1, Some(later)), Some(later));
        assert_eq!(next(now, 1, Some(now)), Some(now + TimeDelta::hours(1)));
        assert_eq!(next(now, 1, Some(now + TimeDelta::days(9_000))), Some(now + TimeDelta::days(30)));
    }
}
