//! `topicwire serve`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::{CommandError, Context, Exit, Result, desk, print, runtime, topics};
use crate::config::Site;
use crate::ingest::Ingest;
use crate::ingest::history::Applied;
use crate::io::clock::Clock;
use crate::io::notify::Manager;
use crate::measure::Measures;
use crate::push::{self, Wire};
use crate::read_back::Span;
use crate::scheduler;
use crate::steer::Helm;
use crate::web::{self, Answers, Lanes, Web};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Listen here instead of where the configuration says
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

/// How often the service manager hears that all is well, if it wants to.
const ALIVE_GAP: Duration = Duration::from_secs(20);

/// Polls, publishes and serves until it is told to stop.
pub(super) fn run(context: &Context, options: &Options) -> Result {
    let site = context.site()?;
    let listen = options.listen.unwrap_or(site.listen);
    let manager = manager()?;
    let (_lock, ingest) = context.store(site, "serve")?;
    runtime()?.block_on(async {
        let site = Arc::clone(ingest.site());
        let listener = TcpListener::bind(listen).await.map_err(CommandError::io(format!("cannot listen on {listen}")))?;
        let address = listener.local_addr().map_err(CommandError::io("cannot listen"))?;
        let measures = Arc::new(Measures::new(context.clock.now()));
        let web = Web::new(Arc::clone(&site), Arc::clone(&measures), context.clock.clone());
        let (stopping, stopped) = watch::channel(false);
        tokio::spawn(wait_for_stop(stopping)?);
        let lanes =
            Lanes::open(std::thread::available_parallelism().map_or(1, std::num::NonZero::get)).map_err(CommandError::io("serving"))?;
        let wire = Wire::new(ingest.clone());
        let routes = web::routes(&web).merge(web::push::router(wire.clone(), context.clock.clone()));
        let answers = Answers::new(Arc::clone(&web), routes);
        let (connections, until) = (site.serve.connections, told(stopped.clone()));
        let pushes = tokio::spawn(push::serve(wire.clone(), context.clock.clone(), told(stopped.clone())));
        let serving = tokio::spawn(async move { web::serve(listener, answers, &lanes, connections, until).await });
        print(&format!("serving {} at http://{address}/\n", site.output.display()));
        manager.tell(&format!("READY=1\nSTATUS=serving at http://{address}/"));
        // What was published before is served meanwhile: new rules over a long history take their time.
        let deciding = context.clone();
        let decided = tokio::task::spawn_blocking(move || {
            let ingest = deciding.read_back(ingest, Span::Part)?;
            deciding.apply(&ingest)?;
            Ok::<_, CommandError>(ingest)
        });
        let ingest = decided.await.map_err(|e| CommandError::Usage(e.to_string()))??;
        let helm = Helm::new(ingest.clone(), context.clock.clone());
        let changes = helm.changes();
        let desk = desk::open(ingest.site(), helm.clone(), told(stopped.clone())).await?;
        let reloading = tokio::spawn(reload_on_hangup(context.clone(), web, helm.clone())?);
        let looking = tokio::spawn(look_at_files(helm));
        let alive = tokio::spawn(tell_alive(Arc::clone(&manager), Arc::clone(&measures), context.clock.clone()));
        let served = scheduler::serve(ingest, context.clock.clone(), measures, changes, wire, told(stopped)).await;
        manager.tell("STOPPING=1");
        alive.abort();
        reloading.abort();
        looking.abort();
        desk.abort();
        served?;
        pushes.await.map_err(|e| CommandError::Usage(e.to_string()))?;
        serving.await.map_err(|e| CommandError::Usage(e.to_string()))?.map_err(CommandError::io("serving"))
    })?;
    Ok(Exit::Well)
}

/// The service manager, if one started this process and wants to hear from it.
#[expect(clippy::disallowed_methods, reason = "sd_notify's socket is named in the environment")]
fn manager() -> Result<Arc<Manager>> {
    Ok(Arc::new(Manager::at(std::env::var_os("NOTIFY_SOCKET")).map_err(CommandError::io("cannot tell the service manager"))?))
}

/// Tells the service manager that the scheduler still comes round, and how things are; a scheduler that hangs is told by silence.
async fn tell_alive(manager: Arc<Manager>, measures: Arc<Measures>, clock: Clock) {
    loop {
        tokio::time::sleep(ALIVE_GAP).await;
        let complaints = measures.complaints(clock.now());
        let status = if complaints.is_empty() { "all well".to_owned() } else { complaints.join("; ") };
        let alive = if measures.is_coming_round(clock.now()) { "WATCHDOG=1\n" } else { "" };
        manager.tell(&format!("{alive}STATUS={status}"));
    }
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
fn reload_on_hangup(context: Context, web: Arc<Web>, helm: Helm) -> Result<impl Future<Output = ()>> {
    let mut hangup = signal(SignalKind::hangup()).map_err(CommandError::io("cannot listen for SIGHUP"))?;
    Ok(async move {
        while hangup.recv().await.is_some() {
            let (context, helm) = (context.clone(), helm.clone());
            let reload = move |old: &Ingest| {
                let site = context.site().map_err(|e| e.to_string())?;
                stays(old.site(), &site)?;
                let new = Ingest::new(Arc::new(site), Arc::clone(old.store())).map_err(|e| e.to_string())?;
                if let Applied::Held(shifts) = new.apply_rules(context.clock.now(), false).map_err(|e| e.to_string())? {
                    tracing::warn!("{}", topics::held(new.site(), &shifts));
                }
                Ok::<_, String>(new)
            };
            let reloaded = tokio::task::spawn_blocking(move || helm.reload(reload));
            match reloaded.await.unwrap_or_else(|e| Err(e.to_string())) {
                Ok(new) => {
                    tracing::info!(sources = new.site().sources.len(), topics = new.site().topics.len(), "configuration re-read");
                    web.renew(Arc::clone(new.site()));
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
