//! The serving side of a connection.

use mmp_gob::{Error, Limits, StreamReader};

use super::head::HeadReader;
use super::message::{RESPONSE_DEFINITION, put_empty, put_head};
use super::{Body, ConnError};

/// What a request is, besides its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHead<'a> {
    /// Repeated in the reply; unique per connection.
    pub seq: u64,
    /// Service and method, such as `Plugin.MessageHasBeenPosted`.
    pub method: &'a str,
}

impl<'a> RequestHead<'a> {
    /// Service and method apart; the service is empty if there is no dot, which Go calls ill-formed.
    pub fn split(&self) -> (&'a str, &'a str) {
        self.method.rsplit_once('.').unwrap_or(("", self.method))
    }

    /// The text with which Go refuses a method that `service` does not have.
    pub fn refusal(&self, service: &str) -> String {
        let method = self.method;
        match method.rsplit_once('.') {
            None => format!("rpc: service/method request ill-formed: {method}"),
            Some((name, _)) if name != service => format!("rpc: can't find service {method}"),
            Some(_) => format!("rpc: can't find method {method}"),
        }
    }
}

/// What became of one request.
#[derive(Debug)]
pub enum RequestOutcome<R> {
    /// The body was taken.
    Taken(R),
    /// The body could not be decoded. The connection goes on; answer [`RequestReader::last`] with this error.
    Undecodable(Error),
}

/// Reads requests.
#[derive(Debug)]
pub struct RequestReader {
    stream: StreamReader,
    head: HeadReader,
    /// A header was read and its body is due.
    body_due: bool,
    dropped: u64,
    ended: Option<ConnError>,
}

impl Default for RequestReader {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl RequestReader {
    /// A reader at the start of a connection.
    pub fn new(limits: Limits) -> Self {
        Self {
            stream: StreamReader::new(limits),
            head: HeadReader::default(),
            body_due: false,
            dropped: 0,
            ended: None,
        }
    }

    /// Adds bytes that arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.stream.push(bytes);
    }

    /// The types that the peer has defined on this connection.
    pub fn types(&mut self) -> &mut mmp_gob::Types {
        &mut self.stream.types
    }

    /// The request whose body was handed over last.
    pub fn last(&self) -> RequestHead<'_> {
        RequestHead { seq: self.head.seq, method: &self.head.method }
    }

    /// How many requests the peer began and gave up.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Hands over the next request if all of it is here. See [`Body`] for what `f` must keep to. An error ends the connection.
    ///
    /// Go buffers a request's header before it encodes the argument. If the argument cannot be encoded, the caller gets an error at
    /// once and the header goes out in front of the next request. Such a header is recognised by its type standing where an argument
    /// should be; its request was failed by the peer long ago and is dropped.
    pub fn next<R>(
        &mut self,
        mut f: impl FnMut(RequestHead<'_>, Body<'_, '_>) -> Result<R, Error>,
    ) -> Result<Option<RequestOutcome<R>>, ConnError> {
        if let Some(error) = &self.ended {
            return Err(error.clone());
        }
        loop {
            let Self { stream, head, .. } = self;
            let body_due = self.body_due;
            let step = stream.next(|type_id, cursor, types| {
                if !body_due || head.is_header(type_id) {
                    return head.read(type_id, cursor, types, true).map(|()| None);
                }
                let request = RequestHead { seq: head.seq, method: &head.method };
                let body = Body { type_id, cursor, types };
                f(request, body).map(Some)
            });
            match step {
                Ok(None) => return Ok(None),
                Ok(Some(None)) => {
                    self.dropped += u64::from(self.body_due);
                    self.body_due = true;
                }
                Ok(Some(Some(taken))) => {
                    self.body_due = false;
                    return Ok(Some(RequestOutcome::Taken(taken)));
                }
                // If it is the stream that is broken, the next call says so in place of a header.
                Err(error) if self.body_due => {
                    self.body_due = false;
                    return Ok(Some(RequestOutcome::Undecodable(error)));
                }
                Err(error) => {
                    let error = ConnError::Malformed(error);
                    self.ended = Some(error.clone());
                    return Err(error);
                }
            }
        }
    }
}

/// Writes replies.
#[derive(Debug, Default)]
pub struct ReplyWriter {
    head_defined: bool,
    empty_defined: bool,
}

impl ReplyWriter {
    /// A writer at the start of a connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a reply; `body` appends the value's messages, definitions included. If it fails, nothing of the reply stays in `out`:
    /// a header without a body, or one that the client cannot decode, would make a Go client stop reading for good.
    pub fn reply<E>(
        &mut self,
        out: &mut Vec<u8>,
        seq: u64,
        method: &str,
        body: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (start, defined) = (out.len(), self.head_defined);
        self.put_head(out, seq, method, "");
        let result = body(out);
        if result.is_err() {
            out.truncate(start);
            self.head_defined = defined;
        }
        result
    }

    /// Appends a reply whose result is `struct{}`.
    pub fn reply_empty(&mut self, out: &mut Vec<u8>, seq: u64, method: &str) {
        self.put_head(out, seq, method, "");
        put_empty(out, &mut self.empty_defined);
    }

    /// Appends an error reply: the text in the header, and an empty struct as the body, which must not be missing.
    pub fn reply_error(&mut self, out: &mut Vec<u8>, seq: u64, method: &str, text: &str) {
        // An empty text would be a success.
        let text = if text.is_empty() { "unknown error" } else { text };
        self.put_head(out, seq, method, text);
        put_empty(out, &mut self.empty_defined);
    }

    fn put_head(&mut self, out: &mut Vec<u8>, seq: u64, method: &str, error: &str) {
        if !self.head_defined {
            out.extend_from_slice(&RESPONSE_DEFINITION);
            self.head_defined = true;
        }
        put_head(out, method, seq, error);
    }
}
