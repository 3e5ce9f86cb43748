//! Topics that are gone or have another name: `_moved.json`, which the publisher keeps, folder by folder.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::io::output::{self, Found};
use crate::io::stamp::{Stamp, Watched};

/// The publisher's list of folders that are not there any more, in the site's root. It is not served.
pub(super) const FILE: &str = "_moved.json";

/// Where a folder went; `None` if it is gone for good.
type Moves = HashMap<String, Option<String>>;

/// The list as it was last read.
pub(super) struct Moved {
    watched: Option<Watched>,
    read: Mutex<(Option<Stamp>, Arc<Moves>)>,
}

/// What became of what was at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is at this path now.
    To(String),
    /// It is gone.
    Gone,
}

impl Moved {
    pub(super) fn new(output: &Path) -> Self {
        Self { watched: Watched::new(output, FILE), read: Mutex::default() }
    }

    /// What became of `path`. Reads the list where it has changed, which blocks.
    pub(super) fn fate(&self, output: &Path, path: &str) -> Option<Fate> {
        fate(&*self.list(output)?, path)
    }

    fn list(&self, output: &Path) -> Option<Arc<Moves>> {
        let stamp = self.watched.as_ref()?.stamp()?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.0 != Some(stamp) {
            // A list that cannot be read says nothing; what it said before may be wrong by now.
            let moves = match output::read(output, FILE) {
                Ok(Found::File { bytes, .. }) => serde_json::from_slice(&bytes).unwrap_or_default(),
                _ => Moves::new(),
            };
            *read = (Some(stamp), Arc::new(moves));
        }
        Some(Arc::clone(&read.1))
    }
}

/// The longest folder that `path` is in decides. A chain of names leads to its end.
fn fate(moves: &Moves, path: &str) -> Option<Fate> {
    let folders = path.match_indices('/').map(|(at, _)| path.split_at(at + 1)).collect::<Vec<_>>();
    let (target, rest) = folders.into_iter().rev().find_map(|(folder, rest)| Some((moves.get(folder)?, rest)))?;
    let mut target = target.as_ref();
    // As many steps as there are moves: a circle ends too, and leads nowhere.
    for _ in 0..moves.len() {
        match target {
            None => return Some(Fate::Gone),
            Some(folder) => match moves.get(folder) {
                Some(next) => target = next.as_ref(),
                None => return is_folder(folder).then(|| Fate::To(format!("{folder}{rest}"))),
            },
        }
    }
    None
}

/// Only a folder of this site: no address, no way up.
fn is_folder(folder: &str) -> bool {
    let is_plain =
        |part: &str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    folder.strip_suffix('/').is_some_and(|inner| inner.split('/').all(is_plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_leads_to_its_last_name() {
        let moves: Moves = serde_json::from_str(
            r#"{"topic/a/": "topic/b/", "topic/b/": "topic/c/", "topic/d/": null, "topic/e/": "topic/d/",
                "topic/f/": "topic/g/", "topic/g/": "topic/f/", "topic/h/": "https://evil.example/", "topic/i/": "../"}"#,
        )
        .unwrap();
        let to = |path: &str| Some(Fate::To(path.to_owned()));
        for (path, expected) in [
            ("topic/a/feed.atom", to("topic/c/feed.atom")),
            ("topic/a/", to("topic/c/")),
            ("topic/a/archive/2026-11.atom", to("topic/c/archive/2026-11.atom")),
            ("topic/b/index.html", to("topic/c/index.html")),
            ("topic/d/feed.rss", Some(Fate::Gone)),
            ("topic/e/feed.rss", Some(Fate::Gone)),
            ("topic/f/feed.rss", None),
            ("topic/h/feed.rss", None),
            ("topic/i/feed.rss", None),
            ("topic/c/feed.atom", None),
            ("topic/a", None),
            ("", None),
        ] {
            assert_eq!(fate(&moves, path), expected, "{path}");
        }
    }
}
