//! Answers that came a moment ago, for sources that turn out to be the same feed ([`twin`], F24).
//!
//! They are kept in memory and by bytes: what does not fit, or what a restart loses, is asked for once more. Only answers that anybody
//! would have got are kept, which the fetcher sees to: nothing that a source's own headers or networks opened.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::Response;
use crate::stage::poll::{Asked, twin};

/// Most bytes of all answers that are kept. In the steady state nearly all are 304, of which this holds thousands.
const HELD_MAX_BYTES: usize = 8 << 20;

/// What an answer costs besides its body, about.
const OVERHEAD_BYTES: usize = 1_024;

/// Who polls, as far as it may be served by a twin's answer.
#[derive(Clone, Debug)]
pub struct Poller {
    /// The source's id.
    pub source: String,
    /// Whether its own request would be conditional, and why not.
    pub how: Asked,
    /// How long a twin's answer serves it ([`twin::fresh_for`]).
    pub fresh_for: Duration,
}

/// What is asked: an address, and for what (`Accept`).
pub(super) type Key = (String, &'static str);

/// `If-None-Match` and `If-Modified-Since`.
pub(super) type Validators = [Option<Vec<u8>>; 2];

/// The right to ask for something that others may be about to ask for too.
type Turn = tokio::sync::Mutex<()>;

/// The answers of the last hour. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    answers: HashMap<Key, Kept>,
    /// Their keys by their places, oldest first: every poll of a round comes by here, so nothing may be looked through for it.
    order: BTreeMap<u64, Key>,
    bytes: usize,
    /// What is being asked for now.
    turns: HashMap<Key, Weak<Turn>>,
}

#[derive(Debug)]
struct Kept {
    /// Counts up from the first one.
    place: u64,
    at: Instant,
    validators: Validators,
    response: Arc<Response>,
    /// Whom it has served, first the one that asked: nobody is given the same answer twice.
    served: Vec<String>,
}

fn refs(validators: &Validators) -> [Option<&[u8]>; 2] {
    [validators[0].as_deref(), validators[1].as_deref()]
}

fn size(kept: &Kept) -> usize {
    kept.response.body.len() + OVERHEAD_BYTES
}

impl Held {
    fn forget(&mut self, key: &Key) {
        if let Some(kept) = self.answers.remove(key) {
            self.order.remove(&kept.place);
            self.bytes -= size(&kept);
        }
    }

    fn oldest(&self) -> Option<(&Key, &Kept)> {
        self.order.first_key_value().and_then(|(_, key)| self.answers.get_key_value(key))
    }
}

impl Answers {
    fn held(&self) -> MutexGuard<'_, Held> {
        // A poisoned lock guards counts that are at worst too high: nothing in here panics half way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held while something is asked for, so that twins that are polled at once wait for the first one's answer.
    pub(super) fn turn(&self, key: &Key) -> Arc<Turn> {
        let mut held = self.held();
        if let Some(turn) = held.turns.get(key).and_then(Weak::upgrade) {
            return turn;
        }
        held.turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::new(Turn::default());
        held.turns.insert(key.clone(), Arc::downgrade(&turn));
        turn
    }

    /// The answer for `poller`, if a twin was given it.
    pub(super) fn take(&self, key: &Key, poller: &Poller, validators: &Validators, now: Instant) -> Option<Arc<Response>> {
        let mut held = self.held();
        let kept = held.answers.get_mut(key)?;
        let age = now.saturating_duration_since(kept.at);
        let given = twin::Given { status: kept.response.status, validators: refs(&kept.validators), age };
        if kept.served.contains(&poller.source) || !twin::serves(given, poller.how, refs(validators), poller.fresh_for) {
            return None;
        }
        kept.served.push(poller.source.clone());
        Some(Arc::clone(&kept.response))
    }

    /// Keeps an answer for twins, in place of the last one to the same.
    pub(super) fn keep(&self, key: Key, poller: &Poller, validators: Validators, response: &Response, now: Instant) {
        let is_useful = matches!(response.status, 200 | 203 | 304) && response.body.len() + OVERHEAD_BYTES <= HELD_MAX_BYTES;
        let mut held = self.held();
        held.forget(&key);
        if is_useful {
            let place = held.order.last_key_value().map_or(0, |(last, _)| last + 1);
            let kept = Kept { place, at: now, validators, response: Arc::new(response.clone()), served: vec![poller.source.clone()] };
            held.bytes += size(&kept);
            held.order.insert(place, key.clone());
            held.answers.insert(key, kept);
        }
        let is_over =
            |held: &Held, oldest: &Kept| held.bytes > HELD_MAX_BYTES || now.saturating_duration_since(oldest.at) > twin::FRESH_MAX;
        while let Some(key) = held.oldest().filter(|(_, oldest)| is_over(&held, oldest)).map(|(key, _)| key.clone()) {
            held.forget(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn poller(source: &str) -> Poller {
        Poller { source: source.into(), how: Asked::NoValidators, fresh_for: Duration::from_secs(600) }
    }

    fn key(n: usize) -> Key {
        (format!("https://a.example/{n}"), "*/*")
    }

    fn response(bytes: usize) -> Response {
        Response::of_file(Url::parse("https://a.example/").unwrap(), vec![b'x'; bytes])
    }

    #[test]
    fn an_answer_serves_each_twin_once_and_who_asked_for_it_never() {
        let (answers, now) = (Answers::default(), Instant::now());
        let take = |source: &str, later_s: u64| {
            answers.take(&key(1), &poller(source), &Validators::default(), now + Duration::from_secs(later_s)).is_some()
        };
        assert!(!take("a", 0));
        answers.keep(key(1), &poller("a"), Validators::default(), &response(1), now);
        assert_eq!([take("a", 0), take("b", 600), take("b", 600), take("c", 601), take("c", 0)], [false, true, false, false, true]);
        assert!(answers.take(&key(2), &poller("d"), &Validators::default(), now).is_none());
        // A newer one takes its place, and one that serves nobody takes it away.
        answers.keep(key(1), &poller("b"), Validators::default(), &response(1), now);
        assert_eq!([take("b", 0), take("a", 0)], [false, true]);
        answers.keep(key(1), &poller("a"), Validators::default(), &Response { status: 500, ..response(1) }, now);
        assert!(!take("c", 0));
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let (answers, now) = (Answers::default(), Instant::now());
        for n in 0..100 {
            answers.keep(key(n), &poller("a"), Validators::default(), &response(1 << 20), now);
        }
        let held = answers.held();
        assert!(held.bytes <= HELD_MAX_BYTES && held.answers.len() == 7, "{} in {}", held.answers.len(), held.bytes);
        assert_eq!(held.oldest().unwrap().0, &key(93));
        drop(held);
        answers.keep(key(100), &poller("a"), Validators::default(), &response(HELD_MAX_BYTES), now);
        assert_eq!(answers.held().answers.len(), 7, "what is too large is not kept");
        answers.keep(key(101), &poller("a"), Validators::default(), &response(1), now + Duration::from_secs(3_601));
        assert_eq!(answers.held().answers.len(), 1, "what serves nobody any more is forgotten");
    }

    #[tokio::test]
    async fn turns_are_of_one_key_and_are_forgotten() {
        let answers = Answers::default();
        let first = answers.turn(&key(1)).lock_owned().await;
        assert!(answers.turn(&key(1)).try_lock().is_err());
        assert!(answers.turn(&key(2)).try_lock().is_ok());
        drop(first);
        assert!(answers.turn(&key(1)).try_lock().is_ok());
        let _ = answers.turn(&key(3));
        assert!(answers.held().turns.len() <= 2);
    }
}
