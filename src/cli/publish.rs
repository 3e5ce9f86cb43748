//! `topicwire publish`.

use super::{Context, Exit, Result, print, warn};
use crate::publisher::{self, Scope};
use crate::read_back::Span;

/// Rebuilds the output from the store.
pub(super) fn run(context: &Context) -> Result {
    let (_lock, ingest) = context.work(context.site()?, "publish", Span::All)?;
    let written = publisher::publish(ingest.site(), ingest.store(), Scope::All)?;
    written.told.iter().for_each(|what| warn(what));
    print(&format!(
        "{}: {} files written, {} unchanged, {} removed\n",
        ingest.site().output.display(),
        written.written,
        written.unchanged,
        written.removed
    ));
    Ok(Exit::Well)
}
