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
    with_length(out, |out| {
        if !structured {
            out.push(0);
        }
        copy(map, head.id, cursor, types, out, depth + 1)
    })
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

/// Writes what `body` writes, preceded by its length in bytes. One byte is reserved for the length; a longer value moves.
pub(crate) fn with_length<E>(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
    let at = out.len();
    out.push(0);
    body(out)?;
    let len = out.len() - at - 1;
    if len < 0x80 {
        out[at] = len as u8;
    } else {
        let mut head = Vec::with_capacity(9);
        varint::put_uint(&mut head, len as u64);
        out.splice(at..=at, head);
    }
    Ok(())
}
