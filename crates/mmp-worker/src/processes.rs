//! The tree of processes, read from `/proc`.

use std::collections::HashMap;
use std::path::Path;

/// How many descendants are looked at: a fork bomb must not cost the bridge its time.
pub const MAX_PROCESSES: usize = 4096;

/// The descendants of a process, itself not among them; its own children come first, oldest first, and what it has adopted after them. At most [`MAX_PROCESSES`]; processes that come and go
/// meanwhile may be missed.
pub fn descendants(pid: u32) -> Vec<u32> {
    // Kernels without CONFIG_PROC_CHILDREN keep no such lists, so everything is looked through once.
    let listed = Path::new("/proc/thread-self/children").exists();
    let scanned = if listed { HashMap::new() } else { scan() };
    let children = |pid| if listed { listed_children(pid) } else { scanned.get(&pid).cloned().unwrap_or_default() };
    let mut found = children(pid);
    let mut looked_at = 0;
    while looked_at < found.len() && found.len() < MAX_PROCESSES {
        found.extend(children(found[looked_at]));
        looked_at += 1;
    }
    found.truncate(MAX_PROCESSES);
    found
}

/// The children of the calling thread: those that it has started, and on the main thread what this process has adopted.
pub(crate) fn children_of_this_thread() -> Vec<u32> {
    match std::fs::read_to_string("/proc/thread-self/children") {
        Ok(listed) => listed.split_whitespace().filter_map(|pid| pid.parse().ok()).collect(),
        Err(_) => scan().remove(&std::process::id()).unwrap_or_default(),
    }
}

/// The children of all threads of a process, as the kernel lists them.
fn listed_children(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    // A process that is gone meanwhile has no children.
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return found };
    for thread in threads.flatten() {
        let listed = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        found.extend(listed.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    found
}

/// The children of every process, oldest first.
fn scan() -> HashMap<u32, Vec<u32>> {
    let mut processes: Vec<(u64, u32, u32)> = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if let Some(stat) = Stat::read(pid) {
            processes.push((stat.started, pid, stat.parent));
        }
    }
    processes.sort_unstable();
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for (_, pid, parent) in processes {
        children.entry(parent).or_default().push(pid);
    }
    children
}

/// What the kernel says of a process in one line, as far as it is used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    /// The parent's number.
    pub(crate) parent: u32,
    /// The processor time of the process and of its children that were waited for, in ticks.
    pub(crate) ticks: u64,
    /// Its threads.
    pub(crate) threads: u64,
    /// When it was started, in ticks since the system was.
    started: u64,
    /// Its pages in memory.
    pub(crate) resident_pages: u64,
}

impl Stat {
    /// None if the process is gone.
    pub(crate) fn read(pid: u32) -> Option<Stat> {
        // The name is no text if the program wants that.
        let line = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
        Stat::parse(&String::from_utf8_lossy(&line))
    }

    fn parse(line: &str) -> Option<Stat> {
        // The second field, the name in parentheses, may hold anything. What follows it begins with field 3 of proc(5).
        let fields: Vec<&str> = line.rsplit_once(") ")?.1.split_ascii_whitespace().collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        let time = [14, 15, 16, 17].into_iter().filter_map(number);
        Some(Stat {
            parent: u32::try_from(number(4)?).ok()?,
            ticks: time.sum(),
            threads: number(20)?,
            started: number(22)?,
            resident_pages: number(24)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_look_like_fields() {
        let line = "7 (a) R 1 (x) S 3 7 7 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 5 0 99 1000 42 18446744073709551615 1";
        let expected = Stat { parent: 3, ticks: 100, threads: 5, started: 99, resident_pages: 42 };
        assert_eq!(Stat::parse(line), Some(expected));
        for bad in ["", "7 (a) R", "7 (a) R x y z"] {
            assert_eq!(Stat::parse(bad), None);
        }
    }

    #[test]
    fn lists_and_a_scan_agree() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let own = std::process::id();
        assert!(listed_children(own).contains(&child.id()));
        assert!(scan().get(&own).unwrap().contains(&child.id()));
        assert!(descendants(own).contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!descendants(own).contains(&child.id()));
    }
}
