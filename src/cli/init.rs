//! `topicwire init`.

use std::fs::OpenOptions;
use std::io::Write as _;

use super::{CommandError, Context, Exit, Result, print};
use crate::config;

/// Writes the starter configuration where there is none.
pub(super) fn run(context: &Context) -> Result {
    let path = &context.config;
    let what = format!("cannot write {}", path.display());
    // `create_new` and not a look before: a file that appears in between is not overwritten either.
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let source = std::io::Error::new(error.kind(), "it is there already, and is left as it is");
            return Err(CommandError::Io { what, source });
        }
        Err(error) => return Err(CommandError::io(what)(error)),
    };
    file.write_all(config::STARTER.as_bytes()).map_err(CommandError::io(what))?;
    print(&format!("wrote {}; edit it, then run `topicwire check` and `topicwire refresh`\n", path.display()));
    Ok(Exit::Well)
}
