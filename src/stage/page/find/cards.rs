//! Lists that are told by what repeats: links of one kind, each in an element of its own.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use url::Url;

use super::Page;
use super::anchor::{Anchor, is_named};
use super::card::{self, Card, Dated};
use super::outline::Piece;
use super::region::Region;

/// Least [`Cluster::strength`] of a list.
const STRENGTH_MIN: f64 = 2.2;

/// That of a list where there is no other and it is long enough to be one.
const STRENGTH_MIN_ALONE: f64 = 1.4;
const ALONE_MIN_ITEMS: usize = 4;

/// More text than this around one link is not its item, in bytes.
const ITEM_MAX_BYTES: usize = 6_000;

/// And so are more elements than this.
const ITEM_MAX_NODES: usize = 600;

/// Fewest items that follow each other in a way that tells what belongs to which.
const FLAT_MIN_ITEMS: usize = 3;

/// Most lists that are completed by what stands beside their items.
const COMPLETED_MAX: usize = 20;

/// One item.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Whole elements that are siblings, one as a rule.
    pub(super) range: Range<usize>,
    pub(super) anchor: usize,
    pub(super) url: Url,
    pub(super) address: String,
    pub(super) card: Card,
}

/// Items of one kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Cluster {
    pub(super) items: Vec<Item>,
    /// Whether they stand in the page's main part.
    pub(super) main: bool,
    /// How like news they are, 0 to about 8.
    pub(super) strength: f64,
    dated: f64,
    summed: f64,
    headed: f64,
}

/// The lists of a page, in no order. `trusted` are addresses that the page's metadata lists as articles.
pub(super) fn clusters(page: &Page<'_>, anchors: &[Anchor], trusted: &HashSet<&str>) -> Vec<Cluster> {
    let mut taken = Taken::new(page);
    let mut found = Vec::new();
    let headlines: Vec<(usize, &str)> =
        anchors.iter().filter(|anchor| anchor.heading || anchor.titled).map(|anchor| (anchor.node, anchor.address.as_str())).collect();
    for group in groups(anchors) {
        let free: Vec<&Anchor> = group.iter().copied().filter(|anchor| !taken.holds(anchor.node)).collect();
        // Links inside items of another list: their authors, tags and the like.
        if free.is_empty() || free.len() * 2 < group.len() {
            continue;
        }
        let ranges = ranges(page, &free, &headlines, &taken);
        let Some(cluster) = read(page, &free, ranges, &taken) else { continue };
        if cluster.strength < STRENGTH_MIN && !(cluster.items.len() >= ALONE_MIN_ITEMS && cluster.strength >= STRENGTH_MIN_ALONE) {
            continue;
        }
        // A weak list holds nothing that a better one might still want.
        if cluster.strength >= STRENGTH_MIN {
            cluster.items.iter().for_each(|item| taken.take(&item.range));
        }
        found.push(cluster);
    }
    choose(page, found, trusted)
}

/// Links by kind, the likeliest headlines first; a link that only calls to read on counts where nothing else leads there.
fn groups(anchors: &[Anchor]) -> Vec<Vec<&Anchor>> {
    let mut at: HashMap<(u64, bool), usize> = HashMap::new();
    let mut groups: Vec<Vec<&Anchor>> = Vec::new();
    let headed: HashSet<&str> =
        anchors.iter().filter(|anchor| anchor.heading && anchor.titled).map(|anchor| anchor.address.as_str()).collect();
    let titled: HashSet<&str> = anchors.iter().filter(|anchor| anchor.titled).map(|anchor| anchor.address.as_str()).collect();
    for anchor in anchors {
        let is_second = if anchor.titled || anchor.heading {
            !anchor.heading && headed.contains(anchor.address.as_str())
        } else {
            titled.contains(anchor.address.as_str())
        };
        if is_second {
            continue;
        }
        let place = *at.entry((anchor.kind, anchor.titled || anchor.heading)).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[place].push(anchor);
    }
    let likely = |group: &Vec<&Anchor>| {
        let count = group.len() as f64;
        let distinct = group.iter().map(|anchor| anchor.address.as_str()).collect::<HashSet<_>>().len() as f64 / count;
        let share = |is: &dyn Fn(&Anchor) -> bool| group.iter().filter(|anchor| is(anchor)).count() as f64 / count;
        let one = 2.0 * share(&|anchor| anchor.heading) + 1.5 * share(&|anchor| is_named(&anchor.url)) + share(&|anchor| anchor.titled);
        one * distinct * distinct * (1.0 + count).ln()
    };
    let mut scored: Vec<(f64, Vec<&Anchor>)> = groups.into_iter().map(|group| (likely(&group), group)).collect();
    scored.sort_by(|one, other| other.0.total_cmp(&one.0));
    scored.into_iter().map(|(_, group)| group).collect()
}

/// Elements that belong to items already.
struct Taken {
    nodes: Vec<bool>,
    /// Elements that hold one that is taken.
    around: Vec<bool>,
    parents: Vec<usize>,
}

impl Taken {
    fn new(page: &Page<'_>) -> Self {
        let count = page.outline.nodes.len();
        Self { nodes: vec![false; count], around: vec![false; count], parents: page.outline.nodes.iter().map(|node| node.parent).collect() }
    }

    fn holds(&self, at: usize) -> bool {
        self.nodes[at]
    }

    fn take(&mut self, range: &Range<usize>) {
        for at in range.clone() {
            self.nodes[at] = true;
        }
        let mut at = range.start;
        while self.parents[at] != at && !self.around[self.parents[at]] {
            at = self.parents[at];
            self.around[at] = true;
        }
    }
}

/// The element of each link that holds no other of its kind.
fn ranges(page: &Page<'_>, group: &[&Anchor], headlines: &[(usize, &str)], taken: &Taken) -> Vec<Range<usize>> {
    let outline = &page.outline;
    // One link alone is bounded by all others that are headlines elsewhere.
    let distinct = group.iter().map(|anchor| anchor.address.as_str()).collect::<HashSet<_>>().len();
    let own: Vec<(usize, &str)> = group.iter().map(|anchor| (anchor.node, anchor.address.as_str())).collect();
    let bounds = if distinct == 1 { headlines } else { &own };
    let climbs = |at: usize, low: usize, high: usize| {
        let node = &outline.nodes[at];
        let fits = at > low
            && node.end <= high
            && node.end - at <= ITEM_MAX_NODES
            && !taken.around[at]
            && outline.text(at).len() <= ITEM_MAX_BYTES;
        fits && !matches!(outline.name(at), "main" | "body" | "html" | "form") && outline.attr(at, "role") != Some("main")
    };
    let mut levels: Vec<usize> = Vec::with_capacity(group.len());
    for anchor in group {
        let place = bounds.partition_point(|(node, _)| *node < anchor.node);
        let other = |(_, address): &&(usize, &str)| *address != anchor.address;
        let low = bounds[..place].iter().rev().take(20).find(other).map_or(0, |(node, _)| *node);
        let high = bounds[place..].iter().take(20).find(other).map_or(usize::MAX, |(node, _)| *node);
        levels.push(outline.ancestors(anchor.node).take_while(|at| climbs(*at, low, high)).count());
    }
    // The last one of a list may seem to go further up than the others: there is nothing after it.
    let mut counts: HashMap<usize, usize> = HashMap::new();
    levels.iter().for_each(|level| *counts.entry(*level).or_default() += 1);
    let usual = counts.iter().max_by_key(|(level, count)| (**count, usize::MAX - **level)).map_or(0, |(level, _)| *level);
    let usual = if distinct <= 2 { levels.iter().copied().min().unwrap_or(0) } else { usual };
    group
        .iter()
        .zip(levels)
        .map(|(anchor, level)| {
            let top = outline.ancestors(anchor.node).take(level.min(usual)).last().unwrap_or(anchor.node);
            outline.subtree(top)
        })
        .collect()
}

fn read(page: &Page<'_>, group: &[&Anchor], ranges: Vec<Range<usize>>, taken: &Taken) -> Option<Cluster> {
    let plain = items(page, group, &ranges);
    let mut best = Cluster::of(page, plain);
    if best.items.is_empty() {
        return None;
    }
    // Items that are not in one element each: what follows the link up to the next one, or precedes it, belongs to it too.
    let flat = best.items.len() >= FLAT_MIN_ITEMS;
    if flat && (best.dated < 0.5 || best.summed < 0.5) {
        for stretched in [after(page, &ranges), before(page, &ranges)].into_iter().flatten() {
            if stretched.iter().any(|range| range.clone().any(|at| taken.nodes[at])) {
                continue;
            }
            let cluster = Cluster::of(page, items(page, group, &stretched));
            let better = |cluster: &Cluster| 2.0 * cluster.dated + cluster.summed;
            if better(&cluster) > better(&best) + 0.05 {
                best = cluster;
            }
        }
    }
    if flat && best.dated < 0.5 {
        date_by_groups(page, &mut best, taken);
    }
    best.tidy();
    best.weigh();
    (!best.items.is_empty()).then_some(best)
}

fn items(page: &Page<'_>, group: &[&Anchor], ranges: &[Range<usize>]) -> Vec<Item> {
    let mut known: HashMap<&str, usize> = HashMap::new();
    let mut items: Vec<Item> = Vec::new();
    for (anchor, range) in group.iter().zip(ranges) {
        let Some(card) = card::read(page, range, anchor.node) else { continue };
        let item = Item { range: range.clone(), anchor: anchor.node, url: anchor.url.clone(), address: anchor.address.clone(), card };
        match known.get(anchor.address.as_str()) {
            // The picture's link and the headline's, or a second copy for small screens.
            Some(&at) => {
                if items[at].card.date.is_none() && item.card.date.is_some() {
                    items[at] = item;
                }
            }
            None => {
                known.insert(&anchor.address, items.len());
                items.push(item);
            }
        }
    }
    items
}

/// Each range up to the start of the next one, if they are siblings.
fn after(page: &Page<'_>, ranges: &[Range<usize>]) -> Option<Vec<Range<usize>>> {
    let outline = &page.outline;
    let parent = |range: &Range<usize>| outline.nodes[range.start].parent;
    let mut longest = 0;
    let mut out: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for (at, range) in ranges.iter().enumerate() {
        let until = match ranges.get(at + 1) {
            Some(next) if parent(next) == parent(range) && next.start >= range.end => {
                longest = longest.max(next.start - range.end);
                next.start
            }
            Some(_) => range.end,
            // The last has at most as much as the longest of the others.
            None => {
                let mut end = range.end;
                while end < outline.nodes[parent(range)].end && outline.nodes[end].end <= range.end + longest {
                    end = outline.nodes[end].end;
                }
                end
            }
        };
        out.push(range.start..until);
    }
    (longest > 0).then_some(out)
}

/// Each range from the end of the one before it, if they are siblings; the first has as many elements as the second.
fn before(page: &Page<'_>, ranges: &[Range<usize>]) -> Option<Vec<Range<usize>>> {
    let outline = &page.outline;
    let parent = |range: &Range<usize>| outline.nodes[range.start].parent;
    let mut out: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    let mut any = false;
    for (at, range) in ranges.iter().enumerate() {
        let start = match at.checked_sub(1).and_then(|before| ranges.get(before)) {
            Some(last) if parent(last) == parent(range) && last.end <= range.start => last.end,
            Some(_) => range.start,
            None => outline.children(parent(range)).take_while(|child| *child < range.start).last().unwrap_or(range.start),
        };
        any |= start < range.start;
        out.push(start..range.end);
    }
    any.then_some(out)
}

/// Dates that stand above several items.
fn date_by_groups(page: &Page<'_>, cluster: &mut Cluster, taken: &Taken) {
    let outline = &page.outline;
    let mut dates: Vec<Option<Dated>> = Vec::with_capacity(cluster.items.len());
    let mut end = None;
    for item in &cluster.items {
        let list = || outline.ancestors(item.range.start).take(3).last().unwrap_or(0);
        let from = end.unwrap_or_else(list).min(item.range.start);
        let gap = outline.pieces_in(&(from..item.range.start));
        let in_gap = |piece: &&Piece| {
            // A date in something with links is an item's, and stands above nothing.
            let block = std::iter::once(piece.parent)
                .chain(outline.ancestors(piece.parent))
                .take_while(|at| !outline.holds(*at, item.range.start))
                .last();
            (from..item.range.start).contains(&piece.parent)
                && !taken.holds(piece.parent)
                && block.is_none_or(|at| outline.nodes[at].links == 0)
        };
        let found = gap.iter().rev().filter(in_gap).take(6).find_map(|piece| {
            let raw = outline.piece(piece);
            let at = (raw.len() <= 40 && raw.bytes().any(|b| b.is_ascii_digit())).then(|| card::read_date(page, raw, false))??;
            Some(Dated { at, raw: raw.to_owned(), node: piece.parent })
        });
        dates.push(found.or_else(|| dates.last().cloned().flatten()));
        end = Some(item.range.end);
    }
    if dates.iter().filter(|date| date.is_some()).count() * 10 >= cluster.items.len() * 6 {
        for (item, date) in cluster.items.iter_mut().zip(dates) {
            item.card.date = item.card.date.take().or(date);
        }
    }
}

impl Cluster {
    fn of(page: &Page<'_>, items: Vec<Item>) -> Self {
        let main = items.first().is_none_or(|item| page.outline.nodes[item.anchor].region == Region::Main);
        let mut cluster = Self { items, main, ..Self::default() };
        cluster.weigh();
        cluster
    }

    /// Whether most of its items have dates.
    pub(super) fn is_dated(&self) -> bool {
        self.dated >= 0.5
    }

    fn weigh(&mut self) {
        let count = self.items.len().max(1) as f64;
        let share = |is: &dyn Fn(&Item) -> bool| self.items.iter().filter(|item| is(item)).count() as f64 / count;
        let dated = share(&|item| item.card.date.is_some());
        let summed = share(&|item| item.card.summary.is_some());
        let headed = share(&|item| item.card.headed);
        let named = share(&|item| is_named(&item.url));
        let pictured = share(&|item| item.card.image.is_some());
        let worded = share(&|item| item.card.title.split_whitespace().count() >= 3 || item.card.title.chars().count() >= 20);
        let strength = 3.0 * dated + 1.5 * headed + 1.5 * summed + 0.75 * named + 0.5 * pictured + 0.75 * worded;
        (self.dated, self.summed, self.headed, self.strength) = (dated, summed, headed, strength);
    }

    /// Leaves out what stands among the items and is none: hubs, and what is paid for.
    fn tidy(&mut self) {
        let (dated, summed) = (self.dated, self.summed);
        self.items.retain(|item| {
            let words = item.card.title.split_whitespace().count();
            let hub = dated >= 0.5 && item.card.date.is_none() && ((summed >= 0.5 && item.card.summary.is_none()) || words < 3);
            !item.card.paid && !hub
        });
    }

    /// Whether all its dates are yet to come: events.
    fn is_ahead(&self, page: &Page<'_>) -> bool {
        let latest = page.context.now + chrono::TimeDelta::days(1);
        let mut dates = self.items.iter().filter_map(|item| item.card.date.as_ref()).peekable();
        dates.peek().is_some() && dates.all(|date| date.at > latest)
    }

    fn weight(&self) -> f64 {
        self.strength * (self.items.len().min(10) as f64).sqrt()
    }
}

/// Of all that may be lists, those that are.
fn choose(page: &Page<'_>, mut found: Vec<Cluster>, trusted: &HashSet<&str>) -> Vec<Cluster> {
    // One undated link is no list.
    let confirmed = |cluster: &Cluster| cluster.items.iter().any(|item| trusted.contains(item.address.as_str()));
    let any_main =
        found.iter().any(|cluster| cluster.main && cluster.strength >= STRENGTH_MIN && !(cluster.is_ahead(page) && cluster.summed < 0.5));
    found.retain(|cluster| cluster.main || confirmed(cluster) || (!any_main && cluster.dated >= 0.5));
    let rank = |cluster: &Cluster| (confirmed(cluster), cluster.weight());
    let Some(best) = found.iter().max_by(|one, other| rank(one).0.cmp(&rank(other).0).then(rank(one).1.total_cmp(&rank(other).1))).cloned()
    else {
        return Vec::new();
    };
    let place = |url: &Url| (url.host_str().map(str::to_owned), url.path_segments().and_then(|mut parts| parts.next().map(str::to_owned)));
    let mut places: HashMap<_, usize> = HashMap::new();
    best.items.iter().for_each(|item| *places.entry(place(&item.url)).or_default() += 1);
    let usual =
        places.into_iter().max_by_key(|(_, count)| *count).filter(|(_, count)| count * 2 > best.items.len()).map(|(place, _)| place);
    let first = best.items.first().map(|item| item.range.start);
    found.retain(|cluster| {
        let alone = cluster.items.len() == 1 && cluster.dated < 0.5;
        let here = usual.is_some() && cluster.items.iter().all(|item| Some(place(&item.url)) == usual);
        let is_best = cluster.items.first().map(|item| item.range.start) == first;
        if confirmed(cluster) || (is_best && !alone) {
            return true;
        }
        if cluster.strength < STRENGTH_MIN || (cluster.is_ahead(page) && cluster.summed < 0.5) {
            return false;
        }
        if cluster.dated >= 0.5 {
            return cluster.strength >= 0.45 * best.strength;
        }
        let alike = cluster.strength >= 0.75 * best.strength;
        let leads = here && cluster.headed >= 0.5 && cluster.items.len() <= 4 && (cluster.summed >= 0.5 || cluster.strength >= 3.0);
        (best.dated < 0.5 && alike) || leads
    });
    found
}

/// Items that stand beside those of a list and look the same, but for their link.
pub(super) fn complete(page: &Page<'_>, anchors: &[Anchor], found: &mut [Cluster]) {
    let outline = &page.outline;
    let mut taken = Taken::new(page);
    found.iter().flat_map(|cluster| &cluster.items).for_each(|item| taken.take(&item.range));
    let mut known: HashSet<String> = found.iter().flat_map(|cluster| &cluster.items).map(|item| item.address.clone()).collect();
    for cluster in found.iter_mut().filter(|cluster| cluster.items.len() > 1).take(COMPLETED_MAX) {
        let mut parents: Vec<(usize, &str)> =
            cluster.items.iter().map(|item| (outline.nodes[item.range.start].parent, outline.name(item.range.start))).collect();
        parents.sort_unstable();
        parents.dedup();
        let mut more = Vec::new();
        for (parent, name) in parents {
            for child in outline.children(parent) {
                if outline.name(child) != name
                    || taken.holds(child)
                    || taken.around[child]
                    || outline.nodes[child].region != outline.nodes[parent].region
                {
                    continue;
                }
                let range = outline.subtree(child);
                let from = anchors.partition_point(|anchor| anchor.node < range.start);
                let within = anchors[from..].iter().take_while(|anchor| anchor.node < range.end);
                // A whole list is no item, nor is what stands beside the news.
                let headed: HashSet<&str> = within.clone().filter(|anchor| anchor.heading).map(|anchor| anchor.address.as_str()).collect();
                let beside = |anchor: &Anchor| (outline.nodes[anchor.node].region == Region::Main) != cluster.main;
                if headed.len() > 1 || range.len() > ITEM_MAX_NODES || within.clone().any(beside) {
                    continue;
                }
                let Some(anchor) = within.max_by_key(|anchor| (anchor.heading, anchor.titled, std::cmp::Reverse(anchor.node))) else {
                    continue;
                };
                let Some(card) = card::read(page, &range, anchor.node) else { continue };
                let fits = if cluster.dated >= 0.5 { card.date.is_some() } else { card.summary.is_some() && card.headed };
                if fits && !card.paid && card.headed as usize as f64 >= cluster.headed.floor() && known.insert(anchor.address.clone()) {
                    more.push(Item { range, anchor: anchor.node, url: anchor.url.clone(), address: anchor.address.clone(), card });
                }
            }
        }
        cluster.items.extend(more);
        cluster.items.sort_by_key(|item| item.range.start);
    }
}
