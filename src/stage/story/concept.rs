//! Words that mean one thing in several languages, and words that tell nothing.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::Language;

/// Beginnings of words shorter than this are whole words.
const PREFIX_MIN: usize = 5;
/// In languages that write compounds as one word, a concept this long is found inside a word too.
const INSIDE_MIN: usize = 6;
/// Longest entry of the list, in bytes.
const ENTRY_MAX: usize = 24;

static TABLE: LazyLock<[Words; 5]> = LazyLock::new(|| {
    let mut table: [Words; 5] = std::array::from_fn(|_| Words::default());
    for line in include_str!("concepts.txt").lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty()) {
        let Some((name, rest)) = line.split_once(char::is_whitespace) else { continue };
        for part in rest.split('|') {
            let Some((code, words)) = part.split_once(':') else { continue };
            let Some(place) = Language::of(code.trim()).map(Language::place) else { continue };
            for word in words.split_whitespace() {
                if let Some(words) = table.get_mut(place) {
                    words.concepts.insert(deunicode::deunicode(word), name);
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
    concepts: HashMap<String, &'static str>,
    common: HashSet<String>,
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
    if let Some(next) = next {
        let pair = format!("{word}-{next}");
        if let Some(concept) = (word.len() + 2..=pair.len().min(ENTRY_MAX)).rev().find_map(|n| words.concepts.get(pair.get(..n)?)) {
            found.push(concept);
            return 2;
        }
    }
    if let Some(concept) = words.concepts.get(word) {
        found.push(concept);
        return 1;
    }
    let before = found.len();
    let inside = !matches!(language, Language::English | Language::French);
    let mut at = 0;
    while at < word.len() {
        let least = if at == 0 { PREFIX_MIN } else { INSIDE_MIN };
        let longest = (word.len() - at).min(ENTRY_MAX);
        let hit = (least..=longest).rev().find_map(|n| Some((n, *words.concepts.get(word.get(at..at + n)?)?)));
        match hit {
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
