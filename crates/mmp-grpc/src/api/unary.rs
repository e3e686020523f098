//! Calls with one message each way, which nearly all are.

use bytes::Bytes;
use mmp_transcode::proto;
use mmp_transcode::schema::Method;
use tonic::{Status, Streaming};

use super::errors::status_of;
use super::limits::Limits;
use crate::frames::Link;

/// Calls a method with the message of a request.
///
/// # Errors
/// The status that the caller gets.
pub(super) async fn call(
    method: &'static Method,
    mut messages: Streaming<Bytes>,
    link: Link,
    limits: Limits,
) -> Result<Bytes, Status> {
    let message = limits.next(method, &mut messages).await?;
    let message =
        message.ok_or_else(|| Status::invalid_argument(format!("{}: the call has no message", method.name)))?;
    // Waits for the end of the request, as tonic does for unary calls.
    messages.trailers().await?;
    let arguments = arguments(method, &message)?;
    drop(message);
    let results = link.call(method, &arguments).await.map_err(|error| status_of(&error))?;
    drop(arguments);
    results_message(method, &results, &limits)
}

/// The arguments that a message holds, as API_CALL carries them.
///
/// # Errors
/// INVALID_ARGUMENT, with a sentence that names the field.
pub(super) fn arguments(method: &Method, message: &[u8]) -> Result<Vec<u8>, Status> {
    let mut arguments = Vec::with_capacity(message.len());
    proto::args_from_proto(method, message, &mut arguments)
        .map_err(|error| Status::invalid_argument(format!("{}: {error}", method.name)))?;
    Ok(arguments)
}

/// The message that holds the results of an API_REPLY.
///
/// # Errors
/// RESOURCE_EXHAUSTED if it is too large; INTERNAL if the bridge sent what does not fit.
pub(super) fn results_message(method: &Method, results: &[u8], limits: &Limits) -> Result<Bytes, Status> {
    let mut message = Vec::with_capacity(results.len());
    proto::results_to_proto(method, results, &mut message).map_err(|error| bridge_fault(method, &error))?;
    limits.check_answer(method, &message)?;
    Ok(message.into())
}

/// The status for an answer of the bridge that does not fit the schema.
pub(super) fn bridge_fault(method: &Method, error: &mmp_transcode::Error) -> Status {
    Status::internal(format!("{}: the bridge's answer does not fit the schema: {error}", method.name))
}
