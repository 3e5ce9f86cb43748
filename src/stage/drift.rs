//! What is normal for a source, and when a document is not.
//!
//! A source that breaks seldom answers with an error: its list comes empty, without dates, as a login page, or as somebody else's. What
//! such a document holds must not be published, and what is published must stay. [`judge`] tells by comparing it with what the source
//! gave before. The first document of a source is normal by definition, and so is every one that lists something known and has not lost
//! its dates, titles or links: a source that is merely quiet, or unusually busy, is not broken.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::entry::{Entry, Feed, FeedKind, Text};
use crate::stage::identity::Keyed;
use crate::stage::page;

/// Fewer entries than this show no habit: one undated entry of three is not "no dates any more".
const ENTRIES_MIN: usize = 4;

/// A share at or above this was a habit; one at or below that is its loss (both in percent).
const HABIT: u8 = 75;
const LOSS: u8 = 25;

/// Part of the new document in what is normal, in percent: habits change over a few documents.
const WEIGHT: u32 = 25;

/// An empty document is degraded from this one in a row on, for feeds: some are empty on purpose (fault matrix row 23).
pub const EMPTY_MAX: u32 = 3;

/// As many older copies in a row are passed over; the next one is taken for what the source says now (F38).
pub const OLDER_MAX: u32 = 3;

/// What a source's documents are like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Normal {
    /// Documents that this was learnt from.
    pub documents: u32,
    /// Entries in one.
    pub listed: u32,
    /// Share of entries with a link of their own, in percent.
    pub linked: u8,
    /// Share with a date, in percent.
    pub dated: u8,
    /// Share with a title of their own, in percent.
    pub titled: u8,
    /// Share that links to `host`, in percent.
    pub at_host: u8,
    /// The host that most entries link to, without `www.`.
    pub host: Option<String>,
    /// Language (primary subtag).
    pub language: Option<String>,
    /// What the document calls itself.
    pub title: Option<String>,
    /// Its id.
    pub id: Option<String>,
    /// When its newest entry was published, in seconds since 1970.
    pub newest_s: Option<i64>,
    /// When the document itself last changed, as it says, in seconds since 1970.
    pub updated_s: Option<i64>,
}

/// Why a document is held back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breakage {
    /// A short name that does not change: `empty`, `barrier`, `no-links`, `no-dates`, `no-titles`, `other-site`, `flood`; a list of feeds may
    /// also be `shrunk`, a source without a configured kind of an `other-kind`.
    pub class: &'static str,
    /// A sentence for the site's owner.
    pub why: String,
}

/// Whether a source that is degraded for this gives something that a person may accept; from the others nothing can be read.
#[must_use]
pub fn is_acceptable(class: &str) -> bool {
    ["empty", "no-links", "no-titles", "no-dates", "other-site", "other-kind", "flood", "shrunk", "barrier"].contains(&class)
}

/// What to do with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Take it.
    Normal,
    /// Take it, but let nothing vouch for it: it is empty, which may be a fault.
    Empty,
    /// Take nothing that it changes: it is older than what is known.
    Older,
    /// Hold it back.
    Broken(Breakage),
}

/// What is looked at besides the document.
#[derive(Clone, Copy, Debug, Default)]
pub struct Around {
    /// How many of its entries are stored already.
    pub known: usize,
    /// How many empty documents came in a row before it.
    pub empty: u32,
    /// How many older copies came in a row before it.
    pub older: u32,
}

/// What this document is like, seeing its entries' addresses ([`crate::stage::identity::keys`]).
#[must_use]
pub fn observe(feed: &Feed, keyed: &[Keyed]) -> Normal {
    let entries = &feed.entries;
    let items = entries.len() + feed.merged;
    let share = |count: usize| u8::try_from(count * 100 / items.max(1)).unwrap_or(100);
    let addresses = || keyed.iter().filter_map(|keyed| keyed.address.as_ref()).map(|address| address.clean.as_str());
    let own: HashSet<&str> = addresses().collect();
    let titles: HashSet<&str> = entries.iter().filter_map(title).collect();
    let mut hosts: HashMap<&str, usize> = HashMap::new();
    for host in addresses().filter_map(host) {
        *hosts.entry(host).or_default() += 1;
    }
    let host = hosts.iter().max_by_key(|(host, count)| (**count, std::cmp::Reverse(**host)));
    let text = |text: &Option<Text>| text.as_ref().map(|t| t.value.trim().chars().take(200).collect::<String>());
    Normal {
        documents: 1,
        listed: u32::try_from(entries.len()).unwrap_or(u32::MAX),
        // The same link or the same words twenty times ("Read more") are nobody's own.
        linked: share(own.len()),
        dated: share(entries.iter().filter(|e| e.published.or(e.updated).is_some()).count()),
        titled: share(titles.len()),
        at_host: share(host.map_or(0, |(_, count)| *count)),
        host: host.map(|(host, _)| (*host).to_owned()),
        language: feed.language.as_deref().and_then(|l| l.split('-').next()).map(str::to_ascii_lowercase),
        title: text(&feed.title).filter(|t| !t.is_empty()),
        id: feed.id.clone(),
        newest_s: entries.iter().filter_map(|e| e.published.or(e.updated)).max().map(|t| t.timestamp()),
        updated_s: feed.updated.map(|t| t.timestamp()),
    }
}

fn title(entry: &Entry) -> Option<&str> {
    entry.title.as_ref().map(|t| t.value.trim()).filter(|t| !t.is_empty())
}

/// The host of a clean address, without `www.`.
fn host(clean: &str) -> Option<&str> {
    let host = clean.split_once("://")?.1.split(['/', '?', '#', ':']).next()?;
    Some(host.strip_prefix("www.").unwrap_or(host))
}

/// Whether two hosts are one site's: the same, or one below the other.
fn akin(one: &str, other: &str) -> bool {
    let below = |a: &str, b: &str| a.strip_suffix(b).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    below(one, other) || below(other, one)
}

/// What to make of `feed`, which was seen to be like `seen`, by what is normal for its source; `None` where nothing is known of it.
#[must_use]
pub fn judge(normal: Option<&Normal>, seen: &Normal, feed: &Feed, around: Around) -> Verdict {
    let Some(normal) = normal else { return Verdict::Normal };
    let listed = feed.entries.len();
    if let Some(what) = barrier(normal, seen, feed.kind) {
        return broken("barrier", format!("{what} came instead of the list; its title is “{}”", seen.title.as_deref().unwrap_or_default()));
    }
    if listed == 0 {
        let is_feed = !matches!(feed.kind, FeedKind::Page | FeedKind::Sitemap | FeedKind::WordPress);
        return match normal.listed {
            0 => Verdict::Normal,
            _ if is_feed && around.empty + 1 < EMPTY_MAX => Verdict::Empty,
            usual => broken("empty", format!("it lists nothing; it used to list {usual} entries")),
        };
    }
    let items = listed + feed.merged;
    if items >= ENTRIES_MIN {
        let lost = |before: u8, now: u8| before >= HABIT && now <= LOSS;
        for (class, what, before, now) in [
            ("no-links", "a link of their own", normal.linked, seen.linked),
            ("no-titles", "a title of their own", normal.titled, seen.titled),
            ("no-dates", "a date", normal.dated, seen.dated),
        ] {
            if lost(before, now) {
                return broken(class, format!("{now} % of its {items} entries have {what}; {before} % used to"));
            }
        }
    }
    if around.known == 0
        && let Some(why) = stranger(normal, seen)
    {
        return broken("other-site", why);
    }
    // A list that matched its page's menus: feeds may well show their whole history once.
    if feed.kind == FeedKind::Page && around.known * 10 < listed && seen.listed > 10 * normal.listed + 50 {
        return broken("flood", format!("it lists {listed} entries; it used to list {}", normal.listed));
    }
    let is_before = |now: Option<i64>, known: Option<i64>| matches!((now, known), (Some(now), Some(known)) if now < known);
    // A publisher may take its newest entry back, but then the document is no older.
    let is_older = is_before(seen.newest_s, normal.newest_s) && is_before(seen.updated_s, normal.updated_s);
    if is_older && around.known == listed && around.older < OLDER_MAX {
        return Verdict::Older;
    }
    Verdict::Normal
}

fn broken(class: &'static str, why: String) -> Verdict {
    Verdict::Broken(Breakage { class, why })
}

/// What stands before the list, if a page's title says so and did not always.
fn barrier(normal: &Normal, seen: &Normal, kind: FeedKind) -> Option<&'static str> {
    let named = |title: &Option<String>| title.as_deref().and_then(page::barrier);
    (kind == FeedKind::Page && named(&normal.title).is_none()).then(|| named(&seen.title)).flatten()
}

/// Why a document that lists nothing known is another site's.
fn stranger(normal: &Normal, seen: &Normal) -> Option<String> {
    let (before, now) = (normal.host.as_deref()?, seen.host.as_deref().unwrap_or("nowhere"));
    let differs = |a: &Option<String>, b: &Option<String>| matches!((a, b), (Some(a), Some(b)) if a != b);
    let elsewhere = !akin(before, now);
    // Aggregators link everywhere; only a source with a home can lose it.
    if elsewhere && normal.at_host >= HABIT {
        return Some(format!("it has become another site's: its entries link to {now}, they used to link to {before}, and none is known"));
    }
    if elsewhere && (differs(&normal.title, &seen.title) || differs(&normal.id, &seen.id)) {
        let title = |of: &Normal| of.title.clone().unwrap_or_default();
        return Some(format!(
            "it has become another site's: it is called “{}”, was called “{}”, links to {now} instead of {before}, and none of its \
             entries is known",
            title(seen),
            title(normal)
        ));
    }
    if differs(&normal.language, &seen.language) && differs(&normal.title, &seen.title) {
        let language = |of: &Normal| of.language.clone().unwrap_or_default();
        return Some(format!(
            "its language is {}, was {}, its title is another, and none of its entries is known",
            language(seen),
            language(normal)
        ));
    }
    None
}

/// What is normal from now on, after a document like `seen` was taken.
#[must_use]
pub fn learnt(normal: Option<Normal>, seen: Normal) -> Normal {
    let Some(old) = normal.filter(|old| old.listed > 0) else { return seen };
    if seen.listed == 0 {
        return old;
    }
    let mixed = |old: u32, new: u32| (old * (100 - WEIGHT) + new * WEIGHT).div_ceil(100);
    let share = |old: u8, new: u8| u8::try_from(mixed(old.into(), new.into())).unwrap_or(100);
    // A handful of entries says little about shares.
    let (linked, dated, titled) = match (seen.listed as usize) < ENTRIES_MIN {
        true => (old.linked, old.dated, old.titled),
        false => (share(old.linked, seen.linked), share(old.dated, seen.dated), share(old.titled, seen.titled)),
    };
    let same_host = old.host == seen.host;
    Normal {
        documents: old.documents.saturating_add(1),
        listed: mixed(old.listed.min(1 << 24), seen.listed.min(1 << 24)),
        linked,
        dated,
        titled,
        at_host: if same_host { share(old.at_host, seen.at_host) } else { seen.at_host },
        host: seen.host.or(old.host),
        language: seen.language.or(old.language),
        title: seen.title.or(old.title),
        id: seen.id.or(old.id),
        newest_s: seen.newest_s.max(old.newest_s),
        updated_s: seen.updated_s,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Link;
    use crate::stage::identity;
    use chrono::DateTime;

    fn entry(n: usize, host: &str) -> Entry {
        Entry {
            title: Some(Text { value: format!("Story {n}"), ..Text::default() }),
            links: vec![Link { href: format!("https://{host}/{n}"), ..Link::default() }],
            published: DateTime::from_timestamp(1_700_000_000 + 3_600 * n as i64, 0),
            ..Entry::default()
        }
    }

    fn feed(kind: FeedKind, range: std::ops::Range<usize>, host: &str) -> Feed {
        let title = Some(Text { value: format!("News of {host}"), ..Text::default() });
        Feed { entries: range.map(|n| entry(n, host)).collect(), title, ..Feed::empty(kind) }
    }

    fn without(mut feed: Feed, change: impl Fn(&mut Entry)) -> Feed {
        feed.entries.iter_mut().for_each(change);
        feed
    }

    fn seen(feed: &Feed) -> Normal {
        observe(
            feed,
            &identity::keys(&feed.entries, crate::stage::host::Reach::at(&url::Url::parse("https://www.a.example/feed").unwrap())),
        )
    }

    fn judged(normal: Option<&Normal>, feed: &Feed, around: Around) -> Verdict {
        judge(normal, &seen(feed), feed, around)
    }

    fn class(normal: &Normal, feed: &Feed, known: usize) -> Option<&'static str> {
        match judged(Some(normal), feed, Around { known, ..Around::default() }) {
            Verdict::Broken(breakage) => Some(breakage.class),
            _ => None,
        }
    }

    const OWN: &str = "www.a.example";

    #[test]
    fn what_was_lost_is_named() {
        let page = |range, host| feed(FeedKind::Page, range, host);
        let normal = seen(&page(0..20, OWN));
        let titled = |title: &str| Feed { title: Some(Text { value: title.into(), ..Text::default() }), ..page(0..20, OWN) };
        for (broken, known, wanted) in [
            (page(0..0, OWN), 0, Some("empty")),
            (without(page(1..21, OWN), |e| e.published = None), 19, Some("no-dates")),
            (without(page(1..21, OWN), |e| e.title = Some(Text { value: "Read more".into(), ..Text::default() })), 19, Some("no-titles")),
            (without(page(1..21, OWN), |e| e.links[0].href = "https://www.a.example/".into()), 0, Some("no-links")),
            (Feed { merged: 19, ..page(0..1, OWN) }, 0, Some("no-links")),
            (page(0..20, "parked.example"), 0, Some("other-site")),
            (page(20..500, OWN), 0, Some("flood")),
            (titled("Log in"), 0, Some("barrier")),
            // A quiet source, a busy one, a subdomain, a renamed page, a few undated entries.
            (page(0..20, OWN), 20, None),
            (page(20..40, OWN), 0, None),
            (page(30..31, OWN), 0, None),
            (page(20..40, "news.a.example"), 0, None),
            (titled("All news"), 0, None),
            (without(page(1..3, OWN), |e| e.published = None), 2, None),
        ] {
            assert_eq!(class(&normal, &broken, known), wanted, "{:?}", seen(&broken));
        }
    }

    #[test]
    fn an_aggregator_may_link_anywhere() {
        let mixed = |from: usize, title: &str| {
            let mut all = feed(FeedKind::Rss2, 0..0, "x.example");
            all.title = Some(Text { value: title.into(), ..Text::default() });
            all.entries = (from..from + 10).map(|n| entry(n, &format!("s{n}.example"))).collect();
            all
        };
        let normal = seen(&mixed(0, "Planet"));
        assert_eq!(class(&normal, &mixed(50, "Planet"), 0), None);
        assert_eq!(class(&normal, &mixed(50, "Casino"), 0), Some("other-site"));
        assert_eq!(class(&normal, &mixed(50, "Casino"), 1), None);
    }

    #[test]
    fn an_empty_feed_is_flagged_at_the_third_and_the_first_document_never() {
        let (full, empty) = (feed(FeedKind::Atom, 0..9, OWN), feed(FeedKind::Atom, 0..0, OWN));
        let normal = seen(&full);
        let verdict = |before| judged(Some(&normal), &empty, Around { empty: before, ..Around::default() });
        assert_eq!((verdict(0), verdict(1)), (Verdict::Empty, Verdict::Empty));
        assert!(matches!(verdict(2), Verdict::Broken(Breakage { class: "empty", .. })));
        assert_eq!(judged(None, &empty, Around::default()), Verdict::Normal);
        assert_eq!(judged(Some(&seen(&empty)), &empty, Around { empty: 9, ..Around::default() }), Verdict::Normal);
    }

    #[test]
    fn an_older_copy_is_passed_over_three_times() {
        let at = |feed: Feed, s| Feed { updated: DateTime::from_timestamp(s, 0), ..feed };
        let normal = seen(&at(feed(FeedKind::Rss2, 0..30, OWN), 1_700_200_000));
        let older = at(feed(FeedKind::Rss2, 0..20, OWN), 1_700_100_000);
        let verdict = |older_before| judged(Some(&normal), &older, Around { known: 20, older: older_before, ..Around::default() });
        assert_eq!((verdict(0), verdict(2), verdict(3)), (Verdict::Older, Verdict::Older, Verdict::Normal));
        let taken_back = at(feed(FeedKind::Rss2, 0..20, OWN), 1_700_300_000);
        assert_eq!(judged(Some(&normal), &taken_back, Around { known: 20, ..Around::default() }), Verdict::Normal);
    }

    #[test]
    fn normal_follows_slowly_and_remembers() {
        let mut normal = learnt(None, seen(&feed(FeedKind::Page, 0..20, OWN)));
        assert_eq!((normal.listed, normal.dated, normal.host.as_deref()), (20, 100, Some("a.example")));
        normal = learnt(Some(normal), seen(&without(feed(FeedKind::Page, 0..20, OWN), |e| e.published = None)));
        assert_eq!(normal.dated, 75);
        normal = learnt(Some(normal), seen(&feed(FeedKind::Page, 0..0, OWN)));
        assert_eq!((normal.listed, normal.documents), (20, 2));
    }

    proptest::proptest! {
        /// Whatever a healthy source lists next of its own, with something known in it, is taken.
        #[test]
        fn a_healthy_source_is_never_degraded(sizes in proptest::collection::vec(1_usize..60, 1..30), steps in proptest::collection::vec(0_usize..9, 1..30)) {
            for kind in [FeedKind::Page, FeedKind::Rss2] {
                let (mut normal, mut end) = (None, 60);
                for (size, step) in sizes.iter().zip(&steps) {
                    let start = (end + step).saturating_sub(*size);
                    let document = feed(kind, start..end + step, OWN);
                    let known = document.entries.len().saturating_sub(*step);
                    let verdict = judged(normal.as_ref(), &document, Around { known, ..Around::default() });
                    proptest::prop_assert!(!matches!(verdict, Verdict::Broken(_)), "{:?}", verdict);
                    normal = Some(learnt(normal, seen(&document)));
                    end += step;
                }
            }
        }
    }
}
