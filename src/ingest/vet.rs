//! Whether what was read is taken: what a document changes, and what it teaches about its source.

use chrono::{DateTime, Utc};

use super::read::{self, Document, Way};
use super::{Ingest, locked};
use crate::config::{Source, SourceKind};
use crate::entry::Feed;
use crate::stage::drift::{self, Verdict};
use crate::stage::host::Reach;
use crate::stage::identity::{self, Keyed, KnownEntry};
use crate::stage::poll::{Ask, Failure, Found, FoundKind, Learnt, PollState, Reading};
use crate::stage::{map, schedule};

/// Most sentences on repairs kept for `status`.
const REPAIRS_MAX: usize = 5;

/// A list of fewer feeds may lose any of them.
const LIST_MIN: usize = 4;

/// A list may double and gain as many more before somebody has to agree.
const LIST_GROWTH: usize = 50;

/// What is known of a source before a document of it is read.
pub(super) struct Past {
    state: PollState,
    url: String,
}

/// A document that is taken, with what is stored of it.
pub(super) struct Vetted {
    pub(super) feed: Feed,
    pub(super) keyed: Vec<Keyed>,
    pub(super) known: Vec<Option<KnownEntry>>,
    /// Entries that are listed more than once.
    pub(super) twice: usize,
}

impl Past {
    pub(super) fn of(before: &PollState, source: &Source, ask: &Ask) -> Self {
        // What was learnt under another address of the configuration says nothing.
        let moved = [&before.source_url, &before.validator_url].iter().all(|url| url.as_deref() != Some(source.url.as_str()));
        let mut state = before.clone();
        if moved {
            (state.normal, state.found, state.empty, state.older) = (None, None, 0, 0);
        }
        Self { state, url: ask.url.clone() }
    }

    pub(super) fn known(&self) -> &PollState {
        &self.state
    }

    /// What a source without a configured kind is now known to be.
    fn found(&self, source: &Source, way: Way<'_>, found: Option<Found>, now: DateTime<Utc>) -> Option<Found> {
        if source.kind != SourceKind::Auto {
            return None;
        }
        let kind = way.kind();
        // An adopted move is the move's to tell, and to take back.
        let moved = self.state.adopted.as_ref().is_some_and(|adopted| adopted.url == self.url);
        let kept = || self.state.found.clone().filter(|found| found.kind == kind && (moved || found.url == self.url));
        let how = match kind {
            FoundKind::Feed => "its address is a feed's",
            _ => "its address shows it",
        };
        found.or_else(kept).or_else(|| Some(Found { kind, url: self.url.clone(), how: how.into(), at: now }))
    }
}

impl Ingest {
    /// Decides whether a document is taken.
    pub(super) fn vet(
        &self,
        source: &Source,
        past: &Past,
        way: Way<'_>,
        document: Result<Document, Failure>,
        now: DateTime<Utc>,
    ) -> Result<(Reading, Vetted), Failure> {
        let before = &past.state;
        let drifted = |class: &str, why: String| Failure { stage: "drift".into(), class: class.into(), why };
        let Document { feed, partial, found, outlines } = document.map_err(|failure| match &before.normal {
            Some(_) if read::is_break(&failure.class) => Failure { stage: "drift".into(), ..failure },
            _ => failure,
        })?;
        let mut keyed = identity::keys(&feed.entries, Reach::of(source));
        let twice = feed.entries.len() - keyed.len();
        keyed.truncate(source.entries_max);
        let keys: Vec<String> = keyed.iter().map(|k| k.key.clone()).collect();
        let known = locked(&self.store).known(&source.id, &keys);
        let known = known.map_err(|e| Failure { stage: "store".into(), class: "store".into(), why: e.to_string() })?;
        let count = known.iter().flatten().count();

        let found = past.found(source, way, found, now);
        if let (Some(new), Some(old), false) = (&found, &before.found, before.accept)
            && (new.kind, &new.url) != (old.kind, &old.url)
        {
            if before.normal.is_some() && count == 0 && !feed.entries.is_empty() {
                let (kind, entries) = (new.kind.word(), feed.entries.len());
                let why = format!(
                    "it is no {} any more; a {kind} is at {}, but none of its {entries} entries is known",
                    old.kind.word(),
                    new.url
                );
                return Err(drifted("other-kind", why));
            }
            tracing::info!(source = source.id, kind = new.kind.word(), url = new.url, how = new.how, "found out anew what this is");
        } else if let (Some(new), None) = (&found, &before.found) {
            tracing::info!(source = source.id, kind = new.kind.word(), url = new.url, how = new.how, "found out what this is");
        }
        if let (Way::Opml, false) = (way, before.accept) {
            let (old, new) = (before.outlines.len(), outlines.len());
            // Half of a list does not leave at once, and nobody agreed to follow hundreds more (S19).
            let class = match () {
                () if old >= LIST_MIN && new * 2 < old => Some("shrunk"),
                () if old > 0 && new > 2 * old + LIST_GROWTH => Some("flood"),
                () => None,
            };
            if let Some(class) = class {
                return Err(drifted(class, format!("the list names {new} feeds; it used to name {old}")));
            }
        }
        let around = drift::Around { known: count, empty: before.empty, older: before.older };
        let seen = drift::observe(&feed, &keyed);
        let verdict = match (way, before.accept) {
            (Way::Opml, _) | (_, true) => Verdict::Normal,
            _ => drift::judge(before.normal.as_ref(), &seen, &feed, around),
        };
        let mut repairs: Vec<String> = feed.problems.iter().take(REPAIRS_MAX).map(|p| p.what.clone()).collect();
        let listed = feed.entries.len();
        if listed > source.entries_max {
            repairs.push(format!("{listed} entries listed; the first {} were taken (entries_max)", source.entries_max));
        }
        repairs.extend(schedule::ignored(&feed.pace).map(str::to_owned));
        match &verdict {
            Verdict::Normal => {}
            Verdict::Empty => {
                let times = before.empty + 1;
                repairs.push(format!("empty, {times} in a row; degraded from {} on", drift::EMPTY_MAX));
            }
            Verdict::Older => repairs.push("an older copy of what is known; nothing of it was taken".to_owned()),
            Verdict::Broken(breakage) => return Err(drifted(breakage.class, breakage.why.clone())),
        }
        let is_older = verdict == Verdict::Older;
        let learnt = Learnt {
            normal: match verdict {
                Verdict::Normal => Some(drift::learnt(before.normal.clone().filter(|_| !before.accept), seen)),
                _ => before.normal.clone(),
            },
            found,
            outlines,
            empty: if verdict == Verdict::Empty { before.empty + 1 } else { 0 },
            older: if is_older { before.older + 1 } else { 0 },
            unvouched: partial || verdict != Verdict::Normal,
        };
        let reading = Reading {
            pace: feed.pace.clone(),
            title: Some(map::title_of(&feed, source)),
            listed,
            repairs,
            breaks_off: feed.breaks_off,
            posted: feed.entries.iter().filter_map(|entry| entry.published.or(entry.updated)).collect(),
            learnt,
        };
        let keyed = if is_older { Vec::new() } else { keyed };
        Ok((reading, Vetted { feed, keyed, known, twice }))
    }
}
