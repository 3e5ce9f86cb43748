use proptest::prelude::*;
use rust_stemmers::{Algorithm, Stemmer};

use super::*;

fn words(terms: &[&str]) -> Vec<Item> {
    terms.iter().map(|term| Item::Word(Word::new(*term))).collect()
}

fn weighted(term: &str, weight: i64) -> Item {
    Item::Word(Word { text: term.to_owned(), weight })
}

fn any(terms: &[&str]) -> Topic {
    ruled(Group { any: words(terms), ..Group::default() })
}

fn ruled(rule: Group) -> Topic {
    Topic { category: "Test: Topic".into(), slug: "test-topic".into(), label: "Topic".into(), rule, ..Topic::default() }
}

fn scores(topics: &[Topic], article: &Article<'_>) -> Vec<(usize, i64)> {
    Classifier::new(topics).unwrap().classify(article).iter().map(|verdict| (verdict.topic, verdict.score)).collect()
}

fn holds(rule: &Group, title: &str) -> bool {
    !scores(&[ruled(rule.clone())], &Article { title, ..Article::default() }).is_empty()
}

/// The words that a term is found as in a title of a language.
fn found(term: &str, language: &str, title: &str) -> Option<String> {
    let article = Article { title, language: Some(language), ..Article::default() };
    Classifier::new(&[any(&[term])]).unwrap().explain(&article).first().map(|reason| reason.hits[0].text.clone())
}

#[test]
fn a_scope_looks_in_its_field_only() {
    let [categories, authors, source] = ["alpha", "beta", "gamma"].map(|text| [text.to_owned()]);
    let article = Article {
        title: "t1 x",
        summary: "t2 x",
        content: "t3 x",
        url: "https://n.example/t4-x/y",
        categories: &categories,
        authors: &authors,
        source: &source,
        ..Article::default()
    };
    for (term, score) in [
        ("title:t1", Some(4)),
        ("summary:t1", None),
        ("summary: t2", Some(2)),
        ("content:t3", Some(1)),
        ("url:t4", Some(2)),
        ("url:\"t4-x\"", Some(2)),
        ("t4", None),
        ("category:alpha", Some(3)),
        ("author:beta", Some(2)),
        ("beta", None),
        ("source:gamma", Some(2)),
        ("gamma", None),
        ("title:x", Some(4)),
        ("x", Some(7)),
        ("title:/t\\d/", Some(4)),
        ("content:/t[12]/", None),
    ] {
        assert_eq!(scores(&[any(&[term])], &article), score.map(|score| (0, score)).into_iter().collect::<Vec<_>>(), "{term}");
    }
    let both = ruled(Group { any: words(&["title:x", "content:x"]), none: words(&["summary:t1"]), ..Group::default() });
    assert_eq!(scores(&[both], &article), [(0, 5)]);
}

#[test]
fn quotes_find_what_stands_in_them() {
    for (term, title, words) in [
        ("\"AI\"", "AI", Some("AI")),
        ("\"AI\"", "AIs", None),
        ("\"Ai\"", "AI", None),
        ("\"Ai\"", "an Ai", Some("Ai")),
        ("\"follow-up\"", "follow up", None),
        ("\"follow-up\"", "a follow-up", Some("follow-up")),
        ("\"one two\"", "one  two", Some("one  two")),
        ("\"one two\"", "one-two", None),
        ("\"care\"", "healthcare", None),
        ("\"monitor patients\"", "monitoring patients", None),
    ] {
        assert_eq!(found(term, "en", title).as_deref(), words, "{term} in {title:?}");
    }
}

#[test]
fn phrases_are_found_inflected_in_their_articles_language() {
    for (term, language, title, words) in [
        ("monitor patients", "en", "Monitoring a patient", None),
        ("monitor patients", "en-US", "Remotely monitoring patients.", Some("monitoring patients")),
        ("health technology", "en", "New health technologies", Some("health technologies")),
        ("AI chatbot", "en", "AI chatbots", Some("AI chatbots")),
        ("AI chatbot", "en", "ai chatbots", None),
        ("imaging", "en", "image", None),
        ("care gap", "en", "Care gaps closing", Some("Care gaps")),
        ("care gap", "en", "caring gap", None),
        ("care plan", "en", "planning care plans", Some("care plans")),
        ("sairaala", "fi", "Sairaaloissa", Some("Sairaaloissa")),
        ("sairaala", "sv", "Sairaaloissa", None),
        ("sairaala", "", "Sairaaloissa", None),
        ("tietosuoja", "fi", "Tietosuojasta puhutaan", Some("Tietosuojasta")),
        ("potilastieto", "fi", "potilastietojen käyttö", Some("potilastietojen")),
        ("vårdcentral", "sv", "Vårdcentralerna", Some("Vårdcentralerna")),
        ("Krankenhaus", "de", "in den Krankenhäusern", Some("Krankenhäusern")),
        ("Arzt", "de", "Ärzte streiken", Some("Ärzte")),
        ("Straße", "de", "Strassen", Some("Strassen")),
        ("Strasse", "de", "Straßen", Some("Straßen")),
        ("hôpital", "fr", "L’hôpitaux", Some("hôpitaux")),
        ("donnée médicale", "fr", "les données médicales", Some("données médicales")),
        ("santé numérique", "fr", "la santé-numériques", Some("santé-numériques")),
        ("women's health", "en", "women's health", Some("women's health")),
    ] {
        assert_eq!(found(term, language, title).as_deref(), words, "{term:?} in {language} {title:?}");
    }
    let asked = Topic { stem: Some(true), ..any(&["vaccinate"]) };
    let article = Article { title: "Vaccination begins", language: Some("en"), ..Article::default() };
    assert_eq!(scores(&[any(&["vaccinate"]), asked], &article), [(1, 4)]);
    let never = Topic { stem: Some(false), ..any(&["health technology"]) };
    let article = Article { title: "Health technologies", language: Some("en"), ..Article::default() };
    assert_eq!(scores(&[any(&["health technology"]), never], &article), [(0, 4)]);
}

#[test]
fn expressions_are_run_where_their_letters_are() {
    for (term, title, words) in [
        ("/raises? \\$\\d+/", "Acme raises $20 million", Some("raises $20")),
        ("/raises? \\$\\d+/", "Acme Raises $20", None),
        ("/raises? \\$\\d+/i", "Acme RAISES $20", Some("RAISES $20")),
        ("/\\b[A-Z]\\d{3}\\b/", "code A123 here", Some("A123")),
        ("/(alpha|beta)x+/", "the betaxx", Some("betaxx")),
        ("/a.c/", "abc", Some("abc")),
        ("/path", "a /path", Some("/path")),
    ] {
        assert_eq!(found(term, "en", title).as_deref(), words, "{term} in {title:?}");
    }
}

#[test]
fn what_must_not_be_looked_for_is_refused() {
    for (term, told) in [
        ("/(/", "is no regular expression: unclosed group"),
        ("/a*/", "is a regular expression that matches nothing at all, and so every article"),
        ("/(?:\\w{900}){900}/", "is a regular expression that is too large"),
        ("titel:x", "begins with \"titel:\", which is no field"),
        ("title:", "has no letter or digit"),
        ("\"?\"", "has no letter or digit"),
    ] {
        assert_eq!(Needle::parse(term).unwrap_err().to_string(), told, "{term}");
    }
    // A colon is no scope by itself.
    assert!(Needle::parse("Covid: the next wave").is_ok());
}

#[test]
fn groups_hold_as_their_lists_do() {
    let group = |any: &[&str], all: &[&str], none: &[&str]| Item::Group(Group { any: words(any), all: words(all), none: words(none) });
    let either = Group { any: vec![group(&[], &["a1", "b1"], &[]), group(&["c1"], &[], &["d1"])], ..Group::default() };
    for (title, belongs) in [("a1", false), ("a1 b1", true), ("c1", true), ("c1 d1", false), ("a1 b1 c1 d1", true), ("d1", false)] {
        assert_eq!(holds(&either, title), belongs, "{title}");
    }
    let unless = Group { all: words(&["a1"]), none: vec![group(&[], &["b1", "c1"], &[])], ..Group::default() };
    for (title, belongs) in [("a1", true), ("a1 b1", true), ("a1 b1 c1", false)] {
        assert_eq!(holds(&unless, title), belongs, "{title}");
    }
    // Words of a group count, but those that must not occur.
    let article = Article { title: "a1 c1", ..Article::default() };
    let rule = Group { any: vec![group(&["a1"], &[], &["z1"])], all: words(&["c1"]), ..Group::default() };
    assert_eq!(scores(&[ruled(rule)], &article), [(0, 8)]);
}

#[test]
fn weights_and_the_threshold_decide() {
    let topic = |threshold| Topic {
        threshold,
        ..ruled(Group { any: vec![weighted("ai", 2), weighted("robot", 1), weighted("webinar", -3)], ..Group::default() })
    };
    for (title, content, score, belongs) in [
        ("ai", "", 8, true),
        ("robot", "", 4, false),
        ("robot", "ai robot", 7, false),
        ("", "ai", 2, false),
        ("ai", "webinar", 5, false),
        ("webinar", "", -12, false),
    ] {
        let article = Article { title, content, ..Article::default() };
        let got = Classifier::new(&[topic(Some(8))]).unwrap().classify(&article);
        assert_eq!(
            got.iter().map(|verdict| verdict.score).collect::<Vec<_>>(),
            if belongs { vec![score] } else { vec![] },
            "{title} {content}"
        );
        let free = scores(&[topic(None)], &article);
        assert_eq!(free, if title == "webinar" { vec![] } else { vec![(0, score)] }, "{title} {content}");
    }
    let article = Article { title: "robot", ..Article::default() };
    let near = &Classifier::new(&[topic(Some(8))]).unwrap().explain(&article)[0];
    assert_eq!((near.matched, near.score, near.threshold, near.hits[0].points), (false, 4, Some(8), 4));
}

#[test]
fn publishers_categories_and_children_bring_articles_in() {
    let parent = any(&["nothing"]);
    let child = Topic { parents: vec![0], inherit: true, from: vec!["Tele Health".into()], ..any(&["telehealth"]) };
    let grandchild = Topic { parents: vec![1], inherit: true, ..any(&["stroke"]) };
    let shy = Topic { parents: vec![0], ..any(&["shy"]) };
    let topics = [parent.clone(), child.clone(), grandchild, shy];
    let classifier = Classifier::new(&topics).unwrap();
    let told = |article: &Article<'_>| -> Vec<(usize, i64, String)> {
        classifier.classify(article).iter().map(|verdict| (verdict.topic, verdict.score, verdict.by.words(&topics))).collect()
    };
    let title = |title| Article { title, ..Article::default() };
    let child_of = "child Test: Topic".to_owned();
    assert_eq!(told(&title("telehealth")), [(1, 4, "rule".to_owned()), (0, 4, child_of.clone())]);
    assert_eq!(told(&title("stroke")), [(2, 4, "rule".to_owned()), (0, 4, child_of.clone()), (1, 4, child_of.clone())]);
    assert_eq!(told(&title("shy")), [(3, 4, "rule".to_owned())]);
    let categories = ["tele-health".to_owned()];
    let tagged = Article { categories: &categories, ..Article::default() };
    assert_eq!(told(&tagged), [(1, 3, "publisher's category".to_owned()), (0, 3, child_of.clone())]);
    assert_eq!(told(&Article { fixed: &[1], ..title("x") }), [(1, 0, "source".to_owned()), (0, 0, child_of)]);
    let mut strict = topics.clone();
    strict[0].rule.none = words(&["advert"]);
    strict[1].rule.none = words(&["spam"]);
    assert_eq!(scores(&strict, &title("telehealth advert")), [(1, 4)]);
    assert_eq!(scores(&strict, &Article { title: "spam", ..tagged }), []);
}

#[test]
fn rules_that_can_never_match_are_told() {
    let rule = |any: Vec<Item>, none: Vec<Item>| Group { any, all: Vec::new(), none };
    assert_eq!(check(&rule(words(&["a"]), words(&["b"])), Some(10)), Ok(()));
    assert_eq!(check(&rule(words(&["a"]), vec![]), Some(11)), Err(NeverMatches::Threshold { threshold: 11, reach: 10 }));
    assert_eq!(check(&rule(words(&["title:a"]), vec![]), Some(5)), Err(NeverMatches::Threshold { threshold: 5, reach: 4 }));
    assert_eq!(check(&rule(vec![weighted("a", -1)], vec![]), None), Err(NeverMatches::NothingWanted));
    let inner = Item::Group(Group { none: words(&["a"]), ..Group::default() });
    assert_eq!(check(&rule(vec![inner], vec![]), None), Err(NeverMatches::NothingWanted));
}

fn lessons() -> Vec<Lesson> {
    let lesson = |n: usize, title: &str, topic: usize| Lesson {
        title: format!("{title} number{n}"),
        summary: format!("Words about {title}"),
        content: "The same words stand everywhere".into(),
        topics: vec![topic],
    };
    (0..20).flat_map(|n| [lesson(n, "ransomware strikes hospital", 0), lesson(n, "genome read anew", 1)]).collect()
}

#[test]
fn a_model_learns_what_is_taught_to_the_byte() {
    let categories = ["A: Security".to_owned(), "A: Genes".to_owned()];
    let text = learn(&categories, &lessons()).to_text();
    let mut other = lessons();
    other.reverse();
    assert_eq!(learn(&categories, &other).to_text(), text, "in whatever order");
    let model = Model::parse(&text).unwrap();
    assert_eq!(model.to_text(), text);
    let votes = model.votes("Ransomware hits a clinic", "", "");
    assert!(votes[0] > 0.8 && votes[1] < 0.2, "{votes:?}");
    let figures = cross_validate(&categories, &lessons(), &[0.5]);
    assert_eq!((figures[0].right, figures[0].wrong, figures[0].missed), (40, 0, 0));

    let topics = [Topic { category: "A: Security".into(), ..any(&["phishing"]) }];
    let none = Topic { rule: Group { none: words(&["clinic"]), ..topics[0].rule.clone() }, ..topics[0].clone() };
    let told = |topics: &[Topic], confidence| -> Vec<String> {
        let classifier = Classifier::new(topics).unwrap().with_model(topics, model.clone(), confidence);
        let article = Article { title: "Ransomware hits a clinic", ..Article::default() };
        classifier.classify(&article).iter().map(|verdict| verdict.by.words(topics)).collect()
    };
    assert_eq!(told(&topics, 0.8), [format!("model {:.2}", (votes[0] * 100.0).floor() / 100.0)]);
    assert!(told(&topics, 0.999).is_empty());
    let classifier = Classifier::new(&topics).unwrap().with_model(&topics, model.clone(), 0.8);
    let reserved = Article { title: "Ransomware hits a clinic", reserved: true, ..Article::default() };
    assert!(classifier.classify(&reserved).is_empty(), "no model looks at what is reserved");
    let by_rule = Article { title: "Phishing hits a clinic", ..reserved };
    assert_eq!(classifier.classify(&by_rule).len(), 1, "rules do");
    assert!(told(&[none], 0.8).is_empty(), "a curator's none outlasts the model");
}

#[test]
fn a_file_that_is_no_model_is_told_by_its_line() {
    for (text, told) in [
        ("", "line 1 is followed by no topic"),
        ("topicwire-model\t2\n", "line 1 is not the beginning of a model that this version reads; run `topicwire learn` again"),
        ("topicwire-model\t1\ntopic\tA\tx\n", "line 2 is neither a topic nor a word of a model"),
        ("topicwire-model\t1\ntopic\tA\t1\nword\tw\t1\t1:5\n", "line 3 has a weight that is not \"topic:weight\" in whole numbers"),
        ("topicwire-model\t1\ntopic\tA\t1\nword\tw\t1\t0:5\nword\tw\t1\t0:5\n", "line 4 has a word that was there before"),
    ] {
        assert_eq!(Model::parse(text).unwrap_err().to_string(), told);
    }
}

fn algorithm(language: Language) -> Algorithm {
    match language {
        Language::En => Algorithm::English,
        Language::Fi => Algorithm::Finnish,
        Language::Sv => Algorithm::Swedish,
        Language::De => Algorithm::German,
        Language::Fr => Algorithm::French,
    }
}

const TAGS: [&str; 5] = ["en", "fi", "sv", "de", "fr"];

proptest! {
    /// The oracle: split at what is no letter, stem every word, compare.
    #[test]
    fn a_stemmed_phrase_is_found_where_its_stems_are(
        at in 0..5_usize,
        roots in proptest::collection::vec("(hospital|technolog|potila|vård|kranken|donn)(e|es|ies|ing|en|er|ssa|lle|al|aux|y|ation)?", 1..8),
        from in 0..8_usize,
        more in "(s|t|n|ing|ed|er|ssa)?",
    ) {
        let language = Language::ALL[at];
        let stemmer = Stemmer::create(algorithm(language));
        let from = from.min(roots.len() - 1);
        let term: Vec<&str> = roots[from..].iter().take(2).map(String::as_str).collect();
        let text: Vec<String> = roots.iter().map(|root| format!("{root}{more}")).collect();
        let stem = |word: &String| -> String {
            // Short English words are found as they are, or in their plural.
            let single = word.strip_suffix('s').unwrap_or(word);
            if language == Language::En && single.chars().count() < 5 {
                return single.to_owned();
            }
            let stem = stemmer.stem(word).into_owned();
            // Finnish plurals leave another vowel (`sairaal`, `sairaalo`).
            let short = if language == Language::Fi { stem.trim_end_matches(['a', 'e', 'i', 'o', 'u', 'y', 'ä', 'ö']) } else { &stem };
            if short.chars().count() < 4 { stem.chars().take(4).collect() } else { short.to_owned() }
        };
        let stems = |words: &[String]| -> Vec<String> { words.iter().map(stem).collect() };
        let wanted = stems(&term.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let plain = |window: &[String]| {
            let joined = window.join(" ");
            joined == term.join(" ") || joined == format!("{}s", term.join(" "))
        };
        let single_english = term.len() == 1 && language == Language::En;
        let stands = text.windows(term.len()).any(|window| plain(window) || (!single_english && stems(window) == wanted));
        prop_assert_eq!(found(&term.join(" "), TAGS[at], &text.join(" ")).is_some(), stands, "{:?} in {:?}", term, text);
    }

    #[test]
    fn no_text_breaks_a_rule(title in "\\PC{0,60}", term in "\\PC{1,12}", at in 0..5_usize) {
        if Needle::parse(&term).is_ok() {
            let topics = [Topic { stem: Some(true), ..any(&[&term]) }];
            let article = Article { title: &title, content: &title, language: Some(TAGS[at]), ..Article::default() };
            let reasons = Classifier::new(&topics).unwrap().explain(&article);
            for hit in reasons.iter().flat_map(|reason| &reason.hits) {
                prop_assert!(title[hit.start..].starts_with(&hit.text));
            }
        }
    }

    #[test]
    fn an_expression_is_found_where_it_matches(expression in "[ab]{1,4}[+?]?(c|[de])?", title in "[abcde ]{0,20}") {
        let term = format!("/{expression}/");
        if Needle::parse(&term).is_ok() {
            let plain = regex::Regex::new(&expression).unwrap().find(&title).map(|found| found.as_str().to_owned());
            prop_assert_eq!(found(&term, "", &title), plain);
        }
    }
}
