//! What a worker and everything that it has started use, and whether a debugger looks at it.
//!
//! Everything is read from `/proc`, without waiting for anything. A worker without children costs about 100 µs (`examples/flood_bench.rs`).

use std::time::Duration;

use crate::processes::{Stat, descendants};

/// What the worker and all its descendants use together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processes, those included that have ended and that nobody has waited for. It stops at [`MAX_PROCESSES`](crate::processes::MAX_PROCESSES).
    pub processes: usize,
    /// Threads of all of them.
    pub threads: u64,
    /// Memory. What several processes share counts for each of them; [`shared_fairly`] is exact.
    pub resident_bytes: u64,
    /// Processor time of those that live, and of those that they have waited for.
    pub cpu: Duration,
    /// Open descriptors of the worker itself; 0 if they cannot be counted.
    pub descriptors: u64,
}

/// What the worker behind a guard uses, with all its descendants.
pub fn of_descendants(guard_pid: u32) -> Usage {
    let pids = descendants(guard_pid);
    let mut usage = Usage { processes: pids.len(), ..Usage::default() };
    let (mut pages, mut ticks) = (0, 0);
    for stat in pids.iter().filter_map(|&pid| Stat::read(pid)) {
        usage.threads += stat.threads;
        pages += stat.resident_pages;
        ticks += stat.ticks;
    }
    usage.resident_bytes = pages * system_value(libc::_SC_PAGESIZE);
    usage.cpu = Duration::from_millis(ticks * 1000 / system_value(libc::_SC_CLK_TCK));
    // The guard starts the worker before anything else, and adopts later.
    usage.descriptors = pids.first().map_or(0, |&worker| open_descriptors(worker));
    usage
}

/// The worker's process behind a guard.
pub fn worker_of(guard_pid: u32) -> Option<u32> {
    descendants(guard_pid).first().copied()
}

/// The memory of a worker and its descendants, where a page that several processes share counts once: after a fork they share nearly everything, and [`Usage::resident_bytes`] is a multiple of
/// what killing them would free. It takes milliseconds for large processes, so ask when the cheap number is too high. None if the kernel does not tell.
pub fn shared_fairly(guard_pid: u32) -> Option<u64> {
    let mut kilobytes = 0;
    let mut told = false;
    for pid in descendants(guard_pid) {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        if let Some(own) = number_after(&text, "Pss:") {
            kilobytes += own;
            told = true;
        } else if let Some(stat) = Stat::read(pid) {
            // One that keeps secrets (PR_SET_DUMPABLE) tells this to root only, and must not be without a limit for it.
            kilobytes += stat.resident_pages * system_value(libc::_SC_PAGESIZE) / 1024;
        }
    }
    told.then_some(kilobytes * 1024)
}

/// The process that traces another one: a debugger.
pub fn tracer_of(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    number_after(&status, "TracerPid:").and_then(|pid| u32::try_from(pid).ok()).filter(|&pid| pid != 0)
}

/// A debugger that is attached to the worker or to a descendant of it, such as the program behind the gateway. Descendants that trace each other do not count: a worker could make itself immortal.
pub fn debugger_of(guard_pid: u32) -> Option<u32> {
    let pids = descendants(guard_pid);
    pids.iter().find_map(|&pid| tracer_of(pid).filter(|tracer| !pids.contains(tracer)))
}

/// The number behind a key of a file with one key in each line.
fn number_after(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

fn open_descriptors(pid: u32) -> u64 {
    let path = format!("/proc/{pid}/fd");
    // Since Linux 6.2 the size of the directory is the number of its entries; before, it is 0.
    match std::fs::metadata(&path) {
        Ok(directory) if directory.len() > 0 => directory.len(),
        _ => std::fs::read_dir(&path).map_or(0, |entries| entries.count() as u64),
    }
}

/// A property of the system that does not change. It is never 0, as it divides.
fn system_value(name: libc::c_int) -> u64 {
    // SAFETY: sysconf reads no memory of the caller.
    let value = unsafe { libc::sysconf(name) };
    u64::try_from(value).unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_key() {
        let status = "Name:\tx\nTracerPid:\t12\nPss:   34 kB\n";
        assert_eq!(number_after(status, "TracerPid:"), Some(12));
        assert_eq!(number_after(status, "Pss:"), Some(34));
        assert_eq!(number_after(status, "Rss:"), None);
        assert_eq!(number_after("Pss:\n", "Pss:"), None);
    }

    #[test]
    fn nobody_traces_a_process_that_is_gone() {
        assert_eq!(tracer_of(u32::MAX), None);
        assert_eq!(of_descendants(u32::MAX), Usage::default());
        assert_eq!(shared_fairly(u32::MAX), None);
    }

    #[test]
    fn descriptors_are_counted() {
        let before = open_descriptors(std::process::id());
        let files: Vec<_> = (0..50).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
        // Other tests of this process open and close some at the same time.
        assert!(open_descriptors(std::process::id()) + 20 > before + files.len() as u64);
        assert!(before > 2);
    }
}
