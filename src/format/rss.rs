//! Writes RSS 2.0.
//!
//! Titles have no type in RSS, so they go through `untagged`.

use std::collections::BTreeMap;

use rss::extension::dublincore::DublinCoreExtension;
use rss::extension::{Extension, ExtensionMap};
use rss::{Category, Channel, Enclosure, Guid, Item, Source};

use super::document::gate::{blank, iri, line, rfc822, text, untagged, web_url};
use super::document::{FeedDocument, FeedItem, GENERATOR, VERSION};

/// The feed as UTF-8; the same document always gives the same bytes.
#[must_use]
pub fn write(document: &FeedDocument) -> Vec<u8> {
    let mut namespaces = BTreeMap::from([("atom".to_owned(), "http://www.w3.org/2005/Atom".to_owned())]);
    if document.items.iter().any(|item| item.image.as_deref().and_then(web_url).is_some()) {
        namespaces.insert("media".to_owned(), "http://search.yahoo.com/mrss/".to_owned());
    }
    let own_url = [("href", iri(&document.rss_url).into_owned()), ("rel", "self".into()), ("type", "application/rss+xml".into())];
    let channel = Channel {
        title: untagged(&document.title).into_owned(),
        link: iri(&document.page_url).into_owned(),
        description: untagged(document.subtitle.as_deref().filter(|subtitle| !blank(subtitle)).unwrap_or(&document.title)).into_owned(),
        language: document.language().map(Into::into),
        last_build_date: Some(rfc822(document.updated)),
        generator: Some(format!("{} {VERSION} ({})", GENERATOR.0, GENERATOR.1)),
        docs: Some("https://www.rssboard.org/rss-specification".into()),
        items: document.items.iter().map(|item| entry(item, document.item_language(item))).collect(),
        extensions: extension("atom", "link", own_url),
        namespaces,
        ..Channel::default()
    };
    // Memory takes every write. Were it not so, the feed would be empty, which the publisher's reading it back refuses.
    let mut bytes = channel.pretty_write_to(Vec::new(), b' ', 1).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn entry(item: &FeedItem, language: Option<&str>) -> Item {
    let mut creators: Vec<String> = item.names().map(Into::into).collect();
    if creators.is_empty() {
        creators.push(item.source.name().into_owned());
    }
    let link = web_url(&item.url);
    let guid = Guid { value: iri(&item.id).into_owned(), permalink: link.is_some() && item.id == item.url };
    Item {
        title: Some(untagged(&item.headline()).into_owned()),
        link: link.map(Into::into),
        description: (!blank(&item.summary_html)).then(|| text(&item.summary_html).into_owned()),
        categories: item
            .categories
            .iter()
            .map(|category| Category { name: text(&category.term).into_owned(), domain: category.scheme().map(Into::into) })
            .collect(),
        // RSS allows one; readers differ on which of several they take.
        enclosure: item.files().next().map(|(url, file)| Enclosure {
            url: url.into_owned(),
            length: file.length_bytes.to_string(),
            mime_type: file.media_type.clone(),
        }),
        guid: Some(guid),
        pub_date: Some(rfc822(item.published)),
        source: web_url(&item.source.self_url)
            .map(|url| Source { url: url.into_owned(), title: Some(line(&item.source.name()).into_owned()) }),
        // No media:content: several readers, feed-rs among them, drop the enclosure when they see one.
        extensions: item
            .image
            .as_deref()
            .and_then(web_url)
            .map(|url| extension("media", "thumbnail", [("url", url.into_owned())]))
            .unwrap_or_default(),
        dublin_core_ext: Some(DublinCoreExtension {
            creators,
            languages: language.map(Into::into).into_iter().collect(),
            rights: item.any_rights().map(|notice| text(notice).into_owned()).into_iter().collect(),
            ..DublinCoreExtension::default()
        }),
        ..Item::default()
    }
}

fn extension<const N: usize>(prefix: &str, name: &str, attributes: [(&str, String); N]) -> ExtensionMap {
    let attrs = attributes.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let element = Extension { name: format!("{prefix}:{name}"), attrs, ..Extension::default() };
    BTreeMap::from([(prefix.to_owned(), BTreeMap::from([(name.to_owned(), vec![element])]))])
}

#[cfg(test)]
mod tests {
    use super::super::document::samples::{bare, document, hostile, item};
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
            assert_eq!(read.description.as_deref().unwrap_or_default(), super::text(&written.summary_html));
        }
    }
}
