//! What the targets begin with: values of every type and method, made by our own encoders, so that they follow the schema.

mod split;

use std::path::PathBuf;
use std::time::Instant;

use mmp_gob::varint::{put_int, put_uint};
use mmp_gob::{Limits, StreamReader, WireType, ids};
use mmp_goplugin::handshake::HandshakeLine;
use mmp_goplugin::host::HostSession;
use mmp_goplugin::netrpc::{ConnError, put_message};
use mmp_goplugin::plugin::PluginSession;
use mmp_goplugin::pull::{EVERYTHING, put_request};
use mmp_transcode::schema::{Kind, Method, Slot};
use mmp_transcode::{ToGob, proto};
use mmp_worker::frame;
use mmp_worker::messages::{self, DeclaredHook, Failed, Hello, Log, Mode, Ready, Role};

use crate::input::{Input, put_number, put_sized};
use crate::methods;
use crate::script;
use crate::session::{HOLD, Peer, Side};
use crate::support::frame::Frame;
use crate::support::generate::Generator;

/// Longer ones are left out: they take the fuzzer's time.
const LONGEST: usize = 8 * 1024;

/// Where a target writes its seeds, if this is set; it ends then.
const ASKED: &str = "MMP_FUZZ_SEEDS";

/// Called by every target before its first input.
pub fn write_if_asked(target: &str) {
    let Some(directory) = std::env::var_os(ASKED).map(PathBuf::from) else { return };
    for (number, seed) in of(target).iter().enumerate() {
        let file = directory.join(format!("{number:04}"));
        std::fs::write(&file, seed).unwrap_or_else(|error| panic!("cannot write {}: {error}", file.display()));
    }
    std::process::exit(0);
}

/// How many seeds there are of a hook whose result is one of its arguments.
const ECHO_SEEDS: usize = 6;

/// The seeds of a target, none if it finds its way alone.
fn of(target: &str) -> Vec<Vec<u8>> {
    let seeds = match target {
        "gob" => calls().into_iter().map(|call| call.gob).chain([split::OF_GO.to_vec(), lie()]).collect(),
        "from_gob" => calls().iter().map(Call::for_from_gob).collect(),
        "to_gob" => calls().iter().map(Call::for_to_gob).collect(),
        "echo" => echoes(),
        "proto" => protos(),
        "frames" => frames(),
        "bodies" => bodies(),
        "plugin_session" => vec![conversation().0],
        "host_session" => vec![conversation().1],
        "pair" => vec![PAIR.to_vec()],
        other => panic!("there is no target {other}"),
    };
    seeds.into_iter().filter(|seed| seed.len() <= LONGEST).collect()
}

/// A method's arguments or results.
struct Call {
    method: &'static Method,
    number: usize,
    results: bool,
    frame: Vec<u8>,
    gob: Vec<u8>,
}

impl Call {
    /// Two methods, the direction, a stream.
    fn for_from_gob(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_number(&mut out, self.number);
        put_number(&mut out, self.number);
        out.push(u8::from(self.results));
        out.extend_from_slice(&self.gob);
        out
    }

    /// A method, what the frame is, a payload.
    fn for_to_gob(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_number(&mut out, self.number);
        out.push(if self.results { 2 } else { 0 });
        out.extend_from_slice(&self.frame);
        out
    }
}

fn calls() -> Vec<Call> {
    let mut generator = Generator(1);
    let mut calls = Vec::new();
    for (number, method) in methods::GOB.iter().copied().enumerate() {
        let count = if method.echo.is_some() { ECHO_SEEDS } else { 1 };
        for _ in 0..count {
            calls.extend(call(&mut generator, number, method, false));
            calls.extend(call(&mut generator, number, method, true));
        }
    }
    calls
}

/// A method's arguments or results as our own encoder writes them and, if that differs, as Go does.
fn call(generator: &mut Generator, number: usize, method: &'static Method, results: bool) -> Vec<Call> {
    let slots = if results { method.results } else { method.args };
    if slots.iter().any(|slot| !is_writable(&slot.kind)) {
        return Vec::new();
    }
    // Lists inside `any` are below the depth at which the generator of the others ends.
    let frame = values(generator, slots, usize::from(method.echo.is_none()));
    let mut gob = Vec::new();
    if !write(method, results, &frame, &mut gob) {
        return Vec::new();
    }
    let streams = split::split(&gob).into_iter().chain([gob]);
    streams.map(|gob| Call { method, number, results, frame: frame.clone(), gob }).collect()
}

fn write(method: &'static Method, results: bool, frame: &[u8], gob: &mut Vec<u8>) -> bool {
    let mut types = StreamReader::new(Limits::default()).types;
    match results {
        true => ToGob::default().reply(method, frame, None, &mut types, gob).is_ok(),
        false => ToGob::default().call(method, frame, gob).is_ok(),
    }
}

/// Whether the generator has values of a kind: keys of maps are strings.
fn is_writable(kind: &Kind) -> bool {
    match kind {
        Kind::Map(key, item) => matches!(key, Kind::String) && is_writable(item),
        Kind::Ptr(inner) | Kind::List(inner) => is_writable(inner),
        _ => true,
    }
}

fn values(generator: &mut Generator, slots: &[Slot], depth: usize) -> Vec<u8> {
    Frame::List(slots.iter().map(|slot| generator.value(&slot.kind, depth)).collect()).bytes()
}

/// The arguments of hooks, with nothing changed and with the first bytes of the answer replaced.
fn echoes() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (number, method) in methods::ECHOES.iter().enumerate() {
        for call in calls().iter().filter(|call| call.method.id == method.id && !call.results) {
            let mut seed = Vec::new();
            put_number(&mut seed, number);
            put_sized(&mut seed, &call.gob);
            seeds.push(seed.clone());
            for at in [5, 20, 60] {
                put_number(&mut seed, at);
                seed.extend_from_slice(&[1, 1, 0x61]);
                seeds.push(seed.clone());
            }
        }
    }
    seeds
}

fn protos() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for call in calls() {
        let slots = if call.results { call.method.results } else { call.method.args };
        let mut message = Vec::new();
        if proto::slots_to_proto(slots, &call.frame, &mut message).is_ok() {
            seeds.push(proto_seed(u8::from(call.results), call.number, &message));
        }
        seeds.push(proto_seed(5, call.number, &call.frame));
    }
    let mut generator = Generator(3);
    for _ in 0..20 {
        let mut message = Vec::new();
        if proto::value_to_proto(&generator.value(&Kind::Any, 0).bytes(), &mut message).is_ok() {
            seeds.push(proto_seed(2, 0, &message));
        }
    }
    seeds
}

fn proto_seed(mode: u8, number: usize, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![mode];
    put_number(&mut out, number);
    out.extend_from_slice(bytes);
    out
}

fn frames() -> Vec<Vec<u8>> {
    let hello = Hello {
        protocol: mmp_worker::messages::PROTOCOL,
        schema: "s".into(),
        token: "0".repeat(64),
        role: Role::Control,
        sdk: "sdk".into(),
        runtime: "Python".into(),
        pid: 7,
    };
    let ready = encoded(&Ready { hooks: vec![DeclaredHook::new(5, Mode::Sync), DeclaredHook::new(6, Mode::Async)] });
    let failed =
        encoded(&Failed { message: "m".into(), hint: "h".into(), file: "f".into(), line: 3, ..Failed::default() });
    let log = encoded(&Log("info".into(), "m".into(), [("k".to_owned(), "v".to_owned())].into()));
    let payloads = [
        (frame::Kind::Hello, encoded(&hello)),
        (frame::Kind::Ready, ready),
        (frame::Kind::Failed, failed),
        (frame::Kind::Log, log),
        (frame::Kind::Data, b"bytes".to_vec()),
    ];
    let mut all = vec![3];
    let mut seeds = Vec::new();
    for (kind, payload) in payloads {
        let mut seed = vec![1];
        frame::put_bytes(&mut seed, kind, 1, 2, &payload);
        all.extend_from_slice(&seed[1..]);
        seeds.push(seed);
        seeds.push([&[0], payload.as_slice()].concat());
    }
    seeds.push(all);
    seeds
}

fn encoded(message: &impl serde::Serialize) -> Vec<u8> {
    messages::encode(message).unwrap_or_default()
}

/// A list that says it has a million items and has none.
fn lie() -> Vec<u8> {
    let mut out = Vec::new();
    WireType::Slice { name: "".into(), elem: ids::INTERFACE }.put_definition(ids::FIRST_USER, &mut out);
    put_message(&mut out, |out| {
        put_int(out, i64::from(ids::FIRST_USER));
        put_uint(out, 0);
        put_uint(out, (1 << 20) - 1);
    });
    out
}

/// What the two sides of a conversation get, as scripts: the hooks are dispensed and called, and the plugin is asked for other things and to go.
fn conversation() -> (Vec<u8>, Vec<u8>) {
    let now = Instant::now();
    let (mut plugin, mut plugin_peer) = (PluginSession::new(now), Peer::default());
    let Ok(mut host) = HostSession::new(now) else { return Default::default() };
    let (mut host_peer, mut scripts) = (Peer::default(), (Vec::new(), Vec::new()));
    // What the host does is part of its own script, as `script::act` reads it.
    for step in [ASK_HOOKS, CALL_ECHO, CALL_HOLD, CALL_UNKNOWN, ASK_PING, ASK_OTHER, ASK_QUIT] {
        script::act(step[0], &mut Input(&step[1..]), &mut host, &mut host_peer);
        scripts.1.extend_from_slice(step);
        scripts.1.push(1);
        if let Some((conn, seq)) = plugin_peer.held.pop() {
            let answered = plugin.link().reply(conn, seq, HOLD, |out| {
                out.extend_from_slice(split::OF_GO);
                Ok::<(), ConnError>(())
            });
            answered.expect("the connection is open");
        }
        for _ in 0..4 {
            hand_over(&mut host, &mut plugin, &mut plugin_peer, &mut scripts.0);
            hand_over(&mut plugin, &mut host, &mut host_peer, &mut scripts.1);
        }
    }
    (scripts.0, scripts.1)
}

const ASK_HOOKS: &[u8] = &[129, 0, 0, 0];
const ASK_PING: &[u8] = &[129, 1, 0, 0];
const ASK_QUIT: &[u8] = &[129, 2, 0, 0];
const ASK_OTHER: &[u8] = b"\x81\x03\x05\x00other";
const CALL_ECHO: &[u8] = b"\x87\x00\x00\x05\x00hello";
const CALL_HOLD: &[u8] = b"\x87\x00\x01\x05\x00later";
const CALL_UNKNOWN: &[u8] = b"\x87\x00\x02\x07\x00unknown";

/// Delivers output and notes it as a step of the receiver's script.
fn hand_over(from: &mut impl Side, to: &mut impl Side, peer: &mut Peer, script: &mut Vec<u8>) {
    let bytes = from.take_output(usize::MAX);
    to.receive(&bytes, peer);
    if !bytes.is_empty() {
        script.push(0);
        put_sized(script, &bytes);
        script.push(1);
    }
}

/// Steps of `fuzz_targets/pair.rs`: the hooks are dispensed, called and answered.
const PAIR: &[u8] = &[
    13, 8, 0, 8, 1, 13, 0, 0, 5, 0, 1, 2, 3, 4, 5, 8, 1, 13, 2, 0, 1, 0, 7, 8, 1, 11, 4, 0, 2, 0, 1, 2, 8, 1, 9, 2, 8,
    1, 11, 5, 0, 255, 255, 8, 2,
];

fn bodies() -> Vec<Vec<u8>> {
    let mut requests = vec![2];
    for count in [1, -1, 64, 32_768, EVERYTHING, i64::MIN] {
        put_request(&mut requests, count);
    }
    let line = HandshakeLine::for_socket("/tmp/plugin1".as_ref()).unwrap_or_default();
    vec![requests, [b"\x01", line.as_bytes()].concat(), b"\x011|1|tcp|127.0.0.1:80|netrpc|".to_vec()]
}
