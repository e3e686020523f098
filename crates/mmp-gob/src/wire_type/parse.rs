//! Reading definitions.

use std::sync::Arc;

use super::{WireField, WireType};
use crate::cursor::Cursor;
use crate::error::Error;
use crate::ids::TypeId;

impl WireType {
    /// Reads the value of a definition, which follows the negative id.
    pub(crate) fn parse(c: &mut Cursor<'_>) -> Result<Self, Error> {
        let Some(variant) = c.field(-1)? else {
            return Err(Error::BadDefinition("no type given"));
        };
        let parts = Parts::parse(c, variant)?;
        if c.field(variant)?.is_some() {
            return Err(Error::BadDefinition("more than one type given"));
        }
        parts.finish(variant)
    }
}

/// What the seven described types hold between them.
#[derive(Default)]
struct Parts {
    name: Arc<str>,
    first: i64,
    second: i64,
    fields: Vec<WireField>,
}

impl Parts {
    fn parse(c: &mut Cursor<'_>, variant: i64) -> Result<Self, Error> {
        let mut parts = Self::default();
        let mut previous = -1;
        while let Some(n) = c.field(previous)? {
            match (n, variant) {
                (0, _) => parts.name = parse_common(c)?,
                (1, 2) => parts.fields = parse_fields(c)?,
                (1, 0 | 1 | 3) => parts.first = c.int()?,
                (2, 0 | 3) => parts.second = c.int()?,
                _ => return Err(Error::BadDefinition("unknown field")),
            }
            previous = n;
        }
        Ok(parts)
    }

    fn finish(self, variant: i64) -> Result<WireType, Error> {
        let Self { name, first, second, fields } = self;
        Ok(match variant {
            0 => {
                let len = usize::try_from(second).map_err(|_| Error::BadDefinition("negative array length"))?;
                WireType::Array { name, elem: referred(first)?, len }
            }
            1 => WireType::Slice { name, elem: referred(first)? },
            2 => WireType::Struct { name, fields: fields.into() },
            3 => WireType::Map { name, key: referred(first)?, elem: referred(second)? },
            4 => WireType::GobEncoder { name },
            5 => WireType::BinaryMarshaler { name },
            6 => WireType::TextMarshaler { name },
            _ => return Err(Error::BadDefinition("unknown kind of type")),
        })
    }
}

/// Checks the id that a definition refers to; the type itself may be defined later.
fn referred(id: i64) -> Result<TypeId, Error> {
    TypeId::try_from(id).ok().filter(|&id| id > 0).ok_or(Error::BadTypeId(id))
}

fn text(c: &mut Cursor<'_>) -> Result<Arc<str>, Error> {
    Ok(String::from_utf8_lossy(c.bytes()?).into())
}

/// Reads `CommonType` and returns its name; its id repeats the one before the definition.
fn parse_common(c: &mut Cursor<'_>) -> Result<Arc<str>, Error> {
    let mut name = Arc::default();
    let mut previous = -1;
    while let Some(n) = c.field(previous)? {
        match n {
            0 => name = text(c)?,
            1 => {
                c.int()?;
            }
            _ => return Err(Error::BadDefinition("unknown field")),
        }
        previous = n;
    }
    Ok(name)
}

fn parse_fields(c: &mut Cursor<'_>) -> Result<Vec<WireField>, Error> {
    let count = c.count()?;
    if count > c.remaining() {
        return Err(Error::Truncated);
    }
    // A field takes six bytes at least: two deltas, a name of one letter with its length, an id, the end marker.
    let mut fields = Vec::with_capacity(count.min(c.remaining() / 6));
    for _ in 0..count {
        fields.push(parse_field(c)?);
    }
    Ok(fields)
}

fn parse_field(c: &mut Cursor<'_>) -> Result<WireField, Error> {
    let mut name = Arc::<str>::default();
    let mut id = 0;
    let mut previous = -1;
    while let Some(n) = c.field(previous)? {
        match n {
            0 => name = text(c)?,
            1 => id = c.int()?,
            _ => return Err(Error::BadDefinition("unknown field")),
        }
        previous = n;
    }
    if name.is_empty() {
        return Err(Error::BadDefinition("a field without a name"));
    }
    Ok(WireField { name, id: referred(id)? })
}
