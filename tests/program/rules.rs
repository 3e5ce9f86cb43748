//! Rules tried on given articles, and what editors' tags teach.

use std::process::Command;

use crate::common::Ran;

fn run(dir: &std::path::Path, arguments: &[&str]) -> Ran {
    Ran::from(
        Command::new(env!("CARGO_BIN_EXE_topicwire")).args(["--config", "topics.toml"]).args(arguments).current_dir(dir).output().unwrap(),
    )
}

const TOPICS: &str = "[[topic]]\ncategory = \"A: Security\"\nthreshold = 4\nany = [\"phishing\", \"title:hack\"]\nfrom = [\"cyber\"]\n\
                      [[topic]]\ncategory = \"A: Genes\"\nany = [\"gene therapy\"]\n";

#[test]
fn classify_tells_topics_and_reasons_a_line_each() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("topics.toml"), TOPICS).unwrap();
    let articles = "{\"title\": \"Phishing <b>again</b>\", \"content\": \"<p>a hack</p>\"}\n\n{\"title\": \"Gene therapies\", \"language\": \"en\"}\n\
                    {\"summary\": \"phishing\", \"url\": null}\n{\"categories\": [\"Cyber\"]}\n{}\n";
    std::fs::write(dir.path().join("in.jsonl"), articles).unwrap();
    let ran = run(dir.path(), &["classify", "in.jsonl", "--json"]).expect(0);
    let lines: Vec<serde_json::Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 5);
    let first = &lines[0]["topics"][0];
    assert_eq!((&first["category"], &first["score"], &first["by"]), (&"A: Security".into(), &4.into(), &"rule".into()));
    let hit = serde_json::json!({"term": "phishing", "list": "any", "field": "title", "at": 0, "text": "Phishing", "points": 4});
    assert_eq!(first["matched"], serde_json::json!([hit]));
    assert_eq!(lines[1]["topics"][0]["category"], "A: Genes");
    assert_eq!(lines[2], serde_json::json!({"topics": []}));
    assert_eq!(lines[3]["topics"][0]["by"], "publisher's category");
    assert_eq!(lines[4], serde_json::json!({"topics": []}));
    let ran = run(dir.path(), &["classify", "in.jsonl"]).expect(0);
    assert!(ran.out.contains("nearly  A: Security") && ran.out.contains("score 2, threshold 4"), "{}", ran.out);
}

#[test]
fn what_cannot_be_classified_is_told_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("topics.toml"), TOPICS).unwrap();
    std::fs::write(dir.path().join("in.jsonl"), "{}\n[1]\n").unwrap();
    let ran = run(dir.path(), &["classify", "in.jsonl"]).expect(2);
    assert!(ran.err.contains("in.jsonl:2: no JSON object; write one article a line"), "{}", ran.err);
    run(dir.path(), &["classify", "none.jsonl"]).expect(1);
    std::fs::write(dir.path().join("topics.toml"), TOPICS.replace("threshold = 4", "threshold = 400")).unwrap();
    let ran = run(dir.path(), &["classify", "in.jsonl"]).expect(2);
    assert!(ran.err.contains("topics.toml:3:13: topic \"A: Security\" can never match"), "{}", ran.err);
}

#[test]
fn a_model_is_learned_twice_to_the_byte_and_says_when_it_speaks() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    std::fs::write(path("topics.toml"), TOPICS).unwrap();
    let line = |n: usize, title: &str, tag: &str| format!("{{\"title\": \"{title} number{n}\", \"tags\": [\"{tag}\"]}}\n");
    let lessons: String =
        (0..20).flat_map(|n| [line(n, "ransomware strikes hospital", "cyber"), line(n, "genome read anew", "Genes")]).collect();
    std::fs::write(path("lessons.jsonl"), &lessons).unwrap();
    let ran = run(dir.path(), &["learn", "lessons.jsonl", "-o", "model.tsv"]).expect(0);
    assert!(ran.out.contains("learned from 40 articles, 40 of them with topics") && ran.out.contains("  0.85 "), "{}", ran.out);
    run(dir.path(), &["learn", "lessons.jsonl", "-o", "again.tsv"]).expect(0);
    assert_eq!(std::fs::read(path("model.tsv")).unwrap(), std::fs::read(path("again.tsv")).unwrap());

    std::fs::write(path("in.jsonl"), "{\"title\": \"ransomware strikes\"}\n").unwrap();
    let ran = run(dir.path(), &["classify", "in.jsonl", "--json"]).expect(0);
    assert_eq!(ran.out, "{\"topics\":[]}\n", "off unless it is configured");
    std::fs::write(path("topics.toml"), format!("[site]\nmodel = \"model.tsv\"\nmodel_confidence = 0.8\n{TOPICS}")).unwrap();
    let ran = run(dir.path(), &["classify", "in.jsonl", "--json"]).expect(0);
    let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(told["topics"][0]["category"], "A: Security");
    assert!(told["topics"][0]["by"].as_str().unwrap().starts_with("model 0."), "{told}");

    std::fs::write(path("few.jsonl"), "{\"title\": \"x\", \"tags\": [\"other\"]}\n").unwrap();
    let ran = run(dir.path(), &["learn", "few.jsonl", "-o", "none.tsv"]).expect(2);
    assert!(ran.err.contains("0 articles have a topic") && !path("none.tsv").exists(), "{}", ran.err);
}
