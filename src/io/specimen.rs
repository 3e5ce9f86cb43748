//! Documents that made our reader fail, kept for whoever mends it (S38).

use std::io;
use std::path::{Path, PathBuf};

/// Most documents kept, one a source.
const COUNT_MAX: usize = 50;

/// Longest document kept, in bytes.
const SIZE_MAX_BYTES: usize = 10 << 20;

/// Keeps a source's document in a folder beside the store; a later one of the same source takes its place. Returns where it is.
///
/// # Errors
/// A document or a collection that is too large, or what the system says.
pub fn keep(store: &Path, source: &str, document: &[u8]) -> io::Result<PathBuf> {
    if document.len() > SIZE_MAX_BYTES {
        return Err(io::Error::other(format!("it is larger than {} MiB", SIZE_MAX_BYTES >> 20)));
    }
    let mut folder = store.as_os_str().to_owned();
    folder.push(".faults");
    let folder = PathBuf::from(folder);
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(source);
    if !path.exists() && std::fs::read_dir(&folder)?.count() >= COUNT_MAX {
        return Err(io::Error::other(format!("there are {COUNT_MAX} documents in {} already", folder.display())));
    }
    std::fs::write(&path, document)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_document_of_a_source_is_kept_and_no_more_than_there_is_room_for() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("wire.db");
        let path = keep(&store, "news", b"first").unwrap();
        assert_eq!(path, dir.path().join("wire.db.faults/news"));
        keep(&store, "news", b"second").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        assert!(keep(&store, "big", &vec![b'x'; SIZE_MAX_BYTES + 1]).is_err());
        for n in 1..COUNT_MAX {
            keep(&store, &format!("s{n}"), b"x").unwrap();
        }
        assert!(keep(&store, "one-more", b"x").unwrap_err().to_string().starts_with("there are 50 documents in "));
        keep(&store, "news", b"third").unwrap();
        assert_eq!(std::fs::read(path).unwrap(), b"third");
    }
}
