//! A byte queue: appended at the end, consumed at the front, one contiguous slice.

/// Capacity that an empty queue keeps for the next use.
const KEPT_CAPACITY: usize = 64 * 1024;
/// An empty queue with more capacity than this is shrunk.
const MAX_IDLE_CAPACITY: usize = 1024 * 1024;
/// Consumed bytes at the front that are worth moving the rest for.
const COMPACT_AT: usize = 64 * 1024;

/// A contiguous byte queue.
#[derive(Debug, Default)]
pub(crate) struct ByteQueue {
    bytes: Vec<u8>,
    start: usize,
}

impl ByteQueue {
    /// The bytes that are queued.
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// How many bytes are queued.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len().saturating_sub(self.start)
    }

    /// Whether nothing is queued.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Allocated bytes.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Appends bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Drops the first `count` bytes.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count);
        if self.start >= self.bytes.len() {
            self.clear();
        } else if self.start >= COMPACT_AT && self.start >= self.len() {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.start = 0;
        if self.bytes.capacity() > MAX_IDLE_CAPACITY {
            self.bytes.shrink_to(KEPT_CAPACITY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_in_order() {
        let mut queue = ByteQueue::default();
        queue.push(b"abc");
        queue.consume(1);
        queue.push(b"de");
        assert_eq!(queue.as_slice(), b"bcde");
        queue.consume(4);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_long_lived_queue_does_not_grow() {
        let mut queue = ByteQueue::default();
        let chunk = [7; 10_000];
        queue.push(&chunk);
        for _ in 0..10_000 {
            queue.push(&chunk);
            queue.consume(chunk.len());
        }
        assert_eq!(queue.len(), chunk.len());
        assert!(queue.capacity() < 512 * 1024, "{}", queue.capacity());
    }

    #[test]
    fn a_large_buffer_is_given_back() {
        let mut queue = ByteQueue::default();
        queue.push(&vec![0; 8 << 20]);
        queue.consume(8 << 20);
        assert!(queue.capacity() <= MAX_IDLE_CAPACITY);
    }
}
