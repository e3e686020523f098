//! Which connection gets which hook: a policy without I/O.
//!
//! A `sync` connection runs one hook at a time. While its handler waits for an API call it still holds the connection, and the call may fire further hooks of the same plugin
//! (a CreatePost inside MessageWillBePosted), so waiting connections do not count against the number of running ones, and new ones are opened on demand: no chain of nested
//! hooks starves, up to [`Limits::waiting`] of them. Beyond that a hook is put off, and refused if nothing moves, because then all wait for each other.
//!
//! Hooks with streams (ServeHTTP) last as long as a client likes, so they have bounds and a queue of their own: whatever they do, [`Limits::reserved`] connections are there for the others.

mod limits;
mod queue;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::Instant;

pub use limits::Limits;
pub use queue::Queued;

use crate::messages::Mode;
use queue::Queue;

/// What a hook asks of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Where its handler runs.
    pub mode: Mode,
    /// Whether it has streams, so that it may last long.
    pub streams: bool,
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
    need: Need,
    /// How many API calls it has open; known for `sync` hooks, which have their connection to themselves.
    calls: u32,
}

/// The hooks with streams, or those without.
#[derive(Debug, Default)]
struct Group {
    /// How many run on `sync` connections, and how many of these wait for an API call.
    sync: usize,
    sync_waiting: usize,
    /// How many run on the `async` connection.
    asynchronous: usize,
    queue: Queue,
    /// Since when as many wait as may, and none has moved.
    stalled_since: Option<Instant>,
}

impl Group {
    /// How many `sync` connections have handlers that do not wait for an API call.
    fn busy(&self) -> usize {
        self.sync - self.sync_waiting
    }
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
    async_calls: usize,
    sync_connections: usize,
    opening: usize,
    plain: Group,
    streaming: Group,
    grow_at: Option<Instant>,
}

impl Dispatcher {
    /// An empty state.
    pub fn new(limits: Limits) -> Self {
        Dispatcher { limits, ..Dispatcher::default() }
    }

    fn group(&self, streams: bool) -> &Group {
        if streams { &self.streaming } else { &self.plain }
    }

    fn group_mut(&mut self, streams: bool) -> &mut Group {
        if streams { &mut self.streaming } else { &mut self.plain }
    }

    /// Where a hook goes that has just come. Hooks never overtake those of their kind in the queue.
    pub fn place(&self, need: Need) -> Place {
        let queue = &self.group(need.streams).queue;
        match self.free(need) {
            Some(connection) if queue.first(need.mode).is_none() => Place::Connection(connection),
            _ if queue.is_full(self.limits.queued, self.limits.queued_bytes) => Place::Full,
            _ => Place::Queue,
        }
    }

    fn free(&self, need: Need) -> Option<usize> {
        match need.mode {
            _ if !self.may_start(need) => None,
            Mode::Sync => self.idle.last().copied(),
            Mode::Async => self.asynchronous,
        }
    }

    /// Whether the bounds allow one more such hook to run.
    fn may_start(&self, need: Need) -> bool {
        let limits = &self.limits;
        match (need.mode, need.streams) {
            (_, false) if self.waiting() >= limits.waiting => false,
            (Mode::Sync, false) => true,
            (Mode::Sync, true) => {
                self.streaming.sync_waiting < limits.waiting && self.streaming.busy() < limits.max_streaming()
            }
            (Mode::Async, false) => self.plain.asynchronous < limits.max_async,
            (Mode::Async, true) => self.streaming.asynchronous < limits.max_async_streams,
        }
    }

    /// How many hooks without streams wait for an API call. On the `async` connection calls may also come from hooks with streams and from tasks outside hooks.
    pub fn waiting(&self) -> usize {
        self.plain.sync_waiting + self.async_calls.min(self.plain.asynchronous)
    }

    /// How many hooks run.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// How many hooks wait for a connection.
    pub fn queued(&self) -> usize {
        self.plain.queue.len() + self.streaming.queue.len()
    }

    /// A hook was sent to a connection.
    pub fn started(&mut self, id: u32, need: Need, connection: usize) {
        match need.mode {
            Mode::Sync => {
                self.idle.retain(|&idle| idle != connection);
                self.on_connection.insert(connection, id);
                self.group_mut(need.streams).sync += 1;
            }
            Mode::Async => self.group_mut(need.streams).asynchronous += 1,
        }
        self.running.insert(id, Running { connection, need, calls: 0 });
    }

    /// Puts a hook into the queue.
    pub fn enqueue(&mut self, queued: Queued) {
        self.group_mut(queued.need.streams).queue.push(queued);
    }

    /// How many connections of a mode there are.
    pub fn connections(&self, mode: Mode) -> usize {
        match mode {
            Mode::Sync => self.sync_connections,
            Mode::Async => usize::from(self.asynchronous.is_some()),
        }
    }

    /// The next queued hook that can go, and its connection: of those with and without streams the one that has waited longer.
    pub fn dequeue(&mut self) -> Option<(Queued, usize)> {
        for mode in [Mode::Sync, Mode::Async] {
            let candidate = |streams| {
                let (at, since) = self.group(streams).queue.first(mode)?;
                let connection = self.free(Need { mode, streams })?;
                Some((since, streams, at, connection))
            };
            let first = [candidate(false), candidate(true)].into_iter().flatten().min_by_key(|candidate| candidate.0);
            if let Some((_, streams, at, connection)) = first {
                return self.group_mut(streams).queue.remove(at).map(|queued| (queued, connection));
            }
        }
        None
    }

    /// How many more `sync` connections the worker should open now. Called after hooks were queued, and at [`Dispatcher::deadline`].
    pub fn growth(&mut self, now: Instant) -> usize {
        let queued = self.growing(false) + self.growing(true);
        if queued == 0 {
            self.grow_at = None;
            return 0;
        }
        let able = self.able();
        let due = self.grow_at.is_some_and(|at| now >= at);
        let target = if due { self.limits.max_running } else { self.limits.running };
        let more = target.saturating_sub(able).min(queued.saturating_sub(self.opening)).min(8);
        self.opening += more;
        if due || self.grow_at.is_none() {
            self.grow_at = (able < self.limits.max_running).then(|| now + self.limits.patience);
        }
        more
    }

    /// How many queued hooks another connection would help now.
    fn growing(&self, streams: bool) -> usize {
        let queued = self.group(streams).queue.count(Mode::Sync);
        if !self.may_start(Need { mode: Mode::Sync, streams }) {
            return 0;
        }
        if streams { queued.min(self.limits.max_streaming() - self.streaming.busy()) } else { queued }
    }

    /// How many `sync` connections there are, or will be, whose handlers do not wait for an API call. Handlers with streams that go on after such a wait
    /// may be more than are let in; those do not count, so that the reserved connections can always be opened.
    fn able(&self) -> usize {
        let waiting = self.plain.sync_waiting + self.streaming.sync_waiting;
        let excess = self.streaming.busy().saturating_sub(self.limits.max_streaming());
        self.sync_connections + self.opening - waiting - excess
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
        self.progress(hook.need.streams);
        let group = self.group_mut(hook.need.streams);
        match hook.need.mode {
            Mode::Sync => {
                group.sync -= 1;
                group.sync_waiting -= usize::from(hook.calls > 0);
                self.on_connection.remove(&hook.connection);
                self.idle.push(hook.connection);
            }
            Mode::Async => group.asynchronous -= 1,
        }
        true
    }

    /// The mode in which a hook runs.
    pub fn mode_of(&self, id: u32) -> Option<(Mode, usize)> {
        self.running.get(&id).map(|hook| (hook.need.mode, hook.connection))
    }

    /// An API call came from a connection.
    pub fn call_began(&mut self, connection: usize) {
        if self.asynchronous == Some(connection) {
            self.async_calls += 1;
        } else if let Some(hook) = self.hook_on(connection) {
            hook.calls += 1;
            if hook.calls == 1 {
                let streams = hook.need.streams;
                self.group_mut(streams).sync_waiting += 1;
            }
        }
    }

    /// An API call of a connection was answered.
    pub fn call_ended(&mut self, connection: usize) {
        if self.asynchronous == Some(connection) {
            self.async_calls = self.async_calls.saturating_sub(1);
            // Whose call it was is not known.
            self.progress(false);
            self.progress(true);
        } else if let Some(hook) = self.hook_on(connection)
            && hook.calls > 0
        {
            hook.calls -= 1;
            let (streams, last) = (hook.need.streams, hook.calls == 0);
            self.progress(streams);
            self.group_mut(streams).sync_waiting -= usize::from(last);
        }
    }

    fn hook_on(&mut self, connection: usize) -> Option<&mut Running> {
        let id = self.on_connection.get(&connection)?;
        self.running.get_mut(id)
    }

    fn progress(&mut self, streams: bool) {
        self.group_mut(streams).stalled_since = None;
        self.grow_at = None;
    }

    /// The hooks that stand behind [`Limits::waiting`] others, none of which has moved for [`Limits::stall`], and that have waited as long themselves: they are taken from the queue, to be answered with the server's default.
    pub fn refuse_stalled(&mut self, now: Instant) -> Vec<u32> {
        let mut refused = Vec::new();
        for streams in [false, true] {
            let full = self.is_waiting_full(streams);
            let stall = self.limits.stall;
            let group = self.group_mut(streams);
            if group.queue.len() == 0 || !full {
                group.stalled_since = None;
                continue;
            }
            let since = *group.stalled_since.get_or_insert(now);
            refused.extend(group.queue.take(|queued| now >= since.max(queued.since) + stall));
        }
        refused
    }

    /// Whether as many hooks wait for API calls as may.
    fn is_waiting_full(&self, streams: bool) -> bool {
        let waiting = if streams { self.streaming.sync_waiting } else { self.waiting() };
        waiting >= self.limits.waiting
    }

    /// When [`Dispatcher::growth`] and [`Dispatcher::refuse_stalled`] have to be called again.
    pub fn deadline(&self) -> Option<Instant> {
        // A queue is in the order of arrival, so its first hook is the first to be refused.
        let stalled = |group: &Group| {
            group.stalled_since.zip(group.queue.since()).map(|(since, first)| since.max(first) + self.limits.stall)
        };
        [self.grow_at, stalled(&self.plain), stalled(&self.streaming)].into_iter().flatten().min()
    }

    /// Forgets everything: the worker is gone. Returns the ids of all hooks that were running or queued.
    pub fn reset(&mut self) -> Vec<u32> {
        let queued = self.plain.queue.ids().chain(self.streaming.queue.ids());
        let mut lost: Vec<u32> = self.running.keys().copied().chain(queued).collect();
        lost.sort_unstable();
        *self = Dispatcher::new(self.limits);
        lost
    }
}
