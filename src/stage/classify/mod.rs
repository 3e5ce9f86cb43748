//! Which topics an article belongs to, and why.
//!
//! All topics' terms are looked for in one pass over each text: an automaton finds one telling word of every term, and only
//! where that word stands is the rest of the term compared, in the text as it is. Nothing is copied or lower-cased.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use serde::Serialize;

use crate::config::Topic;

mod term;

pub use term::{TERM_MAX_CHARS, Term, TermError};

/// Below this much text in all anchors the automaton is built for speed; above it, for memory.
const FAST_MAX_BYTES: usize = 64 * 1024;

/// The topics' rules, compiled. The same topics and article always give the same answer.
#[derive(Debug)]
pub struct Classifier {
    automaton: AhoCorasick,
    /// By the automaton's pattern: the terms that it stands for.
    anchors: Vec<Vec<Anchor>>,
    /// Each with its text in the first rule that has it.
    terms: Vec<(Term, String)>,
    rules: Vec<Rule>,
}

/// A term and those of its letters that the automaton looks for.
#[derive(Clone, Debug)]
struct Anchor {
    term: usize,
    word: Range<usize>,
}

/// One topic's lists, as indexes of terms.
#[derive(Debug)]
struct Rule {
    any: Vec<usize>,
    all: Vec<usize>,
    none: Vec<usize>,
    /// `any` and `all` together, each term once, in the file's order.
    counted: Vec<usize>,
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
}

/// A topic that an article belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Index of the topic.
    pub topic: usize,
    /// Sum of [`Field::weight`] over the distinct terms of `any` and `all` and the fields they stand in.
    pub score: u32,
}

/// Why an article is in a topic or, nearly, is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Index of the topic.
    pub topic: usize,
    /// Whether the article belongs to it.
    pub matched: bool,
    /// As in [`Verdict::score`], also when it does not belong.
    pub score: u32,
    /// What was found of the topic's lists: the first place of each term in each field. Hits of `none` keep the article out.
    pub hits: Vec<Hit>,
    /// Terms of `all` that were not found. Where `any` has terms and no hit is of that list, that too keeps the article out.
    pub missing: Vec<String>,
}

/// A term found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hit {
    /// The term as the rule has it.
    pub term: String,
    /// Which of the topic's lists it is from.
    pub list: List,
    /// Where it was found.
    pub field: Field,
    /// Byte offset in the field's text; in that category's text for [`Field::Category`].
    pub start: usize,
    /// The words as the article has them.
    pub text: String,
}

/// A list of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum List {
    /// At least one must be found, if there are any.
    Any,
    /// Each must be found.
    All,
    /// None may be found.
    None,
}

/// A part of an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// The headline.
    Title,
    /// One of the publisher's own categories, by index. Words in upper case are found there in any case, because publishers
    /// write their tags in lower case throughout (`ai`, `hipaa`).
    Category(usize),
    /// The teaser.
    Summary,
    /// The full text.
    Content,
}

impl Field {
    /// What a term counts here: 4 in the title, 3 in the publisher's categories (once, in however many), 2 in the summary,
    /// 1 in the content.
    pub const fn weight(self) -> u32 {
        match self {
            Self::Title => 4,
            Self::Category(_) => 3,
            Self::Summary => 2,
            Self::Content => 1,
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Title => 1,
            Self::Category(_) => 2,
            Self::Summary => 4,
            Self::Content => 8,
        }
    }
}

/// For each term, the [`Field::bit`]s of the fields it was found in.
type Found = Vec<u8>;

impl Classifier {
    /// Compiles the topics' rules.
    ///
    /// # Errors
    /// When a term can never be found, or the rules are too large for memory.
    pub fn new(topics: &[Topic]) -> Result<Self, ClassifyError> {
        let mut terms: Vec<(Term, String)> = Vec::new();
        let mut known: HashMap<Term, usize> = HashMap::new();
        let mut rules = Vec::with_capacity(topics.len());
        for topic in topics {
            let mut index = |list: &[String]| -> Result<Vec<usize>, ClassifyError> {
                list.iter()
                    .map(|text| {
                        let term = Term::parse(text).map_err(|source| ClassifyError::Term {
                            category: topic.category.clone(),
                            term: text.clone(),
                            source,
                        })?;
                        Ok(*known.entry(term.clone()).or_insert_with(|| {
                            terms.push((term, text.clone()));
                            terms.len() - 1
                        }))
                    })
                    .collect()
            };
            let (any, all, none) = (index(&topic.any)?, index(&topic.all)?, index(&topic.none)?);
            let mut seen = BTreeSet::new();
            let counted = any.iter().chain(&all).copied().filter(|term| seen.insert(*term)).collect();
            rules.push(Rule { any, all, none, counted });
        }
        let (patterns, anchors) = anchor(&terms);
        let fast = patterns.iter().map(String::len).sum::<usize>() <= FAST_MAX_BYTES;
        let automaton = AhoCorasick::builder().ascii_case_insensitive(true).kind(fast.then_some(AhoCorasickKind::DFA)).build(&patterns)?;
        Ok(Self { automaton, anchors, terms, rules })
    }

    /// The topics an article belongs to, best first: by score, then in the topics' order.
    pub fn classify(&self, article: &Article<'_>) -> Vec<Verdict> {
        let found = self.find(article, |_, _, _| {});
        let mut verdicts: Vec<Verdict> = self
            .rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| rule.holds(&found))
            .map(|(topic, rule)| Verdict { topic, score: rule.score(&found) })
            .collect();
        verdicts.sort_by_key(|verdict| (std::cmp::Reverse(verdict.score), verdict.topic));
        verdicts
    }

    /// Every topic the article belongs to, in the order of [`Self::classify`], then every topic of which it has a term of
    /// `any` or `all` and still does not belong, each with its reasons.
    pub fn explain(&self, article: &Article<'_>) -> Vec<Explanation> {
        let mut places: Vec<Vec<(Field, Range<usize>)>> = vec![Vec::new(); self.terms.len()];
        let found = self.find(article, |term, field, place| places[term].push((field, place)));
        let hits = |list: List, terms: &[usize]| -> Vec<Hit> {
            let mut seen = BTreeSet::new();
            let terms = terms.iter().filter(|term| seen.insert(**term));
            terms
                .flat_map(|term| places[*term].iter().map(move |(field, place)| (*term, *field, place)))
                .map(|(term, field, place)| Hit {
                    term: self.terms[term].1.clone(),
                    list,
                    field,
                    start: place.start,
                    text: article.text(field).get(place.clone()).unwrap_or_default().to_owned(),
                })
                .collect()
        };
        let mut explanations: Vec<Explanation> = self
            .rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| rule.score(&found) > 0)
            .map(|(topic, rule)| Explanation {
                topic,
                matched: rule.holds(&found),
                score: rule.score(&found),
                hits: [hits(List::Any, &rule.any), hits(List::All, &rule.all), hits(List::None, &rule.none)].concat(),
                missing: rule.all.iter().filter(|term| found[**term] == 0).map(|term| self.terms[*term].1.clone()).collect(),
            })
            .collect();
        explanations.sort_by_key(|reason| (!reason.matched, std::cmp::Reverse(reason.score), reason.topic));
        explanations
    }

    /// Which terms stand in which fields; `first` hears of the first place of each term in each field.
    fn find(&self, article: &Article<'_>, mut first: impl FnMut(usize, Field, Range<usize>)) -> Found {
        let mut found = vec![0; self.terms.len()];
        self.scan(article, Field::Title, &mut found, &mut first);
        for at in 0..article.categories.len() {
            self.scan(article, Field::Category(at), &mut found, &mut first);
        }
        self.scan(article, Field::Summary, &mut found, &mut first);
        self.scan(article, Field::Content, &mut found, &mut first);
        found
    }

    fn scan(&self, article: &Article<'_>, field: Field, found: &mut Found, first: &mut impl FnMut(usize, Field, Range<usize>)) {
        let text = article.text(field);
        let any_case = matches!(field, Field::Category(_));
        // Overlapping, because a telling word may lie within another one (`care` in `healthcare`).
        for hit in self.automaton.find_overlapping_iter(text) {
            if inside_word(text.as_bytes(), hit.range()) {
                continue;
            }
            for anchor in &self.anchors[hit.pattern()] {
                if found[anchor.term] & field.bit() == 0
                    && let Some(place) = self.terms[anchor.term].0.place(text, anchor.word.clone(), hit.range(), any_case)
                {
                    found[anchor.term] |= field.bit();
                    first(anchor.term, field, place);
                }
            }
        }
    }
}

impl Rule {
    fn holds(&self, found: &Found) -> bool {
        let has = |term: &usize| found[*term] != 0;
        !self.counted.is_empty()
            && (self.any.is_empty() || self.any.iter().any(has))
            && self.all.iter().all(has)
            && !self.none.iter().any(has)
    }

    fn score(&self, found: &Found) -> u32 {
        const FIELDS: [Field; 4] = [Field::Title, Field::Category(0), Field::Summary, Field::Content];
        let weigh = |bits: u8| FIELDS.iter().filter(|field| bits & field.bit() != 0).map(|field| field.weight()).sum::<u32>();
        self.counted.iter().map(|term| weigh(found[*term])).sum()
    }
}

impl<'a> Article<'a> {
    fn text(&self, field: Field) -> &'a str {
        match field {
            Field::Title => self.title,
            Field::Category(at) => self.categories.get(at).map_or("", String::as_str),
            Field::Summary => self.summary,
            Field::Content => self.content,
        }
    }
}

/// A cheap first look that spares most comparisons: no term's word is a piece of a longer ASCII word, plurals apart.
fn inside_word(text: &[u8], at: Range<usize>) -> bool {
    let is_letter = |at: usize| text.get(at).is_some_and(u8::is_ascii_alphanumeric);
    if at.start > 0 && is_letter(at.start - 1) && is_letter(at.start) {
        return true;
    }
    let is_plural = || matches!(text.get(at.end), Some(b's' | b'S')) && !is_letter(at.end + 1);
    is_letter(at.end) && at.end.checked_sub(1).is_some_and(is_letter) && !is_plural()
}

/// Chooses the word by which each term is looked for: one that few terms share, so that `health` does not make every term
/// that has it a candidate, and a long one, because short words are the frequent ones; a letter more is worth half the sharers.
fn anchor(terms: &[(Term, String)]) -> (Vec<String>, Vec<Vec<Anchor>>) {
    let spellings: Vec<Vec<(Range<usize>, Vec<String>)>> =
        terms.iter().map(|(term, _)| term.words().into_iter().map(|word| (word.clone(), term.spellings(word))).collect()).collect();
    let mut shared: HashMap<&str, usize> = HashMap::new();
    for spelling in spellings.iter().flatten().flat_map(|(_, spellings)| spellings) {
        *shared.entry(spelling).or_default() += 1;
    }
    let mut patterns: Vec<String> = Vec::new();
    let mut anchors: Vec<Vec<Anchor>> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for (term, words) in spellings.iter().enumerate() {
        let rarest = words.iter().min_by_key(|(word, spellings)| {
            let sharers = spellings.iter().filter_map(|spelling| shared.get(spelling.as_str())).sum::<usize>();
            (sharers.saturating_mul(1 << (16 - word.len().min(16))), std::cmp::Reverse(word.len()))
        });
        for (word, spelling) in rarest.into_iter().flat_map(|(word, spellings)| spellings.iter().map(move |text| (word, text))) {
            let pattern = *known.entry(spelling).or_insert_with(|| {
                patterns.push(spelling.clone());
                anchors.push(Vec::new());
                patterns.len() - 1
            });
            anchors[pattern].push(Anchor { term, word: word.clone() });
        }
    }
    (patterns, anchors)
}

#[cfg(test)]
mod tests;
