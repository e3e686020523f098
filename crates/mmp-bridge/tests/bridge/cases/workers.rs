//! Several workers of one plugin.

use std::time::{Duration, Instant};

use mmp_model::rpc;
use serde_json::json;

use super::events::message;
use super::{metrics, tests};
use crate::bundle::Bundle;
use crate::host::{Hook, Host, LIMIT, message_of};
use crate::processes;
use crate::runner::Test;
use crate::script::{Differences, Script, Start};

pub(crate) const TESTS: &[Test] = tests![
    every_worker_knows_which_it_is,
    hooks_are_spread_by_load,
    one_dies_and_the_others_go_on,
    all_are_activated_in_turn,
    one_that_is_started_again_is_activated_alone,
    one_that_ends_during_the_activation_is_activated_once,
    one_that_fails_to_activate_fails_the_plugin,
    one_that_ends_in_on_activate_fails_the_plugin,
    one_that_cannot_be_loaded_fails_the_plugin,
    one_that_is_late_fails_the_plugin,
    a_configuration_change_is_answered_once,
    a_configuration_change_that_one_rejects,
    a_configuration_change_while_one_dies,
    a_configuration_change_while_one_is_away,
    hooks_that_wait_go_to_the_first_that_comes_back,
    a_websocket_stays_with_its_worker,
    the_database_of_one_that_dies,
    all_are_told_of_the_stop,
];

fn several(script: &Script, count: usize) -> Bundle {
    let bundle = Bundle::new(script);
    bundle.set("workers", count.into());
    bundle
}

fn noted() -> Script {
    Script { noted: true, ..Script::default() }
}

/// The lines of hooks in the journal, from this one on.
fn hooks(host: &Host, from: usize) -> Vec<String> {
    let journal = host.bundle.journal();
    journal[from..].iter().filter(|line| !line.starts_with("start ")).cloned().collect()
}

/// How many of the hooks that were noted ran in this worker.
fn runs(host: &Host, index: usize, name: &str) -> usize {
    let mark = format!("{index}: {name}");
    host.bundle.journal().iter().filter(|line| line.starts_with(&mark)).count()
}

/// Waits until so many workers take hooks.
#[track_caller]
fn ready(host: &mut Host, count: usize) {
    host.until("workers that are ready", LIMIT, |host| {
        (metrics::sample(host, "mattermost_plugin_workers_ready") == count as f64).then_some(())
    });
}

fn every_worker_knows_which_it_is() {
    let mut host = Host::active(several(&Script::default(), 3));
    let mut seen: Vec<(String, String)> = (0..3)
        .map(|_| host.post("environment"))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|call| {
            let said = host.wait(call).unwrap().b.to_string();
            let said: serde_json::Value = serde_json::from_str(&said).unwrap();
            let variable = |name: &str| said["variables"][name].as_str().unwrap().to_owned();
            (variable("MATTERMOST_PLUGIN_WORKER_INDEX"), variable("MATTERMOST_PLUGIN_WORKERS"))
        })
        .collect();
    seen.sort();
    let expected = ["0", "1", "2"].map(|index| (index.to_owned(), "3".to_owned()));
    assert_eq!(seen, expected, "each of three hooks at once has a worker of its own");
    host.finish();
}

fn hooks_are_spread_by_load() {
    let mut host = Host::active(several(&noted(), 3));
    let calls: Vec<_> = (0..9).map(|_| host.post("relay")).collect();
    let running: Vec<Hook> = (0..9).map(|_| host.hook()).collect();
    for index in 0..3 {
        assert_eq!(runs(&host, index, "MessageWillBePosted relay"), 3, "{}", host.report());
    }
    running.into_iter().for_each(|hook| host.reply(hook));
    for call in calls {
        host.wait(call).unwrap();
    }
    host.finish();
}

/// What ran in it has the default; what waited for it is done by the others.
fn one_dies_and_the_others_go_on() {
    let script = Script {
        keeps_to_its_connections: true,
        workers: vec![
            Differences::default(),
            Differences { start: vec![Start::Normal, Start::Silent], ..Differences::default() },
        ],
        ..noted()
    };
    let mut host = Host::active(several(&script, 2));
    let calls: Vec<_> = (0..8).map(|_| host.post("relay")).collect();
    let running: Vec<Hook> = (0..8).map(|_| host.hook()).collect();
    let waiting: Vec<_> = (0..4).map(|number| host.post(&format!("edit {number}"))).collect();
    host.until("those that wait", LIMIT, |host| {
        (metrics::sample(host, "mattermost_plugin_hooks_queued") == 4.0).then_some(())
    });
    let killed = Instant::now();
    processes::kill(host.worker_of(1));
    host.until("the hooks of one worker", LIMIT, |host| {
        (calls.iter().filter(|call| host.is_done(call)).count() == 4).then_some(())
    });
    host.logged("the plugin's worker ended: it was ended by signal 9 (SIGKILL)");
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_workers_ready"), 1.0);
    assert!(waiting.iter().all(|call| !host.is_done(call)), "{}", host.report());
    running.into_iter().for_each(|hook| host.reply(hook));
    for (number, call) in waiting.into_iter().enumerate() {
        assert_eq!(message_of(&host.wait(call).unwrap().a), number.to_string());
    }
    for call in calls {
        assert_eq!(message_of(&host.wait(call).unwrap().a), "relay");
    }
    assert!(killed.elapsed() < Duration::from_secs(4), "{:?}", killed.elapsed());
    assert_eq!(runs(&host, 0, "MessageWillBePosted edit"), 4 - runs(&host, 1, "MessageWillBePosted edit"));
    host.finish();
}

fn all_are_activated_in_turn() {
    let host = Host::active(several(&Script { on_activate: vec!["sleep 50".into()], ..noted() }, 3));
    let expected: Vec<String> = (0..3)
        .flat_map(|index| [format!("{index}: OnConfigurationChange ok"), format!("{index}: OnActivate sleep 50")])
        .collect();
    assert_eq!(hooks(&host, 0), expected);
    host.finish();
}

fn one_that_is_started_again_is_activated_alone() {
    let mut host = Host::active(several(&noted(), 3));
    let before = host.bundle.journal().len();
    processes::kill(host.worker_of(1));
    let line = host.logged("started again and is active");
    assert_eq!((line.fields["worker"].as_str(), line.fields["state"].as_str()), ("1", "ready"), "{line}");
    assert_eq!(hooks(&host, before), ["1: OnConfigurationChange ok", "1: OnActivate ok"]);
    ready(&mut host, 3);
    host.finish();
}

/// Its turn in the activation is still to come when it is back.
fn one_that_ends_during_the_activation_is_activated_once() {
    let slow = Differences { on_activate: vec!["relay".into()], ..Differences::default() };
    let mut host = Host::start(several(&Script { workers: vec![slow], ..noted() }, 2));
    host.implemented().unwrap();
    let activation = host.ask_to_activate();
    let hook = host.hook();
    processes::kill(host.worker_of(1));
    host.noted("start of 1 ", 2);
    host.logged("the plugin's worker was started again");
    host.reply(hook);
    let returned = host.wait(activation).unwrap();
    assert!(returned.a.is_nil(), "{:?}", returned.a);
    ready(&mut host, 2);
    assert_eq!(runs(&host, 1, "OnActivate"), 1, "{}", host.report());
    assert_eq!(runs(&host, 1, "OnConfigurationChange"), 1, "{}", host.report());
    host.finish();
}

fn one_that_fails_to_activate_fails_the_plugin() {
    let bad = Differences { on_activate: vec!["fail no database".into()], ..Differences::default() };
    let script = Script { workers: vec![Differences::default(), bad], ..noted() };
    let mut host = Host::start(several(&script, 3));
    host.implemented().unwrap();
    let error = host.activate().unwrap_err();
    assert!(error.contains("OnActivate failed: no database"), "{error}");
    assert_eq!(runs(&host, 2, "OnActivate"), 0, "those behind it are not bothered");
    host.finish();
}

fn one_that_ends_in_on_activate_fails_the_plugin() {
    let bad = Differences { on_activate: vec!["exit 5".into(), "ok".into()], ..Differences::default() };
    let mut host = Host::start(several(&Script { workers: vec![Differences::default(), bad], ..noted() }, 2));
    host.implemented().unwrap();
    let error = host.activate().unwrap_err();
    assert!(error.contains("the plugin's worker ended: it exited with code 5"), "{error}");
    host.finish();
}

fn one_that_cannot_be_loaded_fails_the_plugin() {
    let bad = Differences { start: vec![Start::Failed], ..Differences::default() };
    let mut host = Host::start(several(&Script { workers: vec![Differences::default(), bad], ..noted() }, 3));
    let error = host.implemented().unwrap_err();
    assert!(error.contains("No module named 'requests'"), "{error}");
    // Nothing of the plugin goes on behind the server's back.
    host.nothing_left_but_the_bridge();
    host.finish();
}

fn one_that_is_late_fails_the_plugin() {
    let late = Differences { start: vec![Start::Silent], ..Differences::default() };
    let bundle = Bundle::new(&Script { workers: vec![Differences::default(), late], ..noted() });
    bundle.set_all(&json!({"python": {"workers": 2, "start_timeout": 1}}));
    let mut host = Host::start(bundle);
    let error = host.implemented().unwrap_err();
    assert!(error.contains("the plugin was not loaded within 1 second"), "{error}");
    host.nothing_left_but_the_bridge();
    host.finish();
}

/// Says that the configuration has changed; what the plugin makes of it.
#[track_caller]
fn reconfigure(host: &mut Host) -> Result<(), String> {
    let arguments = rpc::OnConfigurationChangeArgs::default();
    let call = host.call("OnConfigurationChange", &arguments, rpc::OnConfigurationChangeReturns::default());
    let returned = host.wait(call).unwrap();
    if returned.a.is_nil() { Ok(()) } else { Err(format!("{:?}", returned.a.value())) }
}

fn a_configuration_change_is_answered_once() {
    let mut host = Host::active(several(&noted(), 3));
    let before = host.bundle.journal().len();
    assert_eq!(reconfigure(&mut host), Ok(()));
    let mut told = hooks(&host, before);
    told.sort();
    assert_eq!(told, ["0: OnConfigurationChange ok", "1: OnConfigurationChange ok", "2: OnConfigurationChange ok"]);
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_hooks_running"), 0.0);
    host.finish();
}

fn a_configuration_change_that_one_rejects() {
    let bad = Differences { on_configuration_change: vec!["fail no such channel".into()], ..Differences::default() };
    let mut host = Host::active(several(&Script { workers: vec![Differences::default(), bad], ..noted() }, 3));
    let error = reconfigure(&mut host).unwrap_err();
    assert!(error.contains("no such channel"), "{error}");
    assert_eq!(reconfigure(&mut host).unwrap_err(), error);
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}

/// The host has its answer all the same, and the next process reads the configuration by itself.
fn a_configuration_change_while_one_dies() {
    let script = Script { keeps_to_its_connections: true, ..noted() };
    let mut host = Host::active(several(&script, 2));
    let posts: Vec<_> = (0..8).map(|_| host.post("relay")).collect();
    let running: Vec<Hook> = (0..8).map(|_| host.hook()).collect();
    let before = host.bundle.journal().len();
    let arguments = rpc::OnConfigurationChangeArgs::default();
    let call = host.call("OnConfigurationChange", &arguments, rpc::OnConfigurationChangeReturns::default());
    host.until("those that wait", LIMIT, |host| {
        (metrics::sample(host, "mattermost_plugin_hooks_queued") == 2.0).then_some(())
    });
    processes::kill(host.worker_of(1));
    host.noted("1: OnActivate", 2);
    running.into_iter().for_each(|hook| host.reply(hook));
    host.wait(call).unwrap();
    for post in posts {
        host.wait(post).unwrap();
    }
    ready(&mut host, 2);
    let told = hooks(&host, before);
    let of = |index: usize| told.iter().filter(|line| **line == format!("{index}: OnConfigurationChange ok")).count();
    assert_eq!(of(0), 1, "what was for another worker is not its own: {told:?}");
    assert!(of(1) >= 1, "{told:?}");
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_hooks_queued"), 0.0);
    host.finish();
}

fn a_configuration_change_while_one_is_away() {
    let slow = Differences { on_activate: vec!["ok".into(), "sleep 500".into()], ..Differences::default() };
    let mut host = Host::active(several(&Script { workers: vec![Differences::default(), slow], ..noted() }, 2));
    processes::kill(host.worker_of(1));
    host.noted("1: OnActivate sleep", 1);
    let before = host.bundle.journal().len();
    assert_eq!(reconfigure(&mut host), Ok(()));
    host.noted("1: OnConfigurationChange", 3);
    ready(&mut host, 2);
    assert_eq!(hooks(&host, before), ["0: OnConfigurationChange ok", "1: OnConfigurationChange ok"]);
    host.finish();
}

/// Both are away; hooks wait for either, and the one that is there first does them.
fn hooks_that_wait_go_to_the_first_that_comes_back() {
    let never = Differences { start: vec![Start::Normal, Start::Silent], ..Differences::default() };
    let slow = Differences { on_activate: vec!["ok".into(), "sleep 400".into()], ..Differences::default() };
    let mut host = Host::active(several(&Script { workers: vec![never, slow], ..noted() }, 2));
    processes::kill(host.worker_of(0));
    processes::kill(host.worker_of(1));
    host.noted("start of 0 ", 2);
    host.noted("1: OnActivate sleep", 1);
    let posts: Vec<_> = (0..4).map(|number| host.post(&format!("edit {number}"))).collect();
    let events: Vec<_> = (0..4).map(|number| host.notify(&format!("edit {number}"))).collect();
    for (number, post) in posts.into_iter().enumerate() {
        assert_eq!(message_of(&host.wait(post).unwrap().a), number.to_string(), "{}", host.report());
    }
    for event in events {
        host.wait(event).unwrap();
    }
    host.noted("1: MessageHasBeenPosted edit", 4);
    host.finish();
}

/// Which workers there are changes, and with it to which one a client would belong.
fn a_websocket_stays_with_its_worker() {
    let script = noted().doing("WebSocketMessageHasBeenPosted", "relay");
    let away = Differences { start: vec![Start::Normal, Start::Silent], ..Differences::default() };
    let all = vec![away.clone(), away.clone(), away];
    let mut host = Host::active(several(&Script { workers: all, ..script }, 3));
    // Among six clients there are some of each worker, and some that would change between the two that remain.
    let clients = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    for client in clients {
        message(&mut host, client);
    }
    let running: Vec<Hook> = clients.iter().map(|_| host.hook()).collect();
    assert!((0..3).all(|index| runs(&host, index, "WebSocket") > 0), "{}", host.report());
    processes::kill(host.worker_of(0));
    ready(&mut host, 2);
    let lost = runs(&host, 0, "WebSocket");
    for client in clients {
        message(&mut host, client);
    }
    // Only the clients of the worker that is gone have nothing under way any more.
    for _ in 0..lost {
        host.hook();
    }
    let last = host.post("relay");
    let settled = host.hook();
    assert_eq!(host.hook_name(settled), "MessageWillBePosted", "nothing overtakes what is under way");
    host.settle(settled);
    assert_eq!(host.hooks_waiting(), 0);
    running.into_iter().for_each(|hook| host.reply(hook));
    for _ in lost..clients.len() {
        host.hook();
    }
    host.reply(settled);
    host.wait(last).unwrap();
    host.finish();
}

/// What the others have open stays open.
fn the_database_of_one_that_dies() {
    let bundle = Bundle::new(&noted());
    bundle.set_all(&json!({"database": true, "python": {"workers": 2}}));
    let mut host = Host::active(bundle);
    let posts: Vec<_> = (0..2).map(|_| host.post("relay")).collect();
    let mut hooks: Vec<Hook> = (0..2).map(|_| host.hook()).collect();
    // They may reach the test in another order than the posts reached the bridge.
    hooks.sort_by_key(|hook| host.header_of(*hook).id);
    for hook in &hooks {
        let call = host.api_call(*hook, "Conn", 0, &json!([true]));
        host.call_reply(call);
    }
    let call = host.api_call(hooks[0], "Tx", 0, &json!(["conn-1", {}]));
    host.call_reply(call);
    // Which of the two hooks is in which worker is seen from which one is left alone.
    processes::kill(host.worker_of(1));
    host.logged("started again and is active");
    let first_died =
        host.until("the end of a hook", LIMIT, |host| posts.iter().position(|call| host.is_done(call))) == 0;
    let (survivor, connection) = if first_died { (hooks[1], "conn-2") } else { (hooks[0], "conn-1") };
    let expected: &[&str] = if first_died { &["TxRollback tx-3", "ConnClose conn-1"] } else { &["ConnClose conn-2"] };
    host.driver_called(3 + expected.len());
    assert_eq!(host.api.driver.calls[3..], *expected);
    let call = host.api_call(survivor, "ConnPing", 0, &json!([connection]));
    assert_eq!(host.call_reply(call), json!([]));
    host.reply(survivor);
    host.finish();
}

fn all_are_told_of_the_stop() {
    let mut host = Host::active(several(&noted(), 3));
    let before = host.bundle.journal().len();
    let call = host.call("OnDeactivate", &rpc::OnDeactivateArgs::default(), rpc::OnDeactivateReturns::default());
    assert!(host.wait(call).unwrap().a.is_nil());
    let mut told = hooks(&host, before);
    told.sort();
    assert_eq!(told, ["0: OnDeactivate ", "1: OnDeactivate ", "2: OnDeactivate "]);
    host.finish();
}
