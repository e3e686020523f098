//! The beginning: numbers for the host to dial, and the streams that it opens.

use mmp_goplugin::broker::BrokerError;
use mmp_goplugin::endpoint::{Kind as StreamKind, Link as HostLink};
use mmp_goplugin::pull::PullServer;
use mmp_goplugin::yamux::StreamId;
use mmp_transcode::schema::Method;
use mmp_worker::frame::BODY;

use super::{Answer, Body, CallKey, CallStreams, Part, PluginHttp, State, address_of, is_plugin_http};
use crate::core::Core;
use crate::log::Level;
use crate::pending_calls::WorkerCall;
use crate::streams::{Inbound, Outbound, Route, Sink, Source};

impl Core {
    /// Refuses a call whose flag does not fit its method, or whose id is that of another one.
    pub(crate) fn check_streams(&self, call: &WorkerCall, flags: u8) -> Result<(), String> {
        let name = call.method.name;
        let has_body = flags & BODY != 0;
        match call.method.streams {
            [] if has_body => Err(format!("{name} has no stream, so the call cannot have the flag BODY")),
            [] => Ok(()),
            _ if self.api_streams.calls.contains_key(&CallKey::of(call)) => {
                Err(format!("{name}: the id {} is that of another call, whose streams are not over", call.id))
            }
            _ if !has_body && !is_plugin_http(call.method) => {
                Err(format!("{name} needs a stream, so the call must have the flag BODY"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a call can only be made when its whole body has come, because the host has no other form of it.
    pub(crate) fn must_collect(&self, method: &Method) -> bool {
        is_plugin_http(method) && self.api_streams.plugin_http == PluginHttp::Buffered
    }

    /// The host has got a call with streams: it has five seconds to dial their numbers, and does that first.
    pub(crate) fn begin_call_streams(
        &mut self,
        link: &mut HostLink,
        call: WorkerCall,
        numbers: &[u32],
        arguments: &[u8],
    ) {
        let mut streams = CallStreams {
            call,
            state: State::Called,
            body: None,
            body_ended: false,
            answer: None,
            numbers: Vec::new(),
            arguments: Vec::new(),
        };
        for (slot, &number) in call.method.streams.iter().zip(numbers) {
            if number == 0 {
                continue;
            }
            link.accept(number, StreamKind::Raw);
            let part = Part::of(slot);
            streams.numbers.push((number, part));
            match part {
                Part::Body => {
                    let sink = Sink::Pull(PullServer::default());
                    streams.body = Some(Body::Stream(Outbound::new(None, sink, address_of(&call))));
                }
                Part::Answer => streams.answer = Some(Answer::Awaited { credit: 0 }),
            }
        }
        if is_plugin_http(call.method) && self.api_streams.plugin_http == PluginHttp::Unknown {
            streams.arguments = arguments.to_vec();
        }
        self.api_streams.calls.insert(CallKey::of(&call), streams);
    }

    /// The host has dialled a number.
    pub(crate) fn call_stream_ready(&mut self, link: &mut HostLink, stream: StreamId, number: u32) {
        let Some((key, part)) = self.api_streams.awaiting(number) else {
            // Its call is over.
            return link.reset(stream);
        };
        let Core { api_streams, workers, routes, .. } = self;
        let Some(call) = api_streams.calls.get_mut(&key) else { return };
        call.numbers.retain(|(awaited, _)| *awaited != number);
        let address = call.address();
        let CallKey { connection, id } = key;
        match (part, &mut call.body, &call.answer) {
            (Part::Body, Some(Body::Stream(body)), _) => {
                routes.insert(stream, Route::CallBody { connection, id });
                body.connected(link, workers, stream);
            }
            (Part::Answer, _, Some(Answer::Awaited { credit })) => {
                routes.insert(stream, Route::AnswerBody { connection, id });
                let mut answer = Inbound::new(stream, Source::Plain, None);
                answer.grant(link, *credit);
                if call.state == State::Answered {
                    answer.start(link, workers, address, 0);
                }
                call.answer = Some(Answer::Stream(answer));
            }
            _ => link.reset(stream),
        }
    }

    /// The host has not dialled a number in time.
    pub(crate) fn call_stream_missed(&mut self, link: &mut HostLink, number: u32, error: &BrokerError) {
        let Some((key, _)) = self.api_streams.awaiting(number) else { return };
        let Some(call) = self.api_streams.calls.get(&key) else { return };
        let message = format!("{}: the server has not opened the call's stream: {error}", call.call.method.name);
        self.log.push_any(Level::Warn, message.clone(), &[]);
        self.end_call(link, key, "unavailable", &message);
    }
}

/// A number for each stream of a method that the call has; 0 for the others.
pub(crate) fn stream_numbers(link: &mut HostLink, method: &Method, flags: u8) -> Vec<u32> {
    let needed = |part| part == Part::Answer || flags & BODY != 0;
    method.streams.iter().map(|slot| if needed(Part::of(slot)) { link.next_broker_id() } else { 0 }).collect()
}
