//! The leader's loop: run what is ready, write, wait, read.

use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mmp_goplugin::yamux::SessionError;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::executor::Turn;
use super::shared::{Shared, State};

/// How much is read at once.
const READ: usize = 64 * 1024;

/// What the leader waits for.
struct Wait {
    writable: bool,
    patience: Option<Duration>,
}

/// What has come.
struct Ready {
    input: bool,
    woken: bool,
}

/// Leads until the plugin ends or another thread leads.
pub(crate) fn lead(shared: &Arc<Shared>, term: u32) {
    let _context = shared.runtime.enter();
    shared.executor.lead(term);
    let mut buffer = vec![0; READ];
    loop {
        let turn = shared.run_ready(term);
        if turn == Turn::Replaced {
            return;
        }
        let Some(wait) = finish_turn(shared, turn) else { return };
        let ready = wait_for(shared, &wait);
        if ready.woken {
            shared.woken();
        }
        let mut state = shared.lock();
        state.session.advance_clock(Instant::now());
        if ready.input {
            state.read(&shared.socket, &mut buffer);
        }
    }
}

/// Does what is due and writes; None if the plugin has ended.
fn finish_turn(shared: &Shared, turn: Turn) -> Option<Wait> {
    let mut state = shared.lock();
    let now = Instant::now();
    let State { session, core, .. } = &mut *state;
    session.tick(now, core);
    core.flush_log(session.link());
    state.flush();
    let writable = !state.session.pending_output().is_empty();
    if state.core.end.is_some() && (!writable || state.session.closed().is_some()) {
        state.core.say_ended();
        return None;
    }
    let patience = match turn {
        Turn::More => Some(Duration::ZERO),
        // What the tick has brought about is in the queue already.
        _ if !shared.executor.is_idle() => Some(Duration::ZERO),
        _ => state.session.next_deadline().map(|at| at.saturating_duration_since(now)),
    };
    Some(Wait { writable, patience })
}

fn wait_for(shared: &Shared, wait: &Wait) -> Ready {
    let interest = if wait.writable { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
    let mut waiting =
        [PollFd::from_borrowed_fd(shared.socket.as_fd(), interest), PollFd::new(&shared.waker, PollFlags::IN)];
    let patience = wait.patience.and_then(|patience| Timespec::try_from(patience).ok());
    match poll(&mut waiting, patience.as_ref()) {
        Ok(_) => {
            let input = waiting[0].revents().intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR);
            Ready { input, woken: !waiting[1].revents().is_empty() }
        }
        // An interruption; reading finds out whatever else it may be.
        Err(_) => Ready { input: true, woken: false },
    }
}

impl State {
    /// Hands over what has arrived.
    fn read(&mut self, mut socket: &std::os::unix::net::UnixStream, buffer: &mut [u8]) {
        let Self { session, core, .. } = self;
        match socket.read(buffer) {
            Ok(0) => session.connection_lost(SessionError::ConnectionClosed, core),
            Ok(count) => session.receive(buffer.get(..count).unwrap_or_default(), core),
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
            Err(error) => session.connection_lost(SessionError::ConnectionFailed(error.to_string()), core),
        }
    }
}
