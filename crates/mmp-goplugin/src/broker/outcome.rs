//! What becomes of a stream that is being paired.

use thiserror::Error;

use crate::yamux::{OpenError, StreamId};

/// Why a brokered stream did not come to be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BrokerError {
    /// Nobody dialled in time.
    #[error("timeout waiting for accept")]
    AcceptTimeout,
    /// The peer answered with another number.
    #[error("bad ack: {got} (expected {expected})")]
    BadAck {
        /// What it sent.
        got: u32,
        /// What it should have sent.
        expected: u32,
    },
    /// The peer closed the stream before it acknowledged the number: nobody accepted it within its 5 s.
    #[error("broker id {0} was not accepted by the peer")]
    NotAccepted(u32),
    /// The stream could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// What became of the bytes that a stream brought while it was being paired.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// More must come.
    Pending,
    /// The stream is a connection; `rest` are its first bytes.
    Ready {
        /// The number it was paired by.
        broker_id: u32,
        /// Whether this side dialled it.
        dialed: bool,
        /// The first bytes behind the number.
        rest: &'a [u8],
    },
    /// A dial failed; its stream was closed.
    Failed {
        /// The number that was dialled.
        broker_id: u32,
        /// Why.
        error: BrokerError,
    },
}

/// What ran out of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expired {
    /// An accept that nobody dialled.
    Accept(u32),
    /// A stream of the peer that nobody accepted, or that did not send its number; it was closed.
    Stream(StreamId),
}

/// A stream that was accepted after it had been dialled, and the bytes that had already come.
#[derive(Debug, PartialEq, Eq)]
pub struct Parked {
    /// The stream.
    pub stream: StreamId,
    /// Bytes behind the number; their window was not given back yet.
    pub early: Vec<u8>,
    /// Whether nothing follows them: the dialer sent what it had and closed its side.
    pub finished: bool,
}
