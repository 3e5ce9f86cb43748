//! Large bodies on their way from the shelf to a socket, without being copied.
//!
//! A route answers with bytes, and a connection is given slices of them to write, one layer of libraries later. The route leaves word in
//! the connection's outlet that these bytes also lie in a file in memory; where a slice of them is to be written, the system is told to
//! send that part of the file, which costs it no copy. Whatever is not recognised is written as any bytes are.

use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;

use crate::io::memory;

/// Below this, a copy is cheaper than another system call.
const SEND_MIN_BYTES: usize = 32 << 10;
/// So much of a body goes out with the head of its response: a packet with a head alone would wake the client twice.
const FIRST_BYTES: usize = 16 << 10;

/// Bytes that also lie in a file which nobody else has.
#[derive(Clone)]
pub(super) struct Sheet {
    bytes: Bytes,
    file: Arc<OwnedFd>,
}

impl Sheet {
    /// The bytes in a file of their own in memory; `None` if they are too few for that to pay, or if the system gives no such file.
    pub(super) fn of(bytes: &Bytes) -> Option<Self> {
        if bytes.len() < 2 * SEND_MIN_BYTES {
            return None;
        }
        Some(Self { bytes: bytes.clone(), file: Arc::new(memory::file(bytes)?) })
    }

    /// Where in the file a slice lies, if it is one of these very bytes: its place in memory tells, for they are held here and so
    /// nothing else can be there.
    fn place(&self, slice: &[u8]) -> Option<Range<u64>> {
        let start = (slice.as_ptr() as usize).checked_sub(self.bytes.as_ptr() as usize)?;
        let end = start.checked_add(slice.len()).filter(|end| *end <= self.bytes.len())?;
        Some(start as u64..end as u64)
    }
}

/// What the answers of one connection are made of: a place for the route to leave word.
#[derive(Clone, Default)]
pub(super) struct Outlet {
    sheet: Arc<Mutex<Option<Sheet>>>,
}

/// How slices are to be written.
pub(super) enum Way {
    /// As they are.
    Write,
    /// The first of two, and so many bytes of the other.
    WriteSome(usize),
    /// These bytes of the file.
    Send(Arc<OwnedFd>, Range<u64>),
}

impl Outlet {
    /// Leaves word that the next body lies in a file too.
    pub(super) fn leave(&self, sheet: &Sheet) {
        let mut left = self.sheet.lock().unwrap_or_else(PoisonError::into_inner);
        if left.as_ref().is_none_or(|left| !Arc::ptr_eq(&left.file, &sheet.file)) {
            *left = Some(sheet.clone());
        }
    }

    /// How to write these slices.
    pub(super) fn way(&self, slices: &[io::IoSlice<'_>]) -> Way {
        let Some(last) = slices.last().filter(|last| last.len() >= SEND_MIN_BYTES) else { return Way::Write };
        let sheet = self.sheet.lock().unwrap_or_else(PoisonError::into_inner);
        match sheet.as_ref().and_then(|sheet| Some((sheet, sheet.place(last)?))) {
            Some((sheet, place)) if slices.len() == 1 => Way::Send(Arc::clone(&sheet.file), place),
            Some(_) if slices.len() == 2 => Way::WriteSome(FIRST_BYTES),
            _ => Way::Write,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;

    use super::*;

    #[test]
    fn only_the_very_bytes_are_sent_from_the_file() {
        let bytes = Bytes::from(vec![7; 100_000]);
        let outlet = Outlet::default();
        assert!(matches!(outlet.way(&[IoSlice::new(&bytes)]), Way::Write), "no word was left");
        // A system without such files writes everything.
        let Some(sheet) = Sheet::of(&bytes) else { return };
        outlet.leave(&sheet);
        assert!(matches!(outlet.way(&[IoSlice::new(b"head"), IoSlice::new(&bytes)]), Way::WriteSome(FIRST_BYTES)));
        assert!(matches!(outlet.way(&[IoSlice::new(&bytes[10..90_000])]), Way::Send(_, range) if range == (10..90_000)));
        assert!(matches!(outlet.way(&[IoSlice::new(&bytes[99_000..])]), Way::Write), "too few");
        let others = Bytes::from(vec![7; 100_000]);
        assert!(matches!(outlet.way(&[IoSlice::new(&others)]), Way::Write));
        assert!(matches!(outlet.way(&[]), Way::Write));
        assert!(Sheet::of(&bytes.slice(..1_000)).is_none());
    }
}
