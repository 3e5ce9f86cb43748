//! `overrides.toml`: what editors decided of single articles, stories and sources. Their word outlasts every rule and every poll.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::de::DeTable;
use url::Url;

use super::fields::{At, Fields, TOP};
use super::problem::{Problem, Report, suggest};
use super::read::web_url;
use super::site::{PageSelectors, Site, Source, SourceKind, Topic, Way};
use super::source;
use crate::record::{Draft, DraftTopic};
use crate::stage::clean;

const TABLES: &[&str] = &["record", "story", "takedown", "source"];
const RECORD_KEYS: &[&str] = &["url", "add", "remove", "hide", "pin", "title", "by"];
const STORY_KEYS: &[&str] = &["join", "split", "prefer"];
const SOURCE_KEYS: &[&str] = &["id", "url", "kind", "selectors"];
const TAKEDOWN_KEYS: &[&str] = &["url", "source", "id", "at", "reason", "lifted"];

/// The whole of `overrides.toml`, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Overrides {
    /// The file; it need not exist.
    #[serde(skip)]
    pub path: PathBuf,
    /// What was decided of single records, by their clean URL.
    pub records: BTreeMap<String, RecordWord>,
    /// What was decided of stories.
    pub stories: StoryWords,
    /// What is taken down.
    pub takedowns: Takedowns,
    /// Where and how sources are read, by their ids. Nothing that is stored depends on it.
    #[serde(skip)]
    pub sources: BTreeMap<String, SourceWord>,
}

/// Where and how a source is read instead of how the configuration says: a repair that an editor approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceWord {
    /// What is polled, if something else.
    pub url: Option<Url>,
    /// How it is read.
    pub kind: SourceKind,
}

impl SourceWord {
    fn apply(&self, source: &mut Source) {
        source.configured = Some(Box::new(Way { url: source.url.clone(), kind: source.kind.clone(), access: source.access.clone() }));
        if let Some(url) = &self.url {
            // What the operator gave to one host is no other host's.
            source.access = source.access.at(&source.url, url);
            source.url = url.clone();
        }
        source.kind = match (&self.kind, &source.kind) {
            // A proposal knows the list alone.
            (SourceKind::Page(new), SourceKind::Page(old)) => SourceKind::Page(Box::new(PageSelectors {
                skip: if new.skip.is_empty() { old.skip.clone() } else { new.skip.clone() },
                next: new.next.clone().or_else(|| old.next.clone()),
                pages_max: new.pages_max.max(old.pages_max),
                ..PageSelectors::clone(new)
            })),
            (new, _) => new.clone(),
        };
    }
}

impl Site {
    /// Has every source read as editors said, or as the configuration says where none did.
    pub fn heed(&mut self) {
        for source in &mut self.sources {
            if let Some(configured) = source.configured.take() {
                Way { url: source.url, kind: source.kind, access: source.access } = *configured;
            }
            if let Some(word) = self.overrides.sources.get(&source.id) {
                word.apply(source);
            }
        }
    }
}

/// What is published nowhere, whatever brings it: `[[takedown]]` tables that are not lifted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Takedowns {
    /// Clean URLs of articles.
    pub urls: BTreeSet<String>,
    /// Entries' ids, which say the same under another URL.
    pub ids: BTreeSet<String>,
    /// Sources of which nothing is published.
    pub sources: BTreeSet<String>,
}

impl Takedowns {
    /// Whether a draft that this source brings is taken down.
    #[must_use]
    pub fn holds(&self, draft: &Draft, source: &str) -> bool {
        self.urls.contains(&draft.href) || self.sources.contains(source) || draft.feed_id.as_ref().is_some_and(|id| self.ids.contains(id))
    }
}

/// What editors decided of one record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordWord {
    /// Topics that it is under, whatever the rules say.
    pub add: Vec<DraftTopic>,
    /// Slugs of topics that it is not under.
    pub remove: Vec<String>,
    /// Whether it is taken out of everything published.
    pub hide: bool,
    /// Whether it stands before everything else of its topics.
    pub pin: bool,
    /// Its title.
    pub title: Option<String>,
    /// Who says so, where the program wrote it for somebody.
    pub by: Option<String>,
}

/// What editors decided of stories. All are clean URLs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryWords {
    /// Each of these is one story.
    pub join: Vec<Vec<String>>,
    /// Each of these stands alone.
    pub split: BTreeSet<String>,
    /// Each of these is shown for its story.
    pub prefer: BTreeSet<String>,
}

impl StoryWords {
    /// Every URL that is spoken of.
    pub fn urls(&self) -> impl Iterator<Item = &String> {
        self.join.iter().flatten().chain(&self.split).chain(&self.prefer)
    }
}

impl Overrides {
    /// Applies what was decided of the draft's record. The draft must be as the rules made it; `source` is who brings it.
    pub fn apply(&self, draft: &mut Draft, source: &str) {
        self.apply_word(draft);
        if self.takedowns.holds(draft, source) {
            draft.hidden = true;
            draft.topics.clear();
        }
    }

    fn apply_word(&self, draft: &mut Draft) {
        let Some(word) = self.records.get(&draft.href) else { return };
        draft.topics.retain(|topic| !word.remove.contains(&topic.slug));
        for topic in &word.add {
            if !draft.topics.iter().any(|t| t.slug == topic.slug) {
                draft.topics.push(topic.clone());
            }
        }
        if let Some(title) = &word.title {
            draft.given_title = Some(std::mem::replace(&mut draft.title, title.clone()));
        }
        draft.pinned = word.pin;
        // What a source's rule hides, no word shows.
        draft.hidden |= word.hide;
        if draft.hidden {
            draft.topics.clear();
        }
    }

    /// Records of which something else was decided than in `other`.
    #[must_use]
    pub fn changed_records(&self, other: &Self) -> Vec<String> {
        let all: BTreeSet<&String> = self.records.keys().chain(other.records.keys()).collect();
        let changed = all.into_iter().filter(|url| self.records.get(*url) != other.records.get(*url));
        changed.chain(self.takedowns.urls.symmetric_difference(&other.takedowns.urls)).cloned().collect()
    }

    /// Sources of which something else was decided than in `other`.
    #[must_use]
    pub fn changed_sources(&self, other: &Self) -> Vec<String> {
        self.takedowns.sources.symmetric_difference(&other.takedowns.sources).cloned().collect()
    }
}

/// An address as records have it. A fragment stays: it tells articles apart that share a link.
fn address(url: &str) -> Option<String> {
    let clean = clean::clean_url(url, None)?;
    Some(if url.contains('#') { url.to_owned() } else { clean.into() })
}

/// Checks the text of `overrides.toml`; `path` is what it is called.
///
/// # Errors
/// Everything that is wrong with it, in the file's order; never empty.
pub fn check(path: &Path, text: &str, topics: &[Topic]) -> Result<Overrides, Vec<Problem>> {
    let mut report = Report::new(path, text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        report.syntax(error.span(), error.message());
    }
    let top = Fields::open(&mut report, TOP, 0..0, document.get_ref(), TABLES);
    let overrides = Overrides {
        path: path.to_owned(),
        records: records(&mut report, &top, topics),
        stories: stories(&mut report, &top),
        takedowns: takedowns(&mut report, &top),
        sources: sources(&mut report, &top),
    };
    let problems = report.finish();
    if problems.is_empty() { Ok(overrides) } else { Err(problems) }
}

fn records(report: &mut Report, top: &Fields, topics: &[Topic]) -> BTreeMap<String, RecordWord> {
    let mut records = BTreeMap::new();
    let mut lines: HashMap<String, usize> = HashMap::new();
    for table in top.tables(report, "record", "[[record]]", RECORD_KEYS) {
        let at = table.required(report, "url", "url = \"https://…\", the record's clean URL");
        let url = at.as_ref().and_then(|at| web_address(report, at));
        let add = categories(report, &table, "add", topics);
        let word = RecordWord {
            add: add.iter().map(|(_, topic)| topic.clone()).collect(),
            remove: categories(report, &table, "remove", topics).into_iter().map(|(_, t)| t.slug).collect(),
            hide: table.flag(report, "hide"),
            pin: table.flag(report, "pin"),
            title: table.text(report, "title").map(|text| text.value.to_owned()),
            by: table.text(report, "by").map(|text| text.value.to_owned()),
        };
        for (at, topic) in add {
            if word.remove.contains(&topic.slug) {
                let what = format!("\"{}\" is under both add and remove", topic.category);
                report.wrong(at.span, what, "remove it from one of the two");
            }
        }
        let (Some(at), Some(url)) = (at, url) else { continue };
        let line = report.line(at.span.start);
        if let Some(other) = lines.insert(url.clone(), line) {
            report.wrong(at.span, format!("{url} is already on line {other}"), "make them one [[record]]");
            continue;
        }
        records.insert(url, word);
    }
    records
}

fn categories<'a>(report: &mut Report, table: &Fields<'a>, key: &str, topics: &[Topic]) -> Vec<(At<&'a str>, DraftTopic)> {
    let mut found = Vec::new();
    for text in table.texts(report, key) {
        match topics.iter().find(|t| t.category == text.value) {
            Some(topic) => found.push((text, DraftTopic { slug: topic.slug.clone(), category: topic.category.clone() })),
            None => {
                let what = format!("unknown category \"{}\": there is no [[topic]] of that name", text.value);
                report.wrong(text.span, what, suggest(text.value, topics.iter().map(|t| t.category.as_str())));
            }
        }
    }
    found
}

fn stories(report: &mut Report, top: &Fields) -> StoryWords {
    let mut words = StoryWords::default();
    let mut joined: HashMap<String, usize> = HashMap::new();
    let mut split = Vec::new();
    for table in top.tables(report, "story", "[[story]]", STORY_KEYS) {
        let urls = |report: &mut Report, key: &str| -> Vec<(At<String>, usize)> {
            let texts = table.texts(report, key);
            let at = |report: &mut Report, text: &At<&str>| {
                let value = web_address(report, text)?;
                Some((At { value, span: text.span.clone() }, report.line(text.span.start)))
            };
            texts.iter().filter_map(|text| at(report, text)).collect()
        };
        let (join, apart, prefer) = (urls(report, "join"), urls(report, "split"), urls(report, "prefer"));
        if join.is_empty() && apart.is_empty() && prefer.is_empty() {
            report.missing(table.span.clone(), "[[story]] says nothing", "add join = [\"…\", \"…\"], split = [\"…\"] or prefer = \"…\"");
        }
        if join.len() == 1 {
            report.wrong(join[0].0.span.clone(), "\"join\" needs two articles", "add the other one");
        }
        joined.extend(join.iter().map(|(at, line)| (at.value.clone(), *line)));
        if join.len() > 1 {
            words.join.push(join.into_iter().map(|(at, _)| at.value).collect());
        }
        words.split.extend(apart.iter().map(|(at, _)| at.value.clone()));
        split.extend(apart);
        words.prefer.extend(prefer.into_iter().map(|(at, _)| at.value));
    }
    for (at, _) in split {
        if let Some(line) = joined.get(&at.value) {
            let what = format!("{} is to stand alone, and is joined with others on line {line}", at.value);
            report.wrong(at.span, what, "remove one of the two");
        }
    }
    words
}

fn takedowns(report: &mut Report, top: &Fields) -> Takedowns {
    let mut takedowns = Takedowns::default();
    for table in top.tables(report, "takedown", "[[takedown]]", TAKEDOWN_KEYS) {
        let url = table.text(report, "url");
        let source = table.text(report, "source");
        let id = table.text(report, "id");
        if url.is_none() && source.is_none() && id.is_none() {
            report.missing(table.span.clone(), "[[takedown]] names nothing", "add url = \"…\" or source = \"…\"");
        }
        // `at` and `reason` are for people; what is lifted stays in the file for them too.
        for key in ["at", "reason"] {
            table.text(report, key);
        }
        let url = url.and_then(|url| web_address(report, &url));
        if table.text(report, "lifted").is_some() {
            continue;
        }
        takedowns.urls.extend(url);
        takedowns.sources.extend(source.map(|source| source.value.to_owned()));
        takedowns.ids.extend(id.map(|id| id.value.to_owned()));
    }
    takedowns
}

/// Sources that are not followed any more may stand here too: their editor's word is kept for when they are again.
fn sources(report: &mut Report, top: &Fields) -> BTreeMap<String, SourceWord> {
    let mut words = BTreeMap::new();
    for table in top.tables(report, "source", "[[source]]", SOURCE_KEYS) {
        let id = table.required(report, "id", "id = \"…\", the source's in feeds.toml");
        let url = table.text(report, "url").and_then(|text| web_url(report, &text, "url"));
        let kind = source::kind(report, &table);
        if url.is_none() && !table.has("kind") {
            report.missing(table.span.clone(), "[[source]] says nothing", "add url = \"…\" or kind = \"…\"");
        }
        let (Some(id), Some(kind)) = (id, kind) else { continue };
        if words.insert(id.value.to_owned(), SourceWord { url, kind }).is_some() {
            report.wrong(id.span, format!("the source \"{}\" is here already", id.value), "make them one [[source]]");
        }
    }
    words
}

fn web_address(report: &mut Report, text: &At<&str>) -> Option<String> {
    let found = address(text.value);
    if found.is_none() {
        report.wrong(
            text.span.clone(),
            format!("\"{}\" is no address of an article", text.value),
            "write its URL, as `topicwire explain` shows it",
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics() -> Vec<Topic> {
        let text = "[site]\ntitle = \"T\"\nbase_url = \"https://a.example/\"\n[[source]]\nid = \"a\"\nurl = \"https://a.example/f\"\n\
                    [[topic]]\ncategory = \"V: One\"\nany = [\"x\"]\n[[topic]]\ncategory = \"V: Two\"\nany = [\"y\"]\n";
        super::super::check(Path::new("feeds.toml"), text).unwrap().topics
    }

    fn problems(text: &str) -> Vec<String> {
        check(Path::new("overrides.toml"), text, &topics()).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_said_is_read() {
        let text = "[[record]]\nurl = \"https://a.example/1?utm_source=x\"\nadd = [\"V: One\"]\nremove = \"V: Two\"\ntitle = \"Other\"\n\
                    [[story]]\njoin = [\"https://a.example/1\", \"https://a.example/2\"]\n[[story]]\nprefer = \"https://a.example/2\"\n";
        let overrides = check(Path::new("overrides.toml"), text, &topics()).unwrap();
        let word = &overrides.records["https://a.example/1"];
        assert_eq!((word.add[0].slug.as_str(), word.remove[0].as_str(), word.hide), ("v-one", "v-two", false));
        assert_eq!(overrides.stories.join[0].len(), 2);
        assert!(overrides.stories.prefer.contains("https://a.example/2"));
    }

    #[test]
    fn what_is_taken_down_is_so_by_address_id_or_source_until_it_is_lifted() {
        let text = "[[takedown]]\nurl = \"https://a.example/1?utm_source=x\"\nid = \"urn:1\"\nat = \"2026-11-21T10:00:00Z\"\nreason = \"asked\"\n\
                    [[takedown]]\nsource = \"b\"\n[[takedown]]\nurl = \"https://a.example/2\"\nlifted = \"2026-11-22T10:00:00Z\"\n";
        let overrides = check(Path::new("overrides.toml"), text, &topics()).unwrap();
        let set = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<BTreeSet<_>>();
        let expected = Takedowns { urls: set(&["https://a.example/1"]), ids: set(&["urn:1"]), sources: set(&["b"]) };
        assert_eq!(overrides.takedowns, expected);
        assert_eq!(overrides.changed_records(&Overrides::default()), ["https://a.example/1"]);
        assert_eq!(overrides.changed_sources(&Overrides::default()), ["b"]);
        assert!(problems("[[takedown]]\nreason = \"x\"\n")[0].contains("[[takedown]] names nothing"));
    }

    #[test]
    fn a_source_is_read_as_an_editor_said_until_nobody_says_so() {
        let text = "[site]\ntitle = \"T\"\nbase_url = \"https://a.example/\"\n[[source]]\nid = \"a\"\nurl = \"https://s.example/news\"\n\
                    kind = \"page\"\nselectors = { item = \"li\", skip = [\"/tv\"] }\nallow = [\"10.0.0.0/8\"]\n\
                    [[source]]\nid = \"b\"\nurl = \"https://b.example/\"\n";
        let mut site = super::super::check(Path::new("feeds.toml"), text).unwrap();
        let before = site.sources.clone();
        let read = |source: &Source| (source.url.to_string(), source.kind.clone(), source.access.clone());
        let word = |text: &str| check(Path::new("overrides.toml"), text, &[]).unwrap();
        site.overrides = word(
            "[[source]]\nid = \"a\"\nkind = \"page\"\nselectors = { item = \"article\" }\n[[source]]\nid = \"gone\"\nkind = \"feed\"\n",
        );
        site.heed();
        site.heed();
        let SourceKind::Page(selectors) = &site.sources[0].kind else { panic!() };
        assert_eq!((selectors.item.as_deref(), selectors.skip.as_slice()), (Some("article"), &["/tv".to_owned()][..]));
        assert_eq!(site.sources[0].access, before[0].access);
        site.overrides = word("[[source]]\nid = \"a\"\nurl = \"https://elsewhere.example/feed\"\n");
        site.heed();
        let (url, kind, access) = read(&site.sources[0]);
        assert_eq!((url.as_str(), kind), ("https://elsewhere.example/feed", SourceKind::Auto));
        assert!(access.allow.is_empty(), "the operator allowed another host");
        site.overrides = Overrides::default();
        site.heed();
        assert_eq!(site.sources.iter().map(read).collect::<Vec<_>>(), before.iter().map(read).collect::<Vec<_>>());
    }

    #[test]
    fn problems_are_told_with_their_line() {
        for (text, expected) in [
            ("[[record]]\nurl = \"https://a.example/1\"\nadd = [\"V: Won\"]\n", "overrides.toml:3:8: unknown category \"V: Won\""),
            ("[[record]]\nhide = true\n", "overrides.toml:1:1: missing \"url\""),
            ("[[record]]\nurl = \"nowhere\"\n", "overrides.toml:2:7: \"nowhere\" is no address"),
            (
                "[[record]]\nurl = \"https://a.example/1\"\nhide = \"yes\"\n",
                "overrides.toml:3:8: \"hide\" in [[record]] must be true or false",
            ),
            (
                "[[record]]\nurl = \"https://a.example/1\"\n[[record]]\nurl = \"https://a.example/1\"\n",
                "overrides.toml:4:7: https://a.example/1 is already on line 2",
            ),
            ("[[story]]\njoin = [\"https://a.example/1\"]\n", "overrides.toml:2:9: \"join\" needs two articles"),
            (
                "[[story]]\njoin = [\"https://a.example/1\", \"https://a.example/2\"]\nsplit = \"https://a.example/1\"\n",
                "overrides.toml:3:9: https://a.example/1 is to stand alone",
            ),
            ("[[source]]\nid = \"a\"\n", "overrides.toml:1:1: [[source]] says nothing"),
            ("[[source]]\nid = \"a\"\nkind = \"pages\"\n", "unknown kind \"pages\""),
            ("[[records]]\n", "unknown table \"records\""),
        ] {
            let found = problems(text);
            assert!(found.iter().any(|p| p.contains(expected)), "{expected} in {found:?}");
        }
    }
}
