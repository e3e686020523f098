//! Protobuf to frames. The fields of a message may come in any order, several times, and in several pieces; those of a frame have one order. So each
//! message is walked once to see where its fields are (values with a length are stepped over), and then written in the order of the schema.

mod any;
mod errors;
mod lists;
mod maps;
mod seen;
mod structs;
mod values;

use super::tables::Member;
use super::wire::{MAX_MESSAGE, Malformed};
use crate::error::{Error, Problem};
use crate::msgpack;
use crate::schema::{Kind, Slot, Struct};
use maps::Entry;
use seen::{Part, Seen};

/// Writes the values of one message.
#[derive(Debug)]
pub(super) struct Decoder<'a> {
    /// The whole message.
    input: &'a [u8],
    /// Where the fields are of the messages that are being written: a stack.
    seen: Vec<Seen>,
    /// The entries of the maps that are being written: a stack.
    entries: Vec<Entry<'a>>,
}

/// Runs `write` on a message.
pub(super) fn decode<'a>(
    input: &'a [u8],
    write: impl FnOnce(&mut Decoder<'a>, &[Part]) -> Result<(), Error>,
) -> Result<(), Error> {
    if input.len() > MAX_MESSAGE {
        return Err(malformed(Malformed::TooLong(input.len())));
    }
    let mut decoder = Decoder { input, seen: Vec::with_capacity(64), entries: Vec::new() };
    write(&mut decoder, &[Part { start: 0, end: input.len() as u32 }])
}

impl Decoder<'_> {
    /// The fields of a request or response as an array; those that did not come are zero.
    pub(super) fn positions(&mut self, slots: &[Slot], message: &[Part], out: &mut Vec<u8>) -> Result<(), Error> {
        let base = self.index(slots, message)?;
        msgpack::put_array_len(out, slots.len());
        for (at, slot) in slots.iter().enumerate() {
            let start = out.len();
            let zero = self.value(&slot.kind, self.seen[base + at], message, out, 0);
            let zero = zero.map_err(|error| match slot.name() {
                "" => error.in_item(at),
                name => error.in_field(name),
            })?;
            if zero && matches!(slot.kind, Kind::Bytes) {
                // Gob has one form for nil and empty, and frames have nil for it here.
                out.truncate(start);
                msgpack::put_nil(out);
            }
        }
        self.seen.truncate(base);
        Ok(())
    }

    /// A struct as a map.
    pub(super) fn structure(
        &mut self,
        schema: &Struct,
        message: &[Part],
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        let mark = msgpack::begin_map(out);
        let entries = self.fields(schema, message, out, depth)?;
        msgpack::end_map(out, mark, entries);
        Ok(())
    }
}

/// Bytes that are no message.
fn malformed(why: Malformed) -> Error {
    Error::invalid(Problem::Protobuf(why))
}
