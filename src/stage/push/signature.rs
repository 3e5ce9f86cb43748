//! `X-Hub-Signature`: whether a push comes from whoever knows the subscription's secret (section 8 of the recommendation).

use std::fmt;

use ring::hmac;
use serde::{Deserialize, Serialize};

use super::SECRET_MAX_BYTES;
use crate::syntax::hex;

/// A subscription's secret: sent once, stored, never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(String);

impl Key {
    /// A secret of 1 to 199 bytes; `None` for what is none.
    #[must_use]
    pub fn new(secret: String) -> Option<Self> {
        (1..SECRET_MAX_BYTES).contains(&secret.len()).then_some(Self(secret))
    }

    /// As it is sent to a hub, once, with the request to subscribe.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// What a good signature says of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// It is the hub's.
    Well,
    /// It is signed with SHA-1, which proves too little to believe its bytes; it is good for a hint to fetch (acceptance S35).
    Weakly,
}

/// Checks the header, `method=hexadecimal`, against the push's very bytes, in constant time. `None` for a wrong or unknown one.
#[must_use]
pub fn check(header: &str, key: &Key, body: &[u8]) -> Option<Signed> {
    let (method, tag) = header.trim().split_once('=')?;
    let (algorithm, signed) = match method.to_ascii_lowercase().as_str() {
        "sha1" => (hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, Signed::Weakly),
        "sha256" => (hmac::HMAC_SHA256, Signed::Well),
        "sha384" => (hmac::HMAC_SHA384, Signed::Well),
        "sha512" => (hmac::HMAC_SHA512, Signed::Well),
        _ => return None,
    };
    let tag = unhex(tag)?;
    hmac::verify(&hmac::Key::new(algorithm, key.0.as_bytes()), body, &tag).ok().map(|()| signed)
}

/// The header's value for a body, with SHA-256.
#[must_use]
pub fn sign(key: &Key, body: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.0.as_bytes()), body);
    format!("sha256={}", hex(tag.as_ref()))
}

/// At most 64 bytes (SHA-512) from hexadecimal digits.
fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() > 128 || !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes().chunks_exact(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.last()?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2202 test case 2 and RFC 4231 test case 2: the same key and data.
    const DATA: &[u8] = b"what do ya want for nothing?";
    const VECTORS: [(&str, &str, Signed); 4] = [
        ("sha1", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", Signed::Weakly),
        ("sha256", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", Signed::Well),
        ("sha384", "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649", Signed::Well),
        (
            "sha512",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            Signed::Well,
        ),
    ];

    fn key() -> Key {
        Key::new("Jefe".into()).unwrap()
    }

    #[test]
    fn the_published_vectors_hold() {
        for (method, tag, signed) in VECTORS {
            assert_eq!(check(&format!("{method}={tag}"), &key(), DATA), Some(signed), "{method}");
            assert_eq!(check(&format!("{}={}", method.to_uppercase(), tag.to_uppercase()), &key(), DATA), Some(signed), "{method}");
        }
        assert_eq!(sign(&key(), DATA), format!("sha256={}", VECTORS[1].1));
    }

    #[test]
    fn anything_else_is_no_signature() {
        let (_, tag, _) = VECTORS[1];
        let flipped = tag.replacen('5', "4", 1);
        for header in [
            String::new(),
            tag.to_owned(),
            format!("sha512={tag}"),
            format!("md5={tag}"),
            format!("sha256={flipped}"),
            format!("sha256={}", &tag[..62]),
            format!("sha256={}", &tag[..63]),
            format!("sha256={tag}00"),
            "sha256=".to_owned(),
            "sha256=\u{e9}\u{e9}".to_owned(),
            format!("sha256={}", "0".repeat(1_000_000)),
        ] {
            assert_eq!(check(&header, &key(), DATA), None, "{:.90}", header);
        }
        let (_, tag, _) = VECTORS[1];
        assert_eq!(check(&format!("sha256={tag}"), &key(), b"what do ya want for something?"), None);
        assert_eq!(check(&format!("sha256={tag}"), &Key::new("Jefa".into()).unwrap(), DATA), None);
    }

    #[test]
    fn a_secret_is_short_and_never_shown() {
        assert!(Key::new(String::new()).is_none() && Key::new("x".repeat(200)).is_none());
        assert_eq!(format!("{:?}", Key::new("x".repeat(199)).unwrap()), "(secret)");
    }
}
