//! One item of RSS or entry of Atom.

use super::media::Gathered;
use super::name::Ns;
use super::scope::{Own, Scope, language};
use super::tree::{Id, Tree};
use super::{person, read_date, text};
use crate::entry::{Category, Entry, Link, Origin, Person, Problem, ReadStage};
use crate::rights::Reservation;
use crate::stage::rights::{promotion, reservation};
use crate::syntax::has_scheme;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use url::Url;

/// Most links, people or categories that are kept of one element.
const MAX_REPEATED: usize = 200;
/// The vocabulary of podcast categories and keywords, as their other readers name it.
pub(super) const ITUNES_SCHEME: &str = "http://www.itunes.com/";
/// The vocabulary of `media:category` without one (Media RSS 1.5.1).
const MEDIA_SCHEME: &str = "http://search.yahoo.com/mrss/category_schema";

/// What reading an element needs besides the element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'r, 'a> {
    pub tree: &'r Tree<'a>,
    pub time_zone: Tz,
    /// Language that dates are written in.
    pub date_language: Option<&'r str>,
    /// Where the document is.
    pub document: Option<&'r Url>,
}

/// The best of several elements that say the same: the lowest rank, the first of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Best(Option<(u8, Id)>);

impl Best {
    /// Offers an element.
    pub(super) fn offer(&mut self, rank: u8, id: Id) {
        if self.0.is_none_or(|(known, _)| rank < known) {
            self.0 = Some((rank, id));
        }
    }

    /// Whether the best is an element of the feed's own vocabulary.
    fn is_own(self) -> bool {
        self.0.is_some_and(|(rank, _)| rank == 0)
    }

    /// The element of the lowest rank.
    pub(super) fn id(self) -> Option<Id> {
        self.0.map(|(_, id)| id)
    }
}

/// Dates of one meaning, best first when ranked.
#[derive(Debug, Default)]
pub(super) struct Dates(Vec<(u8, String)>);

impl Dates {
    /// Offers a date as written.
    pub(super) fn offer(&mut self, rank: u8, raw: &str) {
        let raw = raw.trim();
        if !raw.is_empty() && self.0.len() < MAX_REPEATED {
            self.0.push((rank, raw.to_owned()));
        }
    }

    /// The first that can be read, and how it was written; else how the best was written, and a problem.
    pub(super) fn best(
        mut self,
        reader: &Reader<'_, '_>,
        entry: Option<usize>,
        problems: &mut Vec<Problem>,
    ) -> (Option<DateTime<Utc>>, Option<String>) {
        self.0.sort_by_key(|(rank, _)| *rank);
        for (_, raw) in &self.0 {
            if let Some(date) = read_date(raw, reader.time_zone, reader.date_language) {
                return (Some(date), Some(raw.clone()));
            }
        }
        let raw = self.0.into_iter().next().map(|(_, raw)| raw);
        if let Some(raw) = &raw {
            let shown: String = raw.chars().take(80).collect();
            problems.push(Problem { entry, stage: ReadStage::Date, what: format!("cannot read the date {shown:?}") });
        }
        (None, raw)
    }
}

/// Lower-cases an element's name without a heap allocation; longer names than any known stay as they are.
pub(super) fn lower<'b>(name: &'b str, buffer: &'b mut [u8; 24]) -> &'b str {
    if name.bytes().all(|b| !b.is_ascii_uppercase()) {
        return name;
    }
    let Some(room) = buffer.get_mut(..name.len()) else { return name };
    room.copy_from_slice(name.as_bytes());
    room.make_ascii_lowercase();
    std::str::from_utf8(room).unwrap_or(name)
}

impl Reader<'_, '_> {
    /// Reads an item or entry. `index` is its place among the entries, for problems.
    pub(super) fn entry(&self, id: Id, outer: &Scope<'_>, index: usize, problems: &mut Vec<Problem>) -> Entry {
        let tree = self.tree;
        let own = outer.own(tree, id);
        let scope = outer.with(&own);
        let mut entry = Entry::default();
        let mut found = Found::default();
        let mut buffer = [0; 24];
        for at in tree.elements(id) {
            let node = tree.node(at);
            let name = lower(node.local(), &mut buffer);
            match node.ns {
                Ns::None | Ns::Rss | Ns::Atom => self.core(name, at, &scope, &mut entry, &mut found),
                ns => self.module(ns, name, at, &scope, &mut entry, &mut found),
            }
        }
        self.attributes(id, &scope, &mut entry, &mut found);
        self.identity(&scope, &mut entry, &found, id);
        let link = entry
            .links
            .iter()
            .find(|link| link.rel.as_deref().is_none_or(|rel| rel == "alternate"))
            .and_then(|link| Url::parse(&link.href).ok());
        let texts = Scope { texts: if scope.explicit { scope.base } else { link.as_ref().or(scope.base) }, ..scope };
        entry.base = texts.texts.map(|url| url.as_str().to_owned());
        entry.language = entry.language.or_else(|| scope.language.map(str::to_owned));
        self.texts(&texts, &mut entry, &mut found);
        (entry.published, entry.published_raw) = found.published.best(self, Some(index), problems);
        (entry.updated, entry.updated_raw) = found.updated.best(self, Some(index), problems);
        if entry.authors.is_empty() {
            entry.authors = found.second_authors;
        }
        for link in entry.links.iter().filter(|link| link.rel.as_deref() == Some("enclosure")) {
            found.media.enclosure(link.href.clone(), link.media_type.clone(), link.length_bytes);
        }
        entry.media = found.media.finish();
        entry.reservation = reserved_with(entry.reservation.take(), &entry.links);
        if let Some(link) = entry.links.iter().find(|link| !has_scheme(&link.href)) {
            let shown: String = link.href.chars().take(80).collect();
            problems.push(Problem {
                entry: Some(index),
                stage: ReadStage::Link,
                what: format!("no base for the relative address {shown:?}"),
            });
        }
        entry
    }

    /// An element of RSS or Atom itself.
    fn core(&self, name: &str, at: Id, scope: &Scope<'_>, entry: &mut Entry, found: &mut Found) {
        let tree = self.tree;
        match name {
            "title" => found.title.offer(0, at),
            "link" => self.link(at, scope, &mut entry.links),
            "guid" | "id" => found.id.offer(0, at),
            "description" => found.description.offer(0, at),
            "abstract" => found.description.offer(2, at),
            "summary" => found.summary.offer(0, at),
            // Richer before poorer, here before elsewhere.
            "content" => {
                let type_ = tree.attribute(at, "type").unwrap_or_default();
                let rank = if tree.end(at) == at + 1 { 6 } else { 1 + u8::from(!type_.contains("html")) };
                found.content.offer(rank, at);
            }
            "encoded" => found.content.offer(3, at),
            "fullitem" | "body" => found.content.offer(4, at),
            "pubdate" | "published" | "issued" => found.published.offer(0, &tree.text(at)),
            "date" => found.published.offer(2, &tree.text(at)),
            "created" => found.published.offer(4, &tree.text(at)),
            "updated" | "modified" => found.updated.offer(0, &tree.text(at)),
            "lastbuilddate" => found.updated.offer(3, &tree.text(at)),
            "author" | "creator" => push(&mut entry.authors, person::construct(tree, at, scope)),
            "contributor" => push(&mut entry.contributors, person::construct(tree, at, scope)),
            "category" => self.category(at, &mut entry.categories),
            "enclosure" => self.enclosure(at, scope, entry),
            "source" => entry.source = entry.source.take().or_else(|| self.origin(at, scope, found)),
            "rights" | "copyright" => found.rights.offer(0, at),
            "comments" => {
                if let Some(href) = scope.address(&tree.text(at)).filter(|href| href.starts_with("http")) {
                    // RFC 4685 section 4: what answers an entry is `replies`.
                    entry.links.push(Link {
                        href,
                        rel: Some("replies".to_owned()),
                        media_type: Some("text/html".to_owned()),
                        ..Link::default()
                    });
                }
            }
            "language" => entry.language = language(&tree.text(at)).or(entry.language.take()),
            "image" => found.media.take(tree, at, scope),
            "lastmod" => found.updated.offer(1, &tree.text(at)),
            _ => {}
        }
    }

    /// An element of a module.
    fn module(&self, ns: Ns, name: &str, at: Id, scope: &Scope<'_>, entry: &mut Entry, found: &mut Found) {
        let tree = self.tree;
        match (ns, name) {
            (Ns::Dc | Ns::DcTerms, "title") => found.title.offer(1, at),
            (Ns::Itunes, "title") => found.title.offer(2, at),
            (Ns::Content, "encoded") => found.content.offer(0, at),
            (Ns::Xhtml, "body" | "div") => found.content.offer(4, at),
            (Ns::Dc, "description") => found.description.offer(1, at),
            (Ns::DcTerms, "abstract" | "description") => found.description.offer(2, at),
            (Ns::Itunes, "summary") => found.description.offer(3, at),
            (Ns::Itunes, "subtitle") => found.description.offer(4, at),
            (Ns::Dc, "date") => found.published.offer(1, &tree.text(at)),
            (Ns::DcTerms, "issued" | "date") => found.published.offer(2, &tree.text(at)),
            (Ns::DcTerms, "created") => found.published.offer(3, &tree.text(at)),
            (Ns::DcTerms, "modified") => found.updated.offer(1, &tree.text(at)),
            (Ns::Dc | Ns::DcTerms, "creator" | "author") => push(&mut entry.authors, person::construct(tree, at, scope)),
            (Ns::Itunes, "author") => push(&mut found.second_authors, person::construct(tree, at, scope)),
            (Ns::Dc | Ns::DcTerms, "contributor") => push(&mut entry.contributors, person::construct(tree, at, scope)),
            (Ns::Dc | Ns::DcTerms, "publisher") => {
                // As a channel's: who publishes is whom RSS calls webmaster.
                let publisher = person::construct(tree, at, scope);
                push(&mut entry.contributors, publisher.map(|person| Person { role: Some("webMaster".to_owned()), ..person }));
            }
            (Ns::Dc | Ns::DcTerms, "subject") => self.term(&tree.text(at), None, &mut entry.categories),
            (Ns::Itunes, "category" | "keywords") | (Ns::Media, "category" | "keywords") => self.category(at, &mut entry.categories),
            (Ns::Dc | Ns::DcTerms, "rights") => found.rights.offer(1, at),
            (Ns::Media, "copyright") => found.rights.offer(2, at),
            (Ns::Licence, "license" | "licence") => self.licence(at, scope, &mut entry.links),
            (Ns::Dc | Ns::DcTerms, "language") => entry.language = entry.language.take().or_else(|| language(&tree.text(at))),
            (Ns::Dc, "identifier") => found.id.offer(2, at),
            (Ns::Dc, "source") => found.source = found.source.take().or_else(|| tree.filled(at)),
            (Ns::FeedBurner, "origlink") => found.original = found.original.take().or_else(|| scope.address(&tree.text(at))),
            (Ns::Rsl | Ns::Mining, _) => self.reserved(ns, name, at, scope, &mut entry.reservation),
            (Ns::Media | Ns::Itunes, _) => found.media.take(tree, at, scope),
            _ => {}
        }
    }

    /// What some formats put into the item's own attributes: CDF's `HREF` and `LASTMOD`.
    fn attributes(&self, id: Id, scope: &Scope<'_>, entry: &mut Entry, found: &mut Found) {
        for attribute in self.tree.attributes(id) {
            if attribute.name.eq_ignore_ascii_case("href") {
                if let Some(href) = scope.address(&self.tree.value(attribute)) {
                    entry.links.push(Link { href, ..Link::default() });
                }
            } else if attribute.name.eq_ignore_ascii_case("lastmod") {
                found.updated.offer(0, &self.tree.value(attribute));
            }
        }
    }

    /// Id and the links that follow from it.
    fn identity(&self, scope: &Scope<'_>, entry: &mut Entry, found: &Found, item: Id) {
        let tree = self.tree;
        let about = tree.attributes(item).iter().find(|a| a.name == "about" || a.name.ends_with(":about")).map(|a| tree.value(a));
        let about = about.map(|about| about.trim().to_owned()).filter(|about| !about.is_empty());
        let element = found.id.0;
        let is_dublin = element.is_some_and(|(rank, _)| rank > 0);
        let named = element.map(|(_, id)| id).filter(|_| !(is_dublin && about.is_some()));
        entry.id = named.and_then(|id| tree.filled(id)).or_else(|| about.clone());
        if let Some(id) = entry.id.as_mut().filter(|id| tree.node(item).ns == Ns::Atom && id.contains('/') && !has_scheme(id)) {
            // RFC 4287 section 4.2.6 wants an absolute IRI; a path is one only together with its base, and no other feed has it then.
            *id = scope.address(id).unwrap_or_default();
        }
        let mut has_link = entry.links.iter().any(|link| link.rel.as_deref().is_none_or(|rel| rel == "alternate"));
        let paid = entry.links.iter().find(|link| link.rel.as_deref() == Some(promotion::SPONSORED)).filter(|_| !has_link);
        if let Some(href) = paid.map(|paid| paid.href.clone()) {
            entry.links.push(Link { href, rel: Some("alternate".to_owned()), ..Link::default() });
            has_link = true;
        }
        if !has_link {
            let permalink = named.filter(|id| {
                let node = tree.node(*id);
                node.local().eq_ignore_ascii_case("guid")
                    && tree.attribute(*id, "isPermaLink").is_none_or(|is| is.trim().eq_ignore_ascii_case("true"))
            });
            let href = permalink.and_then(|_| entry.id.clone()).or(about).filter(|href| is_http(href));
            entry.links.extend(href.map(|href| Link { href, ..Link::default() }));
        }
        if let Some(href) = found.original.clone().filter(|href| is_http(href)) {
            entry.links.retain(|link| link.href != href);
            entry.links.insert(0, Link { href, rel: Some("alternate".to_owned()), ..Link::default() });
        }
        if let (None, Some(source)) = (&entry.source, &found.source) {
            let mut origin = Origin::default();
            if is_http(source) {
                origin.url = Some(source.clone());
            } else {
                origin.title = Some(crate::entry::Text { value: source.clone(), ..Default::default() });
            }
            entry.source = Some(origin);
        }
    }

    /// Title, summary, content, rights.
    fn texts(&self, scope: &Scope<'_>, entry: &mut Entry, found: &mut Found) {
        let tree = self.tree;
        entry.title = found.title.id().and_then(|id| self.text(id, scope)).or_else(|| found.media.title().cloned());
        entry.rights = found.rights.id().and_then(|id| self.text(id, scope));
        entry.content = found.content.id().and_then(|id| {
            let own = scope.own(tree, id);
            text::content(tree, id, &scope.with(&own)).map(|mut content| {
                // Elements of RSS have no type and hold HTML by definition.
                if tree.node(id).ns != Ns::Atom && tree.attribute(id, "type").is_none() {
                    "text/html".clone_into(&mut content.media_type);
                }
                content
            })
        });
        let summary = found.summary.id().and_then(|id| self.text(id, scope));
        let description = found.description.id().and_then(|id| self.text(id, scope));
        let both = summary.is_some() && description.is_some() && found.description.is_own();
        if both && entry.content.is_none() {
            // Who writes both puts the shorter first; the other is the whole text.
            let (short, long) = if found.summary.id() < found.description.id() { (summary, description) } else { (description, summary) };
            entry.summary = short;
            entry.content = long.map(|long| {
                let media_type = if long.kind == crate::entry::TextKind::Html { "text/html" } else { "text/plain" };
                crate::entry::Content { value: Some(long.value), media_type: media_type.to_owned(), src: None }
            });
        } else {
            entry.summary = summary.or(description);
        }
        if entry.summary.is_none() && entry.content.is_none() {
            entry.summary = found.media.description().cloned();
        }
    }

    /// A text of whichever vocabulary.
    pub(super) fn text(&self, id: Id, scope: &Scope<'_>) -> Option<crate::entry::Text> {
        let own: Own = scope.own(self.tree, id);
        let scope = scope.with(&own);
        let typed = self.tree.node(id).ns == Ns::Atom || self.tree.attributes(id).iter().any(|a| a.name == "type" || a.name == "mode");
        if typed { text::construct(self.tree, id, &scope) } else { text::guessed(self.tree, id, &scope) }
    }

    /// A link of Atom (attributes) or RSS (text).
    pub(super) fn link(&self, at: Id, scope: &Scope<'_>, links: &mut Vec<Link>) {
        let tree = self.tree;
        if links.len() >= MAX_REPEATED {
            return;
        }
        let own = scope.own(tree, at);
        let scope = scope.with(&own);
        let attribute = |name| tree.attribute(at, name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let href = attribute("href").and_then(|href| scope.address(&href));
        if let Some(href) = href {
            let rel = attribute("rel").map(|rel| rel.trim_start_matches("http://www.iana.org/assignments/relation/").to_owned());
            let mut rel = rel.unwrap_or_else(|| "alternate".to_owned());
            if rel.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case(promotion::SPONSORED)) {
                // Who marks a link as paid for says nothing of what it is; the mark is kept beside it.
                links.push(Link { href: href.clone(), rel: Some(promotion::SPONSORED.to_owned()), ..Link::default() });
                let rest = rel.split_ascii_whitespace().filter(|word| !word.eq_ignore_ascii_case(promotion::SPONSORED));
                rel = rest.collect::<Vec<_>>().join(" ");
                if rel.is_empty() {
                    return;
                }
            }
            links.push(Link {
                href,
                rel: Some(rel),
                media_type: attribute("type"),
                language: attribute("hreflang"),
                length_bytes: attribute("length").and_then(|length| length.parse().ok()),
                title: attribute("title"),
            });
        } else if let Some(href) = scope.address(&tree.text(at)) {
            links.push(Link { href, ..Link::default() });
        }
    }

    fn enclosure(&self, at: Id, scope: &Scope<'_>, entry: &mut Entry) {
        let tree = self.tree;
        let attribute = |name| tree.attribute(at, name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let url = attribute("url").or_else(|| attribute("href")).or_else(|| attribute("src")).or_else(|| tree.filled(at));
        let Some(href) = url.and_then(|url| scope.address(&url)) else { return };
        let (media_type, length_bytes) = (attribute("type"), attribute("length").and_then(|length| length.parse().ok()));
        if entry.links.len() < MAX_REPEATED {
            entry.links.push(Link { href, rel: Some("enclosure".to_owned()), media_type, length_bytes, ..Link::default() });
        }
    }

    /// Where an entry was first published: elements of a feed inside (Atom), or a title with an address (RSS).
    fn origin(&self, at: Id, outer: &Scope<'_>, found: &mut Found) -> Option<Origin> {
        let tree = self.tree;
        let own = outer.own(tree, at);
        let scope = outer.with(&own);
        let mut origin = Origin::default();
        if !tree.has_elements(at) {
            origin.url = tree.attribute(at, "url").or_else(|| tree.attribute(at, "href")).and_then(|url| scope.address(&url));
            origin.title = text::guessed(tree, at, &scope);
            return (origin != Origin::default()).then_some(origin);
        }
        let mut links = Vec::new();
        let mut authors = Vec::new();
        let mut buffer = [0; 24];
        for child in tree.elements(at) {
            match lower(tree.node(child).local(), &mut buffer) {
                "id" => origin.id = origin.id.take().or_else(|| tree.filled(child)),
                "title" => origin.title = origin.title.take().or_else(|| self.text(child, &scope)),
                "updated" | "modified" => {
                    origin.updated = origin.updated.or_else(|| read_date(&tree.text(child), self.time_zone, self.date_language))
                }
                "link" => self.link(child, &scope, &mut links),
                "author" => push(&mut authors, person::construct(tree, child, &scope)),
                "rights" => found.rights.offer(3, child),
                _ => {}
            }
        }
        let by_rel = |rel: &str| links.iter().find(|link| link.rel.as_deref() == Some(rel)).map(|link| link.href.clone());
        origin.url = by_rel("self").or_else(|| by_rel("alternate"));
        // RFC 4287 section 4.2.1: the source's authors are the entry's, if it names none itself.
        found.second_authors.extend(authors);
        (origin != Origin::default()).then_some(origin)
    }

    /// A licence's address becomes a link (RFC 4946).
    pub(super) fn licence(&self, at: Id, scope: &Scope<'_>, links: &mut Vec<Link>) {
        let resource = self.tree.attribute_local(at, "resource");
        if let Some(href) = resource.and_then(|href| scope.address(&href)).or_else(|| scope.address(&self.tree.text(at))) {
            links.push(Link { href, rel: Some("license".to_owned()), ..Link::default() });
        }
    }

    /// What an element of RSL or TDMRep reserves of what it stands in. RSL terms stand in the document itself, which is then where they
    /// are; those that permit everything for nothing reserve nothing.
    pub(super) fn reserved(&self, ns: Ns, name: &str, at: Id, scope: &Scope<'_>, found: &mut Option<Reservation>) {
        let tree = self.tree;
        let reservation = found.get_or_insert_default();
        match (ns, name) {
            (Ns::Rsl, "rsl" | "content" | "license") if !self.permits_all(at) => {
                reservation.rsl = reservation.rsl.take().or_else(|| self.document.or(scope.base).map(Url::to_string));
            }
            (Ns::Mining, "reservation") => reservation.mining |= tree.text(at) == "1",
            (Ns::Mining, "policy") => reservation.policy = reservation.policy.take().or_else(|| scope.address(&tree.text(at))),
            _ => {}
        }
    }

    fn permits_all(&self, at: Id) -> bool {
        let tree = self.tree;
        let usage = |id: Id| tree.attribute(id, "type").is_none_or(|kind| kind.trim().eq_ignore_ascii_case("usage"));
        let mut permits = false;
        for id in (at..tree.end(at)).filter(|id| tree.node(*id).ns == Ns::Rsl) {
            let mut buffer = [0; 24];
            match lower(tree.node(id).local(), &mut buffer) {
                "permits" if usage(id) => permits |= tree.text(id).split([' ', ',', '\n']).any(|word| matches!(word, "all" | "ai-all")),
                "prohibits" => return false,
                "payment" if tree.attribute(id, "type").is_none_or(|kind| !kind.trim().eq_ignore_ascii_case("free")) => return false,
                _ => {}
            }
        }
        permits
    }

    /// A category of any vocabulary, those nested in it, and keywords.
    pub(super) fn category(&self, at: Id, categories: &mut Vec<Category>) {
        let tree = self.tree;
        let node = tree.node(at);
        if node.local().eq_ignore_ascii_case("keywords") {
            let text = tree.text(at);
            let scheme = if node.ns == Ns::Itunes { ITUNES_SCHEME } else { MEDIA_SCHEME };
            for keyword in text.split(',') {
                self.term(keyword, Some(scheme.to_owned()), categories);
            }
            return;
        }
        let attribute =
            |id: Id, name: &str| tree.attribute(id, name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        if node.ns == Ns::Itunes {
            for id in at..tree.end(at) {
                if tree.node(id).ns == Ns::Itunes
                    && let Some(text) = attribute(id, "text").or_else(|| tree.filled(id))
                {
                    self.term(&text, Some(ITUNES_SCHEME.to_owned()), categories);
                }
            }
            return;
        }
        let scheme =
            attribute(at, "scheme").or_else(|| attribute(at, "domain")).or_else(|| (node.ns == Ns::Media).then(|| MEDIA_SCHEME.to_owned()));
        let label = attribute(at, "label");
        let Some(term) = attribute(at, "term").or_else(|| tree.filled(at)).or_else(|| label.clone()) else { return };
        let term = super::markup::stripped(&term).into_owned();
        add(categories, Category { term, scheme, label });
    }

    /// A category that is a term.
    pub(super) fn term(&self, term: &str, scheme: Option<String>, categories: &mut Vec<Category>) {
        add(categories, Category { term: super::markup::stripped(term).into_owned(), scheme, label: None });
    }
}

fn add(categories: &mut Vec<Category>, category: Category) {
    let known = categories.iter().any(|known| known.term == category.term && known.scheme == category.scheme);
    if !category.term.is_empty() && !known && categories.len() < MAX_REPEATED {
        categories.push(category);
    }
}

/// What elements reserve, and links.
pub(super) fn reserved_with(found: Option<Reservation>, links: &[Link]) -> Option<Reservation> {
    let linked = reservation::in_links(links);
    // Terms that have an address of their own are there.
    Reservation::joined(linked.as_ref(), found.as_ref()).and_then(Reservation::some)
}

/// Adds a person unless it is already there.
pub(super) fn push(people: &mut Vec<Person>, person: Option<Person>) {
    if let Some(person) = person.filter(|person| people.len() < MAX_REPEATED && !people.contains(person)) {
        people.push(person);
    }
}

/// Whether an address can be opened in a browser.
pub(super) fn is_http(address: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

/// What an entry's elements offer before it is decided which of them count.
#[derive(Debug, Default)]
struct Found {
    title: Best,
    summary: Best,
    description: Best,
    content: Best,
    rights: Best,
    id: Best,
    published: Dates,
    updated: Dates,
    media: Gathered,
    original: Option<String>,
    source: Option<String>,
    /// Authors that count only if there are no others.
    second_authors: Vec<Person>,
}
