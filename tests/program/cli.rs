//! Arguments, exit codes and the sentences that users read.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use crate::common::{Origin, Place, Ran, rss};

fn bare(dir: &std::path::Path, arguments: &[&str]) -> Ran {
    Ran::from(Command::new(env!("CARGO_BIN_EXE_topicwire")).args(arguments).current_dir(dir).output().unwrap())
}

#[test]
fn init_writes_a_configuration_that_checks_and_never_overwrites() {
    let dir = tempfile::tempdir().unwrap();
    bare(dir.path(), &["init"]).expect(0);
    let ran = bare(dir.path(), &["check"]).expect(0);
    assert!(ran.out.contains("no problems"), "{}", ran.out);
    let written = std::fs::read(dir.path().join("feeds.toml")).unwrap();
    let ran = bare(dir.path(), &["init"]).expect(1);
    assert!(ran.err.contains("it is there already"), "{}", ran.err);
    assert_eq!(std::fs::read(dir.path().join("feeds.toml")).unwrap(), written);
}

#[test]
fn the_shipped_configuration_checks() {
    let ran = bare(std::path::Path::new(env!("CARGO_MANIFEST_DIR")), &["check"]).expect(0);
    assert!(ran.out.starts_with("feeds.toml: 4 sources, "), "{}", ran.out);
}

#[test]
fn check_tells_every_problem_with_its_line_and_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let config = "[site]\ntitle = \"T\"\nbase_url = \"nowhere\"\n\n[[source]]\nid = \"a\"\nurl = \"ftp://x.example/\"\nshedule = \"1h\"\n";
    std::fs::write(dir.path().join("feeds.toml"), config).unwrap();
    let ran = bare(dir.path(), &["check"]).expect(2);
    for told in ["feeds.toml:3:", "feeds.toml:7:", "feeds.toml:8:", "did you mean \"schedule\"?"] {
        assert!(ran.err.contains(told), "{told} in\n{}", ran.err);
    }
}

#[test]
fn a_missing_configuration_is_the_users_to_mend() {
    let dir = tempfile::tempdir().unwrap();
    let ran = bare(dir.path(), &["refresh"]).expect(2);
    assert!(ran.err.contains("cannot read feeds.toml") && ran.err.contains("`topicwire init` writes one"), "{}", ran.err);
}

#[test]
fn an_unknown_source_is_a_usage_error_with_the_nearest_name() {
    let origin = Origin::start();
    let place = Place::new(&origin, &[("himss".into(), origin.url("/x"))], "");
    let ran = place.run(&["refresh", "himms"]).expect(2);
    assert!(ran.err.contains("no source named himms; did you mean himss?"), "{}", ran.err);
    place.run(&["nonsense"]).expect(2);
}

#[test]
fn the_second_process_says_who_holds_the_store() {
    let origin = Origin::start();
    let place = Place::new(&origin, &[("a".into(), origin.url("/x"))], "");
    let mut server = Server::start(&place);
    let ran = place.run(&["refresh"]).expect(1);
    assert!(ran.err.contains("in use by process") && ran.err.contains("`topicwire serve`"), "{}", ran.err);
    place.run(&["status"]).expect(0);
    let ran = place.run(&["retry", "a"]).expect(0);
    assert!(ran.out.contains("a: the running service polls within a minute"), "{}", ran.out);
    server.signal("-TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    assert!(place.run(&["refresh"]).code == Some(3));
}

#[test]
fn parse_shows_what_the_reader_makes_of_a_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("good.xml"), rss("News & more", &[("g1", "One", "https://n.example/1", 3)])).unwrap();
    std::fs::write(dir.path().join("bad.html"), "<html><title>Login</title></html>").unwrap();
    let ran = bare(dir.path(), &["parse", "--jsonl", "good.xml", "bad.html"]).expect(3);
    let lines: Vec<serde_json::Value> = ran.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!((&lines[0]["ok"], &lines[0]["kind"], &lines[0]["entries"][0]["id"]), (&true.into(), &"rss2".into(), &"g1".into()));
    assert_eq!((&lines[0]["entries"][0]["published"], &lines[0]["title"]["v"]), (&"2026-11-03T08:00:00Z".into(), &"News & more".into()));
    assert_eq!((&lines[1]["ok"], &lines[1]["file"]), (&false.into(), &"bad.html".into()));
    assert!(lines[1]["err"].as_str().unwrap().contains("Login"), "{}", lines[1]);
    let ran = bare(dir.path(), &["parse", "good.xml"]).expect(0);
    assert!(ran.out.contains("2026-11-03T08:00:00Z  One"), "{}", ran.out);
    bare(dir.path(), &["parse", "none.xml"]).expect(1);
}

/// A running `serve`, ended with the test.
pub(crate) struct Server {
    pub(crate) child: std::process::Child,
    address: String,
}

impl Server {
    pub(crate) fn start(place: &Place) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_topicwire"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(place.config());
        Self::from(command)
    }

    fn from(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = loop {
            let Some(Ok(line)) = lines.next() else { panic!("it ended before it served") };
            if let Some((_, rest)) = line.split_once("http://127.0.0.1:") {
                break format!("127.0.0.1:{}", rest.split('/').next().unwrap());
            }
        };
        // The rest is read so that the program never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Waits until a log line says so.
    pub(crate) fn until_logged(&mut self, words: &str) {
        let mut log = BufReader::new(self.child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "never logged {words:?}");
        }
        self.child.stderr = Some(log.into_inner());
    }

    pub(crate) fn signal(&mut self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const TOPIC: &str = "[[topic]]\ncategory = \"Test: Telehealth\"\nany = [\"telehealth\"]\n";

#[test]
fn serve_polls_publishes_serves_reloads_and_stops() {
    let origin = Origin::start();
    origin.put("/feed", "application/rss+xml", rss("News", &[("g1", "Telehealth grows", "https://n.example/1", 3)]));
    let sources = [("news".to_owned(), origin.url("/feed"))];
    let place = Place::new(&origin, &sources, TOPIC);
    let mut server = Server::start(&place);
    server.until_logged("published");
    let answer = server.get("/topic/test-telehealth/feed.atom");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.to_lowercase().contains("content-type: application/atom+xml; charset=utf-8"), "{answer}");
    assert!(answer.contains("Telehealth grows"), "{answer}");
    assert!(server.get("/topic/none/feed.atom").starts_with("HTTP/1.1 404"));

    place.configure(&origin, &sources, "[[topic]]\ncategory = 7\n");
    server.signal("-HUP");
    server.until_logged("the old one stays");
    assert!(server.get("/topic/test-telehealth/feed.atom").starts_with("HTTP/1.1 200"));
    place.configure(&origin, &sources, &TOPIC.replace("Test: Telehealth", "Test: Virtual care"));
    server.signal("-HUP");
    server.until_logged("configuration re-read");
    server.until_logged("published");
    assert!(server.get("/topic/test-virtual-care/feed.atom").contains("Telehealth grows"));

    server.signal("-TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    place.run(&["status"]).expect(0);
}

#[test]
fn the_demo_serves_three_bundled_sources_without_a_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_topicwire"));
    command.arg("demo").current_dir(dir.path());
    let mut server = Server::from(command);
    let index = server.get("/");
    assert!(index.contains("Remote patient monitoring cuts heart failure readmissions"), "{index}");
    assert!(server.get("/topic/healthcare-it-news-digital-health/feed.json").contains("Health Data Space"));
    server.signal("-INT");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left in the folder it was started in");
}
