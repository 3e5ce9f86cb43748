//! The pages that the project began from, rebuilt from their texts in `../shared/seeds`, in the markup of their platforms.
//!
//! Only the texts are there. How many words of an item are its title and its tags is told here; the words come from the file.

use std::fmt::Write;

use super::*;
use crate::entry::Feed;
use crate::shared;

struct Item {
    title: String,
    date: String,
    summary: String,
    tags: Vec<String>,
}

/// Takes `count` words off the end of a text.
fn last(text: &mut Vec<&str>, count: usize) -> String {
    text.split_off(text.len() - count).join(" ")
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    text.split_once(start).unwrap().1.split_once(end).unwrap().0.split_whitespace().collect()
}

/// Where dates such as `December 29, 2025` and `May 19 - 21, 2026` begin, and how many words they have.
fn dates(words: &[&str]) -> Vec<(usize, usize)> {
    let is_month = |word: &str| ["January", "February", "March", "April", "May", "November", "December"].contains(&word);
    let is_day = |word: &str| word.trim_end_matches(',').bytes().all(|b| b.is_ascii_digit());
    let length = |at: usize| match &words[at..] {
        [month, day, dash, until, year, ..] if is_month(month) && is_day(day) && *dash == "-" && is_day(until) && is_day(year) => Some(5),
        [month, day, year, ..] if is_month(month) && is_day(day) && is_day(year) && year.len() == 4 => Some(3),
        _ => None,
    };
    (0..words.len()).filter_map(|at| Some((at, length(at)?))).collect()
}

/// Items whose date comes first: `date title summary tags`.
fn dated_first(words: &[&str], shapes: &[(usize, &[usize])]) -> Vec<Item> {
    let at = dates(words);
    assert_eq!(at.len(), shapes.len());
    let ends = at.iter().skip(1).map(|(at, _)| *at).chain([words.len()]);
    let items = at.iter().zip(ends).zip(shapes).map(|(((at, length), end), (title, tags))| {
        let mut rest: Vec<&str> = words[at + length..end].to_vec();
        let mut named: Vec<String> = tags.iter().rev().map(|count| last(&mut rest, *count)).collect();
        named.reverse();
        let summary = rest.split_off(*title).join(" ");
        Item { title: rest.join(" "), date: words[*at..at + length].join(" "), summary, tags: named }
    });
    items.collect()
}

/// Items whose title comes first: `title [date] summary tags`; the first has no date.
fn titled_first(words: &[&str], shapes: &[(usize, &[usize])]) -> Vec<Item> {
    let at = dates(words);
    assert_eq!(at.len() + 1, shapes.len());
    let starts: Vec<usize> = std::iter::once(0).chain(at.iter().zip(&shapes[1..]).map(|((at, _), (title, _))| at - title)).collect();
    let mut items = Vec::new();
    for (number, (title, tags)) in shapes.iter().enumerate() {
        let end = starts.get(number + 1).copied().unwrap_or(words.len());
        let (date, from) = match number.checked_sub(1).map(|number| at[number]) {
            Some((at, length)) => (words[at..at + length].join(" "), at + length),
            None => (String::new(), *title),
        };
        let mut rest: Vec<&str> = words[from..end].to_vec();
        let mut named: Vec<String> = tags.iter().rev().map(|count| last(&mut rest, *count)).collect();
        named.reverse();
        items.push(Item { title: words[starts[number]..starts[number] + title].join(" "), date, summary: rest.join(" "), tags: named });
    }
    items
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

fn href(item: &Item) -> String {
    crate::stage::naming::slug(&item.title)
}

/// A card of a home page, in one of three markups.
fn card(item: &Item, path: &str, markup: usize) -> String {
    let Item { title, date, summary, tags } = item;
    let (title, summary, href) = (escape(title), escape(summary), format!("/{path}/{}/", href(item)));
    let tags = |before: &str, after: &str| tags.iter().map(|tag| format!("{before}{}{after}", escape(tag))).collect::<String>();
    match markup {
        // Drupal.
        0 => format!(
            "<div class='views-row'><article class='node node--view-mode-card'><div class='field--name-date'>{date}</div><h3 class='node__title'><a \
             href='{href}' rel='bookmark'>{title}</a></h3><div class='field--name-body'><p>{summary}</p></div><div class='field--name-topics'>{}</div></article></div>",
            tags("<div class='field__item'><a href='/topic/", "</a></div>").replace("/topic/", "/topics/x'>")
        ),
        // WordPress with a page builder.
        1 => format!(
            "<div class='swiper-slide'><a class='card' href='{href}'><img src='/i.webp' alt=''><div class='card-body'><span class='date'>{date}</span>\
             <h4>{title}</h4><p>{summary}</p><ul class='tags'>{}</ul></div></a></div>",
            tags("<li>", "</li>")
        ),
        // A script's, which names nothing.
        _ => format!(
            "<div class='x1'><div class='x2'><span>{date}</span></div><div class='x3'><a href='{href}'>{title}</a></div><div class='x4'>{summary}</div>\
             <div class='x5'>{}</div></div>",
            tags("<span class='x6'>", "</span>")
        ),
    }
}

fn read(html: &str, url: &str, zone: chrono_tz::Tz, now: &str) -> Feed {
    let url = Url::parse(url).unwrap();
    find(html.as_bytes(), None, &Context { url: &url, time_zone: zone, language: None, now: now.parse().unwrap() }).unwrap().feed
}

/// Prints what is there and what was found, and fails where an item, or one of its fields, is not.
fn check(name: &str, feed: &Feed, wanted: &[Item], days: &[&str], zone: chrono_tz::Tz) {
    let mut right = [0; 4];
    for (item, day) in wanted.iter().zip(days) {
        let path = format!("/{}", href(item));
        let Some(entry) = feed.entries.iter().find(|entry| entry.title.as_ref().is_some_and(|title| title.value == item.title)) else {
            println!("    missing: {path}");
            continue;
        };
        right[0] += 1;
        let found = entry.published.map(|at| at.with_timezone(&zone).format("%F %H:%M").to_string()).unwrap_or_default();
        let summary = entry.summary.as_ref().map_or("", |summary| summary.value.as_str());
        let tags: Vec<&str> = entry.categories.iter().map(|category| category.term.as_str()).collect();
        for (slot, (is, what)) in [
            (found.starts_with(day), format!("date {found}, wanted {day}")),
            (summary == item.summary, format!("summary {} of {} bytes", summary.len(), item.summary.len())),
            (tags == item.tags, format!("tags {tags:?}, wanted {:?}", item.tags)),
        ]
        .into_iter()
        .enumerate()
        {
            right[slot + 1] += usize::from(is);
            if !is {
                println!("    {path}: {what}");
            }
        }
    }
    let dated = wanted.iter().filter(|item| !item.date.is_empty()).count();
    let wrong = feed
        .entries
        .iter()
        .filter(|entry| !wanted.iter().any(|item| entry.title.as_ref().is_some_and(|title| title.value == item.title)))
        .count();
    println!(
        "{name}: {dated} dated of {} there; found {}, wrong {wrong}; right dates {}, summaries {}, tags {}",
        wanted.len(),
        right[0],
        right[1],
        right[2],
        right[3]
    );
    assert_eq!((right, wrong), ([wanted.len(); 4], 0), "{name}");
}

#[test]
fn every_dated_item_of_the_himss_home_page() {
    let Some(text) = shared::text("seeds/001_98d0b1a332cd4c8e.txt") else { return };
    let resources = dated_first(
        &between(&text, "Featured resources ", " View all Resources"),
        &[(10, &[2, 1, 2, 2]), (8, &[2, 1]), (9, &[2, 1]), (15, &[1]), (2, &[1, 2]), (9, &[2])],
    );
    let news = dated_first(
        &between(&text, "Featured news ", " View all News"),
        &[(9, &[1, 2, 1, 1, 2]), (7, &[1, 2, 2, 1, 2]), (13, &[1, 2, 1, 1, 2]), (10, &[1, 2, 2]), (16, &[1, 2, 2]), (10, &[2, 1, 1, 2, 2])],
    );
    let events = titled_first(
        &between(&text, "Upcoming events ", " View all Events"),
        &[(3, &[2, 3, 2, 1]), (4, &[1, 1]), (6, &[2, 1, 1]), (7, &[2, 1, 1])],
    );
    let menu = text.split_once("Who We Are").unwrap().1.split_once(" HIMSS26 is").unwrap().0;
    let links = |count: usize| {
        let words: Vec<&str> = menu.split_whitespace().collect();
        words.chunks(4).take(count).enumerate().fold(String::new(), |mut out, (number, words)| {
            let _ = write!(out, "<li><a href='/menu/{number}'>{}</a></li>", escape(&words.join(" ")));
            out
        })
    };
    for (markup, name) in ["HIMSS home, Drupal", "HIMSS home, WordPress", "HIMSS home, script"].into_iter().enumerate() {
        let section = |heading: &str, items: &[Item], path: &str, more: &str| {
            let cards: String = items.iter().map(|item| card(item, path, markup)).collect();
            format!("<section><h2>{heading}</h2><div class='list'>{cards}</div><a class='btn' href='/{path}'>{more}</a></section>")
        };
        let html = format!(
            "<!DOCTYPE html><html lang='en'><head><title>HIMSS</title></head><body><header><nav><ul>{}</ul></nav></header><main><section><h1>Powering \
             health</h1><p>Act now. <a href='/las-vegas'>Las Vegas</a> <a href='/copenhagen'>Copenhagen</a></p></section>{}{}{}</main><footer><ul>{}</ul></footer></body></html>",
            links(30),
            section("Featured resources", &resources, "resources", "View all Resources"),
            section("Featured news", &news, "news-center", "View all News"),
            section("Upcoming events", &events, "events", "View all Events"),
            links(20),
        );
        let feed = read(&html, "https://www.himss.org/", chrono_tz::America::Chicago, "2026-01-05T12:00:00Z");
        let days = [
            "2025-12-29",
            "2025-12-29",
            "2025-12-19",
            "2025-11-24",
            "2025-11-24",
            "2025-11-17",
            "2025-12-17",
            "2025-12-10",
            "2025-12-09",
            "2025-12-03",
            "2025-11-19",
            "2025-11-17",
            "",
            "2026-02-12",
            "2026-04-22",
            "2026-05-19",
        ];
        let all: Vec<Item> = resources
            .iter()
            .chain(&news)
            .chain(&events)
            .map(|item| Item { title: item.title.clone(), date: item.date.clone(), summary: item.summary.clone(), tags: item.tags.clone() })
            .collect();
        check(name, &feed, &all, &days, chrono_tz::America::Chicago);
    }
}

#[test]
fn the_ministrys_release() {
    let Some(text) = shared::text("seeds/003_ddc8a866624a868a.txt") else { return };
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let [title, dates, kind, lead, rest @ ..] = lines.as_slice() else { panic!("the release has no text") };
    let (published, translated) = dates.split_once('|').unwrap();
    let (label, kind) = kind.split_once(':').unwrap();
    let body: String = rest.iter().map(|line| format!("<p>{}</p>", escape(line))).collect();
    let html = format!(
        "<!DOCTYPE html><html lang='en-US'><head><title>{title} - Ministry</title></head><body><header id='banner' role='banner'><nav><ul><li><a href='/en/frontpage'>Frontpage</a></li><li>\
         <a href='/en/press-releases'>Press releases</a></li></ul></nav></header><section id='content'><ul class='breadcrumb'><li><a href='/en'>Home</a></li></ul><div \
         class='portlet-asset-publisher'><div class='asset-full-content'><div class='journal-content-article'><h1>{title}</h1><div class='publication-info'><span class='units'>Ministry</span>\
         <div class='dates'><span>{published}</span> | <span>{translated}</span></div><div class='type'>{label}:<span>{kind}</span></div></div><div class='lead'><p>{lead}</p></div><div \
         class='text'>{body}</div></div></div><div class='share-links'><a href='https://www.facebook.com/sharer.php?u=x'>Share on Facebook</a></div></div></section><footer id='footer'><a \
         href='/en/data-protection-and-cookies'>Data protection and cookies</a></footer></body></html>"
    );
    let zone = chrono_tz::Europe::Helsinki;
    let feed = read(&html, "https://ministry.example/en/-/1410877/will-there-be", zone, "2024-11-01T12:00:00Z");
    let item =
        Item { title: (*title).to_owned(), date: published.to_owned(), summary: (*lead).to_owned(), tags: vec![kind.trim().to_owned()] };
    check("ministry's release, Liferay", &feed, &[item], &["2024-10-23 12:20"], zone);
}

#[test]
fn every_dated_item_of_the_digitaleurope_page() {
    let Some(text) = shared::text("seeds/004_20a9b615262a46dd.txt") else { return };
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let [date, title, body @ ..] = lines.as_slice() else { panic!("the page has no text") };
    // After the contact come pairs of `date kind` and title.
    let more = body.iter().position(|line| line.ends_with(" resource")).unwrap();
    let (body, rest) = body.split_at(more);
    let mut items = vec![Item { title: (*title).to_owned(), date: (*date).to_owned(), summary: body[0].to_owned(), tags: Vec::new() }];
    for pair in rest.chunks(2).take(3) {
        let words: Vec<&str> = pair[0].split_whitespace().collect();
        items.push(Item {
            title: pair[1].to_owned(),
            date: words[..3].join(" "),
            summary: String::new(),
            tags: vec![words[3..].join(" ")],
        });
    }
    let paragraphs: String = body.iter().map(|line| format!("<p>{}</p>", escape(line))).collect();
    let [slashes, classes] = ["related", "resources"].map(|class| {
        let cards = items[1..].iter().fold(String::new(), |mut out, item| {
            let _ = write!(
                out,
                "<div class='col'><a href='/resources/{}/'><div class='meta'><span class='post-date'>{}</span> <span class='post-type'>{}</span></div><h3>{}</h3></a></div>",
                href(item), item.date, escape(&item.tags[0]), escape(&item.title)
            );
            out
        });
        format!("<section class='{class}'><div class='row'>{cards}</div></section>")
    });
    for (name, more) in [("DIGITALEUROPE, related", slashes), ("DIGITALEUROPE, resources", classes)] {
        let html = format!(
            "<!DOCTYPE html><html lang='en-GB'><head><title>{} - DIGITALEUROPE</title></head><body class='single single-post'><div class='wrap'><div id='header-outer'><nav><ul \
             class='sf-menu'><li><a href='/about/our-members-and-board/'>Our members and board</a></li></ul></nav></div><div class='main-content'><div class='row'><div class='post-area'><article \
             class='post type-post'><div class='heading'><span class='meta-date date published'>{date}</span><h1 class='entry-title'>{}</h1></div><div class='content-inner'>{paragraphs}</div></article>\
             {more}</div></div></div><div id='search-outer'><span>Hit enter to search or ESC to close</span></div><div id='footer-outer'><p><a href='/privacy-policy-and-terms/'>Privacy policy and \
             terms</a></p></div></div></body></html>",
            escape(title),
            escape(title)
        );
        let feed =
            read(&html, "https://www.digitaleurope.org/news/digital-health-uptake/", chrono_tz::Europe::Brussels, "2024-08-01T12:00:00Z");
        check(name, &feed, &items, &["2022-11-15", "2024-07-05", "2024-07-02", "2024-06-19"], chrono_tz::Europe::Brussels);
    }
}
