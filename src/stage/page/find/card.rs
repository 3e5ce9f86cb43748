//! Reads one item of a list of which only its place is known.

use std::ops::Range;

use chrono::{DateTime, Utc};

use super::anchor::{is_call, is_title};
use super::outline::{Outline, Piece};
use super::{Page, region};
use crate::rights::Promotion;
use crate::stage::date;
use crate::stage::page::item::picture;
use crate::stage::rights::promotion;

/// Longest headline, in characters.
const TITLE_MAX_CHARS: usize = 300;

/// Longest text that is looked at for a date, and longest tag, in bytes.
const DATE_MAX_BYTES: usize = 90;
const TAG_MAX_BYTES: usize = 48;

/// Shortest text that is a teaser, in characters, where nothing but its length says so.
const SUMMARY_MIN_CHARS: usize = 40;

/// The same where its class says so.
const HINTED_MIN_CHARS: usize = 25;

/// Longest teaser, in characters.
const SUMMARY_MAX_CHARS: usize = 2_000;

/// Most tags of an item.
const TAGS_MAX: usize = 12;

/// Words of classes that say what a text is, in the five languages.
const DATE_WORDS: [&str; 19] = [
    "date",
    "time",
    "datetime",
    "published",
    "publish",
    "posted",
    "created",
    "timestamp",
    "pubdate",
    "day",
    "paivamaara",
    "pvm",
    "julkaistu",
    "datum",
    "publicerad",
    "veroeffentlicht",
    "publication",
    "submitted",
    "dato",
];
pub(super) const SUMMARY_WORDS: [&str; 18] = [
    "summary",
    "excerpt",
    "teaser",
    "description",
    "intro",
    "introtext",
    "lead",
    "dek",
    "standfirst",
    "abstract",
    "preamble",
    "ingress",
    "chapo",
    "blurb",
    "snippet",
    "subtitle",
    "kuvaus",
    "vorspann",
];
const TITLE_WORDS: [&str; 8] = ["title", "headline", "heading", "otsikko", "rubrik", "titel", "titre", "header"];
const AUTHOR_WORDS: [&str; 8] = ["author", "byline", "writer", "creator", "createdby", "kirjoittaja", "auteur", "autor"];
const TAG_WORDS: [&str; 23] = [
    "tag",
    "tags",
    "category",
    "categories",
    "cat",
    "cats",
    "topic",
    "topics",
    "label",
    "labels",
    "badge",
    "term",
    "terms",
    "type",
    "kicker",
    "eyebrow",
    "section",
    "rubrique",
    "surtitre",
    "pill",
    "chip",
    "taxonomy",
    "keyword",
];

/// What was read.
#[derive(Clone, Debug)]
pub(super) struct Card {
    pub(super) title: String,
    /// The element that holds it.
    pub(super) title_at: usize,
    /// Whether markup says that it is a headline, and not only that it is the link's text.
    pub(super) headed: bool,
    pub(super) date: Option<Dated>,
    pub(super) summary: Option<(String, usize)>,
    pub(super) tags: Vec<String>,
    pub(super) author: Option<(String, usize)>,
    pub(super) image: Option<(String, usize)>,
    /// Whether it says that it is paid for.
    pub(super) paid: bool,
}

/// A date and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Dated {
    pub(super) at: DateTime<Utc>,
    pub(super) raw: String,
    pub(super) node: usize,
}

/// Reads the item in a range of elements; `anchor` is its link.
pub(super) fn read(page: &Page<'_>, range: &Range<usize>, anchor: usize) -> Option<Card> {
    let outline = &page.outline;
    let (title, title_at, headed) = title(outline, range, anchor)?;
    let date = date_in(page, range, title_at);
    let mut card = Card { title, title_at, headed, date, summary: None, tags: Vec::new(), author: None, image: None, paid: false };
    card.image = range.clone().find_map(|at| {
        let is_picture = matches!(outline.name(at), "img" | "source") || outline.attr(at, "itemprop") == Some("image");
        is_picture.then(|| picture(&page.document.base, outline.nodes[at].element))?.map(|picture| (picture, at))
    });
    rest(page, range, anchor, &mut card);
    Some(card)
}

/// The item's headline, the element that holds it, and whether it is marked up as one.
fn title(outline: &Outline<'_>, range: &Range<usize>, anchor: usize) -> Option<(String, usize, bool)> {
    let line = |at: usize| outline.text(at).chars().take(TITLE_MAX_CHARS).collect::<String>();
    let good = |at: &usize| outline.text(*at).chars().any(char::is_alphabetic);
    let named = |at: &usize| outline.words(*at).iter().any(|word| TITLE_WORDS.contains(&word.as_str()));
    let within = outline.subtree(anchor);
    // A card that is one link as a whole is titled by its heading.
    if let Some(heading) = within.clone().find(|at| outline.is_heading(*at)).filter(good) {
        return Some((line(heading), heading, true));
    }
    let text = outline.text(anchor);
    let in_heading = outline.ancestors(anchor).take_while(|at| range.contains(at)).take(4).any(|at| outline.is_heading(at));
    if is_title(text) || (in_heading && good(&anchor)) {
        if in_heading {
            return Some((line(anchor), anchor, true));
        }
        // A link with several texts in it: the one that is called a title, or the first that can be one and is not all there is.
        if let Some(at) = within.clone().skip(1).filter(|at| outline.text(*at).len() < text.len()).find(|at| named(at) && good(at)) {
            return Some((line(at), at, true));
        }
        let texts: Vec<usize> = outline.pieces_in(&within).iter().map(|piece| piece.parent).collect();
        if texts.len() > 1 && within.clone().skip(1).any(|at| !crate::stage::text::markup::is_inline(outline.name(at))) {
            let fits = |at: &usize| *at != anchor && outline.text(*at).split_whitespace().count() >= 3 && !is_call(outline.text(*at));
            if let Some(at) = texts.into_iter().find(fits) {
                return Some((line(at), at, false));
            }
        }
        let named = outline.ancestors(anchor).take(3).take_while(|at| range.contains(at)).any(|at| named(&at));
        return Some((line(anchor), anchor, named));
    }
    let free = |at: &usize| outline.nodes[*at].region != region::Region::Out || outline.nodes[range.start].region == region::Region::Out;
    let heading = range.clone().filter(free).find(|at| outline.is_heading(*at) && good(at));
    let called =
        || range.clone().find(|at| *at != range.start && named(at) && is_title(outline.text(*at)) && outline.text(*at).len() < 400);
    let strong = || range.clone().find(|at| matches!(outline.name(*at), "strong" | "b") && is_title(outline.text(*at)));
    let at = heading.or_else(called).or_else(strong)?;
    Some((line(at), at, true))
}

/// The date in a range: the most explicit there is, and of those the first.
fn date_in(page: &Page<'_>, range: &Range<usize>, title_at: usize) -> Option<Dated> {
    let outline = &page.outline;
    let not_title = |at: usize| {
        !outline.holds(title_at, at)
            && !outline.ancestors(at).take_while(|at| range.contains(at)).any(|at| outline.is_heading(at) && outline.holds(at, title_at))
    };
    let dated = |raw: &str, node: usize, surely: bool| {
        let at = read_date(page, raw, surely)?;
        Some(Dated { at, raw: raw.to_owned(), node })
    };
    let of_change = |at: usize| outline.words(at).iter().any(|word| matches!(word.as_str(), "updated" | "modified" | "muokattu"));
    let marked = |at: &usize| {
        outline.name(*at) == "time"
            || outline.attr(*at, "datetime").is_some()
            || outline.attr(*at, "itemprop").is_some_and(|name| name.contains("datePublished"))
    };
    let by_markup = |at: usize| {
        let exact = ["datetime", "content"].iter().find_map(|name| outline.attr(at, name)).map(str::trim).filter(|raw| !raw.is_empty());
        exact.and_then(|raw| dated(raw, at, true)).or_else(|| dated(outline.text(at), at, true))
    };
    let times: Vec<usize> = range.clone().filter(marked).filter(|at| !outline.holds(*at, title_at)).collect();
    let first =
        times.iter().copied().filter(|at| !of_change(*at)).find_map(by_markup).or_else(|| times.iter().copied().find_map(by_markup));
    if first.is_some() {
        return first;
    }
    let short = |at: &usize| {
        let text = outline.text(*at);
        !text.is_empty() && text.len() <= DATE_MAX_BYTES && *at != range.start && !outline.holds(*at, title_at) && not_title(*at)
    };
    let hinted = |at: &usize| outline.words(*at).iter().any(|word| DATE_WORDS.contains(&word.as_str()));
    if let Some(found) =
        range.clone().filter(short).filter(hinted).filter(|at| !of_change(*at)).find_map(|at| dated(outline.text(at), at, true))
    {
        return Some(found);
    }
    let pieces = || outline.pieces_in(range).iter().filter(|piece| not_title(piece.parent) && outline.piece(piece).len() <= DATE_MAX_BYTES);
    let of_piece = |piece: &Piece, loosely: bool| {
        let raw = outline.piece(piece);
        (loosely || is_bare(raw)).then(|| dated(raw, piece.parent, false))?
    };
    (pieces().find_map(|piece| of_piece(piece, false)))
        // Day, month and year in elements of their own.
        .or_else(|| range.clone().filter(short).filter(|at| is_bare(outline.text(*at))).find_map(|at| dated(outline.text(at), at, false)))
        .or_else(|| pieces().filter(|piece| is_note(outline.piece(piece))).find_map(|piece| of_piece(piece, true)))
        .or_else(|| range.clone().filter(short).filter(|at| is_note(outline.text(*at))).find_map(|at| dated(outline.text(at), at, false)))
}

/// Reads a date; `surely` where markup says that it is one.
pub(super) fn read_date(page: &Page<'_>, raw: &str, surely: bool) -> Option<DateTime<Utc>> {
    let (zone, language) = (page.context.time_zone, page.language);
    if raw.len() > DATE_MAX_BYTES * 2 {
        return None;
    }
    let format = page.date_format.and_then(|format| date::read_with_format(raw, format, zone, language));
    let digits_only = raw.bytes().all(|b| b.is_ascii_digit());
    // A number alone may count anything, and "1/2" the pictures of a show.
    if format.is_none() && !surely && (digits_only || raw.split('/').count() == 2) {
        return None;
    }
    if digits_only && raw.len() < 8 {
        return None;
    }
    let absolute = format.or_else(|| date::read(raw, zone, language));
    absolute.or_else(|| {
        let counted = raw.bytes().next().is_some_and(|b| b.is_ascii_digit()) && raw.split_whitespace().count() <= 2;
        let minutes = raw.chars().filter(|c| c.is_alphabetic()).collect::<String>().to_lowercase();
        // "5 min" is as often how long the reading takes.
        if !surely
            && counted
            && matches!(
                minutes.as_str(),
                "min" | "mins" | "m" | "minutes" | "minuuttia" | "minuter" | "minuten" | "s" | "h" | "d" | "w" | "y"
            )
        {
            return None;
        }
        date::read_relative(raw, page.context.now, zone, language)
    })
}

/// Whether a text is no more than a date with what introduces it.
fn is_bare(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).count();
    words <= 4 && (text.bytes().any(|b| b.is_ascii_digit()) || words <= 2)
}

/// Whether a text may be a line of notes with a date in it, and not a sentence.
fn is_note(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).count();
    // A year at the least: what has none is a date only where it stands alone.
    words <= 9 && !text.ends_with(['.', '!', '?', '…']) && text.bytes().filter(u8::is_ascii_digit).count() >= 5
}

/// Teaser, tags and author out of what is neither title nor date.
fn rest(page: &Page<'_>, range: &Range<usize>, anchor: usize, card: &mut Card) {
    let outline = &page.outline;
    let whole_card = outline.holds(anchor, card.title_at) && anchor != card.title_at;
    let address_at = |at: usize| outline.attr(at, "href").and_then(|href| page.document.link(href)).and_then(|url| super::address(&url));
    // Cleaning addresses takes its time, and most items have no second link.
    let address = std::cell::OnceCell::new();
    let leads_there = |at: usize| address_at(at) == *address.get_or_init(|| address_at(anchor));
    let date_at = card.date.as_ref().map(|date| date.node);
    let mut at = range.start;
    let mut longest: Option<(String, usize)> = None;
    let mut hinted: Option<(String, usize)> = None;
    while at < range.end {
        let node = at;
        at += 1;
        let has_text = outline.nodes[node].texted;
        if node == card.title_at || outline.holds(node, card.title_at) && !has_text {
            if node == card.title_at {
                at = outline.nodes[node].end;
            }
            continue;
        }
        if !has_text {
            continue;
        }
        // A unit: an element with text of its own, and all that is in it. If the title is in it, its other children are looked at.
        if outline.holds(node, card.title_at) {
            let text = loose_text(outline, node);
            if node != anchor && text.chars().count() >= SUMMARY_MIN_CHARS && longest.is_none() {
                longest = Some((text, node));
            }
            continue;
        }
        at = outline.nodes[node].end;
        let text = outline.text(node);
        if promotion::named(text) == Some(Promotion::Sponsored) {
            card.paid = true;
        }
        let link_there = !whole_card && outline.name(node) == "a" && leads_there(node);
        if link_there || text == card.title || outline.is_heading(node) && text.len() < 40 {
            continue;
        }
        let words: Vec<String> = std::iter::once(node)
            .chain(outline.ancestors(node).take(4))
            .take_while(|at| range.contains(at) && (*at == node || *at != range.start))
            .flat_map(|at| outline.words(at))
            .collect();
        let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
        let is_date = date_at.is_some_and(|date| outline.holds(node, date) || outline.holds(date, node));
        let anchors_author = outline.attr(node, "rel").is_some_and(|rel| rel.contains("author"));
        if (has(&AUTHOR_WORDS) || anchors_author || text.starts_with("By ")) && text.len() <= 120 {
            if card.author.is_none() {
                card.author = author(page, node).map(|name| (name, node));
            }
            continue;
        }
        if is_date && text.len() <= DATE_MAX_BYTES {
            tags_beside_date(outline, node, date_at, card);
            continue;
        }
        let tagged = has(&TAG_WORDS) || outline.attr(node, "rel").is_some_and(|rel| rel.contains("tag"));
        let listed =
            outline.ancestors(node).take(2).take_while(|at| range.contains(at) && *at != range.start).any(|at| outline.name(at) == "li")
                || (outline.name(node) == "li" && node != range.start);
        let elsewhere = outline.name(node) == "a" && !leads_there(node);
        let plain_label = matches!(outline.name(node), "span" | "div" | "small") && text.chars().filter(|c| c.is_alphabetic()).count() >= 3;
        if let Some(tag) = label(text) {
            card.tags.push(tag);
            continue;
        }
        if text.len() <= TAG_MAX_BYTES && (tagged || listed || elsewhere || plain_label) && is_tag(text) {
            if card.tags.len() < TAGS_MAX && !card.tags.iter().any(|tag| tag == text) {
                card.tags.push(text.trim_end_matches([',', ';', '|']).trim().to_owned());
            }
            continue;
        }
        // The same date once more, for another layout.
        if text.len() <= DATE_MAX_BYTES && is_bare(text) && read_date(page, text, true).is_some() {
            continue;
        }
        let prose = prose(page, node, &leads_there);
        let chars = prose.chars().count();
        if chars == 0 || is_call(&prose) {
            continue;
        }
        if (has(&SUMMARY_WORDS) || outline.name(node) == "p") && chars >= 8 {
            // Every class of a summary block says so; a text too short to be one is taken where no other is.
            if hinted.as_ref().is_none_or(|(text, _)| text.chars().count() < HINTED_MIN_CHARS && chars >= HINTED_MIN_CHARS) {
                hinted = Some((prose, node));
            }
        } else if chars >= SUMMARY_MIN_CHARS && longest.as_ref().is_none_or(|(text, _)| text.chars().count() < chars) {
            longest = Some((prose, node));
        }
    }
    card.summary = hinted.or(longest);
}

/// "05 Jul 2024 resource": what stands beside a date in one line is what kind of item it is.
fn tags_beside_date(outline: &Outline<'_>, node: usize, date_at: Option<usize>, card: &mut Card) {
    for piece in outline.pieces_in(&outline.subtree(node)) {
        let text = outline.piece(piece).trim_matches(|c: char| !c.is_alphanumeric());
        if Some(piece.parent) != date_at
            && piece.parent != node
            && is_tag(text)
            && text.len() <= TAG_MAX_BYTES
            && card.tags.len() < TAGS_MAX
        {
            card.tags.push(text.to_owned());
        }
    }
}

/// Whether a short text can be a tag: a few words that are no call, no count and no sentence.
fn is_tag(text: &str) -> bool {
    let words = text.split_whitespace().count();
    let lower = text.to_lowercase();
    (1..=5).contains(&words)
        && text.chars().any(char::is_alphabetic)
        && !text.ends_with(['.', ':', '?', '!', '…'])
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && !is_call(text)
        && !lower.ends_with(" read")
        && !["tags", "categories", "featured", "new", "sticky", "share", "by", "in", "by:", "hits", "details"].contains(&lower.as_str())
        && !text.contains(':')
}

/// The kind that a label such as `Type: Press release` names.
pub(super) fn label(text: &str) -> Option<String> {
    let (name, value) = text.split_once(':')?;
    let known = name.split_whitespace().last().is_some_and(|word| {
        let word = word.to_lowercase();
        TAG_WORDS.contains(&word.as_str())
            || matches!(word.as_str(), "tyyppi" | "typ" | "kategoria" | "kategori" | "kategorie" | "rubrique" | "aihe" | "ämne" | "thema")
    });
    let value = value.trim();
    (known && value.len() <= TAG_MAX_BYTES && is_tag(value)).then(|| value.to_owned())
}

/// A name without what introduces it.
fn author(page: &Page<'_>, node: usize) -> Option<String> {
    let outline = &page.outline;
    let linked = outline.subtree(node).find(|at| outline.name(*at) == "a" && !outline.text(*at).is_empty());
    let text = outline.text(linked.unwrap_or(node));
    let mut name = text.trim();
    for start in ["Written by", "Submitted by", "Posted by", "By", "by", "Von", "von", "Par", "par", "Av", "av", "Kirjoittaja", "Author:"] {
        if let Some(rest) = name.strip_prefix(start).filter(|rest| rest.starts_with([' ', ':'])) {
            name = rest.trim_start_matches([' ', ':']);
            break;
        }
    }
    let name = name.split([',', '|', '·', '•']).next().unwrap_or(name).trim();
    (!name.is_empty() && name.split_whitespace().count() <= 6 && !name.bytes().any(|b| b.is_ascii_digit())).then(|| name.to_owned())
}

/// The text that stands directly in an element, as one line.
fn loose_text(outline: &Outline<'_>, node: usize) -> String {
    let pieces = outline.pieces_in(&outline.subtree(node)).iter().filter(|piece| piece.parent == node);
    let text = pieces.map(|piece| outline.piece(piece)).collect::<Vec<_>>().join(" ");
    text.chars().take(SUMMARY_MAX_CHARS).collect()
}

/// The text of an element without the links to read on in it.
fn prose(page: &Page<'_>, node: usize, leads_there: &dyn Fn(usize) -> bool) -> String {
    let outline = &page.outline;
    let mut out = String::new();
    for piece in outline.pieces_in(&outline.subtree(node)) {
        let in_link = std::iter::once(piece.parent)
            .chain(outline.ancestors(piece.parent))
            .take_while(|at| outline.holds(node, *at))
            .find(|at| outline.name(*at) == "a");
        if in_link.is_some_and(|link| is_call(outline.text(link)) && leads_there(link)) {
            continue;
        }
        let (spaced, text) = outline.spaced_piece(piece);
        if spaced {
            out.push(' ');
        }
        out.push_str(text);
        if out.len() > SUMMARY_MAX_CHARS * 4 {
            break;
        }
    }
    let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
    out.chars().take(SUMMARY_MAX_CHARS).collect()
}
