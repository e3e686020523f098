//! API calls: from the worker to the host, and the answers back.

use mmp_gob::Error as GobError;
use mmp_goplugin::endpoint::Link as HostLink;
use mmp_goplugin::netrpc::{Body, CallError};
use mmp_transcode::schema::Method;
use mmp_transcode::{Error as TranscodeError, Reply, generated, msgpack};
use mmp_worker::frame::{self, Header, Kind};

use crate::core::{AnswerError, Core};
use crate::log::{Level, Line, write_stderr};
use crate::names;

/// A call that waits for the host's answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PendingCall {
    /// A worker's call, from this connection with this id.
    Worker { connection: usize, id: u32, method: &'static Method },
    /// A call of the response writer of an HTTP exchange.
    Http { exchange: u32 },
    /// Reading from a connection that an HTTP exchange took over.
    HttpRead { exchange: u32 },
    /// A line of the log.
    Log,
    /// The worker that made the call is gone, or does not want the answer any more.
    Abandoned,
}

/// The calls that wait, by token. Tokens are used again.
#[derive(Debug, Default)]
pub(crate) struct PendingCalls {
    calls: Vec<Option<PendingCall>>,
    free: Vec<usize>,
}

impl PendingCalls {
    pub(crate) fn insert(&mut self, call: PendingCall) -> u64 {
        match self.free.pop() {
            Some(at) => {
                self.calls[at] = Some(call);
                at as u64
            }
            None => {
                self.calls.push(Some(call));
                self.calls.len() as u64 - 1
            }
        }
    }

    fn get(&self, token: u64) -> Option<PendingCall> {
        self.calls.get(usize::try_from(token).ok()?).copied().flatten()
    }

    pub(crate) fn remove(&mut self, token: u64) {
        if let Ok(at) = usize::try_from(token)
            && let Some(slot) = self.calls.get_mut(at)
            && slot.take().is_some()
        {
            self.free.push(at);
        }
    }

    /// Takes out every call of the worker: connection, id and method.
    fn take_all(&mut self) -> Vec<(usize, u32, &'static Method)> {
        let mut taken = Vec::new();
        for call in self.calls.iter_mut().flatten() {
            if let PendingCall::Worker { connection, id, method } = *call {
                taken.push((connection, id, method));
                *call = PendingCall::Abandoned;
            }
        }
        taken
    }

    /// The answers of calls that match are not wanted any more.
    pub(crate) fn abandon(&mut self, matches: impl Fn(usize, u32) -> bool) -> usize {
        let mut abandoned = 0;
        for call in self.calls.iter_mut().flatten() {
            if let PendingCall::Worker { connection, id, .. } = call
                && matches(*connection, *id)
            {
                *call = PendingCall::Abandoned;
                abandoned += 1;
            }
        }
        abandoned
    }
}

impl Core {
    /// The worker calls an API method.
    pub(crate) fn api_called(
        &mut self,
        link: Option<&mut HostLink>,
        connection: usize,
        header: Header,
        payload: &[u8],
    ) {
        let Some(method) = generated::api(header.method) else {
            let message = format!("there is no API method with the id {}", header.method);
            self.refuse_call(connection, header.id, header.method, "invalid", &message);
            return;
        };
        if !method.streams.is_empty() {
            let message =
                format!("{} carries a stream, which this version of the bridge does not pass on", method.name);
            self.refuse_call(connection, header.id, header.method, "missing", &message);
            return;
        }
        let (Some(link), Some(api)) = (link, self.api) else {
            let message = format!(
                "{}: the API is not there before the plugin is activated, or after it was stopped",
                method.name
            );
            self.refuse_call(connection, header.id, header.method, "unavailable", &message);
            return;
        };
        let token = self.calls.insert(PendingCall::Worker { connection, id: header.id, method });
        let to_api = &mut self.to_api;
        let called: Result<u64, AnswerError> =
            link.call(api, names::api(method), token, |out| Ok(to_api.call(method, payload, out)?));
        match called {
            Ok(_) => {
                self.dispatcher.call_began(connection);
                self.worker.count_call(connection, true);
            }
            Err(error) => {
                self.calls.remove(token);
                let kind = if matches!(error, AnswerError::Value(_)) { "invalid" } else { "unavailable" };
                let message = format!("{}: {error}", method.name);
                self.refuse_call(connection, header.id, header.method, kind, &message);
            }
        }
    }

    /// The worker does not want the answer of a call any more.
    pub(crate) fn call_cancelled(&mut self, connection: usize, id: u32) {
        if self.calls.abandon(|c, i| c == connection && i == id) > 0 {
            self.call_ended(connection);
            self.dispatch_queued();
        }
    }

    fn call_ended(&mut self, connection: usize) {
        self.dispatcher.call_ended(connection);
        self.worker.count_call(connection, false);
    }

    /// The plugin is being stopped: no call gets an answer any more, and handlers that wait for one go on.
    pub(crate) fn refuse_all_calls(&mut self) {
        self.api = None;
        for (connection, id, method) in self.calls.take_all() {
            let message = format!("{}: the plugin is being stopped", method.name);
            self.refuse_call(connection, id, method.id, "unavailable", &message);
        }
    }

    /// The host answered a call.
    pub(crate) fn call_answered(
        &mut self,
        link: &mut HostLink,
        token: u64,
        body: Body<'_, '_>,
    ) -> Result<(), GobError> {
        match self.calls.get(token) {
            Some(PendingCall::Worker { connection, id, method }) => {
                let mut out = self.worker.take_output(connection);
                let written = self.put_reply(method, id, body, &mut out);
                self.worker.put_output(connection, out);
                written?;
                self.calls.remove(token);
                self.call_ended(connection);
                self.dispatch_queued();
            }
            Some(PendingCall::Http { exchange }) => {
                self.http_answered(link, exchange, body)?;
                self.calls.remove(token);
            }
            Some(PendingCall::HttpRead { exchange }) => {
                self.http_read(link, exchange, body)?;
                self.calls.remove(token);
            }
            Some(PendingCall::Log) => {
                self.calls.remove(token);
                self.log.in_flight = false;
                self.flush_log(link);
            }
            Some(PendingCall::Abandoned) | None => self.calls.remove(token),
        }
        Ok(())
    }

    /// Writes API_REPLY, or API_ERROR if the host's reply holds an error or is not what the schema says.
    fn put_reply(
        &mut self,
        method: &'static Method,
        id: u32,
        body: Body<'_, '_>,
        out: &mut Vec<u8>,
    ) -> Result<(), GobError> {
        let start = out.len();
        let Body { type_id, cursor, types } = body;
        let from_api = &mut self.from_api;
        let written = frame::put_frame(out, Kind::ApiReply, method.id, id, |out| {
            from_api.results(method, type_id, cursor, types, out)
        });
        match written {
            Ok(Reply::Results) => {}
            Ok(Reply::Error) => out[start + frame::KIND_AT] = Kind::ApiError as u8,
            Err(TranscodeError::Gob(error)) => return Err(error),
            Err(error) => {
                let message = format!("{}: the server's answer cannot be read: {error}", method.name);
                put_error(out, method.id, id, "error", &message);
            }
        }
        Ok(())
    }

    /// A call has no answer.
    pub(crate) fn call_refused(&mut self, link: &mut HostLink, token: u64, error: &CallError) {
        let call = self.calls.get(token);
        self.calls.remove(token);
        match call {
            Some(PendingCall::Worker { connection, id, method }) => {
                let (kind, message) = describe(method, error);
                self.refuse_call(connection, id, method.id, kind, &message);
                self.call_ended(connection);
                self.dispatch_queued();
            }
            Some(PendingCall::Http { exchange }) => self.http_refused(link, exchange, Some(error)),
            Some(PendingCall::HttpRead { exchange }) => self.http_read_failed(exchange, error),
            Some(PendingCall::Log) => {
                self.log.in_flight = false;
                self.flush_log(link);
            }
            Some(PendingCall::Abandoned) | None => {}
        }
    }

    fn refuse_call(&mut self, connection: usize, id: u32, method: u16, kind: &str, message: &str) {
        let mut out = self.worker.take_output(connection);
        put_error(&mut out, method, id, kind, message);
        self.worker.put_output(connection, out);
    }

    /// Sends the next line of the log, if none is on its way. Without the API every line goes to standard error.
    pub(crate) fn flush_log(&mut self, link: &mut HostLink) {
        let Some(api) = self.api else {
            self.log.drain_to_stderr();
            return;
        };
        while !self.log.in_flight {
            let Some(line) = self.log.pop() else { return };
            if !self.send_line(link, api, &line) {
                write_stderr(&line);
            }
        }
    }

    fn send_line(&mut self, link: &mut HostLink, api: mmp_goplugin::yamux::StreamId, line: &Line) -> bool {
        let Some(method) = generated::api_by_name(line.level.api_method()) else { return false };
        let token = self.calls.insert(PendingCall::Log);
        let payload = log_arguments(line);
        let to_api = &mut self.to_api;
        let called: Result<u64, AnswerError> =
            link.call(api, names::api(method), token, |out| Ok(to_api.call(method, &payload, out)?));
        if called.is_err() {
            self.calls.remove(token);
            return false;
        }
        self.log.in_flight = true;
        true
    }

    /// The worker sent a line for the log.
    pub(crate) fn worker_logged(&mut self, payload: &[u8]) {
        match mmp_worker::messages::decode::<mmp_worker::messages::Log>(payload) {
            Ok(mmp_worker::messages::Log(level, message, fields)) => {
                let fields = fields.into_iter().collect();
                self.log.push_line(Line { level: Level::from_name(&level), message, fields });
            }
            Err(error) => self.log.push(Level::Warn, format!("a LOG frame of the worker cannot be read: {error}"), &[]),
        }
    }
}

/// The arguments of the API's log methods: a message, and keys and values in turn.
fn log_arguments(line: &Line) -> Vec<u8> {
    let mut payload = Vec::new();
    msgpack::put_array_len(&mut payload, 2);
    msgpack::put_str(&mut payload, &line.message);
    msgpack::put_array_len(&mut payload, line.fields.len() * 2);
    for (key, value) in &line.fields {
        msgpack::put_str(&mut payload, key);
        msgpack::put_str(&mut payload, value);
    }
    payload
}

/// What a failed call means to the worker.
fn describe(method: &Method, error: &CallError) -> (&'static str, String) {
    if error.missing_method().is_some() {
        let since = if method.since.is_empty() { "a newer Mattermost" } else { method.since };
        return ("missing", format!("this server does not have {}; it needs Mattermost {since} or newer", method.name));
    }
    match error {
        CallError::Connection(_) => {
            ("unavailable", format!("{}: the connection to the server is gone: {error}", method.name))
        }
        _ => ("error", format!("{}: {error}", method.name)),
    }
}

fn put_error(out: &mut Vec<u8>, method: u16, id: u32, kind: &str, message: &str) {
    let done: Result<(), std::convert::Infallible> = frame::put_frame(out, Kind::ApiError, method, id, |out| {
        let mark = msgpack::begin_map(out);
        msgpack::put_str(out, "kind");
        msgpack::put_str(out, kind);
        msgpack::put_str(out, "message");
        msgpack::put_str(out, message);
        msgpack::end_map(out, mark, 2);
        Ok(())
    });
    let Ok(()) = done;
}
