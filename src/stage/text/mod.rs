//! Text from outside: plain, excerpted, sanitised.

mod body;
pub(crate) mod entity;
pub(crate) mod markup;
mod mojibake;
mod sanitise;
pub(crate) mod tidy;

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;

use crate::entry::{Text, TextKind};
use crate::syntax::is_xml_char;

pub use body::{paragraphs, without_boilerplate};
pub use entity::resolve as resolve_entities;
pub use mojibake::unmojibake;
pub use sanitise::sanitise;

/// The text as one line without markup: tags gone, character references resolved once, white space collapsed to single spaces,
/// control characters and directional overrides gone. Scripts, styles and foreign content are left out; block elements separate
/// words. Linear in the length of the text.
#[must_use]
pub fn plain(text: &Text) -> String {
    plain_with_limit(text, usize::MAX)
}

/// [`plain`], ending after `max_chars` characters without reading on: for a summary out of a long content.
#[must_use]
pub fn plain_with_limit(text: &Text, max_chars: usize) -> String {
    match text.kind {
        TextKind::Plain => {
            let mut line = Line::new(max_chars);
            line.push(&text.value);
            line.out
        }
        TextKind::Html => plain_html(&text.value, max_chars),
    }
}

/// [`plain_with_limit`] of HTML.
pub(crate) fn plain_html(html: &str, max_chars: usize) -> String {
    let mut line = Line::new(max_chars);
    line.out.reserve(if max_chars == usize::MAX { html.len() } else { 0 });
    for token in markup::tokens(html, 0) {
        match token {
            markup::Token::Text(text) => line.push(&entity::resolve(text)),
            markup::Token::Open(name, _) | markup::Token::Close(name) => line.space |= !markup::is_inline(&name),
            markup::Token::Title(_) => {}
        }
        if line.left == 0 {
            break;
        }
    }
    line.out
}

/// Collects one line of text.
struct Line {
    out: String,
    /// Whether white space came since the last character.
    space: bool,
    /// Characters that still fit.
    left: usize,
}

impl Line {
    fn new(max_chars: usize) -> Self {
        Self { out: String::new(), space: false, left: max_chars }
    }

    fn push(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() && self.left > 0 {
            // Most text is printable ASCII with single blanks in it: that goes over whole.
            let (ascii, more) = rest.split_at(ascii_run(rest.as_bytes()));
            rest = more;
            if !ascii.is_empty() {
                self.word(ascii, ascii.len());
                continue;
            }
            let Some(c) = rest.chars().next() else { return };
            let (this, more) = rest.split_at(c.len_utf8());
            rest = more;
            if c.is_whitespace() {
                self.space = true;
            } else if keeps(c) {
                self.word(this, 1);
            }
        }
    }

    /// Adds characters that begin and end with no white space and have none but single blanks among them, as many as fit.
    fn word(&mut self, word: &str, chars: usize) {
        let spaced = self.space && !self.out.is_empty();
        if self.left < 1 + usize::from(spaced) {
            self.left = 0;
            return;
        }
        if spaced {
            self.out.push(' ');
            self.left -= 1;
        }
        self.space = false;
        let fits = chars.min(self.left);
        // Several characters are ASCII, so a count of them is a count of bytes.
        self.out.push_str(if fits == chars { word } else { word[..fits].trim_end_matches(' ') });
        self.left -= fits;
    }
}

/// How many bytes at the beginning are printable ASCII, words with single blanks between them.
fn ascii_run(bytes: &[u8]) -> usize {
    let mut after_blank = true;
    let end = bytes.iter().position(|b| match b {
        b' ' => std::mem::replace(&mut after_blank, true),
        b => {
            after_blank = false;
            !b.is_ascii_graphic()
        }
    });
    match end {
        // The second of two blanks ends a run, and so does what is not printable; a blank before that is not of the run.
        Some(end) => bytes[..end].strip_suffix(b" ").map_or(end, <[u8]>::len),
        None => bytes.strip_suffix(b" ").map_or(bytes.len(), <[u8]>::len),
    }
}

/// Whether a character may be published: it is in XML 1.0's `Char`, no control character but tab and line breaks, no directional
/// embedding, override or isolate (which would turn round the text after it), and no stray byte order mark.
pub(crate) fn keeps(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' | '\u{85}' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => false,
        c => !c.is_control() && is_xml_char(c),
    }
}

/// Writes text for HTML: `&`, `<` and `>` escaped, characters that may not be published left out, line breaks as `\n`.
pub(crate) fn escape_into(text: &str, out: &mut String) {
    let mut after_return = false;
    for c in text.chars().filter(|c| keeps(*c)) {
        let follows_return = std::mem::replace(&mut after_return, c == '\r');
        match c {
            '\n' if follows_return => {}
            '\r' => out.push('\n'),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
}

/// Drops every character that no XML 1.0 document may hold (section 2.2): one of them makes a whole feed unreadable.
#[must_use]
pub fn xml_clean(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_xml_char) { Cow::Borrowed(text) } else { Cow::Owned(text.chars().filter(|c| is_xml_char(*c)).collect()) }
}

/// The beginning of a plain text, at most `max_chars` characters long with the `…` that marks the cut.
///
/// The cut is between words; inside a word only where that word would take more than half of the excerpt (text without spaces),
/// and never inside a grapheme.
#[must_use]
pub fn excerpt(plain: &str, max_chars: usize) -> String {
    if plain.chars().nth(max_chars).is_none() {
        return plain.to_owned();
    }
    let room = max_chars.saturating_sub(1);
    let (mut chars, mut end, mut word_end) = (0, 0, 0);
    for (at, grapheme) in plain.grapheme_indices(true) {
        if grapheme.starts_with(char::is_whitespace) {
            word_end = at;
        }
        chars += grapheme.chars().count();
        if chars > room {
            break;
        }
        end = at + grapheme.len();
    }
    if word_end > end / 2 {
        end = word_end;
    }
    let mut out = plain[..end].trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '–' | '—' | '-')).to_owned();
    if max_chars > 0 && !out.ends_with('…') {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn html(value: &str) -> Text {
        Text { value: value.to_owned(), kind: TextKind::Html }
    }

    fn text(value: &str) -> Text {
        Text { value: value.to_owned(), kind: TextKind::Plain }
    }

    #[test]
    fn html_becomes_one_line() {
        for (given, wanted) in [
            ("a <b>b</b>c\n\t d", "a bc d"),
            ("<p>a</p><p>b</p>", "a b"),
            ("a<br>b<td>c", "a b c"),
            ("H<sub>2</sub>O", "H2O"),
            ("&lt;b&gt; &amp;amp; caf&#233;&nbsp;x", "<b> &amp; café x"),
            ("<script>x()</script>a<style>p{}</style>", "a"),
            ("<svg><title>icon</title></svg>a", "a"),
            ("a\u{0}\u{1}b\u{202e}c\u{fffe}\u{feff}d", "abcd"),
            ("שלום \u{200f}👩‍👩‍👧 ok", "שלום \u{200f}👩‍👩‍👧 ok"),
            ("  ", ""),
            ("<img alt=x src=y>", ""),
        ] {
            assert_eq!(plain(&html(given)), wanted, "{given:?}");
        }
    }

    #[test]
    fn plain_text_keeps_its_signs() {
        assert_eq!(plain(&text(" 1 < 2 &amp;\n <b>3 ")), "1 < 2 &amp; <b>3");
    }

    #[test]
    fn a_limit_stops_early() {
        assert_eq!(plain_with_limit(&html("<p>ab cd</p>ef"), 5), "ab cd");
        assert_eq!(plain_with_limit(&text("ab cd"), 3), "ab");
        assert_eq!(plain_with_limit(&text("ab cd"), 0), "");
    }

    #[test]
    fn excerpts_end_between_words() {
        for (given, max, wanted) in [
            ("one two three", 13, "one two three"),
            ("one two three", 12, "one two…"),
            ("one two three", 8, "one two…"),
            ("one, two three", 6, "one…"),
            ("abcdefghijkl", 5, "abcd…"),
            ("日本語日本語日本語", 4, "日本語…"),
            ("a e\u{301}e\u{301}e\u{301}", 5, "a e\u{301}…"),
            ("👩‍👩‍👧👩‍👩‍👧", 6, "👩‍👩‍👧…"),
            ("abc", 0, ""),
            ("abc", 1, "…"),
        ] {
            assert_eq!(excerpt(given, max), wanted, "{given} {max}");
        }
    }

    #[test]
    fn xml_clean_drops_only_what_xml_forbids() {
        assert_eq!(xml_clean("a\tb\u{1}\u{b}c\u{fffe}\u{ffff}😀]]>"), "a\tbc😀]]>");
        assert!(matches!(xml_clean("plain\r\n"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn excerpts_fit_and_begin_the_text(given in "\\PC{0,60}", max in 0usize..40) {
            let cut = excerpt(&given, max);
            prop_assert!(cut.chars().count() <= max.max(given.chars().count().min(max)));
            prop_assert!(given.starts_with(cut.trim_end_matches('…')));
        }

        #[test]
        fn plain_is_one_clean_line(given in any::<String>(), markup: bool) {
            let kind = if markup { TextKind::Html } else { TextKind::Plain };
            let line = plain(&Text { value: given, kind });
            prop_assert!(!line.contains("  ") && line.trim() == line);
            prop_assert!(line.chars().all(|c| c == ' ' || (!c.is_whitespace() && !c.is_control())));
        }
    }
}
