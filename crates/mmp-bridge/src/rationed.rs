//! What may happen often in a bad hour: it is said once in a while, with how often it has happened.

use std::time::{Duration, Instant};

use crate::core::Core;
use crate::log::Level;

/// How often it is said at most.
const SAY_AGAIN: Duration = Duration::from_secs(10);

/// How often something has happened since that was said.
#[derive(Debug, Default)]
pub(crate) struct Rationed {
    count: u64,
    said: Option<Instant>,
}

impl Rationed {
    /// It has happened. How often that was, if it is to be said now.
    pub(crate) fn happened(&mut self, now: Instant) -> Option<u64> {
        self.count += 1;
        let is_early = self.said.is_some_and(|at| now.saturating_duration_since(at) < SAY_AGAIN);
        (!is_early).then(|| self.take(now))
    }

    /// When that is to be said which was not yet.
    fn deadline(&self) -> Option<Instant> {
        self.said.filter(|_| self.count > 0).map(|at| at + SAY_AGAIN)
    }

    /// What is to be said now, or at the end.
    fn due(&mut self, now: Instant, is_end: bool) -> Option<u64> {
        let due = self.deadline().is_some_and(|at| is_end || now >= at);
        due.then(|| self.take(now))
    }

    fn take(&mut self, now: Instant) -> u64 {
        self.said = Some(now);
        std::mem::take(&mut self.count)
    }
}

impl Core {
    /// When something is to be said that happened often.
    pub(crate) fn rationed_deadline(&self) -> Option<Instant> {
        [self.dropped.deadline(), self.unserved.deadline()].into_iter().flatten().min()
    }

    /// Says how often it has happened since that was said last, if it is time, or if this is the end.
    pub(crate) fn report_rationed(&mut self, is_end: bool) {
        if let Some(count) = self.dropped.due(self.now, is_end) {
            self.log.push(Level::Error, "more events were dropped", &[("events_dropped", &count.to_string())]);
        }
        if let Some(count) = self.unserved.due(self.now, is_end) {
            let message = "more hooks were answered in the worker's place";
            self.log.push(Level::Error, message, &[("hooks", &count.to_string())]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_often_is_said_once_in_a_while() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut rationed = Rationed::default();
        assert_eq!((rationed.happened(start), rationed.deadline()), (Some(1), None));
        assert_eq!((rationed.happened(after(1)), rationed.happened(after(2))), (None, None));
        assert_eq!((rationed.deadline(), rationed.due(after(9), false)), (Some(after(10)), None));
        assert_eq!((rationed.due(after(10), false), rationed.due(after(20), true)), (Some(2), None));
        assert_eq!((rationed.happened(after(21)), rationed.happened(after(22))), (Some(1), None));
        assert_eq!(rationed.due(after(23), true), Some(1), "nothing is lost at the end");
    }
}
