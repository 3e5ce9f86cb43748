use super::*;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn read_page(html: &str, robots_tag: Option<&str>) -> Result<Facts, Unusable> {
    let url = url("https://www.news.example/2026/a?utm_source=x");
    read(&Answer {
        url: &url,
        asked: &url,
        content_type: Some("text/html; charset=utf-8"),
        robots_tag,
        reserved: None,
        bytes: html.as_bytes(),
        title: "A lamp",
    })
}

fn facts(html: &str) -> Facts {
    read_page(html, None).unwrap()
}

const PAGE: &str = r##"<!doctype html><html lang="fi-FI"><head><title>A lamp &amp; more | News</title>
<meta name=description content="Said &quot;so&quot;.">
<meta property="og:title" content="A lamp"><meta property="og:description" content="About a lamp.">
<meta property="og:image" content="/lamp.jpg?w=1&amp;h=2"><meta property="og:image:height" content="630">
<meta property="article:published_time" content="2026-11-10T08:00:00+02:00">
<meta name="twitter:card" content="summary"><meta name="Author" content="A. Keeper (a@news.example)">
<link rel="shortcut icon" href="/i.ico"><link rel="icon" sizes="16x16 32x32" href="/i.png">
<link rel=canonical href="https://news.example/a">
<script type="application/ld+json">{"@graph": [{"@type": "WebSite"}, {"@type": ["NewsArticle"], "author": [{"name": "B. Watcher"}],
"dateModified": "2026-11-11", "image": {"url": "https://cdn.example/2.jpg"}}]}</script></head><body></body></html>"##;

#[test]
fn a_page_tells_what_it_is() {
    let facts = facts(PAGE);
    assert_eq!(facts.address, "https://news.example/a");
    assert_eq!(facts.description.as_deref(), Some("About a lamp."));
    assert_eq!(facts.authors, ["B. Watcher", "A. Keeper"]);
    assert_eq!(facts.published.unwrap().to_rfc3339(), "2026-11-10T06:00:00+00:00");
    assert_eq!(facts.modified.unwrap().to_rfc3339(), "2026-11-11T00:00:00+00:00");
    assert_eq!(facts.language.as_deref(), Some("fi-FI"));
    assert_eq!(facts.images, ["https://www.news.example/lamp.jpg?w=1&h=2", "https://cdn.example/2.jpg"]);
    assert_eq!(facts.icon.as_deref(), Some("https://www.news.example/i.png"));
    let get = |map: &std::collections::BTreeMap<String, String>, key: &str| map.get(key).cloned().unwrap_or_default();
    assert_eq!(get(&facts.meta.html, "description"), "Said \"so\".");
    assert_eq!((get(&facts.meta.html, "ogtitle"), get(&facts.meta.open_graph, "ogtitle")), ("A lamp".into(), "A lamp".into()));
    assert_eq!((get(&facts.meta.open_graph, "ogimageheight"), get(&facts.meta.twitter, "twittercard")), ("630".into(), "summary".into()));
    assert_eq!(facts.notes, [""; 0]);
}

#[test]
fn canonical_links_are_believed_on_their_own_site_only() {
    for (link, address, note) in [
        ("https://news.example/b?utm_id=1#c", "https://news.example/b", None),
        ("/b", "https://www.news.example/b", None),
        ("http://www.news.example/b", "https://www.news.example/b", None),
        ("https://m.news.example/b", "https://m.news.example/b", None),
        ("https://other.example/b", "https://www.news.example/2026/a", Some("another site, other.example")),
        ("https://evil.news.example.attacker.example/b", "https://www.news.example/2026/a", Some("another site")),
        ("https://news.example:8443/b", "https://www.news.example/2026/a", Some("another site")),
        ("http://127.0.0.1/b", "https://www.news.example/2026/a", Some("another site")),
        ("javascript:alert(1)", "https://www.news.example/2026/a", Some("no address")),
        ("https://www.news.example/", "https://www.news.example/2026/a", Some("front page")),
        ("", "https://www.news.example/2026/a", Some("no address")),
    ] {
        let facts = facts(&format!("<link rel='Canonical' href='{link}'>"));
        assert_eq!(facts.address, address, "{link}");
        assert_eq!(facts.notes.len(), usize::from(note.is_some()), "{link}: {:?}", facts.notes);
        assert!(note.is_none_or(|note| facts.notes[0].contains(note)), "{link}: {:?}", facts.notes);
    }
    let two = facts("<link rel=canonical href=/a><link rel=canonical href=/b>");
    assert_eq!(two.address, "https://www.news.example/2026/a");
    assert!(two.notes[0].contains("several"), "{:?}", two.notes);
}

#[test]
fn one_site_is_one_registrable_domain() {
    for (one, other, same) in [
        ("https://a.example.co.uk/", "https://b.example.co.uk/", true),
        ("https://example.co.uk/", "https://other.co.uk/", false),
        ("https://one.github.io/", "https://two.github.io/", false),
        ("http://a.example/", "https://a.example/", true),
        ("http://127.0.0.1:80/", "http://127.0.0.2:80/", false),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/", true),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8081/", false),
        ("http://localhost/", "http://localhost/", true),
    ] {
        assert_eq!(address::same_site(&url(one), &url(other)), same, "{one} {other}");
    }
}

#[test]
fn a_page_decides_what_is_shown_of_it() {
    const TEXTS: &str = "<meta name=description content='One two three.'><meta property=og:image content=/a.jpg>";
    for (html, header, description, images) in [
        ("", None, Some("One two three."), 1),
        ("<meta name=robots content='index, follow, max-snippet:-1'>", None, Some("One two three."), 1),
        ("<meta name=robots content='max-snippet:8'>", None, Some("One two…"), 1),
        ("<meta name=robots content=NoSnippet>", None, None, 1),
        ("<meta name=robots content=noindex>", None, None, 0),
        ("<meta name=topicwire content=noindex>", None, None, 0),
        ("<meta name=otherbot content=noindex>", None, Some("One two three."), 1),
        ("<meta name=robots content='max-image-preview:none'>", None, Some("One two three."), 0),
        ("", Some("nosnippet"), None, 1),
        ("", Some("otherbot: noindex, nofollow"), Some("One two three."), 1),
        ("", Some("otherbot: noindex, topicwire: max-snippet:8"), Some("One two…"), 1),
    ] {
        let facts = read_page(&format!("{html}{TEXTS}"), header).unwrap();
        assert_eq!((facts.description.as_deref(), facts.images.len()), (description, images), "{html} {header:?}");
        assert_eq!(facts.meta.html.get("description").map(String::as_str), description, "{html} {header:?}");
        assert_eq!(facts.notes.is_empty(), description == Some("One two three.") && images == 1, "{html} {header:?}");
    }
}

#[test]
fn a_reservation_is_told_and_hides_nothing() {
    let mining = "text and data mining reserved (TDMRep)";
    for (html, told) in [
        ("<meta name=robots content='index, noai, noimageai'>", Some("noai, noimageai".to_owned())),
        ("<meta name=otherbot content=noai>", None),
        ("<meta name=tdm-reservation content=1>", Some(mining.to_owned())),
        ("<meta name=tdm-reservation content=0>", None),
        (
            "<meta name=tdm-reservation content=1><meta name=tdm-policy content=/p>",
            Some(format!("{mining} with a policy at https://www.news.example/p")),
        ),
        (
            "<link rel=license type=application/rsl+xml href=/l.xml>",
            Some("terms for programs (RSL) at https://www.news.example/l.xml".to_owned()),
        ),
        ("<link rel=license href=/l.html>", None),
        (
            "<script type=application/rsl+xml><rsl></rsl></script>",
            Some("terms for programs (RSL) at https://www.news.example/2026/a?utm_source=x".to_owned()),
        ),
    ] {
        let facts = read_page(&format!("{html}<meta name=description content='One two three.'>"), None).unwrap();
        let words = facts.reservation.map(|reservation| reservation.words());
        assert_eq!((facts.description.as_deref(), words), (Some("One two three."), told), "{html}");
    }
}

#[test]
fn what_is_no_article_is_told() {
    let page = url("https://news.example/a");
    let front = url("https://news.example/");
    let answer = |url: &Url, content_type, bytes: &str| {
        read(&Answer {
            url,
            asked: &page,
            content_type,
            robots_tag: None,
            reserved: None,
            bytes: bytes.as_bytes(),
            title: "Consent in care",
        })
    };
    let error = |url: &Url, content_type, bytes: &str| answer(url, content_type, bytes).unwrap_err().to_string();
    assert_eq!(error(&page, Some("video/mp4"), "x"), "it is video/mp4, not a page");
    assert_eq!(error(&page, Some("text/html"), "GIF89a\x01\0\x01\0\0\0\0;"), "it is text/html, not a page");
    assert_eq!(error(&front, None, "<title>News</title>"), "it leads to the front page of news.example");
    let barrier = error(&page, None, "<title>Sign in | News</title>");
    assert_eq!(barrier, "a login page came instead of the article; its title is “Sign in | News”");
    assert!(answer(&page, None, "<title>Consent in care | News</title>").is_ok(), "its title is the record's");
    assert!(answer(&page, None, "<title>404 ways</title><meta property=og:type content=article>").is_ok());
    let pdf = answer(&page, Some("application/pdf"), "%PDF-1.7 ...").unwrap();
    assert_eq!((pdf.is_pdf, pdf.address.as_str()), (true, "https://news.example/a"));
}

#[test]
fn broken_and_hostile_pages_cost_nothing() {
    let deep = format!("<script type='application/ld+json'>{}</script>{PAGE}", "[".repeat(100_000));
    assert_eq!(facts(&deep).authors, ["B. Watcher", "A. Keeper"]);
    let many: String = (0..50_000).map(|n| format!("<meta name=k{n} content={n}><link rel=icon href={n}>")).collect();
    let long = format!("<meta name=description content='{}'>{many}", "word ".repeat(100_000));
    assert_eq!(facts(&long).description.unwrap().chars().count(), 1_999);
    assert_eq!(facts("<meta property=og:title content='a&lt;script&gt;\u{202e}&#1;b'>").meta.html["ogtitle"], "a<script>b");
    let text = format!("{PAGE}{}", "x".repeat(3 << 20));
    assert_eq!(facts(&text), facts(PAGE));
}

proptest::proptest! {
    #[test]
    fn any_page_is_survived(pieces in proptest::collection::vec("(<meta |<link |name=|content=|property=|rel=canonical |href=|ld\\+json>|</|[<>\"'{}:/ a-zé]){0,6}", 0..30)) {
        let _ = read_page(&pieces.concat(), Some("a:b, :,,max-snippet:x"));
    }
}
