//! What a session reports.

use std::fmt;

use super::SessionError;

/// A stream of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub(crate) u32);

impl StreamId {
    /// The id on the wire.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Whether the client (go-plugin's host) opened the stream.
    pub const fn is_clients(self) -> bool {
        self.0 % 2 == 1
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One thing that happened; data is borrowed from the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The peer opened a stream; answer with [`Session::accept`](super::Session::accept).
    Opened(StreamId),
    /// Bytes arrived. The peer's window grows again by [`Session::consume`](super::Session::consume).
    Data(StreamId, &'a [u8]),
    /// The peer sends no more on this stream.
    Finished(StreamId),
    /// The stream is gone: the peer reset it, or it stayed half closed too long.
    Reset(StreamId),
    /// A stream that could not take more bytes can again.
    Writable(StreamId),
    /// A stream that both sides had closed is forgotten: what waited for the peer's window has left.
    Forgotten(StreamId),
    /// The peer accepts no more streams.
    GoAway,
    /// The session has ended; nothing follows.
    Closed(SessionError),
}

/// An event without borrowed data, for the session's own queue.
#[derive(Clone, Debug)]
pub(super) enum Notice {
    Opened(StreamId),
    Finished(StreamId),
    Reset(StreamId),
    Writable(StreamId),
    Forgotten(StreamId),
    GoAway,
    Closed(SessionError),
}

impl From<Notice> for Event<'_> {
    fn from(notice: Notice) -> Self {
        match notice {
            Notice::Opened(id) => Event::Opened(id),
            Notice::Finished(id) => Event::Finished(id),
            Notice::Reset(id) => Event::Reset(id),
            Notice::Writable(id) => Event::Writable(id),
            Notice::Forgotten(id) => Event::Forgotten(id),
            Notice::GoAway => Event::GoAway,
            Notice::Closed(error) => Event::Closed(error),
        }
    }
}
