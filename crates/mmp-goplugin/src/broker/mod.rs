//! MuxBroker: pairs streams with numbers that were agreed over another stream.
//!
//! The accepting side hands out a number in an RPC; the other side opens a stream and writes the number as four
//! little-endian bytes, and the accepting side writes the same four bytes back. go-plugin's `mux_broker.go` in one state machine;
//! unlike there, a dialer that is slow to write its number holds up nobody.

use std::time::{Duration, Instant};

use crate::yamux::{IdMap, Session, StreamId};

mod number;
mod outcome;
#[cfg(test)]
mod tests;

use number::Number;
pub use outcome::{BrokerError, Expired, Parked, Progress};

/// How long an accept waits for its dial, and a dial for its accept.
pub const ACCEPT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an opened stream may take to send its number. Go waits for ever (and with it every other dial); a host that was stopped
/// in between gets as long as yamux gives it for an acknowledgement.
pub const NUMBER_TIMEOUT: Duration = Duration::from_secs(75);

/// What a stream that is being paired waits for.
#[derive(Debug)]
enum Waiting {
    /// Dialled here: the acknowledgement.
    Ack { broker_id: u32, number: Number },
    /// Opened by the peer: the number.
    Number { number: Number, deadline: Instant },
    /// Opened by the peer: somebody here who accepts the number.
    Accept { broker_id: u32, early: Vec<u8>, finished: bool, deadline: Instant },
}

/// Pairs the streams of one session. Every stream is given to it until it says [`Progress::Ready`] or fails.
#[derive(Debug, Default)]
pub struct Broker {
    last_id: u32,
    waiting: IdMap<StreamId, Waiting>,
    /// Streams in [`Waiting::Accept`], by number.
    parked: IdMap<u32, StreamId>,
    /// Accepts that wait for their dial.
    accepts: IdMap<u32, Instant>,
    /// No deadline is earlier than this.
    timer: Option<Instant>,
}

impl Broker {
    /// A broker without streams.
    pub fn new() -> Self {
        Self::default()
    }

    /// A number for the peer to dial.
    pub fn next_id(&mut self) -> u32 {
        self.last_id = self.last_id.wrapping_add(1);
        self.last_id
    }

    /// Opens a stream and writes the number behind its SYN, so that both arrive together: Go's accept loop blocks on the number.
    /// The stream can be written to at once; what follows the number waits at the peer until it accepts.
    pub fn dial(&mut self, session: &mut Session, broker_id: u32) -> Result<StreamId, BrokerError> {
        let stream = session.open()?;
        // A fresh stream has its whole window, so the four bytes go into the same output as the SYN.
        let sent = session.send(stream, &broker_id.to_le_bytes());
        debug_assert!(sent.is_ok());
        let number = Number::default();
        self.waiting.insert(stream, Waiting::Ack { broker_id, number });
        Ok(stream)
    }

    /// Accepts the number, for [`ACCEPT_TIMEOUT`]. A stream that was dialled before is handed over at once;
    /// otherwise [`receive`](Self::receive) says when it comes.
    pub fn accept(&mut self, session: &mut Session, broker_id: u32) -> Option<Parked> {
        let Some(stream) = self.parked.remove(&broker_id) else {
            let deadline = session.now() + ACCEPT_TIMEOUT;
            self.accepts.insert(broker_id, deadline);
            self.note_deadline(deadline);
            return None;
        };
        let (early, finished) = match self.waiting.remove(&stream) {
            Some(Waiting::Accept { early, finished, .. }) => (early, finished),
            _ => (Vec::new(), false),
        };
        acknowledge(session, stream, broker_id);
        Some(Parked { stream, early, finished })
    }

    /// Takes over a stream that the peer opened.
    pub fn opened(&mut self, session: &mut Session, stream: StreamId) {
        session.accept(stream);
        let deadline = session.now() + NUMBER_TIMEOUT;
        let number = Number::default();
        self.waiting.insert(stream, Waiting::Number { number, deadline });
        self.note_deadline(deadline);
    }

    /// Takes the bytes of a stream that is being paired. The window of the number is given back here, that of `rest` is not.
    pub fn receive<'a>(&mut self, session: &mut Session, stream: StreamId, mut input: &'a [u8]) -> Progress<'a> {
        let before = input.len();
        match self.waiting.get_mut(&stream) {
            Some(Waiting::Ack { broker_id, number }) => {
                let expected = *broker_id;
                let ack = number.take(&mut input);
                session.consume(stream, before - input.len());
                match ack {
                    Some(got) => self.acknowledged(session, stream, got, expected, input),
                    None => Progress::Pending,
                }
            }
            Some(Waiting::Number { number, .. }) => {
                let complete = number.take(&mut input);
                session.consume(stream, before - input.len());
                match complete {
                    Some(broker_id) => self.numbered(session, stream, broker_id, input),
                    None => Progress::Pending,
                }
            }
            Some(Waiting::Accept { early, .. }) => {
                early.extend_from_slice(input); // At most one window: none is given back.
                Progress::Pending
            }
            None => Progress::Pending,
        }
    }

    fn acknowledged<'a>(
        &mut self,
        session: &mut Session,
        stream: StreamId,
        got: u32,
        expected: u32,
        rest: &'a [u8],
    ) -> Progress<'a> {
        self.waiting.remove(&stream);
        if got == expected {
            return Progress::Ready { broker_id: expected, dialed: true, rest };
        }
        session.close(stream);
        Progress::Failed { broker_id: expected, error: BrokerError::BadAck { got, expected } }
    }

    fn numbered<'a>(
        &mut self,
        session: &mut Session,
        stream: StreamId,
        broker_id: u32,
        rest: &'a [u8],
    ) -> Progress<'a> {
        self.waiting.remove(&stream);
        if self.accepts.remove(&broker_id).is_some() {
            acknowledge(session, stream, broker_id);
            return Progress::Ready { broker_id, dialed: false, rest };
        }
        if self.parked.contains_key(&broker_id) {
            // A second dial of the same number: the first one keeps it.
            session.close(stream);
            return Progress::Pending;
        }
        let deadline = session.now() + ACCEPT_TIMEOUT;
        self.parked.insert(broker_id, stream);
        let early = rest.to_vec();
        self.waiting.insert(stream, Waiting::Accept { broker_id, early, finished: false, deadline });
        self.note_deadline(deadline);
        Progress::Pending
    }

    /// Takes the FIN of a stream that is being paired. A dialer may close its side without waiting for the acknowledgement, so one that is parked
    /// stays so. Otherwise as [`reset`](Self::reset).
    pub fn finished(&mut self, session: &mut Session, stream: StreamId) -> Option<(u32, BrokerError)> {
        if let Some(Waiting::Accept { finished, .. }) = self.waiting.get_mut(&stream) {
            *finished = true;
            return None;
        }
        session.close(stream);
        self.reset(stream)
    }

    /// Forgets a stream that is being paired and was reset by either side.
    /// The number and the error if it was dialled here; otherwise nobody here waits for it.
    pub fn reset(&mut self, stream: StreamId) -> Option<(u32, BrokerError)> {
        match self.waiting.remove(&stream)? {
            Waiting::Ack { broker_id, .. } => Some((broker_id, BrokerError::NotAccepted(broker_id))),
            Waiting::Number { .. } => None,
            Waiting::Accept { broker_id, .. } => {
                self.parked.remove(&broker_id);
                None
            }
        }
    }

    /// Whether a stream is being paired.
    pub fn holds(&self, stream: StreamId) -> bool {
        self.waiting.contains_key(&stream)
    }

    /// When [`tick`](Self::tick) must be called next.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.timer
    }

    /// Enforces the deadlines.
    pub fn tick(&mut self, session: &mut Session) -> Vec<Expired> {
        let now = session.now();
        if self.timer.is_none_or(|at| now < at) {
            return Vec::new();
        }
        let mut next: Option<Instant> = None;
        let mut keep = |deadline: Instant| {
            let alive = now < deadline;
            if alive {
                next = Some(next.map_or(deadline, |at| at.min(deadline)));
            }
            alive
        };
        let mut expired = Vec::new();
        self.accepts.retain(|&broker_id, deadline| {
            let alive = keep(*deadline);
            if !alive {
                expired.push(Expired::Accept(broker_id));
            }
            alive
        });
        self.waiting.retain(|&stream, waiting| {
            let alive = match waiting {
                Waiting::Ack { .. } => true,
                Waiting::Number { deadline, .. } | Waiting::Accept { deadline, .. } => keep(*deadline),
            };
            if !alive {
                expired.push(Expired::Stream(stream));
            }
            alive
        });
        self.timer = next;
        let waiting = &self.waiting;
        self.parked.retain(|_, stream| waiting.contains_key(stream));
        for item in &expired {
            if let Expired::Stream(stream) = item {
                session.close(*stream);
            }
        }
        expired
    }

    fn note_deadline(&mut self, deadline: Instant) {
        self.timer = Some(self.timer.map_or(deadline, |at| at.min(deadline)));
    }

    /// How many streams and accepts are waiting.
    pub fn pending(&self) -> usize {
        self.waiting.len() + self.accepts.len()
    }
}

/// Writes the number back.
fn acknowledge(session: &mut Session, stream: StreamId, broker_id: u32) {
    // Fails only if the stream was reset meanwhile, which its next event says.
    let _ = session.send(stream, &broker_id.to_le_bytes());
}
