//! One source that hangs, two that panic and one that eats the processor, beside many good ones: only they pay for it (R15).
//!
//! The panics are provoked where the program lets a test stand in: in the look-up of a name, and by [`PROVOKES`] where a document's
//! reading begins. No document or answer that panics is known.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::DateTime;

use crate::config;
use crate::ingest::{Ingest, Polled, SharedStore};
use crate::io::fetch::{Fetcher, Lookup};
use crate::scheduler;
use crate::stage::poll::Health;
use crate::store::sqlite::SqliteStore;
use crate::store::{Outcome, Store as _};

const ITEMS: usize = 10;

/// The beginning of the one document that makes the reader panic, in a test build.
const PROVOKES: &[u8] = b"<!-- provokes a panic -->";

/// Panics on that document.
pub(crate) fn provoked(document: &[u8]) {
    assert!(!document.starts_with(PROVOKES), "provoked");
}

/// A publisher on every address of 127/8: `/good`, `/hungry`, `/hangs`, `/provokes`.
struct Publisher {
    port: u16,
}

impl Publisher {
    /// One that takes so long to answer with a good feed, as it would over the internet.
    fn new(latency: Duration) -> Self {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let hungry = Arc::new(hungry());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let hungry = hungry.clone();
                std::thread::spawn(move || {
                    let mut head = [0; 2_048];
                    let length = stream.read(&mut head).unwrap_or(0);
                    let head = String::from_utf8_lossy(&head[..length]).into_owned();
                    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                    let body = match path.split('/').nth(1) {
                        Some("hangs") => {
                            let _ = stream.read(&mut [0]);
                            return;
                        }
                        Some("hungry") => hungry.as_ref().clone(),
                        Some("provokes") => [PROVOKES, good(&path, ITEMS, "x").as_bytes()].concat(),
                        _ => {
                            std::thread::sleep(latency);
                            good(&path, ITEMS, "About telehealth.").into_bytes()
                        }
                    };
                    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
                    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
                });
            }
        });
        Self { port }
    }
}

fn good(path: &str, items: usize, text: &str) -> String {
    let mut feed = format!("<rss version=\"2.0\"><channel><title>Feed {path}</title>");
    for n in 0..items {
        feed += &format!(
            "<item><guid>{path}-{n}</guid><title>Telehealth {n}</title><link>https://news.example{path}/{n}</link>\
             <pubDate>Tue, 10 Nov 2026 08:00:00 GMT</pubDate><description>{text}</description></item>"
        );
    }
    feed + "</channel></rss>"
}

/// As much work as the caps let through in one document: 9 MiB of markup, nested as deep as it goes.
fn hungry() -> Vec<u8> {
    let nested = "&lt;ul&gt;&lt;li&gt;&lt;b&gt;x".repeat(400);
    good("/hungry", (9 << 20) / nested.len(), &nested).into_bytes()
}

struct Run {
    /// Every poll in the order in which it ended.
    ended: Vec<Polled>,
    /// When the last good one had ended.
    good: Duration,
    /// Where the store is.
    dir: tempfile::TempDir,
}

/// Polls `count` good sources and, if `bad`, four bad ones that stand first; else four more good ones.
async fn run(publisher: &Publisher, count: usize, bad: bool) -> Run {
    let mut text = format!(
        "[site]\ntitle = \"T\"\nbase_url = \"https://wire.example/\"\n[fetch]\nallow = [\"127.0.0.0/8\"]\nports = [{0}]\ntimeout = 3\n\
         [[topic]]\ncategory = \"Test: Telehealth\"\nany = [\"telehealth\"]\n",
        publisher.port
    );
    let url = |host: &str, path: &str| format!("http://{host}:{}/{path}", publisher.port);
    let first = if bad { ["hangs", "panics", "hungry", "provokes"] } else { ["good-a", "good-b", "good-c", "good-d"] };
    for (n, id) in first.iter().enumerate() {
        let host = if *id == "panics" { "panics.example".to_owned() } else { format!("127.2.0.{n}") };
        text += &format!("[[source]]\nid = \"{id}\"\nurl = \"{}\"\n", url(&host, id));
    }
    for n in 0..count {
        // A host each, so that no pause is part of what is measured.
        let host = format!("127.1.{}.{}", n / 250, n % 250);
        text += &format!("[[source]]\nid = \"s{n}\"\nurl = \"{}\"\n", url(&host, &format!("s{n}")));
    }
    let dir = tempfile::tempdir().unwrap();
    let mut site = config::check(&dir.path().join("feeds.toml"), &text).unwrap();
    site.store = dir.path().join("s.db");
    let lookup: Lookup = Arc::new(|name| Box::pin(async move { panic!("asked for {name}") }));
    let fetcher = Fetcher::with_lookup(&site.fetch, "t", lookup).unwrap();
    let store: SharedStore = Arc::new(Mutex::new(SqliteStore::open(&site.store).unwrap()));
    let ingest = Ingest::new(Arc::new(site), store).unwrap().with_fetcher(fetcher);
    let (begin, mut ended, mut good) = (Instant::now(), Vec::new(), Duration::ZERO);
    let now = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
    scheduler::round(&ingest, (0..count + first.len()).collect(), now, |polled| {
        if polled.source.starts_with('s') {
            good = begin.elapsed();
        }
        ended.push(polled.clone());
    })
    .await
    .unwrap();
    Run { ended, good, dir }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_sources_cost_only_themselves() {
    let run = run(&Publisher::new(Duration::ZERO), 60, true).await;
    let by_id: HashMap<&str, &Polled> = run.ended.iter().map(|polled| (polled.source.as_str(), polled)).collect();
    let well = run.ended.iter().filter(|polled| polled.source.starts_with('s'));
    assert_eq!(well.filter(|polled| polled.state.outcome == Outcome::Succeeded && polled.state.new == ITEMS).count(), 60);
    let failure = |id: &str| by_id[id].state.failure.clone().unwrap_or_default();
    assert_eq!((failure("hangs").class.as_str(), failure("panics").class.as_str()), ("timeout", "internal"));
    assert!(failure("panics").why.contains("asked for panics.example"), "{}", failure("panics").why);
    assert!(by_id["hungry"].state.outcome.is_good());
}

/// S38, R15: a fault of the reader is told as ours, with the document that provoked it, and costs that source's poll only.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_makes_the_reader_panic_is_saved_and_told_and_everything_else_goes_on() {
    let run = run(&Publisher::new(Duration::ZERO), 20, true).await;
    let state = &run.ended.iter().find(|polled| polled.source == "provokes").unwrap().state;
    let saved = run.dir.path().join("s.db.faults/provokes");
    let why = format!(
        "the reader failed (internal error: provoked; the document is saved as {}); please report it with that document",
        saved.display()
    );
    assert_eq!(state.failure.as_ref().map(|failure| (failure.class.as_str(), failure.why.as_str())), Some(("internal", why.as_str())));
    assert_eq!((state.health(), state.failures), (Health::Fault, 1));
    assert!(state.next_due.is_some() && state.etag.is_none(), "asked again, and in full");
    assert!(crate::io::file::read(&saved).unwrap().starts_with(PROVOKES));
    assert_eq!(std::fs::read_dir(run.dir.path().join("s.db.faults")).unwrap().count(), 1);
    assert_eq!(run.ended.iter().filter(|polled| polled.source.starts_with('s') && polled.state.new == ITEMS).count(), 20);
    // What was stored is what another process finds.
    let stored = SqliteStore::open(&run.dir.path().join("s.db")).unwrap().poll_state("provokes").unwrap();
    assert_eq!(stored.failure.map(|failure| failure.why), Some(why));
}

/// `cargo test --release --lib -- --ignored --nocapture isolation`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute; its figure means something in a release build only"]
async fn measure_a_thousand_sources_with_four_bad_ones() {
    for latency_ms in [0, 200] {
        let publisher = Publisher::new(Duration::from_millis(latency_ms));
        let mut times = [Vec::new(), Vec::new()];
        run(&publisher, 996, false).await;
        for _ in 0..5 {
            for bad in [false, true] {
                let run = run(&publisher, 996, bad).await;
                let took = |id: &str| run.ended.iter().find(|polled| polled.source == id).map_or(0, |polled| polled.state.took_ms);
                println!("bad: {bad:<5}  good ones done after {:>5} ms; hungry took {} ms", run.good.as_millis(), took("hungry"));
                times[usize::from(bad)].push(run.good.as_millis());
            }
        }
        // The best of several: what else the machine does only ever adds.
        let [good, bad] = times.map(|times| times.into_iter().min().unwrap());
        println!(
            "answers after {latency_ms} ms: without {good} ms, with {bad} ms at best: {:+.1} %",
            (bad as f64 / good as f64 - 1.0) * 100.0
        );
        assert!(bad * 10 < good * 11, "{good} ms became {bad} ms");
    }
}
