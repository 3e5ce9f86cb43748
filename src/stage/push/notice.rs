//! What somebody was told of a feed of ours, and when to try again.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// Waits between tries, in seconds; the last one repeats.
const WAITS_S: [i64; 7] = [5, 15, 60, 300, 900, 1_800, 3_600];

/// After failing for this long nobody is tried again until the feed changes anew.
const PATIENCE: TimeDelta = TimeDelta::days(1);

/// The longest wait that who is told can ask for by `Retry-After`.
const ASKED_WAIT_MAX: TimeDelta = TimeDelta::hours(6);

/// What one of those whom we tell of a feed was told last. Whoever missed several versions is told of the newest only; nothing is
/// forgotten before it was told, so a version may be told twice, after a kill, but never not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notice {
    /// The version (a hash of the feed's bytes) that was told last.
    pub told: Option<String>,
    /// When.
    pub told_at: Option<DateTime<Utc>>,
    /// The version that telling failed of last.
    pub tried: Option<String>,
    /// Failures in a row.
    pub failures: u32,
    /// When that row began.
    pub failing_since: Option<DateTime<Utc>>,
    /// Why the last try failed.
    pub why: Option<String>,
    /// When to tell next; `None` if there is nothing to tell.
    pub due: Option<DateTime<Utc>>,
}

impl Notice {
    /// One for somebody who knows this version.
    #[must_use]
    pub fn knowing(version: String) -> Self {
        Self { told: Some(version), ..Self::default() }
    }

    /// The feed now has this version. Returns whether there is something to store.
    pub fn see(&mut self, version: &str, now: DateTime<Utc>) -> bool {
        let before = self.due;
        if self.told.as_deref() == Some(version) {
            // It went back to what was told.
            self.due = None;
        } else if self.due.is_none() && self.tried.as_deref() != Some(version) {
            self.due = Some(now);
        }
        self.due != before
    }

    /// This version was told.
    pub fn done(&mut self, version: String, now: DateTime<Utc>) {
        *self = Self { told: Some(version), told_at: Some(now), ..Self::default() };
    }

    /// Telling this version failed; the other side may have named a time before which it wants no more.
    pub fn failed(&mut self, version: String, why: String, not_before: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        let wait_s = WAITS_S.get(usize::try_from(self.failures).unwrap_or(usize::MAX)).or(WAITS_S.last()).copied().unwrap_or(3_600);
        let since = *self.failing_since.get_or_insert(now);
        self.failures = self.failures.saturating_add(1);
        self.why = Some(why);
        self.tried = Some(version);
        let next = now + TimeDelta::seconds(wait_s);
        let next = not_before.map_or(next, |asked| next.max(asked.min(now + ASKED_WAIT_MAX)));
        self.due = (now - since < PATIENCE).then_some(next);
    }

    /// There is nothing to tell: the feed is gone.
    pub fn nothing(&mut self) {
        self.due = None;
    }
}

/// A feed of ours at a configured hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// The hub's address.
    pub hub: String,
    /// The feed's path below the site's address.
    pub topic: String,
    /// What the hub was told.
    pub notice: Notice,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn a_version_is_told_once_and_the_newest_stands_for_all() {
        let mut notice = Notice::knowing("a".into());
        assert!(!notice.see("a", at(0)));
        assert!(notice.see("b", at(1)));
        assert!(!notice.see("c", at(2)), "it is due already");
        assert_eq!(notice.due, Some(at(1)));
        notice.done("c".into(), at(3));
        assert_eq!((notice.due, notice.told.as_deref()), (None, Some("c")));
        assert!(!notice.see("c", at(4)));
        assert!(notice.see("d", at(5)) && notice.see("c", at(6)), "it went back before it was told");
        assert_eq!(notice.due, None);
    }

    #[test]
    fn retries_back_off_for_a_day_and_a_new_version_is_one_try() {
        let (mut notice, mut now, mut tries) = (Notice::default(), at(0), 0);
        assert!(notice.see("a", now));
        while let Some(due) = notice.due {
            assert!(due >= now && due - now <= TimeDelta::hours(1));
            now = due;
            tries += 1;
            notice.failed("a".into(), "no".into(), None, now);
        }
        assert!((TimeDelta::days(1)..TimeDelta::hours(26)).contains(&(now - at(0))), "{}", now - at(0));
        assert!((25..=35).contains(&tries), "{tries}");
        assert!(!notice.see("a", now), "it was given up");
        assert!(notice.see("b", now));
        notice.failed("b".into(), "no".into(), None, now);
        assert_eq!(notice.due, None);
        assert!(notice.see("c", now));
        notice.done("c".into(), now);
        assert_eq!(notice, Notice { told: Some("c".into()), told_at: Some(now), ..Notice::default() });
    }

    #[test]
    fn a_wait_that_was_asked_for_is_kept_within_reason() {
        for (asked, wait) in [(at(1), 5), (at(60), 60), (at(86_400), 6 * 3_600)] {
            let mut notice = Notice::default();
            notice.failed("a".into(), "no".into(), Some(asked), at(0));
            assert_eq!(notice.due, Some(at(wait)));
        }
    }
}
