//! The look of the site: the program's own stylesheets and pages, or what a theme folder has instead.

use std::io::ErrorKind;
use std::path::Path;

use super::PublishError;
use crate::config::Site;
use crate::format::html::{FEED_STYLE, ICON, STYLE, Theme};
use crate::io::file;

/// Most bytes of one file of a theme.
const FILE_MAX_BYTES: usize = 1 << 20;

/// Stylesheets and parts of pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) style: String,
    pub(super) feed_style: String,
    pub(super) icon: Vec<u8>,
    pub(super) theme: Theme,
}

impl Look {
    /// The program's own look, with whatever the theme folder holds of `style.css`, `feed.css`, `favicon.ico`, `head.html`, `header.html` and
    /// `footer.html` in its place.
    pub(super) fn read(site: &Site) -> Result<Self, PublishError> {
        let own = Self { style: STYLE.to_owned(), feed_style: FEED_STYLE.to_owned(), icon: ICON.to_vec(), theme: Theme::default() };
        let Some(folder) = &site.theme else { return Ok(own) };
        if !folder.is_dir() {
            return Err(PublishError::Theme { path: folder.clone(), cause: "there is no such folder".to_owned() });
        }
        Ok(Self {
            style: part(folder, "style.css")?.unwrap_or(own.style),
            feed_style: part(folder, "feed.css")?.unwrap_or(own.feed_style),
            icon: bytes(folder, "favicon.ico")?.unwrap_or(own.icon),
            theme: Theme { head: part(folder, "head.html")?, header: part(folder, "header.html")?, footer: part(folder, "footer.html")? },
        })
    }
}

fn part(folder: &Path, name: &str) -> Result<Option<String>, PublishError> {
    let text = bytes(folder, name)?.map(String::from_utf8).transpose();
    text.map_err(|e| PublishError::Theme { path: folder.join(name), cause: e.utf8_error().to_string() })
}

fn bytes(folder: &Path, name: &str) -> Result<Option<Vec<u8>>, PublishError> {
    let path = folder.join(name);
    let error = |cause: String| PublishError::Theme { path: path.clone(), cause };
    match file::read(&path) {
        Ok(bytes) if bytes.len() > FILE_MAX_BYTES => Err(error(format!("it is larger than {} MiB", FILE_MAX_BYTES >> 20))),
        Ok(bytes) => Ok(Some(bytes)),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(error(cause.to_string())),
    }
}
