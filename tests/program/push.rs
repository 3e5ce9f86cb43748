//! WebSub through the binary: a hub, a source and a follower on loopback around a running service.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use ring::hmac;

use crate::common::{Place, rss};

/// A request as it came.
#[derive(Clone, Debug)]
struct Got {
    method: String,
    /// With its query.
    path: String,
    head: String,
    body: Vec<u8>,
    /// What was published at its arrival, if the world was told where to look.
    published: String,
}

impl Got {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v))
    }

    /// A field of its form, or of its query.
    fn field(&self, name: &str) -> Option<String> {
        let form = if self.method == "POST" { self.body.clone() } else { self.path.split_once('?')?.1.as_bytes().to_vec() };
        url::form_urlencoded::parse(&form).find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
    }
}

#[derive(Default)]
struct State {
    feed: String,
    got: Vec<Got>,
    /// What POST requests to these paths are answered; 202 otherwise.
    answers: Vec<(String, u16)>,
    watched: Option<std::path::PathBuf>,
}

/// A publisher (`/feed`), hubs (`/hub…`) and followers (`/cb…`) on one loopback port.
struct World {
    address: SocketAddr,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl World {
    fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn on(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let state = Arc::new((Mutex::new(State::default()), Condvar::new()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || answer(stream, &shared));
            }
        });
        Self { address, state }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.0.lock().unwrap()
    }

    /// Publishes a feed with these titles that names this hub.
    fn publish(&self, hub: &str, titles: &[String]) {
        let items: Vec<_> = titles.iter().map(|t| (t.clone(), format!("https://n.example/{}", t.replace(' ', "-")))).collect();
        let items: Vec<_> = items.iter().map(|(title, link)| (title.as_str(), title.as_str(), link.as_str(), 3)).collect();
        let links = format!(
            "<channel><atom:link xmlns:atom=\"http://www.w3.org/2005/Atom\" rel=\"hub\" href=\"{hub}\"/>\
             <atom:link xmlns:atom=\"http://www.w3.org/2005/Atom\" rel=\"self\" href=\"{}\"/>",
            self.url("/feed")
        );
        self.lock().feed = rss("News", &items).replacen("<channel>", &links, 1);
    }

    /// Waits for the `count`th request that fits, and returns it.
    #[track_caller]
    fn wait(&self, what: &str, count: usize, fits: impl Fn(&Got) -> bool) -> Got {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut state = self.lock();
        loop {
            if let Some(got) = state.got.iter().filter(|got| fits(got)).nth(count - 1) {
                return got.clone();
            }
            let left = deadline.checked_duration_since(Instant::now());
            let Some(left) = left else { panic!("{what} never came; {:#?}", state.got.iter().map(|g| &g.path).collect::<Vec<_>>()) };
            state = self.state.1.wait_timeout(state, left).unwrap().0;
        }
    }

    fn count(&self, fits: impl Fn(&Got) -> bool) -> usize {
        self.lock().got.iter().filter(|got| fits(got)).count()
    }

    /// The hub's subscription requests: waits for the `count`th at this path.
    #[track_caller]
    fn asked(&self, path: &str, mode: &str, count: usize) -> Got {
        self.wait(mode, count, |got| got.method == "POST" && got.path == path && got.field("hub.mode").as_deref() == Some(mode))
    }
}

fn answer(stream: TcpStream, state: &(Mutex<State>, Condvar)) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let mut first = head.split(' ');
        let (method, path) = (first.next().unwrap().to_owned(), first.next().unwrap().to_owned());
        let mut got = Got { method, path, head, body: Vec::new(), published: String::new() };
        got.body = vec![0; got.header("content-length").map_or(0, |n| n.parse().unwrap())];
        if reader.read_exact(&mut got.body).is_err() {
            return;
        }
        let (status, body) = {
            let mut state = state.0.lock().unwrap();
            got.published = state.watched.as_ref().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
            let answer = match (got.method.as_str(), got.path.split(['?', '/']).nth(1)) {
                ("GET", Some("feed")) => (200, state.feed.clone()),
                // A follower that wants what was asked for in its name.
                ("GET", Some("cb")) => (200, got.field("hub.challenge").unwrap_or_default()),
                ("GET", _) => (404, String::new()),
                _ => (state.answers.iter().find(|(path, _)| *path == got.path).map_or(202, |(_, status)| *status), String::new()),
            };
            state.got.push(got);
            answer
        };
        state.1.notify_all();
        let _ = write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nContent-Type: application/rss+xml\r\n\r\n{body}", body.len());
    }
}

/// A running service, killed with the test.
struct Service {
    child: Child,
    address: SocketAddr,
}

impl Service {
    fn start(place: &Place, port: u16) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut child = Command::new(env!("CARGO_BIN_EXE_topicwire"))
            .args(["serve", "--listen", &address.to_string(), "--config"])
            .arg(place.config())
            .stdout(Stdio::piped())
            .stderr(if std::env::var_os("TOPICWIRE_LOG").is_some() { Stdio::inherit() } else { Stdio::null() })
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.next().is_some_and(|line| line.is_ok()), "it ended before it served");
        Self { child, address }
    }

    /// Sends a request as it stands and returns status and answer.
    fn send(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let length = if headers.contains("Content-Length") || headers.contains("chunked") {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{length}{headers}\r\n").unwrap();
        // A server that refuses a body closes before it has all of it.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        (answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0), answer)
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Pushes as the hub that was asked with this form would.
    fn push(&self, asked: &Got, body: &[u8]) -> u16 {
        let (path, secret) = (path_of(&asked.field("hub.callback").unwrap()), asked.field("hub.secret").unwrap());
        self.send("POST", &path, &format!("X-Hub-Signature: {}\r\n", signed(hmac::HMAC_SHA256, "sha256", &secret, body)), body).0
    }

    /// Verifies as the hub that was asked with this form would.
    fn verify(&self, asked: &Got, lease_s: &str) -> (u16, String) {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for name in ["hub.mode", "hub.topic"] {
            query.append_pair(name, &asked.field(name).unwrap());
        }
        query.append_pair("hub.challenge", "<b>echo</b>").append_pair("hub.lease_seconds", lease_s);
        self.send("GET", &format!("{}?{}", path_of(&asked.field("hub.callback").unwrap()), query.finish()), "", b"")
    }

    /// Subscribes a follower at the service's own hub.
    fn follow(&self, topic: &str, callback: &str, more: &str) -> (u16, String) {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("hub.mode", "subscribe"), ("hub.topic", topic), ("hub.callback", callback)])
            .finish();
        self.send("POST", "/hub", "Content-Type: application/x-www-form-urlencoded\r\n", (form + more).as_bytes())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn path_of(url: &str) -> String {
    url::Url::parse(url).unwrap().path().to_owned()
}

fn signed(algorithm: hmac::Algorithm, method: &str, secret: &str, body: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(algorithm, secret.as_bytes()), body);
    format!("{method}={}", tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Feeds that the site publishes: of everything, of its section, its topic and its source, in three forms each.
const FEEDS: usize = 12;
const ATOM: &str = "https://wire.example/topic/test-telehealth/feed.atom";

/// A site that follows the world's feed, with `rest` in its configuration.
fn site(world: &World, port: u16, allow: &str, rest: &str) -> Place {
    let place = Place { dir: tempfile::tempdir().unwrap() };
    configure(&place, world, port, allow, rest);
    place
}

fn configure(place: &Place, world: &World, port: u16, allow: &str, rest: &str) {
    let config = format!(
        "[site]\ntitle = \"T\"\nbase_url = \"https://wire.example/\"\n[fetch]\nallow = [\"{allow}\"]\nports = [{}]\nhost_gap = \"0s\"\n\
         floor = \"0s\"\n[push]\nsubscribe = true\ncallback_base = \"http://127.0.0.1:{port}\"\n[[source]]\nid = \"news\"\nurl = \"{}\"\n\
         schedule = \"1h\"\n[[topic]]\ncategory = \"Test: Telehealth\"\nany = [\"telehealth\"]\n{rest}",
        world.address.port(),
        world.url("/feed")
    );
    std::fs::write(place.config(), config).unwrap();
}

fn status(place: &Place) -> serde_json::Value {
    place.run(&["status", "news", "--json"]).expect(0).json()["sources"][0].clone()
}

/// Waits until the status of the subscription fits.
#[track_caller]
fn until(place: &Place, what: &str, fits: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let status = status(place);
        if fits(&status["push"]) {
            return status;
        }
        assert!(Instant::now() < deadline, "never {what}: {:#}", status["push"]);
    }
}

#[track_caller]
fn eventually(what: &str, is: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::yield_now();
    }
}

fn title(n: usize) -> String {
    format!("Telehealth {n}")
}

/// A service with an active subscription at the world's hub, and that subscription's request.
fn subscribed(world: &World, place: &Place, port: u16) -> (Service, Got) {
    let service = Service::start(place, port);
    let asked = world.asked("/hub", "subscribe", 1);
    assert_eq!(service.verify(&asked, "864000").0, 200);
    let feed = place.path().join("output/topic/test-telehealth/feed.atom");
    eventually("the first item is published", || std::fs::read_to_string(&feed).is_ok_and(|feed| feed.contains(&title(0))));
    (service, asked)
}

#[test]
fn a_change_at_a_source_reaches_a_follower_in_seconds() {
    let (world, port) = (World::start(), free_port());
    world.publish(&world.url("/hub"), &[title(0)]);
    let place = site(&world, port, "127.0.0.0/8", "[hub]\nown = true\n");
    let (service, asked) = subscribed(&world, &place, port);
    assert_eq!(asked.field("hub.topic").unwrap(), world.url("/feed"));
    assert!(path_of(&asked.field("hub.callback").unwrap()).len() >= "/push/".len() + 32, "128 bits in hexadecimal digits");
    assert!((32..200).contains(&asked.field("hub.secret").unwrap().len()));
    let full = place.run(&["status", "news"]).expect(0).out;
    assert!(full.contains("push         active at") && full.contains("lease until"), "{full}");
    assert!(!full.contains(&asked.field("hub.secret").unwrap()));

    assert_eq!(service.follow(ATOM, &world.url("/cb/1?a=b"), "&hub.secret=hush").0, 202);
    let verification = world.wait("a verification", 1, |got| got.method == "GET" && got.path.starts_with("/cb/1?a=b&"));
    assert_eq!(verification.field("hub.topic").as_deref(), Some(ATOM));

    let mut took = Vec::new();
    for n in 1..=3 {
        let titles: Vec<_> = (0..=n).map(title).collect();
        world.publish(&world.url("/hub"), &titles);
        let begin = Instant::now();
        assert_eq!(service.push(&asked, b"not the feed: a hint"), 202);
        let got = world.wait("the push", 1, |got| {
            got.method == "POST" && got.path == "/cb/1?a=b" && String::from_utf8_lossy(&got.body).contains(&format!("<title>{}<", title(n)))
        });
        took.push(begin.elapsed());
        assert_eq!(got.header("x-hub-signature"), Some(signed(hmac::HMAC_SHA256, "sha256", "hush", &got.body).as_str()));
        assert_eq!(got.header("content-type"), Some("application/atom+xml; charset=utf-8"));
        assert_eq!(got.header("link"), Some(format!("<https://wire.example/hub>; rel=\"hub\", <{ATOM}>; rel=\"self\"").as_str()));
        assert_eq!(got.body, std::fs::read(place.path().join("output/topic/test-telehealth/feed.atom")).unwrap(), "the feed's very bytes");
    }
    println!("from the push to the follower's callback: {took:?}");
    assert!(took.iter().all(|took| *took < Duration::from_secs(10)), "{took:?}");
    // The source is not polled by its schedule while the hub proves itself.
    let status = status(&place);
    assert_eq!((&status["push"][0]["pushes"], &status["push"][0]["proven"]), (&3.into(), &true.into()));
    assert!(status["next_why"].as_str().unwrap().contains("its hub tells of changes"), "{}", status["next_why"]);
    assert!(!status.to_string().contains("not the feed"));
}

#[test]
fn what_was_not_asked_for_is_not_there_and_what_is_not_signed_is_ignored() {
    let (world, port) = (World::start(), free_port());
    world.publish(&world.url("/hub"), &[title(0)]);
    let place = site(&world, port, "127.0.0.0/8", "");
    let service = Service::start(&place, port);
    let asked = world.asked("/hub", "subscribe", 1);
    let path = path_of(&asked.field("hub.callback").unwrap());
    let feed = world.url("/feed");
    let encoded = feed.replace(':', "%3A").replace('/', "%2F");
    let missing = |method: &str, path: &str| {
        let (status, answer) = service.send(method, path, "", b"x");
        assert_eq!(status, 404, "{method} {path}: {answer}");
        assert!(answer.ends_with("there is nothing here\n"), "{answer}");
    };
    // Before the verification: other modes, topics, paths; pushes.
    missing("GET", &format!("{path}?hub.mode=unsubscribe&hub.topic={encoded}&hub.challenge=c"));
    missing("GET", &format!("{path}?hub.mode=subscribe&hub.topic={encoded}2&hub.challenge=c"));
    missing("GET", &format!("{path}?hub.mode=subscribe&hub.topic={encoded}"));
    missing("GET", &format!("{path}0?hub.mode=subscribe&hub.topic={encoded}&hub.challenge=c"));
    missing("GET", "/push/?hub.mode=subscribe");
    missing("POST", &path);
    missing("PUT", &path);
    assert_eq!(service.push(&asked, b"early"), 404);
    // A lease of a second; markup in the challenge comes back as text.
    let (verified, answer) = service.verify(&asked, "1");
    assert_eq!(verified, 200);
    assert!(answer.ends_with("\r\n\r\n<b>echo</b>"), "{answer}");
    let answer = answer.to_lowercase();
    assert!(answer.contains("content-type: text/plain") && answer.contains("x-content-type-options: nosniff"), "{answer}");
    let push = &status(&place)["push"][0];
    let moment = |name: &str| push[name].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    assert_eq!((moment("lease_until") - moment("next")).num_minutes(), 12, "an hour, renewed after four fifths of it");
    // Once is enough.
    assert_eq!(service.verify(&asked, "864000").0, 404);

    // Signatures.
    let secret = asked.field("hub.secret").unwrap();
    let good = signed(hmac::HMAC_SHA256, "sha256", &secret, b"body");
    for wrong in [
        String::new(),
        "X-Hub-Signature: \r\n".into(),
        "X-Hub-Signature: sha256=00\r\n".into(),
        format!("X-Hub-Signature: {}\r\n", signed(hmac::HMAC_SHA256, "sha256", "guess", b"body")),
        format!("X-Hub-Signature: {}\r\n", good.replace("sha256", "sha512")),
    ] {
        assert_eq!(service.send("POST", &path, &wrong, b"body").0, 202, "{wrong}");
    }
    assert_eq!(service.send("POST", &path, &format!("X-Hub-Signature: {good}\r\n"), b"another body").0, 202);
    assert_eq!(status(&place)["push"][0]["pushes"], 0);
    // Too much: announced, and not announced.
    let (large, answer) = service.send("POST", &path, &format!("X-Hub-Signature: {good}\r\nContent-Length: 1000000000\r\n"), b"body");
    assert_eq!(large, 413, "{answer}");
    let chunk = [b"200000\r\n".as_slice(), &vec![b'x'; 0x20_0000], b"\r\n0\r\n\r\n"].concat();
    let (large, _) = service.send("POST", &path, "Transfer-Encoding: chunked\r\n", &chunk);
    assert!(matches!(large, 413 | 0), "{large}");
    assert_eq!(status(&place)["push"][0]["pushes"], 0);
    // SHA-1 is good for a hint.
    let weak = signed(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, "sha1", &secret, b"body");
    assert_eq!(service.send("POST", &path, &format!("X-Hub-Signature: {weak}\r\n"), b"body").0, 202);
    until(&place, "one push", |push| push[0]["pushes"] == 1);
}

#[test]
fn a_replay_is_one_poll_in_the_gap() {
    let (world, port) = (World::start(), free_port());
    world.publish(&world.url("/hub"), &[title(0)]);
    let place = site(&world, port, "127.0.0.0/8", "");
    let config = std::fs::read_to_string(place.config()).unwrap().replace("floor = \"0s\"", "floor = \"3s\"");
    std::fs::write(place.config(), config).unwrap();
    let (service, asked) = subscribed(&world, &place, port);
    for _ in 0..30 {
        assert_eq!(service.push(&asked, b"again"), 202);
    }
    let is_poll = |got: &Got| got.path == "/feed";
    world.wait("a poll", 2, is_poll);
    let open = || -> i64 {
        let store = rusqlite::Connection::open(place.path().join("topicwire.db")).unwrap();
        store.query_row("SELECT count(*) FROM subscription WHERE hint IS NOT NULL", [], |row| row.get(0)).unwrap()
    };
    eventually("no push is open", || open() == 0);
    // One at the start; one for the first push, or for all; one for those that came while it went on.
    assert!((2..=3).contains(&world.count(is_poll)), "{}", world.count(is_poll));
    assert_eq!(status(&place)["push"][0]["pushes"], 30);
}

#[test]
fn a_changed_hub_a_denial_and_a_lost_source_end_a_subscription() {
    let (world, port) = (World::start(), free_port());
    world.publish(&world.url("/hub"), &[title(0)]);
    let place = site(&world, port, "127.0.0.0/8", "");
    let (service, first) = subscribed(&world, &place, port);
    // A lease of a century is cut to 15 days at the next hub.
    world.publish(&world.url("/hub2"), &[title(0), title(1)]);
    assert_eq!(service.push(&first, b""), 202);
    let second = world.asked("/hub2", "subscribe", 1);
    let leaving = world.asked("/hub", "unsubscribe", 1);
    assert_eq!(leaving.field("hub.callback"), first.field("hub.callback"));
    assert_ne!(second.field("hub.callback"), first.field("hub.callback"));
    assert_eq!(leaving.field("hub.secret"), None);
    assert_eq!(service.verify(&leaving, "").0, 200);
    assert_eq!(service.verify(&second, "3153600000").0, 200);
    let now = status(&place)["push"].clone();
    assert_eq!((now.as_array().unwrap().len(), &now[0]["hub"]), (1, &world.url("/hub2").into()));
    let until_at: chrono::DateTime<chrono::Utc> = now[0]["lease_until"].as_str().unwrap().parse().unwrap();
    let next: chrono::DateTime<chrono::Utc> = now[0]["next"].as_str().unwrap().parse().unwrap();
    assert_eq!((until_at - next).num_days(), 3, "15 days, renewed after 12");
    assert_eq!(service.push(&first, b""), 404);

    let topic = second.field("hub.topic").unwrap().replace(':', "%3A").replace('/', "%2F");
    let denial = format!("{}?hub.mode=denied&hub.topic={topic}&hub.reason=quota", path_of(&second.field("hub.callback").unwrap()));
    assert_eq!(service.send("GET", &denial, "", b"").0, 200);
    let push = status(&place)["push"][0].clone();
    assert_eq!((&push["phase"], &push["why"]), (&"denied".into(), &"quota".into()));
    assert_eq!(service.push(&second, b""), 404);

    // The operator wants no more of it.
    let config = std::fs::read_to_string(place.config()).unwrap().replace("subscribe = true", "subscribe = false");
    std::fs::write(place.config(), config).unwrap();
    assert!(Command::new("kill").args(["-HUP", &service.child.id().to_string()]).status().unwrap().success());
    until(&place, "forgotten", |push| push.as_array().unwrap().is_empty());
}

#[test]
fn hubs_and_callbacks_at_private_addresses_are_refused() {
    let (world, port) = (World::start(), free_port());
    // The very same port, at an address that is not allowed.
    let inside = World::on(TcpListener::bind(("127.0.0.2", world.address.port())).unwrap());
    world.publish(&inside.url("/hub"), &[title(0)]);
    let place = site(&world, port, "127.0.0.1/32", &format!("[hub]\nown = true\nannounce = [\"{}\"]\n", inside.url("/ping")));
    let service = Service::start(&place, port);
    let status = until(&place, "refused", |push| !push[0]["why"].is_null());
    assert!(status["push"][0]["why"].as_str().unwrap().contains("refuses to connect to 127.0.0.2"), "{status}");
    for callback in [inside.url("/cb"), "http://10.0.0.1/".into(), "http://[::1]/".into(), "https://example.org:22/".into()] {
        let (refused, answer) = service.follow(ATOM, &callback, "");
        assert_eq!(refused, 400, "{callback}: {answer}");
        assert!(answer.contains("must be a public http or https address") && !answer.contains("127.0.0.2"), "{answer}");
    }
    let rows = || {
        let store = rusqlite::Connection::open(place.path().join("topicwire.db")).unwrap();
        let count = |sql: &str| store.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        (count("SELECT count(*) FROM follower"), count("SELECT count(*) FROM announcement WHERE state LIKE '%refuses to connect%'"))
    };
    eventually("every announcement is refused", || rows().1 == FEEDS as i64);
    assert_eq!(rows().0, 0);
    assert_eq!(inside.lock().got.len(), 0, "something was sent inside");
}

#[test]
fn the_own_hub_takes_what_is_ours_and_well_formed_and_drops_who_does_not_want_it() {
    let (world, port) = (World::start(), free_port());
    world.publish(&world.url("/hub"), &[title(0)]);
    let place = site(&world, port, "127.0.0.0/8", "[hub]\nown = true\n");
    let (service, asked) = subscribed(&world, &place, port);
    let long = "x".repeat(200);
    for (topic, more, status) in [
        (world.url("/feed").as_str(), "", 404),
        ("https://wire.example/topic/none/feed.atom", "", 404),
        ("https://wire.example/topic/../feeds.toml", "", 404),
        ("https://wire.example/topic/test-telehealth/index.html", "", 404),
        (ATOM, &format!("&hub.secret={long}"), 400),
        (ATOM, "&hub.lease_seconds=soon", 400),
    ] {
        let (got, answer) = service.follow(topic, &world.url("/cb/x"), more);
        assert_eq!(got, status, "{topic} {more}: {answer}");
        assert!(!answer.contains("x".repeat(50).as_str()));
    }
    assert_eq!(service.send("GET", "/hub", "", b"").0, 405);
    assert_eq!(service.send("POST", "/hub", "Content-Length: 1000000000\r\n", b"hub.mode=").0, 413);
    // One that confirms, one that does not know of it, one that is gone when it is told.
    world.lock().answers = vec![("/cb/gone".into(), 410), ("/cb/slow".into(), 503)];
    for callback in ["/cb/good", "/elsewhere", "/cb/gone", "/cb/slow"] {
        assert_eq!(service.follow(ATOM, &world.url(callback), "").0, 202);
    }
    for callback in ["/cb/good?", "/elsewhere?", "/cb/gone?", "/cb/slow?"] {
        world.wait("a verification", 1, |got| got.method == "GET" && got.path.starts_with(callback));
    }
    let followers = || -> Vec<String> {
        let store = rusqlite::Connection::open(place.path().join("topicwire.db")).unwrap();
        let mut rows = store.prepare("SELECT callback FROM follower WHERE waiting = 0 ORDER BY callback").unwrap();
        let rows = rows.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.map(|url| path_of(&url.unwrap())).collect()
    };
    eventually("three are verified", || followers() == ["/cb/gone", "/cb/good", "/cb/slow"]);
    world.publish(&world.url("/hub"), &[title(0), title(1)]);
    assert_eq!(service.push(&asked, b""), 202);
    // The slow one is tried again.
    world.wait("a try", 1, |got| got.method == "POST" && got.path == "/cb/slow");
    world.lock().answers.retain(|(path, _)| path != "/cb/slow");
    let again = world.wait("a second try", 2, |got| got.method == "POST" && got.path == "/cb/slow");
    assert!(String::from_utf8_lossy(&again.body).contains(&title(1)));
    assert_eq!(again.header("x-hub-signature"), None, "there is no secret");
    eventually("the gone one is forgotten", || followers() == ["/cb/good", "/cb/slow"]);
    let mut told: Vec<_> =
        world.lock().got.iter().filter(|got| got.method == "POST" && got.path == "/cb/good").map(|got| got.body.clone()).collect();
    told.dedup();
    assert_eq!(told, [again.body], "once, and nothing else");
    // Unsubscribing is verified too.
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("hub.mode", "unsubscribe"), ("hub.topic", ATOM), ("hub.callback", &world.url("/cb/good"))])
        .finish();
    assert_eq!(service.send("POST", "/hub", "", form.as_bytes()).0, 202);
    eventually("one is left", || followers() == ["/cb/slow"]);
}

#[test]
fn configured_hubs_are_told_of_what_is_there_and_again_if_they_failed() {
    let world = World::start();
    world.publish("https://hub.example/", &[title(0)]);
    let place = site(&world, 1, "127.0.0.0/8", &format!("[hub]\nannounce = [\"{}\"]\n", world.url("/ping")));
    world.lock().watched = Some(place.path().join("output/topic/test-telehealth/feed.atom"));
    let is_ping = |got: &Got| got.path == "/ping";
    place.run_at("2026-11-20T12:00:00Z", &["refresh"]).expect(0);
    assert_eq!(world.count(is_ping), FEEDS, "Atom, RSS, JSON");
    let ping = world.wait("a ping", 1, |got| got.field("hub.url").as_deref() == Some(ATOM));
    assert_eq!(
        (ping.field("hub.mode").as_deref(), ping.header("content-type")),
        (Some("publish"), Some("application/x-www-form-urlencoded"))
    );
    assert!(ping.published.contains(&title(0)), "the hub was told before the feed was there");
    place.run_at("2026-11-20T13:00:00Z", &["refresh"]).expect(0);
    assert_eq!(world.count(is_ping), FEEDS, "nothing changed");

    world.publish("https://hub.example/", &[title(0), title(1)]);
    world.lock().answers = vec![("/ping".into(), 503)];
    place.run_at("2026-11-20T14:00:00Z", &["refresh"]).expect(0);
    assert_eq!(world.count(is_ping), 2 * FEEDS);
    let told = place.run(&["status"]).expect(0).out;
    let failing = format!("hub {} was not told of topic/test-telehealth/feed.atom: answered 503", world.url("/ping"));
    assert!(told.contains(&failing) && told.contains("next try 2026-11-20T14:00:05Z"), "{told}");
    place.run_at("2026-11-20T14:00:01Z", &["refresh"]).expect(0);
    assert_eq!(world.count(is_ping), 2 * FEEDS, "it is not time yet");
    world.lock().answers.clear();
    place.run_at("2026-11-20T14:00:05Z", &["refresh"]).expect(0);
    assert_eq!(world.count(is_ping), 3 * FEEDS);
    assert!(world.lock().got.iter().rfind(|got| is_ping(got)).unwrap().published.contains(&title(1)));
}

/// xorshift: kills are spread by a seed that is printed.
fn chance(seed: &mut u64, limit: u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed % limit
}

/// Kills the service at random moments after a hub's push was taken; every change must reach the follower all the same.
fn kills(count: usize, seed: u64) {
    println!(
        "seed {seed}: TOPICWIRE_KILLS={count} TOPICWIRE_SEED={seed} cargo test --release --test program push -- --ignored --nocapture"
    );
    let mut seed = seed | 1;
    let (world, port) = (World::start(), free_port());
    world.publish(&world.url("/hub"), &[title(0)]);
    let place = site(&world, port, "127.0.0.0/8", "[hub]\nown = true\n");
    let (mut service, asked) = subscribed(&world, &place, port);
    assert_eq!(service.follow(ATOM, &world.url("/cb/1"), "&hub.secret=hush").0, 202);
    world.wait("a verification", 1, |got| got.path.starts_with("/cb/1?"));
    let has_come = |n: usize| {
        let wanted = format!("<title>{}<", title(n));
        move |got: &Got| got.method == "POST" && got.path == "/cb/1" && String::from_utf8_lossy(&got.body).contains(&wanted)
    };
    let mut took = Vec::new();
    for n in 1..=count {
        world.publish(&world.url("/hub"), &(n.saturating_sub(20)..=n).map(title).collect::<Vec<_>>());
        assert_eq!(service.push(&asked, b""), 202);
        std::thread::sleep(Duration::from_millis(chance(&mut seed, 250)));
        service.kill();
        let (begin, is_there) = (Instant::now(), world.count(has_come(n)) > 0);
        service = Service::start(&place, port);
        let got = world.wait(&format!("change {n}"), 1, has_come(n));
        if !is_there {
            took.push(begin.elapsed());
        }
        assert_eq!(got.header("x-hub-signature"), Some(signed(hmac::HMAC_SHA256, "sha256", "hush", &got.body).as_str()));
    }
    let pushes = world.count(|got| got.method == "POST" && got.path == "/cb/1");
    println!(
        "{count} kills, {} of them before the change had reached the follower; 0 lost, {pushes} pushes; at most {:?} from the kill",
        took.len(),
        took.iter().max().copied().unwrap_or_default()
    );
}

#[test]
fn a_few_kills_lose_no_push() {
    kills(5, 0x5eed_0006);
}

#[test]
#[ignore = "minutes; the command is in CONTRIBUTING.md"]
fn many_kills_lose_no_push() {
    let number = |name| std::env::var(name).ok().and_then(|value| value.parse().ok());
    kills(number("TOPICWIRE_KILLS").unwrap_or(50) as usize, number("TOPICWIRE_SEED").unwrap_or(20_261_121));
}
