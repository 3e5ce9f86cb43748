//! What a source's own host is given that no other host gets, and which addresses are this site's own.

use std::fmt;

use ipnet::IpNet;
use toml::de::DeValue;
use url::Url;

use super::fields::Fields;
use super::problem::Report;
use super::site::{NamedSection, Site};

/// Longest value of a header, in bytes: servers refuse heads of more than about 8 KiB.
const HEADER_MAX_BYTES: usize = 4_096;

/// Headers that the fetcher sets itself, or that would change what an answer means.
const RESERVED: &[&str] = &[
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "range",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// What the own host of a source is given, and nobody else: no redirect passes it on to another host, and no other source inherits it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Networks outside the public internet in which the source's own host may lie.
    pub allow: Vec<IpNet>,
    /// Ports besides 80 and 443 on which its own host may be asked.
    pub ports: Vec<u16>,
    /// Header lines sent to its own origin (scheme, host and port).
    pub headers: Vec<(String, Secret)>,
    /// Its own host may redirect from https to http, where whoever is in between can read and change what comes (S6).
    pub allow_http: bool,
}

impl Access {
    /// What is left of it when a source that is configured as `own` is asked at `asked`, where it has moved to: nothing at another host,
    /// no headers at another origin. A move is the publisher's word, and the operator allowed a host, not a publisher.
    #[must_use]
    pub fn at(&self, own: &Url, asked: &Url) -> Self {
        if own.host() != asked.host() {
            return Self::default();
        }
        let headers = if own.origin() == asked.origin() { self.headers.clone() } else { Vec::new() };
        Self { headers, ..self.clone() }
    }
}

/// Text that is sent and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Reads `allow`, `ports`, `headers` and `allow_http` of a source.
pub(super) fn access(report: &mut Report, table: &Fields) -> Access {
    let ports = table.numbers(report, "ports", 1..=65_535);
    Access {
        allow: super::read::networks(report, table, "[[source]]"),
        ports: ports.into_iter().filter_map(|port| u16::try_from(port).ok()).collect(),
        headers: headers(report, table),
        allow_http: table.flag(report, "allow_http"),
    }
}

/// Values may be secrets, so no message repeats one.
fn headers(report: &mut Report, table: &Fields) -> Vec<(String, Secret)> {
    let Some(value) = table.get("headers") else { return Vec::new() };
    let remedy = "write headers = { Authorization = \"Bearer …\" }";
    let DeValue::Table(lines) = value.get_ref() else {
        report.wrong(value.span(), "\"headers\" in [[source]] must be a table of names and values", remedy);
        return Vec::new();
    };
    let mut headers = Vec::with_capacity(lines.len());
    for (name, value) in lines {
        let lower = name.get_ref().to_ascii_lowercase();
        let is_name = !lower.is_empty() && lower.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !is_name {
            report.wrong(name.span(), "a name under \"headers\" is no header's name", remedy);
        } else if RESERVED.contains(&lower.as_str()) || lower.starts_with("if-") || lower.starts_with("proxy-") {
            report.wrong(name.span(), format!("the header \"{lower}\" is not for a source to set"), "remove it");
        } else {
            match value.get_ref() {
                DeValue::String(text)
                    if (1..=HEADER_MAX_BYTES).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) =>
                {
                    headers.push((lower, Secret(text.trim().to_owned())));
                }
                _ => report.wrong(value.span(), format!("the header \"{lower}\" needs text of visible ASCII characters"), remedy),
            }
        }
    }
    headers
}

/// Tells this site's own feeds, pages and records from everything else: a site that follows itself would file its own output for ever.
#[derive(Clone, Debug)]
pub struct Published {
    base: Url,
    /// Folders below the base; each ends with a slash.
    folders: Vec<String>,
}

impl Published {
    pub(super) fn new(base: &Url, sections: &[NamedSection]) -> Self {
        let sections = sections.iter().map(|section| section.section.base_path.trim_start_matches('/').to_owned());
        Self { base: base.clone(), folders: std::iter::once("topic/".to_owned()).chain(sections).collect() }
    }

    /// Whether something that this site publishes is at `url`. Only the published folders count: other things may live on the same host.
    /// http and https on their own ports are one place.
    #[must_use]
    pub fn holds(&self, url: &Url) -> bool {
        let port = |url: &Url| url.port().unwrap_or(443);
        let host = |url: &Url| url.host_str().unwrap_or_default().trim_end_matches('.').to_owned();
        if host(url) != host(&self.base) || port(url) != port(&self.base) {
            return false;
        }
        url.path().strip_prefix(self.base.path()).is_some_and(|rest| {
            matches!(rest, "" | "index.html" | "opml.xml")
                || self.folders.iter().any(|folder| !folder.is_empty() && rest.starts_with(folder.as_str()))
        })
    }
}

impl Site {
    /// What this site publishes.
    #[must_use]
    pub fn published(&self) -> Published {
        Published::new(&self.base_url, &self.sections)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::check;

    const SITE: &str = "[site]\ntitle = \"T\"\nbase_url = \"https://wire.example/out\"\n";

    fn source(line: &str) -> String {
        format!("{SITE}[[source]]\nid = \"a\"\nurl = \"https://a.example/feed\"\n{line}\n")
    }

    fn said(text: &str) -> String {
        check(std::path::Path::new("f"), text).err().unwrap_or_default().iter().map(|problem| format!("{problem}\n")).collect()
    }

    #[test]
    fn a_source_has_networks_ports_and_headers_of_its_own() {
        let text = source("allow = [\"10.1.2.3/16\", \"::1\"]\nports = [8443]\nheaders = { X-Api-Key = \"k 1\" }\nhost_group = \"intra\"")
            .replace("https://a.example", "https://a.example:8443");
        let site = check(std::path::Path::new("f"), &text).unwrap();
        let source = &site.sources[0];
        assert_eq!(source.access.allow, ["10.1.0.0/16".parse().unwrap(), "::1/128".parse().unwrap()]);
        assert_eq!((source.access.ports.as_slice(), source.host_group.as_deref()), (&[8443][..], Some("intra")));
        assert_eq!(source.access.headers, [("x-api-key".to_owned(), Secret("k 1".to_owned()))]);
        assert!(!format!("{site:?}").contains("k 1"), "a secret is printed");
        assert!(site.fetch.allow.is_empty() && site.fetch.ports.is_empty());
    }

    #[test]
    fn a_move_takes_no_access_along() {
        let url = |text: &str| Url::parse(text).unwrap();
        let access = Access {
            allow: vec!["10.0.0.0/8".parse().unwrap()],
            ports: vec![8443],
            headers: vec![("x".to_owned(), Secret("hush".to_owned()))],
            allow_http: true,
        };
        let own = url("https://intra.example/feed");
        assert_eq!(access.at(&own, &url("https://intra.example/new")), access);
        assert_eq!(access.at(&own, &url("https://intra.example:8443/feed")), Access { headers: Vec::new(), ..access.clone() });
        assert_eq!(access.at(&own, &url("https://other.example/feed")), Access::default());
    }

    #[test]
    fn what_a_source_may_not_set_is_told_without_its_value() {
        for (line, told) in [
            ("allow = [\"intranet\"]", "\"intranet\" under \"allow\" in [[source]] is no network"),
            ("headers = { Host = \"hush\" }", "the header \"host\" is not for a source to set"),
            ("headers = { If-None-Match = \"hush\" }", "the header \"if-none-match\" is not for a source to set"),
            ("headers = { \"a b\" = \"hush\" }", "no header's name"),
            ("headers = { X = \"hush\\nhush\" }", "the header \"x\" needs text of visible ASCII"),
            ("headers = { X = 7 }", "the header \"x\" needs text"),
            ("headers = \"hush\"", "must be a table"),
            ("host_group = \"A B\"", "no id for"),
        ] {
            let said = said(&source(line));
            assert!(said.contains(told) && !said.contains("hush"), "{line}: {said}");
        }
    }

    #[test]
    fn two_groups_for_one_host_are_told() {
        let two = source("host_group = \"x\"") + "[[source]]\nid = \"b\"\nurl = \"https://a.example/2\"\nhost_group = \"y\"\n";
        assert!(said(&two).contains("a.example is already in the host_group \"x\""), "{}", said(&two));
        assert_eq!(said(&two.replace("\"y\"", "\"x\"")), "");
    }

    #[test]
    fn a_site_does_not_follow_itself() {
        let site = check(std::path::Path::new("f"), &source("")).unwrap();
        for (url, own) in [
            ("https://wire.example/out/", true),
            ("https://wire.example/out/topic/x/feed.atom", true),
            ("http://WIRE.example./out/topic/x/feed.atom?a=b", true),
            ("https://wire.example/out/opml.xml", true),
            ("https://wire.example/out/news/2026/a.md", true),
            ("https://wire.example/out/blog/feed.xml", false),
            ("https://wire.example/topic/x/feed.atom", false),
            ("https://wire.example:8443/out/topic/x/feed.atom", false),
            ("https://other.example/out/topic/x/feed.atom", false),
        ] {
            assert_eq!(site.published().holds(&Url::parse(url).unwrap()), own, "{url}");
        }
        let own = source("").replace("https://a.example/feed", "https://wire.example/out/topic/x/feed.rss");
        assert!(said(&own).contains("is published by this site itself"), "{}", said(&own));
    }
}
