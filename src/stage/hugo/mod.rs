//! A record's Markdown file as editors leave it: taken apart, told apart from what was written, and brought together with what
//! would be written now.
//!
//! Fields that name a record, follow from others, or say when it changed are the program's own (`MACHINE`) and always as it
//! writes them. All others are the editors': what they changed, added or took away stays, and where upstream changed the same
//! field since, they win and are told. Changed is what differs from what was last written there, of which a [`Base`] is kept.

mod base;
mod merge;
mod page;

pub use base::Base;
pub use merge::{Draft, Edits, Merged, edits, merge};
pub use page::{Page, Unreadable, plain};

/// Keys that are the program's own.
const MACHINE: [&str; 17] = [
    "attribution",
    "breadcrumbLinks",
    "categoryLabel",
    "categorySlug",
    "categoryUrl",
    "href",
    "id",
    "lastMod",
    "licence",
    "link",
    "mdName",
    "openProjectCustomFields",
    "openProjectWorkPackageType",
    "original",
    "promotion",
    "reservation",
    "source",
];

fn is_machine(key: &str) -> bool {
    MACHINE.binary_search(&key).is_ok()
}

#[cfg(test)]
mod tests;
