//! What Mattermost reads bodies with, and the line that comes before everything: any bytes in any pieces.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mmp_fuzz::input::Input;
use mmp_fuzz::{memory, seeds};
use mmp_goplugin::handshake::{Address, HandshakeLine};
use mmp_goplugin::pull::{PullReader, PullServer};

fuzz_target!(init: seeds::write_if_asked("bodies"), |data: &[u8]| {
    let mut input = Input(data);
    let piece = usize::from(input.byte()).max(1);
    memory::in_proportion(data.len(), 16, || {
        requests(input.0, piece);
        answers(input);
        line(input.0);
    });
});

/// Requests of the server, whole and in pieces: the same bytes are due.
fn requests(bytes: &[u8], piece: usize) {
    let (mut whole, mut pieces) = (PullServer::default(), PullServer::default());
    let taken = whole.receive(bytes);
    let in_pieces = bytes.chunks(piece).try_for_each(|piece| pieces.receive(piece));
    assert_eq!(taken, in_pieces);
    if taken.is_ok() {
        let due = whole.due();
        assert_eq!(due, pieces.due());
        let sent = whole.take(100);
        assert!(sent <= 100);
        assert_eq!(due - sent as u64, whole.due());
    }
}

/// Requests of ours, to a server of ours: both know what is due.
fn answers(mut input: Input<'_>) {
    let (mut reader, mut server) = (PullReader::default(), PullServer::default());
    while !input.is_empty() {
        let mut bytes = Vec::new();
        reader.request(&mut bytes, input.number() as i64);
        server.receive(&bytes).expect("our own request");
        assert_eq!(reader.due(), server.due());
        let sent = server.take(input.number());
        reader.received(sent);
        assert_eq!(reader.due(), server.due());
    }
}

/// The plugin's line, as a host reads it: a path that was read can be written.
fn line(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(HandshakeLine { address: Address::Unix(path) }) = HandshakeLine::parse(text) else { return };
    if let Ok(written) = HandshakeLine::for_socket(&path) {
        let read = HandshakeLine::parse(&written).expect("our own line");
        assert_eq!(read.address, Address::Unix(path));
    }
}
