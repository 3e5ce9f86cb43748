//! The review desk: what came in, why it was filed where it is, and every editor's decision one key away.
//!
//! It listens on a loopback address of its own, apart from the public one, and only to who has its token (`auth`). All of it works by
//! links and forms; the one script adds keys. Whatever is decided is written to `overrides.toml` as the commands write it, and is in
//! the published feeds before the answer is.

mod actions;
mod auth;
mod pages;
mod sources;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, Response, StatusCode, Uri};
use tokio::net::TcpListener;
use url::form_urlencoded;

use self::auth::{Note, Session, Sessions};
pub use self::auth::{Token, WeakToken, random_hex};
use crate::steer::Helm;

/// Rules that are tried are the largest thing that is ever sent.
const BODY_MAX_BYTES: usize = 256 << 10;

/// Its own style and script, and nothing from anywhere else.
const POLICY: &str =
    "default-src 'none'; img-src data:; style-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Clients that are connected at once.
const CONNECTIONS_MAX: usize = 64;

/// The desk of a running service.
pub struct Desk {
    helm: Helm,
    token: Token,
    sessions: Mutex<Sessions>,
}

impl Desk {
    /// A desk that this token opens.
    #[must_use]
    pub fn new(helm: Helm, token: Token) -> Self {
        Self { helm, token, sessions: Mutex::default() }
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves until `stop` ends.
///
/// # Errors
/// What the system says of the listening socket.
pub async fn serve(listener: TcpListener, desk: Desk, stop: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
    let router = Router::new().fallback(handle).layer(DefaultBodyLimit::max(BODY_MAX_BYTES)).with_state(Arc::new(desk));
    // A handful of editors need no threads of their own.
    let lanes = crate::web::Lanes::open(0)?;
    crate::web::serve(listener, router, &lanes, CONNECTIONS_MAX, stop).await
}

async fn handle(State(desk): State<Arc<Desk>>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response<Body> {
    // Every answer reads the store or writes files.
    let answer = tokio::task::spawn_blocking(move || desk.answer(&method, &uri, &headers, &body)).await;
    answer.unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "a fault in topicwire itself\n"))
}

impl Desk {
    fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response<Body> {
        if !auth::is_to_us(headers) {
            return plain(StatusCode::MISDIRECTED_REQUEST, "the desk answers to localhost alone\n");
        }
        match (method, uri.path()) {
            (&Method::GET | &Method::HEAD, "/desk.css") => respond("text/css; charset=utf-8", include_str!("assets/desk.css").to_owned()),
            (&Method::GET | &Method::HEAD, "/desk.js") => {
                respond("text/javascript; charset=utf-8", include_str!("assets/desk.js").to_owned())
            }
            (&Method::GET | &Method::HEAD, "/" | "/sources" | "/rules") => match self.session(headers) {
                Some(session) => self.show(&session, uri),
                None => page(StatusCode::UNAUTHORIZED, pages::login(false)),
            },
            (&Method::POST, "/login" | "/logout" | "/act" | "/source" | "/rules" | "/agree") => self.change(uri, headers, body),
            (_, "/" | "/sources" | "/rules" | "/desk.css" | "/desk.js" | "/login" | "/logout" | "/act" | "/source" | "/agree") => {
                let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "not by this method\n");
                let allow = if matches!(uri.path(), "/" | "/sources" | "/desk.css" | "/desk.js") { "GET, HEAD" } else { "POST" };
                put(&mut response, header::ALLOW, if uri.path() == "/rules" { "GET, HEAD, POST" } else { allow });
                response
            }
            _ => plain(StatusCode::NOT_FOUND, "there is nothing here\n"),
        }
    }

    fn session(&self, headers: &HeaderMap) -> Option<Session> {
        self.sessions().of(headers)
    }

    fn show(&self, session: &Session, uri: &Uri) -> Response<Body> {
        let note = self.sessions().take_note(session);
        let frame = pages::Frame { form_token: &session.form_token, note };
        let ingest = self.helm.ingest();
        let shown = match uri.path() {
            "/rules" => Ok(pages::rules(&ingest, &frame, "", None)),
            "/sources" => sources::list(&ingest, &frame, self.helm.now()),
            _ => pages::list(&ingest, &frame, &View::read(uri.query().unwrap_or_default())),
        };
        match shown {
            Ok(html) => page(StatusCode::OK, html),
            Err(error) => {
                tracing::error!(%error, "the review desk cannot be shown");
                plain(StatusCode::INTERNAL_SERVER_ERROR, "the store cannot be read now; the log says why\n")
            }
        }
    }

    fn change(&self, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response<Body> {
        if !auth::is_from_us(headers) {
            return plain(StatusCode::FORBIDDEN, "only the desk's own pages may change anything\n");
        }
        let form = Form(form_urlencoded::parse(body).into_owned().collect());
        if uri.path() == "/login" {
            if !self.token.is(form.text("token")) {
                return page(StatusCode::UNAUTHORIZED, pages::login(true));
            }
            let Some(cookie) = self.sessions().open() else {
                return plain(StatusCode::INTERNAL_SERVER_ERROR, "the system gives no random numbers\n");
            };
            let mut response = see_other("/");
            put(&mut response, header::SET_COOKIE, &cookie);
            return response;
        }
        let Some(session) = self.session(headers).filter(|session| session.gave(form.text("form_token"))) else {
            return plain(StatusCode::FORBIDDEN, "the session has ended; open the desk again\n");
        };
        let view = View::read(form.text("view"));
        let (done, place) = match uri.path() {
            "/logout" => {
                self.sessions().close(&session);
                return see_other("/");
            }
            "/rules" => {
                let ingest = self.helm.ingest();
                let tried = actions::preview(ingest.site(), form.text("rules"));
                let frame = pages::Frame { form_token: &session.form_token, note: None };
                return page(StatusCode::OK, pages::rules(&ingest, &frame, form.text("rules"), Some(tried)));
            }
            "/source" => {
                // Only a known id, which is a slug, comes back.
                let known = self.helm.ingest().site().sources.iter().any(|source| source.id == form.text("source"));
                let place = if known { format!("/sources#s-{}", form.text("source")) } else { "/sources".to_owned() };
                (actions::source(&self.helm, &form), place)
            }
            "/agree" => (self.helm.agree().map(|()| "The rules are in force.".to_owned()).map_err(|e| e.to_string()), "/rules".to_owned()),
            _ => (actions::act(&self.helm, &form), format!("/{}#r{}", view.query(), form.text("record").parse().unwrap_or(0_u64))),
        };
        let note = match done {
            Ok(text) => Note { text, is_failure: false },
            Err(text) => Note { text, is_failure: true },
        };
        self.sessions().note(&session, note);
        see_other(&place)
    }
}

/// What a form says.
struct Form(Vec<(String, String)>);

impl Form {
    fn text(&self, name: &'static str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    fn all(&self, name: &'static str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// Which records are shown. Read and written anew, so that nothing of a request comes back as it was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct View {
    topic: Option<String>,
    before: Option<u64>,
}

impl View {
    fn read(query: &str) -> Self {
        let mut view = Self::default();
        for (name, value) in form_urlencoded::parse(query.trim_start_matches('?').as_bytes()) {
            match &*name {
                "topic" if !value.is_empty() => view.topic = Some(value.into_owned()),
                "before" => view.before = value.parse().ok(),
                _ => {}
            }
        }
        view
    }

    /// With its question mark, if it says anything.
    fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.topic.iter().map(|topic| ("topic", topic)));
        query.extend_pairs(self.before.iter().map(|before| ("before", before.to_string())));
        let query = query.finish();
        if query.is_empty() { query } else { format!("?{query}") }
    }
}

fn page(status: StatusCode, html: String) -> Response<Body> {
    let mut response = respond("text/html; charset=utf-8", html);
    *response.status_mut() = status;
    response
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = respond("text/plain; charset=utf-8", text.to_owned());
    *response.status_mut() = status;
    response
}

/// To a place within the desk, which is of our making.
fn see_other(place: &str) -> Response<Body> {
    let mut response = respond("text/plain; charset=utf-8", String::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    put(&mut response, header::LOCATION, place);
    response
}

fn respond(content_type: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    put(&mut response, header::CONTENT_TYPE, content_type);
    put(&mut response, header::CACHE_CONTROL, "no-store");
    put(&mut response, header::CONTENT_SECURITY_POLICY, POLICY);
    put(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Not "no-referrer": a form's request would then not say where it comes from (Fetch, "append a request Origin header").
    put(&mut response, header::REFERRER_POLICY, "same-origin");
    response
}

fn put(response: &mut Response<Body>, name: HeaderName, value: &str) {
    // Every value here is plain ASCII.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_says_nothing_that_it_does_not_know() {
        for (query, expected) in [
            ("", ""),
            ("?topic=v-alpha&before=7&x=1", "?topic=v-alpha&before=7"),
            ("before=-1&topic=", ""),
            ("topic=//evil.example/%0d%0aSet-Cookie:x", "?topic=%2F%2Fevil.example%2F%0D%0ASet-Cookie%3Ax"),
        ] {
            assert_eq!(View::read(query).query(), expected);
        }
    }
}
