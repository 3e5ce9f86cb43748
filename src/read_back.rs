//! What editors changed in the published Markdown files, taken back as their word: into `overrides.toml`, and from there into every
//! feed.
//!
//! The files are looked at, not read: one listing of each folder, compared with what the store knows of them. Only a file that looks
//! otherwise than it was left is read. A title, categories and `draft` flow back; everything else that an editor changed is the
//! file's own and stays there (`stage::hugo`). A file that is gone was taken away by somebody: its record is hidden. Where the whole
//! publication, a whole folder, or most files are gone, nobody decided anything of single articles, and they are written anew.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use crate::config::Site;
use crate::config::overrides::Overrides;
use crate::edit::{self, EditError, Word};
use crate::ingest::{SharedStore, locked};
use crate::io::output::{self, Found, Stamp};
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
pub fn read_back(site: &Site, store: &SharedStore) -> Result<ReadBack, ReadBackError> {
    if !site.read_back {
        return Ok(ReadBack::default());
    }
    let Look { changed, missing, emptied } = look(site, store)?;
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
    Ok(ReadBack { overrides, is_refilled: !emptied.is_empty(), told })
}

/// What a look at the folders showed.
struct Look {
    /// Records whose files look otherwise than they were left, with what they look like.
    changed: Vec<(u64, Stamp)>,
    /// Records whose files are gone.
    missing: Vec<u64>,
    /// Records whose files are gone with all or most others.
    emptied: Vec<u64>,
}

fn look(site: &Site, store: &SharedStore) -> Result<Look, ReadBackError> {
    let mut look = Look { changed: Vec::new(), missing: Vec::new(), emptied: Vec::new() };
    if !publisher::is_published(&site.output) {
        // All of it is written anew.
        return Ok(look);
    }
    let mut folders: BTreeMap<String, Option<HashMap<String, Stamp>>> = BTreeMap::new();
    for section in &site.sections {
        let folder = section.section.base_path.trim_matches('/');
        let stamps = output::stamps(&site.output, folder);
        let stamps = stamps.map_err(|source| ReadBackError::Io { path: site.output.join(folder), source })?;
        folders.insert(folder.to_owned(), stamps);
    }
    let mut files = 0_usize;
    locked(store).news_stamps(&mut |number, path, known, is_written| {
        let (Some(known), Some((folder, name))) = (known, path.rsplit_once('/')) else { return };
        files += 1;
        match folders.get(folder) {
            Some(Some(stamps)) => match stamps.get(name) {
                Some(stamp) if *stamp == known => {}
                Some(stamp) => look.changed.push((number, *stamp)),
                // One whose writing did not end may never have been there.
                None if is_written => look.missing.push(number),
                None => {}
            },
            // A folder that is no section's any more is left alone.
            None => {}
            Some(None) => look.emptied.push(number),
        }
    })?;
    if look.missing.len() >= EMPTIED_MIN && look.missing.len() * 2 > files {
        look.emptied.append(&mut look.missing);
    }
    Ok(look)
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
