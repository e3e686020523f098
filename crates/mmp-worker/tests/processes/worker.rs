//! A worker behind a guard, as the tests see it.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::process::ChildStdout;
use std::time::{Duration, Instant};

use mmp_worker::limits::Limits;
use mmp_worker::process::{Process, Program};
use mmp_worker::token::Token;
use mmp_worker::{processes, usage};

use crate::misbehaviour;

/// A user that has nothing to do with this one: `nobody`.
pub(crate) const OTHER_USER: u32 = 65534;

/// How long something may take that should happen at once.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Worker {
    pub(crate) process: Process,
    stdout: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts a worker that does this.
    pub(crate) fn start(behaviour: &str, limits: Limits) -> Worker {
        let executable: OsString = std::env::current_exe().unwrap().into();
        let program = Program {
            command: vec![executable, misbehaviour::ARGUMENT.into(), behaviour.into()],
            environment: std::env::vars_os().collect(),
            directory: "/".into(),
            limits,
        };
        let (process, output) = Process::start(&program, &Token::random().unwrap()).unwrap();
        Worker { process, stdout: BufReader::new(output.stdout.unwrap()) }
    }

    /// Its next line.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The lines before one.
    pub(crate) fn lines_to(&mut self, last: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "it ended with {lines:?}");
            if line == last {
                return lines;
            }
            lines.push(line);
        }
    }

    pub(crate) fn guard(&self) -> u32 {
        self.process.guard_pid()
    }

    pub(crate) fn pid(&self) -> u32 {
        usage::worker_of(self.guard()).unwrap()
    }

    /// Its descendants, when there are so many.
    pub(crate) fn processes(&self, count: usize) -> Vec<u32> {
        until("the processes", || Some(processes::descendants(self.guard())).filter(|all| all.len() == count))
    }

    /// Kills everything, and sees that nothing is left. Returns how long that took.
    pub(crate) fn kill(mut self) -> Duration {
        let started = Instant::now();
        self.process.kill();
        self.process.wait().unwrap();
        let took = started.elapsed();
        nothing_left();
        took
    }
}

/// Nothing that was started here runs any more: this process adopts what loses its guard.
pub(crate) fn nothing_left() {
    let left = processes::descendants(std::process::id());
    assert!(left.is_empty(), "{left:?}");
}

/// Waits until something is so.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// Sends a signal to a process of this test.
pub(crate) fn signal(pid: u32, signal: i32) {
    let pid = libc::pid_t::try_from(pid).unwrap();
    assert!(pid > 1);
    // SAFETY: kill touches no memory; the process is a descendant of this one.
    unsafe { libc::kill(pid, signal) };
}
