//! The plugin's lines in the server's log.
//!
//! While the API is there they go through its log methods, one call at a time: the server answers calls concurrently, and the lines would change places otherwise. Before that, and afterwards, they go
//! to standard error as JSON objects in hclog's form, which the server logs with their level.

use std::collections::VecDeque;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use mmp_goplugin::endpoint::Link;

use super::calls::Answer;
use super::core::Core;
use super::shared::Shared;
use crate::model::rpc::{LogInfoArgs, LogInfoReturns};

/// How urgent a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    /// hclog's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }

    /// The API method that logs at this level.
    pub(crate) fn rpc(self) -> &'static str {
        match self {
            Level::Debug => "Plugin.LogDebug",
            Level::Info => "Plugin.LogInfo",
            Level::Warn => "Plugin.LogWarn",
            Level::Error => "Plugin.LogError",
        }
    }
}

/// A line with its fields.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) level: Level,
    pub(crate) message: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Line {
    fn size(&self) -> usize {
        self.message.len() + self.fields.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>()
    }
}

/// How many lines may wait for the server; more are counted and dropped.
const QUEUED: usize = 2000;

/// How many bytes may wait for the server in all lines together.
const QUEUED_BYTES: usize = 4 * 1024 * 1024;

/// The longest line on standard error: the server reads lines of at most 64 KiB.
const LONGEST_LINE: usize = 60 * 1024;

/// How long a message or value may be: what is longer is cut.
const LONGEST: usize = 16 * 1024;

/// The lines that wait to be sent.
#[derive(Default)]
pub(crate) struct Log {
    queue: VecDeque<Line>,
    /// The bytes of the queue's lines.
    bytes: usize,
    dropped: usize,
    /// The answer of the log call that is on its way.
    in_flight: Option<Answer<LogInfoReturns>>,
}

impl Log {
    /// Takes a line.
    pub(crate) fn push(&mut self, level: Level, message: impl Into<String>, fields: Vec<(String, String)>) {
        if self.queue.len() >= QUEUED || self.bytes >= QUEUED_BYTES {
            self.dropped += 1;
            return;
        }
        let mut line = Line { level, message: message.into(), fields };
        cut(&mut line.message);
        for (key, value) in &mut line.fields {
            cut(key);
            cut(value);
        }
        self.bytes += line.size();
        self.queue.push_back(line);
    }

    /// The next line to send, if there is one.
    fn pop(&mut self) -> Option<Line> {
        if self.dropped > 0 && self.queue.len() < QUEUED / 2 && self.bytes < QUEUED_BYTES / 2 {
            let dropped = std::mem::take(&mut self.dropped);
            let message = format!("{dropped} log lines were dropped because they came too fast");
            self.push(Level::Warn, message, Vec::new());
        }
        let line = self.queue.pop_front()?;
        self.bytes -= line.size();
        Some(line)
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

    /// Writes every waiting line to standard error.
    pub(crate) fn drain_to_stderr(&mut self) {
        while let Some(line) = self.pop() {
            write_stderr(&line);
        }
    }
}

impl Core {
    /// Sends the next line of the log, if none is on its way. Without the API every line goes to standard error.
    pub(crate) fn flush_log(&mut self, link: &mut Link) {
        if self.log.queue.is_empty() || self.log.is_in_flight() {
            return;
        }
        let Some(api) = self.calls.services().api.filter(|_| self.end.is_none()) else {
            return self.log.drain_to_stderr();
        };
        let Some(line) = self.log.pop() else { return };
        let pairs = line.fields.iter().flat_map(|(key, value)| [key.as_str().into(), value.as_str().into()]);
        let args = LogInfoArgs { a: line.message.as_str().into(), b: pairs.collect() };
        match self.calls.call(link, api, line.level.rpc(), &args) {
            Ok(answer) => self.log.in_flight = Some(answer),
            Err(_) => write_stderr(&line),
        }
    }
}

impl Shared {
    /// Writes a line to the server's log.
    pub(crate) fn log(&self, level: Level, message: impl Into<String>) {
        self.with(|state| state.core.log.push(level, message, Vec::new()));
    }
}

fn cut(text: &mut String) {
    cut_to(text, LONGEST);
}

fn cut_to(text: &mut String, longest: usize) {
    if text.len() > longest {
        let end = (0..=longest).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
        text.push_str("...");
    }
}

/// Writes one line to standard error in hclog's form. All values are strings: go-plugin panics, and the server with it, when `@message`, `@level` or `@timestamp` are anything else.
pub(crate) fn write_stderr(line: &Line) {
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
    object.insert("@timestamp".into(), timestamp(SystemTime::now()).into());
    let mut text = serde_json::Value::Object(object).to_string();
    text.push('\n');
    text
}

/// A point in time in hclog's form, in UTC: `2006-01-02T15:04:05.000000Z`.
fn timestamp(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = date(days as i64);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:06}Z", since.subsec_micros())
}

/// The date of a day, counted from 1970-01-01, in the Gregorian calendar.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn timestamps_have_hclogs_form() {
        let time = UNIX_EPOCH + Duration::from_micros(1_709_251_199_000_250);
        assert_eq!(timestamp(time), "2024-02-29T23:59:59.000250Z");
        assert_eq!(timestamp(UNIX_EPOCH), "1970-01-01T00:00:00.000000Z");
    }

    #[test]
    fn a_flood_is_counted() {
        let mut log = Log::default();
        (0..QUEUED + 5).for_each(|n| log.push(Level::Info, n.to_string(), Vec::new()));
        let mut seen = Vec::new();
        while let Some(line) = log.pop() {
            seen.push(line.message);
        }
        assert_eq!(seen.len(), QUEUED + 1);
        assert_eq!(seen.last().map(String::as_str), Some("5 log lines were dropped because they came too fast"));
    }

    #[test]
    fn a_flood_of_long_lines_is_bounded_in_bytes() {
        let mut log = Log::default();
        (0..QUEUED).for_each(|_| log.push(Level::Info, "x".repeat(LONGEST), Vec::new()));
        assert!(log.bytes < QUEUED_BYTES + LONGEST && log.queue.len() < QUEUED);
        while log.pop().is_some() {}
        assert_eq!(log.bytes, 0);
    }

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

    #[test]
    fn long_texts_are_cut_between_characters() {
        let mut log = Log::default();
        log.push(Level::Info, "é".repeat(LONGEST), Vec::new());
        let line = log.pop().unwrap();
        assert!(line.message.len() <= LONGEST + 3 && line.message.ends_with("..."));
    }
}
