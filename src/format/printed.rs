//! Items as the feeds carry them, written once however many feeds carry them.

use std::sync::Arc;

use super::check::{self, Fault, Form};
use super::document::gate::iri;
use super::document::{FeedDocument, FeedItem};
use super::markup::Uses;
use super::{atom, json_feed, rss};

/// An item in each form.
#[derive(Debug)]
pub struct Printed {
    id: String,
    atom: String,
    rss: String,
    json: String,
    uses: Uses,
    fault: Option<Fault>,
}

impl Printed {
    /// Writes an item for feeds in this language, and reads each form back.
    #[must_use]
    pub fn of(item: &FeedItem, feed: &FeedDocument) -> Self {
        let language = feed.item_language(item);
        let mut printed = Self {
            id: iri(&item.id).into_owned(),
            atom: atom::entry(item, language),
            rss: rss::entry(item, language),
            json: json_feed::entry(item, language),
            uses: Uses::of(item),
            fault: None,
        };
        let read_back = |form| check::item(form, printed.text(form), &printed.id).err();
        printed.fault = [Form::Atom, Form::Rss, Form::Json].into_iter().find_map(read_back);
        printed
    }

    /// Its id, as each form says it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// It in one form.
    #[must_use]
    pub fn text(&self, form: Form) -> &str {
        match form {
            Form::Atom => &self.atom,
            Form::Rss => &self.rss,
            Form::Json => &self.json,
        }
    }

    /// Why no document with it may be published.
    pub(super) fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }
}

/// The document in its three forms, with the endings of their files. `items` are its items.
#[must_use]
pub fn bind(document: &FeedDocument, items: &[Arc<Printed>]) -> [(Form, &'static str, Vec<u8>); 3] {
    let uses = items.iter().fold(Uses::default(), |uses, item| uses.or(item.uses));
    let all = |form: Form| items.iter().map(|item| item.text(form)).collect::<Vec<_>>();
    [
        (Form::Atom, "atom", atom::bind(document, uses, &all(Form::Atom))),
        (Form::Rss, "rss", rss::bind(document, uses, &all(Form::Rss))),
        (Form::Json, "json", json_feed::bind(document, &all(Form::Json))),
    ]
}
