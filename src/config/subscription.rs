//! Sources that lists of feeds name (`kind = "opml"`).

use std::collections::HashSet;

use url::Url;

use super::{Access, Site, Source, SourceKind};
use crate::stage::naming;
use crate::stage::opml::Outline;
use crate::syntax::hex;

/// Longest readable part of a made id, in characters.
const NAME_MAX_CHARS: usize = 24;

impl Site {
    /// Puts the feeds that each list names behind the configuration's own sources, in the order of the lists. `outlines` gives what a
    /// list, by its id, names. What an earlier call put there goes.
    ///
    /// A feed that is configured, or named by an earlier list, is left out, and so is one that this site publishes itself, or on a
    /// port that may not be reached. A list's own access (networks, ports, headers) stays its own: others write what is in it.
    ///
    /// # Errors
    /// Those of `outlines`.
    pub fn subscribe<E>(&mut self, outlines: impl Fn(&str) -> Result<Vec<Outline>, E>) -> Result<(), E> {
        self.sources.retain(|source| source.parent.is_none());
        let published = self.published();
        let mut urls: HashSet<String> = self.sources.iter().map(|source| source.url.to_string()).collect();
        let mut ids: HashSet<String> = self.sources.iter().map(|source| source.id.clone()).collect();
        let mut named = Vec::new();
        for list in self.sources.iter().filter(|source| source.kind == SourceKind::Opml) {
            for outline in outlines(&list.id)? {
                let Ok(url) = Url::parse(&outline.url) else { continue };
                let port = url.port_or_known_default().unwrap_or(80);
                let may_ask = matches!(port, 80 | 443) || self.fetch.ports.contains(&port);
                if !may_ask || published.holds(&url) || !urls.insert(url.to_string()) {
                    continue;
                }
                let id = made_id(&list.id, &url);
                if ids.insert(id.clone()) {
                    named.push(Source {
                        id,
                        url,
                        kind: SourceKind::Auto,
                        title: None,
                        access: Access::default(),
                        host_group: None,
                        parent: Some(list.id.clone()),
                        configured: None,
                        ..list.clone()
                    });
                }
            }
        }
        self.sources.extend(named);
        Ok(())
    }
}

/// An id that depends on the list and the address alone, so that it is the same whatever else the list holds and says.
fn made_id(list: &str, url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let name: String = naming::slug(host.strip_prefix("www.").unwrap_or(host)).chars().take(NAME_MAX_CHARS).collect();
    let digest = hex(&blake3::hash(url.as_str().as_bytes()).as_bytes()[..5]);
    let list: String = list.chars().take(64 - NAME_MAX_CHARS - digest.len() - 2).collect();
    format!("{list}-{}-{digest}", name.trim_matches('-'))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn a_lists_feeds_become_sources_with_its_settings_and_without_its_access() {
        let text = "[site]\ntitle = \"T\"\nbase_url = \"https://wire.example/\"\n\
                    [[source]]\nid = \"own\"\nurl = \"https://a.example/feed\"\n\
                    [[source]]\nid = \"list\"\nurl = \"health.opml\"\nkind = \"opml\"\nlanguage = \"fi\"\ncurator = \"Desk\"\n\
                    headers = { X-Key = \"secret\" }\n";
        let mut site = crate::config::check(std::path::Path::new("/etc/feeds.toml"), text).unwrap();
        assert_eq!(site.sources[1].url.as_str(), "file:///etc/health.opml");
        let outline = |url: &str| Outline { url: url.into(), title: None };
        let all = [
            "https://a.example/feed",
            "https://www.b.example/feed?x=1",
            "https://wire.example/topic/x/feed.atom",
            "https://c.example:8443/",
            "https://b.example/other",
        ];
        for _ in 0..2 {
            site.subscribe(|_| Ok::<_, Infallible>(all.map(outline).to_vec())).unwrap();
        }
        let ids: Vec<&str> = site.sources.iter().map(|source| source.id.as_str()).collect();
        assert_eq!(ids.len(), 4, "{ids:?}");
        assert!(ids[2].starts_with("list-b-example-") && ids[3].starts_with("list-b-example-") && ids[2] != ids[3], "{ids:?}");
        let child = &site.sources[2];
        assert_eq!(
            (child.language.as_deref(), child.curator.as_deref(), child.parent.as_deref()),
            (Some("fi"), Some("Desk"), Some("list"))
        );
        assert!(child.access.headers.is_empty());
        let again = made_id("list", &child.url);
        assert_eq!(again, child.id);
        assert!(made_id(&"x".repeat(64), &Url::parse(&format!("https://{}.example/", "y".repeat(60))).unwrap()).len() <= 64);
        site.subscribe(|_| Ok::<_, Infallible>(Vec::new())).unwrap();
        assert_eq!(site.sources.len(), 2);
    }
}
