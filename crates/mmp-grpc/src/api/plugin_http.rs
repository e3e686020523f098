//! `PluginHTTP`: a request to another plugin, with bodies in both directions at once.

use bytes::Bytes;
use mmp_transcode::msgpack::{Reader, Token};
use mmp_transcode::proto;
use mmp_transcode::schema::Method;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::deadline::Deadline;
use super::errors::status_of;
use super::limits::Limits;
use super::parts::Part;
use super::unary::bridge_fault;
use super::upload;
use crate::frames::{Link, MAX_DATA, Response};

/// Where the messages for the program go. It has room for one, so the response is read as the program does.
type Answers = mpsc::Sender<Result<Bytes, Status>>;

/// Makes the call. The stream of its answers is there at once: a client may wait for it before it sends its body.
pub(super) fn call(
    method: &'static Method,
    messages: Streaming<Bytes>,
    link: Link,
    limits: Limits,
    deadline: Deadline,
) -> ReceiverStream<Result<Bytes, Status>> {
    let (answers, received) = mpsc::channel(1);
    tokio::spawn(async move {
        let exchange = deadline.limit(exchange(method, messages, &link, &limits, &answers));
        let ended = tokio::select! {
            ended = exchange => ended,
            // The program has given the call up.
            () = answers.closed() => return,
        };
        if let Err(status) = ended {
            // A program that is gone does not need to know.
            let _ = answers.send(Err(status)).await;
        }
    });
    ReceiverStream::new(received)
}

/// Runs the call until the response is complete. What is left of the request's body then is of no use.
async fn exchange(
    method: &'static Method,
    mut messages: Streaming<Bytes>,
    link: &Link,
    limits: &Limits,
    answers: &Answers,
) -> Result<(), Status> {
    let arguments = upload::first(method, &mut messages, limits).await?;
    let call = link.open(method, &arguments, true).await.map_err(|error| status_of(&error))?;
    let (body, response) = call.split();
    let mut respond = std::pin::pin!(respond(method, response, answers));
    tokio::select! {
        responded = &mut respond => responded,
        sent = upload::send_body(method, &mut messages, body, limits) => {
            sent?;
            respond.await
        }
    }
}

/// Passes the response on: its head, its body, and if it was broken off why.
async fn respond(method: &'static Method, mut response: Response, answers: &Answers) -> Result<(), Status> {
    let results = response.answer().await.map_err(|error| status_of(&error))?;
    if !has_response(&results) {
        return Err(Status::unknown("PluginHTTP: the server has no response for this request"));
    }
    let mut head = Vec::new();
    proto::response_head_to_proto(&results, &mut head).map_err(|error| bridge_fault(method, &error))?;
    send(answers, Part::First(head.into())).await?;
    while let Some(part) = response.next().await {
        match part {
            Ok(bytes) => {
                let count = bytes.len();
                send_data(answers, bytes).await?;
                response.credit(count);
            }
            Err(message) => send(answers, Part::broken_off(message)).await?,
        }
    }
    Ok(())
}

/// The bridge's DATA may be four times as long as a message's chunk.
async fn send_data(answers: &Answers, mut bytes: Bytes) -> Result<(), Status> {
    while !bytes.is_empty() {
        let chunk = bytes.split_to(bytes.len().min(MAX_DATA));
        send(answers, Part::Data(chunk)).await?;
    }
    Ok(())
}

async fn send(answers: &Answers, part: Part) -> Result<(), Status> {
    answers.send(Ok(part.write())).await.map_err(|_| Status::cancelled("the program gave the call up"))
}

/// Whether the results `[status, headers]` are a response: a status of 0 means that the server had none.
fn has_response(results: &[u8]) -> bool {
    let mut reader = Reader::new(results);
    !matches!((reader.token(), reader.token()), (Ok(Token::Array(_)), Ok(Token::Int(0))) | (Ok(Token::Array(0)), _))
}
