//! Tests of the whole reader.

use super::*;
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

fn shared() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    std::env::var_os("TOPICWIRE_SHARED").map(PathBuf::from).into_iter().chain([beside]).find(|path| path.join("data").is_dir())
}

/// All files below a folder, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn context<'a>(url: Option<&'a Url>, content_type: Option<&'a str>) -> Context<'a> {
    Context { url, content_type, time_zone: Tz::UTC, language: None }
}

/// Where a report is left for `score-parse` and for people.
fn report(name: &str) -> std::fs::File {
    std::fs::File::create(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target").join(name)).unwrap()
}

#[test]
fn feedparser_cases_are_read_without_a_fault_of_ours() {
    let Some(shared) = shared() else { return println!("skipped: no ../shared") };
    let cases = shared.join("data/feedparser-cases");
    let expected = std::fs::read_to_string(cases.join("expect.jsonl")).unwrap();
    let headers: HashMap<String, serde_json::Value> = expected
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|case| (case["file"].as_str().unwrap().to_owned(), case["headers"].clone()))
        .collect();
    let (mut told, mut untold) = (report("score.jsonl"), report("score-untold.jsonl"));
    for path in files(&cases).iter().filter(|path| !path.ends_with("expect.jsonl")) {
        let name = path.strip_prefix(&cases).unwrap().to_str().unwrap();
        let bytes = std::fs::read(path).unwrap();
        let header = |key: &str| headers.get(name).and_then(|headers| headers[key].as_str()).map(str::to_owned);
        // Where feedparser's own test server has the file.
        let document = Url::parse(&format!("http://127.0.0.1:8097/tests/{name}")).unwrap();
        let url = header("content-location").and_then(|location| document.join(&location).ok()).unwrap_or(document);
        let (content_type, language) = (header("content-type"), header("content-language"));
        let known = Context { language: language.as_deref(), ..context(Some(&url), content_type.as_deref()) };
        for (outcome, report) in [(read(&bytes, &known), &mut told), (read(&bytes, &context(None, None)), &mut untold)] {
            assert_ne!(outcome.as_ref().err().map(ReadError::class), Some("internal"), "{name}");
            writeln!(report, "{}", to_jsonl(&format!("feedparser-cases/{name}"), &outcome)).unwrap();
        }
    }
}

#[test]
fn every_live_feed_gives_its_entries() {
    let Some(shared) = shared() else { return println!("skipped: no ../shared") };
    let folder = shared.join("data/live-feeds");
    let urls: HashMap<String, String> = serde_json::from_slice(&std::fs::read(folder.join("urls.json")).unwrap()).unwrap();
    let mut report = report("live.jsonl");
    for path in files(&folder).iter().filter(|path| path.extension().is_some_and(|extension| extension == "xml")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let bytes = std::fs::read(path).unwrap();
        let url = urls.get(name).and_then(|url| Url::parse(url).ok());
        let outcome = read(&bytes, &context(url.as_ref(), None));
        writeln!(report, "{}", to_jsonl(name, &outcome)).unwrap();
        let feed = outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!feed.entries.is_empty(), "{name}");
        // An independent count: start tags of items in the raw bytes, outside of comments and sections in all but a few feeds.
        let raw = String::from_utf8_lossy(&bytes);
        let tags = |name: &str| raw.matches(&format!("<{name}>")).count() + raw.matches(&format!("<{name} ")).count();
        let counted = tags("item").max(tags("entry"));
        assert_eq!(feed.entries.len(), counted, "{name}");
    }
}

#[test]
fn odd_feeds_are_read_or_refused_without_a_fault_of_ours() {
    let Some(shared) = shared() else { return println!("skipped: no ../shared") };
    let folder = shared.join("data/odd-feeds");
    let mut report = report("odd.jsonl");
    for path in files(&folder) {
        let name = path.strip_prefix(&folder).unwrap().to_str().unwrap();
        let outcome = read(&std::fs::read(&path).unwrap(), &context(None, None));
        assert_ne!(outcome.as_ref().err().map(ReadError::class), Some("internal"), "{name}");
        writeln!(report, "{}", to_jsonl(name, &outcome)).unwrap();
    }
}
