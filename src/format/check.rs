//! Reads a written document back before it replaces the one that readers have (O14).

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::document::FeedDocument;
use super::document::gate::iri;
use super::json_feed;
use super::printed::Printed;

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
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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

/// Reads `bytes` back: well-formed, the same feed, every entry once under its id, not too large. `printed` are the document's items as
/// they were written. Each was read back then, by [`item`]; here each must stand in its place to the byte, and what is around them is
/// read as the document without entries that it is.
///
/// # Errors
/// The first [`Fault`].
pub fn check(form: Form, bytes: &[u8], document: &FeedDocument, printed: &[Arc<Printed>]) -> Result<(), Fault> {
    if bytes.len() > DOCUMENT_MAX_BYTES {
        return Err(Fault::Size(bytes.len()));
    }
    if let Some(fault) = printed.iter().find_map(|item| item.fault()) {
        return Err(fault.clone());
    }
    let (around, found) = without(form, bytes, printed);
    if found < printed.len() {
        return Err(Fault::Entries { written: document.items.len(), read: found });
    }
    let (own, expected, more): (String, &str, usize) = match form {
        Form::Atom => {
            let read = read_xml(&around, &["feed", "id"], &["feed", "entry", "id"])?;
            (read.own, &document.id, read.ids.len())
        }
        Form::Rss => {
            let read = read_xml(&around, &["rss", "channel", "link"], &["rss", "channel", "item", "guid"])?;
            (read.own, &document.page_url, read.ids.len())
        }
        Form::Json => {
            #[derive(serde::Deserialize)]
            struct Feed {
                feed_url: String,
                items: Vec<serde::de::IgnoredAny>,
            }
            let feed: Feed = serde_json::from_slice(&around).map_err(|e| Fault::Unreadable(e.to_string()))?;
            (feed.feed_url, &document.urls.json, feed.items.len())
        }
    };
    if own != iri(expected) {
        return Err(Fault::Feed(own));
    }
    let different = printed.iter().map(|item| item.id()).collect::<HashSet<_>>().len();
    if different + more != document.items.len() || printed.len() != document.items.len() {
        return Err(Fault::Entries { written: document.items.len(), read: different + more });
    }
    match printed.iter().zip(&document.items).find(|(printed, item)| printed.id() != iri(&item.id)) {
        Some((printed, _)) => Err(Fault::Id(printed.id().to_owned())),
        None => Ok(()),
    }
}

/// A document without these items, and how many of them stood in their place.
fn without<'b>(form: Form, bytes: &'b [u8], printed: &[Arc<Printed>]) -> (Cow<'b, [u8]>, usize) {
    let between = if form == Form::Json { json_feed::BETWEEN.as_bytes() } else { b"" };
    let mut texts = printed.iter().map(|item| item.text(form).as_bytes());
    let Some(first) = texts.next() else { return (Cow::Borrowed(bytes), 0) };
    let Some(at) = memchr::memmem::find(bytes, first) else { return (Cow::Borrowed(bytes), 0) };
    let (before, rest) = bytes.split_at(at);
    let mut rest = rest.get(first.len()..).unwrap_or_default();
    let mut found = 1;
    for text in texts {
        match rest.strip_prefix(between).and_then(|rest| rest.strip_prefix(text)) {
            Some(after) => (rest, found) = (after, found + 1),
            None => break,
        }
    }
    (Cow::Owned([before, rest].concat()), found)
}

/// Reads an item's text back: well-formed, with this id.
///
/// # Errors
/// [`Fault::Unreadable`] or [`Fault::Id`].
pub fn item(form: Form, text: &str, id: &str) -> Result<(), Fault> {
    let ids = match form {
        Form::Atom => read_xml(text.as_bytes(), &[], &["entry", "id"])?.ids,
        Form::Rss => read_xml(text.as_bytes(), &[], &["item", "guid"])?.ids,
        Form::Json => {
            #[derive(serde::Deserialize)]
            struct Item {
                id: String,
            }
            let item: Item = serde_json::from_str(text).map_err(|e| Fault::Unreadable(e.to_string()))?;
            vec![item.id]
        }
    };
    if ids == [id] { Ok(()) } else { Err(Fault::Id(ids.concat())) }
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
    use super::super::document::samples::{archive, document, hostile, item as sample};
    use super::super::printed;
    use super::*;

    fn printed(document: &FeedDocument) -> Vec<Arc<Printed>> {
        document.items.iter().map(|item| Arc::new(Printed::of(item, document))).collect()
    }

    fn written(document: &FeedDocument) -> Vec<(Form, Vec<u8>)> {
        printed::bind(document, &printed(document)).into_iter().map(|(form, _, bytes)| (form, bytes)).collect()
    }

    #[test]
    fn what_is_written_passes() {
        for document in [document(hostile()), archive(vec![sample(1), sample(2)]), document(Vec::new())] {
            for (form, bytes) in written(&document) {
                assert_eq!(check(form, &bytes, &document, &printed(&document)), Ok(()), "{form:?}");
            }
        }
    }

    #[test]
    fn what_is_broken_does_not() {
        let good = document(vec![sample(1), sample(2)]);
        let items = printed(&good);
        for (form, bytes) in written(&good) {
            let refused = |bytes: &[u8], document: &FeedDocument, items: &[Arc<Printed>]| check(form, bytes, document, items).unwrap_err();
            assert!(matches!(refused(&bytes[..bytes.len() / 2], &good, &items), Fault::Entries { written: 2, read: 0..2 }), "{form:?}");
            assert_eq!(refused(b"", &good, &items), Fault::Entries { written: 2, read: 0 }, "{form:?}");
            assert!(matches!(refused(&bytes[..bytes.len() - 4], &good, &items), Fault::Unreadable(_)), "{form:?}");
            let other = document(vec![sample(1), sample(3)]);
            assert_eq!(refused(&bytes, &other, &printed(&other)), Fault::Entries { written: 2, read: 1 }, "{form:?}");
            assert!(matches!(refused(&bytes, &other, &items), Fault::Id(_)), "{form:?}");
            let fewer = document(vec![sample(1)]);
            // In JSON a comma is left over.
            let more = refused(&bytes, &fewer, &printed(&fewer));
            assert!(matches!(more, Fault::Entries { written: 1, read: 2 } | Fault::Unreadable(_)), "{form:?}: {more}");
            let twice = bytes.iter().chain(&bytes).copied().collect::<Vec<u8>>();
            assert!(matches!(refused(&twice, &good, &items), Fault::Unreadable(_) | Fault::Entries { .. }), "{form:?}");
            let strange = FeedDocument { id: "urn:x".into(), page_url: "https://x.example/".into(), ..good.clone() };
            let strange = FeedDocument { urls: super::super::document::Urls::of("https://x.example/", "f"), ..strange };
            assert!(matches!(refused(&bytes, &strange, &items), Fault::Feed(_)), "{form:?}");
            let large = [&bytes[..], &vec![b' '; DOCUMENT_MAX_BYTES]].concat();
            assert!(matches!(refused(&large, &good, &items), Fault::Size(_)), "{form:?}");
        }
        let twice = document(vec![sample(1), sample(1)]);
        for (form, bytes) in written(&twice) {
            let fault = check(form, &bytes, &twice, &printed(&twice)).unwrap_err();
            assert_eq!(fault, Fault::Entries { written: 2, read: 1 }, "{form:?}");
        }
    }

    #[test]
    fn an_item_reads_back_alone() {
        let (good, id) = (document(vec![sample(1)]), sample(1).id);
        for (form, whole) in [Form::Atom, Form::Rss, Form::Json].map(|form| (form, printed(&good)[0].text(form).to_owned())) {
            assert_eq!(item(form, &whole, &id), Ok(()), "{form:?}");
            assert!(matches!(item(form, &whole, "urn:other"), Err(Fault::Id(_))), "{form:?}");
            assert!(matches!(item(form, &whole[..whole.len() / 2], &id), Err(Fault::Unreadable(_))), "{form:?}");
            assert!(matches!(item(form, &whole.repeat(2), &id), Err(Fault::Unreadable(_))), "{form:?}");
            assert!(item(form, "", &id).is_err(), "{form:?}");
        }
    }
}
