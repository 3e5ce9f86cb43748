//! Rights, end to end: by what leave an article is published, whose it is said to be, what is reserved of it, and what it is declared to be.

use serde_json::Value;

use crate::common::{Answer, NOW, Origin, Place};

const LATER: &str = "2026-11-20T15:00:00Z";
const TOPICS: &str = "[[topic]]\ncategory = \"Test: Telehealth\"\nany = [\"telehealth\"]\n";
const FEED: &str = "topic/test-telehealth/feed";

/// One source with more keys for it, whose feed is at `/feed`.
fn configure(place: &Place, origin: &Origin, keys: &str) {
    let enrich = if keys.contains("enrich") { "" } else { "enrich = \"never\"\n" };
    place.configure(origin, &[], &format!("[[source]]\nid = \"news\"\nurl = \"{}\"\n{enrich}{keys}\n{TOPICS}", origin.url("/feed")));
}

fn place(origin: &Origin, keys: &str) -> Place {
    let place = Place::new(origin, &[], "");
    configure(&place, origin, keys);
    place
}

/// An RSS feed of items about telehealth: path, and what else is in the item; `head` is in the channel.
fn put(origin: &Origin, head: &str, items: &[(&str, &str)]) {
    let item = |(path, inside): &(&str, &str)| {
        let link = origin.url(path);
        format!(
            "<item><guid>{path}</guid><title>Telehealth {path}</title><link>{link}</link><pubDate>10 Nov 2026 08:00:00 GMT</pubDate>{inside}</item>"
        )
    };
    let items: String = items.iter().map(item).collect();
    origin.put("/feed", "application/rss+xml", rss(head, &items));
}

fn rss(head: &str, items: &str) -> String {
    format!(
        "<rss version='2.0' xmlns:a='http://www.w3.org/2005/Atom' xmlns:c='http://backend.userland.com/creativeCommonsRssModule' \
         xmlns:r='https://rslstandard.org/rsl'><channel><title>News</title><link>https://news.example/</link>{head}{items}</channel></rss>"
    )
}

fn json(place: &Place) -> Value {
    serde_json::from_str(&place.published(&format!("{FEED}.json"))).unwrap()
}

/// The record of this path, from its file's front matter.
fn record(place: &Place, origin: &Origin, path: &str) -> Value {
    let url = origin.url(path);
    let front = |bytes: Vec<u8>| -> Value {
        let text = String::from_utf8(bytes).unwrap();
        serde_saphyr::from_str(text.strip_prefix("---\n").unwrap().split_once("\n---\n").unwrap().0).unwrap()
    };
    let mut records = place.tree().into_iter().filter(|(path, _)| path.ends_with(".md")).map(|(_, bytes)| front(bytes));
    records.find(|record| record["original"] == url).unwrap()
}

fn explained(place: &Place, url: &str) -> String {
    place.run(&["explain", url]).expect(0).out
}

const LONG: &str = "<description>Telehealth is about the islands. &lt;b&gt;All&lt;/b&gt; of it.</description>";

#[test]
fn p3_rights_hold_for_the_addresses_that_they_name_also_on_what_is_stored() {
    let origin = Origin::start();
    put(&origin, "", &[("/ency/1", LONG), ("/topics/1", LONG)]);
    let place = place(&origin, "");
    place.run(&["refresh"]).expect(0);
    let texts = |place: &Place| {
        let mut texts: Vec<String> =
            json(place)["items"].as_array().unwrap().iter().map(|item| item["content_html"].as_str().unwrap().to_owned()).collect();
        texts.sort();
        texts
    };
    let whole = "<p>Telehealth is about the islands. <b>All</b> of it.</p>";
    assert_eq!(texts(&place), [whole, whole]);
    configure(
        &place,
        &origin,
        "[[source.rights]]\nurl = \"/ency/\"\nmode = \"title\"\nlicence = \"all rights reserved\"\n\
         [[source.rights]]\nurl = \"/topics/\"\nexcerpt_max = 20\nattribution = \"Courtesy of {source}.\"\nlicence = \"US federal work\"\n",
    );
    // Every source answers 304.
    place.run_at(LATER, &["refresh"]).expect(0);
    assert_eq!(texts(&place), ["", "<p>Telehealth is about…</p><p>Courtesy of News.</p>"]);
    assert_eq!(record(&place, &origin, "/topics/1")["attribution"], "Courtesy of News.");
    assert_eq!(record(&place, &origin, "/ency/1").get("attribution"), None);
    let told = explained(&place, &origin.url("/ency/1"));
    assert!(told.contains("rights       title alone; licence as noted: all rights reserved"), "{told}");
    let told = explained(&place, &origin.url("/topics/1"));
    assert!(told.contains("rights       excerpt of at most 20 characters; licence as noted: US federal work; Courtesy of News."), "{told}");
}

#[test]
fn p3_a_picture_is_linked_and_not_copied_where_titles_alone_are_allowed() {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    png.extend([0, 0, 4, 176, 0, 0, 2, 118, 8, 2, 0, 0, 0, 0, 0, 0, 0]);
    for (keys, copied) in [("", true), ("rights = { url = \"/ency/\", mode = \"title\" }", false)] {
        let origin = Origin::start();
        put(&origin, "", &[("/ency/1", LONG)]);
        origin.put("/ency/1", "text/html", "<title>Telehealth</title><meta property=og:image content=/lamp>");
        origin.put("/lamp", "image/png", png.clone());
        let place = place(&origin, &format!("enrich = \"always\"\n{keys}"));
        place.run(&["refresh"]).expect(0);
        let image = &record(&place, &origin, "/ency/1")["featuredImage"];
        assert_eq!((image["valid"].as_bool(), image["href"] == origin.url("/lamp")), (Some(true), !copied), "{keys}");
        assert_eq!(place.tree().keys().any(|path| path.ends_with("featuredImage.png")), copied, "{keys}");
    }
}

#[test]
fn p5_what_is_under_cc_by_is_attributed_everywhere_and_changes_are_told() {
    let origin = Origin::start();
    let licence = "<c:license>https://creativecommons.org/licenses/by/4.0/</c:license>";
    put(
        &origin,
        licence,
        &[("/a", &format!("<author>ann@news.example (Ann)</author><description>{}</description>", "Telehealth word. ".repeat(40)))],
    );
    let place = place(&origin, "");
    place.run(&["refresh"]).expect(0);
    let line = "“Telehealth /a” by Ann, News, CC BY 4.0. Changes were made: this is an excerpt.";
    let link = "<a href=\"https://creativecommons.org/licenses/by/4.0/\" rel=\"license\">CC BY 4.0</a>";
    let html = format!("<p>{}</p>", line.replace("CC BY 4.0", link));
    let item = &json(&place)["items"][0];
    assert!(item["content_html"].as_str().unwrap().ends_with(&html), "{item}");
    assert_eq!((&item["_topicwire"]["attribution"], &record(&place, &origin, "/a")["attribution"]), (&line.into(), &line.into()));
    let escaped = html.replace('<', "&lt;").replace('>', "&gt;");
    for form in ["atom", "rss"] {
        let feed = place.published(&format!("{FEED}.{form}"));
        assert!(feed.contains(&escaped) || feed.contains(&html), "{feed}");
    }
    assert!(place.published("topic/test-telehealth/index.html").contains(&html));
    assert_eq!(record(&place, &origin, "/a")["licence"], "https://creativecommons.org/licenses/by/4.0/");
}

#[test]
fn p5_a_licence_that_forbids_what_is_done_is_told() {
    let origin = Origin::start();
    put(&origin, "<c:license>https://creativecommons.org/licenses/by-nc-nd/4.0/</c:license>", &[("/a", LONG)]);
    let place = place(&origin, "rights = { licence = \"CC BY-ND 4.0\" }");
    let told = place.run(&["check"]).expect(0).out;
    assert!(told.contains("no problems\nwarning: ") && told.contains("CC BY-ND 4.0 forbids to pass on what was changed"), "{told}");
    place.run(&["refresh"]).expect(0);
    let change = "CC BY-NC-ND 4.0 forbids to pass on what was changed, and an excerpt is a change";
    let trade = "CC BY-NC-ND 4.0 forbids commercial use, for which its articles must not be filed under topics";
    let told = [place.run(&["check"]).expect(0).out, place.run(&["status", "news"]).expect(0).out, explained(&place, &origin.url("/a"))];
    for told in told {
        assert!(told.contains(change) && told.contains(trade), "{told}");
    }
}

/// What each form says of the only item: RSL, whether mining is reserved, directives.
fn reserved(place: &Place) -> [(bool, bool, bool); 5] {
    let feed = |form: &str| place.published(&format!("{FEED}.{form}"));
    let xml = |text: String| {
        (text.contains("type=\"application/rsl+xml\""), text.contains("<tdm:reservation>1</tdm:reservation>"), text.contains("#robots\""))
    };
    let json = &json(place)["items"][0]["_topicwire"]["reservation"];
    let record =
        place.tree().into_iter().find(|(path, _)| path.ends_with(".md")).map(|(_, bytes)| String::from_utf8(bytes).unwrap()).unwrap();
    let page = place.published("topic/test-telehealth/index.html");
    [
        xml(feed("atom")),
        xml(feed("rss")),
        (json["rsl"].is_string(), json["tdm-reservation"] == 1, json["robots"].is_array()),
        (record.contains("\n  rsl: http"), record.contains("\n  tdmReservation: 1"), record.contains("\n  robots: noai")),
        (
            page.contains("type=\"application/rsl+xml\""),
            page.contains("<meta name=\"tdm-reservation\" content=\"1\">"),
            page.contains("<meta name=\"robots\" content=\"noai\">"),
        ),
    ]
}

type Headers = Vec<(String, String)>;
/// What stands in the feed, in its item, in the feed's headers, in the page, in its headers and in `robots.txt`; what is to come of it.
type Declared<'a> = (&'a str, &'a str, Headers, &'a str, Headers, &'a str, (bool, bool, bool));

#[test]
fn p6_what_is_reserved_is_passed_on_wherever_it_is_declared() {
    let rsl = "<a:link rel='license' type='application/rsl+xml' href='https://news.example/l.xml'/>";
    let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let cases: [Declared<'_>; 11] = [
        ("", "", vec![], "", vec![], "", (false, false, false)),
        (rsl, "", vec![], "", vec![], "", (true, false, false)),
        ("", rsl, vec![], "", vec![], "", (true, false, false)),
        (
            "",
            "<r:content url='/a'><r:license><r:prohibits type='usage'>all</r:prohibits></r:license></r:content>",
            vec![],
            "",
            vec![],
            "",
            (true, false, false),
        ),
        ("", "", header("Link", "</l.xml>; rel=\"license\"; type=\"application/rsl+xml\""), "", vec![], "", (true, false, false)),
        ("", "", header("tdm-reservation", "1"), "", vec![], "", (false, true, false)),
        ("", "", header("X-Robots-Tag", "noai"), "", vec![], "", (false, false, true)),
        ("", "", vec![], "<meta name=robots content=noai>", vec![], "", (false, false, true)),
        ("", "", vec![], "<link rel=license type=application/rsl+xml href=/l.xml>", vec![], "", (true, false, false)),
        ("", "", vec![], "", header("tdm-reservation", "1"), "", (false, true, false)),
        ("", "", vec![], "", vec![], "User-agent: *\nAllow: /\nLicense: https://news.example/l.xml\n", (true, false, false)),
    ];
    for (n, (of_feed, of_item, feed_headers, page, page_headers, robots, expected)) in cases.into_iter().enumerate() {
        let origin = Origin::start();
        let item = format!("<item><guid>1</guid><title>Telehealth</title><link>{}</link>{LONG}{of_item}</item>", origin.url("/a"));
        origin.answer("/feed", Answer { status: 200, headers: feed_headers, body: rss(of_feed, &item).into() });
        let html = format!("<html><title>Telehealth</title>{page}");
        let headers = page_headers.into_iter().chain([("Content-Type".to_owned(), "text/html".to_owned())]).collect();
        origin.answer("/a", Answer { status: 200, headers, body: html.into() });
        origin.put("/robots.txt", "text/plain", robots);
        let place = place(&origin, "enrich = \"always\"");
        place.run(&["refresh"]).expect(0);
        assert_eq!(reserved(&place), [expected; 5], "case {n}");
        let told = explained(&place, &origin.url("/a"));
        assert_eq!(told.contains("reserved     "), expected != (false, false, false), "case {n}: {told}");
        // The same store gives the same bytes, also after what was read is derived anew.
        let tree = place.tree();
        configure(&place, &origin, "enrich = \"always\"\ncurator = \"Desk\"");
        place.run_at(LATER, &["refresh"]).expect(0);
        assert_eq!(reserved(&place), [expected; 5], "case {n}, derived anew");
        configure(&place, &origin, "enrich = \"always\"");
        place.run_at(LATER, &["refresh"]).expect(0);
        let feed = format!("output/{FEED}.atom");
        assert_eq!(place.tree()[&feed], tree[&feed], "case {n}");
    }
}

#[test]
fn p6_the_operators_rule_decides_on_what_is_reserved_by_feed_or_page() {
    for by_page in [false, true] {
        let origin = Origin::start();
        let item = |text: &str| {
            let link = origin.url("/a");
            rss(
                "",
                &format!(
                    "<item><guid>1</guid><title>Telehealth</title><link>{link}</link><description>Telehealth {text}.</description></item>"
                ),
            )
        };
        let noai = ("X-Robots-Tag".to_owned(), "noai".to_owned());
        let headers = |is: bool, kind: &str| {
            Some(noai.clone()).filter(|_| is).into_iter().chain([("Content-Type".to_owned(), kind.to_owned())]).collect::<Vec<_>>()
        };
        let feed =
            |text: &str| origin.answer("/feed", Answer { status: 200, headers: headers(!by_page, "text/xml"), body: item(text).into() });
        feed("here");
        origin.answer("/a", Answer { status: 200, headers: headers(by_page, "text/html"), body: "<title>Telehealth</title>".into() });
        let place = place(&origin, "enrich = \"always\"\nreservations = \"title\"");
        place.run(&["refresh"]).expect(0);
        let shown = |place: &Place| {
            json(place)["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["content_html"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(shown(&place), [""], "{by_page}");
        // What changes at the source is held to the same.
        feed("there");
        place.run_at("2026-11-20T14:00:00Z", &["refresh"]).expect(0);
        assert_eq!(shown(&place), [""], "{by_page}");
        for (rule, expected) in [("pass", vec!["<p>Telehealth there.</p>"]), ("skip", vec![]), ("rules", vec!["<p>Telehealth there.</p>"])]
        {
            configure(&place, &origin, &format!("enrich = \"always\"\nreservations = \"{rule}\""));
            place.run_at(LATER, &["refresh"]).expect(0);
            assert_eq!(shown(&place), expected, "{by_page} {rule}");
            assert_eq!(place.tree().keys().any(|path| path.ends_with(".md")), rule != "skip", "{by_page} {rule}");
        }
        let told = place.run(&["status", "news"]).expect(0).out;
        assert_eq!(told.contains("it reserves: noai (reservations = \"rules\")"), !by_page, "{told}");
    }
}

#[test]
fn p13_what_is_declared_as_promotion_is_carried_through() {
    for (inside, word, label) in [
        ("<category>Press release</category>", Some("press-release"), "Press release"),
        ("<category>Mainos</category>", Some("sponsored"), "Sponsored"),
        ("<a:link rel='sponsored' href='https://ads.example/1'/>", Some("sponsored"), "Sponsored"),
        ("<category>News</category><description>Sponsored. Press release.</description>", None, ""),
    ] {
        let origin = Origin::start();
        put(&origin, "", &[("/a", inside)]);
        let place = place(&origin, "");
        place.run(&["refresh"]).expect(0);
        let json = json(&place);
        assert_eq!(json["items"][0]["_topicwire"].get("promotion").and_then(Value::as_str), word, "{inside}");
        assert_eq!(record(&place, &origin, "/a").get("promotion").and_then(Value::as_str), word, "{inside}");
        let (atom, rss) = (place.published(&format!("{FEED}.atom")), place.published(&format!("{FEED}.rss")));
        let page = place.published("topic/test-telehealth/index.html");
        let word = word.unwrap_or("sponsored");
        assert_eq!(atom.contains(&format!("<category term=\"{word}\" scheme=")), !label.is_empty(), "{atom}");
        assert_eq!(rss.contains(&format!("#promotion\">{word}</category>")), !label.is_empty(), "{rss}");
        assert_eq!(page.contains(&format!("<span class=\"promotion\">{label}</span>")), !label.is_empty(), "{page}");
        assert_eq!(explained(&place, &origin.url("/a")).contains(&format!("declared     {label}")), !label.is_empty());
    }
}

/// RFC 4287 section 4.2.10: a feed's rights would be those of every entry without its own.
#[test]
fn o8_rights_are_the_publishers_own_words_and_no_feed_has_any_of_its_own() {
    let origin = Origin::start();
    let entry = |n: u32, rights: &str| {
        let link = origin.url(&format!("/{n}"));
        format!(
            "<entry><id>urn:e:{n}</id><title>Telehealth {n}</title><link href='{link}'/><updated>2026-11-1{n}T00:00:00Z</updated>{rights}\
             <summary>About telehealth.</summary></entry>"
        )
    };
    let own = "<rights>© 2026 Ann  &amp; Bo, some rights reserved</rights>";
    let feed = |rights: &str, id: &str, entries: &str| {
        format!(
            "<feed xmlns='http://www.w3.org/2005/Atom'><id>urn:{id}</id><title>{id}</title><updated>2026-11-19T00:00:00Z</updated>{rights}{entries}</feed>"
        )
    };
    origin.put("/with", "text/xml", feed("<rights>All rights: News</rights>", "with", &(entry(1, own) + &entry(2, ""))));
    origin.put("/without", "text/xml", feed("", "without", &entry(3, "")));
    let sources = ["with", "without"].map(|id| (id.to_owned(), origin.url(&format!("/{id}"))));
    let place = Place::new(&origin, &sources, TOPICS);
    place.run_at(NOW, &["refresh"]).expect(0);
    // Newest first.
    let expected = [None, Some("All rights: News"), Some("© 2026 Ann & Bo, some rights reserved")];
    let tree = place.tree();
    let documents: Vec<(&String, &str)> = tree.iter().map(|(path, bytes)| (path, std::str::from_utf8(bytes).unwrap_or_default())).collect();
    let (mut atoms, mut others) = (0, 0);
    for (path, text) in documents.iter().filter(|(path, _)| path.ends_with(".atom")) {
        let feed = atom_syndication::Feed::read_from(text.as_bytes()).unwrap();
        assert_eq!(feed.rights, None, "{path}");
        for entry in &feed.entries {
            let own = entry.rights.as_ref().or(entry.source.as_ref().and_then(|source| source.rights.as_ref()));
            let number: usize = entry.id.rsplit(':').next().unwrap().parse().unwrap();
            assert_eq!(own.map(|rights| rights.value.as_str()), expected[3 - number], "{path}");
        }
        atoms += feed.entries.len();
    }
    for (path, text) in documents.iter().filter(|(path, _)| path.ends_with(".rss")) {
        let channel = ::rss::Channel::read_from(text.as_bytes()).unwrap();
        assert_eq!((channel.copyright.as_deref(), channel.dublin_core_ext.is_some()), (None, false), "{path}");
        for item in &channel.items {
            let number: usize = item.guid.as_ref().unwrap().value.rsplit(':').next().unwrap().parse().unwrap();
            let rights = &item.dublin_core_ext.as_ref().unwrap().rights;
            assert_eq!(rights.first().map(String::as_str), expected[3 - number], "{path}");
        }
        others += channel.items.len();
    }
    for (path, text) in documents.iter().filter(|(path, _)| path.ends_with("feed.json")) {
        let feed: Value = serde_json::from_str(text).unwrap();
        let is_rights = |key: &String| key.contains("rights") || key.contains("licence") || key.starts_with('_');
        assert!(!feed.as_object().unwrap().keys().any(is_rights), "{path}");
        for item in feed["items"].as_array().unwrap() {
            let number: usize = item["id"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
            assert_eq!(item["_topicwire"].get("rights").and_then(Value::as_str), expected[3 - number], "{path}");
        }
        others += feed["items"].as_array().unwrap().len();
    }
    assert!(atoms >= 9 && others == 2 * atoms, "{atoms} {others}");
}
