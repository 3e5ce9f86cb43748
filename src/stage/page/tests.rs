use chrono::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::shared;

fn url() -> Url {
    Url::parse("https://www.example.org/news").expect("url")
}

fn selectors(item: &str) -> PageSelectors {
    PageSelectors { item: Some(item.into()), ..PageSelectors::default() }
}

fn read_at(html: &str, selectors: &PageSelectors, now: &str) -> Result<Feed, PageError> {
    let now = now.parse().expect("now");
    let context = Context { url: &url(), time_zone: chrono_tz::Europe::Helsinki, language: None, now };
    read(html.as_bytes(), None, selectors, &context).map(|listing| listing.feed)
}

fn read_now(html: &str, selectors: &PageSelectors) -> Result<Feed, PageError> {
    read_at(html, selectors, "2024-09-20T12:00:00Z")
}

fn href(entry: &Entry) -> &str {
    &entry.links[0].href
}

fn title(entry: &Entry) -> &str {
    &entry.title.as_ref().expect("title").value
}

fn day(entry: &Entry) -> String {
    entry.published.map(|date| date.with_timezone(&chrono_tz::Europe::Helsinki).format("%Y-%m-%d %H:%M").to_string()).unwrap_or_default()
}

const DRUPAL: &str = r#"<!DOCTYPE html><html lang="en-GB"><head><meta charset="utf-8"><title>News &amp; views | Example</title></head><body>
<nav><a href="/">Home</a><div class="views-row">no link</div></nav><main>
<div class="views-row"><div class="date">March 06, 2024</div><h5><a href="/news/first ">First &amp; foremost
   </a></h5><div class="body"><p>Teaser <em>one</em>.</p></div><img class="pic" src="data:image/gif;base64,AA" data-src="/files/1.png"></div>
<div class="views-row"><div class="date">19 January 2024</div><h5><a href="https://www.example.org/news/second?utm_source=home">Second & last</a></h5><div class="body">Teaser two.</div>
<div class="views-row"><h5><a href="/tv/live">Television</a></h5></div>
<div class="views-row"><h5><a href="javascript:open()">Script</a></h5></div>
<div class="views-row"><h5><a href="/news/untitled"><img src="x.png"></a></h5></div>
<div class="views-row"><div class="date">soon</div><h5><a href="/news/undated">Undated</a></h5></div>
<div class="views-row"><div class="date">March 6, 2024</div><h5><a href="/news/second#more">Second again</a></h5></div>
</main></body></html>"#;

#[test]
fn a_drupal_list_is_read() {
    let selectors = PageSelectors {
        title: Some("h5".into()),
        link: Some("h5 a".into()),
        summary: Some(".body".into()),
        date: Some(".date".into()),
        image: Some("img.pic".into()),
        skip: vec!["/tv".into()],
        ..selectors(".views-row")
    };
    let feed = read_now(DRUPAL, &selectors).expect("feed");
    assert_eq!(feed.kind, FeedKind::Page);
    assert_eq!(feed.title.as_ref().expect("title").value, "News & views | Example");
    assert_eq!(feed.language.as_deref(), Some("en-GB"));
    assert_eq!((feed.links[0].href.as_str(), feed.links[0].rel.as_deref()), ("https://www.example.org/news", Some("alternate")));
    let seen: Vec<_> = feed.entries.iter().map(|entry| (href(entry), title(entry), day(entry))).collect();
    assert_eq!(
        seen,
        [
            ("https://www.example.org/news/first", "First & foremost", "2024-03-06 00:00".into()),
            ("https://www.example.org/news/second?utm_source=home", "Second & last", "2024-01-19 00:00".into()),
            ("https://www.example.org/news/undated", "Undated", String::new()),
        ]
    );
    let first = &feed.entries[0];
    assert_eq!(first.summary, Some(Text { value: "<p>Teaser <em>one</em>.</p>".into(), kind: TextKind::Html }));
    assert_eq!(first.media[0].thumbnails, ["https://www.example.org/files/1.png"]);
    assert_eq!(first.published_raw.as_deref(), Some("March 06, 2024"));
    assert_eq!((first.id.as_deref(), first.language.as_deref()), (None, Some("en-GB")));
    assert_eq!(feed.entries[1].summary, Some(Text { value: "Teaser two.".into(), kind: TextKind::Plain }));
    let problems: Vec<_> = feed.problems.iter().map(|problem| (problem.entry, problem.stage, problem.what.as_str())).collect();
    assert_eq!(
        problems,
        [
            (None, ReadStage::Link, "item 1 is left out: `link` matches nothing in it"),
            (None, ReadStage::Link, "item 5 is left out: its link leads to no web page: javascript:open()"),
            (None, ReadStage::Parse, "item 6 is left out: it has no title"),
            (Some(2), ReadStage::Date, "date “soon” cannot be read"),
        ]
    );
}

#[test]
fn a_wordpress_list_with_time_elements_is_read() {
    let html = r#"<html lang="fi"><base href="https://blog.example.org/fi/"><body><article class="post"><h2><a href="uutinen">Uutinen</a></h2>
        <p>Julkaistu <time class="entry-date" datetime="2024-02-05T09:30:00+02:00">5. helmikuuta</time>, <span class="by">Maija Meikäläinen</span></p></article>
        <article class="post"><h2><a href="../toinen">Toinen</a></h2><time class="entry-date">16.3.2024 klo 12.20</time></article></body></html>"#;
    let selectors = PageSelectors { date: Some("p, time".into()), author: Some(".by".into()), ..selectors("article.post") };
    let feed = read_now(html, &selectors).expect("feed");
    let seen: Vec<_> = feed.entries.iter().map(|entry| (href(entry), title(entry), day(entry))).collect();
    assert_eq!(
        seen,
        [
            ("https://blog.example.org/fi/uutinen", "Uutinen", "2024-02-05 09:30".into()),
            ("https://blog.example.org/toinen", "Toinen", "2024-03-16 12:20".into())
        ]
    );
    assert_eq!(feed.entries[0].authors[0].name.as_deref(), Some("Maija Meikäläinen"));
    assert_eq!(feed.entries[0].base.as_deref(), Some("https://blog.example.org/fi/"));
}

#[test]
fn cards_that_are_links_and_dates_without_a_year_are_read() {
    let html = r#"<main><a class="card" href="/a"><img srcset="/a-300.webp 300w, /a-600.webp 600w"><h3>Card A</h3><span class="d">3 days ago</span></a>
        <a class="card" href="/b"><h3>Card B</h3><span class="d">March 16</span></a>
        <div class="card"><a href="/c"><img src="/c.jpg"></a><a href="/c">Card C</a><span class="d">20|09|23</span></div></main>"#;
    let selectors = PageSelectors { date: Some(".d".into()), image: Some("img".into()), ..selectors(".card") };
    let feed = read_now(html, &selectors).expect("feed");
    let seen: Vec<_> = feed.entries.iter().map(|entry| (title(entry), day(entry))).collect();
    assert_eq!(seen[0], ("Card A", "2024-09-17 00:00".into()));
    assert_eq!(seen[1], ("Card B", "2024-03-16 00:00".into()));
    assert_eq!(seen[2].0, "Card C");
    assert_eq!(feed.entries[0].media[0].thumbnails, ["https://www.example.org/a-300.webp"]);
    let formatted = PageSelectors { date_format: Some("%y|%m|%d".into()), ..selectors };
    assert_eq!(day(&read_now(html, &formatted).expect("feed").entries[2]), "2020-09-23 00:00");
}

#[test]
fn the_first_listing_of_an_article_stays_and_is_completed() {
    let html = "<ul><li><a href=/a>Short</a><li><a href='/a?utm_id=1'>Long title</a><time datetime=2024-01-02>";
    let feed = read_now(html, &PageSelectors { date: Some("time".into()), ..selectors("li") }).expect("feed");
    assert_eq!(feed.entries.len(), 1);
    assert_eq!((title(&feed.entries[0]), day(&feed.entries[0])), ("Short", "2024-01-02 00:00".into()));
    assert!(feed.problems.is_empty());
}

#[test]
fn pages_without_entries_say_why() {
    let page = |title: &str, body: &str| format!("<html><head><title>{title}</title></head><body>{body}</body></html>");
    let why = |html: &str, item: &str| read_now(html, &selectors(item)).expect_err("no entries").to_string();
    assert_eq!(
        why(&page("News | Example", "<p>x"), ".row"),
        "https://www.example.org/news: nothing matches `item = \".row\"` on the page titled “News | Example”; its markup may have changed, or scripts may fill it"
    );
    assert_eq!(
        why(&page("Just a moment...", ""), ".row"),
        "https://www.example.org/news: a challenge page came instead of the list; its title is “Just a moment...”"
    );
    assert_eq!(
        why(&page("News", "<p class=row>x<p class=row>y"), ".row"),
        "https://www.example.org/news: 2 items match `item = \".row\"`, but none is an entry: it has no link"
    );
    assert!(why("", ".row").contains("titled “(none)”"));
    assert_eq!(why("<p>", "p >>> a["), "`item = \"p >>> a[\"` is not a CSS selector");
    assert_eq!(why(&"<div>".repeat(600), "div"), "https://www.example.org/news: elements are nested more than 512 levels deep");
}

#[test]
fn hostile_pages_are_survived_in_little_time() {
    let attributes: String = (0..50_000).map(|n| format!("a{n} ")).collect();
    let formats: String = (0..10_000).map(|n| format!("<p><b id={n}></p>")).collect();
    let rows = "<div class=row><a href=/x>".repeat(250);
    for html in [
        format!("<p {attributes}>"),
        formats,
        rows,
        "<table><tr><td><b>".repeat(100),
        "<a><p><b>".repeat(10_000),
        "\0<<<<!--".repeat(10_000),
    ] {
        let start = std::time::Instant::now();
        let _ = read_now(&html, &PageSelectors { date: Some("*".into()), summary: Some("*".into()), ..selectors("div, p") });
        assert!(start.elapsed().as_secs() < 5, "{}: {:?}", &html[..30], start.elapsed());
    }
}

#[test]
fn charset_of_the_header_decides() {
    let feed = read(
        b"<title>\xe4</title><a href=/x>\xf6</a>",
        Some("text/html; charset=iso-8859-1"),
        &selectors("a"),
        &Context { url: &url(), time_zone: chrono_tz::UTC, language: None, now: Utc.timestamp_nanos(0) },
    );
    assert_eq!(title(&feed.expect("feed").feed.entries[0]), "ö");
}

/// The captures of `../shared/data/pages`: every dated item, and none besides.
#[test]
fn the_captures_are_read() {
    if shared::folder().is_none() {
        return;
    }
    let dates = |file: &str, selectors: &PageSelectors, now: &str| {
        let html = shared::text(&format!("data/pages/{file}")).expect("capture");
        let feed = read_at(&html, selectors, now).expect(file);
        assert!(feed.entries.iter().all(|entry| !title(entry).is_empty() && href(entry).starts_with("http")), "{file}");
        let dates: Vec<_> = feed.entries.iter().map(|entry| day(entry)[..10].to_owned()).collect();
        dates
    };
    let drupal = PageSelectors {
        link: Some("h5 a".into()),
        summary: Some(".field-name-field-body-search".into()),
        date: Some(".field-name-post-date".into()),
        ..selectors(".view-news .views-row")
    };
    assert_eq!(dates("himss.org-home-2018-03.html", &drupal, "2018-03-17T12:00:00Z"), ["2018-03-06", "2018-01-19"]);
    let box_of_feed = PageSelectors { date: Some(".rss-date".into()), summary: Some(".rss-description".into()), ..selectors(".rss-item") };
    assert_eq!(dates("himss.org-home-2018-03.html", &box_of_feed, "2018-03-17T12:00:00Z"), ["2018-03-16"]);
    let views = PageSelectors {
        title: Some(".views-field-title a".into()),
        link: Some(".views-field-title a".into()),
        summary: Some(".views-field-body".into()),
        date: Some("li.last, .views-field-created".into()),
        image: Some("img".into()),
        author: Some(".author-sponsor a".into()),
        ..selectors(".views-row")
    };
    assert_eq!(dates("healthcareitnews.com-home-2018-03.html", &views, "2018-03-17T12:00:00Z"), ["2018-03-16", "2018-03-16", "2018-03-15"]);
    let cards = PageSelectors {
        date: Some("div.date".into()),
        summary: Some("p".into()),
        skip: vec!["/news/himss-tv".into()],
        ..selectors(".card-list.views-row")
    };
    assert_eq!(dates("himss.org-news-2024-modelled.html", &cards, "2024-09-20T12:00:00Z"), ["2024-09-13", "2024-08-01"]);
}

#[test]
fn a_list_tells_what_is_paid_for_and_what_is_reserved() {
    let html = "<meta name=robots content='follow, noai'><link rel=license type=application/rsl+xml href=/l.xml>\
        <div class=i><a rel='nofollow Sponsored' href=/a>Bought</a></div><div class=i><a href=/b>Found</a></div>";
    let feed = read_now(html, &selectors(".i")).unwrap();
    let paid: Vec<bool> =
        feed.entries.iter().map(|entry| entry.links.iter().any(|link| link.rel.as_deref() == Some("sponsored"))).collect();
    assert_eq!(paid, [true, false]);
    assert_eq!(href(&feed.entries[0]), "https://www.example.org/a");
    assert_eq!(feed.reservation.unwrap().words(), "terms for programs (RSL) at https://www.example.org/l.xml, noai");
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut page = b"<a href=/x>y</a>".to_vec();
        page.extend(bytes);
        let read = read(&page, None, &selectors("a"), &Context { url: &url(), time_zone: chrono_tz::UTC, language: None, now: Utc.timestamp_nanos(0) });
        prop_assert!(read.is_ok_and(|read| !read.feed.entries.is_empty()));
    }
}
