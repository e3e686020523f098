//! Interface values: the one place where definitions occur inside a value, and where a value is split over messages.

use super::{Cursor, parse_uint};
use crate::error::Error;
use crate::ids::{INTERFACE, TypeId};
use crate::types::Types;
use crate::wire_type::WireType;

/// The longest name of a concrete type that Go accepts.
const MAX_NAME: u64 = 1024;

/// What precedes the concrete value of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterfaceHead<'a> {
    /// The name under which Go registered the concrete type.
    pub name: &'a [u8],
    /// The concrete type.
    pub id: TypeId,
}

impl<'a> Cursor<'a> {
    /// Reads what precedes the concrete value of an interface, and takes type definitions met on the way into `types`. None is a nil interface.
    ///
    /// Afterwards the cursor is at the first byte of the concrete value, as at the start of a whole value: the byte count and, unless the type is a
    /// struct, the zero byte after it have been consumed. The count is not kept: where definitions occur inside the value it covers only the part
    /// before the first of them, so the way past a value is to read it or to [`skip`](Self::skip) it.
    pub fn interface(&mut self, types: &mut Types) -> Result<Option<InterfaceHead<'a>>, Error> {
        let Some(name) = self.interface_name()? else {
            return Ok(None);
        };
        let id = self.type_sequence(types)?;
        self.interface_value(types, id)?;
        Ok(Some(InterfaceHead { name, id }))
    }

    /// The name of an interface's concrete type, with which it begins.
    pub(crate) fn interface_name(&mut self) -> Result<Option<&'a [u8]>, Error> {
        match self.uint()? {
            0 => Ok(None),
            n if n > MAX_NAME => Err(Error::NameTooLong(n)),
            n => self.take(n as usize).map(Some),
        }
    }

    /// Type definitions, if any, and then the id of the concrete type.
    ///
    /// Mirrors Go's `decodeTypeSequence(true)`. After a definition comes a length in either case: that of the rest of an inner value, which is in the
    /// same message and of no interest, or that of the next message. When that message is missing this stops at the joint, from where it can go on.
    pub(crate) fn type_sequence(&mut self, types: &mut Types) -> Result<TypeId, Error> {
        loop {
            while self.remaining() == 0 {
                self.next_message()?;
            }
            let id = self.int()?;
            if id >= 0 {
                return TypeId::try_from(id).map_err(|_| Error::BadTypeId(id));
            }
            self.definition(id, types)?;
            if self.remaining() > 0 {
                self.uint()?;
            }
        }
    }

    /// Reads the definition that follows a negative id.
    pub(crate) fn definition(&mut self, negative: i64, types: &mut Types) -> Result<(), Error> {
        let id = negative.checked_neg().and_then(|id| TypeId::try_from(id).ok()).ok_or(Error::BadTypeId(negative))?;
        let definition = WireType::parse(self)?;
        if !self.replay {
            types.define(id, definition)?;
        }
        self.definitions += 1;
        Ok(())
    }

    /// The byte count and the zero byte between the id of a concrete type and its value.
    pub(crate) fn interface_value(&mut self, types: &mut Types, id: TypeId) -> Result<(), Error> {
        if id == INTERFACE {
            return Err(Error::BadTypeId(i64::from(id)));
        }
        let is_struct = types.begin(id)?;
        self.uint()?;
        if is_struct { Ok(()) } else { self.zero_delta() }
    }

    /// The zero byte before a whole value that is not a struct.
    pub(crate) fn zero_delta(&mut self) -> Result<(), Error> {
        if self.uint()? == 0 { Ok(()) } else { Err(Error::NonZeroDelta) }
    }

    /// Makes the message after the current one, which is used up, the current one.
    fn next_message(&mut self) -> Result<(), Error> {
        let end = self.message.len();
        let Some((length, used)) = parse_uint(&self.all[end..])? else {
            return Err(self.starve());
        };
        let start = end + used;
        let Some(next) = usize::try_from(length).ok().and_then(|n| start.checked_add(n)) else {
            return Err(Error::MessageTooLong(length));
        };
        if next > self.limits.max_message.saturating_add(16) {
            return Err(Error::MessageTooLong(next as u64));
        }
        let Some(message) = self.all.get(..next) else {
            return Err(self.starve());
        };
        self.message = message;
        self.pos = start;
        Ok(())
    }

    fn starve(&mut self) -> Error {
        self.starved = true;
        Error::NeedMore
    }
}
