//! Errors as results: an `*AppError`, or an `error`, which is an interface that holds one of the types that Mattermost registers.

use std::rc::Rc;

use mmp_gob::{TypeId, varint};

use super::ToGob;
use super::concrete::{behind_pointers, registered_kind};
use super::plan::{Action, Op};
use super::structs::read_slots;
use crate::error::{Error, Problem};
use crate::limits::check_depth;
use crate::msgpack::{self, Reader, Token};
use crate::schema::{Kind, Slot};
use crate::splice::{begin_length, end_length, put_interface_head};

/// What an `error` in a frame says: section 6 of the frame protocol.
#[derive(Debug, Default)]
struct ErrorMap<'a> {
    app: bool,
    message: &'a [u8],
    code: i64,
}

impl ToGob {
    /// The conversion of a method's error result.
    pub(super) fn error_op(&mut self, slot: &'static Slot) -> Result<Rc<Op>, Error> {
        let op = self.own_op(&slot.kind)?;
        let plan = match &op.action {
            Action::Ptr(inner) => match inner.action {
                Action::Struct(plan) => plan,
                _ => return Ok(op),
            },
            _ => return Ok(op),
        };
        Ok(Rc::new(Op { wire: op.wire, action: Action::AppError(plan) }))
    }

    /// An `*AppError` as a result: nil, a map, or a text, which is an internal error of the plugin. Returns whether it is nil.
    pub(super) fn app_error_result(
        &mut self,
        plan: usize,
        reader: &mut Reader<'_>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<bool, Error> {
        let start = reader.clone();
        match reader.token()? {
            Token::Nil => return Ok(true),
            Token::Str(text) => self.plain_app_error(plan, text, out)?,
            Token::Map(_) => {
                *reader = start;
                self.app_error_fields(plan, reader, out, depth)?;
            }
            other => return Err(Error::expected("an error", other.name())),
        }
        Ok(false)
    }

    /// An `error`: a text becomes an `ErrorString`, a map what its `kind` says. Returns whether it is nil.
    pub(super) fn error_interface(
        &mut self,
        reader: &mut Reader<'_>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<bool, Error> {
        check_depth(depth)?;
        let start = reader.clone();
        match reader.token()? {
            Token::Nil => {
                varint::put_uint(out, 0);
                return Ok(true);
            }
            Token::Str(text) => self.error_string(text, 0, out)?,
            Token::Map(count) => match error_map(reader, count)? {
                map if map.app => self.app_error(&mut start.clone(), out, depth)?,
                map => self.error_string(map.message, map.code, out)?,
            },
            other => return Err(Error::expected("an error", other.name())),
        }
        Ok(false)
    }

    /// The error result of a handler that raised an AppError, whose map is at the reader.
    pub(super) fn app_failure(&mut self, op: &Op, reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        match op.action {
            Action::AppError(plan) => self.app_error_fields(plan, reader, out, 0),
            _ => self.app_error(reader, out, 0),
        }
    }

    /// The error result of a handler that raised anything else.
    pub(super) fn text_failure(&mut self, op: &Op, message: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        match op.action {
            Action::AppError(plan) => self.plain_app_error(plan, message, out),
            _ => self.error_string(message, 0, out),
        }
    }

    /// An `*AppError` inside an `error`.
    fn app_error(&mut self, reader: &mut Reader<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Error> {
        const NAME: &str = "*model.AppError";
        let (plan, wire) = self.registered_struct(NAME)?;
        put_interface_head(NAME.as_bytes(), wire, out);
        let length = begin_length(out);
        self.app_error_fields(plan, reader, out, depth)?;
        end_length(out, length);
        Ok(())
    }

    /// The fields of an AppError; keys that it does not have (`kind`) are passed over.
    fn app_error_fields(
        &mut self,
        plan: usize,
        reader: &mut Reader<'_>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        let plan = Rc::clone(&self.structs[plan]);
        let slots = read_slots(&plan, reader, true)?;
        self.structure(&plan, &slots, out, depth + 1)
    }

    /// An AppError that says no more than a text.
    fn plain_app_error(&mut self, plan: usize, message: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let mut map = Vec::new();
        msgpack::put_map_len(&mut map, 3);
        msgpack::put_str(&mut map, "id");
        msgpack::put_str(&mut map, "plugin.hook_failed");
        msgpack::put_str(&mut map, "message");
        msgpack::put_str_lossy(&mut map, message);
        msgpack::put_str(&mut map, "status_code");
        msgpack::put_uint(&mut map, 500);
        self.app_error_fields(plan, &mut Reader::new(&map), out, 0)
    }

    /// An `*ErrorString{Code int; Err string}` inside an `error`.
    fn error_string(&mut self, text: &[u8], code: i64, out: &mut Vec<u8>) -> Result<(), Error> {
        const NAME: &str = "*plugin.ErrorString";
        let (_, wire) = self.registered_struct(NAME)?;
        put_interface_head(NAME.as_bytes(), wire, out);
        let length = begin_length(out);
        if code != 0 {
            varint::put_uint(out, 1);
            varint::put_int(out, code);
        }
        if !text.is_empty() {
            varint::put_uint(out, if code == 0 { 2 } else { 1 });
            varint::put_bytes(out, text);
        }
        varint::put_uint(out, 0);
        end_length(out, length);
        Ok(())
    }

    /// The plan and our own definition of a struct that is registered under `name`.
    fn registered_struct(&mut self, name: &'static str) -> Result<(usize, TypeId), Error> {
        let unknown = || Error::invalid(Problem::Wire { expected: name });
        let kind = behind_pointers(registered_kind(name.as_bytes()).ok_or_else(unknown)?);
        let wire = self.types.own(kind);
        let Kind::Struct(schema) = kind else { return Err(unknown()) };
        Ok((self.struct_plan(schema, wire)?, wire))
    }
}

/// Reads the entries of an error's map; others than these belong to an AppError.
fn error_map<'a>(reader: &mut Reader<'a>, count: usize) -> Result<ErrorMap<'a>, Error> {
    let mut map = ErrorMap::default();
    for _ in 0..count {
        let key = reader.token()?;
        let value = Reader::new(reader.raw()?).token()?;
        match (key, value) {
            (Token::Str(b"kind"), Token::Str(kind)) => map.app = kind == b"app",
            (Token::Str(b"message"), Token::Str(text)) => map.message = text,
            (Token::Str(b"code"), Token::Int(number)) => map.code = number,
            _ => {}
        }
    }
    Ok(map)
}
