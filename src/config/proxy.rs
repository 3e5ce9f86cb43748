//! The proxy that requests to the public internet may go through.

use std::fmt;

use url::Url;

use super::fields::{At, Fields};
use super::problem::Report;

/// A proxy. Its user name and password are sent to it and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy(Url);

impl Proxy {
    /// Its address, with the user name and password that it may ask for.
    #[must_use]
    pub fn address(&self) -> &str {
        self.0.as_str()
    }

    /// Its host and port, as they may be shown.
    #[must_use]
    pub fn place(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({})", self.place())
    }
}

/// Reads `proxy`. There may be a password in it, so no message repeats it.
pub(super) fn proxy(report: &mut Report, table: &Fields) -> Option<Proxy> {
    let At { value, span } = table.text(report, "proxy")?;
    let url = Url::parse(value).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.filter(|url| url.host_str().is_some_and(|host| !host.is_empty()));
    let url = url.filter(|url| matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none());
    if url.is_none() {
        let remedy = "write proxy = \"http://proxy.example:3128\", with user:password@ before the host if it asks for that";
        report.wrong(span, format!("\"proxy\" in {} is no address of an HTTP proxy", table.name), remedy);
    }
    url.map(Proxy)
}

#[cfg(test)]
mod tests {
    use crate::config::check;

    fn site(line: &str) -> String {
        format!(
            "[site]\ntitle = \"T\"\nbase_url = \"https://wire.example/\"\n[fetch]\n{line}\n\
             [[source]]\nid = \"a\"\nurl = \"https://a.example/feed\"\n"
        )
    }

    #[test]
    fn a_proxys_password_is_kept_and_never_shown() {
        let text = site("proxy = \"http://me:hush@Proxy.example:3128\"");
        let site = check(std::path::Path::new("f"), &text).unwrap();
        let proxy = site.fetch.proxy.as_ref().unwrap();
        assert_eq!((proxy.address(), proxy.place().as_str()), ("http://me:hush@proxy.example:3128/", "proxy.example:3128"));
        assert!(!format!("{site:?}").contains("hush"));
    }

    #[test]
    fn what_is_no_proxy_is_told_without_its_value() {
        for value in
            ["hush", "socks5://hush@p.example:1080", "http://hush@p.example/path", "http://p.example/?hush", "http://:hush@", "ftp://hush"]
        {
            let problems = check(std::path::Path::new("f"), &site(&format!("proxy = \"{value}\""))).unwrap_err();
            let told: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
            assert!(told.contains("\"proxy\" in [fetch] is no address of an HTTP proxy") && !told.contains("hush"), "{value}: {told}");
        }
    }
}
