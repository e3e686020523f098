//! A program whose hooks cannot be reached any more.

use bytes::Bytes;
use mmp_worker::frame::Kind;
use tokio::sync::mpsc;

use super::hooks::{INTEGERS, integers};
use crate::program::{Handlers, Program, hook};
use crate::setup::Setup;

/// Calls a hook until it fails with these words: the connection that is lost may take one more, which fails with it.
pub(super) async fn failing_until(setup: &mut Setup, words: &str) -> String {
    loop {
        setup.bridge.hooks().hook(INTEGERS, 2, &integers(1)).await;
        let message = setup.bridge.hooks().failure(2).await;
        if message.contains(words) {
            return message;
        }
        assert!(message.starts_with("the connection to the worker failed: "), "{message}");
    }
}

#[tokio::test]
async fn a_lost_connection_fails_the_hooks_on_it_and_is_made_again() {
    let (began, mut seen) = mpsc::unbounded_channel();
    let handlers = Handlers::implementing(&[INTEGERS]).later(&hook(INTEGERS), move |_, _| {
        let _ = began.send(());
        std::future::pending()
    });
    let (mut setup, program) = Setup::ready("a_lost_connection", handlers).await;
    setup.bridge.hooks().hook(INTEGERS, 1, &integers(1)).await;
    seen.recv().await.unwrap();
    drop(program);
    let message = setup.bridge.hooks().failure(1).await;
    assert!(message.starts_with("the connection to the worker failed: "), "{message}");
    // Nobody listens now.
    let socket = setup.directory.path().join("hooks.sock");
    failing_until(&mut setup, "does not listen").await;
    std::fs::remove_file(&socket).unwrap();
    let handlers = Handlers::default().message(&hook(INTEGERS), |_| Ok(Bytes::from_static(b"\x08\x03")));
    let _program = Program::serve(&socket, handlers);
    setup.bridge.hooks().hook(INTEGERS, 3, &integers(1)).await;
    assert_eq!(setup.bridge.hooks().expect(Kind::HookReply).await.payload, b"\x91\x03");
}

#[tokio::test]
async fn a_second_worker_is_refused() {
    let (mut setup, program) = Setup::ready("a_second_worker", Handlers::implementing(&[INTEGERS])).await;
    drop(program);
    let socket = setup.directory.path().join("hooks.sock");
    std::fs::remove_file(&socket).unwrap();
    // Another process, which does nothing but listen.
    let script = "import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\ns.listen()\nprint(flush=True)\nsys.stdin.read()";
    let mut second = tokio::process::Command::new("python3")
        .args(["-c", script])
        .arg(&socket)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut line = [0];
    tokio::io::AsyncReadExt::read_exact(second.stdout.as_mut().unwrap(), &mut line).await.unwrap();
    let message = failing_until(&mut setup, "second").await;
    let (found, own) = (second.id().unwrap(), std::process::id());
    let expected =
        format!("a second worker (process {found}) listens on the hooks socket; only process {own} is served");
    assert!(message.contains(&expected), "{message}");
    // It has taken the program's place for good.
    assert_eq!(setup.bridge.hooks().next().await, None);
    let line = &setup.bridge.hooks().logged[0];
    assert_eq!((line.0.as_str(), &line.1), ("error", &format!("{expected}; the plugin is started again")));
    assert_eq!(setup.ended().await, Ok(1));
}

#[tokio::test]
async fn a_program_that_listens_no_more_is_started_again() {
    let (mut setup, program) = Setup::ready("listens_no_more", Handlers::implementing(&[INTEGERS])).await;
    drop(program);
    failing_until(&mut setup, "does not listen").await;
    tokio::time::pause();
    while setup.bridge.hooks().next().await.is_some() {}
    let lines = &setup.bridge.hooks().logged;
    assert_eq!(lines.len(), 1, "{lines:?}");
    let message = "the program does not listen on its hooks socket: Connection refused (os error 111); the plugin is started again";
    assert_eq!((lines[0].0.as_str(), lines[0].1.as_str()), ("error", message));
    assert_eq!(setup.ended().await, Ok(1));
}
