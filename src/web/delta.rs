//! Deltas of feeds (RFC 3229 with the `feed` instance manipulation): the document with only those entries that are not in the version
//! which the client holds as they are now.

use std::collections::HashSet;
use std::ops::Range;

use axum::http::{HeaderMap, HeaderName};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

/// Which instance manipulations a client takes.
pub(super) const A_IM: HeaderName = HeaderName::from_static("a-im");
/// Which ones a response went through.
pub(super) const IM: HeaderName = HeaderName::from_static("im");
/// What a delta is to be applied to.
pub(super) const DELTA_BASE: HeaderName = HeaderName::from_static("delta-base");

/// How a feed's document is taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grammar {
    Atom,
    Rss,
    Json,
}

/// Every entry of a version, by a hash of its bytes: enough to tell later what is new, and small enough to keep.
pub(super) type Digests = HashSet<u64>;

/// Whether the client takes deltas of feeds.
pub(super) fn wanted(asked: &HeaderMap) -> bool {
    let manipulations = asked.get_all(A_IM).iter().filter_map(|value| value.to_str().ok()).flat_map(|line| line.split(','));
    // A quality of zero would mean never; nobody who names it means that.
    manipulations.map(|im| im.split(';').next().unwrap_or(im).trim()).any(|im| im.eq_ignore_ascii_case("feed"))
}

/// What there is to remember of a version; `None` if it is no feed of this grammar.
pub(super) fn digests(grammar: Grammar, document: &[u8]) -> Option<Digests> {
    match grammar {
        Grammar::Json => {
            let feed: Value = serde_json::from_slice(document).ok()?;
            Some(feed.get("items")?.as_array()?.iter().map(|item| digest(item.to_string().as_bytes())).collect())
        }
        _ => Some(entries(grammar, document)?.into_iter().filter_map(|range| document.get(range)).map(digest).collect()),
    }
}

/// The document without the entries in `known`; `None` if it is no feed of this grammar.
pub(super) fn without(grammar: Grammar, document: &[u8], known: &Digests) -> Option<Vec<u8>> {
    if grammar == Grammar::Json {
        let mut feed: Value = serde_json::from_slice(document).ok()?;
        feed.get_mut("items")?.as_array_mut()?.retain(|item| !known.contains(&digest(item.to_string().as_bytes())));
        let mut bytes = serde_json::to_vec_pretty(&feed).ok()?;
        bytes.push(b'\n');
        return Some(bytes);
    }
    let mut kept = Vec::with_capacity(document.len() / 4);
    let mut copied = 0;
    for range in entries(grammar, document)? {
        if known.contains(&digest(document.get(range.clone())?)) {
            kept.extend_from_slice(document.get(copied..range.start)?.trim_ascii_end());
            copied = range.end;
        }
    }
    kept.extend_from_slice(document.get(copied..)?);
    Some(kept)
}

/// Where each entry stands in the bytes, by the reader of XML that the writers go with: markup may stand in an entry as text.
fn entries(grammar: Grammar, document: &[u8]) -> Option<Vec<Range<usize>>> {
    let (name, depth_of_entries) = if grammar == Grammar::Rss { ("item", 2) } else { ("entry", 1) };
    let mut reader = Reader::from_str(std::str::from_utf8(document).ok()?);
    let (mut depth, mut began, mut found) = (0_usize, None, Vec::new());
    loop {
        let before = usize::try_from(reader.buffer_position()).ok()?;
        match reader.read_event().ok()? {
            Event::Start(tag) => {
                if depth == depth_of_entries && tag.name().into_inner() == name {
                    began = Some(before);
                }
                depth += 1;
            }
            Event::End(_) => {
                depth = depth.checked_sub(1)?;
                if depth == depth_of_entries
                    && let Some(start) = began.take()
                {
                    found.push(start..usize::try_from(reader.buffer_position()).ok()?);
                }
            }
            Event::Eof => return (depth == 0).then_some(found),
            _ => {}
        }
    }
}

fn digest(bytes: &[u8]) -> u64 {
    let hash = blake3::hash(bytes);
    hash.as_bytes().iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;
    use crate::format::document::samples::{any_items, document};
    use crate::format::{atom, json_feed, rss};

    type Write = fn(&crate::format::document::FeedDocument) -> Vec<u8>;
    const WRITERS: [(Grammar, Write); 3] = [(Grammar::Atom, atom::write), (Grammar::Rss, rss::write), (Grammar::Json, json_feed::write)];

    fn ids(bytes: &[u8]) -> BTreeSet<String> {
        feed_rs::parser::parse(bytes).unwrap().entries.into_iter().map(|entry| entry.id).collect()
    }

    proptest! {
        #[test]
        fn a_delta_holds_what_is_new_and_what_changed_and_nothing_else(items in any_items(), cut in 0_usize..4, edit in any::<bool>()) {
            let cut = cut.min(items.len());
            let mut old = items.clone();
            let mut fresh: BTreeSet<String> = old.drain(..cut).map(|item| item.id).collect();
            if let (true, Some(item)) = (edit, old.last_mut()) {
                item.title += " as it was";
                fresh.insert(item.id.clone());
            }
            for (grammar, write) in WRITERS {
                let (old, new) = (write(&document(old.clone())), write(&document(items.clone())));
                let known = digests(grammar, &old).unwrap();
                let delta = without(grammar, &new, &known).unwrap();
                prop_assert_eq!(&ids(&delta), &fresh, "{:?}", grammar);
                prop_assert_eq!(without(grammar, &new, &Digests::new()).unwrap(), new, "{:?}", grammar);
            }
        }

        #[test]
        fn anything_else_has_no_delta(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for (grammar, _) in WRITERS {
                // Only that it ends, without a panic; bytes that happen to be XML are a feed without entries.
                let _ = without(grammar, &bytes, &Digests::new());
            }
        }
    }

    #[test]
    fn an_entry_within_a_text_is_text() {
        let feed = b"<rss><channel><item><description><![CDATA[<item>x</item>]]></description></item>\n<item>y</item></channel></rss>";
        assert_eq!(digests(Grammar::Rss, feed).unwrap().len(), 2);
        let known = digests(Grammar::Rss, b"<rss><channel><item>y</item></channel></rss>").unwrap();
        let delta = without(Grammar::Rss, feed, &known).unwrap();
        assert!(String::from_utf8(delta).unwrap().ends_with("</description></item></channel></rss>"));
    }

    #[test]
    fn only_who_takes_feeds_apart_gets_a_delta() {
        for (value, is_wanted) in
            [("feed", true), ("vcdiff, feed", true), ("FEED;q=0.5", true), ("gzip", false), ("feeds", false), ("", false)]
        {
            let mut asked = HeaderMap::new();
            asked.insert(A_IM, HeaderValue::from_static(value));
            assert_eq!(wanted(&asked), is_wanted, "{value}");
        }
        assert!(!wanted(&HeaderMap::new()));
    }
}
