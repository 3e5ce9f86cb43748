//! A second opinion: the same document read by `feed-rs`.
//!
//! It never sees raw bytes, junk, declarations or depth: those make it panic or, worse, overflow the stack, which nothing can catch
//! (spec/reading-feeds.md section 3, P0 to P4).

use super::tree::{Id, Tree, well_formed};
use crate::entry::{Content, Entry, Feed, Link, Problem, ReadStage, Text, TextKind};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Deepest document that is passed on: nested groups cost `feed-rs` some kilobytes of stack each, and real feeds need fewer than 20 levels.
const MAX_DEPTH: usize = 64;

/// Fills what the first reading did not find, and notes where the two disagree about how many entries there are.
pub(super) fn fill(feed: &mut Feed, text: &str, tree: &Tree<'_>, root: Id) {
    if tree.depth > MAX_DEPTH {
        note(feed, format!("{} levels deep: read once only", tree.depth));
        return;
    }
    let clean = tree.repairs.is_clean();
    let opinion = clean.then(|| source(text, tree, root)).flatten().and_then(parse);
    match opinion.or_else(|| parse(&well_formed(tree, root))) {
        Some(second) => merge(feed, second),
        None => note(feed, "no second reading: feed-rs cannot read it".to_owned()),
    }
}

/// The same for JSON.
pub(super) fn fill_json(feed: &mut Feed, text: &str) {
    if let Some(second) = parse(text) {
        merge(feed, second);
    }
}

fn note(feed: &mut Feed, what: String) {
    feed.problems.push(Problem { entry: None, stage: ReadStage::Parse, what });
}

/// The document from its root's start tag on: without declaration, document type and whatever stood before.
fn source<'t>(text: &'t str, tree: &Tree<'_>, root: Id) -> Option<&'t str> {
    let offset = (tree.node(root).raw().as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    text.get(offset.checked_sub(1)?..).filter(|rest| rest.starts_with('<'))
}

fn parse(text: &str) -> Option<feed_rs::model::Feed> {
    // A panic inside must cost this opinion, not the poll.
    let read = || feed_rs::parser::Builder::new().sanitize_content(false).build().parse(text.as_bytes());
    catch_unwind(AssertUnwindSafe(read)).ok()?.ok()
}

fn merge(feed: &mut Feed, second: feed_rs::model::Feed) {
    // It drops items that lack what it needs, so that fewer are no news; more are.
    if second.entries.len() > feed.entries.len() {
        note(feed, format!("{} entries read, feed-rs reads {}", feed.entries.len(), second.entries.len()));
    }
    if feed.title.is_none() {
        feed.title = second.title.map(text);
    }
    if second.entries.len() != feed.entries.len() {
        return;
    }
    for (entry, other) in feed.entries.iter_mut().zip(second.entries) {
        fill_entry(entry, other);
    }
}

fn fill_entry(entry: &mut Entry, other: feed_rs::model::Entry) {
    entry.published = entry.published.or(other.published);
    if entry.title.is_none() {
        entry.title = other.title.map(text).filter(|title| !title.value.is_empty());
    }
    if entry.links.is_empty() {
        entry.links = other
            .links
            .into_iter()
            .map(|link| Link { href: link.href, rel: link.rel, media_type: link.media_type, ..Link::default() })
            .collect();
    }
    if entry.summary.is_none() && entry.content.is_none() {
        entry.summary = other.summary.map(text).filter(|summary| !summary.value.is_empty());
        entry.content = other
            .content
            .and_then(|content| content.body.map(|body| (body, content.content_type)))
            .filter(|(body, _)| !body.is_empty())
            .map(|(body, media_type)| Content { value: Some(body), media_type: media_type.to_string(), src: None });
    }
    if let (Some(media), Some(duration)) = (entry.media.first_mut(), other.media.first().and_then(|media| media.duration)) {
        media.duration_s = media.duration_s.or(Some(duration.as_secs()));
    }
}

fn text(text: feed_rs::model::Text) -> Text {
    let kind = if text.content_type.subty() == "html" || super::markup::is_html(&text.content) { TextKind::Html } else { TextKind::Plain };
    Text { value: text.content.trim().to_owned(), kind }
}
