//! Hooks: from the host to the worker, and what comes back; `answers.rs` says how that reaches the host.

use std::time::{Duration, Instant};

use mmp_gob::{Error as GobError, TypeId};
use mmp_goplugin::endpoint::Link as HostLink;
use mmp_goplugin::netrpc::{Body, RequestHead};
use mmp_goplugin::plugin::PluginSession;
use mmp_goplugin::yamux::StreamId;
use mmp_transcode::generated;
use mmp_transcode::schema::Method;
use mmp_transcode::{Error as TranscodeError, Sent};
use mmp_worker::dispatch::{Class, Need, Place, Queued};
use mmp_worker::frame::{self, Kind};
use mmp_worker::messages::Mode;

use crate::activation::ON_CONFIGURATION_CHANGE;
use crate::answers::read_raised;
use crate::core::Core;
use crate::files;
use crate::http::SERVE_METRICS;
use crate::ids;
use crate::log::Level;

const ON_DEACTIVATE: &str = "OnDeactivate";

/// A hook that the worker has.
#[derive(Debug)]
pub(crate) struct PendingHook {
    pub(crate) method: &'static Method,
    pub(crate) asker: Asker,
    pub(crate) kept: Option<Kept>,
    pub(crate) began: Instant,
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
        if !self.worker.implements(method.id) && name != SERVE_METRICS {
            // Go's text for a hook that the plugin does not have.
            let text = format!("Hook {name} called but not implemented.");
            link.reply_error(conn, request.seq, request.method, &text);
            return Ok(());
        }
        // A worker that ends now is not to be activated again behind the server's back.
        self.activated &= name != ON_DEACTIVATE;
        let class = class_of(method);
        if class == Class::Http {
            return self.http_called(link, conn, request, method, body);
        }
        let asker = Asker::Host { conn, seq: request.seq };
        let Some(mode) = self.worker.mode(method.id).filter(|_| self.worker.is_active()) else {
            self.config_missed |= name == ON_CONFIGURATION_CHANGE && self.worker.mode(method.id).is_some();
            return self.answer_without_worker(link, conn, request.seq, method, body);
        };
        let Body { type_id, cursor, types } = body;
        let start = cursor.clone();
        let sent =
            self.send(method, mode, asker, |this, out| this.from_hooks.args(method, type_id, cursor, types, out));
        match sent {
            Ok(true) => {
                if class == Class::File {
                    self.files_called(link);
                }
                Ok(())
            }
            Ok(false) => {
                self.log.push(
                    Level::Error,
                    format!("{name}: too many hooks wait for the worker; the server's default is the answer"),
                    &[],
                );
                let body = Body { type_id, cursor: &mut start.replay(), types };
                self.answer_neutral(link, conn, request.seq, method, body)
            }
            Err(TranscodeError::Gob(error)) => Err(error),
            Err(error) => {
                self.log.push(
                    Level::Error,
                    format!("{name}: the server's arguments cannot be passed on: {error}"),
                    &[],
                );
                link.reply_error(conn, request.seq, request.method, &error.to_string());
                Ok(())
            }
        }
    }

    /// Calls a hook that has no arguments, for the bridge's own purposes. False if the worker does not implement it.
    pub(crate) fn call_own_hook(&mut self, name: &str, asker: Asker) -> bool {
        let Some(method) = generated::hook_by_name(name) else { return false };
        let Some(mode) = self.worker.mode(method.id) else { return false };
        self.send(method, mode, asker, |_, out| {
            mmp_transcode::msgpack::put_array_len(out, 0);
            Ok(None)
        })
        .unwrap_or(false)
    }

    /// Writes a hook's frame, to a connection if one is free, else into the queue. False if the queue is full.
    pub(crate) fn send(
        &mut self,
        method: &'static Method,
        mode: Mode,
        asker: Asker,
        arguments: impl FnOnce(&mut Core, &mut Vec<u8>) -> Result<Option<mmp_transcode::KeptArg>, TranscodeError>,
    ) -> Result<bool, TranscodeError> {
        let need = Need { mode, class: class_of(method) };
        let place = self.dispatcher.place(need);
        if place == Place::Full {
            self.metrics.hook(method, Duration::ZERO, false);
            return Ok(false);
        }
        let id = ids::unused(&self.hooks, self.next_hook);
        // The output is taken out while the arguments are written into it, because writing needs the rest of the bridge.
        let mut out = match place {
            Place::Connection(connection) => self.worker.take_output(connection),
            _ => Vec::new(),
        };
        let base = out.len() + frame::HEADER;
        let written = frame::put_frame(&mut out, Kind::Hook, method.id, id, |out| arguments(self, out));
        let kept = written.as_ref().ok().and_then(Option::as_ref).map(|kept| Kept {
            frame: out[base + kept.frame.start..base + kept.frame.end].to_vec(),
            gob: kept.gob.clone(),
            wire: kept.wire,
        });
        match place {
            Place::Connection(connection) => self.worker.put_output(connection, out),
            _ if written.is_ok() => self.dispatcher.enqueue(Queued { id, need, frame: out, since: self.now }),
            _ => {}
        }
        written?;
        self.next_hook = id.wrapping_add(1);
        self.hooks.insert(id, PendingHook { method, asker, kept, began: self.now });
        match place {
            Place::Connection(connection) => self.hook_started(id, need, connection),
            _ => self.grow(),
        }
        Ok(true)
    }

    /// Asks the worker for more connections if queued hooks need them.
    pub(crate) fn grow(&mut self) {
        let more = self.dispatcher.growth(self.now);
        if more > 0 {
            self.worker.open_connections(more);
        }
    }

    /// Sends queued hooks to the connections that are free now.
    pub(crate) fn dispatch_queued(&mut self) {
        while let Some((queued, connection)) = self.dispatcher.dequeue() {
            let mut out = self.worker.take_output(connection);
            out.extend_from_slice(&queued.frame);
            self.worker.put_output(connection, out);
            self.hook_started(queued.id, queued.need, connection);
        }
        self.grow();
    }

    /// A hook was sent to a connection. Its streams begin in the same turn, by [`Core::begin_streams`].
    fn hook_started(&mut self, id: u32, need: Need, connection: usize) {
        self.dispatcher.started(id, need, connection);
        if need.class != Class::Plain {
            self.started.push((id, connection));
        }
    }

    /// Answers the hooks that wait behind others which wait for each other.
    pub(crate) fn refuse_stalled(&mut self, session: &mut PluginSession) {
        for id in self.dispatcher.refuse_stalled(self.now) {
            if let Some(hook) = self.hooks.remove(&id) {
                self.count_hook(&hook, false);
                let name = hook.method.name;
                self.log.push(Level::Error, format!("{name}: 64 hooks of this plugin wait for API calls and none has moved for seconds, as when hooks fire each other without end; the server's default is the answer"), &[]);
                self.files_finished(session.link(), id);
                match hook.asker {
                    Asker::Http { exchange } => self.http_put_off(session.link(), exchange),
                    _ => {
                        self.answer(session, hook, &[]);
                    }
                }
            }
        }
    }

    /// The worker answered a hook.
    pub(crate) fn hook_answered(&mut self, session: &mut PluginSession, connection: usize, id: u32, payload: &[u8]) {
        if !self.hook_finished(connection, id) {
            return;
        }
        if let Some(hook) = self.hooks.remove(&id) {
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
    fn count_hook(&mut self, hook: &PendingHook, ok: bool) {
        self.metrics.hook(hook.method, self.now.saturating_duration_since(hook.began), ok);
    }

    /// Frees a connection for the next hook. False if it did not run this one: it was answered before, or runs elsewhere.
    fn hook_finished(&mut self, connection: usize, id: u32) -> bool {
        let runs_here = self.dispatcher.mode_of(id).is_some_and(|(_, runs_on)| runs_on == connection);
        if !runs_here {
            let id = id.to_string();
            self.log.push(Level::Warn, "the worker answered a hook that it does not have", &[("id", &id)]);
            return false;
        }
        self.dispatcher.finished(id)
    }

    /// The worker's handler failed.
    pub(crate) fn hook_failed(&mut self, session: &mut PluginSession, connection: usize, id: u32, payload: &[u8]) {
        if !self.hook_finished(connection, id) {
            return;
        }
        if let Some(hook) = self.hooks.remove(&id) {
            let raised = read_raised(payload);
            let name = hook.method.name;
            // That a client leaves is no fault, and OnActivate's failure is told in another way.
            let level = if self.client_has_left(hook.asker) { Level::Debug } else { Level::Error };
            if !matches!(hook.asker, Asker::Activation { .. }) {
                self.log.push(level, format!("{name}: the plugin's handler failed: {}", raised.message), &[]);
            }
            self.fail_hook(session, id, hook, &raised.message, raised.app);
        }
        self.dispatch_queued();
    }

    /// Answers a hook whose handler failed, or whose worker is gone. A file of which a part was replaced is refused.
    fn fail_hook(
        &mut self,
        session: &mut PluginSession,
        id: u32,
        hook: PendingHook,
        message: &str,
        app: Option<&[u8]>,
    ) {
        self.count_hook(&hook, false);
        if self.files_failed(session.link(), id) {
            self.answer(session, hook, &files::refusal());
        } else {
            self.answer_failure(session, hook, message, app);
        }
    }

    /// Every hook that the worker had is answered with the server's default, or with an error where the hook can say one.
    pub(crate) fn worker_lost(&mut self, session: Option<&mut PluginSession>, reason: &str) {
        self.dispatcher.reset();
        let mut lost: Vec<(u32, PendingHook)> = self.hooks.drain().collect();
        lost.sort_by_key(|(id, _)| *id);
        let Some(session) = session else { return };
        for (id, hook) in lost {
            self.fail_hook(session, id, hook, reason, None);
        }
    }
}

/// Which hooks share their bounds: those with streams last as long as a client likes. Only FileWillBeUploaded among them has results.
fn class_of(method: &Method) -> Class {
    match (method.streams, method.results) {
        ([], _) => Class::Plain,
        (_, []) => Class::Http,
        (_, _) => Class::File,
    }
}
