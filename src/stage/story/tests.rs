#![expect(clippy::disallowed_methods, reason = "the test set is a file")]

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use serde::Deserialize;

use super::*;

/// An article of the project's own test set, with the story that it tells.
#[derive(Deserialize)]
struct Told {
    story: String,
    source: String,
    language: String,
    url: String,
    published: DateTime<Utc>,
    title: String,
    text: String,
}

fn fixtures(name: &str) -> Vec<Told> {
    let path = format!("{}/tests/fixtures/stories/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn signatures(told: &[Told], with_language: bool) -> Vec<Signature> {
    let sign = |t: &Told| {
        let addresses = [t.url.split('?').next().unwrap_or_default().to_owned()];
        sign(&Article { title: &t.title, text: &t.text, language: with_language.then_some(&*t.language), addresses: &addresses })
    };
    told.iter().map(sign).collect()
}

fn members<'a>(told: &'a [Told], signatures: &'a [Signature]) -> Vec<Member<'a>> {
    let member = |(t, signature): (&'a Told, &'a Signature)| Member {
        signature,
        source: &t.source,
        published: t.published,
        url: &t.url,
        group: None,
    };
    told.iter().zip(signatures).map(member).collect()
}

/// Pairwise precision and recall.
fn figures(told: &[Told], placed: &[Placed]) -> (f64, f64) {
    let (mut both, mut found, mut gold) = (0.0, 0.0, 0.0);
    for a in 0..told.len() {
        for b in a + 1..told.len() {
            let (is, was) = (told[a].story == told[b].story, placed[a].first == placed[b].first);
            gold += f64::from(u8::from(is));
            found += f64::from(u8::from(was));
            both += f64::from(u8::from(is && was));
        }
    }
    (both / found, both / gold)
}

#[test]
fn the_test_set_is_as_large_as_it_should_be() {
    let all: Vec<Told> = ["tune", "held-out"].iter().flat_map(|name| fixtures(name)).collect();
    let mut stories: BTreeMap<&str, usize> = BTreeMap::new();
    all.iter().for_each(|t| *stories.entry(&t.story).or_default() += 1);
    assert!(all.len() >= 250 && stories.values().filter(|n| **n > 1).count() >= 60, "{} articles", all.len());
}

#[test]
fn articles_of_one_event_are_one_story_and_others_are_not() {
    for name in ["tune", "held-out"] {
        for with_language in [true, false] {
            let told = fixtures(name);
            let signatures = signatures(&told, with_language);
            let (precision, recall) = figures(&told, &group(&members(&told, &signatures), &[]));
            println!("{name}, language {}: precision {precision:.3}, recall {recall:.3}", if with_language { "given" } else { "guessed" });
            assert!(precision >= 0.97 && recall >= 0.80, "{name}: {precision} {recall}");
        }
    }
}

/// The partition as sets of addresses.
fn partition(members: &[Member<'_>], placed: &[Placed]) -> Vec<Vec<String>> {
    let mut groups: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (member, placed) in members.iter().zip(placed) {
        groups.entry(placed.first).or_default().push(format!("{} {}", member.url, member.source));
    }
    let mut groups: Vec<Vec<String>> = groups.into_values().collect();
    groups.iter_mut().for_each(|g| g.sort());
    groups.sort();
    groups
}

#[test]
fn the_order_of_articles_does_not_matter() {
    let told = fixtures("tune");
    let signatures = signatures(&told, true);
    let mut members = members(&told, &signatures);
    let first = partition(&members, &group(&members, &[]));
    members.reverse();
    assert_eq!(partition(&members, &group(&members, &[])), first);
    members.rotate_left(37);
    assert_eq!(partition(&members, &group(&members, &[])), first);
}

const RANSOM: &str = "Marlow General Hospital turned ambulances away on Monday after ransomware locked the records of 340 patients.";

fn article(title: &str, text: &str) -> Signature {
    sign(&Article { title, text, language: Some("en"), addresses: &[] })
}

fn member<'a>(signature: &'a Signature, source: &'a str, day: i64, group: Option<u64>) -> Member<'a> {
    Member { signature, source, published: DateTime::UNIX_EPOCH + TimeDelta::days(20_000 + day), url: source, group }
}

#[test]
fn a_copy_is_a_story_for_a_fortnight_and_a_retelling_for_days() {
    let one = article("Hospital turns ambulances away", RANSOM);
    let copy = article("Ransomware at Marlow", RANSOM);
    let together = |days| {
        let placed = group(&[member(&one, "a", 0, None), member(&copy, "b", days, None)], &[]);
        placed[0].first == placed[1].first
    };
    assert_eq!([0, 5, SAME_MAX_DAYS, SAME_MAX_DAYS + 1].map(together), [true, true, true, false]);
}

#[test]
fn a_form_filled_in_anew_is_no_copy() {
    let week = |n: u32, cases: u32| {
        let text = format!(
            "The bulletin for week {n} tells of influenza in the region: laboratories of all counties sent in {cases} positive samples, \
             most of them from children at school, and hospital admissions are as they were before."
        );
        article(&format!("Influenza bulletin, week {n}"), &text)
    };
    let (one, other) = (week(44, 1240), week(45, 1610));
    let placed = group(&[member(&one, "a", 0, None), member(&other, "b", 1, None)], &[]);
    assert_ne!(placed[0].first, placed[1].first);
}

#[test]
fn two_articles_of_one_source_are_two_unless_their_texts_are_near_equal() {
    let one = article("Marlow General Hospital diverts ambulances after ransomware", RANSOM);
    let other =
        article("Ransomware at Marlow General: 340 records locked", "At Marlow General Hospital, 340 records are locked by ransomware.");
    let same = |a: &str, b: &str| {
        let placed = group(&[member(&one, a, 0, None), member(&other, b, 0, None)], &[]);
        placed[0].first == placed[1].first
    };
    assert!(same("a", "b"));
    let mut twins = [member(&one, "a", 0, None), member(&other, "a", 0, None)];
    twins[1].url = "b";
    let placed = group(&twins, &[]);
    assert_ne!(placed[0].first, placed[1].first);
}

#[test]
fn a_group_from_before_keeps_its_members_and_takes_newcomers() {
    let one = article("Hospital turns ambulances away", RANSOM);
    let members = [member(&one, "a", 0, Some(1)), member(&one, "b", 0, Some(2)), member(&one, "c", 0, None), member(&one, "d", 0, None)];
    let placed = group(&members, &[]);
    assert_ne!(placed[0].first, placed[1].first, "told apart before, they stay apart");
    assert_eq!(placed[2].first, placed[3].first);
    assert!([placed[0].first, placed[1].first].contains(&placed[2].first));
    let (_, with, bond) = placed[2].bond.as_ref().unwrap();
    assert!(*with < 4 && bond.ground == Ground::Text, "{bond:?}");
}

#[test]
fn signatures_are_fixed_for_ever() {
    let signature = sign(&Article {
        title: "Kela: 1,9 miljoonaa reseptiä",
        text: "Helsingin sairaala kertoo asiasta.",
        language: Some("fi"),
        addresses: &["https://a.example/1".into()],
    });
    let terms: Vec<(&str, bool)> = signature.terms.iter().map(|t| (signature.text(*t), t.in_title())).collect();
    let found = [("#helsinki", false), ("#hospital", false), ("#kela", true), ("#prescribe", true), ("1900000", true), ("asia", false)];
    assert_eq!((terms, signature.shingles.as_slice()), (found.to_vec(), &[2_601_610_371, 3_947_867_012][..]));
    let bytes = signature.to_bytes();
    assert_eq!(blake3::hash(&bytes).to_string(), "0ec258edf261907083429e5cd7aae80caa8e7418a4d50bd353bc541334254234");
}

#[test]
fn numbers_are_read_as_written() {
    for (text, language, expected) in [
        ("2.3 million people", "en", "2300000"),
        ("$85M round", "en", "85000000"),
        ("$1.4bn deal", "en", "1400000000"),
        ("1,900 patients", "en", "1900"),
        ("Sixty-four thousand pumps", "en", "64000"),
        ("2,3 miljoonaa", "fi", "2300000"),
        ("18 400 besök", "sv", "18400"),
        ("1,4 Milliarden", "de", "1400000000"),
        ("90.000 Briefe", "de", "90000"),
        ("3,8 millions d'euros", "fr", "3800000"),
    ] {
        let signature = sign(&Article { title: text, text: "", language: Some(language), addresses: &[] });
        assert!(signature.terms.iter().any(|t| signature.text(*t) == expected), "{text}: {:?}", signature.terms);
    }
}

proptest! {
    #[test]
    fn any_text_has_a_signature(title in any::<String>(), text in "\\PC{0,400}", number in "[0-9.,]{0,40}") {
        let signature = sign(&Article { title: &title, text: &format!("{text} {number}"), language: None, addresses: &[] });
        prop_assert!(signature.shingles.len() <= 160 && signature.terms.len() <= 1000);
        let bytes = signature.to_bytes();
        prop_assert_eq!(Signature::from_bytes(&bytes), Some(signature));
        prop_assert_eq!(Signature::from_bytes(bytes.get(..bytes.len() - 1).unwrap_or_default()), None);
    }
}
