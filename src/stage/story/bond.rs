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

/// An article ready for comparison: its terms by number, with their weights.
pub(super) struct Prepared<'a> {
    pub(super) signature: &'a Signature,
    /// Its terms with their numbers over the whole comparison; sorted by number.
    pub(super) terms: Vec<(u32, Term)>,
    pub(super) hours: f64,
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
    pub(super) fn of<'a>(a: &Prepared<'a>, b: &Prepared<'a>, weights: &[f64]) -> (Self, Vec<(f64, u32)>) {
        let foreign = a.signature.language != b.signature.language;
        let mut shared: Vec<(f64, u32)> = Vec::new();
        let mut f = Self { foreign: f64::from(u8::from(foreign)), days: (a.hours - b.hours).abs() / 24.0, ..Self::default() };
        let weight = |number: u32| weights.get(number as usize).copied().unwrap_or(0.0);
        let (mut i, mut j) = (0, 0);
        let (mut all_a, mut all_b, mut both) = (0.0, 0.0, 0.0);
        let (mut title_a, mut title_b, mut title_a_in_b, mut title_b_in_a) = (0.0, 0.0, 0.0, 0.0);
        let (mut telling_a, mut telling_b) = (0, 0);
        let (mut events_a, mut events_b, mut events_both) = (0.0, 0.0, 0.0);
        let (mut title_event_a, mut title_event_b) = (false, false);
        let (mut after_a, mut after_b) = (false, false);
        let (mut names_a, mut names_b) = (0.0, 0.0);
        let term = |p: &Prepared<'a>, at: usize| p.terms.get(at).copied();
        loop {
            let (left, right) = (term(a, i), term(b, j));
            let order = match (&left, &right) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some((x, _)), Some((y, _))) => x.cmp(y),
            };
            let left = left.filter(|_| order.is_le());
            let right = right.filter(|_| order.is_ge());
            i += usize::from(left.is_some());
            j += usize::from(right.is_some());
            let travels = [&left, &right].iter().any(|t| t.as_ref().is_some_and(|(_, t)| t.travels()));
            let name = [&left, &right].iter().any(|t| t.as_ref().is_some_and(|(_, t)| t.is_name()));
            if let (Some((n, x)), Some((_, y))) = (&left, &right) {
                let w = weight(*n);
                both += w;
                shared.push((w, *n));
                title_a += if x.in_title() { w } else { 0.0 };
                title_b += if y.in_title() { w } else { 0.0 };
                title_a_in_b += if x.in_title() { w } else { 0.0 };
                title_b_in_a += if y.in_title() { w } else { 0.0 };
                all_a += w;
                all_b += w;
                if name && !x.is_number() {
                    f.names += w;
                    names_a += w;
                    names_b += w;
                }
                if x.is_telling_number() {
                    f.numbers += 1.0;
                }
            }
            for (side, other, all, title, telling, events, title_event, after, names) in [
                (&left, &right, &mut all_a, &mut title_a, &mut telling_a, &mut events_a, &mut title_event_a, &mut after_a, &mut names_a),
                (&right, &left, &mut all_b, &mut title_b, &mut telling_b, &mut events_b, &mut title_event_b, &mut after_b, &mut names_b),
            ] {
                let Some((n, t)) = side else { continue };
                if t.is_telling_number() {
                    *telling += 1;
                }
                if t.is_event() {
                    *events += 1.0;
                    *title_event |= t.in_title();
                }
                if t.is_after() && t.in_title() {
                    *after = true;
                }
                if t.is_column() {
                    f.column = 1.0;
                }
                if other.is_none() && t.is_name() {
                    *names += weight(*n);
                }
                // What a translation changes is not missed in it.
                if other.is_none() && (!foreign || travels) {
                    let w = weight(*n);
                    *all += w;
                    *title += if t.in_title() { w } else { 0.0 };
                }
                if t.is_event() && other.is_some() {
                    events_both += 0.5;
                }
            }
        }
        f.overlap = both / ((all_a + all_b) / 2.0).max(1.0);
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        f.title = (share(title_a_in_b, title_a) + share(title_b_in_a, title_b)) / 2.0;
        f.other_numbers = f64::from(u8::from(telling_a > 0 && telling_b > 0 && f.numbers == 0.0));
        f.numbers = f.numbers.min(3.0);
        let shared_names = f.names;
        f.names = (f.names / 5.0).min(6.0);
        f.events = share(events_both, events_a + events_b - events_both);
        f.other_events = f64::from(u8::from(events_a > 0.0 && events_b > 0.0 && events_both == 0.0));
        f.other_title_events = f64::from(u8::from(title_event_a && title_event_b && events_both == 0.0));
        f.name_share = share(shared_names, names_a.min(names_b));
        if telling_a > 0 && telling_b > 0 {
            f.stray_numbers = (telling_a + telling_b - 2 * f.numbers as i32) as f64 / 2.0;
        }
        f.after = f64::from(u8::from(after_a != after_b));
        shared.sort_by(|x, y| y.0.total_cmp(&x.0).then(x.1.cmp(&y.1)));
        (f, shared)
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

/// Share of the shorter text that the longer one has, 0 to 1; 0 where too little is common to tell.
pub(super) fn contained(a: &Signature, b: &Signature) -> f64 {
    let (short, long) = if a.shingles.len() <= b.shingles.len() { (a, b) } else { (b, a) };
    // Both are sorted.
    let mut others = long.shingles.iter().peekable();
    let common = short.shingles.iter().filter(|s| {
        while others.next_if(|other| other < s).is_some() {}
        others.peek() == Some(s)
    });
    let common = common.count();
    if common < SHINGLES_LEAST { 0.0 } else { common as f64 / short.shingles.len().max(1) as f64 }
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
