//! Curated-content records: one Markdown file each.

use super::{BATCH, Press, PublishError};
use crate::format::front_matter;
use crate::ingest::{SharedStore, locked};
use crate::io::output::Tree;
use crate::record::{PageMeta, Record, Section};
use crate::stage::naming;
use crate::store::StoredRecord;

impl Press<'_> {
    pub(super) fn all_records(&self, tree: &mut Tree, store: &SharedStore) -> Result<(), PublishError> {
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

    pub(super) fn record(&self, tree: &mut Tree, stored: StoredRecord) -> Result<(), PublishError> {
        let hidden = stored.draft.hidden;
        let record = self.curated(stored);
        let path = format!("{}/{}.md", record.section.base_path.trim_matches('/'), record.uuid);
        if hidden {
            return Ok(tree.remove(path.trim_start_matches('/'))?);
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
