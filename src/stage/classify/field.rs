//! The parts of an article.

use serde::Serialize;

/// A part of an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// The headline.
    Title,
    /// One of the publisher's own categories, by index. Words in upper case are found there in any case, because publishers
    /// write their tags in lower case throughout (`ai`, `hipaa`).
    Category(usize),
    /// The teaser.
    Summary,
    /// The full text.
    Content,
    /// The article's address. Looked at only where a rule names it.
    Url,
    /// One of the authors, by index. Looked at only where a rule names it.
    Author(usize),
    /// The source's id or title, by index. Looked at only where a rule names it.
    Source(usize),
}

impl Field {
    /// What a term counts here: 4 in the title, 3 in the publisher's categories (once, in however many), 2 in the summary,
    /// 1 in the content, 2 in the address, the authors and the source.
    pub const fn weight(self) -> i64 {
        match self {
            Self::Title => 4,
            Self::Category(_) => 3,
            Self::Summary | Self::Url | Self::Author(_) | Self::Source(_) => 2,
            Self::Content => 1,
        }
    }

    pub(super) const fn bit(self) -> u8 {
        match self {
            Self::Title => 1,
            Self::Category(_) => 2,
            Self::Summary => 4,
            Self::Content => 8,
            Self::Url => 16,
            Self::Author(_) => 32,
            Self::Source(_) => 64,
        }
    }

    /// What people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Category(_) => "publisher's category",
            Self::Summary => "summary",
            Self::Content => "content",
            Self::Url => "url",
            Self::Author(_) => "author",
            Self::Source(_) => "source",
        }
    }
}

/// A set of fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fields(pub(super) u8);

impl Fields {
    /// Where a term without a scope is looked for: title, publisher's categories, summary, content.
    pub const TEXT: Self = Self(15);

    /// The scopes of the rule language.
    pub const NAMES: [(&'static str, Field); 7] = [
        ("title", Field::Title),
        ("summary", Field::Summary),
        ("content", Field::Content),
        ("url", Field::Url),
        ("author", Field::Author(0)),
        ("source", Field::Source(0)),
        ("category", Field::Category(0)),
    ];

    /// The field of a scope's name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(other, _)| *other == name).map(|(_, field)| Self(field.bit()))
    }

    /// Whether all of `other` are in it.
    pub fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The sum of the fields' weights.
    pub fn weight(self) -> i64 {
        Self::NAMES.iter().filter(|(_, field)| self.0 & field.bit() != 0).map(|(_, field)| field.weight()).sum()
    }
}
