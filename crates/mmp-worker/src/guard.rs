//! The guard: a small process between the bridge and the worker that leaves no orphan behind.
//!
//! The bridge runs its own executable again as the guard, with one end of a socket pair as descriptor 3. The guard starts the worker in a process group of its own, as
//! a subreaper, so that every descendant of the worker that loses its parent becomes the guard's child. When the worker exits, or the bridge closes its end of the
//! socket (or dies, which closes it too), the guard kills the group and all descendants, and exits. When the guard itself is killed, the kernel kills the worker
//! (parent-death signal), and the bridge, a subreaper as well, the rest.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd as _, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, Signal};

/// The argument that makes the bridge's executable run as a guard.
pub const GUARD_ARGUMENT: &str = "worker-guard";

/// The descriptor of the socket to the bridge.
pub const LIFELINE: i32 = 3;

/// Runs the guard for the program and arguments in `command`; returns the code to exit with: the worker's own, or 128 plus the signal that ended it.
///
/// # Errors
/// When the worker cannot be started.
pub fn run(command: &[std::ffi::OsString]) -> io::Result<i32> {
    let (program, arguments) =
        command.split_first().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no program to guard"))?;
    adopt_orphans()?;
    // SAFETY: the bridge passes this descriptor and nothing else here owns it.
    let lifeline = unsafe { OwnedFd::from_raw_fd(LIFELINE) };
    rustix::io::fcntl_setfd(&lifeline, rustix::io::FdFlags::CLOEXEC)?;
    wake_for_children()?;
    let guard = rustix::process::getpid();
    let mut command = Command::new(program);
    command.args(arguments).process_group(0);
    // SAFETY: the closure calls only prctl and getppid, which may be called between fork and exec.
    unsafe {
        command.pre_exec(move || {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            if rustix::process::getppid() == Some(guard) { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
        });
    }
    let child = command.spawn()?;
    // The worker has these now; the guard must not keep a pipe open that the worker closes.
    redirect_to_null()?;
    let status = wait(&child, &lifeline);
    kill_all(Some(Pid::from_child(&child)));
    Ok(status?.map_or(128 + Signal::KILL.as_raw(), exit_code))
}

/// Starts the guard with the worker's program behind it.
///
/// # Errors
/// When the guard cannot be started.
pub fn spawn(
    worker: &[std::ffi::OsString],
    environment: &[(std::ffi::OsString, std::ffi::OsString)],
    directory: &std::path::Path,
) -> io::Result<(Child, std::os::unix::net::UnixStream)> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    let mut command = Command::new("/proc/self/exe");
    command.arg0("mattermost-plugin-guard").arg(GUARD_ARGUMENT).args(worker);
    command.env_clear().envs(environment.iter().map(|(key, value)| (key, value))).current_dir(directory);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let lifeline: OwnedFd = theirs.into();
    // SAFETY: the closure calls only dup2 and fcntl, which may be called between fork and exec.
    unsafe {
        command.pre_exec(move || move_to_lifeline(lifeline.as_fd()));
    }
    let child = command.spawn()?;
    Ok((child, ours))
}

fn move_to_lifeline(from: BorrowedFd<'_>) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;
    if from.as_raw_fd() == LIFELINE {
        return Ok(rustix::io::fcntl_setfd(from, rustix::io::FdFlags::empty())?);
    }
    // SAFETY: dup2 onto a descriptor that the standard library marked close-on-exec, if it is open at all.
    if unsafe { libc::dup2(from.as_raw_fd(), LIFELINE) } < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Waits until the worker exits (its status) or the bridge's end of the lifeline closes (None).
fn wait(child: &Child, lifeline: &OwnedFd) -> io::Result<Option<ExitStatus>> {
    let pid = Pid::from_child(child);
    // Without pidfds (Linux before 5.3) the child is looked at every 50 ms.
    let pidfd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok();
    let pause = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
    loop {
        let mut fds = vec![PollFd::new(lifeline, PollFlags::IN)];
        if let Some(pidfd) = &pidfd {
            fds.push(PollFd::new(pidfd, PollFlags::IN));
        }
        match rustix::event::poll(&mut fds, if pidfd.is_some() { None } else { Some(&pause) }) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let bridge_gone = fds.first().is_some_and(|fd| !fd.revents().is_empty());
        if let Some(status) = reap(pid)? {
            return Ok(Some(status));
        }
        if bridge_gone {
            return Ok(None);
        }
    }
}

/// Collects the children that have ended, which are also those that lost their own parent. Returns the worker's status if it is among them.
fn reap(worker: Pid) -> io::Result<Option<ExitStatus>> {
    loop {
        match rustix::process::wait(rustix::process::WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == worker => return Ok(Some(ExitStatus::from_raw(status.as_raw()))),
            Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
            Ok(None) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Lets the end of any child interrupt a wait, so that those are collected soon that nobody waits for.
fn wake_for_children() -> io::Result<()> {
    extern "C" fn nothing(_: libc::c_int) {}
    // SAFETY: the handler does nothing. It is not inherited by the worker.
    let before = unsafe { libc::signal(libc::SIGCHLD, nothing as *const () as libc::sighandler_t) };
    if before == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Makes this process the parent of its descendants that lose theirs.
///
/// # Errors
/// When the system cannot do this.
pub fn adopt_orphans() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}

/// Kills what a guard has left behind that was killed itself. To be called on the main thread, which has adopted it, when no child is left that should live.
pub fn kill_orphans() {
    kill_all(None);
}

/// Kills the worker's process group and every descendant, until none is left (or two seconds have passed: a process may hang in the kernel).
fn kill_all(group: Option<Pid>) {
    let deadline = Instant::now() + Duration::from_secs(2);
    loop {
        // A group or process that is gone already is what is wanted.
        let _ = group.map(|group| rustix::process::kill_process_group(group, Signal::KILL));
        for pid in children_of_this_process() {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
        match rustix::process::wait(rustix::process::WaitOptions::NOHANG) {
            Err(rustix::io::Errno::CHILD) => return,
            Ok(Some(_)) => continue,
            _ if Instant::now() > deadline => return,
            _ => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// The processes whose parent this is: the worker's descendants come here when theirs is gone.
fn children_of_this_process() -> Vec<Pid> {
    let listed = std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    listed.split_whitespace().filter_map(|pid| pid.parse().ok().and_then(Pid::from_raw)).collect()
}

/// Makes standard input and output of the guard the null device.
fn redirect_to_null() -> io::Result<()> {
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok(())
}

fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}
