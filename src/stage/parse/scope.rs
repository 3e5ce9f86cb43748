//! What an element inherits from those around it: base address and language.

use super::markup::absolute;
use super::tree::{Id, Tree};
use crate::syntax::has_scheme;
use url::Url;

/// Longest address in bytes that is resolved. A base stands in every address that is resolved against it, so that a longer one could make
/// much of little.
const MAX_ADDRESS: usize = 2048;

/// What holds inside an element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'s> {
    /// Base of relative links: `xml:base`, else the document's address.
    pub base: Option<&'s Url>,
    /// Base of relative addresses in texts: `xml:base`, else the entry's link, else the document's address.
    pub texts: Option<&'s Url>,
    /// Whether `base` comes from an `xml:base`.
    pub explicit: bool,
    /// `xml:lang` or what stands for it.
    pub language: Option<&'s str>,
    /// The document is Atom 0.3.
    pub atom03: bool,
    /// The document is Atom 1.0, whose texts without a type are plain (RFC 4287 section 3.1.1).
    pub strict: bool,
}

/// What an element declares for itself and those inside it.
#[derive(Debug, Default)]
pub(super) struct Own {
    base: Option<Url>,
    language: Option<String>,
}

impl<'s> Scope<'s> {
    /// Reads the element's own `xml:base` and `xml:lang`.
    pub(super) fn own(&self, tree: &Tree<'_>, id: Id) -> Own {
        let mut own = Own::default();
        for attribute in tree.attributes(id) {
            match attribute.name {
                "xml:base" => own.base = self.resolve(&tree.value(attribute)),
                "xml:lang" => own.language = language(&tree.value(attribute)),
                _ => {}
            }
        }
        own
    }

    /// This scope as narrowed by an element's own declarations.
    pub(super) fn with<'o>(&self, own: &'o Own) -> Scope<'o>
    where
        's: 'o,
    {
        let mut scope: Scope<'o> = *self;
        if let Some(base) = &own.base {
            (scope.base, scope.texts, scope.explicit) = (Some(base), Some(base), true);
        }
        if let Some(language) = &own.language {
            scope.language = Some(language);
        }
        scope
    }

    fn resolve(&self, address: &str) -> Option<Url> {
        let address = address.trim();
        if address.is_empty() || address.len() > MAX_ADDRESS {
            return None;
        }
        self.base.map_or_else(|| Url::parse(address), |base| base.join(address)).ok()
    }

    /// An address made absolute where a base is known; addresses that are so already stay as written. `None` if there is none.
    pub(super) fn address(&self, raw: &str) -> Option<String> {
        let raw = raw.trim();
        if raw.is_empty() {
            return None;
        }
        // Line breaks and tabs are never part of an address (WHATWG URL, section 4.4); blanks are.
        let raw: String = if raw.bytes().any(|b| matches!(b, b'\n' | b'\t' | b' ')) {
            raw.split(['\n', '\t']).map(str::trim).collect::<String>().replace(' ', "%20")
        } else {
            raw.to_owned()
        };
        if has_scheme(&raw) {
            return Some(raw);
        }
        Some(self.resolve(&raw).map_or(raw, String::from))
    }

    /// Makes the relative addresses of an HTML fragment absolute.
    pub(super) fn absolute(&self, html: &mut String) {
        if let Some(changed) = self.texts.and_then(|base| absolute(html, base)) {
            *html = changed;
        }
    }
}

/// A language tag as BCP 47 writes it, or `None` if it is none.
pub(super) fn language(raw: &str) -> Option<String> {
    let tag = raw.trim().replace('_', "-");
    let valid = (2..=35).contains(&tag.len())
        && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && tag.as_bytes()[0].is_ascii_alphabetic();
    valid.then_some(tag)
}
