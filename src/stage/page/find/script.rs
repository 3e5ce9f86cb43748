//! The scripts of a page, which the tree of its elements does not hold.

use memchr::{memchr, memmem};

use crate::stage::text::{markup, resolve_entities};

/// Most scripts looked at, and longest tag.
const SCRIPTS_MAX: usize = 500;
const TAG_MAX_BYTES: usize = 2_000;

/// A script element.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Script<'a> {
    /// Media type in lower case, empty where there is none.
    pub(super) media_type: String,
    pub(super) id: String,
    pub(super) text: &'a str,
}

/// The scripts with text of their own, in order. Linear in the length of the page.
pub(super) fn scripts(html: &str) -> Vec<Script<'_>> {
    let bytes = html.as_bytes();
    let mut scripts = Vec::new();
    let mut at = 0;
    while let Some(found) = memchr(b'<', bytes.get(at..).unwrap_or_default()) {
        let start = at + found;
        at = start + 1;
        if bytes[start..].starts_with(b"<!--") {
            let Some(end) = memmem::find(&bytes[start + 4..], b"-->") else { break };
            at = start + 4 + end;
            continue;
        }
        let names = |at: usize, name: &[u8]| bytes.get(at..at + name.len()).is_some_and(|word| word.eq_ignore_ascii_case(name));
        if !names(start + 1, b"script") || !bytes.get(start + 7).is_some_and(|b| b.is_ascii_whitespace() || *b == b'>') {
            continue;
        }
        let Some(tag_end) = tag_end(bytes, start + 7) else { continue };
        let mut end = tag_end;
        loop {
            match memmem::find(&bytes[end..], b"</") {
                Some(found) if names(end + found + 2, b"script") => {
                    end += found;
                    break;
                }
                Some(found) => end += found + 2,
                None => {
                    end = bytes.len();
                    break;
                }
            }
        }
        at = end;
        let (Some(tag), Some(text)) = (html.get(start + 7..tag_end), html.get(tag_end..end)) else { continue };
        // Scripts are no tokens, so the tag is read under another name.
        let tag = format!("<x{tag}");
        let attributes = match markup::tokens(&tag, 32).next() {
            Some(markup::Token::Open(_, attributes)) => attributes,
            _ => Vec::new(),
        };
        let value = |name: &str| attributes.iter().find(|(key, _)| key == name).map(|(_, value)| resolve_entities(value).trim().to_owned());
        if !text.trim().is_empty() {
            scripts.push(Script {
                media_type: value("type").unwrap_or_default().to_ascii_lowercase(),
                id: value("id").unwrap_or_default(),
                text,
            });
        }
        if scripts.len() == SCRIPTS_MAX {
            break;
        }
    }
    scripts
}

/// The position behind the `>` of a tag, quotes respected.
fn tag_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in bytes.iter().enumerate().skip(from).take(TAG_MAX_BYTES) {
        match (quote, *byte) {
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b'>') => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_found_where_a_browser_finds_them() {
        let html = "<SCRIPT type='Application/LD+JSON' id=\"a>b\">{\"x\": \"<b></b>\"}</script ><!-- <script>no</script> --><script src=x></script>\
                    <scripts>no</scripts><p><script>last";
        let seen: Vec<_> = scripts(html).into_iter().map(|script| (script.media_type, script.id, script.text)).collect();
        assert_eq!(
            seen,
            [("application/ld+json".to_owned(), "a>b".to_owned(), "{\"x\": \"<b></b>\"}"), (String::new(), String::new(), "last")]
        );
    }
}
