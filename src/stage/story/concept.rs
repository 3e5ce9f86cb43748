//! Words that mean one thing in several languages, and words that tell nothing.

use std::sync::LazyLock;

use foldhash::{HashMap, HashSet};

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
            words.common.extend(rest.split_whitespace().map(deunicode::deunicode));
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
    common: HashSet<String>,
}

/// What begins with a word.
#[derive(Default)]
struct Entry {
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
        let list = self.beginnings.get(text.as_bytes().first_chunk()?)?;
        let found = list.iter().find(|(beginning, _)| beginning.len() >= least && text.starts_with(beginning.as_str()));
        found.map(|(beginning, concept)| (beginning.len(), concept.as_str()))
    }
}

fn words(language: Language) -> Option<&'static Words> {
    TABLE.get(language.place())
}

/// Whether a word (lower case, no accents) tells nothing.
pub(super) fn is_common(word: &str, language: Language) -> bool {
    words(language).is_some_and(|w| w.common.contains(word))
}

/// The concepts of a word, read with the next one; and how many words they took.
pub(super) fn of(word: &str, next: Option<&str>, language: Language, found: &mut Vec<&'static str>) -> usize {
    let Some(words) = words(language) else { return 0 };
    if let Some(entry) = words.whole.get(word) {
        let pair = next.and_then(|next| entry.pairs.iter().find(|(second, _)| next.starts_with(second.as_str())));
        if let Some((_, concept)) = pair {
            found.push(concept);
            return 2;
        }
        if let Some(concept) = &entry.concept {
            found.push(concept);
            return 1;
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
    usize::from(found.len() > before)
}

/// The language whose common words occur most.
pub(super) fn guess<'a>(text: impl Iterator<Item = &'a str>) -> Language {
    let mut counts = [0usize; 5];
    for word in text {
        for (count, words) in counts.iter_mut().zip(TABLE.iter()) {
            *count += usize::from(words.common.contains(word));
        }
    }
    let best = counts.iter().enumerate().rev().max_by_key(|(_, count)| **count).map_or(0, |(place, _)| place);
    Language::ALL.get(best).copied().unwrap_or(Language::English)
}
