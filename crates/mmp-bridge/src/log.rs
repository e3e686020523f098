//! The bridge's own log, and the worker's.
//!
//! Before the plugin is active, and when the API is gone, lines go to standard error, which the server logs with their level. While the API is there they go
//! through its log methods, one call at a time: the server answers calls concurrently, and the lines would change places otherwise.

use mmp_goplugin::hclog::Queue;
pub(crate) use mmp_goplugin::hclog::{Level, Line, write_stderr};

/// Reads the name in a LOG frame; what is unknown is information.
pub(crate) fn level_from_name(name: &str) -> Level {
    match name {
        "debug" => Level::Debug,
        "warn" | "warning" => Level::Warn,
        "error" | "critical" => Level::Error,
        _ => Level::Info,
    }
}

/// The API method that logs at a level.
pub(crate) fn api_method(level: Level) -> &'static str {
    match level {
        Level::Debug => "LogDebug",
        Level::Info => "LogInfo",
        Level::Warn => "LogWarn",
        Level::Error => "LogError",
    }
}

/// The lines that wait to be sent.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) queue: Queue,
    /// The line that is on its way, until the host has answered: one that it did not come to goes to standard error.
    pub(crate) in_flight: Option<Line>,
}

impl Log {
    /// Writes every line to standard error that the host has not logged, as far as is known: it reads that to its end, whatever becomes of its connection.
    pub(crate) fn drain_to_stderr(&mut self) {
        if let Some(line) = self.in_flight.take() {
            write_stderr(&line);
        }
        self.queue.drain_to_stderr();
    }

    /// Takes a line.
    pub(crate) fn push(&mut self, level: Level, message: impl Into<String>, fields: &[(&str, &str)]) {
        let fields = fields.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        self.queue.push(Line { level, message: message.into(), fields });
    }
}
