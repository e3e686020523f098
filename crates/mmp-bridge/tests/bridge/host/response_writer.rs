//! The host's response writer: a net/rpc service of its own for every HTTP request.

use std::collections::BTreeMap;

use mmp_gob::{Bytes, Encoder, Error, GoString, Gob, Map, Plans, Time};
use mmp_goplugin::endpoint::Link;
use mmp_goplugin::netrpc::{Body, ConnError};
use mmp_goplugin::yamux::StreamId;

use super::calls::Empty;

/// Headers, by name.
pub(crate) type Headers = BTreeMap<String, Vec<String>>;

/// A call of the plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WriterCall {
    Header,
    SyncHeader(Headers),
    WriteHeader(i64),
    Write(Vec<u8>),
    Flush,
    Hijack,
    Read(i64),
    /// Through the server's buffer, into one of this size.
    ReadBuffered(usize),
    ConnWrite(Vec<u8>),
    ConnWriteBuffered(Vec<u8>),
    Deadline(&'static str, Time),
    Close,
}

impl WriterCall {
    fn is_read(&self) -> bool {
        matches!(self, WriterCall::Read(_) | WriterCall::ReadBuffered(_))
    }
}

/// What becomes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Done,
    Refused(String),
    /// The test answers it later.
    Later,
}

/// The service of one request.
pub(crate) struct ResponseWriter {
    /// The headers that are set already.
    pub(crate) preset: Headers,
    /// Decides about the calls that come; those that read are always answered later.
    pub(crate) decide: Box<dyn FnMut(&WriterCall) -> Answer>,
    /// What was called, in order.
    pub(crate) calls: Vec<WriterCall>,
    pub(crate) conn: Option<StreamId>,
    /// Whether the plugin has closed the connection.
    pub(crate) closed: bool,
    /// What is to be answered; net/rpc would run two at the same time in any order, so there is never more than one, and one that reads.
    unanswered: Option<(u64, String, WriterCall)>,
    reading: Option<(u64, String, WriterCall)>,
    plans: Plans,
    encoder: Encoder,
}

impl std::fmt::Debug for ResponseWriter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ResponseWriter").field("calls", &self.calls).finish_non_exhaustive()
    }
}

impl ResponseWriter {
    /// A service that does what it is asked for.
    pub(crate) fn new(preset: Headers) -> ResponseWriter {
        ResponseWriter {
            preset,
            decide: Box::new(|_| Answer::Done),
            calls: Vec::new(),
            conn: None,
            closed: false,
            unanswered: None,
            reading: None,
            plans: Plans::default(),
            encoder: Encoder::default(),
        }
    }

    /// The plugin calls.
    pub(super) fn called(&mut self, link: &mut Link, seq: u64, method: &str, body: Body<'_, '_>) -> Result<(), Error> {
        let call = self.read(method, body)?;
        let pending = (seq, method.to_owned(), call.clone());
        self.calls.push(call.clone());
        if call.is_read() {
            assert!(self.reading.is_none(), "{call:?} while another read is under way");
            self.reading = Some(pending);
            return Ok(());
        }
        assert!(self.unanswered.is_none(), "{call:?} before {:?} is answered", self.unanswered);
        self.unanswered = Some(pending);
        let answer = (self.decide)(&call);
        self.answer(link, answer);
        Ok(())
    }

    fn read(&mut self, method: &str, body: Body<'_, '_>) -> Result<WriterCall, Error> {
        match method.trim_start_matches("Plugin.") {
            "Header" => self.decode::<Empty>(body).map(|_| WriterCall::Header),
            "SyncHeader" => Ok(WriterCall::SyncHeader(from_go(self.decode(body)?))),
            "WriteHeader" => self.decode(body).map(WriterCall::WriteHeader),
            "Write" => self.decode::<Bytes>(body).map(|bytes| WriterCall::Write(bytes.into_bytes())),
            "Flush" => self.decode::<Empty>(body).map(|_| WriterCall::Flush),
            "HijackResponse" => self.decode::<Empty>(body).map(|_| WriterCall::Hijack),
            "HjConnRead" => self.decode(body).map(WriterCall::Read),
            "HjConnRWRead" => self.decode::<Bytes>(body).map(|bytes| WriterCall::ReadBuffered(bytes.len())),
            "HjConnWrite" => self.decode::<Bytes>(body).map(|bytes| WriterCall::ConnWrite(bytes.into_bytes())),
            "HjConnRWWrite" => {
                self.decode::<Bytes>(body).map(|bytes| WriterCall::ConnWriteBuffered(bytes.into_bytes()))
            }
            "HjConnSetDeadline" => self.decode(body).map(|time| WriterCall::Deadline("both", time)),
            "HjConnSetReadDeadline" => self.decode(body).map(|time| WriterCall::Deadline("read", time)),
            "HjConnSetWriteDeadline" => self.decode(body).map(|time| WriterCall::Deadline("write", time)),
            "HjConnClose" => self.decode::<Empty>(body).map(|_| WriterCall::Close),
            other => panic!("the plugin calls {other}"),
        }
    }

    fn decode<T: Gob + Default>(&mut self, body: Body<'_, '_>) -> Result<T, Error> {
        let Body { type_id, cursor, types } = body;
        let mut value = T::default();
        self.plans.decode(cursor, types, type_id, &mut value)?;
        Ok(value)
    }

    /// Answers the call that waits.
    pub(super) fn answer(&mut self, link: &mut Link, answer: Answer) {
        if answer == Answer::Later {
            return;
        }
        let (seq, method, call) = self.unanswered.take().expect("a call that waits for its answer");
        if let Answer::Refused(text) = answer {
            return link.reply_error(self.conn.unwrap(), seq, &method, &text);
        }
        match call {
            WriterCall::Header => {
                let headers = to_go(&self.preset);
                self.reply(link, seq, &method, &headers);
            }
            WriterCall::ConnWrite(bytes) | WriterCall::ConnWriteBuffered(bytes) => {
                let count = i64::try_from(bytes.len()).unwrap();
                self.reply(link, seq, &method, &count);
            }
            _ => link.reply_empty(self.conn.unwrap(), seq, &method),
        }
    }

    /// Answers the read that waits.
    pub(super) fn answer_read(&mut self, link: &mut Link, result: Result<&[u8], &str>) {
        let (seq, method, _) = self.reading.take().expect("a read that waits for its answer");
        match result {
            Ok(bytes) => self.reply(link, seq, &method, &Bytes::from(bytes)),
            Err(text) => link.reply_error(self.conn.unwrap(), seq, &method, text),
        }
    }

    fn reply<T: Gob>(&mut self, link: &mut Link, seq: u64, method: &str, value: &T) {
        let encoder = &mut self.encoder;
        // The plugin may be gone; then nobody waits for this.
        let _ = link.reply(self.conn.unwrap(), seq, method, |out| {
            encoder.encode(value, out).unwrap();
            Ok::<(), ConnError>(())
        });
    }

    /// The connection is closed, so that the call that waits never gets its answer.
    pub(crate) fn forget_call(&mut self) {
        self.unanswered = None;
    }

    /// The call that waits for its answer.
    pub(crate) fn waiting(&self) -> Option<&WriterCall> {
        self.unanswered.as_ref().map(|(_, _, call)| call)
    }

    /// The read that waits for its answer.
    pub(crate) fn waiting_read(&self) -> Option<&WriterCall> {
        self.reading.as_ref().map(|(_, _, call)| call)
    }
}

fn to_go(headers: &Headers) -> Map<GoString, Vec<GoString>> {
    let text = |text: &String| GoString::from(text.as_str());
    Some(headers.iter().map(|(name, values)| (text(name), values.iter().map(text).collect())).collect())
}

fn from_go(headers: Map<GoString, Vec<GoString>>) -> Headers {
    let values = |values: Vec<GoString>| values.iter().map(GoString::to_string).collect();
    headers.unwrap_or_default().into_iter().map(|(name, list)| (name.to_string(), values(list))).collect()
}
