//! `topicwire tag`, `hide`, `pin`, `retitle`, `split`, `join`, `prefer`: what editors decide, written to `overrides.toml`.
//!
//! Only the file is written. It takes effect when a record is next derived or published: at the next `refresh`, `publish` or
//! `topics apply`, or when a running service is told to re-read its configuration (SIGHUP).

use std::ffi::OsString;

use clap::Args;
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value, value};

use super::{CommandError, Context, Exit, Result, print};
use crate::config::{Site, overrides};
use crate::io::file;
use crate::stage::clean;
use crate::store::sqlite::SqliteStore;
use crate::store::{Store, StoredRecord};

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
    let site = context.site()?;
    let record = record(&site, &options.record)?;
    let mut changes = Vec::new();
    for text in &options.topics {
        let (into, from, name) = match (text.strip_prefix('+'), text.strip_prefix(['-', MINUS])) {
            (Some(name), _) => ("add", "remove", name),
            (_, Some(name)) => ("remove", "add", name),
            _ => return Err(CommandError::Usage(format!("\"{text}\" begins with neither + nor -: write +{text} or -{text}"))),
        };
        changes.push((into, from, topic(&site, name)?));
    }
    write(&site, |document| {
        let table = table_of(document, &record)?;
        for (into, from, category) in &changes {
            remove_from(table, from, category);
            add_to(table, into, category);
        }
        Ok(())
    })
}

/// `topicwire hide` and `topicwire pin`.
pub(super) fn mark(context: &Context, options: &Mark, key: &str) -> Result {
    let site = context.site()?;
    let record = record(&site, &options.record)?;
    write(&site, |document| {
        let table = table_of(document, &record)?;
        if options.undo {
            table.remove(key);
        } else {
            table[key] = value(true);
        }
        Ok(())
    })
}

/// `topicwire retitle`.
pub(super) fn retitle(context: &Context, options: &Retitle) -> Result {
    let site = context.site()?;
    let record = record(&site, &options.record)?;
    write(&site, |document| {
        let table = table_of(document, &record)?;
        match &options.title {
            Some(title) => table["title"] = value(title),
            None => drop(table.remove("title")),
        }
        Ok(())
    })
}

/// `topicwire join`: one story, whatever the matcher says.
pub(super) fn join(context: &Context, options: &Several) -> Result {
    let site = context.site()?;
    let urls = options.records.iter().map(|r| Ok(record(&site, r)?.draft.href)).collect::<Result<Vec<String>>>()?;
    write(&site, |document| {
        for url in &urls {
            take_out(document, "split", url);
        }
        let array: Array = urls.iter().collect();
        stories(document)?.push(Table::from_iter([("join", value(array))]));
        Ok(())
    })
}

/// `topicwire split`: the article stands alone, whatever the matcher says.
pub(super) fn split(context: &Context, options: &Mark) -> Result {
    let site = context.site()?;
    let url = record(&site, &options.record)?.draft.href;
    write(&site, |document| {
        take_out(document, "split", &url);
        if !options.undo {
            take_out(document, "join", &url);
            let array: Array = [&url].into_iter().collect();
            stories(document)?.push(Table::from_iter([("split", value(array))]));
        }
        Ok(())
    })
}

/// `topicwire prefer`: the article is shown for its story.
pub(super) fn prefer(context: &Context, options: &Mark) -> Result {
    let site = context.site()?;
    let record = record(&site, &options.record)?;
    // One story has one choice: those made of its other members before are taken back.
    let siblings: Vec<String> = match (SqliteStore::open_to_read(&site.store)?, record.story) {
        (Some(store), Some(story)) => store.story(story)?.into_iter().map(|m| m.record.draft.href).collect(),
        _ => Vec::new(),
    };
    let url = record.draft.href;
    write(&site, |document| {
        for url in siblings.iter().chain([&url]) {
            take_out(document, "prefer", url);
        }
        if !options.undo {
            stories(document)?.push(Table::from_iter([("prefer", value(&url))]));
        }
        Ok(())
    })
}

/// The record that a user named.
pub(super) fn record(site: &Site, name: &str) -> Result<StoredRecord> {
    let unknown = || CommandError::Usage(format!("{name} is no record in the store {}", site.store.display()));
    let store = SqliteStore::open_to_read(&site.store)?.ok_or_else(unknown)?;
    if let Ok(number) = name.parse() {
        return store.records(&[number])?.pop().ok_or_else(unknown);
    }
    let url = match name.parse() {
        Ok(uuid) => store.url_of(uuid)?.ok_or_else(unknown)?,
        Err(_) => name.to_owned(),
    };
    let trace = match store.trace(&url)? {
        Some(trace) => Some(trace),
        None => clean::clean_url(&url, None).map(|clean| store.trace(clean.as_str())).transpose()?.flatten(),
    };
    trace.map(|t| t.record).ok_or_else(unknown)
}

/// The category that a user named: in full, by its slug, or by its label where only one topic has it.
fn topic(site: &Site, name: &str) -> Result<String> {
    let is = |text: &str| text.eq_ignore_ascii_case(name);
    let found: Vec<&str> = match site.topics.iter().find(|t| is(&t.category) || is(&t.slug)) {
        Some(topic) => vec![&topic.category],
        None => site.topics.iter().filter(|t| is(&t.label)).map(|t| t.category.as_str()).collect(),
    };
    match found.as_slice() {
        [category] => Ok((*category).to_owned()),
        [] => {
            let near = site
                .topics
                .iter()
                .min_by_key(|t| strsim::damerau_levenshtein(&t.category, name).min(strsim::damerau_levenshtein(&t.label, name)));
            let near = near.map(|t| format!("; the nearest is \"{}\"", t.category)).unwrap_or_default();
            Err(CommandError::Usage(format!("no topic named \"{name}\"{near}")))
        }
        several => Err(CommandError::Usage(format!("\"{name}\" may be any of {}; write one in full", several.join(", ")))),
    }
}

/// Changes the file, and says when that takes effect.
fn write(site: &Site, change: impl FnOnce(&mut DocumentMut) -> Result<()>) -> Result {
    rewrite(site, change)?;
    print(&format!("{}: takes effect at the next refresh or publish\n", site.overrides.path.display()));
    Ok(Exit::Well)
}

/// Changes the file, if what comes of it is still right.
pub(super) fn rewrite(site: &Site, change: impl FnOnce(&mut DocumentMut) -> Result<()>) -> Result<()> {
    let path = &site.overrides.path;
    let text = match file::read(path) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|e| CommandError::Usage(format!("{}: {e}", path.display())))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => HEAD.to_owned(),
        Err(error) => return Err(CommandError::io(format!("cannot read {}", path.display()))(error)),
    };
    let mut document: DocumentMut =
        text.parse().map_err(|e: toml_edit::TomlError| CommandError::Usage(format!("{}: {e}", path.display())))?;
    // What stands in a file without tables stays at its head.
    let head = if document.is_empty() { document.trailing().as_str().unwrap_or_default().to_owned() } else { String::new() };
    if !head.is_empty() {
        document.set_trailing("");
    }
    change(&mut document)?;
    tidy(&mut document);
    let text = format!("{head}{document}");
    if let Err(problems) = overrides::check(path, &text, &site.topics) {
        return Err(crate::config::ConfigError::Invalid { path: path.clone(), problems }.into());
    }
    file::write(path, text.as_bytes()).map_err(CommandError::io(format!("cannot write {}", path.display())))
}

const HEAD: &str = "# What editors decided of single articles and stories. It outlasts every rule and every poll.\n\
                    # `topicwire tag`, hide, pin, retitle, split, join and prefer write it; so may you.\n";

pub(super) fn unusable(key: &str) -> CommandError {
    CommandError::Usage(format!("\"{key}\" in overrides.toml is not written as [[{key}]] tables; rewrite it so, or edit by hand"))
}

fn stories(document: &mut DocumentMut) -> Result<&mut ArrayOfTables> {
    let item = document.entry("story").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    item.as_array_of_tables_mut().ok_or_else(|| unusable("story"))
}

/// The record's own table, made if there is none; its title is noted for people who read the file.
fn table_of<'d>(document: &'d mut DocumentMut, record: &StoredRecord) -> Result<&'d mut Table> {
    let item = document.entry("record").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let tables = item.as_array_of_tables_mut().ok_or_else(|| unusable("record"))?;
    let url = &record.draft.href;
    let place = tables.iter().position(|t| t.get("url").and_then(Item::as_str).is_some_and(|u| u == url));
    let place = place.unwrap_or_else(|| {
        let mut table = Table::from_iter([("url", value(url))]);
        let title: String = record.draft.title.chars().filter(|c| !c.is_control()).collect();
        table.decor_mut().set_prefix(format!("\n# {}: {title}\n", record.number));
        tables.push(table);
        tables.len() - 1
    });
    tables.get_mut(place).ok_or_else(|| unusable("record"))
}

fn add_to(table: &mut Table, key: &str, text: &str) {
    if table.get(key).and_then(Item::as_str).is_some() {
        let one = table.get(key).and_then(Item::as_str).unwrap_or_default().to_owned();
        table[key] = value([one].iter().collect::<Array>());
    }
    let array = table.entry(key).or_insert_with(|| value(Array::new()));
    if let Some(array) = array.as_array_mut().filter(|a| !a.iter().any(|v| v.as_str() == Some(text))) {
        array.push(text);
    }
}

fn remove_from(table: &mut Table, key: &str, text: &str) {
    let gone = |v: &Value| v.as_str() == Some(text);
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(Value::Array(array)) => array.retain(|v| !gone(v)),
        Some(one) if gone(one) => drop(table.remove(key)),
        _ => {}
    }
}

/// Takes an address out of every story's list under `key`.
fn take_out(document: &mut DocumentMut, key: &str, url: &str) {
    let tables = document.get_mut("story").and_then(Item::as_array_of_tables_mut);
    for table in tables.into_iter().flat_map(ArrayOfTables::iter_mut) {
        remove_from(table, key, url);
        // One article alone is joined with nothing.
        if key == "join" && table.get("join").and_then(Item::as_array).is_some_and(|a| a.len() < 2) {
            table.remove("join");
        }
    }
}

/// Drops lists and tables that say nothing any more.
fn tidy(document: &mut DocumentMut) {
    for (name, least) in [("record", 1), ("story", 0)] {
        let Some(tables) = document.get_mut(name).and_then(Item::as_array_of_tables_mut) else { continue };
        for table in tables.iter_mut() {
            let empty: Vec<String> =
                table.iter().filter(|(_, item)| item.as_array().is_some_and(Array::is_empty)).map(|(key, _)| key.to_owned()).collect();
            empty.iter().for_each(|key| drop(table.remove(key)));
        }
        tables.retain(|table| table.len() > least);
        if tables.is_empty() {
            document.remove(name);
        }
    }
}
