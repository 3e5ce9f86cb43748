//! What is served, in memory: each published file as it is now, with its codings and validators, and what its earlier versions held.
//!
//! A version is read once, hashed once and coded once. Whether it is still current is told by a look at the file. A look holds until
//! this process publishes anything ([`output::changes`]), and for [`LOOK_HOLDS`] at most, for editors change files too.
//! A response is made of one version alone, so nothing ever mixes two. Nothing is read before somebody asks for it, and what nobody
//! asked for longest goes first when memory is short.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::header::{self, HeaderMap, HeaderValue};
use chrono::{DateTime, Utc};
use foldhash::HashMap;
use tokio::sync::OnceCell;

use super::coding::{Coding, PLAIN_MAX_BYTES};
use super::delta::{self, Digests};
use super::files::Ready;
use super::headers::{self, Kind};
use super::outlet::Sheet;
use crate::config::Site;
use crate::io::clock::Clock;
use crate::io::output::{self, Found};
use crate::io::stamp::{Stamp, Watched};
use crate::stage::hugo::{self, Page};
use crate::syntax::hex;

/// Earlier versions of a feed that deltas can be made from. A reader that polls daily and a feed that changes hourly need 24.
const PAST_MAX: usize = 32;
/// What a version costs besides its bytes, roughly.
const VERSION_BYTES: usize = 4_096;
/// What somebody else than this process does to a file is seen after this.
const LOOK_HOLDS: Duration = Duration::from_millis(20);

/// One version of one resource.
pub(super) struct Version {
    /// The validator without quotes and suffix: a hash of the bytes.
    pub(super) tag: String,
    pub(super) kind: Kind,
    pub(super) modified: Option<DateTime<Utc>>,
    pub(super) plain: Bytes,
    coded: [OnceCell<Bytes>; 3],
    sheet: OnceLock<Option<Sheet>>,
    /// Headers of a response in each coding, but for its length and type.
    heads: [HeaderMap; 4],
    /// Headers of a whole response in each coding, made for the first one.
    whole_heads: [OnceLock<HeaderMap>; 4],
    /// The same as lines, and those of 304s.
    lines: [[OnceLock<Box<[u8]>>; 4]; 2],
    past: VecDeque<Past>,
    /// What the shelf counts it for.
    bytes: AtomicUsize,
}

/// An earlier version, as far as a delta needs it.
#[derive(Clone)]
struct Past {
    tag: String,
    entries: Arc<Digests>,
}

impl Version {
    /// A version of the resource that is published at `path`; `links` is its `Link`, for a feed.
    pub(super) fn new(path: &str, bytes: Vec<u8>, modified: Option<DateTime<Utc>>, links: Option<HeaderValue>) -> Self {
        let kind = Kind::of(path);
        let tag = hex(blake3::hash(&bytes).as_bytes().get(..16).unwrap_or_default());
        // A time to come would keep clients from asking, or be refused by them (RFC 9110 section 8.8.2.1).
        let modified = modified.map(|at| at.min(Clock::System.now()));
        let mut head = kind.head(path);
        if let Some(date) = modified.and_then(|at| HeaderValue::from_str(&at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()).ok()) {
            head.insert(header::LAST_MODIFIED, date);
        }
        if let Some(links) = links {
            head.insert(header::LINK, links);
        }
        let heads = [Coding::Plain, Coding::Brotli, Coding::Gzip, Coding::Zstd].map(|coding| {
            let mut head = head.clone();
            if let Ok(tag) = HeaderValue::from_str(&format!("\"{tag}{}\"", coding.suffix())) {
                head.insert(header::ETAG, tag);
            }
            head
        });
        let size = bytes.len() + VERSION_BYTES;
        Self {
            tag,
            kind,
            modified,
            plain: bytes.into(),
            coded: Default::default(),
            sheet: OnceLock::new(),
            heads,
            whole_heads: Default::default(),
            lines: Default::default(),
            past: VecDeque::new(),
            bytes: size.into(),
        }
    }

    /// Headers of a response in this coding: validators, caching, policy.
    pub(super) fn head(&self, coding: Coding) -> &HeaderMap {
        let [plain, brotli, gzip, zstd] = &self.heads;
        match coding {
            Coding::Plain => plain,
            Coding::Brotli => brotli,
            Coding::Gzip => gzip,
            Coding::Zstd => zstd,
        }
    }

    /// The bytes in a coding, if they have been made.
    pub(super) fn at_hand(&self, coding: Coding) -> Option<&Bytes> {
        let [brotli, gzip, zstd] = &self.coded;
        match coding {
            Coding::Plain => Some(&self.plain),
            Coding::Brotli => brotli.get(),
            Coding::Gzip => gzip.get(),
            Coding::Zstd => zstd.get(),
        }
    }

    /// Headers of a response that is the whole of it in this coding; its bytes are at hand.
    pub(super) fn whole_head(&self, coding: Coding) -> &HeaderMap {
        let make = || {
            let mut head = self.head(coding).clone();
            head.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind.media_type));
            head.insert(header::CONTENT_LENGTH, HeaderValue::from(self.at_hand(coding).map_or(0, Bytes::len)));
            if let Some(name) = coding.name() {
                head.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
            }
            head
        };
        let [plain, brotli, gzip, zstd] = &self.whole_heads;
        match coding {
            Coding::Plain => plain.get_or_init(make),
            Coding::Brotli => brotli.get_or_init(make),
            Coding::Gzip => gzip.get_or_init(make),
            Coding::Zstd => zstd.get_or_init(make),
        }
    }

    /// The head of an answer as it goes over the wire, all but its date and its end.
    pub(super) fn lines(&self, ready: Ready) -> &[u8] {
        let [unchanged, whole] = &self.lines;
        let (cells, coding, first, head) = match ready {
            Ready::Unchanged(coding) => (unchanged, coding, "HTTP/1.1 304 Not Modified", self.head(coding)),
            Ready::Whole(coding) => (whole, coding, "HTTP/1.1 200 OK", self.whole_head(coding)),
        };
        let make = || {
            let mut lines = format!("{first}\r\n").into_bytes();
            for (name, value) in head {
                lines.extend_from_slice(name.as_str().as_bytes());
                lines.extend_from_slice(b": ");
                lines.extend_from_slice(value.as_bytes());
                lines.extend_from_slice(b"\r\n");
            }
            lines.into_boxed_slice()
        };
        let [plain, brotli, gzip, zstd] = cells;
        match coding {
            Coding::Plain => plain.get_or_init(make),
            Coding::Brotli => brotli.get_or_init(make),
            Coding::Gzip => gzip.get_or_init(make),
            Coding::Zstd => zstd.get_or_init(make),
        }
    }

    /// The coding that is served to who would like `wished`.
    pub(super) fn coding(&self, wished: Coding) -> Coding {
        if self.kind.is_text && self.plain.len() > PLAIN_MAX_BYTES { wished } else { Coding::Plain }
    }

    /// The plain bytes as the system sends them best, if they are many.
    pub(super) fn sheet(&self) -> Option<&Sheet> {
        self.sheet.get_or_init(|| Sheet::of(&self.plain)).as_ref()
    }

    /// What a client that holds one of these versions lacks: that version's tag, and the document without what it holds.
    pub(super) fn delta<'t>(&self, mut held: impl Iterator<Item = &'t str>) -> Option<(&'t str, Vec<u8>)> {
        let grammar = self.kind.feed?;
        let (tag, past) = held.find_map(|tag| Some((tag, self.past.iter().find(|past| past.tag == tag)?)))?;
        Some((tag, delta::without(grammar, &self.plain, &past.entries)?))
    }

    /// Takes over what the version before it knew of the past, and that version itself.
    fn after(mut self, before: &Self) -> Self {
        self.past.clone_from(&before.past);
        // A version that comes back has no delta from itself.
        self.past.retain(|past| past.tag != self.tag);
        if let Some(entries) = before.kind.feed.and_then(|grammar| delta::digests(grammar, &before.plain)) {
            self.past.push_front(Past { tag: before.tag.clone(), entries: Arc::new(entries) });
            self.past.truncate(PAST_MAX);
        }
        let past: usize = self.past.iter().map(|past| 64 + 16 * past.entries.len()).sum();
        *self.bytes.get_mut() += past;
        self
    }
}

/// What stands on the shelf under one name.
struct Slot {
    /// The files that it is made of, as they were.
    sources: Sources,
    /// Whether no later version can look as this one does.
    is_settled: bool,
    /// When its files were last seen to be as they were.
    seen: Look,
    version: Arc<Version>,
    used: u64,
}

type Sources = Arc<[(Watched, Option<Stamp>)]>;

/// A moment at which files are looked at, noted before they are.
#[derive(Clone, Copy)]
struct Look {
    changes: u64,
    at: Instant,
}

impl Look {
    fn now() -> Self {
        Self { changes: output::changes(), at: Instant::now() }
    }

    /// Whether what was seen then need not be looked at again at `now`.
    fn holds(self, now: Self) -> bool {
        self.changes == now.changes && now.at.saturating_duration_since(self.at) < LOOK_HOLDS
    }
}

#[derive(Default)]
struct Slots {
    by_name: HashMap<String, Slot>,
    bytes: usize,
    turn: u64,
}

/// Versions by name, up to a number of bytes.
pub(super) struct Shelf {
    output: PathBuf,
    max_bytes: usize,
    slots: Mutex<Slots>,
}

/// What is to be served under a name.
pub(super) enum Wanted {
    Version(Arc<Version>),
    /// A folder.
    Folder,
    Nothing,
}

/// Files to look at before their resource is made; taken first, so that a change while it is made is seen afterwards.
pub(super) struct Before {
    sources: Sources,
    is_settled: bool,
    look: Look,
}

/// Whether a record's file is a draft.
fn is_draft(bytes: &[u8]) -> bool {
    hugo::plain(bytes).is_ok_and(|text| Page::read(&text).is_ok_and(|page| page.is_draft()))
}

impl Shelf {
    pub(super) fn new(output: PathBuf, max_bytes: usize) -> Self {
        Self { output, max_bytes, slots: Mutex::default() }
    }

    pub(super) fn output(&self) -> &Path {
        &self.output
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stands here under a name, if it is still current.
    pub(super) fn current(&self, name: &str) -> Option<Arc<Version>> {
        let now = Look::now();
        let (sources, version) = {
            let mut slots = self.slots();
            let turn = slots.turn + 1;
            slots.turn = turn;
            let slot = slots.by_name.get_mut(name)?;
            slot.used = turn;
            if !slot.is_settled {
                return None;
            }
            let version = Arc::clone(&slot.version);
            if slot.seen.holds(now) {
                return Some(version);
            }
            (Arc::clone(&slot.sources), version)
        };
        // Nobody waits for these looks but who asked.
        if sources.iter().any(|(watched, stamp)| watched.stamp() != *stamp) {
            return None;
        }
        if let Some(slot) = self.slots().by_name.get_mut(name).filter(|slot| Arc::ptr_eq(&slot.sources, &sources)) {
            slot.seen = now;
        }
        Some(version)
    }

    /// Looks at the files that a resource is made of, before it is made.
    pub(super) fn before<'p>(&self, paths: impl IntoIterator<Item = &'p str>) -> Before {
        let look = Look::now();
        let watched = paths.into_iter().filter_map(|path| Watched::new(&self.output, path));
        let sources: Sources = watched.map(|watched| (watched.stamp(), watched)).map(|(stamp, watched)| (watched, stamp)).collect();
        let now = Clock::System.now();
        let is_settled = sources.iter().all(|(_, stamp)| stamp.is_none_or(|stamp| stamp.is_settled(now)));
        Before { sources, is_settled, look }
    }

    /// The file at `path`, read if it is not here as it is now. Blocks.
    ///
    /// # Errors
    /// What the system says of the file.
    pub(super) fn read(&self, path: &str, links: impl FnOnce(&Kind) -> Option<HeaderValue>) -> std::io::Result<Wanted> {
        let before = self.before([path]);
        match output::read(&self.output, path)? {
            // An editor's, who has taken it out of everything published.
            Found::File { bytes, .. } if path.ends_with(".md") && is_draft(&bytes) => {
                self.take(path);
                Ok(Wanted::Nothing)
            }
            Found::File { bytes, modified } => {
                let links = links(&Kind::of(path));
                Ok(Wanted::Version(self.put(path, before, Version::new(path, bytes, modified, links))))
            }
            Found::Folder => Ok(Wanted::Folder),
            Found::Missing => {
                self.take(path);
                Ok(Wanted::Nothing)
            }
        }
    }

    /// Puts a version under a name, and gives back what stands there: what stood there before, with its codings, if that is the same.
    pub(super) fn put(&self, name: &str, before: Before, version: Version) -> Arc<Version> {
        let old = self.slots().by_name.get(name).map(|slot| Arc::clone(&slot.version));
        let is_same = |old: &Version| old.tag == version.tag && old.modified == version.modified && old.heads == version.heads;
        let version = match old {
            Some(old) if is_same(&old) => old,
            Some(old) => Arc::new(version.after(&old)),
            None => Arc::new(version),
        };
        let bytes = version.bytes.load(Ordering::Relaxed);
        let mut slots = self.slots();
        // What would crowd out everything else is served, but not kept.
        if bytes > self.max_bytes / 4 {
            slots.remove(name);
            return version;
        }
        slots.remove(name);
        slots.bytes += bytes;
        let used = slots.turn;
        let Before { sources, is_settled, look } = before;
        let slot = Slot { sources, is_settled, seen: look, version: Arc::clone(&version), used };
        slots.by_name.insert(name.to_owned(), slot);
        slots.shrink(self.max_bytes);
        version
    }

    fn take(&self, name: &str) {
        self.slots().remove(name);
    }

    /// Has the bytes of a version in a coding made; whether they are at hand then. Whoever comes first has them made, off the threads
    /// that serve sockets; the others wait for it.
    pub(super) async fn code(&self, name: &str, version: &Arc<Version>, coding: Coding) -> bool {
        let [brotli, gzip, zstd] = &version.coded;
        let cell = match coding {
            Coding::Plain => return true,
            Coding::Brotli => brotli,
            Coding::Gzip => gzip,
            Coding::Zstd => zstd,
        };
        let made = cell.get_or_try_init(|| async {
            let plain = version.plain.clone();
            let coded = Bytes::from(tokio::task::spawn_blocking(move || coding.encode(&plain)).await.map_err(drop)?.ok_or(())?);
            self.count(name, version, coded.len());
            Ok::<_, ()>(coded)
        });
        made.await.is_ok()
    }

    /// Counts bytes that a version on the shelf has gained.
    fn count(&self, name: &str, version: &Arc<Version>, bytes: usize) {
        let mut slots = self.slots();
        if slots.by_name.get(name).is_some_and(|slot| Arc::ptr_eq(&slot.version, version)) {
            version.bytes.fetch_add(bytes, Ordering::Relaxed);
            slots.bytes += bytes;
            slots.shrink(self.max_bytes);
        }
    }

    /// How many resources are held, and their bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        let slots = self.slots();
        (slots.by_name.len(), slots.bytes)
    }
}

impl Slots {
    fn remove(&mut self, name: &str) {
        if let Some(slot) = self.by_name.remove(name) {
            self.bytes = self.bytes.saturating_sub(slot.version.bytes.load(Ordering::Relaxed));
        }
    }

    /// Takes away what was not asked for longest, down to three quarters: so that it need not be done at every turn.
    fn shrink(&mut self, max_bytes: usize) {
        if self.bytes <= max_bytes {
            return;
        }
        let mut names: Vec<(u64, String)> = self.by_name.iter().map(|(name, slot)| (slot.used, name.clone())).collect();
        names.sort_unstable();
        for (_, name) in names {
            if self.bytes <= max_bytes / 4 * 3 {
                break;
            }
            self.remove(&name);
        }
    }
}

/// The `Link` of the feed at `path` of a site.
pub(super) fn feed_links(site: &Site, path: &str) -> Option<HeaderValue> {
    headers::links(&format!("{}{path}", site.base_url), &site.hub_urls())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests change the published tree behind the shelf's back")]
mod tests {
    use super::*;
    use crate::io::output::Tree;

    struct Place {
        dir: tempfile::TempDir,
        shelf: Shelf,
    }

    fn place(max_bytes: usize) -> Place {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(dir.path().to_owned(), max_bytes);
        Place { dir, shelf }
    }

    impl Place {
        fn publish(&self, path: &str, bytes: &[u8]) {
            let mut tree = Tree::open(self.dir.path()).unwrap();
            tree.stage(path, bytes).unwrap();
            tree.commit().unwrap();
        }

        /// As if the last look at everything had been so long ago that it holds no more, and every stamp were settled.
        fn wait(&self) {
            for slot in self.shelf.slots().by_name.values_mut() {
                slot.seen.at -= LOOK_HOLDS;
                slot.is_settled = true;
            }
        }

        fn get(&self, path: &str) -> Option<Arc<Version>> {
            match self.shelf.current(path) {
                Some(version) => Some(version),
                None => match self.shelf.read(path, |_| None).unwrap() {
                    Wanted::Version(version) => Some(version),
                    _ => None,
                },
            }
        }
    }

    #[test]
    fn a_new_version_is_seen_at_the_next_request() {
        let place = place(1 << 20);
        for n in 0..100 {
            let bytes = format!("version {n}");
            place.publish("a.txt", bytes.as_bytes());
            assert_eq!(place.get("a.txt").unwrap().plain, bytes);
            assert_eq!(place.get("a.txt").unwrap().plain, bytes);
        }
        let mut tree = Tree::open(place.dir.path()).unwrap();
        tree.remove("a.txt").unwrap();
        tree.commit().unwrap();
        assert!(place.get("a.txt").is_none());
        assert_eq!(place.shelf.size(), (0, 0));
    }

    #[test]
    fn what_somebody_else_changes_is_seen_when_the_last_look_holds_no_more() {
        let place = place(1 << 20);
        place.publish("a.txt", b"ours");
        assert_eq!(place.get("a.txt").unwrap().plain, "ours");
        place.wait();
        assert!(place.shelf.current("a.txt").is_some());
        let look = Look::now();
        std::fs::write(place.dir.path().join("a.txt"), "an editor's").unwrap();
        place.wait();
        assert!(place.shelf.current("a.txt").is_none());
        assert_eq!(place.get("a.txt").unwrap().plain, "an editor's");
        let later = |ms| Look { at: look.at + Duration::from_millis(ms), ..look };
        assert!(look.holds(later(0)) && look.holds(later(19)) && !look.holds(later(20)));
        assert!(!look.holds(Look { changes: look.changes + 1, ..look }));
    }

    #[tokio::test]
    async fn what_is_the_same_keeps_its_codings() {
        let place = place(1 << 20);
        let bytes = b"the same line\n".repeat(200);
        place.publish("a.txt", &bytes);
        let first = place.get("a.txt").unwrap();
        assert!(place.shelf.code("a.txt", &first, Coding::Gzip).await);
        let coded = first.at_hand(Coding::Gzip).unwrap();
        assert!(coded.len() < bytes.len() / 4);
        // Read again, though nothing changed: as if its stamp were not settled.
        let Wanted::Version(again) = place.shelf.read("a.txt", |_| None).unwrap() else { panic!() };
        assert!(Arc::ptr_eq(&first, &again));
        assert_eq!(place.shelf.size(), (1, bytes.len() + VERSION_BYTES + coded.len()));
    }

    #[test]
    fn memory_has_an_end_and_the_longest_unasked_goes_first() {
        let max_bytes = 20 * (VERSION_BYTES + 1_000);
        let place = place(max_bytes);
        for n in 0..100 {
            place.publish(&format!("{n}.txt"), &[b'x'; 1_000]);
            place.get(&format!("{n}.txt")).unwrap();
            place.shelf.current("0.txt");
            assert!(place.shelf.size().1 <= max_bytes);
        }
        let slots = place.shelf.slots();
        assert!(slots.by_name.contains_key("0.txt") && slots.by_name.contains_key("99.txt") && !slots.by_name.contains_key("50.txt"));
        drop(slots);
        place.publish("large.txt", &vec![b'x'; max_bytes]);
        assert_eq!(place.get("large.txt").unwrap().plain.len(), max_bytes);
        assert!(place.shelf.size().1 <= max_bytes, "served, and not kept");
    }

    #[test]
    fn deltas_are_made_from_the_last_versions_and_no_further() {
        let place = place(1 << 20);
        let mut tags = Vec::new();
        let feed = |n: usize| {
            let entries: String = (0..=n).rev().map(|n| format!("<entry><id>{n}</id></entry>\n")).collect();
            format!("<feed>\n{entries}</feed>").into_bytes()
        };
        for n in 0..40 {
            place.publish("a.atom", &feed(n));
            tags.push(place.get("a.atom").unwrap().tag.clone());
        }
        let version = place.get("a.atom").unwrap();
        let delta = |tag: &str| version.delta([tag].into_iter()).map(|(_, bytes)| String::from_utf8(bytes).unwrap());
        assert_eq!(delta(&tags[38]).unwrap(), "<feed>\n<entry><id>39</id></entry>\n</feed>");
        assert_eq!(delta(&tags[37]).unwrap().matches("<entry>").count(), 2);
        assert_eq!(delta(&tags[39 - PAST_MAX]).unwrap().matches("<entry>").count(), PAST_MAX);
        assert_eq!(delta(&tags[39 - PAST_MAX - 1]), None);
        assert_eq!(delta(&tags[39]), None, "the version itself");
    }
}
