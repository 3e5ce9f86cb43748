//! Serves output/ over HTTP, and what the service knows of itself.
//!
//! A response depends on the path, on the parts of the query that name a selection, and on what is published. `Host` and forwarding
//! headers are never looked at (S26, S27), and no response repeats anything of the request but a folder's own name.

mod coding;
mod conditional;
mod delta;
mod files;
mod filter;
mod front;
mod headers;
mod health;
mod metrics;
mod moved;
mod outlet;
mod plot;
pub mod push;
mod range;
mod shelf;
mod socket;
mod status;

use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;

use self::filter::Maker;
use self::moved::Moved;
use self::shelf::Shelf;
pub use self::socket::{Answers, Lanes, serve};
use self::status::Board;
use crate::config::Site;
use crate::io::clock::Clock;
use crate::measure::Measures;

/// What all routes share.
pub struct Web {
    site: RwLock<Arc<Site>>,
    shelf: Shelf,
    moved: Moved,
    maker: Maker,
    board: Board,
    measures: Arc<Measures>,
    clock: Clock,
}

impl Web {
    /// The web of a site. Nothing is read yet, however large the site is.
    #[must_use]
    pub fn new(site: Arc<Site>, measures: Arc<Measures>, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            shelf: Shelf::new(site.output.clone(), site.serve.cache_max_bytes),
            moved: Moved::new(&site.output),
            maker: Maker::new(),
            board: Board::default(),
            site: RwLock::new(site),
            measures,
            clock,
        })
    }

    /// Goes on with another configuration of the same output and store.
    pub fn renew(&self, site: Arc<Site>) {
        *self.site.write().unwrap_or_else(PoisonError::into_inner) = site;
    }

    fn site(&self) -> Arc<Site> {
        Arc::clone(&self.site.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Every route: the published tree, and what is merged before it. Another part of the program that answers requests makes a `Router`
/// of its own and is merged here.
pub fn routes(web: &Arc<Web>) -> Router {
    let own = health::routes().merge(status::routes()).merge(metrics::routes());
    let own = own.layer(from_fn(only_reading)).layer(from_fn_with_state(Arc::clone(web), count));
    own.fallback(files::answer).with_state(Arc::clone(web))
}

/// Routes that only show refuse every method that is not for reading.
async fn only_reading(request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) { next.run(request).await } else { headers::not_allowed() }
}

async fn count(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    web.measures.answered(response.status().as_u16());
    response
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests put strangers' files beside the published tree")]
mod tests;
