use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use proptest::prelude::*;
use scraper::{Html, Selector};

use super::*;
use crate::shared;
use crate::stage::classify::{Article, Classifier};

const SHIPPED: &str = include_str!("../../feeds.toml");
pub(super) const LEAST: &str =
    "[site]\ntitle = \"T\"\nbase_url = \"https://feeds.example.org\"\n[[source]]\nid = \"a\"\nurl = \"https://a.example/feed\"\n";

pub(super) fn read(text: &str) -> Site {
    check(Path::new("conf/feeds.toml"), text)
        .unwrap_or_else(|problems| panic!("{}", problems.iter().map(|problem| format!("{problem}\n")).collect::<String>()))
}

/// What is said of a text that is wrong, without the file's name.
pub(super) fn said(text: &str) -> Vec<String> {
    let problems = check(Path::new("f"), text).err().unwrap_or_default();
    problems.iter().map(|problem| problem.to_string().strip_prefix("f:").unwrap().to_owned()).collect()
}

#[test]
fn the_shipped_file_loads() {
    let site = read(SHIPPED);
    assert_eq!(site.sources.len(), 4);
    assert_eq!(
        site.sources.iter().map(|source| source.url.as_str()).collect::<Vec<_>>(),
        [
            "https://www.himss.org/news",
            "https://www.healthcareitnews.com/home/feed",
            "https://www.digitaleurope.org/feed/",
            "https://valtioneuvosto.fi/en/staattiset-feedit-en/-/asset_publisher/LOmkEPY4nk2s/rss",
        ]
    );
    assert!(site.topics.len() >= 30, "{}", site.topics.len());
    for topic in &site.topics {
        assert!(topic.category.starts_with("Healthcare IT News: ") || topic.category.starts_with("Symplur: "), "{}", topic.category);
    }
    Classifier::new(&site.topics).unwrap();
}

#[test]
fn the_starter_loads_as_it_is_and_with_every_setting_it_shows() {
    read(STARTER);
    let shown: String = STARTER
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(setting) if setting.starts_with("[[source]]") => "[[source]]\n".to_owned(),
            Some("[desk]") => "[desk]\n".to_owned(),
            Some(setting)
                if setting.split_once(" = ").is_some_and(|(key, _)| key.chars().all(|char| char.is_ascii_lowercase() || char == '_')) =>
            {
                // The second form of a key that stands there already.
                if setting.starts_with("schedule") { String::new() } else { format!("{setting}\n") }
            }
            _ => format!("{line}\n"),
        })
        .collect();
    assert_eq!(read(&shown).sources.len(), 3);
}

#[test]
fn the_floor_binds_all_but_those_with_permission_and_the_adaptive() {
    let source = |lines: &str| read(&format!("{LEAST}{lines}\n")).sources.remove(0);
    let quick = source("schedule = \"1m\"\ni_have_permission = true");
    assert_eq!((quick.schedule.shortest_gap(), quick.floor), (Duration::from_secs(60), Duration::ZERO));
    let adaptive = source("schedule = \"adaptive\"");
    assert!(adaptive.schedule.is_adaptive());
    assert_eq!(adaptive.floor, Duration::from_secs(900));
}

#[test]
fn the_benchmarks_file_loads() {
    let Some(shared) = shared::folder() else { return };
    let mut urls = tempfile::NamedTempFile::new().unwrap();
    urls.write_all(b"http://127.0.0.1:9000/f/1.xml\nhttp://127.0.0.1:9000/f/2.xml\n").unwrap();
    let made = Command::new("python3").arg(shared.join("bench/topicwire-config.py")).arg(urls.path()).output().unwrap();
    let site = read(&String::from_utf8(made.stdout).unwrap());
    assert_eq!((site.sources.len(), site.topics.len(), site.fetch.floor), (2, 12, Duration::ZERO));
}

#[test]
fn the_seeds_get_their_categories_in_their_order() {
    let site = read(SHIPPED);
    let classifier = Classifier::new(&site.topics).unwrap();
    let told = |article: Article<'_>| -> Vec<String> {
        classifier.classify(&article).iter().map(|verdict| site.topics[verdict.topic].category.clone()).collect()
    };
    for (file, categories) in [
        ("000_4ee5da935226deb8.txt", ["Healthcare IT News: Digital Health", "Symplur: Community Health"]),
        ("002_3780dbe1f2eb8c02.txt", ["Symplur: Healthcare System", "Healthcare IT News: Digital Health"]),
    ] {
        let Some(seed) = shared::text(&format!("seeds/{file}")) else { return };
        let (front, body) = seed.trim_start().trim_start_matches("---").split_once("\n---").unwrap();
        let lines: Vec<&str> = front.lines().collect();
        let folded = |key: &str| -> String {
            let at = lines.iter().position(|line| line.trim_start().starts_with(key)).unwrap();
            let indent = lines[at].len() - lines[at].trim_start().len();
            let own = lines[at].trim_start().trim_start_matches(key).trim().trim_start_matches(">-").to_owned();
            let rest = lines[at + 1..].iter().take_while(|line| line.len() - line.trim_start().len() > indent);
            let rest: Vec<&str> = rest.map(|line| line.trim()).collect();
            format!("{own} {}", rest.join(" ")).trim().to_owned()
        };
        let (title, summary) = (folded("title:"), folded("ogdescription:"));
        let body = body.replace("<p>", "").replace("</p>", "");
        assert!(!title.is_empty() && !summary.is_empty());
        // Whatever of it the pipeline has at hand.
        for (summary, content) in [(&*summary, &*body), (&*summary, ""), ("", &*body), (&*body, ""), (&*body, &*body)] {
            assert_eq!(told(Article { title: &title, summary, content, ..Article::default() }), categories, "{file}");
        }
    }
}

#[test]
fn the_pages_selectors_read_the_captures() {
    let SourceKind::Page(selectors) = read(SHIPPED).sources[0].kind.clone() else { panic!("himss is a page") };
    let select = |text: &Option<String>| Selector::parse(text.as_deref().unwrap()).unwrap();
    for (file, first) in [
        (
            "himss.org-news-2024-modelled.html",
            ["/news/careclinics-partners-himss", "CareClinics & HIMSS sign MOU", "September 13, 2024", "Teaser one."],
        ),
        (
            "himss.org-home-2018-03.html",
            [
                "/news/himss-statement-myhealthedata-initiative",
                "HIMSS Statement on MyHealthEData Initiative",
                "March 06, 2018",
                "HIMSS appreciates ...",
            ],
        ),
    ] {
        let Some(page) = shared::text(&format!("data/pages/{file}")) else { return };
        let page = Html::parse_document(&page);
        let items: Vec<_> = page.select(&select(&selectors.item)).collect();
        let links: Vec<&str> =
            items.iter().map(|item| item.select(&select(&selectors.link)).next().unwrap().attr("href").unwrap()).collect();
        let kept = links.iter().filter(|link| !selectors.skip.iter().any(|skip| link.starts_with(skip))).count();
        assert_eq!(kept, 2, "{file}: {links:?}");
        let text = |selector| items[0].select(&select(selector)).next().unwrap().text().collect::<String>().trim().to_owned();
        let read = [links[0].to_owned(), text(&selectors.title), text(&selectors.date), text(&selectors.summary)];
        assert_eq!(read, first, "{file}");
    }
}

#[test]
fn what_is_not_set_has_its_documented_default() {
    let site = read(LEAST);
    assert_eq!(site.base_url.as_str(), "https://feeds.example.org/");
    assert_eq!((&*site.output, &*site.store), (Path::new("conf/output"), Path::new("conf/topicwire.db")));
    assert_eq!(site.listen.to_string(), "127.0.0.1:8080");
    assert_eq!((site.language.as_str(), site.time_zone), ("en", chrono_tz::Tz::UTC));
    assert_eq!((site.fetch.concurrency, site.fetch.host_gap), (32, Duration::from_secs(1)));
    assert_eq!((site.fetch.floor, site.fetch.timeout), (Duration::from_secs(900), Duration::from_secs(30)));
    assert_eq!((site.fetch.wire_max_bytes, site.fetch.body_max_bytes), (10 << 20, 32 << 20));
    let source = &site.sources[0];
    assert_eq!((source.entries_max, source.excerpt_max_chars, source.section), (10_000, 300, 0));
    assert_eq!(source.schedule.shortest_gap(), Duration::from_secs(3_600));
}

#[test]
fn a_source_goes_before_the_defaults_and_these_before_the_site() {
    let text = format!(
        "{}{}",
        LEAST.replace(
            "[[source]]",
            "curator = \"S\"\ntime_zone = \"Europe/Helsinki\"\n[defaults]\nlanguage = \"fi\"\ntime_zone = \"Europe/Paris\"\n[[source]]"
        ),
        "curator = \"A\"\n[[source]]\nid = \"b\"\nurl = \"https://b.example/\"\ntime_zone = \"Asia/Tokyo\"\nlanguage = \"ja\"\n"
    );
    let site = read(&text);
    let of = |at: usize| {
        let source = &site.sources[at];
        (source.curator.clone().unwrap(), source.language.clone().unwrap(), source.time_zone.name())
    };
    assert_eq!(of(0), ("A".to_owned(), "fi".to_owned(), "Europe/Paris"));
    assert_eq!(of(1), ("S".to_owned(), "ja".to_owned(), "Asia/Tokyo"));
}

#[test]
fn both_forms_of_a_setting_mean_the_same() {
    for (one, other) in [
        ("[fetch]\nhost_gap = \"90s\"", "[fetch]\nhost_gap = 90"),
        ("[fetch]\nwire_max = \"2MiB\"", "[fetch]\nwire_max = 2097152"),
        ("[fetch]\nports = [9000]", "[fetch]\nports = 9000"),
        ("[fetch]\nallow = [\"10.1.2.3/32\"]", "[fetch]\nallow = \"10.1.2.3\""),
    ] {
        assert_eq!(format!("{:?}", read(&format!("{LEAST}{one}")).fetch), format!("{:?}", read(&format!("{LEAST}{other}")).fetch));
    }
    let topic = "[[topic]]\ncategory = \"V: L\"\nany = ";
    assert_eq!(read(&format!("{LEAST}{topic}\"a\"")).topics, read(&format!("{LEAST}{topic}[\"a\"]")).topics);
}

#[test]
fn sections_are_named_by_sources() {
    let text = format!("{LEAST}section = \"events\"\n[[section]]\nid = \"events\"\n[[section]]\nid = \"news\"\nmast_head = \"LATEST\"\n");
    let site = read(&text);
    assert_eq!(site.sources[0].section, 1);
    let events = &site.sections[1].section;
    assert_eq!((&*events.base_path, &*events.identifier, &*events.mast_head), ("/events/", "Events", "EVENTS"));
    assert_eq!((&*site.sections[0].section.mast_head, &*site.sections[0].section.base_path), ("LATEST", "/news/"));
}

#[test]
fn each_problem_is_told_with_its_place_and_remedy() {
    let at = LEAST.lines().count() + 1;
    for (added, told) in [
        ("shedule = \"1h\"", "{at}:1: unknown key \"shedule\" in [[source]]; did you mean \"schedule\"?"),
        ("interval = \"1h\"", "{at}:1: unknown key \"interval\" in [[source]]; did you mean \"schedule\"?"),
        ("[sorce]", "{at}:2: unknown table \"sorce\" in the file; did you mean \"source\"?"),
        (
            "[fetch]\nfloor = true",
            "{next}:9: \"floor\" in [fetch] must be a duration, not true or false; write a number and a unit, such as \"30s\"",
        ),
        ("[fetch]\nconcurrency = 0", "{next}:15: \"concurrency\" in [fetch] is out of range; take a value from 1 to 1024"),
        ("[fetch]\nports = [80, 70000]", "{next}:14: \"ports\" in [fetch] is out of range; take a value from 1 to 65535"),
        (
            "[fetch]\nwire_max = \"10 apples\"",
            "{next}:12: \"wire_max\" in [fetch] is no size: \"10 apples\"; write a number and a unit, such as \"10MiB\"",
        ),
        (
            "[fetch]\nallow = [\"loopback\"]",
            "{next}:10: \"loopback\" under \"allow\" in [fetch] is no network; \
             write an address and the length of its prefix, such as \"127.0.0.0/8\", or one address",
        ),
        (
            "[[source]]\nurl = \"https://b.example/\"",
            "{at}:1: missing \"id\" in [[source]]; add id = \"…\", a short name that never changes",
        ),
        ("[[source]]\nid = \"b\"", "{at}:1: missing \"url\" in [[source]]; add url = \"https://…\""),
        ("[[source]]\nid = \"a\"\nurl = \"https://b.example/\"", "{next}:6: source \"a\" is already on line 5; give each an id of its own"),
        (
            "[[source]]\nid = \"My Feed\"\nurl = \"https://b.example/\"",
            "{next}:6: \"My Feed\" is no id for [[source]]; write \"my-feed\": lower-case letters, digits, - and _, at most 64 of them",
        ),
        (
            "[[source]]\nurl = \"b.example/feed\"\nid = \"b\"",
            "{next}:7: \"url\" is no address: relative URL without a base; did you mean \"https://b.example/feed\"?",
        ),
        (
            "[[source]]\nurl = \"ftp://b.example/\"\nid = \"b\"",
            "{next}:7: \"url\" must be http or https, not ftp; write the whole address, such as \"https://example.org/feed\"",
        ),
        (
            "[[source]]\nurl = \"https://u:p@b.example/\"\nid = \"b\"",
            "{next}:7: \"url\" holds a user name or password, which would be published; leave them out",
        ),
        (
            "[[source]]\nurl = \"https://b.example:81/\"\nid = \"b\"",
            "{next}:7: port 81 may not be reached; add ports = [81] to this source",
        ),
        ("section = \"newz\"", "{at}:11: unknown section \"newz\"; did you mean \"news\"?"),
        (
            "categories = [\"A: B\"]",
            "{at}:15: unknown category \"A: B\": there is no [[topic]] of that name; there are none to choose from",
        ),
        (
            "schedule = \"5m\"",
            "{at}:12: \"5m\" polls 5m after the last time, sooner than the floor of 15m; \
             poll no more often than every 15m, or add i_have_permission = true if the publisher agrees",
        ),
        (
            "i_have_permission = \"yes\"",
            "{at}:21: \"i_have_permission\" in [[source]] must be true or false, not text; write it without quotes",
        ),
        ("time_zone = \"Helsinki\"", "{at}:13: unknown time zone \"Helsinki\"; did you mean \"Europe/Helsinki\"?"),
        ("language = \"english!\"", "{at}:12: \"english!\" is no language tag; write one such as \"en\", \"fi\" or \"en-US\""),
        (
            "enrich = \"sometimes\"",
            "{at}:10: \"enrich\" cannot be \"sometimes\"; the nearest is \"never\"; known are always, when-missing, never",
        ),
        (
            "rights = { full_text = true, allowed_by = \"A. Keeper\" }",
            "{at}:10: whole texts may be published only with a note on the leave for it, and on, where is missing; \
             add allowed_by = \"who allowed it\", on = 2026-01-05, where = \"where that is written\", or remove full_text",
        ),
        (
            "rights = { full_text = true, allowed_by = \"A\", on = \"May\", where = \"B\" }",
            "{at}:53: \"on\" in rights is no day: \"May\"; write one such as 2026-01-05",
        ),
        (
            "rights = { mode = \"full\" }",
            "{at}:19: \"mode\" in rights cannot be \"full\"; the nearest is \"title\"; known are title, excerpt, full-text",
        ),
        (
            "rights = { mode = \"title\", full_text = true, allowed_by = \"A\", on = 2026-01-05, where = \"B\" }",
            "{at}:19: \"mode\" in rights is \"title\", and full_text says another; remove one of the two",
        ),
        (
            "rights = { mode = \"title\", excerpt_max = 9 }",
            "{at}:42: \"excerpt_max\" in rights means nothing beside mode = \"title\"; remove one of the two",
        ),
        (
            "rights = { url = \"ency\" }",
            "{at}:18: \"ency\" under url in rights is no pattern: it begins with neither / nor https://; \
             write the beginning of a path, such as \"/ency/\", or of an address; * stands for anything",
        ),
        (
            "rights = { licence = \"CC BY\" }",
            "{at}:22: \"licence\" in rights has no version, by which CC BY is linked; write one such as \"CC BY 4.0\"",
        ),
        (
            "rights = { attribution = \"by {name}\" }",
            "{at}:26: \"attribution\" in rights has {name}, which stands for nothing; \
             take {title}, {author}, {source}, {licence}, {date}",
        ),
        (
            "[[source.rights]]\nmode = \"title\"\n[[source.rights]]\nurl = \"/a\"",
            "{third}:1: these rights hold for nothing: those before them have no \"url\", and hold for every article; \
             put those without a \"url\" last",
        ),
        (
            "reservations = \"never\"",
            "{at}:16: \"reservations\" cannot be \"never\"; the nearest is \"rules\"; known are pass, rules, title, skip",
        ),
        (
            "entries_max = \"9\"",
            "{at}:15: \"entries_max\" in [[source]] must be a whole number, not text; write it without quotes and without a point",
        ),
        ("title = 9", "{at}:9: \"title\" in [[source]] must be text, not a whole number; write it in quotes"),
        ("title = \" \"", "{at}:9: \"title\" in [[source]] is empty; give it a value, or leave it out"),
        (
            "kind = \"paper\"",
            "{at}:8: unknown kind \"paper\" in [[source]]; the nearest is \"page\"; known are feed, page, sitemap, wordpress, opml",
        ),
        (
            "kind = \"page\"\nselectors = { title = \"h2\" }",
            "{next}:13: \"title\" in selectors is looked for inside an \"item\", and there is none; \
             add item = \"article\", or leave the selectors to the program",
        ),
        (
            "kind = \"page\"\nselectors = { next = \"a.next\", pages_max = 21 }",
            "{next}:44: \"pages_max\" in selectors is out of range; take a value from 1 to 20",
        ),
        (
            "selectors = { item = \"li\" }",
            "{at}:13: \"selectors\" are for pages, and this source is not said to be one; set kind = \"page\", or remove them",
        ),
        (
            "kind = \"page\"\nselectors = { item = \"li\", date = \"[[\" }",
            "{next}:35: \"date\" in selectors is no CSS selector: \"[[\"; write one such as \"div.date\" or \"h3 a[href]\"",
        ),
        (
            "kind = \"page\"\nselectors = { item = \"li\", date_format = \"%é\" }",
            "{next}:42: \"date_format\" in selectors is no format: \"%é\"; write strftime letters, such as \"%B %d, %Y\"",
        ),
        (
            "kind = \"page\"\nselectors = { item = \"li\", skip = [\"videos\"] }",
            "{next}:36: \"videos\" under skip in selectors is no path; begin it with a slash, such as \"/news/videos\"",
        ),
        (
            "[[topic]]\ncategory = \"A: B\"",
            "{at}:1: topic \"A: B\" can never match: nothing under any or all, and no source has it as a fixed category; \
             add any = [\"…\"], or name it in a source's categories",
        ),
        ("[[topic]]\nany = \"x\"", "{at}:1: missing \"category\" in [[topic]]; add category = \"Vocabulary: Label\""),
        (
            "[[topic]]\nany = [\"x\", \"?!\"]\ncategory = \"A: B\"",
            "{next}:13: \"?!\" under any has no letter or digit, so it can never be found; write words as they stand in articles",
        ),
        (
            "[[topic]]\nany = [\"x y\"]\nnone = [\"X-Y\"]\ncategory = \"A: B\"",
            "{third}:9: \"X-Y\" is under both any and none, so it can never bring an article in; remove it from one of the two",
        ),
        ("[[topic]]\nany = \"x\"\ncategory = \"!\"", "{third}:12: \"!\" is no category; write \"Vocabulary: Label\""),
        (
            "[[section]]\nid = \"x\"\nbase_path = \"../x/\"",
            "{third}:13: \"base_path\" in [[section]] is no folder: \"../x/\"; write a path such as \"/news/\", of lower-case letters, digits, - and _",
        ),
        (
            "[[section]]\nid = \"x\"\nbase_path = \"/topic/x/\"",
            "{third}:13: \"base_path\" in [[section]] is in a folder of the program's own: \"/topic/\"; take another path",
        ),
        ("[[site]]", "{at}:3: not readable as TOML: duplicate key; remove one of the two"),
    ] {
        let told = told.replace("{at}", &at.to_string()).replace("{next}", &(at + 1).to_string()).replace("{third}", &(at + 2).to_string());
        assert_eq!(said(&format!("{LEAST}{added}\n")), [told], "{added}");
    }
}

#[test]
fn the_sites_own_problems_are_told() {
    for (from, to, told) in [
        ("title = \"T\"\n", "", "1:1: missing \"title\" in [site]; add title = \"…\", the name that readers see"),
        (
            "https://feeds.example.org",
            "https://",
            "3:12: \"base_url\" is no address: empty host; write the whole address, such as \"https://example.org/feed\"",
        ),
        (
            "https://feeds.example.org",
            "https://x.org/?a",
            "3:12: \"base_url\" has a query or a fragment, which no path can follow; end it with a slash",
        ),
        (
            "\n[[source]]",
            "\noutput = \".\"\n[[source]]",
            "4:10: this file lies inside \"output\", which is published; give output a folder of its own",
        ),
        (
            "\n[[source]]",
            "\nstore = \"output/x.db\"\n[[source]]",
            "1:1: the store lies inside \"output\", which is published; give output a folder of its own",
        ),
        (
            "\n[[source]]",
            "\ncontact = \"me\"\n[[source]]",
            "4:11: \"contact\" is neither an address nor an e-mail address: \"me\"; write an address such as \"https://example.org/about\" or \"mail@example.org\"",
        ),
        (
            "\n[[source]]",
            "\nlisten = \":80\"\n[[source]]",
            "4:10: \"listen\" cannot be listened on: \":80\"; write an IP address and a port, such as \"127.0.0.1:8080\" or \"[::]:8080\"",
        ),
    ] {
        let said = said(&LEAST.replacen(from, to, 1));
        assert!(said.contains(&told.to_owned()), "{to}: {said:#?}");
    }
    let alone = said("");
    assert_eq!(alone.len(), 3, "{alone:#?}");
}

#[test]
fn topics_of_one_address_are_refused() {
    let topics = "[[topic]]\ncategory = \"A: B\"\nany = \"x\"\n[[topic]]\ncategory = \"A:  b!\"\nany = \"x\"\n[[topic]]\ncategory = \"A: B\"\nany = \"x\"\n";
    assert_eq!(
        said(&format!("{LEAST}{topics}")),
        [
            "11:12: topic \"A:  b!\" has the same address as \"A: B\" on line 8: topic/a-b; rename one, or make them one topic",
            "14:12: topic \"A: B\" is already on line 8; rename one, or make them one topic",
        ]
    );
}

#[test]
fn all_problems_come_at_once_in_the_files_order() {
    let text = LEAST.replace("title", "titel").replace("https://a", "gopher://a") + "x = 1\n[fetch]\nfloor = \"soon\"\n[[topic]]\n";
    let lines: Vec<String> = said(&text).iter().map(|problem| problem.split(':').next().unwrap().to_owned()).collect();
    assert_eq!(lines, ["1", "2", "6", "7", "9", "10"]);
}

#[test]
fn a_broken_line_hides_no_other_problem_and_makes_up_none() {
    let text = LEAST.replace("title = \"T\"", "title = \"T").to_owned() + "shedule = 1\n";
    let said = said(&text);
    assert_eq!(said.len(), 2, "{said:#?}");
    assert!(said[0].starts_with("2:") && said[0].contains("not readable as TOML"), "{}", said[0]);
    assert!(said[1].starts_with("7:1: unknown key \"shedule\""), "{}", said[1]);
}

#[test]
fn an_unreadable_file_is_told_with_its_path() {
    let error = load(Path::new("no/such/feeds.toml")).unwrap_err();
    assert!(error.to_string().starts_with("cannot read no/such/feeds.toml: "), "{error}");
}

#[test]
fn problems_are_told_a_line_each() {
    let problems = check(Path::new("f"), "").unwrap_err();
    let lines = problems.len() + 1;
    let error = ConfigError::Invalid { path: "f".into(), problems };
    assert_eq!(error.to_string().lines().count(), lines);
}

proptest! {
    #[test]
    fn a_mangled_file_is_refused_or_read_but_never_panics(from in 0..6000_usize, len in 0..40_usize, with in "\\PC{0,8}|[\\[\\]\"'{}=.#\\n]{0,4}") {
        let text = STARTER.replace("\n# ", "\n");
        let start = text.floor_char_boundary(from % text.len());
        let end = text.floor_char_boundary((start + len).min(text.len()));
        let mangled = format!("{}{with}{}", &text[..start], &text[end..]);
        if let Err(problems) = check(Path::new("f"), &mangled) {
            prop_assert!(!problems.is_empty());
            let lines = mangled.split('\n').count();
            prop_assert!(problems.iter().all(|problem| (1..=lines).contains(&problem.line) && problem.column >= 1));
        }
    }
}

#[test]
fn pushes_are_off_unless_they_are_asked_for() {
    let read = |rest: &str| {
        check(
            Path::new("f"),
            &format!(
                "[site]\ntitle = \"T\"\nbase_url = \"https://t.example/w\"\n{rest}[[source]]\nid = \"a\"\nurl = \"https://a.example/\"\n"
            ),
        )
    };
    let site = read("").unwrap();
    assert!(!site.push.subscribe && site.hub_urls().is_empty());
    assert_eq!(site.push.callback_base.as_str(), "https://t.example/w/");
    let site = read(
        "[push]\nsubscribe = true\ncallback_base = \"https://c.example\"\n[hub]\nown = true\n\
         announce = [\"https://hub.example/\", \"https://hub.example\"]\n",
    );
    let site = site.unwrap();
    assert!(site.push.subscribe);
    assert_eq!(site.push.callback_base.as_str(), "https://c.example/");
    assert_eq!(site.hub_urls(), ["https://t.example/w/hub", "https://hub.example/"]);
    let wrong = read("[push]\ncallback_base = \"https://c.example/?x\"\n[hub]\nannounce = \"ftp://hub.example/\"\n").unwrap_err();
    let told: Vec<String> = wrong.iter().map(|problem| problem.what.clone()).collect();
    assert_eq!(
        told,
        ["\"callback_base\" has a query or a fragment, which no path can follow", "\"announce\" must be http or https, not ftp"]
    );
}

const RIGHTS: &str = "[[source.rights]]\nurl = [\"/ency/\", \"https://other.example/ency/\"]\nmode = \"title\"\n\
    [[source.rights]]\nurl = \"/short/\"\nexcerpt_max = 40\n\
    [[source.rights]]\nmode = \"full-text\"\nlicence = \"public domain\"\nattribution = \"Courtesy of {source}.\"\n\
    allowed_by = \"NLM\"\non = 2026-01-05\nwhere = \"https://a.example/terms\"\n";

#[test]
fn the_first_rights_that_mean_an_address_hold_for_it() {
    let site = read(&format!("{LEAST}{RIGHTS}"));
    for (url, mode, most) in [
        ("https://a.example/ency/1", Mode::Title, 0),
        ("https://other.example/ency/1", Mode::Title, 0),
        ("https://a.example/short/1", Mode::Excerpt, 40),
        ("https://a.example/asthma", Mode::FullText, 300),
        ("", Mode::FullText, 300),
    ] {
        let terms = site.sources[0].terms([url, ""], false);
        assert_eq!((terms.mode, terms.excerpt_max_chars), (mode, most), "{url}");
        assert_eq!(site.sources[0].terms(["", url], false).mode, mode, "as it was given: {url}");
    }
    let plain = read(LEAST);
    assert_eq!(plain.sources[0].terms(["", ""], true).mode, Mode::Excerpt);
    let none = read(&format!("{LEAST}excerpt_max = 0\n"));
    assert_eq!(none.sources[0].terms(["", ""], false).mode, Mode::Title);
    for (word, mode) in [("pass", Mode::FullText), ("rules", Mode::FullText), ("title", Mode::Title), ("skip", Mode::Title)] {
        let site = read(&format!("[defaults]\nreservations = \"{word}\"\n{LEAST}{RIGHTS}"));
        assert_eq!(site.sources[0].terms(["", ""], true).mode, mode, "{word}");
        assert_eq!(site.sources[0].terms(["", ""], false).mode, Mode::FullText, "{word}");
    }
}

#[test]
fn a_licence_that_forbids_what_is_done_is_warned_of_and_loads() {
    let topic = "[[topic]]\ncategory = \"A: B\"\nany = [\"x\"]\n";
    for (keys, topics, told) in [
        ("licence = \"CC BY-ND 4.0\"", "", vec!["CC BY-ND 4.0 forbids to pass on what was changed, and an excerpt is a change"]),
        ("licence = \"CC BY-ND 4.0\", mode = \"title\"", topic, vec![]),
        (
            "licence = \"https://creativecommons.org/licenses/by-nc/4.0/\", mode = \"title\"",
            topic,
            vec!["CC BY-NC 4.0 forbids commercial use, for which its articles must not be filed under topics"],
        ),
        ("licence = \"CC BY 4.0\"", topic, vec![]),
        ("licence = \"all rights reserved\"", topic, vec![]),
    ] {
        let site = read(&format!("{LEAST}rights = {{ {keys} }}\n{topics}"));
        assert_eq!(site.warnings.iter().map(|warning| warning.what.as_str()).collect::<Vec<_>>(), told, "{keys}");
    }
}
