//! The tags of a page that say what it is: `<meta>`, `<link>`, `<title>`, `<html lang>`, and JSON-LD as text.

use std::collections::BTreeMap;

use memchr::memmem;
use url::Url;

use super::{Preview, web_address};
use crate::entry::{Text, TextKind};
use crate::record::{HTML_META, OPEN_GRAPH_META, PageMeta, TWITTER_META};
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
        // TDMRep says it in an element of its own.
        let mut preview = Preview { chars: None, images: true, mining: self.get("tdm-reservation") != Some("1") };
        self.robots.iter().for_each(|directives| preview.restrict(directives));
        let mut speaks_to_us = true;
        for directive in robots_tag.unwrap_or_default().split(',') {
            // `agent: directive` begins what is meant for that robot alone.
            let known = ["max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"];
            let directive = match directive.split_once(':') {
                Some((name, rest)) if !known.contains(&name.trim().to_ascii_lowercase().as_str()) => {
                    speaks_to_us = name.trim().eq_ignore_ascii_case(AGENT);
                    rest
                }
                _ => directive,
            };
            if speaks_to_us {
                preview.restrict(directive);
            }
        }
        preview
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
