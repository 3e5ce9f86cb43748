//! A source's own posting rhythm (FRB023).

use std::time::Duration;

use chrono::{DateTime, Utc};

/// Posts that the rhythm is taken from.
const POSTS_MAX: usize = 30;

/// Posts closer together than this are one: a batch says nothing of when the next comes.
const BATCH_S: i64 = 15 * 60;

/// Interval of a source that shows no rhythm yet.
const UNKNOWN: Duration = Duration::from_secs(3600);

/// Longest interval: a source that was silent for years may speak tomorrow.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Polls for each gap between two posts: half of it is how long a post waits at most, in the usual case.
const POLLS_A_GAP: u64 = 2;

/// A silence of more than this many gaps is a slower rhythm; from then on, polls come at this part of the silence.
const SILENT_GAPS: u64 = 4;
const SILENCE_PART: u64 = 8;

/// The interval at which to poll a source whose newest posts were at these times (seconds since 1970, oldest first; the newest
/// thirty are looked at): half the median gap between two posts, longer after an unusual silence, at most a day. The caller's floor bounds
/// it from below. An hour where there are fewer than three posts to go by.
#[must_use]
pub fn rhythm(posted_s: &[i64], now: DateTime<Utc>) -> Duration {
    let newest = posted_s.get(posted_s.len().saturating_sub(POSTS_MAX)..).unwrap_or_default();
    let mut gaps = Vec::new();
    let mut last: Option<i64> = None;
    for at in newest {
        match last {
            Some(last) if at.saturating_sub(last) < BATCH_S => continue,
            Some(last) => gaps.push(at.saturating_sub(last).unsigned_abs()),
            None => {}
        }
        last = Some(*at);
    }
    gaps.sort_unstable();
    let (Some(median), Some(last)) = (gaps.get(gaps.len() / 2), newest.last()) else { return UNKNOWN };
    if gaps.len() < 2 {
        return UNKNOWN;
    }
    let silence = u64::try_from(now.timestamp().saturating_sub(*last)).unwrap_or(0);
    let usual = median / POLLS_A_GAP;
    let interval = if silence > median.saturating_mul(SILENT_GAPS) { usual.max(silence / SILENCE_PART) } else { usual };
    Duration::from_secs(interval).min(LONGEST)
}

/// The newest thirty of the times known and the times of a document, oldest first. Times outside 1990 to a day after `now` are
/// faults or plans, and left out.
#[must_use]
pub fn posted(known_s: &[i64], listed: impl IntoIterator<Item = DateTime<Utc>>, now: DateTime<Utc>) -> Vec<i64> {
    let sane = 631_152_000..=now.timestamp().saturating_add(86_400);
    let mut all: Vec<i64> =
        known_s.iter().copied().chain(listed.into_iter().map(|at| at.timestamp())).filter(|s| sane.contains(s)).collect();
    all.sort_unstable();
    all.dedup();
    all.split_off(all.len().saturating_sub(POSTS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: i64 = 1_700_000_000;

    fn interval_min(ages_h: &[f64]) -> u64 {
        let now = DateTime::from_timestamp(NOW_S, 0).unwrap();
        let times = ages_h.iter().map(|h| DateTime::from_timestamp(NOW_S - (h * 3600.0) as i64, 0).unwrap());
        rhythm(&posted(&[], times, now), now).as_secs() / 60
    }

    #[test]
    fn the_interval_is_half_the_usual_gap_and_grows_with_silence() {
        for (ages_h, minutes) in [
            (vec![], 60),
            (vec![1.0, 2.0], 60),
            (vec![1.0, 2.0, 3.0, 4.0], 30),
            (vec![0.5, 24.5, 48.5, 72.5], 720),
            // Batches of three at one time, once a day.
            (vec![1.0, 1.01, 1.02, 25.0, 25.01, 25.02, 49.0, 49.01, 49.02], 720),
            // Hourly until two days ago.
            (vec![48.0, 49.0, 50.0, 51.0], 360),
            // Years ago.
            (vec![20_000.0, 20_001.0, 20_002.0], 1_440),
            // In the future, and before there were feeds.
            (vec![-400.0, 400_000.0, 1.0, 2.0, 3.0, 4.0], 30),
        ] {
            assert_eq!(interval_min(&ages_h), minutes, "{ages_h:?}");
        }
    }

    #[test]
    fn the_times_known_are_bounded_and_do_not_depend_on_what_is_still_listed() {
        let now = DateTime::from_timestamp(NOW_S, 0).unwrap();
        let at = |n: i64| DateTime::from_timestamp(NOW_S - n * 3600, 0).unwrap();
        let known = posted(&[], (10..100).map(at), now);
        assert_eq!(known.len(), POSTS_MAX);
        let merged = posted(&known, (0..3).map(at), now);
        assert_eq!((merged.len(), merged.last()), (POSTS_MAX, Some(&NOW_S)));
        assert!(merged.contains(&(NOW_S - 10 * 3600)));
    }
}
