//! Streams: bytes between the host and the worker beside hooks and calls (`docs/reference/frames.md`, section 8).
//!
//! Nothing is held here for longer than it must be: the host is asked for as much as the worker has asked for, and the worker gets credit back for what the host has taken.

mod address;
mod events;
mod inbound;
mod outbound;
mod routes;

pub(crate) use address::{Address, broken_off, credit_of};
pub(crate) use inbound::{Inbound, Source};
pub(crate) use outbound::{Outbound, Sink};
pub(crate) use routes::{Route, Routes};

/// How many bytes of a stream the worker may send before it gets credit.
pub(crate) const FROM_WORKER: usize = 128 * 1024;

/// How many bytes of a body the worker takes before it gives credit: the receive window that yamux gives every stream.
pub(crate) const TO_WORKER: u64 = 256 * 1024;
