//! Somebody's subscription at our own hub (sections 5 to 8 of the recommendation, from the hub's side).

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use url::{Url, form_urlencoded};

use super::{ADDRESS_MAX_BYTES, Key, LEASE_DEFAULT_S, Notice, clamped};

/// Most followers in all, at one host, and most requests that wait for their verification: a hub is a machine that sends requests to
/// where strangers point it.
const FOLLOWERS_MAX: u64 = 10_000;
const FOLLOWERS_OF_A_HOST_MAX: u64 = 500;
const WAITING_MAX: u64 = 200;

/// Waits before a verification is tried again that did not reach the callback, in seconds; after the last one it is given up.
const VERIFICATION_WAITS_S: [i64; 3] = [5, 30, 120];

/// What is asked of a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Pushes from now on.
    Subscribe,
    /// No more.
    Unsubscribe,
}

impl Mode {
    /// The word of the protocol.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
        }
    }

    /// The mode that a word of the protocol names.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        [Self::Subscribe, Self::Unsubscribe].into_iter().find(|mode| mode.word() == word)
    }
}

/// A request to our hub, well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubRequest {
    /// What for.
    pub mode: Mode,
    /// Whom to tell.
    pub callback: Url,
    /// Of what: a feed's whole address.
    pub topic: String,
    /// For how long, in seconds, as asked.
    pub lease_s: u64,
    /// What pushes are to be signed with.
    pub secret: Option<Key>,
}

/// Why a request is refused; each text is all that is said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Neither subscribe nor unsubscribe.
    #[error("hub.mode must be subscribe or unsubscribe")]
    Mode,
    /// No usable callback.
    #[error("hub.callback must be a public http or https address of at most 2048 bytes, without credentials and fragment")]
    Callback,
    /// Not ours.
    #[error("hub.topic must be the address of a feed that this site publishes")]
    Topic,
    /// No number.
    #[error("hub.lease_seconds must be a whole number")]
    Lease,
    /// Too long.
    #[error("hub.secret must be shorter than 200 bytes")]
    Secret,
    /// Another request for the same waits for its verification.
    #[error("an earlier request for this callback and topic waits for its verification; try again in a minute")]
    Waiting,
    /// A cap.
    #[error("this hub has as many subscriptions as it takes; try again later")]
    Full,
}

/// Reads the form of a request.
///
/// # Errors
/// What is wrong with it.
pub fn hub_request(form: &[u8]) -> Result<HubRequest, Refusal> {
    let value = |wanted: &str| form_urlencoded::parse(form).find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned());
    let mode = value("hub.mode").and_then(|word| Mode::of(&word)).ok_or(Refusal::Mode)?;
    let callback = value("hub.callback").and_then(|text| callback(&text)).ok_or(Refusal::Callback)?;
    let topic = value("hub.topic").filter(|topic| topic.len() <= ADDRESS_MAX_BYTES).ok_or(Refusal::Topic)?;
    let lease_s = match value("hub.lease_seconds").filter(|text| !text.is_empty()) {
        None => LEASE_DEFAULT_S,
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().unwrap_or(u64::MAX),
        Some(_) => return Err(Refusal::Lease),
    };
    let secret = match value("hub.secret").filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => Some(Key::new(text).ok_or(Refusal::Secret)?),
    };
    Ok(HubRequest { mode, callback, topic, lease_s, secret })
}

fn callback(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= ADDRESS_MAX_BYTES)?;
    let is_plain = matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty() && url.password().is_none();
    (is_plain && url.fragment().is_none()).then_some(url)
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// In all.
    pub all: u64,
    /// With callbacks at the host in question.
    pub of_host: u64,
    /// That wait for a verification.
    pub waiting: u64,
}

/// A verified subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Its end.
    pub until: DateTime<Utc>,
    /// What its pushes are signed with.
    pub secret: Option<Key>,
}

/// A request that waits for its verification. What was verified before goes on until then: anybody can send a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// What for.
    pub mode: Mode,
    /// The lease in seconds, clamped.
    pub lease_s: u64,
    /// What pushes are to be signed with.
    pub secret: Option<Key>,
    /// Verifications that did not reach the callback.
    pub tries: u32,
    /// When to verify.
    pub due: DateTime<Utc>,
}

/// Somebody who is told when a feed of ours changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follower {
    /// The feed's path below the site's address.
    pub topic: String,
    /// Where to tell it.
    pub callback: String,
    /// The callback's host.
    pub host: String,
    /// What was verified.
    pub lease: Option<Lease>,
    /// What waits for its verification.
    pub wish: Option<Wish>,
    /// What was told.
    pub notice: Notice,
}

/// What to do about a follower now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Verify,
    Tell,
    Forget,
}

impl Follower {
    /// Takes a request in: `known` is who already follows `topic` (a feed's path) with this callback, `version` what the feed is now.
    ///
    /// A follower knows the version of the moment of its first request: what changes between that and its verification is told.
    ///
    /// # Errors
    /// [`Refusal::Waiting`] for a request that differs from one that waits: the first one stands, or a stranger could put a secret of
    /// his own into somebody else's subscription; [`Refusal::Full`] at a cap.
    pub fn wish(
        known: Option<Self>,
        topic: &str,
        asked: HubRequest,
        version: &str,
        census: Census,
        now: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        let lease_s = clamped(asked.lease_s).num_seconds().unsigned_abs();
        let mut wish = Wish { mode: asked.mode, lease_s, secret: asked.secret, tries: 0, due: now };
        if let Some(waiting) = known.as_ref().and_then(|known| known.wish.as_ref()) {
            (wish.tries, wish.due) = (waiting.tries, waiting.due);
            if *waiting != wish {
                return Err(Refusal::Waiting);
            }
        } else if census.waiting >= WAITING_MAX {
            return Err(Refusal::Full);
        }
        if known.is_none() && (census.all >= FOLLOWERS_MAX || census.of_host >= FOLLOWERS_OF_A_HOST_MAX) {
            return Err(Refusal::Full);
        }
        let new = || Self {
            topic: topic.to_owned(),
            host: asked.callback.host_str().unwrap_or_default().to_owned(),
            callback: asked.callback.into(),
            lease: None,
            wish: None,
            notice: Notice::knowing(version.to_owned()),
        };
        Ok(Self { wish: Some(wish), ..known.unwrap_or_else(new) })
    }

    /// When something is to be done.
    #[must_use]
    pub fn due(&self) -> Option<DateTime<Utc>> {
        let lease = self.lease.as_ref().map(|lease| lease.until);
        [self.wish.as_ref().map(|wish| wish.due), lease, self.notice.due.filter(|_| lease.is_some())].into_iter().flatten().min()
    }

    /// What is to be done now.
    pub(crate) fn task(&self, now: DateTime<Utc>) -> Option<Task> {
        let has_lease = self.lease.as_ref().is_some_and(|lease| lease.until > now);
        match &self.wish {
            Some(wish) if wish.due <= now => Some(Task::Verify),
            _ if has_lease && self.notice.due.is_some_and(|due| due <= now) => Some(Task::Tell),
            wish if !has_lease && (wish.is_none() || self.lease.is_some()) => Some(Task::Forget),
            _ => None,
        }
    }

    /// Its lease has ended: it is forgotten, unless it has asked for another.
    #[must_use]
    pub fn lapsed(self) -> Option<Self> {
        self.wish.is_some().then_some(Self { lease: None, ..self })
    }

    /// The callback's address with what verifies the wish (section 5.3).
    #[must_use]
    pub fn verification(&self, wish: &Wish, topic_url: &str, challenge: &str) -> Option<Url> {
        let mut url = Url::parse(&self.callback).ok()?;
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("hub.mode", wish.mode.word()).append_pair("hub.topic", topic_url).append_pair("hub.challenge", challenge);
            if wish.mode == Mode::Subscribe {
                query.append_pair("hub.lease_seconds", &wish.lease_s.to_string());
            }
        }
        Some(url)
    }

    /// The callback has confirmed its wish.
    #[must_use]
    pub fn confirmed(mut self, now: DateTime<Utc>) -> Option<Self> {
        let Some(wish) = self.wish.take() else { return Some(self) };
        if wish.mode == Mode::Unsubscribe {
            return None;
        }
        self.lease = Some(Lease { until: now + TimeDelta::seconds(wish.lease_s.cast_signed()), secret: wish.secret });
        Some(self)
    }

    /// The callback has not: what was verified before stays, and somebody who had nothing is forgotten.
    #[must_use]
    pub fn refused(self) -> Option<Self> {
        self.lease.is_some().then_some(Self { wish: None, ..self })
    }

    /// The callback could not be reached for its verification.
    #[must_use]
    pub fn unreached(mut self, now: DateTime<Utc>) -> Option<Self> {
        let wait_s = self.wish.as_ref().and_then(|wish| VERIFICATION_WAITS_S.get(usize::try_from(wish.tries).ok()?));
        match (&mut self.wish, wait_s) {
            (Some(wish), Some(wait_s)) => {
                wish.tries += 1;
                wish.due = now + TimeDelta::seconds(*wait_s);
                Some(self)
            }
            _ => self.refused(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    const FORM: &str = "hub.mode=subscribe&hub.callback=https%3A%2F%2Fr.example%2Fcb%3Fx%3D1&hub.topic=https%3A%2F%2Fw.example%2Ff";

    fn follow(known: Option<Follower>, more: &str) -> Result<Follower, Refusal> {
        let request = hub_request(format!("{FORM}{more}").as_bytes())?;
        Follower::wish(known, "f", request, "v0", Census::default(), at(0))
    }

    #[test]
    fn a_form_is_read_or_refused() {
        let read = hub_request(format!("{FORM}&hub.lease_seconds=60&hub.secret=hush").as_bytes()).unwrap();
        assert_eq!((read.mode, read.lease_s), (Mode::Subscribe, 60));
        assert_eq!((read.callback.as_str(), read.topic.as_str()), ("https://r.example/cb?x=1", "https://w.example/f"));
        assert_eq!(read.secret, Key::new("hush".into()));
        let long = "x".repeat(200);
        for (form, why) in [
            (String::new(), Refusal::Mode),
            (FORM.replace("subscribe", "publish"), Refusal::Mode),
            ("hub.mode=subscribe".into(), Refusal::Callback),
            (FORM.replace("https", "ftp"), Refusal::Callback),
            (FORM.replace("r.example", "me%40r.example"), Refusal::Callback),
            (FORM.replace("x%3D1", "x%3D1%23y"), Refusal::Callback),
            (FORM.replace("x%3D1", &long.repeat(11)), Refusal::Callback),
            (FORM.replace("hub.topic", "topic"), Refusal::Topic),
            (format!("{FORM}&hub.lease_seconds=-1"), Refusal::Lease),
            (format!("{FORM}&hub.secret={long}"), Refusal::Secret),
        ] {
            assert_eq!(hub_request(form.as_bytes()), Err(why), "{form}");
        }
        assert_eq!(hub_request(format!("{FORM}&hub.lease_seconds={}", "9".repeat(40)).as_bytes()).unwrap().lease_s, u64::MAX);
    }

    #[test]
    fn leases_are_clamped_when_they_are_given() {
        for (asked, given) in [("", 864_000), ("&hub.lease_seconds=1", 3_600), ("&hub.lease_seconds=3153600000", 1_296_000)] {
            let follower = follow(None, asked).unwrap().confirmed(at(5)).unwrap();
            assert_eq!(follower.lease.unwrap().until, at(5 + given));
        }
    }

    #[test]
    fn nobody_changes_what_waits_or_what_was_verified() {
        let waiting = follow(None, "&hub.secret=mine").unwrap();
        assert_eq!(follow(Some(waiting.clone()), "&hub.secret=mine").unwrap(), waiting, "the same once more");
        assert_eq!(follow(Some(waiting.clone()), "&hub.secret=yours"), Err(Refusal::Waiting));
        let verified = waiting.confirmed(at(1)).unwrap();
        let questioned = follow(Some(verified.clone()), "&hub.secret=yours").unwrap();
        assert_eq!(questioned.lease, verified.lease);
        assert_eq!(questioned.refused(), Some(verified.clone()));
        let form = FORM.replace("=subscribe", "=unsubscribe");
        let leaving =
            Follower::wish(Some(verified.clone()), "f", hub_request(form.as_bytes()).unwrap(), "v0", Census::default(), at(2)).unwrap();
        assert_eq!(leaving.clone().refused(), Some(verified));
        assert_eq!(leaving.confirmed(at(3)), None);
    }

    #[test]
    fn caps_hold() {
        let request = || hub_request(FORM.as_bytes()).unwrap();
        for census in [
            Census { all: FOLLOWERS_MAX, ..Census::default() },
            Census { of_host: FOLLOWERS_OF_A_HOST_MAX, ..Census::default() },
            Census { waiting: WAITING_MAX, ..Census::default() },
        ] {
            assert_eq!(Follower::wish(None, "f", request(), "v0", census, at(0)), Err(Refusal::Full), "{census:?}");
        }
        let known = follow(None, "").unwrap().confirmed(at(0));
        let full = Census { all: FOLLOWERS_MAX, of_host: FOLLOWERS_OF_A_HOST_MAX, waiting: 0 };
        assert!(Follower::wish(known, "f", request(), "v0", full, at(0)).is_ok(), "a renewal takes no place");
    }

    #[test]
    fn a_verification_is_asked_for_with_everything_and_the_callbacks_own_query() {
        let follower = follow(None, "").unwrap();
        let url = follower.verification(follower.wish.as_ref().unwrap(), "https://w.example/f", "abc").unwrap();
        assert_eq!(
            url.as_str(),
            "https://r.example/cb?x=1&hub.mode=subscribe&hub.topic=https%3A%2F%2Fw.example%2Ff&hub.challenge=abc&hub.lease_seconds=864000"
        );
    }

    #[test]
    fn what_changes_before_the_verification_is_told_after_it() {
        let mut follower = follow(None, "").unwrap();
        assert_eq!(follower.task(at(0)), Some(Task::Verify));
        assert!(follower.notice.see("v1", at(1)));
        let mut follower = follower.confirmed(at(2)).unwrap();
        assert_eq!((follower.task(at(2)), follower.due()), (Some(Task::Tell), Some(at(1))));
        follower.notice.done("v1".into(), at(3));
        assert_eq!((follower.task(at(3)), follower.due()), (None, Some(at(864_002))));
        assert_eq!(follower.task(at(864_002)), Some(Task::Forget));
        assert_eq!(follower.clone().lapsed(), None);
        let wishing = follow(Some(follower), "").unwrap().unreached(at(864_001)).unwrap();
        assert_eq!(wishing.task(at(864_002)), Some(Task::Forget), "the old lease only");
        let wishing = wishing.lapsed().unwrap();
        assert_eq!((wishing.task(at(864_002)), wishing.due()), (None, Some(at(864_006))));
    }

    #[test]
    fn a_callback_that_cannot_be_reached_is_tried_four_times() {
        let mut follower = follow(None, "").unwrap();
        let mut waits = Vec::new();
        while let Some(next) = follower.clone().unreached(at(0)) {
            waits.push((next.due().unwrap() - at(0)).num_seconds());
            follower = next;
        }
        assert_eq!(waits, [5, 30, 120]);
    }
}
