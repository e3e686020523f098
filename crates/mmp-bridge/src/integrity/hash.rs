//! Opening and hashing files of a bundle, without a way out of it.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// How much of a file is in memory at once.
const PIECE: usize = 256 * 1024;

/// The SHA-256 of a file.
pub(super) type Sum = [u8; 32];

/// What a file holds.
pub(super) struct Hash {
    /// The hash of all of it.
    pub(super) sum: Sum,
    /// How many bytes that were.
    pub(super) size: u64,
}

/// The files of a bundle.
pub(super) struct Files<'a> {
    root: &'a Path,
    /// Directories that are known to be no links.
    directories: HashSet<PathBuf>,
    piece: Vec<u8>,
}

impl<'a> Files<'a> {
    /// Those below `root`, which itself may be a link.
    pub(super) fn new(root: &'a Path) -> Files<'a> {
        Files { root, directories: HashSet::new(), piece: vec![0; PIECE] }
    }

    /// Opens a regular file. `path` has only plain names in it. A link on the way is an error, because it can lead out of the bundle; and a named pipe must not be waited for.
    pub(super) fn open(&mut self, path: &str) -> io::Result<File> {
        self.check_parents(Path::new(path))?;
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(self.root.join(path));
        let file = opened.map_err(|error| match error.raw_os_error() {
            Some(libc::ELOOP) => io::Error::other("it is a symbolic link"),
            // The system has no better answer for a socket.
            Some(libc::ENXIO) => io::Error::other("it is no regular file"),
            _ => error,
        })?;
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no regular file")) }
    }

    /// Reads a file piece by piece.
    pub(super) fn hash(&mut self, path: &str) -> io::Result<Hash> {
        let mut file = self.open(path)?;
        let mut hasher = Sha256::new();
        let mut size = 0;
        loop {
            match file.read(&mut self.piece) {
                Ok(0) => return Ok(Hash { sum: hasher.finalize().into(), size }),
                Ok(n) => {
                    hasher.update(&self.piece[..n]);
                    size += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn check_parents(&mut self, path: &Path) -> io::Result<()> {
        let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) else { return Ok(()) };
        if self.directories.contains(parent) {
            return Ok(());
        }
        self.check_parents(parent)?;
        if !self.root.join(parent).symlink_metadata()?.is_dir() {
            return Err(io::Error::other(format!("{} is no directory", parent.display())));
        }
        self.directories.insert(parent.to_owned());
        Ok(())
    }
}
