//! Makes a record's draft of an entry.

use std::borrow::Cow;

use chrono::{DateTime, Datelike, Utc};
use url::Url;

use crate::config::{Mode, Reservations, Site, Source, Terms};
use crate::entry::{Entry, Feed, Link, Text, TextKind};
use crate::record::{Draft, DraftTopic, TakenFrom};
use crate::rights::Reservation;
use crate::stage::classify::{Article, Classifier, Explanation};
use crate::stage::host::Reach;
use crate::stage::identity::Address;
use crate::stage::rights::{Licence, attribution, promotion, reservation};
use crate::stage::story::{self, Signature};
use crate::stage::{clean, naming, text};
use crate::syntax::{is_iri, is_iri_char, is_media_type};

/// Counts up when the same entry and configuration would give another draft, so that stored records are derived anew.
pub const MAP_VERSION: u32 = 3;

/// Longest title made of an untitled entry's text, in characters.
const MADE_TITLE_MAX_CHARS: usize = 80;

/// What a draft depends on besides its entry.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// The site.
    pub site: &'a Site,
    /// Its topics, compiled.
    pub classifier: &'a Classifier,
}

/// What a feed says of itself, as its entries carry it on.
#[must_use]
pub fn taken_from(feed: &Feed, source: &Source, now: DateTime<Utc>) -> TakenFrom {
    let newest = feed.entries.iter().filter_map(|e| e.updated.or(e.published)).filter(|t| *t <= now).max();
    let reach = Reach::of(source);
    TakenFrom {
        id: feed.id.as_deref().filter(|id| may_name(id, reach)).unwrap_or(source.url.as_str()).to_owned(),
        title: title_of(feed, source),
        self_url: source.url.to_string(),
        alternate_url: feed.links.iter().find(|l| l.rel.as_deref() == Some("alternate")).and_then(|l| web_url(l, reach)),
        updated: feed.updated.filter(|t| *t <= now && t.year() > 1970).or(newest).unwrap_or(now),
        rights: feed.rights.as_ref().map(plain).filter(|r| !r.is_empty()),
        licence: licence(&feed.links, reach),
    }
}

/// A source's title: the configured one, the feed's own, or its host.
#[must_use]
pub fn title_of(feed: &Feed, source: &Source) -> String {
    let own = || feed.title.as_ref().map(plain).filter(|t| !t.is_empty());
    source.title.clone().or_else(own).unwrap_or_else(|| naming::brand(&source.url))
}

/// The licence that a feed or an entry declares.
#[must_use]
pub fn licence(links: &[Link], reach: Reach) -> Option<String> {
    let is_licence = |l: &&Link| l.rel.as_deref() == Some("license") && !reservation::is_rsl(l.rel.as_deref(), l.media_type.as_deref());
    links.iter().find(is_licence).and_then(|l| web_url(l, reach))
}

/// What is made of an entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// Its record's draft.
    pub draft: Draft,
    /// What of it is compared to find its story.
    pub signature: Signature,
}

/// What is made of an entry, or `None` if it has neither title nor text nor address.
///
/// `first_seen` dates what has no date, and caps what claims the future (invariant 4). `reserved` is what its feed or its page reserves.
#[must_use]
pub fn make(
    entry: &Entry,
    address: Option<&Address>,
    key: &str,
    source: &Source,
    (taken_from, reserved): (&TakenFrom, Option<&Reservation>),
    rules: Rules<'_>,
    first_seen: DateTime<Utc>,
) -> Option<Made> {
    let href = address.map(|a| a.clean.as_str());
    let place = address.map_or_else(|| Cow::Owned(placeless(source, taken_from, key)), Cow::Borrowed);
    let reach = Reach::of(source);
    let reservation = reserved_of(entry, reserved, reach);
    let terms = source.terms([&place.clean, &place.original], reservation.is_some());
    let texts = Texts::read(entry, source, &terms, &taken_from.title, href)?;
    let address = place.into_owned();
    let published = date(entry.published.or(entry.updated), first_seen).unwrap_or(first_seen);
    let origin = entry.source.as_ref().filter(|o| o.title.is_some() || o.id.is_some() || o.url.is_some());
    let is_reserved = reservation.is_some();
    let topics = topics(&texts.article(&address.clean, entry, source, is_reserved), rules);
    let language = entry.language.clone().or_else(|| source.language.clone());
    let licence = licence_of(entry, taken_from, &terms, reach);
    let name = origin.and_then(|origin| origin.title.as_ref()).map(plain).filter(|title| !title.is_empty());
    let name = name.as_ref().unwrap_or(&taken_from.title);
    let attribution = texts.attribution(&terms, licence.as_deref(), &texts.authors, name, published);
    let signature = signature_of(entry, &texts.title, &texts.told(), (&address.clean, None), language.as_deref());
    let draft = Draft {
        topics,
        href: address.clean,
        original: address.original,
        published,
        changed: date(entry.updated, first_seen).filter(|changed| *changed > published),
        curators: curators(source, rules, &texts.authors, &taken_from.title),
        authors: texts.authors,
        section: rules.site.sections.get(source.section).map(|s| s.id.clone()).unwrap_or_default(),
        language,
        rights: entry.rights.as_ref().map(plain).filter(|r| !r.is_empty()).or_else(|| taken_from.rights.clone()),
        licence,
        attribution,
        promotion: promotion::of(entry),
        enclosures: enclosures(entry, reach),
        image: image(entry, reach),
        feed_id: entry.id.as_deref().filter(|id| may_name(id, reach)).map(str::to_owned),
        via: origin.map(|_| taken_from.title.clone()),
        via_link: None,
        taken_from: origin.map_or_else(|| taken_from.clone(), |origin| passed_on(origin, taken_from, reach)),
        institution: source.institution.clone(),
        offering: source.offering.clone(),
        title: texts.title,
        summary: texts.summary,
        body: texts.body,
        given_title: None,
        hidden: is_hidden(source, is_reserved),
        reservation,
        pinned: false,
    };
    Some(Made { draft: withheld(draft), signature })
}

/// Derives a stored record anew: text, topics and what the configuration gives; identity, dates and provenance stay. With the
/// same entry and rules it gives the same draft.
#[must_use]
pub fn redraft(entry: &Entry, old: &Draft, source: &Source, rules: Rules<'_>) -> Option<Draft> {
    let title = source.title.as_ref().or(old.via.as_ref()).unwrap_or(&old.taken_from.title).clone();
    let reach = Reach::of(source);
    let reservation = reserved_of(entry, old.reservation.as_ref(), reach);
    let terms = source.terms([&old.href, &old.original], reservation.is_some());
    let texts = Texts::read(entry, source, &terms, &title, Some(&old.href))?;
    let licence = licence_of(entry, &old.taken_from, &terms, reach);
    let name = if old.via.is_some() { &old.taken_from.title } else { &title };
    Some(withheld(Draft {
        topics: topics(&texts.article(&old.href, entry, source, reservation.is_some()), rules),
        attribution: texts.attribution(&terms, licence.as_deref(), &old.authors, name, old.published),
        licence,
        promotion: promotion::of(entry),
        curators: curators(source, rules, &old.authors, &title),
        section: rules.site.sections.get(source.section).map(|s| s.id.clone()).unwrap_or_default(),
        language: entry.language.clone().or_else(|| source.language.clone()),
        institution: source.institution.clone(),
        offering: source.offering.clone(),
        via: old.via.as_ref().map(|_| title.clone()),
        taken_from: if old.via.is_some() { old.taken_from.clone() } else { TakenFrom { title, ..old.taken_from.clone() } },
        title: texts.title,
        summary: texts.summary,
        body: texts.body,
        given_title: None,
        hidden: is_hidden(source, reservation.is_some()),
        reservation,
        pinned: false,
        ..old.clone()
    }))
}

/// What an entry reserves itself, and what is reserved of it elsewhere. Addresses that may not be published are left out.
fn reserved_of(entry: &Entry, elsewhere: Option<&Reservation>, reach: Reach<'_>) -> Option<Reservation> {
    let may = |url: &String| may_link(url, reach);
    let found = Reservation::joined(entry.reservation.as_ref(), elsewhere)?;
    Reservation { rsl: found.rsl.filter(may), policy: found.policy.filter(may), ..found }.some()
}

fn is_hidden(source: &Source, is_reserved: bool) -> bool {
    is_reserved && source.reservations == Reservations::Skip
}

/// What is hidden is in no feed.
fn withheld(draft: Draft) -> Draft {
    if draft.hidden { Draft { topics: Vec::new(), ..draft } } else { draft }
}

/// Where its licence is: its own, its feed's, or the one that the operator noted.
fn licence_of(entry: &Entry, taken_from: &TakenFrom, terms: &Terms<'_>, reach: Reach<'_>) -> Option<String> {
    let noted = || {
        let noted = terms.rights?.licence.as_ref()?;
        let address = || Licence::read(noted).and_then(|licence| licence.address());
        Some(noted.clone()).filter(|noted| is_web(noted)).or_else(address)
    };
    licence(&entry.links, reach).or_else(|| taken_from.licence.clone()).or_else(noted)
}

/// Why an entry is, is not, or nearly is under each topic.
#[must_use]
pub fn explain(entry: &Entry, draft: &Draft, source: &Source, rules: Rules<'_>) -> Vec<Explanation> {
    let (terms, is_reserved) = terms_of(draft, source);
    let texts = Texts::read(entry, source, &terms, &draft.taken_from.title, Some(&draft.href));
    texts.map_or_else(Vec::new, |texts| rules.classifier.explain(&texts.article(&draft.href, entry, source, is_reserved)))
}

/// How a record is published, and whether it is reserved.
fn terms_of<'s>(draft: &Draft, source: &'s Source) -> (Terms<'s>, bool) {
    let is_reserved = draft.reservation.is_some();
    (source.terms([&draft.href, &draft.original], is_reserved), is_reserved)
}

/// The topics that the rules give an entry, without making the rest of its draft.
#[must_use]
pub fn refile(entry: &Entry, old: &Draft, source: &Source, rules: Rules<'_>) -> Option<Vec<DraftTopic>> {
    let title = source.title.as_ref().or(old.via.as_ref()).unwrap_or(&old.taken_from.title);
    let (terms, is_reserved) = terms_of(old, source);
    let texts = Texts::read(entry, source, &terms, title, Some(&old.href))?;
    Some(if is_hidden(source, is_reserved) { Vec::new() } else { topics(&texts.article(&old.href, entry, source, is_reserved), rules) })
}

/// What of an entry is compared to find its story. `page` is the address that its article's page gives; `source` is `None` if it is not
/// configured any more.
#[must_use]
pub fn signature(entry: &Entry, draft: &Draft, page: Option<&str>, source: Option<&Source>) -> Signature {
    let read = |source| Texts::read(entry, source, &terms_of(draft, source).0, &draft.taken_from.title, Some(&draft.href));
    let texts = source.and_then(read);
    let title = draft.given_title.as_ref().unwrap_or(&draft.title);
    let text = texts.as_ref().map_or(Cow::Borrowed(draft.summary.as_str()), Texts::told);
    signature_of(entry, title, &text, (&draft.href, page), draft.language.as_deref())
}

fn signature_of(entry: &Entry, title: &str, text: &str, (href, page): (&str, Option<&str>), language: Option<&str>) -> Signature {
    let links = entry.links.iter().filter(|l| matches!(l.rel.as_deref(), Some("canonical" | "via"))).map(|l| l.href.as_str());
    let id = entry.id.as_deref().filter(|id| *id != href && is_web(id));
    // The record's own address is clean.
    let own = Some(href.to_owned()).filter(|href| !href.contains('#') && !is_front_page(href));
    let addresses: Vec<String> = own.into_iter().chain(id.into_iter().chain(links).chain(page).filter_map(own_address)).collect();
    story::sign(&story::Article { title, text, language, addresses: &addresses })
}

/// Whether a clean address names a site and nothing on it.
fn is_front_page(clean: &str) -> bool {
    clean.split_once("://").is_some_and(|(_, rest)| !rest.contains('?') && rest.split_once('/').is_none_or(|(_, path)| path.is_empty()))
}

/// Enough of a text to know another by that begins with it; the cut's mark is left out.
fn beginning(text: &str) -> &str {
    let end = text.char_indices().nth(60).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or(text).trim_end_matches(['…', '.', ' '])
}

/// A clean address that is one article's: a site's front page is everyone's, and a fragment was made to tell articles apart.
fn own_address(address: &str) -> Option<String> {
    if address.contains('#') {
        return None;
    }
    let clean = clean::clean_url(address, None)?;
    (clean.path().len() > 1 || clean.query().is_some()).then(|| clean.into())
}

/// An entry's texts as readers and rules see them.
struct Texts {
    title: String,
    summary: String,
    body: String,
    /// Whole summary, before it is cut to an excerpt.
    whole: String,
    content: String,
    categories: Vec<String>,
    authors: Vec<String>,
    /// The source's id, and its title if the configuration gives one: what a feed calls itself may change between polls.
    source: Vec<String>,
}

impl Texts {
    fn read(entry: &Entry, source: &Source, terms: &Terms<'_>, source_title: &str, href: Option<&str>) -> Option<Self> {
        let content = content_of(entry).map(|content| plain(&content));
        let described = entry.summary.as_ref().or_else(|| entry.media.iter().find_map(|m| m.description.as_ref()));
        let whole = described.map(plain).map(|s| text::without_boilerplate(&s).to_owned());
        let content = content.map(|c| text::without_boilerplate(&c).to_owned()).unwrap_or_default();
        let whole = whole.filter(|s| !s.is_empty()).unwrap_or_else(|| content.clone());
        let summary = text::teaser(&whole, terms.excerpt_max_chars);
        let title = entry.title.as_ref().map(plain).filter(|t| !t.is_empty());
        let title = match title {
            Some(title) => naming::title_without_site(&title, Some(source_title)),
            None if !summary.is_empty() => text::excerpt(&summary, MADE_TITLE_MAX_CHARS),
            None => {
                let media = entry.media.iter().find_map(|m| m.title.as_ref()).map(plain).filter(|t| !t.is_empty());
                media.or_else(|| href.map(bare))?
            }
        };
        let body = match described {
            _ if terms.mode == Mode::FullText => full_text(entry, source, described),
            // Emphasis and links survive only in a summary that is published whole.
            Some(html) if html.kind == TextKind::Html && html.value.contains('<') && summary == whole => {
                // A private base would make private links of relative ones.
                let base = entry.base.as_deref().and_then(|b| Url::parse(b).ok()).filter(|base| Reach::of(source).holds(base));
                text::paragraphs(html, base.as_ref().or(Some(&source.url)), Some(terms.excerpt_max_chars))
            }
            _ => text::paragraphs(&Text { value: summary.clone(), kind: TextKind::Plain }, None, None),
        };
        let categories = entry.categories.iter().map(|c| plain_str(c.label.as_deref().unwrap_or(&c.term))).collect();
        let source = std::iter::once(source.id.clone()).chain(source.title.clone()).collect();
        Some(Self { title, summary, body, whole, content, categories, authors: authors(entry), source })
    }

    /// What happened, as far as the entry tells it.
    fn told(&self) -> Cow<'_, str> {
        // Where one does not begin the other, the summary says it first.
        if self.content.starts_with(beginning(&self.whole)) {
            Cow::Borrowed(&self.content)
        } else if self.content.is_empty() {
            Cow::Borrowed(&self.whole)
        } else {
            Cow::Owned(format!("{} {}", self.whole, self.content))
        }
    }

    /// The line that says whose it is: the operator's, or what a Creative Commons licence asks for where anything is shown of it.
    fn attribution(
        &self,
        terms: &Terms<'_>,
        licence: Option<&str>,
        authors: &[String],
        source: &str,
        published: DateTime<Utc>,
    ) -> Option<String> {
        let template = terms.rights.and_then(|rights| rights.attribution.as_deref());
        let noted = terms.rights.and_then(|rights| rights.licence.as_deref());
        if template.is_none() && licence.is_none() {
            return None;
        }
        let common = licence.and_then(Licence::read);
        let is_owed = common.as_ref().is_some_and(|common| common.attribution && terms.mode != Mode::Title);
        if template.is_none() && !is_owed {
            return None;
        }
        let is_cut = self.summary != self.whole || !(self.content.is_empty() || self.content == self.whole);
        let named = common.as_ref().map(Licence::name).or_else(|| noted.map(str::to_owned));
        Some(attribution::line(
            template,
            &attribution::Facts {
                title: &self.title,
                authors,
                source,
                licence: named.as_deref().unwrap_or_default(),
                date: &published.date_naive().to_string(),
                is_changed: is_owed && terms.mode == Mode::Excerpt && is_cut,
            },
        ))
    }

    fn article<'a>(&'a self, href: &'a str, entry: &'a Entry, source: &'a Source, is_reserved: bool) -> Article<'a> {
        Article {
            title: &self.title,
            summary: &self.whole,
            content: &self.content,
            categories: &self.categories,
            url: href,
            authors: &self.authors,
            source: &self.source,
            language: entry.language.as_deref().or(source.language.as_deref()),
            fixed: &source.categories,
            reserved: is_reserved && source.reservations >= Reservations::Rules,
        }
    }
}

/// An entry's content, if it is a text.
fn content_of(entry: &Entry) -> Option<Text> {
    let content = entry.content.as_ref()?;
    let kind = if content.media_type == "text/plain" { TextKind::Plain } else { TextKind::Html };
    let is_text = content.media_type.starts_with("text/") || content.media_type.contains("html");
    content.value.clone().filter(|_| is_text).map(|value| Text { value, kind })
}

/// The whole text as the source gives it, for sources whose publisher allowed that.
fn full_text(entry: &Entry, source: &Source, described: Option<&Text>) -> String {
    let base = entry.base.as_deref().and_then(|b| Url::parse(b).ok());
    let content = content_of(entry);
    let whole = [content.as_ref(), described].into_iter().flatten();
    whole.map(|text| text::paragraphs(text, base.as_ref().or(Some(&source.url)), None)).find(|body| !body.is_empty()).unwrap_or_default()
}

/// Who answers for a record: the configured curator, else its authors, else its source.
fn curators(source: &Source, rules: Rules<'_>, authors: &[String], source_title: &str) -> Vec<String> {
    match source.curator.as_ref().or(rules.site.curator.as_ref()) {
        Some(curator) => vec![curator.clone()],
        None if authors.is_empty() => vec![source_title.to_owned()],
        None => authors.to_vec(),
    }
}

fn topics(article: &Article<'_>, rules: Rules<'_>) -> Vec<DraftTopic> {
    let topic = |index: usize| rules.site.topics.get(index).map(|t| DraftTopic { slug: t.slug.clone(), category: t.category.clone() });
    rules.classifier.classify(article).into_iter().filter_map(|verdict| topic(verdict.topic)).collect()
}

/// An address as the title of an article that has none: without its scheme.
fn bare(href: &str) -> String {
    href.split_once("://").map_or(href, |(_, rest)| rest).trim_end_matches('/').to_owned()
}

/// Text ready for people: no markup, mojibake mended, nothing that XML forbids.
fn plain(text: &Text) -> String {
    // Mended first: cleaning drops the control characters that the mending needs.
    match text::unmojibake(&text.value) {
        Cow::Borrowed(_) => text::plain(text),
        Cow::Owned(value) => text::plain(&Text { value, kind: text.kind }),
    }
}

fn plain_str(value: &str) -> String {
    plain(&Text { value: value.to_owned(), kind: TextKind::Html })
}

fn authors(entry: &Entry) -> Vec<String> {
    entry.authors.iter().filter_map(|p| p.name.as_deref()).filter_map(author).collect()
}

/// An author's name without an e-mail address (acceptance P12).
pub(crate) fn author(name: &str) -> Option<String> {
    let name = plain_str(name);
    let words = name.split_whitespace().filter(|word| !word.contains('@'));
    let name = words.collect::<Vec<_>>().join(" ");
    let name = name.trim_matches(|c: char| c.is_whitespace() || "()<>,;".contains(c));
    (!name.is_empty()).then(|| name.to_owned())
}

/// A date that can be true: not before the web, not after `cap`.
fn date(claimed: Option<DateTime<Utc>>, cap: DateTime<Utc>) -> Option<DateTime<Utc>> {
    claimed.filter(|t| t.year() > 1970).map(|t| t.min(cap))
}

fn passed_on(origin: &crate::entry::Origin, through: &TakenFrom, reach: Reach<'_>) -> TakenFrom {
    let url = origin.url.as_deref().filter(|u| may_link(u, reach));
    let id = origin.id.as_deref().filter(|id| may_name(id, reach)).or(url).unwrap_or(&through.id);
    TakenFrom {
        id: id.to_owned(),
        title: origin.title.as_ref().map(plain).filter(|t| !t.is_empty()).unwrap_or_else(|| through.title.clone()),
        self_url: url.unwrap_or(&through.self_url).to_owned(),
        alternate_url: None,
        updated: origin.updated.map_or(through.updated, |u| u.min(through.updated)),
        rights: through.rights.clone(),
        licence: through.licence.clone(),
    }
}

/// The address of an article that has none: its source's site, with a fragment of its own so that it is told apart.
fn placeless(source: &Source, taken_from: &TakenFrom, key: &str) -> Address {
    let site = taken_from.alternate_url.as_deref().unwrap_or(source.url.as_str());
    let fragment = naming::record_uuid(&format!("{}\n{key}", source.id)).simple().to_string();
    let clean = format!("{}#{}", site.split('#').next().unwrap_or_default(), &fragment[..12]);
    Address { original: site.to_owned(), clean }
}

fn enclosures(entry: &Entry, reach: Reach<'_>) -> Vec<(String, String, u64)> {
    let links = entry.links.iter().filter(|l| l.rel.as_deref() == Some("enclosure"));
    let links = links.map(|l| (Some(&l.href), l.media_type.as_ref(), l.length_bytes));
    let media = entry.media.iter().flat_map(|m| &m.contents).map(|c| (c.url.as_ref(), c.media_type.as_ref(), c.size_bytes));
    let mut found: Vec<(String, String, u64)> = Vec::new();
    for (url, media_type, bytes) in links.chain(media) {
        let (Some(url), Some(media_type)) = (url, media_type) else { continue };
        if may_link(url, reach) && is_media_type(media_type) && !found.iter().any(|(u, ..)| u == url) {
            found.push((url.clone(), media_type.clone(), bytes.unwrap_or(0)));
        }
    }
    found
}

fn image(entry: &Entry, reach: Reach<'_>) -> Option<String> {
    let thumbnails = entry.media.iter().flat_map(|m| &m.thumbnails).cloned();
    let pictures = enclosures(entry, reach).into_iter().filter(|(_, t, _)| t.starts_with("image/")).map(|(url, ..)| url);
    pictures.chain(thumbnails).find(|url| may_link(url, reach))
}

fn web_url(link: &Link, reach: Reach<'_>) -> Option<String> {
    Some(link.href.clone()).filter(|href| may_link(href, reach))
}

/// Whether what is published may link there (S21).
fn may_link(url: &str, reach: Reach<'_>) -> bool {
    is_web(url) && Url::parse(url).is_ok_and(|url| reach.holds(&url))
}

/// Whether an id may be published: an address in somebody's own network tells nothing apart in the world.
fn may_name(id: &str, reach: Reach<'_>) -> bool {
    is_iri(id) && (!is_web(id) || may_link(id, reach))
}

fn is_web(url: &str) -> bool {
    Url::parse(url).is_ok_and(|u| matches!(u.scheme(), "http" | "https") && u.host().is_some()) && url.chars().all(is_iri_char)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Content, FeedKind, Origin, Person};
    use crate::stage::identity;

    const CONFIG: &str = "[site]\ntitle = \"T\"\nbase_url = \"https://t.example/\"\n\
        [[source]]\nid = \"s\"\nurl = \"https://s.example/feed\"\n[[topic]]\ncategory = \"V: Health\"\nany = [\"health\"]\n";

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
    }

    fn html(value: &str) -> Option<Text> {
        Some(Text { value: value.into(), kind: TextKind::Html })
    }

    fn entry() -> Entry {
        Entry {
            id: Some("https://s.example/?p=1".into()),
            title: html("On <b>health</b> &amp; more | Source"),
            links: vec![Link { href: "https://s.example/a?utm_source=x".into(), ..Link::default() }],
            summary: html("<p>About <em>it</em>.</p>"),
            published: Some(at(0)),
            authors: vec![Person { name: Some("Desk (desk@s.example)".into()), ..Person::default() }],
            ..Entry::default()
        }
    }

    /// The entry's draft, and what deriving it anew gives.
    fn drafted(config: &str, entry: &Entry) -> (Option<Draft>, Option<Draft>) {
        let site = crate::config::check(std::path::Path::new("feeds.toml"), config).unwrap();
        let classifier = Classifier::new(&site.topics).unwrap();
        let rules = Rules { site: &site, classifier: &classifier };
        let feed = Feed { title: html("Source"), entries: vec![entry.clone()], ..Feed::empty(FeedKind::Rss2) };
        let source = &site.sources[0];
        let taken_from = taken_from(&feed, source, at(100));
        let address = identity::address(entry, Reach::of(source));
        let made = make(entry, address.as_ref(), "id:1", source, (&taken_from, None), rules, at(100));
        let draft = made.map(|made| made.draft);
        let again = draft.as_ref().and_then(|old| redraft(entry, old, source, rules));
        (draft, again)
    }

    fn draft_of(entry: &Entry) -> Draft {
        drafted(CONFIG, entry).0.unwrap()
    }

    #[test]
    fn an_entry_becomes_a_record() {
        let draft = draft_of(&entry());
        assert_eq!((draft.title.as_str(), draft.summary.as_str()), ("On health & more", "About it."));
        assert_eq!(draft.body, "<p>About <em>it</em>.</p>");
        assert_eq!((draft.href.as_str(), draft.original.as_str()), ("https://s.example/a", "https://s.example/a?utm_source=x"));
        assert_eq!((draft.authors.as_slice(), draft.curators.as_slice()), (&["Desk".to_owned()][..], &["Desk".to_owned()][..]));
        assert_eq!(draft.topics[0].slug, "v-health");
        assert_eq!(draft.feed_id.as_deref(), Some("https://s.example/?p=1"));
    }

    #[test]
    fn the_same_rules_derive_the_same_draft() {
        let origin = Origin { title: html("Elsewhere"), url: Some("https://e.example/feed".into()), ..Origin::default() };
        for entry in [entry(), Entry { source: Some(origin), ..entry() }, Entry { title: None, ..entry() }] {
            let (first, again) = drafted(CONFIG, &entry);
            assert_eq!(first, again);
        }
    }

    #[test]
    fn a_passed_on_entry_names_its_publisher_and_through_whom() {
        let origin = Origin { title: html("Elsewhere"), url: Some("https://e.example/feed".into()), ..Origin::default() };
        let draft = draft_of(&Entry { source: Some(origin), ..entry() });
        assert_eq!((draft.taken_from.title.as_str(), draft.via.as_deref()), ("Elsewhere", Some("Source")));
    }

    #[test]
    fn dates_are_capped_and_never_invented_twice() {
        assert_eq!(draft_of(&Entry { published: None, ..entry() }).published, at(100), "undated: first seen");
        assert_eq!(draft_of(&Entry { published: Some(at(999_999)), ..entry() }).published, at(100), "from the future");
        assert_eq!(draft_of(&Entry { published: DateTime::from_timestamp(0, 0), ..entry() }).published, at(100), "1970 is no date");
        assert_eq!(draft_of(&Entry { updated: Some(at(50)), ..entry() }).changed, Some(at(50)));
    }

    #[test]
    fn titles_are_made_where_there_are_none() {
        let untitled = Entry { title: None, ..entry() };
        assert_eq!(draft_of(&untitled).title, "About it.");
        let bare = Entry { summary: None, ..untitled };
        assert_eq!(draft_of(&bare).title, "s.example/a");
        let nothing = Entry { links: Vec::new(), id: None, ..bare };
        assert_eq!(drafted(CONFIG, &nothing).0, None);
    }

    #[test]
    fn long_texts_are_cut_to_an_excerpt_without_markup() {
        let value = Some(format!("<p>{}</p>", "<i>word</i> ".repeat(200)));
        let content = Content { value, media_type: "text/html".into(), src: None };
        let draft = draft_of(&Entry { summary: None, content: Some(content), ..entry() });
        assert!(draft.summary.chars().count() <= 300 && draft.summary.ends_with("word…"), "{}", draft.summary);
        assert_eq!(draft.body, format!("<p>{}</p>", draft.summary));
    }

    #[test]
    fn fixed_categories_stand_after_those_found() {
        let config = CONFIG.replace("[[topic]]", "categories = [\"V: Always\"]\n[[topic]]\ncategory = \"V: Always\"\n[[topic]]");
        let slugs: Vec<String> = drafted(&config, &entry()).0.unwrap().topics.into_iter().map(|t| t.slug).collect();
        assert_eq!(slugs, ["v-health", "v-always"]);
    }

    #[test]
    fn links_into_private_networks_are_dropped_and_the_entry_is_kept() {
        let local = "http://localhost:4000/a";
        let link = |href: &str, rel: Option<&str>| Link {
            href: href.into(),
            rel: rel.map(str::to_owned),
            media_type: rel.map(|_| "image/png".to_owned()),
            ..Link::default()
        };
        let private = Entry {
            id: Some(local.into()),
            links: vec![link(local, None), link("http://10.0.0.1/p.png", Some("enclosure"))],
            summary: html(&format!("<p><a href=\"{local}\">About</a> <a href=\"b\">it</a>.</p>")),
            base: Some("http://localhost:4000/".into()),
            source: Some(Origin { title: html("Elsewhere"), url: Some(local.into()), id: Some(local.into()), ..Origin::default() }),
            ..entry()
        };
        let draft = draft_of(&private);
        assert_eq!((draft.title.as_str(), draft.original.as_str()), ("On health & more", "https://s.example/feed"));
        let published = serde_json::to_string(&draft).unwrap();
        assert!(!published.contains("localhost") && !published.contains("10.0.0.1"), "{published}");
        // Where the source is on a private network itself, that is where its readers are.
        for config in
            [CONFIG.replace("https://s.example", "http://intranet"), CONFIG.replace("/feed\"\n", "/feed\"\nallow = [\"10.0.0.0/8\"]\n")]
        {
            let (draft, again) = drafted(&config, &private);
            assert_eq!(draft, again);
            let draft = draft.unwrap();
            assert_eq!((draft.href.as_str(), draft.enclosures.len(), draft.feed_id.as_deref()), (local, 1, Some(local)));
        }
        // A public address beside the private one is the article's.
        let second = Entry { links: vec![link(local, None), link("https://s.example/a", None)], ..entry() };
        assert_eq!(draft_of(&second).href, "https://s.example/a");
    }

    fn with_rights(rights: &str) -> String {
        CONFIG.replace("[[topic]]", &format!("{rights}\n[[topic]]"))
    }

    fn licensed(url: &str) -> Entry {
        let licence = Link { href: url.into(), rel: Some("license".into()), ..Link::default() };
        Entry { links: entry().links.into_iter().chain([licence]).collect(), ..entry() }
    }

    #[test]
    fn rights_by_address_decide_what_is_published() {
        let config = with_rights(
            "[[source.rights]]\nurl = \"/ency/\"\nmode = \"title\"\n[[source.rights]]\nmode = \"full-text\"\nallowed_by = \"NLM\"\n\
             on = 2026-01-05\nwhere = \"terms\"\nattribution = \"Courtesy of {source}, {date}.\"",
        );
        let content = Content { value: Some("<p>All <b>of</b> it.</p>".into()), media_type: "text/html".into(), src: None };
        for (path, summary, body, attribution) in
            [("ency/1", "", "", None), ("asthma", "About it.", "<p>All <b>of</b> it.</p>", Some("Courtesy of Source, 2023-11-14."))]
        {
            let link = Link { href: format!("https://s.example/{path}"), ..Link::default() };
            let (draft, again) = drafted(&config, &Entry { links: vec![link], content: Some(content.clone()), ..entry() });
            assert_eq!(draft, again, "{path}");
            let draft = draft.unwrap();
            assert_eq!((draft.summary.as_str(), draft.body.as_str(), draft.attribution.as_deref()), (summary, body, attribution), "{path}");
        }
    }

    #[test]
    fn a_licence_that_asks_for_it_is_attributed() {
        const BY: &str = "https://creativecommons.org/licenses/by/4.0/";
        let long = Some(Text { value: "word ".repeat(200), kind: TextKind::Plain });
        for (rights, entry, licence, attribution) in [
            ("", entry(), None, None),
            ("", licensed("https://s.example/terms"), Some("https://s.example/terms"), None),
            ("", licensed(BY), Some(BY), Some("“On health & more” by Desk, Source, CC BY 4.0")),
            (
                "",
                Entry { summary: long.clone(), ..licensed(BY) },
                Some(BY),
                Some("“On health & more” by Desk, Source, CC BY 4.0. Changes were made: this is an excerpt."),
            ),
            ("excerpt_max = 0", licensed(BY), Some(BY), None),
            ("rights = { licence = \"CC BY 4.0\" }", entry(), Some(BY), Some("“On health & more” by Desk, Source, CC BY 4.0")),
            ("rights = { licence = \"CC0 1.0\" }", entry(), Some("https://creativecommons.org/publicdomain/zero/1.0/"), None),
            (
                "rights = { licence = \"all rights reserved\", attribution = \"{licence}: {source}\" }",
                entry(),
                None,
                Some("all rights reserved: Source"),
            ),
        ] {
            let (draft, again) = drafted(&with_rights(rights), &entry);
            assert_eq!(draft, again, "{rights}");
            let draft = draft.unwrap();
            assert_eq!((draft.licence.as_deref(), draft.attribution.as_deref()), (licence, attribution), "{rights}");
        }
    }

    #[test]
    fn the_operators_rule_decides_on_what_is_reserved() {
        let reserved = Reservation { noai: true, rsl: Some("https://s.example/l.xml".into()), ..Reservation::default() };
        let declared = Entry { reservation: Some(reserved.clone()), ..entry() };
        for (rule, summary, topics, hidden) in
            [("pass", "About it.", 1, false), ("rules", "About it.", 1, false), ("title", "", 1, false), ("skip", "", 0, true)]
        {
            let config = with_rights(&format!("reservations = \"{rule}\""));
            let (draft, again) = drafted(&config, &declared);
            assert_eq!(draft, again, "{rule}");
            let draft = draft.unwrap();
            assert_eq!((draft.summary.as_str(), draft.topics.len(), draft.hidden), (summary, topics, hidden), "{rule}");
            assert_eq!(draft.reservation.as_ref(), Some(&reserved), "{rule}");
            assert!(!drafted(&config, &entry()).0.unwrap().hidden, "{rule}");
        }
        let private = Reservation { rsl: Some("http://10.0.0.1/l.xml".into()), noai: true, ..Reservation::default() };
        let draft = draft_of(&Entry { reservation: Some(private), ..entry() });
        assert_eq!(draft.reservation, Some(Reservation { noai: true, ..Reservation::default() }));
    }

    #[test]
    fn terms_for_programs_are_no_licence() {
        let media_type = Some(reservation::RSL_TYPE.to_owned());
        let rsl = Link { href: "https://s.example/l.xml".into(), rel: Some("license".into()), media_type, ..Link::default() };
        assert_eq!(draft_of(&Entry { links: vec![entry().links.remove(0), rsl], ..entry() }).licence, None);
    }

    #[test]
    fn mojibake_is_mended_before_anything_else() {
        let broken = Entry { summary: html("<p>Europe\u{e2}\u{20ac}\u{2122}s</p>"), ..entry() };
        assert_eq!(draft_of(&broken).summary, "Europe\u{2019}s");
    }
}
