//! Runs the tests in parallel and ends those that hang.
//!
//! Arguments are parts of names; `--ignored` runs the long tests instead, `--list` names all.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A test.
#[derive(Clone, Copy)]
pub(crate) struct Test {
    pub(crate) name: &'static str,
    pub(crate) run: fn(),
    /// Whether it takes minutes and runs only with `--ignored`.
    pub(crate) long: bool,
}

/// How many tests run at the same time; most of them wait most of the time.
const PARALLEL: usize = 8;

/// How long a test may take. Killing its bridge makes it fail with what it had seen so far.
const LIMIT: Duration = Duration::from_secs(40);

/// The bridges that were started, by the thread of their test.
static BRIDGES: Mutex<Vec<(String, u32)>> = Mutex::new(Vec::new());

/// Notes a process to be killed when the test of this thread hangs.
pub(crate) fn watch(pid: u32) {
    let thread = std::thread::current().name().unwrap_or_default().to_owned();
    BRIDGES.lock().unwrap().push((thread, pid));
}

/// The process is gone.
pub(crate) fn unwatch(pid: u32) {
    BRIDGES.lock().unwrap().retain(|(_, watched)| *watched != pid);
}

fn say(text: std::fmt::Arguments<'_>) {
    // Whoever closed standard output does not want to know.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Runs what the command line asks for.
pub(crate) fn main(all: &[Test]) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let long = arguments.iter().any(|argument| argument == "--ignored");
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let chosen: Vec<Test> = all
        .iter()
        .filter(|test| test.long == long && (wanted.is_empty() || wanted.iter().any(|part| test.name.contains(*part))))
        .copied()
        .collect();
    if arguments.iter().any(|argument| argument == "--list") {
        chosen.iter().for_each(|test| say(format_args!("{}: test", test.name)));
        return ExitCode::SUCCESS;
    }
    let failed = run(&chosen, long);
    say(format_args!("\n{} tests, {} failed {}", chosen.len(), failed.len(), failed.join(", ")));
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(tests: &[Test], long: bool) -> Vec<&'static str> {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..PARALLEL {
            scope.spawn(|| {
                while let Some(test) = tests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if !run_one(test, long) {
                        failed.lock().unwrap().push(test.name);
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap()
}

fn run_one(test: &Test, long: bool) -> bool {
    let started = Instant::now();
    let thread = std::thread::Builder::new().name(test.name.to_owned()).spawn(test.run).unwrap();
    let limit = if long { LIMIT * 60 } else { LIMIT };
    while !thread.is_finished() && started.elapsed() < limit {
        std::thread::park_timeout(Duration::from_millis(5));
    }
    if !thread.is_finished() {
        say(format_args!("test {} hangs: its bridge is killed", test.name));
        for (name, pid) in BRIDGES.lock().unwrap().iter() {
            if name == test.name {
                crate::processes::kill(*pid);
            }
        }
        let patience = Instant::now() + crate::host::LIMIT + Duration::from_secs(5);
        while !thread.is_finished() {
            if Instant::now() > patience {
                say(format_args!("test {} hangs for good", test.name));
                std::process::exit(101);
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }
    let passed = thread.join().is_ok();
    let verdict = if passed { "ok" } else { "FAILED" };
    say(format_args!("test {} ... {verdict} ({:.2} s)", test.name, started.elapsed().as_secs_f64()));
    passed
}
