//! Finds the end of a value without decoding it.

use std::sync::Arc;

use crate::cursor::Cursor;
use crate::error::Error;
use crate::ids::{INTERFACE, TypeId};
use crate::types::Types;
use crate::wire_type::WireType;

/// The deepest nesting of a value that is passed over. It is not what may be decoded: the types that a value defines are needed after it, so it is walked to its end although it is refused.
/// The walk needs some dozen bytes for each level, and no stack.
const MAX_NESTING: usize = 1 << 20;

/// A walk over one value that can stop where a message is missing and go on when it has arrived.
///
/// The nesting is kept in a list instead of on the call stack for that reason. A walk is linear in the value's length however the bytes arrive,
/// which repeated attempts from the start would not be.
#[derive(Debug)]
pub(crate) struct Walker {
    frames: Vec<Frame>,
}

#[derive(Debug)]
enum Frame {
    /// Inside a struct, after the field `previous`.
    Struct { ty: Arc<WireType>, previous: i64 },
    /// Inside an array or slice, before `left` more elements.
    List { elem: TypeId, left: usize },
    /// Inside a map, before `left` more pairs.
    Map { key: TypeId, elem: TypeId, left: usize },
    /// Between the key of a pair and its value.
    MapValue { elem: TypeId },
    /// Inside an interface, after the name: before a type definition or the id of the concrete type.
    TypeSequence,
}

impl Walker {
    /// A walk over a value of type `id` that begins at the cursor.
    pub(crate) fn new(c: &mut Cursor<'_>, types: &Types, id: TypeId) -> Result<Self, Error> {
        let mut walker = Self { frames: Vec::new() };
        walker.enter(c, types, id)?;
        Ok(walker)
    }

    /// Walks to the end of the value. After [`Error::NeedMore`] it can be called again with a cursor at the same position and more bytes.
    pub(crate) fn run(&mut self, c: &mut Cursor<'_>, types: &mut Types) -> Result<(), Error> {
        while let Some(frame) = self.frames.last_mut() {
            let next = match frame {
                Frame::Struct { ty, previous } => match c.field(*previous)? {
                    None => None,
                    Some(n) => {
                        *previous = n;
                        Some(field_type(ty, n)?)
                    }
                },
                Frame::List { left: 0, .. } | Frame::Map { left: 0, .. } => None,
                Frame::List { elem, left } => {
                    *left -= 1;
                    Some(*elem)
                }
                Frame::Map { key, elem, left } => {
                    *left -= 1;
                    let (key, elem) = (*key, *elem);
                    self.frames.push(Frame::MapValue { elem });
                    Some(key)
                }
                Frame::MapValue { elem } => {
                    let elem = *elem;
                    self.frames.pop();
                    Some(elem)
                }
                Frame::TypeSequence => {
                    let id = c.type_sequence(types)?;
                    self.frames.pop();
                    c.interface_value(types, id)?;
                    Some(id)
                }
            };
            match next {
                Some(id) => self.enter(c, types, id)?,
                None => drop(self.frames.pop()),
            }
        }
        Ok(())
    }

    /// Passes over a simple value, or begins a composite one.
    fn enter(&mut self, c: &mut Cursor<'_>, types: &Types, id: TypeId) -> Result<(), Error> {
        if c.skip_basic(id)? {
            return Ok(());
        }
        if id == INTERFACE {
            if c.interface_name()?.is_some() {
                self.frames.push(Frame::TypeSequence);
            }
            return Ok(());
        }
        let ty = types.find(id)?;
        let frame = match **ty {
            WireType::Struct { .. } => Frame::Struct { ty: Arc::clone(ty), previous: -1 },
            WireType::Array { elem, len, .. } => Frame::List { elem, left: c.array_len(len)? },
            WireType::Slice { elem, .. } => Frame::List { elem, left: c.count()? },
            WireType::Map { key, elem, .. } => Frame::Map { key, elem, left: c.count()? },
            WireType::GobEncoder { .. } | WireType::BinaryMarshaler { .. } | WireType::TextMarshaler { .. } => {
                c.bytes()?;
                return Ok(());
            }
        };
        self.frames.push(frame);
        if self.frames.len() <= MAX_NESTING { Ok(()) } else { Err(Error::TooDeep) }
    }
}

fn field_type(ty: &WireType, n: i64) -> Result<TypeId, Error> {
    let WireType::Struct { fields, .. } = ty else {
        return Err(Error::FieldRange(n));
    };
    let field = usize::try_from(n).ok().and_then(|n| fields.get(n));
    match field {
        Some(field) => Ok(field.id),
        None => Err(Error::FieldRange(n)),
    }
}
