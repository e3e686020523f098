//! What handlers answer, rightly and wrongly.

use std::time::{Duration, Instant};

use super::tests;
use crate::bundle::Bundle;
use crate::host::{Host, LIMIT, message_of};
use crate::runner::Test;
use crate::script::Script;

pub(crate) const TESTS: &[Test] = tests![
    hooks_are_answered,
    asynchronous_hooks_are_answered,
    wrong_answers_become_the_servers_default,
    answers_to_nothing_are_ignored,
    errors_of_handlers_reach_the_server_where_it_takes_them,
    an_error_that_does_not_fit_is_still_an_error,
    on_activate_fails,
    on_activate_fails_with_an_app_error,
    on_configuration_change_fails,
    a_hook_that_the_plugin_does_not_have,
    large_posts,
    one_byte_at_a_time,
];

fn answers(script: &Script) {
    let mut host = Host::active(Bundle::new(script));
    assert_eq!(host.posted("hello"), ("hello".into(), String::new()));
    assert_eq!(host.posted("edit better"), ("better".into(), String::new()));
    // A rejected post is not looked at, so it may stay as it was.
    assert_eq!(host.posted("reject no").1, "no");
    let update = host.update("hello");
    assert_eq!(message_of(&host.wait(update).unwrap().a), "hello", "an empty answer accepts the edit");
    let update = host.update("nil");
    assert_eq!(message_of(&host.wait(update).unwrap().a), "(nil)", "nil rejects it");
    host.ping();
    host.finish();
}

fn hooks_are_answered() {
    answers(&Script::default());
}

fn asynchronous_hooks_are_answered() {
    answers(&Script::asynchronous());
}

fn wrong_answers_become_the_servers_default() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    for command in ["wrong", "garbage"] {
        assert_eq!(host.posted(command), (command.to_owned(), String::new()));
        let update = host.update(command);
        assert_eq!(message_of(&host.wait(update).unwrap().a), command, "an edit is accepted");
    }
    let said = "MessageWillBePosted: the handler's result does not fit, so the server's default is the answer: ";
    assert_eq!(host.logged(said).level, "error");
    host.logged(&said.replace("Posted", "Updated"));
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}

fn answers_to_nothing_are_ignored() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    assert_eq!(host.posted("unknown").0, "unknown");
    assert_eq!(host.posted("twice").0, "twice");
    assert_eq!(host.logged("the worker answered a hook that it does not have").level, "warn");
    host.until("both in the log", LIMIT, |host| {
        let said = |entry: &&crate::host::Entry| entry.message.starts_with("the worker answered a hook that");
        (host.entries().iter().filter(said).count() == 2).then_some(())
    });
    assert_eq!(host.posted("edit it").0, "it");
    host.noted("start ", 1);
    host.finish();
}

fn errors_of_handlers_reach_the_server_where_it_takes_them() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    let started = Instant::now();
    assert_eq!(host.posted("fail ValueError: no"), ("fail ValueError: no".into(), String::new()));
    let entry = host.logged("MessageWillBePosted: the plugin's handler failed: ValueError: no");
    assert_eq!(entry.level, "error");
    let update = host.update("fail again");
    assert_eq!(message_of(&host.wait(update).unwrap().a), "fail again", "an edit is accepted");
    let command = host.command("fail ValueError: no");
    let error = host.wait(command).unwrap().b.unwrap();
    assert!(error.message.to_string().contains("ValueError: no"), "{error:?}");
    let command = host.command("app I am a teapot");
    let error = host.wait(command).unwrap().b.unwrap();
    assert_eq!((error.message.to_string(), error.status_code), ("I am a teapot".into(), 418));
    assert_eq!((error.id.to_string(), error.where_.to_string()), ("test.failed".into(), "here".into()));
    let command = host.command("ok");
    assert!(host.wait(command).unwrap().b.is_none());
    assert!(started.elapsed() < LIMIT);
    host.finish();
}

/// A hook that can say an error must not succeed because its answer does not fit.
fn an_error_that_does_not_fit_is_still_an_error() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    let mut told = |command: &str, text: &str| {
        let call = host.command(command);
        let error = host.wait(call).unwrap().b.expect("an error");
        assert!(error.message.to_string().contains(text), "{command}: {error:?}");
    };
    told("misfit ValueError: no", "ValueError: no");
    told("wrong", "the handler's result does not fit");
    told("garbage", "the handler's result does not fit");
    told("app I am a teapot", "I am a teapot");
    let said = "ExecuteCommand: the handler's error does not fit, so only its text is passed on: ";
    assert_eq!(host.logged(said).level, "error");
    assert_eq!(host.posted("misfit ValueError: no").0, "misfit ValueError: no", "the server's default");
    let command = host.command("ok");
    assert!(host.wait(command).unwrap().b.is_none());
    host.finish();
}

/// The error that OnActivate gives the server.
fn activation(on_activate: &str) -> String {
    let script = Script { on_activate: vec![on_activate.into()], ..Script::default() };
    let mut host = Host::start(Bundle::new(&script));
    host.implemented().unwrap();
    let error = host.activate().unwrap_err();
    host.finish();
    error
}

fn on_activate_fails() {
    let error = activation("fail ConnectionError: no database");
    assert!(error.contains("ErrorString") && error.contains("ConnectionError: no database"), "{error}");
}

fn on_activate_fails_with_an_app_error() {
    let error = activation("app not today");
    assert!(error.contains("not today"), "{error}");
}

fn on_configuration_change_fails() {
    let script = Script { on_configuration_change: vec!["fail KeyError: 'token'".into()], ..Script::default() };
    let mut host = Host::active(Bundle::new(&script));
    let entry = host.logged("OnConfigurationChange failed: KeyError: 'token'");
    assert_eq!(entry.level, "error");
    host.until("the line to be written", LIMIT, |host| {
        let said = host.entries().iter().filter(|entry| entry.message.contains("KeyError")).count();
        (said > 0).then_some(())
    });
    assert_eq!(host.entries().iter().filter(|entry| entry.message.contains("KeyError")).count(), 1, "said once");
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}

fn a_hook_that_the_plugin_does_not_have() {
    let mut script = Script::default();
    script.hooks.retain(|(name, _)| name != "ExecuteCommand");
    let mut host = Host::active(Bundle::new(&script));
    let command = host.command("ok");
    // Go's own words.
    assert_eq!(host.wait(command).unwrap_err(), "Hook ExecuteCommand called but not implemented.");
    host.finish();
}

/// Larger than yamux's window of 256 KiB, in both directions at once.
fn large_posts() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    let message = format!("edit {}", "y".repeat(3 << 20));
    let calls: Vec<_> = (0..4).map(|_| host.post(&message)).collect();
    for call in calls {
        let returned = host.wait(call).unwrap();
        assert_eq!(message_of(&returned.a).len(), 3 << 20);
    }
    assert_eq!(host.posted("big 2000000").0.len(), 2_000_000);
    host.finish();
}

/// A hook frame may come in any pieces from the worker.
fn one_byte_at_a_time() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    let started = Instant::now();
    assert_eq!(host.posted("slowly one two"), ("slowly one two".into(), "one two".into()));
    assert!(started.elapsed() < Duration::from_secs(5));
    host.finish();
}
