//! Learns a [`Model`] from articles that editors have tagged. The same articles give the same model, in whatever order they come.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::model::{Feature, Model, Row, features, row, sigmoid};

/// Fewest articles that a feature must stand in; rarer ones are names, not topics.
const ARTICLES_MIN: usize = 2;

/// Most features, the commonest first.
const FEATURES_MAX: usize = 50_000;

/// Times that all articles are gone through.
const ROUNDS: u32 = 60;

/// How far a weight moves for one article in the first round.
const STEP: f64 = 4.0;

/// How much of each weight is lost in a round, so that no word is trusted for one article's sake.
const DECAY: f64 = 0.0005;

/// Parts that the articles are divided into for [`cross_validate`].
const FOLDS: usize = 5;

/// An article with its editors' topics. Texts are plain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lesson {
    /// Headline.
    pub title: String,
    /// Teaser.
    pub summary: String,
    /// Full text, as far as it is known.
    pub content: String,
    /// Indexes of categories.
    pub topics: Vec<usize>,
}

/// How a model did on articles that it had not seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Topics it gave that the editors gave.
    pub right: usize,
    /// Topics it gave that the editors did not.
    pub wrong: usize,
    /// Topics the editors gave that it did not.
    pub missed: usize,
}

impl Figures {
    /// Of the topics that it gave, the part that the editors gave, 0 to 1; 0 where it gave none.
    #[must_use]
    pub fn precision(self) -> f64 {
        part(self.right, self.right + self.wrong)
    }

    /// Of the topics that the editors gave, the part that it gave, 0 to 1; 0 where they gave none.
    #[must_use]
    pub fn recall(self) -> f64 {
        part(self.right, self.right + self.missed)
    }

    /// The harmonic mean of the two.
    #[must_use]
    pub fn f1(self) -> f64 {
        part(2 * self.right, 2 * self.right + self.wrong + self.missed)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of articles are far below 2^52")]
fn part(some: usize, all: usize) -> f64 {
    if all == 0 { 0.0 } else { some as f64 / all as f64 }
}

/// Learns one linear model a category: logistic regression with a decay of weights, by stochastic gradient descent.
#[must_use]
pub fn learn(categories: &[String], lessons: &[Lesson]) -> Model {
    let ordered = ordered(lessons);
    train(categories, &ordered)
}

/// Learns five times from four fifths of the articles and asks about the fifth: micro-averaged figures by least confidence.
#[must_use]
pub fn cross_validate(categories: &[String], lessons: &[Lesson], confidences: &[f64]) -> Vec<Figures> {
    let ordered = ordered(lessons);
    let mut figures = vec![Figures::default(); confidences.len()];
    for fold in 0..FOLDS {
        let is_held = |at: usize| at % FOLDS == fold;
        let seen: Vec<&Lesson> = ordered.iter().enumerate().filter(|(at, _)| !is_held(*at)).map(|(_, lesson)| *lesson).collect();
        let model = train(categories, &seen);
        for (_, lesson) in ordered.iter().enumerate().filter(|(at, _)| is_held(*at)) {
            let votes = model.votes(&lesson.title, &lesson.summary, &lesson.content);
            for (figures, confidence) in figures.iter_mut().zip(confidences) {
                for (topic, vote) in votes.iter().enumerate() {
                    match (vote >= confidence, lesson.topics.contains(&topic)) {
                        (true, true) => figures.right += 1,
                        (true, false) => figures.wrong += 1,
                        (false, true) => figures.missed += 1,
                        (false, false) => {}
                    }
                }
            }
        }
    }
    figures
}

/// The lessons in an order that depends on nothing but their texts, and on those in no telling way: articles of one source or
/// day must not all be learned last, or all be in one part.
fn ordered(lessons: &[Lesson]) -> Vec<&Lesson> {
    let key = |lesson: &Lesson| -> [u8; 32] {
        let mut hash = blake3::Hasher::new();
        for text in [&lesson.title, &lesson.summary, &lesson.content] {
            hash.update(&(text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
        hash.finalize().into()
    };
    let mut keyed: Vec<([u8; 32], &Lesson)> = lessons.iter().map(|lesson| (key(lesson), lesson)).collect();
    keyed.sort_by(|(a, first), (b, second)| a.cmp(b).then_with(|| first.topics.cmp(&second.topics)));
    keyed.into_iter().map(|(_, lesson)| lesson).collect()
}

fn train(categories: &[String], lessons: &[&Lesson]) -> Model {
    let (names, rows) = rows(lessons);
    let mut features: Vec<Feature> =
        names.iter().map(|(name, value)| Feature { name: name.clone(), value: thousandths(*value), weights: Vec::new() }).collect();
    let mut topics = Vec::with_capacity(categories.len());
    for (topic, category) in categories.iter().enumerate() {
        let is_in: Vec<bool> = lessons.iter().map(|lesson| lesson.topics.contains(&topic)).collect();
        let (weights, bias) = descend(&rows, &is_in, names.len());
        topics.push((category.clone(), thousandths(bias)));
        for (feature, weight) in features.iter_mut().zip(weights) {
            let weight = thousandths(weight);
            if weight != 0 {
                feature.weights.push((topic, weight));
            }
        }
    }
    features.retain(|feature| !feature.weights.is_empty());
    Model::new(topics, features)
}

/// The features with what each counts, and every article as features of length 1 altogether.
fn rows(lessons: &[&Lesson]) -> (Vec<(String, f64)>, Vec<Row>) {
    let texts: Vec<BTreeSet<String>> = lessons
        .iter()
        .map(|lesson| {
            let mut present = BTreeSet::new();
            features(&lesson.title, &lesson.summary, &lesson.content, |name| {
                if !present.contains(name) {
                    present.insert(name.to_owned());
                }
            });
            present
        })
        .collect();
    let mut articles: BTreeMap<&str, usize> = BTreeMap::new();
    for name in texts.iter().flatten() {
        *articles.entry(name).or_default() += 1;
    }
    let mut chosen: Vec<(&str, usize)> = articles.into_iter().filter(|(_, count)| *count >= ARTICLES_MIN).collect();
    // Stable: among equals, the alphabet decides.
    chosen.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    chosen.truncate(FEATURES_MAX);
    // Rare words tell more. A root, because the system's logarithm differs between machines in the last bit.
    let names: Vec<(String, f64)> = chosen.into_iter().map(|(name, count)| (name.to_owned(), part(1, count).sqrt())).collect();
    let known: HashMap<&str, usize> = names.iter().enumerate().map(|(at, (name, _))| (name.as_str(), at)).collect();
    let numbers =
        |present: &BTreeSet<String>| -> BTreeSet<usize> { present.iter().filter_map(|name| known.get(name.as_str()).copied()).collect() };
    let valued = |numbers: BTreeSet<usize>| row(numbers.into_iter().map(|at| (at, names[at].0.as_str(), names[at].1)));
    let rows = texts.iter().map(|present| valued(numbers(present))).collect();
    (names, rows)
}

/// Weights and bias that tell the articles that are in from the others.
fn descend(rows: &[Row], is_in: &[bool], features: usize) -> (Vec<f64>, f64) {
    let mut weights = vec![0.0; features];
    let mut bias = 0.0;
    for round in 0..ROUNDS {
        let step = STEP / (1.0 + f64::from(round) * 0.1);
        for (row, is_in) in rows.iter().zip(is_in) {
            let sum = row.iter().fold(bias, |sum, (feature, value)| sum + weights[*feature] * value);
            let off = f64::from(u8::from(*is_in)) - sigmoid(sum);
            for (feature, value) in row {
                weights[*feature] += step * off * value;
            }
            bias += step * off * 0.1;
        }
        for weight in &mut weights {
            *weight *= 1.0 - DECAY * step;
        }
    }
    (weights, bias)
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to what an i32 holds")]
fn thousandths(value: f64) -> i32 {
    (value * 1_000.0).round().clamp(-1e9, 1e9) as i32
}
