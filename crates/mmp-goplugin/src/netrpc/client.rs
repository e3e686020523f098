//! The calling side of a connection.

use mmp_gob::{Error, Limits, StreamReader};

use super::head::HeadReader;
use super::message::{REQUEST_DEFINITION, put_head};
use super::{Body, CallError, ConnError};
use crate::yamux::IdMap;

/// Writes requests, and knows the calls that wait for an answer.
///
/// Every call carries a number of the caller's choice, its token, that comes back with the answer.
#[derive(Debug, Default)]
pub struct CallWriter {
    head_defined: bool,
    next_seq: u64,
    pending: IdMap<u64, u64>,
    ended: Option<ConnError>,
}

impl CallWriter {
    /// A writer at the start of a connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a request and returns its sequence number; `body` appends the argument's messages, definitions included. If it fails, nothing of the
    /// request stays in `out` and nothing is pending: unlike Go, no header is left behind to confuse the server.
    pub fn call<E: From<ConnError>>(
        &mut self,
        out: &mut Vec<u8>,
        method: &str,
        token: u64,
        body: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<u64, E> {
        if self.ended.is_some() {
            return Err(ConnError::Shutdown.into());
        }
        let (start, defined, seq) = (out.len(), self.head_defined, self.next_seq);
        if !defined {
            out.extend_from_slice(&REQUEST_DEFINITION);
            self.head_defined = true;
        }
        put_head(out, method, seq, "");
        if let Err(error) = body(out) {
            out.truncate(start);
            self.head_defined = defined;
            return Err(error);
        }
        self.next_seq = seq.wrapping_add(1);
        self.pending.insert(seq, token);
        Ok(seq)
    }

    /// Takes the token of a pending call. None for an answer to no call, which a Go client skips as well.
    pub fn answered(&mut self, seq: u64) -> Option<u64> {
        self.pending.remove(&seq)
    }

    /// Puts a token back that [`answered`](Self::answered) took, because the answer has not wholly arrived.
    pub fn unanswered(&mut self, seq: u64, token: u64) {
        self.pending.insert(seq, token);
    }

    /// How many calls wait for their answer.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Ends the connection: later calls fail. Returns the tokens of the calls that wait, in the order in which they were made.
    pub fn end(&mut self, error: ConnError) -> Vec<u64> {
        self.ended.get_or_insert(error);
        let mut waiting: Vec<(u64, u64)> = std::mem::take(&mut self.pending).into_iter().collect();
        waiting.sort_unstable();
        waiting.into_iter().map(|(_, token)| token).collect()
    }
}

/// What came back for a call.
#[derive(Debug, PartialEq, Eq)]
pub enum Response<R> {
    /// The body was taken.
    Taken(R),
    /// The peer's error, or a body that could not be decoded.
    Failed(CallError),
}

/// Reads responses: [`next_head`](Self::next_head) says which call is answered, [`next_body`](Self::next_body) hands the result over.
#[derive(Debug)]
pub struct ResponseReader {
    stream: StreamReader,
    head: HeadReader,
    body_due: bool,
    ended: Option<ConnError>,
}

impl Default for ResponseReader {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl ResponseReader {
    /// A reader at the start of a connection.
    pub fn new(limits: Limits) -> Self {
        Self { stream: StreamReader::new(limits), head: HeadReader::default(), body_due: false, ended: None }
    }

    /// Adds bytes that arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.stream.push(bytes);
    }

    /// The sequence number of the response that is arriving, once its header is here. An error ends the connection.
    pub fn next_head(&mut self) -> Result<Option<u64>, ConnError> {
        if let Some(error) = &self.ended {
            return Err(error.clone());
        }
        if !self.body_due {
            let Self { stream, head, .. } = self;
            match stream.next(|id, cursor, types| head.read(id, cursor, types, false)) {
                Ok(read) => self.body_due = read.is_some(),
                Err(error) => {
                    let error = ConnError::Malformed(error);
                    self.ended = Some(error.clone());
                    return Err(error);
                }
            }
        }
        Ok(self.body_due.then_some(self.head.seq))
    }

    /// Hands over the body of the response if all of it is here; that of an error response is passed over. See [`Body`] for what `f` must keep to.
    pub fn next_body<R>(&mut self, mut f: impl FnMut(Body<'_, '_>) -> Result<R, Error>) -> Option<Response<R>> {
        let Self { stream, head, .. } = self;
        let failed = !head.error.is_empty();
        let read = stream.next(|type_id, cursor, types| {
            if failed {
                return Ok(None);
            }
            let body = Body { type_id, cursor, types };
            f(body).map(Some)
        });
        let response = match read {
            Ok(None) => return None,
            Ok(Some(Some(taken))) => Response::Taken(taken),
            Ok(Some(None)) => Response::Failed(CallError::Server(std::mem::take(&mut head.error))),
            // If it is the stream that is broken, the next header fails.
            Err(error) => Response::Failed(CallError::Decode(error)),
        };
        self.body_due = false;
        Some(response)
    }
}
