//! A server process: started, its cost read from `/proc`, ended.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// A running server, ended with this value.
pub(crate) struct Server {
    child: Child,
    /// Every server ends with its standard input, also when the benchmark is killed.
    stdin: ChildStdin,
}

impl Server {
    /// Starts a server. Its standard error is the benchmark's.
    pub(crate) fn start(command: &mut Command) -> Result<Server> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("cannot start Python")?;
        let stdin = child.stdin.take().context("the server has no standard input")?;
        Ok(Server { child, stdin })
    }

    /// Writes a line to the server's standard input.
    pub(crate) fn tell(&mut self, line: &str) -> Result<()> {
        writeln!(self.stdin, "{line}").context("the server does not read its standard input")
    }

    /// Waits for a line on the server's standard output.
    pub(crate) fn wait_for_line(&mut self) -> Result<()> {
        let stdout = self.child.stdout.take().context("the server's output was read already")?;
        let read = BufReader::new(stdout).read_line(&mut String::new())?;
        if read == 0 {
            bail!("the server ended before it was ready: {}", self.child.wait()?);
        }
        Ok(())
    }

    /// The processor time of all its threads, in nanoseconds.
    pub(crate) fn cpu_ns(&self) -> Result<u64> {
        let mut total = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            total += on_cpu(&thread?.path().join("schedstat"))?;
        }
        Ok(total)
    }

    /// Its resident memory in kilobytes.
    pub(crate) fn resident_kb(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|rest| rest.split_whitespace().next()).context("the server is gone")?;
        Ok(number.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that has ended by itself is what is wanted, too.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first number of a thread's `schedstat`; a thread that has just ended counts no more.
fn on_cpu(schedstat: &Path) -> Result<u64> {
    let Ok(text) = fs::read_to_string(schedstat) else { return Ok(0) };
    let first = text.split_whitespace().next().context("an empty schedstat")?;
    first.parse().with_context(|| format!("{} is not what it should be", schedstat.display()))
}
