//! Reads a written document back before it replaces the one that readers have (O14).

use std::collections::HashSet;

use super::document::FeedDocument;
use super::document::gate::iri;

/// Most bytes of a feed document (O20).
pub const DOCUMENT_MAX_BYTES: usize = 512 << 10;

/// The form of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Atom 1.0.
    Atom,
    /// RSS 2.0.
    Rss,
    /// JSON Feed 1.1.
    Json,
}

/// Why a document must not be published.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It does not read back.
    #[error("it does not read back: {0}")]
    Unreadable(String),
    /// It reads back as another feed.
    #[error("it reads back with the id or address {0:?}")]
    Feed(String),
    /// Entries are missing, doubled or others.
    #[error("{written} entries were written, and {read} different ones read back")]
    Entries {
        /// How many there are.
        written: usize,
        /// How many different ones the document holds.
        read: usize,
    },
    /// An entry has another id.
    #[error("an entry reads back with the id {0:?}")]
    Id(String),
    /// It is too large for a subscriber who comes every hour.
    #[error("it has {0} bytes, more than {DOCUMENT_MAX_BYTES}")]
    Size(usize),
}

/// Reads `bytes` back: well-formed, the same feed, every entry once under its id, not too large.
///
/// # Errors
/// The first [`Fault`].
pub fn check(form: Form, bytes: &[u8], document: &FeedDocument) -> Result<(), Fault> {
    if bytes.len() > DOCUMENT_MAX_BYTES {
        return Err(Fault::Size(bytes.len()));
    }
    let unreadable = |error: &dyn std::fmt::Display| Fault::Unreadable(error.to_string());
    let (own, expected, ids): (String, &str, Vec<String>) = match form {
        Form::Atom => {
            let feed = atom_syndication::Feed::read_from(bytes).map_err(|e| unreadable(&e))?;
            (feed.id, &document.id, feed.entries.into_iter().map(|entry| entry.id).collect())
        }
        Form::Rss => {
            let channel = rss::Channel::read_from(bytes).map_err(|e| unreadable(&e))?;
            let id = |item: rss::Item| item.guid.map(|guid| guid.value).unwrap_or_default();
            (channel.link, &document.page_url, channel.items.into_iter().map(id).collect())
        }
        Form::Json => {
            #[derive(serde::Deserialize)]
            struct Feed {
                feed_url: String,
                items: Vec<Item>,
            }
            #[derive(serde::Deserialize)]
            struct Item {
                id: String,
            }
            let feed: Feed = serde_json::from_slice(bytes).map_err(|e| unreadable(&e))?;
            (feed.feed_url, &document.urls.json, feed.items.into_iter().map(|item| item.id).collect())
        }
    };
    if own != iri(expected) {
        return Err(Fault::Feed(own));
    }
    let different = ids.iter().collect::<HashSet<_>>().len();
    if ids.len() != document.items.len() || different != ids.len() {
        return Err(Fault::Entries { written: document.items.len(), read: different });
    }
    match ids.into_iter().zip(&document.items).find(|(id, item)| *id != iri(&item.id)) {
        Some((id, _)) => Err(Fault::Id(id)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::samples::{archive, document, hostile, item};
    use super::super::{atom, json_feed, rss};
    use super::*;

    fn written(document: &FeedDocument) -> [(Form, Vec<u8>); 3] {
        [(Form::Atom, atom::write(document)), (Form::Rss, rss::write(document)), (Form::Json, json_feed::write(document))]
    }

    #[test]
    fn what_is_written_passes() {
        for document in [document(hostile()), archive(vec![item(1), item(2)]), document(Vec::new())] {
            for (form, bytes) in written(&document) {
                assert_eq!(check(form, &bytes, &document), Ok(()), "{form:?}");
            }
        }
    }

    #[test]
    fn what_is_broken_does_not() {
        let good = document(vec![item(1), item(2)]);
        for (form, bytes) in written(&good) {
            assert!(matches!(check(form, &bytes[..bytes.len() / 2], &good), Err(Fault::Unreadable(_) | Fault::Entries { .. })), "{form:?}");
            assert!(matches!(check(form, b"", &good), Err(Fault::Unreadable(_))), "{form:?}");
            let other = document(vec![item(1), item(3)]);
            assert!(matches!(check(form, &bytes, &other), Err(Fault::Id(_))), "{form:?}");
            let fewer = document(vec![item(1)]);
            assert_eq!(check(form, &bytes, &fewer), Err(Fault::Entries { written: 1, read: 2 }), "{form:?}");
            let large = [&bytes[..], &vec![b' '; DOCUMENT_MAX_BYTES]].concat();
            assert!(matches!(check(form, &large, &good), Err(Fault::Size(_))), "{form:?}");
        }
        let twice = document(vec![item(1), item(1)]);
        for (form, bytes) in written(&twice) {
            assert_eq!(check(form, &bytes, &twice), Err(Fault::Entries { written: 2, read: 1 }), "{form:?}");
        }
    }
}
