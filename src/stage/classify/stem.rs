//! Phrases in any inflection, by the Snowball stems of five languages.

use std::ops::Range;

use rust_stemmers::{Algorithm, Stemmer};

use super::term::{GAP_MAX_CHARS, Term, fold, is_gap, spell};

/// Longest word that is stemmed, in characters; longer ones are no words.
const WORD_MAX_CHARS: usize = 40;

/// Longest beginning of a stem that is looked for, in characters: with umlauts and case it has many spellings.
const HEAD_MAX_CHARS: usize = 5;

/// A language whose inflections are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    En,
    /// Finnish.
    Fi,
    /// Swedish.
    Sv,
    /// German.
    De,
    /// French.
    Fr,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::En, Self::Fi, Self::Sv, Self::De, Self::Fr];

    /// The language of a tag (BCP 47), by its first part.
    pub fn of(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "en" => Some(Self::En),
            "fi" => Some(Self::Fi),
            "sv" => Some(Self::Sv),
            "de" => Some(Self::De),
            "fr" => Some(Self::Fr),
            _ => None,
        }
    }

    fn stemmer(self) -> Stemmer {
        Stemmer::create(match self {
            Self::En => Algorithm::English,
            Self::Fi => Algorithm::Finnish,
            Self::Sv => Algorithm::Swedish,
            Self::De => Algorithm::German,
            Self::Fr => Algorithm::French,
        })
    }

    /// A lower-case word's stem. Snowball's Finnish stems keep the vowel that a plural changes (`sairaal`, `sairaalo`), so final
    /// vowels go too, down to four letters.
    fn stem(self, stemmer: &Stemmer, word: &str) -> String {
        let mut stem = stemmer.stem(word).into_owned();
        if self == Self::Fi {
            let mut spare = stem.chars().count().saturating_sub(4);
            while spare > 0 && stem.ends_with(['a', 'e', 'i', 'o', 'u', 'y', 'ä', 'ö']) {
                stem.pop();
                spare -= 1;
            }
        }
        stem
    }

    /// Whether a term of one word is stemmed without being asked for. Not in English, where a stem gathers what means other
    /// things (`imaging` and `image`) and a plural is nearly all the inflection there is.
    fn stems_single_words(self) -> bool {
        self != Self::En
    }

    /// What a letter may look like in a word whose stem has it: stemming takes umlauts and some accents away.
    fn forms(self, letter: char) -> &'static [char] {
        match (self, letter) {
            (Self::De, 'a') => &['a', 'ä'],
            (Self::De, 'o') => &['o', 'ö'],
            (Self::De, 'u') => &['u', 'ü'],
            (Self::Fr, 'e') => &['e', 'é', 'è'],
            _ => &[],
        }
    }
}

/// A phrase in one language.
#[derive(Clone, Debug)]
pub(super) struct Stemmed {
    language: Language,
    words: Vec<StemmedWord>,
}

/// One word of it.
#[derive(Clone, Debug)]
enum StemmedWord {
    /// An abbreviation, found as it is, or in its plural.
    Exact(String),
    /// Found wherever a word has this stem.
    Stem(String),
}

impl Stemmed {
    /// The term in a language; `None` where it is not stemmed. `asked` stems single English words too.
    pub(super) fn of(term: &Term, language: Language, asked: bool) -> Option<Self> {
        let words = term.plain_words()?;
        if words.len() == 1 && !asked && !language.stems_single_words() {
            return None;
        }
        let stemmer = language.stemmer();
        let word = |(word, exact): (String, bool)| match exact {
            true => StemmedWord::Exact(word),
            false => StemmedWord::Stem(language.stem(&stemmer, &word)),
        };
        let words: Vec<StemmedWord> = words.into_iter().map(word).collect();
        words.iter().any(|word| matches!(word, StemmedWord::Stem(_))).then_some(Self { language, words })
    }

    /// For each of its words that a search could look for: its place, and the beginnings that it may have.
    ///
    /// A stem's last two letters are left out: stemming changes the end of what it leaves (`technologies`, `technolog`).
    pub(super) fn heads(&self) -> Vec<(usize, Vec<String>)> {
        let head = |(at, word): (usize, &StemmedWord)| match word {
            StemmedWord::Exact(_) => None,
            StemmedWord::Stem(stem) => {
                let chars = stem.chars().count();
                // German `ss` may be `ß` in the text, which is one letter less.
                let before = if self.language == Language::De { stem.find("ss").map(|at| stem[..at].chars().count()) } else { None };
                let most = chars.saturating_sub(2).max(chars.min(3)).min(HEAD_MAX_CHARS);
                let take = before.map_or(most, |before| before.clamp(1, most.max(1)));
                let mut heads = vec![String::new()];
                for letter in stem.chars().take(take) {
                    let own = [letter];
                    let forms = match self.language.forms(letter) {
                        [] => &own[..],
                        forms => forms,
                    };
                    heads = heads.iter().flat_map(|head| forms.iter().map(move |form| format!("{head}{form}"))).collect();
                }
                Some((at, heads.iter().flat_map(|head| spell(head.chars())).collect()))
            }
        };
        self.words.iter().enumerate().filter_map(head).collect()
    }

    /// The phrase's place in `text` if its word `at` begins at the byte `start`.
    pub(super) fn place(&self, text: &str, at: usize, start: usize) -> Option<Range<usize>> {
        let stemmer = self.language.stemmer();
        let first = word_after(text, start)?;
        if !self.words.get(at)?.is(self.language, &stemmer, text.get(first.clone())?) {
            return None;
        }
        let mut whole = first;
        for word in self.words.get(at + 1..)? {
            let rest = text.get(whole.end..)?;
            let gap: usize = rest.chars().take(GAP_MAX_CHARS).take_while(|char| is_gap(*char)).map(char::len_utf8).sum();
            let next = word_after(text, whole.end + gap).filter(|_| gap > 0)?;
            if !word.is(self.language, &stemmer, text.get(next.clone())?) {
                return None;
            }
            whole.end = next.end;
        }
        for word in self.words.get(..at)?.iter().rev() {
            let head = text.get(..whole.start)?;
            let gap: usize = head.chars().rev().take(GAP_MAX_CHARS).take_while(|char| is_gap(*char)).map(char::len_utf8).sum();
            let next = word_before(text, whole.start - gap).filter(|_| gap > 0)?;
            if !word.is(self.language, &stemmer, text.get(next.clone())?) {
                return None;
            }
            whole.start = next.start;
        }
        Some(whole)
    }
}

impl StemmedWord {
    fn is(&self, language: Language, stemmer: &Stemmer, word: &str) -> bool {
        match self {
            Self::Exact(exact) => word.strip_prefix(exact.as_str()).is_some_and(|rest| matches!(rest, "" | "s")),
            Self::Stem(stem) => {
                let lower: String = word.chars().map(fold).collect();
                language.stem(stemmer, &lower) == *stem
            }
        }
    }
}

fn is_letter(char: char) -> bool {
    char.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(&char)
}

/// The word that begins at `start`, if one does.
fn word_after(text: &str, start: usize) -> Option<Range<usize>> {
    if text.get(..start)?.chars().next_back().is_some_and(is_letter) {
        return None;
    }
    let letters = text.get(start..)?.chars().take_while(|char| is_letter(*char)).take(WORD_MAX_CHARS + 1);
    let (chars, bytes) = letters.fold((0, 0), |(chars, bytes), char| (chars + 1, bytes + char.len_utf8()));
    (1..=WORD_MAX_CHARS).contains(&chars).then_some(start..start + bytes)
}

/// The word that ends at `end`, if one does.
fn word_before(text: &str, end: usize) -> Option<Range<usize>> {
    let letters = text.get(..end)?.chars().rev().take_while(|char| is_letter(*char)).take(WORD_MAX_CHARS + 1);
    let (chars, bytes) = letters.fold((0, 0), |(chars, bytes), char| (chars + 1, bytes + char.len_utf8()));
    (1..=WORD_MAX_CHARS).contains(&chars).then_some(end - bytes..end)
}
