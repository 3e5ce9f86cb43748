//! What of an article is compared.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{concept, number};

/// Words of the title and of the text's beginning that are looked at. News says what happened first.
const LEAD_WORDS: usize = 110;
/// Words of the text whose shingles are kept.
const SHINGLED_WORDS: usize = 160;
/// Words in a shingle.
const SHINGLE_WORDS: usize = 3;
/// Longest term in bytes; longer ones are cut.
const TERM_MAX_BYTES: usize = 24;
/// Length to which ordinary words are cut, so that inflected and translated forms meet.
const STEM_CHARS: usize = 6;

/// A language whose common words and concepts are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "they say what they are")]
pub enum Language {
    English,
    Finnish,
    Swedish,
    German,
    French,
}

impl Language {
    pub(super) const ALL: [Self; 5] = [Self::English, Self::Finnish, Self::Swedish, Self::German, Self::French];

    /// By a tag of BCP 47.
    #[must_use]
    pub fn of(tag: &str) -> Option<Self> {
        Some(match tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "en" => Self::English,
            "fi" => Self::Finnish,
            "sv" => Self::Swedish,
            "de" => Self::German,
            "fr" => Self::French,
            _ => return None,
        })
    }

    pub(super) fn place(self) -> usize {
        self as usize
    }
}

/// What a signature is made of.
#[derive(Clone, Copy, Debug)]
pub struct Article<'a> {
    /// Plain title.
    pub title: &'a str,
    /// Plain text: the longer of summary and content.
    pub text: &'a str,
    /// Language (BCP 47), if known; else it is guessed.
    pub language: Option<&'a str>,
    /// Clean URLs that the entry gives for the article: link, permanent id, canonical address.
    pub addresses: &'a [String],
}

/// A term of an article.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Term {
    /// The word cut to its stem, the number, or `#` and a concept.
    #[serde(rename = "t")]
    pub text: String,
    /// Whether it is in the title.
    #[serde(rename = "h", default, skip_serializing_if = "std::ops::Not::not")]
    pub title: bool,
    /// Whether it is written like a name.
    #[serde(rename = "n", default, skip_serializing_if = "std::ops::Not::not")]
    pub name: bool,
}

impl Term {
    pub(super) fn is_number(&self) -> bool {
        self.text.starts_with(|c: char| c.is_ascii_digit())
    }

    pub(super) fn is_concept(&self) -> bool {
        self.text.starts_with('#')
    }

    /// Whether it may survive a translation.
    pub(super) fn travels(&self) -> bool {
        self.name || self.is_number() || self.is_concept()
    }
}

/// What of an article is compared. Stored: its meaning never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signature {
    /// The article's language.
    #[serde(rename = "l")]
    pub language: Language,
    /// Its terms, sorted, each once.
    #[serde(rename = "t")]
    pub terms: Vec<Term>,
    /// Hashes of three words in a row of its text, sorted, each once.
    #[serde(rename = "s")]
    pub shingles: Vec<u32>,
    /// Its addresses.
    #[serde(rename = "u")]
    pub addresses: Vec<String>,
}

/// One word as it stands.
struct Word<'a> {
    raw: &'a str,
    /// Lower case, without accents.
    plain: String,
    opens_sentence: bool,
}

/// Makes an article's signature. Linear in its length, of which only the beginning is looked at.
#[must_use]
pub fn sign(article: &Article<'_>) -> Signature {
    let title = words(article.title, LEAD_WORDS);
    let text = words(article.text, SHINGLED_WORDS);
    let given = article.language.and_then(Language::of);
    let language = given.unwrap_or_else(|| concept::guess(title.iter().chain(&text).map(|w| w.plain.as_str())));
    let mut terms: HashMap<String, Term> = HashMap::new();
    let capitals = title.iter().filter(|w| w.plain.len() > 3 && is_capital(w.raw)).count();
    let title_case = title.len() > 3 && capitals * 3 >= title.iter().filter(|w| w.plain.len() > 3).count() * 2;
    collect(&title, language, true, !title_case && language != Language::German, &mut terms);
    collect(text.get(..LEAD_WORDS.min(text.len())).unwrap_or_default(), language, false, language != Language::German, &mut terms);
    let mut terms: Vec<Term> = terms.into_values().collect();
    terms.sort_by(|a, b| a.text.cmp(&b.text));
    let mut shingles: Vec<u32> = text.windows(SHINGLE_WORDS).map(|w| hash(w.iter().map(|w| w.plain.as_str()))).collect();
    shingles.sort_unstable();
    shingles.dedup();
    let mut addresses = article.addresses.to_vec();
    addresses.sort_unstable();
    addresses.dedup();
    Signature { language, terms, shingles, addresses }
}

fn collect(words: &[Word<'_>], language: Language, title: bool, case_tells: bool, terms: &mut HashMap<String, Term>) {
    let plain: Vec<&str> = words.iter().map(|w| w.plain.as_str()).collect();
    let mut put = |text: String, name: bool| {
        let term = terms.entry(text.clone()).or_insert(Term { text, title: false, name: false });
        term.title |= title;
        term.name |= name;
    };
    let dot_groups = language == Language::German;
    let (mut at, mut found) = (0, Vec::new());
    while let Some(word) = words.get(at) {
        let rest = plain.get(at..).unwrap_or_default();
        if let Some(read) = number::read(rest, dot_groups) {
            put(number::term(read.value), false);
            at += read.words;
            continue;
        }
        found.clear();
        let taken = concept::of(&word.plain, plain.get(at + 1).copied(), language, &mut found);
        for concept in &found {
            put(format!("#{concept}"), false);
        }
        let is_name = case_tells && is_capital(word.raw) && !word.opens_sentence || is_abbreviation(word.raw);
        if taken == 0 && word.plain.len() > 1 && !concept::is_common(&word.plain, language) && !is_small_number(&word.plain) {
            put(stem(&word.plain, language), is_name);
        }
        at += taken.max(1);
    }
}

fn is_small_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
}

fn is_capital(word: &str) -> bool {
    word.starts_with(char::is_uppercase)
}

/// `FDA`, `FHIR`, `LunaCrypt`.
fn is_abbreviation(word: &str) -> bool {
    word.chars().filter(|c| c.is_uppercase()).count() >= 2
}

/// The part of a word that survives inflection, and mostly translation.
fn stem(word: &str, language: Language) -> String {
    const FINNISH: [&str; 22] = [
        "ssaan", "staan", "issa", "ista", "lla", "lta", "lle", "ssa", "sta", "ksi", "iin", "aan", "een", "oon", "uun", "ien", "jen", "den",
        "ta", "an", "in", "n",
    ];
    let cut = |endings: &[&str], least: usize| {
        endings.iter().find_map(|e| word.strip_suffix(e).filter(|s| s.len() >= least)).unwrap_or(word).to_owned()
    };
    let word = match language {
        Language::English => cut(&["ies", "es", "s", "ing", "ed"], 4),
        Language::Finnish => cut(&FINNISH, 4),
        Language::Swedish | Language::German => cut(&["s", "er", "en", "es"], 4),
        Language::French => cut(&["es", "s"], 4),
    };
    let mut out = String::with_capacity(STEM_CHARS);
    let mut chars = word.chars().peekable();
    while let Some(c) = chars.next() {
        let folded = match c {
            'p' if chars.peek() == Some(&'h') => {
                chars.next();
                'f'
            }
            't' if chars.peek() == Some(&'h') => {
                chars.next();
                't'
            }
            'c' | 'q' => 'k',
            'w' => 'v',
            'z' => 's',
            'y' => 'i',
            c => c,
        };
        if !out.ends_with(folded) {
            out.push(folded);
        }
        if out.len() >= STEM_CHARS {
            break;
        }
    }
    out
}

/// The words of a text: letters and digits, with the points and commas inside numbers.
fn words(text: &str, most: usize) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let (mut start, mut opens) = (None, true);
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, c)| *c);
        let inside = |c: char| c.is_alphanumeric();
        let joins = start.is_some()
            && (matches!(c, '.' | ',')
                && text.get(..at).is_some_and(|t| t.ends_with(|c: char| c.is_ascii_digit()))
                && next.is_some_and(|c| c.is_ascii_digit()));
        if inside(c) || joins {
            start.get_or_insert(at);
            continue;
        }
        if let Some(from) = start.take() {
            push(&mut words, text.get(from..at).unwrap_or_default(), &mut opens);
        }
        if matches!(c, '.' | '!' | '?' | ':' | '"' | '“' | '–' | '—') {
            opens = true;
        }
        if words.len() >= most {
            return words;
        }
    }
    if let Some(from) = start {
        push(&mut words, text.get(from..).unwrap_or_default(), &mut opens);
    }
    words
}

fn push<'a>(words: &mut Vec<Word<'a>>, raw: &'a str, opens: &mut bool) {
    // The s of "hospital's", and letters left by apostrophes.
    if matches!(raw, "s" | "t" | "l" | "d") {
        return;
    }
    let mut plain = deunicode::deunicode(raw).to_lowercase();
    plain.retain(|c| !c.is_whitespace());
    if plain.len() > TERM_MAX_BYTES {
        let cut = (0..=TERM_MAX_BYTES).rev().find(|n| plain.is_char_boundary(*n)).unwrap_or(0);
        plain.truncate(cut);
    }
    if !plain.is_empty() {
        words.push(Word { raw, plain, opens_sentence: std::mem::replace(opens, false) });
    }
}

/// FNV-1a over the words, 32 bits. Fixed for ever: stored signatures are compared with new ones.
fn hash<'a>(words: impl Iterator<Item = &'a str>) -> u32 {
    let mut hash = 0x811c_9dc5_u32;
    for word in words {
        for byte in word.bytes().chain([b' ']) {
            hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    }
    hash
}
