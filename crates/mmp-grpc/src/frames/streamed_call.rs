//! An API call with streams: `InstallPlugin`, `UploadData`, `PluginHTTP`.

use std::sync::Arc;

use bytes::Bytes;
use mmp_transcode::schema::Method;
use mmp_worker::frame::{BODY, Kind};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::address::Address;
use super::call::{Caller, check_length};
use super::connection::{CallRoute, Connection, StreamRoute};
use super::credit::{Credit, Gone};
use super::error::{ApiError, CallError};
use super::hook::Event;
use super::{FIRST_CREDIT, MAX_DATA, payload};

/// The only stream that the bridge sends behind an answer.
const ANSWER_STREAM: &str = "ResponseBodyStream";

/// A call that was sent. Its body and what comes back can be dealt with at the same time.
#[derive(Debug)]
pub struct StreamedCall {
    body: BodySender,
    response: Response,
}

/// Sends the body of a call.
#[derive(Debug)]
pub struct BodySender {
    connection: Connection,
    address: Address,
    credit: Arc<Credit>,
    ended: bool,
}

/// What comes back of a call. Dropping it before the call is over gives the call up.
#[derive(Debug)]
pub struct Response {
    caller: Caller,
    answered: oneshot::Receiver<Result<Bytes, ApiError>>,
    events: mpsc::UnboundedReceiver<Event>,
    ended: bool,
    /// Behind `caller`, so that it is given back when the call is over or the bridge was told that it is given up.
    _permit: Option<OwnedSemaphorePermit>,
}

/// Makes a call with streams. `body`: whether a stream to the bridge follows.
pub(super) async fn open(
    connection: &Connection,
    method: &Method,
    args: &[u8],
    body: bool,
    permit: Option<OwnedSemaphorePermit>,
) -> Result<StreamedCall, CallError> {
    check_length(method, args)?;
    connection.room().await;
    let (answer, answered) = oneshot::channel();
    let (sender, events) = mpsc::unbounded_channel();
    let credit = Arc::new(Credit::new(FIRST_CREDIT));
    let body_follows = method.streams.iter().any(|stream| stream.name == ANSWER_STREAM);
    let route = CallRoute {
        answer: Some(answer),
        body_follows,
        streams: Some(StreamRoute { events: sender, credit: credit.clone() }),
    };
    let address = connection.begin_call(method.id, if body { BODY } else { 0 }, args, route)?;
    let caller = Caller::new(connection.clone(), address);
    Ok(StreamedCall {
        body: BodySender { connection: connection.clone(), address, credit, ended: !body },
        response: Response { caller, answered, events, ended: !body_follows, _permit: permit },
    })
}

impl StreamedCall {
    /// The two directions, to be driven at the same time.
    pub fn split(self) -> (BodySender, Response) {
        (self.body, self.response)
    }
}

impl BodySender {
    /// Sends bytes, as the bridge gives credit for them.
    ///
    /// # Errors
    /// When the call is over, so that the rest is not wanted, or has no body.
    pub async fn send(&mut self, mut bytes: Bytes) -> Result<(), Gone> {
        if self.ended {
            return Err(Gone);
        }
        while !bytes.is_empty() {
            let count = self.credit.take(bytes.len().min(MAX_DATA)).await?;
            self.connection.put(self.address, Kind::Data, 0, &bytes.split_to(count));
            self.connection.room().await;
        }
        Ok(())
    }

    /// The body is complete, or broken off for this reason.
    pub fn end(mut self, broken: Option<&str>) {
        self.put_end(broken);
    }

    fn put_end(&mut self, broken: Option<&str>) {
        if !std::mem::replace(&mut self.ended, true) && !self.credit.is_closed() {
            let payload = broken.map(payload::broken_off).unwrap_or_default();
            self.connection.put(self.address, Kind::End, 0, &payload);
        }
    }
}

impl Drop for BodySender {
    fn drop(&mut self) {
        self.put_end(Some("the program broke the body off"));
    }
}

impl Response {
    /// Waits for the answer.
    ///
    /// # Errors
    /// The bridge's error, or that there is no connection any more.
    pub async fn answer(&mut self) -> Result<Bytes, CallError> {
        let answer = match (&mut self.answered).await {
            Ok(answer) => answer.map_err(CallError::Api),
            Err(_) => Err(self.caller.connection().lost()),
        };
        self.ended |= answer.is_err();
        answer
    }

    /// The next part of the body that follows the answer of `PluginHTTP`; None when it is complete.
    ///
    /// # Errors
    /// When it was broken off, for this reason.
    pub async fn next(&mut self) -> Option<Result<Bytes, String>> {
        while !self.ended {
            match self.events.recv().await {
                Some(Event::Data(bytes)) => return Some(Ok(bytes)),
                Some(Event::End(broken)) => {
                    self.ended = true;
                    return broken.map(Err);
                }
                Some(Event::Hijacked(_)) => {}
                None => {
                    self.ended = true;
                    return Some(Err(self.caller.connection().lost().to_string()));
                }
            }
        }
        None
    }

    /// So many bytes of the body were handed on: the bridge may send as many more.
    pub fn credit(&self, bytes: usize) {
        if bytes > 0 {
            self.caller.connection().put(self.caller.address(), Kind::Credit, 0, &payload::credit(bytes));
        }
    }
}
