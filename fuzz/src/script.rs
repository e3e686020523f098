//! A script for one session: bytes of its peer, whole and in pieces, between what its own side does and the passing of time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mmp_goplugin::yamux::{FrameType, Header};

use crate::input::Input;
use crate::session::{ECHO, HOLD, Happened, Peer, Side, check_output, kind};

/// Runs a script with whole frames and again byte by byte: the same happens.
pub fn run<S: Side>(data: &[u8], start: impl Fn(Instant) -> S) {
    let now = Instant::now();
    let whole = play(data, start(now), now, usize::MAX);
    let pieces = play(data, start(now), now, 1);
    assert_eq!(whole, pieces, "pieces do not matter");
}

fn play<S: Side>(data: &[u8], mut side: S, mut now: Instant, piece: usize) -> BTreeMap<u32, Vec<Happened>> {
    let (mut peer, mut output) = (Peer::default(), Vec::new());
    let mut input = Input(data);
    while !input.is_empty() {
        match input.byte() {
            step @ 0..=127 => {
                let bytes = arriving(step, &mut input);
                bytes.chunks(piece).for_each(|piece| side.receive(piece, &mut peer));
            }
            // A driver does nothing more with a session that has ended.
            step @ 128..=223 if !side.is_closed() => act(step, &mut input, &mut side, &mut peer),
            step => now += Duration::from_millis(100 << (step % 12)),
        }
        side.tick(now, &mut peer);
        if input.byte() % 4 != 0 {
            output.extend(side.take_output(usize::MAX));
        }
    }
    if !side.is_closed() {
        side.lost(&mut peer);
    }
    side.tick(now, &mut peer);
    assert_eq!(side.live_state(), 0, "nothing stays of a session");
    output.extend(side.take_output(usize::MAX));
    check_output(&output);
    peer.check_over();
    peer.log
}

/// Bytes of the peer: any, or a frame with a true length.
fn arriving(step: u8, input: &mut Input<'_>) -> Vec<u8> {
    let kind = match step % 8 {
        0 => return input.sized().to_vec(),
        1 | 2 => FrameType::WindowUpdate,
        3 => FrameType::Ping,
        4 if step > 100 => FrameType::GoAway,
        _ => FrameType::Data,
    };
    let (flags, stream) = (u16::from(input.byte() & 15), u32::from(input.byte()));
    if kind != FrameType::Data {
        return Header::new(kind, flags, stream, input.number() as u32).encode().to_vec();
    }
    let payload = input.sized();
    let mut frame = Header::new(kind, flags, stream, payload.len() as u32).encode().to_vec();
    frame.extend_from_slice(payload);
    frame
}

/// What the session's own side does.
pub fn act<S: Side>(step: u8, input: &mut Input<'_>, side: &mut S, peer: &mut Peer) {
    let number = input.byte();
    let known = (!peer.streams.is_empty()).then(|| peer.streams[usize::from(number) % peer.streams.len()]);
    let link = side.link();
    match (step % 12, known) {
        (0, _) => peer.accept(link, u32::from(number), kind(input.byte())),
        (1, _) => peer.dial(link, u32::from(number), kind(input.byte())),
        (2, _) => peer.streams.extend(link.open(kind(number)).ok()),
        (3, Some(stream)) => {
            let method = [ECHO, HOLD, "Plugin.New"][usize::from(input.byte() % 3)];
            peer.call(link, stream, method, input.sized());
        }
        (4, _) => peer.answer(link, input.sized()),
        (5, Some(stream)) => drop(link.send(stream, input.sized())),
        (6, Some(stream)) => link.close(stream),
        (7, Some(stream)) => link.reset(stream),
        (8, _) if number == 0 => link.go_away(),
        _ => side.ask(number, input.sized()),
    }
}
