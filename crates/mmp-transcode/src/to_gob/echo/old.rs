//! Values as they were: taken apart in the frame and in gob side by side.

use std::sync::Arc;

use mmp_gob::{Cursor, Limits, TypeId, Types, WireType};

use super::items::{entries, items};
use crate::error::{Error, Problem};

/// A value as the host sent it, and as the worker got it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Old<'a> {
    pub(super) frame: &'a [u8],
    pub(super) gob: &'a [u8],
    /// Its type on the incoming stream.
    pub(super) wire: TypeId,
}

/// The definition of a struct on the incoming stream.
#[derive(Debug)]
pub(super) struct Definition(Arc<WireType>);

impl Definition {
    /// The type of a field.
    pub(super) fn field(&self, number: usize) -> Result<TypeId, Error> {
        match &*self.0 {
            WireType::Struct { fields, .. } => fields.get(number).map(|field| field.id),
            _ => None,
        }
        .ok_or_else(|| Error::invalid(Problem::Order))
    }
}

/// An entry of a map as it was. The keys in gob are bytes, which need not be UTF-8.
#[derive(Debug)]
pub(super) struct OldEntry<'a> {
    /// The key in the frame, as MessagePack.
    pub(super) key: &'a [u8],
    /// The key as the host sent it.
    pub(super) gob_key: &'a [u8],
    pub(super) value: Old<'a>,
}

impl<'a> Old<'a> {
    /// The type of a struct.
    pub(super) fn definition(self, types: &Types) -> Result<Definition, Error> {
        match types.get(self.wire) {
            Some(wire) if wire.is_struct() => Ok(Definition(Arc::clone(wire))),
            _ => Err(Error::invalid(Problem::Wire { expected: "a struct" })),
        }
    }

    /// The fields of a struct, by their number: bytes and type, but no frame, which has them under their keys.
    pub(super) fn fields(self, types: &mut Types) -> Result<Vec<Option<Old<'a>>>, Error> {
        let definition = self.definition(types)?;
        let mut found = Vec::new();
        let mut cursor = Cursor::new(self.gob, Limits::default());
        let mut index = -1;
        while let Some(next) = cursor.field(index)? {
            index = next;
            let wire = definition.field(index as usize)?;
            found.resize(index as usize, None);
            found.push(Some(Old { frame: &[], gob: skipped(&mut cursor, types, wire)?, wire }));
        }
        Ok(found)
    }

    /// The entries of a map: the transcoder wrote them in the order of the gob value, so both are walked side by side.
    pub(super) fn entries(self, types: &mut Types) -> Result<Vec<OldEntry<'a>>, Error> {
        let (key, elem) = match types.get(self.wire).map(|wire| &**wire) {
            Some(WireType::Map { key, elem, .. }) => (*key, *elem),
            _ => return Err(Error::invalid(Problem::Wire { expected: "a map" })),
        };
        let mut cursor = Cursor::new(self.gob, Limits::default());
        cursor.count()?;
        let mut old = Vec::new();
        for (name, frame) in entries(self.frame)? {
            let gob_key = skipped(&mut cursor, types, key)?;
            let gob = skipped(&mut cursor, types, elem)?;
            old.push(OldEntry { key: name, gob_key, value: Old { frame, gob, wire: elem } });
        }
        Ok(old)
    }

    /// The items of a list, likewise.
    pub(super) fn items(self, types: &mut Types) -> Result<Vec<Old<'a>>, Error> {
        let elem = match types.get(self.wire).map(|wire| &**wire) {
            Some(WireType::Slice { elem, .. } | WireType::Array { elem, .. }) => *elem,
            _ => return Err(Error::invalid(Problem::Wire { expected: "a list" })),
        };
        let mut cursor = Cursor::new(self.gob, Limits::default());
        cursor.count()?;
        let mut old = Vec::new();
        for frame in items(self.frame)? {
            old.push(Old { frame, gob: skipped(&mut cursor, types, elem)?, wire: elem });
        }
        Ok(old)
    }
}

/// The bytes of the next value.
pub(super) fn skipped<'a>(cursor: &mut Cursor<'a>, types: &mut Types, wire: TypeId) -> Result<&'a [u8], Error> {
    let start = cursor.position();
    cursor.skip(types, wire)?;
    Ok(cursor.slice(start, cursor.position()))
}
