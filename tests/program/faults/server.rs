//! A publisher that is good until it is told to misbehave, and then misbehaves in a different way under each name.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

/// What a misbehaving server does once it has read a request.
pub(super) type Play = Arc<dyn Fn(&mut dyn Wire, &Asked) + Send + Sync>;

/// A connection, secured or not.
pub(super) trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

/// A request as far as the plays look at it.
pub(super) struct Asked {
    pub(super) name: String,
    /// Where the server is, for redirects to itself.
    pub(super) root: String,
}

/// The feed of a source: two articles of its own.
pub(super) fn good(name: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\"><channel><title>Feed {name}</title><link>https://{name}.example/</link>\
         <item><guid isPermaLink=\"false\">{name}-1</guid><title>Telehealth in Zürich</title><link>https://{name}.example/1</link>\
         <pubDate>Tue, 10 Nov 2026 08:00:00 GMT</pubDate><description>About {name}: the first.</description></item>\
         <item><guid isPermaLink=\"false\">{name}-2</guid><title>Privacy and telehealth</title><link>https://{name}.example/2</link>\
         <pubDate>Wed, 11 Nov 2026 08:00:00 GMT</pubDate><description>About {name}: the second.</description></item></channel></rss>\n"
    )
}

/// What good servers send, and that every bad one has sent before: the validators are made from the name.
fn good_answer(head: &str, name: &str) -> Vec<u8> {
    if name.starts_with("unvalidated") {
        return answer("200 OK", "Content-Type: application/rss+xml\r\n", good(name).as_bytes());
    }
    let validators = format!("ETag: \"v1 {name}\"\r\nLast-Modified: Tue, 10 Nov 2026 09:00:00 GMT\r\n");
    if head.contains(&format!("if-none-match: \"v1 {name}\"\r\n")) {
        return format!("HTTP/1.1 304 Not Modified\r\nConnection: close\r\n{validators}\r\n").into_bytes();
    }
    answer("200 OK", &format!("Content-Type: application/rss+xml\r\n{validators}"), good(name).as_bytes())
}

pub(super) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Reads a request's head, in lower case.
fn head(stream: &mut dyn Wire) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).to_lowercase()
}

/// All servers are bad from the moment when this is set.
#[derive(Clone, Default)]
pub(super) struct Mood(Arc<AtomicBool>);

impl Mood {
    pub(super) fn set_bad(&self, bad: bool) {
        self.0.store(bad, Ordering::SeqCst);
    }

    pub(super) fn is_bad(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Answers one request over a connection, in the mood of the moment.
pub(super) fn serve(stream: &mut dyn Wire, root: &str, mood: &Mood, find: &dyn Fn(&str) -> Option<Play>) {
    let head = head(stream);
    let path = head.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
    let name = path.split(['/', '?']).next().unwrap_or_default().to_owned();
    match find(&name).filter(|_| mood.is_bad()) {
        Some(play) => play(stream, &Asked { name: path, root: root.to_owned() }),
        None => {
            let _ = stream.write_all(&good_answer(&head, &name));
        }
    }
    let _ = stream.flush();
}

/// A plain server for everything that can be told apart by its path.
pub(super) fn plain(mood: &Mood, find: impl Fn(&str) -> Option<Play> + Send + Sync + 'static) -> SocketAddr {
    listening(TcpListener::bind("127.0.0.1:0").unwrap(), mood, find)
}

/// The same at every address of this machine.
pub(super) fn everywhere(mood: &Mood, find: impl Fn(&str) -> Option<Play> + Send + Sync + 'static) -> SocketAddr {
    listening(TcpListener::bind("0.0.0.0:0").unwrap(), mood, find)
}

fn listening(listener: TcpListener, mood: &Mood, find: impl Fn(&str) -> Option<Play> + Send + Sync + 'static) -> SocketAddr {
    let address = listener.local_addr().unwrap();
    let (mood, find) = (mood.clone(), Arc::new(find));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (mood, find) = (mood.clone(), find.clone());
            std::thread::spawn(move || {
                let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
                serve(&mut stream, &format!("http://{address}"), &mood, &*find);
            });
        }
    });
    address
}

/// A good server whose port refuses connections once the mood is bad.
pub(super) fn refusing(mood: &Mood) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let mood = mood.clone();
    std::thread::spawn(move || {
        while !mood.is_bad() {
            match listener.accept() {
                Ok((mut stream, _)) => {
                    stream.set_nonblocking(false).unwrap();
                    serve(&mut stream, "", &mood, &|_| None);
                }
                Err(_) => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    });
    address
}

/// A good server whose port swallows connection attempts once the mood is bad: its queue is short, and then kept full.
pub(super) fn black_hole(mood: &Mood) -> SocketAddr {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let listener = {
        let _guard = runtime.enter();
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        socket.listen(1).unwrap().into_std().unwrap()
    };
    let address = listener.local_addr().unwrap();
    let mood = mood.clone();
    std::thread::spawn(move || {
        while !mood.is_bad() {
            match listener.accept() {
                Ok((mut stream, _)) => {
                    stream.set_nonblocking(false).unwrap();
                    serve(&mut stream, "", &mood, &|_| None);
                }
                Err(_) => std::thread::sleep(Duration::from_millis(2)),
            }
        }
        let fillers: Vec<_> = (0..8).map_while(|_| TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok()).collect();
        // Held open for as long as the program under test may try.
        std::thread::sleep(Duration::from_secs(60));
        drop((fillers, listener, runtime));
    });
    address
}

/// A secured server: a good and a bad configuration, and what it does after the handshake when it is bad (what good ones do, if nothing).
pub(super) fn secure(
    mood: &Mood,
    good: Arc<rustls::ServerConfig>,
    bad: Arc<rustls::ServerConfig>,
    play: Option<Play>,
    before: Option<fn(&mut TcpStream)>,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mood = mood.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (mood, good, bad, play) = (mood.clone(), good.clone(), bad.clone(), play.clone());
            std::thread::spawn(move || {
                let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
                if let Some(before) = before.filter(|_| mood.is_bad()) {
                    return before(&mut stream);
                }
                let config = if mood.is_bad() { bad } else { good };
                let session = rustls::ServerConnection::new(config).unwrap();
                let mut stream = rustls::StreamOwned::new(session, stream);
                while stream.conn.is_handshaking() {
                    if stream.conn.complete_io(&mut stream.sock).is_err() {
                        return;
                    }
                }
                if stream.conn.alpn_protocol() == Some(b"h2") {
                    // No head with a blank line will come.
                    if let Some(play) = &play {
                        play(&mut stream, &Asked { name: String::new(), root: String::new() });
                    }
                    return;
                }
                serve(&mut stream, &format!("https://{address}"), &mood, &|_| play.clone());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            });
        }
    });
    address
}
