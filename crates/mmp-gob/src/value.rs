//! Values whose type is known only from the stream.

use std::sync::Arc;

use crate::cursor::Cursor;
use crate::error::Error;
use crate::ids::{self, TypeId};
use crate::shape::Shape;
use crate::text::{Bytes, GoString};
use crate::types::Types;
use crate::wire_type::{WireField, WireType};

/// A value of any type.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value {
    /// A nil interface.
    #[default]
    Nil,
    /// A boolean.
    Bool(bool),
    /// A signed integer of any width.
    Int(i64),
    /// An unsigned integer of any width.
    Uint(u64),
    /// A floating-point number of any width.
    Float(f64),
    /// A complex number: real and imaginary part.
    Complex(f64, f64),
    /// A `[]byte`.
    Bytes(Bytes),
    /// A string.
    String(GoString),
    /// A slice or an array.
    List(Vec<Value>),
    /// A map that is not nil, its pairs in the order in which they were sent.
    Map(Vec<(Value, Value)>),
    /// A struct.
    Struct(Struct),
    /// An interface that is not nil.
    Interface(Box<Interface>),
    /// The bytes of a type with its own encoding.
    Opaque(Bytes),
}

/// A struct: the fields that were sent, which are those that are not zero.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Struct {
    /// Go's name of the type.
    pub name: Arc<str>,
    /// Field names and values in the order of the type.
    pub fields: Vec<(Arc<str>, Value)>,
}

impl Struct {
    /// The field called `name`, if it was sent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(n, _)| **n == *name).map(|(_, v)| v)
    }
}

/// The contents of an interface.
#[derive(Debug, Clone, PartialEq)]
pub struct Interface {
    /// The name under which Go registered the concrete type.
    pub name: GoString,
    /// The concrete type; needed to send the value on.
    pub shape: Arc<Shape>,
    /// The value.
    pub value: Value,
}

/// Reads one value of type `id`, whatever it is.
pub fn decode_value(c: &mut Cursor<'_>, types: &mut Types, id: TypeId) -> Result<Value, Error> {
    Ok(match id {
        ids::BOOL => Value::Bool(c.bool()?),
        ids::INT => Value::Int(c.int()?),
        ids::UINT => Value::Uint(c.uint()?),
        ids::FLOAT => Value::Float(c.float()?),
        ids::COMPLEX => Value::Complex(c.float()?, c.float()?),
        ids::BYTES => Value::Bytes(c.bytes()?.into()),
        ids::STRING => Value::String(c.bytes()?.into()),
        ids::INTERFACE => match decode_interface(c, types)? {
            Some(interface) => Value::Interface(Box::new(interface)),
            None => Value::Nil,
        },
        _ => {
            let ty = Arc::clone(types.find(id)?);
            c.enter()?;
            let value = decode_composite(c, types, &ty)?;
            c.leave();
            value
        }
    })
}

/// Reads an interface value; None if it is nil.
pub fn decode_interface(c: &mut Cursor<'_>, types: &mut Types) -> Result<Option<Interface>, Error> {
    let Some(head) = c.interface(types)? else {
        return Ok(None);
    };
    let shape = types.shape(head.id)?;
    let value = decode_value(c, types, head.id)?;
    Ok(Some(Interface { name: head.name.into(), shape, value }))
}

fn decode_composite(c: &mut Cursor<'_>, types: &mut Types, ty: &WireType) -> Result<Value, Error> {
    match ty {
        WireType::Array { elem, len, .. } => {
            let count = c.array_len(*len)?;
            decode_list(c, types, *elem, count)
        }
        WireType::Slice { elem, .. } => {
            let count = c.count()?;
            decode_list(c, types, *elem, count)
        }
        WireType::Map { key, elem, .. } => decode_map(c, types, *key, *elem),
        WireType::Struct { name, fields } => decode_struct(c, types, name, fields),
        WireType::GobEncoder { .. } | WireType::BinaryMarshaler { .. } | WireType::TextMarshaler { .. } => {
            Ok(Value::Opaque(c.bytes()?.into()))
        }
    }
}

fn decode_list(c: &mut Cursor<'_>, types: &mut Types, elem: TypeId, count: usize) -> Result<Value, Error> {
    let mut list = Vec::with_capacity(c.capacity_for(count));
    for _ in 0..count {
        list.push(decode_value(c, types, elem)?);
    }
    Ok(Value::List(list))
}

fn decode_map(c: &mut Cursor<'_>, types: &mut Types, key: TypeId, elem: TypeId) -> Result<Value, Error> {
    let count = c.count()?;
    let mut pairs = Vec::with_capacity(c.capacity_for(count));
    for _ in 0..count {
        let key = decode_value(c, types, key)?;
        pairs.push((key, decode_value(c, types, elem)?));
    }
    Ok(Value::Map(pairs))
}

fn decode_struct(c: &mut Cursor<'_>, types: &mut Types, name: &Arc<str>, fields: &[WireField]) -> Result<Value, Error> {
    let mut found = Vec::new();
    let mut previous = -1;
    while let Some(n) = c.field(previous)? {
        let Some(field) = fields.get(n as usize) else { return Err(Error::FieldRange(n)) };
        found.push((Arc::clone(&field.name), decode_value(c, types, field.id)?));
        previous = n;
    }
    Ok(Value::Struct(Struct { name: Arc::clone(name), fields: found }))
}
