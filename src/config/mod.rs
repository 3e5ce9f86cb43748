//! `feeds.toml`: read, checked, every problem at once.

use std::path::{Path, PathBuf};

use toml::de::DeTable;

mod fields;
pub mod overrides;
mod problem;
mod read;
pub mod site;
mod source;
#[cfg(test)]
mod tests;

pub use problem::Problem;
pub use site::*;

/// The commented file that `topicwire init` writes. It loads without problems.
pub const STARTER: &str = include_str!("starter.toml");

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read, or is not UTF-8.
    #[error("cannot read {}: {source}{}", path.display(), if source.kind() == std::io::ErrorKind::NotFound { "; `topicwire init` writes one to start from" } else { "" })]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file can be read, but not used; a problem a line.
    #[error("{} has {}:{}", path.display(), count(problems.len()), problems.iter().map(|problem| format!("\n{problem}")).collect::<String>())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// All that is wrong with it, in the file's order.
        problems: Vec<Problem>,
    },
}

fn count(problems: usize) -> String {
    if problems == 1 { "1 problem".to_owned() } else { format!("{problems} problems") }
}

/// Reads and checks a configuration.
///
/// # Errors
/// When the file cannot be read, or anything in it is wrong.
pub fn load(path: &Path) -> Result<Site, ConfigError> {
    let text = read_file(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let mut site = check(path, &text).map_err(|problems| ConfigError::Invalid { path: path.to_owned(), problems })?;
    let path = site.overrides.path.clone();
    match read_file(&path) {
        Ok(text) => {
            site.overrides = overrides::check(&path, &text, &site.topics).map_err(|problems| ConfigError::Invalid { path, problems })?;
        }
        // Nobody has decided anything yet.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(source) => return Err(ConfigError::Unreadable { path, source }),
    }
    Ok(site)
}

fn read_file(path: &Path) -> std::io::Result<String> {
    String::from_utf8(crate::io::file::read(path)?).map_err(|e| std::io::Error::new(std::io::ErrorKind::InvalidData, e.utf8_error()))
}

/// Checks the text of a configuration; `path` is what it is called, and what its relative paths start from.
///
/// # Errors
/// Everything that is wrong with it, in the file's order; never empty.
pub fn check(path: &Path, text: &str) -> Result<Site, Vec<Problem>> {
    let mut report = problem::Report::new(path, text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        report.syntax(error.span(), error.message());
    }
    let site = read::site(&mut report, path, document.get_ref());
    match (site, report.finish()) {
        (Some(site), problems) if problems.is_empty() => Ok(site),
        (_, problems) => Err(problems),
    }
}
