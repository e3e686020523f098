//! HTTP requests to the plugin, and its responses.

use mmp_worker::frame::{FLUSH, Kind};
use serde_json::json;

use super::{metrics, tests};
use crate::bundle::Bundle;
use crate::host::{Answer, Host, LIMIT, Pulled, Request, WriterCall, headers};
use crate::processes;
use crate::runner::Test;
use crate::script::{Script, Start};

pub(crate) const TESTS: &[Test] = tests![
    a_request_and_its_response,
    a_request_and_its_response_on_the_async_connection,
    a_status_of_200_goes_without_saying,
    an_empty_response,
    a_body_without_a_head,
    a_request_without_a_body,
    statuses_out_of_range_become_500,
    a_head_that_is_too_late,
    small_parts_are_gathered_while_the_host_is_busy,
    parts_are_flushed_when_the_plugin_says_so,
    credit_comes_when_the_host_has_taken_the_bytes,
    a_response_larger_than_the_credit,
    the_answer_waits_for_the_last_write,
    requests_wait_for_a_connection,
    metrics_of_a_plugin_that_has_some,
    long_requests_leave_room_for_other_hooks,
    three_hundred_requests_at_once,
    a_thousand_clients_that_leave,
];

pub(super) fn script() -> Script {
    Script::default().with("ServeHTTP")
}

pub(super) fn started() -> Host {
    Host::active(Bundle::new(&script()))
}

pub(super) fn write(bytes: &[u8]) -> WriterCall {
    WriterCall::Write(bytes.to_vec())
}

/// What the host has when nothing is under way, the API connection's reader included, which the first call brings about.
pub(super) fn settled_state(host: &mut Host) -> usize {
    host.posted("call GetServerVersion");
    host.live_state()
}

/// Waits until nothing is under way any more, at the host and in the bridge.
#[track_caller]
pub(super) fn nothing_is_open(host: &mut Host, before: usize) {
    host.until("all streams to be closed", LIMIT, |host| (host.live_state() == before).then_some(()));
    assert_eq!(metrics::sample(host, "mattermost_plugin_streams_open"), 0.0);
    assert_eq!(metrics::sample(host, "mattermost_plugin_hooks_running"), 0.0);
}

fn a_request_and_its_response() {
    request_and_response(&script());
}

fn a_request_and_its_response_on_the_async_connection() {
    request_and_response(&Script::asynchronous().with("ServeHTTP"));
}

fn request_and_response(script: &Script) {
    let mut host = Host::active(Bundle::new(script));
    let request = Request::post("/a%20b?x=1&x=2", b"hello").with("Accept", "text/html").with("Accept", "*/*");
    let exchange = host.serve(request.preset("X-Request-Id", &["r"]).preset("Vary", &["Accept", "Origin"]));
    let hook = host.hook();
    assert_eq!(host.hook_name(hook), "ServeHTTP");
    let expected = json!([
        {
            "method": "POST",
            "url": "/a%20b?x=1&x=2",
            "proto": "HTTP/1.1",
            "proto_major": 1,
            "proto_minor": 1,
            "header": {"Accept": ["text/html", "*/*"], "Content-Length": ["5"]},
            "host": "chat.example",
            "remote_addr": "192.0.2.1:5000",
            "request_uri": "/plugins/com.example.test/a%20b?x=1&x=2",
        },
        {"request_id": "request"},
        {"Vary": ["Accept", "Origin"], "X-Request-Id": ["r"]},
    ]);
    assert_eq!(host.arguments(hook), expected);
    host.send_credit(hook, 100);
    assert_eq!(host.streamed(hook, 5), b"hello");
    assert_eq!(host.stream_end(hook), None);
    host.send_head(hook, 201, &json!({"X-Request-Id": ["r"], "Set-Cookie": ["a=1", "b=2"]}));
    host.send(hook, Kind::Data, b"created");
    host.send(hook, Kind::End, &[]);
    host.reply(hook);
    let expected = [
        WriterCall::SyncHeader(headers([("X-Request-Id", &["r"]), ("Set-Cookie", &["a=1", "b=2"])])),
        WriterCall::WriteHeader(201),
        write(b"created"),
    ];
    assert_eq!(host.response(exchange), expected);
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}

fn a_status_of_200_goes_without_saying() {
    let mut host = started();
    let exchange = host.serve(Request::get("/"));
    let hook = host.hook();
    host.send_head(hook, 200, &json!({"A": ["b"]}));
    host.send(hook, Kind::Data, b"x");
    host.reply(hook);
    let expected = [WriterCall::SyncHeader(headers([("A", &["b"])])), write(b"x")];
    assert_eq!(host.response(exchange), expected);
    host.finish();
}

/// The server answers 200 by itself, with the headers that it has set.
fn an_empty_response() {
    let mut host = started();
    let exchange = host.serve(Request::get("/").preset("A", &["b"]));
    let hook = host.hook();
    host.reply(hook);
    assert_eq!(host.response(exchange), []);
    let exchange = host.serve(Request::get("/"));
    let hook = host.hook();
    host.send_head(hook, 204, &json!({}));
    host.reply(hook);
    assert_eq!(host.response(exchange), [WriterCall::SyncHeader(headers([])), WriterCall::WriteHeader(204)]);
    host.finish();
}

fn a_body_without_a_head() {
    let mut host = started();
    let exchange = host.serve(Request::get("/").preset("A", &["b"]));
    let hook = host.hook();
    host.send(hook, Kind::Data, b"x");
    host.reply(hook);
    assert_eq!(host.response(exchange), [write(b"x")], "the server's headers stay");
    host.finish();
}

fn a_request_without_a_body() {
    let mut host = started();
    let exchange = host.serve(Request::get("/"));
    let hook = host.hook();
    assert_eq!(host.stream_end(hook), None);
    // Credit for it is of no use, and does no harm.
    host.send_credit(hook, 10);
    host.reply(hook);
    host.served(exchange);
    host.finish();
}

/// Mattermost refuses them, and the client would get a 200.
fn statuses_out_of_range_become_500() {
    let mut host = started();
    for status in [0, 99, 1000, -1, i64::MAX, i64::MIN, 65_536 + 200] {
        let exchange = host.serve(Request::get("/"));
        let hook = host.hook();
        host.send_head(hook, status, &json!({}));
        host.reply(hook);
        let expected = [WriterCall::SyncHeader(headers([])), WriterCall::WriteHeader(500)];
        assert_eq!(host.response(exchange), expected, "{status}");
    }
    for status in [100, 999] {
        let exchange = host.serve(Request::get("/"));
        let hook = host.hook();
        host.send_head(hook, status, &json!({}));
        host.reply(hook);
        assert_eq!(host.response(exchange)[1], WriterCall::WriteHeader(status));
    }
    host.finish();
}

fn a_head_that_is_too_late() {
    let mut host = started();
    let exchange = host.serve(Request::get("/"));
    let hook = host.hook();
    host.send(hook, Kind::Data, b"a");
    host.send_head(hook, 404, &json!({"A": ["b"]}));
    host.settle(hook);
    host.send(hook, Kind::Data, b"b");
    host.reply(hook);
    assert_eq!(host.response(exchange), [write(b"a"), write(b"b")]);
    let entry = host.logged("the worker sent a HEAD when the response had begun; it has no effect");
    assert_eq!(entry.level, "warn");
    let exchange = host.serve(Request::get("/"));
    let hook = host.hook();
    host.send_head(hook, 404, &json!({}));
    host.send_head(hook, 500, &json!({}));
    host.reply(hook);
    assert_eq!(host.response(exchange), [WriterCall::SyncHeader(headers([])), WriterCall::WriteHeader(404)]);
    host.finish();
}

fn small_parts_are_gathered_while_the_host_is_busy() {
    let mut host = started();
    let exchange = host.serve(Request::get("/"));
    host.hold_writes(exchange);
    let hook = host.hook();
    host.send(hook, Kind::Data, b"a");
    assert_eq!(host.waiting(exchange), write(b"a"));
    ["b", "c", "d"].iter().for_each(|part| host.send(hook, Kind::Data, part.as_bytes()));
    host.settle(hook);
    assert_eq!(host.calls(exchange), [write(b"a")], "one call at a time");
    host.answer(exchange, Answer::Done);
    host.called(exchange, &write(b"bcd"));
    host.send_with(hook, Kind::Data, FLUSH, b"e");
    host.send(hook, Kind::Data, b"f");
    host.settle(hook);
    host.answer(exchange, Answer::Done);
    host.called(exchange, &write(b"e"));
    host.answer(exchange, Answer::Done);
    host.called(exchange, &write(b"f"));
    host.answer(exchange, Answer::Done);
    host.reply(hook);
    let expected = [write(b"a"), write(b"bcd"), write(b"e"), WriterCall::Flush, write(b"f")];
    assert_eq!(host.response(exchange), expected, "a flush keeps its place");
    host.finish();
}

fn parts_are_flushed_when_the_plugin_says_so() {
    let mut host = started();
    let exchange = host.serve(Request::get("/"));
    let hook = host.hook();
    host.send_head(hook, 200, &json!({}));
    host.send_with(hook, Kind::Data, FLUSH, &[]);
    host.called(exchange, &WriterCall::Flush);
    host.send_with(hook, Kind::Data, FLUSH, b"data: 1\n\n");
    host.settle(hook);
    // A server without a Flusher ignores it, and a refused one must not end the response.
    host.decide(exchange, |call| match call {
        WriterCall::Flush => Answer::Refused("no flusher".into()),
        _ => Answer::Done,
    });
    host.send_with(hook, Kind::Data, FLUSH, b"data: 2\n\n");
    host.settle(hook);
    host.send(hook, Kind::Data, b"data: 3\n\n");
    host.reply(hook);
    let flush = || WriterCall::Flush;
    let head = WriterCall::SyncHeader(headers([]));
    let expected =
        [head, flush(), write(b"data: 1\n\n"), flush(), write(b"data: 2\n\n"), flush(), write(b"data: 3\n\n")];
    assert_eq!(host.response(exchange), expected);
    host.finish();
}

fn credit_comes_when_the_host_has_taken_the_bytes() {
    let mut host = started();
    let exchange = host.serve(Request::get("/"));
    host.hold_writes(exchange);
    let hook = host.hook();
    assert_eq!(host.stream_end(hook), None);
    host.send(hook, Kind::Data, &[1; 65_536]);
    host.waiting(exchange);
    host.send(hook, Kind::Data, &[2; 65_536]);
    host.settle(hook);
    assert_eq!(host.waiting_frames(hook), [], "nothing was taken yet");
    host.answer(exchange, Answer::Done);
    assert_eq!(host.expect(hook, Kind::Credit).credit(), 65_536);
    host.called(exchange, &write(&[2; 65_536]));
    host.settle(hook);
    assert_eq!(host.waiting_frames(hook), []);
    host.answer(exchange, Answer::Done);
    assert_eq!(host.expect(hook, Kind::Credit).credit(), 65_536);
    host.reply(hook);
    host.served(exchange);
    host.finish();
}

/// A worker that always sends what it has credit for.
fn a_response_larger_than_the_credit() {
    let mut host = started();
    let exchange = host.serve(Request::get("/"));
    let hook = host.hook();
    assert_eq!(host.stream_end(hook), None);
    let whole: Vec<u8> = (0..1_500_000_u32).map(|at| (at % 251) as u8).collect();
    let (mut sent, mut credit) = (0, 131_072);
    while sent < whole.len() {
        while credit > 0 && sent < whole.len() {
            let count = credit.min(65_536).min(whole.len() - sent);
            host.send(hook, Kind::Data, &whole[sent..sent + count]);
            sent += count;
            credit -= count;
        }
        credit += host.expect(hook, Kind::Credit).credit();
    }
    while credit < 131_072 {
        credit += host.expect(hook, Kind::Credit).credit();
    }
    assert_eq!(credit, 131_072, "all of it comes back");
    host.reply(hook);
    let mut received = Vec::new();
    for call in host.response(exchange) {
        let WriterCall::Write(bytes) = call else { panic!("{call:?}") };
        assert!(bytes.len() <= 131_072);
        received.extend(bytes);
    }
    assert!(received == whole);
    host.finish();
}

/// The server takes the response for complete when ServeHTTP is answered.
fn the_answer_waits_for_the_last_write() {
    let mut host = started();
    let exchange = host.serve(Request::get("/"));
    host.decide(exchange, |call| if *call == WriterCall::Header { Answer::Done } else { Answer::Later });
    let hook = host.hook();
    host.send_head(hook, 202, &json!({}));
    host.send_with(hook, Kind::Data, FLUSH, b"a");
    host.send(hook, Kind::Data, b"b");
    host.reply(hook);
    for _ in 0..5 {
        host.waiting(exchange);
        host.ping();
        assert!(!host.is_served(exchange));
        host.answer(exchange, Answer::Done);
    }
    let sync = WriterCall::SyncHeader(headers([]));
    let expected = [sync, WriterCall::WriteHeader(202), write(b"a"), WriterCall::Flush, write(b"b")];
    assert_eq!(host.response(exchange), expected);
    host.finish();
}

/// The server waits five seconds for the streams to be dialled, however long the worker is busy, and takes the headers from the bridge meanwhile.
fn requests_wait_for_a_connection() {
    let mut host = Host::active(Bundle::new(&Script { keeps_to_its_connections: true, ..script() }));
    let running: Vec<_> = (0..4)
        .map(|_| {
            host.post("relay");
            host.hook()
        })
        .collect();
    let exchange = host.serve(Request::post("/", b"x"));
    host.until("both streams", LIMIT, |host| {
        let serving = host.exchange(exchange);
        (serving.writer.calls == [WriterCall::Header] && serving.body.stream.is_some()).then_some(())
    });
    host.settle(running[0]);
    assert_eq!((host.hooks_waiting(), host.exchange(exchange).body.requests.len()), (0, 0), "it waits");
    host.reply(running[0]);
    let hook = host.hook();
    host.send_credit(hook, 1);
    assert_eq!(host.streamed(hook, 1), b"x");
    host.reply(hook);
    host.served(exchange);
    running[1..].iter().for_each(|hook| host.reply(*hook));
    host.finish();
}

/// The bridge has metrics of its own, and answers with them when there is no worker to add to them.
fn metrics_of_a_plugin_that_has_some() {
    let script = Script { start: vec![Start::Normal, Start::Silent], ..Script::default().with("ServeMetrics") };
    let mut host = Host::start(Bundle::new(&script));
    let listed = host.implemented().unwrap();
    assert_eq!(listed.iter().filter(|name| *name == "ServeMetrics").count(), 1, "{listed:?}");
    host.activate().unwrap();
    let exchange = host.serve_by("ServeMetrics", Request::post("/metrics", b"?").preset("A", &["b"]));
    let hook = host.hook();
    let arguments = host.arguments(hook);
    assert_eq!(
        (&arguments[0]["url"], &arguments[1], &arguments[2]),
        (&json!("/metrics"), &json!({"request_id": "request"}), &json!({"A": ["b"]}))
    );
    assert!(arguments[3].as_str().unwrap().starts_with("# HELP "), "{arguments}");
    assert_eq!(arguments.as_array().unwrap().len(), 4);
    host.send_credit(hook, 1);
    assert_eq!(host.streamed(hook, 1), b"?");
    host.send(hook, Kind::Data, b"mine 1\n");
    host.reply(hook);
    assert_eq!(host.response(exchange), [write(b"mine 1\n")]);
    processes::kill(host.worker());
    host.noted("start ", 2);
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_worker_up"), 0.0);
    host.finish();
}

/// A client may stay as long as it likes: 48 of the 64 connections are for hooks with streams at most.
fn long_requests_leave_room_for_other_hooks() {
    let mut host = started();
    let exchanges: Vec<_> = (0..50).map(|_| host.serve(Request::get("/"))).collect();
    let hooks: Vec<_> = (0..48).map(|_| host.hook()).collect();
    let posts: Vec<_> = (0..16).map(|number| host.post(&format!("edit {number}"))).collect();
    for post in posts {
        host.wait(post).unwrap();
    }
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_hooks_running"), 48.0);
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_hooks_queued"), 2.0);
    hooks.iter().for_each(|hook| host.reply(*hook));
    for _ in 0..2 {
        let hook = host.hook();
        host.reply(hook);
    }
    exchanges.into_iter().for_each(|exchange| host.served(exchange));
    host.finish();
}

fn three_hundred_requests_at_once() {
    let mut host = Host::active(Bundle::new(&Script::asynchronous().with("ServeHTTP")));
    let before = settled_state(&mut host);
    let exchanges: Vec<_> =
        (0..300).map(|number: u32| host.serve(Request::post("/", number.to_string().as_bytes()))).collect();
    let hooks: Vec<_> = exchanges.iter().map(|_| host.hook()).collect();
    hooks.iter().for_each(|&hook| host.send_credit(hook, 10));
    // All of them run at the same time, and each gets its own bytes.
    let bodies: Vec<_> = hooks
        .iter()
        .map(|&hook| {
            let body = host.expect(hook, Kind::Data).payload;
            assert_eq!(host.stream_end(hook), None);
            (hook, body)
        })
        .collect();
    for (hook, body) in bodies.iter().rev() {
        host.send_head(*hook, 200, &json!({}));
        host.send(*hook, Kind::Data, body);
        host.reply(*hook);
    }
    for (number, &exchange) in exchanges.iter().enumerate() {
        let calls = host.response(exchange);
        assert_eq!(calls, [WriterCall::SyncHeader(headers([])), write(number.to_string().as_bytes())]);
    }
    nothing_is_open(&mut host, before);
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}

fn a_thousand_clients_that_leave() {
    let mut host = Host::active(Bundle::new(&Script::asynchronous().with("ServeHTTP")));
    let before = settled_state(&mut host);
    for _ in 0..10 {
        let exchanges: Vec<_> = (0..100)
            .map(|_| host.serve(Request::post_without_length("/", Pulled::open_ended(vec![0; 1000]))))
            .collect();
        let hooks: Vec<_> = exchanges.iter().map(|_| host.hook()).collect();
        for &exchange in &exchanges {
            host.decide(exchange, |_| Answer::Refused("write: broken pipe".into()));
        }
        hooks.iter().for_each(|&hook| host.send_credit(hook, 2000));
        for &hook in &hooks {
            host.streamed(hook, 1000);
            host.send(hook, Kind::Data, b"x");
        }
        for &hook in &hooks {
            host.expect(hook, Kind::Credit);
            host.expect(hook, Kind::Cancel);
            host.reply(hook);
        }
        exchanges.iter().for_each(|&exchange| host.served(exchange));
    }
    nothing_is_open(&mut host, before);
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}
