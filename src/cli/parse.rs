//! `topicwire parse`.

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;
use url::Url;

use super::{Context, Exit, Result, print, runtime, warn};
use crate::config::{self, Access, FetchPolicy};
use crate::entry::{Feed, Text};
use crate::ingest::IngestError;
use crate::io::fetch::{ACCEPT_FEED, FetchError, Fetcher, Request};
use crate::io::file;
use crate::stage::parse;
use crate::stage::text;
use crate::syntax::rfc3339;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Files or addresses of feeds
    #[arg(required = true, value_name = "FILE|URL")]
    inputs: Vec<String>,
    /// One JSON object a line
    #[arg(long)]
    jsonl: bool,
    /// Base for relative URLs in files
    #[arg(long)]
    url: Option<Url>,
    /// Content-Type that a server would have sent with the files
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
}

/// Reads each input and shows what the reader makes of it. What cannot be had or read is shown as such, the others are read all the
/// same, and the exit code is 3; 1 if nothing could be had at all.
pub(super) fn run(context: &Context, options: &Options) -> Result {
    // The configuration says which networks may be reached; without one, the public internet may.
    let site = context.config.exists().then(|| config::load(&context.config)).transpose()?;
    let policy = site.as_ref().map_or_else(FetchPolicy::default, |site| site.fetch.clone());
    let (mut failed, mut had) = (false, false);
    for input in &options.inputs {
        // What cannot be had at all.
        let mut unread = |class: &str, why: &str| {
            failed = true;
            match options.jsonl {
                true => print(&format!("{}\n", json!({ "file": input, "ok": false, "err_class": class, "err": why }))),
                false => warn(&format!("{input}: {why}")),
            }
        };
        let outcome = match Url::parse(input).ok().filter(|u| matches!(u.scheme(), "http" | "https")) {
            Some(url) => {
                let source = site.as_ref().and_then(|site| site.sources.iter().find(|source| source.url == url));
                let access = source.map(|source| source.access.clone()).unwrap_or_default();
                let fetcher = Fetcher::new(&policy, concat!("topicwire/", env!("CARGO_PKG_VERSION"))).map_err(IngestError::from)?;
                match runtime()?.block_on(fetch(&fetcher, url, access, options.content_type.as_deref())) {
                    Ok(outcome) => outcome,
                    Err(why) => {
                        unread(why.class(), &why.to_string());
                        continue;
                    }
                }
            }
            None => match file::read(input.as_ref()) {
                Ok(bytes) => read(&bytes, options.url.as_ref(), options.content_type.as_deref()),
                Err(why) => {
                    unread("file", &format!("cannot be read: {why}"));
                    continue;
                }
            },
        };
        had = true;
        failed |= outcome.is_err();
        if options.jsonl {
            print(&format!("{}\n", parse::to_jsonl(input, &outcome)));
        } else {
            print(&describe(input, &outcome));
        }
    }
    Ok(match (had, failed) {
        (false, _) => Exit::CouldNotRun,
        (true, true) => Exit::SomeFailed,
        (true, false) => Exit::Well,
    })
}

pub(crate) type Outcome = std::result::Result<Feed, parse::ReadError>;

fn read(bytes: &[u8], url: Option<&Url>, content_type: Option<&str>) -> Outcome {
    parse::read(bytes, &parse::Context { url, content_type, time_zone: chrono_tz::UTC, language: None })
}

/// Fetches a document and reads it.
pub(crate) async fn fetch(
    fetcher: &Fetcher,
    url: Url,
    access: Access,
    content_type: Option<&str>,
) -> std::result::Result<Outcome, FetchError> {
    let request = Request { url, etag: None, last_modified: None, validator_url: None, accept: ACCEPT_FEED, access };
    let response = fetcher.get(&request).await?;
    let content_type = content_type.or(response.content_type.as_deref());
    let mut outcome = read(&response.body, Some(&response.base()), content_type);
    if let Ok(feed) = &mut outcome {
        feed.language = feed.language.take().or_else(|| response.language().map(str::to_owned));
    }
    Ok(outcome)
}

fn describe(input: &str, outcome: &Outcome) -> String {
    let mut out = String::new();
    match outcome {
        Err(error) => {
            let _ = writeln!(out, "{input}: {error}");
        }
        Ok(feed) => {
            let title = feed.title.as_ref().map(text::plain).unwrap_or_default();
            let _ = writeln!(out, "{input}: {:?}, {} entries: {title}", feed.kind, feed.entries.len());
            for entry in &feed.entries {
                let title = entry.title.as_ref().or(entry.summary.as_ref()).map(headline).unwrap_or_default();
                let date = entry.published.or(entry.updated).map_or_else(|| "undated".to_owned(), rfc3339);
                let link = entry.links.first().map(|l| l.href.as_str()).unwrap_or_default();
                let _ = writeln!(out, "  {date:<20}  {title}\n  {:<20}  {link}", "");
            }
            for problem in &feed.problems {
                let place = problem.entry.map_or_else(|| "document".to_owned(), |n| format!("entry {n}"));
                let _ = writeln!(out, "  {place}: {}", problem.what);
            }
        }
    }
    out
}

fn headline(text: &Text) -> String {
    text::excerpt(&text::plain(text), 100)
}
