//! One word or phrase of a rule, and where it stands in a text.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;

/// Longest term in characters. A longer one is a pasted sentence, which no article repeats.
pub const TERM_MAX_CHARS: usize = 200;

/// Longest run of spaces and hyphens that still joins two words of a phrase; without it hostile text made of blanks
/// would be walked again for every term.
pub(super) const GAP_MAX_CHARS: usize = 64;

/// Letters of a script other than Latin that are looked for in both cases, which takes two spellings for each.
const SPELLED_MAX_CHARS: usize = 3;

/// Why a term can never be found, or must not be looked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TermError {
    /// Nothing that could be found between word boundaries.
    #[error("has no letter or digit")]
    NoLetter,
    /// Longer than [`TERM_MAX_CHARS`].
    #[error("is longer than {TERM_MAX_CHARS} characters")]
    TooLong,
    /// A word before a colon that is nearly a scope.
    #[error("begins with \"{0}:\", which is no field")]
    Scope(String, &'static str),
    /// Not an expression of the linear kind.
    #[error("is no regular expression: {0}")]
    Regex(String),
    /// Larger than [`super::needle::REGEX_MAX_BYTES`] when compiled.
    #[error("is a regular expression that is too large")]
    RegexTooLarge,
    /// It would find itself in every article.
    #[error("is a regular expression that matches nothing at all, and so every article")]
    RegexEmpty,
}

impl TermError {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::NoLetter | Self::TooLong => "write words as they stand in articles".to_owned(),
            Self::Scope(_, near) => format!("did you mean \"{near}:\"? What has a colon of its own stands in quotes within the quotes"),
            Self::Regex(_) => "mend it, or leave out the slashes that make it one".to_owned(),
            Self::RegexTooLarge => "make it shorter, or its counts smaller".to_owned(),
            Self::RegexEmpty => "let it ask for a letter: \"+\" for \"*\", no \"?\" after the whole".to_owned(),
        }
    }
}

/// A word or phrase in the form it is compared in.
///
/// - Case does not matter, but a word of two to five letters that is all in upper case (`AI`, `EHR`, `COVID-19`) is found
///   only in upper case; to find it in any case it is written otherwise (`ehr`, `Covid-19`).
/// - A run of spaces and hyphens matches any other such run: `follow-up` is `follow up`.
/// - Typographic quotes are the plain ones.
/// - It begins and ends at word boundaries (letters and digits of any script); one `s` may follow it.
/// - Scripts that are written without spaces (Chinese, Japanese, Thai and the like) have no word boundaries to keep.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Term {
    letters: Vec<Letter>,
    /// In quotes: letters, case and hyphens as written, and no plural.
    quoted: bool,
}

/// A character to compare: folded, or as written when `exact`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Letter {
    char: char,
    exact: bool,
}

/// Stands for a run of spaces and hyphens.
const GAP: Letter = Letter { char: ' ', exact: false };

/// Stands for a run of spaces, in quotes.
const SPACE: Letter = Letter { char: ' ', exact: true };

impl Term {
    /// Reads a term as a rule has it.
    ///
    /// # Errors
    /// When it could never be found.
    pub fn parse(text: &str) -> Result<Self, TermError> {
        let mut letters: Vec<Letter> = Vec::new();
        for char in text.trim().nfc() {
            if !is_gap(char) {
                letters.push(Letter { char, exact: false });
            } else if letters.last().is_some_and(|last| *last != GAP) {
                letters.push(GAP);
            }
        }
        while letters.last() == Some(&GAP) {
            letters.pop();
        }
        within_limits(&letters)?;
        for word in runs(&letters, char::is_alphanumeric) {
            let word = &mut letters[word];
            let upper = word.iter().filter(|letter| letter.char.is_uppercase()).count();
            let exact = (2..=5).contains(&upper) && word.iter().all(|letter| letter.char.is_uppercase() || letter.char.is_numeric());
            word.iter_mut().for_each(|letter| letter.exact = exact);
        }
        for letter in letters.iter_mut().filter(|letter| !letter.exact) {
            letter.char = fold(letter.char);
        }
        Ok(Self { letters, quoted: false })
    }

    /// Reads what stands between quotes: it is found only as it is written, in its case, with its hyphens, without a plural.
    ///
    /// # Errors
    /// When it could never be found.
    pub fn parse_quoted(text: &str) -> Result<Self, TermError> {
        let mut letters: Vec<Letter> = Vec::new();
        for char in text.trim().nfc() {
            if !char.is_whitespace() {
                letters.push(Letter { char, exact: true });
            } else if letters.last().is_some_and(|last| *last != SPACE) {
                letters.push(SPACE);
            }
        }
        within_limits(&letters)?;
        Ok(Self { letters, quoted: true })
    }

    /// Its words, each with whether its case counts; `None` where anything but letters, digits and gaps is in it.
    pub(super) fn plain_words(&self) -> Option<Vec<(String, bool)>> {
        if self.quoted || !self.letters.iter().all(|letter| *letter == GAP || letter.char.is_alphanumeric()) {
            return None;
        }
        let word = |range: Range<usize>| {
            let letters = &self.letters[range];
            (letters.iter().map(|letter| letter.char).collect(), letters.iter().any(|letter| letter.exact))
        };
        Some(runs(&self.letters, char::is_alphanumeric).into_iter().map(word).collect())
    }

    /// The words that a search could look for first: runs of ASCII, with what joins them (`M&A`) but for quotes, which have
    /// two spellings; where there are none, the beginnings of runs of other letters.
    pub(super) fn words(&self) -> Vec<Range<usize>> {
        let mut words = runs(&self.letters, |char| char.is_ascii_graphic() && !is_gap(char) && !matches!(char, '\'' | '"'));
        words.retain(|word| self.letters[word.clone()].iter().any(|letter| letter.char.is_ascii_alphanumeric()));
        if words.is_empty() {
            words = runs(&self.letters, char::is_alphanumeric);
            words.iter_mut().for_each(|word| word.end = word.end.min(word.start + SPELLED_MAX_CHARS));
        }
        words
    }

    /// The forms of a word that together stand for it in a search that ignores the case of ASCII letters only.
    pub(super) fn spellings(&self, word: Range<usize>) -> Vec<String> {
        spell(self.letters[word].iter().map(|letter| fold(letter.char)))
    }

    /// The term's place in `text` if its `word` stands at the bytes `at`. With `any_case`, exact words match in any case.
    pub(super) fn place(&self, text: &str, word: Range<usize>, at: Range<usize>, any_case: bool) -> Option<Range<usize>> {
        let any_case = any_case && !self.quoted;
        let (before, after) = (&self.letters[..word.start], &self.letters[word.end..]);
        let mut anchor = text.get(at.clone())?.chars();
        if !self.letters[word].iter().all(|letter| anchor.next().is_some_and(|char| letter.is(char, any_case))) {
            return None;
        }
        let mut head = text.get(..at.start)?.chars();
        for letter in before.iter().rev() {
            if let Some(is_gap) = letter.gap() {
                let run = head.as_str().chars().rev().take(GAP_MAX_CHARS).take_while(|char| is_gap(*char)).count();
                head.nth_back(run.checked_sub(1)?);
            } else if !letter.is(head.next_back()?, any_case) {
                return None;
            }
        }
        let mut tail = text.get(at.end..)?.chars();
        for letter in after {
            if let Some(is_gap) = letter.gap() {
                let run = tail.as_str().chars().take(GAP_MAX_CHARS).take_while(|char| is_gap(*char)).count();
                tail.nth(run.checked_sub(1)?);
            } else if !letter.is(tail.next()?, any_case) {
                return None;
            }
        }
        let start = head.as_str().len();
        if !is_boundary(head.next_back(), self.letters.first()?.char) {
            return None;
        }
        let last = *self.letters.last()?;
        let mut plural = tail.clone();
        let is_plural = match plural.next() {
            Some('s') => true,
            Some('S') => !last.exact || any_case,
            _ => false,
        } && !self.quoted
            && last.char.is_alphanumeric()
            && is_boundary(plural.clone().next(), 's');
        if is_plural {
            tail = plural;
        } else if !is_boundary(tail.clone().next(), last.char) {
            return None;
        }
        Some(start..text.len() - tail.as_str().len())
    }
}

fn within_limits(letters: &[Letter]) -> Result<(), TermError> {
    if letters.len() > TERM_MAX_CHARS {
        return Err(TermError::TooLong);
    }
    if !letters.iter().any(|letter| letter.char.is_alphanumeric()) {
        return Err(TermError::NoLetter);
    }
    Ok(())
}

/// The forms that together stand for lower-case letters in a search that ignores the case of ASCII letters only.
pub(super) fn spell(letters: impl Iterator<Item = char>) -> Vec<String> {
    let mut spellings = vec![String::new()];
    for lower in letters {
        let mut upper = lower.to_uppercase();
        let forms = match (lower.is_ascii(), upper.next(), upper.next()) {
            (false, Some(upper), None) if upper != lower => vec![lower, upper],
            _ => vec![lower],
        };
        spellings = spellings.iter().flat_map(|start| forms.iter().map(move |form| format!("{start}{form}"))).collect();
    }
    spellings
}

impl Letter {
    /// What may stand for it, if it stands for a run.
    fn gap(self) -> Option<fn(char) -> bool> {
        match self {
            GAP => Some(is_gap),
            SPACE => Some(char::is_whitespace),
            _ => None,
        }
    }

    fn is(self, char: char, any_case: bool) -> bool {
        self.char == char || if self.exact { any_case && fold(self.char) == fold(char) } else { self.char == fold(char) }
    }
}

/// Whether a word may begin or end between `outside` and the term's own edge.
pub(super) fn is_boundary(outside: Option<char>, edge: char) -> bool {
    let Some(outside) = outside else { return true };
    // A combining accent makes another letter of the one before it, so it continues the word.
    let continues = outside.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(&outside);
    !continues || !edge.is_alphanumeric() || is_unspaced(outside) || is_unspaced(edge)
}

/// Whether the character's script is written without spaces between words.
fn is_unspaced(char: char) -> bool {
    matches!(char, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Space or hyphen. Dashes are left out: they part clauses, which a phrase must not bridge.
pub(super) fn is_gap(char: char) -> bool {
    char.is_whitespace() || matches!(char, '-' | '\u{2010}' | '\u{2011}')
}

/// One character without case, with typographic quotes made plain.
pub(super) fn fold(char: char) -> char {
    match char {
        '\0'..='\x7f' => char.to_ascii_lowercase(),
        '\u{2018}' | '\u{2019}' | '\u{2bc}' => '\'',
        '\u{201c}' | '\u{201d}' => '"',
        _ => char.to_lowercase().next().unwrap_or(char),
    }
}

fn runs(letters: &[Letter], belongs: impl Fn(char) -> bool) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, _) in letters.iter().enumerate().filter(|(_, letter)| belongs(letter.char)) {
        match runs.last_mut() {
            Some(run) if run.end == at => run.end = at + 1,
            _ => runs.push(at..at + 1),
        }
    }
    runs
}
