//! Puts articles together, each group one event.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use foldhash::HashMap;

use super::bond::{self, Bond, Features, Focus, Ground, Prepared};
use super::sign::{Signature, Term};

/// Days within which an event is retold.
pub const RETOLD_MAX_DAYS: i64 = 5;
/// Days within which a text, or an address, is the same story.
pub const SAME_MAX_DAYS: i64 = 14;
/// Terms and shingles that more articles have than this lead to no candidates: they tell nothing, and would cost squares.
const POSTINGS_MAX: usize = 80;
/// Candidates looked at for one article, those with the most in common first.
const CANDIDATES_MAX: usize = 24;
/// Weight in common from which two articles are compared.
const COMMON_LEAST: f64 = 4.0;
/// One in this many shingles leads to candidates; which one is a function of the shingle.
const SHINGLE_SAMPLE: u32 = 4;
/// Texts with fewer shingles than this may have none that is sampled.
const SAMPLED_LEAST: usize = 40;
/// Score from which two articles are bound.
const BOUND: f64 = 0.5;
/// Mean score that two groups need to become one.
const JOINED: f64 = 0.4;
/// Most members of a group.
const GROUP_MAX: usize = 100;

/// An article to be grouped.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// What is compared.
    pub signature: &'a Signature,
    /// Its source. Articles of one source are one story only where their texts are near equal.
    pub source: &'a str,
    /// When it was published.
    pub published: DateTime<Utc>,
    /// Breaks ties; unique.
    pub url: &'a str,
    /// The group it was put in before, which it keeps; groups that were told apart before stay apart.
    pub group: Option<u64>,
}

/// Where an article was put.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// Index of the group's first member: the same for all of a group, its own for an article that is alone.
    pub first: usize,
    /// The bond that brought it in: between which two, itself or one that came with it, and a member; `None` for the first and for
    /// those put there before.
    pub bond: Option<(usize, usize, Bond)>,
}

/// Groups articles. The result is a function of the set of members: their order does not matter but for the indexes.
///
/// `together` are indexes of those that an editor joined: they are one group whatever else is so.
///
/// Terms and sampled shingles lead to candidates, so that the work grows with what articles have in common and not with the square
/// of their number.
#[must_use]
pub fn group(members: &[Member<'_>], together: &[Vec<usize>]) -> Vec<Placed> {
    // By date and address, so that nothing below depends on the order given.
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by(|a, b| key(members, *a).cmp(&key(members, *b)));
    let sorted: Vec<Member<'_>> = order.iter().filter_map(|n| members.get(*n).copied()).collect();
    let table = Table::new(&sorted);
    let mut bonds: Vec<(usize, usize, Bond)> = table.bonds();
    bonds.sort_by(|x, y| y.2.score.total_cmp(&x.2.score).then((x.0, x.1).cmp(&(y.0, y.1))));
    let mut groups = Groups::new(&table);
    let mut place_of: Vec<usize> = vec![0; order.len()];
    order.iter().enumerate().for_each(|(at, original)| place_of.get_mut(*original).into_iter().for_each(|slot| *slot = at));
    for joined in together {
        let mut joined: Vec<usize> = joined.iter().filter_map(|n| place_of.get(*n).copied()).collect();
        joined.sort_unstable();
        for pair in joined.windows(2) {
            if let [a, b] = pair {
                groups.merge(*a, *b, &Bond { ground: Ground::Editor, score: 1.0, shared: Vec::new() });
            }
        }
    }
    for (a, b, bond) in &bonds {
        groups.join(*a, *b, bond);
    }
    let mut placed: Vec<Placed> = (0..members.len()).map(|n| Placed { first: n, bond: None }).collect();
    for (at, original) in order.iter().enumerate() {
        let first = groups.first(at);
        if let (Some(slot), Some(first)) = (placed.get_mut(*original), order.get(first)) {
            slot.first = *first;
            slot.bond = groups.bonds.get(&at).and_then(|(of, with, bond)| Some((*order.get(*of)?, *order.get(*with)?, bond.clone())));
        }
    }
    placed
}

/// The shingles that lead to candidates.
fn sampled(signature: &Signature) -> impl Iterator<Item = u32> {
    signature.shingles.iter().copied().filter(|s| s.is_multiple_of(SHINGLE_SAMPLE))
}

fn key<'a>(members: &[Member<'a>], at: usize) -> (Option<DateTime<Utc>>, &'a str) {
    members.get(at).map_or((None, ""), |m| (Some(m.published), m.url))
}

/// All articles, with what is needed to compare any two.
struct Table<'a> {
    members: &'a [Member<'a>],
    prepared: Vec<Prepared<'a>>,
    /// Weight of each term.
    weights: Vec<f64>,
    texts: Vec<&'a str>,
    postings: Vec<Vec<u32>>,
}

impl<'a> Table<'a> {
    fn new(members: &'a [Member<'a>]) -> Self {
        let mut numbers: HashMap<&str, u32> = HashMap::default();
        let (mut texts, mut postings, mut names): (Vec<&str>, Vec<Vec<u32>>, Vec<bool>) = Default::default();
        let mut kinds: Vec<Term> = Vec::new();
        let mut prepared = Vec::with_capacity(members.len());
        let began = members.iter().map(|m| m.published).min().unwrap_or_default();
        for (at, member) in members.iter().enumerate() {
            let mut terms = Vec::with_capacity(member.signature.terms.len());
            for term in &member.signature.terms {
                let text = member.signature.text(*term);
                let number = *numbers.entry(text).or_insert_with(|| {
                    texts.push(text);
                    postings.push(Vec::new());
                    names.push(false);
                    kinds.push(*term);
                    texts.len() as u32 - 1
                });
                if let Some(list) = postings.get_mut(number as usize) {
                    list.push(at as u32);
                }
                if let Some(name) = names.get_mut(number as usize) {
                    *name |= term.is_name();
                }
                terms.push((number, *term));
            }
            terms.sort_unstable_by_key(|(number, _)| *number);
            let hours = (member.published - began).num_minutes() as f64 / 60.0;
            prepared.push(Prepared::new(member.signature, terms, hours));
        }
        let weights: Vec<f64> =
            postings.iter().zip(&kinds).zip(&names).map(|((list, term), name)| weight(list.len(), members.len(), *term, *name)).collect();
        prepared.iter_mut().for_each(|p: &mut Prepared<'_>| p.sum_up(&weights));
        Self { members, prepared, weights, texts, postings }
    }

    /// Every bond that may make a story.
    fn bonds(&self) -> Vec<(usize, usize, Bond)> {
        let mut bonds = Vec::new();
        let mut focus = Focus::default();
        self.candidates(&mut |at, other, may_be_one_text| {
            focus.on(at, &self.prepared);
            if let Some(tie) = self.tie(&focus, at, other, may_be_one_text).filter(|tie| tie.score >= BOUND) {
                bonds.push((at.min(other), at.max(other), self.bond(&focus, other, tie)));
            }
        });
        bonds
    }

    /// Hands over pairs that may belong together, and whether they may be one text. Of two that were put somewhere before, nothing is
    /// asked.
    fn candidates(&self, visit: &mut dyn FnMut(usize, usize, bool)) {
        let shingles = Sharers::of(self.members, |m| sampled(m.signature).map(u64::from));
        let addresses = Sharers::of(self.members, |m| m.signature.addresses.iter().copied());
        // By article: the weight in common, 0 for nothing, and whether that is of the text.
        let mut common: Vec<(f64, bool)> = vec![(0.0, false); self.members.len()];
        let (mut touched, mut best): (Vec<u32>, Vec<(f64, u32, bool)>) = Default::default();
        for (at, _) in self.members.iter().enumerate().filter(|(_, m)| m.group.is_none()) {
            let Some(prepared) = self.prepared.get(at) else { continue };
            let mut count = |list: &[u32], weight: f64, of_text: bool| {
                for other in if list.len() <= POSTINGS_MAX { list } else { &[] } {
                    let Some(common) = common.get_mut(*other as usize) else { continue };
                    if common.0 == 0.0 {
                        touched.push(*other);
                    }
                    common.0 += weight;
                    common.1 |= of_text;
                }
            };
            for (number, _) in &prepared.terms {
                if let (Some(list), Some(weight)) = (self.postings.get(*number as usize), self.weights.get(*number as usize)) {
                    count(list, *weight, false);
                }
            }
            shingles.lists(at).for_each(|list| count(list, 2.0, true));
            addresses.lists(at).for_each(|list| count(list, 100.0, false));
            let is_other = |other: usize| other < at || (other > at && self.members.get(other).is_some_and(|m| m.group.is_some()));
            best.clear();
            for other in touched.drain(..) {
                let (weight, of_text) = common.get_mut(other as usize).map(std::mem::take).unwrap_or_default();
                if weight >= COMMON_LEAST && is_other(other as usize) {
                    best.push((weight, other, of_text));
                }
            }
            if best.len() > CANDIDATES_MAX {
                best.select_nth_unstable_by(CANDIDATES_MAX, |x, y| y.0.total_cmp(&x.0).then(x.1.cmp(&y.1)));
                best.truncate(CANDIDATES_MAX);
            }
            for (_, other, of_text) in &best {
                let shingles = |n: usize| self.members.get(n).map_or(0, |m| m.signature.shingles.len());
                // Of texts this long that are near equal some sampled shingle is shared.
                let may_be_one_text = *of_text || shingles(at).min(shingles(*other as usize)) < SAMPLED_LEAST;
                visit(at, *other as usize, may_be_one_text);
            }
        }
    }

    /// What ties two articles, the first of them in focus; `None` if they are too far apart in time, or nothing does.
    fn tie(&self, focus: &Focus, a: usize, b: usize, may_be_one_text: bool) -> Option<Tie> {
        let (x, y) = (self.members.get(a)?, self.members.get(b)?);
        let days = (x.published - y.published).abs().num_hours() as f64 / 24.0;
        if days > SAME_MAX_DAYS as f64 {
            return None;
        }
        if bond::is_same_address(x.signature, y.signature) {
            return Some(Tie { ground: Ground::Address, score: 1.0, share: 0.0 });
        }
        let share = if may_be_one_text { bond::contained(x.signature, y.signature) } else { 0.0 };
        if bond::is_same_text(x.signature, y.signature, share) {
            return Some(Tie { ground: Ground::Text, score: 0.99, share });
        }
        if days > RETOLD_MAX_DAYS as f64 || x.source == y.source {
            return None;
        }
        let features = Features::of(focus, self.prepared.get(a)?, self.prepared.get(b)?, &self.weights);
        Some(Tie { ground: Ground::Retold, score: features.score().min(0.98), share })
    }

    /// A tie with the words for it, which few are kept long enough to need.
    fn bond(&self, focus: &Focus, other: usize, tie: Tie) -> Bond {
        let shared = match (tie.ground, self.prepared.get(other)) {
            (Ground::Text, _) => vec![format!("{:.0} %", tie.share * 100.0)],
            (Ground::Retold, Some(other)) => {
                let numbers = focus.most_telling(other, &self.weights);
                numbers.iter().take(6).filter_map(|n| self.texts.get(*n as usize)).map(|t| (*t).to_owned()).collect()
            }
            _ => Vec::new(),
        };
        Bond { ground: tie.ground, score: tie.score, shared }
    }
}

/// A bond without its words.
#[derive(Clone, Copy)]
struct Tie {
    ground: Ground,
    score: f64,
    /// Share of the shorter text that the longer one has, where that was asked.
    share: f64,
}

/// Which articles have what in common, of things that most articles have for themselves.
struct Sharers {
    /// The articles that share one thing, ascending.
    lists: Vec<Vec<u32>>,
    /// By article: its lists.
    of: Vec<Vec<u32>>,
}

impl Sharers {
    fn of<'a, I: Iterator<Item = u64>>(members: &'a [Member<'a>], things: impl Fn(&'a Member<'a>) -> I) -> Self {
        let pairs = members.iter().enumerate().flat_map(|(at, member)| things(member).map(move |thing| (thing, at as u32)));
        let mut pairs: Vec<(u64, u32)> = pairs.collect();
        // Sorted, not hashed: no list is made for what one article has alone.
        pairs.sort_unstable();
        let (mut lists, mut of) = (Vec::new(), vec![Vec::new(); members.len()]);
        for run in pairs.chunk_by(|x, y| x.0 == y.0).filter(|run| (2..=POSTINGS_MAX).contains(&run.len())) {
            for (_, at) in run {
                of.get_mut(*at as usize).into_iter().for_each(|of: &mut Vec<u32>| of.push(lists.len() as u32));
            }
            lists.push(run.iter().map(|(_, at)| *at).collect());
        }
        Self { lists, of }
    }

    fn lists(&self, at: usize) -> impl Iterator<Item = &[u32]> {
        self.of.get(at).into_iter().flatten().filter_map(|list| self.lists.get(*list as usize)).map(Vec::as_slice)
    }
}

/// How telling a term is: the rarer the more. Few articles say little of how rare a word is, so each kind starts with a guess.
fn weight(articles: usize, of: usize, term: Term, name: bool) -> f64 {
    const GUESSED: f64 = 200.0;
    let rate = if term.is_concept() {
        0.03
    } else if name {
        0.001
    } else if term.is_number() {
        if term.is_telling_number() { 0.002 } else { 0.02 }
    } else {
        0.01
    };
    (1.0 + (of as f64 + GUESSED) / (articles as f64 + GUESSED * rate)).ln()
}

/// Groups in the making.
struct Groups<'t, 'a> {
    table: &'t Table<'a>,
    /// The group of each article: the index of one of its members.
    of: Vec<usize>,
    members: BTreeMap<usize, Vec<usize>>,
    /// The group from before, by group.
    kept: HashMap<usize, u64>,
    /// For each article but a group's first: which two were bound, and how.
    bonds: HashMap<usize, (usize, usize, Bond)>,
    focus: Focus,
}

impl<'t, 'a> Groups<'t, 'a> {
    fn new(table: &'t Table<'a>) -> Self {
        let mut of: Vec<usize> = (0..table.members.len()).collect();
        let mut first_of: HashMap<u64, usize> = HashMap::default();
        let (mut members, mut kept): (BTreeMap<usize, Vec<usize>>, HashMap<usize, u64>) = Default::default();
        for (at, member) in table.members.iter().enumerate() {
            let home = member.group.map_or(at, |group| *first_of.entry(group).or_insert(at));
            if let Some(slot) = of.get_mut(at) {
                *slot = home;
            }
            members.entry(home).or_default().push(at);
            if let Some(group) = member.group {
                kept.insert(home, group);
            }
        }
        Self { table, of, members, kept, bonds: HashMap::default(), focus: Focus::default() }
    }

    fn first(&self, at: usize) -> usize {
        self.of.get(at).and_then(|home| self.members.get(home)).and_then(|m| m.iter().min()).copied().unwrap_or(at)
    }

    /// Makes one group of two, unless they were told apart before or most of their members are strangers.
    fn join(&mut self, a: usize, b: usize, bond: &Bond) {
        let (Some(&home), Some(&guest)) = (self.of.get(a), self.of.get(b)) else { return };
        if (self.kept.contains_key(&home) && self.kept.contains_key(&guest)) || home == guest || !self.agree(home, guest) {
            return;
        }
        self.merge(a, b, bond);
    }

    fn merge(&mut self, a: usize, b: usize, bond: &Bond) {
        let (Some(&home), Some(&guest)) = (self.of.get(a), self.of.get(b)) else { return };
        if home == guest {
            return;
        }
        // The group from before keeps its place; else the one with the earliest member.
        let (home, guest, newcomer, known) = match (self.kept.contains_key(&guest), home < guest) {
            (true, _) => (guest, home, a, b),
            (false, _) if self.kept.contains_key(&home) => (home, guest, b, a),
            (false, true) => (home, guest, b, a),
            (false, false) => (guest, home, a, b),
        };
        let moving = self.members.remove(&guest).unwrap_or_default();
        for at in &moving {
            if let Some(slot) = self.of.get_mut(*at) {
                *slot = home;
            }
        }
        self.members.entry(home).or_default().extend(moving);
        // All of the guests but their first came to one another before; the first is told by the bond that brought them all.
        self.bonds.insert(guest, (newcomer, known, bond.clone()));
    }

    fn agree(&mut self, home: usize, guest: usize) -> bool {
        let (Some(x), Some(y)) = (self.members.get(&home), self.members.get(&guest)) else { return false };
        if x.len() + y.len() > GROUP_MAX {
            return false;
        }
        let mut sum = 0.0;
        for a in x {
            self.focus.on(*a, &self.table.prepared);
            for b in y {
                let tie = self.table.tie(&self.focus, *a, *b, true);
                let same_source = self.table.members.get(*a).map(|m| m.source) == self.table.members.get(*b).map(|m| m.source);
                if same_source && !tie.is_some_and(|tie| tie.ground != Ground::Retold) {
                    return false;
                }
                sum += tie.map_or(0.0, |tie| tie.score);
            }
        }
        sum / (x.len() * y.len()) as f64 >= JOINED
    }
}
