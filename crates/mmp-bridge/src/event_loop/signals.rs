//! Signals for the bridge, as events of its loop: SIGHUP loads the plugin anew.

use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};

use anyhow::Context as _;

/// The signals that wait to be read.
#[derive(Debug)]
pub(super) struct Signals(OwnedFd);

/// The signals that are read from a descriptor.
fn set() -> libc::sigset_t {
    // SAFETY: a set of signals is plain memory, which sigemptyset fills.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGHUP);
        set
    }
}

/// Keeps these signals from ending the process. To be called before there is a second thread, which inherits it; processes that the standard library starts do not.
///
/// # Errors
/// Those of the system.
pub(crate) fn block() -> anyhow::Result<()> {
    let set = set();
    // SAFETY: the set is initialised, and nobody asks for the old one.
    let failed = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
    anyhow::ensure!(failed == 0, "cannot block signals: {}", io::Error::from_raw_os_error(failed));
    Ok(())
}

impl Signals {
    /// Reads blocked signals from now on.
    ///
    /// # Errors
    /// Those of the system.
    pub(super) fn new() -> anyhow::Result<Signals> {
        let set = set();
        // SAFETY: the set is initialised; the descriptor is new and nobody else's.
        let fd = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_NONBLOCK | libc::SFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error()).context("cannot read signals");
        }
        // SAFETY: see above.
        Ok(Signals(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// The descriptor, to be registered for events.
    pub(super) fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Reads what has come. True if anything has.
    pub(super) fn read(&mut self) -> bool {
        let mut any = false;
        let mut buffer = [0; std::mem::size_of::<libc::signalfd_siginfo>()];
        while rustix::io::read(&self.0, &mut buffer).is_ok_and(|read| read > 0) {
            any = true;
        }
        any
    }
}
