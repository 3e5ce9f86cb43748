//! A topic's rule: lists within lists, weights, a threshold.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::field::Fields;
use super::needle::Needle;
use super::term::TermError;

/// Largest weight of a term, either way.
pub const WEIGHT_MAX: i64 = 1_000;

/// The lists of a rule, or of a group within one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    /// At least one must be found, if there are any.
    pub any: Vec<Item>,
    /// Each must be found.
    pub all: Vec<Item>,
    /// None may be found.
    pub none: Vec<Item>,
}

/// One entry of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Item {
    /// Something to find.
    Word(Word),
    /// Lists of its own, found if they hold. Within `any` and `all` its words of `any` and `all` count towards the score.
    Group(Group),
}

/// Something to find, as the rule has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Word {
    /// In the form that [`Needle::parse`] reads.
    pub text: String,
    /// Times the field's weight it counts towards the score, -[`WEIGHT_MAX`] to [`WEIGHT_MAX`]. A word of negative weight
    /// speaks against the topic: it does not satisfy `any`, and lowers the score.
    pub weight: i64,
}

impl Word {
    /// A word of weight 1.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), weight: 1 }
    }
}

/// A list of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum List {
    /// At least one must be found, if there are any.
    Any,
    /// Each must be found.
    All,
    /// None may be found.
    None,
    /// The publisher's categories that stand for the topic.
    From,
}

impl List {
    /// Its key in the rule.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::All => "all",
            Self::None => "none",
            Self::From => "from",
        }
    }
}

impl Group {
    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.any.is_empty() && self.all.is_empty() && self.none.is_empty()
    }

    /// Its lists.
    pub fn lists(&self) -> [(List, &[Item]); 3] {
        [(List::Any, &self.any), (List::All, &self.all), (List::None, &self.none)]
    }
}

/// What has been found of each needle: bits of fields.
pub(super) type Found = Vec<u8>;

/// A group in numbers.
#[derive(Debug, Default)]
pub(super) struct Lists {
    any: Vec<Node>,
    all: Vec<Node>,
    none: Vec<Node>,
}

#[derive(Debug)]
enum Node {
    Leaf(usize),
    Lists(Lists),
}

/// A word of a rule.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) needle: usize,
    fields: Fields,
    pub(super) weight: i64,
    pub(super) list: List,
    /// Whether its weight is in the score: it stands in no `none`, and not here for a second time.
    pub(super) counts: bool,
}

impl Leaf {
    /// The fields that it was found in.
    pub(super) fn found(&self, found: &Found) -> u8 {
        found.get(self.needle).map_or(0, |bits| bits & self.fields.0)
    }
}

/// A topic's rule, ready to be held against an article.
#[derive(Debug)]
pub(super) struct Compiled {
    lists: Lists,
    pub(super) leaves: Vec<Leaf>,
    /// The leaves' words as the rule has them; apart, because every article goes through all leaves and hardly any word.
    pub(super) texts: Vec<String>,
    pub(super) threshold: Option<i64>,
}

impl Compiled {
    /// Compiles a rule; `index` numbers the needles of all rules.
    pub(super) fn new(group: &Group, threshold: Option<i64>, index: &mut impl FnMut(Needle) -> usize) -> Result<Self, (String, TermError)> {
        let mut rule = Self { lists: Lists::default(), leaves: Vec::new(), texts: Vec::new(), threshold };
        rule.lists = rule.add(group, false, index)?;
        let mut seen = HashSet::new();
        for leaf in rule.leaves.iter_mut().filter(|leaf| leaf.counts) {
            leaf.counts = seen.insert((leaf.needle, leaf.fields));
        }
        Ok(rule)
    }

    fn add(&mut self, group: &Group, negated: bool, index: &mut impl FnMut(Needle) -> usize) -> Result<Lists, (String, TermError)> {
        let mut lists = Lists::default();
        for (list, items) in group.lists() {
            let negated = negated || list == List::None;
            for item in items {
                let node = match item {
                    Item::Group(inner) => Node::Lists(self.add(inner, negated, index)?),
                    Item::Word(word) => {
                        let needle = Needle::parse(&word.text).map_err(|error| (word.text.clone(), error))?;
                        let fields = needle.fields;
                        let needle = index(needle);
                        self.leaves.push(Leaf { needle, fields, weight: word.weight, list, counts: !negated });
                        self.texts.push(word.text.clone());
                        Node::Leaf(self.leaves.len() - 1)
                    }
                };
                match list {
                    List::Any => lists.any.push(node),
                    List::All => lists.all.push(node),
                    List::None | List::From => lists.none.push(node),
                }
            }
        }
        Ok(lists)
    }

    /// The article's score, and whether it belongs.
    pub(super) fn judge(&self, found: &Found) -> (i64, bool) {
        let (mut score, mut is_wanted) = (0, false);
        for leaf in &self.leaves {
            let bits = leaf.found(found);
            // Nearly every word is in no field.
            if bits != 0 && leaf.counts {
                score += leaf.weight * Fields(bits).weight();
                is_wanted |= leaf.weight > 0;
            }
        }
        // A rule of nothing but `none` would take in every article.
        let holds = is_wanted && self.threshold.is_none_or(|threshold| score >= threshold) && self.lists_hold(&self.lists, found);
        (score, holds)
    }

    /// Whether its outermost `none` keeps the article out.
    pub(super) fn refuses(&self, found: &Found) -> bool {
        self.lists.none.iter().any(|node| self.node_holds(node, found, false))
    }

    fn lists_hold(&self, lists: &Lists, found: &Found) -> bool {
        (lists.any.is_empty() || lists.any.iter().any(|node| self.node_holds(node, found, true)))
            && lists.all.iter().all(|node| self.node_holds(node, found, false))
            && !lists.none.iter().any(|node| self.node_holds(node, found, false))
    }

    fn node_holds(&self, node: &Node, found: &Found, for_it: bool) -> bool {
        match node {
            Node::Leaf(leaf) => self.leaves.get(*leaf).is_some_and(|leaf| leaf.found(found) != 0 && (leaf.weight > 0 || !for_it)),
            Node::Lists(lists) => self.lists_hold(lists, found),
        }
    }

    /// Words of the outermost `all` that were not found.
    pub(super) fn missing(&self, found: &Found) -> Vec<String> {
        let absent = self.lists.all.iter().filter(|node| !self.node_holds(node, found, false));
        absent.map(|node| self.spell(node)).collect()
    }

    /// A node as the rule has it.
    fn spell(&self, node: &Node) -> String {
        match node {
            Node::Leaf(leaf) => self.texts.get(*leaf).cloned().unwrap_or_default(),
            Node::Lists(lists) => {
                let list = |name: &str, nodes: &[Node]| {
                    let nodes: Vec<String> = nodes.iter().map(|node| self.spell(node)).collect();
                    (!nodes.is_empty()).then(|| format!("{name} of {}", nodes.join(", ")))
                };
                let lists = [list("any", &lists.any), list("all", &lists.all), list("none", &lists.none)];
                format!("({})", lists.into_iter().flatten().collect::<Vec<_>>().join("; "))
            }
        }
    }
}

/// Why a rule can bring no article in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NeverMatches {
    /// Nothing that would bring an article in.
    #[error("nothing in it brings an article in: every word is under none, or of negative weight")]
    NothingWanted,
    /// All words found everywhere would score less.
    #[error("its threshold of {threshold} is out of reach: all its words in all their fields score {reach}")]
    Threshold {
        /// What is asked.
        threshold: i64,
        /// The best score.
        reach: i64,
    },
}

/// Whether a rule, all of whose words can be parsed, could ever match.
///
/// # Errors
/// The first reason why not.
pub fn check(group: &Group, threshold: Option<i64>) -> Result<(), NeverMatches> {
    let mut known: HashMap<Needle, usize> = HashMap::new();
    let mut number = |needle: Needle| {
        let next = known.len();
        *known.entry(needle).or_insert(next)
    };
    let Ok(rule) = Compiled::new(group, threshold, &mut number) else { return Ok(()) };
    let wanted = || rule.leaves.iter().filter(|leaf| leaf.counts && leaf.weight > 0);
    if wanted().next().is_none() {
        return Err(NeverMatches::NothingWanted);
    }
    let any = &rule.lists.any;
    if !any.is_empty() && any.iter().all(|node| matches!(node, Node::Leaf(leaf) if rule.leaves[*leaf].weight <= 0)) {
        return Err(NeverMatches::NothingWanted);
    }
    let reach = wanted().map(|leaf| leaf.weight * leaf.fields.weight()).sum();
    match threshold {
        Some(threshold) if threshold > reach => Err(NeverMatches::Threshold { threshold, reach }),
        _ => Ok(()),
    }
}
