//! SIGKILL at random moments of a refresh: the next run converges on what an undisturbed run gives.

use std::time::{Duration, Instant};

use crate::common::{Origin, Place, shared};

/// A feed's text in three parts: before its entries, the entries, after them.
struct Document {
    path: String,
    head: String,
    entries: Vec<String>,
    tail: String,
}

impl Document {
    /// Cuts a feed into entries; `None` for a document without entries that can be cut by their tags.
    fn cut(path: String, text: &str) -> Option<Self> {
        let name = if text.contains("<entry") { "entry" } else { "item" };
        let (open, close) = (format!("<{name}"), format!("</{name}>"));
        let first = text.find(&open)?;
        let last = text.rfind(&close)? + close.len();
        let entries = text[first..last].split_inclusive(&close).map(str::to_owned).collect();
        Some(Self { path, head: text[..first].into(), entries, tail: text[last..].into() })
    }

    /// The document as it is in a round: its newest entries come in one after another.
    fn at(&self, round: usize, place: usize) -> String {
        let hidden = (4 + place % 5).saturating_sub(round / 2 + usize::from(round % 3 == place % 3));
        let hidden = hidden.min(self.entries.len().saturating_sub(1));
        format!("{}{}{}", self.head, self.entries[hidden..].concat(), self.tail)
    }
}

fn documents() -> Vec<Document> {
    if let Some(shared) = shared() {
        let mut files: Vec<_> = std::fs::read_dir(shared.join("data/live-feeds")).unwrap().flatten().map(|e| e.path()).collect();
        files.sort();
        files.retain(|f| f.extension().is_some_and(|e| e == "xml"));
        return files
            .iter()
            .enumerate()
            .filter_map(|(n, f)| Document::cut(format!("/{n}"), &String::from_utf8(std::fs::read(f).unwrap()).ok()?))
            .collect();
    }
    let feed = |n: usize| {
        let items: Vec<_> =
            (0..12).map(|i| (format!("g{n}-{i}"), format!("Telehealth news {i} of {n}"), format!("https://s{n}.example/{i}"))).collect();
        let items: Vec<_> = items.iter().map(|(g, t, l)| (g.as_str(), t.as_str(), l.as_str(), 1 + (n as u32 % 18))).collect();
        crate::common::rss(&format!("Source {n}"), &items)
    };
    (0..40).filter_map(|n| Document::cut(format!("/{n}"), &feed(n))).collect()
}

const TOPICS: &str = r#"
[[topic]]
category = "Test: Health"
any = ["health", "telehealth", "hospital", "patient"]

[[topic]]
category = "Test: Technology"
any = ["software", "computer", "code", "program", "data"]

[[topic]]
category = "Test: People"
any = ["people", "women", "men", "family", "music", "book"]
"#;

/// xorshift: kills are spread by a seed that is printed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }
}

fn torture(kills: usize, seed: u64) {
    println!("seed {seed}: TOPICWIRE_KILLS={kills} TOPICWIRE_SEED={seed} cargo test --test program kill -- --ignored --nocapture");
    let documents = documents();
    let origin = Origin::start();
    let sources: Vec<_> = documents.iter().map(|d| (format!("s{}", &d.path[1..]), origin.url(&d.path))).collect();
    let (undisturbed, killed) = (Place::new(&origin, &sources, TOPICS), Place::new(&origin, &sources, TOPICS));
    let mut chance = Chance(seed | 1);
    let mut longest = Duration::from_millis(300);
    let mut hit = 0;
    for round in 0..kills {
        let version = round % 12;
        if version == 0 {
            // A fresh pair now and then: the first run of all is the one with most to lose.
            for place in [&undisturbed, &killed] {
                let _ = std::fs::remove_dir_all(place.path().join("output"));
                for file in ["topicwire.db", "topicwire.db-wal", "topicwire.db-shm"] {
                    let _ = std::fs::remove_file(place.path().join(file));
                }
            }
        }
        for (place, document) in documents.iter().enumerate() {
            origin.put(&document.path, "application/xml", document.at(version, place));
        }
        let now = format!("2026-11-20T12:{:02}:00Z", version);
        let began = Instant::now();
        let ran = undisturbed.run_at(&now, &["refresh"]);
        assert!(matches!(ran.code, Some(0 | 3)), "{ran:?}");
        longest = if version <= 1 { began.elapsed() } else { longest.max(began.elapsed()) };

        let mut child =
            killed.command(&now, &["refresh"]).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
        let moment = Duration::from_micros(chance.below(longest.as_micros() as u64));
        let began = Instant::now();
        while began.elapsed() < moment && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_micros(200));
        }
        hit += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        for (path, bytes) in killed.tree() {
            let torn = path.ends_with(".atom") && !bytes.ends_with(b"</feed>") && !bytes.ends_with(b"</feed>\n");
            assert!(!torn, "round {round}: {path} is torn after a kill at {moment:?}");
        }

        let ran = killed.run_at(&now, &["refresh"]);
        assert!(matches!(ran.code, Some(0 | 3)), "{ran:?}");
        let (expected, found) = (undisturbed.tree(), killed.tree());
        assert_eq!(
            expected.keys().collect::<Vec<_>>(),
            found.keys().collect::<Vec<_>>(),
            "round {round}: other files after a kill at {moment:?}"
        );
        for (path, bytes) in &expected {
            let same = found[path] == *bytes;
            assert!(same, "round {round}: {path} differs after a kill at {moment:?}\n{}", difference(bytes, &found[path]));
        }
    }
    println!("{kills} kills ({hit} before the process had ended), {} sources: every tree converged", documents.len());
    // A file that a killed publication left, or did not, is nobody's edit.
    assert!(!killed.path().join("overrides.toml").exists(), "a kill was taken for an editor");
    assert!(hit > 0 || kills == 0, "no kill came in time");
}

/// The first line that differs.
fn difference(expected: &[u8], found: &[u8]) -> String {
    let (expected, found) = (String::from_utf8_lossy(expected), String::from_utf8_lossy(found));
    let mut lines = expected.lines().zip(found.lines()).filter(|(a, b)| a != b);
    lines.next().map_or_else(|| "one is longer".into(), |(a, b)| format!("expected {a}\nfound    {b}"))
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

#[test]
fn twenty_kills_lose_nothing() {
    torture(20, 20_261_121);
}

/// The long run: `TOPICWIRE_KILLS=200 cargo test --test program kill -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes; a command of its own"]
fn many_kills_lose_nothing() {
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    torture(number("TOPICWIRE_KILLS", 200) as usize, number("TOPICWIRE_SEED", seed));
}
