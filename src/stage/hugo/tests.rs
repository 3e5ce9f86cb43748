use proptest::prelude::*;

use super::*;
use crate::format::front_matter;
use crate::record::Record;
use crate::shared;

fn record() -> Record {
    serde_json::from_str(&shared::project_text("tests/fixtures/records/lighthouse.json")).unwrap()
}

/// The same, of which its publisher declares something.
fn declared() -> Record {
    serde_json::from_str(&shared::project_text("tests/fixtures/records/declared.json")).unwrap()
}

fn base_of(record: &Record) -> Base {
    let text = front_matter::write(record);
    Base::of(&text, &text, &record.categories)
}

/// What becomes of `file`, which an editor made of `before`, when the record is `after`.
fn merged(before: &Record, file: &str, after: &Record) -> Merged {
    merge(&base_of(before), &Page::read(file).unwrap(), after.clone(), Draft::default())
}

#[track_caller]
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} in {text}");
    text.replacen(from, to, 1)
}

#[test]
fn keys_of_the_program_are_sorted_and_written() {
    assert!(MACHINE.is_sorted());
    let text = front_matter::write(&declared());
    assert!(MACHINE.iter().all(|key| text.contains(&format!("\n{key}:"))));
}

#[test]
fn a_file_that_nobody_changed_becomes_what_is_new() {
    let before = record();
    let after = Record { title: "Another".into(), body: "<p>New</p>".into(), categories: vec!["C: New".into()], ..before.clone() };
    let merged = merged(&before, &front_matter::write(&before), &after);
    assert_eq!(merged.text, front_matter::write(&after));
    assert_eq!((merged.base, merged.conflicts), (base_of(&after), Vec::new()));
}

#[test]
fn what_is_declared_comes_and_goes_with_its_publisher() {
    for (before, after) in [(record(), declared()), (declared(), record())] {
        let merged = merged(&before, &replaced(&front_matter::write(&before), "status: ''", "status: mine"), &after);
        assert_eq!(merged.text, replaced(&front_matter::write(&after), "status: ''", "status: mine"));
    }
}

#[test]
fn what_an_editor_changed_stays_and_what_upstream_changed_comes() {
    let before = record();
    let written = front_matter::write(&before);
    let file = replaced(&written, "status: ''\n", "# Checked.\nstatus: 'done'\nowner: Ada\nlist: [1, two]\n");
    let after = Record { institution: Some("Harbour".into()), last_mod: before.last_mod + chrono::TimeDelta::days(1), ..before.clone() };
    let once = merged(&before, &file, &after);
    let expected = replaced(&front_matter::write(&after), "status: ''\n", "# Checked.\nstatus: 'done'\nowner: Ada\nlist: [1, two]\n");
    assert_eq!(once.text, expected);
    assert_eq!(once.conflicts, Vec::<String>::new());
    let again = merge(&once.base, &Page::read(&once.text).unwrap(), after, Draft::default());
    assert_eq!((again.text, again.base), (once.text, once.base));
}

#[test]
fn where_both_changed_a_field_the_editor_wins_and_it_is_told_once() {
    let before = record();
    let file = replaced(&front_matter::write(&before), "sub: brief", "sub: long");
    let file = replaced(&file, "<p>", "<p>By hand. ");
    let start = file.find("description:").unwrap();
    let end = start + file[start..].find("\nfavIconImage").unwrap();
    let file = format!("{}description: Ours{}", &file[..start], &file[end..]);
    let after = Record { summary: "Theirs".into(), body: "<p>Theirs</p>".into(), ..before.clone() };
    let once = merged(&before, &file, &after);
    assert_eq!(once.conflicts, ["description", "body"]);
    assert_eq!(once.text, file);
    let again = merge(&once.base, &Page::read(&once.text).unwrap(), after, Draft::default());
    assert_eq!((again.conflicts, again.text), (Vec::new(), once.text));
}

#[test]
fn what_follows_from_a_title_and_categories_follows_the_editors() {
    let before = record();
    let after = Record { categories: vec!["Coast: Fog".into(), before.categories[0].clone()], ..before.clone() };
    let text = front_matter::write(&before);
    let (from, to) = (text.find("\ntitle:").unwrap(), text.find("\nvia:").unwrap());
    let file = format!("{}\ntitle: By hand{}", &text[..from], &text[to..]);
    let file = replaced(
        &file,
        "categories:\n  - 'Coast: Lighthouses & Beacons'\n  - Undated\n",
        "categories: ['Own: One', 'Coast: Lighthouses & Beacons']\n",
    );
    let page = Page::read(&file).unwrap();
    let known = ["Coast: Lighthouses & Beacons", "Undated", "Coast: Fog"];
    assert_eq!(
        edits(&base_of(&before), &page, false, known.into_iter()),
        Edits { title: Some("By hand".into()), added: vec!["Own: One".into()], removed: vec!["Undated".into()], draft: None }
    );
    let merged = merged(&before, &file, &after);
    let categories = vec!["Own: One".to_owned(), "Coast: Lighthouses & Beacons".into(), "Coast: Fog".into()];
    assert_eq!(merged.text, front_matter::write(&Record { title: "By hand".into(), categories, ..after.clone() }));
    // Nothing new: nothing moves, also where nothing flows back.
    let again = merge(&merged.base, &Page::read(&merged.text).unwrap(), after, Draft::default());
    assert_eq!((again.text, again.base, again.conflicts), (merged.text, merged.base, Vec::new()));
}

#[test]
fn a_file_that_another_program_laid_out_again_is_not_changed() {
    let before = record();
    let text = front_matter::write(&before);
    let file = replaced(&text, "layOut: single", "layOut: \"single\"   ");
    let file = replaced(
        &file,
        "categories:\n  - 'Coast: Lighthouses & Beacons'\n  - Und",
        "categories:\n- \"Coast: Lighthouses & Beacons\"\n- Und",
    );
    let file = replaced(&file, "categoryLabel:", "\n# Labels\ncategoryLabel:");
    let known = before.categories.clone();
    assert_eq!(edits(&base_of(&before), &Page::read(&file).unwrap(), false, known.iter().map(String::as_str)), Edits::default());
    assert_eq!(merged(&before, &file, &before).text, file);
    let after = Record { categories: vec!["Undated".into()], ..before.clone() };
    let merged = merged(&before, &file, &after);
    assert!(merged.text.contains("\ncategories:\n  - Undated\n") && merged.text.contains("# Labels\ncategoryLabel:\n  - Undated\n"));
}

#[test]
fn a_key_that_was_taken_away_stays_away_unless_it_is_the_programs() {
    let before = record();
    let text = front_matter::write(&before);
    let file = replaced(&replaced(&text, "sub: brief\n", ""), "searchCategory: Notes\n", "");
    let file = replaced(&file, &format!("id: {}\n", before.number), "");
    let after = Record { number: 7, ..before.clone() };
    let merged = merged(&before, &file, &after);
    assert!(!merged.text.contains("\nsub:") && merged.text.contains("\nid: 7\n"), "{}", merged.text);
}

#[test]
fn draft_follows_the_file_where_it_changed_and_the_record_otherwise() {
    let text = front_matter::write(&record());
    let draft = replaced(&text, "sub: brief\n", "sub: brief\ndraft: true\n");
    for (file, was, is_hidden, expected) in [
        (&text, false, false, false),
        (&draft, false, false, true),
        (&draft, true, true, true),
        (&draft, true, false, false),
        (&text, true, true, false),
        (&text, false, true, true),
    ] {
        let page = Page::read(file).unwrap();
        let merged = merge(&base_of(&record()), &page, record(), Draft { was, is_hidden });
        assert_eq!(Page::read(&merged.text).unwrap().is_draft(), expected, "was {was}, hidden {is_hidden}");
        assert_eq!(edits(&base_of(&record()), &page, was, std::iter::empty()).draft.is_some(), page.is_draft() != was);
    }
}

#[test]
fn without_a_base_everything_in_the_file_stays_but_the_programs_keys() {
    let before = record();
    let file = replaced(&front_matter::write(&before), "sub: brief", "sub: long");
    let after = Record { number: 9, institution: Some("New".into()), ..before.clone() };
    let page = Page::read(&file).unwrap();
    let merged = merge(&Base::default(), &page, after, Draft::default());
    assert_eq!(merged.text, replaced(&file, &format!("id: {}\n", before.number), "id: 9\n"));
    assert_eq!(merged.conflicts, Vec::<String>::new());
    assert_eq!(edits(&Base::default(), &page, false, std::iter::empty()), Edits::default());
}

#[test]
fn what_cannot_be_read_is_told_with_its_line() {
    for (file, line, why) in [
        ("title: a\n", 1, "no front matter"),
        ("---\ntitle: a\n", 2, "does not end"),
        ("---\ntitle: a\nno key here\n---\n", 3, "neither a key"),
        ("---\n  - a\n---\n", 2, "without a key"),
        ("---\ntitle: a\nbroken: [a, b\nnext: 1\n---\n", 4, ""),
        ("---\ntitle: 'a\nx: 1\n---\n", 4, ""),
        ("---\ntitle: a\ntitle: b\n---\n", 3, "duplicate"),
        ("---\na: &x 1\n? b\n: 2\n---\n", 3, "neither"),
    ] {
        let error = Page::read(file).unwrap_err();
        assert!(error.why.contains(why), "{file:?}: {error:?}");
        assert!(error.line.abs_diff(line) <= 1, "{file:?}: {error:?}");
    }
    assert_eq!(plain(b"---\na: 1\n\xff").unwrap_err().line, 3);
    assert_eq!(plain("\u{feff}---\r\na: 1\r\n---\r\n".as_bytes()).unwrap(), "---\na: 1\n---\n");
}

#[test]
fn comments_and_empty_lines_stay_with_what_follows_them() {
    let file = "---\n# head\na: |\n  one\n\n  # in it\n  two\n\n# of b\n\"b\": 1\n'c':\n- x\n# tail\n---\nbody";
    let page = Page::read(file).unwrap();
    let fields: Vec<_> = page.parts.fields.iter().map(|f| (f.key, f.lead, f.text)).collect();
    let expected = [("a", "# head\n", "a: |\n  one\n\n  # in it\n  two\n"), ("b", "\n# of b\n", "\"b\": 1\n"), ("c", "", "'c':\n- x\n")];
    assert_eq!(fields, expected);
    assert_eq!((page.parts.tail, page.parts.body), ("# tail\n", "body"));
}

proptest! {
    /// Whatever an editor does to lines, nothing panics, a merge settles at once, and a file nobody changed is the new one.
    #[test]
    fn merging_settles(
        lines in prop::collection::vec((0usize..150, prop::sample::select(vec!["", "own: x\n", "title: T\n", "# c\n", "\n", "  - y\n", "draft: true\n", "---\n", "a: [\n"])), 0..4),
        title in "[a-z:' ]{0,20}",
        categories in prop::collection::vec("[A-C]: [a-c]", 0..3),
    ) {
        let before = record();
        let mut text: Vec<String> = front_matter::write(&before).split_inclusive('\n').map(str::to_owned).collect();
        for (at, with) in &lines {
            let at = at % text.len();
            if with.is_empty() { text.remove(at); } else { text.insert(at, (*with).to_owned()); }
        }
        let file = text.concat();
        let after = Record { title, categories, ..before.clone() };
        let Ok(page) = Page::read(&file) else { return Ok(()) };
        let once = merge(&base_of(&before), &page, after.clone(), Draft::default());
        let page = Page::read(&once.text).map_err(|e| TestCaseError::fail(format!("{e:?}\n{}", once.text)))?;
        let again = merge(&once.base, &page, after, Draft::default());
        prop_assert_eq!(&again.text, &once.text);
        prop_assert_eq!(again.conflicts, Vec::<String>::new());
    }
}
