//! The site's own pages and lists: the first page, what the site says of itself, its stylesheets, OPML, sitemap, moved feeds.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::feeds::{Channel, Kind};
use super::item::{item, others};
use super::theme::Look;
use super::{Press, PublishError, feeds, topic_lines};
use crate::config::Site;
use crate::format::document::{
    ABOUT_FILE, FEED_STYLE_FILE, FeedItem, FeedLine, ICON_FILE, MOVED_FILE, OPML_FILE, PAGE_FILE, SITEMAP_FILE, STYLE_FILE,
};
use crate::format::html::{self, Frame, Theme};
use crate::format::{opml, sitemap};
use crate::ingest::{SharedStore, locked, user_agent};
use crate::io::output::Tree;
use crate::store::{FeedState, StoreError, StoredRecord, TopicCount};

/// Records on the front page.
const NEWEST_ON_INDEX: usize = 20;

/// What all pages share.
pub(super) fn frame(
    site: &Site,
    counts: &HashMap<String, TopicCount>,
    feeds: &HashMap<String, FeedState>,
    channels: &[Channel<'_>],
    theme: Theme,
) -> Frame {
    let lines = |kind: Kind| -> Vec<FeedLine> {
        let line = |channel: &Channel<'_>| FeedLine {
            folder: format!("{}/", channel.path),
            title: channel.title.clone(),
            site_url: channel.site_url.clone(),
            records: feeds.get(&channel.path).map_or(0, |feed| feed.records),
        };
        channels.iter().filter(|channel| channel.kind == kind).map(line).collect()
    };
    Frame {
        title: site.title.clone(),
        base_url: site.base_url.to_string(),
        language: site.language.clone(),
        operator: site.operator.clone(),
        contact: site.contact.clone(),
        user_agent: user_agent(site),
        topics: topic_lines(site, counts),
        sections: lines(Kind::Section),
        sources: lines(Kind::Source),
        theme,
    }
}

impl Press<'_> {
    /// Everything in the site's root. The first page is the last: a reader who finds it finds everything that it names.
    pub(super) fn site_pages(
        &self,
        tree: &mut Tree,
        store: &SharedStore,
        channels: &[Channel<'_>],
        look: &Look,
    ) -> Result<(), PublishError> {
        let newest: Vec<FeedItem> = {
            let store = locked(store);
            let item = |record: StoredRecord| {
                let related = others(&*store, (record.number, record.story), true, None)?;
                Ok::<_, StoreError>(item(self.site, record, related))
            };
            store.newest(NEWEST_ON_INDEX)?.into_iter().map(item).collect::<Result<_, _>>()?
        };
        let frame = &self.frame;
        let updated = frame.topics.iter().filter_map(|l| l.updated).max();
        tree.stage(OPML_FILE, opml::write(&frame.title, &frame.base_url, &frame.topics, updated).as_bytes())?;
        tree.stage(STYLE_FILE, look.style.as_bytes())?;
        tree.stage(FEED_STYLE_FILE, look.feed_style.as_bytes())?;
        tree.stage(ICON_FILE, &look.icon)?;
        tree.stage(SITEMAP_FILE, self.sitemap(channels, updated).as_bytes())?;
        tree.stage(MOVED_FILE, self.moved(channels).as_bytes())?;
        tree.stage(ABOUT_FILE, html::about_page(frame).as_bytes())?;
        tree.stage(PAGE_FILE, html::index_page(frame, &newest, updated).as_bytes())?;
        Ok(())
    }

    fn sitemap(&self, channels: &[Channel<'_>], updated: Option<DateTime<Utc>>) -> String {
        let about = format!("{}{ABOUT_FILE}", self.frame.base_url);
        let page = |channel: &Channel<'_>| {
            let updated = if channel.kind == Kind::Everything { updated } else { self.feeds.get(&channel.path).map(|feed| feed.updated) };
            (self.folder_url(&channel.path), updated)
        };
        let pages: Vec<(String, Option<DateTime<Utc>>)> = channels.iter().map(page).collect();
        sitemap::write(pages.iter().map(|(url, updated)| (url.as_str(), *updated)).chain([(about.as_str(), None)]))
    }

    /// Folders that moved, with where to, and those that are gone.
    fn moved(&self, channels: &[Channel<'_>]) -> String {
        let there: HashSet<&str> = channels.iter().map(|channel| channel.path.as_str()).collect();
        let gone = self.feeds.keys().filter(|path| !there.contains(path.as_str())).map(|path| (format!("{path}/"), None));
        let mut moved: BTreeMap<String, Option<String>> = gone.collect();
        moved.extend(feeds::renamed(self.site).into_iter().map(|(from, to)| (format!("{from}/"), Some(format!("{to}/")))));
        // A map of texts always serialises.
        let mut json = serde_json::to_string_pretty(&moved).unwrap_or_else(|_| "{}".to_owned());
        json.push('\n');
        json
    }
}
