//! A plugin and a host of ours against each other: neither ever breaks the protocol in the other's eyes, and every call gets one answer.

#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use mmp_fuzz::input::Input;
use mmp_fuzz::session::{ECHO, HOLD, Peer, Side, kind};
use mmp_fuzz::{memory, seeds};
use mmp_goplugin::endpoint::Kind;
use mmp_goplugin::host::HostSession;
use mmp_goplugin::netrpc::ConnError;
use mmp_goplugin::plugin::PluginSession;

/// The memory for one byte: three of them make a connection, with a gob stream in each direction on each side.
const FACTOR: usize = 8192;

/// The bytes that go over raw connections: more than windows have. They wait in queues and in the outputs, and the peers keep them.
const MOST_SENT: usize = 4 << 20;

fuzz_target!(init: seeds::write_if_asked("pair"), |data: &[u8]| {
    memory::at_most(16 * MOST_SENT + FACTOR * data.len(), || play(Input(data)));
});

/// One side and what it was told.
struct End<S>(S, Peer);

fn play(mut input: Input<'_>) {
    let mut now = Instant::now();
    let mut plugin = End(PluginSession::new(now), Peer::default());
    let mut host = End(HostSession::new(now).expect("a session on a fresh connection"), Peer::default());
    while !input.is_empty() {
        let step = input.byte();
        match step % 16 {
            0..=3 => _ = deliver(&mut plugin, &mut host, 1 + input.number()),
            4..=7 => _ = deliver(&mut host, &mut plugin, 1 + input.number()),
            8 => {
                // A connection that stands still for long may be given up; this one does not.
                pump(&mut plugin, &mut host);
                now += Duration::from_millis(100 << (input.byte() % 8));
                plugin.0.tick(now, &mut plugin.1);
                host.0.tick(now, &mut host.1);
                pump(&mut plugin, &mut host);
            }
            9 => connect(&mut plugin, &mut host, input.byte()),
            10 => connect(&mut host, &mut plugin, input.byte()),
            11 | 12 => act(&mut plugin, &mut input),
            _ => act(&mut host, &mut input),
        }
        // What a side does is reported by its next turn.
        plugin.0.receive(&[], &mut plugin.1);
        host.0.receive(&[], &mut host.1);
    }
    pump(&mut plugin, &mut host);
    end(plugin);
    end(host);
}

/// Takes some of one side's output to the other.
fn deliver<A: Side, B: Side>(from: &mut End<A>, to: &mut End<B>, count: usize) -> usize {
    let bytes = from.0.take_output(count);
    to.0.receive(&bytes, &mut to.1);
    bytes.len()
}

/// Delivers until both are silent.
fn pump<A: Side, B: Side>(a: &mut End<A>, b: &mut End<B>) {
    while deliver(a, b, usize::MAX) + deliver(b, a, usize::MAX) > 0 {}
}

/// Makes a connection by a number of one side.
fn connect<A: Side, B: Side>(from: &mut End<A>, to: &mut End<B>, what: u8) {
    let (served, dialled) = match kind(what) {
        Kind::Raw => (Kind::Raw, Kind::Raw),
        Kind::Server => (Kind::Server, Kind::Client),
        Kind::Client => (Kind::Client, Kind::Server),
    };
    let id = from.0.link().next_broker_id();
    if what & 16 == 0 {
        from.1.accept(from.0.link(), id, served);
    }
    if what & 32 == 0 {
        to.1.dial(to.0.link(), id, dialled);
    }
    if what & 16 != 0 && what & 64 != 0 {
        from.1.accept(from.0.link(), id, served);
    }
}

fn act<S: Side>(End(side, peer): &mut End<S>, input: &mut Input<'_>) {
    let (what, number) = (input.byte(), input.byte());
    let Some(stream) = (!peer.streams.is_empty()).then(|| peer.streams[usize::from(number) % peer.streams.len()])
    else {
        return side.ask(what, &[]);
    };
    let link = side.link();
    match what % 12 {
        0 | 1 => peer.call(link, stream, ECHO, input.sized()),
        2 => peer.call(link, stream, HOLD, input.sized()),
        3 => peer.call(link, stream, "Plugin.New", input.sized()),
        4 => peer.answer(link, input.sized()),
        5 | 6 => {
            let raw = (!peer.raw.is_empty()).then(|| peer.raw[usize::from(number) % peer.raw.len()]);
            let count = (16 * input.number()).min(MOST_SENT - peer.sent);
            peer.sent += count;
            // A stream that is closed takes nothing.
            let _ = raw.map(|raw| link.send(raw, &vec![number; count]));
        }
        7 => link.close(stream),
        8 => link.reset(stream),
        9 if number == 0 => link.go_away(),
        _ => side.ask(what, input.sized()),
    }
}

fn end<S: Side>(End(mut side, mut peer): End<S>) {
    assert!(!side.is_closed(), "the peer breaks no rule: {:?}", peer.log.get(&0));
    // What either side did to a connection ends it, and nothing else.
    let is_fair = |error: &ConnError| {
        matches!(error, ConnError::UnexpectedEof | ConnError::Reset | ConnError::Shutdown | ConnError::Broker(_))
    };
    assert!(peer.errors.iter().all(is_fair), "{:?}", peer.errors);
    side.lost(&mut peer);
    assert_eq!(side.live_state(), 0, "nothing stays of a session");
    peer.check_over();
}
