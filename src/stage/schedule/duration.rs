//! Lengths of time as configurations write them.

use std::time::Duration;

use super::ScheduleError;

/// Units, longest first, with their length in milliseconds.
const UNITS: [(&str, u64); 6] = [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads a length of time: `1h30m`, `5m30s`, `1d`, `0s`, `250ms`. Whole numbers with the units w, d, h, m, s and ms, longest first, each at
/// most once, nothing between them.
///
/// # Errors
///
/// [`ScheduleError::Empty`] and [`ScheduleError::Duration`], which says what is wrong with the text; lengths above 100 years are refused.
pub fn duration(text: &str) -> Result<Duration, ScheduleError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ScheduleError::Empty);
    }
    let wrong = |why: &str| ScheduleError::Duration { text: text.to_owned(), why: why.to_owned() };
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total_ms = 0_u64;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
        if number.is_empty() {
            return Err(wrong("a whole number must come before each unit"));
        }
        let (unit, after) = after.split_at(after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len()));
        if unit.is_empty() {
            return Err(wrong("each number needs a unit: w, d, h, m, s or ms"));
        }
        if !UNITS.iter().any(|(name, _)| *name == unit) {
            return Err(wrong("the units are w, d, h, m, s and ms"));
        }
        let Some((_, unit_ms)) = units.find(|(name, _)| *name == unit) else {
            return Err(wrong("units go from the longest to the shortest, each at most once"));
        };
        let longest_ms = 100 * 366 * 86_400_000;
        total_ms = number
            .parse()
            .ok()
            .and_then(|number: u64| number.checked_mul(*unit_ms)?.checked_add(total_ms))
            .filter(|total_ms| *total_ms <= longest_ms)
            .ok_or_else(|| wrong("it is longer than 100 years"))?;
        rest = after;
    }
    Ok(Duration::from_millis(total_ms))
}

/// A length of time as [`duration`] reads it: `1h30m`. Parts of a millisecond are left out.
pub(super) fn written(length: Duration) -> String {
    let mut left_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (name, unit_ms) in UNITS.iter().skip(1) {
        if left_ms >= *unit_ms {
            text.push_str(&format!("{}{name}", left_ms / unit_ms));
            left_ms %= unit_ms;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_in_all_units() {
        for (text, ms) in [
            ("0s", 0),
            ("250ms", 250),
            ("90s", 90_000),
            ("5m30s", 330_000),
            ("1h", 3_600_000),
            ("1h30m", 5_400_000),
            ("1d", 86_400_000),
            ("2w1d", 15 * 86_400_000),
            (" 30m ", 1_800_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn what_is_no_length_is_explained() {
        for (text, wanted) in [
            ("", "it is empty"),
            ("30", "\"30\": each number needs a unit: w, d, h, m, s or ms"),
            ("m", "\"m\": a whole number must come before each unit"),
            ("-1h", "\"-1h\": a whole number must come before each unit"),
            ("1.5h", "\"1.5h\": each number needs a unit: w, d, h, m, s or ms"),
            ("1h 30m", "\"1h 30m\": a whole number must come before each unit"),
            ("30min", "\"30min\": the units are w, d, h, m, s and ms"),
            ("30m1h", "\"30m1h\": units go from the longest to the shortest, each at most once"),
            ("99999999999999999999d", "\"99999999999999999999d\": it is longer than 100 years"),
        ] {
            assert_eq!(duration(text).unwrap_err().to_string(), wanted);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(ms in 0_u64..100 * 365 * 86_400_000) {
            let length = Duration::from_millis(ms);
            prop_assert_eq!(duration(&written(length)), Ok(length));
        }

        #[test]
        fn never_panics(text in "([0-9]{0,22}[a-zµ ]{0,3}){0,4}|\\PC*") {
            let _ = duration(&text);
        }
    }
}
