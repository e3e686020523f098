//! Nothing grows: a million hooks, and a hundred thousand streams opened and closed.
//!
//! Slow without optimisation, so run it by `cargo test -p mmp-goplugin --release --test soak -- --ignored`.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::print_stdout, reason = "a test program")]

use std::time::Instant;

use mmp_gob::Error;
use mmp_gob::varint::{put_bytes, put_int};
use mmp_goplugin::endpoint::{Handler, Kind, Link};
use mmp_goplugin::host::{HostHandler, HostSession};
use mmp_goplugin::netrpc::{Body, CallError, ConnError, RequestHead, put_message};
use mmp_goplugin::plugin::{PluginHandler, PluginSession};
use mmp_goplugin::yamux::StreamId;

/// Serves an echo, and counts answers.
#[derive(Default)]
struct Peer {
    hooks: Option<StreamId>,
    answers: u64,
    failures: u64,
    finished: u64,
}

fn put_blob(out: &mut Vec<u8>, bytes: &[u8]) {
    put_message(out, |out| {
        put_int(out, i64::from(mmp_gob::ids::BYTES));
        out.push(0);
        put_bytes(out, bytes);
    });
}

fn blob(bytes: &[u8]) -> impl FnOnce(&mut Vec<u8>) -> Result<(), ConnError> {
    move |out| {
        put_blob(out, bytes);
        Ok(())
    }
}

impl Handler for Peer {
    fn request(
        &mut self,
        link: &mut Link,
        conn: StreamId,
        request: RequestHead<'_>,
        body: Body<'_, '_>,
    ) -> Result<(), Error> {
        let argument = body.cursor.bytes()?;
        let replied = link.reply(conn, request.seq, request.method, blob(argument));
        replied.map_err(|error| Error::Rejected(error.to_string().into()))
    }

    fn response(&mut self, _: &mut Link, _: StreamId, _: u64, body: Body<'_, '_>) -> Result<(), Error> {
        body.cursor.bytes()?;
        self.answers += 1;
        Ok(())
    }

    fn call_failed(&mut self, _: &mut Link, _: StreamId, _: u64, _: CallError) {
        self.failures += 1;
    }

    fn finished(&mut self, link: &mut Link, stream: StreamId) {
        self.finished += 1;
        link.close(stream);
    }
}

impl PluginHandler for Peer {
    fn quit(&mut self, _: &mut Link) {}
}

impl HostHandler for Peer {
    fn dispensed(&mut self, _: &mut Link, conn: StreamId) {
        self.hooks = Some(conn);
    }
}

struct Pair {
    plugin: PluginSession,
    plugin_peer: Peer,
    host: HostSession,
    host_peer: Peer,
    bytes: Vec<u8>,
}

impl Pair {
    fn new() -> Self {
        let now = Instant::now();
        let mut pair = Self {
            plugin: PluginSession::new(now),
            plugin_peer: Peer::default(),
            host: HostSession::new(now).expect("fresh"),
            host_peer: Peer::default(),
            bytes: Vec::new(),
        };
        pair.host.dispense().expect("open");
        pair.pump();
        pair
    }

    fn pump(&mut self) {
        loop {
            self.bytes.clear();
            self.bytes.extend_from_slice(self.plugin.pending_output());
            self.plugin.advance_output(self.bytes.len());
            self.host.receive(&self.bytes, &mut self.host_peer);
            let idle = self.bytes.is_empty();
            self.bytes.clear();
            self.bytes.extend_from_slice(self.host.pending_output());
            self.host.advance_output(self.bytes.len());
            self.plugin.receive(&self.bytes, &mut self.plugin_peer);
            if idle && self.bytes.is_empty() {
                return;
            }
        }
    }

    fn tick(&mut self) {
        let now = Instant::now();
        self.plugin.tick(now, &mut self.plugin_peer);
        self.host.tick(now, &mut self.host_peer);
        self.pump();
    }

    fn state(&mut self) -> (usize, usize) {
        (self.plugin.live_state(), self.host.live_state())
    }

    fn allocated(&mut self) -> usize {
        self.plugin.link().session().allocated() + self.host.link().session().allocated()
    }

    /// Calls hooks, `depth` at a time.
    fn hooks(&mut self, count: u64, depth: u64) {
        let argument = [7; 600];
        let hooks = self.host_peer.hooks.expect("dispensed");
        let before = self.host_peer.answers;
        for round in 0..count / depth {
            for token in 0..depth {
                self.host.link().call(hooks, "Plugin.Echo", token, blob(&argument)).expect("open");
            }
            self.pump();
            if round % 4096 == 0 {
                self.tick();
            }
        }
        assert_eq!(self.host_peer.answers - before, count);
    }

    /// Opens and closes streams of every kind, from both sides.
    fn streams(&mut self, count: u64) {
        let answers = self.plugin_peer.answers;
        for n in 0..count / 4 {
            // net/rpc, dialled by the plugin and closed by it, as the HTTP response writer is.
            let id = self.host.link().next_broker_id();
            self.host.link().accept(id, Kind::Server);
            let conn = self.plugin.link().dial(id, Kind::Client).expect("open");
            self.plugin.link().call(conn, "Plugin.Write", n, blob(b"body")).expect("open");
            self.pump();
            self.plugin.link().close(conn);
            // A body, accepted before or after the dial, closed by one side and then by the other.
            let id = self.plugin.link().next_broker_id();
            if n % 2 == 0 {
                self.plugin.link().accept(id, Kind::Raw);
            }
            let stream = self.host.link().dial(id, Kind::Raw).expect("open");
            self.host.link().send(stream, b"bytes").expect("open");
            self.host.link().close(stream);
            self.pump();
            if n % 2 == 1 {
                self.plugin.link().accept(id, Kind::Raw);
            }
            // One that is given up by a reset, and one that is reset before it is paired.
            let id = self.host.link().next_broker_id();
            self.host.link().accept(id, Kind::Raw);
            let stream = self.plugin.link().dial(id, Kind::Raw).expect("open");
            self.pump();
            self.host.link().reset(stream);
            let id = self.host.link().next_broker_id();
            self.host.link().accept(id, Kind::Client);
            let stream = self.plugin.link().dial(id, Kind::Server).expect("open");
            self.plugin.link().reset(stream);
            self.tick();
        }
        assert_eq!(self.plugin_peer.answers - answers, count / 4);
    }
}

/// Resident memory of this process in KiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("VmRSS")
}

fn report(text: &str) {
    println!("{text}");
}

#[test]
#[ignore = "takes seconds with optimisation and minutes without: --release -- --ignored"]
fn nothing_grows() {
    let mut pair = Pair::new();
    pair.hooks(20_000, 20);
    pair.streams(4_000);
    let (state, allocated, memory) = (pair.state(), pair.allocated(), resident());

    let begin = Instant::now();
    pair.hooks(500_000, 1);
    pair.hooks(500_000, 20);
    report(&format!("1,000,000 hooks in {:.2?}", begin.elapsed()));
    assert_eq!(pair.state(), state);
    let begin = Instant::now();
    pair.streams(100_000);
    report(&format!("100,000 streams in {:.2?}", begin.elapsed()));

    report(&format!("live {state:?} -> {:?}", pair.state()));
    let growth = resident().saturating_sub(memory);
    report(&format!("memory {memory} KiB, growth {growth} KiB, allocated {allocated} -> {}", pair.allocated()));
    assert!(growth < 100, "{growth} KiB");
    assert!(pair.allocated() <= allocated + 4096);
    assert_eq!(pair.host_peer.failures + pair.plugin_peer.failures, 0);
    assert_eq!(pair.state(), state);
}
