//! Builds the Go host, runs it, and kills what hangs.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How many checks `tests/go/main.go` has.
const CHECKS: usize = 18;
/// For all of them together.
const LIMIT: Duration = Duration::from_secs(120);

pub(crate) fn run() -> ExitCode {
    // Run by name only, because it takes 100 s: `cargo test -p mmp-goplugin --test interop -- idle`.
    let idle = std::env::args().any(|argument| argument == "idle");
    let dir = tempfile::tempdir().expect("a directory");
    let Some(host) = build_host(dir.path()) else {
        say("SKIPPED: there is no Go, so the Rust plugin was NOT tested against Go's own go-plugin");
        return ExitCode::SUCCESS;
    };
    if idle {
        let lines = Host::start(&host, "idle").finish();
        assert_eq!(lines, ["ok idle"]);
        return ExitCode::SUCCESS;
    }
    all_checks_pass(&host);
    the_plugin_ends_with_its_host(&host);
    without_the_cookie_the_listener_is_not_started();
    ExitCode::SUCCESS
}

fn say(text: &str) {
    // Not `print!`: a test without the harness is held to the lint of the library.
    writeln!(std::io::stdout(), "{text}").expect("stdout");
}

/// Builds `tests/go`; None if Go is not installed.
fn build_host(dir: &Path) -> Option<PathBuf> {
    Command::new("go").arg("version").output().ok().filter(|output| output.status.success())?;
    let host = dir.join("host");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/go");
    let output = Command::new("go").arg("build").arg("-o").arg(&host).arg(".").current_dir(source).output();
    let output = output.expect("Go runs");
    assert!(output.status.success(), "go build failed:\n{}", String::from_utf8_lossy(&output.stderr));
    Some(host)
}

fn all_checks_pass(host: &Path) {
    let begin = Instant::now();
    let lines = Host::start(host, "check").finish();
    assert_eq!(lines.last(), Some(&format!("all {CHECKS} checks passed")));
    say(&format!("ok {CHECKS} checks by Go's go-plugin in {:.1?}", begin.elapsed()));
}

/// A host that dies without a word takes its plugin with it.
fn the_plugin_ends_with_its_host(host: &Path) {
    let mut host = Host::start(host, "hold");
    let line = host.line();
    let pid = line.strip_prefix("plugin ").expect("the plugin's pid").to_owned();
    let process = PathBuf::from(format!("/proc/{pid}"));
    assert!(process.exists());
    host.child.kill().expect("kill");
    host.child.wait().expect("wait");
    let deadline = Instant::now() + Duration::from_secs(10);
    while is_running(&process) {
        assert!(Instant::now() < deadline, "plugin {pid} outlives its host");
        std::thread::yield_now();
    }
    say("ok the plugin ends with its host");
}

/// Whether a process is there and no zombie, which it stays where nobody reaps orphans.
fn is_running(process: &Path) -> bool {
    let stat = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

fn without_the_cookie_the_listener_is_not_started() {
    let own = std::env::current_exe().expect("this program");
    let output = Command::new(own).env(mmp_goplugin::handshake::COOKIE_KEY, "wrong").output().expect("runs");
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    say("ok a wrong cookie is refused");
}

/// A running Go host.
struct Host {
    child: Child,
    lines: Receiver<String>,
    deadline: Instant,
}

impl Host {
    fn start(program: &Path, mode: &str) -> Self {
        let own = std::env::current_exe().expect("this program");
        let mut child =
            Command::new(program).arg(mode).arg(own).stdout(Stdio::piped()).spawn().expect("the host starts");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, deadline: Instant::now() + LIMIT }
    }

    fn next(&mut self) -> Option<String> {
        match self.lines.recv_timeout(self.deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                self.child.kill().expect("kill");
                panic!("the Go host hung for {LIMIT:?} and was killed");
            }
        }
    }

    fn line(&mut self) -> String {
        self.next().expect("a line from the Go host")
    }

    /// Waits for the end, which must be a success, and returns what it printed.
    fn finish(mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.next() {
            lines.push(line);
        }
        let status = self.child.wait().expect("wait");
        assert!(status.success(), "the Go host failed after {lines:#?}");
        lines
    }
}
