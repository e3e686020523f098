//! The workers of the plugin: started, loaded, watched, started again, stopped.

mod changes;
mod ends;
mod excess;
pub(crate) mod health;
pub(crate) mod life;
mod recycle;
mod stop;
mod worker;
mod worker_link;

use std::io;
use std::time::Instant;

use mio::{Registry, Token};
use mmp_transcode::generated;
use mmp_transcode::schema::Method;
use mmp_worker::directory::PrivateDirectory;
use mmp_worker::dispatch::Lane;
use mmp_worker::link;
use mmp_worker::messages::{Mode, Ready};
use mmp_worker::process::Output;

pub(crate) use changes::{Change, Changes};
pub(crate) use stop::Stop;
pub(crate) use worker::Worker;

use crate::activation::ON_ACTIVATE;
use crate::core::Core;
use crate::hooks::is_event;
use crate::http::SERVE_METRICS;
use crate::interpreter::Interpreter;
use crate::manifest::Bundle;
use crate::policies::{ON_DEACTIVATE, Policies};
use crate::supervisor::life::State;
use crate::support::GENERATE_SUPPORT_DATA;

/// A worker for a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Which one.
    pub(crate) worker: usize,
    /// How it runs the hook.
    pub(crate) mode: Mode,
    /// Whether it is not ready yet, so that the hook has to wait for it.
    pub(crate) waits: bool,
}

/// All workers, and what they have in common.
#[derive(Debug)]
pub(crate) struct Workers {
    bundle: Option<Bundle>,
    interpreter: Option<Interpreter>,
    directory: Option<PrivateDirectory>,
    list: Vec<Worker>,
    /// What the first READY said: the host is told this list and gets no other.
    declared: Option<Vec<u16>>,
    /// Hooks that later ones said besides.
    added: Vec<u16>,
    /// Whether the host has been told.
    announced: bool,
    /// Why the plugin cannot be loaded.
    failed: Option<String>,
    pub(crate) policies: Policies,
}

impl Workers {
    /// Workers that are not started yet; or that never will be, because the manifest is wrong.
    pub(crate) fn new(bundle: Result<Bundle, String>) -> Workers {
        let (bundle, failed) = match bundle {
            Ok(bundle) => (Some(bundle), None),
            Err(sentence) => (None, Some(sentence)),
        };
        let count = bundle.as_ref().map_or(0, Bundle::workers);
        let policies = Policies::new(bundle.as_ref().map_or(&[], |bundle| &bundle.hooks));
        Workers {
            bundle,
            interpreter: None,
            directory: None,
            list: (0..count).map(Worker::new).collect(),
            declared: None,
            added: Vec::new(),
            announced: false,
            failed,
            policies,
        }
    }

    /// The bundle, if its manifest is right.
    pub(crate) fn bundle(&self) -> Option<&Bundle> {
        self.bundle.as_ref()
    }

    /// The interpreter, if one was found.
    pub(crate) fn interpreter(&self) -> Option<&Interpreter> {
        self.interpreter.as_ref()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// One of them.
    pub(crate) fn get(&self, index: usize) -> Option<&Worker> {
        self.list.get(index)
    }

    /// One of them.
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut Worker> {
        self.list.get_mut(index)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Worker> {
        self.list.iter()
    }

    /// All of them.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Worker> {
        self.list.iter_mut()
    }

    /// The one that a connection belongs to.
    pub(crate) fn of(&mut self, connection: usize) -> Option<&mut Worker> {
        self.list.get_mut(worker_of(connection)?)
    }

    /// Listens for all of them.
    pub(crate) fn listen(&mut self, registry: &Registry) -> io::Result<()> {
        let Some(bundle) = &self.bundle else { return Ok(()) };
        let directory = PrivateDirectory::create_or_in(Some(&bundle.path))?;
        for worker in &mut self.list {
            let socket = directory.path().join(format!("worker-{}.sock", worker.index));
            worker.listen(bundle, &socket, registry)?;
        }
        self.directory = Some(directory);
        Ok(())
    }

    /// The interpreter was found: they can be started.
    pub(crate) fn found(&mut self, interpreter: Interpreter) {
        self.interpreter = Some(interpreter);
    }

    /// Starts the process of one. Returns its output pipes.
    pub(crate) fn start(&mut self, index: usize, now: Instant) -> io::Result<Option<Output>> {
        let (Some(bundle), Some(worker)) = (&self.bundle, self.list.get_mut(index)) else { return Ok(None) };
        worker.start(bundle, self.interpreter.as_ref(), now)
    }

    /// One said READY. True if it is a restarted one, which has to be brought up.
    pub(crate) fn loaded(&mut self, index: usize, ready: &Ready, now: Instant) -> bool {
        let Some(worker) = self.list.get_mut(index) else { return false };
        let restarted = worker.was_loaded;
        worker.loaded(ready, now);
        // A worker that was started again may be a new edition of the plugin: what it chose holds from now on.
        let others: Vec<&Worker> = self.list.iter().filter(|worker| worker.index != index).collect();
        self.policies.declare(&ready.hooks, |id| others.iter().any(|worker| worker.mode(id).is_some()));
        self.declared.get_or_insert_with(|| ready.hooks.iter().map(|hook| hook.0).collect());
        restarted
    }

    /// The hooks that a new edition of the plugin has and the host has not been told of, each once. Some need no telling: they are the bridge's own as well.
    pub(crate) fn unknown_to_host(&mut self, ready: &Ready) -> Vec<&'static str> {
        let Some(declared) = self.declared.as_ref().filter(|_| self.announced) else { return Vec::new() };
        let new = ready.hooks.iter().map(|hook| hook.0).filter(|id| !declared.contains(id) && !self.added.contains(id));
        let new: Vec<u16> = new.collect();
        self.added.extend(&new);
        let names = new.into_iter().filter_map(|id| Some(generated::hook(id)?.name));
        names
            .filter(|name| ![ON_ACTIVATE, ON_DEACTIVATE, SERVE_METRICS, GENERATE_SUPPORT_DATA].contains(name))
            .collect()
    }

    /// Whether the host was told of a hook that no worker has any more, as each was loaded last.
    pub(crate) fn is_removed(&self, id: u16) -> bool {
        self.implements(id) && self.list.iter().all(|worker| worker.mode(id).is_none())
    }

    /// Whether the plugin has, or had when the host was told of its hooks, a hook.
    pub(crate) fn implements(&self, id: u16) -> bool {
        self.declared.as_ref().is_some_and(|hooks| hooks.contains(&id)) || self.added.contains(&id)
    }

    /// Asks one to say where it is and to end. False if that is not possible.
    fn abort(&mut self, index: usize, reason: &str) -> bool {
        let (Some(bundle), Some(worker)) = (&self.bundle, self.list.get_mut(index)) else { return false };
        worker.abort(bundle, reason)
    }

    /// Which worker gets a hook: of those that are ready, or else of those that soon will be, the one with the least to do. Hooks of one lane go to one worker, which changes only when nothing of the lane is under way.
    pub(crate) fn choose(&self, method: &Method, lane: Option<Lane>, now: Instant) -> Option<Choice> {
        let able = |worker: &&Worker| worker.mode(method.id).is_some();
        if let Some(worker) = lane.and_then(|lane| self.of_lane(lane)).filter(able) {
            return Some(Choice { worker: worker.index, mode: worker.mode(method.id)?, waits: !worker.is_ready() });
        }
        let coming = |worker: &&Worker| {
            if is_event(method) { worker.is_coming_for_events() } else { worker.is_coming_soon(now) }
        };
        let ready: Vec<&Worker> = self.list.iter().filter(|worker| worker.is_ready()).filter(able).collect();
        let (candidates, waits) = match ready.is_empty() {
            false => (ready, false),
            true => (self.list.iter().filter(coming).filter(able).collect(), true),
        };
        let load = |worker: &&&Worker| worker.dispatcher.running() + worker.dispatcher.queued();
        let chosen = match lane {
            _ if candidates.is_empty() => return None,
            Some(lane) => candidates[lane as usize % candidates.len()],
            None => candidates.iter().min_by_key(load)?,
        };
        Some(Choice { worker: chosen.index, mode: chosen.mode(method.id)?, waits })
    }

    /// The worker that a hook of a lane runs in, or waits for. Only events have lanes.
    fn of_lane(&self, lane: Lane) -> Option<&Worker> {
        let reachable = |worker: &&Worker| worker.is_ready() || worker.is_coming_for_events();
        self.list.iter().filter(reachable).find(|worker| worker.dispatcher.is_lane_busy(lane))
    }

    /// The hooks, or why there are none; None while the plugin is being loaded.
    pub(crate) fn verdict(&self) -> Option<Result<Vec<u16>, String>> {
        match (&self.failed, &self.declared) {
            (Some(sentence), _) => Some(Err(sentence.clone())),
            (None, Some(hooks)) if self.list.iter().all(|worker| worker.was_loaded) => Some(Ok(hooks.clone())),
            _ => None,
        }
    }

    /// The host was told which hooks there are: a worker that ends from now on is started again.
    pub(crate) fn announced(&mut self) {
        self.announced = true;
    }

    /// Whether it was.
    pub(crate) fn is_announced(&self) -> bool {
        self.announced
    }

    /// Why no worker takes hooks, if none does.
    pub(crate) fn down_reason(&self) -> Option<String> {
        if let Some(sentence) = &self.failed {
            return Some(sentence.clone());
        }
        let none = !self.list.iter().any(Worker::is_up);
        none.then(|| "the plugin's worker is not running".to_owned())
    }

    /// Whether any takes hooks.
    pub(crate) fn is_any_ready(&self) -> bool {
        self.list.iter().any(Worker::is_ready)
    }

    /// Whether none takes hooks, and one of them was given up.
    pub(crate) fn is_degraded(&self) -> bool {
        !self.is_any_ready() && self.list.iter().any(|worker| worker.life.is_degraded())
    }

    /// The state of all of them together: that of the best.
    pub(crate) fn state_name(&self) -> &'static str {
        if self.is_degraded() {
            return "degraded";
        }
        let rank = |worker: &&Worker| match worker.life.state() {
            State::Ready { .. } => 0,
            State::Draining { .. } => 1,
            State::Loaded { .. } => 2,
            State::Starting { .. } => 3,
            State::Restarting { .. } => 4,
            _ => 5,
        };
        self.list.iter().min_by_key(rank).map_or("failed", |worker| worker.life.state().name())
    }

    /// The plugin cannot be loaded: what was started of it is ended.
    pub(crate) fn give_up(&mut self, sentence: &str) {
        self.failed.get_or_insert_with(|| sentence.to_owned());
        for worker in &mut self.list {
            worker.life.fail();
            if worker.process.is_some() {
                worker.fail(sentence);
            }
        }
    }

    /// The bridge ends: nothing is started again.
    pub(crate) fn stopping(&mut self) {
        self.list.iter_mut().for_each(|worker| worker.life.stop());
    }

    /// Fails those that take longer to load than they may.
    fn check_loading(&mut self, now: Instant) {
        let Some(bundle) = &self.bundle else { return };
        for worker in &mut self.list {
            match worker.overdue(bundle, now) {
                // Somebody looks at it with a debugger: its time begins anew.
                Some(_) if worker.is_debugged() => worker.life.started(now),
                Some(sentence) => worker.fail(&sentence),
                None => {}
            }
        }
    }

    /// Why it cannot be loaded, if it cannot.
    pub(crate) fn failed(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// One that is of no use any more, and why.
    pub(crate) fn next_failed(&mut self) -> Option<(usize, String)> {
        self.list.iter_mut().find_map(|worker| Some((worker.index, worker.failure.take()?)))
    }

    /// When something has to be done about one of them.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let bundle = self.bundle.as_ref()?;
        let of_one = |worker: &Worker| {
            let closing = worker.lost_connection.map(|(_, at)| at + ends::CLOSING);
            [
                worker.deadline(bundle),
                worker.dispatcher.deadline(),
                worker.health.deadline(),
                worker.output_deadline(),
                worker.accept_at,
                closing,
            ]
            .into_iter()
            .flatten()
            .min()
        };
        self.list.iter().filter_map(of_one).min()
    }

    /// Takes a connection's output out to write into it; [`Workers::put_output`] returns it.
    pub(crate) fn take_output(&mut self, connection: usize) -> Vec<u8> {
        self.of(connection).map(|worker| worker.take_output(connection)).unwrap_or_default()
    }

    /// Returns a connection's output.
    pub(crate) fn put_output(&mut self, connection: usize, out: Vec<u8>) {
        if let Some(worker) = self.of(connection) {
            worker.put_output(connection, out);
        }
    }
}

impl Core {
    /// Ends the workers that take longer to load than they may.
    pub(crate) fn check_loading(&mut self) {
        self.workers.check_loading(self.now);
    }
}

/// The index of the worker that a connection belongs to.
pub(crate) fn worker_of(connection: usize) -> Option<usize> {
    link::index_of(Token(connection))
}
