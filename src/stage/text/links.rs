//! The texts of links that publishing systems put behind an excerpt: to the whole article, and to where it may be shared.
//!
//! Both stand behind the end of a sentence or alone; what stands inside one is its author's.

/// How a link to the whole article reads, in lower case, without the signs around it.
const READ_ON: [&str; 30] = [
    "read more",
    "read full article",
    "read the full article",
    "read full story",
    "read the full story",
    "read the rest",
    "keep reading",
    "continue reading",
    "continue reading this article",
    "lue lisää",
    "lue koko artikkeli",
    "lue koko juttu",
    "jatka lukemista",
    "läs mer",
    "läs vidare",
    "läs hela artikeln",
    "fortsätt läsa",
    "fortsätt att läsa",
    "weiterlesen",
    "weiter lesen",
    "mehr lesen",
    "mehr erfahren",
    "lesen sie mehr",
    "den ganzen artikel lesen",
    "lire la suite",
    "lire l’article",
    "lire l'article",
    "lire plus",
    "en savoir plus",
    "continuer la lecture",
];

/// What such a link may be followed by: the article's title in quotes.
const READ_ON_TITLED: [&str; 7] =
    ["continue reading", "jatka lukemista", "fortsätt läsa", "weiterlesen", "lire la suite de", "continuer la lecture de", "read more"];

/// Signs around a link: brackets, arrows, dots.
const SIGNS: [char; 12] = [' ', '[', ']', '(', ')', '»', '›', '>', '→', '…', '.', '\u{a0}'];

const QUOTES: [char; 9] = ['"', '“', '”', '„', '«', '»', '‘', '’', '\''];

/// Where articles are shared, as the words stand in links.
const NETWORKS: [&str; 28] = [
    "facebook",
    "twitter",
    "x",
    "linkedin",
    "whatsapp",
    "pinterest",
    "reddit",
    "tumblr",
    "telegram",
    "mastodon",
    "bluesky",
    "threads",
    "email",
    "e-mail",
    "pocket",
    "xing",
    "messenger",
    "facebookissa",
    "twitterissä",
    "x:ssä",
    "linkedinissä",
    "whatsappissa",
    "sähköpostilla",
    "sähköpostitse",
    "e-post",
    "courriel",
    "flipboard",
    "instapaper",
];

/// Words that say that something is shared.
const SHARING: [&str; 12] =
    ["share", "tweet", "jaa", "dela", "teilen", "teile", "partager", "partagez", "twittern", "twiittaa", "tweeter", "tweeta"];

/// Words between those.
const BETWEEN: [&str; 40] = [
    "this",
    "on",
    "via",
    "by",
    "to",
    "with",
    "the",
    "post",
    "article",
    "story",
    "click",
    "print",
    "opens",
    "in",
    "new",
    "window",
    "like",
    "loading",
    "tämä",
    "artikkeli",
    "tulosta",
    "detta",
    "på",
    "skriv",
    "ut",
    "artikeln",
    "auf",
    "mit",
    "per",
    "bei",
    "diesen",
    "beitrag",
    "artikel",
    "drucken",
    "ceci",
    "sur",
    "par",
    "cet",
    "imprimer",
    "or",
];

/// Where a link to the whole article begins that ends `text`.
pub(super) fn read_on(text: &str) -> Option<usize> {
    let core = text.trim_end_matches(SIGNS);
    // Once for all phrases: every new text comes by here.
    let end = core.get(core.floor_char_boundary(core.len().saturating_sub(40))..).unwrap_or_default().to_lowercase();
    for phrase in READ_ON {
        if end.ends_with(phrase)
            && let Some(at) = ends_with(core, phrase)
            && let Some(start) = alone(text, at)
        {
            return Some(start);
        }
    }
    let core = text.trim_end_matches([' ', '\u{a0}', '→', '.', '…', ']']);
    if !core.ends_with(QUOTES) {
        return None;
    }
    let lower = core.to_lowercase();
    // Lower case may be of another length; then nothing is found where it was.
    READ_ON_TITLED.iter().filter(|_| lower.len() == core.len()).find_map(|phrase| {
        let at = lower.rfind(phrase)?;
        let title = core.get(at + phrase.len()..)?.trim_start();
        if title.starts_with(QUOTES) { alone(text, at) } else { None }
    })
}

/// Where share links begin that end `text`.
pub(super) fn share(text: &str) -> Option<usize> {
    let (mut network, mut sharing, mut start) = (false, false, text.len());
    let mut rest = text;
    loop {
        rest = rest.trim_end();
        let word_at = rest.rfind(char::is_whitespace).map_or(0, |at| at + rest[at..].chars().next().map_or(1, char::len_utf8));
        let word = rest[word_at..].trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        let (is_network, is_sharing) = (NETWORKS.contains(&word.as_str()), SHARING.contains(&word.as_str()));
        if rest.is_empty() || !(word.is_empty() || is_network || is_sharing || BETWEEN.contains(&word.as_str())) {
            break;
        }
        network |= is_network;
        sharing |= is_sharing;
        // They begin with the first word that says so.
        if is_sharing && network && alone(text, word_at).is_some() {
            start = word_at;
        }
        rest = &rest[..word_at];
    }
    (network && sharing && start < text.len()).then_some(start)
}

/// Where `text` begins to be `phrase` (lower case) up to its end.
fn ends_with(text: &str, phrase: &str) -> Option<usize> {
    let at = text.len().checked_sub(phrase.len())?;
    (text.get(at..)?.to_lowercase() == phrase).then_some(at)
}

/// Where a link that begins at `at` is to be cut off, if it stands alone: behind the end of a sentence, a bracket or an arrow, or at
/// the very start.
fn alone(text: &str, at: usize) -> Option<usize> {
    let before = text.get(..at)?;
    let trimmed = before.trim_end_matches([' ', '[', '(', '→', '»', '›', '\u{a0}']);
    let is_marked = before.trim_end().len() > trimmed.len();
    let ends = trimmed.chars().next_back().is_none_or(|c| !c.is_alphanumeric() && !matches!(c, ',' | ';' | '-' | '\'' | '’'));
    // A bracket or an arrow of its own goes with it.
    (is_marked || ends).then_some(trimmed.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_end_a_text_and_stand_alone() {
        for (text, kept) in [
            ("Text. Read more", Some("Text.")),
            ("Text. READ THE FULL STORY »", Some("Text.")),
            ("Text → Lire la suite", Some("Text")),
            ("Text [Weiterlesen…]", Some("Text")),
            ("Teksti. Jatka lukemista ”Otsikko”", Some("Teksti.")),
            ("Texte. Lire la suite de « Un titre »", Some("Texte.")),
            ("Weiterlesen", Some("")),
            ("Children should read more", None),
            ("He said: children should, perhaps, read more", None),
            ("You may want to keep reading “A title”", None),
            ("Text. Weiterlesen ist schön", None),
            ("", None),
        ] {
            assert_eq!(read_on(text).map(|at| text[..at].trim_end()), kept, "{text}");
        }
    }

    #[test]
    fn share_links_name_a_network_and_what_to_do() {
        for (text, kept) in [
            ("Text. Share this: Facebook Twitter", Some("Text.")),
            ("Text. Share on Facebook Share on X Share via email", Some("Text.")),
            ("Text! Tweet Share on LinkedIn (Opens in new window)", Some("Text!")),
            ("Teksti. Jaa Facebookissa Jaa LinkedInissä", Some("Teksti.")),
            ("Text. Dela på Facebook", Some("Text.")),
            ("Text. Teilen: Facebook, WhatsApp, E-Mail", Some("Text.")),
            ("Texte. Partager sur Facebook", Some("Texte.")),
            ("Share on Facebook", Some("")),
            ("People share this on Facebook", None),
            ("They compared Facebook and Twitter.", None),
            ("Text. They share", None),
            ("Text. Facebook", None),
            ("The share price of X", None),
            ("", None),
        ] {
            assert_eq!(share(text).map(|at| text[..at].trim_end()), kept, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_survived(text in "(share|on|x|read more|[. \\[\\]→»“”é\u{a0}İ]){0,20}") {
            for at in [read_on(&text), share(&text)].into_iter().flatten() {
                assert!(text.is_char_boundary(at));
            }
        }
    }
}
