//! The tests.

use std::time::Duration;

use mmp_worker::guard::kill_orphans;
use mmp_worker::limits::{DESCRIPTORS, Limits, PROCESSES, THREADS};
use mmp_worker::usage;

use crate::Test;
use crate::worker::{Worker, nothing_left, signal, until};

pub(crate) const TESTS: &[Test] = &[
    ("an_order_to_end", an_order_to_end, false),
    ("an_order_to_end_that_is_ignored", an_order_to_end_that_is_ignored, false),
    ("the_code_of_the_end", the_code_of_the_end, false),
    ("the_whole_tree_is_killed", the_whole_tree_is_killed, false),
    ("a_killed_guard_leaves_orphans_that_are_killed", a_killed_guard_leaves_orphans_that_are_killed, false),
    ("limits_are_set", limits_are_set, false),
    ("limits_of_a_user", limits_of_a_user, true),
    ("a_fork_bomb", a_fork_bomb, true),
    ("a_scattered_fork_bomb", a_scattered_fork_bomb, true),
    ("leaked_descriptors", leaked_descriptors, false),
    ("what_a_worker_uses", what_a_worker_uses, false),
    ("a_debugger", a_debugger, false),
];

/// The processes of a "tree": the worker, five that run, and one that has ended and is not waited for.
const TREE: usize = 7;

fn an_order_to_end() {
    let mut worker = Worker::start("polite", Limits::default());
    worker.lines_to("ready");
    worker.process.terminate();
    assert_eq!(worker.process.wait().unwrap(), 42);
    nothing_left();
}

fn an_order_to_end_that_is_ignored() {
    let mut worker = Worker::start("idle", Limits::default());
    worker.lines_to("ready");
    // A stopped process does not notice.
    let pid = worker.pid();
    signal(pid, libc::SIGSTOP);
    // Of two signals that wait, the kernel delivers the one with the lower number first.
    until("the stop", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.contains(") T ").then_some(())
    });
    worker.process.terminate();
    until("the signal", || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let pending = status.lines().find_map(|line| line.strip_prefix("ShdPnd:")).unwrap();
        let pending = u64::from_str_radix(pending.trim(), 16).unwrap();
        (pending & (1 << (libc::SIGTERM - 1)) != 0).then_some(())
    });
    assert_eq!(worker.process.try_wait().unwrap(), None);
    worker.kill();
}

fn the_code_of_the_end() {
    let mut worker = Worker::start("exit", Limits::default());
    assert_eq!(worker.process.wait().unwrap(), 7);
    let mut worker = Worker::start("idle", Limits::default());
    worker.lines_to("ready");
    worker.process.terminate();
    assert_eq!(worker.process.wait().unwrap(), 128 + libc::SIGTERM);
}

fn the_whole_tree_is_killed() {
    let mut worker = Worker::start("tree", Limits::default());
    worker.lines_to("ready");
    worker.processes(TREE);
    let took = worker.kill();
    assert!(took < Duration::from_secs(1), "{took:?}");
}

fn a_killed_guard_leaves_orphans_that_are_killed() {
    let (mut worker, mut other) = (Worker::start("tree", Limits::default()), Worker::start("tree", Limits::default()));
    for worker in [&mut worker, &mut other] {
        worker.lines_to("ready");
        worker.processes(TREE);
    }
    signal(worker.guard(), libc::SIGKILL);
    worker.process.wait().unwrap();
    kill_orphans(&[other.guard()]);
    // The other worker has not noticed.
    other.processes(TREE);
    assert_eq!(other.process.try_wait().unwrap(), None);
    other.kill();
}

/// The soft limit behind a name in what the worker says.
fn soft_limit(lines: &[String], name: &str) -> Option<u64> {
    let line = lines.iter().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().ok()
}

fn limits_are_set() {
    let mut worker = Worker::start("report", Limits::default());
    let lines = worker.lines_to("ready");
    assert_eq!(lines[0], "NoNewPrivs:\t1");
    let own: i32 = std::fs::read_to_string("/proc/self/oom_score_adj").unwrap().trim().parse().unwrap();
    assert_eq!(lines[1], format!("oom_score_adj {}", (own + 500).clamp(500, 1000)));
    assert_eq!(soft_limit(&lines, "Max core file size"), Some(0));
    assert!(soft_limit(&lines, "Max open files").is_some_and(|limit| limit <= DESCRIPTORS));
    worker.kill();
}

fn limits_of_a_user() {
    let mut worker = Worker::start("report", Limits::default());
    let lines = worker.lines_to("ready");
    let limit = soft_limit(&lines, "Max processes").expect("a limit");
    // What the user has already is known up to a factor of two.
    assert!((PROCESSES..=65_536 + PROCESSES + THREADS).contains(&limit), "{limit}");
    worker.kill();
}

fn a_fork_bomb() {
    bomb("bomb");
}

fn a_scattered_fork_bomb() {
    bomb("scattered bomb");
}

fn bomb(behaviour: &str) {
    let limits = Limits { processes: 100, threads: 50, ..Limits::default() };
    let mut worker = Worker::start(behaviour, limits);
    assert_eq!(worker.line(), "refused");
    let processes = usage::of_descendants(worker.guard()).processes;
    // The user may have had no task of its own, but the guard knows that only up to 256.
    assert!((100..1000).contains(&processes), "{processes}");
    // Who is not the worker can go on: the test is of the same user, and bound by no limit of the worker.
    assert!(std::process::Command::new("true").status().unwrap().success());
    let took = worker.kill();
    assert!(took < Duration::from_secs(2), "{took:?}");
}

fn leaked_descriptors() {
    let own = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = own();
    let mut worker = Worker::start("leak", Limits { descriptors: 200, ..Limits::default() });
    let line = worker.line();
    let count: u64 = line.strip_prefix("refused after ").unwrap().parse().unwrap();
    assert!((150..200).contains(&count), "{count}");
    assert_eq!(usage::of_descendants(worker.guard()).descriptors, 200);
    worker.kill();
    for _ in 0..20 {
        Worker::start("idle", Limits::default()).kill();
    }
    assert_eq!(own(), before);
}

fn what_a_worker_uses() {
    let mut worker = Worker::start("threads", Limits::default());
    worker.lines_to("ready");
    let used = usage::of_descendants(worker.guard());
    assert_eq!((used.processes, used.threads), (1, 6));
    assert!(used.resident_bytes > 64 << 20 && used.resident_bytes < 256 << 20, "{used:?}");
    assert!((33..60).contains(&used.descriptors), "{used:?}");
    let fair = usage::shared_fairly(worker.guard()).unwrap();
    assert!(fair > 64 << 20 && fair <= used.resident_bytes + (1 << 20), "{fair} {used:?}");
    worker.kill();
    let mut tree = Worker::start("tree", Limits::default());
    tree.lines_to("ready");
    tree.processes(TREE);
    assert_eq!(usage::of_descendants(tree.guard()).processes, TREE);
    tree.kill();
}

fn a_debugger() {
    let mut worker = Worker::start("traced", Limits::default());
    worker.lines_to("ready");
    let (pid, own) = (worker.pid(), std::process::id());
    assert_eq!((usage::tracer_of(pid), usage::debugger_of(worker.guard())), (None, None));
    let number = libc::pid_t::try_from(pid).unwrap();
    // SAFETY: attaches to a descendant; no memory is touched.
    let attached = unsafe { libc::ptrace(libc::PTRACE_SEIZE, number, 0, 0) };
    assert_eq!(attached, 0, "{}", std::io::Error::last_os_error());
    assert_eq!((usage::tracer_of(pid), usage::debugger_of(worker.guard())), (Some(own), Some(own)));
    // Whoever traces a process has to wait for it as well.
    signal(pid, libc::SIGKILL);
    let traced = rustix::process::Pid::from_raw(number);
    rustix::process::waitpid(traced, rustix::process::WaitOptions::empty()).unwrap();
    worker.kill();
}
