//! Taking a file apart: the lines of each field, what YAML makes of them, and the body.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// Why a file cannot be told apart into fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub why: String,
}

/// One field with its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) key: &'a str,
    /// Comments and empty lines before it.
    pub(super) lead: &'a str,
    /// Its own lines, with their ends.
    pub(super) text: &'a str,
}

/// A file's parts, as they stand in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    pub(super) fields: Vec<Field<'a>>,
    /// Comments after the last field.
    pub(super) tail: &'a str,
    /// Everything after the front matter.
    pub(super) body: &'a str,
}

/// A file that an editor may have changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<'a> {
    pub(super) text: &'a str,
    pub(super) parts: Parts<'a>,
    pub(super) values: Map<String, Value>,
}

/// A file's bytes as text whose lines end as ours do.
///
/// # Errors
/// Bytes that are no UTF-8.
pub fn plain(bytes: &[u8]) -> Result<Cow<'_, str>, Unreadable> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes.iter().take(error.valid_up_to()).filter(|b| **b == b'\n').count();
        Unreadable { line, why: "it is not UTF-8".into() }
    })?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    Ok(if text.contains('\r') { text.replace("\r\n", "\n").into() } else { text.into() })
}

impl<'a> Page<'a> {
    /// Takes a file apart; `text` is as [`plain`] makes it.
    ///
    /// # Errors
    /// No front matter between lines `---`, or one that is no YAML map, with the line.
    pub fn read(text: &'a str) -> Result<Self, Unreadable> {
        let parts = Parts::read(text)?;
        let front: usize = parts.fields.iter().map(|f| f.lead.len() + f.text.len()).sum::<usize>() + parts.tail.len();
        let start = text.find('\n').map_or(0, |end| end + 1);
        let yaml = text.get(start..start + front).unwrap_or_default();
        let values: Map<String, Value> = serde_saphyr::from_str(yaml).map_err(|error| {
            let line = error.location().and_then(|l| usize::try_from(l.line()).ok()).unwrap_or(1);
            let why = error.without_snippet().to_string();
            // The front matter begins on the file's second line.
            Unreadable { line: line + 1, why: why.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).collect() }
        })?;
        let mut line = 2;
        for field in &parts.fields {
            line += field.lead.matches('\n').count();
            if !values.contains_key(field.key) {
                return Err(Unreadable { line, why: format!("\"{}\" is written in a way that cannot be merged", field.key) });
            }
            line += field.text.matches('\n').count();
        }
        if values.len() != parts.fields.len() {
            return Err(Unreadable { line: 2, why: "a key stands where it cannot be merged; begin each on a line of its own".into() });
        }
        Ok(Self { text, parts, values })
    }

    /// Whether the file says that it is a draft.
    #[must_use]
    pub fn is_draft(&self) -> bool {
        self.values.get("draft") == Some(&Value::Bool(true))
    }

    /// The list of texts under `key`; one text alone is a list of one, and `null` an empty one. `None` for anything else, also where
    /// the key is not there: who wants none says so.
    pub(super) fn texts(&self, key: &str) -> Option<Vec<String>> {
        match self.values.get(key) {
            Some(Value::Null) => Some(Vec::new()),
            Some(Value::String(text)) => Some(vec![text.clone()]),
            Some(Value::Array(items)) => items.iter().map(|v| v.as_str().map(str::to_owned)).collect(),
            None | Some(_) => None,
        }
    }
}

impl<'a> Parts<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, Unreadable> {
        let is_fence = |line: &str| line.trim_end() == "---";
        let slice = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
        let unreadable = |line: usize, why: &str| Unreadable { line, why: why.into() };
        let mut lines = text.split_inclusive('\n');
        let first = lines.next().filter(|line| is_fence(line));
        let first = first.ok_or_else(|| unreadable(1, "there is no front matter between lines \"---\""))?;
        let mut fields: Vec<Field<'a>> = Vec::new();
        // The field under way: its key, where what stands before it begins, and where it does.
        let mut open: Option<(&'a str, usize, usize)> = None;
        // Where the line begins, and where the last value ended.
        let (mut at, mut done) = (first.len(), first.len());
        let mut number = 1;
        for line in lines {
            number += 1;
            let end = at + line.len();
            let is_blank = line.trim().is_empty();
            let close = |(key, lead, start): (&'a str, usize, usize)| Field { key, lead: slice(lead, start), text: slice(start, done) };
            if is_fence(line) {
                fields.extend(open.map(close));
                return Ok(Self { fields, tail: slice(done, at), body: slice(end, text.len()) });
            }
            let is_value = line.starts_with([' ', '\t']) || line.starts_with("- ") || line.trim_end() == "-";
            if is_value && !is_blank {
                if open.is_none() {
                    return Err(unreadable(number, "a value without a key"));
                }
                // Comments and empty lines before it are inside the value.
                done = end;
            } else if !line.starts_with('#') && !is_blank {
                let key = key_of(line).ok_or_else(|| unreadable(number, "neither a key nor a part of its value"))?;
                fields.extend(open.map(close));
                open = Some((key, done, at));
                done = end;
            }
            at = end;
        }
        Err(unreadable(number, "the front matter does not end with a line \"---\""))
    }

    pub(super) fn field(&self, key: &str) -> Option<&Field<'a>> {
        self.fields.iter().find(|f| f.key == key)
    }
}

/// The key that a line begins with.
fn key_of(line: &str) -> Option<&str> {
    let (key, rest) = match line.chars().next()? {
        quote @ ('"' | '\'') => line.get(1..)?.split_once(quote).map(|(key, rest)| (key, rest.trim_start()))?,
        _ => line.split_once(':').map(|(key, _)| (key.trim_end(), line.get(key.len()..).unwrap_or_default()))?,
    };
    let rest = rest.strip_prefix(':')?;
    (rest.is_empty() || rest.starts_with([' ', '\t', '\n'])).then_some(key)
}
