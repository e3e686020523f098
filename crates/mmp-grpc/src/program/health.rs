//! `grpc.health.v1.Health`: whether the program's hooks can be called.

use bytes::Bytes;
use http::uri::PathAndQuery;
use prost::Message as _;
use tonic::{Code, Status};

use super::client::Client;

/// The service that a plugin's health is asked for by.
pub const SERVICE: &str = "plugin";

const CHECK: &str = "/grpc.health.v1.Health/Check";

#[derive(Clone, PartialEq, prost::Message)]
struct Request {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Response {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// `SERVING` and `NOT_SERVING` of `HealthCheckResponse.ServingStatus`; the others are for services that nobody knows.
const SERVING: i32 = 1;
const NOT_SERVING: i32 = 2;

/// What the program says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Its hooks can be called.
    Serving,
    /// Not yet.
    NotServing,
    /// Its health service does not know the service `plugin`, or not yet.
    UnknownService,
}

/// Asks once.
///
/// # Errors
/// The program's status.
pub async fn check(client: &Client) -> Result<Health, Status> {
    let request = Request { service: SERVICE.to_owned() }.encode_to_vec();
    let answer = match client.unary(PathAndQuery::from_static(CHECK), Bytes::from(request)).await {
        Err(status) if status.code() == Code::NotFound => return Ok(Health::UnknownService),
        other => other?,
    };
    let response =
        Response::decode(answer).map_err(|error| Status::internal(format!("its health cannot be read: {error}")))?;
    Ok(match response.status {
        SERVING => Health::Serving,
        NOT_SERVING => Health::NotServing,
        _ => Health::UnknownService,
    })
}
