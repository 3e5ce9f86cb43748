//! Where an article is: after redirects, and by its canonical link where that can be believed.

use url::{Host, Url};

use crate::stage::clean;

/// The clean address of a page that came from `url`, with what was not believed of its canonical links (as written, relative to
/// `base`).
///
/// A canonical link counts only on the same site (the same registrable domain by the public suffix list): another site's word for it
/// would let anybody take over an article's address. The front page is not believed for an article, which is what broken templates say,
/// and several different links are not believed at all (RFC 6596).
#[must_use]
pub fn of(url: &Url, canonical: &[String], base: &Url) -> (String, Vec<String>) {
    let own = clean::clean_url(url.as_str(), None).unwrap_or_else(|| url.clone());
    let mut notes = Vec::new();
    let mut refuse = |why: String| notes.push(format!("its canonical link is not believed: {why}"));
    let address = match canonical {
        [] => None,
        [link] => match clean::clean_url(link, Some(base)) {
            None => {
                refuse("it is no address of the web".to_owned());
                None
            }
            Some(link) if !same_site(&own, &link) => {
                refuse(format!("it leads to another site, {}", link.host_str().unwrap_or_default()));
                None
            }
            Some(link) if is_front(&link) && !is_front(&own) => {
                refuse("it leads to the site's front page".to_owned());
                None
            }
            // A secure address is not given up for the same one without.
            Some(link) if own.scheme() == "https" && link.scheme() == "http" => {
                let mut secure = link.clone();
                Some(if secure.set_scheme("https").is_ok() { secure } else { link })
            }
            Some(link) => Some(link),
        },
        _ => {
            refuse("there are several that differ".to_owned());
            None
        }
    };
    (address.unwrap_or(own).into(), notes)
}

/// Whether it is a site's front page.
pub(super) fn is_front(url: &Url) -> bool {
    url.path() == "/" && url.query().is_none()
}

/// Whether two addresses belong to one site: the same registrable domain on the usual ports, or the same host and port.
#[must_use]
pub fn same_site(one: &Url, other: &Url) -> bool {
    let is_usual = |url: &Url| matches!(url.port_or_known_default(), Some(80 | 443));
    if one.host() == other.host() {
        return one.port_or_known_default() == other.port_or_known_default() || is_usual(one) && is_usual(other);
    }
    let (Some(Host::Domain(one_name)), Some(Host::Domain(other_name))) = (one.host(), other.host()) else { return false };
    let domain = psl::domain_str(one_name);
    domain.is_some() && domain == psl::domain_str(other_name) && is_usual(one) && is_usual(other)
}
