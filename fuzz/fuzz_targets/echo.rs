//! The echo of a hook: an argument of the server, and what a worker makes of it. The reply can be read, and says what the worker said.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mmp_fuzz::input::Input;
use mmp_fuzz::stream::{Incoming, check_one_value};
use mmp_fuzz::{frame, memory, methods, seeds};
use mmp_gob::{Limits, Types};
use mmp_transcode::schema::{EchoMode, Method};
use mmp_transcode::{Reply, Sent, ToGob};

/// The memory for one byte.
const FACTOR: usize = 1024;

fuzz_target!(init: seeds::write_if_asked("echo"), |data: &[u8]| {
    let mut input = Input(data);
    let method = methods::at(&methods::ECHOES, input.number());
    let gob = input.sized();
    memory::in_proportion(data.len(), FACTOR, || {
        let mut host = Incoming::new();
        host.reader.push(gob);
        let Some(Ok((payload, Some(kept)))) = host.args(method) else { return };
        let argument = &payload[kept.frame.clone()];
        let sent = Sent { frame: argument, gob: &kept.gob, wire: kept.wire };
        let mut answer = alone(argument);
        edit(&mut answer, input);
        reply(method, &answer, sent, &mut host.reader.types);
    });
});

/// Changes an answer: each step says where, how much goes, and what comes.
fn edit(answer: &mut Vec<u8>, mut input: Input<'_>) {
    while !input.is_empty() {
        let at = input.number() % (answer.len() + 1);
        let gone = usize::from(input.byte()).min(answer.len() - at);
        let count = usize::from(input.byte());
        answer.splice(at..at + gone, input.bytes(count).iter().copied());
    }
}

fn reply(method: &'static Method, answer: &[u8], sent: Sent<'_>, types: &mut Types) {
    let mut to = ToGob::default();
    let mut out = Vec::new();
    if to.reply(method, answer, Some(sent), types, &mut out).is_err() {
        // Nothing of what failed stays in the stream.
        assert!(out.is_empty());
        to.reply(method, &[], Some(sent), types, &mut out).expect("the neutral answer");
        check_one_value(&out, Limits::default());
        return;
    }
    check_one_value(&out, Limits::default());
    let told = read(method, &out);
    frame::check_array(&told, method.results.len());
    // The others are merged into what the server has, or left out. No answer at all is the original, which a new value is not.
    if !answer.is_empty() && method.echo.is_some_and(|echo| echo.mode == EchoMode::NilRejects) {
        let mut fresh = |answer: &[u8]| {
            let mut out = Vec::new();
            let done = ToGob::default().reply(method, answer, None, types, &mut out);
            done.ok().map(|()| read(method, &out))
        };
        // A type of the host may say things that ours cannot: two fields of one name.
        let says_the_same = fresh(&alone(sent.frame)).is_some_and(|told| told[1..].starts_with(sent.frame));
        if says_the_same && let Some(fresh) = fresh(answer) {
            assert_eq!(told, fresh, "an echo says what a new value says");
        }
    }
}

/// The answer that is nothing but the echo.
fn alone(argument: &[u8]) -> Vec<u8> {
    [&[0x91], argument].concat()
}

/// What the host makes of a reply.
fn read(method: &'static Method, gob: &[u8]) -> Vec<u8> {
    let mut host = Incoming::new();
    host.reader.push(gob);
    let (frame, reply) = host.results(method).expect("a whole reply").expect("results that fit the schema");
    assert_eq!(reply, Reply::Results);
    frame
}
