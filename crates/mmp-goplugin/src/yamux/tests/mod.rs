//! Tests of the session against hand-written frames and against itself.

mod frames;
mod pair;
mod timing;

use std::time::Instant;

use super::{Config, Event, FrameType, HEADER_LEN, Header, Role, Session, StreamId};

/// A session of the plugin's side, and the time it was made.
fn server() -> (Session, Instant) {
    let now = Instant::now();
    (Session::new(Role::Server, Config::default(), now), now)
}

/// One frame.
fn frame(kind: FrameType, flags: u16, stream: u32, length: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = Header::new(kind, flags, stream, length).encode().to_vec();
    bytes.extend_from_slice(body);
    bytes
}

/// A data frame.
fn data(flags: u16, stream: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("short");
    frame(FrameType::Data, flags, stream, length, body)
}

/// A window update.
fn window(flags: u16, stream: u32, delta: u32) -> Vec<u8> {
    frame(FrameType::WindowUpdate, flags, stream, delta, &[])
}

/// Hands all input to a session and collects its events.
fn feed<'a>(session: &mut Session, mut input: &'a [u8]) -> Vec<Event<'a>> {
    let mut events = Vec::new();
    while let Some(event) = session.next_event(&mut input) {
        events.push(event);
    }
    assert!(input.is_empty());
    events
}

/// Takes the session's output and splits it into frames.
fn sent(session: &mut Session) -> Vec<(Header, Vec<u8>)> {
    let bytes = session.pending_output().to_vec();
    session.advance_output(bytes.len());
    let mut rest = bytes.as_slice();
    let mut frames = Vec::new();
    while let Some((header, tail)) = rest.split_first_chunk::<HEADER_LEN>() {
        let header = Header::decode(header).expect("a header of ours");
        let length = match header.frame_type {
            FrameType::Data => header.length as usize,
            _ => 0,
        };
        let (body, tail) = tail.split_at(length);
        frames.push((header, body.to_vec()));
        rest = tail;
    }
    assert!(rest.is_empty());
    frames
}

/// Only the headers of the output.
fn sent_headers(session: &mut Session) -> Vec<Header> {
    sent(session).into_iter().map(|(header, _)| header).collect()
}

/// Opens stream `id` from the peer and accepts it.
fn opened_by_peer(session: &mut Session, id: u32) -> StreamId {
    let input = window(super::flags::SYN, id, 0);
    assert_eq!(feed(session, &input), [Event::Opened(StreamId(id))]);
    session.accept(StreamId(id));
    assert_eq!(sent_headers(session), [Header::new(FrameType::WindowUpdate, super::flags::ACK, id, 0)]);
    StreamId(id)
}
