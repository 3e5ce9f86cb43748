//! Rebuilds HTML so that every element is closed where it was opened, in linear time for a bounded depth.
//!
//! html5ever is quadratic in nesting depth, in formatting elements left open and in attributes per tag (html5ever#788). What comes
//! out of here has none of these, so everything that is given to html5ever comes out of here.

use std::borrow::Cow;

use super::entity;
use super::markup::{Attribute, Token, is_inline, is_void, tokens};
use super::{escape_into, keeps};

/// What becomes of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It stays.
    Keep,
    /// The tag goes, its content stays in the line.
    Drop,
    /// The tag goes and ends the paragraph it is in.
    Break,
}

/// Which elements and attributes stay.
pub(crate) trait Policy {
    /// Whether loose text is put into `<p>` and empty elements are left out.
    const PUBLISH: bool;
    /// Most elements open at once.
    const DEPTH_MAX: usize;
    /// Most attributes of one tag.
    const ATTRIBUTES_MAX: usize;

    /// Decides on a start tag; writes ` name="value"` of what stays of its attributes.
    fn element(&self, name: &str, attributes: &[Attribute<'_>], out: &mut String) -> Fate;
}

/// Elements are nested deeper than the policy's `DEPTH_MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooDeep;

/// Rebuilds `html` by `policy`.
pub(crate) fn tidy<P: Policy>(html: &str, policy: &P) -> Result<String, TooDeep> {
    let mut tidy = Tidy { policy, out: String::with_capacity(html.len() + 16), stack: Vec::new(), attributes: String::new() };
    for token in tokens(html, P::ATTRIBUTES_MAX) {
        match token {
            Token::Text(text) => tidy.text(text)?,
            Token::Open(name, attributes) => tidy.open(name, &attributes)?,
            Token::Close(name) => tidy.close(&name),
            Token::Title(text) if !P::PUBLISH => {
                tidy.out.push_str("<title>");
                escape_into(&entity::resolve(text), &mut tidy.out);
                tidy.out.push_str("</title>");
            }
            Token::Title(_) => {}
        }
    }
    tidy.close_from(0);
    if P::PUBLISH {
        tidy.out.truncate(tidy.out.trim_end().len());
    }
    Ok(tidy.out)
}

/// Writes one attribute.
pub(crate) fn push_attribute(name: &str, value: &str, out: &mut String) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    for c in value.chars().filter(|c| keeps(*c)) {
        match c {
            '"' => out.push_str("&quot;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out.push('"');
}

struct Element<'a> {
    name: Cow<'a, str>,
    /// Where its start tag begins in the output, and where its content does.
    start: usize,
    inner: usize,
    /// Whether anything is in it that a reader would see.
    full: bool,
    /// Its end tag came while blocks inside it were still open; it ends with them.
    ended: bool,
}

struct Tidy<'a, 'p, P> {
    policy: &'p P,
    out: String,
    stack: Vec<Element<'a>>,
    attributes: String,
}

impl<'a, P: Policy> Tidy<'a, '_, P> {
    fn text(&mut self, text: &str) -> Result<(), TooDeep> {
        let text = entity::resolve(text);
        let mut text: &str = &text;
        let blank = text.chars().all(char::is_whitespace);
        if P::PUBLISH {
            if !blank {
                self.line()?;
            } else if self.stack.is_empty() {
                // Between paragraphs one line break reads best, and doubles would grow with every pass.
                if !self.out.is_empty() && !self.out.ends_with('\n') {
                    self.out.push('\n');
                }
                return Ok(());
            }
        }
        if let Some(top) = self.stack.last_mut() {
            top.full |= !blank;
            // A browser drops one line break here at every reading.
            if top.name == "pre" && top.inner == self.out.len() {
                text = text.trim_start_matches(['\n', '\r']);
            }
        }
        escape_into(text, &mut self.out);
        Ok(())
    }

    /// Makes sure that text and inline elements are in a paragraph or another block.
    fn line(&mut self) -> Result<(), TooDeep> {
        if P::PUBLISH && self.stack.is_empty() { self.push(Cow::Borrowed("p"), "") } else { Ok(()) }
    }

    fn push(&mut self, name: Cow<'a, str>, attributes: &str) -> Result<(), TooDeep> {
        if self.stack.len() >= P::DEPTH_MAX {
            return Err(TooDeep);
        }
        let start = self.out.len();
        self.tag("<", &name, attributes);
        self.stack.push(Element { name, start, inner: self.out.len(), full: false, ended: false });
        Ok(())
    }

    fn tag(&mut self, start: &str, name: &str, attributes: &str) {
        for part in [start, name, attributes, ">"] {
            self.out.push_str(part);
        }
    }

    fn open(&mut self, name: Cow<'a, str>, attributes: &[Attribute<'a>]) -> Result<(), TooDeep> {
        let mut written = std::mem::take(&mut self.attributes);
        written.clear();
        let mut fate = self.policy.element(&name, attributes, &mut written);
        if is_table_part(&name) && !self.stack.iter().any(|element| element.name == "table") {
            // A browser ignores it too.
            fate = Fate::Break;
        }
        let done = match fate {
            Fate::Drop => Ok(()),
            Fate::Break => {
                self.end_line();
                Ok(())
            }
            Fate::Keep => {
                self.end_before(&name);
                self.put(name, &written)
            }
        };
        self.attributes = written;
        done
    }

    fn put(&mut self, name: Cow<'a, str>, attributes: &str) -> Result<(), TooDeep> {
        if !is_void(&name) {
            if is_inline(&name) {
                self.line()?;
            }
            return self.push(name, attributes);
        }
        match (P::PUBLISH, self.stack.last_mut()) {
            // A line break outside a paragraph separates nothing.
            (true, None) if name == "br" => return Ok(()),
            (_, Some(top)) => top.full |= name != "br",
            _ => {}
        }
        self.tag("<", &name, attributes);
        Ok(())
    }

    /// Ends what a start tag of this name ends without saying so (HTML Standard 13.1.2.4).
    fn end_before(&mut self, name: &str) {
        match name {
            "li" => self.end_sibling(&["li"], |open| is_inline(open) || matches!(open, "div" | "p" | "address")),
            "dd" | "dt" => self.end_sibling(&["dd", "dt"], |open| is_inline(open) || matches!(open, "div" | "p" | "address")),
            "td" | "th" => self.end_sibling(&["td", "th"], |open| open != "table"),
            "tr" => self.end_sibling(&["tr", "caption"], |open| open != "table"),
            "tbody" | "thead" | "tfoot" => self.end_sibling(&["tbody", "thead", "tfoot", "caption"], |open| open != "table"),
            "a" => self.close("a"),
            _ => {}
        }
        if !is_inline(name) && !is_void(name) || name == "hr" {
            self.end_paragraph();
        }
    }

    fn end_paragraph(&mut self) {
        self.end_sibling(&["p"], |open| !matches!(open, "table" | "td" | "th" | "caption" | "button" | "object" | "template"));
    }

    /// Closes the innermost element with one of `names`, if only elements that `passes` are inside it.
    fn end_sibling(&mut self, names: &[&str], passes: impl Fn(&str) -> bool) {
        for (at, element) in self.stack.iter().enumerate().rev() {
            if names.contains(&element.name.as_ref()) {
                return self.close_from(at);
            }
            if !passes(&element.name) {
                return;
            }
        }
    }

    fn close(&mut self, name: &str) {
        if matches!(name, "html" | "body" | "br") {
            // Markup after `</body>` still belongs to the body.
            return;
        }
        let mut block_inside = false;
        for (at, element) in self.stack.iter_mut().enumerate().rev() {
            if element.name == name && !element.ended {
                if block_inside && is_inline(name) {
                    element.ended = true;
                } else {
                    self.close_from(at);
                }
                return;
            }
            let walls_off = match element.name.as_ref() {
                "table" => true,
                "td" | "th" | "caption" => !is_table_part(name) && name != "table",
                _ => false,
            };
            if walls_off {
                return;
            }
            block_inside |= !is_inline(&element.name);
        }
        if P::PUBLISH && !is_inline(name) {
            // The end of a block that is not kept, such as `</div>`.
            self.end_line();
        }
    }

    /// Marks where the tag of a block was that is not kept.
    fn end_line(&mut self) {
        self.end_paragraph();
        if P::PUBLISH && self.stack.last().is_some_and(|top| top.inner < self.out.len()) && !self.out.ends_with(char::is_whitespace) {
            self.out.push(' ');
        }
    }

    fn close_from(&mut self, at: usize) {
        while self.stack.len() > at || self.stack.last().is_some_and(|top| top.ended) {
            let Some(element) = self.stack.pop() else { return };
            if P::PUBLISH && !element.full && !is_table_part(&element.name) {
                let inner = &self.out[element.inner..];
                let spaced = inner.contains(char::is_whitespace) || inner.contains("<br");
                self.out.truncate(element.start);
                if spaced && is_inline(&element.name) {
                    self.out.push(' ');
                }
                continue;
            }
            if let Some(parent) = self.stack.last_mut() {
                parent.full = true;
            }
            if P::PUBLISH && !is_inline(&element.name) && element.name != "pre" {
                self.out.truncate(self.out.trim_end_matches(' ').len().max(element.inner));
            }
            self.tag("</", &element.name, "");
        }
    }
}

fn is_table_part(name: &str) -> bool {
    matches!(name, "caption" | "colgroup" | "tbody" | "thead" | "tfoot" | "tr" | "td" | "th")
}

/// Keeps a whole page for selectors, within the bounds that html5ever needs.
pub(crate) struct Whole;

impl Policy for Whole {
    const PUBLISH: bool = false;
    /// Browsers cap at the same.
    const DEPTH_MAX: usize = 512;
    const ATTRIBUTES_MAX: usize = 64;

    fn element(&self, name: &str, attributes: &[Attribute<'_>], out: &mut String) -> Fate {
        // `plaintext` and frames would swallow the rest of the page.
        if !is_name(name) || matches!(name, "plaintext" | "frameset" | "frame") {
            return Fate::Drop;
        }
        for (key, value) in attributes {
            if is_name(key) {
                push_attribute(key, &entity::resolve(value), out);
            }
        }
        Fate::Keep
    }
}

/// Names that need no thought when written back.
fn is_name(name: &str) -> bool {
    name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b':' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(html: &str) -> String {
        tidy(html, &Whole).expect("shallow")
    }

    #[test]
    fn elements_end_where_a_browser_ends_them() {
        for (html, wanted) in [
            ("<p>a<p>b", "<p>a</p><p>b</p>"),
            ("<ul><li>a<li>b<ul><li>c</ul></ul>", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>"),
            ("<dl><dt>a<dd>b<dt>c</dl>", "<dl><dt>a</dt><dd>b</dd><dt>c</dt></dl>"),
            ("<table><tr><td>a<td>b<tr><td>c</table>d", "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>d"),
            ("<b><i>a</b>b</i>", "<b><i>a</i></b>b"),
            ("<a href=1><div>a</a>b</div>c", "<a href=\"1\"><div>a</div></a>c".replace("a</div></a>", "ab</div></a>").as_str()),
            ("<div><span>a</div>b</span>", "<div><span>a</span></div>b"),
            ("<div><table><tr><td></div>a</table>b", "<div><table><tr><td>a</td></tr></table>b</div>"),
            ("<tr><td>a", "a"),
            ("a</div></p>b", "ab"),
            ("<body>a</body>b", "<body>ab</body>"),
            ("<a href=1>a<a href=2>b", "<a href=\"1\">a</a><a href=\"2\">b</a>"),
            ("<p>a<img src='x\"y'><br>b", "<p>a<img src=\"x&quot;y\"><br>b</p>"),
            ("<title>a<b></title>", "<title>a&lt;b&gt;</title>"),
            ("<plaintext>a<b>c", "a<b>c</b>"),
        ] {
            assert_eq!(whole(html), wanted, "{html}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        assert!(tidy(&"<div>".repeat(512), &Whole).is_ok());
        assert_eq!(tidy(&"<div>".repeat(513), &Whole), Err(TooDeep));
        assert!(tidy(&"<p><b>".repeat(5_000), &Whole).is_ok(), "a paragraph ends the one before");
    }
}
