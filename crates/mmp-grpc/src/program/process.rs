//! The program's process: started with its token, watched, ended.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use mmp_worker::token::Token;
use rustix::process::{Pid, Signal};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};
use tokio::signal::unix::{SignalKind, signal};

use crate::frames::Place;
use crate::settings::{API_TARGET, HOOKS_TARGET, OWN_PREFIX, SOCKET, Settings, WORKER_INDEX, WORKERS};

/// How long a program may take to end when it is asked to. The bridge kills the gateway, and with it the program, a little later.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often it is looked whether a process is left of a program whose first process has ended. Nobody tells of the end of a group.
const LOOK: Duration = Duration::from_millis(5);

/// A running program. It inherits standard output and standard error, which are pipes into the server's log.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// The process group that it leads: a program behind a shell is asked to end as well.
    group: Option<Pid>,
    /// Kept open: end of file tells the program that the gateway is gone.
    stdin: Option<ChildStdin>,
}

impl Process {
    /// Starts the program and gives it its token. `place` is what the bridge has said in WELCOME; without it the program inherits what the bridge has put into the environment.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn start(settings: &Settings, token: &Token, place: Option<Place>) -> io::Result<Process> {
        let (program, arguments) =
            settings.command.split_first().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).process_group(0).kill_on_drop(true);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with(OWN_PREFIX)) {
                command.env_remove(name);
            }
        }
        command.env(API_TARGET, target(&settings.api_socket())?);
        if settings.hooks {
            command.env(HOOKS_TARGET, target(&settings.hooks_socket())?).env_remove(SOCKET);
        }
        if let Some(place) = place {
            command.env(WORKER_INDEX, place.index.to_string()).env(WORKERS, place.workers.to_string());
        }
        let mut child = command.spawn()?;
        let group = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        let mut stdin = child.stdin.take();
        if let Some(stdin) = &mut stdin {
            // 65 bytes fit in any pipe. A program that has closed its end already will be heard of.
            let _ = stdin.write_all(format!("{}\n", token.reveal()).as_bytes()).await;
        }
        Ok(Process { child, group, stdin })
    }

    /// Takes every SIGTERM from now on. The bridge's guard sends it to its own process group when the worker does not end, and the program leads another: it is passed on, or has no effect where
    /// the gateway asks the program to end at STOP already. Either way the gateway waits for the program.
    ///
    /// # Errors
    /// When the signal cannot be taken.
    pub fn take_termination(&self, pass_on: bool) -> io::Result<()> {
        let mut asked = signal(SignalKind::terminate())?;
        let group = self.group.filter(|_| pass_on);
        tokio::spawn(async move {
            while asked.recv().await.is_some() {
                if let Some(group) = group {
                    // This task ends with the gateway, which ends as soon as the program's first process is collected.
                    let _ = rustix::process::kill_process_group(group, Signal::TERM);
                }
            }
        });
        Ok(())
    }

    /// Waits until the program has ended. Returns the code to exit with: its own, or 128 plus the signal that ended it.
    ///
    /// # Errors
    /// Those of waiting.
    pub async fn wait(&mut self) -> io::Result<i32> {
        Ok(exit_code(self.child.wait().await?))
    }

    /// Asks the program to end, and kills what is left of it if it does not in time. Its standard input stays open until then: an end of file would take the place of the signal.
    ///
    /// # Errors
    /// Those of waiting.
    pub async fn stop(&mut self) -> io::Result<()> {
        self.signal(Signal::TERM);
        let ended = tokio::time::timeout(PATIENCE, self.all_ended()).await;
        self.stdin = None;
        match ended {
            Ok(ended) => ended,
            Err(_) => self.kill().await,
        }
    }

    /// Ends the program at once.
    ///
    /// # Errors
    /// Those of waiting.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.signal(Signal::KILL);
        self.child.wait().await.map(drop)
    }

    /// Waits for every process of the program. A shell ends at once, and what it has started may still have something to do.
    async fn all_ended(&mut self) -> io::Result<()> {
        self.child.wait().await?;
        while self.group.is_some_and(exists) {
            tokio::time::sleep(LOOK).await;
        }
        // The number is anybody's from here on.
        self.group = None;
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // The first process is not collected yet, or another one is left, so the number is still the program's own; all may have ended by themselves.
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.id().is_some() {
            self.signal(Signal::KILL);
        }
    }
}

fn exists(group: Pid) -> bool {
    rustix::process::test_kill_process_group(group) != Err(rustix::io::Errno::SRCH)
}

/// The target of a socket, as gRPC libraries write it.
fn target(socket: &std::path::Path) -> io::Result<std::ffi::OsString> {
    let mut target = std::ffi::OsString::from("unix:");
    target.push(std::path::absolute(socket)?);
    Ok(target)
}

fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}
