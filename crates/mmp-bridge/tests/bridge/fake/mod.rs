//! The fake interpreter and worker.

mod asynchronous;
pub(crate) mod commands;
mod connection;
mod life;
pub(crate) mod relay;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::bundle::PYTHON;
use crate::script::Script;

/// The argument that makes this program the worker's own child.
const GRANDCHILD: &str = "grandchild";

/// The argument that makes it a process that starts another and ends before that.
const PARENT: &str = "parent";

/// The argument of that other one.
const CHILD: &str = "child";

/// Starts this program again; whoever is left collects the process.
fn start_and_forget(argument: &str) {
    let executable = std::env::current_exe().unwrap();
    std::mem::forget(std::process::Command::new(executable).arg(argument).spawn().unwrap());
}

/// The bundle that this program is the interpreter of, if it is one.
pub(crate) fn bundle_of_this_program() -> Option<PathBuf> {
    let executable = std::env::current_exe().ok()?;
    executable.ends_with(PYTHON).then(|| executable.ancestors().nth(4).map(Path::to_owned)).flatten()
}

/// Answers the question for the version, or is the worker.
pub(crate) fn main(bundle: &Path) -> ExitCode {
    let script: Script = serde_json::from_slice(&std::fs::read(bundle.join("script.json")).unwrap()).unwrap();
    match std::env::args().nth(1).as_deref() {
        Some("-I") => version(&script),
        Some(GRANDCHILD) => grandchild(),
        Some(PARENT) => {
            start_and_forget(CHILD);
            ExitCode::SUCCESS
        }
        Some(CHILD) => {
            std::thread::sleep(std::time::Duration::from_millis(50));
            note(bundle, "the orphan ends");
            ExitCode::SUCCESS
        }
        _ => life::live(bundle, script),
    }
}

fn version(script: &Script) -> ExitCode {
    match &script.version {
        Some(version) => std::io::stdout().write_all(format!("{version}\n").as_bytes()).unwrap(),
        None => sleep_for_long(),
    }
    ExitCode::SUCCESS
}

/// Lives in a session of its own and ignores polite signals.
fn grandchild() -> ExitCode {
    // SAFETY: neither call touches memory.
    unsafe {
        libc::setsid();
        for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGINT, libc::SIGPIPE] {
            libc::signal(signal, libc::SIG_IGN);
        }
    }
    sleep_for_long();
    ExitCode::SUCCESS
}

/// Sleeps for longer than any test runs, but not for ever.
fn sleep_for_long() {
    std::thread::sleep(std::time::Duration::from_secs(100));
}

/// Adds a line to the journal of the bundle; lines of different processes and threads do not mix.
fn note(bundle: &Path, line: &str) {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(bundle.join("journal")).unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}
