//! Which connection gets which hook: a policy without I/O.
//!
//! A `sync` connection runs one hook at a time. While its handler waits for an API call it still holds the connection, and the call may fire further hooks of the same plugin
//! (a CreatePost inside MessageWillBePosted), so waiting connections do not count against the number of running ones, and new ones are opened on demand: no chain of nested
//! hooks starves, up to [`Limits::waiting`] of them. Beyond that a hook is put off, and refused if nothing moves, because then all wait for each other.
//!
//! Hooks with streams last as long as a client likes, so each class of them has bounds and a queue of its own: however slow the clients of requests are, [`Limits::reserved`] connections are there
//! for the others, and uploads take no more than [`Limits::files`] of those.

mod limits;
mod queue;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::Instant;

pub use limits::Limits;
pub use queue::{Lane, Queued};

use crate::messages::Mode;
use queue::Queue;

/// What a hook asks of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Where its handler runs.
    pub mode: Mode,
    /// What bounds it shares with which others.
    pub class: Class,
}

/// Hooks that are counted and queued together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Those without streams.
    Plain,
    /// HTTP requests, which may last as long as their client likes.
    Http,
    /// Files that are looked at while they are uploaded.
    File,
    /// Those that nobody waits for.
    Event,
}

impl Class {
    const ALL: [Class; 4] = [Class::Plain, Class::Http, Class::File, Class::Event];
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
    lane: Option<Lane>,
    /// How many API calls it has open; known for `sync` hooks, which have their connection to themselves.
    calls: u32,
    /// How many it has made.
    made: u64,
}

/// The hooks of one class.
#[derive(Debug, Default)]
struct Group {
    /// How many run on `sync` connections, and how many of these wait for an API call.
    sync: usize,
    sync_waiting: usize,
    /// How many run on the `async` connection.
    asynchronous: usize,
    queue: Queue,
    /// How many have ended.
    ended: u64,
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
    groups: [Group; Class::ALL.len()],
    grow_at: Option<Instant>,
    /// Whether nothing leaves the queue: the worker is not there, is being brought up, or is to be started again.
    paused: bool,
}

impl Dispatcher {
    /// An empty state.
    pub fn new(limits: Limits) -> Self {
        Dispatcher { limits, ..Dispatcher::default() }
    }

    fn group(&self, class: Class) -> &Group {
        &self.groups[class as usize]
    }

    fn group_mut(&mut self, class: Class) -> &mut Group {
        &mut self.groups[class as usize]
    }

    /// Where a hook goes that has just come. Hooks never overtake those of their kind in the queue, nor those of their lane.
    pub fn place(&self, need: Need, lane: Option<Lane>) -> Place {
        let queue = &self.group(need.class).queue;
        match self.free(need) {
            Some(connection) if !self.paused && queue.first(need.mode).is_none() && !queue.is_lane_busy(lane) => {
                Place::Connection(connection)
            }
            _ if queue.is_full(self.limits.queued, self.limits.queued_bytes) => Place::Full,
            _ => Place::Queue,
        }
    }

    /// A connection that can take a hook now, whatever waits in the queue: for what brings a worker up.
    pub fn free(&self, need: Need) -> Option<usize> {
        match need.mode {
            _ if !self.may_start(need) => None,
            Mode::Sync => self.idle.last().copied(),
            Mode::Async => self.asynchronous,
        }
    }

    /// Whether the bounds allow one more such hook to run.
    fn may_start(&self, need: Need) -> bool {
        let limits = &self.limits;
        let group = self.group(need.class);
        match (need.mode, need.class) {
            (_, Class::Plain) if self.waiting() >= limits.waiting => false,
            (Mode::Sync, Class::Plain) => true,
            (Mode::Sync, class) => group.sync_waiting < limits.waiting && group.busy() < limits.max_busy(class),
            (Mode::Async, Class::Plain | Class::Event) => group.asynchronous < limits.max_async,
            (Mode::Async, _) => group.asynchronous < limits.max_async_streams,
        }
    }

    /// How many hooks without streams wait for an API call. On the `async` connection calls may also come from hooks with streams and from tasks outside hooks.
    pub fn waiting(&self) -> usize {
        self.group(Class::Plain).sync_waiting + self.async_calls.min(self.group(Class::Plain).asynchronous)
    }

    /// How many hooks run.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// How many hooks wait for a connection.
    pub fn queued(&self) -> usize {
        self.groups.iter().map(|group| group.queue.len()).sum()
    }

    /// Whether a hook of this lane runs or waits.
    pub fn is_lane_busy(&self, lane: Lane) -> bool {
        self.groups.iter().any(|group| group.queue.is_lane_busy(Some(lane)))
    }

    /// Whether any hook runs whose handler waits for an API call.
    pub fn has_waiting(&self) -> bool {
        self.async_calls > 0 || self.groups.iter().any(|group| group.sync_waiting > 0)
    }

    /// The ids of the hooks that run.
    pub fn running_ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.running.keys().copied()
    }

    /// Nothing leaves the queue from now on.
    pub fn pause(&mut self) {
        self.paused = true;
        self.grow_at = None;
    }

    /// The queue moves again. [`Dispatcher::dequeue`] has to be called.
    pub fn resume(&mut self) {
        self.paused = false;
    }

    /// A hook was sent to a connection.
    pub fn started(&mut self, id: u32, need: Need, lane: Option<Lane>, connection: usize) {
        self.group_mut(need.class).queue.occupy(lane);
        match need.mode {
            Mode::Sync => {
                self.idle.retain(|&idle| idle != connection);
                self.on_connection.insert(connection, id);
                self.group_mut(need.class).sync += 1;
            }
            Mode::Async => self.group_mut(need.class).asynchronous += 1,
        }
        self.running.insert(id, Running { connection, need, lane, calls: 0, made: 0 });
    }

    /// Puts a hook into the queue.
    pub fn enqueue(&mut self, queued: Queued) {
        self.group_mut(queued.need.class).queue.push(queued);
    }

    /// How many connections of a mode there are.
    pub fn connections(&self, mode: Mode) -> usize {
        match mode {
            Mode::Sync => self.sync_connections,
            Mode::Async => usize::from(self.asynchronous.is_some()),
        }
    }

    /// The next queued hook that can go, and its connection: of all classes the one that has waited longest.
    pub fn dequeue(&mut self) -> Option<(Queued, usize)> {
        if self.paused {
            return None;
        }
        for mode in [Mode::Sync, Mode::Async] {
            let candidate = |class| {
                let (at, since) = self.group(class).queue.first(mode)?;
                let connection = self.free(Need { mode, class })?;
                Some((since, class, at, connection))
            };
            let first = Class::ALL.into_iter().filter_map(candidate).min_by_key(|candidate| candidate.0);
            if let Some((_, class, at, connection)) = first {
                return self.group_mut(class).queue.remove(at).map(|queued| (queued, connection));
            }
        }
        None
    }

    /// How many more `sync` connections the worker should open now. Called after hooks were queued, and at [`Dispatcher::deadline`].
    pub fn growth(&mut self, now: Instant) -> usize {
        let queued: usize = Class::ALL.into_iter().map(|class| self.growing(class)).sum();
        if queued == 0 || self.paused {
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
    fn growing(&self, class: Class) -> usize {
        let group = self.group(class);
        let queued = group.queue.count(Mode::Sync);
        match class {
            _ if !self.may_start(Need { mode: Mode::Sync, class }) => 0,
            Class::Plain => queued,
            class => queued.min(self.limits.max_busy(class).saturating_sub(group.busy())),
        }
    }

    /// How many `sync` connections there are, or will be, whose handlers do not wait for an API call. Handlers with streams that go on after such a wait
    /// may be more than are let in; those do not count, so that the reserved connections can always be opened.
    fn able(&self) -> usize {
        let waiting: usize = self.groups.iter().map(|group| group.sync_waiting).sum();
        let excess_of = |class| self.group(class).busy().saturating_sub(self.limits.max_busy(class));
        let excess: usize = [Class::Http, Class::File, Class::Event].into_iter().map(excess_of).sum();
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
        self.progress(hook.need.class);
        let group = self.group_mut(hook.need.class);
        group.ended += 1;
        group.queue.release(hook.lane);
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

    /// The API call that a hook waits for, as how many it has made: one that is the same for long is one that the server does not answer. Not known for hooks on the `async` connection, which is shared.
    pub fn open_call(&self, id: u32) -> Option<u64> {
        self.running.get(&id).filter(|hook| hook.calls > 0).map(|hook| hook.made)
    }

    /// Whether events are lost because those that run do not end, and do not wait for the server either: how many have ended so far, which tells whether any does.
    pub fn blocked_events(&self) -> Option<u64> {
        let group = self.group(Class::Event);
        let full = group.queue.is_full(self.limits.queued, self.limits.queued_bytes);
        if !full || self.paused {
            return None;
        }
        let is_first = |mode: &Mode| group.queue.first(*mode).is_some();
        let stands = |mode: Mode| self.free(Need { mode, class: Class::Event }).is_none();
        // Behind others of their lane, or of handlers that wait for the server, they wait for something else.
        let mut waiting = [Mode::Sync, Mode::Async].into_iter().filter(is_first).peekable();
        let waits = group.sync_waiting >= self.limits.waiting || self.async_calls >= self.limits.max_async;
        (waiting.peek().is_some() && !waits && waiting.all(stands)).then_some(group.ended)
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
            hook.made += 1;
            if hook.calls == 1 {
                let class = hook.need.class;
                self.group_mut(class).sync_waiting += 1;
            }
        }
    }

    /// An API call of a connection was answered.
    pub fn call_ended(&mut self, connection: usize) {
        if self.asynchronous == Some(connection) {
            self.async_calls = self.async_calls.saturating_sub(1);
            // Whose call it was is not known.
            Class::ALL.into_iter().for_each(|class| self.progress(class));
        } else if let Some(hook) = self.hook_on(connection)
            && hook.calls > 0
        {
            hook.calls -= 1;
            let (class, last) = (hook.need.class, hook.calls == 0);
            self.progress(class);
            self.group_mut(class).sync_waiting -= usize::from(last);
        }
    }

    fn hook_on(&mut self, connection: usize) -> Option<&mut Running> {
        let id = self.on_connection.get(&connection)?;
        self.running.get_mut(id)
    }

    fn progress(&mut self, class: Class) {
        self.group_mut(class).stalled_since = None;
        self.grow_at = None;
    }

    /// The hooks that stand behind [`Limits::waiting`] others, none of which has moved for [`Limits::stall`], and that have waited as long themselves: they are taken from the queue, to be answered with the server's default.
    pub fn refuse_stalled(&mut self, now: Instant) -> Vec<u32> {
        let mut refused = Vec::new();
        // Nobody waits for an event, so events do not wait for each other: those that stand still wait for the server.
        for class in [Class::Plain, Class::Http, Class::File] {
            let full = self.is_waiting_full(class);
            let stall = self.limits.stall;
            let group = self.group_mut(class);
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
    fn is_waiting_full(&self, class: Class) -> bool {
        let waiting = if class == Class::Plain { self.waiting() } else { self.group(class).sync_waiting };
        waiting >= self.limits.waiting
    }

    /// When [`Dispatcher::growth`] and [`Dispatcher::refuse_stalled`] have to be called again.
    pub fn deadline(&self) -> Option<Instant> {
        // A queue is in the order of arrival, so its first hook is the first to be refused.
        let stalled = |group: &Group| {
            group.stalled_since.zip(group.queue.since()).map(|(since, first)| since.max(first) + self.limits.stall)
        };
        self.groups.iter().filter_map(stalled).chain(self.grow_at).min()
    }

    /// The worker is gone, and with it what ran: its ids are returned. What is queued waits for the next worker.
    pub fn worker_lost(&mut self) -> Vec<u32> {
        let mut lost: Vec<u32> = self.running.keys().copied().collect();
        lost.sort_unstable();
        for (_, hook) in std::mem::take(&mut self.running) {
            self.group_mut(hook.need.class).queue.release(hook.lane);
        }
        let queues = std::mem::take(&mut self.groups).map(|group| group.queue);
        *self = Dispatcher::new(self.limits);
        self.paused = true;
        for (group, queue) in self.groups.iter_mut().zip(queues) {
            group.queue = queue;
        }
        lost
    }

    /// Takes a hook out of the queue. False if it does not wait there.
    pub fn remove_queued(&mut self, id: u32) -> bool {
        self.groups.iter_mut().any(|group| group.queue.remove_id(id).is_some())
    }

    /// Takes out all that wait.
    pub fn drain_queue(&mut self) -> Vec<Queued> {
        self.groups.iter_mut().flat_map(|group| group.queue.drain()).collect()
    }
}
