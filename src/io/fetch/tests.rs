//! Against a loopback server that says exactly what it is told to.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::*;

/// The defaults of `[fetch]`, without a pause, with these ports open and loopback allowed.
pub(super) fn policy(ports: &[u16]) -> FetchPolicy {
    FetchPolicy {
        concurrency: 32,
        host_gap: Duration::ZERO,
        floor: Duration::from_secs(900),
        timeout: Duration::from_secs(30),
        connect_timeout: Duration::from_secs(10),
        first_byte_timeout: Duration::from_secs(20),
        wire_max_bytes: 10 << 20,
        body_max_bytes: 32 << 20,
        allow: vec!["127.0.0.0/8".parse().expect("a network")],
        ports: ports.to_vec(),
    }
}

/// A server that gives each request's path to a script and writes what it returns, then closes. Requests are kept as they came.
struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(script: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, script) = (requests.clone(), Arc::new(script));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (kept, script) = (kept.clone(), script.clone());
                std::thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    let head = head(&mut stream);
                    let path = head.split(' ').nth(1).unwrap_or("").to_owned();
                    kept.lock().unwrap().push(head);
                    script(&path, &mut stream);
                });
            }
        });
        Self { address, requests }
    }

    /// A server that says the same to everyone.
    fn saying(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::new(move |_, stream| {
            let _ = stream.write_all(&answer);
        })
    }

    fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.address)).unwrap()
    }

    fn fetcher(&self) -> Fetcher {
        Fetcher::new(&policy(&[self.address.port()]), "Topicwire-test/1").unwrap()
    }

    async fn get(&self, path: &str) -> Result<Response, FetchError> {
        self.fetcher().get(&request(self.url(path))).await
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

pub(super) fn head(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    // A first byte of 22 is TLS, which has no such end.
    while !head.ends_with(b"\r\n\r\n") && head.first() != Some(&22) && matches!(stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

pub(super) fn request(url: Url) -> Request {
    Request { url, etag: None, last_modified: None, validator_url: None, accept: ACCEPT_FEED, access: Access::default() }
}

/// Redirects `/to?<url>` to the URL.
pub(super) fn redirect(mut stream: TcpStream, status: u16) {
    let head = head(&mut stream);
    let to = head.split(' ').nth(1).and_then(|path| path.strip_prefix("/to?")).unwrap_or_default();
    let _ = stream.write_all(&answer(&format!("{status} Moved"), &format!("Location: {to}\r\n"), b""));
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn gz(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// A URL on a port where something listens and counts who comes.
fn canary() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let visits = Arc::new(AtomicUsize::new(0));
    let count = visits.clone();
    std::thread::spawn(move || {
        for _ in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    (address, visits)
}

fn has(request: &str, header: &str) -> bool {
    request.lines().any(|line| line.to_ascii_lowercase().starts_with(&header.to_ascii_lowercase()))
}

#[tokio::test]
async fn the_facts_arrive_as_they_were_sent() {
    let headers = "ETag: W/\"x \u{e4}\"\r\nLast-Modified: Yesterday\r\nContent-Type: text/xml; charset=x\r\nCache-Control: public\r\n\
                   Cache-Control: max-age=5\r\nAge: 7\r\nExpires: 0\r\nDate: now\r\nRetry-After: 9\r\nServer: s\r\ncf-mitigated: challenge\r\n\
                   CF-Ray: 8a1-HEL\r\n";
    let got = Server::saying(answer("200 OK", headers, b"<rss/>")).get("/feed").await.unwrap();
    assert_eq!((got.status, got.body.as_slice(), got.wire_bytes), (200, &b"<rss/>"[..], 6));
    assert_eq!(got.etag.as_deref(), Some("W/\"x \u{e4}\"".as_bytes()));
    assert_eq!(got.last_modified.as_deref(), Some(&b"Yesterday"[..]));
    let texts =
        [&got.content_type, &got.cache_control, &got.age, &got.expires, &got.date, &got.retry_after, &got.server, &got.cf_mitigated];
    let expected = ["text/xml; charset=x", "public, max-age=5", "7", "0", "now", "9", "s", "challenge"];
    assert_eq!(texts.map(|text| text.as_deref().unwrap_or("")), expected);
    assert_eq!(got.cf_ray.as_deref(), Some("8a1-HEL"));
}

#[tokio::test]
async fn content_location_is_the_base_at_its_own_origin_only() {
    for (location, path) in [
        ("/other/feed.xml", Some("/other/feed.xml")),
        ("feed.en.xml", Some("/news/feed.en.xml")),
        ("https://evil.example/feed.xml", None),
        ("//evil.example/feed.xml", None),
        ("javascript:1", None),
        ("http://[", None),
    ] {
        let server = Server::saying(answer("200 OK", &format!("Content-Location: {location}\r\n"), b"<rss/>"));
        let got = server.get("/news/feed").await.unwrap();
        assert_eq!(got.base(), server.url(path.unwrap_or("/news/feed")), "{location}");
    }
}

#[tokio::test]
async fn content_language_counts_if_it_names_one() {
    for (header, wanted) in [("fi", Some("fi")), (" en-GB ", Some("en-GB")), ("en, fi", None), ("English!", None), ("", None)] {
        let got = Server::saying(answer("200 OK", &format!("Content-Language: {header}\r\n"), b"<rss/>")).get("/").await.unwrap();
        assert_eq!(got.language(), wanted, "{header:?}");
    }
}

#[tokio::test]
async fn a_request_says_who_asks_and_nothing_more() {
    let server = Server::saying(answer("200 OK", "Set-Cookie: a=b\r\n", b"x"));
    let fetcher = server.fetcher();
    fetcher.get(&request(server.url("/feed"))).await.unwrap();
    fetcher.get(&request(server.url("/feed"))).await.unwrap();
    let sent = server.requests();
    for line in ["user-agent: Topicwire-test/1", "accept: application/atom+xml", "accept-encoding: gzip, br, zstd, deflate"] {
        assert!(has(&sent[1], line), "{}", sent[1]);
    }
    for line in ["cookie", "referer", "upgrade-insecure", "if-", "authorization"] {
        assert!(!has(&sent[1], line), "{}", sent[1]);
    }
}

#[tokio::test]
async fn validators_go_byte_for_byte_to_the_url_they_belong_to_and_no_other() {
    let server = Server::new(|path, stream| {
        let answer = match path {
            "/old" => answer("302 Found", "Location: /new\r\n", b""),
            _ => answer("304 Not Modified", "", b""),
        };
        let _ = stream.write_all(&answer);
    });
    let mut request = request(server.url("/old"));
    request.etag = Some(b"W/\"x y\"".to_vec());
    request.last_modified = Some(b"Yesterday, about noon".to_vec());
    request.validator_url = Some(server.url("/new"));
    let got = server.fetcher().get(&request).await.unwrap();
    assert!(got.conditional);
    let sent = server.requests();
    assert!(!has(&sent[0], "if-none-match") && !has(&sent[0], "if-modified-since"), "{}", sent[0]);
    assert!(
        has(&sent[1], "if-none-match: W/\"x y\"\r\n".trim_end()) && has(&sent[1], "if-modified-since: Yesterday, about noon"),
        "{}",
        sent[1]
    );

    // Bound to the first URL, they do not follow the redirect.
    request.validator_url = None;
    assert!(!server.fetcher().get(&request).await.unwrap().conditional);
}

#[tokio::test]
async fn validators_with_control_bytes_are_not_sent() {
    let server = Server::saying(answer("200 OK", "", b"x"));
    let mut request = request(server.url("/"));
    request.etag = Some(b"\"a\"\r\nX-Evil: 1".to_vec());
    assert!(!server.fetcher().get(&request).await.unwrap().conditional);
    assert!(!has(&server.requests()[0], "x-evil"));
}

#[tokio::test]
async fn codings_are_undone() {
    let text = b"<rss>some text</rss>";
    for (header, body) in
        [("Content-Encoding: gzip\r\n", gz(text)), ("Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n", gz(&gz(text))), ("", gz(text))]
    {
        let wire = body.len() as u64;
        let got = Server::saying(answer("200 OK", header, &body)).get("/").await.unwrap();
        assert_eq!((got.body.as_slice(), got.wire_bytes), (&text[..], wire), "{header}");
    }
}

#[tokio::test]
async fn redirects_are_followed_and_told() {
    let server = Server::new(|path, stream| {
        let answer = match path {
            "/a/1" => answer("301 Moved", "Location: 2?x=1\r\n", b""),
            "/a/2?x=1" => answer("308 Moved", "Location: /b#part\r\n", b""),
            "/temporary" => answer("307 Look elsewhere", "Location: /b\r\n", b""),
            "/nowhere" => answer("302 Found", "", b"hm"),
            _ => answer("200 OK", "", path.as_bytes()),
        };
        let _ = stream.write_all(&answer);
    });
    let got = server.get("/a/1").await.unwrap();
    assert_eq!((got.body.as_slice(), got.final_url.path(), got.permanent()), (&b"/b"[..], "/b", true));
    assert_eq!(got.hops, [Hop { status: 301, to: server.url("/a/2?x=1") }, Hop { status: 308, to: server.url("/b") }]);
    assert!(!server.get("/temporary").await.unwrap().permanent());
    assert!(!server.get("/b").await.unwrap().permanent());
    assert_eq!(server.get("/nowhere").await.unwrap().status, 302);
}

#[tokio::test]
async fn circles_and_long_chains_are_named() {
    let server = Server::new(|path, stream| {
        let next = match path {
            "/a" => "/b".to_owned(),
            "/b" => "/a".to_owned(),
            _ => format!("{path}x"),
        };
        let _ = stream.write_all(&answer("302 Found", &format!("Location: {next}\r\n"), b""));
    });
    let said = server.get("/a").await.unwrap_err().to_string();
    let root = server.url("");
    assert_eq!(said, format!("it redirects in a circle: {root}a -> {root}b -> {root}a"));
    let error = server.get("/x").await.unwrap_err();
    assert_eq!(error.class(), "redirect");
    assert!(error.to_string().contains("more than 5 times"), "{error}");
    // The five that are allowed, and the first.
    assert_eq!(server.requests().iter().filter(|head| head.starts_with("GET /x")).count(), HOPS_MAX + 1);
}

#[tokio::test]
async fn credentials_go_to_their_origin_only_and_are_never_told() {
    let other = Server::saying(answer("200 OK", "", b"there"));
    let there = other.url("/").to_string().replace("127.0.0.1", "evil:pass@127.0.0.1");
    let server = Server::new(move |path, stream| {
        let location = if path == "/a" { "/b" } else { &there };
        let _ = stream.write_all(&answer("302 Found", &format!("Location: {location}\r\n"), b""));
    });
    let mut url = server.url("/a");
    url.set_username("me").unwrap();
    url.set_password(Some("secret")).unwrap();
    let fetcher = Fetcher::new(&policy(&[server.address.port(), other.address.port()]), "t").unwrap();
    let got = fetcher.get(&request(url)).await.unwrap();
    assert!(server.requests().iter().all(|head| has(head, "authorization: Basic")));
    assert!(!has(&other.requests()[0], "authorization"), "{}", other.requests()[0]);
    assert_eq!((got.final_url.as_str(), &got.hops[1].to), (other.url("/").as_str(), &other.url("/")));
}

#[tokio::test]
async fn forbidden_places_are_not_even_connected_to() {
    let (canary, visits) = canary();
    let port = canary.port();
    let mut closed = policy(&[port]);
    closed.allow.clear();
    let fetcher = Fetcher::new(&closed, "t").unwrap();
    for host in ["127.0.0.1", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0", "localhost", "①②⑦.⓪.⓪.①"] {
        let url = Url::parse(&format!("http://{host}:{port}/")).unwrap();
        let error = fetcher.get(&request(url)).await.unwrap_err();
        assert_eq!(error.class(), "forbidden", "{host}: {error}");
    }
    let shut = Fetcher::new(&policy(&[]), "t").unwrap();
    let error = shut.get(&request(Url::parse(&format!("http://{canary}/")).unwrap())).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("refuses port {port}: feeds are on 80 and 443; if it is meant, add it to ports in this [[source]]")
    );
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn redirects_to_forbidden_places_stop_at_that_hop() {
    let (canary, visits) = canary();
    let port = canary.port();
    for location in [
        format!("http://127.0.0.2:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://10.0.0.1:{port}/"),
        "http://169.254.169.254/latest".to_owned(),
        "file:///etc/passwd".to_owned(),
        "ftp://a.example/".to_owned(),
        "data:text/xml,x".to_owned(),
        "javascript:1".to_owned(),
        "http://127.0.0.1:6379/".to_owned(),
    ] {
        let script = location.clone();
        let server = Server::new(move |_, stream| {
            let _ = stream.write_all(&answer("302 Found", &format!("Location: {script}\r\n"), b""));
        });
        let mut narrow = policy(&[server.address.port(), port]);
        narrow.allow = vec!["127.0.0.1/32".parse().unwrap()];
        let fetcher = Fetcher::new(&narrow, "t").unwrap();
        let error = fetcher.get(&request(server.url("/"))).await.unwrap_err();
        assert!(matches!(error, FetchError::ForbiddenHop { .. }), "{location}: {error}");
    }
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_turns_private_is_never_followed() {
    let (canary, visits) = canary();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    // The first answer is public (and unreachable here), every later one is this machine.
    let lookup: Lookup = Arc::new(move |_| {
        let first = count.fetch_add(1, Ordering::SeqCst) == 0;
        let address: IpAddr = if first { "192.0.2.1".parse().unwrap() } else { "127.0.0.1".parse().unwrap() };
        Box::pin(async move { Ok(vec![address]) })
    });
    let mut closed = policy(&[canary.port()]);
    closed.allow.clear();
    let fetcher = Fetcher::with_lookup(&closed, "t", lookup).unwrap();
    for _ in 0..50 {
        let url = Url::parse(&format!("http://rebind.example:{}/", canary.port())).unwrap();
        assert_eq!(fetcher.get(&request(url)).await.unwrap_err().class(), "forbidden");
    }
    assert_eq!(visits.load(Ordering::SeqCst), 0);
    assert_eq!(asked.load(Ordering::SeqCst), 50);
}

#[tokio::test]
async fn a_name_leads_to_the_addresses_that_were_vetted() {
    let server = Server::saying(answer("200 OK", "", b"here"));
    let lookup: Lookup = Arc::new(|_| Box::pin(async { Ok(vec!["10.0.0.1".parse().unwrap(), "127.0.0.1".parse().unwrap()]) }));
    let fetcher = Fetcher::with_lookup(&policy(&[server.address.port()]), "t", lookup).unwrap();
    let url = Url::parse(&format!("http://good.example:{}/", server.address.port())).unwrap();
    assert_eq!(fetcher.get(&request(url)).await.unwrap().body, b"here");
}

#[tokio::test]
async fn failing_names_and_closed_ports_are_told_apart() {
    let lookup: Lookup = Arc::new(|_| Box::pin(async { Err(std::io::Error::other("no such name")) }));
    let fetcher = Fetcher::with_lookup(&policy(&[]), "t", lookup).unwrap();
    let error = fetcher.get(&request(Url::parse("http://gone.example/").unwrap())).await.unwrap_err();
    assert_eq!((error.class(), error.to_string().as_str()), ("dns", "cannot find gone.example in the DNS: no such name"));

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let fetcher = Fetcher::new(&policy(&[free.port()]), "t").unwrap();
    let error = fetcher.get(&request(Url::parse(&format!("http://{free}/")).unwrap())).await.unwrap_err();
    assert_eq!((error.class(), error.to_string()), ("connect", format!("cannot connect to {free}: the connection was refused")));
}

#[tokio::test(start_paused = true)]
async fn names_fail_in_words() {
    let error = |words: &'static str| -> Lookup { Arc::new(move |_| Box::pin(async move { Err(std::io::Error::other(words)) })) };
    let lookups: [(Lookup, &str, &str); 6] = [
        (error("failed to lookup address information: Name or service not known"), "dns", "there is no such name, or it has no address"),
        (error("failed to lookup address information: Temporary failure in name resolution"), "dns", "the name servers failed"),
        (Arc::new(|_| Box::pin(std::future::pending())), "dns", "the name servers did not answer within 5 s"),
        (Arc::new(|_| Box::pin(async { Ok(Vec::new()) })), "dns", "the name has no address"),
        (
            Arc::new(|_| Box::pin(async { Ok((0..1_000_u32).map(|n| IpAddr::from((0x0A00_0000 + n).to_be_bytes())).collect()) })),
            "forbidden",
            "refuses to connect to a.example, which is 10.0.0.0: a private address; if it is yours, add its network to allow in this [[source]]",
        ),
        (error("odd\r\nwords"), "dns", "oddwords"),
    ];
    println!("row name behaviour -> class, what the user reads");
    for (lookup, class, words) in lookups {
        let fetcher = Fetcher::with_lookup(&policy(&[]), "t", lookup).unwrap();
        let error = fetcher.get(&request(Url::parse("http://a.example/").unwrap())).await.unwrap_err();
        println!(" 1  {class:<12} {error}");
        assert_eq!((error.class(), error.to_string().trim_start_matches("cannot find a.example in the DNS: ")), (class, words));
    }
}

#[tokio::test]
async fn a_dead_ipv6_address_costs_less_than_a_second() {
    let server = Server::saying(answer("200 OK", "", b"here"));
    // 100::/64 leads nowhere (RFC 6666).
    let lookup: Lookup = Arc::new(|_| Box::pin(async { Ok(vec!["100::1".parse().unwrap(), "127.0.0.1".parse().unwrap()]) }));
    let mut open = policy(&[server.address.port()]);
    open.allow.push("100::/64".parse().unwrap());
    let fetcher = Fetcher::with_lookup(&open, "t", lookup).unwrap();
    let start = Instant::now();
    let url = Url::parse(&format!("http://dual.example:{}/", server.address.port())).unwrap();
    assert_eq!(fetcher.get(&request(url)).await.unwrap().body, b"here");
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_server_without_tls_is_told_as_such() {
    let server = Server::saying("HTTP/1.1 400 Bad Request\r\n\r\n");
    let url = Url::parse(&format!("https://{}/", server.address)).unwrap();
    let error = server.fetcher().get(&request(url)).await.unwrap_err();
    assert_eq!(error.class(), "tls", "{error}");
}

#[tokio::test]
async fn bodies_over_the_caps_end_early() {
    let endless = Server::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 65_536]).is_ok() {}
    });
    let announced = Server::saying("HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n");
    for server in [endless, announced] {
        let start = Instant::now();
        let error = server.get("/feed").await.unwrap_err();
        assert!(error.to_string().ends_with("/feed is larger than 10 MiB"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(15));
    }
}

#[tokio::test]
async fn a_bomb_of_two_mebibytes_ends_within_two_seconds() {
    // 2 MiB that would be 2 GiB: one gzip member of 16 MiB zeros, over and over, is what a decoder without caps would swallow whole.
    let bomb = gz(&vec![0; 16 << 20]).repeat(128);
    assert!(bomb.len() > 2_000_000, "{}", bomb.len());
    let server = Server::saying(answer("200 OK", "Content-Encoding: gzip\r\n", &bomb));
    let start = Instant::now();
    let error = server.get("/").await.unwrap_err();
    assert_eq!(error.class(), "coding", "{error}");
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}

#[tokio::test]
async fn broken_bodies_are_failures() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 4811\r\n\r\n<rss>";
    for answer in [chunked, short] {
        let error = Server::saying(answer).get("/").await.unwrap_err();
        assert_eq!(error.class(), "interrupted", "{error}");
    }
    let error = Server::saying(short).get("/").await.unwrap_err().to_string();
    assert!(error.ends_with("broke off after 5 bytes of 4 KiB"), "{error}");
    let half = &gz(&[b'x'; 5_000])[..20];
    let error = Server::saying(answer("200 OK", "Content-Encoding: gzip\r\n", half)).get("/").await.unwrap_err();
    assert_eq!(error.class(), "coding", "{error}");
}

#[tokio::test]
async fn what_is_no_http_gives_a_clear_error() {
    let many: String = (0..101).map(|n| format!("X-{n}: y\r\n")).collect();
    let long = format!("X: {}\r\n", "y".repeat(10_000_000));
    for (said, class, part) in [
        (String::new(), "connect", "without an answer"),
        ("ICY 200 OK\r\n\r\n".to_owned(), "protocol", "no valid HTTP answer"),
        ("SSH-2.0-x\r\n".to_owned(), "protocol", "no valid HTTP answer"),
        (format!("HTTP/1.1 200 OK\r\n{many}\r\n"), "protocol", "too many or too long"),
        (format!("HTTP/1.1 200 OK\r\n{long}\r\n"), "protocol", "too many or too long"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx".to_owned(), "protocol", "no valid HTTP answer"),
    ] {
        let start: String = said.chars().take(40).collect();
        let error = Server::saying(said).get("/").await.unwrap_err();
        assert_eq!(error.class(), class, "{start:?}: {error}");
        assert!(error.to_string().contains(part), "{start:?}: {error}");
    }
}

#[tokio::test]
async fn a_server_that_keeps_silent_or_dribbles_hits_the_limit() {
    let silent = Server::new(|_, stream| {
        let _ = stream.read(&mut [0]);
    });
    let dribbling = Server::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<");
        let _ = stream.read(&mut [0]);
    });
    for server in [silent, dribbling] {
        let short = FetchPolicy { timeout: Duration::from_millis(200), ..policy(&[server.address.port()]) };
        let error = Fetcher::new(&short, "t").unwrap().get(&request(server.url("/"))).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{}: the answer was not complete within 0.2 s", server.address));
    }
}

#[tokio::test]
async fn the_body_of_an_error_is_kept_for_reading_and_cut() {
    let got = Server::saying(answer("403 Forbidden", "Content-Encoding: gzip\r\n", &gz(b"go away"))).get("/").await.unwrap();
    assert_eq!((got.status, got.body.as_slice()), (403, &b"go away"[..]));
    let got = Server::saying(answer("500 No", "", &vec![b'x'; 1 << 20])).get("/").await.unwrap();
    assert_eq!((got.status, got.body.len()), (500, 65_536));
    let got = Server::saying(answer("500 No", "Content-Encoding: gzip\r\n", b"plain")).get("/").await.unwrap();
    assert_eq!((got.status, got.body.len()), (500, 0));
}

#[tokio::test]
async fn a_304_has_no_body_whatever_the_server_adds() {
    let got = Server::saying("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: \"2\"\r\n\r\nhello").get("/").await.unwrap();
    assert_eq!((got.status, got.body.len(), got.etag.as_deref()), (304, 0, Some(&b"\"2\""[..])));
}
