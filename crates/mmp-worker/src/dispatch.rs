//! Which connection gets which hook: a policy without I/O.
//!
//! A `sync` connection runs one hook at a time. While its handler waits for an API call it still holds the connection, and the call may fire further hooks of the same plugin
//! (a CreatePost inside MessageWillBePosted), so waiting connections do not count against the number of running ones, and new ones are opened on demand: no chain of nested
//! hooks starves, up to [`Limits::waiting`] of them. Beyond that a hook is put off, and refused if nothing moves, because then all wait for each other.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::messages::Mode;

/// The bounds of the policy.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many `sync` connections may run handlers before the growth waits for [`Limits::patience`].
    pub running: usize,
    /// How many `sync` connections there may be whose handlers do not wait for an API call.
    pub max_running: usize,
    /// How many hooks may wait for API calls at the same time.
    pub waiting: usize,
    /// How many hooks may be in flight on the `async` connection.
    pub max_async: usize,
    /// How many hooks may be queued.
    pub queued: usize,
    /// How many bytes the queued hooks may have, the last one left out.
    pub queued_bytes: usize,
    /// How long a queued hook waits for a running one to finish before another connection is opened.
    pub patience: Duration,
    /// How long all waiting hooks may stand still, and a hook behind them wait, before it is refused.
    pub stall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            running: 4,
            max_running: 64,
            waiting: 64,
            max_async: 1024,
            queued: 10_000,
            queued_bytes: 64 * 1024 * 1024,
            patience: Duration::from_millis(5),
            stall: Duration::from_secs(2),
        }
    }
}

/// Where a hook goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// To this connection, now.
    Connection(usize),
    /// Into the queue.
    Queue,
    /// Nowhere: the queue is full.
    Full,
}

/// A hook that was sent to a connection.
#[derive(Debug)]
struct Running {
    connection: usize,
    mode: Mode,
    /// How many API calls it has open; known for `sync` hooks, which have their connection to themselves.
    calls: u32,
}

/// A hook that waits for a connection: its frame is complete.
#[derive(Debug)]
pub struct Queued {
    /// The hook's id.
    pub id: u32,
    /// Where its handler runs.
    pub mode: Mode,
    /// The frame.
    pub frame: Vec<u8>,
    /// Since when it waits.
    pub since: Instant,
}

/// The state of all hooks that were given to the worker.
#[derive(Debug, Default)]
pub struct Dispatcher {
    limits: Limits,
    running: HashMap<u32, Running>,
    /// `sync` connections without a hook; the last one used is used next, because its thread and caches are warm.
    idle: Vec<usize>,
    on_connection: HashMap<usize, u32>,
    asynchronous: Option<usize>,
    running_async: usize,
    async_calls: usize,
    sync_connections: usize,
    sync_waiting: usize,
    opening: usize,
    queue: VecDeque<Queued>,
    queued_bytes: usize,
    grow_at: Option<Instant>,
    stalled_since: Option<Instant>,
}

impl Dispatcher {
    /// An empty state.
    pub fn new(limits: Limits) -> Self {
        Dispatcher { limits, ..Dispatcher::default() }
    }

    /// Where a hook goes that has just come. Hooks never overtake those in the queue.
    pub fn place(&self, mode: Mode) -> Place {
        match self.free(mode) {
            Some(connection) if self.queue.iter().all(|queued| queued.mode != mode) => Place::Connection(connection),
            _ if self.queue.len() >= self.limits.queued || self.queued_bytes >= self.limits.queued_bytes => Place::Full,
            _ => Place::Queue,
        }
    }

    fn free(&self, mode: Mode) -> Option<usize> {
        if self.waiting() >= self.limits.waiting {
            return None;
        }
        match mode {
            Mode::Sync => self.idle.last().copied(),
            Mode::Async => self.asynchronous.filter(|_| self.running_async < self.limits.max_async),
        }
    }

    /// How many hooks wait for an API call. On the `async` connection calls may also come from tasks outside hooks.
    pub fn waiting(&self) -> usize {
        self.sync_waiting + self.async_calls.min(self.running_async)
    }

    /// A hook was sent to a connection.
    pub fn started(&mut self, id: u32, mode: Mode, connection: usize) {
        match mode {
            Mode::Sync => {
                self.idle.retain(|&idle| idle != connection);
                self.on_connection.insert(connection, id);
            }
            Mode::Async => self.running_async += 1,
        }
        self.running.insert(id, Running { connection, mode, calls: 0 });
    }

    /// Puts a hook into the queue.
    pub fn enqueue(&mut self, queued: Queued) {
        self.queued_bytes += queued.frame.len();
        self.queue.push_back(queued);
    }

    /// How many connections of a mode there are.
    pub fn connections(&self, mode: Mode) -> usize {
        match mode {
            Mode::Sync => self.sync_connections,
            Mode::Async => usize::from(self.asynchronous.is_some()),
        }
    }

    /// The next queued hook that can go, and its connection.
    pub fn dequeue(&mut self) -> Option<(Queued, usize)> {
        for mode in [Mode::Sync, Mode::Async] {
            if let Some(connection) = self.free(mode)
                && let Some(at) = self.queue.iter().position(|queued| queued.mode == mode)
            {
                let queued = self.queue.remove(at)?;
                self.queued_bytes -= queued.frame.len();
                return Some((queued, connection));
            }
        }
        None
    }

    /// How many more `sync` connections the worker should open now. Called after hooks were queued, and at [`Dispatcher::deadline`].
    pub fn growth(&mut self, now: Instant) -> usize {
        let queued = self.queue.iter().filter(|queued| queued.mode == Mode::Sync).count();
        if queued == 0 || self.waiting() >= self.limits.waiting {
            self.grow_at = None;
            return 0;
        }
        let able = self.sync_connections + self.opening - self.sync_waiting;
        let due = self.grow_at.is_some_and(|at| now >= at);
        let target = if due { self.limits.max_running } else { self.limits.running };
        let more = target.saturating_sub(able).min(queued.saturating_sub(self.opening)).min(8);
        self.opening += more;
        if due || self.grow_at.is_none() {
            self.grow_at = (able < self.limits.max_running).then(|| now + self.limits.patience);
        }
        more
    }

    /// A `sync` connection was opened, or an `async` one.
    pub fn connected(&mut self, connection: usize, mode: Mode) {
        match mode {
            Mode::Sync => {
                self.opening = self.opening.saturating_sub(1);
                self.sync_connections += 1;
                self.idle.push(connection);
            }
            Mode::Async => self.asynchronous = Some(connection),
        }
    }

    /// A hook was answered. True if it was running.
    pub fn finished(&mut self, id: u32) -> bool {
        let Some(hook) = self.running.remove(&id) else { return false };
        self.progress();
        match hook.mode {
            Mode::Sync => {
                self.on_connection.remove(&hook.connection);
                self.sync_waiting -= usize::from(hook.calls > 0);
                self.idle.push(hook.connection);
            }
            Mode::Async => self.running_async -= 1,
        }
        true
    }

    /// The mode in which a hook runs.
    pub fn mode_of(&self, id: u32) -> Option<(Mode, usize)> {
        self.running.get(&id).map(|hook| (hook.mode, hook.connection))
    }

    /// An API call came from a connection.
    pub fn call_began(&mut self, connection: usize) {
        if self.asynchronous == Some(connection) {
            self.async_calls += 1;
        } else if let Some(hook) = self.hook_on(connection) {
            hook.calls += 1;
            if hook.calls == 1 {
                self.sync_waiting += 1;
            }
        }
    }

    /// An API call of a connection was answered.
    pub fn call_ended(&mut self, connection: usize) {
        self.progress();
        if self.asynchronous == Some(connection) {
            self.async_calls = self.async_calls.saturating_sub(1);
        } else if let Some(hook) = self.hook_on(connection)
            && hook.calls > 0
        {
            hook.calls -= 1;
            if hook.calls == 0 {
                self.sync_waiting -= 1;
            }
        }
    }

    fn hook_on(&mut self, connection: usize) -> Option<&mut Running> {
        let id = self.on_connection.get(&connection)?;
        self.running.get_mut(id)
    }

    fn progress(&mut self) {
        self.stalled_since = None;
        self.grow_at = None;
    }

    /// The hooks that stand behind [`Limits::waiting`] others, none of which has moved for [`Limits::stall`], and that have waited as long themselves: they are taken from the queue, to be answered with the server's default.
    pub fn refuse_stalled(&mut self, now: Instant) -> Vec<u32> {
        if self.queue.is_empty() || self.waiting() < self.limits.waiting {
            self.stalled_since = None;
            return Vec::new();
        }
        let since = *self.stalled_since.get_or_insert(now);
        let patience = self.limits.stall;
        let is_stalled = |queued: &Queued| now >= since.max(queued.since) + patience;
        let (refused, kept): (Vec<Queued>, Vec<Queued>) = self.queue.drain(..).partition(is_stalled);
        self.queue.extend(kept);
        self.queued_bytes -= refused.iter().map(|queued| queued.frame.len()).sum::<usize>();
        refused.into_iter().map(|queued| queued.id).collect()
    }

    /// When [`Dispatcher::growth`] and [`Dispatcher::refuse_stalled`] have to be called again.
    pub fn deadline(&self) -> Option<Instant> {
        // The queue is in the order of arrival, so its first hook is the first to be refused.
        let first = self.queue.front().map(|queued| queued.since);
        let stalled = self.stalled_since.zip(first).map(|(since, first)| since.max(first) + self.limits.stall);
        [self.grow_at, stalled].into_iter().flatten().min()
    }

    /// Forgets everything: the worker is gone. Returns the ids of all hooks that were running or queued.
    pub fn reset(&mut self) -> Vec<u32> {
        let queued = self.queue.iter().map(|queued| queued.id);
        let mut lost: Vec<u32> = self.running.keys().copied().chain(queued).collect();
        lost.sort_unstable();
        *self = Dispatcher::new(self.limits);
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queued(id: u32, since: Instant) -> Queued {
        Queued { id, mode: Mode::Sync, frame: Vec::new(), since }
    }

    fn start(d: &mut Dispatcher, id: u32) {
        let Place::Connection(connection) = d.place(Mode::Sync) else { panic!("no place for {id}") };
        d.started(id, Mode::Sync, connection);
    }

    #[test]
    fn a_chain_of_nested_hooks_gets_a_connection_at_every_level() {
        let now = Instant::now();
        let mut d = Dispatcher::new(Limits::default());
        (0..4).for_each(|connection| d.connected(connection, Mode::Sync));
        let mut next = 4;
        for id in 0..64 {
            if d.place(Mode::Sync) == Place::Queue {
                d.enqueue(queued(id, now));
                assert_eq!(d.growth(now), 1, "level {id}");
                d.connected(next, Mode::Sync);
                next += 1;
                let (queued, connection) = d.dequeue().unwrap();
                d.started(queued.id, Mode::Sync, connection);
            } else {
                start(&mut d, id);
            }
            let (_, connection) = d.mode_of(id).unwrap();
            d.call_began(connection);
        }
        assert_eq!(d.waiting(), 64);
        assert_eq!(d.place(Mode::Sync), Place::Queue);
        d.enqueue(queued(64, now));
        assert_eq!(d.growth(now), 0);
        assert!(d.refuse_stalled(now).is_empty());
        assert_eq!(d.deadline(), Some(now + Duration::from_secs(2)));
        assert_eq!(d.refuse_stalled(now + Duration::from_secs(2)), [64]);
    }

    #[test]
    fn only_hooks_that_have_waited_long_themselves_are_refused() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let mut d = Dispatcher::new(Limits { waiting: 1, ..Limits::default() });
        d.connected(0, Mode::Sync);
        start(&mut d, 1);
        d.call_began(0);
        d.enqueue(queued(2, now));
        assert!(d.refuse_stalled(now).is_empty());
        d.enqueue(queued(3, now + second));
        assert_eq!(d.refuse_stalled(now + 2 * second), [2]);
        assert_eq!(d.deadline(), Some(now + 3 * second));
        assert_eq!(d.refuse_stalled(now + 3 * second), [3]);
    }

    #[test]
    fn progress_puts_off_the_refusal() {
        let now = Instant::now();
        let mut d = Dispatcher::new(Limits { waiting: 1, ..Limits::default() });
        d.connected(0, Mode::Sync);
        d.connected(1, Mode::Sync);
        start(&mut d, 1);
        d.call_began(1);
        d.enqueue(queued(2, now));
        assert!(d.refuse_stalled(now).is_empty());
        d.call_ended(1);
        assert_eq!(d.dequeue().map(|(queued, _)| queued.id), Some(2));
    }

    #[test]
    fn slow_handlers_make_the_pool_grow_after_a_moment() {
        let now = Instant::now();
        let mut d = Dispatcher::new(Limits::default());
        (0..4).for_each(|connection| d.connected(connection, Mode::Sync));
        (0..4).for_each(|id| start(&mut d, id));
        d.enqueue(queued(4, now));
        assert_eq!(d.growth(now), 0);
        let later = d.deadline().unwrap();
        assert_eq!(later, now + Duration::from_millis(5));
        assert_eq!(d.growth(later), 1);
    }

    #[test]
    fn hooks_do_not_overtake_the_queue_and_the_last_connection_is_used_first() {
        let mut d = Dispatcher::new(Limits::default());
        d.enqueue(queued(1, Instant::now()));
        d.connected(0, Mode::Sync);
        d.connected(1, Mode::Sync);
        assert_eq!(d.place(Mode::Sync), Place::Queue);
        let (first, connection) = d.dequeue().unwrap();
        assert_eq!((first.id, connection), (1, 1));
        d.started(1, Mode::Sync, 1);
        assert!(d.finished(1));
        assert!(!d.finished(1));
        assert_eq!(d.place(Mode::Sync), Place::Connection(1));
    }

    #[test]
    fn the_queue_is_bounded_in_hooks_and_in_bytes() {
        let now = Instant::now();
        let mut d = Dispatcher::new(Limits { queued: 3, queued_bytes: 100, waiting: 0, ..Limits::default() });
        d.enqueue(Queued { frame: vec![0; 150], ..queued(1, now) });
        assert_eq!(d.place(Mode::Sync), Place::Full, "too many bytes");
        assert!(d.refuse_stalled(now).is_empty());
        assert_eq!(d.refuse_stalled(now + Duration::from_secs(2)), [1]);
        (2..5).for_each(|id| {
            assert_eq!(d.place(Mode::Sync), Place::Queue);
            d.enqueue(queued(id, now));
        });
        assert_eq!(d.place(Mode::Async), Place::Full, "too many hooks");
    }

    #[test]
    fn bytes_that_leave_the_queue_count_no_more() {
        let mut d = Dispatcher::new(Limits { queued_bytes: 100, ..Limits::default() });
        d.enqueue(Queued { frame: vec![0; 150], ..queued(1, Instant::now()) });
        d.connected(0, Mode::Sync);
        let (first, connection) = d.dequeue().unwrap();
        d.started(first.id, first.mode, connection);
        assert_eq!(d.place(Mode::Sync), Place::Queue);
        assert_eq!((d.connections(Mode::Sync), d.connections(Mode::Async)), (1, 0));
    }

    #[test]
    fn a_reset_names_every_hook_that_is_lost() {
        let mut d = Dispatcher::new(Limits::default());
        d.connected(0, Mode::Sync);
        start(&mut d, 7);
        d.enqueue(queued(3, Instant::now()));
        assert_eq!(d.reset(), [3, 7]);
        assert_eq!(d.place(Mode::Sync), Place::Queue);
    }
}
