//! What an editor changed, and the file with that and with what is new.

use super::base::Base;
use super::is_machine;
use super::page::{Field, Page, Parts};
use crate::format::front_matter;
use crate::record::Record;

/// What flows back from a file: what its editor says of the record beyond the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// Another title.
    pub title: Option<String>,
    /// Categories that the editor added, in the file's order; there may be no topics of these names.
    pub added: Vec<String>,
    /// Topics' categories that the editor took away.
    pub removed: Vec<String>,
    /// Whether it is a draft, if that changed.
    pub draft: Option<bool>,
}

/// The `draft` of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// What it was when the file was last looked at.
    pub was: bool,
    /// Whether the record is hidden now.
    pub is_hidden: bool,
}

/// A file brought together with what would be written now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The file.
    pub text: String,
    /// What is to be kept as the base of the next merge.
    pub base: Base,
    /// Keys (`body` for the text) that both changed, each to something else: the editor's stays.
    pub conflicts: Vec<String>,
    /// Whether it holds anything of an editor's.
    pub is_edited: bool,
    /// The `draft` that is known of from now on: the file's, but for a change that has not flowed back.
    pub is_draft: bool,
}

/// What an editor changed in a file since it was written; `topics` are the categories that there are.
#[must_use]
pub fn edits<'t>(base: &Base, page: &Page<'_>, was_draft: bool, topics: impl Iterator<Item = &'t str>) -> Edits {
    let draft = Some(page.is_draft()).filter(|is| *is != was_draft);
    if base.is_unknown() {
        return Edits { draft, ..Edits::default() };
    }
    let title = page.values.get("title").and_then(|v| v.as_str()).filter(|t| !t.trim().is_empty() && is_edited(base, page, "title"));
    let categories = page.texts("categories").filter(|_| is_edited(base, page, "categories"));
    let removed = |listed: &Vec<String>| -> Vec<String> {
        let gone = |c: &&str| base.has_category(c) && !listed.iter().any(|l| l == c);
        topics.filter(gone).map(str::to_owned).collect()
    };
    Edits {
        title: title.map(str::to_owned),
        removed: categories.as_ref().map(removed).unwrap_or_default(),
        added: categories.into_iter().flatten().filter(|c| !base.has_category(c)).collect(),
        draft,
    }
}

/// Whether an editor changed a field's value; how it is laid out is no matter.
fn is_edited(base: &Base, page: &Page<'_>, key: &str) -> bool {
    let Some(field) = page.parts.field(key) else { return base.has(key) };
    !base.is(key, field.text) && !page.values.get(key).and_then(|v| front_matter::lay_out(key, v)).is_some_and(|text| base.is(key, &text))
}

/// Brings a file together with the record as it is now. Where neither gives a reason to change it, it stays to the byte.
#[must_use]
pub fn merge(base: &Base, page: &Page<'_>, record: Record, draft: Draft) -> Merged {
    let mut conflicts = Vec::new();
    let own = front_matter::write(&record);
    let own_categories = record.categories.clone();
    let written = with_editors(base, page, record, &own, &mut conflicts);
    let ours = match Parts::read(&written) {
        Ok(ours) => ours,
        // Not of our making; then the file stays as it is.
        Err(_) => {
            return Merged { text: page.text.to_owned(), base: base.clone(), conflicts, is_edited: true, is_draft: draft.was };
        }
    };
    let mut fields: Vec<(&str, &str, &str)> = Vec::with_capacity(page.parts.fields.len());
    for theirs in &page.parts.fields {
        let kept = choose(base, page, theirs, ours.field(theirs.key), &mut conflicts);
        if let Some(text) = kept {
            fields.push((theirs.key, theirs.lead, text));
        } else if !theirs.lead.is_empty() {
            fields.push(("", theirs.lead, ""));
        }
    }
    // What the file has not, and no editor took away, comes after the field that it follows.
    let mut place = 0;
    for field in &ours.fields {
        match fields.iter().position(|f| f.0 == field.key) {
            Some(at) => place = at + 1,
            None if is_machine(field.key) || !base.has(field.key) => {
                fields.insert(place, (field.key, "", field.text));
                place += 1;
            }
            None => {}
        }
    }
    let is_draft = page.is_draft();
    // Changed in the file since it was looked at: that stands. Otherwise it follows the record.
    let follows = is_draft == draft.was;
    let to_be = if follows { draft.is_hidden } else { is_draft };
    if to_be != is_draft {
        let text = if to_be { "draft: true\n" } else { "draft: false\n" };
        match fields.iter_mut().find(|f| f.0 == "draft") {
            Some(field) => field.2 = text,
            None => fields.push(("draft", "", text)),
        }
    }
    let body = match (page.parts.body, ours.body) {
        (theirs, ours) if theirs.trim_end() == ours.trim_end() => theirs,
        (theirs, ours) if base.is_body(theirs) => ours,
        (theirs, ours) => {
            if !base.is_unknown() && !base.is_body(ours) {
                conflicts.push("body".into());
            }
            theirs
        }
    };
    let mut text = String::with_capacity(page.text.len() + written.len() / 2);
    text.push_str("---\n");
    for (_, lead, lines) in fields {
        text.push_str(lead);
        text.push_str(lines);
    }
    text.push_str(page.parts.tail);
    text.push_str("---\n");
    text.push_str(body);
    Merged {
        is_edited: text != own,
        is_draft: if follows { to_be } else { draft.was },
        base: Base::of(&own, &written, &own_categories),
        text,
        conflicts,
    }
}

/// The record's text with the title and the categories that the editor gave it, so that what follows from them does.
fn with_editors(base: &Base, page: &Page<'_>, record: Record, own: &str, conflicts: &mut Vec<String>) -> String {
    let mut record = record;
    let mut differs = false;
    let is_ours = |key: &str| Parts::read(own).ok().and_then(|parts| parts.field(key).map(|f| base.is(key, f.text))).unwrap_or(false);
    let title = page.values.get("title").and_then(|v| v.as_str()).filter(|t| !t.trim().is_empty() && **t != *record.title);
    if let Some(title) = title.filter(|_| is_edited(base, page, "title")) {
        if !base.is_unknown() && !is_ours("title") {
            conflicts.push("title".into());
        }
        record.title = title.to_owned();
        differs = true;
    }
    if let Some(listed) = page.texts("categories").filter(|_| is_edited(base, page, "categories")) {
        let is_listed = |c: &String| listed.contains(c);
        let new: Vec<String> = record.categories.iter().filter(|c| !base.has_category(c) && !is_listed(c)).cloned().collect();
        let stays = |c: &String| !base.has_category(c) || record.categories.contains(c);
        let merged: Vec<String> = listed.iter().filter(|c| stays(c)).cloned().chain(new).collect();
        differs |= merged != record.categories;
        record.categories = merged;
    }
    if differs { front_matter::write(&record) } else { own.to_owned() }
}

/// Which lines a field of the file has from now on; `None` for none.
fn choose<'t>(base: &Base, page: &Page<'_>, theirs: &Field<'t>, ours: Option<&Field<'t>>, conflicts: &mut Vec<String>) -> Option<&'t str> {
    let key = theirs.key;
    if ours.is_some_and(|o| o.text == theirs.text) {
        return Some(theirs.text);
    }
    if base.is(key, theirs.text) || is_machine(key) {
        return ours.map(|o| o.text);
    }
    let value = page.values.get(key);
    let laid_out = value.and_then(|v| front_matter::lay_out(key, v));
    let Some(ours) = ours else { return Some(theirs.text) };
    // The same, laid out in another way.
    if laid_out.as_deref() == Some(ours.text) {
        return Some(theirs.text);
    }
    // Both are in it already.
    if key == "categories" && page.texts(key).is_some() {
        return Some(ours.text);
    }
    if laid_out.is_some_and(|text| base.is(key, &text)) {
        return Some(ours.text);
    }
    if base.has(key) && !base.is(key, ours.text) && !conflicts.iter().any(|c| c == key) {
        conflicts.push(key.to_owned());
    }
    Some(theirs.text)
}
