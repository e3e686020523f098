//! API calls from the worker.

use std::time::Duration;

use super::tests;
use crate::bundle::Bundle;
use crate::host::{Host, LIMIT};
use crate::runner::Test;
use crate::script::Script;

pub(crate) const TESTS: &[Test] = tests![
    calls_are_answered,
    calls_on_the_async_connection_are_answered,
    a_call_before_activation,
    a_call_before_the_server_has_connected,
    a_call_with_arguments_that_do_not_fit,
    a_method_that_the_server_does_not_have,
    a_large_answer,
    a_large_argument,
    the_server_closes_the_api_connection,
];

fn answered(script: &Script) {
    let mut host = Host::active(Bundle::new(script));
    // An array of one string of six bytes.
    assert_eq!(host.posted("call GetServerVersion").1, "reply of 8 bytes");
    assert_eq!(host.posted("call KVGet key").1, "reply of 8 bytes");
    host.finish();
}

fn calls_are_answered() {
    answered(&Script::default());
}

fn calls_on_the_async_connection_are_answered() {
    answered(&Script::asynchronous());
}

fn a_call_before_activation() {
    let mut host = Host::start(Bundle::new(&Script::default()));
    host.implemented().unwrap();
    assert_eq!(
        host.posted("call GetServerVersion").1,
        "unavailable: GetServerVersion: the API is not there before the plugin is activated, or after it was stopped"
    );
    host.activate().unwrap();
    assert_eq!(host.posted("call GetServerVersion").1, "reply of 8 bytes");
    host.finish();
}

fn a_call_before_the_server_has_connected() {
    let bundle = Bundle::new(&Script::starting(crate::script::Start::CallsFirst));
    let mut host = crate::host::Start::new(bundle).after("called: ").run();
    let journal = host.bundle.journal();
    assert!(journal[1].contains("ApiError") && journal[1].contains("unavailable"), "{journal:?}");
    host.implemented().unwrap();
    host.activate().unwrap();
    assert_eq!(host.posted("call GetServerVersion").1, "reply of 8 bytes");
    host.finish();
}

fn a_call_with_arguments_that_do_not_fit() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    let (_, said) = host.posted("call GetUsers everybody");
    assert!(said.starts_with("invalid: GetUsers: "), "{said}");
    let (_, said) = host.posted("call 9999");
    assert_eq!(said, "invalid: there is no API method with the id 9999");
    assert_eq!(host.posted("call KVGet key").1, "reply of 8 bytes");
    host.finish();
}

fn a_method_that_the_server_does_not_have() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    let (_, said) = host.posted("call GetUser me");
    assert_eq!(said, "missing: this server does not have GetUser; it needs Mattermost 5.2 or newer");
    host.finish();
}

fn a_large_answer() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    assert_eq!(host.posted("call KVGet size:3000000").1, "reply of 3000006 bytes");
    host.finish();
}

fn a_large_argument() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    assert_eq!(host.posted("bigcall 3000000").1, "reply of 8 bytes");
    host.finish();
}

fn the_server_closes_the_api_connection() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    host.close_api();
    assert_eq!(host.ended(Duration::from_secs(3).min(LIMIT)), Some(1));
    let entry = host.logged("the server closed the API connection of this plugin");
    assert_eq!((entry.level.as_str(), entry.through_api), ("error", false));
    host.finish();
}
