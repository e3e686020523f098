//! Many calls at once.

use mmp_worker::frame::Kind;
use mmp_worker::messages::{self, Log};
use tokio::io::AsyncReadExt as _;

use crate::gateway::{Gateway, api};
use crate::messages::{array_of_bin, field, only_field, start};
use crate::support::patience::within;

#[tokio::test]
async fn a_thousand_calls_run_at_once_and_each_gets_its_own_answer() {
    const CALLS: usize = 1000;
    let (gateway, mut connection) = Gateway::asynchronous().await;
    let client = gateway.client().await;
    let running: Vec<_> = (0..CALLS)
        .map(|number| {
            let client = client.clone();
            let key = format!("key-{number:04}");
            tokio::spawn(async move { (client.call("KVGet", field(1, key.clone().into())).await, key) })
        })
        .collect();
    let mut calls = Vec::new();
    while calls.len() < CALLS {
        calls.push(connection.expect(Kind::ApiCall).await);
    }
    // The last is answered first.
    for call in calls.iter().rev() {
        connection.out().answer(call, Kind::ApiReply, &array_of_bin(&call.payload[2..]));
    }
    for call in running {
        let (answer, key) = call.await.unwrap();
        assert_eq!(only_field(answer.unwrap()), (1, key.into()));
    }
}

/// The bridge does not read an `api` connection with 256 calls in flight, not even that one of them is given up.
#[tokio::test]
async fn calls_that_are_given_up_make_room_for_others() {
    const CALLS: usize = 300;
    let gateway = Gateway::start();
    let client = gateway.client().await;
    let mut running: Vec<_> = (0..CALLS)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.call("GetServerVersion", "").await })
        })
        .collect();
    let mut connection = gateway.bridge.accept().await;
    for _ in 0..200 {
        connection.expect(Kind::ApiCall).await;
    }
    // All that could be sent is: a deadline passes for one that waits, without a frame.
    let late = client.clone().timeout("50m").call("GetServerVersion", "").await.unwrap_err();
    assert_eq!(late.code(), tonic::Code::DeadlineExceeded);
    assert!(connection.try_next().is_none(), "no more than 200 calls are in flight");
    let given_up: Vec<_> = running.drain(..50).collect();
    given_up.iter().for_each(tokio::task::JoinHandle::abort);
    let (mut cancelled, mut called) = (0, 0);
    while (cancelled, called) != (50, 50) {
        match connection.next().await.expect("a frame").kind {
            Kind::Cancel => cancelled += 1,
            Kind::ApiCall => called += 1,
            kind => panic!("{kind:?}"),
        }
        assert!(called <= cancelled, "a call that is given up is so before another takes its place");
    }
}

/// So do calls with streams, which are over when their answer has come.
#[tokio::test]
async fn uploads_hold_their_place_until_they_are_answered() {
    let gateway = Gateway::start();
    let client = gateway.client().await;
    for _ in 0..200 {
        let client = client.clone();
        tokio::spawn(async move { client.call("GetServerVersion", "").await });
    }
    let mut connection = gateway.bridge.accept().await;
    let mut calls = Vec::new();
    for _ in 0..200 {
        calls.push(connection.expect(Kind::ApiCall).await);
    }
    let upload = tokio::spawn({
        let client = client.clone();
        async move { client.upload("UploadData", tokio_stream::iter([start(Vec::new())])).await }
    });
    connection.out().answer(&calls[0], Kind::ApiReply, b"\x91\xa411.6");
    let call = connection.expect(Kind::ApiCall).await;
    assert_eq!(call.method, api("UploadData").id);
    connection.expect(Kind::End).await;
    let late = client.clone().timeout("50m").call("GetServerVersion", "").await.unwrap_err();
    assert_eq!(late.code(), tonic::Code::DeadlineExceeded);
    connection.out().answer(&call, Kind::ApiError, b"\x80");
    upload.await.unwrap().unwrap_err();
    let next = tokio::spawn(async move { client.call("GetServerVersion", "").await });
    connection.expect(Kind::ApiCall).await;
    next.abort();
}

/// A program that makes a connection for every call does not take all descriptors, and its author is told.
#[tokio::test]
async fn connections_beyond_many_are_turned_away_and_told_once() {
    let gateway = Gateway::start();
    let mut open = Vec::new();
    for _ in 0..260 {
        open.push(tokio::net::UnixStream::connect(gateway.settings.api_socket()).await.unwrap());
    }
    for surplus in &mut open[256..] {
        let mut byte = [0];
        let read = within("the end of the connection", surplus.read(&mut byte));
        assert_eq!(read.await.unwrap(), 0);
    }
    let mut connection = gateway.bridge.accept().await;
    let line = connection.expect(Kind::Log).await;
    let Log(level, message, fields) = messages::decode(&line.payload).unwrap();
    assert_eq!((level.as_str(), fields["times"].as_str()), ("warn", "1"));
    assert!(message.contains("beyond 256 open ones was turned away: let the plugin's program make one gRPC channel"));
}
