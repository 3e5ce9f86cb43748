//! Files in memory that sockets send from without a copy, where the system has such (Linux).

use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};

/// A file that holds these bytes, and that nobody else has; `None` where the system gives none.
#[cfg(target_os = "linux")]
#[must_use]
pub fn file(bytes: &[u8]) -> Option<OwnedFd> {
    use std::io::Write as _;

    let file = rustix::fs::memfd_create("topicwire", rustix::fs::MemfdFlags::CLOEXEC).ok()?;
    let mut file = std::fs::File::from(file);
    file.write_all(bytes).ok()?;
    Some(file.into())
}

/// None: this system has no such files.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn file(_: &[u8]) -> Option<OwnedFd> {
    None
}

/// Sends a part of a file to a socket; how many bytes of it went.
///
/// # Errors
/// What the system says, [`io::ErrorKind::WouldBlock`] among it.
#[cfg(target_os = "linux")]
pub fn send(socket: impl AsFd, file: &OwnedFd, part: Range<u64>) -> io::Result<usize> {
    let mut from = part.start;
    let bytes = usize::try_from(part.end.saturating_sub(from)).unwrap_or(usize::MAX);
    Ok(rustix::fs::sendfile(socket, file, Some(&mut from), bytes)?)
}

/// Never: there are no such files to send from.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn send(_: impl AsFd, _: &OwnedFd, _: Range<u64>) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}
