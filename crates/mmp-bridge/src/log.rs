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
    /// Whether a log call is on its way.
    pub(crate) in_flight: bool,
}

impl Log {
    /// Takes a line.
    pub(crate) fn push(&mut self, level: Level, message: impl Into<String>, fields: &[(&str, &str)]) {
        let fields = fields.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        self.queue.push(Line { level, message: message.into(), fields });
    }
}
