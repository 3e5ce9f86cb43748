//! How surely two articles tell of one event.

use serde::{Deserialize, Serialize};

use super::sign::{Signature, Term};

/// Share of the shorter text's shingles from which two texts are near equal.
const NEAR_EQUAL: f64 = 0.55;
/// From this share on nothing else is asked.
const EQUAL: f64 = 0.85;
/// Fewer common shingles than this may be a set phrase.
const SHINGLES_LEAST: usize = 8;

/// Why two articles are one story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ground {
    /// They give one address.
    Address,
    /// Their texts are near equal.
    Text,
    /// They share names, numbers and rare words, close in time.
    Retold,
    /// An editor said so.
    Editor,
}

/// A bond between two articles.
#[derive(Clone, Debug, PartialEq)]
pub struct Bond {
    /// Its ground.
    pub ground: Ground,
    /// How sure, 0 to 1.
    pub score: f64,
    /// The terms they share, the most telling first; for near-equal text the share of it in percent.
    pub shared: Vec<String>,
}

/// An article ready for comparison: its terms by number, and what of its features does not depend on the other article.
pub(super) struct Prepared<'a> {
    pub(super) signature: &'a Signature,
    /// Its terms with their numbers over the whole comparison; sorted by number.
    pub(super) terms: Vec<(u32, Term)>,
    pub(super) hours: f64,
    own: Sums,
    /// Of these, what may survive a translation.
    travelling: Sums,
    /// Weight of its names.
    names: f64,
    telling: i32,
    events: f64,
    /// Some event is in the title.
    title_event: bool,
    /// What comes after an event is in the title.
    after: bool,
    column: bool,
}

/// Weights of an article's terms.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    all: f64,
    title: f64,
}

impl<'a> Prepared<'a> {
    pub(super) fn new(signature: &'a Signature, terms: Vec<(u32, Term)>, hours: f64) -> Self {
        Self {
            signature,
            terms,
            hours,
            own: Sums::default(),
            travelling: Sums::default(),
            names: 0.0,
            telling: 0,
            events: 0.0,
            title_event: false,
            after: false,
            column: false,
        }
    }

    /// Sums up its terms, once it is known how much each weighs.
    pub(super) fn sum_up(&mut self, weights: &[f64]) {
        for (number, term) in &self.terms {
            let weight = weights.get(*number as usize).copied().unwrap_or(0.0);
            let in_title = if term.in_title() { weight } else { 0.0 };
            self.own.all += weight;
            self.own.title += in_title;
            if term.travels() {
                self.travelling.all += weight;
                self.travelling.title += in_title;
            }
            if term.is_name() {
                self.names += weight;
            }
            self.telling += i32::from(term.is_telling_number());
            if term.is_event() {
                self.events += 1.0;
                self.title_event |= term.in_title();
            }
            self.after |= term.is_after() && term.in_title();
            self.column |= term.is_column();
        }
    }
}

/// One article's terms, looked up by number while it is compared with many.
#[derive(Debug, Default)]
pub(super) struct Focus {
    at: Option<usize>,
    /// By number: the article's term.
    terms: Vec<Option<Term>>,
}

impl Focus {
    /// Turns to the article with this index.
    pub(super) fn on(&mut self, at: usize, prepared: &[Prepared<'_>]) {
        if self.at == Some(at) {
            return;
        }
        let terms = |at: usize| prepared.get(at).into_iter().flat_map(|p| &p.terms);
        for (number, _) in self.at.into_iter().flat_map(terms) {
            self.terms.get_mut(*number as usize).into_iter().for_each(|slot| *slot = None);
        }
        for (number, term) in terms(at) {
            if self.terms.len() <= *number as usize {
                self.terms.resize(*number as usize + 1, None);
            }
            self.terms.get_mut(*number as usize).into_iter().for_each(|slot| *slot = Some(*term));
        }
        self.at = Some(at);
    }

    /// The terms that another article shares with this one: number, this one's, the other's.
    fn shared<'t>(&'t self, other: &'t Prepared<'_>) -> impl Iterator<Item = (u32, Term, Term)> + 't {
        other.terms.iter().filter_map(|(number, theirs)| Some((*number, (*self.terms.get(*number as usize)?)?, *theirs)))
    }

    /// Numbers of the shared terms, the most telling first.
    pub(super) fn most_telling(&self, other: &Prepared<'_>, weights: &[f64]) -> Vec<u32> {
        let weight = |number: u32| weights.get(number as usize).copied().unwrap_or(0.0);
        let mut shared: Vec<(f64, u32)> = self.shared(other).map(|(number, ..)| (weight(number), number)).collect();
        shared.sort_by(|x, y| y.0.total_cmp(&x.0).then(x.1.cmp(&y.1)));
        shared.into_iter().map(|(_, number)| number).collect()
    }
}

/// What two articles have in common, in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Features {
    /// Weight of shared terms over the mean weight of both, 0 to 1.
    pub(super) overlap: f64,
    /// Share of the shorter title's weight that the other article has.
    pub(super) title: f64,
    /// Weight of shared names.
    pub(super) names: f64,
    /// Shared telling numbers.
    pub(super) numbers: f64,
    /// Both have telling numbers, and none is shared.
    pub(super) other_numbers: f64,
    /// Shared events over all events of the two.
    pub(super) events: f64,
    /// Both tell of events, and of none that is the other's.
    pub(super) other_events: f64,
    /// Both name events in the title, and none is shared anywhere.
    pub(super) other_title_events: f64,
    /// Shared names over those of the article with fewer, by weight.
    pub(super) name_share: f64,
    /// Telling numbers of one that the other lacks, where both have some.
    pub(super) stray_numbers: f64,
    /// What comes after an event is told in one title only.
    pub(super) after: f64,
    /// One is a column about many events or none.
    pub(super) column: f64,
    /// Days between them.
    pub(super) days: f64,
    /// They are in two languages.
    pub(super) foreign: f64,
}

impl Features {
    /// Of the article in focus, `a`, and another. Only what they share is looked at; the rest was summed up before.
    pub(super) fn of(focus: &Focus, a: &Prepared<'_>, b: &Prepared<'_>, weights: &[f64]) -> Self {
        let foreign = a.signature.language != b.signature.language;
        // What a translation changes is not missed in it.
        let (mut whole_a, mut whole_b) = if foreign { (a.travelling, b.travelling) } else { (a.own, b.own) };
        let (mut names_a, mut names_b) = (a.names, b.names);
        let (mut both, mut title_a, mut title_b, mut names, mut events) = (0.0, 0.0, 0.0, 0.0, 0.0);
        let mut numbers = 0;
        for (number, x, y) in focus.shared(b) {
            let w = weights.get(number as usize).copied().unwrap_or(0.0);
            both += w;
            for (term, title, whole) in [(x, &mut title_a, &mut whole_a), (y, &mut title_b, &mut whole_b)] {
                let in_title = if term.in_title() { w } else { 0.0 };
                *title += in_title;
                if foreign && !term.travels() {
                    whole.all += w;
                    whole.title += in_title;
                }
            }
            // A name to one of them is one to both.
            if x.is_name() || y.is_name() {
                names += w;
                names_a += if x.is_name() { 0.0 } else { w };
                names_b += if y.is_name() { 0.0 } else { w };
            }
            numbers += i32::from(x.is_telling_number());
            events += f64::from(u8::from(x.is_event()));
        }
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        let is = |whether: bool| f64::from(u8::from(whether));
        let (some_events, some_numbers) = (a.events > 0.0 && b.events > 0.0, a.telling > 0 && b.telling > 0);
        Self {
            overlap: both / ((whole_a.all + whole_b.all) / 2.0).max(1.0),
            title: (share(title_a, whole_a.title) + share(title_b, whole_b.title)) / 2.0,
            names: (names / 5.0).min(6.0),
            numbers: f64::from(numbers.min(3)),
            other_numbers: is(some_numbers && numbers == 0),
            events: share(events, a.events + b.events - events),
            other_events: is(some_events && events == 0.0),
            other_title_events: is(a.title_event && b.title_event && events == 0.0),
            name_share: share(names, names_a.min(names_b)),
            stray_numbers: if some_numbers { f64::from(a.telling + b.telling - 2 * numbers.min(3)) / 2.0 } else { 0.0 },
            after: is(a.after != b.after),
            column: is(a.column || b.column),
            days: (a.hours - b.hours).abs() / 24.0,
            foreign: is(foreign),
        }
    }

    /// The features in the order of [`MODEL`].
    fn list(&self) -> [f64; 15] {
        [
            1.0,
            self.overlap,
            self.title,
            self.names,
            self.numbers,
            self.other_numbers,
            self.events,
            self.other_events,
            self.after,
            self.column,
            self.days.min(10.0),
            self.foreign,
            self.other_title_events,
            self.name_share,
            self.stray_numbers.min(3.0),
        ]
    }

    /// How surely one event is told, 0 to 1.
    pub(super) fn score(&self) -> f64 {
        let sum: f64 = self.list().iter().zip(MODEL).map(|(x, w)| x * w).sum();
        1.0 / (1.0 + (-sum).exp())
    }
}

/// Weights of the features: fitted by logistic regression on `tests/fixtures/stories/tune.jsonl` as it is, with its dates pressed
/// together and with its texts cut to a sentence; then rounded, and that of days weakened, as real newsrooms are slower than the fixtures'.
pub(super) const MODEL: [f64; 15] = [-4.8, 10.0, 2.5, 0.9, 1.2, -1.5, 0.8, -0.9, -1.8, -4.0, -0.8, -1.0, -0.3, 1.2, -0.1];

/// Share of the shorter text that the longer one has, if that may be enough for near-equal texts; else 0.
pub(super) fn contained(a: &Signature, b: &Signature) -> f64 {
    let (short, long) = if a.shingles.len() <= b.shingles.len() { (a, b) } else { (b, a) };
    let (short, long) = (short.shingles.as_slice(), long.shingles.as_slice());
    // With more than these missing it is not enough; most pairs are told apart long before their end.
    let missing_max = short.len() - (short.len() as f64 * NEAR_EQUAL) as usize;
    let (mut i, mut j, mut common) = (0, 0, 0);
    // Both are sorted.
    while let (Some(x), Some(y)) = (short.get(i), long.get(j)) {
        common += usize::from(x == y);
        i += usize::from(x <= y);
        j += usize::from(y <= x);
        if i - common > missing_max {
            return 0.0;
        }
    }
    if common < SHINGLES_LEAST { 0.0 } else { common as f64 / short.len().max(1) as f64 }
}

/// Whether two texts are one text: near equal, and where only near, with the same telling numbers in their titles.
pub(super) fn is_same_text(a: &Signature, b: &Signature, share: f64) -> bool {
    if share < NEAR_EQUAL {
        return false;
    }
    let numbers = |s: &'_ Signature| -> Vec<String> { s.terms.iter().filter(|t| t.is_number()).map(|t| s.text(*t).to_owned()).collect() };
    let (x, y) = (numbers(a), numbers(b));
    // A form that is filled in anew each week differs in its numbers.
    let apart = |x: &[String], y: &[String]| x.iter().filter(|n| !y.contains(n)).count();
    share >= EQUAL && (apart(&x, &y) == 0 || apart(&y, &x) == 0) || apart(&x, &y).min(apart(&y, &x)) == 0
}

/// Whether the two say that they are at one address.
pub(super) fn is_same_address(a: &Signature, b: &Signature) -> bool {
    a.addresses.iter().any(|address| b.addresses.binary_search(address).is_ok())
}
