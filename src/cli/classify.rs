//! `topicwire classify`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use super::{CommandError, Context, Exit, Result, print, print_json};
use crate::config;
use crate::entry::{Text, TextKind};
use crate::io::file;
use crate::reason;
use crate::stage::classify::{Article, Classifier};
use crate::stage::text;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// An article a line, as JSON: title, url, summary, content, categories, language; any of them may be missing
    #[arg(value_name = "FILE.jsonl")]
    file: PathBuf,
    /// Print a line of JSON for each: {"topics": [{"category", "score", "by", "matched"}]}
    #[arg(long)]
    json: bool,
}

/// Tells each article's topics and why. The configuration needs to have nothing but topics.
pub(super) fn run(context: &Context, options: &Options) -> Result {
    let (topics, learned) = config::load_topics(&context.config)?;
    let classifier = Classifier::of(&topics, learned.as_ref()).map_err(|e| CommandError::Usage(e.to_string()))?;
    for object in objects(&options.file)? {
        let given = Given::read(&object);
        let reasons = classifier.explain(&given.article());
        if options.json {
            let topics = reasons.iter().filter(|reason| reason.matched).map(|reason| {
                json!({
                    "category": reason::category(&topics, reason.topic),
                    "score": reason.score,
                    "by": reason.by.map(|by| by.words(&topics)),
                    "matched": reason.hits.iter().map(reason::hit).collect::<Vec<_>>(),
                })
            });
            print_json(&json!({"topics": topics.collect::<Vec<_>>()}));
            continue;
        }
        let mut out = format!("{}\n", if given.title.is_empty() { &given.url } else { &given.title });
        for reason in &reasons {
            let kind = if reason.matched { "topic" } else { "nearly" };
            let _ = writeln!(out, "  {kind:<7} {}", reason::category(&topics, reason.topic));
            for line in reason::as_lines(&topics, reason) {
                let _ = writeln!(out, "        {line}");
            }
        }
        if !reasons.iter().any(|reason| reason.matched) {
            let _ = writeln!(out, "  no topic");
        }
        print(&out);
    }
    Ok(Exit::Well)
}

/// The objects of a file of JSON lines; blank lines are passed over.
pub(super) fn objects(path: &Path) -> Result<Vec<Map<String, Value>>> {
    let bytes = file::read(path).map_err(CommandError::io(format!("cannot read {}", path.display())))?;
    let text = String::from_utf8_lossy(&bytes);
    let mut objects = Vec::new();
    for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |why: String| {
            let what = "write one article a line, such as {\"title\": \"…\", \"summary\": \"…\"}";
            CommandError::Usage(format!("{}:{}: {why}; {what}", path.display(), at + 1))
        };
        match serde_json::from_str(line) {
            Ok(Value::Object(object)) => objects.push(object),
            Ok(_) => return Err(wrong("no JSON object".to_owned())),
            Err(error) => return Err(wrong(format!("not readable as JSON: {error}"))),
        }
    }
    Ok(objects)
}

/// An article of such a file, in plain text.
pub(super) struct Given {
    pub(super) title: String,
    pub(super) summary: String,
    pub(super) content: String,
    url: String,
    categories: Vec<String>,
    authors: Vec<String>,
    source: Vec<String>,
    language: Option<String>,
}

impl Given {
    pub(super) fn read(object: &Map<String, Value>) -> Self {
        let one = |keys: &[&str]| texts(object, keys).into_iter().next().unwrap_or_default();
        Self {
            title: one(&["title"]),
            summary: one(&["summary", "description"]),
            content: one(&["content", "body"]),
            url: one(&["url", "link"]),
            categories: texts(object, &["categories"]),
            authors: texts(object, &["authors", "author"]),
            source: texts(object, &["source"]),
            language: Some(one(&["language"])).filter(|language| !language.is_empty()),
        }
    }

    fn article(&self) -> Article<'_> {
        Article {
            title: &self.title,
            summary: &self.summary,
            content: &self.content,
            categories: &self.categories,
            url: &self.url,
            authors: &self.authors,
            source: &self.source,
            language: self.language.as_deref(),
            fixed: &[],
            reserved: false,
        }
    }
}

/// The text, or texts, under the first of the keys that is there, without markup.
pub(super) fn texts(object: &Map<String, Value>, keys: &[&str]) -> Vec<String> {
    let plain = |value: &Value| {
        let value = value.as_str()?.to_owned();
        Some(text::plain(&Text { value, kind: TextKind::Html }))
    };
    match keys.iter().find_map(|key| object.get(*key).filter(|value| !value.is_null())) {
        Some(Value::Array(values)) => values.iter().filter_map(plain).collect(),
        Some(value) => plain(value).into_iter().collect(),
        None => Vec::new(),
    }
}
