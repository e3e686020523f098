//! Values without a type of their own: the message `Value`.

use super::seen::{Part, Seen};
use super::{Decoder, malformed};
use crate::error::Error;
use crate::msgpack;
use crate::proto::tables::{ANY_LIST, ANY_MAP, value as tags};
use crate::proto::wire::WireType;

impl Decoder<'_> {
    /// Writes the value of a field that holds a `Value`; returns whether it is nil.
    pub(super) fn any(&mut self, seen: Seen, message: &[Part], out: &mut Vec<u8>, depth: usize) -> Result<bool, Error> {
        self.inside(seen, message, |this, message| this.contents(message, out, depth))
    }

    /// Writes what a `Value` holds; one that holds nothing is nil. (Lists and maps check the depth; a `Value` contains itself through them only.)
    pub(in crate::proto) fn contents(
        &mut self,
        message: &[Part],
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<bool, Error> {
        let Some((number, seen)) = self.alternative(message, wire_type)? else {
            msgpack::put_nil(out);
            return Ok(true);
        };
        match number {
            tags::NULL => msgpack::put_nil(out),
            tags::BOOL => msgpack::put_bool(out, self.number(seen).map_err(malformed)? != 0),
            tags::INT => msgpack::put_int(out, self.number(seen).map_err(malformed)? as i64),
            tags::UINT => msgpack::put_uint(out, self.number(seen).map_err(malformed)?),
            tags::DOUBLE => msgpack::put_f64(out, self.float(seen, 64)),
            tags::STRING => msgpack::put_str(out, self.text(seen.start, seen.end)?),
            tags::BYTES => msgpack::put_bin(out, self.bytes(seen.start, seen.end)),
            tags::LIST => drop(self.wrapped(&ANY_LIST, seen, message, out, depth)?),
            _ => drop(self.wrapped(&ANY_MAP, seen, message, out, depth)?),
        }
        Ok(number == tags::NULL)
    }
}

fn wire_type(number: u32) -> Option<WireType> {
    Some(match number {
        tags::NULL | tags::BOOL | tags::INT | tags::UINT => WireType::Varint,
        tags::DOUBLE => WireType::Fixed64,
        tags::STRING | tags::BYTES | tags::LIST | tags::MAP => WireType::Len,
        _ => return None,
    })
}
