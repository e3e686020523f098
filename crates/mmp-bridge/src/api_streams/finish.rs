//! The end of calls with streams: answered, given up, broken off.

use mmp_goplugin::endpoint::Link as HostLink;
use mmp_transcode::msgpack::{Reader, Token};

use super::{Answer, Body, CallKey, CallStreams, State, is_plugin_http};
use crate::api_streams::PluginHttp;
use crate::core::Core;
use crate::pending_calls::WorkerCall;
use crate::streams::TO_WORKER;

impl Core {
    /// The host answered a call, and the worker was sent that; `reply` is the payload of API_REPLY, None if it was API_ERROR.
    pub(crate) fn call_streams_answered(&mut self, link: &mut HostLink, call: &WorkerCall, reply: Option<&[u8]>) {
        let Core { api_streams, workers, .. } = self;
        let key = CallKey::of(call);
        if is_plugin_http(call.method) && reply.is_some() {
            api_streams.plugin_http = PluginHttp::Streaming;
        }
        let Some(streams) = api_streams.calls.get_mut(&key) else { return };
        streams.state = State::Answered;
        streams.arguments = Vec::new();
        let address = streams.address();
        let over = match (&mut streams.answer, reply.map(status_of)) {
            (None, _) | (_, None) => true,
            // The target has no response. The host has opened its stream and never closes it.
            (Some(_), Some(0)) => {
                address.end(workers, None);
                true
            }
            (Some(Answer::Stream(answer)), Some(_)) => {
                answer.start(link, workers, address, TO_WORKER);
                answer.is_over()
            }
            (Some(Answer::Awaited { .. } | Answer::Kept(_)), Some(_)) => false,
        };
        // Otherwise the body of the request goes on, as it does for a Go plugin: another plugin may answer while it reads.
        if over {
            self.free_call(link, key);
        }
    }

    /// A call ends without an answer of the host's: the worker gets this error, or if it was answered already, learns that the rest does not come.
    pub(super) fn end_call(&mut self, link: &mut HostLink, key: CallKey, kind: &str, message: &str) {
        let Some(streams) = self.api_streams.calls.get(&key) else { return };
        let (call, state, address) = (streams.call, streams.state, streams.address());
        if state == State::Answered {
            address.end(&mut self.workers, Some(message));
            return self.free_call(link, key);
        }
        self.calls.abandon(|connection, id| connection == key.connection && id == key.id);
        self.free_call(link, key);
        self.refuse_call(call, kind, message);
        self.call_ended(key.connection);
        self.dispatch_queued();
    }

    /// Closes what is left of a call's streams. True if it was not answered and the host did not have it either.
    pub(crate) fn call_streams_dropped(&mut self, link: &mut HostLink, connection: usize, id: u32) -> bool {
        let key = CallKey { connection, id };
        let collecting = self.api_streams.calls.get(&key).is_some_and(|call| call.state == State::Collecting);
        self.free_call(link, key);
        collecting
    }

    /// Connections of a worker are gone.
    pub(crate) fn drop_call_streams(&mut self, link: &mut HostLink, is_gone: impl Fn(usize) -> bool) {
        let gone = |key: &&CallKey| is_gone(key.connection);
        let keys: Vec<CallKey> = self.api_streams.calls.keys().filter(gone).copied().collect();
        keys.into_iter().for_each(|key| self.free_call(link, key));
    }

    /// The plugin is being stopped: the worker learns that nothing more comes. The host's streams end with its connection.
    pub(crate) fn end_call_streams(&mut self) {
        for (_, streams) in std::mem::take(&mut self.api_streams.calls) {
            let name = streams.call.method.name;
            match streams.state {
                State::Called => {}
                State::Collecting => {
                    self.refuse_call(streams.call, "unavailable", &format!("{name}: the plugin is being stopped"));
                }
                State::Answered => {
                    let message = format!("{name}: the plugin is being stopped, and the rest does not come");
                    streams.address().end(&mut self.workers, Some(&message));
                }
            }
        }
    }

    /// Forgets a call and its streams. A body that was not read to its end is reset, so that the host does not take it for whole.
    pub(super) fn free_call(&mut self, link: &mut HostLink, key: CallKey) {
        let Some(streams) = self.api_streams.calls.remove(&key) else { return };
        streams.streams().for_each(|stream| self.routes.remove(stream));
        let CallStreams { body, answer, .. } = streams;
        if let Some(Body::Stream(body)) = body {
            body.abort(link);
        }
        if let Some(Answer::Stream(answer)) = answer {
            answer.close(link);
        }
    }
}

/// The status in the results of PluginHTTP; 0 is none.
fn status_of(reply: &[u8]) -> i64 {
    let mut reader = Reader::new(reply);
    match (reader.token(), reader.token()) {
        (Ok(Token::Array(_)), Ok(Token::Int(status))) => status,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_the_first_result() {
        assert_eq!(status_of(b"\x92\xcc\xc8\x80"), 200);
        assert_eq!(status_of(b"\x92\x00\x80"), 0);
        assert_eq!(status_of(b""), 0);
    }
}
