//! A worker that is started again.

use std::time::{Duration, Instant};

use mmp_model::rpc;

use super::tests;
use crate::bundle::Bundle;
use crate::host::{Host, LIMIT, message_of};
use crate::processes;
use crate::runner::Test;
use crate::script::{Script, Start};

pub(crate) const TESTS: &[Test] = tests![
    restarts_back_off,
    a_restarted_worker_that_is_late,
    a_restarted_worker_whose_activation_fails,
    hooks_while_there_is_no_worker,
    hooks_while_a_restarted_worker_is_activated,
    hooks_that_waited_have_their_time_when_the_worker_is_back,
    a_configuration_change_while_a_restarted_worker_is_activated,
    the_worker_dies_in_on_activate,
    the_worker_dies_in_its_first_on_configuration_change,
    the_worker_dies_before_activation,
];

fn restarts_back_off() {
    let dead = Start::Exit(1, "again".into());
    let script =
        Script { start: vec![Start::Normal, dead.clone(), dead.clone(), dead, Start::Normal], ..Script::default() };
    let mut host = Host::active(Bundle::new(&script));
    let killed = Instant::now();
    processes::kill(host.worker());
    host.logged("started again and is active");
    // The pauses are 100, 200, 400 and 800 ms, each a fifth more or less.
    let took = killed.elapsed();
    assert!(took >= Duration::from_millis(1200) && took < Duration::from_secs(5), "{took:?}");
    host.noted("start ", 5);
    let said = host.entries().iter().filter(|entry| entry.message.contains("; it is started again in ")).count();
    assert_eq!(said, 4, "{}", host.report());
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}

fn a_restarted_worker_that_is_late() {
    let script = Script { start: vec![Start::Normal, Start::Silent, Start::Normal], ..Script::default() };
    let bundle = Bundle::new(&script);
    bundle.set("start_timeout", 0.5.into());
    let mut host = Host::active(bundle);
    processes::kill(host.worker());
    host.logged("the plugin was not loaded within 0.5 seconds");
    host.logged("started again and is active");
    host.noted("start ", 3);
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}

fn a_restarted_worker_whose_activation_fails() {
    let on_activate = ["ok", "fail no database", "exit 4", "ok"].map(str::to_owned).to_vec();
    let script = Script { on_activate, ..Script::default() };
    let mut host = Host::active(Bundle::new(&script));
    processes::kill(host.worker());
    host.logged("OnActivate failed after a restart: no database; it is started again");
    host.logged("the plugin's worker ended: it exited with code 4; it is started again");
    host.logged("started again and is active");
    host.noted("start ", 4);
    let said = host.entries().iter().filter(|entry| entry.message.contains("; it is started again in ")).count();
    assert_eq!(said, 3, "every end is said once: {}", host.report());
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}

fn hooks_while_there_is_no_worker() {
    let script = Script { start: vec![Start::Normal, Start::Silent], ..Script::default() };
    let mut host = Host::active(Bundle::new(&script));
    processes::kill(host.worker());
    host.noted("start ", 2);
    assert_eq!(host.posted("edit it"), ("edit it".into(), String::new()), "the server's default");
    let update = host.update("edit it");
    assert_eq!(message_of(&host.wait(update).unwrap().a), "edit it");
    let command = host.command("edit it");
    let response = host.wait(command).unwrap().a.unwrap();
    assert!(response.text.to_string().contains("is not available right now"), "{response:?}");
    host.ping();
    host.finish();
}

fn hooks_while_a_restarted_worker_is_activated() {
    let on_activate = vec!["ok".to_owned(), "sleep 700".to_owned()];
    let mut host = Host::active(Bundle::new(&Script { on_activate, noted: true, ..Script::default() }));
    processes::kill(host.worker());
    host.noted("OnActivate sleep", 1);
    assert_eq!(host.posted("edit it").0, "it", "it waits for the worker");
    let journal = host.bundle.journal();
    let at = |name: &str| journal.iter().rposition(|line| line.starts_with(name)).unwrap();
    assert!(at("MessageWillBePosted") > at("OnActivate"));
    host.logged("started again and is active");
    host.finish();
}

/// The second that a hook waits for a worker is over for those that still wait for a connection of it.
fn hooks_that_waited_have_their_time_when_the_worker_is_back() {
    let on_activate = vec!["ok".to_owned(), "sleep 300".to_owned()];
    let script = Script { on_activate, noted: true, keeps_to_its_connections: true, ..Script::default() };
    let mut host = Host::active(Bundle::new(&script));
    processes::kill(host.worker());
    host.noted("OnActivate sleep", 1);
    let posts: Vec<_> = (0..8).map(|_| host.post("sleep 1000")).collect();
    for post in posts {
        host.wait(post).unwrap();
    }
    let ran = host.bundle.journal().iter().filter(|line| line.starts_with("MessageWillBePosted")).count();
    assert_eq!(ran, 8, "{}", host.report());
    host.finish();
}

/// The new worker may have read the configuration before it changed, so it is told once more, before hooks reach it.
fn a_configuration_change_while_a_restarted_worker_is_activated() {
    let script = Script {
        on_activate: vec!["ok".into(), "sleep 700".into()],
        on_configuration_change: vec!["ok".into(), "sleep 100".into()],
        noted: true,
        ..Script::default()
    };
    let mut host = Host::active(Bundle::new(&script));
    processes::kill(host.worker());
    host.noted("OnActivate sleep", 1);
    let arguments = rpc::OnConfigurationChangeArgs::default();
    let call = host.call("OnConfigurationChange", &arguments, rpc::OnConfigurationChangeReturns::default());
    host.wait(call).unwrap();
    assert_eq!(host.posted("edit it").0, "it");
    let journal = host.bundle.journal();
    let restart = journal.iter().rposition(|line| line.starts_with("start ")).unwrap();
    let expected = [
        "OnConfigurationChange sleep 100",
        "OnActivate sleep 700",
        "OnConfigurationChange sleep 100",
        "MessageWillBePosted edit it",
    ];
    assert_eq!(journal[restart + 1..], expected, "{}", host.report());
    host.finish();
}

fn the_worker_dies_in_on_activate() {
    let script = Script { on_activate: vec!["exit 5".into(), "ok".into()], ..Script::default() };
    let mut host = Host::start(Bundle::new(&script));
    host.implemented().unwrap();
    let error = host.activate().unwrap_err();
    assert!(error.contains("the plugin's worker ended: it exited with code 5"), "{error}");
    host.finish();
}

fn the_worker_dies_in_its_first_on_configuration_change() {
    let script = Script { on_configuration_change: vec!["exit 5".into(), "ok".into()], ..Script::default() };
    let mut host = Host::start(Bundle::new(&script));
    host.implemented().unwrap();
    let error = host.activate().unwrap_err();
    assert!(error.contains("the plugin's worker ended: it exited with code 5"), "{error}");
    host.finish();
}

/// The server is between Implemented and OnActivate: the new worker gets the server's own OnActivate, once.
fn the_worker_dies_before_activation() {
    let script = Script { noted: true, ..Script::default() };
    let mut host = Host::start(Bundle::new(&script));
    host.implemented().unwrap();
    processes::kill(host.worker());
    host.noted("start ", 2);
    host.until("a worker that is ready", LIMIT, |host| host.activate().is_ok().then_some(()));
    assert_eq!(host.posted("edit it").0, "it");
    let activated = host.bundle.journal().iter().filter(|line| line.starts_with("OnActivate")).count();
    assert_eq!(activated, 1, "{}", host.report());
    host.finish();
}
