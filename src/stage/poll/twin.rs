//! Sources that end at one address are twins, and the address is asked once for all of them (F24). Pure.

use std::time::Duration;

use super::Asked;

/// Bounds of the time for which an answer to one source serves its twins. A round of polls ends within the shorter one; what is older
/// than the longer one a source finds out for itself, however seldom it is polled.
const FRESH_S: (u64, u64) = (60, 3_600);

/// An answer that a twin was given, with what it had asked.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// Status code.
    pub status: u16,
    /// `If-None-Match` and `If-Modified-Since` of the request, byte for byte.
    pub validators: [Option<&'a [u8]>; 2],
    /// How long ago it came.
    pub age: Duration,
}

/// How long an answer serves a source whose polls are at least this far apart. It is no older than what the source would know without
/// a twin, and its articles have been published by the twin's poll.
#[must_use]
pub fn fresh_for(shortest_gap: Duration) -> Duration {
    shortest_gap.clamp(Duration::from_secs(FRESH_S.0), Duration::from_secs(FRESH_S.1))
}

/// The longest that any answer serves.
pub const FRESH_MAX: Duration = Duration::from_secs(FRESH_S.1);

/// Whether a source that would ask with these validators has its answer in this one. A document is one for everybody; that nothing
/// changed is true only for who would have asked the same.
#[must_use]
pub fn serves(given: Given<'_>, how: Asked, validators: [Option<&[u8]>; 2], fresh_for: Duration) -> bool {
    // Somebody doubts what is known, the operator or the renewal's rule: a copy settles no doubt.
    if matches!(how, Asked::FromZero | Asked::Renewal) || given.age > fresh_for {
        return false;
    }
    match given.status {
        200 | 203 => true,
        304 => validators == given.validators && validators.iter().any(Option::is_some),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_serves_everybody_and_a_304_who_asked_the_same() {
        let s = Duration::from_secs;
        let (none, one, other): ([Option<&[u8]>; 2], _, _) = ([None, None], [Some(&b"\"1\""[..]), None], [Some(&b"\"2\""[..]), None]);
        for (status, asked, how, own, age_s, expected) in [
            (200, none, Asked::First, none, 0, true),
            (200, one, Asked::Conditional, other, 60, true),
            (203, none, Asked::NoValidators, none, 60, true),
            (200, none, Asked::First, none, 61, false),
            (200, none, Asked::FromZero, none, 0, false),
            (200, none, Asked::Renewal, none, 0, false),
            (304, one, Asked::Conditional, one, 0, true),
            (304, one, Asked::Conditional, other, 0, false),
            (304, one, Asked::First, none, 0, false),
            (304, none, Asked::First, none, 0, false),
            (429, one, Asked::Conditional, one, 0, false),
            (500, none, Asked::First, none, 0, false),
        ] {
            let given = Given { status, validators: asked, age: s(age_s) };
            assert_eq!(serves(given, how, own, s(60)), expected, "{status} {how:?} {own:?} {age_s} s");
        }
    }

    #[test]
    fn an_answer_serves_for_as_long_as_a_source_rests_within_bounds() {
        for (gap_s, fresh_s) in [(0, 60), (900, 900), (3_600, 3_600), (86_400, 3_600)] {
            assert_eq!(fresh_for(Duration::from_secs(gap_s)).as_secs(), fresh_s);
        }
    }
}
