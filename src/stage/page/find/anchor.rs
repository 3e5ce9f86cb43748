//! Links that may be to articles.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use url::Url;

use super::outline::Outline;
use super::region::{Region, words};
use super::{Page, address};

/// Most links looked at: the news of a page is not behind ten thousand others.
const ANCHORS_MAX: usize = 10_000;

/// Levels of elements around a link that its kind is told by.
const LEVELS: usize = 6;

/// How many of those, the nearest ones, are told by their classes too.
const LEVELS_WITH_CLASSES: usize = 3;

/// Sites whose links on other sites are for sharing and following.
#[rustfmt::skip]
const SOCIAL: [&str; 22] = [
    "facebook.com", "twitter.com", "x.com", "linkedin.com", "instagram.com", "youtube.com", "youtu.be", "pinterest.com", "reddit.com",
    "whatsapp.com", "wa.me", "t.me", "telegram.me", "bsky.app", "threads.net", "tiktok.com", "flickr.com", "xing.com", "vk.com",
    "feedly.com", "addtoany.com", "mastodon.social",
];

/// Path segments before the name of something that many articles share.
#[rustfmt::skip]
const SHARED: [&str; 23] = [
    "tag", "tags", "category", "categories", "author", "authors", "user", "users", "people", "topic", "topics", "kategoria", "kategorie",
    "kategori", "avainsana", "asiasana", "rubriques", "rubrique", "etiquette", "schlagwort", "taxonomy", "profile", "contributor",
];

/// What links to an article say beside its headline, in lower case.
#[rustfmt::skip]
const CALLS: [&str; 64] = [
    "read more", "read on", "read the", "read full", "read article", "read story", "more", "learn more", "continue reading", "find out more",
    "view", "see more", "show more", "details", "full story", "full article", "download", "pdf", "permalink", "comments", "add new comment",
    "add comment", "leave a comment", "leave a reply", "listen", "watch", "share", "post link to", "lue lisää", "lue koko", "jatka lukemista",
    "lisää", "läs mer", "läs hela", "mer om", "visa mer", "weiterlesen", "mehr", "mehr lesen", "mehr erfahren", "zum artikel", "lire la suite",
    "lire plus", "lire l'article", "en savoir plus", "voir plus", "plus d'infos", "suite", "view all", "see all", "show all", "all news",
    "näytä kaikki", "katso kaikki", "kaikki uutiset", "kaikki tiedotteet", "visa alla", "alla nyheter", "se alla", "alle anzeigen",
    "alle meldungen", "voir tout", "voir toutes", "toutes les actualités",
];

/// A link to what may be an article.
pub(super) struct Anchor {
    pub(super) node: usize,
    pub(super) url: Url,
    /// Its clean form, which is the article's identity.
    pub(super) address: String,
    /// Whether it is in a heading or has one in it.
    pub(super) heading: bool,
    /// Whether its text is a headline, and not "Read more" or nothing.
    pub(super) titled: bool,
    /// Tells it from links that stand elsewhere in an item.
    pub(super) kind: u64,
}

/// The links of a page that may be to articles, in order.
pub(super) fn anchors(page: &Page<'_>) -> Vec<Anchor> {
    let outline = &page.outline;
    let own = address(page.url).unwrap_or_default();
    let mut anchors: Vec<Anchor> = Vec::new();
    for node in 0..outline.nodes.len() {
        if anchors.len() == ANCHORS_MAX {
            break;
        }
        if outline.name(node) != "a" || outline.nodes[node].region == Region::Out {
            continue;
        }
        let Some(url) = outline.attr(node, "href").and_then(|href| page.document.link(href)) else { continue };
        let rel = outline.attr(node, "rel").unwrap_or_default().to_ascii_lowercase();
        let rel_out =
            rel.split_ascii_whitespace().any(|rel| matches!(rel, "author" | "next" | "prev" | "sponsored" | "me" | "home" | "license"));
        let shared = !is_article(&url, page.url);
        if rel_out || shared {
            continue;
        }
        let Some(address) = address(&url).filter(|address| *address != own) else { continue };
        // "Add new comment" leads to a part of the article.
        if outline.attr(node, "href").is_some_and(|href| href.contains("#comment") || href.contains("#respond")) {
            continue;
        }
        if is_in_prose(page, node) {
            continue;
        }
        let heading =
            outline.ancestors(node).take(3).any(|at| outline.is_heading(at)) || outline.subtree(node).any(|at| outline.is_heading(at));
        let titled = is_title(outline.text(node));
        anchors.push(Anchor { node, url, address, heading, titled, kind: kind(outline, node) });
    }
    anchors
}

/// Whether a link stands in a sentence: words come before it in its paragraph, which a date or a label alone would not be.
fn is_in_prose(page: &Page<'_>, node: usize) -> bool {
    let outline = &page.outline;
    let Some(paragraph) = outline.ancestors(node).take(3).find(|at| outline.name(*at) == "p") else { return false };
    let words = |range: std::ops::Range<usize>| {
        let pieces = outline.pieces_in(&range).iter().filter(|piece| piece.parent == paragraph);
        pieces
            .take_while(|piece| outline.is_before(piece, node))
            .flat_map(|piece| outline.piece(piece).split_whitespace())
            .filter(|word| word.chars().all(char::is_alphabetic))
            .count()
    };
    words(outline.subtree(paragraph)) >= 3
}

/// Whether a text can be a headline.
pub(super) fn is_title(text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    letters >= 3 && (letters >= 12 || text.split_whitespace().count() >= 2) && !is_call(text)
}

/// Whether a text calls to read on: it says so, and no more than a headline after it.
pub(super) fn is_call(text: &str) -> bool {
    let text = text.to_lowercase().replace('’', "'");
    let text = text.trim_matches(|c: char| !c.is_alphanumeric());
    CALLS.iter().any(|call| {
        text.strip_prefix(call).is_some_and(|rest| {
            // One word may begin a headline; it is a call where nothing follows, or where it says of what.
            let more = rest.trim_start();
            !rest.starts_with(char::is_alphanumeric)
                && (more.is_empty()
                    || (call.contains(' ') || more.starts_with(':') || more.starts_with("about ")) && !matches!(*call, "read the"))
                || (*call == "read the" && rest.split_whitespace().count() <= 2)
        })
    }) || text.split_once(' ').is_some_and(|(count, what)| count.bytes().all(|b| b.is_ascii_digit()) && what.starts_with("comment"))
}

/// Whether an address may be an article's: not the site's entrance, a page above or beside this one in the same list, a list of
/// what shares a tag or an author, or a place to share links.
pub(super) fn is_article(url: &Url, page: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    if SOCIAL.iter().any(|site| host.strip_suffix(site).is_some_and(|before| before.is_empty() || before.ends_with('.'))) {
        return page.host_str() == url.host_str();
    }
    let path = url.path().trim_end_matches('/');
    let same_host = url.host_str() == page.host_str();
    if path.is_empty() && url.query().is_none_or(|query| !query.contains("p=")) {
        return false;
    }
    let own = page.path().trim_end_matches('/');
    if same_host && !path.is_empty() && (own == path || own.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))) {
        // Another state of the list, or a page above it. `?p=12` and `?id=12` are articles where the list has no such query.
        return own == path
            && url.query_pairs().any(|(key, _)| matches!(&*key, "p" | "id" | "article" | "news" | "story"))
            && !is_listed(url, page);
    }
    let lower = path.to_ascii_lowercase();
    let parts: Vec<&str> = lower.split('/').filter(|part| !part.is_empty()).collect();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_year = |text: &str| is_number(text) && text.len() == 4 && (text.starts_with("19") || text.starts_with("20"));
    match parts.as_slice() {
        [.., "page" | "seite" | "sivu" | "sida", number] if is_number(number) => return false,
        // An archive of a month or a year.
        [.., year, month] if is_year(year) && is_number(month) && month.len() <= 2 => return false,
        [year] if is_year(year) => return false,
        _ => {}
    }
    let named = parts.len().checked_sub(2).and_then(|at| parts.get(at)).is_some_and(|part| SHARED.contains(part));
    let ending = lower.rsplit_once('.').map_or("", |(_, ending)| ending);
    !named && !matches!(ending, "jpg" | "jpeg" | "png" | "gif" | "webp" | "svg" | "zip" | "xml" | "rss" | "ics" | "mp3" | "css" | "js")
}

/// Whether a query of this page's own is a page number.
fn is_listed(url: &Url, page: &Url) -> bool {
    let numbers = |url: &Url| url.query_pairs().filter(|(key, value)| &**key == "p" && value.len() <= 3).count();
    numbers(url) > 0 && page.path() != "/"
}

/// Whether the last part of an address is made of a headline, or numbers one.
pub(super) fn is_named(url: &Url) -> bool {
    let numbered = url.query_pairs().any(|(_, value)| value.len() >= 3 && value.bytes().all(|b| b.is_ascii_digit()));
    let last = url.path_segments().and_then(|parts| parts.rev().find(|part| !part.is_empty())).unwrap_or_default();
    let hyphens = last.bytes().filter(|b| matches!(b, b'-' | b'_' | b'+')).count();
    let digits = last.bytes().filter(u8::is_ascii_digit).count();
    numbered || hyphens >= 2 || digits >= 4
}

/// Tells kinds of links apart by the elements around them. Those of one list are of one kind although each item has classes of its
/// own, so classes count only below the item, and what differs from item to item not at all.
fn kind(outline: &Outline<'_>, node: usize) -> u64 {
    let mut hash = DefaultHasher::new();
    outline.nodes[node].region.hash(&mut hash);
    let in_it = outline.subtree(node).skip(1).find(|at| outline.is_heading(*at)).map(|at| outline.name(at));
    in_it.hash(&mut hash);
    let mut classes_count = true;
    for (level, at) in std::iter::once(node).chain(outline.ancestors(node)).take(LEVELS).enumerate() {
        let name = outline.name(at);
        name.hash(&mut hash);
        let is_item = matches!(name, "article" | "li" | "tr" | "dd" | "body" | "main");
        classes_count &= !is_item && level < LEVELS_WITH_CLASSES;
        if classes_count {
            let mut classes = classes(outline.attr(at, "class").unwrap_or_default());
            classes.sort_unstable();
            classes.hash(&mut hash);
        }
        if is_item {
            break;
        }
    }
    hash.finish()
}

/// The classes of an element that all of its kind have.
pub(super) fn classes(text: &str) -> Vec<&str> {
    let changes = |word: &String| {
        matches!(
            word.as_str(),
            "first"
                | "last"
                | "odd"
                | "even"
                | "active"
                | "sticky"
                | "featured"
                | "promoted"
                | "new"
                | "large"
                | "small"
                | "has"
                | "no"
                | "with"
        )
    };
    let mut classes: Vec<&str> = text
        .split_ascii_whitespace()
        .take(32)
        .filter(|class| {
            !class.bytes().any(|b| b.is_ascii_digit())
                && !class.contains("--")
                && !class.starts_with("category-")
                && !class.starts_with("tag-")
        })
        .filter(|class| !words(class).iter().any(changes))
        .collect();
    classes.dedup();
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_to_read_on_are_no_headlines() {
        for text in [
            "Read more »",
            "Continue reading: A title that is long",
            "Lue lisää",
            "Weiterlesen",
            "More",
            "12 comments",
            "»",
            "",
            "Read the article",
        ] {
            assert!(!is_title(text), "{text}");
        }
        for text in
            ["More hospitals join", "Reading week begins", "Details of the plan emerge", "Käyttöönottoraportti", "Mehr Geld für Pflege"]
        {
            assert!(is_title(text), "{text}");
        }
    }

    #[test]
    fn addresses_that_may_be_articles() {
        let page = Url::parse("https://www.example.org/en/news?page=1").unwrap();
        for (href, wanted) in [
            ("/en/news/a-b-c", true),
            ("/-/123/slug", true),
            ("/en/news?page=2", false),
            ("/en/news?id=2345", true),
            ("/en", false),
            ("/", false),
            ("/?p=47", true),
            ("/tags/health", false),
            ("/2025/11/", false),
            ("/2025/11/18/slug", true),
            ("/news/page/2/", false),
            ("https://www.facebook.com/sharer/sharer.php?u=x", false),
            ("https://other.example/a-story", true),
            ("/files/report.pdf", true),
            ("/img/big.jpg", false),
        ] {
            assert_eq!(is_article(&page.join(href).unwrap(), &page), wanted, "{href}");
        }
    }
}
