//! A plugin's and a host's session against each other.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test program")]

mod common;

use std::time::{Duration, Instant};

use common::{Log, Wire, put_text, text};
use mmp_goplugin::endpoint::Kind;
use mmp_goplugin::netrpc::{ConnError, put_uint_value};
use mmp_goplugin::plugin::PluginSession;
use mmp_goplugin::yamux::{INITIAL_WINDOW, SendError, SessionError};
use proptest::prelude::*;

#[test]
fn the_life_of_a_plugin() {
    let mut wire = Wire::started();
    wire.call_hook(1, "Plugin.Echo", "hello");
    wire.host.ping().expect("open");
    wire.pump();
    assert_eq!(wire.host_log.take(), ["7 answer 1: hello (5)", "pong Ok(())"]);
    wire.host.quit().expect("open");
    wire.pump();
    assert_eq!(wire.plugin_log.take(), ["quit, reply in output: true"]);
    assert_eq!(wire.host_log.take(), ["quit answered Ok(())"]);
    wire.host.connection_lost(SessionError::ConnectionClosed, &mut wire.host_log);
    assert_eq!(wire.host_log.take(), ["session closed: connection closed by the peer"]);
}

#[test]
fn what_is_not_there_is_refused_with_gos_words() {
    let mut wire = Wire::started();
    wire.host.dispense_named("commands").expect("open");
    wire.call_hook(1, "Plugin.New", "x");
    wire.call_hook(2, "Other.Echo", "x");
    wire.call_hook(3, "Echo", "x");
    wire.pump();
    assert_eq!(
        wire.host_log.take(),
        [
            "dispense failed: unknown plugin type: commands",
            "7 call 1 failed: rpc: can't find method Plugin.New",
            "7 call 2 failed: rpc: can't find service Other.Echo",
            "7 call 3 failed: rpc: service/method request ill-formed: Echo",
        ]
    );
}

#[test]
fn an_argument_that_the_handler_refuses_fails_only_that_call() {
    let mut wire = Wire::started();
    let hooks = wire.host_log.hooks.expect("dispensed");
    wire.host
        .link()
        .call(hooks, "Plugin.Echo", 1, |out| {
            put_uint_value(out, 5);
            Ok::<(), ConnError>(())
        })
        .expect("open");
    wire.call_hook(2, "Plugin.Echo", "next");
    wire.pump();
    assert_eq!(wire.host_log.take(), ["7 call 1 failed: not a string", "7 answer 2: next (4)"]);
}

#[test]
fn the_plugin_calls_the_api_and_answers_come_out_of_order() {
    let mut wire = Wire::started();
    let api = wire.connect_api();
    wire.host_log.hold = true;
    for token in 10..13 {
        wire.plugin.link().call(api, "Plugin.Echo", token, text(&format!("call {token}"))).expect("open");
    }
    wire.pump();
    assert_eq!(wire.plugin.link().pending_calls(api), 3);
    for (conn, seq, argument) in std::mem::take(&mut wire.host_log.open).into_iter().rev() {
        wire.host.link().reply(conn, seq, "Plugin.Echo", text(&argument)).expect("open");
        // A second answer to the same call is one to no call: skipped.
        wire.host.link().reply(conn, seq, "Plugin.Echo", text("again")).expect("open");
    }
    wire.pump();
    assert_eq!(
        wire.plugin_log.take(),
        ["2 answer 12: call 12 (7)", "2 answer 11: call 11 (7)", "2 answer 10: call 10 (7)"]
    );
    assert_eq!(wire.plugin.link().pending_calls(api), 0);
}

/// Failure 3 of the wire notes: the host closes the API connection, for good.
#[test]
fn the_host_closes_the_api_connection() {
    let mut wire = Wire::started();
    let api = wire.connect_api();
    wire.host_log.hold = true;
    for token in [1, 2] {
        wire.plugin.link().call(api, "Plugin.Echo", token, text("x")).expect("open");
    }
    wire.pump();
    wire.host.link().close(api);
    wire.pump();
    assert_eq!(
        wire.plugin_log.take(),
        ["2 call 1 failed: unexpected EOF", "2 call 2 failed: unexpected EOF", "2 closed: unexpected EOF"]
    );
    let refused = wire.plugin.link().call(api, "Plugin.Echo", 3, text("x"));
    assert_eq!(refused, Err(ConnError::Shutdown));
    // Hooks live on, and nothing of the connection is left.
    wire.call_hook(1, "Plugin.Echo", "still here");
    wire.pump();
    assert_eq!(wire.host_log.take(), ["7 answer 1: still here (10)"]);
    assert_eq!(wire.plugin.link().session().stream_count(), 4);
}

/// The end of the same failure: an error reply's header came, its body did not.
#[test]
fn a_reply_cut_off_behind_its_header_fails_the_call() {
    let mut wire = Wire::started();
    let link = wire.host.link();
    let id = link.next_broker_id();
    link.accept(id, Kind::Raw);
    let api = wire.plugin.link().dial(id, Kind::Client).expect("open");
    wire.plugin.link().call(api, "Plugin.Echo", 7, text("x")).expect("open");
    wire.pump();
    wire.plugin_log.take();
    let mut reply = Vec::new();
    let mut writer = mmp_goplugin::netrpc::ReplyWriter::new();
    let written = writer.reply(&mut reply, 0, "Plugin.Echo", |_| Ok::<(), ConnError>(()));
    assert_eq!(written, Ok(()));
    wire.host.link().send(api, &reply).expect("open");
    wire.host.link().close(api);
    wire.pump();
    assert_eq!(wire.plugin_log.take(), ["2 call 7 failed: unexpected EOF", "2 closed: unexpected EOF"]);
}

/// A struct with an interface whose type Go defines in the middle of the value, which splits it over three messages.
const SPLIT_VALUE: &[u8] = b"\x24\xff\x81\x03\x01\x01\x04Args\x01\xff\x82\x00\x01\x03\x01\x01A\x01\x0c\x00\x01\x01B\x01\x10\x00\x01\x01C\x01\x0c\x00\x00\x00\
\x2d\xff\x82\x01\x06before\x01\x03Reg\xff\x83\x03\x01\x01\x03Reg\x01\xff\x84\x00\x01\x02\x01\x01X\x01\x04\x00\x01\x01S\x01\xff\x86\x00\x00\x00\
\x17\xff\x85\x03\x01\x01\x03Sub\x01\xff\x86\x00\x01\x01\x01\x01Y\x01\x0c\x00\x00\x00\
\x14\xff\x84\x09\x01\x0a\x01\x01\x02in\x00\x00\x01\x05after\x00";

/// What the handler makes of an answer that is split over messages, in pieces of every size.
#[track_caller]
fn split_answer(strict: bool, expected: &str) {
    for piece in 1..SPLIT_VALUE.len() {
        let mut wire = Wire::started();
        wire.pieces = vec![piece];
        wire.plugin_log.strict = strict;
        let api = wire.connect_api();
        wire.host_log.hold = true;
        wire.plugin.link().call(api, "Plugin.Echo", 5, text("x")).expect("open");
        wire.pump();
        let (conn, seq, _) = wire.host_log.open.pop().expect("a request");
        let replied = wire.host.link().reply(conn, seq, "Plugin.Echo", |out| {
            out.extend_from_slice(SPLIT_VALUE);
            Ok::<(), ConnError>(())
        });
        assert_eq!(replied, Ok(()));
        wire.pump();
        assert_eq!(wire.plugin_log.take(), [expected], "in pieces of {piece}");
        assert_eq!(wire.plugin.link().pending_calls(api), 0);
    }
}

#[test]
fn an_answer_split_over_messages_is_reported_once_in_any_pieces() {
    split_answer(false, "2 answer 5: another type");
}

/// The handler has seen enough before all of it is here.
#[test]
fn a_split_answer_that_the_handler_refuses_fails_its_call() {
    split_answer(true, "2 call 5 failed: reading body not a string");
}

/// The rest of a refused answer never comes.
#[test]
fn a_refused_answer_that_is_cut_off_fails_its_call() {
    let mut wire = Wire::started();
    let api = wire.connect_api();
    wire.host_log.hold = true;
    wire.plugin_log.strict = true;
    wire.plugin.link().call(api, "Plugin.Echo", 5, text("x")).expect("open");
    wire.pump();
    let (conn, seq, _) = wire.host_log.open.pop().expect("a request");
    let replied = wire.host.link().reply(conn, seq, "Plugin.Echo", |out| {
        out.extend_from_slice(&SPLIT_VALUE[..90]);
        Ok::<(), ConnError>(())
    });
    assert_eq!(replied, Ok(()));
    wire.pump();
    assert_eq!(wire.plugin.link().pending_calls(api), 1);
    wire.host.link().close(api);
    wire.pump();
    assert_eq!(wire.plugin_log.take(), ["2 call 5 failed: unexpected EOF", "2 closed: unexpected EOF"]);
}

#[test]
fn nothing_stays_of_a_connection_that_this_side_closes_or_resets() {
    let mut wire = Wire::started();
    let before = (wire.plugin.live_state(), wire.host.live_state());
    for reset in [false, true] {
        let api = wire.connect_api();
        wire.plugin.link().call(api, "Plugin.Echo", 1, text("x")).expect("open");
        wire.pump();
        if reset {
            wire.plugin.link().reset(api);
        } else {
            wire.plugin.link().close(api);
        }
        wire.pump();
        wire.plugin_log.take();
        wire.host_log.take();
        assert_eq!((wire.plugin.live_state(), wire.host.live_state()), before);
    }
}

/// The last bytes wait for the window until long after both sides have closed.
#[test]
fn nothing_stays_of_a_stream_whose_last_bytes_wait_for_the_window() {
    let mut wire = Wire::started();
    let before = (wire.plugin.live_state(), wire.host.live_state());
    let link = wire.host.link();
    let id = link.next_broker_id();
    link.accept(id, Kind::Raw);
    let stream = wire.plugin.link().dial(id, Kind::Raw).expect("open session");
    wire.pump();
    wire.host_log.keep_window = true;
    let window = INITIAL_WINDOW as usize;
    wire.plugin.link().send(stream, &vec![7; window + 10]).expect("open");
    wire.pump();
    wire.host.link().close(stream);
    wire.pump();
    wire.plugin.link().close(stream);
    wire.pump();
    assert!(wire.plugin.live_state() > before.0, "the window is not open yet");
    wire.host.link().consume(stream, window);
    wire.pump();
    assert_eq!(wire.host_log.bytes.len(), window + 10);
    assert_eq!((wire.plugin.live_state(), wire.host.live_state()), before);
}

#[test]
fn this_side_closes_a_connection_with_calls_pending() {
    let mut wire = Wire::started();
    let api = wire.connect_api();
    wire.host_log.hold = true;
    wire.plugin.link().call(api, "Plugin.Echo", 1, text("x")).expect("open");
    wire.plugin.link().close(api);
    wire.pump();
    assert_eq!(wire.plugin_log.take(), ["2 call 1 failed: connection is shut down"]);
    assert_eq!(wire.host_log.take(), ["2 closed: unexpected EOF"]);
    assert_eq!(wire.plugin.link().session().stream_count(), 4);
    assert_eq!(wire.host.link().session().stream_count(), 4);
}

#[test]
fn the_host_is_killed() {
    let mut wire = Wire::started();
    let api = wire.connect_api();
    wire.host_log.hold = true;
    wire.plugin.link().call(api, "Plugin.Echo", 1, text("x")).expect("open");
    wire.pump();
    wire.plugin.connection_lost(SessionError::ConnectionClosed, &mut wire.plugin_log);
    assert_eq!(
        wire.plugin_log.take(),
        [
            "2 call 1 failed: session shutdown: connection closed by the peer",
            "session closed: connection closed by the peer"
        ]
    );
    assert_eq!(wire.plugin.live_state(), 0);
    assert_eq!(wire.plugin.next_deadline(), None);
    assert_eq!(wire.plugin.link().call(api, "Plugin.Echo", 2, text("x")), Err(ConnError::Shutdown));
    assert!(wire.plugin.link().dial(1, Kind::Raw).is_err());
    assert_eq!(wire.plugin.write_stderr(b"x"), Err(SendError::UnknownStream));
}

/// The host orphans a header when it cannot encode a hook's arguments (failure 2): the same bytes in the middle of a live connection.
#[test]
fn an_orphaned_header_is_survived() {
    let mut wire = Wire::started();
    wire.call_hook(1, "Plugin.Echo", "before");
    wire.pump();
    let hooks = wire.host_log.hooks.expect("dispensed");
    // A request whose body is missing, written past the API that would never do so.
    let orphan = wire.host.link().call(hooks, "Plugin.Echo", 2, |_| Ok::<(), ConnError>(()));
    assert_eq!(orphan, Ok(1));
    wire.pump();
    wire.call_hook(3, "Plugin.Echo", "after");
    wire.call_hook(4, "Plugin.Echo", "and on");
    wire.pump();
    assert_eq!(wire.host_log.take(), ["7 answer 1: before (6)", "7 answer 3: after (5)", "7 answer 4: and on (6)"]);
}

/// What is no request at all ends the hooks connection with a report, and only that.
#[test]
fn garbage_on_the_hooks_connection_is_reported() {
    let mut wire = Wire::started();
    let hooks = wire.host_log.hooks.expect("dispensed");
    wire.host.link().send(hooks, b"\x06\x0c\x00\x03str").expect("open");
    wire.pump();
    let lines = wire.plugin_log.take();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("7 closed: rpc: cannot decode header"), "{lines:?}");
    wire.host.ping().expect("open");
    wire.pump();
    assert_eq!(wire.host_log.take(), ["7 closed: unexpected EOF", "pong Ok(())"]);
}

#[test]
fn idle_connections_stay_open_and_pings_are_answered() {
    let mut wire = Wire::started();
    let api = wire.connect_api();
    wire.pass(200);
    assert!(wire.plugin.closed().is_none() && wire.host.closed().is_none());
    wire.call_hook(1, "Plugin.Echo", "awake");
    wire.plugin.link().call(api, "Plugin.Echo", 2, text("too")).expect("open");
    wire.pump();
    assert_eq!(wire.host_log.take(), ["7 answer 1: awake (5)"]);
    assert_eq!(wire.plugin_log.take(), ["2 answer 2: too (3)"]);
}

#[test]
fn a_host_that_stops_answering_pings_is_gone_after_forty_seconds() {
    let mut wire = Wire::started();
    for second in 1..=40 {
        assert!(wire.plugin.closed().is_none(), "closed at {second}");
        wire.plugin.tick(wire.now + Duration::from_secs(second), &mut wire.plugin_log);
        wire.plugin.advance_output(wire.plugin.pending_output().len());
    }
    assert_eq!(wire.plugin_log.take(), ["session closed: keepalive timeout"]);
}

#[test]
fn text_for_the_hosts_log() {
    let mut wire = Wire::new();
    assert_eq!(wire.plugin.write_stdout(b"x"), Err(SendError::UnknownStream));
    wire.start();
    wire.plugin.write_stdout(b"out").expect("open");
    wire.plugin.write_stderr(b"err").expect("open");
    wire.pump();
    assert_eq!(wire.host_log.take(), ["Stdout: out", "Stderr: err"]);
}

#[test]
fn a_dial_before_its_accept_is_parked_and_its_requests_wait() {
    let mut wire = Wire::started();
    let id = wire.host.link().next_broker_id();
    let api = wire.plugin.link().dial(id, Kind::Client).expect("open");
    wire.plugin.link().call(api, "Plugin.Echo", 1, text("early")).expect("open");
    wire.pass(4);
    assert!(wire.plugin_log.take().is_empty());
    wire.host.link().accept(id, Kind::Server);
    wire.pass(1);
    assert_eq!(wire.host_log.take(), ["ready 2 id 1"]);
    assert_eq!(wire.plugin_log.take(), ["ready 2 id 1", "2 answer 1: early (5)"]);
}

#[test]
fn nobody_accepts_a_dial() {
    let mut wire = Wire::started();
    let api = wire.plugin.link().dial(99, Kind::Client).expect("open");
    wire.plugin.link().call(api, "Plugin.Echo", 1, text("x")).expect("open");
    wire.pass(6);
    assert_eq!(
        wire.plugin_log.take(),
        [
            "2 call 1 failed: broker id 99 was not accepted by the peer",
            "2 closed: broker id 99 was not accepted by the peer"
        ]
    );
    assert_eq!(wire.plugin.link().session().stream_count(), 4);
}

#[test]
fn nobody_dials_what_was_accepted() {
    let mut wire = Wire::started();
    let id = wire.plugin.link().next_broker_id();
    wire.plugin.link().accept(id, Kind::Raw);
    wire.pass(6);
    assert_eq!(wire.plugin_log.take(), ["accept 2 failed: timeout waiting for accept"]);
    assert!(wire.plugin.closed().is_none());
}

#[test]
fn many_dials_at_once_wait_for_their_acknowledgement() {
    let mut wire = Wire::started();
    for _ in 0..1000 {
        let id = wire.host.link().next_broker_id();
        wire.host.link().accept(id, Kind::Server);
        let conn = wire.plugin.link().dial(id, Kind::Client).expect("never refused");
        wire.plugin.link().call(conn, "Plugin.Echo", u64::from(id), text("x")).expect("open");
    }
    wire.pump();
    let lines = wire.plugin_log.take();
    assert_eq!(lines.iter().filter(|line| line.contains("answer")).count(), 1000);
}

#[test]
fn a_go_away_is_reported() {
    let mut wire = Wire::started();
    wire.host.link().go_away();
    wire.pump();
    assert_eq!(wire.plugin_log.take(), ["go away"]);
    assert!(wire.plugin.link().dial(1, Kind::Client).is_err());
    wire.call_hook(1, "Plugin.Echo", "goes on");
    wire.pump();
    assert_eq!(wire.host_log.take(), ["7 answer 1: goes on (7)"]);
}

#[test]
fn hooks_can_be_dispensed_twice() {
    let mut wire = Wire::started();
    let first = wire.host_log.hooks;
    wire.start();
    assert_ne!(wire.host_log.hooks, first);
    wire.call_hook(1, "Plugin.Echo", "second");
    wire.pump();
    assert_eq!(wire.host_log.take(), ["9 answer 1: second (6)"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Small and large hooks and API calls, both ways at once, over a connection that cuts bytes anywhere.
    #[test]
    fn any_pieces(
        pieces in prop::collection::vec(prop_oneof![1..30_usize, 1..100_000_usize], 1..8),
        sizes in prop::collection::vec(prop_oneof![4 => 0..600_usize, 1 => 200_000..900_000_usize], 1..12),
    ) {
        let mut wire = Wire::new();
        wire.pieces = pieces;
        wire.pieces.push(5000);
        wire.start();
        let api = wire.connect_api();
        for (token, size) in sizes.iter().enumerate() {
            let argument = "x".repeat(*size);
            wire.call_hook(token as u64, "Plugin.Echo", &argument);
            wire.plugin.link().call(api, "Plugin.Echo", token as u64, text(&argument)).expect("open");
        }
        wire.pump();
        let answers = |conn: u32| -> Vec<String> {
            let answer = |(token, size): (usize, &usize)| {
                format!("{conn} answer {token}: {} ({size})", "x".repeat((*size).min(20)))
            };
            sizes.iter().enumerate().map(answer).collect()
        };
        prop_assert_eq!(wire.host_log.take(), answers(7));
        prop_assert_eq!(wire.plugin_log.take(), answers(2));
    }

    /// A host that sends anything: no panic, and the session either lives or says why it does not.
    #[test]
    fn garbage_never_panics(input in prop::collection::vec(any::<u8>(), 0..400), at in 0..500_usize, cut in 1..50_usize) {
        let mut wire = Wire::new();
        wire.host.dispense().expect("open");
        let mut stream = wire.host.pending_output().to_vec();
        let mut text = Vec::new();
        put_text(&mut text, "y");
        stream.extend(text);
        let at = at.min(stream.len());
        stream.splice(at..at, input);
        let mut plugin = PluginSession::new(Instant::now());
        let mut log = Log::default();
        for piece in stream.chunks(cut) {
            plugin.receive(piece, &mut log);
        }
        plugin.connection_lost(SessionError::ConnectionClosed, &mut log);
        prop_assert_eq!(log.lines.iter().filter(|line| line.starts_with("session closed")).count(), 1);
        prop_assert_eq!(plugin.live_state(), 0);
    }
}
