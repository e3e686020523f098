//! What a flood of output costs the thread that reads it, and what it costs to ask what a worker uses: `cargo run --release -p mmp-worker --example flood_bench`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that fails is none")]

use std::io::Write as _;
use std::time::{Duration, Instant};

use mmp_worker::connection::Received;
use mmp_worker::output::{Item, Lines};
use mmp_worker::usage;

/// How much each flood has.
const BYTES: usize = 4 << 30;

fn main() {
    for length in [20, 80, 1000, 10_000_000] {
        flood(length);
    }
    questions();
}

/// The processor time of this thread.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one timespec.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) }, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn flood(length: usize) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut lines = Lines::new(reader).unwrap();
    let mut text = vec![b'x'; length.max(64 * 1024)];
    text.iter_mut().skip(length - 1).step_by(length).for_each(|byte| *byte = b'\n');
    let count = BYTES / text.len();
    let writing = std::thread::spawn(move || (0..count).for_each(|_| writer.write_all(&text).unwrap()));
    let (started, before) = (Instant::now(), processor_time());
    let (mut passed, mut turns, mut longest) = (0u64, 0u64, Duration::ZERO);
    loop {
        let now = Instant::now();
        let received = lines.read(now, |item| passed += u64::from(matches!(item, Item::Line { .. }))).unwrap();
        longest = longest.max(now.elapsed());
        turns += 1;
        match received {
            Received::Closed => break,
            Received::More | Received::Short => {}
            Received::Drained => {
                let fd = lines.fd();
                let mut waiting = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
                // SAFETY: one descriptor, which is open.
                unsafe { libc::poll(&raw mut waiting, 1, -1) };
            }
        }
    }
    let (wall, busy) = (started.elapsed(), processor_time() - before);
    writing.join().unwrap();
    let rate = |time: Duration| BYTES as f64 / 1e6 / time.as_secs_f64();
    let text = format!(
        "lines of {length}: {:.0} MB/s, {:.0} MB for each second of the reader's processor, {turns} turns, the longest {longest:?}, {passed} lines passed",
        rate(wall),
        rate(busy)
    );
    println!("{text}");
}

fn questions() {
    let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let own = std::process::id();
    let rounds = 1000;
    let started = Instant::now();
    let count = (0..rounds).map(|_| usage::of_descendants(own).processes).sum::<usize>();
    let usage = started.elapsed() / rounds;
    let started = Instant::now();
    let traced = (0..rounds).filter(|_| usage::debugger_of(own).is_some()).count();
    let debugger = started.elapsed() / rounds;
    child.kill().unwrap();
    child.wait().unwrap();
    println!("usage {usage:?}, debugger {debugger:?} ({count}, {traced})");
}
