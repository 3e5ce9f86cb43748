//! A stored record as an item of a feed, with the others that tell its story.

use chrono::{DateTime, Utc};
use quick_xml::escape::escape;

use super::records::add_page;
use crate::config::Site;
use crate::format::document::{Enclosure, FeedCategory, FeedItem, FeedSource, Related};
use crate::record::{Draft, DraftTopic};
use crate::stage::rights::Licence;
use crate::stage::{naming, text};
use crate::store::{Store, StoreError, StoredRecord};
use crate::syntax;

/// The item of a record, with the others of its story.
pub(super) fn item(site: &Site, stored: StoredRecord, related: Vec<Related>) -> FeedItem {
    let StoredRecord { published_id, updated, page, mut draft, .. } = stored;
    add_page(&mut draft, page);
    let category = |t: DraftTopic| FeedCategory {
        url: format!("{}topic/{}/", site.base_url, t.slug),
        label: naming::category_label(&t.category).to_owned(),
        term: t.category,
    };
    let enclosure = |(url, media_type, length_bytes): (String, String, u64)| Enclosure { url, media_type, length_bytes };
    FeedItem {
        id: published_id,
        title: text::xml_clean(&draft.title).into_owned(),
        url: address(&draft).to_owned(),
        published: draft.published,
        updated,
        authors: draft.authors,
        summary_html: with_others(attributed(draft.body, draft.attribution.as_deref(), draft.licence.as_deref()), &related),
        summary_text: draft.summary,
        categories: draft.topics.into_iter().map(category).collect(),
        enclosures: draft.enclosures.into_iter().map(enclosure).collect(),
        image: draft.image,
        language: draft.language.filter(|l| syntax::is_language_tag(l)),
        rights: draft.rights,
        licence: draft.licence,
        attribution: draft.attribution,
        reservation: draft.reservation,
        promotion: draft.promotion,
        source: FeedSource {
            id: draft.taken_from.id,
            title: draft.taken_from.title,
            updated: draft.taken_from.updated,
            self_url: draft.taken_from.self_url,
            alternate_url: draft.taken_from.alternate_url,
            rights: draft.taken_from.rights,
        },
        related,
    }
}

/// The other articles of a record's story, if its feed carries stories once; in an archive document only those that were there when
/// it was closed.
pub(super) fn others(
    store: &dyn Store,
    (number, story): (u64, Option<u64>),
    once: bool,
    closed: Option<DateTime<Utc>>,
) -> Result<Vec<Related>, StoreError> {
    let Some(story) = story.filter(|_| once) else { return Ok(Vec::new()) };
    let is_other = |r: &StoredRecord| r.number != number && !r.draft.hidden && closed.is_none_or(|closed| r.added <= closed);
    let members = store.story(story)?.into_iter().map(|m| m.record).filter(is_other);
    let related = |mut other: StoredRecord| Related {
        url: {
            add_page(&mut other.draft, other.page.take());
            address(&other.draft).to_owned()
        },
        title: text::xml_clean(&other.draft.title).into_owned(),
        source: other.draft.taken_from.title,
    };
    Ok(members.map(related).collect())
}

/// Where readers find an article. A fragment was made to tell articles apart that share a link (`identity::place`); the link
/// itself leads there.
fn address(draft: &Draft) -> &str {
    if draft.href.contains('#') { &draft.original } else { &draft.href }
}

/// An excerpt with the line that says whose it is, in which the licence's name leads to the licence (acceptance P5).
fn attributed(body: String, attribution: Option<&str>, licence: Option<&str>) -> String {
    let Some(line) = attribution else { return body };
    let Some(url) = licence else { return format!("{body}<p>{}</p>", escape(line)) };
    let link = |label: &str| format!("<a href=\"{}\" rel=\"license\">{}</a>", escape(url), escape(label));
    let name = Licence::read(url).map(|licence| licence.name());
    // The last: a title before it may say the same words.
    match name.as_deref().and_then(|name| Some((line.rfind(name)?, name))) {
        Some((at, name)) => {
            let (before, after) = (line.get(..at).unwrap_or_default(), line.get(at + name.len()..).unwrap_or_default());
            format!("{body}<p>{}{}{}</p>", escape(before), link(name), escape(after))
        }
        None => format!("{body}<p>{} {}</p>", escape(line), link(name.as_deref().unwrap_or("Licence"))),
    }
}

/// An excerpt with the line that names the story's other sources, for readers that show no related links.
fn with_others(body: String, related: &[Related]) -> String {
    if related.is_empty() {
        return body;
    }
    let names = related.iter().map(|other| format!("<a href=\"{}\">{}</a>", escape(other.url.as_str()), escape(other.source.as_str())));
    format!("{body}<p>Also reported by {}.</p>", names.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribution_links_its_licence() {
        const BY: &str = "https://creativecommons.org/licenses/by/4.0/";
        const LINK: &str = "<a href=\"https://creativecommons.org/licenses/by/4.0/\" rel=\"license\">CC BY 4.0</a>";
        for (line, licence, expected) in [
            (None, Some(BY), String::new()),
            (Some("Courtesy of <A> & B"), None, "<p>Courtesy of &lt;A&gt; &amp; B</p>".to_owned()),
            (Some("“CC BY 4.0 & I”, News, CC BY 4.0. Cut."), Some(BY), format!("<p>“CC BY 4.0 &amp; I”, News, {LINK}. Cut.</p>")),
            (Some("Courtesy of News"), Some(BY), format!("<p>Courtesy of News {LINK}</p>")),
            (
                Some("Courtesy"),
                Some("https://a.example/?a&b"),
                "<p>Courtesy <a href=\"https://a.example/?a&amp;b\" rel=\"license\">Licence</a></p>".to_owned(),
            ),
        ] {
            assert_eq!(attributed("<p>x</p>".to_owned(), line, licence), format!("<p>x</p>{expected}"), "{line:?}");
        }
    }
}
