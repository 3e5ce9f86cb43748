//! Readers that ask without a pause while the site is published again and again (O18): each response is one whole version, under that
//! version's validator, in whichever coding; no reader sees an older version after a newer one; and what is published is served at once.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use crate::desk::Desk;

const FEED: &str = "topic/v-alpha/feed.atom";
/// How each reader asks: without a coding, in each of them, and whether it sends back what it has.
const READERS: [(&str, bool); 8] = [
    ("identity", false),
    ("identity", true),
    ("gzip", false),
    ("gzip", true),
    ("br", false),
    ("br", true),
    ("zstd", false),
    ("zstd", true),
];

/// A validator without its quotes and suffix, from the bytes that it stands for.
fn tag(bytes: &[u8]) -> String {
    blake3::hash(bytes).as_bytes()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decoded(coding: &str, bytes: Vec<u8>) -> Vec<u8> {
    let mut plain = Vec::new();
    match coding {
        "gzip" => drop(flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut plain).unwrap()),
        "br" => drop(brotli_decompressor::Decompressor::new(bytes.as_slice(), 4_096).read_to_end(&mut plain).unwrap()),
        "zstd" => drop(ruzstd::decoding::StreamingDecoder::new(bytes.as_slice()).unwrap().read_to_end(&mut plain).unwrap()),
        _ => plain = bytes,
    }
    plain
}

/// One client on a connection that it keeps.
struct Reader {
    stream: BufReader<TcpStream>,
    /// The validator of what it has, as it came.
    has: Option<String>,
}

impl Reader {
    fn new(address: SocketAddr) -> Self {
        Self { stream: BufReader::new(TcpStream::connect(address).unwrap()), has: None }
    }

    /// Asks for the feed; the tag of the version that it has then.
    fn ask(&mut self, coding: &str, is_conditional: bool) -> String {
        let held = self.has.as_ref().filter(|_| is_conditional).map(|tag| format!("If-None-Match: {tag}\r\n")).unwrap_or_default();
        let request = format!("GET /{FEED} HTTP/1.1\r\nHost: h\r\nAccept-Encoding: {coding}\r\n{held}\r\n");
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut headers = HashMap::new();
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap().to_owned();
        loop {
            line.clear();
            self.stream.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let etag = headers.get("etag").unwrap_or_else(|| panic!("{status}: {headers:?}")).clone();
        let suffix = if coding == "identity" { String::new() } else { format!("-{coding}") };
        match status.as_str() {
            "304" => assert_eq!(Some(&etag), self.has.as_ref(), "a 304 names what the reader has"),
            "200" => {
                let mut body = vec![0; headers["content-length"].parse().unwrap()];
                self.stream.read_exact(&mut body).unwrap();
                assert_eq!(headers.get("content-encoding").map_or("identity", String::as_str), coding);
                assert_eq!(etag, format!("\"{}{suffix}\"", tag(&decoded(coding, body))), "the validator is another version's");
            }
            other => panic!("{other}: {headers:?}"),
        }
        let own = etag.trim_matches('"').strip_suffix(&suffix).unwrap().to_owned();
        self.has = Some(etag);
        own
    }
}

/// Ends the readers, also when the test fails before they are done.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Publishes so many times while all readers ask. Requests, and requests a second.
fn republish(times: usize) -> (usize, f64) {
    let articles: Vec<_> = (0..60)
        .map(|n| {
            // Words of its own, so that no two are one story.
            let word: String = (0..9).map(|k| char::from(b'a' + ((n * (7 + 2 * k) + k * k * 31 + n / 26) % 26) as u8)).collect();
            (format!("{n}"), format!("alpha {word} {}", n * 7_919), format!("https://news.example/{n}"), 1 + n as u32 % 18)
        })
        .collect();
    let items: Vec<_> = articles.iter().map(|(guid, title, link, day)| (&**guid, &**title, &**link, *day)).collect();
    let desk = Desk::with(&items);
    let cookie = desk.log_in();
    let read = || std::fs::read(desk.place.path().join("output").join(FEED)).unwrap();
    // Each version's place in time.
    let versions = Mutex::new(HashMap::from([(tag(&read()), 0_usize)]));
    let (done, requests) = (AtomicBool::new(false), AtomicUsize::new(0));
    let began = Instant::now();
    let seen: Vec<Vec<String>> = std::thread::scope(|scope| {
        let readers: Vec<_> = READERS
            .iter()
            .map(|(coding, is_conditional)| {
                scope.spawn(|| {
                    let mut reader = Reader::new(desk.public);
                    let mut seen: Vec<String> = Vec::new();
                    while !done.load(Ordering::Acquire) {
                        let tag = reader.ask(coding, *is_conditional);
                        requests.fetch_add(1, Ordering::Relaxed);
                        if seen.last() != Some(&tag) {
                            seen.push(tag);
                        }
                    }
                    seen
                })
            })
            .collect();
        let end = End(&done);
        for n in 1..=times {
            let told = desk.act(&cookie, &format!("record=1&do=retitle&title=alpha+in+version+{n}"));
            assert!(told.starts_with("Retitled"), "{told}");
            let published = tag(&read());
            assert_eq!(versions.lock().unwrap().insert(published.clone(), n), None, "version {n} is an old one");
            assert_eq!(Reader::new(desk.public).ask("identity", false), published, "what is published is served at once");
        }
        drop(end);
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    });
    let took = began.elapsed();
    let versions = versions.into_inner().unwrap();
    for (seen, reader) in seen.iter().zip(READERS) {
        let places: Vec<usize> =
            seen.iter().map(|tag| *versions.get(tag).unwrap_or_else(|| panic!("{reader:?}: {tag} was never published"))).collect();
        assert!(places.is_sorted(), "{reader:?} saw an older version after a newer one: {places:?}");
        println!("{reader:?} saw {} of {} versions", places.len(), times + 1);
    }
    let requests = requests.into_inner();
    (requests, requests as f64 / took.as_secs_f64())
}

#[test]
fn ten_republications_mix_no_versions() {
    let (requests, _) = republish(10);
    println!("{requests} requests during 10 republications: none mixed two versions");
}

/// The long run: `cargo test --release --test program republications -- --ignored --nocapture`.
#[test]
#[ignore = "needs the machine for itself and a release build; a command of its own"]
fn a_hundred_republications_mix_no_versions() {
    let (requests, rate) = republish(100);
    println!("{requests} requests, {rate:.0} a second, during 100 republications: none mixed two versions");
    assert!(rate >= 1_000.0, "the load is a thousand requests a second: {rate:.0}");
}
