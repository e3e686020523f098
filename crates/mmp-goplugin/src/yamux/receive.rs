//! The receiving half of a session: frames are read from the driver's buffer without copying their payload.

use super::event::Notice;
use super::stream::{Phase, Stream};
use super::{Event, FrameType, HEADER_LEN, Header, Session, SessionError, StreamId, flags, go_away};

/// With more output waiting than this, frames that only answer the peer's own (pings, refused streams) are dropped.
/// hashicorp drops such an answer when it cannot be queued for 10 s; a peer that floods and does not read must not make us grow.
const MAX_ANSWER_BACKLOG: usize = 4 * 1024 * 1024;

/// Where in a frame the input stopped.
#[derive(Debug, Default)]
pub(super) struct Input {
    header: [u8; HEADER_LEN],
    header_len: usize,
    body: Option<Body>,
}

impl Input {
    /// Stops the delivery of a frame whose stream is gone; its bytes are still skipped.
    pub(super) fn forget(&mut self, id: u32) {
        if let Some(body) = &mut self.body
            && body.stream == id
        {
            body.deliver = false;
            body.fin = false;
        }
    }

    /// Takes a header from the input, across pieces if need be.
    fn take_header(&mut self, input: &mut &[u8]) -> Option<[u8; HEADER_LEN]> {
        if self.header_len == 0
            && let Some((header, rest)) = input.split_first_chunk()
        {
            *input = rest;
            return Some(*header);
        }
        let room = self.header.get_mut(self.header_len..).unwrap_or_default();
        let count = room.len().min(input.len());
        let (piece, rest) = input.split_at(count);
        for (to, from) in room.iter_mut().zip(piece) {
            *to = *from;
        }
        *input = rest;
        self.header_len += count;
        if self.header_len < HEADER_LEN {
            return None;
        }
        self.header_len = 0;
        Some(self.header)
    }
}

/// The payload of a data frame.
#[derive(Clone, Copy, Debug)]
struct Body {
    stream: u32,
    remaining: usize,
    deliver: bool,
    /// The frame also carried FIN, which is reported behind its payload.
    fin: bool,
}

impl Session {
    /// Takes bytes from the front of `input` until something happened; `None` means that all input is used up.
    /// Data is borrowed from `input`, so the session is free for an answer while it is looked at.
    pub fn next_event<'a>(&mut self, input: &mut &'a [u8]) -> Option<Event<'a>> {
        loop {
            if let Some(notice) = self.notices.pop_front() {
                return Some(notice.into());
            }
            if self.closed.is_some() {
                *input = &[];
                return None;
            }
            if let Some(body) = self.input.body {
                if input.is_empty() {
                    return None;
                }
                if let Some(event) = self.take_body(body, input) {
                    return Some(event);
                }
                continue;
            }
            let header = self.input.take_header(input)?;
            let result = Header::decode(&header).and_then(|header| self.receive_frame(header));
            if let Err(error) = result {
                self.fail(error);
            }
        }
    }

    fn take_body<'a>(&mut self, mut body: Body, input: &mut &'a [u8]) -> Option<Event<'a>> {
        let (bytes, rest) = input.split_at(body.remaining.min(input.len()));
        *input = rest;
        body.remaining -= bytes.len();
        self.input.body = (body.remaining > 0).then_some(body);
        let id = StreamId(body.stream);
        if body.remaining == 0 && body.fin {
            self.notices.push_back(Notice::Finished(id));
        }
        body.deliver.then_some(Event::Data(id, bytes))
    }

    fn receive_frame(&mut self, header: Header) -> Result<(), SessionError> {
        match header.frame_type {
            FrameType::Data | FrameType::WindowUpdate => self.receive_stream_frame(header),
            FrameType::Ping => {
                self.receive_ping(header);
                Ok(())
            }
            FrameType::GoAway => self.receive_go_away(header.length),
        }
    }

    /// hashicorp's `handleStreamMessage`.
    fn receive_stream_frame(&mut self, header: Header) -> Result<(), SessionError> {
        if header.has(flags::SYN) {
            self.receive_syn(header.stream)?;
        }
        if header.has(flags::ACK) {
            self.receive_ack(header.stream);
        }
        let Some(stream) = self.streams.get_mut(&header.stream) else {
            // Most likely this side has reset the stream.
            self.expect_body(header, false);
            return Ok(());
        };
        // Bytes behind a FIN have no reader.
        let deliver = !stream.fin_received;
        if header.has(flags::FIN) {
            if stream.fin_received || stream.phase == Phase::Queued {
                return Err(SessionError::UnexpectedFin(header.stream));
            }
            stream.fin_received = true;
            if !stream.closing {
                stream.deadline = None; // As in Go, a FIN ends the wait for the acknowledgement.
            }
        }
        if header.has(flags::RST) {
            self.discard(header.stream);
            self.notices.push_back(Notice::Reset(StreamId(header.stream)));
            self.expect_body(header, false);
            return Ok(());
        }
        if header.frame_type == FrameType::Data {
            charge_window(stream, header)?;
        }
        let finished = stream.fin_sent && stream.fin_received;
        self.expect_body(header, deliver);
        if header.frame_type == FrameType::WindowUpdate {
            self.open_window(header);
        }
        if finished {
            self.forget(header.stream);
        }
        Ok(())
    }

    /// Notes the payload that follows a header, and the FIN behind it.
    fn expect_body(&mut self, header: Header, deliver: bool) {
        let fin = deliver && header.has(flags::FIN);
        let is_data = header.frame_type == FrameType::Data;
        let remaining = usize::try_from(header.length).unwrap_or(usize::MAX);
        if is_data && remaining > 0 {
            self.input.body = Some(Body { stream: header.stream, remaining, deliver, fin });
        } else if fin {
            self.notices.push_back(Notice::Finished(StreamId(header.stream)));
        }
    }

    /// hashicorp's `incomingStream`.
    fn receive_syn(&mut self, id: u32) -> Result<(), SessionError> {
        if self.local_go_away {
            self.answer(FrameType::WindowUpdate, flags::RST, id, 0);
            return Ok(());
        }
        if self.streams.contains_key(&id) {
            return Err(SessionError::DuplicateStream(id));
        }
        // hashicorp does not look at the parity, but a conforming peer keeps to it, and otherwise an id could clash with the next one opened here.
        if !self.role.peer_owns(id) {
            return Err(SessionError::WrongParity(id));
        }
        if self.unaccepted >= self.config.accept_backlog {
            self.answer(FrameType::WindowUpdate, flags::RST, id, 0);
            return Ok(());
        }
        self.unaccepted += 1;
        self.streams.insert(id, Stream::new(Phase::SynReceived));
        self.notices.push_back(Notice::Opened(StreamId(id)));
        Ok(())
    }

    fn receive_ack(&mut self, id: u32) {
        if let Some(stream) = self.streams.get_mut(&id)
            && stream.phase == Phase::SynSent
        {
            stream.phase = Phase::Established;
            if !stream.closing {
                stream.deadline = None;
            }
            self.unacknowledged = self.unacknowledged.saturating_sub(1);
            self.start_queued_opens();
        }
    }

    fn open_window(&mut self, header: Header) {
        let Some(stream) = self.streams.get_mut(&header.stream) else {
            return;
        };
        if header.length == 0 {
            return;
        }
        let was_blocked = stream.writable() == 0;
        stream.send_window = stream.send_window.saturating_add(header.length);
        if !stream.queue.is_empty() {
            self.flush_stream(header.stream);
        }
        let id = StreamId(header.stream);
        if !self.has_stream(id) {
            // Its FIN waited behind the queue, long after the peer's was reported.
            self.notices.push_back(Notice::Forgotten(id));
        }
        if was_blocked && self.writable(id) > 0 {
            self.notices.push_back(Notice::Writable(id));
        }
    }

    fn receive_ping(&mut self, header: Header) {
        if header.has(flags::SYN) {
            self.answer(FrameType::Ping, flags::ACK, 0, header.length);
        } else {
            self.keepalive.answered(header.length, &self.config, self.now);
        }
    }

    fn receive_go_away(&mut self, code: u32) -> Result<(), SessionError> {
        match code {
            go_away::NORMAL => {
                self.remote_go_away = true;
                self.notices.push_back(Notice::GoAway);
                Ok(())
            }
            go_away::PROTOCOL_ERROR => Err(SessionError::RemoteProtocolError),
            go_away::INTERNAL_ERROR => Err(SessionError::RemoteInternalError),
            other => Err(SessionError::UnexpectedGoAway(other)),
        }
    }

    /// Sends a frame that answers one of the peer's, unless it reads nothing of what is sent.
    fn answer(&mut self, kind: FrameType, flags: u16, stream: u32, length: u32) {
        if self.output.len() < MAX_ANSWER_BACKLOG {
            self.push_frame(kind, flags, stream, length);
        }
    }
}

/// Takes the whole frame from the stream's window before its payload arrives.
fn charge_window(stream: &mut Stream, header: Header) -> Result<(), SessionError> {
    if header.length > stream.receive_window {
        return Err(SessionError::ReceiveWindowExceeded {
            stream: header.stream,
            window: stream.receive_window,
            length: header.length,
        });
    }
    stream.receive_window -= header.length;
    stream.unread = stream.unread.saturating_add(header.length);
    Ok(())
}
