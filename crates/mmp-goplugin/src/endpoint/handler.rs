//! What an endpoint reports.

use mmp_gob::Error;

use super::{Kind, Link};
use crate::broker::BrokerError;
use crate::netrpc::{Body, CallError, ConnError, RequestHead};
use crate::yamux::{SessionError, StreamId};

/// What to do with a stream that the peer opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It will send a broker number.
    Broker,
    /// It is a connection from its first byte.
    Connection(Kind),
}

/// Receives the events of an endpoint. Every method may write to the [`Link`]; the default ones ignore what they are told.
#[allow(unused_variables, reason = "default methods ignore their arguments")]
pub trait Handler {
    /// The peer opened a stream.
    fn opened(&mut self, link: &mut Link, stream: StreamId) -> Opened {
        Opened::Broker
    }

    /// A stream is paired: one that this side accepted, or one that it dialled (and could write to already).
    fn ready(&mut self, link: &mut Link, stream: StreamId, broker_id: u32) {}

    /// Nobody dialled a number that this side accepted.
    fn accept_failed(&mut self, link: &mut Link, broker_id: u32, error: BrokerError) {}

    /// A request on a connection of [`Kind::Server`]; must be answered by [`Link::reply`] or one of its kin, now or later.
    ///
    /// [`Body`] says what is asked of the reader of a body. Any error but `NeedMore` is sent to the peer as the reply.
    fn request(
        &mut self,
        link: &mut Link,
        conn: StreamId,
        request: RequestHead<'_>,
        body: Body<'_, '_>,
    ) -> Result<(), Error> {
        link.reply_error(conn, request.seq, request.method, &request.refusal("Plugin"));
        Ok(())
    }

    /// The result of a call. Any error but `NeedMore` comes back by [`call_failed`](Self::call_failed).
    fn response(&mut self, link: &mut Link, conn: StreamId, token: u64, body: Body<'_, '_>) -> Result<(), Error> {
        Ok(())
    }

    /// A call has no result.
    fn call_failed(&mut self, link: &mut Link, conn: StreamId, token: u64, error: CallError) {}

    /// A net/rpc connection ended, or a stream was reset or its dial failed. The failures of pending calls came before.
    fn conn_closed(&mut self, link: &mut Link, conn: StreamId, error: ConnError) {}

    /// Bytes on a connection of [`Kind::Raw`]; to be given back to the peer's window by [`Link::consume`] when they have been dealt with.
    fn data(&mut self, link: &mut Link, stream: StreamId, bytes: &[u8]) {}

    /// The peer sends no more on a raw connection; this side can still send until [`Link::close`].
    fn finished(&mut self, link: &mut Link, stream: StreamId) {}

    /// A raw connection can take bytes again.
    fn writable(&mut self, link: &mut Link, stream: StreamId) {}

    /// The peer accepts no more streams.
    fn go_away(&mut self, link: &mut Link) {}

    /// The session ended; nothing follows. Pending calls failed before.
    fn closed(&mut self, error: SessionError) {}
}
