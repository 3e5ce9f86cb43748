//! One entry of a rule's list as it is written: fields, and what to find there.

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::literal::Extractor;

use super::field::Fields;
use super::term::{Term, TermError};

/// Most bytes of memory that one compiled expression, and its search, may take.
pub const REGEX_MAX_BYTES: usize = 1 << 20;

/// Fewest letters of a literal by which an expression's texts are chosen; shorter ones are in nearly all of them.
const LITERAL_MIN_BYTES: usize = 3;

/// What a rule looks for, and where.
///
/// - `words of a phrase`: a [`Term`].
/// - `"Exact Form"`, in quotes of its own (in TOML: `'"AI"'`): [`Term::parse_quoted`].
/// - `/expression/` or, in any case, `/expression/i`: a regular expression of the linear kind, in the syntax of the `regex` crate.
/// - Each of these after `title:`, `summary:`, `content:`, `url:`, `author:`, `source:` or `category:`: in that field only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Needle {
    /// Where it is looked for.
    pub fields: Fields,
    /// What is looked for.
    pub pattern: Pattern,
}

/// What a rule looks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// A word or phrase.
    Term(Term),
    /// An expression in the syntax of the `regex` crate, which has been compiled once.
    Regex(String),
}

impl Needle {
    /// Reads it as a rule has it.
    ///
    /// # Errors
    /// When it can never be found, or must not be looked for.
    pub fn parse(text: &str) -> Result<Self, TermError> {
        let (fields, rest) = scope(text.trim())?;
        let is_regex = |rest: &str| rest.len() > 2 && rest.starts_with('/') && (rest.ends_with('/') || rest.ends_with("/i"));
        let quoted = rest.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let pattern = if is_regex(rest) {
            let (inner, any_case) = match rest[1..].strip_suffix("/i") {
                Some(inner) => (inner, true),
                None => (rest[1..].trim_end_matches('/'), false),
            };
            let expression = if any_case { format!("(?i){inner}") } else { inner.to_owned() };
            let regex = compile(&expression)?;
            if regex.is_match("") || inner.is_empty() {
                return Err(TermError::RegexEmpty);
            }
            Pattern::Regex(expression)
        } else if let Some(quoted) = quoted {
            Pattern::Term(Term::parse_quoted(quoted)?)
        } else {
            Pattern::Term(Term::parse(rest)?)
        };
        Ok(Self { fields, pattern })
    }
}

/// Splits a scope off.
fn scope(text: &str) -> Result<(Fields, &str), TermError> {
    let Some((word, rest)) = text.split_once(':') else { return Ok((Fields::TEXT, text)) };
    if let Some(fields) = Fields::named(word) {
        return Ok((fields, rest.trim()));
    }
    let is_word = word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let near = Fields::NAMES.iter().map(|(name, _)| (strsim::damerau_levenshtein(word, name), *name)).min();
    match near {
        Some((1, name)) if is_word => Err(TermError::Scope(word.to_owned(), name)),
        _ => Ok((Fields::TEXT, text)),
    }
}

/// Compiles an expression within the limits of memory; its search takes time in proportion to the text, whatever it is.
pub(super) fn compile(expression: &str) -> Result<Regex, TermError> {
    let built = RegexBuilder::new(expression).size_limit(REGEX_MAX_BYTES).dfa_size_limit(REGEX_MAX_BYTES).nest_limit(50).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => TermError::RegexTooLarge,
        // The last line says it; those before draw arrows, which a sentence cannot hold.
        error => TermError::Regex(error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()),
    })
}

/// Literals of which one stands in whatever an expression matches, none where there are no telling ones.
pub(super) fn literals(expression: &str) -> Vec<String> {
    let Ok(hir) = regex_syntax::parse(expression) else { return Vec::new() };
    let literals = Extractor::new().extract(&hir);
    let Some(literals) = literals.literals() else { return Vec::new() };
    let texts: Vec<String> =
        literals.iter().filter_map(|literal| std::str::from_utf8(literal.as_bytes()).ok()).map(str::to_owned).collect();
    // One short or broken literal would let matches go unseen, or be in every text.
    let all = !texts.is_empty() && texts.len() == literals.len() && texts.iter().all(|text| text.len() >= LITERAL_MIN_BYTES);
    if all { texts } else { Vec::new() }
}
