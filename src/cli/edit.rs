//! `topicwire tag`, `hide`, `pin`, `retitle`, `split`, `join`, `prefer`: what editors decide, written to `overrides.toml`.
//!
//! Only the file is written. It takes effect when a record is next derived or published: at the next `refresh`, `publish` or
//! `topics apply`, or when a running service is told to re-read its configuration (SIGHUP).

use std::ffi::OsString;

use clap::Args;

use super::{CommandError, Context, Exit, Result, print};
use crate::config::Site;
use crate::edit::{self, EditError, Word};
use crate::store::StoredRecord;
use crate::store::sqlite::SqliteStore;

/// Stands for the hyphen of `-TOPIC`, which would be read as options.
const MINUS: char = '\u{2212}';

/// The command line with every `-TOPIC` of `topicwire tag` made readable. Options of one letter stay.
pub(super) fn arguments(given: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut given: Vec<OsString> = given.collect();
    let Some(tag) = given.iter().skip(1).position(|a| a == "tag") else { return given };
    for argument in given.iter_mut().skip(tag + 2) {
        if let Some(topic) = argument.to_str().and_then(|a| a.strip_prefix('-')).filter(|t| !t.starts_with('-') && t.chars().count() > 1) {
            *argument = format!("{MINUS}{topic}").into();
        }
    }
    given
}

#[derive(Debug, Args)]
pub(super) struct Tag {
    /// The record: its number, its UUID, or its article's URL
    record: String,
    /// Topics to put it under (+TOPIC) or to take it from (-TOPIC), by category, slug or label
    #[arg(required = true, value_name = "+TOPIC|-TOPIC")]
    topics: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Mark {
    /// The record: its number, its UUID, or its article's URL
    record: String,
    /// Take it back
    #[arg(long)]
    undo: bool,
}

#[derive(Debug, Args)]
pub(super) struct Retitle {
    /// The record: its number, its UUID, or its article's URL
    record: String,
    /// The title that readers see
    #[arg(required_unless_present = "undo")]
    title: Option<String>,
    /// Give the source's own title back
    #[arg(long, conflicts_with = "title")]
    undo: bool,
}

#[derive(Debug, Args)]
pub(super) struct Several {
    /// Records: numbers, UUIDs, or articles' URLs
    #[arg(required = true, num_args = 2.., value_name = "RECORD")]
    records: Vec<String>,
}

/// `topicwire tag`.
pub(super) fn tag(context: &Context, options: &Tag) -> Result {
    decide(context, &options.record, |site, _| {
        let word = |text: &String| match (text.strip_prefix('+'), text.strip_prefix(['-', MINUS])) {
            (Some(name), _) => Ok(Word::Add(edit::topic(site, name)?)),
            (_, Some(name)) => Ok(Word::Remove(edit::topic(site, name)?)),
            _ => Err(CommandError::Usage(format!("\"{text}\" begins with neither + nor -: write +{text} or -{text}"))),
        };
        options.topics.iter().map(word).collect()
    })
}

/// `topicwire hide`.
pub(super) fn hide(context: &Context, options: &Mark) -> Result {
    decide(context, &options.record, |_, _| Ok(vec![Word::Hide(!options.undo)]))
}

/// `topicwire pin`.
pub(super) fn pin(context: &Context, options: &Mark) -> Result {
    decide(context, &options.record, |_, _| Ok(vec![Word::Pin(!options.undo)]))
}

/// `topicwire retitle`.
pub(super) fn retitle(context: &Context, options: &Retitle) -> Result {
    decide(context, &options.record, |_, _| Ok(vec![Word::Title(options.title.clone())]))
}

/// `topicwire join`: one story, whatever the matcher says.
pub(super) fn join(context: &Context, options: &Several) -> Result {
    let Some((first, others)) = options.records.split_first() else { return Ok(Exit::Well) };
    decide(context, first, |site, _| {
        let urls = others.iter().map(|name| Ok(record(site, name)?.1.draft.href)).collect::<Result<_>>()?;
        Ok(vec![Word::Join(urls)])
    })
}

/// `topicwire split`: the article stands alone, whatever the matcher says.
pub(super) fn split(context: &Context, options: &Mark) -> Result {
    decide(context, &options.record, |_, _| Ok(vec![Word::Split(!options.undo)]))
}

/// `topicwire prefer`: the article is shown for its story.
pub(super) fn prefer(context: &Context, options: &Mark) -> Result {
    decide(context, &options.record, |_, (store, record)| Ok(vec![Word::Prefer(!options.undo, edit::siblings(store, record)?)]))
}

/// The record that a user named, and the store it is in.
pub(super) fn record(site: &Site, name: &str) -> Result<(SqliteStore, StoredRecord)> {
    let store = SqliteStore::open_to_read(&site.store)?.ok_or_else(|| edit::unknown(site, name))?;
    let record = edit::record(site, &store, name)?;
    Ok((store, record))
}

fn decide(context: &Context, name: &str, words: impl FnOnce(&Site, (&SqliteStore, &StoredRecord)) -> Result<Vec<Word>>) -> Result {
    let site = context.site()?;
    let (store, record) = record(&site, name)?;
    let words: Vec<_> = words(&site, (&store, &record))?.into_iter().map(|word| (&record, word)).collect();
    edit::say(&site, &words)?;
    print(&format!("{}: takes effect at the next refresh or publish\n", site.overrides.path.display()));
    Ok(Exit::Well)
}

impl From<EditError> for CommandError {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Usage(what) => Self::Usage(what),
            EditError::Config(error) => Self::Config(error),
            EditError::Store(error) => Self::Store(error),
            EditError::Io { what, source } => Self::Io { what, source },
        }
    }
}
