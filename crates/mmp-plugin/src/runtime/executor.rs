//! Where handlers run.
//!
//! A handler is first polled by the thread that read the server's request, and again by the thread that read the answer it waited for: no hop to another thread, each of which
//! would cost more than most handlers do. A handler that computes or blocks must not hold up the others, though. Two things see to that: hooks whose polls turn out to be slow run on tokio's threads for
//! blocking work from then on (until they are quick again), and while one blocks for the first time, the standby thread takes the reading over (`standby.rs`).

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::shared::Shared;
use super::standby::Watch;
use crate::generated::hooks::HOOKS;

/// A poll that takes longer than this is slow.
const SLOW: Duration = Duration::from_millis(1);
/// How many tasks of a hook run elsewhere after a slow poll.
const ELSEWHERE: u32 = 64;

/// A task that can be polled, with the number of its hook.
type Runnable = async_task::Runnable<usize>;

thread_local! {
    /// The term in which this thread leads, or 0.
    static TERM: Cell<u32> = const { Cell::new(0) };
}

/// The queue of the leader's tasks, and what is known of their hooks.
pub(crate) struct Executor {
    ready: Mutex<VecDeque<Runnable>>,
    /// By hook: how many of its next tasks run elsewhere.
    elsewhere: [AtomicU32; HOOKS.len()],
    pub(crate) watch: Watch,
}

impl Default for Executor {
    fn default() -> Self {
        Self { ready: Mutex::default(), elsewhere: [const { AtomicU32::new(0) }; HOOKS.len()], watch: Watch::default() }
    }
}

/// Whether a thread goes on leading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// All that was ready has run.
    Done,
    /// More is ready.
    More,
    /// Another thread leads now.
    Replaced,
}

impl Executor {
    /// Whether this thread reads from the server.
    pub(crate) fn is_leading(&self) -> bool {
        let term = TERM.get();
        term != 0 && self.watch.is_leader(term)
    }

    /// Notes that this thread leads.
    pub(crate) fn lead(&self, term: u32) {
        TERM.set(term);
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, VecDeque<Runnable>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no task waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue().is_empty()
    }

    fn runs_elsewhere(&self, hook: usize) -> bool {
        let Some(count) = self.elsewhere.get(hook) else { return false };
        count.load(Ordering::Relaxed) > 0
            && count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1)).is_ok()
    }

    /// Notes that the hook is slow.
    pub(crate) fn note_slow(&self, hook: usize) {
        if let Some(count) = self.elsewhere.get(hook) {
            count.store(ELSEWHERE, Ordering::Relaxed);
        }
    }

    /// Polls a task, on whatever thread.
    fn poll(&self, runnable: Runnable) {
        let (hook, began) = (*runnable.metadata(), Instant::now());
        // Handlers catch their panics; this one would come from dropping a handler that had panicked.
        let _ = catch_unwind(AssertUnwindSafe(|| runnable.run()));
        if began.elapsed() > SLOW {
            self.note_slow(hook);
        }
    }
}

impl Shared {
    /// Starts a handler of the hook with this number.
    pub(crate) fn spawn(self: &Arc<Self>, hook: usize, task: impl Future<Output = ()> + Send + 'static) {
        let shared = Arc::clone(self);
        let schedule = move |runnable: Runnable| shared.schedule(runnable);
        let (runnable, task) = async_task::Builder::new().metadata(hook).spawn(move |_| task, schedule);
        task.detach();
        runnable.schedule();
    }

    /// Polls what is ready now, as the leader of this term. A hook may have turned out to be slow since its tasks were queued.
    pub(crate) fn run_ready(self: &Arc<Self>, term: u32) -> Turn {
        let count = self.executor.queue().len();
        for _ in 0..count {
            let Some(runnable) = self.executor.queue().pop_front() else { break };
            let Some(runnable) = self.send_elsewhere(runnable) else { continue };
            self.executor.watch.begin(*runnable.metadata());
            self.executor.poll(runnable);
            if !self.executor.watch.end(term) {
                return Turn::Replaced;
            }
        }
        if self.executor.is_idle() { Turn::Done } else { Turn::More }
    }

    /// Hands a task of a slow hook to a thread for blocking work; gives others back.
    fn send_elsewhere(self: &Arc<Self>, runnable: Runnable) -> Option<Runnable> {
        if !self.executor.runs_elsewhere(*runnable.metadata()) {
            return Some(runnable);
        }
        let shared = Arc::clone(self);
        self.runtime.spawn_blocking(move || shared.executor.poll(runnable));
        None
    }

    fn schedule(self: &Arc<Self>, runnable: Runnable) {
        let Some(runnable) = self.send_elsewhere(runnable) else { return };
        self.executor.queue().push_back(runnable);
        if !self.executor.is_leading() {
            self.wake();
        }
    }
}
