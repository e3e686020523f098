//! Connections that break the protocol after the plugin was loaded: the worker is started again, and nothing waits for ever.

use super::tests;
use crate::bundle::Bundle;
use crate::host::Host;
use crate::runner::Test;
use crate::script::Script;

pub(crate) const TESTS: &[Test] = tests![
    a_sync_connection_is_closed,
    a_connection_is_closed_behind_a_frame,
    an_async_connection_is_closed,
    a_frame_of_another_role,
    a_frame_of_no_kind
];

fn broken_by(script: &Script, command: &str, reason: &str) {
    let mut host = Host::active(Bundle::new(script));
    let (message, reason_of_rejection) = host.posted(command);
    assert_eq!((message.as_str(), reason_of_rejection.as_str()), (command, ""), "the server's default");
    let entry = host.logged(reason);
    assert_eq!(
        (entry.level.as_str(), entry.message.contains("; it is started again in 0.1 s")),
        ("error", true),
        "{entry}"
    );
    host.logged("started again and is active");
    assert_eq!(host.posted("edit it").0, "it");
    host.noted("start ", 2);
    host.finish();
}

fn a_sync_connection_is_closed() {
    broken_by(&Script::default(), "close", "the plugin's worker closed its sync connection");
}

/// The frame and the end of the connection come in one event.
fn a_connection_is_closed_behind_a_frame() {
    let mut host = Host::active(Bundle::new(&Script { noted: true, ..Script::default() }));
    let call = host.post("farewell");
    host.noted("MessageWillBePosted farewell", 1);
    host.stop_until_noted("closed");
    assert_eq!(host.wait(call).unwrap().b.to_string(), "");
    host.logged("farewell");
    host.logged("the plugin's worker closed its sync connection; it is started again");
    host.finish();
}

fn an_async_connection_is_closed() {
    broken_by(&Script::asynchronous(), "close", "the plugin's worker closed its async connection");
}

fn a_frame_of_no_kind() {
    broken_by(
        &Script::asynchronous(),
        "raw \0\0\0\0\x77\0\0\0\0\0\0\0",
        "the worker link: there is no frame of kind 0x77",
    );
}

fn a_frame_of_another_role() {
    broken_by(
        &Script::default(),
        "raw \0\0\0\0\x04\0\0\0\0\0\0\0",
        "the worker sent Ready on a connection of the role sync",
    );
}
