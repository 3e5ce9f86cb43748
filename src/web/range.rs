//! Parts of files (RFC 9110 section 14): for pictures, whose loading browsers resume.

use std::ops::Range;

use axum::http::HeaderMap;
use axum::http::header;
use chrono::{DateTime, Utc};

use crate::stage::exchange::http_date;

/// What a request for a part comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// No part: the whole.
    Whole,
    /// These bytes, at least one.
    Bytes(Range<usize>),
    /// No byte of what was asked for is there.
    Outside,
}

/// The part of `length` bytes that is asked for. What is not understood, several parts at once among it, is the whole, as RFC 9110
/// allows; so is a part of another version than this one (`If-Range`).
pub(super) fn part(asked: &HeaderMap, length: usize, tag: &str, modified: Option<DateTime<Utc>>) -> Part {
    let Some(wanted) = asked.get(header::RANGE).and_then(|value| value.to_str().ok()?.trim().strip_prefix("bytes=")) else {
        return Part::Whole;
    };
    if let Some(condition) = asked.get(header::IF_RANGE) {
        let holds = condition.to_str().is_ok_and(|text| {
            let text = text.trim();
            let is_date = || http_date(text).zip(modified).is_some_and(|(date, modified)| date.timestamp() == modified.timestamp());
            text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).map_or_else(is_date, |opaque| opaque == tag)
        });
        if !holds {
            return Part::Whole;
        }
    }
    let Some((first, last)) = wanted.trim().split_once('-') else { return Part::Whole };
    let number = |text: &str| -> Option<usize> {
        let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // Too many digits are more than any length.
        is_digits.then(|| text.parse().unwrap_or(usize::MAX))
    };
    match (first.is_empty(), number(first), last.is_empty(), number(last)) {
        (true, _, false, Some(suffix)) if suffix == 0 || length == 0 => Part::Outside,
        (true, _, false, Some(suffix)) => Part::Bytes(length.saturating_sub(suffix)..length),
        (false, Some(first), true, _) if first < length => Part::Bytes(first..length),
        (false, Some(first), false, Some(last)) if first <= last && first < length => {
            Part::Bytes(first..last.saturating_add(1).min(length))
        }
        (false, Some(first), true, _) if first >= length => Part::Outside,
        (false, Some(first), false, Some(last)) if first <= last => Part::Outside,
        _ => Part::Whole,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const AT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn ask(range: &'static str, condition: Option<&'static str>) -> Part {
        let mut asked = HeaderMap::new();
        asked.insert(header::RANGE, HeaderValue::from_static(range));
        if let Some(condition) = condition {
            asked.insert(header::IF_RANGE, HeaderValue::from_static(condition));
        }
        part(&asked, 10, "ab", http_date(AT))
    }

    #[test]
    fn one_part_is_cut_out_and_what_is_not_understood_is_the_whole() {
        for (range, expected) in [
            ("bytes=0-0", Part::Bytes(0..1)),
            ("bytes=2-4", Part::Bytes(2..5)),
            ("bytes=2-", Part::Bytes(2..10)),
            ("bytes=-3", Part::Bytes(7..10)),
            ("bytes=-99", Part::Bytes(0..10)),
            ("bytes=9-99999999999999999999999", Part::Bytes(9..10)),
            ("bytes=10-", Part::Outside),
            ("bytes=99999999999999999999999-", Part::Outside),
            ("bytes=-0", Part::Outside),
            ("bytes=4-2", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("lines=0-1", Part::Whole),
        ] {
            assert_eq!(ask(range, None), expected, "{range}");
        }
    }

    #[test]
    fn a_part_of_another_version_is_the_whole() {
        for (condition, is_part) in
            [("\"ab\"", true), ("W/\"ab\"", false), ("\"x\"", false), (AT, true), ("Sun, 06 Nov 1994 08:49:36 GMT", false)]
        {
            assert_eq!(ask("bytes=0-1", Some(condition)) == Part::Bytes(0..2), is_part, "{condition}");
        }
    }
}
