//! The messages of the program on a stream, one after the other.

use std::time::Duration;

use bytes::Bytes;
use mmp_transcode::schema::Method;
use tonic::Streaming;

use super::failure::Failure;

/// How long a program that has said everything has time to end its call by itself, before the call is reset.
const LEAVE: Duration = Duration::from_secs(1);

/// The stream from the program.
pub(super) struct ResponseStream {
    method: &'static Method,
    messages: Streaming<Bytes>,
}

impl ResponseStream {
    /// The answer to the call of a method.
    pub(super) fn new(method: &'static Method, messages: Streaming<Bytes>) -> ResponseStream {
        ResponseStream { method, messages }
    }

    /// The next message; None when the program has ended the call without an error.
    pub(super) async fn next<M: prost::Message + Default>(&mut self) -> Result<Option<M>, Failure> {
        let message = self.messages.message().await.map_err(|status| Failure::of_status(self.method, &status))?;
        let Some(message) = message else { return Ok(None) };
        M::decode(message).map(Some).map_err(|error| Failure::malformed("message", error))
    }

    /// Nothing more is of interest. The call is not reset at once, which its handler would take for a hook that was given up.
    pub(super) fn leave(mut self) {
        tokio::spawn(async move {
            let rest = async { while let Ok(Some(_)) = self.messages.message().await {} };
            let _ = tokio::time::timeout(LEAVE, rest).await;
        });
    }

    /// The program sent something that it must not send, or not at this point.
    pub(super) fn fault(&self, what: &str) -> Failure {
        Failure::new(format!("the worker sent {what} in its answer to {}", self.method.name))
    }
}
