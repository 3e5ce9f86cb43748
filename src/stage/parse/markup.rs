//! HTML fragments: written from a subtree, told from plain text, and made free of relative addresses.

use super::entity::{Declared, has_reference, unescape};
use super::tree::{Id, Kind, Tree, quick_escape};
use crate::syntax::has_scheme;
use std::borrow::Cow;
use url::Url;

/// Elements by which a text is known to be HTML. A name that is not here (`<T>`, `<stdio.h>`) is a title's own less-than sign.
#[rustfmt::skip]
const ELEMENTS: &[&str] = &[
    "a", "abbr", "acronym", "address", "area", "article", "aside", "audio", "b", "bdo", "big", "blink", "blockquote", "body", "br",
    "button", "canvas", "caption", "center", "cite", "code", "col", "colgroup", "dd", "del", "details", "dfn", "dir", "div", "dl", "dt",
    "em", "embed", "fieldset", "figcaption", "figure", "font", "footer", "form", "frame", "h1", "h2", "h3", "h4", "h5", "h6", "head",
    "header", "hr", "html", "i", "iframe", "img", "input", "ins", "kbd", "label", "li", "link", "main", "map", "mark", "math", "menu",
    "meta", "nav", "nobr", "noscript", "object", "ol", "optgroup", "option", "p", "param", "picture", "pre", "q", "rp", "rt", "ruby", "s",
    "samp", "script", "section", "select", "small", "source", "span", "strike", "strong", "style", "sub", "summary", "sup", "svg",
    "table", "tbody", "td", "textarea", "tfoot", "th", "thead", "time", "title", "tr", "track", "tt", "u", "ul", "var", "video", "wbr",
];

/// Whether a text of a format that does not say so is HTML: it has a known tag, or a reference that HTML resolves.
pub(super) fn is_html(text: &str) -> bool {
    has_tag(text) || has_reference(text)
}

/// Whether a text has a tag of HTML.
fn has_tag(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'<', bytes).any(|at| {
        let rest = &bytes[at + 1..];
        let rest = rest.strip_prefix(b"/").unwrap_or(rest);
        if rest.starts_with(b"!--") {
            return true;
        }
        if !rest.first().is_some_and(u8::is_ascii_alphabetic) {
            return false;
        }
        let len = rest.iter().take(12).position(|b| !b.is_ascii_alphanumeric()).unwrap_or(0);
        let ended = rest.get(len).is_some_and(|b| matches!(b, b'>' | b'/') || b.is_ascii_whitespace());
        let name = &rest[..len];
        ended && ELEMENTS.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
    })
}

/// A text without its tags, references resolved, for names of people and categories.
pub(super) fn stripped(text: &str) -> Cow<'_, str> {
    if !is_html(text) {
        return Cow::Borrowed(text.trim());
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        let Some(end) = rest[at..].find('>') else {
            rest = &rest[at..];
            break;
        };
        rest = &rest[at + end + 1..];
    }
    out.push_str(rest);
    Cow::Owned(unescape(&out, &Declared::default()).trim().to_owned())
}

/// What characters between tags are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Characters {
    /// Text, to be escaped in HTML (XHTML).
    Text,
    /// HTML already (an escaped construct with some tags left bare).
    Html,
}

/// Writes what is inside an element as an HTML fragment.
pub(super) fn inner(tree: &Tree<'_>, id: Id, characters: Characters) -> String {
    let mut out = String::new();
    let mut open: Vec<(Id, &str)> = Vec::new();
    for at in id + 1..tree.end(id) {
        close_until(&mut out, &mut open, at);
        let node = tree.node(at);
        if node.kind != Kind::Element {
            let text = tree.characters(at);
            if characters == Characters::Html {
                out.push_str(&text)
            } else {
                quick_escape(&mut out, &text)
            }
            continue;
        }
        let name = node.html_name();
        out.push('<');
        out.push_str(name);
        for attribute in tree.attributes(at) {
            let name = match attribute.name {
                "xml:lang" => "lang",
                name if name.starts_with("xmlns") || name.starts_with("xml:") => continue,
                name => name,
            };
            out.push(' ');
            out.push_str(name);
            out.push_str("=\"");
            quick_escape(&mut out, &tree.value(attribute));
            out.push('"');
        }
        let empty = tree.end(at) == at + 1;
        if empty && (is_void(name) || node.ns == super::name::Ns::Drawing) {
            out.push_str("/>");
        } else {
            out.push('>');
            open.push((tree.end(at), name));
        }
    }
    close_until(&mut out, &mut open, usize::MAX);
    out
}

fn close_until(out: &mut String, open: &mut Vec<(Id, &str)>, at: Id) {
    while let Some((_, name)) = open.pop_if(|(end, _)| at >= *end) {
        out.push_str("</");
        out.push_str(name);
        out.push('>');
    }
}

fn is_void(name: &str) -> bool {
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
        .iter()
        .any(|v| v.eq_ignore_ascii_case(name))
}

/// Attributes that hold an address, and the one element that they do so on, if not on all.
const ADDRESSES: &[(&str, Option<&str>)] = &[
    ("href", None),
    ("src", None),
    ("poster", None),
    ("cite", None),
    ("action", None),
    ("formaction", None),
    ("background", None),
    ("longdesc", None),
    ("usemap", None),
    ("codebase", None),
    ("classid", Some("object")),
    ("data", Some("object")),
    ("profile", Some("head")),
];

/// Bytes by which resolved addresses may make a fragment longer than four times itself.
const MAX_GROWTH: usize = 64 << 10;

/// The fragment with its relative addresses made absolute, or `None` if it has none.
pub(super) fn absolute(html: &str, base: &Url) -> Option<String> {
    let bytes = html.as_bytes();
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'<', &bytes[at..]) {
        at += found + 1;
        if !bytes.get(at).is_some_and(u8::is_ascii_alphabetic) {
            continue;
        }
        let name_from = at;
        at += bytes[at..].iter().position(|b| !b.is_ascii_alphanumeric()).unwrap_or(bytes.len() - at);
        let element = &html[name_from..at];
        // Every address may grow by the length of the base; enough is enough.
        if out.len() > copied * 4 + MAX_GROWTH {
            break;
        }
        while let Some((name, from, to)) = next_attribute(bytes, &mut at) {
            let name = &html[name.0..name.1];
            let value = &html[from..to];
            let replaced = if name.eq_ignore_ascii_case("srcset") {
                source_set(value, base)
            } else if ADDRESSES
                .iter()
                .any(|(known, on)| known.eq_ignore_ascii_case(name) && on.is_none_or(|on| on.eq_ignore_ascii_case(element)))
            {
                resolve_attribute(value, base)
            } else {
                None
            };
            if let Some(replaced) = replaced {
                out.push_str(&html[copied..from]);
                quick_escape(&mut out, &replaced);
                copied = to;
            }
        }
    }
    (copied > 0).then(|| {
        out.push_str(&html[copied..]);
        out
    })
}

/// The next attribute of a tag with a value: where its name and its value stand. Moves past it; at the tag's end yields `None`.
fn next_attribute(bytes: &[u8], at: &mut usize) -> Option<((usize, usize), usize, usize)> {
    loop {
        *at += bytes.get(*at..)?.iter().position(|b| !(b.is_ascii_whitespace() || *b == b'/'))?;
        if matches!(bytes[*at], b'>' | b'<') {
            return None;
        }
        let from = *at;
        let len = bytes[from..].iter().position(|b| matches!(b, b'=' | b'>' | b'<' | b'/') || b.is_ascii_whitespace());
        let to = from + len?;
        *at = to + bytes[to..].iter().position(|b| !b.is_ascii_whitespace())?;
        if bytes[*at] != b'=' {
            continue;
        }
        *at += 1;
        *at += bytes[*at..].iter().position(|b| !b.is_ascii_whitespace())?;
        let quote = bytes[*at];
        if matches!(quote, b'"' | b'\'') {
            let start = *at + 1;
            let Some(len) = memchr::memchr(quote, &bytes[start..]) else {
                // Nothing after an open quote is a tag.
                *at = bytes.len();
                return None;
            };
            *at = start + len + 1;
            return Some(((from, to), start, start + len));
        }
        let start = *at;
        *at += bytes[start..].iter().position(|b| *b == b'>' || b.is_ascii_whitespace())?;
        return Some(((from, to), start, *at));
    }
}

fn resolve_attribute(value: &str, base: &Url) -> Option<String> {
    let address = value.trim();
    if address.is_empty() || has_scheme(address) {
        return None;
    }
    let address = unescape(address, &Declared::default());
    base.join(&address).ok().map(String::from)
}

/// `srcset`: candidates between commas, each an address and a descriptor.
fn source_set(value: &str, base: &Url) -> Option<String> {
    let mut changed = false;
    let candidates: Vec<String> = value
        .split(", ")
        .map(|candidate| {
            let candidate = candidate.trim();
            let (address, descriptor) = candidate.split_once(' ').unwrap_or((candidate, ""));
            let resolved = resolve_attribute(address, base);
            changed |= resolved.is_some();
            let address = resolved.unwrap_or_else(|| unescape(address, &Declared::default()).into_owned());
            if descriptor.is_empty() { address } else { format!("{address} {descriptor}") }
        })
        .collect();
    changed.then(|| candidates.join(", "))
}
