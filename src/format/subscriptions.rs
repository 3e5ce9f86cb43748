//! Writes the sources as a subscription list (OPML 2.0), for other readers to import.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::document::gate::{iri, line, text};
use crate::stage::subscription::Subscription;

/// The list as UTF-8; the same values always give the same bytes.
#[must_use]
pub fn write(title: &str, subscriptions: &[Subscription]) -> String {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 1);
    // Memory takes every write.
    let bytes = outline(&mut writer, title, subscriptions).map(|()| writer.into_inner()).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default() + "\n"
}

fn outline(writer: &mut Writer<Vec<u8>>, title: &str, subscriptions: &[Subscription]) -> std::io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
    writer.create_element("opml").with_attribute(("version", "2.0")).write_inner_content(|writer| {
        writer.create_element("head").write_inner_content(|writer| {
            writer.create_element("title").write_text_content(BytesText::new(&text(title)))?;
            Ok(())
        })?;
        writer.create_element("body").write_inner_content(|writer| {
            for subscription in subscriptions {
                let name = line(&subscription.title);
                let mut attributes =
                    vec![("type", "rss".into()), ("text", name.clone()), ("title", name), ("xmlUrl", iri(&subscription.url))];
                if let Some(language) = &subscription.language {
                    attributes.push(("language", line(language)));
                }
                if !subscription.folders.is_empty() {
                    // A comma or a slash inside a name would begin another (OPML 2.0, "category").
                    let path =
                        |name: &String| format!("/{}", line(name).replace(": ", "\u{1}").replace([',', '/'], " ").replace('\u{1}', "/"));
                    attributes.push(("category", subscription.folders.iter().map(path).collect::<Vec<_>>().join(",").into()));
                }
                writer.create_element("outline").with_attributes(attributes).write_empty()?;
            }
            Ok(())
        })?;
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::subscription;

    #[test]
    fn what_is_written_is_read_again() {
        let subscriptions = [
            Subscription {
                title: "A & <B> \"c\"".into(),
                url: "https://a.example/feed?x=1&y=2".into(),
                language: Some("fi".into()),
                folders: vec!["Health: Digital".into(), "News".into()],
            },
            Subscription { title: "b".into(), url: "https://b.example/".into(), ..Subscription::default() },
        ];
        let list = subscription::read(&write("My & wire", &subscriptions));
        assert_eq!((list.subscriptions.as_slice(), list.problems.len()), (&subscriptions[..], 0));
    }
}
