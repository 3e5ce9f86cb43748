//! Which charset a page is in.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::stage::text::{markup, resolve_entities};

/// How far into a page a charset declaration is looked for. The HTML Standard asks for 1,024 bytes; comments push it further.
const DECLARATION_MAX_BYTES: usize = 4096;

/// Decodes a page: byte order mark, HTTP's charset, `<meta>`, UTF-8 where the bytes are valid, Windows-1252 (HTML Standard
/// 13.2.3.2, with UTF-8 before the locale's default). Bytes that the charset does not have become U+FFFD.
pub(crate) fn decode<'a>(bytes: &'a [u8], content_type: Option<&str>) -> Cow<'a, str> {
    if let Some((encoding, bom_bytes)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[bom_bytes..]).0;
    }
    let encoding = content_type
        .and_then(charset)
        .or_else(|| declared(&bytes[..bytes.len().min(DECLARATION_MAX_BYTES)]))
        .unwrap_or_else(|| if str::from_utf8(bytes).is_ok() { UTF_8 } else { WINDOWS_1252 });
    encoding.decode_without_bom_handling(bytes).0
}

/// The charset parameter of a media type.
fn charset(media_type: &str) -> Option<&'static Encoding> {
    let lower = media_type.to_ascii_lowercase();
    let (_, value) = lower.split_once("charset")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
    let end = value.find(|c: char| c.is_whitespace() || matches!(c, ';' | '"' | '\'' | ',')).unwrap_or(value.len());
    Encoding::for_label(&value.as_bytes()[..end])
}

/// What the page's own `<meta>` says.
fn declared(head: &[u8]) -> Option<&'static Encoding> {
    let head = WINDOWS_1252.decode_without_bom_handling(head).0;
    let encoding = markup::tokens(&head, 16).find_map(|token| {
        let markup::Token::Open(name, attributes) = token else { return None };
        if name != "meta" {
            return None;
        }
        let value = |wanted: &str| attributes.iter().find(|(key, _)| key == wanted).map(|(_, value)| resolve_entities(value));
        match value("charset") {
            Some(label) => Encoding::for_label(label.as_bytes()),
            None => value("http-equiv").filter(|name| name.eq_ignore_ascii_case("content-type")).and_then(|_| charset(&value("content")?)),
        }
    })?;
    // A declaration that can be read as ASCII is not in UTF-16.
    Some(if encoding == UTF_16LE || encoding == UTF_16BE { UTF_8 } else { encoding })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_says_so_decides() {
        let ascii_utf16 = b"<meta charset=utf-16>\xc3\xa9";
        for (bytes, content_type, wanted) in [
            (&b"\xc3\xa9"[..], None, "é"),
            (b"caf\xe9 \x93x\x94", None, "café “x”"),
            (b"\xef\xbb\xbf\xc3\xa9", Some("text/html; charset=iso-8859-1"), "é"),
            (b"\xff\xfea\0", None, "a"),
            (b"\xe4", Some("text/html; Charset=\"ISO-8859-15\""), "ä"),
            (b"\xa4", Some("text/html;charset = iso-8859-15; x=y"), "€"),
            (b"<meta charset=utf-8>\xd0", Some("text/html; charset=koi8-r"), "<meta charset=utf-8>п"),
            (b"<META CHARSET='koi8-r'>\xd0", Some("text/html"), "<META CHARSET='koi8-r'>п"),
            (
                b"<meta http-equiv=Content-Type content='text/html; charset=shift_jis'>\x83\x41",
                None,
                "<meta http-equiv=Content-Type content='text/html; charset=shift_jis'>ア",
            ),
            (b"<!-- <meta charset=koi8-r> -->\xc3\xa9", None, "<!-- <meta charset=koi8-r> -->é"),
            (ascii_utf16, None, "<meta charset=utf-16>é"),
            (b"\xc3\xa9", Some("text/html; charset=unheard-of"), "é"),
            (b"", None, ""),
        ] {
            assert_eq!(decode(bytes, content_type), wanted, "{content_type:?} {bytes:?}");
        }
    }
}
