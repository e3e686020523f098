//! Copying a gob value from one stream to another without knowing what it means.

use std::sync::Arc;

use mmp_gob::{Cursor, TypeId, Types, WireType, ids, varint};

use crate::error::{Error, Problem};
use crate::limits::check_depth;

/// How the type ids of the incoming stream become those of the outgoing one.
pub(crate) trait Renumber {
    /// The id on the outgoing stream.
    fn renumber(&mut self, id: TypeId, types: &Types) -> Result<TypeId, Error>;

    /// Whether a value of this type of the incoming stream can hold an interface.
    fn holds_interface(&mut self, wire: TypeId, types: &Types) -> bool {
        reaches_interface(wire, types, &mut Vec::new())
    }
}

/// The same stream: a value loses the definitions that Go put inside it, and nothing else.
pub(crate) struct SameStream;

impl Renumber for SameStream {
    fn renumber(&mut self, id: TypeId, _: &Types) -> Result<TypeId, Error> {
        Ok(id)
    }
}

/// Appends the value at the cursor, whose type on the incoming stream is `wire`. The outgoing stream must have a type of the same structure.
///
/// Where no interface is inside, the bytes are the same on both streams: imported structs keep their field numbers. An interface names its
/// concrete type by an id, which differs between streams.
pub(crate) fn copy(
    map: &mut impl Renumber,
    wire: TypeId,
    cursor: &mut Cursor<'_>,
    types: &mut Types,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), Error> {
    check_depth(depth)?;
    if !map.holds_interface(wire, types) {
        let start = cursor.position();
        cursor.skip(types, wire)?;
        out.extend_from_slice(cursor.slice(start, cursor.position()));
        return Ok(());
    }
    if wire == ids::INTERFACE {
        return copy_interface(map, cursor, types, out, depth);
    }
    let unknown = || Error::invalid(Problem::Wire { expected: "a type that was defined" });
    let definition = Arc::clone(types.get(wire).ok_or_else(unknown)?);
    match &*definition {
        WireType::Struct { fields, .. } => {
            let mut index = -1;
            while let Some(next) = cursor.field(index)? {
                varint::put_uint(out, (next - index) as u64);
                index = next;
                let field = fields.get(index as usize).ok_or_else(unknown)?;
                copy(map, field.id, cursor, types, out, depth + 1)?;
            }
            varint::put_uint(out, 0);
        }
        WireType::Slice { elem, .. } | WireType::Array { elem, .. } => {
            let count = cursor.count()?;
            varint::put_uint(out, count as u64);
            for _ in 0..count {
                copy(map, *elem, cursor, types, out, depth + 1)?;
            }
        }
        WireType::Map { key, elem, .. } => {
            let count = cursor.count()?;
            varint::put_uint(out, count as u64);
            for _ in 0..count {
                copy(map, *key, cursor, types, out, depth + 1)?;
                copy(map, *elem, cursor, types, out, depth + 1)?;
            }
        }
        _ => return Err(unknown()),
    }
    Ok(())
}

fn copy_interface(
    map: &mut impl Renumber,
    cursor: &mut Cursor<'_>,
    types: &mut Types,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), Error> {
    let Some(head) = cursor.interface(types)? else {
        varint::put_uint(out, 0);
        return Ok(());
    };
    let wire = map.renumber(head.id, types)?;
    put_interface_head(head.name, wire, out);
    let structured = types.get(head.id).is_some_and(|wire| wire.is_struct());
    let length = begin_length(out);
    if !structured {
        out.push(0);
    }
    copy(map, head.id, cursor, types, out, depth + 1)?;
    end_length(out, length);
    Ok(())
}

/// Walks the types that a type refers to, each once; a type may contain itself.
pub(crate) fn reaches_interface(wire: TypeId, types: &Types, seen: &mut Vec<TypeId>) -> bool {
    if wire == ids::INTERFACE {
        return true;
    }
    if seen.contains(&wire) {
        return false;
    }
    seen.push(wire);
    match types.get(wire).map(|wire| &**wire) {
        Some(WireType::Struct { fields, .. }) => fields.iter().any(|field| reaches_interface(field.id, types, seen)),
        Some(WireType::Slice { elem, .. } | WireType::Array { elem, .. }) => reaches_interface(*elem, types, seen),
        Some(WireType::Map { key, elem, .. }) => {
            reaches_interface(*key, types, seen) || reaches_interface(*elem, types, seen)
        }
        _ => false,
    }
}

/// The head of an interface value: the registered name and the type.
pub(crate) fn put_interface_head(name: &[u8], wire: TypeId, out: &mut Vec<u8>) {
    varint::put_bytes(out, name);
    varint::put_int(out, i64::from(wire));
}

/// Where the length of what follows will be.
#[must_use]
pub(crate) struct LengthMark(usize);

/// Reserves one byte for the length in bytes of what is written next; [`end_length`] fills it in.
pub(crate) fn begin_length(out: &mut Vec<u8>) -> LengthMark {
    out.push(0);
    LengthMark(out.len() - 1)
}

/// Writes the length of what was written since [`begin_length`]; if it takes more than one byte, the contents move.
pub(crate) fn end_length(out: &mut Vec<u8>, LengthMark(at): LengthMark) {
    let start = at + 1;
    let end = out.len();
    let len = (end - start) as u64;
    let more = varint::uint_len(len) - 1;
    if more == 0 {
        out[at] = len as u8;
        return;
    }
    // A longer one is the number of its digits, negated, and the digits.
    out.resize(end + more, 0);
    out.copy_within(start..end, start + more);
    out[at] = (more as u8).wrapping_neg();
    out[start..start + more].copy_from_slice(&len.to_be_bytes()[8 - more..]);
}
