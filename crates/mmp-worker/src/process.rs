//! The worker process as the bridge sees it: started through the guard, watched, stopped.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout};
use std::time::{Duration, Instant};

use crate::guard;
use crate::limits::Limits;
use crate::processes::{Stat, descendants};
use crate::token::Token;

/// How long a guard may take to end its family: the bridge does nothing else meanwhile. It takes some milliseconds, and a tenth of a second for each GiB that the kernel has to free.
const GUARD_PATIENCE: Duration = Duration::from_millis(600);

/// How to start a worker.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Its whole environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Its working directory.
    pub directory: PathBuf,
    /// How much it may have.
    pub limits: Limits,
}

/// A running worker, behind its guard.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// Becomes readable when the guard has exited; closing it makes the guard kill the worker.
    lifeline: Option<mio::net::UnixStream>,
    /// Kept open for as long as the bridge lives: end of file tells the worker that it is gone.
    _stdin: Option<std::process::ChildStdin>,
}

/// The pipes of a worker's standard output and standard error.
#[derive(Debug)]
pub struct Output {
    /// Standard output.
    pub stdout: Option<ChildStdout>,
    /// Standard error.
    pub stderr: Option<ChildStderr>,
}

impl Process {
    /// Starts a worker and gives it its token.
    ///
    /// # Errors
    /// When the guard cannot be started. That the worker's program does not exist is found by the guard, which writes it to its standard error and exits.
    pub fn start(program: &Program, token: &Token) -> io::Result<(Process, Output)> {
        let Program { command, environment, directory, limits } = program;
        let (mut child, lifeline) = guard::spawn(command, limits, environment, directory)?;
        lifeline.set_nonblocking(true)?;
        let mut stdin = child.stdin.take();
        if let Some(stdin) = &mut stdin {
            // 65 bytes fit in any pipe. A worker that does not even read them will not say hello either.
            let _ = writeln!(stdin, "{}", token.reveal());
        }
        let output = Output { stdout: child.stdout.take(), stderr: child.stderr.take() };
        let lifeline = Some(mio::net::UnixStream::from_std(lifeline));
        Ok((Process { child, lifeline, _stdin: stdin }, output))
    }

    /// The socket that becomes readable when the worker and all its children are gone.
    pub fn lifeline_mut(&mut self) -> Option<&mut mio::net::UnixStream> {
        self.lifeline.as_mut()
    }

    /// The exit code, if the worker has gone: its own, or 128 plus a signal's number.
    ///
    /// # Errors
    /// Those of waiting.
    pub fn try_wait(&mut self) -> io::Result<Option<i32>> {
        Ok(self.child.try_wait()?.map(|status| status.code().unwrap_or(-1)))
    }

    /// Makes the guard ask the worker's process group to end, with SIGTERM. Whether it does is seen by [`Process::lifeline_mut`] and [`Process::try_wait`].
    pub fn terminate(&mut self) {
        if let Some(lifeline) = &mut self.lifeline {
            // A guard that takes no byte is gone, and the worker with it.
            let _ = lifeline.write(&[guard::TERMINATE]);
        }
    }

    /// Sends SIGABRT to what runs the plugin's hooks: the worker, or the program behind a gateway. Python's faulthandler and Go write the stacks of all threads to standard error then, and the
    /// process ends. False if there is no such process.
    pub fn abort(&self, behind_gateway: bool) -> bool {
        // The worker is the guard's first child, and the program the first of the gateway; the guard adopts others later.
        let worker = descendants(self.guard_pid()).first().copied();
        let target = if behind_gateway { worker.and_then(|pid| descendants(pid).first().copied()) } else { worker };
        let pid = target.and_then(|pid| rustix::process::Pid::from_raw(pid as i32));
        pid.is_some_and(|pid| rustix::process::kill_process(pid, rustix::process::Signal::ABORT).is_ok())
    }

    /// Makes the guard kill the worker and all its children. It is gone when the guard has exited, a few milliseconds later.
    pub fn kill(&mut self) {
        self.lifeline = None;
    }

    /// Waits for the end after [`Process::kill`], for a few milliseconds as a rule. A guard that somebody has stopped does nothing, so after [`GUARD_PATIENCE`] it is killed; the kernel then kills
    /// the worker, and [`kill_orphans`](crate::guard::kill_orphans) finds what is left.
    ///
    /// # Errors
    /// Those of waiting.
    pub fn wait(&mut self) -> io::Result<i32> {
        let until = Instant::now() + GUARD_PATIENCE;
        loop {
            if let Some(code) = self.try_wait()? {
                return Ok(code);
            }
            if Instant::now() >= until {
                self.child.kill()?;
                return Ok(self.child.wait()?.code().unwrap_or(-1));
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// Whether a process has nothing to do with the worker: it lives, and neither the worker nor one that the worker has started is it.
    pub fn is_stranger(&self, pid: u32) -> bool {
        // No family is so deep, but a number may be given to another process while this looks.
        const DEEPEST: usize = 64;
        let parent = |pid: u32| Stat::read(pid).map(|stat| stat.parent);
        let mut parents = std::iter::successors(parent(pid), |&pid| parent(pid)).take(DEEPEST).peekable();
        parents.peek().is_some() && !parents.any(|parent| parent == self.child.id())
    }

    /// The guard's process id.
    pub fn guard_pid(&self) -> u32 {
        self.child.id()
    }
}

/// What an exit code means, in words.
pub fn describe_exit(code: i32) -> String {
    match code {
        0 => "it exited with code 0".to_owned(),
        134 => "it was ended by signal 6 (SIGABRT)".to_owned(),
        137 => "it was ended by signal 9 (SIGKILL)".to_owned(),
        139 => "it was ended by signal 11 (SIGSEGV)".to_owned(),
        129..=192 => format!("it was ended by signal {}", code - 128),
        code => format!("it exited with code {code}"),
    }
}
