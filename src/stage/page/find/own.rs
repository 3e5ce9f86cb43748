//! The page itself, where it is an article and not a list of them.

use super::card::{self, Dated};
use super::region::Region;
use super::{Fields, Page};

/// Shortest paragraph that is an article's, in bytes, and how many of them make one.
const PARAGRAPH_MIN_BYTES: usize = 80;
const PARAGRAPHS_MIN: usize = 2;

/// How many pieces of text before and after the headline are looked at for its date.
const BEFORE: usize = 6;
const AFTER: usize = 14;

/// What the page says of itself, and the element that holds its headline. `listed` tells what belongs to the items of a list.
pub(super) fn article(page: &Page<'_>, listed: &dyn Fn(usize) -> bool) -> Option<(usize, Fields)> {
    let outline = &page.outline;
    let headline = (0..outline.nodes.len()).find(|at| {
        outline.name(*at) == "h1"
            && outline.nodes[*at].region == Region::Main
            && !listed(*at)
            && outline.text(*at).split_whitespace().count() >= 2
    })?;
    let range = outline.subtree(headline);
    let place = outline.pieces.partition_point(|piece| piece.parent < range.start);
    let behind = outline.pieces.partition_point(|piece| piece.parent < range.end);
    let usable = |parent: usize| outline.nodes[parent].region != Region::Out && !listed(parent);
    let paragraphs: Vec<usize> = (range.end..outline.nodes.len())
        .filter(|at| {
            outline.name(*at) == "p"
                && usable(*at)
                && outline.nodes[*at].region == Region::Main
                && outline.text(*at).len() >= PARAGRAPH_MIN_BYTES
        })
        .take(PARAGRAPHS_MIN)
        .collect();
    let meta = |name: &str| {
        let of =
            |at: &usize| outline.name(*at) == "meta" && [outline.attr(*at, "property"), outline.attr(*at, "name")].contains(&Some(name));
        (0..outline.nodes.len()).find(of).and_then(|at| outline.attr(at, "content")).map(str::to_owned)
    };
    let said = meta("article:published_time").is_some() || meta("og:type").is_some_and(|kind| kind == "article");
    if paragraphs.len() < PARAGRAPHS_MIN && !said {
        return None;
    }
    let after = outline.pieces.get(behind..).unwrap_or_default().iter().take(AFTER);
    let before = outline.pieces.get(place.saturating_sub(BEFORE)..place).unwrap_or_default().iter().rev();
    let mut near: Vec<(String, usize)> = Vec::new();
    for piece in after.chain(before).filter(|piece| usable(piece.parent)) {
        near.push((outline.piece(piece).to_owned(), piece.parent));
    }
    let date: Option<Dated> = near.iter().find_map(|(text, parent)| {
        let marked = std::iter::once(*parent)
            .chain(outline.ancestors(*parent).take(1))
            .find(|at| outline.name(*at) == "time")
            .and_then(|at| outline.attr(at, "datetime"));
        let short = text.len() <= 140 && text.bytes().any(|b| b.is_ascii_digit()) && text.split_whitespace().count() <= 16;
        let at =
            marked.and_then(|raw| card::read_date(page, raw, true)).or_else(|| card::read_date(page, text, false).filter(|_| short))?;
        Some(Dated { at, raw: marked.unwrap_or(text).to_owned(), node: *parent })
    });
    let published = meta("article:published_time").filter(|raw| card::read_date(page, raw, true).is_some()).or(date.map(|date| date.raw))?;
    let canonical = (0..outline.nodes.len()).find(|at| outline.name(*at) == "link" && outline.attr(*at, "rel") == Some("canonical"));
    let canonical = canonical.and_then(|at| outline.attr(at, "href")).and_then(|href| page.document.link(href));
    let link = canonical.filter(|url| url.host_str() == page.url.host_str()).unwrap_or_else(|| page.url.clone());
    let called = |at: &usize| outline.words(*at).iter().any(|word| card::SUMMARY_WORDS.contains(&word.as_str()));
    let lead = (range.end..outline.nodes.len())
        .take(200)
        .filter(|at| usable(*at) && called(at))
        .find(|at| (40..1_000).contains(&outline.text(*at).len()));
    let paragraph = (range.end..outline.nodes.len()).find(|at| outline.name(*at) == "p" && usable(*at) && outline.text(*at).len() >= 20);
    let first = lead.or(paragraphs.first().copied()).or(paragraph);
    let text_at = first.unwrap_or(outline.nodes.len());
    // The labels of what kind of article it is stand between its headline and its text.
    let until = near.iter().position(|(_, parent)| *parent >= text_at).unwrap_or(near.len());
    let mut tags: Vec<String> = Vec::new();
    let mut label = "";
    for (text, parent) in &near[..until] {
        let joined = if label.is_empty() { text.clone() } else { format!("{label} {text}") };
        label = if text.ends_with(':') { text.trim() } else { "" };
        if outline.nodes[*parent].region == Region::Main
            && let Some(tag) = card::label(&joined)
            && !tags.contains(&tag)
        {
            tags.push(tag);
        }
    }
    Some((
        headline,
        Fields {
            link: Some(link.into()),
            title: Some(outline.text(headline).to_owned()),
            summary: meta("og:description").or_else(|| meta("description")).or_else(|| first.map(|at| outline.text(at).to_owned())),
            published: Some(published),
            updated: meta("article:modified_time"),
            image: meta("og:image"),
            tags,
            ..Fields::default()
        },
    ))
}
