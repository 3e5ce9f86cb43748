//! The same entries by the libraries, for comparison: what is written by hand must read as what they write.

mod atom {
    use std::borrow::Cow;
    use std::collections::BTreeMap;

    use atom_syndication::extension::{Extension, ExtensionMap};
    use atom_syndication::{Category, Content, Entry, FixedDateTime, Link, Person, Source, Text};
    use chrono::{DateTime, Utc};
    use quick_xml::escape::escape;

    use crate::format::document::gate::{blank, iri, line, moment, text, web_url};
    use crate::format::document::{FeedItem, FeedSource};
    use crate::stage::rights::reservation::RSL_TYPE;

    pub(super) fn entry(item: &FeedItem, language: Option<&str>) -> Entry {
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
        links.extend(item.terms().map(|url| link("license", &url, RSL_TYPE)));
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
                .chain(item.declared().map(|(scheme, term, label)| Category {
                    term: term.into(),
                    scheme: Some(scheme.into()),
                    label: Some(label.into()),
                }))
                .collect(),
            links,
            published: Some(date(item.published)),
            rights: item.rights.as_deref().filter(|notice| !blank(notice)).map(|notice| plain(notice, None)),
            source: Some(source(&item.source, authors.is_empty())),
            authors,
            summary,
            content,
            extensions: item.picture().map(|url| picture(&url)).into_iter().chain(item.mining().map(mining)).flatten().collect(),
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
        let element =
            |name: &str, attrs: BTreeMap<String, String>| Extension { name: format!("media:{name}"), attrs, ..Extension::default() };
        let content = element("content", BTreeMap::from([url(), ("medium".to_owned(), "image".to_owned())]));
        let thumbnail = element("thumbnail", BTreeMap::from([url()]));
        let elements = BTreeMap::from([("content".to_owned(), vec![content]), ("thumbnail".to_owned(), vec![thumbnail])]);
        BTreeMap::from([("media".to_owned(), elements)])
    }

    fn mining(policy: Option<Cow<'_, str>>) -> ExtensionMap {
        let element = |name: &str, value: String| Extension { name: format!("tdm:{name}"), value: Some(value), ..Extension::default() };
        let policy = policy.map(|url| ("policy".to_owned(), vec![element("policy", url.into_owned())]));
        let reservation = ("reservation".to_owned(), vec![element("reservation", "1".to_owned())]);
        BTreeMap::from([("tdm".to_owned(), policy.into_iter().chain([reservation]).collect())])
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
}

mod rss {
    use quick_xml::escape::partial_escape;
    use rss::extension::dublincore::DublinCoreExtension;
    use rss::extension::{Extension, ExtensionMap};
    use rss::{Category, Enclosure, Guid, Item, Source};

    use crate::format::document::FeedItem;
    use crate::format::document::gate::{blank, iri, line, rfc822, text, untagged, web_url};
    use crate::format::rss::{LICENCE, add, element};
    use crate::stage::rights::reservation::RSL_TYPE;

    pub(super) fn entry(item: &FeedItem, language: Option<&str>) -> Item {
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
        if let Some(url) = item.terms() {
            let attributes = [("href", url.into_owned()), ("rel", "license".to_owned()), ("type", RSL_TYPE.to_owned())];
            add(&mut extensions, element("atom", "link", attributes));
        }
        if let Some(policy) = item.mining() {
            if let Some(policy) = policy {
                add(&mut extensions, Extension { value: Some(policy.into_owned()), ..element("tdm", "policy", []) });
            }
            add(&mut extensions, Extension { value: Some("1".to_owned()), ..element("tdm", "reservation", []) });
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
                .chain(item.declared().map(|(scheme, term, _)| Category { name: term.into(), domain: Some(scheme.into()) }))
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
}

use proptest::prelude::*;

use crate::format::document::FeedDocument;
use crate::format::document::samples::{any_items, document, hostile, wild_items};

/// As the library that reads it sees it, the libraries' own writing gone through their reading too.
fn atom_entries(entries: Vec<atom_syndication::Entry>, document: &FeedDocument) -> Vec<atom_syndication::Entry> {
    let namespaces = [("media", "http://search.yahoo.com/mrss/"), ("tdm", "http://www.w3.org/ns/tdmrep/")];
    let namespaces = namespaces.map(|(prefix, url)| (prefix.to_owned(), url.to_owned())).into_iter().collect();
    let feed = atom_syndication::Feed { entries, namespaces, id: document.id.clone(), ..atom_syndication::Feed::default() };
    atom_syndication::Feed::read_from(feed.to_string().as_bytes()).unwrap().entries
}

fn rss_items(items: Vec<::rss::Item>) -> Vec<::rss::Item> {
    let namespace = |(prefix, url): (&str, &str)| (prefix.to_owned(), url.to_owned());
    let namespaces = [
        ("media", "http://search.yahoo.com/mrss/"),
        ("creativeCommons", "http://backend.userland.com/creativeCommonsRssModule"),
        ("atom", "http://www.w3.org/2005/Atom"),
        ("tdm", "http://www.w3.org/ns/tdmrep/"),
    ];
    let channel = ::rss::Channel { items, namespaces: namespaces.into_iter().map(namespace).collect(), ..::rss::Channel::default() };
    ::rss::Channel::read_from(channel.to_string().as_bytes()).unwrap().items
}

fn compare(document: &FeedDocument) {
    let entries = document.items.iter().map(|item| atom::entry(item, document.item_language(item))).collect();
    let ours = atom_syndication::Feed::read_from(super::atom::write(document).as_slice()).unwrap();
    assert_eq!(ours.entries, atom_entries(entries, document));
    let items = document.items.iter().map(|item| rss::entry(item, document.item_language(item))).collect();
    let ours = ::rss::Channel::read_from(super::rss::write(document).as_slice()).unwrap();
    assert_eq!(ours.items, rss_items(items));
}

proptest! {
    #[test]
    fn what_is_written_reads_as_what_the_libraries_write(items in any_items()) {
        compare(&document(items));
    }

    #[test]
    fn so_does_what_is_wild(items in wild_items()) {
        compare(&document(items));
    }
}

#[test]
fn and_what_is_hostile() {
    compare(&document(hostile()));
}
