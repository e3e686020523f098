//! Writes dynamic values as their shape prescribes.

use crate::error::Error;
use crate::ids::{self, TypeId};
use crate::shape::Shape;
use crate::value::{Interface, Struct, Value};
use crate::wire_type::{WireField, WireType};
use crate::writer::Writer;

impl Interface {
    /// Writes the interface value: name, type and contents.
    pub(crate) fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        if self.name.is_empty() {
            return Err(Error::Shape("an interface with the name of its type".into()));
        }
        w.interface(self.name.as_bytes(), &self.shape, |w| encode_value(w, &self.shape, self.shape.root(), &self.value))
    }
}

/// Writes a value of the type `id` of `shape`, zero or not.
pub(crate) fn encode_value(w: &mut Writer<'_>, shape: &Shape, id: TypeId, value: &Value) -> Result<(), Error> {
    match (id, value) {
        (ids::BOOL, Value::Bool(v)) => w.uint(u64::from(*v)),
        (ids::INT, Value::Int(v)) => w.int(*v),
        (ids::UINT, Value::Uint(v)) => w.uint(*v),
        (ids::FLOAT, Value::Float(v)) => w.float(*v),
        (ids::COMPLEX, Value::Complex(re, im)) => {
            w.float(*re);
            w.float(*im);
        }
        (ids::BYTES, Value::Bytes(v)) => w.bytes(v.as_bytes()),
        (ids::STRING, Value::String(v)) => w.bytes(v.as_bytes()),
        (ids::INTERFACE, Value::Nil) => w.uint(0),
        (ids::INTERFACE, Value::Interface(v)) => v.encode(w)?,
        _ => match shape.get(id) {
            Some(ty) => encode_composite(w, shape, ty, value)?,
            None => {
                return Err(Error::Shape(ids::builtin_name(id).unwrap_or("of a known type").into()));
            }
        },
    }
    Ok(())
}

fn encode_composite(w: &mut Writer<'_>, shape: &Shape, ty: &WireType, value: &Value) -> Result<(), Error> {
    match (ty, value) {
        (WireType::Array { elem, len, .. }, Value::List(list)) => {
            if list.len() != *len {
                return Err(Error::ArrayLength { expected: *len, found: list.len() });
            }
            encode_list(w, shape, *elem, list)
        }
        (WireType::Slice { elem, .. }, Value::List(list)) => encode_list(w, shape, *elem, list),
        (WireType::Map { key, elem, .. }, Value::Map(pairs)) => {
            w.uint(pairs.len() as u64);
            for (k, v) in pairs {
                encode_value(w, shape, *key, k)?;
                encode_value(w, shape, *elem, v)?;
            }
            Ok(())
        }
        (WireType::Struct { fields, .. }, Value::Struct(v)) => encode_struct(w, shape, fields, v),
        (
            WireType::GobEncoder { .. } | WireType::BinaryMarshaler { .. } | WireType::TextMarshaler { .. },
            Value::Opaque(v),
        ) => {
            w.bytes(v.as_bytes());
            Ok(())
        }
        _ => Err(Error::Shape(ty.name().into())),
    }
}

fn encode_list(w: &mut Writer<'_>, shape: &Shape, elem: TypeId, list: &[Value]) -> Result<(), Error> {
    w.uint(list.len() as u64);
    list.iter().try_for_each(|v| encode_value(w, shape, elem, v))
}

/// Writes the fields of the type that the value has, zeros left out. A field that the type does not have is an error: it would be lost. So is a type of which a struct has two fields of
/// one name, which no Go type has, but a stream may define: which of them a value has is not known by their name.
fn encode_struct(w: &mut Writer<'_>, shape: &Shape, fields: &[WireField], value: &Struct) -> Result<(), Error> {
    let mut delta = 1;
    let mut written = 0;
    if shape.is_ambiguous() {
        return Err(Error::Shape("a struct whose fields have names of their own".into()));
    }
    for field in fields {
        // Fields nearly always are in the order of the type.
        let next = value.fields.get(written).filter(|(name, _)| *name == field.name).map(|(_, v)| v);
        match next.or_else(|| value.get(&field.name)) {
            Some(v) => {
                written += 1;
                if is_zero(shape, field.id, v) {
                    delta += 1;
                    continue;
                }
                w.uint(delta);
                delta = 1;
                encode_value(w, shape, field.id, v).map_err(|e| e.in_field(&field.name))?;
            }
            None => delta += 1,
        }
    }
    if written != value.fields.len() {
        return Err(Error::Shape(format!("a struct with the fields of {}", value.name).into()));
    }
    w.uint(0);
    Ok(())
}

/// Whether a struct's field with this value is left out. An empty map is not: nil would be absent.
fn is_zero(shape: &Shape, id: TypeId, value: &Value) -> bool {
    match value {
        Value::List(v) => v.is_empty() && matches!(shape.get(id), Some(WireType::Slice { .. })),
        Value::Nil => true,
        Value::Bool(v) => !v,
        Value::Int(v) => *v == 0,
        Value::Uint(v) => *v == 0,
        Value::Float(v) => *v == 0.0,
        Value::Complex(re, im) => *re == 0.0 && *im == 0.0,
        Value::Bytes(v) => v.is_empty(),
        Value::String(v) => v.is_empty(),
        Value::Map(_) | Value::Struct(_) | Value::Interface(_) | Value::Opaque(_) => false,
    }
}
