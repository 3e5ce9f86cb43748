//! WebSub (W3C Recommendation, 23 January 2018): being told of changes at once, and telling others.
//!
//! Pure. A [`Subscription`] is ours at the hub that a source names, a [`Follower`] is somebody's at our own hub, a [`Notice`] is what
//! one of those whom we tell of our feeds was told last. Each says what is to be done next and when; the program does it, notes the
//! result in it and stores it, so that a process that is killed at any moment goes on where it was.
//!
//! Whatever comes in by a push is a hint to fetch the source and nothing more (acceptance S35): its bytes are never read as a feed.

mod follower;
mod notice;
mod offer;
mod signature;
mod subscription;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

pub(crate) use self::follower::Task;
pub use self::follower::{Census, Follower, HubRequest, Lease, Mode, Refusal, Wish, hub_request};
pub use self::notice::{Announcement, Notice};
pub use self::offer::{Offer, offer};
pub use self::signature::{Key, Signed, check, sign};
pub use self::subscription::{Phase, Step, Subscription, verification_form};

/// The shortest and the longest lease, in seconds, whoever names it (acceptance S35): shorter ones would mean a storm of renewals,
/// longer ones a subscription that nobody knows of any more.
pub const LEASE_S: (u64, u64) = (3_600, 15 * 86_400);

/// The lease that is asked for and given where none is named: ten days, as the recommendation advises (section 5.1).
pub const LEASE_DEFAULT_S: u64 = 10 * 86_400;

/// A `hub.secret` is shorter than this, in bytes (section 5.1).
pub const SECRET_MAX_BYTES: usize = 200;

/// Longest address of a hub, topic or callback, in bytes.
const ADDRESS_MAX_BYTES: usize = 2_048;

/// The least pause between a poll and one that a push asks for, where the source's floor is not shorter.
const PUSH_GAP: Duration = Duration::from_secs(15);

/// The longest such pause, at a source that keeps failing.
const PUSH_GAP_MAX: Duration = Duration::from_secs(3_600);

/// How often a source is polled anyway while its hub proves itself.
const SLOW: TimeDelta = TimeDelta::hours(6);

/// A lease within [`LEASE_S`].
fn clamped(lease_s: u64) -> TimeDelta {
    TimeDelta::seconds(lease_s.clamp(LEASE_S.0, LEASE_S.1).cast_signed())
}

/// When a source whose hub pushed at `pushed` is polled: at once, but not within a short gap of the last poll, so that a hub that
/// repeats itself, or somebody who repeats its pushes, makes no storm. The gap doubles with each failure in a row; a wait that the
/// server itself asked for is [`crate::stage::poll::plan`]'s to keep.
#[must_use]
pub fn poll_at(pushed: DateTime<Utc>, polled_at: Option<DateTime<Utc>>, failures: u32, floor: Duration) -> DateTime<Utc> {
    let gap = PUSH_GAP.min(floor).saturating_mul(1 << failures.min(10)).min(PUSH_GAP_MAX);
    // A poll that lies in the future was noted by a clock that was wrong.
    let last = polled_at.filter(|at| *at <= pushed + TimeDelta::hours(1));
    last.map_or(pushed, |last| pushed.max(last + gap))
}

/// When a source that was polled at `polled` is polled next without a push, instead of at `due`: rarely while its hub's lease stands
/// and pushes have come, for those bring what is new. `None` to leave it as it is.
#[must_use]
pub fn slowed(subscription: &Subscription, due: DateTime<Utc>, polled: DateTime<Utc>) -> Option<(DateTime<Utc>, String)> {
    let until = subscription.lease_until.filter(|_| subscription.stands(polled) && subscription.proven)?;
    let slow = (polled + SLOW).min(until);
    (slow > due).then(|| (slow, "its hub tells of changes; asked every 6h besides".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn a_push_is_followed_at_once_but_never_twice_within_the_gap() {
        let hour = Duration::from_secs(3_600);
        for (polled, failures, floor, wait) in [
            (None, 0, hour, 0),
            (Some(at(-3_600)), 0, hour, 0),
            (Some(at(-5)), 0, hour, 10),
            (Some(at(-5)), 0, Duration::ZERO, 0),
            (Some(at(-5)), 0, Duration::from_secs(8), 3),
            (Some(at(-5)), 1, hour, 25),
            (Some(at(-5)), 60, hour, 3_595),
            (Some(at(2)), 0, hour, 17),
            (Some(at(86_400)), 0, hour, 0),
        ] {
            assert_eq!(poll_at(at(0), polled, failures, floor), at(wait), "{polled:?} {failures} {floor:?}");
        }
    }

    #[test]
    fn leases_are_clamped() {
        for (asked, given) in [(0, 3_600), (1, 3_600), (86_400, 86_400), (100 * 365 * 86_400, 1_296_000), (u64::MAX, 1_296_000)] {
            assert_eq!(clamped(asked).num_seconds(), given);
        }
    }
}
