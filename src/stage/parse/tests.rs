//! Tests of the whole reader.

use super::*;
use crate::entry::{FeedKind, TextKind};
use crate::shared;
use std::collections::HashMap;
use std::fmt::Write;

fn context<'a>(url: Option<&'a Url>, content_type: Option<&'a str>) -> Context<'a> {
    Context { url, content_type, time_zone: Tz::UTC, language: None }
}

#[test]
fn feedparser_cases_are_read_without_a_fault_of_ours() {
    let Some(expected) = shared::text("data/feedparser-cases/expect.jsonl") else { return };
    let Some(cases) = shared::files("data/feedparser-cases") else { return };
    let headers: HashMap<String, serde_json::Value> = expected
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|case| (case["file"].as_str().unwrap().to_owned(), case["headers"].clone()))
        .collect();
    let (mut told, mut untold) = (String::new(), String::new());
    for (name, bytes) in cases.filter(|(name, _)| name != "expect.jsonl") {
        let header = |key: &str| headers.get(&name).and_then(|headers| headers[key].as_str()).map(str::to_owned);
        // Where feedparser's own test server has the file.
        let document = Url::parse(&format!("http://127.0.0.1:8097/tests/{name}")).unwrap();
        let url = header("content-location").and_then(|location| document.join(&location).ok()).unwrap_or(document);
        let (content_type, language) = (header("content-type"), header("content-language"));
        let known = Context { language: language.as_deref(), ..context(Some(&url), content_type.as_deref()) };
        for (outcome, report) in [(read(&bytes, &known), &mut told), (read(&bytes, &context(None, None)), &mut untold)] {
            assert_ne!(outcome.as_ref().err().map(ReadError::class), Some("internal"), "{name}");
            writeln!(report, "{}", to_jsonl(&format!("feedparser-cases/{name}"), &outcome)).unwrap();
        }
    }
    // For `score-parse`.
    shared::leave("score.jsonl", told.as_bytes());
    shared::leave("score-untold.jsonl", untold.as_bytes());
}

#[test]
fn every_live_feed_gives_its_entries() {
    let Some(urls) = shared::text("data/live-feeds/urls.json") else { return };
    let Some(feeds) = shared::files("data/live-feeds") else { return };
    let urls: HashMap<String, String> = serde_json::from_str(&urls).unwrap();
    let mut report = String::new();
    for (name, bytes) in feeds.filter(|(name, _)| name.ends_with(".xml")) {
        let url = urls.get(&name).and_then(|url| Url::parse(url).ok());
        let outcome = read(&bytes, &context(url.as_ref(), None));
        writeln!(report, "{}", to_jsonl(&name, &outcome)).unwrap();
        let feed = outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!feed.entries.is_empty(), "{name}");
        // An independent count: start tags of items in the raw bytes, outside of comments and sections in all but a few feeds.
        let raw = String::from_utf8_lossy(&bytes);
        let tags = |name: &str| raw.matches(&format!("<{name}>")).count() + raw.matches(&format!("<{name} ")).count();
        let counted = tags("item").max(tags("entry"));
        assert_eq!(feed.entries.len(), counted, "{name}");
    }
    shared::leave("live.jsonl", report.as_bytes());
}

#[test]
fn odd_feeds_are_read_or_refused_without_a_fault_of_ours() {
    let Some(feeds) = shared::files("data/odd-feeds") else { return };
    let mut report = String::new();
    for (name, bytes) in feeds {
        let outcome = read(&bytes, &context(None, None));
        assert_ne!(outcome.as_ref().err().map(ReadError::class), Some("internal"), "{name}");
        writeln!(report, "{}", to_jsonl(&name, &outcome)).unwrap();
    }
    shared::leave("odd.jsonl", report.as_bytes());
}

/// An RSS 2.0 document with these items.
fn rss(items: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
         xmlns:media=\"http://search.yahoo.com/mrss/\" xmlns:content=\"http://purl.org/rss/1.0/modules/content/\" \
         xmlns:atom=\"http://www.w3.org/2005/Atom\" xmlns:itunes=\"http://www.itunes.com/dtds/podcast-1.0.dtd\">\
         <channel><title>c</title><link>https://site.example/</link>{items}</channel></rss>"
    )
}

/// An Atom 1.0 document with these entries.
fn atom(entries: &str) -> String {
    format!("<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>c</title><id>urn:f</id>{entries}</feed>")
}

fn feed(document: impl AsRef<[u8]>) -> Feed {
    read(document.as_ref(), &context(None, None)).unwrap()
}

fn class(document: impl AsRef<[u8]>) -> &'static str {
    read(document.as_ref(), &context(None, None)).unwrap_err().class()
}

/// The only entry of an RSS document with this item.
fn item(item: &str) -> crate::entry::Entry {
    let mut feed = feed(rss(&format!("<item>{item}</item>")));
    assert_eq!(feed.entries.len(), 1);
    feed.entries.remove(0)
}

/// The only entry of an Atom document with this entry.
fn entry(inside: &str) -> crate::entry::Entry {
    let mut feed = feed(atom(&format!("<entry>{inside}</entry>")));
    assert_eq!(feed.entries.len(), 1);
    feed.entries.remove(0)
}

fn title(entry: &crate::entry::Entry) -> &str {
    entry.title.as_ref().map_or("", |title| &title.value)
}

fn noted(feed: &Feed, stage: ReadStage) -> bool {
    feed.problems.iter().any(|problem| problem.stage == stage)
}

#[test]
fn nested_media_groups_cost_no_stack() {
    let deep = rss(&format!("<item><title>t</title>{}{}</item>", "<media:group>".repeat(20_000), "</media:group>".repeat(20_000)));
    let read = std::thread::Builder::new().stack_size(256 << 10).spawn(move || feed(deep)).unwrap().join().unwrap();
    assert_eq!(title(&read.entries[0]), "t");
}

#[test]
fn people_beside_characters_of_many_bytes() {
    let cases = [
        ("John\u{A0}john@x.example", Some("John"), Some("john@x.example")),
        ("zhang@x.example（張三）", Some("張三"), Some("zhang@x.example")),
        ("me@x.example (Me)", Some("Me"), Some("me@x.example")),
        ("Me &lt;me@x.example&gt;", Some("Me"), Some("me@x.example")),
        ("(John)", Some("John"), None),
        ("&lt;a href=\"/u\"&gt;Jane Roe&lt;/a&gt;", Some("Jane Roe"), None),
        ("me@x.example", None, Some("me@x.example")),
        ("@handle", Some("@handle"), None),
    ];
    for (raw, name, email) in cases {
        let authors = item(&format!("<dc:creator>{raw}</dc:creator>")).authors;
        assert_eq!(authors.len(), 1, "{raw}");
        assert_eq!((authors[0].name.as_deref(), authors[0].email.as_deref()), (name, email), "{raw}");
    }
}

#[test]
fn late_and_second_declarations() {
    let once = rss("<item><title>t</title></item>");
    for document in [
        format!("<!-- made by hand, long enough -->\n{once}"),
        once.replace("<channel>", "<?xml version=\"1.0\" encoding=\"utf-16\"?><channel>"),
    ] {
        assert_eq!(feed(&document).entries.len(), 1, "{document}");
    }
}

#[test]
fn a_good_document_after_a_bad_one() {
    assert_eq!(class("<rss><channel><item><title>t"), "not-complete");
    assert_eq!(item("<title>t</title>").title.unwrap().value, "t");
}

/// The bytes of a text in a charset, by an encoder that is not ours.
fn encoded(text: &str, charset: &str) -> Vec<u8> {
    encoding_rs::Encoding::for_label(charset.as_bytes()).unwrap().encode(text).0.into_owned()
}

#[test]
fn charsets_are_what_the_bytes_say() {
    let document = |declared: &str| {
        rss("<item><title>caf\u{E9} \u{2019}</title></item>")
            .replace("version=\"1.0\"?", &format!("version=\"1.0\" encoding=\"{declared}\"?"))
    };
    let utf16 = |big: bool, mark: bool| {
        let text = format!("{}{}", if mark { "\u{FEFF}" } else { "" }, document("utf-8"));
        text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect::<Vec<u8>>()
    };
    let utf32 = document("utf-32").chars().flat_map(|c| u32::from(c).to_be_bytes()).collect::<Vec<u8>>();
    let cases: Vec<(&str, Vec<u8>, Option<&str>)> = vec![
        ("utf-8 declared utf-16", document("utf-16").into_bytes(), None),
        ("utf-8 declared latin-1", document("iso-8859-1").into_bytes(), None),
        ("utf-8 with a mark declared latin-1", [b"\xEF\xBB\xBF".as_slice(), document("iso-8859-1").as_bytes()].concat(), None),
        ("windows-1252 declared utf-8", encoded(&document("utf-8"), "windows-1252"), None),
        ("windows-1252 declared latin-1", encoded(&document("iso-8859-1"), "windows-1252"), None),
        ("windows-1252 declared nothing", encoded(&rss("<item><title>caf\u{E9} \u{2019}</title></item>"), "windows-1252"), None),
        ("charset only in HTTP", encoded(&document(""), "windows-1252"), Some("text/xml; charset=\"windows-1252\"")),
        ("utf-8 declared windows-1252 in HTTP", document("utf-8").into_bytes(), Some("application/rss+xml;charset=windows-1252")),
        ("utf-16be with a mark", utf16(true, true), None),
        ("utf-16be without", utf16(true, false), None),
        ("utf-16le with a mark", utf16(false, true), None),
        ("utf-16le without", utf16(false, false), None),
        ("utf-32be", utf32, None),
        ("utf-7", document("utf-7").replace('\u{E9}', "+AOk-").replace('\u{2019}', "+IBk-").into_bytes(), None),
    ];
    for (name, bytes, content_type) in cases {
        let feed = read(&bytes, &context(None, content_type)).unwrap();
        assert_eq!(title(&feed.entries[0]), "caf\u{E9} \u{2019}", "{name}");
    }
    let koi8 = encoded(&rss("<item><title>Привет</title></item>").replace("\"1.0\"?", "\"1.0\" encoding=\"koi8-r\"?"), "koi8-r");
    assert_eq!(title(&feed(koi8).entries[0]), "Привет");
}

#[test]
fn one_bad_byte_costs_one_character() {
    let mut bytes = rss("<item><title>na\u{EF}ve, d\u{E9}j\u{E0} vu X</title></item>").into_bytes();
    let at = bytes.iter().position(|b| *b == b'X').unwrap();
    bytes[at] = 0x93;
    let feed = feed(bytes);
    assert_eq!(title(&feed.entries[0]), "na\u{EF}ve, d\u{E9}j\u{E0} vu \u{201C}");
    assert!(noted(&feed, ReadStage::Decode));
}

#[test]
fn references_of_xml_and_html_are_resolved_once() {
    let cases = [
        ("R & D", "R & D"),
        ("R &amp; D", "R & D"),
        ("caf&eacute;&nbsp;&#8217;&#x2014;&#146;", "caf\u{E9}\u{A0}\u{2019}\u{2014}\u{2019}"),
        ("&unknown; &; &#; &", "&unknown; &; &#; &"),
        ("AT&amp;amp;T", "AT&amp;T"),
        ("a&#0;b&#11;c&#x110000;", "abc"),
        ("1 < 2", "1 < 2"),
    ];
    for (raw, wanted) in cases {
        assert_eq!(title(&item(&format!("<title>{raw}</title>"))), wanted, "{raw}");
    }
    let link = item("<title>t</title><link>https://x.example/?a=1&b=2&copy=3</link>").links.remove(0);
    assert_eq!(link.href, "https://x.example/?a=1&b=2&copy=3");
}

#[test]
fn titles_are_html_only_if_they_look_like_it() {
    let cases = [
        ("Plain", TextKind::Plain),
        ("Using &lt;T&gt; well", TextKind::Plain),
        ("How &lt;i&gt;it&lt;/i&gt; is", TextKind::Html),
        ("AT&amp;amp;T", TextKind::Html),
    ];
    for (raw, wanted) in cases {
        assert_eq!(item(&format!("<title>{raw}</title>")).title.unwrap().kind, wanted, "{raw}");
    }
}

#[test]
fn declared_entities_are_text_and_never_more() {
    let document = |subset: &str, title: &str| {
        format!("<!DOCTYPE rss [{subset}]>{}", rss(&format!("<item><title>{title}</title></item>")).replace("<?xml version=\"1.0\"?>", ""))
    };
    let cases = [
        ("<!ENTITY co \"Acme\">", "&co; x", "Acme x"),
        ("<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">", "&b;", "&b;"),
        ("<!ENTITY x SYSTEM \"file:///etc/passwd\">", "&x;", "&x;"),
        ("<!ENTITY % p SYSTEM \"http://127.0.0.1/\"> %p;", "t", "t"),
    ];
    for (subset, title_raw, wanted) in cases {
        assert_eq!(title(&feed(document(subset, title_raw)).entries[0]), wanted, "{subset}");
    }
    let bomb = document(&format!("<!ENTITY b \"{}\">", "x".repeat(1000)), &"&b;".repeat(100_000));
    assert!(title(&feed(bomb).entries[0]).len() < 3 << 20);
}

#[test]
fn broken_documents_keep_their_complete_entries() {
    let two = rss("<item><title>a</title><link>https://x.example/1</link></item><item><title>b</title></item>");
    // The document, how many entries it has left, where the fault is noted.
    let cases = [
        (two[..two.find("<title>b").unwrap() + 8].to_owned(), 1, ReadStage::Parse),
        (two.replace("</channel></rss>", ""), 2, ReadStage::Repair),
        (two.replace("</channel>", ""), 2, ReadStage::Repair),
        (two.replace("<title>a</title>", "<title>a"), 2, ReadStage::Repair),
        (two.replace("</item><item>", "<item>"), 2, ReadStage::Repair),
        (two.replace("<title>a", "<description><b>x</description><title>a"), 2, ReadStage::Repair),
        (two.replace("<title>a", "</p><title>a"), 2, ReadStage::Repair),
        (two.replace("<rss version=\"2.0\"", "<rss version=2.0 checked"), 2, ReadStage::Repair),
        (format!("<br />\n<b>Notice</b>: something <br />\n{two}"), 2, ReadStage::Repair),
        (format!("{two}<script>x</script>"), 2, ReadStage::Parse),
    ];
    for (document, entries, stage) in cases {
        let feed = feed(&document);
        assert_eq!(feed.entries.len(), entries, "{document}");
        assert_eq!(title(&feed.entries[0]), "a", "{document}");
        if !document.ends_with("</script>") {
            assert!(noted(&feed, stage), "{document} {:?}", feed.problems);
        }
    }
}

#[test]
fn bodies_without_entries_are_refused_with_a_reason() {
    let cases = [
        ("", "empty"),
        (" \r\n\t", "empty"),
        ("<!DOCTYPE html><html><head><title>Login</title></head><body><p>x</body></html>", "html-page"),
        ("<html><body>Checking your browser</body></html>", "html-page"),
        ("<urlset><url/></urlset>", "not-a-feed"),
        ("<opml><head/><body><outline/></body></opml>", "not-a-feed"),
        ("hello", "not-a-feed"),
        ("{\"a\":1}", "not-a-feed"),
        ("[1,2]", "not-a-feed"),
        ("{\"version\":\"https://jsonfeed.org/version/1\",\"items\":[{\"id\":\"1\"", "not-complete"),
        ("<rss><channel><title>c</title>", "not-complete"),
        ("<rss><channel><title>c</b></channel></rss>", "no-entries"),
    ];
    for (document, wanted) in cases {
        assert_eq!(class(document), wanted, "{document}");
    }
    let error = read(b"<html><head><title>Login</title></head></html>", &context(None, None)).unwrap_err();
    assert_eq!(error.to_string(), "not a feed: an HTML page titled \"Login\"");
    assert_eq!(feed(rss("")).entries.len(), 0, "a feed that is truly empty is read");
}

#[test]
fn every_version_and_root_is_a_feed() {
    let inside = "<title>c</title><item><title>t</title><link>https://x.example/1</link></item>";
    let cases = [
        (format!("<rss><channel>{inside}</channel></rss>"), FeedKind::Rss2),
        (format!("<rss version=\"0.91\"><channel>{inside}</channel></rss>"), FeedKind::Rss0),
        (format!("<rss version=\" 3.0\"><channel>{inside}</channel></rss>"), FeedKind::Rss2),
        (format!("<RSS version=\"2.0\"><channel>{inside}</channel></RSS>"), FeedKind::Rss2),
        (format!("<rss xmlns=\"http://backend.userland.com/rss2\"><channel>{inside}</channel></rss>"), FeedKind::Rss2),
        (format!("<rss xmlns=\"urn:invented\"><channel>{inside}</channel></rss>"), FeedKind::Rss2),
        (format!("<rss><channel/>{inside}</rss>"), FeedKind::Rss2),
        (format!("<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" xmlns=\"http://my.netscape.com/rdf/simple/0.9/\">{inside}</rdf:RDF>"), FeedKind::Rss0),
        (format!("<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" xmlns=\"http://purl.org/rss/1.0/\">{inside}</rdf:RDF>"), FeedKind::Rss1),
        ("<feed version=\"0.3\" xmlns=\"http://purl.org/atom/ns#\"><entry><title>t</title><link href=\"https://x.example/1\"/></entry></feed>".to_owned(), FeedKind::Atom),
        ("<a:feed xmlns:a=\"http://www.w3.org/2005/Atom/\"><a:entry><a:title>t</a:title><a:link href=\"https://x.example/1\"/></a:entry></a:feed>".to_owned(), FeedKind::Atom),
        ("<CHANNEL><ITEM HREF=\"https://x.example/1\"><TITLE>t</TITLE></ITEM></CHANNEL>".to_owned(), FeedKind::Rss2),
    ];
    for (document, kind) in cases {
        let feed = feed(&document);
        assert_eq!((feed.kind, feed.entries.len()), (kind, 1), "{document}");
        assert_eq!((title(&feed.entries[0]), feed.entries[0].links[0].href.as_str()), ("t", "https://x.example/1"), "{document}");
    }
}

#[test]
fn other_vocabularies_do_not_overwrite_an_entry() {
    let undeclared =
        "<rss><channel><item><title>t</title><media:title>M</media:title><media:description>D</media:description></item></channel></rss>";
    let foreign = "<rss xmlns:x=\"urn:x\"><channel><item><x:title>F</x:title><title>t</title><x:link>https://no.example/</x:link></item></channel></rss>";
    for document in [undeclared, foreign] {
        let feed = feed(document);
        assert_eq!(title(&feed.entries[0]), "t", "{document}");
        assert!(feed.entries[0].links.is_empty(), "{document}");
    }
}

#[test]
fn ids_are_the_sources_own() {
    assert_eq!(
        item("<title>t</title><guid isPermaLink=\"false\"> NID at https://x.example </guid>").id.as_deref(),
        Some("NID at https://x.example")
    );
    assert_eq!(item("<title>t</title><link>https://x.example/1</link>").id, None);
    assert_eq!(entry("<id>\n urn:1 </id>").id.as_deref(), Some("urn:1"));
    let about = "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" xmlns=\"http://purl.org/rss/1.0/\"><item rdf:about=\"https://x.example/1\"><title>t</title></item></rdf:RDF>";
    let about = feed(about).entries.remove(0);
    assert_eq!(about.id.as_deref(), Some("https://x.example/1"));
    assert_eq!(about.links[0].href, "https://x.example/1");
}

#[test]
fn a_guid_is_a_link_only_where_it_says_so_and_there_is_no_other() {
    let cases = [
        ("<guid>https://x.example/g</guid>", Some("https://x.example/g")),
        ("<guid isPermaLink=\"false\">https://x.example/g</guid>", None),
        ("<guid>g1</guid>", None),
        ("<guid>https://x.example/g</guid><link>https://x.example/l</link>", Some("https://x.example/l")),
    ];
    for (inside, wanted) in cases {
        assert_eq!(item(inside).links.first().map(|link| link.href.as_str()), wanted, "{inside}");
    }
}

#[test]
fn the_original_link_comes_before_the_wrapped_one() {
    let links = item("<link>https://wrap.example/1</link><feedburner:origLink>https://x.example/1</feedburner:origLink>").links;
    assert_eq!(links[0].href, "https://x.example/1");
}

#[test]
fn relative_addresses_follow_the_base_nearest_to_them() {
    let url = Url::parse("https://feed.example/dir/feed.xml").unwrap();
    let one = |document: String| read(document.as_bytes(), &context(Some(&url), None)).unwrap().entries.remove(0);
    let text =
        "<description>&lt;img src=\"/i.png\" srcset=\"a.png 1x, /b.png 2x\"&gt;&lt;a href='?q=1&amp;amp;r=2'&gt;x&lt;/a&gt;</description>";
    let linked = one(rss(&format!("<item><link>https://x.example/p/1</link>{text}</item>")));
    let wanted = "<img src=\"https://x.example/i.png\" srcset=\"https://x.example/p/a.png 1x, https://x.example/b.png 2x\"><a href='https://x.example/p/1?q=1&amp;r=2'>x</a>";
    assert_eq!(linked.summary.unwrap().value, wanted);
    assert_eq!(linked.base.as_deref(), Some("https://x.example/p/1"));
    let based = one(rss(&format!("<item xml:base=\"https://base.example/b/\"><link>1</link>{text}</item>")));
    assert_eq!(based.links[0].href, "https://base.example/b/1");
    assert!(based.summary.unwrap().value.starts_with("<img src=\"https://base.example/i.png\""));
    let bare = one(rss(&format!("<item><title>t</title>{text}</item>")));
    assert!(bare.summary.unwrap().value.starts_with("<img src=\"https://feed.example/i.png\""));
}

#[test]
fn provenance_is_kept() {
    let rss = item("<source url=\"https://other.example/feed\">Other</source>").source.unwrap();
    assert_eq!((rss.url.as_deref(), rss.title.unwrap().value.as_str()), (Some("https://other.example/feed"), "Other"));
    let atom = entry(
        "<source><id>urn:o</id><title>Other</title><link rel=\"self\" href=\"https://other.example/feed\"/><updated>2026-01-02T03:04:05Z</updated>\
         <author><name>A</name></author></source>",
    );
    let source = atom.source.unwrap();
    assert_eq!((source.id.as_deref(), source.url.as_deref()), (Some("urn:o"), Some("https://other.example/feed")));
    assert_eq!(source.updated.unwrap().timestamp(), 1_767_323_045);
    assert_eq!(atom.authors[0].name.as_deref(), Some("A"));
}

#[test]
fn media_and_enclosures_are_both_kept() {
    let entry = item(
        "<enclosure url=\"https://x.example/a.mp3\" type=\"audio/mpeg\" length=\"12\"/><itunes:duration>1:02:03</itunes:duration>\
         <media:group><media:content url=\"https://x.example/v.mp4\" fileSize=\"99\"/><media:thumbnail url=\"https://x.example/t.png\"/>\
         <media:description>D</media:description></media:group>",
    );
    let urls: Vec<_> = entry.media.iter().flat_map(|media| &media.contents).map(|content| content.url.as_deref().unwrap()).collect();
    assert_eq!(urls, ["https://x.example/v.mp4", "https://x.example/a.mp3"]);
    assert_eq!(entry.media[0].thumbnails, ["https://x.example/t.png"]);
    assert_eq!(entry.media[0].duration_s, Some(3723));
    assert_eq!(entry.summary.unwrap().value, "D", "a description of the media is better than none");
    let lone = item("<media:thumbnail url=\"https://x.example/t.png\"/>").media;
    assert_eq!((lone.len(), lone[0].thumbnails.as_slice()), (1, ["https://x.example/t.png".to_owned()].as_slice()));
    assert_eq!(item("<itunes:duration>99999999999999999999</itunes:duration><title>t</title>").media, []);
}

#[test]
fn empty_media_descriptions_cost_nothing() {
    assert_eq!(title(&item("<title>t</title><media:content url=\"https://x.example/v\"><media:description/></media:content>")), "t");
}

#[test]
fn atom_texts_by_type() {
    let cases = [
        ("<title>a &lt;b&gt;</title>", "a <b>", TextKind::Plain),
        ("<title type=\"html\">a &lt;b&gt;c&lt;/b&gt;</title>", "a <b>c</b>", TextKind::Html),
        (
            "<title type=\"xhtml\"><div xmlns=\"http://www.w3.org/1999/xhtml\">a<br/>b &lt; c</div></title>",
            "a<br/>b &lt; c",
            TextKind::Html,
        ),
        ("<title type=\"HTML\">&lt;b&gt;c&lt;/b&gt;</title>", "<b>c</b>", TextKind::Html),
        ("<title type=\"\">evil</title>", "evil", TextKind::Plain),
    ];
    for (inside, value, kind) in cases {
        assert_eq!(entry(inside).title, Some(crate::entry::Text { value: value.to_owned(), kind }), "{inside}");
    }
    let content = entry("<content type=\"application/octet-stream\">PGI+eDwvYj4=</content>").content.unwrap();
    assert_eq!((content.value.as_deref(), content.media_type.as_str()), (Some("<b>x</b>"), "text/html"));
    let elsewhere = entry("<content type=\"video/mp4\" src=\"https://x.example/v.mp4\"/>").content.unwrap();
    assert_eq!(
        (elsewhere.value, elsewhere.src.as_deref(), elsewhere.media_type.as_str()),
        (None, Some("https://x.example/v.mp4"), "video/mp4")
    );
}

#[test]
fn markup_in_texts_of_rss_is_kept_as_html() {
    let entry = item(
        "<title><a href=\"https://x.example/\">Big &amp; small</a></title><description>a <b>bold</b><br> word</description><dc:creator><i>J</i> R</dc:creator>",
    );
    assert_eq!(
        entry.title.unwrap(),
        crate::entry::Text { value: "<a href=\"https://x.example/\">Big &amp; small</a>".to_owned(), kind: TextKind::Html }
    );
    assert_eq!(entry.summary.unwrap().value, "a <b>bold</b><br/> word");
    assert_eq!(entry.authors[0].name.as_deref(), Some("J R"));
}

#[test]
fn dates_are_read_or_kept_as_written() {
    let good = item("<pubDate>Mon, 01 Jan 2024 10:00:00 CET</pubDate><dc:date>2020-01-01T00:00:00Z</dc:date>");
    assert_eq!(good.published.unwrap().to_rfc3339(), "2024-01-01T09:00:00+00:00");
    assert_eq!(good.updated, None, "no date of change is made up");
    let bad = feed(rss("<item><title>t</title><pubDate>soon</pubDate></item>"));
    assert_eq!((bad.entries[0].published, bad.entries[0].published_raw.as_deref()), (None, Some("soon")));
    assert!(noted(&bad, ReadStage::Date));
}

#[test]
fn categories_of_every_vocabulary_once() {
    let entry = item(
        "<category domain=\"urn:d\">A</category><category>A</category><dc:subject>B</dc:subject><category>A</category><itunes:keywords>C, D</itunes:keywords>",
    );
    let terms: Vec<_> = entry.categories.iter().map(|category| (category.term.as_str(), category.scheme.as_deref())).collect();
    let itunes = Some("http://www.itunes.com/");
    assert_eq!(terms, [("A", Some("urn:d")), ("A", None), ("B", None), ("C", itunes), ("D", itunes)]);
}

#[test]
fn a_channel_says_how_often_to_come() {
    let document = rss(
        "<ttl>90</ttl><skipHours><hour>24</hour><hour>3</hour></skipHours><skipDays><day>Sunday</day></skipDays><sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>",
    );
    let pace = feed(document).pace;
    assert_eq!(
        pace,
        crate::entry::PaceHints {
            ttl_min: Some(90),
            skip_hours: vec![0, 3],
            skip_days: vec!["Sunday".to_owned()],
            syndication_min: Some(360)
        }
    );
}

#[test]
fn languages_are_inherited() {
    let document = atom("<entry><id>1</id></entry><entry xml:lang=\"fi_FI\"><id>2</id></entry>").replace("<feed", "<feed xml:lang=\"sv\"");
    let feed = feed(document);
    assert_eq!(
        (feed.language.as_deref(), feed.entries[0].language.as_deref(), feed.entries[1].language.as_deref()),
        (Some("sv"), Some("sv"), Some("fi-FI"))
    );
}

#[test]
fn json_feeds_are_read_leniently() {
    let document = "\u{FEFF}{\"version\":\"http://jsonfeed.org/version/1\",\"title\":null,\"home_page_url\":\"https://x.example/\",\"hubs\":[{\"type\":\"WebSub\",\"url\":\"https://hub.example/\"}],\
        \"items\":[{\"id\":7,\"url\":\"/1\",\"content_html\":\"<a href='/y'>x</a>\",\"author\":{\"name\":\"A\"},\"tags\":[\"t\",null],\"image\":\"/i.png\",\
        \"external_url\":\"https://other.example/\",\"attachments\":[{\"url\":\"/a.mp3\",\"duration_in_seconds\":3.5}],\"date_published\":\"2024-01-01T00:00:00Z\"}, 3, {\"id\":null}]}";
    let feed = feed(document);
    assert_eq!(feed.entries.len(), 2);
    let entry = &feed.entries[0];
    assert_eq!(entry.id.as_deref(), Some("7"));
    assert_eq!(entry.content.as_ref().unwrap().value.as_deref(), Some("<a href='https://x.example/y'>x</a>"));
    let links: Vec<_> = entry.links.iter().map(|link| (link.rel.as_deref().unwrap(), link.href.as_str())).collect();
    assert_eq!(
        links,
        [("alternate", "https://x.example/1"), ("related", "https://other.example/"), ("enclosure", "https://x.example/a.mp3")]
    );
    assert_eq!(
        (entry.media[0].duration_s, entry.media[0].thumbnails.as_slice()),
        (Some(3), ["https://x.example/i.png".to_owned()].as_slice())
    );
    assert_eq!((entry.authors[0].name.as_deref(), entry.categories.len()), (Some("A"), 1));
    assert!(feed.links.iter().any(|link| link.rel.as_deref() == Some("hub")));
}

#[test]
fn the_report_has_the_agreed_shape() {
    let refused = to_jsonl("a.xml", &Err(ReadError::Empty));
    assert_eq!(
        refused,
        serde_json::json!({ "file": "a.xml", "ok": false, "err_class": "empty", "err": "empty: the document holds nothing" })
    );
    let read = to_jsonl("b.xml", &Ok(feed(rss("<item><title>t</title><pubDate>Mon, 01 Jan 2024 00:00:00 GMT</pubDate></item>"))));
    assert_eq!(read["kind"], "rss2");
    assert_eq!(read["entries"][0]["published"], "2024-01-01T00:00:00Z");
    assert_eq!(read["entries"][0]["title"], serde_json::json!({ "v": "t", "type": "text/plain" }));
    assert!(read["entries"][0].get("base").is_none() && read["updated"].is_null());
}

#[test]
fn hostile_documents_end_in_time() {
    // Unoptimised and small; the shapes are quadratic where something is wrong.
    let n = 40_000;
    let shapes = [
        rss(&format!("<item {}/>", (0..n).map(|i| format!("a{i}=\"x\" ")).collect::<String>())),
        rss(&format!("<item {}/>", (0..n).map(|i| format!("xmlns:a{i}=\"x\" ")).collect::<String>())),
        rss(&"<a>".repeat(n)),
        rss(&"<!--".repeat(n)),
        rss(&"<![CDATA[".repeat(n)),
        rss(&"<a b=\"".repeat(n)),
        rss(&"<a b='\"".repeat(n)),
        rss(&format!("{}{}", "<b>".repeat(190), "</x>".repeat(n))),
        rss(&format!("<item><description>{}</description></item>", "<".repeat(n * 4))),
        rss(&format!("<item><description>{}</description></item>", "&".repeat(n * 4))),
        rss(&format!("<item><link>/</link><description><![CDATA[{}]]></description></item>", "<a href=\"x\" ".repeat(n))),
        rss(&format!("<item><author>{}</author></item>", "@".repeat(n * 4))),
        "<!DOCTYPE x[".repeat(n),
        rss("<item/>").replace("<rss", &format!("<rss xml:base=\"https://x.example/{}\"", "a/".repeat(n))),
    ];
    for shape in &shapes {
        let start = std::time::Instant::now();
        let _ = read(shape.as_bytes(), &context(None, None));
        assert!(start.elapsed().as_secs() < 30, "{}", &shape[..60]);
    }
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    fn small_feeds() -> Vec<String> {
        vec![
            rss(
                "<item><title>t</title><link>/1</link><guid>g</guid><description><![CDATA[<p a='1'>x</p>]]></description><dc:creator>J\u{A0}j@x.example</dc:creator></item>",
            ),
            atom(
                "<entry><id>urn:1</id><title type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'>é<br/></div></title><link href='/1'/><updated>2024-01-01T00:00:00Z</updated></entry>",
            ),
            format!(
                "<!DOCTYPE rss [<!ENTITY a \"b\">]>{}",
                rss("<item><title>&a;&eacute;&#8217;</title><media:group><media:content url='u'/></media:group></item>")
            ),
            "{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":[{\"id\":\"1\",\"content_html\":\"<b>é</b>\"}]}".to_owned(),
        ]
    }

    /// What any outcome must be: not a fault of ours, and nothing in it that XML forbids.
    fn sound(bytes: &[u8]) -> Result<(), TestCaseError> {
        let url = Url::parse("https://x.example/feed").unwrap();
        match read(bytes, &context(Some(&url), None)) {
            Err(error) => prop_assert_ne!(error.class(), "internal"),
            Ok(feed) => {
                let titles = feed.entries.iter().map(title).collect::<String>();
                let allowed = |c: char| !c.is_control() || c.is_whitespace() || u32::from(c) >= 0x7F;
                prop_assert!(titles.chars().all(allowed));
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            sound(&bytes)?;
        }

        #[test]
        fn any_markup(text in "(<|>|/|&|;|!|\\[|\\]|-|\\?|=|\"|'| |rss|item|title|feed|entry|link|xml:base|CDATA|é|a){0,80}") {
            sound(format!("<rss><channel><item>{text}").as_bytes())?;
            sound(text.as_bytes())?;
        }

        #[test]
        fn mutated_feeds(which in 0..4_usize, edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..12)) {
            let mut bytes = small_feeds()[which].clone().into_bytes();
            for (index, byte, edit) in edits {
                let at = index.index(bytes.len());
                match edit {
                    0 => bytes[at] = byte,
                    1 => bytes.insert(at, byte),
                    _ if bytes.len() > 1 => drop(bytes.remove(at)),
                    _ => {}
                }
            }
            sound(&bytes)?;
        }

        #[test]
        fn a_truncated_feed_keeps_its_complete_entries(cut in any::<prop::sample::Index>()) {
            let document = rss("<item><title>one</title></item><item><title>two</title></item>");
            let end = cut.index(document.len());
            let complete = document[..end].matches("</item").count();
            match read(&document.as_bytes()[..end], &context(None, None)) {
                Ok(feed) => prop_assert_eq!(feed.entries.len(), complete),
                Err(_) => prop_assert_eq!(complete, 0),
            }
        }
    }
}

/// Where nothing is missing feed-rs is not asked; it stays the arbiter of what is read there.
#[test]
fn feed_rs_reads_the_same_from_real_feeds() {
    let Some(urls) = shared::text("data/live-feeds/urls.json") else { return };
    let Some(feeds) = shared::files("data/live-feeds") else { return };
    let urls: HashMap<String, String> = serde_json::from_str(&urls).unwrap();
    let (mut entries, mut links, mut dates, mut other_counts) = (0, 0, 0, Vec::new());
    for (name, bytes) in feeds.filter(|(name, _)| name.ends_with(".xml")) {
        let url = urls.get(&name).and_then(|url| Url::parse(url).ok());
        let own = read(&bytes, &context(url.as_ref(), None)).unwrap();
        let reader = feed_rs::parser::Builder::new().sanitize_content(false).base_uri(url.as_ref()).build();
        let Ok(other) = reader.parse(bytes.as_slice()) else { continue };
        if own.entries.len() != other.entries.len() {
            other_counts.push(name);
            continue;
        }
        for (own, other) in own.entries.iter().zip(&other.entries) {
            let href = |href: &str| Url::parse(href.trim()).map_or_else(|_| href.trim().to_owned(), String::from);
            let found = |link: &feed_rs::model::Link| own.links.iter().any(|l| href(&l.href) == href(&link.href));
            entries += 1;
            links += usize::from(other.links.first().is_none_or(found));
            dates += usize::from(other.published.or(other.updated).is_none_or(|at| [own.published, own.updated].contains(&Some(at))));
        }
    }
    println!("of {entries} entries, {links} with the same link and {dates} with the same dates; other counts: {other_counts:?}");
    assert!(entries > 3_000 && links * 100 >= entries * 99 && dates * 100 >= entries * 98 && other_counts.len() <= 1, "{other_counts:?}");
}

#[test]
fn what_is_reserved_of_an_entry_and_of_a_feed_is_read() {
    const RSL: &str = "xmlns:r='https://rslstandard.org/rsl'";
    let url = Url::parse("https://a.example/feed").unwrap();
    let read = |document: &str| super::read(document.as_bytes(), &context(Some(&url), None)).unwrap();
    let link = "<a:link xmlns:a='http://www.w3.org/2005/Atom' rel='license' type='application/rsl+xml' href='/l.xml'/>";
    let (prohibited, free) = (
        "<r:license><r:permits type='usage'>search</r:permits><r:prohibits type='usage'>ai-train</r:prohibits></r:license>",
        "<r:license><r:permits type='usage'>all</r:permits><r:payment type='free'/></r:license>",
    );
    let terms = |url: &str| Some(format!("terms for programs (RSL) at {url}"));
    let mining = Some("text and data mining reserved (TDMRep) with a policy at https://a.example/p".to_owned());
    for (declared, words) in [
        (link.to_owned(), terms("https://a.example/l.xml")),
        (format!("<r:content {RSL} url='/a'>{prohibited}</r:content>"), terms("https://a.example/feed")),
        (format!("<r:content {RSL} url='/a'>{prohibited}</r:content>{link}"), terms("https://a.example/l.xml")),
        ("<rsl xmlns='https://rslstandard.org/rsl'><content url='/a'><license><payment type='crawl'/></license></content></rsl>".to_owned(), terms("https://a.example/feed")),
        (format!("<r:content {RSL} url='/a'>{free}</r:content>"), None),
        (
            "<t:reservation xmlns:t='http://www.w3.org/ns/tdmrep/'>1</t:reservation><t:policy xmlns:t='http://www.w3.org/ns/tdmrep/'>/p</t:policy>".to_owned(),
            mining,
        ),
        ("<x:content xmlns:x='urn:other' url='/a'><x:license/></x:content>".to_owned(), None),
        (String::new(), None),
    ] {
        let item = |inside: &str| format!("<item><title>T</title><link>https://a.example/1</link>{inside}</item>");
        let document = |of_feed: &str, of_item: &str| {
            format!("<rss version='2.0'><channel><title>N</title>{of_feed}{}</channel></rss>", item(of_item))
        };
        let said = |reservation: &Option<crate::rights::Reservation>| reservation.as_ref().map(|reservation| reservation.words());
        let feed = read(&document("", &declared));
        assert_eq!((said(&feed.reservation), said(&feed.entries[0].reservation)), (None, words.clone()), "{declared}");
        let feed = read(&document(&declared, ""));
        assert_eq!((said(&feed.reservation), said(&feed.entries[0].reservation)), (words, None), "{declared}");
    }
}

#[test]
fn a_link_that_is_paid_for_leads_to_the_article_all_the_same() {
    for rel in ["sponsored", "alternate sponsored", "Sponsored alternate"] {
        let entry = entry(&format!("<link rel='{rel}' href='https://a.example/1'/>"));
        let rels: Vec<_> = entry.links.iter().map(|link| (link.rel.as_deref().unwrap(), link.href.as_str())).collect();
        assert_eq!(rels, [("sponsored", "https://a.example/1"), ("alternate", "https://a.example/1")], "{rel}");
    }
    let beside = entry("<link rel='sponsored' href='https://ads.example/1'/><link href='https://a.example/1'/>");
    let alternates: Vec<_> = beside.links.iter().filter(|link| link.rel.as_deref() == Some("alternate")).collect();
    assert_eq!((alternates.len(), alternates[0].href.as_str()), (1, "https://a.example/1"), "an advertiser's link is not the article's");
}
