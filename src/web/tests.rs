//! The routes over a socket, as clients see them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use tokio::net::TcpListener;

use super::*;
use crate::io::output::Tree;
use crate::stage::exchange::http_date;

const FEED: &[u8] = b"<feed/>";
const AT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

struct Site {
    address: SocketAddr,
    _dir: tempfile::TempDir,
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
    }
}

/// A published tree and its server on a thread of its own.
fn site() -> Site {
    let dir = tempfile::tempdir().unwrap();
    let mut tree = Tree::open(dir.path()).unwrap();
    let at = http_date(AT);
    for (path, bytes) in [
        ("index.html", &b"<p>home"[..]),
        ("topic/x/index.html", b"<p>x"),
        ("topic/x/feed.atom", FEED),
        ("topic/x/feed.rss", b"<rss/>"),
        ("topic/x/feed.json", b"{}"),
        ("topics.opml", b"<opml/>"),
        ("news/a.md", b"---"),
        ("news/a.png", b"\x89PNG"),
    ] {
        tree.stage_dated(path, bytes, at).unwrap();
    }
    tree.commit().unwrap();
    std::fs::write(dir.path().join(".hidden"), "secret").unwrap();
    std::fs::create_dir(dir.path().join(".topicwire-staging")).unwrap();
    std::fs::write(dir.path().join(".topicwire-staging/.topicwire-0.tmp"), "half").unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let router = router(dir.path().to_owned());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            listener.set_nonblocking(true).unwrap();
            serve(TcpListener::from_std(listener).unwrap(), router, std::future::pending()).await.unwrap();
        });
    });
    Site { address, _dir: dir }
}

/// Sends a request as it stands and takes the answer apart.
fn ask(site: &Site, method: &str, path: &str, headers: &str) -> Answer {
    let mut stream = TcpStream::connect(site.address).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n{headers}\r\n").unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let end = all.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(all[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: all[end + 4..].to_vec() }
}

fn get(site: &Site, path: &str, headers: &str) -> Answer {
    ask(site, "GET", path, headers)
}

#[test]
fn every_file_has_its_type_and_its_bytes() {
    let site = site();
    for (path, kind, body) in [
        ("/", "text/html; charset=utf-8", &b"<p>home"[..]),
        ("/index.html", "text/html; charset=utf-8", b"<p>home"),
        ("/topic/x/", "text/html; charset=utf-8", b"<p>x"),
        ("/topic/x/feed.atom", "application/atom+xml; charset=utf-8", FEED),
        ("/topic/x/feed.rss", "application/rss+xml; charset=utf-8", b"<rss/>"),
        ("/topic/x/feed.json", "application/feed+json; charset=utf-8", b"{}"),
        ("/topics.opml", "text/x-opml; charset=utf-8", b"<opml/>"),
        ("/news/a.md", "text/markdown; charset=utf-8", b"---"),
        ("/news/a.png", "image/png", b"\x89PNG"),
        ("/topic/%78/feed.atom", "application/atom+xml; charset=utf-8", FEED),
        ("/topic/x/feed.atom?any=thing", "application/atom+xml; charset=utf-8", FEED),
    ] {
        let got = get(&site, path, "");
        assert_eq!((got.status, got.header("content-type"), got.body.as_slice()), (200, Some(kind), body), "{path}");
        assert_eq!(got.header("content-length"), Some(body.len().to_string().as_str()), "{path}");
        for name in ["etag", "last-modified", "cache-control", "vary", "date", "content-security-policy"] {
            assert!(got.header(name).is_some(), "{path}: {name}");
        }
        assert_eq!(got.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(got.header("referrer-policy"), Some("no-referrer"), "{path}");
    }
}

#[test]
fn nothing_outside_and_nothing_hidden_is_served() {
    let site = site();
    std::os::unix::fs::symlink("/etc", site._dir.path().join("link")).unwrap();
    for path in [
        "/.hidden",
        "/.topicwire-staging/.topicwire-0.tmp",
        "/.topicwire-staging/",
        "/../Cargo.toml",
        "/%2e%2e/Cargo.toml",
        "/topic/../index.html",
        "/topic/%2e%2e/index.html",
        "/topic%2fx/feed.atom",
        "/topic/x%5cfeed.atom",
        "/topic/x/feed.atom%00",
        "/topic//x/feed.atom",
        "//evil.example/",
        "/link/passwd",
        "/topic/",
        "/nothing",
        "/nothing/",
        "/%ff",
        "/%zz",
        "/%",
    ] {
        let got = get(&site, path, "");
        assert_eq!((got.status, got.body.as_slice()), (404, &b"there is nothing here\n"[..]), "{path}");
        assert_eq!(got.header("content-type"), Some("text/plain; charset=utf-8"));
    }
}

#[test]
fn a_folder_without_its_slash_is_redirected_by_a_relative_address() {
    let got = get(&site(), "/topic/x?y", "X-Forwarded-Host: evil.example\r\n");
    assert_eq!((got.status, got.header("location")), (301, Some("x/")));
    assert!(!got.head.contains("evil"));
}

#[test]
fn conditions_are_answered_by_the_rules() {
    let site = site();
    let first = get(&site, "/topic/x/feed.atom", "");
    let tag = first.header("etag").unwrap().to_owned();
    assert_eq!(first.header("last-modified"), Some(AT));
    let bare = tag.trim_matches('"');
    for (headers, status) in [
        (format!("If-None-Match: {tag}\r\n"), 304),
        (format!("If-None-Match: W/{tag}\r\n"), 304),
        (format!("If-None-Match: \"x\", {tag}\r\n"), 304),
        (format!("If-None-Match: \"x\"\r\nIf-None-Match: {tag}\r\n"), 304),
        (format!("If-None-Match: \"{bare}-gzip\"\r\n"), 304),
        ("If-None-Match: *\r\n".to_owned(), 304),
        ("If-None-Match: \"x\"\r\n".to_owned(), 200),
        (format!("If-None-Match: {bare}\r\n"), 200),
        (format!("If-None-Match: \"x\"\r\nIf-Modified-Since: {AT}\r\n"), 200),
        (format!("If-None-Match: {tag}\r\nIf-Modified-Since: Sun, 06 Nov 1983 08:49:37 GMT\r\n"), 304),
        (format!("If-Modified-Since: {AT}\r\n"), 304),
        ("If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\n".to_owned(), 304),
        ("If-Modified-Since: Mon, 07 Nov 1994 08:49:37 GMT\r\n".to_owned(), 304),
        ("If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n".to_owned(), 200),
        ("If-Modified-Since: yesterday\r\n".to_owned(), 200),
    ] {
        let got = get(&site, "/topic/x/feed.atom", &headers);
        assert_eq!(got.status, status, "{headers}");
        assert_eq!(got.header("etag"), Some(tag.as_str()));
        if status == 304 {
            assert!(got.body.is_empty());
            for name in ["cache-control", "vary", "date", "last-modified"] {
                assert_eq!(got.header(name).is_some(), first.header(name).is_some(), "{name}");
            }
        }
    }
}

#[test]
fn different_bytes_have_different_tags() {
    assert_eq!(etag(b"a"), etag(b"a"));
    assert_ne!(etag(b"a"), etag(b"b"));
    // The published BLAKE3 hash of nothing begins so.
    assert_eq!(etag(b""), "\"af1349b9f5f9a1a6a0404dea36dcc949\"");
}

#[test]
fn head_is_get_without_its_body() {
    let site = site();
    let (mut get, mut head) = (get(&site, "/topic/x/feed.atom", ""), ask(&site, "HEAD", "/topic/x/feed.atom", ""));
    for answer in [&mut get, &mut head] {
        answer.head = answer.head.lines().filter(|line| !line.starts_with("date:")).collect::<Vec<_>>().join("\n");
    }
    assert_eq!((head.head, head.body.len()), (get.head, 0));
}

#[test]
fn other_methods_are_refused_with_what_is_allowed() {
    let site = site();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"] {
        let got = ask(&site, method, "/", "Content-Length: 0\r\n");
        assert_eq!((got.status, got.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
}

#[tokio::test]
async fn it_stops_when_told_though_a_client_lingers() {
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let _idle = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let limit = tokio::time::timeout(2 * STOP_LIMIT, serve(listener, router(dir.path().to_owned()), std::future::ready(())));
    assert!(limit.await.is_ok_and(|ended| ended.is_ok()));
}
