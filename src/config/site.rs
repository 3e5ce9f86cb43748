//! The checked configuration: every value is usable as it stands.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
use chrono_tz::Tz;
use ipnet::IpNet;
use serde::Serialize;
use url::Url;

use super::access::Access;
use super::overrides::Overrides;
use super::problem::Problem;
use super::proxy::Proxy;
use crate::record::Section;
use crate::stage::classify::{Group, Model};
use crate::stage::rights::Pattern;
use crate::stage::schedule::Schedule;

/// The whole of `feeds.toml`, checked.
#[derive(Clone, Debug)]
pub struct Site {
    /// The file it was read from.
    pub path: PathBuf,
    /// The site's title.
    pub title: String,
    /// Public address of `output/`; ends with a slash. Absolute URLs in feeds come from here, never from a request.
    pub base_url: Url,
    /// URL or e-mail address that publishers find in the User-Agent.
    pub contact: Option<String>,
    /// Who runs the site, as its about page tells.
    pub operator: Option<String>,
    /// Curator of records whose source names none.
    pub curator: Option<String>,
    /// Language (BCP 47) of the published feeds, `en` by default.
    pub language: String,
    /// Zone of dates without one, and of schedules.
    pub time_zone: Tz,
    /// Where to publish; `output` beside the configuration by default.
    pub output: PathBuf,
    /// The database; `topicwire.db` beside the configuration by default.
    pub store: PathBuf,
    /// Where `serve` listens; `127.0.0.1:8080` by default.
    pub listen: SocketAddr,
    /// How it is served.
    pub serve: ServePolicy,
    /// Folder with parts of pages and stylesheets of its own, if any.
    pub theme: Option<PathBuf>,
    /// Catalogue of offerings (JSON), if any.
    pub offerings: Option<PathBuf>,
    /// How to fetch.
    pub fetch: FetchPolicy,
    /// Being told of changes by the sources' hubs.
    pub push: PushPolicy,
    /// Telling hubs, and being one.
    pub hub: HubPolicy,
    /// Sections, the default one (`news`) first.
    pub sections: Vec<NamedSection>,
    /// Sources, in the file's order, which is their priority.
    pub sources: Vec<Source>,
    /// Topics, in the file's order; those of included files follow.
    pub topics: Vec<Topic>,
    /// What editors decided; `overrides.toml` beside the configuration by default.
    pub overrides: Overrides,
    /// What editors' tags have taught, if it is asked.
    pub model: Option<Learned>,
    /// Whether what editors change in the published Markdown files flows back (default yes).
    pub read_back: bool,
    /// The review desk, if there is one.
    pub desk: Option<DeskPolicy>,
    /// What can be used as it stands, and should be looked at, in the file's order.
    pub warnings: Vec<Problem>,
}

/// `[desk]`: the review desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskPolicy {
    /// Where it listens; a loopback address.
    pub listen: SocketAddr,
    /// File that holds its token, where the environment names none.
    pub token_file: Option<PathBuf>,
}

/// `[serve]`: limits of the built-in server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServePolicy {
    /// Whether `/status` and `/metrics` are shown to whoever asks (default yes).
    pub status: bool,
    /// Clients connected at once, 1 to 100,000 (default 512).
    pub connections: usize,
    /// Most bytes of published files and their compressed forms held in memory (default 64 MiB).
    pub cache_max_bytes: usize,
}

impl Default for ServePolicy {
    fn default() -> Self {
        Self { status: true, connections: 512, cache_max_bytes: 64 << 20 }
    }
}

/// `[fetch]`: caps and manners.
#[derive(Clone, Debug)]
pub struct FetchPolicy {
    /// Polls under way at once, 1 to 1,024 (default 32).
    pub concurrency: usize,
    /// Pause between two requests to one host (default 1 s).
    pub host_gap: Duration,
    /// The shortest interval a schedule may have (default 15 min).
    pub floor: Duration,
    /// Limit for one poll's request, redirects included (default 30 s).
    pub timeout: Duration,
    /// Limit for a connection, name look-up and TLS included (default 10 s).
    pub connect_timeout: Duration,
    /// Limit for the head of a response, connection included (default 20 s).
    pub first_byte_timeout: Duration,
    /// Most bytes taken from the wire for one response (default 10 MiB).
    pub wire_max_bytes: u64,
    /// Most bytes of one response after decompression (default 32 MiB).
    pub body_max_bytes: u64,
    /// Networks outside the public internet that may be reached.
    pub allow: Vec<IpNet>,
    /// Ports that may be reached besides 80 and 443.
    pub ports: Vec<u16>,
    /// What requests to the public internet go through, if not straight there. Proxies of the environment are never used.
    pub proxy: Option<Proxy>,
    /// How long `refresh` reads article pages before it leaves the others to the next run or to `serve` (default 30 s).
    pub article_budget: Duration,
}

impl Default for FetchPolicy {
    fn default() -> Self {
        Self {
            concurrency: 32,
            host_gap: Duration::from_secs(1),
            floor: Duration::from_secs(15 * 60),
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: Duration::from_secs(20),
            wire_max_bytes: 10 << 20,
            body_max_bytes: 32 << 20,
            allow: Vec::new(),
            ports: Vec::new(),
            proxy: None,
            article_budget: Duration::from_secs(30),
        }
    }
}

/// `[push]`: WebSub, as a subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushPolicy {
    /// Whether to subscribe at the hubs that sources name (default no).
    pub subscribe: bool,
    /// Where hubs reach this service, [`Site::base_url`] by default; ends with a slash.
    pub callback_base: Url,
}

/// `[hub]`: WebSub, as a publisher.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HubPolicy {
    /// Hubs that are told when a feed changes.
    pub announce: Vec<Url>,
    /// Whether `serve` is a hub itself, for the feeds of this site alone (default no).
    pub own: bool,
}

impl Site {
    /// The hubs that tell of changes of this site's feeds, for their `rel="hub"` links.
    #[must_use]
    pub fn hub_urls(&self) -> Vec<String> {
        let own = self.hub.own.then(|| format!("{}hub", self.base_url));
        own.into_iter().chain(self.hub.announce.iter().map(Url::to_string)).collect()
    }
}

/// A section with the id that sources name it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedSection {
    /// Its id.
    pub id: String,
    /// What records take from it.
    pub section: Section,
}

/// One `[[source]]`, with the site's and the defaults' values filled in.
#[derive(Clone, Debug)]
pub struct Source {
    /// Unique; lower-case letters, digits, `-` and `_`; at most 64 characters.
    pub id: String,
    /// What is polled.
    pub url: Url,
    /// How it is read.
    pub kind: SourceKind,
    /// Title that overrides the feed's own.
    pub title: Option<String>,
    /// Curator; the site's where the source has none.
    pub curator: Option<String>,
    /// Index into [`Site::sections`].
    pub section: usize,
    /// Language (BCP 47) of its texts and dates, if known.
    pub language: Option<String>,
    /// Zone of its dates that have none.
    pub time_zone: Tz,
    /// When to poll.
    pub schedule: Schedule,
    /// The shortest time between two polls: [`FetchPolicy::floor`], or zero with the publisher's permission.
    pub floor: Duration,
    /// Indexes into [`Site::topics`]: fixed categories, given to every record of this source.
    pub categories: Vec<usize>,
    /// Institution that records of this source carry.
    pub institution: Option<String>,
    /// Offering that records of this source carry.
    pub offering: Option<String>,
    /// Most entries taken from one poll (default 10,000).
    pub entries_max: usize,
    /// Longest excerpt in characters (default 300).
    pub excerpt_max_chars: usize,
    /// Whether its articles are joined with other sources' to stories (default yes).
    pub stories: bool,
    /// Whether the pages of its articles are read (default always).
    pub enrich: Enrich,
    /// Whether the archive documents of its feed are read, once, after its first document (default yes).
    pub backfill: bool,
    /// How its articles are published where that is not as it says above, and by what leave: the first that means an article's address.
    pub rights: Vec<Rights>,
    /// What becomes of articles whose publisher reserves them (default: they are published, and the reservation with them).
    pub reservations: Reservations,
    /// What its own host is given besides the public internet.
    pub access: Access,
    /// Its host shares one budget of requests with the hosts of every source that names the same group.
    pub host_group: Option<String>,
    /// Id of the `opml` source whose list names it; `None` for a source of the configuration's own.
    pub parent: Option<String>,
    /// What the configuration says of where and how it is read, where an editor said otherwise ([`Site::heed`]).
    pub configured: Option<Box<Way>>,
}

/// Where and how a source is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// What is polled.
    pub url: Url,
    /// How it is read.
    pub kind: SourceKind,
    /// What its own host is given.
    pub access: Access,
}

/// Whether the pages of a source's articles are read, once each.
///
/// Always by default: the record's metadata, its clean address and its picture are nowhere else. A page costs its host one request in
/// two seconds at most, and what `robots.txt` forbids is not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Enrich {
    /// Those of all articles.
    #[default]
    Always,
    /// Those of articles that came without a picture or without a text.
    WhenMissing,
    /// None.
    Never,
}

/// `[source.rights]`, or one of several `[[source.rights]]` (acceptance P1, P3, P5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// The addresses that it is for; all if there are none.
    pub urls: Vec<Pattern>,
    /// How much is published; as the source says where there is none.
    pub mode: Option<Mode>,
    /// Longest excerpt in characters; the source's where there is none.
    pub excerpt_max_chars: Option<usize>,
    /// The licence as the operator noted it: a name or an address.
    pub licence: Option<String>,
    /// What is said of whose the articles are, with placeholders.
    pub attribution: Option<String>,
    /// The publisher's leave. Always there with [`Mode::FullText`].
    pub leave: Option<Leave>,
}

/// How much of an article is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Its title, with a link.
    Title,
    /// An excerpt of its text too.
    Excerpt,
    /// All of its text.
    FullText,
}

impl Mode {
    /// The word for it in `feeds.toml`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Excerpt => "excerpt",
            Self::FullText => "full-text",
        }
    }
}

/// What becomes of articles whose publisher reserves them. Each does what those before it do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reservations {
    /// They are published, and the reservation with them.
    #[default]
    Pass,
    /// They are filed by rules alone, and no model is asked.
    Rules,
    /// Their titles alone are published.
    Title,
    /// They are not published.
    Skip,
}

impl Reservations {
    /// The word for it in `feeds.toml`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Rules => "rules",
            Self::Title => "title",
            Self::Skip => "skip",
        }
    }
}

/// A publisher's leave to publish its texts, as the operator noted it (acceptance P1, P5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leave {
    /// Who allowed it.
    pub allowed_by: String,
    /// When.
    pub on: NaiveDate,
    /// Where that is written: an address, a file, a contract's number.
    pub written: String,
}

/// How one article of a source may be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms<'a> {
    /// How much of it.
    pub mode: Mode,
    /// Longest excerpt in characters; 0 where there is none.
    pub excerpt_max_chars: usize,
    /// What the operator noted, if anything is noted for its address.
    pub rights: Option<&'a Rights>,
}

impl Source {
    /// How an article at these addresses (as published, as given) is published; `is_reserved` if its publisher reserves it.
    #[must_use]
    pub fn terms(&self, urls: [&str; 2], is_reserved: bool) -> Terms<'_> {
        // Read only where a pattern asks for them.
        let urls = std::cell::LazyCell::new(|| urls.map(|url| Url::parse(url).ok()));
        let means = |rights: &&Rights| {
            rights.urls.is_empty() || rights.urls.iter().any(|pattern| urls.iter().flatten().any(|url| pattern.matches(url)))
        };
        let rights = self.rights.iter().find(means);
        let excerpt_max_chars = rights.and_then(|rights| rights.excerpt_max_chars).unwrap_or(self.excerpt_max_chars);
        let mode = match rights.and_then(|rights| rights.mode) {
            _ if is_reserved && self.reservations >= Reservations::Title => Mode::Title,
            None | Some(Mode::Excerpt) if excerpt_max_chars == 0 => Mode::Title,
            Some(mode) => mode,
            None => Mode::Excerpt,
        };
        Terms { mode, excerpt_max_chars: if mode == Mode::Title { 0 } else { excerpt_max_chars }, rights }
    }
}

/// How a source is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// Whatever is there: the program finds out, says so and remembers it.
    Auto,
    /// RSS, Atom, RDF or JSON Feed.
    Feed,
    /// A news page, by selectors or, without `item`, by what its list is found to be.
    Page(Box<PageSelectors>),
    /// A sitemap or an index of sitemaps.
    Sitemap,
    /// The posts of a WordPress site, through its REST interface.
    WordPress,
    /// A list of feeds, each of which becomes a source.
    Opml,
}

impl SourceKind {
    /// The word for it in `feeds.toml`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Feed => "feed",
            Self::Page(_) => "page",
            Self::Sitemap => "sitemap",
            Self::WordPress => "wordpress",
            Self::Opml => "opml",
        }
    }
}

/// CSS selectors of a news page, all but `item` and `next` relative to an item. They are checked to compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageSelectors {
    /// One list item. Without it the list is found by what it looks like ([`crate::stage::page::find()`]), and of the others only
    /// `date_format`, `skip`, `next` and `pages_max` mean anything.
    pub item: Option<String>,
    /// Headline; the link's text if absent.
    pub title: Option<String>,
    /// The `a` whose `href` is the article; the first link in the item if absent.
    pub link: Option<String>,
    /// Teaser.
    pub summary: Option<String>,
    /// Date: its `datetime` attribute if it has one, else its text.
    pub date: Option<String>,
    /// Format of the date in strftime's letters, where the common forms do not do.
    pub date_format: Option<String>,
    /// Picture: `src` of an `img`.
    pub image: Option<String>,
    /// Author's name.
    pub author: Option<String>,
    /// Paths (prefixes of the link's path) of items to leave out, such as hubs and videos.
    pub skip: Vec<String>,
    /// The link to the list's next page: the element with the `href`, or one around it.
    pub next: Option<String>,
    /// Most pages of the list that one poll reads, 1 (the default: no `next` is followed) to 20.
    pub pages_max: usize,
}

impl Default for PageSelectors {
    fn default() -> Self {
        Self {
            item: None,
            title: None,
            link: None,
            summary: None,
            date: None,
            date_format: None,
            image: None,
            author: None,
            skip: Vec::new(),
            next: None,
            pages_max: 1,
        }
    }
}

/// One `[[topic]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Topic {
    /// `Vocabulary: Label`.
    pub category: String,
    /// slug(category): the folder of its feeds.
    pub slug: String,
    /// Folders that its feeds had before, the first one first: the feed's id is made from that, and stays.
    #[serde(skip)]
    pub was: Vec<String>,
    /// What is after the vocabulary.
    pub label: String,
    /// What is said of it on its page.
    pub description: Option<String>,
    /// Words that must, or must not, occur: at least one of `any` (if there are any), all of `all`, none of `none`.
    pub rule: Group,
    /// Least score of an article that belongs, 1 or more; any will do without one.
    pub threshold: Option<i64>,
    /// Whether words are stemmed: single English ones too, or none. Without it phrases are, and single words but English ones.
    pub stem: Option<bool>,
    /// Publishers' categories that stand for the topic.
    pub from: Vec<String>,
    /// Indexes of the topics above it, without cycles.
    pub parents: Vec<usize>,
    /// Whether they take over its articles.
    pub inherit: bool,
    /// Whether its feed carries a story once (default yes).
    pub stories: bool,
}

/// A model that may add topics.
#[derive(Clone, Debug)]
pub struct Learned {
    /// The model.
    pub model: Model,
    /// BLAKE3 of its file in hexadecimal, which tells it from others.
    pub digest: String,
    /// Least confidence, above 0 and at most 1, that adds a topic.
    pub confidence: f64,
}
