//! What comes before the routes: a published file that stands on the shelf, asked for in the plainest way, is answered on the spot.
//!
//! Most requests of a busy service are such, and the way through hyper and the routes costs each of them several times as much as the
//! answer itself. What is not exactly of that form (a body, a query, another version of HTTP, a part, a head that comes in pieces, a
//! file that must be read first) is handed on as it came, and the connection with it: there everything is known that this file leaves out.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt as _, AsyncWrite as _};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::Web;
use super::coding::Coding;
use super::files::{self, Ready};
use super::shelf::Version;
use super::socket::{HEAD_LIMIT, Patient};
use crate::format::document::PAGE_FILE;
use crate::io::clock::Clock;

/// The longest head that is answered here, and so many lines of it.
const HEAD_MAX_BYTES: usize = 4_096;
const HEAD_MAX_LINES: usize = 32;

/// Answers until the client asks for something else, and then puts that back, or until it goes; whether it asked for something else.
pub(super) async fn answer(stream: &mut Patient, web: &Web, stopped: &mut watch::Receiver<bool>) -> io::Result<bool> {
    let mut bytes = vec![0; HEAD_MAX_BYTES];
    let mut out = Vec::with_capacity(1_024);
    let mut date = Date::default();
    let mut stop = std::pin::pin!(stopped.wait_for(|stopped| *stopped));
    // Set anew only when it has run out: a timer that was moved with every request would cost more than some answers.
    let mut asked_at = Instant::now();
    let mut limit = std::pin::pin!(sleep_until(asked_at + HEAD_LIMIT));
    loop {
        let length = tokio::select! {
            biased;
            read = stream.read(&mut bytes) => read?,
            _ = &mut stop => return Ok(false),
            () = &mut limit => {
                if asked_at + HEAD_LIMIT <= Instant::now() {
                    return Ok(false);
                }
                limit.as_mut().reset(asked_at + HEAD_LIMIT);
                continue;
            }
        };
        if length == 0 {
            return Ok(false);
        }
        asked_at = Instant::now();
        let mut rest = bytes.get(..length).unwrap_or_default();
        while !rest.is_empty() {
            let found = Asked::read(rest).and_then(|(asked, after)| Some((asked.answer(web)?, asked.is_head, after)));
            let Some(((version, ready), is_head, after)) = found else {
                stream.put_back(rest);
                return Ok(true);
            };
            out.clear();
            out.extend_from_slice(version.lines(ready));
            out.extend_from_slice(date.line());
            match ready {
                Ready::Whole(coding) if !is_head => send(stream, &out, &version, coding).await?,
                _ => write(stream, &out, &Bytes::new()).await?,
            }
            web.measures.answered(if matches!(ready, Ready::Whole(_)) { 200 } else { 304 });
            rest = after;
        }
    }
}

async fn send(stream: &mut Patient, head: &[u8], version: &Version, coding: Coding) -> io::Result<()> {
    if coding == Coding::Plain
        && let Some(sheet) = version.sheet()
    {
        stream.leave(sheet);
    }
    match version.at_hand(coding) {
        Some(body) => write(stream, head, body).await,
        None => Err(io::ErrorKind::Other.into()),
    }
}

/// Writes both, in as few calls as the system takes.
async fn write(stream: &mut Patient, mut head: &[u8], body: &Bytes) -> io::Result<()> {
    let mut body: &[u8] = body;
    while !head.is_empty() || !body.is_empty() {
        let both = [IoSlice::new(head), IoSlice::new(body)];
        let slices = match (head.is_empty(), body.is_empty()) {
            (true, _) => both.get(1..),
            (_, true) => both.get(..1),
            _ => Some(&both[..]),
        };
        let slices = slices.unwrap_or_default();
        let written = poll_fn(|cx| Pin::new(&mut *stream).poll_write_vectored(cx, slices)).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let of_head = written.min(head.len());
        head = head.get(of_head..).unwrap_or_default();
        body = body.get(written - of_head..).unwrap_or_default();
    }
    Ok(())
}

/// A request of the plainest form.
struct Asked<'a> {
    path: &'a str,
    is_head: bool,
    /// Those of its headers that decide what it gets.
    headers: HeaderMap,
}

impl<'a> Asked<'a> {
    /// The request that these bytes begin with, and what follows it; `None` for what must be handed on.
    fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut lines = [httparse::EMPTY_HEADER; HEAD_MAX_LINES];
        let mut request = httparse::Request::new(&mut lines);
        let httparse::Status::Complete(length) = request.parse(bytes).ok()? else { return None };
        let is_head = match request.method? {
            "GET" => false,
            "HEAD" => true,
            _ => return None,
        };
        // What is written otherwise than the file's name is read by the routes.
        let path = request.path?.strip_prefix('/')?;
        let is_plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_'));
        if request.version != Some(1) || !is_plain {
            return None;
        }
        let mut headers = HeaderMap::new();
        for line in request.headers.iter() {
            let is = |name: &HeaderName| line.name.eq_ignore_ascii_case(name.as_str());
            let decides = [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::ACCEPT_ENCODING].into_iter().find(is);
            if let Some(name) = decides {
                headers.append(name, HeaderValue::from_bytes(line.value).ok()?);
            } else if is(&header::CONNECTION) {
                if !line.value.eq_ignore_ascii_case(b"keep-alive") {
                    return None;
                }
            } else if OTHERS.iter().any(is) {
                return None;
            }
        }
        Some((Self { path, is_head, headers }, bytes.get(length..)?))
    }

    /// What it gets, if that is there.
    fn answer(&self, web: &Web) -> Option<(Arc<Version>, Ready)> {
        let version = if files::is_folder(self.path) {
            web.shelf.current(&format!("{}{PAGE_FILE}", self.path))?
        } else {
            web.shelf.current(self.path)?
        };
        let ready = files::ready(&self.headers, &version)?;
        Some((version, ready))
    }
}

/// Headers that say that there is more to a request than its head, or that ask for something else than the whole as it is.
static OTHERS: [HeaderName; 9] = [
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
    header::RANGE,
    header::IF_MATCH,
    header::IF_UNMODIFIED_SINCE,
    super::delta::A_IM,
    super::headers::SEC_FETCH_DEST,
];

/// The line that tells the time, with the end of the head, made once a second.
#[derive(Default)]
struct Date {
    second: i64,
    line: Vec<u8>,
}

impl Date {
    fn line(&mut self) -> &[u8] {
        let now = Clock::System.now();
        if self.line.is_empty() || self.second != now.timestamp() {
            self.second = now.timestamp();
            self.line = now.format("date: %a, %d %b %Y %H:%M:%S GMT\r\n\r\n").to_string().into_bytes();
        }
        &self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_plainest_requests_are_read_here() {
        for (request, path) in [
            ("GET /a/feed.atom HTTP/1.1\r\nHost: h\r\n\r\n", Some("a/feed.atom")),
            ("HEAD / HTTP/1.1\r\nHost: h\r\nConnection: Keep-Alive\r\n\r\n", Some("")),
            ("GET /a HTTP/1.1\r\nHost: h\r\nIF-NONE-MATCH: \"x\"\r\nUser-Agent: r\r\n\r\n", Some("a")),
            ("GET /a HTTP/1.0\r\n\r\n", None),
            ("POST /a HTTP/1.1\r\nHost: h\r\n\r\n", None),
            ("GET /a?x HTTP/1.1\r\nHost: h\r\n\r\n", None),
            ("GET /%61 HTTP/1.1\r\nHost: h\r\n\r\n", None),
            ("GET /a+b/feed.atom HTTP/1.1\r\nHost: h\r\n\r\n", None),
            ("GET http://h/a HTTP/1.1\r\nHost: h\r\n\r\n", None),
            ("GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", None),
            ("GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", None),
            ("GET /a HTTP/1.1\r\nHost: h\r\ntransfer-encoding: chunked\r\n\r\n", None),
            ("GET /a HTTP/1.1\r\nHost: h\r\nRange: bytes=0-1\r\n\r\n", None),
            ("GET /a HTTP/1.1\r\nHost: h\r\nA-IM: feed\r\n\r\n", None),
            ("GET /a HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\n\r\n", None),
            ("GET /a HTTP/1.1\r\nHost: h\r\nX : y\r\n\r\n", None),
            ("GET /a HTTP/1.1\r\nHost: h\r\n", None),
            ("NONSENSE\r\n\r\n", None),
        ] {
            assert_eq!(Asked::read(request.as_bytes()).map(|(asked, _)| asked.path), path, "{request}");
        }
        let two = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\n";
        assert_eq!(Asked::read(two).unwrap().1, b"GET /b HTTP/1.1\r\n");
    }
}
