//! The start of a program, and everything that can be wrong with it.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tonic::Status;

use crate::program::{HEALTH, Handlers, NOT_SERVING, Program, SERVING, hook};
use crate::setup::{IDLE, LONG, Setup};

/// Fails the start and gives the sentence; the gateway ends with an error.
async fn failure(mut setup: Setup) -> (String, String) {
    let failed = setup.bridge.failed().await;
    assert_eq!(setup.bridge.control().next().await, None);
    assert_eq!(setup.ended().await, Ok(1));
    (failed.code.clone(), failed.sentence())
}

/// Lets the start timeout pass. The gateway waits for nothing else.
async fn pass_start_timeout() {
    tokio::time::pause();
    tokio::time::advance(LONG).await;
}

#[tokio::test]
async fn a_program_is_ready_with_the_hooks_that_it_names() {
    let (mut setup, _program) = Setup::serving(
        "a_program_is_ready",
        Handlers::implementing(&["UserWillLogIn", "MessageWillBePosted", "UserWillLogIn", "Implemented"]),
    )
    .await;
    assert_eq!(setup.bridge.ready().await, ["MessageWillBePosted", "UserWillLogIn"]);
}

#[tokio::test]
async fn a_program_may_have_no_hooks_and_unknown_ones_are_logged() {
    let (mut setup, _program) =
        Setup::serving("unknown_hooks", Handlers::implementing(&["MessageWillBeEaten", "onActivate"])).await;
    assert_eq!(setup.bridge.ready().await, [""; 0]);
    setup.stdin = None;
    while setup.bridge.hooks().next().await.is_some() {}
    let logged = &setup.bridge.hooks().logged;
    assert_eq!(logged.len(), 1);
    assert_eq!((logged[0].0.as_str(), logged[0].2["hooks"].as_str()), ("warn", "MessageWillBeEaten, onActivate"));
}

#[tokio::test]
async fn a_program_that_is_not_serving_yet_is_asked_again() {
    let checks = std::sync::atomic::AtomicU32::new(0);
    let handlers = Handlers::implementing(&["OnActivate"]).message(HEALTH, move |request| {
        assert_eq!(&request[..], b"\x0a\x06plugin");
        Ok(Bytes::from_static(match checks.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => NOT_SERVING,
            1 => return Err(Status::not_found("plugin")),
            _ => SERVING,
        }))
    });
    let (mut setup, _program) = Setup::serving("asked_again", handlers).await;
    assert_eq!(setup.bridge.ready().await, ["OnActivate"]);
}

#[tokio::test]
async fn nothing_listens() {
    let mut setup = Setup::with_script("nothing_listens", true, IDLE, Duration::from_secs(10)).await;
    setup.bridge.connected().await;
    tokio::time::pause();
    let (code, sentence) = failure(setup).await;
    assert_eq!(code, "init");
    assert!(sentence.contains("did not serve on MATTERMOST_PLUGIN_HOOKS_TARGET within 10 seconds"), "{sentence}");
    assert!(sentence.contains("does not listen"), "{sentence}");
}

#[tokio::test]
async fn what_listens_speaks_no_http2() {
    let mut setup = Setup::with_script("no_http2", true, IDLE, LONG).await;
    setup.bridge.connected().await;
    let listener = tokio::net::UnixListener::bind(setup.directory.path().join("hooks.sock")).unwrap();
    for _ in 0..3 {
        // A connection that is closed at once.
        listener.accept().await.unwrap();
    }
    pass_start_timeout().await;
    let (code, sentence) = failure(setup).await;
    assert_eq!(code, "init");
    // It depends on whether the connection ends before or after the first question is sent.
    let words = ["does not speak HTTP/2", "the connection to the worker failed"];
    assert!(words.iter().any(|words| sentence.contains(words)), "{sentence}");
    assert!(sentence.contains("could not be asked anything"), "{sentence}");
    assert!(sentence.contains("serve gRPC (HTTP/2 without TLS) there"), "{sentence}");
}

#[tokio::test]
async fn the_question_for_its_health_is_not_answered() {
    let (asked, mut seen) = mpsc::channel(1);
    let handlers = Handlers::default().later(HEALTH, move |_, _| {
        let asked = asked.clone();
        async move {
            let _ = asked.send(()).await;
            std::future::pending().await
        }
    });
    let (setup, _program) = Setup::serving("health_not_answered", handlers).await;
    seen.recv().await.unwrap();
    pass_start_timeout().await;
    let (code, sentence) = failure(setup).await;
    assert_eq!(code, "init");
    assert!(sentence.contains("did not answer the question for its health"), "{sentence}");
}

#[tokio::test]
async fn its_health_is_never_good() {
    for (answer, words) in [
        (Ok(Bytes::from_static(NOT_SERVING)), "NOT_SERVING"),
        (Err(Status::not_found("no such service")), "does not know the service \"plugin\""),
    ] {
        let (asked, mut seen) = mpsc::unbounded_channel();
        let handlers = Handlers::default().message(HEALTH, move |_| {
            let _ = asked.send(());
            answer.clone()
        });
        let (setup, _program) = Setup::serving("health_never_good", handlers).await;
        // The answer to the first question is known when the second comes.
        seen.recv().await.unwrap();
        seen.recv().await.unwrap();
        pass_start_timeout().await;
        let (code, sentence) = failure(setup).await;
        assert_eq!(code, "init");
        assert!(sentence.contains(words), "{sentence}");
        tokio::time::resume();
    }
}

#[tokio::test]
async fn implemented_is_not_answered() {
    let (asked, mut seen) = mpsc::channel(1);
    let handlers = Handlers::implementing(&[]).later(&hook("Implemented"), move |_, _| {
        let asked = asked.clone();
        async move {
            let _ = asked.send(()).await;
            std::future::pending().await
        }
    });
    let (setup, _program) = Setup::serving("implemented_not_answered", handlers).await;
    seen.recv().await.unwrap();
    pass_start_timeout().await;
    let (code, sentence) = failure(setup).await;
    assert_eq!(code, "init");
    assert!(sentence.contains("did not answer Implemented within 1000 seconds"), "{sentence}");
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let healthy = |_| Ok(Bytes::from_static(SERVING));
    for (handlers, code, words) in [
        (Handlers::default(), "init", "the program has no health service"),
        (
            Handlers::default().message(HEALTH, healthy),
            "hook",
            "does not implement mattermost.plugin.v1.PluginHooks/Implemented",
        ),
        (
            Handlers::default().message(HEALTH, |_| Err(Status::unauthenticated("who are you?"))),
            "init",
            "the program refused the question for its health: who are you?",
        ),
        (
            Handlers::implementing(&[]).message(&hook("Implemented"), |_| Err(Status::internal("it broke"))),
            "hook",
            "failed when it was asked for its hooks: it broke",
        ),
        (
            Handlers::implementing(&[]).message(&hook("Implemented"), |_| Ok(Bytes::from_static(b"\xff"))),
            "hook",
            "failed when it was asked for its hooks: its answer cannot be read",
        ),
    ] {
        let (setup, _program) = Setup::serving("what_is_missing", handlers).await;
        let (found, sentence) = failure(setup).await;
        assert_eq!(found, code, "{sentence}");
        assert!(sentence.contains(words), "{sentence}");
    }
}

#[tokio::test]
async fn the_token_is_not_told_when_the_start_fails() {
    let handlers = Handlers::default().later(HEALTH, |call, _| async move {
        Err(Status::unauthenticated(call.metadata.get("authorization").unwrap().to_str().unwrap()))
    });
    let (setup, _program) = Setup::serving("token_and_start", handlers).await;
    let (_, sentence) = failure(setup).await;
    assert!(sentence.contains(&format!("Bearer {}", "*".repeat(64))), "{sentence}");
}

#[tokio::test]
async fn of_many_unknown_hooks_a_few_are_named() {
    let names: Vec<String> = (0..1000).map(|number| format!("Hook{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (mut setup, _program) = Setup::serving("many_unknown_hooks", Handlers::implementing(&names)).await;
    assert_eq!(setup.bridge.ready().await, [""; 0]);
    setup.stdin = None;
    while setup.bridge.hooks().next().await.is_some() {}
    let fields = &setup.bridge.hooks().logged[0].2;
    assert_eq!(fields["count"], "1000");
    assert_eq!(fields["hooks"], "Hook0, Hook1, Hook2, Hook3, Hook4, Hook5, Hook6, Hook7, Hook8, Hook9, ...");
}

#[tokio::test]
async fn a_temporary_directory_with_a_long_name_is_named() {
    let directory = tempfile::Builder::new().prefix(&"l".repeat(90)).tempdir().unwrap();
    let bound = mmp_grpc::api::bind(&directory.path().join("api@localhost"));
    let sentence = bound.unwrap_err().to_string();
    assert!(sentence.ends_with("; set TMPDIR to a shorter directory"), "{sentence}");
}

#[tokio::test]
async fn a_program_that_cannot_be_run_is_named() {
    let mut setup = Setup::with_command("cannot_be_run", true, &["/nowhere/plugin", "x"], LONG).await;
    setup.bridge.connected().await;
    let (code, sentence) = failure(setup).await;
    assert_eq!(code, "entry_point");
    assert!(sentence.starts_with("/nowhere/plugin cannot be run: No such file"), "{sentence}");
}

#[tokio::test]
async fn a_program_that_ends_while_it_starts_ends_the_gateway_with_its_status() {
    let mut setup = Setup::with_script("ends_while_it_starts", true, "exit 7", LONG).await;
    setup.bridge.connected().await;
    assert_eq!(setup.bridge.control().next().await, None, "the bridge says why, with its last lines");
    assert_eq!(setup.ended().await, Ok(7));
}

#[tokio::test]
async fn the_program_gets_its_targets_and_a_token_of_its_own() {
    let script =
        "read token; echo \"$token\n$MATTERMOST_PLUGIN_API_TARGET\n$MATTERMOST_PLUGIN_HOOKS_TARGET\" > told; exit 3";
    let directory = tempfile::tempdir().unwrap();
    let script = format!("cd {}; {script}", directory.path().display());
    let mut setup = Setup::with_script("gets_its_targets", true, &script, LONG).await;
    setup.bridge.connected().await;
    let socket = |name: &str| format!("unix:{}", setup.directory.path().join(name).display());
    let (api, hooks) = (socket("api@localhost"), socket("hooks.sock"));
    let frames_token = setup.bridge.token();
    assert_eq!(setup.ended().await, Ok(3));
    let told = std::fs::read_to_string(directory.path().join("told")).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines[1..], [api, hooks]);
    assert_eq!(lines[0].len(), 64);
    assert_ne!(lines[0], frames_token, "the frames socket is not for a program that speaks gRPC");
}

#[tokio::test]
async fn beside_a_worker_the_program_gets_the_token_of_the_bridge() {
    let directory = tempfile::tempdir().unwrap();
    let script = format!(
        "cd {}; read token; echo \"$token\n$MATTERMOST_PLUGIN_API_TARGET\n$MATTERMOST_PLUGIN_HOOKS_TARGET\" > told; exit 4",
        directory.path().display()
    );
    let setup = Setup::with_script("beside_a_worker", false, &script, Duration::from_secs(1)).await;
    let api = format!("unix:{}", setup.directory.path().join("api@localhost").display());
    let token = setup.bridge.token();
    assert_eq!(setup.ended().await, Ok(4));
    let told = std::fs::read_to_string(directory.path().join("told")).unwrap();
    assert_eq!(told.lines().collect::<Vec<_>>(), [token, api, String::new()]);
}

#[tokio::test]
async fn a_connection_that_is_lost_while_it_starts_is_made_again() {
    let (asked, mut seen) = mpsc::channel(1);
    let handlers = Handlers::implementing(&[]).later(&hook("Implemented"), move |_, _| {
        let asked = asked.clone();
        async move {
            let _ = asked.send(()).await;
            std::future::pending().await
        }
    });
    let (mut setup, program) = Setup::serving("lost_while_it_starts", handlers).await;
    seen.recv().await.unwrap();
    drop(program);
    let socket = setup.directory.path().join("hooks.sock");
    std::fs::remove_file(&socket).unwrap();
    let _program = Program::serve(&socket, Handlers::implementing(&["OnInstall"]));
    assert_eq!(setup.bridge.ready().await, ["OnInstall"]);
}

/// A socket that an earlier worker left is in nobody's way.
#[tokio::test]
async fn stale_sockets_are_removed() {
    let directory = tempfile::tempdir().unwrap();
    let stale = directory.path().join("hooks.sock");
    drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
    let mut setup = Setup::in_directory("stale_sockets", directory, true, &["sh", "-c", IDLE], LONG).await;
    setup.bridge.connected().await;
    assert!(!stale.exists());
    let _program = Program::serve(&stale, Handlers::implementing(&["OnInstall"]));
    assert_eq!(setup.bridge.ready().await, ["OnInstall"]);
}
