//! What a site lets robots fetch: `robots.txt` by RFC 9309.

use memchr::memmem;
use url::Url;

/// Of a longer file only this much is read (RFC 9309 section 2.5).
pub const ROBOTS_MAX_BYTES: usize = 500 * 1024;

/// Most rules kept of one file: each is compared with each address.
const RULES_MAX: usize = 10_000;

/// Most addresses of sitemaps kept of one file.
const SITEMAPS_MAX: usize = 1_000;

/// Most addresses of licences kept of one file.
const LICENCES_MAX: usize = 10;

/// Longer patterns match no address that servers take.
const PATTERN_MAX_BYTES: usize = 4 * 1024;

/// Longest pause that a site may ask for between two pages, in seconds (acceptance F34).
const CRAWL_DELAY_MAX_S: u64 = 60;

/// A `robots.txt`, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Robots {
    groups: Vec<Group>,
    sitemaps: Vec<String>,
    licences: Vec<String>,
    is_page: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Group {
    /// Product tokens in lower case; `*` for everyone.
    agents: Vec<String>,
    rules: Vec<Rule>,
    crawl_delay_s: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    allow: bool,
    /// With percent encoding made uniform.
    pattern: Vec<u8>,
}

/// Reads a `robots.txt`: a byte order mark is passed over, bytes that are not UTF-8 count as such, lines that say nothing are skipped,
/// and nothing is an error. An HTML page in its place has no rules.
#[must_use]
pub fn parse(bytes: &[u8]) -> Robots {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut robots = Robots::default();
    if bytes.trim_ascii_start().starts_with(b"<") {
        robots.is_page = true;
        return robots;
    }
    let (mut rules, mut naming) = (0, false);
    for line in bytes[..bytes.len().min(ROBOTS_MAX_BYTES)].split(|b| matches!(b, b'\n' | b'\r')) {
        let line = line.split(|b| *b == b'#').next().unwrap_or_default();
        let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
        let (key, value) = (line[..colon].trim_ascii().to_ascii_lowercase(), line[colon + 1..].trim_ascii());
        match key.as_slice() {
            b"user-agent" => {
                if !naming {
                    robots.groups.push(Group::default());
                    naming = true;
                }
                if let Some(group) = robots.groups.last_mut() {
                    group.agents.push(token(value));
                }
            }
            b"allow" | b"disallow" => {
                naming = false;
                // An empty pattern matches nothing; a rule before any group belongs to nobody.
                if let (false, true, Some(group)) = (value.is_empty(), value.len() <= PATTERN_MAX_BYTES, robots.groups.last_mut())
                    && rules < RULES_MAX
                {
                    rules += 1;
                    group.rules.push(Rule { allow: key == b"allow", pattern: uniform(value, false) });
                }
            }
            b"crawl-delay" => {
                naming = false;
                let seconds = str::from_utf8(value).ok().and_then(|text| text.parse::<f64>().ok()).filter(|s| *s >= 0.0);
                if let (Some(seconds), Some(group)) = (seconds, robots.groups.last_mut()) {
                    // Capped before it is made whole, so that it fits.
                    group.crawl_delay_s = Some(seconds.ceil().min(CRAWL_DELAY_MAX_S as f64) as u64);
                }
            }
            b"sitemap" if robots.sitemaps.len() < SITEMAPS_MAX && value.len() <= PATTERN_MAX_BYTES => {
                robots.sitemaps.extend(str::from_utf8(value).ok().map(str::to_owned));
            }
            b"license" if robots.licences.len() < LICENCES_MAX && value.len() <= PATTERN_MAX_BYTES => {
                robots.licences.extend(str::from_utf8(value).ok().map(str::to_owned));
            }
            _ => {}
        }
    }
    robots
}

/// The product token that a `User-agent` line names, in lower case.
fn token(value: &[u8]) -> String {
    if value.starts_with(b"*") {
        return "*".to_owned();
    }
    value.iter().take_while(|b| b.is_ascii_alphabetic() || matches!(b, b'-' | b'_')).map(|b| char::from(b.to_ascii_lowercase())).collect()
}

impl Robots {
    /// Whether `agent` (a product token, such as `topicwire`) may fetch `url`: of the rules that match its path and query, the one with
    /// the longest pattern decides, and of two as long the one that allows.
    #[must_use]
    pub fn allows(&self, agent: &str, url: &Url) -> bool {
        if url.path() == "/robots.txt" {
            return true;
        }
        let path = path_of(url);
        let rules = self.groups(agent).flat_map(|group| &group.rules).filter(|rule| matches(&rule.pattern, &path));
        rules.max_by_key(|rule| (rule.pattern.len(), rule.allow)).is_none_or(|rule| rule.allow)
    }

    /// The pause that `agent` is asked to keep between two pages, in whole seconds, at most 60.
    #[must_use]
    pub fn crawl_delay(&self, agent: &str) -> Option<u64> {
        self.groups(agent).filter_map(|group| group.crawl_delay_s).max()
    }

    /// Addresses of the site's sitemaps as they are written, in the file's order: many are relative, against the protocol's word.
    #[must_use]
    pub fn sitemaps(&self) -> &[String] {
        &self.sitemaps
    }

    /// Addresses of the site's terms for programs (RSL 1.0), as they are written, in the file's order. They are for everyone.
    #[must_use]
    pub fn licences(&self) -> &[String] {
        &self.licences
    }

    /// Whether it is an HTML page, which says nothing to robots.
    #[must_use]
    pub fn is_page(&self) -> bool {
        self.is_page
    }

    /// The groups that speak to `agent`: all that name it, else all for everyone.
    fn groups<'a>(&'a self, agent: &str) -> impl Iterator<Item = &'a Group> {
        let agent = agent.to_ascii_lowercase();
        let is_named = self.groups.iter().any(|group| group.agents.contains(&agent));
        let wanted = if is_named { agent } else { "*".to_owned() };
        self.groups.iter().filter(move |group| group.agents.contains(&wanted))
    }
}

/// What of an address is compared with patterns: path and query.
pub(crate) fn path_of(url: &Url) -> Vec<u8> {
    let mut path = url.path().as_bytes().to_vec();
    if let Some(query) = url.query() {
        path.push(b'?');
        path.extend_from_slice(query.as_bytes());
    }
    uniform(&path, true)
}

/// Percent encoding as it is compared (section 2.2.2): unreserved characters plain, all others outside ASCII encoded. In an address,
/// the signs that are special in a pattern are encoded too.
pub(crate) fn uniform(text: &[u8], is_address: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let encode = |byte: u8, out: &mut Vec<u8>| out.extend_from_slice(format!("%{byte:02X}").as_bytes());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        let digit = |at: usize| text.get(at).and_then(|b| char::from(*b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        match byte {
            b'%' if digit(at).is_some() && digit(at + 1).is_some() => {
                let decoded = digit(at).unwrap_or(0) * 16 + digit(at + 1).unwrap_or(0);
                at += 2;
                if decoded.is_ascii_alphanumeric() || matches!(decoded, b'-' | b'.' | b'_' | b'~') {
                    out.push(decoded);
                } else {
                    encode(decoded, &mut out);
                }
            }
            b'*' | b'$' if is_address => encode(byte, &mut out),
            byte if byte.is_ascii() => out.push(byte),
            byte => encode(byte, &mut out),
        }
    }
    out
}

/// Whether a pattern matches an address from its start: `*` stands for anything, a `$` at the end for the end. Each part is looked for
/// once, from where the one before it ended, which finds a match if there is one.
pub(crate) fn matches(pattern: &[u8], path: &[u8]) -> bool {
    let (pattern, to_end) = match pattern.strip_suffix(b"$") {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let mut parts = pattern.split(|b| *b == b'*');
    let Some(mut rest) = path.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return !to_end || rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if to_end && parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match memmem::find(rest, part) {
            Some(found) => rest = &rest[found + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn allows(text: &str, path: &str) -> bool {
        parse(text.as_bytes()).allows("topicwire", &Url::parse("https://example.org").unwrap().join(path).unwrap())
    }

    #[test]
    fn the_longest_rule_decides() {
        for (rules, path, allowed) in [
            ("", "/a", true),
            ("Disallow:", "/a", true),
            ("Disallow: /", "/a", false),
            ("Disallow: /", "/robots.txt", true),
            ("Disallow: /a", "/ab", false),
            ("Disallow: /a", "/A", true),
            ("Disallow: /a\nAllow: /a/b", "/a/b/c", true),
            ("Allow: /a/b\nDisallow: /a", "/a/c", false),
            ("Disallow: /a\nAllow: /a", "/a", true),
            ("Disallow: /*.pdf$", "/x/y.pdf", false),
            ("Disallow: /*.pdf$", "/x/y.pdf?z", true),
            ("Disallow: /*.pdf", "/x/y.pdf?z", false),
            ("Disallow: /a*b*c$", "/axbxbxc", false),
            ("Disallow: /a*b*c$", "/axbxbxcx", true),
            ("Disallow: /a$", "/a", false),
            ("Disallow: /a$", "/ab", true),
            ("Disallow: *", "/a", false),
            ("Disallow: /?q=", "/?q=1", false),
            ("Disallow: /foo/bar/%E3%83%84", "/foo/bar/\u{30c4}", false),
            ("Disallow: /foo/bar/\u{30c4}", "/foo/bar/%E3%83%84", false),
            ("Disallow: /a%62c", "/abc", false),
            ("Disallow: /a%2Fb", "/a/b", true),
            ("Disallow: /%2A", "/*", false),
            ("disallow : /a # not this", "/a", false),
            ("Disallow /a\nnonsense\n: x", "/a", true),
        ] {
            assert_eq!(allows(&format!("User-agent: *\n{rules}\n"), path), allowed, "{rules} {path}");
        }
    }

    #[test]
    fn a_group_speaks_to_whom_it_names() {
        for (text, allowed) in [
            ("User-agent: other\nDisallow: /", true),
            ("User-agent: Topicwire/1.0\nDisallow: /", false),
            ("User-agent: *\nDisallow: /\nUser-agent: topicwire\nDisallow: /x", true),
            ("User-agent: topicwire\nUser-agent: other\nDisallow: /", false),
            ("User-agent: topicwire\nSitemap: https://example.org/s.xml\nUser-agent: other\nDisallow: /", false),
            ("User-agent: topicwire\nAllow: /x\n\nUser-agent: topicwire\nDisallow: /", false),
            ("User-agent: topicwirebot\nDisallow: /", true),
            ("Disallow: /", true),
            ("\u{feff}User-agent: *\r\nDisallow: /\r\n", false),
        ] {
            assert_eq!(allows(text, "/a"), allowed, "{text}");
        }
    }

    #[test]
    fn what_else_it_says() {
        let text =
            "Sitemap: https://example.org/a.xml\nSitemap: /b.xml\nUser-agent: *\nCrawl-delay: 2.5\nUser-agent: slow\nCrawl-delay: 900";
        let robots = parse(text.as_bytes());
        assert_eq!(robots.sitemaps(), ["https://example.org/a.xml", "/b.xml"]);
        assert_eq!((robots.crawl_delay("topicwire"), robots.crawl_delay("slow")), (Some(3), Some(60)));
        assert!(!robots.is_page());
        let robots = parse(b"License: https://example.org/l.xml\nUser-agent: other\nlicense: https://example.org/m.xml\nDisallow: /\n");
        assert_eq!(robots.licences(), ["https://example.org/l.xml", "https://example.org/m.xml"]);
    }

    #[test]
    fn a_page_in_its_place_has_no_rules() {
        let robots = parse(b" <!DOCTYPE html><p>User-agent: *\nDisallow: /\n");
        assert!(robots.is_page() && robots.allows("topicwire", &Url::parse("https://example.org/a").unwrap()));
    }

    #[test]
    fn only_the_first_half_megabyte_counts() {
        let text = format!("User-agent: *\n{}Disallow: /\n", "# x\n".repeat(ROBOTS_MAX_BYTES / 4));
        assert!(allows(&text, "/a"));
    }

    proptest! {
        /// The independent oracle is a regular expression.
        #[test]
        fn patterns_match_as_expressions_do(pattern in "/[ab*]{0,8}\\$?", path in "/[ab]{0,10}") {
            let (body, end) = pattern.strip_suffix('$').map_or((pattern.as_str(), ""), |body| (body, "$"));
            let expression = regex::Regex::new(&format!("^{}{end}", body.replace('*', ".*"))).unwrap();
            prop_assert_eq!(matches(pattern.as_bytes(), path.as_bytes()), expression.is_match(&path));
        }

        #[test]
        fn any_bytes_are_survived(bytes in any::<Vec<u8>>(), path in "\\PC{0,20}") {
            let url = Url::parse("https://example.org/").unwrap().join(&path).unwrap_or_else(|_| Url::parse("https://example.org/").unwrap());
            let _ = parse(&[b"user-agent:*\ndisallow:", bytes.as_slice()].concat()).allows("topicwire", &url);
        }
    }
}
