//! The private directory of the worker link's socket.
//!
//! Its owner holds a lock on a file in it for as long as it lives; [`crate::leftovers`] removes those that nobody holds.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags};

use crate::leftovers;
use crate::protections::{Protection, is_off};
use crate::token::Token;

/// What the names of these directories begin with; 16 hexadecimal digits follow.
pub(crate) const PREFIX: &str = "mmp-";

/// The file that the owner holds a lock on.
pub(crate) const LOCK: &str = "lock";

/// Where sockets may be if the directory for temporary files cannot be used: it may be missing (distroless images), read-only or full.
const FALLBACKS: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

/// The longest path of a socket (`sun_path` without the zero at its end).
const MAX_PATH: usize = 107;

/// The longest name of a socket in a private directory.
pub const MAX_NAME: usize = 16;

/// A directory that only this user can enter; it goes with this value.
#[derive(Debug)]
pub struct PrivateDirectory {
    path: PathBuf,
    /// Locked.
    _lock: File,
}

impl PrivateDirectory {
    /// Makes one, with a name that cannot be guessed, in the first of `$TMPDIR`, `/tmp`, `/var/tmp` and `/dev/shm` where a directory and a socket can be made.
    ///
    /// # Errors
    /// When there is none; the error says in one sentence what was tried and what to do.
    pub fn create() -> io::Result<PrivateDirectory> {
        PrivateDirectory::create_or_in(None)
    }

    /// As [`PrivateDirectory::create`], with one more directory that is tried last.
    ///
    /// # Errors
    /// As there.
    pub fn create_or_in(last_resort: Option<&Path>) -> io::Result<PrivateDirectory> {
        let mut bases = candidates(std::env::var_os("TMPDIR"), last_resort);
        bases.iter().for_each(|base| leftovers::remove(base));
        if is_off(Protection::TemporaryDirectory) {
            bases.truncate(1);
        }
        PrivateDirectory::create_in_first(&bases)
    }

    fn create_in_first(bases: &[PathBuf]) -> io::Result<PrivateDirectory> {
        let mut tried = Vec::new();
        let mut kind = io::ErrorKind::NotFound;
        for base in bases {
            match PrivateDirectory::create_in(base) {
                Ok(directory) => return Ok(directory),
                Err(error) => {
                    kind = error.kind();
                    tried.push(format!("{}: {error}", base.display()));
                }
            }
        }
        let tried = tried.join("; ");
        let sentence = format!(
            "no directory was found in which a private socket can be made ({tried}): set TMPDIR in the server's environment to a directory that the server's user can write to and whose path is short"
        );
        Err(io::Error::new(kind, sentence))
    }

    fn create_in(base: &Path) -> io::Result<PrivateDirectory> {
        let name = Token::random()?;
        let path = base.join(format!("{PREFIX}{}", &name.reveal()[..16]));
        if path.as_os_str().as_bytes().len() + 1 + MAX_NAME > MAX_PATH {
            return Err(io::Error::new(io::ErrorKind::InvalidFilename, "its path is too long for a socket"));
        }
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        let made = check_owner(&path).and_then(|()| {
            let lock = take_lock(&path)?;
            // Not every file system has sockets.
            drop(UnixListener::bind(path.join("probe"))?);
            std::fs::remove_file(path.join("probe"))?;
            Ok(lock)
        });
        match made {
            Ok(lock) => Ok(PrivateDirectory { path, _lock: lock }),
            Err(error) => {
                // It is of no use; what is wrong is said by the error.
                let _ = std::fs::remove_dir_all(&path);
                Err(error)
            }
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        // It holds nothing but sockets and the lock; what stays behind is removed by the next one.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// The directories to try, in this order and each once.
fn candidates(temporary: Option<OsString>, last_resort: Option<&Path>) -> Vec<PathBuf> {
    let temporary = temporary.map(PathBuf::from).into_iter();
    let all = temporary.chain(FALLBACKS.map(PathBuf::from)).chain(last_resort.map(Path::to_owned));
    let mut found: Vec<PathBuf> = Vec::new();
    for path in all.filter(|path| path.is_absolute()) {
        if !found.contains(&path) {
            found.push(path);
        }
    }
    found
}

/// Some file systems give files another owner or mode than was asked for: they cannot keep a secret.
fn check_owner(path: &Path) -> io::Result<()> {
    let metadata = std::fs::symlink_metadata(path)?;
    let private = metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o7777 == 0o700;
    if private { Ok(()) } else { Err(io::Error::other("directories there do not keep their owner and mode")) }
}

fn take_lock(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    let no_link = OFlags::NOFOLLOW.bits() as i32;
    let lock = options.write(true).create_new(true).mode(0o600).custom_flags(no_link).open(path.join(LOCK))?;
    rustix::fs::flock(lock.as_fd(), FlockOperation::NonBlockingLockExclusive)?;
    Ok(lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_candidate_is_tried_once_and_in_order() {
        let given = candidates(Some("/own".into()), Some(Path::new("/bundle")));
        assert_eq!(given, ["/own", "/tmp", "/var/tmp", "/dev/shm", "/bundle"].map(PathBuf::from));
        for odd in ["", "relative", "/tmp"] {
            assert_eq!(candidates(Some(odd.into()), None), ["/tmp", "/var/tmp", "/dev/shm"].map(PathBuf::from));
        }
    }

    #[test]
    fn it_is_private_and_goes_with_its_value() {
        let base = tempfile::tempdir().unwrap();
        let directory = PrivateDirectory::create_in(base.path()).unwrap();
        let metadata = std::fs::symlink_metadata(directory.path()).unwrap();
        assert_eq!(metadata.mode() & 0o7777, 0o700);
        drop(UnixListener::bind(directory.path().join("a-socket-of-16-b")).unwrap());
        let path = directory.path().to_owned();
        drop(directory);
        assert!(!path.exists());
    }

    #[test]
    fn the_first_directory_that_will_do_is_taken() {
        let base = tempfile::tempdir().unwrap();
        let long = base.path().join("x".repeat(MAX_PATH - MAX_NAME - base.path().as_os_str().len()));
        std::fs::create_dir(&long).unwrap();
        let file = base.path().join("file");
        File::create(&file).unwrap();
        let bad = [PathBuf::from("/nonexistent/tmp"), file, long, "/proc".into()];
        let good = [&bad[..], &[base.path().to_owned()]].concat();
        let directory = PrivateDirectory::create_in_first(&good).unwrap();
        assert_eq!(directory.path().parent(), Some(base.path()));
        let sentence = PrivateDirectory::create_in_first(&bad).unwrap_err().to_string();
        for part in ["/nonexistent/tmp: No such file", "file: Not a directory", "too long", "/proc: ", "set TMPDIR"] {
            assert!(sentence.contains(part), "{part}: {sentence}");
        }
    }
}
