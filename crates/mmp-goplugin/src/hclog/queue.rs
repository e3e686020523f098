//! The lines that wait for the server.

use std::collections::VecDeque;

use super::{Level, Line, cut_to, write_stderr};

/// How many lines may wait for the server; more are counted and dropped.
const QUEUED: usize = 2000;

/// How many bytes may wait for the server in all lines together.
const QUEUED_BYTES: usize = 4 * 1024 * 1024;

/// How long a message or value may be: what is longer is cut.
pub(super) const LONGEST: usize = 16 * 1024;

/// The lines that wait to be sent, bounded in number and bytes: what is too much is counted.
#[derive(Debug, Default)]
pub struct Queue {
    lines: VecDeque<Line>,
    /// The bytes of the lines.
    bytes: usize,
    dropped: usize,
}

impl Queue {
    /// Takes a line.
    pub fn push(&mut self, mut line: Line) {
        if self.lines.len() >= QUEUED || self.bytes >= QUEUED_BYTES {
            self.dropped += 1;
            return;
        }
        cut_to(&mut line.message, LONGEST);
        for (key, value) in &mut line.fields {
            cut_to(key, LONGEST);
            cut_to(value, LONGEST);
        }
        self.bytes += line.size();
        self.lines.push_back(line);
    }

    /// The next line to send, if there is one.
    pub fn pop(&mut self) -> Option<Line> {
        if self.dropped > 0 && self.lines.len() < QUEUED / 2 && self.bytes < QUEUED_BYTES / 2 {
            let dropped = std::mem::take(&mut self.dropped);
            let message = format!("{dropped} log lines were dropped because they came too fast");
            self.push(Line { level: Level::Warn, message, fields: Vec::new() });
        }
        let line = self.lines.pop_front()?;
        self.bytes -= line.size();
        Some(line)
    }

    /// Whether no line waits.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Writes every waiting line to standard error.
    pub fn drain_to_stderr(&mut self) {
        self.drain_with(write_stderr);
    }

    fn drain_with(&mut self, write: impl Fn(&Line)) {
        while let Some(line) = self.pop() {
            write(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: String) -> Line {
        Line { level: Level::Info, message, fields: Vec::new() }
    }

    #[test]
    fn a_flood_is_counted() {
        let mut log = Queue::default();
        (0..QUEUED + 5).for_each(|n| log.push(line(n.to_string())));
        let mut seen = Vec::new();
        while let Some(line) = log.pop() {
            seen.push(line.message);
        }
        assert_eq!(seen.len(), QUEUED + 1);
        assert_eq!(seen.last().map(String::as_str), Some("5 log lines were dropped because they came too fast"));
    }

    #[test]
    fn a_flood_of_long_lines_is_bounded_in_bytes() {
        let mut log = Queue::default();
        (0..QUEUED).for_each(|_| log.push(line("x".repeat(LONGEST))));
        assert!(log.bytes < QUEUED_BYTES + LONGEST && log.lines.len() < QUEUED);
        log.drain_with(|_| {});
        assert_eq!(log.bytes, 0);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let mut log = Queue::default();
        log.push(line("é".repeat(LONGEST)));
        let line = log.pop().unwrap();
        assert!(line.message.len() <= LONGEST + 3 && line.message.ends_with("..."));
    }
}
