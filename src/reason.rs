//! Reasons for topics, as JSON and for people.

use serde_json::{Value, json};

use crate::config::Topic;
use crate::stage::classify::{Explanation, Field, Hit, List};

/// One topic with its reasons, as `explain --json` has it.
pub(crate) fn as_json(topics: &[Topic], reason: &Explanation) -> Value {
    json!({
        "category": category(topics, reason.topic),
        "matched": reason.matched,
        "score": reason.score,
        "by": reason.by.map(|by| by.words(topics)),
        "threshold": reason.threshold,
        "hits": reason.hits.iter().map(hit).collect::<Vec<_>>(),
        "missing": reason.missing,
        "model": reason.vote,
    })
}

/// A word that was found.
pub(crate) fn hit(hit: &Hit) -> Value {
    json!({"term": hit.term, "list": hit.list, "field": hit.field.name(), "at": hit.start, "text": hit.text, "points": hit.points})
}

/// The reasons in indented lines.
pub(crate) fn as_lines(topics: &[Topic], reason: &Explanation) -> Vec<String> {
    let mut lines: Vec<String> = reason.hits.iter().map(found).collect();
    lines.extend(reason.missing.iter().map(|term| format!("  all \"{term}\" does not occur")));
    let wants_any = !reason.matched && !reason.hits.iter().any(|hit| hit.list == List::Any);
    if wants_any && topics.get(reason.topic).is_some_and(|topic| !topic.rule.any.is_empty()) {
        lines.push("  nothing under any occurs".to_owned());
    }
    let threshold = reason.threshold.map(|threshold| format!(", threshold {threshold}")).unwrap_or_default();
    let by = reason.by.map(|by| format!(", by {}", by.words(topics))).unwrap_or_default();
    let vote = reason.vote.map(|vote| format!(", the model's vote {vote:.2}")).unwrap_or_default();
    lines.push(format!("  score {}{threshold}{by}{vote}", reason.score));
    lines
}

/// A topic's category.
pub(crate) fn category(topics: &[Topic], topic: usize) -> &str {
    topics.get(topic).map_or("?", |topic| topic.category.as_str())
}

fn found(hit: &Hit) -> String {
    let place = match hit.field {
        Field::Category(_) if hit.list == List::From => String::new(),
        _ => format!(" at {}", hit.start),
    };
    let points = if hit.points == 0 { String::new() } else { format!(" ({:+})", hit.points) };
    format!("  {} \"{}\" in the {}{place}: \"{}\"{points}", hit.list.name(), hit.term, hit.field.name(), hit.text)
}
