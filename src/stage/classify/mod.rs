//! Which topics an article belongs to, and why.
//!
//! All topics' words are looked for in one pass over each text: an automaton finds one telling part of every one, and only
//! where that part stands is the rest compared, in the text as it is; stems and expressions are looked at only there.

use std::collections::{BTreeSet, HashSet};

use serde::Serialize;

use crate::config::{Learned, Topic};

mod field;
mod learn;
mod matcher;
mod model;
mod needle;
mod rule;
mod stem;
mod term;

pub use field::{Field, Fields};
pub use learn::{Figures, Lesson, cross_validate, learn};
use matcher::{Matcher, Needles};
pub use model::{Model, ModelError};
pub use needle::{Needle, Pattern, REGEX_MAX_BYTES};
use rule::{Compiled, Found};
pub use rule::{Group, Item, List, NeverMatches, WEIGHT_MAX, Word, check};
pub use stem::Language;
pub use term::{TERM_MAX_CHARS, Term, TermError};

/// The topics' rules, compiled. The same topics and article always give the same answer.
#[derive(Debug)]
pub struct Classifier {
    matcher: Matcher,
    rules: Vec<TopicRule>,
    votes: Option<Votes>,
}

/// A topic's rule with what surrounds it.
#[derive(Debug)]
struct TopicRule {
    compiled: Compiled,
    /// Publishers' categories that stand for it, folded.
    from: HashSet<String>,
    /// Topics that take over its articles.
    heirs: Vec<usize>,
}

/// The model's part.
#[derive(Debug)]
struct Votes {
    model: Model,
    /// By the model's topics: ours.
    topics: Vec<Option<usize>>,
    /// Least confidence, 0 to 1, that adds a topic.
    confidence: f64,
}

/// Why rules could not be compiled. A checked configuration gives none of these.
#[derive(Debug, thiserror::Error)]
pub enum ClassifyError {
    /// A term that can never be found.
    #[error("topic \"{category}\": the term \"{term}\" {source}")]
    Term {
        /// The topic.
        category: String,
        /// The term as the rule has it.
        term: String,
        /// What is wrong with it.
        source: TermError,
    },
    /// More terms than an automaton can hold.
    #[error("the topics' terms are too many: {0}")]
    TooLarge(#[from] aho_corasick::BuildError),
}

/// What is looked at of an article: plain text, as published.
#[derive(Clone, Copy, Debug, Default)]
pub struct Article<'a> {
    /// Headline.
    pub title: &'a str,
    /// Teaser.
    pub summary: &'a str,
    /// Full text, as far as it is known.
    pub content: &'a str,
    /// The publisher's own categories.
    pub categories: &'a [String],
    /// Its address, empty if unknown.
    pub url: &'a str,
    /// Its authors' names.
    pub authors: &'a [String],
    /// Its source's names: its id, its title.
    pub source: &'a [String],
    /// Language tag (BCP 47). Without a known one, phrases are found as written only.
    pub language: Option<&'a str>,
    /// Topics that every article of its source belongs to.
    pub fixed: &'a [usize],
    /// Whether no model may look at it, because its publisher reserves that and the operator heeds it (acceptance P6).
    pub reserved: bool,
}

/// What put an article under a topic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum By {
    /// The topic's rule.
    Rule,
    /// One of the publisher's categories, which stands for the topic.
    From,
    /// The topic below it, by index.
    Child(usize),
    /// The model, with this confidence (0 to 1).
    Model(f64),
    /// Its source, all of whose articles belong.
    Source,
}

impl By {
    /// In words; `topics` are those that indexes are of.
    pub fn words(self, topics: &[Topic]) -> String {
        match self {
            Self::Rule => "rule".to_owned(),
            Self::From => "publisher's category".to_owned(),
            Self::Child(child) => format!("child {}", topics.get(child).map_or("?", |topic| topic.category.as_str())),
            // Cut, not rounded, so that 1.00 is never claimed and nothing below the operator's bound seems to reach it.
            Self::Model(confidence) => format!("model {:.2}", (confidence * 100.0).floor() / 100.0),
            Self::Source => "source".to_owned(),
        }
    }
}

/// A topic that an article belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Index of the topic.
    pub topic: usize,
    /// Sum over the distinct words of `any` and `all`, and of groups within them, of their weight times [`Field::weight`] of the
    /// fields they stand in; at least 3 for a publisher's category that stands for the topic; the best child's if inherited.
    pub score: i64,
    /// What put it there, the first that holds in the order of [`By`].
    pub by: By,
}

/// Why an article is in a topic or, nearly, is not.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Index of the topic.
    pub topic: usize,
    /// Whether the article belongs to it.
    pub matched: bool,
    /// What put it there, if it belongs.
    pub by: Option<By>,
    /// As in [`Verdict::score`], also when it does not belong.
    pub score: i64,
    /// The score that its rule asks for.
    pub threshold: Option<i64>,
    /// What was found of the topic's lists: the first place of each word in each field. Hits of `none` may keep the article out.
    pub hits: Vec<Hit>,
    /// Words and groups of `all` that were not found. Where `any` has words and no hit is of that list, that too keeps the
    /// article out.
    pub missing: Vec<String>,
    /// The model's confidence (0 to 1), if it knows the topic.
    pub vote: Option<f64>,
}

/// A word found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hit {
    /// The word as the rule has it.
    pub term: String,
    /// Which of the topic's lists it is from; in a group, which of the group's.
    pub list: List,
    /// Where it was found.
    pub field: Field,
    /// Byte offset in the field's text; in that category's, author's or name's text where there are several.
    pub start: usize,
    /// The words as the article has them.
    pub text: String,
    /// What it adds to the score; 0 where another has added it, and in `none`.
    pub points: i64,
}

impl Classifier {
    /// Compiles the topics' rules.
    ///
    /// # Errors
    /// When a term can never be found, or the rules are too large for memory.
    pub fn new(topics: &[Topic]) -> Result<Self, ClassifyError> {
        let mut needles = Needles::default();
        let mut rules = Vec::with_capacity(topics.len());
        for topic in topics {
            let compiled = Compiled::new(&topic.rule, topic.threshold, &mut |needle| needles.index(needle, topic.stem))
                .map_err(|(term, source)| ClassifyError::Term { category: topic.category.clone(), term, source })?;
            let heirs = if topic.inherit { topic.parents.clone() } else { Vec::new() };
            rules.push(TopicRule { compiled, from: topic.from.iter().map(|from| folded(from)).collect(), heirs });
        }
        Ok(Self { matcher: Matcher::new(needles)?, rules, votes: None })
    }

    /// Compiles a site's topics, with the model that it names.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of(topics: &[Topic], learned: Option<&Learned>) -> Result<Self, ClassifyError> {
        let classifier = Self::new(topics)?;
        Ok(match learned {
            Some(learned) => classifier.with_model(topics, learned.model.clone(), learned.confidence),
            None => classifier,
        })
    }

    /// Lets a model add topics of which it is at least this sure (0 to 1). Topics that it knows and that are not among
    /// `topics`, those that this was made of, are passed over.
    #[must_use]
    pub fn with_model(mut self, topics: &[Topic], model: Model, confidence: f64) -> Self {
        let ours = |category: &str| topics.iter().position(|topic| topic.category == category);
        let topics = model.categories().map(ours).collect();
        self.votes = Some(Votes { model, topics, confidence });
        self
    }

    /// The topics an article belongs to, best first: by score, then in the topics' order; those of its source last.
    pub fn classify(&self, article: &Article<'_>) -> Vec<Verdict> {
        let found = self.matcher.find(article, |_, _, _| {});
        self.verdicts(article, &found, &self.vote(article))
    }

    /// Every topic the article belongs to, in the order of [`Self::classify`], then every topic of which it has a word of
    /// `any` or `all` and still does not belong, each with its reasons.
    pub fn explain(&self, article: &Article<'_>) -> Vec<Explanation> {
        let mut places: Vec<(usize, Field, std::ops::Range<usize>)> = Vec::new();
        let found = self.matcher.find(article, |needle, field, place| places.push((needle, field, place)));
        let votes = self.vote(article);
        let verdicts = self.verdicts(article, &found, &votes);
        let reason = |topic: usize, verdict: Option<&Verdict>| {
            let rule = &self.rules[topic].compiled;
            let mut hits: Vec<Hit> = Vec::new();
            let mut seen = BTreeSet::new();
            for list in [List::Any, List::All, List::None] {
                for (leaf, term) in rule.leaves.iter().zip(&rule.texts).filter(|(leaf, _)| leaf.list == list) {
                    let bits = leaf.found(&found);
                    for (_, field, place) in places.iter().filter(|(needle, field, _)| *needle == leaf.needle && bits & field.bit() != 0) {
                        if !seen.insert((term.as_str(), list.name(), field.bit())) {
                            continue;
                        }
                        hits.push(Hit {
                            term: term.clone(),
                            list,
                            field: *field,
                            start: place.start,
                            text: article.text(*field).get(place.clone()).unwrap_or_default().to_owned(),
                            points: if leaf.counts { leaf.weight * field.weight() } else { 0 },
                        });
                    }
                }
            }
            if let Some(at) = self.mapped(topic, article) {
                let text = article.text(Field::Category(at)).to_owned();
                hits.push(Hit { term: text.clone(), list: List::From, field: Field::Category(at), start: 0, text, points: 0 });
            }
            Explanation {
                topic,
                matched: verdict.is_some(),
                by: verdict.map(|verdict| verdict.by),
                score: verdict.map_or_else(|| rule.judge(&found).0, |verdict| verdict.score),
                threshold: rule.threshold,
                hits,
                missing: rule.missing(&found),
                vote: votes.iter().find(|(voted, _)| *voted == topic).map(|(_, confidence)| *confidence),
            }
        };
        let mut explanations: Vec<Explanation> = verdicts.iter().map(|verdict| reason(verdict.topic, Some(verdict))).collect();
        let near = |topic: &usize| {
            let wanted = |leaf: &rule::Leaf| leaf.counts && leaf.weight > 0 && leaf.found(&found) != 0;
            !verdicts.iter().any(|verdict| verdict.topic == *topic)
                && (self.rules[*topic].compiled.leaves.iter().any(wanted) || self.mapped(*topic, article).is_some())
        };
        let mut near: Vec<Explanation> = (0..self.rules.len()).filter(near).map(|topic| reason(topic, None)).collect();
        near.sort_by_key(|reason| (std::cmp::Reverse(reason.score), reason.topic));
        explanations.append(&mut near);
        explanations
    }

    fn verdicts(&self, article: &Article<'_>, found: &Found, votes: &[(usize, f64)]) -> Vec<Verdict> {
        let mut verdicts: Vec<Verdict> = Vec::new();
        for (topic, rule) in self.rules.iter().enumerate() {
            let (score, holds) = rule.compiled.judge(found);
            let by = if holds {
                Some((score, By::Rule))
            } else if self.mapped(topic, article).is_some() {
                Some((score.max(Field::Category(0).weight()), By::From))
            } else {
                let vote = votes.iter().find(|(voted, sure)| *voted == topic && self.is_sure(*sure));
                vote.map(|(_, sure)| (score, By::Model(*sure)))
            };
            // Neither its publisher's categories nor a model take back what the curator has said.
            if let Some((score, by)) = by.filter(|_| holds || !rule.compiled.refuses(found)) {
                verdicts.push(Verdict { topic, score, by });
            }
        }
        self.inherit(&mut verdicts, found);
        verdicts.sort_by_key(|verdict| (std::cmp::Reverse(verdict.score), matches!(verdict.by, By::Child(_)), verdict.topic));
        let own = verdicts.len();
        for topic in article.fixed.iter().copied().filter(|topic| *topic < self.rules.len()) {
            if !verdicts.iter().any(|verdict| verdict.topic == topic) {
                verdicts.push(Verdict { topic, score: self.rules[topic].compiled.judge(found).0, by: By::Source });
            }
        }
        if verdicts.len() > own {
            self.inherit(&mut verdicts, found);
        }
        verdicts
    }

    /// Adds the parents that take over what their children have, and theirs. A parent's `none` keeps out of it.
    fn inherit(&self, verdicts: &mut Vec<Verdict>, found: &Found) {
        let mut at = 0;
        while let Some(Verdict { topic: child, score, .. }) = verdicts.get(at).copied() {
            for parent in self.rules[child].heirs.iter().copied().filter(|parent| *parent < self.rules.len()) {
                match verdicts.iter_mut().find(|verdict| verdict.topic == parent) {
                    Some(verdict) if matches!(verdict.by, By::Child(_)) => verdict.score = verdict.score.max(score),
                    Some(_) => {}
                    None if self.rules[parent].compiled.refuses(found) => {}
                    None => verdicts.push(Verdict { topic: parent, score, by: By::Child(child) }),
                }
            }
            at += 1;
        }
    }

    /// Which of the publisher's categories stands for the topic.
    fn mapped(&self, topic: usize, article: &Article<'_>) -> Option<usize> {
        let from = &self.rules[topic].from;
        if from.is_empty() { None } else { article.categories.iter().position(|category| from.contains(&folded(category))) }
    }

    fn vote(&self, article: &Article<'_>) -> Vec<(usize, f64)> {
        let Some(votes) = self.votes.as_ref().filter(|_| !article.reserved) else { return Vec::new() };
        let voted = votes.model.votes(article.title, article.summary, article.content);
        voted.into_iter().zip(&votes.topics).filter_map(|(sure, topic)| Some(((*topic)?, sure))).collect()
    }

    fn is_sure(&self, vote: f64) -> bool {
        self.votes.as_ref().is_some_and(|votes| vote >= votes.confidence)
    }
}

impl<'a> Article<'a> {
    fn text(&self, field: Field) -> &'a str {
        match field {
            Field::Title => self.title,
            Field::Category(at) => self.categories.get(at).map_or("", String::as_str),
            Field::Summary => self.summary,
            Field::Content => self.content,
            Field::Url => self.url,
            Field::Author(at) => self.authors.get(at).map_or("", String::as_str),
            Field::Source(at) => self.source.get(at).map_or("", String::as_str),
        }
    }
}

/// A category as it is compared with another: without case, and without regard to how its words are parted.
pub fn folded(category: &str) -> String {
    let words = category.split(|char: char| char.is_whitespace() || matches!(char, '-' | '_'));
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod rule_tests;
#[cfg(test)]
mod tests;
