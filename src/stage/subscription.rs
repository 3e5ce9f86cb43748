//! Subscription lists of other readers (OPML), as they are found: often without a head, sometimes broken at the end, and from strangers.
//!
//! Only names and addresses are taken. Nothing in a list is run or fetched.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Largest list that is read.
pub const LIST_MAX_BYTES: usize = 10 << 20;
/// Most subscriptions that are taken from one list.
pub const SUBSCRIPTIONS_MAX: usize = 5_000;
/// Folders deeper than this are read as if they were at it.
const DEPTH_MAX: usize = 16;
/// Longest name that is kept, in characters.
const NAME_MAX_CHARS: usize = 200;

/// One feed of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// Its name, on one line; may be empty.
    pub title: String,
    /// Its address, as it stands there.
    pub url: String,
    /// Its language, if the list says it.
    pub language: Option<String>,
    /// Names of the folders that it is in, outermost first, and of its categories.
    pub folders: Vec<String>,
}

/// What a list holds, and why that is not all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// In the list's order.
    pub subscriptions: Vec<Subscription>,
    /// What was not read, a sentence each.
    pub problems: Vec<String>,
}

/// Reads a list as far as it can be read.
#[must_use]
pub fn read(text: &str) -> List {
    let mut list = List::default();
    if text.len() > LIST_MAX_BYTES {
        list.problems.push(format!("the list is larger than {} MiB", LIST_MAX_BYTES >> 20));
        return list;
    }
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = false;
    let mut folders: Vec<Option<String>> = Vec::new();
    // Outlines that are open beyond the depth that is kept.
    let mut deeper = 0_usize;
    let mut is_opml = false;
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                is_opml |= is_named(&tag, "opml");
                if is_named(&tag, "outline") {
                    let folder = outline(&tag, &folders, &mut list);
                    if folders.len() < DEPTH_MAX { folders.push(folder) } else { deeper += 1 }
                }
            }
            Ok(Event::Empty(tag)) if is_named(&tag, "outline") => drop(outline(&tag, &folders, &mut list)),
            Ok(Event::End(tag)) if tag.name().into_inner().eq_ignore_ascii_case("outline") => {
                if deeper > 0 {
                    deeper -= 1;
                } else {
                    folders.pop();
                }
            }
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(error) => {
                list.problems
                    .push(format!("the list is broken at byte {}: {error}; what stands before that was read", reader.buffer_position()));
                break;
            }
        }
        if list.subscriptions.len() == SUBSCRIPTIONS_MAX {
            list.problems.push(format!("only the first {SUBSCRIPTIONS_MAX} subscriptions were read"));
            break;
        }
    }
    if !is_opml {
        list.problems.push("this is no OPML".to_owned());
    }
    list
}

fn is_named(tag: &BytesStart<'_>, name: &str) -> bool {
    tag.name().into_inner().eq_ignore_ascii_case(name)
}

/// Takes up an outline: a subscription if it has an address, a folder otherwise. Gives the folder's name.
fn outline(tag: &BytesStart<'_>, folders: &[Option<String>], list: &mut List) -> Option<String> {
    let mut subscription = Subscription::default();
    let (mut text, mut categories) = (String::new(), String::new());
    for attribute in tag.attributes().with_checks(false).flatten() {
        let raw = attribute.value.as_ref();
        // An attribute with an entity that nobody knows is taken as it stands.
        let value = quick_xml::escape::unescape(raw).map_or_else(|_| raw.to_owned(), |value| value.into_owned());
        match attribute.key.into_inner().to_ascii_lowercase().as_str() {
            "xmlurl" => subscription.url = value.trim().to_owned(),
            "title" => subscription.title = name(&value),
            "text" => text = name(&value),
            "language" => subscription.language = Some(value).filter(|tag| crate::syntax::is_language_tag(tag)),
            "category" => categories = value,
            _ => {}
        }
    }
    if subscription.title.is_empty() {
        subscription.title = text;
    }
    if subscription.url.is_empty() {
        return Some(subscription.title).filter(|title| !title.is_empty());
    }
    subscription.folders = folders.iter().flatten().cloned().collect();
    // `/Vocabulary/Label`, several with commas (OPML 2.0, "category").
    let categories = categories.split(',').map(|path| name(&path.trim().trim_start_matches('/').replace('/', ": ")));
    for category in categories.filter(|category| !category.is_empty()).take(DEPTH_MAX) {
        if !subscription.folders.contains(&category) {
            subscription.folders.push(category);
        }
    }
    list.subscriptions.push(subscription);
    None
}

/// A name on one line, without what no terminal and no file should get.
fn name(raw: &str) -> String {
    let words: Vec<&str> = raw.split_whitespace().collect();
    words.join(" ").chars().filter(|c| super::text::keeps(*c) && !c.is_control()).take(NAME_MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_are_read_as_they_are_found() {
        let list = read(
            "<?xml version=\"1.0\"?><opml version=\"1.0\"><body>\n<outline text=\"Health &amp; Co\">\n\
             <outline type=\"rss\" text=\"A\" title=\"Feed  A\" xmlUrl=\" https://a.example/feed?x=1&amp;y=2 \" language=\"fi\"/>\n\
             <outline text=\"Inner\"><outline TEXT=\"B\" XMLURL=\"https://b.example/\" category=\"/Tech/AI,/Health &amp; Co\"></outline></outline>\n\
             </outline><outline xmlurl=\"https://c.example/\" text=\"&unknown;\"/></body></opml>",
        );
        let folders = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let expected = [
            ("Feed A", "https://a.example/feed?x=1&y=2", Some("fi"), folders(&["Health & Co"])),
            ("B", "https://b.example/", None, folders(&["Health & Co", "Inner", "Tech: AI"])),
            ("&unknown;", "https://c.example/", None, folders(&[])),
        ];
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(title, url, language, folders)| Subscription {
                title: title.into(),
                url: url.into(),
                language: language.map(Into::into),
                folders,
            })
            .collect();
        assert_eq!(list, List { subscriptions: expected, problems: Vec::new() });
    }

    #[test]
    fn what_is_broken_is_read_up_to_there_and_told() {
        let list = read("<opml><body><outline xmlUrl=\"https://a.example/\"/><outline xmlUrl=\"https://b.exam");
        assert_eq!(list.subscriptions.len(), 1);
        assert!(list.problems[0].contains("broken at byte"), "{:?}", list.problems);
        assert_eq!(read("<html><body>Login</body></html>").problems, ["this is no OPML"]);
    }

    #[test]
    fn size_number_and_depth_have_ends() {
        let one = "<outline xmlUrl=\"https://a.example/\"/>";
        let list = read(&format!("<opml>{}</opml>", one.repeat(100_000)));
        assert_eq!(list.subscriptions.len(), SUBSCRIPTIONS_MAX);
        assert!(list.problems[0].contains("only the first"));
        let deep = format!("<opml>{}{one}{}{one}</opml>", "<outline text=\"f\">".repeat(10_000), "</outline>".repeat(10_000));
        let list = read(&deep);
        assert_eq!(list.subscriptions.iter().map(|s| s.folders.len()).collect::<Vec<_>>(), [DEPTH_MAX, 0]);
        assert!(read(&" ".repeat(LIST_MAX_BYTES + 1)).problems[0].contains("larger than 10 MiB"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_an_end(text in "(<outline |xmlUrl=\"|text='|</outline>|<opml>|&#x0;|&|\"|>|/>|[a-z]|\u{202e}){0,60}") {
            for subscription in read(&text).subscriptions {
                prop_assert!(!subscription.title.chars().any(char::is_control));
            }
        }
    }
}
