//! Lines of the log: from the worker, and on to the host by API calls of the bridge's own.

use mmp_goplugin::endpoint::Link as HostLink;
use mmp_goplugin::yamux::StreamId;
use mmp_transcode::{generated, msgpack};
use mmp_worker::messages;

use crate::core::{AnswerError, Core};
use crate::log::{Level, Line, api_method, level_from_name, write_stderr};
use crate::names;
use crate::pending_calls::PendingCall;

impl Core {
    /// Sends the next line of the log, if none is on its way. Without the API every line goes to standard error.
    pub(crate) fn flush_log(&mut self, link: &mut HostLink) {
        let Some(api) = self.api else {
            self.log.drain_to_stderr();
            return;
        };
        while self.log.in_flight.is_none() {
            let Some(line) = self.log.queue.pop() else { return };
            if self.send_line(link, api, &line) {
                self.log.in_flight = Some(line);
            } else {
                write_stderr(&line);
            }
        }
    }

    fn send_line(&mut self, link: &mut HostLink, api: StreamId, line: &Line) -> bool {
        let Some(method) = generated::api_by_name(api_method(line.level)) else { return false };
        let token = self.calls.insert(PendingCall::Log);
        let payload = log_arguments(line);
        let to_api = &mut self.to_api;
        let called: Result<u64, AnswerError> =
            link.call(api, names::api(method), token, |out| Ok(to_api.call(method, &payload, out)?));
        if called.is_err() {
            self.calls.remove(token);
            return false;
        }
        true
    }

    /// The host could not log a line.
    pub(crate) fn line_refused(&mut self, link: &mut HostLink) {
        if let Some(line) = self.log.in_flight.take() {
            write_stderr(&line);
        }
        self.flush_log(link);
    }

    /// The worker sent a line for the log.
    pub(crate) fn worker_logged(&mut self, connection: usize, payload: &[u8]) {
        let now = self.now;
        if self.workers.of(connection).is_some_and(|worker| !worker.log_bucket.take(payload.len(), now)) {
            return;
        }
        match messages::decode::<messages::Log>(payload) {
            Ok(messages::Log(level, message, fields)) => {
                let fields = fields.into_iter().collect();
                self.log.queue.push(Line { level: level_from_name(&level), message, fields });
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
