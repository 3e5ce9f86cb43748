//! A source's archive documents ([`backfill`], F29): asked for behind its first document, a few in each poll, at their host's pace.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;

use chrono::{DateTime, Datelike as _, Utc};
use futures_util::FutureExt as _;
use url::Url;

use super::{Ingest, IngestError, Mapped, facts, locked, read, spoken, vet};
use crate::config::Source;
use crate::entry::{Feed, Text};
use crate::io::fetch::{ACCEPT_FEED, Pass, Request, Response};
use crate::stage::exchange::{self, Known, Verdict};
use crate::stage::host::Reach;
use crate::stage::poll::backfill::{self, Backfill};
use crate::stage::poll::{Failure, PollState};
use crate::stage::{identity, map};
use crate::store::Packed;

/// What one poll brought of a source's archives.
pub(super) struct Archives {
    /// Documents that were read, newest first.
    feeds: Vec<Feed>,
    /// How far it came with them.
    pub(super) backfill: Backfill,
    /// A server that wants no request before this: the address that it said so at.
    pub(super) limited: Option<(String, DateTime<Utc>)>,
}

/// What one request for an archive document came to.
enum Came {
    Read(Box<Feed>),
    Failed { why: String, gone: bool, not_before: Option<DateTime<Utc>> },
    Limited { url: String, why: String, until: DateTime<Utc> },
}

impl Ingest {
    /// Asks for the archive documents whose turn it is. `None` where there are none, or the source itself did not answer well.
    pub(super) async fn archives(
        &self,
        source: &Source,
        known: &PollState,
        answer: &Result<Response, Failure>,
        pass: &mut Pass,
        now: DateTime<Utc>,
    ) -> Option<Archives> {
        let is_well = answer.as_ref().is_ok_and(|response| matches!(response.status, 200 | 203 | 204 | 205 | 304));
        // What was noted under another address of the configuration says nothing.
        if !source.backfill || !is_well || known.source_url.as_deref() != Some(source.url.as_str()) {
            return None;
        }
        let mut backfill = known.backfill.clone().filter(|backfill| backfill.due(now).is_some())?;
        let (mut feeds, mut limited) = (Vec::new(), None);
        for _ in 0..backfill::DOCUMENTS_A_POLL {
            let Some(Ok(url)) = backfill.due(now).map(Url::parse) else { break };
            let host = url.host_str().unwrap_or_default().to_owned();
            let limit = locked(&self.store).host_limit(&self.budgets.name(&host)).ok().flatten();
            if limit.is_some_and(|until| until > now) {
                break;
            }
            pass.next(&host).await;
            match self.archive(source, &url, pass, now).await {
                Came::Read(feed) if feed.breaks_off => {
                    // What there is of it is taken; where it goes on may be in the rest.
                    backfill = backfill.failed("it breaks off".to_owned(), false, None);
                    feeds.push(*feed);
                }
                Came::Read(feed) => {
                    backfill = backfill.read(&feed.links);
                    feeds.push(*feed);
                }
                Came::Failed { why, gone, not_before } => backfill = backfill.failed(why, gone, not_before),
                Came::Limited { url, why, until } => {
                    backfill = backfill.failed(why, false, Some(until));
                    limited = Some((url, until));
                }
            }
            if backfill.tries > 0 {
                break;
            }
        }
        Some(Archives { feeds, backfill, limited })
    }

    /// One request. The address was chosen by the feed, so that it is given nothing but at the source's own host.
    async fn archive(&self, source: &Source, url: &Url, pass: &mut Pass, now: DateTime<Utc>) -> Came {
        let failed = |why: String| Came::Failed { why, gone: false, not_before: None };
        let access = source.access.at(&source.url, url);
        let request = Request { url: url.clone(), etag: None, last_modified: None, validator_url: None, accept: ACCEPT_FEED, access };
        let response = match AssertUnwindSafe(self.fetcher.get_paced(&request, pass)).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return failed(error.to_string()),
            Err(panic) => return failed(super::fault("fetch", &super::words(&*panic)).why),
        };
        let asked = Known { url: url.to_string(), ..Known::default() };
        match exchange::judge(&asked, &facts(&response), now) {
            Verdict::Fresh { .. } => {}
            Verdict::Unchanged { .. } => return failed(format!("answered {} without a document", response.status)),
            Verdict::Failed { class, why, retry_not_before } => {
                return Came::Failed { why, gone: class == "not-found", not_before: retry_not_before };
            }
            Verdict::Gone { why } => return Came::Failed { why, gone: true, not_before: None },
            Verdict::RateLimited { until, why } => return Came::Limited { url: response.final_url.to_string(), why, until },
        }
        let place = self.readers.enter(response.body.len()).await;
        let (this, source) = (self.clone(), source.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let _place = place;
            read::feed(&source, &this.site.published(), &response)
        });
        match reading.await {
            Ok(Ok(feed)) => Came::Read(Box::new(feed)),
            Ok(Err(failure)) => failed(failure.why),
            Err(error) => failed(super::fault("read", &error.to_string()).why),
        }
    }

    /// The entries of archive documents that nothing newer is known of, mapped, and what to say of the others. What the subscription
    /// document lists wins over its archives, and newer archives over older ones.
    pub(super) fn archived(
        &self,
        source: &Source,
        state: &PollState,
        archives: &Archives,
        listed: Option<&vet::Vetted>,
        now: DateTime<Utc>,
    ) -> Result<(Vec<Mapped>, Vec<String>), IngestError> {
        let mut seen: HashSet<String> = listed.into_iter().flat_map(|vetted| &vetted.keyed).map(|keyed| keyed.key.clone()).collect();
        let (mut mapped, mut undated, mut over) = (Vec::new(), 0_usize, 0_usize);
        for feed in &archives.feeds {
            let keyed = identity::keys(&feed.entries, Reach::of(source));
            let keys: Vec<String> = keyed.iter().map(|keyed| keyed.key.clone()).collect();
            let known = locked(&self.store).known(&source.id, &keys)?;
            let taken_from = map::taken_from(&headed(feed, state), source, now);
            let newest = newest(feed, now);
            for (keyed, known) in keyed.into_iter().zip(known) {
                let Some(entry) = feed.entries.get(keyed.index) else { continue };
                if known.is_some() || !seen.insert(keyed.key.clone()) {
                    continue;
                }
                if mapped.len() >= source.entries_max {
                    over += 1;
                    continue;
                }
                // Dated by when it was first seen, it would be news.
                let Some(first_seen) = newest else {
                    undated += 1;
                    continue;
                };
                let fingerprint = identity::fingerprint(entry);
                let entry = spoken(entry, feed);
                let reserved = feed.reservation.as_ref().or(state.reservation.as_ref());
                let taken = (&taken_from, reserved);
                let made = map::make(&entry, keyed.address.as_ref(), &keyed.key, source, taken, self.rules(), first_seen);
                let raw = Packed::new(&serde_json::to_vec(&*entry).map_err(|_| IngestError::Encode(source.id.clone()))?);
                mapped.push(Mapped { is_new: true, key: keyed.key, known: None, fingerprint, raw, made });
            }
        }
        let note = |count: usize, why: &str| (count > 0).then(|| format!("{count} entries of its archives {why}"));
        let notes = [note(undated, "have no date and were left out"), note(over, "were left out (entries_max)")];
        Ok((mapped, notes.into_iter().flatten().collect()))
    }
}

/// An archive document that is called what the source's own document is called.
fn headed(archive: &Feed, state: &PollState) -> Feed {
    let normal = state.normal.as_ref();
    let title = normal.and_then(|normal| normal.title.clone()).map(|value| Text { value, ..Text::default() });
    Feed {
        id: normal.and_then(|normal| normal.id.clone()),
        title: title.or_else(|| archive.title.clone()),
        updated: archive.updated,
        links: archive.links.iter().filter(|link| matches!(link.rel.as_deref(), Some("alternate" | "license"))).cloned().collect(),
        rights: archive.rights.clone(),
        ..Feed::empty(archive.kind)
    }
}

/// When the newest of an archive's entries is from: nothing in it is newer. `None` where nothing in it is dated.
fn newest(archive: &Feed, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let entries = archive.entries.iter().flat_map(|entry| [entry.published, entry.updated]);
    entries.chain([archive.updated]).flatten().filter(|date| *date <= now && date.year() > 1970).max()
}
