//! gob of the server through the schema: arguments of hooks and answers of API calls become frames, and an argument that a hook returns as it came becomes a reply.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mmp_fuzz::input::Input;
use mmp_fuzz::stream::{Incoming, Read, check_one_value};
use mmp_fuzz::{frame, memory, methods, seeds};
use mmp_gob::{Limits, Types};
use mmp_transcode::schema::Method;
use mmp_transcode::{KeptArg, Reply, Sent, ToGob};

/// The memory for one byte: an absent argument is the empty form of its type, and there may be many values of one byte.
const FACTOR: usize = 1024;

fuzz_target!(init: seeds::write_if_asked("from_gob"), |data: &[u8]| {
    let mut input = Input(data);
    // The values of one stream are arguments of different methods, which share its types.
    let methods = [input.number(), input.number()].map(|number| methods::at(&methods::GOB, number));
    let results = input.byte() & 1 == 1;
    let bytes = input.0;
    let whole = memory::in_proportion(data.len(), FACTOR, || every(methods, results, bytes, bytes.len().max(1)));
    assert_eq!(whole, every(methods, results, bytes, 5), "pieces do not matter");
});

/// All values of a stream that arrives in pieces.
fn every(methods: [&'static Method; 2], results: bool, bytes: &[u8], piece: usize) -> Vec<String> {
    let mut incoming = Incoming::new();
    let mut found = Vec::new();
    for piece in bytes.chunks(piece) {
        incoming.reader.push(piece);
        loop {
            let method = methods[found.len() % 2];
            let over;
            if results {
                let read = incoming.results(method);
                over = incoming.is_over(&read);
                found.extend(read.map(|read| result(method, &read)));
            } else {
                let read = incoming.args(method);
                over = incoming.is_over(&read);
                found.extend(read.map(|read| argument(method, &read, &mut incoming.reader.types)));
            }
            if over {
                break;
            }
        }
        if incoming.reader.buffered() == 0 && incoming.reader.next(mmp_fuzz::stream::tree).is_err() {
            break;
        }
    }
    found
}

fn result(method: &Method, read: &Read<Reply>) -> String {
    match read {
        Ok((payload, Reply::Results)) => frame::check_array(payload, method.results.len()),
        Ok((payload, Reply::Error)) => frame::check(payload),
        Err(_) => {}
    }
    format!("{read:?}")
}

fn argument(method: &'static Method, read: &Read<Option<KeptArg>>, types: &mut Types) -> String {
    if let Ok((payload, kept)) = read {
        frame::check_array(payload, method.args.len());
        if let Some(kept) = kept {
            unchanged(method, payload, kept, types);
        }
    }
    format!("{read:?}")
}

/// A hook that returns what it got, and one that has nothing to say.
fn unchanged(method: &'static Method, payload: &[u8], kept: &KeptArg, types: &mut Types) {
    let argument = &payload[kept.frame.clone()];
    frame::check(argument);
    let sent = Sent { frame: argument, gob: &kept.gob, wire: kept.wire };
    for answer in [Vec::new(), [&[0x91], argument].concat()] {
        let mut out = Vec::new();
        ToGob::default().reply(method, &answer, Some(sent), types, &mut out).expect("what came can go back");
        check_one_value(&out, Limits::default());
        let mut host = Incoming::new();
        host.reader.push(&out);
        let read = host.results(method).expect("a whole reply").expect("a reply that fits the schema");
        frame::check_array(&read.0, method.results.len());
    }
}
