//! What is wrong with a configuration, and where.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use strsim::damerau_levenshtein;

/// One thing that is wrong, and what to do about it.
///
/// Displayed as `feeds.toml:12:1: unknown key "shedule" in [[source]]; did you mean "schedule"?`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file it is in.
    pub file: PathBuf,
    /// Its line, from 1.
    pub line: usize,
    /// Its column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}; {}", self.file.display(), self.line, self.column, self.what, self.remedy)
    }
}

/// Gathers the problems of one file.
pub(super) struct Report<'a> {
    file: &'a Path,
    text: &'a str,
    /// Where each line begins.
    lines: Vec<usize>,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
    /// Lines that are no TOML. What else is reported of them is their echo; so is anything missing, which may stand there.
    broken: Vec<usize>,
}

impl<'a> Report<'a> {
    pub(super) fn new(file: &'a Path, text: &'a str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { file, text, lines, problems: Vec::new(), warnings: Vec::new(), broken: Vec::new() }
    }

    /// Says that the file is no TOML at `span`.
    pub(super) fn syntax(&mut self, span: Option<Range<usize>>, message: &str) {
        let remedy = if message.starts_with("duplicate key") {
            "remove one of the two"
        } else {
            "mend the TOML here: text stands in quotes, lists in brackets, one setting a line"
        };
        let span = span.unwrap_or(0..0);
        self.add(span.clone(), format!("not readable as TOML: {message}"), remedy.to_owned());
        self.broken.push(self.line(span.start));
    }

    /// Says that something at `span` is wrong.
    pub(super) fn wrong(&mut self, span: Range<usize>, what: impl Into<String>, remedy: impl Into<String>) {
        if !self.broken.contains(&self.line(span.start)) {
            self.add(span, what.into(), remedy.into());
        }
    }

    /// Says that something is missing, which is certain only where the whole file could be read.
    pub(super) fn missing(&mut self, span: Range<usize>, what: impl Into<String>, remedy: impl Into<String>) {
        if self.broken.is_empty() {
            self.add(span, what.into(), remedy.into());
        }
    }

    /// Says that something at `span` can be used, and should be looked at.
    pub(super) fn warn(&mut self, span: Range<usize>, what: impl Into<String>, remedy: impl Into<String>) {
        let warning = self.problem(span, what.into(), remedy.into());
        self.warnings.push(warning);
    }

    /// What should be looked at, in the order of the file.
    pub(super) fn warnings(&mut self) -> Vec<Problem> {
        let mut warnings = std::mem::take(&mut self.warnings);
        warnings.sort_by_key(|warning| (warning.line, warning.column));
        warnings
    }

    /// The line of a byte offset, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
    }

    /// All problems in the order of the file.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| (problem.line, problem.column));
        self.problems.dedup();
        self.problems
    }

    fn add(&mut self, span: Range<usize>, what: String, remedy: String) {
        let problem = self.problem(span, what, remedy);
        self.problems.push(problem);
    }

    fn problem(&self, span: Range<usize>, what: String, remedy: String) -> Problem {
        let line = self.line(span.start);
        let start = self.lines.get(line - 1).copied().unwrap_or(0);
        let column = self.text.get(start..span.start).map_or(1, |before| before.chars().count() + 1);
        Problem { file: self.file.to_owned(), line, column, what, remedy }
    }
}

/// What users of other aggregators write for our keys.
const ALIASES: &[(&str, &str)] = &[
    ("interval", "schedule"),
    ("cron", "schedule"),
    ("refresh", "schedule"),
    ("name", "title"),
    ("heading", "title"),
    ("feed", "url"),
    ("link", "url"),
    ("href", "url"),
    ("tz", "time_zone"),
    ("lang", "language"),
    ("limit", "entries_max"),
    ("tags", "categories"),
    ("include", "any"),
    ("exclude", "none"),
    ("keywords", "any"),
    ("database", "store"),
    ("out", "output"),
    ("author", "curator"),
];

/// A remedy for a word that is none of `known`: the nearest one, and all where that one is far.
pub(super) fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some((_, ours)) = ALIASES.iter().find(|(theirs, ours)| *theirs == word && known.contains(ours)) {
        return format!("did you mean \"{ours}\"?");
    }
    let lower = word.to_lowercase();
    // Long names are compared by their last part too, so that `Helsinki` finds `Europe/Helsinki`.
    let distance = |name: &str| {
        let name = name.to_lowercase();
        let part = name.rsplit(['/', ':']).next().unwrap_or_default().trim();
        damerau_levenshtein(&lower, &name).min(damerau_levenshtein(&lower, part))
    };
    let Some((near, distance)) = known.iter().map(|name| (*name, distance(name))).min_by_key(|(_, distance)| *distance) else {
        return "there are none to choose from".to_owned();
    };
    if distance <= (lower.chars().count() / 3).max(1) || known.len() > 40 {
        format!("did you mean \"{near}\"?")
    } else {
        format!("the nearest is \"{near}\"; known are {}", known.join(", "))
    }
}
