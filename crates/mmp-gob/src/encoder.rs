//! The writing side of one stream and direction.

use crate::codec::Gob;
use crate::error::Error;
use crate::registry::Sent;
use crate::value::Interface;
use crate::value_encode::encode_value;
use crate::varint::put_bytes;
use crate::writer::Writer;

/// Memory below this is kept for the next values.
const KEEP: usize = 64 << 10;

/// Writes values, each preceded by the definitions that the stream has not seen yet.
#[derive(Debug, Default)]
pub struct Encoder {
    sent: Sent,
    body: Vec<u8>,
}

impl Encoder {
    /// An encoder at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the messages of one value to `out`. After an error nothing has been appended, and no type counts as sent.
    pub fn encode<T: Gob>(&mut self, value: &T, out: &mut Vec<u8>) -> Result<(), Error> {
        self.message(out, |w| {
            let id = w.sent.id_of::<T>();
            w.whole(id, T::is_struct());
            value.encode(w)
        })
    }

    /// Appends a value whose type is known by its shape, as a whole value: without the name under which an interface would hold it.
    pub fn encode_interface(&mut self, value: &Interface, out: &mut Vec<u8>) -> Result<(), Error> {
        self.message(out, |w| {
            let id = w.sent.id_of_shape(&value.shape);
            w.whole(id, value.shape.is_struct());
            encode_value(w, &value.shape, value.shape.root(), &value.value)
        })
    }

    fn message(
        &mut self,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mark = self.sent.mark();
        self.body.clear();
        let result = write(&mut Writer { out: &mut self.body, sent: &mut self.sent });
        match &result {
            Ok(()) => {
                out.reserve(self.sent.definitions.len() + self.body.len() + 9);
                out.append(&mut self.sent.definitions);
                put_bytes(out, &self.body);
            }
            Err(_) => self.sent.rollback(mark),
        }
        if self.body.capacity() > KEEP {
            self.body = Vec::new();
        }
        if self.sent.definitions.capacity() > KEEP {
            self.sent.definitions = Vec::new();
        }
        result
    }
}
