//! Many hooks at once and one after the other, and what that costs.

use std::time::{Duration, Instant};

use super::tests;
use crate::bundle::Bundle;
use crate::host::{Host, LIMIT, message_of};
use crate::processes;
use crate::runner::Test;
use crate::script::Script;

pub(crate) const TESTS: &[Test] = tests![
    a_hundred_hooks_at_once,
    slow_handlers_make_the_pool_grow,
    a_full_queue,
    memory_does_not_grow,
    a_worker_that_does_not_read,
    a_server_that_does_not_read,
    a_worker_that_reads_late,
    a_bridge_without_work_sleeps,
];

/// `cargo test -p mmp-bridge --release --test bridge -- --ignored a_million_hooks` takes some minutes.
pub(crate) const LONG: &[Test] =
    &[Test { name: "bridge::cases::load::a_million_hooks", run: a_million_hooks, long: true }];

fn a_hundred_hooks_at_once() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    let calls: Vec<_> = (0..100).map(|number| host.post(&format!("edit {number}"))).collect();
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(message_of(&host.wait(call).unwrap().a), number.to_string());
    }
    host.finish();
}

fn slow_handlers_make_the_pool_grow() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    let started = Instant::now();
    let calls: Vec<_> = (0..32).map(|_| host.post("sleep 400")).collect();
    for call in calls {
        host.wait(call).unwrap();
    }
    // Four connections would need eight times 400 ms.
    assert!(started.elapsed() < Duration::from_millis(2000), "{:?}", started.elapsed());
    host.finish();
}

/// The four handlers never answer and the worker opens connections up to the bound, so 64 run, 10,000 wait, and the rest is refused.
fn a_full_queue() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    let calls: Vec<_> = (0..10_100).map(|_| host.post("hang")).collect();
    host.until("the refusal of what is too much", LIMIT, |host| {
        (calls.iter().filter(|call| host.is_done(call)).count() >= 36).then_some(())
    });
    let entry =
        host.logged("MessageWillBePosted: too many hooks wait for the worker; the server's default is the answer");
    assert_eq!(entry.level, "error");
    host.ping();
    host.finish();
}

/// More calls than a connection may have in flight are read when earlier ones were answered.
fn a_worker_that_reads_late() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    assert_eq!(host.posted("pipeline 2000").0, "pipeline 2000");
    assert_eq!(host.api.gets, 2000);
    host.finish();
}

/// Whatever happened before, and whoever it waits for, the bridge does not look again and again.
fn a_bridge_without_work_sleeps() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    // What is under way may take a moment to come to rest; a loop never does.
    let sleeps = |host: &mut Host, what: &str| {
        host.until(what, LIMIT, |host| {
            let (wakeups, time) = (processes::wakeups(host.pid()), processes::processor_time(host.pid()));
            pause(host, Duration::from_millis(300));
            let quiet = processes::wakeups(host.pid()) - wakeups < 10;
            (quiet && processes::processor_time(host.pid()) - time < 5).then_some(())
        });
    };
    host.posted("print 500");
    host.posted("log 500");
    host.logged("printed 499");
    host.logged("line 499");
    sleeps(&mut host, "sleep without hooks");
    let _hanging = host.post("hang");
    sleeps(&mut host, "sleep while a handler runs");
    let _choked = host.notify("pile 20000");
    host.until("the first calls", LIMIT, |host| (host.api.gets > 300).then_some(()));
    sleeps(&mut host, "sleep while a connection is choked");
    host.finish();
}

/// Serves the bridge for so long.
fn pause(host: &mut Host, length: Duration) {
    let started = Instant::now();
    while started.elapsed() < length {
        host.pump(Duration::from_millis(10));
    }
}

/// Calls one hook so often, and returns by how many KiB the bridge has grown.
fn growth(warm: usize, count: usize) -> i64 {
    let mut host = Host::active(Bundle::new(&Script::default()));
    let run = |host: &mut Host, count: usize| {
        for _ in 0..count / 8 {
            let calls: Vec<_> = (0..8).map(|_| host.post("edit it")).collect();
            for call in calls {
                assert_eq!(message_of(&host.wait(call).unwrap().a), "it");
            }
        }
    };
    run(&mut host, warm);
    let before = processes::memory(host.pid());
    run(&mut host, count);
    let after = processes::memory(host.pid());
    host.finish();
    i64::try_from(after).unwrap() - i64::try_from(before).unwrap()
}

fn memory_does_not_grow() {
    let grown = growth(2_000, 20_000);
    assert!(grown < 1024, "the bridge grew by {grown} KiB");
}

fn a_million_hooks() {
    let grown = growth(20_000, 1_000_000);
    assert!(grown < 1024, "the bridge grew by {grown} KiB");
}

/// 200 calls of 1 MiB on the connection on which as many calls may be open as a worker likes.
fn a_server_that_does_not_read() {
    let mut host = Host::active(Bundle::new(&Script::asynchronous()));
    let _call = host.notify("heap 200");
    host.until("the first calls", LIMIT, |host| (host.api.gets > 0).then_some(()));
    // The server stands still: what the worker calls it with stays where it is.
    let mut memory = 0;
    loop {
        let before = std::mem::replace(&mut memory, processes::memory(host.pid()));
        if memory == before {
            break;
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    assert!(memory < 96 * 1024, "the bridge takes {memory} KiB after {} calls", host.api.gets);
    host.until("all calls", LIMIT, |host| (host.api.gets == 200).then_some(()));
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}

/// 20,000 answers of 64 KiB are 1.3 GB, which the bridge must not take upon itself: it reads no more calls from the connection.
fn a_worker_that_does_not_read() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    let _call = host.notify("pile 20000");
    let mut gets = 0;
    host.until("the calls to come to rest", LIMIT, |host| {
        let before = std::mem::replace(&mut gets, host.api.gets);
        pause(host, Duration::from_millis(300));
        (gets == host.api.gets && gets > before.min(1)).then_some(())
    });
    let memory = processes::memory(host.pid());
    assert!(memory < 64 * 1024, "the bridge takes {memory} KiB after {gets} calls");
    // The other connections are served as ever.
    assert_eq!(host.posted("edit it").0, "it");
    host.ping();
    host.finish();
}
