//! The bounds of the policy.

use std::time::Duration;

use super::Class;

/// How many hooks may run, wait and be queued. The classes are counted apart wherever a slow client could keep the others waiting.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many `sync` connections may run handlers before the growth waits for [`Limits::patience`].
    pub running: usize,
    /// How many `sync` connections there may be whose handlers do not wait for an API call.
    pub max_running: usize,
    /// How many of those are kept free of HTTP requests and events.
    pub reserved: usize,
    /// How many of the reserved ones uploads may occupy.
    pub files: usize,
    /// How many hooks of each class may wait for API calls at the same time.
    pub waiting: usize,
    /// How many hooks without streams may be in flight on the `async` connection.
    pub max_async: usize,
    /// How many of each class with streams may be in flight on the `async` connection.
    pub max_async_streams: usize,
    /// How many hooks of each class may be queued.
    pub queued: usize,
    /// How many bytes the queued hooks of each class may have, the last one left out.
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
            reserved: 16,
            files: 8,
            waiting: 64,
            max_async: 1024,
            max_async_streams: 4096,
            queued: 10_000,
            queued_bytes: 64 * 1024 * 1024,
            patience: Duration::from_millis(5),
            stall: Duration::from_secs(2),
        }
    }
}

impl Limits {
    /// How many `sync` connections the handlers of a class may occupy that do not wait for an API call.
    pub fn max_busy(&self, class: Class) -> usize {
        match class {
            Class::Plain => self.max_running,
            Class::Http | Class::Event => self.max_running.saturating_sub(self.reserved),
            Class::File => self.files,
        }
    }
}
