//! `PluginHTTP`: bodies in both directions.

use bytes::Bytes;
use mmp_transcode::msgpack::{self, Reader, Token};
use mmp_worker::frame::{BODY, Kind, OF_API};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codec::Streaming;
use tonic::{Code, Status};

use crate::client::{Client, WINDOW};
use crate::gateway::{Gateway, api};
use crate::messages::{api_error, data, end, field, only_field, start};
use crate::support::bridge::{Connection, Frame};
use crate::support::patience::within;

const PATH: &str = "/mattermost.plugin.v1.PluginAPI/PluginHTTP";

/// The results of a response with status 201 and one header.
const CREATED: &[u8] = b"\x92\xcc\xc9\x81\xa1A\x92\xa1b\xa1c";

/// The start of a request: an `HTTPRequestSubset` in field 1, empty but for its existence.
fn request() -> Bytes {
    start(field(1, Bytes::new()))
}

async fn begin(client: &Client, first: Vec<Bytes>) -> (mpsc::Sender<Bytes>, Streaming<Bytes>) {
    let (sender, messages) = mpsc::channel(first.len().max(4));
    for message in first {
        sender.send(message).await.unwrap();
    }
    (sender, client.both(PATH, ReceiverStream::new(messages)).await.unwrap())
}

async fn next(answers: &mut Streaming<Bytes>) -> Result<Option<(u32, Bytes)>, Status> {
    within("an answer", answers.message()).await.map(|message| message.map(only_field))
}

async fn call_of(gateway: &Gateway) -> (Connection, Frame) {
    let mut connection = gateway.bridge.accept().await;
    let call = connection.expect(Kind::ApiCall).await;
    assert_eq!((call.method, call.flags), (api("PluginHTTP").id, BODY));
    (connection, call)
}

fn send(connection: &Connection, call: &Frame, kind: Kind, payload: &[u8]) {
    connection.out().send(kind, OF_API, call.method, call.id, payload);
}

fn credit_in(frame: &Frame) -> usize {
    assert_eq!((frame.kind, frame.flags), (Kind::Credit, OF_API));
    match Reader::new(&frame.payload).token() {
        Ok(Token::Int(count)) => usize::try_from(count).unwrap(),
        other => panic!("{other:?} is no credit"),
    }
}

#[tokio::test]
async fn bodies_go_in_both_directions_at_once() {
    let gateway = Gateway::start();
    let client = gateway.client().await;
    let (sender, mut answers) = begin(&client, vec![request()]).await;
    let (mut connection, call) = call_of(&gateway).await;
    // The response begins before the request has a body, and echoes what comes.
    connection.out().answer(&call, Kind::ApiReply, CREATED);
    let (number, head) = next(&mut answers).await.unwrap().unwrap();
    assert_eq!(number, 1);
    assert_eq!(&head[..], b"\x08\xc9\x01\x12\x0b\x0a\x01A\x12\x06\x0a\x01b\x0a\x01c");
    for piece in ["one", "two", "three"] {
        sender.send(data(piece)).await.unwrap();
        let body = connection.expect(Kind::Data).await;
        assert_eq!(body.payload, piece);
        send(&connection, &call, Kind::Data, &body.payload);
        assert_eq!(next(&mut answers).await.unwrap(), Some((2, piece.into())));
        assert_eq!(credit_in(&connection.expect(Kind::Credit).await), piece.len());
    }
    sender.send(end("")).await.unwrap();
    assert!(connection.expect(Kind::End).await.payload.is_empty());
    send(&connection, &call, Kind::End, b"");
    assert_eq!(next(&mut answers).await.unwrap(), None);
}

#[tokio::test]
async fn a_request_without_a_body_ends_at_once() {
    let gateway = Gateway::start();
    let client = gateway.client().await;
    let (sender, mut answers) = begin(&client, vec![request()]).await;
    drop(sender);
    let (mut connection, call) = call_of(&gateway).await;
    assert!(connection.expect(Kind::End).await.payload.is_empty());
    connection.out().answer(&call, Kind::ApiReply, CREATED);
    send(&connection, &call, Kind::End, b"");
    assert_eq!(next(&mut answers).await.unwrap().map(|(number, _)| number), Some(1));
    assert_eq!(next(&mut answers).await.unwrap(), None);
}

#[tokio::test]
async fn a_response_is_read_only_as_the_program_reads_it() {
    const TOTAL: usize = 16 * 1024 * 1024;
    let gateway = Gateway::start();
    let client = gateway.client().await;
    let (_sender, mut answers) = begin(&client, vec![request(), end("")]).await;
    let (mut connection, call) = call_of(&gateway).await;
    connection.out().answer(&call, Kind::ApiReply, CREATED);
    assert!(next(&mut answers).await.unwrap().is_some());
    assert_eq!(connection.expect(Kind::End).await.kind, Kind::End);
    // The bridge sends whatever it may, in the largest pieces.
    let (granted, mut grants) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let (mut credit, mut sent) = (256 * 1024, 0);
        while sent < TOTAL {
            if credit == 0 {
                credit = credit_in(&connection.next().await.expect("a frame"));
                granted.send(credit).unwrap();
            }
            let count = credit.min(TOTAL - sent);
            send(&connection, &call, Kind::Data, &vec![5; count]);
            (credit, sent) = (credit - count, sent + count);
        }
        send(&connection, &call, Kind::End, b"");
        // The connection stays until the test is over.
        std::future::pending::<()>().await;
    });
    let (mut read, mut credit) = (0, 0);
    while let Some((number, bytes)) = next(&mut answers).await.unwrap() {
        assert_eq!(number, 2);
        assert!(bytes.len() <= 64 * 1024, "{} bytes in a chunk", bytes.len());
        read += bytes.len();
        while let Ok(count) = grants.try_recv() {
            credit += count;
        }
        // What HTTP/2 holds at both ends, and a piece that is being passed on.
        assert!(credit < read + 16 * WINDOW as usize + 1024 * 1024, "{credit} bytes of credit when {read} were read");
    }
    assert_eq!(read, TOTAL);
}

#[tokio::test]
async fn a_response_that_was_broken_off_says_so() {
    let gateway = Gateway::start();
    let client = gateway.client().await;
    let (_sender, mut answers) = begin(&client, vec![request()]).await;
    let (connection, call) = call_of(&gateway).await;
    connection.out().answer(&call, Kind::ApiReply, CREATED);
    send(&connection, &call, Kind::Data, b"half");
    send(&connection, &call, Kind::End, b"\x81\xa7message\xa4gone");
    assert_eq!(next(&mut answers).await.unwrap().map(|(number, _)| number), Some(1));
    assert_eq!(next(&mut answers).await.unwrap(), Some((2, "half".into())));
    assert_eq!(next(&mut answers).await.unwrap(), Some((3, field(1, "gone".into()))));
    assert_eq!(next(&mut answers).await.unwrap(), None);
}

#[tokio::test]
async fn without_a_response_there_is_an_error() {
    for (kind, payload, code) in [
        (Kind::ApiReply, b"\x92\x00\x80".to_vec(), Code::Unknown),
        (Kind::ApiError, api_error("unavailable", "stopped", 0), Code::Unavailable),
    ] {
        let gateway = Gateway::start();
        let client = gateway.client().await;
        let (_sender, mut answers) = begin(&client, vec![request()]).await;
        let (connection, call) = call_of(&gateway).await;
        connection.out().answer(&call, kind, &payload);
        assert_eq!(next(&mut answers).await.unwrap_err().code(), code);
    }
}

#[tokio::test]
async fn a_body_that_the_program_breaks_off_is_not_whole() {
    let gateway = Gateway::start();
    let client = gateway.client().await;
    let (_sender, mut answers) = begin(&client, vec![request(), data("half"), end("no more")]).await;
    let (mut connection, call) = call_of(&gateway).await;
    assert_eq!(connection.expect(Kind::Data).await.payload, "half");
    let ended = connection.expect(Kind::End).await;
    let mut expected = Vec::new();
    msgpack::put_map_len(&mut expected, 1);
    msgpack::put_str(&mut expected, "message");
    msgpack::put_str(&mut expected, "no more");
    assert_eq!(ended.payload, expected);
    connection.out().answer(&call, Kind::ApiError, &api_error("invalid", "no more", 0));
    assert_eq!(next(&mut answers).await.unwrap_err().message(), "no more");
}

#[tokio::test]
async fn a_call_that_is_given_up_is_cancelled() {
    for (answered, half_closed) in [(false, false), (false, true), (true, false), (true, true)] {
        let gateway = Gateway::start();
        let client = gateway.client().await;
        let (sender, messages) = mpsc::channel(1);
        sender.send(request()).await.unwrap();
        let (mut answers, cancel) = client.cancellable(PATH, ReceiverStream::new(messages)).await.unwrap();
        let (mut connection, call) = call_of(&gateway).await;
        if answered {
            connection.out().answer(&call, Kind::ApiReply, CREATED);
            assert!(next(&mut answers).await.unwrap().is_some());
        }
        if half_closed {
            drop(sender);
            assert!(connection.expect(Kind::End).await.payload.is_empty());
            drop(answers);
        } else {
            cancel.cancel();
            expect_broken_end(&mut connection).await;
        }
        let cancelled = connection.expect(Kind::Cancel).await;
        assert_eq!((cancelled.flags, cancelled.id), (OF_API, call.id));
    }
}

/// The body must not count as complete.
async fn expect_broken_end(connection: &mut Connection) {
    let ended = connection.expect(Kind::End).await;
    assert!(!ended.payload.is_empty());
}

#[tokio::test]
async fn a_deadline_ends_it_in_the_middle() {
    let gateway = Gateway::start();
    let client = gateway.client().await.timeout("500m");
    let (_sender, mut answers) = begin(&client, vec![request()]).await;
    let (connection, call) = call_of(&gateway).await;
    connection.out().answer(&call, Kind::ApiReply, CREATED);
    send(&connection, &call, Kind::Data, b"half");
    let mut parts = 0;
    let status = loop {
        match next(&mut answers).await {
            Ok(Some(_)) => parts += 1,
            Ok(None) => panic!("the call must not end well"),
            Err(status) => break status,
        }
    };
    assert_eq!((status.code(), parts <= 2), (Code::DeadlineExceeded, true));
}
