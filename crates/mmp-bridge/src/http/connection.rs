//! A client's connection that the worker has taken over.

use super::response_writer::Call;
use crate::streams::TO_WORKER;

/// net/http's buffer for reading, which may hold bytes that came with the request. One read of this size empties it.
const SERVER_BUFFER: u64 = 4096;

/// The most that is read at once.
const READ: u64 = 64 * 1024;

/// How the reading of it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Nothing is asked for.
    Idle,
    /// The host reads.
    Asked,
    /// It failed, and may be tried again after a new deadline.
    Failed,
    /// The client sends no more.
    Ended,
}

/// The state of such a connection.
#[derive(Debug)]
pub(crate) struct Hijacked {
    /// How many bytes the worker takes.
    credit: u64,
    reading: Reading,
    /// Whether the server's buffer is empty for sure.
    drained: bool,
    /// Whether it was closed, or will be.
    pub(crate) closing: bool,
}

impl Hijacked {
    /// A connection that was just taken over.
    pub(crate) fn new() -> Hijacked {
        Hijacked { credit: TO_WORKER, reading: Reading::Idle, drained: false, closing: false }
    }

    /// The worker takes so many bytes more.
    pub(crate) fn grant(&mut self, count: u64) {
        self.credit = self.credit.saturating_add(count);
    }

    /// The call that reads on, if the worker takes more and no other one is under way.
    pub(crate) fn next_read(&mut self) -> Option<Call> {
        if self.reading != Reading::Idle || self.credit == 0 || self.closing {
            return None;
        }
        self.reading = Reading::Asked;
        let buffered = self.credit.min(if self.drained { READ } else { SERVER_BUFFER }) as usize;
        Some(if self.drained { Call::HjConnRead(buffered) } else { Call::HjConnRWRead(buffered) })
    }

    /// Bytes were read.
    pub(crate) fn read(&mut self, count: usize) {
        self.reading = Reading::Idle;
        self.drained = true;
        self.credit = self.credit.saturating_sub(count as u64);
    }

    /// Reading failed. Returns what to tell the worker: None for the end of the stream.
    pub(crate) fn read_failed(&mut self, message: &str) -> Option<String> {
        let ended = message == "EOF";
        self.reading = if ended { Reading::Ended } else { Reading::Failed };
        (!ended).then(|| message.to_owned())
    }

    /// A deadline was set: reading that failed is tried again.
    pub(crate) fn deadline_set(&mut self) {
        if self.reading == Reading::Failed {
            self.reading = Reading::Idle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_buffer_is_emptied_first() {
        let mut connection = Hijacked::new();
        assert_eq!(connection.next_read(), Some(Call::HjConnRWRead(4096)));
        assert_eq!(connection.next_read(), None, "one read at a time");
        connection.read(5);
        assert_eq!(connection.next_read(), Some(Call::HjConnRead(65_536)));
    }

    #[test]
    fn no_more_is_read_than_the_worker_takes() {
        let mut connection = Hijacked::new();
        connection.read(TO_WORKER as usize - 10);
        assert_eq!(connection.next_read(), Some(Call::HjConnRead(10)));
        connection.read(10);
        assert_eq!(connection.next_read(), None);
        connection.grant(7);
        assert_eq!(connection.next_read(), Some(Call::HjConnRead(7)));
    }

    #[test]
    fn reading_goes_on_after_a_timeout_but_not_after_the_end() {
        let mut connection = Hijacked::new();
        assert!(connection.next_read().is_some());
        assert_eq!(connection.read_failed("i/o timeout").as_deref(), Some("i/o timeout"));
        assert_eq!(connection.next_read(), None);
        connection.deadline_set();
        assert!(connection.next_read().is_some());
        assert_eq!(connection.read_failed("EOF"), None);
        connection.deadline_set();
        assert_eq!(connection.next_read(), None);
    }
}
