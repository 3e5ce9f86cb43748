//! `topicwire learn`.

use std::collections::HashMap;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::classify::{Given, objects, texts};
use super::{CommandError, Context, Exit, Result, print, print_json};
use crate::config::{self, Topic};
use crate::io::file;
use crate::stage::classify::{Figures, Lesson, cross_validate, folded, learn};
use crate::store::Store;
use crate::store::sqlite::SqliteStore;

/// Confidences that figures are told for.
const CONFIDENCES: [f64; 5] = [0.3, 0.5, 0.7, 0.85, 0.95];

/// Fewest articles with a topic that there is anything to learn from.
const TAGGED_MIN: usize = 10;

/// Records read at once.
const RECORDS_AT_ONCE: usize = 500;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Articles that editors have tagged, one a line as JSON: title, summary, content, and their topics (or tags); the store's
    /// records if absent
    #[arg(value_name = "FILE.jsonl")]
    file: Option<PathBuf>,
    /// Where to write the model
    #[arg(short, long, value_name = "MODEL")]
    output: PathBuf,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

/// Learns a model of the configuration's topics and tells how it does on articles that it has not seen.
pub(super) fn run(context: &Context, options: &Options) -> Result {
    let (topics, lessons) = match &options.file {
        Some(path) => {
            let (topics, _) = config::load_topics(&context.config)?;
            let names = names(&topics);
            let lesson = |object| {
                let given = Given::read(object);
                let tags = texts(object, &["topics", "tags"]);
                Lesson { topics: indexes(&names, &tags), title: given.title, summary: given.summary, content: given.content }
            };
            let lessons = objects(path)?.iter().map(lesson).collect();
            (topics, lessons)
        }
        None => stored(context)?,
    };
    let tagged = lessons.iter().filter(|lesson: &&Lesson| !lesson.topics.is_empty()).count();
    if tagged < TAGGED_MIN {
        let what = format!("{tagged} articles have a topic of {}, and {TAGGED_MIN} are needed to learn from", context.config.display());
        let remedy = "their topics or tags must be categories or labels of [[topic]], or stand under its from";
        return Err(CommandError::Usage(format!("{what}; {remedy}")));
    }
    let categories: Vec<String> = topics.into_iter().map(|topic| topic.category).collect();
    let figures = cross_validate(&categories, &lessons, &CONFIDENCES);
    let model = learn(&categories, &lessons);
    let what = format!("cannot write {}", options.output.display());
    file::write(&options.output, model.to_text().as_bytes()).map_err(CommandError::io(what))?;
    let rows: Vec<(f64, Figures)> = CONFIDENCES.into_iter().zip(figures).collect();
    if options.json {
        let row = |(confidence, f): &(f64, Figures)| -> Value {
            json!({"confidence": confidence, "precision": f.precision(), "recall": f.recall(), "f1": f.f1()})
        };
        print_json(&json!({"articles": lessons.len(), "tagged": tagged, "figures": rows.iter().map(row).collect::<Vec<_>>()}));
        return Ok(Exit::Well);
    }
    print(&format!("{}: learned from {} articles, {tagged} of them with topics\n", options.output.display(), lessons.len()));
    print("on articles not seen (five-fold, all topics together):\n  confidence  precision  recall  F1\n");
    for (confidence, f) in rows {
        print(&format!("  {confidence:<10.2}  {:<9.2}  {:<6.2}  {:.2}\n", f.precision(), f.recall(), f.f1()));
    }
    print("to use it, set model and model_confidence in [site]\n");
    Ok(Exit::Well)
}

/// What editors may call each topic, folded: its category, its label, and what its rule takes it from.
fn names(topics: &[Topic]) -> HashMap<String, Vec<usize>> {
    let mut names: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, topic) in topics.iter().enumerate() {
        for name in [&topic.category, &topic.label].into_iter().chain(&topic.from) {
            names.entry(folded(name)).or_default().push(index);
        }
    }
    names
}

fn indexes(names: &HashMap<String, Vec<usize>>, tags: &[String]) -> Vec<usize> {
    let mut indexes: Vec<usize> = tags.iter().filter_map(|tag| names.get(&folded(tag))).flatten().copied().collect();
    indexes.sort_unstable();
    indexes.dedup();
    indexes
}

/// The store's records with their topics as they are published.
fn stored(context: &Context) -> Result<(Vec<Topic>, Vec<Lesson>)> {
    let site = context.site()?;
    let none = || CommandError::Usage(format!("there is no store {} to learn from; give a file of articles", site.store.display()));
    let store = SqliteStore::open_to_read(&site.store)?.ok_or_else(none)?;
    let slugs: HashMap<&str, usize> = site.topics.iter().enumerate().map(|(index, topic)| (topic.slug.as_str(), index)).collect();
    let mut lessons = Vec::new();
    let mut after = Some(0);
    while let Some(number) = after {
        after = store.records_after(number, RECORDS_AT_ONCE, &mut |record| {
            let topics = record.draft.topics.iter().filter_map(|topic| slugs.get(topic.slug.as_str()).copied()).collect();
            lessons.push(Lesson { title: record.draft.title, summary: record.draft.summary, content: String::new(), topics });
        })?;
    }
    Ok((site.topics, lessons))
}
