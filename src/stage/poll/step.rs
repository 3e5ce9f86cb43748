//! One poll: what to ask, and what is known afterwards.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use super::{Asked, Degraded, Failure, Found, Gone, Outcome, PollState, moves};
use crate::config::Budgets;
use crate::entry::PaceHints;
use crate::stage::drift::Normal;
use crate::stage::exchange::{self, Facts, Known, Validators, Verdict};
use crate::stage::host::is_public;
use crate::stage::opml::Outline;
use crate::stage::schedule::{self, Schedule};
use crate::syntax::rfc3339;

/// Nothing but 304 for this long earns one request without validators, and no more than one in this time (C2, F8): some servers answer
/// 304 for ever.
const RENEWAL_AFTER: TimeDelta = TimeDelta::days(8);

/// Answers of 410 Gone, and the days they span, after which a source is gone for good (F15).
const GONE_ANSWERS: u32 = 3;
const GONE_SPAN: TimeDelta = TimeDelta::days(3);

/// Wait after a challenge page (F35): it is no rate limit, and coming back sooner only confirms what the filter believes. The operator
/// may come back sooner, after a talk with the publisher.
const CHALLENGE_WAIT: Duration = Duration::from_secs(86_400);

/// No stored wait is longer (F13); one that is was written by a clock that was wrong.
const WAIT_MAX: TimeDelta = TimeDelta::days(7);

/// What the operator wants of a source.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// Its configured URL.
    pub url: &'a str,
    /// When it is polled.
    pub schedule: &'a Schedule,
    /// The shortest time between two polls.
    pub floor: Duration,
    /// What makes its waits differ from other sources': [`schedule::seed`] of its id.
    pub seed: u64,
    /// Which hosts share a budget of requests.
    pub budgets: &'a Budgets,
    /// Its host lies in a network that the operator gave it access to.
    pub is_private: bool,
}

/// What a poll asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// Where.
    pub url: String,
    /// `If-None-Match`, byte for byte (F1).
    pub etag: Option<Vec<u8>>,
    /// `If-Modified-Since`, byte for byte.
    pub last_modified: Option<Vec<u8>>,
    /// The one URL that both may be sent to (F10).
    pub validator_url: Option<String>,
    /// Whether it is conditional, and if not, why not.
    pub how: Asked,
}

/// What to do about a source now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing, not even if the operator wants it.
    Wait {
        /// Before this.
        until: DateTime<Utc>,
        /// Why, for people.
        why: String,
    },
    /// This.
    Ask(Ask),
}

/// What was found in a body.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The publisher's hints.
    pub pace: PaceHints,
    /// The feed's title.
    pub title: Option<String>,
    /// Entries in it.
    pub listed: usize,
    /// Defects that it was read in spite of.
    pub repairs: Vec<String>,
    /// It ends before its end.
    pub breaks_off: bool,
    /// When its entries were published, as far as they say.
    pub posted: Vec<DateTime<Utc>>,
    /// What is known of the source from now on.
    pub learnt: Learnt,
}

/// What a document teaches about its source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Learnt {
    /// What is normal for it.
    pub normal: Option<Normal>,
    /// What it turned out to be, where its kind is not configured.
    pub found: Option<Found>,
    /// The feeds that it names, if it is a list of them.
    pub outlines: Vec<Outline>,
    /// Empty documents in a row, this one included.
    pub empty: u32,
    /// Older copies in a row, this one included.
    pub older: u32,
    /// What was taken is not all that the document stands for: neither its validators nor its bytes may vouch for it.
    pub unvouched: bool,
}

/// Whether a source's time has come: never polled, or past it. A poll that lies in the future was noted by a clock that was wrong,
/// and with it the time of the next.
#[must_use]
pub fn is_due(state: &PollState, now: DateTime<Utc>) -> bool {
    let is_ahead = state.polled_at.is_some_and(|at| at.signed_duration_since(now) > TimeDelta::hours(1));
    is_ahead || state.next_due.is_none_or(|due| due <= now)
}

/// What a poll of the source at `source_url` asks now. `host_until` is the latest time before which a server on its host, or on one
/// that shares its budget, wants no requests at all (F13).
#[must_use]
pub fn plan(state: &PollState, source_url: &str, host_until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Plan {
    let wait = |until: Option<DateTime<Utc>>| until.filter(|until| *until > now && *until - now <= WAIT_MAX);
    if let Some(until) = wait(state.retry_not_before) {
        return Plan::Wait { until, why: format!("the server asked to wait until {}; not asked again before", rfc3339(until)) };
    }
    if let Some(until) = wait(host_until) {
        let why = format!("its host asked for fewer requests, and to wait until {}; not asked again before", rfc3339(until));
        return Plan::Wait { until, why };
    }
    let url = address(state, source_url).to_owned();
    let belongs = belongs(state, source_url);
    let is_stale = state.unmodified_since.is_some_and(|since| now.signed_duration_since(since) >= RENEWAL_AFTER)
        && state.unconditional_at.is_none_or(|at| now.signed_duration_since(at) >= RENEWAL_AFTER);
    let how = match () {
        () if state.from_zero => Asked::FromZero,
        () if state.well_at.is_none() => Asked::First,
        () if !belongs => Asked::NewAddress,
        () if state.etag.is_none() && state.last_modified.is_none() => Asked::NoValidators,
        () if is_stale && state.failures == 0 => Asked::Renewal,
        () => Asked::Conditional,
    };
    let mut ask = Ask { url, how, ..Ask::default() };
    if how == Asked::Conditional {
        ask.etag.clone_from(&state.etag);
        ask.last_modified.clone_from(&state.last_modified);
        ask.validator_url.clone_from(&state.validator_url);
    }
    Plan::Ask(ask)
}

/// Where a source is asked: where it moved to, or where its feed was found, as long as the configuration says what it said then.
#[must_use]
pub fn address<'a>(state: &'a PollState, source_url: &'a str) -> &'a str {
    if state.source_url.as_deref() != Some(source_url) {
        return source_url;
    }
    let found = state.found.as_ref().map_or(source_url, |found| &found.url);
    state.adopted.as_ref().map_or(found, |adopted| &adopted.url)
}

/// Whether what is known was learnt of the source as it is configured, or at the address that it now has: an operator who writes a
/// move into the configuration loses nothing.
fn belongs(state: &PollState, source_url: &str) -> bool {
    [&state.source_url, &state.validator_url].iter().any(|url| url.as_deref() == Some(source_url))
}

/// What is known of a source after a poll that asked `ask`, the next attempt included.
///
/// `answer` is the response, or why there was none. `read` reads the body and is asked at most once, when there is one that is new.
/// `contested` says what speaks against adopting a permanent move to a URL ([`moves::contested`]).
pub fn after(
    setting: &Setting<'_>,
    before: PollState,
    ask: &Ask,
    answer: Result<&Facts, Failure>,
    now: DateTime<Utc>,
    read: impl FnOnce() -> Result<Reading, Failure>,
    contested: impl FnOnce(&str) -> Option<String>,
) -> PollState {
    let mut state = before;
    if state.source_url.as_deref() != Some(setting.url) {
        if !belongs(&state, setting.url) {
            (state.etag, state.last_modified, state.validator_url, state.body_hash) = (None, None, None, None);
            (state.normal, state.degraded, state.empty, state.older) = (None, None, 0, 0);
        }
        (state.found, state.backfill) = (None, None);
        (state.moving, state.adopted, state.refused_move, state.gone) = (None, None, None, None);
        state.source_url = Some(setting.url.to_owned());
    }
    let known = Known {
        url: ask.url.clone(),
        etag: state.etag.clone(),
        last_modified: state.last_modified.clone(),
        validator_url: state.validator_url.clone(),
        body_hash: state.body_hash.filter(|_| ask.how != Asked::FromZero),
    };
    state.polled_at = Some(now);
    (state.new, state.changed, state.bytes) = (0, 0, 0);
    (state.retry_not_before, state.limited_host, state.words) = (None, None, None);
    (state.status, state.moved_to, state.failure) = (None, None, None);
    (state.from_zero, state.accept) = (false, false);
    state.asked = ask.how;

    let mut least = Duration::ZERO;
    match answer {
        Err(failure) => {
            if ask.how != Asked::Conditional {
                state.unconditional_at = Some(now);
            }
            fail(&mut state, Outcome::Failed, failure, now);
        }
        Ok(facts) => {
            state.status = Some(facts.status);
            state.bytes = facts.wire_bytes;
            if facts.from_twin {
                state.asked = Asked::Twin;
            } else if !facts.conditional {
                state.unconditional_at = Some(now);
                // Validators stay at home when a redirect leads elsewhere.
                state.asked = if ask.how == Asked::Conditional { Asked::NewAddress } else { ask.how };
            }
            least = received(&mut state, setting, &known, facts, now, read, contested);
        }
    }

    let next = schedule::next_attempt(
        setting.schedule,
        &schedule::History {
            last_attempt: now,
            failures: state.failures,
            failing_since: state.backing_off_since,
            retry_not_before: state.retry_not_before,
            least,
            outcome_gone: state.outcome == Outcome::Gone,
            gone_for_good: state.gone.is_some_and(|gone| gone.for_good),
            rhythm: schedule::rhythm(&state.posted_s, now),
        },
        &state.pace,
        state.max_age_s.map(Duration::from_secs),
        setting.floor,
        setting.seed,
    );
    (state.next_due, state.next_why) = (Some(next.at), next.why);
    state
}

/// What an answer changes. Returns the least wait that it asks for by its kind.
fn received(
    state: &mut PollState,
    setting: &Setting<'_>,
    known: &Known,
    facts: &Facts,
    now: DateTime<Utc>,
    read: impl FnOnce() -> Result<Reading, Failure>,
    contested: impl FnOnce(&str) -> Option<String>,
) -> Duration {
    let exchange = |class: &str, why: String| Failure { stage: "exchange".into(), class: class.into(), why };
    let mut least = Duration::ZERO;
    let mut good = None;
    match exchange::judge(known, facts, now) {
        Verdict::Unchanged { validators, moved_to } => good = Some((validators, moved_to, Outcome::Unchanged)),
        Verdict::Fresh { validators, moved_to } => match read() {
            Ok(reading) => {
                let outcome = if moved_to.is_some() { Outcome::Moved } else { Outcome::Succeeded };
                let learnt = reading.learnt;
                if !learnt.unvouched {
                    state.body_hash = facts.body_hash;
                }
                if state.found != learnt.found {
                    // What was learnt of moves was learnt at another address.
                    (state.moving, state.adopted) = (None, None);
                }
                (state.normal, state.found, state.outlines) = (learnt.normal, learnt.found, learnt.outlines);
                (state.empty, state.older) = (learnt.empty, learnt.older);
                state.pace = reading.pace;
                state.title = reading.title;
                state.listed = reading.listed;
                state.repairs = reading.repairs;
                state.posted_s = schedule::posted(&state.posted_s, reading.posted, now);
                // A document that breaks off vouches for nothing behind its end: with its validators stored, a 304 would hide that for
                // ever. If the same bytes come once more, they are the document.
                let old = || Validators {
                    etag: known.etag.clone(),
                    last_modified: known.last_modified.clone(),
                    url: known.validator_url.clone().unwrap_or_else(|| known.url.clone()),
                };
                good = Some((if reading.breaks_off || learnt.unvouched { old() } else { validators }, moved_to, outcome));
            }
            // The old validators stay: new ones would vouch for entries that were not read (F6).
            Err(failure) => {
                if failure.stage == "drift" {
                    let since = state.degraded.as_ref().map_or(now, |degraded| degraded.since);
                    let (class, why) = (failure.class.clone(), failure.why.clone());
                    state.degraded = Some(Degraded { since, class, why, repair: None, repair_toml: None });
                }
                fail(state, Outcome::Failed, failure, now);
            }
        },
        Verdict::Failed { class, why, retry_not_before } => {
            if class == exchange::CHALLENGE {
                least = CHALLENGE_WAIT;
            }
            fail(state, Outcome::Failed, exchange(class, why), now);
            state.retry_not_before = retry_not_before;
        }
        Verdict::RateLimited { until, why } => {
            fail(state, Outcome::RateLimited, exchange("rate-limited", why), now);
            state.retry_not_before = Some(until);
            state.limited_host = limited(setting, &facts.final_url);
        }
        Verdict::Gone { why } => {
            fail(state, Outcome::Gone, exchange("gone", why), now);
            let seen = state
                .gone
                .map_or(Gone { since: now, answers: 1, for_good: false }, |gone| Gone { answers: gone.answers.saturating_add(1), ..gone });
            let for_good = seen.answers >= GONE_ANSWERS && now.signed_duration_since(seen.since) >= GONE_SPAN;
            state.gone = Some(Gone { for_good: seen.for_good || for_good, ..seen });
        }
    }
    match good {
        Some((validators, moved_to, outcome)) => succeed(state, facts, known, validators, moved_to, outcome, now, contested),
        None => {
            state.words.clone_from(&facts.words);
            // A target that gives no feed is no new home.
            if facts.permanent && facts.final_url != known.url {
                state.moving = None;
            }
        }
    }
    least
}

#[expect(clippy::too_many_arguments, reason = "the second half of one function, with what it already has at hand")]
fn succeed(
    state: &mut PollState,
    facts: &Facts,
    known: &Known,
    validators: Validators,
    moved_to: Option<String>,
    outcome: Outcome,
    now: DateTime<Utc>,
    contested: impl FnOnce(&str) -> Option<String>,
) {
    state.outcome = outcome;
    state.well_at = Some(now);
    (state.failures, state.failing_since, state.backing_off_since, state.gone) = (0, None, None, None);
    state.degraded = None;
    state.etag = validators.etag;
    state.last_modified = validators.last_modified;
    state.validator_url = Some(validators.url);
    let is_bodiless = matches!(facts.status, 204 | 205 | 304);
    state.unmodified_since = is_bodiless.then(|| state.unmodified_since.unwrap_or(now));
    // A 304 changes only the fields that it carries (RFC 9111 3.2; F3).
    if !is_bodiless || facts.max_age.is_some() {
        state.max_age_s = facts.max_age.map(|age| age.as_secs());
    }
    state.moved_to.clone_from(&moved_to);
    moves::watch(state, &known.url, moved_to, now, contested);
}

fn fail(state: &mut PollState, outcome: Outcome, failure: Failure, now: DateTime<Utc>) {
    state.outcome = outcome;
    state.failure = Some(failure);
    state.failures = state.failures.saturating_add(1);
    state.failing_since = state.failing_since.or(Some(now));
    state.backing_off_since = state.backing_off_since.or(Some(now));
}

/// Whose requests a 429 ends, besides those for the address itself: all that share the host's budget. Only on the public internet: on a
/// machine of one's own, one busy route says nothing of the others (a self-hosted bridge serves hundreds of unrelated ones).
fn limited(setting: &Setting<'_>, final_url: &str) -> Option<String> {
    let url = Url::parse(final_url).ok()?;
    let host = url.host().filter(is_public)?;
    let is_own = setting.is_private && Url::parse(setting.url).is_ok_and(|own| own.host() == Some(host));
    if is_own { None } else { url.host_str().map(|host| setting.budgets.name(host).into_owned()) }
}

/// A server that was asked for something besides the source's own document, at `url`, wants no requests before `until`. What came is
/// kept, and the source waits with all that share its budget (F13).
pub fn pause(state: &mut PollState, setting: &Setting<'_>, url: &str, until: DateTime<Utc>) {
    state.retry_not_before = state.retry_not_before.max(Some(until));
    state.limited_host = limited(setting, url);
    let due = schedule::shortly(until, setting.seed);
    if state.next_due.is_none_or(|next| next < due) {
        (state.next_due, state.next_why) = (Some(due), "its host asked for fewer requests while its archives were read".to_owned());
    }
}

/// The operator says "retry": back-off and gone are forgotten, and the source is due; a wait that the server asked for stays.
#[must_use]
pub fn retry(state: PollState, now: DateTime<Utc>) -> PollState {
    let due = state.retry_not_before.map_or(now, |until| until.max(now));
    PollState { failures: 0, backing_off_since: None, gone: None, next_due: Some(due), next_why: "retry was asked for".to_owned(), ..state }
}

/// The operator says that what a source gives now is right: the next document is taken whatever it is like, and is what is normal from
/// then on.
#[must_use]
pub fn accept(state: PollState) -> PollState {
    PollState { accept: true, ..state }
}

/// The operator takes a permanent move back: the source is asked where the configuration says, and never moves there again. Returns the
/// move's target; `None` if there was no move.
pub fn undo_move(state: &mut PollState) -> Option<String> {
    let target = state.adopted.take().map(|adopted| adopted.url).or_else(|| state.moving.take().map(|moving| moving.to))?;
    state.moving = None;
    state.refused_move = Some(target.clone());
    Some(target)
}

/// The operator wants the whole document again: the next request carries no validators. They are kept in case it fails.
#[must_use]
pub fn from_zero(state: PollState) -> PollState {
    PollState { from_zero: true, ..state }
}
