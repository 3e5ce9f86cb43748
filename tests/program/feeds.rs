//! Feeds as subscribers follow them: whole histories, months that end, readers that poll for a month, things that are withdrawn.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::common::{Origin, Place, rss, shared};

const TOPICS: &str = "[[topic]]\ncategory = \"V: Alpha\"\nany = [\"alpha\"]\n\n[[topic]]\ncategory = \"V: Beta\"\nany = [\"beta\"]\n";
const BASE: &str = "https://wire.example/";

/// An article of a source: `(guid, title, link, day)`.
fn article(source: &str, n: usize) -> (String, String, String, u32) {
    // Two words of its own, so that no two are one story.
    let own = usize::from(source.as_bytes()[0]);
    let word = |n: usize| -> String { (0..6).map(|k| char::from(b'a' + ((n * (7 + 2 * k) + k * k * own + n / 26) % 26) as u8)).collect() };
    let topic = if n.is_multiple_of(3) { "beta" } else { "alpha" };
    (
        format!("{source}-{n}"),
        format!("{topic} {} {}", word(n), word(n * 31 + 11)),
        format!("https://{source}.example/{n}"),
        1 + n as u32 % 18,
    )
}

fn document(source: &str, numbers: impl Iterator<Item = usize>) -> String {
    let articles: Vec<_> = numbers.map(|n| article(source, n)).collect();
    let items: Vec<_> = articles.iter().map(|(guid, title, link, day)| (&**guid, &**title, &**link, *day)).collect();
    rss(source, &items)
}

fn site(origin: &Origin, sources: &[&str]) -> Place {
    let sources: Vec<_> = sources.iter().map(|s| ((*s).to_owned(), origin.url(&format!("/{s}")))).collect();
    Place::new(origin, &sources, TOPICS)
}

fn put(origin: &Origin, source: &str, numbers: impl Iterator<Item = usize>) {
    origin.put(&format!("/{source}"), "application/rss+xml", document(source, numbers));
}

/// Reads a published file by its address.
fn file<'t>(tree: &'t BTreeMap<String, Vec<u8>>, url: &str) -> &'t str {
    let path = format!("output/{}", url.strip_prefix(BASE).unwrap());
    std::str::from_utf8(tree.get(&path).unwrap_or_else(|| panic!("{path} is not there"))).unwrap()
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let rest = &text[text.find(before)? + before.len()..];
    rest.get(..rest.find(after)?)
}

/// One published entry as readers tell it: its id, and where it leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Seen {
    id: String,
    link: String,
    title: String,
}

/// A document's entries and the address of the one before it, in whichever form.
fn read(text: &str) -> (Vec<Seen>, Option<String>) {
    if text.starts_with('{') {
        let feed: serde_json::Value = serde_json::from_str(text).unwrap();
        let text = |item: &serde_json::Value, key: &str| item[key].as_str().unwrap().to_owned();
        let items = feed["items"].as_array().unwrap().iter();
        let seen = items.map(|item| Seen { id: text(item, "id"), link: text(item, "url"), title: text(item, "title") }).collect();
        return (seen, feed["next_url"].as_str().map(str::to_owned));
    }
    let (item, id, link) = if text.contains("<rss") { ("<item>", "<guid", "<link>") } else { ("<entry>", "<id>", "<link href=\"") };
    let mut parts = text.split(item);
    let head = parts.next().unwrap();
    let prev = head.split("<link ").chain(head.split("<atom:link ")).find(|l| l.split('>').next().unwrap().contains("\"prev-archive\""));
    let seen = parts.map(|part| {
        let own = part.split("<source").next().unwrap().to_owned() + part.split("</source>").nth(1).unwrap_or_default();
        let id = between(&own, id, "</").unwrap().rsplit('>').next().unwrap().to_owned();
        let link = between(&own, link, if link.ends_with('"') { "\"" } else { "<" }).unwrap().to_owned();
        Seen { id, link, title: between(&own, "<title>", "</title>").unwrap().to_owned() }
    });
    (seen.collect(), prev.map(|link| between(link, "href=\"", "\"").unwrap().to_owned()))
}

/// Everything that a reader finds who follows a feed to its beginning.
fn history(tree: &BTreeMap<String, Vec<u8>>, url: &str) -> Vec<Vec<Seen>> {
    let mut documents = Vec::new();
    let mut next = Some(url.to_owned());
    while let Some(url) = next {
        let (seen, prev) = read(file(tree, &url));
        documents.push(seen);
        next = prev;
        assert!(documents.len() < 1_000, "the archives of {url} go in a circle");
    }
    documents
}

fn ids(documents: &[Vec<Seen>]) -> BTreeSet<String> {
    documents.iter().flatten().map(|seen| seen.id.clone()).collect()
}

const FEEDS: [&str; 5] = ["", "topic/v-alpha/", "topic/v-beta/", "source/a/", "section/news/"];
const FORMS: [&str; 3] = ["atom", "rss", "json"];

#[test]
fn every_entry_is_found_by_following_a_feed_to_its_beginning() {
    let origin = Origin::start();
    let place = site(&origin, &["a"]);
    put(&origin, "a", 0..200);
    place.run_at("2026-11-20T12:00:00Z", &["refresh"]).expect(0);
    put(&origin, "a", 150..230);
    place.run_at("2026-12-02T12:00:00Z", &["refresh"]).expect(0);
    let tree = place.tree();
    for (feed, expected) in FEEDS.iter().zip([230, 153, 77, 230, 230]) {
        for form in FORMS {
            let documents = history(&tree, &format!("{BASE}{feed}feed.{form}"));
            assert_eq!(ids(&documents).len(), expected, "{feed} {form}");
            assert!(documents.len() > 1 && documents[0].len() <= 100, "{feed} {form}: {}", documents[0].len());
            // An entry is in one archive document, and may be in the current one besides.
            let archived: usize = documents[1..].iter().map(Vec::len).sum();
            assert_eq!(archived, ids(&documents[1..]).len(), "{feed} {form}");
        }
    }
    // Forward as well: from the oldest to the last one that is closed.
    let mut url = format!("{BASE}topic/v-alpha/archive/2026-11.atom");
    let mut forward = 0;
    while tree.contains_key(&format!("output/{}", &url[BASE.len()..])) {
        let text = file(&tree, &url);
        assert!(text.contains("<fh:archive/>") && text.contains("rel=\"current\""), "{text}");
        forward += text.matches("<entry>").count();
        let next = text.split("<link ").find(|l| l.contains("\"next-archive\"")).unwrap();
        url = between(next, "href=\"", "\"").unwrap().to_owned();
    }
    assert_eq!(forward, 133, "all of November's");
    assert!(place.published("topic/v-alpha/index.html").contains("archive/2026-11-2.html"));
    assert!(place.published("topic/v-alpha/archive/2026-11-2.html").contains("2026-11.html"));
}

#[test]
fn an_archive_never_changes_and_a_small_change_rewrites_only_what_it_touches() {
    let origin = Origin::start();
    let place = site(&origin, &["a", "b"]);
    put(&origin, "a", 0..120);
    put(&origin, "b", 0..4);
    place.run_at("2026-11-20T12:00:00Z", &["refresh"]).expect(0);
    put(&origin, "a", 1..121);
    place.run_at("2026-12-02T12:00:00Z", &["refresh"]).expect(0);
    let before = place.tree();
    // A correction of something archived, and something new; both are about beta.
    let corrected =
        document("a", (1..121).chain([123])).replace("About beta", "Corrected: about beta").replacen("Corrected: about", "About", 0);
    origin.put("/a", "application/rss+xml", corrected);
    place.run_at("2026-12-03T12:00:00Z", &["refresh"]).expect(0);
    let after = place.tree();
    for (path, bytes) in &before {
        let same = after.get(path) == Some(bytes);
        let is_untouched = path.contains("/archive/") || path.contains("source/b/") || path.contains("topic/v-alpha/");
        assert!(same || !is_untouched, "{path} changed");
    }
    let (current, _) = read(file(&after, &format!("{BASE}topic/v-beta/feed.atom")));
    assert_eq!(current.len(), 44, "all corrected ones and the new one are in the current document");
    assert!(file(&after, &format!("{BASE}topic/v-beta/feed.atom")).contains("Corrected: about beta"));
    // The same store gives the same bytes.
    place.run_at("2026-12-03T12:00:00Z", &["publish"]).expect(0);
    assert!(place.tree() == after, "{:?}", changed(&after, &place.tree()));
    std::fs::remove_dir_all(place.path().join("output")).unwrap();
    place.run_at("2026-12-03T12:00:00Z", &["publish"]).expect(0);
    assert!(place.tree() == after, "{:?}", changed(&after, &place.tree()));
}

fn changed(a: &BTreeMap<String, Vec<u8>>, b: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    a.keys().chain(b.keys()).filter(|path| a.get(*path) != b.get(*path)).cloned().collect()
}

#[test]
fn a_takedown_leaves_nothing_but_a_tombstone_and_outlasts_every_poll() {
    let origin = Origin::start();
    let place = site(&origin, &["a", "b"]);
    put(&origin, "a", 0..100);
    put(&origin, "b", 0..3);
    place.run_at("2026-11-20T12:00:00Z", &["refresh"]).expect(0);
    put(&origin, "a", 0..101);
    place.run_at("2026-12-02T12:00:00Z", &["refresh"]).expect(0);
    let (_, title, link, _) = article("a", 1);
    let holds = |tree: &BTreeMap<String, Vec<u8>>, text: &str| -> Vec<String> {
        tree.iter().filter(|(_, bytes)| bytes.windows(text.len()).any(|w| w == text.as_bytes())).map(|(path, _)| path.clone()).collect()
    };
    let before = holds(&place.tree(), &title);
    assert!(before.iter().any(|p| p.contains("topic/v-alpha/archive/")) && before.iter().any(|p| p.ends_with(".md")), "{before:?}");
    // A picture that lies beside the record.
    let record = before.iter().find(|p| p.ends_with(".md")).unwrap();
    std::fs::write(place.path().join(record.replace(".md", "-featured.jpg")), "x").unwrap();

    let ran = place.run_at("2026-12-03T12:00:00Z", &["takedown", &link, "--reason", "the author asked"]).expect(0);
    assert!(ran.out.contains("taken down"), "{ran:?}");
    let tree = place.tree();
    assert_eq!(holds(&tree, &title), Vec::<String>::new());
    assert!(!place.path().join(record.replace(".md", "-featured.jpg")).exists());
    for feed in ["", "topic/v-alpha/", "source/a/", "section/news/"] {
        let text = file(&tree, &format!("{BASE}{feed}feed.atom"));
        assert!(text.contains("<at:deleted-entry ref=\"") && text.contains("when=\"2026-12-03T12:00:00Z\""), "{feed}");
        assert!(file(&tree, &format!("{BASE}{feed}archive/2026-11.atom")).contains("<at:deleted-entry "), "{feed}");
    }
    let audit = std::fs::read_to_string(place.path().join("overrides.toml")).unwrap();
    for part in ["[[takedown]]", "url = \"https://a.example/1\"", "at = \"2026-12-03T12:00:00Z\"", "reason = \"the author asked\""] {
        assert!(audit.contains(part), "{part} in {audit}");
    }

    // Polls with the same article, changed, and from another source under the same address; new rules; another store.
    let edited = document("a", 0..101).replace("About alpha", "Once more about alpha");
    origin.put("/a", "application/rss+xml", edited);
    origin.put(
        "/b",
        "application/rss+xml",
        document("b", 0..4).replace("https://b.example/3<", "https://a.example/1<").replace(&article("b", 3).1, &title),
    );
    place.run_at("2026-12-04T12:00:00Z", &["refresh"]).expect(0);
    assert_eq!(holds(&place.tree(), &title), Vec::<String>::new());
    std::fs::remove_file(place.path().join("topicwire.db")).unwrap();
    place.run_at("2026-12-05T12:00:00Z", &["refresh"]).expect(0);
    assert_eq!(holds(&place.tree(), &title), Vec::<String>::new());

    // A whole source; and back again.
    place.run_at("2026-12-06T12:00:00Z", &["takedown", "b"]).expect(0);
    let tree = place.tree();
    assert_eq!(ids(&history(&tree, &format!("{BASE}source/b/feed.atom"))).len(), 0);
    assert_eq!(holds(&tree, "https://b.example/"), Vec::<String>::new());
    place.run_at("2026-12-07T12:00:00Z", &["takedown", "b", "--undo"]).expect(0);
    assert!(!ids(&history(&place.tree(), &format!("{BASE}source/b/feed.atom"))).is_empty());
    place.run_at("2026-12-07T12:00:00Z", &["takedown", "b", "--undo"]).expect(2);

    // A source that is followed no more.
    let sources = vec![("a".to_owned(), origin.url("/a"))];
    place.configure(&origin, &sources, TOPICS);
    place.run_at("2026-12-08T12:00:00Z", &["refresh"]).expect(0);
    assert!(!holds(&place.tree(), "https://b.example/").is_empty());
    place.run_at("2026-12-08T12:00:00Z", &["takedown", "b"]).expect(0);
    assert_eq!(holds(&place.tree(), "https://b.example/"), Vec::<String>::new());
}

#[test]
fn a_renamed_topic_keeps_its_id_and_history_and_a_removed_one_is_told() {
    let origin = Origin::start();
    let place = site(&origin, &["a"]);
    let sources = vec![("a".to_owned(), origin.url("/a"))];
    put(&origin, "a", 0..120);
    place.run_at("2026-11-20T12:00:00Z", &["refresh"]).expect(0);
    assert_eq!(place.published("_moved.json"), "{}\n");
    let before = history(&place.tree(), &format!("{BASE}topic/v-alpha/feed.atom"));
    let id = |text: &str| between(text, "<id>", "</id>").unwrap().to_owned();
    let old_id = id(&place.published("topic/v-alpha/feed.atom"));
    let topics = "[[topic]]\ncategory = \"V: Gamma\"\nwas = \"V: Alpha\"\nany = [\"alpha\"]\n";
    place.configure(&origin, &sources, topics);
    place.run_at("2026-11-21T12:00:00Z", &["topics", "apply", "--yes"]).expect(0);
    place.run_at("2026-11-21T12:00:00Z", &["refresh"]).expect(0);
    let tree = place.tree();
    assert_eq!(history(&tree, &format!("{BASE}topic/v-gamma/feed.atom")), before);
    assert_eq!(id(&place.published("topic/v-gamma/feed.atom")), old_id);
    assert!(!tree.keys().any(|path| path.contains("v-alpha") || path.contains("v-beta")), "{:?}", tree.keys());
    let moved: serde_json::Value = serde_json::from_str(&place.published("_moved.json")).unwrap();
    assert_eq!(moved, serde_json::json!({"topic/v-alpha/": "topic/v-gamma/", "topic/v-beta/": null}));
}

#[test]
fn a_theme_replaces_styles_and_parts_of_pages() {
    let origin = Origin::start();
    let place = site(&origin, &["a"]);
    put(&origin, "a", 0..3);
    let config =
        std::fs::read_to_string(place.config()).unwrap().replacen("curator", "theme = \"look\"\noperator = \"The Desk\"\ncurator", 1);
    std::fs::write(place.config(), config).unwrap();
    let missing = place.run(&["refresh"]);
    assert!(missing.err.contains("look") && missing.err.contains("no such folder"), "{missing:?}");
    std::fs::create_dir(place.path().join("look")).unwrap();
    std::fs::write(place.path().join("look/style.css"), "body { color: red }").unwrap();
    std::fs::write(place.path().join("look/footer.html"), "<p>Ours: <a href=\"{{root}}about.html\">about</a></p>").unwrap();
    place.run(&["refresh"]).expect(0);
    assert_eq!(place.published("style.css"), "body { color: red }");
    assert!(place.published("topic/v-alpha/index.html").contains("<a href=\"../../about.html\">about</a>"));
    assert!(place.published("about.html").contains("The Desk"));
    // It changes with the folder alone.
    std::fs::write(place.path().join("look/footer.html"), "<p>Other</p>").unwrap();
    place.run(&["refresh"]).expect(0);
    assert!(place.published("source/a/index.html").contains("<p>Other</p>"));
}

/// A reader: which entries it takes for new, by which rule.
struct Reader {
    rule: fn(&Seen) -> String,
    known: HashSet<String>,
    new: HashMap<String, usize>,
}

impl Reader {
    fn take(&mut self, seen: &Seen) {
        if self.known.insert((self.rule)(seen)) {
            *self.new.entry(seen.link.clone()).or_default() += 1;
        }
    }
}

/// By id; by a hash of the id; by guid, else link: the rules of three known readers (O24).
fn readers() -> [Reader; 3] {
    let rules: [fn(&Seen) -> String; 3] = [
        |seen| seen.id.clone(),
        |seen| blake3::hash(seen.id.as_bytes()).to_hex().to_string(),
        |seen| if seen.id.is_empty() { seen.link.clone() } else { seen.id.clone() },
    ];
    rules.map(|rule| Reader { rule, known: HashSet::new(), new: HashMap::new() })
}

#[test]
fn readers_that_poll_for_thirty_days_see_each_entry_new_exactly_once() {
    let origin = Origin::start();
    let place = site(&origin, &["a", "b"]);
    // For each form: three that read the current document every hour, and three that follow the archives once a week.
    let mut hourly: Vec<(&str, [Reader; 3])> = FORMS.iter().map(|form| (*form, readers())).collect();
    let mut weekly: Vec<(&str, [Reader; 3])> = FORMS.iter().map(|form| (*form, readers())).collect();
    let start = chrono::DateTime::parse_from_rfc3339("2026-11-15T00:30:00Z").unwrap();
    for hour in 0..=30 * 24 {
        // News twice a day; corrections, late arrivals and a change of rules in between. In the other hours nothing changes.
        if hour % 12 == 0 {
            let turn = hour / 12;
            let fixed = if turn % 5 == 0 { "Corrected" } else { "About" };
            origin.put("/a", "application/rss+xml", document("a", turn * 6..turn * 6 + 20).replace("About", fixed));
            put(&origin, "b", (turn / 2..turn / 2 + 4).chain((turn > 20).then_some(500 - turn)));
            let now = (start + chrono::TimeDelta::hours(hour as i64)).to_rfc3339();
            place.run_at(&now, &["refresh"]).expect(0);
        }
        let tree = if hour % 12 == 0 { Some(place.tree()) } else { None };
        let Some(tree) = tree else { continue };
        for (form, readers) in &mut hourly {
            let (seen, _) = read(file(&tree, &format!("{BASE}feed.{form}")));
            // Twelve polls of the same document.
            for _ in 0..12 {
                seen.iter().for_each(|seen| readers.iter_mut().for_each(|reader| reader.take(seen)));
            }
        }
        if hour % (7 * 24) == 0 || hour == 30 * 24 {
            for (form, readers) in &mut weekly {
                for seen in history(&tree, &format!("{BASE}feed.{form}")).iter().flatten() {
                    readers.iter_mut().for_each(|reader| reader.take(seen));
                }
            }
        }
    }
    let expected: BTreeSet<String> = (0..60 * 6 + 20)
        .map(|n| article("a", n).2)
        .chain((0..=34).chain(440..=479).filter(|n| *n < 34 || *n > 438).map(|n| article("b", n).2))
        .collect();
    for (form, readers) in hourly.iter().chain(&weekly) {
        for (rule, reader) in readers.iter().enumerate() {
            let twice: Vec<_> = reader.new.iter().filter(|(_, times)| **times != 1).collect();
            assert!(twice.is_empty(), "{form}, rule {rule}: {twice:?}");
            let found: BTreeSet<String> = reader.new.keys().cloned().collect();
            assert_eq!(found.difference(&expected).collect::<Vec<_>>(), Vec::<&String>::new(), "{form}, rule {rule}");
            assert_eq!(expected.difference(&found).collect::<Vec<_>>(), Vec::<&String>::new(), "{form}, rule {rule}");
        }
    }
    println!("{} entries, each new once to {} readers", expected.len(), 6 * FORMS.len());
}

/// Kills a refresh at moments spread over the time that it takes, each around a month's end, and looks at what a subscriber finds then.
fn roll_over(kills: usize, seed: u64) {
    println!("seed {seed}: TOPICWIRE_KILLS={kills} TOPICWIRE_SEED={seed} cargo test --test program roll_over -- --ignored --nocapture");
    let origin = Origin::start();
    let place = site(&origin, &["a", "b"]);
    let mut random = seed | 1;
    let mut below = |limit: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % limit.max(1)
    };
    let (mut took, mut hit, mut rolled, mut rounds) = (Duration::from_millis(150), 0, 0, 0);
    let mut published: HashMap<String, BTreeSet<String>> = HashMap::new();
    let urls: Vec<String> = FEEDS.iter().flat_map(|feed| FORMS.map(|form| format!("{BASE}{feed}feed.{form}"))).collect();
    // A process that ended before its kill came does not count.
    for round in 0..kills * 4 {
        if hit == kills {
            break;
        }
        // Every round begins a month: what the last one brought is closed by what this one brings.
        rounds = round + 1;
        let now = format!("{}-{:02}-01T00:00:00Z", 2027 + round / 12, round % 12 + 1);
        put(&origin, "a", round * 9..round * 9 + 12);
        put(&origin, "b", round..round + 3);
        let mut child = place.command(&now, &["refresh"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let moment = Duration::from_micros(below(took.as_micros() as u64));
        let began = Instant::now();
        while began.elapsed() < moment && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_micros(100));
        }
        hit += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        look(&place, &urls, &mut published, &format!("round {round}, after a kill at {moment:?}"));
        let began = Instant::now();
        place.run_at(&now, &["refresh"]).expect(0);
        took = (took + began.elapsed()) / 2;
        look(&place, &urls, &mut published, &format!("round {round}, after a whole run"));
        rolled = place.tree().keys().filter(|path| path.starts_with("output/archive/")).count() / FORMS.len();
    }
    println!("{hit} kills in {rounds} rounds, {rolled} archive documents of one feed: no entry was ever in neither");
    assert!(hit == kills && rolled + 1 >= rounds, "{hit} {rolled} {rounds}");
}

/// Whatever was ever published of a feed is still found by following it.
fn look(place: &Place, urls: &[String], published: &mut HashMap<String, BTreeSet<String>>, when: &str) {
    let tree = place.tree();
    for url in urls.iter().filter(|url| tree.contains_key(&format!("output/{}", &url[BASE.len()..]))) {
        let found = ids(&history(&tree, url));
        let before = published.entry(url.clone()).or_default();
        let lost: Vec<_> = before.difference(&found).collect();
        assert!(lost.is_empty(), "{when}: {url} lost {lost:?}");
        before.extend(found);
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

#[test]
fn twenty_kills_at_roll_overs_lose_nothing() {
    roll_over(20, 20_261_121);
}

/// The long run: `TOPICWIRE_KILLS=200 cargo test --test program roll_over -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes; a command of its own"]
fn many_kills_at_roll_overs_lose_nothing() {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    roll_over(number("TOPICWIRE_KILLS", 200) as usize, number("TOPICWIRE_SEED", seed));
}

/// Puts every published feed, archive and list to the independent validator; returns how many there were.
pub(crate) fn validate(output: &Path) -> usize {
    let Some(shared) = shared() else { return 0 };
    let mut files = Vec::new();
    let mut folders = vec![output.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".atom")
                || name.ends_with(".rss")
                || name == "opml.xml"
                || (name.ends_with(".json") && name != "_moved.json")
            {
                files.push(path);
            }
        }
    }
    files.sort();
    let mut checked = 0;
    for files in files.chunks(500) {
        let Ok(ran) = std::process::Command::new("python3").arg(shared.join("tools/validate-feed")).args(files).output() else { return 0 };
        let verdict = String::from_utf8_lossy(&ran.stdout);
        if verdict.is_empty() {
            println!("skipped: no jing or lxml: {}", String::from_utf8_lossy(&ran.stderr));
            return 0;
        }
        let bad: Vec<&str> = verdict.lines().filter(|line| !line.contains(": VALID: 0 errors, 0 warnings")).take(20).collect();
        assert_eq!(verdict.matches(": VALID: 0 errors, 0 warnings").count(), files.len(), "{bad:#?}");
        checked += files.len();
    }
    checked
}
