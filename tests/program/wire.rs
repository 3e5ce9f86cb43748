//! The main job, end to end through the binary: from sources on loopback to records and topic feeds.

use crate::common::{Answer, NOW, Origin, Place, rss};

const TOPICS: &str = r#"
[[topic]]
category = "Test: Telehealth"
any = ["telehealth"]

[[topic]]
category = "Test: Privacy"
any = ["privacy"]
"#;

const ITEMS: [(&str, &str, &str, u32); 3] = [
    ("g1", "Telehealth grows", "https://news.example/1?utm_source=rss", 10),
    ("g2", "Privacy &amp; telehealth", "https://news.example/2", 12),
    ("g3", "Something else", "https://news.example/3", 14),
];

fn one_source(items: &[(&str, &str, &str, u32)]) -> (Origin, Place) {
    let origin = Origin::start();
    origin.put("/feed", "application/rss+xml", rss("News", items));
    let place = Place::new(&origin, &[("news".into(), origin.url("/feed"))], TOPICS);
    (origin, place)
}

fn titles(place: &Place, topic: &str) -> Vec<String> {
    let feed: serde_json::Value = serde_json::from_str(&place.published(&format!("topic/{topic}/feed.json"))).unwrap();
    feed["items"].as_array().unwrap().iter().map(|i| i["title"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_refresh_publishes_records_and_topic_feeds() {
    let (_origin, place) = one_source(&ITEMS);
    let ran = place.run(&["refresh"]).expect(0);
    assert!(ran.out.contains("1 sources: 3 new entries, 0 changed; 0 failed"), "{}", ran.out);
    assert_eq!(titles(&place, "test-telehealth"), ["Privacy & telehealth", "Telehealth grows"]);
    assert_eq!(titles(&place, "test-privacy"), ["Privacy & telehealth"]);
    let names: Vec<String> = place.tree().into_keys().collect();
    for name in ["index.html", "opml.xml", "topic/test-privacy/index.html", "topic/test-privacy/feed.atom", "topic/test-privacy/feed.rss"] {
        assert!(names.contains(&format!("output/{name}")), "{name} in {names:?}");
    }
    let records: Vec<_> = names.iter().filter(|n| n.starts_with("output/news/") && n.ends_with(".md")).collect();
    assert_eq!(records.len(), 3);
    let record =
        records.iter().map(|n| place.published(n.strip_prefix("output/").unwrap())).find(|r| r.contains("title: Telehealth grows"));
    let record = record.unwrap();
    assert!(record.contains("href: https://news.example/1\n"), "{record}");
    assert!(record.contains("original: https://news.example/1?utm_source=rss\n"), "{record}");
    assert!(record.ends_with("<p>About Telehealth grows.</p>"), "{record}");
}

#[test]
fn an_unchanged_source_changes_no_byte_and_no_row() {
    let (origin, place) = one_source(&ITEMS);
    place.run(&["refresh"]).expect(0);
    let (tree, rows) = (place.tree(), place.rows());
    let ran = place.run_at("2026-11-20T13:00:00Z", &["refresh", "--json"]).expect(0);
    assert_eq!(ran.json()["sources"][0]["outcome"], "unchanged");
    let hits = origin.hits("/feed");
    assert_eq!((hits.requests, hits.conditional, hits.not_modified), (2, 1, 1));
    assert_eq!(place.tree(), tree);
    assert_eq!(place.rows(), rows);
}

#[test]
fn validators_go_back_byte_for_byte() {
    let (origin, place) = one_source(&ITEMS);
    place.run(&["refresh"]).expect(0);
    let first = origin.last_headers("/feed");
    assert!(!first.iter().any(|h| h.to_lowercase().starts_with("if-")), "{first:?}");
    place.run(&["refresh"]).expect(0);
    let second = origin.last_headers("/feed");
    assert!(second.iter().any(|h| h.to_lowercase().starts_with("if-none-match: w/\"") && h.ends_with(" x\"")), "{second:?}");
    assert!(second.iter().any(|h| h.starts_with("if-modified-since: Wed, 18 Nov 2026")), "{second:?}");
    assert!(second.iter().any(|h| h.starts_with("user-agent: topicwire/") && h.contains("(+https://wire.example/)")), "{second:?}");
}

#[test]
fn an_edit_updates_in_place() {
    let (origin, place) = one_source(&ITEMS);
    place.run(&["refresh"]).expect(0);
    let before = place.tree();
    let mut items = ITEMS;
    items[1].1 = "Privacy, edited";
    origin.put("/feed", "application/rss+xml", rss("News", &items));
    let ran = place.run_at("2026-11-20T14:00:00Z", &["refresh", "--json"]).expect(0);
    assert_eq!((&ran.json()["sources"][0]["new"], &ran.json()["sources"][0]["changed"]), (&0.into(), &1.into()));
    assert_eq!(titles(&place, "test-privacy"), ["Privacy, edited"]);
    assert_eq!(titles(&place, "test-telehealth"), ["Telehealth grows"], "it is no longer about telehealth");
    let after = place.tree();
    let changed: Vec<_> = after.iter().filter(|(path, bytes)| before.get(*path) != Some(bytes)).map(|(path, _)| path.as_str()).collect();
    assert_eq!(changed.iter().filter(|p| p.ends_with(".md")).count(), 1, "{changed:?}");
    let feed: serde_json::Value = serde_json::from_str(&place.published("topic/test-privacy/feed.json")).unwrap();
    assert_eq!(feed["items"][0]["date_published"], "2026-11-12T08:00:00Z");
    assert_eq!(feed["items"][0]["date_modified"], "2026-11-20T14:00:00Z");
    let ran = place.run(&["publish"]).expect(0);
    assert!(ran.out.contains(": 0 files written"), "publishing what changed left something stale: {}", ran.out);
}

#[test]
fn what_a_source_stops_listing_stays() {
    let (origin, place) = one_source(&ITEMS);
    place.run(&["refresh"]).expect(0);
    origin.put("/feed", "application/rss+xml", rss("News", &ITEMS[2..]));
    let before = place.tree();
    place.run_at("2026-11-20T14:00:00Z", &["refresh"]).expect(0);
    assert_eq!(place.tree(), before);
}

#[test]
fn new_rules_take_effect_on_what_is_stored_while_the_source_says_304() {
    let (origin, place) = one_source(&ITEMS);
    place.run(&["refresh"]).expect(0);
    let rules = "[[topic]]\ncategory = \"Test: Else\"\nany = [\"something else\"]\n";
    place.configure(&origin, &[("news".into(), origin.url("/feed"))], rules);
    let ran = place.run_at("2026-11-20T14:00:00Z", &["refresh", "--json"]).expect(0);
    assert_eq!(ran.json()["sources"][0]["outcome"], "unchanged");
    assert_eq!(titles(&place, "test-else"), ["Something else"]);
    assert!(!place.path().join("output/topic/test-privacy").exists(), "a topic that is not configured any more is not published");
}

#[test]
fn a_parse_failure_keeps_the_output_and_never_moves_the_validators() {
    let (origin, place) = one_source(&ITEMS);
    place.run(&["refresh"]).expect(0);
    let before = place.tree();
    origin.put("/feed", "text/html", "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in</body></html>");
    let ran = place.run_at("2026-11-20T14:00:00Z", &["refresh", "--json"]).expect(3);
    let source = &ran.json()["sources"][0];
    assert_eq!(source["failure"]["class"], "html-page");
    assert!(source["failure"]["why"].as_str().unwrap().contains("Sign in"), "{source}");
    assert_eq!(place.tree(), before);
    // The good document is back with its old validators: the request must still carry them.
    origin.put("/feed", "application/rss+xml", rss("News", &ITEMS));
    let ran = place.run_at("2026-11-20T15:00:00Z", &["refresh", "--json"]).expect(0);
    assert_eq!(ran.json()["sources"][0]["outcome"], "unchanged");
}

#[test]
fn a_document_that_breaks_off_is_read_and_fetched_again() {
    let (origin, place) = one_source(&ITEMS);
    let whole = rss("News", &ITEMS);
    let end = whole.find("<guid isPermaLink=\"false\">g3").unwrap();
    origin.put("/feed", "application/rss+xml", &whole[..end]);
    let ran = place.run(&["refresh", "--json"]).expect(0);
    assert_eq!(ran.json()["sources"][0]["new"], 2);
    assert!(ran.json()["sources"][0]["repairs"].to_string().contains("ends in the middle of entry 3"), "{}", ran.out);
    // Nothing vouches for what was cut off: the next request is unconditional, and brings the rest.
    origin.put("/feed", "application/rss+xml", whole);
    let ran = place.run_at("2026-11-20T14:00:00Z", &["refresh", "--json"]).expect(0);
    assert_eq!((&ran.json()["sources"][0]["new"], origin.hits("/feed").conditional), (&1.into(), 0));
}

#[test]
fn one_bad_source_never_costs_the_others() {
    let origin = Origin::start();
    origin.put("/good", "application/rss+xml", rss("Good", &ITEMS));
    origin.answer("/gone", Answer { status: 410, ..Answer::default() });
    origin.answer("/busy", Answer { status: 429, headers: vec![("Retry-After".into(), "7200".into())], body: Vec::new() });
    let sources: Vec<_> = ["good", "gone", "busy", "missing"].iter().map(|s| ((*s).to_owned(), origin.url(&format!("/{s}")))).collect();
    let place = Place::new(&origin, &sources, TOPICS);
    let ran = place.run(&["refresh", "--json"]).expect(3);
    let outcomes: Vec<_> = ran.json()["sources"].as_array().unwrap().iter().map(|s| s["outcome"].as_str().unwrap().to_owned()).collect();
    assert_eq!(outcomes, ["succeeded", "gone", "rate-limited", "failed"]);
    assert_eq!(titles(&place, "test-privacy").len(), 1);
    // The server asked for two hours: within them it is not asked again, not even by hand.
    place.run_at("2026-11-20T13:00:00Z", &["refresh", "busy"]).expect(3);
    assert_eq!(origin.hits("/busy").requests, 1);
    let status = place.run(&["status", "--json"]).expect(0).json();
    assert_eq!(status["sources"][0]["records"], 3);
    let next = status["sources"][2]["next"].as_str().unwrap();
    assert!(next.starts_with("2026-11-20T14:00:0"), "{next}");
}

#[test]
fn an_article_of_two_sources_is_published_once() {
    let origin = Origin::start();
    origin.put("/a", "application/rss+xml", rss("First", &[("a1", "Telehealth grows", "https://news.example/1", 10)]));
    origin.put("/b", "application/rss+xml", rss("Second", &[("b1", "Telehealth grows!", "https://news.example/1?utm_medium=x", 11)]));
    let place = Place::new(&origin, &[("a".into(), origin.url("/a")), ("b".into(), origin.url("/b"))], TOPICS);
    place.run(&["refresh"]).expect(0);
    assert_eq!(titles(&place, "test-telehealth"), ["Telehealth grows"]);
    let told = place.run(&["explain", "https://news.example/1?utm_campaign=z"]).expect(0).out;
    for part in [
        "brought by   a on 2026-11-20T12:00:00Z",
        "read as blake3 ",
        "in feeds     since 2026-11-20T12:00:00Z",
        "rights       excerpt of at most 300",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert!(told.contains("also by      b on"), "{told}");
    assert!(told.contains("any \"telehealth\" in the title at 0: \"Telehealth\""), "{told}");
}

#[test]
fn a_source_cannot_touch_anothers_entries() {
    let origin = Origin::start();
    origin.put("/a", "application/rss+xml", rss("First", &[("same-id", "Telehealth grows", "https://news.example/1", 10)]));
    let place = Place::new(&origin, &[("a".into(), origin.url("/a")), ("b".into(), origin.url("/b"))], TOPICS);
    place.run(&["refresh"]).expect(3);
    let before = titles(&place, "test-telehealth");
    origin.put("/b", "application/rss+xml", rss("Thief", &[("same-id", "Stolen telehealth", "https://thief.example/1", 10)]));
    place.run_at("2026-11-20T14:00:00Z", &["refresh"]).expect(0);
    assert_eq!(titles(&place, "test-telehealth").len(), 2);
    assert!(titles(&place, "test-telehealth").contains(&before[0]));
}

#[test]
fn undated_and_future_entries_are_dated_when_first_seen_once() {
    let origin = Origin::start();
    let feed = "<rss version='2.0'><channel><title>N</title><item><guid>u</guid><title>Telehealth undated</title><link>https://n.example/u</link></item>\
                <item><guid>f</guid><title>Telehealth future</title><link>https://n.example/f</link><pubDate>01 Jan 2040 00:00:00 GMT</pubDate></item></channel></rss>";
    origin.put("/feed", "text/xml", feed);
    let place = Place::new(&origin, &[("n".into(), origin.url("/feed"))], TOPICS);
    place.run(&["refresh"]).expect(0);
    let dates = |place: &Place| {
        let feed: serde_json::Value = serde_json::from_str(&place.published("topic/test-telehealth/feed.json")).unwrap();
        feed["items"].as_array().unwrap().iter().map(|i| i["date_published"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(dates(&place), [NOW, NOW]);
    origin.put("/feed", "text/xml", feed.replace("undated", "undated, edited"));
    place.run_at("2026-11-22T12:00:00Z", &["refresh"]).expect(0);
    assert_eq!(dates(&place), [NOW, NOW]);
}

#[test]
fn a_news_page_is_a_source() {
    let origin = Origin::start();
    let page = "<html lang=en><title>Press</title><div class=row><a href='/p/1'>Telehealth page</a><span class=d>March 06, 2026</span><p>Teaser</p></div>\
                <div class=row><a href='/p/2'>Another</a><span class=d>March 05, 2026</span></div></html>";
    origin.put("/press", "text/html", page);
    let place = Place::new(&origin, &[], TOPICS);
    let source = format!(
        "[[source]]\nid = \"press\"\nurl = \"{}\"\nkind = \"page\"\nselectors = {{ item = \".row\", date = \".d\", summary = \"p\" }}\n",
        origin.url("/press")
    );
    place.configure(&origin, &[], &(source + TOPICS));
    let ran = place.run(&["refresh", "--json"]).expect(0);
    assert_eq!(ran.json()["sources"][0]["new"], 2);
    let feed: serde_json::Value = serde_json::from_str(&place.published("topic/test-telehealth/feed.json")).unwrap();
    assert_eq!(feed["items"][0]["date_published"], "2026-03-06T00:00:00Z");
    assert_eq!(feed["items"][0]["url"], origin.url("/p/1"));
    // The selector stops matching: a failure with a reason, and the old output stays.
    let before = place.tree();
    origin.put("/press", "text/html", page.replace("class=row", "class=card"));
    let ran = place.run_at("2026-11-20T14:00:00Z", &["refresh", "--json"]).expect(3);
    assert!(ran.json()["sources"][0]["failure"]["why"].as_str().unwrap().contains(".row"), "{}", ran.out);
    assert_eq!(place.tree(), before);
}

#[test]
fn publish_rebuilds_the_same_tree() {
    let (_origin, place) = one_source(&ITEMS);
    place.run(&["refresh"]).expect(0);
    let before = place.tree();
    std::fs::remove_dir_all(place.path().join("output")).unwrap();
    place.run_at("2027-05-01T00:00:00Z", &["publish"]).expect(0);
    assert_eq!(place.tree(), before);
    std::fs::write(place.path().join("output/index.html"), "torn").unwrap();
    let ran = place.run(&["publish"]).expect(0);
    assert!(ran.out.contains("1 files written"), "{}", ran.out);
    assert_eq!(place.tree(), before);
}

#[test]
fn only_due_sources_are_polled_when_asked() {
    let (origin, place) = one_source(&ITEMS);
    place.run(&["refresh", "--due"]).expect(0);
    place.run_at("2026-11-20T12:30:00Z", &["refresh", "--due"]).expect(0);
    assert_eq!(origin.hits("/feed").requests, 1, "hourly by default");
    place.run_at("2026-11-20T13:30:00Z", &["refresh", "--due"]).expect(0);
    assert_eq!(origin.hits("/feed").requests, 2);
}

#[test]
fn a_dry_run_asks_nothing_and_writes_nothing() {
    let (origin, place) = one_source(&ITEMS);
    let ran = place.run(&["refresh", "--dry-run"]).expect(0);
    assert!(ran.out.contains("unconditional"), "{}", ran.out);
    assert_eq!(origin.hits("/feed").requests, 0);
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1, "only feeds.toml is there");
    place.run(&["refresh"]).expect(0);
    let ran = place.run(&["refresh", "--dry-run", "--json"]).expect(0);
    assert_eq!(ran.json()["would_fetch"][0]["conditional"], true);
}
