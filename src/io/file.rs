//! Files that a user names: catalogues, feeds to look at.

use std::path::Path;

/// Reads a whole file.
///
/// # Errors
/// What the system says.
pub fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    std::fs::read(path)
}
