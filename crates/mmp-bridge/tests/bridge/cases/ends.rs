//! The host asks the plugin to exit.

use std::time::Duration;

use super::tests;
use crate::bundle::Bundle;
use crate::host::Host;
use crate::runner::Test;
use crate::script::{Script, Start};

pub(crate) const TESTS: &[Test] = tests![
    the_worker_is_asked_first,
    a_stubborn_worker_is_killed,
    a_handler_that_never_answers,
    the_host_quits_while_the_plugin_is_loaded,
    the_worker_waits_for_the_api,
];

/// How long the server waits before it kills a plugin; this is measured from outside, on a machine that may be busy.
const PATIENCE: Duration = Duration::from_millis(2300);

fn the_worker_is_asked_first() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    let (code, took) = host.quit();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(1), "{took:?}");
    host.noted("stop", 1);
    host.finish();
}

fn a_stubborn_worker_is_killed() {
    let script = Script { stubborn: true, grandchild: true, ..Script::default() };
    let mut host = Host::active(Bundle::new(&script));
    host.processes(3);
    let (code, took) = host.quit();
    assert_eq!(code, Some(0));
    assert!(took < PATIENCE, "{took:?}");
    host.noted("stop", 1);
    // Not even a moment later is anything left: the server waits for the pipes that the worker's children hold.
    host.nothing_left(Duration::from_millis(50));
    host.finish();
}

fn a_handler_that_never_answers() {
    let mut host = Host::active(Bundle::new(&Script { noted: true, stubborn: true, ..Script::default() }));
    let _hook = host.post("hang");
    host.noted("MessageWillBePosted hang", 1);
    let (code, took) = host.quit();
    assert_eq!(code, Some(0));
    assert!(took < PATIENCE, "{took:?}");
    host.finish();
}

fn the_host_quits_while_the_plugin_is_loaded() {
    let mut host = Host::start(Bundle::new(&Script::starting(Start::Silent)));
    host.noted("start ", 1);
    let (code, took) = host.quit();
    assert_eq!(code, Some(0));
    assert!(took < PATIENCE, "{took:?}");
    host.finish();
}

fn the_worker_waits_for_the_api() {
    let mut host = Host::active(Bundle::new(&Script { stubborn: true, noted: true, ..Script::default() }));
    host.api.holds = true;
    let _hook = host.post("call KVGet key");
    host.until("the call", crate::host::LIMIT, |host| (host.api.gets > 0).then_some(()));
    let (code, took) = host.quit();
    assert_eq!(code, Some(0));
    assert!(took < PATIENCE, "{took:?}");
    host.noted("called: unavailable: KVGet: the plugin is being stopped", 1);
    host.finish();
}
