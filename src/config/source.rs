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
use super::site::{Enrich, FetchPolicy, Leave, Mode, NamedSection, PageSelectors, Reservations, Rights, Source, SourceKind};
use crate::stage::rights::{Licence, Pattern, attribution};
use crate::stage::schedule::Schedule;
use crate::stage::wordpress;

const DEFAULTS_KEYS: &[&str] = &[
    "schedule",
    "time_zone",
    "language",
    "section",
    "curator",
    "entries_max",
    "excerpt_max",
    "enrich",
    "stories",
    "backfill",
    "reservations",
];
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
    "reservations",
    "rights",
    "i_have_permission",
    "allow",
    "ports",
    "headers",
    "allow_http",
    "host_group",
];
const SELECTOR_KEYS: &[&str] = &["item", "title", "link", "summary", "date", "date_format", "image", "author", "skip", "next", "pages_max"];
const RIGHTS_KEYS: &[&str] = &["url", "mode", "full_text", "excerpt_max", "licence", "attribution", "allowed_by", "on", "where"];
const MODES: [Mode; 3] = [Mode::Title, Mode::Excerpt, Mode::FullText];
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
    reservations: Reservations,
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
        reservations: Reservations::default(),
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
    let floor = if table.flag(report, "i_have_permission") { Duration::ZERO } else { around.fetch.floor };
    let settings = settings(report, table, defaults, floor, around);
    let rights = rights(report, table, settings.excerpt_max_chars, !around.topics.is_empty());
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
        reservations: settings.reservations,
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
        reservations: reservations(report, table).unwrap_or(defaults.reservations),
    }
}

fn reservations(report: &mut Report, table: &Fields) -> Option<Reservations> {
    let text = table.text(report, "reservations")?;
    let known = [Reservations::Pass, Reservations::Rules, Reservations::Title, Reservations::Skip];
    let found = known.into_iter().find(|known| known.word() == text.value);
    if found.is_none() {
        let what = format!("\"reservations\" cannot be \"{}\"", text.value);
        report.wrong(text.span, what, suggest(text.value, known.map(Reservations::word)));
    }
    found
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

/// `rights`: one table, or several of which the first that means an article's address holds for it (acceptance P3).
fn rights(report: &mut Report, table: &Fields, excerpt_max_chars: usize, is_filed: bool) -> Vec<Rights> {
    let is_list = table.get("rights").is_some_and(|value| matches!(value.get_ref(), DeValue::Array(_)));
    let tables = match (table.has("rights"), is_list) {
        (false, _) => return Vec::new(),
        (true, true) => table.tables(report, "rights", "rights", RIGHTS_KEYS),
        (true, false) => vec![table.table(report, "rights", "rights", RIGHTS_KEYS)],
    };
    let catches_all = tables.iter().position(|table| !table.has("url"));
    if let Some(unreached) = catches_all.and_then(|at| tables.get(at + 1)) {
        let what = "these rights hold for nothing: those before them have no \"url\", and hold for every article";
        report.wrong(unreached.span.clone(), what, "put those without a \"url\" last");
    }
    tables.iter().filter_map(|table| right(report, table, excerpt_max_chars, is_filed)).collect()
}

/// One of a source's rights. Whole texts need a note on the leave for them (acceptance P1, P5).
fn right(report: &mut Report, table: &Fields, excerpt_max_chars: usize, is_filed: bool) -> Option<Rights> {
    let mut urls = Vec::new();
    for text in table.texts(report, "url") {
        match Pattern::read(text.value) {
            Ok(pattern) => urls.push(pattern),
            Err(why) => {
                let remedy = "write the beginning of a path, such as \"/ency/\", or of an address; * stands for anything";
                report.wrong(text.span, format!("\"{}\" under url in rights is no pattern: {why}", text.value), remedy);
            }
        }
    }
    let mode = mode(report, table);
    let own_max = table.number(report, "excerpt_max", 0..=10_000).and_then(|number| usize::try_from(number).ok());
    if let (Some(value), Some(mode @ (Mode::Title | Mode::FullText))) = (table.get("excerpt_max"), mode) {
        let what = format!("\"excerpt_max\" in rights means nothing beside mode = \"{}\"", mode.word());
        report.wrong(value.span(), what, "remove one of the two");
    }
    let licence = licence(report, table);
    let attribution = table.text(report, "attribution");
    if let Some((text, wrong)) = attribution.as_ref().and_then(|text| Some((text, attribution::fault(text.value)?))) {
        let remedy = format!("take {}", attribution::PLACEHOLDERS.map(|name| format!("{{{name}}}")).join(", "));
        report.wrong(text.span.clone(), format!("\"attribution\" in rights has {{{wrong}}}, which stands for nothing"), remedy);
    }
    let leave = leave(report, table, mode == Some(Mode::FullText));
    let is_excerpt = match mode {
        Some(mode) => mode == Mode::Excerpt,
        None => own_max.unwrap_or(excerpt_max_chars) > 0,
    };
    if let Some(At { value, span }) = &licence {
        for warning in Licence::read(value).map(|licence| licence.warnings(is_excerpt, is_filed)).unwrap_or_default() {
            let remedy = "be sure that this is no such use, have the publisher's leave, or publish its titles alone (mode = \"title\")";
            report.warn(span.clone(), warning, remedy);
        }
    }
    Some(Rights {
        urls,
        mode,
        excerpt_max_chars: own_max,
        licence: licence.map(|text| text.value.to_owned()),
        attribution: attribution.map(|text| text.value.to_owned()),
        leave: leave?,
    })
}

/// How much is published: `mode`, or `full_text` by its older name.
fn mode(report: &mut Report, table: &Fields) -> Option<Mode> {
    let is_full = table.flag(report, "full_text");
    let Some(text) = table.text(report, "mode") else { return is_full.then_some(Mode::FullText) };
    let Some(mode) = MODES.into_iter().find(|mode| mode.word() == text.value) else {
        let what = format!("\"mode\" in rights cannot be \"{}\"", text.value);
        report.wrong(text.span, what, suggest(text.value, MODES.map(Mode::word)));
        return None;
    };
    if is_full && mode != Mode::FullText {
        report.wrong(text.span, format!("\"mode\" in rights is \"{}\", and full_text says another", mode.word()), "remove one of the two");
    }
    Some(mode)
}

/// The licence, a name or an address. One that asks to be linked has to say where it is.
fn licence<'a>(report: &mut Report, table: &Fields<'a>) -> Option<At<&'a str>> {
    let text = table.text(report, "licence")?;
    if text.value.contains("://") {
        web_url(report, &text, "licence")?;
    } else if let Some(licence) = Licence::read(text.value).filter(|licence| licence.version.is_none()) {
        let what = format!("\"licence\" in rights has no version, by which {} is linked", licence.name());
        report.wrong(text.span.clone(), what, format!("write one such as \"{} 4.0\"", licence.name()));
    }
    Some(text)
}

/// The note on a publisher's leave, which must not be missing where whole texts are published. `None` where it is missing or wrong.
fn leave(report: &mut Report, table: &Fields, is_full: bool) -> Option<Option<Leave>> {
    let text = |report: &mut Report, key: &str| table.text(report, key).map(|text| text.value.to_owned());
    let (allowed_by, written) = (text(report, "allowed_by"), text(report, "where"));
    let on = match table.get("on").map(|value| (value.span(), value.get_ref())) {
        // TOML's own date, or the same as text.
        Some((span, DeValue::Datetime(date))) => Some((span, date.to_string())),
        Some(_) => table.text(report, "on").map(|text| (text.span, text.value.to_owned())),
        None => None,
    };
    let on = on.and_then(|(span, text)| {
        let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok();
        if day.is_none() {
            report.wrong(span, format!("\"on\" in rights is no day: \"{text}\""), "write one such as 2026-01-05");
        }
        day
    });
    let missing: Vec<&str> = ["allowed_by", "on", "where"].into_iter().filter(|key| !table.has(key)).collect();
    if is_full && !missing.is_empty() {
        let what = format!("whole texts may be published only with a note on the leave for it, and {} is missing", missing.join(", "));
        let remedy = "add allowed_by = \"who allowed it\", on = 2026-01-05, where = \"where that is written\", or remove full_text";
        report.missing(table.span.clone(), what, remedy);
    }
    match (allowed_by, on, written) {
        (Some(allowed_by), Some(on), Some(written)) => Some(Some(Leave { allowed_by, on, written })),
        // A note in parts is as good as none where none is needed.
        _ => (!is_full).then_some(None),
    }
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
