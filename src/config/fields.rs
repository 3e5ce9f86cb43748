//! Typed reading of one table. Whatever does not fit is reported and read as absent, so that everything after it is checked too.

use std::ops::{Range, RangeInclusive};
use std::sync::LazyLock;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Report, suggest};
use crate::stage::schedule;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// One table of the file.
#[derive(Clone)]
pub(super) struct Fields<'a> {
    /// As messages call it, such as `[[source]]`.
    pub(super) name: &'static str,
    /// Where it begins.
    pub(super) span: Range<usize>,
    table: &'a DeTable<'a>,
}

static EMPTY: LazyLock<DeTable<'static>> = LazyLock::new(DeTable::new);

impl<'a> Fields<'a> {
    /// Takes up a table and reports the keys that are none of `known`.
    pub(super) fn open(report: &mut Report, name: &'static str, span: Range<usize>, table: &'a DeTable<'a>, known: &[&str]) -> Self {
        for key in table.keys().filter(|key| !known.contains(&&**key.get_ref())) {
            let key_text = key.get_ref();
            let kind = if name == TOP { "table" } else { "key" };
            report.wrong(key.span(), format!("unknown {kind} \"{key_text}\" in {name}"), suggest(key_text, known.iter().copied()));
        }
        Self { name, span, table }
    }

    /// The table under `key`, empty if absent.
    pub(super) fn table(&self, report: &mut Report, key: &str, name: &'static str, known: &[&str]) -> Fields<'a> {
        match self.get(key) {
            Some(value) => match value.get_ref() {
                DeValue::Table(table) => Fields::open(report, name, value.span(), table, known),
                other => {
                    let what = format!("\"{key}\" must be one table, not {}", kind(other));
                    report.wrong(value.span(), what, format!("write {name} on a line of its own, once"));
                    Fields { name, span: value.span(), table: &EMPTY }
                }
            },
            None => Fields { name, span: self.span.clone(), table: &EMPTY },
        }
    }

    /// The tables under `key`.
    pub(super) fn tables(&self, report: &mut Report, key: &str, name: &'static str, known: &[&str]) -> Vec<Fields<'a>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let remedy = format!("write {name} above each");
        let DeValue::Array(array) = value.get_ref() else {
            report.wrong(value.span(), format!("\"{key}\" must be a list of tables, not {}", kind(value.get_ref())), remedy);
            return Vec::new();
        };
        let mut tables = Vec::with_capacity(array.len());
        for item in array {
            match item.get_ref() {
                DeValue::Table(table) => tables.push(Fields::open(report, name, item.span(), table, known)),
                other => report.wrong(item.span(), format!("\"{key}\" must hold tables, not {}", kind(other)), remedy.clone()),
            }
        }
        tables
    }

    /// Whether the key is there, whatever its value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The value under `key` as it stands.
    pub(super) fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(key)
    }

    /// Text on one line, trimmed and not empty.
    pub(super) fn text(&self, report: &mut Report, key: &str) -> Option<At<&'a str>> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::String(text) => self.line(report, key, text, value.span()),
            other => self.unfit(report, key, value.span(), "text", other, "write it in quotes"),
        }
    }

    /// [`Self::text`] that must be there; `example` is the line to add.
    pub(super) fn required(&self, report: &mut Report, key: &str, example: &str) -> Option<At<&'a str>> {
        if !self.has(key) {
            report.missing(self.span.clone(), format!("missing \"{key}\" in {}", self.name), format!("add {example}"));
        }
        self.text(report, key)
    }

    /// Text of any number of lines, made one.
    pub(super) fn prose(&self, report: &mut Report, key: &str) -> Option<String> {
        match self.get(key)?.get_ref() {
            DeValue::String(text) if !text.trim().is_empty() => Some(text.split_whitespace().collect::<Vec<_>>().join(" ")),
            _ => self.text(report, key).map(|text| text.value.to_owned()),
        }
    }

    /// A list of texts, or one.
    pub(super) fn texts(&self, report: &mut Report, key: &str) -> Vec<At<&'a str>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let DeValue::Array(array) = value.get_ref() else {
            if let DeValue::String(text) = value.get_ref() {
                return self.line(report, key, text, value.span()).into_iter().collect();
            }
            let remedy = format!("write {key} = [\"…\", \"…\"]");
            self.unfit::<()>(report, key, value.span(), "a list of texts", value.get_ref(), &remedy);
            return Vec::new();
        };
        let mut texts = Vec::with_capacity(array.len());
        for item in array {
            match item.get_ref() {
                DeValue::String(text) => texts.extend(self.line(report, key, text, item.span())),
                other => {
                    self.unfit::<()>(report, key, item.span(), "a list of texts", other, "write each in quotes");
                }
            }
        }
        texts
    }

    /// A whole number within `range`.
    pub(super) fn number(&self, report: &mut Report, key: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::Integer(_) => {
                let number = integer(value.get_ref());
                if let Some(number) = number.filter(|number| range.contains(number)) {
                    return Some(number);
                }
                self.outside(report, key, value.span(), &range.start().to_string(), &range.end().to_string())
            }
            other => self.unfit(report, key, value.span(), "a whole number", other, "write it without quotes and without a point"),
        }
    }

    /// True or false; false if absent.
    pub(super) fn flag(&self, report: &mut Report, key: &str) -> bool {
        self.flag_or(report, key, false)
    }

    /// True or false; `absent` if absent.
    pub(super) fn flag_or(&self, report: &mut Report, key: &str, absent: bool) -> bool {
        let Some(value) = self.get(key) else { return absent };
        match value.get_ref() {
            DeValue::Boolean(flag) => *flag,
            other => self.unfit(report, key, value.span(), "true or false", other, "write it without quotes").unwrap_or(absent),
        }
    }

    /// A list of whole numbers within `range`, or one.
    pub(super) fn numbers(&self, report: &mut Report, key: &str, range: RangeInclusive<u64>) -> Vec<u64> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let DeValue::Array(array) = value.get_ref() else {
            return self.number(report, key, range).into_iter().collect();
        };
        let mut numbers = Vec::with_capacity(array.len());
        for item in array {
            match (item.get_ref(), integer(item.get_ref())) {
                (_, Some(number)) if range.contains(&number) => numbers.push(number),
                (DeValue::Integer(_), _) => {
                    self.outside::<()>(report, key, item.span(), &range.start().to_string(), &range.end().to_string());
                }
                (other, _) => {
                    self.unfit::<()>(report, key, item.span(), "a list of whole numbers", other, "write each without quotes");
                }
            }
        }
        numbers
    }

    /// A number above 0 and at most 1.
    pub(super) fn fraction(&self, report: &mut Report, key: &str) -> Option<f64> {
        let value = self.get(key)?;
        let number = match value.get_ref() {
            DeValue::Float(number) => number.as_str().parse::<f64>().ok(),
            DeValue::Integer(number) => number.as_str().parse::<f64>().ok(),
            other => return self.unfit(report, key, value.span(), "a number", other, "write it without quotes, such as 0.85"),
        };
        match number {
            Some(number) if number > 0.0 && number <= 1.0 => Some(number),
            _ => self.outside(report, key, value.span(), "0.01", "1.0"),
        }
    }

    /// True or false.
    pub(super) fn truth(&self, report: &mut Report, key: &str) -> Option<bool> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::Boolean(truth) => Some(*truth),
            other => self.unfit(report, key, value.span(), "true or false", other, "write it without quotes"),
        }
    }

    /// A whole number of either sign within `range`.
    pub(super) fn signed(&self, report: &mut Report, key: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::Integer(number) => {
                let number = i64::from_str_radix(number.as_str(), number.radix()).ok().filter(|number| range.contains(number));
                number.or_else(|| self.outside(report, key, value.span(), &range.start().to_string(), &range.end().to_string()))
            }
            other => self.unfit(report, key, value.span(), "a whole number", other, "write it without quotes and without a point"),
        }
    }

    /// A duration within `range`: text with units, or whole seconds.
    pub(super) fn duration(&self, report: &mut Report, key: &str, range: RangeInclusive<Duration>) -> Option<Duration> {
        let value = self.get(key)?;
        let duration = match value.get_ref() {
            DeValue::String(text) => match schedule::duration(text) {
                Ok(duration) => duration,
                Err(error) => {
                    let what = format!("\"{key}\" in {} is no duration: {error}", self.name);
                    report.wrong(value.span(), what, "write a number and a unit, such as \"30s\", \"15m\" or \"1h\"");
                    return None;
                }
            },
            DeValue::Integer(_) => integer(value.get_ref()).map_or(Duration::MAX, Duration::from_secs),
            other => return self.unfit(report, key, value.span(), "a duration", other, "write a number and a unit, such as \"30s\""),
        };
        if range.contains(&duration) {
            return Some(duration);
        }
        self.outside(report, key, value.span(), &spell_duration(*range.start()), &spell_duration(*range.end()))
    }

    /// A number of bytes from 1 KiB to 4 GiB: text with a unit, or a whole number.
    pub(super) fn bytes(&self, report: &mut Report, key: &str) -> Option<u64> {
        let value = self.get(key)?;
        let remedy = "write a number and a unit, such as \"10MiB\"";
        let bytes = match value.get_ref() {
            DeValue::String(text) => match parse_bytes(text) {
                Some(bytes) => Some(bytes),
                None => {
                    report.wrong(value.span(), format!("\"{key}\" in {} is no size: \"{text}\"", self.name), remedy);
                    return None;
                }
            },
            DeValue::Integer(_) => integer(value.get_ref()),
            other => return self.unfit(report, key, value.span(), "a size", other, remedy),
        };
        match bytes {
            Some(bytes) if (1024..=4 << 30).contains(&bytes) => Some(bytes),
            _ => self.outside(report, key, value.span(), "1KiB", "4GiB"),
        }
    }

    pub(super) fn line(&self, report: &mut Report, key: &str, text: &'a str, span: Range<usize>) -> Option<At<&'a str>> {
        let value = text.trim();
        let name = self.name;
        if value.is_empty() {
            report.wrong(span, format!("\"{key}\" in {name} is empty"), "give it a value, or leave it out");
            None
        } else if value.chars().any(char::is_control) {
            report.wrong(span, format!("\"{key}\" in {name} has a line break or a control character"), "write it on one line");
            None
        } else {
            Some(At { value, span })
        }
    }

    pub(super) fn unfit<T>(
        &self,
        report: &mut Report,
        key: &str,
        span: Range<usize>,
        wanted: &str,
        found: &DeValue,
        remedy: &str,
    ) -> Option<T> {
        report.wrong(span, format!("\"{key}\" in {} must be {wanted}, not {}", self.name, kind(found)), remedy);
        None
    }

    pub(super) fn outside<T>(&self, report: &mut Report, key: &str, span: Range<usize>, least: &str, most: &str) -> Option<T> {
        report.wrong(span, format!("\"{key}\" in {} is out of range", self.name), format!("take a value from {least} to {most}"));
        None
    }
}

/// How messages call the file itself.
pub(super) const TOP: &str = "the file";

fn integer(value: &DeValue) -> Option<u64> {
    let number = value.as_integer()?;
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn kind(value: &DeValue) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len()));
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// A duration in the file's own form.
pub(super) fn spell_duration(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{}ms", duration.as_millis()),
        s if s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s % 3_600 == 0 => format!("{}h", s / 3_600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}
