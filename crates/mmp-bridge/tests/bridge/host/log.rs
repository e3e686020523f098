//! The server's log, as far as the plugin writes it.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) level: String,
    pub(crate) message: String,
    pub(crate) fields: BTreeMap<String, String>,
    /// Whether it came through the API, and not on standard error.
    pub(crate) through_api: bool,
}

impl fmt::Display for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.through_api { "api" } else { "stderr" };
        write!(formatter, "  [{way} {}] {} {:?}", self.level, self.message, self.fields)
    }
}

/// What a bridge wrote to its standard streams.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) entries: Vec<Entry>,
    /// Lines on standard error that go-plugin would not take as hclog's, or that would end the server.
    pub(crate) wrong: Vec<String>,
    /// Lines on standard output after the handshake.
    pub(crate) stdout: Vec<String>,
}

impl Log {
    /// Reads a line as go-plugin does.
    pub(crate) fn stderr_line(&mut self, line: &str) {
        match read(line) {
            Some(entry) => self.entries.push(entry),
            None => self.wrong.push(line.to_owned()),
        }
    }
}

fn read(line: &str) -> Option<Entry> {
    // go-plugin reads lines of at most 64 KiB.
    if line.len() >= 64 * 1024 {
        return None;
    }
    let Value::Object(mut object) = serde_json::from_str(line).ok()? else { return None };
    let mut take = |key: &str| object.remove(key).and_then(|value| Some(value.as_str()?.to_owned()));
    let (level, message, timestamp) = (take("@level")?, take("@message")?, take("@timestamp")?);
    // "2006-01-02T15:04:05.000000Z07:00", with Z for UTC.
    let shape: String = timestamp.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    if shape != "0000-00-00T00:00:00.000000Z" || !["debug", "info", "warn", "error"].contains(&level.as_str()) {
        return None;
    }
    let fields = object.into_iter().map(|(key, value)| Some((key, value.as_str()?.to_owned())));
    Some(Entry { level, message, fields: fields.collect::<Option<_>>()?, through_api: false })
}
