//! `topicwire discover`.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use clap::Args;
use serde_json::{Value, json};

use super::{CommandError, Context, Exit, Result, print, print_json, runtime};
use crate::config::{self, ConfigError, Site};
use crate::entry::Entry;
use crate::ingest::discover::{Discovery, Offered};
use crate::ingest::{Ingest, SharedStore, selectors_toml};
use crate::io::file;
use crate::stage::poll::FoundKind;
use crate::stage::{naming, text};
use crate::store::sqlite::SqliteStore;
use crate::syntax::rfc3339;

/// Entries shown of each offer.
const PREVIEW: usize = 3;

/// Where no configuration is, discovery is done under this one.
const BARE: &str = "[site]\ntitle = \"discover\"\nbase_url = \"http://topicwire.invalid/\"\n";

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The site, or a page of it
    url: String,
    /// Write the best offer, or the one that --pick names, into the configuration
    #[arg(long)]
    add: bool,
    /// The offer to add, by its number
    #[arg(long, value_name = "NUMBER", requires = "add", default_value_t = 1)]
    pick: usize,
    /// Id of the source to add; made of the site's name by default
    #[arg(long, requires = "add")]
    id: Option<String>,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

/// Looks for what can be followed, shows it, and adds it where that is asked for.
pub(super) fn run(context: &Context, options: &Options) -> Result {
    let own = file::read(&context.config).ok().map(String::from_utf8).transpose();
    let own = own.map_err(|e| CommandError::Usage(format!("{}: {e}", context.config.display())))?;
    if options.add && own.is_none() {
        let what = format!("there is no {} to add to; `topicwire init` writes one", context.config.display());
        return Err(CommandError::Usage(what));
    }
    let wanted = if options.url.contains("://") { options.url.clone() } else { format!("https://{}", options.url) };
    let text = own.as_deref().unwrap_or(BARE);
    let (site, position) = site(context, text, &wanted)?;
    let taken: HashSet<String> = site.sources.iter().map(|source| source.id.clone()).filter(|id| id != PROBE).collect();
    // Nothing of this is kept.
    let store: SharedStore = Arc::new(Mutex::new(SqliteStore::open(":memory:".as_ref())?));
    let ingest = Ingest::new(Arc::new(site), store)?;
    let mut found = match runtime()?.block_on(ingest.discover(position, context.clock.now()))? {
        Ok(found) => found,
        Err(failure) => {
            super::warn(&failure.why);
            return Ok(Exit::SomeFailed);
        }
    };
    // Best first: what has entries, then by kind as they were looked for.
    found.offered.sort_by_key(|offered| offered.feed.entries.is_empty());
    let day = context.clock.now().format("%Y-%m-%d").to_string();
    let blocks: Vec<String> = found.offered.iter().map(|offered| block(offered, &taken, options.id.as_deref(), &day)).collect();
    if options.json {
        print_json(&to_json(&found, &blocks));
    } else {
        print(&describe(&found, &blocks));
    }
    match (own, options.add) {
        (Some(own), true) => add(context, options, &own, &found, &blocks),
        _ => Ok(if found.offered.is_empty() { Exit::SomeFailed } else { Exit::Well }),
    }
}

/// The id of the source that stands for the site while it is looked at.
const PROBE: &str = "discover-probe";

/// The configuration with the site as one more source, so that the same limits and networks hold, and its place.
fn site(context: &Context, text: &str, url: &str) -> Result<(Site, usize)> {
    let probe = format!("\n[[source]]\nid = \"{PROBE}\"\nurl = {}\n", quoted(url));
    let path = &context.config;
    let site = config::check(path, &format!("{text}{probe}"));
    let site = site.map_err(|problems| CommandError::Config(ConfigError::Invalid { path: path.clone(), problems }))?;
    let position = site.sources.iter().position(|source| source.id == PROBE);
    Ok((site, position.unwrap_or_default()))
}

fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string().trim().to_owned()
}

/// A `[[source]]` ready to be pasted.
fn block(offered: &Offered, taken: &HashSet<String>, id: Option<&str>, day: &str) -> String {
    let name = naming::brand(&offered.url);
    let name = naming::slug(name.rsplit_once('.').map_or(name.as_str(), |(name, _)| name));
    let name = if name.is_empty() { "source".to_owned() } else { name.chars().take(56).collect() };
    let free = |id: &String| !taken.contains(id);
    let made = std::iter::once(name.clone()).chain((2..10_000).map(|n| format!("{name}-{n}"))).find(free).unwrap_or(name);
    let title: String = title(offered).chars().filter(|c| !c.is_control()).collect();
    let mut block = format!("# {title}{}found by `topicwire discover` on {day}\n", if title.is_empty() { "" } else { ": " });
    block += &format!("[[source]]\nid = {}\nurl = {}\n", quoted(id.unwrap_or(&made)), quoted(offered.url.as_str()));
    if offered.kind != FoundKind::Feed {
        block += &format!("kind = \"{}\"\n", offered.kind.word());
    }
    if let Some(selectors) = &offered.selectors {
        block += &format!("{}\n", selectors_toml(selectors));
    }
    if let Some(language) =
        offered.feed.language.as_ref().filter(|language| offered.kind == FoundKind::Page && crate::syntax::is_language_tag(language))
    {
        block += &format!("language = {}\n", quoted(language));
    }
    block
}

fn title(offered: &Offered) -> String {
    offered.feed.title.as_ref().map(text::plain).unwrap_or_default()
}

fn headline(entry: &Entry) -> String {
    entry.title.as_ref().or(entry.summary.as_ref()).map(|title| text::excerpt(&text::plain(title), 100)).unwrap_or_default()
}

fn dated(entry: &Entry) -> Option<String> {
    entry.published.or(entry.updated).map(rfc3339)
}

fn describe(found: &Discovery, blocks: &[String]) -> String {
    let mut out = String::new();
    for (n, (offered, block)) in found.offered.iter().zip(blocks).enumerate() {
        let (count, kind) = (offered.feed.entries.len(), offered.kind.word());
        out += &format!("{}. {kind}, {count} entries, {}: {}\n", n + 1, offered.how, title(offered));
        for entry in offered.feed.entries.iter().take(PREVIEW) {
            let date = dated(entry).unwrap_or_else(|| "undated".to_owned());
            out += &format!("   {date:<20}  {}\n", headline(entry));
        }
        for line in block.lines() {
            out += &format!("   | {line}\n");
        }
        out.push('\n');
    }
    for tried in &found.tried {
        out += &format!("in vain: {}\n", tried.chars().filter(|c| !c.is_control()).collect::<String>());
    }
    out + &format!("{} offers, {} requests; --add writes the first into the configuration\n", found.offered.len(), found.requests)
}

fn to_json(found: &Discovery, blocks: &[String]) -> Value {
    let offers: Vec<Value> = found
        .offered
        .iter()
        .zip(blocks)
        .map(|(offered, block)| {
            let preview =
                |entry: &Entry| json!({"title": headline(entry), "date": dated(entry), "url": entry.links.first().map(|l| &l.href)});
            json!({
                "kind": offered.kind.word(),
                "url": offered.url.as_str(),
                "how": offered.how,
                "title": title(offered),
                "entries": offered.feed.entries.len(),
                "preview": offered.feed.entries.iter().take(PREVIEW).map(preview).collect::<Vec<_>>(),
                "toml": block,
            })
        })
        .collect();
    json!({"offers": offers, "tried": found.tried, "requests": found.requests})
}

/// Appends the block to the configuration, if the whole is right with it. Everything that stands there stays as it is.
fn add(context: &Context, options: &Options, own: &str, found: &Discovery, blocks: &[String]) -> Result {
    let path = &context.config;
    let chosen = options.pick.checked_sub(1).and_then(|n| found.offered.get(n).zip(blocks.get(n)));
    let Some((offered, block)) = chosen else {
        return Err(CommandError::Usage(format!("there is no offer {}; nothing was added", options.pick)));
    };
    let invalid = |problems| CommandError::Config(ConfigError::Invalid { path: path.clone(), problems });
    let site = config::check(path, own).map_err(invalid)?;
    if let Some(source) = site.sources.iter().find(|source| source.url == offered.url) {
        return Err(CommandError::Usage(format!("{} is followed already, as {}; nothing was added", offered.url, source.id)));
    }
    let gap = if own.is_empty() || own.ends_with('\n') { "\n" } else { "\n\n" };
    let mut more = format!("{gap}{block}");
    if own.contains("\r\n") {
        more = more.replace('\n', "\r\n");
    }
    let whole = format!("{own}{more}");
    config::check(path, &whole).map_err(invalid)?;
    file::write(path, whole.as_bytes()).map_err(CommandError::io(format!("cannot write {}", path.display())))?;
    if !options.json {
        print(&format!("{}: added offer {}; it is polled at the next refresh\n", path.display(), options.pick));
    }
    Ok(Exit::Well)
}
