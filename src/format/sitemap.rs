//! Writes the sitemap (sitemaps.org, version 0.9).

use chrono::{DateTime, Utc};
use quick_xml::escape::escape;

use super::document::gate::{iri, rfc3339};

/// Most addresses that one sitemap may hold.
const URLS_MAX: usize = 50_000;

/// The pages with their last changes, as far as known.
#[must_use]
pub fn write<'a>(pages: impl IntoIterator<Item = (&'a str, Option<DateTime<Utc>>)>) -> String {
    let mut xml = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n".to_owned();
    for (url, updated) in pages.into_iter().take(URLS_MAX) {
        xml.push_str(" <url><loc>");
        xml.push_str(&escape(iri(url)));
        xml.push_str("</loc>");
        if let Some(updated) = updated {
            xml.push_str("<lastmod>");
            xml.push_str(&rfc3339(updated));
            xml.push_str("</lastmod>");
        }
        xml.push_str("</url>\n");
    }
    xml.push_str("</urlset>\n");
    xml
}

#[cfg(test)]
mod tests {
    use super::super::document::samples::{at, xml_fault};
    use super::*;

    #[test]
    fn every_page_has_a_line() {
        let xml = write([("https://a.example/?x&y", Some(at("2026-11-20T10:00:00Z"))), ("https://a.example/<", None)]);
        assert_eq!(xml_fault(xml.as_bytes()), None);
        assert!(xml.contains("<url><loc>https://a.example/?x&amp;y</loc><lastmod>2026-11-20T10:00:00Z</lastmod></url>"), "{xml}");
        assert_eq!(xml.matches("<url>").count(), 2);
    }
}
