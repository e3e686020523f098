//! One connection of the worker link: bytes in, frames out of them, and an output buffer.

use std::io::{self, Read, Write};
use std::ops::Range;

use mio::net::UnixStream;

use crate::frame::{BadFrame, HEADER, Header};
use crate::messages::Role;
use crate::protections::{Protection, is_off};

/// How much room there is for reading at least.
const READ: usize = 16 * 1024;

/// How much room is made at once for a frame whose head says that it is longer; bounded, because the length is only the worker's word.
const MAX_STEP: usize = 4 * 1024 * 1024;

/// A buffer that grew beyond this for one large frame gives the rest back.
const KEPT: usize = 256 * 1024;

/// A connection with so many bytes for a worker that does not read them is not read either: more calls would bring more answers.
const CHOKING_OUTPUT: usize = 8 * 1024 * 1024;

/// A worker that leaves so many bytes unread is given up. The `async` connection gets this far when calls are made much faster than their answers are read.
const MAX_OUTPUT: usize = 512 * 1024 * 1024;

/// A connection with so many API calls in flight is not read, unless it is the `async` one, where the answers of hooks that these calls fired may come behind them.
const CHOKING_CALLS: usize = 256;

/// Bytes that have arrived and are not used up. The room behind them is kept from one read to the next, so that it is cleared only once.
#[derive(Debug, Default)]
pub struct Input {
    room: Vec<u8>,
    filled: Range<usize>,
}

impl Input {
    /// What has arrived.
    pub fn bytes(&self) -> &[u8] {
        &self.room[self.filled.clone()]
    }

    /// The first `count` bytes are used up.
    pub fn consume(&mut self, count: usize) {
        self.filled.start = (self.filled.start + count).min(self.filled.end);
        if self.filled.is_empty() {
            self.filled = 0..0;
            if self.room.len() > KEPT {
                self.room = Vec::new();
            }
        }
    }

    /// Makes room behind what has arrived.
    fn reserve(&mut self) {
        let wanted = READ.max(self.missing());
        if self.room.len() - self.filled.end >= wanted {
            return;
        }
        self.room.copy_within(self.filled.clone(), 0);
        self.filled = 0..self.filled.len();
        if self.room.len() < self.filled.end + wanted {
            self.room.resize(self.filled.end + wanted, 0);
        }
    }

    /// How many bytes a frame that has begun still lacks.
    fn missing(&self) -> usize {
        match Header::parse(self.bytes()) {
            Ok(Some(header)) => (HEADER + header.len).saturating_sub(self.filled.len()).min(largest_step()),
            _ => 0,
        }
    }
}

fn largest_step() -> usize {
    if is_off(Protection::WireCaps) { usize::MAX } else { MAX_STEP }
}

/// A non-blocking connection with its buffers.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    input: Input,
    /// Frames for the worker; written by [`Connection::flush`].
    pub output: Vec<u8>,
    written: usize,
    /// What the connection is for; None before its HELLO.
    pub role: Option<Role>,
    /// How many API calls of this connection wait for the host's answer.
    pub calls: usize,
    /// The process that connected, as the kernel says.
    pub peer: Option<u32>,
}

/// What reading brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// Nothing: all has been read.
    Drained,
    /// All that was there, which the worker's end of the connection may follow without another event.
    Short,
    /// More may be waiting.
    More,
    /// The worker has closed the connection.
    Closed,
}

impl Connection {
    /// Wraps an accepted stream.
    pub fn new(stream: UnixStream) -> Self {
        Connection { stream, input: Input::default(), output: Vec::new(), written: 0, role: None, calls: 0, peer: None }
    }

    /// The stream, to be registered for events.
    pub fn stream_mut(&mut self) -> &mut UnixStream {
        &mut self.stream
    }

    /// Reads what has arrived into the input buffer.
    ///
    /// # Errors
    /// Those of the socket, other than that nothing has arrived.
    pub fn receive(&mut self) -> io::Result<Received> {
        self.input.reserve();
        let Input { room, filled } = &mut self.input;
        let free = room.len() - filled.end;
        let read = loop {
            match self.stream.read(&mut room[filled.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        match read {
            Ok(0) => Ok(Received::Closed),
            Ok(n) => {
                filled.end += n;
                Ok(if n < free { Received::Short } else { Received::More })
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Received::Drained),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(Received::Closed),
            Err(error) => Err(error),
        }
    }

    /// Takes the input out, so that frames can be read from it while the link changes. [`Connection::put_back`] returns it.
    pub fn take_input(&mut self) -> Input {
        std::mem::take(&mut self.input)
    }

    /// Returns the input without the bytes that were used up.
    pub fn put_back(&mut self, mut input: Input, used: usize) {
        input.consume(used);
        self.input = input;
    }

    /// Writes as much of the output as the socket takes. True when all of it is written.
    ///
    /// # Errors
    /// Those of the socket, other than that it is full; [`io::ErrorKind::Other`] when too much waits for a worker that does not read.
    pub fn flush(&mut self) -> io::Result<bool> {
        while self.written < self.output.len() {
            match self.stream.write(&self.output[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => self.written += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.forget_written();
                    return self.check_pending().map(|()| false);
                }
                Err(error) => return Err(error),
            }
        }
        self.output.clear();
        self.output.shrink_to(KEPT);
        self.written = 0;
        Ok(true)
    }

    fn check_pending(&self) -> io::Result<()> {
        match self.pending() {
            0..=MAX_OUTPUT => Ok(()),
            pending => Err(io::Error::other(format!("the worker does not read: {pending} bytes wait for it"))),
        }
    }

    /// Drops what was written once it is most of the buffer, so that a worker which is always a little behind does not make it grow.
    fn forget_written(&mut self) {
        if self.written > KEPT && self.written > self.output.len() / 2 {
            self.output.drain(..self.written);
            self.written = 0;
        }
    }

    /// Whether the connection is not to be read until the worker has read, or the host has answered.
    pub fn is_choked(&self) -> bool {
        self.pending() > CHOKING_OUTPUT || (self.calls >= CHOKING_CALLS && self.role != Some(Role::Async))
    }

    /// How many bytes wait to be written.
    pub fn pending(&self) -> usize {
        self.output.len().saturating_sub(self.written)
    }
}

/// The largest payload of a HELLO: until then a connection is anybody's.
pub const MAX_HELLO: usize = 64 * 1024;

/// The next whole frame of `input` from `at`: its header and where its payload lies.
///
/// # Errors
/// When the bytes are no frame.
pub fn next_frame(input: &[u8], at: usize) -> Result<Option<(Header, Range<usize>)>, BadFrame> {
    let Some(header) = Header::parse(&input[at..])? else { return Ok(None) };
    let payload = at + HEADER..at + HEADER + header.len;
    Ok((payload.end <= input.len()).then_some((header, payload)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Kind, put_bytes};

    fn pair() -> (Connection, std::os::unix::net::UnixStream) {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        (Connection::new(UnixStream::from_std(ours)), theirs)
    }

    #[test]
    fn frames_come_out_of_any_pieces() {
        let (mut connection, mut worker) = pair();
        let mut sent = Vec::new();
        put_bytes(&mut sent, Kind::Log, 0, 1, &[7; 100_000]);
        put_bytes(&mut sent, Kind::Log, 0, 2, b"");
        let mut seen = Vec::new();
        for piece in sent.chunks(30_011) {
            worker.write_all(piece).unwrap();
            while connection.receive().unwrap() != Received::Drained {
                let input = connection.take_input();
                let mut at = 0;
                while let Some((header, payload)) = next_frame(input.bytes(), at).unwrap() {
                    seen.push((header.id, payload.len()));
                    at = payload.end;
                }
                connection.put_back(input, at);
            }
        }
        assert_eq!(seen, [(1, 100_000), (2, 0)]);
        drop(worker);
        assert_eq!(connection.receive().unwrap(), Received::Closed);
    }

    #[test]
    fn the_end_may_come_with_the_last_bytes() {
        let (mut connection, mut worker) = pair();
        worker.write_all(b"abc").unwrap();
        drop(worker);
        assert_eq!(connection.receive().unwrap(), Received::Short);
        assert_eq!(connection.receive().unwrap(), Received::Closed);
        assert_eq!(connection.take_input().bytes(), b"abc");
    }

    #[test]
    fn a_worker_that_does_not_read_chokes_the_connection_until_it_does() {
        let (mut connection, mut worker) = pair();
        connection.output.resize(CHOKING_OUTPUT + 1024 * 1024, 0);
        assert!(!connection.flush().unwrap());
        assert!(connection.is_choked());
        let mut taken = 0;
        while connection.pending() > 0 {
            taken += worker.read(&mut [0; 65_536]).unwrap();
            connection.flush().unwrap();
            // What was written does not stay in memory for long.
            assert!(connection.output.len() <= 2 * connection.pending() + KEPT, "{taken}");
        }
        assert!(!connection.is_choked());
    }

    #[test]
    fn a_worker_that_never_reads_is_given_up() {
        let (mut connection, _worker) = pair();
        // Zeroed memory that is only counted is never touched.
        connection.output = vec![0; MAX_OUTPUT + 4 * 1024 * 1024];
        let error = connection.flush().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Other);
        assert!(error.to_string().starts_with("the worker does not read: "), "{error}");
    }

    #[test]
    fn many_calls_choke_a_connection_but_not_the_one_that_answers_hooks_meanwhile() {
        let (mut connection, _worker) = pair();
        connection.calls = CHOKING_CALLS;
        for (role, choked) in [(Role::Sync, true), (Role::Api, true), (Role::Async, false)] {
            connection.role = Some(role);
            assert_eq!(connection.is_choked(), choked, "{role}");
        }
        connection.calls -= 1;
        connection.role = Some(Role::Sync);
        assert!(!connection.is_choked());
    }
}
