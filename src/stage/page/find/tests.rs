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
        score.titled += usize::from(title == wanted_title);
        score.dated += usize::from(&date == wanted_date);
        if say && (title != wanted_title || &date != wanted_date) {
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
    println!("{:36} {:>5} {:>5} {:>5} {:>5} {:>5}  how", "page", "found", "there", "wrong", "title", "date");
    for (name, html, expected) in pages {
        let listing = read(&html, &expected);
        let (score, how) = match &listing {
            Ok(listing) => {
                let how = format!("{}{}", listing.how.name(), listing.selectors.as_ref().map_or(String::new(), |found| format!(" {:?} {:?}", found.item.as_deref().unwrap_or(""), found.date.as_deref().unwrap_or(""))));
                (score(&listing.feed, &expected, true), how)
            }
            Err(error) => (Score { there: expected.items.len(), ..Score::default() }, error.to_string()),
        };
        println!("{name:36} {:>5} {:>5} {:>5} {:>5} {:>5}  {how} next {:?}", score.found, score.there, score.wrong, score.titled, score.dated, listing.ok().and_then(|l| l.next).map(|u| u.to_string()));
        sum.found += score.found;
        sum.there += score.there;
        sum.wrong += score.wrong;
        sum.titled += score.titled;
        sum.dated += score.dated;
    }
    println!("{:36} {:>5} {:>5} {:>5} {:>5} {:>5}", "all", sum.found, sum.there, sum.wrong, sum.titled, sum.dated);
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
                    "http://www.himss.org/news/2018-accehimss-excellence-clinical-engineering-it-synergies-award-recipient-announced".into(),
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
