//! Connections: how many, how long, and how slow they may be.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};

use super::outlet::{Outlet, Sheet, Way};
use super::{Web, front};
use crate::io::memory;

/// How long requests in flight may go on once the service is to stop; a client that does not read must not hold it up.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// The head of a request must be there within this, and the next request on a connection must have begun and ended its head.
pub(super) const HEAD_LIMIT: Duration = Duration::from_secs(20);
/// A client that takes nothing of its answer for so long is gone.
const WRITE_LIMIT: Duration = Duration::from_secs(20);
/// Largest head of a request, and most lines in it.
const HEAD_MAX_BYTES: usize = 16 << 10;
const HEAD_MAX_LINES: usize = 64;
/// Threads of a lane that read files and code bodies.
const BLOCKING_THREADS: usize = 8;

/// Threads that serve connections, each with its own: a connection stays where it is, so that no request waits for one thread to wake
/// another.
pub struct Lanes {
    handles: Vec<Handle>,
    /// Their threads end when this is dropped.
    _open: watch::Sender<()>,
}

impl Lanes {
    /// So many threads; with none, connections are served where [`serve`] runs.
    ///
    /// # Errors
    /// What the system says of a thread that cannot be started.
    pub fn open(threads: usize) -> io::Result<Self> {
        let (open, closed) = watch::channel(());
        let mut handles = Vec::with_capacity(threads);
        for n in 0..threads {
            let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(BLOCKING_THREADS).build()?;
            handles.push(runtime.handle().clone());
            let mut closed = closed.clone();
            std::thread::Builder::new().name(format!("web-{n}")).spawn(move || {
                // Nothing is ever sent: it ends when the other end is gone.
                runtime.block_on(async { while closed.changed().await.is_ok() {} });
                runtime.shutdown_background();
            })?;
        }
        Ok(Self { handles, _open: open })
    }
}

/// What a server answers with: routes, and before them what needs none.
#[derive(Clone)]
pub struct Answers {
    /// Whose published files are answered with before the routes are asked, where they are at hand ([`front`]).
    web: Option<Arc<Web>>,
    routes: TowerToHyperService<Router>,
}

impl Answers {
    /// A web's files where they are at hand, else these routes.
    #[must_use]
    pub fn new(web: Arc<Web>, routes: Router) -> Self {
        Self { web: Some(web), ..routes.into() }
    }
}

impl From<Router> for Answers {
    fn from(routes: Router) -> Self {
        Self { web: None, routes: TowerToHyperService::new(routes) }
    }
}

/// Serves until `stop` ends, then lets requests in flight finish, for five seconds at most. No more than `connections_max` clients
/// are connected at once; the others wait in the system's queue.
///
/// # Errors
/// What the system says of the listening socket.
pub async fn serve(
    listener: TcpListener,
    answers: impl Into<Answers>,
    lanes: &Lanes,
    connections_max: usize,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(connections_max));
    let (stopping, stopped) = watch::channel(false);
    let answers = answers.into();
    let mut connections = JoinSet::new();
    let mut turns = lanes.handles.iter().cycle();
    let mut stop = std::pin::pin!(stop);
    loop {
        let place = tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => continue,
            Ok(place) = Arc::clone(&places).acquire_owned() => place,
        };
        let stream = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) if is_the_clients(&error) => continue,
                // No descriptors are left: some will be, when connections end.
                Err(error) => {
                    tracing::error!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    continue;
                }
            },
        };
        let (answers, stopped) = (answers.clone(), stopped.clone());
        match turns.next() {
            // A stream belongs to the thread that it was made on, so it is taken off this one.
            Some(lane) => match stream.into_std() {
                Ok(stream) => {
                    drop(connections.spawn_on(async move { connection(TcpStream::from_std(stream)?, answers, stopped, place).await }, lane))
                }
                Err(error) => tracing::error!(%error, "a connection cannot be taken over"),
            },
            None => drop(connections.spawn(connection(stream, answers, stopped, place))),
        }
    }
    drop(listener);
    let _ = stopping.send(true);
    let all = async { while connections.join_next().await.is_some() {} };
    // What is not done by then is dropped with the set.
    let _ = tokio::time::timeout(STOP_LIMIT, all).await;
    Ok(())
}

/// Serves one client until it goes, or until the service is to stop.
async fn connection(
    stream: TcpStream,
    answers: Answers,
    mut stopped: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
) -> io::Result<()> {
    // Answers are written whole; to wait for more would only delay their ends.
    let _ = stream.set_nodelay(true);
    let outlet = Outlet::default();
    let mut stream = Patient::new(stream, outlet.clone());
    if let Some(web) = &answers.web
        && !front::answer(&mut stream, web, &mut stopped).await?
    {
        return Ok(());
    }
    let routes = answers.routes;
    let word = outlet.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(word.clone());
        routes.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_buf_size(HEAD_MAX_BYTES)
        .max_headers(HEAD_MAX_LINES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // A client that breaks off or sends nonsense has had its answer, and is nobody else's concern.
    tokio::select! {
        _ = connection.as_mut() => return Ok(()),
        _ = stopped.wait_for(|stopped| *stopped) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
    Ok(())
}

fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// A stream that gives up on a client which takes nothing, and that has large bodies sent without a copy.
pub(super) struct Patient {
    stream: TcpStream,
    outlet: Outlet,
    /// What was read of it already, and is read again.
    again: Vec<u8>,
    /// Runs while a write waits.
    limit: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    fn new(stream: TcpStream, outlet: Outlet) -> Self {
        Self { stream, outlet, again: Vec::new(), limit: None }
    }

    /// Leaves these bytes to who reads next.
    pub(super) fn put_back(&mut self, bytes: &[u8]) {
        self.again = bytes.to_vec();
    }

    /// Leaves word that the next body lies in a file too.
    pub(super) fn leave(&self, sheet: &Sheet) {
        self.outlet.leave(sheet);
    }

    /// Writes slices the way that the outlet knows.
    fn put(&mut self, cx: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match (self.outlet.way(slices), slices) {
            (Way::WriteSome(bytes), [first, second]) => {
                let some = [io::IoSlice::new(first), io::IoSlice::new(second.get(..bytes).unwrap_or(second))];
                Pin::new(&mut self.stream).poll_write_vectored(cx, &some)
            }
            (Way::Send(file, range), _) => loop {
                std::task::ready!(self.stream.poll_write_ready(cx))?;
                match self.stream.try_io(Interest::WRITABLE, || memory::send(&self.stream, &file, range.clone())) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    sent => return Poll::Ready(sent),
                }
            },
            _ => Pin::new(&mut self.stream).poll_write_vectored(cx, slices),
        }
    }

    /// Passes on what became of a write, or that it has waited too long.
    fn bounded<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.limit = None;
            return written;
        }
        let limit = self.limit.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + WRITE_LIMIT)));
        match limit.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Patient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.again.is_empty() {
            let some = self.again.len().min(buffer.remaining());
            buffer.put_slice(self.again.get(..some).unwrap_or_default());
            self.again.drain(..some);
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.put(cx, &[io::IoSlice::new(bytes)]);
        self.bounded(cx, written)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = self.put(cx, bytes);
        self.bounded(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.bounded(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.bounded(cx, shut)
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// A server of `/` (short) and `/long` (more than any socket buffers), for at most two clients.
    async fn start() -> (std::net::SocketAddr, tokio::sync::oneshot::Sender<()>, tokio::task::JoinHandle<io::Result<()>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(|| async { "here" })).route("/long", get(|| async { vec![b'x'; 64 << 20] }));
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        (address, stop, tokio::spawn(async move { serve(listener, router, &Lanes::open(0).unwrap(), 2, stopped).await }))
    }

    async fn answer(stream: &mut TcpStream) -> String {
        let mut bytes = vec![0; 4_096];
        let length = stream.read(&mut bytes).await.unwrap_or(0);
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    #[tokio::test]
    async fn a_client_above_the_limit_waits_for_a_place() {
        let (address, _stop, _) = start().await;
        let (first, _second) = (TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap());
        let mut third = TcpStream::connect(address).await.unwrap();
        third.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        let early = tokio::time::timeout(Duration::from_millis(200), answer(&mut third)).await;
        assert!(early.is_err(), "{early:?}");
        drop(first);
        assert!(answer(&mut third).await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn heads_that_are_too_large_are_refused() {
        let (address, _stop, _) = start().await;
        let head = |line: String| format!("GET / HTTP/1.1\r\nHost: h\r\n{line}\r\n");
        for (request, status) in [
            (head("X: y\r\n".repeat(60)), "200"),
            (head("X: y\r\n".repeat(70)), "431"),
            (head(format!("X: {}\r\n", "y".repeat(20_000))), "431"),
            (format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "y".repeat(20_000)), "431"),
            ("NONSENSE\r\n\r\n".to_owned(), "400"),
        ] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            // The server may have answered and gone before it had everything.
            let _ = stream.write_all(request.as_bytes()).await;
            let answer = answer(&mut stream).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{:.60}: {answer:.60}", request);
            assert!(!answer.contains("yyy"));
        }
    }

    #[tokio::test]
    async fn a_stop_ends_what_is_idle_and_waits_for_what_is_not() {
        let (address, stop, served) = start().await;
        let mut busy = TcpStream::connect(address).await.unwrap();
        busy.write_all(b"GET /long HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut first = [0; 1];
        busy.read_exact(&mut first).await.unwrap();
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        assert!(answer(&mut idle).await.ends_with("here"));
        stop.send(()).unwrap();
        assert_eq!(answer(&mut idle).await, "", "closed");
        let mut rest = Vec::new();
        busy.read_to_end(&mut rest).await.unwrap();
        assert!(rest.len() > 64 << 20);
        served.await.unwrap().unwrap();
    }

    /// Of two clients, one that sends its head by drops and one that takes nothing of its answer. The clock is held, and jumps when
    /// everything waits.
    #[tokio::test(start_paused = true)]
    async fn slow_clients_are_given_up() {
        let (address, _stop, _) = start().await;
        let mut slow = TcpStream::connect(address).await.unwrap();
        let mut greedy = TcpStream::connect(address).await.unwrap();
        greedy.write_all(b"GET /long HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        let mut all = Vec::new();
        // Both places are free again: nobody read anything in between.
        slow.read_to_end(&mut all).await.unwrap();
        let mut third = TcpStream::connect(address).await.unwrap();
        third.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        assert!(answer(&mut third).await.ends_with("here"));
        let mut fourth = TcpStream::connect(address).await.unwrap();
        fourth.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        assert!(answer(&mut fourth).await.ends_with("here"));
        drop(greedy);
    }
}
