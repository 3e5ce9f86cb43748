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

/// The fallback of all routes: a published file, or nothing.
pub(super) async fn answer(State(web): State<Arc<Web>>, request: Request<Body>) -> Response<Body> {
    // What comes after the head is not looked at.
    let response = found(&web, &request.into_parts().0).await;
    web.measures.answered(response.status().as_u16());
    response
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
    let path = if asked.is_empty() || asked.ends_with('/') { format!("{asked}index.html") } else { asked.to_owned() };
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
            let target = target.strip_suffix("index.html").filter(|_| path != asked).unwrap_or(&target);
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
    let wished = if asked.contains_key(header::ACCEPT_ENCODING) { version.coding(Coding::chosen(asked)) } else { Coding::Plain };
    match conditional::judge(asked, &version.tag, version.modified) {
        // The tag that the client has stays its tag: a cache finds what it may go on using by it.
        Verdict::Unchanged(coding) => return with(version.head(coding.unwrap_or(wished)), StatusCode::NOT_MODIFIED, Body::empty()),
        Verdict::Refused => return plain(StatusCode::PRECONDITION_FAILED, "this is another version\n"),
        Verdict::Send => {}
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
                let mut response = whole(request, version, Coding::Plain, version.plain.slice(range));
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
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
    let (coding, bytes) = match web.shelf.coded(name, version, wished).await {
        Some(bytes) => (wished, bytes),
        None => (Coding::Plain, version.plain.clone()),
    };
    if coding == Coding::Plain
        && let (Some(outlet), Some(sheet)) = (request.extensions.get::<Outlet>(), version.sheet())
    {
        outlet.leave(sheet.clone());
    }
    whole(request, version, coding, bytes)
}

/// 226 (RFC 3229 section 10.4.1): what the client lacks, under the whole document's validator. Caches that know nothing of it must not keep it.
fn changes(request: &Parts, version: &Version, base: &str, bytes: Vec<u8>) -> Response<Body> {
    let base = format!("\"{base}\"");
    let mut response = whole(request, version, Coding::Plain, bytes.into());
    // 226 is always a valid status.
    *response.status_mut() = StatusCode::IM_USED;
    let head = response.headers_mut();
    head.insert(IM, HeaderValue::from_static("feed"));
    put(head, DELTA_BASE, &base);
    head.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, im, max-age=300"));
    head.insert(header::VARY, HeaderValue::from_static("accept-encoding, a-im, if-none-match"));
    response
}

fn whole(request: &Parts, version: &Version, coding: Coding, bytes: Bytes) -> Response<Body> {
    let length = bytes.len();
    let body = if request.method == Method::HEAD { Body::empty() } else { Body::from(bytes) };
    let mut response = with(version.head(coding), StatusCode::OK, body);
    let head = response.headers_mut();
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static(version.kind.media_type));
    head.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if let Some(name) = coding.name() {
        head.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    response
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
