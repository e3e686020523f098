//! Frames of a worker to gob: any bytes as arguments of an API call or as the answer of a hook. What is written can be read, and comes back the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mmp_fuzz::input::Input;
use mmp_fuzz::stream::{Incoming, check_one_value};
use mmp_fuzz::{frame, memory, methods, seeds};
use mmp_gob::{Limits, StreamReader};
use mmp_transcode::schema::Method;
use mmp_transcode::{Error, Reply, ToGob};

/// The memory for one byte: errors name the path to a value.
const FACTOR: usize = 256;

fuzz_target!(init: seeds::write_if_asked("to_gob"), |data: &[u8]| {
    let mut input = Input(data);
    let method = methods::at(&methods::GOB, input.number());
    let mode = input.byte();
    let payload = input.0;
    // The tables of a stream are built once and are no cost of the input.
    memory::in_proportion(data.len(), FACTOR, || match mode % 4 {
        0 | 1 => call(method, payload),
        2 => answer(method, payload),
        _ => failure(method, payload),
    });
});

fn call(method: &'static Method, payload: &[u8]) {
    let (mut to, mut host) = (ToGob::default(), Incoming::new());
    let mut round = |payload: &[u8]| -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        to.call(method, payload, &mut out)?;
        host.reader.push(&out);
        let (frame, _) = host.args(method).expect("a whole value").expect("arguments that fit the schema");
        frame::check_array(&frame, method.args.len());
        Ok(frame)
    };
    let Ok(once) = round(payload) else { return };
    let twice = round(&once).expect("what the host was told can be told again");
    assert_eq!(once, twice);
    let mut out = Vec::new();
    ToGob::default().call(method, payload, &mut out).expect("it went before");
    check_one_value(&out, Limits::default());
}

fn answer(method: &'static Method, payload: &[u8]) {
    let (mut to, mut host) = (ToGob::default(), Incoming::new());
    let mut types = StreamReader::new(Limits::default()).types;
    let mut round = |payload: &[u8]| -> Result<(Vec<u8>, Reply), Error> {
        let mut out = Vec::new();
        to.reply(method, payload, None, &mut types, &mut out)?;
        check_one_value_of(&out, &mut host, method)
    };
    let Ok((once, Reply::Results)) = round(payload) else { return };
    let (twice, _) = round(&once).expect("what the host was told can be told again");
    assert_eq!(once, twice);
}

fn failure(method: &'static Method, payload: &[u8]) {
    let text = String::from_utf8_lossy(payload);
    let (mut to, mut host) = (ToGob::default(), Incoming::new());
    for app in [None, Some(payload)] {
        let mut out = Vec::new();
        if to.reply_error(method, &text, app, &mut out).is_ok() {
            let read = check_one_value_of(&out, &mut host, method).expect("an answer");
            assert_eq!(read.1 == Reply::Error, method.error.is_some(), "{}", method.name);
        }
    }
    // Nothing of what failed stays in the stream.
    let mut out = Vec::new();
    to.reply_nothing(method, &mut out).expect("nothing can always be said");
    check_one_value_of(&out, &mut host, method).expect("an answer");
}

/// The host reads an answer.
fn check_one_value_of(gob: &[u8], host: &mut Incoming, method: &'static Method) -> Result<(Vec<u8>, Reply), Error> {
    host.reader.push(gob);
    let (frame, reply) = host.results(method).expect("a whole value").expect("results that fit the schema");
    assert_eq!(host.reader.buffered(), 0, "one value was written");
    match reply {
        Reply::Results => frame::check_array(&frame, method.results.len()),
        Reply::Error => frame::check(&frame),
    }
    Ok((frame, reply))
}
