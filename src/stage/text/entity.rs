//! Character references of HTML (HTML Standard, 13.2.5.72 to 13.2.5.80).

use std::borrow::Cow;

use web_atoms::{C1_REPLACEMENTS, NAMED_ENTITIES};

/// The longest name in HTML's table is `CounterClockwiseContourIntegral;`.
const NAME_MAX_BYTES: usize = 32;

/// Resolves every character reference once: `&amp;lt;` becomes `&lt;`.
///
/// A name without its semicolon counts only where no letter, digit or `=` follows, as in an attribute: feeds are full of
/// bare `&` before words and query parameters (`?a=1&copy=2`).
#[must_use]
pub fn resolve(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let used = reference(rest, &mut out);
        if used == 0 {
            out.push('&');
            rest = &rest[1..];
        } else {
            rest = &rest[used..];
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Reads the reference that `text` starts with into `out`; the bytes it takes, or 0 if it is none.
fn reference(text: &str, out: &mut String) -> usize {
    let bytes = text.as_bytes();
    if bytes.get(1) == Some(&b'#') {
        return numeric(bytes, out);
    }
    let name_len = bytes[1..].iter().take(NAME_MAX_BYTES).take_while(|b| b.is_ascii_alphanumeric()).count();
    let end = 1 + name_len;
    if bytes.get(end) == Some(&b';')
        && let Some(characters) = named(&text[1..=end])
    {
        out.extend(characters);
        return end + 1;
    }
    let runs_on = bytes.get(end).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'=');
    if !runs_on && let Some(characters) = named(&text[1..end]) {
        out.extend(characters);
        return end;
    }
    0
}

/// The characters of a name of HTML, with or without its semicolon as the table has it.
pub(crate) fn named(name: &str) -> Option<impl Iterator<Item = char>> {
    let &(first, second) = NAMED_ENTITIES.get(name)?;
    // The table holds every prefix of a name too, as zero.
    let first = char::from_u32(first).filter(|c| *c != '\0')?;
    let second = char::from_u32(second).filter(|c| *c != '\0');
    Some(std::iter::once(first).chain(second))
}

fn numeric(bytes: &[u8], out: &mut String) -> usize {
    let (start, radix) = match bytes.get(2) {
        Some(b'x' | b'X') => (3, 16),
        _ => (2, 10),
    };
    let mut code = 0u32;
    let mut end = start;
    while let Some(digit) = bytes.get(end).and_then(|b| char::from(*b).to_digit(radix)) {
        code = code.saturating_mul(radix).saturating_add(digit);
        end += 1;
    }
    if end == start {
        return 0;
    }
    out.push(numbered(code).unwrap_or('\u{fffd}'));
    if bytes.get(end) == Some(&b';') { end + 1 } else { end }
}

/// The character of a number, if it has one: 128 to 159 mean Windows-1252 (HTML Standard 13.2.5.80), and 0 means none.
pub(crate) fn numbered(code: u32) -> Option<char> {
    let replaced = code.checked_sub(0x80).and_then(|at| C1_REPLACEMENTS.get(at as usize).copied().flatten());
    replaced.or_else(|| char::from_u32(code).filter(|c| *c != '\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_resolve_once_and_only_where_they_are_references() {
        for (given, wanted) in [
            ("a &amp; b", "a & b"),
            ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
            ("&lt;&gt;&quot;&apos;", "<>\"'"),
            ("caf&eacute; &hellip; &rarr;", "café … →"),
            ("&NotEqualTilde;", "≂\u{338}"),
            ("&#65;&#x42;&#X43", "ABC"),
            ("&#150; &#x92;", "– ’"),
            ("&#0; &#xD800; &#x110000; &#99999999999999999999;", "\u{fffd} \u{fffd} \u{fffd} \u{fffd}"),
            ("AT&T, R&D; &", "AT&T, R&D; &"),
            ("?a=1&copy=2&regx", "?a=1&copy=2&regx"),
            ("&copy 2026 &nbsp", "© 2026 \u{a0}"),
            ("&bogus; &;& #", "&bogus; &;& #"),
            ("&#; &#x;", "&#; &#x;"),
            ("&é;", "&é;"),
        ] {
            assert_eq!(resolve(given), wanted, "{given}");
        }
    }
}
