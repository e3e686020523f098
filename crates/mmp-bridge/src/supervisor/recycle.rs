//! Starting a worker again that is not well, or that is to be loaded anew: it gets no more hooks, may finish those that run, and is ended.

use std::time::Duration;

use mmp_worker::protections::{self, Protection};

use crate::core::Core;
use crate::hooks::is_event;
use crate::log::Level;
use crate::supervisor::Worker;
use crate::supervisor::life::State;

/// How long the hooks that run may take.
pub(super) const DRAIN: Duration = Duration::from_secs(2);

/// How long a worker that does not answer may take to write the stacks of its threads and to end.
const STACKS: Duration = Duration::from_secs(1);

const RELOAD_LATER: &str = "the plugin is loaded anew once its worker, which is being started, is active";

impl Core {
    /// A worker is to be started again for this reason; its hooks may be finished. Nothing is done while a debugger holds it.
    pub(crate) fn recycle(&mut self, index: usize, reason: &str) {
        if protections::is_off(Protection::Recycle) {
            return;
        }
        let Some(worker) = self.workers.get_mut(index).filter(|worker| worker.is_ready()) else { return };
        if worker.is_debugged() {
            return;
        }
        worker.note_error(reason);
        self.drain_worker(index, DRAIN);
        self.log_state(index, Level::Error, &format!("{reason}; the worker is started again"));
    }

    /// The same for one that would not finish anything: it may only say where its threads are.
    pub(crate) fn recycle_at_once(&mut self, index: usize, reason: &str) {
        if protections::is_off(Protection::Recycle) {
            return;
        }
        let Some(worker) = self.workers.get_mut(index) else { return };
        if worker.is_debugged() || worker.aborted.is_some() {
            return;
        }
        if !self.workers.abort(index, reason) {
            if let Some(worker) = self.workers.get_mut(index) {
                worker.fail(reason);
            }
            return;
        }
        self.drain_worker(index, STACKS);
        self.log_state(
            index,
            Level::Error,
            &format!("{reason}; it was told to write its stacks, and is started again"),
        );
    }

    /// The plugin is to be loaded anew, as after its files were changed: every worker is started again, and what was before is forgotten.
    pub(crate) fn reload(&mut self) {
        if self.deactivated {
            return;
        }
        let (now, may_end) = (self.now, self.may_reload());
        for index in 0..self.workers.len() {
            let Some(worker) = self.workers.get_mut(index) else { continue };
            worker.life.forgive(now);
            if worker.is_ready() && may_end {
                self.reload_worker(index);
            } else if worker.is_starting() || matches!(worker.life.state(), State::Loaded { .. } | State::Ready { .. })
            {
                // It may have read its files before they changed.
                worker.reload_wanted = true;
                self.log.push(Level::Info, RELOAD_LATER, &[("worker", &index.to_string())]);
            } else {
                self.log_if_changed(index, Level::Info, "the plugin is loaded anew: its worker is started again now");
            }
        }
    }

    fn reload_worker(&mut self, index: usize) {
        if let Some(worker) = self.workers.get_mut(index) {
            worker.reloading = true;
            self.drain_worker(index, DRAIN);
            self.log_state(index, Level::Info, "the plugin is loaded anew");
        }
    }

    /// Whether workers may be ended to be loaded anew. Before the plugin is activated, the host's activation still needs them.
    fn may_reload(&self) -> bool {
        self.activated && self.activating.is_none()
    }

    /// Loads those anew for which that was asked while they were being started.
    pub(crate) fn reload_wanted(&mut self) {
        if !self.may_reload() {
            return;
        }
        let wanted = |worker: &&Worker| worker.reload_wanted && worker.is_ready();
        let wanted: Vec<usize> = self.workers.iter().filter(wanted).map(|worker| worker.index).collect();
        wanted.into_iter().for_each(|index| self.reload_worker(index));
    }

    /// A worker gets no more hooks, and is ended when those that run are over or the time is up.
    pub(super) fn drain_worker(&mut self, index: usize, limit: Duration) {
        let until = self.now + limit;
        if let Some(worker) = self.workers.get_mut(index) {
            worker.life.drain(until);
            worker.dispatcher.pause();
        }
        self.move_queue(index);
    }

    /// Ends the workers that are drained.
    pub(crate) fn check_draining(&mut self) {
        let (now, overdue) = (self.now, &self.overdue);
        for worker in self.workers.iter_mut() {
            let State::Draining { until } = worker.life.state() else { continue };
            if let Some(reason) = &worker.aborted {
                if now >= until {
                    let reason = reason.clone();
                    worker.fail(&reason);
                }
                continue;
            }
            let busy = worker.dispatcher.running_ids().any(|id| !overdue.contains_key(&id));
            if !busy || now >= until {
                let reason = worker.last_error.clone().filter(|_| !worker.reloading);
                worker.fail(&reason.unwrap_or_else(|| "the plugin is loaded anew".to_owned()));
            }
        }
    }

    /// Hooks that wait for a worker that takes none go to another one, if there is one, or soon will be.
    pub(crate) fn move_queue(&mut self, index: usize) {
        let queued = self.workers.get_mut(index).map(|worker| worker.dispatcher.drain_queue()).unwrap_or_default();
        for mut hook in queued {
            let Some(pending) = self.hooks.get_mut(&hook.id) else { continue };
            let choice = match pending.asker.wants_one_worker() {
                true => None,
                false => self.workers.choose(pending.method, hook.lane, self.now),
            };
            // One that no other worker can run stays where it is.
            let to = choice.map_or(index, |choice| choice.worker);
            if let Some(choice) = choice.filter(|choice| choice.worker != index) {
                hook.need.mode = choice.mode;
                pending.worker = choice.worker;
                self.set_patience(hook.id, choice.waits);
            }
            if let Some(worker) = self.workers.get_mut(to) {
                worker.dispatcher.enqueue(hook);
            }
        }
        self.dispatch_queued();
    }

    /// A hook that waits for a worker which is there has all the time that it may take, and less if the worker is yet to come (`waits`).
    pub(super) fn set_patience(&mut self, id: u32, waits: bool) {
        if let Some(hook) = self.hooks.get(&id)
            && let Some(limit) = hook.limit
        {
            let last = hook.began + limit;
            let wait = self.workers.get(hook.worker).filter(|_| waits).map(|worker| worker.patience(self.now));
            self.deadlines.set(id, wait.map_or(last, |wait| last.min(self.now + wait)));
        }
    }

    /// A worker is up again: the hooks that wait for it run as it runs them, which may have changed.
    pub(crate) fn resume_worker(&mut self, index: usize) {
        let queued = self.workers.get_mut(index).map(|worker| worker.dispatcher.drain_queue()).unwrap_or_default();
        for mut hook in queued {
            let Some(method) = self.hooks.get(&hook.id).map(|pending| pending.method) else { continue };
            match self.workers.get(index).and_then(|worker| worker.mode(method.id)) {
                Some(mode) => {
                    hook.need.mode = mode;
                    self.set_patience(hook.id, false);
                }
                // This edition of the plugin does not have it, and nobody's patience with it would end.
                None if is_event(method) => {
                    self.lose_event(hook.id, "the plugin does not have this hook any more");
                    continue;
                }
                // Nobody has it now, and whoever waits for its answer need not wait any longer.
                None => {
                    self.deadlines.set(hook.id, self.now);
                    continue;
                }
            }
            if let Some(worker) = self.workers.get_mut(index) {
                worker.dispatcher.enqueue(hook);
            }
        }
        if let Some(worker) = self.workers.get_mut(index) {
            worker.dispatcher.resume();
        }
        self.dispatch_queued();
        // What waits for others that are not there need not wait for them.
        let away: Vec<usize> = self.workers.iter().filter(|worker| !worker.is_ready()).map(|one| one.index).collect();
        away.into_iter().for_each(|other| self.move_queue(other));
    }

    /// An event that waits is lost.
    fn lose_event(&mut self, id: u32, why: &str) {
        if let Some(hook) = self.take_hook(id) {
            self.count_hook(&hook, false);
            self.drop_event(hook.method, why);
        }
    }
}
