//! How a gateway ends.

use std::time::Duration;

use mmp_worker::frame::Kind;

use crate::program::Handlers;
use crate::setup::{IDLE, LONG, Setup};

#[tokio::test]
async fn the_exit_status_of_the_program_is_that_of_the_gateway() {
    for (script, status) in [("exit 0", 0), ("exit 42", 42), ("kill -9 $$", 137), ("kill -15 $$", 143)] {
        for hooks in [true, false] {
            let mut setup = Setup::with_script("exit_status", hooks, script, LONG).await;
            if hooks {
                setup.bridge.connected().await;
            }
            assert_eq!(setup.ended().await, Ok(status), "{script}");
        }
    }
}

#[tokio::test]
async fn stop_ends_the_program() {
    let (mut setup, _program) = Setup::ready("stop", Handlers::implementing(&[])).await;
    setup.bridge.control().send(Kind::Stop, 0, 0, 0, &[]).await;
    assert_eq!(setup.bridge.hooks().next().await, None);
    assert_eq!(setup.bridge.hooks().logged, [], "an end that was asked for is no fault");
    assert_eq!(setup.ended().await, Ok(0));
}

#[tokio::test]
async fn a_program_that_does_not_end_is_killed() {
    let script = "trap '' TERM; while :; do read line || :; done";
    let mut setup = Setup::with_script("is_killed", true, script, LONG).await;
    setup.bridge.connected().await;
    setup.bridge.control().send(Kind::Stop, 0, 0, 0, &[]).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(setup.ended().await, Ok(0));
}

#[tokio::test]
async fn the_end_of_the_bridge_ends_the_program() {
    let mut setup = Setup::with_script("end_of_control", true, IDLE, LONG).await;
    setup.bridge.connected().await;
    setup.bridge.hang_up();
    assert_eq!(setup.ended().await, Ok(0));

    let (mut setup, _program) = Setup::ready("end_of_standard_input", Handlers::implementing(&[])).await;
    setup.stdin = None;
    assert_eq!(setup.ended().await, Ok(0));

    let mut setup = Setup::with_script("end_beside_a_worker", false, IDLE, LONG).await;
    setup.stdin = None;
    assert_eq!(setup.ended().await, Ok(0));
}

#[tokio::test]
async fn a_bridge_that_breaks_the_protocol_is_left() {
    let (mut setup, _program) = Setup::ready("breaks_the_protocol", Handlers::implementing(&[])).await;
    setup.bridge.hooks().send(Kind::Ready, 0, 0, 0, &[]).await;
    assert_eq!(setup.ended().await, Ok(0));
}
