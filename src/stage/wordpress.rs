//! Posts of a WordPress site, from its REST interface (`wp/v2/posts` with `_embed`), to entries.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value};
use url::Url;

use crate::entry::{Category, Content, Entry, Feed, FeedKind, Link, Media, MediaContent, Person, Problem, ReadStage, Text, TextKind};
use crate::stage::date;
use crate::stage::text::resolve_entities;

/// Posts asked for at once; WordPress allows 100.
const PER_PAGE: &str = "50";

/// Posts read of one answer, whatever it holds.
const POSTS_MAX: usize = 1_000;

/// Terms and authors read of one post.
const TERMS_MAX: usize = 50;

/// What reading needs besides the answer.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Where the answer was had from, after redirects.
    pub url: &'a Url,
    /// Zone of dates without one.
    pub time_zone: Tz,
}

/// Why an answer gives no posts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordPressError {
    /// No JSON, or not a list of posts.
    #[error("not posts of WordPress: {0}")]
    NotPosts(String),
    /// The site says no.
    #[error("WordPress says: {0}")]
    Refused(String),
    /// Posts, but none with an address.
    #[error("no entries: no post in the answer has an address")]
    NoPosts,
}

impl WordPressError {
    /// A short name that does not change: `not-posts`, `refused`, `no-posts`.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::NotPosts(_) => "not-posts",
            Self::Refused(_) => "refused",
            Self::NoPosts => "no-posts",
        }
    }
}

/// Where the posts of a site are. `given` is the interface's root (`…/wp-json/`), an address of posts, or a page of the site, whose
/// folder is then taken for the site's root.
#[must_use]
pub fn address(given: &Url) -> Url {
    let mut url = given.clone();
    url.set_fragment(None);
    let route = url.query_pairs().find(|(name, _)| name == "rest_route").map(|(_, route)| route.into_owned());
    if let Some(route) = route {
        // Sites without readable addresses have their interface in the query.
        let route = if route.contains("/posts") { route } else { format!("{}/wp/v2/posts", route.trim_end_matches('/')) };
        url.query_pairs_mut().clear().append_pair("rest_route", &route);
    } else if !url.path().contains("/wp/v2/") {
        let path = match url.path().split_once("wp-json") {
            Some((root, _)) => format!("{root}wp-json/wp/v2/posts"),
            None => format!("{}wp-json/wp/v2/posts", folder(url.path())),
        };
        url.set_path(&path);
        url.set_query(None);
    }
    let has = |name: &str| url.query_pairs().any(|(key, _)| key == name);
    let (embed, per_page) = (!has("_embed"), !has("per_page"));
    let mut pairs = url.query_pairs_mut();
    if embed {
        pairs.append_pair("_embed", "author,wp:term,wp:featuredmedia");
    }
    if per_page {
        pairs.append_pair("per_page", PER_PAGE);
    }
    drop(pairs);
    url
}

/// A path up to its last slash; the whole of one whose last segment is a folder's name by its looks.
fn folder(path: &str) -> String {
    let (root, last) = path.rsplit_once('/').unwrap_or(("", ""));
    if last.is_empty() || last.contains('.') { format!("{root}/") } else { format!("{root}/{last}/") }
}

/// Reads an answer to [`address`]: the newest posts first, with author, terms, featured media and the rendered text.
///
/// # Errors
/// [`WordPressError`]; an empty list of posts is none.
pub fn read(bytes: &[u8], context: &Context<'_>) -> Result<Feed, WordPressError> {
    let start = bytes.trim_ascii_start();
    let json: Value = serde_json::from_slice(start).map_err(|_| WordPressError::NotPosts("the answer is no JSON".to_owned()))?;
    let posts = match json {
        Value::Array(posts) => posts,
        Value::Object(error) if error.contains_key("code") => {
            let said = error.get("message").or(error.get("code")).and_then(Value::as_str).unwrap_or_default();
            return Err(WordPressError::Refused(said.chars().filter(|c| !c.is_control()).take(200).collect()));
        }
        _ => return Err(WordPressError::NotPosts("the answer is no list".to_owned())),
    };
    let mut feed = Feed::empty(FeedKind::WordPress);
    let site = context.url.as_str().split(['?', '#']).next().unwrap_or_default();
    let site = site.split("wp-json").next().unwrap_or(site);
    feed.links.push(Link { href: site.to_owned(), rel: Some("alternate".into()), ..Link::default() });
    let listed = posts.len();
    for (index, post) in posts.iter().take(POSTS_MAX).enumerate() {
        match post.as_object().and_then(|post| entry(post, context)) {
            Some(entry) => feed.entries.push(entry),
            None => {
                let what = format!("post {} has no address", index + 1);
                feed.problems.push(Problem { entry: None, stage: ReadStage::Link, what });
            }
        }
    }
    if feed.entries.is_empty() && listed > 0 {
        return Err(WordPressError::NoPosts);
    }
    Ok(feed)
}

fn entry(post: &Map<String, Value>, context: &Context<'_>) -> Option<Entry> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let is_protected = |key: &str| post.get(key).and_then(|part| part.get("protected")).and_then(Value::as_bool).unwrap_or(false);
    let rendered = |key: &str| text(post.get(key).and_then(|part| part.get("rendered"))).filter(|_| !is_protected(key));
    let web = |href: &str| context.url.join(href).ok().filter(|url| matches!(url.scheme(), "http" | "https")).map(String::from);
    let link = text(post.get("link")).and_then(|href| web(&href))?;
    let html = |value: String| Text { value, kind: TextKind::Html };
    let (published, published_raw) = moment(post, "date", context.time_zone);
    let (updated, updated_raw) = moment(post, "modified", context.time_zone);
    let embedded = post.get("_embedded");
    let several = |key: &str| embedded.and_then(|e| e.get(key)).and_then(Value::as_array).into_iter().flatten().take(TERMS_MAX);
    let authors = several("author").filter_map(|author| {
        let name = text(author.get("name"))?;
        Some(Person { name: Some(name), uri: text(author.get("link")).and_then(|href| web(&href)), ..Person::default() })
    });
    let terms = several("wp:term").flat_map(|taxonomy| taxonomy.as_array().into_iter().flatten().take(TERMS_MAX));
    let categories = terms.filter_map(|term| {
        let is_none = term.get("slug").and_then(Value::as_str) == Some("uncategorized");
        let name = text(term.get("name")).filter(|_| !is_none)?;
        let scheme = text(term.get("taxonomy")).filter(|taxonomy| !matches!(taxonomy.as_str(), "category" | "post_tag"));
        Some(Category { term: resolve_entities(&name).into_owned(), scheme, label: None })
    });
    let pictures = several("wp:featuredmedia").take(1).filter_map(|media| {
        let url = text(media.get("source_url")).and_then(|href| web(&href))?;
        let size_bytes = media.get("media_details").and_then(|d| d.get("filesize")).and_then(Value::as_u64);
        let content = MediaContent { url: Some(url.clone()), media_type: text(media.get("mime_type")), size_bytes };
        Some(Media { contents: vec![content], thumbnails: vec![url], ..Media::default() })
    });
    Some(Entry {
        // The same id as in the site's own feed, so that a source may change between the two.
        id: text(post.get("guid").and_then(|guid| guid.get("rendered"))).map(|guid| resolve_entities(&guid).into_owned()),
        title: rendered("title").map(html),
        links: vec![Link { href: link.clone(), rel: Some("alternate".into()), ..Link::default() }],
        published,
        published_raw,
        updated,
        updated_raw,
        authors: authors.collect(),
        categories: categories.collect(),
        summary: rendered("excerpt").map(html),
        content: rendered("content").map(|value| Content { value: Some(value), media_type: "text/html".into(), src: None }),
        media: pictures.collect(),
        base: Some(link),
        ..Entry::default()
    })
}

/// A date of a post: the one in UTC if there is one, else the site's own time, in the source's zone.
fn moment(post: &Map<String, Value>, key: &str, time_zone: Tz) -> (Option<DateTime<Utc>>, Option<String>) {
    let raw = |key: &str| post.get(key).and_then(Value::as_str).filter(|raw| !raw.is_empty());
    match raw(&format!("{key}_gmt")) {
        Some(gmt) => (date::read(gmt, Tz::UTC, None), Some(gmt.to_owned())),
        None => (raw(key).and_then(|local| date::read(local, time_zone, None)), raw(key).map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSTS: &str = r#"[{"id":7,"date":"2026-11-18T12:00:00","date_gmt":"2026-11-18T10:00:00","modified_gmt":"2026-11-19T10:00:00",
        "guid":{"rendered":"https://w.example/?p=7&#038;x"},"link":"https://w.example/care/","title":{"rendered":"Care &#8211; now"},
        "excerpt":{"rendered":"<p>Short.</p>","protected":false},"content":{"rendered":"<p>Long.</p>","protected":false},
        "_embedded":{"author":[{"name":"A. Writer","link":"https://w.example/author/a/"}],
        "wp:term":[[{"name":"Data &amp; AI","taxonomy":"category","slug":"data"},{"name":"Uncategorized","slug":"uncategorized","taxonomy":"category"}],
        [{"name":"tag","taxonomy":"post_tag"}]],
        "wp:featuredmedia":[{"source_url":"https://w.example/p.jpg","mime_type":"image/jpeg","media_details":{"filesize":9}}]}},
        {"id":8,"link":"https://w.example/secret/","title":{"rendered":"Protected: x"},"content":{"rendered":"x","protected":true}},
        {"id":9}, 4]"#;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn read_text(text: &str) -> Result<Feed, WordPressError> {
        read(text.as_bytes(), &Context { url: &url("https://w.example/wp-json/wp/v2/posts?per_page=9"), time_zone: Tz::UTC })
    }

    #[test]
    fn a_post_is_an_entry_with_author_terms_media_and_text() {
        let feed = read_text(POSTS).unwrap();
        assert_eq!((feed.entries.len(), feed.problems.len()), (2, 2));
        let entry = &feed.entries[0];
        assert_eq!(entry.id.as_deref(), Some("https://w.example/?p=7&x"));
        assert_eq!(entry.published.unwrap().to_rfc3339(), "2026-11-18T10:00:00+00:00");
        assert_eq!(entry.authors[0].name.as_deref(), Some("A. Writer"));
        assert_eq!(entry.categories.iter().map(|c| c.term.as_str()).collect::<Vec<_>>(), ["Data & AI", "tag"]);
        assert_eq!(entry.media[0].contents[0].media_type.as_deref(), Some("image/jpeg"));
        assert_eq!(entry.content.as_ref().unwrap().value.as_deref(), Some("<p>Long.</p>"));
        assert_eq!(feed.entries[1].content, None, "what a password protects is not taken");
        assert_eq!(feed.links[0].href, "https://w.example/");
    }

    #[test]
    fn other_answers_are_told_apart() {
        for (text, class) in [
            ("<html>", "not-posts"),
            ("{\"a\":1}", "not-posts"),
            ("{\"code\":\"rest_forbidden\",\"message\":\"No\\u0007 entry\"}", "refused"),
            ("[{\"id\":1}]", "no-posts"),
        ] {
            assert_eq!(read_text(text).unwrap_err().class(), class, "{text}");
        }
        assert_eq!(read_text("[]").unwrap().entries.len(), 0);
        assert_eq!(read_text("{\"code\":\"x\",\"message\":\"No\\u0007 entry\"}").unwrap_err().to_string(), "WordPress says: No entry");
    }

    #[test]
    fn the_address_of_the_posts_is_made_of_whatever_is_known() {
        let query = "_embed=author%2Cwp%3Aterm%2Cwp%3Afeaturedmedia&per_page=50";
        for (given, wanted) in [
            ("https://w.example/", "https://w.example/wp-json/wp/v2/posts?"),
            ("https://w.example/blog", "https://w.example/blog/wp-json/wp/v2/posts?"),
            ("https://w.example/blog/index.php?x=1#y", "https://w.example/blog/wp-json/wp/v2/posts?"),
            ("https://w.example/wp-json/", "https://w.example/wp-json/wp/v2/posts?"),
            ("https://w.example/wp-json/wp/v2/posts?categories=4", "https://w.example/wp-json/wp/v2/posts?categories=4&"),
            ("https://w.example/index.php?rest_route=/", "https://w.example/index.php?rest_route=%2Fwp%2Fv2%2Fposts&"),
        ] {
            assert_eq!(address(&url(given)).as_str(), format!("{wanted}{query}"), "{given}");
        }
        let whole = "https://w.example/wp-json/wp/v2/posts?_embed=1&per_page=9";
        assert_eq!(address(&url(whole)).as_str(), whole);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = read(&bytes, &Context { url: &url("https://w.example/"), time_zone: Tz::UTC });
        }
    }
}
