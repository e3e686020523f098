//! Deadlines: keepalive pings, stalled writes, streams that are not acknowledged or not closed in time.

use std::time::Instant;

use super::event::Notice;
use super::stream::Phase;
use super::{Config, FrameType, Session, SessionError, StreamId, flags};

/// Keepalive as hashicorp's: a ping one interval after the last answer, and the end of the session if it stays unanswered.
#[derive(Debug)]
pub(super) struct Keepalive {
    next_number: u32,
    /// When to send the next ping; `None` while one is unanswered, or without keepalive.
    send_at: Option<Instant>,
    /// The unanswered ping and its deadline.
    waiting: Option<(u32, Instant)>,
}

impl Keepalive {
    pub(super) fn new(config: &Config, now: Instant) -> Self {
        Self { next_number: 0, send_at: config.keepalive_interval.map(|interval| now + interval), waiting: None }
    }

    /// Notes an answer; one to an unknown number is ignored.
    pub(super) fn answered(&mut self, number: u32, config: &Config, now: Instant) {
        if self.waiting.is_some_and(|(sent, _)| sent == number) {
            self.waiting = None;
            self.send_at = config.keepalive_interval.map(|interval| now + interval);
        }
    }

    /// The number of the ping that is due now.
    fn due(&mut self, config: &Config, now: Instant) -> Option<u32> {
        if self.send_at.is_none_or(|at| now < at) {
            return None;
        }
        let number = self.next_number;
        self.next_number = number.wrapping_add(1);
        self.send_at = None;
        self.waiting = Some((number, now + config.write_timeout));
        Some(number)
    }

    fn overdue(&self, now: Instant) -> bool {
        self.waiting.is_some_and(|(_, deadline)| now >= deadline)
    }

    fn deadline(&self) -> Option<Instant> {
        self.waiting.map(|(_, deadline)| deadline).or(self.send_at)
    }
}

impl Session {
    /// Tells the time without any deadline being enforced. Call it when the driver wakes, before it hands over input,
    /// so that an answer that arrived while the process was stopped still counts.
    pub fn advance_clock(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// Enforces the deadlines. Call it after the input that was there has been handed over; events may follow.
    pub fn tick(&mut self, now: Instant) {
        self.advance_clock(now);
        if self.closed.is_some() {
            return;
        }
        if self.keepalive.overdue(self.now) {
            return self.fail(SessionError::KeepAliveTimeout);
        }
        if let Some(number) = self.keepalive.due(&self.config, self.now) {
            self.push_frame(FrameType::Ping, flags::SYN, 0, number);
        }
        if self.stream_timer.is_some_and(|at| self.now >= at) {
            self.check_streams();
        }
        self.check_stall();
    }

    /// When [`tick`](Self::tick) must be called next.
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.closed.is_some() {
            return None;
        }
        let stall =
            (!self.output.is_empty()).then(|| self.stalled_since.unwrap_or(self.now) + self.config.write_timeout);
        [self.keepalive.deadline(), stall, self.stream_timer].into_iter().flatten().min()
    }

    /// Keeps `stream_timer` at or below a new deadline.
    pub(super) fn note_deadline(&mut self, deadline: Option<Instant>) {
        if let Some(deadline) = deadline {
            self.stream_timer = Some(self.stream_timer.map_or(deadline, |at| at.min(deadline)));
        }
    }

    /// Looks at every stream; this happens at most once per distinct deadline, since most streams end before theirs.
    fn check_streams(&mut self) {
        let mut next = None;
        let mut expired = Vec::new();
        for (&id, stream) in &self.streams {
            match stream.deadline {
                Some(deadline) if self.now >= deadline => {
                    // Closing a stream ends the wait for its acknowledgement, as in Go.
                    let unacknowledged = stream.phase == Phase::SynSent && !stream.closing;
                    expired.push((id, unacknowledged));
                }
                Some(deadline) => {
                    next = Some(next.map_or(deadline, |at: Instant| at.min(deadline)));
                }
                None => {}
            }
        }
        self.stream_timer = next;
        for (id, unacknowledged) in expired {
            if unacknowledged {
                return self.fail(SessionError::OpenTimeout(id));
            }
            self.reset(StreamId(id));
            self.notices.push_back(Notice::Reset(StreamId(id)));
        }
    }

    /// Ends the session when the connection takes nothing: hashicorp fails each write then, and the keepalive ping with them.
    fn check_stall(&mut self) {
        if self.output.is_empty() {
            self.stalled_since = None;
            return;
        }
        let since = *self.stalled_since.get_or_insert(self.now);
        if self.now >= since + self.config.write_timeout {
            self.fail(SessionError::WriteTimeout);
        }
    }
}
