//! What was written last of the items that several feeds carry.

use std::collections::HashMap;
use std::sync::Arc;

use super::Press;
use super::item::{Telling, item};
use crate::format::document::{FeedDocument, FeedItem};
use crate::format::printed::Printed;

/// Items of one generation; two are kept. About 10 KB each.
const GENERATION: usize = 800;

/// An item as it was written.
type Print = (Arc<FeedItem>, Arc<Printed>);

/// The items that were written last, by their records' numbers. Of those that were not asked for in a while nothing is kept, so that
/// memory does not grow with the history.
#[derive(Default)]
pub(super) struct Prints {
    young: HashMap<u64, Print>,
    old: HashMap<u64, Print>,
}

impl Prints {
    pub(super) fn clear(&mut self) {
        (self.young, self.old) = Default::default();
    }

    /// The item as it was written if it is the same in every word, else as it is written now. Records have versions, and a feed may
    /// tell a story's others with them: the number alone does not say what an item is. All feeds of a site are in one language, so that
    /// what was written for one is right for every other.
    fn of(&mut self, number: u64, item: FeedItem, feed: &FeedDocument) -> Print {
        if let Some(print) = self.young.get(&number).filter(|(known, _)| **known == item) {
            return print.clone();
        }
        let print = match self.old.remove(&number).filter(|(known, _)| **known == item) {
            Some(print) => print,
            None => {
                let printed = Printed::of(&item, feed);
                (Arc::new(item), Arc::new(printed))
            }
        };
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(number, print.clone());
        print
    }
}

impl Press<'_> {
    /// A record as an item of a feed, written in each form.
    pub(super) fn print(&mut self, telling: Telling, feed: &FeedDocument) -> Print {
        let number = telling.0.number;
        let item = item(self.site, telling);
        self.prints.of(number, item, feed)
    }
}
