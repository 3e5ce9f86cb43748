//! `topicwire import`: another reader's subscriptions as `[[source]]` blocks at the end of the configuration.
//!
//! Nothing is fetched, neither before the change is confirmed nor by this command at all; the file is appended to, so that what
//! stands in it stays to the byte.

use std::collections::HashSet;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use toml_edit::{Array, value};
use url::Url;

use super::{CommandError, Context, Exit, Result, print, warn};
use crate::config::{self, ConfigError, Site};
use crate::io::file;
use crate::stage::naming::slug;
use crate::stage::subscription::{self, LIST_MAX_BYTES, Subscription};

/// Longest id of a source, in characters.
const ID_MAX_CHARS: usize = 64;

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A subscription list; shows the sources that it would add, and adds them with --yes
    Opml(Opml),
}

#[derive(Debug, Args)]
struct Opml {
    /// The list
    file: PathBuf,
    /// Add the sources to the configuration
    #[arg(long)]
    yes: bool,
}

/// Shows what would be added, or adds it.
pub(super) fn run(context: &Context, options: &Options) -> Result {
    let What::Opml(options) = &options.what;
    let bytes = file::read_at_most(&options.file, LIST_MAX_BYTES).map_err(CommandError::io(options.file.display().to_string()))?;
    let list = subscription::read(&String::from_utf8_lossy(&bytes));
    for problem in &list.problems {
        warn(&format!("{}: {problem}", options.file.display()));
    }
    // As the file says, whatever the environment says: the file is what is changed.
    let site = config::load(&context.config)?;
    let mut added = Added::beside(&site);
    for subscription in &list.subscriptions {
        added.take(&site, subscription);
    }
    if added.blocks.is_empty() {
        print(&format!("nothing to add: {}\n", added.summary()));
        return Ok(Exit::Well);
    }
    let old = String::from_utf8(file::read(&context.config).map_err(CommandError::io(context.config.display().to_string()))?)
        .map_err(|e| CommandError::Usage(format!("{}: {e}", context.config.display())))?;
    let blocks = added.blocks.concat();
    let text = format!("{old}{}{blocks}", if old.ends_with('\n') { "" } else { "\n" });
    // What would not load is not written.
    config::check(&context.config, &text).map_err(|problems| ConfigError::Invalid { path: context.config.clone(), problems })?;
    if !options.yes {
        print(&format!(
            "{}\n\n{}: run this again with --yes to add them to {}\n",
            blocks.trim_start(),
            added.summary(),
            context.config.display()
        ));
        return Ok(Exit::Well);
    }
    file::write(&context.config, text.as_bytes()).map_err(CommandError::io(context.config.display().to_string()))?;
    print(&format!("{}: {}\n", context.config.display(), added.summary()));
    Ok(Exit::Well)
}

/// Blocks to add, and what was left out.
struct Added {
    ids: HashSet<String>,
    urls: HashSet<String>,
    blocks: Vec<String>,
    known: usize,
    unfit: usize,
}

impl Added {
    fn beside(site: &Site) -> Self {
        Self {
            ids: site.sources.iter().map(|source| source.id.clone()).collect(),
            urls: site.sources.iter().map(|source| same(&source.url)).collect(),
            blocks: Vec::new(),
            known: 0,
            unfit: 0,
        }
    }

    fn take(&mut self, site: &Site, subscription: &Subscription) {
        let fit = |url: &Url| {
            matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.is_empty()) && !site.published().holds(url)
        };
        let Some(url) = Url::parse(&subscription.url).ok().filter(fit).filter(|url| url.username().is_empty() && url.password().is_none())
        else {
            self.unfit += 1;
            return;
        };
        if !self.urls.insert(same(&url)) {
            self.known += 1;
            return;
        }
        let mut block = String::from("\n[[source]]\n");
        let mut put = |key: &str, item: toml_edit::Item| block += &format!("{key} = {}\n", item.to_string().trim());
        put("id", value(unique(&mut self.ids, id(subscription, &url))));
        put("url", value(url.as_str()));
        if !subscription.title.is_empty() {
            put("title", value(&subscription.title));
        }
        if let Some(language) =
            subscription.language.as_ref().filter(|tag| (2..=3).contains(&tag.split('-').next().unwrap_or_default().len()))
        {
            put("language", value(language));
        }
        // Folders that are topics here by the same name; the others are left to a person, as a remark.
        let topic = |name: &String| site.topics.iter().find(|topic| topic.category.eq_ignore_ascii_case(name));
        let topics: Vec<&str> = subscription.folders.iter().filter_map(topic).map(|topic| topic.category.as_str()).collect();
        let others: Vec<&str> = subscription.folders.iter().filter(|name| topic(name).is_none()).map(String::as_str).collect();
        if !topics.is_empty() {
            put("categories", value(topics.into_iter().collect::<Array>()));
        }
        if !others.is_empty() {
            block += &format!("# was in: {}\n", others.join(", "));
        }
        self.blocks.push(block);
    }

    fn summary(&self) -> String {
        let count = |n: usize, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
        format!("{} to add, {} already there, {} that cannot be followed", count(self.blocks.len(), "source"), self.known, self.unfit)
    }
}

/// http and https of one address are one source.
fn same(url: &Url) -> String {
    url.as_str().split_once("://").map_or_else(|| url.to_string(), |(_, rest)| rest.to_owned())
}

/// An id made of the name, or of the host.
fn id(subscription: &Subscription, url: &Url) -> String {
    let named = slug(&subscription.title);
    let id = if named.is_empty() { slug(url.host_str().unwrap_or_default().trim_start_matches("www.")) } else { named };
    let id: String = id.chars().take(ID_MAX_CHARS - 6).collect();
    if id.is_empty() { "source".to_owned() } else { id.trim_matches('-').to_owned() }
}

/// Takes up an id, with a number after it if it is taken.
fn unique(ids: &mut HashSet<String>, id: String) -> String {
    let mut unique = id.clone();
    let mut n = 2_usize;
    while !ids.insert(unique.clone()) {
        unique = format!("{id}-{n}");
        n += 1;
    }
    unique
}
