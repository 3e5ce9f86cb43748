//! Repairs UTF-8 that was read as Windows-1252 on its way (`Europeâ€™s`).

use std::borrow::Cow;

use web_atoms::C1_REPLACEMENTS;

/// How often text may have gone through the wrong charset.
const ROUNDS_MAX: usize = 2;

/// Repairs text that was UTF-8 and was read as Windows-1252, where that is the only sensible reading.
///
/// A run of characters above ASCII is repaired as a whole or left alone: all of it must map back to bytes that are valid UTF-8, and
/// what comes out must be likelier than what is there. `É®`, `Ã”` after a capital or `é…”` are valid by chance and stay.
/// Windows-1252 leaves five bytes undefined; they are taken as the C1 controls that decoders make of them.
#[must_use]
pub fn unmojibake(text: &str) -> Cow<'_, str> {
    // A broken character begins with one of U+00C2 to U+00F4, all of which begin with this byte, and none stands alone: most
    // texts have no such pair.
    let bytes = text.as_bytes();
    let may_begin = |at: usize| matches!(bytes.get(at + 1), Some(0x82..=0xb4)) && bytes.get(at + 2).is_some_and(|b| !b.is_ascii());
    if !memchr::memchr_iter(0xc3, bytes).any(may_begin) {
        return Cow::Borrowed(text);
    }
    let mut text = Cow::Borrowed(text);
    for _ in 0..ROUNDS_MAX {
        match round(&text) {
            Some(repaired) => text = Cow::Owned(repaired),
            None => break,
        }
    }
    text
}

/// One repair, if there is anything to repair.
fn round(text: &str) -> Option<String> {
    let mut out: Option<String> = None;
    let mut copied = 0;
    let mut run_start = None;
    let mut bytes = Vec::new();
    // A blank behind the end closes the last run.
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        if let Some(byte) = to_byte(c) {
            run_start.get_or_insert(at);
            bytes.push(byte);
            continue;
        }
        if let Some(start) = run_start.take()
            && let Some(repaired) = repair(&bytes, text[..start].chars().next_back(), text[at..].chars().next())
        {
            let out = out.get_or_insert_with(|| String::with_capacity(text.len()));
            out.push_str(&text[copied..start]);
            out.push_str(&repaired);
            copied = at;
        }
        bytes.clear();
    }
    let mut out = out?;
    out.push_str(&text[copied..]);
    Some(out)
}

/// The byte from 0x80 that Windows-1252 shows as `c`.
fn to_byte(c: char) -> Option<u8> {
    match c {
        // NEL and its kin are what the undefined bytes, or all of them under ISO 8859-1, became.
        '\u{80}'..='\u{ff}' => u8::try_from(u32::from(c)).ok(),
        c if c.is_ascii() => None,
        c => C1_REPLACEMENTS.iter().position(|shown| *shown == Some(c)).and_then(|at| u8::try_from(at + 0x80).ok()),
    }
}

/// The text that a whole run stands for, if that is likelier than the run itself.
fn repair(bytes: &[u8], before: Option<char>, after: Option<char>) -> Option<String> {
    if bytes.len() < 2 {
        return None;
    }
    let decoded = str::from_utf8(bytes).ok()?;
    let many = decoded.chars().nth(1).is_some();
    let very_many = decoded.chars().nth(2).is_some();
    let in_word = before.is_some_and(char::is_lowercase) || after.is_some_and(char::is_alphabetic);
    let mut at = 0;
    for c in decoded.chars() {
        let second = bytes[at + 1];
        at += c.len_utf8();
        let likely = match u32::from(c) {
            // Western letters. Behind a capital, `Ã”` or `Å»` may be that capital word's end and a punctuation mark.
            0x80..=0x17f => many || in_word || !(before.is_some_and(char::is_alphabetic) || bytes[0] >= 0xc4) || !is_punctuation(second),
            // Greek, Cyrillic, Hebrew, Arabic: one letter may be `É®`, a word is no accident.
            0x180..=0x7ff => many,
            // Dashes, quotes, currencies, arrows, dingbats: all begin with `â`, which ends next to no word.
            0x2000..=0x206f | 0x20a0..=0x20cf | 0x2100..=0x214f | 0x2190..=0x22ff | 0x2500..=0x27bf => true,
            // Ligatures, the byte order mark, emoji.
            0xfb00..=0xfb06 | 0xfeff | 0x1f000..=0x1faff => true,
            // U+FFFD would trade one damage for another.
            0xfffd => false,
            // Other scripts take three bytes a letter: `é…”` is one such letter by chance.
            _ => very_many,
        };
        if !likely {
            return None;
        }
    }
    Some(decoded.to_owned())
}

/// Bytes that Windows-1252 shows as what follows a word: quotation marks, ellipsis, dashes, trade marks.
fn is_punctuation(byte: u8) -> bool {
    matches!(byte, 0x82 | 0x84 | 0x85 | 0x8b | 0x91..=0x94 | 0x96 | 0x97 | 0x99 | 0x9b | 0xa0 | 0xa9 | 0xab | 0xae | 0xb0 | 0xbb)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Independent of the table above: the encoder of encoding_rs reads the UTF-8 bytes as Windows-1252.
    fn garble(text: &str) -> String {
        encoding_rs::WINDOWS_1252.decode_without_bom_handling(text.as_bytes()).0.into_owned()
    }

    #[test]
    fn broken_text_is_repaired() {
        for text in [
            "Europe’s health systems",
            "“quoted” – and — dashed…",
            "café, naïve, Müller, Ångström är på",
            "EL NIÑO",
            "CÔTE D’IVOIRE",
            "Österreich",
            "20 °C, £5, €7 ®",
            "Kraków, Łódź, žluťoučký",
            "Привет, мир",
            "Ελληνικά",
            "東京都知事",
            "ok 👍 done",
            "trade™ → next",
        ] {
            assert_eq!(unmojibake(&garble(text)), text);
        }
        assert_eq!(unmojibake(&garble(&garble("Europe’s café"))), "Europe’s café", "twice");
        assert_eq!(unmojibake("\u{e2}\u{80}\u{99}s"), "’s", "by way of ISO 8859-1");
    }

    #[test]
    fn real_text_stays() {
        for text in [
            "Europe’s health systems – “quoted”…",
            "â€",
            "â€ alone",
            "SÃO PAULO, NAÇÕES, AMANHÃ",
            "«AMANHÃ» “AMANHÔ AMANHÃ…",
            "NESTLÉ® und NESTLÉ™",
            "»CAFÉ« „EU-PRÄ“ “PÅ” «IRÅ»",
            "« il a dit “café…” »",
            "Ã",
            "Â",
            "müßig, naïve, Ærøskøbing, þóðʼ",
            "Привет 東京 👍",
            "price: 5 €– 7 €…",
        ] {
            assert!(matches!(unmojibake(text), Cow::Borrowed(_)), "{text}: {}", unmojibake(text));
        }
    }

    #[test]
    fn one_unsure_run_does_not_stop_the_others() {
        assert_eq!(unmojibake("donâ€™t, SÃO, cafÃ©"), "don’t, SÃO, café");
        assert_eq!(unmojibake("a â€™” b"), "a â€™” b", "a run is repaired as a whole");
    }

    proptest! {
        #[test]
        fn western_words_come_back(text in "[a-z]{1,5}[äöüßéèêàçñøåœ’…–][a-z]{1,5}( [a-z]{1,5})?") {
            let garbled = garble(&text);
            prop_assert_eq!(unmojibake(&garbled), text.as_str());
            prop_assert_eq!(unmojibake(&text), text.as_str());
        }

        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            let once = unmojibake(&text).into_owned();
            prop_assert!(once.len() <= text.len());
        }
    }
}
