//! The worker link: any bytes as frames, in any pieces, and as the payloads that the bridge reads itself.

#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use mmp_fuzz::input::Input;
use mmp_fuzz::{memory, seeds};
use mmp_worker::connection::next_frame;
use mmp_worker::frame::{BadFrame, HEADER, Header, Kind, MAX_PAYLOAD, put_bytes_with, put_frame};
use mmp_worker::messages::{self, Failed, Hello, Log, Ready, Refused, Welcome};
use mmp_worker::token::Token;
use serde::{Serialize, de::DeserializeOwned};

/// The memory for one byte: an entry of a map of strings takes two.
const FACTOR: usize = 512;

fuzz_target!(init: seeds::write_if_asked("frames"), |data: &[u8]| {
    let mut input = Input(data);
    let piece = usize::from(input.byte()).max(1);
    memory::in_proportion(data.len(), FACTOR, || {
        let (frames, fault) = every(input.0, usize::MAX);
        assert_eq!((frames.clone(), fault), every(input.0, piece), "pieces do not matter");
        for (header, payload) in &frames {
            write_again(*header, payload);
            messages(header.kind, payload);
        }
        payloads(input.0);
    });
});

type Frame = (Header, Vec<u8>);

/// All frames of a connection, as the bridge reads them, and what ended it.
fn every(bytes: &[u8], piece: usize) -> (Vec<Frame>, Option<BadFrame>) {
    let mut found = Vec::new();
    let mut buffer = Vec::new();
    for piece in bytes.chunks(piece) {
        buffer.extend_from_slice(piece);
        let mut at = 0;
        loop {
            match next_frame(&buffer, at) {
                Ok(Some((header, payload))) => {
                    assert!(payload.start == at + HEADER && payload.len() == header.len && header.len <= MAX_PAYLOAD);
                    at = payload.end;
                    found.push((header, buffer[payload].to_vec()));
                }
                Ok(None) => break,
                Err(fault) => return (found, Some(fault)),
            }
        }
        buffer.drain(..at);
    }
    (found, None)
}

fn write_again(header: Header, payload: &[u8]) {
    let mut out = b"before".to_vec();
    put_bytes_with(&mut out, header.kind, header.flags, header.method, header.id, payload);
    let read = next_frame(&out, 6);
    assert_eq!(read, Ok(Some((header, 6 + HEADER..out.len()))));
    let length = out.len();
    let failed: Result<(), ()> = put_frame(&mut out, header.kind, header.method, header.id, |out| {
        out.extend_from_slice(payload);
        Err(())
    });
    assert!(failed.is_err() && out.len() == length, "a payload that fails leaves nothing");
}

/// The payload as its kind says.
fn messages(kind: Kind, payload: &[u8]) {
    match kind {
        Kind::Hello => {
            if let Some(hello) = again::<Hello>(payload) {
                // What a stranger shows is no token, or the same one.
                assert!(Token::parse(&hello.token).is_none_or(|token| token.matches(&hello.token)));
            }
        }
        Kind::Ready => drop(again::<Ready>(payload)),
        Kind::Failed => {
            if let Some(failed) = again::<Failed>(payload) {
                assert!(!failed.sentence().contains(['\n', '\r']), "it is one line");
            }
        }
        Kind::Log => drop(again::<Log>(payload)),
        Kind::Welcome => drop(again::<Welcome>(payload)),
        Kind::Refused => drop(again::<Refused>(payload)),
        _ => {}
    }
}

/// The same bytes without a header, which the fuzzer finds more easily.
fn payloads(bytes: &[u8]) {
    for kind in [Kind::Hello, Kind::Ready, Kind::Failed, Kind::Log] {
        messages(kind, bytes);
    }
}

/// Reads a payload; what was read survives being written.
fn again<T: DeserializeOwned + Serialize + Debug>(payload: &[u8]) -> Option<T> {
    let read = messages::decode::<T>(payload).ok()?;
    let written = messages::encode(&read).expect("what was read can be written");
    let back = messages::decode::<T>(&written).expect("what was written can be read");
    assert_eq!(format!("{read:?}"), format!("{back:?}"));
    Some(read)
}
