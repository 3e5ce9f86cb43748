//! A feed's archives (RFC 5005, F29): read once, behind the first document, a few in each poll, and never in the way of the feed itself.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use crate::common::{Answer, Origin, Place};

/// An Atom document with these entries (number, title), and a link to the archive before it.
fn document(entries: &[(u32, &str)], previous: Option<String>) -> Vec<u8> {
    let mut text = "<feed xmlns='http://www.w3.org/2005/Atom'><id>urn:feed</id><title>News</title><updated>2026-11-20T08:00:00Z</updated>\
                    <link href='https://news.example/'/>"
        .to_owned();
    text += &previous.map(|href| format!("<link rel='prev-archive' href='{href}'/>")).unwrap_or_default();
    for (n, title) in entries {
        // One a day, back from 20 November.
        let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 20).unwrap() - chrono::TimeDelta::days(100 - i64::from(*n));
        text += &format!(
            "<entry><id>urn:{n}</id><title>{title}</title><link href='https://news.example/{n}'/><updated>{day}T06:00:00Z</updated>\
             <published>{day}T06:00:00Z</published><summary>About {title}.</summary></entry>"
        );
    }
    (text + "</feed>").into_bytes()
}

/// A feed at `/feed` with entry 100, and archives `/1`, `/2`, ... with entry 99, 98, ...; the first archive has an old copy of entry 100.
fn history(archives: u32) -> Origin {
    let origin = Origin::start();
    let put = |path: &str, body| origin.put(path, "application/atom+xml", body);
    put("/feed", document(&[(100, "Newest")], Some(origin.url("/1"))));
    for n in 1..=archives {
        let mut entries = vec![(100 - n, "Old")];
        if n == 1 {
            entries.insert(0, (100, "An old copy"));
        }
        put(&format!("/{n}"), document(&entries, (n < archives).then(|| origin.url(&format!("/{}", n + 1)))));
    }
    origin
}

fn site(origin: &Origin) -> Place {
    Place::new(origin, &[("news".into(), origin.url("/feed"))], "")
}

/// Requests to the archives so far.
fn asked(origin: &Origin) -> usize {
    origin.all_hits().requests - origin.hits("/feed").requests
}

fn at(hour: u32) -> String {
    format!("2026-11-{:02}T{:02}:00:00Z", 20 + hour / 24, hour % 24)
}

fn status(place: &Place) -> serde_json::Value {
    place.run(&["status", "--json", "news"]).expect(0).json()["sources"][0].clone()
}

fn words(place: &Place) -> String {
    let shown = place.run(&["status", "news"]).expect(0).out;
    shown.lines().find_map(|line| line.strip_prefix("archives     ")).unwrap_or_default().to_owned()
}

#[test]
fn a_new_sources_archives_are_read_once_a_few_at_a_time() {
    let origin = history(7);
    let place = site(&origin);
    place.run(&["refresh"]).expect(0);
    assert_eq!((asked(&origin), status(&place)["entries"].clone()), (0, 1.into()), "adding a feed takes one request");
    assert_eq!(words(&place), format!("0 archive documents read; next {}", origin.url("/1")));
    // The feed itself has not changed; its archives are read all the same.
    let ran = place.run_at(&at(13), &["refresh", "--json"]).expect(0);
    assert_eq!((&ran.json()["sources"][0]["outcome"], &ran.json()["sources"][0]["new"]), (&"unchanged".into(), &5.into()));
    assert_eq!(asked(&origin), 5);
    place.run_at(&at(14), &["refresh"]).expect(0);
    assert_eq!((asked(&origin), words(&place).as_str()), (7, "7 archive documents read"));
    for hour in [15, 16, 40] {
        place.run_at(&at(hour), &["refresh"]).expect(0);
    }
    place.run_at(&at(41), &["refresh", "--from-zero", "news"]).expect(0);
    assert_eq!((asked(&origin), status(&place)["entries"].clone()), (7, 8.into()), "never again");
    // The feed's own word on an entry stands, and each record is dated by its own date.
    let feed = place.published("source/news/feed.atom");
    assert!(feed.contains("Newest") && !feed.contains("An old copy"), "{feed}");
    for day in 13..=20 {
        assert!(feed.contains(&format!("<published>2026-11-{day}T06:00:00")), "{day}: {feed}");
    }
}

#[test]
fn at_most_twenty_archives_are_read_and_none_in_a_circle() {
    let origin = history(30);
    let place = site(&origin);
    for hour in 12..24 {
        place.run_at(&at(hour), &["refresh"]).expect(0);
    }
    assert_eq!((asked(&origin), status(&place)["entries"].clone()), (20, 21.into()));
    assert_eq!(words(&place), "20 archive documents read: there are older ones; 20 are read of a source");

    let origin = history(2);
    origin.put("/2", "application/atom+xml", document(&[(98, "Old")], Some(origin.url("/1"))));
    let place = site(&origin);
    for hour in 12..16 {
        place.run_at(&at(hour), &["refresh"]).expect(0);
    }
    assert_eq!((asked(&origin), words(&place).as_str()), (2, "2 archive documents read: its archives lead in a circle"));
}

#[test]
fn archives_are_left_alone_where_they_are_not_wanted_or_the_source_is_not_new() {
    let origin = history(3);
    for (config, sources) in [("[defaults]", ""), ("", "backfill = false")] {
        let place = site(&origin);
        let text = std::fs::read_to_string(place.config()).unwrap();
        let text = match config {
            "" => text + sources + "\n",
            _ => text.replace("[defaults]", "[defaults]\nbackfill = false"),
        };
        std::fs::write(place.config(), text).unwrap();
        for hour in 12..15 {
            place.run_at(&at(hour), &["refresh"]).expect(0);
        }
        assert_eq!((asked(&origin), words(&place).as_str()), (0, ""));
    }
    // A source that was followed before archives were read has its history already, or nobody misses it.
    let place = site(&origin);
    place.run(&["refresh"]).expect(0);
    let store = rusqlite::Connection::open(place.path().join("topicwire.db")).unwrap();
    assert_eq!(store.execute("UPDATE poll SET state = json_remove(state, '$.backfill')", []).unwrap(), 1);
    drop(store);
    for hour in 13..15 {
        place.run_at(&at(hour), &["refresh"]).expect(0);
    }
    assert_eq!(asked(&origin), 0);
}

#[test]
fn an_archive_that_cannot_be_had_never_stands_in_the_feeds_way() {
    let broken = |status: u16, headers: &[(&str, &str)], body: &str| Answer {
        status,
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: body.into(),
    };
    for (answer, tries, told) in [
        (broken(404, &[], ""), 1, "answered 404 Not Found: look whether the feed has a new address"),
        (broken(410, &[], ""), 1, "answered 410 Gone: the publisher says that it will not come back"),
        (broken(500, &[], ""), 3, "answered 500 Internal Server Error"),
        (broken(200, &[], "<html><title>Sorry</title></html>"), 3, "not a feed: an HTML page titled \"Sorry\""),
        (broken(302, &[("Location", "http://10.0.0.1/")], ""), 3, "redirected by"),
    ] {
        let origin = history(3);
        origin.answer("/2", answer);
        let place = site(&origin);
        for hour in 12..20 {
            // What the feed brings is stored whatever its archives are like.
            origin.put("/feed", "application/atom+xml", document(&[(100 + hour, "News")], Some(origin.url("/1"))));
            place.run_at(&at(hour), &["refresh"]).expect(0);
        }
        assert_eq!(asked(&origin), 1 + tries, "{told}");
        assert!(
            words(&place).starts_with(&format!("1 archive documents read; the older ones could not be had: {told}")),
            "{}",
            words(&place)
        );
        assert_eq!(status(&place)["entries"], 10, "{told}");
    }
}

#[test]
fn an_archive_that_answers_429_makes_the_source_wait_and_loses_nothing() {
    let origin = history(3);
    let busy = Answer { status: 429, headers: vec![("Retry-After".into(), "7200".into())], body: Vec::new() };
    origin.answer("/2", busy);
    let place = site(&origin);
    place.run_at(&at(12), &["refresh"]).expect(0);
    origin.put("/feed", "application/atom+xml", document(&[(101, "Newer")], Some(origin.url("/1"))));
    place.run_at(&at(13), &["refresh"]).expect(0);
    let told = status(&place);
    assert_eq!(
        (&told["outcome"], &told["entries"], &told["retry_not_before"]),
        (&"succeeded".into(), &3.into(), &"2026-11-20T15:00:00Z".into())
    );
    assert_eq!(told["host_wait_until"], serde_json::Value::Null, "an intranet's host does not stop for one of its routes");
    let before = origin.all_hits().requests;
    place.run_at(&at(14), &["refresh"]).expect(3);
    assert_eq!(origin.all_hits().requests, before, "not even by hand");
    origin.put("/2", "application/atom+xml", document(&[(98, "Old")], Some(origin.url("/3"))));
    place.run_at(&at(16), &["refresh"]).expect(0);
    assert_eq!((status(&place)["entries"].clone(), words(&place).as_str()), (5.into(), "3 archive documents read"));
}

/// A publisher whose second archive keeps its first reader waiting until that is killed.
#[cfg(unix)]
#[test]
fn a_kill_in_the_middle_of_the_archives_costs_requests_and_no_entry() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (reached, is_reached) = mpsc::channel();
    let held = Arc::new(AtomicBool::new(true));
    let holding = Arc::clone(&held);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (reached, holding) = (reached.clone(), Arc::clone(&holding));
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let path = lines.next().unwrap_or_default().split(' ').nth(1).unwrap_or_default().to_owned();
                if path == "/2" && holding.swap(false, Ordering::SeqCst) {
                    let _ = reached.send(());
                    // Until the reader is gone.
                    let _ = lines.find(|_| false);
                    return;
                }
                let place: u32 = path.trim_start_matches('/').parse().unwrap_or(0);
                let previous = (place < 4).then(|| format!("http://{address}/{}", place + 1));
                let body = document(&[(100 - place, "Entry")], previous);
                let _ = write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
                let _ = stream.write_all(&body);
            });
        }
    });
    let place = Place { dir: tempfile::tempdir().unwrap() };
    let config = format!(
        "[site]\ntitle = \"T\"\nbase_url = \"https://wire.example/\"\n[fetch]\nallow = [\"127.0.0.0/8\"]\nports = [{}]\nhost_gap = 0\nfloor = 0\n\
         [defaults]\nenrich = \"never\"\n[[source]]\nid = \"news\"\nurl = \"http://{address}/feed\"\n",
        address.port()
    );
    std::fs::write(place.config(), config).unwrap();
    place.run_at(&at(12), &["refresh"]).expect(0);
    let mut child = place.command(&at(13), &["refresh"]).spawn().unwrap();
    is_reached.recv().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(status(&place)["entries"], 1, "a poll is stored whole or not at all");
    assert!(words(&place).starts_with("0 archive documents read; next"), "{}", words(&place));
    place.run_at(&at(14), &["refresh"]).expect(0);
    assert_eq!((status(&place)["entries"].clone(), words(&place).as_str()), (5.into(), "4 archive documents read"));
    place.run_at(&at(15), &["refresh"]).expect(0);
    assert_eq!(status(&place)["entries"], 5);
}

#[test]
fn what_an_archive_does_not_date_is_no_news_and_its_limits_are_told() {
    let origin = history(2);
    let text = |body: Vec<u8>| String::from_utf8(body).unwrap();
    // An entry without a date is as old as its archive's newest; where nothing is dated, nothing is taken.
    let dated = text(document(&[(99, "Old"), (98, "Undated")], Some(origin.url("/2"))));
    let day = "<updated>2026-11-18T06:00:00Z</updated><published>2026-11-18T06:00:00Z</published>";
    let without = dated.replace(day, "").replace("<updated>2026-11-20T08:00:00Z</updated>", "");
    assert_ne!(dated, without);
    origin.put("/1", "application/atom+xml", without);
    let undated = text(document(&[(97, "Lost")], None));
    let day = day.replace("-18T", "-17T");
    origin.put("/2", "application/atom+xml", undated.replace(&day, "").replace("<updated>2026-11-20T08:00:00Z</updated>", ""));
    let place = site(&origin);
    place.run(&["refresh"]).expect(0);
    place.run_at(&at(13), &["refresh"]).expect(0);
    let told = status(&place);
    assert_eq!(told["entries"], 3);
    assert!(told["repairs"].to_string().contains("1 entries of its archives have no date and were left out"), "{told}");
    let feed = place.published("source/news/feed.atom");
    let entry = feed.split("<entry>").find(|entry| entry.contains("Undated")).unwrap();
    assert!(entry.contains("<published>2026-11-19T06:00:00"), "{entry}");

    let origin = history(3);
    let place = site(&origin);
    let config = std::fs::read_to_string(place.config()).unwrap().replace("[defaults]", "[defaults]\nentries_max = 2");
    std::fs::write(place.config(), config).unwrap();
    place.run(&["refresh"]).expect(0);
    place.run_at(&at(13), &["refresh"]).expect(0);
    let told = status(&place);
    assert_eq!(told["entries"], 3);
    assert!(told["repairs"].to_string().contains("1 entries of its archives were left out (entries_max)"), "{told}");
}
