//! The calls to the host that wait for an answer.

use std::time::Instant;

use mmp_transcode::schema::Method;

use crate::own_calls::OwnCall;

/// A call that the worker made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WorkerCall {
    pub(crate) connection: usize,
    pub(crate) id: u32,
    pub(crate) method: &'static Method,
    pub(crate) began: Instant,
}

/// A call that waits for the host's answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PendingCall {
    /// A worker's call.
    Worker(WorkerCall),
    /// A call of the response writer of an HTTP exchange.
    Http { exchange: u32 },
    /// Reading from a connection that an HTTP exchange took over.
    HttpRead { exchange: u32 },
    /// A line of the log.
    Log,
    /// Another call of the bridge's own.
    Own { purpose: OwnCall, method: &'static Method },
    /// The worker that made the call is gone, or does not want the answer any more.
    Abandoned,
}

/// The calls that wait, by token. Tokens are used again.
#[derive(Debug, Default)]
pub(crate) struct PendingCalls {
    calls: Vec<Option<PendingCall>>,
    free: Vec<usize>,
}

impl PendingCalls {
    pub(crate) fn insert(&mut self, call: PendingCall) -> u64 {
        match self.free.pop() {
            Some(at) => {
                self.calls[at] = Some(call);
                at as u64
            }
            None => {
                self.calls.push(Some(call));
                self.calls.len() as u64 - 1
            }
        }
    }

    pub(crate) fn get(&self, token: u64) -> Option<PendingCall> {
        self.calls.get(usize::try_from(token).ok()?).copied().flatten()
    }

    pub(crate) fn remove(&mut self, token: u64) {
        if let Ok(at) = usize::try_from(token)
            && let Some(slot) = self.calls.get_mut(at)
            && slot.take().is_some()
        {
            self.free.push(at);
        }
    }

    /// Takes out every call of the worker.
    pub(crate) fn take_all(&mut self) -> Vec<WorkerCall> {
        let mut taken = Vec::new();
        for call in self.calls.iter_mut().flatten() {
            if let PendingCall::Worker(of_worker) = *call {
                taken.push(of_worker);
                *call = PendingCall::Abandoned;
            }
        }
        taken
    }

    /// The answers of calls that match are not wanted any more.
    pub(crate) fn abandon(&mut self, matches: impl Fn(usize, u32) -> bool) -> usize {
        let mut abandoned = 0;
        for call in self.calls.iter_mut().flatten() {
            if let PendingCall::Worker(of_worker) = call
                && matches(of_worker.connection, of_worker.id)
            {
                *call = PendingCall::Abandoned;
                abandoned += 1;
            }
        }
        abandoned
    }
}
