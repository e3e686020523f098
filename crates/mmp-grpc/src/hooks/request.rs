//! The stream to the program: the start, then what the bridge sends.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use prost::Message as _;
use tokio_stream::Stream;

use super::messages::{Hijacked, StreamEnd, StreamRequest, ToProgram};
use crate::frames::{Event, HookReceiver};

/// How much of a body or file the bridge is asked for at once, before the program takes any of it.
const FIRST_GRANT: usize = 64 * 1024;

/// The most bytes in one message.
const MAX_CHUNK: usize = 64 * 1024;

/// Messages for the program. It is polled only when HTTP/2 has room for more, and gives the bridge credit then.
#[derive(Debug)]
pub(super) struct RequestStream {
    start: Option<Bytes>,
    receiver: HookReceiver,
    /// What is left of bytes that came, which are more than one message holds.
    rest: Bytes,
    /// Whether the end of the body is the end of the stream. It is not where the connection may be taken over afterwards.
    ends_with_body: bool,
    ended: bool,
}

impl RequestStream {
    /// A stream that begins with this message.
    pub(super) fn new(start: Vec<u8>, receiver: HookReceiver, ends_with_body: bool) -> RequestStream {
        receiver.grant(FIRST_GRANT);
        let start = Some(encode(ToProgram::Start(Bytes::from(start))));
        RequestStream { start, receiver, rest: Bytes::new(), ends_with_body, ended: false }
    }

    /// The next message of the bytes that came.
    fn chunk(&mut self) -> ToProgram {
        let chunk = self.rest.split_to(self.rest.len().min(MAX_CHUNK));
        self.receiver.grant(chunk.len());
        ToProgram::Data(chunk)
    }

    fn message(&mut self, event: Event) -> ToProgram {
        match event {
            Event::Data(data) => {
                self.rest = data;
                self.chunk()
            }
            Event::End(broken) => {
                self.ended = self.ends_with_body;
                ToProgram::End(StreamEnd { error: broken.unwrap_or_default() })
            }
            Event::Hijacked(failed) => ToProgram::Hijacked(Hijacked { error: failed.unwrap_or_default() }),
        }
    }
}

fn encode(message: ToProgram) -> Bytes {
    Bytes::from(StreamRequest { message: Some(message) }.encode_to_vec())
}

impl Stream for RequestStream {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(start) = self.start.take() {
            return Poll::Ready(Some(start));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        if !self.rest.is_empty() {
            return Poll::Ready(Some(encode(self.chunk())));
        }
        let event = std::task::ready!(self.receiver.poll_next(context));
        // Without events the hook is over, and its call with it.
        Poll::Ready(event.map(|event| encode(self.message(event))))
    }
}
