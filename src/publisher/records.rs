//! Curated-content records: one Markdown file each.

use super::{BATCH, Press, PublishError};
use crate::format::front_matter;
use crate::ingest::{SharedStore, locked};
use crate::io::output::Tree;
use crate::record::{PageMeta, Record, Section};
use crate::stage::naming;
use crate::store::StoredRecord;

impl Press<'_> {
    pub(super) fn all_records(&mut self, tree: &mut Tree, store: &SharedStore) -> Result<(), PublishError> {
        let mut after = 0;
        loop {
            let mut batch = Vec::with_capacity(BATCH);
            let last = locked(store).records_after(after, BATCH, &mut |record| batch.push(record))?;
            for record in batch {
                self.record(tree, record)?;
            }
            match last {
                Some(last) => after = last,
                None => return Ok(()),
            }
        }
    }

    /// A record's file; a hidden record has none, nor anything that lay beside it under its name.
    pub(super) fn record(&mut self, tree: &mut Tree, stored: StoredRecord) -> Result<(), PublishError> {
        let hidden = stored.draft.hidden;
        let record = self.curated(stored);
        let folder = record.section.base_path.trim_matches('/');
        let path = format!("{folder}/{}.md", record.uuid);
        if hidden {
            // Listed once: a source that is taken down has thousands of records in one folder.
            if !self.listings.contains_key(folder) {
                self.listings.insert(folder.to_owned(), tree.files(folder)?);
            }
            let names = self.listings.get(folder).map(Vec::as_slice).unwrap_or_default();
            let own = record.uuid.to_string();
            let first = names.partition_point(|name| **name < *own);
            for name in names.iter().skip(first).take_while(|name| name.starts_with(&own)) {
                tree.remove(&format!("{folder}/{name}"))?;
            }
            return Ok(());
        }
        tree.stage(path.trim_start_matches('/'), front_matter::write(&record).as_bytes())?;
        Ok(())
    }

    fn curated(&self, stored: StoredRecord) -> Record {
        let StoredRecord { number, uuid, source, last_mod, draft, .. } = stored;
        let section = self.site.sections.iter().find(|s| s.id == draft.section).or(self.site.sections.first());
        let categories: Vec<String> = draft.topics.into_iter().map(|t| t.category).collect();
        Record {
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
            favicon: None,
            featured_image: None,
            featured_pdf: None,
            page: PageMeta::default(),
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
