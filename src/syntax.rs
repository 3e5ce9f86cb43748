//! The small grammars of other standards that several rooms check or write by: characters of XML, IRIs, media types, language tags, dates.
//!
//! Readers and writers share them, so that what one lets in the other can publish.

use chrono::{DateTime, SecondsFormat, Utc};

/// Whether XML 1.0 allows the character (section 2.2, production `Char`).
pub(crate) fn is_xml_char(c: char) -> bool {
    !matches!(c, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}')
}

/// Whether an IRI may hold the character as itself (RFC 3987 section 2.2); browsers' URLs may hold more: `{`, `|`, ...
pub(crate) fn is_iri_char(c: char) -> bool {
    !(matches!(c, '<' | '>' | '"' | '{' | '}' | '|' | '\\' | '^' | '`') || c.is_whitespace() || c.is_control()) && is_xml_char(c)
}

/// What follows an address's scheme and its colon, if it begins with one (RFC 3986 section 3.1).
fn after_scheme(address: &str) -> Option<&str> {
    let (scheme, rest) = address.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    is_scheme.then_some(rest)
}

/// Whether an address begins with a scheme.
pub(crate) fn has_scheme(address: &str) -> bool {
    after_scheme(address).is_some()
}

/// Whether an id is an absolute IRI, as Atom wants it (RFC 4287 section 4.2.6): a scheme, more after it, and no character that no IRI holds.
pub(crate) fn is_iri(id: &str) -> bool {
    after_scheme(id).is_some_and(|rest| !rest.is_empty()) && id.chars().all(is_iri_char)
}

/// Whether the text has the shape `type/subtype`, without parameters or blanks (RFC 6838 section 4.2).
pub(crate) fn is_media_type(text: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    text.split_once('/').is_some_and(|(kind, subtype)| is_name(kind) && is_name(subtype))
}

/// Whether the tag has the shape that RFC 4287 and JSON Feed allow (RFC 3066 section 2.1); sources write `en_US`, `English (US)` and worse.
pub(crate) fn is_language_tag(tag: &str) -> bool {
    tag.split('-')
        .enumerate()
        .all(|(n, part)| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphabetic() || (n > 0 && b.is_ascii_digit())))
}

/// A date as people and scripts read it: RFC 3339, whole seconds, UTC.
pub(crate) fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Bytes as hexadecimal digits, in lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_and_iris_are_told() {
        for (text, scheme, iri) in [
            ("https://a.example/", true, true),
            ("urn:uuid:1", true, true),
            ("tag:a.example,2026:1", true, true),
            ("a+b-c.1:x", true, true),
            ("urn:ö/…", true, true),
            ("urn:a:", true, true),
            ("urn:", true, false),
            ("urn:a b", true, false),
            ("urn:a\u{80}", true, false),
            ("urn:{a}", true, false),
            ("1a:x", false, false),
            ("-a:x", false, false),
            (":x", false, false),
            ("a/b:c", false, false),
            ("é:x", false, false),
            ("", false, false),
            ("12345", false, false),
        ] {
            assert_eq!((has_scheme(text), is_iri(text)), (scheme, iri), "{text}");
        }
    }

    #[test]
    fn media_types_have_two_names() {
        for (text, is_one) in [
            ("audio/mpeg", true),
            ("application/vnd.oasis.opendocument.text", true),
            ("image/svg+xml", true),
            ("audio", false),
            ("audio/", false),
            ("/mpeg", false),
            ("text/html; charset=utf-8", false),
            ("a/b/c", false),
        ] {
            assert_eq!(is_media_type(text), is_one, "{text}");
        }
    }

    #[test]
    fn tags_of_languages_are_checked() {
        for (tag, is_one) in [
            ("en", true),
            ("zh-Hans-CN", true),
            ("de-1996", true),
            ("", false),
            ("en-", false),
            ("e n", false),
            ("en_US", false),
            ("123", false),
            ("abcdefghi", false),
        ] {
            assert_eq!(is_language_tag(tag), is_one, "{tag}");
        }
    }

    #[test]
    fn bytes_become_digits() {
        assert_eq!(hex(&[0, 0x0f, 0xa0, 0xff]), "000fa0ff");
    }
}
