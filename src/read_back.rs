//! What editors changed in the published Markdown files, taken back as their word: into `overrides.toml`, and from there into every
//! feed.
//!
//! The files are looked at, not read, and compared with what the store knows of them: those of the newest records each time, the
//! others in turn, so that a look costs the same however long the history is. Only a file that looks otherwise than it was left is
//! read. A title, categories and `draft` flow back; everything else that an editor changed is the
//! file's own and stays there (`stage::hugo`). A file that is gone was taken away by somebody: its record is hidden. Where the whole
//! publication, a whole folder, or most files are gone, nobody decided anything of single articles, and they are written anew.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::config::Site;
use crate::config::overrides::Overrides;
use crate::edit::{self, EditError, Word};
use crate::ingest::{SharedStore, locked};
use crate::io::output::{self, Folder, Found, Stamp};
use crate::publisher;
use crate::publisher::records::digest;
use crate::stage::hugo::{self, Base, Edits, Page, Unreadable};
use crate::store::{NewsFile, StoreError, StoredRecord};

/// Who says what flows back.
const BY: &str = "editor's file";
/// Larger files are no records.
const FILE_MAX_BYTES: u64 = 1 << 20;
/// Fewer files than this are taken away by hand.
const EMPTIED_MIN: usize = 10;
/// The newest records' files are looked at each time, and as many of the others.
const PART: usize = 4_096;

/// Which files are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Those of the newest records, and the next of the others.
    Part,
    /// Every record's.
    All,
}

/// Why editors' files could not be taken back. What they hold stays in them.
#[derive(Debug, thiserror::Error)]
pub enum ReadBackError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// `overrides.toml`.
    #[error("editors' files: {0}")]
    Edit(#[from] EditError),
    /// A file or folder cannot be read.
    #[error("cannot read {path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadBack {
    /// All that editors have said, if there is anything new.
    pub overrides: Option<Overrides>,
    /// Whether files that are gone are to be written anew.
    pub is_refilled: bool,
    /// Sentences on what was taken back and what cannot be.
    pub told: Vec<String>,
}

/// Looks for files that editors changed since they were last looked at, and writes what flows back.
///
/// # Errors
/// Any [`ReadBackError`]; the next run looks again.
pub fn read_back(site: &Site, store: &SharedStore, span: Span) -> Result<ReadBack, ReadBackError> {
    if !site.read_back {
        return Ok(ReadBack::default());
    }
    let part = (span == Span::Part).then_some(PART);
    let (Look { changed, missing, emptied, .. }, until) = look(site, store, part)?;
    if !emptied.is_empty() {
        locked(store).note_news(&[], &emptied, true)?;
    }
    let mut told = Vec::new();
    if emptied.len() >= EMPTIED_MIN {
        told.push(format!("{} files of records are gone from {}, and are written anew", emptied.len(), site.output.display()));
    }
    let mut desk = Desk { site, words: Vec::new(), files: Vec::new(), gone: missing, told };
    let hidden = locked(store).records(&desk.gone)?;
    for record in hidden.into_iter().filter(|r| !r.draft.hidden) {
        desk.tell(&record, "its file was taken away: hidden");
        desk.words.push((record, vec![Word::Hide(true), Word::By(BY)]));
    }
    for (number, stamp) in changed {
        let (record, file) = {
            let store = locked(store);
            (store.records(&[number])?.pop(), store.news(&[number])?.pop().flatten())
        };
        if let (Some(record), Some(file)) = (record, file) {
            desk.read(record, file, stamp)?;
        }
    }
    let Desk { words, files, gone, told, .. } = desk;
    let words: Vec<(&StoredRecord, Word)> = words.iter().flat_map(|(r, words)| words.iter().map(move |w| (r, w.clone()))).collect();
    let overrides = if words.is_empty() { None } else { Some(edit::say(site, &words)?) };
    // Last: what is noted as seen is not looked at again.
    if !files.is_empty() || !gone.is_empty() {
        locked(store).note_news(&files, &gone, false)?;
    }
    if let Some(until) = until {
        locked(store).note_looked(until)?;
    }
    Ok(ReadBack { overrides, is_refilled: !emptied.is_empty(), told })
}

/// What a look at the folders showed.
#[derive(Default)]
struct Look {
    /// How many files were looked at.
    files: usize,
    /// Records whose files look otherwise than they were left, with what they look like.
    changed: Vec<(u64, Stamp)>,
    /// Records whose files are gone.
    missing: Vec<u64>,
    /// Records whose files are gone with all or most others.
    emptied: Vec<u64>,
}

/// Looks at the files of the newest `part` records and of as many others, or at all; returns also up to which number of the others.
fn look(site: &Site, store: &SharedStore, part: Option<usize>) -> Result<(Look, Option<u64>), ReadBackError> {
    if !publisher::is_published(&site.output) {
        // All of it is written anew.
        return Ok((Look::default(), None));
    }
    let mut folders: BTreeMap<String, Option<Folder>> = BTreeMap::new();
    for section in &site.sections {
        let folder = section.section.base_path.trim_matches('/');
        let opened = Folder::open(&site.output, folder);
        let opened = opened.map_err(|source| ReadBackError::Io { path: site.output.join(folder), source })?;
        folders.insert(folder.to_owned(), opened);
    }
    let mut look = Look::default();
    let glance = |look: &mut Look, after: u64, count: usize, end: u64| {
        let mut failed = None;
        let last = locked(store).news_stamps(after, count, &mut |number, path, known, is_written| {
            if number <= end
                && let Some(known) = known
                && let Err(source) = look.at(&folders, number, path, known, is_written)
            {
                failed = Some(ReadBackError::Io { path: site.output.join(path), source });
            }
        })?;
        failed.map_or(Ok(last), Err)
    };
    let (newest, until) = locked(store).looked()?;
    let mut next = None;
    if let Some(part) = part
        && let Some(young) = newest.checked_sub(part as u64).filter(|young| *young > 0)
    {
        glance(&mut look, young, part, newest)?;
        let until = if until < young { until } else { 0 };
        next = Some(glance(&mut look, until, part, young)?.unwrap_or(young));
    }
    // Where many are gone, all of them tell whether somebody decided that.
    if next.is_none() || !look.emptied.is_empty() || look.missing.len() >= EMPTIED_MIN {
        look = Look::default();
        next = None;
        glance(&mut look, 0, usize::MAX, u64::MAX)?;
    }
    if look.missing.len() >= EMPTIED_MIN && look.missing.len() * 2 > look.files {
        look.emptied.append(&mut look.missing);
    }
    Ok((look, next))
}

impl Look {
    fn at(
        &mut self,
        folders: &BTreeMap<String, Option<Folder>>,
        number: u64,
        path: &str,
        known: Stamp,
        is_written: bool,
    ) -> std::io::Result<()> {
        let Some((folder, name)) = path.rsplit_once('/') else { return Ok(()) };
        self.files += 1;
        match folders.get(folder) {
            Some(Some(folder)) => match folder.stamp(name)? {
                Some(stamp) if stamp == known => {}
                Some(stamp) => self.changed.push((number, stamp)),
                // One whose writing did not end may never have been there.
                None if is_written => self.missing.push(number),
                None => {}
            },
            // A folder that is no section's any more is left alone.
            None => {}
            Some(None) => self.emptied.push(number),
        }
        Ok(())
    }
}

/// Files on their way back.
struct Desk<'a> {
    site: &'a Site,
    words: Vec<(StoredRecord, Vec<Word>)>,
    files: Vec<NewsFile>,
    gone: Vec<u64>,
    told: Vec<String>,
}

impl Desk<'_> {
    fn tell(&mut self, record: &StoredRecord, what: &str) {
        let title: String = record.draft.title.chars().filter(|c| !c.is_control()).collect();
        self.told.push(format!("record {} ({title}): {what}", record.number));
    }

    fn read(&mut self, record: StoredRecord, file: NewsFile, stamp: Stamp) -> Result<(), ReadBackError> {
        let path = self.site.output.join(&file.path);
        let bytes = if stamp.bytes > FILE_MAX_BYTES {
            self.told.push(format!("{}: larger than any record; the file is left as it is", path.display()));
            None
        } else {
            match output::read(&self.site.output, &file.path) {
                Ok(Found::File { bytes, .. }) => Some(bytes),
                // A folder or a link in its place.
                Ok(_) => None,
                Err(source) => return Err(ReadBackError::Io { path, source }),
            }
        };
        let Some(bytes) = bytes else {
            self.files.push(NewsFile { stamp: Some(stamp), ..file });
            return Ok(());
        };
        let hash = digest(&bytes);
        let is_ours = hash == file.hash || file.previous == Some(hash);
        if is_ours && file.stamp != Some(Stamp::NONE) {
            // Touched, copied, or from a publication that did not end, which is done again.
            self.files.push(NewsFile { stamp: Some(stamp), ..file });
            return Ok(());
        }
        let base = Base::read(&file.base);
        let topics = self.site.topics.iter().map(|t| t.category.as_str());
        let edits = hugo::plain(&bytes).and_then(|text| Ok(hugo::edits(&base, &Page::read(&text)?, file.is_draft, topics)));
        let is_draft = match edits {
            Ok(edits) => {
                let is_draft = edits.draft.unwrap_or(file.is_draft);
                self.take(record, edits, &path);
                is_draft
            }
            Err(Unreadable { line, why }) => {
                self.told.push(format!("{}:{line}: {why}; the file is left as it is", path.display()));
                file.is_draft
            }
        };
        self.files.push(NewsFile { stamp: Some(stamp), hash, is_edited: file.is_edited || !is_ours, is_draft, ..file });
        Ok(())
    }

    /// An editor's changes as words.
    fn take(&mut self, record: StoredRecord, edits: Edits, path: &std::path::Path) {
        let Edits { title, added, removed, draft } = edits;
        let (mut words, mut said) = (Vec::new(), Vec::new());
        let title = title.map(|t| t.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|t| *t != record.draft.title);
        if let Some(title) = title {
            said.push(format!("retitled: {title}"));
            let is_own = record.draft.given_title.as_deref() == Some(title.as_str());
            words.push(Word::Title((!is_own).then_some(title)));
        }
        for category in added {
            if self.site.topics.iter().any(|t| t.category == category) {
                said.push(format!("+ {category}"));
                words.push(Word::Add(category));
            } else {
                self.told.push(format!("{}: there is no [[topic]] \"{category}\"; it stays in this file alone", path.display()));
            }
        }
        for category in removed {
            said.push(format!("- {category}"));
            words.push(Word::Remove(category));
        }
        if let Some(is_draft) = draft.filter(|is| *is != record.draft.hidden) {
            said.push(if is_draft { "a draft: hidden".into() } else { "no draft any more: shown".into() });
            words.push(Word::Hide(is_draft));
        }
        if !words.is_empty() {
            self.tell(&record, &format!("in its file: {}", said.join(", ")));
            words.push(Word::By(BY));
            self.words.push((record, words));
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests lay out published files, and take them away as an editor does")]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::config;
    use crate::io::file;
    use crate::store::Store as _;
    use crate::store::sqlite::SqliteStore;

    /// A site of this many records' files, none of which looks as it was left.
    fn touched(dir: &std::path::Path, count: u64) -> (Site, SharedStore) {
        let text =
            "[site]\ntitle = \"T\"\nbase_url = \"https://wire.example/\"\n[[source]]\nid = \"a\"\nurl = \"https://a.example/feed\"\n";
        let mut site = config::check(&dir.join("feeds.toml"), text).unwrap();
        (site.store, site.output) = (dir.join("s.db"), dir.join("output"));
        let folder = site.sections[0].section.base_path.trim_matches('/').to_owned();
        let file = |number| NewsFile {
            number,
            path: format!("{folder}/{number}.md"),
            stamp: Some(Stamp { bytes: 7, modified_ns: 1 }),
            is_written: true,
            is_edited: false,
            is_draft: false,
            hash: [0; 16],
            previous: None,
            base: Vec::new(),
            kept: None,
        };
        let files: Vec<NewsFile> = (1..=count).map(file).collect();
        let mut store = SqliteStore::open(&site.store).unwrap();
        store.note_news(&files, &[], false).unwrap();
        std::fs::create_dir_all(site.output.join(&folder)).unwrap();
        let paths = files.iter().map(|file| file.path.as_str()).chain(["index.html"]);
        paths.for_each(|path| file::write(&site.output.join(path), b"x").unwrap());
        (site, Arc::new(Mutex::new(store)))
    }

    #[test]
    fn the_newest_are_looked_at_each_time_and_the_others_in_turn() {
        let dir = tempfile::tempdir().unwrap();
        let (site, store) = touched(dir.path(), 7);
        let looks = || {
            let (look, next) = look(&site, &store, Some(2)).unwrap();
            locked(&store).note_looked(next.unwrap()).unwrap();
            look.changed.iter().map(|(number, _)| *number).collect::<Vec<_>>()
        };
        assert_eq!(looks(), [6, 7, 1, 2]);
        assert_eq!(looks(), [6, 7, 3, 4]);
        assert_eq!(looks(), [6, 7, 5]);
        assert_eq!(looks(), [6, 7, 1, 2]);
        let all = |part| look(&site, &store, part).unwrap();
        let whole = (all(None), all(Some(7)));
        assert!([whole.0, whole.1].iter().all(|(look, next)| look.changed.len() == 7 && next.is_none()));
    }

    /// A part of them would say that somebody took away a few.
    #[test]
    fn where_many_are_gone_all_are_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let (site, store) = touched(dir.path(), 60);
        let folder = site.output.join(site.sections[0].section.base_path.trim_matches('/'));
        (1..=40).for_each(|number| std::fs::remove_file(folder.join(format!("{number}.md"))).unwrap());
        let (look, next) = look(&site, &store, Some(20)).unwrap();
        assert_eq!((look.emptied.len(), look.missing.len(), next), (40, 0, None));
    }
}
