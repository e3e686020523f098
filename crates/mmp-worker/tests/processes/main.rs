//! Real workers behind real guards: what they take stays theirs, and nothing of them stays behind.
//!
//! This program is the guard and the worker as well, and itself under another user, where limits bind that root is free of.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "this is a test program; a panic fails the test")]

mod cases;
mod misbehaviour;
mod worker;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use mmp_worker::guard::{self, GUARD_ARGUMENT};
use mmp_worker::limits::Limits;

/// A test, and whether it needs a user that limits bind.
type Test = (&'static str, fn(), bool);

/// How long a test may take.
const LIMIT: Duration = Duration::from_secs(60);

/// The argument for running one test in this process, under whatever user it is.
const ONE: &str = "--one";

fn main() -> ExitCode {
    let arguments: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
    let first = arguments.first().and_then(|argument| argument.to_str()).unwrap_or_default();
    match first {
        GUARD_ARGUMENT => {
            let (limits, command) = Limits::from_arguments(&arguments[1..]).unwrap();
            ExitCode::from(guard::run(&limits, command).unwrap() as u8)
        }
        misbehaviour::ARGUMENT => misbehaviour::main(&arguments[1..]),
        ONE => {
            guard::adopt_orphans().unwrap();
            let name = arguments[1].to_str().unwrap();
            cases::TESTS.iter().find(|test| test.0 == name).unwrap().1();
            ExitCode::SUCCESS
        }
        "--list" => {
            cases::TESTS.iter().for_each(|test| say(&format!("{}: test", test.0)));
            ExitCode::SUCCESS
        }
        part => run_all(part),
    }
}

fn run_all(part: &str) -> ExitCode {
    let mut failed = 0;
    for test in cases::TESTS.iter().filter(|test| test.0.contains(part)) {
        let started = Instant::now();
        let verdict = run(test);
        failed += usize::from(verdict == "FAILED");
        say(&format!("test {} ... {verdict} ({:.2} s)", test.0, started.elapsed().as_secs_f64()));
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a test in a process of its own: what it leaves behind can be seen then, and a test that hangs can be killed.
fn run(&(name, _, bound): &Test) -> &'static str {
    use std::os::unix::process::CommandExt as _;
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.arg(ONE).arg(name);
    if bound && rustix::process::geteuid().is_root() {
        command.uid(worker::OTHER_USER).gid(worker::OTHER_USER);
    } else if bound {
        say(&format!("{name} runs as this user, whose other processes count as well"));
    }
    let mut child = command.spawn().unwrap();
    let deadline = Instant::now() + LIMIT;
    loop {
        match child.try_wait().unwrap() {
            Some(status) if status.success() => return "ok",
            Some(_) => return "FAILED",
            None if Instant::now() > deadline => {
                say(&format!("{name} hangs and is killed"));
                child.kill().unwrap();
                child.wait().unwrap();
                return "FAILED";
            }
            None => std::thread::park_timeout(Duration::from_millis(5)),
        }
    }
}

fn say(text: &str) {
    // Whoever closed standard output does not want to know.
    let _ = writeln!(std::io::stdout(), "{text}");
}
