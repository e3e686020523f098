//! What a worker writes to its standard output and error: lines for the server's log.
//!
//! A pipe is always read as fast as the worker writes, so that it never waits; what is too much for a log is counted.
//! A suppressed flood costs a second of processor time for each 4.4 GB (`examples/flood_bench.rs`), so one of 200 MB/s takes a twentieth of a core, and a turn of it 60 µs.

use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Instant;

use crate::connection::Received;
use crate::splitter::Splitter;
pub use crate::splitter::{Item, MAX_LINE};

/// How much is read before the event loop gets its turn again.
const TURN: usize = 256 * 1024;

/// How much is read at once: what a pipe holds.
const READ: usize = 64 * 1024;

/// One of the two pipes.
#[derive(Debug)]
pub struct Lines<P> {
    pipe: P,
    buffer: Vec<u8>,
    splitter: Splitter,
}

impl<P: Read + AsFd + AsRawFd> Lines<P> {
    /// Makes the pipe non-blocking.
    ///
    /// # Errors
    /// Those of the pipe.
    pub fn new(pipe: P) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&pipe, true)?;
        Ok(Lines { pipe, buffer: vec![0; READ], splitter: Splitter::default() })
    }

    /// The descriptor, to be registered for events.
    pub fn fd(&self) -> RawFd {
        self.pipe.as_raw_fd()
    }

    /// Reads what is there and hands out whole lines, and how many were suppressed when that is due.
    /// Returns [`Received::Closed`] at the end of the pipe, after the last line, and [`Received::More`] when there was more than one turn of the event loop should take.
    ///
    /// # Errors
    /// Those of the pipe.
    pub fn read(&mut self, now: Instant, mut each: impl FnMut(Item<'_>)) -> io::Result<Received> {
        self.splitter.begin_turn();
        let mut taken = 0;
        while taken < TURN {
            match self.pipe.read(&mut self.buffer) {
                Ok(0) => {
                    self.splitter.finish(now, &mut each);
                    return Ok(Received::Closed);
                }
                Ok(n) => {
                    taken += n;
                    self.splitter.push(&self.buffer[..n], now, &mut each);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.splitter.report(now, &mut each);
                    return Ok(Received::Drained);
                }
                Err(error) => return Err(error),
            }
        }
        self.splitter.report(now, &mut each);
        Ok(Received::More)
    }

    /// When [`Lines::report`] has something to say, if nothing else is read.
    pub fn deadline(&self) -> Option<Instant> {
        self.splitter.deadline()
    }

    /// Hands out how many lines were suppressed, if that is due.
    pub fn report(&mut self, now: Instant, mut each: impl FnMut(Item<'_>)) {
        self.splitter.report(now, &mut each);
    }

    /// Hands out what [`Lines::read`] has not, when the pipe is given up before its end.
    pub fn finish(&mut self, now: Instant, mut each: impl FnMut(Item<'_>)) {
        self.splitter.finish(now, &mut each);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_pipe_ends_the_last_line() {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut lines = Lines::new(reader).unwrap();
        io::Write::write_all(&mut writer, b"one\ntwo").unwrap();
        let mut seen = Vec::new();
        let mut read = |lines: &mut Lines<_>| {
            let received = lines.read(Instant::now(), |item| {
                if let Item::Line { text, cut: 0 } = item {
                    seen.push(text.to_owned());
                }
            });
            (received.unwrap(), seen.clone())
        };
        assert_eq!(read(&mut lines), (Received::Drained, vec!["one".to_owned()]));
        drop(writer);
        assert_eq!(read(&mut lines), (Received::Closed, vec!["one".to_owned(), "two".to_owned()]));
    }

    #[test]
    fn a_flood_leaves_the_event_loop_its_turn() {
        let (reader, mut writer) = io::pipe().unwrap();
        rustix::pipe::fcntl_setpipe_size(&writer, 4 * TURN).unwrap();
        let mut lines = Lines::new(reader).unwrap();
        io::Write::write_all(&mut writer, &b"0123456789abcde\n".repeat(2 * TURN / 16)).unwrap();
        let (now, mut seen) = (Instant::now(), 0);
        let mut read = |lines: &mut Lines<_>| lines.read(now, |_| seen += 1).unwrap();
        assert_eq!(read(&mut lines), Received::More);
        assert_eq!(read(&mut lines), Received::More);
        assert_eq!(read(&mut lines), Received::Drained);
        assert_eq!(seen, 1000);
        assert!(lines.deadline().is_some());
    }
}
