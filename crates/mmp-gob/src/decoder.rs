//! The reading side of one stream and direction, for Rust types.

use crate::codec::Gob;
use crate::error::Error;
use crate::limits::Limits;
use crate::plan::Plans;
use crate::stream::StreamReader;

/// Reads values into Rust types.
#[derive(Debug)]
pub struct Decoder {
    /// The stream. Values may also be taken from it directly.
    pub reader: StreamReader,
    /// How the stream's types map to Rust types.
    pub plans: Plans,
}

impl Decoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { reader: StreamReader::new(limits), plans: Plans::new() }
    }

    /// Adds bytes that have arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.reader.push(bytes);
    }

    /// Merges the next value into `dst`; None if not all of it has arrived, in which case or after an error `dst` may hold a part of it.
    pub fn decode_into<T: Gob>(&mut self, dst: &mut T) -> Result<Option<()>, Error> {
        let plans = &mut self.plans;
        self.reader.next(|id, cursor, types| plans.decode(cursor, types, id, dst))
    }

    /// The next value.
    pub fn decode<T: Gob + Default>(&mut self) -> Result<Option<T>, Error> {
        let mut value = T::default();
        Ok(self.decode_into(&mut value)?.map(|()| value))
    }
}
