//! Interface values: a registered name, a type and a value.

use mmp_gob::{TypeId, ids, varint};

use super::ToGob;
use super::concrete::{behind_pointers, registered_kind};
use super::plan::Action;
use crate::error::Error;
use crate::limits::check_depth;
use crate::msgpack::{Reader, Token};
use crate::schema::Kind;
use crate::splice::{begin_length, end_length, put_interface_head};

/// The list type of interface values, and their map type.
static LIST: Kind = Kind::List(&Kind::Any);
static MAP: Kind = Kind::Map(&Kind::String, &Kind::Any);

/// An interface value that came from the host: the type that a changed value keeps if it can.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hint<'a> {
    /// The registered name.
    pub(super) name: &'a [u8],
    /// The type on the outgoing stream.
    pub(super) wire: TypeId,
}

impl ToGob {
    /// Writes a value of an empty interface; returns whether it is nil. It has the registered type `name`, if there is one, else the type that a Go program
    /// would use.
    pub(super) fn any(
        &mut self,
        reader: &mut Reader<'_>,
        name: Option<&str>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<bool, Error> {
        check_depth(depth)?;
        if let Some(name) = name
            && let Some(kind) = registered_kind(name.as_bytes())
        {
            return self.registered(name, kind, reader, out, depth).map(|()| false);
        }
        let start = reader.clone();
        let token = reader.token()?;
        match token {
            Token::Nil => varint::put_uint(out, 0),
            Token::Bool(value) => scalar("bool", ids::BOOL, out, |out| varint::put_uint(out, value.into())),
            Token::Int(value) => scalar("int", ids::INT, out, |out| varint::put_int(out, value)),
            Token::Uint(value) => scalar("uint64", ids::UINT, out, |out| varint::put_uint(out, value)),
            Token::Float(value) => scalar("float64", ids::FLOAT, out, |out| varint::put_float(out, value)),
            Token::Str(bytes) => scalar("string", ids::STRING, out, |out| varint::put_bytes(out, bytes)),
            Token::Bin(bytes) => scalar("[]uint8", ids::BYTES, out, |out| varint::put_bytes(out, bytes)),
            Token::Array(_) => {
                *reader = start;
                self.registered("[]interface {}", &LIST, reader, out, depth)?;
            }
            Token::Map(_) => {
                *reader = start;
                self.registered("map[string]interface {}", &MAP, reader, out, depth)?;
            }
            Token::Timestamp(..) | Token::Ext(..) => return Err(Error::expected("a value", token.name())),
        }
        Ok(token == Token::Nil)
    }

    /// Writes a value that the server hands to a database driver; returns whether it is nil.
    pub(super) fn sql_value(
        &mut self,
        reader: &mut Reader<'_>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<bool, Error> {
        let start = reader.clone();
        if let Token::Int(value) = reader.token()? {
            scalar("int64", ids::INT, out, |out| varint::put_int(out, value));
            return Ok(false);
        }
        *reader = start;
        self.any(reader, None, out, depth)
    }

    /// A value of a type that Go knows under `name`, in our own definition of it.
    fn registered(
        &mut self,
        name: &str,
        kind: &'static Kind,
        reader: &mut Reader<'_>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        let op = self.own_op(behind_pointers(kind))?;
        put_interface_head(name.as_bytes(), op.wire, out);
        let length = begin_length(out);
        if !matches!(op.action, Action::Struct(_)) {
            out.push(0);
        }
        self.value(&op, reader, out, depth + 1)?;
        end_length(out, length);
        Ok(())
    }
}

/// Writes a scalar with the type that `hint` names. False if the value at the reader does not fit in it, or it is no such type.
pub(super) fn scalar_as(hint: Hint<'_>, token: &Token<'_>, out: &mut Vec<u8>) -> bool {
    let name = hint.name;
    match *token {
        Token::Int(value) if fits_signed(value, name) => put_scalar(hint, out, |out| varint::put_int(out, value)),
        Token::Int(value) if fits_unsigned(value, name) => {
            put_scalar(hint, out, |out| varint::put_uint(out, value as u64));
        }
        Token::Float(value) if name == b"float32" && fits_float32(value) => {
            put_scalar(hint, out, |out| varint::put_float(out, f64::from(value as f32)));
        }
        _ => return false,
    }
    true
}

fn scalar(name: &str, wire: TypeId, out: &mut Vec<u8>, value: impl FnOnce(&mut Vec<u8>)) {
    put_scalar(Hint { name: name.as_bytes(), wire }, out, value);
}

/// A value that is no struct has a zero before it where a struct would have its first field's number.
fn put_scalar(hint: Hint<'_>, out: &mut Vec<u8>, value: impl FnOnce(&mut Vec<u8>)) {
    put_interface_head(hint.name, hint.wire, out);
    let length = begin_length(out);
    out.push(0);
    value(out);
    end_length(out, length);
}

fn fits_signed(value: i64, name: &[u8]) -> bool {
    match name {
        b"int8" => i8::try_from(value).is_ok(),
        b"int16" => i16::try_from(value).is_ok(),
        b"int32" => i32::try_from(value).is_ok(),
        b"int" | b"int64" => true,
        _ => false,
    }
}

fn fits_unsigned(value: i64, name: &[u8]) -> bool {
    match name {
        b"uint8" => u8::try_from(value).is_ok(),
        b"uint16" => u16::try_from(value).is_ok(),
        b"uint32" => u32::try_from(value).is_ok(),
        b"uint" | b"uint64" => value >= 0,
        _ => false,
    }
}

fn fits_float32(value: f64) -> bool {
    !value.is_finite() || value.abs() <= f64::from(f32::MAX)
}
