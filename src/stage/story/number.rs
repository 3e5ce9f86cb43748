//! Numbers as they stand in news: `2.3 million`, `$85M`, `1,4 Milliarden`, `18 400`, `sixty-four thousand`.

/// Numbers below this tell little; they are left out.
const LEAST: f64 = 11.0;

/// A number that was read: its value, and how many of the words it took.
pub(super) struct Read {
    pub(super) value: f64,
    pub(super) words: usize,
}

/// Reads the number at the head of `words` (lower case, digits with their separators), or `None` if there is none worth keeping.
pub(super) fn read(words: &[&str], dot_groups: bool) -> Option<Read> {
    let first = words.first()?;
    // All that is a number begins so; most words do not.
    if !first.starts_with(|c: char| c.is_ascii_digit() || matches!(c, 'z' | 'o' | 't' | 'f' | 's' | 'e' | 'n')) {
        return None;
    }
    let (mut value, mut used, suffix) = if first.starts_with(|c: char| c.is_ascii_digit()) {
        let end = first.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(first.len());
        let (digits, suffix) = first.split_at(end);
        let mut digits = digits.trim_end_matches(['.', ',']).to_owned();
        let mut used = 1;
        // `18 400`: groups of three after a first of at most three.
        while suffix.is_empty() && digits.len() % 4 <= 3 && !digits.contains(['.', ',']) && (used > 1 || digits.len() <= 3) {
            match words.get(used) {
                Some(next) if next.len() == 3 && next.bytes().all(|b| b.is_ascii_digit()) => digits.push_str(next),
                _ => break,
            }
            used += 1;
        }
        (plain(&digits, dot_groups)?, used, suffix)
    } else {
        let (value, used) = spelled(words)?;
        (value, used, "")
    };
    let factor = match scale(suffix) {
        Some(factor) => factor,
        None if !suffix.is_empty() => return None,
        None => match words.get(used).and_then(|word| scale_word(word)) {
            Some(factor) => {
                used += 1;
                factor
            }
            None => 1.0,
        },
    };
    value *= factor;
    (value >= LEAST).then_some(Read { value, words: used })
}

/// The digits' value. One separator before exactly three digits groups thousands; any other is the decimal sign.
fn plain(digits: &str, dot_groups: bool) -> Option<f64> {
    let separators = digits.bytes().filter(|b| !b.is_ascii_digit()).count();
    let tail = digits.rsplit(['.', ',']).next().unwrap_or_default().len();
    let by_dot = digits.contains('.');
    // `2.300` is two and a bit in English, and two thousand in German; `2,300` the other way round.
    let groups = separators > 1 || (separators == 1 && tail == 3 && (by_dot == dot_groups));
    let text: String = if groups { digits.chars().filter(char::is_ascii_digit).collect() } else { digits.replace(',', ".") };
    text.parse().ok().filter(|value: &f64| value.is_finite() && *value < 1e15)
}

fn scale(suffix: &str) -> Option<f64> {
    Some(match suffix {
        "k" => 1e3,
        "m" | "mn" => 1e6,
        "bn" | "b" => 1e9,
        _ => return None,
    })
}

fn scale_word(word: &str) -> Option<f64> {
    const SCALES: [(&str, f64); 18] = [
        ("thousand", 1e3),
        ("tuhatta", 1e3),
        ("tusen", 1e3),
        ("tausend", 1e3),
        ("mille", 1e3),
        ("million", 1e6),
        ("millions", 1e6),
        ("miljoon", 1e6),
        ("miljon", 1e6),
        ("millionen", 1e6),
        ("mio", 1e6),
        ("billion", 1e9),
        ("bn", 1e9),
        ("miljardi", 1e9),
        ("miljard", 1e9),
        ("milliarde", 1e9),
        ("milliard", 1e9),
        ("mrd", 1e9),
    ];
    SCALES.iter().rev().find(|(name, _)| word == *name || (name.len() > 4 && word.starts_with(name))).map(|(_, factor)| *factor)
}

/// English number words.
fn spelled(words: &[&str]) -> Option<(f64, usize)> {
    const SMALL: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    let small = |word: &str| SMALL.iter().position(|name| *name == word);
    let first = words.first()?;
    let (value, used) = if let Some(tens) = TENS.iter().position(|name| name == first) {
        match words.get(1).and_then(|word| small(word)).filter(|unit| (1..10).contains(unit)) {
            Some(unit) => ((tens + 2) * 10 + unit, 2),
            None => ((tens + 2) * 10, 1),
        }
    } else {
        (small(first)?, 1)
    };
    Some((value as f64, used))
}

/// The number as a term: the value without decimals that nobody would retell.
pub(super) fn term(value: f64) -> String {
    if value < 100.0 && value.fract() != 0.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

/// Whether a number tells one event from others: `340` does, `12` and a year do not.
pub(super) fn is_telling(term: &str) -> bool {
    let digits = term.bytes().filter(u8::is_ascii_digit).count();
    let year = term.len() == 4 && (term.starts_with("19") || term.starts_with("20"));
    (digits >= 3 || term.contains('.')) && !year && !matches!(term, "100" | "1000" | "1000000" | "1000000000")
}
