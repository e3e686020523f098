//! The limits of a worker and everything that it starts: processes, threads, descriptors, privileges, and who goes first when memory is short.
//!
//! The bridge hands them to the guard as arguments, and the guard's child puts them on itself before it becomes the worker.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};

use rustix::process::{Resource, Rlimit};

use crate::protections::{Protection, is_off};

/// How many processes a worker has if nothing else is said.
pub const PROCESSES: u64 = 256;

/// The soft limit of open descriptors, unless the hard limit is lower. A program that needs more can raise it.
pub const DESCRIPTORS: u64 = 8192;

/// Room for threads, which the kernel counts like processes: those of this worker, and those that the server and other plugins of the same user start later.
pub const THREADS: u64 = 4096;

/// How much sooner than the bridge a worker is taken when memory is short (`oom_score_adj`).
const OOM_SCORE: i32 = 500;

/// The highest score that there is.
const MAX_OOM_SCORE: i32 = 1000;

/// The largest number of tasks that is tried to find out how many a user has: more than any kernel runs.
const MAX_TASKS: u64 = 1 << 22;

/// How much a worker may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Processes, besides those that the user has when the worker is started.
    pub processes: u64,
    /// Threads in all of these processes, and of what the user starts later.
    pub threads: u64,
    /// Open descriptors of one process.
    pub descriptors: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { processes: PROCESSES, threads: THREADS, descriptors: DESCRIPTORS }
    }
}

impl Limits {
    /// The guard's arguments for these limits and a command: `processes=256 threads=4096 descriptors=8192 -- program argument`.
    pub fn to_arguments(&self, command: &[OsString]) -> Vec<OsString> {
        let Limits { processes, threads, descriptors } = self;
        let limits = [("processes", processes), ("threads", threads), ("descriptors", descriptors)];
        let limits = limits.iter().map(|(name, value)| OsString::from(format!("{name}={value}")));
        limits.chain([OsString::from("--")]).chain(command.iter().cloned()).collect()
    }

    /// Reads the guard's arguments: the limits, and the command behind `--`. None if they are not what [`Limits::to_arguments`] makes.
    pub fn from_arguments(arguments: &[OsString]) -> Option<(Limits, &[OsString])> {
        let end = arguments.iter().position(|argument| argument == "--")?;
        let mut limits = Limits::default();
        for argument in &arguments[..end] {
            let (name, value) = argument.to_str()?.split_once('=')?;
            let place = match name {
                "processes" => &mut limits.processes,
                "threads" => &mut limits.threads,
                "descriptors" => &mut limits.descriptors,
                _ => return None,
            };
            *place = value.parse().ok()?;
        }
        Some((limits, &arguments[end + 1..]))
    }

    /// Works out what has to be set, before the fork: between fork and exec nothing may be read or allocated.
    pub(crate) fn prepare(&self) -> Prepared {
        let bounded = !is_off(Protection::ProcessLimit);
        Prepared {
            tasks: bounded.then(|| self.tasks()).flatten(),
            descriptors: bounded.then(|| lowered(Resource::Nofile, self.descriptors)),
            oom_score: oom_score(&std::fs::read_to_string("/proc/self/oom_score_adj").unwrap_or_default()),
        }
    }

    /// The limit of tasks; None where the kernel would not obey it.
    fn tasks(&self) -> Option<Rlimit> {
        let own = self.processes.saturating_add(self.threads);
        let own = free_in_control_group().map_or(own, |free| own.min(free / 2));
        let limit = tasks_of_this_user()?.saturating_add(own);
        let Rlimit { current, maximum } = rustix::process::getrlimit(Resource::Nproc);
        let limit = [current, maximum].into_iter().flatten().fold(limit, u64::min);
        Some(Rlimit { current: Some(limit), maximum: Some(limit) })
    }
}

/// Lets this process have as many descriptors as it may: each connection of each worker is one, and a bridge that has none left sees nothing in `/proc` either.
pub fn raise_descriptors() {
    let Rlimit { current, maximum } = rustix::process::getrlimit(Resource::Nofile);
    if current != maximum {
        // Where that is refused, the limit stays as it was.
        let _ = rustix::process::setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

/// What the worker sets for itself before it becomes the program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prepared {
    tasks: Option<Rlimit>,
    descriptors: Option<Rlimit>,
    oom_score: OomScore,
}

/// The text for `oom_score_adj`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct OomScore {
    digits: [u8; 4],
    used: usize,
}

impl Prepared {
    /// Sets the limits of this process. Calls only what may be called between fork and exec.
    pub(crate) fn apply(&self) -> io::Result<()> {
        no_new_privileges()?;
        // A core dump holds the plugin's secrets and may be as large as its memory.
        rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
        if let Some(descriptors) = self.descriptors {
            rustix::process::setrlimit(Resource::Nofile, descriptors)?;
        }
        if let Some(tasks) = self.tasks {
            rustix::process::setrlimit(Resource::Nproc, tasks)?;
        }
        // Where this cannot be written, the kernel chooses as it always does.
        let _ = self.write_oom_score();
        Ok(())
    }

    fn write_oom_score(&self) -> io::Result<()> {
        use rustix::fs::{Mode, OFlags};
        let file = rustix::fs::open(c"/proc/self/oom_score_adj", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        rustix::io::write(&file, &self.oom_score.digits[..self.oom_score.used])?;
        Ok(())
    }
}

/// No program that the worker starts gets rights that the worker does not have (set-user-id files).
fn no_new_privileges() -> io::Result<()> {
    // SAFETY: prctl with numbers touches no memory.
    let done = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A soft limit, or the hard one if that is lower; the hard one stays.
fn lowered(resource: Resource, soft: u64) -> Rlimit {
    let maximum = rustix::process::getrlimit(resource).maximum;
    Rlimit { current: Some(maximum.map_or(soft, |maximum| maximum.min(soft))), maximum }
}

/// The score of a worker when that of the bridge is `own`: always above it, so that the kernel takes the worker and not the server.
fn oom_score(own: &str) -> OomScore {
    let own: i32 = own.trim().parse().unwrap_or(0);
    let score = own.saturating_add(OOM_SCORE).clamp(OOM_SCORE, MAX_OOM_SCORE);
    let mut text = OomScore { digits: [0; 4], used: 0 };
    let mut room = &mut text.digits[..];
    // The highest score has four digits.
    let _ = write!(room, "{score}");
    text.used = 4 - room.len();
    text
}

/// Not fewer than the tasks that this user has, and at most twice as many. None where no such limit is obeyed, as for root.
///
/// The kernel knows the number but does not tell it: `/proc` has only the processes of one container, while the kernel counts those of the same user in all of them. A limit below the number
/// makes a fork fail, so limits are tried.
fn tasks_of_this_user() -> Option<u64> {
    let before = rustix::process::getrlimit(Resource::Nproc);
    // The guard is one task itself, so a limit of one can only be kept by who is bound to limits.
    let obeyed = !can_fork(1, before);
    let highest = before.current.unwrap_or(MAX_TASKS).min(MAX_TASKS);
    let mut tried = 256;
    while obeyed && tried < highest && !can_fork(tried, before) {
        tried *= 2;
    }
    rustix::process::setrlimit(Resource::Nproc, before).ok()?;
    obeyed.then_some(tried)
}

/// Whether this process can fork when the user may have so many tasks.
fn can_fork(tasks: u64, before: Rlimit) -> bool {
    let tried = Rlimit { current: Some(tasks.min(before.maximum.unwrap_or(tasks))), maximum: before.maximum };
    if rustix::process::setrlimit(Resource::Nproc, tried).is_err() {
        return true;
    }
    // SAFETY: the guard has one thread, and the child does nothing but exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: ends the child without running anything of this program.
        unsafe { libc::_exit(0) };
    }
    if child > 0 {
        // It exits in any case; nobody asks how.
        let _ = rustix::process::waitpid(rustix::process::Pid::from_raw(child), rustix::process::WaitOptions::empty());
    }
    child > 0
}

/// How many more tasks the control group may have: in a container with a low limit the server needs its part of them. None without a limit.
fn free_in_control_group() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let number = |file: &str| {
        let path = std::path::Path::new("/sys/fs/cgroup").join(group).join(OsStr::new(file));
        std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok()
    };
    Some(number("pids.max")?.saturating_sub(number("pids.current")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_go_through_arguments() {
        let limits = Limits { processes: 7, threads: 8, descriptors: 9 };
        let command: Vec<OsString> = ["worker", "--", "a=b"].map(OsString::from).into();
        let arguments = limits.to_arguments(&command);
        assert_eq!(Limits::from_arguments(&arguments), Some((limits, &command[..])));
        for bad in [&["worker"][..], &["processes", "--"], &["processes=-1", "--"], &["other=1", "--"]] {
            let bad: Vec<OsString> = bad.iter().map(OsString::from).collect();
            assert_eq!(Limits::from_arguments(&bad), None, "{bad:?}");
        }
        let none: [OsString; 1] = ["--".into()];
        assert_eq!(Limits::from_arguments(&none), Some((Limits::default(), &[][..])));
    }

    #[test]
    fn a_worker_goes_before_its_bridge_when_memory_is_short() {
        for (own, worker) in [("0\n", "500"), ("-999\n", "500"), ("300\n", "800"), ("900\n", "1000"), ("", "500")] {
            let score = oom_score(own);
            assert_eq!(&score.digits[..score.used], worker.as_bytes(), "{own:?}");
        }
    }

    #[test]
    fn a_soft_limit_is_not_above_the_hard_one() {
        let maximum = rustix::process::getrlimit(Resource::Nofile).maximum;
        assert_eq!(lowered(Resource::Nofile, 3), Rlimit { current: Some(3), maximum });
        assert_eq!(lowered(Resource::Nofile, u64::MAX).current, Some(maximum.unwrap_or(u64::MAX)));
    }
}
