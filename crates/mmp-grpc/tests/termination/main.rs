//! SIGTERM to a gateway, which is a signal to the whole process: so this test has a process to itself.

#![allow(clippy::unwrap_used, reason = "this is a test program; a panic fails the test")]

use std::ffi::OsString;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use mmp_grpc::{Settings, gateway};
use mmp_worker::token::Token;
use tokio::io::AsyncWriteExt as _;

const LIMIT: Duration = Duration::from_secs(30);

/// The bridge's guard sends it to the group of the gateway, which the program has left.
#[tokio::test]
async fn a_worker_beside_the_gateway_gets_the_signal_and_the_time_to_end() {
    let directory = tempfile::tempdir().unwrap();
    let script = format!(
        "cd {}; trap 'sleep 0.2; exit 7' TERM; echo x >ready; tail -f /dev/null & wait",
        directory.path().display()
    );
    let settings = Settings {
        hooks: false,
        command: ["sh", "-c", &script].map(OsString::from).into(),
        socket: directory.path().join("worker.sock"),
        start_timeout: LIMIT,
        max_message: 1024 * 1024,
        database: false,
        development: false,
    };
    let _bridge = UnixListener::bind(&settings.socket).unwrap();
    let (mut stdin, theirs) = tokio::io::duplex(256);
    stdin.write_all(format!("{}\n", Token::random().unwrap().reveal()).as_bytes()).await.unwrap();
    let gateway = tokio::spawn(gateway::run(settings, theirs));
    let ready = directory.path().join("ready");
    let ended = tokio::time::timeout(LIMIT, async {
        while !ready.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM).unwrap();
        gateway.await.unwrap()
    });
    assert_eq!(ended.await.unwrap().unwrap(), 7, "the program has ended in its own way");
}
