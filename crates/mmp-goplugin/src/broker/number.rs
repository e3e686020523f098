//! The four bytes by which a stream is paired.

/// The number of a stream, in as many pieces as it may come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Number {
    bytes: [u8; 4],
    len: usize,
}

impl Number {
    /// Takes bytes from the input; the number once it is complete.
    pub(super) fn take(&mut self, input: &mut &[u8]) -> Option<u32> {
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        let count = room.len().min(input.len());
        let (piece, rest) = input.split_at(count);
        for (to, from) in room.iter_mut().zip(piece) {
            *to = *from;
        }
        *input = rest;
        self.len += count;
        (self.len == self.bytes.len()).then(|| u32::from_le_bytes(self.bytes))
    }
}
