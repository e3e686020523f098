//! Decodes `Request` and `Response`, by a plan made once per wire type.

use mmp_gob::{Cursor, Error, TypeId, Types, WireType, ids};

/// Capacity that a text keeps from one header to the next.
const KEPT_TEXT: usize = 1024;

/// What a field of the wire type means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Method,
    Seq,
    Error,
    /// Of another version of net/rpc.
    Unknown(TypeId),
}

/// The fields of one wire type, in its order.
#[derive(Debug)]
struct Plan {
    type_id: TypeId,
    fields: Box<[Field]>,
}

impl Plan {
    /// Matches fields by name, as gob does.
    fn new(type_id: TypeId, types: &Types) -> Result<Self, Error> {
        let wire = types.find(type_id)?;
        let WireType::Struct { fields, .. } = &**wire else {
            return Err(not_a_header(types, type_id));
        };
        let plan: Box<[Field]> = fields
            .iter()
            .map(|field| match (&*field.name, field.id) {
                ("ServiceMethod", ids::STRING) => Ok(Field::Method),
                ("Seq", ids::UINT) => Ok(Field::Seq),
                ("Error", ids::STRING) => Ok(Field::Error),
                ("ServiceMethod" | "Seq" | "Error", _) => Err(not_a_header(types, type_id)),
                (_, id) => Ok(Field::Unknown(id)),
            })
            .collect::<Result<_, _>>()?;
        // A header that lost its sequence number could answer the wrong call, so a struct without one is no header.
        if !plan.contains(&Field::Seq) {
            return Err(not_a_header(types, type_id));
        }
        Ok(Self { type_id, fields: plan })
    }
}

fn not_a_header(types: &Types, type_id: TypeId) -> Error {
    let found = types.describe(type_id);
    Error::Rejected(format!("{found} where a net/rpc header is due").into())
}

/// The header read last, with its buffers.
#[derive(Debug, Default)]
pub(super) struct HeadReader {
    plan: Option<Plan>,
    /// `ServiceMethod`; empty if it was not asked for.
    pub(super) method: String,
    pub(super) seq: u64,
    pub(super) error: String,
}

impl HeadReader {
    /// Whether a value of this type is another header like the last one.
    pub(super) fn is_header(&self, type_id: TypeId) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.type_id == type_id)
    }

    /// Reads a header. A client does not look at the method that an answer repeats, so keeping it is optional.
    pub(super) fn read(
        &mut self,
        type_id: TypeId,
        cursor: &mut Cursor<'_>,
        types: &mut Types,
        keep_method: bool,
    ) -> Result<(), Error> {
        if !self.is_header(type_id) {
            self.plan = Some(Plan::new(type_id, types)?);
        }
        self.seq = 0;
        clear(&mut self.method);
        clear(&mut self.error);
        let Some(plan) = &self.plan else {
            return Err(Error::UndefinedType(type_id));
        };
        let mut number = -1;
        while let Some(next) = cursor.field(number)? {
            number = next;
            let field =
                usize::try_from(number).ok().and_then(|n| plan.fields.get(n)).ok_or(Error::FieldRange(number))?;
            match *field {
                Field::Method if keep_method => put_text(&mut self.method, cursor.bytes()?),
                Field::Method => drop(cursor.bytes()?),
                Field::Seq => self.seq = cursor.uint()?,
                Field::Error => put_text(&mut self.error, cursor.bytes()?),
                Field::Unknown(id) => cursor.skip(types, id)?,
            }
        }
        Ok(())
    }
}

fn clear(text: &mut String) {
    text.clear();
    text.shrink_to(KEPT_TEXT);
}

fn put_text(text: &mut String, bytes: &[u8]) {
    match str::from_utf8(bytes) {
        Ok(valid) => text.push_str(valid),
        Err(_) => text.push_str(&String::from_utf8_lossy(bytes)),
    }
}
