//! Protobuf bodies of programs on gRPC: any bytes as a request or a response. What is taken is a canonical frame that survives another round.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mmp_fuzz::input::Input;
use mmp_fuzz::{frame, memory, methods, seeds};
use mmp_transcode::Error;
use mmp_transcode::generated::STRUCTS;
use mmp_transcode::proto;
use mmp_transcode::schema::{Method, Slot, Struct};

/// The memory for one byte: a field of two bytes is looked for in a table.
const FACTOR: usize = 512;

fuzz_target!(init: seeds::write_if_asked("proto"), |data: &[u8]| {
    let mut input = Input(data);
    let mode = input.byte();
    let number = input.number();
    let (method, bytes) = (methods::at(&methods::ALL, number), input.0);
    memory::in_proportion(data.len(), FACTOR, || match mode % 8 {
        0 => slots(method.args, bytes),
        1 => slots(method.results, bytes),
        2 => stable(bytes, proto::value_from_proto, proto::value_to_proto),
        3 => stable(bytes, proto::response_head_from_proto, proto::response_head_to_proto),
        4 => structure(STRUCTS[number % STRUCTS.len()], bytes),
        5 => frames(method, bytes),
        6 => errors(bytes),
        _ => whole(method, bytes),
    });
});

fn slots(slots: &[Slot], message: &[u8]) {
    stable(
        message,
        |message, out| proto::slots_from_proto(slots, message, out),
        |frame, out| proto::slots_to_proto(slots, frame, out),
    );
}

fn structure(schema: &Struct, message: &[u8]) {
    // The argument or reply of an RPC is no message.
    if !schema.fields.is_empty() && schema.fields.iter().all(|field| field.tag != 0) {
        stable(
            message,
            |message, out| proto::struct_from_proto(schema, message, out),
            |frame, out| proto::struct_to_proto(schema, frame, out),
        );
    }
}

/// A message is refused, or becomes a frame that survives another round.
fn stable(
    message: &[u8],
    from: impl Fn(&[u8], &mut Vec<u8>) -> Result<(), Error>,
    to: impl Fn(&[u8], &mut Vec<u8>) -> Result<(), Error>,
) {
    let (mut once, mut again, mut twice) = (Vec::new(), Vec::new(), Vec::new());
    if from(message, &mut once).is_err() {
        return;
    }
    frame::check(&once);
    to(&once, &mut again).expect("what was taken can be sent");
    from(&again, &mut twice).expect("what was sent can be taken");
    assert_eq!(once, twice);
}

/// Bytes of the bridge's side: what becomes a message can be taken back.
fn frames(method: &'static Method, payload: &[u8]) {
    let mut message = Vec::new();
    if proto::args_to_proto(method, payload, &mut message).is_ok() {
        slots(method.args, &message);
        proto::args_from_proto(method, &message, &mut Vec::new()).expect("our own message");
    }
    message.clear();
    if proto::results_to_proto(method, payload, &mut message).is_ok() {
        proto::results_from_proto(method, &message, &mut Vec::new()).expect("our own message");
    }
    // What follows has no other direction.
    let _ = proto::http_start_to_proto(method, payload, &mut Vec::new());
    let _ = proto::go_error_to_proto(payload, &mut Vec::new());
}

fn errors(bytes: &[u8]) {
    for with_kind in [false, true] {
        stable(bytes, |message, out| proto::app_error_from_proto(message, with_kind, out), proto::app_error_to_proto);
    }
}

/// The neutral answer is no byte on either side.
fn whole(method: &'static Method, message: &[u8]) {
    let mut frame = Vec::new();
    if proto::results_from_proto(method, message, &mut frame).is_ok() {
        assert_eq!(frame.is_empty(), message.is_empty());
        proto::results_to_proto(method, &frame, &mut Vec::new()).expect("our own frame");
    }
}
