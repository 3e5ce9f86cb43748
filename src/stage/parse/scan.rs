//! Characters to a tree, whatever state the markup is in: one pass, no recursion, nothing copied.

use super::entity::Declared;
use super::name::Ns;
use super::tree::{Attribute, Id, Kind, Node, Repairs, Tree};

/// Deepest element that is kept as one: real feeds need fewer than 20, XHTML content may need some more. What is deeper is flattened into
/// its ancestor, so that depth costs neither stack nor time (S15).
const MAX_DEPTH: usize = 200;
/// Most attributes that are kept of one element (S15: 80,000 on one are not read).
const MAX_ATTRIBUTES: usize = 128;
/// Most namespace declarations in scope: looking one up is a walk over them.
const MAX_BINDINGS: usize = 64;
/// Most nodes of a document, about 64 MB: 100,000 items of ten elements each fit.
const MAX_NODES: usize = 2_100_000;
/// End tags that closed nothing after which no more are looked for in the elements open: each costs a walk over them.
const MAX_STRAY: usize = 10_000;
/// Longest name of an element or attribute in bytes.
const MAX_NAME: usize = 200;

/// Reads a document. Never fails: what is no markup is text.
pub(super) fn scan(text: &str) -> Tree<'_> {
    let mut scanner = Scanner::new(text);
    scanner.run();
    scanner.finish()
}

/// An element whose end has not been seen.
struct Open<'a> {
    id: Id,
    raw: &'a str,
    /// Namespace declarations in scope when it began.
    bindings: usize,
    /// Directly inside, blanks mean nothing and HTML's rules do not hold.
    structural: bool,
    /// An item or entry, or a document's outer elements.
    fence: bool,
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    nodes: Vec<Node<'a>>,
    attributes: Vec<Attribute<'a>>,
    open: Vec<Open<'a>>,
    bindings: Vec<(&'a str, Ns)>,
    declared: Declared,
    repairs: Repairs,
    depth: usize,
    /// Start tags deeper than [`MAX_DEPTH`] whose end tags are still to come.
    overflow: usize,
    html_doctype: bool,
    /// An internal subset was looked for: once is enough, and more could be quadratic.
    subset_seen: bool,
    /// Which terminators are known not to occur any more, so that none is searched for twice (quadratic otherwise).
    gone: [bool; 5],
}

/// Terminators that may be missing.
const TERMINATORS: [&str; 5] = ["-->", "]]>", "?>", "\"", "'"];

/// Elements whose children are elements, never text or HTML.
fn is_structural(local: &str) -> bool {
    ["rss", "rdf", "channel", "feed", "item", "entry", "items"].iter().any(|name| name.eq_ignore_ascii_case(local))
}

fn is_item(local: &str) -> bool {
    local.eq_ignore_ascii_case("item") || local.eq_ignore_ascii_case("entry")
}

/// HTML elements that never have an end tag. `link`, `source` and `base` are left out: feeds use those names for their own.
fn is_void(local: &str) -> bool {
    ["br", "img", "hr", "input", "meta", "wbr", "area", "col", "embed", "param"].iter().any(|name| name.eq_ignore_ascii_case(local))
}

/// Elements of RSS and Atom that hold a word or an address, inside which a further element of an item means a lost end tag.
fn is_leaf(name: &str) -> bool {
    [
        "title",
        "link",
        "guid",
        "pubDate",
        "lastBuildDate",
        "category",
        "comments",
        "docs",
        "ttl",
        "language",
        "id",
        "updated",
        "published",
        "copyright",
    ]
    .contains(&name)
}

/// Elements directly inside an item, or a channel.
fn is_field(name: &str) -> bool {
    is_leaf(name) || ["title", "description", "author", "enclosure", "source", "summary", "content", "generator", "image"].contains(&name)
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str) -> Self {
        let mut nodes = Vec::with_capacity(text.len() / 40 + 16);
        nodes.push(Node { raw: "", end: 0, attributes: 0, attribute_count: 0, local_at: 0, kind: Kind::Element, ns: Ns::None });
        let open = vec![Open { id: 0, raw: "", bindings: 0, structural: true, fence: true }];
        Self {
            text,
            at: 0,
            nodes,
            attributes: Vec::with_capacity(text.len() / 200 + 16),
            open,
            bindings: Vec::new(),
            declared: Declared::default(),
            repairs: Repairs::default(),
            depth: 0,
            overflow: 0,
            html_doctype: false,
            subset_seen: false,
            gone: [false; 5],
        }
    }

    fn finish(mut self) -> Tree<'a> {
        let end = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let mut open_at_end = Vec::new();
        for open in &self.open {
            self.nodes[open.id].end = end;
            if open.id > 0 {
                open_at_end.push(open.id);
            }
        }
        self.repairs.truncated = !open_at_end.is_empty();
        Tree {
            nodes: self.nodes,
            attributes: self.attributes,
            declared: self.declared,
            repairs: self.repairs,
            depth: self.depth,
            open_at_end,
            html_doctype: self.html_doctype,
        }
    }

    fn run(&mut self) {
        let bytes = self.text.as_bytes();
        while self.at < bytes.len() {
            if self.nodes.len() >= MAX_NODES {
                self.repairs.overfull = true;
                return;
            }
            let Some(found) = memchr::memchr(b'<', &bytes[self.at..]) else {
                self.push_text(self.at, bytes.len());
                return;
            };
            let start = self.at + found;
            // A `<` that begins no markup belongs to the text that goes on after it.
            let mut next = start;
            while !begins_markup(&bytes[next..]) {
                self.repairs.tags += 1;
                match memchr::memchr(b'<', &bytes[next + 1..]) {
                    Some(more) => next += 1 + more,
                    None => {
                        self.push_text(self.at, bytes.len());
                        self.at = bytes.len();
                        return;
                    }
                }
            }
            self.push_text(self.at, next);
            self.at = next;
            match bytes.get(next + 1) {
                Some(b'/') => self.end_tag(),
                Some(b'!') => self.declaration(),
                Some(b'?') => self.instruction(),
                _ => self.start_tag(),
            }
        }
    }

    fn push_text(&mut self, from: usize, to: usize) {
        if from >= to {
            return;
        }
        let raw = &self.text[from..to];
        let structural = self.open.last().is_some_and(|open| open.structural);
        if structural && raw.bytes().all(|b| b.is_ascii_whitespace()) {
            return;
        }
        self.push_characters(raw, Kind::Text);
    }

    fn push_characters(&mut self, raw: &'a str, kind: Kind) {
        let end = self.nodes.len() as u32 + 1;
        self.nodes.push(Node { raw, end, attributes: 0, attribute_count: 0, local_at: 0, kind, ns: Ns::None });
    }

    /// The position of a terminator at or after `from`.
    fn find(&mut self, which: usize, from: usize) -> Option<usize> {
        if self.gone[which] {
            return None;
        }
        let rest = self.text.as_bytes().get(from..)?;
        let needle = TERMINATORS[which].as_bytes();
        let found = if let [byte] = needle { memchr::memchr(*byte, rest) } else { memchr::memmem::find(rest, needle) };
        if found.is_none() {
            self.gone[which] = true;
        }
        found.map(|at| from + at)
    }

    /// Skips to after the next `>`; the whole rest if there is none.
    fn skip_tag(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += memchr::memchr(b'>', rest).map_or(rest.len(), |at| at + 1);
    }

    fn declaration(&mut self) {
        let rest = &self.text[self.at..];
        if rest.starts_with("<!--") {
            match self.find(0, self.at + 4) {
                Some(end) => self.at = end + 3,
                None => {
                    self.repairs.tags += 1;
                    self.skip_tag();
                }
            }
        } else if rest.starts_with("<![CDATA[") {
            let from = self.at + 9;
            let to = self.find(1, from);
            if to.is_none() {
                self.repairs.tags += 1;
            }
            let raw = &self.text[from..to.unwrap_or(self.text.len())];
            let structural = self.open.last().is_some_and(|open| open.structural);
            if !(raw.is_empty() || structural && raw.trim().is_empty()) {
                self.push_characters(raw, Kind::Cdata);
            }
            self.at = to.map_or(self.text.len(), |to| to + 3);
        } else {
            self.doctype();
        }
    }

    fn doctype(&mut self) {
        let from = self.at;
        let bytes = self.text.as_bytes();
        let head = &bytes[from..];
        let close = memchr::memchr2(b'>', b'[', head).map_or(bytes.len(), |at| from + at);
        let name = self.text[from..close].get(9..).unwrap_or_default().trim_start();
        self.html_doctype |= name.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("html"));
        if bytes.get(close) == Some(&b'[') && !self.subset_seen {
            self.subset_seen = true;
            // The subset ends at `]` followed by `>`; one that never ends is not skipped, as it may hold the whole feed.
            let mut at = close + 1;
            while let Some(found) = memchr::memchr(b']', &bytes[at..]) {
                at += found + 1;
                let after = self.text[at..].trim_start();
                if after.starts_with('>') {
                    self.declared = Declared::read(&self.text[close + 1..at - 1]);
                    self.at = self.text.len() - after.len() + 1;
                    return;
                }
            }
        }
        self.skip_tag();
    }

    fn instruction(&mut self) {
        let rest = &self.text.as_bytes()[self.at + 2..];
        if self.at > 0
            && rest.get(..3).is_some_and(|name| name.eq_ignore_ascii_case(b"xml"))
            && rest.get(3).is_some_and(u8::is_ascii_whitespace)
        {
            self.repairs.declarations += 1;
        }
        match self.find(2, self.at + 2) {
            Some(end) => self.at = end + 2,
            None => {
                self.repairs.tags += 1;
                self.skip_tag();
            }
        }
    }

    fn end_tag(&mut self) {
        let from = self.at + 2;
        let bytes = self.text.as_bytes();
        let len = bytes[from..].iter().position(|b| matches!(b, b'>' | b'<') || b.is_ascii_whitespace()).unwrap_or(bytes.len() - from);
        let name = &self.text[from..from + len];
        let tail = &bytes[from + len..];
        let close = memchr::memchr2(b'>', b'<', tail);
        self.at = match close {
            Some(at) if tail[at] == b'>' => from + len + at + 1,
            Some(at) => from + len + at,
            None => bytes.len(),
        };
        if self.overflow > 0 {
            self.overflow -= 1;
            return;
        }
        if self.open.last().is_some_and(|top| top.id > 0 && top.raw == name) {
            self.close(self.open.len() - 1);
            return;
        }
        let local = name.rsplit(':').next().unwrap_or(name);
        let fences = !is_structural(local);
        if fences && self.repairs.stray > MAX_STRAY {
            return;
        }
        for at in (1..self.open.len()).rev() {
            let open = &self.open[at];
            if open.raw.eq_ignore_ascii_case(name) {
                self.repairs.unclosed += self.open.len() - 1 - at;
                self.close(at);
                return;
            }
            // An end tag of HTML must not reach out of its item.
            if open.fence && fences {
                break;
            }
        }
        if !is_void(local) {
            self.repairs.stray += 1;
        }
    }

    /// Closes the open element at this depth and all inside it.
    fn close(&mut self, depth: usize) {
        let end = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let bindings = self.open.get(depth).map_or(0, |open| open.bindings);
        for open in self.open.drain(depth..) {
            self.nodes[open.id].end = end;
        }
        self.bindings.truncate(bindings);
    }

    fn start_tag(&mut self) {
        let bytes = self.text.as_bytes();
        let from = self.at + 1;
        let len =
            bytes[from..].iter().position(|b| matches!(b, b'>' | b'/' | b'<') || b.is_ascii_whitespace()).unwrap_or(bytes.len() - from);
        // A longer name is no feed's; cut at a character, it still closes nothing but itself.
        let cut = (0..=len.min(MAX_NAME)).rev().find(|cut| self.text.is_char_boundary(from + cut)).unwrap_or(0);
        let raw = &self.text[from..from + cut];
        self.at = from + len;
        let local_at = raw.rfind(':').map_or(0, |at| at + 1);
        let local = &raw[local_at..];
        let bindings = self.bindings.len();
        let attributes = self.attributes.len();
        let Some(closed) = self.attributes_of(&raw[..local_at.saturating_sub(1)], local) else {
            // The document breaks off inside the tag.
            self.attributes.truncate(attributes);
            self.bindings.truncate(bindings);
            self.at = bytes.len();
            return;
        };
        if self.open.len() > MAX_DEPTH || self.overflow > 0 {
            self.attributes.truncate(attributes);
            self.bindings.truncate(bindings);
            if !closed {
                self.overflow += 1;
                self.depth = self.depth.max(self.open.len() + self.overflow);
                self.repairs.flattened += 1;
            }
            return;
        }
        self.close_before(raw, local, bindings);
        let ns = self.namespace(raw, local_at);
        let parent = self.open.last();
        let void = !closed && local_at == 0 && parent.is_some_and(|parent| !parent.structural) && is_void(local);
        if void {
            // `<br></br>` is well-formed; anything else is not.
            let ended =
                self.text[self.at..].strip_prefix("</").and_then(|rest| rest.strip_prefix(raw)).is_some_and(|rest| rest.starts_with('>'));
            self.repairs.tags += usize::from(!ended);
        }
        let id = self.nodes.len();
        self.nodes.push(Node {
            raw,
            end: id as u32 + 1,
            attributes: attributes as u32,
            attribute_count: u16::try_from(self.attributes.len() - attributes).unwrap_or(0),
            local_at: u16::try_from(local_at).unwrap_or(0),
            kind: Kind::Element,
            ns,
        });
        if closed || void {
            self.bindings.truncate(bindings);
            return;
        }
        let core = matches!(ns, Ns::None | Ns::Rss | Ns::Atom | Ns::Rdf);
        let structural = core && is_structural(local) && self.open.last().is_none_or(|open| open.structural);
        self.open.push(Open { id, raw, bindings, structural, fence: structural });
        self.depth = self.depth.max(self.open.len() - 1);
    }

    /// Ends what a lost end tag left open: an item where the next begins, a one-word element where another field of the item begins.
    fn close_before(&mut self, raw: &'a str, local: &str, bindings: usize) {
        let Some(top) = self.open.last() else { return };
        let depth = if is_item(local) && !top.structural || is_item(top.raw.rsplit(':').next().unwrap_or_default()) && is_item(local) {
            let Some(depth) = self.open.iter().rposition(|open| open.fence && open.raw == raw) else { return };
            // Content of type XML may hold entries of its own.
            let foreign = self.open[depth..].iter().any(|open| {
                let node = &self.nodes[open.id];
                let from = node.attributes as usize;
                self.attributes[from..from + usize::from(node.attribute_count)].iter().any(|a| a.name == "type" && a.raw.ends_with("xml"))
            });
            if foreign {
                return;
            }
            depth
        } else if is_leaf(top.raw) && is_field(raw) && self.open.len() > 1 && self.open[self.open.len() - 2].structural {
            self.open.len() - 1
        } else {
            return;
        };
        self.repairs.unclosed += self.open.len() - depth;
        let own: Vec<_> = self.bindings.drain(bindings..).collect();
        self.close(depth);
        self.bindings.extend(own);
    }

    fn namespace(&mut self, raw: &'a str, local_at: usize) -> Ns {
        let prefix = &raw[..local_at.saturating_sub(1)];
        if let Some((_, ns)) = self.bindings.iter().rev().find(|(known, _)| *known == prefix) {
            return *ns;
        }
        if prefix.is_empty() {
            return Ns::None;
        }
        if prefix != "xml" {
            self.repairs.prefixes += 1;
        }
        Ns::of_prefix(prefix)
    }

    /// Reads attributes up to the tag's end. Returns whether the tag closes itself, or `None` if the document ends first.
    fn attributes_of(&mut self, prefix: &'a str, local: &'a str) -> Option<bool> {
        let bytes = self.text.as_bytes();
        let first = self.attributes.len();
        loop {
            self.at += bytes[self.at..].iter().position(|b| !b.is_ascii_whitespace())?;
            match bytes[self.at] {
                b'>' => {
                    self.at += 1;
                    return Some(false);
                }
                b'/' => {
                    self.at += 1;
                    if bytes.get(self.at)? == &b'>' {
                        self.at += 1;
                        return Some(true);
                    }
                    self.repairs.tags += 1;
                    continue;
                }
                b'<' => {
                    self.repairs.tags += 1;
                    return Some(false);
                }
                b'=' | b'"' | b'\'' => {
                    self.repairs.tags += 1;
                    self.at += 1;
                    continue;
                }
                _ => {}
            }
            let from = self.at;
            let stop = |b: &u8| matches!(b, b'=' | b'>' | b'/' | b'<' | b'"' | b'\'') || b.is_ascii_whitespace();
            self.at += bytes[from..].iter().position(stop)?;
            let name = &self.text[from..self.at];
            let after = self.at + bytes[self.at..].iter().position(|b| !b.is_ascii_whitespace())?;
            let raw = if bytes[after] == b'=' {
                self.at = after + 1;
                self.at += bytes[self.at..].iter().position(|b| !b.is_ascii_whitespace())?;
                self.attribute_value()?
            } else {
                self.repairs.tags += 1;
                ""
            };
            if name == "xmlns" || name.starts_with("xmlns:") {
                let bound = name.get(6..).unwrap_or_default();
                let mut ns = Ns::of_uri(raw);
                // A root is a feed's root whatever URI its own prefix stands for: publishers invent and misspell them.
                if matches!(ns, Ns::Other | Ns::Xhtml) {
                    ns = match local {
                        "rss" | "RSS" | "channel" if bound == prefix => Ns::Rss,
                        "feed" if bound == prefix => Ns::Atom,
                        "RDF" if bound == prefix => Ns::Rdf,
                        "RDF" if bound.is_empty() => Ns::Rss,
                        _ => ns,
                    };
                }
                if self.bindings.len() < MAX_BINDINGS {
                    self.bindings.push((bound, ns));
                }
            }
            if self.attributes.len() - first < MAX_ATTRIBUTES && name.len() <= MAX_NAME {
                self.attributes.push(Attribute { name, raw });
            }
        }
    }

    fn attribute_value(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        let quote = bytes[self.at];
        if matches!(quote, b'"' | b'\'') {
            let from = self.at + 1;
            if let Some(to) = self.find(if quote == b'"' { 3 } else { 4 }, from) {
                self.at = to + 1;
                return Some(&self.text[from..to]);
            }
            // The quote that should end the value is missing from all the rest.
            self.at = from;
        }
        self.repairs.tags += 1;
        let from = self.at;
        self.at += bytes[from..].iter().position(|b| matches!(b, b'>' | b'<') || b.is_ascii_whitespace())?;
        Some(&self.text[from..self.at])
    }
}

/// Whether the `<` at the start begins a tag, a comment, a section or an instruction, and not merely a less-than sign.
fn begins_markup(bytes: &[u8]) -> bool {
    let name = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b':') || *b >= 0x80);
    match bytes.get(1) {
        Some(b'/') => name(bytes.get(2)),
        Some(b'!') => bytes.get(2).is_some_and(|b| matches!(b, b'-' | b'[') || b.is_ascii_alphabetic()),
        Some(b'?') => true,
        first => name(first),
    }
}
