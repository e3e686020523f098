//! What a worker writes to its standard output and error: lines for the server's log.

use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, RawFd};

use crate::connection::Received;

/// The longest line that is passed on; a longer one is cut into pieces of this length.
pub const MAX_LINE: usize = 8 * 1024;

/// How much is read before the event loop gets its turn again.
const TURN: usize = 64 * 1024;

/// One of the two pipes.
#[derive(Debug)]
pub struct Lines<P> {
    pipe: P,
    partial: Vec<u8>,
}

impl<P: Read + AsFd + AsRawFd> Lines<P> {
    /// Makes the pipe non-blocking.
    ///
    /// # Errors
    /// Those of the pipe.
    pub fn new(pipe: P) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&pipe, true)?;
        Ok(Lines { pipe, partial: Vec::new() })
    }

    /// The descriptor, to be registered for events.
    pub fn fd(&self) -> RawFd {
        self.pipe.as_raw_fd()
    }

    /// Reads what is there and hands out whole lines, without their ends; bytes that are not UTF-8 and control characters are replaced.
    /// Returns [`Received::Closed`] at the end of the pipe, after the last line, and [`Received::More`] when there was more than one turn of the event loop should take.
    ///
    /// # Errors
    /// Those of the pipe.
    pub fn read(&mut self, mut line: impl FnMut(&str)) -> io::Result<Received> {
        let mut buffer = [0; 4096];
        let mut taken = 0;
        while taken < TURN {
            match self.pipe.read(&mut buffer) {
                Ok(0) => {
                    if !self.partial.is_empty() {
                        line(&clean(&std::mem::take(&mut self.partial)));
                    }
                    return Ok(Received::Closed);
                }
                Ok(n) => {
                    taken += n;
                    self.push(&buffer[..n], &mut line);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Received::Drained),
                Err(error) => return Err(error),
            }
        }
        Ok(Received::More)
    }

    fn push(&mut self, mut bytes: &[u8], line: &mut impl FnMut(&str)) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            self.partial.extend_from_slice(&bytes[..end]);
            line(&clean(&std::mem::take(&mut self.partial)));
            bytes = &bytes[end + 1..];
        }
        self.partial.extend_from_slice(bytes);
        while self.partial.len() >= MAX_LINE {
            let rest = self.partial.split_off(MAX_LINE);
            line(&clean(&std::mem::replace(&mut self.partial, rest)));
        }
    }
}

fn clean(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim_end_matches('\r').chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(written: &[u8]) -> Vec<String> {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut lines = Lines::new(reader).unwrap();
        io::Write::write_all(&mut writer, written).unwrap();
        drop(writer);
        let mut seen = Vec::new();
        while lines.read(|line| seen.push(line.to_owned())).unwrap() != Received::Closed {}
        seen
    }

    #[test]
    fn lines_come_whole_and_clean() {
        assert_eq!(lines_of(b"one\r\ntwo\n\nlast"), ["one", "two", "", "last"]);
        assert_eq!(lines_of(b"a\0b\xff\n"), ["a\u{fffd}b\u{fffd}"]);
    }

    #[test]
    fn a_flood_leaves_the_event_loop_its_turn() {
        let (reader, mut writer) = io::pipe().unwrap();
        rustix::pipe::fcntl_setpipe_size(&writer, 4 * TURN).unwrap();
        let mut lines = Lines::new(reader).unwrap();
        io::Write::write_all(&mut writer, &b"0123456789abcde\n".repeat(2 * TURN / 16)).unwrap();
        let mut seen = 0;
        assert_eq!(lines.read(|_| seen += 1).unwrap(), Received::More);
        assert_eq!(seen, TURN / 16);
        assert_eq!(lines.read(|_| seen += 1).unwrap(), Received::More);
        assert_eq!(lines.read(|_| seen += 1).unwrap(), Received::Drained);
        assert_eq!(seen, 2 * TURN / 16);
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let seen = lines_of(&[b'x'; 20_000]);
        assert_eq!(seen.iter().map(String::len).collect::<Vec<_>>(), [MAX_LINE, MAX_LINE, 20_000 - 2 * MAX_LINE]);
    }
}
