//! API calls: from the worker to the host, and the answers back.

use mmp_gob::Error as GobError;
use mmp_goplugin::endpoint::Link as HostLink;
use mmp_goplugin::netrpc::{Body, CallError};
use mmp_transcode::schema::Method;
use mmp_transcode::{Error as TranscodeError, Reply, generated, msgpack};
use mmp_worker::frame::{self, Header, Kind};

use crate::api_streams::{is_buffered, is_plugin_http, request, stream_numbers};
use crate::core::{AnswerError, Core};
use crate::driver::is_driver;
use crate::names;
use crate::pending_calls::{PendingCall, WorkerCall};

impl Core {
    /// The worker calls a method of the API or of the database driver.
    pub(crate) fn api_called(
        &mut self,
        link: Option<&mut HostLink>,
        connection: usize,
        header: Header,
        payload: &[u8],
    ) {
        let Some(method) = generated::api(header.method).or_else(|| generated::driver(header.method)) else {
            let message = format!("there is no API method with the id {}", header.method);
            self.put_error(connection, header.id, header.method, "invalid", &message);
            return;
        };
        let call = WorkerCall { connection, id: header.id, method, began: self.now };
        let conn = if is_driver(method) { self.driver.conn() } else { self.api };
        let (Some(link), Some(conn)) = (link, conn) else {
            let (kind, message) = self.absence(method);
            self.refuse_call(call, kind, &message);
            return;
        };
        if let Err(message) = self.check_streams(&call, header.flags) {
            self.refuse_call(call, "invalid", &message);
            return;
        }
        let checked = if is_plugin_http(method) { request::checked(payload) } else { Ok(payload.into()) };
        let payload = match &checked {
            Ok(checked) => checked.as_ref(),
            Err(problem) => return self.refuse_call(call, "invalid", &format!("{}: {problem}", method.name)),
        };
        self.watch_registrations(method, payload);
        if self.must_collect(method) {
            self.collect(link, call, header.flags, payload);
            return;
        }
        if is_driver(method) {
            return self.driver_called(link, call, payload);
        }
        let numbers = stream_numbers(link, method, header.flags);
        let token = self.calls.insert(PendingCall::Worker(call));
        let to_api = &mut self.to_api;
        let called: Result<u64, AnswerError> = link
            .call(conn, names::api(method), token, |out| Ok(to_api.call_with_streams(method, payload, &numbers, out)?));
        match called {
            Ok(_) => {
                self.call_began(connection);
                if !numbers.is_empty() {
                    self.begin_call_streams(link, call, &numbers, payload);
                }
            }
            Err(error) => {
                self.calls.remove(token);
                self.refuse_call(call, error.kind(), &format!("{}: {error}", method.name));
            }
        }
    }

    /// Why a method cannot be called now: the kind of the error, and what to say.
    fn absence(&self, method: &Method) -> (&'static str, String) {
        if is_driver(method) {
            return self.driver.absence(method);
        }
        let name = method.name;
        ("unavailable", format!("{name}: the API is not there before the plugin is activated, or after it was stopped"))
    }

    /// The worker does not want the answer of a call any more, nor what is left of its streams.
    pub(crate) fn call_cancelled(&mut self, link: Option<&mut HostLink>, connection: usize, id: u32) {
        let collecting = link.is_some_and(|link| self.call_streams_dropped(link, connection, id));
        let abandoned = self.calls.abandon(|c, i| c == connection && i == id);
        let forgotten = self.forget_driver_calls(|call| call.connection == connection && call.id == id);
        // A worker may have used an id for several calls.
        let ended = usize::from(collecting) + abandoned + forgotten;
        (0..ended).for_each(|_| self.call_ended(connection));
        if ended > 0 {
            self.dispatch_queued();
        }
    }

    /// A call of a connection waits for its answer from now on.
    pub(crate) fn call_began(&mut self, connection: usize) {
        if let Some(worker) = self.workers.of(connection) {
            worker.count_call(connection, true);
        }
    }

    /// A call of a connection does not wait any more.
    pub(crate) fn call_ended(&mut self, connection: usize) {
        if let Some(worker) = self.workers.of(connection) {
            worker.count_call(connection, false);
        }
    }

    /// The plugin is being stopped: no call gets an answer any more, and handlers that wait for one go on.
    pub(crate) fn refuse_all_calls(&mut self) {
        self.api = None;
        self.driver.close();
        self.refuse_driver_calls("the plugin is being stopped");
        for call in self.calls.take_all() {
            let message = format!("{}: the plugin is being stopped", call.method.name);
            self.refuse_call(call, "unavailable", &message);
        }
        self.end_call_streams();
    }

    /// The host answered a call.
    pub(crate) fn call_answered(
        &mut self,
        link: &mut HostLink,
        token: u64,
        body: Body<'_, '_>,
    ) -> Result<(), GobError> {
        match self.calls.get(token) {
            Some(PendingCall::Worker(call)) => {
                let ok = self.worker_answered(link, token, &call, body)?;
                self.calls.remove(token);
                self.call_over(&call, ok);
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
                self.log.in_flight = None;
                self.flush_log(link);
            }
            Some(PendingCall::Own { purpose, method }) => {
                self.own_call_answered(link, token, purpose, method, body)?;
            }
            Some(PendingCall::Abandoned) | None => {
                if self.driver.knows(token) {
                    self.driver_answered_nobody(link, token, body)?;
                }
                self.calls.remove(token);
            }
        }
        Ok(())
    }

    /// Passes the host's answer on to the worker. True if it is API_REPLY.
    fn worker_answered(
        &mut self,
        link: &mut HostLink,
        token: u64,
        call: &WorkerCall,
        body: Body<'_, '_>,
    ) -> Result<bool, GobError> {
        if is_buffered(call.method) {
            return self.buffered_answered(link, call, body);
        }
        let mut out = self.workers.take_output(call.connection);
        let start = out.len() + frame::HEADER;
        let written = self.put_reply(call, body, &mut out);
        let (has_streams, of_driver) = (!call.method.streams.is_empty(), is_driver(call.method));
        let reply = ((has_streams || of_driver) && matches!(written, Ok(true))).then(|| out[start..].to_vec());
        self.workers.put_output(call.connection, out);
        let ok = written?;
        if has_streams {
            self.call_streams_answered(link, call, reply.as_deref());
        }
        if of_driver {
            self.driver_answered(link, token, reply.as_deref(), true);
        }
        Ok(ok)
    }

    /// Writes API_REPLY, or API_ERROR if the host's reply holds an error or is not what the schema says. True if it is API_REPLY.
    fn put_reply(&mut self, call: &WorkerCall, body: Body<'_, '_>, out: &mut Vec<u8>) -> Result<bool, GobError> {
        let (method, start) = (call.method, out.len());
        let Body { type_id, cursor, types } = body;
        let from_gob = if is_driver(method) { &mut self.driver.from_gob } else { &mut self.from_api };
        let written = frame::put_frame(out, Kind::ApiReply, method.id, call.id, |out| {
            from_gob.results(method, type_id, cursor, types, out)
        });
        match written {
            Ok(Reply::Results) => return Ok(true),
            Ok(Reply::Error) => out[start + frame::KIND_AT] = Kind::ApiError as u8,
            Err(TranscodeError::Gob(error)) => return Err(error),
            Err(error) => {
                let message = format!("{}: the server's answer cannot be read: {error}", method.name);
                put_error(out, method.id, call.id, "error", 0, &message);
            }
        }
        Ok(false)
    }

    /// A call has no answer.
    pub(crate) fn call_refused(&mut self, link: &mut HostLink, token: u64, error: &CallError) {
        let call = self.calls.get(token);
        self.driver_answered(link, token, None, false);
        self.calls.remove(token);
        match call {
            Some(PendingCall::Worker(call)) if error.missing_method().is_some() && is_plugin_http(call.method) => {
                self.collect_instead(link, &call);
            }
            Some(PendingCall::Worker(call)) => {
                let (kind, message) = describe(call.method, error);
                self.put_error(call.connection, call.id, call.method.id, kind, &message);
                self.call_streams_dropped(link, call.connection, call.id);
                self.call_over(&call, false);
            }
            Some(PendingCall::Http { exchange }) => self.http_refused(link, exchange, Some(error)),
            Some(PendingCall::HttpRead { exchange }) => self.http_read_failed(exchange, error),
            Some(PendingCall::Log) => self.line_refused(link),
            Some(PendingCall::Own { purpose, method }) => self.own_call_refused(link, purpose, method, error),
            Some(PendingCall::Abandoned) | None => {}
        }
    }

    /// A call was answered: its handler goes on, and a hook that waits behind it may begin.
    fn call_over(&mut self, call: &WorkerCall, ok: bool) {
        self.metrics.api_call(call.method, self.now.saturating_duration_since(call.began), ok);
        self.call_ended(call.connection);
        self.dispatch_queued();
    }

    /// Answers a call that the host does not have, or whose answer of the host is not waited for.
    pub(crate) fn refuse_call(&mut self, call: WorkerCall, kind: &str, message: &str) {
        self.refuse_call_with_code(call, kind, 0, message);
    }

    /// The same with Go's number of the error.
    pub(crate) fn refuse_call_with_code(&mut self, call: WorkerCall, kind: &str, code: u8, message: &str) {
        self.metrics.api_call(call.method, self.now.saturating_duration_since(call.began), false);
        let mut out = self.workers.take_output(call.connection);
        put_error(&mut out, call.method.id, call.id, kind, code, message);
        self.workers.put_output(call.connection, out);
    }

    /// Sends API_ERROR.
    pub(crate) fn put_error(&mut self, connection: usize, id: u32, method: u16, kind: &str, message: &str) {
        let mut out = self.workers.take_output(connection);
        put_error(&mut out, method, id, kind, 0, message);
        self.workers.put_output(connection, out);
    }
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

fn put_error(out: &mut Vec<u8>, method: u16, id: u32, kind: &str, code: u8, message: &str) {
    let done: Result<(), std::convert::Infallible> = frame::put_frame(out, Kind::ApiError, method, id, |out| {
        let mark = msgpack::begin_map(out);
        msgpack::put_str(out, "kind");
        msgpack::put_str(out, kind);
        msgpack::put_str(out, "message");
        msgpack::put_str(out, message);
        if code != 0 {
            msgpack::put_str(out, "code");
            msgpack::put_uint(out, u64::from(code));
        }
        msgpack::end_map(out, mark, if code == 0 { 2 } else { 3 });
        Ok(())
    });
    let Ok(()) = done;
}
