use proptest::prelude::*;
use regex::Regex;

use super::*;

fn topic(any: &[&str], all: &[&str], none: &[&str]) -> Topic {
    let list = |terms: &[&str]| terms.iter().map(|term| Item::Word(Word::new(*term))).collect();
    Topic {
        category: "Test: Topic".into(),
        slug: "test-topic".into(),
        label: "Topic".into(),
        rule: Group { any: list(any), all: list(all), none: list(none) },
        ..Topic::default()
    }
}

fn titled(title: &str) -> Article<'_> {
    Article { title, ..Article::default() }
}

/// The words that a term is found as in a title.
fn found(term: &str, title: &str) -> Option<String> {
    let classifier = Classifier::new(&[topic(&[term], &[], &[])]).unwrap();
    classifier.explain(&titled(title)).first().map(|reason| reason.hits[0].text.clone())
}

#[test]
fn a_term_is_found_as_written_in_the_rules() {
    for (term, title, words) in [
        ("telehealth", "Telehealth grows", Some("Telehealth")),
        ("telehealth", "in TELEHEALTH.", Some("TELEHEALTH")),
        ("AI", "he said", None),
        ("AI", "AI-powered", Some("AI")),
        ("AI", "Two AIs met", Some("AIs")),
        ("AI", "(AI)", Some("AI")),
        ("AI", "Ai, a sloth", None),
        ("ai", "Ai, a sloth", Some("Ai")),
        ("AI chatbot", "An AI Chatbot", Some("AI Chatbot")),
        ("AI chatbot", "an ai chatbot", None),
        ("COVID-19", "Covid-19", None),
        ("Covid-19", "COVID-19", Some("COVID-19")),
        ("nurse", "nurses", Some("nurses")),
        ("nurse", "the nurse's shift", Some("nurse")),
        ("nurse", "the nurses’ union", Some("nurses")),
        ("nurse", "NURSES", Some("NURSES")),
        ("nurse", "nursess", None),
        ("nurse", "nursery", None),
        ("EHR", "EHRs", Some("EHRs")),
        ("EHR", "EHRS", None),
        ("women's health", "Women’s health", Some("Women’s health")),
        ("women’s health", "women's health", Some("women's health")),
        ("remote patient monitoring", "remote-patient \n monitoring", Some("remote-patient \n monitoring")),
        ("follow-up", "follow up", Some("follow up")),
        ("follow-up", "followup", None),
        ("digital health", "digital. Health", None),
        ("digital health", "digital \u{2013} health", None),
        ("digital health", "digital\u{a0}health", Some("digital\u{a0}health")),
        ("health care", "healthcare", None),
        ("care", "healthcare and care", Some("care")),
        ("C++", "uses C++17", Some("C++")),
        ("C++", "in C++", Some("C++")),
        ("AT&T", "AT&T pays", Some("AT&T")),
        ("ärzte", "ÄRZTE", Some("ÄRZTE")),
        ("ärzte", "Zahnärzte", None),
        ("здоровье", "Здоровье", Some("Здоровье")),
        ("здоровье", "нездоровье", None),
        ("жар", "жАр", Some("жАр")),
        ("M&A", "an m&a deal", Some("m&a")),
        ("M&A", "M&A", Some("M&A")),
        ("3D-printed", "3d printed", Some("3d printed")),
        ("510(k)", "a 510(k) path", Some("510(k)")),
        ("健康", "数字健康报告", Some("健康")),
        ("cafe", "cafe\u{301}", None),
        ("cafe\u{301}", "caf\u{e9}", Some("caf\u{e9}")),
        ("5G", "a 5G network", Some("5G")),
    ] {
        assert_eq!(found(term, title).as_deref(), words, "{term:?} in {title:?}");
    }
}

#[test]
fn a_term_that_can_never_be_found_is_refused() {
    assert_eq!(Term::parse("  - "), Err(TermError::NoLetter));
    assert_eq!(Term::parse("…!"), Err(TermError::NoLetter));
    assert_eq!(Term::parse(&"x".repeat(TERM_MAX_CHARS + 1)), Err(TermError::TooLong));
    let error = Classifier::new(&[topic(&["?"], &[], &[])]).unwrap_err();
    assert_eq!(error.to_string(), "topic \"Test: Topic\": the term \"?\" has no letter or digit");
}

#[test]
fn lists_decide_together() {
    for (any, all, none, title, matched) in [
        (&["a1", "b1"][..], &[][..], &[][..], "b1", true),
        (&["a1"], &["b1"], &[], "a1", false),
        (&["a1"], &["b1"], &[], "b1 a1", true),
        (&[], &["a1", "b1"], &[], "a1", false),
        (&[], &["a1", "b1"], &[], "a1 b1", true),
        (&["a1"], &[], &["b1"], "a1 b1", false),
        (&[], &[], &["b1"], "a1", false),
        (&[], &[], &[], "a1", false),
    ] {
        let classifier = Classifier::new(&[topic(any, all, none)]).unwrap();
        assert_eq!(!classifier.classify(&titled(title)).is_empty(), matched, "{any:?} {all:?} {none:?} in {title:?}");
    }
}

#[test]
fn a_field_weighs_once_per_term() {
    let classifier = Classifier::new(&[topic(&["alpha", "beta"], &[], &[])]).unwrap();
    let categories = ["alpha".to_owned(), "more alpha".to_owned()];
    let mut article = titled("alpha alpha beta");
    assert_eq!(classifier.classify(&article)[0].score, 8);
    article.categories = &categories;
    assert_eq!(classifier.classify(&article)[0].score, 11);
    article.summary = "Alphas";
    assert_eq!(classifier.classify(&article)[0].score, 13);
    article.content = "beta and alpha";
    assert_eq!(classifier.classify(&article)[0].score, 15);
}

#[test]
fn the_same_term_in_two_spellings_counts_once() {
    let classifier = Classifier::new(&[topic(&["follow-up", "Follow up"], &["follow up"], &[])]).unwrap();
    assert_eq!(classifier.classify(&titled("follow up")), [Verdict { topic: 0, score: 4, by: By::Rule }]);
}

#[test]
fn publishers_write_abbreviations_in_lower_case() {
    let classifier = Classifier::new(&[topic(&["HIPAA"], &[], &[])]).unwrap();
    let categories = ["hipaa".to_owned()];
    assert_eq!(
        classifier.classify(&Article { categories: &categories, ..Article::default() }),
        [Verdict { topic: 0, score: 3, by: By::Rule }]
    );
    assert_eq!(classifier.classify(&titled("hipaa")), []);
}

#[test]
fn best_comes_first_then_the_files_order() {
    let topics = [topic(&["late"], &[], &[]), topic(&["early"], &[], &[]), topic(&["both", "early"], &[], &[])];
    let classifier = Classifier::new(&topics).unwrap();
    let article = Article { title: "both early", content: "late", ..Article::default() };
    assert_eq!(classifier.classify(&article), [(2, 8), (1, 4), (0, 1)].map(|(topic, score)| Verdict { topic, score, by: By::Rule }));
}

#[test]
fn an_explanation_tells_near_misses() {
    let topics = [topic(&["alpha"], &["beta", "gamma"], &["delta"]), topic(&["omega"], &[], &[]), topic(&["alpha"], &[], &[])];
    let classifier = Classifier::new(&topics).unwrap();
    let article = Article { title: "An alpha", summary: "delta, gamma", ..Article::default() };
    let reasons = classifier.explain(&article);
    assert_eq!(reasons.iter().map(|reason| (reason.topic, reason.matched)).collect::<Vec<_>>(), [(2, true), (0, false)]);
    assert_eq!(reasons[1].missing, ["beta"]);
    assert_eq!(reasons[1].score, 6);
    let hits: Vec<_> = reasons[1].hits.iter().map(|hit| (hit.term.as_str(), hit.list, hit.field, hit.start)).collect();
    assert_eq!(
        hits,
        [("alpha", List::Any, Field::Title, 3), ("gamma", List::All, Field::Summary, 7), ("delta", List::None, Field::Summary, 0)]
    );
}

#[test]
fn long_gaps_cost_no_more_than_their_length() {
    let title = format!("alpha{}beta ", " ".repeat(400)).repeat(2_000);
    let any: Vec<String> = (0..200).map(|n| format!("alpha beta w{n}")).collect();
    let any: Vec<&str> = any.iter().map(String::as_str).collect();
    let classifier = Classifier::new(&[topic(&any, &[], &[])]).unwrap();
    assert_eq!(classifier.classify(&titled(&title)), []);
}

/// The same definition by other means: one anchored expression at every start, boundaries looked at beside it.
fn stands(term: &str, text: &str) -> bool {
    let is_word = |char: char| char.is_alphanumeric();
    let words: Vec<String> = term
        .split([' ', '-'])
        .filter(|word| !word.is_empty())
        .map(|word| {
            let pieces = Regex::new(r"[\p{L}\p{N}]+|[^\p{L}\p{N}]+").unwrap();
            let piece = |piece: &str| {
                let upper = piece.chars().filter(|char| char.is_uppercase()).count();
                let exact = (2..=5).contains(&upper) && piece.chars().all(|char| char.is_uppercase() || char.is_numeric());
                let case = if exact { "" } else { "(?i)" };
                format!("(?:{case}{})", regex::escape(piece).replace('\'', "['’]"))
            };
            pieces.find_iter(word).map(|found| piece(found.as_str())).collect()
        })
        .collect();
    let core = words.join(r"[\s-]+");
    let upper_last = term.trim_matches([' ', '-']).rsplit(|char: char| !is_word(char)).next().is_some_and(|last| {
        let upper = last.chars().filter(|char| char.is_uppercase()).count();
        (2..=5).contains(&upper) && last.chars().all(|char| char.is_uppercase() || char.is_numeric())
    });
    let plural = if upper_last { "s" } else { "[sS]" };
    let trimmed = term.trim_matches([' ', '-']);
    let (first, last) = (trimmed.chars().next().unwrap(), trimmed.chars().last().unwrap());
    let plain = Regex::new(&format!("^(?:{core})")).unwrap();
    let plural = Regex::new(&format!("^(?:{core}){plural}")).unwrap();
    text.char_indices().any(|(at, _)| {
        let opens = !is_word(first) || !text[..at].chars().next_back().is_some_and(is_word);
        let closes = |end: usize| !text[at + end..].chars().next().is_some_and(is_word);
        let whole = plain.find(&text[at..]).is_some_and(|found| !is_word(last) || closes(found.end()));
        let many = is_word(last) && plural.find(&text[at..]).is_some_and(|found| closes(found.end()));
        opens && (whole || many)
    })
}

fn text() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &["ai", "AI", "Ai", "s", "S", "'", "’", " ", "  ", "-", ".", "é", "É", "x", "b2", "ab", "жар", "Жар"];
    proptest::collection::vec(proptest::sample::select(PIECES), 0..14).prop_map(|pieces| pieces.concat())
}

fn term() -> impl Strategy<Value = String> {
    text().prop_map(|text| {
        let term: String = text.replace('’', "'").chars().take(7).collect();
        if Term::parse(&term).is_ok() { term } else { "ai".to_owned() }
    })
}

proptest! {
    #[test]
    fn a_term_is_found_where_the_definition_says(term in term(), title in text()) {
        prop_assert_eq!(found(&term, &title).is_some(), stands(&term, &title));
    }

    #[test]
    fn another_topic_changes_no_verdict(
        lists in proptest::collection::vec((proptest::collection::vec(term(), 0..3), proptest::collection::vec(term(), 0..2)), 1..4),
        other in proptest::collection::vec(term(), 1..4),
        title in text(),
        content in text(),
    ) {
        let strs = |terms: &[String]| -> Topic {
            topic(&terms.iter().map(String::as_str).collect::<Vec<_>>(), &[], &[])
        };
        let mut topics: Vec<Topic> = lists.iter().map(|(any, none)| {
            let mut topic = strs(any);
            topic.rule.none = none.iter().map(|term| Item::Word(Word::new(term.as_str()))).collect();
            topic
        }).collect();
        let article = Article { title: &title, content: &content, ..Article::default() };
        let before = Classifier::new(&topics).unwrap().classify(&article);
        topics.push(strs(&other));
        let mut after = Classifier::new(&topics).unwrap().classify(&article);
        after.retain(|verdict| verdict.topic < lists.len());
        prop_assert_eq!(before, after);
    }

    #[test]
    fn hits_are_where_they_say(terms in proptest::collection::vec(term(), 1..4), title in "\\PC{0,20}", summary in text()) {
        let classifier = Classifier::new(&[topic(&terms.iter().map(String::as_str).collect::<Vec<_>>(), &[], &[])]).unwrap();
        let title = format!("{title} {summary}");
        let article = Article { title: &title, summary: &summary, ..Article::default() };
        for hit in classifier.explain(&article).iter().flat_map(|reason| &reason.hits) {
            let field = if hit.field == Field::Title { &title } else { &summary };
            prop_assert!(field.is_char_boundary(hit.start));
            prop_assert!(field[hit.start..].starts_with(&hit.text));
            prop_assert!(!hit.text.is_empty());
        }
    }

    #[test]
    fn explain_and_classify_agree(any in proptest::collection::vec(term(), 0..3), all in proptest::collection::vec(term(), 0..2), title in text()) {
        let strs = |terms: &[String]| -> Vec<&'static str> { terms.iter().map(|term| &*term.clone().leak()).collect() };
        let classifier = Classifier::new(&[topic(&strs(&any), &strs(&all), &[])]).unwrap();
        let article = titled(&title);
        let told: Vec<Verdict> = classifier.explain(&article).iter().filter(|reason| reason.matched)
            .map(|reason| Verdict { topic: reason.topic, score: reason.score, by: reason.by.unwrap() }).collect();
        prop_assert_eq!(told, classifier.classify(&article));
    }
}
