//! `feeds.toml`: read, checked, every problem at once.

use std::path::{Path, PathBuf};

use toml::de::DeTable;

mod access;
mod budget;
mod fields;
pub mod overrides;
mod problem;
mod proxy;
mod read;
pub mod site;
mod source;
mod subscription;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod topic_tests;
mod topics;

pub use access::{Access, Published, Secret};
pub use budget::Budgets;
pub use problem::Problem;
pub use proxy::Proxy;
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

/// Reads and checks a configuration, and what editors decided.
///
/// # Errors
/// When a file cannot be read, or anything in it is wrong.
pub fn load(path: &Path) -> Result<Site, ConfigError> {
    load_with(path, None)
}

/// As [`load`], with editors' words in this file, whichever the configuration names.
///
/// # Errors
/// As [`load`].
pub fn load_with(path: &Path, overrides: Option<PathBuf>) -> Result<Site, ConfigError> {
    let text = read_file(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let mut site = check(path, &text).map_err(|problems| ConfigError::Invalid { path: path.to_owned(), problems })?;
    let path = overrides.unwrap_or_else(|| site.overrides.path.clone());
    site.overrides.path.clone_from(&path);
    match read_file(&path) {
        Ok(text) => {
            site.overrides = overrides::check(&path, &text, &site.topics).map_err(|problems| ConfigError::Invalid { path, problems })?;
        }
        // Nobody has decided anything yet.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(source) => return Err(ConfigError::Unreadable { path, source }),
    }
    site.heed();
    Ok(site)
}

fn read_file(path: &Path) -> std::io::Result<String> {
    String::from_utf8(crate::io::file::read(path)?).map_err(|e| std::io::Error::new(std::io::ErrorKind::InvalidData, e.utf8_error()))
}

/// Reads the topics of a configuration, and its model, and passes over everything else in it: it may have no `[site]` and no
/// sources.
///
/// # Errors
/// When the file cannot be read, or anything is wrong with its topics.
pub fn load_topics(path: &Path) -> Result<(Vec<Topic>, Option<Learned>), ConfigError> {
    let text = read_file(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    read_with(path, &text, read::topics).map_err(|problems| ConfigError::Invalid { path: path.to_owned(), problems })
}

/// Checks the text of a configuration; `path` is what it is called, and what its relative paths start from. Files of topics and
/// a model that it names are read.
///
/// # Errors
/// Everything that is wrong with it, in the file's order, that of the files it includes after it; never empty.
pub fn check(path: &Path, text: &str) -> Result<Site, Vec<Problem>> {
    read_with(path, text, read::site)
}

type Reading<T> = for<'a> fn(&mut problem::Report<'a>, &mut [topics::Included<'a>], &Path, &DeTable) -> Option<T>;

fn read_with<T>(path: &Path, text: &str, reading: Reading<T>) -> Result<T, Vec<Problem>> {
    let mut report = problem::Report::new(path, text);
    let document = parse(&mut report, text);
    let files = topics::files(&mut report, path, &document);
    let include = |(path, text)| {
        let mut report = problem::Report::new(path, text);
        let document = parse(&mut report, text);
        topics::Included { report, document }
    };
    let files: Vec<(&Path, &str)> = files.iter().map(|(path, text)| (path.as_path(), text.as_str())).collect();
    let mut included: Vec<topics::Included> = files.into_iter().map(include).collect();
    let value = reading(&mut report, &mut included, path, &document);
    let problems: Vec<Problem> =
        report.finish().into_iter().chain(included.into_iter().flat_map(|included| included.report.finish())).collect();
    match value {
        Some(value) if problems.is_empty() => Ok(value),
        _ => Err(problems),
    }
}

fn parse<'a>(report: &mut problem::Report, text: &'a str) -> DeTable<'a> {
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        report.syntax(error.span(), error.message());
    }
    document.into_inner()
}

/// What a path in a configuration means: it is relative to the file that names it.
fn beside(path: &Path, name: &str) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).join(name)
}
