//! One connection of the worker link: bytes in, frames out of them, and an output buffer.

use std::io::{self, Read, Write};

use mio::net::UnixStream;

use crate::frame::{BadFrame, HEADER, Header};
use crate::messages::Role;

/// How much is read at once.
const READ: usize = 64 * 1024;

/// A buffer that grew beyond this for one large frame gives the rest back.
const KEPT: usize = 256 * 1024;

/// A non-blocking connection with its buffers.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    input: Vec<u8>,
    /// Frames for the worker; written by [`Connection::flush`].
    pub output: Vec<u8>,
    written: usize,
    /// What the connection is for; None before its HELLO.
    pub role: Option<Role>,
}

/// What reading brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// Nothing more for now.
    Drained,
    /// More may be waiting.
    More,
    /// The worker has closed the connection.
    Closed,
}

impl Connection {
    /// Wraps an accepted stream.
    pub fn new(stream: UnixStream) -> Self {
        Connection { stream, input: Vec::new(), output: Vec::new(), written: 0, role: None }
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
        let filled = self.input.len();
        let wanted = self.missing().max(READ);
        self.input.resize(filled + wanted, 0);
        let read = loop {
            match self.stream.read(&mut self.input[filled..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.input.truncate(filled + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => Ok(Received::Closed),
            Ok(n) if n < wanted => Ok(Received::Drained),
            Ok(_) => Ok(Received::More),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Received::Drained),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(Received::Closed),
            Err(error) => Err(error),
        }
    }

    /// How many bytes a frame that has begun still lacks, so that a large one is read in few calls; bounded, because the length is only the worker's word.
    fn missing(&self) -> usize {
        match Header::parse(&self.input) {
            Ok(Some(header)) => (HEADER + header.len).saturating_sub(self.input.len()).min(4 * 1024 * 1024),
            _ => 0,
        }
    }

    /// Takes the input out, so that frames can be read from it while the link changes. [`Connection::put_back`] returns it.
    pub fn take_input(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.input)
    }

    /// Returns the input without the bytes that were used up.
    pub fn put_back(&mut self, mut input: Vec<u8>, used: usize) {
        if used == input.len() {
            input.clear();
            input.shrink_to(KEPT);
        } else {
            input.drain(..used);
        }
        self.input = input;
    }

    /// Writes as much of the output as the socket takes. True when all of it is written.
    ///
    /// # Errors
    /// Those of the socket, other than that it is full.
    pub fn flush(&mut self) -> io::Result<bool> {
        while self.written < self.output.len() {
            match self.stream.write(&self.output[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => self.written += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        self.output.clear();
        self.output.shrink_to(KEPT);
        self.written = 0;
        Ok(true)
    }

    /// How many bytes wait to be written.
    pub fn pending(&self) -> usize {
        self.output.len() - self.written
    }
}

/// The next whole frame of `input` from `at`: its header and where its payload lies.
///
/// # Errors
/// When the bytes are no frame.
pub fn next_frame(input: &[u8], at: usize) -> Result<Option<(Header, std::ops::Range<usize>)>, BadFrame> {
    let Some(header) = Header::parse(&input[at..])? else { return Ok(None) };
    let payload = at + HEADER..at + HEADER + header.len;
    Ok((payload.end <= input.len()).then_some((header, payload)))
}
