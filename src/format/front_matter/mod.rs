//! Writes a record as Markdown with YAML front matter, laid out as the contract's own examples (`spec/curated-content.md`).

mod yaml;

use chrono::SecondsFormat;
use serde_json::Value;
use url::Url;

use self::yaml::Document;
use crate::record::{Attachment, HTML_META, OPEN_GRAPH_META, Record, TWITTER_META};
use crate::stage::naming;

/// The whole Markdown file of a record: front matter between `---` lines, then the body, with no line break at the end.
///
/// Keys stand in the contract's order and are all there; an unknown value is `null`. What the contract derives from other fields
/// (`aliases`, `slug`, `description`, the brand, the topics' paths) is derived here. Any YAML reader gets back the very values.
/// In the body, what a site generator would run as a template is written with HTML entities, which browsers show as the same text.
pub fn write(record: &Record) -> String {
    let section = &record.section;
    let url = Url::parse(&record.href).ok();
    let brand = url.as_ref().map(naming::brand).filter(|brand| !brand.is_empty());

    let mut yaml = Document::new("---\n", 6 * 1024 + record.body.len());
    yaml.text(0, "aliases", &naming::alias(&section.base_path, &record.title));
    yaml.text(0, "archetype", &section.archetype);
    yaml.texts(0, "author", &record.curators);
    yaml.text(0, "basePath", &section.base_path);
    yaml.texts(0, "breadcrumbLinks", ["/", &section.base_path, ""]);
    yaml.texts(0, "breadcrumbs", ["Home", &section.identifier, &record.title]);
    yaml.texts(0, "categories", &record.categories);
    yaml.texts(0, "categorySlug", record.categories.iter().map(|category| category.to_lowercase()));
    yaml.texts(0, "categoryUrl", record.categories.iter().map(|category| naming::topic_path(category)));
    yaml.texts(0, "categoryLabel", record.categories.iter().map(|category| naming::category_label(category)));
    yaml.text(0, "contentCategories", &section.content_categories);
    yaml.text_or_null(0, "institution", record.institution.as_deref());
    yaml.text_or_null(0, "offering", record.offering.as_deref());
    yaml.text(0, "layOut", "single");
    yaml.text(0, "date", &record.published.date_naive().to_string());
    yaml.text(0, "description", &naming::description(&record.summary));
    write_favicon(&mut yaml, record.favicon.as_ref());
    write_attachment(&mut yaml, "featuredImage", record.featured_image.as_ref());
    write_attachment(&mut yaml, "featuredPdf", record.featured_pdf.as_ref());
    write_meta(&mut yaml, "htmlMetaData", &HTML_META, &record.page.html);
    yaml.number(0, "id", record.number);
    yaml.text(0, "identifier", &section.identifier);
    yaml.text(0, "lastMod", &record.last_mod.to_rfc3339_opts(SecondsFormat::Micros, true));
    yaml.open(0, "link");
    yaml.text_or_null(1, "brand", brand.as_deref());
    yaml.text(1, "href", &record.href);
    yaml.text(1, "original", &record.original);
    yaml.text(0, "href", &record.href);
    yaml.text(0, "original", &record.original);
    yaml.text(0, "mastHead", &section.mast_head);
    yaml.text(0, "mdName", &file_name(record));
    write_meta(&mut yaml, "openGraphMetaData", &OPEN_GRAPH_META, &record.page.open_graph);
    yaml.open(0, "openProjectCustomFields");
    yaml.text(1, "cleanUrl", &record.href);
    yaml.texts(1, "medigyTopics", &record.categories);
    yaml.text(1, "sourceUrl", &record.original);
    yaml.text(0, "openProjectWorkPackageType", "Curated Content");
    yaml.text(0, "searchCategory", &section.search_category);
    yaml.text(0, "slug", &naming::record_slug(brand.as_deref().unwrap_or_default(), &record.title));
    yaml.text(0, "source", &record.source);
    yaml.text(0, "status", "");
    yaml.text(0, "sub", "brief");
    yaml.texts(0, "tags", &section.tags);
    yaml.text(0, "title", &record.title);
    yaml.text(0, "via", record.via.as_deref().unwrap_or(" "));
    yaml.text_or_null(0, "insights_description", record.insights_description.as_deref());
    yaml.text_or_null(0, "insights_name", record.insights_name.as_deref());
    yaml.text_or_null(0, "viaLink", record.via_link.as_deref());
    write_offerings(&mut yaml, record);
    write_meta(&mut yaml, "twitterMetaData", &TWITTER_META, &record.page.twitter);
    write_declared(&mut yaml, record);

    let mut file = yaml.into_text();
    file.push_str("---\n");
    push_inert(&mut file, &record.body);
    file
}

/// A field as [`write()`] lays it out, with its line's end; `None` for values of a form that no record has.
pub fn lay_out(key: &str, value: &Value) -> Option<String> {
    let mut yaml = Document::new("", 128);
    write_value(&mut yaml, 0, key, value)?;
    Some(yaml.into_text())
}

fn write_value(yaml: &mut Document, depth: usize, key: &str, value: &Value) -> Option<()> {
    match value {
        Value::Null => yaml.null(depth, key),
        Value::Bool(value) => yaml.boolean(depth, key, *value),
        Value::Number(number) => yaml.number(depth, key, number.as_u64()?),
        Value::String(text) => yaml.text(depth, key, text),
        Value::Object(map) => {
            yaml.open(depth, key);
            map.iter().try_for_each(|(key, value)| write_value(yaml, depth + 1, key, value))?;
        }
        Value::Array(items) if items.iter().all(Value::is_string) => yaml.texts(depth, key, items.iter().filter_map(Value::as_str)),
        Value::Array(items) if items.iter().all(Value::is_u64) => match items.as_slice() {
            [one, other] => yaml.numbers(depth, key, [one.as_u64()?, other.as_u64()?]),
            _ => return None,
        },
        Value::Array(items) => {
            yaml.open(depth, key);
            for item in items {
                yaml.item();
                item.as_object()?.iter().try_for_each(|(key, value)| write_value(yaml, depth + 2, key, value))?;
            }
        }
    }
    Some(())
}

/// The file's name: `mdName`.
pub fn file_name(record: &Record) -> String {
    format!("{}.md", record.uuid.hyphenated())
}

fn write_meta(yaml: &mut Document, key: &str, names: &[&str], values: &std::collections::BTreeMap<String, String>) {
    yaml.open(0, key);
    for name in names {
        yaml.text_or_null(1, name, values.get(*name).map(String::as_str));
    }
}

/// What publishers declare and licences ask for. The contract has no keys for it, so these are there only where there is something.
fn write_declared(yaml: &mut Document, record: &Record) {
    for (key, value) in [("licence", &record.licence), ("attribution", &record.attribution)] {
        if let Some(value) = value {
            yaml.text(0, key, value);
        }
    }
    if let Some(promotion) = record.promotion {
        yaml.text(0, "promotion", promotion.word());
    }
    let Some(reservation) = &record.reservation else { return };
    yaml.open(0, "reservation");
    yaml.text_or_null(1, "rsl", reservation.rsl.as_deref());
    yaml.number(1, "tdmReservation", reservation.mining.into());
    yaml.text_or_null(1, "tdmPolicy", reservation.policy.as_deref());
    let directives: Vec<&str> = reservation.directives().collect();
    yaml.text_or_null(1, "robots", Some(directives.join(", ").as_str()).filter(|directives| !directives.is_empty()));
}

fn write_favicon(yaml: &mut Document, favicon: Option<&Attachment>) {
    let Some(favicon) = favicon else {
        return yaml.null(0, "favIconImage");
    };
    yaml.open(0, "favIconImage");
    write_file(yaml, favicon);
}

fn write_attachment(yaml: &mut Document, key: &str, attachment: Option<&Attachment>) {
    let Some(attachment) = attachment else {
        return yaml.null(0, key);
    };
    yaml.open(0, key);
    yaml.text(1, "alt", &attachment.alt);
    write_file(yaml, attachment);
    match attachment.work_package {
        Some(number) => yaml.number(1, "workPackage", number),
        None => yaml.null(1, "workPackage"),
    }
    yaml.open(1, "wpAttachment");
    yaml.text_or_null(2, "fileName", attachment.file_name.as_deref());
    yaml.text_or_null(2, "link", attachment.link.as_deref());
}

/// What icons, pictures and PDFs have in common.
fn write_file(yaml: &mut Document, attachment: &Attachment) {
    yaml.text_or_null(1, "format", Some(attachment.format.as_str()).filter(|format| !format.is_empty()));
    yaml.text_or_null(1, "href", Some(attachment.href.as_str()).filter(|href| !href.is_empty()));
    match attachment.size {
        Some((height_px, width_px)) => yaml.numbers(1, "size", [height_px.into(), width_px.into()]),
        None => yaml.null(1, "size"),
    }
    yaml.boolean(1, "valid", attachment.valid);
}

fn write_offerings(yaml: &mut Document, record: &Record) {
    if record.related_offerings.is_empty() {
        return yaml.texts(0, "relatedOfferings", [""; 0]);
    }
    yaml.open(0, "relatedOfferings");
    for offering in &record.related_offerings {
        yaml.item();
        yaml.text(2, "label", &offering.label);
        yaml.text(2, "permalink", &offering.permalink);
        yaml.texts(2, "categories", &offering.categories);
        yaml.number(2, "offeringId", offering.offering_id);
    }
}

/// Appends sanitised HTML so that no template engine finds anything to run in it: Hugo's `{{<` and `{{%`, Liquid's and
/// Nunjucks' `{{`, `{%` and `{#`, EJS's `<%`. Engines read the file's characters, browsers what the entities stand for.
fn push_inert(out: &mut String, html: &str) {
    let bytes = html.as_bytes();
    let mut copied = 0;
    for index in memchr::memchr2_iter(b'{', b'<', bytes) {
        let next = bytes.get(index + 1);
        let entity = match bytes[index] {
            b'<' if next == Some(&b'%') => "&lt;",
            b'{' if matches!(next, Some(b'{' | b'%' | b'#')) || html[..index].ends_with('{') => "&#123;",
            _ => continue,
        };
        out.push_str(&html[copied..index]);
        out.push_str(entity);
        copied = index + 1;
    }
    out.push_str(&html[copied..]);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::record::{Offering, PageMeta, Section};
    use crate::shared;

    fn lighthouse() -> Record {
        serde_json::from_str(&shared::project_text("tests/fixtures/records/lighthouse.json")).unwrap()
    }

    fn front_matter(file: &str) -> Value {
        let (front_matter, _) = file.strip_prefix("---\n").unwrap().split_once("\n---\n").unwrap();
        serde_saphyr::from_str(front_matter).unwrap()
    }

    /// Every `<name>.json` is a record, the `<name>.md` beside it the file to come out.
    #[test]
    fn fixtures_come_out_to_the_byte() {
        let mut seen = 0;
        for (file, json) in shared::project_files("tests/fixtures/records") {
            if let Some(name) = file.strip_suffix(".json") {
                let record: Record = serde_json::from_slice(&json).unwrap();
                assert_eq!(write(&record), shared::project_text(&format!("tests/fixtures/records/{name}.md")), "{name}");
                seen += 1;
            }
        }
        assert!(seen > 0);
    }

    /// The contract's inputs, read out of a seed by another YAML reader: what the page, the work package and the catalogue held,
    /// nothing that is derived from them.
    fn seed_record(seed: &Value, body: &str) -> Record {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let known = |key: &str| text(&seed[key]).unwrap();
        let meta = |key: &str| -> BTreeMap<String, String> {
            seed[key].as_object().unwrap().iter().filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect()
        };
        let image = &seed["featuredImage"];
        let pixels = |index: usize| u32::try_from(image["size"][index].as_u64().unwrap()).unwrap();
        let offerings: Vec<Offering> = serde_json::from_value(seed["relatedOfferings"].clone()).unwrap();
        let categories: Vec<String> = serde_json::from_value(seed["categories"].clone()).unwrap();
        let catalogue: Vec<Offering> = offerings.iter().rev().cloned().collect();
        Record {
            number: seed["id"].as_u64().unwrap(),
            uuid: known("mdName").strip_suffix(".md").unwrap().parse().unwrap(),
            section: Section::default(),
            curators: serde_json::from_value(seed["author"].clone()).unwrap(),
            title: known("title"),
            href: known("href"),
            original: known("original"),
            published: format!("{}T10:20:30Z", known("date")).parse().unwrap(),
            last_mod: known("lastMod").parse().unwrap(),
            summary: body.replace("<p>", "").replace("</p>", "").replace("&amp;", "&"),
            body: body.to_owned(),
            related_offerings: naming::related_offerings(&categories, &catalogue),
            categories,
            favicon: None,
            featured_image: Some(Attachment {
                alt: known("title"),
                format: text(&image["format"]).unwrap(),
                href: text(&image["href"]).unwrap(),
                size: Some((pixels(0), pixels(1))),
                valid: true,
                work_package: image["workPackage"].as_u64(),
                file_name: text(&image["wpAttachment"]["fileName"]),
                link: text(&image["wpAttachment"]["link"]),
            }),
            featured_pdf: None,
            page: PageMeta { html: meta("htmlMetaData"), open_graph: meta("openGraphMetaData"), twitter: meta("twitterMetaData") },
            institution: None,
            offering: None,
            source: known("source"),
            via: None,
            via_link: None,
            insights_description: text(&seed["insights_description"]),
            insights_name: text(&seed["insights_name"]),
            licence: None,
            attribution: None,
            promotion: None,
            reservation: None,
        }
    }

    #[test]
    fn seeds_come_out_line_for_line() {
        // The first seed's body holds UTF-8 that was read as Windows-1252. Cleaning repairs it before a record is written, so this
        // one line is to differ.
        let broken = "Europe\u{E2}\u{20AC}\u{2122}s";
        for (name, broken_lines) in [("000_4ee5da935226deb8.txt", 1), ("002_3780dbe1f2eb8c02.txt", 0)] {
            let Some(seed) = shared::text(&format!("seeds/{name}")) else { return };
            let repaired = seed.replace(broken, "Europe\u{2019}s");
            assert_eq!(seed.lines().zip(repaired.lines()).filter(|(one, other)| one != other).count(), broken_lines);
            let (_, body) = repaired.split_once("\n---\n").unwrap();
            let written = write(&seed_record(&front_matter(&repaired), body));
            for (number, (line, expected)) in written.lines().zip(repaired.lines()).enumerate() {
                assert_eq!(line, expected, "{name}, line {}", number + 1);
            }
            assert_eq!(written, repaired, "{name}");
        }
    }

    #[test]
    fn body_holds_nothing_a_template_engine_runs() {
        let cases = [
            ("<p>{{&lt; ref &gt;}}</p>", "<p>&#123;&#123;&lt; ref &gt;}}</p>"),
            ("<a title=\"{{< x >}}\">", "<a title=\"&#123;&#123;< x >}}\">"),
            ("{{% x %}}", "&#123;&#123;% x %}}"),
            ("{{{x}}}", "&#123;&#123;&#123;x}}}"),
            ("{% raw %}", "&#123;% raw %}"),
            ("{# note #}", "&#123;# note #}"),
            ("<a title=\"<%= x %>\">", "<a title=\"&lt;%= x %>\">"),
            ("{ x } &#123;", "{ x } &#123;"),
            ("{", "{"),
        ];
        for (html, expected) in cases {
            let mut out = String::new();
            push_inert(&mut out, html);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn a_record_without_a_web_address_has_no_brand() {
        let record = Record { href: "urn:isbn:0".into(), ..lighthouse() };
        let read = front_matter(&write(&record));
        assert_eq!(read["link"]["brand"], Value::Null);
        assert_eq!(read["slug"], "lighthouse-keepers-and-their-logbooks-what-fog-meant-in-1903");
    }

    proptest! {
        /// Text that would end the front matter, or start a key, a tag or a comment.
        #[test]
        fn hostile_text_adds_no_key_and_comes_back(
            parts in prop::collection::vec(prop::sample::select(vec![
                "\n---\n", "\n...\n", ": ", "\nkey: value\n", " #", "!!python/object", "{{ x }}", "{% x %}", "{{< x >}}", "\u{2028}", "-", "@", "`",
                "<%", "'", "\"", "\\", "\r\n", "\t", "word ", "\u{1F600}", "\0", "- ", "? ", "|", ">",
            ]), 0..12),
        ) {
            let text = parts.concat();
            let plain = lighthouse();
            let hostile = Record {
                title: text.clone(),
                curators: vec![text.clone()],
                original: text.clone(),
                source: text.clone(),
                via: Some(text.clone()),
                page: PageMeta { html: [("ogtitle".to_owned(), text.clone()), (text.clone(), text.clone())].into(), ..plain.page.clone() },
                ..plain.clone()
            };
            let file = write(&hostile);
            let (expected, read) = (front_matter(&write(&plain)), front_matter(&file));
            let keys = |value: &Value| value.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>());
            prop_assert_eq!(keys(&read), keys(&expected));
            prop_assert_eq!(keys(&read["htmlMetaData"]), keys(&expected["htmlMetaData"]));
            for value in [&read["title"], &read["author"][0], &read["link"]["original"], &read["source"], &read["via"], &read["htmlMetaData"]["ogtitle"]] {
                prop_assert_eq!(value.as_str(), Some(text.as_str()), "{}", file);
            }
            prop_assert!(file.ends_with(write(&plain).split_once("\n---\n").unwrap().1));
        }
    }
}
