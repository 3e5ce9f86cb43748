//! Writes the published tree, atomically and only where it differs, and reads its files back for the web.
//!
//! New bytes go into a staging folder inside the tree, reach the disk in one go, and are then renamed over their targets. A reader
//! sees the old file or the new one, never a part. A run that is killed leaves old files, new files and the staging folder, which the
//! next [`Tree::open`] empties; one folder to sweep is why temporary files do not lie beside their targets, where finding them would
//! mean listing the whole tree at every publication.
//!
//! Every path is walked one component at a time without following symbolic links, so nothing placed inside the tree leads out of it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::CStr;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Timespec, Timestamps};
use rustix::io::Errno;

/// The folder inside the tree that holds what is not published yet. Its name starts with a dot, so no published name can be it.
const STAGING: &str = ".topicwire-staging";

/// Up to this many files or folders are synced one by one; beyond it one `syncfs` is cheaper, though it waits for everything else
/// that is being written on the same file system.
const FEW: usize = 16;

/// Longest name of a file or folder in bytes: what ext4, XFS, Btrfs, APFS and NTFS have in common.
const NAME_MAX_BYTES: usize = 255;

/// Why the published tree could not be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// A path that may not be published under.
    #[error("{path:?} cannot be published: {why}")]
    Name {
        /// The path as it was given.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Two paths of one publication that are one file where letters' case does not count.
    #[error("{path:?} and {other:?} would be one file where upper and lower case are the same")]
    Twice {
        /// The later one.
        path: String,
        /// The earlier one.
        other: String,
    },
    /// Something in the tree that this program did not put there, and that leads elsewhere or cannot be replaced.
    #[error("{path} is {what}, not a {wanted}: move it away; nothing was published through it")]
    Foreign {
        /// Where it is.
        path: PathBuf,
        /// What it is.
        what: &'static str,
        /// What should be there.
        wanted: &'static str,
    },
    /// The system refused.
    #[error("cannot {action} {path}: {cause}; {kept}")]
    Io {
        /// What was tried.
        action: String,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
        /// What the tree holds now.
        kept: String,
    },
}

/// What a commit did, in files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// New or different.
    pub written: usize,
    /// Staged but equal to what was there.
    pub unchanged: usize,
    /// Removed.
    pub removed: usize,
    /// Sentences on editors' files: what could not be read, or stood against what is new.
    pub told: Vec<String>,
}

/// How many files this process has put into place or taken away.
static CHANGES: AtomicU64 = AtomicU64::new(0);

/// A number that is another after each file that this process publishes or removes: who remembers a file need not look at it again
/// while the number stays, for all that this process does to it.
#[must_use]
pub fn changes() -> u64 {
    CHANGES.load(Ordering::Acquire)
}

/// What a file looks like without reading it: enough to see that somebody changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Its length.
    pub bytes: u64,
    /// When it was last changed, in nanoseconds since 1970.
    pub modified_ns: i64,
}

impl Stamp {
    /// Of no file: one that bears it in memory is looked at again.
    pub const NONE: Self = Self { bytes: 0, modified_ns: 0 };

    fn of(stat: &rustix::fs::Stat) -> Self {
        let nanos = i64::try_from(stat.st_mtime_nsec).unwrap_or(0);
        Self {
            bytes: u64::try_from(stat.st_size).unwrap_or(0),
            modified_ns: stat.st_mtime.saturating_mul(1_000_000_000).saturating_add(nanos),
        }
    }
}

/// One publication under way: stage every file, then commit. Dropped uncommitted, it leaves the tree as it was.
#[derive(Debug)]
pub struct Tree {
    dir: PathBuf,
    root: Arc<OwnedFd>,
    staging: Option<OwnedFd>,
    /// The folder last walked to. Files come grouped by folder, so one is enough, and a site of any size needs no more descriptors.
    current: Option<(String, Arc<OwnedFd>)>,
    /// Folders that this publication made: nothing in them needs comparing.
    created: HashSet<String>,
    /// Folders whose list of names changed and must reach the disk.
    touched: BTreeSet<String>,
    /// Every path of this publication by its lower-case form.
    claimed: HashMap<String, String>,
    /// Path of each staged file; its index is its temporary file's number.
    staged: Vec<String>,
    /// How many of `staged` have been renamed.
    renamed: usize,
    removals: BTreeSet<String>,
    unchanged: usize,
    /// Whether the umask takes from new files what a web server needs; unknown before the first.
    is_masked: Option<bool>,
    /// What the file that was staged last looks like.
    last: Option<Stamp>,
}

impl Tree {
    /// Opens the tree at `dir`, creates the folder where there is none, and sweeps what a killed run left behind.
    /// `dir` itself may be a symbolic link; nothing inside it may.
    ///
    /// # Errors
    /// [`OutputError::Io`] and [`OutputError::Foreign`] where the folder cannot be made, opened or swept; nothing has been published.
    pub fn open(dir: &Path) -> Result<Self, OutputError> {
        let error = |action: &str, cause| io_error(action.to_owned(), dir.to_owned(), cause, UNTOUCHED);
        std::fs::create_dir_all(dir).map_err(|cause| error("create the folder", cause))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::openat(CWD, dir, flags, Mode::empty()).map_err(|cause| error("open the folder", cause.into()))?;
        let mut tree = Self {
            dir: dir.to_owned(),
            root: Arc::new(root),
            staging: None,
            current: None,
            created: HashSet::new(),
            touched: BTreeSet::new(),
            claimed: HashMap::new(),
            staged: Vec::new(),
            renamed: 0,
            removals: BTreeSet::new(),
            unchanged: 0,
            is_masked: None,
            last: None,
        };
        tree.sweep()?;
        Ok(tree)
    }

    /// Makes `path` (relative, `/` between its parts) hold `bytes` at commit. Returns whether that differs from what is there now.
    ///
    /// # Errors
    /// Any [`OutputError`]; nothing has been published.
    pub fn stage(&mut self, path: &str, bytes: &[u8]) -> Result<bool, OutputError> {
        self.stage_sound(path, bytes, None, || true)
    }

    /// As [`Tree::stage`], but bytes that differ are staged only if they are `sound`, and their file carries `modified` as its time
    /// (O19). A file whose bytes are equal keeps its own.
    ///
    /// # Errors
    /// As [`Tree::stage`].
    pub fn stage_sound(
        &mut self,
        path: &str,
        bytes: &[u8],
        modified: Option<DateTime<Utc>>,
        sound: impl FnOnce() -> bool,
    ) -> Result<bool, OutputError> {
        let (folder, name) = self.claim(path)?;
        let at = self.enter(folder)?;
        if !self.created.contains(folder) && self.holds(&at, path, name, bytes)? {
            self.unchanged += 1;
            return Ok(false);
        }
        if !sound() {
            return Ok(false);
        }
        self.write(path, bytes, modified)?;
        self.staged.push(path.to_owned());
        Ok(true)
    }

    /// What is at `path` now; `None` where nothing is.
    ///
    /// # Errors
    /// Any [`OutputError`].
    pub fn stamp(&mut self, path: &str) -> Result<Option<Stamp>, OutputError> {
        let (folder, name) = checked(path).map_err(|why| OutputError::Name { path: path.to_owned(), why })?;
        let at = self.enter(folder)?;
        if self.created.contains(folder) {
            return Ok(None);
        }
        match rustix::fs::statat(&*at, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Stamp::of(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(cause) => Err(self.failed("look at", path, cause)),
        }
    }

    /// What the file that was staged last will look like.
    #[must_use]
    pub fn staged_stamp(&self) -> Option<Stamp> {
        self.last
    }

    /// Removes `path` at commit, and the folders that this leaves empty. A path that is not there is no error, nor is one that is
    /// removed already.
    ///
    /// # Errors
    /// [`OutputError::Name`] and [`OutputError::Twice`].
    pub fn remove(&mut self, path: &str) -> Result<(), OutputError> {
        if !self.removals.contains(path) {
            self.claim(path)?;
            self.removals.insert(path.to_owned());
        }
        Ok(())
    }

    /// Names of the folders directly below `folder`, sorted; none where there is no such folder.
    ///
    /// # Errors
    /// [`OutputError::Io`] where the folder cannot be read.
    pub fn folders(&self, folder: &str) -> Result<Vec<String>, OutputError> {
        self.names(folder, FileType::Directory)
    }

    fn names(&self, folder: &str, kind: FileType) -> Result<Vec<String>, OutputError> {
        let error = |cause: Errno| io_error("list".to_owned(), self.dir.join(folder), cause.into(), UNTOUCHED);
        let fd = match walk(&self.root, folder) {
            Ok(fd) => fd,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(Vec::new()),
            Err(cause) => return Err(error(cause)),
        };
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&fd).map_err(error)? {
            let entry = entry.map_err(error)?;
            if entry.file_type() == kind
                && let Ok(name) = entry.file_name().to_str()
                && !name.starts_with('.')
            {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Names of the files directly in `folder`, sorted; none where there is no such folder.
    ///
    /// # Errors
    /// [`OutputError::Io`] where the folder cannot be read.
    pub fn files(&self, folder: &str) -> Result<Vec<String>, OutputError> {
        self.names(folder, FileType::RegularFile)
    }

    /// Publishes what was staged, in the order of staging (so stage indexes last), then removes.
    ///
    /// # Errors
    /// [`OutputError::Io`], which says what the tree holds then: every file of it is whole, old or new.
    pub fn commit(mut self) -> Result<Written, OutputError> {
        self.sync_staged()?;
        while let Some(path) = self.staged.get(self.renamed).cloned() {
            self.rename(&path, self.renamed)?;
            self.renamed += 1;
        }
        let mut removed = 0;
        for path in std::mem::take(&mut self.removals) {
            removed += usize::from(self.unlink(&path)?);
        }
        self.sync_folders()?;
        Ok(Written { written: self.renamed, unchanged: self.unchanged, removed, told: Vec::new() })
    }

    /// Checks the path and that this publication has not named it before.
    fn claim<'p>(&mut self, path: &'p str) -> Result<(&'p str, &'p str), OutputError> {
        let parts = checked(path).map_err(|why| OutputError::Name { path: path.to_owned(), why })?;
        match self.claimed.insert(path.to_ascii_lowercase(), path.to_owned()) {
            None => Ok(parts),
            Some(other) => Err(OutputError::Twice { path: path.to_owned(), other }),
        }
    }

    /// Opens a folder of the tree, and makes it and its parents where they are missing.
    fn enter(&mut self, folder: &str) -> Result<Arc<OwnedFd>, OutputError> {
        if let Some((name, fd)) = &self.current
            && name == folder
        {
            return Ok(fd.clone());
        }
        let mut fd = self.root.clone();
        let mut so_far = String::new();
        for part in folder.split('/').filter(|part| !part.is_empty()) {
            let parent = so_far.clone();
            if !so_far.is_empty() {
                so_far.push('/');
            }
            so_far.push_str(part);
            let next = match open_folder(&*fd, part) {
                Err(Errno::NOENT) => {
                    // Another process may make it first; opening it decides.
                    match rustix::fs::mkdirat(&*fd, part, Mode::from_raw_mode(0o755)) {
                        Ok(()) => {
                            self.created.insert(so_far.clone());
                            self.touched.insert(parent);
                        }
                        Err(Errno::EXIST) => {}
                        Err(cause) => return Err(self.failed("create the folder", &so_far, cause)),
                    }
                    open_folder(&*fd, part)
                }
                other => other,
            };
            fd = Arc::new(next.map_err(|cause| match cause {
                Errno::NOTDIR | Errno::LOOP => self.foreign(&*fd, &so_far, part, "folder"),
                _ => self.failed("open the folder", &so_far, cause),
            })?);
            if self.created.contains(&so_far) {
                // The umask may have taken away what a web server needs.
                rustix::fs::fchmod(&*fd, Mode::from_raw_mode(0o755)).map_err(|cause| self.failed("set the mode of", &so_far, cause))?;
            }
        }
        self.current = Some((folder.to_owned(), fd.clone()));
        Ok(fd)
    }

    /// Whether the file at `path` holds exactly `bytes`.
    fn holds(&self, at: &OwnedFd, path: &str, name: &str, bytes: &[u8]) -> Result<bool, OutputError> {
        let mut file = match open_file(at, name) {
            Ok(file) => File::from(file),
            // One that cannot be read is replaced; that needs only the folder's permission.
            Err(Errno::NOENT | Errno::ACCESS) => return Ok(false),
            Err(Errno::LOOP) => return Err(self.foreign(at, path, name, "file")),
            Err(cause) => return Err(self.failed("open", path, cause)),
        };
        let stat = rustix::fs::fstat(&file).map_err(|cause| self.failed("look at", path, cause))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(self.foreign(at, path, name, "file"));
        }
        if u64::try_from(stat.st_size).ok() != u64::try_from(bytes.len()).ok() {
            return Ok(false);
        }
        let mut rest = bytes;
        let mut buffer = [0; 64 * 1024];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(rest.is_empty()),
                Ok(read) => match rest.strip_prefix(&buffer[..read]) {
                    Some(after) => rest = after,
                    None => return Ok(false),
                },
                Err(cause) if cause.kind() == ErrorKind::Interrupted => {}
                Err(cause) => return Err(io_error("read".to_owned(), self.dir.join(path), cause, UNTOUCHED)),
            }
        }
    }

    /// Writes the temporary file for the next staged path.
    fn write(&mut self, path: &str, bytes: &[u8], modified: Option<DateTime<Utc>>) -> Result<(), OutputError> {
        let name = temporary(self.staged.len());
        let staging = match &self.staging {
            Some(staging) => staging,
            None => {
                rustix::fs::mkdirat(&*self.root, STAGING, Mode::from_raw_mode(0o700))
                    .map_err(|cause| self.failed("create the folder", STAGING, cause))?;
                let opened = open_folder(&*self.root, STAGING).map_err(|cause| self.failed("open the folder", STAGING, cause))?;
                self.staging.insert(opened)
            }
        };
        let is_masked = self.is_masked;
        let put = || -> std::io::Result<(rustix::fs::Stat, bool)> {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mode = Mode::from_raw_mode(0o644);
            let mut file = File::from(rustix::fs::openat(staging, &name, flags, mode)?);
            // The same for all files: looked at once.
            let is_masked = match is_masked {
                Some(is_masked) => is_masked,
                None => Mode::from_raw_mode(rustix::fs::fstat(&file)?.st_mode) != mode,
            };
            if is_masked {
                rustix::fs::fchmod(&file, mode)?;
            }
            file.write_all(bytes)?;
            if let Some(modified) = modified {
                let time = Timespec { tv_sec: modified.timestamp(), tv_nsec: 0 };
                rustix::fs::futimens(&file, &Timestamps { last_access: time, last_modification: time })?;
            }
            Ok((rustix::fs::fstat(&file)?, is_masked))
        };
        let (stat, is_masked) = put().map_err(|cause| {
            // Its number will be used again if the caller goes on without this file.
            let _ = rustix::fs::unlinkat(staging, &name, AtFlags::empty());
            io_error(format!("write {} bytes for", bytes.len()), self.dir.join(path), cause, UNTOUCHED)
        })?;
        (self.last, self.is_masked) = (Some(Stamp::of(&stat)), Some(is_masked));
        Ok(())
    }

    /// Brings the staged bytes to the disk, so that no rename can become durable before what it points at.
    fn sync_staged(&self) -> Result<(), OutputError> {
        let Some(staging) = &self.staging else { return Ok(()) };
        if self.staged.len() > FEW {
            return sync_all(staging).map_err(|cause| self.failed("sync", "", cause));
        }
        for (number, path) in self.staged.iter().enumerate() {
            open_file(staging, &temporary(number)).and_then(rustix::fs::fsync).map_err(|cause| self.failed("sync", path, cause))?;
        }
        Ok(())
    }

    fn rename(&mut self, path: &str, number: usize) -> Result<(), OutputError> {
        let (folder, name) = split(path);
        let at = self.enter(folder)?;
        let Some(staging) = &self.staging else { return Ok(()) };
        rustix::fs::renameat(staging, temporary(number), &*at, name).map_err(|cause| self.failed("replace", path, cause))?;
        CHANGES.fetch_add(1, Ordering::AcqRel);
        if !self.touched.contains(folder) {
            self.touched.insert(folder.to_owned());
        }
        Ok(())
    }

    /// Removes a file and the folders it leaves empty; whether there was one.
    fn unlink(&mut self, path: &str) -> Result<bool, OutputError> {
        let (mut folder, name) = split(path);
        let at = match walk(&self.root, folder) {
            Ok(at) => at,
            Err(Errno::NOENT) => return Ok(false),
            Err(Errno::NOTDIR | Errno::LOOP) => {
                return Err(OutputError::Foreign { path: self.dir.join(folder), what: "a file or a link", wanted: "folder" });
            }
            Err(cause) => return Err(self.failed("open the folder", folder, cause)),
        };
        match rustix::fs::unlinkat(&at, name, AtFlags::empty()) {
            Ok(()) => {}
            Err(Errno::NOENT) => return Ok(false),
            Err(cause) => return Err(self.failed("remove", path, cause)),
        }
        CHANGES.fetch_add(1, Ordering::AcqRel);
        self.touched.insert(folder.to_owned());
        while !folder.is_empty() {
            let (parent, name) = split(folder);
            // A folder that still holds something refuses, and that ends it.
            if walk(&self.root, parent).and_then(|at| rustix::fs::unlinkat(at, name, AtFlags::REMOVEDIR)).is_err() {
                break;
            }
            self.touched.remove(folder);
            self.touched.insert(parent.to_owned());
            self.current = None;
            folder = parent;
        }
        Ok(true)
    }

    fn sync_folders(&self) -> Result<(), OutputError> {
        if self.touched.len() > FEW {
            return sync_all(&*self.root).map_err(|cause| self.failed("sync", "", cause));
        }
        for folder in &self.touched {
            walk(&self.root, folder).and_then(rustix::fs::fsync).map_err(|cause| self.failed("sync the folder", folder, cause))?;
        }
        Ok(())
    }

    /// Empties and removes the staging folder of a run that was killed.
    fn sweep(&mut self) -> Result<(), OutputError> {
        let staging = match open_folder(&*self.root, STAGING) {
            Ok(staging) => staging,
            Err(Errno::NOENT) => return Ok(()),
            Err(Errno::NOTDIR | Errno::LOOP) => return Err(self.foreign(&*self.root, STAGING, STAGING, "folder")),
            Err(cause) => return Err(self.failed("open the folder", STAGING, cause)),
        };
        let clear = || -> Result<(), Errno> {
            // Names first: removing entries while a folder is being listed may skip some.
            let names: Vec<_> = Dir::read_from(&staging)?.map(|entry| Ok(entry?.file_name().to_owned())).collect::<Result<_, Errno>>()?;
            for name in names.iter().filter(|name| is_temporary(name)) {
                rustix::fs::unlinkat(&staging, name, AtFlags::empty())?;
            }
            rustix::fs::unlinkat(&*self.root, STAGING, AtFlags::REMOVEDIR)
        };
        clear().map_err(|cause| self.failed("clear", STAGING, cause))
    }

    fn failed(&self, action: &str, path: &str, cause: Errno) -> OutputError {
        let path = if path.is_empty() { self.dir.clone() } else { self.dir.join(path) };
        io_error(action.to_owned(), path, cause.into(), &self.kept())
    }

    fn kept(&self) -> String {
        if self.renamed == 0 {
            return UNTOUCHED.to_owned();
        }
        format!("{} of {} changed files were published, the others are as they were", self.renamed, self.staged.len())
    }

    fn foreign(&self, at: impl AsFd, path: &str, name: &str, wanted: &'static str) -> OutputError {
        let kind = rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW).map(|stat| FileType::from_raw_mode(stat.st_mode));
        let what = match kind {
            Ok(FileType::Symlink) => "a symbolic link",
            Ok(FileType::Directory) => "a folder",
            Ok(FileType::RegularFile) => "a file",
            _ => "a special file",
        };
        OutputError::Foreign { path: self.dir.join(path), what, wanted }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let Some(staging) = self.staging.take() else { return };
        for number in self.renamed..self.staged.len() {
            // What stays is swept by the next run.
            let _ = rustix::fs::unlinkat(&staging, temporary(number), AtFlags::empty());
        }
        let _ = rustix::fs::unlinkat(&*self.root, STAGING, AtFlags::REMOVEDIR);
    }
}

/// What is published at a path.
#[derive(Debug)]
pub enum Found {
    /// A file, whole.
    File {
        /// Its bytes.
        bytes: Vec<u8>,
        /// When it was last changed, in whole seconds.
        modified: Option<DateTime<Utc>>,
    },
    /// A folder.
    Folder,
    /// Nothing, or nothing that this program publishes: hidden and temporary files and whatever a symbolic link leads to.
    Missing,
}

/// Reads one file of the tree at `dir`; `path` is relative, and the empty path is the tree itself.
///
/// # Errors
/// What the system says, but for what is not there: that is [`Found::Missing`].
pub fn read(dir: &Path, path: &str) -> std::io::Result<Found> {
    let (folder, name) = match (path, checked(path)) {
        ("", _) => return Ok(Found::Folder),
        (_, Ok(parts)) => parts,
        (_, Err(_)) => return Ok(Found::Missing),
    };
    let open = || {
        let root = rustix::fs::openat(CWD, dir, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        open_file(walk(&root, folder)?, name)
    };
    let mut file = match open() {
        Ok(file) => File::from(file),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(Found::Missing),
        Err(cause) => return Err(cause.into()),
    };
    let stat = rustix::fs::fstat(&file)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Ok(Found::Folder),
        FileType::RegularFile => {
            let mut bytes = Vec::with_capacity(usize::try_from(stat.st_size).unwrap_or(0));
            file.read_to_end(&mut bytes)?;
            Ok(Found::File { bytes, modified: DateTime::from_timestamp(stat.st_mtime, 0) })
        }
        _ => Ok(Found::Missing),
    }
}

/// What is another whenever the file at `path` was replaced; nothing published ever changes in place. `None` for what is not there.
#[must_use]
pub fn stamp(dir: &Path, path: &str) -> Option<String> {
    let (folder, name) = checked(path).ok()?;
    let root = rustix::fs::openat(CWD, dir, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let stat = rustix::fs::statat(walk(&root, folder).ok()?, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    Some(format!("{} {} {}", stat.st_ino, stat.st_ctime, stat.st_ctime_nsec))
}

/// A folder of a published tree, to look at its files.
#[derive(Debug)]
pub struct Folder(OwnedFd);

impl Folder {
    /// The folder in the tree at `dir`; `None` where there is no such folder.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(dir: &Path, folder: &str) -> std::io::Result<Option<Self>> {
        let open = || walk(&rustix::fs::openat(CWD, dir, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?, folder);
        match open() {
            Ok(fd) => Ok(Some(Self(fd))),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(cause) => Err(cause.into()),
        }
    }

    /// What one of its files looks like; `None` where there is none.
    ///
    /// # Errors
    /// What the system says.
    pub fn stamp(&self, name: &str) -> std::io::Result<Option<Stamp>> {
        match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Stamp::of(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(cause) => Err(cause.into()),
        }
    }
}

const UNTOUCHED: &str = "nothing that is published was changed";

fn io_error(action: String, path: PathBuf, cause: std::io::Error, kept: &str) -> OutputError {
    OutputError::Io { action, path, cause, kept: kept.to_owned() }
}

fn temporary(number: usize) -> String {
    format!(".topicwire-{number}.tmp")
}

fn is_temporary(name: &CStr) -> bool {
    name.to_bytes().strip_prefix(b".topicwire-").is_some_and(|rest| rest.ends_with(b".tmp"))
}

/// Folder (empty for the top) and name.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// Folder and name of a path that may be published, or why it may not. The rule is narrow because everything published is named by a
/// slug or a UUID, and a narrow rule has no twins: no two spellings of one name, no name that a shell or another system reads differently.
fn checked(path: &str) -> Result<(&str, &str), &'static str> {
    for part in path.split('/') {
        if part.is_empty() {
            return Err("a part of the path is empty");
        }
        if part.starts_with('.') {
            return Err("a part of the path begins with a dot");
        }
        if part.ends_with('.') {
            return Err("a part of the path ends with a dot");
        }
        if part.len() > NAME_MAX_BYTES {
            return Err("a part of the path is longer than 255 bytes");
        }
        if !part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
            return Err("only letters a to z, digits, hyphen, underscore and dot may be in a path");
        }
    }
    Ok(split(path))
}

fn open_folder(at: impl AsFd, name: &str) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(at, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// Opens for reading. `NONBLOCK`, or a named pipe in the tree would hang the caller.
fn open_file(at: impl AsFd, name: &str) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(at, name, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())
}

/// Opens a folder below `root`, one component at a time.
fn walk(root: &OwnedFd, folder: &str) -> Result<OwnedFd, Errno> {
    let mut fd = root.try_clone().map_err(|_| Errno::MFILE)?;
    for part in folder.split('/').filter(|part| !part.is_empty()) {
        fd = open_folder(&fd, part)?;
    }
    Ok(fd)
}

#[cfg(target_os = "linux")]
fn sync_all(at: impl AsFd) -> Result<(), Errno> {
    rustix::fs::syncfs(at)
}

#[cfg(not(target_os = "linux"))]
fn sync_all(_: impl AsFd) -> Result<(), Errno> {
    rustix::fs::sync();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary folder")
    }

    fn publish(dir: &Path, files: &[(&str, &[u8])]) -> Written {
        let mut tree = Tree::open(dir).unwrap();
        for (path, bytes) in files {
            tree.stage(path, bytes).unwrap();
        }
        tree.commit().unwrap()
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn writes_folders_and_files_that_everyone_may_read() {
        let dir = folder();
        let out = dir.path().join("a/out");
        let done = publish(&out, &[("topic/x/feed.atom", b"one"), ("index.html", b"two")]);
        assert_eq!(done, Written { written: 2, unchanged: 0, removed: 0, ..Written::default() });
        assert_eq!(std::fs::read(out.join("topic/x/feed.atom")).unwrap(), b"one");
        assert_eq!(std::fs::metadata(out.join("topic/x/feed.atom")).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(std::fs::metadata(out.join("topic/x")).unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(names(&out), ["index.html", "topic"]);
    }

    #[test]
    fn equal_bytes_leave_the_very_file() {
        use std::os::unix::fs::MetadataExt;
        let dir = folder();
        let big = vec![7u8; 200_000];
        publish(dir.path(), &[("a", b"one"), ("b", &big)]);
        let inode = |name| std::fs::metadata(dir.path().join(name)).unwrap().ino();
        let before = (inode("a"), inode("b"));
        assert_eq!(
            publish(dir.path(), &[("a", b"one"), ("b", &big)]),
            Written { written: 0, unchanged: 2, removed: 0, ..Written::default() }
        );
        assert_eq!((inode("a"), inode("b")), before);
    }

    #[test]
    fn differences_of_one_byte_length_or_end_are_seen() {
        let dir = folder();
        let mut big = vec![7u8; 200_000];
        publish(dir.path(), &[("a", b"one"), ("b", &big), ("c", b"")]);
        big[199_999] = 8;
        let done = publish(dir.path(), &[("a", b"one "), ("b", &big), ("c", b"x")]);
        assert_eq!(done, Written { written: 3, unchanged: 0, removed: 0, ..Written::default() });
        assert_eq!(std::fs::read(dir.path().join("b")).unwrap(), big);
    }

    #[test]
    fn nothing_is_visible_before_the_commit_and_nothing_stays_without_it() {
        let dir = folder();
        publish(dir.path(), &[("a", b"old")]);
        let mut tree = Tree::open(dir.path()).unwrap();
        assert!(tree.stage("a", b"new").unwrap());
        tree.remove("a-gone").unwrap();
        assert_eq!(std::fs::read(dir.path().join("a")).unwrap(), b"old");
        drop(tree);
        assert_eq!(std::fs::read(dir.path().join("a")).unwrap(), b"old");
        assert_eq!(names(dir.path()), ["a"]);
    }

    #[test]
    fn what_a_killed_run_left_is_swept() {
        let dir = folder();
        let mut killed = Tree::open(dir.path()).unwrap();
        killed.stage("a", b"never published").unwrap();
        std::mem::forget(killed);
        assert_eq!(names(dir.path()), [STAGING]);
        publish(dir.path(), &[("b", b"x")]);
        assert_eq!(names(dir.path()), ["b"]);
    }

    #[test]
    fn removal_takes_the_folders_it_empties_and_no_others() {
        let dir = folder();
        publish(dir.path(), &[("topic/x/feed.atom", b"1"), ("topic/y/feed.atom", b"2")]);
        let mut tree = Tree::open(dir.path()).unwrap();
        tree.remove("topic/x/feed.atom").unwrap();
        tree.remove("topic/z/feed.atom").unwrap();
        assert_eq!(tree.commit().unwrap(), Written { written: 0, unchanged: 0, removed: 1, ..Written::default() });
        assert_eq!(names(&dir.path().join("topic")), ["y"]);
    }

    #[test]
    fn names_that_lead_out_or_have_twins_are_refused() {
        let dir = folder();
        let mut tree = Tree::open(dir.path()).unwrap();
        let long = "x".repeat(256);
        for path in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "a/",
            ".hidden",
            "a/.topicwire-0.tmp",
            "a\\b",
            "C:x",
            "a\0b",
            "x.",
            "a b",
            "\u{202e}cod.exe",
            "ä",
            "%2e%2e",
            "a\nb",
            &long,
        ] {
            assert!(matches!(tree.stage(path, b"x"), Err(OutputError::Name { .. })), "{path:?}");
        }
        tree.stage("topic/Health/feed.atom", b"x").unwrap();
        assert!(matches!(tree.stage("topic/health/feed.atom", b"x"), Err(OutputError::Twice { .. })));
    }

    #[test]
    fn symbolic_links_inside_are_refused_and_never_written_through() {
        let outside = folder();
        let dir = folder();
        std::fs::write(outside.path().join("secret"), "mine").unwrap();
        symlink(outside.path(), dir.path().join("topic")).unwrap();
        symlink(outside.path().join("secret"), dir.path().join("index.html")).unwrap();
        let mut tree = Tree::open(dir.path()).unwrap();
        for path in ["topic/feed.atom", "index.html"] {
            let said = tree.stage(path, b"x").unwrap_err().to_string();
            assert!(said.contains("a symbolic link"), "{said}");
        }
        tree.remove("topic/secret").unwrap();
        assert!(matches!(tree.commit(), Err(OutputError::Foreign { .. })));
        assert_eq!(std::fs::read(outside.path().join("secret")).unwrap(), b"mine");
        assert_eq!(names(outside.path()), ["secret"]);
        assert!(matches!(read(dir.path(), "topic/secret").unwrap(), Found::Missing));
        assert!(matches!(read(dir.path(), "index.html").unwrap(), Found::Missing));
    }

    #[test]
    fn a_folder_in_a_files_place_is_named() {
        let dir = folder();
        std::fs::create_dir(dir.path().join("index.html")).unwrap();
        std::fs::write(dir.path().join("topic"), "").unwrap();
        let mut tree = Tree::open(dir.path()).unwrap();
        let said = tree.stage("index.html", b"x").unwrap_err().to_string();
        assert!(said.contains("index.html is a folder, not a file"), "{said}");
        let said = tree.stage("topic/x", b"x").unwrap_err().to_string();
        assert!(said.contains("topic is a file, not a folder"), "{said}");
    }

    #[test]
    fn many_files_are_all_there() {
        let dir = folder();
        let paths: Vec<String> = (0..300).map(|n| format!("news/{}/{n}.md", n % 30)).collect();
        let files: Vec<(&str, &[u8])> = paths.iter().map(|path| (path.as_str(), path.as_bytes())).collect();
        assert_eq!(publish(dir.path(), &files).written, 300);
        for path in &paths {
            assert_eq!(std::fs::read(dir.path().join(path)).unwrap(), path.as_bytes());
        }
        assert_eq!(publish(dir.path(), &files).unchanged, 300);
    }

    #[test]
    fn a_stamp_changes_when_a_file_is_replaced_and_only_then() {
        let dir = folder();
        publish(dir.path(), &[("topic/a", b"one"), ("b", b"two")]);
        let stamps = || ["topic/a", "b", "c", "../b"].map(|path| stamp(dir.path(), path));
        let before = stamps();
        assert!(before[0].is_some() && before[0] != before[1] && before[2..] == [None, None]);
        publish(dir.path(), &[("topic/a", b"one"), ("b", b"2")]);
        assert!(stamps()[0] == before[0] && stamps()[1] != before[1]);
    }

    #[test]
    fn a_given_time_is_the_files_time() {
        let dir = folder();
        let at = DateTime::from_timestamp(1_600_000_000, 0).unwrap();
        let mut tree = Tree::open(dir.path()).unwrap();
        tree.stage_sound("feed.atom", b"x", Some(at), || true).unwrap();
        tree.commit().unwrap();
        let Found::File { bytes, modified } = read(dir.path(), "feed.atom").unwrap() else { panic!("no file") };
        assert_eq!((bytes.as_slice(), modified), (&b"x"[..], Some(at)));
    }

    #[test]
    fn a_failed_write_names_the_file_and_what_was_kept() {
        let dir = folder();
        publish(dir.path(), &[("a", b"old")]);
        let mut tree = Tree::open(dir.path()).unwrap();
        tree.stage("a", b"new").unwrap();
        // The folder goes away between staging and commit.
        std::fs::remove_dir_all(dir.path()).unwrap();
        let said = tree.commit().unwrap_err().to_string();
        assert!(said.contains("/a:") && said.contains(UNTOUCHED), "{said}");
    }
}
