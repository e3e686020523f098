//! Errors: section 6 of the frame protocol has them as maps, `errors.proto` as messages.

use super::at_end;
use super::scalars::checked;
use super::structs::{Unknown, structure};
use crate::error::Error;
use crate::generated::types::APP_ERROR;
use crate::msgpack::{Reader, Token};
use crate::proto::tables::{ERROR_APP, ERROR_PLAIN, GO_ERROR};
use crate::proto::wire::{begin_length, end_length, put_bytes};
use crate::schema::Struct;

/// `GoError.message`.
const MESSAGE: u32 = 1;

/// The map of an error as the contents of an `AppError`.
pub(in crate::proto) fn app_error(map: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    whole(&APP_ERROR, map, out)
}

/// The map of an error as the contents of a `GoError`.
pub(in crate::proto) fn go_error(map: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    whole(&GO_ERROR, map, out)
}

fn whole(schema: &Struct, map: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let mut reader = Reader::new(map);
    fields(schema, &mut reader, out, 0)?;
    at_end(&reader)
}

/// An `error` as a field: a text is a plain error, a map what its `kind` says.
pub(super) fn field(number: u32, reader: &mut Reader<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Error> {
    let start = reader.clone();
    let token = reader.token()?;
    if token == Token::Nil {
        return Ok(());
    }
    let mark = begin_length(out, number);
    match token {
        Token::Str(text) => {
            let plain = begin_length(out, ERROR_PLAIN);
            put_bytes(out, MESSAGE, checked(text)?);
            end_length(out, plain);
        }
        Token::Map(count) => {
            let (number, schema) =
                if is_app(reader, count)? { (ERROR_APP, &APP_ERROR) } else { (ERROR_PLAIN, &GO_ERROR) };
            *reader = start;
            let alternative = begin_length(out, number);
            fields(schema, reader, out, depth + 1)?;
            end_length(out, alternative);
        }
        other => return Err(Error::expected("an error", other.name())),
    }
    end_length(out, mark);
    Ok(())
}

/// The fields that the schema has; `kind`, and what only the other kind of error has, is passed over.
fn fields(schema: &Struct, reader: &mut Reader<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Error> {
    match reader.token()? {
        Token::Map(count) => structure(schema, count, Unknown::Skip, reader, out, depth),
        other => Err(Error::expected("an error", other.name())),
    }
}

/// Whether the entries at the reader say that the error is an AppError; the reader moves on.
fn is_app(reader: &mut Reader<'_>, count: usize) -> Result<bool, Error> {
    let mut app = false;
    for _ in 0..count {
        let key = reader.token()?;
        let value = Reader::new(reader.raw()?).token()?;
        if let (Token::Str(b"kind"), Token::Str(kind)) = (key, value) {
            app = kind == b"app";
        }
    }
    Ok(app)
}
