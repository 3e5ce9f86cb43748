//! Namespaces: which vocabulary an element belongs to, whatever its prefix.

/// The vocabularies that the reader knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ns {
    /// No namespace at all.
    None,
    /// RSS in any of its namespaces: 0.90, 1.0 and those that RSS 2.0 documents put on their root.
    Rss,
    /// Atom 1.0 and 0.3.
    Atom,
    /// Dublin Core elements.
    Dc,
    /// Dublin Core terms.
    DcTerms,
    /// RSS content module.
    Content,
    /// Apple's podcast elements.
    Itunes,
    /// Media RSS.
    Media,
    /// FeedBurner and Pheedo: where the link went before it was wrapped.
    FeedBurner,
    /// XHTML.
    Xhtml,
    /// RDF syntax.
    Rdf,
    /// RSS syndication module.
    Syndication,
    /// Creative Commons.
    Licence,
    /// Really Simple Licensing 1.0.
    Rsl,
    /// TDMRep.
    Mining,
    /// SVG and MathML, which may stand in XHTML.
    Drawing,
    /// Anything else: never read as a feed's own element.
    Other,
}

/// Namespace URIs without scheme, `www.`, trailing `/` or `#`, in lower case, and the prefix by which each is known.
const KNOWN: &[(&str, &str, Ns)] = &[
    ("w3.org/2005/atom", "atom", Ns::Atom),
    ("purl.org/atom/ns", "", Ns::Atom),
    ("w3.org/1999/xhtml", "xhtml", Ns::Xhtml),
    ("purl.org/dc/elements/1.1", "dc", Ns::Dc),
    ("purl.org/dc/elements/1.0", "", Ns::Dc),
    ("purl.org/dc/terms", "dcterms", Ns::DcTerms),
    ("purl.org/rss/1.0/modules/content", "content", Ns::Content),
    ("purl.org/rss/1.0/modules/syndication", "sy", Ns::Syndication),
    ("search.yahoo.com/mrss", "media", Ns::Media),
    ("search.yahoo.com/mrss/rss", "", Ns::Media),
    ("tools.search.yahoo.com/mrss", "", Ns::Media),
    ("itunes.com/dtds/podcast-1.0.dtd", "itunes", Ns::Itunes),
    ("example.com/dtds/podcast-1.0.dtd", "", Ns::Itunes),
    ("rssnamespace.org/feedburner/ext/1.0", "feedburner", Ns::FeedBurner),
    ("pheedo.com/namespace/pheedo", "pheedo", Ns::FeedBurner),
    ("w3.org/1999/02/22-rdf-syntax-ns", "rdf", Ns::Rdf),
    ("purl.org/rss/1.0", "rss", Ns::Rss),
    ("channel.netscape.com/rdf/simple/0.9", "", Ns::Rss),
    ("my.netscape.com/rdf/simple/0.9", "", Ns::Rss),
    ("my.netscape.com/publish/formats/rss-0.91.dtd", "", Ns::Rss),
    ("purl.org/net/rss1.1", "", Ns::Rss),
    ("purl.org/rss/2.0", "", Ns::Rss),
    ("backend.userland.com/rss", "", Ns::Rss),
    ("backend.userland.com/rss2", "", Ns::Rss),
    ("backend.userland.com/rss091", "", Ns::Rss),
    ("backend.userland.com/rss092", "", Ns::Rss),
    ("blogs.law.harvard.edu/tech/rss", "", Ns::Rss),
    ("cyber.law.harvard.edu/rss", "", Ns::Rss),
    ("rssboard.org/rss-specification", "", Ns::Rss),
    ("backend.userland.com/creativecommonsrssmodule", "creativecommons", Ns::Licence),
    ("cyber.law.harvard.edu/rss/creativecommonsrssmodule.html", "", Ns::Licence),
    ("web.resource.org/cc", "cc", Ns::Licence),
    ("creativecommons.org/ns", "", Ns::Licence),
    ("rslstandard.org/rsl", "rsl", Ns::Rsl),
    ("w3.org/ns/tdmrep", "tdm", Ns::Mining),
    ("w3.org/2000/svg", "svg", Ns::Drawing),
    ("w3.org/1998/math/mathml", "math", Ns::Drawing),
];

/// Prefixes in use besides those of [`KNOWN`]; `a10` is what Microsoft's library writes for Atom.
const OTHER_PREFIXES: &[(&str, Ns)] =
    &[("a10", Ns::Atom), ("atom10", Ns::Atom), ("atom03", Ns::Atom), ("a", Ns::Atom), ("dct", Ns::DcTerms), ("mrss", Ns::Media)];

impl Ns {
    /// The vocabulary of a namespace URI, as publishers misspell it: `https`, no `www`, a missing or doubled slash, another case.
    pub(super) fn of_uri(uri: &str) -> Self {
        let uri = uri.trim();
        if uri.is_empty() {
            return Self::None;
        }
        let rest = uri.find("://").and_then(|at| uri.get(at + 3..)).unwrap_or(uri);
        let rest = match rest.get(..4) {
            Some(www) if www.eq_ignore_ascii_case("www.") => &rest[4..],
            _ => rest,
        };
        let rest = rest.trim_end_matches(['/', '#']);
        KNOWN.iter().find(|(known, _, _)| known.eq_ignore_ascii_case(rest)).map_or(Self::Other, |&(_, _, ns)| ns)
    }

    /// The vocabulary that an undeclared prefix stands for by convention.
    pub(super) fn of_prefix(prefix: &str) -> Self {
        if prefix.is_empty() {
            return Self::None;
        }
        let known = KNOWN.iter().find(|(_, known, _)| !known.is_empty() && known.eq_ignore_ascii_case(prefix)).map(|&(_, _, ns)| ns);
        known
            .or_else(|| OTHER_PREFIXES.iter().find(|(known, _)| known.eq_ignore_ascii_case(prefix)).map(|&(_, ns)| ns))
            .unwrap_or(Self::Other)
    }

    /// The prefix and the URI under which another reader will recognise this vocabulary, or `None` if there is no use in telling it.
    pub(super) fn canonical(self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::Dc => ("dc", "http://purl.org/dc/elements/1.1/"),
            Self::DcTerms => ("dcterms", "http://purl.org/dc/terms/"),
            Self::Content => ("content", "http://purl.org/rss/1.0/modules/content/"),
            Self::Itunes => ("itunes", "http://www.itunes.com/dtds/podcast-1.0.dtd"),
            Self::Media => ("media", "http://search.yahoo.com/mrss/"),
            Self::Rdf => ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
            Self::Atom => ("atom", "http://www.w3.org/2005/Atom"),
            Self::Xhtml => ("xhtml", "http://www.w3.org/1999/xhtml"),
            _ => return None,
        })
    }
}
