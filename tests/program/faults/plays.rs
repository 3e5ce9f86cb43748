//! The ways to misbehave: row of the fault matrix, name, what is sent, and what the user must read.

use std::sync::Arc;
use std::time::Duration;

use super::bombs;
use super::server::{Asked, Play, Wire, answer, good, gzip, zlib};

/// What must come of it.
#[derive(Clone, Copy)]
pub(super) enum Expected {
    /// A failure of this class, told with these words.
    Fails(&'static str, &'static str),
    /// The same two articles, whatever it took to read them.
    Well,
    /// What there is of a document that ends too early. Its validators must not be kept, or the rest would never be asked for.
    Part,
    /// Nothing new, said by the server.
    Unchanged,
}

pub(super) struct Case {
    /// Row of the matrix.
    pub(super) row: u8,
    pub(super) name: &'static str,
    pub(super) play: Play,
    pub(super) expected: Expected,
}

use Expected::{Fails, Part, Unchanged, Well};

fn case(row: u8, name: &'static str, expected: Expected, play: impl Fn(&mut dyn Wire, &Asked) + Send + Sync + 'static) -> Case {
    Case { row, name, play: Arc::new(play), expected }
}

/// The same bytes for everyone, made from the name.
fn says(row: u8, name: &'static str, expected: Expected, bytes: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Case {
    case(row, name, expected, move |wire, _| {
        let _ = wire.write_all(&bytes(name));
    })
}

/// A body under 200 with these header lines.
fn body(
    row: u8,
    name: &'static str,
    expected: Expected,
    headers: &'static str,
    body: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
) -> Case {
    says(row, name, expected, move |name| answer("200 OK", headers, &body(name)))
}

fn status(row: u8, name: &'static str, line: &'static str, headers: &'static str, expected: Expected) -> Case {
    says(row, name, expected, move |_| answer(line, headers, b"<html><title>Sorry</title>No.</html>"))
}

/// A redirect to what the closure makes of the server's address and the path that was asked for.
fn redirect(name: &'static str, expected: Expected, to: impl Fn(&Asked) -> String + Send + Sync + 'static) -> Case {
    case(13, name, expected, move |wire, asked| {
        let _ = wire.write_all(&answer("302 Found", &format!("Location: {}\r\n", to(asked)), b""));
    })
}

fn utf16(text: &str, little: bool, mark: bool) -> Vec<u8> {
    let units = mark.then_some(0xFEFF).into_iter().chain(text.encode_utf16());
    units.flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

/// Everything outside ASCII as one byte, as windows-1252 and Latin-1 have it.
fn latin(text: &str) -> Vec<u8> {
    text.chars().map(|char| u8::try_from(u32::from(char)).unwrap()).collect()
}

fn good_bytes(name: &str) -> Vec<u8> {
    good(name).into_bytes()
}

fn half(name: &str) -> Vec<u8> {
    let good = good(name);
    good.as_bytes()[..good.find("the second").unwrap()].to_vec()
}

/// Everything that a server without TLS can do once it is connected to.
pub(super) fn plain() -> Vec<Case> {
    let mut cases = connection();
    cases.extend(bodies());
    cases.extend(redirects());
    cases.extend(statuses());
    cases.extend(protocol());
    cases.extend(documents());
    cases
}

fn connection() -> Vec<Case> {
    vec![
        case(2, "closes-at-once", Fails("connect", "it closed the connection without an answer"), |_, _| {}),
        case(4, "slow-headers", Fails("timeout", "no answer within 2 s"), |wire, _| {
            let _ = wire.write_all(b"HTTP/1.1 200 OK\r\nX: ");
            while wire.write_all(b"y").is_ok() {
                std::thread::sleep(Duration::from_millis(200));
            }
        }),
        case(4, "slow-body", Fails("timeout", "the answer was not complete within 5 s"), |wire, _| {
            let _ = wire.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
            while wire.write_all(b"<").is_ok() {
                std::thread::sleep(Duration::from_millis(200));
            }
        }),
        case(5, "never-answers", Fails("timeout", "no answer within 2 s"), |wire, _| {
            let _ = wire.read(&mut [0]);
        }),
    ]
}

fn bodies() -> Vec<Case> {
    // Made beforehand: making them takes longer than a server may take to answer.
    let (bomb, deflate, br, zstd) = (bombs::gz(), bombs::deflate(), bombs::brotli(), bombs::zstd());
    let (twice, again) = (gzip(&bomb), bomb.clone());
    let head = |rest: &str| format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{rest}\r\n").into_bytes();
    let cut = |bytes: Vec<u8>, by: usize| bytes[..bytes.len() - by].to_vec();
    vec![
        says(6, "length-too-long", Fails("interrupted", "broke off after"), move |name| {
            [head("Content-Length: 4811\r\n"), good_bytes(name)].concat()
        }),
        says(7, "length-too-short", Part, move |name| [head("Content-Length: 640\r\n"), good_bytes(name)].concat()),
        says(7, "length-100", Fails("not-complete", "breaks off before its first"), move |name| {
            [head("Content-Length: 100\r\n"), good_bytes(name)].concat()
        }),
        says(8, "no-length-cut", Part, move |name| [head(""), half(name)].concat()),
        says(8, "no-length-whole", Well, move |name| [head(""), good_bytes(name)].concat()),
        says(9, "chunks-without-end", Fails("interrupted", "broke off after"), move |name| {
            [head("Transfer-Encoding: chunked\r\n"), b"64\r\n".to_vec(), good_bytes(name)[..100].to_vec(), b"\r\n".to_vec()].concat()
        }),
        says(9, "bad-chunk-size", Fails("interrupted", "broke off after"), move |name| {
            [head("Transfer-Encoding: chunked\r\n"), b"64\r\n".to_vec(), good_bytes(name)[..100].to_vec(), b"\r\nZZ\r\n".to_vec()].concat()
        }),
        body(10, "gzip-cut", Fails("coding", "not whole, or no gzip"), "Content-Encoding: gzip\r\n", move |name| {
            cut(gzip(&good_bytes(name)), 60)
        }),
        body(10, "gzip-no-trailer", Fails("coding", "not whole, or no gzip"), "Content-Encoding: gzip\r\n", move |name| {
            cut(gzip(&good_bytes(name)), 8)
        }),
        body(10, "gzip-bad-sum", Fails("coding", "not whole, or no gzip"), "Content-Encoding: gzip\r\n", |name| {
            let mut bytes = gzip(&good_bytes(name));
            let place = bytes.len() - 7;
            bytes[place] ^= 1;
            bytes
        }),
        body(10, "plain-as-gzip", Fails("coding", "not whole, or no gzip"), "Content-Encoding: gzip\r\n", good_bytes),
        body(10, "plain-as-br", Fails("coding", "not whole, or no br"), "Content-Encoding: br\r\n", good_bytes),
        body(10, "plain-as-zstd", Fails("coding", "not whole, or no zstd"), "Content-Encoding: zstd\r\n", good_bytes),
        body(10, "plain-as-deflate", Fails("coding", "not whole, or no deflate"), "Content-Encoding: deflate\r\n", good_bytes),
        body(10, "deflate-cut", Fails("coding", "not whole, or no deflate"), "Content-Encoding: deflate\r\n", move |name| {
            cut(zlib(&good_bytes(name)), 30)
        }),
        body(
            10,
            "unknown-coding",
            Fails("coding", "it has a compression that is not known here: \"compress\""),
            "Content-Encoding: compress\r\n",
            good_bytes,
        ),
        body(11, "gzip-and-garbage", Well, "Content-Encoding: gzip\r\n", |name| [gzip(&good_bytes(name)), b"garbage".to_vec()].concat()),
        body(11, "gzip-two-members", Well, "Content-Encoding: gzip\r\n", |name| {
            let good = good_bytes(name);
            [gzip(&good[..99]), gzip(&good[99..])].concat()
        }),
        body(11, "gzip-twice", Well, "Content-Encoding: gzip, gzip\r\n", |name| gzip(&gzip(&good_bytes(name)))),
        body(11, "x-gzip", Well, "Content-Encoding: x-gzip\r\n", |name| gzip(&good_bytes(name))),
        body(11, "gzip-unlabelled", Well, "", |name| gzip(&good_bytes(name))),
        body(11, "deflate", Well, "Content-Encoding: deflate\r\n", |name| zlib(&good_bytes(name))),
        body(12, "bomb-gzip", Fails("coding", "decompression bomb"), "Content-Encoding: gzip\r\n", move |_| bomb.clone()),
        body(12, "bomb-gzip-twice", Fails("coding", "decompression bomb"), "Content-Encoding: gzip, gzip\r\n", move |_| twice.clone()),
        body(12, "bomb-unlabelled", Fails("coding", "decompression bomb"), "", move |_| again.clone()),
        body(12, "bomb-deflate", Fails("coding", "decompression bomb"), "Content-Encoding: deflate\r\n", move |_| deflate.clone()),
        body(12, "bomb-zstd", Fails("coding", "decompression bomb"), "Content-Encoding: zstd\r\n", move |_| zstd.clone()),
        body(12, "bomb-br", Fails("coding", "decompression bomb"), "Content-Encoding: br\r\n", move |_| br.clone()),
        says(12, "announces-10-gb", Fails("large", "is larger than 10 MiB"), move |_| head("Content-Length: 10000000000\r\n")),
        case(12, "endless", Fails("large", "is larger than 10 MiB"), |wire, _| {
            let _ = wire.write_all(b"HTTP/1.1 200 OK\r\n\r\n<rss>");
            while wire.write_all(&[b'x'; 65_536]).is_ok() {}
        }),
        case(12, "endless-chunks", Fails("large", "is larger than 10 MiB"), |wire, _| {
            let _ = wire.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            let chunk = [b"10000\r\n".to_vec(), vec![b'x'; 65_536], b"\r\n".to_vec()].concat();
            while wire.write_all(&chunk).is_ok() {}
        }),
        case(12, "endless-error-page", Fails("server", "answered 500 Internal Server Error"), |wire, _| {
            let _ = wire.write_all(b"HTTP/1.1 500 No\r\n\r\n");
            while wire.write_all(&[b'x'; 65_536]).is_ok() {}
        }),
    ]
}

fn redirects() -> Vec<Case> {
    vec![
        redirect("redirect-circle", Fails("redirect", "it redirects in a circle: http://127.0.0.1:"), |asked| {
            format!("{}/{}", asked.root, asked.name)
        }),
        redirect("redirect-chain-20", Fails("redirect", "it redirects more than 5 times: http://127.0.0.1:"), |asked| {
            format!("/redirect-chain-20/{}x", asked.name.split_once('/').map_or("", |(_, rest)| rest))
        }),
        says(13, "redirect-to-nowhere", Fails("redirect", "answered 302 Found without an address to go to"), |_| {
            answer("302 Found", "", b"")
        }),
        says(13, "redirect-to-no-url", Fails("redirect", "it redirects to what is no URL"), |_| {
            answer("302 Found", "Location: http://[broken\r\n", b"")
        }),
        says(13, "redirect-300", Fails("redirect", "answered 300 Multiple Choices without an address to go to"), |_| {
            answer("300 Choose", "", b"")
        }),
        redirect("redirect-private", Fails("forbidden", "but refuses to connect to 10.0.0.1: a private address"), |_| {
            "http://10.0.0.1/".to_owned()
        }),
        redirect("redirect-metadata", Fails("forbidden", "but refuses to connect to 169.254.169.254: a link-local address"), |_| {
            "http://0xA9FEA9FE/latest/meta-data/".to_owned()
        }),
        redirect("redirect-file", Fails("forbidden", "but refuses the scheme file: only http and https are fetched"), |_| {
            "file:///etc/passwd".to_owned()
        }),
        redirect("redirect-javascript", Fails("forbidden", "but refuses the scheme javascript"), |_| "javascript:alert(1)".to_owned()),
        redirect("redirect-data", Fails("forbidden", "but refuses the scheme data"), |_| "data:text/xml,<rss/>".to_owned()),
        redirect("redirect-gopher", Fails("forbidden", "but refuses the scheme gopher"), |_| "gopher://127.0.0.1/".to_owned()),
        redirect("redirect-redis", Fails("forbidden", "but refuses port 6379"), |_| "http://127.0.0.1:6379/".to_owned()),
        redirect("redirect-to-ourselves", Fails("forbidden", "this site publishes it, and would follow its own feeds"), |_| {
            "https://wire.example/topic/test-telehealth/feed.atom".to_owned()
        }),
        redirect("redirect-userinfo", Fails("redirect", "it redirects in a circle"), |asked| {
            format!("http://me:hush@{}/{}", asked.root.trim_start_matches("http://"), asked.name)
        }),
        case(13, "redirect-relative", Well, |wire, asked| {
            let name = "redirect-relative";
            let said = if asked.name == name {
                answer("307 Over there", "Location: redirect-relative/feed.xml\r\n", b"")
            } else {
                answer("200 OK", "Content-Type: text/xml\r\n", &good_bytes(name))
            };
            let _ = wire.write_all(&said);
        }),
    ]
}

fn statuses() -> Vec<Case> {
    let html = "Content-Type: text/html\r\n";
    vec![
        body(14, "login-page", Fails("html-page", "not a feed: an HTML page titled \"Sign in to Example\""), html, |_| {
            b"<!doctype html><html><head><title>Sign in to Example</title></head><body><form></form></body></html>".to_vec()
        }),
        body(14, "parking-page", Fails("html-page", "not a feed: an HTML page titled \"This domain is for sale\""), html, |_| {
            b"<html><head><title>This domain is for sale</title>".to_vec()
        }),
        body(14, "untitled-page", Fails("html-page", "not a feed: an HTML page"), "", |_| b"<html><body>hello".to_vec()),
        body(14, "empty-200", Fails("empty", "answered 200 with an empty body"), "", |_| Vec::new()),
        body(14, "blank-200", Fails("empty", "the document holds nothing"), "", |_| b" \r\n\t \n".to_vec()),
        body(14, "plain-text", Fails("not-a-feed", "not a feed"), "Content-Type: text/plain\r\n", |_| {
            b"Too many requests, slow down".to_vec()
        }),
        body(14, "picture", Fails("not-a-feed", "not a feed"), "Content-Type: image/png\r\n", |_| {
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01".to_vec()
        }),
        body(14, "pdf", Fails("not-a-feed", "not a feed"), "Content-Type: application/pdf\r\n", |_| {
            b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj".to_vec()
        }),
        body(14, "json-error", Fails("not-a-feed", "not a feed"), "Content-Type: application/json\r\n", |_| {
            b"{\"error\":\"not found\"}".to_vec()
        }),
        body(14, "sitemap", Fails("not-a-feed", "not a feed: a sitemap"), "", |_| {
            b"<?xml version='1.0'?><urlset><url><loc>x</loc></url></urlset>".to_vec()
        }),
        body(14, "opml", Fails("not-a-feed", "not a feed: a list of feeds (OPML)"), "", |_| {
            b"<opml version='2.0'><outline/></opml>".to_vec()
        }),
        status(
            14,
            "challenge-403",
            "403 Forbidden",
            "cf-mitigated: challenge\r\nServer: cloudflare\r\n",
            Fails("challenge", "blocked by a Cloudflare challenge page"),
        ),
        status(14, "challenge-200", "200 OK", "cf-mitigated: challenge\r\n", Fails("challenge", "blocked by a Cloudflare challenge page")),
        says(15, "no-content-204", Unchanged, |_| b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n".to_vec()),
        says(15, "reset-content-205", Unchanged, |_| {
            b"HTTP/1.1 205 Reset Content\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_vec()
        }),
        says(15, "partial-206", Fails("partial", "answered 206 with a part of the document"), |name| answer("206 Part", "", &half(name))),
        says(15, "delta-226", Fails("partial", "answered 226 with a difference"), |name| answer("226 IM Used", "", &good_bytes(name))),
        says(15, "not-authoritative-203", Well, |name| answer("203 Else", "", &good_bytes(name))),
        says(16, "not-modified-304", Unchanged, |_| b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n".to_vec()),
        says(16, "not-modified-304-with-body", Unchanged, |_| answer("304 Not Modified", "", b"<rss/>")),
        says(16, "unvalidated-304", Fails("not-modified", "answered 304 (not modified) to a request that had no condition"), |_| {
            b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n".to_vec()
        }),
        status(17, "status-400", "400 Bad", "", Fails("client", "answered 400 Bad Request")),
        status(17, "status-401", "401 No", "", Fails("denied", "answered 401 Unauthorized")),
        status(17, "status-402", "402 Pay", "", Fails("denied", "answered 402 Payment Required")),
        status(17, "status-403", "403 No", "Server: nginx\r\n", Fails("denied", "answered 403 Forbidden")),
        status(17, "status-404", "404 No", "", Fails("not-found", "answered 404 Not Found")),
        status(17, "status-405", "405 No", "", Fails("client", "answered 405 Method Not Allowed")),
        status(17, "status-406", "406 No", "", Fails("client", "answered 406 Not Acceptable")),
        status(17, "status-410", "410 Gone", "", Fails("gone", "answered 410 Gone")),
        status(17, "status-418", "418 Tea", "", Fails("client", "answered 418")),
        status(17, "status-420", "420 Calm", "", Fails("client", "answered 420")),
        status(17, "status-451", "451 Law", "", Fails("denied", "answered 451 Unavailable For Legal Reasons")),
        status(17, "status-500", "500 Oops", "", Fails("server", "answered 500 Internal Server Error")),
        status(17, "status-502", "502 Oops", "", Fails("server", "answered 502 Bad Gateway")),
        status(17, "status-503", "503 Oops", "", Fails("server", "answered 503 Service Unavailable")),
        status(17, "status-504", "504 Oops", "", Fails("server", "answered 504 Gateway Timeout")),
        status(17, "status-520", "520 Oops", "", Fails("server", "answered 520: Cloudflare could not reach the site behind it")),
        status(17, "status-530", "530 Oops", "", Fails("server", "answered 530: Cloudflare could not reach the site behind it")),
        status(17, "status-999", "999 No", "", Fails("unknown", "answered 999, which means nothing here")),
        status(18, "status-429", "429 Slow", "", Fails("rate-limited", "answered 429 Too Many Requests")),
        status(18, "retry-after-120", "429 Slow", "Retry-After: 120\r\n", Fails("rate-limited", "answered 429 Too Many Requests")),
        status(
            18,
            "retry-after-date",
            "429 Slow",
            "Retry-After: Fri, 20 Nov 2026 18:00:00 GMT\r\n",
            Fails("rate-limited", "answered 429 Too Many Requests"),
        ),
        status(18, "retry-after-junk", "429 Slow", "Retry-After: soon\r\n", Fails("rate-limited", "answered 429 Too Many Requests")),
        status(18, "retry-after-a-year", "503 Oops", "Retry-After: 31536000\r\n", Fails("server", "answered 503 Service Unavailable")),
    ]
}

fn protocol() -> Vec<Case> {
    let raw =
        |head: String, name: &str| [format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{head}\r\n").into_bytes(), good_bytes(name)].concat();
    let not_http = "gave no valid HTTP answer: what it sends is not HTTP";
    vec![
        says(19, "two-lengths", Fails("protocol", "it announces no length, or several, for its answer"), move |name| {
            raw("Content-Length: 1\r\nContent-Length: 2\r\n".to_owned(), name)
        }),
        says(19, "length-and-chunked", Fails("interrupted", "broke off after"), move |name| {
            raw("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n".to_owned(), name)
        }),
        says(19, "header-without-colon", Fails("protocol", "a header line of its answer is broken"), move |name| {
            raw("Nonsense\r\n".to_owned(), name)
        }),
        says(19, "101-headers", Fails("protocol", "its headers are too many or too long"), move |name| {
            raw((0..101).map(|n| format!("X-{n}: y\r\n")).collect(), name)
        }),
        says(19, "10-mb-header", Fails("protocol", "its headers are too many or too long"), move |name| {
            raw(format!("X: {}\r\n", "y".repeat(10_000_000)), name)
        }),
        says(19, "line-feeds-only", Well, |name| [b"HTTP/1.1 200 OK\nConnection: close\n\n".to_vec(), good_bytes(name)].concat()),
        says(19, "icy", Fails("protocol", not_http), |name| [b"ICY 200 OK\r\n\r\n".to_vec(), good_bytes(name)].concat()),
        says(19, "no-status-line", Fails("protocol", not_http), good_bytes),
        says(19, "another-protocol", Fails("protocol", not_http), |_| b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()),
        says(19, "control-bytes-in-header", Fails("protocol", "a header line of its answer is broken"), move |name| {
            raw("ETag: \"a\x01b\"\r\n".to_owned(), name)
        }),
        says(20, "http-1-0", Well, |name| [b"HTTP/1.0 200 OK\r\n\r\n".to_vec(), good_bytes(name)].concat()),
        says(20, "continue-first", Well, |name| {
            [b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), answer("200 OK", "", &good_bytes(name))].concat()
        }),
        case(20, "continue-storm", Fails("timeout", "no answer within 2 s"), |wire, _| {
            let storm = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(40);
            while wire.write_all(&storm).is_ok() {
                std::thread::sleep(Duration::from_millis(5));
            }
        }),
        says(20, "upgrade-101", Fails("unknown", "answered 101"), |_| {
            b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n".to_vec()
        }),
    ]
}

fn documents() -> Vec<Case> {
    let declared = |name: &str, charset: &str| good(name).replacen("UTF-8", charset, 1);
    vec![
        body(21, "latin-1-declared", Well, "Content-Type: application/xml\r\n", move |name| latin(&declared(name, "ISO-8859-1"))),
        body(21, "windows-1252-as-utf-8", Well, "Content-Type: application/xml; charset=utf-8\r\n", |name| latin(&good(name))),
        body(21, "utf-8-as-latin-1", Well, "Content-Type: application/xml; charset=iso-8859-1\r\n", good_bytes),
        body(21, "utf-16-le-mark", Well, "", |name| utf16(&good(name), true, true)),
        body(21, "utf-16-be-mark", Well, "", |name| utf16(&good(name), false, true)),
        body(21, "utf-16-le-bare", Well, "", move |name| utf16(&declared(name, "UTF-16"), true, false)),
        body(21, "utf-16-be-bare", Well, "", move |name| utf16(&declared(name, "UTF-16"), false, false)),
        body(21, "utf-8-mark", Well, "", |name| [b"\xEF\xBB\xBF".to_vec(), good_bytes(name)].concat()),
        body(22, "blanks-first", Well, "", |name| [b"\r\n\r\n  ".to_vec(), good_bytes(name)].concat()),
        body(22, "php-warnings-first", Well, "", |name| {
            [b"<br />\n<b>Warning</b>: Undefined index in <b>/var/www/feed.php</b> on line <b>7</b><br />\n".to_vec(), good_bytes(name)]
                .concat()
        }),
        body(22, "html-after", Well, "", |name| {
            [good_bytes(name), b"<!-- cached --><script>track()</script></body></html>".to_vec()].concat()
        }),
        body(22, "twice-the-document", Well, "", |name| [good_bytes(name), good_bytes(name)].concat()),
        body(22, "bare-ampersand", Well, "", |name| {
            good(name).replace("<link>https://bare-ampersand.example/</link>", "<copyright>A & B</copyright>").into_bytes()
        }),
        body(22, "undeclared-prefix", Well, "", |name| {
            good(name).replace("<channel>", "<channel><itunes:explicit>no</itunes:explicit>").into_bytes()
        }),
        body(22, "undefined-entity", Well, "", |name| good(name).replace("ü", "&uuml;").into_bytes()),
        body(22, "nul-bytes", Well, "", |name| good(name).replace("Feed ", "Fe\0ed ").into_bytes()),
        body(22, "not-closed", Part, "", |name| good(name).replace("</channel></rss>", "").into_bytes()),
        body(22, "mismatched-tags", Well, "", |name| good(name).replace("</channel></rss>", "</rss></channel>").into_bytes()),
        body(22, "external-entity", Well, "", |name| {
            good(name)
                .replace("<rss", "<!DOCTYPE rss [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><rss")
                .replace("Feed ", "Feed &x; ")
                .into_bytes()
        }),
        body(22, "billion-laughs", Well, "", |name| {
            let laughs: String = (1..10).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
            good(name)
                .replace("<rss", &format!("<!DOCTYPE rss [<!ENTITY l0 \"lol\">{laughs}]><rss"))
                .replace("Feed ", "Feed &l9; ")
                .into_bytes()
        }),
        body(22, "escape-codes-in-title", Fails("html-page", "titled \"a b[31m\""), "", |_| {
            b"<html><head><title>a\r\nb\x1b[31m</title></head></html>".to_vec()
        }),
        body(23, "empty-feed", Well, "", |_| b"<rss version='2.0'><channel><title>Feed empty-feed</title></channel></rss>".to_vec()),
    ]
}
