//! Tolerant tokens of HTML, in linear time.
//!
//! html5ever builds browser-grade trees but is quadratic in nesting depth and in attributes per tag, so nothing hostile may
//! reach it unbounded. These tokens follow the HTML Standard's tokenizer (13.2.5) closely enough to see the same tags, and are
//! all that plain text needs.

use std::borrow::Cow;

use memchr::{memchr, memmem};

/// Elements whose content is not markup (HTML Standard 13.2.5.1 to 13.2.5.5, scripting on, as html5ever has it).
const RAW: [&str; 9] = ["script", "style", "noscript", "iframe", "xmp", "noembed", "noframes", "textarea", "title"];

/// Elements whose content is no text of the article: other languages, and what to say when a player is missing.
const FOREIGN: [&str; 6] = ["svg", "math", "audio", "video", "canvas", "select"];

/// Elements that run within a line: their tags do not separate words.
const INLINE: [&str; 45] = [
    "a",
    "abbr",
    "acronym",
    "b",
    "bdi",
    "bdo",
    "big",
    "cite",
    "code",
    "data",
    "del",
    "dfn",
    "em",
    "font",
    "i",
    "ins",
    "kbd",
    "label",
    "mark",
    "meter",
    "nobr",
    "output",
    "progress",
    "q",
    "rb",
    "ruby",
    "s",
    "samp",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "time",
    "tt",
    "u",
    "var",
    "wbr",
    "rbc",
    "blink",
    "o:p",
    "font-face",
    "picture",
    // A picture may be a letter: emoji are.
    "img",
];

/// Whether tags of this name leave a word in one piece.
#[must_use]
pub(crate) fn is_inline(name: &str) -> bool {
    INLINE.contains(&name)
}

/// Elements without content (HTML Standard 13.1.2).
#[must_use]
pub(crate) fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "basefont"
            | "bgsound"
            | "br"
            | "col"
            | "embed"
            | "frame"
            | "hr"
            | "image"
            | "img"
            | "input"
            | "keygen"
            | "link"
            | "meta"
            | "param"
            | "source"
            | "track"
            | "wbr"
    )
}

/// Elements at which a browser, too, leaves foreign content (HTML Standard 13.2.6.5).
fn breaks_out(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "ul"
            | "ol"
            | "dl"
            | "table"
            | "blockquote"
            | "pre"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "body"
            | "hr"
            | "article"
            | "section"
            | "main"
            | "header"
            | "footer"
            | "nav"
            | "aside"
    )
}

/// An attribute: its name in lower case and its value as written, references unresolved.
pub(crate) type Attribute<'a> = (Cow<'a, str>, &'a str);

/// A piece of HTML.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// Text, references unresolved.
    Text(&'a str),
    /// A start tag, name in lower case.
    Open(Cow<'a, str>, Vec<Attribute<'a>>),
    /// An end tag, name in lower case.
    Close(Cow<'a, str>),
    /// Content of `title`, which is text but not the article's.
    Title(&'a str),
}

/// Iterates over the tokens of `html`. Comments, scripts, styles, frames, foreign content and players are left out.
pub(crate) struct Tokens<'a> {
    html: &'a str,
    at: usize,
    attributes_max: usize,
    /// The foreign element whose end is waited for.
    foreign: Option<Cow<'a, str>>,
    pending: Option<Token<'a>>,
}

/// Tokens with at most `attributes_max` attributes a tag; the others are dropped.
pub(crate) fn tokens(html: &str, attributes_max: usize) -> Tokens<'_> {
    Tokens { html, at: 0, attributes_max, foreign: None, pending: None }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let token = match self.pending.take() {
                Some(token) => token,
                None => self.read()?,
            };
            let Some(foreign) = &self.foreign else {
                if let Token::Open(name, _) = &token
                    && FOREIGN.contains(&name.as_ref())
                {
                    if !self.html[..self.at].ends_with("/>") {
                        self.foreign = Some(name.clone());
                    }
                    continue;
                }
                if matches!(&token, Token::Close(name) if FOREIGN.contains(&name.as_ref())) {
                    continue;
                }
                return Some(token);
            };
            match &token {
                Token::Close(name) if name == foreign => self.foreign = None,
                Token::Open(name, _) | Token::Close(name) if breaks_out(name) => {
                    self.foreign = None;
                    return Some(token);
                }
                _ => {}
            }
        }
    }
}

impl<'a> Tokens<'a> {
    fn read(&mut self) -> Option<Token<'a>> {
        let bytes = self.html.as_bytes();
        loop {
            let start = self.at;
            let first = *bytes.get(start)?;
            let mark = bytes.get(start + 1).copied();
            match (first, mark) {
                (b'<', Some(b'!')) if bytes[start..].starts_with(b"<!--") => self.at = comment_end(bytes, start + 4),
                (b'<', Some(b'!')) if bytes[start..].starts_with(b"<![CDATA[") => {
                    // Text wrapped once too often; browsers drop it, but it is an article's.
                    let inner = start + 9;
                    let end = memmem::find(&bytes[inner..], b"]]>").map_or(bytes.len(), |at| inner + at);
                    self.at = (end + 3).min(bytes.len());
                    return Some(Token::Text(&self.html[inner..end]));
                }
                (b'<', Some(b'!' | b'?')) => self.at = after(bytes, start, b'>'),
                (b'<', Some(b'/')) => match bytes.get(start + 2) {
                    Some(b) if b.is_ascii_alphabetic() => {
                        let (name, _, end) = self.tag(start + 2)?;
                        self.at = end;
                        return Some(Token::Close(name));
                    }
                    Some(_) => self.at = after(bytes, start, b'>'),
                    None => return self.text(start),
                },
                (b'<', Some(b)) if b.is_ascii_alphabetic() => {
                    let (name, attributes, end) = self.tag(start + 1)?;
                    self.at = end;
                    // `<script src="x"/>` is whole in XHTML, and feeds hold XHTML; to a browser it would swallow the article.
                    let whole = name != "title" && self.html[..end].ends_with("/>");
                    if whole && RAW.contains(&name.as_ref()) {
                        continue;
                    }
                    if self.foreign.is_none() && RAW.contains(&name.as_ref()) {
                        let content = self.raw(&name);
                        if name == "title" {
                            return Some(Token::Title(content));
                        }
                        continue;
                    }
                    return Some(Token::Open(name, attributes));
                }
                _ => return self.text(start),
            }
        }
    }

    /// Text up to the next `<` after the one it may start with.
    fn text(&mut self, start: usize) -> Option<Token<'a>> {
        let end = memchr(b'<', &self.html.as_bytes()[start + 1..]).map_or(self.html.len(), |at| start + 1 + at);
        // A text cannot start inside a character: `start` is at `<` or behind a token.
        let text = self.html.get(start..end)?;
        self.at = end;
        Some(Token::Text(text))
    }

    /// The content of a raw element up to its end tag, which is taken too.
    fn raw(&mut self, name: &str) -> &'a str {
        let bytes = self.html.as_bytes();
        let start = self.at;
        let mut at = start;
        while let Some(found) = memmem::find(&bytes[at..], b"</") {
            let tag = at + found;
            let after_name = tag + 2 + name.len();
            let is_end = bytes.get(tag + 2..after_name).is_some_and(|b| b.eq_ignore_ascii_case(name.as_bytes()))
                && bytes.get(after_name).is_none_or(|b| b.is_ascii_whitespace() || matches!(b, b'/' | b'>'));
            if is_end {
                self.at = after(bytes, after_name, b'>');
                return &self.html[start..tag];
            }
            at = tag + 2;
        }
        self.at = bytes.len();
        &self.html[start..]
    }

    /// Reads a tag whose name starts at `start`; `None` where the document ends within it, which a browser drops too.
    fn tag(&self, start: usize) -> Option<(Cow<'a, str>, Vec<Attribute<'a>>, usize)> {
        let bytes = self.html.as_bytes();
        let ends_name = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'/' | b'>');
        let name_end = start + bytes[start..].iter().position(ends_name)?;
        let name = lower(&self.html[start..name_end]);
        let mut attributes = Vec::new();
        let mut at = name_end;
        loop {
            at += bytes[at..].iter().position(|b| !b.is_ascii_whitespace() && *b != b'/')?;
            if bytes[at] == b'>' {
                return Some((name, attributes, at + 1));
            }
            let key = at;
            at += 1;
            at += bytes[at..].iter().position(|b| ends_name(b) || *b == b'=')?;
            let key = &self.html[key..at];
            let value_at = at + bytes[at..].iter().position(|b| !b.is_ascii_whitespace())?;
            let mut value = "";
            if bytes[value_at] == b'=' {
                at = value_at + 1;
                at += bytes[at..].iter().position(|b| !b.is_ascii_whitespace())?;
                let quote = bytes[at];
                if matches!(quote, b'"' | b'\'') {
                    let end = at + 1 + memchr(quote, &bytes[at + 1..])?;
                    value = &self.html[at + 1..end];
                    at = end + 1;
                } else {
                    let end = at + bytes[at..].iter().position(|b| b.is_ascii_whitespace() || *b == b'>')?;
                    value = &self.html[at..end];
                    at = end;
                }
            }
            if attributes.len() < self.attributes_max {
                attributes.push((lower(key), value));
            }
        }
    }
}

fn lower(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|b| b.is_ascii_uppercase()) { Cow::Owned(name.to_ascii_lowercase()) } else { Cow::Borrowed(name) }
}

/// The position behind the next `byte`, or the end.
fn after(bytes: &[u8], from: usize, byte: u8) -> usize {
    memchr(byte, bytes.get(from..).unwrap_or_default()).map_or(bytes.len(), |at| from + at + 1)
}

/// The position behind a comment whose text starts at `from` (HTML Standard 13.2.5.43 to 13.2.5.51).
fn comment_end(bytes: &[u8], from: usize) -> usize {
    let text = &bytes[from..];
    if text.starts_with(b">") {
        return from + 1;
    }
    if text.starts_with(b"->") {
        return from + 2;
    }
    let mut at = 0;
    while let Some(found) = memmem::find(&text[at..], b"--") {
        at += found;
        match (text.get(at + 2), text.get(at + 3)) {
            (Some(b'>'), _) => return from + at + 3,
            (Some(b'!'), Some(b'>')) => return from + at + 4,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(html: &str) -> String {
        tokens(html, 8)
            .map(|token| match token {
                Token::Text(text) => format!("'{text}'"),
                Token::Open(name, attributes) => {
                    let attributes: String = attributes.iter().map(|(key, value)| format!(" {key}={value}")).collect();
                    format!("<{name}{attributes}>")
                }
                Token::Close(name) => format!("</{name}>"),
                Token::Title(text) => format!("T{text}"),
            })
            .collect()
    }

    #[test]
    fn tags_are_seen_as_a_browser_sees_them() {
        for (html, wanted) in [
            ("a<b>c</b>d", "'a'<b>'c'</b>'d'"),
            ("<A HREF='x>y' title=\"a'b\" k v = w/>", "<a href=x>y title=a'b k= v=w/>"),
            ("<br/><img/src=x/onerror=y>", "<br><img src=x/onerror=y>"),
            ("1 < 2 <3 </ >&lt;", "'1 ''< 2 ''<3 ''&lt;'"),
            ("a<!-- <b> -->c<!-->d<!--->e<!-- x --!>f", "'a''c''d''e''f'"),
            ("a<!doctype html>b<?php x ?>c</>d", "'a''b''c''d'"),
            ("<script>if (a < b) '</scriptx>'</SCRIPT >x", "'x'"),
            ("<style><!-- </style>x", "'x'"),
            ("<script src=x />x<iframe/>y", "'x''y'"),
            ("<title>A <b> T</title>x", "TA <b> T'x'"),
            ("<svg><style><a></style></svg>x", "'x'"),
            ("<svg/>x<math><mi>y<p>z", "'x'<p>'z'"),
            ("<![CDATA[a <b>]]>c", "'a <b>''c'"),
            ("a<b", "'a'"),
            ("a<", "'a''<'"),
            ("a<b title='", "'a'"),
            ("a<!-- x", "'a'"),
            ("<scrıpt>é", "<scrıpt>'é'"),
        ] {
            assert_eq!(seen(html), wanted, "{html}");
        }
    }
}
