//! How the positions of a frame's array become the fields of an RPC struct.

use std::rc::Rc;

use mmp_gob::{TypeId, varint};

use super::ToGob;
use super::plan::Op;
use crate::error::{Error, Problem};
use crate::msgpack::{Malformed, Reader, Token};
use crate::schema::{Kind, Method, Slot};

/// Nil in MessagePack.
pub(super) const NIL: &[u8] = &[0xc0];

/// The plan of a method's arguments or results.
#[derive(Debug)]
pub(super) struct PositionalPlan {
    pub(super) wire: TypeId,
    /// In ascending order of the field.
    pub(super) fields: Vec<PositionalField>,
}

/// Where one field of an RPC struct comes from.
#[derive(Debug)]
pub(super) struct PositionalField {
    pub(super) field: usize,
    pub(super) position: usize,
    pub(super) op: Rc<Op>,
}

impl ToGob {
    /// The plan of a method's arguments.
    pub(super) fn args_plan(&mut self, method: &'static Method) -> Result<Rc<PositionalPlan>, Error> {
        self.positional_plan(&method.rpc_args, method.args, None)
    }

    /// The plan of a method's results; the error is the position after the last of them.
    pub(super) fn results_plan(&mut self, method: &'static Method) -> Result<Rc<PositionalPlan>, Error> {
        self.positional_plan(&method.rpc_returns, method.results, method.error.as_ref())
    }

    fn positional_plan(
        &mut self,
        rpc: &'static Kind,
        slots: &'static [Slot],
        error: Option<&'static Slot>,
    ) -> Result<Rc<PositionalPlan>, Error> {
        let key = std::ptr::from_ref(rpc) as usize;
        if let Some(plan) = self.positional.get(&key) {
            return Ok(Rc::clone(plan));
        }
        let wire = self.types.own(rpc);
        let mut fields = Vec::new();
        for (position, slot) in slots.iter().enumerate() {
            fields.push(PositionalField { field: slot.field.into(), position, op: self.own_op(&slot.kind)? });
        }
        if let Some(slot) = error {
            let op = self.error_op(slot)?;
            fields.push(PositionalField { field: slot.field.into(), position: slots.len(), op });
        }
        fields.sort_by_key(|field| field.field);
        let plan = Rc::new(PositionalPlan { wire, fields });
        self.positional.insert(key, Rc::clone(&plan));
        Ok(plan)
    }

    /// The fields whose positions are there, and the end marker; `skip` is a position that stays out. `locate` puts the position into an error.
    pub(super) fn fields_at(
        &mut self,
        plan: &PositionalPlan,
        values: &[&[u8]],
        skip: Option<usize>,
        out: &mut Vec<u8>,
        locate: impl Fn(Error, usize) -> Error,
    ) -> Result<(), Error> {
        let mut previous = -1;
        for field in &plan.fields {
            if skip != Some(field.position)
                && let Some(raw) = values.get(field.position)
            {
                let done = self.field_at(field, &mut previous, raw, out);
                done.map_err(|error| locate(error, field.position))?;
            }
        }
        varint::put_uint(out, 0);
        Ok(())
    }

    /// A field of an RPC struct, unless its value is zero.
    pub(super) fn field_at(
        &mut self,
        field: &PositionalField,
        previous: &mut i64,
        raw: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let start = out.len();
        varint::put_uint(out, (field.field as i64 - *previous) as u64);
        if self.value(&field.op, &mut Reader::new(raw), out, 0)? {
            out.truncate(start);
        } else {
            *previous = field.field as i64;
        }
        Ok(())
    }
}

/// The items of a frame's array; `limit` is how many the method has.
pub(super) fn positions(payload: &[u8], limit: usize) -> Result<Vec<&[u8]>, Error> {
    let mut reader = Reader::new(payload);
    let count = match reader.token()? {
        Token::Array(count) if count <= limit => count,
        Token::Array(found) => return Err(Error::invalid(Problem::Count { expected: limit, found })),
        other => return Err(Error::expected("a list of values", other.name())),
    };
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        values.push(reader.raw()?);
    }
    if !reader.is_empty() {
        return Err(Malformed::Trailing.into());
    }
    Ok(values)
}

/// Refuses a nil, or nothing, where the server would dereference it.
pub(super) fn check_nil(slots: &[Slot], values: &[&[u8]]) -> Result<(), Error> {
    for (position, slot) in slots.iter().enumerate() {
        let nil = values.get(position).is_none_or(|raw| *raw == NIL);
        if nil && !slot.nil_ok && matches!(slot.kind, Kind::Ptr(_)) {
            return Err(Error::invalid(Problem::Nil).in_field(slot.name));
        }
    }
    Ok(())
}
