//! What both sides have in common: one yamux session whose streams are net/rpc connections or raw bytes, most of them brokered.
//!
//! [`Endpoint`] owns the reading halves and hands what it reads to a [`Handler`]; [`Link`] is everything that can be written to, and the handler gets it
//! along with every event, so that it can answer on the spot.

mod handler;
mod link;
mod receive;

use std::time::Instant;

pub use handler::{Handler, Opened};
pub use link::{Kind, Link};

use crate::netrpc::{RequestReader, ResponseReader};
use crate::yamux::{Config, IdMap, Role, SessionError, StreamId};

/// One side of a connection between host and plugin.
#[derive(Debug)]
pub struct Endpoint {
    link: Link,
    readers: IdMap<StreamId, Reader>,
}

/// The reading half of a net/rpc connection.
#[derive(Debug)]
enum Reader {
    Requests(RequestReader),
    Responses(ResponseReader),
}

impl Endpoint {
    /// An endpoint on a fresh connection.
    pub fn new(role: Role, config: Config, now: Instant) -> Self {
        Self { link: Link::new(role, config, now), readers: IdMap::default() }
    }

    /// Everything that can be written to.
    pub fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    /// Everything that can be written to, and the types that the peer has defined on a connection of [`Kind::Server`]: for an answer that repeats
    /// parts of the request. None if there is no such connection.
    pub fn link_and_types(&mut self, conn: StreamId) -> Option<(&mut Link, &mut mmp_gob::Types)> {
        match self.readers.get_mut(&conn)? {
            Reader::Requests(reader) => Some((&mut self.link, reader.types())),
            Reader::Responses(_) => None,
        }
    }

    /// Tells the time, when the driver wakes and before it hands over input; nothing expires yet.
    pub fn advance_clock(&mut self, now: Instant) {
        self.link.session_mut().advance_clock(now);
    }

    /// Takes bytes that arrived on the connection.
    pub fn receive<H: Handler>(&mut self, mut input: &[u8], handler: &mut H) {
        self.deliver_local(handler);
        while let Some(event) = self.link.session_mut().next_event(&mut input) {
            self.dispatch(event, handler);
            self.deliver_local(handler);
        }
    }

    /// Enforces the deadlines and reports what happened without input. The driver calls it at the end of every round.
    pub fn tick<H: Handler>(&mut self, now: Instant, handler: &mut H) {
        self.link.session_mut().tick(now);
        self.expire(handler);
        self.receive(&[], handler);
    }

    /// When [`tick`](Self::tick) must be called next.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.link.next_deadline()
    }

    /// Says that the connection ended or failed.
    pub fn connection_lost<H: Handler>(&mut self, error: SessionError, handler: &mut H) {
        self.link.session_mut().connection_lost(error);
        self.receive(&[], handler);
    }

    /// Bytes to write to the connection.
    pub fn pending_output(&self) -> &[u8] {
        self.link.session().pending_output()
    }

    /// Says how many of them were written.
    pub fn advance_output(&mut self, count: usize) {
        self.link.session_mut().advance_output(count);
    }

    /// Why the session ended, if it did.
    pub fn closed(&self) -> Option<&SessionError> {
        self.link.session().closed()
    }

    /// How many streams, connections, readers and pairings have state here: what must not grow.
    pub fn live_state(&self) -> usize {
        self.link.live_state() + self.readers.len()
    }
}
