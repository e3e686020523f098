//! Takes an input apart. What is missing at its end is zero, so that every input means something.

/// The bytes that are left.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One byte.
    pub fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or(0)
    }

    /// Two bytes as a number.
    pub fn number(&mut self) -> usize {
        usize::from(self.byte()) | usize::from(self.byte()) << 8
    }

    /// The next bytes, fewer at the end.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Bytes with their length before them, in two bytes.
    pub fn sized(&mut self) -> &'a [u8] {
        let count = self.number();
        self.bytes(count)
    }

    /// One of several things.
    pub fn choose<T>(&mut self, from: &'static [T]) -> &'static T {
        &from[self.number() % from.len()]
    }
}

/// Appends a number as [`Input::number`] reads it.
pub fn put_number(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(&(number as u16).to_le_bytes());
}

/// Appends bytes as [`Input::sized`] reads them.
pub fn put_sized(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len());
    out.extend_from_slice(bytes);
}
