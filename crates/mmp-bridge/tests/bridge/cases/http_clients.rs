//! Clients that leave, and responses that net/http refuses.

use mmp_worker::frame::{FLUSH, Kind};
use serde_json::json;

use super::http::{nothing_is_open, settled_state, started, write};
use super::http_faults::{failed, refuse_writes, serving};
use super::tests;
use crate::host::{Answer, Hook, Host, LIMIT, Pulled, Request, WriterCall, headers};
use crate::runner::Test;

pub(crate) const TESTS: &[Test] = tests![
    the_client_leaves,
    the_client_leaves_a_worker_without_credit,
    the_client_leaves_before_the_head,
    the_server_breaks_the_request_off,
    the_worker_breaks_its_response_off,
    requests_for_credit_wait_for_the_server,
    flushes_wait_together,
    the_server_closes_the_response_writer_before_many_steps,
    a_status_without_a_body,
    a_refused_body_gives_all_credit_back,
    a_body_longer_than_its_length,
    a_body_longer_than_its_length_in_one_write,
];

fn the_client_leaves() {
    let mut host = started();
    let (exchange, hook) = serving(&mut host);
    host.decide(exchange, refuse_writes("write tcp 192.0.2.1:80: broken pipe"));
    host.send(hook, Kind::Data, &[1; 1000]);
    assert_eq!(host.expect(hook, Kind::Credit).credit(), 1000);
    assert!(host.expect(hook, Kind::Cancel).payload.is_empty());
    // The handler may not have heard of it yet: it goes on, and is not stopped by a lack of credit.
    for _ in 0..4 {
        host.send_with(hook, Kind::Data, FLUSH, &[2; 65_536]);
        assert_eq!(host.expect(hook, Kind::Credit).credit(), 65_536);
    }
    host.send_head(hook, 500, &json!({}));
    host.fail(hook, "the client is gone");
    assert_eq!(host.response(exchange), [write(&[1; 1000])], "nothing more is sent");
    assert_eq!(host.waiting_frames(hook), [], "CANCEL is said once");
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}

/// All of the credit is in writes that are dropped.
fn the_client_leaves_a_worker_without_credit() {
    let mut host = started();
    let (exchange, hook) = serving(&mut host);
    host.hold_writes(exchange);
    host.send(hook, Kind::Data, b"x");
    host.waiting(exchange);
    host.send(hook, Kind::Data, &[1; 65_536]);
    host.send_with(hook, Kind::Data, FLUSH, &[2; 65_535]);
    host.settle(hook);
    host.answer(exchange, Answer::Refused("write: broken pipe".into()));
    assert_eq!(credit_until_cancel(&mut host, hook), 131_072, "it has all of its credit again");
    host.reply(hook);
    assert_eq!(host.response(exchange), [write(b"x")]);
    host.finish();
}

fn credit_until_cancel(host: &mut Host, hook: Hook) -> usize {
    let (mut credit, mut cancelled) = (0, false);
    while credit < 131_072 || !cancelled {
        let frame = host.frame(hook);
        match frame.kind {
            Kind::Credit => credit += frame.credit(),
            Kind::Cancel => cancelled = true,
            kind => panic!("{kind:?}"),
        }
    }
    credit
}

fn the_client_leaves_before_the_head() {
    let mut host = started();
    let (exchange, hook) = serving(&mut host);
    host.decide(exchange, |_| Answer::Refused("http: Hijack called".into()));
    host.send_head(hook, 404, &json!({}));
    host.expect(hook, Kind::Cancel);
    host.reply(hook);
    assert_eq!(host.response(exchange), [WriterCall::SyncHeader(headers([]))]);
    host.finish();
}

/// The worker must not take the part for the whole.
fn the_server_breaks_the_request_off() {
    let mut host = started();
    let before = settled_state(&mut host);
    let exchange = host.serve(Request::post_without_length("/", Pulled::open_ended(b"half".to_vec())));
    let hook = host.hook();
    host.send_credit(hook, 100);
    assert_eq!(host.streamed(hook, 4), b"half");
    host.reset_body(exchange);
    assert_eq!(host.stream_end(hook).as_deref(), Some("the server broke the stream off"));
    host.reply(hook);
    host.served(exchange);
    nothing_is_open(&mut host, before);
    host.finish();
}

fn the_worker_breaks_its_response_off() {
    let mut host = started();
    for begun in [false, true] {
        let (exchange, hook) = serving(&mut host);
        if begun {
            host.send(hook, Kind::Data, b"half");
        }
        host.send_value(hook, Kind::End, &json!({"message": "the source is gone"}));
        host.reply(hook);
        let calls = host.response(exchange);
        if begun {
            assert_eq!(calls, [write(b"half"), WriterCall::Hijack, WriterCall::Close]);
        } else {
            assert_eq!(calls, failed());
        }
    }
    host.finish();
}

/// The server reads no request while it waits for the client: they must not pile up.
fn requests_for_credit_wait_for_the_server() {
    let mut host = started();
    let exchange = host.serve(Request::post_without_length("/", Pulled::open_ended(Vec::new())));
    let hook = host.hook();
    host.settle(hook);
    host.exchange(exchange).body.deaf = true;
    // Each is six bytes for the server, whose window has room for so many, the number that was dialled left out.
    let (large, fitting) = (1 << 35, 43_690);
    for _ in 0..fitting + 4 {
        host.send_credit(hook, large);
    }
    host.settle(hook);
    assert_eq!(host.exchange(exchange).body.requests.len(), fitting);
    host.listen(exchange);
    host.until("the rest", LIMIT, |host| (host.exchange(exchange).body.requests.len() > fitting).then_some(()));
    assert_eq!(host.exchange(exchange).body.requests[fitting..], [4 << 35], "what had to wait is one request");
    host.send_body(exchange, b"body");
    host.end_body(exchange);
    assert_eq!(host.streamed(hook, 4), b"body");
    host.reply(hook);
    host.served(exchange);
    host.finish();
}

fn flushes_wait_together() {
    let mut host = started();
    let (exchange, hook) = serving(&mut host);
    host.hold_writes(exchange);
    host.send(hook, Kind::Data, b"x");
    host.waiting(exchange);
    for _ in 0..1000 {
        host.send_with(hook, Kind::Data, FLUSH, b"");
    }
    host.settle(hook);
    host.decide(exchange, |_| Answer::Done);
    host.answer(exchange, Answer::Done);
    host.reply(hook);
    assert_eq!(host.response(exchange), [write(b"x"), WriterCall::Flush]);
    host.finish();
}

fn the_server_closes_the_response_writer_before_many_steps() {
    let mut host = started();
    let before = settled_state(&mut host);
    let (exchange, hook) = serving(&mut host);
    host.decide(exchange, |call| if *call == WriterCall::Flush { Answer::Later } else { Answer::Done });
    host.send_with(hook, Kind::Data, FLUSH, b"");
    assert_eq!(host.waiting(exchange), WriterCall::Flush);
    for _ in 0..50_000 {
        host.send_value(hook, Kind::Deadline, &json!([0, null]));
    }
    host.settle(hook);
    host.close_writer(exchange);
    host.exchange(exchange).writer.forget_call();
    host.expect(hook, Kind::Cancel);
    host.reply(hook);
    host.answered(exchange);
    nothing_is_open(&mut host, before);
    host.finish();
}

/// net/http refuses the body of a 204 or 304, which a handler need not know.
fn a_status_without_a_body() {
    let mut host = started();
    let (exchange, hook) = serving(&mut host);
    host.decide(exchange, refuse_writes("http: request method or response status code does not allow body"));
    host.send_head(hook, 304, &json!({}));
    host.send(hook, Kind::Data, b"abc");
    assert_eq!(host.expect(hook, Kind::Credit).credit(), 3);
    host.send_with(hook, Kind::Data, FLUSH, b"defg");
    assert_eq!(host.expect(hook, Kind::Credit).credit(), 4);
    host.reply(hook);
    let sync = WriterCall::SyncHeader(headers([]));
    let expected = [sync, WriterCall::WriteHeader(304), write(b"abc"), WriterCall::Flush];
    assert_eq!(host.response(exchange), expected);
    assert_eq!(host.waiting_frames(hook), [], "the client is still there");
    let is_quiet = |level: &str| ["debug", "info"].contains(&level);
    assert!(host.entries().iter().all(|entry| is_quiet(&entry.level)), "{}", host.report());
    host.finish();
}

fn a_refused_body_gives_all_credit_back() {
    let mut host = started();
    let (exchange, hook) = serving(&mut host);
    host.hold_writes(exchange);
    host.send_head(hook, 204, &json!({}));
    host.send(hook, Kind::Data, b"x");
    host.waiting(exchange);
    host.send(hook, Kind::Data, &[1; 65_536]);
    host.send(hook, Kind::Data, &[2; 65_535]);
    host.settle(hook);
    let text = "http: request method or response status code does not allow body";
    host.answer(exchange, Answer::Refused(text.into()));
    let mut credit = 0;
    while credit < 131_072 {
        credit += host.expect(hook, Kind::Credit).credit();
    }
    assert_eq!(credit, 131_072);
    host.reply(hook);
    host.served(exchange);
    host.finish();
}

fn a_body_longer_than_its_length() {
    let mut host = started();
    let (exchange, hook) = serving(&mut host);
    host.decide(exchange, refuse_second_write());
    host.send_head(hook, 200, &json!({"Content-Length": ["3"]}));
    host.send(hook, Kind::Data, b"abc");
    assert_eq!(host.expect(hook, Kind::Credit).credit(), 3);
    for _ in 0..2 {
        host.send(hook, Kind::Data, b"de");
        assert_eq!(host.expect(hook, Kind::Credit).credit(), 2);
    }
    host.reply(hook);
    let calls = host.response(exchange);
    assert_eq!(calls[..2], [WriterCall::SyncHeader(headers([("Content-Length", &["3"])])), write(b"abc")]);
    told_of_too_long(&mut host);
    assert_eq!(host.waiting_frames(hook), [], "the client is still there");
    host.finish();
}

/// net/http takes nothing of a write that goes beyond the length, so what belongs to the body must not be in the same one.
fn a_body_longer_than_its_length_in_one_write() {
    let mut host = started();
    let (exchange, hook) = serving(&mut host);
    host.decide(exchange, |call| if matches!(call, WriterCall::SyncHeader(_)) { Answer::Later } else { Answer::Done });
    host.send_head(hook, 200, &json!({"Content-Length": ["3"]}));
    host.send(hook, Kind::Data, b"ab");
    host.send(hook, Kind::Data, b"cd");
    host.send(hook, Kind::Data, b"e");
    host.settle(hook);
    host.decide(exchange, refuse_second_write());
    host.answer(exchange, Answer::Done);
    host.reply(hook);
    let calls = host.response(exchange);
    assert_eq!(calls[..2], [WriterCall::SyncHeader(headers([("Content-Length", &["3"])])), write(b"abc")]);
    told_of_too_long(&mut host);
    host.finish();
}

fn refuse_second_write() -> impl FnMut(&WriterCall) -> Answer + 'static {
    let mut refuse = refuse_writes("http: wrote more than the declared Content-Length");
    let mut writes = 0;
    move |call| {
        writes += usize::from(matches!(call, WriterCall::Write(_)));
        if writes > 1 { refuse(call) } else { Answer::Done }
    }
}

#[track_caller]
fn told_of_too_long(host: &mut Host) {
    let text = "ServeHTTP: the plugin sent more than the Content-Length that it had said; the rest is dropped";
    assert_eq!(host.logged(text).level, "error");
    host.ping();
    assert_eq!(host.entries().iter().filter(|entry| entry.message == text).count(), 1, "{}", host.report());
}
