//! Hooks: from the host to the worker, and the answers back.

use mmp_gob::{Error as GobError, TypeId, Types};
use mmp_goplugin::endpoint::Link as HostLink;
use mmp_goplugin::netrpc::{Body, RequestHead};
use mmp_goplugin::plugin::PluginSession;
use mmp_goplugin::yamux::StreamId;
use mmp_transcode::generated;
use mmp_transcode::msgpack::{Reader, Token};
use mmp_transcode::schema::Method;
use mmp_transcode::{Error as TranscodeError, Sent};
use mmp_worker::dispatch::{Place, Queued};
use mmp_worker::frame::{self, Kind};
use mmp_worker::messages::Mode;

use crate::activation::ON_CONFIGURATION_CHANGE;
use crate::core::{AnswerError, Core};
use crate::log::Level;
use crate::names;

const ON_DEACTIVATE: &str = "OnDeactivate";

/// A hook that the worker has.
#[derive(Debug)]
pub(crate) struct PendingHook {
    pub(crate) method: &'static Method,
    pub(crate) asker: Asker,
    kept: Option<Kept>,
}

/// Who waits for the answer of a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// The host, with this request.
    Host { conn: StreamId, seq: u64 },
    /// The bridge itself, on the way to the activation that the host asked for.
    Activation { conn: StreamId, seq: u64 },
    /// The bridge itself, to bring a worker up that was started again.
    Restart,
    /// The bridge itself, because the configuration changed while that worker was brought up.
    CatchUp,
}

/// What is kept of an argument that the result echoes.
#[derive(Debug)]
struct Kept {
    frame: Vec<u8>,
    gob: Vec<u8>,
    wire: TypeId,
}

impl Kept {
    fn sent(&self) -> Sent<'_> {
        Sent { frame: &self.frame, gob: &self.gob, wire: self.wire }
    }
}

/// The text of an error that the worker's handler raised, and the map of an AppError in it.
struct Raised<'a> {
    message: String,
    app: Option<&'a [u8]>,
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
        if !self.worker.implements(method.id) {
            // Go's text for a hook that the plugin does not have.
            let text = format!("Hook {name} called but not implemented.");
            link.reply_error(conn, request.seq, request.method, &text);
            return Ok(());
        }
        // A worker that ends now is not to be activated again behind the server's back.
        self.activated &= name != ON_DEACTIVATE;
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
            Ok(true) => Ok(()),
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
    fn send(
        &mut self,
        method: &'static Method,
        mode: Mode,
        asker: Asker,
        arguments: impl FnOnce(&mut Core, &mut Vec<u8>) -> Result<Option<mmp_transcode::KeptArg>, TranscodeError>,
    ) -> Result<bool, TranscodeError> {
        let place = self.dispatcher.place(mode);
        if place == Place::Full {
            return Ok(false);
        }
        let id = self.next_hook;
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
            _ if written.is_ok() => self.dispatcher.enqueue(Queued { id, mode, frame: out, since: self.now }),
            _ => {}
        }
        written?;
        self.next_hook = id.wrapping_add(1);
        self.hooks.insert(id, PendingHook { method, asker, kept });
        match place {
            Place::Connection(connection) => self.dispatcher.started(id, mode, connection),
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
            self.dispatcher.started(queued.id, queued.mode, connection);
        }
        self.grow();
    }

    /// Answers the hooks that wait behind others which wait for each other.
    pub(crate) fn refuse_stalled(&mut self, session: &mut PluginSession) {
        for id in self.dispatcher.refuse_stalled(self.now) {
            if let Some(hook) = self.hooks.remove(&id) {
                let name = hook.method.name;
                self.log.push(Level::Error, format!("{name}: 64 hooks of this plugin wait for API calls and none has moved for seconds, as when hooks fire each other without end; the server's default is the answer"), &[]);
                self.answer(session, hook, &[]);
            }
        }
    }

    /// The worker answered a hook.
    pub(crate) fn hook_answered(&mut self, session: &mut PluginSession, connection: usize, id: u32, payload: &[u8]) {
        if !self.hook_finished(connection, id) {
            return;
        }
        if let Some(hook) = self.hooks.remove(&id) {
            self.answer(session, hook, payload);
        }
        self.dispatch_queued();
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
            if !matches!(hook.asker, Asker::Activation { .. }) {
                self.log.push(Level::Error, format!("{name}: the plugin's handler failed: {}", raised.message), &[]);
            }
            self.answer_failure(session, hook, &raised.message, raised.app);
        }
        self.dispatch_queued();
    }

    /// Every hook that the worker had is answered with the server's default, or with an error where the hook can say one.
    pub(crate) fn worker_lost(&mut self, session: Option<&mut PluginSession>, reason: &str) {
        self.dispatcher.reset();
        let mut lost: Vec<(u32, PendingHook)> = self.hooks.drain().collect();
        lost.sort_by_key(|(id, _)| *id);
        let Some(session) = session else { return };
        for (_, hook) in lost {
            self.answer_failure(session, hook, reason, None);
        }
    }

    /// Answers with results.
    fn answer(&mut self, session: &mut PluginSession, hook: PendingHook, payload: &[u8]) {
        let Asker::Host { conn, seq } = hook.asker else {
            let failure = read_returned_error(payload);
            self.own_hook_answered(session, hook.asker, hook.method, failure.as_deref());
            return;
        };
        let Some((link, types)) = session.link_and_types(conn) else { return };
        let (method, sent) = (hook.method, hook.kept.as_ref().map(Kept::sent));
        let written = self.reply(link, types, conn, seq, method, payload, sent);
        if let Err(AnswerError::Value(error)) = written {
            let message = format!(
                "{}: the handler's result does not fit, so the server's default is the answer: {error}",
                method.name
            );
            self.log.push(Level::Error, message, &[]);
            self.reply_failure(link, types, conn, seq, method, "the handler's result does not fit", None, sent);
        }
    }

    /// Answers with an error where the hook has an error result, else with the server's default.
    fn answer_failure(&mut self, session: &mut PluginSession, hook: PendingHook, message: &str, app: Option<&[u8]>) {
        let Asker::Host { conn, seq } = hook.asker else {
            self.own_hook_answered(session, hook.asker, hook.method, Some(message));
            return;
        };
        let Some((link, types)) = session.link_and_types(conn) else { return };
        let method = hook.method;
        let sent = hook.kept.as_ref().map(Kept::sent);
        self.reply_failure(link, types, conn, seq, method, message, app, sent);
    }

    /// The answer of a hook that failed. A hook that can say an error never gets its neutral answer here, which would mean success: an AppError that does not fit becomes a plain one.
    #[expect(
        clippy::too_many_arguments,
        reason = "one reply needs the connection, the method and what was kept of its argument"
    )]
    fn reply_failure(
        &mut self,
        link: &mut HostLink,
        types: &mut Types,
        conn: StreamId,
        seq: u64,
        method: &'static Method,
        message: &str,
        app: Option<&[u8]>,
        sent: Option<Sent<'_>>,
    ) {
        if method.error.is_none() {
            return self.reply_or_error(link, types, conn, seq, method, sent);
        }
        let name = names::hook(method);
        let to_hooks = &mut self.to_hooks;
        let mut reply = |app: Option<&[u8]>| -> Result<(), AnswerError> {
            link.reply(conn, seq, name, |out| Ok(to_hooks.reply_error(method, message, app, out)?))
        };
        let written = match reply(app) {
            Err(AnswerError::Value(error)) if app.is_some() => {
                let text = format!(
                    "{}: the handler's error does not fit, so only its text is passed on: {error}",
                    method.name
                );
                self.log.push(Level::Error, text, &[]);
                reply(None)
            }
            written => written,
        };
        if written.is_err() {
            link.reply_error(conn, seq, name, message);
        }
    }

    /// Answers a hook that comes while there is no worker: with an error where the hook has an error result, else with the server's default.
    fn answer_without_worker(
        &mut self,
        link: &mut HostLink,
        conn: StreamId,
        seq: u64,
        method: &'static Method,
        body: Body<'_, '_>,
    ) -> Result<(), GobError> {
        if method.error.is_none() {
            return self.answer_neutral(link, conn, seq, method, body);
        }
        let reason = self.worker.down_reason();
        let reason = reason.as_deref().unwrap_or("the plugin's worker is being started again");
        let to_hooks = &mut self.to_hooks;
        let written: Result<(), AnswerError> =
            link.reply(conn, seq, names::hook(method), |out| Ok(to_hooks.reply_error(method, reason, None, out)?));
        if let Err(error) = written {
            link.reply_error(conn, seq, names::hook(method), &error.to_string());
        }
        Ok(())
    }

    /// Answers a hook that no worker can take now with the server's default, reading the arguments only where the default repeats one.
    fn answer_neutral(
        &mut self,
        link: &mut HostLink,
        conn: StreamId,
        seq: u64,
        method: &'static Method,
        body: Body<'_, '_>,
    ) -> Result<(), GobError> {
        let Body { type_id, cursor, types } = body;
        let mut frame = Vec::new();
        let kept = match self.from_hooks.args(method, type_id, cursor, types, &mut frame) {
            Ok(kept) => kept,
            Err(TranscodeError::Gob(error)) => return Err(error),
            Err(_) => None,
        };
        let sent =
            kept.as_ref().map(|kept| Sent { frame: &frame[kept.frame.clone()], gob: &kept.gob, wire: kept.wire });
        self.reply_or_error(link, types, conn, seq, method, sent);
        Ok(())
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one reply needs the connection, the method and what was kept of its argument"
    )]
    fn reply(
        &mut self,
        link: &mut HostLink,
        types: &mut Types,
        conn: StreamId,
        seq: u64,
        method: &'static Method,
        payload: &[u8],
        sent: Option<Sent<'_>>,
    ) -> Result<(), AnswerError> {
        let to_hooks = &mut self.to_hooks;
        link.reply(conn, seq, names::hook(method), |out| Ok(to_hooks.reply(method, payload, sent, types, out)?))
    }

    /// The neutral answer; an error reply if even that cannot be written.
    fn reply_or_error(
        &mut self,
        link: &mut HostLink,
        types: &mut Types,
        conn: StreamId,
        seq: u64,
        method: &'static Method,
        sent: Option<Sent<'_>>,
    ) {
        if let Err(error) = self.reply(link, types, conn, seq, method, &[], sent) {
            link.reply_error(conn, seq, names::hook(method), &error.to_string());
        }
    }
}

/// Reads the error among the results of a hook that has no other: nil, a text, or a map like that of HOOK_ERROR. An empty payload is none.
fn read_returned_error(payload: &[u8]) -> Option<String> {
    let mut reader = Reader::new(payload);
    let Ok(Token::Array(1)) = reader.token() else { return None };
    let error = reader.raw().ok()?;
    match Reader::new(error).token() {
        Ok(Token::Str(text)) => Some(String::from_utf8_lossy(text).into_owned()),
        Ok(Token::Map(_)) => Some(read_raised(error).message),
        _ => None,
    }
}

/// Reads HOOK_ERROR.
fn read_raised(payload: &[u8]) -> Raised<'_> {
    let mut raised = Raised { message: "the handler failed".to_owned(), app: None };
    let mut reader = Reader::new(payload);
    let Ok(Token::Map(count)) = reader.token() else { return raised };
    for _ in 0..count {
        let (Ok(key), Ok(value)) = (reader.token(), reader.raw()) else { break };
        match (key, Reader::new(value).token()) {
            (Token::Str(b"message"), Ok(Token::Str(text))) => {
                raised.message = String::from_utf8_lossy(text).into_owned();
            }
            (Token::Str(b"app"), Ok(Token::Map(_))) => raised.app = Some(value),
            _ => {}
        }
    }
    raised
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_is_returned_is_read() {
        let returned = |payload: &[u8]| read_returned_error(payload);
        assert_eq!(returned(b""), None);
        assert_eq!(returned(b"\x91\xc0"), None);
        assert_eq!(returned(b"\x91\xa4none").as_deref(), Some("none"));
        assert_eq!(returned(b"\x91\x82\xa4kind\xa5error\xa7message\xa4gone").as_deref(), Some("gone"));
        assert_eq!(returned(b"\x91\x82\xa4kind"), None, "it is cut off");
    }
}
