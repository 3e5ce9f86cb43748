//! Selectors that find again what was found without any.

use std::collections::HashSet;

use scraper::Selector;

use super::anchor::classes;
use super::cards::{Cluster, Item};
use super::outline::Outline;
use super::Page;
use crate::config::PageSelectors;
use crate::stage::page::{Selectors, address, select};

/// Most selectors tried for the items of one list.
const TRIES_MAX: usize = 12;

/// Most lists of one page that selectors are made for.
const LISTS_MAX: usize = 6;

/// Share of items, in hundredths, in which a selector has to find what was found for it to be worth writing down.
const AGREE_MIN: usize = 60;

/// Selectors with which the page's items are found again, all that are in these lists and no others; `None` where there are none.
pub(super) fn selectors(page: &Page<'_>, clusters: &[Cluster], addresses: &HashSet<&str>) -> Option<PageSelectors> {
    let outline = &page.outline;
    let items: Vec<&Item> = clusters.iter().flat_map(|cluster| &cluster.items).filter(|item| addresses.contains(item.address.as_str())).collect();
    let wanted: HashSet<&str> = items.iter().map(|item| item.address.as_str()).collect();
    // A list that others added much to is no list of these elements.
    if items.is_empty() || clusters.len() > LISTS_MAX || wanted.len() * 10 < addresses.len() * 8 {
        return None;
    }
    let mut parts: Vec<String> = Vec::new();
    for cluster in clusters {
        let tops: Vec<usize> = cluster.items.iter().filter(|item| addresses.contains(item.address.as_str())).map(|item| item.range.start).collect();
        if tops.is_empty() {
            continue;
        }
        let part = item_selector(page, &tops)?;
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    let within = |field: &dyn Fn(&Item) -> Option<usize>| {
        let pairs: Vec<(usize, usize)> = items.iter().filter_map(|item| Some((item.range.start, field(item)?))).collect();
        (!pairs.is_empty()).then(|| field_selector(page, &pairs))?
    };
    let title = within(&|item| Some(item.card.title_at));
    let first_link = |item: &&Item| outline.subtree(item.range.start).find(|at| outline.attr(*at, "href").is_some_and(|href| page.document.link(href).is_some()));
    let link_first = items.iter().all(|item| {
        let first = first_link(item).and_then(|at| page.document.link(outline.attr(at, "href")?)).and_then(|url| address(&url));
        first.as_deref() == Some(item.address.as_str())
    });
    let selectors = PageSelectors {
        item: Some(parts.join(", ")),
        title,
        link: if link_first { None } else { within(&|item| Some(item.anchor)) },
        summary: within(&|item| item.card.summary.as_ref().map(|(_, at)| *at)),
        date: within(&|item| item.card.date.as_ref().map(|date| date.node).filter(|at| outline.holds(item.range.start, *at))),
        date_format: page.date_format.map(str::to_owned),
        image: within(&|item| item.card.image.as_ref().map(|(_, at)| *at)),
        author: within(&|item| item.card.author.as_ref().map(|(_, at)| *at)),
        ..PageSelectors::default()
    };
    let compiled = Selectors::compile(selectors.item.as_deref()?, &selectors).ok()?;
    let again = select(page.document, &compiled, page.context);
    let found: HashSet<String> =
        again.entries.iter().filter_map(|entry| address(&url::Url::parse(&entry.links.first()?.href).ok()?)).collect();
    (found.len() == wanted.len() && wanted.iter().all(|address| found.contains(*address))).then_some(selectors)
}

/// A selector for exactly these elements.
fn item_selector(page: &Page<'_>, tops: &[usize]) -> Option<String> {
    let outline = &page.outline;
    let first = *tops.first()?;
    let name = outline.name(first);
    let same = |name: &str| tops.iter().all(|at| outline.name(*at) == name);
    if !same(name) || !is_plain(name) {
        return None;
    }
    let common = common_classes(outline, tops);
    let mut own: Vec<String> = common.iter().map(|class| format!("{name}.{class}")).collect();
    if common.len() > 1 {
        own.push(format!("{name}.{}", common.join(".")));
    }
    own.push(name.to_owned());
    let parents: Vec<usize> = tops.iter().map(|at| outline.nodes[*at].parent).collect();
    let mut tried = 0;
    let exact = |selector: &str| is_exact(page, selector, tops);
    for selector in &own {
        tried += 1;
        if exact(selector) {
            return Some(selector.clone());
        }
    }
    let mut around: Vec<String> = Vec::new();
    let mut level = parents;
    for depth in 0..4 {
        level.sort_unstable();
        level.dedup();
        let names: HashSet<&str> = level.iter().map(|at| outline.name(*at)).collect();
        let glue = if depth == 0 { " > " } else { " " };
        if level.len() == 1
            && let Some(id) = level.first().and_then(|at| outline.attr(*at, "id")).filter(|id| is_plain(id) && !id.bytes().any(|b| b.is_ascii_digit()))
        {
            around.push(format!("#{id}{glue}"));
        }
        if names.len() == 1 {
            let name = names.iter().next().copied().unwrap_or_default();
            around.extend(common_classes(outline, &level).iter().map(|class| format!("{name}.{class}{glue}")));
            if matches!(name, "main" | "ul" | "ol" | "tbody" | "section" | "dl") {
                around.push(format!("{name}{glue}"));
            }
        }
        level = level.iter().map(|at| outline.nodes[*at].parent).collect();
    }
    let ways = around.iter().flat_map(|around| own.iter().map(move |own| format!("{around}{own}")));
    for selector in ways {
        tried += 1;
        if exact(&selector) {
            return Some(selector);
        }
        if tried >= TRIES_MAX * 3 {
            break;
        }
    }
    None
}

/// Whether a selector matches these elements, and others only where they are no items.
fn is_exact(page: &Page<'_>, selector: &str, tops: &[usize]) -> bool {
    let Ok(selector) = Selector::parse(selector) else { return false };
    let wanted: HashSet<_> = tops.iter().map(|at| page.outline.nodes[*at].element.id()).collect();
    let mut matched = 0;
    for element in page.document.html.select(&selector) {
        matched += 1;
        // Among others without a link are heads of tables and forms.
        if !wanted.contains(&element.id()) && page.document.first_link(element).is_some() {
            return false;
        }
        if matched > tops.len() * 2 + 20 {
            return false;
        }
    }
    matched >= tops.len()
}

/// A selector that, inside most items, finds first what was found there.
fn field_selector(page: &Page<'_>, pairs: &[(usize, usize)]) -> Option<String> {
    let outline = &page.outline;
    let mut ways: Vec<String> = Vec::new();
    let mut push = |way: String| {
        if !ways.contains(&way) && ways.len() < TRIES_MAX {
            ways.push(way);
        }
    };
    for (top, at) in pairs.iter().take(3) {
        let name = outline.name(*at);
        let own = classes(outline.attr(*at, "class").unwrap_or_default());
        let parent = outline.nodes[*at].parent;
        if matches!(name, "time" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6") {
            push(name.to_owned());
        }
        own.iter().filter(|class| is_plain(class)).for_each(|class| push(format!(".{class}")));
        if parent != *top && outline.holds(*top, parent) {
            let around = classes(outline.attr(parent, "class").unwrap_or_default());
            if outline.is_heading(parent) {
                push(format!("{} {name}", outline.name(parent)));
            }
            around.iter().filter(|class| is_plain(class)).for_each(|class| push(format!(".{class} {name}")));
        }
        push(name.to_owned());
    }
    let mut best: Option<(usize, String)> = None;
    for way in ways {
        let Ok(selector) = Selector::parse(&way) else { continue };
        let agree = pairs
            .iter()
            .filter(|(top, at)| outline.nodes[*top].element.select(&selector).next().is_some_and(|found| found.id() == outline.nodes[*at].element.id()))
            .count();
        if best.as_ref().is_none_or(|(most, _)| agree > *most) {
            best = Some((agree, way));
        }
    }
    best.filter(|(agree, _)| agree * 100 >= pairs.len() * AGREE_MIN).map(|(_, way)| way)
}

fn common_classes<'a>(outline: &Outline<'a>, nodes: &[usize]) -> Vec<&'a str> {
    let mut sets = nodes.iter().map(|at| classes(outline.attr(*at, "class").unwrap_or_default()));
    let first = sets.next().unwrap_or_default();
    let mut common: Vec<&str> = first.into_iter().filter(|class| is_plain(class)).collect();
    for set in sets {
        common.retain(|class| set.contains(class));
    }
    common.truncate(4);
    common
}

/// Whether a name needs no escape in CSS.
fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}
