//! The elements that feeds repeat for every entry, as text.
//!
//! The libraries write what is there once in a document, and prove what is written here: they would build a tree of every entry in
//! every feed that carries it, for each form.

use std::borrow::Cow;

use quick_xml::escape::{escape, partial_escape};

use super::document::FeedItem;

/// An attribute's name and its value, as yet unescaped.
pub(super) type Attribute<'a> = (&'static str, Cow<'a, str>);

/// What of the vocabularies that not every feed needs an item uses.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Uses {
    pub(super) picture: bool,
    pub(super) licence: bool,
    pub(super) mining: bool,
}

impl Uses {
    pub(super) fn of(item: &FeedItem) -> Self {
        Self { picture: item.picture().is_some(), licence: item.licence().is_some(), mining: item.mining().is_some() }
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self { picture: self.picture || other.picture, licence: self.licence || other.licence, mining: self.mining || other.mining }
    }
}

/// Opens a line of its own at this depth.
pub(super) fn indent(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', depth));
}

/// An element on a line of its own, with `text` in it; without text it is empty.
pub(super) fn element(out: &mut String, depth: usize, name: &str, attributes: &[Attribute<'_>], text: Option<&str>) {
    indent(out, depth);
    out.push('<');
    out.push_str(name);
    for (key, value) in attributes {
        for part in [" ", *key, "=\"", &*escape(value.as_ref()), "\""] {
            out.push_str(part);
        }
    }
    match text {
        None => out.push_str("/>"),
        Some(text) => {
            for part in [">", &*partial_escape(text), "</", name, ">"] {
                out.push_str(part);
            }
        }
    }
}

/// Puts what was written apart into a document that was written without it, before the tag that ends what it belongs in.
///
/// The tag is looked for from the end, so that no text can be taken for it.
pub(super) fn insert(head: &[u8], end: &[u8], first: &str, entries: &[&str]) -> Vec<u8> {
    let at = head.windows(end.len()).rposition(|window| window == end).unwrap_or(head.len());
    let (before, after) = head.split_at(at);
    // The end stands on a line of its own, and the entries bring their own lines.
    let whole = before.trim_ascii_end();
    let length = entries.iter().map(|entry| entry.len()).sum::<usize>();
    let mut bytes = Vec::with_capacity(head.len() + first.len() + length);
    bytes.extend_from_slice(whole);
    bytes.extend_from_slice(first.as_bytes());
    entries.iter().for_each(|entry| bytes.extend_from_slice(entry.as_bytes()));
    bytes.extend_from_slice(before.get(whole.len()..).unwrap_or_default());
    bytes.extend_from_slice(after);
    bytes
}
