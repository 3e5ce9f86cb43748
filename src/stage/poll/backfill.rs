//! A source's archive documents, which are read once, after its first document (RFC 5005 section 4, F29). Pure.
//!
//! The first poll takes the document that is subscribed to, as ever, and notes where its archives begin. Each later poll reads a few of
//! them, newest first, and notes how far it came in the same transaction as their entries: a kill costs a request, and no entry.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::entry::{Feed, FeedKind, Link};

/// Archive documents that are read of a source.
const DOCUMENTS_MAX: usize = 20;

/// Those that one poll asks for: others wait for the host too.
pub const DOCUMENTS_A_POLL: usize = 5;

/// Polls that try in vain to get one document, before it and what is older is let go.
const TRIES_MAX: u32 = 3;

/// How far a source's archives have been read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Backfill {
    /// The archive document that is read next; `None` if there is no more to read.
    pub next: Option<String>,
    /// Those that were read, newest first.
    pub read: Vec<String>,
    /// Polls in a row that could not have `next`.
    pub tries: u32,
    /// `next` is not asked for before this, as its server asked.
    pub not_before: Option<DateTime<Utc>>,
    /// Why the last try failed, or why older documents are let go.
    pub why: Option<String>,
}

/// Where a source's archives begin, by its first document; `None` if it has none. Only a feed's own `prev-archive` counts: `next` and
/// `prev` are pages of a list that changes.
#[must_use]
pub fn begun(first: &Feed) -> Option<Backfill> {
    let is_feed = matches!(first.kind, FeedKind::Rss0 | FeedKind::Rss1 | FeedKind::Rss2 | FeedKind::Atom);
    let next = previous(&first.links).filter(|_| is_feed)?;
    Some(Backfill { next: Some(next.to_owned()), ..Backfill::default() })
}

fn previous(links: &[Link]) -> Option<&str> {
    let named = |link: &&Link| link.rel.as_deref().is_some_and(|rel| rel.trim().eq_ignore_ascii_case("prev-archive"));
    let href = links.iter().find(named)?.href.as_str();
    (href.starts_with("http://") || href.starts_with("https://")).then_some(href)
}

impl Backfill {
    /// What is to be asked for now.
    #[must_use]
    pub fn due(&self, now: DateTime<Utc>) -> Option<&str> {
        self.next.as_deref().filter(|_| self.not_before.is_none_or(|until| until <= now))
    }

    /// After `next` was read, a document with these links.
    #[must_use]
    pub fn read(mut self, links: &[Link]) -> Self {
        self.read.extend(self.next.take());
        let previous = previous(links).map(str::to_owned);
        (self.tries, self.not_before) = (0, None);
        self.why = match &previous {
            Some(previous) if self.read.contains(previous) => Some("its archives lead in a circle".to_owned()),
            Some(_) if self.read.len() >= DOCUMENTS_MAX => Some(format!("there are older ones; {DOCUMENTS_MAX} are read of a source")),
            _ => None,
        };
        self.next = previous.filter(|_| self.why.is_none());
        self
    }

    /// After `next` could not be had. What is gone for good is not asked for again.
    #[must_use]
    pub fn failed(mut self, why: String, gone: bool, not_before: Option<DateTime<Utc>>) -> Self {
        self.tries = self.tries.saturating_add(1);
        (self.why, self.not_before) = (Some(why), not_before);
        if gone || self.tries >= TRIES_MAX {
            (self.next, self.not_before) = (None, None);
        }
        self
    }

    /// How far it came, for people.
    #[must_use]
    pub fn words(&self) -> String {
        let read = format!("{} archive documents read", self.read.len());
        let why = self.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        match (&self.next, self.tries) {
            (Some(next), 0) => format!("{read}; next {next}"),
            (Some(next), tries) => format!("{read}; {next} could not be had ({tries} of {TRIES_MAX} tries){why}"),
            (None, 0) => format!("{read}{why}"),
            (None, _) => format!("{read}; the older ones could not be had{why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(previous: &str) -> Vec<Link> {
        let link = |rel: &str, href: &str| Link { rel: Some(rel.into()), href: href.into(), ..Link::default() };
        vec![link("next", "https://a.example/page2"), link("prev-archive", previous)]
    }

    fn url(n: usize) -> String {
        format!("https://a.example/{n}")
    }

    #[test]
    fn only_a_feed_with_archives_has_any_to_read() {
        let feed = |kind, links| Feed { links, ..Feed::empty(kind) };
        let next = |feed: &Feed| begun(feed).and_then(|backfill| backfill.next);
        assert_eq!(next(&feed(FeedKind::Atom, links(&url(1)))), Some(url(1)));
        assert_eq!(next(&feed(FeedKind::Rss2, links("javascript:1"))), None);
        assert_eq!(next(&feed(FeedKind::Rss2, Vec::new())), None);
        assert_eq!(next(&feed(FeedKind::Page, links(&url(1)))), None);
    }

    #[test]
    fn it_ends_with_the_last_archive_in_a_circle_or_after_twenty() {
        let first = || begun(&Feed { links: links(&url(0)), ..Feed::empty(FeedKind::Atom) }).unwrap();
        let end = first().read(&[]);
        assert_eq!((end.next.as_ref(), end.words().as_str()), (None, "1 archive documents read"));
        let circle = first().read(&links(&url(1))).read(&links(&url(0)));
        assert_eq!((circle.next.as_ref(), circle.words().as_str()), (None, "2 archive documents read: its archives lead in a circle"));
        let mut long = first();
        let mut read = 0;
        while long.next.is_some() {
            read += 1;
            long = long.read(&links(&url(read)));
        }
        assert_eq!((read, long.words().as_str()), (20, "20 archive documents read: there are older ones; 20 are read of a source"));
    }

    #[test]
    fn what_cannot_be_had_is_tried_three_times_and_what_is_gone_once() {
        let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let first = || Backfill { next: Some(url(1)), ..Backfill::default() };
        let twice = first().failed("no".into(), false, None).failed("no".into(), false, Some(at));
        assert_eq!(twice.words(), "0 archive documents read; https://a.example/1 could not be had (2 of 3 tries): no");
        assert_eq!((twice.due(at - chrono::TimeDelta::seconds(1)), twice.due(at)), (None, Some(url(1).as_str())));
        assert_eq!(twice.clone().read(&links(&url(2))).tries, 0);
        let given_up = twice.failed("no".into(), false, None);
        assert_eq!(
            (given_up.next.as_ref(), given_up.words().as_str()),
            (None, "0 archive documents read; the older ones could not be had: no")
        );
        assert_eq!(first().failed("gone".into(), true, Some(at)).due(at), None);
    }
}
