//! Workers that are started again because they are not well, or take more than they may.

use std::time::{Duration, Instant};

use mmp_worker::frame::Kind;
use serde_json::json;

use super::deadlines::pause;
use super::{metrics, tests};
use crate::bundle::Bundle;
use crate::host::{Host, LIMIT};
use crate::processes;
use crate::runner::Test;
use crate::script::{Pong, Script};

pub(crate) const TESTS: &[Test] = tests![
    a_worker_that_is_silent,
    a_worker_that_is_stopped,
    a_worker_that_a_debugger_holds,
    a_worker_that_lags,
    a_worker_that_lags_while_it_is_activated,
    an_activation_that_a_debugger_holds,
    many_hooks_that_go_on,
    many_hooks_that_wait_for_the_server,
    hooks_that_go_on_while_others_run,
    a_worker_slightly_beyond_its_memory,
    a_worker_far_beyond_its_memory,
    too_many_processes,
    a_guard_that_is_stopped,
];

fn answering(pong: Pong) -> Script {
    Script { pong: vec![pong, Pong::Well], noted: true, ..Script::default() }
}

/// The end of the first worker, and that the next one serves.
#[track_caller]
fn replaced(host: &mut Host, reason: &str) {
    let line = host.logged(reason);
    assert_eq!(line.level, "error", "{line}");
    host.noted("OnActivate", 2);
    host.logged("started again and is active");
    assert_eq!(host.posted("edit it").0, "it");
    assert_eq!(metrics::sample(host, "mattermost_plugin_hooks_overdue"), 0.0);
}

fn a_worker_that_is_silent() {
    let mut host = Host::active(Bundle::new(&answering(Pong::Silent)));
    let started = Instant::now();
    replaced(&mut host, "the plugin's worker has not answered for 15 s");
    let took = started.elapsed();
    assert!(took >= Duration::from_secs(15) && took < Duration::from_secs(19), "{took:?}");
    host.finish();
}

/// As a kernel or an administrator may do. When it goes on nothing of before reaches anybody.
fn a_worker_that_is_stopped() {
    let bundle = Bundle::new(&answering(Pong::Well));
    // Hooks with a result have five seconds.
    bundle.set_server("hooks", json!({}));
    let mut host = Host::active(bundle);
    processes::signal(host.worker(), libc::SIGSTOP);
    let started = Instant::now();
    assert_eq!(host.posted("edit it").0, "edit it", "the server's default");
    assert!(started.elapsed() < Duration::from_secs(7), "{:?}", started.elapsed());
    host.ping();
    processes::signal(host.worker(), libc::SIGCONT);
    host.logged("MessageWillBePosted: the plugin answered after");
    assert_eq!(host.posted("edit it").0, "it");
    assert_eq!(host.bundle.journal().iter().filter(|line| line.starts_with("start ")).count(), 1);
    host.finish();
}

/// It is left alone for as long as it is held, whatever it does not do.
fn a_worker_that_a_debugger_holds() {
    let mut host = Host::active(Bundle::new(&answering(Pong::Debugged(20_000))));
    pause(&mut host, Duration::from_millis(4000));
    assert_eq!(host.bundle.journal().iter().filter(|line| line.starts_with("start ")).count(), 1, "{}", host.report());
    assert_eq!(host.posted("edit it").0, "it");
    // The next answer says that the debugger is gone, and that nothing has moved since.
    replaced(&mut host, "has not moved for 20 s");
    host.finish();
}

fn a_worker_that_lags() {
    let mut host = Host::active(Bundle::new(&answering(Pong::Lagging(15_500))));
    let started = Instant::now();
    replaced(&mut host, "what runs the plugin's hooks, its event loop or program, has not moved for 15 s");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    host.finish();
}

/// What activates it may block its event loop for as long as activation may last. Afterwards it may not.
fn a_worker_that_lags_while_it_is_activated() {
    let script = Script { on_activate: vec!["sleep 3500".into(), "ok".into()], ..answering(Pong::Lagging(15_500)) };
    let mut host = Host::active(Bundle::new(&script));
    assert!(host.entries().iter().all(|entry| entry.level != "error"), "{}", host.report());
    replaced(&mut host, "has not moved for 15 s");
    host.finish();
}

/// A breakpoint in OnActivate after a restart is no reason to start the worker again.
fn an_activation_that_a_debugger_holds() {
    let script = Script { on_activate: vec!["ok".into(), "sleep 5000".into()], ..answering(Pong::Debugged(20_000)) };
    let script = Script { pong: vec![Pong::Well, Pong::Debugged(0)], ..script };
    let bundle = Bundle::new(&script);
    bundle.set("start_timeout", 3.into());
    let mut host = Host::active(bundle);
    processes::kill(host.worker());
    host.logged("the plugin's worker was started again and is active");
    assert_eq!(host.posted("edit it").0, "it");
    assert_eq!(host.bundle.journal().iter().filter(|line| line.starts_with("start ")).count(), 2, "{}", host.report());
    host.finish();
}

fn late_posts(script: &Script) -> Host {
    let bundle = Bundle::new(script);
    bundle.set_server("hooks", json!({"MessageWillBePosted": {"timeout": 0.3}}));
    Host::active(bundle)
}

fn many_hooks_that_go_on() {
    let mut host = late_posts(&answering(Pong::Well));
    let started = Instant::now();
    let posts: Vec<_> = (0..8).map(|_| host.post("hang")).collect();
    for post in posts {
        host.wait(post).unwrap();
    }
    replaced(&mut host, "8 hooks of the plugin were late, were cancelled and go on");
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(2300) && took < Duration::from_secs(6), "{took:?}");
    host.finish();
}

/// That the server does not answer is not the worker's fault, and a new one would wait for it as well.
fn many_hooks_that_wait_for_the_server() {
    let mut host = late_posts(&answering(Pong::Well));
    host.api.holds = true;
    let posts: Vec<_> = (0..8).map(|_| host.post("call KVGet key")).collect();
    for post in posts {
        host.wait(post).unwrap();
    }
    pause(&mut host, Duration::from_millis(4500));
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_hooks_overdue"), 8.0);
    assert_eq!(host.bundle.journal().iter().filter(|line| line.starts_with("start ")).count(), 1, "{}", host.report());
    host.finish();
}

/// Seven are not enough; and what else runs may finish.
fn hooks_that_go_on_while_others_run() {
    let mut host = late_posts(&answering(Pong::Well));
    let posts: Vec<_> = (0..7).map(|_| host.post("hang")).collect();
    for post in posts {
        host.wait(post).unwrap();
    }
    pause(&mut host, Duration::from_millis(3500));
    assert_eq!(metrics::sample(&mut host, "mattermost_plugin_hooks_overdue"), 7.0);
    let last = host.post("hang");
    host.wait(last).unwrap();
    let update = host.update("relay");
    let hook = host.hook();
    let line = host.logged("8 hooks of the plugin were late, were cancelled and go on; the worker is started again");
    assert_eq!(line.fields["state"], "draining", "{line}");
    host.send_value(hook, Kind::HookReply, &json!([null, "done"]));
    assert_eq!(host.wait(update).unwrap().b.to_string(), "done");
    replaced(&mut host, "8 hooks of the plugin were late");
    host.finish();
}

fn limited(mebibytes: u64) -> Host {
    let bundle = Bundle::new(&answering(Pong::Well));
    bundle.set_server("memory_limit_mib", mebibytes.into());
    Host::active(bundle)
}

/// What runs may finish.
fn a_worker_slightly_beyond_its_memory() {
    let mut host = limited(100);
    let post = host.post("relay");
    let hook = host.hook();
    host.posted("allocate 106");
    let line = host.logged("memory limit: the plugin's worker uses");
    assert!(line.message.contains("and may use 100 (server.memory_limit_mib in plugin.json)"), "{line}");
    assert!(line.message.ends_with("it is started again when its hooks are done"), "{line}");
    assert_eq!(line.fields["state"], "draining", "{line}");
    host.send_value(hook, Kind::HookReply, &json!([null, "done"]));
    assert_eq!(host.wait(post).unwrap().b.to_string(), "done");
    replaced(&mut host, "memory limit");
    host.finish();
}

fn a_worker_far_beyond_its_memory() {
    let mut host = limited(64);
    let post = host.post("relay");
    host.hook();
    let started = Instant::now();
    host.post("allocate 120");
    host.wait(post).unwrap();
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    let line = host.logged("memory limit: the plugin's worker uses");
    assert!(line.message.contains("; it is started again in 0.1 s"), "{line}");
    replaced(&mut host, "memory limit");
    host.finish();
}

fn too_many_processes() {
    let bundle = Bundle::new(&answering(Pong::Well));
    bundle.set_server("process_limit", 8.into());
    let mut host = Host::active(bundle);
    host.posted("spawn 6");
    host.processes(8);
    assert_eq!(host.posted("edit it").0, "it", "seven are allowed");
    host.post("spawn 3");
    replaced(&mut host, "process limit: the plugin's worker has");
    host.until("the end of all of them", LIMIT, |host| {
        (processes::of_bundle(host.bundle.path(), host.pid()).len() == 2).then_some(())
    });
    host.finish();
}

/// It would never end its worker, and the bridge must not wait for it without a limit.
fn a_guard_that_is_stopped() {
    let mut host = Host::active(Bundle::new(&Script { noted: true, ..Script::default() }));
    let (guard, worker) = (host.guard(), host.worker());
    processes::signal(guard, libc::SIGSTOP);
    let started = Instant::now();
    processes::kill(worker);
    // Nobody tells the bridge of the end, but the connections are closed: what comes now waits for the next worker.
    pause(&mut host, Duration::from_millis(100));
    let event = host.notify("edit it");
    host.wait(event).unwrap();
    host.noted("OnActivate", 2);
    host.noted("MessageHasBeenPosted edit", 1);
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    host.until("the new worker", LIMIT, |host| (host.posted("edit it").0 == "it").then_some(()));
    assert!(!processes::is_alive(guard) && !processes::is_alive(worker), "{}", host.report());
    host.finish();
}
