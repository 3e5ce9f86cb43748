//! `[defaults]` and `[[source]]`.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use chrono::NaiveDate;
use chrono::format::{Item, StrftimeItems};
use chrono_tz::Tz;
use scraper::Selector;
use toml::de::DeValue;
use url::Url;

use super::access::{self, Published};
use super::fields::{At, Fields, spell_duration};
use super::problem::{Report, suggest};
use super::read::{id as read_id, is_duplicate, language, time_zone, web_url};
use super::site::{Enrich, FetchPolicy, FullText, NamedSection, PageSelectors, Source, SourceKind};
use crate::stage::schedule::Schedule;
use crate::stage::wordpress;

const DEFAULTS_KEYS: &[&str] =
    &["schedule", "time_zone", "language", "section", "curator", "entries_max", "excerpt_max", "enrich", "stories", "backfill"];
const SOURCE_KEYS: &[&str] = &[
    "id",
    "url",
    "title",
    "kind",
    "selectors",
    "curator",
    "section",
    "language",
    "time_zone",
    "schedule",
    "categories",
    "institution",
    "offering",
    "entries_max",
    "excerpt_max",
    "enrich",
    "stories",
    "backfill",
    "rights",
    "i_have_permission",
    "allow",
    "ports",
    "headers",
    "allow_http",
    "host_group",
];
const SELECTOR_KEYS: &[&str] = &["item", "title", "link", "summary", "date", "date_format", "image", "author", "skip", "next", "pages_max"];
const RIGHTS_KEYS: &[&str] = &["full_text", "allowed_by", "on", "where"];
const SCHEDULE_KEYS: &[&str] = &["cron", "time_zone"];
const KINDS: &[&str] = &["feed", "page", "sitemap", "wordpress", "opml"];

/// Polled this often where nothing else is said: publishers expect no more from strangers.
const DEFAULT_SCHEDULE: Duration = Duration::from_secs(3_600);

/// What sources refer to.
pub(super) struct Around<'a> {
    pub(super) curator: Option<&'a str>,
    pub(super) time_zone: Tz,
    pub(super) fetch: &'a FetchPolicy,
    pub(super) sections: &'a [NamedSection],
    /// What the site publishes itself.
    pub(super) published: Option<Published>,
    /// Indexes of topics by category.
    pub(super) topics: HashMap<&'a str, usize>,
    /// Where the configuration lies.
    pub(super) folder: &'a Path,
}

/// What `[defaults]` and a source may both set.
#[derive(Clone)]
struct Settings {
    /// Without one where it was wrong, or where nothing is set.
    schedule: Option<Schedule>,
    time_zone: Tz,
    language: Option<String>,
    section: usize,
    curator: Option<String>,
    entries_max: usize,
    excerpt_max_chars: usize,
    stories: bool,
    enrich: Enrich,
    backfill: bool,
}

/// The sources in the file's order; `None` for one that cannot be used, which is then reported.
pub(super) fn sources(report: &mut Report, top: &Fields, around: &Around) -> Vec<Option<Source>> {
    let table = top.table(report, "defaults", "[defaults]", DEFAULTS_KEYS);
    let plain = Settings {
        schedule: None,
        time_zone: around.time_zone,
        language: None,
        section: 0,
        curator: around.curator.map(str::to_owned),
        entries_max: 10_000,
        excerpt_max_chars: 300,
        stories: true,
        enrich: Enrich::default(),
        backfill: true,
    };
    let mut defaults = settings(report, &table, &plain, around.fetch.floor, around);
    if !table.has("schedule") {
        let gap = DEFAULT_SCHEDULE.max(around.fetch.floor);
        defaults.schedule = Schedule::parse(&spell_duration(gap), around.time_zone).ok();
    }
    let tables = top.tables(report, "source", "[[source]]", SOURCE_KEYS);
    if !top.has("source") {
        let remedy = "add [[source]] with id = \"…\" and url = \"https://…\"";
        report.missing(0..0, "there is no [[source]], so there is nothing to follow", remedy);
    }
    let mut lines = HashMap::new();
    let sources: Vec<_> = tables.iter().map(|table| source(report, table, &defaults, around, &mut lines)).collect();
    one_group_a_host(report, &tables, &sources);
    sources
}

fn source(report: &mut Report, table: &Fields, defaults: &Settings, around: &Around, lines: &mut HashMap<String, usize>) -> Option<Source> {
    let id =
        table.required(report, "id", "id = \"…\", a short name that never changes").and_then(|text| read_id(report, &text, "[[source]]"));
    let is_new = id.as_ref().is_none_or(|id| !is_duplicate(report, lines, id, "source"));
    let access = access::access(report, table);
    let host_group = table.text(report, "host_group").and_then(|text| read_id(report, &text, "host_group"));
    let kind = kind(report, table);
    let url = table.required(report, "url", "url = \"https://…\"").and_then(|text| {
        if let Some(url) = local_list(kind.as_ref(), text.value, around.folder) {
            return Some(url);
        }
        let url = web_url(report, &text, "url")?;
        let port = url.port_or_known_default().unwrap_or(80);
        if !matches!(port, 80 | 443) && !around.fetch.ports.contains(&port) && !access.ports.contains(&port) {
            report.wrong(text.span, format!("port {port} may not be reached"), format!("add ports = [{port}] to this source"));
            return None;
        }
        if around.published.as_ref().is_some_and(|published| published.holds(&url)) {
            let what = format!("\"{url}\" is published by this site itself, which would follow its own feeds");
            report.wrong(text.span, what, "name the feeds that its articles come from");
            return None;
        }
        // Asked where the posts are, whichever page of the site is named.
        Some(if kind == Some(SourceKind::WordPress) { wordpress::address(&url) } else { url })
    });
    let title = table.text(report, "title");
    let categories = categories(report, table, around);
    let institution = table.text(report, "institution");
    let offering = table.text(report, "offering");
    let rights = rights(report, table);
    let floor = if table.flag(report, "i_have_permission") { Duration::ZERO } else { around.fetch.floor };
    let settings = settings(report, table, defaults, floor, around);
    Some(Source {
        id: id.filter(|_| is_new)?.value,
        url: url?,
        kind: kind?,
        title: title.map(|text| text.value.to_owned()),
        curator: settings.curator,
        section: settings.section,
        language: settings.language,
        time_zone: settings.time_zone,
        schedule: settings.schedule?,
        floor,
        categories,
        institution: institution.map(|text| text.value.to_owned()),
        offering: offering.map(|text| text.value.to_owned()),
        entries_max: settings.entries_max,
        excerpt_max_chars: settings.excerpt_max_chars,
        stories: settings.stories,
        enrich: settings.enrich,
        backfill: settings.backfill,
        rights,
        access,
        host_group: host_group.map(|group| group.value),
        parent: None,
        configured: None,
    })
}

/// A list of feeds may be a file beside the configuration.
fn local_list(kind: Option<&SourceKind>, text: &str, folder: &Path) -> Option<Url> {
    if kind != Some(&SourceKind::Opml) || text.contains("://") {
        return None;
    }
    let path = std::path::absolute(folder.join(text)).ok()?;
    Url::from_file_path(path).ok()
}

/// A host has one budget, so its sources cannot share it with different groups.
fn one_group_a_host(report: &mut Report, tables: &[Fields], sources: &[Option<Source>]) {
    let mut groups: HashMap<&str, &str> = HashMap::new();
    for (table, source) in tables.iter().zip(sources).filter_map(|(table, source)| Some((table, source.as_ref()?))) {
        let (Some(host), Some(group)) = (source.url.host_str(), source.host_group.as_deref()) else { continue };
        let first = *groups.entry(host).or_insert(group);
        if first != group {
            let span = table.get("host_group").map_or(table.span.clone(), |value| value.span());
            report.wrong(span, format!("{host} is already in the host_group \"{first}\""), "give all sources of a host the same group");
        }
    }
}

/// A table's own settings over those of `defaults`.
fn settings(report: &mut Report, table: &Fields, defaults: &Settings, floor: Duration, around: &Around) -> Settings {
    let section = table.text(report, "section").and_then(|text| {
        let index = around.sections.iter().position(|section| section.id == text.value);
        if index.is_none() {
            let remedy = suggest(text.value, around.sections.iter().map(|section| section.id.as_str()));
            report.missing(text.span, format!("unknown section \"{}\"", text.value), remedy);
        }
        index
    });
    let number = |number: Option<u64>, other| number.and_then(|number| usize::try_from(number).ok()).unwrap_or(other);
    Settings {
        schedule: if table.has("schedule") { schedule(report, table, floor, around) } else { defaults.schedule.clone() },
        time_zone: table.text(report, "time_zone").and_then(|text| time_zone(report, &text)).unwrap_or(defaults.time_zone),
        language: table.text(report, "language").and_then(|text| language(report, &text)).or_else(|| defaults.language.clone()),
        section: section.unwrap_or(defaults.section),
        curator: table.text(report, "curator").map(|text| text.value.to_owned()).or_else(|| defaults.curator.clone()),
        entries_max: number(table.number(report, "entries_max", 1..=100_000), defaults.entries_max),
        excerpt_max_chars: number(table.number(report, "excerpt_max", 0..=10_000), defaults.excerpt_max_chars),
        stories: table.flag_or(report, "stories", defaults.stories),
        enrich: enrich(report, table).unwrap_or(defaults.enrich),
        backfill: table.flag_or(report, "backfill", defaults.backfill),
    }
}

fn enrich(report: &mut Report, table: &Fields) -> Option<Enrich> {
    let text = table.text(report, "enrich")?;
    match text.value {
        "always" => Some(Enrich::Always),
        "when-missing" => Some(Enrich::WhenMissing),
        "never" => Some(Enrich::Never),
        other => {
            report.wrong(text.span, format!("\"enrich\" cannot be \"{other}\""), suggest(other, ["always", "when-missing", "never"]));
            None
        }
    }
}

/// Leave to publish whole texts, with the note on it that must not be missing (acceptance P1).
fn rights(report: &mut Report, table: &Fields) -> Option<FullText> {
    let inner = table.table(report, "rights", "rights", RIGHTS_KEYS);
    let text = |report: &mut Report, key: &str| inner.text(report, key).map(|text| text.value.to_owned());
    let (allowed_by, written) = (text(report, "allowed_by"), text(report, "where"));
    let on = match inner.get("on").map(|value| (value.span(), value.get_ref())) {
        // TOML's own date, or the same as text.
        Some((span, DeValue::Datetime(date))) => Some((span, date.to_string())),
        Some(_) => inner.text(report, "on").map(|text| (text.span, text.value.to_owned())),
        None => None,
    };
    let on = on.and_then(|(span, text)| {
        let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok();
        if day.is_none() {
            report.wrong(span, format!("\"on\" in rights is no day: \"{text}\""), "write one such as 2026-01-05");
        }
        day
    });
    if !inner.flag(report, "full_text") {
        return None;
    }
    let missing: Vec<&str> = ["allowed_by", "on", "where"].into_iter().filter(|key| !inner.has(key)).collect();
    if !missing.is_empty() {
        let what = format!("whole texts may be published only with a note on the leave for it, and {} is missing", missing.join(", "));
        let remedy = "add allowed_by = \"who allowed it\", on = 2026-01-05, where = \"where that is written\", or remove full_text";
        report.missing(inner.span.clone(), what, remedy);
    }
    Some(FullText { allowed_by: allowed_by?, on: on?, written: written? })
}

/// An interval or cron fields in the site's zone, or a table that names another zone.
fn schedule(report: &mut Report, table: &Fields, floor: Duration, around: &Around) -> Option<Schedule> {
    let (text, zone) = match table.get("schedule")?.get_ref() {
        DeValue::Table(_) => {
            let inner = table.table(report, "schedule", "schedule", SCHEDULE_KEYS);
            let text = inner.required(report, "cron", "cron = \"0 6 * * *\"");
            let zone = inner.text(report, "time_zone").and_then(|text| time_zone(report, &text));
            (text?, zone.unwrap_or(around.time_zone))
        }
        _ => (table.text(report, "schedule")?, around.time_zone),
    };
    let At { value, span } = text;
    let schedule = match Schedule::parse(value, zone) {
        Ok(schedule) => schedule,
        Err(error) => {
            let remedy = "write an interval such as \"30m\", five cron fields such as \"*/30 6-20 * * 1-5\", or \"adaptive\"";
            report.wrong(span, format!("the schedule cannot be used: {error}"), remedy);
            return None;
        }
    };
    let gap = schedule.shortest_gap();
    if gap < floor && !schedule.is_adaptive() {
        let what =
            format!("\"{value}\" polls {} after the last time, sooner than the floor of {}", spell_duration(gap), spell_duration(floor));
        let remedy =
            format!("poll no more often than every {}, or add i_have_permission = true if the publisher agrees", spell_duration(floor));
        report.wrong(span, what, remedy);
        return None;
    }
    Some(schedule)
}

fn categories(report: &mut Report, table: &Fields, around: &Around) -> Vec<usize> {
    let mut categories = Vec::new();
    for text in table.texts(report, "categories") {
        match around.topics.get(text.value) {
            Some(index) if !categories.contains(index) => categories.push(*index),
            Some(_) => {}
            None => {
                let mut known: Vec<&str> = around.topics.keys().copied().collect();
                known.sort_unstable();
                let what = format!("unknown category \"{}\": there is no [[topic]] of that name", text.value);
                report.missing(text.span, what, suggest(text.value, known));
            }
        }
    }
    categories
}

/// How a source is read: `kind`, and `selectors` where it is a page.
pub(super) fn kind(report: &mut Report, table: &Fields) -> Option<SourceKind> {
    let named = table.text(report, "kind");
    let kind = match named.as_ref().map_or("auto", |text| text.value) {
        "auto" if named.is_none() => SourceKind::Auto,
        "feed" => SourceKind::Feed,
        "page" => return Some(SourceKind::Page(Box::new(selectors(report, table)))),
        "sitemap" => SourceKind::Sitemap,
        "wordpress" => SourceKind::WordPress,
        "opml" => SourceKind::Opml,
        other => {
            let what = format!("unknown kind \"{other}\" in [[source]]");
            report.wrong(named?.span, what, suggest(other, KINDS.iter().copied()));
            return None;
        }
    };
    if let Some(selectors) = table.get("selectors") {
        let what = "\"selectors\" are for pages, and this source is not said to be one";
        report.wrong(selectors.span(), what, "set kind = \"page\", or remove them");
    }
    Some(kind)
}

fn selectors(report: &mut Report, table: &Fields) -> PageSelectors {
    let inner = table.table(report, "selectors", "selectors", SELECTOR_KEYS);
    let mut selector = |key: &str| {
        let text = inner.text(report, key)?;
        if Selector::parse(text.value).is_ok() {
            return Some(text.value.to_owned());
        }
        let what = format!("\"{key}\" in selectors is no CSS selector: \"{}\"", text.value);
        report.wrong(text.span, what, "write one such as \"div.date\" or \"h3 a[href]\"");
        None
    };
    let [item, title, link, summary, date, image, author, next] =
        ["item", "title", "link", "summary", "date", "image", "author", "next"].map(&mut selector);
    // Without `item` the list is found by itself, and these would be passed over in silence.
    if !inner.has("item")
        && let Some(key) = ["title", "link", "summary", "date", "image", "author"].into_iter().find(|key| inner.has(key))
    {
        let what = format!("\"{key}\" in selectors is looked for inside an \"item\", and there is none");
        report.missing(inner.span.clone(), what, "add item = \"article\", or leave the selectors to the program");
    }
    let date_format = inner.text(report, "date_format").and_then(|text| {
        if !StrftimeItems::new(text.value).any(|item| item == Item::Error) {
            return Some(text.value.to_owned());
        }
        let what = format!("\"date_format\" in selectors is no format: \"{}\"", text.value);
        report.wrong(text.span, what, "write strftime letters, such as \"%B %d, %Y\"");
        None
    });
    let mut skip = Vec::new();
    for text in inner.texts(report, "skip") {
        if text.value.starts_with('/') {
            skip.push(text.value.to_owned());
        } else {
            let what = format!("\"{}\" under skip in selectors is no path", text.value);
            report.wrong(text.span, what, "begin it with a slash, such as \"/news/videos\"");
        }
    }
    let pages_max = inner.number(report, "pages_max", 1..=20).and_then(|number| usize::try_from(number).ok()).unwrap_or(1);
    PageSelectors { item, title, link, summary, date, date_format, image, author, skip, next, pages_max }
}
