//! Creative Commons licences, by their addresses and by their names.

use url::Url;

/// A Creative Commons licence, or its waiver, as far as this program has to heed it (acceptance P5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Licence {
    /// Whether its author has to be named: all but the waiver (CC0) and the mark.
    pub attribution: bool,
    /// Whether it forbids commercial use (NC).
    pub no_trade: bool,
    /// Whether it forbids to pass on what was changed (ND). An excerpt is a change.
    pub no_change: bool,
    /// What changes are passed on under: the same licence (SA).
    pub share_alike: bool,
    /// `4.0`; without one it cannot be linked.
    pub version: Option<String>,
}

impl Licence {
    /// The licence of an address at creativecommons.org, or of a name such as `CC BY-NC 4.0`. `None` for everything else.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        match Url::parse(text.trim()) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Self::of_address(&url),
            _ => Self::of_name(text),
        }
    }

    fn of_address(url: &Url) -> Option<Self> {
        let host = url.host_str()?;
        if host.strip_prefix("www.").unwrap_or(host) != "creativecommons.org" {
            return None;
        }
        let mut parts = url.path_segments()?.map(str::to_ascii_lowercase);
        let (kind, code) = (parts.next()?, parts.next()?);
        let version = parts.next().filter(|part| is_version(part));
        match (kind.as_str(), code.as_str()) {
            ("licenses", code) => Self::of_words(code.split('-'), version),
            ("publicdomain", "zero" | "mark") => Some(Self::waiver(version)),
            _ => None,
        }
    }

    fn of_name(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let rest = match text.strip_prefix("creative commons") {
            Some(rest) => rest,
            None => text.strip_prefix("cc")?,
        };
        // `CC0`, and nothing that only begins with these letters, such as `CCL`.
        if rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return None;
        }
        let words: Vec<&str> = rest.split([' ', '-', '_', ',', '/']).filter(|word| !word.is_empty()).collect();
        let version = words.iter().find(|word| is_version(word)).map(|word| (*word).to_owned());
        if matches!(words.first(), Some(&"0" | &"zero")) {
            return Some(Self::waiver(version));
        }
        Self::of_words(words.into_iter().filter(|word| !is_version(word)), version)
    }

    fn of_words<'a>(words: impl Iterator<Item = &'a str>, version: Option<String>) -> Option<Self> {
        let mut licence = Self { attribution: false, no_trade: false, no_change: false, share_alike: false, version };
        for word in words {
            match word {
                "by" | "attribution" => licence.attribution = true,
                "nc" | "noncommercial" => licence.no_trade = true,
                "nd" | "noderivatives" | "noderivs" => licence.no_change = true,
                "sa" | "sharealike" => licence.share_alike = true,
                "international" | "intl" | "unported" | "generic" | "license" | "licence" => {}
                _ => return None,
            }
        }
        licence.attribution.then_some(licence)
    }

    fn waiver(version: Option<String>) -> Self {
        Self { attribution: false, no_trade: false, no_change: false, share_alike: false, version }
    }

    /// Its usual name, such as `CC BY-NC 4.0`.
    #[must_use]
    pub fn name(&self) -> String {
        let code = if self.attribution { format!("CC {}", self.code().to_ascii_uppercase()) } else { "CC0".to_owned() };
        self.version.as_ref().map_or(code.clone(), |version| format!("{code} {version}"))
    }

    /// Where it is, if its version is known.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        let version = self.version.as_ref()?;
        Some(match self.attribution {
            true => format!("https://creativecommons.org/licenses/{}/{version}/", self.code()),
            false => format!("https://creativecommons.org/publicdomain/zero/{version}/"),
        })
    }

    fn code(&self) -> String {
        let parts = [("by", true), ("nc", self.no_trade), ("nd", self.no_change), ("sa", self.share_alike)];
        parts.into_iter().filter(|(_, is)| *is).map(|(part, _)| part).collect::<Vec<_>>().join("-")
    }

    /// What it forbids of what this program does: `is_excerpt` says whether texts are cut, `is_filed` whether they are filed under topics.
    #[must_use]
    pub fn warnings(&self, is_excerpt: bool, is_filed: bool) -> Vec<String> {
        let name = self.name();
        let change =
            (self.no_change && is_excerpt).then(|| format!("{name} forbids to pass on what was changed, and an excerpt is a change"));
        let trade = (self.no_trade && (is_excerpt || is_filed)).then(|| {
            let done = if is_filed { "filed under topics" } else { "excerpted" };
            format!("{name} forbids commercial use, for which its articles must not be {done}")
        });
        change.into_iter().chain(trade).collect()
    }
}

fn is_version(word: &str) -> bool {
    word.split_once('.').is_some_and(|(one, other)| [one, other].iter().all(|n| n.len() == 1 && n.bytes().all(|b| b.is_ascii_digit())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_known_by_name_and_address() {
        for (text, name, address) in [
            ("CC BY 4.0", "CC BY 4.0", Some("https://creativecommons.org/licenses/by/4.0/")),
            ("cc-by-nc-nd-3.0", "CC BY-NC-ND 3.0", Some("https://creativecommons.org/licenses/by-nc-nd/3.0/")),
            (
                "Creative Commons Attribution-ShareAlike 4.0 International",
                "CC BY-SA 4.0",
                Some("https://creativecommons.org/licenses/by-sa/4.0/"),
            ),
            (
                "https://creativecommons.org/licenses/by-nc-sa/2.5/ca/",
                "CC BY-NC-SA 2.5",
                Some("https://creativecommons.org/licenses/by-nc-sa/2.5/"),
            ),
            ("http://www.creativecommons.org/licenses/BY/4.0", "CC BY 4.0", Some("https://creativecommons.org/licenses/by/4.0/")),
            ("CC0 1.0", "CC0 1.0", Some("https://creativecommons.org/publicdomain/zero/1.0/")),
            (
                "https://creativecommons.org/publicdomain/zero/1.0/deed.fi",
                "CC0 1.0",
                Some("https://creativecommons.org/publicdomain/zero/1.0/"),
            ),
            ("CC BY", "CC BY", None),
        ] {
            let licence = Licence::read(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((licence.name().as_str(), licence.address().as_deref()), (name, address), "{text}");
        }
        for text in
            ["", "all rights reserved", "CCL", "MIT", "CC", "CC BY-XX 4.0", "https://example.org/licenses/by/4.0/", "cc@example.org"]
        {
            assert_eq!(Licence::read(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_forbidden_is_told() {
        for (name, excerpt, filed, told) in [
            ("CC BY-ND 4.0", true, false, 1),
            ("CC BY-ND 4.0", false, true, 0),
            ("CC BY-NC 4.0", false, true, 1),
            ("CC BY-NC 4.0", true, false, 1),
            ("CC BY-NC-ND 4.0", true, true, 2),
            ("CC BY-SA 4.0", true, true, 0),
        ] {
            assert_eq!(Licence::read(name).unwrap().warnings(excerpt, filed).len(), told, "{name} {excerpt} {filed}");
        }
    }
}
