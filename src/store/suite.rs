//! What every backend must do. Knows nothing of SQL: `every_rule` is called with a maker of empty stores.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Change, Holder, NewsFile, Outcome, Packed, PollCommit, PollState, RecordChange, Store};
use crate::io::output::Stamp;
use crate::record::{Draft, DraftTopic, TakenFrom};

type Make<'a> = &'a dyn Fn() -> Box<dyn Store>;

/// Puts a backend through the suite.
pub(super) fn every_rule(make: Make<'_>) {
    a_poll_reads_back_whole(make);
    an_amendment_is_no_poll(make);
    a_hosts_wait_is_the_longest_that_was_asked(make);
    the_poll_log_keeps_thirty_days(make);
    a_429_is_never_forgotten(make);
    entries_belong_to_their_source(make);
    numbers_do_not_depend_on_the_order_of_polls(make);
    a_published_id_is_given_once(make);
    pending_is_what_changed_since_the_last_publication(make);
    the_window_is_the_newest_and_the_young(make);
    a_change_moves_updated_only_if_a_reader_sees_it(make);
    new_rules_refile_what_is_stored(make);
    an_article_is_found_by_both_addresses(make);
    the_first_source_owns_an_article_until_it_is_settled(make);
    files_read_back_and_are_forgotten(make);
    what_came_last_is_reviewed_first(make);
}

fn at(day: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap() + TimeDelta::days(day)
}

fn draft(path: &str, day: i64, topics: &[&str]) -> Draft {
    Draft {
        href: format!("https://example.org/{path}"),
        original: format!("https://example.org/{path}"),
        title: format!("Title of {path}"),
        summary: "A summary".into(),
        body: "<p>A summary</p>".into(),
        published: at(day),
        changed: None,
        topics: topics.iter().map(|t| DraftTopic { slug: (*t).into(), category: format!("V: {t}") }).collect(),
        curators: vec!["Desk".into()],
        authors: Vec::new(),
        section: "news".into(),
        language: None,
        rights: None,
        enclosures: Vec::new(),
        image: None,
        feed_id: None,
        taken_from: TakenFrom {
            id: "urn:x".into(),
            title: "X".into(),
            self_url: "https://example.org/feed".into(),
            alternate_url: None,
            updated: at(0),
            rights: None,
        },
        via: None,
        via_link: None,
        institution: None,
        offering: None,
        given_title: None,
        hidden: false,
        pinned: false,
    }
}

fn change(key: &str, record: RecordChange) -> Change {
    Change { key: key.into(), fingerprint: [1; 16], raw: Packed::new(b"{}"), record, signature: None }
}

fn commit(store: &mut dyn Store, source: &str, day: i64, changes: Vec<Change>) {
    let state = PollState { outcome: Outcome::Succeeded, polled_at: Some(at(day)), ..PollState::default() };
    store.commit(&PollCommit { source, now: at(day), state, changes }).unwrap();
}

fn create(store: &mut dyn Store, source: &str, drafts: &[Draft]) {
    commit(store, source, 30, drafts.iter().map(|d| change(&format!("id:{}", d.href), RecordChange::Create(d.clone()))).collect());
}

fn numbered(store: &dyn Store) -> Vec<(u64, String)> {
    let mut all = Vec::new();
    store.records_after(0, 100, &mut |r| all.push((r.number, r.draft.href))).unwrap();
    all
}

fn a_poll_reads_back_whole(make: Make<'_>) {
    let mut store = make();
    let state = PollState {
        outcome: Outcome::Succeeded,
        etag: Some(b"W/\"\xffx\"".to_vec()),
        last_modified: Some(b"some day".to_vec()),
        body_hash: Some([7; 32]),
        next_due: Some(at(2)),
        new: 1,
        ..PollState::default()
    };
    let changes = vec![change("id:1", RecordChange::None)];
    store.commit(&PollCommit { source: "a", now: at(1), state: state.clone(), changes }).unwrap();
    assert_eq!(store.poll_state("a").unwrap(), state);
    assert_eq!(store.poll_state("b").unwrap(), PollState::default());
    assert_eq!(store.poll_lines("a", 9).unwrap()[0].new, 1);
    let known = store.known("a", &["id:1".into(), "id:2".into()]).unwrap();
    assert_eq!(known[0].as_ref().unwrap().first_seen, at(1));
    assert_eq!(known[1], None);
}

fn an_amendment_is_no_poll(make: Make<'_>) {
    let mut store = make();
    commit(&mut *store, "a", 1, Vec::new());
    let state = PollState { next_due: Some(at(3)), etag: Some(b"x".to_vec()), ..store.poll_state("a").unwrap() };
    store.amend("a", &state, at(2)).unwrap();
    store.amend("never-polled", &state, at(2)).unwrap();
    assert_eq!((store.poll_state("a").unwrap(), store.poll_lines("a", 9).unwrap().len()), (state.clone(), 1));
    assert_eq!(store.poll_state("never-polled").unwrap(), state);
}

fn a_hosts_wait_is_the_longest_that_was_asked(make: Make<'_>) {
    let mut store = make();
    for (source, until) in [("a", at(3)), ("b", at(2))] {
        let state = PollState { limited_host: Some("x.example".into()), retry_not_before: Some(until), ..PollState::default() };
        store.commit(&PollCommit { source, now: at(1), state, changes: Vec::new() }).unwrap();
    }
    assert_eq!((store.host_limit("x.example").unwrap(), store.host_limit("y.example").unwrap()), (Some(at(3)), None));
}

fn the_poll_log_keeps_thirty_days(make: Make<'_>) {
    let mut store = make();
    for day in 0..40 {
        commit(&mut *store, "a", day, Vec::new());
    }
    let days = |since| store.poll_log("a", at(since)).unwrap().iter().map(|line| line.at).collect::<Vec<_>>();
    assert_eq!(days(-99), (9..40).map(at).collect::<Vec<_>>());
    assert_eq!(days(38), [at(38), at(39)]);
    assert_eq!(store.poll_lines("a", 1).unwrap()[0].at, at(39));
}

fn a_429_is_never_forgotten(make: Make<'_>) {
    let mut store = make();
    for (source, day, status) in [("b", 1, 200), ("a", 1, 429), ("a", 2, 429), ("a", 3, 200), ("c", 1, 503)] {
        let state = PollState { status: Some(status), ..PollState::default() };
        store.commit(&PollCommit { source, now: at(day), state, changes: Vec::new() }).unwrap();
    }
    assert_eq!(store.limited().unwrap(), ["a"]);
}

fn entries_belong_to_their_source(make: Make<'_>) {
    let mut store = make();
    create(&mut *store, "a", &[draft("one", 1, &["t"])]);
    commit(&mut *store, "b", 31, vec![change("id:https://example.org/one", RecordChange::Update(draft("stolen", 1, &["t"])))]);
    store.settle().unwrap();
    let known = store.known("a", &["id:https://example.org/one".into()]).unwrap();
    assert_eq!(known[0].as_ref().unwrap().url.as_deref(), Some("https://example.org/one"));
    let raw = |source: &str, key: &str| store.raw(source, key).unwrap();
    assert_eq!(raw("a", "id:https://example.org/one"), Some(b"{}".to_vec()));
    assert_eq!(raw("c", "id:https://example.org/one"), None);
    let holder = store.holder("https://example.org/one").unwrap().unwrap();
    assert_eq!((holder.source.as_str(), holder.title.as_str()), ("a", "Title of one"));
}

fn numbers_do_not_depend_on_the_order_of_polls(make: Make<'_>) {
    let (a, b) = ([draft("new", 9, &[]), draft("old", 1, &[])], [draft("middle", 5, &[]), draft("also-old", 1, &[])]);
    let mut one = make();
    create(&mut *one, "a", &a);
    create(&mut *one, "b", &b);
    one.settle().unwrap();
    let mut other = make();
    create(&mut *other, "b", &b);
    create(&mut *other, "a", &a);
    other.settle().unwrap();
    assert_eq!(numbered(&*one), numbered(&*other));
    assert_eq!(numbered(&*one)[0], (1, "https://example.org/also-old".into()));
    create(&mut *one, "c", &[draft("oldest", 0, &[])]);
    one.settle().unwrap();
    assert_eq!(numbered(&*one)[4], (5, "https://example.org/oldest".into()), "a number is never given again");
}

fn a_published_id_is_given_once(make: Make<'_>) {
    let mut store = make();
    let claim = |path: &str, day| Draft { feed_id: Some("tag:example.org,2024:1".into()), ..draft(path, day, &[]) };
    create(&mut *store, "a", &[claim("one", 1)]);
    create(&mut *store, "b", &[claim("two", 2)]);
    store.settle().unwrap();
    let ids: Vec<String> = store.records(&[1, 2]).unwrap().into_iter().map(|r| r.published_id).collect();
    assert_eq!(ids[0], "tag:example.org,2024:1");
    assert!(ids[1].starts_with("urn:uuid:"), "{ids:?}");
}

fn pending_is_what_changed_since_the_last_publication(make: Make<'_>) {
    let mut store = make();
    create(&mut *store, "a", &[draft("one", 1, &["t", "u"])]);
    store.settle().unwrap();
    let pending = store.pending().unwrap();
    assert_eq!((pending.topics.as_slice(), pending.records.as_slice()), (&["t".to_owned(), "u".to_owned()][..], &[1][..]));
    store.published(&pending, "h").unwrap();
    assert!(store.pending().unwrap().is_empty());
    assert_eq!(store.publication_hash().unwrap().as_deref(), Some("h"));
    commit(&mut *store, "a", 31, Vec::new());
    assert!(store.pending().unwrap().is_empty(), "a poll without changes leaves nothing to publish");
    let moved = Draft { summary: "Another".into(), ..draft("one", 1, &["u", "v"]) };
    commit(&mut *store, "a", 32, vec![change("id:https://example.org/one", RecordChange::Update(moved))]);
    assert_eq!(store.pending().unwrap().topics, ["t", "u", "v"]);
}

fn the_window_is_the_newest_and_the_young(make: Make<'_>) {
    let mut store = make();
    let drafts: Vec<Draft> = (0..30).map(|day| draft(&format!("d{day}"), day, &["t"])).collect();
    create(&mut *store, "a", &drafts);
    store.settle().unwrap();
    let days =
        |count, days| store.window("t", count, days, true).unwrap().iter().map(|r| r.draft.href[20..].to_owned()).collect::<Vec<_>>();
    assert_eq!(days(3, 0), ["d29", "d28", "d27"]);
    // The newest addition was on day 30.
    assert_eq!(days(1, 4), ["d29", "d28", "d27", "d26"]);
    assert!(store.window("unknown", 5, 5, true).unwrap().is_empty());
    assert_eq!(store.topic_counts().unwrap()["t"].records, 30);
}

fn a_change_moves_updated_only_if_a_reader_sees_it(make: Make<'_>) {
    let mut store = make();
    create(&mut *store, "a", &[draft("one", 1, &["t"])]);
    store.settle().unwrap();
    let get = |store: &dyn Store| store.records(&[1]).unwrap().remove(0);
    assert_eq!((get(&*store).updated, get(&*store).last_mod), (at(1), at(30)));
    let key = "id:https://example.org/one";
    commit(&mut *store, "a", 31, vec![change(key, RecordChange::Update(draft("one", 1, &["other"])))]);
    assert_eq!((get(&*store).updated, get(&*store).last_mod), (at(1), at(31)), "filed elsewhere, reads the same");
    let edited = Draft { title: "Edited".into(), ..draft("one", 1, &["other"]) };
    commit(&mut *store, "a", 32, vec![change(key, RecordChange::Update(edited.clone()))]);
    assert_eq!(get(&*store).updated, at(32));
    commit(&mut *store, "a", 33, vec![change(key, RecordChange::Update(edited))]);
    assert_eq!(get(&*store).last_mod, at(32), "the same draft changes nothing");
}

fn new_rules_refile_what_is_stored(make: Make<'_>) {
    let mut store = make();
    create(&mut *store, "a", &[draft("one", 1, &["t"]), draft("two", 2, &["t"])]);
    store.settle().unwrap();
    store.published(&store.pending().unwrap(), "h").unwrap();
    let changed = store
        .rederive(
            "r2",
            at(40),
            &mut |entry, old| {
                entry
                    .key
                    .ends_with("one")
                    .then(|| Draft { topics: vec![DraftTopic { slug: "u".into(), category: "V: u".into() }], ..old.clone() })
            },
            &mut |_| true,
        )
        .unwrap();
    assert_eq!(changed, Some(1));
    assert_eq!(store.rules_hash().unwrap().as_deref(), Some("r2"));
    assert_eq!(store.pending().unwrap().topics, ["t", "u"]);
    assert_eq!((store.topic_counts().unwrap()["t"].records, store.window("u", 5, 5, true).unwrap().len()), (1, 1));
}

fn an_article_is_found_by_both_addresses(make: Make<'_>) {
    let mut store = make();
    let given = Draft { original: "https://example.org/one?utm_source=x".into(), ..draft("one", 1, &[]) };
    create(&mut *store, "a", &[given]);
    commit(&mut *store, "b", 31, vec![change("id:9", RecordChange::Attach("https://example.org/one".into()))]);
    store.settle().unwrap();
    let sources = |url: &str| store.trace(url).unwrap().map(|t| t.entries.into_iter().map(|e| e.source).collect::<Vec<_>>());
    assert_eq!(sources("https://example.org/one").unwrap(), ["a", "b"]);
    assert_eq!(sources("https://example.org/one?utm_source=x").unwrap(), ["a", "b"]);
    assert_eq!(sources("https://example.org/none"), None);
}

fn the_first_source_owns_an_article_until_it_is_settled(make: Make<'_>) {
    let mut store = make();
    create(&mut *store, "late", &[draft("one", 1, &["t"])]);
    let first = Draft { title: "From the first".into(), ..draft("one", 2, &["u"]) };
    commit(&mut *store, "first", 30, vec![change("id:1", RecordChange::TakeOver(first.href.clone(), first.clone()))]);
    let expected = Holder { source: "first".into(), key: "id:1".into(), title: "From the first".into(), settled: false };
    assert_eq!(store.holder(&first.href).unwrap(), Some(expected));
    store.settle().unwrap();
    assert_eq!(store.window("t", 5, 5, true).unwrap().len(), 0);
    assert_eq!(store.window("u", 5, 5, true).unwrap()[0].source, "first");
}

fn files_read_back_and_are_forgotten(make: Make<'_>) {
    let mut store = make();
    create(&mut *store, "a", &[draft("1", 1, &[]), draft("2", 2, &[])]);
    store.settle().unwrap();
    store.published(&store.pending().unwrap(), "h").unwrap();
    let file = |number| NewsFile {
        number,
        path: format!("news/{number}.md"),
        stamp: Some(Stamp { bytes: 7, modified_ns: -1 }),
        is_written: false,
        is_edited: true,
        is_draft: false,
        hash: [3; 16],
        previous: None,
        base: vec![1, 2],
        kept: None,
    };
    let aside = NewsFile { stamp: None, previous: Some([4; 16]), kept: Some(b"x".to_vec()), ..file(2) };
    store.note_news(&[file(1), aside.clone()], &[], false).unwrap();
    assert_eq!(store.news(&[2, 1, 9]).unwrap(), [Some(aside), Some(file(1)), None]);
    store.news_written().unwrap();
    let mut seen = Vec::new();
    store.news_stamps(&mut |number, path, stamp, written| seen.push((number, path.to_owned(), stamp, written))).unwrap();
    assert_eq!(seen, [(1, "news/1.md".into(), file(1).stamp, true), (2, "news/2.md".into(), None, true)]);
    store.note_news(&[], &[1], false).unwrap();
    assert!(store.pending().unwrap().is_empty());
    store.note_news(&[], &[2], true).unwrap();
    assert_eq!((store.news(&[1, 2]).unwrap(), store.pending().unwrap().records), (vec![None, None], vec![2]));
}

fn what_came_last_is_reviewed_first(make: Make<'_>) {
    let mut store = make();
    let hidden = Draft { hidden: true, ..draft("3", 3, &[]) };
    create(&mut *store, "a", &[draft("1", 1, &["t"]), draft("2", 2, &[]), hidden]);
    store.settle().unwrap();
    let numbers = |before, topic, limit| store.review(before, topic, limit).unwrap().iter().map(|r| r.number).collect::<Vec<_>>();
    assert_eq!(numbers(None, None, 2), [3, 2]);
    assert_eq!(numbers(Some(2), None, 2), [1]);
    assert_eq!((numbers(None, Some("t"), 9), numbers(None, Some("u"), 9)), (vec![1], vec![]));
}
