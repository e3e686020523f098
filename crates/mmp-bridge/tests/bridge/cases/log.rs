//! The worker's log lines and its output.

use super::tests;
use crate::bundle::Bundle;
use crate::host::{Entry, Host, LIMIT};
use crate::runner::Test;
use crate::script::Script;

pub(crate) const TESTS: &[Test] = tests![
    lines_keep_their_order,
    lines_go_one_by_one,
    lines_that_the_host_did_not_come_to,
    output_becomes_log_lines,
    a_flood_is_bounded,
    a_flood_of_log_frames_is_bounded,
    what_the_bridge_says_survives_a_flood,
    the_watchdog_is_heard_in_a_flood,
    who_pretends_to_be_the_watchdog_is_limited,
];

fn lines_keep_their_order() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    host.posted("log 300");
    host.logged("line 299");
    let lines: Vec<_> = host.entries().into_iter().filter(|entry| entry.message.starts_with("line ")).collect();
    for (number, entry) in lines.iter().enumerate() {
        assert_eq!(entry.message, format!("line {number}"));
        assert!(entry.level == "warn" && entry.through_api, "{entry}");
        assert_eq!(entry.fields["@message"], "a field of this name is no message");
    }
    assert_eq!(lines.len(), 300);
    // Once the API is gone, lines go to standard error, where a field cannot take the place of the message.
    assert_eq!(host.quit().0, Some(0));
    let entry = host.logged("goodbye");
    assert!(!entry.through_api, "{entry}");
    host.finish();
}

/// A server that has got the first of so many lines, and does not answer; and how many it had before.
fn holding(lines: usize) -> (Host, usize) {
    let mut host = Host::active(Bundle::new(&Script::default()));
    host.posted("log 1");
    host.logged("line 0");
    host.api.holds_log = true;
    let before = host.api.logged.len();
    host.posted(&format!("log {lines}"));
    host.until("the first line", LIMIT, |host| (host.api.logged.len() > before).then_some(()));
    (host, before)
}

/// The server serves calls concurrently, so the next line waits until it has answered the last.
fn lines_go_one_by_one() {
    let (mut host, before) = holding(5);
    host.ping();
    assert_eq!(host.api.logged.len(), before + 1);
    host.release_log();
    host.logged("line 4");
    assert_eq!(host.api.logged.len(), before + 5);
    host.finish();
}

/// As when the server ends a plugin whose activation has failed: the line that says why must not be lost with the call that carries it.
fn lines_that_the_host_did_not_come_to() {
    let (mut host, _) = holding(3);
    assert_eq!(host.quit().0, Some(0));
    host.until("the lines on standard error", LIMIT, |host| {
        let entries = host.entries();
        let mut lines = entries.iter().filter(|entry| !entry.through_api && entry.message.starts_with("line "));
        (0..3).all(|number| lines.any(|line| line.message == format!("line {number}"))).then_some(())
    });
    host.finish();
}

fn output_becomes_log_lines() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    host.posted("print 50");
    host.logged("printed 49");
    let printed: Vec<_> = host.entries().into_iter().filter(|entry| entry.message.starts_with("printed")).collect();
    assert_eq!(printed.len(), 50);
    assert!(printed.iter().all(|entry| entry.level == "info" && entry.fields["source"] == "stdout"), "{printed:?}");
    host.finish();
}

/// The lines that do not fit are counted, hooks are answered in between, and the bridge stays small.
fn a_flood_is_bounded() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    let flood = host.post("print 300000");
    while !host.is_done(&flood) {
        assert_eq!(host.posted("edit it").0, "it");
    }
    host.wait(flood).unwrap();
    // Every line has passed or is counted; a flood that takes long is reported more than once.
    host.until("the count of what was suppressed", LIMIT, |host| {
        let entries = host.entries();
        let passed = entries.iter().filter(|entry| entry.message.starts_with("printed ")).count();
        let reports = entries.iter().filter(|entry| entry.message.ends_with("of output were suppressed"));
        let counts = reports.filter_map(|entry| entry.message.split(' ').next()?.parse::<usize>().ok());
        let suppressed = counts.sum::<usize>();
        (suppressed > 0 && passed + suppressed == 300_000).then_some(())
    });
    let memory = crate::processes::memory(host.pid());
    assert!(memory < 32 * 1024, "{memory} KiB");
    host.finish();
}

/// The same for lines that the plugin logs as it should.
fn a_flood_of_log_frames_is_bounded() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    host.posted("log 5000");
    host.until("the count of what was suppressed", LIMIT, |host| {
        let entries = host.entries();
        let passed = entries.iter().filter(|entry| entry.message.starts_with("line ")).count();
        let reports = entries.iter().filter(|entry| entry.message.ends_with("of output were suppressed"));
        let of_log = reports.filter(|entry| entry.level == "warn" && entry.fields["source"] == "log");
        let suppressed: usize = of_log.filter_map(|entry| entry.message.split(' ').next()?.parse::<usize>().ok()).sum();
        (suppressed > 0 && passed >= 1000 && passed + suppressed == 5000).then_some(())
    });
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}

/// A worker logs in every way that it has, to a server that takes no lines, and dies.
fn what_the_bridge_says_survives_a_flood() {
    let mut host = Host::active(Bundle::new(&Script { noted: true, ..Script::default() }));
    host.api.holds_log = true;
    host.posted("flood 3000");
    crate::processes::kill(host.worker());
    host.noted("start ", 2);
    host.noted("OnActivate", 2);
    host.release_log();
    let ended = host.logged("the plugin's worker ended: it was ended by signal 9 (SIGKILL)");
    assert!(ended.level == "error" && ended.fields["previous"] == "ready", "{ended}");
    host.logged("the plugin's worker was started again and is active");
    // The lines of the flood were more than the queue takes, and those that it took come first.
    host.logged("log lines were dropped");
    let entries = host.entries();
    let is_of_flood =
        |entry: &Entry| ["printed ", "complained ", "line "].iter().any(|text| entry.message.starts_with(text));
    let last = entries.iter().rposition(is_of_flood).unwrap();
    let said = entries.iter().position(|entry| *entry == ended).unwrap();
    assert!((2000..said).contains(&last), "{last} {said}");
    host.finish();
}

/// How many lines of the watchdog come through when the plugin has logged all that it may.
fn heard(host: &mut Host, count: u32) -> usize {
    host.posted("log 5000");
    host.posted(&format!("watchdog {count}"));
    host.logged("of output were suppressed");
    host.entries().iter().filter(|entry| entry.message.starts_with("hangs ")).count()
}

fn the_watchdog_is_heard_in_a_flood() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    assert_eq!(heard(&mut host, 10), 10);
    host.finish();
}

fn who_pretends_to_be_the_watchdog_is_limited() {
    let mut host = Host::active(Bundle::new(&Script::default()));
    let heard = heard(&mut host, 3000);
    // Those that the plugin may log in the meantime are among them.
    assert!((16..1000).contains(&heard), "{heard}");
    host.finish();
}
