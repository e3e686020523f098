//! The command that shows administrators how the plugin is.

use super::tests;
use crate::bundle::Bundle;
use crate::host::{Host, LIMIT};
use crate::runner::Test;
use crate::script::Script;

pub(crate) const TESTS: &[Test] = tests![
    the_command_is_registered_and_answered,
    the_rest_is_the_plugins,
    a_plugin_without_commands,
    it_works_when_the_plugin_does_not,
    a_command_that_the_plugin_has_registered_stays,
    without_the_key_there_is_no_command,
];

fn bundle(script: &Script) -> Bundle {
    let bundle = Bundle::new(script);
    bundle.set_server("status_command", "test".into());
    bundle
}

fn host(script: &Script) -> Host {
    let mut host = Host::active(bundle(script));
    host.api.administration.admins = vec!["admin".to_owned()];
    host
}

fn without_commands() -> Script {
    let mut script = Script::default();
    script.hooks.retain(|(name, _)| name != "ExecuteCommand");
    script
}

/// The answer for a user, which nobody else sees.
#[track_caller]
fn said(host: &mut Host, user: &str, line: &str) -> String {
    let call = host.command_of(user, line);
    let response = host.wait(call).unwrap().a.unwrap();
    assert_eq!(response.response_type, "ephemeral");
    response.text.to_string()
}

fn the_command_is_registered_and_answered() {
    let mut host = host(&Script { noted: true, ..Script::default() });
    host.until("the command", LIMIT, |host| (!host.api.administration.commands.is_empty()).then_some(()));
    let command = &host.api.administration.commands[0];
    assert_eq!((command.trigger.to_string(), command.auto_complete), ("test".to_owned(), true));
    let data = command.autocomplete_data.as_ref().unwrap();
    assert_eq!((data.trigger.to_string(), data.role_id.to_string()), ("test".to_owned(), "system_admin".to_owned()));
    assert_eq!(data.sub_commands[0].as_ref().unwrap().trigger, "status");
    let text = said(&mut host, "admin", "/test status");
    for part in ["com.example.test: ready", "Python 3.99.1", "| 0 | ready |", "0 restarts"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(said(&mut host, "somebody", "/test status"), "Only system administrators may see how the plugin is.");
    assert!(!host.bundle.journal().iter().any(|line| line.starts_with("ExecuteCommand")), "the worker is not asked");
    host.finish();
}

fn the_rest_is_the_plugins() {
    let mut host = host(&Script { noted: true, ..Script::default() });
    for line in ["/test", "/test status now", "/other status"] {
        let call = host.command_of("admin", line);
        assert!(host.wait(call).unwrap().a.is_none());
        host.noted(&format!("ExecuteCommand {line}"), 1);
    }
    host.finish();
}

fn a_plugin_without_commands() {
    let mut host = Host::start(bundle(&without_commands()));
    host.api.administration.admins = vec!["admin".to_owned()];
    assert!(host.implemented().unwrap().contains(&"ExecuteCommand".to_owned()));
    host.activate().unwrap();
    assert_eq!(said(&mut host, "somebody", "/test help"), "This command knows one thing: `/test status`.");
    assert!(said(&mut host, "admin", "/test status").contains("com.example.test: ready"));
    host.finish();
}

fn it_works_when_the_plugin_does_not() {
    let mut host = host(&Script::degrading());
    host.degrade();
    let text = said(&mut host, "admin", "/test status");
    for part in ["com.example.test: degraded", "| 0 | degraded | none | 0 MiB |", "6 restarts", "it exited with code 1"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(said(&mut host, "admin", "/test help").contains("is not available right now"));
    host.finish();
}

fn a_command_that_the_plugin_has_registered_stays() {
    let script = Script { on_activate: vec!["register Test".into()], ..Script::default() };
    let mut host = host(&script);
    assert!(said(&mut host, "admin", "/test status").contains("ready"));
    let registered: Vec<String> =
        host.api.administration.commands.iter().map(|one| one.description.to_string()).collect();
    assert_eq!(registered, ["of the plugin"]);
    host.finish();
}

fn without_the_key_there_is_no_command() {
    let mut host = Host::start(Bundle::new(&without_commands()));
    host.api.administration.admins = vec!["admin".to_owned()];
    assert!(!host.implemented().unwrap().contains(&"ExecuteCommand".to_owned()));
    host.activate().unwrap();
    let call = host.command_of("admin", "/test status");
    assert_eq!(host.wait(call).unwrap_err(), "Hook ExecuteCommand called but not implemented.");
    assert_eq!(host.api.administration.called, Vec::<String>::new());
    host.finish();
}
