//! PING: whether the program still answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use mmp_worker::frame::Kind;
use mmp_worker::messages::{self, Pong};
use tokio::sync::Notify;

use super::hooks::{INTEGERS, integers};
use crate::program::{HEALTH, Handlers, SERVING, hook};
use crate::setup::{IDLE, LONG, Setup};

/// The health of a program that a test stops and lets go on.
#[derive(Default)]
struct Health {
    stopped: AtomicBool,
    asked: AtomicUsize,
    go_on: Notify,
}

/// A program with this health, and one hook that always answers.
fn handlers(health: &Arc<Health>) -> Handlers {
    let health = health.clone();
    Handlers::implementing(&[INTEGERS]).message(&hook(INTEGERS), |_| Ok(Bytes::from_static(b"\x08\x01"))).later(
        HEALTH,
        move |_, _| {
            let health = health.clone();
            async move {
                health.asked.fetch_add(1, Ordering::Relaxed);
                if health.stopped.load(Ordering::Relaxed) {
                    health.go_on.notified().await;
                }
                Ok(Bytes::from_static(SERVING))
            }
        },
    )
}

/// How the gateway says that it is.
async fn asked(setup: &mut Setup, number: u32) -> Duration {
    setup.bridge.control().send(Kind::Ping, 0, 0, number, &[]).await;
    let frame = setup.bridge.control().expect(Kind::Pong).await;
    assert_eq!(frame.id, number);
    let pong: Pong = messages::decode(&frame.payload).unwrap();
    assert!(!pong.debugger);
    Duration::from_millis(pong.lag_ms)
}

#[tokio::test]
async fn a_program_that_answers_has_no_lag() {
    let health = Arc::<Health>::default();
    let (mut setup, _program) = Setup::ready("no_lag", handlers(&health)).await;
    let before = health.asked.load(Ordering::Relaxed);
    assert_eq!(asked(&mut setup, 7).await, Duration::ZERO);
    assert_eq!(asked(&mut setup, u32::MAX).await, Duration::ZERO);
    assert_eq!(health.asked.load(Ordering::Relaxed), before + 2);
}

#[tokio::test]
async fn a_program_that_has_not_begun_is_not_asked() {
    let mut setup = Setup::with_script("not_asked", true, IDLE, LONG).await;
    setup.bridge.connected().await;
    assert_eq!(asked(&mut setup, 1).await, Duration::ZERO);
}

#[tokio::test]
async fn a_program_that_hangs_lags_until_it_answers() {
    let health = Arc::<Health>::default();
    let (mut setup, _program) = Setup::ready("lags", handlers(&health)).await;
    let before = health.asked.load(Ordering::Relaxed);
    health.stopped.store(true, Ordering::Relaxed);
    // The first PING waits a moment for the answer, and so do all others.
    tokio::time::pause();
    let first = asked(&mut setup, 1).await;
    assert!(first >= Duration::from_secs(1), "{first:?}");
    tokio::time::advance(Duration::from_secs(20)).await;
    let second = asked(&mut setup, 2).await;
    assert!(second >= first + Duration::from_secs(20), "{second:?}");
    // One question at a time, however often the bridge asks.
    assert_eq!(health.asked.load(Ordering::Relaxed), before + 1);
    tokio::time::resume();
    health.stopped.store(false, Ordering::Relaxed);
    health.go_on.notify_one();
    while asked(&mut setup, 3).await > Duration::ZERO {}
}

/// All threads of a program may be busy, so that its health has to wait for them.
#[tokio::test]
async fn a_program_that_answers_hooks_lives() {
    let health = Arc::<Health>::default();
    let (mut setup, _program) = Setup::ready("answers_hooks", handlers(&health)).await;
    health.stopped.store(true, Ordering::Relaxed);
    tokio::time::pause();
    assert!(asked(&mut setup, 1).await >= Duration::from_secs(1));
    tokio::time::advance(Duration::from_secs(60)).await;
    setup.bridge.hooks().hook(INTEGERS, 1, &integers(1)).await;
    setup.bridge.hooks().expect(Kind::HookReply).await;
    let lag = asked(&mut setup, 2).await;
    assert!(lag >= Duration::from_secs(1) && lag < Duration::from_secs(60), "{lag:?}");
}

#[tokio::test]
async fn an_answer_is_an_answer_whatever_it_says() {
    let healthy = Arc::<AtomicBool>::new(true.into());
    let still = healthy.clone();
    let handlers = Handlers::implementing(&[INTEGERS]).message(HEALTH, move |_| {
        if still.load(Ordering::Relaxed) {
            Ok(Bytes::from_static(SERVING))
        } else {
            Err(tonic::Status::internal("out of paper"))
        }
    });
    let (mut setup, _program) = Setup::ready("whatever_it_says", handlers).await;
    healthy.store(false, Ordering::Relaxed);
    assert_eq!(asked(&mut setup, 1).await, Duration::ZERO);
}

/// A program that cannot be reached does not answer either.
#[tokio::test]
async fn a_program_that_is_gone_lags() {
    let (mut setup, program) = Setup::ready("is_gone", handlers(&Arc::default())).await;
    drop(program);
    std::fs::remove_file(setup.directory.path().join("hooks.sock")).unwrap();
    while asked(&mut setup, 1).await == Duration::ZERO {}
}

#[tokio::test]
async fn the_program_knows_which_worker_it_is() {
    let script = "exit $((MATTERMOST_PLUGIN_WORKER_INDEX * 10 + MATTERMOST_PLUGIN_WORKERS))";
    let mut setup = Setup::with_script("which_worker", true, script, LONG).await;
    setup.bridge.connected().await;
    assert_eq!(setup.ended().await, Ok(25));
}
