//! `topicwire demo`: the whole way from three sources to served feeds, in ten seconds and without a network.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use clap::Args;
use tokio::net::TcpListener;
use url::Url;

use super::{CommandError, Context, Exit, Result, print, refresh, runtime};
use crate::config::{self, ConfigError, Site};
use crate::measure::Measures;
use crate::publisher::{self, Scope};
use crate::read_back::Span;
use crate::scheduler;
use crate::web::{self, Answers, Lanes, Web};

/// The bundled publisher's documents: path, media type, text. One for each dialect of the shipped sources.
const DOCUMENTS: [(&str, &str, &str); 3] = [
    ("/news", "text/html; charset=utf-8", include_str!("news.html")),
    ("/home/feed", "application/rss+xml; charset=utf-8", include_str!("drupal.rss")),
    ("/feed/", "application/rss+xml", include_str!("wordpress.rss")),
];
/// Configuration of the three sources; the topics are those of the shipped `feeds.toml`.
const SOURCES: &str = include_str!("demo.toml");

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Serve the result here
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

/// Starts the bundled publisher, refreshes from it into a temporary folder, and serves the result until interrupted.
pub(super) fn run(context: &Context, options: &Options) -> Result {
    let folder =
        tempfile::Builder::new().prefix("topicwire-demo-").tempdir().map_err(CommandError::io("cannot make a temporary folder"))?;
    let (publisher, listener) = runtime_listeners(options.listen)?;
    let runtime = runtime()?;
    let address = |l: &std::net::TcpListener| l.local_addr().map_err(CommandError::io("cannot listen"));
    let site = site(folder.path(), address(&publisher)?, address(&listener)?)?;
    print("three bundled sources on loopback: a news page, a Drupal feed, a WordPress feed\n\n");
    let (_lock, ingest) = context.work(site, "demo", Span::Part)?;
    runtime.block_on(async {
        let publisher = TcpListener::from_std(publisher).map_err(CommandError::io("cannot listen"))?;
        tokio::spawn(async move { axum::serve(publisher, bundled()).await });
        let everything = (0..ingest.site().sources.len()).collect();
        let polled = scheduler::round(&ingest, everything, context.clock.now(), |_| {}).await?;
        let written = publisher::publish(ingest.site(), ingest.store(), Scope::Changed)?;
        refresh::report(&ingest, &polled, &written, None, false);
        print(&format!("\nopen {}   (Ctrl-C ends the demo and removes its folder)\n", ingest.site().base_url));
        let listener = TcpListener::from_std(listener).map_err(CommandError::io("cannot listen"))?;
        let measures = Arc::new(Measures::new(context.clock.now()));
        let web = Web::new(Arc::clone(ingest.site()), measures, context.clock.clone());
        let lanes = Lanes::open(1).map_err(CommandError::io("serving"))?;
        let answers = Answers::new(Arc::clone(&web), web::routes(&web));
        web::serve(listener, answers, &lanes, ingest.site().serve.connections, interrupted()).await.map_err(CommandError::io("serving"))
    })?;
    Ok(Exit::Well)
}

async fn interrupted() {
    let _ = tokio::signal::ctrl_c().await;
}

/// Both sockets, bound before the configuration that names them is made.
fn runtime_listeners(listen: SocketAddr) -> Result<(std::net::TcpListener, std::net::TcpListener)> {
    let bind = |address: SocketAddr| {
        let listener = std::net::TcpListener::bind(address).map_err(CommandError::io(format!("cannot listen on {address}")))?;
        listener.set_nonblocking(true).map_err(CommandError::io("cannot listen"))?;
        Ok::<_, CommandError>(listener)
    };
    Ok((bind(SocketAddr::from(([127, 0, 0, 1], 0)))?, bind(listen)?))
}

/// The demo's site: its own sources, the shipped topics.
fn site(folder: &Path, publisher: SocketAddr, serving: SocketAddr) -> Result<Site> {
    let text = SOURCES.replace("PUBLISHER_PORT", &publisher.port().to_string()).replace("SERVING", &serving.to_string());
    let path = folder.join("feeds.toml");
    let invalid = |path: &Path| {
        let path = path.to_owned();
        move |problems| CommandError::Config(ConfigError::Invalid { path, problems })
    };
    let site = config::check(&path, &text).map_err(invalid(&path))?;
    let shipped = config::check(Path::new("feeds.toml"), include_str!("../../../feeds.toml")).map_err(invalid(&path))?;
    let base_url = Url::parse(&format!("http://{serving}/")).map_err(|e| CommandError::Usage(e.to_string()))?;
    Ok(Site { topics: shipped.topics, base_url, ..site })
}

/// The bundled publisher. It answers conditional requests, as a good one does.
fn bundled() -> axum::Router {
    DOCUMENTS.iter().fold(axum::Router::new(), |router, (path, media_type, text)| {
        router.route(path, get(move |headers: HeaderMap| async move { document(&headers, media_type, text) }))
    })
}

fn document(headers: &HeaderMap, media_type: &'static str, text: &'static str) -> Response {
    let etag = format!("\"{:x}\"", text.len());
    let fields = [(header::CONTENT_TYPE, media_type.to_owned()), (header::ETAG, etag.clone())];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|tag| *tag == *etag) {
        return (StatusCode::NOT_MODIFIED, fields).into_response();
    }
    (fields, Arc::<str>::from(text).to_string()).into_response()
}
