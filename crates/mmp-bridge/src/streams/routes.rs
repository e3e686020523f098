//! Which of the host's raw streams belongs to what.

use std::collections::HashMap;

use mmp_goplugin::yamux::StreamId;

/// What a raw stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// The request body of an HTTP exchange.
    HttpBody(u32),
    /// The file of the hook with this id.
    File(u32),
    /// The replacement for the file of the hook with this id.
    Replacement(u32),
    /// The body that an API call sends.
    CallBody { connection: usize, id: u32 },
    /// The body of the answer to an API call.
    AnswerBody { connection: usize, id: u32 },
}

/// The raw streams that are open.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    streams: HashMap<StreamId, Route>,
}

impl Routes {
    /// A stream is open from now on.
    pub(crate) fn insert(&mut self, stream: StreamId, route: Route) {
        self.streams.insert(stream, route);
    }

    /// What a stream carries.
    pub(crate) fn get(&self, stream: StreamId) -> Option<Route> {
        self.streams.get(&stream).copied()
    }

    /// How many streams are open.
    pub(crate) fn len(&self) -> usize {
        self.streams.len()
    }

    /// A stream is closed.
    pub(crate) fn remove(&mut self, stream: StreamId) {
        self.streams.remove(&stream);
    }
}
