//! Which records tell one story: gathered here from the store, decided in [`crate::stage::story`], and put back.
//!
//! Stories are settled with the numbers, before a publication, so that they are a function of what is stored and not of the order
//! of polls. What is settled stays: a record keeps its story and its place there, and the one that was shown stays shown; what
//! comes later joins behind. Only an editor's word takes a story apart again, and a source that is told to keep out.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::config::Site;
use crate::config::overrides::StoryWords;
use crate::entry::Entry;
use crate::stage::map;
use crate::stage::story::{self, Bond, Ground, Member, SAME_MAX_DAYS, Signature};
use crate::store::{Put, Store, StoreError, Telling};

/// Records settled at once. Older ones come first, so that what is settled never depends on where one run was cut.
const BATCH: usize = 8_000;
/// Most settled records that newcomers are compared with, the newest within the time that a story may take.
const WINDOW_MAX: usize = 40_000;
/// Groups of records that are alone have numbers from here, apart from those of stories.
const ALONE: u64 = 1 << 63;

/// Finds the story of every record that has come or changed since this was last done.
///
/// # Errors
/// The store's.
pub fn settle(site: &Site, store: &mut dyn Store) -> Result<(), StoreError> {
    let off: Vec<String> = site.sources.iter().filter(|s| !s.stories).map(|s| s.id.clone()).collect();
    if !off.is_empty() {
        store.untell(&[], &off)?;
    }
    let reach = TimeDelta::days(SAME_MAX_DAYS);
    // Those settled before, as far as they are near enough to the newcomers; each is read once, however many batches there are.
    let (mut window, mut read_to): (Vec<Candidate>, Option<DateTime<Utc>>) = (Vec::new(), None);
    loop {
        let fresh = store.untold(BATCH, &off)?;
        let (Some(first), Some(last)) = (fresh.first(), fresh.last()) else { return Ok(()) };
        let (from, to) = (first.published - reach, last.published + reach);
        let unread = read_to.map_or(from, |read| from.max(read + TimeDelta::microseconds(1)));
        // What editors spoke of is compared whenever it was published.
        let spoken_of: Vec<String> = if read_to.is_none() { site.overrides.stories.urls().cloned().collect() } else { Vec::new() };
        let spoken: HashSet<&str> = site.overrides.stories.urls().map(String::as_str).collect();
        window.retain(|known| known.published >= from || spoken.contains(known.url.as_str()));
        if unread <= to {
            let known = store.tellings(unread, to, WINDOW_MAX.saturating_sub(window.len()), &spoken_of)?;
            window.extend(known.into_iter().filter_map(Candidate::known));
        }
        read_to = Some(to.max(read_to.unwrap_or(to)));
        let is_last = fresh.len() < BATCH;
        let fresh: Vec<Candidate> = fresh.into_iter().map(|telling| Candidate::fresh(telling, site, store)).collect::<Result<_, _>>()?;
        let (puts, last_story, all) = place(site, fresh, std::mem::take(&mut window), store.last_story()?);
        store.put(&puts, last_story)?;
        if is_last {
            return Ok(());
        }
        window = settled(all, &puts);
    }
}

/// Everything compared in a batch as the next one knows it.
fn settled(all: Vec<Candidate>, puts: &[Put]) -> Vec<Candidate> {
    let puts: HashMap<u64, &Put> = puts.iter().map(|put| (put.number, put)).collect();
    let settle = |candidate: Candidate| match puts.get(&candidate.number) {
        Some(put) => Candidate { story: put.story, rank: put.rank, is_fresh: false, is_signed_now: false, ..candidate },
        None => Candidate { is_fresh: false, is_signed_now: false, ..candidate },
    };
    all.into_iter().map(settle).collect()
}

/// A record on its way to its story.
struct Candidate {
    number: u64,
    source: String,
    url: String,
    published: DateTime<Utc>,
    signature: Signature,
    /// What it was given before.
    story: Option<u64>,
    rank: i64,
    is_fresh: bool,
    /// Whether its signature was made only now.
    is_signed_now: bool,
}

impl Candidate {
    fn fresh(telling: Telling, site: &Site, store: &dyn Store) -> Result<Self, StoreError> {
        let Telling { number, source, url, published, story, rank, signature } = telling;
        let is_signed_now = signature.is_none();
        let signature = match signature {
            Some(signature) => signature,
            None => signed(number, site, store)?,
        };
        Ok(Self { number, source, url, published, signature, story, rank, is_fresh: true, is_signed_now })
    }

    /// One without a signature is looked for itself, in its turn.
    fn known(telling: Telling) -> Option<Self> {
        let Telling { number, source, url, published, story, rank, signature } = telling;
        Some(Self { number, source, url, published, signature: signature?, story, rank, is_fresh: false, is_signed_now: false })
    }

    fn new_signature(&self) -> Option<Signature> {
        self.is_signed_now.then(|| self.signature.clone())
    }
}

/// The signature of a record that has none: what came with its entry is gone, because rules or editors changed the record since.
fn signed(number: u64, site: &Site, store: &dyn Store) -> Result<Signature, StoreError> {
    let entry = store.entries(number)?.into_iter().next();
    let source = entry.as_ref().and_then(|entry| site.sources.iter().find(|s| s.id == entry.source));
    // What does not read back was made by another version; its draft still tells what it is about.
    let read: Entry = entry.and_then(|entry| serde_json::from_slice(&entry.raw).ok()).unwrap_or_default();
    let record = store.records(&[number])?.into_iter().next();
    let none = || story::sign(&story::Article { title: "", text: "", language: None, addresses: &[] });
    // What its page says of its address counts like the source's word.
    Ok(record.map_or_else(none, |record| {
        let page = record.page.and_then(|page| page.href.or(page.same_as));
        map::signature(&read, &record.draft, page.as_deref(), source)
    }))
}

fn place(site: &Site, fresh: Vec<Candidate>, known: Vec<Candidate>, mut last_story: u64) -> (Vec<Put>, u64, Vec<Candidate>) {
    let mut all = fresh;
    all.extend(known);
    let words = &site.overrides.stories;
    // What is to stand alone is compared with nothing.
    let (alone, all): (Vec<Candidate>, Vec<Candidate>) = all.into_iter().partition(|c| words.split.contains(&c.url));
    let members: Vec<Member<'_>> = all
        .iter()
        .map(|c| Member {
            signature: &c.signature,
            source: &c.source,
            published: c.published,
            url: &c.url,
            group: c.story.or((!c.is_fresh).then_some(ALONE | c.number)),
        })
        .collect();
    let placed = story::group(&members, &together(&all, words));

    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, placed) in placed.iter().enumerate() {
        groups.entry(placed.first).or_default().push(at);
    }
    // New stories are numbered by their earliest article.
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    groups.sort_by_key(|group| group.iter().filter_map(|n| all.get(*n)).map(|c| (c.published, &c.url)).min());
    let positions: HashMap<&str, usize> = site.sources.iter().enumerate().map(|(n, s)| (s.id.as_str(), n)).collect();
    let mut puts: Vec<Put> = alone
        .into_iter()
        .filter(|c| c.is_fresh)
        .map(|c| Put { number: c.number, signature: c.new_signature(), story: None, rank: 0, why: None })
        .collect();
    for group in groups {
        let mut group: Vec<(usize, &Candidate)> = group.into_iter().filter_map(|n| Some((n, all.get(n)?))).collect();
        if !group.iter().any(|(_, c)| c.is_fresh) {
            continue;
        }
        // Those settled before stay before the others; then the editors' choice, the source's priority, and who was first.
        let order = |c: &Candidate| (c.is_fresh && c.story.is_none(), c.rank, !words.prefer.contains(&c.url));
        let then = |c: &Candidate| (positions.get(c.source.as_str()).copied().unwrap_or(usize::MAX), c.published);
        group.sort_by(|(_, a), (_, b)| (order(a), then(a), &a.url).cmp(&(order(b), then(b), &b.url)));
        let story = match group.iter().find_map(|(_, c)| c.story) {
            Some(story) => Some(story),
            None if group.len() > 1 => {
                last_story += 1;
                Some(last_story)
            }
            None => None,
        };
        let mut next = group.iter().filter(|(_, c)| c.story.is_some()).map(|(_, c)| c.rank + 1).max().unwrap_or(0);
        let mut first = group.iter().filter(|(_, c)| c.story.is_some()).map(|(_, c)| c.rank).min().unwrap_or(0);
        for (at, candidate) in group {
            if candidate.story.is_some() {
                // It keeps its place; only what it says may have changed.
                if candidate.is_fresh {
                    puts.push(Put {
                        number: candidate.number,
                        signature: candidate.new_signature(),
                        story,
                        rank: candidate.rank,
                        why: None,
                    });
                }
                continue;
            }
            let why = placed.get(at).and_then(|p| p.bond.as_ref()).and_then(|(of, with, bond)| {
                let why = why(bond, &all.get(*with)?.url);
                Some(if *of == at { why } else { format!("came with {}, which {why}", all.get(*of)?.url) })
            });
            let rank = if story.is_none() {
                0
            } else if words.prefer.contains(&candidate.url) {
                // An editor's choice goes before what was settled, too.
                first -= 1;
                first
            } else {
                next += 1;
                next - 1
            };
            puts.push(Put { number: candidate.number, signature: candidate.new_signature(), story, rank, why });
        }
    }
    (puts, last_story, all)
}

/// Indexes of those that editors joined.
fn together(all: &[Candidate], words: &StoryWords) -> Vec<Vec<usize>> {
    if words.join.is_empty() {
        return Vec::new();
    }
    let places: HashMap<&str, usize> = all.iter().enumerate().map(|(n, c)| (c.url.as_str(), n)).collect();
    words.join.iter().map(|urls| urls.iter().filter_map(|url| places.get(url.as_str()).copied()).collect()).collect()
}

/// A bond in words.
fn why(bond: &Bond, with: &str) -> String {
    match bond.ground {
        Ground::Address => format!("gives the address of {with}"),
        Ground::Text => format!("has {} of the text of {with}", bond.shared.join("")),
        Ground::Retold => format!("shares {} with {with} (score {:.2})", bond.shared.join(", "), bond.score),
        Ground::Editor => format!("joined with {with} by an editor"),
    }
}

/// Stories whose words changed between two versions of what editors said: these are looked for anew.
#[must_use]
pub fn changed(old: &StoryWords, new: &StoryWords) -> Vec<String> {
    let mut urls = HashSet::new();
    for (one, other) in [(old, new), (new, old)] {
        urls.extend(one.join.iter().filter(|j| !other.join.contains(j)).flatten());
        urls.extend(one.split.difference(&other.split));
        urls.extend(one.prefer.difference(&other.prefer));
    }
    let mut urls: Vec<String> = urls.into_iter().cloned().collect();
    urls.sort();
    urls
}
