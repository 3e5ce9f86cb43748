//! Bytes to characters: the charset that a document is really in.

use crate::entry::{Problem, ReadStage};
use crate::syntax::is_xml_char;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use std::borrow::Cow;

/// Where an XML declaration's encoding is looked for, in bytes: junk may stand before it.
const DECLARATION_WINDOW: usize = 1024;
/// How much text the charset detector sees, in bytes: more does not change its mind, only its duration.
const DETECT_WINDOW: usize = 64 << 10;

/// A document's text, borrowed when the bytes were clean UTF-8, and what was overridden on the way.
#[derive(Debug)]
pub(super) struct Decoded<'a> {
    pub text: Cow<'a, str>,
    pub problems: Vec<Problem>,
}

/// Decodes a document. What the bytes can be decides; HTTP's charset and the declaration, in this order (RFC 7303 section 3), decide among
/// what they can be; a detector decides where both are silent or wrong.
pub(super) fn decode<'a>(bytes: &'a [u8], content_type: Option<&str>, url: Option<&url::Url>) -> Decoded<'a> {
    let mut problems = Vec::new();
    let text = characters(bytes, content_type, url, &mut problems);
    let text = match without_controls(&text) {
        Some(clean) => {
            note(&mut problems, "characters that XML forbids were dropped");
            Cow::Owned(clean)
        }
        None => text,
    };
    Decoded { text, problems }
}

fn note(problems: &mut Vec<Problem>, what: impl Into<String>) {
    problems.push(Problem { entry: None, stage: ReadStage::Decode, what: what.into() });
}

fn characters<'a>(bytes: &'a [u8], content_type: Option<&str>, url: Option<&url::Url>, problems: &mut Vec<Problem>) -> Cow<'a, str> {
    if let Some(rest) = bytes.strip_prefix(b"\xEF\xBB\xBF") {
        // The mark was put there by whoever wrote UTF-8; a declaration that says otherwise is a template's.
        return utf8_or(rest, None, problems);
    }
    if let Some(wide) = wide(bytes) {
        return Cow::Owned(wide);
    }
    let http = content_type.and_then(charset_of).and_then(label);
    let declared = declared_label(bytes).and_then(label);
    if bytes.is_ascii() {
        let escape = memchr::memchr(0x1B, bytes).is_some();
        for label in [http, declared].into_iter().flatten() {
            match label {
                Label::Utf7 => return Cow::Owned(utf7(bytes)),
                Label::Of(encoding) if escape && encoding == encoding_rs::ISO_2022_JP => {
                    return encoding.decode_without_bom_handling(bytes).0;
                }
                _ => {}
            }
        }
        return ascii_or_utf8(bytes);
    }
    let labels: Vec<&'static Encoding> = [http, declared].into_iter().flatten().filter_map(Label::encoding).collect();
    if let Ok(text) = std::str::from_utf8(bytes) {
        let other = labels.iter().copied().find(|encoding| *encoding != UTF_8);
        // Chinese and its kin may be valid UTF-8 by accident when short; UTF-8 of such text would hold three-byte characters.
        if let Some(encoding) = other.filter(|encoding| !labels.contains(&UTF_8) && is_double_byte(encoding))
            && !bytes.iter().any(|b| *b >= 0xE0)
            && let (decoded, false) = encoding.decode_without_bom_handling(bytes)
        {
            return decoded;
        }
        if let Some(encoding) = labels.first().filter(|encoding| **encoding != UTF_8) {
            note(problems, format!("declared as {}, is utf-8", encoding.name().to_ascii_lowercase()));
        }
        return Cow::Borrowed(text);
    }
    for encoding in labels.iter().copied().filter(|encoding| *encoding != UTF_8) {
        if let (text, false) = encoding.decode_without_bom_handling(bytes) {
            return text;
        }
    }
    let claim = labels.first().copied().filter(|encoding| *encoding != UTF_8);
    utf8_or(bytes, Some(Guess { claim, url }), problems)
}

/// What may be tried when bytes are not UTF-8.
struct Guess<'u> {
    claim: Option<&'static Encoding>,
    url: Option<&'u url::Url>,
}

/// Text that is UTF-8 but for some bytes, or in a charset that must be guessed.
fn utf8_or<'a>(bytes: &'a [u8], guess: Option<Guess<'_>>, problems: &mut Vec<Problem>) -> Cow<'a, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let (mut good, mut bad) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().bytes().filter(|b| *b >= 0xC0).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    if let Some(guess) = guess.filter(|_| good <= bad) {
        let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
        // Only what is not ASCII tells charsets apart, and it may stand late.
        let from = bytes.iter().position(|b| !b.is_ascii()).unwrap_or(0);
        let window = &bytes[from.saturating_sub(32)..bytes.len().min(from + DETECT_WINDOW)];
        detector.feed(window, true);
        let tld = guess.url.and_then(url::Url::domain).and_then(|host| host.rsplit('.').next()).map(str::to_ascii_lowercase);
        let tld = tld.as_deref().filter(|tld| tld.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')).map(str::as_bytes);
        let encoding = detector.guess(tld, chardetng::Utf8Detection::Deny);
        let (text, errors) = encoding.decode_without_bom_handling(bytes);
        if let (true, Some(claim)) = (errors, guess.claim) {
            note(problems, format!("some bytes are not {}", claim.name().to_ascii_lowercase()));
            return claim.decode_without_bom_handling(bytes).0;
        }
        note(problems, format!("is not what its charset says; read as {}", encoding.name().to_ascii_lowercase()));
        return text;
    }
    note(problems, format!("{bad} byte sequences are not utf-8; read as windows-1252"));
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.push_str(&encoding_rs::WINDOWS_1252.decode_without_bom_handling(chunk.invalid()).0);
    }
    Cow::Owned(out)
}

fn ascii_or_utf8(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// A charset's name, resolved.
#[derive(Clone, Copy)]
enum Label {
    Of(&'static Encoding),
    Utf7,
}

impl Label {
    fn encoding(self) -> Option<&'static Encoding> {
        match self {
            // Bytes without a zero among the first are no UTF-16, whatever they are called.
            Self::Of(encoding) if encoding == UTF_16LE || encoding == UTF_16BE || encoding == encoding_rs::REPLACEMENT => None,
            Self::Of(encoding) => Some(encoding),
            Self::Utf7 => None,
        }
    }
}

fn label(name: &str) -> Option<Label> {
    let name = name.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'' || c == ';');
    if name.eq_ignore_ascii_case("utf-7") || name.eq_ignore_ascii_case("utf7") {
        return Some(Label::Utf7);
    }
    let python = || name.replace('_', "-");
    Encoding::for_label_no_replacement(name.as_bytes()).or_else(|| Encoding::for_label_no_replacement(python().as_bytes())).map(Label::Of)
}

fn is_double_byte(encoding: &'static Encoding) -> bool {
    use encoding_rs::{BIG5, EUC_JP, EUC_KR, GB18030, GBK, SHIFT_JIS};
    [BIG5, EUC_JP, EUC_KR, GB18030, GBK, SHIFT_JIS].contains(&encoding)
}

/// The `charset` parameter of a media type.
fn charset_of(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim())
    })
}

/// The `encoding` of the first XML declaration.
fn declared_label(bytes: &[u8]) -> Option<&str> {
    let window = &bytes[..bytes.len().min(DECLARATION_WINDOW)];
    let start = memchr::memmem::find(window, b"<?xml")?;
    let window = &window[start..];
    let window = &window[..memchr::memchr(b'>', window).unwrap_or(window.len())];
    let at = memchr::memmem::find(window, b"encoding")? + b"encoding".len();
    let rest = std::str::from_utf8(window.get(at..)?).ok()?.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|c| *c == '"' || *c == '\'')?;
    rest[1..].split(quote).next()
}

/// Text of two or four bytes a character, told by its mark or by where its zeros are.
fn wide(bytes: &[u8]) -> Option<String> {
    let start = bytes.get(..4)?;
    let (le32, be32) = (start == [0xFF, 0xFE, 0, 0], start == [0, 0, 0xFE, 0xFF]);
    let window = &bytes[..bytes.len().min(256)];
    let mut zeros = [0_usize; 4];
    for (at, byte) in window.iter().enumerate() {
        zeros[at % 4] += usize::from(*byte == 0);
    }
    let many = window.len() / 16;
    if le32 || (zeros[1] > many && zeros[2] > many && zeros[3] > many && zeros[0] == 0) {
        return Some(utf32(&bytes[if le32 { 4 } else { 0 }..], u32::from_le_bytes));
    }
    if be32 || (zeros[0] > many && zeros[1] > many && zeros[2] > many && zeros[3] == 0) {
        return Some(utf32(&bytes[if be32 { 4 } else { 0 }..], u32::from_be_bytes));
    }
    let (even, odd) = (zeros[0] + zeros[2], zeros[1] + zeros[3]);
    let marked = bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF");
    // Markup is ASCII, so a half of UTF-16's bytes is nearly all zero near the start, and none of UTF-8's is.
    let encoding = if odd > many && odd > even * 4 {
        UTF_16LE
    } else if even > many && even > odd * 4 {
        UTF_16BE
    } else {
        return None;
    };
    Some(encoding.decode_without_bom_handling(&bytes[if marked { 2 } else { 0 }..]).0.into_owned())
}

fn utf32(bytes: &[u8], read: fn([u8; 4]) -> u32) -> String {
    let units = bytes.chunks_exact(4).filter_map(|unit| unit.try_into().ok());
    units.map(|unit| char::from_u32(read(unit)).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// UTF-7 (RFC 2152): runs of modified base64 between `+` and `-` are UTF-16.
fn utf7(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'+', rest) {
        out.push_str(&ascii_or_utf8(&rest[..at]));
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(b"-") {
            out.push('+');
            rest = after;
            continue;
        }
        let (mut bits, mut held) = (0_u32, 0_u32);
        let mut units = Vec::new();
        let mut used = 0;
        for byte in rest {
            let Some(value) = super::text::base64_value(*byte) else { break };
            used += 1;
            bits = (bits << 6) | u32::from(value);
            held += 6;
            if held >= 16 {
                held -= 16;
                units.push((bits >> held) as u16);
                bits &= (1 << held) - 1;
            }
        }
        out.push_str(&String::from_utf16_lossy(&units));
        rest = &rest[used..];
        rest = rest.strip_prefix(b"-").unwrap_or(rest);
    }
    out.push_str(&ascii_or_utf8(rest));
    out
}

/// The text without the characters that XML 1.0 section 2.2 forbids, or `None` if there are none.
fn without_controls(text: &str) -> Option<String> {
    // Written without a branch so that it is vectorised: every document passes here.
    let control = |b: u8| (b < 0x20) & (b != b'\t') & (b != b'\n') & (b != b'\r');
    let any = text.as_bytes().chunks(4096).any(|chunk| chunk.iter().fold(false, |any, b| any | control(*b)));
    // U+FFFE and U+FFFF.
    let noncharacter =
        memchr::memmem::find_iter(text.as_bytes(), b"\xEF\xBF").any(|at| matches!(text.as_bytes().get(at + 2), Some(0xBE | 0xBF)));
    (any || noncharacter).then(|| text.chars().filter(|c| is_xml_char(*c)).collect())
}
