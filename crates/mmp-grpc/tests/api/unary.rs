//! Calls with one message each way: what reaches the bridge, and what comes back.

use std::os::unix::fs::PermissionsExt as _;

use mmp_grpc::codec::RawCodec;
use mmp_transcode::generated;
use mmp_worker::frame::Kind;
use mmp_worker::messages::Role;
use tonic::Code;

use crate::gateway::{Gateway, api};
use crate::messages::{Pair, array_of_bin, field, only_field};

#[tokio::test]
async fn a_call_reaches_the_bridge_and_its_results_come_back() {
    let gateway = Gateway::start();
    let client = gateway.client().await;
    let call = client.call("KVSet", Pair::of("key", "value"));
    let bridge = async {
        let mut connection = gateway.bridge.accept().await;
        assert_eq!(connection.role, Role::Api);
        let call = connection.expect(Kind::ApiCall).await;
        assert_eq!((call.method, call.flags), (api("KVSet").id, 0));
        assert_eq!(&call.payload[..], b"\x92\xa3key\xc4\x05value");
        connection.out().answer(&call, Kind::ApiReply, b"\x90");
        connection
    };
    let (answer, mut connection) = tokio::join!(call, bridge);
    assert!(answer.unwrap().is_empty());

    let bridge = async {
        let call = connection.expect(Kind::ApiCall).await;
        assert_eq!((call.method, &call.payload[..]), (api("KVGet").id, &b"\x91\xa3key"[..]));
        connection.out().answer(&call, Kind::ApiReply, &array_of_bin(b"value"));
    };
    let (answer, ()) = tokio::join!(client.call("KVGet", field(1, "key".into())), bridge);
    assert_eq!(only_field(answer.unwrap()), (1, "value".into()));
}

#[tokio::test]
async fn only_this_user_can_connect() {
    let gateway = Gateway::start();
    let mode = std::fs::metadata(gateway.settings.api_socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_target_of_the_program_works_as_it_is_given() {
    let gateway = Gateway::start();
    let target = format!("unix:{}", gateway.settings.api_socket().display());
    let channel = tonic::transport::Endpoint::from_shared(target).unwrap().connect().await.unwrap();
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.unwrap();
    let path = "/mattermost.plugin.v1.PluginAPI/GetServerVersion".parse().unwrap();
    let status = grpc.unary(tonic::Request::new(bytes::Bytes::new()), path, RawCodec).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn the_percent_encoded_path_is_an_authority_that_is_taken() {
    let gateway = Gateway::start();
    let path = gateway.settings.api_socket();
    // What C++, Python, Ruby and PHP send for this path.
    let authority = path.to_str().unwrap().replace('/', "%2F");
    let client = gateway.client().await.authority(&authority);
    let status = client.call("NoSuch", "").await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}

#[tokio::test]
async fn methods_that_do_not_exist_are_not_implemented() {
    let gateway = Gateway::start();
    let client = gateway.client().await;
    for path in ["/mattermost.plugin.v1.PluginAPI/NoSuch", "/mattermost.plugin.v1.PluginHooks/OnActivate", "/x/y"] {
        let status = client.unary(path, "").await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented, "{path}");
        assert!(status.message().contains("there is no method"), "{}", status.message());
    }
}

#[tokio::test]
async fn the_database_driver_is_served_to_those_who_ask_for_it() {
    let path = "/mattermost.plugin.v1.PluginDriver/ConnPing";
    let without = Gateway::start();
    let status = without.client().await.unary(path, field(1, "id".into())).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.message().contains("server.database"), "{}", status.message());

    let gateway = Gateway::with(|settings| settings.database = true);
    let client = gateway.client().await;
    let bridge = async {
        let mut connection = gateway.bridge.accept().await;
        let call = connection.expect(Kind::ApiCall).await;
        assert_eq!(call.method, generated::driver_by_name("ConnPing").unwrap().id);
        assert_eq!(&call.payload[..], b"\x91\xa2id");
        connection.out().answer(&call, Kind::ApiReply, b"\x90");
    };
    let (answer, ()) = tokio::join!(client.unary(path, field(1, "id".into())), bridge);
    assert!(answer.unwrap().is_empty());
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_named() {
    let gateway = Gateway::start();
    let client = gateway.client().await;
    for message in [&b"\x0a\x02\xff\xfe"[..], b"\x0a\x50x"] {
        let status = client.call("KVGet", message.to_vec()).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().starts_with("KVGet: "), "{}", status.message());
    }
    let status = client.call("KVGet", b"\x0a\x02\xff\xfe".to_vec()).await.unwrap_err();
    assert!(status.message().contains("key"), "{}", status.message());
}

#[tokio::test]
async fn a_bridge_that_is_gone_is_unavailable_and_a_new_one_is_found() {
    let gateway = Gateway::start();
    let client = gateway.client().await;
    let bridge = async {
        let mut connection = gateway.bridge.accept().await;
        connection.expect(Kind::ApiCall).await;
    };
    let (answer, ()) = tokio::join!(client.call("GetServerVersion", ""), bridge);
    assert_eq!(answer.unwrap_err().code(), Code::Unavailable);
    let bridge = async {
        let mut connection = gateway.bridge.accept().await;
        let call = connection.expect(Kind::ApiCall).await;
        connection.out().answer(&call, Kind::ApiReply, b"\x91\xa411.6");
        connection
    };
    let (answer, _connection) = tokio::join!(client.call("GetServerVersion", ""), bridge);
    assert_eq!(only_field(answer.unwrap()), (1, "11.6".into()));
}

#[tokio::test]
async fn calls_that_run_are_answered_when_the_gateway_ends() {
    let gateway = Gateway::start();
    let client = gateway.client().await;
    let bridge = async {
        let mut connection = gateway.bridge.accept().await;
        let call = connection.expect(Kind::ApiCall).await;
        gateway.shutdown.begin();
        connection.out().answer(&call, Kind::ApiReply, b"\x91\xa411.6");
        connection
    };
    let (answer, _connection) = tokio::join!(client.call("GetServerVersion", ""), bridge);
    assert_eq!(only_field(answer.unwrap()), (1, "11.6".into()));
}
