//! Telling configured hubs of changed feeds.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use url::form_urlencoded;

use super::{Desk, PushError, Seen, Versions, gate, read_feed, subscribe, with_store};
use crate::config::Site;
use crate::ingest::{Ingest, SharedStore, locked};
use crate::io::clock::Clock;
use crate::io::output;
use crate::publisher;
use crate::stage::push::{Announcement, Notice};

/// Compares the published feeds with what was told of them: what is new is due from then on. A feed that is told of is durable, for it
/// is read back from where it was published.
pub(super) fn compare(site: &Site, store: &SharedStore, versions: &Versions, now: DateTime<Utc>) -> Result<(), PushError> {
    let hubs: Vec<String> = site.hub.announce.iter().map(ToString::to_string).collect();
    let (followed, told) = {
        let store = locked(store);
        (store.followed()?, store.announcements()?)
    };
    // A hub that is told no more is forgotten.
    for gone in told.iter().filter(|told| !hubs.contains(&told.hub)) {
        locked(store).alter_announcement(&gone.hub, &gone.topic, &mut |_| None)?;
    }
    if hubs.is_empty() && followed.is_empty() {
        return Ok(());
    }
    let mut told: HashMap<(String, String), Announcement> = told.into_iter().map(|a| ((a.hub.clone(), a.topic.clone()), a)).collect();
    for topic in publisher::feeds(site).filter(|topic| !hubs.is_empty() || followed.contains(topic)) {
        let Some(stamp) = output::stamp(&site.output, &topic) else { continue };
        let seen = versions.get(&topic).filter(|seen| seen.stamp == stamp);
        let version = match &seen {
            Some(seen) => seen.version.clone(),
            None => match read_feed(site, &topic) {
                Some((_, version)) => version,
                None => continue,
            },
        };
        if seen.is_none() {
            locked(store).feed_changed(&topic, &version, now)?;
        }
        for hub in &hubs {
            let new = || Announcement { hub: hub.clone(), topic: topic.clone(), notice: Notice::default() };
            let mut known = told.remove(&(hub.clone(), topic.clone())).unwrap_or_else(new);
            if known.notice.see(&version, now) {
                locked(store).alter_announcement(hub, &topic, &mut |before| {
                    // What was told in the meantime stays told.
                    let mut announcement = before.unwrap_or_else(new);
                    announcement.notice.see(&version, now);
                    Some(announcement)
                })?;
            }
        }
        versions.set(topic, Seen { stamp, version });
    }
    Ok(())
}

/// Tells a hub of a feed. A hub fetches it then, so it is told nothing but the address.
pub(super) async fn tell(desk: &Desk, hub: &str, topic: &str) -> Result<(), PushError> {
    let site = desk.ingest.site();
    let (reading, path) = (site.clone(), topic.to_owned());
    let read = tokio::task::spawn_blocking(move || read_feed(&reading, &path)).await.map_err(|_| PushError::Lost)?;
    let sent = match &read {
        None => Ok(()),
        Some(_) => {
            let url = format!("{}{topic}", site.base_url);
            // `hub.url` is what the publishers of old sent, `hub.topic` what some hubs of today look for.
            let pairs = [("hub.mode", "publish"), ("hub.url", &url), ("hub.topic", &url)];
            let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
            subscribe::post(desk, hub, form).await
        }
    };
    if let Err(why) = &sent {
        tracing::warn!(hub, topic, why, "a hub could not be told of a feed");
    }
    let (now, key, version) = (desk.clock.now(), (hub.to_owned(), topic.to_owned()), read.map(|(_, version)| version));
    let newest = desk.versions.get(topic).map(|seen| seen.version);
    let note = with_store(desk.ingest.store(), move |store| {
        store.alter_announcement(&key.0, &key.1, &mut |announcement| {
            let mut announcement = announcement?;
            match (&version, &sent) {
                (None, _) => announcement.notice.nothing(),
                (Some(version), Ok(())) => announcement.notice.done(version.clone(), now),
                (Some(version), Err(why)) => announcement.notice.failed(version.clone(), why.clone(), None, now),
            }
            if let Some(newest) = &newest {
                announcement.notice.see(newest, now);
            }
            Some(announcement)
        })
    });
    note.await
}

/// A run that ends waits no longer than this for hubs; those that were not told by then are told by the next run.
const RUN_LIMIT: Duration = Duration::from_secs(30);

/// Tells the configured hubs of what changed, once; what fails is tried again by the next run. For a site without a running service.
///
/// # Errors
/// The store's.
pub async fn announce(ingest: &Ingest, clock: &Clock) -> Result<(), PushError> {
    let site = ingest.site();
    if site.hub.announce.is_empty() {
        return Ok(());
    }
    let desk = Desk { followers: gate(site), ingest: ingest.clone(), clock: clock.clone(), versions: Versions::default() };
    let (this, now) = (desk.clone(), clock.now());
    let compare = move || compare(this.ingest.site(), this.ingest.store(), &this.versions, now);
    tokio::task::spawn_blocking(compare).await.map_err(|_| PushError::Lost)??;
    let due = with_store(ingest.store(), move |store| store.announcements_due(now, usize::MAX >> 1)).await?;
    let told = join_all(due.iter().map(|due| tell(&desk, &due.hub, &due.topic)));
    tokio::time::timeout(RUN_LIMIT, told).await.unwrap_or_default().into_iter().collect()
}
