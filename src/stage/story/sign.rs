//! What of an article is compared.

use std::borrow::Cow;

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

/// A term of an article: the word cut to its stem, the number, or `#` and a concept. Its letters are its signature's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Term {
    start: u16,
    length: u8,
    marks: u8,
}

/// The term is in the title.
const TITLE: u8 = 1;
/// It is written like a name.
const NAME: u8 = 2;
/// It is a number.
const NUMBER: u8 = 4;
/// A number that tells one event from others.
const TELLING: u8 = 8;
/// A concept.
const CONCEPT: u8 = 16;
/// A concept that is an event.
const EVENT: u8 = 32;
/// A concept that is what comes after an event.
const AFTER: u8 = 64;
/// A concept that is a column about many events or none.
const COLUMN: u8 = 128;

impl Term {
    fn new(start: usize, text: &str, marks: u8) -> Option<Self> {
        let kind = match text.as_bytes() {
            [b'#', b'!', ..] => CONCEPT | EVENT,
            [b'#', b'~', ..] => CONCEPT | AFTER,
            [b'#', b'?', ..] => CONCEPT | COLUMN,
            [b'#', ..] => CONCEPT,
            [first, ..] if first.is_ascii_digit() => NUMBER | if number::is_telling(text) { TELLING } else { 0 },
            _ => 0,
        };
        Some(Self { start: u16::try_from(start).ok()?, length: u8::try_from(text.len()).ok()?, marks: marks & (TITLE | NAME) | kind })
    }

    fn is(self, mark: u8) -> bool {
        self.marks & mark != 0
    }

    pub(super) fn in_title(self) -> bool {
        self.is(TITLE)
    }

    pub(super) fn is_name(self) -> bool {
        self.is(NAME)
    }

    pub(super) fn is_number(self) -> bool {
        self.is(NUMBER)
    }

    pub(super) fn is_telling_number(self) -> bool {
        self.is(TELLING)
    }

    pub(super) fn is_concept(self) -> bool {
        self.is(CONCEPT)
    }

    pub(super) fn is_event(self) -> bool {
        self.is(EVENT)
    }

    pub(super) fn is_after(self) -> bool {
        self.is(AFTER)
    }

    pub(super) fn is_column(self) -> bool {
        self.is(COLUMN)
    }

    /// Whether it may survive a translation.
    pub(super) fn travels(self) -> bool {
        self.is(NAME | NUMBER | CONCEPT)
    }
}

/// What of an article is compared. Stored: its meaning never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The article's language.
    pub language: Language,
    letters: String,
    /// Its terms, sorted by their letters, each once.
    pub(super) terms: Vec<Term>,
    /// Hashes of three words in a row of its text, sorted, each once.
    pub(super) shingles: Vec<u32>,
    /// Hashes of its addresses, sorted, each once.
    pub(super) addresses: Vec<u64>,
}

impl Signature {
    /// A term's letters.
    pub(super) fn text(&self, term: Term) -> &str {
        self.letters.get(usize::from(term.start)..usize::from(term.start) + usize::from(term.length)).unwrap_or_default()
    }

    /// As it is stored: language, terms (length, marks, letters), shingles and addresses, little-endian, each list with its length first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let lists = self.shingles.len() * 4 + self.addresses.len() * 8;
        let mut out = Vec::with_capacity(8 + self.letters.len() + 2 * self.terms.len() + lists);
        let count = |n: usize| u16::try_from(n).unwrap_or(u16::MAX).to_le_bytes();
        out.push(self.language as u8);
        out.extend(count(self.terms.len()));
        for term in &self.terms {
            out.extend([term.length, term.marks & (TITLE | NAME)]);
            out.extend(self.text(*term).as_bytes());
        }
        out.extend(count(self.shingles.len()));
        self.shingles.iter().for_each(|shingle| out.extend(shingle.to_le_bytes()));
        out.extend(count(self.addresses.len()));
        self.addresses.iter().for_each(|address| out.extend(address.to_le_bytes()));
        out
    }

    /// What [`Signature::to_bytes`] wrote; `None` if these bytes are something else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let mut take = |n: usize| -> Option<&[u8]> {
            let (taken, more) = rest.split_at_checked(n)?;
            rest = more;
            Some(taken)
        };
        let count = |bytes: &[u8]| bytes.try_into().ok().map(|two: [u8; 2]| usize::from(u16::from_le_bytes(two)));
        let language = *Language::ALL.get(usize::from(*take(1)?.first()?))?;
        let terms_count = count(take(2)?)?;
        let (mut letters, mut terms) = (String::with_capacity(bytes.len().min(1024)), Vec::with_capacity(terms_count));
        for _ in 0..terms_count {
            let &[length, marks] = take(2)? else { return None };
            let text = str::from_utf8(take(usize::from(length))?).ok()?;
            terms.push(Term::new(letters.len(), text, marks)?);
            letters.push_str(text);
        }
        let shingles_count = count(take(2)?)?;
        let shingles = take(shingles_count * 4)?.chunks_exact(4).filter_map(|b| b.try_into().ok().map(u32::from_le_bytes)).collect();
        let addresses_count = count(take(2)?)?;
        let addresses = take(addresses_count * 8)?.chunks_exact(8).filter_map(|b| b.try_into().ok().map(u64::from_le_bytes)).collect();
        rest.is_empty().then_some(Self { language, letters, terms, shingles, addresses })
    }
}

/// One word as it stands.
struct Word<'a> {
    raw: &'a str,
    /// Lower case, without accents.
    plain: Cow<'a, str>,
    opens_sentence: bool,
}

impl Word<'_> {
    /// Whether it is all small ASCII letters and digits, as it stands.
    fn is_small(&self) -> bool {
        matches!(self.plain, Cow::Borrowed(_))
    }
}

/// Makes an article's signature. Linear in its length, of which only the beginning is looked at.
#[must_use]
pub fn sign(article: &Article<'_>) -> Signature {
    let title = words(article.title, LEAD_WORDS);
    let text = words(article.text, SHINGLED_WORDS);
    let given = article.language.and_then(Language::of);
    let language = given.unwrap_or_else(|| concept::guess(title.iter().chain(&text).map(|w| w.plain.as_ref())));
    let mut found: Vec<Found<'_>> = Vec::with_capacity(title.len() + LEAD_WORDS);
    let capitals = title.iter().filter(|w| w.plain.len() > 3 && is_capital(w.raw)).count();
    let title_case = title.len() > 3 && capitals * 3 >= title.iter().filter(|w| w.plain.len() > 3).count() * 2;
    collect(&title, language, TITLE, !title_case && language != Language::German, &mut found);
    collect(text.get(..LEAD_WORDS.min(text.len())).unwrap_or_default(), language, 0, language != Language::German, &mut found);
    found.sort_unstable();
    let mut letters = String::with_capacity(found.len() * 6);
    let mut terms: Vec<Term> = Vec::with_capacity(found.len());
    let mut last: Option<&str> = None;
    for Found { word, marks, .. } in &found {
        match terms.last_mut().filter(|_| last == Some(word)) {
            Some(term) => term.marks |= marks,
            None => {
                terms.extend(Term::new(letters.len(), word, *marks));
                letters.push_str(word);
            }
        }
        last = Some(word);
    }
    let mut shingles: Vec<u32> = text.windows(SHINGLE_WORDS).map(|w| hash(w.iter().map(|w| w.plain.as_ref()))).collect();
    shingles.sort_unstable();
    shingles.dedup();
    let address = |a: &String| blake3::hash(a.as_bytes()).as_bytes().first_chunk().map_or(0, |first| u64::from_le_bytes(*first));
    let mut addresses: Vec<u64> = article.addresses.iter().map(address).collect();
    addresses.sort_unstable();
    addresses.dedup();
    Signature { language, letters, terms, shingles, addresses }
}

/// A term that was found. Sorted by its letters, of which the first eight are compared at once.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Found<'a> {
    head: u64,
    word: Cow<'a, str>,
    marks: u8,
}

impl<'a> Found<'a> {
    fn new(word: Cow<'a, str>, marks: u8) -> Self {
        let mut head = [0; 8];
        head.iter_mut().zip(word.bytes()).for_each(|(to, from)| *to = from);
        Self { head: u64::from_be_bytes(head), word, marks }
    }
}

fn collect<'a>(words: &'a [Word<'_>], language: Language, title: u8, case_tells: bool, terms: &mut Vec<Found<'a>>) {
    let plain: Vec<&str> = words.iter().map(|w| w.plain.as_ref()).collect();
    let dot_groups = language == Language::German;
    let (mut at, mut found) = (0, Vec::new());
    while let Some(word) = words.get(at) {
        let rest = plain.get(at..).unwrap_or_default();
        if let Some(read) = number::read(rest, dot_groups) {
            terms.push(Found::new(Cow::Owned(number::term(read.value)), title));
            at += read.words;
            continue;
        }
        found.clear();
        let sense = concept::of(&word.plain, plain.get(at + 1).copied(), language, &mut found);
        terms.extend(found.iter().map(|concept| Found::new(Cow::Borrowed(*concept), title)));
        if sense.words == 0 && !sense.is_common && word.plain.len() > 1 && !is_small_number(&word.plain) {
            let is_name = !word.is_small() && (case_tells && is_capital(word.raw) && !word.opens_sentence || is_abbreviation(word.raw));
            terms.push(Found::new(stem(&word.plain, language), title | if is_name { NAME } else { 0 }));
        }
        at += sense.words.max(1);
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
fn stem(word: &str, language: Language) -> Cow<'_, str> {
    const FINNISH: [&str; 22] = [
        "ssaan", "staan", "issa", "ista", "lla", "lta", "lle", "ssa", "sta", "ksi", "iin", "aan", "een", "oon", "uun", "ien", "jen", "den",
        "ta", "an", "in", "n",
    ];
    let cut =
        |endings: &[&str], least: usize| endings.iter().find_map(|e| word.strip_suffix(e).filter(|s| s.len() >= least)).unwrap_or(word);
    let word = match language {
        Language::English => cut(&["ies", "es", "s", "ing", "ed"], 4),
        Language::Finnish => cut(&FINNISH, 4),
        Language::Swedish | Language::German => cut(&["s", "er", "en", "es"], 4),
        Language::French => cut(&["es", "s"], 4),
    };
    let twice = word.bytes().zip(word.bytes().skip(1)).any(|(a, b)| a == b);
    if word.is_ascii() && !twice && !word.bytes().any(|b| matches!(b, b'p' | b't' | b'c' | b'q' | b'w' | b'z' | b'y')) {
        return Cow::Borrowed(word.get(..STEM_CHARS).unwrap_or(word));
    }
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
    Cow::Owned(out)
}

/// The words of a text: letters and digits, with the points and commas inside numbers.
fn words(text: &str, most: usize) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let (mut start, mut opens) = (None, true);
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        // Most characters are ASCII, and then a byte is one.
        let c = if byte.is_ascii() { char::from(byte) } else { text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or_default() };
        let here = at;
        at += c.len_utf8();
        let joins = |from: usize| matches!(c, '.' | ',') && here > from && is_digit(here - 1) && is_digit(here + 1);
        if c.is_alphanumeric() || start.is_some_and(joins) {
            start.get_or_insert(here);
            continue;
        }
        if let Some(from) = start.take() {
            push(&mut words, text.get(from..here).unwrap_or_default(), &mut opens);
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
    let plain = if raw.len() <= TERM_MAX_BYTES && raw.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
        Cow::Borrowed(raw)
    } else if raw.len() <= TERM_MAX_BYTES && raw.is_ascii() {
        Cow::Owned(raw.to_ascii_lowercase())
    } else {
        let mut plain = deunicode::deunicode(raw).to_lowercase();
        plain.retain(|c| !c.is_whitespace());
        if plain.len() > TERM_MAX_BYTES {
            let cut = (0..=TERM_MAX_BYTES).rev().find(|n| plain.is_char_boundary(*n)).unwrap_or(0);
            plain.truncate(cut);
        }
        Cow::Owned(plain)
    };
    if !plain.is_empty() {
        words.push(Word { raw, plain, opens_sentence: std::mem::replace(opens, false) });
    }
}

/// FNV-1a over the words, 32 bits. Fixed for ever: stored signatures are compared with new ones.
fn hash<'a>(words: impl Iterator<Item = &'a str>) -> u32 {
    fn put(hash: u32, byte: u8) -> u32 {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    }
    words.fold(0x811c_9dc5, |hash, word| put(word.bytes().fold(hash, put), b' '))
}
