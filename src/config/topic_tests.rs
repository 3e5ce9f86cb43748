#![expect(clippy::disallowed_methods, reason = "a test lays out the files that a configuration names")]

use std::path::Path;

use sha2::{Digest, Sha256};

use super::tests::{LEAST, read, said};
use super::*;
use crate::stage::classify::{Article, Classifier, Figures, Group, Item, Lesson, Word, folded, learn};

#[test]
fn every_form_of_a_rule_is_read() {
    let site = read(&format!(
        "{LEAST}[[topic]]\ncategory = \"A: Up\"\nany = \"x\"\n[[topic]]\ncategory = \"A: B\"\nweight = 2\nthreshold = 4\nstem = true\n\
         from = [\"Tele Health\"]\nparents = \"A: Up\"\ninherit = true\n\
         any = [\"a\", {{ term = \"title:b\", weight = -3 }}, {{ all = [\"c\", '\"D\"'], weight = 5 }}]\nnone = {{ any = [\"/e+/\"] }}\n"
    ));
    let word = |text: &str, weight| Item::Word(Word { text: text.into(), weight });
    let inner = Group { all: vec![word("c", 5), word("\"D\"", 5)], ..Group::default() };
    let rule = Group {
        any: vec![word("a", 2), word("title:b", -3), Item::Group(inner)],
        all: Vec::new(),
        none: vec![Item::Group(Group { any: vec![word("/e+/", 2)], ..Group::default() })],
    };
    let topic = &site.topics[1];
    assert_eq!(topic.rule, rule);
    assert_eq!((topic.threshold, topic.stem, topic.inherit, &*topic.parents), (Some(4), true, true, &[0][..]));
    assert_eq!(topic.from, ["Tele Health"]);
}

#[test]
fn each_bad_rule_is_told_with_its_place_and_remedy() {
    let at = LEAST.lines().count() + 1;
    let topic = "[[topic]]\ncategory = \"A: B\"\n";
    for (added, line, told) in [
        (
            "any = \"x\"\nparents = \"A: C\"",
            3,
            "11: unknown topic \"A: C\" under parents: there is no [[topic]] of that name; did you mean \"A: B\"?",
        ),
        ("any = \"x\"\nparents = \"A: B\"", 3, "11: topic \"A: B\" is above itself by its parents; take one parent out of the circle"),
        ("any = \"x\"\nparents = \"C: D\"\n[[topic]]\ncategory = \"C: D\"\nany = \"y\"\nparents = \"A: B\"", 0, ""),
        (
            "any = \"x\"\ninherit = true",
            3,
            "11: topic \"A: B\" has no parents to inherit its articles; add parents = [\"…\"], or remove inherit",
        ),
        (
            "any = \"title:x\"\nthreshold = 5",
            3,
            "13: topic \"A: B\" can never match: its threshold of 5 is out of reach: all its words in all their fields score 4; \
             lower the threshold, raise weights, or add words",
        ),
        (
            "any = [\"x\", \"/(/\"]",
            2,
            "13: \"/(/\" under any is no regular expression: unclosed group; mend it, or leave out the slashes that make it one",
        ),
        (
            "any = \"titel:x\"",
            2,
            "7: \"titel:x\" under any begins with \"titel:\", which is no field; \
             did you mean \"title:\"? What has a colon of its own stands in quotes within the quotes",
        ),
        (
            "any = { all = [\"x\"], none = [\"X\"] }",
            2,
            "30: \"X\" is under both all and none, so it can never bring an article in; remove it from one of the two",
        ),
        ("any = [\"x\", {}]", 2, "13: a group under any has no words; write { all = [\"…\", \"…\"] }, any or none"),
        (
            "any = [\"x\", { term = \"y\", wait = 2 }]",
            2,
            "27: unknown key \"wait\" in a term; the nearest is \"weight\"; known are term, weight",
        ),
        ("any = [{ term = \"y\", weight = 2000 }]", 2, "31: \"weight\" in a term is out of range; take a value from -1000 to 1000"),
        ("any = \"x\"\nstem = 1", 3, "8: \"stem\" in [[topic]] must be true or false, not a whole number; write it without quotes"),
    ] {
        let mut problems = said(&format!("{LEAST}{topic}{added}\n"));
        if line == 0 {
            assert_eq!(problems.len(), 2, "both of a circle: {problems:?}");
            continue;
        }
        assert_eq!(problems.len(), 1, "{added}: {problems:?}");
        assert_eq!(problems.remove(0), format!("{}:{told}", at + line), "{added}");
    }
}

#[test]
fn groups_too_deep_are_refused() {
    let deep = format!("{LEAST}[[topic]]\ncategory = \"A: B\"\nany = {}\"x\"{}\n", "{ any = ".repeat(9), " }".repeat(9));
    assert!(said(&deep).iter().any(|problem| problem.contains("groups lie more than 8 deep")), "{:?}", said(&deep));
}

#[test]
fn topics_may_stand_in_files_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("feeds.toml");
    let main = LEAST.replace("[[source]]", "topics_file = [\"one.toml\", \"two.toml\"]\n[[source]]");
    let topics = "[[topic]]\ncategory = \"A: Main\"\nany = \"m\"\nparents = \"A: Two\"\n";
    std::fs::write(folder.path().join("one.toml"), "[[topic]]\ncategory = \"A: One\"\nany = \"o\"\n").unwrap();
    std::fs::write(folder.path().join("two.toml"), "[[topic]]\ncategory = \"A: Two\"\nany = \"t\"\n").unwrap();
    let site = check(&path, &format!("{main}{topics}")).unwrap();
    assert_eq!(site.topics.iter().map(|topic| &*topic.label).collect::<Vec<_>>(), ["Main", "One", "Two"]);
    assert_eq!(site.topics[0].parents, [2]);

    std::fs::write(folder.path().join("two.toml"), "[[topic]]\ncategory = \"A: One\"\nany = \"?\"\n").unwrap();
    let told = |text: &str| -> Vec<String> {
        let problems = check(&path, text).unwrap_err();
        problems.iter().map(|p| p.to_string().replace(&format!("{}/", folder.path().display()), "")).collect()
    };
    assert_eq!(
        told(&main),
        [
            "two.toml:2:12: topic \"A: One\" is already in another file, line 2; rename one, or make them one topic",
            "two.toml:3:7: \"?\" under any has no letter or digit, so it can never be found; write words as they stand in articles",
        ]
    );
    std::fs::remove_file(folder.path().join("one.toml")).unwrap();
    assert!(told(&main)[0].starts_with("feeds.toml:4:16: cannot read the topics in one.toml: "), "{:?}", told(&main));
    assert!(told(&main)[0].ends_with("; write a path relative to this file"));
}

#[test]
fn a_model_is_read_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("feeds.toml");
    let text = LEAST.replace("[[source]]", "model = \"m.tsv\"\n[[source]]");
    assert!(check(&path, &text).unwrap_err()[0].to_string().contains("no model in "));
    std::fs::write(folder.path().join("m.tsv"), "topicwire-model\t1\ntopic\tA: B\t5\n").unwrap();
    let learned = check(&path, &text).unwrap().model.unwrap();
    assert_eq!((learned.confidence, learned.digest.len()), (0.85, 64));
    let text = text.replace("model = ", "model_confidence = 0.9\nmodel = ");
    assert_eq!(check(&path, &text).unwrap().model.unwrap().confidence, 0.9);
    let problems = check(&path, &text.replace("0.9", "1.5")).unwrap_err();
    assert!(problems[0].to_string().ends_with("\"model_confidence\" in [site] is out of range; take a value from 0.01 to 1.0"));
    assert!(read(LEAST).model.is_none());
}

/// The figures of `examples/README.md`, on the half of the editors' articles that was not looked at while the rules were written.
#[test]
fn the_curated_topics_find_what_editors_tagged() {
    let (topics, model) = load_topics(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/curated-topics.toml")).unwrap();
    assert!(model.is_none());
    let labels = [
        "AI",
        "Cybersecurity",
        "Interoperability",
        "Telehealth",
        "Privacy",
        "Mobile Health",
        "Patient Engagement",
        "Digital Health Funding",
        "Genomics",
        "Blockchain",
    ];
    assert_eq!(topics.iter().map(|topic| topic.category.clone()).collect::<Vec<_>>(), labels.map(|label| format!("Curated: {label}")));
    let Some(articles) = crate::shared::text("data/curated-dev.jsonl") else { return };
    let mut halves: [Vec<Lesson>; 2] = Default::default();
    for line in articles.lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| object[key].as_str().unwrap().to_owned();
        let tags: Vec<String> = object["tags"].as_array().unwrap().iter().map(|tag| folded(tag.as_str().unwrap())).collect();
        let is_tagged = |topic: &Topic| topic.from.iter().any(|from| tags.contains(&folded(from)));
        let half = usize::from(Sha256::digest(text("link"))[0] % 2);
        halves[half].push(Lesson {
            title: text("title"),
            summary: text("description"),
            content: text("body"),
            topics: (0..topics.len()).filter(|topic| is_tagged(&topics[*topic])).collect(),
        });
    }
    let [seen, held] = halves;
    let categories: Vec<String> = topics.iter().map(|topic| topic.category.clone()).collect();
    let model = learn(&categories, &seen);
    let none: Vec<Topic> = topics.iter().map(|topic| Topic { rule: Group::default(), ..topic.clone() }).collect();
    let figures = |classifier: Classifier| -> Figures {
        let mut figures = Figures::default();
        for lesson in &held {
            let article = Article { title: &lesson.title, summary: &lesson.summary, content: &lesson.content, ..Article::default() };
            let given: Vec<usize> = classifier.classify(&article).iter().map(|verdict| verdict.topic).collect();
            figures.right += given.iter().filter(|topic| lesson.topics.contains(topic)).count();
            figures.wrong += given.iter().filter(|topic| !lesson.topics.contains(topic)).count();
            figures.missed += lesson.topics.iter().filter(|topic| !given.contains(topic)).count();
        }
        figures
    };
    let tell = |name: &str, classifier: Classifier| -> f64 {
        let figures = figures(classifier);
        println!("{name}: P {:.3} R {:.3} F1 {:.3} {figures:?}", figures.precision(), figures.recall(), figures.f1());
        figures.f1()
    };
    println!("{} articles held out, {} learned from", held.len(), seen.len());
    let rules = tell("rules", Classifier::new(&topics).unwrap());
    for confidence in [0.3, 0.5, 0.85] {
        let with = |topics: &[Topic]| Classifier::new(topics).unwrap().with_model(topics, model.clone(), confidence);
        tell(&format!("model at {confidence}"), with(&none));
        tell(&format!("both at {confidence}"), with(&topics));
    }
    assert!(rules >= 0.72);
}
