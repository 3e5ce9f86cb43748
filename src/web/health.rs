//! Whether the service runs, and whether readers should be sent to it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use axum::routing::any;

use super::Web;
use super::headers::told;

const POLICY: &str = "default-src 'none'; sandbox";

pub(super) fn routes() -> Router<Arc<Web>> {
    Router::new().route("/healthz", any(live)).route("/readyz", any(ready))
}

/// The process answers: it need not be restarted.
async fn live() -> Response<Body> {
    told(StatusCode::OK, "text/plain; charset=utf-8", POLICY, "ok\n")
}

/// What is served is as fresh as it should be; if not, 503 with the reasons, a line each.
async fn ready(State(web): State<Arc<Web>>) -> Response<Body> {
    let complaints = web.measures.complaints(web.clock.now());
    if complaints.is_empty() {
        return told(StatusCode::OK, "text/plain; charset=utf-8", POLICY, "ready\n");
    }
    told(StatusCode::SERVICE_UNAVAILABLE, "text/plain; charset=utf-8", POLICY, complaints.join("\n") + "\n")
}
