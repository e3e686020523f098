//! Calls that the program no longer waits for.

use mmp_worker::frame::{Kind, OF_API};
use tonic::Code;

use crate::gateway::{Gateway, api};

#[tokio::test]
async fn a_deadline_that_passes_cancels_the_call() {
    let gateway = Gateway::start();
    let client = gateway.client().await.timeout("500m");
    let bridge = async {
        let mut connection = gateway.bridge.accept().await;
        let call = connection.expect(Kind::ApiCall).await;
        let cancel = connection.expect(Kind::Cancel).await;
        assert_eq!((cancel.flags, cancel.id, cancel.method), (OF_API, call.id, call.method));
        // The answer comes too late for anybody.
        connection.out().answer(&call, Kind::ApiReply, b"\x91\xa411.6");
        connection
    };
    let (answer, mut connection) = tokio::join!(client.call("GetServerVersion", ""), bridge);
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert!(status.message().contains("deadline"), "{}", status.message());
    // Another call is none the worse.
    let client = gateway.client().await.timeout("1H");
    let bridge = async {
        let call = connection.expect(Kind::ApiCall).await;
        connection.out().answer(&call, Kind::ApiReply, b"\x91\xa411.6");
    };
    let (answer, ()) = tokio::join!(client.call("GetServerVersion", ""), bridge);
    assert!(answer.is_ok());
}

#[tokio::test]
async fn a_timeout_that_cannot_be_read_is_an_invalid_argument() {
    let gateway = Gateway::start();
    let status = gateway.client().await.timeout("soon").call("GetServerVersion", "").await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("grpc-timeout"));
}

#[tokio::test]
async fn a_call_that_the_client_gives_up_is_cancelled() {
    let gateway = Gateway::start();
    let client = gateway.client().await;
    let running = tokio::spawn({
        let client = client.clone();
        async move { client.call("GetServerVersion", "").await }
    });
    let mut connection = gateway.bridge.accept().await;
    let call = connection.expect(Kind::ApiCall).await;
    assert_eq!(call.method, api("GetServerVersion").id);
    running.abort();
    let cancel = connection.expect(Kind::Cancel).await;
    assert_eq!((cancel.flags, cancel.id), (OF_API, call.id));
}

#[tokio::test]
async fn a_program_that_dies_gives_its_calls_up() {
    let gateway = Gateway::start();
    let client = gateway.client().await;
    let running = tokio::spawn({
        let client = client.clone();
        async move { client.call("GetServerVersion", "").await }
    });
    let mut connection = gateway.bridge.accept().await;
    let call = connection.expect(Kind::ApiCall).await;
    client.die();
    let cancel = connection.expect(Kind::Cancel).await;
    assert_eq!((cancel.flags, cancel.id), (OF_API, call.id));
    assert!(running.await.unwrap().is_err());
}

#[tokio::test]
async fn many_calls_given_up_at_once_leave_the_connection_alone() {
    const CALLS: usize = 500;
    let (gateway, mut connection) = Gateway::asynchronous().await;
    let client = gateway.client().await;
    let running: Vec<_> = (0..CALLS)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.call("GetServerVersion", "").await })
        })
        .collect();
    for _ in 0..CALLS {
        connection.expect(Kind::ApiCall).await;
    }
    running.iter().for_each(tokio::task::JoinHandle::abort);
    for _ in 0..CALLS {
        connection.expect(Kind::Cancel).await;
    }
    let bridge = async {
        let call = connection.expect(Kind::ApiCall).await;
        connection.out().answer(&call, Kind::ApiReply, b"\x91\xa411.6");
    };
    let (answer, ()) = tokio::join!(client.call("GetServerVersion", ""), bridge);
    assert!(answer.is_ok(), "{answer:?}");
}
