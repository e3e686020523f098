//! The guard: a small process between the bridge and the worker that leaves no orphan behind.
//!
//! The bridge runs its own executable again as the guard, with one end of a socket pair as descriptor 3. The guard starts the worker in a process group of its own, as
//! a subreaper, so that every descendant of the worker that loses its parent becomes the guard's child. When the worker exits, or the bridge closes its end of the
//! socket (or dies, which closes it too), the guard kills the group and all descendants, and exits. One byte on the socket makes it ask the group to end. When the guard itself is killed, the
//! kernel kills the worker (parent-death signal), and the bridge, a subreaper as well, the rest.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd as _, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, Signal};

use crate::limits::Limits;
use crate::processes;
use crate::protections::{Protection, is_off};

/// The argument that makes the bridge's executable run as a guard.
pub const GUARD_ARGUMENT: &str = "worker-guard";

/// The descriptor of the socket to the bridge.
pub const LIFELINE: i32 = 3;

/// The byte on the lifeline that makes the guard send SIGTERM to the worker's process group. It goes on waiting then.
pub const TERMINATE: u8 = b'T';

/// How long the end of killed processes is waited for: one may hang in the kernel.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long they get between two looks.
const PAUSE: Duration = Duration::from_millis(2);

/// Runs the guard for the program and arguments in `command`, which gets these limits; returns the code to exit with: the worker's own, or 128 plus the signal that ended it.
///
/// # Errors
/// When the worker cannot be started.
pub fn run(limits: &Limits, command: &[std::ffi::OsString]) -> io::Result<i32> {
    let (program, arguments) =
        command.split_first().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no program to guard"))?;
    adopt_orphans()?;
    // SAFETY: the bridge passes this descriptor and nothing else here owns it.
    let lifeline = unsafe { OwnedFd::from_raw_fd(LIFELINE) };
    rustix::io::fcntl_setfd(&lifeline, rustix::io::FdFlags::CLOEXEC)?;
    let limits = limits.prepare();
    outlive_signals()?;
    let guard = rustix::process::getpid();
    let mut command = Command::new(program);
    command.args(arguments).process_group(0);
    // SAFETY: the closure makes system calls with numbers and constants, and nothing else may be done between fork and exec.
    unsafe {
        command.pre_exec(move || {
            keep_standard_descriptors();
            limits.apply()?;
            die_with(guard)
        });
    }
    let child = command.spawn()?;
    // The worker has these now; the guard must not keep a pipe open that the worker closes.
    redirect_to_null()?;
    let status = wait(&child, &lifeline);
    kill_all(Pid::from_child(&child));
    Ok(status?.map_or(128 + Signal::KILL.as_raw(), exit_code))
}

/// Closes every descriptor but the standard ones at exec: what this process was given by mistake is none of the worker's business.
fn keep_standard_descriptors() {
    let first: libc::c_uint = 3;
    // SAFETY: marks descriptors; none is closed before the exec. Before Linux 5.11 this fails, and those that are not marked by their owners stay open.
    unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
}

/// Lets the kernel kill this process when its parent, the guard, is gone.
fn die_with(guard: Pid) -> io::Result<()> {
    if is_off(Protection::Guard) {
        return Ok(());
    }
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if rustix::process::getppid() == Some(guard) { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
}

/// Starts the guard with the worker's program behind it.
///
/// # Errors
/// When the guard cannot be started.
pub fn spawn(
    worker: &[std::ffi::OsString],
    limits: &Limits,
    environment: &[(std::ffi::OsString, std::ffi::OsString)],
    directory: &std::path::Path,
) -> io::Result<(Child, std::os::unix::net::UnixStream)> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    let mut command = Command::new("/proc/self/exe");
    command.arg0("mattermost-plugin-guard").arg(GUARD_ARGUMENT).args(limits.to_arguments(worker));
    command.env_clear().envs(environment.iter().map(|(key, value)| (key, value))).current_dir(directory);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(feature = "unprotected")]
    command.envs(std::env::var_os(crate::protections::VARIABLE).map(|off| (crate::protections::VARIABLE, off)));
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
        let bridge_calls = fds.first().is_some_and(|fd| !fd.revents().is_empty());
        if let Some(status) = reap(pid)? {
            return Ok(Some(status));
        }
        match bridge_calls.then(|| read_order(lifeline)) {
            Some(Order::Terminate) => {
                // A group that is gone already is what is wanted.
                let _ = rustix::process::kill_process_group(pid, Signal::TERM);
            }
            Some(Order::Kill) => return Ok(None),
            Some(Order::Wait) | None => {}
        }
    }
}

/// What the bridge wants.
enum Order {
    Wait,
    Terminate,
    Kill,
}

fn read_order(lifeline: &OwnedFd) -> Order {
    use rustix::io::Errno;
    let mut bytes = [0; 16];
    match rustix::net::recv(lifeline, &mut bytes, rustix::net::RecvFlags::DONTWAIT) {
        Err(Errno::AGAIN | Errno::INTR) => Order::Wait,
        Ok((0, _)) | Err(_) => Order::Kill,
        Ok((read, _)) if bytes[..read].contains(&TERMINATE) => Order::Terminate,
        Ok(_) => Order::Wait,
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

/// Lets signals interrupt a wait and do nothing else. The end of a child: those are collected soon that nobody waits for. A request to end, which is meant for the server and its whole group: the
/// bridge ends by it, and the guard has its work to do then.
fn outlive_signals() -> io::Result<()> {
    extern "C" fn nothing(_: libc::c_int) {}
    for signal in [libc::SIGCHLD, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGINT] {
        // SAFETY: the handler does nothing. It is not inherited by the worker.
        let before = unsafe { libc::signal(signal, nothing as *const () as libc::sighandler_t) };
        if before == libc::SIG_ERR {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Makes this process the parent of its descendants that lose theirs.
///
/// # Errors
/// When the system cannot do this.
pub fn adopt_orphans() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}

/// Kills what guards have left behind that were killed themselves; the guards in `alive` and what they guard are left alone. To be called on the main thread, which has adopted it.
pub fn kill_orphans(alive: &[u32]) {
    if is_off(Protection::Guard) {
        return;
    }
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let orphans: Vec<u32> =
            processes::children_of_this_thread().into_iter().filter(|pid| !alive.contains(pid)).collect();
        if orphans.is_empty() {
            return;
        }
        for &orphan in &orphans {
            kill_tree(orphan);
        }
        // Only these are waited for: how the others end is asked elsewhere.
        for orphan in orphans.into_iter().filter_map(as_pid) {
            let _ = rustix::process::waitpid(Some(orphan), rustix::process::WaitOptions::NOHANG);
        }
        std::thread::sleep(PAUSE);
    }
}

/// Kills a process and its descendants, all at once, so that nobody is left to start the next one. What is gone meanwhile is what is wanted.
fn kill_tree(root: u32) {
    for pid in std::iter::once(root).chain(processes::descendants(root)).filter_map(as_pid) {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
}

/// Kills the worker's process group and every descendant, until none is left, or the patience is over.
fn kill_all(worker: Pid) {
    if is_off(Protection::Guard) {
        return;
    }
    let (mut group, deadline) = (Some(worker), Instant::now() + PATIENCE);
    loop {
        if let Some(id) = group
            && rustix::process::kill_process_group(id, Signal::KILL) == Err(rustix::io::Errno::SRCH)
        {
            // The number of an empty group may be given to a process that has nothing to do with this.
            group = None;
        }
        for child in processes::children_of_this_thread() {
            kill_tree(child);
        }
        if reap_all() || Instant::now() > deadline {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Collects every child that has ended. True if there is none left.
fn reap_all() -> bool {
    loop {
        match rustix::process::wait(rustix::process::WaitOptions::NOHANG) {
            Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
            Ok(None) => return false,
            // There is nothing else that waiting for any child can fail with.
            Err(_) => return true,
        }
    }
}

fn as_pid(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
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
