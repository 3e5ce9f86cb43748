//! Curated-content records: one Markdown file each, with what editors changed in them.

use std::collections::HashMap;

use super::{BATCH, Press, PublishError};
use crate::entry::{Text, TextKind};
use crate::format::front_matter;
use crate::ingest::{SharedStore, locked};
use crate::io::output::{self, Found, Stamp, Tree};
use crate::record::{Attachment, Draft, FromPage, Record, Section};
use crate::stage::article::Article;
use crate::stage::article::image::Picture;
use crate::stage::hugo::{self, Base, Page};
use crate::stage::{naming, text};
use crate::store::{NewsFile, StoredRecord};
use uuid::Uuid;

/// What one publication learns of records' files.
#[derive(Default)]
pub(super) struct Shelf {
    files: Vec<NewsFile>,
    gone: Vec<u64>,
    /// Sentences on editors' files.
    pub(super) told: Vec<String>,
}

/// What an editor left in a file.
enum Theirs {
    /// Nothing, or nothing that was not there before.
    Nothing,
    /// The file, and whether there is more in it than when it was last looked at.
    File { bytes: Vec<u8>, is_new: bool },
}

/// Whether a record is published.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Yes,
    NotNow,
    /// It is taken down.
    Never,
}

impl Press<'_> {
    pub(super) fn all_records(&self, tree: &mut Tree, shelf: &mut Shelf, store: &SharedStore) -> Result<(), PublishError> {
        let mut after = 0;
        loop {
            let mut batch = Vec::with_capacity(BATCH);
            let last = locked(store).records_after(after, BATCH, &mut |record| batch.push(record))?;
            self.records(tree, shelf, store, batch)?;
            match last {
                Some(last) => after = last,
                None => return Ok(()),
            }
        }
    }

    /// Stages these records' files with what was read of their articles, and beside each what it names. What the store knows of files
    /// is noted before any of them is in place: a file of a publication that was killed is then known for ours, whether it came to be
    /// there or not.
    pub(super) fn records(
        &self,
        tree: &mut Tree,
        shelf: &mut Shelf,
        store: &SharedStore,
        records: Vec<StoredRecord>,
    ) -> Result<(), PublishError> {
        let numbers: Vec<u64> = records.iter().map(|r| r.number).collect();
        let (mut known, mut articles) = (Vec::new(), HashMap::new());
        locked(store).reading(&mut |store| {
            (known, articles) = (store.news(&numbers)?, store.articles(&numbers)?);
            Ok(())
        })?;
        for (stored, known) in records.into_iter().zip(known) {
            let article = articles.remove(&stored.number).unwrap_or_default();
            let shown = match (stored.draft.hidden, self.takedowns.holds(&stored.draft, &stored.source)) {
                (_, true) => Shown::Never,
                (true, _) => Shown::NotNow,
                _ => Shown::Yes,
            };
            let record = self.curated(stored, &article);
            self.pictures(tree, store, &record, &article, shown)?;
            self.record(tree, shelf, record, known, shown)?;
        }
        if !shelf.files.is_empty() || !shelf.gone.is_empty() {
            locked(store).note_news(&shelf.files, &shelf.gone, false)?;
            shelf.files.clear();
            shelf.gone.clear();
        }
        Ok(())
    }

    /// What a record's file names and lies beside it.
    fn pictures(&self, tree: &mut Tree, store: &SharedStore, record: &Record, article: &Article, shown: Shown) -> Result<(), PublishError> {
        let folder = record.section.base_path.trim_matches('/');
        let pictures = [(&record.featured_image, &article.image), (&record.favicon, &article.icon), (&record.featured_pdf, &article.pdf)];
        for (attachment, picture) in pictures {
            let (Some(attachment), Some(hash)) = (attachment, picture.as_ref().and_then(|picture| picture.file.as_ref())) else {
                continue;
            };
            let path = format!("{folder}/{}", attachment.href);
            let path = path.trim_start_matches('/');
            if shown != Shown::Yes {
                tree.remove(path)?;
            } else if let Some(bytes) = locked(store).file(hash)? {
                tree.stage(path, &bytes)?;
            }
        }
        Ok(())
    }

    fn record(
        &self,
        tree: &mut Tree,
        shelf: &mut Shelf,
        record: Record,
        known: Option<NewsFile>,
        shown: Shown,
    ) -> Result<(), PublishError> {
        let path = format!("{}/{}", record.section.base_path.trim_matches('/'), front_matter::file_name(&record));
        let path = path.trim_start_matches('/');
        // A record's section may have changed, and with it the folder.
        let place = known.as_ref().map_or(path, |k| k.path.as_str());
        if shown == Shown::Never {
            // Whatever an editor wrote of it goes too.
            tree.remove(place)?;
            shelf.gone.extend(known.map(|k| k.number));
            return Ok(());
        }
        let found = tree.stamp(place)?;
        if shown == Shown::NotNow && found.is_some() && known.as_ref().is_some_and(|k| k.is_draft) {
            // Its editor made it a draft there and goes on with it.
            return Ok(());
        }
        let theirs = self.theirs(place, found, known.as_ref())?;
        if shown == Shown::NotNow {
            tree.remove(place)?;
            match (known, theirs) {
                (Some(known), Theirs::File { bytes, .. }) => {
                    let aside = NewsFile { stamp: None, kept: Some(bytes), ..known.clone() };
                    shelf.files.extend(Some(aside).filter(|aside| *aside != known));
                }
                (Some(known), Theirs::Nothing) => shelf.gone.push(known.number),
                (None, _) => {}
            }
            return Ok(());
        }
        let number = record.number;
        let (sheet, is_new) = match theirs {
            Theirs::Nothing => (Sheet::ours(&record), false),
            Theirs::File { bytes, is_new } => match Sheet::merged(record, known.as_ref(), bytes) {
                Ok((sheet, conflicts)) => {
                    let file = self.site.output.join(place);
                    shelf.told.extend(
                        conflicts
                            .iter()
                            .map(|key| format!("{}: both its editor and its source changed {key}; the editor's stays", file.display())),
                    );
                    (sheet, is_new)
                }
                Err(hugo::Unreadable { line, why }) => {
                    let file = self.site.output.join(place);
                    shelf.told.push(format!("{}:{line}: {why}; the file is left as it is", file.display()));
                    return Ok(());
                }
            },
        };
        if place != path && found.is_some() {
            tree.remove(place)?;
        }
        let is_staged = tree.stage(path, &sheet.bytes)?;
        // What an editor changed since the files were last looked at is looked at again, so that it flows back.
        let stamp = match (is_new, is_staged) {
            (true, _) => Some(Stamp::NONE),
            (false, true) => tree.staged_stamp(),
            (false, false) => tree.stamp(path)?,
        };
        let hash = digest(&sheet.bytes);
        let previous = known.as_ref().and_then(|k| if k.is_written { Some(k.hash) } else { k.previous });
        let file = NewsFile {
            number,
            path: path.to_owned(),
            stamp,
            is_written: !is_staged && known.as_ref().is_none_or(|k| k.is_written),
            is_edited: sheet.is_edited,
            is_draft: sheet.is_draft,
            hash,
            previous: previous.filter(|p| *p != hash),
            base: sheet.base.bytes().to_vec(),
            kept: None,
        };
        // What changes nothing is not written.
        let same = known.is_some_and(|k| NewsFile { previous: None, ..k } == NewsFile { previous: None, ..file.clone() });
        shelf.files.extend(Some(file).filter(|_| !same));
        Ok(())
    }

    /// What is an editor's in the file at `place`.
    fn theirs(&self, place: &str, found: Option<Stamp>, known: Option<&NewsFile>) -> Result<Theirs, PublishError> {
        let Some(stamp) = found else {
            let kept = known.and_then(|k| k.kept.clone());
            return Ok(kept.map_or(Theirs::Nothing, |bytes| Theirs::File { bytes, is_new: false }));
        };
        let is_seen = known.is_some_and(|k| k.stamp == Some(stamp));
        if is_seen && known.is_some_and(|k| !k.is_edited) {
            return Ok(Theirs::Nothing);
        }
        let path = self.site.output.join(place);
        let read = output::read(&self.site.output, place).map_err(|cause| PublishError::Record { path, cause })?;
        let Found::File { bytes, .. } = read else { return Ok(Theirs::Nothing) };
        let hash = digest(&bytes);
        // Touched, or written by a publication that did not end.
        let is_known = known.is_some_and(|k| k.hash == hash || k.previous == Some(hash));
        if is_known && known.is_some_and(|k| !k.is_edited) {
            return Ok(Theirs::Nothing);
        }
        let is_unseen = known.is_some_and(|k| k.stamp == Some(Stamp::NONE));
        Ok(Theirs::File { bytes, is_new: !is_seen && (!is_known || is_unseen) })
    }

    fn curated(&self, stored: StoredRecord, article: &Article) -> Record {
        let StoredRecord { number, uuid, source, last_mod, page, mut draft, .. } = stored;
        add_page(&mut draft, page);
        let attachment = |picture: &Option<Picture>, name: &str| picture.as_ref().map(|p| attachment(p, &draft.title, uuid, name));
        let section = self.site.sections.iter().find(|s| s.id == draft.section).or(self.site.sections.first());
        let categories: Vec<String> = draft.topics.into_iter().map(|t| t.category).collect();
        Record {
            favicon: attachment(&article.icon, "favIconImage"),
            featured_image: attachment(&article.image, "featuredImage"),
            featured_pdf: attachment(&article.pdf, "featuredPdf"),
            number,
            uuid,
            section: section.map_or_else(Section::default, |s| s.section.clone()),
            curators: draft.curators,
            title: draft.title,
            href: draft.href,
            original: draft.original,
            published: draft.published,
            last_mod,
            summary: draft.summary,
            body: draft.body,
            related_offerings: naming::related_offerings(&categories, &self.offerings),
            categories,
            page: article.facts.meta.clone(),
            institution: draft.institution,
            offering: draft.offering,
            source,
            via: draft.via,
            via_link: draft.via_link,
            insights_description: None,
            insights_name: None,
            licence: draft.licence,
            attribution: draft.attribution,
            promotion: draft.promotion,
            reservation: draft.reservation,
        }
    }
}

/// Fills in what the source left out with what the article's page says.
pub(super) fn add_page(draft: &mut Draft, page: Option<FromPage>) {
    let Some(FromPage { href, summary, language, authors, .. }) = page else { return };
    if let Some(href) = href {
        draft.href = href;
    }
    if let Some(summary) = summary.filter(|_| draft.summary.is_empty()) {
        draft.body = text::paragraphs(&Text { value: summary.clone(), kind: TextKind::Plain }, None, None);
        draft.summary = summary;
    }
    draft.language = draft.language.take().or(language);
    if draft.authors.is_empty() {
        draft.authors = authors;
    }
}

/// A picture or PDF as the record names it: by the file beside it, or by its own address where it was not copied but is what it
/// should be.
fn attachment(picture: &Picture, title: &str, uuid: Uuid, name: &str) -> Attachment {
    let format = picture.format.clone().unwrap_or_default();
    let href = match (&picture.file, picture.is_valid()) {
        (Some(_), _) => format!("{uuid}-{name}.{}", format.to_ascii_lowercase()),
        (None, true) => picture.url.clone(),
        (None, false) => String::new(),
    };
    Attachment {
        alt: title.to_owned(),
        format,
        href,
        size: picture.size,
        valid: picture.is_valid(),
        work_package: None,
        file_name: None,
        link: None,
    }
}

/// A record's file as it is to be.
struct Sheet {
    bytes: Vec<u8>,
    base: Base,
    is_edited: bool,
    is_draft: bool,
}

impl Sheet {
    fn ours(record: &Record) -> Self {
        let text = front_matter::write(record);
        let base = Base::of(&text, &text, &record.categories);
        Self { bytes: text.into_bytes(), base, is_edited: false, is_draft: false }
    }

    /// The file with what its editor changed, and the keys that both sides changed.
    fn merged(record: Record, known: Option<&NewsFile>, bytes: Vec<u8>) -> Result<(Self, Vec<String>), hugo::Unreadable> {
        let text = hugo::plain(&bytes)?;
        let page = Page::read(&text)?;
        let base = known.map(|k| Base::read(&k.base)).unwrap_or_default();
        let merged = hugo::merge(&base, &page, record, hugo::Draft { was: known.is_some_and(|k| k.is_draft), is_hidden: false });
        let hugo::Merged { text: new, base, conflicts, is_edited, is_draft } = merged;
        // A file in which nothing changes keeps its own line ends.
        let bytes = if *text == *new { bytes } else { new.into_bytes() };
        Ok((Self { bytes, base, is_edited, is_draft }, conflicts))
    }
}

/// What tells one content of a file from another.
pub(crate) fn digest(bytes: &[u8]) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
    short
}
