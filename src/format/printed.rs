//! Items as the feeds carry them, written once however many feeds carry them.

use std::sync::Arc;

use super::check::Form;
use super::document::{FeedDocument, FeedItem};
use super::markup::Uses;
use super::{atom, json_feed, rss};

/// An item in each form.
#[derive(Debug)]
pub struct Printed {
    atom: String,
    rss: String,
    json: String,
    uses: Uses,
}

impl Printed {
    /// Writes an item for feeds in this language.
    #[must_use]
    pub fn of(item: &FeedItem, feed: &FeedDocument) -> Self {
        let language = feed.item_language(item);
        Self {
            atom: atom::entry(item, language),
            rss: rss::entry(item, language),
            json: json_feed::entry(item, language),
            uses: Uses::of(item),
        }
    }
}

/// The document in its three forms, with the endings of their files. `items` are its items.
#[must_use]
pub fn bind(document: &FeedDocument, items: &[Arc<Printed>]) -> [(Form, &'static str, Vec<u8>); 3] {
    let uses = items.iter().fold(Uses::default(), |uses, item| uses.or(item.uses));
    let all = |form: fn(&Printed) -> &str| items.iter().map(|item| form(item)).collect::<Vec<_>>();
    [
        (Form::Atom, "atom", atom::bind(document, uses, &all(|item| &item.atom))),
        (Form::Rss, "rss", rss::bind(document, uses, &all(|item| &item.rss))),
        (Form::Json, "json", json_feed::bind(document, &all(|item| &item.json))),
    ]
}
