//! Ten ways in which a source breaks without an error: each is noticed at the first poll, its last good output stays, nothing of what it
//! gives instead is published, and it heals by itself or by a person's word.

use serde_json::Value;

use crate::common::{Answer, Origin, Place, rss};

const LATER: &str = "2026-11-20T13:00:00Z";
const EVEN_LATER: &str = "2026-11-21T13:00:00Z";
const LAST: &str = "2026-11-23T13:00:00Z";

const SELECTORS: &str = "kind = \"page\"\nselectors = { item = \"li.story\", title = \"h2\", link = \"a\", date = \"time\" }\n";

const TOPIC: &str = "[[topic]]\ncategory = \"Test: Care\"\nany = [\"care\", \"wine\", \"partner\", \"log\", \"read\"]\n";

/// A list page with these stories (number, day of November).
fn page(title: &str, stories: impl Iterator<Item = u32>, item: impl Fn(u32) -> String) -> String {
    let items: String = stories.map(item).collect();
    format!("<!doctype html><html lang=\"en\"><head><title>{title}</title></head><body><ul>{items}</ul></body></html>")
}

fn story(n: u32) -> String {
    format!(
        "<li class=\"story\"><h2><a href=\"/news/care-{n}\">Care story {n}</a></h2><time datetime=\"2026-11-{:02}\">x</time></li>",
        n % 28 + 1
    )
}

fn good_page() -> String {
    page("News", 1..11, story)
}

fn good_feed() -> String {
    feed("Care News", "news.example", 1..11)
}

fn feed(title: &str, host: &str, stories: std::ops::Range<u32>) -> String {
    let owned: Vec<(String, String, String, u32)> = stories
        .map(|n| (format!("{title}-{n}"), format!("Care story {n} of {title}"), format!("https://{host}/care-{n}"), n % 28 + 1))
        .collect();
    let items: Vec<_> = owned.iter().map(|(g, t, l, d)| (g.as_str(), t.as_str(), l.as_str(), *d)).collect();
    rss(title, &items).replace("https://news.example/</link>", &format!("https://{host}/</link>"))
}

struct Broken {
    name: &'static str,
    /// What the source gave, and what it gives now.
    good: String,
    bad: String,
    /// How it is configured besides its address.
    how: &'static str,
    /// The class that it is degraded with.
    class: &'static str,
}

fn breakages() -> Vec<Broken> {
    let page_of = |name, bad, class| Broken { name, good: good_page(), bad, how: SELECTORS, class };
    let feed_of = |name, bad, class| Broken { name, good: good_feed(), bad, how: "", class };
    let html = |title: &str, body: &str| format!("<!doctype html><html><head><title>{title}</title></head><body>{body}</body></html>");
    vec![
        page_of("the list comes empty", page("News", 0..0, story), "no-items"),
        page_of("the markup changes", good_page().replace("class=\"story\"", "class=\"teaser-2\""), "no-items"),
        page_of("the dates are gone", page("News", 5..15, |n| story(n).replace("<time", "<span").replace("</time", "</span")), "no-dates"),
        page_of(
            "the titles are gone",
            page("News", 5..15, |n| {
                format!("<li class=\"story\"><h2><a href=\"/n/{n}\">Read more</a></h2><time datetime=\"2026-11-09\"></time></li>")
            }),
            "no-titles",
        ),
        page_of(
            "the links lead to one address",
            page("News", 5..15, |n| {
                format!(
                    "<li class=\"story\"><h2><a href=\"/news/care?utm_source=x\">Care story {n} and care</a></h2><time datetime=\"2026-11-09\"></time></li>"
                )
            }),
            "no-links",
        ),
        page_of(
            "a login page",
            page("Log in | News", 1..5, |n| format!("<li class=\"story\"><h2><a href=\"/login/{n}\">Log in with {n}</a></h2></li>")),
            "barrier",
        ),
        page_of(
            "a consent page",
            page("Before you continue", 1..9, |n| format!("<li class=\"story\"><h2><a href=\"/partner/{n}\">Partner {n}</a></h2></li>")),
            "barrier",
        ),
        feed_of("a parked domain", html("This domain is for sale", "<a href=\"/buy\">Buy care.example</a>"), "html-page"),
        feed_of("another site's feed", feed("Wine Deals", "wine.example", 100..110), "other-site"),
        page_of(
            "another site's list",
            page("Wine", 100..110, |n| {
                format!(
                    "<li class=\"story\"><h2><a href=\"https://wine.example/{n}\">Wine care {n}</a></h2><time datetime=\"2026-11-09\"></time></li>"
                )
            }),
            "other-site",
        ),
    ]
}

fn source(place: &Place, id: &str) -> Value {
    let all = place.run_at(LATER, &["status", "--json", id]).expect(0).json();
    all["sources"][0].clone()
}

fn kind_of(body: &str) -> &'static str {
    if body.starts_with("<?xml") { "application/rss+xml" } else { "text/html" }
}

/// The site with one source, polled once while it was well.
fn well(broken: &Broken) -> (Origin, Place) {
    let origin = Origin::start();
    origin.put("/news", kind_of(&broken.good), broken.good.clone());
    let place = Place::new(&origin, &[("s".into(), origin.url("/news"))], "");
    let config = std::fs::read_to_string(place.config()).unwrap();
    std::fs::write(place.config(), format!("{}\n{}\n{TOPIC}", config.trim_end(), broken.how)).unwrap();
    place.run(&["refresh"]).expect(0);
    assert_eq!(source(&place, "s")["entries"], 10, "{}", broken.name);
    (origin, place)
}

#[test]
fn ten_breakages_are_noticed_at_the_first_poll_and_nothing_of_them_is_published() {
    for broken in breakages() {
        let (origin, place) = well(&broken);
        let name = broken.name;
        let (tree, validators) = (place.tree(), origin.last_headers("/news"));
        assert!(tree.keys().any(|path| path.contains("test-care")), "{name}: nothing was published");
        assert!(validators.iter().all(|header| !header.to_ascii_lowercase().starts_with("if-none-match")));

        origin.put("/news", kind_of(&broken.bad), broken.bad.clone());
        let ran = place.run_at(LATER, &["refresh", "--json"]).expect(3);
        let state = source(&place, "s");
        println!("{name}: {} ({}); repair: {}", state["failure"]["why"], state["failure"]["class"], state["degraded"]["repair"]);
        assert_eq!((&state["health"], &state["degraded"]["class"]), (&"degraded".into(), &broken.class.into()), "{name}: {state}");
        assert_eq!((&state["entries"], &ran.json()["published"]["written"]), (&10.into(), &0.into()), "{name}");
        assert_eq!(place.tree(), tree, "{name}: the output changed");

        // Still so at the next poll, which asks with the validators of the last good document.
        place.run_at(EVEN_LATER, &["refresh"]).expect(3);
        assert_eq!(origin.hits("/news").not_modified, 0, "{name}: the broken document's validators were kept");
        assert_eq!(place.tree(), tree, "{name}");

        // It heals by itself.
        origin.put("/news", kind_of(&broken.good), broken.good.clone());
        place.run_at(LAST, &["refresh"]).expect(0);
        let state = source(&place, "s");
        assert_eq!((&state["health"], &state["degraded"]), (&"well".into(), &Value::Null), "{name}");
        assert_eq!(place.tree(), tree, "{name}");
    }
}

#[test]
fn a_person_may_say_that_it_is_right_and_nothing_was_lost() {
    let broken = breakages().into_iter().find(|broken| broken.name == "another site's feed").unwrap();
    let (origin, place) = well(&broken);
    origin.put("/news", kind_of(&broken.bad), broken.bad.clone());
    place.run_at(LATER, &["refresh"]).expect(3);
    let told = place.run_at(LATER, &["status"]).expect(0).out;
    assert!(told.contains("degraded") && told.contains("--accept"), "{told}");
    place.run_at(LATER, &["retry", "s", "--accept"]).expect(0);
    let state = source(&place, "s");
    assert_eq!((&state["health"], &state["entries"]), (&"well".into(), &20.into()), "{state}");
    assert_eq!(state["normal"]["host"], "wine.example");
    // From now on that is normal, and its validators hold.
    place.run_at(EVEN_LATER, &["refresh"]).expect(0);
    assert_eq!(origin.hits("/news").not_modified, 1);
}

#[test]
fn a_repair_is_proposed_where_the_page_has_one() {
    let broken = breakages().into_iter().find(|broken| broken.name == "the markup changes").unwrap();
    let (origin, place) = well(&broken);
    let head = "<head><link rel=\"alternate\" type=\"application/rss+xml\" href=\"/feed.xml\">";
    origin.put("/news", "text/html", broken.bad.replace("<head>", head));
    place.run_at(LATER, &["refresh"]).expect(3);
    let told = place.run_at(LATER, &["status", "s"]).expect(0).out;
    assert!(told.contains(&format!("the page names a feed: url = \"{}\"", origin.url("/feed.xml"))), "{told}");
    // Without one, the list that is found on the page.
    origin.put("/news", "text/html", broken.bad.clone());
    place.run_at(EVEN_LATER, &["refresh"]).expect(3);
    let told = place.run_at(LATER, &["status", "s"]).expect(0).out;
    assert!(told.contains("10 entries are found with kind = \"page\", selectors = { item = "), "{told}");
}

#[test]
fn a_quiet_source_and_a_first_poll_are_never_degraded() {
    let origin = Origin::start();
    origin.put("/news", "application/rss+xml", good_feed());
    let first = "<rss version=\"2.0\"><channel><title>Empty</title></channel></rss>";
    origin.put("/empty", "application/rss+xml", first);
    let place = Place::new(&origin, &[("s".into(), origin.url("/news")), ("e".into(), origin.url("/empty"))], TOPIC);
    for n in 0..20 {
        let day = format!("2026-12-{:02}T12:00:00Z", n + 1);
        // The same for days; one story less; many more; and the same again.
        let body = match n {
            0..5 => good_feed(),
            5..8 => feed("Care News", "news.example", 1..10),
            8..12 => feed("Care News", "news.example", 1..28),
            _ => feed("Care News", "www.news.example", 27..28),
        };
        origin.put("/news", "application/rss+xml", body);
        place.run_at(&day, &["refresh"]).expect(0);
    }
    assert_eq!((&source(&place, "s")["degraded"], &source(&place, "e")["degraded"]), (&Value::Null, &Value::Null));
}

#[test]
fn an_empty_feed_removes_nothing_and_is_flagged_at_the_third() {
    let origin = Origin::start();
    origin.put("/news", "application/rss+xml", good_feed());
    let place = Place::new(&origin, &[("s".into(), origin.url("/news"))], TOPIC);
    place.run(&["refresh"]).expect(0);
    let tree = place.tree();
    origin.put("/news", "application/rss+xml", "<rss version=\"2.0\"><channel><title>Care News</title></channel></rss>");
    for (hour, code) in [(13, 0), (14, 0), (15, 3)] {
        place.run_at(&format!("2026-11-20T{hour}:00:00Z"), &["refresh"]).expect(code);
        let state = source(&place, "s");
        assert_eq!(state["entries"], 10);
        assert_eq!(state["health"], if code == 0 { "well" } else { "degraded" });
        let noticed = state["repairs"].to_string().contains("in a row") || state["degraded"]["class"] == "empty";
        assert!(noticed, "{state}");
    }
    assert_eq!(place.tree(), tree);
    assert_eq!(origin.hits("/news").not_modified, 0, "an empty document's validators were kept");
}

#[test]
fn a_stale_copy_reverts_nothing() {
    let origin = Origin::start();
    let built = |day: u32, feed: String| {
        feed.replace("<link>https://news.example/</link>", &format!("<lastBuildDate>{day} Nov 2026 08:00:00 GMT</lastBuildDate>"))
    };
    let old = built(2, feed("Care News", "news.example", 1..11));
    let new = built(16, feed("Care News", "news.example", 3..13)).replace("Care story 5 of Care News", "Care story 5, corrected");
    origin.put("/news", "application/rss+xml", old.clone());
    let place = Place::new(&origin, &[("s".into(), origin.url("/news"))], TOPIC);
    place.run(&["refresh"]).expect(0);
    origin.put("/news", "application/rss+xml", new.clone());
    place.run_at(LATER, &["refresh"]).expect(0);
    let tree = place.tree();
    origin.put("/news", "application/rss+xml", old);
    let ran = place.run_at(EVEN_LATER, &["refresh", "--json"]).expect(0);
    assert_eq!(ran.json()["sources"][0]["changed"], 0);
    assert_eq!(place.tree(), tree);
    origin.put("/news", "application/rss+xml", new);
    place.run_at(LAST, &["refresh"]).expect(0);
    assert_eq!(place.tree(), tree);
}

#[test]
fn a_challenge_page_is_blocked_not_read() {
    let (origin, place) = well(&breakages().remove(0));
    let body = b"<!doctype html><html><head><title>Just a moment...</title></head><body></body></html>".to_vec();
    origin.answer("/news", Answer { status: 200, headers: vec![("Content-Type".into(), "text/html".into())], body });
    let tree = place.tree();
    place.run_at(LATER, &["refresh"]).expect(3);
    assert_eq!(source(&place, "s")["health"], "blocked");
    assert_eq!(place.tree(), tree);
}

#[test]
fn ids_that_change_at_every_poll_make_no_second_article() {
    let origin = Origin::start();
    let with = |poll: u32| good_feed().replace("Care News-", &format!("{poll}-Care News-"));
    origin.put("/news", "application/rss+xml", with(0));
    let place = Place::new(&origin, &[("s".into(), origin.url("/news"))], TOPIC);
    place.run(&["refresh"]).expect(0);
    for poll in 1..5 {
        origin.put("/news", "application/rss+xml", with(poll));
        place.run_at(&format!("2026-11-21T{poll:02}:00:00Z"), &["refresh"]).expect(0);
        if poll == 1 {
            let repairs = source(&place, "s")["repairs"].to_string();
            assert!(repairs.contains("10 articles came with new ids"), "{repairs}");
        }
    }
    let state = source(&place, "s");
    assert_eq!(state["records"], 10, "{state}");
}
