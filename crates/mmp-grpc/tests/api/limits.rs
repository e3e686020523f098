//! Large messages, and those that are too large.

use bytes::Bytes;
use mmp_transcode::msgpack::{Reader, Token};
use mmp_worker::frame::Kind;
use mmp_worker::messages::{self, Log};
use tonic::{Code, Status};

use crate::gateway::Gateway;
use crate::messages::{Pair, array_of_bin, field, only_field, start};
use crate::support::bridge::{Connection, Frame};

const MIB: usize = 1024 * 1024;

/// The next call; what is said before it goes into `lines`.
async fn next_call(connection: &mut Connection, lines: &mut Vec<Log>) -> Frame {
    loop {
        let frame = connection.next().await.expect("a frame");
        if frame.kind != Kind::Log {
            assert_eq!(frame.kind, Kind::ApiCall);
            return frame;
        }
        lines.push(messages::decode(&frame.payload).expect("LOG can be read"));
    }
}

fn assert_names_the_limit(status: &Status) {
    assert_eq!(status.code(), Code::ResourceExhausted);
    for part in ["1 MiB", "server.grpc_max_message_mib", "plugin.json"] {
        assert!(status.message().contains(part), "{}", status.message());
    }
}

#[tokio::test]
async fn messages_that_are_too_large_are_refused_in_both_directions() {
    let gateway = Gateway::with(|settings| settings.max_message = MIB);
    let client = gateway.client().await;
    let large = vec![7; MIB];
    let calls = async {
        let status = client.call("KVSet", Pair::of("key", large.clone())).await.unwrap_err();
        assert_names_the_limit(&status);
        assert!(status.message().contains("KVSet"));
        let chunks = tokio_stream::iter([field(2, large.clone().into())]);
        assert_names_the_limit(&client.upload("UploadData", chunks).await.unwrap_err());
        let status = client.call("KVGet", field(1, "key".into())).await.unwrap_err();
        assert_names_the_limit(&status);
        assert!(status.message().contains("the answer of KVGet"), "{}", status.message());
        // As much as fits is let through.
        client.call("KVGet", field(1, "key".into())).await.unwrap()
    };
    let bridge = async {
        let (mut connection, mut lines) = (gateway.bridge.accept().await, Vec::new());
        let call = next_call(&mut connection, &mut lines).await;
        connection.out().answer(&call, Kind::ApiReply, &array_of_bin(&large));
        let call = next_call(&mut connection, &mut lines).await;
        connection.out().answer(&call, Kind::ApiReply, &array_of_bin(&large[..MIB - 4]));
        (lines, connection)
    };
    let (answer, (lines, _connection)) = tokio::join!(calls, bridge);
    assert_eq!(answer.len(), MIB);
    let [Log(level, message, _)] = &lines[..] else { panic!("one line, not {lines:?}") };
    assert_eq!(level, "warn");
    assert!(message.contains("server.grpc_max_message_mib"), "{message}");
}

#[tokio::test]
async fn a_start_that_is_too_large_never_reaches_the_bridge() {
    let gateway = Gateway::with(|settings| settings.max_message = 1000);
    let client = gateway.client().await;
    let path = "/mattermost.plugin.v1.PluginAPI/PluginHTTP";
    let messages = tokio_stream::iter([start(vec![0; 2000])]);
    let status = client.both(path, messages).await.unwrap().message().await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("1000 bytes"), "{}", status.message());
}

#[tokio::test]
async fn a_hundred_megabytes_go_each_way() {
    let gateway = Gateway::start();
    let client = gateway.client().await;
    let large: Bytes = (0..100u8).map(|number| vec![number; MIB]).collect::<Vec<_>>().concat().into();
    let bridge = async {
        let mut connection = gateway.bridge.accept().await;
        let call = connection.expect(Kind::ApiCall).await;
        let mut reader = Reader::new(&call.payload);
        assert_eq!(reader.token(), Ok(Token::Array(2)));
        assert_eq!(reader.token(), Ok(Token::Str(b"key")));
        let Ok(Token::Bin(bytes)) = reader.token() else { panic!("bytes") };
        assert!(bytes == large, "the bytes are the same");
        connection.out().answer(&call, Kind::ApiReply, b"\x90");
        let call = connection.expect(Kind::ApiCall).await;
        connection.out().answer(&call, Kind::ApiReply, &array_of_bin(&large));
        connection
    };
    let calls = async {
        client.call("KVSet", Pair::of("key", large.clone())).await.unwrap();
        client.call("KVGet", field(1, "key".into())).await.unwrap()
    };
    let (answer, _connection) = tokio::join!(calls, bridge);
    let (number, bytes) = only_field(answer);
    assert_eq!(number, 1);
    assert!(bytes == large, "the bytes are the same");
}
