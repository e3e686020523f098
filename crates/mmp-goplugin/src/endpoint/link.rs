//! The writing half of an endpoint.

use std::collections::VecDeque;
use std::time::Instant;

use crate::broker::{Broker, BrokerError, Parked};
use crate::netrpc::{CallError, CallWriter, ConnError, ReplyWriter};
use crate::yamux::{Config, IdMap, Role, SendError, Session, StreamId};

/// Capacity above which the encoding buffer is given back after use.
const MAX_IDLE_SCRATCH: usize = 1024 * 1024;

/// What a connection carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// net/rpc, requests come from the peer.
    Server,
    /// net/rpc, requests go to the peer.
    Client,
    /// Bytes.
    Raw,
}

/// The writing half of a connection.
#[derive(Debug)]
pub(super) enum Writer {
    Server(ReplyWriter),
    Client(CallWriter),
    Raw,
    /// Closed by this side; what still arrives is dropped, so that the peer is not blocked.
    Drained,
}

impl Writer {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Server => Self::Server(ReplyWriter::new()),
            Kind::Client => Self::Client(CallWriter::new()),
            Kind::Raw => Self::Raw,
        }
    }
}

/// A connection.
#[derive(Debug)]
pub(super) struct Conn {
    /// Dialled, and the peer's acknowledgement has not come.
    pub(super) pairing: bool,
    pub(super) writer: Writer,
}

/// Something that a method of [`Link`] brought about, to be reported at the next opportunity.
#[derive(Debug)]
pub(super) enum Local {
    /// A number was accepted that had been dialled before; these bytes had come already.
    Ready { broker_id: u32, parked: Parked },
    /// A call was pending on a connection that this side closed.
    CallFailed { conn: StreamId, token: u64 },
}

/// Everything that can be written to.
#[derive(Debug)]
pub struct Link {
    pub(super) session: Session,
    pub(super) broker: Broker,
    pub(super) conns: IdMap<StreamId, Conn>,
    /// What becomes of a number that this side accepts.
    pub(super) accepts: IdMap<u32, Kind>,
    pub(super) local: VecDeque<Local>,
    /// net/rpc connections that ended, whose reading half is to be dropped.
    pub(super) detached: Vec<StreamId>,
    scratch: Vec<u8>,
}

impl Link {
    pub(super) fn new(role: Role, config: Config, now: Instant) -> Self {
        Self {
            session: Session::new(role, config, now),
            broker: Broker::new(),
            conns: IdMap::default(),
            accepts: IdMap::default(),
            local: VecDeque::new(),
            detached: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// The yamux session, to look at.
    pub fn session(&self) -> &Session {
        &self.session
    }

    pub(super) fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        match (self.session.next_deadline(), self.broker.next_deadline()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, None) => a,
            // The session is closed, and the broker with it.
            (None, Some(_)) => None,
        }
    }

    /// How many bytes of a connection wait for the peer's window.
    pub fn queued(&self, conn: StreamId) -> usize {
        self.session.queued(conn)
    }

    /// A number for the peer to dial.
    pub fn next_broker_id(&mut self) -> u32 {
        self.broker.next_id()
    }

    /// Accepts a number for 5 s: [`Handler::ready`](super::Handler::ready) or [`Handler::accept_failed`](super::Handler::accept_failed) follows.
    pub fn accept(&mut self, broker_id: u32, kind: Kind) {
        match self.broker.accept(&mut self.session, broker_id) {
            Some(parked) => {
                self.attach(parked.stream, kind);
                self.local.push_back(Local::Ready { broker_id, parked });
            }
            None => {
                self.accepts.insert(broker_id, kind);
            }
        }
    }

    /// Dials a number of the peer's. The connection can be written to at once, which saves a round trip: the bytes wait at the peer until it accepts.
    /// If it does not, [`Handler::conn_closed`](super::Handler::conn_closed) follows.
    pub fn dial(&mut self, broker_id: u32, kind: Kind) -> Result<StreamId, BrokerError> {
        let stream = self.broker.dial(&mut self.session, broker_id)?;
        let writer = Writer::new(kind);
        self.conns.insert(stream, Conn { pairing: true, writer });
        Ok(stream)
    }

    /// Opens a stream that is a connection from its first byte, as go-plugin's host does for its first three.
    pub fn open(&mut self, kind: Kind) -> Result<StreamId, BrokerError> {
        let stream = self.session.open()?;
        self.attach(stream, kind);
        Ok(stream)
    }

    /// Makes a stream a connection.
    pub(super) fn attach(&mut self, stream: StreamId, kind: Kind) {
        let writer = Writer::new(kind);
        self.conns.insert(stream, Conn { pairing: false, writer });
    }

    /// Notes the acknowledgement of a dialled connection.
    pub(super) fn paired(&mut self, stream: StreamId) {
        if let Some(conn) = self.conns.get_mut(&stream) {
            conn.pairing = false;
        }
    }

    /// Sends a request and returns its sequence number; `token` comes back with the answer. `body` appends the argument's gob messages, definitions included,
    /// with type ids other than [`HEAD_TYPE`](crate::netrpc::HEAD_TYPE) and [`EMPTY_TYPE`](crate::netrpc::EMPTY_TYPE). If it fails, nothing is sent.
    pub fn call<E: From<ConnError>>(
        &mut self,
        conn: StreamId,
        method: &str,
        token: u64,
        body: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<u64, E> {
        let Some(Conn { writer: Writer::Client(writer), .. }) = self.conns.get_mut(&conn) else {
            return Err(ConnError::Shutdown.into());
        };
        let result = writer.call(&mut self.scratch, method, token, body);
        self.send_scratch(conn);
        result
    }

    /// Sends a reply; see [`ReplyWriter::reply`]. If `body` fails, nothing was sent and an error reply is still due.
    pub fn reply<E: From<ConnError>>(
        &mut self,
        conn: StreamId,
        seq: u64,
        method: &str,
        body: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(Conn { writer: Writer::Server(writer), .. }) = self.conns.get_mut(&conn) else {
            return Err(ConnError::Shutdown.into());
        };
        let result = writer.reply(&mut self.scratch, seq, method, body);
        self.send_scratch(conn);
        result
    }

    /// Sends a reply whose result is `struct{}`; nothing if the connection is gone.
    pub fn reply_empty(&mut self, conn: StreamId, seq: u64, method: &str) {
        if let Some(Conn { writer: Writer::Server(writer), .. }) = self.conns.get_mut(&conn) {
            writer.reply_empty(&mut self.scratch, seq, method);
            self.send_scratch(conn);
        }
    }

    /// Sends an error reply; nothing if the connection is gone.
    pub fn reply_error(&mut self, conn: StreamId, seq: u64, method: &str, text: &str) {
        if let Some(Conn { writer: Writer::Server(writer), .. }) = self.conns.get_mut(&conn) {
            writer.reply_error(&mut self.scratch, seq, method, text);
            self.send_scratch(conn);
        }
    }

    fn send_scratch(&mut self, conn: StreamId) {
        if !self.scratch.is_empty() {
            // A stream that is gone refuses; its end has been or will be reported.
            let _ = self.session.send(conn, &self.scratch);
            self.scratch.clear();
            if self.scratch.capacity() > MAX_IDLE_SCRATCH {
                self.scratch = Vec::new();
            }
        }
    }

    /// Sends bytes on a raw connection. More than [`writable`](Self::writable) is queued without bound, so respect it.
    pub fn send(&mut self, stream: StreamId, bytes: &[u8]) -> Result<(), SendError> {
        self.session.send(stream, bytes)
    }

    /// How many bytes a connection takes now; after 0, [`Handler::writable`](super::Handler::writable) follows.
    pub fn writable(&self, stream: StreamId) -> usize {
        self.session.writable(stream)
    }

    /// Gives the peer the window of bytes back that were dealt with.
    pub fn consume(&mut self, stream: StreamId, count: usize) {
        self.session.consume(stream, count);
    }

    /// Closes a connection: FIN behind what was sent. A raw one still receives until the peer closes; calls that wait on a net/rpc client fail.
    pub fn close(&mut self, stream: StreamId) {
        self.session.close(stream);
        if let Some(conn) = self.conns.get_mut(&stream)
            && !matches!(conn.writer, Writer::Raw)
        {
            let writer = std::mem::replace(&mut conn.writer, Writer::Drained);
            self.detach(stream, writer);
        }
        self.forget_if_gone(stream);
    }

    /// Drops a connection in both directions at once.
    pub fn reset(&mut self, stream: StreamId) {
        self.session.reset(stream);
        if let Some(conn) = self.conns.remove(&stream) {
            if conn.pairing {
                self.broker.reset(stream);
            }
            self.detach(stream, conn.writer);
        }
    }

    /// Fails the pending calls of a connection that this side closed.
    fn detach(&mut self, conn: StreamId, writer: Writer) {
        if let Writer::Client(mut calls) = writer {
            let tokens = calls.end(ConnError::Shutdown);
            let failed = tokens.into_iter().map(|token| Local::CallFailed { conn, token });
            self.local.extend(failed);
        }
        self.detached.push(conn);
    }

    /// Forgets a connection whose stream both sides have closed.
    pub(super) fn forget_if_gone(&mut self, stream: StreamId) {
        if !self.session.has_stream(stream) {
            self.conns.remove(&stream);
        }
    }

    /// Tells the peer to open no more streams.
    pub fn go_away(&mut self) {
        self.session.go_away();
    }

    /// How many calls wait for an answer on a connection.
    pub fn pending_calls(&self, conn: StreamId) -> usize {
        match self.conns.get(&conn) {
            Some(Conn { writer: Writer::Client(calls), .. }) => calls.pending(),
            _ => 0,
        }
    }

    /// Takes the token of a pending call.
    pub(super) fn answered(&mut self, conn: StreamId, seq: u64) -> Option<u64> {
        match self.conns.get_mut(&conn) {
            Some(Conn { writer: Writer::Client(calls), .. }) => calls.answered(seq),
            _ => None,
        }
    }

    /// Puts a token back: the answer has not wholly arrived.
    pub(super) fn unanswered(&mut self, conn: StreamId, seq: u64, token: u64) {
        if let Some(Conn { writer: Writer::Client(calls), .. }) = self.conns.get_mut(&conn) {
            calls.unanswered(seq, token);
        }
    }

    pub(super) fn live_state(&self) -> usize {
        self.session.stream_count()
            + self.broker.pending()
            + self.conns.len()
            + self.accepts.len()
            + self.local.len()
            + self.detached.len()
    }

    /// The error of a call that failed because this side closed the connection.
    pub(super) const fn shutdown() -> CallError {
        CallError::Connection(ConnError::Shutdown)
    }
}
