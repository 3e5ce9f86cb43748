//! A page's elements in document order, with what finding a list asks of them again and again.

use std::ops::Range;

use scraper::{ElementRef, Html, Node as HtmlNode};

use super::region::{self, Region};
use crate::stage::text::{keeps, markup};

/// An element. Its descendants are the nodes after it up to `end`.
pub(super) struct Node<'a> {
    pub(super) element: ElementRef<'a>,
    /// The root is its own parent.
    pub(super) parent: usize,
    pub(super) end: usize,
    /// Links in it, itself included.
    pub(super) links: usize,
    pub(super) region: Region,
    /// Whether it has text of its own, apart from its children's.
    pub(super) texted: bool,
    text: Range<usize>,
}

/// A piece of text that is not blank.
pub(super) struct Piece {
    /// The element it is directly in.
    pub(super) parent: usize,
    text: Range<usize>,
}

/// The elements of a page.
pub(super) struct Outline<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) pieces: Vec<Piece>,
    text: String,
}

impl<'a> Outline<'a> {
    /// Lists the elements of a page, in time linear in its length.
    pub(super) fn new(html: &'a Html) -> Self {
        let mut outline = Self { nodes: Vec::new(), pieces: Vec::new(), text: String::new() };
        let mut open: Vec<usize> = Vec::new();
        let root = html.root_element();
        let mut node = *root;
        'page: loop {
            outline.enter(node.value(), ElementRef::wrap(node), &mut open);
            if let Some(child) = node.first_child() {
                node = child;
                continue;
            }
            loop {
                if node.value().is_element() {
                    outline.leave(&mut open);
                }
                if open.is_empty() {
                    break 'page;
                }
                let Some(up) = node.next_sibling().map(|next| (next, true)).or_else(|| node.parent().map(|parent| (parent, false))) else {
                    break 'page;
                };
                node = up.0;
                if up.1 {
                    break;
                }
            }
        }
        region::mark(&mut outline);
        outline
    }

    fn enter(&mut self, value: &HtmlNode, element: Option<ElementRef<'a>>, open: &mut Vec<usize>) {
        if let Some(element) = element {
            self.boundary(element.value().name());
            let (at, start) = (self.nodes.len(), self.text.len());
            let parent = open.last().copied().unwrap_or(at);
            let links = usize::from(element.value().name() == "a");
            self.nodes.push(Node { element, parent, end: at, links, region: Region::Main, texted: false, text: start..start });
            open.push(at);
        } else if let HtmlNode::Text(text) = value {
            let start = self.text.len();
            self.push(text);
            if let Some(&parent) = open.last()
                && !self.text[start..].trim().is_empty()
            {
                self.nodes[parent].texted = true;
                self.pieces.push(Piece { parent, text: start..self.text.len() });
            }
        }
    }

    fn leave(&mut self, open: &mut Vec<usize>) {
        let Some(at) = open.pop() else { return };
        let end = self.nodes.len();
        let name = self.name(at);
        let node = &mut self.nodes[at];
        (node.end, node.text.end) = (end, self.text.len());
        let (links, parent) = (node.links, node.parent);
        if parent != at {
            self.nodes[parent].links += links;
        }
        self.boundary(name);
    }

    fn push(&mut self, text: &str) {
        for c in text.chars() {
            if c.is_whitespace() {
                self.space();
            } else if keeps(c) && c != '\u{ad}' {
                self.text.push(c);
            }
        }
    }

    fn space(&mut self) {
        if !self.text.ends_with(' ') {
            self.text.push(' ');
        }
    }

    /// Blocks separate words, and so does a line break.
    fn boundary(&mut self, name: &str) {
        if !markup::is_inline(name) {
            self.space();
        }
    }

    pub(super) fn name(&self, at: usize) -> &'a str {
        self.nodes[at].element.value().name()
    }

    pub(super) fn attr(&self, at: usize, name: &str) -> Option<&'a str> {
        self.nodes[at].element.attr(name)
    }

    /// The text of an element as one line.
    pub(super) fn text(&self, at: usize) -> &str {
        self.text[self.nodes[at].text.clone()].trim()
    }

    pub(super) fn piece(&self, piece: &Piece) -> &str {
        self.text[piece.text.clone()].trim()
    }

    /// A piece with the white space in and after it, and whether there is some before it.
    pub(super) fn spaced_piece(&self, piece: &Piece) -> (bool, &str) {
        (self.text[..piece.text.start].ends_with(' '), &self.text[piece.text.clone()])
    }

    /// Whether a piece stands before an element.
    pub(super) fn is_before(&self, piece: &Piece, at: usize) -> bool {
        piece.text.start < self.nodes[at].text.start
    }

    /// The pieces of text in the elements of a range, in order. A range is whole elements that are siblings.
    pub(super) fn pieces_in(&self, range: &Range<usize>) -> &[Piece] {
        let Some(first) = self.nodes.get(range.start) else { return &[] };
        // Texts follow each other as their elements do, so the next element's start ends all of these. Text that stands
        // behind the range, directly in the parent, is left out: it belongs to what is around.
        let parent = first.parent;
        let until = self.children_text_end(range, parent);
        let from = self.pieces.partition_point(|piece| piece.text.start < first.text.start);
        let to = self.pieces.partition_point(|piece| piece.text.start < until);
        self.pieces.get(from..to).unwrap_or_default()
    }

    /// Where the text of the last sibling in a range ends.
    fn children_text_end(&self, range: &Range<usize>, parent: usize) -> usize {
        let mut last = range.end.saturating_sub(1).max(range.start);
        while last > range.start && self.nodes[last].parent != parent && self.nodes[last].parent >= range.start {
            last = self.nodes[last].parent;
        }
        self.nodes[last].text.end
    }

    pub(super) fn subtree(&self, at: usize) -> Range<usize> {
        at..self.nodes[at].end
    }

    pub(super) fn holds(&self, outer: usize, inner: usize) -> bool {
        (outer..self.nodes[outer].end).contains(&inner)
    }

    /// The elements around one, the nearest first, itself excluded.
    pub(super) fn ancestors(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        let mut at = at;
        std::iter::from_fn(move || {
            let parent = self.nodes[at].parent;
            (parent != at).then(|| {
                at = parent;
                parent
            })
        })
    }

    /// The children of an element, in order.
    pub(super) fn children(&self, of: usize) -> impl Iterator<Item = usize> + '_ {
        let end = self.nodes[of].end;
        let mut at = of + 1;
        std::iter::from_fn(move || {
            let child = at;
            (child < end).then(|| {
                at = self.nodes[child].end;
                child
            })
        })
    }

    pub(super) fn is_heading(&self, at: usize) -> bool {
        heading_level(self.name(at)).is_some()
    }

    /// Words of an element's class and id, in lower case, cut at signs and at `camelCase`.
    pub(super) fn words(&self, at: usize) -> Vec<String> {
        ["class", "id"].iter().filter_map(|name| self.attr(at, name)).flat_map(region::words).collect()
    }
}

/// 1 to 6.
pub(super) fn heading_level(name: &str) -> Option<u8> {
    match name.as_bytes() {
        [b'h', level @ b'1'..=b'6'] => Some(level - b'0'),
        _ => None,
    }
}
