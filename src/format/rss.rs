//! Writes RSS 2.0.
//!
//! Titles have no type in RSS, so they go through `untagged`.

use std::collections::BTreeMap;

use rss::extension::dublincore::DublinCoreExtension;
use rss::extension::{Extension, ExtensionMap};
use rss::{Category, Channel, Enclosure, Guid, Item, Source};

use quick_xml::escape::partial_escape;

use super::document::gate::{blank, iri, line, rfc822, text, untagged, web_url};
use super::document::{FeedDocument, FeedItem, GENERATOR, VERSION};

/// The feed as UTF-8; the same document always gives the same bytes.
#[must_use]
pub fn write(document: &FeedDocument) -> Vec<u8> {
    let mut namespaces = BTreeMap::from([("atom".to_owned(), "http://www.w3.org/2005/Atom".to_owned())]);
    let items = || document.items.iter();
    for (prefix, namespace, is_used) in [
        ("media", "http://search.yahoo.com/mrss/", items().any(|item| item.picture().is_some())),
        (
            LICENCE,
            "http://backend.userland.com/creativeCommonsRssModule",
            items().any(|item| item.licence.as_deref().and_then(web_url).is_some()),
        ),
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
        items: document.items.iter().map(|item| entry(item, document.item_language(item))).collect(),
        extensions,
        namespaces,
        ..Channel::default()
    };
    // Memory takes every write. Were it not so, the feed would be empty, which the publisher's reading it back refuses.
    let mut bytes = channel.pretty_write_to(Vec::new(), b' ', 1).unwrap_or_default();
    bytes.push(b'\n');
    // Behind the declaration, which the crate writes where it stands on a line of its own or not.
    let declaration = if bytes.starts_with(b"<?xml") { bytes.windows(2).position(|two| two == b"?>").map_or(0, |end| end + 2) } else { 0 };
    let own = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{}", document.style_instruction(&document.urls.rss));
    let after = bytes.iter().skip(declaration).take_while(|byte| byte.is_ascii_whitespace()).count();
    bytes.splice(..declaration + after, own.into_bytes());
    bytes
}

/// What the licence element's namespace is called.
const LICENCE: &str = "creativeCommons";

fn entry(item: &FeedItem, language: Option<&str>) -> Item {
    let mut creators: Vec<String> = item.names().map(Into::into).collect();
    if creators.is_empty() {
        creators.push(item.source.name().into_owned());
    }
    let link = web_url(&item.url);
    let guid = Guid { value: iri(&item.id).into_owned(), permalink: link.is_some() && item.id == item.url };
    let mut extensions = ExtensionMap::new();
    let mut files = item.files();
    // RSS allows one; readers differ on which of several they take.
    let file = files.next();
    if let Some(url) = item.picture() {
        add(&mut extensions, element("media", "thumbnail", [("url", url.to_string())]));
        // Several readers, feed-rs among them, drop the enclosure when they see media:content: only where it says the same.
        if file.as_ref().is_none_or(|(enclosure, ..)| *enclosure == url) {
            add(&mut extensions, element("media", "content", [("url", url.into_owned()), ("medium", "image".to_owned())]));
        }
    }
    if let Some(url) = item.licence.as_deref().and_then(web_url) {
        add(&mut extensions, Extension { value: Some(url.into_owned()), ..element(LICENCE, "license", []) });
    }
    Item {
        title: Some(untagged(&item.headline()).into_owned()),
        link: link.map(Into::into),
        // Text, which a browser shows by the stylesheet; but this element is read as HTML, so its brackets are escaped once more.
        description: (!blank(&item.summary_text)).then(|| partial_escape(text(&item.summary_text)).into_owned()),
        content: item.rich().map(Into::into),
        categories: item
            .categories
            .iter()
            .map(|category| Category { name: text(&category.term).into_owned(), domain: category.scheme().map(Into::into) })
            .collect(),
        enclosure: file.map(|(url, media_type, length_bytes)| Enclosure {
            url: url.into_owned(),
            length: length_bytes.to_string(),
            mime_type: media_type.to_owned(),
        }),
        guid: Some(guid),
        pub_date: Some(rfc822(item.published)),
        source: web_url(&item.source.self_url)
            .map(|url| Source { url: url.into_owned(), title: Some(line(&item.source.name()).into_owned()) }),
        extensions,
        dublin_core_ext: Some(DublinCoreExtension {
            creators,
            languages: language.map(Into::into).into_iter().collect(),
            rights: item.any_rights().map(|notice| text(notice).into_owned()).into_iter().collect(),
            ..DublinCoreExtension::default()
        }),
        ..Item::default()
    }
}

fn link(rel: &str, url: &str, media_type: Option<&str>) -> Extension {
    let mut link = element("atom", "link", [("href", iri(url).into_owned()), ("rel", rel.to_owned())]);
    link.attrs.extend(media_type.map(|media_type| ("type".to_owned(), media_type.to_owned())));
    link
}

fn element<const N: usize>(prefix: &str, name: &str, attributes: [(&str, String); N]) -> Extension {
    let attrs = attributes.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Extension { name: format!("{prefix}:{name}"), attrs, ..Extension::default() }
}

fn add(extensions: &mut ExtensionMap, element: Extension) {
    let Some((prefix, name)) = element.name.split_once(':').map(|(prefix, name)| (prefix.to_owned(), name.to_owned())) else { return };
    extensions.entry(prefix).or_default().entry(name).or_default().push(element);
}

#[cfg(test)]
mod tests {
    use super::super::document::samples::{archive, bare, document, hostile, item};
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
}
