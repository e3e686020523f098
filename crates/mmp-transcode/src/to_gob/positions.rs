//! How the positions of a frame's array become the fields of an RPC struct, or the value that a few methods send instead of one.

use std::rc::Rc;

use mmp_gob::{TypeId, varint};

use super::ToGob;
use super::plan::Op;
use crate::error::{Error, Problem};
use crate::msgpack::{self, Malformed, Reader, Token};
use crate::schema::{Kind, Method, Slot};

/// Nil in MessagePack.
pub(super) const NIL: &[u8] = &[0xc0];

/// A position that the frame does not have.
pub(super) const LEFT_OUT: &[u8] = &[];

/// What the numbers of streams are.
static STREAM_NUMBER: Kind = Kind::Uint(32);

/// The plan of a method's arguments or results.
#[derive(Debug)]
pub(super) struct PositionalPlan {
    pub(super) wire: TypeId,
    /// In ascending order of the field.
    pub(super) fields: Vec<PositionalField>,
    /// Whether the one position is the whole RPC value.
    bare: bool,
}

/// Where one field of an RPC struct comes from.
#[derive(Debug)]
pub(super) struct PositionalField {
    pub(super) field: usize,
    pub(super) position: usize,
    pub(super) op: Rc<Op>,
}

impl ToGob {
    /// The plan of a method's arguments; the numbers of the streams are the positions after the last of them.
    pub(super) fn args_plan(&mut self, method: &'static Method) -> Result<Rc<PositionalPlan>, Error> {
        self.positional_plan(&method.rpc_args, |this| {
            let mut fields = this.slot_fields(method.args)?;
            for (position, stream) in (method.args.len()..).zip(method.streams) {
                let op = this.own_op(&STREAM_NUMBER)?;
                fields.push(PositionalField { field: stream.field.into(), position, op });
            }
            Ok(fields)
        })
    }

    /// The plan of a method's results; the error is the position after the last of them.
    pub(super) fn results_plan(&mut self, method: &'static Method) -> Result<Rc<PositionalPlan>, Error> {
        self.positional_plan(&method.rpc_returns, |this| {
            let mut fields = this.slot_fields(method.results)?;
            if let Some(slot) = &method.error {
                let op = this.error_op(slot)?;
                fields.push(PositionalField { field: slot.field.into(), position: method.results.len(), op });
            }
            Ok(fields)
        })
    }

    fn positional_plan(
        &mut self,
        rpc: &'static Kind,
        fields: impl FnOnce(&mut Self) -> Result<Vec<PositionalField>, Error>,
    ) -> Result<Rc<PositionalPlan>, Error> {
        let key = std::ptr::from_ref(rpc) as usize;
        if let Some(plan) = self.positional.get(&key) {
            return Ok(Rc::clone(plan));
        }
        let wire = self.types.own(rpc);
        let mut fields = fields(self)?;
        fields.sort_by_key(|field| field.field);
        let plan = Rc::new(PositionalPlan { wire, fields, bare: !matches!(rpc, Kind::Struct(_)) });
        self.positional.insert(key, Rc::clone(&plan));
        Ok(plan)
    }

    fn slot_fields(&mut self, slots: &'static [Slot]) -> Result<Vec<PositionalField>, Error> {
        let field = |(position, slot): (usize, &'static Slot)| {
            Ok(PositionalField { field: slot.field.into(), position, op: self.own_op(&slot.kind)? })
        };
        slots.iter().enumerate().map(field).collect()
    }

    /// The fields whose positions are there, and the end marker; or the bare value. `skip` is a position that stays out. `locate` puts the
    /// position into an error.
    pub(super) fn contents(
        &mut self,
        plan: &PositionalPlan,
        values: &[&[u8]],
        skip: Option<usize>,
        out: &mut Vec<u8>,
        locate: impl Fn(Error, usize) -> Error,
    ) -> Result<(), Error> {
        if plan.bare {
            return self.bare_value(plan, values, out).map_err(|error| locate(error, 0));
        }
        let mut previous = -1;
        for field in &plan.fields {
            if skip != Some(field.position)
                && let Some(raw) = values.get(field.position)
                && *raw != LEFT_OUT
            {
                let done = self.field_at(field, &mut previous, raw, out);
                done.map_err(|error| locate(error, field.position))?;
            }
        }
        varint::put_uint(out, 0);
        Ok(())
    }

    /// A whole value that is no struct: a zero byte where a struct would have its first field's number, and the value, even if it is zero
    /// (`Encoder.encodeSingle`).
    fn bare_value(&mut self, plan: &PositionalPlan, values: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Error> {
        out.push(0);
        match (plan.fields.first(), values.first()) {
            (Some(field), Some(raw)) => self.item(&field.op, &mut Reader::new(raw), out, 0),
            // The zero of every type that methods send bare (bool, numbers, strings, lists) is one byte.
            _ => {
                out.push(0);
                Ok(())
            }
        }
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

/// The numbers of a call's streams as MessagePack.
pub(super) fn stream_numbers(method: &Method, streams: &[u32]) -> Result<Vec<Vec<u8>>, Error> {
    if streams.len() > method.streams.len() {
        return Err(Error::invalid(Problem::Count { expected: method.streams.len(), found: streams.len() }));
    }
    let number = |stream: &u32| {
        let mut number = Vec::new();
        msgpack::put_uint(&mut number, u64::from(*stream));
        number
    };
    Ok(streams.iter().map(number).collect())
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
