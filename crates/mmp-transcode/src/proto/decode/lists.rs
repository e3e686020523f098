//! Lists: the occurrences of a field, in their order, wherever they are between others.

use super::seen::{Part, Seen};
use super::values::put_integer;
use super::{Decoder, malformed};
use crate::error::Error;
use crate::limits::check_depth;
use crate::msgpack;
use crate::proto::tables::behind_pointers;
use crate::proto::wire::{self, Malformed, WireType};
use crate::schema::Kind;

impl Decoder<'_> {
    /// Writes a list; returns whether it is empty.
    pub(super) fn list(
        &mut self,
        item: &Kind,
        seen: Seen,
        message: &[Part],
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<bool, Error> {
        check_depth(depth)?;
        let item = behind_pointers(item);
        if WireType::of(item) != WireType::Len {
            return self.numbers(item, seen, message, out);
        }
        msgpack::put_array_len(out, seen.count as usize);
        self.each(seen, message, |this, index, found| {
            let seen = Seen::once(found.start as u32, found.end as u32);
            let written = this.contained(item, seen, &[], out, depth + 1);
            written.map(|_| ()).map_err(|error| error.in_item(index))
        })?;
        Ok(seen.count == 0)
    }

    /// A list of numbers, packed or not: any occurrence may hold any number of them.
    fn numbers(&mut self, item: &Kind, seen: Seen, message: &[Part], out: &mut Vec<u8>) -> Result<bool, Error> {
        let width = WireType::of(item);
        let mut count = 0;
        self.each(seen, message, |this, _, found| {
            let bytes = this.bytes(found.start as u32, found.end as u32);
            count += if found.wire == width { 1 } else { packed_count(width, bytes).map_err(malformed)? };
            Ok(())
        })?;
        msgpack::put_array_len(out, count);
        self.each(seen, message, |this, _, found| {
            let mut at = found.start;
            while at < found.end {
                at = this.item(item, width, at, found.end, out)?;
            }
            Ok(())
        })?;
        Ok(count == 0)
    }

    /// Writes the number at `at`; returns where the next one is.
    fn item(&self, kind: &Kind, width: WireType, at: usize, end: usize, out: &mut Vec<u8>) -> Result<usize, Error> {
        let len = match width {
            WireType::Fixed32 => 4,
            WireType::Fixed64 => 8,
            _ => {
                let mut next = at;
                let bytes = self.input.get(..end).unwrap_or_default();
                let value = wire::varint(bytes, &mut next).map_err(malformed)?;
                match kind {
                    Kind::Bool => msgpack::put_bool(out, value != 0),
                    kind => put_integer(kind, value, out)?,
                }
                return Ok(next);
            }
        };
        let seen = Seen::once(at as u32, (at + len) as u32);
        msgpack::put_f64(out, self.float(seen, if len == 4 { 32 } else { 64 }));
        Ok(at + len)
    }
}

/// How many packed numbers there are.
fn packed_count(width: WireType, bytes: &[u8]) -> Result<usize, Malformed> {
    let fixed =
        |len: usize| if bytes.len().is_multiple_of(len) { Ok(bytes.len() / len) } else { Err(Malformed::Packed) };
    match width {
        WireType::Fixed32 => fixed(4),
        WireType::Fixed64 => fixed(8),
        // The last byte of a varint is the one without the high bit.
        _ => Ok(bytes.iter().filter(|byte| **byte < 0x80).count()),
    }
}
