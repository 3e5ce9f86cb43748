//! Files that a user names: catalogues, feeds to look at, models.

use std::path::Path;

/// Reads a whole file.
///
/// # Errors
/// What the system says.
pub fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    std::fs::read(path)
}

/// Reads a file of at most so many bytes.
///
/// # Errors
/// What the system says, and [`std::io::ErrorKind::FileTooLarge`].
pub fn read_at_most(path: &Path, max_bytes: usize) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;

    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(max_bytes as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > max_bytes {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// Replaces a whole file, or makes it: readers find the old one or the new one.
///
/// # Errors
/// What the system says; then the old file is as it was.
pub fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;

    // Through a link, so that the link stays one.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = target.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".topicwire-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    // A file that others may read stays one: temporary files are their owner's alone.
    match std::fs::metadata(&target) {
        Ok(old) => file.as_file().set_permissions(old.permissions())?,
        Err(_) => {
            use std::os::unix::fs::PermissionsExt as _;
            file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
        }
    }
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|e| e.error)?;
    Ok(())
}
