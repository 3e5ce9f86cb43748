//! A publisher on loopback and a site that follows it, for tests through the binary.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

/// The moment at which tests hold the clock.
pub(crate) const NOW: &str = "2026-11-20T12:00:00Z";

/// What the publisher answers for one path.
#[derive(Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hits {
    pub(crate) requests: usize,
    pub(crate) conditional: usize,
    pub(crate) not_modified: usize,
}

#[derive(Default)]
struct State {
    answers: HashMap<String, Answer>,
    hits: HashMap<String, Hits>,
    last_headers: HashMap<String, Vec<String>>,
}

/// A publisher on loopback. It answers conditional requests as RFC 9110 says, and counts.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Origin {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || {
                    let _ = answer(stream, &shared);
                });
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Publishes a body at a path with both validators, made from its bytes.
    pub(crate) fn put(&self, path: &str, content_type: &str, body: impl Into<Vec<u8>>) {
        let body = body.into();
        let sum = body.iter().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
        let headers = vec![
            ("Content-Type".into(), content_type.into()),
            ("ETag".into(), format!("W/\"{sum:x} x\"")),
            ("Last-Modified".into(), format!("Wed, 18 Nov 2026 {:02}:{:02}:00 GMT", sum % 24, sum / 24 % 60)),
        ];
        self.answer(path, Answer { status: 200, headers, body });
    }

    pub(crate) fn answer(&self, path: &str, answer: Answer) {
        self.state.lock().unwrap().answers.insert(path.into(), answer);
    }

    pub(crate) fn hits(&self, path: &str) -> Hits {
        self.state.lock().unwrap().hits.get(path).copied().unwrap_or_default()
    }

    pub(crate) fn all_hits(&self) -> Hits {
        let state = self.state.lock().unwrap();
        state.hits.values().fold(Hits::default(), |a, b| Hits {
            requests: a.requests + b.requests,
            conditional: a.conditional + b.conditional,
            not_modified: a.not_modified + b.not_modified,
        })
    }

    /// Header lines of the last request for a path.
    pub(crate) fn last_headers(&self, path: &str) -> Vec<String> {
        self.state.lock().unwrap().last_headers.get(path).cloned().unwrap_or_default()
    }
}

fn answer(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let path = first.split(' ').nth(1).unwrap_or("/").to_owned();
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if line.trim_end().is_empty() {
                break;
            }
            headers.push(line.trim_end().to_owned());
        }
        let value = |name: &str| {
            headers.iter().find_map(|h| h.split_once(':').filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim().to_owned()))
        };
        let (etag, since) = (value("if-none-match"), value("if-modified-since"));
        let (answer, not_modified) = {
            let mut state = state.lock().unwrap();
            let answer = state.answers.get(&path).cloned().unwrap_or(Answer { status: 404, ..Answer::default() });
            let own = |name: &str| answer.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
            let not_modified = match (&etag, &since) {
                (Some(tag), _) => own("ETag").as_ref() == Some(tag),
                (None, Some(since)) => own("Last-Modified").as_ref() == Some(since),
                _ => false,
            };
            let hits = state.hits.entry(path.clone()).or_default();
            hits.requests += 1;
            hits.conditional += usize::from(etag.is_some() || since.is_some());
            hits.not_modified += usize::from(not_modified);
            state.last_headers.insert(path, headers);
            (answer, not_modified)
        };
        let (status, body) = if not_modified { (304, &[][..]) } else { (answer.status, answer.body.as_slice()) };
        let mut head = format!("HTTP/1.1 {status} X\r\n");
        for (name, value) in &answer.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if status != 304 {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        head += "\r\n";
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
    }
}

/// A folder with a `feeds.toml` in it.
pub(crate) struct Place {
    pub(crate) dir: tempfile::TempDir,
}

impl Place {
    /// A site on these sources (id, URL) that may reach the origin, with `rest` after its `[fetch]`.
    pub(crate) fn new(origin: &Origin, sources: &[(String, String)], rest: &str) -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        place.configure(origin, sources, rest);
        place
    }

    pub(crate) fn configure(&self, origin: &Origin, sources: &[(String, String)], rest: &str) {
        let mut config = format!(
            "[site]\ntitle = \"Test wire\"\nbase_url = \"https://wire.example/\"\ncurator = \"Desk\"\n\n\
             [fetch]\nallow = [\"127.0.0.0/8\"]\nports = [{}]\nhost_gap = \"0s\"\nfloor = \"0s\"\n\n\
             [defaults]\nenrich = \"never\"\n\n",
            origin.address.port()
        );
        for (id, url) in sources {
            config += &format!("[[source]]\nid = \"{id}\"\nurl = \"{url}\"\n\n");
        }
        std::fs::write(self.config(), config + rest).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path().join("feeds.toml")
    }

    pub(crate) fn command(&self, now: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_topicwire"));
        command.args(arguments).arg("--config").arg(self.config()).args(["--now", now]).current_dir(self.path());
        command
    }

    /// Runs the program in this folder, with the clock held.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_at(NOW, arguments)
    }

    pub(crate) fn run_at(&self, now: &str, arguments: &[&str]) -> Ran {
        Ran::from(self.command(now, arguments).output().unwrap())
    }

    /// Every published file with its bytes.
    pub(crate) fn tree(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        walk(&self.path().join("output"), &mut |path, bytes| {
            files.insert(path.strip_prefix(self.path()).unwrap().display().to_string(), bytes);
        });
        files
    }

    /// A published file as text.
    pub(crate) fn published(&self, path: &str) -> String {
        std::fs::read_to_string(self.path().join("output").join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
    }

    /// Every row of the store but the poll records, as text.
    pub(crate) fn rows(&self) -> String {
        let store = rusqlite::Connection::open(self.path().join("topicwire.db")).unwrap();
        let mut all = String::new();
        for table in ["meta", "source", "entry", "record", "draft", "record_topic", "topic"] {
            let mut statement = store.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2")).unwrap();
            let columns = statement.column_count();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                all += table;
                for n in 0..columns {
                    all += &format!("|{:?}", row.get_ref(n).unwrap());
                }
                all.push('\n');
            }
        }
        all
    }
}

fn walk(dir: &Path, see: &mut dyn FnMut(&Path, Vec<u8>)) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() { walk(&path, see) } else { see(&path, std::fs::read(&path).unwrap()) }
    }
}

/// What a run of the program left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    /// Asserts the exit code and shows everything where it is another.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }
}

/// An RSS feed with these items: (guid, title, link, day of November 2026).
pub(crate) fn rss(title: &str, items: &[(&str, &str, &str, u32)]) -> String {
    let mut body = format!("<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>{title}</title><link>https://news.example/</link>");
    for (guid, title, link, day) in items {
        body += &format!(
            "<item><guid isPermaLink=\"false\">{guid}</guid><title>{title}</title><link>{link}</link>\
             <pubDate>{day:02} Nov 2026 08:00:00 GMT</pubDate><description>About {title}.</description></item>"
        );
    }
    body + "</channel></rss>"
}

/// The folder with other people's feeds, where there is one.
pub(crate) fn shared() -> Option<PathBuf> {
    let shared =
        std::env::var_os("TOPICWIRE_SHARED").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let found = shared.join("data").is_dir();
    if !found {
        println!("skipped: no ../shared");
    }
    found.then_some(shared)
}
