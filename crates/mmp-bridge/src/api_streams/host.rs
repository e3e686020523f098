//! What happens at the host's end of the streams.

use mmp_goplugin::endpoint::Link as HostLink;
use mmp_goplugin::yamux::StreamId;

use super::{Answer, Body, CallKey, CallStreams, State};
use crate::core::Core;
use crate::streams::Route;
use crate::supervisor::Workers;

impl Core {
    /// The call of a stream, and the worker to tell of it.
    fn call_of(&mut self, stream: StreamId) -> Option<(CallKey, &mut CallStreams, &mut Workers)> {
        let (Route::CallBody { connection, id } | Route::AnswerBody { connection, id }) = self.routes.get(stream)?
        else {
            return None;
        };
        let key = CallKey { connection, id };
        let call = self.api_streams.calls.get_mut(&key)?;
        Some((key, call, &mut self.workers))
    }

    /// The host asks for more of a body, or sends some of a response.
    pub(crate) fn call_stream_data(&mut self, link: &mut HostLink, stream: StreamId, bytes: &[u8]) {
        let is_body = matches!(self.routes.get(stream), Some(Route::CallBody { .. }));
        match self.call_of(stream) {
            Some((_, CallStreams { body: Some(Body::Stream(body)), .. }, workers)) if is_body => {
                body.requested(link, workers, bytes);
            }
            Some((_, CallStreams { answer: Some(Answer::Stream(answer)), .. }, workers)) if !is_body => {
                answer.received(link, workers, bytes);
            }
            _ => link.consume(stream, bytes.len()),
        }
    }

    /// The host closed a stream, or broke it off for this reason: it reads no more of a body, or a response is over.
    pub(crate) fn call_stream_over(&mut self, link: &mut HostLink, stream: StreamId, broken: Option<&'static str>) {
        let is_body = matches!(self.routes.get(stream), Some(Route::CallBody { .. }));
        match self.call_of(stream) {
            Some((_, CallStreams { body: Some(Body::Stream(body)), .. }, workers)) if is_body => {
                body.stop(link, workers);
            }
            Some((key, CallStreams { answer: Some(Answer::Stream(answer)), state, .. }, workers)) if !is_body => {
                answer.over(workers, broken.and(Some("the server broke the response off")));
                if *state == State::Answered {
                    self.free_call(link, key);
                }
            }
            _ => {}
        }
    }

    /// The host's end of a body takes bytes again.
    pub(crate) fn call_stream_writable(&mut self, link: &mut HostLink, stream: StreamId) {
        if let Some((_, CallStreams { body: Some(Body::Stream(body)), .. }, workers)) = self.call_of(stream) {
            body.pump(link, workers);
        }
    }
}
