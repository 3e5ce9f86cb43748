//! What is kept of a file as it was written: a fingerprint of each field that is the editors', of the body, and of each category.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::is_machine;
use super::page::Parts;

/// Bytes of one fingerprint's name, and of the fingerprint.
const NAME_BYTES: usize = 4;
const PRINT_BYTES: usize = 12;
/// No field has these names.
const BODY: &str = ":body";
const CATEGORY: &str = ":category";

/// Fields that records' files have and editors may change; others are found in no table and named as well.
const FIELDS: [&str; 31] = [
    "aliases",
    "archetype",
    "author",
    "basePath",
    "breadcrumbs",
    "categories",
    "contentCategories",
    "date",
    "description",
    "favIconImage",
    "featuredImage",
    "featuredPdf",
    "htmlMetaData",
    "identifier",
    "insights_description",
    "insights_name",
    "institution",
    "layOut",
    "mastHead",
    "offering",
    "openGraphMetaData",
    "relatedOfferings",
    "searchCategory",
    "slug",
    "status",
    "sub",
    "tags",
    "title",
    "twitterMetaData",
    "via",
    "viaLink",
];

/// Tells what an editor changed from what the program wrote. Empty where it is not known what that was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base(Vec<[u8; PRINT_BYTES]>);

impl Base {
    /// The base of a file whose text would be `own`, with these categories, were it not for an editor. `written` is the text with the
    /// editor's title and categories, from which other fields follow.
    #[must_use]
    pub fn of(own: &str, written: &str, categories: &[String]) -> Self {
        let Ok(parts) = Parts::read(written) else { return Self::default() };
        // Mostly no editor has been here, and both are one text.
        let other = if std::ptr::eq(own, written) { None } else { Some(Parts::read(own)) };
        let (written, own) = match &other {
            None => (&parts, &parts),
            Some(Ok(own)) => (&parts, own),
            Some(Err(_)) => return Self::default(),
        };
        let mut prints = Vec::with_capacity(written.fields.len() + categories.len() + 1);
        for field in written.fields.iter().filter(|f| !is_machine(f.key)) {
            let said = matches!(field.key, "title" | "categories").then(|| own.field(field.key)).flatten();
            prints.push(print(field.key, said.unwrap_or(field).text));
        }
        prints.push(print(BODY, written.body.trim_end()));
        prints.extend(categories.iter().map(|c| print(CATEGORY, c)));
        Self(prints)
    }

    /// Bytes to be kept.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.as_flattened()
    }

    /// From the bytes that were kept.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        Self(bytes.as_chunks().0.to_vec())
    }

    pub(super) fn is_unknown(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the field was written at all.
    pub(super) fn has(&self, key: &str) -> bool {
        let name = name(key);
        self.0.iter().any(|p| p.starts_with(&name))
    }

    /// Whether the field was written as these lines.
    pub(super) fn is(&self, key: &str, text: &str) -> bool {
        self.0.contains(&print(key, text))
    }

    pub(super) fn is_body(&self, body: &str) -> bool {
        self.is(BODY, body.trim_end())
    }

    pub(super) fn has_category(&self, category: &str) -> bool {
        self.is(CATEGORY, category)
    }
}

fn name(key: &str) -> [u8; NAME_BYTES] {
    // Each file has the same fields.
    static KNOWN: LazyLock<HashMap<&str, [u8; NAME_BYTES]>> =
        LazyLock::new(|| FIELDS.iter().chain(&[BODY, CATEGORY]).map(|key| (*key, hashed(key))).collect());
    KNOWN.get(key).copied().unwrap_or_else(|| hashed(key))
}

fn hashed(key: &str) -> [u8; NAME_BYTES] {
    let mut name = [0; NAME_BYTES];
    name.copy_from_slice(&blake3::hash(key.as_bytes()).as_bytes()[..NAME_BYTES]);
    name
}

fn print(key: &str, text: &str) -> [u8; PRINT_BYTES] {
    let mut print = [0; PRINT_BYTES];
    let (head, rest) = print.split_at_mut(NAME_BYTES);
    head.copy_from_slice(&name(key));
    rest.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..PRINT_BYTES - NAME_BYTES]);
    print
}
