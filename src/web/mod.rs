//! Serves output/ over HTTP: the bytes that were published, with validators.
//!
//! A response depends on the path and the file alone. `Host`, forwarding headers and the query are never looked at (S26, S27), and no
//! response repeats anything of the request but a folder's own name.

pub mod push;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, Response, StatusCode, Uri};
use chrono::{DateTime, Utc};
use tokio::net::TcpListener;

use crate::io::clock::Clock;
use crate::io::output::{self, Found};
use crate::stage::exchange::http_date;
use crate::syntax::hex;

/// How long a client may take what it got for current. Short, for a feed's news should not wait; readers come back with validators.
const CACHE: &str = "public, max-age=300";

/// Feeds and files run nothing and load nothing (S28).
const FILE_POLICY: &str = "default-src 'none'; sandbox";

/// Pages are written with their style inside and show pictures of this site only (P9).
const PAGE_POLICY: &str = "default-src 'none'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                           frame-ancestors 'none'";

/// How long requests in flight may go on once the service is to stop; a client that does not read must not hold it up.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// Routes over the published tree.
pub fn router(output: PathBuf) -> Router {
    Router::new().fallback(answer).with_state(Arc::from(output))
}

/// Serves until `stop` ends, then lets requests in flight finish, for five seconds at most.
///
/// # Errors
/// What the system says of the listening socket.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
    let (told, tell) = tokio::sync::oneshot::channel();
    let stop = async move {
        stop.await;
        // The other end is gone only when serving has ended.
        let _ = told.send(());
    };
    let overdue = async {
        match tell.await {
            Ok(()) => tokio::time::sleep(STOP_LIMIT).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        ended = axum::serve(listener, router).with_graceful_shutdown(stop).into_future() => ended,
        () = overdue => Ok(()),
    }
}

async fn answer(State(output): State<Arc<Path>>, method: Method, uri: Uri, headers: HeaderMap) -> Response<Body> {
    if !matches!(method, Method::GET | Method::HEAD) {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        put(&mut response, header::ALLOW, "GET, HEAD");
        return response;
    }
    let Some(path) = decoded(uri.path()) else { return missing() };
    let file = if path.is_empty() || path.ends_with('/') { format!("{path}index.html") } else { path.clone() };
    let wanted = file.clone();
    let found = tokio::task::spawn_blocking(move || output::read(&output, &wanted)).await;
    match found {
        Ok(Ok(Found::File { bytes, modified })) => file_response(&method, &headers, &file, bytes, modified),
        Ok(Ok(Found::Folder)) if file == path => {
            let mut response = plain(StatusCode::MOVED_PERMANENTLY, "the folder's address ends with a slash\n");
            // Relative, so that it holds behind a proxy that serves this under another path.
            let name = path.rsplit('/').next().unwrap_or(&path);
            put(&mut response, header::LOCATION, &format!("{name}/"));
            response
        }
        Ok(Ok(Found::Folder | Found::Missing)) => missing(),
        Ok(Err(_)) | Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be read now\n"),
    }
}

fn file_response(method: &Method, asked: &HeaderMap, path: &str, bytes: Vec<u8>, modified: Option<DateTime<Utc>>) -> Response<Body> {
    let etag = etag(&bytes);
    // A time to come would keep clients from asking, or be refused by them (RFC 9110 8.8.2.1).
    let modified = modified.map(|at| at.min(Clock::System.now()));
    let fresh = not_modified(asked, &etag, modified);
    let length = bytes.len();
    let body = if fresh || method == Method::HEAD { Body::empty() } else { Body::from(bytes) };
    let mut response = Response::new(body);
    let (content_type, policy) = content_type(path);
    if fresh {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        put(&mut response, header::CONTENT_TYPE, content_type);
        put(&mut response, header::CONTENT_LENGTH, &length.to_string());
    }
    put(&mut response, header::ETAG, &etag);
    if let Some(modified) = modified {
        put(&mut response, header::LAST_MODIFIED, &modified.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
    }
    put(&mut response, header::CACHE_CONTROL, CACHE);
    put(&mut response, header::VARY, "Accept-Encoding");
    secure(&mut response, policy);
    response
}

/// A strong validator: a hash of these very bytes. Computed each time from what is sent, so the two cannot disagree.
fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", hex(&blake3::hash(bytes).as_bytes()[..16]))
}

/// RFC 9110 13.2.2: `If-None-Match` decides where there is one, `If-Modified-Since` only where there is none.
fn not_modified(asked: &HeaderMap, etag: &str, modified: Option<DateTime<Utc>>) -> bool {
    if asked.contains_key(header::IF_NONE_MATCH) {
        return asked.get_all(header::IF_NONE_MATCH).iter().any(|value| value.to_str().is_ok_and(|list| matches(list, etag)));
    }
    let since = asked.get(header::IF_MODIFIED_SINCE).and_then(|value| http_date(value.to_str().ok()?));
    match (since, modified) {
        (Some(since), Some(modified)) => modified.timestamp() <= since.timestamp(),
        _ => false,
    }
}

/// Weak comparison with each tag of a list. Caches and servers in between mark tags of compressed copies with a suffix, which is
/// overlooked: the bytes behind the tag are the same.
fn matches(list: &str, etag: &str) -> bool {
    let ours = etag.trim_matches('"');
    // Our tags hold no comma, so a foreign tag that does cannot become ours by being split.
    list.split(',').map(str::trim).any(|tag| {
        let opaque = tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
        tag == "*"
            || opaque.is_some_and(|tag| ["", "-gzip", "-br", "-zstd", "-deflate"].iter().any(|end| tag.strip_suffix(end) == Some(ours)))
    })
}

/// The path below the root, percent-decoded; `None` for what cannot be a published file's: a slash in disguise, or no UTF-8. Names
/// themselves are checked by [`output::read`].
fn decoded(path: &str) -> Option<String> {
    let mut bytes = path.strip_prefix('/')?.bytes();
    let mut out = Vec::with_capacity(bytes.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let byte = digit(bytes.next())? << 4 | digit(bytes.next())?;
        if byte == b'/' {
            return None;
        }
        out.push(byte);
    }
    String::from_utf8(out).ok()
}

/// Content type and content security policy of a file.
fn content_type(path: &str) -> (&'static str, &'static str) {
    let name = path.rsplit('/').next().unwrap_or(path);
    let kind = match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => return ("text/html; charset=utf-8", PAGE_POLICY),
        "atom" => "application/atom+xml; charset=utf-8",
        "rss" => "application/rss+xml; charset=utf-8",
        "json" if name == "feed.json" => "application/feed+json; charset=utf-8",
        "json" => "application/json; charset=utf-8",
        "opml" => "text/x-opml; charset=utf-8",
        "xml" => "application/xml; charset=utf-8",
        "md" => "text/markdown; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "svg" => "image/svg+xml; charset=utf-8",
        "ico" => "image/x-icon",
        _ => "application/octet-stream",
    };
    (kind, FILE_POLICY)
}

fn missing() -> Response<Body> {
    plain(StatusCode::NOT_FOUND, "there is nothing here\n")
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    put(&mut response, header::CONTENT_TYPE, "text/plain; charset=utf-8");
    put(&mut response, header::CACHE_CONTROL, "no-cache");
    secure(&mut response, FILE_POLICY);
    response
}

fn secure(response: &mut Response<Body>, policy: &'static str) {
    put(response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(response, header::CONTENT_SECURITY_POLICY, policy);
    put(response, header::REFERRER_POLICY, "no-referrer");
}

fn put(response: &mut Response<Body>, name: HeaderName, value: &str) {
    // Every value here is plain ASCII.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests put strangers' files beside the published tree")]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpStream};

    use super::*;
    use crate::io::output::Tree;

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
}
