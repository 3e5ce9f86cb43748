//! The desk's pages. Everything on them is escaped text of ours and of the store's; forms do everything, the script presses them.

use std::fmt::Write as _;

use quick_xml::escape::escape;

use super::View;
use super::auth::Note;
use crate::config::Site;
use crate::ingest::history::{self, Diff, Direction};
use crate::ingest::{Ingest, locked};
use crate::reason;
use crate::store::{Store, StoreError, StoredRecord, StoryMember};

/// Records on one page.
const PAGE_RECORDS: usize = 40;
/// Topics that keep a number key.
const KEYED_TOPICS: usize = 9;

/// What every page of a session has.
pub(super) struct Frame<'a> {
    pub(super) form_token: &'a str,
    pub(super) note: Option<Note>,
}

/// Where the token is asked for.
pub(super) fn login(is_refused: bool) -> String {
    let mut out = head("Review desk");
    out += "<main class=\"login\"><h1>Review desk</h1>\n";
    if is_refused {
        out += "<p class=\"note failure\" role=\"alert\">That is not the desk's token.</p>\n";
    }
    out += "<form method=\"post\" action=\"/login\"><label for=\"token\">Token</label>\
            <input id=\"token\" name=\"token\" type=\"password\" autocomplete=\"current-password\" required autofocus>\
            <button>Open</button></form>\n<p class=\"soft\"><code>topicwire desk token</code> makes one.</p></main></body></html>\n";
    out
}

/// The newest records with their reasons.
pub(super) fn list(ingest: &Ingest, frame: &Frame<'_>, view: &View) -> Result<String, StoreError> {
    let site = ingest.site();
    let (cards, last, waiting, degraded) = {
        let store = locked(ingest.store());
        let records = store.review(view.before, view.topic.as_deref(), PAGE_RECORDS)?;
        let last = records.last().map(|r| r.number).filter(|_| records.len() == PAGE_RECORDS);
        let cards = records.into_iter().map(|record| Card::read(&*store, record)).collect::<Result<Vec<_>, _>>()?;
        let degraded =
            store.poll_states()?.into_iter().filter(|(id, state)| state.degraded.is_some() && site.sources.iter().any(|s| s.id == *id));
        (cards, last, store.waiting()?.is_some(), degraded.count())
    };
    let mut out = head("Review desk");
    top(&mut out, site, frame, "/");
    out += "<nav class=\"filter\" aria-label=\"Filter\"><form method=\"get\" action=\"/\"><label for=\"show\">Topic</label>\
            <select id=\"show\" name=\"topic\"><option value=\"\">All</option>";
    for topic in &site.topics {
        let selected = if view.topic.as_deref() == Some(&topic.slug) { " selected" } else { "" };
        let _ = write!(out, "<option value=\"{}\"{selected}>{}</option>", escape(&*topic.slug), escape(&*topic.category));
    }
    out += "</select><button>Show</button></form></nav>\n<main>\n";
    note(&mut out, frame);
    if waiting {
        out += "<p class=\"note\">New rules wait for consent. <a href=\"/rules\">See what they would do</a></p>\n";
    }
    if degraded > 0 {
        let what = if degraded == 1 {
            "A source has become another than it was".to_owned()
        } else {
            format!("{degraded} sources have become others than they were")
        };
        let _ = writeln!(out, "<p class=\"note\">{what}, and nothing new is taken from it. <a href=\"/sources\">Look at it</a></p>");
    }
    out += "<datalist id=\"topics\">";
    for topic in &site.topics {
        let _ = write!(out, "<option value=\"{}\"></option>", escape(&*topic.category));
    }
    out += "</datalist>\n<form id=\"merge\" method=\"post\" action=\"/act\">";
    hidden(&mut out, frame, view);
    out += "</form>\n";
    for card in &cards {
        card.write(&mut out, ingest, frame, view);
    }
    if cards.is_empty() {
        out += "<p class=\"soft\">Nothing here.</p>\n";
    }
    out += "<p class=\"pages\">";
    if view.before.is_some() {
        let _ = write!(out, "<a href=\"/{}\">Newest</a> ", escape(View { before: None, ..view.clone() }.query()));
    }
    if let Some(last) = last {
        let _ = write!(out, "<a rel=\"next\" href=\"/{}\">Older</a>", escape(View { before: Some(last), ..view.clone() }.query()));
    }
    out += "</p>\n";
    help(&mut out, &RECORD_KEYS, site);
    out += "</main></body></html>\n";
    Ok(out)
}

/// Where rules are tried, with what they would do.
pub(super) fn rules(ingest: &Ingest, frame: &Frame<'_>, text: &str, tried: Option<Result<(Site, Diff), String>>) -> String {
    let site = ingest.site();
    let mut out = head("Rules · Review desk");
    top(&mut out, site, frame, "/rules");
    out += "<main>\n";
    note(&mut out, frame);
    if locked(ingest.store()).waiting().ok().flatten().is_some() {
        out += "<form class=\"note\" method=\"post\" action=\"/agree\">";
        hidden(&mut out, frame, &View::default());
        out += "<p>The rules in force wait for consent: more than half of a feed would change.</p><button>Agree to them</button></form>\n";
    }
    match tried {
        None => {}
        Some(Err(why)) => {
            let _ = writeln!(out, "<p class=\"note failure\" role=\"alert\"><span class=\"lines\">{}</span></p>", escape(why));
        }
        Some(Ok((new, diff))) => write_diff(&mut out, &new, &diff),
    }
    out += "<h2>Try rules</h2><form class=\"rules\" method=\"post\" action=\"/rules\">";
    hidden(&mut out, frame, &View::default());
    let _ = write!(
        out,
        "<label for=\"rules\">Topics as in feeds.toml; one of the same category takes the place of that there. Leave it empty to try the \
         file as it is now.</label><textarea id=\"rules\" name=\"rules\" rows=\"14\" spellcheck=\"false\">{}</textarea>\
         <button>Show what would change</button><p class=\"soft\">Nothing is changed by this. Rules come into force when they are in \
         feeds.toml and the service re-reads it (SIGHUP).</p></form>\n</main></body></html>\n",
        escape(text)
    );
    out
}

fn write_diff(out: &mut String, site: &Site, diff: &Diff) {
    let name = |slug: &str| escape(site.topics.iter().find(|t| t.slug == slug).map_or(slug, |t| &*t.category).to_owned());
    let _ = writeln!(
        out,
        "<section aria-labelledby=\"diff\"><h2 id=\"diff\">What would change</h2><p>{} of {} records would be filed otherwise.</p>",
        diff.changed, diff.records
    );
    for upheaval in history::upheavals(site, &diff.shifts()) {
        let _ = writeln!(out, "<p class=\"note\">More than half of {} would change; that asks for consent.</p>", name(&upheaval.slug));
    }
    for (slug, topic) in &diff.topics {
        let after = (topic.before + topic.entering.count).saturating_sub(topic.leaving.count);
        let _ = writeln!(out, "<h3>{}</h3><p>{} records now, {after} then</p><ul class=\"diff\">", name(slug), topic.before);
        side(out, "ins", "+", &topic.entering);
        side(out, "del", "−", &topic.leaving);
        for (to, count) in &topic.moves {
            let _ = writeln!(out, "<li>{count} of those that leave enter {}</li>", name(to));
        }
        *out += "</ul>\n";
    }
    *out += "</section>\n";
}

fn side(out: &mut String, element: &str, sign: &str, direction: &Direction) {
    for (at, title, url) in &direction.samples {
        let (date, url, title) = (at.date_naive(), escape(url.as_str()), escape(title.as_str()));
        let _ = writeln!(out, "<li><{element}>{sign} {date} <a href=\"{url}\" rel=\"noreferrer\">{title}</a></{element}></li>");
    }
    let more = direction.count.saturating_sub(direction.samples.len() as u64);
    if more > 0 {
        let _ = writeln!(out, "<li><{element}>{sign} and {more} more</{element}></li>");
    }
}

/// A record with all that is shown of it.
struct Card {
    record: StoredRecord,
    entries: Vec<crate::store::StoredEntry>,
    story: Vec<StoryMember>,
}

impl Card {
    fn read(store: &dyn Store, record: StoredRecord) -> Result<Self, StoreError> {
        let entries = store.entries(record.number)?;
        let story = record.story.map(|story| store.story(story)).transpose()?.unwrap_or_default();
        Ok(Self { record, entries, story })
    }

    fn write(&self, out: &mut String, ingest: &Ingest, frame: &Frame<'_>, view: &View) {
        let site = ingest.site();
        let StoredRecord { number, source, draft, .. } = &self.record;
        let word = site.overrides.records.get(&draft.href);
        let state = if draft.hidden { " hidden-record" } else { "" };
        let _ = writeln!(
            out,
            "<article id=\"r{number}\" class=\"record{state}\" tabindex=\"-1\" data-record=\"{number}\" aria-labelledby=\"t{number}\">\
             <h2 id=\"t{number}\"><a href=\"{}\" rel=\"noreferrer\" data-key=\"o\">{}</a></h2>",
            escape(web(&draft.original)),
            escape(&*draft.title)
        );
        let _ = write!(
            out,
            "<p class=\"meta\"><span class=\"source\">{}</span><time datetime=\"{1}\">{1}</time><span>record {number}</span>",
            escape(source.as_str()),
            draft.published.date_naive()
        );
        for (is, what) in [
            (draft.hidden, "hidden"),
            (draft.pinned, "pinned"),
            (draft.given_title.is_some(), "retitled"),
            (site.overrides.stories.split.contains(&draft.href), "stands alone"),
        ] {
            if is {
                let _ = write!(out, "<strong>{what}</strong>");
            }
        }
        if let Some(by) = word.and_then(|w| w.by.as_ref()) {
            let _ = write!(out, "<span>by {}</span>", escape(by.as_str()));
        }
        let _ = writeln!(out, "</p><p class=\"summary\">{}</p>", escape(&*draft.summary));
        self.write_topics(out, ingest);
        self.write_story(out);
        self.write_actions(out, site, frame, view);
        *out += "</article>\n";
    }

    fn write_topics(&self, out: &mut String, ingest: &Ingest) {
        let site = ingest.site();
        let StoredRecord { number, draft, .. } = &self.record;
        let reasons = self.entries.first().map(|owner| ingest.reasons(&self.record, owner)).unwrap_or_default();
        let word = site.overrides.records.get(&draft.href);
        *out += "<ul class=\"topics\">";
        for topic in &draft.topics {
            let category = escape(&*topic.category);
            let why = match reasons.iter().find(|r| r.matched && reason::category(&site.topics, r.topic) == topic.category) {
                _ if word.is_some_and(|w| w.add.iter().any(|t| t.slug == topic.slug)) => "put here by an editor".to_owned(),
                Some(reason) => reason::as_lines(&site.topics, reason).join("\n"),
                None => "given to every record of this source, or by rules that have changed since".to_owned(),
            };
            let _ = write!(
                out,
                "<li><details><summary>{category}</summary><span class=\"lines\">{}</span></details>\
                 <button form=\"a{number}\" name=\"do\" value=\"remove:{}\" aria-label=\"Take from {category}\" title=\"Take from {category}\">×</button></li>",
                escape(why),
                escape(&*topic.slug)
            );
        }
        for near in reasons.iter().filter(|r| !draft.topics.iter().any(|t| t.category == reason::category(&site.topics, r.topic))) {
            let what = if near.matched { "taken away" } else { "nearly" };
            let _ = write!(
                out,
                "<li class=\"near\"><details><summary>{what} {}</summary><span class=\"lines\">{}</span></details></li>",
                escape(reason::category(&site.topics, near.topic)),
                escape(reason::as_lines(&site.topics, near).join("\n"))
            );
        }
        if draft.topics.is_empty() {
            *out += "<li class=\"near\">under no topic</li>";
        }
        *out += "</ul>\n";
    }

    fn write_story(&self, out: &mut String) {
        if self.story.len() < 2 {
            return;
        }
        let number = self.record.number;
        let _ = write!(out, "<details class=\"story\"><summary>One of {} that tell this story</summary><ul>", self.story.len());
        for (n, StoryMember { record, why, .. }) in self.story.iter().enumerate() {
            let _ = write!(
                out,
                "<li>{}<a href=\"{}\" rel=\"noreferrer\">{}</a> <span class=\"soft\">{}{}</span>",
                if n == 0 { "<strong>shown</strong> " } else { "" },
                escape(web(&record.draft.original)),
                escape(&*record.draft.title),
                escape(record.source.as_str()),
                why.as_ref().map(|why| format!(", {}", escape(why.as_str()))).unwrap_or_default()
            );
            if n > 0 {
                let _ = write!(out, " <button form=\"a{number}\" name=\"do\" value=\"prefer:{}\">Show this one</button>", record.number);
            }
            if record.number != number {
                let _ = write!(out, " <button form=\"a{number}\" name=\"do\" value=\"split:{}\">Split off</button>", record.number);
            }
            *out += "</li>";
        }
        *out += "</ul></details>\n";
    }

    fn write_actions(&self, out: &mut String, site: &Site, frame: &Frame<'_>, view: &View) {
        let StoredRecord { number, draft, .. } = &self.record;
        let button = |key: char, act: &str, name: &str| {
            format!("<button name=\"do\" value=\"{act}\" data-key=\"{key}\" aria-keyshortcuts=\"{key}\">{name}</button>")
        };
        let _ = write!(out, "<div class=\"actions\"><form id=\"a{number}\" method=\"post\" action=\"/act\">");
        hidden(out, frame, view);
        let _ = write!(out, "<input type=\"hidden\" name=\"record\" value=\"{number}\">");
        *out += &if draft.hidden { button('h', "show", "Show") } else { button('h', "hide", "Hide") };
        *out += &if draft.pinned { button('p', "unpin", "Unpin") } else { button('p', "pin", "Pin") };
        if self.story.len() > 1 {
            *out += &button('s', "split", "Split");
        } else if site.overrides.stories.split.contains(&draft.href) {
            *out += &button('s', "unsplit", "Let join");
        }
        let _ = write!(
            out,
            "</form><span class=\"mark\"><label><input type=\"checkbox\" form=\"merge\" name=\"record\" value=\"{number}\" data-key=\"x\" \
             aria-keyshortcuts=\"x\"> Mark</label><button form=\"merge\" name=\"do\" value=\"merge\" aria-keyshortcuts=\"m\">Merge marked</button></span>\
             <form method=\"post\" action=\"/act\">"
        );
        hidden(out, frame, view);
        let _ = write!(
            out,
            "<input type=\"hidden\" name=\"record\" value=\"{number}\"><input name=\"topic\" list=\"topics\" required data-key=\"t\" \
             aria-keyshortcuts=\"t\" aria-label=\"Topic to add or take away\" placeholder=\"Topic\" autocomplete=\"off\">\
             <button name=\"do\" value=\"retag\">Retag</button></form><form class=\"wide\" method=\"post\" action=\"/act\">"
        );
        hidden(out, frame, view);
        let _ = write!(
            out,
            "<input type=\"hidden\" name=\"record\" value=\"{number}\"><input name=\"title\" value=\"{}\" data-key=\"r\" \
             aria-keyshortcuts=\"r\" aria-label=\"Title\" autocomplete=\"off\"><button name=\"do\" value=\"retitle\">Retitle</button></form></div>",
            escape(&*draft.title)
        );
    }
}

pub(super) fn head(title: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><link rel=\"icon\" href=\"data:,\">\
         <link rel=\"stylesheet\" href=\"/desk.css\"><script src=\"/desk.js\" defer></script></head><body>\n"
    )
}

pub(super) fn top(out: &mut String, site: &Site, frame: &Frame<'_>, here: &str) {
    let _ = write!(out, "<header class=\"site\"><h1>{}</h1><nav aria-label=\"Desk\">", escape(&*site.title));
    for (path, name) in [("/", "Records"), ("/sources", "Sources"), ("/rules", "Rules")] {
        let current = if path == here { " aria-current=\"page\"" } else { "" };
        let _ = write!(out, "<a href=\"{path}\"{current}>{name}</a>");
    }
    *out += "</nav><form method=\"post\" action=\"/logout\">";
    hidden(out, frame, &View::default());
    *out += "<button>Close</button></form></header>\n";
}

pub(super) fn note(out: &mut String, frame: &Frame<'_>) {
    let (class, role, text) = match &frame.note {
        Some(Note { text, is_failure: true }) => ("note failure", "alert", text.as_str()),
        Some(Note { text, .. }) => ("note", "status", text.as_str()),
        // The script's own words go here.
        None => ("note quiet", "status", ""),
    };
    let _ = writeln!(out, "<p id=\"note\" class=\"{class}\" role=\"{role}\"><span class=\"lines\">{}</span></p>", escape(text));
}

pub(super) fn hidden(out: &mut String, frame: &Frame<'_>, view: &View) {
    let _ = write!(
        out,
        "<input type=\"hidden\" name=\"form_token\" value=\"{}\"><input type=\"hidden\" name=\"view\" value=\"{}\">",
        frame.form_token,
        escape(view.query())
    );
}

/// What each key of the records' page does.
const RECORD_KEYS: [(&str, &str); 12] = [
    ("j k", "next, previous record"),
    ("t", "retag: type a topic, Enter; +topic adds, -topic takes away"),
    ("r", "retitle; nothing gives the source's own title back"),
    ("h", "hide, or show again"),
    ("p", "pin, or not any more"),
    ("x", "mark"),
    ("m", "mark; with two or more marked, merge them into one story"),
    ("s", "split from its story, or let it join again"),
    ("o", "open the article"),
    ("w", "why: open or close the reasons"),
    ("Esc", "back from a field to its record"),
    ("?", "these keys"),
];

/// The keys of a page, and those of the topics where the page is about records.
fn help(out: &mut String, keys: &[(&str, &str)], site: &Site) {
    keys_of(out, keys);
    for (n, topic) in site.topics.iter().take(KEYED_TOPICS).enumerate() {
        let _ = write!(out, "<div><dt><kbd>{}</kbd></dt><dd>retag {}</dd></div>", n + 1, escape(&*topic.category));
    }
    *out += "</dl></details>\n";
}

/// The beginning of a list of keys.
pub(super) fn keys_of(out: &mut String, keys: &[(&str, &str)]) {
    *out += "<details id=\"help\"><summary>Keys</summary><dl>";
    for (key, what) in keys {
        let _ = write!(out, "<div><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>");
    }
}

/// An address that may stand in a link.
pub(super) fn web(url: &str) -> &str {
    if url.starts_with("https://") || url.starts_with("http://") { url } else { "" }
}
