//! Other people's feeds, pages and records, which lie beside the project and are no part of it, for tests that want real input.
//!
//! Pure rooms have no way to files. Their tests get them here, so that they look in one place and skip alike where nothing is there.
#![expect(clippy::disallowed_methods, reason = "tests read what lies beside the project; nothing of this is in the program")]

use std::path::{Path, PathBuf};

/// The folder: `TOPICWIRE_SHARED` where that is set, else `../shared` beside the crate. Where there is none, says that a test is skipped.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("TOPICWIRE_SHARED").map_or_else(|| project("../shared"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no ../shared");
    None
}

/// A file of the folder as text, `None` where there is no folder.
#[track_caller]
pub(crate) fn text(file: &str) -> Option<String> {
    folder().map(|folder| read(&folder.join(file)))
}

/// Every file below one of its folders, sorted: its path below that, and its bytes, read when it is its turn. `None` where there is no
/// folder.
pub(crate) fn files(below: &str) -> Option<impl Iterator<Item = (String, Vec<u8>)>> {
    folder().map(|folder| every(folder.join(below)))
}

/// A file of the project itself as text.
#[track_caller]
pub(crate) fn project_text(file: &str) -> String {
    read(&project(file))
}

/// Every file below a folder of the project itself, as [`files`] has them.
pub(crate) fn project_files(below: &str) -> impl Iterator<Item = (String, Vec<u8>)> {
    every(project(below))
}

/// Leaves a file below `target/` for other programs and for people, and says where.
pub(crate) fn leave(file: &str, bytes: &[u8]) -> PathBuf {
    let path = project("target").join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn every(top: PathBuf) -> impl Iterator<Item = (String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![top.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found.into_iter().map(move |path| (path.strip_prefix(&top).unwrap().display().to_string(), std::fs::read(&path).unwrap()))
}

#[track_caller]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
