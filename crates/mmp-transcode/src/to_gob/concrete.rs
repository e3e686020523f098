//! The concrete types that an interface can hold: those registered by Mattermost, and those that gob registers itself.

use crate::error::Error;
use crate::generated::{ANY_KEYS, ANY_TYPES, REGISTERED};
use crate::msgpack::{Reader, Token};
use crate::schema::{AnyKey, AnyType, Kind, Struct};

/// The slices of basic types that gob registers itself and a changed value can keep.
static BASIC_SLICES: &[(&str, Kind)] = &[
    ("[]bool", Kind::List(&Kind::Bool)),
    ("[]float32", Kind::List(&Kind::Float(32))),
    ("[]float64", Kind::List(&Kind::Float(64))),
    ("[]int", Kind::List(&Kind::Int(64))),
    ("[]int16", Kind::List(&Kind::Int(16))),
    ("[]int32", Kind::List(&Kind::Int(32))),
    ("[]int64", Kind::List(&Kind::Int(64))),
    ("[]int8", Kind::List(&Kind::Int(8))),
    ("[]string", Kind::List(&Kind::String)),
    ("[]uint", Kind::List(&Kind::Uint(64))),
    ("[]uint16", Kind::List(&Kind::Uint(16))),
    ("[]uint32", Kind::List(&Kind::Uint(32))),
    ("[]uint64", Kind::List(&Kind::Uint(64))),
];

/// The keys of a field of a struct whose values travel under a registered name.
pub(super) fn named_keys(schema: &str, field: &str) -> Vec<&'static AnyKey> {
    ANY_KEYS.iter().filter(|rule| rule.owner == schema && rule.field == field).collect()
}

/// The name of the type for the value at the reader, if it can be of that type.
pub(super) fn name_for(rule: &AnyKey, reader: Reader<'_>) -> Result<Option<&'static str>, Error> {
    let Some(kind) = registered_kind(rule.name.as_bytes()) else { return Ok(None) };
    let fits = looks_like(kind, reader.clone())? && (!rule.if_fitting || has_only_known_keys(kind, reader)?);
    Ok(fits.then_some(rule.name))
}

/// The rule that says which registered struct a field holds.
pub(super) fn any_type(schema: &str, field: &str) -> Option<&'static AnyType> {
    ANY_TYPES.iter().find(|rule| rule.owner == schema && rule.field == field)
}

/// Whether a field of `any` holds a value for a database: Go's drivers take integers as `int64` and no other type (`driver.IsValue`), and
/// the server passes what it gets on to its driver as it is.
pub(super) fn is_sql_value(schema: &str, field: &str) -> bool {
    (schema, field) == ("NamedValue", "Value")
}

/// The kind that Mattermost registers under a name.
pub(super) fn registered_kind(name: &[u8]) -> Option<&'static Kind> {
    REGISTERED.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, kind)| kind)
}

/// The kind of a slice of a basic type.
pub(super) fn basic_slice_kind(name: &[u8]) -> Option<&'static Kind> {
    BASIC_SLICES.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, kind)| kind)
}

/// Whether a value can be of a kind: a list or a map where the kind is one; for a struct, a map that has no other keys; for a list of structs, maps.
pub(super) fn looks_like(kind: &'static Kind, mut reader: Reader<'_>) -> Result<bool, Error> {
    Ok(match (behind_pointers(kind), reader.token()?) {
        (Kind::Map(..), Token::Map(_)) => true,
        (Kind::Struct(schema), Token::Map(count)) => count > 0 && has_only_keys_of(schema, &mut reader, count)?,
        (Kind::List(item), Token::Array(count)) => match behind_pointers(item) {
            Kind::Struct(_) => all_maps(&mut reader, count)?,
            _ => true,
        },
        _ => false,
    })
}

/// The kind that pointers point to in the end.
pub(super) fn behind_pointers(mut kind: &'static Kind) -> &'static Kind {
    while let Kind::Ptr(inner) = kind {
        kind = inner;
    }
    kind
}

fn has_only_keys_of(schema: &Struct, reader: &mut Reader<'_>, count: usize) -> Result<bool, Error> {
    for _ in 0..count {
        let Token::Str(key) = reader.token()? else { return Ok(false) };
        if !schema.fields.iter().any(|field| field.key.as_bytes() == key) {
            return Ok(false);
        }
        reader.raw()?;
    }
    Ok(true)
}

fn all_maps(reader: &mut Reader<'_>, count: usize) -> Result<bool, Error> {
    for _ in 0..count {
        if !matches!(Reader::new(reader.raw()?).token()?, Token::Map(_)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether no struct at the reader, one or a list of them, has a key that the kind does not have.
fn has_only_known_keys(kind: &'static Kind, mut reader: Reader<'_>) -> Result<bool, Error> {
    Ok(match (behind_pointers(kind), reader.token()?) {
        (Kind::Struct(schema), Token::Map(count)) => has_only_keys_of(schema, &mut reader, count)?,
        (Kind::List(item), Token::Array(count)) => {
            for _ in 0..count {
                if !has_only_known_keys(item, Reader::new(reader.raw()?))? {
                    return Ok(false);
                }
            }
            true
        }
        _ => true,
    })
}
