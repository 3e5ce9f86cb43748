//! The site's own pages: the first one, and what it says of itself.

use chrono::{DateTime, Utc};

use super::super::document::gate::web_url;
use super::super::document::{ABOUT_FILE, ATOM_FILE, FeedItem, FeedLine, JSON_FILE, OPML_FILE, PAGE_FILE, RSS_FILE};
use super::{FORMATS, Frame, JUMP, Page, by_vocabulary};

/// The feed of everything, in its three forms.
const FILES: [&str; 3] = [ATOM_FILE, RSS_FILE, JSON_FILE];

/// The site's first page: every topic with its feeds, and the newest items.
#[must_use]
pub fn index_page(frame: &Frame, newest: &[FeedItem], updated: Option<DateTime<Utc>>) -> String {
    let html = String::with_capacity(4096 + 1536 * newest.len() + 512 * frame.topics.len());
    let mut page = Page { html, url: &frame.base_url, root: "", frame };
    page.open(&frame.language, &frame.title, None);
    page.reserved(newest.iter());
    page.raw("<link rel=\"alternate\" type=\"text/x-opml\" title=\"All topics (OPML)\" href=\"").raw(OPML_FILE).raw("\">\n");
    for ((media_type, name), file) in FORMATS.iter().zip(FILES) {
        page.raw("<link rel=\"alternate\" type=\"").raw(media_type).raw("\" title=\"").text(&frame.title);
        page.raw(" (").raw(name).raw(")\" href=\"").raw(file).raw("\">\n");
    }
    page.body();
    page.heading(&frame.title, None);
    page.raw("<p class=\"subscribe\"><a href=\"").raw(OPML_FILE).raw("\">All topics (OPML)</a> ");
    for ((_, name), file) in FORMATS.iter().zip(FILES) {
        page.raw("<a href=\"").raw(file).raw("\">").raw(name).raw("</a> ");
    }
    page.raw(JUMP);
    if let Some(updated) = updated {
        page.raw(" <span>Updated ").time(updated).raw("</span>");
    }
    page.raw("</p>\n</section>\n<div class=\"columns wide\">\n<main>\n<h2 class=\"heading\">Newest articles</h2>\n");
    for item in newest {
        page.item(item, item.language.as_deref());
    }
    if newest.is_empty() {
        page.raw("<p class=\"empty\">No articles yet.</p>\n");
    }
    page.raw("</main>\n<nav class=\"topics directory\" id=\"topics\" aria-label=\"Topics\">\n<h2 class=\"heading\">Topics</h2>\n");
    for (vocabulary, lines) in by_vocabulary(&frame.topics) {
        page.vocabulary(vocabulary);
        page.raw("<ul>\n");
        for topic in lines {
            let folder = topic.folder();
            page.raw("<li><a href=\"").text(&folder).raw(PAGE_FILE).raw("\">").text(topic.parts().1).raw("</a> ");
            page.count(topic.records).raw("\n");
            // An empty paragraph keeps the feeds in their column.
            page.raw("<p>").text(topic.description.as_deref().unwrap_or_default()).raw("</p> <span class=\"feeds\">");
            for (file, name) in [(ATOM_FILE, "Atom"), (RSS_FILE, "RSS"), (JSON_FILE, "JSON")] {
                page.raw("<a href=\"").text(&folder).raw(file).raw("\">").raw(name).raw("</a> ");
            }
            page.raw("</span></li>\n");
        }
        page.raw("</ul>\n");
    }
    page.raw("</nav>\n</div>\n");
    page.close()
}

/// What the site says of itself: who runs it, how it asks for feeds, where its articles come from, how to have one removed.
#[must_use]
pub fn about_page(frame: &Frame) -> String {
    let url = format!("{}{ABOUT_FILE}", frame.base_url);
    let mut page = Page { html: String::with_capacity(4096 + 256 * frame.sources.len()), url: &url, root: "", frame };
    page.open(&frame.language, &format!("About {}", frame.title), None);
    page.body();
    page.heading(&format!("About {}", frame.title), None);
    page.raw("</section>\n<main class=\"prose\">\n<h2>Who runs this site</h2>\n<p>");
    page.text(frame.operator.as_deref().unwrap_or(&frame.title));
    if frame.contact.is_some() {
        page.raw(": ").contact().raw(".</p>\n");
    } else {
        page.raw(". No address is given.</p>\n");
    }
    page.raw("<h2>What it does</h2>\n<p>It follows the feeds and news pages of the sources below and republishes each article's title, a ");
    page.raw("short excerpt and a link to the original, filed under topics by a program. Titles and excerpts belong to their ");
    page.raw("publishers. There are no cookies, no scripts, and nothing is loaded from anywhere else.</p>\n");
    page.raw("<h2>To have something removed</h2>\n<p>If an article or a source should not be here, write to ").contact();
    page.raw(" with its address. It is then removed from the feeds, their archives, the pages and all files at once, and ");
    page.raw("does not come back with the next visit; feeds tell their readers that it was withdrawn.</p>\n");
    page.raw("<h2>The program that asks for feeds</h2>\n<p>Its requests call themselves <code>").text(&frame.user_agent);
    page.raw(
        "</code>. It asks again only when a source may have something new, sends back the marks by which an unchanged document is told ",
    );
    page.raw("(ETag, Last-Modified), keeps to one request at a time for each host, and waits as long as a server says.</p>\n");
    page.raw("<h2>All articles</h2>\n<p class=\"subscribe\">");
    for ((_, name), file) in FORMATS.iter().zip(FILES) {
        page.raw("<a href=\"").raw(file).raw("\">").raw(name).raw("</a> ");
    }
    page.raw("<a href=\"").raw(OPML_FILE).raw("\">All topics (OPML)</a></p>\n");
    page.lines("Sections", &frame.sections);
    page.lines("Sources", &frame.sources);
    page.raw("</main>\n");
    page.close()
}

impl Page<'_> {
    /// The operator's address as a link, if it can be one.
    fn contact(&mut self) -> &mut Self {
        let Some(contact) = &self.frame.contact else { return self.raw("the operator") };
        let href = match web_url(contact) {
            Some(url) => url.into_owned(),
            None if contact.starts_with("mailto:") => contact.clone(),
            None => format!("mailto:{contact}"),
        };
        self.raw("<a href=\"").text(&href).raw("\">").text(contact.trim_start_matches("mailto:")).raw("</a>")
    }

    /// Feeds by name, with their pages.
    fn lines(&mut self, heading: &str, lines: &[FeedLine]) {
        if lines.is_empty() {
            return;
        }
        self.raw("<h2>").raw(heading).raw("</h2>\n<ul class=\"sources\">\n");
        for line in lines {
            self.raw("<li><a href=\"").text(&line.folder).raw(PAGE_FILE).raw("\"><bdi>").text(&line.title).raw("</bdi></a> ");
            self.count(line.records);
            if let Some(url) = line.site_url.as_deref().and_then(web_url) {
                self.raw(" <a class=\"site-link\" href=\"").text(&url).raw("\" rel=\"external noopener\">").text(&url).raw("</a>");
            }
            self.raw("</li>\n");
        }
        self.raw("</ul>\n");
    }
}
