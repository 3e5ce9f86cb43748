//! Conditional requests (RFC 9110 section 13).

use axum::http::HeaderMap;
use axum::http::header::{self, HeaderName};
use chrono::{DateTime, Utc};

use super::coding::Coding;
use crate::stage::exchange::http_date;

/// What the conditions of a request come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Send it.
    Send,
    /// The client has it: in this coding, if it said which.
    Unchanged(Option<Coding>),
    /// The client wanted it only as something that it is not any more.
    Refused,
}

/// Judges in the order of RFC 9110 section 13.2.2. `tag` is the version's, without quotes and without a coding's suffix.
pub(super) fn judge(asked: &HeaderMap, tag: &str, modified: Option<DateTime<Utc>>) -> Verdict {
    let date = |name: HeaderName| asked.get(name).and_then(|value| http_date(value.to_str().ok()?));
    if asked.contains_key(header::IF_MATCH) {
        // The strong comparison: a weak tag is never the same.
        let is_ours =
            |listed: &str| listed == "*" || opaque(listed).is_some_and(|opaque| !listed.starts_with('W') && coded(opaque, tag).is_some());
        if !list(asked, header::IF_MATCH).any(is_ours) {
            return Verdict::Refused;
        }
    } else if let (Some(since), Some(modified)) = (date(header::IF_UNMODIFIED_SINCE), modified)
        && modified.timestamp() > since.timestamp()
    {
        return Verdict::Refused;
    }
    if asked.contains_key(header::IF_NONE_MATCH) {
        for listed in list(asked, header::IF_NONE_MATCH) {
            if listed == "*" {
                return Verdict::Unchanged(None);
            }
            if let Some(coding) = opaque(listed).and_then(|opaque| coded(opaque, tag)) {
                return Verdict::Unchanged(coding);
            }
        }
        return Verdict::Send;
    }
    match (date(header::IF_MODIFIED_SINCE), modified) {
        (Some(since), Some(modified)) if modified.timestamp() <= since.timestamp() => Verdict::Unchanged(None),
        _ => Verdict::Send,
    }
}

/// The opaque tags that a client lists under `If-None-Match`, with and without the suffixes of codings: what it may have a delta from.
pub(super) fn held(asked: &HeaderMap) -> impl Iterator<Item = &str> {
    list(asked, header::IF_NONE_MATCH).filter_map(opaque).map(|opaque| {
        let ends = Coding::CODED.into_iter().map(Coding::suffix).chain(["-deflate"]);
        ends.into_iter().find_map(|end| opaque.strip_suffix(end)).unwrap_or(opaque)
    })
}

/// Each tag of each line. Our tags hold no comma, so a foreign tag that does cannot become ours by being split.
fn list(asked: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    asked.get_all(name).iter().filter_map(|value| value.to_str().ok()).flat_map(|line| line.split(',')).map(str::trim)
}

/// What is between a tag's quotes.
fn opaque(tag: &str) -> Option<&str> {
    tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"')?.strip_suffix('"')
}

/// Whether an opaque tag is this version's, and in which coding. Caches in between mark copies that they code themselves with a suffix:
/// `-deflate` is none of ours, but what is behind it is the same.
fn coded(opaque: &str, tag: &str) -> Option<Option<Coding>> {
    match opaque.strip_prefix(tag)? {
        "" => Some(Some(Coding::Plain)),
        "-deflate" => Some(None),
        suffix => Coding::CODED.into_iter().find(|coding| coding.suffix() == suffix).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const AT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn verdict(lines: &[(HeaderName, &str)]) -> Verdict {
        let mut asked = HeaderMap::new();
        for (name, value) in lines {
            asked.append(name, HeaderValue::from_str(value).unwrap());
        }
        judge(&asked, "ab12", http_date(AT))
    }

    #[test]
    fn tags_decide_before_dates() {
        use header::{IF_MODIFIED_SINCE as IMS, IF_NONE_MATCH as INM};
        const NO: Verdict = Verdict::Send;
        const ANY: Verdict = Verdict::Unchanged(None);
        const PLAIN: Verdict = Verdict::Unchanged(Some(Coding::Plain));
        const GZIP: Verdict = Verdict::Unchanged(Some(Coding::Gzip));
        for (lines, expected) in [
            (&[][..], NO),
            (&[(INM, "\"ab12\"")], PLAIN),
            (&[(INM, "W/\"ab12\"")], PLAIN),
            (&[(INM, "\"x\", \"ab12\"")], PLAIN),
            (&[(INM, "\"x\""), (INM, "\"ab12-gzip\"")], GZIP),
            (&[(INM, "W/\"ab12-gzip\"")], GZIP),
            (&[(INM, "\"ab12-deflate\"")], ANY),
            (&[(INM, "*")], ANY),
            (&[(INM, "\"x\"")], NO),
            (&[(INM, "ab12")], NO),
            (&[(INM, "\"ab12-x\"")], NO),
            (&[(INM, "\"ab1\"")], NO),
            (&[(INM, "\"ab123\"")], NO),
            (&[(INM, "")], NO),
            (&[(INM, "\"x\""), (IMS, AT)], NO),
            (&[(INM, "\"ab12\""), (IMS, "Sun, 06 Nov 1983 08:49:37 GMT")], PLAIN),
            (&[(IMS, AT)], ANY),
            (&[(IMS, "Sunday, 06-Nov-94 08:49:37 GMT")], ANY),
            (&[(IMS, "Mon, 07 Nov 1994 08:49:37 GMT")], ANY),
            (&[(IMS, "Sun, 06 Nov 1994 08:49:36 GMT")], NO),
            (&[(IMS, "yesterday")], NO),
        ] {
            assert_eq!(verdict(lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_precondition_that_fails_refuses() {
        use header::{IF_MATCH as IM, IF_UNMODIFIED_SINCE as IUS};
        for (lines, expected) in [
            (&[(IM, "\"ab12\"")][..], Verdict::Send),
            (&[(IM, "\"ab12-br\"")], Verdict::Send),
            (&[(IM, "*")], Verdict::Send),
            (&[(IM, "W/\"ab12\"")], Verdict::Refused),
            (&[(IM, "\"x\"")], Verdict::Refused),
            (&[(IUS, AT)], Verdict::Send),
            (&[(IUS, "Sun, 06 Nov 1994 08:49:36 GMT")], Verdict::Refused),
            (&[(IUS, "long ago")], Verdict::Send),
        ] {
            assert_eq!(verdict(lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn what_a_client_holds_is_told_without_suffixes() {
        let mut asked = HeaderMap::new();
        asked.append(header::IF_NONE_MATCH, HeaderValue::from_static("\"a-gzip\", W/\"b\", *, \"c-deflate\", d"));
        assert_eq!(held(&asked).collect::<Vec<_>>(), ["a", "b", "c"]);
    }
}
