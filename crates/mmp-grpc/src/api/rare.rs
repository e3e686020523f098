//! Lines of the log that a program could cause without end.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How far apart two lines about the same thing are.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// Counts what happens, so that the log gets the first time at once and later ones together.
#[derive(Debug, Default)]
pub(super) struct Rare(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last_line: Option<Instant>,
    untold: u64,
}

impl Rare {
    /// It happened at this time. Some: a line is due, and it tells of so many times.
    pub(super) fn count(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.untold += 1;
        if state.last_line.is_some_and(|last| now.duration_since(last) < BETWEEN_LINES) {
            return None;
        }
        state.last_line = Some(now);
        Some(std::mem::take(&mut state.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_time_is_told_at_once_and_others_together() {
        let rare = Rare::default();
        let start = Instant::now();
        assert_eq!(rare.count(start), Some(1));
        assert_eq!(rare.count(start + Duration::from_secs(1)), None);
        assert_eq!(rare.count(start + Duration::from_secs(9)), None);
        assert_eq!(rare.count(start + Duration::from_secs(10)), Some(3));
        assert_eq!(rare.count(start + Duration::from_secs(11)), None);
    }
}
