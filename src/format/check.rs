//! Reads a written document back before it replaces the one that readers have (O14).

use std::collections::HashSet;

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

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
    let (own, expected, ids): (String, &str, Vec<String>) = match form {
        Form::Atom => {
            let read = read_xml(bytes, &["feed", "id"], &["feed", "entry", "id"])?;
            (read.own, &document.id, read.ids)
        }
        Form::Rss => {
            let read = read_xml(bytes, &["rss", "channel", "link"], &["rss", "channel", "item", "guid"])?;
            (read.own, &document.page_url, read.ids)
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
            let feed: Feed = serde_json::from_slice(bytes).map_err(|e| Fault::Unreadable(e.to_string()))?;
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

/// A feed and its entries, as an XML document names them.
#[derive(Default)]
struct Names {
    own: String,
    ids: Vec<String>,
}

/// Goes through a whole document, every tag, attribute and reference of it, and keeps the texts at two paths. A library that reads
/// feeds would build all of it for the same answer; that what is written reads back whole by such is proved in `document::tests`.
fn read_xml(bytes: &[u8], own: &[&str], id: &[&str]) -> Result<Names, Fault> {
    let unreadable = |error: &dyn std::fmt::Display| Fault::Unreadable(error.to_string());
    let text = str::from_utf8(bytes).map_err(|e| unreadable(&e))?;
    let mut reader = Reader::from_str(text);
    let mut names = Names::default();
    let mut path: Vec<&str> = Vec::new();
    let (mut is_begun, mut at_own, mut at_id) = (false, false, false);
    loop {
        // The names of open elements are compared by the reader, which refuses those that do not match.
        match reader.read_event().map_err(|e| unreadable(&e))? {
            Event::Start(element) => {
                sound(&element)?;
                if path.is_empty() && is_begun {
                    return Err(Fault::Unreadable("it has two roots".to_owned()));
                }
                is_begun = true;
                // One of the names looked for, or none: what stands deeper under another name is nobody's id.
                let depth = path.len();
                let name = [own, id].into_iter().filter_map(|path| path.get(depth)).find(|name| element.name().into_inner() == **name);
                path.push(name.copied().unwrap_or_default());
                (at_own, at_id) = (path == own, path == id);
                if at_id {
                    names.ids.push(String::new());
                }
            }
            Event::Empty(element) => sound(&element)?,
            Event::End(_) => {
                path.pop();
                (at_own, at_id) = (false, false);
            }
            Event::Text(part) => put(&mut names, (at_own, at_id), &part.xml10_content()),
            Event::CData(part) => put(&mut names, (at_own, at_id), &part.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref().map_err(|e| unreadable(&e))? {
                    Some(character) => character.to_string(),
                    None => resolve_predefined_entity(&reference)
                        .ok_or_else(|| Fault::Unreadable(format!("nothing declares &{};", &*reference)))?
                        .to_owned(),
                };
                put(&mut names, (at_own, at_id), &character);
            }
            Event::Eof if path.is_empty() && is_begun => return Ok(names),
            Event::Eof => return Err(Fault::Unreadable("it breaks off".to_owned())),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) | Event::DocType(_) => {}
        }
    }
}

fn put(names: &mut Names, (at_own, at_id): (bool, bool), text: &str) {
    if at_own {
        names.own.push_str(text);
    } else if let Some(id) = names.ids.last_mut().filter(|_| at_id) {
        id.push_str(text);
    }
}

/// Whether an element's attributes can be read: each once, quoted, with references that are known.
fn sound(element: &BytesStart<'_>) -> Result<(), Fault> {
    for attribute in element.attributes() {
        let unreadable = |error: &dyn std::fmt::Display| Fault::Unreadable(error.to_string());
        let attribute = attribute.map_err(|e| unreadable(&e))?;
        if attribute.value.contains(['&', '<']) {
            attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|e| unreadable(&e))?;
        }
    }
    Ok(())
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
