//! The fault matrix (acceptance 3.5, rows 2 to 23): one publisher that misbehaves in more than a hundred ways at once, and what is left
//! of the site afterwards. Rows 1 and 27 need name servers, and are in `io::fetch`'s own tests.

mod bombs;
mod downgrade;
mod http2;
mod plays;
mod server;
mod tls;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::common::{NOW, Place, Ran};
use plays::Expected;
use server::{Mood, Play};
use tls::Authority;

const LATER: &str = "2026-11-20T14:00:00Z";
/// After every pause that a server asked for.
const MUCH_LATER: &str = "2026-12-20T14:00:00Z";

/// A source of the matrix, wherever its server is.
struct Source {
    row: u8,
    name: &'static str,
    url: String,
    expected: Expected,
}

struct Stage {
    mood: Mood,
    place: Place,
    sources: Vec<Source>,
}

impl Stage {
    fn new(sources: impl FnOnce(&Mood, &Authority) -> Vec<Source>) -> Self {
        let mood = Mood::default();
        let authority = Authority::new("Test authority");
        let sources = sources(&mood, &authority);
        let place = Place { dir: tempfile::tempdir().unwrap() };
        std::fs::write(place.path().join("authority.pem"), authority.pem()).unwrap();
        let ports: std::collections::BTreeSet<u16> = sources.iter().filter_map(|s| url::Url::parse(&s.url).ok()?.port()).collect();
        let ports: Vec<u16> = ports.into_iter().collect();
        let mut config = format!(
            "[site]\ntitle = \"T\"\nbase_url = \"https://wire.example/\"\n\n[fetch]\nallow = [\"127.0.0.0/8\"]\nports = {ports:?}\n\
             host_gap = 0\nfloor = 0\nconcurrency = 64\ntimeout = 5\nconnect_timeout = 1\nfirst_byte_timeout = 2\n\n[defaults]\nenrich = \"never\"\n\n\
             [[topic]]\ncategory = \"Test: Telehealth\"\nany = [\"telehealth\"]\n\n"
        );
        for source in &sources {
            let _ = write!(config, "[[source]]\nid = \"{}\"\nurl = \"{}\"\n\n", source.name, source.url);
        }
        std::fs::write(place.config(), config).unwrap();
        Self { mood, place, sources }
    }

    fn run(&self, now: &str, arguments: &[&str]) -> Ran {
        let mut command = self.place.command(now, arguments);
        Ran::from(command.env("SSL_CERT_FILE", self.place.path().join("authority.pem")).output().unwrap())
    }

    /// The validators of every source.
    fn validators(&self) -> BTreeMap<String, String> {
        let store = rusqlite::Connection::open(self.place.path().join("topicwire.db")).unwrap();
        let query = "SELECT s.name, p.etag, p.last_modified, p.state ->> 'validator_url' FROM poll p JOIN source s ON s.id = p.source";
        let mut statement = store.prepare(query).unwrap();
        let read = |row: &rusqlite::Row<'_>| {
            let bytes = |n| row.get::<_, Option<Vec<u8>>>(n);
            Ok((row.get::<_, String>(0)?, format!("{:?} {:?} {:?}", bytes(1)?, bytes(2)?, row.get::<_, Option<String>>(3)?)))
        };
        statement.query_map([], read).unwrap().collect::<Result<_, _>>().unwrap()
    }
}

fn plain_sources(mood: &Mood) -> Vec<Source> {
    let cases = plays::plain();
    let plays: BTreeMap<&str, Play> = cases.iter().map(|case| (case.name, case.play.clone())).collect();
    let address = server::plain(mood, move |name| plays.get(name).cloned());
    let source = |case: plays::Case| Source {
        row: case.row,
        name: case.name,
        url: format!("http://{address}/{}", case.name),
        expected: case.expected,
    };
    let mut sources: Vec<Source> = cases.into_iter().map(source).collect();
    let mut port = |name, address: SocketAddr, words| {
        let expected = if name == "black-hole" { Expected::Fails("timeout", words) } else { Expected::Fails("connect", words) };
        sources.push(Source { row: 2, name, url: format!("http://{address}/{name}"), expected });
    };
    port("refused", server::refusing(mood), "the connection was refused");
    port("black-hole", server::black_hole(mood), "no connection within 1 s");
    sources
}

fn secure_sources(mood: &Mood, authority: &Authority) -> Vec<Source> {
    let now = (2020, 2090);
    let good = authority.server(&["127.0.0.1"], now);
    let stranger = Authority::new("Stranger");
    let h2 = || {
        let (certificate, key) = authority.certificate(&["127.0.0.1"], now);
        tls::config(vec![certificate], key, &[b"h2"])
    };
    let huge_chain = || {
        let (certificate, key) = authority.certificate(&["127.0.0.1"], now);
        let chain = std::iter::once(certificate).chain(std::iter::repeat_n(authority.der(), 300)).collect();
        tls::config(chain, key, &[])
    };
    let mut sources = Vec::new();
    let mut add = |row, name: &'static str, class, words, address: SocketAddr| {
        sources.push(Source { row, name, url: format!("https://{address}/{name}"), expected: Expected::Fails(class, words) });
    };
    for (name, words, bad) in [
        ("tls-expired", "its certificate expired 2021-01-02 (issuer Test authority)", authority.server(&["127.0.0.1"], (2020, 2021))),
        (
            "tls-not-yet",
            "its certificate is not valid before 2089-01-02 (issuer Test authority)",
            authority.server(&["127.0.0.1"], (2089, 2090)),
        ),
        (
            "tls-wrong-host",
            "its certificate is for another name (shop.example, www.shop.example) (issuer Test authority)",
            authority.server(&["shop.example", "www.shop.example"], now),
        ),
        ("tls-self-signed", "signed by nobody whom this machine trusts (issuer rcgen self signed cert)", tls::self_signed(false)),
        ("tls-self-signed-authority", "its certificate is signed by itself (issuer rcgen self signed cert)", tls::self_signed(true)),
        ("tls-unknown-authority", "signed by nobody whom this machine trusts (issuer Stranger)", stranger.server(&["127.0.0.1"], now)),
        ("tls-huge-chain", "its certificates are too many or too long", huge_chain()),
    ] {
        add(3, name, "tls", words, server::secure(mood, good.clone(), bad, None, None));
    }
    let raw = |before| server::secure(mood, good.clone(), good.clone(), None, Some(before));
    add(3, "tls-1-0-only", "tls", "it speaks no version of TLS that is still safe", raw(plays_raw::only_tls_1_0));
    add(3, "tls-unknown-name", "tls", "it does not know this name", raw(plays_raw::unknown_name));
    add(3, "tls-stalls", "timeout", "no connection within 1 s", raw(plays_raw::stalls));
    add(3, "tls-closes", "connect", "in the middle of the handshake", raw(plays_raw::closes));
    add(3, "tls-is-plain", "tls", "it does not speak TLS on this port", raw(plays_raw::plain));
    let to_http: Play = std::sync::Arc::new(|wire, asked| {
        let to = asked.root.replace("https:", "http:");
        let _ = wire.write_all(&server::answer("301 Moved", &format!("Location: {to}/feed\r\n"), b""));
    });
    add(
        13,
        "redirect-https-to-http",
        "redirect",
        "it redirects from https to http",
        server::secure(mood, good.clone(), good.clone(), Some(to_http), None),
    );
    for (name, class, words, play) in [
        ("h2-goaway", "protocol", "it broke the HTTP/2 exchange off", http2::goaway()),
        ("h2-reset", "protocol", "it broke the HTTP/2 exchange off", http2::reset()),
        ("h2-settings-flood", "timeout", "no answer within 2 s", http2::settings_flood()),
        ("h2-ping-flood", "timeout", "no answer within 2 s", http2::ping_flood()),
        ("h2-empty-data-flood", "interrupted", "broke off after 0 bytes", http2::empty_data_flood()),
        ("h2-garbage", "protocol", "it does not keep to the rules of HTTP/2", http2::garbage()),
    ] {
        add(20, name, class, words, server::secure(mood, good.clone(), h2(), Some(play), None));
    }
    sources
}

/// What is on a secure port instead of TLS.
mod plays_raw {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    fn hello(stream: &mut TcpStream) {
        let _ = stream.read(&mut [0; 16_384]);
    }

    pub(super) fn only_tls_1_0(stream: &mut TcpStream) {
        hello(stream);
        // Alert, version 3.1, fatal, protocol_version.
        let _ = stream.write_all(&[21, 3, 1, 0, 2, 2, 70]);
    }

    pub(super) fn unknown_name(stream: &mut TcpStream) {
        hello(stream);
        // Alert, version 3.3, fatal, unrecognized_name.
        let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, 112]);
    }

    pub(super) fn stalls(stream: &mut TcpStream) {
        hello(stream);
        hello(stream);
    }

    pub(super) fn closes(stream: &mut TcpStream) {
        hello(stream);
    }

    pub(super) fn plain(stream: &mut TcpStream) {
        hello(stream);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\nThis is the plain port");
    }
}

/// What a poll came to, as `--json` has it.
struct Came {
    outcome: String,
    class: String,
    why: String,
}

fn came(ran: &Ran) -> BTreeMap<String, Came> {
    let json = ran.json();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let row = |source: &serde_json::Value| {
        let failure = &source["failure"];
        (text(&source["id"]), Came { outcome: text(&source["outcome"]), class: text(&failure["class"]), why: text(&failure["why"]) })
    };
    json["sources"].as_array().unwrap().iter().map(row).collect()
}

/// Runs a refresh and watches the most memory that it held, in KiB.
#[cfg(target_os = "linux")]
fn watched(stage: &Stage, now: &str) -> (Ran, Duration, u64) {
    let mut command = stage.place.command(now, &["refresh", "--json"]);
    let began = Instant::now();
    let mut child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        // The kernel's own high-water mark, so that no moment between two looks is missed but the last.
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let mark = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(mark.unwrap_or(0));
        std::thread::yield_now();
    }
    let took = began.elapsed();
    (Ran::from(child.wait_with_output().unwrap()), took, peak)
}

#[cfg(target_os = "linux")]
#[test]
fn a_bomb_of_any_coding_ends_within_two_seconds_and_40_mb() {
    for bomb in ["bomb-gzip", "bomb-gzip-twice", "bomb-unlabelled", "bomb-deflate", "bomb-br", "bomb-zstd"] {
        let stage = Stage::new(|mood, _| plain_sources(mood).into_iter().filter(|source| source.name == bomb).collect());
        let (ran, _, calm) = watched(&stage, NOW);
        ran.expect(0);
        stage.mood.set_bad(true);
        let (ran, took, peak) = watched(&stage, LATER);
        assert!(came(&ran.expect(3))[bomb].why.contains("decompression bomb"));
        println!("{bomb}, 2 MB that would be 2 GB or more: {took:.2?}, {peak} KiB at most; a good feed: {calm} KiB");
        // Two seconds is what it has; a machine busy with other things may take longer, but not for ever.
        assert!(took < Duration::from_secs(30), "{bomb}: {took:?}");
        assert!(peak.saturating_sub(calm) < 40_000, "{bomb}: {peak} KiB, and {calm} KiB without a bomb");
    }
}

#[test]
fn every_fault_is_told_and_harms_nothing() {
    let stage = Stage::new(|mood, authority| {
        let mut sources = plain_sources(mood);
        sources.extend(secure_sources(mood, authority));
        sources
    });
    assert!(stage.sources.len() >= 55);
    let ran = stage.run(NOW, &["refresh", "--json"]).expect(0);
    assert!(came(&ran).values().all(|came| came.outcome == "succeeded"), "{}", ran.out);
    let (tree, rows, validators) = (stage.place.tree(), stage.place.rows(), stage.validators());

    stage.mood.set_bad(true);
    let began = Instant::now();
    let ran = stage.run(LATER, &["refresh", "--json"]).expect(3);
    let took = began.elapsed();
    let came_of = came(&ran);
    let mut table = String::new();
    let mut wrong = String::new();
    for Source { row, name, expected, .. } in &stage.sources {
        let Came { outcome, class, why } = &came_of[*name];
        let _ = writeln!(table, "{row:>2}  {name:<28} {outcome:<12} {class:<12} {why}");
        let is_right = match expected {
            Expected::Fails(wanted, words) => class == wanted && why.contains(words),
            Expected::Well => outcome == "succeeded" || outcome == "unchanged",
            Expected::Part => outcome == "succeeded",
            Expected::Unchanged => outcome == "unchanged",
        };
        if !is_right {
            let _ = writeln!(wrong, "{name}: {outcome} {class}: {why}");
        }
        if why.chars().any(char::is_control) {
            let _ = writeln!(wrong, "{name}: control characters in {why:?}");
        }
    }
    println!(
        "row name                         outcome      class        what the user reads\n{table}{} faults in one refresh: {took:.1?}",
        stage.sources.len()
    );
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(took < Duration::from_secs(120), "{took:?}");
    assert_eq!(stage.place.rows(), rows, "entries and records are untouched");
    assert!(stage.place.tree() == tree, "published files are untouched");
    let after = stage.validators();
    for source in stage.sources.iter().filter(|source| matches!(source.expected, Expected::Fails(..) | Expected::Part)) {
        assert_eq!(after[source.name], validators[source.name], "{}", source.name);
    }
    // Whoever reads `status` afterwards finds the same sentences.
    let status = stage.run(LATER, &["status", "--json"]).expect(0).json();
    for source in status["sources"].as_array().unwrap() {
        assert_eq!(source["failure"]["why"].as_str().unwrap_or_default(), came_of[source["id"].as_str().unwrap()].why);
    }

    stage.mood.set_bad(false);
    let ran = stage.run(MUCH_LATER, &["refresh", "--json"]);
    for source in &stage.sources {
        let Came { outcome, why, .. } = &came(&ran)[source.name];
        // Two ports are gone for good.
        let is_right = matches!(source.name, "refused" | "black-hole")
            || match source.expected {
                // The validators of the last good answer earn a 304.
                Expected::Fails(..) | Expected::Part if !source.name.starts_with("unvalidated") => outcome == "unchanged",
                _ => outcome == "unchanged" || outcome == "succeeded",
            };
        assert!(is_right, "{}: {outcome} {why}", source.name);
    }
    assert_eq!(stage.place.rows(), rows);
    assert!(stage.place.tree() == tree);
}
