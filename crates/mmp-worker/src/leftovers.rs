//! Removing what a bridge left behind that was killed.
//!
//! Nothing is touched but directories of this user with the name and the mode of a private directory that nobody holds the lock of, and in them only files and sockets. Everything is done
//! relative to descriptors, so that nobody can put a link in the way.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::directory::{LOCK, PREFIX};

/// A younger directory may be one whose owner has not come to lock it.
const YOUNG: Duration = Duration::from_secs(60);

/// How many entries of a directory are looked at: the start of a plugin must not wait for a directory that is full of other things.
const MAX_ENTRIES: usize = 20_000;

/// Removes the private directories in `base` that have no owner any more. What cannot be removed stays, without a word: it does no harm.
pub(crate) fn remove(base: &Path) {
    let _ = remove_in(base, SystemTime::now());
}

fn remove_in(base: &Path, now: SystemTime) -> io::Result<()> {
    let base = rustix::fs::open(base, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    for entry in Dir::read_from(&base)?.take(MAX_ENTRIES) {
        let entry = entry?;
        if entry.file_name().to_str().is_ok_and(is_name) {
            // One that cannot be removed must not keep the others.
            let _ = remove_one(&base, entry.file_name(), now);
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let digits = name.strip_prefix(PREFIX).unwrap_or_default();
    digits.len() == 16 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn remove_one(base: &OwnedFd, name: &std::ffi::CStr, now: SystemTime) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = rustix::fs::openat(base, name, flags, Mode::empty())?;
    if !is_own_and_old(&directory, now)? {
        return Ok(());
    }
    // The lock is held until everything is gone.
    let Some(_lock) = lock(&directory)? else { return Ok(()) };
    let mut names = Vec::new();
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        match kind(&directory, entry.file_name())? {
            _ if matches!(entry.file_name().to_bytes(), b"." | b"..") => {}
            FileType::Socket if is_served(&directory, entry.file_name())? => return Ok(()),
            FileType::Socket | FileType::RegularFile => names.push(entry.file_name().to_owned()),
            // No bridge makes anything else.
            _ => return Ok(()),
        }
    }
    for name in names {
        rustix::fs::unlinkat(&directory, &name, AtFlags::empty())?;
    }
    Ok(rustix::fs::unlinkat(base, name, AtFlags::REMOVEDIR)?)
}

fn is_own_and_old(directory: &OwnedFd, now: SystemTime) -> io::Result<bool> {
    let file = std::fs::File::from(directory.try_clone()?);
    let stat = rustix::fs::fstat(directory)?;
    let own = stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & 0o7777 == 0o700;
    // What comes from the future, because the clock was put back, is not old.
    let age = now.duration_since(file.metadata()?.modified()?).unwrap_or_default();
    Ok(own && age > YOUNG)
}

/// Takes the owner's lock; None if the owner lives. An owner that was killed before it made the file needs none: the directory itself is locked, so that two bridges do not remove it at once.
fn lock(directory: &OwnedFd) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(directory, LOCK, flags, Mode::empty()) {
        Err(Errno::NOENT) => directory.try_clone()?,
        opened => opened?,
    };
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn kind(directory: &OwnedFd, name: &std::ffi::CStr) -> io::Result<FileType> {
    let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode))
}

/// Whether a process has the socket. A datagram socket cannot be connected to one of streams, but is refused in another way if nobody has that at all, and who has it does not notice.
fn is_served(directory: &OwnedFd, name: &std::ffi::CStr) -> io::Result<bool> {
    use std::os::unix::ffi::OsStrExt as _;
    let mut path = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
    path.push(std::ffi::OsStr::from_bytes(name.to_bytes()));
    match UnixDatagram::unbound()?.connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(false),
        _ => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{DirBuilderExt as _, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    const NAME: &str = "mmp-0123456789abcdef";

    fn later() -> SystemTime {
        SystemTime::now() + 2 * YOUNG
    }

    /// A directory as a bridge leaves it, with a socket that nobody has.
    fn leftover(base: &Path, name: &str, mode: u32) -> PathBuf {
        let path = base.join(name);
        std::fs::DirBuilder::new().mode(mode).create(&path).unwrap();
        std::fs::File::create(path.join(LOCK)).unwrap();
        drop(UnixListener::bind(path.join("worker.sock")).unwrap());
        path
    }

    #[test]
    fn what_nobody_owns_is_removed_when_it_is_old() {
        let base = tempfile::tempdir().unwrap();
        let path = leftover(base.path(), NAME, 0o700);
        remove_in(base.path(), SystemTime::now()).unwrap();
        assert!(path.exists());
        remove_in(base.path(), later()).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_directory_without_a_lock_is_removed_as_well() {
        let base = tempfile::tempdir().unwrap();
        let path = leftover(base.path(), NAME, 0o700);
        std::fs::remove_file(path.join(LOCK)).unwrap();
        remove_in(base.path(), later()).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn what_has_an_owner_stays() {
        let base = tempfile::tempdir().unwrap();
        let locked = leftover(base.path(), NAME, 0o700);
        let lock = std::fs::File::open(locked.join(LOCK)).unwrap();
        rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
        let served = leftover(base.path(), "mmp-1123456789abcdef", 0o700);
        let listener = UnixListener::bind(served.join("second.sock")).unwrap();
        listener.set_nonblocking(true).unwrap();
        remove_in(base.path(), later()).unwrap();
        assert!(locked.join("worker.sock").exists() && served.join("worker.sock").exists());
        // The owner of a socket does not notice that it was asked for.
        assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn nothing_else_is_touched() {
        let base = tempfile::tempdir().unwrap();
        let open = leftover(base.path(), NAME, 0o755);
        let named = ["mmp-0123456789abcdeg", "mmp-0123456789abcde", "other-0123456789abcdef"];
        let named = named.map(|name| leftover(base.path(), name, 0o700));
        let target = leftover(base.path(), "target", 0o700);
        symlink(&target, base.path().join("mmp-2123456789abcdef")).unwrap();
        let nested = leftover(base.path(), "mmp-3123456789abcdef", 0o700);
        std::fs::create_dir(nested.join("inner")).unwrap();
        let linked = leftover(base.path(), "mmp-4123456789abcdef", 0o700);
        symlink(&target, linked.join("link")).unwrap();
        remove_in(base.path(), later()).unwrap();
        for path in [&open, &target, &nested, &linked].into_iter().chain(&named) {
            assert!(path.join("worker.sock").exists(), "{}", path.display());
        }
    }

    #[test]
    fn directories_of_other_users_stay() {
        if !rustix::process::geteuid().is_root() {
            println!("SKIPPED: only root can give a directory to another user");
            return;
        }
        let base = tempfile::tempdir().unwrap();
        let path = leftover(base.path(), NAME, 0o700);
        std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
        remove_in(base.path(), later()).unwrap();
        assert!(path.join("worker.sock").exists());
    }
}
