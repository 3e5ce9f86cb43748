//! Writes the site's pages.
//!
//! Links within the site are relative and name their file, so that the folder works below any address and from a disk. The pages
//! load nothing but their stylesheet; their own policy forbids everything else, should an excerpt ask for it.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use super::document::gate::{blank, moment, rfc3339, text, web_url};
use super::document::{ATOM_FILE, FeedDocument, FeedItem, GENERATOR, JSON_FILE, OPML_FILE, PAGE_FILE, RSS_FILE, STYLE_FILE, TopicLine};

/// The stylesheet of all pages, to be published as [`STYLE_FILE`] in the site's root.
pub const STYLE: &str = include_str!("assets/style.css");

/// What pages may load and do. Styles are left open: `'self'` means nothing to some browsers when a page is read from a disk.
const POLICY: &str = "script-src 'none'; img-src 'self'; media-src 'none'; font-src 'none'; connect-src 'none'; object-src 'none'; \
                      frame-src 'none'; form-action 'none'; base-uri 'none'";

/// Media types of the three feeds with their names.
const FORMATS: [(&str, &str); 3] =
    [("application/atom+xml", "Atom"), ("application/rss+xml", "RSS"), ("application/feed+json", "JSON Feed")];

/// The way down to the topics, which the stylesheet shows only where they are not beside the articles.
const JUMP: &str = "<a class=\"jump\" href=\"#topics\">Topics</a>";

/// One topic's page: its feeds, its items, and the site's other topics.
///
/// The page stands two folders below the root ([`TopicLine::folder`]). Of the other topics it shows names only: with their counts it
/// would be out of date whenever any topic changes.
#[must_use]
pub fn topic_page(site_title: &str, document: &FeedDocument, topics: &[TopicLine]) -> String {
    let mut page = Page { html: String::with_capacity(4096 + 1536 * document.items.len() + 96 * topics.len()), url: &document.page_url };
    let root = "../../";
    let feeds = [&document.atom_url, &document.rss_url, &document.json_url].map(|url| relative(&document.page_url, url));
    let title = if document.title.contains(site_title) || blank(site_title) {
        Cow::Borrowed(document.title.as_str())
    } else {
        Cow::Owned(format!("{} · {site_title}", document.title))
    };

    page.open(document.language().unwrap_or("en"), &title, document.subtitle.as_deref(), root);
    for ((media_type, name), href) in FORMATS.iter().zip(&feeds) {
        page.raw("<link rel=\"alternate\" type=\"").raw(media_type).raw("\" title=\"").text(&document.title);
        page.raw(" (").raw(name).raw(")\" href=\"").text(href).raw("\">\n");
    }
    page.raw("</head>\n<body>\n<header class=\"site\"><a href=\"").raw(root).raw(PAGE_FILE).raw("\">").text(site_title);
    page.raw("</a></header>\n<div class=\"intro\">\n");
    page.heading(&document.title, document.subtitle.as_deref());
    page.raw("<p class=\"subscribe\">");
    for ((_, name), href) in FORMATS.iter().zip(&feeds) {
        page.raw("<a href=\"").text(href).raw("\">").raw(name).raw("</a> ");
    }
    page.raw(JUMP).raw(" <span>Updated ").time(document.updated).raw("</span></p>\n</div>\n<div class=\"columns\">\n<main>\n");
    page.raw("<h2 class=\"heading\">Articles</h2>\n");
    for item in &document.items {
        page.item(item, document.item_language(item));
    }
    if document.items.is_empty() {
        page.raw("<p class=\"empty\">No articles yet.</p>\n");
    }
    page.raw("</main>\n<nav class=\"topics\" id=\"topics\" aria-label=\"Topics\">\n<h2 class=\"heading\">Topics</h2>\n");
    for (vocabulary, lines) in by_vocabulary(topics) {
        page.vocabulary(vocabulary);
        page.raw("<ul>\n");
        for topic in lines {
            let folder = topic.folder();
            page.raw("<li><a href=\"").raw(root).text(&folder).raw(PAGE_FILE).raw("\"");
            if document.page_url.ends_with(&folder) {
                page.raw(" aria-current=\"page\"");
            }
            page.raw(">").text(topic.parts().1).raw("</a></li>\n");
        }
        page.raw("</ul>\n");
    }
    page.raw("</nav>\n</div>\n");
    page.close(root)
}

/// The site's first page: every topic with its feeds, and the newest items. `base_url` ends with a slash.
#[must_use]
pub fn index_page(site_title: &str, base_url: &str, topics: &[TopicLine], newest: &[FeedItem], updated: Option<DateTime<Utc>>) -> String {
    let mut page = Page { html: String::with_capacity(4096 + 1536 * newest.len() + 512 * topics.len()), url: base_url };
    page.open("en", site_title, None, "");
    page.raw("<link rel=\"alternate\" type=\"text/x-opml\" title=\"All topics (OPML)\" href=\"").raw(OPML_FILE).raw("\">\n");
    page.raw("</head>\n<body>\n<div class=\"intro\">\n");
    page.heading(site_title, None);
    page.raw("<p class=\"subscribe\"><a href=\"").raw(OPML_FILE).raw("\">All topics (OPML)</a> ").raw(JUMP);
    if let Some(updated) = updated {
        page.raw(" <span>Updated ").time(updated).raw("</span>");
    }
    page.raw("</p>\n</div>\n<div class=\"columns wide\">\n<main>\n<h2 class=\"heading\">Newest articles</h2>\n");
    for item in newest {
        page.item(item, item.language.as_deref());
    }
    if newest.is_empty() {
        page.raw("<p class=\"empty\">No articles yet.</p>\n");
    }
    page.raw("</main>\n<nav class=\"topics directory\" id=\"topics\" aria-label=\"Topics\">\n<h2 class=\"heading\">Topics</h2>\n");
    for (vocabulary, lines) in by_vocabulary(topics) {
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
    page.close("")
}

/// A page as it grows, and its own address.
struct Page<'a> {
    html: String,
    url: &'a str,
}

impl Page<'_> {
    /// Markup of our own, or an excerpt that is already sanitised.
    fn raw(&mut self, markup: &str) -> &mut Self {
        self.html.push_str(markup);
        self
    }

    /// Outside text, safe in an element and in a quoted attribute.
    fn text(&mut self, raw: &str) -> &mut Self {
        let clean = text(raw);
        let mut rest = clean.as_ref();
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            let (before, special) = rest.split_at(at);
            self.html.push_str(before);
            self.html.push_str(match special.as_bytes() {
                [b'&', ..] => "&amp;",
                [b'<', ..] => "&lt;",
                [b'>', ..] => "&gt;",
                [b'"', ..] => "&quot;",
                _ => "&#39;",
            });
            rest = &special[1..];
        }
        self.html.push_str(rest);
        self
    }

    fn open(&mut self, language: &str, title: &str, description: Option<&str>, root: &str) {
        self.raw("<!doctype html>\n<html lang=\"").text(language).raw("\">\n<head>\n<meta charset=\"utf-8\">\n");
        self.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>").text(title).raw("</title>\n");
        if let Some(description) = description.filter(|description| !blank(description)) {
            self.raw("<meta name=\"description\" content=\"").text(description).raw("\">\n");
        }
        self.raw("<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n");
        self.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"").text(POLICY).raw("\">\n<link rel=\"canonical\" href=\"");
        self.text(self.url).raw("\">\n<link rel=\"stylesheet\" href=\"").raw(root).raw(STYLE_FILE).raw("\">\n");
    }

    fn heading(&mut self, title: &str, lead: Option<&str>) {
        self.raw("<h1 dir=\"auto\">").text(title).raw("</h1>\n");
        if let Some(lead) = lead.filter(|lead| !blank(lead)) {
            self.raw("<p class=\"lead\" dir=\"auto\">").text(lead).raw("</p>\n");
        }
    }

    /// Publisher, author and date stand before the title; the title leads to the publisher.
    fn item(&mut self, item: &FeedItem, language: Option<&str>) {
        self.raw("<article>\n<p class=\"meta\"><span class=\"source\"><bdi>");
        self.link(item.source.alternate_url.as_deref(), &item.source.name()).raw("</bdi></span>");
        let names: Vec<_> = item.names().collect();
        if !names.is_empty() {
            self.raw(" <span class=\"authors\"><bdi>").text(&names.join(", ")).raw("</bdi></span>");
        }
        self.raw(" ").time(item.published);
        // A later day means a correction, which a reader should see.
        if moment(item.updated).date_naive() > moment(item.published).date_naive() {
            self.raw(" <span>changed ").time(item.updated).raw("</span>");
        }
        self.raw("</p>\n<h3 dir=\"auto\"").language(language).raw(">");
        self.link(Some(&item.url), &item.headline()).raw("</h3>\n");
        if !blank(&item.summary_html) {
            self.raw("<div class=\"excerpt\" dir=\"auto\"").language(language).raw(">").raw(&text(&item.summary_html)).raw("</div>\n");
        }
        let here = self.url;
        let mut others = item.categories.iter().filter(|category| category.url != here && web_url(&category.url).is_some()).peekable();
        if others.peek().is_some() {
            self.raw("<ul class=\"tags\">");
            for category in others {
                let href = relative(here, &category.url);
                self.raw("<li><a rel=\"tag\" href=\"").text(&href).raw("\">").text(&category.label).raw("</a></li> ");
            }
            self.raw("</ul>\n");
        }
        if let Some(notice) = item.any_rights() {
            self.raw("<p class=\"rights\" dir=\"auto\">").text(notice).raw("</p>\n");
        }
        self.raw("</article>\n");
    }

    /// The text as a link where the address is one of the web, else as it is.
    fn link(&mut self, url: Option<&str>, label: &str) -> &mut Self {
        match url.and_then(web_url) {
            Some(url) => self.raw("<a href=\"").text(&url).raw("\" rel=\"external noopener\">").text(label).raw("</a>"),
            None => self.text(label),
        }
    }

    fn language(&mut self, language: Option<&str>) -> &mut Self {
        match language {
            Some(language) => self.raw(" lang=\"").text(language).raw("\""),
            None => self,
        }
    }

    fn time(&mut self, when: DateTime<Utc>) -> &mut Self {
        let day = moment(when).format("%-d %B %Y").to_string();
        self.raw("<time datetime=\"").raw(&rfc3339(when)).raw("\">").raw(&day).raw("</time>")
    }

    fn vocabulary(&mut self, name: Option<&str>) {
        if let Some(name) = name {
            self.raw("<h3>").text(name).raw("</h3>\n");
        }
    }

    /// A number of articles, its thousands apart.
    fn count(&mut self, number: u64) -> &mut Self {
        self.raw("<span class=\"count\">");
        let digits = number.to_string();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                self.html.push(',');
            }
            self.html.push(digit);
        }
        self.raw("</span>")
    }

    fn close(mut self, root: &str) -> String {
        self.raw("<footer class=\"foot\">\n<p>Titles and excerpts belong to their publishers; each title leads to the original. ");
        self.raw("Topics are assigned automatically. <a href=\"").raw(root).raw(OPML_FILE).raw("\">Subscribe to all topics (OPML)</a>. ");
        self.raw("Published with <a href=\"").raw(GENERATOR.1).raw("\">").raw(GENERATOR.0).raw("</a>.</p>\n</footer>\n</body>\n</html>\n");
        self.html
    }
}

/// The topics under their vocabularies, both in the order of first appearance.
fn by_vocabulary(topics: &[TopicLine]) -> Vec<(Option<&str>, Vec<&TopicLine>)> {
    let mut groups: Vec<(Option<&str>, Vec<&TopicLine>)> = Vec::new();
    for topic in topics {
        let vocabulary = topic.parts().0;
        match groups.iter_mut().find(|(name, _)| *name == vocabulary) {
            Some((_, lines)) => lines.push(topic),
            None => groups.push((vocabulary, vec![topic])),
        }
    }
    groups
}

/// The way from one page of the site to an address, relative where both share a host; a folder's page is named.
fn relative<'a>(page_url: &str, target: &'a str) -> Cow<'a, str> {
    let host_end = |url: &str| Some(url.find("://")? + 3).and_then(|start| Some(start + url.get(start..)?.find('/')? + 1));
    let Some(host) = host_end(page_url).filter(|end| page_url.get(..*end) == target.get(..*end)) else {
        return Cow::Borrowed(target);
    };
    let from = &page_url[host..];
    let to = &target[host..];
    // The shared folders: up to the last slash before the two differ.
    let same = from.bytes().zip(to.bytes()).take_while(|(a, b)| a == b).count();
    let shared = from.as_bytes()[..same].iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let ups = from.as_bytes()[shared..].iter().filter(|byte| **byte == b'/').count();
    let rest = &to[shared..];
    let file = if rest.is_empty() || rest.ends_with('/') { PAGE_FILE } else { "" };
    let here = if ups == 0 { "./" } else { "" };
    Cow::Owned(format!("{here}{}{rest}{file}", "../".repeat(ups)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use scraper::{Html, Selector};

    use super::super::document::samples::{any_text, as_xml_reads, at, bare, document, hostile, item, topics, wild_items};
    use super::*;

    fn all(html: &Html, selector: &str) -> Vec<String> {
        html.select(&Selector::parse(selector).unwrap()).map(|element| element.text().collect()).collect()
    }

    fn attributes(html: &Html, selector: &str, name: &str) -> Vec<String> {
        html.select(&Selector::parse(selector).unwrap()).filter_map(|element| element.attr(name)).map(Into::into).collect()
    }

    proptest! {
        // Two whole pages are parsed a case.
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn nothing_breaks_the_page(items in wild_items(), text in any_text()) {
            let count = items.len();
            let titles: Vec<String> = items.iter().map(|item| as_xml_reads(&item.headline())).collect();
            let document = FeedDocument { title: text.clone(), subtitle: Some(text.clone()), language: text.clone(), ..document(items) };
            let topic = topic_page(&text, &document, &topics());
            let index = index_page(&text, "https://planet.example/", &topics(), &document.items, None);
            for page in [topic, index] {
                let html = Html::parse_document(&page);
                prop_assert_eq!(all(&html, "main > article").len(), count);
                prop_assert_eq!(all(&html, "article > h3"), titles.clone());
                prop_assert_eq!(all(&html, "script, style, img, iframe, form, base").len(), 0);
                for href in attributes(&html, "[href]", "href") {
                    let scheme = href.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
                    prop_assert!(scheme.is_none_or(|scheme| scheme == "https" || scheme == "http"), "{}", href);
                }
                for element in html.root_element().descendants().filter_map(|node| node.value().as_element()) {
                    prop_assert!(element.attrs().all(|(name, _)| !name.starts_with("on") && name != "style" && name != "src"));
                }
            }
        }
    }

    #[test]
    fn the_page_announces_its_feeds() {
        let html = Html::parse_document(&topic_page("Planet", &document(vec![item(1)]), &topics()));
        assert_eq!(attributes(&html, "head link[rel=alternate]", "href"), ["./feed.atom", "./feed.rss", "./feed.json"]);
        assert_eq!(attributes(&html, "head link[rel=alternate]", "type"), FORMATS.map(|(media_type, _)| media_type));
        assert_eq!(attributes(&html, "link[rel=stylesheet]", "href"), ["../../style.css"]);
    }

    #[test]
    fn an_article_names_its_publisher_author_and_day() {
        let html = Html::parse_document(&topic_page("Planet", &document(vec![item(1)]), &topics()));
        assert_eq!(attributes(&html, "article h3 a", "href"), [item(1).url]);
        assert_eq!(all(&html, ".meta .source"), ["Example News"]);
        assert_eq!(all(&html, ".meta .authors"), ["Ada Writer, Bo Reporter"]);
        assert_eq!(attributes(&html, "article time", "datetime"), ["2026-11-18T09:30:00Z"]);
        assert_eq!(all(&html, "article time"), ["18 November 2026"]);
        assert_eq!(all(&html, ".excerpt em"), ["who"]);
    }

    #[test]
    fn an_article_links_its_other_topics() {
        let html = Html::parse_document(&topic_page("Planet", &document(vec![item(1)]), &topics()));
        assert_eq!(attributes(&html, ".tags a", "href"), ["../health-community-health/index.html"]);
        let html = Html::parse_document(&index_page("Planet", "https://planet.example/", &topics(), &[item(1)], None));
        assert_eq!(
            attributes(&html, ".tags a", "href"),
            ["./topic/health-digital-health/index.html", "./topic/health-community-health/index.html"]
        );
    }

    #[test]
    fn a_change_on_a_later_day_is_shown() {
        let changed = FeedItem { updated: at("2026-11-19T00:00:00Z"), ..item(1) };
        let html = Html::parse_document(&topic_page("Planet", &document(vec![changed]), &[]));
        assert_eq!(all(&html, "article time"), ["18 November 2026", "19 November 2026"]);
    }

    #[test]
    fn the_index_counts_topics_under_their_vocabularies() {
        let html = Html::parse_document(&index_page("Planet", "https://planet.example/", &topics(), &[], None));
        assert_eq!(all(&html, "nav h3"), ["Health", "News"]);
        assert_eq!(all(&html, "nav .count")[0], "1,234");
        assert_eq!(
            attributes(&html, "nav .feeds a", "href")[..2],
            ["topic/health-digital-health/feed.atom", "topic/health-digital-health/feed.rss"]
        );
        assert_eq!(all(&html, ".empty").len(), 1);
    }

    #[test]
    fn ways_within_the_site_are_relative() {
        for (page, target, expected) in [
            ("https://a.example/topic/x/", "https://a.example/topic/y/", "../y/index.html"),
            ("https://a.example/topic/x/", "https://a.example/topic/x/", "./index.html"),
            ("https://a.example/topic/x/", "https://a.example/topic/xy/f.xml", "../xy/f.xml"),
            ("https://a.example/", "https://a.example/topic/x/", "./topic/x/index.html"),
            ("https://a.example/b/topic/x/", "https://a.example/", "../../../index.html"),
            ("https://a.example/topic/x/", "https://b.example/topic/x/", "https://b.example/topic/x/"),
            ("https://a.example", "https://a.example/x/", "https://a.example/x/"),
        ] {
            assert_eq!(relative(page, target), expected, "{page} {target}");
        }
    }

    #[test]
    fn hostile_titles_are_shown_as_they_are() {
        let html = Html::parse_document(&topic_page("Planet", &document(hostile()), &[]));
        assert_eq!(all(&html, "article h3")[0], "<script>alert(1)</script>");
        assert_eq!(all(&html, "script").len(), 0);
    }

    #[test]
    fn a_bare_item_is_still_a_link_with_a_source() {
        let html = Html::parse_document(&topic_page("Planet", &document(vec![bare()]), &[]));
        assert_eq!(all(&html, "article a").len(), 1);
        assert_eq!(all(&html, ".excerpt, .tags, .rights").len(), 0);
    }
}
