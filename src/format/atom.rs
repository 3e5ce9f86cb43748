//! Writes Atom 1.0.
//!
//! The feed has no author and no rights of its own: entries would inherit them, and they belong to their publishers (RFC 4287
//! sections 4.2.1 and 4.2.10).

use std::borrow::Cow;
use std::collections::BTreeMap;

use atom_syndication::{Feed, FixedDateTime, Generator, Link, Text, WriteConfig};
use chrono::{DateTime, Utc};

use super::document::gate::{blank, iri, line, moment, rfc3339, text, web_url};
use super::document::{FeedDocument, FeedItem, FeedSource, GENERATOR, TDM, VERSION};
use super::markup::{Attribute, Uses, element, indent, insert};
use crate::stage::rights::reservation::RSL_TYPE;

/// The feed as UTF-8; the same document always gives the same bytes.
#[must_use]
pub fn write(document: &FeedDocument) -> Vec<u8> {
    let entries: Vec<String> = document.items.iter().map(|item| entry(item, document.item_language(item))).collect();
    let uses = document.items.iter().fold(Uses::default(), |uses, item| uses.or(Uses::of(item)));
    bind(document, uses, &entries.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A feed of entries that are written already, whatever items the document has; `uses` says what any of them uses.
pub(super) fn bind(document: &FeedDocument, uses: Uses, entries: &[&str]) -> Vec<u8> {
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
        ("media", "http://search.yahoo.com/mrss/", uses.picture),
        ("tdm", TDM, uses.mining),
        ("fh", "http://purl.org/syndication/history/1.0", document.current.is_some()),
        ("at", "http://purl.org/atompub/tombstones/1.0", !document.deleted.is_empty()),
    ] {
        if is_used {
            namespaces.insert(prefix.to_owned(), namespace.to_owned());
        }
    }
    let feed = Feed {
        title: plain(&document.title),
        id: iri(&document.id).into_owned(),
        updated: date(document.updated),
        generator: Some(Generator { value: GENERATOR.0.into(), uri: Some(GENERATOR.1.into()), version: Some(VERSION.into()) }),
        links,
        subtitle: document.subtitle.as_deref().filter(|subtitle| !blank(subtitle)).map(plain),
        namespaces,
        lang: document.language().map(Into::into),
        ..Feed::default()
    };
    // The crate's own declaration names no encoding.
    let declaration = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{}", document.style_instruction(&document.urls.atom));
    // Memory takes every write. Were it not so, the feed would be empty, which the publisher's reading it back refuses.
    let config = WriteConfig { write_document_declaration: false, indent_size: Some(1) };
    let mut head = feed.write_with_config(declaration.into_bytes(), config).unwrap_or_default();
    head.push(b'\n');
    let history = history(document);
    insert(&head, b"</feed>", &history, entries)
}

/// What the crate would write after the entries, where a feed's extensions may not stand (RFC 4287 appendix B).
fn history(document: &FeedDocument) -> String {
    let mut history = String::new();
    if document.current.is_some() {
        element(&mut history, 1, "fh:archive", &[], None);
    }
    for deleted in &document.deleted {
        element(&mut history, 1, "at:deleted-entry", &[("ref", iri(&deleted.id)), ("when", rfc3339(deleted.when).into())], None);
    }
    history
}

/// An item as an element of the feed; `language` where it is not the feed's.
pub(super) fn entry(item: &FeedItem, language: Option<&str>) -> String {
    // What an entry takes without its texts.
    let mut out = String::with_capacity(1_024 + item.title.len() + 2 * item.summary_html.len());
    let spoken = language.map(|language| ("xml:lang", Cow::Borrowed(language)));
    let spoken = spoken.as_slice();
    indent(&mut out, 1);
    out.push_str("<entry>");
    element(&mut out, 2, "title", spoken, Some(&item.headline()));
    element(&mut out, 2, "id", &[], Some(&iri(&item.id)));
    element(&mut out, 2, "updated", &[], Some(&rfc3339(item.updated)));
    let mut has_author = false;
    for name in item.names() {
        person(&mut out, 2, &name);
        has_author = true;
    }
    for category in &item.categories {
        let mut attributes = vec![("term", line(&category.term))];
        attributes.extend(category.scheme().map(|scheme| ("scheme", scheme)));
        attributes.push(("label", line(&category.label)));
        element(&mut out, 2, "category", &attributes, None);
    }
    for (scheme, term, label) in item.declared() {
        element(&mut out, 2, "category", &[("term", term.into()), ("scheme", scheme.into()), ("label", label.into())], None);
    }
    let alternate = web_url(&item.url);
    if let Some(url) = &alternate {
        reference(&mut out, 2, url.clone(), "alternate", &[]);
    }
    for (url, media_type, length_bytes) in item.files() {
        let mut more = vec![("type", Cow::Borrowed(media_type))];
        more.extend((length_bytes > 0).then(|| ("length", Cow::Owned(length_bytes.to_string()))));
        reference(&mut out, 2, url, "enclosure", &more);
    }
    if let Some(url) = item.licence.as_deref().and_then(web_url) {
        reference(&mut out, 2, url, "license", &[]);
    }
    if let Some(url) = item.terms() {
        reference(&mut out, 2, url, "license", &[("type", RSL_TYPE.into())]);
    }
    for other in &item.related {
        let Some(url) = web_url(&other.url) else { continue };
        let title = (!blank(&other.title)).then(|| ("title", line(&other.title)));
        reference(&mut out, 2, url, "related", title.as_slice());
    }
    element(&mut out, 2, "published", &[], Some(&rfc3339(item.published)));
    if let Some(notice) = item.rights.as_deref().filter(|notice| !blank(notice)) {
        element(&mut out, 2, "rights", &[], Some(&text(notice)));
    }
    source(&mut out, &item.source, !has_author);
    // The excerpt as text, which a browser shows by the stylesheet; as HTML only where that says more, or where there is no page: an
    // entry without an alternate link must have content (RFC 4287 section 4.1.2).
    if !blank(&item.summary_text) {
        element(&mut out, 2, "summary", spoken, Some(&text(&item.summary_text)));
    }
    if let Some(html) = item.rich().or_else(|| alternate.is_none().then(|| text(&item.summary_html))) {
        let typed: Vec<Attribute<'_>> = spoken.iter().cloned().chain([("type", "html".into())]).collect();
        element(&mut out, 2, "content", &typed, (!blank(&html)).then_some(&*html));
    }
    // Both ways to name a picture: some readers know only one.
    if let Some(url) = item.picture() {
        element(&mut out, 2, "media:content", &[("medium", "image".into()), ("url", url.clone())], None);
        element(&mut out, 2, "media:thumbnail", &[("url", url)], None);
    }
    if let Some(policy) = item.mining() {
        if let Some(policy) = policy {
            element(&mut out, 2, "tdm:policy", &[], Some(&policy));
        }
        element(&mut out, 2, "tdm:reservation", &[], Some("1"));
    }
    indent(&mut out, 1);
    out.push_str("</entry>");
    out
}

/// The entry's provenance; its author too where the entry names none, or it would have no author at all (RFC 4287 section 4.1.2).
fn source(out: &mut String, source: &FeedSource, is_author: bool) {
    indent(out, 2);
    out.push_str("<source>");
    element(out, 3, "title", &[], Some(&source.name()));
    element(out, 3, "id", &[], Some(&iri(&source.id)));
    element(out, 3, "updated", &[], Some(&rfc3339(source.updated)));
    if is_author {
        person(out, 3, &source.name());
    }
    for (rel, url) in [("self", Some(&source.self_url)), ("alternate", source.alternate_url.as_ref())] {
        if let Some(url) = url.and_then(|url| web_url(url)) {
            reference(out, 3, url, rel, &[]);
        }
    }
    if let Some(notice) = source.rights.as_deref().filter(|notice| !blank(notice)) {
        element(out, 3, "rights", &[], Some(&text(notice)));
    }
    indent(out, 2);
    out.push_str("</source>");
}

fn person(out: &mut String, depth: usize, name: &str) {
    indent(out, depth);
    out.push_str("<author>");
    element(out, depth + 1, "name", &[], Some(name));
    indent(out, depth);
    out.push_str("</author>");
}

fn reference(out: &mut String, depth: usize, url: Cow<'_, str>, rel: &'static str, more: &[Attribute<'_>]) {
    let mut attributes = Vec::with_capacity(2 + more.len());
    attributes.extend([("href", url), ("rel", rel.into())]);
    attributes.extend(more.iter().cloned());
    element(out, depth, "link", &attributes, None);
}

fn link(rel: &str, url: &str, media_type: &str) -> Link {
    Link { href: iri(url).into_owned(), rel: rel.into(), mime_type: Some(media_type.into()), ..Link::default() }
}

fn plain(value: &str) -> Text {
    Text { value: text(value).into_owned(), ..Text::default() }
}

fn date(when: DateTime<Utc>) -> FixedDateTime {
    moment(when).fixed_offset()
}

#[cfg(test)]
mod tests {
    use super::super::document::samples::{archive, bare, declared, document, item};
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
                "<updated>2026-11-20T08:00:00Z</updated>",
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
        assert!(with.contains("<media:content medium=\"image\" url=\"https://news.example/a.jpg?w=1&amp;h=2\"/>"), "{with}");
        assert!(with.contains("xmlns:media=") && with.contains("<media:thumbnail url=\"https://news.example/a.jpg?w=1&amp;h=2\"/>"));
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

    #[test]
    fn what_is_declared_is_passed_on() {
        let xml = written(vec![declared()]);
        for part in [
            "xmlns:tdm=\"http://www.w3.org/ns/tdmrep/\"",
            "#promotion\" label=\"Press release\"/>",
            "<category term=\"noai\" scheme=",
            "<link href=\"https://news.example/l.xml?a=1&amp;b=2\" rel=\"license\" type=\"application/rsl+xml\"/>",
            "<tdm:policy>https://news.example/p.json</tdm:policy>",
            "<tdm:reservation>1</tdm:reservation>",
        ] {
            assert!(xml.contains(part), "{part} in {xml}");
        }
        assert!(!written(vec![item(1)]).contains("tdm"));
    }
}
