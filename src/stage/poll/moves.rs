//! Permanent moves (C3, F22): followed at once, adopted late, never with the crowd.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::PollState;

/// Good fetches, and the days they span, before a target is adopted. Captive portals and misconfigured servers answer 301 too, but
/// not with a readable feed for a week.
const FETCHES: u32 = 3;
const SPAN: TimeDelta = TimeDelta::days(7);

/// As many other sources may be on their way to the same target; more are a mass error of their host, not moves.
const COMPANY_MAX: usize = 3;

/// A permanent move that is being watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Where every good answer since came from.
    pub to: String,
    /// When the first of them came.
    pub since: DateTime<Utc>,
    /// How many came.
    pub fetches: u32,
    /// Why it is not adopted although its time has come.
    pub held: Option<String>,
}

/// A permanent move that is followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adopted {
    /// The source is asked here.
    pub url: String,
    /// It was asked there before.
    pub from: String,
    /// When it was adopted.
    pub at: DateTime<Utc>,
}

/// Takes note of where a good answer came from. `contested` is asked, once the move's time has come, whether something speaks against
/// the target.
pub(super) fn watch(
    state: &mut PollState,
    asked_url: &str,
    moved_to: Option<String>,
    now: DateTime<Utc>,
    contested: impl FnOnce(&str) -> Option<String>,
) {
    let Some(to) = moved_to.filter(|to| state.refused_move.as_ref() != Some(to)) else {
        state.moving = None;
        return;
    };
    let mut seen = match state.moving.take() {
        Some(seen) if seen.to == to => Move { fetches: seen.fetches.saturating_add(1), ..seen },
        _ => Move { to, since: now, fetches: 1, held: None },
    };
    if seen.fetches < FETCHES || now - seen.since < SPAN {
        state.moving = Some(seen);
        return;
    }
    seen.held = contested(&seen.to);
    if seen.held.is_some() {
        state.moving = Some(seen);
    } else {
        state.adopted = Some(Adopted { url: seen.to, from: asked_url.to_owned(), at: now });
    }
}

/// Another source, as far as it can speak against a move.
#[derive(Clone, Copy, Debug)]
pub struct Neighbour<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its configured URL.
    pub url: &'a str,
    /// What is known of it.
    pub state: Option<&'a PollState>,
    /// It stands before the moving source in the configuration. Of two that move to one target the first gets it, whichever is polled
    /// first.
    pub is_before: bool,
}

/// What speaks against adopting `target`, if anything.
pub fn contested<'a>(target: &str, others: impl IntoIterator<Item = Neighbour<'a>>) -> Option<String> {
    let mut company = 0;
    let mut first = None;
    for other in others {
        let adopted = other.state.and_then(|state| state.adopted.as_ref());
        if other.url == target || adopted.is_some_and(|adopted| adopted.url == target) {
            return Some(format!("the source {} is already there", other.id));
        }
        if other.state.and_then(|state| state.moving.as_ref()).is_some_and(|moving| moving.to == target) {
            company += 1;
            first = first.or(other.is_before.then_some(other.id));
        }
    }
    match first {
        _ if company > COMPANY_MAX => Some(format!("{company} other sources are sent to the same address, which is more likely a fault")),
        Some(id) => Some(format!("the source {id} is sent to the same address")),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: &str = "https://new.example/feed";

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap() + TimeDelta::hours(hours)
    }

    fn watched(hours: &[i64]) -> PollState {
        let mut state = PollState::default();
        for hour in hours {
            watch(&mut state, "https://old.example/feed", Some(TARGET.into()), at(*hour), |_| None);
        }
        state
    }

    #[test]
    fn three_good_fetches_over_seven_days_adopt_and_less_does_not() {
        for (hours, adopted) in [(&[0, 168][..], false), (&[0, 1, 167], false), (&[0, 1, 168], true), (&[0, 80, 100, 167, 168], true)] {
            assert_eq!(watched(hours).adopted.is_some(), adopted, "{hours:?}");
        }
        let state = watched(&[0, 1, 168]);
        let expected = Adopted { url: TARGET.into(), from: "https://old.example/feed".into(), at: at(168) };
        assert_eq!((state.adopted, state.moving), (Some(expected), None));
    }

    #[test]
    fn another_target_or_none_begins_anew() {
        for other in [Some("https://else.example/".to_owned()), None] {
            let mut state = watched(&[0, 1]);
            watch(&mut state, "https://old.example/feed", other.clone(), at(100), |_| None);
            assert_eq!(state.moving.map(|moving| (moving.to, moving.fetches)), other.map(|to| (to, 1)));
        }
    }

    #[test]
    fn a_move_that_was_taken_back_is_not_watched() {
        let mut state = PollState { refused_move: Some(TARGET.into()), ..PollState::default() };
        watch(&mut state, "https://old.example/feed", Some(TARGET.into()), at(0), |_| None);
        assert_eq!(state.moving, None);
    }

    #[test]
    fn a_contested_move_waits_and_says_why() {
        let mut state = watched(&[0, 1]);
        watch(&mut state, "https://old.example/feed", Some(TARGET.into()), at(200), |_| Some("no".into()));
        assert_eq!(state.moving.as_ref().and_then(|moving| moving.held.as_deref()), Some("no"));
        watch(&mut state, "https://old.example/feed", Some(TARGET.into()), at(201), |_| None);
        assert!(state.adopted.is_some());
    }

    #[test]
    fn a_target_is_contested_by_its_owner_a_crowd_or_an_earlier_source() {
        let moving = watched(&[0]);
        let there = watched(&[0, 1, 168]);
        let n = |id, url, state, is_before| Neighbour { id, url, state, is_before };
        let crowd = |count| vec![n("c", "https://c.example/", Some(&moving), false); count];
        assert_eq!(contested(TARGET, crowd(3)), None);
        assert!(contested(TARGET, crowd(4)).unwrap().starts_with("4 other sources"));
        assert_eq!(contested(TARGET, [n("a", TARGET, None, false)]).unwrap(), "the source a is already there");
        assert_eq!(contested(TARGET, [n("a", "https://a.example/", Some(&there), false)]).unwrap(), "the source a is already there");
        let earlier = n("a", "https://a.example/", Some(&moving), true);
        assert_eq!(contested(TARGET, [earlier]).unwrap(), "the source a is sent to the same address");
        assert_eq!(contested("https://else.example/", crowd(9)), None);
    }
}
