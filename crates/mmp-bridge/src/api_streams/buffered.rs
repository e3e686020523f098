//! PluginHTTP of servers that take and send only whole bodies: the worker's is collected, and the answer's sent as far as the worker takes it.

use mmp_gob::Error as GobError;
use mmp_goplugin::endpoint::Link as HostLink;
use mmp_goplugin::netrpc::Body as RpcBody;
use mmp_transcode::msgpack::{self, Reader, Token};
use mmp_transcode::{Error as TranscodeError, generated};
use mmp_worker::frame::{self, BODY, Kind};

use super::{Answer, Body, CallKey, CallStreams, PluginHttp, State};
use crate::core::{AnswerError, Core};
use crate::pending_calls::{PendingCall, WorkerCall};
use crate::streams::TO_WORKER;

/// How much of a body is collected at most.
pub(super) const MAX_COLLECTED: usize = 100 * 1024 * 1024;

/// The most that a DATA frame to the worker holds.
const PIECE: usize = 256 * 1024;

const METHOD: &str = "Plugin.PluginHTTP";

/// A body that came with the answer.
#[derive(Debug)]
pub(super) struct KeptBody {
    bytes: Vec<u8>,
    sent: usize,
    credit: u64,
}

impl KeptBody {
    /// The next piece that the worker takes.
    fn next(&mut self) -> Option<&[u8]> {
        let credit = usize::try_from(self.credit).unwrap_or(usize::MAX);
        let count = (self.bytes.len() - self.sent).min(credit).min(PIECE);
        let start = self.sent;
        self.sent += count;
        self.credit -= count as u64;
        (count > 0).then(|| &self.bytes[start..self.sent])
    }

    fn is_over(&self) -> bool {
        self.sent == self.bytes.len()
    }
}

impl Core {
    /// The worker calls PluginHTTP, and the host is known to take only whole bodies.
    pub(crate) fn collect(&mut self, link: &mut HostLink, call: WorkerCall, flags: u8, arguments: &[u8]) {
        let has_body = flags & BODY != 0;
        let streams = CallStreams {
            call,
            state: State::Collecting,
            body: has_body.then(|| Body::Collected(Vec::new())),
            body_ended: !has_body,
            answer: None,
            numbers: Vec::new(),
            arguments: arguments.to_vec(),
        };
        let key = CallKey::of(&call);
        self.api_streams.calls.insert(key, streams);
        self.call_began(call.connection);
        if !has_body {
            self.call_buffered(link, key);
        }
    }

    /// The host does not have the streaming form: what the worker has sent becomes the beginning of a whole body.
    pub(crate) fn collect_instead(&mut self, link: &mut HostLink, call: &WorkerCall) {
        let Core { api_streams, workers, .. } = self;
        let key = CallKey::of(call);
        api_streams.plugin_http = PluginHttp::Buffered;
        let Some(streams) = api_streams.calls.get_mut(&key) else { return };
        streams.state = State::Collecting;
        streams.numbers.clear();
        streams.answer = None;
        if let Some(Body::Stream(body)) = streams.body.take() {
            let sent = body.take_back();
            if !streams.body_ended {
                streams.address().credit(workers, sent.len());
            }
            streams.body = Some(Body::Collected(sent));
        }
        if streams.body.is_none() || streams.body_ended {
            self.call_buffered(link, key);
        }
    }

    /// The whole body is here: the host is called.
    pub(super) fn call_buffered(&mut self, link: &mut HostLink, key: CallKey) {
        let Some(streams) = self.api_streams.calls.get_mut(&key) else { return };
        streams.state = State::Called;
        let name = streams.call.method.name;
        let method = &generated::PLUGIN_HTTP_BUFFERED;
        let call = WorkerCall { method, ..streams.call };
        let body = match streams.body.take() {
            Some(Body::Collected(body)) => body,
            _ => Vec::new(),
        };
        let arguments = arguments_with(&std::mem::take(&mut streams.arguments), &body);
        let Some(api) = self.api else {
            return self.end_call(link, key, "unavailable", &format!("{name}: the plugin is being stopped"));
        };
        let token = self.calls.insert(PendingCall::Worker(call));
        let to_api = &mut self.to_api;
        let called: Result<u64, AnswerError> =
            link.call(api, METHOD, token, |out| Ok(to_api.call(method, &arguments, out)?));
        if let Err(error) = called {
            self.calls.remove(token);
            self.end_call(link, key, error.kind(), &format!("{name}: {error}"));
        }
    }

    /// The host answered with a whole body: the worker gets status and headers, and as much of the body as it takes.
    pub(crate) fn buffered_answered(
        &mut self,
        link: &mut HostLink,
        call: &WorkerCall,
        body: RpcBody<'_, '_>,
    ) -> Result<bool, GobError> {
        let RpcBody { type_id, cursor, types } = body;
        let key = CallKey::of(call);
        let mut results = Vec::new();
        match self.from_api.results(call.method, type_id, cursor, types, &mut results) {
            Ok(_) => {}
            Err(TranscodeError::Gob(error)) => return Err(error),
            Err(error) => {
                let message = format!("{}: the server's answer cannot be read: {error}", call.method.name);
                self.put_error(call.connection, call.id, call.method.id, "error", &message);
                self.free_call(link, key);
                return Ok(false);
            }
        }
        let (reply, bytes) = split_results(&results);
        let mut out = self.workers.take_output(call.connection);
        frame::put_bytes(&mut out, Kind::ApiReply, call.method.id, call.id, &reply);
        self.workers.put_output(call.connection, out);
        if let Some(streams) = self.api_streams.calls.get_mut(&key) {
            streams.state = State::Answered;
            streams.answer = Some(Answer::Kept(KeptBody { bytes, sent: 0, credit: 0 }));
        }
        self.send_kept(link, key, TO_WORKER);
        Ok(true)
    }

    /// The worker takes so many bytes more of a body that came with the answer.
    pub(super) fn send_kept(&mut self, link: &mut HostLink, key: CallKey, credit: u64) {
        let Core { api_streams, workers, .. } = self;
        let Some(streams) = api_streams.calls.get_mut(&key) else { return };
        let address = streams.address();
        let Some(Answer::Kept(body)) = &mut streams.answer else { return };
        body.credit = body.credit.saturating_add(credit);
        while let Some(piece) = body.next() {
            address.send(workers, Kind::Data, piece);
        }
        if body.is_over() {
            address.end(workers, None);
            self.free_call(link, key);
        }
    }
}

/// The arguments `[request]` with the body behind them.
fn arguments_with(arguments: &[u8], body: &[u8]) -> Vec<u8> {
    let mut reader = Reader::new(arguments);
    let request = match reader.token() {
        Ok(Token::Array(count)) if count > 0 => reader.raw().ok(),
        _ => None,
    };
    let mut out = Vec::with_capacity(arguments.len() + body.len() + 16);
    msgpack::put_array_len(&mut out, 2);
    match request {
        Some(request) => out.extend_from_slice(request),
        None => msgpack::put_nil(&mut out),
    }
    msgpack::put_bin(&mut out, body);
    out
}

/// From `[response, body]` to `[status, headers]`, and the body. No response has the status 0.
fn split_results(results: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut status, mut header, mut body) = (&b"\x00"[..], &b"\x80"[..], Vec::new());
    let mut reader = Reader::new(results);
    if let (Ok(Token::Array(2)), Ok(response)) = (reader.token(), reader.raw()) {
        let mut fields = Reader::new(response);
        if let Ok(Token::Map(count)) = fields.token() {
            for _ in 0..count {
                match (fields.token(), fields.raw()) {
                    (Ok(Token::Str(b"status_code")), Ok(value)) => status = value,
                    (Ok(Token::Str(b"header")), Ok(value)) => header = value,
                    (Ok(_), Ok(_)) => {}
                    _ => break,
                }
            }
        }
        if let Ok(Token::Bin(bytes)) = reader.token() {
            body = bytes.to_vec();
        }
    }
    let mut reply = Vec::new();
    msgpack::put_array_len(&mut reply, 2);
    reply.extend_from_slice(status);
    reply.extend_from_slice(header);
    (reply, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_becomes_the_second_argument() {
        assert_eq!(arguments_with(b"\x91\x81\xa1a\x01", b"xy"), b"\x92\x81\xa1a\x01\xc4\x02xy");
        assert_eq!(arguments_with(b"\x90", b""), b"\x92\xc0\xc4\x00");
    }

    #[test]
    fn status_and_headers_are_picked_from_the_response() {
        let results = b"\x92\x83\xa6status\xa2OK\xabstatus_code\xcc\xc8\xa6header\x81\xa1A\x91\xa1b\xc4\x03xyz";
        assert_eq!(split_results(results), (b"\x92\xcc\xc8\x81\xa1A\x91\xa1b".to_vec(), b"xyz".to_vec()));
        assert_eq!(split_results(b"\x92\xc0\xc0"), (b"\x92\x00\x80".to_vec(), Vec::new()));
    }

    #[test]
    fn a_body_is_sent_as_far_as_it_is_taken() {
        let mut body = KeptBody { bytes: vec![7; PIECE + 10], sent: 0, credit: 5 };
        assert_eq!(body.next().map(<[u8]>::len), Some(5));
        assert_eq!(body.next(), None);
        body.credit = u64::MAX;
        assert_eq!(body.next().map(<[u8]>::len), Some(PIECE));
        assert!(!body.is_over());
        assert_eq!(body.next().map(<[u8]>::len), Some(5));
        assert!(body.is_over() && body.next().is_none());
    }
}
