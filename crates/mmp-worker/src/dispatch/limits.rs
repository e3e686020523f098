//! The bounds of the policy.

use std::time::Duration;

/// How many hooks may run, wait and be queued. Those with streams and those without are counted apart wherever the client of an HTTP request, who may be slow, could keep the others waiting.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many `sync` connections may run handlers before the growth waits for [`Limits::patience`].
    pub running: usize,
    /// How many `sync` connections there may be whose handlers do not wait for an API call.
    pub max_running: usize,
    /// How many of those are kept for hooks without streams.
    pub reserved: usize,
    /// How many hooks without streams may wait for API calls at the same time; with streams as many again.
    pub waiting: usize,
    /// How many hooks without streams may be in flight on the `async` connection.
    pub max_async: usize,
    /// How many hooks with streams may be in flight on the `async` connection.
    pub max_async_streams: usize,
    /// How many hooks may be queued, with and without streams each.
    pub queued: usize,
    /// How many bytes the queued hooks may have, with and without streams each, the last one left out.
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
    /// How many `sync` connections hooks with streams may occupy.
    pub fn max_streaming(&self) -> usize {
        self.max_running.saturating_sub(self.reserved)
    }
}
