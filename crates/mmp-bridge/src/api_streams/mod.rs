//! Streams of API calls: the bodies of `InstallPlugin`, `UploadData` and `PluginHTTP` to the host, and of `PluginHTTP`'s response to the worker.
//!
//! The bridge hands out a broker number for each stream and the host dials it: the body is pulled by the host as far as it reads, the response comes by itself.

mod begin;
mod buffered;
mod finish;
mod host;
pub(crate) mod request;
mod worker;

pub(crate) use begin::stream_numbers;

use std::collections::HashMap;

use mmp_goplugin::yamux::StreamId;
use mmp_transcode::generated;
use mmp_transcode::schema::{Method, StreamSlot};

use crate::pending_calls::WorkerCall;
use crate::streams::{Address, Inbound, Outbound};
use buffered::KeptBody;

/// A call of the worker: its connection, and its id there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CallKey {
    pub(crate) connection: usize,
    pub(crate) id: u32,
}

impl CallKey {
    fn of(call: &WorkerCall) -> CallKey {
        CallKey { connection: call.connection, id: call.id }
    }
}

/// What a stream of a call carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// From the worker to the host.
    Body,
    /// From the host to the worker.
    Answer,
}

impl Part {
    /// What the stream of a field carries.
    fn of(slot: &StreamSlot) -> Part {
        if slot.name == "ResponseBodyStream" { Part::Answer } else { Part::Body }
    }
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The host has it.
    Called,
    /// The host takes only whole bodies, and this one is not whole yet.
    Collecting,
    /// It was answered with API_REPLY; only streams are left.
    Answered,
}

/// What becomes of the worker's stream.
#[derive(Debug)]
enum Body {
    /// The host pulls it.
    Stream(Outbound),
    /// It is gathered for a host that takes only whole bodies.
    Collected(Vec<u8>),
}

/// What goes to the worker behind the answer.
#[derive(Debug)]
enum Answer {
    /// The host has not dialled yet; the worker takes so many bytes more than usual.
    Awaited { credit: u64 },
    /// The host's stream.
    Stream(Inbound),
    /// A body that came with the answer.
    Kept(KeptBody),
}

/// A call that has streams.
#[derive(Debug)]
struct CallStreams {
    call: WorkerCall,
    state: State,
    body: Option<Body>,
    /// Whether the worker has sent all of the body.
    body_ended: bool,
    answer: Option<Answer>,
    /// The broker numbers that the host has not dialled yet.
    numbers: Vec<(u32, Part)>,
    /// The arguments, as long as the call may have to be made in the other form.
    arguments: Vec<u8>,
}

impl CallStreams {
    fn address(&self) -> Address {
        address_of(&self.call)
    }

    /// The streams of the host's that are open.
    fn streams(&self) -> impl Iterator<Item = StreamId> {
        let body = match &self.body {
            Some(Body::Stream(body)) => body.stream(),
            _ => None,
        };
        let answer = match &self.answer {
            Some(Answer::Stream(answer)) => Some(answer.stream()),
            _ => None,
        };
        [body, answer].into_iter().flatten()
    }
}

fn address_of(call: &WorkerCall) -> Address {
    Address { connection: call.connection, flags: mmp_worker::frame::OF_API, method: call.method.id, id: call.id }
}

/// Which form of `PluginHTTP` the host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum PluginHttp {
    #[default]
    Unknown,
    Streaming,
    /// Only whole bodies: a server from before 2024.
    Buffered,
}

/// The calls that have streams.
#[derive(Debug, Default)]
pub(crate) struct ApiStreams {
    calls: HashMap<CallKey, CallStreams>,
    plugin_http: PluginHttp,
}

impl ApiStreams {
    /// The call that waits for the host to dial a number.
    fn awaiting(&self, number: u32) -> Option<(CallKey, Part)> {
        // There are few such calls at a time.
        self.calls.iter().find_map(|(key, call)| {
            let (_, part) = call.numbers.iter().find(|(awaited, _)| *awaited == number)?;
            Some((*key, *part))
        })
    }
}

/// Whether a method is `PluginHTTP`, in its streaming form.
pub(crate) fn is_plugin_http(method: &Method) -> bool {
    method.id == generated::PLUGIN_HTTP_BUFFERED.id && !is_buffered(method)
}

/// Whether a method is the other form of `PluginHTTP`.
pub(crate) fn is_buffered(method: &Method) -> bool {
    std::ptr::eq(method, &raw const generated::PLUGIN_HTTP_BUFFERED)
}
