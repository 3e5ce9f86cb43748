//! Which articles are promotion: those whose publisher says so, in a link's relation or in a category (acceptance P13).

use crate::entry::Entry;
use crate::rights::Promotion;

/// The relation of links that somebody paid for.
pub(crate) const SPONSORED: &str = "sponsored";

/// No label is longer, in bytes.
const LABEL_MAX_BYTES: usize = 40;

/// Labels that publishers use, in lower case, as words apart.
const LABELS: &[(Promotion, &[&str])] = &[
    (
        Promotion::Sponsored,
        &[
            "ad",
            "advertisement",
            "advertisements",
            "advertorial",
            "advertorials",
            "branded content",
            "paid content",
            "paid post",
            "partner content",
            "promoted",
            "promoted content",
            "sponsor content",
            "sponsored",
            "sponsored article",
            "sponsored content",
            "sponsored post",
            // Finnish
            "kaupallinen yhteistyö",
            "kumppanisisältö",
            "maksettu sisältö",
            "mainos",
            "mainosartikkeli",
            "sponsoroitu",
            "sponsoroitu sisältö",
            // Swedish
            "annons",
            "annonssamarbete",
            "betalt innehåll",
            "betalt samarbete",
            "kommersiellt samarbete",
            "sponsrat",
            "sponsrat innehåll",
            // German
            "anzeige",
            "bezahlter inhalt",
            "gesponsert",
            "gesponserter beitrag",
            "gesponserter inhalt",
            "werbung",
            // French
            "article sponsorisé",
            "contenu partenaire",
            "contenu sponsorisé",
            "publicité",
            "publireportage",
            "publi rédactionnel",
            "sponsorisé",
        ],
    ),
    (
        Promotion::PressRelease,
        &[
            "media release",
            "media releases",
            "news release",
            "news releases",
            "press release",
            "press releases",
            "pressrelease",
            // Finnish
            "lehdistötiedote",
            "lehdistötiedotteet",
            "mediatiedote",
            "mediatiedotteet",
            "tiedote",
            "tiedotteet",
            // Swedish
            "pressmeddelande",
            "pressmeddelanden",
            // German
            "medienmitteilung",
            "medienmitteilungen",
            "pressemeldung",
            "pressemeldungen",
            "pressemitteilung",
            "pressemitteilungen",
            // French
            "communiqué de presse",
            "communiqués de presse",
        ],
    ),
];

/// What an entry is declared to be. Where it is declared to be both, somebody paid for it.
#[must_use]
pub fn of(entry: &Entry) -> Option<Promotion> {
    if entry.links.iter().any(|link| link.rel.as_deref() == Some(SPONSORED)) {
        return Some(Promotion::Sponsored);
    }
    let mut found = None;
    for category in &entry.categories {
        match [category.label.as_deref(), Some(category.term.as_str())].into_iter().flatten().find_map(named) {
            Some(Promotion::Sponsored) => return Some(Promotion::Sponsored),
            other => found = found.or(other),
        }
    }
    found
}

/// What a label says.
#[must_use]
pub fn named(label: &str) -> Option<Promotion> {
    let label = label.trim_matches(|c: char| !c.is_alphabetic());
    if label.is_empty() || label.len() > LABEL_MAX_BYTES {
        return None;
    }
    let label = label.to_lowercase().replace(['-', '_'], " ");
    let words = label.split_whitespace().collect::<Vec<_>>().join(" ");
    LABELS.iter().find(|(_, labels)| labels.contains(&words.as_str())).map(|(promotion, _)| *promotion)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Category, Link};

    #[test]
    fn labels_are_known_in_five_languages() {
        for (label, promotion) in [
            ("Press release", Some(Promotion::PressRelease)),
            ("press-releases", Some(Promotion::PressRelease)),
            ("Tiedote", Some(Promotion::PressRelease)),
            ("Pressmeddelande", Some(Promotion::PressRelease)),
            ("Pressemitteilung", Some(Promotion::PressRelease)),
            ("Communiqué de presse", Some(Promotion::PressRelease)),
            ("[Sponsored]", Some(Promotion::Sponsored)),
            ("Partner_Content", Some(Promotion::Sponsored)),
            ("Kaupallinen yhteistyö", Some(Promotion::Sponsored)),
            ("ANNONS", Some(Promotion::Sponsored)),
            ("Anzeige", Some(Promotion::Sponsored)),
            ("Publi-rédactionnel", Some(Promotion::Sponsored)),
            ("Press", None),
            ("Press releases about sponsored content", None),
            ("Sponsors", None),
            ("", None),
        ] {
            assert_eq!(named(label), promotion, "{label}");
        }
    }

    #[test]
    fn only_what_is_declared_counts() {
        let category = |term: &str| Category { term: term.into(), ..Category::default() };
        let link = |rel: &str| Link { href: "https://a.example/".into(), rel: Some(rel.into()), ..Link::default() };
        let title = Some(crate::entry::Text { value: "Sponsored: press release".into(), ..Default::default() });
        for (entry, promotion) in [
            (Entry { title, ..Entry::default() }, None),
            (Entry { links: vec![link("alternate")], ..Entry::default() }, None),
            (Entry { links: vec![link("alternate"), link("sponsored")], ..Entry::default() }, Some(Promotion::Sponsored)),
            (Entry { categories: vec![category("Health"), category("Press release")], ..Entry::default() }, Some(Promotion::PressRelease)),
            (Entry { categories: vec![category("Press release"), category("Ad")], ..Entry::default() }, Some(Promotion::Sponsored)),
            (
                Entry { categories: vec![Category { label: Some("Advertorial".into()), ..category("42") }], ..Entry::default() },
                Some(Promotion::Sponsored),
            ),
        ] {
            assert_eq!(of(&entry), promotion, "{entry:?}");
        }
    }
}
