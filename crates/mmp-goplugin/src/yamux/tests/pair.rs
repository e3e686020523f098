//! Two sessions over an in-memory connection that cuts the bytes anywhere.

use std::collections::BTreeMap;
use std::time::Instant;

use proptest::prelude::*;

use super::super::{Config, Event, Role, Session, StreamId};

/// One side with an application that stores what it reads and gives the window back at once.
struct Side {
    session: Session,
    received: BTreeMap<StreamId, Vec<u8>>,
    finished: Vec<StreamId>,
    reset: Vec<StreamId>,
}

impl Side {
    fn new(role: Role) -> Self {
        Self {
            session: Session::new(role, Config::default(), Instant::now()),
            received: BTreeMap::new(),
            finished: Vec::new(),
            reset: Vec::new(),
        }
    }

    fn receive(&mut self, mut input: &[u8]) {
        while let Some(event) = self.session.next_event(&mut input) {
            match event {
                Event::Opened(id) => self.session.accept(id),
                Event::Data(id, bytes) => {
                    self.received.entry(id).or_default().extend(bytes);
                    self.session.consume(id, bytes.len());
                }
                Event::Finished(id) => {
                    self.finished.push(id);
                    self.session.close(id);
                }
                Event::Reset(id) => self.reset.push(id),
                Event::Writable(_) | Event::Forgotten(_) => {}
                Event::GoAway | Event::Closed(_) => panic!("unexpected {event:?}"),
            }
        }
    }
}

/// Moves at most `limit` bytes from one side to the other, in one piece.
fn transfer(from: &mut Side, to: &mut Side, limit: usize) -> bool {
    let output = from.session.pending_output();
    let piece = output[..output.len().min(limit)].to_vec();
    from.session.advance_output(piece.len());
    to.receive(&piece);
    !piece.is_empty()
}

#[derive(Clone, Debug)]
enum Step {
    Open(bool),
    Send(bool, usize, usize),
    Close(bool, usize),
    Reset(bool, usize),
    Transfer(bool, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let side = any::<bool>;
    prop_oneof![
        2 => side().prop_map(Step::Open),
        6 => (side(), 0..8_usize, prop_oneof![0..2000_usize, 200_000..600_000_usize])
            .prop_map(|(side, stream, size)| Step::Send(side, stream, size)),
        2 => (side(), 0..8_usize).prop_map(|(side, stream)| Step::Close(side, stream)),
        1 => (side(), 0..8_usize).prop_map(|(side, stream)| Step::Reset(side, stream)),
        9 => (side(), prop_oneof![1..40_usize, 1..100_000_usize])
            .prop_map(|(side, size)| Step::Transfer(side, size)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever the order and the pieces: every byte of a stream that nobody reset arrives once and in order, and no state stays.
    #[test]
    fn nothing_is_lost_and_nothing_stays(steps in prop::collection::vec(step(), 1..120)) {
        let mut sides = [Side::new(Role::Client), Side::new(Role::Server)];
        let mut streams: Vec<StreamId> = Vec::new();
        let mut sent: BTreeMap<(bool, StreamId), Vec<u8>> = BTreeMap::new();
        let mut dropped: Vec<StreamId> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Open(side) => {
                    streams.push(sides[usize::from(side)].session.open().expect("open"));
                }
                Step::Send(side, stream, size) => {
                    if let Some(&id) = streams.get(stream) {
                        let bytes = vec![number as u8; size];
                        // A stream that was closed, or that the peer has not heard of, refuses.
                        if sides[usize::from(side)].session.send(id, &bytes).is_ok() {
                            sent.entry((side, id)).or_default().extend(bytes);
                        }
                    }
                }
                Step::Close(side, stream) => {
                    if let Some(&id) = streams.get(stream) {
                        sides[usize::from(side)].session.close(id);
                    }
                }
                Step::Reset(side, stream) => {
                    if let Some(&id) = streams.get(stream) && sides[usize::from(side)].session.has_stream(id) {
                        sides[usize::from(side)].session.reset(id);
                        dropped.push(id);
                    }
                }
                Step::Transfer(side, size) => {
                    let [client, server] = &mut sides;
                    let (from, to) = if side { (server, client) } else { (client, server) };
                    transfer(from, to, size);
                }
            }
        }
        let [client, server] = &mut sides;
        for id in &streams {
            client.session.close(*id);
            server.session.close(*id);
        }
        while transfer(client, server, 70_001) | transfer(server, client, 70_001) {}
        prop_assert_eq!(client.session.stream_count(), 0);
        prop_assert_eq!(server.session.stream_count(), 0);
        for ((side, id), bytes) in sent {
            if dropped.contains(&id) {
                continue;
            }
            let receiver = if side { &mut *client } else { &mut *server };
            prop_assert_eq!(receiver.received.get(&id).map_or(&[][..], |v| v), &bytes[..], "stream {}", id);
            prop_assert!(receiver.finished.contains(&id));
        }
    }

    /// No input makes a session panic or give more events than bytes.
    #[test]
    fn garbage_never_panics(
        chunks in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..40),
                (0..5_u8, 0..16_u8, 0..6_u8, any::<u32>()).prop_map(|(kind, flags, stream, length)| {
                    let length = if length % 2 == 0 { length % 16 } else { length };
                    let mut frame = vec![0, kind, 0, flags, 0, 0, 0, stream];
                    frame.extend(length.to_be_bytes());
                    frame
                }),
            ],
            0..60,
        )
    ) {
        let mut session = Session::new(Role::Server, Config::default(), Instant::now());
        for chunk in chunks {
            let mut input = chunk.as_slice();
            while let Some(event) = session.next_event(&mut input) {
                if let Event::Opened(id) = event {
                    session.accept(id);
                    let _ = session.send(id, b"hello");
                }
            }
        }
        prop_assert!(session.allocated() < 1_000_000);
    }
}
