//! Patterns of addresses.

use url::Url;

use crate::stage::robots;

/// Longest pattern in bytes.
const PATTERN_MAX_BYTES: usize = 2_048;

/// Which addresses an operator means: the beginning of a path, or of a whole address, in which `*` stands for anything and a `$` at the
/// end for the end, as in a `robots.txt` (RFC 9309 section 2.2.3). `http` or `https`, and `www.` before a host, do not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    host: Option<String>,
    path: Vec<u8>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it, a sentence fragment.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        if text.len() > PATTERN_MAX_BYTES {
            return Err("it is longer than an address may be");
        }
        if text.starts_with('/') {
            return Ok(Self { host: None, path: robots::uniform(text.as_bytes(), false) });
        }
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or("it begins with neither / nor https://")?;
        let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        if host.contains('*') {
            return Err("its host has a *");
        }
        // As addresses write it.
        let url = Url::parse(&format!("https://{host}/")).map_err(|_| "its host is none")?;
        let host = host_of(&url).ok_or("its host is none")?;
        Ok(Self { host: Some(host.to_owned()), path: robots::uniform(path.as_bytes(), false) })
    }

    /// Whether it means this address.
    #[must_use]
    pub fn matches(&self, url: &Url) -> bool {
        let is_there = self.host.as_deref().is_none_or(|host| host_of(url) == Some(host));
        is_there && robots::matches(&self.path, &robots::path_of(url))
    }
}

/// The host with its port, without `www.`.
fn host_of(url: &Url) -> Option<&str> {
    let host = url.host_str()?;
    let host = match url.port() {
        Some(_) => &url[url::Position::BeforeHost..url::Position::AfterPort],
        None => host,
    };
    Some(host.strip_prefix("www.").unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_what_begins_like_it() {
        for (pattern, address, is) in [
            ("/ency/", "https://medlineplus.gov/ency/article/1.htm", true),
            ("/ency/", "https://medlineplus.gov/about/ency/", false),
            ("/ency/", "https://medlineplus.gov/Ency/a", false),
            ("/*/ency/", "https://medlineplus.gov/spanish/ency/a", true),
            ("/*.html$", "https://medlineplus.gov/asthma.html", true),
            ("/*.html$", "https://medlineplus.gov/asthma.html?x=1", false),
            ("https://medlineplus.gov/ency/", "http://www.medlineplus.gov/ency/a", true),
            ("https://www.medlineplus.gov", "https://medlineplus.gov/ency/a", true),
            ("https://medlineplus.gov/ency/", "https://magazine.medlineplus.gov/ency/a", false),
            ("http://a.example:8080/x", "http://a.example:8080/xy", true),
            ("http://a.example/x", "http://a.example:8080/xy", false),
            ("/ä", "https://a.example/%C3%A4", true),
            ("/", "https://a.example/", true),
        ] {
            assert_eq!(Pattern::read(pattern).unwrap().matches(&Url::parse(address).unwrap()), is, "{pattern} {address}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        for text in ["", "ency", "*", "ftp://a.example/", "https://*.example/", "https:///x"] {
            assert!(Pattern::read(text).is_err(), "{text}");
        }
    }
}
