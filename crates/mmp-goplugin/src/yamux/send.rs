//! The sending half of a session: streams are opened, written and closed.

use super::stream::{Phase, Stream};
use super::{Config, FrameType, Header, OpenError, SendError, Session, StreamId, flags};

impl Session {
    /// Opens a stream. The SYN goes out at once, or, while as many streams as the backlog are unacknowledged, later and in order;
    /// bytes may be sent either way, and those that fit the window leave right behind the SYN.
    pub fn open(&mut self) -> Result<StreamId, OpenError> {
        if let Some(error) = &self.closed {
            return Err(OpenError::Session(error.clone()));
        }
        if self.remote_go_away {
            return Err(OpenError::RemoteGoAway);
        }
        let id = self.next_id;
        if id >= u32::MAX - 1 {
            return Err(OpenError::StreamsExhausted);
        }
        self.next_id = id + 2;
        self.streams.insert(id, Stream::new(Phase::Queued));
        self.queued_opens.push_back(id);
        self.start_queued_opens();
        Ok(StreamId(id))
    }

    /// Sends the SYNs that the backlog allows.
    pub(super) fn start_queued_opens(&mut self) {
        while self.unacknowledged < self.config.accept_backlog {
            let Some(id) = self.queued_opens.pop_front() else {
                return;
            };
            let Some(stream) = self.streams.get_mut(&id) else {
                continue; // Reset before its SYN left.
            };
            stream.phase = Phase::SynSent;
            stream.deadline = Some(self.now + self.config.open_timeout);
            self.unacknowledged += 1;
            let delta = grant_window(stream, &self.config);
            let deadline = stream.deadline;
            self.note_deadline(deadline);
            self.push_frame(FrameType::WindowUpdate, flags::SYN, id, delta);
            self.flush_stream(id);
        }
    }

    /// Accepts a stream that the peer opened: acknowledges it at once, because a stream that never carries data
    /// would otherwise run into the peer's open timeout.
    pub fn accept(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(&id.0) else {
            return;
        };
        if stream.phase != Phase::SynReceived {
            return;
        }
        stream.phase = Phase::Established;
        self.unaccepted = self.unaccepted.saturating_sub(1);
        let delta = grant_window(stream, &self.config);
        self.push_frame(FrameType::WindowUpdate, flags::ACK, id.0, delta);
    }

    /// Sends bytes, in one frame if the peer's window allows it; the rest waits in the stream's queue.
    pub fn send(&mut self, id: StreamId, bytes: &[u8]) -> Result<(), SendError> {
        let stream = self.streams.get_mut(&id.0).ok_or(SendError::UnknownStream)?;
        if stream.closing {
            return Err(SendError::Closed);
        }
        if stream.phase == Phase::SynReceived {
            self.accept(id);
            return self.send(id, bytes);
        }
        let mut rest = bytes;
        if stream.phase != Phase::Queued && stream.queue.is_empty() {
            let count = window_part(stream.send_window, rest.len());
            let (now, later) = rest.split_at(count as usize);
            rest = later;
            if count > 0 {
                stream.send_window -= count;
                let header = Header::new(FrameType::Data, 0, id.0, count);
                self.output.push(&header.encode());
                self.output.push(now);
            }
        }
        if !rest.is_empty() {
            stream.queue.push(rest);
        }
        Ok(())
    }

    /// Sends what a stream's window allows of its queue, and then its FIN if it is closing.
    pub(super) fn flush_stream(&mut self, id: u32) {
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        if stream.phase == Phase::Queued {
            return;
        }
        let count = window_part(stream.send_window, stream.queue.len());
        if count > 0 {
            stream.send_window -= count;
            let header = Header::new(FrameType::Data, 0, id, count);
            self.output.push(&header.encode());
            let length = count as usize;
            self.output.push(stream.queue.as_slice().get(..length).unwrap_or_default());
            stream.queue.consume(length);
        }
        if stream.closing && !stream.fin_sent {
            // The peer's time to answer the FIN counts from the last progress, as Go's `Close` follows its last blocking `Write`.
            let deadline = self.now + self.config.close_timeout;
            stream.deadline = Some(deadline);
            let done = stream.queue.is_empty();
            stream.fin_sent = done;
            let finished = done && stream.fin_received;
            self.note_deadline(Some(deadline));
            if done {
                self.push_frame(FrameType::WindowUpdate, flags::FIN, id, 0);
            }
            if finished {
                self.forget(id);
            }
        }
    }

    /// How many bytes [`send`](Self::send) would put on the wire at once. 0 means: wait for [`Event::Writable`](super::Event::Writable).
    pub fn writable(&self, id: StreamId) -> usize {
        self.streams.get(&id.0).map_or(0, Stream::writable)
    }

    /// How many sent bytes wait for the peer's window.
    pub fn queued(&self, id: StreamId) -> usize {
        self.streams.get(&id.0).map_or(0, |s| s.queue.len())
    }

    /// Gives the peer back the window of `count` bytes that arrived; the update is sent when it is at least half a window.
    pub fn consume(&mut self, id: StreamId, count: usize) {
        let Some(stream) = self.streams.get_mut(&id.0) else {
            return;
        };
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        stream.unread = stream.unread.saturating_sub(count);
        if stream.fin_received || stream.window_delta(&self.config) < self.config.max_window / 2 {
            return;
        }
        let delta = grant_window(stream, &self.config);
        self.push_frame(FrameType::WindowUpdate, 0, id.0, delta);
    }

    /// Sends FIN behind whatever waits; the peer's bytes still arrive until its own FIN.
    pub fn close(&mut self, id: StreamId) {
        self.accept(id);
        let Some(stream) = self.streams.get_mut(&id.0) else {
            return;
        };
        if !stream.closing {
            stream.closing = true;
            self.flush_stream(id.0);
        }
    }

    /// Drops a stream in both directions and tells the peer.
    pub fn reset(&mut self, id: StreamId) {
        let Some(phase) = self.streams.get(&id.0).map(|s| s.phase) else {
            return;
        };
        self.discard(id.0);
        if phase != Phase::Queued {
            self.push_frame(FrameType::WindowUpdate, flags::RST, id.0, 0);
        }
    }
}

/// Grants the peer the window that is due and says how much that is.
fn grant_window(stream: &mut Stream, config: &Config) -> u32 {
    let delta = stream.window_delta(config);
    stream.receive_window = stream.receive_window.saturating_add(delta);
    delta
}

/// How many of `length` bytes a window allows.
fn window_part(window: u32, length: usize) -> u32 {
    window.min(u32::try_from(length).unwrap_or(u32::MAX))
}
