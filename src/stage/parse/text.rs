//! Texts of entries and feeds: what is markup in them, and what is not.

use super::markup::{self, Characters};
use super::scope::Scope;
use super::tree::{Id, Kind, Tree};
use crate::entry::{Content, Text, TextKind};

/// A text of RSS, Dublin Core and the like, which have no notion of its kind: HTML if it looks like it.
pub(super) fn guessed(tree: &Tree<'_>, id: Id, scope: &Scope<'_>) -> Option<Text> {
    if tree.has_elements(id) {
        return filled(Text { value: markup::inner(tree, id, Characters::Text), kind: TextKind::Html }, scope);
    }
    let value = tree.filled(id)?;
    let kind = if markup::is_html(&value) { TextKind::Html } else { TextKind::Plain };
    filled(Text { value, kind }, scope)
}

/// A text construct of Atom (RFC 4287 section 3.1; 0.3: its `type` and `mode`), also where RSS borrows its attributes.
pub(super) fn construct(tree: &Tree<'_>, id: Id, scope: &Scope<'_>) -> Option<Text> {
    let (value, media_type) = typed(tree, id, scope)?;
    let kind = if is_markup(&media_type) { TextKind::Html } else { TextKind::Plain };
    Some(Text { value, kind })
}

/// The content of an entry.
pub(super) fn content(tree: &Tree<'_>, id: Id, scope: &Scope<'_>) -> Option<Content> {
    let src = tree.attribute(id, "src").and_then(|src| scope.address(&src));
    match typed(tree, id, scope) {
        Some((value, media_type)) => Some(Content { value: Some(value), media_type, src }),
        None => src.map(|src| {
            let media_type = tree.attribute(id, "type").map_or_else(|| "text/plain".to_owned(), std::borrow::Cow::into_owned);
            Content { value: None, media_type, src: Some(src) }
        }),
    }
}

/// Whether values of this media type are HTML fragments as read here.
fn is_markup(media_type: &str) -> bool {
    media_type == "text/html" || media_type.ends_with("xml")
}

fn filled(mut text: Text, scope: &Scope<'_>) -> Option<Text> {
    text.value = trimmed(text.value);
    if text.kind == TextKind::Html {
        scope.absolute(&mut text.value);
    }
    (!text.value.is_empty()).then_some(text)
}

fn trimmed(text: String) -> String {
    if text.trim().len() == text.len() { text } else { text.trim().to_owned() }
}

/// The value and the media type of an Atom text, content or one of RSS with their attributes.
fn typed(tree: &Tree<'_>, id: Id, scope: &Scope<'_>) -> Option<(String, String)> {
    let mode = tree.attribute(id, "mode").map(|mode| mode.trim().to_ascii_lowercase());
    let type_ = tree.attribute(id, "type").map(|type_| type_.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    let type_ = type_.filter(|type_| !type_.is_empty());
    let markup = |value: String| {
        let text = filled(Text { value, kind: TextKind::Html }, scope)?;
        Some((text.value, "text/html".to_owned()))
    };
    let guess = |value: String| {
        if markup::is_html(&value) { markup(value) } else { plain(value, "text/plain") }
    };
    let nested = tree.has_elements(id);
    if mode.as_deref() == Some("base64") {
        let value = tree.text(id);
        return guess(base64(&value).unwrap_or_else(|| value.into_owned()));
    }
    // Before Atom 1.0 `div` was the publisher's own; since then it is the construct's wrapper (RFC 4287 section 3.1.1.3).
    let body = if mode.is_none() && !scope.atom03 { unwrapped(tree, id) } else { id };
    match type_.as_deref() {
        Some("html" | "text/html" | "application/html") if nested && mode.as_deref() != Some("xml") => {
            markup(markup::inner(tree, body, Characters::Html))
        }
        Some("html" | "text/html" | "application/html" | "escaped") if !nested => markup(tree.filled(id)?),
        Some("xhtml" | "application/xhtml+xml" | "application/xhtml") if !nested => guess(tree.filled(id)?),
        Some("text" | "text/plain" | "plain") if !(nested || mode.as_deref() == Some("escaped") && scope.atom03) => {
            plain(tree.filled(id)?, "text/plain")
        }
        // Escaped text of a plain type is what it says.
        Some("text/plain") if !nested => plain(tree.filled(id)?, "text/plain"),
        None if !nested && scope.strict && mode.is_none() => plain(tree.filled(id)?, "text/plain"),
        _ if nested
            && type_.as_deref().is_some_and(|t| t.ends_with("+xml") || t.ends_with("/xml"))
            && !type_.as_deref().is_some_and(|t| t.contains("xhtml")) =>
        {
            let (value, _) = markup(markup::inner(tree, id, Characters::Text))?;
            Some((value, type_.unwrap_or_default()))
        }
        _ if nested => markup(markup::inner(tree, body, Characters::Text)),
        Some(other) if other.contains('/') && !other.starts_with("text/") && !other.ends_with("xml") => {
            let value = tree.text(id);
            match base64(&value) {
                Some(decoded) => guess(decoded),
                None => plain(value.into_owned(), other),
            }
        }
        Some(other) if other.starts_with("text/") => plain(tree.filled(id)?, other),
        _ => guess(tree.filled(id)?),
    }
}

fn plain(value: String, media_type: &str) -> Option<(String, String)> {
    let value = trimmed(value);
    (!value.is_empty()).then(|| (value, media_type.to_owned()))
}

/// The only `div` inside, if there is nothing beside it, else the element itself.
fn unwrapped(tree: &Tree<'_>, id: Id) -> Id {
    let mut only = None;
    for child in tree.children(id) {
        let node = tree.node(child);
        match node.kind {
            Kind::Element if only.is_none() && node.local().eq_ignore_ascii_case("div") => only = Some(child),
            Kind::Element => return id,
            Kind::Text | Kind::Cdata if node.raw().trim().is_empty() => {}
            Kind::Text | Kind::Cdata => return id,
        }
    }
    only.unwrap_or(id)
}

/// The value of a base64 digit (RFC 4648 section 4).
pub(super) fn base64_value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// Base64 with blanks, if it is that and holds UTF-8 text.
fn base64(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held, mut digits) = (0_u32, 0_u32, 0_usize);
    for byte in text.bytes().filter(|b| !b.is_ascii_whitespace()) {
        if byte == b'=' {
            continue;
        }
        bits = (bits << 6) | u32::from(base64_value(byte)?);
        held += 6;
        digits += 1;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    (digits > 3 && digits % 4 != 1).then_some(())?;
    String::from_utf8(out).ok().filter(|text| !text.chars().any(|c| c.is_control() && !c.is_whitespace()))
}
