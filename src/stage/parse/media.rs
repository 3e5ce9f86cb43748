//! Pictures, recordings and films of an entry: Media RSS, enclosures, podcast elements.

use super::name::Ns;
use super::scope::Scope;
use super::text;
use super::tree::{Id, Kind, Tree};
use crate::entry::{Media, MediaContent};
use crate::syntax::has_scheme;

/// Most renditions or preview pictures of one media object.
const MAX_PARTS: usize = 100;
/// Most media objects of one entry.
const MAX_MEDIA: usize = 200;

/// What an entry's elements say about its media, gathered in document order.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    objects: Vec<Media>,
    enclosures: Vec<MediaContent>,
    /// What stands beside the objects and holds for all of them.
    loose: Media,
}

impl Gathered {
    /// Takes in one element of an entry if it is about media.
    pub(super) fn take(&mut self, tree: &Tree<'_>, id: Id, scope: &Scope<'_>) {
        let node = tree.node(id);
        let name = node.local();
        match (node.ns, name) {
            (Ns::Media, "group") if self.objects.len() < MAX_MEDIA => {
                let object = object(tree, id, scope);
                self.objects.push(object);
            }
            (Ns::Media, "content") if self.objects.len() < MAX_MEDIA => {
                let mut object = object(tree, id, scope);
                let own = rendition(tree, id, scope);
                object.duration_s = object.duration_s.or_else(|| duration_of(tree, id));
                // Without an address it is only a frame around its previews and texts.
                if own.url.is_some() {
                    object.contents.insert(0, own);
                }
                self.objects.push(object);
            }
            (Ns::Media, _) => part(&mut self.loose, tree, id, scope),
            (Ns::Itunes, "image") => self.thumbnail(picture(tree, id, scope)),
            (Ns::Itunes, "duration") => self.loose.duration_s = self.loose.duration_s.or_else(|| duration(&tree.text(id))),
            (Ns::None | Ns::Rss, _) if name.eq_ignore_ascii_case("image") => self.thumbnail(picture(tree, id, scope)),
            _ => {}
        }
    }

    fn thumbnail(&mut self, url: Option<String>) {
        if let Some(url) = url.filter(|url| self.loose.thumbnails.len() < MAX_PARTS && !self.loose.thumbnails.contains(url)) {
            self.loose.thumbnails.push(url);
        }
    }

    /// Takes in an enclosure.
    pub(super) fn enclosure(&mut self, url: String, media_type: Option<String>, size_bytes: Option<u64>) {
        if self.enclosures.len() < MAX_MEDIA {
            self.enclosures.push(MediaContent { url: Some(url), media_type, size_bytes });
        }
    }

    /// The media objects: those of Media RSS, then the enclosures that are not among them. What stood beside them goes to the first.
    pub(super) fn finish(mut self) -> Vec<Media> {
        for enclosure in self.enclosures {
            let known = self.objects.iter().flat_map(|object| &object.contents).any(|content| content.url == enclosure.url);
            if !known {
                self.objects.push(Media { contents: vec![enclosure], ..Media::default() });
            }
        }
        let loose = self.loose;
        match self.objects.first_mut() {
            Some(first) => {
                first.title = first.title.take().or(loose.title);
                first.description = first.description.take().or(loose.description);
                first.duration_s = first.duration_s.or(loose.duration_s);
                for thumbnail in loose.thumbnails {
                    if !first.thumbnails.contains(&thumbnail) {
                        first.thumbnails.push(thumbnail);
                    }
                }
            }
            None if loose != Media::default() => self.objects.push(loose),
            None => {}
        }
        self.objects
    }

    /// The first description among the media, for entries that have none of their own.
    pub(super) fn description(&self) -> Option<&crate::entry::Text> {
        self.loose.description.as_ref().or_else(|| self.objects.iter().find_map(|object| object.description.as_ref()))
    }

    /// A title beside the media objects, for entries that have none of their own.
    pub(super) fn title(&self) -> Option<&crate::entry::Text> {
        self.loose.title.as_ref()
    }
}

/// What is inside a group or a rendition, however deep: groups in groups are one.
fn object(tree: &Tree<'_>, id: Id, scope: &Scope<'_>) -> Media {
    let mut media = Media::default();
    for at in id + 1..tree.end(id) {
        let node = tree.node(at);
        if node.kind == Kind::Element && node.ns == Ns::Media {
            part(&mut media, tree, at, scope);
        }
    }
    media
}

fn part(media: &mut Media, tree: &Tree<'_>, id: Id, scope: &Scope<'_>) {
    match tree.node(id).local() {
        "content" if media.contents.len() < MAX_PARTS => {
            media.contents.push(rendition(tree, id, scope));
            media.duration_s = media.duration_s.or_else(|| duration_of(tree, id));
        }
        "thumbnail" if media.thumbnails.len() < MAX_PARTS => {
            if let Some(url) = picture(tree, id, scope).filter(|url| !media.thumbnails.contains(url)) {
                media.thumbnails.push(url);
            }
        }
        "title" if media.title.is_none() => media.title = text::guessed(tree, id, scope),
        "description" if media.description.is_none() => media.description = text::guessed(tree, id, scope),
        _ => {}
    }
}

fn rendition(tree: &Tree<'_>, id: Id, scope: &Scope<'_>) -> MediaContent {
    let attribute = |name| tree.attribute(id, name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    MediaContent {
        url: attribute("url").and_then(|url| scope.address(&url)),
        media_type: attribute("type"),
        size_bytes: attribute("fileSize").and_then(|size| size.parse().ok()),
    }
}

fn duration_of(tree: &Tree<'_>, id: Id) -> Option<u64> {
    tree.attribute(id, "duration").and_then(|raw| duration(&raw))
}

/// The address of a picture: `href`, `url` or `rdf:resource`, a `url` element inside, or its text.
pub(super) fn picture(tree: &Tree<'_>, id: Id, scope: &Scope<'_>) -> Option<String> {
    let attribute =
        ["href", "url", "src"].iter().find_map(|name| tree.attribute(id, name)).or_else(|| tree.attribute_local(id, "resource"));
    if let Some(url) = attribute.and_then(|url| scope.address(&url)) {
        return Some(url);
    }
    let holder = match tree.child(id, "url") {
        Some(url) => url,
        None if tree.has_elements(id) => return None,
        None => id,
    };
    scope.address(&tree.text(holder)).filter(|url| has_scheme(url))
}

/// Seconds of `12`, `12.5`, `1:02`, `1:02:03`. More digits than a day count would need are no duration.
fn duration(raw: &str) -> Option<u64> {
    let mut seconds = 0_u64;
    let raw = raw.trim();
    if raw.is_empty() || raw.split(':').count() > 3 {
        return None;
    }
    for part in raw.split(':') {
        let whole = part.trim().split('.').next().filter(|part| (1..=9).contains(&part.len()))?;
        seconds = seconds.checked_mul(60)?.checked_add(whole.parse::<u64>().ok()?)?;
    }
    (seconds > 0).then_some(seconds)
}
