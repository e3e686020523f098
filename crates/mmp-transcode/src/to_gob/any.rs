//! Interface values: a registered name, a type and a value.

use mmp_gob::{TypeId, varint};

use super::ToGob;
use super::run::found;
use crate::error::{Error, Problem};
use crate::generated::REGISTERED;
use crate::limits::check_depth;
use crate::msgpack::{Reader, Token};
use crate::schema::Kind;
use crate::splice::{put_interface_head as put_head, with_length};

/// The name under which Go registers the attachments of a post, kept from the time when they were Slack's.
const ATTACHMENTS: &str = "[]*model.SlackAttachment";

/// The list type of interface values, and their map type.
static LIST: Kind = Kind::List(&Kind::Any);
static MAP: Kind = Kind::Map(&Kind::String, &Kind::Any);

/// An interface value that came from the host: the type that a changed value keeps if it can.
#[derive(Debug, Clone)]
pub(super) struct Hint<'a> {
    /// The registered name.
    pub(super) name: &'a [u8],
    /// The type on the outgoing stream.
    pub(super) wire: TypeId,
}

impl ToGob {
    /// Writes a value of an empty interface; returns whether it is nil. Types are those that a Go program would use, unless `hint` says what it was.
    pub(super) fn any(
        &mut self,
        reader: &mut Reader<'_>,
        hint: Option<&Hint<'_>>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<bool, Error> {
        check_depth(depth)?;
        let start = reader.clone();
        let token = reader.token()?;
        if let Some(hint) = hint
            && self.scalar_as(&token, hint, out)
        {
            return Ok(false);
        }
        match token {
            Token::Nil => {
                varint::put_uint(out, 0);
                return Ok(true);
            }
            Token::Bool(value) => scalar("bool", mmp_gob::ids::BOOL, out, |out| varint::put_uint(out, value.into())),
            Token::Int(value) => scalar("int", mmp_gob::ids::INT, out, |out| varint::put_int(out, value)),
            Token::Uint(value) => scalar("uint64", mmp_gob::ids::UINT, out, |out| varint::put_uint(out, value)),
            Token::Float(value) => scalar("float64", mmp_gob::ids::FLOAT, out, |out| varint::put_float(out, value)),
            Token::Str(bytes) => scalar("string", mmp_gob::ids::STRING, out, |out| varint::put_bytes(out, bytes)),
            Token::Bin(bytes) => scalar("[]uint8", mmp_gob::ids::BYTES, out, |out| varint::put_bytes(out, bytes)),
            Token::Array(_) => self.registered("[]interface {}", &LIST, start, reader, out, depth)?,
            Token::Map(_) => self.registered("map[string]interface {}", &MAP, start, reader, out, depth)?,
            Token::Timestamp(..) | Token::Ext(..) => return Err(Error::expected("a value", found(&token))),
        }
        Ok(false)
    }

    /// The attachments of a post: structs under their registered name where they look like it, else an ordinary value.
    pub(super) fn attachments(
        &mut self,
        reader: &mut Reader<'_>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        let kind = REGISTERED.iter().find(|(name, _)| *name == ATTACHMENTS).map(|(_, kind)| kind);
        match kind {
            Some(kind) if is_list_of_maps(reader.clone())? => {
                let start = reader.clone();
                self.registered(ATTACHMENTS, kind, start, reader, out, depth)
            }
            _ => self.any(reader, None, out, depth).map(|_| ()),
        }
    }

    /// A value of a type that Go knows under `name`, in our own definition of it.
    fn registered<'r>(
        &mut self,
        name: &str,
        kind: &'static Kind,
        start: Reader<'r>,
        reader: &mut Reader<'r>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        let op = self.own_op(kind)?;
        put_head(name.as_bytes(), op.wire, out);
        *reader = start;
        with_length(out, |out| {
            out.push(0);
            self.value(&op, reader, out, depth + 1).map(|_| ())
        })
    }

    /// Writes a scalar with the type that `hint` names, if it fits in it.
    fn scalar_as(&mut self, token: &Token<'_>, hint: &Hint<'_>, out: &mut Vec<u8>) -> bool {
        match (hint.name, *token) {
            (b"int8" | b"int16" | b"int32" | b"int64", Token::Int(value)) if fits_signed(value, hint.name) => {
                put_head(hint.name, hint.wire, out);
                singleton(out, |out| varint::put_int(out, value));
            }
            (b"uint" | b"uint8" | b"uint16" | b"uint32" | b"uint64", Token::Int(value))
                if fits_unsigned(value, hint.name) =>
            {
                put_head(hint.name, hint.wire, out);
                singleton(out, |out| varint::put_uint(out, value as u64));
            }
            (b"float32", Token::Float(value)) => {
                put_head(hint.name, hint.wire, out);
                singleton(out, |out| varint::put_float(out, f64::from(value as f32)));
            }
            _ => return false,
        }
        true
    }

    /// An `error`: a text becomes an `ErrorString`, a map what its `kind` says.
    pub(super) fn error_interface(
        &mut self,
        reader: &mut Reader<'_>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<bool, Error> {
        let start = reader.clone();
        match reader.token()? {
            Token::Nil => {
                varint::put_uint(out, 0);
                Ok(true)
            }
            Token::Str(text) => {
                self.error_string(text, 0, out)?;
                Ok(false)
            }
            Token::Map(count) => {
                let (mut app, mut message, mut code) = (false, &b""[..], 0);
                for _ in 0..count {
                    match (reader.token()?, reader.token()?) {
                        (Token::Str(b"kind"), Token::Str(kind)) => app = kind == b"app",
                        (Token::Str(b"message"), Token::Str(text)) => message = text,
                        (Token::Str(b"code"), Token::Int(number)) => code = number,
                        _ => {}
                    }
                }
                if app {
                    self.app_error(&mut start.clone(), out, depth)?;
                } else {
                    self.error_string(message, code, out)?;
                }
                Ok(false)
            }
            other => Err(Error::expected("an error", found(&other))),
        }
    }

    /// An `*AppError` inside an `error`.
    pub(super) fn app_error(&mut self, reader: &mut Reader<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Error> {
        let (name, plan, wire) = self.registered_struct("*model.AppError")?;
        let slots = super::run::read_slots(&plan, reader, true)?;
        put_head(name.as_bytes(), wire, out);
        with_length(out, |out| self.structure(&plan, &slots, out, depth + 1))
    }

    /// An `*ErrorString{Code int; Err string}` inside an `error`.
    pub(super) fn error_string(&mut self, text: &[u8], code: i64, out: &mut Vec<u8>) -> Result<(), Error> {
        let (name, _, wire) = self.registered_struct("*plugin.ErrorString")?;
        put_head(name.as_bytes(), wire, out);
        with_length(out, |out| {
            let mut delta = 2;
            if code != 0 {
                varint::put_uint(out, 1);
                varint::put_int(out, code);
                delta = 1;
            }
            if !text.is_empty() {
                varint::put_uint(out, delta);
                varint::put_bytes(out, text);
            }
            varint::put_uint(out, 0);
            Ok(())
        })
    }

    fn registered_struct(
        &mut self,
        name: &'static str,
    ) -> Result<(&'static str, std::rc::Rc<super::plan::StructPlan>, TypeId), Error> {
        let kind = REGISTERED.iter().find(|(known, _)| *known == name).map(|(_, kind)| kind);
        let mut kind = kind.ok_or_else(|| Error::invalid(Problem::Wire { expected: name }))?;
        while let Kind::Ptr(inner) = kind {
            kind = inner;
        }
        let wire = self.types.own(kind);
        let Kind::Struct(schema) = kind else {
            return Err(Error::invalid(Problem::Wire { expected: name }));
        };
        let plan = self.struct_plan(schema, wire)?;
        Ok((name, std::rc::Rc::clone(&self.structs[plan]), wire))
    }
}

fn scalar(name: &str, wire: TypeId, out: &mut Vec<u8>, value: impl FnOnce(&mut Vec<u8>)) {
    put_head(name.as_bytes(), wire, out);
    singleton(out, value);
}

/// A value that is no struct has a zero before it where a struct would have its first field's number.
fn singleton(out: &mut Vec<u8>, value: impl FnOnce(&mut Vec<u8>)) {
    let done: Result<(), std::convert::Infallible> = with_length(out, |out| {
        out.push(0);
        value(out);
        Ok(())
    });
    let Ok(()) = done;
}

fn is_list_of_maps(mut reader: Reader<'_>) -> Result<bool, Error> {
    let Token::Array(count) = reader.token()? else {
        return Ok(false);
    };
    for _ in 0..count {
        if !matches!(Reader::new(reader.raw()?).token()?, Token::Map(_)) {
            return Ok(false);
        }
    }
    Ok(count > 0)
}

fn fits_signed(value: i64, name: &[u8]) -> bool {
    match name {
        b"int8" => i8::try_from(value).is_ok(),
        b"int16" => i16::try_from(value).is_ok(),
        b"int32" => i32::try_from(value).is_ok(),
        _ => true,
    }
}

fn fits_unsigned(value: i64, name: &[u8]) -> bool {
    match name {
        b"uint8" => u8::try_from(value).is_ok(),
        b"uint16" => u16::try_from(value).is_ok(),
        b"uint32" => u32::try_from(value).is_ok(),
        _ => value >= 0,
    }
}
