//! Subscription lists of other readers (OPML), as they are found: often without a head, sometimes broken at the end, and from strangers.
//!
//! Only names and addresses are taken. Nothing in a list is run or fetched.

use std::ops::ControlFlow;

use super::opml::{self, DEPTH_MAX, Found};

/// Largest list that is read.
pub const LIST_MAX_BYTES: usize = 10 << 20;
/// Most subscriptions that are taken from one list.
pub const SUBSCRIPTIONS_MAX: usize = 5_000;
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
    let mut is_full = false;
    let walked = opml::walk(text, |found, folders| {
        list.subscriptions.push(subscription(found, folders));
        is_full = list.subscriptions.len() == SUBSCRIPTIONS_MAX;
        if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if let Some(broken) = walked.broken {
        list.problems.push(format!("the list is broken {broken}; what stands before that was read"));
    }
    if is_full {
        list.problems.push(format!("only the first {SUBSCRIPTIONS_MAX} subscriptions were read"));
    }
    if walked.root.as_deref() != Some("opml") {
        list.problems.push("this is no OPML".to_owned());
    }
    list
}

fn subscription(found: Found, folders: &[Option<String>]) -> Subscription {
    let title = [found.title, found.text].into_iter().flatten().map(|title| name(&title)).find(|title| !title.is_empty());
    let mut folders: Vec<String> = folders.iter().flatten().map(|folder| name(folder)).filter(|folder| !folder.is_empty()).collect();
    // `/Vocabulary/Label`, several with commas (OPML 2.0, "category").
    let category = found.category.unwrap_or_default();
    let categories = category.split(',').map(|path| name(&path.trim().trim_start_matches('/').replace('/', ": ")));
    for category in categories.filter(|category| !category.is_empty()).take(DEPTH_MAX) {
        if !folders.contains(&category) {
            folders.push(category);
        }
    }
    Subscription {
        title: title.unwrap_or_default(),
        url: found.url,
        language: found.language.filter(|tag| crate::syntax::is_language_tag(tag)),
        folders,
    }
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
