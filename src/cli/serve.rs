//! `topicwire serve`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::{CommandError, Context, Exit, Result, desk, print, runtime, topics};
use crate::config::{self, Site};
use crate::ingest::Ingest;
use crate::ingest::history::Applied;
use crate::steer::Helm;
use crate::{scheduler, web};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Listen here instead of where the configuration says
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

/// Polls, publishes and serves until it is told to stop.
pub(super) fn run(context: &Context, options: &Options) -> Result {
    let site = context.site()?;
    let listen = options.listen.unwrap_or(site.listen);
    let (_lock, ingest) = context.work(site, "serve")?;
    runtime()?.block_on(async {
        let listener = TcpListener::bind(listen).await.map_err(CommandError::io(format!("cannot listen on {listen}")))?;
        let address = listener.local_addr().map_err(CommandError::io("cannot listen"))?;
        print(&format!("serving {} at http://{address}/\n", ingest.site().output.display()));
        let (stopping, stopped) = watch::channel(false);
        tokio::spawn(wait_for_stop(stopping)?);
        let web = tokio::spawn(web::serve(listener, web::router(ingest.site().output.clone()), told(stopped.clone())));
        let helm = Helm::new(ingest.clone(), context.clock.clone());
        let changes = helm.changes();
        let reloading = tokio::spawn(reload_on_hangup(context.config.clone(), context.clock.clone(), helm.clone())?);
        let looking = tokio::spawn(look_at_files(helm.clone()));
        let desk = desk::open(ingest.site(), helm, told(stopped.clone())).await?;
        let served = scheduler::serve(ingest, context.clock.clone(), changes, told(stopped)).await;
        reloading.abort();
        looking.abort();
        desk.abort();
        served?;
        web.await.map_err(|e| CommandError::Usage(e.to_string()))?.map_err(CommandError::io("serving"))
    })?;
    Ok(Exit::Well)
}

async fn told(mut stopped: watch::Receiver<bool>) {
    // The sender lives until it has spoken; if it is gone, stopping is right too.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Waits for SIGTERM or SIGINT. A second one ends the process at once: the store is whole at every moment.
fn wait_for_stop(stopping: watch::Sender<bool>) -> Result<impl Future<Output = ()>> {
    let mut term = signal(SignalKind::terminate()).map_err(CommandError::io("cannot listen for SIGTERM"))?;
    let mut int = signal(SignalKind::interrupt()).map_err(CommandError::io("cannot listen for SIGINT"))?;
    Ok(async move {
        for n in 0..2 {
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
            if n == 0 {
                tracing::info!("stopping; polls under way finish first");
                let _ = stopping.send(true);
            }
        }
        std::process::exit(1);
    })
}

/// Re-reads the configuration on SIGHUP. A broken one is refused with its reasons, and the old one stays.
fn reload_on_hangup(path: std::path::PathBuf, clock: crate::io::clock::Clock, helm: Helm) -> Result<impl Future<Output = ()>> {
    let mut hangup = signal(SignalKind::hangup()).map_err(CommandError::io("cannot listen for SIGHUP"))?;
    Ok(async move {
        while hangup.recv().await.is_some() {
            let (path, clock, helm) = (path.clone(), clock.clone(), helm.clone());
            let reload = move |old: &Ingest| {
                let site = config::load(&path).map_err(|e| e.to_string())?;
                stays(old.site(), &site)?;
                let new = Ingest::new(Arc::new(site), Arc::clone(old.store())).map_err(|e| e.to_string())?;
                if let Applied::Held(shifts) = new.apply_rules(clock.now(), false).map_err(|e| e.to_string())? {
                    tracing::warn!("{}", topics::held(new.site(), &shifts));
                }
                Ok::<_, String>(new)
            };
            let reloaded = tokio::task::spawn_blocking(move || helm.reload(reload));
            match reloaded.await.unwrap_or_else(|e| Err(e.to_string())) {
                Ok(new) => {
                    tracing::info!(sources = new.site().sources.len(), topics = new.site().topics.len(), "configuration re-read");
                }
                Err(why) => tracing::error!(why, "the new configuration is refused; the old one stays"),
            }
        }
    })
}

/// Takes back what editors change in the published files, for as long as the service runs.
async fn look_at_files(helm: Helm) {
    while helm.ingest().site().read_back {
        let looker = helm.clone();
        let gap = match tokio::task::spawn_blocking(move || looker.look()).await {
            Ok(Ok(gap)) => gap,
            Ok(Err(error)) => {
                tracing::error!(%error, "editors' files could not be taken back; they stay as they are");
                Duration::from_secs(60)
            }
            Err(_) => return,
        };
        tokio::time::sleep(gap).await;
    }
}

/// What a running service cannot change: it would need another store, folder or socket.
fn stays(old: &Site, new: &Site) -> std::result::Result<(), String> {
    let same = [("store", old.store == new.store), ("output", old.output == new.output), ("listen", old.listen == new.listen)];
    match same.iter().find(|(_, same)| !same) {
        Some((key, _)) => Err(format!("[site] {key} changed: restart the service for that")),
        None => Ok(()),
    }
}
