//! Subscription lists (OPML 1.0 and 2.0) to the feeds that they name.
//!
//! A list is somebody else's text: it is only read. Whatever it says besides feeds' addresses (scripts, commands, includes) is passed
//! over, and everything in it is capped (S19).

use std::collections::HashSet;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::stage::text;

/// Most feeds that one list may name; those after them are left out, which is said.
pub const OUTLINES_MAX: usize = 5_000;

/// Longest address, in bytes.
const URL_MAX_BYTES: usize = 2_048;

/// Longest title, in characters.
const TITLE_MAX_CHARS: usize = 200;

/// A feed that a list names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    /// Where it is: http or https, without credentials.
    pub url: String,
    /// What the list calls it.
    pub title: Option<String>,
}

/// A list, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Its title.
    pub title: Option<String>,
    /// Its feeds, in its order, each once.
    pub outlines: Vec<Outline>,
    /// What was left out, a sentence fragment each.
    pub left_out: Vec<String>,
}

/// Why a document gives no list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpmlError {
    /// Something else.
    #[error("not a list of feeds (OPML): {0}")]
    NotAList(String),
    /// A list that breaks off: the feeds after that would seem to have left it.
    #[error("not complete: the list breaks off")]
    NotComplete,
}

impl OpmlError {
    /// A short name that does not change: `not-a-list`, `not-complete`.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::NotAList(_) => "not-a-list",
            Self::NotComplete => "not-complete",
        }
    }
}

/// Reads a list, folders and all.
///
/// # Errors
/// [`OpmlError`]; a list that breaks off is none.
pub fn read(bytes: &[u8], base: &Url) -> Result<List, OpmlError> {
    let source = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(source.trim_start_matches('\u{FEFF}').trim_start());
    let config = reader.config_mut();
    (config.check_end_names, config.allow_unmatched_ends, config.allow_dangling_amp) = (false, true, true);
    let mut list = List::default();
    let mut seen = HashSet::new();
    let (mut is_list, mut ended, mut titled) = (false, false, false);
    let (mut more, mut unusable) = (0_usize, 0_usize);
    let mut words = String::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(element)) | Ok(Event::Empty(element)) => {
                let name = element.local_name().into_inner().to_ascii_lowercase();
                if !is_list && name != "opml" {
                    let name: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
                    return Err(OpmlError::NotAList(format!("a document of <{name}>")));
                }
                is_list = true;
                titled = name == "title";
                words.clear();
                if name != "outline" {
                    continue;
                }
                match outline(&element, base) {
                    None => {}
                    Some(Err(())) => unusable += 1,
                    Some(Ok(outline)) if !seen.insert(outline.url.clone()) => {}
                    Some(Ok(_)) if list.outlines.len() >= OUTLINES_MAX => more += 1,
                    Some(Ok(outline)) => list.outlines.push(outline),
                }
            }
            Ok(Event::Text(part)) if titled && words.len() < 1_000 => words.push_str(&part.xml10_content()),
            Ok(Event::GeneralRef(name)) if titled => words.push_str(&text::resolve_entities(&format!("&{};", &*name))),
            Ok(Event::End(end)) => {
                if titled && list.title.is_none() {
                    list.title = title(&words);
                }
                titled = false;
                ended |= end.local_name().into_inner().eq_ignore_ascii_case("opml");
            }
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(_) => return Err(if is_list { OpmlError::NotComplete } else { OpmlError::NotAList("no XML".to_owned()) }),
        }
    }
    match (is_list, ended) {
        (false, _) => return Err(OpmlError::NotAList("no XML".to_owned())),
        (true, false) => return Err(OpmlError::NotComplete),
        (true, true) => {}
    }
    if more > 0 {
        list.left_out.push(format!("{} feeds listed; the first {OUTLINES_MAX} were taken", OUTLINES_MAX + more));
    }
    if unusable > 0 {
        list.left_out.push(format!("{unusable} feeds are left out: their addresses are not http or https, or hold a password"));
    }
    Ok(list)
}

/// The feed that an outline names; `None` for a folder, an error for an address that cannot be used.
fn outline(element: &BytesStart<'_>, base: &Url) -> Option<Result<Outline, ()>> {
    let (mut address, mut name) = (None, None);
    for attribute in element.attributes().with_checks(false).take(50).flatten() {
        let key = attribute.key.into_inner().to_ascii_lowercase();
        if !matches!(key.as_str(), "xmlurl" | "text" | "title") {
            continue;
        }
        // A value with an entity that nobody declared is taken as it is.
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).unwrap_or_else(|_| attribute.value.clone());
        match key.as_str() {
            "xmlurl" => address = Some(value.trim().to_owned()).filter(|value| !value.is_empty()),
            "title" => name = title(&value).or(name),
            _ => name = name.or_else(|| title(&value)),
        }
    }
    let address = address?;
    // "feed:" was once put before addresses to tell programs apart.
    let address = address.strip_prefix("feed:").map_or(address.as_str(), |rest| rest);
    let address = if address.starts_with("//") { format!("http:{address}") } else { address.to_owned() };
    let url = Url::parse(&address).or_else(|_| base.join(&address));
    let usable = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.host().is_some()
            && url.username().is_empty()
            && url.password().is_none()
            && url.as_str().len() <= URL_MAX_BYTES
    };
    Some(match url {
        Ok(mut url) if usable(&url) => {
            url.set_fragment(None);
            Ok(Outline { url: url.into(), title: name })
        }
        _ => Err(()),
    })
}

fn title(text: &str) -> Option<String> {
    let title = text::excerpt(&text::plain_html(text, 2 * TITLE_MAX_CHARS), TITLE_MAX_CHARS);
    (!title.is_empty()).then_some(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<List, OpmlError> {
        read(text.as_bytes(), &Url::parse("https://lists.example/health.opml").unwrap())
    }

    #[test]
    fn feeds_are_found_in_and_out_of_folders_each_once() {
        let list = read_text(
            "<?xml version='1.0'?><opml version='2.0'><head><title>Health &amp; care</title></head><body>\
             <outline text='Folder'><outline type='rss' text='A &amp; B' xmlUrl='https://a.example/feed?x=1&amp;y=2#top'/>\
             <outline title='C' text='c' XMLURL=' https://c.example/ '></outline></outline>\
             <outline text='again' xmlUrl='https://c.example/'/><outline text='relative' xmlUrl='/d.xml'/>\
             <outline text='old' xmlUrl='feed:https://e.example/'/></body></opml>",
        )
        .unwrap();
        assert_eq!(list.title.as_deref(), Some("Health & care"));
        let found: Vec<(&str, Option<&str>)> = list.outlines.iter().map(|o| (o.url.as_str(), o.title.as_deref())).collect();
        assert_eq!(
            found,
            [
                ("https://a.example/feed?x=1&y=2", Some("A & B")),
                ("https://c.example/", Some("C")),
                ("https://lists.example/d.xml", Some("relative")),
                ("https://e.example/", Some("old")),
            ]
        );
    }

    #[test]
    fn nothing_but_addresses_is_taken_and_hostile_ones_are_left_out() {
        let list = read_text(
            "<opml><body><outline text='x' xmlUrl='javascript:alert(1)' command='rm -rf /' script='x'/>\
             <outline xmlUrl='file:///etc/passwd'/><outline xmlUrl='https://user:secret@a.example/'/>\
             <outline type='include' url='https://evil.example/more.opml'/><outline xmlUrl='https://ok.example/' onload='x()'/></body></opml>",
        )
        .unwrap();
        assert_eq!(list.outlines.len(), 1);
        assert_eq!(list.left_out, ["3 feeds are left out: their addresses are not http or https, or hold a password"]);
    }

    #[test]
    fn a_hundred_thousand_outlines_are_capped_and_ten_thousand_levels_are_walked() {
        let mut text = String::from("<opml><body>");
        for n in 0..100_000 {
            text += &format!("<outline xmlUrl='https://{n}.example/'/>");
        }
        let list = read_text(&(text + "</body></opml>")).unwrap();
        assert_eq!(list.outlines.len(), OUTLINES_MAX);
        assert_eq!(list.left_out, ["100000 feeds listed; the first 5000 were taken"]);
        let nested = format!(
            "<opml><body>{}<outline xmlUrl='https://deep.example/'/>{}</body></opml>",
            "<outline>".repeat(10_000),
            "</outline>".repeat(10_000)
        );
        assert_eq!(read_text(&nested).unwrap().outlines.len(), 1);
    }

    #[test]
    fn what_breaks_off_is_no_list_since_feeds_would_seem_to_have_left() {
        let whole = "<opml><body><outline xmlUrl='https://a.example/'/></body></opml>";
        for end in 1..whole.len() - 1 {
            assert!(read_text(&whole[..end]).is_err(), "{}", &whole[..end]);
        }
        assert_eq!(read_text("<html><body/></html>").unwrap_err().class(), "not-a-list");
        assert_eq!(read_text("").unwrap_err().class(), "not-a-list");
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "(<(/)?(opml|outline|body)( (xmlUrl|text)=['\"][^'\"]{0,9}['\"])?/?>|[a-z&;<>!é]{0,6}){0,40}") {
            let _ = read_text(&text);
            let _ = read_text(&format!("<opml>{text}"));
        }
    }
}
