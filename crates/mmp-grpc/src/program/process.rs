//! The program's process: started with its token, watched, ended.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use mmp_worker::token::Token;
use rustix::process::{Pid, Signal};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};

use crate::settings::{API_TARGET, HOOKS_TARGET, OWN_PREFIX, SOCKET, Settings};

/// How long a program may take to end when it is asked to. The bridge kills the gateway, and with it the program, a little later.
const PATIENCE: Duration = Duration::from_secs(1);

/// A running program. It inherits standard output and standard error, which are pipes into the server's log.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// Kept open: end of file tells the program that the gateway is gone.
    stdin: Option<ChildStdin>,
}

impl Process {
    /// Starts the program and gives it its token.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn start(settings: &Settings, token: &Token) -> io::Result<Process> {
        let (program, arguments) =
            settings.command.split_first().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).kill_on_drop(true);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with(OWN_PREFIX)) {
                command.env_remove(name);
            }
        }
        command.env(API_TARGET, target(&settings.api_socket())?);
        if settings.hooks {
            command.env(HOOKS_TARGET, target(&settings.hooks_socket())?).env_remove(SOCKET);
        }
        let mut child = command.spawn()?;
        let mut stdin = child.stdin.take();
        if let Some(stdin) = &mut stdin {
            // 65 bytes fit in any pipe. A program that has closed its end already will be heard of.
            let _ = stdin.write_all(format!("{}\n", token.reveal()).as_bytes()).await;
        }
        Ok(Process { child, stdin })
    }

    /// Waits until the program has ended. Returns the code to exit with: its own, or 128 plus the signal that ended it.
    ///
    /// # Errors
    /// Those of waiting.
    pub async fn wait(&mut self) -> io::Result<i32> {
        Ok(exit_code(self.child.wait().await?))
    }

    /// Asks the program to end, and kills it if it does not in time.
    ///
    /// # Errors
    /// Those of waiting.
    pub async fn stop(&mut self) -> io::Result<()> {
        self.stdin = None;
        self.signal(Signal::TERM);
        match tokio::time::timeout(PATIENCE, self.child.wait()).await {
            Ok(ended) => ended.map(drop),
            Err(_) => self.child.kill().await,
        }
    }

    /// Ends the program at once.
    ///
    /// # Errors
    /// Those of waiting.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.child.kill().await
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It is not collected yet, so the number is still its own; it may have ended by itself.
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
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
