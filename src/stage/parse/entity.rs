//! Character references and entities.

use crate::stage::text::entity::{named, numbered};
use crate::syntax::is_xml_char;
use std::borrow::Cow;
use std::cell::Cell;

/// Entities that the document's own DTD declares, literal text only.
#[derive(Debug, Default)]
pub(super) struct Declared {
    /// Name and text, in the order declared.
    pairs: Vec<(String, String)>,
    /// Bytes that may still be inserted, so that a short document cannot grow without bound.
    budget: Cell<usize>,
}

/// Most entities that a DTD may declare: real feeds that do so have fewer than 260 (the HTML 4 set).
const MAX_DECLARED: usize = 300;
/// Longest replacement text in bytes.
const MAX_TEXT: usize = 1024;
/// Bytes that all replacements together may insert.
const MAX_INSERTED: usize = 1 << 20;
/// Longest entity name in bytes that is looked up.
const MAX_NAME: usize = 32;

impl Declared {
    /// Reads `<!ENTITY name "text">` from a DTD's internal subset. External entities, parameter entities and texts that name further
    /// entities are left out: nothing is ever fetched, and nothing expands twice.
    pub(super) fn read(subset: &str) -> Self {
        let mut pairs: Vec<(String, String)> = Vec::new();
        let mut rest = subset;
        while let Some(at) = rest.find("<!ENTITY") {
            rest = &rest[at + 8..];
            let body = rest.trim_start();
            let Some(name_len) = body.find(|c: char| c.is_whitespace() || c == '>') else { break };
            let (name, after) = body.split_at(name_len);
            let after = after.trim_start();
            let Some(quote) = after.chars().next().filter(|c| *c == '"' || *c == '\'') else { continue };
            let Some(len) = after[1..].find(quote) else { break };
            let text = &after[1..1 + len];
            rest = &after[1 + len..];
            if name == "%" || name.len() > MAX_NAME || text.len() > MAX_TEXT || pairs.len() >= MAX_DECLARED {
                continue;
            }
            let plain = unescape(text, &Self::default());
            // What still looks like a reference could be another entity, and `<` could be markup.
            if !plain.contains('&') && !plain.contains('<') && !pairs.iter().any(|(known, _)| known == name) {
                pairs.push((name.to_owned(), plain.into_owned()));
            }
        }
        Self { pairs, budget: Cell::new(MAX_INSERTED) }
    }

    fn get(&self, name: &str) -> Option<&str> {
        let (_, text) = self.pairs.iter().find(|(known, _)| known == name)?;
        self.budget.set(self.budget.get().checked_sub(text.len())?);
        Some(text)
    }
}

/// Resolves the references of one layer: the five of XML, numbers, HTML's names and those declared. A `&` that begins no reference stays.
pub(super) fn unescape<'a>(text: &'a str, declared: &Declared) -> Cow<'a, str> {
    let bytes = text.as_bytes();
    let Some(mut at) = memchr::memchr2(b'&', b'\r', bytes) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    loop {
        if bytes[at] == b'\r' {
            // XML 1.0 section 2.11: a carriage return, with or without a line feed, is one line feed.
            out.push_str(&text[copied..at]);
            if bytes.get(at + 1) != Some(&b'\n') {
                out.push('\n');
            }
            copied = at + 1;
            at += 1;
        } else if let Some(name) = reference(&text[at..]) {
            let before = out.len();
            out.push_str(&text[copied..at]);
            if resolve(name, declared, &mut out) {
                at += 1 + name.len();
                copied = at;
            } else {
                out.truncate(before);
                at += 1;
            }
        } else {
            at += 1;
        }
        match memchr::memchr2(b'&', b'\r', &bytes[at..]) {
            Some(next) => at += next,
            None => break,
        }
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// What stands after `&` at the start of `text`, up to and with its `;`.
fn reference(text: &str) -> Option<&str> {
    let window = &text.as_bytes()[1..text.len().min(MAX_NAME + 2)];
    let len = window.iter().position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'#' | b'_' | b'-' | b'.')))?;
    (len > 0 && window[len] == b';').then(|| &text[1..len + 2])
}

/// Whether a text holds a reference that HTML would resolve.
pub(super) fn has_reference(text: &str) -> bool {
    memchr::memchr_iter(b'&', text.as_bytes())
        .take(1000)
        .any(|at| reference(&text[at..]).is_some_and(|name| resolve(name, &Declared::default(), &mut String::new())))
}

/// Writes what a reference stands for; `false` where it stands for nothing. A number that XML forbids stands for no character at all (S15:
/// U+0000 to output would be ill-formed).
fn resolve(name: &str, declared: &Declared, out: &mut String) -> bool {
    match name {
        "amp;" => out.push('&'),
        "lt;" => out.push('<'),
        "gt;" => out.push('>'),
        "quot;" => out.push('"'),
        "apos;" => out.push('\''),
        _ => {
            let bare = name.trim_end_matches(';');
            if let Some(number) = bare.strip_prefix('#') {
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => number.parse(),
                };
                let Ok(code) = code else { return false };
                out.extend(numbered(code).filter(|c| is_xml_char(*c)));
            } else if let Some(text) = declared.get(bare) {
                out.push_str(text);
            } else if let Some(c) = older(name) {
                out.push(c);
            } else {
                let Some(characters) = named(name) else { return false };
                out.extend(characters);
            }
        }
    }
    true
}

/// What HTML's table has otherwise or not at all: angle brackets as XHTML's DTDs have them, and the one shouted name (`&AMP;`, `&LT;` are in it).
fn older(name: &str) -> Option<char> {
    match name {
        "lang;" => Some('\u{2329}'),
        "rang;" => Some('\u{232A}'),
        "NBSP;" => Some('\u{A0}'),
        _ => None,
    }
}
