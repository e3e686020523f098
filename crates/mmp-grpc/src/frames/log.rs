//! Lines for the server's log.

use mmp_transcode::msgpack;

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// For whoever looks for a fault.
    Debug,
    /// Worth a line.
    Info,
    /// Something is not as it should be.
    Warn,
    /// Something failed.
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

/// Writes the payload of LOG: level, message, fields.
pub(super) fn put_line(out: &mut Vec<u8>, level: Level, message: &str, fields: &[(&str, &str)]) {
    msgpack::put_array_len(out, 3);
    msgpack::put_str(out, level.name());
    msgpack::put_str(out, message);
    msgpack::put_map_len(out, fields.len());
    for (key, value) in fields {
        msgpack::put_str(out, key);
        msgpack::put_str(out, value);
    }
}
