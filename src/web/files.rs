//! Answers with published files and with what is made of them.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, Request, Response, StatusCode};

use super::Web;
use super::coding::Coding;
use super::conditional::{self, Verdict};
use super::delta::{self, DELTA_BASE, IM};
use super::filter::{self, Asked, Filter};
use super::headers::{missing, not_allowed, plain};
use super::moved::{self, Fate};
use super::outlet::Outlet;
use super::range::{self, Part};
use super::shelf::{Version, Wanted, feed_links};
use crate::format::document::PAGE_FILE;

/// The fallback of all routes: a published file, or nothing.
pub(super) async fn answer(State(web): State<Arc<Web>>, request: Request<Body>) -> Response<Body> {
    // What comes after the head is not looked at.
    let response = found(&web, &request.into_parts().0).await;
    web.measures.answered(response.status().as_u16());
    response
}

pub(super) fn is_folder(path: &str) -> bool {
    path.is_empty() || path.ends_with('/')
}

/// An answer for which everything is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    /// 304, under the validator of this coding.
    Unchanged(Coding),
    /// The whole in this coding.
    Whole(Coding),
}

/// The answer, if it takes no work.
pub(super) fn ready(asked: &HeaderMap, version: &Version) -> Option<Ready> {
    let wished = wished(asked, version);
    match conditional::judge(asked, &version.tag, version.modified) {
        // The tag that the client has stays its tag: a cache finds what it may go on using by it.
        Verdict::Unchanged(coding) => Some(Ready::Unchanged(coding.unwrap_or(wished))),
        Verdict::Send if !asked.contains_key(delta::A_IM) && !asked.contains_key(header::RANGE) && !version.kind.is_opened(asked) => {
            version.at_hand(wished).map(|_| Ready::Whole(wished))
        }
        Verdict::Send | Verdict::Refused => None,
    }
}

/// The coding in which the client would like this version.
fn wished(asked: &HeaderMap, version: &Version) -> Coding {
    if asked.contains_key(header::ACCEPT_ENCODING) { version.coding(Coding::chosen(asked)) } else { Coding::Plain }
}

async fn found(web: &Arc<Web>, request: &Parts) -> Response<Body> {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return not_allowed();
    }
    let Some(path) = decoded(request.uri.path()) else { return missing() };
    let site = web.site();
    match filter::asked(&path, request.uri.query(), &site) {
        Asked::File(path) => file(web, request, &path).await,
        Asked::Selection(filter) => selection(web, request, filter).await,
        Asked::Nothing => missing(),
    }
}

async fn file(web: &Arc<Web>, request: &Parts, asked: &str) -> Response<Body> {
    let path = if is_folder(asked) { format!("{asked}{PAGE_FILE}") } else { asked.to_owned() };
    if path == moved::FILE {
        return missing();
    }
    if let Some(version) = web.shelf.current(&path) {
        return respond(web, request, &path, &version).await;
    }
    let (reader, wanted) = (Arc::clone(web), path.clone());
    let read = tokio::task::spawn_blocking(move || {
        let site = reader.site();
        let links = |kind: &super::headers::Kind| kind.feed.and_then(|_| feed_links(&site, &wanted));
        let found = reader.shelf.read(&wanted, links);
        let fate = matches!(found, Ok(Wanted::Nothing)).then(|| reader.moved.fate(reader.shelf.output(), &wanted)).flatten();
        (found, fate)
    });
    match read.await {
        Ok((Ok(Wanted::Version(version)), _)) => respond(web, request, &path, &version).await,
        Ok((Ok(Wanted::Folder), _)) if path == asked => {
            // Relative, so that it holds behind a proxy that serves this under another path.
            let name = path.rsplit('/').next().unwrap_or(&path);
            redirect("the folder's address ends with a slash\n", &format!("{name}/"))
        }
        Ok((Ok(Wanted::Nothing), Some(Fate::To(target)))) => {
            let target = target.strip_suffix(PAGE_FILE).filter(|_| path != asked).unwrap_or(&target);
            redirect("this has another name now\n", &format!("{}{target}", "../".repeat(asked.matches('/').count())))
        }
        Ok((Ok(Wanted::Nothing), Some(Fate::Gone))) => plain(StatusCode::GONE, "this was removed\n"),
        Ok((Ok(Wanted::Folder | Wanted::Nothing), _)) => missing(),
        Ok((Err(_), _)) | Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be read now\n"),
    }
}

async fn selection(web: &Arc<Web>, request: &Parts, filter: Filter) -> Response<Body> {
    let name = filter.address();
    if let Some(version) = web.shelf.current(&name) {
        return respond(web, request, &name, &version).await;
    }
    let Ok(_turn) = web.maker.turns.acquire().await else { return missing() };
    // Whoever had the turn before may have made it.
    if let Some(version) = web.shelf.current(&name) {
        return respond(web, request, &name, &version).await;
    }
    let maker = Arc::clone(web);
    let made = tokio::task::spawn_blocking(move || {
        let site = maker.site();
        let paths: Vec<String> = filter.made_of().collect();
        let before = maker.shelf.before(paths.iter().map(String::as_str));
        let name = filter.address();
        let made = maker.maker.make(&site, &filter)?;
        let links = feed_links(&site, &name);
        Ok::<_, crate::publisher::PublishError>(
            made.map(|(bytes, modified)| maker.shelf.put(&name, before, Version::new(&filter.path(), bytes, Some(modified), links))),
        )
    });
    match made.await {
        Ok(Ok(Some(version))) => respond(web, request, &name, &version).await,
        Ok(Ok(None)) => missing(),
        Ok(Err(error)) => {
            tracing::error!(%error, "a selection cannot be made");
            plain(StatusCode::SERVICE_UNAVAILABLE, "this cannot be made now\n")
        }
        Err(_) => plain(StatusCode::SERVICE_UNAVAILABLE, "this cannot be made now\n"),
    }
}

async fn respond(web: &Web, request: &Parts, name: &str, version: &Arc<Version>) -> Response<Body> {
    let asked = &request.headers;
    match ready(asked, version) {
        Some(Ready::Unchanged(coding)) => return with(version.head(coding), StatusCode::NOT_MODIFIED, Body::empty()),
        Some(Ready::Whole(coding)) => return whole(request, version, coding),
        None => {}
    }
    if conditional::judge(asked, &version.tag, version.modified) == Verdict::Refused {
        return plain(StatusCode::PRECONDITION_FAILED, "this is another version\n");
    }
    if delta::wanted(asked)
        && let Some((base, bytes)) = version.delta(conditional::held(asked))
    {
        return changes(request, version, base, bytes);
    }
    if !version.kind.is_text && asked.contains_key(header::RANGE) {
        match range::part(asked, version.plain.len(), &version.tag, version.modified) {
            Part::Whole => {}
            Part::Bytes(range) => {
                let told = format!("bytes {}-{}/{}", range.start, range.end - 1, version.plain.len());
                let mut response = piece(request, version, StatusCode::PARTIAL_CONTENT, version.plain.slice(range));
                put(response.headers_mut(), header::CONTENT_RANGE, &told);
                return response;
            }
            Part::Outside => {
                let mut response = plain(StatusCode::RANGE_NOT_SATISFIABLE, "there are not so many bytes\n");
                put(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{}", version.plain.len()));
                return response;
            }
        }
    }
    let is_opened = version.kind.is_opened(asked);
    let wished = wished(asked, version);
    let coding = if web.shelf.code(name, version, wished).await { wished } else { Coding::Plain };
    let mut response = whole(request, version, coding);
    if is_opened {
        opened(response.headers_mut());
    }
    response
}

/// Has a browser show a feed by its stylesheet. The answer is for this one look: no validator may stand for two media types.
fn opened(head: &mut HeaderMap) {
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml; charset=utf-8"));
    head.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    head.remove(header::ETAG);
    head.remove(header::LAST_MODIFIED);
}

/// The whole in a coding that is at hand.
fn whole(request: &Parts, version: &Version, coding: Coding) -> Response<Body> {
    if coding == Coding::Plain
        && let (Some(outlet), Some(sheet)) = (request.extensions.get::<Outlet>(), version.sheet())
    {
        outlet.leave(sheet);
    }
    let bytes = version.at_hand(coding).cloned().unwrap_or_default();
    with(version.whole_head(coding), StatusCode::OK, body(request, bytes))
}

/// 226 (RFC 3229 section 10.4.1): what the client lacks, under the whole document's validator. Caches that know nothing of it must not keep it.
fn changes(request: &Parts, version: &Version, base: &str, bytes: Vec<u8>) -> Response<Body> {
    let base = format!("\"{base}\"");
    let mut response = piece(request, version, StatusCode::IM_USED, bytes.into());
    let head = response.headers_mut();
    head.insert(IM, HeaderValue::from_static("feed"));
    put(head, DELTA_BASE, &base);
    head.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, im, max-age=300"));
    head.insert(header::VARY, HeaderValue::from_static("accept-encoding, a-im, if-none-match, sec-fetch-dest"));
    response
}

/// Something of a version, uncoded.
fn piece(request: &Parts, version: &Version, status: StatusCode, bytes: Bytes) -> Response<Body> {
    let length = bytes.len();
    let mut response = with(version.whole_head(Coding::Plain), status, body(request, bytes));
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

fn body(request: &Parts, bytes: Bytes) -> Body {
    if request.method == Method::HEAD { Body::empty() } else { Body::from(bytes) }
}

fn with(head: &HeaderMap, status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = head.clone();
    response
}

fn redirect(text: &'static str, location: &str) -> Response<Body> {
    let mut response = plain(StatusCode::MOVED_PERMANENTLY, text);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    put(response.headers_mut(), header::LOCATION, location);
    response
}

fn put(head: &mut HeaderMap, name: header::HeaderName, value: &str) {
    // Every value here is plain ASCII.
    if let Ok(value) = HeaderValue::from_str(value) {
        head.insert(name, value);
    }
}

/// The path below the root, percent-decoded; `None` for what cannot be a published file's: a slash in disguise, or no UTF-8. Names
/// themselves are checked by [`crate::io::output::read`].
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
