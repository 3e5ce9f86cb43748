//! Kinds of sources, what the program finds out by itself, and what it does with hostile ones.

use std::io::Write as _;

use serde_json::Value;

use crate::common::{Answer, Origin, Place, rss};

const LATER: &str = "2026-11-20T13:00:00Z";

/// A site on one source, with `how` after its address.
fn place(origin: &Origin, url: &str, how: &str) -> Place {
    let place = Place::new(origin, &[("s".into(), url.to_owned())], "");
    let config = std::fs::read_to_string(place.config()).unwrap();
    std::fs::write(place.config(), format!("{}\n{how}\n", config.trim_end())).unwrap();
    place
}

fn status(place: &Place, id: &str) -> Value {
    place.run(&["status", "--json", id]).expect(0).json()["sources"][0].clone()
}

fn html(head: &str, body: &str) -> String {
    format!("<!doctype html><html lang=\"en\"><head><title>A site</title>{head}</head><body>{body}</body></html>")
}

fn items() -> String {
    rss("News", &[("g1", "One thing", "https://n.example/1", 3), ("g2", "Two things", "https://n.example/2", 4)])
}

const POSTS: &str = r#"[{"id":1,"date_gmt":"2026-11-18T10:00:00","guid":{"rendered":"https://n.example/?p=1"},"link":"https://n.example/care/",
    "title":{"rendered":"Care &#8211; now"},"excerpt":{"rendered":"<p>Short.</p>"},"content":{"rendered":"<p>Long.</p>"},
    "_embedded":{"author":[{"name":"A. Writer"}],"wp:term":[[{"name":"Data","taxonomy":"category","slug":"data"}]]}}]"#;

const WP_QUERY: &str = "?_embed=author%2Cwp%3Aterm%2Cwp%3Afeaturedmedia&per_page=50";

fn urlset(range: std::ops::Range<u32>) -> String {
    let urls: String = range
        .map(|n| format!("<url><loc>https://n.example/story-number-{n}</loc><lastmod>2026-11-{:02}</lastmod></url>", n % 20 + 1))
        .collect();
    format!("<?xml version=\"1.0\"?><urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">{urls}</urlset>")
}

#[test]
fn a_feed_that_a_page_names_is_found_once_and_asked_from_then_on() {
    let origin = Origin::start();
    let links = "<link rel=\"alternate\" type=\"application/rss+xml\" href=\"/comments/feed\"><link rel=\"alternate\" type=\"application/atom+xml\" href=\"/feed\">";
    origin.put("/", "text/html", html(links, "<p>Hello</p>"));
    origin.put("/feed", "application/rss+xml", items());
    let place = place(&origin, &origin.url("/"), "");
    place.run(&["refresh"]).expect(0);
    let state = status(&place, "s");
    assert_eq!((&state["found"]["kind"], &state["found"]["url"]), (&"feed".into(), &origin.url("/feed").into()), "{state}");
    assert_eq!(state["entries"], 2);
    assert!(place.run(&["status", "s"]).expect(0).out.contains("(found: the page names it)"));
    assert!(place.run(&["check"]).expect(0).out.contains("s: read as feed at"));
    place.run_at(LATER, &["refresh"]).expect(0);
    assert_eq!((origin.hits("/").requests, origin.hits("/feed").requests, origin.hits("/feed").not_modified), (1, 2, 1));
    assert_eq!(origin.all_hits().requests, 3, "nothing else was asked for");

    // When it moves within the site, it is looked for again.
    origin.answer("/feed", Answer { status: 404, ..Answer::default() });
    origin.put("/", "text/html", html(&links.replace("\"/feed\"", "\"/feeds/all.xml\""), ""));
    origin.put(
        "/feeds/all.xml",
        "application/rss+xml",
        rss("News", &[("g2", "Two things", "https://n.example/2", 4), ("g3", "Three", "https://n.example/3", 5)]),
    );
    place.run_at("2026-11-20T14:00:00Z", &["refresh"]).expect(0);
    let state = status(&place, "s");
    assert_eq!((&state["found"]["url"], &state["entries"]), (&origin.url("/feeds/all.xml").into(), &3.into()));
}

#[test]
fn a_wordpress_site_is_read_through_its_interface() {
    let origin = Origin::start();
    origin.put("/", "text/html", html("<link rel=\"https://api.w.org/\" href=\"/wp-json/\">", ""));
    let posts = format!("/wp-json/wp/v2/posts{WP_QUERY}");
    origin.put(&posts, "application/json", POSTS);
    for (url, how) in [(origin.url("/"), ""), (origin.url("/"), "kind = \"wordpress\"")] {
        let place = place(&origin, &url, how);
        place.run(&["refresh"]).expect(0);
        place.run_at(LATER, &["refresh"]).expect(0);
        let tested = place.run(&["test", "s", "--json"]).expect(0).json();
        let record = &tested["records"][0];
        assert_eq!(
            (&record["title"], &record["authors"][0], &record["published"]),
            (&"Care – now".into(), &"A. Writer".into(), &"2026-11-18T10:00:00Z".into()),
            "{tested}"
        );
        assert_eq!(status(&place, "s")["entries"], 1);
    }
    assert_eq!((origin.hits("/").requests, origin.hits(&posts).not_modified), (1, 2));
}

#[test]
fn a_sitemap_index_is_followed_within_bounds_and_unpacked() {
    let origin = Origin::start();
    let mut index = String::from("<sitemapindex>");
    for n in 0..30 {
        index += &format!("<sitemap><loc>/map-{n}.xml.gz</loc><lastmod>2026-11-{:02}</lastmod></sitemap>", n % 28 + 1);
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(urlset(n * 10..n * 10 + 10).as_bytes()).unwrap();
        origin.put(&format!("/map-{n}.xml.gz"), "application/gzip", gz.finish().unwrap());
    }
    origin.put("/sitemap.xml", "application/xml", index + "</sitemapindex>");
    let place = place(&origin, &origin.url("/sitemap.xml"), "kind = \"sitemap\"");
    place.run(&["refresh"]).expect(0);
    let state = status(&place, "s");
    assert_eq!((&state["entries"], origin.all_hits().requests), (&80.into(), 9), "{state}");
    assert!(state["repairs"].to_string().contains("30 files; 8 were asked for"), "{state}");
    // Unchanged: one request.
    place.run_at(LATER, &["refresh"]).expect(0);
    assert_eq!((origin.all_hits().requests, origin.hits("/sitemap.xml").not_modified), (10, 1));
    let tested = place.run(&["test", "s"]).expect(0).out;
    assert!(tested.contains("Story number") && tested.contains("nothing was stored"), "{tested}");
}

#[test]
fn ten_thousand_addresses_are_the_limit_and_it_is_said() {
    let origin = Origin::start();
    origin.put("/sitemap.xml", "application/xml", urlset(0..12_000));
    let place = place(&origin, &origin.url("/sitemap.xml"), "kind = \"sitemap\"");
    place.run(&["refresh"]).expect(0);
    let state = status(&place, "s");
    assert_eq!(state["entries"], 10_000);
    assert!(state["repairs"].to_string().contains("12000 addresses listed; the newest 10000 were taken"), "{state}");
}

#[test]
fn a_site_with_nothing_but_a_sitemap_is_read_by_it() {
    let origin = Origin::start();
    origin.put("/", "text/html", html("", "<p>Hello</p>"));
    origin.put("/robots.txt", "text/plain", format!("User-agent: *\nSitemap: {}\n", origin.url("/maps/all.xml")));
    origin.put("/maps/all.xml", "application/xml", urlset(0..5));
    let place = place(&origin, &origin.url("/"), "");
    place.run(&["refresh"]).expect(0);
    let state = status(&place, "s");
    assert_eq!((&state["found"]["kind"], &state["entries"]), (&"sitemap".into(), &5.into()), "{state}");
    place.run_at(LATER, &["refresh"]).expect(0);
    assert_eq!((origin.hits("/").requests, origin.hits("/robots.txt").requests, origin.hits("/maps/all.xml").requests), (1, 1, 2));
}

#[test]
fn a_page_in_place_of_robots_and_of_everything_else_is_refused_with_a_reason() {
    let origin = Origin::start();
    for path in ["/", "/robots.txt", "/sitemap.xml"] {
        origin.put(path, "text/html", html("", "<p>Sitemap: https://evil.example/x.xml</p>"));
    }
    let place = place(&origin, &origin.url("/"), "");
    place.run(&["refresh"]).expect(3);
    let state = status(&place, "s");
    assert!(state["failure"]["why"].as_str().unwrap().contains("not a feed: an HTML page titled \"A site\""), "{state}");
    assert_eq!(origin.all_hits().requests, 3);
}

#[test]
fn next_pages_are_asked_for_while_they_bring_something_new() {
    let origin = Origin::start();
    let page = |n: u32| {
        let items: String = (0..5).map(|i| format!("<li><a href=\"/news/story-{n}-{i}\">Story {n} {i}</a></li>")).collect();
        html("", &format!("<ul class=\"list\">{items}</ul><a class=\"next\" href=\"/news?page={}\">Older</a>", n + 1))
    };
    origin.put("/news", "text/html", page(1));
    for n in 2..9 {
        origin.put(&format!("/news?page={n}"), "text/html", page(n));
    }
    let how = "kind = \"page\"\nselectors = { item = \".list li\", link = \"a\", next = \"a.next\", pages_max = 4 }";
    let place = place(&origin, &origin.url("/news"), how);
    place.run(&["refresh"]).expect(0);
    assert_eq!((&status(&place, "s")["entries"], origin.all_hits().requests), (&20.into(), 4));
    // One new story on the first page: the second brings nothing unknown and is the last.
    origin.put("/news", "text/html", page(1).replace("<ul class=\"list\">", "<ul class=\"list\"><li><a href=\"/news/new\">New</a></li>"));
    place.run_at(LATER, &["refresh"]).expect(0);
    assert_eq!((&status(&place, "s")["entries"], origin.all_hits().requests), (&21.into(), 6));
    assert_eq!(origin.hits("/news?page=3").requests, 1);
}

/// What lists name is read before a command knows whether it works on the store.
#[test]
fn a_store_of_the_version_before_is_brought_up_to_date_although_there_is_a_list() {
    let origin = Origin::start();
    let place = place(&origin, &origin.url("/list.opml"), "kind = \"opml\"");
    let store = rusqlite::Connection::open(place.path().join("topicwire.db")).unwrap();
    store.execute_batch(include_str!("../fixtures/stores/version-1.sql")).unwrap();
    drop(store);
    assert!(
        place.run(&["status"]).expect(1).err.contains("was written by an older topicwire; refresh, publish or serve brings it up to date")
    );
    place.run(&["publish"]).expect(0);
    assert!(place.run(&["explain", "https://harbour.example/2"]).expect(0).out.contains("A quay is mended"));
    place.run(&["status"]).expect(0);
}

#[test]
fn a_list_of_feeds_is_kept_in_sync() {
    let origin = Origin::start();
    for name in ["a", "b", "c"] {
        let link = format!("https://{name}.example/1");
        origin.put(&format!("/{name}.xml"), "application/rss+xml", rss(name, &[(name, &format!("Story of {name}"), &link, 3)]));
    }
    let opml = |names: &[&str]| {
        let outlines: String = names
            .iter()
            .map(|n| format!("<outline text=\"{n}\" xmlUrl=\"{}\" command=\"rm\"/>", origin.url(&format!("/{n}.xml"))))
            .collect();
        format!("<opml version=\"2.0\"><head><title>L</title></head><body><outline text=\"Folder\">{outlines}</outline></body></opml>")
    };
    origin.put("/list.opml", "text/x-opml", opml(&["a", "b"]));
    let place = place(&origin, &origin.url("/list.opml"), "kind = \"opml\"\ncurator = \"List desk\"");
    // One command: the list, and what it names.
    place.run(&["refresh"]).expect(0);
    let all = place.run(&["status", "--json"]).expect(0).json();
    let sources = all["sources"].as_array().unwrap().clone();
    assert_eq!(
        (sources.len(), &sources[0]["names"], &sources[1]["named_by"], &sources[1]["entries"]),
        (3, &2.into(), &"s".into(), &1.into()),
        "{all}"
    );
    // One leaves, one comes.
    origin.put("/list.opml", "text/x-opml", opml(&["b", "c"]));
    place.run_at(LATER, &["refresh"]).expect(0);
    let gone = sources[1]["id"].as_str().unwrap().to_owned();
    assert!(place.run(&["status", &gone]).expect(2).err.contains("no source named"));
    assert_eq!(origin.hits("/c.xml").requests, 1);
    let asked = origin.hits("/a.xml").requests;
    place.run_at("2026-11-20T15:00:00Z", &["refresh"]).expect(0);
    assert_eq!(origin.hits("/a.xml").requests, asked, "what left the list is still polled");
    assert!(place.run(&["explain", "https://a.example/1"]).expect(0).out.contains("Story of a"), "its entries stay");
    assert!(place.tree().values().any(|bytes| String::from_utf8_lossy(bytes).contains("List desk")));
}

#[test]
fn a_list_in_a_file_is_read_and_a_remote_one_may_not_name_files() {
    let origin = Origin::start();
    origin.put("/a.xml", "application/rss+xml", items());
    let place = place(&origin, "list.opml", "kind = \"opml\"");
    let opml = format!("<opml><body><outline xmlUrl=\"{}\"/><outline xmlUrl=\"file:///etc/passwd\"/></body></opml>", origin.url("/a.xml"));
    std::fs::write(place.path().join("list.opml"), &opml).unwrap();
    let ran = place.run(&["refresh", "--json"]).expect(0).json();
    assert_eq!((ran["sources"].as_array().unwrap().len(), &ran["sources"][1]["new"]), (2, &2.into()), "{ran}");
    assert!(status(&place, "s")["repairs"].to_string().contains("1 feeds are left out"));
    std::fs::remove_file(place.path().join("list.opml")).unwrap();
    let ran = place.run_at(LATER, &["refresh", "--json"]).expect(3).json();
    assert!(ran["sources"][0]["failure"]["why"].as_str().unwrap().contains("list.opml"), "{ran}");
    assert_eq!(ran["sources"].as_array().unwrap().len(), 2, "what it named is polled on");
}

#[test]
fn a_list_that_suddenly_shrinks_or_floods_is_held() {
    let origin = Origin::start();
    let opml = |count: u32| {
        let outlines: String = (0..count).map(|n| format!("<outline xmlUrl=\"{}\"/>", origin.url(&format!("/{n}.xml")))).collect();
        format!("<opml><body>{outlines}</body></opml>")
    };
    for n in 0..9 {
        let (id, link) = (format!("g{n}"), format!("https://n.example/{n}"));
        origin.put(&format!("/{n}.xml"), "application/rss+xml", rss("F", &[(&id, &format!("Story {n}"), &link, 3)]));
    }
    origin.put("/l", "text/xml", opml(9));
    let place = place(&origin, &origin.url("/l"), "kind = \"opml\"");
    place.run(&["refresh"]).expect(0);
    origin.put("/l", "text/xml", opml(1));
    place.run_at(LATER, &["refresh"]).expect(3);
    let state = status(&place, "s");
    assert_eq!((&state["health"], &state["degraded"]["class"], &state["names"]), (&"degraded".into(), &"shrunk".into(), &9.into()));
    place.run_at(LATER, &["retry", "s", "--accept"]).expect(0);
    assert_eq!(status(&place, "s")["names"], 1);
    let asked = origin.all_hits().requests;
    origin.put("/l", "text/xml", opml(500));
    place.run_at("2026-11-20T16:00:00Z", &["refresh"]).expect(3);
    assert_eq!((&status(&place, "s")["degraded"]["class"], origin.all_hits().requests), (&"flood".into(), asked + 2));
}

#[test]
fn discover_shows_what_there_is_and_adds_it_without_touching_the_rest() {
    let origin = Origin::start();
    let head = "<link rel=\"alternate\" type=\"application/rss+xml\" href=\"/feed\"><link rel=\"https://api.w.org/\" href=\"/wp-json/\">";
    origin.put("/", "text/html", html(head, ""));
    origin.put("/feed", "application/rss+xml", items());
    origin.put(&format!("/wp-json/wp/v2/posts{WP_QUERY}"), "application/json", POSTS);
    origin.put("/robots.txt", "text/plain", "Sitemap: /map.xml\n");
    origin.put("/map.xml", "application/xml", urlset(0..3));
    let place = place(&origin, &origin.url("/other"), "# a comment at the end, without a line's end");
    let before = std::fs::read_to_string(place.config()).unwrap();
    let shown = place.run(&["discover", &origin.url("/"), "--json"]).expect(0).json();
    let kinds: Vec<&str> = shown["offers"].as_array().unwrap().iter().map(|o| o["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["feed", "wordpress", "sitemap"], "{shown}");
    assert_eq!((&shown["offers"][0]["preview"][0]["title"], &shown["offers"][2]["entries"]), (&"One thing".into(), &3.into()));
    assert!(shown["requests"].as_u64().unwrap() < 10);
    assert_eq!(std::fs::read_to_string(place.config()).unwrap(), before, "nothing was asked to be added");

    let ran = place.run(&["discover", &origin.url("/"), "--add", "--pick", "2", "--id", "care"]).expect(0);
    assert!(ran.out.contains("added offer 2"), "{}", ran.out);
    let after = std::fs::read_to_string(place.config()).unwrap();
    assert!(after.starts_with(&before) && after.contains("id = \"care\"") && after.contains("kind = \"wordpress\""), "{after}");
    place.run(&["refresh", "care"]).expect(0);
    assert_eq!(status(&place, "care")["entries"], 1);
    // Twice is a mistake; so is an id that is taken. Both leave the file alone.
    for arguments in [
        &["discover", &origin.url("/"), "--add", "--pick", "2"][..],
        &["discover", &origin.url("/"), "--add", "--id", "s"],
        &["discover", &origin.url("/"), "--add", "--pick", "9"],
    ] {
        place.run(arguments).expect(2);
        assert_eq!(std::fs::read_to_string(place.config()).unwrap(), after);
    }
}

#[test]
fn discover_works_without_a_configuration_and_says_why_there_is_nothing() {
    let origin = Origin::start();
    let place = Place { dir: tempfile::tempdir().unwrap() };
    let ran = place.run(&["discover", &origin.url("/")]).expect(2);
    assert!(ran.err.contains("may not be reached"), "{}", ran.err);
    assert!(place.run(&["discover", "https://n.example/", "--add"]).expect(2).err.contains("topicwire init"));
}

#[test]
fn test_stores_nothing() {
    let origin = Origin::start();
    origin.put("/feed", "application/rss+xml", items());
    let place = place(&origin, &origin.url("/feed"), "\n[[topic]]\ncategory = \"T: Things\"\nany = [\"things\"]\n");
    let ran = place.run(&["test", "s"]).expect(0);
    assert!(ran.out.contains("Two things") && ran.out.contains("T: Things") && ran.out.contains("2 entries, 2 records"), "{}", ran.out);
    assert!(!place.path().join("topicwire.db").exists() && place.tree().is_empty());
    place.run(&["refresh"]).expect(0);
    let rows = place.rows();
    origin.put("/feed", "application/rss+xml", items().replace("One thing", "One changed thing"));
    assert!(place.run_at(LATER, &["test", "s"]).expect(0).out.contains("One changed thing"));
    assert_eq!(place.rows(), rows);
    origin.put("/feed", "text/html", html("", ""));
    let told = place.run_at(LATER, &["test", "s"]).expect(3).out;
    assert!(told.contains("drift: html-page"), "{told}");
}

#[test]
fn endless_redirects_and_large_pages_have_a_reason_each_and_harm_nobody() {
    let origin = Origin::start();
    for n in 0..9 {
        let headers = vec![("Location".into(), format!("/hop{}", n + 1))];
        origin.answer(&format!("/hop{n}"), Answer { status: 302, headers, body: Vec::new() });
    }
    origin.answer("/circle", Answer { status: 301, headers: vec![("Location".into(), "/circle".into())], body: Vec::new() });
    let head = html("", "").into_bytes();
    let large = [head.as_slice(), &vec![b'x'; 50 << 20]].concat();
    origin.answer("/large", Answer { status: 200, headers: vec![("Content-Type".into(), "text/html".into())], body: large });
    origin.put("/feed", "application/rss+xml", items());
    // A sitemap and a page that lead to the same.
    origin.put(
        "/index.xml",
        "application/xml",
        "<sitemapindex><sitemap><loc>/large</loc></sitemap><sitemap><loc>/circle</loc></sitemap></sitemapindex>",
    );
    origin.put("/page", "text/html", html("<link rel=\"alternate\" type=\"application/rss+xml\" href=\"/hop0\">", ""));
    let names = ["hop0", "circle", "large", "index.xml", "page", "feed"];
    let sources: Vec<(String, String)> = names.iter().map(|n| (n.replace('.', "-"), origin.url(&format!("/{n}")))).collect();
    let place = Place::new(&origin, &sources, "");
    let ran = place.run(&["refresh", "--json"]).expect(3).json();
    let why = |id: &str| {
        let source = ran["sources"].as_array().unwrap().iter().find(|s| s["id"] == id).unwrap();
        source["failure"]["why"].as_str().unwrap_or_default().to_owned()
    };
    for (id, part) in [
        ("hop0", "redirects more than 5 times"),
        ("circle", "redirects in a circle"),
        ("large", "10"),
        ("index-xml", "no file of the sitemap's index can be read"),
        ("page", "not a feed: an HTML page"),
        ("feed", ""),
    ] {
        println!("{id}: {}", why(id));
        assert!(why(id).contains(part), "{id}: {}", why(id));
        assert_eq!(why(id).is_empty(), part.is_empty(), "{id}");
    }
    assert_eq!(status(&place, "feed")["entries"], 2);
}

#[test]
fn a_host_that_wants_fewer_requests_is_asked_nothing_more() {
    let origin = Origin::start();
    let files: String = (0..4).map(|n| format!("<sitemap><loc>/map-{n}.xml</loc><lastmod>2026-11-20</lastmod></sitemap>")).collect();
    origin.put("/sitemap.xml", "application/xml", format!("<sitemapindex>{files}</sitemapindex>"));
    for n in 0..4 {
        let headers = vec![("Retry-After".into(), "7200".into())];
        origin.answer(&format!("/map-{n}.xml"), Answer { status: 429, headers, body: Vec::new() });
    }
    let place = place(&origin, &origin.url("/sitemap.xml"), "kind = \"sitemap\"");
    place.run(&["refresh"]).expect(3);
    assert_eq!((&status(&place, "s")["outcome"], origin.all_hits().requests), (&"rate-limited".into(), 2));
    place.run_at(LATER, &["refresh"]).expect(3);
    assert_eq!(origin.all_hits().requests, 2);
}

#[test]
fn a_page_without_a_kind_is_read_by_its_list_and_degrades_when_that_goes() {
    let origin = Origin::start();
    let items: String = (1..9)
        .map(|n| {
            format!(
                "<article class=\"card\"><h2><a href=\"/news/story-{n}\">The hospital tells story number {n}</a></h2>\
                 <time datetime=\"2026-11-{n:02}T08:00:00Z\">x</time><p>What happened in story {n}, told in a sentence or two.</p></article>"
            )
        })
        .collect();
    origin.put("/news", "text/html", html("", &format!("<main>{items}</main>")));
    let place = place(&origin, &origin.url("/news"), "");
    place.run(&["refresh"]).expect(0);
    let state = status(&place, "s");
    assert_eq!((&state["found"]["kind"], &state["entries"]), (&"page".into(), &8.into()), "{state}");
    place.run_at(LATER, &["refresh"]).expect(0);
    assert_eq!(origin.all_hits().requests, 2, "one request a poll");
    let tree = place.tree();
    origin.put("/news", "text/html", html("", "<main><p>We are redesigning.</p></main>"));
    place.run_at("2026-11-20T14:00:00Z", &["refresh"]).expect(3);
    assert_eq!((&status(&place, "s")["health"], place.tree()), (&"degraded".into(), tree));
}
