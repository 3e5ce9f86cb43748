//! What was written last of the items that several feeds carry.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Press;
use super::item::{item, others};
use crate::format::document::{FeedDocument, FeedItem, Related};
use crate::format::printed::Printed;
use crate::store::{KeptRecord, Store, StoreError, StoredRecord};

/// Items of one generation; two are kept. About 12 KB each.
const GENERATION: usize = 800;

/// An item as it was written.
pub(super) type Print = (Arc<FeedItem>, Arc<Printed>);

/// A print, and the words that it was made of.
struct Known {
    kept: KeptRecord,
    print: Print,
}

impl Known {
    fn is_of(&self, kept: &KeptRecord, related: &[Related]) -> bool {
        self.kept == *kept && self.print.0.related == related
    }
}

/// A record on its way into a document, with the others of its story.
pub(super) enum Telling {
    /// It was written before, in the same words.
    Printed(Print),
    /// It is to be written.
    New(Box<(KeptRecord, StoredRecord, Vec<Related>)>),
}

/// The items that were written last, by their records' numbers. Of those that were not asked for in a while nothing is kept, so that
/// memory does not grow with the history.
#[derive(Default)]
pub(super) struct Prints {
    young: HashMap<u64, Known>,
    old: HashMap<u64, Known>,
}

impl Prints {
    pub(super) fn clear(&mut self) {
        (self.young, self.old) = Default::default();
    }

    /// The item as it was written, if it was of the same words. Records have versions, and a feed may tell a story's others with them:
    /// the number alone does not say what an item is. All feeds of a site are in one language, so that what was written for one is
    /// right for every other.
    fn get(&mut self, kept: &KeptRecord, related: &[Related]) -> Option<Print> {
        if let Some(known) = self.young.get(&kept.number) {
            return known.is_of(kept, related).then(|| known.print.clone());
        }
        let known = self.old.remove(&kept.number).filter(|known| known.is_of(kept, related))?;
        let print = known.print.clone();
        self.put(known);
        Some(print)
    }

    fn put(&mut self, known: Known) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(known.kept.number, known);
    }
}

impl Press<'_> {
    /// A record of a feed, which carries stories once or not; of an archive document that was closed then, or of a current one. It is
    /// read only if it was not written in the same words before.
    pub(super) fn telling(
        &mut self,
        store: &dyn Store,
        kept: KeptRecord,
        once: bool,
        closed: Option<DateTime<Utc>>,
    ) -> Result<Telling, StoreError> {
        let related = others(store, (kept.number, kept.story), once, closed)?;
        if let Some(print) = self.prints.get(&kept, &related) {
            return Ok(Telling::Printed(print));
        }
        let record = store.read(&kept)?;
        Ok(Telling::New(Box::new((kept, record, related))))
    }

    /// A record as an item of a feed, written in each form.
    pub(super) fn print(&mut self, telling: Telling, feed: &FeedDocument) -> Print {
        match telling {
            Telling::Printed(print) => print,
            Telling::New(new) => {
                let (kept, record, related) = *new;
                let item = item(self.site, record, related);
                let printed = Printed::of(&item, feed);
                let print: Print = (Arc::new(item), Arc::new(printed));
                self.prints.put(Known { kept, print: print.clone() });
                print
            }
        }
    }
}
