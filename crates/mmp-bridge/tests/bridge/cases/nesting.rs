//! Hooks that fire hooks: CreatePost inside MessageWillBePosted, which the server answers by calling MessageWillBePosted.

use std::time::{Duration, Instant};

use super::tests;
use crate::bundle::Bundle;
use crate::fake::commands::WAIVE;
use crate::host::{Host, LIMIT};
use crate::runner::Test;
use crate::script::Script;

pub(crate) const TESTS: &[Test] = tests![
    nested_hooks_on_sync_connections,
    nested_hooks_on_the_async_connection,
    hooks_without_end_on_sync_connections,
    hooks_without_end_on_the_async_connection,
    cancelled_calls_let_waiting_hooks_through,
];

/// How many hooks may wait for API calls at the same time.
const DEEPEST: usize = 64;

/// A post whose chain of hooks has so many that wait, and one that does not.
fn nest(script: &Script, waiting: usize) -> (Host, Duration) {
    let bundle = Bundle::new(script);
    // The outermost hook lasts as long as all of them.
    bundle.set_server("hooks", serde_json::json!({"MessageWillBePosted": {"timeout": 60}}));
    let mut host = Host::active(bundle);
    let started = Instant::now();
    let call = host.post(&format!("nest {waiting}"));
    assert_eq!(host.wait(call).unwrap().b.to_string(), "");
    (host, started.elapsed())
}

fn to_the_bound(script: &Script) {
    let (mut host, took) = nest(script, DEEPEST - 1);
    assert!(took < LIMIT, "{took:?}");
    assert!(host.entries().iter().all(|entry| entry.level != "error"), "{}", host.report());
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}

fn nested_hooks_on_sync_connections() {
    to_the_bound(&Script { noted: true, ..Script::default() });
}

fn nested_hooks_on_the_async_connection() {
    to_the_bound(&Script { noted: true, ..Script::asynchronous() });
}

fn beyond_the_bound(script: &Script) {
    let (mut host, took) = nest(script, 1000);
    assert!(took > Duration::from_millis(900) && took < LIMIT, "{took:?}");
    let entry = host.logged("MessageWillBePosted: 64 hooks of this plugin wait for API calls and none has moved");
    assert_eq!(entry.level, "error");
    let ran = host.bundle.journal().iter().filter(|line| line.starts_with("MessageWillBePosted nest")).count();
    assert_eq!(ran, DEEPEST, "{}", host.report());
    let call = host.post("edit it");
    let returned = host.wait_within(call, LIMIT).unwrap();
    assert_eq!(crate::host::message_of(&returned.a), "it");
    host.finish();
}

fn hooks_without_end_on_sync_connections() {
    beyond_the_bound(&Script { noted: true, ..Script::default() });
}

fn hooks_without_end_on_the_async_connection() {
    beyond_the_bound(&Script { noted: true, ..Script::asynchronous() });
}

/// The hooks that give their calls up run on, so no answer of theirs lets the queue move.
fn cancelled_calls_let_waiting_hooks_through() {
    let mut host = Host::active(Bundle::new(&Script::asynchronous()));
    host.api.holds = true;
    let _running: Vec<_> = (0..DEEPEST).map(|number| host.post(&format!("waive {}", 1_000_000 + number))).collect();
    host.until("the calls", LIMIT, |host| (host.api.gets == DEEPEST).then_some(()));
    let queued: Vec<_> = (0..3).map(|number| host.post(&format!("edit {number}"))).collect();
    host.ping();
    assert!(queued.iter().all(|call| !host.is_done(call)), "{}", host.report());
    std::fs::write(host.bundle.path().join(WAIVE), "").unwrap();
    for (number, call) in queued.into_iter().enumerate() {
        let returned = host.wait_within(call, LIMIT).unwrap();
        assert_eq!(crate::host::message_of(&returned.a), number.to_string());
    }
    host.finish();
}
