//! Articles in microdata (HTML Standard 5) and RDFa Lite with schema.org's types.

use super::json_ld::{bare, is_article};
use super::outline::Outline;
use super::region::Region;
use super::{Fields, Page};

/// Most articles taken.
const ARTICLES_MAX: usize = 2_000;

/// The articles marked up on a page, each with its element.
pub(super) fn articles(page: &Page<'_>) -> Vec<(usize, Fields)> {
    let outline = &page.outline;
    let mut articles = Vec::new();
    // What is nested in each other is read again and again, so there is an end to it.
    let mut left = outline.nodes.len() * 8;
    for at in 0..outline.nodes.len() {
        if outline.nodes[at].region == Region::Main && kinds(outline, at).any(is_article) && articles.len() < ARTICLES_MAX {
            let Some(rest) = left.checked_sub(outline.subtree(at).len()) else { break };
            left = rest;
            articles.push((at, fields(outline, at)));
        }
    }
    articles
}

fn kinds<'a>(outline: &Outline<'a>, at: usize) -> impl Iterator<Item = &'a str> {
    let kinds = outline.attr(at, "itemtype").into_iter().chain(outline.attr(at, "typeof"));
    // `sioc:Item foaf:Document` are other vocabularies' types.
    kinds.flat_map(str::split_ascii_whitespace).filter(|kind| !kind.contains(':') || kind.contains("schema")).map(bare)
}

fn fields(outline: &Outline<'_>, article: usize) -> Fields {
    let mut fields = Fields::default();
    let mut at = article + 1;
    while at < outline.nodes[article].end {
        let node = at;
        at += 1;
        let scoped = outline.attr(node, "itemscope").is_some() || outline.attr(node, "typeof").is_some();
        if scoped {
            // What is in it is said of something else.
            at = outline.nodes[node].end;
        }
        let names = outline.attr(node, "itemprop").or_else(|| outline.attr(node, "property"));
        for name in names.unwrap_or_default().split_ascii_whitespace().map(bare) {
            let value = || Some(if scoped { name_in(outline, node) } else { value(outline, node) }).filter(|value| !value.is_empty());
            let slot = match name {
                "url" | "mainEntityOfPage" => {
                    if fields.link.is_none() {
                        fields.link = outline
                            .attr(node, "href")
                            .or_else(|| outline.attr(node, "content"))
                            .or_else(|| outline.attr(node, "itemid"))
                            .map(str::to_owned);
                    }
                    continue;
                }
                "author" | "creator" => {
                    fields.authors.extend(value());
                    continue;
                }
                "articleSection" | "keywords" | "about" | "genre" => {
                    fields.tags.extend(value().filter(|tag| tag.len() <= 100));
                    continue;
                }
                "headline" | "name" => &mut fields.title,
                "description" | "abstract" => &mut fields.summary,
                "datePublished" | "dateCreated" => &mut fields.published,
                "dateModified" => &mut fields.updated,
                "image" | "thumbnailUrl" => &mut fields.image,
                _ => continue,
            };
            if slot.is_none() {
                *slot = value();
            }
        }
    }
    // A link around or in the headline is the article's where no property says which is.
    if fields.link.is_none() {
        fields.link = outline.attr(article, "itemid").map(str::to_owned);
    }
    fields
}

/// The value of a property (HTML Standard 5.2.4).
fn value(outline: &Outline<'_>, at: usize) -> String {
    let attribute = match outline.name(at) {
        "meta" => outline.attr(at, "content"),
        "img" | "source" | "audio" | "video" | "embed" | "iframe" => outline.attr(at, "data-src").or_else(|| outline.attr(at, "src")),
        "link" => outline.attr(at, "href"),
        "time" => outline.attr(at, "datetime"),
        "data" | "meter" => outline.attr(at, "value"),
        _ => outline.attr(at, "content"),
    };
    attribute.map_or_else(|| outline.text(at).to_owned(), |value| value.trim().to_owned())
}

/// The name of a thing that is marked up inside the article, or its picture's address.
fn name_in(outline: &Outline<'_>, at: usize) -> String {
    let named = |wanted: &str| {
        outline
            .subtree(at)
            .skip(1)
            .find(|at| outline.attr(*at, "itemprop").or_else(|| outline.attr(*at, "property")).is_some_and(|name| name == wanted))
    };
    match named("name").or_else(|| named("url")) {
        Some(at) => value(outline, at),
        None => outline.text(at).chars().take(200).collect(),
    }
}
