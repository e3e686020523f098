//! Calls that wait for their turn: one connection of the database runs one at a time.

use std::collections::VecDeque;

use mmp_transcode::schema::Method;

use super::rules::closes;
use crate::pending_calls::WorkerCall;

/// A call of the worker's that was not sent yet.
#[derive(Debug)]
pub(super) struct Waiting {
    /// The server's connection that it is for.
    pub(super) connection: String,
    pub(super) method: &'static Method,
    /// Who waits for the answer, if anybody still does.
    pub(super) call: Option<WorkerCall>,
    pub(super) arguments: Vec<u8>,
}

/// All of them, in the order of their arrival. There are few at a time.
#[derive(Debug, Default)]
pub(super) struct Queue {
    calls: VecDeque<Waiting>,
}

impl Queue {
    /// A call waits behind those that are there.
    pub(super) fn push(&mut self, waiting: Waiting) {
        self.calls.push_back(waiting);
    }

    /// A call that [`Queue::next`] took out goes on waiting, before all others.
    pub(super) fn put_back(&mut self, waiting: Waiting) {
        self.calls.push_front(waiting);
    }

    /// Takes out the first call for a connection.
    pub(super) fn next(&mut self, connection: &str) -> Option<Waiting> {
        let at = self.calls.iter().position(|waiting| waiting.connection == connection)?;
        self.calls.remove(at)
    }

    /// Nobody waits any more for the calls that match. Those that close something are made all the same, because nobody will make them again. Returns how many calls matched.
    pub(super) fn forget(&mut self, matches: impl Fn(&WorkerCall) -> bool) -> usize {
        let mut forgotten = 0;
        self.calls.retain_mut(|waiting| {
            let matched = waiting.call.take_if(|call| matches(call)).is_some();
            forgotten += usize::from(matched);
            !matched || closes(waiting.method)
        });
        forgotten
    }

    /// Takes out all of them.
    pub(super) fn take_all(&mut self) -> Vec<WorkerCall> {
        self.calls.drain(..).filter_map(|waiting| waiting.call).collect()
    }
}
