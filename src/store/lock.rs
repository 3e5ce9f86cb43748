//! One working process at a time on one store.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::StoreError;
use crate::syntax::rfc3339;

/// Held while a process works on a store; the system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct StoreLock {
    _file: File,
}

/// The lock file beside a store.
fn lock_path(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

impl StoreLock {
    /// Takes the lock for `command`, started at `now`.
    ///
    /// # Errors
    /// [`StoreError::Held`] names the process that has it; [`StoreError::Io`] if the file cannot be made.
    pub fn take(store: &Path, command: &str, now: DateTime<Utc>) -> Result<Self, StoreError> {
        let path = lock_path(store);
        let io = |source| StoreError::Io { path: path.clone(), source };
        if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(io)?;
        }
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                if file.read_to_string(&mut holder).is_err() || holder.trim().is_empty() {
                    holder = "another process".into();
                }
                return Err(StoreError::Held { path: store.to_owned(), holder: holder.trim().to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        let line = format!("process {} (`topicwire {command}`, since {})\n", std::process::id(), rfc3339(now));
        file.set_len(0).map_err(io)?;
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        file.write_all(line.as_bytes()).map_err(io)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("a.db");
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let first = StoreLock::take(&store, "serve", now).unwrap();
        let second = StoreLock::take(&store, "refresh", now).unwrap_err().to_string();
        assert!(second.contains("`topicwire serve`, since 2023-11-14T22:13:20Z"), "{second}");
        assert!(second.contains(&format!("process {}", std::process::id())), "{second}");
        drop(first);
        StoreLock::take(&store, "refresh", now).unwrap();
    }
}
