//! One pass over each text for all needles; only where a needle's telling letters stand is the rest of it compared.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::Regex;

use super::field::Field;
use super::needle::{Needle, Pattern, compile, literals};
use super::rule::Found;
use super::stem::{Language, Stemmed};
use super::term::{Term, TermError};
use super::{Article, ClassifyError};

/// Below this much text in all anchors the automaton is built for speed; above it, for memory.
const FAST_MAX_BYTES: usize = 64 * 1024;

/// All needles of all rules.
#[derive(Debug)]
pub(super) struct Matcher {
    needles: Vec<Seek>,
    /// Bits of all fields that any needle is looked for in.
    fields: u8,
    plain: Scanner,
    /// By [`Language`], each made when the first article of that language comes.
    stemming: [OnceLock<Scanner>; Language::ALL.len()],
}

/// One needle.
#[derive(Debug)]
struct Seek {
    /// Bits of the fields in which any rule looks for it.
    fields: u8,
    /// Whether its single English words are stemmed too.
    stem: bool,
    what: What,
}

#[derive(Debug)]
enum What {
    Term(Term),
    Regex(Regex, Vec<String>),
}

/// The automaton of one language, or of texts whose language is not known.
#[derive(Clone, Debug)]
struct Scanner {
    automaton: AhoCorasick,
    /// By the automaton's pattern: what it stands for.
    anchors: Vec<Anchors>,
    /// The needles that are stemmed.
    stemmed: HashMap<usize, Stemmed>,
    /// Expressions without a literal that tells their texts: they are run over each.
    always: Vec<usize>,
}

#[derive(Clone, Debug, Default)]
struct Anchors {
    /// Whether all of them are whole words.
    whole: bool,
    /// Whether all of them begin words.
    begin_words: bool,
    /// Each with the fields of its needle.
    list: Vec<(Anchor, u8)>,
}

/// Letters that the automaton looks for, and what to look at where they are.
#[derive(Clone, Debug)]
enum Anchor {
    /// Those of a term's letters.
    Term(usize, Range<usize>),
    /// The beginning of a word of a phrase.
    Stem(usize, usize),
    /// Part of what an expression matches.
    Regex(usize),
}

impl Anchor {
    fn needle(&self) -> usize {
        let (Self::Term(needle, _) | Self::Stem(needle, _) | Self::Regex(needle)) = self;
        *needle
    }
}

/// Collects the needles of rules, each once.
#[derive(Default)]
pub(super) struct Needles {
    known: HashMap<(Pattern, bool), usize>,
    seeks: Vec<(Needle, bool)>,
}

impl Needles {
    /// The number of a needle. The same pattern in other fields has the same number.
    pub(super) fn index(&mut self, needle: Needle, stem: bool) -> usize {
        let number = *self.known.entry((needle.pattern.clone(), stem)).or_insert(self.seeks.len());
        match self.seeks.get_mut(number) {
            Some((known, _)) => known.fields.0 |= needle.fields.0,
            None => self.seeks.push((needle, stem)),
        }
        number
    }
}

impl Matcher {
    pub(super) fn new(needles: Needles) -> Result<Self, ClassifyError> {
        let seek = |(needle, stem): (Needle, bool)| -> Result<Seek, TermError> {
            let what = match needle.pattern {
                Pattern::Term(term) => What::Term(term),
                Pattern::Regex(expression) => What::Regex(compile(&expression)?, literals(&expression)),
            };
            Ok(Seek { fields: needle.fields.0, stem, what })
        };
        let needles: Result<Vec<Seek>, TermError> = needles.seeks.into_iter().map(seek).collect();
        let needles = needles.map_err(|source| ClassifyError::Term { category: String::new(), term: String::new(), source })?;
        let plain = Scanner::new(&needles, None)?;
        let fields = needles.iter().fold(0, |bits, seek| bits | seek.fields);
        Ok(Self { needles, fields, plain, stemming: Default::default() })
    }

    /// Which needles stand in which fields; `first` hears of the first place of each in each field.
    pub(super) fn find(&self, article: &Article<'_>, mut first: impl FnMut(usize, Field, Range<usize>)) -> Found {
        let mut found = vec![0; self.needles.len()];
        let scanner = article.language.and_then(Language::of).map_or(&self.plain, |language| self.scanner(language));
        let categories = (0..article.categories.len()).map(Field::Category);
        let fields = std::iter::once(Field::Title).chain(categories).chain([Field::Summary, Field::Content, Field::Url]);
        let authors = (0..article.authors.len()).map(Field::Author);
        let sources = (0..article.source.len()).map(Field::Source);
        for field in fields.chain(authors).chain(sources).filter(|field| self.fields & field.bit() != 0) {
            self.scan(scanner, article.text(field), field, &mut found, &mut first);
        }
        found
    }

    fn scanner(&self, language: Language) -> &Scanner {
        self.stemming.get(language as usize).map_or(&self.plain, |cell| {
            // What could be built without stems can be built with them, but for memory; then words are found as written.
            cell.get_or_init(|| Scanner::new(&self.needles, Some(language)).unwrap_or_else(|_| self.plain.clone()))
        })
    }

    fn scan(&self, scanner: &Scanner, text: &str, field: Field, found: &mut Found, first: &mut impl FnMut(usize, Field, Range<usize>)) {
        let any_case = matches!(field, Field::Category(_));
        let bit = field.bit();
        let mut expressions = scanner.always.clone();
        // Overlapping, because a telling word may lie within another one (`care` in `healthcare`).
        for hit in scanner.automaton.find_overlapping_iter(text) {
            let inside = inside_word(text.as_bytes(), hit.range());
            let anchors = &scanner.anchors[hit.pattern()];
            let begun = hit.start() > 0 && text.as_bytes()[hit.start() - 1].is_ascii_alphanumeric();
            if inside && (anchors.whole || begun && anchors.begin_words) {
                continue;
            }
            for (anchor, fields) in &anchors.list {
                let number = anchor.needle();
                if found[number] & bit != 0 || fields & bit == 0 {
                    continue;
                }
                let place = match (anchor, &self.needles[number].what) {
                    (Anchor::Term(_, word), What::Term(term)) if !inside => term.place(text, word.clone(), hit.range(), any_case),
                    (Anchor::Stem(..), _) if begun => None,
                    (Anchor::Stem(_, word), _) => scanner.stemmed.get(&number).and_then(|stemmed| stemmed.place(text, *word, hit.start())),
                    (Anchor::Regex(_), _) => {
                        if !expressions.contains(&number) {
                            expressions.push(number);
                        }
                        None
                    }
                    _ => None,
                };
                if let Some(place) = place {
                    found[number] |= bit;
                    first(number, field, place);
                }
            }
        }
        for number in expressions {
            let seek = &self.needles[number];
            if let What::Regex(regex, _) = &seek.what
                && found[number] & bit == 0
                && seek.fields & bit != 0
                && let Some(place) = regex.find(text)
            {
                found[number] |= bit;
                first(number, field, place.range());
            }
        }
    }
}

impl Scanner {
    fn new(needles: &[Seek], language: Option<Language>) -> Result<Self, ClassifyError> {
        let stem = |(number, seek): (usize, &Seek)| match &seek.what {
            What::Term(term) => Some((number, Stemmed::of(term, language?, seek.stem)?)),
            What::Regex(..) => None,
        };
        let stemmed: HashMap<usize, Stemmed> = needles.iter().enumerate().filter_map(stem).collect();
        let (patterns, anchors, always) = anchor(needles, &stemmed);
        let fast = patterns.iter().map(String::len).sum::<usize>() <= FAST_MAX_BYTES;
        let automaton = AhoCorasick::builder().ascii_case_insensitive(true).kind(fast.then_some(AhoCorasickKind::DFA)).build(&patterns)?;
        Ok(Self { automaton, anchors, stemmed, always })
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
fn anchor(needles: &[Seek], stemmed: &HashMap<usize, Stemmed>) -> (Vec<String>, Vec<Anchors>, Vec<usize>) {
    // For each form of each needle, the words it could be looked for by, and their spellings.
    let mut forms: Vec<Vec<(Anchor, Vec<String>)>> = Vec::new();
    let mut fixed: Vec<(Anchor, String)> = Vec::new();
    let mut always = Vec::new();
    for (number, seek) in needles.iter().enumerate() {
        match &seek.what {
            What::Term(term) => {
                forms.push(term.words().into_iter().map(|word| (Anchor::Term(number, word.clone()), term.spellings(word))).collect());
            }
            What::Regex(_, literals) if literals.is_empty() => always.push(number),
            What::Regex(_, literals) => fixed.extend(literals.iter().map(|literal| (Anchor::Regex(number), literal.clone()))),
        }
        if let Some(stemmed) = stemmed.get(&number) {
            forms.push(stemmed.heads().into_iter().map(|(word, heads)| (Anchor::Stem(number, word), heads)).collect());
        }
    }
    let mut shared: HashMap<String, usize> = HashMap::new();
    for spelling in forms.iter().flatten().flat_map(|(_, spellings)| spellings) {
        *shared.entry(spelling.clone()).or_default() += 1;
    }
    for form in forms {
        let rarest = form.into_iter().min_by_key(|(_, spellings)| {
            let sharers = spellings.iter().filter_map(|spelling| shared.get(spelling)).sum::<usize>();
            let letters = spellings.iter().map(String::len).min().unwrap_or_default();
            (sharers.saturating_mul(1 << (16 - letters.min(16))), std::cmp::Reverse(letters))
        });
        fixed.extend(rarest.into_iter().flat_map(|(anchor, spellings)| spellings.into_iter().map(move |text| (anchor.clone(), text))));
    }
    let mut patterns: Vec<String> = Vec::new();
    let mut anchors: Vec<Anchors> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (anchor, spelling) in fixed {
        let spelling = spelling.to_ascii_lowercase();
        let pattern = *known.entry(spelling.clone()).or_insert_with(|| {
            patterns.push(spelling);
            anchors.push(Anchors { whole: true, begin_words: true, list: Vec::new() });
            patterns.len() - 1
        });
        let anchors = &mut anchors[pattern];
        anchors.whole &= matches!(anchor, Anchor::Term(..));
        anchors.begin_words &= !matches!(anchor, Anchor::Regex(..));
        let fields = needles[anchor.needle()].fields;
        anchors.list.push((anchor, fields));
    }
    (patterns, anchors, always)
}
