//! Values without a type of their own (`any`, JSON): the message `Value`.

use super::scalars::checked;
use super::{Place, at_end, in_entry};
use crate::error::Error;
use crate::limits::check_depth;
use crate::msgpack::{Reader, Token};
use crate::proto::tables::{ENTRY_KEY, ENTRY_VALUE, WRAPPED, value as tags};
use crate::proto::wire::{WireType, begin_length, end_length, put_bytes, put_tag, put_varint};

/// One whole value as the contents of a `Value`.
pub(in crate::proto) fn value(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let mut reader = Reader::new(bytes);
    contents(&mut reader, out, 0)?;
    at_end(&reader)
}

/// A value as a field. A nil `any` in a struct is left out, as Go does; a nil in the place of JSON (`json`) is the text `null`, not its absence.
pub(super) fn field(
    number: u32,
    place: Place,
    json: bool,
    reader: &mut Reader<'_>,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), Error> {
    let start = reader.clone();
    let optional = place == Place::Position || (place == Place::Field && !json);
    if optional && reader.token()? == Token::Nil {
        return Ok(());
    }
    *reader = start;
    let mark = begin_length(out, number);
    contents(reader, out, depth)?;
    end_length(out, mark);
    Ok(())
}

fn contents(reader: &mut Reader<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Error> {
    match reader.token()? {
        Token::Nil => varint(tags::NULL, 0, out),
        Token::Bool(value) => varint(tags::BOOL, u64::from(value), out),
        Token::Int(value) => varint(tags::INT, value as u64, out),
        Token::Uint(value) => varint(tags::UINT, value, out),
        Token::Float(value) => {
            put_tag(out, tags::DOUBLE, WireType::Fixed64);
            out.extend_from_slice(&value.to_le_bytes());
        }
        Token::Str(bytes) => put_bytes(out, tags::STRING, checked(bytes)?),
        Token::Bin(bytes) => put_bytes(out, tags::BYTES, bytes),
        Token::Array(count) => {
            let mark = begin_length(out, tags::LIST);
            list(count, reader, out, depth)?;
            end_length(out, mark);
        }
        Token::Map(count) => {
            let mark = begin_length(out, tags::MAP);
            map(count, reader, out, depth)?;
            end_length(out, mark);
        }
        token @ (Token::Timestamp(..) | Token::Ext(..)) => return Err(Error::expected("a value", token.name())),
    }
    Ok(())
}

fn list(count: usize, reader: &mut Reader<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Error> {
    check_depth(depth)?;
    for index in 0..count {
        field(WRAPPED, Place::Inside, false, reader, out, depth + 2).map_err(|error| error.in_item(index))?;
    }
    Ok(())
}

fn map(count: usize, reader: &mut Reader<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Error> {
    check_depth(depth)?;
    for _ in 0..count {
        let mark = begin_length(out, WRAPPED);
        let called = reader.clone();
        key(reader, out)?;
        field(ENTRY_VALUE, Place::Inside, false, reader, out, depth + 2).map_err(|error| in_entry(error, called))?;
        end_length(out, mark);
    }
    Ok(())
}

/// The key of an entry. A map of another Go type than `map[string]any` may have integers; `MapValue` has only strings.
fn key(reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    match reader.token()? {
        Token::Str(key) => put_bytes(out, ENTRY_KEY, checked(key)?),
        Token::Int(key) => put_bytes(out, ENTRY_KEY, key.to_string().as_bytes()),
        Token::Uint(key) => put_bytes(out, ENTRY_KEY, key.to_string().as_bytes()),
        other => return Err(Error::expected("a string as key", other.name())),
    }
    Ok(())
}

fn varint(number: u32, value: u64, out: &mut Vec<u8>) {
    put_tag(out, number, WireType::Varint);
    put_varint(out, value);
}
