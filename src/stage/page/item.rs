//! One item of a list.

use scraper::{ElementRef, Selector};
use url::Url;

use super::document::web_url;
use super::{Context, Selectors, address};
use crate::entry::{Entry, Link, Media, Person, Text, TextKind};
use crate::stage::date;
use crate::stage::rights::promotion::SPONSORED;
use crate::stage::text::plain_html;

/// Longest title and name taken, in characters.
const LINE_MAX_CHARS: usize = 1_000;

/// Longest teaser taken, in bytes of HTML; a selector that catches half the page must not fill the store.
const SUMMARY_MAX_BYTES: usize = 64 * 1024;

/// Attributes that hold a picture's address, the lazily loaded ones first: `src` is a placeholder where they are.
const PICTURE_ATTRIBUTES: [&str; 5] = ["data-src", "data-lazy-src", "data-original", "src", "content"];

/// Why an item is no entry.
pub(super) enum LeftOut {
    /// Its path is in `skip`.
    Skipped,
    /// It has no usable link; says why.
    Link(String),
    /// It has no title.
    Title,
}

/// What all items of a page share.
pub(super) struct Page<'a> {
    pub(super) selectors: &'a Selectors<'a>,
    /// What links are relative to.
    pub(super) base: &'a Url,
    pub(super) language: Option<&'a str>,
    pub(super) context: &'a Context<'a>,
}

impl Page<'_> {
    /// Reads one item: the entry, its clean address, and what is wrong with its date.
    pub(super) fn entry(&self, item: ElementRef<'_>) -> Result<(Entry, String, Option<String>), LeftOut> {
        let (anchor, link) = self.link(item)?;
        if self.selectors.skip.iter().any(|prefix| link.path().starts_with(prefix.as_str())) {
            return Err(LeftOut::Skipped);
        }
        let address = address(&link)
            .ok_or_else(|| LeftOut::Link(format!("its link is longer than an address may be: {} bytes", link.as_str().len())))?;
        let title = self.title(item, anchor, &link).ok_or(LeftOut::Title)?;
        let is_paid = anchor.attr("rel").is_some_and(|rel| rel.split_ascii_whitespace().any(|r| r.eq_ignore_ascii_case(SPONSORED)));
        let paid = is_paid.then(|| Link { href: link.to_string(), rel: Some(SPONSORED.into()), ..Link::default() });
        let own = Link { href: link.into(), rel: Some("alternate".into()), ..Link::default() };
        let mut entry = Entry {
            title: Some(Text { value: title, kind: TextKind::Plain }),
            links: std::iter::once(own).chain(paid).collect(),
            summary: select(item, self.selectors.summary.as_ref()).and_then(summary),
            language: self.language.map(str::to_owned),
            base: Some(self.base.to_string()),
            ..Entry::default()
        };
        if let Some(picture) = select(item, self.selectors.image.as_ref()).and_then(|element| picture(self.base, element)) {
            entry.media.push(Media { thumbnails: vec![picture], ..Media::default() });
        }
        if let Some(name) = select(item, self.selectors.author.as_ref()).and_then(line) {
            entry.authors.push(Person { name: Some(name), ..Person::default() });
        }
        let mut wrong = None;
        if let Some(element) = select(item, self.selectors.date.as_ref()) {
            let written = dates(element);
            entry.published = written.iter().find_map(|raw| self.date(raw));
            entry.published_raw = written.into_iter().next();
            if entry.published.is_none() {
                wrong = Some(match &entry.published_raw {
                    Some(raw) => format!("date “{}” cannot be read", raw.chars().take(60).collect::<String>()),
                    None => "its date is empty".to_owned(),
                });
            }
        }
        Ok((entry, address, wrong))
    }

    /// The item's link: by the selector (or the first in what it selects), else the item itself, else the first in it.
    fn link<'a>(&self, item: ElementRef<'a>) -> Result<(ElementRef<'a>, Url), LeftOut> {
        let within = match &self.selectors.link {
            Some(selector) => item.select(selector).next().ok_or_else(|| LeftOut::Link("`link` matches nothing in it".to_owned()))?,
            None => item,
        };
        let mut refused = None;
        for anchor in std::iter::once(within).chain(within.descendent_elements()) {
            let Some(href) = anchor.attr("href") else { continue };
            match self.web_url(href) {
                Some(link) => return Ok((anchor, link)),
                None => refused = refused.or(Some(href)),
            }
        }
        Err(LeftOut::Link(match refused {
            Some(href) => {
                format!("its link leads to no web page: {}", href.chars().take(80).filter(|c| !c.is_control()).collect::<String>())
            }
            None => "it has no link".to_owned(),
        }))
    }

    fn web_url(&self, href: &str) -> Option<Url> {
        web_url(self.base, href)
    }

    /// The item's title: by the selector, else the link's text, else that of another link to the same place, else the first heading.
    fn title(&self, item: ElementRef<'_>, anchor: ElementRef<'_>, link: &Url) -> Option<String> {
        if self.selectors.title.is_some() {
            return select(item, self.selectors.title.as_ref()).and_then(line);
        }
        let same = |element: &ElementRef<'_>| element.attr("href").and_then(|href| self.web_url(href)).as_ref() == Some(link);
        let heading = |element: &ElementRef<'_>| matches!(element.value().name(), "h1" | "h2" | "h3" | "h4" | "h5" | "h6");
        // A card that is one link as a whole is titled by its heading, not by all its text.
        (anchor.descendent_elements().find(heading).and_then(line))
            .or_else(|| line(anchor))
            .or_else(|| item.descendent_elements().filter(same).find_map(line))
            .or_else(|| item.descendent_elements().filter(heading).find_map(line))
    }

    fn date(&self, raw: &str) -> Option<chrono::DateTime<chrono::Utc>> {
        let (zone, language) = (self.context.time_zone, self.language);
        match self.selectors.date_format {
            Some(format) => date::read_with_format(raw, format, zone, language),
            None => date::read(raw, zone, language),
        }
        .or_else(|| date::read_relative(raw, self.context.now, zone, language))
    }
}

/// The address of the picture in an element, itself included.
pub(super) fn picture(base: &Url, element: ElementRef<'_>) -> Option<String> {
    std::iter::once(element).chain(element.descendent_elements()).find_map(|element| {
        let plain = PICTURE_ATTRIBUTES.iter().filter_map(|name| element.attr(name));
        // `srcset` is a list of addresses with their widths.
        let listed = ["data-srcset", "srcset"].iter().filter_map(|name| element.attr(name)?.split_whitespace().next());
        plain.chain(listed).find_map(|src| web_url(base, src.trim_end_matches(','))).map(String::from)
    })
}

fn select<'a>(item: ElementRef<'a>, selector: Option<&Selector>) -> Option<ElementRef<'a>> {
    item.select(selector?).next()
}

fn line(element: ElementRef<'_>) -> Option<String> {
    Some(plain_html(&element.inner_html(), LINE_MAX_CHARS)).filter(|text| !text.is_empty())
}

fn summary(element: ElementRef<'_>) -> Option<Text> {
    let value = element.inner_html();
    if value.len() <= SUMMARY_MAX_BYTES && element.child_elements().next().is_some() {
        return Some(Text { value: value.trim().to_owned(), kind: TextKind::Html }).filter(|_| line(element).is_some());
    }
    let value = plain_html(&value, SUMMARY_MAX_BYTES);
    (!value.is_empty()).then_some(Text { value, kind: TextKind::Plain })
}

/// The ways in which an element writes its date, the most exact first.
fn dates(element: ElementRef<'_>) -> Vec<String> {
    let exact = std::iter::once(element)
        .chain(element.descendent_elements())
        .find_map(|element| element.attr("datetime").or_else(|| element.attr("content")))
        .map(|value| value.trim().to_owned());
    exact.filter(|value| !value.is_empty()).into_iter().chain(line(element)).collect()
}
