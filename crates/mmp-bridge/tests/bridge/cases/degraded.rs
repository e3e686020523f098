//! A worker that ends again and again: the bridge stays and answers in its place.

use std::time::{Duration, Instant};

use mmp_worker::frame::Kind;
use serde_json::json;

use super::{metrics, tests};
use crate::bundle::Bundle;
use crate::host::{Host, LIMIT, Request, WriterCall, message_of};
use crate::processes;
use crate::runner::Test;
use crate::script::{Differences, Script, Start};

pub(crate) const TESTS: &[Test] = tests![
    a_plugin_that_is_degraded,
    a_plugin_that_ends_when_it_is_degraded,
    a_plugin_whose_worker_breaks_the_protocol_is_degraded,
    one_of_two_workers_is_degraded,
    one_of_two_workers_is_degraded_while_the_other_comes_back,
    a_plugin_is_loaded_anew,
    a_plugin_is_loaded_anew_while_a_handler_hangs,
    a_plugin_is_loaded_anew_while_a_handler_takes_its_time,
    a_plugin_is_loaded_anew_with_another_hook,
    a_plugin_is_loaded_anew_while_its_worker_is_activated,
    a_plugin_is_loaded_anew_while_the_server_activates_it,
    a_plugin_is_loaded_anew_without_one_of_its_hooks,
    a_plugin_that_cannot_be_started_when_it_is_loaded_anew,
];

fn script() -> Script {
    Script { noted: true, ..Script::default() }.with("ServeHTTP")
}

/// One that works once, and then does this.
fn failing(start: Start) -> Script {
    Script { start: vec![Start::Normal, start], ..script() }
}

/// Five restarts with pauses of 3.1 s in all, and none after the sixth end.
fn a_plugin_that_is_degraded() {
    let mut host = Host::active(Bundle::new(&failing(Start::Exit(3, "out of luck".into()))));
    let killed = Instant::now();
    processes::kill(host.worker());
    let line = host.logged("it has ended too often, so the plugin is degraded");
    let took = killed.elapsed();
    assert!(took >= Duration::from_millis(2400) && took < Duration::from_secs(9), "{took:?}");
    assert_eq!((line.level.as_str(), line.fields["state"].as_str()), ("error", "degraded"), "{line}");
    assert_eq!((line.fields["worker"].as_str(), line.fields["restarts"].as_str()), ("0", "6"), "{line}");
    let states: Vec<_> = host.entries().into_iter().filter(|entry| entry.fields.contains_key("state")).collect();
    let restarting: Vec<_> = states.iter().filter(|entry| entry.fields["state"] == "restarting").collect();
    assert_eq!(restarting.len(), 5, "{}", host.report());
    assert!(restarting.iter().all(|entry| entry.level == "error"), "it never looks green: {restarting:?}");
    answers_at_once(&mut host);
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_degraded"), 1.0);
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_worker_up"), 0.0);
    host.ping();
    // The plugin was repaired.
    host.bundle.script(&script());
    processes::signal(host.pid(), libc::SIGHUP);
    let line = host.logged("the plugin's worker was started again and is active; the plugin is not degraded any more");
    assert_eq!((line.level.as_str(), line.fields["state"].as_str()), ("info", "ready"), "{line}");
    assert_eq!(host.posted("edit it").0, "it");
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_degraded"), 0.0);
    // What was before is forgotten.
    processes::kill(host.worker());
    host.until("a restart", LIMIT, |host| {
        let again = |line: &&String| line.starts_with("OnActivate");
        (host.bundle.journal().iter().filter(again).count() == 3).then_some(())
    });
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}

#[track_caller]
fn answers_at_once(host: &mut Host) {
    let started = Instant::now();
    let unanswered = r#"mattermost_plugin_hooks_total{hook="MessageWillBePosted",outcome="error"}"#;
    let before = metrics::sample_or_none(host, unanswered).unwrap_or(0.0);
    assert_eq!(host.posted("edit it").0, "edit it", "the server's default");
    assert_eq!(metrics::sample(host, unanswered), before + 1.0, "and nobody overlooks it");
    host.logged("; the server's default is the answer");
    let update = host.update("edit it");
    assert_eq!(message_of(&host.wait(update).unwrap().a), "edit it");
    let command = host.command("edit it");
    let response = host.wait(command).unwrap().a.unwrap();
    assert_eq!(response.response_type.to_string(), "ephemeral");
    assert!(response.text.to_string().contains("is not available right now"), "{response:?}");
    let exchange = host.serve(Request::get("/"));
    let calls = host.response(exchange);
    let [WriterCall::SyncHeader(headers), WriterCall::WriteHeader(503), _] = calls.as_slice() else {
        panic!("{calls:?}")
    };
    assert_eq!(headers["Retry-After"], ["60"]);
    let before = metrics::sample(host, "mattermost_plugin_events_dropped_total");
    let event = host.notify("edit it");
    host.wait(event).unwrap();
    assert_eq!(metrics::sample(host, "mattermost_plugin_events_dropped_total"), before + 1.0);
    assert!(host.logged("MessageHasBeenPosted: an event was dropped").level == "error");
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

/// The server's health check finds that the process is gone.
fn a_plugin_that_ends_when_it_is_degraded() {
    let bundle = Bundle::new(&failing(Start::Exit(3, "out of luck".into())));
    bundle.set_server("on_degraded", "exit".into());
    let mut host = Host::active(bundle);
    processes::kill(host.worker());
    assert_eq!(host.ended(LIMIT), Some(1));
    host.logged("the plugin is degraded and ends, as server.on_degraded in plugin.json wants it");
    host.finish();
}

/// Those that the bridge ends itself are said as soon as others.
fn a_plugin_whose_worker_breaks_the_protocol_is_degraded() {
    let mut host = Host::active(Bundle::new(&failing(Start::BytesLater(b"\0\0\0\0\x77\0\0\0\0\0\0\0".to_vec()))));
    let killed = Instant::now();
    processes::kill(host.worker());
    host.noted("start ", 6);
    let line = host.logged("there is no frame of kind 0x77; it has ended too often, so the plugin is degraded");
    assert!(killed.elapsed() < Duration::from_secs(9), "{:?}", killed.elapsed());
    assert!(line.message.ends_with(" s"), "{line}");
    answers_at_once(&mut host);
    host.finish();
}

fn one_of_two_workers_is_degraded() {
    let bad = Differences { start: vec![Start::Normal, Start::Exit(3, "bad luck".into())], ..Differences::default() };
    let bundle = Bundle::new(&Script { workers: vec![Differences::default(), bad], ..script() });
    bundle.set("workers", 2.into());
    let mut host = Host::active(bundle);
    processes::kill(host.worker_of(1));
    let line = host.logged("it has ended too often, so the plugin goes on with its other workers");
    assert_eq!((line.fields["worker"].as_str(), line.fields["state"].as_str()), ("1", "degraded"), "{line}");
    for number in 0..8 {
        assert_eq!(host.posted(&format!("edit {number}")).0, number.to_string());
    }
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_degraded"), 0.0, "the other one serves");
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_workers_ready"), 1.0);
    host.finish();
}

/// What waited for it is done by the other, and that no worker is there at this moment is no reason to end.
fn one_of_two_workers_is_degraded_while_the_other_comes_back() {
    let bad = Differences { start: vec![Start::Normal, Start::Exit(3, "bad luck".into())], ..Differences::default() };
    let slow = Differences { on_activate: vec!["ok".into(), "sleep 5000".into()], ..Differences::default() };
    let bundle = Bundle::new(&Script { workers: vec![bad, slow], ..script() });
    bundle.set_all(&serde_json::json!({"python": {"workers": 2}, "on_degraded": "exit"}));
    let mut host = Host::active(bundle);
    processes::kill(host.worker_of(0));
    host.noted("start of 0 ", 5);
    processes::kill(host.worker_of(1));
    host.noted("1: OnActivate sleep", 1);
    let events: Vec<_> = (0..6).map(|number| host.notify(&format!("edit {number}"))).collect();
    for event in events {
        host.wait(event).unwrap();
    }
    host.logged("it has ended too often");
    host.noted("1: MessageHasBeenPosted edit", 6);
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_events_dropped_total"), 0.0);
    host.finish();
}

fn reload(host: &mut Host) {
    processes::signal(host.pid(), libc::SIGHUP);
}

/// Nothing that runs is lost, and what comes meanwhile waits.
fn a_plugin_is_loaded_anew() {
    let mut host = Host::active(Bundle::new(&script()));
    let post = host.post("relay");
    let hook = host.hook();
    reload(&mut host);
    host.logged("the plugin is loaded anew");
    let waiting = host.post("edit it");
    host.settle(hook);
    host.send_value(hook, Kind::HookReply, &serde_json::json!([null, "done"]));
    assert_eq!(host.wait(post).unwrap().b.to_string(), "done");
    assert_eq!(message_of(&host.wait(waiting).unwrap().a), "it", "{}", host.report());
    host.noted("start ", 2);
    let journal = host.bundle.journal();
    let again = journal.iter().rposition(|line| line.starts_with("start ")).unwrap();
    let expected = ["OnConfigurationChange ok", "OnActivate ok", "MessageWillBePosted edit it"];
    assert_eq!(journal[again + 1..], expected);
    assert!(host.entries().iter().all(|entry| entry.level != "error"), "it is no fault: {}", host.report());
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_worker_restarts_total"), 0.0);
    host.finish();
}

/// Two seconds are enough for whatever runs.
fn a_plugin_is_loaded_anew_while_a_handler_hangs() {
    let mut host = Host::active(Bundle::new(&script()));
    let post = host.post("hang");
    host.noted("MessageWillBePosted hang", 1);
    let started = Instant::now();
    reload(&mut host);
    assert_eq!(host.wait(post).unwrap().b.to_string(), "");
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(1900) && took < Duration::from_secs(4), "{took:?}");
    host.noted("OnActivate", 2);
    host.until("the new worker", LIMIT, |host| (host.posted("edit it").0 == "it").then_some(()));
    host.finish();
}

/// It may have read its files before they changed, so it is started once more when it is up.
fn a_plugin_is_loaded_anew_while_its_worker_is_activated() {
    let on_activate = ["ok", "sleep 700", "ok"].map(str::to_owned).to_vec();
    let mut host = Host::active(Bundle::new(&Script { on_activate, ..script() }));
    processes::kill(host.worker());
    host.noted("OnActivate sleep", 1);
    reload(&mut host);
    host.logged("the plugin is loaded anew once its worker, which is being started, is active");
    host.noted("start ", 3);
    host.noted("OnActivate", 3);
    host.until("the new worker", LIMIT, |host| (host.posted("edit it").0 == "it").then_some(()));
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_worker_restarts_total"), 1.0, "the kill");
    host.finish();
}

/// The server's activation is not for nothing.
fn a_plugin_is_loaded_anew_while_the_server_activates_it() {
    let on_activate = ["sleep 2500", "ok"].map(str::to_owned).to_vec();
    let mut host = Host::start(Bundle::new(&Script { on_activate, ..script() }));
    host.implemented().unwrap();
    let activation = host.ask_to_activate();
    host.noted("OnActivate sleep", 1);
    reload(&mut host);
    assert!(host.wait(activation).unwrap().a.is_nil(), "{}", host.report());
    host.noted("OnActivate ok", 1);
    host.until("the new worker", LIMIT, |host| (host.posted("edit it").0 == "it").then_some(()));
    host.noted("start ", 2);
    assert!(host.entries().iter().all(|entry| entry.level != "error"), "{}", host.report());
    host.finish();
}

/// What waits for a hook that is gone gets the server's default.
/// What comes meanwhile waits until the last handler has finished, and for the new worker.
fn a_plugin_is_loaded_anew_while_a_handler_takes_its_time() {
    let mut host = Host::active(Bundle::new(&script()));
    let slow = host.post("sleep 1500");
    host.noted("MessageWillBePosted", 1);
    reload(&mut host);
    host.logged("the plugin is loaded anew");
    assert_eq!(host.posted("edit it").0, "it");
    assert_eq!(message_of(&host.wait(slow).unwrap().a), "sleep 1500");
    host.finish();
}

fn a_plugin_is_loaded_anew_with_another_hook() {
    let mut host = Host::active(Bundle::new(&script()));
    host.bundle.script(&script().with("UserWillLogIn"));
    reload(&mut host);
    let line = host.logged("the plugin was loaded anew with hooks that it did not have before");
    assert_eq!((line.level.as_str(), line.fields["hooks"].as_str()), ("warn", "UserWillLogIn"), "{line}");
    assert!(line.message.contains("disable and enable the plugin"), "{line}");
    host.finish();
}

/// A gate that is there no more stays open, even if the manifest says that its failures reject.
fn a_plugin_is_loaded_anew_without_one_of_its_hooks() {
    let bundle = Bundle::new(&script());
    bundle.set_server("hooks", json!({"MessageWillBePosted": {"on_failure": "reject"}}));
    let mut host = Host::active(bundle);
    let running = host.post("relay");
    let hook = host.hook();
    let mut without = script();
    without.hooks.retain(|(name, _)| name != "MessageWillBePosted");
    host.bundle.script(&without);
    reload(&mut host);
    host.logged("the plugin is loaded anew");
    let waiting = host.post("edit it");
    host.until("the one that waits", LIMIT, |host| {
        (metrics::sample(host, "mattermost_plugin_hooks_queued") == 1.0).then_some(())
    });
    let started = Instant::now();
    host.reply(hook);
    host.wait(running).unwrap();
    assert_eq!(message_of(&host.wait(waiting).unwrap().a), "edit it", "the server's default");
    assert!(started.elapsed() < Duration::from_millis(900), "{:?}", started.elapsed());
    let ran = host.bundle.journal().iter().filter(|line| line.starts_with("MessageWillBePosted")).count();
    assert_eq!(ran, 1, "{}", host.report());
    assert_eq!(host.posted("edit it"), ("edit it".to_owned(), String::new()));
    host.logged(
        "MessageWillBePosted: the plugin was loaded anew without this hook; the server's default is the answer",
    );
    host.finish();
}

/// That is a fault like any other: said, counted, and tried again later and later.
fn a_plugin_that_cannot_be_started_when_it_is_loaded_anew() {
    let mut host = Host::active(Bundle::new(&script()));
    let (path, away) = (host.bundle.path().to_owned(), host.bundle.path().with_extension("away"));
    std::fs::rename(&path, &away).unwrap();
    reload(&mut host);
    let line = host.logged("the plugin's worker cannot be started: ");
    assert_eq!((line.level.as_str(), line.fields["state"].as_str()), ("error", "restarting"), "{line}");
    super::deadlines::pause(&mut host, Duration::from_millis(600));
    let tries = host.entries().iter().filter(|entry| entry.message.contains("cannot be started")).count();
    assert!(tries <= 4, "{tries} tries in 600 ms");
    std::fs::rename(&away, &path).unwrap();
    host.logged("the plugin's worker was started again and is active");
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}
