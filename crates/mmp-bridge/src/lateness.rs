//! Hooks that take longer than they may.

use std::time::{Duration, Instant};

use mmp_goplugin::plugin::PluginSession;
use mmp_worker::protections::{self, Protection};

use crate::activation::ON_CONFIGURATION_CHANGE;
use crate::core::Core;
use crate::failures::Failure;
use crate::hooks::Asker;
use crate::log::Level;
use crate::supervisor::Worker;
use crate::supervisor::health::Overdue;

/// When a hook is looked at again that somebody looks at with a debugger.
const DEBUGGED: Duration = Duration::from_secs(5);

impl Core {
    /// Answers the hooks that are late.
    pub(crate) fn check_deadlines(&mut self, session: &mut PluginSession) {
        while let Some(id) = self.deadlines.take_due(self.now) {
            match self.moved_since(id) {
                Some(again) => self.deadlines.set(id, again),
                None => self.hook_late(session, id),
            }
        }
    }

    /// When a hook with streams is to be looked at again, of which something moved meanwhile.
    fn moved_since(&mut self, id: u32) -> Option<Instant> {
        let hook = self.hooks.get(&id)?;
        let limit = hook.limit?;
        let moved = match hook.asker {
            Asker::Http { exchange } => self.exchanges.get_mut(exchange)?.idle_since().unwrap_or(self.now),
            _ => self.files.get(&id)?.idle_since(self.now)?,
        };
        // Whoever waits in the queue has less patience.
        let runs = self.workers.get(hook.worker)?.dispatcher.mode_of(id).is_some();
        (runs && moved + limit > self.now).then(|| moved + limit)
    }

    fn hook_late(&mut self, session: &mut PluginSession, id: u32) {
        if self.is_activation_debugged(id) {
            self.deadlines.set(id, self.now + DEBUGGED);
            return;
        }
        let now = self.now;
        let Some((worker, method)) = self.hooks.get(&id).map(|hook| (hook.worker, hook.method)) else { return };
        if protections::is_off(Protection::Deadline) {
            return;
        }
        let dispatcher = self.workers.get_mut(worker).map(|worker| &mut worker.dispatcher);
        let runs =
            dispatcher.is_some_and(|dispatcher| !dispatcher.remove_queued(id) && dispatcher.mode_of(id).is_some());
        if runs {
            self.cancel_hook(id);
        } else if method.name == ON_CONFIGURATION_CHANGE {
            self.configuration_missed(Some(worker));
        }
        let Some(hook) = self.take_hook(id) else { return };
        if runs {
            let overdue = Overdue { worker, name: method.name, began: hook.began, since: now, call: None };
            self.overdue.insert(id, overdue);
        }
        self.metrics.hook_late(method);
        // A shorter patience was that with a worker which is not there.
        let early = hook.limit.is_some_and(|limit| now < hook.began + limit);
        if !runs && (early || !self.workers.is_any_ready()) {
            let reason = self.absence_for(method);
            self.fail_hook(session, id, hook, &Failure::Absent(&reason));
        } else {
            let limit = hook.limit.unwrap_or_else(|| now.saturating_duration_since(hook.began));
            self.fail_hook(session, id, hook, &Failure::Late(limit));
        }
    }

    /// Whether a hook is what brings a worker up, and somebody looks at it with a debugger: that worker would be ended for being late. Nobody is asked about it again before it is up.
    fn is_activation_debugged(&self, id: u32) -> bool {
        let Some(hook) = self.hooks.get(&id) else { return false };
        hook.asker.brings_up() && self.workers.get(hook.worker).is_some_and(Worker::is_debugged)
    }

    /// A worker has answered a hook. If that is too late, the answer has been given.
    pub(crate) fn late_answer(&mut self, id: u32) {
        if let Some(late) = self.overdue.remove(&id) {
            let seconds = self.now.saturating_duration_since(late.began).as_secs_f64();
            let message = format!("{}: the plugin answered after {seconds:.1} s, which was too late", late.name);
            self.log.push(Level::Debug, message, &[]);
        }
    }
}
