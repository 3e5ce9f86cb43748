//! Bytes of a feed to entries.
//!
//! Decoding (`decode`), a tolerant tree (`scan`), the walk over it (`channel`, `item`, `media`), a second opinion (`second`).
//! Nothing here fails on a document's faults as long as entries can be had; what was wrong is noted in [`Feed::problems`].

mod channel;
mod decode;
mod entity;
mod item;
mod json;
mod markup;
mod media;
mod name;
mod person;
mod report;
mod rewrite;
mod scan;
mod scope;
mod second;
#[cfg(test)]
mod tests;
mod text;
mod tree;

pub use report::to_jsonl;

use crate::entry::{Feed, Problem, ReadStage};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use thiserror::Error;
use tree::{Kind, Repairs, Tree};
use url::Url;

/// Largest document in bytes that is read: far above what a poll lets through, so that only callers without a limit meet it.
const MAX_BYTES: usize = 64 << 20;
/// Most problems that are noted of one document.
const MAX_PROBLEMS: usize = 100;

/// What the reader is told about a document besides its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Where the document is, as the base of relative addresses.
    pub url: Option<&'a Url>,
    /// HTTP's `Content-Type`. A hint only: what a document is, its bytes say.
    pub content_type: Option<&'a str>,
    /// Zone of dates that name none.
    pub time_zone: Tz,
    /// Language of month names, and of the feed where it names none.
    pub language: Option<&'a str>,
}

/// Why a document gives no feed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// Nothing but blanks.
    #[error("empty: the document holds nothing")]
    Empty,
    /// A page for people.
    #[error("not a feed: an HTML page{0}")]
    HtmlPage(String),
    /// Something else.
    #[error("not a feed: {0}")]
    NotAFeed(String),
    /// More bytes than are read.
    #[error("too large: {0} bytes")]
    TooLarge(usize),
    /// A feed that should have entries, but none could be read.
    #[error("no entries: {0}")]
    NoEntries(String),
    /// A feed that breaks off before the first entry is complete.
    #[error("not complete: {0}")]
    NotComplete(String),
    /// A fault of the reader, not of the document.
    #[error("internal: the reader failed on this document")]
    Internal,
}

impl ReadError {
    /// A short name that does not change: `empty`, `html-page`, `not-a-feed`, `too-large`, `no-entries`, `not-complete`, `internal`.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::HtmlPage(_) => "html-page",
            Self::NotAFeed(_) => "not-a-feed",
            Self::TooLarge(_) => "too-large",
            Self::NoEntries(_) => "no-entries",
            Self::NotComplete(_) => "not-complete",
            Self::Internal => "internal",
        }
    }
}

/// Reads a document: RSS, Atom, CDF or JSON Feed, in whatever state it is.
///
/// # Errors
///
/// When it is no feed, or no entry can be had of it although it is not a feed that is truly empty: zero entries are never taken for
/// "all entries are gone" (S32 of the acceptance list).
pub fn read(bytes: &[u8], context: &Context<'_>) -> Result<Feed, ReadError> {
    // The caller polls many sources in one process: a fault met here must cost this document only.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read_document(bytes, context))).unwrap_or(Err(ReadError::Internal))
}

fn read_document(bytes: &[u8], context: &Context<'_>) -> Result<Feed, ReadError> {
    if bytes.len() > MAX_BYTES {
        return Err(ReadError::TooLarge(bytes.len()));
    }
    let decode::Decoded { text, mut problems } = decode::decode(bytes, context.content_type, context.url);
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}' || c == '\u{200B}');
    if text.is_empty() {
        return Err(ReadError::Empty);
    }
    let mut feed = if text.starts_with(['{', '[']) {
        let mut feed = json::read(text, context, &mut problems)?;
        feed.problems = problems;
        second::fill_json(&mut feed, text);
        feed
    } else {
        let tree = scan::scan(text);
        let Some(root) = channel::root(&tree) else { return Err(refusal(text, &tree)) };
        describe(&tree.repairs, &mut problems);
        let (mut feed, extent) = channel::read(&tree, root, context, &mut problems);
        if feed.entries.is_empty() {
            if extent.cut || tree.repairs.truncated {
                return Err(ReadError::NotComplete("the document breaks off before its first entry is complete".to_owned()));
            }
            if tree.repairs.is_broken() {
                return Err(ReadError::NoEntries("the document is not well-formed, and no entry can be read from it".to_owned()));
            }
        }
        feed.problems = problems;
        feed.breaks_off = extent.cut || tree.repairs.truncated;
        if feed.entries.len() == extent.items {
            second::fill(&mut feed, text, &tree, root.id);
        }
        feed
    };
    if let Some(more) = feed.problems.len().checked_sub(MAX_PROBLEMS).filter(|more| *more > 0) {
        feed.problems.truncate(MAX_PROBLEMS);
        feed.problems.push(Problem { entry: None, stage: ReadStage::Parse, what: format!("{more} more problems") });
    }
    Ok(feed)
}

/// The reader's steps one by one, for `benches/stages`: what each takes cannot be told from outside. Nothing else may call them.
#[doc(hidden)]
pub mod steps {
    /// Decodes a document. Returns the text's length.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> usize {
        super::decode::decode(bytes, None, None).text.len()
    }

    /// Makes the tolerant tree of a text. Returns the number of its nodes.
    #[must_use]
    pub fn tree(text: &str) -> usize {
        super::scan::scan(text).len()
    }
}

/// Reads a date. The single place where it is decided who does that.
fn read_date(raw: &str, time_zone: Tz, language: Option<&str>) -> Option<DateTime<Utc>> {
    crate::stage::date::read(raw, time_zone, language)
}

/// Notes what had to be mended.
fn describe(repairs: &Repairs, problems: &mut Vec<Problem>) {
    let mut note = |count: usize, what: &str| {
        if count > 0 {
            problems.push(Problem { entry: None, stage: ReadStage::Repair, what: format!("{count} {what}") });
        }
    };
    note(repairs.unclosed, "elements without an end tag");
    note(repairs.stray, "end tags that close nothing");
    note(repairs.tags, "pieces of broken markup");
    note(repairs.declarations, "XML declarations that are not at the start");
    note(repairs.prefixes, "names with an undeclared prefix");
    note(repairs.flattened, "elements too deep to keep apart");
    note(usize::from(repairs.overfull), "limit on the number of elements reached");
}

/// What a document without a feed's root is.
fn refusal(text: &str, tree: &Tree<'_>) -> ReadError {
    let named =
        |name: &str| (1..tree.len()).find(|id| tree.node(*id).kind == Kind::Element && tree.node(*id).local().eq_ignore_ascii_case(name));
    let Some(first) = (1..tree.len()).find(|id| tree.node(*id).kind == Kind::Element) else {
        return if text.starts_with("<?xml") || text.starts_with("<!") || text.starts_with('<') {
            ReadError::NotComplete("the document breaks off before its first element".to_owned())
        } else {
            ReadError::NotAFeed("neither XML nor JSON".to_owned())
        };
    };
    let name: String = tree.node(first).raw().chars().take(40).collect();
    let other = match name.to_ascii_lowercase().as_str() {
        "opml" => Some("a list of feeds (OPML)"),
        "urlset" | "sitemapindex" => Some("a sitemap"),
        _ => None,
    };
    if let Some(other) = other {
        return ReadError::NotAFeed(other.to_owned());
    }
    if tree.html_doctype || ["html", "head", "body"].iter().any(|name| named(name).is_some()) {
        let title = named("title").map(|id| tree.text(id)).filter(|title| !title.is_empty());
        let shown = title.map(|title| title.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(80).collect::<String>());
        return ReadError::HtmlPage(shown.map(|title| format!(" titled {title:?}")).unwrap_or_default());
    }
    ReadError::NotAFeed(format!("a document of <{name}>"))
}
