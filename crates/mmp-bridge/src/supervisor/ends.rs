//! A worker's connection or process is gone.

use std::time::Duration;

use mmp_goplugin::plugin::PluginSession;
use mmp_worker::messages::Role;
use mmp_worker::process::describe_exit;

use crate::core::{Core, End};
use crate::failures::Failure;
use crate::hooks::is_event;
use crate::log::Level;
use crate::manifest::OnDegraded;
use crate::supervisor::life::State;
use crate::supervisor::worker_of;

/// How long a worker may take to end after it has closed a connection.
pub(super) const CLOSING: Duration = Duration::from_secs(1);

impl Core {
    /// A worker broke the protocol on a connection, which is closed. While the plugin is being loaded, and on a connection that the worker cannot do without, that ends the worker.
    pub(crate) fn protocol_broken(&mut self, connection: usize, role: Option<Role>, problem: String) {
        let Some(worker) = self.workers.of(connection) else { return };
        if let Some(pid) = worker.stranger(connection) {
            // It is not the worker's fault, and must not become its trouble.
            self.log.push(Level::Error, problem, &[("pid", &pid.to_string())]);
        } else if worker.is_starting() || matches!(role, Some(Role::Control | Role::Sync | Role::Async)) {
            worker.fail(&problem);
        } else {
            self.log.push(Level::Error, problem, &[]);
        }
    }

    /// A connection is gone. Without its control, sync or async connections a worker is not whole; usually its process has ended, which is known in a moment.
    pub(crate) fn connection_closed(
        &mut self,
        session: Option<&mut PluginSession>,
        connection: usize,
        role: Option<Role>,
    ) {
        self.calls.abandon(|c, _| c == connection);
        self.forget_driver_calls(|call| call.connection == connection);
        if let Some(session) = session {
            self.drop_call_streams(session.link(), |c| c == connection);
        }
        let now = self.now;
        if let (Some(role @ (Role::Control | Role::Sync | Role::Async)), Some(worker)) =
            (role, self.workers.of(connection))
        {
            worker.lost_connection.get_or_insert((role, now));
            // What was sent to it now would be lost.
            worker.dispatcher.pause();
            let index = worker.index;
            self.move_queue(index);
        }
    }

    /// Kills workers that have closed a connection and go on.
    pub(crate) fn check_lost_connections(&mut self) {
        let now = self.now;
        for worker in self.workers.iter_mut() {
            if let Some((role, at)) = worker.lost_connection
                && now >= at + CLOSING
            {
                worker.lost_connection = None;
                worker.fail(&format!("the plugin's worker closed its {role} connection"));
            }
        }
    }

    /// A process has ended: its hooks are answered, and it is started again if the plugin was loaded once.
    pub(crate) fn worker_ended(
        &mut self,
        mut session: Option<&mut PluginSession>,
        index: usize,
        exit: Option<i32>,
        reason: Option<&str>,
    ) {
        let is_of_worker = |connection: usize| worker_of(connection) == Some(index);
        self.calls.abandon(|connection, _| is_of_worker(connection));
        if let Some(session) = &mut session {
            self.drop_call_streams(session.link(), is_of_worker);
            self.close_database(session.link(), index);
        }
        let aborted = self.workers.get_mut(index).and_then(|worker| worker.aborted.take());
        let why = match (reason.or(aborted.as_deref()), exit) {
            (Some(reason), _) => reason.to_owned(),
            (None, Some(code)) => format!("the plugin's worker ended: {}", describe_exit(code)),
            (None, None) => "the plugin's worker ended".to_owned(),
        };
        self.next_of_life(index, &why, reason.is_none() && aborted.is_none());
        self.worker_lost(session, index, &why);
    }

    /// What comes after the end of a process. `unexplained`: nobody has said why it ended, so its last words may.
    fn next_of_life(&mut self, index: usize, why: &str, unexplained: bool) {
        let (now, announced, failed) = (self.now, self.workers.is_announced(), self.workers.failed().is_some());
        let Some(worker) = self.workers.get_mut(index) else { return };
        worker.lost_connection = None;
        worker.failure = None;
        worker.pid = 0;
        worker.health.unwatch();
        // What was asked for has been done with this end; if the next process cannot even be started, that is a fault like any other.
        let reloading = std::mem::take(&mut worker.reloading);
        let reload_wanted = std::mem::take(&mut worker.reload_wanted);
        if failed || worker.life.state() == State::Stopping {
            return;
        }
        if !announced {
            let hint = if unexplained { worker.last_words_hint() } else { String::new() };
            let sentence = format!("{why}{hint}");
            self.log_unloadable(&sentence, &[]);
            self.give_up(&sentence);
            return;
        }
        if self.deactivated {
            // It would not be activated any more, and no hook may reach a plugin that is not.
            worker.life.stop();
            self.log_state(
                index,
                Level::Error,
                &format!("{why}; it is not started again, because the plugin is being stopped"),
            );
            return;
        }
        if reloading {
            worker.life.ended_for_reload(now);
            self.log_state(index, Level::Debug, "the plugin's worker has ended, and is started again");
            return;
        }
        worker.restarts += 1;
        worker.note_error(why);
        self.metrics.restarts += 1;
        let was_degraded = worker.life.is_degraded();
        worker.life.ended(now);
        if reload_wanted {
            worker.life.forgive(now);
        }
        let pause = worker.life.restart_at().map(|at| at.saturating_duration_since(now)).unwrap_or_default();
        if let State::Degraded { .. } = worker.life.state() {
            self.given_up(index, why, pause, was_degraded);
            return;
        }
        let sentence = format!("{why}; it is started again in {:.1} s", pause.as_secs_f64());
        self.log_state(index, Level::Error, &sentence);
    }

    /// A worker has ended too often. The plugin is degraded if there is no other one.
    fn given_up(&mut self, index: usize, why: &str, pause: Duration, again: bool) {
        let seconds = pause.as_secs();
        if self.is_any_other_of_use(index) {
            let sentence = format!(
                "{why}; it has ended too often, so the plugin goes on with its other workers, and the next try is in {seconds} s"
            );
            return self.log_state(index, Level::Error, &sentence);
        }
        let sentence = format!(
            "{why}; it has ended too often, so the plugin is degraded: hooks get the server's defaults, commands and HTTP requests are told to come back, and the next try is in {seconds} s"
        );
        self.log_state(index, Level::Error, &sentence);
        if !again {
            self.became_degraded(why);
        }
    }

    /// Whether another worker takes hooks, or soon will.
    fn is_any_other_of_use(&self, index: usize) -> bool {
        let mut others = self.workers.iter().filter(|worker| worker.index != index);
        others.any(|worker| worker.is_ready() || worker.is_coming_for_events())
    }

    /// No worker is left that takes hooks, or soon will.
    fn became_degraded(&mut self, why: &str) {
        let Some(bundle) = self.workers.bundle() else { return };
        if bundle.on_degraded == OnDegraded::Exit {
            let message = "the plugin is degraded and ends, as server.on_degraded in plugin.json wants it; the server's health check decides whether to start it again";
            self.log.push(Level::Error, message, &[]);
            self.end = Some(End::Broken);
            return;
        }
        self.notify_degraded(why);
    }

    /// Every hook that a worker ran is answered in its place. Those that wait go to another worker, or wait for this one if it comes back soon.
    pub(super) fn worker_lost(&mut self, session: Option<&mut PluginSession>, index: usize, reason: &str) {
        let Some(worker) = self.workers.get_mut(index) else { return };
        let mut lost = worker.dispatcher.worker_lost();
        // What was for this process alone is of no use to the next one.
        let own = self.hooks.iter().filter(|(_, hook)| hook.worker == index && hook.asker.wants_one_worker());
        lost.extend(own.map(|(id, _)| *id).filter(|&id| worker.dispatcher.remove_queued(id)));
        let comes_back = worker.is_coming();
        if !comes_back
            && !self.is_any_other_of_use(index)
            && let Some(worker) = self.workers.get_mut(index)
        {
            lost.extend(worker.dispatcher.drain_queue().into_iter().map(|queued| queued.id));
        }
        self.move_queue(index);
        self.overdue.retain(|_, overdue| overdue.worker != index);
        self.shorten_patience(index);
        let Some(session) = session else { return };
        for id in lost {
            let Some(hook) = self.take_hook(id) else { continue };
            if is_event(hook.method) {
                self.drop_event(hook.method, reason);
            }
            self.fail_hook(session, id, hook, &Failure::Gone(reason));
        }
    }

    /// The hooks that wait for a worker which is being started again do not wait as long as they may run.
    fn shorten_patience(&mut self, index: usize) {
        let waiting: Vec<u32> = self.hooks.iter().filter(|(_, hook)| hook.worker == index).map(|(id, _)| *id).collect();
        waiting.into_iter().for_each(|id| self.set_patience(id, true));
    }
}
