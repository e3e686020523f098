//! The session itself: its state, its output and its end. `send.rs` has what is done with streams, `receive.rs` what comes from the peer.

use std::collections::VecDeque;
use std::time::Instant;

use super::event::Notice;
use super::receive::Input;
use super::stream::{Phase, Stream};
use super::timers::Keepalive;
use super::{ByteQueue, Config, FrameType, Header, IdMap, Role, SessionError, StreamId, go_away};

/// One yamux session over one connection.
#[derive(Debug)]
pub struct Session {
    pub(super) role: Role,
    pub(super) config: Config,
    pub(super) now: Instant,
    pub(super) streams: IdMap<u32, Stream>,
    pub(super) next_id: u32,
    /// Streams opened here and not acknowledged, at most the backlog (hashicorp's `synCh`).
    pub(super) unacknowledged: usize,
    /// Streams opened by the peer and not accepted, at most the backlog (hashicorp's `acceptCh`).
    pub(super) unaccepted: usize,
    /// Streams whose SYN waits until `unacknowledged` falls below the backlog.
    pub(super) queued_opens: VecDeque<u32>,
    pub(super) output: ByteQueue,
    pub(super) input: Input,
    pub(super) notices: VecDeque<Notice>,
    pub(super) keepalive: Keepalive,
    /// No stream's deadline is earlier than this.
    pub(super) stream_timer: Option<Instant>,
    /// Since when output waits without progress.
    pub(super) stalled_since: Option<Instant>,
    pub(super) local_go_away: bool,
    pub(super) remote_go_away: bool,
    pub(super) closed: Option<SessionError>,
}

impl Session {
    /// A session on a fresh connection.
    pub fn new(role: Role, config: Config, now: Instant) -> Self {
        Self {
            role,
            keepalive: Keepalive::new(&config, now),
            config,
            now,
            streams: IdMap::default(),
            next_id: role.first_id(),
            unacknowledged: 0,
            unaccepted: 0,
            queued_opens: VecDeque::new(),
            output: ByteQueue::default(),
            input: Input::default(),
            notices: VecDeque::new(),
            stream_timer: None,
            stalled_since: None,
            local_go_away: false,
            remote_go_away: false,
            closed: None,
        }
    }

    /// Tells the peer to open no more streams; streams that it opens nevertheless are reset.
    pub fn go_away(&mut self) {
        if self.closed.is_none() {
            self.local_go_away = true;
            self.push_frame(FrameType::GoAway, 0, 0, go_away::NORMAL);
        }
    }

    /// Ends the session from this side; no event follows.
    pub fn close_session(&mut self) {
        self.shut_down(SessionError::Shutdown);
    }

    /// Says that the connection has ended or failed; [`Event::Closed`](super::Event::Closed) follows.
    pub fn connection_lost(&mut self, error: SessionError) {
        self.fail(error);
    }

    /// Ends the session because of an error, and reports it once.
    pub(super) fn fail(&mut self, error: SessionError) {
        if self.closed.is_some() {
            return;
        }
        if error.is_reported() {
            self.push_frame(FrameType::GoAway, 0, 0, go_away::PROTOCOL_ERROR);
        }
        self.notices.push_back(Notice::Closed(error.clone()));
        self.shut_down(error);
    }

    fn shut_down(&mut self, error: SessionError) {
        if self.closed.is_some() {
            return;
        }
        self.closed = Some(error);
        self.streams = IdMap::default();
        self.queued_opens = VecDeque::new();
        self.unacknowledged = 0;
        self.unaccepted = 0;
        self.stream_timer = None;
        self.input = Input::default();
    }

    /// The time that the driver told last.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Why the session ended, if it did.
    pub fn closed(&self) -> Option<&SessionError> {
        self.closed.as_ref()
    }

    /// Bytes to write to the connection. After the session ended this may still hold a go-away worth an attempt.
    pub fn pending_output(&self) -> &[u8] {
        self.output.as_slice()
    }

    /// Says that the first `count` bytes of the pending output were written.
    pub fn advance_output(&mut self, count: usize) {
        if count > 0 {
            self.output.consume(count);
            self.stalled_since = None;
        }
    }

    /// How many streams have state here.
    pub fn stream_count(&self) -> usize {
        self.streams.len()
    }

    /// Whether a stream exists: neither reset nor closed by both sides.
    pub fn has_stream(&self, id: StreamId) -> bool {
        self.streams.contains_key(&id.0)
    }

    /// Bytes allocated for buffers and tables, for tests that nothing grows.
    pub fn allocated(&self) -> usize {
        let queues: usize = self.streams.values().map(|s| s.queue.capacity()).sum();
        queues
            + self.output.capacity()
            + self.streams.capacity() * size_of::<(u32, Stream)>()
            + self.queued_opens.capacity() * size_of::<u32>()
            + self.notices.capacity() * size_of::<Notice>()
    }

    /// Forgets a stream at once; what is still arriving on it is dropped.
    pub(super) fn discard(&mut self, id: u32) {
        self.input.forget(id);
        self.forget(id);
    }

    /// Forgets a stream, and lets the next queued one open if this one was not acknowledged.
    /// A data frame that is arriving is still delivered to its end.
    pub(super) fn forget(&mut self, id: u32) {
        let Some(stream) = self.streams.remove(&id) else {
            return;
        };
        match stream.phase {
            Phase::SynSent => {
                self.unacknowledged = self.unacknowledged.saturating_sub(1);
                self.start_queued_opens();
            }
            Phase::SynReceived => self.unaccepted = self.unaccepted.saturating_sub(1),
            Phase::Queued | Phase::Established => {}
        }
    }

    pub(super) fn push_frame(&mut self, kind: FrameType, flags: u16, stream: u32, length: u32) {
        if self.closed.is_none() {
            self.output.push(&Header::new(kind, flags, stream, length).encode());
        }
    }
}
