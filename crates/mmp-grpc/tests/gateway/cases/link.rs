//! The worker link itself: handshakes that fail, connections that are lost, frames of any size.

use std::time::Duration;

use mmp_grpc::frames::{CallError, ErrorKind, Level, Link};
use mmp_grpc::{Settings, gateway};
use mmp_transcode::generated::api_by_name;
use mmp_worker::frame::Kind;
use mmp_worker::messages::{self, Refused, Role};
use mmp_worker::token::Token;

use crate::bridge::{Bridge, broken};
use crate::setup::{IDLE, LONG, Setup, Watchdog};

/// A link that connects when it is used, and the bridge that it connects to.
fn on_demand(directory: &tempfile::TempDir) -> (Link, Bridge) {
    let (path, token) = (directory.path().join("worker.sock"), Token::random().unwrap());
    let bridge = Bridge::listen(&path, token.clone());
    (Link::on_demand(path, token), bridge)
}

#[tokio::test]
async fn a_gateway_that_is_refused_says_why() {
    let mut setup = Setup::with_script("refused", true, IDLE, LONG).await;
    let (mut connection, _) = setup.bridge.accept_silently().await;
    let refused = Refused { code: "schema".to_owned(), message: "the schemas differ: bundle again".to_owned() };
    connection.send(Kind::Refused, 0, 0, 0, &messages::encode(&refused).unwrap()).await;
    assert_eq!(setup.ended().await, Err("the schemas differ: bundle again".to_owned()));
}

#[tokio::test]
async fn a_handshake_that_cannot_be_read_ends_the_gateway() {
    for (kind, payload) in [(Kind::Refused, &b"\xc0"[..]), (Kind::Welcome, b"\xc0"), (Kind::Ready, b"")] {
        let mut setup = Setup::with_script("unreadable_handshake", true, IDLE, LONG).await;
        let (mut connection, _) = setup.bridge.accept_silently().await;
        connection.send(kind, 0, 0, 0, payload).await;
        assert_eq!(setup.ended().await, Err("the bridge's answer cannot be read".to_owned()));
    }
    let mut setup = Setup::with_script("closed_handshake", true, IDLE, LONG).await;
    drop(setup.bridge.accept_silently().await);
    assert!(setup.ended().await.unwrap_err().starts_with("the bridge cannot be reached: "));
}

#[tokio::test]
async fn a_gateway_needs_its_token() {
    let _watchdog = Watchdog::new("needs_its_token");
    let settings = Settings {
        hooks: true,
        command: vec!["true".into()],
        socket: "/nowhere/worker.sock".into(),
        start_timeout: Duration::from_secs(1),
        max_message: 1,
        database: false,
        development: false,
    };
    for line in [&b""[..], b"0123", b"short\n", &[b'0'; 300]] {
        let ended = gateway::run(settings.clone(), line).await.map_err(|error| error.to_string());
        assert_eq!(ended, Err("the bridge gave no token".to_owned()));
    }
}

#[tokio::test]
async fn a_link_on_demand_connects_at_the_first_call_and_again_after_a_loss() {
    let _watchdog = Watchdog::new("on_demand");
    let directory = tempfile::tempdir().unwrap();
    let (link, mut bridge) = on_demand(&directory);
    let method = api_by_name("GetServerVersion").unwrap();
    for _ in 0..2 {
        let calling = tokio::spawn({
            let link = link.clone();
            async move { link.call(method, b"\x90").await }
        });
        let mut connection = bridge.accept(Role::Api).await;
        let call = connection.expect(Kind::ApiCall).await;
        assert_eq!((call.method, call.flags, &call.payload[..]), (method.id, 0, &b"\x90"[..]));
        connection.send(Kind::ApiReply, 0, call.method, call.id, b"\x91\xa611.6.0").await;
        assert_eq!(calling.await.unwrap().unwrap()[..], b"\x91\xa611.6.0"[..]);
        // A call that is lost with its connection is not made again by itself.
        let calling = tokio::spawn({
            let link = link.clone();
            async move { link.call(method, b"\x90").await }
        });
        connection.expect(Kind::ApiCall).await;
        drop(connection);
        let Err(CallError::Lost(reason)) = calling.await.unwrap() else { panic!("there was an answer") };
        assert_eq!(&*reason, "the bridge has closed the connection");
    }
}

#[tokio::test]
async fn lines_for_the_log_find_their_way() {
    let _watchdog = Watchdog::new("lines_for_the_log");
    let directory = tempfile::tempdir().unwrap();
    let (link, mut bridge) = on_demand(&directory);
    link.log(Level::Error, "a call without a token", &[("method", "GetUser")]);
    let mut connection = bridge.accept(Role::Api).await;
    let calling = tokio::spawn(async move { link.call(api_by_name("GetServerVersion").unwrap(), b"\x90").await });
    let call = connection.expect(Kind::ApiCall).await;
    connection.send(Kind::ApiError, 0, call.method, call.id, &broken("not now")).await;
    let Err(CallError::Api(error)) = calling.await.unwrap() else { panic!("there was an answer") };
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Error, "not now"));
    let line = &connection.logged[0];
    assert_eq!(
        (line.0.as_str(), line.1.as_str(), line.2["method"].as_str()),
        ("error", "a call without a token", "GetUser")
    );
}

#[tokio::test]
async fn frames_of_any_size_come_through() {
    let _watchdog = Watchdog::new("frames_of_any_size");
    let directory = tempfile::tempdir().unwrap();
    let (link, mut bridge) = on_demand(&directory);
    let method = api_by_name("GetServerVersion").unwrap();
    let sizes = [0, 1, 65_524, 65_536, 65_537, 300_000, 9_000_000, 5];
    let calling = tokio::spawn(async move {
        for size in sizes {
            let reply = link.call(method, &vec![7; size]).await.unwrap();
            assert!(reply.len() == size && reply.iter().all(|byte| *byte == 8), "{size}");
        }
    });
    let mut connection = bridge.accept(Role::Api).await;
    for size in sizes {
        let call = connection.expect(Kind::ApiCall).await;
        assert_eq!(call.payload.len(), size);
        connection.send(Kind::ApiReply, 0, call.method, call.id, &vec![8; size]).await;
    }
    calling.await.unwrap();
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_is_cancelled_once() {
    let _watchdog = Watchdog::new("nobody_waits");
    let directory = tempfile::tempdir().unwrap();
    let (link, mut bridge) = on_demand(&directory);
    let method = api_by_name("GetServerVersion").unwrap();
    let first = tokio::spawn({
        let link = link.clone();
        async move { link.call(method, b"\x90").await }
    });
    let mut connection = bridge.accept(Role::Api).await;
    let call = connection.expect(Kind::ApiCall).await;
    first.abort();
    let cancel = connection.expect(Kind::Cancel).await;
    assert_eq!((cancel.id, cancel.flags, cancel.method), (call.id, 1, method.id));
    // The answer that was under way is for nobody, and the next call has an id of its own.
    connection.send(Kind::ApiReply, 0, call.method, call.id, b"\x90").await;
    let second = tokio::spawn(async move { link.call(method, b"\x90").await });
    let next = connection.expect(Kind::ApiCall).await;
    assert_ne!(next.id, call.id);
    connection.send(Kind::ApiReply, 0, next.method, next.id, b"\x91\x05").await;
    assert_eq!(second.await.unwrap().unwrap()[..], b"\x91\x05"[..]);
}
