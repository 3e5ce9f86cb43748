//! What is reserved where programs read (acceptance P6): RSL 1.0 (rslstandard.org), TDMRep (W3C community group), and the directives
//! `noai` and `noimageai`.

use memchr::memmem;
use url::Url;

use crate::entry::Link;
use crate::rights::Reservation;
use crate::stage::link_header;

/// The media type of RSL documents, by which links to them are told from other licences.
pub const RSL_TYPE: &str = "application/rsl+xml";

/// Longer addresses are none that servers take.
const ADDRESS_MAX_BYTES: usize = 2_048;

/// By this name a directive may be meant for us alone.
const AGENT: &str = "topicwire";

/// What a response's headers say of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    /// `Link`; several are joined with commas.
    pub link: Option<&'a str>,
    /// `X-Robots-Tag`; several are joined with commas.
    pub robots_tag: Option<&'a str>,
    /// `tdm-reservation`.
    pub mining: Option<&'a str>,
    /// `tdm-policy`.
    pub policy: Option<&'a str>,
}

/// What a response from `base` reserves in its headers.
#[must_use]
pub fn in_headers(headers: &Headers<'_>, base: &Url) -> Option<Reservation> {
    let mut found = Reservation::default();
    for (target, parameters) in link_header::links(headers.link.unwrap_or_default()) {
        let parameter = |name| link_header::parameter(parameters, name).unwrap_or_default();
        link(&mut found, parameter("rel"), parameter("type"), target, base);
    }
    directives(headers.robots_tag.unwrap_or_default()).for_each(|directive| robots(&mut found, directive));
    for (name, value) in [("tdm-reservation", headers.mining), ("tdm-policy", headers.policy)] {
        meta(&mut found, name, value.unwrap_or_default(), base);
    }
    found.some()
}

/// The directives of an `X-Robots-Tag` that are meant for everyone or for us.
pub(crate) fn directives(header: &str) -> impl Iterator<Item = &str> {
    let mut speaks_to_us = true;
    header.split(',').filter_map(move |directive| {
        // `agent: directive` begins what is meant for that robot alone.
        let known = ["max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"];
        let directive = match directive.split_once(':') {
            Some((name, rest)) if !known.contains(&name.trim().to_ascii_lowercase().as_str()) => {
                speaks_to_us = name.trim().eq_ignore_ascii_case(AGENT);
                rest
            }
            _ => directive,
        };
        speaks_to_us.then_some(directive)
    })
}

/// Takes in one directive for robots, or several with commas between.
pub(crate) fn robots(found: &mut Reservation, directives: &str) {
    for directive in directives.split(',').map(str::trim) {
        found.noai |= directive.eq_ignore_ascii_case("noai");
        found.noimageai |= directive.eq_ignore_ascii_case("noimageai");
    }
}

/// Takes in a `<meta>` of a page, or what a header of the same name says.
pub(crate) fn meta(found: &mut Reservation, name: &str, content: &str, base: &Url) {
    match name.trim().to_ascii_lowercase().as_str() {
        "robots" | AGENT => robots(found, content),
        "tdm-reservation" => found.mining |= content.trim() == "1",
        "tdm-policy" => found.policy = found.policy.take().or_else(|| address(content, base)),
        _ => {}
    }
}

/// Takes in a link, if it leads to an RSL document.
pub(crate) fn link(found: &mut Reservation, rel: &str, media_type: &str, href: &str, base: &Url) {
    if is_rsl(Some(rel), Some(media_type)) {
        found.rsl = found.rsl.take().or_else(|| address(href, base));
    }
}

/// Whether a link of this relation and media type leads to an RSL document.
#[must_use]
pub fn is_rsl(rel: Option<&str>, media_type: Option<&str>) -> bool {
    let essence = media_type.and_then(|media_type| media_type.split(';').next()).unwrap_or_default().trim();
    essence.eq_ignore_ascii_case(RSL_TYPE)
        && rel.is_some_and(|rel| rel.split_ascii_whitespace().any(|rel| rel.eq_ignore_ascii_case("license")))
}

/// What the links of a feed or an entry reserve.
#[must_use]
pub fn in_links(links: &[Link]) -> Option<Reservation> {
    let rsl = links.iter().find(|link| is_rsl(link.rel.as_deref(), link.media_type.as_deref()))?;
    Some(Reservation { rsl: terms(&rsl.href), ..Reservation::default() }).and_then(Reservation::some)
}

/// What a site's `robots.txt` reserves, whose `License` lines name these addresses. They are for everyone, whatever group they stand in.
#[must_use]
pub fn in_robots(licences: &[String]) -> Option<Reservation> {
    Reservation { rsl: licences.iter().find_map(|licence| terms(licence)), ..Reservation::default() }.some()
}

/// Whether a page holds its RSL terms in itself, as a script.
#[must_use]
pub fn is_in_page(html: &str) -> bool {
    let bytes = html.as_bytes();
    memmem::find_iter(bytes, RSL_TYPE).any(|at| {
        let tag = memchr::memrchr(b'<', bytes.get(..at).unwrap_or_default()).and_then(|start| bytes.get(start + 1..start + 7));
        tag.is_some_and(|tag| tag.eq_ignore_ascii_case(b"script"))
    })
}

/// An absolute address of terms.
fn terms(text: &str) -> Option<String> {
    Url::parse(text.trim()).ok().and_then(|url| address(url.as_str(), &url))
}

/// An address that can be opened in a browser, without credentials and in a public form.
fn address(text: &str, base: &Url) -> Option<String> {
    let url = base.join(text.trim()).ok().filter(|_| !text.trim().is_empty())?;
    let is_plain = matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty() && url.password().is_none();
    (is_plain && url.as_str().len() <= ADDRESS_MAX_BYTES).then(|| url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Url {
        Url::parse("https://a.example/feed").unwrap()
    }

    fn rsl(url: &str) -> Option<Reservation> {
        Some(Reservation { rsl: Some(url.into()), ..Reservation::default() })
    }

    #[test]
    fn headers_reserve() {
        let mining = Some(Reservation { mining: true, ..Reservation::default() });
        let policy = Some(Reservation { mining: true, policy: Some("https://a.example/p.json".into()), ..Reservation::default() });
        let noai = Some(Reservation { noai: true, noimageai: true, ..Reservation::default() });
        for (headers, expected) in [
            (
                Headers { link: Some("</l.xml>; rel=\"license\"; type=\"application/rsl+xml\""), ..Headers::default() },
                rsl("https://a.example/l.xml"),
            ),
            (
                Headers { link: Some("<https://b.example/l>; type=Application/RSL+xml; rel=license, </x>; rel=hub"), ..Headers::default() },
                rsl("https://b.example/l"),
            ),
            (Headers { link: Some("</l.html>; rel=\"license\""), ..Headers::default() }, None),
            (Headers { link: Some("<javascript:x>; rel=license; type=application/rsl+xml"), ..Headers::default() }, None),
            (Headers { link: Some("<https://u:p@b.example/>; rel=license; type=application/rsl+xml"), ..Headers::default() }, None),
            (Headers { mining: Some("1"), ..Headers::default() }, mining.clone()),
            (Headers { mining: Some(" 1 "), policy: Some("/p.json"), ..Headers::default() }, policy),
            (Headers { mining: Some("0"), policy: Some("/p.json"), ..Headers::default() }, None),
            (Headers { policy: Some("/p.json"), ..Headers::default() }, None),
            (Headers { robots_tag: Some("noindex, NoAI, noimageai"), ..Headers::default() }, noai.clone()),
            (Headers { robots_tag: Some("otherbot: noai, topicwire: noai, noimageai"), ..Headers::default() }, noai),
            (Headers { robots_tag: Some("otherbot: noai"), ..Headers::default() }, None),
            (Headers::default(), None),
        ] {
            assert_eq!(in_headers(&headers, &base()), expected, "{headers:?}");
        }
    }

    #[test]
    fn a_page_may_hold_its_terms() {
        for (html, is) in [
            ("<script type=\"application/rsl+xml\"><rsl/></script>", true),
            ("<SCRIPT type=application/rsl+xml>", true),
            ("<link rel=license type=application/rsl+xml href=/x>", false),
            ("<p>application/rsl+xml", false),
        ] {
            assert_eq!(is_in_page(html), is, "{html}");
        }
    }

    #[test]
    fn what_two_reserve_is_joined() {
        let one = Reservation { rsl: Some("a".into()), noai: true, ..Reservation::default() };
        let other = Reservation { rsl: Some("b".into()), mining: true, ..Reservation::default() };
        let joined = Reservation { rsl: Some("a".into()), noai: true, mining: true, ..Reservation::default() };
        assert_eq!(Reservation::joined(Some(&one), Some(&other)), Some(joined));
        assert_eq!(Reservation::joined(None, Some(&other)), Some(other));
    }
}
