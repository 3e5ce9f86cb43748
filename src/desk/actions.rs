//! What an editor does at the desk, in the words of [`crate::edit`].

use toml_edit::{ArrayOfTables, DocumentMut, Item};

use super::Form;
use crate::config::{self, ConfigError, Site};
use crate::edit::{self, EditError, Word};
use crate::ingest::history::{self, Diff};
use crate::ingest::locked;
use crate::io::file;
use crate::steer::Helm;
use crate::store::sqlite::SqliteStore;
use crate::store::{Store, StoredRecord};

/// Does what a form says; what was done or why not, as a sentence.
pub(super) fn act(helm: &Helm, form: &Form) -> Result<String, String> {
    let ingest = helm.ingest();
    let site = ingest.site();
    let (what, argument) = form.text("do").split_once(':').unwrap_or((form.text("do"), ""));
    let find = |name: &str| -> Result<StoredRecord, EditError> { edit::record(site, &*locked(ingest.store()), name) };
    // Another member of its story, if one is named.
    let named = if argument.parse::<u64>().is_ok() { argument } else { form.text("record") };
    let decide = || -> Result<(StoredRecord, Vec<Word>, String), EditError> {
        let record = find(named)?;
        let (words, done) = match what {
            "hide" => (vec![Word::Hide(true)], "Hidden".to_owned()),
            "show" => (vec![Word::Hide(false)], "Shown again".to_owned()),
            "pin" => (vec![Word::Pin(true)], "Pinned".to_owned()),
            "unpin" => (vec![Word::Pin(false)], "Not pinned any more".to_owned()),
            "split" => (vec![Word::Split(true)], "Stands alone".to_owned()),
            "unsplit" => (vec![Word::Split(false)], "May be joined again".to_owned()),
            "prefer" => {
                let siblings = edit::siblings(&*locked(ingest.store()), &record)?;
                (vec![Word::Prefer(true, siblings)], "Shown for its story".to_owned())
            }
            "retitle" => {
                let title = form.text("title").split_whitespace().collect::<Vec<_>>().join(" ");
                let own = record.draft.given_title.as_ref().unwrap_or(&record.draft.title);
                let title = Some(title).filter(|t| !t.is_empty() && t != own);
                let done = if title.is_some() { "Retitled" } else { "Has its source's title" };
                (vec![Word::Title(title)], done.to_owned())
            }
            "remove" => {
                let category = edit::topic(site, argument)?;
                let done = format!("Taken from {category}");
                (vec![Word::Remove(category)], done)
            }
            "retag" => retag(site, &record, form.text("topic"))?,
            "merge" => {
                let mut others = form.all("record").filter(|name| *name != named);
                let others = others.by_ref().map(|name| Ok(find(name)?.draft.href)).collect::<Result<Vec<_>, EditError>>()?;
                if others.is_empty() {
                    return Err(EditError::Usage("mark at least two records that tell one story".into()));
                }
                let done = format!("{} records are one story", others.len() + 1);
                (vec![Word::Join(others)], done)
            }
            _ => return Err(EditError::Usage("there is no such action".into())),
        };
        Ok((record, words, done))
    };
    let (record, words, done) = decide().map_err(|e| e.to_string())?;
    let words: Vec<_> = words.into_iter().map(|word| (&record, word)).collect();
    helm.say(&words).map_err(|e| e.to_string())?;
    Ok(format!("{done}: {}", record.draft.title))
}

/// Does what a form says of a source; what was done or why not, as a sentence.
pub(super) fn source(helm: &Helm, form: &Form) -> Result<String, String> {
    let id = form.text("source");
    match form.text("do") {
        "accept" => {
            helm.retry(id, true).map(|()| format!("What {id} gives at the poll that begins now is taken, and is normal from then on"))
        }
        "retry" => helm.retry(id, false).map(|()| format!("{id} is polled now")),
        "mend" => helm.mend(id).map(|lines| format!("{id} is read with this from now on, and polled now:\n{lines}")),
        "unmend" => helm.unmend(id).map(|()| format!("{id} is read as feeds.toml says again, and polled now")),
        _ => return Err("there is no such action".to_owned()),
    }
    .map_err(|error| error.to_string())
}

/// `+Topic` adds, `-Topic` removes, and a topic alone does what is not so yet.
fn retag(site: &Site, record: &StoredRecord, text: &str) -> Result<(Vec<Word>, String), EditError> {
    let text = text.trim();
    let name = text.trim_start_matches(['+', '-']).trim();
    let category = edit::topic(site, name)?;
    let is_under = record.draft.topics.iter().any(|t| t.category == category);
    let removes = text.starts_with('-') || is_under && !text.starts_with('+');
    Ok(if removes {
        let done = format!("Taken from {category}");
        (vec![Word::Remove(category)], done)
    } else {
        let done = format!("Put under {category}");
        (vec![Word::Add(category)], done)
    })
}

/// What rules would do to everything stored. `rules` is a text of `[[topic]]` tables that take the place of those of the same
/// category, or come besides; without any, the configuration's file as it is now.
pub(super) fn preview(site: &Site, rules: &str) -> Result<(Site, Diff), String> {
    let new = with_rules(site, rules)?;
    // Beside the service, so that polls do not wait for it.
    let store = SqliteStore::open_to_read(&site.store).map_err(|e| e.to_string())?;
    let diff = store.map(|store| history::diff(&new, &store as &dyn Store)).transpose().map_err(|e| e.to_string())?;
    Ok((new, diff.unwrap_or_default()))
}

fn with_rules(site: &Site, rules: &str) -> Result<Site, String> {
    if rules.trim().is_empty() {
        return config::load_with(&site.path, Some(site.overrides.path.clone())).map_err(|e| e.to_string());
    }
    let path = &site.path;
    let bytes = file::read(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    let read = |text: &str| text.parse::<DocumentMut>().map_err(|e| e.to_string());
    let mut document = read(&String::from_utf8_lossy(&bytes))?;
    let tried = read(rules)?;
    let tried = tried.get("topic").and_then(Item::as_array_of_tables).ok_or("there is no [[topic]] in it")?;
    let all = document.entry("topic").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let all = all.as_array_of_tables_mut().ok_or("the configuration's topics are not written as [[topic]] tables")?;
    for table in tried {
        let category = |t: &toml_edit::Table| t.get("category").and_then(Item::as_str).map(str::to_owned);
        let place = all.iter().position(|other| category(other) == category(table));
        let mut table = table.clone();
        table.set_position(None);
        match place.and_then(|place| all.get_mut(place)) {
            Some(old) => {
                table.set_position(old.position());
                *old = table;
            }
            None => all.push(table),
        }
    }
    let checked = config::check(path, &document.to_string());
    let new = checked.map_err(|problems| ConfigError::Invalid { path: path.clone(), problems }.to_string())?;
    Ok(Site { overrides: site.overrides.clone(), ..new })
}
