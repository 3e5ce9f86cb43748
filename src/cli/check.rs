//! `topicwire check`.

use super::{Context, Exit, Result, print};
use crate::standing;
use crate::store::Store as _;
use crate::store::sqlite::SqliteStore;

/// Reads the configuration; its problems are the error. Says what should be looked at, what sources without a kind turned out to be, and
/// whose licence does not go with what is done with it.
pub(super) fn run(context: &Context) -> Result {
    let site = context.site()?;
    print(&format!("{}: {} sources, {} topics, no problems\n", site.path.display(), site.sources.len(), site.topics.len()));
    for warning in &site.warnings {
        print(&format!("warning: {warning}\n"));
    }
    // A store that cannot be read is no problem of the configuration.
    let Ok(Some(store)) = SqliteStore::open_to_read(&site.store) else { return Ok(Exit::Well) };
    for source in &site.sources {
        let Ok(state) = store.poll_state(&source.id) else { continue };
        // A feed at its own address is what everybody expects.
        if state.found.as_ref().is_some_and(|found| found.url != source.url.as_str() || found.kind.word() != "feed") {
            print(&format!("{}: read as {}\n", source.id, standing::kind(source, &state)));
        }
        let mode = source.terms(["", ""], false).mode;
        for warning in state.licence.iter().flat_map(|licence| standing::warnings(licence, mode, !site.topics.is_empty())) {
            print(&format!("warning: {}: its feed's licence, {warning}\n", source.id));
        }
    }
    Ok(Exit::Well)
}
