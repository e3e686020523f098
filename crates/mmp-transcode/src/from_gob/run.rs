//! Running a plan: from the bytes of a gob value to MessagePack.

use std::rc::Rc;

use mmp_gob::{Cursor, Types};

use super::FromGob;
use super::plan::{Action, FieldOp, Op};
use crate::error::{Error, Problem};
use crate::limits::check_depth;
use crate::{json, msgpack, time};

impl FromGob {
    /// Transcodes one value.
    pub(super) fn run(
        &mut self,
        op: &Op,
        cursor: &mut Cursor<'_>,
        types: &mut Types,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        match &op.action {
            Action::Bool => msgpack::put_bool(out, cursor.bool()?),
            Action::Int => msgpack::put_int(out, cursor.int()?),
            Action::Uint => msgpack::put_uint(out, cursor.uint()?),
            Action::Float => msgpack::put_f64(out, cursor.float()?),
            Action::Str | Action::Url => msgpack::put_str_lossy(out, cursor.bytes()?),
            Action::Bytes | Action::Opaque => msgpack::put_bin(out, cursor.bytes()?),
            Action::Json => json::to_msgpack(cursor.bytes()?, out),
            Action::Time => time::gob_to_msgpack(cursor.bytes()?, out)?,
            Action::Any | Action::Error => self.interface(cursor, types, out, depth + 1)?,
            Action::Struct(plan) => {
                check_depth(depth)?;
                let mark = msgpack::begin_map(out);
                let entries = self.fields(*plan, cursor, types, out, depth + 1)?;
                msgpack::end_map(out, mark, entries);
            }
            Action::AppError(plan) => self.error(*plan, "app", cursor, types, out)?,
            Action::PlainError(plan) => self.error(*plan, "error", cursor, types, out)?,
            Action::List(item) => {
                check_depth(depth)?;
                let count = cursor.count()?;
                msgpack::put_array_len(out, count);
                for _ in 0..count {
                    self.run(item, cursor, types, out, depth + 1)?;
                }
            }
            Action::Map(key, value) => {
                check_depth(depth)?;
                let count = cursor.count()?;
                msgpack::put_map_len(out, count);
                for _ in 0..count {
                    self.run(key, cursor, types, out, depth + 1)?;
                    self.run(value, cursor, types, out, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    /// Writes the fields that are present, without the map's head; returns how many.
    fn fields(
        &mut self,
        plan: usize,
        cursor: &mut Cursor<'_>,
        types: &mut Types,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<usize, Error> {
        let plan = Rc::clone(&self.structs[plan]);
        let mut entries = 0;
        let mut index = -1;
        while let Some(next) = cursor.field(index)? {
            index = next;
            match plan.fields.get(index as usize) {
                Some(FieldOp::Named(key, op)) => {
                    out.extend_from_slice(&key.encoded);
                    self.run(op, cursor, types, out, depth).map_err(|error| error.in_field(&key.name))?;
                    entries += 1;
                }
                Some(FieldOp::Inline(inner)) => {
                    check_depth(depth)?;
                    entries += self.fields(*inner, cursor, types, out, depth + 1)?;
                }
                Some(FieldOp::Skip(id)) => cursor.skip(types, *id)?,
                None => return Err(Error::invalid(Problem::Order)),
            }
        }
        Ok(entries)
    }

    /// The value of an interface: nil, or a concrete value whose type is named on the wire.
    fn interface(
        &mut self,
        cursor: &mut Cursor<'_>,
        types: &mut Types,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        let Some(head) = cursor.interface(types)? else {
            msgpack::put_nil(out);
            return Ok(());
        };
        let op = self.interface_op(head.name, head.id, types)?;
        self.run(&op, cursor, types, out, depth)
    }

    /// An error, as section 6 of the frame protocol has it.
    fn error(
        &mut self,
        plan: usize,
        kind: &str,
        cursor: &mut Cursor<'_>,
        types: &mut Types,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let mark = msgpack::begin_map(out);
        msgpack::put_str(out, "kind");
        msgpack::put_str(out, kind);
        let entries = self.fields(plan, cursor, types, out, 1)?;
        msgpack::end_map(out, mark, entries + 1);
        Ok(())
    }
}
