//! Curated-content records: one Markdown file each.

use super::{BATCH, Press, PublishError};
use crate::entry::{Text, TextKind};
use crate::format::front_matter;
use crate::ingest::{SharedStore, locked};
use crate::io::output::Tree;
use crate::record::{Attachment, Draft, FromPage, Record, Section};
use crate::stage::article::Article;
use crate::stage::article::image::Picture;
use crate::stage::{naming, text};
use crate::store::StoredRecord;
use uuid::Uuid;

impl Press<'_> {
    pub(super) fn all_records(&self, tree: &mut Tree, store: &SharedStore) -> Result<(), PublishError> {
        let mut after = 0;
        loop {
            let mut batch = Vec::with_capacity(BATCH);
            let last = locked(store).records_after(after, BATCH, &mut |record| batch.push(record))?;
            self.records(tree, store, batch)?;
            match last {
                Some(last) => after = last,
                None => return Ok(()),
            }
        }
    }

    /// Records with what was read of their articles: the file, and beside it what it names.
    pub(super) fn records(&self, tree: &mut Tree, store: &SharedStore, records: Vec<StoredRecord>) -> Result<(), PublishError> {
        let numbers: Vec<u64> = records.iter().map(|record| record.number).collect();
        let mut articles = locked(store).articles(&numbers)?;
        for stored in records {
            let article = articles.remove(&stored.number).unwrap_or_default();
            let hidden = stored.draft.hidden;
            let record = self.curated(stored, &article);
            let folder = record.section.base_path.trim_matches('/');
            let path = |name: &str| format!("{folder}/{name}").trim_start_matches('/').to_owned();
            let file = path(&front_matter::file_name(&record));
            if hidden {
                tree.remove(&file)?;
            } else {
                tree.stage(&file, front_matter::write(&record).as_bytes())?;
            }
            let pictures =
                [(&record.featured_image, &article.image), (&record.favicon, &article.icon), (&record.featured_pdf, &article.pdf)];
            for (attachment, picture) in pictures {
                let (Some(attachment), Some(hash)) = (attachment, picture.as_ref().and_then(|picture| picture.file.as_ref())) else {
                    continue;
                };
                if hidden {
                    tree.remove(&path(&attachment.href))?;
                } else if let Some(bytes) = locked(store).file(hash)? {
                    tree.stage(&path(&attachment.href), &bytes)?;
                }
            }
        }
        Ok(())
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
