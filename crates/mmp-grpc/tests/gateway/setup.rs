//! A gateway to test.

use std::ffi::OsString;
use std::sync::mpsc;
use std::time::Duration;

use mmp_grpc::{Settings, gateway};
use mmp_worker::token::Token;
use tokio::io::{AsyncWriteExt as _, DuplexStream};
use tokio::task::JoinHandle;

use crate::bridge::Bridge;
use crate::program::{Handlers, Program};

/// How long any test may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A start timeout that no test reaches, unless it moves the clock.
pub(crate) const LONG: Duration = Duration::from_secs(1000);

/// A program that does nothing until its standard input ends.
pub(crate) const IDLE: &str = "exec cat >/dev/null";

/// Ends the tests with a message if this one hangs; the clock of the runtime may stand still.
pub(crate) struct Watchdog(#[expect(dead_code, reason = "its end is what counts")] mpsc::Sender<()>);

impl Watchdog {
    pub(crate) fn new(test: &'static str) -> Watchdog {
        let (alive, ended) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            if ended.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                // Not by a macro, whose output the test's harness would keep.
                let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{test} hangs\n").as_bytes());
                std::process::abort();
            }
        });
        Watchdog(alive)
    }
}

/// A gateway in this process, and what is around it.
pub(crate) struct Setup {
    pub(crate) bridge: Bridge,
    pub(crate) gateway: JoinHandle<Result<i32, String>>,
    /// The pipe from the bridge; dropping it is the bridge's end.
    pub(crate) stdin: Option<DuplexStream>,
    pub(crate) directory: tempfile::TempDir,
    pub(crate) max_message: usize,
    _watchdog: Watchdog,
}

impl Setup {
    /// A gateway whose program is this shell script.
    pub(crate) async fn with_script(test: &'static str, hooks: bool, script: &str, start_timeout: Duration) -> Setup {
        Setup::with_command(test, hooks, &["sh", "-c", script], start_timeout).await
    }

    /// A gateway whose program is this command.
    pub(crate) async fn with_command(
        test: &'static str,
        hooks: bool,
        command: &[&str],
        start_timeout: Duration,
    ) -> Setup {
        Setup::in_directory(test, tempfile::tempdir().unwrap(), hooks, command, start_timeout).await
    }

    /// The same with this private directory.
    pub(crate) async fn in_directory(
        test: &'static str,
        directory: tempfile::TempDir,
        hooks: bool,
        command: &[&str],
        start_timeout: Duration,
    ) -> Setup {
        let watchdog = Watchdog::new(test);
        let max_message = 1024 * 1024;
        let settings = Settings {
            hooks,
            command: command.iter().map(OsString::from).collect(),
            socket: directory.path().join("worker.sock"),
            start_timeout,
            max_message,
            database: false,
            development: false,
        };
        let token = Token::random().unwrap();
        let bridge = Bridge::listen(&settings.socket, token.clone());
        let (mut ours, theirs) = tokio::io::duplex(256);
        ours.write_all(format!("{}\n", token.reveal()).as_bytes()).await.unwrap();
        let gateway = tokio::spawn(async move { gateway::run(settings, theirs).await.map_err(|e| e.to_string()) });
        Setup { bridge, gateway, stdin: Some(ours), directory, max_message, _watchdog: watchdog }
    }

    /// A gateway whose program is served here, from the start of the gateway on.
    pub(crate) async fn serving(test: &'static str, handlers: Handlers) -> (Setup, Program) {
        let mut setup = Setup::with_script(test, true, IDLE, LONG).await;
        setup.bridge.connected().await;
        let program = Program::serve(&setup.directory.path().join("hooks.sock"), handlers);
        (setup, program)
    }

    /// The same, and READY was seen.
    pub(crate) async fn ready(test: &'static str, handlers: Handlers) -> (Setup, Program) {
        let (mut setup, program) = Setup::serving(test, handlers).await;
        setup.bridge.ready().await;
        (setup, program)
    }

    /// Waits for the gateway's end.
    pub(crate) async fn ended(self) -> Result<i32, String> {
        self.gateway.await.unwrap()
    }
}
