//! Values without parts: numbers, texts and times.

use super::Place;
use crate::error::{Error, Problem};
use crate::msgpack::Token;
use crate::proto::tables::{TIMESTAMP_NANOS, TIMESTAMP_SECONDS, behind_pointers};
use crate::proto::wire::{WireType, begin_length, end_length, put_tag, put_varint};
use crate::schema::Kind;
use crate::time;

/// A field of wire type 0. Zero is left out unless it has to be there.
pub(super) fn put_number(number: u32, value: u64, always: bool, out: &mut Vec<u8>) {
    if always || value != 0 {
        put_tag(out, number, WireType::Varint);
        put_varint(out, value);
    }
}

/// A field of four or eight bytes, likewise.
pub(super) fn put_float(number: u32, value: f64, bits: u8, always: bool, out: &mut Vec<u8>) -> Result<(), Error> {
    if !always && value == 0.0 {
        return Ok(());
    }
    if bits == 32 {
        put_tag(out, number, WireType::Fixed32);
        out.extend_from_slice(&narrow(value)?.to_le_bytes());
    } else {
        put_tag(out, number, WireType::Fixed64);
        out.extend_from_slice(&value.to_le_bytes());
    }
    Ok(())
}

/// An integer as protobuf writes it: a negative one in the two's complement of 64 bits, whatever its width.
pub(super) fn integer(kind: &Kind, token: Token<'_>) -> Result<u64, Error> {
    let range = |value: i128, bits: u8| Err(Error::invalid(Problem::Range { value, bits }));
    match (kind, token) {
        (Kind::Int(bits), Token::Int(value)) if fits(value, *bits) => Ok(value as u64),
        (Kind::Uint(bits), Token::Int(value)) if value >= 0 && (*bits == 64 || value >> bits == 0) => Ok(value as u64),
        (Kind::Uint(64), Token::Uint(value)) => Ok(value),
        (Kind::Int(bits) | Kind::Uint(bits), Token::Int(value)) => range(value.into(), *bits),
        (Kind::Int(bits) | Kind::Uint(bits), Token::Uint(value)) => range(value.into(), *bits),
        (kind, token) => Err(Error::expected(name(kind), token.name())),
    }
}

/// Whether an integer fits in so many bits.
pub(in crate::proto) fn fits(value: i64, bits: u8) -> bool {
    let unused = 64 - u32::from(bits.min(64));
    value << unused >> unused == value
}

/// A number as a float.
pub(super) fn float(token: Token<'_>) -> f64 {
    match token {
        Token::Float(value) => value,
        Token::Int(value) => value as f64,
        Token::Uint(value) => value as f64,
        _ => 0.0,
    }
}

/// The float of 32 bits; what is finite must stay so.
pub(super) fn narrow(value: f64) -> Result<f32, Error> {
    let narrow = value as f32;
    if value.is_finite() && narrow.is_infinite() {
        return Err(Error::invalid(Problem::Float(value.to_string())));
    }
    Ok(narrow)
}

/// A string's bytes, if they are UTF-8: most parsers of protobuf refuse a whole message for one string that is not.
pub(super) fn checked(bytes: &[u8]) -> Result<&[u8], Error> {
    std::str::from_utf8(bytes).map(str::as_bytes).map_err(|_| Error::invalid(Problem::Utf8))
}

/// A `Timestamp`. The zero time is nil in frames; in a struct's field and inside of lists it is written as what it is, so that it comes back where it was.
pub(super) fn timestamp(number: u32, place: Place, token: Token<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    let (seconds, nanos) = match token {
        Token::Nil | Token::Str([]) if place == Place::Position => return Ok(()),
        Token::Nil | Token::Str([]) => (time::ZERO, 0),
        Token::Timestamp(seconds, nanos) => (seconds, nanos),
        Token::Str(text) => {
            let text = String::from_utf8_lossy(text);
            time::parse_rfc3339(&text).ok_or_else(|| Error::invalid(Problem::Time(text.into_owned())))?
        }
        other => return Err(Error::expected("a time", other.name())),
    };
    let mark = begin_length(out, number);
    put_number(TIMESTAMP_SECONDS, seconds as u64, false, out);
    put_number(TIMESTAMP_NANOS, u64::from(nanos), false, out);
    end_length(out, mark);
    Ok(())
}

/// What a kind is, in the words of an error message.
pub(super) fn name(kind: &Kind) -> &'static str {
    match behind_pointers(kind) {
        Kind::Bool => "a bool",
        Kind::Int(_) | Kind::Uint(_) => "an integer",
        Kind::Float(_) => "a number",
        Kind::String | Kind::Url => "a string",
        Kind::Bytes => "bytes",
        Kind::Time => "a time",
        Kind::Error => "an error",
        Kind::Struct(_) => "a struct",
        Kind::List(_) => "a list",
        Kind::Map(..) => "a map",
        Kind::Json | Kind::Any | Kind::Ptr(_) => "a value",
    }
}
