//! Writes YAML laid out as js-yaml 4's `dump()` lays it out with its defaults, which is the layout of the records' contract
//! (`spec/curated-content.md`): two-space steps, lists indented under their key, folding at 80 columns less the indentation.
//!
//! Where js-yaml leaves a scalar plain that another common reader would take for a number, date, boolean or null
//! (`1_000`, `+.5`, `2022-6-5`, `1,000`, `yES`), this writer quotes it: every reader must get the text back.

/// Columns a folded line may fill, its indentation included.
const WIDTH: usize = 80;
/// Columns that are left to the text however deep it stands.
const WIDTH_MIN: usize = 40;
/// Spaces a level is indented by; also the indentation indicator of a block that starts with a space.
const STEP: usize = 2;
/// Enough spaces for the deepest map the writer is asked for.
const SPACES: &str = "                                ";

/// A YAML document in the making: a map whose entries are written in the order of the calls.
///
/// Keys are the caller's constants and must be plain scalars; values may be any text. `depth` counts the maps and lists an entry
/// stands in, 0 for the document's own; up to 14 are indented.
pub(super) struct Document {
    out: String,
    /// The next entry is the first of a list's item and follows its dash.
    after_dash: bool,
}

impl Document {
    /// Starts after `head`, with room for `capacity` bytes in all.
    pub(super) fn new(head: &str, capacity: usize) -> Self {
        let mut out = String::with_capacity(capacity);
        out.push_str(head);
        Self { out, after_dash: false }
    }

    /// The text so far.
    pub(super) fn into_text(self) -> String {
        self.out
    }

    /// Opens a map or list: its entries follow, one `depth` further in.
    pub(super) fn open(&mut self, depth: usize, key: &str) {
        self.key(depth, key);
        self.out.push('\n');
    }

    /// The next entry starts a list's item that is a map; `depth` of its entries is two more than that of the list's key.
    pub(super) fn item(&mut self) {
        self.after_dash = true;
    }

    /// An entry whose value is text.
    pub(super) fn text(&mut self, depth: usize, key: &str, value: &str) {
        self.key(depth, key);
        self.out.push(' ');
        push_scalar(&mut self.out, value, STEP * (depth + 1));
        self.out.push('\n');
    }

    /// An entry whose value is text or `null`.
    pub(super) fn text_or_null(&mut self, depth: usize, key: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(depth, key, value),
            None => self.null(depth, key),
        }
    }

    /// An entry whose value is `null`.
    pub(super) fn null(&mut self, depth: usize, key: &str) {
        self.key(depth, key);
        self.out.push_str(" null\n");
    }

    /// An entry whose value is a whole number.
    pub(super) fn number(&mut self, depth: usize, key: &str, value: u64) {
        self.key(depth, key);
        self.out.push(' ');
        self.push_number(value);
    }

    /// An entry whose value is `true` or `false`.
    pub(super) fn boolean(&mut self, depth: usize, key: &str, value: bool) {
        self.key(depth, key);
        self.out.push_str(if value { " true\n" } else { " false\n" });
    }

    /// An entry whose value is a list of texts.
    pub(super) fn texts<T: AsRef<str>>(&mut self, depth: usize, key: &str, values: impl IntoIterator<Item = T>) {
        self.key(depth, key);
        let mut empty = true;
        for value in values {
            if empty {
                self.out.push('\n');
                empty = false;
            }
            push_spaces(&mut self.out, STEP * (depth + 1));
            self.out.push_str("- ");
            push_scalar(&mut self.out, value.as_ref(), STEP * (depth + 2));
            self.out.push('\n');
        }
        if empty {
            self.out.push_str(" []\n");
        }
    }

    /// An entry whose value is a list of whole numbers.
    pub(super) fn numbers(&mut self, depth: usize, key: &str, values: [u64; 2]) {
        self.open(depth, key);
        for value in values {
            push_spaces(&mut self.out, STEP * (depth + 1));
            self.out.push_str("- ");
            self.push_number(value);
        }
    }

    fn key(&mut self, depth: usize, key: &str) {
        if std::mem::take(&mut self.after_dash) {
            push_spaces(&mut self.out, STEP * depth.saturating_sub(1));
            self.out.push_str("- ");
        } else {
            push_spaces(&mut self.out, STEP * depth);
        }
        self.out.push_str(key);
        self.out.push(':');
    }

    fn push_number(&mut self, value: u64) {
        self.out.push_str(&value.to_string());
        self.out.push('\n');
    }
}

fn push_spaces(out: &mut String, count: usize) {
    out.push_str(SPACES.get(..count).unwrap_or(SPACES));
}

/// Appends any text as a scalar whose continuation lines are indented by `indent` columns.
fn push_scalar(out: &mut String, text: &str, indent: usize) {
    let width = WIDTH.saturating_sub(indent).max(WIDTH_MIN);
    match style(text, width) {
        Style::Plain => out.push_str(text),
        Style::Single => push_single(out, text),
        Style::Literal => push_block(out, text, indent, None),
        Style::Folded => push_block(out, text, indent, Some(width)),
        Style::Double => push_double(out, text),
    }
}

enum Style {
    Plain,
    Single,
    Literal,
    Folded,
    Double,
}

/// What a byte of UTF-8 means to the choice of style.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Ordinary,
    Colon,
    Hash,
    LineFeed,
    /// A control character: only double quotes can hold it.
    Control,
    /// Not the first byte of its character.
    Continuation,
    /// First byte of a character that may be one YAML does not print.
    Suspect,
    /// First byte of a character that is two units of UTF-16.
    Astral,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Ordinary; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b':' => Class::Colon,
            b'#' => Class::Hash,
            b'\n' => Class::LineFeed,
            0x00..=0x1F | 0x7F => Class::Control,
            0x80..=0xBF => Class::Continuation,
            0xC2 | 0xE2 | 0xEF => Class::Suspect,
            0xF0..=0xFF => Class::Astral,
            _ => Class::Ordinary,
        };
        byte += 1;
    }
    classes
};

/// Bytes of a text that are looked at in one go.
const CHUNK_BYTES: usize = 16;

/// Every byte that is not [`Class::Ordinary`], and some that are: a test without a table, for many bytes at once.
fn is_notable(byte: u8) -> bool {
    !(b' '..=b'~').contains(&byte) | (byte == b':') | (byte == b'#')
}

/// Chooses as js-yaml does: plain if it reads back, single quotes if not; a block for line breaks and for lines that are too
/// long; double quotes where a character must be escaped. Lengths are in units of UTF-16, JavaScript's own.
fn style(text: &str, width: usize) -> Style {
    let bytes = text.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else {
        return Style::Single;
    };
    if is_base_60(text) {
        return Style::Single;
    }
    let mut plain = may_start_plain(first) && !matches!(last, b' ' | b':');
    let mut broken = false;
    let mut too_long = false;
    let mut line_start = 0;
    // Bytes less units of UTF-16 since the line's start.
    let mut surplus = 0_usize;
    for (chunk_index, chunk) in bytes.chunks(CHUNK_BYTES).enumerate() {
        // Most chunks have nothing to look at, which the processor sees at once.
        if let Ok(whole) = <&[u8; CHUNK_BYTES]>::try_from(chunk)
            && whole.iter().fold(0, |found, &byte| found | u8::from(is_notable(byte))) == 0
        {
            continue;
        }
        for (offset, &byte) in chunk.iter().enumerate() {
            let index = chunk_index * CHUNK_BYTES + offset;
            match CLASSES[usize::from(byte)] {
                Class::Ordinary => {}
                Class::Colon => plain &= bytes.get(index + 1) != Some(&b' '),
                Class::Hash => plain &= index > 0 && !matches!(bytes[index - 1], b' ' | b'\n'),
                Class::LineFeed => {
                    broken = true;
                    too_long |= index - line_start - surplus > width && bytes[line_start] != b' ';
                    line_start = index + 1;
                    surplus = 0;
                }
                Class::Control => return Style::Double,
                Class::Continuation => surplus = surplus.wrapping_add(1),
                Class::Suspect if is_unprintable(&bytes[index..]) => return Style::Double,
                Class::Suspect => {}
                // Four bytes, two units: of the three bytes to come, one is no surplus. (Below zero only until then.)
                Class::Astral => surplus = surplus.wrapping_sub(1),
            }
        }
    }
    too_long |= bytes.len() - line_start - surplus > width && bytes[line_start] != b' ';
    match (too_long, broken) {
        (true, _) => Style::Folded,
        (false, true) => Style::Literal,
        (false, false) if plain && !is_ambiguous(text) => Style::Plain,
        (false, false) => Style::Single,
    }
}

/// U+0080 to U+00A0, U+2028, U+2029, U+FEFF, U+FFFE and U+FFFF; surrogates cannot occur in a `str`.
fn is_unprintable(rest: &[u8]) -> bool {
    matches!(rest, [0xC2, 0x80..=0xA0, ..] | [0xE2, 0x80, 0xA8 | 0xA9, ..] | [0xEF, 0xBB, 0xBF, ..] | [0xEF, 0xBF, 0xBE | 0xBF, ..])
}

fn may_start_plain(first: u8) -> bool {
    !matches!(
        first,
        b' ' | b'-'
            | b'?'
            | b':'
            | b','
            | b'['
            | b']'
            | b'{'
            | b'}'
            | b'#'
            | b'&'
            | b'*'
            | b'!'
            | b'|'
            | b'='
            | b'>'
            | b'\''
            | b'"'
            | b'%'
            | b'@'
            | b'`'
    )
}

fn is_digit_or_underscore(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'_'
}

/// YAML 1.1's numbers to the base 60, such as `12:30:45`. Tested before the length: js-yaml never folds one.
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.bytes().next().is_some_and(is_digit_or_underscore) {
        return false;
    }
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    whole.contains(':')
        && whole.split(':').all(|digits| !digits.is_empty() && digits.bytes().all(is_digit_or_underscore))
        && fraction.bytes().all(is_digit_or_underscore)
}

/// Whether a reader of YAML 1.1 or 1.2 would take the plain scalar for something that is not text.
fn is_ambiguous(text: &str) -> bool {
    const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    match text.as_bytes() {
        b"~" | b"<<" => true,
        [b'0'..=b'9' | b'+' | b'-' | b'.', ..] => is_number(text) || is_timestamp(text),
        [b'a'..=b'z' | b'A'..=b'Z', ..] => text.len() <= 5 && WORDS.iter().any(|word| word.eq_ignore_ascii_case(text)),
        _ => false,
    }
}

/// The whole numbers and floats of YAML 1.1 and 1.2, and Ruby's, which may hold commas.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if [".inf", ".nan"].iter().any(|word| word.eq_ignore_ascii_case(unsigned)) {
        return true;
    }
    let follows = |prefix: &str, is_digit: fn(u8) -> bool| {
        unsigned
            .strip_prefix(prefix)
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| is_digit(byte) || matches!(byte, b'_' | b',')))
    };
    if follows("0x", |byte| byte.is_ascii_hexdigit())
        || follows("0o", |byte| matches!(byte, b'0'..=b'7'))
        || follows("0b", |byte| matches!(byte, b'0' | b'1'))
    {
        return true;
    }
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    mantissa.bytes().any(|byte| byte.is_ascii_digit())
        && mantissa.bytes().all(|byte| is_digit_or_underscore(byte) || matches!(byte, b',' | b'.'))
        && mantissa.bytes().filter(|&byte| byte == b'.').count() <= 1
        && !exponent.is_empty()
        && exponent.bytes().all(is_digit_or_underscore)
}

/// Dates and times in any of the forms readers take: year, month and day, then nothing that words are made of.
fn is_timestamp(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    year.len() == 4
        && is_digits(year)
        && matches!(month.len(), 1 | 2)
        && is_digits(month)
        && rest.starts_with(|first: char| first.is_ascii_digit())
        && rest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b':' | b'-' | b'+' | b'.' | b'T' | b't' | b'Z' | b'z' | b' '))
}

fn push_single(out: &mut String, text: &str) {
    out.push('\'');
    for (index, part) in text.split('\'').enumerate() {
        if index > 0 {
            out.push_str("''");
        }
        out.push_str(part);
    }
    out.push('\'');
}

fn push_double(out: &mut String, text: &str) {
    out.push('"');
    let mut copied = 0;
    let mut utf8 = [0; 4];
    for (index, character) in text.char_indices() {
        let escape = match character {
            '"' => "\\\"",
            '\\' => "\\\\",
            ' '..='~' => continue,
            '\0' => "\\0",
            '\x07' => "\\a",
            '\x08' => "\\b",
            '\t' => "\\t",
            '\n' => "\\n",
            '\x0B' => "\\v",
            '\x0C' => "\\f",
            '\r' => "\\r",
            '\x1B' => "\\e",
            '\u{85}' => "\\N",
            '\u{A0}' => "\\_",
            '\u{2028}' => "\\L",
            '\u{2029}' => "\\P",
            '\0'..='\u{A0}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}' => "",
            _ => continue,
        };
        out.push_str(&text[copied..index]);
        copied = index + character.encode_utf8(&mut utf8).len();
        if escape.is_empty() {
            let code = u32::from(character);
            out.push_str(&if code <= 0xFF { format!("\\x{code:02X}") } else { format!("\\u{code:04X}") });
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(&text[copied..]);
    out.push('"');
}

/// Appends a literal block, or a folded one if lines are to be broken at `fold_width` units.
fn push_block(out: &mut String, text: &str, indent: usize, fold_width: Option<usize>) {
    out.push(if fold_width.is_some() { '>' } else { '|' });
    if text.trim_start_matches('\n').starts_with(' ') {
        // Without it a reader would count the text's own spaces as indentation.
        out.push('2');
    }
    if text.ends_with("\n\n") || text == "\n" {
        out.push('+');
    } else if !text.ends_with('\n') {
        out.push('-');
    }
    // The caller ends the scalar's last line.
    let text = text.strip_suffix('\n').unwrap_or(text);
    // A line that starts with a space ("more indented") is not folded, and line breaks beside it stand for themselves; any other
    // line break is doubled, since a single one reads as a space.
    let mut after_more_indented = text.starts_with(['\n', ' ']);
    for (index, line) in text.split('\n').enumerate() {
        out.push('\n');
        if line.is_empty() {
            continue;
        }
        let more_indented = line.starts_with(' ');
        if fold_width.is_some() && index > 0 && !after_more_indented && !more_indented {
            out.push('\n');
        }
        after_more_indented = more_indented;
        push_spaces(out, indent);
        match fold_width {
            Some(width) if !more_indented => push_folded(out, line, width, indent),
            _ => out.push_str(line),
        }
    }
}

/// Breaks greedily at spaces that a word follows: the longest line within `width`, else the shortest beyond it.
fn push_folded(out: &mut String, line: &str, width: usize, indent: usize) {
    let mut rest = line;
    while let Some(limit) = byte_at_unit(rest, width) {
        let bytes = rest.as_bytes();
        let is_break = |&index: &usize| bytes[index] == b' ' && bytes.get(index + 1).is_some_and(|&next| next != b' ');
        let within = (1..=limit).rev().find(is_break);
        let Some(space) = within.or_else(|| (limit + 1..bytes.len()).find(is_break)) else {
            break;
        };
        out.push_str(&rest[..space]);
        out.push('\n');
        push_spaces(out, indent);
        rest = &rest[space + 1..];
    }
    out.push_str(rest);
}

/// Where the character stands that has `width` units of UTF-16 before it, or the one that straddles them; `None` if the text has
/// no more units than that.
fn byte_at_unit(text: &str, width: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.get(..=width)?.is_ascii() {
        return Some(width);
    }
    let mut units = 0;
    for (index, &byte) in bytes.iter().enumerate() {
        units += match CLASSES[usize::from(byte)] {
            Class::Continuation => 0,
            Class::Astral => 2,
            _ => 1,
        };
        if units > width {
            return Some(index);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn entry(value: &str) -> String {
        let mut yaml = Document::new("", 0);
        yaml.text(0, "k", value);
        yaml.into_text()
    }

    /// Texts and what js-yaml 4.3.2 wrote for `dump({k: text})` after `k: `.
    #[test]
    fn scalars_are_laid_out_as_js_yaml_does() {
        let cases = [
            ("", "''\n"),
            ("plain text", "plain text\n"),
            ("yes", "'yes'\n"),
            ("12:30", "'12:30'\n"),
            ("-1:2", "'-1:2'\n"),
            ("1e3", "'1e3'\n"),
            ("0x1F", "'0x1F'\n"),
            ("0777", "'0777'\n"),
            (".5", "'.5'\n"),
            ("2022-06-25", "'2022-06-25'\n"),
            ("2022-06-25 10:00:00Z", "'2022-06-25 10:00:00Z'\n"),
            ("~", "'~'\n"),
            ("<<", "'<<'\n"),
            ("null", "'null'\n"),
            ("true", "'true'\n"),
            ("a: b", "'a: b'\n"),
            ("a:b", "a:b\n"),
            ("a #b", "'a #b'\n"),
            ("a#b", "a#b\n"),
            ("# a", "'# a'\n"),
            ("a:", "'a:'\n"),
            ("- a", "'- a'\n"),
            ("@a", "'@a'\n"),
            ("`a", "'`a'\n"),
            ("%a", "'%a'\n"),
            ("{{ a }}", "'{{ a }}'\n"),
            ("{% a %}", "'{% a %}'\n"),
            ("!!python/object", "'!!python/object'\n"),
            ("it's: so", "'it''s: so'\n"),
            (" a", "' a'\n"),
            ("a ", "'a '\n"),
            (" ", "' '\n"),
            ("\n", "|+\n\n"),
            ("\n\n", "|+\n\n\n"),
            ("a\nb", "|-\n  a\n  b\n"),
            ("a\nb\n", "|\n  a\n  b\n"),
            ("a\n\n", "|+\n  a\n\n"),
            (" a\nb", "|2-\n   a\n  b\n"),
            ("\n a", "|2-\n\n   a\n"),
            ("a\n---\nb", "|-\n  a\n  ---\n  b\n"),
            ("tab\there", "\"tab\\there\"\n"),
            ("a\rb", "\"a\\rb\"\n"),
            ("nb\u{a0}sp", "\"nb\\_sp\"\n"),
            ("line\u{2028}sep", "\"line\\Lsep\"\n"),
            ("\u{feff}bom", "\"\\uFEFFbom\"\n"),
            ("quote \" and \\ and \u{0001}", "\"quote \\\" and \\\\ and \\x01\"\n"),
            ("café 😀", "café 😀\n"),
            (
                "aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff ggggggggg hhhhhhhh",
                "aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff ggggggggg hhhhhhhh\n",
            ),
            (
                "aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff ggggggggg hhhhhhhhh",
                ">-\n  aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff ggggggggg\n  hhhhhhhhh\n",
            ),
            (
                "aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff ggggggggg  hhhhhhhhh iii",
                ">-\n  aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff ggggggggg \n  hhhhhhhhh iii\n",
            ),
            (
                "https://example.org/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                ">-\n  https://example.org/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
            ),
            (
                "short\naaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff ggggggggg hhhhhhhhh\n more indented\nlast\n",
                ">\n  short\n\n  aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff ggggggggg\n  hhhhhhhhh\n   more indented\n  last\n",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(entry(text), format!("k: {expected}"), "{text:?}");
        }
    }

    /// js-yaml counts in UTF-16: these have 39 and 39, then 40 and 40 units a word.
    #[test]
    fn width_is_counted_in_utf_16_units() {
        let word = "\u{1F600}";
        assert_eq!(entry(&word.repeat(39)), format!("k: {}\n", word.repeat(39)));
        let half = word.repeat(20);
        assert_eq!(entry(&format!("{half} {half}")), format!("k: >-\n  {half}\n  {half}\n"));
    }

    /// Plain in js-yaml, but not text to some reader of YAML 1.1 (libyaml's in Python, Go and Ruby) or 1.2.
    #[test]
    fn what_other_readers_take_for_a_number_or_date_is_quoted() {
        for text in ["1_000", "1,000", "+.5", "1e3123", "0b_", "2022-6-5", "2022-06-25t1:2:3", "yES", "nULL", "oN"] {
            assert_eq!(entry(text), format!("k: '{text}'\n"));
        }
    }

    #[test]
    fn what_only_begins_like_a_number_stays_plain() {
        for text in ["1.2.3", "3D", "5G", "2022-06-25 was warm", "2019-20", "+", ".", "...", "0x", "1e", "yesterday", "none", "=a"] {
            let expected = if text.starts_with('=') { format!("k: '{text}'\n") } else { format!("k: {text}\n") };
            assert_eq!(entry(text), expected);
        }
    }

    #[test]
    fn collections_nest_as_js_yaml_nests_them() {
        let mut yaml = Document::new("---\n", 0);
        yaml.texts(0, "none", [""; 0]);
        yaml.texts(0, "some", ["a", "b: c"]);
        yaml.numbers(0, "size", [630, 1200]);
        yaml.open(0, "map");
        yaml.null(1, "null");
        yaml.boolean(1, "yes", true);
        yaml.open(0, "items");
        for number in [u64::MAX, 0] {
            yaml.item();
            yaml.number(2, "id", number);
            yaml.texts(2, "of", ["d"]);
        }
        let expected = "---\nnone: []\nsome:\n  - a\n  - 'b: c'\nsize:\n  - 630\n  - 1200\nmap:\n  null: null\n  yes: true\nitems:\n  \
                        - id: 18446744073709551615\n    of:\n      - d\n  - id: 0\n    of:\n      - d\n";
        assert_eq!(yaml.into_text(), expected);
    }

    /// Pieces that have a meaning in YAML or in a template, and words enough to fold.
    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            4 => "[a-z]{1,12} ",
            2 => prop::sample::select(vec![
                " ", "  ", "\n", "\n\n", "\n ", "\n---\n", "\n...\n", ": ", ":", " #", "#", "- ", "-", "@", "`", "%", "&", "*", "!",
                "!!python/object", "|", ">", "?", ",", "[", "]", "{", "}", "{{", "}}", "{{<", "{%", "<%", "'", "\"", "\\", "~", "<<",
            ]).prop_map(str::to_owned),
            1 => prop::sample::select(vec![
                "\t", "\r", "\0", "\u{7F}", "\u{85}", "\u{A0}", "\u{2028}", "\u{FEFF}", "\u{FFFE}", "\u{E9}", "\u{6F22}", "\u{1F600}",
            ]).prop_map(str::to_owned),
            1 => "[-+0-9_.,:eExobTZ]{1,8}",
            1 => any::<char>().prop_map(String::from),
        ];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_text_reads_back_wherever_it_stands(text in hostile()) {
            let mut yaml = Document::new("", 0);
            yaml.text(0, "first", &text);
            yaml.open(0, "map");
            yaml.text(1, "inner", &text);
            yaml.texts(1, "list", [&text, &text]);
            yaml.open(0, "items");
            yaml.item();
            yaml.text(2, "label", &text);
            yaml.texts(2, "list", [&text]);
            yaml.text(0, "last", &text);
            let written = yaml.into_text();
            let read: Value = serde_saphyr::from_str(&written).map_err(|error| TestCaseError::fail(format!("{error}\n{written}")))?;
            let expected = json!({
                "first": text,
                "map": { "inner": text, "list": [text, text] },
                "items": [{ "label": text, "list": [text] }],
                "last": text,
            });
            prop_assert_eq!(read, expected, "{}", written);
        }
    }
}
