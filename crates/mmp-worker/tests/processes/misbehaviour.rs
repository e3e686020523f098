//! What the worker does: each has a name, and says on its standard output how far it has come.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::process::{Command, ExitCode};

/// The argument that makes this program a worker.
pub(crate) const ARGUMENT: &str = "--worker";

pub(crate) fn main(arguments: &[OsString]) -> ExitCode {
    match arguments[0].to_str().unwrap() {
        "idle" => say("ready"),
        "exit" => return ExitCode::from(7),
        "polite" => polite(),
        "report" => report(),
        "tree" => tree(),
        "threads" => threads(),
        "bomb" => bomb(false),
        "scattered bomb" => bomb(true),
        "leak" => leak(),
        "traced" => traced(),
        other => panic!("{other} is unknown"),
    }
    wait_forever()
}

fn say(line: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

fn wait_forever() -> ! {
    loop {
        std::thread::park();
    }
}

/// Ends when it is asked to, with a code of its own.
fn polite() {
    extern "C" fn end(_: libc::c_int) {
        // SAFETY: _exit may be called in a signal handler.
        unsafe { libc::_exit(42) };
    }
    // SAFETY: the handler only ends the process.
    unsafe { libc::signal(libc::SIGTERM, end as *const () as libc::sighandler_t) };
    say("ready");
}

/// Says what limits it has.
fn report() {
    let read = |path: &str| std::fs::read_to_string(path).unwrap();
    let status = read("/proc/self/status");
    say(status.lines().find(|line| line.starts_with("NoNewPrivs")).unwrap());
    say(&format!("oom_score_adj {}", read("/proc/self/oom_score_adj").trim()));
    for line in read("/proc/self/limits").lines().filter(|line| line.starts_with("Max")) {
        say(line);
    }
    say("ready");
}

/// Two children, one of them in a session of its own and with a child whose parent is gone.
#[allow(clippy::zombie_processes, reason = "a worker that does not look after its children is what this is")]
fn tree() {
    Command::new("sleep").arg("600").spawn().unwrap();
    let lost = "sleep 600 & exec setsid sh -c 'sleep 600 & sleep 600'";
    Command::new("setsid").args(["sh", "-c", lost]).spawn().unwrap();
    say("ready");
}

fn threads() {
    for _ in 0..5 {
        std::thread::spawn(|| wait_forever());
    }
    let hold: Vec<_> = (0..30).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
    let memory = vec![1u8; 64 << 20];
    say("ready");
    std::mem::forget((hold, memory));
}

/// Forks until the kernel refuses, as all of its children do; in sessions of their own if they are scattered.
fn bomb(scattered: bool) {
    loop {
        // SAFETY: the child only makes system calls.
        match unsafe { libc::fork() } {
            -1 => break,
            0 if scattered => {
                // SAFETY: takes no memory.
                unsafe { libc::setsid() };
            }
            _ => {}
        }
    }
    // Each process says so once.
    say("refused");
}

/// Opens files until that is refused.
fn leak() {
    let mut files = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        files.push(file);
    }
    // There is a descriptor left for nothing, but the pipe is open.
    say(&format!("refused after {}", files.len()));
    std::mem::forget(files);
}

/// Lets its parent, the guard, alone, and waits to be traced: reads a line that never comes.
fn traced() {
    say("ready");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
