//! Frames to protobuf: one pass over a value's MessagePack, whose parts become fields as they are met.

mod any;
mod errors;
mod scalars;
mod structs;

use super::tables::{ENTRY_KEY, ENTRY_VALUE, WRAPPED, behind_pointers};
use super::wire::{WireType, begin_length, end_length, put_bytes, put_varint};
use crate::error::{Error, Problem};
use crate::limits::check_depth;
use crate::msgpack::{Malformed, Reader, Token};
use crate::schema::{Kind, Slot};
use scalars::{checked, float, integer, name, narrow, put_float, put_number, timestamp};

pub(super) use any::value;
pub(super) use errors::{app_error, go_error};
pub(super) use scalars::fits;
pub(super) use structs::{Unknown, structure};

/// Where a value stands, which says when it is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// An argument or result: in frames it is always there, so zero is left out.
    Position,
    /// A field of a struct: in frames it is there if Go sent it. Zero is left out where protobuf cannot tell it from absence.
    Field,
    /// In a list, in a map or behind a pointer: it is there, whatever it is.
    Inside,
}

/// The items of a frame's array as the fields of a message. A result has no name and is called by its index in errors.
pub(super) fn positions<'s>(
    slots: impl IntoIterator<Item = &'s Slot>,
    payload: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let mut reader = Reader::new(payload);
    let count = match reader.token()? {
        Token::Array(count) => count,
        other => return Err(Error::expected("a list of values", other.name())),
    };
    let mut slots = slots.into_iter();
    for index in 0..count {
        let slot = slots.next().ok_or_else(|| Error::invalid(Problem::Count { expected: index, found: count }))?;
        field(slot.tag, &slot.kind, Place::Position, &mut reader, out, 0).map_err(|error| match slot.name {
            "" => error.in_item(index),
            name => error.in_field(name),
        })?;
    }
    at_end(&reader)
}

/// Refuses what follows a whole value.
pub(super) fn at_end(reader: &Reader<'_>) -> Result<(), Error> {
    if reader.is_empty() { Ok(()) } else { Err(Malformed::Trailing.into()) }
}

/// The value at the reader as the field `number`, or as several if it is a list or a map.
pub(super) fn field(
    number: u32,
    kind: &Kind,
    place: Place,
    reader: &mut Reader<'_>,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), Error> {
    match kind {
        Kind::Any => return any::field(number, place, false, reader, out, depth + 1),
        Kind::Json => return any::field(number, place, true, reader, out, depth + 1),
        Kind::Error => return errors::field(number, reader, out, depth),
        Kind::Ptr(inner) => return pointer(number, inner, place, reader, out, depth),
        Kind::List(_) | Kind::Map(..) if place == Place::Inside => return wrapper(number, kind, reader, out, depth),
        _ => {}
    }
    let token = reader.token()?;
    let always = place == Place::Inside;
    match (kind, token) {
        (Kind::Bool, Token::Bool(value)) => put_number(number, u64::from(value), always, out),
        (Kind::Int(_) | Kind::Uint(_), Token::Int(_) | Token::Uint(_)) => {
            put_number(number, integer(kind, token)?, always, out);
        }
        (Kind::Float(bits), Token::Float(_) | Token::Int(_) | Token::Uint(_)) => {
            put_float(number, float(token), *bits, always, out)?;
        }
        (Kind::String | Kind::Url, Token::Str(bytes)) => {
            if always || !bytes.is_empty() {
                put_bytes(out, number, checked(bytes)?);
            }
        }
        (Kind::Bytes, Token::Bin(bytes)) => {
            if always || !bytes.is_empty() {
                put_bytes(out, number, bytes);
            }
        }
        (Kind::Bytes, Token::Nil) => {
            if always {
                put_bytes(out, number, &[]);
            }
        }
        (Kind::Time, token) => timestamp(number, place, token, out)?,
        (Kind::Struct(schema), Token::Map(count)) => {
            let mark = begin_length(out, number);
            structure(schema, count, Unknown::Refuse, reader, out, depth)?;
            end_length(out, mark);
        }
        (Kind::List(_) | Kind::Map(..), Token::Nil) => {}
        (Kind::List(item), Token::Array(count)) => {
            check_depth(depth)?;
            list(number, item, count, reader, out, depth + 1)?;
        }
        (Kind::Map(key, item), Token::Map(count)) => {
            check_depth(depth)?;
            for _ in 0..count {
                entry(number, key, item, reader, out, depth + 1)?;
            }
        }
        (kind, token) => return Err(Error::expected(name(kind), token.name())),
    }
    Ok(())
}

/// A pointer: absent if it is nil, and there even if its target is zero otherwise. Gob can send no nil in a list or as a map's value.
fn pointer(
    number: u32,
    target: &Kind,
    place: Place,
    reader: &mut Reader<'_>,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), Error> {
    let start = reader.clone();
    if reader.token()? != Token::Nil {
        *reader = start;
        return field(number, target, Place::Inside, reader, out, depth);
    }
    if place == Place::Inside { Err(Error::invalid(Problem::Nil)) } else { Ok(()) }
}

/// A list or map that protobuf cannot have where it stands: a message whose only field it is.
fn wrapper(number: u32, kind: &Kind, reader: &mut Reader<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Error> {
    let mark = begin_length(out, number);
    field(WRAPPED, kind, Place::Field, reader, out, depth)?;
    end_length(out, mark);
    Ok(())
}

/// A list: a field for each item; numbers are packed into one.
fn list(
    number: u32,
    item: &Kind,
    count: usize,
    reader: &mut Reader<'_>,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), Error> {
    if WireType::of(item) == WireType::Len {
        for index in 0..count {
            field(number, item, Place::Inside, reader, out, depth).map_err(|error| error.in_item(index))?;
        }
    } else if count > 0 {
        let mark = begin_length(out, number);
        for index in 0..count {
            packed(behind_pointers(item), reader, out).map_err(|error| error.in_item(index))?;
        }
        end_length(out, mark);
    }
    Ok(())
}

/// A number without a tag.
fn packed(kind: &Kind, reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    match (kind, reader.token()?) {
        (Kind::Bool, Token::Bool(value)) => put_varint(out, u64::from(value)),
        (Kind::Int(_) | Kind::Uint(_), token @ (Token::Int(_) | Token::Uint(_))) => {
            put_varint(out, integer(kind, token)?);
        }
        (Kind::Float(32), token @ (Token::Float(_) | Token::Int(_) | Token::Uint(_))) => {
            out.extend_from_slice(&narrow(float(token))?.to_le_bytes());
        }
        (Kind::Float(_), token @ (Token::Float(_) | Token::Int(_) | Token::Uint(_))) => {
            out.extend_from_slice(&float(token).to_le_bytes());
        }
        (_, Token::Nil) => return Err(Error::invalid(Problem::Nil)),
        (kind, token) => return Err(Error::expected(name(kind), token.name())),
    }
    Ok(())
}

/// An entry of a map. Key and value are always written; a decoder takes what is missing for zero.
fn entry(
    number: u32,
    key: &Kind,
    value: &Kind,
    reader: &mut Reader<'_>,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), Error> {
    let mark = begin_length(out, number);
    let called = reader.clone();
    field(ENTRY_KEY, key, Place::Inside, reader, out, depth)?;
    field(ENTRY_VALUE, value, Place::Inside, reader, out, depth).map_err(|error| in_entry(error, called))?;
    end_length(out, mark);
    Ok(())
}

/// The error, inside the entry whose key the reader is at.
fn in_entry(error: Error, mut key: Reader<'_>) -> Error {
    match key.token() {
        Ok(Token::Str(key)) => error.in_field(&String::from_utf8_lossy(key)),
        _ => error,
    }
}
