//! What every backend must do. Knows nothing of SQL: `every_rule` is called with a maker of empty stores.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Arrival, ArticleCount, Change, Holder, KeptRecord, NewsFile, Outcome, Packed, Pending, PollCommit, PollState, ReadArticle,
    RecordChange, Selection, Store, StoreError, StoredRecord, StoredRobots, Window, Withdrawn,
};
use crate::io::output::Stamp;
use crate::record::{Draft, DraftTopic, FromPage, TakenFrom};
use crate::stage::article::image::Picture;
use crate::stage::article::{Article, Facts};

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
    a_month_is_closed_by_what_comes_after_it(make);
    a_full_part_is_closed_within_its_month(make);
    a_correction_comes_again_and_leaves_the_archive_as_it_was(make);
    what_is_filed_elsewhere_moves(make);
    what_is_hidden_leaves_a_tombstone_until_it_is_shown_again(make);
    a_renamed_feed_keeps_its_history(make);
    a_mark_set_during_a_publication_outlasts_it(make);
    a_change_moves_updated_only_if_a_reader_sees_it(make);
    new_rules_refile_what_is_stored(make);
    an_article_is_found_by_both_addresses(make);
    the_first_source_owns_an_article_until_it_is_settled(make);
    pushes_read_back_and_are_due_in_order(make);
    an_article_is_due_once_and_read_once(make);
    a_host_that_is_down_puts_off_all_that_is_due(make);
    a_robots_txt_reads_back_whole(make);
    a_selection_is_any_of_what_is_under_all(make);
    days_are_counted_and_backlogs_are_no_news(make);
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
        licence: None,
        attribution: None,
        reservation: None,
        promotion: None,
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
            licence: None,
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
    store.shelve(&[], false).unwrap();
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

fn window(topic: Option<&str>, count: usize, days: u32, count_max: usize) -> Window {
    Window { topic: topic.map(Into::into), once: true, count, days, count_max, bytes_max: 1 << 20 }
}

/// What the current document of a feed carries, by the ends of the addresses.
fn current(store: &dyn Store, feed: &str, window: &Window) -> Vec<String> {
    read(store, store.current(feed, window)).iter().map(|r| r.draft.href[20..].to_owned()).collect()
}

fn read(store: &dyn Store, kept: Result<Vec<KeptRecord>, StoreError>) -> Vec<StoredRecord> {
    kept.unwrap().iter().map(|kept| store.read(kept).unwrap()).collect()
}

/// As at a publication.
fn shelve(store: &mut dyn Store) -> Pending {
    store.settle().unwrap();
    store.shelve(&[], false).unwrap();
    let pending = store.pending().unwrap();
    store.published(&pending, "h").unwrap();
    pending
}

fn the_window_is_the_newest_and_the_young(make: Make<'_>) {
    let mut store = make();
    // Every article is older than the one before, and all come before what is new: only a window can show them.
    let drafts: Vec<Draft> = (0..100).map(|n| draft(&format!("d{n}"), 29 - n, &["t"])).collect();
    create(&mut *store, "a", &drafts);
    shelve(&mut *store);
    // 75 in the first part, the oldest; 25 in the open one.
    let newest = |count, days, max| current(&*store, "topic/t", &window(Some("t"), count, days, max));
    assert_eq!(newest(3, 0, 100).len(), 25);
    assert_eq!(newest(3, 0, 100)[..2], ["d0", "d1"]);
    assert_eq!(newest(30, 0, 100).len(), 30);
    // The newest addition was on day 30, and 41 articles are not older than day -11.
    assert_eq!(newest(1, 41, 100).len(), 41);
    assert_eq!(newest(1, 41, 28).len(), 28);
    assert!(current(&*store, "topic/unknown", &window(Some("unknown"), 5, 5, 9)).is_empty());
    assert_eq!(store.topic_counts().unwrap()["t"].records, 100);
    // By arrival: the open part, and from the one before the last that came.
    assert_eq!(current(&*store, "source/a", &window(None, 30, 0, 100)).len(), 30);
}

/// What each document of a feed carries: the archives in their order, then what is in no archive.
fn parts(store: &dyn Store, feed: &str) -> Vec<(String, Vec<String>)> {
    let paths = |records: Vec<StoredRecord>| records.iter().map(|r| r.draft.href[20..].to_owned()).collect::<Vec<_>>();
    let archives = store.archives(feed).unwrap();
    let mut all: Vec<(String, Vec<String>)> =
        archives.iter().map(|archive| (archive.name.clone(), paths(read(store, store.archived(feed, archive))))).collect();
    all.push((archives.last().map(|a| a.next.clone()).unwrap_or_default(), current(store, feed, &window(None, 0, 0, 0))));
    all
}

fn part(name: &str, paths: &[&str]) -> (String, Vec<String>) {
    (name.into(), paths.iter().map(|path| (*path).into()).collect())
}

/// A poll of the source on a day; `at(17)` is the first of December 2023.
fn come(store: &mut dyn Store, day: i64, drafts: &[Draft]) -> Pending {
    let changes = drafts.iter().map(|d| change(&format!("id:{}", d.href), RecordChange::Create(d.clone()))).collect();
    commit(store, "a", day, changes);
    shelve(store)
}

fn update(store: &mut dyn Store, day: i64, draft: Draft) -> Pending {
    commit(store, "a", day, vec![change(&format!("id:{}", draft.href), RecordChange::Update(draft))]);
    shelve(store)
}

fn a_month_is_closed_by_what_comes_after_it(make: Make<'_>) {
    let mut store = make();
    let first = come(&mut *store, 1, &[draft("one", 1, &["t"])]);
    assert_eq!(first.feeds, ["", "section/news", "source/a", "topic/t"]);
    assert!(first.archives.is_empty());
    // A month that is over stays open as long as nothing comes.
    assert!(come(&mut *store, 17, &[]).is_empty());
    let late = come(&mut *store, 18, &[draft("late", 0, &["t"])]);
    assert_eq!(late.archives.len(), 4);
    let expected = vec![part("2023-11", &["one"]), part("2023-12", &["late"])];
    assert_eq!(parts(&*store, "topic/t"), expected);
    assert_eq!(parts(&*store, ""), expected);
    let archive = &store.archives("topic/t").unwrap()[0];
    assert_eq!((archive.next.as_str(), archive.records, archive.closed), ("2023-12", 1, at(18)));
    // More of December goes where the late one is.
    assert!(come(&mut *store, 20, &[draft("two", 19, &["t"])]).archives.is_empty());
    assert_eq!(parts(&*store, "topic/t")[1], part("2023-12", &["two", "late"]));
}

fn a_full_part_is_closed_within_its_month(make: Make<'_>) {
    let mut store = make();
    let drafts: Vec<Draft> = (0..160).map(|n| draft(&format!("d{n:03}"), 1, &["t"])).collect();
    come(&mut *store, 1, &drafts);
    let found = parts(&*store, "topic/t");
    assert_eq!(
        found.iter().map(|(name, paths)| (name.as_str(), paths.len())).collect::<Vec<_>>(),
        [("2023-11", 75), ("2023-11-2", 75), ("2023-11-3", 10)]
    );
    let mut all: Vec<String> = found.into_iter().flat_map(|(_, paths)| paths).collect();
    all.sort();
    assert_eq!(all, drafts.iter().map(|d| d.href[20..].to_owned()).collect::<Vec<_>>());
    // Large ones fill a part before they are many.
    let large: Vec<Draft> = (0..4).map(|n| Draft { body: "x".repeat(40 << 10), ..draft(&format!("l{n}"), 2, &["large"]) }).collect();
    come(&mut *store, 2, &large);
    assert_eq!(parts(&*store, "topic/large").iter().map(|(_, paths)| paths.len()).collect::<Vec<_>>(), [2, 2]);
}

fn a_correction_comes_again_and_leaves_the_archive_as_it_was(make: Make<'_>) {
    let mut store = make();
    come(&mut *store, 1, &[draft("one", 1, &["t"]), draft("two", 1, &["t"])]);
    come(&mut *store, 18, &[draft("three", 18, &["t"])]);
    let titles = |store: &dyn Store| -> Vec<String> {
        let archive = &store.archives("topic/t").unwrap()[0];
        let records = read(store, store.archived("topic/t", archive));
        records.into_iter().map(|r| format!("{} {}", r.draft.title, r.updated.timestamp())).collect()
    };
    let before = titles(&*store);
    let pending = update(&mut *store, 19, Draft { title: "Corrected".into(), ..draft("one", 1, &["t"]) });
    assert!(pending.archives.is_empty(), "{pending:?}");
    assert_eq!(titles(&*store), before);
    assert_eq!(parts(&*store, "topic/t")[1], part("2023-12", &["three", "one"]));
    // Again within the open part: once in it. After its end: as it was then.
    update(&mut *store, 20, Draft { title: "Corrected twice".into(), ..draft("one", 1, &["t"]) });
    come(&mut *store, 49, &[draft("january", 49, &["t"])]);
    update(&mut *store, 50, Draft { title: "Corrected three times".into(), ..draft("one", 1, &["t"]) });
    assert_eq!(titles(&*store), before);
    let december = &store.archives("topic/t").unwrap()[1];
    let shown: Vec<String> = read(&*store, store.archived("topic/t", december)).into_iter().map(|r| r.draft.title).collect();
    assert_eq!(shown, ["Title of three", "Corrected twice"]);
    assert_eq!(parts(&*store, "topic/t")[2], part("2024-01", &["january", "one"]));
    // What no reader sees brings nothing again.
    update(&mut *store, 51, Draft { institution: Some("X".into()), ..draft("two", 1, &["t"]) });
    assert_eq!(parts(&*store, "topic/t")[2], part("2024-01", &["january", "one"]));
}

fn what_is_filed_elsewhere_moves(make: Make<'_>) {
    let mut store = make();
    come(&mut *store, 1, &[draft("one", 1, &["t"]), draft("two", 1, &["t"])]);
    come(&mut *store, 18, &[draft("three", 18, &["t", "u"])]);
    let pending = update(&mut *store, 19, draft("one", 1, &["u"]));
    assert_eq!(pending.archives, [("topic/t".to_owned(), "2023-11".to_owned())]);
    assert_eq!(parts(&*store, "topic/t"), [part("2023-11", &["two"]), part("2023-12", &["three"])]);
    assert_eq!(parts(&*store, "topic/u"), [part("", &["three", "one"])]);
    assert_eq!(parts(&*store, "")[0], part("2023-11", &["two", "one"]));
    assert!(store.withdrawn("topic/t", 9).unwrap().is_empty(), "it is not withdrawn, only filed elsewhere");
    let records = store.feeds().unwrap().into_iter().map(|f| (f.path, f.records)).collect::<Vec<_>>();
    assert_eq!(
        records,
        [(String::new(), 3), ("section/news".into(), 3), ("source/a".into(), 3), ("topic/t".into(), 2), ("topic/u".into(), 2)]
    );
}

fn what_is_hidden_leaves_a_tombstone_until_it_is_shown_again(make: Make<'_>) {
    let mut store = make();
    come(&mut *store, 1, &[draft("one", 1, &["t"]), draft("two", 1, &["t"])]);
    come(&mut *store, 18, &[draft("three", 18, &["t"])]);
    let id = store.records(&[1]).unwrap()[0].published_id.clone();
    let gone = store.records(&[1]).unwrap()[0].draft.href[20..].to_owned();
    let pending = update(&mut *store, 19, Draft { hidden: true, topics: Vec::new(), ..draft(&gone, 1, &[]) });
    assert_eq!(pending.archives.len(), 4);
    for feed in ["", "source/a", "section/news", "topic/t"] {
        let withdrawn = store.withdrawn(feed, 9).unwrap();
        assert_eq!(withdrawn, [Withdrawn { id: id.clone(), at: at(19), part: 1 }], "{feed}");
        assert_eq!(parts(&*store, feed)[0].1.len(), 1, "{feed}");
    }
    update(&mut *store, 20, draft(&gone, 1, &["t"]));
    assert!(store.withdrawn("topic/t", 9).unwrap().is_empty());
    assert_eq!(parts(&*store, "topic/t")[1].1, ["three".to_owned(), gone]);
}

fn a_renamed_feed_keeps_its_history(make: Make<'_>) {
    let mut store = make();
    come(&mut *store, 1, &[draft("one", 1, &["old"])]);
    come(&mut *store, 18, &[draft("two", 18, &["old"])]);
    let before = parts(&*store, "topic/old");
    store.rename_feeds(&[("topic/old".into(), "topic/new".into()), ("topic/none".into(), "topic/other".into())]).unwrap();
    update(&mut *store, 19, draft("one", 1, &["new"]));
    update(&mut *store, 19, draft("two", 18, &["new"]));
    assert_eq!(parts(&*store, "topic/new"), before);
    assert!(store.archives("topic/old").unwrap().is_empty());
}

fn a_mark_set_during_a_publication_outlasts_it(make: Make<'_>) {
    let mut store = make();
    commit(&mut *store, "a", 1, vec![change("id:one", RecordChange::Create(draft("one", 1, &["t"])))]);
    store.settle().unwrap();
    store.shelve(&[], false).unwrap();
    let pending = store.pending().unwrap();
    // While that is being written, a poll changes the same record.
    commit(&mut *store, "a", 2, vec![change("id:one", RecordChange::Update(Draft { title: "Other".into(), ..draft("one", 1, &["t"]) }))]);
    store.published(&pending, "h").unwrap();
    let left = store.pending().unwrap();
    assert_eq!((left.topics.as_slice(), left.records.as_slice()), (&["t".to_owned()][..], &[1][..]));
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
    shelve(&mut *store);
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
    shelve(&mut *store);
    let newest = |topic: &str| current(&*store, &format!("topic/{topic}"), &window(Some(topic), 5, 5, 9));
    assert_eq!((store.topic_counts().unwrap()["t"].records, newest("t"), newest("u")), (1, vec!["two".to_owned()], vec!["one".to_owned()]));
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
    let first = Draft { title: "From the first".into(), changed: Some(at(3)), ..draft("one", 2, &["u"]) };
    commit(&mut *store, "first", 30, vec![change("id:1", RecordChange::TakeOver(first.href.clone(), first.clone()))]);
    let expected = Holder { source: "first".into(), key: "id:1".into(), title: "From the first".into(), settled: false };
    assert_eq!(store.holder(&first.href).unwrap(), Some(expected));
    shelve(&mut *store);
    assert_eq!(store.current("topic/t", &window(Some("t"), 5, 5, 9)).unwrap().len(), 0);
    assert_eq!(read(&*store, store.current("topic/u", &window(Some("u"), 5, 5, 9)))[0].source, "first");
    assert_eq!(store.records(&[1]).unwrap()[0].updated, at(3), "as if it had come first");
}

fn pushes_read_back_and_are_due_in_order(make: Make<'_>) {
    use crate::stage::push::{Announcement, Census, Follower, Key, Lease, Notice, Offer, Subscription};

    let mut store = make();
    assert_eq!(store.push_due().unwrap(), None);
    let offer = Offer { hub: "https://hub.example/".into(), topic: "https://a.example/".into() };
    let key = Key::new("hush".into()).unwrap();
    let mut subscription = Subscription::new("a", offer, "https://w.example/", "00".into(), key.clone(), at(5));
    store.alter_subscription("00", &mut |before| before.is_none().then(|| subscription.clone())).unwrap();
    assert_eq!(store.subscription("00").unwrap().as_ref(), Some(&subscription));
    assert_eq!((store.subscription("01").unwrap(), store.subscriptions(Some("b")).unwrap()), (None, Vec::new()));
    assert_eq!(store.hints().unwrap(), Vec::new());
    subscription.pushed(at(6));
    store.alter_subscription("00", &mut |_| Some(subscription.clone())).unwrap();
    assert_eq!(store.hints().unwrap(), [("a".to_owned(), at(6))]);
    assert_eq!((store.push_due().unwrap(), store.subscriptions(None).unwrap().len()), (Some(at(5)), 1));
    assert_eq!((store.subscriptions_due(at(4), 9).unwrap().len(), store.subscriptions_due(at(5), 9).unwrap().len()), (0, 1));

    let announced = Announcement { hub: "h".into(), topic: "f".into(), notice: Notice { due: Some(at(4)), ..Notice::default() } };
    store.alter_announcement("h", "f", &mut |_| Some(announced.clone())).unwrap();
    assert_eq!((store.announcements().unwrap(), store.push_due().unwrap()), (vec![announced], Some(at(4))));
    assert_eq!((store.announcements_due(at(3), 9).unwrap().len(), store.announcements_due(at(4), 9).unwrap().len()), (0, 1));

    let follower = |n: i64, version: &str| Follower {
        topic: "f".into(),
        callback: format!("https://r.example/{n}"),
        host: "r.example".into(),
        lease: Some(Lease { until: at(90), secret: Some(key.clone()) }),
        wish: None,
        notice: Notice::knowing(version.into()),
    };
    for n in 0..3 {
        let follower = follower(n, if n == 1 { "new" } else { "old" });
        store.alter_follower("f", &follower.callback.clone(), &mut |_| Some(follower.clone())).unwrap();
    }
    assert_eq!(store.followers_due(at(3), 9).unwrap(), Vec::new());
    store.feed_changed("f", "new", at(3)).unwrap();
    store.feed_changed("g", "new", at(3)).unwrap();
    let due: Vec<String> = store.followers_due(at(3), 9).unwrap().into_iter().map(|f| f.callback).collect();
    assert_eq!(due, ["https://r.example/0", "https://r.example/2"], "the other one knows it");
    assert_eq!((store.followers_due(at(3), 1).unwrap().len(), store.push_due().unwrap()), (1, Some(at(3))));
    assert_eq!(store.followed().unwrap(), ["f"]);
    assert_eq!(store.census("r.example").unwrap(), Census { all: 3, of_host: 3, waiting: 0 });
    assert_eq!(store.census("q.example").unwrap().of_host, 0);

    for n in 10..20 {
        let mut failing = Follower { callback: format!("https://q.example/{n}"), host: "q.example".into(), ..follower(n, "old") };
        failing.notice.failed("new".into(), "no".into(), None, at(1));
        failing.notice.due = Some(at(1));
        store.alter_follower("f", &failing.callback.clone(), &mut |_| Some(failing.clone())).unwrap();
    }
    let due: Vec<String> = store.followers_due(at(3), 99).unwrap().into_iter().map(|f| f.host).collect();
    assert_eq!((due.len(), &due[..2]), (10, &["r.example".to_owned(), "r.example".to_owned()][..]), "8 of a host, failing ones last");
    for n in 10..20 {
        store.alter_follower("f", &format!("https://q.example/{n}"), &mut |_| None).unwrap();
    }

    store.alter_follower("f", "https://r.example/0", &mut |_| None).unwrap();
    store.alter_announcement("h", "f", &mut |_| None).unwrap();
    store.alter_subscription("00", &mut |_| None).unwrap();
    assert_eq!((store.followers_due(at(3), 9).unwrap().len(), store.push_due().unwrap()), (1, Some(at(3))));
}

fn article(address: &str) -> ReadArticle {
    let facts = Facts { address: address.into(), ..Facts::default() };
    let image = Picture { url: "https://example.org/i".into(), file: Some("aa".into()), ..Picture::default() };
    ReadArticle {
        article: Article { facts, image: Some(image.clone()), ..Article::default() },
        shown: None,
        files: vec![("aa".into(), b"picture".to_vec())],
        icon: Some(image),
        next: (None, 0),
    }
}

fn an_article_is_due_once_and_read_once(make: Make<'_>) {
    let mut store = make();
    let pictured = Draft { image: Some("https://example.org/i".into()), ..draft("pictured", 2, &["u"]) };
    let apart = Draft { href: "https://example.org/#part".into(), ..draft("apart", 3, &["u"]) };
    create(&mut *store, "a", &[draft("bare", 1, &["u"]), pictured, apart]);
    create(&mut *store, "b", &[draft("elsewhere", 4, &["u"])]);
    store.settle().unwrap();
    let sources = ["a".to_owned(), "b".to_owned()];
    let mut queue = |only: bool| {
        store.queue_articles(&[("a".into(), only)], at(31)).unwrap();
        store.due_hosts(&sources, at(31)).unwrap()
    };
    assert_eq!(queue(true), [("example.org".to_owned(), 1)], "only what has no picture");
    assert_eq!(queue(true), [("example.org".to_owned(), 1)]);
    assert_eq!(queue(false), [("example.org".to_owned(), 2)], "what leads to no page of its own is left out");
    assert_eq!(store.due_hosts(&["b".into()], at(31)).unwrap(), []);
    store.shelve(&[], false).unwrap();
    let pending = store.pending().unwrap();
    store.published(&pending, "h").unwrap();

    let due = store.due_article("example.org", &sources, at(31)).unwrap().unwrap();
    assert_eq!((due.draft.href.as_str(), due.tries, &due.known), ("https://example.org/bare", 0, &None));
    let before = store.trace(&due.draft.href).unwrap().unwrap().record;
    let read = article("https://example.org/bare");
    store.article_read(due.record, &read, at(32)).unwrap();
    let after = store.trace(&due.draft.href).unwrap().unwrap().record;
    assert_eq!((after.updated, after.last_mod, &after.published_id), (before.updated, at(32), &before.published_id));
    assert_eq!(store.pending().unwrap(), Pending { records: vec![before.number], ..Pending::default() }, "feeds show nothing of it");
    assert_eq!(store.articles(&[before.number, 99]).unwrap(), [(before.number, read.article.clone())].into());
    assert_eq!(store.file("aa").unwrap().as_deref(), Some(&b"picture"[..]));
    assert_eq!(store.icon("https://example.org/i").unwrap(), Some((at(32), read.icon.clone().unwrap())));
    assert_eq!(store.article_counts().unwrap()["a"], ArticleCount { read: 1, waiting: 1, given_up: 0, why: None });

    let shown = Some(FromPage { href: Some("https://example.org/canonical".into()), ..FromPage::default() });
    store.article_read(due.record, &ReadArticle { shown: shown.clone(), ..read.clone() }, at(33)).unwrap();
    assert_eq!(store.pending().unwrap().topics, ["u"]);
    let found = store.trace("https://example.org/canonical").unwrap().unwrap().record;
    assert_eq!((found.number, found.page, found.last_mod), (before.number, shown, at(32)));

    let due = store.due_article("example.org", &sources, at(31)).unwrap().unwrap();
    store.article_failed(due.record, "gone", None, at(33)).unwrap();
    assert_eq!(store.due_article("example.org", &sources, at(99)).unwrap(), None);
    assert_eq!(store.article_counts().unwrap()["a"], ArticleCount { read: 1, waiting: 0, given_up: 1, why: Some("gone".into()) });
    let number = store.trace(&due.draft.href).unwrap().unwrap().record.number;
    let state = store.article_state(number).unwrap().unwrap();
    assert_eq!((state.tries, state.why.as_deref(), state.due, state.tried_at), (1, Some("gone"), None, Some(at(33))));
}

fn a_host_that_is_down_puts_off_all_that_is_due(make: Make<'_>) {
    let mut store = make();
    let other = Draft { href: "https://other.example/x".into(), ..draft("x", 1, &[]) };
    create(&mut *store, "a", &[draft("one", 1, &[]), draft("two", 2, &[]), other]);
    store.queue_articles(&[("a".into(), false)], at(31)).unwrap();
    let sources = ["a".to_owned()];
    let first = store.due_article("example.org", &sources, at(31)).unwrap().unwrap();
    store.article_failed(first.record, "busy", Some(at(31)), at(31)).unwrap();
    assert_eq!(store.host_failed("example.org", "down", &|tries| (tries < 2).then(|| at(40)), at(32)).unwrap(), 2);
    assert_eq!(store.due_hosts(&sources, at(39)).unwrap(), [("other.example".to_owned(), 1)]);
    assert_eq!(store.due_hosts(&sources, at(41)).unwrap(), [("example.org".to_owned(), 1), ("other.example".to_owned(), 1)]);
    assert_eq!(store.due_article("example.org", &sources, at(41)).unwrap().unwrap().draft.href, "https://example.org/two");
}

fn a_robots_txt_reads_back_whole(make: Make<'_>) {
    let mut store = make();
    let none = StoredRobots { fetched: at(1), failing_since: None, unreachable: None, body: None };
    let some = StoredRobots { failing_since: Some(at(0)), unreachable: Some("503".into()), body: Some(b"\xff".to_vec()), ..none.clone() };
    assert_eq!(store.robots("https://a.example").unwrap(), None);
    for robots in [&none, &some] {
        store.put_robots("https://a.example", robots).unwrap();
        assert_eq!(store.robots("https://a.example").unwrap().as_ref(), Some(robots));
    }
}

fn a_selection_is_any_of_what_is_under_all(make: Make<'_>) {
    let mut store = make();
    let hidden = Draft { hidden: true, ..draft("hidden", 9, &["a", "b"]) };
    create(&mut *store, "s", &[draft("a", 1, &["a"]), draft("ab", 2, &["a", "b"]), draft("b", 3, &["b"]), draft("c", 4, &["c"]), hidden]);
    create(&mut *store, "t", &[draft("abc", 5, &["a", "b", "c"])]);
    store.settle().unwrap();
    for (any, sources, count, expected) in [
        (&[&["a"][..]][..], &[][..], 9, &["abc", "ab", "a"][..]),
        (&[&["a"], &["c"]], &[], 9, &["abc", "c", "ab", "a"]),
        (&[&["a", "b"]], &[], 9, &["abc", "ab"]),
        (&[&["a", "b"], &["c"]], &[], 9, &["abc", "c", "ab"]),
        (&[&["a", "b"]], &["s"], 9, &["ab"]),
        (&[&["a"], &["b"]], &["s", "t"], 3, &["abc", "b", "ab"]),
        (&[&["a", "nothing"]], &[], 9, &[]),
        (&[&["a"]], &["nobody"], 9, &[]),
    ] {
        let strings = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let selection = Selection { any: any.iter().map(|all| strings(all)).collect(), sources: strings(sources) };
        let found = store.select(&selection, count).unwrap();
        let found: Vec<_> = found.iter().map(|r| r.draft.href.rsplit('/').next().unwrap()).collect();
        assert_eq!(found, expected, "{any:?} {sources:?}");
    }
}

fn days_are_counted_and_backlogs_are_no_news(make: Make<'_>) {
    let mut store = make();
    let poll = |store: &mut dyn Store, day: i64, paths: &[&str]| {
        let changes: Vec<_> = paths.iter().map(|path| change(path, RecordChange::Create(draft(path, day - 1, &[])))).collect();
        let state = PollState { outcome: Outcome::Succeeded, new: paths.len(), polled_at: Some(at(day)), ..PollState::default() };
        store.commit(&PollCommit { source: "s", now: at(day), state, changes }).unwrap();
    };
    poll(&mut *store, 1, &["one", "two"]);
    assert_eq!(store.arrivals().unwrap(), [], "all of a source's first document is backlog");
    store.settle().unwrap();
    poll(&mut *store, 2, &["three"]);
    poll(&mut *store, 2, &[]);
    assert_eq!(store.arrivals().unwrap(), [Arrival { published: at(1), added: at(2) }]);
    store.settle().unwrap();
    assert_eq!(store.arrivals().unwrap(), []);
    let days: Vec<_> = store.growth(at(0)).unwrap().into_iter().map(|day| (day.day.date_naive(), day.new, day.polls, day.failed)).collect();
    assert_eq!(days, [(at(1).date_naive(), 2, 1, 0), (at(2).date_naive(), 1, 2, 0)]);
    assert_eq!(store.growth(at(2)).unwrap().len(), 1);
}

fn files_read_back_and_are_forgotten(make: Make<'_>) {
    let mut store = make();
    create(&mut *store, "a", &[draft("1", 1, &[]), draft("2", 2, &[])]);
    store.settle().unwrap();
    shelve(&mut *store);
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
    let stamps = |after, count| {
        let mut seen = Vec::new();
        let last =
            store.news_stamps(after, count, &mut |number, path, stamp, written| seen.push((number, path.to_owned(), stamp, written)));
        (seen, last.unwrap())
    };
    let (first, second) = ((1, "news/1.md".into(), file(1).stamp, true), (2, "news/2.md".into(), None, true));
    assert_eq!(stamps(0, 9), (vec![first.clone(), second.clone()], Some(2)));
    assert_eq!(stamps(0, 1), (vec![first], Some(1)));
    assert_eq!(stamps(1, 9), (vec![second], Some(2)));
    assert_eq!(stamps(2, 9), (vec![], None));
    assert_eq!(store.looked().unwrap(), (2, 0));
    store.note_looked(1).unwrap();
    assert_eq!(store.looked().unwrap(), (2, 1));
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
