//! Somebody is killed: the worker, the guard, the bridge, or the server.

use std::time::{Duration, Instant};

use super::deadlines::pause;
use super::tests;
use crate::bundle::Bundle;
use crate::host::{Host, LIMIT, message_of};
use crate::processes;
use crate::runner::Test;
use crate::script::Script;

pub(crate) const TESTS: &[Test] = tests![
    the_worker_dies_during_hooks,
    the_guard_is_killed,
    the_guard_outlives_requests_to_end,
    the_whole_group_is_told_to_end,
    orphans_of_the_worker_are_collected,
    the_bridge_is_killed,
    the_server_hangs_up,
    the_server_hangs_up_behind_a_request,
    the_server_hangs_up_on_a_stubborn_worker,
    the_server_is_gone_before_it_asked_for_anything,
];

/// A worker that does not care about the end of its input, with a child that cares even less.
fn stubborn() -> Script {
    Script { stubborn: true, grandchild: true, ..Script::default() }
}

fn the_worker_dies_during_hooks() {
    let script = Script { noted: true, grandchild: true, ..Script::default() };
    let mut host = Host::active(Bundle::new(&script));
    let hooks = [host.post("hang"), host.post("hang")];
    let update = host.update("hang");
    let command = host.command("hang");
    host.noted("MessageWillBePosted hang", 2);
    host.noted("MessageWillBeUpdated hang", 1);
    host.noted("ExecuteCommand hang", 1);
    let killed = Instant::now();
    processes::kill(host.worker());
    for hook in hooks {
        let returned = host.wait(hook).unwrap();
        assert_eq!((message_of(&returned.a), returned.b.to_string()), ("hang".into(), String::new()));
    }
    let returned = host.wait(update).unwrap();
    assert_eq!((message_of(&returned.a), returned.b.to_string()), ("hang".into(), String::new()), "accepted unchanged");
    let returned = host.wait(command).unwrap();
    assert!(returned.b.is_none(), "{:?}", returned.b);
    let response = returned.a.unwrap();
    assert_eq!(response.response_type.to_string(), "ephemeral");
    assert!(response.text.to_string().contains("is not available right now"), "{response:?}");
    assert!(killed.elapsed() < Duration::from_secs(1), "{:?}", killed.elapsed());
    host.logged("the plugin's worker ended: it was ended by signal 9 (SIGKILL); it is started again");
    host.logged("the plugin's worker was started again and is active");
    assert_eq!(host.posted("edit it").0, "it");
    let journal = host.bundle.journal();
    let second = journal.iter().rposition(|line| line.starts_with("start ")).unwrap();
    let after: Vec<&str> = journal[second + 1..].iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(after, ["OnConfigurationChange", "OnActivate", "MessageWillBePosted"]);
    host.finish();
}

/// The worker and its children go with its guard, and the bridge starts both again.
fn the_guard_is_killed() {
    let mut host = Host::active(Bundle::new(&Script { grandchild: true, ..Script::default() }));
    let first = host.worker();
    let before = host.processes(3);
    processes::kill(host.guard());
    host.logged("it is started again");
    host.logged("started again and is active");
    assert!(!processes::is_alive(first));
    let after = host.processes(3);
    assert!(after.iter().all(|process| !before.contains(process)), "{before:?} {after:?}");
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}

/// They are for the server and its group, as from a terminal or a supervisor; the guard has its work to do when the bridge has ended by them.
fn the_guard_outlives_requests_to_end() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    let (guard, worker) = (host.guard(), host.worker());
    for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGINT] {
        processes::signal(guard, signal);
        assert_eq!(host.posted("edit it").0, "it");
    }
    assert!(processes::is_alive(guard) && processes::is_alive(worker), "{}", host.report());
    host.finish();
}

fn the_whole_group_is_told_to_end() {
    let mut host = Host::active(Bundle::new(&Script { grandchild: true, ..Script::default() }));
    host.processes(3);
    let guard = host.guard();
    // The bridge does nothing about the guard's end, as when both end at the same time.
    processes::signal(host.pid(), libc::SIGSTOP);
    processes::signal(guard, libc::SIGTERM);
    pause(&mut host, Duration::from_millis(100));
    processes::kill(host.pid());
    host.nothing_left(Duration::from_secs(2));
    assert_eq!(host.ended(Duration::from_secs(1)), None);
    host.finish();
}

/// A process that has lost its parent becomes the guard's, which must not keep it as a zombie for as long as the worker lives.
fn orphans_of_the_worker_are_collected() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    let (guard, worker) = (host.guard(), host.worker());
    host.posted("orphan");
    host.noted("the orphan ends", 1);
    host.until("the guard to have one child", LIMIT, |_| {
        let children = std::fs::read_to_string(format!("/proc/{guard}/task/{guard}/children")).unwrap();
        (children.trim() == worker.to_string()).then_some(())
    });
    host.finish();
}

fn the_bridge_is_killed() {
    let mut host = Host::active(Bundle::new(&stubborn()));
    host.processes(3);
    processes::kill(host.pid());
    host.nothing_left(Duration::from_secs(2));
    assert_eq!(host.ended(Duration::from_secs(1)), None);
    host.finish();
}

fn the_server_hangs_up() {
    let mut host = Host::active(Bundle::new(&Script { grandchild: true, ..Script::default() }));
    host.processes(3);
    host.hang_up();
    host.nothing_left(Duration::from_secs(2));
    host.noted("stop", 1);
    assert_eq!(host.ended(Duration::from_secs(1)), Some(0));
    host.finish();
}

/// The last bytes and the end of the connection come in one event.
fn the_server_hangs_up_behind_a_request() {
    let mut host = Host::active(Bundle::new(&Script { grandchild: true, ..Script::default() }));
    host.processes(3);
    processes::signal(host.pid(), libc::SIGSTOP);
    let _hook = host.post("hang");
    host.pump(Duration::ZERO);
    host.hang_up();
    processes::signal(host.pid(), libc::SIGCONT);
    host.nothing_left(Duration::from_secs(2));
    assert_eq!(host.ended(Duration::from_secs(1)), Some(0));
    host.finish();
}

fn the_server_hangs_up_on_a_stubborn_worker() {
    let mut host = Host::active(Bundle::new(&stubborn()));
    let _hook = host.post("hang");
    host.processes(3);
    host.pump(Duration::from_millis(10));
    host.hang_up();
    host.nothing_left(Duration::from_millis(2500));
    assert_eq!(host.ended(Duration::from_secs(1)), Some(0));
    host.finish();
}

fn the_server_is_gone_before_it_asked_for_anything() {
    let mut host = Host::start(Bundle::new(&stubborn()));
    host.hang_up();
    host.nothing_left(Duration::from_millis(2500));
    assert_eq!(host.ended(Duration::from_secs(1)), Some(0));
    host.finish();
}
