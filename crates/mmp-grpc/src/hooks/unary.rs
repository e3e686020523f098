//! Hooks without streams: one message there, one back.

use bytes::Bytes;
use mmp_transcode::proto;
use mmp_transcode::schema::Method;

use super::Outcome;
use super::failure::{Failure, checked};
use crate::program::{Client, not_begun};

/// Calls the program and reads its results. A message without bytes is the neutral answer, and so is a payload without bytes.
pub(super) async fn run(client: &Client, method: &'static Method, payload: &[u8]) -> Outcome {
    let mut message = Vec::new();
    proto::args_to_proto(method, payload, &mut message).map_err(|error| Failure::arguments(&error))?;
    let message = Bytes::from(message);
    let mut answer = client.unary(super::path(method.name), message.clone()).await;
    if answer.as_ref().is_err_and(not_begun) {
        answer = client.unary(super::path(method.name), message).await;
    }
    let answer = answer.map_err(|status| Failure::of_status(method, &status))?;
    let mut results = Vec::new();
    proto::results_from_proto(method, &answer, &mut results).map_err(|error| Failure::malformed("answer", error))?;
    checked(results)
}
