//! A whole feed: where its root and its items are, and what it says of itself.

use super::item::{Best, Dates, Reader, lower, push, reserved_with};
use super::name::Ns;
use super::scope::{Scope, language};
use super::tree::{Id, Kind, Tree};
use super::{Context, media, person};
use crate::entry::{Feed, FeedKind, Link, PaceHints, Person, Problem, ReadStage};
use crate::syntax::has_scheme;

/// Most entries that are read of one document; of a longer one the first and the last halves of this number are kept, as a feed that only
/// grows may grow at either end.
const MAX_ENTRIES: usize = 20_000;

/// How much of a document's items was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    /// The document ends in the middle of an item, which was left out.
    pub cut: bool,
    /// Complete items, read or not.
    pub items: usize,
}

/// The element that makes a document a feed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root {
    pub id: Id,
    pub kind: FeedKind,
}

/// Finds the root of a feed, also behind junk and inside elements that junk left open.
pub(super) fn root(tree: &Tree<'_>) -> Option<Root> {
    let mut lone = None;
    let mut html = None;
    for id in 1..tree.len() {
        let node = tree.node(id);
        if node.kind != Kind::Element {
            continue;
        }
        let local = node.local();
        let core = matches!(node.ns, Ns::None | Ns::Rss | Ns::Atom | Ns::Rdf);
        if local.eq_ignore_ascii_case("html") {
            html = html.or(Some(id));
        }
        if !core {
            continue;
        }
        let kind = if local.eq_ignore_ascii_case("rss") {
            Some(rss_kind(tree, id))
        } else if local.eq_ignore_ascii_case("rdf") {
            let netscape = tree.attributes(id).iter().any(|a| a.name.starts_with("xmlns") && tree.value(a).contains("netscape"));
            Some(if netscape { FeedKind::Rss0 } else { FeedKind::Rss1 })
        } else if local.eq_ignore_ascii_case("feed") && node.ns != Ns::Rdf {
            Some(FeedKind::Atom)
        } else {
            None
        };
        if let Some(kind) = kind {
            // A page may hold an element of this name; a page is no feed.
            let has_body = || (id..tree.end(id)).any(|at| ["channel", "item", "entry"].iter().any(|name| tree.node(at).is_core(name)));
            if html.is_none() || has_body() {
                return Some(Root { id, kind });
            }
        }
        if lone.is_none()
            && html.is_none()
            && (local.eq_ignore_ascii_case("channel") || local.eq_ignore_ascii_case("item") || local.eq_ignore_ascii_case("entry"))
        {
            // A channel without a root (CDF), or an entry on its own.
            let kind = if local.eq_ignore_ascii_case("entry") { FeedKind::Atom } else { FeedKind::Rss2 };
            lone = Some(Root { id: if local.eq_ignore_ascii_case("channel") { id } else { 0 }, kind });
        }
    }
    lone
}

fn rss_kind(tree: &Tree<'_>, id: Id) -> FeedKind {
    let version = tree.attribute(id, "version").unwrap_or_default();
    if version.trim().starts_with("0.9") { FeedKind::Rss0 } else { FeedKind::Rss2 }
}

/// The items, in document order, wherever below the root they stand; items in items are content.
fn items(tree: &Tree<'_>, root: Root) -> Vec<Id> {
    let named = |name: &str| {
        let mut found = Vec::new();
        let mut id = root.id + 1;
        let end = tree.end(root.id);
        while id < end {
            if tree.node(id).is_core(name) {
                found.push(id);
                id = tree.end(id);
            } else {
                id += 1;
            }
        }
        found
    };
    let (first, second) = if root.kind == FeedKind::Atom { ("entry", "item") } else { ("item", "entry") };
    let found = named(first);
    if found.is_empty() { named(second) } else { found }
}

/// Reads the feed below this root.
pub(super) fn read(tree: &Tree<'_>, root: Root, context: &Context<'_>, problems: &mut Vec<Problem>) -> (Feed, Extent) {
    let mut feed = Feed::empty(root.kind);
    let atom03 = tree.attributes(root.id).iter().any(|a| a.name.starts_with("xmlns") && tree.value(a).contains("purl.org/atom"))
        || (root.kind == FeedKind::Atom && tree.attribute(root.id, "version").is_some_and(|version| version.trim().starts_with("0.")));
    let strict = root.kind == FeedKind::Atom && tree.node(root.id).ns == Ns::Atom && !atom03;
    let outer = Scope { base: context.url, texts: context.url, explicit: false, language: None, atom03, strict };
    let root_own = outer.own(tree, root.id);
    let root_scope = outer.with(&root_own);
    let channel = if root.kind == FeedKind::Atom { root.id } else { tree.child(root.id, "channel").unwrap_or(root.id) };
    let own = if channel == root.id { Default::default() } else { root_scope.own(tree, channel) };
    let scope = root_scope.with(&own);
    let reader = Reader { tree, time_zone: context.time_zone, date_language: context.language, document: context.url };
    about(&reader, root, channel, &scope, &mut feed, problems);

    feed.language = feed.language.take().or_else(|| context.language.and_then(language));
    let reader = Reader { date_language: context.language.or(feed.language.as_deref()), ..reader };

    // Without an address of the document, its own word for it is the best base there is, then the site's.
    let by_rel = |wanted: &str| {
        let link = feed.links.iter().find(|link| link.rel.as_deref().unwrap_or("alternate") == wanted)?;
        url::Url::parse(&link.href).ok()
    };
    let site = by_rel("self").or_else(|| by_rel("alternate"));
    let base = scope.base.or(site.as_ref());
    let inherited = feed.language.clone();
    let scope = Scope { base, texts: base, language: inherited.as_deref(), ..scope };

    let mut ids = items(tree, root);
    let cut = ids.last().copied().filter(|last| tree.open_at_end.contains(last));
    if cut.is_some() {
        problems.push(Problem {
            entry: None,
            stage: ReadStage::Parse,
            what: format!("the document ends in the middle of entry {}", ids.len()),
        });
        ids.pop();
    } else if tree.repairs.truncated {
        problems.push(Problem { entry: None, stage: ReadStage::Repair, what: "the document ends before its root does".to_owned() });
    }
    let extent = Extent { cut: cut.is_some(), items: ids.len() };
    if ids.len() > MAX_ENTRIES {
        problems.push(Problem {
            entry: None,
            stage: ReadStage::Parse,
            what: format!("{} entries; the middle ones were left out", ids.len()),
        });
        ids.drain(MAX_ENTRIES / 2..ids.len() - MAX_ENTRIES / 2);
    }
    feed.entries = ids.iter().enumerate().map(|(index, id)| reader.entry(*id, &scope, index, problems)).collect();
    (feed, extent)
}

/// Reads what the feed says of itself.
fn about(reader: &Reader<'_, '_>, root: Root, channel: Id, scope: &Scope<'_>, feed: &mut Feed, problems: &mut Vec<Problem>) {
    let tree = reader.tree;
    let mut found = About::default();
    let mut buffer = [0; 24];
    for at in tree.elements(channel) {
        let node = tree.node(at);
        if node.is_core("item") || node.is_core("entry") {
            continue;
        }
        let name = lower(node.local(), &mut buffer);
        match node.ns {
            Ns::None | Ns::Rss | Ns::Atom => found.core(reader, name, at, scope, feed),
            ns => found.module(reader, ns, name, at, scope, feed),
        }
    }
    for attribute in tree.attributes(channel) {
        if attribute.name.eq_ignore_ascii_case("href") {
            if let Some(href) = scope.address(&tree.value(attribute)) {
                feed.links.push(Link { href, ..Link::default() });
            }
        } else if attribute.name.eq_ignore_ascii_case("lastmod") {
            found.updated.offer(1, &tree.value(attribute));
        } else if attribute.name.ends_with(":about") || attribute.name == "about" {
            let about = tree.value(attribute).trim().to_owned();
            feed.id = feed.id.take().or((!about.is_empty()).then_some(about));
        }
    }
    // RSS 1.0 keeps the picture beside the channel.
    let beside = (channel != root.id).then(|| tree.child(root.id, "image")).flatten();
    found.logo = found.logo.or_else(|| beside.and_then(|id| media::picture(tree, id, scope)));
    feed.logo = found.logo.or(found.itunes_image);
    feed.title = found.title.id().and_then(|id| reader.text(id, scope));
    feed.description = found.description.id().and_then(|id| reader.text(id, scope));
    feed.rights = found.rights.id().and_then(|id| reader.text(id, scope));
    feed.reservation = reserved_with(feed.reservation.take(), &feed.links);
    feed.published = found.published.best(reader, None, problems).0;
    feed.updated = found.updated.best(reader, None, problems).0;
    if feed.authors.is_empty() {
        feed.authors = found.second_authors;
    }
    feed.language = feed.language.take().or_else(|| scope.language.map(str::to_owned));
    if let Some((period_min, frequency)) = found.period_min.map(|period| (period, found.frequency.unwrap_or(1).max(1))) {
        feed.pace.syndication_min = Some((period_min / frequency).max(1));
    }
}

/// What a channel's elements offer before it is decided which of them count.
#[derive(Debug, Default)]
struct About {
    title: Best,
    description: Best,
    rights: Best,
    published: Dates,
    updated: Dates,
    logo: Option<String>,
    itunes_image: Option<String>,
    second_authors: Vec<Person>,
    period_min: Option<u32>,
    frequency: Option<u32>,
}

impl About {
    fn core(&mut self, reader: &Reader<'_, '_>, name: &str, at: Id, scope: &Scope<'_>, feed: &mut Feed) {
        let tree = reader.tree;
        match name {
            "title" => self.title.offer(0, at),
            "link" => reader.link(at, scope, &mut feed.links),
            "id" => feed.id = feed.id.take().or_else(|| self.id(reader, at, scope)),
            "description" | "subtitle" | "tagline" => self.description.offer(0, at),
            "abstract" => self.description.offer(1, at),
            "copyright" | "rights" => self.rights.offer(0, at),
            "pubdate" | "published" | "issued" => self.published.offer(0, &tree.text(at)),
            "lastbuilddate" | "updated" | "modified" => self.updated.offer(0, &tree.text(at)),
            "date" => self.updated.offer(1, &tree.text(at)),
            "created" => self.published.offer(3, &tree.text(at)),
            "language" => feed.language = language(&tree.text(at)).or(feed.language.take()),
            "author" | "creator" => push(&mut feed.authors, person::construct(tree, at, scope)),
            "contributor" => push(&mut feed.contributors, person::construct(tree, at, scope)),
            "managingeditor" => role(feed, person::construct(tree, at, scope), "managingEditor"),
            "webmaster" => role(feed, person::construct(tree, at, scope), "webMaster"),
            "category" => reader.category(at, &mut feed.categories),
            "generator" => feed.generator = feed.generator.take().or_else(|| tree.filled(at)),
            "logo" => self.logo = tree.filled(at).and_then(|logo| scope.address(&logo)).or(self.logo.take()),
            "icon" => feed.icon = feed.icon.take().or_else(|| tree.filled(at).and_then(|icon| scope.address(&icon))),
            "image" => self.logo = self.logo.take().or_else(|| media::picture(tree, at, scope)),
            "ttl" => feed.pace.ttl_min = tree.text(at).parse().ok().or(feed.pace.ttl_min),
            "skiphours" | "skipdays" => skips(tree, at, &mut feed.pace),
            _ => {}
        }
    }

    fn module(&mut self, reader: &Reader<'_, '_>, ns: Ns, name: &str, at: Id, scope: &Scope<'_>, feed: &mut Feed) {
        let tree = reader.tree;
        match (ns, name) {
            (Ns::Dc | Ns::DcTerms, "title") => self.title.offer(1, at),
            (Ns::Itunes, "title") => self.title.offer(2, at),
            (Ns::Dc | Ns::DcTerms, "description") => self.description.offer(1, at),
            (Ns::Itunes, "summary") => self.description.offer(2, at),
            (Ns::Itunes, "subtitle") => self.description.offer(3, at),
            (Ns::Dc | Ns::DcTerms, "rights") => self.rights.offer(1, at),
            (Ns::Dc, "date") => self.updated.offer(1, &tree.text(at)),
            (Ns::DcTerms, "modified") => self.updated.offer(1, &tree.text(at)),
            (Ns::DcTerms, "issued" | "date") => self.published.offer(2, &tree.text(at)),
            (Ns::DcTerms, "created") => self.published.offer(3, &tree.text(at)),
            (Ns::Dc | Ns::DcTerms, "creator" | "author") => push(&mut feed.authors, person::construct(tree, at, scope)),
            (Ns::Dc | Ns::DcTerms, "contributor") => push(&mut feed.contributors, person::construct(tree, at, scope)),
            // Who publishes is whom RSS calls webmaster; readers before this one agree.
            (Ns::Dc | Ns::DcTerms, "publisher") => role(feed, person::construct(tree, at, scope), "webMaster"),
            (Ns::Dc | Ns::DcTerms, "language") => feed.language = feed.language.take().or_else(|| language(&tree.text(at))),
            (Ns::Dc | Ns::DcTerms, "subject") => reader.term(&tree.text(at), None, &mut feed.categories),
            (Ns::Itunes, "author") => push(&mut self.second_authors, person::construct(tree, at, scope)),
            (Ns::Itunes, "owner") => push(&mut feed.contributors, person::construct(tree, at, scope)),
            (Ns::Itunes, "image") => self.itunes_image = self.itunes_image.take().or_else(|| media::picture(tree, at, scope)),
            (Ns::Itunes | Ns::Media, "category" | "keywords") => reader.category(at, &mut feed.categories),
            (Ns::Licence, "license" | "licence") => reader.licence(at, scope, &mut feed.links),
            (Ns::Rsl | Ns::Mining, _) => reader.reserved(ns, name, at, scope, &mut feed.reservation),
            (Ns::Syndication, "updateperiod") => self.period_min = period_min(&tree.text(at)),
            (Ns::Syndication, "updatefrequency") => self.frequency = tree.text(at).parse().ok(),
            _ => {}
        }
    }

    fn id(&self, reader: &Reader<'_, '_>, at: Id, scope: &Scope<'_>) -> Option<String> {
        let id = reader.tree.filled(at)?;
        if id.contains('/') && !has_scheme(&id) { scope.address(&id) } else { Some(id) }
    }
}

fn role(feed: &mut Feed, person: Option<Person>, role: &str) {
    push(&mut feed.contributors, person.map(|person| Person { role: Some(role.to_owned()), ..person }));
}

/// Minutes of a period (RSS syndication module).
fn period_min(name: &str) -> Option<u32> {
    Some(match name.to_ascii_lowercase().as_str() {
        "hourly" => 60,
        "daily" => 24 * 60,
        "weekly" => 7 * 24 * 60,
        "monthly" => 30 * 24 * 60,
        "yearly" => 365 * 24 * 60,
        _ => return None,
    })
}

/// `skipHours` and `skipDays`. Hour 24 is seen for 0 (RSS 0.91).
fn skips(tree: &Tree<'_>, at: Id, pace: &mut PaceHints) {
    for child in tree.elements(at).take(48) {
        let text = tree.text(child);
        if tree.node(child).is_core("hour") {
            if let Some(hour) =
                text.parse::<u8>().ok().filter(|hour| *hour <= 24).map(|hour| hour % 24).filter(|hour| !pace.skip_hours.contains(hour))
            {
                pace.skip_hours.push(hour);
            }
        } else if tree.node(child).is_core("day") && !text.is_empty() && pace.skip_days.len() < 7 {
            pace.skip_days.push(text.into_owned());
        }
    }
}
