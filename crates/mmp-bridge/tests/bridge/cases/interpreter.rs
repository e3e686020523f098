//! Finding an interpreter, and what is said when there is none.

use std::time::{Duration, Instant};

use super::tests;
use crate::bundle::{Bundle, PYTHON};
use crate::host::{Host, Start};
use crate::runner::Test;
use crate::script::Script;

pub(crate) const TESTS: &[Test] = tests![
    no_interpreter,
    an_old_interpreter,
    an_interpreter_that_cannot_be_run,
    an_interpreter_that_hangs,
    an_interpreter_that_the_administrator_names,
    an_interpreter_in_the_bundle_comes_first,
    the_bridge_is_killed_while_an_interpreter_hangs,
];

fn without_interpreter(script: &Script) -> Bundle {
    let bundle = Bundle::new(script);
    std::fs::remove_file(bundle.path().join(PYTHON)).unwrap();
    bundle
}

fn no_interpreter() {
    let mut host = Host::start(without_interpreter(&Script::default()));
    let error = host.implemented().unwrap_err();
    assert_eq!(
        error,
        "no Python interpreter >=3.10 was found (none is in the bundle or on the PATH): install Python on the server's machine, name an interpreter in MATTERMOST_PLUGIN_PYTHON, or put one into the bundle"
    );
    host.finish();
}

fn an_old_interpreter() {
    let bundle = Bundle::new(&Script { version: Some("3.9.18".into()), ..Script::default() });
    let python = bundle.path().join(PYTHON).display().to_string();
    let mut host = Host::start(bundle);
    let error = host.implemented().unwrap_err();
    assert!(error.starts_with(&format!("no Python interpreter >=3.10 was found ({python} is 3.9.18): ")), "{error}");
    host.finish();
}

fn an_interpreter_that_cannot_be_run() {
    let bundle = without_interpreter(&Script::default());
    let python = bundle.path().join(PYTHON);
    std::fs::write(&python, "not a program").unwrap();
    let mut host = Host::start(bundle);
    let error = host.implemented().unwrap_err();
    let said = format!("({} cannot be run: Permission denied", python.display());
    assert!(error.contains(&said), "{error}");
    host.finish();
}

fn an_interpreter_that_hangs() {
    let bundle = Bundle::new(&Script { version: None, ..Script::default() });
    // A second one that hangs must not double the time.
    let second = bundle.path().join("venv/bin/python3");
    std::fs::create_dir_all(second.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(bundle.path().join(PYTHON), second).unwrap();
    let started = Instant::now();
    let mut host = Host::start(bundle);
    assert!(host.handshake < Duration::from_millis(300), "the handshake took {:?}", host.handshake);
    let error = host.implemented().unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(error.contains("python3 does not answer"), "{error}");
    host.nothing_left_but_the_bridge();
    host.finish();
}

fn an_interpreter_that_the_administrator_names() {
    let bundle = without_interpreter(&Script::default());
    // The fake finds its script by its path, which has to be in a bundle of its own.
    let other = Bundle::new(&Script::default());
    let python = other.path().join(PYTHON);
    let mut host = Start::new(bundle).with("MATTERMOST_PLUGIN_PYTHON", python).run();
    host.implemented().unwrap();
    assert_eq!(other.journal().len(), 1, "it is the one that was started");
    host.finish();
}

fn an_interpreter_in_the_bundle_comes_first() {
    let other = Bundle::new(&Script::default());
    let python = other.path().join(PYTHON);
    let mut host = Start::new(Bundle::new(&Script::default())).with("MATTERMOST_PLUGIN_PYTHON", python).run();
    host.implemented().unwrap();
    assert_eq!((host.bundle.journal().len(), other.journal().len()), (1, 0));
    host.finish();
}

fn the_bridge_is_killed_while_an_interpreter_hangs() {
    let mut host = Host::start(Bundle::new(&Script { version: None, ..Script::default() }));
    // The guard and the interpreter.
    host.processes(2);
    crate::processes::kill(host.pid());
    host.nothing_left(Duration::from_secs(2));
    assert_eq!(host.ended(Duration::from_secs(1)), None);
    host.finish();
}
