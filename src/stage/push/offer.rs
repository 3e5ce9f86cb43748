//! Which hub a source names, and under which address it knows the source (section 4 of the recommendation).

use serde::{Deserialize, Serialize};
use url::Url;

use super::ADDRESS_MAX_BYTES;
use crate::entry::Link;
use crate::stage::link_header;

/// A hub that a source names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Where to subscribe.
    pub hub: String,
    /// What to subscribe to: the source's address as the hub knows it (`rel="self"`).
    pub topic: String,
}

/// The hub and topic that a document names, in its `Link` header (`header`, several joined by commas) or else in itself. Relative
/// addresses are relative to `base`, where the document came from. `None` where either is missing: without a topic there is nothing
/// to subscribe to.
#[must_use]
pub fn offer(header: &str, links: &[Link], base: &Url) -> Option<Offer> {
    let named = |wanted: &str| {
        let in_header = link_header::links(header)
            .filter(|(_, parameters)| link_header::parameter(parameters, "rel").is_some_and(|rel| has(rel, wanted)))
            .find_map(|(target, _)| address(target, base));
        let in_document = || {
            links.iter().filter(|link| link.rel.as_deref().is_some_and(|rel| has(rel, wanted))).find_map(|link| address(&link.href, base))
        };
        in_header.or_else(in_document)
    };
    Some(Offer { hub: named("hub")?, topic: named("self")? })
}

/// Whether a list of relations holds this one.
fn has(rel: &str, wanted: &str) -> bool {
    rel.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case(wanted))
}

/// An absolute web address without credentials and fragment.
fn address(text: &str, base: &Url) -> Option<String> {
    let mut url = base.join(text.trim()).ok()?;
    url.set_fragment(None);
    let is_plain = matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty() && url.password().is_none();
    (is_plain && url.as_str().len() <= ADDRESS_MAX_BYTES).then(|| url.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HUB: &str = "https://hub.example/";
    const SELF: &str = "https://a.example/feed";

    fn base() -> Url {
        Url::parse("https://a.example/feed?x=1").unwrap()
    }

    fn link(rel: &str, href: &str) -> Link {
        Link { href: href.into(), rel: Some(rel.into()), ..Link::default() }
    }

    #[test]
    fn a_header_counts_before_the_document() {
        let links = [link("hub", "https://other.example/"), link("self", "https://a.example/other")];
        for (header, hub, topic) in [
            ("", "https://other.example/", "https://a.example/other"),
            (r#"<https://hub.example/>; rel="hub", <https://a.example/feed>; rel="self""#, HUB, SELF),
            ("<https://hub.example/>;rel=hub", HUB, "https://a.example/other"),
            (
                r#"<https://x.example/>; title="a, <b>; rel=hub"; rel=next, <https://hub.example/>; REL="x Hub""#,
                HUB,
                "https://a.example/other",
            ),
            (r#"</feed>; rel="self""#, "https://other.example/", SELF),
            ("<gopher://hub.example/>; rel=hub", "https://other.example/", "https://a.example/other"),
        ] {
            assert_eq!(offer(header, &links, &base()), Some(Offer { hub: hub.into(), topic: topic.into() }), "{header}");
        }
    }

    #[test]
    fn without_hub_or_self_there_is_no_offer() {
        for links in [vec![], vec![link("hub", HUB)], vec![link("self", SELF)], vec![link("self", SELF), link("hub", "ftp://hub.example/")]]
        {
            assert_eq!(offer("", &links, &base()), None, "{links:?}");
        }
        assert_eq!(offer("", &[link("hub", "https://me:pw@hub.example/"), link("self", SELF)], &base()), None);
        assert_eq!(offer("", &[link("hub", &format!("{HUB}{}", "x".repeat(3_000))), link("self", SELF)], &base()), None);
    }

    proptest! {
        #[test]
        fn no_header_panics(header in "[<>;,\"\\\\ =a-c\u{e9}]{0,60}") {
            let _ = offer(&header, &[], &base());
        }

        #[test]
        fn what_is_written_is_read(titles in proptest::collection::vec("[a-z,;<> ]{0,12}", 0..6)) {
            let mut header: String = titles.iter().map(|title| format!("<https://x.example/>; title=\"{title}\"; rel=\"next\", ")).collect();
            header += "<https://hub.example/>; rel=\"hub\", <https://a.example/feed>; rel=self";
            prop_assert_eq!(offer(&header, &[], &base()), Some(Offer { hub: HUB.into(), topic: SELF.into() }));
        }
    }
}
