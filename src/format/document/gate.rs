//! The last gate: what every writer does to outside text, addresses and dates on their way out.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use crate::syntax::{self, is_iri_char, is_xml_char};

/// Whether there is nothing to see.
pub(crate) fn blank(text: &str) -> bool {
    text.chars().all(|character| character.is_whitespace() || !is_xml_char(character))
}

/// The text without characters that XML 1.0 forbids, its line ends as a reader of XML sees them (XML 1.0 section 2.11).
pub(crate) fn text(raw: &str) -> Cow<'_, str> {
    // Only control characters and U+FFFE, U+FFFF (whose UTF-8 begins with EF) need a closer look.
    if !raw.bytes().any(|byte| (byte < b' ' && byte != b'\n' && byte != b'\t') || byte == 0xEF) {
        return Cow::Borrowed(raw);
    }
    let mut clean = String::with_capacity(raw.len());
    let mut rest = raw.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\r' => {
                rest.next_if_eq(&'\n');
                clean.push('\n');
            }
            legal if is_xml_char(legal) => clean.push(legal),
            _ => {}
        }
    }
    Cow::Owned(clean)
}

/// Text for an attribute, in which a reader of XML sees every line end and tab as a space (XML 1.0 section 3.3.3).
pub(crate) fn line(raw: &str) -> Cow<'_, str> {
    match text(raw) {
        clean if clean.contains(['\n', '\t']) => Cow::Owned(clean.replace(['\n', '\t'], " ")),
        clean => clean,
    }
}

/// Text for a place that some readers take for HTML though it is none: titles in RSS and JSON Feed, which have no type.
///
/// What HTML would read as a tag loses its angle brackets to `‹` and `›`, which look alike: otherwise those readers drop the tag, or
/// worse, obey it. Escaping is no way out, for the readers that get it right would show the escapes.
pub(crate) fn untagged(raw: &str) -> Cow<'_, str> {
    let raw = text(raw);
    if !raw.contains('<') {
        return raw;
    }
    let mut clean = String::with_capacity(raw.len() + 8);
    let mut in_tag = false;
    let mut rest = raw.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            // What opens a tag is said in the HTML standard, 13.2.5.6 (tag open state).
            '<' if rest.peek().is_some_and(|next| next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?')) => {
                in_tag = true;
                clean.push('‹');
            }
            '>' if in_tag => {
                in_tag = false;
                clean.push('›');
            }
            other => clean.push(other),
        }
    }
    Cow::Owned(clean)
}

/// The address with everything percent-encoded that no IRI may hold (RFC 3987 section 2.2).
pub(crate) fn iri(raw: &str) -> Cow<'_, str> {
    if raw.chars().all(is_iri_char) {
        return Cow::Borrowed(raw);
    }
    let mut encoded = String::with_capacity(raw.len() + 16);
    for character in raw.chars() {
        if is_iri_char(character) {
            encoded.push(character);
        } else {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                encoded.push('%');
                encoded.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])));
            }
        }
    }
    Cow::Owned(encoded)
}

/// The address as an IRI if it is one of the web; a reader must not be handed `javascript:` or `data:`.
pub(crate) fn web_url(raw: &str) -> Option<Cow<'_, str>> {
    let (scheme, rest) = raw.split_once("://")?;
    let is_web = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    (is_web && !rest.starts_with(['/', '?', '#']) && !rest.is_empty()).then(|| iri(raw))
}

/// The media type that a picture's name tells.
pub(crate) fn image_type(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let (_, ending) = path.rsplit('/').next()?.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "svg" => "image/svg+xml",
        _ => return None,
    })
}

/// The moment in whole seconds, within the years that RFC 3339 and RFC 822 can write.
///
/// RSS has no fractions: with them elsewhere, one entry would have two dates.
pub(crate) fn moment(when: DateTime<Utc>) -> DateTime<Utc> {
    const LAST: i64 = 253_402_300_799; // 9999-12-31T23:59:59Z
    DateTime::from_timestamp(when.timestamp().clamp(0, LAST), 0).unwrap_or_default()
}

/// RFC 822 with four digits of year (RSS 2.0, OPML 2.0).
pub(crate) fn rfc822(when: DateTime<Utc>) -> String {
    moment(when).format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// RFC 3339 in UTC.
pub(crate) fn rfc3339(when: DateTime<Utc>) -> String {
    syntax::rfc3339(moment(when))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples::{any_text, as_xml_reads, at};
    use super::*;

    proptest! {
        #[test]
        fn text_is_what_xml_reads(raw in any_text()) {
            prop_assert_eq!(text(&raw), as_xml_reads(&raw));
        }

        #[test]
        fn an_iri_is_a_fixed_point(raw in any_text()) {
            let once = iri(&raw).into_owned();
            let is_allowed = |character: char| !character.is_whitespace() && !"<>\"{}|\\^`".contains(character);
            prop_assert!(once.chars().all(is_allowed));
            prop_assert_eq!(iri(&once), once.as_str());
        }
    }

    #[test]
    fn tags_lose_their_brackets() {
        for (raw, expected) in [
            ("a <b> c", "a ‹b› c"),
            ("</p><!-- x -->", "‹/p›‹!-- x --›"),
            ("1 < 2 > 1", "1 < 2 > 1"),
            ("Vec<T>, a->b", "Vec‹T›, a->b"),
            ("open <b", "open ‹b"),
            ("<3 & <", "<3 & <"),
        ] {
            assert_eq!(untagged(raw), expected);
        }
    }

    #[test]
    fn only_web_addresses_are_links() {
        for raw in
            ["javascript:alert(1)", "javascript://a/%0Aalert(1)", "data:text/html,x", "/a", "//a/", "", "https://", "https:///a", "http:a"]
        {
            assert_eq!(web_url(raw), None, "{raw}");
        }
        assert_eq!(web_url("HTTP://a.example/?q={x|y}").as_deref(), Some("HTTP://a.example/?q=%7Bx%7Cy%7D"));
    }

    #[test]
    fn dates_stay_within_what_can_be_written() {
        assert_eq!(rfc822(at("2026-11-08T23:59:60.5Z")), "Sun, 08 Nov 2026 23:59:59 GMT");
        assert_eq!(rfc3339(DateTime::<Utc>::MAX_UTC), "9999-12-31T23:59:59Z");
        assert_eq!(rfc3339(DateTime::<Utc>::MIN_UTC), "1970-01-01T00:00:00Z");
    }
}
