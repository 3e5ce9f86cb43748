//! Subscription lists (OPML 1.0 and 2.0) to the feeds that they name.
//!
//! A list is somebody else's text: it is only read. Whatever it says besides feeds' addresses (scripts, commands, includes) is passed
//! over, and everything in it is capped (S19).

use std::collections::HashSet;
use std::ops::ControlFlow;

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

/// Folders deeper than this are read as if they were at it.
pub(super) const DEPTH_MAX: usize = 16;

/// Attributes of one outline that are looked at.
const ATTRIBUTES_MAX: usize = 50;

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
    let mut list = List::default();
    let mut seen = HashSet::new();
    let (mut more, mut unusable) = (0_usize, 0_usize);
    let walked = walk(source.trim_start_matches('\u{FEFF}').trim_start(), |found, _| {
        match outline(found, base) {
            None => unusable += 1,
            Some(outline) if !seen.insert(outline.url.clone()) => {}
            Some(_) if list.outlines.len() >= OUTLINES_MAX => more += 1,
            Some(outline) => list.outlines.push(outline),
        }
        ControlFlow::Continue(())
    });
    match walked.root {
        None => return Err(OpmlError::NotAList("no XML".to_owned())),
        Some(root) if root != "opml" => {
            let root: String = root.chars().filter(|c| !c.is_control()).take(40).collect();
            return Err(OpmlError::NotAList(format!("a document of <{root}>")));
        }
        Some(_) if !walked.ended => return Err(OpmlError::NotComplete),
        Some(_) => list.title = title(&walked.title),
    }
    if more > 0 {
        list.left_out.push(format!("{} feeds listed; the first {OUTLINES_MAX} were taken", OUTLINES_MAX + more));
    }
    if unusable > 0 {
        list.left_out.push(format!("{unusable} feeds are left out: their addresses are not http or https, or hold a password"));
    }
    Ok(list)
}

/// The outline of a feed, with its attributes as they stand there.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) url: String,
    pub(super) title: Option<String>,
    pub(super) text: Option<String>,
    pub(super) language: Option<String>,
    pub(super) category: Option<String>,
}

/// How a walk over a list went.
#[derive(Clone, Debug, Default)]
pub(super) struct Walked {
    /// Name of the first element, in lower case; `None` if there is none.
    pub(super) root: Option<String>,
    /// The list's title as it stands there.
    pub(super) title: String,
    /// Whether the list came to its end.
    pub(super) ended: bool,
    /// Where it is broken, and how: nothing behind that was read.
    pub(super) broken: Option<String>,
}

/// Hands over each outline that names a feed, with the folders that it is in, outermost first, until `take` has enough.
pub(super) fn walk(text: &str, mut take: impl FnMut(Found, &[Option<String>]) -> ControlFlow<()>) -> Walked {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    (config.check_end_names, config.allow_unmatched_ends, config.allow_dangling_amp) = (false, true, true);
    let mut walked = Walked::default();
    let mut folders: Vec<Option<String>> = Vec::new();
    // Outlines that are open beyond the depth that is kept.
    let mut deeper = 0_usize;
    let (mut titled, mut is_titled) = (false, false);
    loop {
        let event = reader.read_event();
        let opens = matches!(event, Ok(Event::Start(_)));
        match event {
            Ok(Event::Start(element) | Event::Empty(element)) => {
                let name = element.local_name().into_inner().to_ascii_lowercase();
                titled = name == "title" && !is_titled;
                if name == "outline" {
                    let found = attributes(&element);
                    let folder = if found.url.is_empty() {
                        found.title.or(found.text)
                    } else {
                        if take(found, &folders).is_break() {
                            return walked;
                        }
                        None
                    };
                    match opens {
                        true if folders.len() < DEPTH_MAX => folders.push(folder),
                        true => deeper += 1,
                        false => {}
                    }
                }
                walked.root.get_or_insert(name);
            }
            Ok(Event::Text(part)) if titled && walked.title.len() < 1_000 => walked.title.push_str(&part.xml10_content()),
            Ok(Event::GeneralRef(name)) if titled => walked.title.push_str(&text::resolve_entities(&format!("&{};", &*name))),
            Ok(Event::End(end)) => {
                is_titled |= titled;
                titled = false;
                let name = end.local_name().into_inner();
                walked.ended |= name.eq_ignore_ascii_case("opml");
                if name.eq_ignore_ascii_case("outline") {
                    match deeper.checked_sub(1) {
                        Some(less) => deeper = less,
                        None => drop(folders.pop()),
                    }
                }
            }
            Ok(Event::Eof) => return walked,
            Ok(_) => {}
            Err(error) => {
                walked.ended = false;
                walked.broken = Some(format!("at byte {}: {error}", reader.buffer_position()));
                return walked;
            }
        }
    }
}

fn attributes(element: &BytesStart<'_>) -> Found {
    let mut found = Found::default();
    for attribute in element.attributes().with_checks(false).take(ATTRIBUTES_MAX).flatten() {
        let key = attribute.key.into_inner().to_ascii_lowercase();
        // A value with an entity that nobody declared is taken as it is.
        let value = || attribute.normalized_value(XmlVersion::Implicit1_0).unwrap_or_else(|_| attribute.value.clone()).into_owned();
        match key.as_str() {
            "xmlurl" => found.url = value().trim().to_owned(),
            "title" => found.title = Some(value()),
            "text" => found.text = Some(value()),
            "language" => found.language = Some(value()),
            "category" => found.category = Some(value()),
            _ => {}
        }
    }
    found
}

/// The feed that an outline names, or `None` if its address cannot be used.
fn outline(found: Found, base: &Url) -> Option<Outline> {
    // "feed:" was once put before addresses to tell programs apart.
    let address = found.url.strip_prefix("feed:").unwrap_or(&found.url);
    let address = if address.starts_with("//") { format!("http:{address}") } else { address.to_owned() };
    let mut url = Url::parse(&address).or_else(|_| base.join(&address)).ok()?;
    let usable = matches!(url.scheme(), "http" | "https")
        && url.host().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.as_str().len() <= URL_MAX_BYTES;
    url.set_fragment(None);
    let name = found.title.as_deref().and_then(title).or_else(|| found.text.as_deref().and_then(title));
    usable.then(|| Outline { url: url.into(), title: name })
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
