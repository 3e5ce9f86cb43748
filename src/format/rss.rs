//! Writes RSS 2.0.
//!
//! Titles have no type in RSS, so they go through `untagged`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rss::Channel;
use rss::extension::{Extension, ExtensionMap};

use quick_xml::escape::partial_escape;

use super::document::gate::{blank, iri, line, rfc822, text, untagged, web_url};
use super::document::{FeedDocument, FeedItem, GENERATOR, TDM, VERSION};
use super::markup::{self, Uses, indent, insert};
use crate::stage::rights::reservation::RSL_TYPE;

/// The feed as UTF-8; the same document always gives the same bytes.
#[must_use]
pub fn write(document: &FeedDocument) -> Vec<u8> {
    let items: Vec<String> = document.items.iter().map(|item| entry(item, document.item_language(item))).collect();
    let uses = document.items.iter().fold(Uses::default(), |uses, item| uses.or(Uses::of(item)));
    bind(document, uses, &items.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A feed of items that are written already, whatever items the document has; `uses` says what any of them uses.
pub(super) fn bind(document: &FeedDocument, uses: Uses, items: &[&str]) -> Vec<u8> {
    let mut namespaces = BTreeMap::new();
    for (prefix, namespace, is_used) in [
        ("atom", "http://www.w3.org/2005/Atom", true),
        ("content", "http://purl.org/rss/1.0/modules/content/", true),
        ("dc", "http://purl.org/dc/elements/1.1/", true),
        ("media", "http://search.yahoo.com/mrss/", uses.picture),
        (LICENCE, "http://backend.userland.com/creativeCommonsRssModule", uses.licence),
        ("tdm", TDM, uses.mining),
        ("fh", "http://purl.org/syndication/history/1.0", document.current.is_some()),
    ] {
        if is_used {
            namespaces.insert(prefix.to_owned(), namespace.to_owned());
        }
    }
    let mut links = vec![link("self", &document.urls.rss, Some("application/rss+xml"))];
    for (rel, urls) in [("current", &document.current), ("prev-archive", &document.prev), ("next-archive", &document.next)] {
        links.extend(urls.iter().map(|urls| link(rel, &urls.rss, Some("application/rss+xml"))));
    }
    links.extend(document.hubs().map(|url| link("hub", &url, None)));
    let mut extensions = ExtensionMap::from([("atom".to_owned(), BTreeMap::from([("link".to_owned(), links)]))]);
    if document.current.is_some() {
        add(&mut extensions, element("fh", "archive", []));
    }
    let channel = Channel {
        title: untagged(&document.title).into_owned(),
        link: iri(&document.page_url).into_owned(),
        description: untagged(document.subtitle.as_deref().filter(|subtitle| !blank(subtitle)).unwrap_or(&document.title)).into_owned(),
        language: document.language().map(Into::into),
        last_build_date: Some(rfc822(document.updated)),
        generator: Some(format!("{} {VERSION} ({})", GENERATOR.0, GENERATOR.1)),
        docs: Some("https://www.rssboard.org/rss-specification".into()),
        extensions,
        namespaces,
        ..Channel::default()
    };
    // Memory takes every write. Were it not so, the feed would be empty, which the publisher's reading it back refuses.
    let mut head = channel.pretty_write_to(Vec::new(), b' ', 1).unwrap_or_default();
    head.push(b'\n');
    // Behind the declaration, which the crate writes where it stands on a line of its own or not.
    let declaration = if head.starts_with(b"<?xml") { head.windows(2).position(|two| two == b"?>").map_or(0, |end| end + 2) } else { 0 };
    let own = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{}", document.style_instruction(&document.urls.rss));
    let after = head.iter().skip(declaration).take_while(|byte| byte.is_ascii_whitespace()).count();
    head.splice(..declaration + after, own.into_bytes());
    insert(&head, b"</channel>", "", items)
}

/// What the licence element's namespace is called.
pub(super) const LICENCE: &str = "creativeCommons";

/// An item as an element of the channel; `language` where it is not the feed's.
pub(super) fn entry(item: &FeedItem, language: Option<&str>) -> String {
    // What an item takes without its texts.
    let mut out = String::with_capacity(1_024 + item.title.len() + 2 * item.summary_html.len());
    let put = |out: &mut String, name: &str, text: &str| markup::element(out, 3, name, &[], Some(text));
    indent(&mut out, 2);
    out.push_str("<item>");
    put(&mut out, "title", &untagged(&item.headline()));
    let link = web_url(&item.url);
    if let Some(url) = &link {
        put(&mut out, "link", url);
    }
    // Text, which a browser shows by the stylesheet; but this element is read as HTML, so its brackets are escaped once more.
    if !blank(&item.summary_text) {
        put(&mut out, "description", &partial_escape(text(&item.summary_text)));
    }
    for category in &item.categories {
        let scheme = category.scheme().map(|scheme| ("domain", scheme));
        markup::element(&mut out, 3, "category", scheme.as_slice(), Some(&text(&category.term)));
    }
    for (scheme, term, _) in item.declared() {
        markup::element(&mut out, 3, "category", &[("domain", scheme.into())], Some(term));
    }
    // RSS allows one; readers differ on which of several they take.
    let file = item.files().next();
    if let Some((url, media_type, length_bytes)) = &file {
        let attributes = [("url", url.clone()), ("length", length_bytes.to_string().into()), ("type", Cow::Borrowed(*media_type))];
        markup::element(&mut out, 3, "enclosure", &attributes, None);
    }
    let is_permalink = link.is_some() && item.id == item.url;
    let permalink = (!is_permalink).then_some(("isPermaLink", "false".into()));
    markup::element(&mut out, 3, "guid", permalink.as_slice(), Some(&iri(&item.id)));
    put(&mut out, "pubDate", &rfc822(item.published));
    if let Some(url) = web_url(&item.source.self_url) {
        markup::element(&mut out, 3, "source", &[("url", url)], Some(&line(&item.source.name())));
    }
    if let Some(html) = item.rich() {
        put(&mut out, "content:encoded", &html);
    }
    if let Some(url) = item.licence() {
        put(&mut out, "creativeCommons:license", &url);
    }
    if let Some(url) = item.terms() {
        let attributes = [("href", url), ("rel", "license".into()), ("type", RSL_TYPE.into())];
        markup::element(&mut out, 3, "atom:link", &attributes, None);
    }
    if let Some(policy) = item.mining() {
        if let Some(policy) = policy {
            put(&mut out, "tdm:policy", &policy);
        }
        put(&mut out, "tdm:reservation", "1");
    }
    if let Some(url) = item.picture() {
        // Several readers, feed-rs among them, drop the enclosure when they see media:content: only where it says the same.
        if file.as_ref().is_none_or(|(enclosure, ..)| *enclosure == url) {
            markup::element(&mut out, 3, "media:content", &[("medium", "image".into()), ("url", url.clone())], None);
        }
        markup::element(&mut out, 3, "media:thumbnail", &[("url", url)], None);
    }
    let mut names = item.names().peekable();
    if names.peek().is_none() {
        put(&mut out, "dc:creator", &item.source.name());
    }
    names.for_each(|name| put(&mut out, "dc:creator", &name));
    if let Some(language) = language {
        put(&mut out, "dc:language", language);
    }
    if let Some(notice) = item.any_rights() {
        put(&mut out, "dc:rights", &text(notice));
    }
    indent(&mut out, 2);
    out.push_str("</item>");
    out
}

fn link(rel: &str, url: &str, media_type: Option<&str>) -> Extension {
    let mut link = element("atom", "link", [("href", iri(url).into_owned()), ("rel", rel.to_owned())]);
    link.attrs.extend(media_type.map(|media_type| ("type".to_owned(), media_type.to_owned())));
    link
}

pub(super) fn element<const N: usize>(prefix: &str, name: &str, attributes: [(&str, String); N]) -> Extension {
    let attrs = attributes.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Extension { name: format!("{prefix}:{name}"), attrs, ..Extension::default() }
}

pub(super) fn add(extensions: &mut ExtensionMap, element: Extension) {
    let Some((prefix, name)) = element.name.split_once(':').map(|(prefix, name)| (prefix.to_owned(), name.to_owned())) else { return };
    extensions.entry(prefix).or_default().entry(name).or_default().push(element);
}

#[cfg(test)]
mod tests {
    use super::super::document::samples::{archive, bare, declared, document, hostile, item};
    use super::*;

    fn read_back(items: Vec<FeedItem>) -> Channel {
        Channel::read_from(write(&document(items)).as_slice()).unwrap()
    }

    #[test]
    fn the_channel_knows_itself() {
        let xml = String::from_utf8(write(&document(vec![bare()]))).unwrap();
        for part in [
            "<link>https://planet.example/topic/health-digital-health/</link>",
            "<atom:link href=\"https://planet.example/topic/health-digital-health/feed.rss\" rel=\"self\" type=\"application/rss+xml\">",
            "<lastBuildDate>Fri, 20 Nov 2026 10:00:00 GMT</lastBuildDate>",
            "<language>en</language>",
        ] {
            assert!(xml.contains(part), "{part} in {xml}");
        }
        assert!(!xml.contains("xmlns:media"));
    }

    #[test]
    fn an_item_keeps_its_particulars() {
        let channel = read_back(vec![item(1)]);
        let item = &channel.items[0];
        assert_eq!(item.pub_date.as_deref(), Some("Wed, 18 Nov 2026 09:30:00 GMT"));
        assert_eq!(item.enclosure.as_ref().map(|file| file.url.as_str()), Some("https://news.example/a.mp3?x=1&y=2"));
        assert_eq!(item.source.as_ref().map(|source| source.url.as_str()), Some("https://news.example/feed?a=1&b=2"));
        let core = item.dublin_core_ext.as_ref().unwrap();
        assert_eq!(
            (core.creators.len(), core.rights.as_slice(), core.languages.as_slice()),
            (2, &["CC BY 4.0".to_owned()][..], &["en-GB".to_owned()][..])
        );
        assert_eq!(item.extensions["media"]["thumbnail"][0].attrs["url"], "https://news.example/a.jpg?w=1&h=2");
        assert_eq!(item.extensions[LICENCE]["license"][0].value.as_deref(), Some("https://creativecommons.org/licenses/by/4.0/"));
        assert_eq!(item.content.as_deref(), Some("<p>Three hospitals &amp; one question: <em>who</em> reads the record?</p>"));
        assert_eq!(item.description.as_deref(), Some("Three hospitals &amp; one question: who reads the record?"));
    }

    #[test]
    fn a_picture_alone_is_enclosure_and_content() {
        let channel = read_back(vec![FeedItem { enclosures: Vec::new(), ..item(1) }]);
        let item = &channel.items[0];
        assert_eq!(item.enclosure.as_ref().map(|file| file.mime_type.as_str()), Some("image/jpeg"));
        assert_eq!(item.extensions["media"]["content"][0].attrs["medium"], "image");
    }

    #[test]
    fn an_archive_names_its_neighbours() {
        let xml = String::from_utf8(write(&archive(vec![bare()]))).unwrap();
        let folder = "https://planet.example/topic/health-digital-health";
        assert!(
            xml.starts_with(
                "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<?xml-stylesheet type=\"text/css\" href=\"../../../feed.css\"?>\n<rss"
            ),
            "{xml}"
        );
        for (rel, url) in [("self", "/archive/2026-10.rss"), ("prev-archive", "/archive/2026-09-2.rss"), ("current", "/feed.rss")] {
            let link = format!("<atom:link href=\"{folder}{url}\" rel=\"{rel}\" type=\"application/rss+xml\">");
            assert!(xml.contains(&link), "{link} in {xml}");
        }
        assert!(xml.contains("<fh:archive>"), "{xml}");
    }

    #[test]
    fn readers_see_the_enclosure_beside_the_picture() {
        let feed = feed_rs::parser::parse(write(&document(vec![item(1)])).as_slice()).unwrap();
        let urls: Vec<_> =
            feed.entries[0].media.iter().flat_map(|media| &media.content).filter_map(|content| content.url.as_ref()).collect();
        assert!(urls.iter().any(|url| url.as_str() == "https://news.example/a.mp3?x=1&y=2"), "{urls:?}");
    }

    #[test]
    fn an_id_is_a_permalink_only_where_it_is_the_address() {
        let permalink = FeedItem { id: item(2).url, ..item(2) };
        let flags: Vec<bool> = read_back(vec![item(1), permalink]).items.iter().map(|item| item.guid.as_ref().unwrap().permalink).collect();
        assert_eq!(flags, [false, true]);
    }

    #[test]
    fn the_source_is_creator_where_no_one_else_is() {
        assert_eq!(read_back(vec![bare()]).items[0].dublin_core_ext.as_ref().unwrap().creators, ["Example News"]);
    }

    #[test]
    fn html_comes_back_as_it_was() {
        for (read, written) in read_back(hostile()).items.iter().zip(hostile()) {
            assert_eq!(read.content, written.rich().map(Into::into));
            let shown = scraper::Html::parse_fragment(read.description.as_deref().unwrap_or_default());
            let shown: String = shown.root_element().text().collect();
            assert_eq!(shown.trim(), super::text(&written.summary_text).trim());
        }
    }

    #[test]
    fn what_is_declared_is_passed_on() {
        let xml = String::from_utf8(write(&document(vec![declared()]))).unwrap();
        for part in [
            "xmlns:tdm=\"http://www.w3.org/ns/tdmrep/\"",
            "#promotion\">press-release</category>",
            "#robots\">noai</category>",
            "<atom:link href=\"https://news.example/l.xml?a=1&amp;b=2\" rel=\"license\" type=\"application/rsl+xml\"/>",
            "<tdm:policy>https://news.example/p.json</tdm:policy>",
            "<tdm:reservation>1</tdm:reservation>",
        ] {
            assert!(xml.contains(part), "{part} in {xml}");
        }
    }
}
