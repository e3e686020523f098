//! Whether a worker is well: whether it answers, and whether its hooks end.

use std::time::{Duration, Instant};

use mmp_worker::messages::Pong;
use mmp_worker::usage;

use crate::core::Core;
use crate::supervisor::Worker;
use crate::supervisor::excess::Limits;

/// How often a worker's health is looked at; more often if it may not use more than so much memory, because memory goes fast.
const INTERVAL: Duration = Duration::from_secs(1);
const LIMITED_INTERVAL: Duration = Duration::from_millis(250);

/// How often a worker is asked how it is.
const PING_EVERY: Duration = Duration::from_secs(5);

/// A worker that has not answered for so long, or whose hooks have not, is not well.
const SILENCE: Duration = Duration::from_secs(15);

/// A hook that was late and cancelled may go on for so long before its worker is started again.
const OVERDUE: Duration = Duration::from_secs(30);

/// So many such hooks are too many after a much shorter time.
const MANY_OVERDUE: usize = 8;
const MANY_OVERDUE_FOR: Duration = Duration::from_secs(2);

/// Nobody waits for an event, so one may run for as long as it likes. But if so many run that others are lost, and none has ended for so long, the plugin would lose all that follow.
const BLOCKED: Duration = Duration::from_secs(300);

/// A hook that was answered in its worker's place, while the worker still runs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Overdue {
    /// The worker.
    pub(crate) worker: usize,
    /// The hook's name.
    pub(crate) name: &'static str,
    /// When it began.
    pub(crate) began: Instant,
    /// Since when nobody waits for it, and the server does not keep it from ending.
    pub(crate) since: Instant,
    /// The API call that it was waiting for when it was looked at last.
    pub(crate) call: Option<u64>,
}

/// What is known of a worker's health.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// When it is to be looked at next; None while there is no process.
    next: Option<Instant>,
    /// The number of the last PING.
    number: u32,
    /// When the last PING was sent, if it is not answered.
    waiting_since: Option<Instant>,
    /// When the last one was sent.
    sent: Option<Instant>,
    /// What the last PONG said.
    last: Pong,
    /// Since when events are lost because none ends, and how many had ended then.
    blocked: Option<(u64, Instant)>,
}

impl Health {
    /// When it is to be looked at again.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.next
    }

    /// A process has introduced itself: it is watched from now on.
    pub(crate) fn watch(&mut self, now: Instant) {
        self.next = Some(now + INTERVAL);
    }

    /// The process is gone.
    pub(crate) fn unwatch(&mut self) {
        *self = Health::default();
    }

    /// The worker has answered a PING.
    pub(crate) fn pong(&mut self, number: u32, pong: Pong) {
        if number == self.number {
            self.waiting_since = None;
            self.last = pong;
        }
    }

    /// What brought the worker up is over. What it kept from moving is known, and what a PING finds from now on is what counts.
    pub(crate) fn begin_anew(&mut self, now: Instant) {
        self.number = self.number.wrapping_add(1);
        self.waiting_since = None;
        self.sent = None;
        self.last.lag_ms = 0;
        self.next = self.next.map(|_| now + INTERVAL);
    }

    /// Whether a debugger is attached, as far as the worker has said.
    pub(crate) fn is_debugged(&self) -> bool {
        self.last.debugger
    }

    /// Whether it is time to look, and for a PING.
    fn is_due(&mut self, now: Instant, interval: Duration) -> bool {
        let due = self.next.is_some_and(|at| now >= at);
        if due {
            self.next = Some(now + interval);
        }
        due
    }

    /// The number of the PING that is to be sent now, if one is.
    fn next_ping(&mut self, now: Instant) -> Option<u32> {
        let due = self.sent.is_none_or(|at| now.saturating_duration_since(at) >= PING_EVERY);
        if !due || self.waiting_since.is_some() {
            return None;
        }
        self.number = self.number.wrapping_add(1);
        (self.sent, self.waiting_since) = (Some(now), Some(now));
        Some(self.number)
    }

    /// Events are lost, and so many have ended so far; or none is. Whether that has been so for too long.
    fn is_blocked(&mut self, ended: Option<u64>, now: Instant) -> bool {
        let since = self.blocked.filter(|(before, _)| Some(*before) == ended).map_or(now, |(_, since)| since);
        self.blocked = ended.map(|ended| (ended, since));
        self.blocked.is_some() && now.saturating_duration_since(since) >= BLOCKED
    }

    /// What is wrong with it, if anything is.
    fn problem(&self, now: Instant) -> Option<String> {
        let silent = self.waiting_since.map(|since| now.saturating_duration_since(since)).unwrap_or_default();
        if silent >= SILENCE {
            return Some(format!("the plugin's worker has not answered for {} s", silent.as_secs()));
        }
        let lag = Duration::from_millis(self.last.lag_ms);
        (lag >= SILENCE).then(|| {
            format!("what runs the plugin's hooks, its event loop or program, has not moved for {} s", lag.as_secs())
        })
    }
}

impl Core {
    /// Looks at every worker's health, when it is time.
    pub(crate) fn check_health(&mut self) {
        let now = self.now;
        let Some(bundle) = self.workers.bundle() else { return };
        let limits = Limits { memory: bundle.memory_limit, processes: bundle.process_limit };
        let interval = if limits.memory.is_some() { LIMITED_INTERVAL } else { INTERVAL };
        for index in 0..self.workers.len() {
            let Some(worker) = self.workers.get_mut(index) else { continue };
            if !worker.health.is_due(now, interval) {
                continue;
            }
            if let Some(guard) = worker.guard_pid() {
                worker.usage = usage::of_descendants(guard);
            }
            if let Some(excess) = limits.excess_of(worker) {
                self.exceeded(index, &excess);
                continue;
            }
            if worker.is_up()
                && let Some(number) = worker.health.next_ping(now)
            {
                worker.ping(number);
            }
            let blocked = worker.health.is_blocked(worker.dispatcher.blocked_events(), now);
            let problem = worker.health.problem(now).filter(|_| !self.is_being_activated(index));
            self.excuse_waiting(index);
            if let Some(problem) = problem {
                // It would not finish what it has either.
                self.recycle_at_once(index, &problem);
            } else if let Some(problem) = self.overdue_problem(index) {
                self.recycle(index, &problem);
            } else if blocked {
                let seconds = BLOCKED.as_secs();
                let problem = format!(
                    "events are lost, because too many handlers of others run and none of them has ended for {seconds} s"
                );
                self.recycle(index, &problem);
            }
        }
    }

    /// Whether a worker runs what brings it up. That may block its event loop or hold Python's lock for as long as activation may last, for which it has a deadline of its own.
    fn is_being_activated(&self, worker: usize) -> bool {
        self.hooks.values().any(|hook| hook.worker == worker && hook.asker.brings_up())
    }

    /// A hook that waits for the server is late by the server's doing: the time that its worker has to end it begins with the server's answer. Whose calls are held is not known, so that nobody is to blame then.
    fn excuse_waiting(&mut self, index: usize) {
        let held = !self.held.is_empty();
        let Some(worker) = self.workers.get(index) else { return };
        for (&id, overdue) in self.overdue.iter_mut().filter(|(_, overdue)| overdue.worker == index) {
            let open = worker.dispatcher.open_call(id);
            // One that calls and calls is not held up by the server.
            if held || (open.is_some() && open == overdue.call) {
                overdue.since = self.now;
            }
            overdue.call = open;
        }
    }

    /// What is wrong with a worker whose hooks do not end, if that is so.
    fn overdue_problem(&self, worker: usize) -> Option<String> {
        let of_worker: Vec<&Overdue> = self.overdue.values().filter(|overdue| overdue.worker == worker).collect();
        let for_long = |patience: Duration| {
            of_worker.iter().filter(move |o| self.now.saturating_duration_since(o.since) >= patience)
        };
        if for_long(MANY_OVERDUE_FOR).count() >= MANY_OVERDUE {
            return Some(format!("{} hooks of the plugin were late, were cancelled and go on", of_worker.len()));
        }
        let stuck = for_long(OVERDUE).min_by_key(|overdue| overdue.began)?;
        let seconds = self.now.saturating_duration_since(stuck.began).as_secs();
        Some(format!("{} has been running for {seconds} s, long after it was late and cancelled", stuck.name))
    }
}

impl Worker {
    /// Whether a debugger holds it, so that nothing it does not do is a fault.
    pub(crate) fn is_debugged(&self) -> bool {
        self.health.is_debugged() || self.guard_pid().and_then(usage::debugger_of).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_activation_held_up_is_forgotten_when_it_is_over() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut health = Health::default();
        health.watch(start);
        assert_eq!(health.next_ping(after(1)), Some(1));
        health.pong(1, Pong { lag_ms: 20_000, debugger: false });
        assert_eq!(health.next_ping(after(6)), Some(2));
        assert!(health.problem(after(22)).is_some());
        health.begin_anew(after(22));
        assert_eq!(health.problem(after(22)), None);
        health.pong(2, Pong { lag_ms: 20_000, debugger: false });
        assert_eq!(health.problem(after(23)), None, "it was asked before");
        assert!(health.is_due(after(23), INTERVAL));
        assert_eq!(health.next_ping(after(23)), Some(4));
        health.pong(4, Pong { lag_ms: 16_000, debugger: false });
        assert!(health.problem(after(23)).is_some(), "it has blocked anew");
    }

    #[test]
    fn events_are_blocked_when_none_ends_for_long() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut health = Health::default();
        assert!(!health.is_blocked(Some(5), start) && !health.is_blocked(Some(5), after(299)));
        assert!(!health.is_blocked(Some(6), after(300)), "one has ended");
        assert!(!health.is_blocked(Some(6), after(599)) && health.is_blocked(Some(6), after(600)));
        assert!(!health.is_blocked(None, after(601)) && !health.is_blocked(Some(6), after(602)));
    }

    #[test]
    fn a_worker_that_does_not_answer_is_found() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut health = Health::default();
        health.watch(start);
        assert!(
            !health.is_due(start, INTERVAL) && health.is_due(after(1), INTERVAL) && !health.is_due(after(1), INTERVAL)
        );
        assert_eq!(health.next_ping(after(1)), Some(1));
        assert_eq!(health.next_ping(after(9)), None, "the first is not answered");
        health.pong(1, Pong::default());
        assert_eq!(health.next_ping(after(9)), Some(2));
        health.pong(1, Pong { lag_ms: 60_000, debugger: false });
        assert_eq!(health.problem(after(23)), None, "an answer that is late says nothing of now");
        assert!(health.problem(after(24)).unwrap().contains("has not answered for 15 s"));
        health.pong(2, Pong { lag_ms: 15_000, debugger: false });
        assert!(health.problem(after(24)).unwrap().contains("has not moved for 15 s"));
    }
}
