//! HTTP requests that somebody breaks off: the client, the plugin's handler, its worker, or the server.

use std::time::Duration;

use mmp_model::rpc;
use mmp_worker::frame::Kind;
use serde_json::json;

use super::http::{nothing_is_open, script, settled_state, started, write};
use super::tests;
use crate::bundle::Bundle;
use crate::host::{Answer, Exchange, Hook, Host, LIMIT, Pulled, Request, WriterCall, headers};
use crate::processes;
use crate::runner::Test;
use crate::script::{Script, Start};

pub(crate) const TESTS: &[Test] = tests![
    the_handler_fails_before_the_head,
    the_handler_fails_after_the_head,
    the_handler_fails_on_a_connection_that_cannot_be_broken_off,
    the_handler_breaks_the_response_off,
    the_worker_dies_before_the_head,
    the_worker_dies_after_the_head,
    the_worker_dies_when_all_is_said,
    the_worker_dies_before_the_hook_is_sent,
    requests_while_there_is_no_worker,
    requests_behind_others_that_do_not_move,
    requests_beyond_the_queue,
    the_server_closes_the_response_writer_between_calls,
    the_server_closes_the_response_writer_during_a_call,
    the_server_closes_the_response_writer_before_anything,
    headers_that_cannot_be_read,
    the_server_does_not_answer_a_write,
    the_plugin_is_deactivated_during_a_response,
    the_server_quits_during_a_response,
    a_worker_that_exceeds_its_credit,
    frames_that_break_the_protocol,
    frames_behind_the_end,
];

/// What a client gets when the handler has failed.
pub(super) fn failed() -> [WriterCall; 3] {
    let plain = headers([
        ("Content-Type", &["text/plain; charset=utf-8"]),
        ("Vary", &["Origin"]),
        ("X-Content-Type-Options", &["nosniff"]),
    ]);
    [WriterCall::SyncHeader(plain), WriterCall::WriteHeader(500), write(b"Internal Server Error\n")]
}

/// What it gets when there is no worker.
fn unavailable() -> [WriterCall; 3] {
    told_to_come_back(b"Service Unavailable: the plugin is being started again\n")
}

/// What it gets when other hooks keep the worker from taking the request.
fn busy() -> [WriterCall; 3] {
    told_to_come_back(b"Service Unavailable: the plugin is busy\n")
}

fn told_to_come_back(text: &[u8]) -> [WriterCall; 3] {
    let plain = headers([
        ("Content-Type", &["text/plain; charset=utf-8"]),
        ("Retry-After", &["1"]),
        ("Vary", &["Origin"]),
        ("X-Content-Type-Options", &["nosniff"]),
    ]);
    [WriterCall::SyncHeader(plain), WriterCall::WriteHeader(503), write(text)]
}

pub(super) fn request() -> Request {
    Request::get("/").preset("Vary", &["Origin"])
}

/// A request that has reached the worker.
pub(super) fn serving(host: &mut Host) -> (Exchange, Hook) {
    let exchange = host.serve(request());
    let hook = host.hook();
    assert_eq!(host.stream_end(hook), None);
    (exchange, hook)
}

pub(super) fn refuse_writes(text: &str) -> impl FnMut(&WriterCall) -> Answer + 'static {
    let answer = Answer::Refused(text.to_owned());
    move |call| if matches!(call, WriterCall::Write(_)) { answer.clone() } else { Answer::Done }
}

fn the_handler_fails_before_the_head() {
    let mut host = started();
    let (exchange, hook) = serving(&mut host);
    host.fail(hook, "KeyError: 'secret'");
    assert_eq!(host.response(exchange), failed(), "the client hears nothing of the plugin");
    assert_eq!(host.logged("KeyError: 'secret'").level, "error");
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}

/// A response that is cut off must not look complete.
fn the_handler_fails_after_the_head() {
    let mut host = started();
    let (exchange, hook) = serving(&mut host);
    host.send_head(hook, 200, &json!({}));
    host.send(hook, Kind::Data, b"half");
    host.fail(hook, "KeyError");
    let head = WriterCall::SyncHeader(headers([]));
    assert_eq!(host.response(exchange), [head.clone(), write(b"half"), WriterCall::Hijack, WriterCall::Close]);
    let (exchange, hook) = serving(&mut host);
    host.send_head(hook, 200, &json!({}));
    host.fail(hook, "KeyError");
    assert_eq!(host.response(exchange), [head, WriterCall::Hijack, WriterCall::Close]);
    host.finish();
}

/// As with HTTP/2: the hook ends all the same.
fn the_handler_fails_on_a_connection_that_cannot_be_broken_off() {
    let mut host = started();
    let (exchange, hook) = serving(&mut host);
    host.decide(exchange, |call| match call {
        WriterCall::Hijack => Answer::Refused("response cannot be hijacked".into()),
        _ => Answer::Done,
    });
    host.send(hook, Kind::Data, b"half");
    host.fail(hook, "KeyError");
    assert_eq!(host.response(exchange), [write(b"half"), WriterCall::Hijack]);
    host.finish();
}

/// The hook itself is over without a failure, which would have had a line of its own.
fn the_handler_breaks_the_response_off() {
    let mut host = started();
    let (exchange, hook) = serving(&mut host);
    host.send(hook, Kind::Data, b"half");
    host.send_value(hook, Kind::End, &json!({"message": "the disk is full"}));
    host.reply(hook);
    assert_eq!(host.response(exchange), [write(b"half"), WriterCall::Hijack, WriterCall::Close]);
    let line = host.logged("ServeHTTP: the plugin's handler broke the response off: the disk is full");
    assert_eq!(line.level, "warn");
    let (exchange, hook) = serving(&mut host);
    host.send_value(hook, Kind::End, &json!({"message": "the disk is still full"}));
    host.fail(hook, "OSError");
    assert_eq!(host.response(exchange), failed());
    host.logged("OSError");
    let twice = host.entries().into_iter().any(|entry| entry.message.contains("still full"));
    assert!(!twice, "a failed hook has one line");
    host.finish();
}

fn restarted(mut host: Host) {
    host.logged("started again and is active");
    let (exchange, hook) = serving(&mut host);
    host.send(hook, Kind::Data, b"x");
    host.reply(hook);
    assert_eq!(host.response(exchange), [write(b"x")]);
    host.finish();
}

fn the_worker_dies_before_the_head() {
    let mut host = started();
    let exchange = host.serve(Request::post("/", &[1; 300_000]).preset("Vary", &["Origin"]));
    let hook = host.hook();
    host.send_credit(hook, 262_144);
    host.streamed(hook, 262_144);
    processes::kill(host.worker());
    assert_eq!(host.response(exchange), unavailable());
    host.until("the end of the body", LIMIT, |host| host.exchange(exchange).body.closed_by_plugin.then_some(()));
    restarted(host);
}

fn the_worker_dies_after_the_head() {
    let mut host = started();
    let (exchange, hook) = serving(&mut host);
    host.send(hook, Kind::Data, b"half");
    host.called(exchange, &write(b"half"));
    host.hold_writes(exchange);
    host.send(hook, Kind::Data, b"more");
    host.waiting(exchange);
    processes::kill(host.worker());
    host.logged("it is started again");
    host.answer(exchange, Answer::Done);
    let expected = [write(b"half"), write(b"more"), WriterCall::Hijack, WriterCall::Close];
    assert_eq!(host.response(exchange), expected);
    restarted(host);
}

/// The hook is answered, so nothing of the response is missing.
fn the_worker_dies_when_all_is_said() {
    let mut host = started();
    let (exchange, hook) = serving(&mut host);
    host.hold_writes(exchange);
    host.send(hook, Kind::Data, b"a");
    host.waiting(exchange);
    host.send(hook, Kind::Data, b"b");
    // An answer of the worker on the same connection comes behind that of the hook.
    host.settle(hook);
    host.reply(hook);
    host.settle(hook);
    processes::kill(host.worker());
    host.logged("it is started again");
    host.decide(exchange, |_| Answer::Done);
    host.answer(exchange, Answer::Done);
    assert_eq!(host.response(exchange), [write(b"a"), write(b"b")]);
    restarted(host);
}

/// The bridge waits for the server's headers at that time.
fn the_worker_dies_before_the_hook_is_sent() {
    let mut host = Host::active(Bundle::new(&Script { start: vec![Start::Normal, Start::Silent], ..script() }));
    let exchange = host.serve(request());
    host.decide(exchange, |_| Answer::Later);
    assert_eq!(host.waiting(exchange), WriterCall::Header);
    processes::kill(host.worker());
    host.logged("it is started again");
    host.decide(exchange, |_| Answer::Done);
    host.answer(exchange, Answer::Done);
    assert_eq!(host.response(exchange), unavailable());
    host.finish();
}

fn requests_while_there_is_no_worker() {
    let mut host = Host::active(Bundle::new(&Script { start: vec![Start::Normal, Start::Silent], ..script() }));
    processes::kill(host.worker());
    host.noted("start ", 2);
    let before = settled_state(&mut host);
    let exchange = host.serve(Request::post("/", b"body").preset("Vary", &["Origin"]));
    assert_eq!(host.response(exchange), unavailable());
    nothing_is_open(&mut host, before);
    assert!(host.exchange(exchange).body.requests.is_empty(), "nothing is read for nobody");
    host.finish();
}

/// As many handlers as may wait for API calls, and the server answers none of them.
fn requests_behind_others_that_do_not_move() {
    let mut host = started();
    host.api.holds = true;
    let before = settled_state(&mut host);
    for calls in 1..=64 {
        let (_, hook) = serving(&mut host);
        host.api_call(hook, "KVGet", 0, &json!(["key"]));
        host.until("the call", LIMIT, |host| (host.api.gets == calls).then_some(()));
    }
    let exchange = host.serve(Request::post("/", b"body").preset("Vary", &["Origin"]));
    assert_eq!(host.response(exchange), busy());
    host.logged("ServeHTTP: 64 hooks of this plugin wait for API calls and none has moved for seconds");
    assert_eq!((host.hooks_waiting(), host.posted("edit it").0.as_str()), (0, "it"), "other hooks go on");
    // The others hold a response writer each, at both ends.
    let busy = host.live_state() - before;
    let exchange = host.serve(Request::get("/"));
    host.served(exchange);
    host.until("all streams of it to be closed", LIMIT, |host| (host.live_state() == before + busy).then_some(()));
    host.finish();
}

fn requests_beyond_the_queue() {
    let mut host = Host::active(Bundle::new(&Script { keeps_to_its_connections: true, ..script() }));
    let running: Vec<_> = (0..4).map(|_| serving(&mut host)).collect();
    let large = "x".repeat(1 << 20);
    let queued: Vec<_> = (0..64).map(|_| host.serve(request().with("Large", &large))).collect();
    let exchange = host.serve(request());
    assert_eq!(host.response(exchange), busy());
    host.logged("ServeHTTP: too many hooks wait for the worker; the client is told to come back");
    assert_eq!(host.hooks_waiting(), 0);
    // Every one that is in the queue gets its turn.
    running.iter().for_each(|(_, hook)| host.reply(*hook));
    for _ in &queued {
        let hook = host.hook();
        host.reply(hook);
    }
    queued.into_iter().for_each(|exchange| host.served(exchange));
    host.finish();
}

fn the_server_closes_the_response_writer_between_calls() {
    let mut host = started();
    let before = settled_state(&mut host);
    let (exchange, hook) = serving(&mut host);
    host.close_writer(exchange);
    host.ping();
    host.send(hook, Kind::Data, b"abc");
    host.expect(hook, Kind::Credit);
    host.expect(hook, Kind::Cancel);
    host.reply(hook);
    host.answered(exchange);
    nothing_is_open(&mut host, before);
    host.finish();
}

fn the_server_closes_the_response_writer_during_a_call() {
    let mut host = started();
    let before = settled_state(&mut host);
    let (exchange, hook) = serving(&mut host);
    host.hold_writes(exchange);
    host.send(hook, Kind::Data, b"abc");
    host.waiting(exchange);
    host.send(hook, Kind::Data, b"def");
    host.settle(hook);
    host.close_writer(exchange);
    host.exchange(exchange).writer.forget_call();
    let mut credit = 0;
    while credit < 6 {
        let frame = host.frame(hook);
        credit += if frame.kind == Kind::Credit { frame.credit() } else { 0 };
    }
    host.fail(hook, "cancelled");
    host.answered(exchange);
    nothing_is_open(&mut host, before);
    host.finish();
}

fn the_server_closes_the_response_writer_before_anything() {
    let mut host = started();
    let exchange = host.serve(request());
    host.decide(exchange, |_| Answer::Later);
    host.waiting(exchange);
    host.close_writer(exchange);
    host.exchange(exchange).writer.forget_call();
    host.answered(exchange);
    assert_eq!(host.hooks_waiting(), 0, "the handler is not bothered");
    host.finish();
}

/// Nobody may take an empty response for the plugin's.
fn headers_that_cannot_be_read() {
    let mut host = started();
    let exchange = host.serve(Request::get("/"));
    host.decide(exchange, |call| match call {
        WriterCall::Header => Answer::Refused("rpc: can't find method Plugin.Header".into()),
        _ => Answer::Done,
    });
    let calls = host.response(exchange);
    assert_eq!(calls[1..], [WriterCall::WriteHeader(500), write(b"Internal Server Error\n")]);
    host.finish();
}

fn the_server_does_not_answer_a_write() {
    let mut host = started();
    let (stuck, stuck_hook) = serving(&mut host);
    host.hold_writes(stuck);
    host.send(stuck_hook, Kind::Data, b"x");
    host.waiting(stuck);
    host.reply(stuck_hook);
    for _ in 0..100 {
        let (exchange, hook) = serving(&mut host);
        host.send(hook, Kind::Data, b"y");
        host.reply(hook);
        assert_eq!(host.response(exchange), [write(b"y")]);
    }
    assert_eq!(host.posted("edit it").0, "it");
    assert!(!host.is_served(stuck));
    host.answer(stuck, Answer::Done);
    host.served(stuck);
    host.finish();
}

fn the_plugin_is_deactivated_during_a_response() {
    let mut host = started();
    let (exchange, hook) = serving(&mut host);
    host.send(hook, Kind::Data, b"a");
    host.called(exchange, &write(b"a"));
    let arguments = rpc::OnDeactivateArgs::default();
    let call = host.call("OnDeactivate", &arguments, rpc::OnDeactivateReturns::default());
    host.wait(call).unwrap();
    host.send(hook, Kind::Data, b"b");
    host.reply(hook);
    assert_eq!(host.response(exchange), [write(b"a"), write(b"b")], "it may still end");
    host.finish();
}

fn the_server_quits_during_a_response() {
    let mut host = started();
    let (exchange, hook) = serving(&mut host);
    host.hold_writes(exchange);
    host.send(hook, Kind::Data, b"a");
    host.waiting(exchange);
    let (_, waiting) = serving(&mut host);
    let (code, took) = host.quit();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(1), "{took:?}");
    host.worker_left(waiting);
    host.noted("stop", 1);
    host.finish();
}

fn a_worker_that_exceeds_its_credit() {
    let mut host = started();
    let (exchange, hook) = serving(&mut host);
    host.hold_writes(exchange);
    host.send(hook, Kind::Data, &[1; 65_536]);
    host.waiting(exchange);
    host.send(hook, Kind::Data, &[1; 65_536]);
    host.settle(hook);
    host.send(hook, Kind::Data, b"x");
    host.worker_left(hook);
    let entry = host.logged("the worker sent more of a response than it had credit for; it is started again");
    assert_eq!(entry.level, "error");
    host.decide(exchange, |_| Answer::Done);
    host.answer(exchange, Answer::Done);
    let expected = [write(&[1; 65_536]), write(&[1; 65_536]), WriterCall::Hijack, WriterCall::Close];
    assert_eq!(host.response(exchange), expected);
    restarted(host);
}

fn frames_that_break_the_protocol() {
    breaks_the_protocol(Kind::Head, b"\x92\xa3200\x80", "a HEAD of the worker cannot be read");
    breaks_the_protocol(Kind::Head, b"\x92\xcc\xc8\x81\xa1A\xa1b", "a HEAD of the worker cannot be read");
    breaks_the_protocol(Kind::Head, b"", "a HEAD of the worker cannot be read");
    breaks_the_protocol(Kind::Credit, b"\xff", "a CREDIT of the worker is negative");
    breaks_the_protocol(Kind::Credit, b"\xa1x", "a CREDIT of the worker cannot be read");
    breaks_the_protocol(Kind::Deadline, b"\x92\x03\xc0", "a DEADLINE of the worker cannot be read");
    breaks_the_protocol(Kind::Hijacked, b"", "the worker sent Hijacked on a connection of the role sync");
    breaks_the_protocol(Kind::Cancel, b"", "the worker sent Cancel on a connection of the role sync");
}

fn breaks_the_protocol(kind: Kind, payload: &[u8], reason: &str) {
    let mut host = started();
    let (exchange, hook) = serving(&mut host);
    host.send(hook, kind, payload);
    assert_eq!(host.response(exchange), unavailable(), "{kind:?}");
    host.logged(&format!("{reason}; it is started again"));
    restarted(host);
}

/// What the worker has sent before it heard that it is too late is of no use, and no fault.
fn frames_behind_the_end() {
    let mut host = started();
    let before = settled_state(&mut host);
    let exchange = host.serve(Request::post_without_length("/", Pulled::open_ended(b"x".to_vec())));
    let hook = host.hook();
    host.send_credit(hook, 10);
    host.streamed(hook, 1);
    host.reply(hook);
    host.send_credit(hook, 100);
    host.send(hook, Kind::Data, &[0; 200_000]);
    host.send_head(hook, 200, &json!({}));
    host.send(hook, Kind::Hijack, &[]);
    host.send(hook, Kind::End, &[]);
    host.settle(hook);
    assert_eq!(host.response(exchange), []);
    nothing_is_open(&mut host, before);
    assert_eq!(host.posted("edit it").0, "it");
    host.noted("start ", 1);
    host.finish();
}
