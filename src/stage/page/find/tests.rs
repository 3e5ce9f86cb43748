use std::collections::BTreeMap;

use chrono::DateTime;
use chrono_tz::Tz;

use super::*;
use crate::entry::Feed;
use crate::shared;

struct Expected {
    url: Url,
    zone: Tz,
    now: DateTime<chrono::Utc>,
    /// Title and date by address, the date to the minute where there is one.
    items: BTreeMap<String, (String, String)>,
}

fn expected(text: &str) -> Expected {
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().unwrap().trim_start_matches("# ").split(' ').collect();
    let items = lines
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            (cells[0].to_owned(), (cells[1].to_owned(), cells[2].to_owned()))
        })
        .collect();
    Expected { url: head[0].parse().unwrap(), zone: head[1].parse().unwrap(), now: head[2].parse().unwrap(), items }
}

#[derive(Default, Debug)]
struct Score {
    found: usize,
    there: usize,
    wrong: usize,
    /// Of those found, with the right title and the right date.
    titled: usize,
    dated: usize,
    /// With a summary.
    summed: usize,
}

fn score(feed: &Feed, expected: &Expected, say: bool) -> Score {
    let mut score = Score { there: expected.items.len(), ..Score::default() };
    for entry in &feed.entries {
        let href = &entry.links[0].href;
        let title = &entry.title.as_ref().unwrap().value;
        let Some((wanted_title, wanted_date)) = expected.items.get(href) else {
            score.wrong += 1;
            if say {
                println!("    wrong: {title} <{href}> {:?}", entry.published_raw);
            }
            continue;
        };
        score.found += 1;
        let format = if wanted_date.len() > 10 { "%F %H:%M" } else { "%F" };
        let date = entry.published.map(|at| at.with_timezone(&expected.zone).format(format).to_string()).unwrap_or_default();
        score.titled += usize::from(wanted_title.is_empty() || title == wanted_title);
        score.summed += usize::from(entry.summary.is_some());
        score.dated += usize::from(&date == wanted_date);
        if say && (!wanted_title.is_empty() && title != wanted_title || &date != wanted_date) {
            println!("    differs: {title} {date} ({:?}), wanted {wanted_title} {wanted_date}", entry.published_raw);
        }
    }
    if say {
        for (href, (title, _)) in &expected.items {
            if !feed.entries.iter().any(|entry| &entry.links[0].href == href) {
                println!("    missing: {title} <{href}>");
            }
        }
    }
    score
}

fn read(html: &[u8], expected: &Expected) -> Result<Listing, PageError> {
    find(html, None, &Context { url: &expected.url, time_zone: expected.zone, language: None, now: expected.now })
}

/// Prints the table and gives the sum.
fn table(pages: impl Iterator<Item = (String, Vec<u8>, Expected)>) -> Score {
    let mut sum = Score::default();
    println!("{:38} {:>5} {:>5} {:>5} {:>5} {:>5} {:>5}  how", "page", "found", "there", "wrong", "title", "date", "summ.");
    for (name, html, expected) in pages {
        let listing = read(&html, &expected);
        let (score, how) = match &listing {
            Ok(listing) => {
                let item = listing.selectors.as_ref().and_then(|selectors| selectors.item.as_deref()).unwrap_or("-");
                (
                    score(&listing.feed, &expected, true),
                    format!("{} [{item}] next {}", listing.how.name(), listing.next.as_ref().map_or("-", Url::as_str)),
                )
            }
            Err(error) => (Score { there: expected.items.len(), ..Score::default() }, error.to_string()),
        };
        let Score { found, there, wrong, titled, dated, summed } = score;
        println!("{name:38} {found:>5} {there:>5} {wrong:>5} {titled:>5} {dated:>5} {summed:>5}  {how}");
        sum.found += score.found;
        sum.there += score.there;
        sum.wrong += score.wrong;
        sum.titled += score.titled;
        sum.dated += score.dated;
        sum.summed += score.summed;
    }
    println!("{:38} {:>5} {:>5} {:>5} {:>5} {:>5}", "all", sum.found, sum.there, sum.wrong, sum.titled, sum.dated);
    sum
}

#[test]
fn the_fixtures_are_found() {
    let files: BTreeMap<String, Vec<u8>> = shared::project_files("tests/fixtures/pages").collect();
    let pages = files.iter().filter(|(name, _)| name.ends_with(".html")).map(|(name, html)| {
        let pair = &files[&name.replace(".html", ".expected")];
        (name.clone(), html.clone(), expected(std::str::from_utf8(pair).unwrap()))
    });
    let sum = table(pages);
    assert!(sum.there >= 150);
    assert!(sum.found * 100 >= sum.there * 95, "{sum:?}");
    assert!(sum.wrong * 100 <= sum.there * 2, "{sum:?}");
    assert!(sum.titled * 100 >= sum.there * 95 && sum.dated * 100 >= sum.there * 95, "{sum:?}");
}

/// The items of the captures of `../shared/data/pages`, by path and day.
#[test]
fn the_captures_are_found() {
    if shared::folder().is_none() {
        return;
    }
    let h = "http://www.healthcareitnews.com/news/";
    let captures = [
        (
            "healthcareitnews.com-home-2018-03.html",
            "http://www.healthcareitnews.com/ America/New_York 2018-03-17T12:00:00Z",
            vec![
                (format!("{h}shulkin-doubles-down-ehr-modernization-price-tag-swells"), "2018-03-16"),
                (format!("{h}how-ehrs-are-helping-vanderbilt-researchers-identify-undiagnosed-genetic-diseases"), "2018-03-16"),
                (format!("{h}ucsf-researchers-take-issue-epics-chr-definition-offer-alternate-meaning"), "2018-03-15"),
            ],
        ),
        (
            "himss.org-home-2018-03.html",
            "http://www.himss.org/ America/Chicago 2018-03-17T12:00:00Z",
            vec![
                ("http://www.himss.org/news/himss-statement-myhealthedata-initiative".into(), "2018-03-06"),
                (
                    "http://www.himss.org/news/2018-accehimss-excellence-clinical-engineering-it-synergies-award-recipient-announced"
                        .into(),
                    "2018-01-19",
                ),
                (format!("{h}himss18-cybersecurity-recap-threat-sharing-and-need-boardroom-priority"), "2018-03-16"),
            ],
        ),
        (
            "himss.org-news-2024-modelled.html",
            "https://www.himss.org/news America/Chicago 2024-09-20T12:00:00Z",
            vec![
                ("https://www.himss.org/news/careclinics-partners-himss".into(), "2024-09-13"),
                ("https://www.himss.org/news/second-item".into(), "2024-08-01"),
            ],
        ),
        (
            "himss.org-article-2024-modelled.html",
            "https://www.himss.org/news/careclinics-partners-himss America/Chicago 2024-09-20T12:00:00Z",
            vec![("https://www.himss.org/news/careclinics-partners-himss".into(), "2024-09-13")],
        ),
    ];
    let pages = captures.into_iter().map(|(file, head, items)| {
        let html = shared::text(&format!("data/pages/{file}")).unwrap().into_bytes();
        let mut expected = expected(&format!("# {head}"));
        expected.items = items.into_iter().map(|(url, date)| (url, (String::new(), date.to_owned()))).collect();
        (file.to_owned(), html, expected)
    });
    let sum = table(pages);
    assert_eq!((sum.found, sum.wrong, sum.dated), (9, 0, 9), "{sum:?}");
}

/// What selectors found by themselves give is what was found without them.
#[test]
fn selectors_find_the_same_again() {
    let files: BTreeMap<String, Vec<u8>> = shared::project_files("tests/fixtures/pages").collect();
    let (mut with, mut without) = (0, Vec::new());
    for (name, html) in files.iter().filter(|(name, _)| name.ends_with(".html")) {
        let expected = expected(std::str::from_utf8(&files[&name.replace(".html", ".expected")]).unwrap());
        let Some(selectors) = read(html, &expected).unwrap().selectors else {
            without.push(name.as_str());
            continue;
        };
        with += 1;
        let context = Context { url: &expected.url, time_zone: expected.zone, language: None, now: expected.now };
        let listing = crate::stage::page::read(html, None, &selectors, &context).unwrap();
        let score = score(&listing.feed, &expected, false);
        println!("{name:28} {score:?} {selectors:?}");
        assert_eq!((score.found, score.wrong), (expected.items.len(), 0), "{name}");
        // The days: hours may be in the metadata alone.
        assert!(score.dated * 10 >= expected.items.len() * 8, "{name}");
    }
    println!("selectors for {with}, none for {without:?}");
    assert!(with >= 20);
}

#[test]
fn every_kind_of_listing_is_offered_the_fullest_first() {
    let folder: BTreeMap<String, Vec<u8>> = shared::project_files("tests/fixtures/pages").collect();
    let hows = |name: &str| {
        let expected = expected(std::str::from_utf8(&folder[&format!("{name}.expected")]).unwrap());
        let context = Context { url: &expected.url, time_zone: expected.zone, language: None, now: expected.now };
        let listings = find_all(&folder[&format!("{name}.html")], None, &context).unwrap();
        listings.iter().map(|listing| (listing.how, listing.feed.entries.len())).collect::<Vec<_>>()
    };
    assert_eq!(hows("news-partial-json-ld"), [(How::Cards, 15), (How::JsonLd, 3)]);
    assert_eq!(hows("react-next"), [(How::State, 12), (How::Cards, 6)]);
    assert_eq!(hows("nuxt-state"), [(How::State, 7)]);
}

#[test]
fn skip_and_next_mean_something_without_an_item() {
    let html = br#"<main><ul><li><a href="/news/one-two-three">One two three</a> <time datetime=2025-01-02>x</time><li><a href="/tv/four-five-six">Four five six</a>
        <time datetime=2025-01-03>x</time></ul><p class=more><a href="/news/older-ones">All that is older</a></p></main>"#;
    let url = Url::parse("https://www.example.org/news").unwrap();
    let context = Context { url: &url, time_zone: Tz::UTC, language: None, now: "2025-02-01T00:00:00Z".parse().unwrap() };
    let selectors = PageSelectors { skip: vec!["/tv".into()], next: Some(".more".into()), ..PageSelectors::default() };
    let listing = crate::stage::page::read(html, None, &selectors, &context).unwrap();
    assert_eq!(
        listing.feed.entries.iter().map(|entry| entry.links[0].href.as_str()).collect::<Vec<_>>(),
        ["https://www.example.org/news/one-two-three"]
    );
    assert_eq!(listing.next.unwrap().as_str(), "https://www.example.org/news/older-ones");
}

#[test]
fn pages_without_a_list_say_so() {
    let page = |title: &str, body: &str| format!("<html><head><title>{title}</title></head><body>{body}</body></html>");
    let expected = expected("# https://www.example.org/news UTC 2025-01-01T00:00:00Z");
    let why = |html: &str| read(html.as_bytes(), &expected).unwrap_err().class();
    assert_eq!(
        why(&page("News", "<nav><ul><li><a href=/about-us-and-others>About us and others</a></ul></nav><div id=app></div>")),
        "no-listing"
    );
    assert_eq!(why(&page("Just a moment...", "<p>x")), "barrier");
    assert_eq!(why(&"<div>".repeat(600)), "too-deep");
    assert_eq!(why(""), "no-listing");
}

/// Fifty thousand elements in shapes that each want to be read again and again. On an idle machine each takes seconds where nothing is
/// optimised; reading them in time that grows with their square would take many minutes.
#[test]
fn large_and_hostile_pages_are_found_in_little_time() {
    let expected = expected("# https://www.example.org/news UTC 2025-01-01T00:00:00Z");
    let many = |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<String>();
    let letters = |n: usize| (0..4).map(|k| char::from(b'a' + u8::try_from(n / 26_usize.pow(k) % 26).unwrap())).collect::<String>();
    let deep = |inner: &str| format!("{}{inner}{}", "<div>".repeat(480), "</div>".repeat(480));
    for (name, html) in [
        ("one long list", many(16_000, &|n| format!("<li><h3><a href=/news/story-number-{n}>A headline of words {n}</a></h3><p>5.2.2024"))),
        ("links without a list", many(50_000, &|n| format!("<a href=/{n}>Words and words {n}</a> "))),
        ("a class each", many(16_000, &|n| format!("<div class={0}><a class={0} href=/n/{n}>Words and words {n}</a></div>", letters(n)))),
        ("headings of what is beside", many(16_000, &|n| format!("<div><h2>Related</h2></div><a href=/{n}>x</a>"))),
        ("nested entries", format!("{}{}", "<div class=h-entry>".repeat(400), many(40_000, &|_| "<b></b>".to_owned()))),
        (
            "nested scopes",
            format!("{}{}", "<div itemscope itemtype=http://schema.org/Article>".repeat(400), many(40_000, &|_| "<b></b>".to_owned())),
        ),
        ("nested headers", format!("{}{}", "<header>".repeat(400), many(40_000, &|_| "<b></b>".to_owned()))),
        ("deep lists", deep(&many(16_000, &|n| format!("<p><a href=/news/story-{n}-x>Deep words here {n}</a></p>")))),
        (
            "one item of everything",
            format!("<article><h2><a href=/a-b-c>Words and words</a></h2>{}</article>", many(50_000, &|_| "<i>5.2.2024</i>".to_owned())),
        ),
        ("json of depth", format!("<script type=application/ld+json>{}</script>", "[{\"a\":".repeat(100_000))),
        (
            "json of length",
            format!(
                "<script type=application/ld+json>[{}]</script>",
                many(50_000, &|n| format!("{{\"@type\":\"Article\",\"url\":\"/{n}\",\"name\":\"N {n}\"}},"))
            ),
        ),
        (
            "state that repeats itself",
            format!(
                "<script id=__NUXT_DATA__ type=application/json>[{}]</script>",
                many(2_000, &|n| format!("[{0},{0},{0}],", n + 1)) + "1"
            ),
        ),
    ] {
        let start = std::time::Instant::now();
        let found = read(html.as_bytes(), &expected).map_or(0, |listing| listing.feed.entries.len());
        println!("{name:28} {:>9} bytes {found:>6} found {:?}", html.len(), start.elapsed());
        assert!(start.elapsed().as_secs() < 90, "{name}: {:?}", start.elapsed());
    }
}

proptest::proptest! {
    #[test]
    fn any_page_is_survived(pieces in proptest::collection::vec(proptest::sample::select(vec![
        "<article>", "</article>", "<div class=card>", "</div>", "<ul>", "<li>", "</ul>", "<h2>", "</h2>", "<a href=/news/a-b-c>", "<a href=/d-e-f>", "<a href='#'>", "</a>",
        "Some words here ", "5.2.2024", "<time datetime=2024-01-01>", "</time>", "<nav>", "</nav>", "<dl><dt>", "<dd>", "<table><tr><td>", "<h2>Related</h2>",
        "<main>", "</main>", "<div itemscope itemtype=//schema.org/Article>", "<b itemprop=url content=/x>", "<div class=h-entry>", "<script type=application/ld+json>{", "</script>",
        "\"@type\":\"Article\",\"url\":\"/y\"}", "é", "<h1>", "<p>", "<footer>",
    ]), 0..60)) {
        let expected = expected("# https://www.example.org/news UTC 2025-01-01T00:00:00Z");
        let html = pieces.concat();
        if let Ok(listing) = read(html.as_bytes(), &expected) {
            proptest::prop_assert!(!listing.feed.entries.is_empty());
            for entry in &listing.feed.entries {
                proptest::prop_assert!(entry.title.is_some() && entry.links[0].href.starts_with("http"));
            }
        }
    }
}
