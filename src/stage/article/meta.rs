//! The tags of a page that say what it is: `<meta>`, `<link>`, `<title>`, `<html lang>`, and JSON-LD as text.

use std::collections::BTreeMap;

use memchr::memmem;
use url::Url;

use super::{Preview, web_address};
use crate::entry::{Text, TextKind};
use crate::record::{HTML_META, OPEN_GRAPH_META, PageMeta, TWITTER_META};
use crate::rights::Reservation;
use crate::stage::rights::reservation;
use crate::stage::text::{self, markup, resolve_entities};

/// Most characters kept of one value: descriptions are shorter.
const VALUE_MAX_CHARS: usize = 2_000;
/// Different `<meta>` keys that are kept.
const KEYS_MAX: usize = 200;
/// Only so much of a page is looked at: its head is in there, and a page of many megabytes costs no more.
const HTML_MAX_BYTES: usize = 2 << 20;
/// JSON-LD blocks that are read, and how long one may be.
const BLOCKS_MAX: usize = 10;
const BLOCK_MAX_BYTES: usize = 256 * 1024;
/// Robots that the name stands for, besides all.
const AGENT: &str = "topicwire";

/// A page's tags.
pub(super) struct Head {
    /// By key: colons dropped, lower case; of several with one key the first.
    values: BTreeMap<String, String>,
    /// What `<meta name="robots">` and our own name say.
    robots: Vec<String>,
    pub(super) title: Option<String>,
    pub(super) language: Option<String>,
    /// Canonical links as written, different ones only.
    pub(super) canonical: Vec<String>,
    pub(super) base: Url,
    pub(super) icon: Option<String>,
    pub(super) image_src: Option<String>,
    pub(super) json_ld: Vec<String>,
    /// What the page reserves.
    reserved: Reservation,
}

/// Reads the tags of a page that came from `url`. Linear in its length.
pub(super) fn read(html: &str, url: &Url) -> Head {
    let html = html.get(..html.floor_char_boundary(HTML_MAX_BYTES)).unwrap_or(html);
    let mut head = Head {
        values: BTreeMap::new(),
        robots: Vec::new(),
        title: None,
        language: None,
        canonical: Vec::new(),
        base: url.clone(),
        icon: None,
        image_src: None,
        json_ld: json_ld(html),
        reserved: Reservation { rsl: reservation::is_in_page(html).then(|| url.to_string()), ..Reservation::default() },
    };
    let mut icons = Vec::new();
    for token in markup::tokens(html, 32) {
        match token {
            markup::Token::Title(title) if head.title.is_none() => head.title = Some(plain(title)).filter(|title| !title.is_empty()),
            markup::Token::Open(name, attributes) => {
                let value = |wanted: &str| attributes.iter().find(|(key, _)| key == wanted).map(|(_, value)| resolve_entities(value));
                match name.as_ref() {
                    "html" => head.language = value("lang").map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()),
                    "meta" => head.meta(&value),
                    "base" => {
                        if let Some(base) = value("href").and_then(|href| url.join(href.trim()).ok()) {
                            head.base = base;
                        }
                    }
                    "link" => head.link(&value, &mut icons),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    // The largest is the clearest; of several without a size the first.
    icons.sort_by_key(|(size, _): &(u32, String)| std::cmp::Reverse(*size));
    head.icon = icons.into_iter().find_map(|(_, href)| web_address(&head.base, &href));
    head
}

impl Head {
    fn meta<'v>(&mut self, value: &dyn Fn(&str) -> Option<std::borrow::Cow<'v, str>>) {
        let Some(content) = value("content") else { return };
        let Some(name) = value("property").or_else(|| value("name")).or_else(|| value("itemprop")) else { return };
        reservation::meta(&mut self.reserved, &name, &content, &self.base);
        let key: String = name.trim().chars().filter(|c| *c != ':').flat_map(char::to_lowercase).take(64).collect();
        if matches!(key.as_str(), "robots" | AGENT) {
            self.robots.push(content.chars().take(500).collect());
        }
        // Its markup, if it has any, is the page's own mistake.
        let text = text::plain_with_limit(&Text { value: content.into_owned(), kind: TextKind::Plain }, VALUE_MAX_CHARS);
        let text = match text::unmojibake(&text) {
            std::borrow::Cow::Owned(mended) => mended,
            std::borrow::Cow::Borrowed(_) => text,
        };
        if !key.is_empty() && !text.is_empty() && self.values.len() < KEYS_MAX {
            self.values.entry(key).or_insert(text);
        }
    }

    fn link<'v>(&mut self, value: &dyn Fn(&str) -> Option<std::borrow::Cow<'v, str>>, icons: &mut Vec<(u32, String)>) {
        let (Some(rel), Some(href)) = (value("rel"), value("href")) else { return };
        let href = href.trim().to_owned();
        reservation::link(&mut self.reserved, &rel, &value("type").unwrap_or_default(), &href, &self.base);
        for rel in rel.split_whitespace() {
            match rel.to_ascii_lowercase().as_str() {
                "canonical" if self.canonical.len() < 2 && !self.canonical.contains(&href) => self.canonical.push(href.clone()),
                "icon" | "apple-touch-icon" if icons.len() < 20 => {
                    let sizes = value("sizes").unwrap_or_default().to_ascii_lowercase();
                    let size = sizes.split_whitespace().filter_map(|size| size.split_once('x')?.0.parse::<u32>().ok()).max();
                    icons.push((size.unwrap_or(0).min(512), href.clone()));
                }
                "image_src" => self.image_src = self.image_src.take().or_else(|| Some(href.clone())),
                _ => {}
            }
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// What the page allows to be shown, with what its response's header says.
    pub(super) fn preview(&self, robots_tag: Option<&str>) -> Preview {
        let mut preview = Preview { chars: None, images: true };
        self.robots.iter().for_each(|directives| preview.restrict(directives));
        reservation::directives(robots_tag.unwrap_or_default()).for_each(|directive| preview.restrict(directive));
        preview
    }

    /// What the page reserves in its tags.
    pub(super) fn reserved(&self) -> &Reservation {
        &self.reserved
    }

    /// The record's keys, its texts within what the page allows.
    pub(super) fn into_meta(self, allowed: &Preview) -> PageMeta {
        let choose = |keys: &[&str]| -> BTreeMap<String, String> {
            let value = |key: &&str| {
                let value = self.values.get(*key)?;
                let is_text = key.ends_with("description");
                let value = if is_text { allowed.text(value)? } else { value.clone() };
                Some(((*key).to_owned(), value))
            };
            keys.iter().filter_map(value).collect()
        };
        PageMeta { html: choose(&HTML_META), open_graph: choose(&OPEN_GRAPH_META), twitter: choose(&TWITTER_META) }
    }
}

fn plain(title: &str) -> String {
    text::plain_with_limit(&Text { value: resolve_entities(title).into_owned(), kind: TextKind::Plain }, 500)
}

/// The contents of `<script type="application/ld+json">`.
fn json_ld(html: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut rest = html;
    while let Some(at) = memmem::find(rest.as_bytes(), b"ld+json")
        && blocks.len() < BLOCKS_MAX
    {
        let Some(start) = memchr::memchr(b'>', &rest.as_bytes()[at..]).map(|end| at + end + 1) else { break };
        let Some(length) = memmem::find(&rest.as_bytes()[start..], b"</") else { break };
        // A `</` inside a string is written `<\/`; where it is not, the block is broken for browsers too.
        if let Some(block) = rest.get(start..start + length).filter(|block| block.len() <= BLOCK_MAX_BYTES) {
            blocks.push(block.trim().to_owned());
        }
        rest = rest.get(start + length..).unwrap_or_default();
    }
    blocks
}
