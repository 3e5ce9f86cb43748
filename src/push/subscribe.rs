//! Subscribing at the hubs of sources, and being called by them.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use url::Url;

use super::{Desk, PushError, Wire, random, with_store};
use crate::config::Site;
use crate::ingest::{SharedStore, locked};
use crate::io::fetch::{FetchError, Post};
use crate::stage::push::{Key, Mode, Offer, Step, Subscription, check, verification_form};

/// Bytes of randomness in a callback's path, and in a secret.
const PATH_BYTES: usize = 20;
const SECRET_BYTES: usize = 32;

/// Longest challenge that is answered; real ones are below 200 bytes.
const CHALLENGE_MAX_BYTES: usize = 4_096;

/// Makes the subscriptions of these sources, or of all, what their documents offer and the configuration wants.
pub(super) fn settle(site: &Site, store: &SharedStore, sources: Option<&BTreeSet<String>>, now: DateTime<Utc>) -> Result<(), PushError> {
    let mut wanted: HashMap<String, Offer> = HashMap::new();
    let mut known: Vec<Subscription> = Vec::new();
    {
        let store = locked(store);
        let states = match sources {
            None => {
                known = store.subscriptions(None)?;
                if site.push.subscribe { store.poll_states()? } else { Vec::new() }
            }
            Some(sources) => {
                let mut states = Vec::new();
                for source in sources {
                    known.extend(store.subscriptions(Some(source))?);
                    states.push((source.clone(), store.poll_state(source)?));
                }
                states
            }
        };
        if site.push.subscribe {
            let offered = states.into_iter().filter(|(id, _)| site.sources.iter().any(|source| source.id == *id));
            wanted.extend(offered.filter_map(|(id, state)| Some((id, state.offer?))));
        }
    }
    let base = site.push.callback_base.as_str();
    for subscription in known {
        if wanted.get(&subscription.source).is_some_and(|offer| subscription.serves(offer, base)) {
            wanted.remove(&subscription.source);
        } else {
            locked(store).alter_subscription(&subscription.path, &mut |s| {
                let mut s = s?;
                s.leave(now);
                Some(s)
            })?;
        }
    }
    for (source, offer) in wanted {
        let path = random(PATH_BYTES)?;
        let Some(secret) = Key::new(random(SECRET_BYTES)?) else { continue };
        let new = Subscription::new(&source, offer, base, path, secret, now);
        locked(store).alter_subscription(&new.path, &mut |_| Some(new.clone()))?;
    }
    Ok(())
}

/// Asks the hub for what is to be asked of it, if anything.
pub(super) async fn ask(desk: &Desk, path: &str) -> Result<(), PushError> {
    let (now, store) = (desk.clock.now(), desk.ingest.store());
    let key = path.to_owned();
    // Noted before the hub is asked: it may verify before it answers.
    let asking = with_store(store, move |store| {
        let mut asking = None;
        store.alter_subscription(&key, &mut |s| {
            let mut s = s?;
            match s.step(now) {
                Step::Drop => return None,
                Step::Wait(_) => {}
                Step::Ask(mode) => {
                    s.asks(now);
                    asking = Some((s.clone(), mode));
                }
            }
            Some(s)
        })?;
        Ok(asking)
    });
    let Some((subscription, mode)) = asking.await? else { return Ok(()) };
    let Err(why) = post(desk, &subscription.offer.hub, subscription.form(mode)).await else { return Ok(()) };
    tracing::warn!(source = subscription.source, hub = subscription.offer.hub, mode = mode.word(), why, "a hub was asked in vain");
    let (now, key) = (desk.clock.now(), path.to_owned());
    let note = with_store(store, move |store| {
        store.alter_subscription(&key, &mut |s| {
            let mut s = s?;
            s.failed(&why, now);
            Some(s)
        })
    });
    note.await
}

/// Sends a hub a form; anything but a success is told in a sentence.
pub(super) async fn post(desk: &Desk, hub: &str, form: String) -> Result<(), String> {
    let url = Url::parse(hub).map_err(|e| format!("{hub}: {e}"))?;
    let mut pass = desk.ingest.gate().enter(url.host_str().unwrap_or_default()).await;
    let post = Post { url, content_type: "application/x-www-form-urlencoded", headers: Vec::new(), body: form.into_bytes(), follow: true };
    let answer = desk.ingest.fetcher().post_paced(&post, &mut pass).await.map_err(|error| match error {
        // Without the remedy for sources: what they name is not the operator's.
        FetchError::Forbidden { why } => why.to_string(),
        error => error.to_string(),
    })?;
    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    let words: String = String::from_utf8_lossy(&answer.body).split_whitespace().take(20).collect::<Vec<_>>().join(" ");
    let said = if words.is_empty() { String::new() } else { format!(": {words}") };
    Err(format!("answered {}{said}", answer.status))
}

/// A hub's question, whether what it was asked for is wanted: the challenge to answer with if it is, nothing else otherwise. A hub
/// that denies is answered with nothing to repeat.
///
/// # Errors
/// The store's.
pub async fn verify(wire: &Wire, now: DateTime<Utc>, path: String, query: &str) -> Result<Option<String>, PushError> {
    let [mode, topic, challenge, lease_s, reason] = verification_form(query);
    let (Some(word), Some(topic)) = (mode, topic) else { return Ok(None) };
    let (mode, challenge) = match (Mode::of(&word), challenge) {
        (Some(mode), Some(challenge)) if challenge.len() <= CHALLENGE_MAX_BYTES => (Some(mode), challenge),
        (None, _) if word == "denied" => (None, String::new()),
        _ => return Ok(None),
    };
    let ingest = wire.ingest();
    let note = with_store(ingest.store(), move |store| {
        let mut answer = None;
        // Looked for before anything is locked: strangers ask here too.
        if store.subscription(&path)?.is_none() {
            return Ok(answer);
        }
        store.alter_subscription(&path, &mut |s| {
            let mut s = s?;
            match mode {
                Some(mode) if s.awaits(mode, &topic) => {
                    answer = Some(challenge.clone());
                    match mode {
                        Mode::Unsubscribe => return None,
                        Mode::Subscribe => s.verified(lease_s.as_deref().and_then(|text| text.parse().ok()), now),
                    }
                }
                None if s.offer.topic == topic => {
                    answer = Some(String::new());
                    s.denied(reason.as_deref().unwrap_or("the hub gave no reason"), now);
                }
                _ => {}
            }
            Some(s)
        })?;
        Ok(answer)
    });
    let answer = note.await?;
    if answer.is_some() {
        wire.0.called.notify_one();
    }
    Ok(answer)
}

/// Whether a callback is one that pushes may come to now, and its secret.
///
/// # Errors
/// The store's.
pub async fn listens(wire: &Wire, now: DateTime<Utc>, path: String) -> Result<Option<Key>, PushError> {
    let ingest = wire.ingest();
    let found = with_store(ingest.store(), move |store| store.subscription(&path));
    Ok(found.await?.filter(|subscription| subscription.stands(now)).map(|subscription| subscription.secret))
}

/// A push has come to a callback that listens: if its signature is good, the source is polled soon. Its bytes are for nothing else
/// (acceptance S35).
///
/// # Errors
/// The store's.
pub async fn pushed(wire: &Wire, now: DateTime<Utc>, path: String, key: &Key, signature: &str, body: &[u8]) -> Result<(), PushError> {
    if check(signature, key, body).is_none() {
        return Ok(());
    }
    let ingest = wire.ingest();
    let note = with_store(ingest.store(), move |store| {
        let mut source = None;
        store.alter_subscription(&path, &mut |s| {
            let mut s = s?;
            if s.pushed(now) {
                source = Some(s.source.clone());
            }
            Some(s)
        })?;
        Ok(source)
    });
    if let Some(source) = note.await? {
        tracing::info!(source, "pushed");
        wire.0.hinted.notify_one();
    }
    Ok(())
}
