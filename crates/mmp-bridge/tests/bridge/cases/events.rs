//! Hooks that nobody waits for: the host has its answer at once, and the worker gets them when it can.

use std::time::Duration;

use mmp_model::rpc;
use mmp_worker::frame::Kind;
use serde_json::json;

use super::deadlines::pause;
use super::{metrics, tests};
use crate::bundle::Bundle;
use crate::host::{Hook, Host, LIMIT};
use crate::processes;
use crate::runner::Test;
use crate::script::{Script, Start};

pub(crate) const TESTS: &[Test] = tests![
    too_many_events,
    events_behind_others_that_wait_for_the_server,
    events_are_acknowledged_at_once,
    events_keep_their_order,
    events_survive_a_worker,
    events_survive_a_worker_that_comes_back_late,
    events_while_a_restarted_worker_calls_the_server,
    events_of_a_hook_that_the_next_worker_does_not_have,
    the_events_of_one_websocket_come_one_after_the_other,
    the_events_of_one_websocket_go_on_behind_one_that_failed,
    events_leave_room_for_other_hooks,
];

const EVENT: &str = "MessageHasBeenPosted";

fn dropped(host: &mut Host) -> f64 {
    metrics::sample(host, "mattermost_plugin_events_dropped_total")
}

fn failed(host: &mut Host) -> f64 {
    metrics::sample_or_none(host, r#"mattermost_plugin_hooks_total{hook="MessageHasBeenPosted",outcome="error"}"#)
        .unwrap_or_default()
}

fn events_are_acknowledged_at_once() {
    let mut host = Host::active(Bundle::new(&Script { noted: true, ..Script::default() }));
    let call = host.notify("relay");
    host.wait_within(call, Duration::from_secs(2)).unwrap();
    let hook = host.hook();
    assert_eq!(host.hook_name(hook), EVENT);
    host.fail(hook, "KeyError");
    let line = host.logged("MessageHasBeenPosted: the plugin's handler failed: KeyError");
    assert_eq!(line.level, "error");
    assert_eq!(dropped(&mut host), 0.0, "it was not lost");
    host.finish();
}

/// One that a worker has not begun waits its turn; those that came later do not overtake it.
fn events_keep_their_order() {
    let mut host = Host::active(Bundle::new(&Script { keeps_to_its_connections: true, ..Script::default() }));
    for _ in 0..4 {
        host.notify("relay");
    }
    let mut running: Vec<Hook> = (0..4).map(|_| host.hook()).collect();
    let events: Vec<_> = (0..6).map(|_| host.notify("relay")).collect();
    for call in events {
        host.wait(call).unwrap();
    }
    let mut last = host.header_of(running[3]).id;
    for _ in 0..6 {
        assert_eq!(host.hooks_waiting(), 0);
        host.reply(running.remove(0));
        let next = host.hook();
        let id = host.header_of(next).id;
        assert!(id > last, "{id} behind {last}");
        last = id;
        running.push(next);
    }
    running.into_iter().for_each(|hook| host.reply(hook));
    host.finish();
}

/// Four run, 10,000 wait, and the rest is dropped, counted and said, all of it in the end.
fn too_many_events() {
    let mut host = Host::active(Bundle::new(&Script { keeps_to_its_connections: true, ..Script::default() }));
    let calls: Vec<_> = (0..10_104).map(|_| host.notify("hang")).collect();
    for call in calls {
        host.wait(call).unwrap();
    }
    let line = host.logged("MessageHasBeenPosted: an event was dropped: too many events wait for the worker");
    assert_eq!(line.level, "error");
    assert_eq!(dropped(&mut host), 100.0);
    assert_eq!(failed(&mut host), 100.0, "each counts once");
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_hooks_queued"), 10_000.0);
    // Others are served as far as there are connections; here there is none, so the host gets its default.
    host.ping();
    host.until("all of them to be said", LIMIT, |host| {
        let said =
            host.entries().into_iter().filter_map(|entry| entry.fields.get("events_dropped")?.parse::<u64>().ok());
        (said.sum::<u64>() == 100).then_some(())
    });
    host.finish();
}

/// What ran is lost, and counted; what waited is not.
fn events_survive_a_worker() {
    let script = Script { keeps_to_its_connections: true, noted: true, ..Script::default() };
    let mut host = Host::active(Bundle::new(&script));
    (0..4).for_each(|_| {
        let _ = host.notify("relay");
    });
    let _running: Vec<_> = (0..4).map(|_| host.hook()).collect();
    let calls: Vec<_> = (0..3).map(|number| host.notify(&format!("edit {number}"))).collect();
    for call in calls {
        host.wait(call).unwrap();
    }
    processes::kill(host.worker());
    host.noted("MessageHasBeenPosted edit", 3);
    assert_eq!(dropped(&mut host), 4.0);
    assert_eq!(failed(&mut host), 4.0, "each counts once");
    host.logged("MessageHasBeenPosted: an event was dropped: the plugin's worker ended");
    let journal = host.bundle.journal();
    let started = journal.iter().rposition(|line| line.starts_with("OnActivate")).unwrap();
    let first = journal.iter().position(|line| line.starts_with("MessageHasBeenPosted edit")).unwrap();
    assert!(first > started, "{journal:?}");
    host.finish();
}

/// Nobody waits for them, so they wait for longer than a hook that somebody waits for.
fn events_survive_a_worker_that_comes_back_late() {
    let script = Script { on_activate: vec!["ok".into(), "sleep 2500".into()], noted: true, ..Script::default() };
    let mut host = Host::active(Bundle::new(&script));
    processes::kill(host.worker());
    host.noted("OnActivate sleep", 1);
    let event = host.notify("edit event");
    host.wait_within(event, Duration::from_secs(2)).unwrap();
    assert_eq!(host.posted("edit post").0, "edit post", "a hook does not wait for so long");
    host.noted("MessageHasBeenPosted edit event", 1);
    assert_eq!(dropped(&mut host), 0.0);
    assert!(!host.bundle.journal().iter().any(|line| line.contains("edit post")), "{}", host.report());
    host.finish();
}

/// Another hook might be one that the server waits for; an event is not.
fn events_while_a_restarted_worker_calls_the_server() {
    let on_activate = vec!["ok".to_owned(), "relay".to_owned()];
    let mut host = Host::active(Bundle::new(&Script { on_activate, noted: true, ..Script::default() }));
    host.api.holds = true;
    processes::kill(host.worker());
    let hook = host.hook();
    let call = host.api_call(hook, "KVGet", 0, &json!(["key"]));
    host.until("the call", LIMIT, |host| (host.api.gets == 1).then_some(()));
    let event = host.notify("edit event");
    host.wait(event).unwrap();
    assert_eq!(host.posted("edit post").0, "edit post", "it gets the default at once");
    host.call_send(call, Kind::Cancel, &[]);
    host.reply(hook);
    host.noted("MessageHasBeenPosted edit event", 1);
    assert_eq!(dropped(&mut host), 0.0);
    host.finish();
}

/// They would wait for ever.
fn events_of_a_hook_that_the_next_worker_does_not_have() {
    let script = Script { keeps_to_its_connections: true, ..Script::default() };
    let mut host = Host::active(Bundle::new(&script));
    (0..4).for_each(|_| {
        let _ = host.notify("relay");
    });
    let _running: Vec<_> = (0..4).map(|_| host.hook()).collect();
    let waiting = host.notify("edit it");
    host.wait(waiting).unwrap();
    let mut next = Script { noted: true, ..Script::asynchronous() };
    next.hooks.retain(|(name, _)| name != EVENT);
    host.bundle.script(&next);
    processes::kill(host.worker());
    host.logged("started again and is active");
    assert_eq!(dropped(&mut host), 5.0);
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_hooks_queued"), 0.0);
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}

/// More of them wait for the server than may, and nothing moves; but they do not wait for each other, and nobody waits for them.
fn events_behind_others_that_wait_for_the_server() {
    let mut host = Host::active(Bundle::new(&Script { noted: true, ..Script::default() }));
    host.api.holds = true;
    let calls: Vec<_> = (0..120).map(|_| host.notify("call KVGet key")).collect();
    for call in calls {
        host.wait(call).unwrap();
    }
    host.until("the calls", LIMIT, |host| (host.api.gets >= 64).then_some(()));
    pause(&mut host, Duration::from_millis(3000));
    // Some may have been begun before so many waited.
    let begun = host.api.gets;
    assert!(begun < 120, "{begun}");
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_hooks_queued"), (120 - begun) as f64);
    assert_eq!((dropped(&mut host), failed(&mut host)), (0.0, 0.0), "{}", host.report());
    processes::kill(host.worker());
    host.until("the others", LIMIT, |host| (host.api.gets == 120).then_some(()));
    assert_eq!(dropped(&mut host), begun as f64);
    host.finish();
}

/// However many events there are, somebody may wait for another hook.
fn events_leave_room_for_other_hooks() {
    let mut host = Host::active(Bundle::new(&Script { noted: true, ..Script::default() }));
    (0..200).for_each(|_| {
        let _ = host.notify("hang");
    });
    host.noted("MessageHasBeenPosted hang", 48);
    let calls: Vec<_> = (0..16).map(|number| host.post(&format!("edit {number}"))).collect();
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(crate::host::message_of(&host.wait(call).unwrap().a), number.to_string());
    }
    let running = host.bundle.journal().iter().filter(|line| line.starts_with("MessageHasBeenPosted")).count();
    assert_eq!(running, 48);
    host.finish();
}

fn websockets() -> Script {
    ["OnWebSocketConnect", "WebSocketMessageHasBeenPosted", "OnWebSocketDisconnect"]
        .into_iter()
        .fold(Script::default(), |script, hook| script.doing(hook, "relay"))
}

pub(super) fn connect(host: &mut Host, client: &str) {
    let arguments = rpc::OnWebSocketConnectArgs { a: client.into(), b: "user".into() };
    let call = host.call("OnWebSocketConnect", &arguments, rpc::OnWebSocketConnectReturns::default());
    host.wait(call).unwrap();
}

pub(super) fn message(host: &mut Host, client: &str) {
    let arguments = rpc::WebSocketMessageHasBeenPostedArgs { a: client.into(), b: "user".into(), c: None };
    let reply = rpc::WebSocketMessageHasBeenPostedReturns::default();
    let call = host.call("WebSocketMessageHasBeenPosted", &arguments, reply);
    host.wait(call).unwrap();
}

fn disconnect(host: &mut Host, client: &str) {
    let arguments = rpc::OnWebSocketDisconnectArgs { a: client.into(), b: "user".into() };
    let call = host.call("OnWebSocketDisconnect", &arguments, rpc::OnWebSocketDisconnectReturns::default());
    host.wait(call).unwrap();
}

/// The next event that reaches the worker, and of which client it is.
fn next(host: &mut Host) -> (Hook, &'static str, String) {
    let hook = host.hook();
    let client = host.arguments(hook)[0].as_str().unwrap().to_owned();
    (hook, host.hook_name(hook), client)
}

fn the_events_of_one_websocket_come_one_after_the_other() {
    let mut host = Host::active(Bundle::new(&websockets()));
    connect(&mut host, "a");
    message(&mut host, "a");
    message(&mut host, "a");
    disconnect(&mut host, "a");
    connect(&mut host, "b");
    let (first, name, client) = next(&mut host);
    assert_eq!((name, client.as_str()), ("OnWebSocketConnect", "a"));
    let (other, name, client) = next(&mut host);
    assert_eq!((name, client.as_str()), ("OnWebSocketConnect", "b"), "another client does not wait");
    host.settle(first);
    assert_eq!(host.hooks_waiting(), 0);
    let mut running = first;
    for expected in ["WebSocketMessageHasBeenPosted", "WebSocketMessageHasBeenPosted", "OnWebSocketDisconnect"] {
        host.settle(other);
        assert_eq!(host.hooks_waiting(), 0);
        host.reply(running);
        let (hook, name, client) = next(&mut host);
        assert_eq!((name, client.as_str()), (expected, "a"));
        running = hook;
    }
    host.reply(running);
    host.reply(other);
    host.finish();
}

fn the_events_of_one_websocket_go_on_behind_one_that_failed() {
    let mut host = Host::active(Bundle::new(&websockets()));
    connect(&mut host, "a");
    message(&mut host, "a");
    message(&mut host, "a");
    let (first, ..) = next(&mut host);
    host.send_value(first, Kind::HookError, &json!({"message": "KeyError"}));
    let (second, name, _) = next(&mut host);
    assert_eq!(name, "WebSocketMessageHasBeenPosted");
    host.settle(second);
    assert_eq!(host.hooks_waiting(), 0);
    // What waits goes on with the next worker, in its order.
    host.bundle.script(&Script { start: vec![Start::Normal], ..websockets() });
    processes::kill(host.worker());
    let (third, name, client) = next(&mut host);
    assert_eq!((name, client.as_str()), ("WebSocketMessageHasBeenPosted", "a"));
    message(&mut host, "a");
    host.settle(third);
    assert_eq!(host.hooks_waiting(), 0);
    host.reply(third);
    let (fourth, ..) = next(&mut host);
    host.reply(fourth);
    host.finish();
}
