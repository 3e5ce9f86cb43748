//! Our own hub: who asks is verified, who follows is told.

use std::time::Duration;

use chrono::{DateTime, Utc};
use url::Url;

use super::{Desk, PushError, Wire, random, read_feed, with_store};
use crate::config::{Access, Site};
use crate::io::fetch::{Post, Request};
use crate::publisher;
use crate::stage::exchange;
use crate::stage::push::{Follower, Refusal, Task, Wish, hub_request, sign};
use crate::store::StoreError;

/// A follower has this long to take a push, or to answer a verification.
const LIMIT: Duration = Duration::from_secs(10);

/// Why a request to our hub was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// For a reason that who asked may know.
    #[error(transparent)]
    Told(#[from] Refusal),
    /// Nothing could be noted.
    #[error(transparent)]
    Failed(#[from] PushError),
}

/// Takes a request to our hub in, where this site has one; it is verified soon, and counts only then.
///
/// # Errors
/// Why it is refused.
pub async fn take_in(wire: &Wire, now: DateTime<Utc>, form: &[u8]) -> Result<(), Refused> {
    let ingest = wire.ingest();
    let site = ingest.site().clone();
    let request = hub_request(form)?;
    let topic = topic(&site, &request.topic).ok_or(Refusal::Topic)?;
    ingest.fetcher().may_reach(&request.callback).map_err(|_| Refusal::Callback)?;
    let note = with_store(ingest.store(), move |store| {
        let Some((_, version)) = read_feed(&site, &topic) else { return Ok(Some(Refusal::Topic)) };
        let (callback, host) = (request.callback.to_string(), request.callback.host_str().unwrap_or_default().to_owned());
        let census = store.census(&host)?;
        let mut refused = None;
        store.alter_follower(&topic, &callback, &mut |known| match Follower::wish(
            known.clone(),
            &topic,
            request.clone(),
            &version,
            census,
            now,
        ) {
            Ok(follower) => Some(follower),
            Err(why) => {
                refused = Some(why);
                known
            }
        })?;
        Ok(refused)
    });
    let refused = note.await?;
    wire.0.called.notify_one();
    refused.map_or(Ok(()), |why| Err(why.into()))
}

/// The path of a feed of ours that is at this address.
fn topic(site: &Site, address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    let path = url.as_str().strip_prefix(site.base_url.as_str())?;
    publisher::feeds(site).find(|feed| feed == path)
}

/// Does what is due for a follower.
pub(super) async fn serve(desk: &Desk, topic: &str, callback: &str) -> Result<(), PushError> {
    let now = desk.clock.now();
    let key = (topic.to_owned(), callback.to_owned());
    let found = with_store(desk.ingest.store(), move |store| {
        let mut found = None;
        store.alter_follower(&key.0, &key.1, &mut |follower| {
            let follower = follower?;
            match follower.task(now) {
                Some(Task::Forget) => return follower.lapsed(),
                Some(task) => found = Some((follower.clone(), task)),
                None => {}
            }
            Some(follower)
        })?;
        Ok(found)
    });
    match found.await? {
        Some((follower, Task::Verify)) => verify(desk, follower).await,
        Some((follower, Task::Tell)) => tell(desk, follower).await,
        _ => Ok(()),
    }
}

/// How a verification ended.
enum Verified {
    Confirmed,
    Refused,
    Unreached,
}

/// Asks a callback whether it wants what was asked for in its name, and notes the answer.
async fn verify(desk: &Desk, follower: Follower) -> Result<(), PushError> {
    let Some(wish) = follower.wish.clone() else { return Ok(()) };
    let verified = ask(desk, &follower, &wish).await?;
    let (now, site) = (desk.clock.now(), desk.ingest.site().clone());
    let note = with_store(desk.ingest.store(), move |store| {
        // Read now that the follower is in the store: a later version is seen by the comparison after its publication.
        let version = read_feed(&site, &follower.topic).map(|(_, version)| version);
        store.alter_follower(&follower.topic, &follower.callback, &mut |known| {
            let known = known?;
            if known.wish.as_ref() != Some(&wish) {
                return Some(known);
            }
            let mut known = match verified {
                Verified::Confirmed => known.confirmed(now),
                Verified::Refused => known.refused(),
                Verified::Unreached => known.unreached(now),
            }?;
            if let Some(version) = &version {
                known.notice.see(version, now);
            }
            Some(known)
        })
    });
    note.await
}

async fn ask(desk: &Desk, follower: &Follower, wish: &Wish) -> Result<Verified, PushError> {
    let challenge = random(16)?;
    let topic_url = format!("{}{}", desk.ingest.site().base_url, follower.topic);
    let Some(url) = follower.verification(wish, &topic_url, &challenge) else { return Ok(Verified::Refused) };
    let request = Request { url, etag: None, last_modified: None, validator_url: None, accept: "*/*", access: Access::default() };
    let mut pass = desk.followers.enter(&follower.host).await;
    let answer = tokio::time::timeout(LIMIT, desk.ingest.fetcher().get_paced(&request, &mut pass)).await;
    Ok(match answer {
        // A redirect is no confirmation (section 5.3), wherever it leads.
        Ok(Ok(answer)) if (200..300).contains(&answer.status) && answer.hops.is_empty() && answer.body == challenge.as_bytes() => {
            Verified::Confirmed
        }
        Ok(Ok(answer)) if answer.status >= 500 => Verified::Unreached,
        Ok(Ok(_)) => Verified::Refused,
        // An address that the guard refuses stays refused.
        Ok(Err(why)) if why.class() == "forbidden" => Verified::Refused,
        Ok(Err(_)) | Err(_) => Verified::Unreached,
    })
}

/// How a push ended.
enum Told {
    Taken,
    Gone,
    Failed(String, Option<DateTime<Utc>>),
}

/// Sends a follower the feed as it is now, and notes how that went.
async fn tell(desk: &Desk, follower: Follower) -> Result<(), PushError> {
    let (site, topic) = (desk.ingest.site().clone(), follower.topic.clone());
    let read = tokio::task::spawn_blocking(move || read_feed(&site, &topic)).await.map_err(|_| PushError::Lost)?;
    let (told, version) = match read {
        None => (None, None),
        Some((bytes, version)) => (Some(send(desk, &follower, bytes).await), Some(version)),
    };
    let now = desk.clock.now();
    let newest = desk.versions.get(&follower.topic).map(|seen| seen.version);
    let note = with_store(desk.ingest.store(), move |store| {
        store.alter_follower(&follower.topic, &follower.callback, &mut |known| {
            let mut known = known?;
            match (&told, &version) {
                (Some(Told::Gone), _) => return None,
                (Some(Told::Taken), Some(version)) => known.notice.done(version.clone(), now),
                (Some(Told::Failed(why, not_before)), Some(version)) => {
                    known.notice.failed(version.clone(), why.clone(), *not_before, now);
                }
                _ => known.notice.nothing(),
            }
            if let Some(newest) = &newest {
                known.notice.see(newest, now);
            }
            Some(known)
        })?;
        Ok::<_, StoreError>(())
    });
    note.await
}

async fn send(desk: &Desk, follower: &Follower, bytes: Vec<u8>) -> Told {
    let Ok(url) = Url::parse(&follower.callback) else { return Told::Gone };
    let site = desk.ingest.site();
    let hubs: String = site.hub_urls().iter().map(|hub| format!("<{hub}>; rel=\"hub\", ")).collect();
    let mut headers = vec![("link", format!("{hubs}<{}{}>; rel=\"self\"", site.base_url, follower.topic))];
    if let Some(secret) = follower.lease.as_ref().and_then(|lease| lease.secret.as_ref()) {
        headers.push(("x-hub-signature", sign(secret, &bytes)));
    }
    let content_type = match follower.topic.rsplit('.').next() {
        Some("atom") => "application/atom+xml; charset=utf-8",
        Some("rss") => "application/rss+xml; charset=utf-8",
        _ => "application/feed+json; charset=utf-8",
    };
    let post = Post { url, content_type, headers, body: bytes, follow: false };
    let mut pass = desk.followers.enter(&follower.host).await;
    match tokio::time::timeout(LIMIT, desk.ingest.fetcher().post_paced(&post, &mut pass)).await {
        Ok(Ok(answer)) if (200..300).contains(&answer.status) => Told::Taken,
        Ok(Ok(answer)) if answer.status == 410 => Told::Gone,
        Ok(Ok(answer)) => {
            let not_before = answer.retry_after.and_then(|text| exchange::retry_after(&text, desk.clock.now()));
            Told::Failed(format!("answered {}", answer.status), not_before)
        }
        Ok(Err(why)) => Told::Failed(why.to_string(), None),
        Err(_) => Told::Failed(format!("took longer than {} s", LIMIT.as_secs()), None),
    }
}
