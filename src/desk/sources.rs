//! The desk's page of sources: which are not what they were, what may be done about it, and each remedy a key away.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use quick_xml::escape::escape;

use super::View;
use super::pages::{Frame, head, hidden, keys_of, note, top, web};
use crate::ingest::{Ingest, locked};
use crate::io::fetch::shown;
use crate::stage::drift;
use crate::standing::{self, Standing, line, when};
use crate::store::{Store, StoreError};

/// What each key does.
const KEYS: [(&str, &str); 8] = [
    ("j k", "next, previous source"),
    ("u", "use the repair that is proposed, from now on"),
    ("a", "take what it gives now, whatever it is like"),
    ("n", "poll it now"),
    ("b", "back to what feeds.toml says"),
    ("o", "open its address"),
    ("Esc", "back to its source"),
    ("?", "these keys"),
];

/// Every source, those first that need somebody.
pub(super) fn list(ingest: &Ingest, frame: &Frame<'_>, now: DateTime<Utc>) -> Result<String, StoreError> {
    let site = ingest.site();
    let mut standings = {
        let store = locked(ingest.store());
        standing::gather(site, Some(&*store as &dyn Store), 0..site.sources.len(), 0, now)?
    };
    standings.sort_by_key(|standing| (standing.state.degraded.is_none(), standing.state.failing_since.is_none()));
    let mut out = head("Sources · Review desk");
    top(&mut out, site, frame, "/sources");
    out += "<main>\n<h2>Sources</h2>\n";
    note(&mut out, frame);
    for standing in &standings {
        card(&mut out, standing, frame);
    }
    keys_of(&mut out, &KEYS);
    out += "</dl></details>\n</main></body></html>\n";
    Ok(out)
}

fn card(out: &mut String, standing: &Standing<'_>, frame: &Frame<'_>) {
    let Standing { source, state, count, .. } = standing;
    let id = source.id.as_str();
    let title = source.title.as_ref().or(state.title.as_ref()).map_or_else(|| id.to_owned(), |title| line(title));
    let _ = writeln!(
        out,
        "<article id=\"s-{id}\" class=\"record\" tabindex=\"-1\" data-record=\"{id}\" aria-labelledby=\"t-{id}\"><h3 id=\"t-{id}\">\
         <a href=\"{}\" rel=\"noreferrer\" data-key=\"o\">{}</a></h3>",
        escape(web(&shown(&source.url))),
        escape(title.as_str())
    );
    let bad = if state.failing_since.is_some() { " class=\"bad\"" } else { "" };
    let _ = write!(out, "<p class=\"meta\"><span class=\"source\">{id}</span><strong{bad}>{}</strong>", state.health().word());
    let _ = writeln!(
        out,
        "<span>read as {}</span><span>{} entries</span><span>last good {}</span><span>next try {}</span></p>",
        escape(standing::kind(source, state)),
        count.entries,
        when(state.well_at),
        escape(standing.next())
    );
    if let Some(failure) = &state.failure {
        let _ = writeln!(out, "<p class=\"why\">{}</p>", escape(line(&failure.why)));
    }
    let degraded = state.degraded.as_ref();
    if let Some(degraded) = degraded {
        let _ = writeln!(
            out,
            "<p class=\"soft\">Since {} nothing new is taken from it; what it gave before stays published.</p>",
            crate::syntax::rfc3339(degraded.since)
        );
        if let Some(told) = &degraded.repair {
            let _ = writeln!(out, "<p class=\"repair\">A repair is proposed: {}.</p>", escape(line(told)));
        }
    }
    if source.configured.is_some() {
        *out += "<p class=\"soft\">An editor has it read otherwise than feeds.toml says: see [[source]] in overrides.toml.</p>\n";
    }
    *out += "<div class=\"actions\"><form method=\"post\" action=\"/source\">";
    hidden(out, frame, &View::default());
    let _ = write!(out, "<input type=\"hidden\" name=\"source\" value=\"{id}\">");
    let button = |key: char, act: &str, name: &str| {
        format!("<button name=\"do\" value=\"{act}\" data-key=\"{key}\" aria-keyshortcuts=\"{key}\">{name}</button>")
    };
    if degraded.is_some_and(|degraded| degraded.repair_toml.is_some()) {
        *out += &button('u', "mend", "Use the repair");
    }
    if degraded.is_some_and(|degraded| drift::is_acceptable(&degraded.class)) {
        *out += &button('a', "accept", "Take what it gives now");
    }
    *out += &button('n', "retry", "Poll now");
    if source.configured.is_some() {
        *out += &button('b', "unmend", "Back to feeds.toml");
    }
    *out += "</form></div>\n";
    *out += "</article>\n";
}
