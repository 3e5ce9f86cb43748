//! Character references and entities.

use std::borrow::Cow;
use std::cell::Cell;

/// Entities that the document's own DTD declares, literal text only.
#[derive(Debug, Default)]
pub(super) struct Declared {
    /// Name and text, in the order declared.
    pairs: Vec<(String, String)>,
    /// Bytes that may still be inserted, so that a short document cannot grow without bound.
    budget: Cell<usize>,
}

/// Most entities that a DTD may declare: real feeds that do so have fewer than 260 (the HTML 4 set).
const MAX_DECLARED: usize = 300;
/// Longest replacement text in bytes.
const MAX_TEXT: usize = 1024;
/// Bytes that all replacements together may insert.
const MAX_INSERTED: usize = 1 << 20;
/// Longest entity name in bytes that is looked up.
const MAX_NAME: usize = 32;

impl Declared {
    /// Reads `<!ENTITY name "text">` from a DTD's internal subset. External entities, parameter entities and texts that name further
    /// entities are left out: nothing is ever fetched, and nothing expands twice.
    pub(super) fn read(subset: &str) -> Self {
        let mut pairs: Vec<(String, String)> = Vec::new();
        let mut rest = subset;
        while let Some(at) = rest.find("<!ENTITY") {
            rest = &rest[at + 8..];
            let body = rest.trim_start();
            let Some(name_len) = body.find(|c: char| c.is_whitespace() || c == '>') else { break };
            let (name, after) = body.split_at(name_len);
            let after = after.trim_start();
            let Some(quote) = after.chars().next().filter(|c| *c == '"' || *c == '\'') else { continue };
            let Some(len) = after[1..].find(quote) else { break };
            let text = &after[1..1 + len];
            rest = &after[1 + len..];
            if name == "%" || name.len() > MAX_NAME || text.len() > MAX_TEXT || pairs.len() >= MAX_DECLARED {
                continue;
            }
            let plain = unescape(text, &Self::default());
            // What still looks like a reference could be another entity, and `<` could be markup.
            if !plain.contains('&') && !plain.contains('<') && !pairs.iter().any(|(known, _)| known == name) {
                pairs.push((name.to_owned(), plain.into_owned()));
            }
        }
        Self { pairs, budget: Cell::new(MAX_INSERTED) }
    }

    fn get(&self, name: &str) -> Option<&str> {
        let (_, text) = self.pairs.iter().find(|(known, _)| known == name)?;
        self.budget.set(self.budget.get().checked_sub(text.len())?);
        Some(text)
    }
}

/// Resolves the references of one layer: the five of XML, numbers, HTML's names and those declared. A `&` that begins no reference stays.
pub(super) fn unescape<'a>(text: &'a str, declared: &Declared) -> Cow<'a, str> {
    let bytes = text.as_bytes();
    let Some(mut at) = memchr::memchr2(b'&', b'\r', bytes) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    loop {
        if bytes[at] == b'\r' {
            // XML 1.0 section 2.11: a carriage return, with or without a line feed, is one line feed.
            out.push_str(&text[copied..at]);
            if bytes.get(at + 1) != Some(&b'\n') {
                out.push('\n');
            }
            copied = at + 1;
            at += 1;
        } else if let Some((name, len)) = reference(&text[at..]) {
            let before = out.len();
            out.push_str(&text[copied..at]);
            if push_named(&mut out, name, declared) {
                at += len;
                copied = at;
            } else {
                out.truncate(before);
                at += 1;
            }
        } else {
            at += 1;
        }
        match memchr::memchr2(b'&', b'\r', &bytes[at..]) {
            Some(next) => at += next,
            None => break,
        }
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// The name between `&` and `;` at the start of `text`, and the length of the whole reference.
fn reference(text: &str) -> Option<(&str, usize)> {
    let window = &text.as_bytes()[1..text.len().min(MAX_NAME + 2)];
    let len = window.iter().position(|b| !(b.is_ascii_alphanumeric() || *b == b'#' || *b == b'_' || *b == b'-' || *b == b'.'))?;
    (len > 0 && window[len] == b';').then(|| (&text[1..=len], len + 2))
}

/// Whether a text holds a reference that HTML would resolve.
pub(super) fn has_reference(text: &str) -> bool {
    memchr::memchr_iter(b'&', text.as_bytes())
        .take(1000)
        .any(|at| reference(&text[at..]).is_some_and(|(name, _)| push_named(&mut String::new(), name, &Declared::default())))
}

fn push_named(out: &mut String, name: &str, declared: &Declared) -> bool {
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            if let Some(number) = name.strip_prefix('#') {
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => number.parse(),
                };
                let Ok(code) = code else { return false };
                if let Some(c) = character(code) {
                    out.push(c);
                }
                return true;
            }
            if let Some(text) = declared.get(name) {
                out.push_str(text);
                return true;
            }
            let Some(c) = NAMED.binary_search_by(|(known, _)| (*known).cmp(name)).ok().and_then(|at| NAMED.get(at)) else {
                // Publishers shout: `&AMP;`, `&NBSP;`.
                return match name {
                    "AMP" | "LT" | "GT" | "QUOT" | "NBSP" | "COPY" | "REG" => push_named(out, &name.to_ascii_lowercase(), declared),
                    _ => false,
                };
            };
            c.1
        }
    };
    out.push(c);
    true
}

/// The character of a number, or `None` where XML forbids it (S15: U+0000 to output would be ill-formed). 128 to 159 mean windows-1252,
/// as in HTML: <https://html.spec.whatwg.org/multipage/parsing.html#numeric-character-reference-end-state>.
fn character(code: u32) -> Option<char> {
    if let 0x80..=0x9F = code {
        let byte = [u8::try_from(code).ok()?];
        let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&byte);
        return text.chars().next();
    }
    char::from_u32(code).filter(|c| is_xml(*c))
}

/// Whether XML 1.0 section 2.2 allows this character.
pub(super) fn is_xml(c: char) -> bool {
    !matches!(c, '\0'..='\x08' | '\x0B' | '\x0C' | '\x0E'..='\x1F' | '\u{FFFE}' | '\u{FFFF}')
}

/// HTML 4's names (<https://www.w3.org/TR/html401/sgml/entities.html>) and those of HTML 5 that feeds use, sorted.
#[rustfmt::skip]
const NAMED: &[(&str, char)] = &[
    ("AElig", '\u{C6}'), ("Aacute", '\u{C1}'), ("Abreve", '\u{102}'), ("Acirc", '\u{C2}'), ("Agrave", '\u{C0}'), ("Alpha", '\u{391}'),
    ("Amacr", '\u{100}'), ("Aogon", '\u{104}'), ("Aring", '\u{C5}'), ("Atilde", '\u{C3}'), ("Auml", '\u{C4}'), ("Beta", '\u{392}'),
    ("Cacute", '\u{106}'), ("Ccaron", '\u{10C}'), ("Ccedil", '\u{C7}'), ("Chi", '\u{3A7}'), ("Dagger", '\u{2021}'), ("Dcaron", '\u{10E}'),
    ("Delta", '\u{394}'), ("ETH", '\u{D0}'), ("Eacute", '\u{C9}'), ("Ecaron", '\u{11A}'), ("Ecirc", '\u{CA}'), ("Egrave", '\u{C8}'),
    ("Emacr", '\u{112}'), ("Eogon", '\u{118}'), ("Epsilon", '\u{395}'), ("Eta", '\u{397}'), ("Euml", '\u{CB}'), ("Gamma", '\u{393}'),
    ("Gbreve", '\u{11E}'), ("Gcedil", '\u{122}'), ("Hat", '\u{5E}'), ("Iacute", '\u{CD}'), ("Icirc", '\u{CE}'), ("Idot", '\u{130}'),
    ("Igrave", '\u{CC}'), ("Imacr", '\u{12A}'), ("Iogon", '\u{12E}'), ("Iota", '\u{399}'), ("Iuml", '\u{CF}'), ("Kappa", '\u{39A}'),
    ("Kcedil", '\u{136}'), ("Lambda", '\u{39B}'), ("Lcedil", '\u{13B}'), ("Lstrok", '\u{141}'), ("Mu", '\u{39C}'), ("Nacute", '\u{143}'),
    ("Ncaron", '\u{147}'), ("Ncedil", '\u{145}'), ("NewLine", '\u{A}'), ("Ntilde", '\u{D1}'), ("Nu", '\u{39D}'), ("OElig", '\u{152}'),
    ("Oacute", '\u{D3}'), ("Ocirc", '\u{D4}'), ("Odblac", '\u{150}'), ("Ograve", '\u{D2}'), ("Omacr", '\u{14C}'), ("Omega", '\u{3A9}'),
    ("Omicron", '\u{39F}'), ("Oslash", '\u{D8}'), ("Otilde", '\u{D5}'), ("Ouml", '\u{D6}'), ("Phi", '\u{3A6}'), ("Pi", '\u{3A0}'),
    ("Prime", '\u{2033}'), ("Psi", '\u{3A8}'), ("Rcaron", '\u{158}'), ("Rcedil", '\u{156}'), ("Rho", '\u{3A1}'), ("Sacute", '\u{15A}'),
    ("Scaron", '\u{160}'), ("Scedil", '\u{15E}'), ("Sigma", '\u{3A3}'), ("THORN", '\u{DE}'), ("Tab", '\u{9}'), ("Tau", '\u{3A4}'),
    ("Tcaron", '\u{164}'), ("Tcedil", '\u{162}'), ("Theta", '\u{398}'), ("Uacute", '\u{DA}'), ("Ucirc", '\u{DB}'), ("Udblac", '\u{170}'),
    ("Ugrave", '\u{D9}'), ("Umacr", '\u{16A}'), ("Uogon", '\u{172}'), ("Upsilon", '\u{3A5}'), ("Uring", '\u{16E}'), ("Uuml", '\u{DC}'),
    ("Xi", '\u{39E}'), ("Yacute", '\u{DD}'), ("Yuml", '\u{178}'), ("Zacute", '\u{179}'), ("Zcaron", '\u{17D}'), ("Zdot", '\u{17B}'),
    ("Zeta", '\u{396}'), ("aacute", '\u{E1}'), ("abreve", '\u{103}'), ("acirc", '\u{E2}'), ("acute", '\u{B4}'), ("aelig", '\u{E6}'),
    ("agrave", '\u{E0}'), ("alefsym", '\u{2135}'), ("alpha", '\u{3B1}'), ("amacr", '\u{101}'), ("and", '\u{2227}'), ("ang", '\u{2220}'),
    ("aogon", '\u{105}'), ("aring", '\u{E5}'), ("ast", '\u{2A}'), ("asymp", '\u{2248}'), ("atilde", '\u{E3}'), ("auml", '\u{E4}'),
    ("bdquo", '\u{201E}'), ("beta", '\u{3B2}'), ("bigstar", '\u{2605}'), ("brvbar", '\u{A6}'), ("bsol", '\u{5C}'), ("bull", '\u{2022}'),
    ("cacute", '\u{107}'), ("cap", '\u{2229}'), ("ccaron", '\u{10D}'), ("ccedil", '\u{E7}'), ("cedil", '\u{B8}'), ("cent", '\u{A2}'),
    ("check", '\u{2713}'), ("checkmark", '\u{2713}'), ("chi", '\u{3C7}'), ("circ", '\u{2C6}'), ("clubs", '\u{2663}'), ("colon", '\u{3A}'),
    ("comma", '\u{2C}'), ("commat", '\u{40}'), ("cong", '\u{2245}'), ("copy", '\u{A9}'), ("copysr", '\u{2117}'), ("crarr", '\u{21B5}'),
    ("cross", '\u{2717}'), ("cup", '\u{222A}'), ("curren", '\u{A4}'), ("dArr", '\u{21D3}'), ("dagger", '\u{2020}'), ("darr", '\u{2193}'),
    ("dash", '\u{2010}'), ("dcaron", '\u{10F}'), ("deg", '\u{B0}'), ("delta", '\u{3B4}'), ("diams", '\u{2666}'), ("divide", '\u{F7}'),
    ("dollar", '\u{24}'), ("eacute", '\u{E9}'), ("ecaron", '\u{11B}'), ("ecirc", '\u{EA}'), ("egrave", '\u{E8}'), ("emacr", '\u{113}'),
    ("empty", '\u{2205}'), ("emsp", '\u{2003}'), ("emsp13", '\u{2004}'), ("emsp14", '\u{2005}'), ("ensp", '\u{2002}'),
    ("eogon", '\u{119}'), ("epsilon", '\u{3B5}'), ("equals", '\u{3D}'), ("equiv", '\u{2261}'), ("eta", '\u{3B7}'), ("eth", '\u{F0}'),
    ("euml", '\u{EB}'), ("euro", '\u{20AC}'), ("excl", '\u{21}'), ("exist", '\u{2203}'), ("female", '\u{2640}'), ("fnof", '\u{192}'),
    ("forall", '\u{2200}'), ("frac12", '\u{BD}'), ("frac14", '\u{BC}'), ("frac34", '\u{BE}'), ("frasl", '\u{2044}'), ("gamma", '\u{3B3}'),
    ("gbreve", '\u{11F}'), ("ge", '\u{2265}'), ("grave", '\u{60}'), ("hArr", '\u{21D4}'), ("hairsp", '\u{200A}'), ("harr", '\u{2194}'),
    ("hearts", '\u{2665}'), ("hellip", '\u{2026}'), ("horbar", '\u{2015}'), ("hyphen", '\u{2010}'), ("iacute", '\u{ED}'),
    ("icirc", '\u{EE}'), ("iexcl", '\u{A1}'), ("igrave", '\u{EC}'), ("imacr", '\u{12B}'), ("image", '\u{2111}'), ("imath", '\u{131}'),
    ("infin", '\u{221E}'), ("inodot", '\u{131}'), ("int", '\u{222B}'), ("iogon", '\u{12F}'), ("iota", '\u{3B9}'), ("iquest", '\u{BF}'),
    ("isin", '\u{2208}'), ("iuml", '\u{EF}'), ("kappa", '\u{3BA}'), ("kcedil", '\u{137}'), ("lArr", '\u{21D0}'), ("lambda", '\u{3BB}'),
    ("lang", '\u{2329}'), ("laquo", '\u{AB}'), ("larr", '\u{2190}'), ("lbrack", '\u{5B}'), ("lcedil", '\u{13C}'), ("lceil", '\u{2308}'),
    ("lcub", '\u{7B}'), ("ldquo", '\u{201C}'), ("ldquor", '\u{201E}'), ("le", '\u{2264}'), ("lfloor", '\u{230A}'), ("lowast", '\u{2217}'),
    ("lowbar", '\u{5F}'), ("loz", '\u{25CA}'), ("lpar", '\u{28}'), ("lrm", '\u{200E}'), ("lsaquo", '\u{2039}'), ("lsqb", '\u{5B}'),
    ("lsquo", '\u{2018}'), ("lstrok", '\u{142}'), ("macr", '\u{AF}'), ("male", '\u{2642}'), ("mdash", '\u{2014}'), ("micro", '\u{B5}'),
    ("middot", '\u{B7}'), ("minus", '\u{2212}'), ("mu", '\u{3BC}'), ("nabla", '\u{2207}'), ("nacute", '\u{144}'), ("nbsp", '\u{A0}'),
    ("ncaron", '\u{148}'), ("ncedil", '\u{146}'), ("ndash", '\u{2013}'), ("ne", '\u{2260}'), ("ni", '\u{220B}'), ("not", '\u{AC}'),
    ("notin", '\u{2209}'), ("nsub", '\u{2284}'), ("ntilde", '\u{F1}'), ("nu", '\u{3BD}'), ("num", '\u{23}'), ("numero", '\u{2116}'),
    ("numsp", '\u{2007}'), ("oacute", '\u{F3}'), ("ocirc", '\u{F4}'), ("odblac", '\u{151}'), ("oelig", '\u{153}'), ("ograve", '\u{F2}'),
    ("oline", '\u{203E}'), ("omacr", '\u{14D}'), ("omega", '\u{3C9}'), ("omicron", '\u{3BF}'), ("oplus", '\u{2295}'), ("or", '\u{2228}'),
    ("ordf", '\u{AA}'), ("ordm", '\u{BA}'), ("oslash", '\u{F8}'), ("otilde", '\u{F5}'), ("otimes", '\u{2297}'), ("ouml", '\u{F6}'),
    ("para", '\u{B6}'), ("part", '\u{2202}'), ("percnt", '\u{25}'), ("period", '\u{2E}'), ("permil", '\u{2030}'), ("perp", '\u{22A5}'),
    ("phi", '\u{3C6}'), ("phone", '\u{260E}'), ("pi", '\u{3C0}'), ("piv", '\u{3D6}'), ("plus", '\u{2B}'), ("plusmn", '\u{B1}'),
    ("pound", '\u{A3}'), ("prime", '\u{2032}'), ("prod", '\u{220F}'), ("prop", '\u{221D}'), ("psi", '\u{3C8}'), ("puncsp", '\u{2008}'),
    ("quest", '\u{3F}'), ("rArr", '\u{21D2}'), ("radic", '\u{221A}'), ("rang", '\u{232A}'), ("raquo", '\u{BB}'), ("rarr", '\u{2192}'),
    ("rbrack", '\u{5D}'), ("rcaron", '\u{159}'), ("rcedil", '\u{157}'), ("rceil", '\u{2309}'), ("rcub", '\u{7D}'), ("rdquo", '\u{201D}'),
    ("real", '\u{211C}'), ("reg", '\u{AE}'), ("rfloor", '\u{230B}'), ("rho", '\u{3C1}'), ("rlm", '\u{200F}'), ("rpar", '\u{29}'),
    ("rsaquo", '\u{203A}'), ("rsqb", '\u{5D}'), ("rsquo", '\u{2019}'), ("rsquor", '\u{2019}'), ("sacute", '\u{15B}'),
    ("sbquo", '\u{201A}'), ("scaron", '\u{161}'), ("scedil", '\u{15F}'), ("sdot", '\u{22C5}'), ("sect", '\u{A7}'), ("semi", '\u{3B}'),
    ("shy", '\u{AD}'), ("sigma", '\u{3C3}'), ("sigmaf", '\u{3C2}'), ("sim", '\u{223C}'), ("sol", '\u{2F}'), ("spades", '\u{2660}'),
    ("star", '\u{2606}'), ("starf", '\u{2605}'), ("sub", '\u{2282}'), ("sube", '\u{2286}'), ("sum", '\u{2211}'), ("sup", '\u{2283}'),
    ("sup1", '\u{B9}'), ("sup2", '\u{B2}'), ("sup3", '\u{B3}'), ("supe", '\u{2287}'), ("szlig", '\u{DF}'), ("tau", '\u{3C4}'),
    ("tcaron", '\u{165}'), ("tcedil", '\u{163}'), ("there4", '\u{2234}'), ("theta", '\u{3B8}'), ("thetasym", '\u{3D1}'),
    ("thinsp", '\u{2009}'), ("thorn", '\u{FE}'), ("tilde", '\u{2DC}'), ("times", '\u{D7}'), ("trade", '\u{2122}'), ("uArr", '\u{21D1}'),
    ("uacute", '\u{FA}'), ("uarr", '\u{2191}'), ("ucirc", '\u{FB}'), ("udblac", '\u{171}'), ("ugrave", '\u{F9}'), ("umacr", '\u{16B}'),
    ("uml", '\u{A8}'), ("uogon", '\u{173}'), ("upsih", '\u{3D2}'), ("upsilon", '\u{3C5}'), ("uring", '\u{16F}'), ("uuml", '\u{FC}'),
    ("verbar", '\u{7C}'), ("vert", '\u{7C}'), ("weierp", '\u{2118}'), ("xi", '\u{3BE}'), ("yacute", '\u{FD}'), ("yen", '\u{A5}'),
    ("yuml", '\u{FF}'), ("zacute", '\u{17A}'), ("zcaron", '\u{17E}'), ("zdot", '\u{17C}'), ("zeta", '\u{3B6}'), ("zwj", '\u{200D}'),
    ("zwnj", '\u{200C}'),
];
