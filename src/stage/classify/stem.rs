//! Phrases in any inflection, by the Snowball stems of five languages.

use std::ops::Range;

use rust_stemmers::{Algorithm, Stemmer};

use super::term::{GAP_MAX_CHARS, Term, fold, is_gap, spell};

/// Longest word that is stemmed, in characters; longer ones are no words.
const WORD_MAX_CHARS: usize = 40;

/// Most spellings of the beginning of a stem that are looked for; umlauts and letters other than ASCII double them.
const SPELLINGS_MAX: usize = 32;

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
    /// Found wherever a word has this stem. It then has one of these beginnings, which is looked at first, because it costs less.
    Stem { stem: String, heads: Vec<String> },
}

impl Stemmed {
    /// The term in a language; `None` where it is not stemmed. `asked` stems single English words too.
    pub(super) fn of(term: &Term, language: Language, asked: bool) -> Option<Self> {
        let words = term.plain_words()?;
        if words.len() == 1 && !asked && !language.stems_single_words() {
            return None;
        }
        let stemmer = language.stemmer();
        let word = |(word, exact): (String, bool)| {
            if exact {
                return StemmedWord::Exact(word);
            }
            let stem = language.stem(&stemmer, &word);
            StemmedWord::Stem { heads: heads(language, &stem), stem }
        };
        let words: Vec<StemmedWord> = words.into_iter().map(word).collect();
        words.iter().any(|word| matches!(word, StemmedWord::Stem { .. })).then_some(Self { language, words })
    }

    /// For each of its words that a search could look for: its place, and the beginnings that it may have.
    pub(super) fn heads(&self) -> Vec<(usize, Vec<String>)> {
        let head = |(at, word): (usize, &StemmedWord)| match word {
            StemmedWord::Exact(_) => None,
            StemmedWord::Stem { heads, .. } => Some((at, heads.iter().flat_map(|head| spell(head.chars())).collect())),
        };
        self.words.iter().enumerate().filter_map(head).collect()
    }

    /// The phrase's place in `text` if its word `at` begins at the byte `start`.
    pub(super) fn place(&self, text: &str, at: usize, start: usize) -> Option<Range<usize>> {
        let own = self.words.get(at)?.after(text, start)?;
        // Most candidates fail at the word beside, before anything is kept of them.
        if let Some(next) = self.words.get(at + 1) {
            let rest = text.get(own.end..)?;
            let gap: usize = rest.chars().take(GAP_MAX_CHARS).take_while(|char| is_gap(*char)).map(char::len_utf8).sum();
            rest.get(gap..).is_some_and(|rest| next.begins(rest)).then_some(())?;
        }
        let mut places = vec![0..0; self.words.len()];
        *places.get_mut(at)? = own;
        for next in at + 1..self.words.len() {
            let end = places[next - 1].end;
            let gap: usize = text.get(end..)?.chars().take(GAP_MAX_CHARS).take_while(|char| is_gap(*char)).map(char::len_utf8).sum();
            places[next] = self.words[next].after(text, end + gap).filter(|_| gap > 0)?;
        }
        for before in (0..at).rev() {
            let start = places[before + 1].start;
            let head = text.get(..start)?.chars().rev().take(GAP_MAX_CHARS);
            let gap: usize = head.take_while(|char| is_gap(*char)).map(char::len_utf8).sum();
            let place = word_before(text, start - gap).filter(|_| gap > 0)?;
            places[before] = self.words[before].after(text, place.start)?;
        }
        // Stems come last: a phrase whose words all begin rightly is nearly always there.
        let stemmer = self.language.stemmer();
        let is = |(word, place): (&StemmedWord, &Range<usize>)| {
            text.get(place.clone()).is_some_and(|text| word.is(self.language, &stemmer, text))
        };
        self.words.iter().zip(&places).all(is).then(|| places[0].start..places[places.len() - 1].end)
    }
}

/// The beginnings of the words that may have this stem.
///
/// The stem's last letters are left out, one in English and two elsewhere: stemming changes the end of what it leaves (`capability`,
/// `capabl`).
fn heads(language: Language, stem: &str) -> Vec<String> {
    let chars = stem.chars().count();
    let changed = if language == Language::En { 1 } else { 2 };
    let most = chars.saturating_sub(changed).max(chars.min(3));
    // German `ss` may be `ß` in the text, which is one letter less.
    let before = stem.find("ss").filter(|_| language == Language::De).map(|at| stem[..at].chars().count().max(1));
    let mut heads = vec![String::new()];
    for letter in stem.chars().take(before.unwrap_or(most).min(most)) {
        let own = [letter];
        let forms = match language.forms(letter) {
            [] => &own[..],
            forms => forms,
        };
        let cases: usize = forms.iter().map(|form| if form.is_ascii() { 1 } else { 2 }).sum();
        let spellings: usize = heads.iter().map(|head| spell(head.chars()).len()).sum();
        if spellings * cases > SPELLINGS_MAX {
            break;
        }
        heads = heads.iter().flat_map(|head| forms.iter().map(move |form| format!("{head}{form}"))).collect();
    }
    heads
}

impl StemmedWord {
    /// The word of the text that begins at `start`, unless its beginning shows that it is another.
    fn after(&self, text: &str, start: usize) -> Option<Range<usize>> {
        if self.begins(text.get(start..)?) { word_after(text, start) } else { None }
    }

    fn begins(&self, rest: &str) -> bool {
        let begins = |head: &String| {
            let mut chars = rest.chars();
            head.chars().all(|letter| chars.next().is_some_and(|char| fold(char) == letter))
        };
        match self {
            Self::Exact(exact) => rest.starts_with(exact.as_str()),
            Self::Stem { heads, .. } => heads.iter().any(begins),
        }
    }

    fn is(&self, language: Language, stemmer: &Stemmer, word: &str) -> bool {
        match self {
            Self::Exact(exact) => word.strip_prefix(exact.as_str()).is_some_and(|rest| matches!(rest, "" | "s")),
            Self::Stem { stem, .. } => {
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
