//! The bridge's own log, and the worker's.
//!
//! Before the plugin is active, and when the API is gone, lines go to standard error, which the server logs with their level. While the API is there they go
//! through its log methods, one call at a time: the server answers calls concurrently, and the lines would change places otherwise.
//!
//! A worker may log faster than the server takes lines. What the bridge says itself, such as why that worker ended, has room of its own in the queue.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mmp_goplugin::hclog::Queue;
pub(crate) use mmp_goplugin::hclog::{Level, Line, Room, write_stderr};

/// How many lines of a worker's watchdog pass at once.
const WATCHDOG_LINES: u32 = 16;

/// After how long one more of them passes.
const WATCHDOG_PAUSE: Duration = Duration::from_secs(2);

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
    /// What limits the lines of the workers' watchdogs, by worker.
    watchdogs: BTreeMap<usize, WatchdogBucket>,
}

impl Log {
    /// Writes every line to standard error that the host has not logged, as far as is known: it reads that to its end, whatever becomes of its connection.
    pub(crate) fn drain_to_stderr(&mut self) {
        if let Some(line) = self.in_flight.take() {
            write_stderr(&line);
        }
        self.queue.drain_to_stderr();
    }

    /// Takes a line of the bridge's own.
    pub(crate) fn push(&mut self, level: Level, message: impl Into<String>, fields: &[(&str, &str)]) {
        self.queue.push(line(level, message, fields), Room::Own);
    }

    /// Takes a line that comes as often as the plugin likes: of its output, or on one of its hooks.
    pub(crate) fn push_any(&mut self, level: Level, message: impl Into<String>, fields: &[(&str, &str)]) {
        self.queue.push(line(level, message, fields), Room::Any);
    }

    /// Whether a line of this worker's watchdog passes without counting as one of the plugin's.
    pub(crate) fn watchdog_passes(&mut self, worker: usize, now: Instant) -> bool {
        self.watchdogs.entry(worker).or_default().take(now)
    }
}

fn line(level: Level, message: impl Into<String>, fields: &[(&str, &str)]) -> Line {
    let fields = fields.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Line { level, message: message.into(), fields }
}

/// Lets a few lines pass. What makes a line one of the watchdog's the plugin can write as well, so this has to be too small to be worth it.
#[derive(Debug, Default)]
struct WatchdogBucket {
    /// When it is full again; None: it is.
    full: Option<Instant>,
}

impl WatchdogBucket {
    fn take(&mut self, now: Instant) -> bool {
        let full = self.full.map_or(now, |full| full.max(now)) + WATCHDOG_PAUSE;
        let passes = full <= now + WATCHDOG_PAUSE * WATCHDOG_LINES;
        if passes {
            self.full = Some(full);
        }
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The messages of the lines that wait.
    fn messages(log: &mut Log) -> Vec<String> {
        std::iter::from_fn(|| log.queue.pop()).map(|line| line.message).collect()
    }

    #[test]
    fn a_flood_of_output_does_not_crowd_out_what_the_bridge_says() {
        let mut log = Log::default();
        for number in 0..10_000 {
            log.push_any(Level::Info, format!("printed {number}"), &[("source", "stdout")]);
            log.push_any(Level::Info, "a long one", &[("source", "stderr"), ("bytes_cut", "1")]);
        }
        log.push(Level::Error, "the plugin's worker ended", &[("state", "backoff")]);
        log.push(Level::Warn, "9 lines of output were suppressed", &[("source", "stdout")]);
        log.push(Level::Info, "the plugin's worker was started again", &[]);
        log.push_any(Level::Info, "printed at last", &[("source", "stdout")]);
        let said = messages(&mut log);
        let own = &said[said.len() - 4..];
        assert_eq!(own[0], "the plugin's worker ended");
        assert_eq!(own[1], "9 lines of output were suppressed");
        assert_eq!(own[2], "the plugin's worker was started again");
        assert!(own[3].ends_with("log lines were dropped because they came too fast"), "{own:?}");
    }

    #[test]
    fn a_watchdog_may_say_a_few_things_at_once_and_then_one_now_and_then() {
        let (mut log, start) = (Log::default(), Instant::now());
        let mut passing = |worker, now| (0..1000).filter(|_| log.watchdog_passes(worker, now)).count();
        assert_eq!(passing(0, start), 16);
        assert_eq!(passing(0, start + WATCHDOG_PAUSE / 2), 0);
        assert_eq!(passing(0, start + WATCHDOG_PAUSE * 3), 3);
        assert_eq!(passing(1, start + WATCHDOG_PAUSE * 3), 16, "each worker has its own");
        assert_eq!(passing(0, start + Duration::from_secs(3600)), 16);
    }
}
