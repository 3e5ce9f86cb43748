//! A small linear model of what editors have tagged: words and pairs of words in, a confidence for each topic out.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

/// The first line of a model's file; the number counts up when files are read otherwise.
const HEADER: &str = "topicwire-model\t1";

/// Weights are whole thousandths in the file, so that the same training gives the same bytes.
const UNIT: f64 = 1_000.0;

/// Longest word that is looked at, in characters.
const WORD_MAX_CHARS: usize = 40;

/// A model, as `topicwire learn` writes it: tab-separated, a topic with its bias or a feature with its weights a line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    pub(super) topics: Vec<(String, i32)>,
    pub(super) features: Vec<Feature>,
    known: HashMap<String, usize>,
}

/// A word, a pair of words, or one of these in the title (`t:`).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Feature {
    pub(super) name: String,
    /// What it counts in an article before the whole is brought to length 1, in thousandths: less, the more articles have it.
    pub(super) value: i32,
    /// By topic: its weight in thousandths.
    pub(super) weights: Vec<(usize, i32)>,
}

/// Why a file is no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} {what}")]
pub struct ModelError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

impl Model {
    pub(super) fn new(topics: Vec<(String, i32)>, features: Vec<Feature>) -> Self {
        let known = features.iter().enumerate().map(|(n, feature)| (feature.name.clone(), n)).collect();
        Self { topics, features, known }
    }

    /// Reads a model's file.
    ///
    /// # Errors
    /// The first line that is not what this version writes.
    pub fn parse(text: &str) -> Result<Self, ModelError> {
        let mut topics = Vec::new();
        let mut features = Vec::new();
        let mut seen = BTreeSet::new();
        for (at, line) in text.lines().enumerate() {
            let wrong = |what: &str| ModelError { line: at + 1, what: what.to_owned() };
            if at == 0 {
                if line != HEADER {
                    return Err(wrong("is not the beginning of a model that this version reads; run `topicwire learn` again"));
                }
                continue;
            }
            let mut parts = line.split('\t');
            match (parts.next(), parts.next(), parts.next().map(str::parse::<i32>)) {
                (Some("topic"), Some(category), Some(Ok(bias))) => topics.push((category.to_owned(), bias)),
                (Some("word"), Some(name), Some(Ok(value))) => {
                    let weight = |part: &str| {
                        let (topic, weight) = part.split_once(':')?;
                        Some((topic.parse().ok().filter(|topic| *topic < topics.len())?, weight.parse().ok()?))
                    };
                    let weights: Option<Vec<(usize, i32)>> = parts.map(weight).collect();
                    let weights = weights.ok_or_else(|| wrong("has a weight that is not \"topic:weight\" in whole numbers"))?;
                    if !seen.insert(name) {
                        return Err(wrong("has a word that was there before"));
                    }
                    features.push(Feature { name: name.to_owned(), value, weights });
                }
                _ => return Err(wrong("is neither a topic nor a word of a model")),
            }
        }
        if topics.is_empty() {
            return Err(ModelError { line: 1, what: "is followed by no topic".to_owned() });
        }
        Ok(Self::new(topics, features))
    }

    /// The model's file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEADER}\n");
        for (category, bias) in &self.topics {
            let _ = writeln!(text, "topic\t{category}\t{bias}");
        }
        for feature in &self.features {
            let _ = write!(text, "word\t{}\t{}", feature.name, feature.value);
            for (topic, weight) in &feature.weights {
                let _ = write!(text, "\t{topic}:{weight}");
            }
            text.push('\n');
        }
        text
    }

    /// The categories that it has learned, in its order.
    pub fn categories(&self) -> impl Iterator<Item = &str> {
        self.topics.iter().map(|(category, _)| category.as_str())
    }

    /// For each of its topics, how sure it is that an article belongs, 0 to 1. The texts are plain.
    #[must_use]
    pub fn votes(&self, title: &str, summary: &str, content: &str) -> Vec<f64> {
        let mut present = BTreeSet::<usize>::new();
        features(title, summary, content, |name| {
            present.extend(self.known.get(name).copied());
        });
        let row = row(present.iter().filter_map(|at| {
            let feature = self.features.get(*at)?;
            Some((*at, feature.name.as_str(), f64::from(feature.value) / UNIT))
        }));
        let mut sums: Vec<f64> = self.topics.iter().map(|(_, bias)| f64::from(*bias) / UNIT).collect();
        for (at, value) in row {
            for (topic, weight) in self.features.get(at).into_iter().flat_map(|feature| &feature.weights) {
                if let Some(sum) = sums.get_mut(*topic) {
                    *sum += value * f64::from(*weight) / UNIT;
                }
            }
        }
        sums.into_iter().map(sigmoid).collect()
    }
}

/// An article in numbers: features, each with its value.
pub(super) type Row = Vec<(usize, f64)>;

/// Before the names of features of the title.
const IN_TITLE: &str = "t:";

/// What the whole text counts where the title counts 1.
const TEXT_SHARE: f64 = 0.5;

/// Brings the values of an article's features (number, name, value) to length 1 in the title and to [`TEXT_SHARE`] in the text, so
/// that a long text does not drown the headline.
pub(super) fn row<'a>(features: impl Iterator<Item = (usize, &'a str, f64)>) -> Row {
    let features: Vec<(usize, bool, f64)> = features.map(|(at, name, value)| (at, name.starts_with(IN_TITLE), value)).collect();
    let length = |title: bool| {
        let own = features.iter().filter(|(_, is_title, _)| *is_title == title);
        own.map(|(.., value)| value * value).sum::<f64>().sqrt().max(f64::MIN_POSITIVE)
    };
    let (title, text) = (length(true), length(false) / TEXT_SHARE);
    features.into_iter().map(|(at, is_title, value)| (at, value / if is_title { title } else { text })).collect()
}

/// 1 / (1 + e^-x), of additions, multiplications and divisions only: the system's `exp` differs between machines in the last
/// bit, and a model is the same to the byte.
pub(super) fn sigmoid(x: f64) -> f64 {
    // e^y is (1 + y/1024)^1024 to within a thousandth for the small y that follow here.
    let mut power = 1.0 + x.clamp(-30.0, 30.0).abs() / 1_024.0;
    for _ in 0..10 {
        power *= power;
    }
    if x < 0.0 { 1.0 / (1.0 + power) } else { power / (1.0 + power) }
}

/// Visits the words and pairs of words of an article, and those of its title once more by themselves.
pub(super) fn features(title: &str, summary: &str, content: &str, mut visit: impl FnMut(&str)) {
    let mut name = String::new();
    for (prefix, text) in [(IN_TITLE, title), ("", title), ("", summary), ("", content)] {
        let mut before = String::new();
        for word in text.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty()) {
            let word: String = word.chars().take(WORD_MAX_CHARS).flat_map(char::to_lowercase).collect();
            let mut tell = |parts: &[&str]| {
                name.clear();
                parts.iter().for_each(|part| name.push_str(part));
                visit(&name);
            };
            tell(&[prefix, &word]);
            if !before.is_empty() {
                tell(&[prefix, &before, " ", &word]);
            }
            before = word;
        }
    }
}
