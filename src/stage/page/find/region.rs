//! Which parts of a page are no news: menus, footers, share links; and which list something else: sidebars, "most read".

use super::outline::{Outline, heading_level};

/// What a part of a page is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Region {
    /// What people come for.
    Main,
    /// Beside it, such as related links; a list only where there is no other.
    Beside,
    /// Nothing of it is a list of news.
    Out,
}

/// Words of classes and ids of parts that hold no news.
#[rustfmt::skip]
const OUT: [&str; 34] = [
    "nav", "navbar", "navigation", "menu", "breadcrumb", "breadcrumbs", "rootline", "footer", "foot", "colophon", "pagination", "pager", "paging",
    "paginator", "share", "sharing", "sharer", "social", "cookie", "cookies", "consent", "ad", "ads", "advert", "adverts", "advertisement",
    "advertising", "sponsored", "newsletter", "login", "signup", "tagcloud", "tags", "modal",
];

/// Those of parts that stand beside the news.
#[rustfmt::skip]
const BESIDE: [&str; 14] = [
    "sidebar", "aside", "related", "popular", "trending", "recommended", "recommendation", "recommendations", "mostread", "rail",
    "blogroll", "complementary", "upsell", "cloud",
];

/// What comes after `most` in such a word or heading.
const MOST: [&str; 7] = ["read", "popular", "viewed", "shared", "clicked", "commented", "watched"];

/// Headings of such parts, in lower case.
#[rustfmt::skip]
const BESIDE_HEADINGS: [&str; 77] = [
    "most read", "most popular", "most viewed", "most shared", "most commented", "popular", "trending", "related", "you may also like",
    "you might also like", "you might be interested", "recommended", "recommendations", "read also", "read next", "see also", "more from",
    "editors' picks", "editor's picks", "in other news", "recent comments", "latest comments", "archives", "archive", "categories", "tags",
    "topics", "quick links", "shortcuts", "links", "useful links", "blogroll", "sponsored", "partner content", "advertisement", "from our partners",
    "luetuimmat", "suosituimmat", "suositellut", "aiheeseen liittyvä", "lue myös", "katso myös", "oikopolut", "pikalinkit", "aiheesta muualla",
    "mest läst", "mest lästa", "populärt", "populära", "relaterat", "relaterade", "läs också", "läs även", "se även", "genvägar", "snabblänkar",
    "meistgelesen", "am meisten gelesen", "beliebt", "verwandte", "ähnliche", "das könnte sie", "lesen sie auch", "siehe auch", "schnellzugriff",
    "les plus lus", "les plus lues", "les plus consult", "à lire aussi", "à lire également", "lire aussi", "articles liés", "articles similaires",
    "voir aussi", "accès rapide", "liens utiles", "publicité",
];

/// Words after the beginning of such a heading that it may still have: more make it a headline.
const HEADING_WORDS_MORE: usize = 3;

/// The words of a class or id, in lower case, cut at signs and at `camelCase`.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut before_lower = false;
    for c in text.chars().take(2_000) {
        if (!c.is_alphanumeric() || (c.is_uppercase() && before_lower)) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        before_lower = c.is_lowercase();
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Marks every element with its region.
pub(super) fn mark(outline: &mut Outline<'_>) {
    let count = outline.nodes.len();
    // What holds the page's own headline, its main part or most of its links is no part of the page, whatever it is called.
    let mut whole = vec![false; count];
    for at in (0..count).rev() {
        let name = outline.name(at);
        whole[at] |= matches!(name, "h1" | "main" | "html" | "body") || outline.attr(at, "role") == Some("main");
        whole[at] |= outline.nodes[at].links * 5 > outline.nodes[0].links * 3 && outline.nodes[0].links > 5 && !is_landmark(name);
        let parent = outline.nodes[at].parent;
        whole[parent] |= whole[at];
    }
    let mut in_item = vec![false; count];
    for at in 0..count {
        let parent = outline.nodes[at].parent;
        let name = outline.name(at);
        in_item[at] = in_item[parent] || matches!(name, "article" | "li");
        let own = of_element(outline, at, whole[at], in_item[parent]);
        let around = if at == parent { Region::Main } else { outline.nodes[parent].region };
        outline.nodes[at].region = around.max(own).max(outline.nodes[at].region);
        // A page's own headline says what the page is, and "Archive" is a list of news.
        if let Some(level) = heading_level(name).filter(|level| *level > 1) {
            let text = outline.text(at);
            if text.len() <= 120 && is_beside(&text.to_lowercase()) {
                mark_below(outline, at, level, &whole);
            }
        }
    }
}

/// Whether a word names a part of a page that is no list of news.
pub(super) fn is_named_out(word: &str) -> bool {
    OUT.contains(&word) || BESIDE.contains(&word) || word.ends_with("nav") || word.ends_with("menu")
}

fn is_landmark(name: &str) -> bool {
    matches!(name, "nav" | "footer" | "header" | "aside")
}

fn of_element(outline: &Outline<'_>, at: usize, whole: bool, in_item: bool) -> Region {
    let name = outline.name(at);
    let role = outline.attr(at, "role").unwrap_or_default();
    match (name, role) {
        (_, "navigation" | "banner" | "contentinfo" | "search" | "menu" | "menubar" | "dialog") | ("nav" | "dialog", _) => {
            return Region::Out;
        }
        ("footer", _) if !in_item => return Region::Out,
        ("header", _) if !in_item && !whole => {
            let below = outline.subtree(at);
            let says_more = below.clone().any(|at| matches!(outline.name(at), "h2" | "h3" | "h4"));
            if !says_more || below.clone().any(|at| outline.name(at) == "nav") {
                return Region::Out;
            }
        }
        ("aside", _) | (_, "complementary") => return Region::Beside,
        _ => {}
    }
    if whole || matches!(name, "a" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "time") {
        return Region::Main;
    }
    let words = outline.words(at);
    let out = |word: &String| OUT.contains(&word.as_str()) || (word.len() > 4 && (word.ends_with("nav") || word.ends_with("menu")));
    // An item's own classes name its tags and its format.
    if words.iter().any(out) && !(matches!(name, "article" | "li") && outline.nodes[at].links > 1 && !words.iter().any(|w| is_ad(w))) {
        return Region::Out;
    }
    let most = words.windows(2).any(|pair| pair[0] == "most" && MOST.contains(&pair[1].as_str()));
    let beside = most || words.iter().any(|word| BESIDE.contains(&word.as_str())) || outline.attr(at, "id") == Some("secondary");
    if beside && !matches!(name, "article" | "li") { Region::Beside } else { Region::Main }
}

fn is_ad(word: &str) -> bool {
    matches!(word, "ad" | "ads" | "advert" | "advertisement" | "sponsored" | "newsletter")
}

/// Whether a heading, in lower case, announces something beside the news.
pub(super) fn is_beside(text: &str) -> bool {
    let text = text.trim_matches(|c: char| !c.is_alphanumeric());
    BESIDE_HEADINGS.iter().any(|start| {
        text.strip_prefix(start).is_some_and(|rest| {
            // "Archive" alone may be the page's own; "topics" in a longer heading is a headline's word.
            let more = rest.split_whitespace().count();
            more == 0 || (more <= HEADING_WORDS_MORE && start.contains(' ')) || (more <= 1 && !start.contains(' '))
        })
    })
}

/// Marks what a heading stands above: what follows it up to the next heading that is not below it.
fn mark_below(outline: &mut Outline<'_>, heading: usize, level: u8, whole: &[bool]) {
    let mut top = heading;
    // Headings are wrapped.
    while outline.nodes[top].parent != top && outline.text(outline.nodes[top].parent) == outline.text(heading) {
        top = outline.nodes[top].parent;
    }
    let parent = outline.nodes[top].parent;
    let mut at = outline.nodes[top].end;
    while at < outline.nodes[parent].end {
        // What an earlier heading of this kind stands above is marked up to where this one's would end.
        if outline.nodes[at].region != Region::Main {
            break;
        }
        let range = outline.subtree(at);
        let next_section = range.clone().take(40).find_map(|at| heading_level(outline.name(at)));
        let is_heading = heading_level(outline.name(at)).is_some();
        if whole[at]
            || (is_heading && next_section.is_some_and(|next| next <= level))
            || (!is_heading && next_section.is_some_and(|next| next < level))
        {
            break;
        }
        for node in &mut outline.nodes[range.clone()] {
            node.region = node.region.max(Region::Beside);
        }
        at = range.end;
    }
}

#[cfg(test)]
mod tests {
    use scraper::Html;

    use super::*;

    #[test]
    fn headings_that_announce_something_else() {
        for (text, wanted) in [
            ("most read", true),
            ("most read this week", true),
            ("related articles", true),
            ("luetuimmat", true),
            ("les plus lus", true),
            ("tags:", true),
            ("most read books of the year came from small publishers", false),
            ("news", false),
            ("related party transactions get new rules", false),
            ("archive of the parish was found", false),
        ] {
            assert_eq!(is_beside(text), wanted, "{text}");
        }
    }

    #[test]
    fn words_are_cut_at_signs_and_capitals() {
        assert_eq!(words("Card_mediaBox__aB3 node--type"), ["card", "media", "box", "a", "b3", "node", "type"]);
    }

    #[test]
    fn regions_are_inherited_and_what_holds_the_page_has_none() {
        let html = Html::parse_document(
            "<body class=has-sidebar><div class='wrap sidebar-right'><main><p id=a>x</p></main><div class=sidebar><p id=b>x</p></div>\
             <footer><p id=c>x</p></footer><article><footer><p id=d>x</p></footer></article></div>\
             <div><h2>Most read</h2><ul><li id=e>x</ul><h2>News</h2><p id=f>x</div></body>",
        );
        let outline = Outline::new(&html);
        let of = |id: &str| (0..outline.nodes.len()).find(|at| outline.attr(*at, "id") == Some(id)).map(|at| outline.nodes[at].region);
        let seen = ["a", "b", "c", "d", "e", "f"].map(|id| of(id).expect(id));
        assert_eq!(seen, [Region::Main, Region::Beside, Region::Out, Region::Main, Region::Beside, Region::Main]);
    }
}
