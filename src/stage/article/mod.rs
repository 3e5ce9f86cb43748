//! What an article's own page says of it: the bytes of a page to [`Facts`].
//!
//! Nothing of the page's text is taken but what it offers for previews, and of that no more than it allows.

pub mod address;
pub mod attempt;
pub mod image;
mod json_ld;
mod meta;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::record::{Draft, FromPage, PageMeta};
use crate::rights::Reservation;
use crate::stage::page::{barrier, charset};
use crate::stage::{date, map, text};
use crate::syntax::is_language_tag;

/// Pictures that are tried, the page's best first.
const IMAGES_MAX: usize = 3;
/// Authors that are kept.
const AUTHORS_MAX: usize = 20;

/// A page as it came.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Where it came from, after redirects.
    pub url: &'a Url,
    /// What was asked for, clean.
    pub asked: &'a Url,
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// `X-Robots-Tag`; several are joined with commas.
    pub robots_tag: Option<&'a str>,
    /// What its headers and its site's `robots.txt` reserve of it.
    pub reserved: Option<&'a Reservation>,
    /// The body, decoded.
    pub bytes: &'a [u8],
    /// The record's title, which tells an article from a page that stands before it.
    pub title: &'a str,
}

/// What an article's page says. Texts are plain, on one line, and bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The article's clean address: where redirects led, or the page's canonical link where that can be believed.
    pub address: String,
    /// `<meta>`, Open Graph and Twitter card, by the record's keys.
    pub meta: PageMeta,
    /// Description for previews, within what the page allows.
    pub description: Option<String>,
    /// Authors' names.
    pub authors: Vec<String>,
    /// When the page says it was published.
    pub published: Option<DateTime<Utc>>,
    /// When the page says it was changed.
    pub modified: Option<DateTime<Utc>>,
    /// Language (BCP 47).
    pub language: Option<String>,
    /// Addresses of its picture, the best first.
    pub images: Vec<String>,
    /// Address of its site's icon.
    pub icon: Option<String>,
    /// Whether it is a PDF.
    pub is_pdf: bool,
    /// What is reserved of it where programs read (acceptance P6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservation: Option<Reservation>,
    /// What was not believed or not taken, and why.
    pub notes: Vec<String>,
}

/// What was read of an article, with its files, as the store keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Article {
    /// What the page says.
    pub facts: Facts,
    /// Its feature image: the first that is valid, else the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<image::Picture>,
    /// Its site's icon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon: Option<image::Picture>,
    /// The article itself, if it is a PDF.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pdf: Option<image::Picture>,
}

impl Article {
    /// Whether something of it may be had at another time.
    #[must_use]
    pub fn lacks_something(&self) -> bool {
        [&self.image, &self.icon].into_iter().flatten().any(|picture| picture.again)
    }
}

/// Why an answer is no article's page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Another kind of document.
    #[error("it is {0}, not a page")]
    Kind(String),
    /// A page that stands before the article.
    #[error("{what} came instead of the article; its title is “{title}”")]
    Barrier {
        /// What kind of page.
        what: &'static str,
        /// Its title.
        title: String,
    },
    /// The site's front page came for an article, as for one that was taken away.
    #[error("it leads to the front page of {0}")]
    FrontPage(String),
}

/// Reads an article's page.
///
/// # Errors
/// [`Unusable`] where it is no article.
pub fn read(answer: &Answer<'_>) -> Result<Facts, Unusable> {
    if answer.bytes.starts_with(b"%PDF-") {
        let (address, notes) = address::of(answer.url, &[], answer.url);
        return Ok(Facts { address, notes, is_pdf: true, reservation: answer.reserved.cloned(), ..Facts::default() });
    }
    let media_type = answer.content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !matches!(media_type.as_str(), "" | "text/html" | "application/xhtml+xml" | "text/plain" | "application/xml" | "text/xml")
        || image::sniff(answer.bytes).is_ok()
    {
        let media_type: String = media_type.chars().filter(|c| c.is_ascii_graphic()).take(60).collect();
        return Err(Unusable::Kind(if media_type.is_empty() { "a picture".to_owned() } else { media_type }));
    }
    if address::is_front(answer.url) && !address::is_front(answer.asked) {
        return Err(Unusable::FrontPage(answer.url.host_str().unwrap_or_default().to_owned()));
    }
    let html = charset::decode(answer.bytes, answer.content_type);
    let head = meta::read(&html, answer.url);
    let linked = json_ld::read(&head.json_ld);

    let page_title = head.title.as_deref().or_else(|| head.get("ogtitle")).unwrap_or_default();
    let is_article = linked.is_article || head.get("ogtype").is_some_and(|kind| kind.eq_ignore_ascii_case("article"));
    let is_named = !answer.title.is_empty() && page_title.to_lowercase().contains(&answer.title.to_lowercase());
    if let (false, false, Some(what)) = (is_article, is_named, barrier::name(page_title)) {
        return Err(Unusable::Barrier { what, title: text::excerpt(page_title, 100) });
    }

    let (address, mut notes) = address::of(answer.url, &head.canonical, &head.base);
    let allowed = head.preview(answer.robots_tag);
    let description = ["ogdescription", "description", "twitterdescription"].iter().find_map(|key| head.get(key));
    let description = description.or(linked.description.as_deref()).and_then(|text| allowed.text(text));
    let images = if allowed.images {
        let named =
            ["ogimagesecure_url", "ogimage", "ogimageurl", "twitterimage", "twitterimagesrc"].iter().filter_map(|key| head.get(key));
        let images = named.map(str::to_owned).chain(linked.images).chain(head.image_src.clone());
        let mut absolute: Vec<String> = Vec::new();
        for image in images.filter_map(|image| web_address(&head.base, &image)) {
            if absolute.len() < IMAGES_MAX && !absolute.contains(&image) {
                absolute.push(image);
            }
        }
        absolute
    } else {
        Vec::new()
    };
    notes.extend(allowed.note());
    let reservation = Reservation::joined(Some(head.reserved()), answer.reserved).and_then(Reservation::some);
    let moment = |keys: &[&str], linked: Option<&str>| {
        let claimed = keys.iter().find_map(|key| head.get(key)).or(linked);
        claimed.and_then(|raw| date::read(raw, Tz::UTC, head.language.as_deref()))
    };
    let published = moment(&["articlepublished_time", "datepublished", "date"], linked.published.as_deref());
    let modified = moment(&["articlemodified_time", "ogupdated_time", "datemodified"], linked.modified.as_deref());
    let mut authors: Vec<String> = Vec::new();
    let named =
        [head.get("author"), head.get("articleauthor").filter(|name| !name.contains("://"))].into_iter().flatten().map(str::to_owned);
    for author in linked.authors.into_iter().chain(named).filter_map(|name| map::author(&name)) {
        if authors.len() < AUTHORS_MAX && !authors.contains(&author) {
            authors.push(author);
        }
    }
    let locale = head.get("oglocale").map(|locale| locale.replace('_', "-"));
    let language = [head.language.clone(), linked.language, locale].into_iter().flatten().find(|tag| is_language_tag(tag));
    Ok(Facts {
        address,
        description,
        authors,
        published,
        modified,
        language,
        images,
        icon: head.icon.clone().or_else(|| web_address(answer.url, "/favicon.ico")),
        is_pdf: false,
        reservation,
        notes,
        meta: head.into_meta(&allowed),
    })
}

/// What of a page feeds show besides what the source said: its address, and what the source left out. `None` if that is nothing.
/// A description is cut to `excerpt_max_chars`.
#[must_use]
pub fn shown(facts: &Facts, draft: &Draft, excerpt_max_chars: usize) -> Option<FromPage> {
    let summary = facts.description.as_deref().filter(|_| draft.summary.is_empty() && excerpt_max_chars > 0);
    let shown = FromPage {
        href: Some(facts.address.clone()).filter(|address| !address.is_empty() && *address != draft.href),
        same_as: None,
        summary: summary.map(|summary| text::teaser(text::without_boilerplate(summary), excerpt_max_chars)).filter(|text| !text.is_empty()),
        language: facts.language.clone().filter(|_| draft.language.is_none()),
        authors: if draft.authors.is_empty() { facts.authors.clone() } else { Vec::new() },
    };
    (shown != FromPage::default()).then_some(shown)
}

/// An absolute address of the web, of a length that servers take.
fn web_address(base: &Url, href: &str) -> Option<String> {
    let mut url = base.join(href.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.as_str().len() <= 4_096)?;
    url.set_fragment(None);
    Some(url.into())
}

/// What a page allows to be shown of it (acceptance P7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Preview {
    /// Most characters of its text; `None` without a limit.
    chars: Option<usize>,
    /// Whether its pictures may be shown.
    images: bool,
}

impl Preview {
    /// Takes in what one header or `<meta>` says: directives separated by commas.
    fn restrict(&mut self, directives: &str) {
        for directive in directives.split(',') {
            let directive = directive.trim().to_ascii_lowercase();
            let (name, value) = directive.split_once(':').map_or((directive.as_str(), ""), |(name, value)| (name.trim(), value.trim()));
            match (name, value) {
                ("noindex" | "none", _) => *self = Self { chars: Some(0), images: false },
                ("nosnippet", _) => self.chars = Some(0),
                // -1 is "no limit".
                ("max-snippet", limit) => {
                    if let Ok(limit) = limit.parse::<usize>() {
                        self.chars = Some(self.chars.unwrap_or(limit).min(limit));
                    }
                }
                ("noimageindex", _) | ("max-image-preview", "none") => self.images = false,
                _ => {}
            }
        }
    }

    fn text(&self, text: &str) -> Option<String> {
        Some(match self.chars {
            Some(chars) => text::excerpt(text, chars),
            None => text.to_owned(),
        })
        .filter(|text| !text.is_empty())
    }

    fn note(&self) -> Option<String> {
        let text = match self.chars {
            Some(0) => Some("no text of it".to_owned()),
            Some(chars) => Some(format!("at most {chars} characters of it")),
            None => None,
        };
        let images = (!self.images).then(|| "none of its pictures".to_owned());
        let parts: Vec<String> = text.into_iter().chain(images).collect();
        (!parts.is_empty()).then(|| format!("the page allows {} to be shown", parts.join(" and ")))
    }
}

#[cfg(test)]
mod tests;
