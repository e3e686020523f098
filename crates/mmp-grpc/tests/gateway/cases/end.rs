//! How a gateway ends.

use std::path::PathBuf;
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

/// Named pipes in a private directory: `NAME` of a script is told to the test, or by it.
fn pipes(names: &[&str]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for name in names {
        let made = std::process::Command::new("mkfifo").arg(directory.path().join(name)).status();
        assert!(made.unwrap().success());
    }
    directory
}

/// Waits until a script has written into a pipe.
async fn read(pipe: PathBuf) -> String {
    tokio::task::spawn_blocking(|| std::fs::read_to_string(pipe).unwrap()).await.unwrap()
}

/// Lets a script go on that reads from a pipe.
async fn write(pipe: PathBuf) {
    tokio::task::spawn_blocking(|| std::fs::write(pipe, "x\n").unwrap()).await.unwrap();
}

/// A program behind a shell hears of the end, and the gateway waits for it although the shell has gone.
#[tokio::test]
async fn a_program_behind_a_shell_has_time_to_end() {
    let directory = pipes(&["ready", "asked", "go"]);
    let place = |name: &str| directory.path().join(name);
    let program =
        "trap 'echo x >asked; read x <go; echo x >ended; exit 0' TERM; echo x >ready; tail -f /dev/null & wait";
    let script = format!("cd {}; sh -c \"{program}\" & wait", directory.path().display());
    let mut setup = Setup::with_script("behind_a_shell", true, &script, LONG).await;
    setup.bridge.connected().await;
    read(place("ready")).await;
    setup.bridge.control().send(Kind::Stop, 0, 0, 0, &[]).await;
    read(place("asked")).await;
    write(place("go")).await;
    assert_eq!(setup.ended().await, Ok(0));
    assert!(place("ended").exists(), "the program was not killed before it had ended");
}

/// What a program needs to end in order: standard input does not say meanwhile that the gateway is gone, and the API answers.
#[tokio::test]
async fn a_program_has_its_input_and_the_api_until_it_has_ended() {
    let directory = pipes(&["ready", "asked", "go"]);
    let place = |name: &str| directory.path().join(name);
    let script = format!(
        "cd {}; trap 'readlink /proc/$$/fd/0 >asked; read x <go; exit 0' TERM; echo x >ready; tail -f /dev/null & wait",
        directory.path().display()
    );
    let mut setup = Setup::with_script("input_and_api", true, &script, LONG).await;
    setup.bridge.connected().await;
    read(place("ready")).await;
    setup.bridge.control().send(Kind::Stop, 0, 0, 0, &[]).await;
    let pipe = read(place("asked")).await;
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    let mut open = open.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    assert!(open.any(|file| file.as_os_str() == pipe.trim_end()), "{pipe} has no other end");
    std::os::unix::net::UnixStream::connect(setup.directory.path().join("api@localhost")).unwrap();
    write(place("go")).await;
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
