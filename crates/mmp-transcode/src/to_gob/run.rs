//! Running a plan: from MessagePack to the bytes of a gob value.

use std::rc::Rc;

use mmp_gob::varint;

use super::ToGob;
use super::concrete;
use super::plan::{Action, MapOp, Op};
use crate::error::{Error, Problem};
use crate::limits::check_depth;
use crate::msgpack::{Reader, Token};
use crate::{json, time};

impl ToGob {
    /// Writes a value. Returns whether it is Go's zero value, which a struct's field leaves out.
    pub(super) fn value(
        &mut self,
        op: &Op,
        reader: &mut Reader<'_>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<bool, Error> {
        match &op.action {
            Action::Any => return self.any(reader, None, out, depth),
            Action::SqlValue => return self.sql_value(reader, out, depth),
            Action::Json => return json_value(reader, out, depth),
            Action::Error => return self.error_interface(reader, out, depth),
            Action::AppError(plan) => return self.app_error_result(*plan, reader, out, depth),
            _ => {}
        }
        let start = reader.clone();
        let token = reader.token()?;
        Ok(match (&op.action, token) {
            (Action::Ptr(_), Token::Nil) => true,
            (Action::Ptr(inner), _) => {
                *reader = start;
                self.value(inner, reader, out, depth)?
            }
            (Action::Bool, Token::Bool(value)) => {
                varint::put_uint(out, u64::from(value));
                !value
            }
            (Action::Int(bits), Token::Int(value)) => {
                check_int(value, *bits)?;
                varint::put_int(out, value);
                value == 0
            }
            (Action::Int(bits), Token::Uint(value)) => return Err(range(i128::from(value), *bits)),
            (Action::Uint(bits), Token::Int(value)) => {
                let unsigned = u64::try_from(value).map_err(|_| range(i128::from(value), *bits))?;
                put_unsigned(unsigned, *bits, out)?
            }
            (Action::Uint(bits), Token::Uint(value)) => put_unsigned(value, *bits, out)?,
            (Action::Float(bits), Token::Float(value)) => put_float(value, *bits, out)?,
            (Action::Float(bits), Token::Int(value)) => put_float(value as f64, *bits, out)?,
            (Action::Float(bits), Token::Uint(value)) => put_float(value as f64, *bits, out)?,
            (Action::Str, Token::Str(bytes)) | (Action::Bytes, Token::Bin(bytes)) => put_bytes(bytes, out),
            (Action::Bytes, Token::Nil) => put_bytes(&[], out),
            (Action::Time, Token::Nil) => true,
            (Action::Time, Token::Timestamp(seconds, nanos)) => {
                time::put_gob(out, seconds, nanos);
                false
            }
            (Action::Time, Token::Str(text)) => put_time_text(text, out)?,
            (Action::Struct(plan), Token::Map(count)) => {
                let plan = Rc::clone(&self.structs[*plan]);
                self.map_as_struct(&plan, count, reader, out, depth + 1)?;
                false
            }
            (Action::List(_) | Action::Map(_), Token::Nil) => {
                varint::put_uint(out, 0);
                true
            }
            (Action::List(item), Token::Array(count)) => {
                check_depth(depth)?;
                varint::put_uint(out, count as u64);
                for index in 0..count {
                    self.item(item, reader, out, depth + 1).map_err(|error| error.in_item(index))?;
                }
                count == 0
            }
            (Action::Map(map), Token::Map(count)) => {
                check_depth(depth)?;
                varint::put_uint(out, count as u64);
                for _ in 0..count {
                    self.entry(map, reader, out, depth + 1)?;
                }
                count == 0
            }
            (action, token) => return Err(Error::expected(action.name(), token.name())),
        })
    }

    /// A map's entry. The key is read twice: once for itself, once to name it in an error.
    fn entry(&mut self, map: &MapOp, reader: &mut Reader<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Error> {
        let name = reader.clone().token()?;
        self.item(&map.key, reader, out, depth)?;
        self.entry_value(map, &name, reader, out, depth).map_err(|error| match name {
            Token::Str(name) => error.in_field(&String::from_utf8_lossy(name)),
            _ => error,
        })
    }

    /// The value of an entry that is called `name`.
    pub(super) fn entry_value(
        &mut self,
        map: &MapOp,
        name: &Token<'_>,
        reader: &mut Reader<'_>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        if let Token::Str(name) = name
            && let Some(named) = map.named.iter().find(|named| named.key.as_bytes() == *name)
        {
            let name = concrete::name_for(named, reader.clone())?;
            return self.any(reader, name, out, depth).map(|_| ());
        }
        self.item(&map.value, reader, out, depth)
    }

    /// An item of a list or a map, where gob has no way to leave a value out: a nil pointer cannot be sent.
    pub(super) fn item(
        &mut self,
        op: &Op,
        reader: &mut Reader<'_>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        if let Action::Ptr(_) = op.action
            && reader.clone().token()? == Token::Nil
        {
            return Err(Error::invalid(Problem::Nil));
        }
        let start = out.len();
        let zero = self.value(op, reader, out, depth)?;
        if zero && out.len() == start {
            // The only value that writes nothing when it is zero is a time.
            time::put_gob_zero(out);
        }
        Ok(())
    }
}

fn json_value(reader: &mut Reader<'_>, out: &mut Vec<u8>, depth: usize) -> Result<bool, Error> {
    let mut text = Vec::new();
    json::from_msgpack(reader, &mut text, depth)?;
    Ok(put_bytes(&text, out))
}

/// A string or bytes; returns whether they are empty.
fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    varint::put_bytes(out, bytes);
    bytes.is_empty()
}

fn put_unsigned(value: u64, bits: u8, out: &mut Vec<u8>) -> Result<bool, Error> {
    if bits < 64 && value >> bits != 0 {
        return Err(range(i128::from(value), bits));
    }
    varint::put_uint(out, value);
    Ok(value == 0)
}

fn put_float(value: f64, bits: u8, out: &mut Vec<u8>) -> Result<bool, Error> {
    // Go's decoder refuses what overflows a float32 (`float32FromBits`).
    if bits == 32 && value.is_finite() && value.abs() > f64::from(f32::MAX) {
        return Err(Error::invalid(Problem::Float(value.to_string())));
    }
    varint::put_float(out, value);
    Ok(value == 0.0)
}

fn put_time_text(text: &[u8], out: &mut Vec<u8>) -> Result<bool, Error> {
    if text.is_empty() {
        return Ok(true);
    }
    let text = String::from_utf8_lossy(text);
    let (seconds, nanos) =
        time::parse_rfc3339(&text).ok_or_else(|| Error::invalid(Problem::Time(text.into_owned())))?;
    time::put_gob(out, seconds, nanos);
    Ok(false)
}

fn check_int(value: i64, bits: u8) -> Result<(), Error> {
    let limit = 1i128 << (bits - 1);
    if (-limit..limit).contains(&i128::from(value)) { Ok(()) } else { Err(range(i128::from(value), bits)) }
}

fn range(value: i128, bits: u8) -> Error {
    Error::invalid(Problem::Range { value, bits })
}

impl Action {
    fn name(&self) -> &'static str {
        match self {
            Action::Bool => "a bool",
            Action::Int(_) | Action::Uint(_) => "an integer",
            Action::Float(_) => "a number",
            Action::Str => "a string",
            Action::Bytes => "bytes",
            Action::Json | Action::Any | Action::SqlValue => "a value",
            Action::Time => "a time",
            Action::Error | Action::AppError(_) => "an error",
            Action::Struct(_) => "a struct",
            Action::Ptr(inner) => inner.action.name(),
            Action::List(_) => "a list",
            Action::Map(_) => "a map",
        }
    }
}
