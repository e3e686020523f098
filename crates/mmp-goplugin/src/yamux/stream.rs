//! The state of one stream.

use std::time::Instant;

use super::{ByteQueue, Config, INITIAL_WINDOW};

/// How far the opening of a stream has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Opened here, but too many streams wait for their acknowledgement: the SYN is held back.
    Queued,
    /// Opened here, SYN sent, not acknowledged.
    SynSent,
    /// Opened by the peer, not accepted.
    SynReceived,
    /// Acknowledged.
    Established,
}

/// One stream, from SYN until both sides have sent FIN or one has sent RST.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) phase: Phase,
    /// What the peer may still send.
    pub(super) receive_window: u32,
    /// What has arrived and was not consumed.
    pub(super) unread: u32,
    /// What this side may still send.
    pub(super) send_window: u32,
    /// What waits for the send window.
    pub(super) queue: ByteQueue,
    /// This side will send FIN, or has sent it.
    pub(super) closing: bool,
    /// This side has sent FIN.
    pub(super) fin_sent: bool,
    /// The peer has sent FIN.
    pub(super) fin_received: bool,
    /// When the acknowledgement, or after closing the peer's FIN, is overdue.
    pub(super) deadline: Option<Instant>,
}

impl Stream {
    pub(super) fn new(phase: Phase) -> Self {
        Self {
            phase,
            receive_window: INITIAL_WINDOW,
            unread: 0,
            send_window: INITIAL_WINDOW,
            queue: ByteQueue::default(),
            closing: false,
            fin_sent: false,
            fin_received: false,
            deadline: None,
        }
    }

    /// How many bytes would leave at once.
    pub(super) fn writable(&self) -> usize {
        if self.closing {
            return 0;
        }
        usize::try_from(self.send_window).unwrap_or(usize::MAX).saturating_sub(self.queue.len())
    }

    /// The window increment that is due: whatever is neither buffered nor already granted.
    pub(super) fn window_delta(&self, config: &Config) -> u32 {
        config.max_window.saturating_sub(self.unread).saturating_sub(self.receive_window)
    }
}
