//! A worker that fails before it is ready: every fault is told at once, in one sentence, as the error of `Implemented`.

use std::time::{Duration, Instant};

use mmp_worker::frame::{Kind, put_bytes};

use super::tests;
use crate::bundle::Bundle;
use crate::host::Host;
use crate::runner::Test;
use crate::script::{Script, Start};

pub(crate) const TESTS: &[Test] = tests![
    a_worker_that_exits,
    a_worker_without_sdk,
    a_worker_that_is_killed,
    a_worker_that_cannot_load_the_plugin,
    a_silent_worker,
    an_absent_worker,
    garbage_instead_of_hello,
    a_first_frame_that_is_not_hello,
    a_wrong_token,
    a_wrong_schema,
    a_wrong_protocol,
    hello_twice,
    a_second_control_connection,
    a_frame_that_is_too_long,
    a_frame_of_unknown_kind,
    ready_that_cannot_be_read,
    ready_twice,
    ready_without_connections,
];

/// The error with which a plugin is refused whose worker starts so. Nothing of the worker is left afterwards, and the log has the sentence too.
fn refusal(start: Start) -> String {
    let started = Instant::now();
    let mut host = Host::start(Bundle::new(&Script::starting(start)));
    let error = host.implemented().unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(!error.contains('\n'), "{error}");
    host.nothing_left_but_the_bridge();
    let entry = host.logged(&error);
    assert_eq!(entry.level, "error");
    let same = host.entries().iter().filter(|entry| entry.message.contains(&error)).count();
    assert_eq!(same, 1, "said once: {}", host.report());
    host.finish();
    error
}

fn a_worker_that_exits() {
    let error = refusal(Start::Exit(3, "cannot open shared object file".into()));
    assert_eq!(
        error,
        "the plugin's worker ended: it exited with code 3 before the plugin was loaded; its last words: cannot open shared object file"
    );
}

fn a_worker_without_sdk() {
    let error = refusal(Start::Exit(1, "/usr/bin/python3: No module named mattermost_plugin".into()));
    assert_eq!(
        error,
        "the plugin's worker ended: it exited with code 1 (/usr/bin/python3: No module named mattermost_plugin): the SDK is not in the bundle; make the bundle with `cargo xtask bundle`, which puts it into server/site-packages"
    );
}

fn a_worker_that_is_killed() {
    let error = refusal(Start::Signal(libc::SIGABRT));
    assert!(
        error.starts_with("the plugin's worker ended: it was ended by signal 6 (SIGABRT) before the plugin was loaded"),
        "{error}"
    );
}

fn a_worker_that_cannot_load_the_plugin() {
    let mut host = Host::start(Bundle::new(&Script::starting(Start::Failed)));
    let error = host.implemented().unwrap_err();
    let sentence = "No module named 'requests' (plugin.py, line 3): Add it to requirements.txt and bundle again.";
    assert_eq!(error, sentence);
    let entry = host.logged(sentence);
    assert_eq!(entry.message, format!("the plugin cannot be loaded: {sentence}"));
    assert_eq!(entry.fields["code"], "import");
    assert!(entry.fields["traceback"].starts_with("Traceback (most recent call last):\n"), "{entry}");
    host.nothing_left_but_the_bridge();
    host.finish();
}

/// The error for a worker that is not ready within the time that the manifest sets.
fn late(start: Start) -> String {
    let bundle = Bundle::new(&Script::starting(start));
    bundle.set("start_timeout", 0.5.into());
    let mut host = Host::start(bundle);
    let error = host.implemented().unwrap_err();
    host.nothing_left_but_the_bridge();
    host.logged(&error);
    host.finish();
    error
}

const LATE: &str = "the plugin was not loaded within 0.5 seconds: move slow work out of the import and __init__, or raise server.python.start_timeout in plugin.json";

fn a_silent_worker() {
    assert_eq!(late(Start::Silent), LATE);
}

fn an_absent_worker() {
    assert_eq!(late(Start::Absent), LATE);
}

fn garbage_instead_of_hello() {
    let error = refusal(Start::Bytes(b"\0\0\x10\0\x01\0\0\0\0\0\0\0".to_vec()));
    assert!(error.contains("the first frame of a connection has 1048576 bytes, which no HELLO has"), "{error}");
    let error = refusal(Start::Bytes(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()));
    assert_eq!(error, "the worker link: a frame of 542393671 bytes is too long");
}

fn a_first_frame_that_is_not_hello() {
    let mut ready = Vec::new();
    put_bytes(&mut ready, Kind::Ready, 0, 0, b"\x80");
    assert!(refusal(Start::Bytes(ready)).ends_with("the first frame of a connection must be HELLO"));
}

fn a_wrong_token() {
    let error = refusal(Start::WrongToken);
    assert!(error.ends_with("the token is not the one that this worker was given on its standard input"), "{error}");
}

fn a_wrong_schema() {
    let error = refusal(Start::WrongSchema);
    assert!(error.contains("(fake 1.0) was generated from the schema another, the bridge from "), "{error}");
    assert!(error.ends_with("bundle the plugin again, so that SDK and bridge are of the same release"), "{error}");
}

fn a_wrong_protocol() {
    let error = refusal(Start::WrongProtocol);
    assert!(
        error.contains("the worker speaks version 99 of the frame protocol, the bridge version 2: bundle "),
        "{error}"
    );
}

fn hello_twice() {
    assert_eq!(refusal(Start::HelloTwice), "the worker sent Hello on a connection of the role control");
}

fn a_second_control_connection() {
    let error = refusal(Start::SecondControl);
    assert!(error.ends_with("there must be exactly one control connection, and it must be the first"), "{error}");
}

fn a_frame_that_is_too_long() {
    let error = refusal(Start::BytesLater(b"\xff\xff\xff\xff\x04\0\0\0\0\0\0\0".to_vec()));
    assert_eq!(error, "the worker link: a frame of 4294967295 bytes is too long");
}

fn a_frame_of_unknown_kind() {
    let error = refusal(Start::BytesLater(b"\0\0\0\0\x77\0\0\0\0\0\0\0".to_vec()));
    assert_eq!(error, "the worker link: there is no frame of kind 0x77");
}

fn ready_that_cannot_be_read() {
    let mut ready = Vec::new();
    put_bytes(&mut ready, Kind::Ready, 0, 0, b"\x93\x01\x02\x03");
    let error = refusal(Start::BytesLater(ready));
    assert!(error.starts_with("the worker's READY cannot be read: "), "{error}");
}

fn ready_without_connections() {
    let error = refusal(Start::NoConnections);
    assert_eq!(error, "the worker is ready and has sync hooks, but no sync connection");
}

/// The plugin is loaded already, so this is a fault of a running worker: it is started again.
fn ready_twice() {
    let script = Script { start: vec![Start::ReadyTwice, Start::Normal], ..Script::default() };
    let mut host = Host::start(Bundle::new(&script));
    host.implemented().unwrap();
    host.logged("the worker sent READY twice; it is started again");
    host.noted("start ", 2);
    host.until("a worker that is ready", crate::host::LIMIT, |host| host.activate().is_ok().then_some(()));
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}
