//! `[[topic]]`, in the file and in those that it includes.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fields::{At, Fields, TOP};
use super::problem::{Report, suggest};
use super::site::{Learned, Topic};
use crate::stage::classify::{Group, Item, List, Model, Needle, TermError, WEIGHT_MAX, Word, check};
use crate::stage::naming::{category_label, slug};

const TOPIC_KEYS: &[&str] =
    &["category", "description", "any", "all", "none", "weight", "threshold", "stem", "from", "parents", "inherit", "stories", "was"];
const GROUP_KEYS: &[&str] = &["any", "all", "none", "weight"];
const WORD_KEYS: &[&str] = &["term", "weight"];

/// Groups within groups; nobody reads deeper ones.
const DEPTH_MAX: usize = 8;

/// Least confidence of the model where none is set.
const DEFAULT_CONFIDENCE: f64 = 0.85;

/// Most bytes of a file of topics, or of a model.
const FILE_MAX_BYTES: usize = 64 << 20;

/// A file of topics that another one names.
pub(super) struct Included<'a> {
    pub(super) report: Report<'a>,
    pub(super) document: DeTable<'a>,
}

/// The files that `topics_file` in `[site]` names, as far as they can be read.
pub(super) fn files(report: &mut Report, path: &Path, document: &DeTable) -> Vec<(PathBuf, String)> {
    let Some(DeValue::Table(site)) = document.get("site").map(Spanned::get_ref) else { return Vec::new() };
    let known: Vec<&str> = site.keys().map(|key| &**key.get_ref()).collect();
    let site = Fields::open(report, "[site]", 0..0, site, &known);
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    for name in site.texts(report, "topics_file") {
        let file = super::beside(path, name.value);
        if files.iter().any(|(other, _)| *other == file) {
            report.wrong(name.span, format!("\"{}\" is there twice under topics_file", name.value), "remove one of the two");
            continue;
        }
        match read_file(&file) {
            Ok(text) => files.push((file, text)),
            Err(error) => {
                let what = format!("cannot read the topics in {}: {error}", file.display());
                report.wrong(name.span, what, "write a path relative to this file");
            }
        }
    }
    files
}

fn read_file(path: &Path) -> std::io::Result<String> {
    let bytes = crate::io::file::read(path)?;
    let error = |what: String| std::io::Error::new(std::io::ErrorKind::InvalidData, what);
    if bytes.len() > FILE_MAX_BYTES {
        return Err(error(format!("it is larger than {} MiB", FILE_MAX_BYTES >> 20)));
    }
    String::from_utf8(bytes).map_err(|e| error(e.utf8_error().to_string()))
}

/// The model that `[site]` names, if it names one. An error is reported.
pub(super) fn model(report: &mut Report, path: &Path, site: &Fields) -> Result<Option<Learned>, ()> {
    let confidence = site.fraction(report, "model_confidence");
    let Some(name) = site.text(report, "model") else { return Ok(None) };
    let file = super::beside(path, name.value);
    let text = read_file(&file).map_err(|error| error.to_string());
    match text.and_then(|text| Ok((Model::parse(&text).map_err(|error| error.to_string())?, text))) {
        Ok((model, text)) => {
            let digest = blake3::hash(text.as_bytes()).to_hex().to_string();
            Ok(Some(Learned { model, digest, confidence: confidence.unwrap_or(DEFAULT_CONFIDENCE) }))
        }
        Err(error) => {
            let remedy = "write one with `topicwire learn FILE.jsonl -o MODEL`, or leave model out";
            report.wrong(name.span, format!("no model in {}: {error}", file.display()), remedy);
            Err(())
        }
    }
}

/// Topics being read.
pub(super) struct Topics {
    drafts: Vec<Draft>,
}

struct Draft {
    topic: Topic,
    /// The file it is in: 0 is the configuration, the others are the included ones.
    file: usize,
    /// Where its table begins.
    span: Range<usize>,
    line: usize,
    parents: Vec<(String, Range<usize>)>,
    was: Vec<(String, Range<usize>)>,
    /// Whether words were given, even if none of them could be read.
    has_words: bool,
}

/// Reads the topics of the file, then those of the included ones, and resolves what they say of each other.
pub(super) fn read<'a>(report: &mut Report<'a>, included: &mut [Included<'a>], top: &Fields) -> Topics {
    let mut topics = Topics { drafts: Vec::new() };
    for table in top.tables(report, "topic", "[[topic]]", TOPIC_KEYS) {
        let draft = topic(report, &table, 0);
        topics.add(draft, report);
    }
    for (at, Included { report: own, document }) in included.iter_mut().enumerate() {
        let inner = Fields::open(own, TOP, 0..0, document, &["topic"]);
        if !inner.has("topic") {
            own.missing(0..0, "there is no [[topic]] in it", "add one, or take the file out of topics_file");
        }
        for table in inner.tables(own, "topic", "[[topic]]", TOPIC_KEYS) {
            let draft = topic(own, &table, at + 1);
            topics.add(draft, own);
        }
    }
    topics.resolve(report, included);
    topics
}

fn of<'r, 'a: 'r>(report: &'r mut Report<'a>, included: &'r mut [Included<'a>], file: usize) -> &'r mut Report<'a> {
    match file.checked_sub(1).and_then(|at| included.get_mut(at)) {
        Some(included) => &mut included.report,
        None => report,
    }
}

impl Topics {
    pub(super) fn by_category(&self) -> HashMap<&str, usize> {
        self.drafts.iter().enumerate().map(|(index, draft)| (draft.topic.category.as_str(), index)).collect()
    }

    pub(super) fn finish(self) -> Vec<Topic> {
        self.drafts.into_iter().map(|draft| draft.topic).collect()
    }

    fn add(&mut self, draft: Option<(Draft, Range<usize>)>, report: &mut Report) {
        let Some((draft, span)) = draft else { return };
        let Some(other) = self.drafts.iter().find(|other| other.topic.slug == draft.topic.slug) else {
            self.drafts.push(draft);
            return;
        };
        let place =
            if other.file == draft.file { format!("on line {}", other.line) } else { format!("in another file, line {}", other.line) };
        let what = if other.topic.category == draft.topic.category {
            format!("topic \"{}\" is already {place}", draft.topic.category)
        } else {
            format!(
                "topic \"{}\" has the same address as \"{}\" {place}: topic/{}",
                draft.topic.category, other.topic.category, other.topic.slug
            )
        };
        report.wrong(span, what, "rename one, or make them one topic");
    }

    /// Finds the parents by name, and refuses topics that are above themselves.
    fn resolve<'a>(&mut self, report: &mut Report<'a>, included: &mut [Included<'a>]) {
        let known: HashMap<String, usize> = self.by_category().into_iter().map(|(category, index)| (category.to_owned(), index)).collect();
        for draft in &mut self.drafts {
            for (name, span) in &draft.parents {
                let report = of(report, included, draft.file);
                match known.get(name) {
                    Some(parent) if !draft.topic.parents.contains(parent) => draft.topic.parents.push(*parent),
                    Some(_) => {}
                    None => {
                        let mut names: Vec<&str> = known.keys().map(String::as_str).collect();
                        names.sort_unstable();
                        let what = format!("unknown topic \"{name}\" under parents: there is no [[topic]] of that name");
                        report.missing(span.clone(), what, suggest(name, names));
                    }
                }
            }
        }
        // A folder leads to one place: to a topic that is there, or from one name to its next.
        let mut taken: HashMap<String, String> =
            self.drafts.iter().map(|draft| (draft.topic.slug.clone(), draft.topic.category.clone())).collect();
        for draft in &self.drafts {
            for (slug, span) in &draft.was {
                let report = of(report, included, draft.file);
                if slug.is_empty() {
                    report.wrong(span.clone(), "\"was\" names no topic", "write the category or the folder that it had");
                } else if let Some(other) = taken.insert(slug.clone(), draft.topic.category.clone()) {
                    let what = format!("topic/{slug} under was is the folder of \"{other}\"");
                    report.wrong(span.clone(), what, "name each former folder once, and none that is in use");
                }
            }
        }
        for at in 0..self.drafts.len() {
            if self.above(at).contains(&at) {
                let draft = &self.drafts[at];
                let span = draft.parents.first().map_or(draft.span.clone(), |(_, span)| span.clone());
                let what = format!("topic \"{}\" is above itself by its parents", draft.topic.category);
                of(report, included, draft.file).wrong(span, what, "take one parent out of the circle");
            }
        }
    }

    /// All topics above one.
    fn above(&self, at: usize) -> BTreeSet<usize> {
        let mut above = BTreeSet::new();
        let mut open = vec![at];
        while let Some(next) = open.pop() {
            for parent in self.drafts.get(next).into_iter().flat_map(|draft| &draft.topic.parents) {
                if above.insert(*parent) {
                    open.push(*parent);
                }
            }
        }
        above
    }

    /// Reports topics that no article can come under; `fixed` are those that sources give all of theirs.
    pub(super) fn check_reach<'a>(&mut self, report: &mut Report<'a>, included: &mut [Included<'a>], fixed: &BTreeSet<usize>) {
        let heirs: BTreeSet<usize> =
            self.drafts.iter().filter(|draft| draft.topic.inherit).flat_map(|draft| draft.topic.parents.clone()).collect();
        for (at, draft) in self.drafts.iter().enumerate() {
            let topic = &draft.topic;
            if !draft.has_words && topic.from.is_empty() && !fixed.contains(&at) && !heirs.contains(&at) {
                let what = format!(
                    "topic \"{}\" can never match: nothing under any or all, and no source has it as a fixed category",
                    topic.category
                );
                of(report, included, draft.file).missing(
                    draft.span.clone(),
                    what,
                    "add any = [\"…\"], or name it in a source's categories",
                );
            }
        }
    }
}

fn topic(report: &mut Report, table: &Fields, file: usize) -> Option<(Draft, Range<usize>)> {
    let category = table.required(report, "category", "category = \"Vocabulary: Label\"");
    let description = table.prose(report, "description");
    let stories = table.flag_or(report, "stories", true);
    let weight = weight(report, table).unwrap_or(1);
    let rule = group(report, table, weight, 0);
    let is_given = |list: &str| table.get(list).is_some_and(|value| !matches!(value.get_ref(), DeValue::Array(array) if array.is_empty()));
    let has_words = is_given("any") || is_given("all");
    let threshold = table.signed(report, "threshold", 1..=1_000_000);
    let stem = table.truth(report, "stem");
    let from: Vec<String> = table.texts(report, "from").into_iter().map(|text| text.value.to_owned()).collect();
    let was: Vec<(String, Range<usize>)> = table.texts(report, "was").into_iter().map(|text| (self::slug(text.value), text.span)).collect();
    let parents: Vec<(String, Range<usize>)> =
        table.texts(report, "parents").into_iter().map(|text| (text.value.to_owned(), text.span)).collect();
    let inherit = table.truth(report, "inherit").unwrap_or(false);
    let At { value: category, span } = category?;
    if inherit && parents.is_empty() {
        let at = table.get("inherit").map_or(table.span.clone(), Spanned::span);
        report.wrong(
            at,
            format!("topic \"{category}\" has no parents to inherit its articles"),
            "add parents = [\"…\"], or remove inherit",
        );
    }
    if !rule.any.is_empty() || !rule.all.is_empty() {
        if let Err(error) = check(&rule, threshold) {
            let at = table.get("threshold").filter(|_| threshold.is_some()).map_or(span.clone(), Spanned::span);
            report.wrong(at, format!("topic \"{category}\" can never match: {error}"), "lower the threshold, raise weights, or add words");
        }
    } else if threshold.is_some() && !has_words && from.is_empty() {
        let at = table.get("threshold").map_or(span.clone(), Spanned::span);
        report.wrong(at, format!("topic \"{category}\" has a threshold and no words to reach it"), "add any = [\"…\"], or remove it");
    }
    let slug = slug(category);
    if slug.is_empty() || category.ends_with(':') || category.starts_with(':') {
        report.wrong(span, format!("\"{category}\" is no category"), "write \"Vocabulary: Label\"");
        return None;
    }
    let line = report.line(span.start);
    let label = category_label(category).trim().to_owned();
    let topic = Topic {
        category: category.to_owned(),
        label,
        slug,
        was: was.iter().map(|(slug, _)| slug.clone()).collect(),
        description,
        rule,
        threshold,
        stem,
        from,
        parents: Vec::new(),
        inherit,
        stories,
    };
    Some((Draft { topic, file, span: table.span.clone(), line, parents, was, has_words }, span))
}

fn weight(report: &mut Report, table: &Fields) -> Option<i64> {
    table.signed(report, "weight", -WEIGHT_MAX..=WEIGHT_MAX)
}

/// The lists of a topic or a group; `weight` is that of words without one of their own.
fn group(report: &mut Report, table: &Fields, weight: i64, depth: usize) -> Group {
    let [any, all, none] = [List::Any, List::All, List::None].map(|list| items(report, table, list.name(), weight, depth));
    let words = |items: &[(Item, Option<Needle>, Range<usize>)]| -> Vec<Needle> {
        items.iter().filter_map(|(_, needle, _)| needle.clone()).collect()
    };
    let wanted = [("any", words(&any)), ("all", words(&all))];
    for (item, needle, span) in &none {
        let (Item::Word(word), Some(needle)) = (item, needle) else { continue };
        let takes_back = |other: &Needle| other.pattern == needle.pattern && needle.fields.covers(other.fields);
        if let Some((list, _)) = wanted.iter().find(|(_, list)| list.iter().any(takes_back)) {
            let what = format!("\"{}\" is under both {list} and none, so it can never bring an article in", word.text);
            report.wrong(span.clone(), what, "remove it from one of the two");
        }
    }
    let own = |items: Vec<(Item, Option<Needle>, Range<usize>)>| items.into_iter().map(|(item, ..)| item).collect();
    Group { any: own(any), all: own(all), none: own(none) }
}

/// One list: words, words with weights, groups.
fn items(report: &mut Report, table: &Fields, list: &'static str, weight: i64, depth: usize) -> Vec<(Item, Option<Needle>, Range<usize>)> {
    let Some(value) = table.get(list) else { return Vec::new() };
    let one = std::slice::from_ref(value);
    let values: Vec<&Spanned<DeValue>> = match value.get_ref() {
        DeValue::Array(array) => array.iter().collect(),
        DeValue::String(_) | DeValue::Table(_) => one.iter().collect(),
        other => {
            let remedy = format!("write {list} = [\"…\", \"…\"]");
            table.unfit::<()>(report, list, value.span(), "a list of texts", other, &remedy);
            return Vec::new();
        }
    };
    let mut items = Vec::with_capacity(values.len());
    for value in values {
        match value.get_ref() {
            DeValue::String(text) => items.extend(word(report, table, list, text, value.span(), weight)),
            DeValue::Table(inner) if inner.contains_key("term") => {
                let inner = Fields::open(report, "a term", value.span(), inner, WORD_KEYS);
                let weight = self::weight(report, &inner).unwrap_or(weight);
                if let Some(text) = inner.text(report, "term") {
                    items.extend(word(report, &inner, list, text.value, text.span, weight));
                }
            }
            DeValue::Table(inner) => {
                let inner = Fields::open(report, "a group", value.span(), inner, GROUP_KEYS);
                if depth + 1 >= DEPTH_MAX {
                    report.wrong(value.span(), format!("groups lie more than {DEPTH_MAX} deep"), "make topics of some of them");
                    continue;
                }
                let weight = self::weight(report, &inner).unwrap_or(weight);
                let group = group(report, &inner, weight, depth + 1);
                if group.is_empty() {
                    report.missing(
                        value.span(),
                        format!("a group under {list} has no words"),
                        "write { all = [\"…\", \"…\"] }, any or none",
                    );
                    continue;
                }
                items.push((Item::Group(group), None, value.span()));
            }
            other => {
                table.unfit::<()>(report, list, value.span(), "a list of texts", other, "write each in quotes");
            }
        }
    }
    items
}

fn word(
    report: &mut Report,
    table: &Fields,
    list: &str,
    text: &str,
    span: Range<usize>,
    weight: i64,
) -> Option<(Item, Option<Needle>, Range<usize>)> {
    let text = table.line(report, list, text, span)?;
    match Needle::parse(text.value) {
        Ok(needle) => Some((Item::Word(Word { text: text.value.to_owned(), weight }), Some(needle), text.span)),
        Err(error) => {
            let start: String = text.value.chars().take(40).collect();
            let never = if matches!(error, TermError::NoLetter | TermError::TooLong) { ", so it can never be found" } else { "" };
            report.wrong(text.span, format!("\"{start}\" under {list} {error}{never}"), error.remedy());
            None
        }
    }
}
