//! Notices that the leader is stuck in a handler, and leads in its place.
//!
//! The state is one word: the term of the leader, and a counter that is odd while the leader polls a handler. A standby thread that sees the same odd number twice, a tick apart,
//! puts a new term in its place, which succeeds only if the poll has not ended in between; the former leader learns of it when it has.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use super::io;
use super::shared::Shared;

/// How long a handler may keep the leader; between one and two of these pass.
const TICK: Duration = Duration::from_millis(5);

/// What the standby thread looks at.
pub(crate) struct Watch {
    /// The leader's term in the upper half, the counter in the lower.
    word: AtomicU64,
    /// The hook that is being polled.
    hook: AtomicUsize,
    /// Whether the standby thread sleeps until a poll begins.
    asleep: AtomicBool,
    standby: Mutex<Option<Thread>>,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            word: AtomicU64::new(word(1, 0)),
            hook: AtomicUsize::new(0),
            asleep: AtomicBool::new(false),
            standby: Mutex::default(),
        }
    }
}

fn word(term: u32, counter: u32) -> u64 {
    u64::from(term) << 32 | u64::from(counter)
}

fn term(word: u64) -> u32 {
    (word >> 32) as u32
}

/// The word with the next counter.
fn next(word: u64) -> u64 {
    self::word(term(word), (word as u32).wrapping_add(1))
}

impl Watch {
    /// Whether this is the term of the leader.
    pub(crate) fn is_leader(&self, term: u32) -> bool {
        self::term(self.word.load(SeqCst)) == term
    }

    /// The leader begins to poll a handler.
    pub(crate) fn begin(&self, hook: usize) {
        self.hook.store(hook, SeqCst);
        // Nobody else changes the word while its counter is even.
        self.word.store(next(self.word.load(SeqCst)), SeqCst);
        if self.asleep.load(SeqCst) {
            self.asleep.store(false, SeqCst);
            if let Some(standby) = &*self.standby.lock().unwrap_or_else(PoisonError::into_inner) {
                standby.unpark();
            }
        }
    }

    /// The leader of this term has polled the handler. False if another thread leads now.
    pub(crate) fn end(&self, term: u32) -> bool {
        let word = self.word.load(SeqCst);
        self::term(word) == term && self.word.compare_exchange(word, next(word), SeqCst, SeqCst).is_ok()
    }

    /// Waits until the leader is stuck, and takes its place. Returns the new term.
    fn wait(&self) -> u32 {
        let mut seen = self.word.load(SeqCst);
        loop {
            thread::park_timeout(TICK);
            let now = self.word.load(SeqCst);
            if now != seen {
                seen = now;
                continue;
            }
            if now % 2 == 1 {
                let mine = term(now).wrapping_add(1).max(1);
                if self.word.compare_exchange(now, word(mine, 0), SeqCst, SeqCst).is_ok() {
                    return mine;
                }
                continue;
            }
            self.asleep.store(true, SeqCst);
            // A poll that began before the line above does not wake this thread; one that begins after it does.
            if self.word.load(SeqCst) == seen {
                thread::park();
            }
            self.asleep.store(false, SeqCst);
            seen = self.word.load(SeqCst);
        }
    }
}

/// Starts a thread that stands by. If none can be had, handlers that block hold everything up, which is better than none at all.
pub(crate) fn start(shared: &Arc<Shared>) {
    let owned = Arc::clone(shared);
    let started = thread::Builder::new().name("mattermost-standby".into()).spawn(move || stand_by(&owned));
    if let Ok(started) = started {
        let mut standby = shared.executor.watch.standby.lock().unwrap_or_else(PoisonError::into_inner);
        *standby = Some(started.thread().clone());
    }
}

fn stand_by(shared: &Arc<Shared>) {
    let term = shared.executor.watch.wait();
    shared.executor.note_slow(shared.executor.watch.hook.load(SeqCst));
    start(shared);
    io::lead(shared, term);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_that_does_not_end_costs_the_leader_its_place() {
        let watch = Watch::default();
        assert!(watch.is_leader(1));
        watch.begin(3);
        let term = watch.wait();
        assert!(watch.is_leader(term) && !watch.is_leader(1));
        assert!(!watch.end(1), "the former leader learns of it");
        watch.begin(4);
        assert!(watch.end(term));
    }

    #[test]
    fn the_standby_thread_sleeps_while_nothing_happens_and_wakes_for_a_poll() {
        let watch = Arc::new(Watch::default());
        let waiting = Arc::clone(&watch);
        let standby = thread::spawn(move || waiting.wait());
        *watch.standby.lock().unwrap() = Some(standby.thread().clone());
        while !watch.asleep.load(SeqCst) {
            thread::yield_now();
        }
        watch.begin(1);
        assert_eq!(standby.join().unwrap(), 2);
    }
}
