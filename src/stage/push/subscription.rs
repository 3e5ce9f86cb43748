//! Our subscription at the hub of a source (sections 5 and 6 of the recommendation).

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use super::{Key, LEASE_DEFAULT_S, Mode, Offer, clamped};

/// A hub has this long to verify a request; later it is asked again.
const VERIFICATION_WAIT: TimeDelta = TimeDelta::hours(1);

/// Waits after requests without success, in minutes; the last one repeats.
const WAITS_MIN: [i64; 6] = [1, 5, 30, 120, 720, 1_440];

/// A hub that denied is asked again after this: publishers change their plans, and hubs their limits.
const DENIED_WAIT: TimeDelta = TimeDelta::days(7);

/// Requests to end a subscription before it is left to its lease's end.
const LEAVING_TRIES: u32 = 3;

/// Longest reason of a hub that is kept, in characters.
const WHY_MAX_CHARS: usize = 200;

/// Where a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Wanted; not verified, or its lease has ended.
    Pending,
    /// Verified, and its lease stands.
    Active,
    /// Verified; a longer lease has been asked for.
    Renewing,
    /// The hub said no.
    Denied,
    /// Not wanted any more.
    Leaving,
}

impl Phase {
    /// The word shown in tables and JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Renewing => "renewing",
            Self::Denied => "denied",
            Self::Leaving => "leaving",
        }
    }
}

/// What to do about a subscription now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing before this; never if `None`.
    Wait(Option<DateTime<Utc>>),
    /// Ask the hub.
    Ask(Mode),
    /// Forget it.
    Drop,
}

/// Our subscription at one hub to one topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The last part of its callback's address: at least 128 random bits, in hexadecimal digits (acceptance S35).
    pub path: String,
    /// The whole callback, as the hub knows it.
    pub callback: String,
    /// What the hub signs its pushes with.
    pub secret: Key,
    /// The source's id.
    pub source: String,
    /// The hub and the topic.
    pub offer: Offer,
    /// Where it stands.
    pub phase: Phase,
    /// When the hub was last asked.
    pub asked_at: Option<DateTime<Utc>>,
    /// Requests in a row that led to nothing.
    pub tries: u32,
    /// What went wrong with the last one.
    pub why: Option<String>,
    /// When something is to be done.
    pub due: Option<DateTime<Utc>>,
    /// End of the lease.
    pub lease_until: Option<DateTime<Utc>>,
    /// The last push with a good signature.
    pub pushed_at: Option<DateTime<Utc>>,
    /// Such pushes in all.
    pub pushes: u64,
    /// A push that no poll has followed yet.
    pub hint: Option<DateTime<Utc>>,
    /// Pushes come before polls find anything: the source need not be polled often.
    pub proven: bool,
}

impl Subscription {
    /// A new one, to be asked for at once. `callback_base` ends with a slash; `path` and `secret` are random.
    #[must_use]
    pub fn new(source: &str, offer: Offer, callback_base: &str, path: String, secret: Key, now: DateTime<Utc>) -> Self {
        Self {
            callback: format!("{callback_base}push/{path}"),
            path,
            secret,
            source: source.to_owned(),
            offer,
            phase: Phase::Pending,
            asked_at: None,
            tries: 0,
            why: None,
            due: Some(now),
            lease_until: None,
            pushed_at: None,
            pushes: 0,
            hint: None,
            proven: false,
        }
    }

    /// Whether it is what a source with this offer wants, at this callback base.
    #[must_use]
    pub fn serves(&self, offer: &Offer, callback_base: &str) -> bool {
        self.phase != Phase::Leaving && self.offer == *offer && self.callback == format!("{callback_base}push/{}", self.path)
    }

    /// Whether the hub's lease stands, so that its pushes count.
    #[must_use]
    pub fn stands(&self, now: DateTime<Utc>) -> bool {
        matches!(self.phase, Phase::Active | Phase::Renewing) && self.lease_until.is_some_and(|until| until > now)
    }

    /// What is to be done.
    #[must_use]
    pub fn step(&self, now: DateTime<Utc>) -> Step {
        let is_over = self.tries >= LEAVING_TRIES || self.lease_until.is_none_or(|until| until <= now);
        match (self.phase, self.due) {
            (Phase::Leaving, _) if is_over => Step::Drop,
            (_, due) if due.is_none_or(|due| due > now) => Step::Wait(due),
            (Phase::Leaving, _) => Step::Ask(Mode::Unsubscribe),
            _ => Step::Ask(Mode::Subscribe),
        }
    }

    /// The hub is about to be asked. Noted before it is, for it may verify before it answers.
    pub fn asks(&mut self, now: DateTime<Utc>) {
        self.phase = match self.phase {
            Phase::Active | Phase::Renewing if self.stands(now) => Phase::Renewing,
            Phase::Leaving => Phase::Leaving,
            _ => Phase::Pending,
        };
        self.asked_at = Some(now);
        self.tries = self.tries.saturating_add(1);
        self.due = Some(now + VERIFICATION_WAIT.max(self.wait()));
    }

    /// The hub refused, or could not be asked: later once more.
    pub fn failed(&mut self, why: &str, now: DateTime<Utc>) {
        // Verified in the meantime; the answer to the request itself was lost.
        if !self.is_asking() {
            return;
        }
        self.why = Some(why.chars().filter(|c| !c.is_control()).take(WHY_MAX_CHARS).collect());
        self.due = Some(now + self.wait());
    }

    fn wait(&self) -> TimeDelta {
        let last = usize::try_from(self.tries).unwrap_or(usize::MAX).saturating_sub(1);
        TimeDelta::minutes(WAITS_MIN.get(last).or(WAITS_MIN.last()).copied().unwrap_or(1_440))
    }

    fn is_asking(&self) -> bool {
        matches!(self.phase, Phase::Pending | Phase::Renewing | Phase::Leaving)
    }

    /// Whether the hub may ask now if this is wanted: only after it was asked for, and once (section 5.3; acceptance S35).
    #[must_use]
    pub fn awaits(&self, mode: Mode, topic: &str) -> bool {
        let wanted = match self.phase {
            Phase::Pending | Phase::Renewing => mode == Mode::Subscribe,
            Phase::Leaving => mode == Mode::Unsubscribe,
            Phase::Active | Phase::Denied => false,
        };
        wanted && self.asked_at.is_some() && self.offer.topic == topic
    }

    /// The hub has verified a subscription with this lease, which is clamped; renewed after four fifths of it.
    pub fn verified(&mut self, lease_s: Option<u64>, now: DateTime<Utc>) {
        let lease = clamped(lease_s.unwrap_or(LEASE_DEFAULT_S));
        self.phase = Phase::Active;
        self.lease_until = Some(now + lease);
        self.due = Some(now + lease * 4 / 5);
        (self.tries, self.why) = (0, None);
    }

    /// The hub has said no, or that it will not go on (section 5.2).
    pub fn denied(&mut self, reason: &str, now: DateTime<Utc>) {
        if self.phase == Phase::Leaving {
            (self.lease_until, self.due) = (None, Some(now));
            return;
        }
        self.phase = Phase::Denied;
        self.why = Some(reason.chars().filter(|c| !c.is_control()).take(WHY_MAX_CHARS).collect());
        (self.lease_until, self.proven, self.tries) = (None, false, 0);
        self.due = Some(now + DENIED_WAIT);
    }

    /// It is not wanted any more.
    pub fn leave(&mut self, now: DateTime<Utc>) {
        if self.phase != Phase::Leaving {
            self.phase = Phase::Leaving;
            (self.tries, self.due, self.proven, self.hint) = (0, Some(now), false, None);
        }
    }

    /// A push with a good signature came. Returns whether it is news: no poll has followed the one before it yet otherwise.
    pub fn pushed(&mut self, now: DateTime<Utc>) -> bool {
        let is_news = self.hint.is_none();
        self.pushed_at = Some(now);
        self.pushes = self.pushes.saturating_add(1);
        // The latest: a poll that began before it may have missed what it tells of.
        self.hint = Some(now);
        self.proven = true;
        is_news
    }

    /// A poll that began then has been stored: it has seen whatever a push before it told of. Returns whether there was one.
    pub fn heeded(&mut self, began: DateTime<Utc>) -> bool {
        let is_heeded = self.hint.is_some_and(|hint| hint <= began);
        if is_heeded {
            self.hint = None;
        }
        is_heeded
    }

    /// The form that the hub is sent.
    #[must_use]
    pub fn form(&self, mode: Mode) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("hub.mode", mode.word()).append_pair("hub.topic", &self.offer.topic).append_pair("hub.callback", &self.callback);
        if mode == Mode::Subscribe {
            form.append_pair("hub.lease_seconds", &LEASE_DEFAULT_S.to_string()).append_pair("hub.secret", self.secret.reveal());
        }
        form.finish()
    }
}

/// The first value of each parameter of a query that a hub verifies with: mode, topic, challenge, lease in seconds, reason.
#[must_use]
pub fn verification_form(query: &str) -> [Option<String>; 5] {
    let value =
        |wanted: &str| form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned());
    ["hub.mode", "hub.topic", "hub.challenge", "hub.lease_seconds", "hub.reason"].map(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: &str = "https://a.example/feed";

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn new() -> Subscription {
        let offer = Offer { hub: "https://hub.example/".into(), topic: TOPIC.into() };
        Subscription::new("a", offer, "https://wire.example/", "00ff".into(), Key::new("hush".into()).unwrap(), at(0))
    }

    fn active(lease_s: Option<u64>) -> Subscription {
        let mut subscription = new();
        subscription.asks(at(0));
        subscription.verified(lease_s, at(1));
        subscription
    }

    #[test]
    fn a_verification_counts_for_what_was_asked_and_once() {
        let mut subscription = new();
        assert!(!subscription.awaits(Mode::Subscribe, TOPIC), "nobody was asked");
        subscription.asks(at(0));
        assert!(subscription.awaits(Mode::Subscribe, TOPIC));
        assert!(!subscription.awaits(Mode::Unsubscribe, TOPIC) && !subscription.awaits(Mode::Subscribe, "https://a.example/feed2"));
        subscription.verified(None, at(1));
        assert!(!subscription.awaits(Mode::Subscribe, TOPIC) && !subscription.awaits(Mode::Unsubscribe, TOPIC));
        subscription.leave(at(2));
        assert!(!subscription.awaits(Mode::Subscribe, TOPIC));
        assert!(subscription.awaits(Mode::Unsubscribe, TOPIC));
    }

    #[test]
    fn a_lease_of_a_second_and_one_of_a_century_are_renewed_in_time() {
        for (lease_s, until, renewal) in [
            (Some(1), 3_600, 2_880),
            (Some(100 * 365 * 86_400), 15 * 86_400, 12 * 86_400),
            (None, 864_000, 691_200),
            (Some(7_200), 7_200, 5_760),
        ] {
            let subscription = active(lease_s);
            assert_eq!((subscription.lease_until, subscription.due), (Some(at(1 + until)), Some(at(1 + renewal))), "{lease_s:?}");
            assert_eq!(subscription.step(at(renewal)), Step::Wait(Some(at(1 + renewal))));
            assert_eq!(subscription.step(at(1 + renewal)), Step::Ask(Mode::Subscribe));
        }
    }

    #[test]
    fn pushes_count_while_a_renewal_is_under_way_and_not_after_the_lease() {
        let mut subscription = active(Some(3_600));
        subscription.asks(at(2_881));
        assert_eq!(subscription.phase, Phase::Renewing);
        assert!(subscription.stands(at(3_600)) && !subscription.stands(at(3_601)));
        subscription.asks(at(3_601));
        assert_eq!(subscription.phase, Phase::Pending);
    }

    #[test]
    fn failures_back_off_to_a_day_and_a_verification_ends_them() {
        let mut subscription = new();
        let mut now = at(0);
        let mut waits = Vec::new();
        for _ in 0..8 {
            assert_eq!(subscription.step(now), Step::Ask(Mode::Subscribe));
            subscription.asks(now);
            subscription.failed("answered 503\nx", now);
            let due = subscription.due.unwrap();
            waits.push((due - now).num_minutes());
            now = due;
        }
        assert_eq!(waits, [1, 5, 30, 120, 720, 1_440, 1_440, 1_440]);
        assert_eq!(subscription.why.as_deref(), Some("answered 503x"));
        subscription.asks(now);
        subscription.verified(None, now);
        subscription.failed("the answer was lost", now);
        assert_eq!((subscription.phase, subscription.tries, &subscription.why), (Phase::Active, 0, &None));
    }

    #[test]
    fn a_hub_that_never_verifies_is_asked_again_ever_more_rarely() {
        let mut subscription = new();
        subscription.asks(at(0));
        assert_eq!(subscription.step(at(3_599)), Step::Wait(Some(at(3_600))));
        assert_eq!(subscription.step(at(3_600)), Step::Ask(Mode::Subscribe));
        for _ in 0..9 {
            subscription.asks(at(0));
        }
        assert_eq!(subscription.due, Some(at(86_400)));
    }

    #[test]
    fn a_denial_ends_the_lease_and_is_questioned_after_a_week() {
        let mut subscription = active(None);
        subscription.pushed(at(2));
        subscription.denied("over quota", at(3));
        assert!(!subscription.stands(at(4)) && !subscription.proven);
        assert_eq!(subscription.step(at(4)), Step::Wait(Some(at(3 + 7 * 86_400))));
        assert_eq!(subscription.why.as_deref(), Some("over quota"));
    }

    #[test]
    fn leaving_asks_three_times_and_forgets() {
        let mut subscription = active(None);
        subscription.leave(at(10));
        assert!(!subscription.stands(at(10)));
        let mut now = at(10);
        for _ in 0..3 {
            assert_eq!(subscription.step(now), Step::Ask(Mode::Unsubscribe));
            subscription.asks(now);
            subscription.failed("no", now);
            now = subscription.due.unwrap();
        }
        assert_eq!(subscription.step(now), Step::Drop);
        let mut never_verified = new();
        never_verified.leave(at(1));
        assert_eq!(never_verified.step(at(1)), Step::Drop, "there is nothing at the hub to end");
    }

    #[test]
    fn a_proven_hub_slows_polling_until_its_lease_ends() {
        let mut subscription = active(Some(86_400));
        assert_eq!(super::super::slowed(&subscription, at(3_600), at(10)), None, "no push has come yet");
        assert!(subscription.pushed(at(5)) && !subscription.pushed(at(6)));
        let slowed = |due, polled| super::super::slowed(&subscription, due, polled).map(|(at, _)| at);
        assert_eq!(slowed(at(3_600), at(10)), Some(at(10 + 6 * 3_600)));
        assert_eq!(slowed(at(86_000), at(10)), None, "it is slower already");
        assert_eq!(slowed(at(80_100), at(80_000)), Some(at(86_401)));
        assert_eq!(slowed(at(90_100), at(90_000)), None, "the lease is over");
    }

    #[test]
    fn a_push_during_a_poll_asks_for_another() {
        let mut subscription = active(None);
        subscription.pushed(at(5));
        subscription.pushed(at(7));
        assert!(!subscription.heeded(at(6)), "the poll began between the two");
        assert!(subscription.heeded(at(7)) && !subscription.heeded(at(8)));
    }

    #[test]
    fn the_form_holds_the_secret_only_where_it_is_wanted() {
        let subscription = new();
        assert_eq!(
            subscription.form(Mode::Subscribe),
            "hub.mode=subscribe&hub.topic=https%3A%2F%2Fa.example%2Ffeed&hub.callback=https%3A%2F%2Fwire.example%2Fpush%2F00ff\
             &hub.lease_seconds=864000&hub.secret=hush"
        );
        assert!(!subscription.form(Mode::Unsubscribe).contains("hush"));
        assert!(!format!("{subscription:?}").contains("hush"));
    }
}
