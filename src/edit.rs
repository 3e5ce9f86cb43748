//! What editors decide, written to `overrides.toml`: the one way there, for the commands, the review desk and editors' own files.
//!
//! Only the file is written, with its comments and order kept. It takes effect when `Ingest::apply_rules` next runs by it.

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value, value};

use crate::config::overrides::{self, Overrides};
use crate::config::{ConfigError, Site};
use crate::io::file;
use crate::stage::clean;
use crate::store::{Store, StoreError, StoredRecord};

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The editor asked for something that there is not, or the file is not in a form that can be changed.
    #[error("{0}")]
    Usage(String),
    /// What would come of it is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be read or written.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, with the path.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
}

type Result<T, E = EditError> = std::result::Result<T, E>;

/// What is decided of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// It is under this category, whatever the rules say.
    Add(String),
    /// It is not under this category.
    Remove(String),
    /// Whether it is taken out of everything published.
    Hide(bool),
    /// Whether it stands before everything else of its topics.
    Pin(bool),
    /// Its title; without one, the source's own.
    Title(Option<String>),
    /// Whether it stands alone, whatever tells the same.
    Split(bool),
    /// It is one story with the records at these clean URLs.
    Join(Vec<String>),
    /// Whether it is shown for its story, whose other members are at these clean URLs. One story has one choice.
    Prefer(bool, Vec<String>),
    /// Who says so, for people who read the file.
    By(&'static str),
}

/// The record that an editor named by its number, its UUID, or its article's URL.
///
/// # Errors
/// The store's, or that there is no such record.
pub fn record(site: &Site, store: &dyn Store, name: &str) -> Result<StoredRecord> {
    let unknown = || unknown(site, name);
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

/// That there is no record of this name.
#[must_use]
pub fn unknown(site: &Site, name: &str) -> EditError {
    EditError::Usage(format!("{name} is no record in the store {}", site.store.display()))
}

/// Clean URLs of the other records of a record's story.
///
/// # Errors
/// The store's.
pub fn siblings(store: &dyn Store, record: &StoredRecord) -> Result<Vec<String>> {
    let Some(story) = record.story else { return Ok(Vec::new()) };
    let members = store.story(story)?.into_iter().map(|m| m.record);
    Ok(members.filter(|r| r.number != record.number).map(|r| r.draft.href).collect())
}

/// The category that an editor named: in full, by its slug, or by its label where only one topic has it.
///
/// # Errors
/// That no topic, or more than one, has this name.
pub fn topic(site: &Site, name: &str) -> Result<String> {
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
            Err(EditError::Usage(format!("no topic named \"{name}\"{near}")))
        }
        several => Err(EditError::Usage(format!("\"{name}\" may be any of {}; write one in full", several.join(", ")))),
    }
}

/// Writes these words to the file, all or none, and returns what it says then.
///
/// # Errors
/// Any [`EditError`]; then the file is as it was.
pub fn say(site: &Site, words: &[(&StoredRecord, Word)]) -> Result<Overrides> {
    rewrite(site, |document| words.iter().try_for_each(|(record, word)| put(document, record, word)))
}

/// Changes the file, if what comes of it is still right, and returns what it says then.
///
/// # Errors
/// Any [`EditError`]; then the file is as it was.
pub fn rewrite(site: &Site, change: impl FnOnce(&mut DocumentMut) -> Result<()>) -> Result<Overrides> {
    let path = &site.overrides.path;
    let io = |what: &str| {
        let what = format!("{what} {}", path.display());
        |source| EditError::Io { what, source }
    };
    let text = match file::read(path) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|e| EditError::Usage(format!("{}: {e}", path.display())))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => HEAD.to_owned(),
        Err(error) => return Err(io("cannot read")(error)),
    };
    let mut document: DocumentMut = text.parse().map_err(|e: toml_edit::TomlError| EditError::Usage(format!("{}: {e}", path.display())))?;
    // What stands in a file without tables stays at its head.
    let head = if document.is_empty() { document.trailing().as_str().unwrap_or_default().to_owned() } else { String::new() };
    if !head.is_empty() {
        document.set_trailing("");
    }
    change(&mut document)?;
    tidy(&mut document);
    let text = format!("{head}{document}");
    let said = overrides::check(path, &text, &site.topics).map_err(|problems| ConfigError::Invalid { path: path.clone(), problems })?;
    file::write(path, text.as_bytes()).map_err(io("cannot write"))?;
    Ok(said)
}

/// Has a source read as these lines of its table say (`url`, `kind`, `selectors`), or as the configuration says where there are none;
/// returns what the file says then.
///
/// # Errors
/// Any [`EditError`]; then the file is as it was.
pub fn source(site: &Site, id: &str, lines: Option<&str>) -> Result<Overrides> {
    let lines: Option<DocumentMut> =
        lines.map(str::parse).transpose().map_err(|e: toml_edit::TomlError| EditError::Usage(format!("the repair: {e}")))?;
    rewrite(site, |document| {
        let item = document.entry("source").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
        let tables = item.as_array_of_tables_mut().ok_or_else(|| unusable("source"))?;
        tables.retain(|table| table.get("id").and_then(Item::as_str) != Some(id));
        if let Some(lines) = lines {
            let mut table = Table::from_iter([("id", value(id))]);
            lines.iter().for_each(|(key, item)| drop(table.insert(key, item.clone())));
            tables.push(table);
        }
        if tables.is_empty() {
            document.remove("source");
        }
        Ok(())
    })
}

fn put(document: &mut DocumentMut, record: &StoredRecord, word: &Word) -> Result<()> {
    let url = &record.draft.href;
    match word {
        Word::Add(category) | Word::Remove(category) => {
            let (into, from) = if matches!(word, Word::Add(_)) { ("add", "remove") } else { ("remove", "add") };
            let table = table_of(document, record)?;
            remove_from(table, from, category);
            add_to(table, into, category);
        }
        Word::Hide(on) | Word::Pin(on) => {
            let key = if matches!(word, Word::Hide(_)) { "hide" } else { "pin" };
            let table = table_of(document, record)?;
            if *on {
                table[key] = value(true);
            } else {
                table.remove(key);
            }
        }
        Word::Title(Some(title)) => table_of(document, record)?["title"] = value(title),
        Word::Title(None) => drop(table_of(document, record)?.remove("title")),
        Word::By(who) => table_of(document, record)?["by"] = value(*who),
        Word::Split(on) => {
            take_out(document, "split", url);
            if *on {
                take_out(document, "join", url);
                let array: Array = [url].into_iter().collect();
                stories(document)?.push(Table::from_iter([("split", value(array))]));
            }
        }
        Word::Join(others) => {
            let urls: Vec<&String> = std::iter::once(url).chain(others.iter().filter(|o| *o != url)).collect();
            for url in &urls {
                take_out(document, "split", url);
            }
            let array: Array = urls.into_iter().collect();
            stories(document)?.push(Table::from_iter([("join", value(array))]));
        }
        Word::Prefer(on, others) => {
            for url in others.iter().chain([url]) {
                take_out(document, "prefer", url);
            }
            if *on {
                stories(document)?.push(Table::from_iter([("prefer", value(url))]));
            }
        }
    }
    Ok(())
}

const HEAD: &str = "# What editors decided of single articles, stories and sources. It outlasts every rule and every poll.\n\
                    # `topicwire tag`, hide, pin, retitle, split, join and prefer write it, the review desk does, and what\n\
                    # is changed in the published Markdown files; so may you.\n";

/// That the file has these tables in a form that cannot be changed.
#[must_use]
pub fn unusable(key: &str) -> EditError {
    EditError::Usage(format!("\"{key}\" in overrides.toml is not written as [[{key}]] tables; rewrite it so, or edit by hand"))
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
        // Who said it says nothing.
        tables.retain(|table| table.iter().filter(|(key, _)| *key != "by").count() > least);
        if tables.is_empty() {
            document.remove(name);
        }
    }
}
