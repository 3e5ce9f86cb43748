//! WebSub's routes: `/push/…`, where hubs call us (acceptance S35), and `/hub`, where our own is asked.
//!
//! Answers repeat nothing of a request but the challenge of a verification that was asked for. Whoever calls a path that is none of
//! ours learns what everybody learns who asks for something that is not there.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, Response, StatusCode};
use axum::routing::any;

use crate::io::clock::Clock;
use crate::push::{self, PushError, Refused, Wire};
use crate::stage::push::Refusal;

/// Most bytes of a push (acceptance S35), and of a request to the hub.
const PUSH_MAX_BYTES: usize = 1 << 20;
const REQUEST_MAX_BYTES: usize = 16 << 10;

/// How long a body may take.
const BODY_LIMIT: Duration = Duration::from_secs(10);

/// Routes for a service that `wire` belongs to.
pub fn router(wire: Wire, clock: Clock) -> Router {
    Router::new().route("/push/{path}", any(callback)).route("/hub", any(hub)).with_state((wire, clock))
}

async fn callback(State((wire, clock)): State<(Wire, Clock)>, request: Request) -> Response<Body> {
    let now = clock.now();
    // As it stands: a path of ours has nothing to decode.
    let path = request.uri().path().strip_prefix("/push/").unwrap_or_default().to_owned();
    let answer = match *request.method() {
        Method::GET => push::verify(&wire, now, path, request.uri().query().unwrap_or_default()).await.map(|challenge| match challenge {
            Some(challenge) => plain(StatusCode::OK, challenge),
            None => missing(),
        }),
        Method::POST => pushed(&wire, now, path, request).await,
        _ => Ok(missing()),
    };
    answer.unwrap_or_else(|error| failed(&error))
}

/// Whoever pushes learns nothing of its signature's worth: a wrong one is ignored, and answered as a right one is (section 8).
async fn pushed(wire: &Wire, now: chrono::DateTime<chrono::Utc>, path: String, request: Request) -> Result<Response<Body>, PushError> {
    let Some(secret) = push::listens(wire, now, path.clone()).await? else { return Ok(missing()) };
    let signature = request.headers().get("x-hub-signature").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let body = match body(request, PUSH_MAX_BYTES).await {
        Ok(body) => body,
        Err(refused) => return Ok(*refused),
    };
    push::pushed(wire, now, path, &secret, &signature, &body).await?;
    Ok(plain(StatusCode::ACCEPTED, "taken\n"))
}

async fn hub(State((wire, clock)): State<(Wire, Clock)>, request: Request) -> Response<Body> {
    if !wire.ingest().site().hub.own {
        return missing();
    }
    if request.method() != Method::POST {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only POST\n");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    let form = match body(request, REQUEST_MAX_BYTES).await {
        Ok(form) => form,
        Err(refused) => return *refused,
    };
    match push::take_in(&wire, clock.now(), &form).await {
        Ok(()) => plain(StatusCode::ACCEPTED, "it will be verified at once\n"),
        Err(Refused::Told(why)) => {
            let status = match why {
                Refusal::Full => StatusCode::SERVICE_UNAVAILABLE,
                Refusal::Waiting => StatusCode::TOO_MANY_REQUESTS,
                Refusal::Topic => StatusCode::NOT_FOUND,
                Refusal::Mode | Refusal::Callback | Refusal::Lease | Refusal::Secret => StatusCode::BAD_REQUEST,
            };
            let mut response = plain(status, format!("{why}\n"));
            if matches!(why, Refusal::Full | Refusal::Waiting) {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
            }
            response
        }
        Err(Refused::Failed(error)) => failed(&error),
    }
}

/// A body of at most so many bytes. What announces more is refused before a byte of it is read.
async fn body(request: Request, max_bytes: usize) -> Result<axum::body::Bytes, Box<Response<Body>>> {
    let large = || Box::new(plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large\n"));
    if announced(request.headers()).is_some_and(|bytes| bytes > max_bytes as u64) {
        return Err(large());
    }
    match tokio::time::timeout(BODY_LIMIT, to_bytes(request.into_body(), max_bytes)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(large()),
        Err(_) => Err(Box::new(plain(StatusCode::REQUEST_TIMEOUT, "the body took too long\n"))),
    }
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn missing() -> Response<Body> {
    plain(StatusCode::NOT_FOUND, "there is nothing here\n")
}

/// Text that no browser takes for anything else: it may be a challenge that a stranger chose (acceptance S35).
fn plain(status: StatusCode, text: impl Into<Body>) -> Response<Body> {
    const HEADERS: [(HeaderName, &str); 5] = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response.headers_mut().extend(HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

fn failed(error: &PushError) -> Response<Body> {
    tracing::error!(%error, "a call could not be answered");
    plain(StatusCode::INTERNAL_SERVER_ERROR, "not now\n")
}
