//! A page, decoded and parsed.

use scraper::{ElementRef, Html, Selector};
use url::Url;

use super::{PageError, charset};
use crate::rights::Reservation;
use crate::stage::rights::reservation;
use crate::stage::text::plain_html;
use crate::stage::text::tidy::{Whole, tidy};

/// Longest title of a page, in characters.
const TITLE_MAX_CHARS: usize = 500;

/// A page and what it says of itself.
pub(super) struct Document {
    pub(super) html: Html,
    pub(super) title: Option<String>,
    /// Language (BCP 47) of the whole page.
    pub(super) language: Option<String>,
    /// What links are relative to.
    pub(super) base: Url,
    /// What the page reserves where programs read.
    pub(super) reservation: Option<Reservation>,
}

impl Document {
    /// Parses decoded HTML that was had from `url`.
    pub(super) fn parse(text: &str, url: &Url) -> Result<Self, PageError> {
        let html = tidy(text, &Whole).map_err(|_| PageError::TooDeep { url: url.to_string() })?;
        let html = Html::parse_document(&html);
        let first = |selector: &str| html.select(&Selector::parse(selector).ok()?).next();
        let title = first("title").map(|title| plain_html(&title.inner_html(), TITLE_MAX_CHARS)).filter(|title| !title.is_empty());
        let language = html.root_element().attr("lang").map(|language| language.trim().to_owned()).filter(|language| !language.is_empty());
        let base = first("base[href]").and_then(|base| url.join(base.attr("href")?.trim()).ok());
        let base = base.unwrap_or_else(|| url.clone());
        let reservation = reserved(&html, text, &base);
        Ok(Self { title, language, base, reservation, html })
    }

    /// Decodes and parses a body.
    pub(super) fn read(bytes: &[u8], content_type: Option<&str>, url: &Url) -> Result<Self, PageError> {
        Self::parse(&charset::decode(bytes, content_type), url)
    }

    /// Where a link leads, if that is a web page other than the one it stands on.
    pub(super) fn link(&self, href: &str) -> Option<Url> {
        web_url(&self.base, href)
    }

    /// The first link to a web page in an element, itself included.
    pub(super) fn first_link(&self, element: ElementRef<'_>) -> Option<Url> {
        std::iter::once(element).chain(element.descendent_elements()).find_map(|element| self.link(element.attr("href")?))
    }
}

/// What a page's tags reserve.
fn reserved(html: &Html, text: &str, base: &Url) -> Option<Reservation> {
    let mut found = Reservation::default();
    for element in Selector::parse("meta[name], link[rel]").iter().flat_map(|selector| html.select(selector)) {
        let value = |name: &str| element.attr(name).unwrap_or_default();
        match element.value().name() {
            "meta" => reservation::meta(&mut found, value("name"), value("content"), base),
            _ => reservation::link(&mut found, value("rel"), value("type"), value("href"), base),
        }
    }
    if found.rsl.is_none() && reservation::is_in_page(text) {
        found.rsl = Some(base.to_string());
    }
    found.some()
}

/// Where a link on a page with this base leads, if it is a web page.
pub(super) fn web_url(base: &Url, href: &str) -> Option<Url> {
    let href = href.trim();
    // An empty link or a bare fragment is the list itself.
    if href.is_empty() || (href.starts_with('#') && !href.starts_with("#!")) {
        return None;
    }
    base.join(href).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}
