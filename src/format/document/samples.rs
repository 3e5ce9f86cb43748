//! Documents for the writers' tests.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

pub(crate) fn at(stamp: &str) -> DateTime<Utc> {
    stamp.parse().unwrap()
}

pub(crate) fn source() -> FeedSource {
    FeedSource {
        id: "https://news.example/feed".into(),
        title: "Example News".into(),
        updated: at("2026-11-20T08:00:00Z"),
        self_url: "https://news.example/feed?a=1&b=2".into(),
        alternate_url: Some("https://news.example/".into()),
        rights: Some("© 2026 Example News".into()),
    }
}

pub(crate) fn category(label: &str) -> FeedCategory {
    let slug = label.to_lowercase().replace(' ', "-");
    FeedCategory { term: format!("Health: {label}"), label: label.into(), url: format!("https://planet.example/topic/health-{slug}/") }
}

pub(crate) fn item(number: u32) -> FeedItem {
    FeedItem {
        id: format!("urn:uuid:00000000-0000-5000-8000-{number:012}"),
        title: format!("Hospitals share what they learn, part {number}"),
        url: format!("https://news.example/story?number={number}&page=1"),
        published: at("2026-11-18T09:30:00Z"),
        updated: at("2026-11-18T09:30:00Z"),
        authors: vec!["Ada Writer".into(), "Bo Reporter".into()],
        summary_html: "<p>Three hospitals &amp; one question: <em>who</em> reads the record?</p>".into(),
        summary_text: "Three hospitals & one question: who reads the record?".into(),
        categories: vec![category("Digital Health"), category("Community Health")],
        enclosures: vec![Enclosure {
            url: "https://news.example/a.mp3?x=1&y=2".into(),
            media_type: "audio/mpeg".into(),
            length_bytes: 1234,
        }],
        image: Some("https://news.example/a.jpg?w=1&h=2".into()),
        language: Some("en-GB".into()),
        rights: Some("CC BY 4.0".into()),
        licence: Some("https://creativecommons.org/licenses/by/4.0/".into()),
        attribution: None,
        reservation: None,
        promotion: None,
        source: source(),
        related: Vec::new(),
    }
}

pub(crate) fn document(items: Vec<FeedItem>) -> FeedDocument {
    FeedDocument {
        id: "https://planet.example/topic/health-digital-health/".into(),
        title: "Digital Health".into(),
        subtitle: Some("Care that happens on screens".into()),
        page_url: "https://planet.example/topic/health-digital-health/".into(),
        urls: Urls::of("https://planet.example/topic/health-digital-health/", "feed"),
        style_url: "https://planet.example/feed.css".into(),
        prev: None,
        next: None,
        current: None,
        hub_urls: Vec::new(),
        language: "en".into(),
        updated: at("2026-11-20T10:00:00Z"),
        items: items.into_iter().map(Arc::new).collect(),
        deleted: Vec::new(),
    }
}

/// An archive document in the middle of a feed's history.
pub(crate) fn archive(items: Vec<FeedItem>) -> FeedDocument {
    let folder = "https://planet.example/topic/health-digital-health/archive/";
    let current = document(Vec::new()).urls;
    FeedDocument {
        urls: Urls::of(folder, "2026-10"),
        prev: Some(Urls::of(folder, "2026-09-2")),
        next: Some(Urls::of(folder, "2026-10-2")),
        current: Some(current),
        deleted: vec![DeletedEntry { id: "https://news.example/gone?a=1&b=2".into(), when: at("2026-11-20T09:00:00Z") }],
        ..document(items)
    }
}

/// An item of which its publisher declares everything that can be declared.
pub(crate) fn declared() -> FeedItem {
    FeedItem {
        attribution: Some("“Part 1” by Ada Writer, Example News, CC BY 4.0".into()),
        reservation: Some(Reservation {
            rsl: Some("https://news.example/l.xml?a=1&b=2".into()),
            mining: true,
            policy: Some("https://news.example/p.json".into()),
            noai: true,
            noimageai: false,
        }),
        promotion: Some(Promotion::PressRelease),
        ..item(1)
    }
}

/// An item with as little as an item can have.
pub(crate) fn bare() -> FeedItem {
    FeedItem {
        authors: Vec::new(),
        summary_html: String::new(),
        summary_text: String::new(),
        categories: Vec::new(),
        enclosures: Vec::new(),
        image: None,
        language: None,
        rights: None,
        licence: None,
        source: FeedSource { alternate_url: None, rights: None, ..source() },
        ..item(900)
    }
}

/// Items whose every text tries to break out of its place.
pub(crate) fn hostile() -> Vec<FeedItem> {
    let texts = [
        "<script>alert(1)</script>",
        "</title></entry><id>urn:hijack</id>",
        "a ]]> b <![CDATA[ c ]]]]>",
        "\"quoted\" & 'single' &amp; &lt;b&gt; &#x3C;",
        "How to use <b> and <br/> in a title",
        "1 < 2 > 1, x<y",
        "\u{0}\u{1}\u{8}\u{b}\u{c}\u{1f}\u{fffe}\u{ffff}",
        "line\r\nbreak\rand\ttab\u{2028}",
        "\u{202e}reversed\u{202c} מזון בריא 👩‍⚕️ 健康",
        "-->  <!-- ?> <?php",
        " \u{a0} ",
    ];
    let mut items: Vec<FeedItem> = texts
        .iter()
        .zip(100..)
        .map(|(text, number)| FeedItem {
            title: (*text).into(),
            authors: vec![(*text).into(), " ".into()],
            summary_html: format!("<p>{}</p>", ammonia::clean_text(text)),
            summary_text: (*text).into(),
            categories: vec![FeedCategory { term: (*text).into(), label: (*text).into(), ..category("Odd") }],
            enclosures: vec![Enclosure { url: (*text).into(), media_type: (*text).into(), length_bytes: u64::MAX }],
            image: Some((*text).into()),
            language: Some((*text).into()),
            rights: Some((*text).into()),
            licence: Some((*text).into()),
            attribution: Some((*text).into()),
            reservation: Some(Reservation {
                rsl: Some((*text).into()),
                mining: true,
                policy: Some((*text).into()),
                noai: true,
                noimageai: true,
            }),
            promotion: Some(Promotion::Sponsored),
            source: FeedSource { title: (*text).into(), rights: Some((*text).into()), ..source() },
            ..item(number)
        })
        .collect();
    let urls = ["javascript:alert(1)", "https://", "//e.example/", "https://e.example/{a}|b^`c d\"<x>\\", "data:text/html,x", ""];
    items.extend(urls.iter().zip(200..).map(|(url, number)| FeedItem {
        url: (*url).into(),
        image: Some((*url).into()),
        enclosures: vec![Enclosure { url: (*url).into(), media_type: "audio/mpeg".into(), length_bytes: 0 }],
        source: FeedSource { self_url: (*url).into(), alternate_url: Some((*url).into()), ..source() },
        ..item(number)
    }));
    items.push(FeedItem { published: DateTime::<Utc>::MAX_UTC, updated: DateTime::<Utc>::MIN_UTC, ..bare() });
    items
}

pub(crate) fn topics() -> Vec<TopicLine> {
    ["Health: Digital Health", "Health: Community Health", "News: A, B/C & <D>", "Unfiled"]
        .iter()
        .zip(["health-digital-health", "health-community-health", "news-a-b-c-and-d", "unfiled"])
        .map(|(category, slug)| TopicLine {
            category: (*category).into(),
            slug: slug.into(),
            description: Some("What \"is\" said".into()),
            records: 1234,
            updated: None,
        })
        .collect()
}

/// Any characters at all, those that mean something in XML, HTML and JSON more often.
pub(crate) fn any_text() -> impl Strategy<Value = String> {
    let telling =
        prop::sample::select("<>&\"'[]!-/?;#x:= \r\n\t\\{}\u{0}\u{1}\u{fffe}\u{ffff}\u{feff}\u{85}ab".chars().collect::<Vec<_>>());
    vec(prop_oneof![any::<char>(), telling], 0..24).prop_map(|characters| characters.into_iter().collect())
}

pub(crate) fn any_moment() -> impl Strategy<Value = DateTime<Utc>> {
    (0..253_402_300_800_i64).prop_map(|seconds| DateTime::from_timestamp(seconds, 0).unwrap())
}

/// Items whose texts are anything, their ids distinct and their addresses good.
pub(crate) fn any_items() -> impl Strategy<Value = Vec<FeedItem>> {
    let texts = (any_text(), any_text(), vec(any_text(), 0..3), option::of(any_text()), any_text(), option::of(any_text()));
    let item = (texts, any_moment(), any_moment(), "[a-z0-9_~-]{0,12}(\\?[a-z]=[a-z&;+]{0,9})?").prop_map(
        |((title, summary, authors, rights, source_title, language), published, updated, path)| FeedItem {
            title,
            url: format!("https://news.example/{path}"),
            published,
            updated,
            authors,
            summary_html: format!("<p>{}</p>", ammonia::clean_text(&summary)),
            summary_text: summary,
            rights: rights.clone(),
            language,
            source: FeedSource { title: source_title, rights, ..source() },
            ..item(0)
        },
    );
    vec(item, 0..4).prop_map(|mut items| {
        for (item, number) in items.iter_mut().zip(0..) {
            item.id = self::item(number).id;
        }
        items
    })
}

/// Items in which addresses, ids, categories and files are anything too.
pub(crate) fn wild_items() -> impl Strategy<Value = Vec<FeedItem>> {
    let wild = || prop_oneof![any_text(), any_text().prop_map(|text| format!("https://e.example/{text}"))];
    (any_items(), vec((wild(), wild(), wild(), any_text()), 4)).prop_map(|(mut items, values)| {
        for (item, (url, id, image, term)) in items.iter_mut().zip(values) {
            item.enclosures = vec![Enclosure { url: url.clone(), media_type: term.clone(), length_bytes: 0 }];
            item.attribution = Some(term.clone());
            item.reservation = Some(Reservation {
                rsl: Some(url.clone()),
                mining: term.len() % 2 == 0,
                policy: Some(image.clone()),
                noai: term.len() % 3 == 0,
                noimageai: false,
            });
            item.promotion = Some(Promotion::PressRelease).filter(|_| term.len() % 5 == 0);
            item.categories = vec![FeedCategory { label: term.clone(), url: image.clone(), term }];
            item.source = FeedSource { id: id.clone(), self_url: url.clone(), alternate_url: Some(image.clone()), ..item.source.clone() };
            (item.url, item.id, item.image) = (url, id, Some(image));
        }
        items
    })
}

/// The text as an XML reader must see it: production 2 and section 2.11 of XML 1.0, spelt out for the tests.
pub(crate) fn as_xml_reads(text: &str) -> String {
    text.replace("\r\n", "\n")
        .replace('\r', "\n")
        .chars()
        .filter(|character| matches!(u32::from(*character), 0x9 | 0xA | 0x20..=0xD7FF | 0xE000..=0xFFFD | 0x10000..=0x10FFFF))
        .collect()
}

/// Reads a document to its end and says what makes it no well-formed XML 1.0.
pub(crate) fn xml_fault(xml: &[u8]) -> Option<String> {
    use quick_xml::events::Event;
    let xml = match std::str::from_utf8(xml) {
        Ok(xml) if xml == as_xml_reads(xml) => xml,
        Ok(_) => return Some("illegal character".into()),
        Err(error) => return Some(error.to_string()),
    };
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut depth = 0_u32;
    let mut roots = 0;
    loop {
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(error) => return Some(error.to_string()),
        };
        if let Event::Start(element) | Event::Empty(element) = &event {
            for attribute in element.attributes() {
                match attribute.map(|attribute| attribute.value.contains('<')) {
                    Ok(false) => {}
                    Ok(true) => return Some("< in an attribute".into()),
                    Err(error) => return Some(error.to_string()),
                }
            }
            roots += u32::from(depth == 0);
        }
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            Event::Text(text) if depth == 0 && !text.trim().is_empty() => return Some("text outside the root".into()),
            Event::Text(text) if text.contains("]]>") => return Some("]]> in text".into()),
            Event::GeneralRef(name) if !["lt", "gt", "amp", "quot", "apos"].contains(&&*name) => return Some(format!("&{};", &*name)),
            Event::Eof => return (roots != 1).then(|| format!("{roots} roots")),
            _ => {}
        }
    }
}
