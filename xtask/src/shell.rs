//! Running programs: each in its own process group, under a deadline, with output to the terminal or into a file.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process_group};

/// The process groups that run now, for the case that this program is told to end.
static RUNNING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Where programs write, and how long they may take.
pub(crate) struct Shell {
    log: Option<File>,
    deadline: Option<Deadline>,
}

struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Shell {
    /// Programs write to the terminal and may take as long as they like.
    pub(crate) fn terminal() -> Shell {
        Shell { log: None, deadline: None }
    }

    /// Programs write into a file; all of them together may take so long, and what they leave behind is ended.
    pub(crate) fn logged(path: &Path, limit: Duration) -> Result<Shell> {
        let log = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Shell { log: Some(log), deadline: Some(Deadline { at: Instant::now() + limit, limit }) })
    }

    /// Tells what happens: a line on standard error, or in the file.
    pub(crate) fn say(&self, line: &str) {
        match self.log.as_ref() {
            // The file is for people who look into a failure; that it cannot be written is no failure of its own.
            Some(mut log) => {
                let _ = writeln!(log, "{line}");
            }
            None => eprintln!("{line}"),
        }
    }

    /// Runs a program; an exit code other than 0 is an error.
    pub(crate) fn run(&self, command: &mut Command) -> Result<()> {
        let status = self.status(command)?;
        if status.success() {
            return Ok(());
        }
        bail!("`{}` failed: {status}", show(command))
    }

    /// Runs a program to its end.
    pub(crate) fn status(&self, command: &mut Command) -> Result<ExitStatus> {
        if let Some(log) = &self.log {
            self.say(&format!("$ {}", show(command)));
            command.stdout(log.try_clone()?).stderr(log.try_clone()?);
        }
        command.stdin(Stdio::null());
        Ok(self
            .finish(command, |mut child| Ok(Output { status: child.wait()?, stdout: vec![], stderr: vec![] }))?
            .status)
    }

    /// Runs a program and returns what it writes to standard output.
    pub(crate) fn read(&self, command: &mut Command) -> Result<String> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = self.finish(command, Child::wait_with_output)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed: {}: {}", show(command), output.status, said.trim())
    }

    /// Runs a program that shows its progress on standard error, and returns what it writes to standard output.
    pub(crate) fn watch(&self, command: &mut Command) -> Result<String> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let output = self.finish(command, Child::wait_with_output)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        bail!("`{}` failed: {}", show(command), output.status)
    }

    /// Waits for a program in its own group, and ends the whole group when the time is up.
    fn finish(
        &self,
        command: &mut Command,
        wait: impl FnOnce(Child) -> std::io::Result<Output> + Send,
    ) -> Result<Output> {
        let child = command.process_group(0).spawn().with_context(|| format!("cannot start `{}`", show(command)))?;
        let group = Group::of(&child);
        let (sender, receiver) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(move || sender.send(wait(child)));
            let Some(deadline) = &self.deadline else { return Ok(receiver.recv()??) };
            let left = deadline.at.saturating_duration_since(Instant::now());
            let outcome = receiver.recv_timeout(left);
            group.end();
            match outcome {
                Ok(output) => Ok(output?),
                Err(_) => Err(anyhow!(
                    "`{}` was ended: the step took longer than its {} seconds",
                    show(command),
                    deadline.limit.as_secs()
                )),
            }
        })
    }
}

/// A process group that is listed in [`RUNNING`] while this value lives.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Group {
        let id = i32::try_from(child.id()).ok();
        if let Some(id) = id {
            running().insert(id);
        }
        Group(id.and_then(Pid::from_raw))
    }

    /// Ends what is left of the group; usually nothing is.
    fn end(&self) {
        if let Some(pid) = self.0 {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            running().remove(&pid.as_raw_nonzero().get());
        }
    }
}

fn running() -> std::sync::MutexGuard<'static, BTreeSet<i32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Children have their own process groups, so a terminal's Ctrl-C does not reach them: this program passes it on.
pub(crate) fn end_children_on_signals() -> Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            for pid in running().iter().filter_map(|&id| Pid::from_raw(id)) {
                let _ = kill_process_group(pid, Signal::KILL);
            }
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}

/// A command as a person would type it.
fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_its_children() {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        use rustix::fs::{Mode, OFlags, open};

        let directory = tempfile::tempdir().unwrap();
        let (log, fifo) = (directory.path().join("log"), directory.path().join("fifo"));
        Shell::terminal().run(Command::new("mkfifo").arg(&fifo)).unwrap();
        let reader = open(&fifo, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).unwrap();
        let shell = Shell::logged(&log, Duration::from_secs(2)).unwrap();
        let script = format!("sleep 1000 > {} & echo waiting; sleep 1000", fifo.display());
        let error = shell.run(&mut sh(&script)).unwrap_err().to_string();
        assert!(error.ends_with("was ended: the step took longer than its 2 seconds"), "{error}");
        assert!(std::fs::read_to_string(log).unwrap().ends_with("waiting\n"));
        // The pipe hangs up when the grandchild, its only writer, is gone.
        let mut pipe = [PollFd::new(&reader, PollFlags::IN)];
        poll(&mut pipe, Some(&Timespec { tv_sec: 10, tv_nsec: 0 })).unwrap();
        assert!(pipe[0].revents().contains(PollFlags::HUP));
    }

    #[test]
    fn failures_say_what_failed_and_why() {
        let shell = Shell::terminal();
        assert_eq!(shell.read(&mut sh("echo out; echo err >&2")).unwrap(), "out\n");
        let error = shell.read(&mut sh("echo why >&2; exit 3")).unwrap_err().to_string();
        assert_eq!(error, "`sh -c echo why >&2; exit 3` failed: exit status: 3: why");
        let error = format!("{:#}", shell.run(&mut Command::new("/nonexistent/tool")).unwrap_err());
        assert!(error.starts_with("cannot start `/nonexistent/tool`: "), "{error}");
    }
}
