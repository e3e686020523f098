//! Running a plan: from MessagePack to the bytes of a gob value.

use std::rc::Rc;

use mmp_gob::varint;

use super::ToGob;
use super::plan::{Action, Op, StructPlan, Target};
use crate::error::{Error, Problem};
use crate::limits::check_depth;
use crate::msgpack::{Reader, Token};
use crate::{json, time};

/// The values of a frame's map, by the position of their keys in [`StructPlan::keys`].
pub(super) type Slots<'a> = Vec<Option<&'a [u8]>>;

impl ToGob {
    /// Writes a value. Returns whether it is Go's zero value, which a struct's field leaves out.
    pub(super) fn value(
        &mut self,
        op: &Op,
        reader: &mut Reader<'_>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<bool, Error> {
        if matches!(op.action, Action::Any) {
            return self.any(reader, None, out, depth);
        }
        if let Action::Json = op.action {
            return json_value(reader, out, depth);
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
            (Action::Float, Token::Float(value)) => {
                varint::put_float(out, value);
                value == 0.0
            }
            (Action::Float, Token::Int(value)) => {
                varint::put_float(out, value as f64);
                value == 0
            }
            (Action::Str, Token::Str(bytes)) | (Action::Bytes, Token::Bin(bytes)) => put_bytes(bytes, out),
            (Action::Bytes, Token::Nil) => put_bytes(&[], out),
            (Action::Time, Token::Nil) => true,
            (Action::Time, Token::Timestamp(seconds, nanos)) => {
                time::put_gob(out, seconds, nanos);
                false
            }
            (Action::Time, Token::Str(text)) => put_time_text(text, out)?,
            (Action::Error, _) => {
                *reader = start;
                self.error_interface(reader, out, depth)?
            }
            (Action::Struct(plan), Token::Map(_)) => {
                *reader = start;
                let plan = Rc::clone(&self.structs[*plan]);
                let slots = read_slots(&plan, reader, false)?;
                self.structure(&plan, &slots, out, depth + 1)?;
                false
            }
            (Action::List(_) | Action::Map { .. }, Token::Nil) => {
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
            (Action::Map { key, value, attachments }, Token::Map(count)) => {
                check_depth(depth)?;
                varint::put_uint(out, count as u64);
                for _ in 0..count {
                    self.entry(key, value, *attachments, reader, out, depth + 1)?;
                }
                count == 0
            }
            (action, token) => return Err(Error::expected(action.name(), found(&token))),
        })
    }

    /// A map's entry. The key is read twice: once for itself, once to name it in an error.
    fn entry(
        &mut self,
        key: &Op,
        value: &Op,
        attachments: bool,
        reader: &mut Reader<'_>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        let name = reader.clone().token()?;
        self.item(key, reader, out, depth)?;
        let done = match name {
            Token::Str(b"attachments") if attachments => self.attachments(reader, out, depth),
            _ => self.item(value, reader, out, depth),
        };
        done.map_err(|error| match name {
            Token::Str(name) => error.in_field(&String::from_utf8_lossy(name)),
            _ => error,
        })
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
            time::put_gob_zero(out);
        }
        Ok(())
    }

    /// The fields of a struct that are not zero, and the end marker.
    pub(super) fn structure(
        &mut self,
        plan: &StructPlan,
        slots: &[Option<&[u8]>],
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        check_depth(depth)?;
        let mut previous = -1;
        for field in &plan.fields {
            let start = out.len();
            let delta = |previous: i64| (field.number as i64 - previous) as u64;
            let zero = match &field.target {
                Target::Value(op) => match slots[field.key] {
                    None => true,
                    Some(raw) => {
                        varint::put_uint(out, delta(previous));
                        self.value(op, &mut Reader::new(raw), out, depth)
                            .map_err(|error| error.in_field(plan.keys[field.key]))?
                    }
                },
                Target::Embedded { plan, keys } => {
                    let inner = &slots[field.key..field.key + keys];
                    if inner.iter().all(Option::is_none) {
                        true
                    } else {
                        varint::put_uint(out, delta(previous));
                        let plan = Rc::clone(&self.structs[*plan]);
                        self.structure(&plan, inner, out, depth + 1)?;
                        false
                    }
                }
            };
            if zero {
                out.truncate(start);
            } else {
                previous = field.number as i64;
            }
        }
        varint::put_uint(out, 0);
        Ok(())
    }
}

/// Sorts the entries of a frame's map by the plan's keys. Keys usually come in the order of the schema, so the next one is looked for right behind the last.
/// `lenient` skips keys that the struct does not have.
pub(super) fn read_slots<'a>(plan: &StructPlan, reader: &mut Reader<'a>, lenient: bool) -> Result<Slots<'a>, Error> {
    let mut slots = vec![None; plan.keys.len()];
    let Token::Map(count) = reader.token()? else {
        return Err(Error::expected("a map", "something else"));
    };
    let mut next = 0;
    for _ in 0..count {
        let key = match reader.token()? {
            Token::Str(key) => key,
            other => return Err(Error::expected("a string as key", found(&other))),
        };
        let raw = reader.raw()?;
        let matches = |at: &usize| plan.keys[*at].as_bytes() == key;
        match (next..plan.keys.len()).find(matches).or_else(|| (0..next).find(matches)) {
            Some(at) => {
                slots[at] = Some(raw);
                next = at + 1;
            }
            None if lenient => {}
            None => {
                let key = String::from_utf8_lossy(key).into_owned();
                return Err(Error::invalid(Problem::UnknownField(key)));
            }
        }
    }
    Ok(slots)
}

fn json_value(reader: &mut Reader<'_>, out: &mut Vec<u8>, depth: usize) -> Result<bool, Error> {
    let mut text = Vec::new();
    if reader.clone().token()? == Token::Nil {
        // Nil is Go's nil message here, not the text "null", which nobody writes on purpose.
        reader.token()?;
    } else {
        json::from_msgpack(reader, &mut text, depth)?;
    }
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

/// What came, in the words of an error message.
pub(super) fn found(token: &Token<'_>) -> &'static str {
    match token {
        Token::Nil => "nil",
        Token::Bool(_) => "a bool",
        Token::Int(_) | Token::Uint(_) => "an integer",
        Token::Float(_) => "a float",
        Token::Str(_) => "a string",
        Token::Bin(_) => "bytes",
        Token::Array(_) => "a list",
        Token::Map(_) => "a map",
        Token::Timestamp(..) => "a time",
        Token::Ext(..) => "an extension",
    }
}

impl Action {
    fn name(&self) -> &'static str {
        match self {
            Action::Bool => "a bool",
            Action::Int(_) | Action::Uint(_) => "an integer",
            Action::Float => "a number",
            Action::Str => "a string",
            Action::Bytes => "bytes",
            Action::Json | Action::Any => "a value",
            Action::Time => "a time",
            Action::Error => "an error",
            Action::Struct(_) => "a struct",
            Action::Ptr(inner) => inner.action.name(),
            Action::List(_) => "a list",
            Action::Map { .. } => "a map",
        }
    }
}
