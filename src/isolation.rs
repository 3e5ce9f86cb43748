//! One source that hangs, one that panics and one that eats the processor, beside many good ones: only they pay for it (R15).
//!
//! The panic is provoked where the program lets a test stand in: in the look-up of a name. No document or answer that panics is known.

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
use crate::store::Outcome;
use crate::store::sqlite::SqliteStore;

const ITEMS: usize = 10;

/// A publisher on every address of 127/8: `/good`, `/hungry`, `/hangs`.
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
}

/// Polls `count` good sources and, if `bad`, three bad ones that stand first; else three more good ones.
async fn run(publisher: &Publisher, count: usize, bad: bool) -> Run {
    let mut text = format!(
        "[site]\ntitle = \"T\"\nbase_url = \"https://wire.example/\"\n[fetch]\nallow = [\"127.0.0.0/8\"]\nports = [{0}]\ntimeout = 3\n\
         [[topic]]\ncategory = \"Test: Telehealth\"\nany = [\"telehealth\"]\n",
        publisher.port
    );
    let url = |host: &str, path: &str| format!("http://{host}:{}/{path}", publisher.port);
    let three = if bad { ["hangs", "panics", "hungry"] } else { ["good-a", "good-b", "good-c"] };
    for (n, id) in three.iter().enumerate() {
        let host = if *id == "panics" { "panics.example".to_owned() } else { format!("127.2.0.{n}") };
        text += &format!("[[source]]\nid = \"{id}\"\nurl = \"{}\"\n", url(&host, id));
    }
    for n in 0..count {
        // A host each, so that no pause is part of what is measured.
        let host = format!("127.1.{}.{}", n / 250, n % 250);
        text += &format!("[[source]]\nid = \"s{n}\"\nurl = \"{}\"\n", url(&host, &format!("s{n}")));
    }
    let dir = tempfile::tempdir().unwrap();
    let site = config::check(&dir.path().join("feeds.toml"), &text).unwrap();
    let lookup: Lookup = Arc::new(|name| Box::pin(async move { panic!("asked for {name}") }));
    let fetcher = Fetcher::with_lookup(&site.fetch, "t", lookup).unwrap();
    let store: SharedStore = Arc::new(Mutex::new(SqliteStore::open(&dir.path().join("s.db")).unwrap()));
    let ingest = Ingest::new(Arc::new(site), store).unwrap().with_fetcher(fetcher);
    let (begin, mut ended, mut good) = (Instant::now(), Vec::new(), Duration::ZERO);
    let now = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
    scheduler::round(&ingest, (0..count + 3).collect(), now, |polled| {
        if polled.source.starts_with('s') {
            good = begin.elapsed();
        }
        ended.push(polled.clone());
    })
    .await
    .unwrap();
    Run { ended, good }
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
    assert_eq!(run.ended.last().map(|polled| polled.source.as_str()), Some("hangs"), "nobody waited for it");
}

/// `cargo test --release --lib -- --ignored --nocapture isolation`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute; its figure means something in a release build only"]
async fn measure_a_thousand_sources_with_three_bad_ones() {
    for latency_ms in [0, 200] {
        let publisher = Publisher::new(Duration::from_millis(latency_ms));
        let mut times = [Vec::new(), Vec::new()];
        run(&publisher, 997, false).await;
        for _ in 0..5 {
            for bad in [false, true] {
                let run = run(&publisher, 997, bad).await;
                let took = |id: &str| run.ended.iter().find(|polled| polled.source == id).map_or(0, |polled| polled.state.took_ms);
                println!("bad: {bad:<5}  good ones done after {:>5} ms; hungry took {} ms", run.good.as_millis(), took("hungry"));
                times[usize::from(bad)].push(run.good.as_millis());
            }
        }
        let [good, bad] = times.map(|mut times| {
            times.sort_unstable();
            times[times.len() / 2]
        });
        println!(
            "answers after {latency_ms} ms: median without {good} ms, with {bad} ms: {:+.1} %",
            (bad as f64 / good as f64 - 1.0) * 100.0
        );
        // On loopback there is nothing but processor time, and one document may take a processor for a second.
        assert!(latency_ms == 0 || bad * 10 < good * 11, "{good} ms became {bad} ms");
    }
}
