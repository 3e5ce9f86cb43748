//! The file's tables to the checked [`Site`], sources apart.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use chrono_tz::{TZ_VARIANTS, Tz};
use ipnet::IpNet;
use toml::de::DeTable;
use url::Url;

use super::access::Published;
use super::fields::{At, Fields, TOP};
use super::overrides::Overrides;
use super::problem::{Report, suggest};
use super::site::{DeskPolicy, FetchPolicy, HubPolicy, Learned, NamedSection, PushPolicy, ServePolicy, Site, Topic};
use super::source::{self, Around};
use super::topics::{self, Included};
use crate::record::Section;
use crate::stage::naming::slug;
use crate::syntax::is_language_tag;

const TABLES: &[&str] = &["site", "serve", "fetch", "push", "hub", "defaults", "section", "source", "topic", "hugo", "desk"];
const SITE_KEYS: &[&str] = &[
    "title",
    "base_url",
    "contact",
    "operator",
    "theme",
    "curator",
    "time_zone",
    "language",
    "output",
    "store",
    "listen",
    "offerings",
    "overrides",
    "topics_file",
    "model",
    "model_confidence",
];
const PUSH_KEYS: &[&str] = &["subscribe", "callback_base"];
const HUB_KEYS: &[&str] = &["announce", "own"];
const FETCH_KEYS: &[&str] = &[
    "concurrency",
    "host_gap",
    "floor",
    "timeout",
    "connect_timeout",
    "first_byte_timeout",
    "wire_max",
    "body_max",
    "allow",
    "ports",
    "proxy",
    "article_budget",
];
const SERVE_KEYS: &[&str] = &["status", "connections", "cache_max"];
const SECTION_KEYS: &[&str] = &["id", "base_path", "identifier", "mast_head", "search_category", "tags", "content_categories", "archetype"];

/// The id of the section that is always there.
const DEFAULT_SECTION: &str = "news";

/// Reads the whole file; what is wrong with it goes to the report, and then there may be no site.
pub(super) fn site<'a>(report: &mut Report<'a>, included: &mut [Included<'a>], path: &Path, document: &DeTable) -> Option<Site> {
    let top = Fields::open(report, TOP, 0..0, document, TABLES);
    let table = top.table(report, "site", "[site]", SITE_KEYS);
    let title = table.required(report, "title", "title = \"…\", the name that readers see");
    let base_url = table
        .required(report, "base_url", "base_url = \"https://feeds.example.org/\", where output/ will be reached")
        .and_then(|text| base_url(report, &text, "base_url"));
    let contact = table.text(report, "contact").and_then(|text| contact(report, &text));
    let operator = table.text(report, "operator").map(|text| text.value.to_owned());
    let theme = table.text(report, "theme").map(|text| super::beside(path, text.value));
    let curator = table.text(report, "curator").map(|text| text.value.to_owned());
    let time_zone = table.text(report, "time_zone").and_then(|text| time_zone(report, &text)).unwrap_or(Tz::UTC);
    let language = table.text(report, "language").and_then(|text| language(report, &text)).unwrap_or_else(|| "en".to_owned());
    let beside = |text: &str| super::beside(path, text);
    let output = table.text(report, "output");
    let store = beside(table.text(report, "store").map_or("topicwire.db", |text| text.value));
    let output_path = beside(output.as_ref().map_or("output", |text| text.value));
    for (inside, what) in [(path, "this file"), (&*store, "the store")] {
        if lexical(inside).starts_with(lexical(&output_path)) {
            let span = output.as_ref().map_or(table.span.clone(), |text| text.span.clone());
            report.wrong(span, format!("{what} lies inside \"output\", which is published"), "give output a folder of its own");
        }
    }
    let listen = table.text(report, "listen").and_then(|text| listen(report, &text));
    let offerings = table.text(report, "offerings").map(|text| beside(text.value));
    let overrides = beside(table.text(report, "overrides").map_or("overrides.toml", |text| text.value));
    let hugo = top.table(report, "hugo", "[hugo]", &["read_back"]);
    let read_back = hugo.flag_or(report, "read_back", true);
    let desk = desk(report, &top, path);
    let fetch = fetch(report, &top);
    let push = top.table(report, "push", "[push]", PUSH_KEYS);
    let subscribe = push.flag(report, "subscribe");
    let callback_base = push.text(report, "callback_base").and_then(|text| self::base_url(report, &text, "callback_base"));
    let hub = hub(report, &top);
    let sections = sections(report, &top);
    let mut topics = topics::read(report, included, &top);
    let model = topics::model(report, path, &table);
    let around = Around {
        curator: curator.as_deref(),
        time_zone,
        fetch: &fetch,
        sections: &sections,
        published: base_url.as_ref().map(|base| Published::new(base, &sections)),
        topics: topics.by_category(),
        folder: path.parent().unwrap_or(Path::new("")),
    };
    let sources = source::sources(report, &top, &around);
    let fixed = sources.iter().flatten().flat_map(|source| &source.categories).copied().collect();
    topics.check_reach(report, included, &fixed);
    Some(Site {
        path: path.to_owned(),
        title: title?.value.to_owned(),
        push: PushPolicy { subscribe, callback_base: callback_base.or_else(|| base_url.clone())? },
        hub,
        base_url: base_url?,
        contact,
        operator,
        curator,
        language,
        time_zone,
        output: output_path,
        store,
        listen: listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080))),
        serve: serve(report, &top),
        theme,
        offerings,
        fetch,
        sections,
        sources: sources.into_iter().collect::<Option<_>>()?,
        topics: topics.finish(),
        model: model.ok()?,
        read_back,
        desk,
        overrides: Overrides { path: overrides, ..Overrides::default() },
        warnings: report.warnings(),
    })
}

/// Reads the topics and the model alone.
pub(super) fn topics<'a>(
    report: &mut Report<'a>,
    included: &mut [Included<'a>],
    path: &Path,
    document: &DeTable,
) -> Option<(Vec<Topic>, Option<Learned>)> {
    let top = Fields::open(report, TOP, 0..0, document, TABLES);
    if !top.has("topic") && included.is_empty() {
        report.missing(0..0, "there is no [[topic]]", "add [[topic]] with category = \"…\" and any = [\"…\"]");
    }
    let topics = topics::read(report, included, &top);
    let table = top.table(report, "site", "[site]", SITE_KEYS);
    let model = topics::model(report, path, &table).ok()?;
    Some((topics.finish(), model))
}

fn serve(report: &mut Report, top: &Fields) -> ServePolicy {
    let table = top.table(report, "serve", "[serve]", SERVE_KEYS);
    let default = ServePolicy::default();
    let connections = table.number(report, "connections", 1..=100_000).and_then(|number| usize::try_from(number).ok());
    let cache_max = table.bytes(report, "cache_max").and_then(|bytes| usize::try_from(bytes).ok());
    ServePolicy {
        status: table.flag_or(report, "status", default.status),
        connections: connections.unwrap_or(default.connections),
        cache_max_bytes: cache_max.unwrap_or(default.cache_max_bytes),
    }
}

fn desk(report: &mut Report, top: &Fields, path: &Path) -> Option<DeskPolicy> {
    if !top.has("desk") {
        return None;
    }
    let table = top.table(report, "desk", "[desk]", &["listen", "token_file"]);
    let at = table.text(report, "listen");
    let address = at.as_ref().and_then(|text| listen(report, text));
    if let (Some(text), Some(address)) = (at, address)
        && !address.ip().is_loopback()
    {
        let remedy = "write a loopback address such as \"127.0.0.1:8081\"; from elsewhere it is reached through a tunnel";
        report.wrong(text.span, format!("\"listen\" in [desk] would open the desk to others: {address}"), remedy);
    }
    Some(DeskPolicy {
        listen: address.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8081))),
        token_file: table.text(report, "token_file").map(|text| super::beside(path, text.value)),
    })
}

fn fetch(report: &mut Report, top: &Fields) -> FetchPolicy {
    let table = top.table(report, "fetch", "[fetch]", FETCH_KEYS);
    let s = Duration::from_secs;
    let allow = networks(report, &table, "[fetch]");
    let ports = table.numbers(report, "ports", 1..=65_535);
    FetchPolicy {
        concurrency: table.number(report, "concurrency", 1..=1_024).and_then(|number| usize::try_from(number).ok()).unwrap_or(32),
        host_gap: table.duration(report, "host_gap", s(0)..=s(3_600)).unwrap_or(s(1)),
        floor: table.duration(report, "floor", s(0)..=s(7 * 86_400)).unwrap_or(s(15 * 60)),
        timeout: table.duration(report, "timeout", s(1)..=s(600)).unwrap_or(s(30)),
        connect_timeout: table.duration(report, "connect_timeout", s(1)..=s(600)).unwrap_or(s(10)),
        first_byte_timeout: table.duration(report, "first_byte_timeout", s(1)..=s(600)).unwrap_or(s(20)),
        wire_max_bytes: table.bytes(report, "wire_max").unwrap_or(10 << 20),
        body_max_bytes: table.bytes(report, "body_max").unwrap_or(32 << 20),
        allow,
        ports: ports.into_iter().filter_map(|port| u16::try_from(port).ok()).collect(),
        proxy: super::proxy::proxy(report, &table),
        article_budget: table.duration(report, "article_budget", s(0)..=s(86_400)).unwrap_or(s(30)),
    }
}

fn hub(report: &mut Report, top: &Fields) -> HubPolicy {
    let table = top.table(report, "hub", "[hub]", HUB_KEYS);
    let mut announce: Vec<Url> = Vec::new();
    for text in table.texts(report, "announce") {
        announce.extend(web_url(report, &text, "announce").filter(|url| !announce.contains(url)));
    }
    HubPolicy { announce, own: table.flag(report, "own") }
}

/// The networks under `allow`.
pub(super) fn networks(report: &mut Report, table: &Fields, name: &str) -> Vec<IpNet> {
    let mut allow = Vec::new();
    for text in table.texts(report, "allow") {
        match text.value.parse::<IpNet>().or_else(|_| text.value.parse::<IpAddr>().map(IpNet::from)) {
            Ok(network) => allow.push(network.trunc()),
            Err(_) => report.wrong(
                text.span,
                format!("\"{}\" under \"allow\" in {name} is no network", text.value),
                "write an address and the length of its prefix, such as \"127.0.0.0/8\", or one address",
            ),
        }
    }
    allow
}

fn sections(report: &mut Report, top: &Fields) -> Vec<NamedSection> {
    let mut sections = vec![NamedSection { id: DEFAULT_SECTION.to_owned(), section: Section::default() }];
    let mut lines: HashMap<String, usize> = HashMap::new();
    for table in top.tables(report, "section", "[[section]]", SECTION_KEYS) {
        let Some(id) =
            table.required(report, "id", "id = \"…\", which sources name it by").and_then(|text| id(report, &text, "[[section]]"))
        else {
            continue;
        };
        if is_duplicate(report, &mut lines, &id, "section") {
            continue;
        }
        let model = Section::default();
        let name = if id.value == DEFAULT_SECTION { model.identifier } else { capital(&id.value) };
        let identifier = table.text(report, "identifier").map_or(name, |text| text.value.to_owned());
        let or = |text: Option<At<&str>>, other: String| text.map_or(other, |text| text.value.to_owned());
        let base_path = table.text(report, "base_path");
        if let Some(path) = &base_path {
            check_base_path(report, path);
        }
        let tags: Vec<String> = table.texts(report, "tags").into_iter().map(|tag| tag.value.to_owned()).collect();
        let section = Section {
            base_path: or(base_path, format!("/{}/", id.value)),
            mast_head: or(table.text(report, "mast_head"), identifier.to_uppercase()),
            search_category: or(table.text(report, "search_category"), identifier.clone()),
            tags: if tags.is_empty() { vec![identifier.clone()] } else { tags },
            content_categories: or(table.text(report, "content_categories"), model.content_categories),
            archetype: or(table.text(report, "archetype"), model.archetype),
            identifier,
        };
        if id.value == DEFAULT_SECTION {
            sections[0].section = section;
        } else {
            sections.push(NamedSection { id: id.value, section });
        }
    }
    sections
}

/// Records are written below this path, so it must stay inside `output/` and out of the topics' folder.
fn check_base_path(report: &mut Report, path: &At<&str>) {
    let inner = path.value.strip_prefix('/').and_then(|path| path.strip_suffix('/'));
    let is_plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
    if !inner.is_some_and(|inner| inner.split('/').all(is_plain)) {
        let remedy = "write a path such as \"/news/\", of lower-case letters, digits, - and _";
        report.wrong(path.span.clone(), format!("\"base_path\" in [[section]] is no folder: \"{}\"", path.value), remedy);
    } else if let Some(what) = ["topic", "source", "section", "archive", "push", "hub"]
        .iter()
        .find(|folder| inner.unwrap_or_default().split('/').next() == Some(folder))
    {
        report.wrong(
            path.span.clone(),
            format!("\"base_path\" in [[section]] is in a folder of the program's own: \"/{what}/\""),
            "take another path",
        );
    }
}

/// An id: lower-case letters, digits, `-` and `_`, at most 64.
pub(super) fn id(report: &mut Report, text: &At<&str>, name: &str) -> Option<At<String>> {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    if text.value.len() <= 64 && text.value.bytes().all(plain) {
        return Some(At { value: text.value.to_owned(), span: text.span.clone() });
    }
    let rule = "lower-case letters, digits, - and _, at most 64 of them";
    let slug: String = slug(text.value).chars().take(64).collect();
    let remedy = if slug.is_empty() { format!("take {rule}") } else { format!("write \"{slug}\": {rule}") };
    report.wrong(text.span.clone(), format!("\"{}\" is no id for {name}", text.value), remedy);
    None
}

/// Whether an id was there before; reported if so.
pub(super) fn is_duplicate(report: &mut Report, lines: &mut HashMap<String, usize>, id: &At<String>, what: &str) -> bool {
    let line = report.line(id.span.start);
    match lines.get(&id.value) {
        Some(other) => {
            report.wrong(id.span.clone(), format!("{what} \"{}\" is already on line {other}", id.value), "give each an id of its own");
            true
        }
        None => {
            lines.insert(id.value.clone(), line);
            false
        }
    }
}

/// An address that can be fetched or published: http or https, with a host, without credentials.
pub(super) fn web_url(report: &mut Report, text: &At<&str>, key: &str) -> Option<Url> {
    let remedy = match Url::parse(&format!("https://{}", text.value.trim_start_matches('/'))) {
        Ok(url) if !text.value.contains("//") && url.host_str().is_some_and(|host| host.contains('.')) => {
            format!("did you mean \"{url}\"?")
        }
        _ => "write the whole address, such as \"https://example.org/feed\"".to_owned(),
    };
    let (what, remedy) = match Url::parse(text.value) {
        Err(error) => (format!("\"{key}\" is no address: {error}"), remedy),
        Ok(url) if !matches!(url.scheme(), "http" | "https") => (format!("\"{key}\" must be http or https, not {}", url.scheme()), remedy),
        Ok(url) if url.host_str().is_none_or(str::is_empty) => (format!("\"{key}\" has no host"), remedy),
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            (format!("\"{key}\" holds a user name or password, which would be published"), "leave them out".to_owned())
        }
        Ok(url) => return Some(url),
    };
    report.wrong(text.span.clone(), what, remedy);
    None
}

fn base_url(report: &mut Report, text: &At<&str>, key: &str) -> Option<Url> {
    let mut url = web_url(report, text, key)?;
    if url.query().is_some() || url.fragment().is_some() {
        let what = format!("\"{key}\" has a query or a fragment, which no path can follow");
        report.wrong(text.span.clone(), what, "end it with a slash");
        return None;
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Some(url)
}

/// It goes into the User-Agent, so nothing but visible ASCII may be in it.
fn contact(report: &mut Report, text: &At<&str>) -> Option<String> {
    let is_url = Url::parse(text.value).is_ok_and(|url| matches!(url.scheme(), "http" | "https" | "mailto"));
    let is_mail = text.value.split_once('@').is_some_and(|(local, host)| !local.is_empty() && host.contains('.'));
    if (is_url || is_mail) && text.value.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'(' | b')')) {
        return Some(text.value.to_owned());
    }
    let remedy = "write an address such as \"https://example.org/about\" or \"mail@example.org\"";
    report.wrong(text.span.clone(), format!("\"contact\" is neither an address nor an e-mail address: \"{}\"", text.value), remedy);
    None
}

/// A time zone by its name in the IANA database.
pub(super) fn time_zone(report: &mut Report, text: &At<&str>) -> Option<Tz> {
    if let Ok(zone) = text.value.parse() {
        return Some(zone);
    }
    let remedy = suggest(text.value, TZ_VARIANTS.iter().map(|zone| zone.name()));
    report.wrong(text.span.clone(), format!("unknown time zone \"{}\"", text.value), remedy);
    None
}

/// A language tag in the form of BCP 47.
pub(super) fn language(report: &mut Report, text: &At<&str>) -> Option<String> {
    let primary = text.value.split('-').next().unwrap_or_default();
    if is_language_tag(text.value) && (2..=3).contains(&primary.len()) {
        return Some(text.value.to_owned());
    }
    report.wrong(text.span.clone(), format!("\"{}\" is no language tag", text.value), "write one such as \"en\", \"fi\" or \"en-US\"");
    None
}

fn listen(report: &mut Report, text: &At<&str>) -> Option<SocketAddr> {
    let address = text.value.replacen("localhost:", "127.0.0.1:", 1).parse().ok();
    if address.is_none() {
        let remedy = "write an IP address and a port, such as \"127.0.0.1:8080\" or \"[::]:8080\"";
        report.wrong(text.span.clone(), format!("\"listen\" cannot be listened on: \"{}\"", text.value), remedy);
    }
    address
}

/// The path without `.`, and without what `..` takes back, as far as that can be said without looking at the disk.
fn lexical(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().into_iter().flat_map(char::to_uppercase).chain(rest).collect()
}
