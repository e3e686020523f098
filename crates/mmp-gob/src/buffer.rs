//! The bytes that have arrived and are not used up.

/// A queue of bytes that lie side by side.
///
/// Every byte is moved a bounded number of times, and memory that one large message needed is given back afterwards.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    data: Vec<u8>,
    /// How many bytes at the start are used up.
    used: usize,
}

/// Memory below this is kept for the next messages.
const KEEP: usize = 64 << 10;

impl Buffer {
    /// The bytes that are not used up.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.data[self.used..]
    }

    /// Adds bytes at the end.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        // Moving no more bytes than have been used up since the last move costs constant time a byte.
        if self.used > 0 && self.used >= self.bytes().len() {
            self.data.drain(..self.used);
            self.used = 0;
            self.shrink(bytes.len());
        }
        self.data.extend_from_slice(bytes);
    }

    /// Marks the next `n` bytes as used up.
    pub(crate) fn consume(&mut self, n: usize) {
        self.used = self.data.len().min(self.used + n);
        if self.used == self.data.len() {
            self.clear();
        }
    }

    /// Forgets all bytes.
    pub(crate) fn clear(&mut self) {
        self.data.clear();
        self.used = 0;
        self.shrink(0);
    }

    /// Gives memory back when little of it is needed.
    fn shrink(&mut self, further: usize) {
        let needed = self.data.len() + further;
        if self.data.capacity() > KEEP && needed < self.data.capacity() / 4 {
            self.data.shrink_to(needed.max(KEEP));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_order_and_gives_memory_back() {
        let mut buffer = Buffer::default();
        buffer.push(&vec![7; 1 << 20]);
        buffer.push(&[1, 2, 3]);
        buffer.consume(1 << 20);
        buffer.push(&[4]);
        assert_eq!(buffer.bytes(), [1, 2, 3, 4]);
        assert!(buffer.data.capacity() <= KEEP);
        buffer.consume(4);
        assert!(buffer.bytes().is_empty());
    }

    #[test]
    fn a_queue_that_is_never_empty_does_not_grow() {
        let mut buffer = Buffer::default();
        buffer.push(&[0; 100]);
        for _ in 0..100_000 {
            buffer.push(&[0; 50]);
            buffer.consume(50);
        }
        assert_eq!(buffer.bytes().len(), 100);
        assert!(buffer.data.capacity() < 1000);
    }
}
