//! Who is let in.

use mmp_worker::frame::Kind;
use mmp_worker::messages::{self, Log};
use tonic::Code;

use crate::client::Client;
use crate::gateway::Gateway;

#[tokio::test]
async fn calls_without_the_token_are_refused_and_told_once() {
    let gateway = Gateway::start();
    let token = gateway.token.reveal().to_owned();
    let other = "0".repeat(64);
    let shown = [None, Some(other.as_str()), Some(&token[..63]), Some("")];
    let calls = async {
        let client = Client::connect(&gateway.settings.api_socket(), None).await;
        for shown in shown {
            let status = client.clone().token(shown).call("GetServerVersion", "").await.unwrap_err();
            assert_eq!(status.code(), Code::Unauthenticated);
            assert!(status.message().contains("authorization: Bearer <token>"), "{}", status.message());
        }
        // A call that is let in shows that nothing else was sent to the bridge before it.
        client.token(Some(&token)).call("GetServerVersion", "").await
    };
    let bridge = async {
        let mut connection = gateway.bridge.accept().await;
        let mut lines = Vec::new();
        loop {
            let frame = connection.next().await.expect("a frame");
            if frame.kind == Kind::ApiCall {
                connection.out().answer(&frame, Kind::ApiReply, b"\x91\xa411.6");
                break (lines, connection);
            }
            assert_eq!(frame.kind, Kind::Log);
            lines.push(messages::decode::<Log>(&frame.payload).expect("LOG can be read"));
        }
    };
    let (answer, (lines, _connection)) = tokio::join!(calls, bridge);
    assert!(answer.is_ok());
    let [Log(level, message, fields)] = &lines[..] else { panic!("one line, not {lines:?}") };
    assert_eq!((level.as_str(), message.as_str()), ("error", "a gRPC call without the plugin's token was refused"));
    assert_eq!(fields["method"], "/mattermost.plugin.v1.PluginAPI/GetServerVersion");
    assert_eq!(fields["times"], "1");
    assert!(!format!("{lines:?}").contains(&token[..16]), "the token is not told");
}

#[tokio::test]
async fn the_token_is_asked_for_before_anything_else() {
    let gateway = Gateway::start();
    let client = Client::connect(&gateway.settings.api_socket(), None).await;
    for path in ["/x/y", "/mattermost.plugin.v1.PluginDriver/Conn", "/mattermost.plugin.v1.PluginAPI/PluginHTTP"] {
        let status = client.unary(path, "").await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{path}");
    }
}
