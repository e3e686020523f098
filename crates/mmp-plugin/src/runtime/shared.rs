//! What all threads share: the session with the server behind a lock, and the queue of tasks.
//!
//! Whoever has something to say to the server takes the lock, encodes it and writes it; no thread in between. Reading is the leader's business (`io.rs`).

use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use mmp_goplugin::plugin::PluginSession;
use mmp_goplugin::yamux::SessionError;
use rustix::event::{EventfdFlags, eventfd};
use tokio::runtime::Handle;

use super::core::Core;
use super::executor::Executor;

/// Everything that the threads of a plugin share.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// The connection itself, never blocking.
    pub(crate) socket: Arc<UnixStream>,
    pub(crate) executor: Executor,
    pub(crate) runtime: Handle,
    /// Wakes the leader.
    pub(crate) waker: OwnedFd,
}

/// The connection to the server, and what is known of it.
pub(crate) struct State {
    pub(crate) session: PluginSession,
    socket: Arc<UnixStream>,
    pub(crate) core: Core,
}

impl Shared {
    /// A connection that the server has just made.
    pub(crate) fn new(socket: UnixStream, core: Core, runtime: Handle) -> io::Result<Arc<Shared>> {
        socket.set_nonblocking(true)?;
        let waker = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        let session = PluginSession::new(Instant::now());
        let socket = Arc::new(socket);
        let state = Mutex::new(State { session, socket: Arc::clone(&socket), core });
        let shared = Arc::new(Shared { state, socket, executor: Executor::default(), runtime, waker });
        shared.lock().core.shared = Arc::downgrade(&shared);
        Ok(shared)
    }

    /// The state, as it is. A handler that panicked cannot have had the lock, so poison means nothing.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and sees to it that what was written reaches the server: the leader writes at the end of its turn, everybody else at once.
    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        if self.executor.is_leading() {
            return change(&mut state);
        }
        state.session.advance_clock(Instant::now());
        let deadline = state.session.next_deadline();
        let result = change(&mut state);
        state.flush();
        let wake = !state.session.pending_output().is_empty()
            || state.session.next_deadline() != deadline
            || state.core.needs_leader();
        drop(state);
        if wake {
            self.wake();
        }
        result
    }

    /// Makes the leader look at the queue and the state again.
    pub(crate) fn wake(&self) {
        // It fails only if the counter is full, and then the leader is being woken anyway.
        let _ = rustix::io::write(&self.waker, &1_u64.to_ne_bytes());
    }

    /// Takes the wake-ups that have come.
    pub(crate) fn woken(&self) {
        let mut count = [0; 8];
        let _ = rustix::io::read(self.waker.as_fd(), &mut count);
    }
}

impl State {
    /// Writes what the connection takes now.
    pub(crate) fn flush(&mut self) {
        while !self.session.pending_output().is_empty() {
            match (&*self.socket).write(self.session.pending_output()) {
                Ok(count) => self.session.advance_output(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    let error = SessionError::ConnectionFailed(error.to_string());
                    return self.session.connection_lost(error, &mut self.core);
                }
            }
        }
    }
}
