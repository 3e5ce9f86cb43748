//! Cuts a text into words, numbers and signs.

/// Most tokens that are looked at; a date with all its trimmings has about twenty.
const TOKENS_MAX: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Word,
    /// Any other character that is not blank.
    Sign(char),
}

/// A run of digits, a run of letters, or one other character.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// Byte position in the whole text.
    pub(super) start: usize,
    /// Whether a blank comes before it.
    pub(super) spaced: bool,
}

impl Token<'_> {
    /// The value of a number that may be part of a date.
    pub(super) fn value(&self) -> Option<u32> {
        (self.kind == Kind::Number && self.text.len() <= 8).then(|| self.text.parse().ok())?
    }
}

/// The tokens of a text; at most [`TOKENS_MAX`].
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::with_capacity(24);
    let mut spaced = false;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if tokens.len() == TOKENS_MAX {
            break;
        }
        let is_letter = |c: char| c.is_alphabetic() || matches!(c, '_' | '\u{300}'..='\u{36f}');
        let (kind, length) = if first.is_whitespace() {
            spaced = true;
            rest = &rest[first.len_utf8()..];
            continue;
        } else if first.is_ascii_digit() {
            (Kind::Number, rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()))
        } else if is_letter(first) {
            (Kind::Word, rest.find(|c: char| !is_letter(c)).unwrap_or(rest.len()))
        } else {
            let sign = if matches!(first, '−' | '–' | '‐' | '‑') { '-' } else { first };
            (Kind::Sign(sign), first.len_utf8())
        };
        let (token, after) = rest.split_at(length);
        tokens.push(Token { kind, text: token, start: text.len() - rest.len(), spaced });
        spaced = false;
        rest = after;
    }
    tokens
}
