//! Articles in microformats: `h-entry` (microformats.org/wiki/h-entry) and its forerunner `hentry`, which WordPress themes have.

use super::anchor::Anchor;
use super::outline::Outline;
use super::region::Region;
use super::{Fields, Page, card};

/// Most entries taken.
const ENTRIES_MAX: usize = 2_000;

/// The entries marked up on a page, each with its element.
pub(super) fn entries(page: &Page<'_>, anchors: &[Anchor]) -> Vec<(usize, Fields)> {
    let outline = &page.outline;
    let mut entries = Vec::new();
    let mut at = 0;
    // What is nested in each other is read again and again, so there is an end to it.
    let mut left = outline.nodes.len() * 8;
    while at < outline.nodes.len() && entries.len() < ENTRIES_MAX {
        let node = at;
        at += 1;
        if outline.nodes[node].region != Region::Main || !(has(outline, node, "h-entry") || has(outline, node, "hentry")) {
            continue;
        }
        let Some(rest) = left.checked_sub(outline.subtree(node).len()) else { break };
        left = rest;
        let fields = fields(page, node, anchors);
        // The page's own article holds what follows it too.
        if fields.link.is_some() {
            at = outline.nodes[node].end;
            entries.push((node, fields));
        }
    }
    entries
}

fn has(outline: &Outline<'_>, at: usize, class: &str) -> bool {
    outline.attr(at, "class").is_some_and(|classes| classes.split_ascii_whitespace().any(|own| own == class))
}

fn fields(page: &Page<'_>, entry: usize, anchors: &[Anchor]) -> Fields {
    let outline = &page.outline;
    let mut fields = Fields::default();
    let mut at = entry + 1;
    while at < outline.nodes[entry].end {
        let node = at;
        at += 1;
        let is = |names: &[&str]| names.iter().any(|name| has(outline, node, name));
        let text = || Some(outline.text(node).to_owned()).filter(|text| !text.is_empty());
        let rel = |wanted: &str| outline.attr(node, "rel").is_some_and(|rel| rel.split_ascii_whitespace().any(|own| own == wanted));
        let nested = outline.attr(node, "class").is_some_and(|classes| {
            classes.split_ascii_whitespace().any(|own| matches!(own, "h-entry" | "h-cite" | "h-card" | "h-feed" | "vcard"))
        });
        if is(&["p-author", "author", "vcard"]) {
            fields.authors.extend(text().filter(|name| fields.authors.is_empty() && name.len() <= 100));
        }
        if nested {
            at = outline.nodes[node].end;
            continue;
        }
        if is(&["u-url", "u-uid"]) || rel("bookmark") {
            fields.link = fields.link.or_else(|| outline.attr(node, "href").map(str::to_owned));
        }
        if is(&["p-name", "entry-title"]) {
            fields.title = fields.title.or_else(text);
            let linked = || outline.subtree(node).find_map(|at| outline.attr(at, "href")).map(str::to_owned);
            fields.link = fields.link.or_else(linked);
        }
        if is(&["dt-published", "published", "entry-date"]) {
            let exact =
                outline.subtree(node).find_map(|at| outline.attr(at, "datetime").or_else(|| outline.attr(at, "title"))).map(str::to_owned);
            fields.published = fields.published.or_else(|| exact.or_else(text));
        }
        if is(&["dt-updated", "updated"]) {
            fields.updated = fields.updated.or_else(|| outline.attr(node, "datetime").map(str::to_owned));
        }
        if is(&["p-summary", "entry-summary"]) {
            fields.summary = fields.summary.or_else(text);
        }
        if is(&["p-category"]) || rel("tag") {
            fields.tags.extend(text().filter(|tag| tag.len() <= 100 && !super::anchor::is_call(tag)));
        }
        if is(&["u-photo", "u-featured"]) {
            fields.image = fields.image.or_else(|| outline.attr(node, "src").map(str::to_owned));
        }
    }
    if fields.link.is_none() {
        // Block themes have `hentry` and none of its properties.
        let range = outline.subtree(entry);
        let from = anchors.partition_point(|anchor| anchor.node < range.start);
        let within = anchors[from..].iter().take_while(|anchor| anchor.node < range.end);
        let best =
            within.filter(|anchor| anchor.titled || anchor.heading).max_by_key(|anchor| (anchor.heading, std::cmp::Reverse(anchor.node)));
        if let Some(anchor) = best
            && let Some(card) = card::read(page, &range, anchor.node)
        {
            fields.link = Some(anchor.url.to_string());
            fields.title = Some(card.title);
            fields.published = fields.published.or(card.date.map(|date| date.raw));
            fields.summary = fields.summary.or(card.summary.map(|(text, _)| text));
        }
    }
    fields
}
