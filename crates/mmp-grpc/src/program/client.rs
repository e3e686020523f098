//! gRPC calls to the program: the token on every one, and statuses in words.

use std::error::Error as _;

use bytes::Bytes;
use http::uri::PathAndQuery;
use mmp_worker::token::Token;
use tokio_stream::Stream;
use tonic::client::Grpc;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Code, Request, Status, Streaming};

use super::channel::Channel;
use crate::codec::RawCodec;

/// How tonic says that a message is longer than it may be.
const TOO_LARGE: &str = "Error, decoded message length too large";

/// What stands in the place of each digit of the token.
const CONCEALED: &str = "*";

/// Calls the program's services over one channel.
#[derive(Debug, Clone)]
pub struct Client {
    grpc: Grpc<Channel>,
    authorization: MetadataValue<Ascii>,
    token: Token,
}

impl Client {
    /// Calls over this channel that show the token; answers may have `max_message` bytes.
    pub fn new(channel: Channel, token: &Token, max_message: usize) -> Client {
        let origin = http::Uri::from_static("http://localhost");
        let grpc = Grpc::with_origin(channel, origin)
            .max_decoding_message_size(max_message)
            .max_encoding_message_size(usize::MAX);
        // A token is made of digits.
        let authorization = format!("Bearer {}", token.reveal()).parse();
        let mut authorization = authorization.unwrap_or_else(|_| MetadataValue::from_static("Bearer"));
        authorization.set_sensitive(true);
        Client { grpc, authorization, token: token.clone() }
    }

    /// Calls a method: one message there, one back.
    ///
    /// # Errors
    /// The program's status, or one that says why there is none: it has a source.
    pub async fn unary(&self, path: PathAndQuery, message: Bytes) -> Result<Bytes, Status> {
        let request = self.request(message);
        Ok(self.grpc.clone().unary(request, path, RawCodec).await?.into_inner())
    }

    /// Calls a method with a stream in each direction.
    ///
    /// # Errors
    /// As with [`Client::unary`].
    pub async fn streaming<S>(&self, path: PathAndQuery, messages: S) -> Result<Streaming<Bytes>, Status>
    where
        S: Stream<Item = Bytes> + Send + 'static,
    {
        let request = self.request(messages);
        Ok(self.grpc.clone().streaming(request, path, RawCodec).await?.into_inner())
    }

    /// The text of the program without the token, which it may have found in the metadata of a call: the text is for the server's log.
    pub fn conceal(&self, text: &str) -> String {
        text.replace(self.token.reveal(), &CONCEALED.repeat(self.token.reveal().len()))
    }

    /// The same for text in a payload, whose lengths stay as they are.
    pub fn conceal_in(&self, payload: &mut [u8]) {
        let digits = self.token.reveal().as_bytes();
        let mut from = 0;
        while let Some(at) = payload[from..].windows(digits.len()).position(|part| part == digits) {
            let end = from + at + digits.len();
            payload[from + at..end].fill(CONCEALED.as_bytes()[0]);
            from = end;
        }
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.authorization.clone());
        request
    }
}

/// A status in words, for the log or as the text of an error.
pub fn describe(status: &Status) -> String {
    if status.code() == Code::OutOfRange && status.message().starts_with(TOO_LARGE) {
        return format!("the worker's answer is larger than the gateway takes ({})", status.message());
    }
    if status.source().is_some() {
        return format!("the connection to the worker failed: {}", root(status));
    }
    match status.message() {
        "" => format!("the worker answered with the status {:?} and no message", status.code()),
        message => message.to_owned(),
    }
}

/// Every cause of an error, from the outside in; hyper's own sentences leave the causes out.
fn root(status: &Status) -> String {
    let mut text = String::new();
    let mut next = status.source();
    while let Some(error) = next {
        let sentence = error.to_string();
        if !text.contains(&sentence) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&sentence);
        }
        next = error.source();
    }
    text
}
