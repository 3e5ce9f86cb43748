//! Undoes content codings, with caps: every coding in the header, several members, gzip that nobody announced. A body is decoded whole
//! or not at all, since a part of a feed would look like a feed that lost entries.

use std::io::Read;

use brotli_decompressor::BrotliDecoderParameter::BROTLI_DECODER_PARAM_LARGE_WINDOW;
use flate2::{Decompress, FlushDecompress, Status};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// What the fetcher asks for.
pub(super) const ACCEPTED: &str = "gzip, br, zstd, deflate";

/// A body that is larger than this must not be more than [`RATIO_MAX`] times its compressed size (S12). Feeds compress to a fifth or a
/// tenth; below the threshold a ratio says little and harms nobody.
const RATIO_FREE_BYTES: u64 = 10 << 20;
const RATIO_MAX: u64 = 20;

/// Codings one over the other. Two happen by accident; more are an attack.
const CODINGS_MAX: usize = 3;

/// Members of one gzip body. Each costs a fresh decoder, and empty ones cost the sender 20 bytes.
const MEMBERS_MAX: usize = 4_096;

/// Largest zstd window: what RFC 9659 lets HTTP senders use.
const ZSTD_WINDOW_BYTES: u64 = 8 << 20;

const CHUNK_BYTES: usize = 64 * 1024;

/// Why a body could not be decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Undecodable {
    /// Larger than the cap.
    Large,
    /// Expands like a bomb.
    Ratio,
    /// A coding that is not known here.
    Unknown(String),
    /// Damaged, cut off, or not what it is labelled as.
    Corrupt(&'static str, String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// Decodes a body by its `Content-Encoding` (several header lines joined with commas), to at most `body_max_bytes`.
pub(super) fn decode(header: &str, wire: Vec<u8>, body_max_bytes: u64) -> Result<Vec<u8>, Undecodable> {
    let mut codings = codings(header)?;
    let mut body = wire;
    let mut undone = 0;
    while !body.is_empty() {
        let coding = match codings.pop() {
            Some(coding) => coding,
            // Nothing that is read here begins with these bytes, so this is gzip that the header keeps quiet about.
            None if body.starts_with(&GZIP_MAGIC) && undone < CODINGS_MAX => Coding::Gzip,
            None => break,
        };
        body = undo(coding, &body, body_max_bytes)?;
        undone += 1;
    }
    if body.len() as u64 > body_max_bytes { Err(Undecodable::Large) } else { Ok(body) }
}

/// Whether [`decode`] would change anything, so that plain bodies need no other thread.
pub(super) fn is_coded(header: &str, wire: &[u8]) -> bool {
    wire.starts_with(&GZIP_MAGIC) || !matches!(codings(header), Ok(list) if list.is_empty())
}

const GZIP_MAGIC: [u8; 3] = [0x1F, 0x8B, 8];

/// The codings in the order in which they were applied.
fn codings(header: &str) -> Result<Vec<Coding>, Undecodable> {
    let mut codings = Vec::new();
    for label in header.split(',').map(|label| label.trim().to_ascii_lowercase()) {
        codings.push(match label.as_str() {
            "gzip" | "x-gzip" => Coding::Gzip,
            "deflate" => Coding::Deflate,
            "br" => Coding::Brotli,
            "zstd" => Coding::Zstd,
            // Not codings, but servers that mean "none" say so.
            "" | "identity" | "none" | "utf-8" | "binary" => continue,
            _ => return Err(Undecodable::Unknown(label.chars().filter(|c| !c.is_control()).take(40).collect())),
        });
    }
    if codings.len() > CODINGS_MAX { Err(Undecodable::Unknown(format!("{} codings at once", codings.len()))) } else { Ok(codings) }
}

fn undo(coding: Coding, input: &[u8], body_max_bytes: u64) -> Result<Vec<u8>, Undecodable> {
    let mut sink = Sink { body: Vec::new(), body_max_bytes };
    match coding {
        Coding::Gzip => gzip(input, &mut sink)?,
        Coding::Deflate => deflate(input, &mut sink)?,
        Coding::Brotli => brotli(input, &mut sink)?,
        Coding::Zstd => zstd(input, &mut sink)?,
    }
    Ok(sink.body)
}

/// Where decoded bytes go, and where caps bite.
struct Sink {
    body: Vec<u8>,
    body_max_bytes: u64,
}

impl Sink {
    /// `consumed` is how much input all output so far has taken.
    fn push(&mut self, bytes: &[u8], consumed: usize) -> Result<(), Undecodable> {
        let length = (self.body.len() + bytes.len()) as u64;
        if length > self.body_max_bytes {
            return Err(Undecodable::Large);
        }
        if length > RATIO_FREE_BYTES && length > RATIO_MAX.saturating_mul(consumed as u64) {
            return Err(Undecodable::Ratio);
        }
        self.body.extend_from_slice(bytes);
        Ok(())
    }

    /// Takes all that a decoder gives; `left` tells how much of `total` input bytes it has not taken yet.
    fn drain<R: Read>(&mut self, name: &'static str, decoder: &mut R, total: usize, left: impl Fn(&R) -> usize) -> Result<(), Undecodable> {
        let mut buffer = [0; CHUNK_BYTES];
        loop {
            match decoder.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => self.push(&buffer[..read], total - left(decoder))?,
                Err(why) => return Err(Undecodable::Corrupt(name, why.to_string())),
            }
        }
    }
}

/// Every member; what follows the last one and is no member is padding. A damaged first member fails, so that a plain body that is
/// labelled gzip does too.
fn gzip(input: &[u8], sink: &mut Sink) -> Result<(), Undecodable> {
    let mut rest = input;
    for _ in 0..MEMBERS_MAX {
        let mut member = flate2::bufread::GzDecoder::new(rest);
        sink.drain("gzip", &mut member, input.len(), |member| member.get_ref().len())?;
        rest = member.into_inner();
        if !rest.starts_with(&GZIP_MAGIC[..2]) {
            return Ok(());
        }
    }
    Err(Undecodable::Corrupt("gzip", format!("more than {MEMBERS_MAX} members")))
}

/// `deflate` means zlib (RFC 9110 8.4.1.2), but some servers send the bare stream.
fn deflate(input: &[u8], sink: &mut Sink) -> Result<(), Undecodable> {
    let zlib = matches!(input, [a, b, ..] if a & 0x0F == 8 && (u16::from(*a) << 8 | u16::from(*b)) % 31 == 0);
    match inflate(input, zlib, sink) {
        Err(Undecodable::Corrupt(..)) if zlib => {
            sink.body.clear();
            inflate(input, false, sink)
        }
        other => other,
    }
}

/// By hand, for flate2's readers take a stream that is cut off for one that has ended.
fn inflate(input: &[u8], zlib: bool, sink: &mut Sink) -> Result<(), Undecodable> {
    let mut state = Decompress::new(zlib);
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let (before_in, before_out) = (state.total_in(), state.total_out());
        let rest = usize::try_from(before_in).ok().and_then(|taken| input.get(taken..)).unwrap_or_default();
        let status =
            state.decompress(rest, &mut buffer, FlushDecompress::None).map_err(|why| Undecodable::Corrupt("deflate", why.to_string()))?;
        let produced = usize::try_from(state.total_out() - before_out).unwrap_or(0);
        sink.push(&buffer[..produced], usize::try_from(state.total_in()).unwrap_or(usize::MAX))?;
        match status {
            Status::StreamEnd => return Ok(()),
            _ if produced == 0 && state.total_in() == before_in => return Err(Undecodable::Corrupt("deflate", "cut off".to_owned())),
            _ => {}
        }
    }
}

fn brotli(input: &[u8], sink: &mut Sink) -> Result<(), Undecodable> {
    let mut decoder = brotli_decompressor::Decompressor::new(input, 4_096);
    // Off by the standard (RFC 7932); on, one header byte could ask for a window of 1 GiB.
    decoder.set_parameter(BROTLI_DECODER_PARAM_LARGE_WINDOW, 0);
    sink.drain("br", &mut decoder, input.len(), |decoder| decoder.get_ref().len())
}

/// Every frame; skippable ones are skipped, checksums are checked.
fn zstd(input: &[u8], sink: &mut Sink) -> Result<(), Undecodable> {
    let corrupt = |why: String| Undecodable::Corrupt("zstd", why);
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(ZSTD_WINDOW_BYTES);
    let mut rest = input;
    while !rest.is_empty() {
        match decoder.init(&mut rest) {
            Ok(()) => {}
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                rest = rest.get(length..).ok_or_else(|| corrupt("cut off".to_owned()))?;
                continue;
            }
            Err(why) => return Err(corrupt(why.to_string())),
        }
        while !decoder.is_finished() {
            decoder.decode_blocks(&mut rest, BlockDecodingStrategy::UptoBytes(CHUNK_BYTES)).map_err(|why| corrupt(why.to_string()))?;
            let left = rest.len();
            sink.drain("zstd", &mut decoder, input.len(), |_| left)?;
        }
        if decoder.get_checksum_from_data().is_some_and(|sum| decoder.get_calculated_checksum() != Some(sum)) {
            return Err(corrupt("wrong checksum".to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    const TEXT: &[u8] = b"<rss><channel><title>Small, but a feed; small, but a feed</title></channel></rss>";
    const CAP: u64 = 32 << 20;

    /// TEXT as `brotli -q 11` writes it is not at hand; this is one stored metablock of 82 bytes, made by the rules of RFC 7932 9.2.
    fn br(text: &[u8]) -> Vec<u8> {
        // WBITS 16 (bit 0), ISLAST 0, MNIBBLES 4 (00), MLEN-1 in 16 bits, ISUNCOMPRESSED 1, then the bytes, then ISLAST 1, ISLASTEMPTY 1.
        let head = u32::try_from(text.len() - 1).unwrap() << 4 | 1 << 20;
        let mut out = head.to_le_bytes()[..3].to_vec();
        out.extend_from_slice(text);
        out.push(3);
        out
    }

    fn gz(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn raw(text: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zst(text: &[u8]) -> Vec<u8> {
        compress_to_vec(text, CompressionLevel::Fastest)
    }

    #[test]
    fn every_coding_gives_the_text_back() {
        let two_members = [gz(&TEXT[..20]), gz(&TEXT[20..])].concat();
        let two_frames = [zst(&TEXT[..20]), b"\x50\x2A\x4D\x18\x03\0\0\0abc".to_vec(), zst(&TEXT[20..])].concat();
        for (header, wire) in [
            ("", TEXT.to_vec()),
            ("identity", TEXT.to_vec()),
            ("UTF-8", TEXT.to_vec()),
            ("gzip", gz(TEXT)),
            (" X-GZIP ", gz(TEXT)),
            ("gzip", two_members),
            ("gzip", [gz(TEXT), b"\n\0\0".to_vec()].concat()),
            ("gzip, gzip", gz(&gz(TEXT))),
            ("gzip", gz(&gz(TEXT))),
            ("", gz(TEXT)),
            ("deflate", zlib(TEXT)),
            ("deflate", raw(TEXT)),
            ("deflate, gzip", gz(&zlib(TEXT))),
            ("br", br(TEXT)),
            ("gzip,br", br(&gz(TEXT))),
            ("zstd", zst(TEXT)),
            ("zstd", two_frames),
        ] {
            assert_eq!(decode(header, wire.clone(), CAP).as_deref(), Ok(TEXT), "{header:?} {wire:x?}");
        }
    }

    #[test]
    fn nothing_stays_nothing_whatever_its_label() {
        for header in ["", "gzip", "br", "zstd", "deflate"] {
            assert_eq!(decode(header, Vec::new(), CAP), Ok(Vec::new()), "{header}");
        }
    }

    #[test]
    fn a_body_that_is_cut_off_anywhere_fails() {
        for (header, wire) in [("gzip", gz(TEXT)), ("deflate", zlib(TEXT)), ("deflate", raw(TEXT)), ("br", br(TEXT)), ("zstd", zst(TEXT))] {
            for length in 1..wire.len() {
                let cut = decode(header, wire[..length].to_vec(), CAP);
                assert!(matches!(cut, Err(Undecodable::Corrupt(..))), "{header} at {length} of {}: {cut:?}", wire.len());
            }
        }
    }

    #[test]
    fn damage_fails() {
        let mut bad_sum = gz(TEXT);
        let place = bad_sum.len() - 6;
        bad_sum[place] ^= 1;
        let mut bad_zstd_sum = zst(TEXT);
        let place = bad_zstd_sum.len() - 2;
        bad_zstd_sum[place] ^= 1;
        let half_second = [gz(TEXT), gz(TEXT)[..12].to_vec()].concat();
        for (header, wire) in [
            ("gzip", TEXT.to_vec()),
            ("deflate", TEXT.to_vec()),
            ("br", TEXT.to_vec()),
            ("zstd", TEXT.to_vec()),
            ("gzip", bad_sum),
            ("zstd", bad_zstd_sum),
            ("gzip", half_second),
            ("zstd", [zst(TEXT), TEXT.to_vec()].concat()),
        ] {
            assert!(matches!(decode(header, wire, CAP), Err(Undecodable::Corrupt(..))), "{header}");
        }
    }

    #[test]
    fn unknown_codings_are_named() {
        assert_eq!(decode("compress", TEXT.to_vec(), CAP), Err(Undecodable::Unknown("compress".into())));
        assert!(matches!(decode("gzip,gzip,gzip,gzip", TEXT.to_vec(), CAP), Err(Undecodable::Unknown(_))));
    }

    #[test]
    fn the_cap_counts_decoded_bytes() {
        let text = vec![b'x'; 1_000_000];
        for (header, wire) in [("", text.clone()), ("gzip", gz(&text)), ("deflate", zlib(&text)), ("zstd", zst(&text))] {
            assert_eq!(decode(header, wire.clone(), 1_000_000).map(|body| body.len()), Ok(1_000_000), "{header}");
            assert_eq!(decode(header, wire, 999_999), Err(Undecodable::Large), "{header}");
        }
    }

    #[test]
    fn a_bomb_is_seen_by_its_ratio_long_before_the_cap() {
        let bomb = gz(&vec![0; 24 << 20]);
        assert_eq!(decode("gzip", bomb.clone(), CAP), Err(Undecodable::Ratio));
        // Wrapped once more it is caught at the inner layer.
        assert_eq!(decode("gzip, gzip", gz(&bomb), CAP), Err(Undecodable::Ratio));
        let zstd_bomb = zst(&vec![0; 24 << 20]);
        assert_eq!(decode("zstd", zstd_bomb, CAP), Err(Undecodable::Ratio));
    }

    #[test]
    fn a_million_empty_members_end_early() {
        let wire = gz(b"").repeat(100_000);
        assert!(matches!(decode("gzip", wire, CAP), Err(Undecodable::Corrupt("gzip", _))));
    }

    #[test]
    fn a_zstd_window_beyond_the_webs_is_refused() {
        // Magic, descriptor without content size, window exponent 21 (2^31 bytes), then a last raw block of one byte.
        let wire = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 21 << 3, 0x09, 0, 0, b'x'];
        assert!(matches!(decode("zstd", wire.to_vec(), CAP), Err(Undecodable::Corrupt("zstd", _))));
    }

    proptest::proptest! {
        #[test]
        fn garbage_never_panics_and_never_passes_the_cap(
            mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
            kind in 0usize..5,
            damage in 0usize..100,
        ) {
            let header = ["gzip", "deflate", "br", "zstd", ""][kind];
            let mut wire = [gz(&bytes), zlib(&bytes), br(TEXT), zst(&bytes), gz(&bytes)][kind].clone();
            let place = damage % wire.len();
            wire[place] ^= 0x55;
            bytes.truncate(64);
            wire.extend_from_slice(&bytes);
            if let Ok(body) = decode(header, wire, 1_000) {
                proptest::prop_assert!(body.len() <= 1_000);
            }
        }
    }
}
