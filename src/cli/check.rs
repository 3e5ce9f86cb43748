//! `topicwire check`.

use super::{Context, Exit, Result, print};

/// Reads the configuration; its problems are the error.
pub(super) fn run(context: &Context) -> Result {
    let site = context.site()?;
    print(&format!("{}: {} sources, {} topics, no problems\n", site.path.display(), site.sources.len(), site.topics.len()));
    Ok(Exit::Well)
}
