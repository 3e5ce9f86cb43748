//! Real input: the captured feeds of `../shared/data/live-feeds`, served from loopback.

use crate::common::{Origin, Place, shared};

#[test]
fn every_captured_feed_is_taken_and_an_unchanged_one_costs_nothing() {
    let Some(shared) = shared() else { return };
    let folder = shared.join("data/live-feeds");
    let mut files: Vec<String> =
        std::fs::read_dir(&folder).unwrap().flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    files.retain(|f| f.ends_with(".xml"));
    files.sort();
    let origin = Origin::start();
    let sources: Vec<_> = files.iter().map(|f| (format!("s-{}", f.trim_end_matches(".xml")), origin.url(&format!("/{f}")))).collect();
    for file in &files {
        origin.put(&format!("/{file}"), "application/xml", std::fs::read(folder.join(file)).unwrap());
    }
    let topics = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("feeds.toml")).unwrap();
    let topics = &topics[topics.find("\n[[topic]]").unwrap()..];
    let place = Place::new(&origin, &sources, topics);

    let first = place.run(&["refresh", "--json"]);
    let polled = first.json();
    let polled = polled["sources"].as_array().unwrap();
    let sum = |key: &str| polled.iter().map(|s| s[key].as_u64().unwrap()).sum::<u64>();
    let failed: Vec<_> =
        polled.iter().filter(|s| !s["failure"].is_null()).map(|s| format!("{}: {}", s["id"], s["failure"]["why"])).collect();
    let status = place.run(&["status", "--json"]).json();
    let kept = |key: &str| status["sources"].as_array().unwrap().iter().map(|s| s[key].as_u64().unwrap()).sum::<u64>();
    println!(
        "{} feeds, {} entries listed, {} new, {} kept, {} records, {} failed: {failed:#?}",
        polled.len(),
        sum("listed"),
        sum("new"),
        kept("entries"),
        kept("records"),
        failed.len()
    );
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(polled.iter().all(|s| s["listed"].as_u64().unwrap() > 0));

    println!("{} published feed documents and lists: no errors, no warnings", crate::feeds::validate(&place.path().join("output")));

    let (tree, rows) = (place.tree(), place.rows());
    let second = place.run_at("2026-11-20T13:00:00Z", &["refresh", "--json"]).expect(0).json();
    assert!(second["sources"].as_array().unwrap().iter().all(|s| s["outcome"] == "unchanged" && s["status"] == 304));
    assert_eq!(origin.all_hits().not_modified, files.len());
    assert!(place.tree() == tree, "an unchanged refresh changed a published byte");
    assert!(place.rows() == rows, "an unchanged refresh changed a row besides the poll records");
}
