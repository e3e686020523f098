//! Waiting for what the plugin does besides answering: log lines, notes of its workers, processes.

use std::time::{Duration, Instant};

use super::{Entry, Host, LIMIT};
use crate::processes;

impl Host {
    /// Everything that was logged so far, through the API and on standard error.
    pub(crate) fn entries(&mut self) -> Vec<Entry> {
        let mut entries = self.api.logged.clone();
        entries.extend(self.log.lock().unwrap().entries.iter().cloned());
        entries
    }

    /// Waits for a line of the log that contains this text.
    #[track_caller]
    pub(crate) fn logged(&mut self, text: &str) -> Entry {
        self.until(&format!("{text:?} in the log"), LIMIT, |host| {
            host.entries().into_iter().find(|entry| entry.message.contains(text))
        })
    }

    /// Waits for a line of the workers' journal.
    #[track_caller]
    pub(crate) fn noted(&mut self, line: &str, times: usize) {
        self.until(&format!("{line:?} in the journal {times} times"), LIMIT, |host| {
            let journal = host.bundle.journal();
            (journal.iter().filter(|noted| noted.starts_with(line)).count() >= times).then_some(())
        });
    }

    /// Stops the bridge until a worker has noted a line, so that everything that happens meanwhile comes to it at once.
    #[track_caller]
    pub(crate) fn stop_until_noted(&mut self, line: &str) {
        processes::signal(self.pid(), libc::SIGSTOP);
        let started = Instant::now();
        while !self.bundle.journal().iter().any(|noted| noted == line) {
            assert!(started.elapsed() < LIMIT, "{line:?} is not in the journal\n{}", self.report());
            std::thread::sleep(Duration::from_millis(5));
        }
        processes::signal(self.pid(), libc::SIGCONT);
    }

    /// Waits until no process of the bundle is left.
    #[track_caller]
    pub(crate) fn nothing_left(&mut self, limit: Duration) {
        let started = Instant::now();
        loop {
            let left = processes::of_bundle(self.bundle.path(), 0);
            let bridge = self.exit.is_none() && self.child.try_wait().unwrap().is_none();
            if left.is_empty() && !bridge {
                return;
            }
            assert!(started.elapsed() < limit, "left: {left:?}\n{}", self.report());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the worker of a plugin that was refused is gone, and its guard.
    #[track_caller]
    pub(crate) fn nothing_left_but_the_bridge(&mut self) {
        self.processes(0);
    }

    /// Waits until so many processes of the bundle run, the bridge left out.
    #[track_caller]
    pub(crate) fn processes(&mut self, count: usize) -> Vec<processes::Process> {
        let bridge = self.pid();
        self.until(&format!("{count} processes"), Duration::from_secs(5), |host| {
            let found = processes::of_bundle(host.bundle.path(), bridge);
            (found.len() == count).then_some(found)
        })
    }

    /// The worker that was started last.
    #[track_caller]
    pub(crate) fn worker(&mut self) -> u32 {
        let journal = self.bundle.journal();
        journal.iter().rev().find_map(|line| line.strip_prefix("start ")?.parse().ok()).unwrap()
    }

    /// The process of one of several workers that was started last.
    #[track_caller]
    pub(crate) fn worker_of(&mut self, index: usize) -> u32 {
        let mark = format!("start of {index} ");
        let journal = self.bundle.journal();
        journal.iter().rev().find_map(|line| line.strip_prefix(&mark)?.parse().ok()).unwrap()
    }

    /// The guard of the worker that was started last.
    #[track_caller]
    pub(crate) fn guard(&mut self) -> u32 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.worker())).unwrap();
        let guard = stat.rsplit(") ").next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        assert_ne!(guard, self.pid());
        guard
    }
}
