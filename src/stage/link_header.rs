//! `Link` headers (RFC 8288 section 3).

/// Header lines longer than this, in bytes, are cut: real ones are below 1 KiB.
const HEADER_MAX_BYTES: usize = 8_192;

/// The targets of a `Link` header (several joined by commas) with their parameters as written. What is malformed ends the list.
pub(crate) fn links(header: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = match header.char_indices().nth(HEADER_MAX_BYTES) {
        Some((end, _)) => header.get(..end).unwrap_or_default(),
        None => header,
    };
    std::iter::from_fn(move || {
        let (target, after) = rest.split_once('<')?.1.split_once('>')?;
        let end = outside_quotes(after, ',');
        let parameters = after.get(..end)?;
        rest = after.get(end..)?;
        Some((target, parameters))
    })
}

/// Where the first such byte stands outside quotes; the end if there is none.
fn outside_quotes(text: &str, wanted: char) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if c == wanted && !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

/// The first parameter of this name, without its quotes.
pub(crate) fn parameter<'a>(text: &'a str, wanted: &str) -> Option<&'a str> {
    let mut rest = text;
    loop {
        rest = rest.trim_start().strip_prefix(';')?;
        let end = outside_quotes(rest, ';');
        let (name, value) = rest.get(..end)?.split_once('=').unwrap_or_default();
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value.trim().trim_matches('"'));
        }
        rest = rest.get(end..)?;
    }
}
