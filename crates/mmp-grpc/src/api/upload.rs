//! Calls with a body to the server: `UploadData` and `InstallPlugin`, and the body of `PluginHTTP`.

use bytes::Bytes;
use mmp_transcode::schema::Method;
use tonic::{Status, Streaming};

use super::errors::status_of;
use super::limits::Limits;
use super::parts::Part;
use super::unary;
use crate::frames::{BodySender, Gone, Link};

/// Calls a method with the messages of a request.
///
/// # Errors
/// The status that the caller gets.
pub(super) async fn call(
    method: &'static Method,
    mut messages: Streaming<Bytes>,
    link: Link,
    limits: Limits,
) -> Result<Bytes, Status> {
    let arguments = first(method, &mut messages, &limits).await?;
    let call = link.open(method, &arguments, true).await.map_err(|error| status_of(&error))?;
    let (body, mut response) = call.split();
    let mut answer = std::pin::pin!(response.answer());
    let answered = tokio::select! {
        answered = &mut answer => answered,
        sent = send_body(method, &mut messages, body, &limits) => {
            sent?;
            answer.await
        }
    };
    let results = answered.map_err(|error| status_of(&error))?;
    unary::results_message(method, &results, &limits)
}

/// Reads the message that a streamed call begins with: its arguments.
///
/// # Errors
/// INVALID_ARGUMENT if it is another one.
pub(super) async fn first(
    method: &Method,
    messages: &mut Streaming<Bytes>,
    limits: &Limits,
) -> Result<Vec<u8>, Status> {
    let message = limits.next(method, messages).await?;
    match message.map(|message| read(method, message)).transpose()?.flatten() {
        Some(Part::First(start)) => unary::arguments(method, &start),
        _ => Err(invalid(method, "the first message must hold `start`")),
    }
}

/// Sends the rest of a request as the call's body, as far as the server reads it.
///
/// # Errors
/// When the program's messages make no sense, or broke off. The body counts as broken off then, too.
pub(super) async fn send_body(
    method: &Method,
    messages: &mut Streaming<Bytes>,
    mut body: BodySender,
    limits: &Limits,
) -> Result<(), Status> {
    while let Some(message) = limits.next(method, messages).await? {
        match read(method, message)? {
            Some(Part::Data(bytes)) => match body.send(bytes).await {
                Ok(()) => {}
                // The call is over, and nobody wants the rest.
                Err(Gone) => return Ok(()),
            },
            Some(Part::End(end)) if end.error.is_empty() => break,
            Some(Part::End(end)) => {
                body.end(Some(&end.error));
                return Ok(());
            }
            Some(Part::First(_)) => return Err(invalid(method, "only the first message may hold `start`")),
            None => {}
        }
    }
    body.end(None);
    Ok(())
}

fn read(method: &Method, message: Bytes) -> Result<Option<Part>, Status> {
    Part::read(message).map_err(|error| invalid(method, &format!("a message cannot be read: {error}")))
}

fn invalid(method: &Method, what: &str) -> Status {
    Status::invalid_argument(format!("{}: {what}", method.name))
}
