//! `topicwire explain`.

use std::fmt::Write as _;

use clap::Args;
use serde_json::{Value, json};

use super::{CommandError, Context, Exit, Result, print, print_json, stories};
use crate::config::overrides::RecordWord;
use crate::config::{Enrich, Leave, Mode, Site, Source};
use crate::entry::Entry;
use crate::reason;
use crate::record::Draft;
use crate::rights::Reservation;
use crate::stage::classify::{Classifier, Explanation};
use crate::stage::map::{self, Rules};
use crate::stage::{clean, naming};
use crate::standing;
use crate::store::sqlite::SqliteStore;
use crate::store::{ArticleState, Store, StoreError, StoredEntry, Trace};
use crate::syntax::rfc3339;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The article's address, as published or as its source gave it
    url: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Tells an article's way from its source to its feeds.
pub(super) fn run(context: &Context, options: &Options) -> Result {
    let site = context.site()?;
    let clean = clean::clean_url(&options.url, None);
    let unknown = || CommandError::Usage(format!("{} is not in the store {}", options.url, site.store.display()));
    let store = SqliteStore::open_to_read(&site.store)?.ok_or_else(unknown)?;
    let trace = match store.trace(&options.url)? {
        Some(trace) => Some(trace),
        None => clean.map(|url| store.trace(url.as_str())).transpose()?.flatten(),
    };
    let trace = trace.ok_or_else(unknown)?;
    let classifier = Classifier::of(&site.topics, site.model.as_ref()).map_err(|e| CommandError::Usage(e.to_string()))?;
    let reasons = reasons(&site, &classifier, &trace)?;
    let word = site.overrides.records.get(&trace.record.draft.href);
    let page = store.article_state(trace.record.number)?;
    let story = stories::story(&site, &store, trace.record.clone())?;
    let story = Some(story).filter(|s| s.members.len() > 1);
    if options.json {
        let mut json = as_json(&site, &trace, &reasons);
        if let Some(story) = &story {
            json["story"] =
                json!({"id": story.id, "members": story.members.iter().map(stories::Telling::json).collect::<Vec<_>>(), "why": story.why});
        }
        if let Some(word) = word {
            json["editor"] = json!(word);
        }
        json["page"] = page.as_ref().map_or(Value::Null, page_json);
        print_json(&json);
    } else {
        print(&as_text(&site, &trace, &reasons));
        for line in word.map(editor).unwrap_or_default() {
            print(&format!("{:<12} {line}\n", "editor"));
        }
        let owner = owner(&site, &trace);
        print(&format!("{:<12} {}\n", "rights", standing::line(&leave(owner, &trace))));
        for (name, line) in declared(&site, owner, &trace.record.draft) {
            print(&format!("{name:<12} {}\n", standing::line(&line)));
        }
        for (name, line) in page.as_ref().map_or_else(|| unread(owner), page_lines) {
            print(&format!("{name:<12} {}\n", standing::line(&line)));
        }
        story.iter().for_each(|s| print(&format!("{:<12} {}", "story", s.text())));
    }
    Ok(Exit::Well)
}

fn owner<'s>(site: &'s Site, trace: &Trace) -> Option<&'s Source> {
    trace.entries.first().and_then(|entry| site.sources.iter().find(|s| s.id == entry.source))
}

/// By what leave its text is published (acceptance P14).
fn leave(owner: Option<&Source>, trace: &Trace) -> String {
    let draft = &trace.record.draft;
    let noted = owner.map(|source| noted(source, draft));
    let (leave, licence) = noted.unwrap_or_else(|| ("as when its source was followed".to_owned(), None));
    let parts = [Some(leave), licence, draft.rights.clone(), draft.licence.clone(), draft.attribution.clone()];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// How much is published, and what the operator noted on that.
fn noted(source: &Source, draft: &Draft) -> (String, Option<String>) {
    let terms = source.terms([&draft.href, &draft.original], draft.reservation.is_some());
    let much = match terms.mode {
        Mode::Title => "title alone".to_owned(),
        Mode::Excerpt => format!("excerpt of at most {} characters", terms.excerpt_max_chars),
        Mode::FullText => "whole text".to_owned(),
    };
    let leave = terms.rights.and_then(|rights| rights.leave.as_ref());
    let leave = leave.map(|Leave { allowed_by, on, written }| format!(": allowed by {allowed_by} on {on} ({written})")).unwrap_or_default();
    let licence = terms.rights.and_then(|rights| rights.licence.as_ref()).map(|licence| format!("licence as noted: {licence}"));
    (much + &leave, licence)
}

/// What its publisher declares of it, a line each.
fn declared(site: &Site, owner: Option<&Source>, draft: &Draft) -> Vec<(&'static str, String)> {
    let mode = owner.map(|source| source.terms([&draft.href, &draft.original], draft.reservation.is_some()).mode);
    let warnings = draft.licence.iter().zip(mode).flat_map(|(licence, mode)| standing::warnings(licence, mode, !site.topics.is_empty()));
    let mut lines: Vec<(&str, String)> = warnings.map(|warning| ("note", warning)).collect();
    if let Some(reservation) = &draft.reservation {
        let rule = owner.map(|source| format!(" (reservations = \"{}\")", source.reservations.word())).unwrap_or_default();
        lines.push(("reserved", reservation.words() + &rule));
    }
    lines.extend(draft.promotion.map(|promotion| ("declared", promotion.label().to_owned())));
    lines
}

/// What tells whether a source said the same: a hash of the entry as it was read.
fn read_hash(entry: &StoredEntry) -> String {
    blake3::hash(&entry.raw).to_hex().to_string()
}

fn reasons(site: &Site, classifier: &Classifier, trace: &Trace) -> Result<Vec<Explanation>> {
    let Some(owner) = trace.entries.first() else { return Ok(Vec::new()) };
    let Some(source) = site.sources.iter().find(|s| s.id == owner.source) else { return Ok(Vec::new()) };
    let entry: Entry = serde_json::from_slice(&owner.raw).map_err(|e| StoreError::Damaged {
        path: site.store.clone(),
        what: format!("entry {} of {}", owner.key, owner.source),
        cause: e.to_string(),
    })?;
    Ok(map::explain(&entry, &trace.record.draft, source, Rules { site, classifier }))
}

fn category(site: &Site, topic: usize) -> &str {
    site.topics.get(topic).map_or("?", |t| t.category.as_str())
}

/// Where the record is published: its file, and the folders of its topics' feeds.
fn places(site: &Site, trace: &Trace) -> Vec<String> {
    let record = &trace.record;
    let section = site.sections.iter().find(|s| s.id == record.draft.section).or(site.sections.first());
    let file = section.map(|s| format!("{}/{}.md", s.section.base_path.trim_matches('/'), record.uuid));
    let topics = record.draft.topics.iter().map(|t| format!("topic/{}/", t.slug));
    file.into_iter().chain(topics).map(|path| site.output.join(path).display().to_string()).collect()
}

fn as_json(site: &Site, trace: &Trace, reasons: &[Explanation]) -> Value {
    let record = &trace.record;
    let entries: Vec<Value> = trace
        .entries
        .iter()
        .map(|e| json!({"source": e.source, "key": e.key, "first_seen": rfc3339(e.first_seen), "blake3": read_hash(e)}))
        .collect();
    let topics: Vec<Value> = reasons.iter().map(|r| reason::as_json(&site.topics, r)).collect();
    json!({
        "number": record.number,
        "title": record.draft.title,
        "href": record.draft.href,
        "original": record.draft.original,
        "published": rfc3339(record.draft.published),
        "added": rfc3339(record.added),
        "updated": rfc3339(record.updated),
        "rights": leave(owner(site, trace), trace),
        "licence": record.draft.licence,
        "attribution": record.draft.attribution,
        "reservation": record.draft.reservation,
        "promotion": record.draft.promotion,
        "entries": entries,
        "categories": record.draft.topics.iter().map(|t| &t.category).collect::<Vec<_>>(),
        "topics": topics,
        "published_at": places(site, trace),
    })
}

fn as_text(site: &Site, trace: &Trace, reasons: &[Explanation]) -> String {
    let record = &trace.record;
    let draft = &record.draft;
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(out, "{name:<12} {value}");
    };
    line("title", &draft.title);
    line("published", &rfc3339(draft.published));
    line("in feeds", &format!("since {}, last changed {}", rfc3339(record.added), rfc3339(record.updated)));
    for (n, entry) in trace.entries.iter().enumerate() {
        let how = if n == 0 { "brought by" } else { "also by" };
        line(how, &format!("{} on {}, as {}", entry.source, rfc3339(entry.first_seen), entry.key));
        line("", &format!("read as blake3 {}", read_hash(entry)));
    }
    line("as given", &draft.original);
    line("clean", &if draft.href == draft.original { "the same".to_owned() } else { draft.href.clone() });
    line("record", &format!("{} ({}, {})", record.number, record.uuid, naming::alias("/", &draft.title)));
    for topic in &draft.topics {
        line("topic", &topic.category);
        match reasons.iter().find(|r| r.matched && category(site, r.topic) == topic.category) {
            Some(reason) => reason::as_lines(&site.topics, reason).iter().for_each(|w| line("", w)),
            None => line("", "  given to every record of this source, or by rules that have changed since"),
        }
    }
    for near in reasons.iter().filter(|r| !r.matched) {
        line("nearly", category(site, near.topic));
        reason::as_lines(&site.topics, near).iter().for_each(|w| line("", w));
    }
    for place in places(site, trace) {
        line("published at", &place);
    }
    out
}

/// Why an article's page is not among those to be read.
fn unread(source: Option<&Source>) -> Vec<(&'static str, String)> {
    let why = match source.map(|source| source.enrich) {
        Some(Enrich::Never) => "not read: its source says enrich = \"never\"",
        Some(Enrich::WhenMissing) => "not read: it came with text and picture, and its source says enrich = \"when-missing\"",
        Some(Enrich::Always) => "not looked at yet, or it has none of its own",
        None => "not read: its source is not configured any more",
    };
    vec![("page", why.to_owned())]
}

/// How it stands with the article's page, a line each.
fn page_lines(state: &ArticleState) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    let next = || match (state.due, state.tries) {
        (Some(due), 0) => format!("to be read from {} on", rfc3339(due)),
        (Some(due), tries) => format!("tried {tries} times; next try {}", rfc3339(due)),
        (None, tries) => format!("tried {tries} times, and not any more"),
    };
    let Some(article) = &state.article else {
        let why = state.why.as_ref().map(|why| format!("not read: {why}; ")).unwrap_or_default();
        return vec![("page", why + &next())];
    };
    let facts = &article.facts;
    lines.push(("page", format!("read on {}: {}", state.read_at.map(rfc3339).unwrap_or_default(), facts.address)));
    let mut put = |what: &str, value: Option<String>| lines.extend(value.map(|value| ("", format!("{what}: {value}"))));
    put("description", facts.description.clone());
    put("authors", Some(facts.authors.join(", ")).filter(|authors| !authors.is_empty()));
    put("published", facts.published.map(rfc3339));
    put("changed", facts.modified.map(rfc3339));
    put("language", facts.language.clone());
    for (what, picture) in [("picture", &article.image), ("icon", &article.icon), ("PDF", &article.pdf)] {
        let Some(picture) = picture else { continue };
        let format = picture.format.as_deref().unwrap_or_default();
        let size = picture.size.map(|(height, width)| format!(", {width} by {height} pixels")).unwrap_or_default();
        put(
            what,
            Some(match &picture.why {
                Some(why) => format!("not valid: {why} ({})", picture.url),
                None => format!("{format}{size} ({})", picture.url),
            }),
        );
    }
    put("reserves", facts.reservation.as_ref().map(Reservation::words));
    for note in &facts.notes {
        put("note", Some(note.clone()));
    }
    if let Some(due) = state.due {
        put("again", Some(format!("what is missing is tried on {}", rfc3339(due))));
    }
    lines
}

fn page_json(state: &ArticleState) -> Value {
    json!({
        "read": state.read_at.map(rfc3339),
        "tries": state.tries,
        "tried": state.tried_at.map(rfc3339),
        "why": state.why,
        "next": state.due.map(rfc3339),
        "article": state.article,
    })
}

/// What an editor decided, a line each.
fn editor(word: &RecordWord) -> Vec<String> {
    let topics = |sign: &str, names: Vec<&str>| names.into_iter().map(|n| format!("{sign} {n}")).collect::<Vec<_>>();
    let mut lines = topics("+", word.add.iter().map(|t| t.category.as_str()).collect());
    lines.extend(topics("-", word.remove.iter().map(String::as_str).collect()));
    lines.extend(word.title.iter().map(|title| format!("retitled: {title}")));
    lines.extend(word.hide.then(|| "hidden".to_owned()));
    lines.extend(word.pin.then(|| "pinned".to_owned()));
    lines.extend(word.by.iter().map(|by| format!("by {by}")));
    lines
}
