//! A second opinion: the same document read by `feed-rs`.
//!
//! It never sees raw bytes, junk, declarations or depth: those make it panic or, worse, overflow the stack, which nothing can catch
//! (spec/reading-feeds.md section 3, P0 to P4).

use super::rewrite::well_formed;
use super::tree::{Id, Kind, Tree};
use crate::entry::{Content, Entry, Feed, Link, Problem, ReadStage, Text, TextKind};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Deepest document that is passed on: nested groups cost `feed-rs` some kilobytes of stack each, and real feeds need fewer than 20 levels.
const MAX_DEPTH: usize = 64;

/// Largest document in bytes that is written anew for `feed-rs`; a larger broken one is read once only, so that damage cannot cost seconds.
const MAX_REWRITTEN: usize = 2 << 20;

/// Whether a second reading may tell more: something was mended on the way, or something is missing that feeds have. Reading
/// twice costs more than all the rest of a reading, and where nothing is missing nothing is taken from it; that the first reading
/// agrees with `feed-rs` there is what the tests over real feeds are for.
fn may_tell_more(feed: &Feed) -> bool {
    let is_short = |entry: &Entry| {
        entry.title.is_none()
            || entry.links.is_empty()
            || entry.summary.is_none() && entry.content.is_none()
            || entry.published.is_none() && entry.published_raw.is_some()
    };
    feed.title.is_none() || feed.entries.is_empty() || feed.entries.iter().any(is_short)
}

/// Fills what the first reading did not find, and notes where the two disagree about how many entries there are.
pub(super) fn fill(feed: &mut Feed, text: &str, tree: &Tree<'_>, root: Id) {
    if tree.repairs.is_clean() && !may_tell_more(feed) {
        return;
    }
    if tree.depth > MAX_DEPTH {
        note(feed, format!("{} levels deep: read once only", tree.depth));
        return;
    }
    if provokes_panic(tree) {
        note(feed, "names and addresses that feed-rs fails on: read once only".to_owned());
        return;
    }
    let clean = tree.repairs.is_clean();
    let opinion = clean.then(|| source(text, tree, root)).flatten().and_then(parse);
    let again = || (text.len() <= MAX_REWRITTEN).then(|| parse(&well_formed(tree, root))).flatten();
    match opinion.or_else(again) {
        // Where items were cut off or left out on purpose, numbers say nothing.
        Some(second) if tree.repairs.is_broken() => merge(feed, second, false),
        Some(second) => merge(feed, second, true),
        None => note(feed, "no second reading: feed-rs cannot read it".to_owned()),
    }
}

/// Whether there is what is known to make `feed-rs` 3.0.0 panic (P1, P3). A panic is caught, but it is also reported on standard error.
fn provokes_panic(tree: &Tree<'_>) -> bool {
    (1..tree.len()).filter(|id| tree.node(*id).kind == Kind::Element).any(|id| match tree.node(id).local() {
        "author" | "creator" | "managingEditor" | "webMaster" | "contributor" | "publisher" => {
            let text = tree.text(id);
            text.contains('@') && !text.is_ascii()
        }
        "duration" => tree.text(id).len() > 18,
        _ => false,
    })
}

/// The same for JSON.
pub(super) fn fill_json(feed: &mut Feed, text: &str) {
    if may_tell_more(feed)
        && let Some(second) = parse(text)
    {
        merge(feed, second, true);
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

fn merge(feed: &mut Feed, second: feed_rs::model::Feed, compare: bool) {
    // It drops items that lack what it needs, so that fewer are no news; more are.
    if compare && second.entries.len() > feed.entries.len() {
        note(feed, format!("entries read: {} here, {} by feed-rs", feed.entries.len(), second.entries.len()));
    }
    if feed.title.is_none() {
        feed.title = second.title.map(text).filter(|title| !title.value.is_empty());
    }
    if second.entries.len() != feed.entries.len() {
        return;
    }
    let mut dated = Vec::new();
    for (index, (entry, other)) in feed.entries.iter_mut().zip(second.entries).enumerate() {
        if entry.published.is_none() && entry.published_raw.is_some() && other.published.is_some() {
            dated.push(index);
        }
        fill_entry(entry, other);
    }
    // What could be read after all is no problem.
    feed.problems
        .retain(|problem| problem.stage != ReadStage::Date || problem.entry.is_none_or(|entry| dated.binary_search(&entry).is_err()));
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
