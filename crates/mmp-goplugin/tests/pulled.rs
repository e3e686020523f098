//! Raw streams between a plugin's and a host's session: the pull protocol and its windows.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test program")]

mod common;

use common::Wire;
use mmp_goplugin::endpoint::Kind;
use mmp_goplugin::pull::{EVERYTHING, PullReader, PullServer};
use mmp_goplugin::yamux::INITIAL_WINDOW;

/// A request body over the pull protocol: one huge request, and the window alone paces it.
#[test]
fn a_pulled_body_is_paced_by_the_window() {
    let mut wire = Wire::started();
    let id = wire.host.link().next_broker_id();
    wire.host.link().accept(id, Kind::Raw);
    let stream = wire.plugin.link().dial(id, Kind::Raw).expect("open");
    let mut reader = PullReader::default();
    let mut request = Vec::new();
    reader.request(&mut request, EVERYTHING);
    // With the number and the request behind the SYN, no round trip is lost.
    wire.plugin.link().send(stream, &request).expect("open");
    wire.pump();
    let mut server = PullServer::default();
    server.receive(&std::mem::take(&mut wire.host_log.bytes)).expect("a request");

    let body: Vec<u8> = (0..1_000_000_u32).map(|n| n as u8).collect();
    let mut rest = body.as_slice();
    wire.plugin_log.keep_window = true;
    let window = INITIAL_WINDOW as usize;
    let (mut blocked, mut given_back) = (0, 0);
    while !rest.is_empty() {
        let count = server.take(rest.len().min(wire.host.link().writable(stream)));
        if count == 0 {
            blocked += 1;
            // One window more than was given back came, less the 4 bytes of the broker's answer at first.
            let unread = wire.plugin_log.bytes.len() - given_back;
            assert!((window - 4..=window).contains(&unread), "{unread}");
            given_back += unread;
            wire.plugin.link().consume(stream, unread);
            wire.pump();
            assert_eq!(wire.host_log.take().last(), Some(&format!("{stream} writable")));
            continue;
        }
        let (now, later) = rest.split_at(count);
        wire.host.link().send(stream, now).expect("open");
        rest = later;
        wire.pump();
    }
    assert_eq!(blocked, 3);
    wire.host.link().close(stream);
    wire.pump();
    assert_eq!(wire.plugin_log.bytes, body);
    assert_eq!(wire.plugin_log.take().last(), Some(&format!("{stream} finished")));
    wire.plugin.link().close(stream);
    wire.pump();
    assert_eq!(wire.host.link().session().stream_count(), 4);
    assert_eq!(wire.plugin.link().session().stream_count(), 4);
}

#[test]
fn a_reader_that_gives_up_resets_the_stream_and_unblocks_the_server() {
    let mut wire = Wire::started();
    let id = wire.host.link().next_broker_id();
    wire.host.link().accept(id, Kind::Raw);
    let stream = wire.plugin.link().dial(id, Kind::Raw).expect("open");
    wire.plugin_log.keep_window = true;
    wire.pump();
    wire.host.link().send(stream, &vec![0; 2 * INITIAL_WINDOW as usize]).expect("open");
    wire.pump();
    wire.plugin.link().reset(stream);
    wire.pump();
    assert_eq!(wire.host_log.take().last(), Some(&format!("{stream} closed: connection reset")));
    assert_eq!(wire.host.link().session().stream_count(), 4);
    assert_eq!(wire.plugin.link().session().stream_count(), 4);
}
