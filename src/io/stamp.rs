//! Whether a published file is still the one that was read, for one system call and no reading.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

/// A file changed so shortly before it was stamped may change again within the same tick of the file system's clock, and its stamp
/// would not tell. Ticks are at most 10 ms long.
const TICK: TimeDelta = TimeDelta::milliseconds(20);

/// What tells one version of a file from the next: a publication renames a new file over the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    bytes: i64,
    modified: (i64, u64),
    changed: (i64, u64),
}

impl Stamp {
    /// Whether no later version can have this stamp, seen at `now`.
    #[must_use]
    pub fn is_settled(&self, now: DateTime<Utc>) -> bool {
        let (seconds, nanoseconds) = self.changed;
        DateTime::from_timestamp(seconds, u32::try_from(nanoseconds).unwrap_or(0)).is_none_or(|changed| now - changed > TICK)
    }
}

/// A file to look at again and again.
#[derive(Clone, Debug)]
pub struct Watched {
    path: CString,
}

impl Watched {
    /// The file at `path` below `dir`; `None` if no file can have that name.
    #[must_use]
    pub fn new(dir: &Path, path: &str) -> Option<Self> {
        Some(Self { path: CString::new(dir.join(path).as_os_str().as_bytes()).ok()? })
    }

    /// Its stamp; `None` where there is no file. Taken before the file is read, it is never newer than what was read.
    #[must_use]
    pub fn stamp(&self) -> Option<Stamp> {
        let stat = rustix::fs::lstat(&*self.path).ok()?;
        Some(Stamp {
            device: stat.st_dev,
            inode: stat.st_ino,
            bytes: stat.st_size,
            modified: (stat.st_mtime, stat.st_mtime_nsec as u64),
            changed: (stat.st_ctime, stat.st_ctime_nsec as u64),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_another_inode_has_another_stamp_though_all_else_is_equal() {
        let dir = tempfile::tempdir().unwrap();
        let watched = Watched::new(dir.path(), "a").unwrap();
        assert_eq!(watched.stamp(), None);
        std::fs::write(dir.path().join("a"), "one").unwrap();
        let first = watched.stamp().unwrap();
        assert_eq!(watched.stamp(), Some(first));
        let modified = std::fs::metadata(dir.path().join("a")).unwrap().modified().unwrap();
        std::fs::write(dir.path().join("b"), "two").unwrap();
        std::fs::File::options().write(true).open(dir.path().join("b")).unwrap().set_modified(modified).unwrap();
        std::fs::rename(dir.path().join("b"), dir.path().join("a")).unwrap();
        assert_ne!(watched.stamp(), Some(first));
    }

    #[test]
    fn a_stamp_settles_when_the_clock_has_ticked() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), "one").unwrap();
        let stamp = Watched::new(dir.path(), "a").unwrap().stamp().unwrap();
        let changed = DateTime::from_timestamp(stamp.changed.0, stamp.changed.1 as u32).unwrap();
        assert!(!stamp.is_settled(changed + TimeDelta::milliseconds(5)));
        assert!(stamp.is_settled(changed + TimeDelta::milliseconds(25)));
    }
}
