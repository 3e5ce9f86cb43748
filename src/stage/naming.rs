//! The names, paths and short texts a record derives from its title, URL, summary and categories.
//!
//! Nothing here is bounded in length but the description: the contract's slugs are as long as the titles they come from. Who makes
//! file names of them must bound them.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;
use url::Url;
use uuid::Uuid;

use crate::record::Offering;

/// Characters of HTML-escaped text in a description.
const DESCRIPTION_MAX_CHARS: usize = 200;
/// Offerings that a record names at most.
const RELATED_OFFERINGS_MAX: usize = 5;

/// A text's slug: `&` becomes `and`, then compatibility decomposition and ASCII transliteration, lower case, and every run of other
/// characters one `-`, none at either end (`spec/curated-content.md`, "slug").
///
/// Made of `a-z`, `0-9` and `-` only; empty if the text has neither letters nor digits; as long as the text asks for.
pub fn slug(text: &str) -> String {
    // Only what the author wrote as `&` says "and"; what decomposes to it does not.
    let text = if text.contains('&') { Cow::Owned(text.replace('&', "and")) } else { Cow::Borrowed(text) };
    let ascii = if text.is_ascii() { text } else { Cow::Owned(transliterate(&text)) };
    let mut slug = String::with_capacity(ascii.len());
    for word in ascii.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.push_str(word);
    }
    slug.make_ascii_lowercase();
    slug
}

/// Letters, digits and marks as ASCII that sounds like them; other characters as a space.
fn transliterate(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for character in text.nfkd() {
        let sound = deunicode::deunicode_char(character).unwrap_or(" ");
        let is_spoken = character.is_alphanumeric() || is_combining_mark(character);
        // Signs are spelled out by deunicode but not by the editors: of a pound sign it makes "PS". Of what nobody sees, such as a
        // soft hyphen, it makes nothing.
        ascii.push_str(if is_spoken || sound.is_empty() { sound } else { " " });
    }
    ascii
}

/// The brand of a clean URL: its host without `www.`; empty if it has none.
pub fn brand(href: &Url) -> String {
    let host = href.host_str().unwrap_or_default();
    host.strip_prefix("www.").unwrap_or(host).to_owned()
}

/// A record's slug: the brand's without its last label, `-`, the title's.
///
/// `academic.oup.com` and `Early` give `academic-oup-early`. A brand of one label is taken whole. Of nothing at all: `untitled`.
pub fn record_slug(brand: &str, title: &str) -> String {
    let mut record_slug = slug(brand.rsplit_once('.').map_or(brand, |(labels, _)| labels));
    let title_slug = slug(title);
    if !record_slug.is_empty() && !title_slug.is_empty() {
        record_slug.push('-');
    }
    record_slug.push_str(&title_slug);
    or_untitled(record_slug)
}

/// A record's alias: the section's path (which ends in a slash) and the title's slug.
///
/// A title without a slug gives `untitled`: the bare path would redirect the section's own page to one article.
pub fn alias(base_path: &str, title: &str) -> String {
    format!("{base_path}{}", or_untitled(slug(title)))
}

fn or_untitled(slug: String) -> String {
    if slug.is_empty() { "untitled".to_owned() } else { slug }
}

/// A record's name for ever: version 5 over its clean URL, in the URL namespace.
pub fn record_uuid(clean_url: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, clean_url.as_bytes())
}

/// The label of a category such as `Vocabulary: Label`; the whole category if it names no vocabulary.
pub fn category_label(category: &str) -> &str {
    category.split_once(": ").map_or(category, |(_, label)| label)
}

/// Where a category's topic lives on the site: `topic/` and the category's slug.
pub fn topic_path(category: &str) -> String {
    format!("topic/{}", slug(category))
}

/// A title without its trailing ` | Site Name`.
///
/// Only what is known to be the site's name is taken off: `site` is a name (`Healthcare IT News`) or a host
/// (`healthcareitnews.com`), compared by letters and digits. Without it the title stays, since ` | ` may be the author's own.
pub fn title_without_site(title: &str, site: Option<&str>) -> String {
    let title = title.trim();
    let shorter = site.and_then(|site| {
        let (head, tail) = title.rsplit_once('|')?;
        let stands_apart = head.ends_with(char::is_whitespace) && tail.starts_with(char::is_whitespace);
        let head = head.trim_end();
        let host = site.strip_prefix("www.").unwrap_or(site);
        let labels = host.rsplit_once('.').map_or(host, |(labels, _)| labels);
        let names_site = [site, host, labels].into_iter().any(|name| has_same_letters(name, tail));
        (stands_apart && !head.is_empty() && names_site).then_some(head)
    });
    shorter.unwrap_or(title).to_owned()
}

/// Whether two names have the same letters and digits, of which there must be some.
fn has_same_letters(one: &str, other: &str) -> bool {
    fn letters(name: &str) -> impl Iterator<Item = char> {
        name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase)
    }
    letters(one).next().is_some() && letters(one).eq(letters(other))
}

/// The first 200 characters of a summary's plain text after HTML escaping, so `&amp;` counts five.
///
/// Never ends inside an escape or a grapheme, so it may be a few characters shorter.
pub fn description(summary_plain: &str) -> String {
    let mut description = String::with_capacity(DESCRIPTION_MAX_CHARS + 8);
    let mut chars = 0;
    let mut rest = summary_plain;
    while !rest.is_empty() && chars < DESCRIPTION_MAX_CHARS {
        // Most text is graphemes of one ASCII character, which need not be searched for; the last of a run may have something joined.
        let room = DESCRIPTION_MAX_CHARS - chars;
        let run = rest.bytes().take(room + 1).take_while(|byte| byte.is_ascii() && !matches!(byte, b'&' | b'<' | b'>' | b'\r')).count();
        let alone = if run == rest.len() { run } else { run.saturating_sub(1) }.min(room);
        let (ascii, after) = rest.split_at(alone);
        description.push_str(ascii);
        chars += alone;
        rest = after;
        if alone == room {
            break;
        }
        let grapheme_len = rest.graphemes(true).next().map_or(0, str::len);
        let (grapheme, after) = rest.split_at(grapheme_len);
        let fitting_len = description.len();
        for character in grapheme.chars() {
            if let Some(entity) = escape(character) {
                description.push_str(entity);
                chars += entity.len();
            } else {
                description.push(character);
                chars += 1;
            }
        }
        if chars > DESCRIPTION_MAX_CHARS {
            description.truncate(fitting_len);
        }
        rest = after;
    }
    description
}

/// What HTML text cannot hold as itself; quotes can stay.
fn escape(character: char) -> Option<&'static str> {
    match character {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    }
}

/// Up to five offerings of the catalogue that share a category with the record, highest number first; those of the same number stay
/// in the catalogue's order.
pub fn related_offerings(categories: &[String], catalogue: &[Offering]) -> Vec<Offering> {
    let mut related: Vec<&Offering> = Vec::with_capacity(RELATED_OFFERINGS_MAX + 1);
    for offering in catalogue {
        let place = related.partition_point(|other| other.offering_id >= offering.offering_id);
        // The numbers come first: they are cheap to compare, and a long catalogue has few that can still get in.
        if place < RELATED_OFFERINGS_MAX && offering.categories.iter().any(|category| categories.contains(category)) {
            related.insert(place, offering);
            related.truncate(RELATED_OFFERINGS_MAX);
        }
    }
    related.into_iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::shared;

    #[test]
    fn slugs_follow_the_rule() {
        let cases = [
            ("AT&T", "atandt"),
            ("Optimization & more", "optimization-and-more"),
            ("Symplur: Healthcare System", "symplur-healthcare-system"),
            ("Trailing off \u{2026}", "trailing-off"),
            ("Patient\u{2019}s caf\u{E9} \u{2014} na\u{EF}ve", "patient-s-cafe-naive"),
            ("cafe\u{301}", "cafe"),
            ("\u{FB01}ne \u{2460} \u{FF21}", "fine-1-a"),
            ("\u{441}\u{43B}\u{43E}\u{432}\u{43E}", "slovo"),
            ("stra\u{DF}e", "strasse"),
            ("fined \u{A3}400,000", "fined-400-000"),
            ("pizza\u{1F355}time", "pizza-time"),
            ("non\u{200D}stop", "nonstop"),
            ("\u{928}\u{92E}\u{938}\u{94D}\u{924}\u{947}", "nmste"),
            ("  --a__b..c//../d  ", "a-b-c-d"),
            ("\u{FF06}", ""),
            ("!?", ""),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(slug(text), expected, "{text:?}");
        }
    }

    #[test]
    fn brand_is_the_host_without_www() {
        let cases = [
            ("https://www.example.org/a", "example.org"),
            ("http://WWW.News.Example.org:8080/", "news.example.org"),
            ("https://www.www.example.org/", "www.example.org"),
            ("mailto:a@example.org", ""),
        ];
        for (href, expected) in cases {
            assert_eq!(brand(&Url::parse(href).unwrap()), expected, "{href}");
        }
    }

    #[test]
    fn record_slug_takes_the_brand_without_its_last_label() {
        let cases = [
            (("academic.oup.com", "Early experiences"), "academic-oup-early-experiences"),
            (("brisbanetimes.com.au", "A"), "brisbanetimes-com-a"),
            (("localhost", "A"), "localhost-a"),
            (("", "A"), "a"),
            (("example.org", "!"), "example"),
            (("", "!"), "untitled"),
        ];
        for ((brand, title), expected) in cases {
            assert_eq!(record_slug(brand, title), expected);
        }
    }

    #[test]
    fn alias_never_is_the_sections_own_page() {
        assert_eq!(alias("/news/", "Tools & more"), "/news/tools-and-more");
        assert_eq!(alias("/news/", "\u{2026}"), "/news/untitled");
    }

    /// The value is RFC 9562's algorithm as Python's `uuid.uuid5(uuid.NAMESPACE_URL, ...)` computes it.
    #[test]
    fn uuid_is_version_5_in_the_url_namespace() {
        assert_eq!(record_uuid("https://example.org/a").to_string(), "77980eae-c343-5b01-9823-eb6ac1da021f");
    }

    #[test]
    fn category_label_follows_the_vocabulary() {
        assert_eq!(category_label("Symplur: Community Health"), "Community Health");
        assert_eq!(category_label("A: B: C"), "B: C");
        assert_eq!(category_label("Alone"), "Alone");
        assert_eq!(category_label("10:30"), "10:30");
    }

    #[test]
    fn only_a_known_site_name_is_taken_off_a_title() {
        let cases = [
            ("Tools matter | Some Site", Some("Some Site"), "Tools matter"),
            ("Tools matter | some site", Some("www.somesite.org"), "Tools matter"),
            ("Tools | matter | Some Site", Some("Some Site"), "Tools | matter"),
            ("Tools matter | Opinion", Some("Some Site"), "Tools matter | Opinion"),
            ("Tools matter | Some Site", None, "Tools matter | Some Site"),
            ("Tools matter - Some Site", Some("Some Site"), "Tools matter - Some Site"),
            ("a|b", Some("b"), "a|b"),
            (" | Some Site", Some("Some Site"), "| Some Site"),
            ("Tools | ", Some(""), "Tools |"),
            ("Tools | !", Some("?"), "Tools | !"),
        ];
        for (title, site, expected) in cases {
            assert_eq!(title_without_site(title, site), expected, "{title:?} {site:?}");
        }
    }

    #[test]
    fn description_ends_before_what_it_cannot_hold_whole() {
        let family = "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}";
        let cases = [
            ("a".repeat(201), "a".repeat(200)),
            ("a".repeat(195) + "& b", "a".repeat(195) + "&amp;"),
            ("a".repeat(196) + "& b", "a".repeat(196)),
            ("a".repeat(197) + "<b", "a".repeat(197)),
            ("a".repeat(199) + "e\u{301}b", "a".repeat(199)),
            ("a".repeat(198) + "e\u{301}b", "a".repeat(198) + "e\u{301}"),
            ("a".repeat(196) + family, "a".repeat(196)),
            ("a".repeat(195) + family + "b", "a".repeat(195) + family),
            ("a".repeat(199) + "\r\n", "a".repeat(199)),
            ("\u{6F22}".repeat(300), "\u{6F22}".repeat(200)),
            ("it's \"so\"".to_owned(), "it's \"so\"".to_owned()),
            (String::new(), String::new()),
        ];
        for (summary, expected) in cases {
            assert_eq!(description(&summary), expected, "{summary:?}");
        }
    }

    proptest! {
        #[test]
        fn slug_is_made_of_words_and_single_dashes(text in any::<String>()) {
            let slug = slug(&text);
            prop_assert!(slug.split('-').all(|word| !word.is_empty()) || slug.is_empty(), "{}", slug);
            prop_assert!(slug.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')), "{}", slug);
        }

        /// The whole text's graphemes, escaped one by one, are the slower way to the same end.
        #[test]
        fn description_is_the_longest_run_of_graphemes_that_fits(
            text in prop::collection::vec(prop_oneof![
                8 => "[a-z &<]{1,9}",
                1 => prop::sample::select(vec!["\r", "\n", "\u{301}", "\u{200D}", "\u{1F1E6}", "\u{1F468}", "\u{600}"]).prop_map(str::to_owned),
                1 => any::<char>().prop_map(String::from),
            ], 0..80).prop_map(|parts| parts.concat()),
        ) {
            let mut expected = String::new();
            for grapheme in text.graphemes(true) {
                let escaped = grapheme.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                if expected.chars().count() + escaped.chars().count() > 200 {
                    break;
                }
                expected.push_str(&escaped);
            }
            prop_assert_eq!(description(&text), expected);
        }

        #[test]
        fn related_offerings_are_the_first_five_of_all_that_share_a_category(
            catalogue in prop::collection::vec((0_u64..30, prop::collection::vec(0_u8..6, 0..3)), 0..40),
            wanted in prop::collection::vec(0_u8..6, 0..3),
        ) {
            let name = |number: &u8| format!("Vocabulary: {number}");
            let catalogue: Vec<Offering> = catalogue
                .iter()
                .enumerate()
                .map(|(index, (offering_id, categories))| Offering {
                    label: index.to_string(),
                    permalink: String::new(),
                    categories: categories.iter().map(name).collect(),
                    offering_id: *offering_id,
                })
                .collect();
            let wanted: Vec<String> = wanted.iter().map(name).collect();
            let mut expected: Vec<Offering> =
                catalogue.iter().filter(|offering| wanted.iter().any(|category| offering.categories.contains(category))).cloned().collect();
            expected.sort_by_key(|offering| std::cmp::Reverse(offering.offering_id));
            expected.truncate(5);
            prop_assert_eq!(related_offerings(&wanted, &catalogue), expected);
        }
    }

    /// The editors' own records: brand and slug hold on every one of them.
    #[test]
    fn curated_records_have_the_editors_brand_and_slug() {
        #[derive(serde::Deserialize)]
        struct Curated {
            title: String,
            link: Url,
            brand: String,
            slug: String,
        }
        let Some(lines) = shared::text("data/curated-dev.jsonl") else { return };
        let records: Vec<Curated> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(records.len(), 346);
        for record in records {
            let brand = brand(&record.link);
            assert_eq!(brand, record.brand);
            assert_eq!(record_slug(&brand, &record.title), record.slug);
        }
    }
}
