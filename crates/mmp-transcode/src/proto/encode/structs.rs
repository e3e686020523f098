//! Structs: the entries of a frame's map become the fields of a message.

use super::{Place, field};
use crate::error::{Error, Problem};
use crate::limits::check_depth;
use crate::msgpack::{Reader, Token};
use crate::proto::tables::embedded_struct;
use crate::proto::wire::{begin_length, end_length};
use crate::schema::{Field, Struct};

/// What is done with a key that the struct does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::proto) enum Unknown {
    /// It is an error.
    Refuse,
    /// It is passed over.
    Skip,
    /// It is left to the struct that embeds this one.
    Leave,
}

/// The contents of the message that the map with `count` entries at the reader becomes.
pub(in crate::proto) fn structure(
    schema: &Struct,
    count: usize,
    unknown: Unknown,
    reader: &mut Reader<'_>,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), Error> {
    check_depth(depth)?;
    let mut left = count;
    entries(schema, &mut left, unknown, reader, out, depth + 1)
}

/// Writes entries until none are left. Keys of an embedded struct stand among those of its parent: a run of them becomes a message of its own, and
/// several runs several messages, which protobuf merges.
fn entries(
    schema: &Struct,
    left: &mut usize,
    unknown: Unknown,
    reader: &mut Reader<'_>,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), Error> {
    let mut next = 0;
    while *left > 0 {
        let start = reader.clone();
        let key = read_key(reader)?;
        let Some(at) = locate(schema.fields, key, next) else {
            match unknown {
                Unknown::Refuse => {
                    return Err(Error::invalid(Problem::UnknownField(String::from_utf8_lossy(key).into_owned())));
                }
                Unknown::Skip => {
                    reader.raw()?;
                    *left -= 1;
                    continue;
                }
                Unknown::Leave => {
                    *reader = start;
                    return Ok(());
                }
            }
        };
        next = at + 1;
        let known = &schema.fields[at];
        if let Some(inner) = embedded_struct(known) {
            *reader = start;
            check_depth(depth)?;
            let mark = begin_length(out, known.tag);
            entries(inner, left, Unknown::Leave, reader, out, depth + 1)?;
            end_length(out, mark);
        } else {
            *left -= 1;
            field(known.tag, &known.kind, Place::Field, reader, out, depth)
                .map_err(|error| error.in_field(known.key))?;
        }
    }
    Ok(())
}

/// The field that has a key, or whose embedded struct has it. Keys usually come in the order of the schema, so the search begins at `next`.
#[inline]
fn locate(fields: &[Field], key: &[u8], next: usize) -> Option<usize> {
    let (before, after) = fields.split_at_checked(next)?;
    let found = after.iter().position(|field| has(field, key)).map(|at| at + next);
    found.or_else(|| before.iter().position(|field| has(field, key)))
}

#[inline]
fn has(field: &Field, key: &[u8]) -> bool {
    match embedded_struct(field) {
        Some(inner) => inner.fields.iter().any(|field| has(field, key)),
        None => field.key.as_bytes() == key,
    }
}

fn read_key<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Error> {
    match reader.token()? {
        Token::Str(key) => Ok(key),
        other => Err(Error::expected("a string as key", other.name())),
    }
}
