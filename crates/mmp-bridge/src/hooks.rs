//! Hooks: from the host to a worker, and what comes back; `answers.rs` says how that reaches the host, `failures.rs` what is answered when nothing came back.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

use mmp_gob::{Error as GobError, TypeId};
use mmp_goplugin::endpoint::Link as HostLink;
use mmp_goplugin::netrpc::{Body, RequestHead};
use mmp_goplugin::plugin::PluginSession;
use mmp_goplugin::yamux::StreamId;
use mmp_transcode::generated;
use mmp_transcode::msgpack::Reader;
use mmp_transcode::schema::{Deadline, Method};
use mmp_transcode::{Error as TranscodeError, KeptArg, Sent};
use mmp_worker::dispatch::{Class, Lane, Need, Place, Queued};
use mmp_worker::frame::{self, Kind};

use crate::activation::ON_CONFIGURATION_CHANGE;
use crate::answers::{Due, read_raised};
use crate::core::Core;
use crate::failures::Failure;
use crate::files;
use crate::http::SERVE_METRICS;
use crate::log::Level;
use crate::policies::{ON_DEACTIVATE, class};
use crate::supervisor::Choice;
use crate::support::GENERATE_SUPPORT_DATA;

/// The events of one WebSocket connection come one after the other; their first argument says which connection it is.
const IN_ORDER: [&str; 3] = ["OnWebSocketConnect", "OnWebSocketDisconnect", "WebSocketMessageHasBeenPosted"];

/// A hook that a worker has.
#[derive(Debug)]
pub(crate) struct PendingHook {
    pub(crate) method: &'static Method,
    pub(crate) asker: Asker,
    pub(crate) kept: Option<Kept>,
    pub(crate) began: Instant,
    /// Which worker has it.
    pub(crate) worker: usize,
    /// How long it may take, or nothing of it may move.
    pub(crate) limit: Option<Duration>,
}

/// Who waits for the answer of a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// The host, with this request.
    Host { conn: StreamId, seq: u64 },
    /// The host, for an HTTP request: the exchange knows which.
    Http { exchange: u32 },
    /// The bridge itself, on the way to the activation that the host asked for.
    Activation { conn: StreamId, seq: u64 },
    /// The bridge itself, to bring a worker up that was started again.
    Restart,
    /// The bridge itself, because the configuration changed while that worker was brought up.
    CatchUp,
    /// The host, for the answers of all workers together.
    Broadcast { id: u32 },
    /// The bridge itself, on the way to the end that the host asked for.
    Deactivation,
    /// Nobody: the host has its answer.
    Nobody,
}

impl Asker {
    /// Whether a hook is a part of what brings a worker up, which has the time of activation.
    pub(crate) fn brings_up(self) -> bool {
        matches!(self, Asker::Activation { .. } | Asker::Restart | Asker::CatchUp)
    }

    /// Whether a hook is one for a certain worker, which no other can run in its place.
    pub(crate) fn wants_one_worker(self) -> bool {
        !matches!(self, Asker::Host { .. } | Asker::Http { .. } | Asker::Nobody)
    }
}

/// What is kept of an argument that the result echoes.
#[derive(Debug)]
pub(crate) struct Kept {
    frame: Vec<u8>,
    gob: Vec<u8>,
    wire: TypeId,
}

impl Kept {
    pub(crate) fn sent(&self) -> Sent<'_> {
        Sent { frame: &self.frame, gob: &self.gob, wire: self.wire }
    }
}

impl Core {
    /// The host calls a hook.
    pub(crate) fn hook_called(
        &mut self,
        link: &mut HostLink,
        conn: StreamId,
        request: RequestHead<'_>,
        name: &str,
        body: Body<'_, '_>,
    ) -> Result<(), GobError> {
        let Some(method) = generated::hook_by_name(name) else {
            link.reply_error(conn, request.seq, request.method, &request.refusal("Plugin"));
            return Ok(());
        };
        if name == ON_DEACTIVATE {
            self.begin_stop(conn, request.seq);
            return Ok(());
        }
        if self.status.hook() == Some(name) {
            return self.command_called(link, conn, request, method, body);
        }
        self.plugins_hook_called(link, conn, request, method, body)
    }

    /// The same, when it is one that the bridge does not take for itself.
    pub(crate) fn plugins_hook_called(
        &mut self,
        link: &mut HostLink,
        conn: StreamId,
        request: RequestHead<'_>,
        method: &'static Method,
        body: Body<'_, '_>,
    ) -> Result<(), GobError> {
        let name = method.name;
        if !self.workers.implements(method.id) && name == GENERATE_SUPPORT_DATA {
            let due = Due { conn, seq: request.seq, method, sent: None };
            self.reply_files(link, body.types, due, &[]);
            return Ok(());
        }
        if !self.workers.implements(method.id) && name != SERVE_METRICS {
            // Go's text for a hook that the plugin does not have.
            let text = format!("Hook {name} called but not implemented.");
            link.reply_error(conn, request.seq, request.method, &text);
            return Ok(());
        }
        match class(method) {
            Class::Http => return self.http_called(link, conn, request, method, body),
            Class::Event => return self.event_called(link, conn, request, method, body),
            Class::Plain | Class::File => {}
        }
        if name == ON_CONFIGURATION_CHANGE && self.configuration_changed(conn, request.seq) {
            return Ok(());
        }
        let Some(choice) = self.workers.choose(method, None, self.now) else {
            if name == ON_CONFIGURATION_CHANGE {
                self.configuration_missed(None);
            }
            let reason = self.absence_for(method);
            return self.answer_without_worker(link, conn, request.seq, method, body, &Failure::Absent(&reason));
        };
        let asker = Asker::Host { conn, seq: request.seq };
        let Body { type_id, cursor, types } = body;
        let start = cursor.clone();
        let sent = self
            .send(method, choice, asker, None, |this, out| this.from_hooks.args(method, type_id, cursor, types, out));
        match sent {
            Ok(true) => {
                if class(method) == Class::File {
                    self.files_called(link);
                }
                Ok(())
            }
            Ok(false) => {
                let body = Body { type_id, cursor: &mut start.replay(), types };
                self.answer_without_worker(link, conn, request.seq, method, body, &Failure::Full)
            }
            Err(error) => self.arguments_refused(link, types, conn, request, method, error),
        }
    }

    /// An event: the host has its answer at once, and the worker gets the event when it can.
    fn event_called(
        &mut self,
        link: &mut HostLink,
        conn: StreamId,
        request: RequestHead<'_>,
        method: &'static Method,
        body: Body<'_, '_>,
    ) -> Result<(), GobError> {
        let Body { type_id, cursor, types } = body;
        let mut arguments = Vec::new();
        if let Err(error) = self.from_hooks.args(method, type_id, cursor, types, &mut arguments) {
            return self.arguments_refused(link, types, conn, request, method, error);
        }
        self.reply_nothing(link, conn, request.seq, method);
        let lane = lane_of(method, &arguments);
        let Some(choice) = self.workers.choose(method, lane, self.now) else {
            if self.workers.is_removed(method.id) {
                return Ok(());
            }
            let reason = self.absence_of_workers();
            self.metrics.hook(method, Duration::ZERO, false);
            self.drop_event(method, &reason);
            return Ok(());
        };
        let sent = self.send(method, choice, Asker::Nobody, lane, |_, out| {
            out.extend_from_slice(&arguments);
            Ok(None)
        });
        if !matches!(sent, Ok(true)) {
            self.drop_event(method, "too many events wait for the worker");
        }
        Ok(())
    }

    /// Calls a hook that has no arguments, for the bridge's own purposes. False if the worker does not implement it, or cannot take it.
    pub(crate) fn call_own_hook(&mut self, worker: usize, name: &str, asker: Asker) -> bool {
        let Some(method) = generated::hook_by_name(name) else { return false };
        let Some(mode) = self.workers.get(worker).filter(|worker| worker.is_up()).and_then(|w| w.mode(method.id))
        else {
            return false;
        };
        self.send(method, Choice { worker, mode, waits: false }, asker, None, |_, out| {
            mmp_transcode::msgpack::put_array_len(out, 0);
            Ok(None)
        })
        .unwrap_or(false)
    }

    /// Writes a hook's frame, to a connection if one is free, else into the queue. False if the queue is full.
    pub(crate) fn send(
        &mut self,
        method: &'static Method,
        choice: Choice,
        asker: Asker,
        lane: Option<Lane>,
        arguments: impl FnOnce(&mut Core, &mut Vec<u8>) -> Result<Option<KeptArg>, TranscodeError>,
    ) -> Result<bool, TranscodeError> {
        let need = Need { mode: choice.mode, class: class(method) };
        let limit = self.limit_of(method, choice.worker, asker);
        let Some(worker) = self.workers.get_mut(choice.worker) else { return Ok(false) };
        // What brings a worker up, or ends it, does not wait behind the hooks of the host.
        let own = asker.brings_up() || asker == Asker::Deactivation;
        let free = if own { worker.dispatcher.free(need) } else { None };
        let place = free.map_or_else(|| worker.dispatcher.place(need, lane), Place::Connection);
        if place == Place::Full {
            self.metrics.hook(method, Duration::ZERO, false);
            return Ok(false);
        }
        let id = self.unused_hook_id();
        // The output is taken out while the arguments are written into it, because writing needs the rest of the bridge.
        let mut out = match place {
            Place::Connection(connection) => self.workers.take_output(connection),
            _ => Vec::new(),
        };
        let base = out.len() + frame::HEADER;
        let written = frame::put_frame(&mut out, Kind::Hook, method.id, id, |out| arguments(self, out));
        let kept = written.as_ref().ok().and_then(Option::as_ref).map(|kept| Kept {
            frame: out[base + kept.frame.start..base + kept.frame.end].to_vec(),
            gob: kept.gob.clone(),
            wire: kept.wire,
        });
        let since = self.now;
        match (place, self.workers.get_mut(choice.worker)) {
            (Place::Connection(connection), _) => self.workers.put_output(connection, out),
            (_, Some(worker)) if written.is_ok() => {
                worker.dispatcher.enqueue(Queued { id, need, frame: out, since, lane });
            }
            _ => {}
        }
        written?;
        self.next_hook = id.wrapping_add(1);
        let hook = PendingHook { method, asker, kept, began: since, worker: choice.worker, limit };
        self.hooks.insert(id, hook);
        if let Some(limit) = limit {
            let wait = choice.waits.then(|| self.workers.get(choice.worker).map(|worker| worker.patience(since)));
            let patience = wait.flatten().map_or(limit, |wait| limit.min(wait));
            self.deadlines.set(id, since + patience);
        }
        match place {
            Place::Connection(connection) => self.hook_started(id, need, lane, connection),
            _ => self.grow(),
        }
        Ok(true)
    }

    /// How long a hook may take.
    fn limit_of(&self, method: &Method, worker: usize, asker: Asker) -> Option<Duration> {
        match asker {
            Asker::Nobody => None,
            Asker::Activation { .. } | Asker::Restart | Asker::CatchUp => {
                let (worker, bundle) = (self.workers.get(worker)?, self.workers.bundle()?);
                Some(worker.activation_limit(bundle))
            }
            // The stop has a deadline for all of it.
            Asker::Deactivation => None,
            Asker::Host { .. } | Asker::Http { .. } | Asker::Broadcast { .. } => self.workers.policies.limit(method),
        }
    }

    fn unused_hook_id(&self) -> u32 {
        let mut id = self.next_hook;
        // A hook that was late is still known to its worker.
        while self.hooks.contains_key(&id) || self.overdue.contains_key(&id) {
            id = id.wrapping_add(1);
        }
        id
    }

    /// Asks workers for more connections if queued hooks need them.
    pub(crate) fn grow(&mut self) {
        let now = self.now;
        for worker in self.workers.iter_mut() {
            let more = worker.dispatcher.growth(now);
            if more > 0 {
                worker.open_connections(more);
            }
        }
    }

    /// Sends queued hooks to the connections that are free now.
    pub(crate) fn dispatch_queued(&mut self) {
        for index in 0..self.workers.len() {
            while let Some(worker) = self.workers.get_mut(index)
                && let Some((queued, connection)) = worker.dispatcher.dequeue()
            {
                let mut out = worker.take_output(connection);
                out.extend_from_slice(&queued.frame);
                worker.put_output(connection, out);
                self.hook_started(queued.id, queued.need, queued.lane, connection);
            }
        }
        self.grow();
    }

    /// A hook was sent to a connection. Its streams begin in the same turn, by [`Core::begin_streams`].
    fn hook_started(&mut self, id: u32, need: Need, lane: Option<Lane>, connection: usize) {
        if let Some(worker) = self.workers.of(connection) {
            worker.dispatcher.started(id, need, lane, connection);
        }
        if let Some(hook) = self.hooks.get_mut(&id)
            && let Some(limit) = hook.limit
        {
            // Its patience in the queue may have been shorter.
            self.deadlines.set(id, hook.began + limit);
        }
        if matches!(need.class, Class::Http | Class::File) {
            self.started.push((id, connection));
        }
    }

    /// Answers the hooks that wait behind others which wait for each other.
    pub(crate) fn refuse_stalled(&mut self, session: &mut PluginSession) {
        for index in 0..self.workers.len() {
            let Some(worker) = self.workers.get_mut(index) else { continue };
            for id in worker.dispatcher.refuse_stalled(self.now) {
                if let Some(hook) = self.take_hook(id) {
                    self.fail_hook(session, id, hook, &Failure::Stalled);
                }
            }
        }
    }

    /// Takes a hook out that is answered now.
    pub(crate) fn take_hook(&mut self, id: u32) -> Option<PendingHook> {
        self.deadlines.remove(id);
        self.hooks.remove(&id)
    }

    /// A worker answered a hook.
    pub(crate) fn hook_answered(&mut self, session: &mut PluginSession, connection: usize, id: u32, payload: &[u8]) {
        if !self.hook_finished(connection, id) {
            return;
        }
        if let Some(hook) = self.take_hook(id) {
            let half_replaced = self.is_half_replaced(id);
            self.files_finished(session.link(), id);
            let (method, began) = (hook.method, hook.began);
            let refusal = half_replaced.then(files::refusal);
            let fits = self.answer(session, hook, refusal.as_deref().unwrap_or(payload)) && !half_replaced;
            self.metrics.hook(method, self.now.saturating_duration_since(began), fits);
        }
        self.dispatch_queued();
    }

    /// Counts a hook that is answered now.
    pub(crate) fn count_hook(&mut self, hook: &PendingHook, ok: bool) {
        self.metrics.hook(hook.method, self.now.saturating_duration_since(hook.began), ok);
    }

    /// Frees a connection for the next hook. False if it did not run this one: it was answered before, or runs elsewhere.
    fn hook_finished(&mut self, connection: usize, id: u32) -> bool {
        if !self.runs_on(id, connection) {
            let id = id.to_string();
            self.log.push_any(Level::Warn, "the worker answered a hook that it does not have", &[("id", &id)]);
            return false;
        }
        self.late_answer(id);
        self.workers.of(connection).is_some_and(|worker| worker.dispatcher.finished(id))
    }

    /// Whether a hook runs on a connection.
    pub(crate) fn runs_on(&mut self, id: u32, connection: usize) -> bool {
        let runs_on = self.workers.of(connection).and_then(|worker| worker.dispatcher.mode_of(id));
        runs_on.is_some_and(|(_, runs_on)| runs_on == connection)
    }

    /// A worker's handler failed.
    pub(crate) fn hook_failed(&mut self, session: &mut PluginSession, connection: usize, id: u32, payload: &[u8]) {
        if !self.hook_finished(connection, id) {
            return;
        }
        if let Some(hook) = self.take_hook(id) {
            let raised = read_raised(payload);
            self.fail_hook(session, id, hook, &Failure::Raised(&raised));
        }
        self.dispatch_queued();
    }
}

/// What an event must not overtake.
fn lane_of(method: &Method, arguments: &[u8]) -> Option<Lane> {
    if !IN_ORDER.contains(&method.name) {
        return None;
    }
    let mut reader = Reader::new(arguments);
    reader.token().ok()?;
    let mut hasher = DefaultHasher::new();
    reader.raw().ok()?.hash(&mut hasher);
    Some(hasher.finish())
}

/// Whether a hook is one that the host has been answered at once.
pub(crate) fn is_event(method: &Method) -> bool {
    method.deadline == Deadline::Event
}
