//! The bodies of HTTP requests: read as far as the worker asks.

use mmp_worker::frame::Kind;

use super::http::{nothing_is_open, settled_state, started};
use super::tests;
use crate::host::{Host, LIMIT, Pulled, Request};
use crate::runner::Test;

pub(crate) const TESTS: &[Test] = tests![
    a_body_is_read_as_far_as_the_worker_asks,
    a_body_that_is_sent_slowly,
    a_body_shorter_than_its_length,
    bodies_that_nobody_reads,
];

fn a_body_is_read_as_far_as_the_worker_asks() {
    let mut host = started();
    let body: Vec<u8> = (0..300_000_u32).map(|at| (at % 241) as u8).collect();
    let exchange = host.serve(Request::post("/", &body));
    let hook = host.hook();
    host.settle(hook);
    assert!(host.exchange(exchange).body.requests.is_empty(), "net/http sends no response while a read is under way");
    host.send_credit(hook, 262_144);
    assert!(host.streamed(hook, 262_144) == body[..262_144]);
    host.settle(hook);
    assert_eq!(
        (host.exchange(exchange).body.requests.clone(), host.exchange(exchange).body.sent),
        (vec![262_144], 262_144)
    );
    host.send_credit(hook, 1);
    assert!(host.streamed(hook, 1) == body[262_144..262_145]);
    host.send_credit(hook, 0);
    host.send_credit(hook, 37_854);
    host.send_credit(hook, 1);
    assert!(host.streamed(hook, 37_855) == body[262_145..]);
    host.settle(hook);
    assert_eq!(host.waiting_frames(hook), [], "the end is not known before it is asked for");
    host.send_credit(hook, u64::MAX);
    assert_eq!(host.stream_end(hook), None);
    let requests = host.exchange(exchange).body.requests.clone();
    assert_eq!(requests, [262_144, 1, 37_854, 1, i64::MAX]);
    host.send_credit(hook, 5);
    host.settle(hook);
    host.reply(hook);
    host.served(exchange);
    host.finish();
}

fn a_body_that_is_sent_slowly() {
    let mut host = started();
    let exchange = host.serve(Request::post_without_length("/", Pulled::open_ended(Vec::new())));
    let hook = host.hook();
    host.send_credit(hook, 1000);
    for part in [&b"one"[..], b"two", b"three"] {
        host.send_body(exchange, part);
        assert_eq!(host.streamed(hook, part.len()), part);
    }
    // The response may begin before the request has ended.
    host.send(hook, Kind::Data, b"early");
    assert_eq!(host.expect(hook, Kind::Credit).credit(), 5);
    host.end_body(exchange);
    assert_eq!(host.stream_end(hook), None, "its length was not said, so this is its end");
    assert_eq!(host.exchange(exchange).body.requests, [1000]);
    host.reply(hook);
    host.served(exchange);
    host.finish();
}

fn a_body_shorter_than_its_length() {
    let mut host = started();
    let request = Request::post_without_length("/", Pulled::open_ended(b"half".to_vec())).with("Content-Length", "8");
    let exchange = host.serve(request);
    let hook = host.hook();
    host.send_credit(hook, 1000);
    assert_eq!(host.streamed(hook, 4), b"half");
    host.end_body(exchange);
    assert_eq!(host.stream_end(hook).as_deref(), Some("the client left before it had sent the whole body"));
    host.reply(hook);
    host.served(exchange);
    host.finish();
}

fn bodies_that_nobody_reads() {
    let mut host = started();
    let before = settled_state(&mut host);
    let unread = |host: &mut Host, body: Pulled, credit: u64| {
        let exchange = host.serve(Request::post_without_length("/", body));
        let hook = host.hook();
        host.send_credit(hook, credit);
        host.send(hook, Kind::Data, b"no, thanks");
        host.reply(hook);
        host.served(exchange);
        host.until("the end of the body", LIMIT, |host| host.exchange(exchange).body.closed_by_plugin.then_some(()));
    };
    for credit in [0, 1, 262_144, 10_000_000] {
        unread(&mut host, Pulled::new(vec![1; 1_000_000]), credit);
        unread(&mut host, Pulled::open_ended(vec![1; 1_000_000]), credit);
        unread(&mut host, Pulled::open_ended(Vec::new()), credit);
    }
    nothing_is_open(&mut host, before);
    host.finish();
}
