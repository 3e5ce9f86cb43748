//! Writes OPML 2.0: the topics' feeds as a subscription list.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::document::gate::{iri, line, rfc822, text};
use super::document::{ATOM_FILE, TopicLine};

/// The list as UTF-8; the same values always give the same bytes. `base_url` ends with a slash.
#[must_use]
pub fn write(title: &str, base_url: &str, topics: &[TopicLine], updated: Option<DateTime<Utc>>) -> String {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 1);
    // Memory takes every write. Were it not so, the list would be empty, which the publisher's reading it back refuses.
    let bytes = outline(&mut writer, title, base_url, topics, updated).map(|()| writer.into_inner()).unwrap_or_default();
    let mut list = String::from_utf8(bytes).unwrap_or_default();
    list.push('\n');
    list
}

fn outline(
    writer: &mut Writer<Vec<u8>>,
    title: &str,
    base_url: &str,
    topics: &[TopicLine],
    updated: Option<DateTime<Utc>>,
) -> std::io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
    writer.create_element("opml").with_attribute(("version", "2.0")).write_inner_content(|writer| {
        writer.create_element("head").write_inner_content(|writer| {
            writer.create_element("title").write_text_content(BytesText::new(&text(title)))?;
            if let Some(updated) = updated {
                writer.create_element("dateModified").write_text_content(BytesText::new(&rfc822(updated)))?;
            }
            writer.create_element("docs").write_text_content(BytesText::new("http://opml.org/spec2.opml"))?;
            Ok(())
        })?;
        writer.create_element("body").write_inner_content(|writer| {
            for topic in topics {
                let page = format!("{base_url}{}", topic.folder());
                let feed = format!("{page}{ATOM_FILE}");
                let name = line(&topic.category);
                let description = topic.description.as_deref().map(line);
                let mut attributes = vec![
                    // "rss" is what OPML calls every kind of feed.
                    ("type", Cow::Borrowed("rss")),
                    ("text", name.clone()),
                    ("title", name),
                    ("xmlUrl", iri(&feed)),
                    ("htmlUrl", iri(&page)),
                    ("category", Cow::Owned(category(topic))),
                ];
                attributes.extend(description.map(|description| ("description", description)));
                writer.create_element("outline").with_attributes(attributes).write_empty()?;
            }
            Ok(())
        })?;
        Ok(())
    })?;
    Ok(())
}

/// `/Vocabulary/Label`; a comma or a slash inside a name would begin another (OPML 2.0, "category").
fn category(topic: &TopicLine) -> String {
    let (vocabulary, label) = topic.parts();
    let mut path = String::new();
    for name in vocabulary.into_iter().chain([label]) {
        path.push('/');
        path.push_str(line(name).replace([',', '/'], " ").trim());
    }
    path
}

#[cfg(test)]
mod tests {
    use super::super::document::samples::{at, topics};
    use super::*;

    #[test]
    fn each_topic_is_one_line() {
        let list = write("Planet & Co", "https://planet.example/", &topics(), Some(at("2026-11-20T10:00:00Z")));
        let lines: Vec<&str> = list.lines().map(str::trim).collect();
        assert_eq!(lines[3], "<title>Planet &amp; Co</title>");
        assert_eq!(lines[4], "<dateModified>Fri, 20 Nov 2026 10:00:00 GMT</dateModified>");
        assert_eq!(
            lines[8],
            "<outline type=\"rss\" text=\"Health: Digital Health\" title=\"Health: Digital Health\" \
             xmlUrl=\"https://planet.example/topic/health-digital-health/feed.atom\" \
             htmlUrl=\"https://planet.example/topic/health-digital-health/\" category=\"/Health/Digital Health\" \
             description=\"What &quot;is&quot; said\"/>"
        );
        assert!(lines[10].contains("category=\"/News/A  B C &amp; &lt;D&gt;\""), "{}", lines[10]);
        assert!(lines[11].contains("category=\"/Unfiled\""), "{}", lines[11]);
    }

    #[test]
    fn no_date_is_invented() {
        assert!(!write("Planet", "https://planet.example/", &topics(), None).contains("dateModified"));
    }
}
