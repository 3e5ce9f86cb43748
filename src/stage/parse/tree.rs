//! A document as a tree of elements, every slice borrowed from its characters.
//!
//! Nodes stand in document order and each knows where its subtree ends, so
//! walking children or descendants is walking a range.

use super::entity::{Declared, unescape};
use super::name::Ns;
use std::borrow::Cow;

/// Index of a node.
pub(super) type Id = usize;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Element,
    /// Characters with references still in them.
    Text,
    /// Characters as they are.
    Cdata,
}

/// An element or a run of characters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'a> {
    /// The qualified name of an element, the characters of anything else.
    pub raw: &'a str,
    /// One past the last node of the subtree.
    pub end: u32,
    /// The first of its attributes.
    pub attributes: u32,
    /// How many attributes it has.
    pub attribute_count: u16,
    /// Where the local name begins in `raw`.
    pub local_at: u16,
    pub kind: Kind,
    pub ns: Ns,
}

impl<'a> Node<'a> {
    /// The name without its prefix, as written.
    pub(super) fn local(&self) -> &'a str {
        self.raw.get(usize::from(self.local_at)..).unwrap_or_default()
    }

    fn prefix(&self) -> &'a str {
        self.raw.get(..usize::from(self.local_at).saturating_sub(1)).unwrap_or_default()
    }

    /// The name as HTML knows it: without a prefix for XHTML and drawings, with one otherwise.
    pub(super) fn html_name(&self) -> &'a str {
        if self.prefix().is_empty() || !matches!(self.ns, Ns::Xhtml | Ns::Drawing | Ns::None | Ns::Rss | Ns::Atom) {
            self.raw
        } else {
            self.local()
        }
    }

    /// The characters of a text node, references unresolved.
    pub(super) fn raw(&self) -> &'a str {
        self.raw
    }

    /// Whether this is an element of this name in the feed's own vocabulary or none.
    pub(super) fn is_core(&self, name: &str) -> bool {
        self.kind == Kind::Element && matches!(self.ns, Ns::None | Ns::Rss | Ns::Atom) && self.local().eq_ignore_ascii_case(name)
    }
}

/// An attribute; the value's references are unresolved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute<'a> {
    pub name: &'a str,
    pub raw: &'a str,
}

/// What had to be mended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Repairs {
    /// Elements closed by something other than their own end tag.
    pub unclosed: usize,
    /// End tags that closed nothing.
    pub stray: usize,
    /// Start tags that broke off, attributes without quotes, `<` that began nothing.
    pub tags: usize,
    /// XML declarations after the first characters.
    pub declarations: usize,
    /// Prefixes used without being declared.
    pub prefixes: usize,
    /// Elements that were too deep to keep.
    pub flattened: usize,
    /// The document ends inside an element.
    pub truncated: bool,
    /// The limit on nodes was reached.
    pub overfull: bool,
}

impl Repairs {
    /// Whether another XML reader could take the document as it is.
    pub(super) fn is_clean(self) -> bool {
        self == Self::default()
    }

    /// Whether elements may be missing.
    pub(super) fn is_broken(self) -> bool {
        self.truncated || self.overfull || self.unclosed > 0
    }
}

/// A document.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    pub nodes: Vec<Node<'a>>,
    pub attributes: Vec<Attribute<'a>>,
    pub declared: Declared,
    pub repairs: Repairs,
    /// Deepest nesting met, before flattening.
    pub depth: usize,
    /// Elements still open where the document broke off, outermost first.
    pub open_at_end: Vec<Id>,
    /// Whether a document type of HTML was declared.
    pub html_doctype: bool,
}

impl<'a> Tree<'a> {
    /// The node at this index.
    pub(super) fn node(&self, id: Id) -> &Node<'a> {
        &self.nodes[id]
    }

    /// How many nodes there are; node 0 is the document.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// One past the last node of this one's subtree.
    pub(super) fn end(&self, id: Id) -> Id {
        self.nodes[id].end as usize
    }

    /// The nodes directly inside this one.
    pub(super) fn children(&self, id: Id) -> impl Iterator<Item = Id> + '_ {
        let end = self.end(id);
        let mut next = id + 1;
        std::iter::from_fn(move || {
            let id = next;
            (id < end).then(|| {
                next = self.end(id);
                id
            })
        })
    }

    /// The elements directly inside this one.
    pub(super) fn elements(&self, id: Id) -> impl Iterator<Item = Id> + '_ {
        self.children(id).filter(|id| self.nodes[*id].kind == Kind::Element)
    }

    /// The first element of this name directly inside, in the feed's vocabulary or none.
    pub(super) fn child(&self, id: Id, name: &str) -> Option<Id> {
        self.elements(id).find(|id| self.nodes[*id].is_core(name))
    }

    /// The attributes as written.
    pub(super) fn attributes(&self, id: Id) -> &[Attribute<'a>] {
        let node = &self.nodes[id];
        let from = node.attributes as usize;
        self.attributes.get(from..from + usize::from(node.attribute_count)).unwrap_or_default()
    }

    /// An attribute's value with references resolved. `name` is qualified (`xml:base`) or bare; bare names match without regard to case.
    pub(super) fn attribute(&self, id: Id, name: &str) -> Option<Cow<'a, str>> {
        self.attributes(id).iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name)).map(|attribute| self.value(attribute))
    }

    /// An attribute by its local name, whatever its prefix (`rdf:about`, `about`).
    pub(super) fn attribute_local(&self, id: Id, local: &str) -> Option<Cow<'a, str>> {
        let find = |a: &&Attribute<'a>| a.name.rsplit(':').next().is_some_and(|name| name.eq_ignore_ascii_case(local));
        self.attributes(id).iter().find(find).map(|attribute| self.value(attribute))
    }

    /// An attribute's value with references resolved.
    pub(super) fn value(&self, attribute: &Attribute<'a>) -> Cow<'a, str> {
        unescape(attribute.raw, &self.declared)
    }

    /// The characters of a text node with references resolved.
    pub(super) fn characters(&self, id: Id) -> Cow<'a, str> {
        let node = &self.nodes[id];
        match node.kind {
            Kind::Cdata if memchr::memchr(b'\r', node.raw.as_bytes()).is_none() => Cow::Borrowed(node.raw),
            Kind::Cdata => Cow::Owned(node.raw.replace("\r\n", "\n").replace('\r', "\n")),
            Kind::Text => unescape(node.raw, &self.declared),
            Kind::Element => Cow::Borrowed(""),
        }
    }

    /// All characters inside an element, trimmed, without the tags between them.
    pub(super) fn text(&self, id: Id) -> Cow<'a, str> {
        let mut parts = (id + 1..self.end(id)).filter(|id| self.nodes[*id].kind != Kind::Element);
        let Some(first) = parts.next() else { return Cow::Borrowed("") };
        let mut text = self.characters(first);
        for part in parts {
            text.to_mut().push_str(&self.characters(part));
        }
        match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        }
    }

    /// All characters inside an element, or `None` if there are none.
    pub(super) fn filled(&self, id: Id) -> Option<String> {
        let text = self.text(id);
        (!text.is_empty()).then(|| text.into_owned())
    }

    /// Whether an element has elements inside.
    pub(super) fn has_elements(&self, id: Id) -> bool {
        self.elements(id).next().is_some()
    }
}

/// Escapes characters for XML text and quoted values.
pub(super) fn quick_escape(out: &mut String, text: &str) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let escaped = match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => continue,
        };
        out.push_str(&text[copied..at]);
        out.push_str(escaped);
        copied = at + 1;
    }
    out.push_str(&text[copied..]);
}
