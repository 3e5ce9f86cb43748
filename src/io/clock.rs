//! The one clock.

use std::time::SystemTime;

use chrono::{DateTime, SubsecRound, Utc};

/// Where the time of day comes from. An operation reads it once and passes the value on as `now`.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's.
    System,
    /// One that stands still, for tests and for a second run that must give the same bytes.
    Held(DateTime<Utc>),
}

impl Clock {
    /// The time now, in whole microseconds: finer ones would not survive the store, and a value read back would differ.
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Clock::System => DateTime::<Utc>::from(SystemTime::now()),
            Clock::Held(at) => *at,
        }
        .trunc_subsecs(6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_clock_gives_whole_microseconds() {
        let at = DateTime::from_timestamp_nanos(1_700_000_000_123_456_789);
        assert_eq!(Clock::Held(at).now().timestamp_nanos_opt(), Some(1_700_000_000_123_456_000));
    }

    #[test]
    fn the_system_clock_agrees_with_the_standard_library() {
        let before = SystemTime::now();
        let now = SystemTime::from(Clock::System.now());
        let slack = std::time::Duration::from_micros(1);
        assert!(now + slack >= before && now <= SystemTime::now());
    }
}
