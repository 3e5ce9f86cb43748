//! Writes Atom 1.0.
//!
//! The feed has no author and no rights of its own: entries would inherit them, and they belong to their publishers (RFC 4287
//! sections 4.2.1 and 4.2.10).

use std::borrow::Cow;
use std::collections::BTreeMap;

use atom_syndication::extension::{Extension, ExtensionMap};
use atom_syndication::{Category, Content, Entry, Feed, FixedDateTime, Generator, Link, Person, Source, Text, WriteConfig};
use chrono::{DateTime, Utc};
use quick_xml::escape::escape;

use super::document::gate::{blank, iri, line, moment, rfc3339, text, web_url};
use super::document::{FeedDocument, FeedItem, FeedSource, GENERATOR, VERSION};

/// The feed as UTF-8; the same document always gives the same bytes.
#[must_use]
pub fn write(document: &FeedDocument) -> Vec<u8> {
    let mut links = vec![link("self", &document.urls.atom, "application/atom+xml")];
    // The page comes first: readers that know one alternate only take the first.
    links.push(link("alternate", &document.page_url, "text/html"));
    links.push(link("alternate", &document.urls.rss, "application/rss+xml"));
    links.push(link("alternate", &document.urls.json, "application/feed+json"));
    for (rel, urls) in [("current", &document.current), ("prev-archive", &document.prev), ("next-archive", &document.next)] {
        links.extend(urls.iter().map(|urls| link(rel, &urls.atom, "application/atom+xml")));
    }
    links.extend(document.hubs().map(|url| Link { href: url.into_owned(), rel: "hub".into(), ..Link::default() }));
    let mut namespaces = BTreeMap::new();
    for (prefix, namespace, is_used) in [
        ("media", "http://search.yahoo.com/mrss/", document.items.iter().any(|item| item.picture().is_some())),
        ("fh", "http://purl.org/syndication/history/1.0", document.current.is_some()),
        ("at", "http://purl.org/atompub/tombstones/1.0", !document.deleted.is_empty()),
    ] {
        if is_used {
            namespaces.insert(prefix.to_owned(), namespace.to_owned());
        }
    }
    let feed = Feed {
        title: plain(&document.title, None),
        id: iri(&document.id).into_owned(),
        updated: date(document.updated),
        generator: Some(Generator { value: GENERATOR.0.into(), uri: Some(GENERATOR.1.into()), version: Some(VERSION.into()) }),
        links,
        subtitle: document.subtitle.as_deref().filter(|subtitle| !blank(subtitle)).map(|subtitle| plain(subtitle, None)),
        entries: document.items.iter().map(|item| entry(item, document.item_language(item))).collect(),
        namespaces,
        lang: document.language().map(Into::into),
        ..Feed::default()
    };
    // The crate's own declaration names no encoding.
    let declaration = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{}", document.style_instruction(&document.urls.atom));
    // Memory takes every write. Were it not so, the feed would be empty, which the publisher's reading it back refuses.
    let config = WriteConfig { write_document_declaration: false, indent_size: Some(1) };
    let mut bytes = feed.write_with_config(declaration.into_bytes(), config).unwrap_or_default();
    insert_history(&mut bytes, document);
    bytes.push(b'\n');
    bytes
}

/// Puts in what the crate would write after the entries, where a feed's extensions may not stand (RFC 4287 appendix B).
fn insert_history(bytes: &mut Vec<u8>, document: &FeedDocument) {
    let mut history = String::new();
    if document.current.is_some() {
        history.push_str(" <fh:archive/>\n");
    }
    for deleted in &document.deleted {
        let (id, when) = (iri(&deleted.id), rfc3339(deleted.when));
        history.push_str(&format!(" <at:deleted-entry ref=\"{}\" when=\"{when}\"/>\n", escape(id)));
    }
    if history.is_empty() {
        return;
    }
    // No text holds this: its brackets are escaped.
    let find = |needle: &[u8]| bytes.windows(needle.len()).position(|window| window == needle);
    if let Some(at) = find(b" <entry>").or_else(|| find(b"</feed>")) {
        bytes.splice(at..at, history.into_bytes());
    }
}

fn entry(item: &FeedItem, language: Option<&str>) -> Entry {
    let mut links = Vec::with_capacity(1 + item.enclosures.len());
    let alternate = web_url(&item.url);
    if let Some(url) = &alternate {
        links.push(Link { href: url.clone().into_owned(), rel: "alternate".into(), ..Link::default() });
    }
    links.extend(item.files().map(|(url, media_type, length_bytes)| Link {
        length: (length_bytes > 0).then(|| length_bytes.to_string()),
        ..link("enclosure", &url, media_type)
    }));
    links.extend(item.licence.as_deref().and_then(web_url).map(|url| Link {
        href: url.into_owned(),
        rel: "license".into(),
        ..Link::default()
    }));
    links.extend(item.related.iter().filter_map(|other| {
        let href = web_url(&other.url)?.into_owned();
        Some(Link {
            href,
            rel: "related".into(),
            title: (!blank(&other.title)).then(|| line(&other.title).into_owned()),
            ..Link::default()
        })
    }));
    let authors: Vec<Person> = item.names().map(|name| person(&name)).collect();
    // The excerpt as text, which a browser shows by the stylesheet; as HTML only where that says more, or where there is no page: an
    // entry without an alternate link must have content (RFC 4287 section 4.1.2).
    let summary = (!blank(&item.summary_text)).then(|| plain(&item.summary_text, language));
    let html = item.rich().map(Cow::into_owned);
    let html = html.or_else(|| alternate.is_none().then(|| text(&item.summary_html).into_owned()));
    let content = html.map(|value| Content {
        value: (!blank(&value)).then_some(value),
        lang: language.map(Into::into),
        content_type: Some("html".into()),
        ..Content::default()
    });
    Entry {
        title: plain(&item.headline(), language),
        id: iri(&item.id).into_owned(),
        updated: date(item.updated),
        categories: item
            .categories
            .iter()
            .map(|category| Category {
                term: line(&category.term).into_owned(),
                scheme: category.scheme().map(Into::into),
                label: Some(line(&category.label).into_owned()),
            })
            .collect(),
        links,
        published: Some(date(item.published)),
        rights: item.rights.as_deref().filter(|notice| !blank(notice)).map(|notice| plain(notice, None)),
        source: Some(source(&item.source, authors.is_empty())),
        authors,
        summary,
        content,
        extensions: item.picture().map(|url| picture(&url)).unwrap_or_default(),
        ..Entry::default()
    }
}

/// The entry's provenance; its author too where the entry names none, or it would have no author at all (RFC 4287 section 4.1.2).
fn source(source: &FeedSource, is_author: bool) -> Source {
    let mut links = Vec::new();
    for (rel, url) in [("self", Some(&source.self_url)), ("alternate", source.alternate_url.as_ref())] {
        if let Some(url) = url.and_then(|url| web_url(url)) {
            links.push(Link { href: url.into_owned(), rel: rel.into(), ..Link::default() });
        }
    }
    Source {
        title: plain(&source.name(), None),
        id: iri(&source.id).into_owned(),
        updated: date(source.updated),
        authors: if is_author { vec![person(&source.name())] } else { Vec::new() },
        links,
        rights: source.rights.as_deref().filter(|notice| !blank(notice)).map(|notice| plain(notice, None)),
        ..Source::default()
    }
}

/// Both ways to name a picture: some readers know only one.
fn picture(url: &str) -> ExtensionMap {
    // The crate writes an extension's attributes unescaped.
    let url = || ("url".to_owned(), escape(url).into_owned());
    let element = |name: &str, attrs: BTreeMap<String, String>| Extension { name: format!("media:{name}"), attrs, ..Extension::default() };
    let content = element("content", BTreeMap::from([url(), ("medium".to_owned(), "image".to_owned())]));
    let thumbnail = element("thumbnail", BTreeMap::from([url()]));
    let elements = BTreeMap::from([("content".to_owned(), vec![content]), ("thumbnail".to_owned(), vec![thumbnail])]);
    BTreeMap::from([("media".to_owned(), elements)])
}

fn link(rel: &str, url: &str, media_type: &str) -> Link {
    Link { href: iri(url).into_owned(), rel: rel.into(), mime_type: Some(media_type.into()), ..Link::default() }
}

fn person(name: &str) -> Person {
    Person { name: name.into(), ..Person::default() }
}

fn plain(value: &str, language: Option<&str>) -> Text {
    Text { value: text(value).into_owned(), lang: language.map(Into::into), ..Text::default() }
}

fn date(when: DateTime<Utc>) -> FixedDateTime {
    moment(when).fixed_offset()
}

#[cfg(test)]
mod tests {
    use super::super::document::samples::{archive, bare, document, item};
    use super::*;

    fn written(items: Vec<FeedItem>) -> String {
        String::from_utf8(write(&document(items))).unwrap()
    }

    #[test]
    fn the_source_is_kept_whole() {
        let xml = written(vec![item(1)]);
        let source = xml.split_once("<source>").unwrap().1.split_once("</source>").unwrap().0;
        let lines: Vec<&str> = source.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert_eq!(
            lines,
            [
                "<title>Example News</title>",
                "<id>https://news.example/feed</id>",
                "<updated>2026-11-20T08:00:00+00:00</updated>",
                "<link href=\"https://news.example/feed?a=1&amp;b=2\" rel=\"self\"/>",
                "<link href=\"https://news.example/\" rel=\"alternate\"/>",
                "<rights>© 2026 Example News</rights>",
            ]
        );
    }

    #[test]
    fn the_source_is_author_only_where_no_one_else_is() {
        assert_eq!(written(vec![item(1)]).matches("<author>").count(), 2);
        let feed = Feed::read_from(write(&document(vec![bare()])).as_slice()).unwrap();
        assert_eq!(feed.authors, []);
        assert_eq!(feed.entries[0].authors, []);
        assert_eq!(feed.entries[0].source.as_ref().unwrap().authors[0].name, "Example News");
    }

    #[test]
    fn html_is_escaped_once() {
        assert!(written(vec![item(1)]).contains(
            "<content xml:lang=\"en-GB\" type=\"html\">&lt;p&gt;Three hospitals &amp;amp; one question: &lt;em&gt;who&lt;/em&gt; reads the record?&lt;/p&gt;</content>"
        ));
    }

    #[test]
    fn an_entry_without_a_page_has_content() {
        let feed = Feed::read_from(write(&document(vec![FeedItem { url: "javascript:alert(1)".into(), ..item(1) }])).as_slice()).unwrap();
        assert_eq!(feed.entries[0].links.iter().filter(|link| link.rel == "alternate").count(), 0);
        assert_eq!(feed.entries[0].content.as_ref().unwrap().value.as_deref(), Some(item(1).summary_html.as_str()));
    }

    #[test]
    fn categories_share_the_scheme_of_the_site() {
        let feed = Feed::read_from(write(&document(vec![item(1)])).as_slice()).unwrap();
        let category = &feed.entries[0].categories[1];
        assert_eq!(category.term, "Health: Community Health");
        assert_eq!(category.scheme.as_deref(), Some("https://planet.example/topic/"));
        assert_eq!(category.label.as_deref(), Some("Community Health"));
    }

    #[test]
    fn pictures_and_their_namespace_come_together() {
        let with = written(vec![item(1)]);
        assert!(with.contains("rel=\"enclosure\" type=\"image/jpeg\""), "{with}");
        assert!(with.contains("<media:content medium=\"image\" url=\"https://news.example/a.jpg?w=1&amp;h=2\">"), "{with}");
        assert!(with.contains("xmlns:media=") && with.contains("<media:thumbnail url=\"https://news.example/a.jpg?w=1&amp;h=2\">"));
        assert!(!written(vec![bare()]).contains("media"));
    }

    #[test]
    fn only_another_language_is_named() {
        let xml = written(vec![FeedItem { language: Some("EN".into()), ..item(1) }, FeedItem { language: Some("de".into()), ..item(2) }]);
        // Title, summary and content.
        assert_eq!(xml.matches("xml:lang=\"de\"").count(), 3);
        assert_eq!(xml.matches("xml:lang=").count(), 4);
    }

    #[test]
    fn an_archive_names_its_neighbours_and_what_is_gone() {
        let xml = String::from_utf8(write(&archive(vec![item(1)]))).unwrap();
        let head = &xml[..xml.find("<entry>").unwrap()];
        let folder = "https://planet.example/topic/health-digital-health";
        for part in [
            "<?xml-stylesheet type=\"text/css\" href=\"../../../feed.css\"?>".to_owned(),
            " <fh:archive/>\n".to_owned(),
            format!("href=\"{folder}/archive/2026-10.atom\" rel=\"self\""),
            format!("href=\"{folder}/archive/2026-09-2.atom\" rel=\"prev-archive\""),
            format!("href=\"{folder}/archive/2026-10-2.atom\" rel=\"next-archive\""),
            format!("href=\"{folder}/feed.atom\" rel=\"current\""),
            "<at:deleted-entry ref=\"https://news.example/gone?a=1&amp;b=2\" when=\"2026-11-20T09:00:00Z\"/>".to_owned(),
        ] {
            assert!(head.contains(&part), "{part} in {head}");
        }
        let current = String::from_utf8(write(&document(vec![item(1)]))).unwrap();
        assert!(!current.contains("fh:") && !current.contains("at:deleted") && !current.contains("rel=\"current\""));
    }

    #[test]
    fn hubs_are_named() {
        let document = FeedDocument { hub_urls: vec!["https://hub.example/?a&b".into(), "javascript:x".into()], ..document(Vec::new()) };
        let xml = String::from_utf8(write(&document)).unwrap();
        assert_eq!(xml.matches("rel=\"hub\"").count(), 1);
        assert!(xml.contains("<link href=\"https://hub.example/?a&amp;b\" rel=\"hub\"/>"), "{xml}");
    }

    #[test]
    fn a_licence_is_passed_on() {
        assert!(written(vec![item(1)]).contains("<link href=\"https://creativecommons.org/licenses/by/4.0/\" rel=\"license\"/>"));
    }
}
