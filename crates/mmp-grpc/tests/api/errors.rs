//! Errors of the bridge as a client sees them.

use mmp_grpc::rpc_status;
use mmp_worker::frame::Kind;
use tonic::{Code, Status};

use crate::gateway::Gateway;
use crate::messages::api_error;

/// What a client sees of this error.
async fn status_of(kind: &str, status: i64) -> Status {
    let gateway = Gateway::start();
    let client = gateway.client().await;
    let bridge = async {
        let mut connection = gateway.bridge.accept().await;
        let call = connection.expect(Kind::ApiCall).await;
        connection.out().answer(&call, Kind::ApiError, &api_error(kind, "Es tut nicht: \u{e4}\u{f6}.", status));
        connection
    };
    let (answer, _connection) = tokio::join!(client.call("GetServerVersion", ""), bridge);
    let status = answer.unwrap_err();
    assert_eq!(status.message(), "Es tut nicht: \u{e4}\u{f6}.");
    status
}

#[tokio::test]
async fn an_app_error_has_the_code_of_its_status_and_itself_as_detail() {
    for (http, code) in
        [(404, Code::NotFound), (403, Code::PermissionDenied), (500, Code::Internal), (0, Code::Unknown)]
    {
        let status = status_of("app", http).await;
        assert_eq!(status.code(), code);
        let detail = rpc_status::find(status.details(), "AppError").expect("an AppError");
        assert!(detail.windows(11).any(|window| window == b"app.some.id"));
    }
}

#[tokio::test]
async fn a_plain_error_is_unknown_and_itself_the_detail() {
    let status = status_of("error", 0).await;
    assert_eq!(status.code(), Code::Unknown);
    assert!(rpc_status::find(status.details(), "GoError").is_some());
}

#[tokio::test]
async fn what_the_bridge_itself_says_has_a_code_alone() {
    let rows =
        [("missing", Code::Unimplemented), ("invalid", Code::InvalidArgument), ("unavailable", Code::Unavailable)];
    for (kind, code) in rows {
        let status = status_of(kind, 0).await;
        assert_eq!((status.code(), status.details()), (code, &b""[..]));
    }
}
