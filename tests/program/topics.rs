//! Rules over history, and what editors decide.

use crate::common::{NOW, Origin, Place, rss};

const RULES: &str = "[[topic]]\ncategory = \"V: Alpha\"\nany = [\"alpha\"]\n\n[[topic]]\ncategory = \"V: Beta\"\nany = [\"beta\"]\n";

/// Twenty articles about alpha, four about beta.
fn place(origin: &Origin) -> (Place, Vec<(String, String)>) {
    let titles: Vec<String> =
        (0..20).map(|n| format!("Alpha {} news", word(n))).chain((0..4).map(|n| format!("Beta {} notes", word(n + 30)))).collect();
    let items: Vec<(String, String)> =
        titles.iter().enumerate().map(|(n, _)| (format!("g{n}"), format!("https://news.example/{n}"))).collect();
    let items: Vec<(&str, &str, &str, u32)> =
        titles.iter().zip(&items).enumerate().map(|(n, (title, (guid, link)))| (&**guid, &**title, &**link, 1 + n as u32 % 18)).collect();
    origin.put("/a.xml", "application/rss+xml", rss("News", &items));
    let sources = vec![("a".to_owned(), origin.url("/a.xml"))];
    (Place::new(origin, &sources, RULES), sources)
}

/// A word of its own for each article.
fn word(n: usize) -> String {
    let letter = |n: usize| char::from(b'a' + (n % 26) as u8);
    [letter(n * 7), letter(n * 3 + 1), letter(n), letter(n * 5 + 2), letter(n * 11)].iter().collect()
}

fn entries(place: &Place, topic: &str) -> usize {
    place.published(&format!("topic/{topic}/feed.atom")).matches("<entry>").count()
}

#[test]
fn a_diff_tells_what_new_rules_would_do_and_changes_nothing() {
    let origin = Origin::start();
    let (place, _) = place(&origin);
    place.run(&["refresh"]).expect(0);
    let before = (place.tree(), place.rows());
    let new = place.path().join("new.toml");
    let config = std::fs::read_to_string(place.config()).unwrap();
    std::fs::write(&new, config.replace("[\"alpha\"]", "[\"alpha\", \"notes\"]").replace("[\"beta\"]", "[\"gamma\"]")).unwrap();
    let diff = place.run(&["topics", "diff", new.to_str().unwrap(), "--json"]).expect(0).json();
    assert_eq!((diff["records"].as_u64(), diff["changed"].as_u64()), (Some(24), Some(4)), "{diff}");
    let topic = |n: usize| &diff["topics"][n];
    assert_eq!((topic(0)["enter"].as_u64(), topic(0)["leave"].as_u64(), topic(0)["after"].as_u64()), (Some(4), Some(0), Some(24)));
    assert_eq!((topic(1)["leave"].as_u64(), topic(1)["moves"][0]["to"].as_str()), (Some(4), Some("V: Alpha")));
    assert_eq!(topic(1)["samples"]["leave"].as_array().unwrap().len(), 4);
    let text = place.run(&["topics", "diff", "--config-new", new.to_str().unwrap()]).expect(0).out;
    assert!(text.contains("4 of those that leave enter V: Alpha") && text.contains("4 of 24 records"), "{text}");
    assert_eq!((place.tree(), place.rows()), before);
}

#[test]
fn rules_that_would_empty_a_feed_wait_for_consent() {
    let origin = Origin::start();
    let (place, sources) = place(&origin);
    place.run(&["refresh"]).expect(0);
    let published = place.published("topic/v-alpha/feed.json");
    place.configure(&origin, &sources, &RULES.replace("[\"alpha\"]", "[\"news\"]\nnone = [\"alpha\"]"));
    for command in [&["refresh"][..], &["publish"]] {
        let ran = place.run_at("2026-11-21T12:00:00Z", command).expect(0);
        assert!(ran.err.contains("20 of 20 entries would leave") && ran.err.contains("topics apply --yes"), "{}", ran.err);
        assert_eq!(entries(&place, "v-alpha"), 20);
    }
    let refused = place.run(&["topics", "apply"]).expect(2);
    assert!(refused.err.contains("\"V: Alpha\" (20 of 20 entries would leave, 0 would enter)"), "{}", refused.err);
    place.run_at("2026-11-22T12:00:00Z", &["topics", "apply", "--yes"]).expect(0);
    assert_eq!(entries(&place, "v-alpha"), 0);
    assert_eq!(place.run(&["refresh"]).expect(0).err, "");

    // And back: what enters keeps its id and its dates.
    place.configure(&origin, &sources, RULES);
    place.run_at("2026-11-23T12:00:00Z", &["topics", "apply", "--yes"]).expect(0);
    assert_eq!(place.published("topic/v-alpha/feed.json"), published);
}

#[test]
fn small_changes_are_applied_at_once() {
    let origin = Origin::start();
    let (place, sources) = place(&origin);
    place.run(&["refresh"]).expect(0);
    place.configure(&origin, &sources, &RULES.replace("[\"beta\"]", "[\"gamma\"]"));
    assert_eq!(place.run(&["refresh"]).expect(0).err, "");
    assert_eq!(entries(&place, "v-beta"), 0);
}

#[test]
fn an_editors_word_outlasts_rules_and_polls() {
    let origin = Origin::start();
    let (place, sources) = place(&origin);
    place.run(&["refresh"]).expect(0);
    let url = "https://news.example/20";
    std::fs::write(
        place.path().join("overrides.toml"),
        "# Ours.\n\n[[record]]\nurl = \"https://news.example/1\" # the first\npin = true\n",
    )
    .unwrap();
    place.run(&["tag", url, "+v-alpha", "-Beta"]).expect(0);
    place.run(&["retitle", url, "A better title"]).expect(0);
    place.run(&["hide", "https://news.example/2"]).expect(0);
    let written = std::fs::read_to_string(place.path().join("overrides.toml")).unwrap();
    assert!(written.starts_with("# Ours.\n") && written.contains("# the first") && written.contains("add = [\"V: Alpha\"]"), "{written}");
    let uuid = |url: &str| {
        let told = place.run(&["explain", url, "--json"]).expect(0).json();
        let file = told["published_at"][0].as_str().unwrap().to_owned();
        file.rsplit('/').next().unwrap().trim_end_matches(".md").to_owned()
    };
    let hidden = format!("news/{}.md", uuid("https://news.example/2"));
    assert!(place.path().join("output").join(&hidden).exists());

    let check = || {
        let atom = place.published("topic/v-alpha/feed.atom");
        assert_eq!(entries(&place, "v-alpha"), 20, "one in, one hidden");
        assert_eq!(entries(&place, "v-beta"), 3);
        assert!(atom.contains("<title>A better title</title>") && !atom.contains("https://news.example/2\""), "{atom}");
        let first = atom.split("<entry>").nth(1).unwrap();
        assert!(first.contains("https://news.example/1\""), "pinned first: {first}");
        assert!(!place.path().join("output").join(&hidden).exists());
        assert!(!place.published("index.html").contains("https://news.example/2\""));
    };
    place.run_at("2026-11-21T12:00:00Z", &["refresh"]).expect(0);
    check();
    // The source changes the article, and the rules change.
    let changed = rss("News", &[("g20", "Beta quite another title", url, 3), ("g2", "Alpha another", "https://news.example/2", 3)]);
    origin.put("/a.xml", "application/rss+xml", changed);
    place.configure(&origin, &sources, &RULES.replace("[\"beta\"]", "[\"beta\", \"title\"]"));
    place.run_at("2026-11-22T12:00:00Z", &["refresh"]).expect(0);
    check();
    let told = place.run(&["explain", url]).expect(0).out;
    assert!(told.contains("editor       + V: Alpha") && told.contains("retitled: A better title"), "{told}");

    // By number and by UUID; and taken back.
    let number = place.run(&["explain", url, "--json"]).expect(0).json()["number"].to_string();
    place.run(&["retitle", &number, "--undo"]).expect(0);
    place.run(&["tag", &uuid(url), "-v-alpha", "+v-beta"]).expect(0);
    place.run(&["hide", "https://news.example/2", "--undo"]).expect(0);
    place.run_at("2026-11-23T12:00:00Z", &["publish"]).expect(0);
    assert!(place.published("topic/v-beta/feed.atom").contains("<title>Beta quite another title</title>"));
    assert_eq!((entries(&place, "v-alpha"), entries(&place, "v-beta")), (20, 4));
    assert!(place.path().join("output").join(&hidden).exists());
}

#[test]
fn what_is_wrong_in_overrides_is_told_with_its_line() {
    let origin = Origin::start();
    let (place, _) = place(&origin);
    std::fs::write(place.path().join("overrides.toml"), "[[record]]\nurl = \"https://news.example/1\"\nadd = [\"V: Alfa\"]\n").unwrap();
    let told = place.run(&["check"]).expect(2).err;
    assert!(told.contains("overrides.toml:3:8: unknown category \"V: Alfa\"") && told.contains("did you mean \"V: Alpha\"?"), "{told}");
    std::fs::remove_file(place.path().join("overrides.toml")).unwrap();
    place.run(&["refresh"]).expect(0);
    assert!(place.run(&["tag", "https://news.example/1", "+Alfa"]).expect(2).err.contains("the nearest is \"V: Alpha\""));
    assert!(place.run(&["hide", "https://news.example/none"]).expect(2).err.contains("is no record in the store"));
}

#[test]
fn editors_join_split_and_prefer() {
    let origin = Origin::start();
    let story = "Marlow General Hospital turned ambulances away on Monday after ransomware locked the records of 340 patients, it said.";
    let feed =
        |guid: &str, title: &str, link: &str, text: &str| rss("News", &[(guid, title, link, 3)]).replace(&format!("About {title}."), text);
    origin.put("/a.xml", "application/rss+xml", feed("1", "Alpha one", "https://a.example/1", story));
    origin.put("/b.xml", "application/rss+xml", feed("1", "Alpha two", "https://b.example/1", story));
    origin.put(
        "/c.xml",
        "application/rss+xml",
        feed("1", "Alpha three", "https://c.example/1", "Nothing of the kind is told here, only weather."),
    );
    let sources: Vec<(String, String)> = ["a", "b", "c"].map(|s| (s.to_owned(), origin.url(&format!("/{s}.xml")))).to_vec();
    let place = Place::new(&origin, &sources, RULES);
    place.run(&["refresh"]).expect(0);
    let members = || {
        let listed = place.run(&["stories", "--json"]).expect(0).json();
        let urls = |s: &serde_json::Value| {
            s["members"].as_array().unwrap().iter().map(|m| m["source"].as_str().unwrap().to_owned()).collect::<String>()
        };
        let mut all: Vec<String> = listed["stories"].as_array().unwrap().iter().map(urls).collect();
        all.sort();
        all
    };
    let titles = || {
        let atom = place.published("topic/v-alpha/feed.atom");
        let mut titles: Vec<String> =
            atom.split("<entry>").skip(1).map(|e| e.split("<title>").nth(1).unwrap().split('<').next().unwrap().to_owned()).collect();
        titles.sort();
        titles
    };
    assert_eq!(members(), ["ab"]);
    assert_eq!(titles(), ["Alpha one", "Alpha three"]);
    let steps: [(&[&str], &[&str], &[&str]); 6] = [
        (&["prefer", "https://b.example/1"], &["ba"], &["Alpha three", "Alpha two"]),
        (&["join", "https://a.example/1", "https://c.example/1"], &["bac"], &["Alpha two"]),
        (&["split", "https://b.example/1"], &["ac"], &["Alpha one", "Alpha two"]),
        (&["split", "https://c.example/1"], &[], &["Alpha one", "Alpha three", "Alpha two"]),
        (&["split", "https://b.example/1", "--undo"], &["ba"], &["Alpha three", "Alpha two"]),
        (&["prefer", "https://b.example/1", "--undo"], &["ab"], &["Alpha one", "Alpha three"]),
    ];
    for (command, stories, feed) in steps {
        place.run(command).expect(0);
        place.run_at(NOW, &["publish"]).expect(0);
        assert_eq!(
            members(),
            stories,
            "after {command:?}: {}",
            std::fs::read_to_string(place.path().join("overrides.toml")).unwrap_or_default()
        );
        assert_eq!(titles(), feed, "after {command:?}");
    }
}
