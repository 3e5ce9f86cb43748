//! The service as its clients, its operators and its manager see it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::common::{Origin, Place, rss};

const TOPICS: &str = "[[topic]]\ncategory = \"Kind: Apple\"\nany = [\"apple\"]\n[[topic]]\ncategory = \"Kind: Pear\"\nany = [\"pear\"]\n";

/// A running service; ended when it is dropped.
struct Service {
    child: Child,
    address: String,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    /// Starts with the machine's own clock: a service whose clock stands still is soon out of date.
    #[expect(clippy::disallowed_types, reason = "the log is a file beside the site, so that nobody has to read it while the service runs")]
    fn start(place: &Place, environment: &[(&str, &str)], arguments: &[&str]) -> Self {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_topicwire"));
        command.args(["serve", "--config"]).arg(place.config()).args(arguments).current_dir(place.path());
        command.env("TOPICWIRE_LISTEN", "127.0.0.1:0").envs(environment.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(std::fs::File::create(place.path().join("log")).unwrap()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().trim_end_matches('/').rsplit("http://").next().unwrap().to_owned();
        Self { child, address }
    }

    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// Asks until the answer is as it should be, for ten seconds.
    #[track_caller]
    fn until(&self, path: &str, is_right: impl Fn(u16, &str) -> bool) -> String {
        let mut last = (0, String::new());
        for _ in 0..200 {
            last = self.get(path);
            if is_right(last.0, &last.1) {
                return last.1;
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        panic!("{path}: {} {}", last.0, last.1);
    }
}

fn two_sources(origin: &Origin) -> Place {
    let items = [("1", "An apple", "https://n.example/1", 3), ("2", "An apple and a pear", "https://n.example/2", 4)];
    origin.put("/a", "application/rss+xml", rss("A", &items));
    origin.put("/b", "application/rss+xml", rss("B", &[("3", "A pear", "https://m.example/3", 5)]));
    Place::new(origin, &[("a".into(), origin.url("/a")), ("b".into(), origin.url("/b"))], TOPICS)
}

#[test]
fn what_is_made_of_several_topics_or_of_some_sources_is_served() {
    let origin = Origin::start();
    let place = two_sources(&origin);
    let sources = [("a".into(), origin.url("/a")), ("b".into(), origin.url("/b"))];
    place.configure(&origin, &sources, TOPICS);
    let config = std::fs::read_to_string(place.config()).unwrap().replace("[defaults]\n", "[defaults]\nschedule = \"1s\"\n");
    std::fs::write(place.config(), config).unwrap();
    let service = Service::start(&place, &[], &[]);
    service.until("/topic/kind-pear/feed.atom", |_, body| body.matches("<entry").count() == 2);
    service.until("/topic/kind-apple/feed.atom", |_, body| body.matches("<entry").count() == 2);
    for (path, titles) in [
        ("/topic/kind-apple+kind-pear/feed.atom", &["A pear", "An apple and a pear", "An apple"][..]),
        ("/topic/kind-apple,kind-pear/feed.atom", &["An apple and a pear"]),
        ("/topic/kind-pear/feed.atom?source=b", &["A pear"]),
        ("/topic/kind-pear.atom?source=a&utm_source=x", &["An apple and a pear"]),
    ] {
        let (status, body) = service.get(path);
        let feed = feed_rs::parser::parse(body.as_bytes()).unwrap();
        let found: Vec<_> = feed.entries.into_iter().map(|entry| entry.title.unwrap().content).collect();
        assert_eq!((status, found.as_slice()), (200, &titles.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>()[..]), "{path}");
    }
    assert_eq!(service.get("/topic/kind-pear/feed.atom?source=nobody").0, 404);
    // What they are made of goes on, and so do they.
    origin.put("/b", "application/rss+xml", rss("B", &[("4", "Another pear", "https://m.example/4", 6)]));
    service.until("/topic/kind-apple+kind-pear/feed.atom", |_, body| body.contains("Another pear"));
}

#[test]
fn readiness_status_and_metrics_tell_of_the_sources() {
    let origin = Origin::start();
    let place = two_sources(&origin);
    let service = Service::start(&place, &[], &["--log-format", "json"]);
    assert_eq!(service.until("/readyz", |status, _| status == 200), "ready\n");
    let page = service.until("/status.json", |_, body| body.contains("\"well\":2"));
    let page: serde_json::Value = serde_json::from_str(&page).unwrap();
    assert_eq!((page["ready"].as_bool(), page["sources"][0]["records"].as_u64()), (Some(true), Some(2)), "{page}");
    assert_eq!(page["days"].as_array().unwrap().iter().map(|day| day["new"].as_u64().unwrap()).sum::<u64>(), 3);
    let metrics = service.until("/metrics", |_, body| {
        body.contains("topicwire_polls_total{outcome=\"succeeded\"} 2")
            && !body.contains("topicwire_publications_total{result=\"published\"} 0")
    });
    assert!(metrics.contains("topicwire_publications_total{result=\"failed\"} 0"), "{metrics}");
    assert!(service.get("/status").1.contains("All well"));
    let ran = place.run(&["healthcheck", "--listen", &service.address]).expect(0);
    assert_eq!(ran.out, "ready\n");
    drop(service);
    for line in std::fs::read_to_string(place.path().join("log")).unwrap().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(line["level"].is_string() && line["message"].is_string(), "{line}");
    }
}

#[test]
fn a_service_whose_sources_are_silent_is_up_and_not_ready() {
    let origin = Origin::start();
    let place = Place::new(&origin, &[("a".into(), origin.url("/nothing"))], TOPICS);
    let service = Service::start(&place, &[], &[]);
    assert_eq!(service.get("/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(service.until("/readyz", |_, body| body.contains("yet")), "no source has been read yet\n");
    place.run(&["healthcheck", "--listen", &service.address]).expect(1);
    place.run(&["healthcheck", "--live", "--listen", &service.address]).expect(0);
    let address = service.address.clone();
    drop(service);
    let ran = place.run(&["healthcheck", "--listen", &address]).expect(1);
    assert!(ran.err.contains(&format!("no answer from {address}")), "{}", ran.err);
}

#[test]
fn a_publication_that_fails_keeps_the_old_feeds_and_is_told() {
    let origin = Origin::start();
    let place = two_sources(&origin);
    place.run(&["refresh"]).expect(0);
    let before = place.tree();
    // A file that nobody may replace: something else than a feed stands in its place.
    let feed = place.path().join("output/topic/kind-pear/feed.atom");
    std::fs::remove_file(&feed).unwrap();
    std::fs::create_dir(&feed).unwrap();
    std::fs::write(feed.join("x"), "").unwrap();
    let changed = place.config();
    let config = std::fs::read_to_string(&changed).unwrap().replace("Test wire", "Another title");
    std::fs::write(&changed, config).unwrap();
    let service = Service::start(&place, &[], &[]);
    let told = service.until("/readyz", |status, body| status == 503 && body.contains("publishing has failed"));
    assert!(told.contains("publishing has failed since"), "{told}");
    service.until("/metrics", |_, body| body.contains("topicwire_publication_failing 1\n"));
    assert!(service.get("/status").1.contains("publishing has failed"));
    assert_eq!(service.get("/topic/kind-apple/feed.atom").1.as_bytes(), before["output/topic/kind-apple/feed.atom"], "yesterday's feeds");
    assert!(std::fs::read_to_string(place.path().join("log")).unwrap().contains("publishing failed"));
}

#[test]
fn the_service_manager_is_told() {
    let origin = Origin::start();
    let place = two_sources(&origin);
    let path = place.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut service = Service::start(&place, &[("NOTIFY_SOCKET", path.to_str().unwrap())], &[]);
    let told = || {
        let mut bytes = [0; 1_024];
        let length = manager.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    assert!(told().starts_with("READY=1\n"));
    std::process::Command::new("kill").args(["-TERM", &service.child.id().to_string()]).status().unwrap();
    assert_eq!(told(), "STOPPING=1");
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
}

#[test]
fn subscriptions_are_imported_when_that_is_confirmed() {
    let origin = Origin::start();
    let place = Place::new(&origin, &[("a".into(), origin.url("/a"))], TOPICS);
    let own = format!("# a remark\n{}# the end", std::fs::read_to_string(place.config()).unwrap());
    std::fs::write(place.config(), &own).unwrap();
    let list = format!(
        "<opml version=\"2.0\"><body><outline text=\"Kind: Apple\"><outline text=\"Orchard News\" xmlUrl=\"https://orchard.example/feed\"/>\
         <outline text=\"Orchard News\" xmlUrl=\"https://other.example/feed?a=1&amp;b=2\"/></outline><outline text=\"Odd\">\
         <outline text=\"again\" xmlUrl=\"{}\"/><outline text=\"evil &quot;]\u{7}\" xmlUrl=\"javascript:alert(1)\"/>\
         <outline text=\"Third &quot;x&quot;\" xmlUrl=\"https://third.example/\"/></outline></body></opml>",
        origin.url("/a")
    );
    std::fs::write(place.path().join("list.opml"), list).unwrap();
    let ran = place.run(&["import", "opml", "list.opml"]).expect(0);
    assert!(ran.out.contains("3 sources to add, 1 already there, 1 that cannot be followed: run this again with --yes"), "{}", ran.out);
    assert_eq!(std::fs::read_to_string(place.config()).unwrap(), own);
    place.run(&["import", "opml", "list.opml", "--yes"]).expect(0);
    let new = std::fs::read_to_string(place.config()).unwrap();
    let added = new.strip_prefix(&own).unwrap();
    assert_eq!(
        added,
        "\n\n[[source]]\nid = \"orchard-news\"\nurl = \"https://orchard.example/feed\"\ntitle = \"Orchard News\"\ncategories = [\"Kind: Apple\"]\n\
         \n[[source]]\nid = \"orchard-news-2\"\nurl = \"https://other.example/feed?a=1&b=2\"\ntitle = \"Orchard News\"\n\
         categories = [\"Kind: Apple\"]\n\n[[source]]\nid = \"third-x\"\nurl = \"https://third.example/\"\ntitle = 'Third \"x\"'\n# was in: Odd\n"
    );
    place.run(&["check"]).expect(0);
    assert_eq!(origin.all_hits().requests, 0, "nothing was fetched");
    let ran = place.run(&["import", "opml", "list.opml", "--yes"]).expect(0);
    assert!(ran.out.starts_with("nothing to add"), "{}", ran.out);
    let ran = place.run(&["export", "opml"]).expect(0);
    assert!(ran.out.contains("xmlUrl=\"https://other.example/feed?a=1&amp;b=2\" category=\"/Kind/Apple\""), "{}", ran.out);
}

#[test]
fn records_are_exported_a_line_each() {
    let origin = Origin::start();
    let place = two_sources(&origin);
    assert_eq!(place.run(&["export", "jsonl"]).expect(0).out, "");
    place.run(&["refresh"]).expect(0);
    let ran = place.run(&["export", "jsonl"]).expect(0);
    let lines: Vec<serde_json::Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| line["number"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(lines[1]["topics"], serde_json::json!(["Kind: Apple", "Kind: Pear"]));
}

#[test]
fn the_environment_stands_in_for_the_configuration() {
    let origin = Origin::start();
    let place = two_sources(&origin);
    std::fs::write(place.path().join("base"), "https://elsewhere.example/feeds\n").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_topicwire"));
    command.arg("refresh").current_dir("/").env("TOPICWIRE_CONFIG", place.config());
    command.env("TOPICWIRE_BASE_URL_FILE", place.path().join("base")).env("TOPICWIRE_STORE", place.path().join("elsewhere.db"));
    assert_eq!(command.output().unwrap().status.code(), Some(0));
    assert!(place.path().join("elsewhere.db").exists() && !place.path().join("topicwire.db").exists());
    let feed = place.published("topic/kind-pear/feed.atom");
    assert!(feed.contains("https://elsewhere.example/feeds/topic/kind-pear/feed.atom"), "{feed}");
    let mut command = place.command(crate::common::NOW, &["hide", "1"]);
    let ran = command.env("TOPICWIRE_STORE", place.path().join("elsewhere.db")).env("TOPICWIRE_OVERRIDES", place.path().join("words.toml"));
    crate::common::Ran::from(ran.output().unwrap()).expect(0);
    assert!(place.path().join("words.toml").exists() && !place.path().join("overrides.toml").exists());
    let mut command = place.command(crate::common::NOW, &["check"]);
    let ran = crate::common::Ran::from(command.env("TOPICWIRE_LISTEN", "nowhere").output().unwrap()).expect(2);
    assert!(ran.err.contains("TOPICWIRE_LISTEN is not an IP address"), "{}", ran.err);
}
