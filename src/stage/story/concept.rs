//! Words that mean one thing in several languages, and words that tell nothing.

use std::sync::LazyLock;

use foldhash::HashMap;

use super::Language;

/// Beginnings of words shorter than this are whole words.
const PREFIX_MIN: usize = 5;
/// In languages that write compounds as one word, a concept this long is found inside a word too.
const INSIDE_MIN: usize = 6;

static TABLE: LazyLock<[Words; 5]> = LazyLock::new(|| {
    let mut table: [Words; 5] = std::array::from_fn(|_| Words::default());
    for line in include_str!("concepts.txt").lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty()) {
        let Some((name, rest)) = line.split_once(char::is_whitespace) else { continue };
        for part in rest.split('|') {
            let Some((code, words)) = part.split_once(':') else { continue };
            let Some(place) = Language::of(code.trim()).map(Language::place) else { continue };
            for word in words.split_whitespace() {
                if let Some(words) = table.get_mut(place) {
                    words.insert(&deunicode::deunicode(word), &format!("#{name}"));
                }
            }
        }
    }
    for line in include_str!("common.txt").lines().filter(|l| !l.starts_with('#')) {
        let Some((code, rest)) = line.split_once(':') else { continue };
        let Some(place) = Language::of(code.trim()).map(Language::place) else { continue };
        if let Some(words) = table.get_mut(place) {
            for word in rest.split_whitespace() {
                words.whole.entry(deunicode::deunicode(word)).or_default().is_common = true;
            }
        }
    }
    table
});

#[derive(Default)]
struct Words {
    /// By first word.
    whole: HashMap<String, Entry>,
    /// Beginnings of words, by their first bytes, the longest first.
    beginnings: HashMap<[u8; HEAD], Vec<(String, String)>>,
}

/// What is known of a word.
#[derive(Default)]
struct Entry {
    /// It tells nothing.
    is_common: bool,
    /// The word's own concept.
    concept: Option<String>,
    /// Beginnings of the word behind it, with the concept of the two, the longest first.
    pairs: Vec<(String, String)>,
}

/// Bytes that beginnings of words are looked up by; none is shorter than [`PREFIX_MIN`].
const HEAD: usize = 4;

impl Words {
    fn insert(&mut self, word: &str, concept: &str) {
        // A word that is named twice has the concept named last.
        let put = |list: &mut Vec<(String, String)>, beginning: &str| {
            list.retain(|(known, _)| known != beginning);
            list.push((beginning.to_owned(), concept.to_owned()));
            list.sort_by_key(|(beginning, _)| std::cmp::Reverse(beginning.len()));
        };
        if let Some((first, second)) = word.split_once('-').filter(|(_, second)| !second.is_empty()) {
            put(&mut self.whole.entry(first.to_owned()).or_default().pairs, second);
        }
        self.whole.entry(word.to_owned()).or_default().concept = Some(concept.to_owned());
        if let Some(head) = word.as_bytes().first_chunk().filter(|_| word.len() >= PREFIX_MIN) {
            put(self.beginnings.entry(*head).or_default(), word);
        }
    }

    /// The longest beginning of `text` that is at least so long.
    fn beginning(&self, text: &str, least: usize) -> Option<(usize, &str)> {
        // Most words are too short to begin so.
        if text.len() < least {
            return None;
        }
        let list = self.beginnings.get(text.as_bytes().first_chunk()?)?;
        let found = list.iter().find(|(beginning, _)| beginning.len() >= least && text.starts_with(beginning.as_str()));
        found.map(|(beginning, concept)| (beginning.len(), concept.as_str()))
    }
}

fn words(language: Language) -> Option<&'static Words> {
    TABLE.get(language.place())
}

/// What a word says by itself.
pub(super) struct Sense {
    /// How many words its concepts took; 0 where it has none.
    pub(super) words: usize,
    /// Whether it tells nothing.
    pub(super) is_common: bool,
}

/// Finds the concepts of a word (lower case, no accents), read with the next one.
pub(super) fn of(word: &str, next: Option<&str>, language: Language, found: &mut Vec<&'static str>) -> Sense {
    let Some(words) = words(language) else { return Sense { words: 0, is_common: false } };
    let entry = words.whole.get(word);
    let is_common = entry.is_some_and(|entry| entry.is_common);
    if let Some(entry) = entry {
        let pair = next.and_then(|next| entry.pairs.iter().find(|(second, _)| next.starts_with(second.as_str())));
        if let Some((_, concept)) = pair {
            found.push(concept);
            return Sense { words: 2, is_common };
        }
        if let Some(concept) = &entry.concept {
            found.push(concept);
            return Sense { words: 1, is_common };
        }
    }
    let before = found.len();
    let inside = !matches!(language, Language::English | Language::French);
    let mut at = 0;
    while let Some(rest) = word.get(at..).filter(|rest| !rest.is_empty()) {
        let least = if at == 0 { PREFIX_MIN } else { INSIDE_MIN };
        match words.beginning(rest, least) {
            Some((n, concept)) => {
                found.push(concept);
                at += n;
            }
            None => at += 1,
        }
        if !inside {
            break;
        }
    }
    Sense { words: usize::from(found.len() > before), is_common }
}

/// The language whose common words occur most.
pub(super) fn guess<'a>(text: impl Iterator<Item = &'a str>) -> Language {
    let mut counts = [0usize; 5];
    for word in text {
        for (count, words) in counts.iter_mut().zip(TABLE.iter()) {
            *count += usize::from(words.whole.get(word).is_some_and(|entry| entry.is_common));
        }
    }
    let best = counts.iter().enumerate().rev().max_by_key(|(_, count)| **count).map_or(0, |(place, _)| place);
    Language::ALL.get(best).copied().unwrap_or(Language::English)
}
