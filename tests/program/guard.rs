//! Where the program goes and where it does not, through the binary.

use crate::common::{Answer, NOW, Origin, Place, rss};

fn place(origin: &Origin, site: &str, fetch: &str, sources: &str) -> Place {
    let place = Place { dir: tempfile::tempdir().unwrap() };
    let config = format!(
        "[site]\ntitle = \"T\"\nbase_url = \"https://wire.example/\"\n{site}\n[fetch]\nhost_gap = 0\nfloor = 0\n{fetch}\n\n[defaults]\nenrich = \"never\"\n{sources}"
    );
    std::fs::write(place.config(), config.replace("PORT", &origin.address.port().to_string())).unwrap();
    place
}

fn source(id: &str, url: &str, more: &str) -> String {
    format!("[[source]]\nid = \"{id}\"\nurl = \"{url}\"\n{more}\n\n")
}

fn why(place: &Place, id: &str) -> String {
    let ran = place.run(&["refresh", "--json"]);
    let all = ran.json();
    let source = all["sources"].as_array().unwrap().iter().find(|source| source["id"] == id).cloned().unwrap_or_default();
    source["failure"]["why"].as_str().unwrap_or_default().to_owned()
}

fn one(origin: &Origin) {
    origin.put("/feed", "application/rss+xml", rss("News", &[("g1", "One", "https://n.example/1", 3)]));
}

#[test]
fn an_intranet_source_is_reached_by_its_own_allowance_and_by_no_other_source() {
    let origin = Origin::start();
    one(&origin);
    let headers = vec![("Location".to_owned(), origin.url("/feed"))];
    origin.answer("/away", Answer { status: 302, headers, body: Vec::new() });
    let url = origin.url("/feed");
    let own = "allow = [\"127.0.0.1\"]\nports = [PORT]\nheaders = { X-Api-Key = \"hush-hush\" }";
    // `b` may ask this port, but not this address; it is the same host.
    let place = place(&origin, "", "", &(source("a", &url, own) + &source("b", &url, "ports = [PORT]")));
    let ran = place.run(&["refresh", "--json"]).expect(3);
    assert_eq!(ran.json()["sources"][0]["outcome"], "succeeded");
    let told = ran.json()["sources"][1]["failure"]["why"].as_str().unwrap().to_owned();
    assert_eq!(told, "refuses to connect to 127.0.0.1: this machine itself; if it is yours, add its network to allow in this [[source]]");
    assert_eq!(origin.hits("/feed").requests, 1);
    assert!(origin.last_headers("/feed").contains(&"x-api-key: hush-hush".to_owned()));
    // `parse` reads a configured source as its polls do, and never shows the secret.
    let ran = place.run(&["parse", &url]).expect(0);
    assert!(ran.out.contains("One") && !ran.out.contains("hush"), "{}", ran.out);
    for command in [&["status", "--json"][..], &["check"], &["refresh"]] {
        let ran = place.run(command);
        assert!(!ran.out.contains("hush") && !ran.err.contains("hush"), "{command:?}");
    }
    assert!(!place.tree().values().any(|bytes| String::from_utf8_lossy(bytes).contains("hush")));
    // What cannot be fetched or opened is told, and the rest is read all the same.
    let (away, none) = (origin.url("/away"), "no-such-file.xml");
    let bare = place.run(&["parse", &away, none, &url]).expect(3);
    assert!(bare.err.contains("refuses port") && bare.err.contains("no-such-file.xml: cannot be read: "), "{}", bare.err);
    assert!(bare.out.contains("One"), "{}", bare.out);
    place.run(&["parse", &away, none]).expect(1);
    let lines = place.run(&["parse", "--jsonl", &away, none, &url]).expect(3).out;
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = lines.iter().map(|line| (line["file"].as_str(), line["ok"].as_bool(), line["err_class"].as_str())).collect();
    let wanted = [
        (Some(away.as_str()), Some(false), Some("forbidden")),
        (Some(none), Some(false), Some("file")),
        (Some(url.as_str()), Some(true), None),
    ];
    assert_eq!(told, wanted);
}

/// F24: sources that are one feed are told, and their address is asked once; each is served.
#[test]
fn two_sources_that_end_at_one_address_are_told_and_asked_once() {
    let origin = Origin::start();
    one(&origin);
    let headers = vec![("Location".to_owned(), origin.url("/feed"))];
    origin.answer("/old", Answer { status: 302, headers, body: Vec::new() });
    origin.put("/other", "application/rss+xml", rss("Other", &[("g2", "Two", "https://n.example/2", 3)]));
    let sources: Vec<_> = ["feed", "old", "other"].map(|id| (id.to_owned(), origin.url(&format!("/{id}")))).into();
    let place = Place::new(&origin, &sources, "");
    let ran = place.run(&["refresh", "--json"]).expect(0);
    let new = |ran: &crate::common::Ran, n: usize| ran.json()["sources"][n]["new"].clone();
    assert_eq!([new(&ran, 0), new(&ran, 1), new(&ran, 2)], [1, 1, 1], "each keeps entries of its own");
    assert_eq!((origin.hits("/feed").requests, origin.hits("/old").requests), (1, 1));
    // That nothing changed is true for both, and so is what did.
    place.run_at("2026-11-20T13:00:00Z", &["refresh"]).expect(0);
    assert_eq!((origin.hits("/feed").requests, origin.hits("/feed").not_modified), (2, 1));
    origin.put(
        "/feed",
        "application/rss+xml",
        rss("News", &[("g1", "One", "https://n.example/1", 3), ("g3", "Three", "https://n.example/3", 4)]),
    );
    let ran = place.run_at("2026-11-20T14:00:00Z", &["refresh", "--json"]).expect(0);
    assert_eq!(([new(&ran, 0), new(&ran, 1)], origin.hits("/feed").requests), ([1.into(), 1.into()], 3));
    assert_eq!(origin.hits("/old").requests, 3, "where it leads is looked up anew");
    // Whoever doubts what is known asks for itself.
    place.run_at("2026-11-20T15:00:00Z", &["refresh", "--from-zero", "feed", "old"]).expect(0);
    assert_eq!(origin.hits("/feed").requests, 5);
    let same_as: Vec<_> =
        place.run(&["status", "--json"]).json()["sources"].as_array().unwrap().iter().map(|s| s["same_as"].clone()).collect();
    assert_eq!(same_as, [serde_json::json!(["old"]), serde_json::json!(["feed"]), serde_json::json!([])]);
    let table = place.run(&["status"]).out;
    assert!(table.contains("answered from the same address as feed, which is asked once for all: one of them is enough"), "{table}");
    assert!(place.run(&["status", "old"]).out.contains("twins        answered from the same address as feed"));
}

/// F13, F35: what one host of a group is told counts for the group.
#[test]
fn a_429_in_a_host_group_stops_the_whole_group() {
    let origin = Origin::start();
    let url = |host: &str| format!("http://127.0.0.{host}:{}/feed", origin.address.port());
    let site = |group: &str| {
        let sources = source("a", &url("2"), group) + &source("b", &url("3"), group) + &source("c", &url("4"), "");
        place(&origin, "", "allow = [\"127.0.0.0/8\"]\nports = [PORT]", &sources)
    };
    for (group, waits) in [("host_group = \"x\"", 2), ("", 1)] {
        let place = site(group);
        // Nobody listens there; but now there is a store.
        place.run(&["refresh"]).expect(3);
        let store = rusqlite::Connection::open(place.path().join("topicwire.db")).unwrap();
        let budget = if group.is_empty() { "127.0.0.2" } else { "group x" };
        store.execute("INSERT INTO host_limit (host, until) VALUES (?1, ?2)", (budget, 1_795_183_200_000_000_i64)).unwrap();
        drop(store);
        let would = place.run(&["refresh", "--dry-run", "--json"]).json();
        let waiting = would["would_fetch"].as_array().unwrap().iter().filter(|source| !source["waits_until"].is_null()).count();
        assert_eq!(waiting, waits, "{would}");
        let status = place.run(&["status", "--json"]).json();
        let told = status["sources"].as_array().unwrap().iter().filter(|source| !source["host_wait_until"].is_null()).count();
        assert_eq!(told, waits, "{status}");
    }
}

#[test]
fn a_site_does_not_follow_itself() {
    let origin = Origin::start();
    let place_of = |sources: &str| place(&origin, "", "allow = [\"127.0.0.0/8\"]\nports = [PORT]", sources);
    let ran = place_of(&source("own", "https://wire.example/topic/x/feed.atom", "")).run(&["check"]).expect(2);
    assert!(ran.err.contains("is published by this site itself, which would follow its own feeds"), "{}", ran.err);
    // By a redirect.
    let headers = vec![("Location".to_owned(), "https://wire.example/topic/x/feed.atom".to_owned())];
    origin.answer("/moved", Answer { status: 301, headers, body: Vec::new() });
    let told = why(&place_of(&source("moved", &origin.url("/moved"), "")), "moved");
    assert!(told.contains("this site publishes it, and would follow its own feeds"), "{told}");
    // Through an aggregator: our feed under another address.
    let passed_on = "<feed xmlns='http://www.w3.org/2005/Atom'><id>https://wire.example/topic/x/</id><title>T</title>\
                     <entry><id>e</id><title>E</title><link href='https://n.example/e'/></entry></feed>";
    origin.put("/passed-on", "application/atom+xml", passed_on);
    let place = place_of(&source("passed-on", &origin.url("/passed-on"), ""));
    let told = why(&place, "passed-on");
    assert!(told.contains("this is what this site publishes itself (https://wire.example/topic/x/)"), "{told}");
    assert!(!place.rows().contains("entry|"), "nothing of it is stored");
}

#[test]
fn proxies_of_the_environment_are_not_asked() {
    let (origin, proxy) = (Origin::start(), Origin::start());
    one(&origin);
    let place = Place::new(&origin, &[("a".into(), origin.url("/feed"))], "");
    let mut command = place.command(NOW, &["refresh"]);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, proxy.url(""));
    }
    assert_eq!(command.output().unwrap().status.code(), Some(0));
    assert_eq!((origin.all_hits().requests, proxy.all_hits().requests), (1, 0));
}

#[test]
fn a_host_that_said_429_keeps_its_longer_pause_over_a_restart() {
    let origin = Origin::start();
    one(&origin);
    let url = origin.url("/feed");
    let sources = source("a", &url, "") + &source("b", &origin.url("/feed?2"), "");
    origin.put("/feed?2", "application/rss+xml", rss("News 2", &[("g2", "Two", "https://n.example/2", 3)]));
    let place = place(&origin, "", "allow = [\"127.0.0.0/8\"]\nports = [PORT]", &sources);
    let config = std::fs::read_to_string(place.config()).unwrap().replace("host_gap = 0", "host_gap = \"1ms\"");
    std::fs::write(place.config(), config).unwrap();
    let timed = |now: &str, code: i32| {
        let began = std::time::Instant::now();
        place.run_at(now, &["refresh"]).expect(code);
        began.elapsed().as_millis()
    };
    assert!(timed(NOW, 0) < 2_000);
    let good = Answer { status: 429, ..Answer::default() };
    origin.answer("/feed", good);
    place.run_at("2026-11-20T14:00:00Z", &["refresh", "a"]).expect(3);
    one(&origin);
    assert!(timed("2026-12-20T14:00:00Z", 0) >= 2_000);
}

/// S7.
#[test]
fn a_configured_proxy_is_asked_for_the_internet_and_for_nothing_else() {
    let (origin, proxy) = (Origin::start(), Origin::start());
    // What a proxy is asked for is a whole address.
    proxy.put("http://93.184.216.34/feed", "application/rss+xml", rss("News", &[("g1", "One", "https://n.example/1", 3)]));
    one(&origin);
    let sources = source("outside", "http://93.184.216.34/feed", "")
        + &source("inside", "http://10.0.0.1/feed", "")
        + &source("own", &origin.url("/feed"), "allow = [\"127.0.0.1\"]\nports = [PORT]");
    let place = place(&origin, "", &format!("proxy = \"http://me:hush@{}\"", proxy.address), &sources);
    let ran = place.run(&["refresh", "--json"]).expect(3);
    let outcomes: Vec<_> = ran.json()["sources"].as_array().unwrap().iter().map(|s| s["outcome"].clone()).collect();
    assert_eq!(outcomes, ["succeeded", "failed", "succeeded"], "{}", ran.out);
    assert_eq!((proxy.all_hits().requests, origin.all_hits().requests), (1, 1));
    assert!(why(&place, "inside").starts_with("refuses to connect to 10.0.0.1: a private address"));
    for command in [&["status", "--json"][..], &["status", "-v"], &["check"], &["refresh"], &["export"]] {
        let ran = place.run(command);
        assert!(!ran.out.contains("hush") && !ran.err.contains("hush"), "{command:?}");
    }
}
