//! The plugin's stop: what runs may finish, what does not is cancelled, OnDeactivate is called, and all of that within the time that the server gives.
//!
//! A server that shuts down waits 10 s for OnDeactivate, and then, after it has asked the process to end, 2 s more before it kills it.

use std::time::{Duration, Instant};

use mmp_goplugin::plugin::PluginSession;
use mmp_goplugin::yamux::StreamId;
use mmp_transcode::generated;
use mmp_worker::frame::Kind;
use mmp_worker::protections::{self, Protection};

use crate::core::Core;
use crate::failures::Failure;
use crate::hooks::{Asker, is_event};
use crate::log::Level;
use crate::policies::ON_DEACTIVATE;
use crate::streams::Address;

/// How long the hooks that run and wait may take.
const DRAIN: Duration = Duration::from_secs(5);

/// How long those may take that were cancelled.
const CANCEL: Duration = Duration::from_secs(1);

/// How long OnDeactivate may take.
const DEACTIVATE: Duration = Duration::from_secs(3);

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// What began before may finish.
    Draining,
    /// What has not finished was cancelled.
    Cancelling,
    /// OnDeactivate runs in the workers.
    Deactivating,
}

/// A stop that the host has asked for, and waits for.
#[derive(Debug)]
pub(crate) struct Stop {
    /// The host's requests: connections and sequence numbers.
    requests: Vec<(StreamId, u64)>,
    /// What began later does not hold it up.
    since: Instant,
    phase: Phase,
    until: Instant,
    /// How many workers have not answered OnDeactivate.
    left: usize,
    /// What the first handler of OnDeactivate raised.
    failure: Option<String>,
}

impl Stop {
    /// When something has to be done about it.
    pub(crate) fn deadline(&self) -> Instant {
        self.until
    }
}

impl Core {
    /// The host calls OnDeactivate.
    pub(crate) fn begin_stop(&mut self, conn: StreamId, seq: u64) {
        if let Some(stop) = &mut self.stop {
            return stop.requests.push((conn, seq));
        }
        // A worker that ends now is not to be activated again behind the server's back.
        self.activated = false;
        self.deactivated = true;
        let (since, until) = (self.now, self.now + DRAIN);
        let requests = vec![(conn, seq)];
        self.stop = Some(Stop { requests, since, phase: Phase::Draining, until, left: 0, failure: None });
        // These would not end by themselves.
        self.cancel_hooks(|core, id| core.is_taken_over(id));
    }

    /// Whether a hook is an HTTP request whose connection the worker has taken over.
    fn is_taken_over(&mut self, id: u32) -> bool {
        let Some(Asker::Http { exchange }) = self.hooks.get(&id).map(|hook| hook.asker) else { return false };
        self.exchanges.get_mut(exchange).is_some_and(|exchange| exchange.hijacked.is_some())
    }

    fn cancel_hooks(&mut self, matches: impl Fn(&mut Core, u32) -> bool) {
        let ids: Vec<u32> = self.hooks.keys().copied().collect();
        for id in ids {
            if matches(self, id) {
                self.cancel_hook(id);
            }
        }
    }

    /// Tells a worker that nobody wants a hook's answer any more.
    pub(crate) fn cancel_hook(&mut self, id: u32) {
        let Some((method, worker)) = self.hooks.get(&id).map(|hook| (hook.method.id, hook.worker)) else { return };
        let runs_on = self.workers.get(worker).and_then(|worker| worker.dispatcher.mode_of(id));
        if let Some((_, connection)) = runs_on {
            Address { connection, flags: 0, method, id }.send(&mut self.workers, Kind::Cancel, &[]);
        }
    }

    /// Whether a hook is under way, or waits, that began before the stop, or a response whose handler is done has not reached its client.
    fn is_anything_left(&self, since: Instant) -> bool {
        self.hooks.values().any(|hook| hook.began <= since) || self.exchanges.is_any_left(since)
    }

    /// The hooks that wait are answered: they would begin when the others were told to end.
    fn refuse_queued(&mut self, session: &mut PluginSession) {
        let queued: Vec<u32> = self
            .workers
            .iter_mut()
            .flat_map(|worker| worker.dispatcher.drain_queue())
            .map(|queued| queued.id)
            .collect();
        for id in queued {
            let Some(hook) = self.take_hook(id) else { continue };
            if is_event(hook.method) {
                self.drop_event(hook.method, "the plugin is being stopped");
            }
            self.fail_hook(session, id, hook, &Failure::Gone("the plugin is being stopped"));
        }
    }

    /// A worker that is away is not waited for: it would not be activated any more, and no hook may reach a plugin that is not. One that is being started is ended.
    fn give_up_absent(&mut self, session: &mut PluginSession) {
        const WHY: &str = "the plugin is being stopped";
        for index in 0..self.workers.len() {
            let Some(worker) = self.workers.get_mut(index) else { continue };
            let is_starting = worker.is_starting();
            if !is_starting && worker.life.restart_at().is_none() {
                continue;
            }
            worker.life.stop();
            self.log_state(
                index,
                Level::Debug,
                "the plugin is being stopped; its worker, which is away, does not come back",
            );
            match self.workers.get_mut(index) {
                Some(worker) if is_starting => worker.fail(WHY),
                _ => self.worker_lost(Some(&mut *session), index, WHY),
            }
        }
    }

    /// Goes on with the stop, if there is one.
    pub(crate) fn advance_stop(&mut self, session: &mut PluginSession) {
        if self.stop.is_some() {
            self.give_up_absent(session);
        }
        let Some(Stop { phase, since, until, left, .. }) = self.stop else { return };
        let late = self.now >= until && !protections::is_off(Protection::StopDeadline);
        match phase {
            Phase::Draining if !self.is_anything_left(since) => self.deactivate(session),
            Phase::Draining if late => {
                let left = self.hooks.values().filter(|hook| hook.began <= since).count();
                let message = "the plugin is being stopped, and cancels what its handlers have not finished";
                self.log.push(Level::Warn, message, &[("hooks", &left.to_string())]);
                self.refuse_queued(session);
                self.cancel_hooks(|_, _| true);
                self.next_phase(Phase::Cancelling, CANCEL);
            }
            Phase::Cancelling if late || !self.is_anything_left(since) => self.deactivate(session),
            Phase::Deactivating if left == 0 => self.finish_stop(session),
            Phase::Deactivating if late => {
                let message = format!(
                    "{ON_DEACTIVATE}: no answer within {} s; the plugin is stopped all the same",
                    DEACTIVATE.as_secs()
                );
                self.log.push(Level::Error, message, &[]);
                self.finish_stop(session);
            }
            _ => {}
        }
    }

    fn next_phase(&mut self, phase: Phase, limit: Duration) {
        let now = self.now;
        if let Some(stop) = &mut self.stop {
            // What a busy machine has added to one phase is not added to the next: the server does not wait for longer.
            (stop.phase, stop.until) = (phase, now.min(stop.until) + limit);
        }
    }

    /// Calls OnDeactivate in every worker.
    fn deactivate(&mut self, session: &mut PluginSession) {
        self.next_phase(Phase::Deactivating, DEACTIVATE);
        let called = (0..self.workers.len())
            .filter(|&worker| self.call_own_hook(worker, ON_DEACTIVATE, Asker::Deactivation))
            .count();
        if let Some(stop) = &mut self.stop {
            stop.left = called;
        }
        if called == 0 {
            self.finish_stop(session);
        }
    }

    /// A worker has answered OnDeactivate, or is gone.
    pub(crate) fn deactivated(&mut self, session: &mut PluginSession, failure: Option<&str>) {
        let Some(stop) = &mut self.stop else { return };
        stop.left = stop.left.saturating_sub(1);
        if let Some(failure) = failure {
            stop.failure.get_or_insert_with(|| failure.to_owned());
        }
        if stop.left == 0 && stop.phase == Phase::Deactivating {
            self.finish_stop(session);
        }
    }

    /// The host gets its answer, and asks the process to end.
    fn finish_stop(&mut self, session: &mut PluginSession) {
        let Some(Stop { requests, failure, .. }) = self.stop.take() else { return };
        let Some(method) = generated::hook_by_name(ON_DEACTIVATE) else { return };
        if let Some(failure) = &failure {
            self.log.push(Level::Error, format!("{ON_DEACTIVATE} failed: {failure}"), &[]);
        }
        for (conn, seq) in requests {
            match &failure {
                None => self.reply_nothing(session.link(), conn, seq, method),
                Some(failure) => self.reply_own_error(session.link(), conn, seq, method, failure),
            }
        }
    }
}
