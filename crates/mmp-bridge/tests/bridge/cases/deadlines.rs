//! Hooks that take longer than they may.

use std::time::{Duration, Instant};

use mmp_model::rpc;
use mmp_worker::frame::Kind;
use mmp_worker::messages::{HookOptions, OnFailure};
use serde_json::{Value, json};

use super::http::write;
use super::http_faults::serving;
use super::{metrics, tests};
use crate::bundle::Bundle;
use crate::host::{Answer, Host, LIMIT, Pulled, Request, WriterCall, message_of};
use crate::runner::Test;
use crate::script::Script;

pub(crate) const TESTS: &[Test] = tests![
    a_late_hook,
    a_late_hook_on_the_async_connection,
    a_late_hook_that_fails,
    a_hook_that_is_late_in_the_queue,
    a_late_command,
    a_late_configuration_change,
    the_manifest_wins_over_ready,
    a_request_that_is_late_before_the_head,
    a_request_that_is_late_after_the_head,
    a_request_that_moves_is_not_late,
    a_slow_client_is_not_the_plugins_fault,
    a_client_that_sends_its_body_slowly_is_not_the_plugins_fault,
    a_connection_that_was_taken_over_is_never_late,
    a_late_file,
    a_late_file_that_is_half_replaced,
    a_file_that_moves_is_not_late,
    a_file_that_comes_slowly_is_not_the_plugins_fault,
];

/// A plugin whose hooks may take no longer than this.
pub(super) fn limited(script: &Script, hooks: &Value) -> Host {
    let bundle = Bundle::new(script);
    bundle.set_server("hooks", hooks.clone());
    Host::active(bundle)
}

fn late_posts() -> Value {
    json!({"MessageWillBePosted": {"timeout": 0.3}})
}

/// Serves the bridge for so long.
pub(super) fn pause(host: &mut Host, length: Duration) {
    let started = Instant::now();
    while started.elapsed() < length {
        host.pump(Duration::from_millis(10));
    }
}

/// The results of MessageWillBePosted that reject.
fn rejection() -> Value {
    json!([null, "too late"])
}

fn a_late_hook() {
    late(&Script { keeps_to_its_connections: true, ..Script::default() });
}

fn a_late_hook_on_the_async_connection() {
    late(&Script::asynchronous());
}

/// The host gets the default, the worker is told, and what it answers later reaches nobody.
fn late(script: &Script) {
    let mut host = limited(script, &late_posts());
    let started = Instant::now();
    let call = host.post("relay");
    let hook = host.hook();
    let returned = host.wait(call).unwrap();
    assert_eq!((message_of(&returned.a), returned.b.to_string()), ("relay".into(), String::new()));
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(290) && took < Duration::from_secs(3), "{took:?}");
    let cancel = host.expect(hook, Kind::Cancel);
    assert!(cancel.payload.is_empty(), "{cancel:?}");
    let line = host.logged("MessageWillBePosted: no answer within 0.3 s; the server's default is the answer");
    assert_eq!(line.level, "error");
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_hooks_overdue"), 1.0);
    assert_eq!(metrics::sample(&mut host, r#"mattermost_plugin_hooks_late_total{hook="MessageWillBePosted"}"#), 1.0);
    host.send_value(hook, Kind::HookReply, &rejection());
    let line = host.logged("MessageWillBePosted: the plugin answered after");
    assert!(line.level == "debug" && line.message.ends_with("which was too late"), "{line}");
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_hooks_overdue"), 0.0);
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_hooks_running"), 0.0);
    // The next hook of the same kind has its own answer.
    assert_eq!(host.posted("reject no").1, "no");
    assert_eq!(host.bundle.journal().len(), 1, "the worker is still the first: {}", host.report());
    host.finish();
}

/// As a handler does that was cancelled: its connection is free again.
fn a_late_hook_that_fails() {
    let mut host = limited(&Script { keeps_to_its_connections: true, ..Script::default() }, &late_posts());
    let late: Vec<_> = (0..4).map(|_| host.post("relay")).collect();
    let hooks: Vec<_> = (0..4).map(|_| host.hook()).collect();
    for call in late {
        host.wait(call).unwrap();
    }
    for hook in hooks {
        host.expect(hook, Kind::Cancel);
        host.fail(hook, "CancelledError");
    }
    let calls: Vec<_> = (0..4).map(|number| host.post(&format!("edit {number}"))).collect();
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(message_of(&host.wait(call).unwrap().a), number.to_string());
    }
    assert!(!host.entries().iter().any(|entry| entry.message.contains("CancelledError")), "{}", host.report());
    host.finish();
}

/// It never reaches the worker, which need not be told of it.
fn a_hook_that_is_late_in_the_queue() {
    let script = Script { keeps_to_its_connections: true, noted: true, ..Script::default() };
    let mut host = limited(&script, &late_posts());
    let updates: Vec<_> = (0..4).map(|_| host.update("relay")).collect();
    let hooks: Vec<_> = (0..4).map(|_| host.hook()).collect();
    assert_eq!(host.posted("edit never").0, "edit never");
    host.logged("MessageWillBePosted: no answer within 0.3 s");
    hooks.into_iter().for_each(|hook| host.reply(hook));
    for call in updates {
        host.wait(call).unwrap();
    }
    assert_eq!(host.posted("edit it").0, "it");
    assert!(!host.bundle.journal().iter().any(|line| line.contains("never")), "{}", host.report());
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_hooks_queued"), 0.0);
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_hooks_overdue"), 0.0);
    host.finish();
}

fn a_late_command() {
    let mut host = limited(&Script::default(), &json!({"ExecuteCommand": {"timeout": 0.3}}));
    let call = host.command("relay");
    let hook = host.hook();
    let returned = host.wait(call).unwrap();
    assert!(returned.b.is_none(), "{:?}", returned.b);
    let response = returned.a.unwrap();
    assert_eq!(response.response_type.to_string(), "ephemeral");
    let text = response.text.to_string();
    assert!(text.starts_with("The plugin com.example.test did not answer within 0.3 seconds."), "{text}");
    host.expect(hook, Kind::Cancel);
    host.reply(hook);
    host.logged("ExecuteCommand: no answer within 0.3 s; the user is told so");
    host.finish();
}

fn a_late_configuration_change() {
    let on_configuration_change = vec!["relay".to_owned()];
    let bundle = Bundle::new(&Script { on_configuration_change, ..Script::default() });
    bundle.set_server("hooks", json!({"OnConfigurationChange": {"timeout": 0.3}}));
    let mut host = Host::start(bundle);
    host.implemented().unwrap();
    let activation = host.ask_to_activate();
    let hook = host.hook();
    // Within the activation it has as much time as that.
    pause(&mut host, Duration::from_millis(500));
    assert_eq!(host.waiting_frames(hook), []);
    host.reply(hook);
    host.wait(activation).unwrap();
    let arguments = rpc::OnConfigurationChangeArgs::default();
    let call = host.call("OnConfigurationChange", &arguments, rpc::OnConfigurationChangeReturns::default());
    let hook = host.hook();
    let returned = host.wait(call).unwrap();
    assert!(format!("{:?}", returned.a.value()).contains("no answer within 0.3 s"), "{:?}", returned.a);
    host.expect(hook, Kind::Cancel);
    host.reply(hook);
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}

fn the_manifest_wins_over_ready() {
    let said = |timeout| HookOptions { timeout: Some(timeout), on_failure: Some(OnFailure::Reject) };
    let options = vec![("MessageWillBePosted".to_owned(), said(0.3)), ("MessageWillBeUpdated".to_owned(), said(60.0))];
    let script = Script { options, ..Script::default() };
    let mut host = limited(&script, &json!({"MessageWillBeUpdated": {"timeout": 0.3, "on_failure": "allow"}}));
    let (post, update) = (host.post("hang"), host.update("hang"));
    let refused = host.wait(post).unwrap();
    assert!(refused.b.to_string().contains("could not check this, so it was refused"), "{:?}", refused.b);
    let allowed = host.wait(update).unwrap();
    assert_eq!((message_of(&allowed.a), allowed.b.to_string()), ("hang".into(), String::new()));
    host.finish();
}

fn serving_host(seconds: f64) -> Host {
    limited(&super::http::script(), &json!({"ServeHTTP": {"timeout": seconds}}))
}

fn a_request_that_is_late_before_the_head() {
    let mut host = serving_host(0.4);
    let (exchange, hook) = serving(&mut host);
    let calls = host.response(exchange);
    let [WriterCall::SyncHeader(headers), status, body] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!(headers["Vary"], ["Origin"]);
    assert_eq!(
        (status, body),
        (&WriterCall::WriteHeader(504), &write(b"Gateway Timeout: the plugin did not answer\n"))
    );
    host.expect(hook, Kind::Cancel);
    // What comes late is of no use, and no fault.
    host.send_head(hook, 200, &json!({}));
    host.send(hook, Kind::Data, b"late");
    host.reply(hook);
    host.logged("ServeHTTP: the plugin answered after");
    assert_eq!(host.calls(exchange).len(), 3);
    assert_eq!(host.bundle.journal().len(), 1, "{}", host.report());
    host.finish();
}

/// A response that is cut off must not look complete.
fn a_request_that_is_late_after_the_head() {
    let mut host = serving_host(0.4);
    let (exchange, hook) = serving(&mut host);
    host.send_head(hook, 201, &json!({}));
    host.send(hook, Kind::Data, b"half");
    let calls = host.response(exchange);
    assert_eq!(calls[1..], [WriterCall::WriteHeader(201), write(b"half"), WriterCall::Hijack, WriterCall::Close]);
    host.send(hook, Kind::Data, b"late");
    host.reply(hook);
    host.logged("ServeHTTP: the plugin answered after");
    assert_eq!(host.calls(exchange).len(), calls.len());
    host.finish();
}

fn a_request_that_moves_is_not_late() {
    let mut host = serving_host(1.0);
    let (exchange, hook) = serving(&mut host);
    for _ in 0..6 {
        pause(&mut host, Duration::from_millis(300));
        host.send(hook, Kind::Data, b"x");
    }
    host.reply(hook);
    let calls = host.response(exchange);
    assert_eq!(calls, vec![write(b"x"); 6]);
    assert_eq!(metrics::sample(&mut host, r#"mattermost_plugin_hooks_late_total{hook="ServeHTTP"}"#), 0.0);
    host.finish();
}

/// The client takes its time over what the plugin has sent.
fn a_slow_client_is_not_the_plugins_fault() {
    let mut host = serving_host(0.4);
    let (exchange, hook) = serving(&mut host);
    host.hold_writes(exchange);
    host.send(hook, Kind::Data, b"all");
    host.waiting(exchange);
    pause(&mut host, Duration::from_millis(1200));
    assert_eq!(host.waiting_frames(hook), [], "no CANCEL");
    host.answer(exchange, Answer::Done);
    host.reply(hook);
    assert_eq!(host.response(exchange), [write(b"all")]);
    host.finish();
}

/// The plugin waits for the rest of the request.
fn a_client_that_sends_its_body_slowly_is_not_the_plugins_fault() {
    let mut host = serving_host(0.4);
    let exchange = host.serve(Request::post_without_length("/", Pulled::open_ended(b"some".to_vec())));
    let hook = host.hook();
    host.send_credit(hook, 100);
    assert_eq!(host.streamed(hook, 4), b"some");
    host.send_credit(hook, 100);
    pause(&mut host, Duration::from_millis(1200));
    assert_eq!(host.waiting_frames(hook), [], "no CANCEL");
    host.send_body(exchange, b"more");
    assert_eq!(host.streamed(hook, 4), b"more");
    host.send(hook, Kind::Data, b"thanks");
    host.reply(hook);
    assert_eq!(host.response(exchange), [write(b"thanks")]);
    host.finish();
}

fn a_connection_that_was_taken_over_is_never_late() {
    let mut host = serving_host(0.4);
    let exchange = host.serve(Request::get("/").with("Upgrade", "websocket"));
    let hook = host.hook();
    assert_eq!(host.stream_end(hook), None);
    host.send(hook, Kind::Hijack, &[]);
    host.expect(hook, Kind::Hijacked);
    pause(&mut host, Duration::from_millis(1200));
    host.send(hook, Kind::Data, b"still here");
    host.called(exchange, &WriterCall::ConnWrite(b"still here".to_vec()));
    assert_eq!(host.waiting_frames(hook), []);
    host.reply(hook);
    host.answered(exchange);
    host.finish();
}

fn uploading_host(seconds: f64) -> Host {
    let script = Script::default().with("FileWillBeUploaded");
    limited(&script, &json!({"FileWillBeUploaded": {"timeout": seconds}}))
}

fn a_late_file() {
    let mut host = uploading_host(0.4);
    let upload = host.upload("photo.png", Pulled::new(b"bytes".to_vec()));
    let hook = host.hook();
    assert_eq!(host.uploaded(upload), (Ok("photo.png".into()), Vec::new()), "the file is stored as it came");
    host.expect(hook, Kind::Cancel);
    host.send_credit(hook, 100);
    host.send(hook, Kind::Data, b"late");
    host.send(hook, Kind::End, &[]);
    host.reply(hook);
    host.logged("FileWillBeUploaded: the plugin answered after");
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_streams_open"), 0.0);
    assert_eq!(host.bundle.journal().len(), 1, "{}", host.report());
    host.finish();
}

/// Half of a replacement would be stored in place of the file.
fn a_late_file_that_is_half_replaced() {
    let mut host = uploading_host(0.4);
    let upload = host.upload("photo.png", Pulled::new(b"bytes".to_vec()));
    let hook = host.hook();
    host.send(hook, Kind::Data, b"half");
    let (result, _) = host.uploaded(upload);
    assert!(result.unwrap_err().contains("could not be processed"));
    host.fail(hook, "CancelledError");
    host.logged("FileWillBeUploaded: the plugin answered after");
    host.finish();
}

fn a_file_that_moves_is_not_late() {
    let mut host = uploading_host(1.0);
    let upload = host.upload("photo.png", Pulled::new(b"bytes".to_vec()));
    let hook = host.hook();
    for _ in 0..6 {
        pause(&mut host, Duration::from_millis(300));
        host.send(hook, Kind::Data, b"x");
    }
    host.reply(hook);
    host.until("the answer", LIMIT, |host| host.uploading(upload).replacement_ended.then_some(()));
    assert_eq!(host.uploaded(upload), (Ok("photo.png".into()), b"xxxxxx".to_vec()));
    host.finish();
}

fn a_file_that_comes_slowly_is_not_the_plugins_fault() {
    let mut host = uploading_host(0.4);
    let upload = host.upload("photo.png", Pulled::open_ended(b"some".to_vec()));
    let hook = host.hook();
    host.send_credit(hook, 100);
    assert_eq!(host.streamed(hook, 4), b"some");
    pause(&mut host, Duration::from_millis(1200));
    assert_eq!(host.waiting_frames(hook), [], "no CANCEL");
    host.send_value(hook, Kind::HookReply, &json!([null, "not this one"]));
    assert_eq!(host.uploaded(upload).0, Err("not this one".into()));
    host.finish();
}
