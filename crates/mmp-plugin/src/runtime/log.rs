//! The plugin's lines in the server's log.
//!
//! While the API is there they go through its log methods, one call at a time: the server answers calls concurrently, and the lines would change places otherwise. Before that, and afterwards, they go
//! to standard error in hclog's form, which the server logs with their level.

use mmp_goplugin::endpoint::Link;
pub(crate) use mmp_goplugin::hclog::{Level, Line, write_stderr};
use mmp_goplugin::hclog::{Queue, Room};

use super::calls::Answer;
use super::core::Core;
use super::shared::Shared;
use crate::model::rpc::{LogInfoArgs, LogInfoReturns};

/// The API method that logs at a level.
pub(crate) fn rpc(level: Level) -> &'static str {
    match level {
        Level::Debug => "Plugin.LogDebug",
        Level::Info => "Plugin.LogInfo",
        Level::Warn => "Plugin.LogWarn",
        Level::Error => "Plugin.LogError",
    }
}

/// The lines that wait to be sent.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) queue: Queue,
    /// The answer of the log call that is on its way.
    in_flight: Option<Answer<LogInfoReturns>>,
}

impl Log {
    /// Takes a line of the author's.
    pub(crate) fn push(&mut self, level: Level, message: impl Into<String>, fields: Vec<(String, String)>) {
        self.queue.push(Line { level, message: message.into(), fields }, Room::Any);
    }

    /// Takes a line of the SDK's own, which a flood of the author's does not crowd out.
    pub(super) fn push_own(&mut self, level: Level, message: impl Into<String>) {
        self.queue.push(Line { level, message: message.into(), fields: Vec::new() }, Room::Own);
    }

    /// Whether a line waits and could be sent.
    pub(crate) fn is_due(&self) -> bool {
        !self.queue.is_empty() && self.in_flight.is_none()
    }

    /// Whether a log call waits for its answer.
    fn is_in_flight(&mut self) -> bool {
        let empty = tokio::sync::oneshot::error::TryRecvError::Empty;
        let waits = self.in_flight.as_mut().is_some_and(|answer| answer.try_recv().err() == Some(empty));
        if !waits {
            self.in_flight = None;
        }
        waits
    }
}

impl Core {
    /// Sends the next line of the log, if none is on its way. Without the API every line goes to standard error.
    pub(crate) fn flush_log(&mut self, link: &mut Link) {
        if self.log.queue.is_empty() || self.log.is_in_flight() {
            return;
        }
        let Some(api) = self.calls.services().api.filter(|_| self.end.is_none()) else {
            return self.log.queue.drain_to_stderr();
        };
        let Some(line) = self.log.queue.pop() else { return };
        let pairs = line.fields.iter().flat_map(|(key, value)| [key.as_str().into(), value.as_str().into()]);
        let args = LogInfoArgs { a: line.message.as_str().into(), b: pairs.collect() };
        match self.calls.call(link, api, rpc(line.level), &args) {
            Ok(answer) => self.log.in_flight = Some(answer),
            Err(_) => write_stderr(&line),
        }
    }
}

impl Shared {
    /// Writes a line of the SDK's own to the server's log.
    pub(crate) fn log(&self, level: Level, message: impl Into<String>) {
        self.with(|state| state.core.log.push_own(level, message));
    }
}
