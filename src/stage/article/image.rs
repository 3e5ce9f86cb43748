//! What a picture is, by its bytes. What its server or its name says does not count.

use std::sync::LazyLock;

use imagesize::{Compression, ImageType};
use regex::Regex;
use serde::{Deserialize, Serialize};

/// A feature image with a side shorter than this is a logo, an icon or a tracking pixel.
pub const SIDE_MIN_PX: u32 = 64;

/// A picture or PDF of a page, as it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// Its address.
    pub url: String,
    /// `JPEG`, `PNG`, `WEBP`, `GIF`, `SVG`, `AVIF`, `ICO` or `PDF`, if its bytes are one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Height and width in pixels, where it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<(u32, u32)>,
    /// Hash of its bytes in hexadecimal, under which they are kept; `None` if they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Why it is not valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Whether it may be had at another time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

impl Picture {
    /// Whether it is what it should be.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.why.is_none()
    }
}

/// What bytes turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The format's name in the record.
    pub format: &'static str,
    /// Height and width in pixels.
    pub size: Option<(u32, u32)>,
}

/// Why bytes are no picture that can be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPicture {
    /// A page.
    #[error("it is an HTML page, not a picture")]
    Page,
    /// Nothing at all.
    #[error("it is empty")]
    Empty,
    /// Something else.
    #[error("its bytes are no JPEG, PNG, WebP, GIF, SVG or AVIF picture")]
    Unknown,
    /// A picture that breaks off before it says its size.
    #[error("it is a broken picture")]
    Broken,
    /// An SVG that runs scripts, or loads something from elsewhere.
    #[error("it is an SVG that runs or loads something")]
    Active,
}

/// Tells a picture's format and size from its bytes.
///
/// # Errors
/// [`NoPicture`].
pub fn sniff(bytes: &[u8]) -> Result<Seen, NoPicture> {
    if bytes.is_empty() {
        return Err(NoPicture::Empty);
    }
    let format = match imagesize::image_type(bytes) {
        Ok(ImageType::Jpeg) => "JPEG",
        Ok(ImageType::Png) => "PNG",
        Ok(ImageType::Webp) => "WEBP",
        Ok(ImageType::Gif) => "GIF",
        Ok(ImageType::Ico) => "ICO",
        Ok(ImageType::Heif(Compression::Av1)) => "AVIF",
        _ => return drawing(bytes),
    };
    let size = imagesize::blob_size(bytes).map_err(|_| NoPicture::Broken)?;
    let side = |length: usize| u32::try_from(length).map_err(|_| NoPicture::Broken);
    Ok(Seen { format, size: Some((side(size.height)?, side(size.width)?)) })
}

/// Scripts, event handlers, links that run, foreign content, and loads from elsewhere: a picture needs none of them.
static ACTIVE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)<\s*(?:script|foreignobject|iframe|embed|object|audio|video|handler)|\son[a-z]+\s*=|javascript:|<!entity|<\?xml-stylesheet|@import|(?:href|src)\s*=\s*["']?\s*(?:https?:|//|data:text)|url\(\s*["']?(?:https?:|//)"#,
    )
    .ok()
});
static ROOT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^\s*(?:<\?[^>]*\?>\s*|<!--(?s:.*?)-->\s*|<!DOCTYPE[^>]*>\s*)*<svg\b([^>]*)>").ok());
static SIDE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"\s(width|height)\s*=\s*["']\s*([0-9]+)(?:\.[0-9]+)?\s*(?:px)?\s*["']|\sviewBox\s*=\s*["']\s*[-0-9.]+[\s,]+[-0-9.]+[\s,]+([0-9]+)(?:\.[0-9]+)?[\s,]+([0-9]+)"#).ok()
});

fn drawing(bytes: &[u8]) -> Result<Seen, NoPicture> {
    let Ok(text) = str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)) else { return Err(NoPicture::Unknown) };
    let Some(attributes) = ROOT.as_ref().and_then(|root| root.captures(text)?.get(1)) else {
        let start: String = text.trim_start().chars().take(200).collect::<String>().to_ascii_lowercase();
        let is_page =
            start.starts_with("<!doctype html") || start.contains("<html") || start.contains("<head") || start.starts_with("<body");
        return Err(if is_page { NoPicture::Page } else { NoPicture::Unknown });
    };
    // Namespaces are addresses that nothing loads.
    if ACTIVE.as_ref().is_none_or(|active| active.is_match(text)) {
        return Err(NoPicture::Active);
    }
    let (mut height, mut width, mut view) = (None, None, None);
    for found in SIDE.iter().flat_map(|side| side.captures_iter(attributes.as_str())) {
        let number = |at: usize| found.get(at).and_then(|n| n.as_str().parse::<u32>().ok());
        match found.get(1).map(|name| name.as_str()) {
            Some("width") => width = number(2),
            Some(_) => height = number(2),
            None => view = number(4).zip(number(3)),
        }
    }
    Ok(Seen { format: "SVG", size: height.zip(width).or(view) })
}

/// Why a picture of this size is no feature image.
#[must_use]
pub fn too_small(size: Option<(u32, u32)>) -> Option<String> {
    let (height, width) = size?;
    (height.min(width) < SIDE_MIN_PX).then(|| format!("it is tiny: {width} by {height} pixels, and {SIDE_MIN_PX} are the least"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 2, 0, 0, 0, 0, 0, 0, 0]);
        bytes
    }

    #[test]
    fn formats_and_sizes_are_in_the_bytes() {
        let jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xc0\0\x11\x08\x02\x76\x04\xb0\x03\x01\x22\0\x02\x11\x01\x03\x11\x01";
        let webp = b"RIFF\x24\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xaf\x04\0\x75\x02\0\0\0\0\0";
        let gif = b"GIF89a\xb0\x04\x76\x02\0\0\0;";
        for (bytes, format, size) in [
            (png(1_200, 630), "PNG", Some((630, 1_200))),
            (jpeg.to_vec(), "JPEG", Some((630, 1_200))),
            (webp.to_vec(), "WEBP", Some((630, 1_200))),
            (gif.to_vec(), "GIF", Some((630, 1_200))),
            (b"<?xml version='1.0'?><!-- a --><svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1200px\" height=\"630\"><path d='M0'/></svg>".to_vec(), "SVG", Some((630, 1_200))),
            (b"\xef\xbb\xbf <svg viewBox=\"0 0 1200 630\"></svg>".to_vec(), "SVG", Some((630, 1_200))),
            (b"<svg width=\"100%\"></svg>".to_vec(), "SVG", None),
        ] {
            assert_eq!(sniff(&bytes), Ok(Seen { format, size }), "{}", String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn what_is_no_picture_is_told() {
        for (bytes, why) in [
            (&b""[..], NoPicture::Empty),
            (b"<!DOCTYPE html><title>404</title>", NoPicture::Page),
            (b"\n<html lang=en>", NoPicture::Page),
            (b"no picture", NoPicture::Unknown),
            (b"\xff\xfe\0\x01", NoPicture::Unknown),
            (b"BM\0\0\0\0", NoPicture::Unknown),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIH", NoPicture::Broken),
            (b"<svg><script>alert(1)</script></svg>", NoPicture::Active),
            (b"<svg onload=alert(1)></svg>", NoPicture::Active),
            (b"<svg><a xlink:href='javascript:alert(1)'/></svg>", NoPicture::Active),
            (b"<svg><image href=\"https://tracker.example/p.gif\"/></svg>", NoPicture::Active),
            (b"<!DOCTYPE svg [<!ENTITY x 'y'>]><svg></svg>", NoPicture::Unknown),
        ] {
            assert_eq!(sniff(bytes), Err(why), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn pixels_are_no_feature_image() {
        assert_eq!(too_small(Some((1, 1))).as_deref(), Some("it is tiny: 1 by 1 pixels, and 64 are the least"));
        assert_eq!((too_small(Some((64, 64))), too_small(None)), (None, None));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(start in 0usize..6, bytes in proptest::prelude::any::<Vec<u8>>()) {
            let starts: [&[u8]; 6] = [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBPVP8", b"\0\0\0\x20ftypavif", b"<svg "];
            let _ = sniff(&[starts[start], bytes.as_slice()].concat());
        }
    }
}
