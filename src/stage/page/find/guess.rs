//! Selectors that find again what was found without any.

use std::collections::HashSet;

use scraper::Selector;

use super::Page;
use super::anchor::classes;
use super::cards::{Cluster, Item};
use super::outline::Outline;
use crate::config::PageSelectors;
use crate::stage::page::{Selectors, address, select};

/// Most selectors tried for the items of one list.
const TRIES_MAX: usize = 12;

/// Most lists of one page that selectors are made for.
const LISTS_MAX: usize = 6;

/// Most elements among the items that are none.
const OTHERS_MAX: usize = 4;

/// Share of items, in hundredths, in which a selector has to find what was found for it to be worth writing down.
const AGREE_MIN: usize = 60;

/// Selectors with which the page's items are found again, all that are in these lists and no others; `None` where there are none.
pub(super) fn selectors(page: &Page<'_>, clusters: &[Cluster], addresses: &HashSet<&str>) -> Option<PageSelectors> {
    let outline = &page.outline;
    let items: Vec<&Item> =
        clusters.iter().flat_map(|cluster| &cluster.items).filter(|item| addresses.contains(item.address.as_str())).collect();
    let wanted: HashSet<&str> = items.iter().map(|item| item.address.as_str()).collect();
    // A list that others added much to is no list of these elements.
    if items.is_empty() || clusters.len() > LISTS_MAX || wanted.len() * 10 < addresses.len() * 8 {
        return None;
    }
    let (mut parts, mut skip): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for cluster in clusters {
        let tops: Vec<usize> =
            cluster.items.iter().filter(|item| addresses.contains(item.address.as_str())).map(|item| item.range.start).collect();
        if tops.is_empty() {
            continue;
        }
        let (part, paths) = item_selector(page, &tops)?;
        if !parts.contains(&part) {
            parts.push(part);
        }
        skip.extend(paths);
    }
    let paths: Vec<String> = items.iter().map(|item| item.url.path().to_owned()).collect();
    if skip.iter().any(|skip| paths.iter().any(|path| path.starts_with(skip.as_str()))) {
        return None;
    }
    let within = |field: &dyn Fn(&Item) -> Option<usize>| {
        let pairs: Vec<(usize, usize)> = items.iter().filter_map(|item| Some((item.range.start, field(item)?))).collect();
        (!pairs.is_empty()).then(|| field_selector(page, &pairs))?
    };
    let title = within(&|item| Some(item.card.title_at));
    let first_link = |item: &&Item| {
        outline.subtree(item.range.start).find(|at| outline.attr(*at, "href").is_some_and(|href| page.document.link(href).is_some()))
    };
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
        skip,
        ..PageSelectors::default()
    };
    let compiled = Selectors::compile(selectors.item.as_deref()?, &selectors).ok()?;
    let again = select(page.document, &compiled, page.context);
    let found: HashSet<String> =
        again.entries.iter().filter_map(|entry| address(&url::Url::parse(&entry.links.first()?.href).ok()?)).collect();
    let dated = items.iter().filter(|item| item.card.date.is_some()).count();
    let dated_again = again.entries.iter().filter(|entry| entry.published.is_some()).count();
    let same = found.len() == wanted.len() && wanted.iter().all(|address| found.contains(*address));
    // A list that loses its dates is no repair.
    (same && dated_again * 10 >= dated * 9).then_some(selectors)
}

/// A selector for exactly these elements; where others match that no class tells apart, also the paths to skip.
fn item_selector(page: &Page<'_>, tops: &[usize]) -> Option<(String, Vec<String>)> {
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
    // Few others among the items: the first selector that leaves them out is kept for want of a better one.
    let mut nearly = None;
    let mut exact = |selector: &str| match matches(page, selector, tops) {
        Some((selector, skip)) if skip.is_empty() => Some((selector, skip)),
        other => {
            nearly = nearly.take().or(other);
            None
        }
    };
    for selector in &own {
        tried += 1;
        if let Some(found) = exact(selector) {
            return Some(found);
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
            && let Some(id) =
                level.first().and_then(|at| outline.attr(*at, "id")).filter(|id| is_plain(id) && !id.bytes().any(|b| b.is_ascii_digit()))
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
        if let Some(found) = exact(&selector) {
            return Some(found);
        }
        if tried >= TRIES_MAX * 3 {
            break;
        }
    }
    nearly
}

/// The selector, if it matches these elements, and of others only such as have no link, as heads of tables and forms, or few that a
/// class or their paths tell apart.
fn matches(page: &Page<'_>, selector: &str, tops: &[usize]) -> Option<(String, Vec<String>)> {
    let compiled = Selector::parse(selector).ok()?;
    let outline = &page.outline;
    let wanted: HashSet<_> = tops.iter().map(|at| outline.nodes[*at].element.id()).collect();
    let (mut matched, mut seen) = (0, 0);
    let mut others = Vec::new();
    for element in page.document.html.select(&compiled) {
        seen += 1;
        if wanted.contains(&element.id()) {
            matched += 1;
        } else if let Some(link) = page.document.first_link(element) {
            others.push((element, link));
        }
        if others.len() > OTHERS_MAX || seen > tops.len() * 2 + 20 {
            return None;
        }
    }
    if matched < tops.len() {
        return None;
    }
    let ours: HashSet<&str> = tops.iter().flat_map(|at| outline.nodes[*at].element.value().classes()).collect();
    let mut selector = selector.to_owned();
    let mut skip: Vec<String> = Vec::new();
    for (element, link) in others {
        let class = element.value().classes().find(|class| is_plain(class) && !ours.contains(class));
        match class {
            Some(class) if selector.contains(&format!(":not(.{class})")) => {}
            Some(class) => selector.push_str(&format!(":not(.{class})")),
            None if link.path() != "/" && link.host_str() == page.url.host_str() => skip.push(link.path().to_owned()),
            None => return None,
        }
    }
    Some((selector, skip))
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
        let place = outline.children(parent).take_while(|child| child < at).count() + 1;
        push(format!("{name}:nth-child({place})"));
    }
    let mut best: Option<(usize, String)> = None;
    for way in ways {
        let Ok(selector) = Selector::parse(&way) else { continue };
        let agree = pairs
            .iter()
            .filter(|(top, at)| {
                outline.nodes[*top].element.select(&selector).next().is_some_and(|found| found.id() == outline.nodes[*at].element.id())
            })
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
    // Those of a grid or with a number in them, which say less of what the element is.
    let mut sets = nodes.iter().map(|at| outline.attr(*at, "class").unwrap_or_default().split_ascii_whitespace().collect::<Vec<_>>());
    let mut other: Vec<&str> =
        sets.next().unwrap_or_default().into_iter().filter(|class| is_plain(class) && !common.contains(class)).collect();
    for set in sets {
        other.retain(|class| set.contains(class));
    }
    common.truncate(4);
    other.truncate(3);
    common.extend(other);
    common
}

/// Whether a name needs no escape in CSS.
fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}
