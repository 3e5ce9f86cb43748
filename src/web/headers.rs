//! What every response says of itself.

use axum::body::Body;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Response, StatusCode};

use super::delta::Grammar;

/// How long a client may take what it got for current. Short, for a feed's news should not wait; readers come back with validators.
const SHORT: &str = "public, max-age=300";
/// Archives never change (RFC 5005 section 4); a correction comes back in the current document.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Feeds and files run nothing and load nothing (S28).
const FILE_POLICY: &str = "default-src 'none'; sandbox";
/// A feed opened in a browser is shown by this site's own stylesheet.
const FEED_POLICY: &str = "default-src 'none'; style-src 'self'; sandbox";
/// Pages are written with their style inside and show pictures of this site only (P9).
pub(super) const PAGE_POLICY: &str = "default-src 'none'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; base-uri 'none'; \
                                      form-action 'none'; frame-ancestors 'none'";

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) media_type: &'static str,
    policy: &'static str,
    /// Whether coding makes it smaller.
    pub(super) is_text: bool,
    /// How to take it apart, if it is a feed.
    pub(super) feed: Option<Grammar>,
}

impl Kind {
    /// What the file at `path` is.
    pub(super) fn of(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        let text = |media_type| Self { media_type, policy: FILE_POLICY, is_text: true, feed: None };
        let feed = |media_type, grammar| Self { media_type, policy: FEED_POLICY, is_text: true, feed: Some(grammar) };
        let picture = |media_type| Self { media_type, policy: FILE_POLICY, is_text: false, feed: None };
        match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
            "html" => Self { policy: PAGE_POLICY, ..text("text/html; charset=utf-8") },
            "atom" => feed("application/atom+xml; charset=utf-8", Grammar::Atom),
            "rss" => feed("application/rss+xml; charset=utf-8", Grammar::Rss),
            "json" if name == "feed.json" || path.contains("/archive/") => feed("application/feed+json; charset=utf-8", Grammar::Json),
            "json" => text("application/json; charset=utf-8"),
            "opml" => text("text/x-opml; charset=utf-8"),
            "xml" => text("application/xml; charset=utf-8"),
            "xsl" => text("text/xsl; charset=utf-8"),
            "md" => text("text/markdown; charset=utf-8"),
            "css" => text("text/css; charset=utf-8"),
            "txt" => text("text/plain; charset=utf-8"),
            "svg" => text("image/svg+xml; charset=utf-8"),
            "png" => picture("image/png"),
            "jpg" | "jpeg" => picture("image/jpeg"),
            "gif" => picture("image/gif"),
            "webp" => picture("image/webp"),
            "avif" => picture("image/avif"),
            "ico" => picture("image/x-icon"),
            "pdf" => picture("application/pdf"),
            _ => picture("application/octet-stream"),
        }
    }

    /// Whether a browser that asks with these headers would show it as its source text: Chromium does so with feeds' own media types,
    /// whatever stylesheet they name.
    pub(super) fn is_opened(&self, asked: &HeaderMap) -> bool {
        matches!(self.feed, Some(Grammar::Atom | Grammar::Rss)) && asked.get(SEC_FETCH_DEST).is_some_and(|dest| dest == "document")
    }

    /// What a file of this kind at `path` says whatever the version: everything but validators, length and coding.
    pub(super) fn head(&self, path: &str) -> HeaderMap {
        let mut head = HeaderMap::with_capacity(16);
        // A topic may be called "archive"; its own feed is no archive.
        let lasts = self.feed.is_some()
            && path.rsplit_once('/').is_some_and(|(folder, name)| folder.ends_with("/archive") && !name.starts_with("feed."));
        head.insert(header::CACHE_CONTROL, HeaderValue::from_static(if lasts { FOR_EVER } else { SHORT }));
        if self.is_text {
            // What opens a feed to show it is answered otherwise, and is told by a header that no reader of feeds sends.
            let vary = if self.feed.is_some() { "accept-encoding, sec-fetch-dest" } else { "accept-encoding" };
            head.insert(header::VARY, HeaderValue::from_static(vary));
        } else {
            head.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        }
        if self.feed.is_some() {
            // Copies for readers are no pages for search engines (P8).
            head.insert(ROBOTS, HeaderValue::from_static("noindex"));
        }
        secure(&mut head, self.policy);
        head
    }
}

/// What a browser wants an answer for (Fetch Metadata).
pub(super) const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// The `Link` of a feed: its own address and those of its hubs (RFC 8288; WebSub section 4). `None` where an address cannot be in a header.
pub(super) fn links(own: &str, hubs: &[String]) -> Option<HeaderValue> {
    let links = hubs.iter().map(|hub| (hub.as_str(), "hub")).chain([(own, "self")]);
    let is_plain = |address: &str| address.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>'));
    let links: Vec<String> =
        links.filter(|(address, _)| is_plain(address)).map(|(address, rel)| format!("<{address}>; rel=\"{rel}\"")).collect();
    HeaderValue::from_str(&links.join(", ")).ok().filter(|value| !value.is_empty())
}

/// Headers that every response carries (S28).
pub(super) fn secure(head: &mut HeaderMap, policy: &'static str) {
    head.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    head.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    head.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

/// A short answer in plain text that says nothing of the request.
pub(super) fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    told(status, "text/plain; charset=utf-8", FILE_POLICY, text)
}

/// An answer that is made anew each time.
pub(super) fn told(status: StatusCode, media_type: &'static str, policy: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let head = response.headers_mut();
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    head.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    secure(head, policy);
    response
}

/// Nothing is there.
pub(super) fn missing() -> Response<Body> {
    plain(StatusCode::NOT_FOUND, "there is nothing here\n")
}

/// A method that nothing here understands.
pub(super) fn not_allowed() -> Response<Body> {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_last_and_nothing_else_does() {
        let lasts = |path| Kind::of(path).head(path)[header::CACHE_CONTROL].to_str().unwrap().contains("immutable");
        for (path, expected) in [
            ("topic/a/archive/2026-11.atom", true),
            ("topic/a/archive/2026-11.json", true),
            ("topic/a/feed.atom", false),
            ("topic/archive/feed.atom", false),
            ("topic/a/archive/index.html", false),
            ("archive", false),
        ] {
            assert_eq!(lasts(path), expected, "{path}");
        }
    }

    #[test]
    fn links_carry_addresses_and_nothing_that_ends_them() {
        let hubs = ["https://hub.example/".to_owned(), "https://evil.example/>; rel=\"x".to_owned()];
        let links = links("https://wire.example/topic/a/feed.atom", &hubs).unwrap();
        assert_eq!(links, "<https://hub.example/>; rel=\"hub\", <https://wire.example/topic/a/feed.atom>; rel=\"self\"");
    }
}
