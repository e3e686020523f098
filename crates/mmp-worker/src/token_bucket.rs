//! A token bucket for lines and bytes, which counts what it turns away. It reads no clock: the time is told.
//!
//! Each of the two levels is kept as the moment at which the bucket will be full again. A line moves that moment on by what it costs, and passes if the moment stays within the burst.

use std::fmt;
use std::time::{Duration, Instant};

use crate::protections::{Protection, is_off};

/// How many lines pass at once, and how many each second for as long as one likes.
pub const LINES: Rate = Rate { burst: 1000, per_second: 200 };

/// How many bytes pass at once, and how many each second.
pub const BYTES: Rate = Rate { burst: 2 * 1024 * 1024, per_second: 256 * 1024 };

/// How often a flood that goes on is reported.
const REPORT: Duration = Duration::from_secs(5);

/// A flood has ended when nothing was turned away for so long.
const QUIET: Duration = Duration::from_secs(1);

/// What passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// At once, after a pause.
    pub burst: u64,
    /// Each second.
    pub per_second: u64,
}

impl Rate {
    /// How long the bucket takes to get this back.
    fn time(self, amount: u64) -> Duration {
        Duration::from_nanos(amount.min(self.burst) * 1_000_000_000 / self.per_second.max(1))
    }

    /// When the bucket is full again if it gives `amount` now; None if it has not so much.
    fn after(self, full: Option<Instant>, amount: u64, now: Instant) -> Option<Instant> {
        let after = full.map_or(now, |full| full.max(now)) + self.time(amount);
        (after <= now + self.time(self.burst)).then_some(after)
    }
}

/// What was turned away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Suppressed {
    /// Lines.
    pub lines: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl fmt::Display for Suppressed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = if self.lines == 1 { "line" } else { "lines" };
        let were = if self.lines == 1 { "was" } else { "were" };
        write!(formatter, "{} {lines} ({} bytes) of output {were} suppressed", self.lines, self.bytes)
    }
}

/// Lets lines pass at a bounded rate.
#[derive(Debug, Clone, Default)]
pub struct TokenBucket {
    /// When the two levels are full again; None: they are.
    lines_full: Option<Instant>,
    bytes_full: Option<Instant>,
    suppressed: Suppressed,
    /// When the first and the last line was turned away that is not reported yet.
    first: Option<Instant>,
    last: Option<Instant>,
}

impl TokenBucket {
    /// Whether a line of so many bytes passes now. One that does not is counted. A line costs no more bytes than the burst, or a longer one could never pass.
    pub fn take(&mut self, bytes: usize, now: Instant) -> bool {
        if is_off(Protection::OutputLimit) {
            return true;
        }
        let lines_full = LINES.after(self.lines_full, 1, now);
        let bytes_full = BYTES.after(self.bytes_full, bytes as u64, now);
        if lines_full.is_none() || bytes_full.is_none() {
            self.suppress(1, bytes as u64, now);
            return false;
        }
        (self.lines_full, self.bytes_full) = (lines_full, bytes_full);
        true
    }

    /// Counts what does not pass without being asked about.
    pub fn suppress(&mut self, lines: u64, bytes: u64, now: Instant) {
        self.suppressed.lines += lines;
        self.suppressed.bytes += bytes;
        self.first = self.first.or(Some(now));
        self.last = Some(now);
    }

    /// When [`TokenBucket::suppressed`] has something to say, if nothing else is turned away.
    pub fn deadline(&self) -> Option<Instant> {
        Some((self.first? + REPORT).min(self.last? + QUIET))
    }

    /// What was turned away since the last report, if it is time to report it: the flood has ended, or goes on for some seconds.
    pub fn suppressed(&mut self, now: Instant) -> Option<Suppressed> {
        if self.deadline().is_some_and(|at| now >= at) { self.finish() } else { None }
    }

    /// What was turned away since the last report, if anything: there will be no more lines.
    pub fn finish(&mut self) -> Option<Suppressed> {
        self.last = None;
        self.first.take().map(|_| std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// How many lines of so many bytes pass at once.
    fn passing(bucket: &mut TokenBucket, bytes: usize, now: Instant) -> u64 {
        (0..10_000).filter(|_| bucket.take(bytes, now)).count() as u64
    }

    #[test]
    fn a_burst_passes_and_then_a_rate() {
        let (mut bucket, start) = (TokenBucket::default(), Instant::now());
        assert_eq!(passing(&mut bucket, 10, start), LINES.burst);
        assert_eq!(passing(&mut bucket, 10, start + SECOND), LINES.per_second);
        assert_eq!(passing(&mut bucket, 10, start + 3 * SECOND), 2 * LINES.per_second);
        assert_eq!(passing(&mut bucket, 10, start + 3600 * SECOND), LINES.burst);
    }

    #[test]
    fn bytes_are_bounded_as_well() {
        let (mut bucket, start) = (TokenBucket::default(), Instant::now());
        let long = 64 * 1024;
        assert_eq!(passing(&mut bucket, long, start), BYTES.burst / long as u64);
        assert_eq!(passing(&mut bucket, long, start + SECOND), BYTES.per_second / long as u64);
        // What is longer than the burst passes when the bucket is full.
        let later = start + 60 * SECOND;
        assert!(bucket.take(usize::MAX, later));
        assert!(!bucket.take(1, later));
    }

    #[test]
    fn a_flood_is_reported_every_five_seconds_and_when_it_ends() {
        let (mut bucket, start) = (TokenBucket::default(), Instant::now());
        assert_eq!(bucket.deadline(), None);
        passing(&mut bucket, 100, start);
        let (mut now, mut reports) = (start, Vec::new());
        while now < start + 12 * SECOND {
            bucket.suppress(1, 2, now);
            reports.extend(bucket.suppressed(now).map(|_| (now - start).as_millis()));
            now += SECOND / 2;
        }
        assert_eq!(reports, [5000, 10_500]);
        assert_eq!(bucket.deadline(), Some(start + 12 * SECOND + SECOND / 2));
        assert_eq!(bucket.suppressed(start + 12 * SECOND), None);
        let rest = bucket.suppressed(start + 13 * SECOND).expect("the flood has ended");
        assert_eq!(rest, Suppressed { lines: 2, bytes: 4 });
        assert_eq!(rest.to_string(), "2 lines (4 bytes) of output were suppressed");
        assert_eq!((bucket.deadline(), bucket.finish()), (None, None));
    }

    #[test]
    fn what_is_left_is_told_at_the_end() {
        let (mut bucket, start) = (TokenBucket::default(), Instant::now());
        assert_eq!(bucket.finish(), None);
        bucket.suppress(1, 7, start);
        assert_eq!(bucket.suppressed(start), None);
        assert_eq!(bucket.finish().unwrap().to_string(), "1 line (7 bytes) of output was suppressed");
        assert_eq!(bucket.finish(), None);
    }
}
