//! Writes the site's pages.
//!
//! Links within the site are relative and name their file, so that the folder works below any address and from a disk. The pages
//! load nothing but their stylesheet; their own policy forbids everything else, should an excerpt ask for it.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use super::document::gate::{blank, moment, rfc3339, text, web_url};
use crate::rights::Reservation;
use crate::stage::rights::reservation::RSL_TYPE;

use super::document::{ABOUT_FILE, FeedItem, FeedLine, GENERATOR, ICON_FILE, OPML_FILE, PAGE_FILE, STYLE_FILE, TopicLine};

mod feed;
mod site;

pub use feed::{archive_page, feed_page};
pub use site::{about_page, index_page};

/// The stylesheet of all pages, to be published as [`STYLE_FILE`] in the site's root.
pub const STYLE: &str = include_str!("../assets/style.css");
/// The stylesheet that shows a feed in a browser, to be published as [`super::document::FEED_STYLE_FILE`] in the site's root.
pub const FEED_STYLE: &str = include_str!("../assets/feed.css");

/// The site's icon, to be published as [`ICON_FILE`] in the site's root: 32 by 32 pixels.
pub const ICON: &[u8] = include_bytes!("../assets/favicon.ico");

/// What pages may load and do. Styles are left open: `'self'` means nothing to some browsers when a page is read from a disk.
const POLICY: &str = "script-src 'none'; img-src 'self'; media-src 'none'; font-src 'none'; connect-src 'none'; object-src 'none'; \
                      frame-src 'none'; form-action 'none'; base-uri 'none'";

/// Media types of the three feeds with their names.
const FORMATS: [(&str, &str); 3] =
    [("application/atom+xml", "Atom"), ("application/rss+xml", "RSS"), ("application/feed+json", "JSON Feed")];

/// The way down to the topics, which the stylesheet shows only where they are not beside the articles.
const JUMP: &str = "<a class=\"jump\" href=\"#topics\">Topics</a>";

/// What all pages of a site share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The site's title.
    pub title: String,
    /// Its address; ends with a slash.
    pub base_url: String,
    /// Its language (BCP 47).
    pub language: String,
    /// Who runs it, if that is told.
    pub operator: Option<String>,
    /// Address of a page, or an e-mail address, of who runs it.
    pub contact: Option<String>,
    /// What its requests call themselves.
    pub user_agent: String,
    /// Its topics.
    pub topics: Vec<TopicLine>,
    /// Its sections, if there are several.
    pub sections: Vec<FeedLine>,
    /// Its sources.
    pub sources: Vec<FeedLine>,
    /// Parts of pages that a theme has of its own.
    pub theme: Theme,
}

/// Parts of pages that a theme may have of its own: markup, written as it is but for `{{root}}` (the way to the site's root, such as
/// `../../`) and `{{title}}` (the site's title).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Theme {
    /// Stands last in every page's `<head>`.
    pub head: Option<String>,
    /// Stands in place of the line with the site's title above every page.
    pub header: Option<String>,
    /// Stands in place of what is below every page.
    pub footer: Option<String>,
}

/// A page as it grows, its own address, and its way to the site's root.
struct Page<'a> {
    html: String,
    url: &'a str,
    root: &'static str,
    frame: &'a Frame,
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

    /// Everything up to the end of `<head>`, which the caller may add to before it calls [`Page::body`].
    fn open(&mut self, language: &str, title: &str, description: Option<&str>) {
        let root = self.root;
        self.raw("<!doctype html>\n<html lang=\"").text(language).raw("\">\n<head>\n<meta charset=\"utf-8\">\n");
        self.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>").text(title).raw("</title>\n");
        if let Some(description) = description.filter(|description| !blank(description)) {
            self.raw("<meta name=\"description\" content=\"").text(description).raw("\">\n");
        }
        self.raw("<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n");
        self.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"").text(POLICY).raw("\">\n<link rel=\"canonical\" href=\"");
        self.text(self.url)
            .raw("\">\n<link rel=\"stylesheet\" href=\"")
            .raw(root)
            .raw(STYLE_FILE)
            .raw("\">\n<link rel=\"icon\" href=\"")
            .raw(root);
        self.raw(ICON_FILE).raw("\">\n");
    }

    /// The end of `<head>`, and the site's own line above everything.
    fn body(&mut self) {
        let (frame, root) = (self.frame, self.root);
        if let Some(head) = &frame.theme.head {
            self.themed(head);
        }
        self.raw("</head>\n<body>\n");
        match &frame.theme.header {
            Some(header) => self.themed(header),
            // The first page begins with the title.
            None if self.url == frame.base_url => {}
            None => {
                self.raw("<header class=\"site\"><a href=\"").raw(root).raw(PAGE_FILE).raw("\">").text(&frame.title).raw("</a></header>\n");
            }
        }
    }

    fn themed(&mut self, markup: &str) {
        let mut rest = markup;
        while let Some((before, after)) = rest.split_once("{{") {
            self.raw(before);
            rest = match (after.strip_prefix("root}}"), after.strip_prefix("title}}")) {
                (Some(after), _) => {
                    let root = self.root;
                    self.raw(root);
                    after
                }
                (_, Some(after)) => {
                    let title = &self.frame.title;
                    self.text(title);
                    after
                }
                _ => {
                    self.raw("{{");
                    after
                }
            };
        }
        self.raw(rest).raw("\n");
    }

    /// Opens a page's introduction, which the caller ends.
    fn heading(&mut self, title: &str, lead: Option<&str>) {
        self.raw("<section class=\"intro\" aria-labelledby=\"title\">\n<h1 id=\"title\" dir=\"auto\">").text(title).raw("</h1>\n");
        if let Some(lead) = lead.filter(|lead| !blank(lead)) {
            self.raw("<p class=\"lead\" dir=\"auto\">").text(lead).raw("</p>\n");
        }
    }

    /// As little as tells what it is: for items far down a long page.
    fn line(&mut self, item: &FeedItem, language: Option<&str>) {
        self.raw("<article class=\"line\">\n<h3 dir=\"auto\"").language(language).raw(">");
        self.link(Some(&item.url), &item.headline()).raw("</h3>\n<p class=\"meta\"><span class=\"source\"><bdi>");
        self.text(&item.source.name()).raw("</bdi></span> ").promotion(item).time(item.published).raw("</p>\n</article>\n");
    }

    /// Publisher, author and date stand before the title; the title leads to the publisher.
    fn item(&mut self, item: &FeedItem, language: Option<&str>) {
        self.raw("<article>\n<p class=\"meta\"><span class=\"source\"><bdi>");
        self.link(item.source.alternate_url.as_deref(), &item.source.name()).raw("</bdi></span>");
        let names: Vec<_> = item.names().collect();
        if !names.is_empty() {
            self.raw(" <span class=\"authors\"><bdi>").text(&names.join(", ")).raw("</bdi></span>");
        }
        self.raw(" ").promotion(item).time(item.published);
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
        self.rights(item);
        self.raw("</article>\n");
    }

    /// Its rights notice, its licence, and what is reserved of it.
    fn rights(&mut self, item: &FeedItem) {
        let (notice, licence) = (item.any_rights(), item.licence());
        if notice.is_none() && licence.is_none() && item.reservation.is_none() {
            return;
        }
        self.raw("<p class=\"rights\" dir=\"auto\">").text(notice.unwrap_or_default());
        if let Some(url) = licence {
            self.raw(" <a rel=\"license\" href=\"").text(&url).raw("\">Licence</a>");
        }
        if let Some(url) = item.terms() {
            self.raw(" <a rel=\"license\" type=\"").raw(RSL_TYPE).raw("\" href=\"").text(&url).raw("\">Terms for programs</a>");
        }
        match item.mining() {
            Some(Some(policy)) => {
                self.raw(" <a href=\"").text(&policy).raw("\">Text and data mining reserved</a>");
            }
            Some(None) => {
                self.raw(" Text and data mining reserved");
            }
            None => {}
        }
        for directive in item.reservation.iter().flat_map(Reservation::directives) {
            self.raw(" ").raw(directive);
        }
        self.raw("</p>\n");
    }

    /// What its publisher declares it to be, for everyone to see.
    fn promotion(&mut self, item: &FeedItem) -> &mut Self {
        match item.promotion {
            Some(promotion) => self.raw("<span class=\"promotion\">").raw(promotion.label()).raw("</span> "),
            None => self,
        }
    }

    /// Tells robots in a page's head what is reserved of any of its items: they cannot be told for one of them alone.
    fn reserved<'i>(&mut self, items: impl Iterator<Item = &'i FeedItem> + Clone) {
        let reservations = items.filter_map(|item| item.reservation.as_ref());
        let Some(all) = reservations.fold(None, |all: Option<Reservation>, one| Reservation::joined(all.as_ref(), Some(one))) else {
            return;
        };
        let directives: Vec<&str> = all.directives().collect();
        if !directives.is_empty() {
            self.raw("<meta name=\"robots\" content=\"").raw(&directives.join(", ")).raw("\">\n");
        }
        if all.mining {
            self.raw("<meta name=\"tdm-reservation\" content=\"1\">\n");
        }
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

    /// The names of all topics, for going on. With their counts a page would be out of date whenever any topic changes.
    fn topics(&mut self) {
        let (url, root) = (self.url, self.root);
        self.raw("<nav class=\"topics\" id=\"topics\" aria-label=\"Topics\">\n<h2 class=\"heading\">Topics</h2>\n");
        for (vocabulary, lines) in by_vocabulary(&self.frame.topics) {
            self.vocabulary(vocabulary);
            self.raw("<ul>\n");
            for topic in lines {
                let folder = topic.folder();
                self.raw("<li><a href=\"").raw(root).text(&folder).raw(PAGE_FILE).raw("\"");
                if url.ends_with(&folder) {
                    self.raw(" aria-current=\"page\"");
                }
                self.raw(">").text(topic.parts().1).raw("</a></li>\n");
            }
            self.raw("</ul>\n");
        }
        self.raw("</nav>\n");
    }

    fn close(mut self) -> String {
        let (frame, root) = (self.frame, self.root);
        self.raw("<footer class=\"foot\">\n");
        match &frame.theme.footer {
            Some(footer) => self.themed(footer),
            None => {
                self.raw("<p>Titles and excerpts belong to their publishers; each title leads to the original. ");
                self.raw("Topics are assigned automatically. <a href=\"").raw(root).raw(ABOUT_FILE);
                self.raw("\">About this site, its sources, and how to have something removed</a>. <a href=\"").raw(root).raw(OPML_FILE);
                self.raw("\">Subscribe to all topics (OPML)</a>. Published with <a href=\"").raw(GENERATOR.1).raw("\">");
                self.raw(GENERATOR.0).raw("</a>.</p>\n");
            }
        }
        self.raw("</footer>\n</body>\n</html>\n");
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
pub(crate) fn relative<'a>(page_url: &str, target: &'a str) -> Cow<'a, str> {
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

    use super::super::document::samples::{
        any_text, archive, as_xml_reads, at, bare, declared, document, hostile, item, topics, wild_items,
    };
    use super::super::document::{ArchiveLine, FeedDocument, FeedSource};
    use super::*;

    fn frame(title: &str, topics: &[TopicLine]) -> Frame {
        Frame {
            title: title.into(),
            base_url: "https://planet.example/".into(),
            language: "en".into(),
            operator: Some("Desk & Co".into()),
            contact: Some("mail@planet.example".into()),
            user_agent: "topicwire/1 (+mail@planet.example)".into(),
            topics: topics.to_vec(),
            sections: Vec::new(),
            sources: vec![FeedLine {
                folder: "source/a/".into(),
                title: "Example <News>".into(),
                site_url: Some("https://news.example/".into()),
                records: 12,
            }],
            theme: Theme::default(),
        }
    }

    fn topic_page(title: &str, document: &FeedDocument, topics: &[TopicLine]) -> String {
        feed_page(&frame(title, topics), document, &[])
    }

    fn index_page(title: &str, topics: &[TopicLine], newest: &[FeedItem]) -> String {
        super::index_page(&frame(title, topics), newest, None)
    }

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
            let items: Vec<FeedItem> = document.items.iter().map(|item| FeedItem::clone(item)).collect();
            let index = index_page(&text, &topics(), &items);
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
        let html = Html::parse_document(&index_page("Planet", &topics(), &[item(1)]));
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
        let html = Html::parse_document(&index_page("Planet", &topics(), &[]));
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

    #[test]
    fn a_long_page_stays_small_and_shows_everything() {
        let html = topic_page("Planet", &document((0..100).map(item).collect()), &topics());
        assert!(html.len() < 60_000, "{}", html.len());
        let page = Html::parse_document(&html);
        assert_eq!(all(&page, "main > article > h3").len(), 100);
        assert!(all(&page, "article.line").len() > 20);
    }

    #[test]
    fn archives_are_linked_by_their_months() {
        let line = |name: &str| ArchiveLine { name: name.into(), records: 75 };
        let archives = ["2025-12", "2026-10", "2026-10-2", "2026-11"].map(line);
        let page = Html::parse_document(&feed_page(&frame("Planet", &[]), &document(vec![item(1)]), &archives));
        assert_eq!(all(&page, ".archive li"), ["November 2026", "October 2026 2", "December 2025"]);
        assert_eq!(attributes(&page, ".archive a", "href")[1..3], ["archive/2026-10.html", "archive/2026-10-2.html"]);
        let page = Html::parse_document(&archive_page(&frame("Planet", &[]), &archive(vec![item(1)]), "2026-10", Some("2026-09-2")));
        assert_eq!(all(&page, "h1"), ["Digital Health: October 2026"]);
        assert_eq!(attributes(&page, ".turn a", "href"), ["2026-09-2.html", "../index.html"]);
        assert_eq!(attributes(&page, "link[rel=stylesheet]", "href"), ["../../../style.css"]);
    }

    #[test]
    fn the_about_page_names_operator_robot_sources_and_the_way_out() {
        let page = about_page(&frame("Planet", &topics()));
        let html = Html::parse_document(&page);
        let text: String = all(&html, "main").concat();
        for part in ["Desk & Co", "topicwire/1 (+mail@planet.example)", "Example <News>", "removed"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(attributes(&html, "main a", "href").contains(&"mailto:mail@planet.example".to_owned()));
        assert!(attributes(&html, "main a", "href").contains(&"source/a/index.html".to_owned()));
    }

    #[test]
    fn a_theme_has_its_own_head_header_and_footer() {
        let theme = Theme {
            head: Some("<meta name=\"x\" content=\"{{title}}\">".into()),
            header: Some("<p id=\"own\"><a href=\"{{root}}index.html\">{{title}} {{other}}</a></p>".into()),
            footer: Some("<p>Ours</p>".into()),
        };
        let page = feed_page(&Frame { theme, ..frame("A & B", &[]) }, &document(Vec::new()), &[]);
        let html = Html::parse_document(&page);
        assert_eq!(attributes(&html, "head meta[name=x]", "content"), ["A & B"]);
        assert_eq!(
            (attributes(&html, "#own a", "href"), all(&html, "#own a")),
            (vec!["../../index.html".into()], vec!["A & B {{other}}".into()])
        );
        assert_eq!(all(&html, "footer")[0].trim(), "Ours");
    }

    #[test]
    fn what_is_declared_is_shown_and_told_to_robots() {
        let page = topic_page("Planet", &document(vec![item(2), declared()]), &[]);
        let html = Html::parse_document(&page);
        assert_eq!(all(&html, ".promotion"), ["Press release"]);
        assert_eq!(attributes(&html, ".rights a[type]", "href"), ["https://news.example/l.xml?a=1&b=2"]);
        assert_eq!(all(&html, ".rights")[1].trim(), "CC BY 4.0 Licence Terms for programs Text and data mining reserved noai");
        assert_eq!(attributes(&html, "head meta[name=robots]", "content"), ["noai"]);
        assert_eq!(attributes(&html, "head meta[name=tdm-reservation]", "content"), ["1"]);
        let plain = Html::parse_document(&topic_page("Planet", &document(vec![item(2)]), &[]));
        assert_eq!(all(&plain, "meta[name=robots], meta[name=tdm-reservation], .promotion").len(), 0);
    }

    #[test]
    fn a_licence_is_shown_where_there_is_no_notice() {
        let item = FeedItem { rights: None, source: FeedSource { rights: None, ..item(1).source }, ..item(1) };
        let html = Html::parse_document(&topic_page("Planet", &document(vec![item]), &[]));
        assert_eq!(attributes(&html, ".rights a[rel=license]", "href"), ["https://creativecommons.org/licenses/by/4.0/"]);
    }
}
