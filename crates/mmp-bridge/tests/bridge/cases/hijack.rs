//! Connections of clients that the plugin takes over.

use mmp_gob::Time;
use mmp_transcode::msgpack;
use mmp_worker::frame::{BUFFERED, FLUSH, Kind};
use serde_json::json;

use super::http::{nothing_is_open, script, settled_state, started, write};
use super::tests;
use crate::bundle::Bundle;
use crate::host::{Answer, Exchange, Hook, Host, LIMIT, Pulled, Request, WriterCall, headers};
use crate::processes;
use crate::runner::Test;
use crate::script::Script;

pub(crate) const TESTS: &[Test] = tests![
    bytes_go_both_ways,
    bytes_go_both_ways_on_the_async_connection,
    small_parts_are_gathered,
    no_more_is_read_than_the_worker_takes,
    credit_comes_when_the_client_has_taken_the_bytes,
    the_rest_of_the_body_is_dropped,
    a_response_that_has_begun_is_taken_over,
    a_connection_that_cannot_be_taken_over,
    a_connection_is_taken_over_once,
    deadlines,
    reading_goes_on_after_a_timeout,
    the_client_sends_no_more,
    the_plugin_closes_the_connection,
    the_end_of_the_hook_closes_the_connection,
    the_end_of_the_hook_overtakes_the_server,
    the_worker_dies,
    a_write_that_times_out,
    a_worker_that_exceeds_its_credit,
];

/// A client whose connection the plugin has taken over.
fn taken_over(host: &mut Host) -> (Exchange, Hook) {
    let exchange = host.serve(Request::get("/").with("Upgrade", "websocket"));
    let hook = host.hook();
    assert_eq!(host.stream_end(hook), None);
    host.send(hook, Kind::Hijack, &[]);
    assert!(host.expect(hook, Kind::Hijacked).payload.is_empty());
    assert_eq!(host.waiting_read(exchange), WriterCall::ReadBuffered(4096), "the server's buffer comes first");
    (exchange, hook)
}

fn conn_write(bytes: &[u8]) -> WriterCall {
    WriterCall::ConnWrite(bytes.to_vec())
}

/// The calls without those that read.
fn not_reading(calls: &[WriterCall]) -> Vec<WriterCall> {
    let reads = |call: &&WriterCall| matches!(call, WriterCall::Read(_) | WriterCall::ReadBuffered(_));
    calls.iter().filter(|call| !reads(call)).cloned().collect()
}

/// The client sends bytes, which reach the worker.
fn receive(host: &mut Host, exchange: Exchange, hook: Hook, bytes: &[u8]) {
    host.waiting_read(exchange);
    host.answer_read(exchange, Ok(bytes));
    assert!(host.streamed(hook, bytes.len()) == bytes);
}

fn bytes_go_both_ways() {
    both_ways(&script());
}

fn bytes_go_both_ways_on_the_async_connection() {
    both_ways(&Script::asynchronous().with("ServeHTTP"));
}

fn both_ways(script: &Script) {
    let mut host = Host::active(Bundle::new(script));
    let before = host.live_state();
    let (exchange, hook) = taken_over(&mut host);
    receive(&mut host, exchange, hook, b"came with the request");
    assert_eq!(host.waiting_read(exchange), WriterCall::Read(65_536), "the buffer is empty now");
    // The read that waits keeps nothing else from being done.
    host.send(hook, Kind::Data, b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
    assert_eq!(host.expect(hook, Kind::Credit).credit(), 36);
    receive(&mut host, exchange, hook, b"ping");
    host.send_with(hook, Kind::Data, FLUSH, b"pong");
    assert_eq!(host.expect(hook, Kind::Credit).credit(), 4);
    host.send_with(hook, Kind::Data, BUFFERED, b"through the buffer");
    assert_eq!(host.expect(hook, Kind::Credit).credit(), 18);
    // A read may bring nothing.
    host.answer_read(exchange, Ok(b""));
    receive(&mut host, exchange, hook, &[7; 65_536]);
    host.send(hook, Kind::End, &[]);
    host.called(exchange, &WriterCall::Close);
    host.waiting_read(exchange);
    host.answer_read(exchange, Err("read tcp: use of closed network connection"));
    assert_eq!(host.stream_end(hook).as_deref(), Some("read tcp: use of closed network connection"));
    host.reply(hook);
    let expected = [
        WriterCall::Hijack,
        conn_write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        conn_write(b"pong"),
        WriterCall::ConnWriteBuffered(b"through the buffer".to_vec()),
        WriterCall::Close,
    ];
    assert_eq!(not_reading(&host.response(exchange)), expected);
    nothing_is_open(&mut host, before);
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}

fn small_parts_are_gathered() {
    let mut host = started();
    let (exchange, hook) = taken_over(&mut host);
    host.decide(exchange, |_| Answer::Later);
    host.send(hook, Kind::Data, b"a");
    assert_eq!(host.waiting(exchange), conn_write(b"a"));
    host.send(hook, Kind::Data, b"b");
    host.send(hook, Kind::Data, b"c");
    host.send_with(hook, Kind::Data, BUFFERED, b"d");
    host.send_with(hook, Kind::Data, BUFFERED, b"e");
    host.send(hook, Kind::Data, b"f");
    host.settle(hook);
    host.decide(exchange, |_| Answer::Done);
    host.answer(exchange, Answer::Done);
    host.reply(hook);
    let buffered = |bytes: &[u8]| WriterCall::ConnWriteBuffered(bytes.to_vec());
    let calls = not_reading(&host.response(exchange));
    let expected = [conn_write(b"a"), conn_write(b"bc"), buffered(b"d"), buffered(b"e"), conn_write(b"f")];
    assert_eq!(calls[1..6], expected, "what goes through the buffer keeps its place");
    assert_eq!(calls[6..], [WriterCall::Close]);
    host.finish();
}

fn no_more_is_read_than_the_worker_takes() {
    let mut host = started();
    let (exchange, hook) = taken_over(&mut host);
    receive(&mut host, exchange, hook, &[1; 4096]);
    for _ in 0..3 {
        assert_eq!(host.waiting_read(exchange), WriterCall::Read(65_536));
        receive(&mut host, exchange, hook, &[2; 65_536]);
    }
    assert_eq!(host.waiting_read(exchange), WriterCall::Read(61_440));
    receive(&mut host, exchange, hook, &[3; 61_440]);
    host.settle(hook);
    assert_eq!(host.exchange(exchange).writer.waiting_read(), None, "the credit of 262,144 bytes is used up");
    host.send_credit(hook, 10);
    assert_eq!(host.waiting_read(exchange), WriterCall::Read(10));
    receive(&mut host, exchange, hook, &[4; 9]);
    assert_eq!(host.waiting_read(exchange), WriterCall::Read(1));
    host.reply(hook);
    host.served(exchange);
    host.finish();
}

fn credit_comes_when_the_client_has_taken_the_bytes() {
    let mut host = started();
    let (exchange, hook) = taken_over(&mut host);
    host.decide(exchange, |_| Answer::Later);
    host.send(hook, Kind::Data, &[1; 65_536]);
    host.waiting(exchange);
    host.send(hook, Kind::Data, &[2; 65_536]);
    host.settle(hook);
    assert_eq!(host.waiting_frames(hook), []);
    host.answer(exchange, Answer::Done);
    assert_eq!(host.expect(hook, Kind::Credit).credit(), 65_536);
    assert_eq!(host.waiting(exchange), conn_write(&[2; 65_536]));
    host.answer(exchange, Answer::Done);
    assert_eq!(host.expect(hook, Kind::Credit).credit(), 65_536);
    host.decide(exchange, |_| Answer::Done);
    host.reply(hook);
    host.served(exchange);
    host.finish();
}

fn the_rest_of_the_body_is_dropped() {
    let mut host = started();
    let exchange = host.serve(Request::post_without_length("/", Pulled::open_ended(b"some".to_vec())));
    let hook = host.hook();
    host.send_credit(hook, 100);
    host.streamed(hook, 4);
    host.send(hook, Kind::Hijack, &[]);
    host.expect(hook, Kind::Hijacked);
    host.until("the end of the body", LIMIT, |host| host.exchange(exchange).body.closed_by_plugin.then_some(()));
    receive(&mut host, exchange, hook, b"of the connection");
    host.reply(hook);
    host.served(exchange);
    host.finish();
}

fn a_response_that_has_begun_is_taken_over() {
    let mut host = started();
    let exchange = host.serve(Request::get("/"));
    let hook = host.hook();
    host.stream_end(hook);
    host.hold_writes(exchange);
    host.send_head(hook, 200, &json!({}));
    host.send(hook, Kind::Data, b"x");
    host.waiting(exchange);
    host.send(hook, Kind::Hijack, &[]);
    host.settle(hook);
    assert_eq!(host.waiting_frames(hook), []);
    host.answer(exchange, Answer::Done);
    assert_eq!(host.expect(hook, Kind::Credit).credit(), 1);
    assert!(host.expect(hook, Kind::Hijacked).payload.is_empty());
    host.reply(hook);
    let head = WriterCall::SyncHeader(headers([]));
    let expected = [head, write(b"x"), WriterCall::Hijack, WriterCall::Close];
    assert_eq!(not_reading(&host.response(exchange)), expected);
    host.finish();
}

fn a_connection_that_cannot_be_taken_over() {
    let mut host = started();
    let exchange = host.serve(Request::get("/"));
    host.decide(exchange, |call| match call {
        WriterCall::Hijack => Answer::Refused("response cannot be hijacked".into()),
        WriterCall::Deadline(..) => Answer::Refused("response is not hijacked".into()),
        _ => Answer::Done,
    });
    let hook = host.hook();
    host.stream_end(hook);
    host.send(hook, Kind::Hijack, &[]);
    let refused = host.expect(hook, Kind::Hijacked).value();
    assert_eq!(refused, json!({"message": "response cannot be hijacked"}));
    host.send(hook, Kind::Deadline, &deadline(0, None));
    host.settle(hook);
    assert_eq!(host.waiting_frames(hook), [], "nothing is read");
    host.send_head(hook, 426, &json!({}));
    host.send(hook, Kind::Data, b"sorry");
    host.reply(hook);
    let calls = host.response(exchange);
    assert_eq!(calls[2..], [WriterCall::SyncHeader(headers([])), WriterCall::WriteHeader(426), write(b"sorry")]);
    host.finish();
}

fn a_connection_is_taken_over_once() {
    let mut host = started();
    let (exchange, hook) = taken_over(&mut host);
    host.decide(exchange, |call| match call {
        WriterCall::Hijack => Answer::Refused("response was already hijacked".into()),
        _ => Answer::Done,
    });
    host.send(hook, Kind::Hijack, &[]);
    let refused = host.expect(hook, Kind::Hijacked).value();
    assert_eq!(refused, json!({"message": "response was already hijacked"}));
    receive(&mut host, exchange, hook, b"it goes on");
    host.reply(hook);
    assert_eq!(host.response(exchange).last(), Some(&WriterCall::Close));
    host.finish();
}

fn deadline(which: u64, time: Option<(i64, u32)>) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::put_array_len(&mut out, 2);
    msgpack::put_uint(&mut out, which);
    match time {
        Some((seconds, nanos)) => msgpack::put_timestamp(&mut out, seconds, nanos),
        None => msgpack::put_nil(&mut out),
    }
    out
}

fn deadlines() {
    let mut host = started();
    let (exchange, hook) = taken_over(&mut host);
    // 32, 64 and 96 bits of msgpack.
    let times = [(1_700_000_000, 0), (1_700_000_000, 123_456_789), (-5, 999_999_999)];
    let mut expected = vec![WriterCall::Hijack];
    for (which, name) in [(0, "both"), (1, "read"), (2, "write")] {
        for (seconds, nanos) in times {
            host.send(hook, Kind::Deadline, &deadline(which, Some((seconds, nanos))));
            expected.push(WriterCall::Deadline(name, Time::from_unix(seconds, nanos)));
        }
        host.send(hook, Kind::Deadline, &deadline(which, None));
        expected.push(WriterCall::Deadline(name, Time::default()));
    }
    host.send(hook, Kind::Data, b"x");
    expected.push(conn_write(b"x"));
    host.reply(hook);
    expected.push(WriterCall::Close);
    assert_eq!(not_reading(&host.response(exchange)), expected);
    host.finish();
}

fn reading_goes_on_after_a_timeout() {
    let mut host = started();
    let (exchange, hook) = taken_over(&mut host);
    let timeout = "read tcp 192.0.2.1:80->192.0.2.2:9: i/o timeout";
    for round in 0..3 {
        host.waiting_read(exchange);
        host.answer_read(exchange, Err(timeout));
        assert_eq!(host.stream_end(hook).as_deref(), Some(timeout));
        host.settle(hook);
        assert_eq!(host.exchange(exchange).writer.waiting_read(), None, "not before there is a new deadline");
        host.send(hook, Kind::Deadline, &deadline(1, Some((1_700_000_000 + round, 0))));
        host.called(exchange, &WriterCall::Deadline("read", Time::from_unix(1_700_000_000 + round, 0)));
    }
    assert_eq!(host.waiting_read(exchange), WriterCall::ReadBuffered(4096), "the buffer is not known to be empty");
    receive(&mut host, exchange, hook, b"late");
    host.reply(hook);
    host.served(exchange);
    host.finish();
}

fn the_client_sends_no_more() {
    let mut host = started();
    let (exchange, hook) = taken_over(&mut host);
    receive(&mut host, exchange, hook, b"last");
    host.waiting_read(exchange);
    host.answer_read(exchange, Err("EOF"));
    assert_eq!(host.stream_end(hook), None);
    host.send(hook, Kind::Deadline, &deadline(0, None));
    host.send_credit(hook, 100);
    host.send(hook, Kind::Data, b"it may still read");
    assert_eq!(host.expect(hook, Kind::Credit).credit(), 17);
    host.settle(hook);
    assert_eq!(host.exchange(exchange).writer.waiting_read(), None);
    host.reply(hook);
    let expected = [
        WriterCall::Hijack,
        WriterCall::Deadline("both", Time::default()),
        conn_write(b"it may still read"),
        WriterCall::Close,
    ];
    assert_eq!(not_reading(&host.response(exchange)), expected);
    host.finish();
}

fn the_plugin_closes_the_connection() {
    let mut host = started();
    let (exchange, hook) = taken_over(&mut host);
    host.send(hook, Kind::Data, b"bye");
    host.send(hook, Kind::End, &[]);
    host.send(hook, Kind::End, &[]);
    host.called(exchange, &WriterCall::Close);
    assert_eq!(host.expect(hook, Kind::Credit).credit(), 3);
    host.answer_read(exchange, Ok(b"crossed"));
    assert_eq!(host.streamed(hook, 7), b"crossed");
    host.settle(hook);
    assert_eq!(host.exchange(exchange).writer.waiting_read(), None, "a closed connection is not read");
    host.reply(hook);
    let expected = [WriterCall::Hijack, conn_write(b"bye"), WriterCall::Close];
    assert_eq!(not_reading(&host.response(exchange)), expected, "it is closed once");
    host.finish();
}

fn the_end_of_the_hook_closes_the_connection() {
    let mut host = started();
    let before = settled_state(&mut host);
    let ends: [fn(&mut Host, Hook); 2] = [|host, hook| host.reply(hook), |host, hook| host.fail(hook, "KeyError")];
    for end in ends {
        let (exchange, hook) = taken_over(&mut host);
        host.send(hook, Kind::Data, b"bye");
        end(&mut host, hook);
        // The read that waits ends with the response writer.
        let expected = [WriterCall::Hijack, conn_write(b"bye"), WriterCall::Close];
        assert_eq!(not_reading(&host.response(exchange)), expected);
    }
    nothing_is_open(&mut host, before);
    host.finish();
}

/// The connection is taken over for a hook that is over.
fn the_end_of_the_hook_overtakes_the_server() {
    let mut host = started();
    let exchange = host.serve(Request::get("/"));
    let hook = host.hook();
    host.decide(exchange, |call| if *call == WriterCall::Hijack { Answer::Later } else { Answer::Done });
    host.send(hook, Kind::Hijack, &[]);
    host.waiting(exchange);
    host.reply(hook);
    host.settle(hook);
    assert!(!host.is_served(exchange));
    host.answer(exchange, Answer::Done);
    assert_eq!(host.response(exchange), [WriterCall::Hijack, WriterCall::Close]);
    host.finish();
}

fn the_worker_dies() {
    let mut host = started();
    let (exchange, hook) = taken_over(&mut host);
    receive(&mut host, exchange, hook, b"hello");
    processes::kill(host.worker());
    assert_eq!(not_reading(&host.response(exchange)), [WriterCall::Hijack, WriterCall::Close]);
    host.logged("started again and is active");
    let (exchange, hook) = taken_over(&mut host);
    host.reply(hook);
    host.served(exchange);
    host.finish();
}

/// A connection that nobody closes would stay open at the server for ever.
fn a_write_that_times_out() {
    let mut host = started();
    let (exchange, hook) = taken_over(&mut host);
    host.decide(exchange, |call| match call {
        WriterCall::ConnWrite(_) => Answer::Refused("write tcp: i/o timeout".into()),
        _ => Answer::Done,
    });
    host.send(hook, Kind::Data, b"into the void");
    assert_eq!(host.expect(hook, Kind::Credit).credit(), 13);
    host.expect(hook, Kind::Cancel);
    host.send(hook, Kind::Data, b"more");
    assert_eq!(host.expect(hook, Kind::Credit).credit(), 4);
    host.reply(hook);
    let expected = [WriterCall::Hijack, conn_write(b"into the void"), WriterCall::Close];
    assert_eq!(not_reading(&host.response(exchange)), expected);
    host.finish();
}

fn a_worker_that_exceeds_its_credit() {
    let mut host = started();
    let (exchange, hook) = taken_over(&mut host);
    host.decide(exchange, |_| Answer::Later);
    host.send(hook, Kind::Data, &[1; 65_536]);
    host.waiting(exchange);
    host.send_with(hook, Kind::Data, BUFFERED, &[1; 65_537]);
    host.logged("the worker sent more of a response than it had credit for; it is started again");
    host.decide(exchange, |_| Answer::Done);
    host.answer(exchange, Answer::Done);
    assert_eq!(host.response(exchange).last(), Some(&WriterCall::Close));
    host.logged("started again and is active");
    host.finish();
}
