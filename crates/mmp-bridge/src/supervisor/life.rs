//! The states of a worker's life, and when it is started again.
//!
//! Pure: what happened is told, with the time. As Erlang's supervisors do, a worker that ends more than [`INTENSITY`] times within [`PERIOD`] is given up for the time being; unlike theirs, the
//! bridge stays, answers in the worker's place, and tries again once in a while. Ends that follow each other slowly are no better when the worker is never ready between them: a start that
//! fails after a long time is given up by how long there has been no worker.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, Instant};

use mmp_worker::protections::{self, Protection};

/// How many ends within [`PERIOD`] are followed by a quick restart.
const INTENSITY: usize = 5;

/// Ends longer ago than this do not count.
const PERIOD: Duration = Duration::from_secs(60);

/// The pause before a worker is started again after its first end within [`PERIOD`]; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// A worker that has not been ready for so long, and has failed to start twice, is given up as well.
const AWAY: Duration = Duration::from_secs(30);
const SLOW_FAILURES: usize = 2;

/// A worker that has not been ready for so long is not one that will be soon.
const SOON: Duration = Duration::from_secs(10);

/// The pause between two tries in the degraded state.
const DEGRADED_PAUSE: Duration = Duration::from_secs(60);

/// Where a worker is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Not started yet: the interpreter is being looked for.
    Waiting,
    /// The process runs and has not said READY.
    Starting {
        /// Since when.
        since: Instant,
    },
    /// READY, and being brought up: the host's hooks do not reach it yet.
    Loaded {
        /// Since when.
        since: Instant,
    },
    /// The host's hooks reach it.
    Ready {
        /// Since when.
        since: Instant,
    },
    /// It gets no more hooks, and is ended when those that run are over.
    Draining {
        /// When it is ended in any case.
        until: Instant,
    },
    /// It is gone, and is started again soon.
    Restarting {
        /// When.
        until: Instant,
    },
    /// It ended too often: it is gone, and is tried again later.
    Degraded {
        /// When.
        until: Instant,
    },
    /// It cannot be loaded.
    Failed,
    /// The bridge ends.
    Stopping,
}

impl State {
    /// Its name in the log, in metrics and in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Starting { .. } => "starting",
            State::Loaded { .. } => "loaded",
            State::Ready { .. } => "ready",
            State::Draining { .. } => "draining",
            State::Restarting { .. } => "restarting",
            State::Degraded { .. } => "degraded",
            State::Failed => "failed",
            State::Stopping => "stopping",
        }
    }
}

/// A worker's state and what it depends on.
#[derive(Debug)]
pub(crate) struct Life {
    state: State,
    /// When it ended lately.
    ends: VecDeque<Instant>,
    /// Whether the process that runs, or ran last, has been ready.
    was_ready: bool,
    /// How many in a row have ended without having been.
    failed_starts: usize,
    /// Since when it has not been ready, if it was once.
    away_since: Option<Instant>,
    /// Whether it was given up and has not been ready since.
    degraded: bool,
}

impl Life {
    /// A worker that is not started yet.
    pub(crate) fn new() -> Life {
        Life {
            state: State::Waiting,
            ends: VecDeque::new(),
            was_ready: false,
            failed_starts: 0,
            away_since: None,
            degraded: false,
        }
    }

    /// Where it is.
    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Whether it was given up, and no try since has made it ready.
    pub(crate) fn is_degraded(&self) -> bool {
        self.degraded
    }

    /// The process was started.
    pub(crate) fn started(&mut self, now: Instant) {
        self.state = State::Starting { since: now };
    }

    /// It said READY.
    pub(crate) fn loaded(&mut self, now: Instant) {
        self.state = State::Loaded { since: now };
    }

    /// The host's hooks reach it.
    pub(crate) fn ready(&mut self, now: Instant) {
        self.state = State::Ready { since: now };
        self.degraded = false;
        self.was_ready = true;
        self.failed_starts = 0;
        self.away_since = None;
    }

    /// It gets no more hooks and ends soon.
    pub(crate) fn drain(&mut self, until: Instant) {
        self.state = State::Draining { until };
    }

    /// It ended on purpose, to be started again at once; this does not count as a fault.
    pub(crate) fn ended_for_reload(&mut self, now: Instant) {
        self.away_since.get_or_insert(now);
        self.was_ready = false;
        self.state = State::Restarting { until: now };
    }

    /// It ended. The next state says when it is started again.
    pub(crate) fn ended(&mut self, now: Instant) {
        let away_since = *self.away_since.get_or_insert(now);
        self.failed_starts += usize::from(!std::mem::take(&mut self.was_ready));
        self.ends.push_back(now);
        while self.ends.front().is_some_and(|end| now.saturating_duration_since(*end) > PERIOD) {
            self.ends.pop_front();
        }
        if protections::is_off(Protection::Backoff) {
            self.state = State::Restarting { until: now };
            return;
        }
        let away = now.saturating_duration_since(away_since);
        let too_slow = self.failed_starts >= SLOW_FAILURES && away >= AWAY;
        if self.ends.len() > INTENSITY || self.failed_starts > INTENSITY || too_slow {
            self.degraded = true;
            self.state = State::Degraded { until: now + with_jitter(DEGRADED_PAUSE) };
            return;
        }
        let pause = FIRST_PAUSE * (1 << (self.ends.len().max(self.failed_starts) - 1));
        self.state = State::Restarting { until: now + with_jitter(pause) };
    }

    /// Whether it will be ready soon if all goes well: it is on its way, and has not been for long.
    pub(crate) fn is_back_soon(&self, now: Instant) -> bool {
        !self.degraded && self.away_since.is_none_or(|since| now.saturating_duration_since(since) < SOON)
    }

    /// What was before is forgotten, and a worker that waits to be started again is started now. One that was given up is not called well before it is ready, but has all its tries again.
    pub(crate) fn forgive(&mut self, now: Instant) {
        self.ends.clear();
        self.failed_starts = 0;
        if self.away_since.is_some() {
            self.away_since = Some(now);
        }
        if let State::Restarting { .. } | State::Degraded { .. } = self.state {
            self.state = State::Restarting { until: now };
        }
    }

    /// It cannot be loaded.
    pub(crate) fn fail(&mut self) {
        self.state = State::Failed;
    }

    /// The bridge ends: nothing is started again.
    pub(crate) fn stop(&mut self) {
        self.state = State::Stopping;
    }

    /// Whether it is to be started again now.
    pub(crate) fn is_restart_due(&self, now: Instant) -> bool {
        self.restart_at().is_some_and(|at| now >= at) && !protections::is_off(Protection::Restart)
    }

    /// When it is to be started again, if it is.
    pub(crate) fn restart_at(&self) -> Option<Instant> {
        match self.state {
            State::Restarting { until } | State::Degraded { until } => Some(until),
            _ => None,
        }
    }
}

/// A fifth more or less, so that the workers of many plugins that fail together do not come back together.
fn with_jitter(pause: Duration) -> Duration {
    // The standard library's keys for hashing are random, which is all that is needed here.
    let random = RandomState::new().build_hasher().finish();
    pause.mul_f64(0.8 + 0.4 * (random % 1024) as f64 / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause_of(life: &Life, now: Instant) -> Duration {
        life.restart_at().unwrap() - now
    }

    fn is_near(pause: Duration, expected: Duration) -> bool {
        pause >= expected.mul_f64(0.79) && pause <= expected.mul_f64(1.21)
    }

    #[test]
    fn pauses_grow_and_end_in_the_degraded_state() {
        let mut now = Instant::now();
        let mut life = Life::new();
        for expected in [100, 200, 400, 800, 1600] {
            life.started(now);
            life.ended(now);
            assert_eq!(life.state().name(), "restarting");
            assert!(is_near(pause_of(&life, now), Duration::from_millis(expected)), "{expected}");
            now += Duration::from_secs(2);
        }
        life.ended(now);
        assert_eq!((life.state().name(), life.is_degraded()), ("degraded", true));
        assert!(is_near(pause_of(&life, now), DEGRADED_PAUSE));
        assert!(!life.is_restart_due(now) && life.is_restart_due(now + 2 * DEGRADED_PAUSE));
        now += DEGRADED_PAUSE;
        life.started(now);
        assert!(life.is_degraded(), "a try is no recovery");
        life.ended(now);
        assert_eq!(life.state().name(), "degraded");
    }

    #[test]
    fn a_worker_that_is_ready_again_is_not_degraded_but_has_little_credit() {
        let mut now = Instant::now();
        let mut life = Life::new();
        (0..=INTENSITY).for_each(|_| life.ended(now));
        life.started(now);
        life.loaded(now);
        assert!(life.is_degraded());
        life.ready(now);
        assert!(!life.is_degraded());
        now += Duration::from_secs(1);
        life.ended(now);
        assert_eq!(life.state().name(), "degraded");
        life.ready(now);
        now += PERIOD + Duration::from_secs(1);
        life.ended(now);
        assert_eq!(life.state().name(), "restarting");
        assert!(is_near(pause_of(&life, now), FIRST_PAUSE));
    }

    #[test]
    fn rare_ends_never_degrade() {
        let mut now = Instant::now();
        let mut life = Life::new();
        for _ in 0..20 {
            life.ready(now);
            life.ended(now);
            now += Duration::from_secs(13);
            assert_eq!(life.state().name(), "restarting");
        }
        assert!(
            is_near(pause_of(&life, now - Duration::from_secs(13)), 16 * FIRST_PAUSE),
            "five of them within a minute"
        );
    }

    #[test]
    fn starts_that_fail_slowly_degrade() {
        let mut now = Instant::now();
        let mut life = Life::new();
        life.ready(now);
        life.ended(now);
        assert!(life.is_back_soon(now + Duration::from_secs(9)) && !life.is_back_soon(now + SOON));
        let mut fail_after = |seconds| {
            life.started(now);
            now += Duration::from_secs(seconds);
            life.ended(now);
            life.state().name()
        };
        assert_eq!((fail_after(15), fail_after(14), fail_after(15)), ("restarting", "restarting", "degraded"));
        assert_eq!(fail_after(15), "degraded");
        life.forgive(now);
        assert!(life.is_degraded() && !life.is_back_soon(now), "it is not well yet");
        life.started(now);
        life.ended(now);
        assert_eq!(life.state().name(), "restarting", "but has all its tries again");
        life.ready(now);
        assert!(!life.is_degraded() && life.is_back_soon(now + 2 * SOON));
    }

    /// One that takes long to load is not given up for one failure.
    #[test]
    fn a_slow_start_may_fail_once() {
        let now = Instant::now();
        let mut life = Life::new();
        life.ready(now);
        life.ended(now);
        life.started(now);
        life.ended(now + Duration::from_secs(100));
        assert_eq!(life.state().name(), "restarting");
    }

    #[test]
    fn a_reload_is_no_fault() {
        let now = Instant::now();
        let mut life = Life::new();
        (0..20).for_each(|_| life.ended_for_reload(now));
        assert!(life.is_restart_due(now) && !life.is_degraded());
        (0..=INTENSITY).for_each(|_| life.ended(now));
        assert!(life.is_degraded());
        life.forgive(now);
        assert!(life.is_restart_due(now));
    }
}
