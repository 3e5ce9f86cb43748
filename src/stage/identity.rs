//! Which entry is which: keys within a source, fingerprints, and whose record an article is.
//!
//! Identity is a function of the clean URL, and of source and entry id until that is known. Only an entry that has neither id nor
//! link is told by its words: titles, texts and dates change while the article stays the same.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use url::Url;

use crate::entry::Entry;
use crate::record::Draft;
use crate::stage::clean;
use crate::stage::host::Reach;
use crate::syntax::hex;

/// Sixteen bytes that change exactly when an entry's text, links or people change; dates do not count.
pub type Fingerprint = [u8; 16];

/// What is stored of an entry that a poll lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownEntry {
    /// Its fingerprint when it was last stored.
    pub fingerprint: Fingerprint,
    /// When it was first seen.
    pub first_seen: DateTime<Utc>,
    /// The URL of its record.
    pub url: Option<String>,
    /// Publication date of its record.
    pub published: Option<DateTime<Utc>>,
    /// Whether that record is its own.
    pub owns: bool,
}

/// Who holds a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The owning source's id.
    pub source: String,
    /// The owning entry's key.
    pub key: String,
    /// The record's title.
    pub title: String,
    /// Whether number and id have been given out: from then on the owner stays.
    pub settled: bool,
}

/// What becomes of the record of a new or changed entry.
#[derive(Clone, Debug, PartialEq)]
pub enum RecordChange {
    /// The entry makes no record: it has neither title nor text nor address.
    None,
    /// A new record at the draft's URL, owned by this entry.
    Create(Draft),
    /// The entry is one more telling of the record at this URL.
    Attach(String),
    /// The record at this URL is this entry's from now on, with this draft.
    TakeOver(String, Draft),
    /// The entry's own record gets this draft.
    Update(Draft),
    /// The entry's record is another entry's: nothing changes there.
    Keep,
}

impl RecordChange {
    /// The draft that becomes the record.
    #[must_use]
    pub fn draft(&self) -> Option<&Draft> {
        match self {
            Self::Create(draft) | Self::TakeOver(_, draft) | Self::Update(draft) => Some(draft),
            Self::None | Self::Attach(_) | Self::Keep => None,
        }
    }
}

/// An article's address: as its source gave it, and clean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// As given, absolute.
    pub original: String,
    /// Without tracking and fragment.
    pub clean: String,
}

/// The address of an entry's article: its alternate link, else an id that is a web address, else its enclosure; the first of them that
/// may be published.
#[must_use]
pub fn address(entry: &Entry, reach: Reach<'_>) -> Option<Address> {
    let alternate = entry.links.iter().filter(|l| matches!(l.rel.as_deref(), None | Some("alternate"))).map(|l| l.href.as_str());
    let id = entry.id.as_deref().filter(|id| id.starts_with("http://") || id.starts_with("https://"));
    let enclosures = entry.links.iter().filter(|l| l.rel.as_deref() == Some("enclosure")).map(|l| l.href.as_str());
    let media = entry.media.iter().flat_map(|m| &m.contents).filter_map(|c| c.url.as_deref());
    alternate.chain(id).chain(enclosures).chain(media).find_map(|href| {
        let original = reach.home.join(href.trim()).ok()?;
        let clean = clean::clean_url(original.as_str(), None).filter(|clean| reach.holds(clean) && reach.holds(&original))?;
        Some(Address { original: original.into(), clean: clean.into() })
    })
}

/// An entry of a document with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyed {
    /// Index into the document's entries.
    pub index: usize,
    /// Key within the source.
    pub key: String,
    /// The article's address, if there is any.
    pub address: Option<Address>,
}

/// Keys for a document's entries, in its order. Of several that are one entry (the same id and article twice) the one that
/// changed last stays, else the first.
#[must_use]
pub fn keys(entries: &[Entry], reach: Reach<'_>) -> Vec<Keyed> {
    let addresses: Vec<Option<Address>> = entries.iter().map(|e| address(e, reach)).collect();
    let mut urls_of_id: HashMap<&str, (Option<&str>, bool)> = HashMap::new();
    for (entry, address) in entries.iter().zip(&addresses) {
        let url = address.as_ref().map(|a| a.clean.as_str());
        if let Some(id) = id_of(entry) {
            urls_of_id.entry(id).and_modify(|(first, several)| *several |= *first != url).or_insert((url, false));
        }
    }
    let mut titles_of_url: HashMap<&str, (Option<&str>, bool)> = HashMap::new();
    for (entry, address) in entries.iter().zip(&addresses) {
        if let Some(address) = address {
            let title = title_of(entry);
            titles_of_url.entry(&address.clean).and_modify(|(first, several)| *several |= *first != title).or_insert((title, false));
        }
    }

    let mut place_of_key: HashMap<String, usize> = HashMap::new();
    let mut keyed: Vec<Keyed> = Vec::with_capacity(entries.len());
    for (index, (entry, address)) in entries.iter().zip(addresses.iter().cloned()).enumerate() {
        let distinct = address.as_ref().is_some_and(|a| titles_of_url.get(a.clean.as_str()).is_some_and(|(_, several)| !several));
        let key = match (id_of(entry), &address) {
            // One id for many articles identifies none of them; the link does.
            (Some(id), _) if !urls_of_id.get(id).is_some_and(|(_, several)| *several) => format!("id:{id}"),
            (_, Some(address)) if distinct => format!("url:{}", address.clean),
            (_, Some(address)) => format!("text:{}", digest(&[address.clean.as_str(), title_of(entry).unwrap_or_default()])),
            (_, None) => {
                let key = format!("text:{}", digest(&[title_of(entry).unwrap_or_default(), text_of(entry)]));
                // The same words twice are two entries if they are dated differently: a log says the same thing more than once.
                let twin = place_of_key.get(&key).and_then(|place| entries.get(keyed.get(*place)?.index));
                match (twin, &entry.published_raw) {
                    (Some(twin), Some(date)) if twin.published_raw.as_ref() != Some(date) => format!("{key}:{}", digest(&[date])),
                    _ => key,
                }
            }
        };
        match place_of_key.get(&key) {
            Some(&place) => {
                if let Some(kept) = keyed.get_mut(place) {
                    let last_change = |e: &Entry| e.updated.or(e.published);
                    if entries.get(kept.index).is_some_and(|other| last_change(entry) > last_change(other)) {
                        *kept = Keyed { index, key, address };
                    }
                }
            }
            None => {
                place_of_key.insert(key.clone(), keyed.len());
                keyed.push(Keyed { index, key, address });
            }
        }
    }
    keyed
}

fn id_of(entry: &Entry) -> Option<&str> {
    entry.id.as_deref().map(str::trim).filter(|id| !id.is_empty())
}

fn title_of(entry: &Entry) -> Option<&str> {
    entry.title.as_ref().map(|t| t.value.trim()).filter(|t| !t.is_empty())
}

fn text_of(entry: &Entry) -> &str {
    let content = entry.content.as_ref().and_then(|c| c.value.as_deref());
    let summary = entry.summary.as_ref().map(|s| s.value.as_str());
    content.or(summary).or(title_of(entry)).unwrap_or_default()
}

fn digest(parts: &[&str]) -> String {
    let mut hash = blake3::Hasher::new();
    for part in parts {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hex(&hash.finalize().as_bytes()[..16])
}

/// What an entry says, in sixteen bytes. Dates, thumbnails and claimed sizes do not count: publishers touch them without
/// changing the article, and each touch would become an update that subscribers see.
///
/// The fields and their order are fixed for ever; another order would make every stored entry look changed.
#[must_use]
pub fn fingerprint(entry: &Entry) -> Fingerprint {
    let mut hash = blake3::Hasher::new();
    let mut put = |part: Option<&str>| {
        hash.update(&part.map_or(u64::MAX, |p| p.len() as u64).to_le_bytes());
        hash.update(part.unwrap_or_default().as_bytes());
    };
    put(entry.title.as_ref().map(|t| t.value.as_str()));
    put(entry.summary.as_ref().map(|t| t.value.as_str()));
    put(entry.content.as_ref().and_then(|c| c.value.as_deref()));
    put(entry.rights.as_ref().map(|t| t.value.as_str()));
    put(entry.language.as_deref());
    for link in &entry.links {
        put(Some(&link.href));
        put(link.rel.as_deref());
    }
    put(None);
    for author in &entry.authors {
        put(author.name.as_deref());
    }
    put(None);
    for category in &entry.categories {
        put(Some(&category.term));
    }
    put(None);
    for content in entry.media.iter().flat_map(|m| &m.contents) {
        put(content.url.as_deref());
    }
    // After everything else, and only where there is one: entries without it keep what they had.
    if let Some(reservation) = &entry.reservation {
        put(Some(&reservation.words()));
    }
    let mut out = [0; 16];
    hash.finalize_xof().fill(&mut out);
    out
}

/// Whether a listed entry is an older version of what is stored: servers now and then answer with a copy of last week (F38). Only where
/// both tell when they were last changed, and not by a date that has yet to come: that would be the last word for ever.
#[must_use]
pub fn is_stale(entry: &Entry, stored: &Entry, now: DateTime<Utc>) -> bool {
    let (Some(listed), Some(known)) = (entry.updated, stored.updated) else { return false };
    listed < known && known <= now
}

/// A source's claim to a record: its id, and its place in the configuration (0 is the first).
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The source's id.
    pub source: &'a str,
    /// Its place.
    pub position: usize,
}

/// Decides whose record an entry's article is. `holder` is who holds the draft's URL; `holder_position` the place of that
/// source in the configuration, `None` if it is not configured any more.
///
/// An article has one record. Another source that links to it adds a telling, not a record. Two entries of one source are one
/// article when link and title agree (the id changed), and two when only the link does (every entry links to the front page);
/// so is every entry that links to a site's root. Until a record is settled, the source that stands first in the configuration
/// owns it, so that the result does not depend on which poll finished first.
#[must_use]
pub fn place(me: Claim<'_>, key: &str, known: Option<&KnownEntry>, holder: Option<(&Holder, Option<usize>)>, draft: Draft) -> RecordChange {
    if let Some(known) = known {
        return match (&known.url, known.owns) {
            (Some(url), true) => {
                RecordChange::Update(Draft { href: url.clone(), published: known.published.unwrap_or(draft.published), ..draft })
            }
            (Some(_), false) => RecordChange::Keep,
            (None, _) => place(me, key, None, holder, draft),
        };
    }
    match holder {
        None => RecordChange::Create(draft),
        Some((holder, _)) if holder.source == me.source => {
            if same_title(&holder.title, &draft.title) {
                RecordChange::Attach(draft.href)
            } else {
                RecordChange::Create(apart(draft, me.source, key))
            }
        }
        Some(_) if is_root(&draft.href) => RecordChange::Create(apart(draft, me.source, key)),
        Some((holder, position)) => {
            let before = position.is_none_or(|position| me.position < position);
            if before && !holder.settled { RecordChange::TakeOver(draft.href.clone(), draft) } else { RecordChange::Attach(draft.href) }
        }
    }
}

/// The draft at an address of its own, for an entry whose link it shares with other articles.
fn apart(draft: Draft, source: &str, key: &str) -> Draft {
    let href = format!("{}#{}", draft.href.split('#').next().unwrap_or_default(), &digest(&[source, key])[..12]);
    Draft { href, ..draft }
}

fn is_root(href: &str) -> bool {
    Url::parse(href).is_ok_and(|url| url.path() == "/" && url.query().is_none() && url.fragment().is_none())
}

fn same_title(a: &str, b: &str) -> bool {
    let letters = |s: &str| s.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    letters(a) == letters(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Link, Text};
    use crate::record::TakenFrom;

    fn entry(id: &str, href: &str, title: &str) -> Entry {
        let links = if href.is_empty() { Vec::new() } else { vec![Link { href: href.into(), ..Link::default() }] };
        let title = Text { value: title.into(), ..Text::default() };
        Entry { id: (!id.is_empty()).then(|| id.into()), title: Some(title), links, ..Entry::default() }
    }

    fn keys_of(entries: &[Entry]) -> Vec<String> {
        keys(entries, Reach::at(&Url::parse("https://s.example/feed").unwrap())).into_iter().map(|k| k.key).collect()
    }

    fn draft(href: &str, title: &str) -> Draft {
        let at = DateTime::UNIX_EPOCH;
        Draft {
            href: href.into(),
            original: href.into(),
            title: title.into(),
            summary: String::new(),
            body: String::new(),
            published: at,
            changed: None,
            topics: Vec::new(),
            curators: Vec::new(),
            authors: Vec::new(),
            section: String::new(),
            language: None,
            rights: None,
            licence: None,
            attribution: None,
            reservation: None,
            promotion: None,
            enclosures: Vec::new(),
            image: None,
            feed_id: None,
            taken_from: TakenFrom {
                id: String::new(),
                title: String::new(),
                self_url: String::new(),
                alternate_url: None,
                updated: at,
                rights: None,
                licence: None,
            },
            via: None,
            via_link: None,
            institution: None,
            offering: None,
            given_title: None,
            hidden: false,
            pinned: false,
        }
    }

    const ME: Claim<'_> = Claim { source: "me", position: 1 };

    fn holder(source: &str, title: &str, settled: bool) -> Holder {
        Holder { source: source.into(), key: "id:other".into(), title: title.into(), settled }
    }

    #[test]
    fn an_id_identifies_whatever_the_title_says() {
        let before = keys_of(&[entry("7", "https://n.example/a", "Before")]);
        assert_eq!(before, keys_of(&[entry(" 7 ", "https://n.example/a", "After")]));
        assert_eq!(before, ["id:7"]);
    }

    #[test]
    fn a_link_identifies_where_there_is_no_id_and_tracking_does_not_count() {
        let plain = keys_of(&[entry("", "https://n.example/a", "A")]);
        assert_eq!(plain, keys_of(&[entry("", "https://n.example/a?utm_source=x#top", "A, edited")]));
    }

    #[test]
    fn one_id_for_many_articles_identifies_none() {
        let keys = keys_of(&[entry("same", "https://n.example/a", "A"), entry("same", "https://n.example/b", "B")]);
        assert_eq!(keys, ["url:https://n.example/a", "url:https://n.example/b"]);
    }

    #[test]
    fn one_link_for_many_articles_identifies_none() {
        let keys = keys_of(&[entry("", "https://n.example/", "A"), entry("", "https://n.example/", "B")]);
        assert_ne!(keys[0], keys[1]);
        assert!(keys.iter().all(|k| k.starts_with("text:")), "{keys:?}");
    }

    #[test]
    fn of_the_same_entry_twice_the_last_changed_stays() {
        let newer = Entry { updated: DateTime::from_timestamp(9, 0), ..entry("1", "https://n.example/a", "Newer") };
        let kept = keys(&[entry("1", "https://n.example/a", "Older"), newer], Reach::at(&Url::parse("https://s.example/").unwrap()));
        assert_eq!((kept.len(), kept[0].index), (1, 1));
    }

    #[test]
    fn entries_without_id_and_link_are_told_by_their_words_and_then_their_dates() {
        let said = |title: &str, date: &str| Entry { published_raw: Some(date.into()), ..entry("", "", title) };
        let keys = keys_of(&[said("Broken", "Monday"), said("Running", "Monday"), said("Broken", "Friday"), said("Broken", "Friday")]);
        assert_eq!(keys.len(), 3, "{keys:?}");
        assert_eq!(keys_of(&[said("Broken", "Monday")]), keys_of(&[said("Broken", "Sunday")]), "a date that is bumped makes no new entry");
    }

    #[test]
    fn an_older_version_is_stale_if_both_say_when() {
        let at = |hour: i64| DateTime::from_timestamp(1_700_000_000 + hour * 3_600, 0);
        let of = |updated| Entry { updated, ..Entry::default() };
        for (listed, stored, wanted) in [
            (at(1), at(2), true),
            (at(2), at(2), false),
            (at(3), at(2), false),
            (None, at(2), false),
            (at(1), None, false),
            (at(1), at(99), false),
        ] {
            assert_eq!(is_stale(&of(listed), &of(stored), at(10).unwrap()), wanted, "{listed:?} {stored:?}");
        }
    }

    #[test]
    fn a_fingerprint_sees_words_and_links_and_no_dates() {
        let one = entry("1", "https://n.example/a", "A");
        let touched = Entry { published: DateTime::from_timestamp(9, 0), updated: DateTime::from_timestamp(9, 0), ..one.clone() };
        assert_eq!(fingerprint(&one), fingerprint(&touched));
        assert_ne!(fingerprint(&one), fingerprint(&entry("1", "https://n.example/a", "B")));
        assert_ne!(fingerprint(&one), fingerprint(&entry("1", "https://n.example/b", "A")));
    }

    #[test]
    fn place_decides_whose_record_it_is() {
        let here = "https://n.example/a";
        let place = |holder: Option<(&Holder, Option<usize>)>, draft: Draft| place(ME, "id:1", None, holder, draft);
        assert!(matches!(place(None, draft(here, "A")), RecordChange::Create(_)));
        // Another source's, settled or standing first: one more telling.
        assert_eq!(place(Some((&holder("x", "A", true), Some(5))), draft(here, "A")), RecordChange::Attach(here.into()));
        assert_eq!(place(Some((&holder("x", "A", false), Some(0))), draft(here, "A")), RecordChange::Attach(here.into()));
        // Another source's that stands behind, not settled yet.
        assert!(matches!(place(Some((&holder("x", "A", false), Some(2))), draft(here, "A")), RecordChange::TakeOver(..)));
        // Our own: the same words mean that the id changed, others that only the link is shared.
        assert_eq!(place(Some((&holder("me", "A!", true), Some(1))), draft(here, "a")), RecordChange::Attach(here.into()));
        let RecordChange::Create(apart) = place(Some((&holder("me", "A", true), Some(1))), draft(here, "B")) else { panic!("not apart") };
        assert!(apart.href.starts_with("https://n.example/a#"), "{}", apart.href);
        // A site's root is no article's address.
        let root = "https://n.example/";
        assert!(matches!(place(Some((&holder("x", "A", true), Some(0))), draft(root, "A")), RecordChange::Create(d) if d.href != root));
    }

    #[test]
    fn a_known_entry_keeps_its_record_address_and_date() {
        let published = DateTime::from_timestamp(5, 0);
        let url = Some("https://n.example/old".to_owned());
        let known = KnownEntry { fingerprint: [0; 16], first_seen: DateTime::UNIX_EPOCH, url, published, owns: true };
        let RecordChange::Update(updated) = place(ME, "id:1", Some(&known), None, draft("https://n.example/new", "A")) else { panic!() };
        assert_eq!((updated.href.as_str(), Some(updated.published)), ("https://n.example/old", published));
        let theirs = KnownEntry { owns: false, ..known };
        assert_eq!(place(ME, "id:1", Some(&theirs), None, draft("https://n.example/new", "A")), RecordChange::Keep);
    }
}
