//! A program that takes few calls at once on a connection.

use std::sync::Arc;

use bytes::Bytes;
use mmp_worker::frame::Kind;
use tokio::net::UnixListener;
use tokio::sync::{Semaphore, mpsc};

use super::hooks::{INTEGERS, integers};
use crate::program::{Handlers, Program, hook};
use crate::setup::{IDLE, LONG, Setup};

/// How many.
const LIMIT: u32 = 4;

async fn limited(test: &'static str, handlers: Handlers) -> (Setup, Program) {
    let mut setup = Setup::with_script(test, true, IDLE, LONG).await;
    setup.bridge.connected().await;
    let listener = UnixListener::bind(setup.directory.path().join("hooks.sock")).unwrap();
    let program = Program::on(listener, handlers, LIMIT);
    setup.bridge.ready().await;
    (setup, program)
}

#[tokio::test]
async fn hooks_that_wait_for_hooks_do_not_hold_them_up() {
    const OUTER: u32 = 3 * LIMIT;
    let gate = Arc::new(Semaphore::new(0));
    let handlers = Handlers::implementing(&[INTEGERS]).later(&hook(INTEGERS), move |_, request| {
        let gate = gate.clone();
        async move {
            // An even number waits until the odd one that it has called is answered.
            if request[1] % 2 == 0 {
                gate.acquire().await.unwrap().forget();
            } else {
                gate.add_permits(1);
            }
            Ok(Bytes::from_static(b"\x08\x03"))
        }
    });
    let (mut setup, _program) = limited("hooks_that_wait", handlers).await;
    for id in (0..OUTER).map(|id| 2 * id).chain((0..OUTER).map(|id| 2 * id + 1)) {
        setup.bridge.hooks().hook(INTEGERS, id, &integers(u64::from(2 + id))).await;
    }
    let mut answered: Vec<u32> = Vec::new();
    for _ in 0..2 * OUTER {
        answered.push(setup.bridge.hooks().expect(Kind::HookReply).await.id);
    }
    answered.sort_unstable();
    assert_eq!(answered, (0..2 * OUTER).collect::<Vec<_>>());
}

#[tokio::test]
async fn requests_that_hang_hold_up_neither_requests_nor_files() {
    let (began, mut seen) = mpsc::unbounded_channel();
    let handlers = Handlers::implementing(&["ServeHTTP", "FileWillBeUploaded"])
        .stream(&hook("ServeHTTP"), move |_, _| {
            let _ = began.send(());
            std::future::pending()
        })
        .stream(&hook("FileWillBeUploaded"), |_, _| std::future::ready(Ok(())));
    let (mut setup, _program) = limited("requests_that_hang", handlers).await;
    for id in 0..10 * LIMIT {
        setup.bridge.hooks().hook("ServeHTTP", id, b"\x93\x80\x80\x80").await;
        seen.recv().await.unwrap();
    }
    setup.bridge.hooks().hook("FileWillBeUploaded", 1000, b"\x92\x80\x80").await;
    let reply = setup.bridge.hooks().other().await;
    assert_eq!((reply.kind, reply.id), (Kind::HookReply, 1000));
}

#[tokio::test]
async fn room_is_given_back() {
    let handlers = Handlers::implementing(&[INTEGERS, "ServeHTTP"])
        .message(&hook(INTEGERS), |_| Ok(Bytes::from_static(b"\x08\x03")))
        .stream(&hook("ServeHTTP"), |_, _| std::future::ready(Ok(())));
    let (mut setup, program) = limited("room_is_given_back", handlers).await;
    for id in 0..5 * LIMIT {
        setup.bridge.hooks().hook(INTEGERS, 2 * id, &integers(1)).await;
        assert_eq!(setup.bridge.hooks().other().await.kind, Kind::HookReply);
        setup.bridge.hooks().hook("ServeHTTP", 2 * id + 1, b"\x93\x80\x80\x80").await;
        assert_eq!(setup.bridge.hooks().other().await.kind, Kind::HookReply);
    }
    assert_eq!(program.connections(), 2, "one for hooks and one for requests");
}
