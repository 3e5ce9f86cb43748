//! Content codings of what is served: which one a client gets, and the coder.

use std::io::Write as _;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// Less than this fits into one packet with its head, coded or not.
pub(super) const PLAIN_MAX_BYTES: usize = 860;

/// How the bytes of a response are coded. Each coding of one version has a validator of its own, for its bytes are others
/// (RFC 9110 section 8.8.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Plain,
    Brotli,
    Gzip,
    Zstd,
}

impl Coding {
    /// In the order of preference: by what comes out smallest of a feed.
    pub(super) const CODED: [Self; 3] = [Self::Brotli, Self::Gzip, Self::Zstd];

    /// Its name in `Content-Encoding`.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }

    /// What its validators end with.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Brotli => "-br",
            Self::Gzip => "-gzip",
            Self::Zstd => "-zstd",
        }
    }

    /// Its place in tables of all codings.
    pub(super) fn place(self) -> usize {
        match self {
            Self::Plain => 0,
            Self::Brotli => 1,
            Self::Gzip => 2,
            Self::Zstd => 3,
        }
    }

    /// The coding that a client likes best of those that are made here (RFC 9110 section 12.5.3). Who says nothing gets the plain
    /// bytes, and so does who wants neither them nor anything else.
    pub(super) fn chosen(asked: &HeaderMap) -> Self {
        let mut weights = [None::<u16>; 4];
        let mut any = None;
        for value in asked.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()) {
            for part in value.split(',') {
                let (name, weight) = part.split_once(';').map_or((part, 1_000), |(name, rest)| (name, weight(rest)));
                let name = name.trim();
                let coding = match name {
                    "*" => {
                        any = Some(weight);
                        continue;
                    }
                    _ if name.eq_ignore_ascii_case("identity") => Self::Plain,
                    _ if name.eq_ignore_ascii_case("br") => Self::Brotli,
                    _ if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => Self::Gzip,
                    _ if name.eq_ignore_ascii_case("zstd") => Self::Zstd,
                    _ => continue,
                };
                if let Some(slot) = weights.get_mut(coding.place()) {
                    *slot = Some(weight);
                }
            }
        }
        let weight = |coding: Self| weights.get(coding.place()).copied().flatten().or(any).unwrap_or(0);
        let mut best = (Self::Plain, weights.first().copied().flatten().unwrap_or(1));
        for coding in Self::CODED {
            let is_better = if best.0 == Self::Plain { weight(coding) >= best.1 } else { weight(coding) > best.1 };
            if weight(coding) > 0 && is_better {
                best = (coding, weight(coding));
            }
        }
        best.0
    }

    /// The bytes in this coding: the same for the same bytes, for a validator vouches for them. `None` if the coder fails, which it
    /// does not in memory.
    pub(super) fn encode(self, plain: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Plain => Some(plain.to_vec()),
            Self::Brotli => {
                // Quality 9: the last that takes milliseconds for a feed, and within a few per cent of the best.
                let params = brotli::enc::BrotliEncoderParams { quality: 9, size_hint: plain.len(), ..Default::default() };
                let mut coded = Vec::with_capacity(plain.len() / 4);
                brotli::BrotliCompress(&mut &*plain, &mut coded, &params).ok().map(|_| coded)
            }
            Self::Gzip => {
                let mut coder = flate2::write::GzEncoder::new(Vec::with_capacity(plain.len() / 4), flate2::Compression::best());
                coder.write_all(plain).and_then(|()| coder.finish()).ok()
            }
            Self::Zstd => Some(compress_to_vec(plain, CompressionLevel::Fastest)),
        }
    }
}

/// `q=` of a part, in thousandths; what cannot be read is no wish at all.
fn weight(parameters: &str) -> u16 {
    let Some(q) = parameters.split(';').find_map(|p| p.trim().strip_prefix("q=").or(p.trim().strip_prefix("Q="))) else { return 1_000 };
    q.trim().parse::<f32>().ok().filter(|q| (0.0..=1.0).contains(q)).map_or(0, |q| (q * 1_000.0) as u16)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn chosen(lines: &[&str]) -> Option<&'static str> {
        let mut asked = HeaderMap::new();
        for line in lines {
            asked.append(ACCEPT_ENCODING, HeaderValue::from_str(line).unwrap());
        }
        Coding::chosen(&asked).name()
    }

    #[test]
    fn the_client_decides_and_the_smallest_wins_where_it_does_not_mind() {
        for (lines, coding) in [
            (&[][..], None),
            (&[""], None),
            (&["gzip, deflate, br"], Some("br")),
            (&["gzip", "br"], Some("br")),
            (&["gzip, deflate"], Some("gzip")),
            (&["x-gzip"], Some("gzip")),
            (&["GZIP"], Some("gzip")),
            (&["zstd, gzip"], Some("gzip")),
            (&["zstd"], Some("zstd")),
            (&["br;q=0.5, gzip;q=0.8"], Some("gzip")),
            (&["br;q=0, gzip;q=0"], None),
            (&["br; q=0.001"], Some("br")),
            (&["*"], Some("br")),
            (&["*, br;q=0"], Some("gzip")),
            (&["*;q=0"], None),
            (&["identity;q=0.9, gzip;q=0.5"], None),
            (&["identity;q=0, zstd;q=0.1"], Some("zstd")),
            (&["gzip;q=2"], None),
            (&["compress, deflate, unheard-of"], None),
        ] {
            assert_eq!(chosen(lines), coding, "{lines:?}");
        }
    }

    fn decode(coding: Coding, coded: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        match coding {
            Coding::Plain => plain.extend(coded),
            Coding::Brotli => drop(brotli_decompressor::Decompressor::new(coded, 4096).read_to_end(&mut plain).unwrap()),
            Coding::Gzip => drop(flate2::read::GzDecoder::new(coded).read_to_end(&mut plain).unwrap()),
            Coding::Zstd => drop(ruzstd::decoding::StreamingDecoder::new(coded).unwrap().read_to_end(&mut plain).unwrap()),
        }
        plain
    }

    proptest! {
        #[test]
        fn what_is_coded_reads_back_and_is_always_the_same(parts in proptest::collection::vec("[a-z<>/ ]{0,40}", 0..200)) {
            let plain = parts.concat().into_bytes();
            for coding in [Coding::Plain, Coding::Brotli, Coding::Gzip, Coding::Zstd] {
                let coded = coding.encode(&plain).unwrap();
                prop_assert_eq!(&decode(coding, &coded), &plain);
                prop_assert_eq!(coding.encode(&plain).unwrap(), coded);
            }
        }
    }
}
