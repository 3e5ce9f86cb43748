//! The checked configuration: every value is usable as it stands.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;
use ipnet::IpNet;
use serde::Serialize;
use url::Url;

use super::access::Access;
use super::overrides::Overrides;
use crate::record::Section;
use crate::stage::classify::{Group, Model};
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
    /// Catalogue of offerings (JSON), if any.
    pub offerings: Option<PathBuf>,
    /// How to fetch.
    pub fetch: FetchPolicy,
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
}

/// `[desk]`: the review desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskPolicy {
    /// Where it listens; a loopback address.
    pub listen: SocketAddr,
    /// File that holds its token, where the environment names none.
    pub token_file: Option<PathBuf>,
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
        }
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
    /// What its own host is given besides the public internet.
    pub access: Access,
    /// Its host shares one budget of requests with the hosts of every source that names the same group.
    pub host_group: Option<String>,
}

/// How a source is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// RSS, Atom, RDF or JSON Feed.
    Feed,
    /// A news page, by selectors.
    Page(Box<PageSelectors>),
}

/// CSS selectors of a news page, all but `item` relative to an item. They are checked to compile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageSelectors {
    /// One list item.
    pub item: String,
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
}

/// One `[[topic]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Topic {
    /// `Vocabulary: Label`.
    pub category: String,
    /// slug(category): the folder of its feeds.
    pub slug: String,
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
