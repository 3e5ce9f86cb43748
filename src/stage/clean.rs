//! Clean URLs: one article, one address.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use url::{Url, form_urlencoded};

/// Longer addresses are refused: servers take about 8,000 bytes, and records, ids and file names are made of these.
const URL_MAX_BYTES: usize = 8 * 1024;

/// The maintained list; its head says how to read it.
static TRACKING: LazyLock<Rules> = LazyLock::new(|| Rules::read(include_str!("tracking-parameters.txt")));

/// Pages that only send the reader on, and the parameters that hold where to.
const REDIRECTORS: [(&str, &str, &[&str]); 14] = [
    ("google.*", "/url", &["url", "q"]),
    ("news.google.com", "/news/url", &["url"]),
    ("l.facebook.com", "/l.php", &["u"]),
    ("lm.facebook.com", "/l.php", &["u"]),
    ("l.instagram.com", "/", &["u"]),
    ("out.reddit.com", "", &["url"]),
    ("linkedin.com", "/redir/redirect", &["url"]),
    ("t.umblr.com", "/redirect", &["z"]),
    ("slack-redir.net", "/link", &["url"]),
    ("away.vk.com", "/away.php", &["to"]),
    ("youtube.com", "/redirect", &["q"]),
    ("duckduckgo.com", "/l/", &["uddg"]),
    ("bing.com", "/news/apiclick.aspx", &["url"]),
    ("safelinks.protection.outlook.com", "/", &["url"]),
];

/// The clean form of an article's address, or `None` if it is none that a browser could open: not `http` or `https`, relative without
/// a `base`, or longer than 8 KiB.
///
/// Host in lower case, default port, user name, password and fragment gone (`#!` routes stay), tracking parameters dropped by
/// `tracking-parameters.txt`, the others as and in the order they were. Redirectors that carry the target in their query (Google's, Facebook's
/// and others') are replaced by the target. Cleaning a clean address changes nothing.
#[must_use]
pub fn clean_url(original: &str, base: Option<&Url>) -> Option<Url> {
    let mut url = web_url(original, base)?;
    // Each target is shorter than the redirector around it, so this ends.
    while let Some(target) = target(&url) {
        url = target;
    }
    // Both fail only for URLs that cannot have a user, which http and https can.
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    if !url.fragment().is_some_and(|fragment| fragment.starts_with('!')) {
        url.set_fragment(None);
    }
    if let Some(query) = url.query() {
        let host = url.host_str().unwrap_or_default();
        let kept: Vec<&str> = query.split('&').filter(|part| !part.is_empty() && !TRACKING.holds(host, part)).collect();
        let kept = kept.join("&");
        url.set_query(Some(kept.as_str()).filter(|query| !query.is_empty()));
    }
    Some(url)
}

fn web_url(original: &str, base: Option<&Url>) -> Option<Url> {
    if original.len() > URL_MAX_BYTES {
        return None;
    }
    // An empty link would be the base itself, which is no article.
    let url = Url::options().base_url(base).parse(Some(original.trim()).filter(|text| !text.is_empty())?).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.as_str().len() <= URL_MAX_BYTES).then_some(url)
}

/// Where a redirector leads, if `url` is one and says so.
fn target(url: &Url) -> Option<Url> {
    let host = url.host_str()?;
    let (_, _, names) = REDIRECTORS.iter().find(|(suffix, path, _)| is_under(host, suffix) && (path.is_empty() || url.path() == *path))?;
    let target = names.iter().find_map(|name| url.query_pairs().find(|(key, _)| key == name))?.1;
    web_url(&target, None).filter(|target| target.as_str().len() < url.as_str().len())
}

/// Whether `host` is `suffix` or below it; `google.*` stands for Google's address in any country.
fn is_under(host: &str, suffix: &str) -> bool {
    if let Some(name) = suffix.strip_suffix(".*") {
        let host = host.strip_prefix("www.").unwrap_or(host);
        return host.strip_prefix(name).is_some_and(|end| matches!(end.len(), 3..=7) && end.starts_with('.'));
    }
    host.strip_suffix(suffix).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// The tracking parameters, names in lower case.
#[derive(Debug, Default)]
struct Rules {
    names: HashSet<String>,
    prefixes: Vec<String>,
    /// Names that are dropped only where they have no value.
    empty: HashSet<String>,
    hosts: HashMap<String, HashSet<String>>,
}

impl Rules {
    fn read(list: &str) -> Self {
        let mut rules = Self::default();
        for line in list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let line = line.to_ascii_lowercase();
            let mut words = line.split_whitespace().map(str::to_owned);
            let Some(first) = words.next() else { continue };
            let names: HashSet<String> = words.collect();
            if !names.is_empty() {
                rules.hosts.entry(first).or_default().extend(names);
            } else if let Some(prefix) = first.strip_suffix('*') {
                rules.prefixes.push(prefix.to_owned());
            } else if let Some(name) = first.strip_suffix('=') {
                rules.empty.insert(name.to_owned());
            } else {
                rules.names.insert(first);
            }
        }
        rules
    }

    /// Whether `part` of a query on `host` (lower case) is a tracking parameter.
    fn holds(&self, host: &str, part: &str) -> bool {
        let Some((name, value)) = form_urlencoded::parse(part.as_bytes()).next() else { return false };
        let name = name.to_ascii_lowercase();
        // `&amp;` for `&`: the markup's escape was never resolved.
        let name = name.trim_start_matches("amp;");
        if self.names.contains(name) || self.prefixes.iter().any(|prefix| name.starts_with(prefix)) {
            return true;
        }
        if value.is_empty() && self.empty.contains(name) {
            return true;
        }
        let mut under = Some(host);
        while let Some(host) = under {
            if self.hosts.get(host).is_some_and(|names| names.contains(name)) {
                return true;
            }
            under = host.split_once('.').map(|(_, parent)| parent);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::shared;

    fn clean(original: &str) -> String {
        clean_url(original, None).map(String::from).unwrap_or_default()
    }

    #[test]
    fn addresses_become_one() {
        for (original, wanted) in [
            ("HTTPS://User:Pw@Example.ORG:443/A/b?#top", "https://example.org/A/b"),
            ("http://example.org:8080/a", "http://example.org:8080/a"),
            ("  https://example.org/a\n", "https://example.org/a"),
            ("https://example.org/#!/news/1", "https://example.org/#!/news/1"),
            ("https://example.org/a#.XMK7XmhKhPY", "https://example.org/a"),
            ("https://example.org/?b=2&a=1&&c", "https://example.org/?b=2&a=1&c"),
            ("https://example.org/?q=a+b%20c&x=%C3%A4", "https://example.org/?q=a+b%20c&x=%C3%A4"),
            ("https://example.org/?utm_source=x&id=7&UTM_Medium=y", "https://example.org/?id=7"),
            ("https://example.org/?id=7&amp;utm_source=x&amp;fbclid=y", "https://example.org/?id=7"),
            ("https://example.org/?%75tm_source=x", "https://example.org/"),
            ("https://example.org/a?amp=&amp=&partner=newsletter", "https://example.org/a?partner=newsletter"),
            ("https://example.org/a?amp=1", "https://example.org/a?amp=1"),
            ("https://www.fastcompany.com/1/a?amp=&campaign_date=1&partner=newsletter&position=2", "https://www.fastcompany.com/1/a"),
            ("https://academic.oup.com/a/1?searchresult=1&redirectedFrom=fulltext", "https://academic.oup.com/a/1"),
            ("https://example.org/a?searchresult=1", "https://example.org/a?searchresult=1"),
            ("https://www.wsj.com/articles/a-1?mod=x&mod=&mod=y", "https://www.wsj.com/articles/a-1"),
            ("https://example.org/a?mod=3", "https://example.org/a?mod=3"),
            ("https://notwsj.com/a?mod=3", "https://notwsj.com/a?mod=3"),
            ("https://www.example.org/author.asp?section_id=36&doc_id=13", "https://www.example.org/author.asp?section_id=36&doc_id=13"),
            ("https://example.org/?utmost=1&id=2", "https://example.org/?utmost=1&id=2"),
            ("https://bücher.example/ä", "https://xn--bcher-kva.example/%C3%A4"),
        ] {
            assert_eq!(clean(original), wanted, "{original}");
        }
    }

    #[test]
    fn what_no_browser_opens_is_no_address() {
        for original in
            ["", "/a", "javascript:alert(1)", "mailto:a@example.org", "ftp://example.org/", "http://", "https://exa mple.org/", "data:,x"]
        {
            assert_eq!(clean_url(original, None), None, "{original}");
        }
        assert_eq!(clean_url(&format!("https://example.org/{}", "a".repeat(9_000)), None), None);
        let base = Url::parse("https://example.org/news/").expect("url");
        assert_eq!(clean_url("../a?utm_id=1", Some(&base)).map(String::from).as_deref(), Some("https://example.org/a"));
        assert_eq!(clean_url("//b.example/x", Some(&base)).map(String::from).as_deref(), Some("https://b.example/x"));
        assert_eq!(clean_url(" ", Some(&base)), None);
    }

    #[test]
    fn redirectors_are_unwrapped() {
        for (original, wanted) in [
            ("https://www.google.com/url?sa=t&url=https%3A%2F%2Fexample.org%2Fa%3Fid%3D1%26utm_id%3D2&usg=x", "https://example.org/a?id=1"),
            ("https://www.google.co.uk/url?q=https://example.org/a", "https://example.org/a"),
            ("https://l.facebook.com/l.php?u=https%3A%2F%2Fexample.org%2Fa%3Ffbclid%3Dx&h=y", "https://example.org/a"),
            (
                "https://www.google.com/url?url=https%3A%2F%2Fl.facebook.com%2Fl.php%3Fu%3Dhttps%253A%252F%252Fexample.org%252F",
                "https://example.org/",
            ),
            ("https://www.google.com/url?url=javascript:alert(1)", "https://www.google.com/url?url=javascript:alert(1)"),
            ("https://www.google.com/search?q=https://example.org/", "https://www.google.com/search?q=https://example.org/"),
            ("https://google.example.com/url?url=https://example.org/", "https://google.example.com/url?url=https://example.org/"),
            ("https://example.org/share?url=https://example.com/", "https://example.org/share?url=https://example.com/"),
        ] {
            assert_eq!(clean(original), wanted, "{original}");
        }
    }

    #[test]
    fn what_names_content_is_never_dropped() {
        for name in [
            "id", "p", "v", "story", "article", "page_id", "doi", "doc_id", "post", "page", "q", "s", "lang", "date", "item", "nid", "news",
        ] {
            let part = format!("{name}=1");
            assert!(!TRACKING.holds("example.org", &part), "{name}");
            for host in TRACKING.hosts.keys() {
                assert!(!TRACKING.holds(host, &part), "{name} on {host}");
            }
        }
    }

    #[test]
    fn the_editors_links_stay_apart() {
        let Some(text) = shared::text("data/curated-dev.jsonl") else { return };
        let mut titles: HashMap<String, String> = HashMap::new();
        for line in text.lines() {
            let article: serde_json::Value = serde_json::from_str(line).expect("json");
            let (link, title) = (article["link"].as_str().expect("link"), article["title"].as_str().expect("title"));
            let cleaned = clean(link);
            assert!(!cleaned.is_empty(), "{link}");
            if link.contains(['?', '#']) {
                println!("{link} -> {cleaned}");
            }
            let known = titles.entry(cleaned).or_insert_with(|| title.to_owned());
            assert_eq!(known, title, "two articles at one address: {link}");
        }
        assert!(titles.len() > 300, "{}", titles.len());
    }

    proptest! {
        #[test]
        fn cleaning_is_done_once(
            prefix in proptest::sample::select(&["", "https://www.google.com/url?url=", "https://l.facebook.com/l.php?x=1&u="][..]),
            host in "(www\\.)?(example\\.org|wsj\\.com|nature\\.com)(:443|:80)?",
            path in "[a-z/.%]{0,10}",
            query in "([?&;#=]|amp|amp;|utm_x|id|mod|code|%26|%3D|!|é| ){0,10}",
        ) {
            let original = format!("{prefix}https://{host}/{path}{query}");
            if let Some(once) = clean_url(&original, None) {
                let twice = clean_url(once.as_str(), None);
                prop_assert_eq!(twice.as_ref(), Some(&once));
            }
        }

        #[test]
        fn any_text_is_survived(original in any::<String>()) {
            let base = Url::parse("https://example.org/").expect("url");
            if let Some(url) = clean_url(&original, Some(&base)) {
                prop_assert!(matches!(url.scheme(), "http" | "https"));
            }
        }
    }
}
