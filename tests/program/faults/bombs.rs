//! Two megabytes that would be two gigabytes or more, in every coding that is asked for (row 12 of the matrix, S12).

use super::server::gzip;

/// What one repeated piece decodes to.
const PIECE_BYTES: usize = 16 << 20;

/// No bomb is smaller than this on the wire, in bytes.
const WIRE_BYTES: usize = 2_000_000;

/// As often as 2 GiB need.
const PIECES: usize = (2 << 30) / PIECE_BYTES;

/// One gzip member over and over.
pub(super) fn gz() -> Vec<u8> {
    gzip(&vec![0; PIECE_BYTES]).repeat(PIECES)
}

/// A zlib stream of one deflate block over and over: flushed in full, a block depends on none before it.
pub(super) fn deflate() -> Vec<u8> {
    let mut block = Vec::with_capacity(PIECE_BYTES / 900);
    let mut state = flate2::Compress::new(flate2::Compression::best(), false);
    state.compress_vec(&vec![0; PIECE_BYTES], &mut block, flate2::FlushCompress::Full).unwrap();
    [&[0x78, 0x9C][..], &block.repeat(PIECES)].concat()
}

/// One zstd frame of run-length blocks (RFC 8878 section 3.1.1): four bytes for 128 KiB.
pub(super) fn zstd() -> Vec<u8> {
    const BLOCK_BYTES: u32 = 128 << 10;
    let header = BLOCK_BYTES << 3 | 1 << 1;
    let block = [&header.to_le_bytes()[..3], b" "].concat();
    // Magic, no content size, a window of 8 MiB.
    [&[0x28, 0xB5, 0x2F, 0xFD, 0, 13 << 3][..], &block.repeat(WIRE_BYTES / 4)].concat()
}

/// Brotli metablocks of 16 MiB each (RFC 7932 section 9.2): one literal, one command, one distance, so that none takes a bit, and a
/// command that inserts the one literal sixteen million times.
pub(super) fn brotli() -> Vec<u8> {
    let mut bits = Bits::default();
    bits.put(0, 1); // WBITS: 16
    while bits.bytes.len() < WIRE_BYTES {
        bits.put(0, 1); // ISLAST
        bits.put(2, 2); // MNIBBLES: 6
        bits.put(PIECE_BYTES as u64 - 1, 24); // MLEN - 1
        bits.put(0, 1); // ISUNCOMPRESSED
        bits.put(0, 3); // one block type each of literals, commands and distances
        bits.put(0, 6); // NPOSTFIX, NDIRECT
        bits.put(0, 2); // context mode of the literals
        bits.put(0, 2); // one prefix tree each of literals and distances
        // Simple prefix codes of one symbol.
        for (symbol, width) in [(u64::from(b' '), 8), (INSERT_MOST, 10), (0, 6)] {
            bits.put(1, 2);
            bits.put(0, 2);
            bits.put(symbol, width);
        }
        bits.put((PIECE_BYTES - INSERT_BASE) as u64, 24);
    }
    bits.bytes
}

/// The command of insert length code 23 and copy length code 0, and the least that this inserts.
const INSERT_MOST: u64 = 448 + (7 << 3);
const INSERT_BASE: usize = 22_594;

/// Bits, the lowest first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    fn put(&mut self, value: u64, width: usize) {
        for n in 0..width {
            if self.count.is_multiple_of(8) {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= u8::from(value >> n & 1 == 1) << (self.count % 8);
            self.count += 1;
        }
    }
}

/// A decoder without caps takes the beginning of each: they are bombs, not broken bodies.
#[test]
fn the_bombs_go_off_where_nothing_holds_them() {
    use std::io::Read as _;

    const SOME: usize = 40 << 20;
    let sized = |reader: &mut dyn std::io::Read| std::io::copy(&mut reader.take(SOME as u64), &mut std::io::sink()).unwrap();
    let (gz, deflate, br, zstd) = (gz(), deflate(), brotli(), zstd());
    for bomb in [&gz, &deflate, &br, &zstd] {
        assert!((WIRE_BYTES..3_000_000).contains(&bomb.len()), "{}", bomb.len());
    }
    assert_eq!(sized(&mut flate2::read::MultiGzDecoder::new(gz.as_slice())), SOME as u64);
    assert_eq!(sized(&mut flate2::read::ZlibDecoder::new(deflate.as_slice())), SOME as u64);
    assert_eq!(sized(&mut brotli_decompressor::Decompressor::new(br.as_slice(), 4_096)), SOME as u64);
    assert_eq!(sized(&mut ruzstd::decoding::StreamingDecoder::new(zstd.as_slice()).unwrap()), SOME as u64);
}
