//! Bodies that go to the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use mmp_transcode::msgpack;
use mmp_worker::frame::{BODY, Kind, OF_API};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

use crate::gateway::{Gateway, api};
use crate::messages::{api_error, data, end, start};
use crate::support::bridge::{Connection, Frame};

/// The first credit of a body.
const CREDIT: usize = 128 * 1024;

/// Gives credit for what a DATA held.
fn credit(connection: &Connection, call: &Frame, bytes: usize) {
    let mut payload = Vec::new();
    msgpack::put_uint(&mut payload, bytes as u64);
    connection.out().send(Kind::Credit, OF_API, call.method, call.id, &payload);
}

/// Reads a body to its end, giving credit for all of it.
async fn read_body(connection: &mut Connection, call: &Frame) -> (Vec<u8>, Bytes) {
    let mut body = Vec::new();
    loop {
        let frame = connection.next().await.expect("a frame");
        assert_eq!((frame.method, frame.id, frame.flags), (call.method, call.id, OF_API), "{:?}", frame.kind);
        match frame.kind {
            Kind::Data => {
                assert!((1..=64 * 1024).contains(&frame.payload.len()));
                body.extend_from_slice(&frame.payload);
                credit(connection, call, frame.payload.len());
            }
            kind => {
                assert_eq!(kind, Kind::End);
                return (body, frame.payload);
            }
        }
    }
}

#[tokio::test]
async fn a_body_reaches_the_bridge_in_small_pieces() {
    let gateway = Gateway::start();
    let client = gateway.client().await;
    let whole: Vec<u8> = (0..1_000_000u32).map(|at| (at >> 3) as u8).collect();
    // Messages of any length, also empty ones; `end` may follow or not.
    for ending in [vec![end("")], vec![], vec![end(""), data("what comes after the end")]] {
        let mut messages = vec![start(""), data(whole[..300_000].to_vec()), data(""), Bytes::new()];
        messages.push(data(whole[300_000..].to_vec()));
        messages.extend(ending);
        let bridge = async {
            let mut connection = gateway.bridge.accept().await;
            let call = connection.expect(Kind::ApiCall).await;
            assert_eq!((call.method, call.flags), (api("UploadData").id, BODY));
            let (body, ended) = read_body(&mut connection, &call).await;
            assert!(body == whole, "the bytes are the same");
            assert!(ended.is_empty(), "the body is complete");
            connection.out().answer(&call, Kind::ApiReply, b"\x91\xc0");
            // The next round comes over another connection.
        };
        let (answer, ()) = tokio::join!(client.upload("UploadData", tokio_stream::iter(messages)), bridge);
        assert!(answer.unwrap().is_empty());
    }
}

#[tokio::test]
async fn arguments_come_with_the_start() {
    let gateway = Gateway::start();
    let client = gateway.client().await;
    let bridge = async {
        let mut connection = gateway.bridge.accept().await;
        let call = connection.expect(Kind::ApiCall).await;
        assert_eq!((call.method, &call.payload[..]), (api("InstallPlugin").id, &b"\x91\xc3"[..]));
        let (body, _) = read_body(&mut connection, &call).await;
        assert_eq!(body, b"bundle");
        connection.out().answer(&call, Kind::ApiError, &api_error("app", "no", 400));
        connection
    };
    let messages = tokio_stream::iter([start(&b"\x08\x01"[..]), data("bundle")]);
    let (answer, _connection) = tokio::join!(client.upload("InstallPlugin", messages), bridge);
    assert_eq!(answer.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_program_is_read_only_as_far_as_the_bridge_reads() {
    const CHUNK: usize = 64 * 1024;
    let gateway = Gateway::start();
    let client = gateway.client().await;
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = taken.clone();
    let chunks = (0..16_384).map(move |_| {
        counted.fetch_add(CHUNK, Ordering::SeqCst);
        data(vec![1; CHUNK])
    });
    let bridge = async {
        let mut connection = gateway.bridge.accept().await;
        let call = connection.expect(Kind::ApiCall).await;
        let mut read = 0;
        // Sixteen MiB are read; at every step the program is only a little ahead.
        for _ in 0..256 {
            read += connection.expect(Kind::Data).await.payload.len();
            credit(&connection, &call, CHUNK);
            let ahead = taken.load(Ordering::SeqCst) - read;
            // The stream's window, the credit, and what the client's own HTTP/2 holds.
            assert!(ahead < 4 * 1024 * 1024, "{ahead} bytes ahead");
        }
        // The server answers before it has read everything.
        connection.out().answer(&call, Kind::ApiError, &api_error("app", "too much", 413));
        connection
    };
    let messages = tokio_stream::iter([start("")]).chain(tokio_stream::iter(chunks));
    let (answer, mut connection) = tokio::join!(client.upload("UploadData", messages), bridge);
    let status = answer.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, "too much"));
    // What was on its way when the answer came has its place; END and CANCEL do not.
    while let Some(frame) = connection.try_next() {
        assert_eq!(frame.kind, Kind::Data);
    }
    assert!(taken.load(Ordering::SeqCst) < 256 * CHUNK + CREDIT + 4 * 1024 * 1024);
}

#[tokio::test]
async fn a_body_that_the_program_breaks_off_is_not_whole() {
    let gateway = Gateway::start();
    let client = gateway.client().await;
    let bridge = async {
        let mut connection = gateway.bridge.accept().await;
        let call = connection.expect(Kind::ApiCall).await;
        let (body, ended) = read_body(&mut connection, &call).await;
        assert_eq!((&body[..], &ended[..]), (&b"half"[..], &b"\x81\xa7message\xa8disk ate"[..]));
        connection.out().answer(&call, Kind::ApiError, &api_error("invalid", "disk ate", 0));
        connection
    };
    let messages = tokio_stream::iter([start(""), data("half"), end("disk ate")]);
    let (answer, _connection) = tokio::join!(client.upload("UploadData", messages), bridge);
    let status = answer.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "disk ate"));
}

/// What comes of an upload that the program does not finish must say so: a broken END, or CANCEL.
async fn expect_broken(connection: &mut Connection) {
    let frame = connection.next().await.expect("a frame");
    match frame.kind {
        Kind::End => assert!(!frame.payload.is_empty(), "the body must not count as complete"),
        kind => assert_eq!((kind, frame.flags), (Kind::Cancel, OF_API)),
    }
}

#[tokio::test]
async fn an_upload_that_is_given_up_is_not_whole() {
    for dies in [false, true] {
        let gateway = Gateway::start();
        let client = gateway.client().await;
        let (sender, messages) = mpsc::channel(2);
        sender.send(start("")).await.unwrap();
        sender.send(data("half")).await.unwrap();
        let running = tokio::spawn({
            let client = client.clone();
            async move { client.upload("UploadData", ReceiverStream::new(messages)).await }
        });
        let mut connection = gateway.bridge.accept().await;
        connection.expect(Kind::ApiCall).await;
        assert_eq!(connection.expect(Kind::Data).await.payload, "half");
        if dies {
            client.die();
        } else {
            running.abort();
        }
        expect_broken(&mut connection).await;
    }
}

#[tokio::test]
async fn messages_out_of_order_are_refused() {
    let gateway = Gateway::start();
    let client = gateway.client().await;
    for messages in [vec![], vec![data("x")], vec![end("")], vec![Bytes::new()], vec![Bytes::from_static(b"\x0a\x09")]]
    {
        let status = client.upload("UploadData", tokio_stream::iter(messages)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().starts_with("UploadData: "), "{}", status.message());
    }
    let bridge = async {
        let mut connection = gateway.bridge.accept().await;
        connection.expect(Kind::ApiCall).await;
        expect_broken(&mut connection).await;
        connection
    };
    let messages = tokio_stream::iter([start(""), start("")]);
    let (answer, _connection) = tokio::join!(client.upload("UploadData", messages), bridge);
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("only the first message"), "{}", status.message());
}

#[tokio::test]
async fn an_upload_has_a_deadline_too() {
    let gateway = Gateway::start();
    let client = gateway.client().await.timeout("500m");
    let (sender, messages) = mpsc::channel(1);
    sender.send(start("")).await.unwrap();
    let bridge = async {
        let mut connection = gateway.bridge.accept().await;
        connection.expect(Kind::ApiCall).await;
        expect_broken(&mut connection).await;
        connection
    };
    let (answer, _connection) = tokio::join!(client.upload("UploadData", ReceiverStream::new(messages)), bridge);
    assert_eq!(answer.unwrap_err().code(), Code::DeadlineExceeded);
    drop(sender);
}
