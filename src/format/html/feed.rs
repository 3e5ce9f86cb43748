//! Pages of one feed: its newest items, and those of its archive.

use std::borrow::Cow;

use super::super::document::gate::blank;
use super::super::document::{ARCHIVE_FOLDER, ArchiveLine, FeedDocument, PAGE_FILE};
use super::{FORMATS, Frame, JUMP, Page, relative};

/// Most bytes of a feed's page: what a phone on a poor line loads in a moment.
const PAGE_MAX_BYTES: usize = 56 << 10;
/// Up to here items are shown with their excerpts.
const FULL_MAX_BYTES: usize = 34 << 10;
/// Archive pages that a feed's page links; older ones are reached from the oldest of them.
const ARCHIVES_MAX: usize = 60;

/// A feed's page, two folders below the root: how to subscribe, its items, its archive, and the site's topics.
#[must_use]
pub fn feed_page(frame: &Frame, document: &FeedDocument, archives: &[ArchiveLine]) -> String {
    let html = String::with_capacity(PAGE_MAX_BYTES);
    let mut page = Page { html, url: &document.page_url, root: "../../", frame };
    page.open(document.language().unwrap_or("en"), &titled(frame, &document.title), document.subtitle.as_deref());
    page.reserved(document.items.iter().map(|item| &**item));
    let feeds = announce(&mut page, document);
    page.body();
    page.heading(&document.title, document.subtitle.as_deref());
    page.raw("<p class=\"subscribe\">");
    for ((_, name), href) in FORMATS.iter().zip(&feeds) {
        page.raw("<a href=\"").text(href).raw("\">").raw(name).raw("</a> ");
    }
    page.raw(JUMP).raw(" <span>Updated ").time(document.updated).raw("</span></p>\n</section>\n<div class=\"columns\">\n<main>\n");
    page.raw("<h2 class=\"heading\">Articles</h2>\n");
    // What follows the items is about as long as this.
    let rest = 2048 + 160 * frame.topics.len() + 96 * archives.len().min(ARCHIVES_MAX);
    let mut left = document.items.len();
    for item in &document.items {
        match page.html.len() {
            so_far if so_far < FULL_MAX_BYTES => page.item(item, document.item_language(item)),
            so_far if so_far + rest < PAGE_MAX_BYTES || rest > PAGE_MAX_BYTES / 2 => page.line(item, document.item_language(item)),
            _ => break,
        }
        left -= 1;
    }
    if left > 0 {
        page.raw("<p class=\"empty\">").raw(&left.to_string()).raw(" more are in the feed.</p>\n");
    }
    if document.items.is_empty() {
        page.raw("<p class=\"empty\">No articles yet.</p>\n");
    }
    archive_links(&mut page, archives);
    page.raw("</main>\n");
    page.topics();
    page.raw("</div>\n");
    page.close()
}

/// One page of a feed's archive, three folders below the root. `older` is the name of the one before it.
#[must_use]
pub fn archive_page(frame: &Frame, document: &FeedDocument, name: &str, older: Option<&str>) -> String {
    let url = format!("{}{ARCHIVE_FOLDER}/{name}.html", document.page_url);
    let mut page = Page { html: String::with_capacity(4096 + 1536 * document.items.len()), url: &url, root: "../../../", frame };
    let title = format!("{}: {}", document.title, spelt(name));
    page.open(document.language().unwrap_or("en"), &titled(frame, &title), None);
    page.reserved(document.items.iter().map(|item| &**item));
    page.body();
    page.heading(&title, document.subtitle.as_deref());
    page.raw("</section>\n<div class=\"columns\">\n<main>\n<h2 class=\"heading\">Articles</h2>\n");
    for item in &document.items {
        page.item(item, document.item_language(item));
    }
    if document.items.is_empty() {
        page.raw("<p class=\"empty\">No articles.</p>\n");
    }
    page.raw("<p class=\"turn\">");
    if let Some(older) = older {
        page.raw("<a rel=\"prev\" href=\"").text(older).raw(".html\">Older: ").text(&spelt(older)).raw("</a> ");
    }
    page.raw("<a href=\"../").raw(PAGE_FILE).raw("\">Newest articles</a></p>\n</main>\n");
    page.topics();
    page.raw("</div>\n");
    page.close()
}

/// The page's title, with the site's where it does not say that itself.
fn titled<'a>(frame: &Frame, title: &'a str) -> Cow<'a, str> {
    let is_told = title.contains(&frame.title) || blank(&frame.title);
    if is_told { Cow::Borrowed(title) } else { Cow::Owned(format!("{title} · {}", frame.title)) }
}

/// Tells readers of the feed in its three forms, and returns the ways there.
fn announce<'a>(page: &mut Page<'_>, document: &'a FeedDocument) -> [Cow<'a, str>; 3] {
    let urls = &document.urls;
    let feeds = [&urls.atom, &urls.rss, &urls.json].map(|url| relative(&document.page_url, url));
    for ((media_type, name), href) in FORMATS.iter().zip(&feeds) {
        page.raw("<link rel=\"alternate\" type=\"").raw(media_type).raw("\" title=\"").text(&document.title);
        page.raw(" (").raw(name).raw(")\" href=\"").text(href).raw("\">\n");
    }
    feeds
}

/// The archive's pages by month, newest first; the pages of one month by their places in it.
fn archive_links(page: &mut Page<'_>, archives: &[ArchiveLine]) {
    let shown = archives.get(archives.len().saturating_sub(ARCHIVES_MAX)..).unwrap_or_default();
    if shown.is_empty() {
        return;
    }
    page.raw("<nav class=\"archive\" aria-label=\"Archive\">\n<h2 class=\"heading\">Archive</h2>\n<ul>\n");
    let mut months: Vec<(&str, Vec<&ArchiveLine>)> = Vec::new();
    for line in shown {
        let month = line.name.get(..7).unwrap_or(&line.name);
        match months.last_mut() {
            Some((last, lines)) if *last == month => lines.push(line),
            _ => months.push((month, vec![line])),
        }
    }
    for (month, lines) in months.into_iter().rev() {
        page.raw("<li>");
        for (place, line) in lines.iter().enumerate() {
            let number = line.name.get(8..).unwrap_or_default();
            let label = if place == 0 { spelt(if number.is_empty() { month } else { &line.name }) } else { number.to_owned() };
            page.raw(if place == 0 { "" } else { " " }).raw("<a href=\"").raw(ARCHIVE_FOLDER).raw("/").text(&line.name);
            page.raw(".html\">").text(&label).raw("</a>");
        }
        page.raw("</li>\n");
    }
    page.raw("</ul>\n</nav>\n");
}

/// `2026-11-2` as `November 2026, 2`.
fn spelt(name: &str) -> String {
    let date = name.get(..7).and_then(|month| chrono::NaiveDate::parse_from_str(&format!("{month}-01"), "%Y-%m-%d").ok());
    match (date, name.get(8..).filter(|place| !place.is_empty())) {
        (Some(date), Some(place)) => format!("{}, {place}", date.format("%B %Y")),
        (Some(date), None) => date.format("%B %Y").to_string(),
        (None, _) => name.to_owned(),
    }
}
