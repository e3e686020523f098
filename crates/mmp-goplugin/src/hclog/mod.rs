//! Lines for the server's log: hclog's form on standard error, and the queue of lines that wait for the server.
//!
//! go-plugin reads a plugin's standard error line by line; JSON objects in hclog's form are logged with their level.

mod queue;
mod timestamp;

use std::io::Write as _;
use std::time::SystemTime;

pub use queue::{Queue, Room};

/// How urgent a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For whoever looks for a fault.
    Debug,
    /// What happened.
    Info,
    /// What somebody should look at.
    Warn,
    /// What went wrong.
    Error,
}

impl Level {
    /// hclog's name.
    pub fn name(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

/// A line with its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How urgent it is.
    pub level: Level,
    /// The text.
    pub message: String,
    /// Keys and values.
    pub fields: Vec<(String, String)>,
}

impl Line {
    fn size(&self) -> usize {
        self.message.len() + self.fields.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>()
    }
}

/// The longest line on standard error: the server reads lines of at most 64 KiB.
const LONGEST_LINE: usize = 60 * 1024;

fn cut_to(text: &mut String, longest: usize) {
    if text.len() > longest {
        let end = (0..=longest).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
        text.push_str("...");
    }
}

/// A point in time in UTC, as the lines have it: `2006-01-02T15:04:05.000000Z`.
pub fn timestamp(time: SystemTime) -> String {
    timestamp::render(time)
}

/// Writes one line to standard error in hclog's form. All values are strings: go-plugin panics, and the server with it, when `@message`, `@level` or `@timestamp` are anything else.
pub fn write_stderr(line: &Line) {
    // There is nowhere left to say that this failed.
    let _ = std::io::stderr().lock().write_all(render(line).as_bytes());
}

/// The line with its end, as long as the server can read it: the values are cut, and if that is not enough there are no fields.
fn render(line: &Line) -> String {
    let text = object(line);
    if text.len() <= LONGEST_LINE {
        return text;
    }
    let mut short = line.clone();
    // A character takes at most six bytes in JSON.
    let share = LONGEST_LINE / 8 / (line.fields.len() + 1);
    cut_to(&mut short.message, share.max(2048));
    short.fields.iter_mut().for_each(|(_, value)| cut_to(value, share));
    let text = object(&short);
    if text.len() <= LONGEST_LINE {
        return text;
    }
    short.fields = vec![("fields".to_owned(), format!("{} fields are left out", line.fields.len()))];
    object(&short)
}

fn object(line: &Line) -> String {
    let mut object = serde_json::Map::new();
    for (key, value) in &line.fields {
        object.insert(key.clone(), value.clone().into());
    }
    object.insert("@level".into(), line.level.name().into());
    object.insert("@message".into(), line.message.clone().into());
    object.insert("@timestamp".into(), timestamp::render(SystemTime::now()).into());
    let mut text = serde_json::Value::Object(object).to_string();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::queue::LONGEST;
    use super::*;

    #[test]
    fn a_line_on_standard_error_is_never_longer_than_the_server_reads() {
        let fields = |count: usize, value: &str| (0..count).map(|n| (format!("key {n}"), value.to_owned())).collect();
        for (message, fields) in [
            ("\u{1}".repeat(LONGEST), Vec::new()),
            ("m".to_owned(), fields(10, &"\u{1}".repeat(LONGEST))),
            ("m".to_owned(), fields(100_000, "value")),
            ("\u{1}".repeat(LONGEST), fields(100_000, "\u{1}")),
        ] {
            let text = render(&Line { level: Level::Error, message, fields });
            assert!(text.len() <= LONGEST_LINE && text.ends_with("}\n"), "{}", text.len());
            assert!(serde_json::from_str::<serde_json::Value>(&text).unwrap()["@message"].is_string());
        }
    }
}
